"""The kernel of a region: its operations on some rows at a time, each block a small program of kernels of its own.

A block's program is made as a whole program is: fused, planned, and written for one thread. The threads share the
matrices of a batch, and, where no sum goes over all rows, also the rows. Where nothing right of the diagonal matters,
a block sees only the columns up to its own. Sums over all rows that are not to lie as they are made, or that work
follows, are held by the thread until they are complete.
What it is not: the choice of what is a region (`regions.py`), or of where its results lie (`destinations.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.ops.precision import PRODUCTS
from shapewright.shapes.dtypes import spec

from . import ir
from .access import Access
from .blocking import whole_lines
from .elements import is_elementwise, is_reduction, register_type
from .fusion import COPY, Fused, Kernel, fuse
from .plan import Plan, buffer_bytes, plan
from .products import fits_product, is_product
from .regions import COLUMN, FREE, MOST_PAIRS, ROW, Region
from .signature import signature
from .special import Site

# Each block packs the matrices that it multiplies with, which fewer rows would not pay for.
_FEWEST_ROWS = 32
# Blocks of a triangle see so many different numbers of columns at most: the kernels of each are code of their own.
_MOST_WIDTHS = 8


@dataclass(eq=False)
class _Block:
    """A region's program for a block of rows.

    Args:
        graph: the program.
        arguments: the variables of what it reads, by the region's variable and what its axes are.
        results: the variable of each output of the region.
        cells: the variable of each output that is added to.
    """

    graph: Graph = field(default_factory=Graph)
    arguments: dict[tuple[Variable, tuple[str, ...]], Variable] = field(default_factory=dict)
    results: dict[Variable, Variable] = field(default_factory=dict)
    cells: dict[Variable, Variable] = field(default_factory=dict)


def _sums(region: Region) -> list[Variable]:
    """Give the results that are sums over all rows."""
    read = {v for operation in region.operations if region.is_ending(operation) for v in operation.variables}
    made = [operation.result for operation in region.operations if operation.op in PRODUCTS]
    needed = [v for v in made if v in read or v in region.outputs]
    return [v for v in needed if FREE in region.roles[v] and region.first_axis(v) == COLUMN]


def _block(region: Region, rows: int, columns: int, *, adds: bool) -> _Block:
    """Write a region for some rows and columns; sums over all rows are begun, or added to."""
    sums = _sums(region)
    block = _Block()
    graph = block.graph
    own: dict[Variable, Variable] = {}

    def sized(variable: Variable, role: tuple[str, ...]) -> Any:
        free = variable.spec.sizes[len(variable.spec.sizes) - len(role) :]
        sizes = [{ROW: rows, COLUMN: columns}.get(kind, size) for kind, size in zip(role, free, strict=True)]
        return spec(tuple(sizes), variable.spec.dtype)

    def operand_of(operation: Operation, place: int) -> Any:
        operand = operation.operands[place]
        if not isinstance(operand, Variable) or operand in own:
            return own.get(operand, operand)
        role = region.reads[operation.result, place]
        found = block.arguments.get((operand, role))
        if found is None:
            found = block.arguments[operand, role] = Variable(sized(operand, role), "read")
            graph.arguments.append(found)
        return found

    def turned(variable: Variable) -> Variable:
        first, second = variable.spec.sizes
        return added(ops.permute, (variable,), {"axes": (1, 0)}, spec((second, first), variable.spec.dtype))

    def added(op: Any, operands: tuple[Any, ...], params: Mapping[str, Any], result: Any) -> Variable:
        variable = Variable(result)
        graph.operations.append(Operation(op, operands, params, variable))
        return variable

    for operation in region.operations:
        op, result = operation.op, operation.result
        role = region.roles[result]
        if region.is_ending(operation) and region.first_axis(result) == COLUMN:
            # That is for when the sums are complete.
            continue
        operands = tuple([operand_of(operation, place) for place in range(len(operation.operands))])
        params = operation.params
        if is_reduction(operation):
            params = {**params, "axes": (0,) if role == (COLUMN,) else (1,)}
        elif op in (ops.gather, ops.gather_add):
            params = {**params, "axis": 1}
        elif op is ops.broadcast:
            params = {"sizes": (rows, columns), "axes": (0,)}
        elif op is ops.permute:
            params = {"axes": (1, 0)}
        if role[0] == FREE and op in PRODUCTS:
            # The product turned round, so that rows or columns come first.
            operands = (turned(operands[1]), turned(operands[0]))
            role = (role[1], FREE)
            sizes = (operands[0].spec.sizes[0], operands[1].spec.sizes[1])
            value = added(op, operands, params, spec(sizes, result.spec.dtype))
        elif role[0] == FREE:
            # It follows the product as that lies in the block.
            value = added(op, operands, params, spec(own[operation.variables[0]].spec.sizes, result.spec.dtype))
        else:
            value = added(op, operands, params, sized(result, role))
        own[result] = value
        if result not in region.outputs and result not in sums:
            continue
        if adds and result in sums:
            cell = block.cells[result] = Variable(value.spec, "sum")
            graph.updates[len(graph.cells)] = block.results[result] = added(ops.add, (cell, value), {}, value.spec)
            graph.cells.append(cell)
        else:
            block.results[result] = value
            graph.results.append(value)
    return block


@dataclass(eq=False)
class _Written:
    """A block's program, with its kernels written."""

    block: _Block
    fused: Fused
    plan: Plan
    calls: list[tuple[Site, list[Variable]]]

    def scratch_bytes(self) -> int:
        return max([site.scratch_bytes for site, _ in self.calls], default=0)


@dataclass(eq=False)
class _Ending:
    """What becomes of sums when they are complete.

    Args:
        output: the output of the region that it gives.
        result: what the kernel calls it.
        site: its kernel.
        buffers: what the kernel is given.
    """

    output: Variable
    result: Variable
    site: Site
    buffers: list[Variable]


class Blocks:
    """Writes regions into a module. Blocks of regions that are alike share their kernels.

    Args:
        write_kernel: writes a kernel of any other kind.
    """

    def __init__(self, write_kernel: Callable[[Site, Kernel], None]) -> None:
        self._write_kernel = write_kernel
        self._kernels: dict[Any, tuple[Site, list[int]]] = {}

    def write(self, site: Site) -> None:
        """Write the kernel of a region."""
        region = site.kernel.region
        assert region is not None
        sums = _sums(region)
        # The last block sees the most columns, so it comes first: it begins the sums.
        starts = list(range(0, region.rows, rows_of_block(region)))[::-1]
        ends = [region.rows, *starts[:-1]]
        programs: dict[Any, _Written] = {}
        parts = []
        for start, end in zip(starts, ends, strict=True):
            columns = _columns_seen(region, end)
            key = (end - start, columns, bool(sums) and start != starts[0])
            if key not in programs:
                programs[key] = self._program(site, region, *key)
            parts.append((start, programs[key]))
        ending = [operation for operation in region.operations if region.is_ending(operation)]
        read = {v for operation in ending for v in operation.variables}
        # Sums that need nothing more, and may lie as they are made, are made in their place.
        held = [v for v in sums if v in read or _in_block(region, v, site.kernel.place(v)) is not None]
        ended = {operation.result for operation in ending if region.first_axis(operation.result) == COLUMN}
        finished = [v for v in region.outputs if v in held or v in ended]
        endings = [self._ending(site, region, variable, held) for variable in finished]
        _Walk(site, region, parts, sums, held, endings).write()

    def _program(self, site: Site, region: Region, rows: int, columns: int, adds: bool) -> _Written:
        block = _block(region, rows, columns, adds=adds)
        placed = {}
        for (variable, role), argument in block.arguments.items():
            strides = site.kernel.leaves[variable].strides
            placed[argument] = Access(argument, argument.spec.sizes, strides[len(strides) - len(role) :])
        sums = _sums(region)
        targets = {}
        for variable, value in block.results.items():
            strides = None if variable in sums else _in_block(region, variable, site.kernel.place(variable))
            if strides is not None:
                targets[value] = Access(value, value.spec.sizes, strides)
        fused = fuse(
            block.graph, is_elementwise, is_reduction, is_product, fits_product, placed=placed, targets=targets
        )
        calls = [self._kernel(site, kernel) for kernel in fused.kernels]
        return _Written(block, fused, plan(block.graph, fused), calls)

    def _kernel(self, site: Site, kernel: Kernel) -> tuple[Site, list[Variable]]:
        """Write a kernel of a block, if none like it is there, and give it with the buffers that it is given."""
        key, variables = signature(kernel)
        if key not in self._kernels:
            name = f"{site.name}_{len(self._kernels)}"
            inner = Site(site.module, name, kernel, site.target, 1, site.failed, site.draws)
            self._write_kernel(inner, kernel)
            inner.end()
            self._kernels[key] = inner, [variables.index(buffer) for buffer in inner.buffers]
        inner, places = self._kernels[key]
        site.may_fail = site.may_fail or inner.may_fail
        return inner, [variables[place] for place in places]

    def _ending(self, site: Site, region: Region, output: Variable, sums: Sequence[Variable]) -> _Ending:
        """Write the kernel that gives an output of complete sums: work on them, or a copy to where it belongs."""
        sizes = (region.columns, output.spec.sizes[-2 if region.lies_turned(output) else -1])
        usual = (sizes[1], 1)
        operations: list[Operation] = []
        needed = {output}
        for operation in reversed(region.operations):
            if operation.result in needed and operation.result not in sums:
                needed.update(operation.variables)
                operations.insert(0, operation)
        result = output
        if not operations:
            result = Variable(output.spec)
            operations = [Operation(COPY, (output,), {}, result)]
        leaves = {v: Access(v, sizes, usual) for v in sums if v in needed}
        strides = _in_block(region, output, site.kernel.place(output)) or usual
        kernel = Kernel(sizes, "loop", operations, leaves, [result], places={result: Access(result, sizes, strides)})
        return _Ending(output, result, *self._kernel(site, kernel))


def rows_of_block(region: Region) -> int:
    """Choose how many rows a block has."""
    if region.columns == 0:
        return max(region.rows, 1)
    packs = any(operation.op in PRODUCTS for operation in region.operations)
    most = max(_FEWEST_ROWS if packs else 1, MOST_PAIRS // region.columns)
    blocks = -(-region.rows // most)
    return max(1, -(-region.rows // blocks))


def _in_block(region: Region, variable: Variable, access: Access) -> tuple[int, int] | None:
    """Give the strides of a result as it lies in a block, if it lies otherwise than it would by itself."""
    if FREE not in region.roles[variable]:
        return None
    sizes, strides = list(access.sizes[-2:]), list(access.strides[-2:])
    if region.lies_turned(variable):
        sizes, strides = sizes[::-1], strides[::-1]
    usual = (sizes[1], 1)
    strides = [own if size > 1 else other for size, own, other in zip(sizes, strides, usual, strict=True)]
    return None if tuple(strides) == usual else (strides[0], strides[1])


def _columns_seen(region: Region, end: int) -> int:
    """Give how many columns a block sees whose last row is before `end`."""
    if not region.is_triangular:
        return region.columns
    step = -(-region.columns // _MOST_WIDTHS)
    return min(region.columns, -(-end // step) * step)


class _Walk:
    """Writes the loops over a batch and its blocks."""

    def __init__(
        self,
        site: Site,
        region: Region,
        parts: Sequence[tuple[int, _Written]],
        sums: Sequence[Variable],
        held: Sequence[Variable],
        endings: Sequence[_Ending],
    ) -> None:
        self.site = site
        self.region = region
        self.parts = parts
        self.has_sums = bool(sums)
        self.endings = endings
        # Memory of each thread: what is between the kernels, and what the kernels need.
        self.arena = whole_lines(max(written.plan.arena_bytes for _, written in parts))
        own = self.arena + whole_lines(max(written.scratch_bytes() for _, written in parts))
        # Sums that go to their places when they are complete.
        self.held: dict[Variable, int] = {}
        for variable in held:
            self.held[variable] = own
            own += whole_lines(buffer_bytes(variable) // math.prod(region.batch))
        site.is_shared = True
        f = site.f
        self.memory = f.address(site.scratch(own * site.threads), site.thread * own, ir.I8)

    def write(self) -> None:
        site, f = self.site, self.site.f
        batches, threads = math.prod(self.region.batch), site.threads
        if self.has_sums or batches % threads == 0 or batches >= 8 * threads:
            first, last = (site.thread * batches) // threads, ((site.thread + 1) * batches) // threads
            with f.loop(first, last) as loop:
                for start, _, written in self._over_blocks():
                    self._call(loop.counter, start, written)
                for ending in self.endings:
                    self._end(loop.counter, ending)
            return
        # Few matrices: the threads take their blocks in turn.
        for start, number, written in self._over_blocks():
            with f.loop((site.thread + number) % threads, batches, threads) as loop:
                self._call(loop.counter, start, written)

    def _over_blocks(self) -> Iterator[tuple[ir.Register, ir.Register, _Written]]:
        """Go through the blocks: the first row of each, its number, and its program, whose calls are written once."""
        f = self.site.f
        number = 0
        for written, group in groupby(self.parts, key=lambda part: part[1]):
            starts = [start for start, _ in group]
            if len(starts) == 1:
                yield f.constant(starts[0]), f.constant(number), written
            else:
                # All but the last block of rows, which comes first, have equally many.
                with f.loop(0, len(starts)) as loop:
                    yield loop.counter * (starts[1] - starts[0]) + starts[0], loop.counter + number, written
            number += len(starts)

    def _call(self, number: ir.Register, start: ir.Register, written: _Written) -> None:
        """Call the kernels of a block: its batch and its first row."""
        site, f = self.site, self.site.f
        indices = site.unravel(number, self.region.batch)
        places: dict[Variable, ir.Register] = {}
        for (variable, role), argument in written.block.arguments.items():
            places[argument] = self._place(site.kernel.leaves[variable], role, indices, start)
        for variable, value in written.block.results.items():
            if variable in self.held:
                place = f.address(self.memory, self.held[variable], ir.I8)
            else:
                place = self._place(site.kernel.place(variable), self.region.roles[variable], indices, start)
            places[written.fused.accesses[value].buffer] = place
            if variable in written.block.cells:
                assert written.fused.accesses[value].buffer in written.plan.in_place, "a sum is added to in its place"
                places[written.block.cells[variable]] = place
        for variable, offset in written.plan.arena.items():
            places[variable] = f.address(self.memory, offset, ir.I8)
        for inner, buffers in written.calls:
            self._run(inner, [places[buffer] for buffer in buffers])

    def _end(self, number: ir.Register, ending: _Ending) -> None:
        """Call what becomes of sums, for a batch."""
        site, f = self.site, self.site.f
        places = {variable: f.address(self.memory, offset, ir.I8) for variable, offset in self.held.items()}
        role = self.region.roles[ending.output]
        indices = site.unravel(number, self.region.batch)
        places[ending.result] = self._place(site.kernel.place(ending.output), role, indices, f.constant(0))
        self._run(ending.site, [places[buffer] for buffer in ending.buffers])

    def _place(
        self, access: Access, role: tuple[str, ...], indices: Sequence[ir.Register], start: ir.Register
    ) -> ir.Register:
        """Give the address of a part of a tensor: its batch, and the first row if it has rows."""
        f = self.site.f
        rank = len(access.sizes) - len(role)
        offset: Any = f.constant(access.offset)
        for index, stride in zip(indices, access.strides[:rank], strict=True):
            if stride:
                offset = offset + index * stride
        for kind, stride in zip(role, access.strides[rank:], strict=True):
            if kind == ROW and stride:
                offset = offset + start * stride
        return f.address(self.site.pointer(access.buffer), offset, _memory(access.buffer))

    def _run(self, inner: Site, places: Sequence[ir.Register]) -> None:
        """Call a kernel."""
        site, f = self.site, self.site.f
        scratch = f.address(self.memory, self.arena, ir.I8)
        f.call(inner.name, [site.table, site.control, f.constant(0), scratch, *places])


def _memory(variable: Variable) -> str:
    return register_type(variable.spec.dtype, memory=True)


__all__ = ["Blocks", "rows_of_block"]
