"""Chooses how a matrix product is cut: tiles, blocks that fit the caches, what is packed, which thread computes what.

Packing and blocking follow Goto and van de Geijn (2008), "Anatomy of high-performance matrix multiplication", except
that a block of B, not of A, stays in the second cache, because C is written along its rows.
What it is not: code. `matmul.py` writes it from the `Plan`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from .delayed import pending_bytes
from .ir import BF16, F32, SIZES
from .machine import Target
from .packing import Words
from .tiles import Operand

__all__ = ["Plan", "Problem", "make_plan", "whole_lines"]

# Who reads a tall result reads whole rows. Where threads share its columns, half of each row comes from another core,
# which costs more or less by where the cores are: measured, 3 % of a training step or nothing.
_TALL = 1024
_ACROSS = 1.08
# The distance at which lines fall into the same set of the first cache, of any common processor.
_SET_BYTES = 4096
# The registers that an epilogue needs beside a tile's sums, and the most rounds of which it is a part that counts.
_OF_EPILOGUE = 8
_LONG_SUMS = 512
# What a vector costs beside a product of vectors, measured: packed in other order, or as it lies. And what turning a
# product round must gain.
_TURNED = 8.0
_COPIED = 3.0
_GAIN = 0.97
# Rounds that each thread has at least, if threads share them: their sums are then put together.
_FEWEST_ROUNDS = 64


@dataclass(frozen=True)
class Problem:
    """`C[…, m, n] (+)= sum over k of A[…, m, k] * B[…, k, n]`, each matrix at its own strides.

    Args:
        m: rows of A and C.
        n: columns of B and C.
        k: columns of A, rows of B.
        a: how A lies in memory.
        b: how B lies in memory.
        c: how C lies in memory.
        batch: sizes of the batch axes.
        compute: F32 or F64: the type of the sums.
        rounded: whether the operands are rounded to bf16 first (operands that are bf16 already are not changed by it);
            allows bf16 instructions.
        accumulate: whether the product is added to C.
    """

    m: int
    n: int
    k: int
    a: Operand
    b: Operand
    c: Operand
    batch: tuple[int, ...] = ()
    compute: str = F32
    rounded: bool = False
    accumulate: bool = False

    @property
    def batches(self) -> int:
        return math.prod(self.batch)

    @property
    def is_empty(self) -> bool:
        """Whether C has no elements."""
        return 0 in (self.m, self.n, self.batches)

    @property
    def flops(self) -> int:
        return 2 * self.batches * self.m * self.n * self.k

    def transposed(self) -> Problem:
        """Give the product of the transposed matrices in the other order, whose result is C transposed."""
        a, b, c = self.b.transposed(), self.a.transposed(), self.c.transposed()
        return replace(self, m=self.n, n=self.m, a=a, b=b, c=c)


@dataclass(frozen=True)
class Plan:
    """How a problem is cut. Sizes along k are in elements, scratch memory in bytes.

    Args:
        problem: what is computed, perhaps transposed.
        turned: whether it is the transposed problem.
        flips: whether tiles of that are turned back before they are stored.
        words: what the kernels multiply.
        dot: whether vectors run along k (few rows, and B lies along k).
        row_parts: (rows of a tile, how many such tiles), in order.
        vectors: of a tile.
        k_step: k of one block.
        block_panels: panels of B in one block.
        grid: threads along the batch, m and n.
        shares_k: whether each thread first computes its part of the sums over k, for all of C.
        threads: in all.
        pack_a: "no", "rows" (each row lies along k) or "panel".
        group: tiles of A that are packed at once.
        pack_b: whether B is packed.
        delays: whether a tile's epilogue runs between the rounds of the next one (`delayed.py`).
        partial_in_c: whether C holds the sums between blocks of k.
        a_bytes: scratch of a thread for a tile of A.
        b_bytes: scratch of a thread for a block of B.
        partial_bytes: scratch of a thread for sums between blocks of k, its part of them, or those whose epilogue
            waits.
    """

    problem: Problem
    turned: bool
    flips: bool
    words: Words
    dot: bool
    row_parts: tuple[tuple[int, int], ...]
    vectors: int
    k_step: int
    block_panels: int
    grid: tuple[int, int, int]
    shares_k: bool
    threads: int
    pack_a: str
    group: int
    pack_b: bool
    delays: bool
    partial_in_c: bool
    a_bytes: int
    b_bytes: int
    partial_bytes: int

    @property
    def lanes(self) -> int:
        return self.words.lanes

    @property
    def width(self) -> int:
        """Columns of a panel."""
        return self.vectors * self.lanes

    @property
    def panels(self) -> int:
        return _ceil(self.problem.n, self.width)

    @property
    def k_blocks(self) -> int:
        return max(1, _ceil(self.problem.k, self.k_step))

    @property
    def k_of_thread(self) -> int:
        """K of each thread but the last, which may have less."""
        return _ceil(self.problem.k, self.threads)

    @property
    def pitch(self) -> int:
        """Words from a packed row of A to the next: an odd number of vectors, to use all sets of the cache."""
        vectors = _ceil(_words(self.k_step, self.words), self.lanes)
        return (vectors | 1) * self.lanes

    @property
    def scratch_bytes(self) -> int:
        """Scratch memory of all threads, which begins at a cache line."""
        return self.threads * (self.a_bytes + self.partial_bytes + self.b_bytes)


def _words(k: int, words: Words) -> int:
    return _ceil(k, words.elements)


def _ceil(size: int, part: int) -> int:
    return -(-size // part)


def whole_lines(size: int) -> int:
    """Round up to whole cache lines, and one more, so that neighbours do not share one."""
    return (size + 127) & ~63 if size else 0


def split(size: int, largest: int, multiple: int = 1) -> tuple[tuple[int, int], ...]:
    """Cut `size` into tiles as even as can be, none above `largest`, their number a multiple where that is possible."""
    tiles = _ceil(size, largest)
    tiles = min(size, _ceil(tiles, multiple) * multiple)
    low, more = divmod(size, tiles)
    return tuple(part for part in ((low + 1, more), (low, tiles - more)) if part[1] and part[0])


@lru_cache(maxsize=4096)
def make_plan(
    problem: Problem,
    target: Target,
    threads: int,
    *,
    has_epilogue: bool = False,
    is_slow: bool = False,
    b_changes: bool = False,
) -> Plan:
    """Choose how to cut a problem.

    Args:
        problem: the product.
        target: the processor.
        threads: how many threads there are.
        has_epilogue: whether an epilogue follows; C then holds no sums meanwhile, as it may be what the
            epilogue reads.
        is_slow: whether that takes roots or quotients.
        b_changes: whether B is written between one run and the next.
    """
    turned = (problem.c.column != 1 and problem.c.row == 1) or (problem.n == 1 and problem.m > 1)
    if turned:
        problem = problem.transposed()
    flips = not turned and _gains_by_flipping(problem, target)
    if flips:
        problem, turned = problem.transposed(), True
    words, dot = _words_of(problem, target)
    lanes = words.lanes
    most_rows, vectors = _tile(problem, target, lanes, threads)
    # The longer the sums, the less there is to gain.
    delays = is_slow and not dot and not flips and vectors > 1 and target.registers == 32
    delays = delays and problem.n >= 2 * vectors * lanes and most_rows <= _words(problem.k, words) <= _LONG_SUMS
    if delays:
        # An epilogue in between needs registers.
        most_rows = min(most_rows, (target.registers - _OF_EPILOGUE) // vectors)
    if dot:
        most_rows, vectors = 1, 1
    is_near = not dot and _is_near(problem, words, target)
    shares_k = b_changes and is_near and not delays and threads > 1
    shares_k = shares_k and _gains_by_sharing_k(problem, words, most_rows, vectors, target, threads)
    if shares_k:
        grid = (1, 1, threads)
    else:
        grid = _grid(problem, words, most_rows, vectors, dot, is_near, threads, by_rows=flips)
    parts = ((problem.m, 1),) if problem.m == 0 else split(problem.m, most_rows, grid[1])
    tile_rows = max(rows for rows, _ in parts)
    tiles = sum(count for _, count in parts)
    width = vectors * lanes
    panels = _ceil(problem.n, width)

    most_panels = _ceil(panels, grid[2])
    pack_a = _a_packing(problem, words, panels, dot)
    # Rows that lie side by side are read together: each row of A along k is on another page.
    group = min(4, tiles) if pack_a == "panel" and problem.a.row == 1 and not dot else 1
    is_read_once = tiles == 1 and problem.b.column == 1 and _is_direct(problem.b, problem, words)
    pack_b = not dot and not is_read_once and not is_near
    size = SIZES[words.kind]
    k_step, block_panels = max(1, problem.k), most_panels
    if pack_b:
        k_step = _k_step(problem.k, words, tile_rows, width, target)
        panel_bytes = _words(k_step, words) * size * width
        block_panels = max(1, min(most_panels, target.level2_bytes * 3 // 4 // panel_bytes))
        # Blocks as even as can be.
        block_panels = _ceil(most_panels, max(1, _ceil(most_panels, block_panels)))
    elif shares_k:
        block_panels = panels
    elif is_near:
        k_step = _k_step(problem.k, words, tile_rows, width, target)
    elif not dot and problem.k * problem.n * size > 4 * target.level2_bytes:
        # B comes from memory: whole rows in turn are read faster than parts of rows, each on another page.
        k_step = min(k_step, 8)
    k_blocks = max(1, _ceil(problem.k, k_step))
    delays = delays and k_blocks == 1
    partial_in_c = not has_epilogue and not flips and not shares_k and problem.c.kind == problem.compute
    plan = Plan(
        problem=problem,
        turned=turned,
        flips=flips,
        words=words,
        dot=dot,
        row_parts=parts,
        vectors=vectors,
        k_step=k_step,
        block_panels=block_panels,
        grid=grid,
        shares_k=shares_k,
        threads=threads,
        pack_a=pack_a,
        group=group,
        pack_b=pack_b,
        delays=delays,
        partial_in_c=partial_in_c,
        a_bytes=0,
        b_bytes=0,
        partial_bytes=0,
    )
    # A whole vector is written at the end of a panel's rows, even if only a part of it belongs there.
    held_rows = problem.m if dot else tile_rows * group
    held = {"no": 0, "rows": plan.pitch, "panel": plan.pitch if dot else _words(k_step, words) + 1}[pack_a]
    waits = shares_k or (k_blocks > 1 and not partial_in_c)
    sums = (_ceil(tiles, grid[1]) + 1) * block_panels * tile_rows * width if waits else 0
    waiting = pending_bytes(tile_rows, width, problem.compute) if delays else 0
    return replace(
        plan,
        a_bytes=whole_lines(held_rows * held * size),
        b_bytes=whole_lines(block_panels * _words(k_step, words) * size * width) if pack_b else 0,
        partial_bytes=whole_lines(sums * SIZES[problem.compute] + waiting),
    )


def _gains_by_flipping(problem: Problem, target: Target) -> bool:
    """Whether to compute the transposed product, whose tiles are turned back, for B lies along k as A does.

    Vectors run along the rows or the columns of C, and what they run along has to be turned while it is packed. Where
    there are few rows, turning A and C is less than turning B. Costs are as in `_grid`.
    """
    (words, dot), (_, other_dot) = _words_of(problem, target), _words_of(problem.transposed(), target)
    lies_along = problem.b.row == 1 and problem.b.column != 1 and problem.a.column == 1 and problem.a.row != 1
    if dot or other_dot or not lies_along:
        return False
    depth = _words(problem.k, words)
    in_rows, in_columns = _ceil(problem.m, words.lanes), _ceil(problem.n, words.lanes)
    plain = depth * in_columns * (problem.m + _TURNED)
    copied = 0.0 if _a_packing(problem.transposed(), words, 2, False) == "no" else _COPIED
    flipped = depth * (in_rows * (problem.n + _TURNED) + copied * in_columns) + _TURNED * problem.n * in_rows
    return flipped < plain * _GAIN


def _gains_by_sharing_k(
    problem: Problem, words: Words, most_rows: int, vectors: int, target: Target, threads: int
) -> bool:
    """Whether each thread should read some rows of B, and all of their columns.

    Who writes B writes rows, and lines that other cores have read must be called back first: so a core should read the
    rows that it writes. Then cores exchange sums, which must be fewer than the elements of B.
    """
    part = _ceil(problem.k, threads)
    # With as many rounds as threads, the last of them still has some.
    fewest = max(_FEWEST_ROUNDS, threads, problem.m + 1)
    is_one_block = _k_step(part, words, most_rows, vectors * words.lanes, target) >= part
    return problem.batches == 1 and part >= fewest and is_one_block


def _k_step(k: int, words: Words, rows: int, width: int, target: Target) -> int:
    """Choose k of a block: a tile of A fills most of the first cache, and a panel of B at most half of the second."""
    size = SIZES[words.kind] * _words(k, words)
    blocks = max(_ceil(size * rows, target.level1_bytes * 7 // 8), _ceil(size * width, target.level2_bytes // 2))
    return _rounded_up(_ceil(k, blocks), words.lanes * words.elements) if blocks > 1 else max(1, k)


def _words_of(problem: Problem, target: Target) -> tuple[Words, bool]:
    """Decide what the kernels multiply, and whether vectors run along k."""
    lanes = target.lanes(problem.compute)
    both_bf16 = problem.a.kind == problem.b.kind == BF16
    rounded = problem.rounded and not both_bf16
    words = Words(problem.compute, rounded, False, target.has_bf16_convert, lanes)
    # Where B lies along k, turning it round costs more than a few rows gain by it; fewer, if each rounds it again.
    along = problem.b.row == 1 and (problem.b.column != 1 or problem.n == 1)
    along = along and problem.m <= (2 if rounded and problem.b.kind != BF16 else 4) and problem.k >= lanes
    if along and SIZES[problem.b.kind] <= SIZES[problem.compute]:
        return words, True
    has_pairs = target.has_bf16_dot and target.vector_bits == 512 and problem.compute == F32
    return replace(words, pairs=has_pairs and (problem.rounded or both_bf16)), False


def _rounded_up(size: int, multiple: int) -> int:
    return _ceil(size, multiple) * multiple


def _is_direct(operand: Operand, problem: Problem, words: Words) -> bool:
    """Whether a matrix in memory already is what the kernels read."""
    if words.pairs:
        return False
    return operand.kind == problem.compute and (not words.rounded or operand.kind == BF16)


def _is_near(problem: Problem, words: Words, target: Target) -> bool:
    """Whether B can be read where it is: rows of what the kernels read, all of them together in the second cache.

    What lies within half of that cache falls into all of its sets alike, whatever the distance from row to row is.
    """
    b = problem.b
    whole = problem.n % words.lanes == 0 or target.has_masks
    bytes_ = max(0, problem.k - 1) * abs(b.row) * SIZES[b.kind] + problem.n * SIZES[b.kind]
    return b.column == 1 and whole and _is_direct(b, problem, words) and bytes_ <= target.level2_bytes // 2


def _a_packing(problem: Problem, words: Words, panels: int, dot: bool) -> str:
    """Decide how A is packed: not at all where it can be read in place at no cost."""
    a = problem.a
    if words.pairs:
        direct = a.kind == BF16 and a.column == 1 and a.row % 2 == 0 and problem.k % 2 == 0
    else:
        direct = _is_direct(a, problem, words)
    along = a.column == 1 or problem.k == 1
    if dot:
        return "no" if direct and along else "rows" if along else "panel"
    # Rows that are pages apart fall into the same set of the first cache, which holds fewer lines than a tile has rows.
    collides = problem.m > 4 and a.row * SIZES[a.kind] % _SET_BYTES == 0
    if direct and ((along and not collides) or panels <= 1):
        return "no"
    return "rows" if along else "panel"


def _tile(problem: Problem, target: Target, lanes: int, threads: int) -> tuple[int, int]:
    """Choose the most rows and the number of vectors of a tile, so that its sums fill the registers."""
    registers = target.registers
    vectors_of_c = max(1, _ceil(problem.n, lanes))
    if vectors_of_c == 1:
        return max(1, min(problem.m, registers - 4, 14)), 1
    vectors = 3 if registers == 32 and target.vector_bits == 128 else 2
    most_rows = (registers - 2 - vectors) // vectors
    if problem.m >= most_rows:
        return most_rows, vectors
    # Few rows: wider tiles, so that there are enough sums to hide how long an addition takes.
    rows = max(1, problem.m)
    widest = max(vectors, min(8, (registers - 2) // (rows + 1)))
    choices = range(min(widest, vectors_of_c), 1, -1)

    def most_vectors(count: int) -> int:
        return _ceil(_ceil(vectors_of_c, count), threads) * count

    return rows, min(choices, key=lambda count: (most_vectors(count), -count), default=1)


def _grid(
    problem: Problem,
    words: Words,
    most_rows: int,
    vectors: int,
    dot: bool,
    is_near: bool,
    threads: int,
    *,
    by_rows: bool = False,
) -> tuple[int, int, int]:
    """Choose how many threads share the batch, the rows and the columns: the cut whose slowest thread is done first.

    Costs are in products of vectors; what packing and reading cost beside them was measured, roughly. Each thread packs
    what it needs: sharing packed panels was slower, as they would come from another core, between two barriers.

    With `by_rows` threads share the rows, not the columns, if there are enough tiles of them: A is large and changes
    between products, and what two cores have read costs the one that then writes it several times as much.
    """
    if threads == 1 or problem.is_empty:
        return (1, 1, 1)
    vectors_of_c = _ceil(problem.n, words.lanes)
    panels = _ceil(vectors_of_c, vectors)
    depth = max(1, _words(problem.k, words))
    best, best_cost = (1, 1, 1), math.inf
    for along_batch in range(1, threads + 1):
        for along_m in range(1, threads // along_batch + 1):
            along_n = threads // (along_batch * along_m)
            batches = _ceil(problem.batches, along_batch)
            tiles = sum(count for _, count in split(problem.m, most_rows, along_m))
            if along_batch > problem.batches or along_m > tiles or along_n > panels:
                continue
            if by_rows and along_n > 1 and tiles >= threads:
                continue
            rows = _ceil(problem.m, tiles) * _ceil(tiles, along_m)
            columns = min(_ceil(panels, along_n) * vectors, vectors_of_c)
            packs = not dot and not is_near and (tiles > 1 or problem.b.column != 1)
            # Every tile reads its panels of B once; packing writes them, too, and turns what lies along k.
            reading = columns * _ceil(tiles, along_m) * 0.5 + rows / words.lanes
            if packs:
                reading += columns * (4.0 if problem.b.column == 1 else 8.0)
            if problem.a.column != 1 and not dot:
                reading += 3.0 * rows / words.lanes
            cost = batches * depth * (rows * columns + reading)
            if along_n > 1 and problem.m >= _TALL:
                cost *= _ACROSS
            if cost < best_cost:
                best, best_cost = (along_batch, along_m, along_n), cost
    return best
