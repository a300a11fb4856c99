"""The engine: a graph becomes one native function that every thread walks together.

What it is not: the decisions (`fusion.py`, `plan.py`), the code of kernels (`loops.py`, `special.py`), or the machine
(`machine.py`, `threads.py`).
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapewright.devices.device import Interrupted
from shapewright.graph import Graph, KernelCost, Measurement, Memory, Variable
from shapewright.graph.cost import bytes_of
from shapewright.shapes.errors import Error

from . import checked
from .destinations import place_results
from .elements import is_elementwise, is_reduction
from .endings import with_endings
from .expand import expand
from .fusion import Fused, Kernel, fuse
from .machine import compile_module, select_target
from .measure import kernel_cost, measure
from .memory import address, zeros_at_line
from .nested import place_draws, prepare
from .plan import plan
from .products import fits_product, is_product
from .program import ALONE, FUNCTION, SCRATCH_BYTES, THREADS, Table, program_key, program_text
from .recompute import recompute
from .regions import find_regions
from .rows import find_rows
from .threads import pool


def _divided(graph: Graph, *, is_body: bool = False) -> tuple[Graph, Fused]:
    """Divide a program into kernels, or the body of a loop or a choice; give it as it has become, too."""
    graph, regions = find_regions(graph)
    graph = with_endings(graph, regions)
    late: set[Variable] = set()
    if not is_body:
        graph, late = recompute(graph, regions)
    graph, regions = find_rows(graph, regions, late)
    place_results(graph, regions)
    return graph, fuse(graph, is_elementwise, is_reduction, is_product, fits_product, regions, late=late, apart=is_body)


def _fused_body(body: Graph) -> Fused:
    return _divided(body, is_body=True)[1]


class Executable:
    """A graph as native code, ready to run.

    Args:
        graph: the program, simplified.
        reference: the device that says what is wrong when the code finds that something is.
        timed: whether the first thread notes the time before each kernel, for `kernel_times`.
        is_checked: whether each load and store is compared with its buffer; by default, what `SHAPEWRIGHT_CPU_CHECKED`
            asks for.
    """

    def __init__(self, graph: Graph, reference: Any, *, timed: bool = False, is_checked: bool | None = None) -> None:
        self.graph = graph
        self._timed = timed
        self._is_checked = checked.is_asked_for() if is_checked is None else is_checked
        self._reference = reference
        self._expanded, self._fused = _divided(expand(graph))
        prepare(self._fused, _fused_body)
        self._plan = plan(self._expanded, self._fused)
        self._pool = pool()
        self._make()

    # ---- making it --------------------------------------------------------------------------------------------------
    def _make(self) -> None:
        """Compile the program, or find it compiled, and lay out its memory."""
        graph, plan_ = self._expanded, self._plan
        target = select_target()
        table = Table(graph, plan_)
        table.end = place_draws(self._fused, table.end)
        threads = self._pool.count
        self._code = compile_module(
            lambda: program_text(self._fused, table, target, threads, timed=self._timed, checked=self._is_checked),
            key=program_key(self._fused, table, threads, timed=self._timed, checked=self._is_checked),
            target=target,
        )
        self._address = self._code.address(FUNCTION)
        needed = self._constant(SCRATCH_BYTES)
        # What one thread does needs no other one woken.
        is_alone = self._constant(THREADS) == 1
        self._alone = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._code.address(ALONE)) if is_alone else None
        count = table.end + (len(self._fused.kernels) + 1 if self._timed else 0)
        self._layout = table
        self._table = np.zeros(count, np.int64)
        self._memory = zeros_at_line(plan_.arena_bytes + 64)
        self._scratch = zeros_at_line(needed + 64)
        base = address(self._memory)
        for variable, offset in plan_.arena.items():
            self._table[table.slot(variable)] = base + offset
        self._table[table.scratch] = address(self._scratch)
        self._constants = {}
        for variable, array in graph.constants.items():
            held = np.ascontiguousarray(array)
            self._constants[variable] = held
            self._table[table.slot(variable)] = address(held)
        self._table_address = address(self._table)
        # The table as what takes numbers fastest.
        self._slots = (ctypes.c_int64 * count).from_address(self._table_address)
        self._arguments = [table.slot(v) for v in graph.arguments]
        overwritten = set(plan_.in_place.values())
        self._cells = [(number, table.slot(v), number in overwritten) for number, v in enumerate(graph.cells)]
        # What each cell held at the last run. Not kept alive: to another program of the same cells it would look as if
        # somebody else had it, and memory that its cell has left would stay.
        self._held: list[Callable[[], Any]] = [_nothing] * len(graph.cells)
        self._fresh = [(table.slot(v), v.spec.sizes, v.spec.dtype.numpy) for v in plan_.fresh]
        # What leaves: the number of a cell or of a fresh array, and its sizes where the array has others.
        self._results = [self._fresh_place(v) for v in graph.results]
        accesses = self._fused.accesses
        self._updates = [
            (False, *self._fresh_place(v)) if cell is None else (True, cell, None)
            for v in graph.updates.values()
            for cell in [plan_.in_place.get(accesses[v].buffer)]
        ]

    def _constant(self, name: str) -> int:
        """Give a number that stands beside the code."""
        return ctypes.c_int64.from_address(self._code.data_address(name)).value

    def _fresh_place(self, variable: Variable) -> tuple[int, tuple[int, ...] | None]:
        buffer = self._fused.accesses[variable].buffer
        sizes = None if buffer.spec.sizes == variable.spec.sizes else variable.spec.sizes
        return self._plan.fresh.index(buffer), sizes

    def kernel_times(self) -> list[tuple[Kernel, int]]:
        """Give each kernel with the time it took in the last run of a timed program, in cycles of the clock."""
        times = self._table[self._layout.end :]
        return [(kernel, int(times[i + 1] - times[i])) for i, kernel in enumerate(self._fused.kernels)]

    def last_stamp(self) -> int:
        """Give what the clock said at the end of the last run of a timed program."""
        return int(self._table[-1])

    # ---- what it takes ----------------------------------------------------------------------------------------------
    def kernels(self) -> list[KernelCost]:
        """Give the kernels in the order in which they run, with what each takes."""
        return [kernel_cost(kernel) for kernel in self._fused.kernels]

    def memory(self) -> Memory:
        """Give the bytes that a run needs, as planned."""
        graph = self._expanded
        return Memory(
            arguments=bytes_of(graph.arguments),
            cells=bytes_of(graph.cells),
            constants=bytes_of(graph.constants),
            arena=self._memory.nbytes + self._scratch.nbytes,
            results=bytes_of(self._plan.fresh),
        )

    def code_state(self) -> str:
        """Say whether the code was compiled or found on disk, and how long that took."""
        seconds = sum(self._code.seconds.values())
        return f"code {'found in the cache' if self._code.is_cached else 'compiled'} in {1e3 * seconds:.0f} ms"

    def timed_twin(self) -> Executable:
        """Give the same program, made to note the time before each kernel."""
        return Executable(self.graph, self._reference, timed=True, is_checked=self._is_checked)

    def measure(self, arguments: Sequence[Any], cells: Sequence[Any], draws: Sequence[tuple[int, int]]) -> Measurement:
        """Run a timed twin on copies of the cells, and give the time of each kernel."""
        return measure(self, arguments, cells, draws)

    def _check_accesses(self) -> None:
        """Raise if the code reached, or would have reached, beyond a buffer."""
        note = (ctypes.c_int64 * 4).from_address(self._code.data_address(checked.NOTE))
        if not note[checked.KERNEL]:
            return
        kernel, buffer, place, count = list(note)
        note[:] = [0] * 4
        raised = self._fused.kernels[kernel - 1]
        reached = [*(access.buffer for access in raised.leaves.values()), *raised.outputs]
        slots = [(variable, self._layout.find(variable)) for variable in reached]
        found = next((v for v, slot in slots if slot >= 0 and self._table[slot] == buffer), None)
        raise checked.refusal(raised, kernel, found, place - buffer, count)

    # ---- running ----------------------------------------------------------------------------------------------------
    def run(
        self, arguments: Sequence[Any], cells: Sequence[Any], draws: Sequence[tuple[int, int]]
    ) -> tuple[list[Any], list[Any]]:
        """Give the results and the new values of cells; see `devices/device.py`."""
        table = self._slots
        copies = []
        for place, slot in enumerate(self._arguments):
            array = arguments[place]
            if not array.flags.c_contiguous:
                array = np.ascontiguousarray(array)
                copies.append(array)
            table[slot] = address(array)
        cells, held = list(cells), self._held
        for number, slot, is_overwritten in self._cells:
            array = cells[number]
            if array is not held[number]():
                if not array.flags.c_contiguous or (is_overwritten and array.base is not None):
                    array = np.array(array, order="C", copy=True)
                cells[number] = array
                held[number] = weakref.ref(array)
                table[slot] = address(array)
            if is_overwritten and (self._is_checked or sys.getrefcount(array) > _OWN_REFERENCES):
                # Somebody else looks at the old value, or the program may break off: it stays as it is.
                array = np.array(array, order="C", copy=True)
                cells[number] = array
                held[number] = weakref.ref(array)
                table[slot] = address(array)
        fresh = []
        for slot, sizes, dtype in self._fresh:
            array = np.empty(sizes, dtype)
            fresh.append(array)
            table[slot] = address(array)
        for number, (seed, counter) in enumerate(draws):
            table[self._layout.draws + 2 * number] = _signed(seed)
            table[self._layout.draws + 2 * number + 1] = counter
        failed = self._layout.failed
        table[failed] = 0
        table[failed + 1] = 0
        table[self._layout.finished] = 0
        interruption = None
        try:
            if self._alone is not None:
                self._alone(self._table_address)
            else:
                self._pool.run(self._address, self._table_address)
        except BaseException as error:
            # Python looks for signals when the code has returned, or before it is called.
            if not table[self._layout.finished] or table[failed]:
                raise
            interruption = error
        if self._is_checked:
            self._check_accesses()
        if table[failed]:
            # The code only notices that something is wrong; the reference says what.
            self._reference.compile(self.graph).run(arguments, cells, draws)
            raise Error("the program failed, and the reference device does not see why")
        results = [fresh[place] if sizes is None else fresh[place].reshape(sizes) for place, sizes in self._results]
        updates = [
            cells[place] if is_cell else fresh[place] if sizes is None else fresh[place].reshape(sizes)
            for is_cell, place, sizes in self._updates
        ]
        if interruption is not None:
            raise Interrupted(interruption, updates)
        return results, updates


def _nothing() -> None:
    """What is held before the first run."""


def _own_references() -> int:
    """Count how often an array is referred to while `run` looks at it, if nobody but the cell and this file knows it.

    That is by the cell, our copy of the caller's list, the local name, and the argument of getrefcount; but Python need
    not count each of them, and its versions differ in it.
    """

    def look(cells: Sequence[Any]) -> int:
        cells = list(cells)
        count = 0
        for number in range(len(cells)):
            array = cells[number]
            count = sys.getrefcount(array)
        return count

    cell = [object()]
    return look(list(cell))


_OWN_REFERENCES = _own_references()


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
