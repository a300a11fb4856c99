"""The text of a program: every kernel as a function, and one function that calls them in order on every thread.

Kernels of equal signatures share one function. What it is not: the code of a kernel (`loops.py`, `special.py`,
`products.py`), or the memory of a program (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapewright import ops
from shapewright.graph import Graph, Variable
from shapewright.ops.precision import matmul_in_bf16

from . import draws, ir
from .blocks import Blocks
from .checked import CheckedFunction, CheckedModule
from .elements import register_type
from .fusion import Fused, Kernel
from .loops import Nest, write_loop, write_reduction
from .machine import Target
from .nested import Walk, is_any_shared, nested_key, walk, write_structure
from .order import argsort
from .placing import concat, pad
from .plan import Plan, buffer_bytes
from .products import product
from .signature import signature
from .special import SPECIAL, Site
from .threads import emit_barrier
from .windows import extreme_places, fold

FUNCTION = "program"
# The same for a program that needs one thread: all it takes is the table.
ALONE = "program_alone"
SCRATCH_BYTES = "scratch_bytes"
# How many threads the program needs: 1 if no kernel shares its work.
THREADS = "threads_needed"
KERNELS = {
    **SPECIAL,
    ops.concat: concat,
    ops.pad: pad,
    ops.matmul: product,
    matmul_in_bf16: product,
    ops.argsort: argsort,
    ops.fold2d: fold,
    ops.extreme_places2d: extreme_places,
    ops.uniform: draws.uniform,
    ops.normal: draws.normal,
    ops.randint: draws.randint,
    ops.random_bits: draws.random_bits,
}


class Table:
    """Where in the table of a program each address and number is that its code reads.

    Args:
        graph: the program.
        plan: where its buffers lie.
    """

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self._graph = graph
        self.plan = plan
        self._slots: dict[Variable, int] = {}
        for variable in (*graph.arguments, *graph.cells, *graph.constants, *plan.fresh, *plan.arena):
            self.slot(variable)
        # Whether something went wrong, and what the threads agreed on about it.
        self.failed = len(self._slots)
        # Whether the program has come to its end.
        self.finished = self.failed + 2
        self.scratch = self.finished + 1
        # For each key, its seed and its position.
        self.draws = self.scratch + 1
        self.end = self.draws + 2 * len(graph.draws)

    def slot(self, variable: Variable) -> int:
        """Give the place of a buffer's address; a cell's new value has the place of the old one."""
        cell = self.plan.in_place.get(variable)
        if cell is not None:
            variable = self._graph.cells[cell]
        return self._slots.setdefault(variable, len(self._slots))

    def find(self, variable: Variable) -> int:
        """Give the place of a buffer's address, or -1 for what has no buffer."""
        known = variable in self._slots or variable in self.plan.in_place
        return self.slot(variable) if known else -1

    def overwrites(self, kernel: Kernel) -> bool:
        """Whether a kernel writes over a cell's value."""
        return any(variable in self.plan.in_place for variable in kernel.outputs)


def program_key(fused: Fused, table: Table, threads: int, *, timed: bool, checked: bool) -> str:
    """Give a text that is equal for programs of equal text, at a fraction of the cost."""
    parts = [f"{threads} {timed} {checked} {table.failed} {table.end}"]
    numbers: dict[Any, int] = {}
    for kernel in fused.kernels:
        key, variables = signature(kernel)
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(numbers)
            parts.append(repr(key))
        parts.append(f"{number} {[table.find(v) for v in variables]} {table.overwrites(kernel)}")
        if kernel.nested is not None:
            parts.append(nested_key(kernel.nested))
    return "\n".join(parts)


def program_text(fused: Fused, table: Table, target: Target, threads: int, *, timed: bool, checked: bool) -> str:
    """Write a program."""
    module_class = CheckedModule if checked else ir.Module
    module = module_class(rounds_to_bf16=target.has_bf16_convert)
    # For each kernel, its function and the buffers that it is given; the draws of a body are its own.
    sites: dict[Kernel, tuple[Site, list[Variable]]] = {}
    written: dict[Any, tuple[Site, list[int]]] = {}
    needed = 0
    blocks = Blocks(_write_kernel)
    for kernel, _, draws_at in walk(fused, table.draws):
        signed, variables = signature(kernel)
        key = signed, draws_at if any("seed" in each.params for each in kernel.operations) else 0
        if key not in written:
            name = f"kernel{len(written)}"
            site = Site(module, name, kernel, target, threads, table.failed, draws_at)
            if kernel.kind == "region":
                blocks.write(site)
            else:
                _write_kernel(site, kernel)
            site.end()
            needed = max(needed, site.scratch_bytes)
            written[key] = site, [variables.index(buffer) for buffer in site.buffers]
        site, places = written[key]
        sites[kernel] = site, [variables[place] for place in places]
    threads = threads if any(site.is_shared for site, _ in written.values()) else 1
    _write_main(module, fused, sites, table, threads, timed, needed)
    module.define(SCRATCH_BYTES, f"@{SCRATCH_BYTES} = constant i64 {needed}")
    module.define(THREADS, f"@{THREADS} = constant i64 {threads}")
    if threads == 1:
        f = module.function(ALONE, [("table", ir.PTR)], internal=False)
        # Nothing is controlled: there is no barrier.
        f.call(FUNCTION, [f.arguments[0], f.arguments[0], f.constant(0), f.constant(1)])
        f.end()
    return module.text()


def _write_main(
    module: ir.Module,
    fused: Fused,
    sites: dict[Kernel, tuple[Site, list[Variable]]],
    table: Table,
    threads: int,
    timed: bool,
    scratch_bytes: int,
) -> None:
    arguments = [("table", ir.PTR), ("control", ir.PTR), ("thread", ir.I64), ("threads", ir.I64)]
    f = module.function(FUNCTION, arguments, internal=False)
    kernels = fused.kernels
    table_bytes = 8 * (table.end + (len(kernels) + 1 if timed else 0))
    places, control, thread = f.within(f.arguments[0], table_bytes), f.arguments[1], f.arguments[2]
    scratch = f.within(f.load(f.address(places, table.scratch, ir.I64), ir.PTR), scratch_bytes)
    done = "done"

    def is_shared(kernel: Kernel) -> bool:
        return sites[kernel][0].is_shared

    def may_fail(kernel: Kernel) -> bool:
        if kernel.nested is None:
            return sites[kernel][0].may_fail
        return any(sites[each][0].may_fail for inside in kernel.nested.bodies for each, _, _ in walk(inside.fused, 0))

    def call(kernel: Kernel, _: Fused, draws_at: int, address: Callable[[Variable], ir.Register]) -> None:
        """Write the call of a kernel, after a barrier if it needs one."""
        shared = is_any_shared(kernel.nested, is_shared) if kernel.nested is not None else is_shared(kernel)
        # What the first thread did alone needs no barrier before it goes on alone. A structure sees to its own.
        if not walked.alone or (shared and kernel.nested is None):
            walked.barrier()
            walked.alone = True
        if kernel.nested is not None:
            write_structure(walked, kernel.nested, address, draws_at)
            return
        walked.alone = not shared
        site, buffers = sites[kernel]
        f.call(site.name, [places, control, thread, scratch, *[address(v) for v in buffers]])

    def slot_address(variable: Variable) -> ir.Register:
        pointer = f.load(f.address(places, table.slot(variable), ir.I64), ir.PTR)
        return f.within(pointer, buffer_bytes(variable))

    walked = Walk(f, places, control, thread, threads, call, is_shared)
    unchecked = False
    for index, kernel in enumerate(kernels):
        if unchecked and table.overwrites(kernel):
            _stop_if_failed(f, table, threads, done)
            walked.alone = True
            unchecked = False
        unchecked = unchecked or may_fail(kernel)
        if timed:
            if not walked.alone:
                walked.barrier()
                walked.alone = True
            _note_time(f, places, thread, table.end + index)
        if isinstance(f, CheckedFunction):
            f.kernel = f.constant(index + 1)
        call(kernel, fused, table.draws, slot_address)
    if timed:
        emit_barrier(f, control, f.constant(threads))
        _note_time(f, places, thread, table.end + len(kernels))
    f.do(f"br label %{done}")
    f.block(done)
    with f.when(thread.compare("eq", 0)):
        f.store(f.constant(1), f.address(places, table.finished, ir.I64))
    f.end()


def _stop_if_failed(f: ir.Function, table: Table, threads: int, done: str) -> None:
    """Before anything is overwritten, let all threads stop together if something was wrong.

    The first one says so in a place of its own: a thread that is ahead may find the next failure before others looked.
    """
    places, control, thread, _ = f.arguments
    emit_barrier(f, control, f.constant(threads))
    with f.when(thread.compare("eq", 0)):
        found = f.load(f.address(places, table.failed, ir.I64), ir.I64)
        f.store(found, f.address(places, table.failed + 1, ir.I64))
    emit_barrier(f, control, f.constant(threads))
    verdict = f.load(f.address(places, table.failed + 1, ir.I64), ir.I64)
    go = f.label("go")
    f.do(f"br i1 {verdict.compare('eq', 0).text}, label %{go}, label %{done}")
    f.block(go)


def _note_time(main: ir.Function, table: ir.Register, thread: ir.Register, slot: int) -> None:
    with main.when(thread.compare("eq", 0)):
        now = main.call("llvm.readcyclecounter", [], ir.I64)
        main.store(now, main.address(table, slot, ir.I64))


def _write_kernel(site: Site, kernel: Kernel) -> None:
    target = site.target
    if kernel.kind in ("other", "product"):
        KERNELS[site.operation.op](site)
        return
    outputs = {variable: kernel.place(variable) for variable in kernel.outputs}
    widest = max([v.spec.dtype.itemsize for v in (*kernel.leaves, *outputs) if v.spec.dtype.is_floating] or [4])
    kind = register_type(next(iter(outputs)).spec.dtype)
    lanes = target.lanes(ir.F64 if widest == 8 or kind == ir.F64 else ir.F32)
    nest = Nest(site.f, kernel, outputs, site.pointer, lanes, site.thread, site.threads, site.fail)
    if kernel.kind == "loop":
        write_loop(nest)
    else:
        write_reduction(nest)
    site.is_shared = nest.is_shared
