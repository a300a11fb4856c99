"""The engine: a graph becomes one native function that every thread walks together.

What it is not: the decisions (`fusion.py`, `plan.py`), the code of kernels (`loops.py`, `special.py`), or the machine
(`machine.py`, `threads.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from shapewright import ops
from shapewright.graph import DrawCounter, DrawSeed, Graph, Variable
from shapewright.shapes.errors import Error

from . import draws, ir
from .elements import is_elementwise, is_reduction, register_type
from .expand import expand
from .fusion import Fused, Kernel, fuse
from .loops import Nest, write_loop, write_reduction
from .machine import compile_module, select_target
from .order import argsort
from .plan import Plan, plan
from .products import fits_product, is_product, product
from .signature import signature
from .special import SPECIAL, Site
from .threads import Pool, emit_barrier
from .windows import extreme_places, fold

_FUNCTION = "program"
KERNELS = {
    **SPECIAL,
    ops.matmul: product,
    ops.argsort: argsort,
    ops.fold2d: fold,
    ops.extreme_places2d: extreme_places,
    ops.uniform: draws.uniform,
    ops.normal: draws.normal,
    ops.randint: draws.randint,
    ops.random_bits: draws.random_bits,
}


class Executable:
    """A graph as native code, ready to run.

    Args:
        graph: the program, simplified.
        reference: the device that says what is wrong when the code finds that something is.
        timed: whether the first thread notes the time before each kernel, for `kernel_times`.
    """

    def __init__(self, graph: Graph, reference: Any, *, timed: bool = False) -> None:
        self.graph = graph
        self._timed = timed
        self._reference = reference
        expanded = expand(graph)
        self._fused = fuse(expanded, is_elementwise, is_reduction, is_product, fits_product)
        self._plan = plan(expanded, self._fused)
        self._expanded = expanded
        self._slots: dict[Variable, int] = {}
        self._draws: dict[tuple[str, Any], int] = {}
        self._pool = shared_pool()
        self._write()

    # ---- the table of buffers ---------------------------------------------------------------------------------------
    def _slot(self, variable: Variable) -> int:
        """Give the place of a buffer's address in the table."""
        cell = self._plan.in_place.get(variable)
        if cell is not None:
            variable = self._expanded.cells[cell]
        return self._slots.setdefault(variable, len(self._slots))

    def _write(self) -> None:
        """Write and compile the program."""
        graph, plan_ = self._expanded, self._plan
        threads = self._pool.count
        target = select_target()
        module = ir.Module()
        for variable in (*graph.arguments, *graph.cells, *graph.constants, *plan_.fresh, *plan_.arena):
            self._slot(variable)
        failed = len(self._slots)
        scratch = failed + 2
        draw_slot = scratch + 1
        calls: list[tuple[Kernel, Site, list[Variable]]] = []
        written: dict[Any, tuple[Site, list[int]]] = {}
        needed = 0
        for kernel in self._fused.kernels:
            key, variables = signature(kernel)
            if key not in written:
                site = Site(module, f"kernel{len(written)}", kernel, target, threads, failed, scratch, draw_slot)
                _write_kernel(site, kernel, self._fused, target)
                site.end()
                needed = max(needed, site.scratch_bytes)
                written[key] = site, [variables.index(buffer) for buffer in site.buffers]
            site, places = written[key]
            calls.append((kernel, site, [variables[place] for place in places]))
        main = module.function(
            _FUNCTION,
            [("table", ir.PTR), ("control", ir.PTR), ("thread", ir.I64), ("threads", ir.I64)],
            internal=False,
        )
        table, control, thread, _ = main.arguments
        done = "done"
        alone = True
        unchecked = False
        times = draw_slot + 2 * len(graph.draws)
        for index, (kernel, site, buffers) in enumerate(calls):
            # What the first thread did alone needs no barrier before it goes on alone.
            if not alone or site.is_shared:
                emit_barrier(main, control, main.constant(threads))
            alone = not site.is_shared
            if unchecked and any(variable in plan_.in_place for variable in kernel.outputs):
                # Before anything is overwritten, all threads stop together if something was wrong. The first one says
                # so in a place of its own: a thread that is ahead may find the next failure before others have looked.
                emit_barrier(main, control, main.constant(threads))
                with main.when(thread.compare("eq", 0)):
                    found = main.load(main.address(table, failed, ir.I64), ir.I64)
                    main.store(found, main.address(table, failed + 1, ir.I64))
                emit_barrier(main, control, main.constant(threads))
                verdict = main.load(main.address(table, failed + 1, ir.I64), ir.I64)
                go = main.label("go")
                main.do(f"br i1 {verdict.compare('eq', 0).text}, label %{go}, label %{done}")
                main.block(go)
                unchecked = False
            unchecked = unchecked or site.may_fail
            if self._timed:
                _note_time(main, table, thread, times + index)
            addresses = [main.load(main.address(table, self._slot(v), ir.I64), ir.PTR) for v in buffers]
            main.call(site.name, [table, control, thread, *addresses])
        if self._timed:
            emit_barrier(main, control, main.constant(threads))
            _note_time(main, table, thread, times + len(calls))
        main.do(f"br label %{done}")
        main.block(done)
        main.end()
        self._code = compile_module(module.text(), target=target)
        self._address = self._code.address(_FUNCTION)
        self._table = np.zeros(times + (len(calls) + 1 if self._timed else 0), np.int64)
        self._times_slot = times
        self._failed, self._scratch_slot, self._draw_slot = failed, scratch, draw_slot
        self._memory = _aligned(plan_.arena_bytes + 64)
        self._scratch = _aligned(needed + 64)
        base = _address(self._memory)
        for variable, offset in plan_.arena.items():
            self._table[self._slot(variable)] = base + offset
        self._table[scratch] = _address(self._scratch)
        self._constants = {}
        for variable, array in graph.constants.items():
            held = np.ascontiguousarray(array)
            self._constants[variable] = held
            self._table[self._slot(variable)] = _address(held)
        self._arguments = [(self._slot(v), v.spec) for v in graph.arguments]
        self._cells = [self._slot(v) for v in graph.cells]
        self._held: list[Any] = [None] * len(graph.cells)
        self._fresh = [(v, self._slot(v), v.spec) for v in plan_.fresh]
        self._table_address = _address(self._table)

    def kernel_times(self) -> list[tuple[Kernel, int]]:
        """Give each kernel with the time it took in the last run of a timed program, in cycles of the clock."""
        times = self._table[self._times_slot :]
        return [(kernel, int(times[i + 1] - times[i])) for i, kernel in enumerate(self._fused.kernels)]

    # ---- running ----------------------------------------------------------------------------------------------------
    def run(
        self, arguments: Sequence[Any], cells: Sequence[Any], draws: Sequence[tuple[int, int]]
    ) -> tuple[list[Any], list[Any]]:
        """Give the results and the new values of cells; see `devices/device.py`."""
        table = self._table
        kept = []
        for (slot, _), array in zip(self._arguments, arguments, strict=True):
            if not array.flags.c_contiguous:
                array = np.ascontiguousarray(array)
            kept.append(array)
            table[slot] = _address(array)
        written = self._plan.in_place
        overwritten = set(written.values())
        cells = list(cells)
        for number, slot in enumerate(self._cells):
            array = cells[number]
            if array is not self._held[number]:
                if not array.flags.c_contiguous or (number in overwritten and array.base is not None):
                    array = np.array(array, order="C", copy=True)
                cells[number] = self._held[number] = array
                table[slot] = _address(array)
            if number in overwritten and sys.getrefcount(array) > _OWN_REFERENCES:
                # Somebody else looks at the old value: it stays as it is.
                array = np.array(array, order="C", copy=True)
                cells[number] = self._held[number] = array
                table[slot] = _address(array)
        fresh = {}
        for variable, slot, spec in self._fresh:
            array = np.empty(spec.sizes, spec.dtype.numpy)
            fresh[variable] = array
            table[slot] = _address(array)
        for number, (seed, counter) in enumerate(draws):
            table[self._draw_slot + 2 * number] = _signed(seed)
            table[self._draw_slot + 2 * number + 1] = counter
        table[self._failed] = 0
        table[self._failed + 1] = 0
        self._pool.run(self._address, self._table_address)
        if table[self._failed]:
            # The code only notices that something is wrong; the reference says what.
            self._reference.compile(self.graph).run(arguments, cells, draws)
            raise Error("the program failed, and the reference device does not see why")
        accesses = self._fused.accesses
        results = [fresh[accesses[v].buffer].reshape(v.spec.sizes) for v in self._expanded.results]
        updates = []
        for variable in self._expanded.updates.values():
            buffer = accesses[variable].buffer
            number = written.get(buffer)
            updates.append(cells[number] if number is not None else fresh[buffer].reshape(variable.spec.sizes))
        del kept
        return results, updates


_shared: list[Pool] = []


def shared_pool() -> Pool:
    """Give the threads that all programs of this process run on."""
    if not _shared:
        _shared.append(Pool())
    return _shared[0]


# How often an array is referred to while `run` looks at it, if nobody but the cell and this file knows it: by the cell,
# the list of the caller, our copy of that list, `_held`, the local name, and the argument of getrefcount.
_OWN_REFERENCES = 6


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _aligned(count: int) -> np.ndarray:
    raw = np.zeros(count + 64, np.uint8)
    offset = -_address(raw) % 64
    return raw[offset : offset + count]


def _note_time(main: ir.Function, table: ir.Register, thread: ir.Register, slot: int) -> None:
    with main.when(thread.compare("eq", 0)):
        now = main.call("llvm.readcyclecounter", [], ir.I64)
        main.store(now, main.address(table, slot, ir.I64))


def _write_kernel(site: Site, kernel: Kernel, fused: Fused, target: Any) -> None:
    if kernel.kind in ("other", "product"):
        KERNELS[kernel.operations[0].op](site)
        return
    outputs = {variable: fused.accesses[variable] for variable in kernel.outputs}
    widest = max([v.spec.dtype.itemsize for v in (*kernel.leaves, *outputs) if v.spec.dtype.is_floating] or [4])
    kind = register_type(next(iter(outputs)).spec.dtype)
    lanes = target.lanes(ir.F64 if widest == 8 or kind == ir.F64 else ir.F32)
    nest = Nest(site.f, kernel, outputs, site.pointer, lanes, site.thread, site.threads, site.fail)
    if kernel.kind == "loop":
        write_loop(nest)
    else:
        write_reduction(nest)
    site.is_shared = nest.is_shared


__all__ = ["DrawCounter", "DrawSeed", "Executable", "Plan"]
