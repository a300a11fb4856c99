"""The innermost kernel of a product of few rows, where both operands lie along k: vectors run along k, too.

What it is not: the kernels of tiles (`tiles.py`), or the decision between them (`blocking.py`).
"""

from __future__ import annotations

from .ir import Function, Module, Register, element, vector
from .packing import Words, load_numbers, rounded_numbers
from .tiles import Ending, TileShape, begin_kernel, block_of, finish_tile, multiply_add

__all__ = ["write_dot_kernel"]


def write_dot_kernel(
    module: Module, words: Words, kind: str, shape: TileShape, stride: int, count: int, ending: Ending
) -> tuple[str, int]:
    """Write the kernel of one row of C where both A's row and B's columns lie along k: vectors run along k.

    Args:
        module: where the function goes; the same one is written once.
        words: what is multiplied; never pairs. A's row is of its type, and rounded; B is rounded here.
        kind: the type of B's elements.
        shape: one row of one vector.
        stride: from a column of B to the next, in elements.
        count: numbers along k. What is left after the last whole round is part of the code.
        ending: what becomes of the sums.

    Returns:
        Its name, and the rounds to call it with.
    """
    assert shape.rows == 1 and shape.vectors == 1 and not words.pairs
    # A sum waits some cycles for the one before it, so few columns need several sums each.
    unroll = max(1, min(8, 8 // shape.columns))
    step = words.lanes * unroll
    tail = count % step

    def write(name: str) -> None:
        f = begin_kernel(module, name, ending)
        rounds, a, b = f.arguments[:3]
        zero = f.constant(0.0, vector(words.lanes, words.compute))

        def one_round(k: Register, present: int, sums: list[Register]) -> list[Register]:
            following = list(sums)
            for u in range(unroll):
                left = present - u * words.lanes
                if left <= 0:
                    break
                here = k + u * words.lanes
                row = load_numbers(f, f.address(a, here, words.compute), words.compute, words.lanes, left)
                first = f.address(b, here, kind)
                for c in range(shape.columns):
                    column = load_numbers(f, f.address(first, c * stride, kind), kind, words.lanes, left)
                    column = rounded_numbers(f, column, words)
                    following[c * unroll + u] = multiply_add(f, words, row, column, sums[c * unroll + u])
            return following

        with f.loop(0, rounds, carry=[zero] * (shape.columns * unroll)) as loop:
            loop.next(*one_round(loop.counter * step, step, loop.values))
        sums = one_round(rounds * step, tail, loop.values) if tail else loop.values
        columns = []
        for c in range(shape.columns):
            parts = sums[c * unroll : (c + 1) * unroll]
            while len(parts) > 1:
                parts = [x + y for x, y in zip(parts[::2], parts[1::2], strict=False)] + parts[len(parts) & ~1 :]
            columns.append(parts[0])
        finish_tile(block_of(f, shape, ending, words), [[_sums_of_lanes(f, columns, words.lanes)]], ending, words)
        f.end()

    key = ("dot", words, kind, shape, stride, tail, ending.key())
    return module.shared(key, f"dot_{shape.columns}", write), count // step


def _sums_of_lanes(f: Function, vectors: list[Register], count: int) -> Register:
    """Give the vector whose lane c is the sum of the lanes of `vectors[c]`: rounds add neighbours and halve them."""
    zero = f.constant(0.0, vector(count, element(vectors[0].type)))
    rows = vectors + [zero] * (count - len(vectors))
    step = 1
    while len(rows) > 1:
        following = []
        for first, second in zip(rows[::2], rows[1::2], strict=True):
            low = [lane if not lane & step else count + lane - step for lane in range(count)]
            high = [lane + step for lane in low]
            following.append(f.shuffle(first, second, low) + f.shuffle(first, second, high))
        rows, step = following, step * 2
    return rows[0]
