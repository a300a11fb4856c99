"""Writes matrix products: batched, at any strides, of f64, f32, f16 and bf16, with an epilogue, for all threads.

    problem = Problem(m, n, k, a=Operand(F32, k, 1), b=Operand(F32, n, 1), c=Operand(F32, n, 1))
    plan = make_plan(problem, target, threads)
    emit_matmul(function, plan, (a, b, c), scratch, thread)

Every thread runs the same code and does its part, without waiting for another, unless they share the sums over k.
Nothing is allocated: packed operands go to scratch memory of `plan.scratch_bytes`. Sizes and strides are constants of
the code.
What it is not: the choice of tiles and blocks (`blocking.py`), the kernels of a tile (`tiles.py`), or bf16 on the tile
registers that some processors have (AMX).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

from .blocking import Plan, Problem, make_plan
from .delayed import clear, write_delayed_kernel, write_last_rows
from .dots import write_dot_kernel
from .ir import I8, I64, PTR, SIZES, Function, Module, Register
from .packing import pack_panels, pack_rows
from .threads import emit_barrier
from .tiles import Block, Ending, Epilogue, Operand, Rounds, TileShape, write_sum_kernel, write_tile_kernel

__all__ = [
    "Block",
    "Epilogue",
    "Operand",
    "Plan",
    "Problem",
    "emit_matmul",
    "make_plan",
    "write_matmul",
]


def emit_matmul(
    function: Function,
    plan: Plan,
    pointers: tuple[Register, Register, Register],
    scratch: Register,
    thread: Register,
    control: Register,
    *,
    epilogue: Epilogue | None = None,
    epilogue_pointers: Sequence[Register] = (),
) -> None:
    """Write the product into a function that all threads run.

    Args:
        function: the function that is being written.
        plan: how the product is cut; made with `has_epilogue` if there is one.
        pointers: to A, B and C.
        scratch: `plan.scratch_bytes` of memory at a cache line, which no thread uses for anything else meanwhile.
        thread: which thread runs the code, an i64 below `plan.threads`.
        control: where threads meet.
        epilogue: what happens to results before they are stored.
        epilogue_pointers: what the epilogue finds in `Block.pointers`.
    """
    if plan.problem.is_empty:
        return
    _Writer(function, plan, pointers, scratch, thread, control, epilogue, epilogue_pointers).write()


def write_matmul(
    module: Module,
    name: str,
    plan: Plan,
    *,
    epilogue: Epilogue | None = None,
) -> None:
    """Write a product as a function of its own: `void name(ptr arguments, ptr control, i64 thread, i64 threads)`.

    The arguments are pointers: A, B, C, scratch memory, and those of the epilogue. `threads` is that of the plan.
    """
    arguments = [("arguments", PTR), ("control", PTR), ("thread", I64), ("threads", I64)]
    f = module.function(name, arguments, internal=False)
    table, control, thread, _ = f.arguments
    count = 4 + (epilogue.pointers if epilogue else 0)
    a, b, c, scratch, *extra = [f.load(f.address(table, i, I64), PTR) for i in range(count)]
    emit_matmul(f, plan, (a, b, c), scratch, thread, control, epilogue=epilogue, epilogue_pointers=extra)
    f.end()


class _Writer:
    """The loops around the kernels."""

    def __init__(
        self,
        function: Function,
        plan: Plan,
        pointers: tuple[Register, Register, Register],
        scratch: Register,
        thread: Register,
        control: Register,
        epilogue: Epilogue | None,
        epilogue_pointers: Sequence[Register],
    ) -> None:
        assert epilogue is None or epilogue.pointers == len(epilogue_pointers)
        self.f = function
        self.module = function.module
        self.plan = plan
        self.problem = plan.problem
        self.a, self.b, self.c = pointers if not plan.turned else (pointers[1], pointers[0], pointers[2])
        self.epilogue = epilogue
        self.extra = list(epilogue_pointers)
        self.thread = thread
        self.control = control
        # Scratch memory of each thread: a tile of A, sums, a block of B.
        f = function
        self.pitch = plan.scratch_bytes // plan.threads
        own = f.address(scratch, thread * self.pitch, I8)
        self.a_tile = f.within(own, plan.a_bytes)
        self.partial = f.within(f.address(own, plan.a_bytes, I8), plan.partial_bytes)
        self.all_partial = f.address(scratch, plan.a_bytes, I8)
        self.b_block = f.within(f.address(own, plan.a_bytes + plan.partial_bytes, I8), plan.b_bytes)

    # ---- who does what ----------------------------------------------------------------------------------------------
    def write(self) -> None:
        plan = self.plan
        if plan.shares_k:
            self._write_in_parts()
            return
        along_batch, along_m, along_n = plan.grid
        used = along_batch * along_m * along_n
        index = self.thread
        of_n, index = (index % along_n, index // along_n) if along_n > 1 else (None, index)
        self.of_m, index = (index % along_m, index // along_m) if along_m > 1 else (None, index)
        of_batch = index if along_batch > 1 else None
        with self._when_used(used):
            if plan.delays:
                clear(self.f, self.partial)
            start, stop = self._share(of_batch, along_batch, self.problem.batches)
            self.panels = self._share(of_n, along_n, plan.panels)
            with self._over_batch(start, stop) as self.batch:
                self.a_here = self._of_batch(self.a, self.problem.a)
                self.b_here = self._of_batch(self.b, self.problem.b)
                self._write_dots() if plan.dot else self._over_blocks()
            if plan.delays:
                shape = TileShape(plan.row_parts[0][0], plan.vectors, plan.width, plan.lanes)
                name = write_last_rows(self.module, plan.words, shape, self._ending(begins=True, ends=True))
                self.f.call(name, [self.c, self.partial, *self.extra])

    @contextmanager
    def _when_used(self, used: int) -> Iterator[None]:
        if used < self.plan.threads:
            with self.f.when(self.thread.compare("lt", used)):
                yield
        else:
            yield

    @contextmanager
    def _over_batch(self, start: Register, stop: Register) -> Iterator[Register]:
        if self.problem.batches == 1:
            yield self.f.constant(0)
        else:
            with self.f.loop(start, stop) as loop:
                yield loop.counter

    def _share(self, index: Register | None, parts: int, count: int, *, up: bool = False) -> tuple[Register, Register]:
        """Give one thread's part of `count` things; the larger parts come last, or first if `up`."""
        if index is None:
            return self.f.constant(0), self.f.constant(count)
        extra = parts - 1 if up else 0
        return (index * count + extra) // parts, ((index + 1) * count + extra) // parts

    def _of_batch(self, pointer: Register, operand: Operand) -> Register:
        index, offset = self.batch, self.f.constant(0)
        if self.problem.batches == 1:
            return pointer
        for size, stride in zip(reversed(self.problem.batch), reversed(operand.batch), strict=True):
            offset = offset + (index % size) * stride
            index = index // size
        return self.f.address(pointer, offset, operand.kind)

    # ---- blocks -----------------------------------------------------------------------------------------------------
    def _over_blocks(self) -> None:
        plan = self.plan
        first, last = self.panels
        if -(-plan.panels // plan.grid[2]) <= plan.block_panels:
            self._over_k(first, last)
        else:
            with self.f.loop(first, last, plan.block_panels) as loop:
                stop = self.f.intrinsic("smin", loop.counter + plan.block_panels, last)
                self._over_k(loop.counter, stop)

    def _over_k(self, first: Register, last: Register) -> None:
        """Compute some panels of C: the first block of k begins the sums, the last one ends them."""
        f, plan, k, step = self.f, self.plan, self.problem.k, self.plan.k_step
        blocks = plan.k_blocks
        for q in sorted({0, blocks - 1}):
            if q == blocks - 1 and blocks > 2:
                with f.loop(1, blocks - 1) as loop:
                    self._block(first, last, loop.counter * step, step, begins=False, ends=False)
            count = k - q * step if q == blocks - 1 else step
            self._block(first, last, f.constant(q * step), count, begins=q == 0, ends=q == blocks - 1)

    def _ending(self, *, begins: bool, ends: bool) -> Ending:
        """Say where sums go. Between blocks of k they wait in C, if it can hold them, else in scratch memory."""
        plan, c = self.plan, self.problem.c
        in_c = plan.partial_in_c
        # A block turns the tensors that it reads and writes by itself, C too.
        c = c.transposed() if plan.turned else c
        return Ending(
            c=c,
            batch=self.problem.batch,
            turned=plan.turned,
            flips=plan.flips,
            add_partial=not begins and not in_c,
            add_c=(in_c and not begins) or (self.problem.accumulate and (begins if in_c else ends)),
            to_partial=not ends and not in_c,
            epilogue=self.epilogue if ends else None,
        )

    def _block(self, first: Register, last: Register, k: Register, count: int, *, begins: bool, ends: bool) -> None:
        """Pack a block of B, then run every tile of rows over its panels."""
        f, plan, problem = self.f, self.plan, self.problem
        source = f.address(self.b_here, k * problem.b.row, problem.b.kind)
        if plan.pack_b:
            self._pack_b(source, first, last, count)
        ending = self._ending(begins=begins, ends=ends)
        # Each thread has rows side by side, about as many whatever the tiles are: what it wrote in one kernel it reads
        # in the next, and does not ask the other cores for.
        shares = [
            self._share(self.of_m, plan.grid[1], tiles, up=bool(turn % 2))
            for turn, (_, tiles) in enumerate(plan.row_parts)
        ]
        row, slot = f.constant(0), f.constant(0)
        for (rows, _), (start, _) in zip(plan.row_parts, shares, strict=True):
            row = row + start * rows
        for (rows, _), (start, stop) in zip(plan.row_parts, shares, strict=True):
            with f.loop(start, stop, plan.group) as loop:
                here = row + (loop.counter - start) * rows
                together = f.intrinsic("smin", stop - loop.counter, f.constant(plan.group))
                a, strides, pitch = self._a_of_tiles(here, k, rows, together, count)
                with f.loop(0, together) if plan.group > 1 else nullcontext() as inner:
                    index = f.constant(0) if inner is None else inner.counter
                    a = f.address(a, index * pitch, plan.words.kind)
                    tile = (rows, here + index * rows, slot + (loop.counter - start) + index)
                    self._over_panels(
                        first, last, partial(self._call_tile, tile, a, strides, source, first, count, ending)
                    )
            slot = slot + stop - start
            row = row + (stop - start) * rows

    def _over_panels(self, first: Register, last: Register, act: Callable[[Register, int], Any]) -> None:
        """Act on each panel; the last of C may have fewer columns and has code of its own."""
        f, plan = self.f, self.plan
        rest = self.problem.n % plan.width
        whole = plan.panels - (1 if rest else 0)
        if whole:
            stop = f.intrinsic("smin", last, f.constant(whole)) if rest else last
            with f.loop(first, stop) as loop:
                act(loop.counter, plan.width)
        if rest:
            with f.when(last.compare("eq", plan.panels)), f.loop(f.intrinsic("smax", first, f.constant(whole)), last):
                act(f.constant(whole), rest)

    # ---- sums over k in parts ---------------------------------------------------------------------------------------
    def _write_in_parts(self) -> None:
        """Let each thread compute its part of the sums, for all of C; then each ends some panels of C."""
        f, plan, k = self.f, self.plan, self.problem.k
        self.batch, self.of_m = f.constant(0), None
        self.a_here, self.b_here = self.a, self.b
        step = plan.k_of_thread
        first, last = f.constant(0), f.constant(plan.panels)
        whole, rest = divmod(k, step)
        with self._when_used(whole):
            self._block(first, last, self.thread * step, step, begins=True, ends=False)
        if rest:
            with f.when(self.thread.compare("eq", whole)):
                self._block(first, last, f.constant(whole * step), rest, begins=True, ends=False)
        emit_barrier(f, self.control, f.constant(plan.threads))
        ending = self._ending(begins=False, ends=True)
        first, last = self._share(self.thread, plan.threads, plan.panels)
        row, slot = 0, 0
        for rows, tiles in plan.row_parts:
            with f.loop(0, tiles) as loop:
                tile = (rows, row + loop.counter * rows, slot + loop.counter)
                self._over_panels(first, last, partial(self._call_sum, tile, ending))
            row, slot = row + rows * tiles, slot + tiles

    def _call_sum(self, tile: tuple[int, Register, Register], ending: Ending, panel: Register, columns: int) -> None:
        """Call the kernel that adds the parts of a tile's sums."""
        rows, row, place = tile
        f, plan = self.f, self.plan
        shape = TileShape(rows, -(-columns // plan.lanes), columns, plan.lanes)
        name = write_sum_kernel(self.module, plan.words, shape, ending, plan.threads, self.pitch)
        sums = self._place_of_sums(self.all_partial, place, panel)
        none = f.constant(0)
        self._call(name, none, sums, sums, sums, row, panel * plan.width, ending)

    def _place_of_sums(self, sums: Register, place: Register, panel: Register) -> Register:
        """Give where the sums of a tile wait: each has its place."""
        plan = self.plan
        most_rows = max(part[0] for part in plan.row_parts)
        slot = place * plan.block_panels + panel
        return self.f.address(sums, slot * (most_rows * plan.width), plan.words.compute)

    # ---- operands ---------------------------------------------------------------------------------------------------
    def _panel_bytes(self) -> int:
        plan = self.plan
        return -(-plan.k_step // plan.words.elements) * SIZES[plan.words.kind] * plan.width

    def _pack_b(self, source: Register, first: Register, last: Register, count: int) -> None:
        """Pack a block: panels `first` to before `last`."""
        f, plan, b = self.f, self.plan, self.problem.b
        strides = (b.column, b.row)
        pitch = self._panel_bytes() // SIZES[plan.words.kind]

        def pack(panel: Register, panels: Register, columns: int) -> None:
            width = -(-columns // plan.lanes) * plan.lanes
            name, rounds = pack_panels(
                self.module, plan.words, b.kind, strides, valid=columns, width=width, count=count, pitch=pitch
            )
            here = f.address(source, panel * (plan.width * b.column), b.kind)
            there = f.address(self.b_block, (panel - first) * self._panel_bytes(), I8)
            f.call(name, [here, there, f.constant(rounds), panels])

        rest = self.problem.n % plan.width
        whole = plan.panels - (1 if rest else 0)
        if whole:
            stop = f.intrinsic("smin", last, f.constant(whole)) if rest else last
            pack(first, stop - first, plan.width)
        if rest:
            with f.when(last.compare("eq", plan.panels)), f.when(first.compare("lt", last)):
                pack(f.constant(whole), f.constant(1), rest)

    def _a_of_tiles(
        self, row: Register, k: Register, rows: int, together: Register, count: int
    ) -> tuple[Register, tuple[int, int], int]:
        """Give where the rows of A of some tiles begin, packed if need be, the strides there, and from tile to tile."""
        f, plan, a = self.f, self.plan, self.problem.a
        words = plan.words
        source = f.address(self.a_here, row * a.row + k * a.column, a.kind)
        if plan.pack_a == "no":
            return source, (a.row // words.elements, 1 if words.pairs else a.column), 0
        if plan.pack_a == "rows":
            name, rounds = pack_rows(self.module, words, a.kind, a.row, rows=rows, pitch=plan.pitch, count=count)
            f.call(name, [source, self.a_tile, f.constant(rounds)])
            return self.a_tile, (plan.pitch, 1), 0
        along = (a.row, a.column)
        pitch = rows * (-(-count // words.elements) + 1)
        name, rounds = pack_panels(self.module, words, a.kind, along, valid=rows, width=rows, count=count, pitch=pitch)
        f.call(name, [source, self.a_tile, f.constant(rounds), together])
        return self.a_tile, (1, rows), pitch

    def _call_tile(
        self,
        tile: tuple[int, Register, Register],
        a: Register,
        strides: tuple[int, int],
        source: Register,
        first: Register,
        count: int,
        ending: Ending,
        panel: Register,
        columns: int,
    ) -> None:
        """Call the kernel of a tile: its number of rows, its first row, and which one of the thread it is."""
        rows, row, place = tile
        f, plan = self.f, self.plan
        words = plan.words
        width = -(-columns // plan.lanes) * plan.lanes
        shape = TileShape(rows, width // plan.lanes, columns, plan.lanes)
        step = width if plan.pack_b else self.problem.b.row
        multiplied = Rounds(words, shape, strides, step, not plan.pack_b)
        delays = plan.delays and columns == plan.width
        rounds = -(-count // words.elements)
        if delays:
            name = write_delayed_kernel(self.module, multiplied, ending, rounds)
        else:
            name = write_tile_kernel(self.module, multiplied, ending)
        column = panel * plan.width
        if plan.pack_b:
            b = f.address(self.b_block, (panel - first) * self._panel_bytes(), I8)
        else:
            b = f.address(source, column, self.problem.b.kind)
        sums = self.partial if delays else self._place_of_sums(self.partial, place, panel - first)
        self._call(name, f.constant(rounds), a, b, sums, row, column, ending)

    def _call(
        self,
        name: str,
        rounds: Register,
        a: Register,
        b: Register,
        sums: Register,
        row: Register,
        column: Register,
        ending: Ending,
    ) -> None:
        extra = self.extra if ending.epilogue is not None else []
        self.f.call(name, [rounds, a, b, self.c, sums, self.batch, row, column, *extra])

    # ---- few rows ---------------------------------------------------------------------------------------------------
    def _write_dots(self) -> None:
        """Compute rows one by one, a vector of columns at a time."""
        f, plan, problem = self.f, self.plan, self.problem
        a, b, words = problem.a, problem.b, plan.words
        ending = self._ending(begins=True, ends=True)
        first, last = self._share(self.of_m, plan.grid[1], problem.m)
        if plan.pack_a == "no":
            rows, pitch = self.a_here, a.row
        else:
            rows, pitch = self.a_tile, plan.pitch
            if plan.pack_a == "rows":
                name, rounds = pack_rows(self.module, words, a.kind, a.row, rows=1, pitch=pitch, count=problem.k)
            else:
                along = (a.row, a.column)
                name, rounds = pack_panels(
                    self.module, words, a.kind, along, valid=1, width=1, count=problem.k, pitch=0
                )
            with f.loop(first, last) as loop:
                source = f.address(self.a_here, loop.counter * a.row, a.kind)
                there = f.address(rows, loop.counter * pitch, words.compute)
                f.call(name, [source, there, f.constant(rounds), *([f.constant(1)] if plan.pack_a == "panel" else [])])

        def run(panel: Register, columns: int) -> None:
            shape = TileShape(1, 1, columns, plan.lanes)
            name, rounds = write_dot_kernel(self.module, words, b.kind, shape, b.column, problem.k, ending)
            column = panel * plan.width
            here = f.address(self.b_here, column * b.column, b.kind)
            with f.loop(first, last) as loop:
                row = f.address(rows, loop.counter * pitch, words.compute)
                self._call(name, f.constant(rounds), row, here, self.partial, loop.counter, column, ending)

        self._over_panels(*self.panels, run)
