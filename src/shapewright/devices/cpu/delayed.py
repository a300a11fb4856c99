"""Kernels of tiles whose epilogue waits for the next tile and runs between the rounds of that one.

Square roots and quotients keep the processor busy for many cycles, in which it could multiply. So a tile leaves its
sums in a small place, with where they belong, and the next tile, between its own first rounds, does what should have
happened to them: a row with each round. The last tile's sums are fetched by a function of its own.
What it is not: the kernels that end their own tiles (`tiles.py`), or the decision who waits (`blocking.py`).
"""

from __future__ import annotations

from .ir import I64, PTR, SIZES, Function, Module, Register, vector
from .packing import Words
from .tiles import Block, Ending, Rounds, TileShape, awaited_tensors, begin_kernel, block_of

__all__ = ["clear", "pending_bytes", "write_delayed_kernel", "write_last_rows"]

# In front of the sums: how many rows wait, and the batch index, the row and the column where their tile begins.
_ROWS, _PLACE = 0, 1
_HEAD_BYTES = 64


def pending_bytes(rows: int, width: int, compute: str) -> int:
    """Give the memory that a waiting tile needs."""
    return _HEAD_BYTES + rows * width * SIZES[compute]


def clear(f: Function, pending: Register) -> None:
    """Say that nothing waits."""
    f.store(f.constant(0), f.address(pending, _ROWS, I64))


def write_delayed_kernel(module: Module, multiplied: Rounds, ending: Ending, count: int) -> str:
    """Write the kernel of a tile that finishes the one before it. It has as many rounds as a tile has rows, or more.

    It is for `count` rounds: the requests for what its own end reads are spread over them, since a processor has only
    some open at a time. The arguments are those of `write_tile_kernel`; the sums between blocks of k, which there are
    none of, give their place to what waits.
    """
    words, shape = multiplied.words, multiplied.shape

    def write(name: str) -> None:
        f = begin_kernel(module, name, ending)
        rounds, _, _, c, pending, *place = f.arguments[:8]
        finish = _Finish(f, shape, ending, words, c, pending, f.arguments[8:])
        own = block_of(f, shape, ending, words)
        awaited = awaited_tensors(own, c, ending)
        for pointer, operand, _ in awaited:
            own.place(pointer, operand)
        together = max(1, -(-len(awaited) * shape.rows // max(1, count - shape.rows)))
        waiting = f.load(f.address(pending, _ROWS, I64), I64)
        sums = multiplied.begun(f)
        with f.loop(0, waiting, carry=sums) as loop:
            finish.row(loop.counter)
            multiplied.one(f, loop)
        start, sums = waiting, loop.values
        for first in range(0, len(awaited), together):
            stop = f.intrinsic("smin", rounds, start + shape.rows)
            with f.loop(start, stop, carry=sums) as loop:
                own.index = loop.counter - start
                for pointer, operand, to_write in awaited[first : first + together]:
                    own.ask(pointer, operand, to_write=to_write)
                multiplied.one(f, loop)
            start, sums = stop, loop.values
        with f.loop(start, rounds, carry=sums) as loop:
            multiplied.one(f, loop)
        for i, value in enumerate(loop.values):
            f.store(value, f.address(finish.sums, i * shape.lanes, words.compute))
        f.store(f.constant(shape.rows), f.address(pending, _ROWS, I64))
        for i, number in enumerate(place):
            f.store(number, f.address(pending, _PLACE + i, I64))
        f.end()

    key = ("delayed", multiplied, ending.key(), count)
    return module.shared(key, f"delayed_{shape.rows}x{shape.columns}", write)


def write_last_rows(module: Module, words: Words, shape: TileShape, ending: Ending) -> str:
    """Write the function `(c, pending, pointers of the epilogue …)` that finishes what still waits."""

    def write(name: str) -> None:
        assert ending.epilogue is not None
        extra = [(f"extra{i}", PTR) for i in range(ending.epilogue.pointers)]
        f = module.function(name, [("c", PTR), ("pending", PTR), *extra], attributes="noinline")
        c, pending = f.arguments[:2]
        finish = _Finish(f, shape, ending, words, c, pending, f.arguments[2:])
        with f.loop(0, f.load(f.address(pending, _ROWS, I64), I64)) as loop:
            finish.row(loop.counter)
        clear(f, pending)
        f.end()

    return module.shared(("last rows", words, shape.vectors, ending.key()), "last_rows", write)


class _Finish:
    """Writes what happens to a row that waits."""

    def __init__(
        self,
        f: Function,
        shape: TileShape,
        ending: Ending,
        words: Words,
        c: Register,
        pending: Register,
        pointers: list[Register],
    ) -> None:
        assert ending.epilogue is not None
        self._epilogue, self._c, self._of_c = ending.epilogue, c, ending.c
        self._kind = vector(shape.lanes, words.compute)
        self._width = shape.width
        self.sums = f.address(pending, _HEAD_BYTES // SIZES[words.compute], words.compute)
        batch, row, column = (f.load(f.address(pending, _PLACE + i, I64), I64) for i in range(3))
        # A vector at a time: few registers are left beside the sums of the tile that is being computed.
        narrow = TileShape(shape.rows, 1, shape.lanes, shape.lanes)
        self._blocks = []
        for j in range(shape.vectors):
            place = (batch, row, column + j * shape.lanes)
            block = Block(f, narrow, place, ending.batch, ending.turned, pointers, words.compute, words.hardware)
            for number, operand in (*ending.epilogue.reads, *ending.epilogue.writes):
                block.place(pointers[number], operand)
            self._blocks.append(block)

    def row(self, index: Register) -> None:
        """Write the epilogue of a row."""
        for j, block in enumerate(self._blocks):
            f = block.function
            block.index = index
            place = f.address(self.sums, index * self._width + j * block.shape.lanes, block.compute)
            values = self._epilogue.emit(block, [f.load(place, self._kind)])
            if values is not None:
                block.write(self._c, self._of_c, values)
