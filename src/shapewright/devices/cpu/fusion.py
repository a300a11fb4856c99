"""Fusion: which operations become one kernel. Elementwise chains of one shape, with the reduction that ends them.

A kernel reads buffers and writes buffers; what only its own operations need stays in registers. What it is not: the
code of a kernel (`loops.py`), or where buffers lie (`plan.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.graph.cost import bytes_of
from shapewright.graph.structure import is_structure, part

from .access import Access, is_view, view
from .schedule import ordered

if TYPE_CHECKING:
    from .regions import Region

# Kernels between two that may become one: moved further, results would be held longer.
_CLOSE = 4
# Operations in one kernel: more would not fit the registers, and the text of very long kernels costs time.
_MOST_OPERATIONS = 96


@dataclass(eq=False)
class Kernel:
    """One piece of work between two barriers.

    Args:
        sizes: the iteration space of an elementwise kernel or of the input of a reduction.
        operations: the operations inside, in order; for any other kind of kernel the one operation it is.
        leaves: how the variables that are read lie in their buffers.
        outputs: the variables that are written.
        places: how results lie that are not written as whole buffers of their own.
        kind: "loop" for elementwise work, "reduce" for elementwise work that ends in a reduction (the last operation),
            "product" for a matrix product (the first operation) with elementwise work on its result, "region" for
            operations computed some rows at a time, "structure" for a loop or a choice with what is taken of it,
            "other" for a kernel of its own (the last operation; a `concat` has the elementwise work on its operands in
            front).
        region: the operations of a region.
        b_changes: whether the second operand of a product lies in a cell that the program writes.
    """

    sizes: tuple[int, ...]
    kind: str
    operations: list[Operation] = field(default_factory=list)
    leaves: dict[Variable, Access] = field(default_factory=dict)
    outputs: list[Variable] = field(default_factory=list)
    # The kernels this one must come after, as bits, those behind them included.
    before: int = 0
    number: int = 0
    region: Region | None = None
    places: dict[Variable, Access] = field(default_factory=dict)
    b_changes: bool = False
    # For a loop or a choice, its bodies (`nested.py`).
    nested: Any = None

    @property
    def inside(self) -> set[Variable]:
        """The variables that the kernel's operations give."""
        return {operation.result for operation in self.operations}

    def place(self, variable: Variable) -> Access:
        """Give how a result of the kernel lies."""
        return self.places.get(variable) or Access.whole(variable)


@dataclass(eq=False)
class Fused:
    """A graph as kernels in order, with the access of each variable that outlives its kernel."""

    kernels: list[Kernel]
    accesses: dict[Variable, Access]


class _Fuser:
    def __init__(
        self,
        graph: Graph,
        elementwise: Callable[[Operation], bool],
        reduces: Callable[[Operation], bool],
        is_product: Callable[[Operation], bool],
        fits_product: Callable[[Kernel, Kernel], bool],
        regions: Sequence[Region],
        placed: Mapping[Variable, Access],
        targets: Mapping[Variable, Access],
        late: Collection[Variable],
        apart: bool,
    ) -> None:
        self.graph = graph
        self.regions = {id(operation): region for region in regions for operation in region.operations}
        self.targets = targets
        self.apart = apart
        self.structures: dict[Variable, Kernel] = {}
        self.is_elementwise = elementwise
        self.reduces = reduces
        self.is_product = is_product
        self.fits_product = fits_product
        self.kernels: list[Kernel] = []
        self.accesses: dict[Variable, Access] = {}
        # The loop kernel that gives a variable which no buffer holds yet.
        self.home: dict[Variable, Kernel] = {}
        self.uses: dict[Variable, int] = {}
        for operation in graph.operations:
            for variable in operation.variables:
                self.uses[variable] = self.uses.get(variable, 0) + 1
        for variable in graph.outputs():
            self.uses[variable] = self.uses.get(variable, 0) + 1
        for variable in (*graph.arguments, *graph.cells, *graph.constants):
            self.accesses[variable] = Access.whole(variable)
        self.accesses.update(placed)
        self.late = late
        # The first kernel of those with late values.
        self.late_from: int | None = None
        self.writer: dict[Variable, Kernel] = {}
        # The kernels that another one comes after, as bits: only what changes about them concerns others.
        self.awaited = 0

    def run(self) -> Fused:
        for operation in self.graph.operations:
            region = self.regions.get(id(operation))
            if region is not None:
                if operation is region.operations[-1]:
                    self._region(region)
            elif is_structure(operation):
                self._structure(operation)
            elif operation.op is part:
                self._part(operation)
            elif is_view(operation):
                self._view(operation)
            elif self.is_elementwise(operation):
                self._elementwise(operation)
            elif self.reduces(operation):
                self._reduce(operation)
            else:
                self._other(operation)
        taken: set[Variable] = set()
        for variable in self.graph.outputs():
            self._stored_whole(variable)
            if self.apart and self.accesses[variable].buffer in taken:
                self.accesses[variable] = self._copied(variable)
            taken.add(self.accesses[variable].buffer)
        self._fuse_products()
        self._join_what_reads_the_same()
        self._read_before_overwritten()
        kernels = [kernel for kernel in self.kernels if kernel.outputs]
        changing = {self.graph.cells[number] for number in self.graph.updates}
        for kernel in kernels:
            if kernel.kind in ("other", "product") and self.is_product(kernel.operations[0]):
                kernel.b_changes = kernel.leaves[kernel.operations[0].variables[1]].buffer in changing
        return Fused(ordered(kernels), self.accesses)

    def _fuse_products(self) -> None:
        """Let elementwise work on a matrix product happen while the product is in registers."""
        readers: dict[Variable, list[Kernel]] = {}
        for kernel in self.kernels:
            for variable in {access.buffer for access in kernel.leaves.values()} if kernel.outputs else ():
                readers.setdefault(variable, []).append(kernel)
        leaving = {self.accesses[variable].buffer for variable in self.graph.outputs()}
        for kernel in self.kernels:
            if kernel.kind != "other" or not kernel.outputs or not self.is_product(kernel.operations[0]):
                continue
            (result,) = kernel.outputs
            after = readers.get(result, [])
            if len(after) != 1 or result in leaving or after[0].kind != "loop":
                continue
            loop = after[0]
            if loop.sizes != result.spec.sizes or result not in loop.leaves:
                continue
            own = [v for v, access in loop.leaves.items() if access.buffer is result]
            if own != [result] or not loop.leaves[result].is_whole or not self.fits_product(kernel, loop):
                continue
            # What the work reads besides must not come after the product.
            if any(
                (source := self.writer.get(access.buffer)) is not None and source.before >> kernel.number & 1
                for variable, access in loop.leaves.items()
                if variable is not result
            ):
                continue
            self._absorb(kernel, loop, result)

    def _join_what_reads_the_same(self) -> None:
        """Let a product do elementwise work that reads what its own work reads, if the two stand close together.

        What a program computes again for a gradient is an example: the gradient's product has the numbers at hand.
        """
        for kernel in self.kernels:
            if kernel.kind != "product" or not kernel.outputs:
                continue
            product = kernel.operations[0]
            read = {
                v for v in kernel.leaves if v not in product.variables and v.spec.sizes == product.result.spec.sizes
            }
            for loop in self.kernels[max(0, kernel.number - _CLOSE) : kernel.number + _CLOSE + 1]:
                if loop.kind != "loop" or not loop.outputs or loop.sizes != product.result.spec.sizes:
                    continue
                if read.isdisjoint(loop.leaves) or any(kernel.leaves.get(v, a) != a for v, a in loop.leaves.items()):
                    continue
                if kernel.before >> loop.number & 1 or loop.before >> kernel.number & 1:
                    continue
                work = Kernel(loop.sizes, "loop", kernel.operations[1:] + loop.operations)
                work.leaves = {v: a for v, a in kernel.leaves.items() if v not in product.variables} | loop.leaves
                work.outputs = kernel.outputs + loop.outputs
                if len(work.operations) <= _MOST_OPERATIONS and self.fits_product(kernel, work):
                    self._absorb(kernel, loop, product.result)

    def _absorb(self, kernel: Kernel, loop: Kernel, result: Variable) -> None:
        kernel.kind = "product"
        kernel.operations.extend(loop.operations)
        kernel.leaves = {**kernel.leaves, **{v: a for v, a in loop.leaves.items() if v is not result}}
        kernel.outputs = [v for v in kernel.outputs if v is not result] + loop.outputs
        kernel.places.update(loop.places)
        for variable in loop.outputs:
            self.writer[variable] = kernel
        both = 1 << kernel.number | 1 << loop.number
        kernel.before |= loop.before & ~both
        self._after_both(kernel, both)
        loop.operations, loop.outputs = [], []

    def _read_before_overwritten(self) -> None:
        """Let a cell's new value wait for those who read the old one, so that it can be written over it."""
        readers: dict[Variable, list[Kernel]] = {cell: [] for cell in self.graph.cells}
        for kernel in self.kernels:
            for buffer in {access.buffer for access in kernel.leaves.values()} if kernel.outputs else ():
                if buffer in readers:
                    readers[buffer].append(kernel)
        for number, variable in self.graph.updates.items():
            writer = self.writer[self.accesses[variable].buffer]
            for kernel in readers[self.graph.cells[number]]:
                if kernel is not writer and not kernel.before >> writer.number & 1:
                    self._after(writer, kernel)

    # ---- what becomes of an operation -------------------------------------------------------------------------------
    def _view(self, operation: Operation) -> None:
        (operand,) = operation.operands
        access = view(operation, self._access(operand))
        if access is None:
            # A reshape of something that lies scattered: it is copied into rows first.
            access = view(operation, self._copied(operand))
            assert access is not None
        self.accesses[operation.result] = access

    def _elementwise(self, operation: Operation) -> None:
        sizes = operation.result.spec.sizes
        kernel = self._joinable(operation, sizes)
        if kernel is None:
            kernel = self._new(sizes, "loop")
        for variable in operation.variables:
            if self.home.get(variable) is not kernel:
                self._read(kernel, variable)
        kernel.operations.append(operation)
        self.home[operation.result] = kernel

    def _reduce(self, operation: Operation) -> None:
        (operand,) = operation.variables
        kernel = self._new(operand.spec.sizes, "reduce")
        if self._is_only_for(operand):
            self._take_in(kernel, operand)
        else:
            self._read(kernel, operand)
        kernel.operations.append(operation)
        self._written(kernel, operation.result)

    def _structure(self, operation: Operation) -> None:
        kernel = self._new((operation.params.get("length", 1),), "structure")
        for variable in dict.fromkeys(operation.variables):
            # Bodies read whole buffers.
            access = self._access(variable)
            kernel.leaves[variable] = access if access.is_whole else self._copied(variable)
            source = self.writer.get(kernel.leaves[variable].buffer)
            if source is not None:
                self._after(kernel, source)
        kernel.operations.append(operation)
        self.structures[operation.result] = kernel

    def _part(self, operation: Operation) -> None:
        kernel = self.structures[operation.operands[0]]
        kernel.operations.append(operation)
        self._written(kernel, operation.result)

    def _other(self, operation: Operation) -> None:
        if operation.result in self.accesses:
            # A region has written all of its parts already.
            return
        kernel = self._new(operation.result.spec.sizes, "other")
        for variable in operation.variables:
            if operation.op is ops.concat and self._is_only_for(variable):
                self._take_in(kernel, variable)
            else:
                self._read(kernel, variable)
        kernel.operations.append(operation)
        self._written(kernel, operation.result)

    def _region(self, region: Region) -> None:
        kernel = self._new(region.sizes, "region")
        kernel.region = region
        kernel.operations = list(region.operations)
        own = kernel.inside
        for variable in dict.fromkeys(v for operation in region.operations for v in operation.variables):
            if variable not in own:
                self._read(kernel, variable)
        for variable in region.outputs:
            access = kernel.places[variable] = self.accesses[variable] = region.places[variable]
            if access.buffer not in kernel.outputs:
                kernel.outputs.append(access.buffer)
                self.writer[access.buffer] = kernel
                self.accesses.setdefault(access.buffer, Access.whole(access.buffer))

    def _is_only_for(self, operand: Variable) -> bool:
        """Whether an operand is the result of elementwise work and nothing needs it but the operation at hand."""
        return operand in self.home and operand not in self.accesses and self.uses[operand] == 1

    def _take_in(self, kernel: Kernel, operand: Variable) -> None:
        """Let a kernel compute its operand; what others need parts of is computed for them, too."""
        home = self.home[operand]
        known = kernel.inside
        needed = {operand}
        chain = []
        for step in reversed(home.operations):
            if step.result in needed:
                needed.update(step.variables)
                chain.append(step)
        kernel.operations.extend(step for step in chain[::-1] if step.result not in known)
        for variable in [v for v in home.leaves if v in needed]:
            self._read(kernel, variable)

    # ---- kernels and buffers ----------------------------------------------------------------------------------------
    def _new(self, sizes: tuple[int, ...], kind: str) -> Kernel:
        kernel = Kernel(sizes, kind, number=len(self.kernels))
        self.kernels.append(kernel)
        return kernel

    def _joinable(self, operation: Operation, sizes: tuple[int, ...]) -> Kernel | None:
        """Give the kernel of an operand that the operation can join: the others must not come after it."""
        homes = {home.number: home for v in operation.variables if (home := self.home.get(v)) is not None}
        chosen: Kernel | None = None
        earliest = 0
        if operation.result in self.late:
            # Computed by an early kernel it would have to be held.
            if self.late_from is None:
                self.late_from = len(self.kernels)
            earliest = self.late_from
        for number in sorted(homes, reverse=True):
            kernel = homes[number]
            if number < earliest:
                continue
            if kernel.sizes != sizes or len(kernel.operations) >= _MOST_OPERATIONS:
                continue
            if chosen is not None:
                self._merge(chosen, kernel)
            elif all(not self._depends(v, kernel) for v in operation.variables if self.home.get(v) is not kernel):
                if not self._would_hold_more(kernel, operation):
                    chosen = kernel
        return chosen

    def _would_hold_more(self, kernel: Kernel, operation: Operation) -> bool:
        """Whether a kernel would wait for an operand made long after it, and hold more until then, as sums of parts."""
        sources = [self._source(v) for v in operation.variables if self.home.get(v) is not kernel]
        if all(source is None or source.number <= kernel.number + _CLOSE for source in sources):
            return False
        held = {access.buffer for access in kernel.leaves.values() if access.buffer in self.writer}
        return bytes_of(held) > bytes_of([operation.result])

    def _merge(self, kernel: Kernel, other: Kernel) -> None:
        """Make two kernels one, if neither must come after the other and they read nothing that the other writes."""
        if len(kernel.operations) + len(other.operations) > _MOST_OPERATIONS:
            return
        if kernel.before >> other.number & 1 or other.before >> kernel.number & 1:
            return
        kernel.operations.extend(other.operations)
        kernel.leaves.update(other.leaves)
        kernel.outputs.extend(other.outputs)
        kernel.places.update(other.places)
        for step in other.operations:
            self.home[step.result] = kernel
            if step.result in self.writer:
                self.writer[step.result] = kernel
        other.operations, other.outputs = [], []
        # Whoever comes after one of them comes after both now.
        both = 1 << kernel.number | 1 << other.number
        kernel.before |= other.before
        self._after_both(kernel, both)

    def _after_both(self, kernel: Kernel, both: int) -> None:
        """Let whoever comes after one of two kernels, which are one now, come after both."""
        added = both | kernel.before
        if self.awaited & both:
            for third in self.kernels:
                if third is not kernel and third.before & both:
                    third.before |= added
        self.awaited |= added

    def _depends(self, variable: Variable, kernel: Kernel) -> bool:
        source = self._source(variable)
        # A view of what the kernel itself writes is there only when the kernel has ended.
        return source is kernel or (source is not None and bool(source.before >> kernel.number & 1))

    def _source(self, variable: Variable) -> Kernel | None:
        home = self.home.get(variable)
        if home is not None:
            return home
        access = self.accesses.get(variable)
        return None if access is None else self.writer.get(access.buffer)

    def _read(self, kernel: Kernel, variable: Variable) -> None:
        access = self._access(variable)
        kernel.leaves[variable] = access
        source = self.writer.get(access.buffer)
        if source is not None and source is not kernel:
            self._after(kernel, source)

    def _after(self, kernel: Kernel, source: Kernel) -> None:
        added = source.before | 1 << source.number
        if kernel.before | added != kernel.before:
            kernel.before |= added
            self.awaited |= added
            if self.awaited >> kernel.number & 1:
                bit = 1 << kernel.number
                for other in self.kernels:
                    if other.before & bit:
                        other.before |= kernel.before

    def _access(self, variable: Variable) -> Access:
        """Give where a variable lies; what is only in registers is stored by its kernel."""
        access = self.accesses.get(variable)
        if access is None:
            kernel = self.home[variable]
            self._written(kernel, variable)
            access = self.accesses[variable]
        return access

    def _written(self, kernel: Kernel, variable: Variable) -> None:
        kernel.outputs.append(variable)
        self.writer[variable] = kernel
        if variable in self.targets:
            kernel.places[variable] = self.targets[variable]
        self.accesses[variable] = kernel.place(variable)

    def _copied(self, variable: Variable) -> Access:
        """Give a variable's access in a buffer of its own, in row-major order."""
        copy = Variable(variable.spec, "copy")
        kernel = self._new(variable.spec.sizes, "loop")
        self._read(kernel, variable)
        kernel.operations.append(Operation(COPY, (variable,), {}, copy))
        self._written(kernel, copy)
        return self.accesses[copy]

    def _stored_whole(self, variable: Variable) -> None:
        """See to it that an output of the program has a buffer of its own, in row-major order."""
        access = self._access(variable)
        if access == self.targets.get(variable):
            return
        if not access.is_whole or access.buffer not in self.writer:
            self.accesses[variable] = self._copied(variable)


class _Copy:
    """In the place of an op: the elements as they are."""

    name = "copy"
    exact = True


COPY: Any = _Copy()


def fuse(
    graph: Graph,
    elementwise: Callable[[Operation], bool],
    reduces: Callable[[Operation], bool],
    is_product: Callable[[Operation], bool],
    fits_product: Callable[[Kernel, Kernel], bool],
    regions: Sequence[Region] = (),
    placed: Mapping[Variable, Access] = MappingProxyType({}),
    targets: Mapping[Variable, Access] = MappingProxyType({}),
    late: Collection[Variable] = (),
    apart: bool = False,
) -> Fused:
    """Divide a graph into kernels.

    Args:
        graph: the program.
        elementwise: whether an operation computes each element from the elements at the same place.
        reduces: whether an operation is a reduction whose operand may be computed in its loop.
        is_product: whether an operation is a matrix product that takes elementwise work on its result.
        fits_product: whether a product's kernel can take the work of a loop kernel.
        regions: operations that stand side by side and become one kernel.
        placed: where arguments lie that are no whole buffers.
        targets: where results are to lie that are to be no whole buffers.
        late: values that are not computed before the moment when the program holds most.
        apart: whether each output has a buffer of its own.
    """
    return _Fuser(graph, elementwise, reduces, is_product, fits_product, regions, placed, targets, late, apart).run()
