"""Row regions: operations that need the rows of a matrix more than once are done for some rows at a time.

A norm is the example: it reads each row for the mean, again for the variance, and again to write its result, and its
gradient does so twice as often. Softmax, cross entropy and what people write themselves are alike. Their kernels, one
after the other for rows that stay in the second cache, read and write memory once. Sums over all rows, which the
gradients of weights and biases are, begin in the same place: each block of rows gives a part of them.
What it is not: regions between matrix products (`regions.py`), or the code of a region (`blocks.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.ops.precision import PRODUCTS, sum_of_bf16
from shapewright.shapes.dtypes import DType, f32, f64, spec

from .elements import is_elementwise, is_reduction
from .regions import COLUMN, MOST_PAIRS, ONE, PAIRS, ROW, ROWS, Region, in_order

# Elements below this number stay in the cache anyway.
_FEWEST = 1 << 16
# Blocks that all threads find work in.
_BLOCKS = 16
# Each block gives a part of a sum over all rows: with fewer rows, the parts would be many.
_FEWEST_ROWS_OF_SUMS = 8
_MOST_OPERATIONS = 192

# What the axes behind the batch are of one number for each column, or of one for each row that keeps its axis.
COLUMNS, SINGLE = (COLUMN,), (ROW, ONE)


@dataclass(eq=False)
class _Cluster:
    """Operations on the rows of tensors of the same sizes, which become a region.

    Args:
        sizes: of the tensors.
        is_late: whether they are done behind the moment when the program holds most.
        members: by the number of each operation, what the axes of its result are.
        related: other reductions of what the cluster reads.
    """

    sizes: tuple[int, ...]
    is_late: bool
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    related: set[int] = field(default_factory=set)


def find_rows(graph: Graph, regions: Sequence[Region], late: Collection[Variable] = ()) -> tuple[Graph, list[Region]]:
    """Find the row regions of a program.

    Args:
        graph: the program.
        regions: those that it has, whose operations stay side by side.
        late: values that are not computed before the moment when the program holds most.

    Returns:
        The program with the operations of each region side by side; and all of its regions.
    """
    finder = _Finder(graph, regions, late)
    clusters = finder.clusters()
    if not clusters:
        return graph, list(regions)
    found = finder.written(clusters)
    if found is None:
        # Some wait for each other: those that do not are taken one at a time.
        taken: list[_Cluster] = []
        for cluster in clusters:
            if finder.written([*taken, cluster]) is not None:
                taken.append(cluster)
        found = finder.written(taken)
        assert found is not None
    return found


class _Finder:
    def __init__(self, graph: Graph, regions: Sequence[Region], late: Collection[Variable]) -> None:
        self.graph = graph
        self.regions = regions
        self.late = late
        self.leaving = set(graph.outputs())
        self.producers = {operation.result: number for number, operation in enumerate(graph.operations)}
        self.users: dict[Variable, list[int]] = {}
        # Matrix products, and elementwise work that is done where they are written.
        self.of_product: set[Variable] = set()
        for number, operation in enumerate(graph.operations):
            for variable in dict.fromkeys(operation.variables):
                self.users.setdefault(variable, []).append(number)
        for operation in graph.operations:
            if operation.op in PRODUCTS or (
                is_elementwise(operation)
                and any(v in self.of_product and len(self.users[v]) == 1 for v in operation.variables)
            ):
                self.of_product.add(operation.result)
        whole = {id(operation) for region in regions for operation in region.operations}
        self.taken = {number for number, operation in enumerate(graph.operations) if id(operation) in whole}

    # ---- who belongs together ---------------------------------------------------------------------------------------
    def clusters(self) -> list[_Cluster]:
        """Give the clusters that are worth a kernel."""
        found = []
        for number, operation in enumerate(self.graph.operations):
            if number not in self.taken and _begins(operation):
                cluster = self._grown(number)
                if COLUMNS in cluster.members.values() and _cut(cluster.sizes, has_sums=True)[0] is None:
                    # The sums would have too many parts.
                    cluster.members = {n: role for n, role in cluster.members.items() if role != COLUMNS}
                if self._is_worth_it(cluster):
                    found.append(cluster)
                    self.taken.update(cluster.members)
        return found

    def _grown(self, first: int) -> _Cluster:
        """Add what belongs to a reduction of rows, as long as something does."""
        begins = self.graph.operations[first]
        cluster = _Cluster(begins.variables[0].spec.sizes, begins.result in self.late)
        waiting = deque([first])
        while waiting and len(cluster.members) < _MOST_OPERATIONS:
            number = waiting.popleft()
            if number in cluster.members or number in self.taken:
                continue
            operation = self.graph.operations[number]
            role = _role(operation, cluster.sizes)
            if role is None or (operation.result in self.late) != cluster.is_late:
                continue
            if cluster.members and not (self._is_wanted(cluster, number, role) and self._fits(cluster, number)):
                continue
            cluster.members[number] = role
            for variable in operation.variables:
                producer = self.producers.get(variable, -1)
                if producer >= 0:
                    waiting.append(producer)
                if variable.spec.sizes == cluster.sizes and producer not in cluster.members:
                    related = self._reductions_of(variable)
                    cluster.related.update(related)
                    waiting.extend(related)
            waiting.extend(self.users.get(operation.result, ()))
        return cluster

    def _reductions_of(self, variable: Variable) -> list[int]:
        """Give the reductions of a tensor, or of elementwise work on it that nothing else needs."""
        found = []
        for number in self.users[variable]:
            operation = self.graph.operations[number]
            while is_elementwise(operation) and len(users := self.users.get(operation.result, ())) == 1:
                (number,) = users
                operation = self.graph.operations[number]
            if is_reduction(operation):
                found.append(number)
        return found

    def _is_wanted(self, cluster: _Cluster, number: int, role: tuple[str, ...]) -> bool:
        """Whether an operation is better done with a cluster than apart."""
        operation, members = self.graph.operations[number], cluster.members
        if number in cluster.related or any(self.producers.get(v) in members for v in operation.variables):
            return True
        users = self.users.get(operation.result, ())
        inside = sum(user in members for user in users)
        if operation.result in self.of_product or not inside:
            return False
        if inside == len(users) and operation.result not in self.leaving:
            return True
        # What others need, too, is stored either way.
        return role == PAIRS and is_elementwise(operation)

    def _fits(self, cluster: _Cluster, number: int) -> bool:
        """Whether no way leads from a cluster with one more operation to others and back."""
        operations, members = self.graph.operations, cluster.members
        low, high = min(members), max(members)
        seen: set[int] = set()
        waiting = [n for v in operations[number].variables if (n := self.producers.get(v, -1)) >= 0]
        waiting = [n for n in waiting if n not in members]
        while waiting:
            here = waiting.pop()
            if here in members:
                return False
            if here < low or here in seen:
                continue
            seen.add(here)
            waiting.extend(self.producers[v] for v in operations[here].variables if v in self.producers)
        waiting = [n for n in self.users.get(operations[number].result, ()) if n not in members]
        seen.clear()
        while waiting:
            here = waiting.pop()
            if here in members:
                return False
            if here > high or here in seen:
                continue
            seen.add(here)
            waiting.extend(self.users.get(operations[here].result, ()))
        return True

    def _is_worth_it(self, cluster: _Cluster) -> bool:
        """Whether rows would otherwise be read more than once."""
        reductions = sum(is_reduction(self.graph.operations[number]) for number in cluster.members)
        gives_pairs = any(cluster.members[o] == PAIRS for o in self._outputs(cluster))
        return reductions + gives_pairs > 1

    def _outputs(self, cluster: _Cluster) -> Iterator[int]:
        """Give the members whose results others need."""
        for number in cluster.members:
            result = self.graph.operations[number].result
            if result in self.leaving or any(user not in cluster.members for user in self.users.get(result, ())):
                yield number

    # ---- regions ----------------------------------------------------------------------------------------------------
    def written(self, clusters: Sequence[_Cluster]) -> tuple[Graph, list[Region]] | None:
        """Give the program with the clusters as regions, or None where some wait for each other."""
        ends: dict[int, _Cluster] = {max(cluster.members): cluster for cluster in clusters}
        inside = {number for cluster in clusters for number in cluster.members}
        operations: list[Operation] = []
        regions = list(self.regions)
        for number, operation in enumerate(self.graph.operations):
            if number not in inside:
                operations.append(operation)
            elif number in ends:
                regions.append(self._region(ends[number], operations))
        instead = {operation: region for region in regions for operation in region.operations}
        order = in_order(operations, regions, instead)
        return None if order is None else (self.graph.with_operations(order), regions)

    def _region(self, cluster: _Cluster, written: list[Operation]) -> Region:
        """Write the operations of a cluster, with the views of what goes in and out around them."""
        batch, rows = _cut(cluster.sizes, has_sums=COLUMNS in cluster.members.values())
        assert batch is not None
        columns = cluster.sizes[-1]
        region = Region(batch, rows, columns, [], {}, {})
        lead = (*batch, rows)
        ends: dict[tuple[str, ...], tuple[int, ...]] = {
            PAIRS: (*lead, columns),
            ROWS: lead,
            SINGLE: (*lead, 1),
            COLUMNS: (*batch, columns),
        }
        own: dict[Variable, Variable] = {}
        views: dict[tuple[Variable, tuple[str, ...]], Variable] = {}

        def view(variable: Variable, role: tuple[str, ...]) -> Variable:
            if variable.spec.sizes == ends[role]:
                return variable
            if (variable, role) not in views:
                views[variable, role] = Variable(spec(ends[role], variable.spec.dtype))
                written.append(_reshaped(variable, views[variable, role]))
            return views[variable, role]

        for number, role in sorted(cluster.members.items()):
            operation = self.graph.operations[number]
            op, params = operation.op, operation.params
            if role == COLUMNS:
                params = {**params, "axes": (len(batch),)}
            elif is_reduction(operation):
                params = {**params, "axes": (len(lead),)}
            elif op is ops.broadcast:
                params = {"sizes": ends[PAIRS], "axes": tuple(range(len(lead)))}
            elif op in (ops.gather, ops.gather_add):
                params = {**params, "axis": len(lead)}
            result = operation.result
            if result.spec.sizes != ends[role] or role == COLUMNS:
                result = Variable(spec(ends[role], result.spec.dtype))
            operands: list[Any] = []
            for place, operand in enumerate(operation.operands):
                if isinstance(operand, Variable) and operand in own:
                    operand = own[operand]
                elif isinstance(operand, Variable):
                    here = _operand_role(operation, place, role)
                    region.reads[result, place] = here
                    operand = view(operand, here)
                operands.append(operand)
            own[operation.result] = result
            region.roles[result] = role
            region.operations.append(Operation(op, tuple(operands), params, result))
        written.extend(region.operations)
        for number in self._outputs(cluster):
            variable = self.graph.operations[number].result
            result = own[variable]
            region.outputs.append(result)
            if cluster.members[number] == COLUMNS:
                axes = tuple(range(len(batch)))
                written.append(Operation(ops.sum, (result,), {"axes": axes}, variable))
            elif result is not variable:
                written.append(_reshaped(result, variable))
        return region


def _begins(operation: Operation) -> bool:
    """Whether an operation is a reduction of long rows, or of many."""
    if not is_reduction(operation):
        return False
    operand = operation.variables[0].spec
    last = len(operand.sizes) - 1
    return last > 0 and operand.count >= _FEWEST and tuple(operation.params["axes"]) == (last,)


def _role(operation: Operation, sizes: tuple[int, ...]) -> tuple[str, ...] | None:
    """Give what the axes of an operation's result are in a cluster of tensors of some sizes, or None."""
    op, result, last = operation.op, operation.result.spec, len(sizes) - 1
    if is_elementwise(operation):
        return PAIRS if result.sizes == sizes else ROWS if result.sizes == sizes[:-1] else None
    if is_reduction(operation):
        axes = tuple(operation.params["axes"])
        if operation.variables[0].spec.sizes != sizes:
            return None
        if axes == (last,):
            return ROWS
        # Parts of a sum of 16-bit numbers would be rounded each.
        dtypes: tuple[type[DType], ...] = (f32, f64)
        is_sum = op in (ops.sum, sum_of_bf16) and result.dtype in dtypes
        return COLUMNS if is_sum and axes == tuple(range(last)) else None
    if op is ops.broadcast:
        (operand,) = operation.variables
        repeats = operand.spec.sizes == sizes[:-1] and tuple(operation.params["axes"]) == tuple(range(last))
        return PAIRS if repeats and result.sizes == sizes else None
    single = (*sizes[:-1], 1)
    if op is ops.gather and result.sizes == single:
        fits = operation.params["axis"] == last and operation.operands[0].spec.sizes == sizes
        return SINGLE if fits else None
    if op is ops.gather_add and result.sizes == sizes:
        fits = operation.params["axis"] == last and operation.operands[0].spec.sizes == single
        return PAIRS if fits else None
    return None


def _operand_role(operation: Operation, place: int, role: tuple[str, ...]) -> tuple[str, ...]:
    """Give what the axes of an operand from outside are."""
    if operation.op is ops.broadcast:
        return ROWS
    if operation.op is ops.gather_add or (operation.op is ops.gather and place == 1):
        return SINGLE
    return PAIRS if is_reduction(operation) or operation.op is ops.gather else role


def _cut(sizes: tuple[int, ...], *, has_sums: bool) -> tuple[tuple[int, ...] | None, int]:
    """Cut rows into blocks of equally many: give the sizes of the axes of blocks, and the rows of each.

    Without a cut that has sums of enough rows it gives None. Where only unequal blocks would do, there is one matrix,
    which is cut later.
    """
    *outer, inner, columns = sizes
    lead = math.prod(outer) * inner
    most = max(1, min(MOST_PAIRS // columns, lead // _BLOCKS))
    fewest = max(1, most // 4, _FEWEST_ROWS_OF_SUMS if has_sums else 1)
    # Cutting the last of the axes needs no copy, however the tensors lie.
    for axes, size in ((tuple(outer), inner), ((), lead)):
        rows = next((r for r in range(min(most, size), 0, -1) if size % r == 0), 1)
        if rows >= fewest:
            return (*axes, size // rows), rows
    return (None, 0) if has_sums else ((), lead)


def _reshaped(variable: Variable, result: Variable) -> Operation:
    return Operation(ops.reshape, (variable,), {"sizes": result.spec.sizes}, result)


__all__ = ["find_rows"]
