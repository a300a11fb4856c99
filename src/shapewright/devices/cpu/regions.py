"""Regions: operations between matrix products whose results, one number for each pair of rows, are never stored whole.

Attention is the example: scores, softmax and weights are as large as two sequences multiplied, and only products with
the values leave. A region is found by what its operations are, not by how they were written, so masks, biases, dropping
and the gradients of all of them are inside. Its kernel computes it for some rows at a time (`blocks.py`), so that what
is between the products stays in the cache.

Numbers of pairs that a later region needs (the gradient needs the weights) are computed again there instead of kept:
T. Dao, D. Fu, S. Ermon, A. Rudra, C. Ré, "FlashAttention: fast and memory-efficient exact attention with
IO-awareness", 2022. What it is not: the code of a region, or its blocks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.graph.passes import dead_code
from shapewright.graph.passes.rewrite import Again
from shapewright.ops.precision import PRODUCTS, rounded_to_bf16

from .access import Access
from .elements import is_elementwise, is_reduction

# Pairs of a block: what an operation reads and writes of them should stay in the second cache.
MOST_PAIRS = 1 << 14
# Pairs below this number stay in the cache anyway.
_FEWEST_PAIRS = 1 << 16
# What is below this is the score of a place that may not be seen: exp of its distance from any other score is 0.
_UNSEEN = -1e30

# What an axis behind the batch is: a row of the pairs, a column of them, neither, or of size 1.
ROW, COLUMN, FREE, ONE = "row", "column", "free", "one"
PAIRS, TURNED, ROWS = (ROW, COLUMN), (COLUMN, ROW), (ROW,)


@dataclass(eq=False)
class Region:
    """Operations that one kernel computes, some rows at a time. Its pairs are a matrix, one for each of a batch.

    Args:
        batch: the sizes of the axes in front.
        rows: how many rows the pairs have.
        columns: how many columns.
        operations: its operations, in order.
        roles: what the axes behind the batch are, of each variable that it computes.
        reads: what they are of the operands that come from outside, by the result that needs them and their place.
        outputs: the variables that others need.
        places: how each of them lies, and in which buffer (`destinations.py`).
        is_triangular: whether nothing right of the diagonal matters.
    """

    batch: tuple[int, ...]
    rows: int
    columns: int
    operations: list[Operation]
    roles: dict[Variable, tuple[str, ...]]
    reads: dict[tuple[Variable, int], tuple[str, ...]]
    outputs: list[Variable] = field(default_factory=list)
    places: dict[Variable, Access] = field(default_factory=dict)
    is_triangular: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the pairs."""
        return (*self.batch, self.rows, self.columns)

    def lies_turned(self, variable: Variable) -> bool:
        """Whether a result lies in memory with its last two axes exchanged, so that rows or columns come first."""
        return self.roles[variable][0] == FREE

    def is_ending(self, operation: Operation) -> bool:
        """Whether an operation is work on a result of the region (`endings.py`)."""
        return operation.op not in PRODUCTS and FREE in self.roles[operation.result]

    def first_axis(self, variable: Variable) -> str:
        """Give what the axis behind the batch is, as a result lies in memory."""
        return self.roles[variable][-1 if self.lies_turned(variable) else 0]


def find_regions(graph: Graph) -> tuple[Graph, list[Region]]:
    """Find the regions of a program.

    Returns:
        The program with the operations of each region side by side, and those that are computed again; and its regions.
    """
    finder = _Finder(graph)
    if not finder.components:
        return graph, []
    return finder.result()


class _Finder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producers = {operation.result: operation for operation in graph.operations}
        self.users = graph.users()
        self.leaving = set(graph.outputs())
        # What the axes of pairs, and of numbers for each of their rows, are.
        self.roles: dict[Variable, tuple[str, ...]] = {}
        self.component: dict[Variable, int] = {}
        self.sizes: dict[int, tuple[int, ...]] = {}
        self.parents: list[int] = []
        # The operations that belong to a component, and those of them that end it.
        self.members: dict[Variable, Operation] = {}
        self.sinks: dict[Variable, Operation] = {}
        if any(_begins(operation) for operation in graph.operations):
            for operation in graph.operations:
                self._visit(operation)
        self.components = self._components()

    # ---- who belongs together ---------------------------------------------------------------------------------------
    def _root(self, number: int) -> int:
        while self.parents[number] != number:
            number = self.parents[number]
        return number

    def _visit(self, operation: Operation) -> None:
        inside = [v for v in operation.variables if v in self.roles]
        if not inside:
            if _begins(operation):
                number = len(self.parents)
                self.parents.append(number)
                self.sizes[number] = operation.result.spec.sizes
                self._add(operation, PAIRS, number)
            return
        roots = {self._root(self.component[v]) for v in inside}
        sizes = {self.sizes[root] for root in roots}
        if len(sizes) > 1:
            return
        role = self._role(operation, inside, sizes.pop())
        if role is None:
            return
        first, *others = sorted(roots)
        for other in others:
            self.parents[other] = first
        self._add(operation, role, first)

    def _add(self, operation: Operation, role: tuple[str, ...], number: int) -> None:
        self.members[operation.result] = operation
        self.component[operation.result] = number
        if role == ():
            self.sinks[operation.result] = operation
        else:
            self.roles[operation.result] = role

    def _role(self, operation: Operation, inside: list[Variable], sizes: tuple[int, ...]) -> tuple[str, ...] | None:
        """Give what the axes of an operation's result are; () if it leaves the pairs, None if it is none of theirs."""
        op, result, rank = operation.op, operation.result.spec.sizes, len(sizes)
        roles = {self.roles[v] for v in inside}
        if len(roles) > 1:
            return None
        role = roles.pop()
        if is_elementwise(operation):
            fits = (role == PAIRS and result == sizes) or (role == ROWS and result == sizes[:-1])
            return role if fits else None
        if is_reduction(operation):
            return ROWS if role == PAIRS and tuple(operation.params["axes"]) == (rank - 1,) else None
        if op is ops.broadcast:
            axes = tuple(operation.params["axes"])
            return PAIRS if role == ROWS and result == sizes and axes == tuple(range(rank - 1)) else None
        if op is ops.permute and role == PAIRS:
            exchanged = tuple(operation.params["axes"]) == (*range(rank - 2), rank - 1, rank - 2)
            only_products = all(user.op in PRODUCTS for user in self.users.get(operation.result, ()))
            return TURNED if exchanged and only_products and operation.result not in self.leaving else None
        if op in PRODUCTS and len(inside) == 1 and role != ROWS:
            a, b = operation.operands
            same_rank = a is not b and len(a.spec.sizes) == len(b.spec.sizes) == rank
            return () if same_rank and operation.result.spec.dtype.itemsize >= 4 else None
        return None

    def _components(self) -> dict[int, list[Operation]]:
        """Give the operations of each component from which something leaves."""
        found: dict[int, list[Operation]] = {}
        for operation in self.members.values():
            found.setdefault(self._root(self.component[operation.result]), []).append(operation)
        return {n: members for n, members in found.items() if any(o.result in self.sinks for o in members)}

    # ---- which of them one kernel computes --------------------------------------------------------------------------
    def _stages(self, members: set[Variable]) -> dict[Variable, int]:
        """Number the variables of a component by how often the way to them left it and came back."""
        stages: dict[Variable, int] = {}
        for operation in self.graph.operations:
            stage = -1
            is_member = operation.result in members
            for variable in operation.variables:
                known = stages.get(variable)
                if known is not None:
                    leaves = variable in members and (variable in self.sinks or not is_member)
                    stage = max(stage, known + leaves)
            if is_member or stage >= 0:
                stages[operation.result] = max(stage, 0)
        return stages

    def result(self) -> tuple[Graph, list[Region]]:
        regions: list[Region] = []
        instead: dict[Operation, Region] = {}
        for number, members in self.components.items():
            sizes = self.sizes[number]
            stages = self._stages({operation.result for operation in members})
            by_stage: dict[int, list[Operation]] = {}
            for operation in members:
                by_stage.setdefault(stages[operation.result], []).append(operation)
            for stage, operations in sorted(by_stage.items()):
                if any(operation.result in self.sinks for operation in operations):
                    region = self._region(sizes, operations, lambda v, stage=stage, of=stages: of[v] < stage)
                    regions.append(region)
                    instead.update((operation, region) for operation in operations)
        operations = in_order(self.graph.operations, regions, instead)
        if operations is None:
            return self.graph, []
        graph = dead_code(self.graph.with_operations(operations))
        # What a later region computes again, this one may not need itself.
        alive = set(map(id, graph.operations))
        for region in regions:
            region.operations = [operation for operation in region.operations if id(operation) in alive]
        kept = [region for region in regions if self._finish(region, graph)]
        return graph, kept

    def _region(self, sizes: tuple[int, ...], operations: list[Operation], is_earlier: Any) -> Region:
        """Make a region of some operations; what they need of earlier pairs is computed again."""
        whole: list[Operation] = []
        roles: dict[Variable, tuple[str, ...]] = {}

        def write(operation: Operation, first: Variable) -> None:
            whole.append(operation)
            roles[operation.result] = self.roles[first]

        here = Again(self.producers, lambda v: self.roles.get(v) in (PAIRS, TURNED) and is_earlier(v), write)
        for operation in operations:
            operands = tuple([here(operand) for operand in operation.operands])
            whole.append(Operation(operation.op, operands, operation.params, operation.result))
            if operation.result in self.roles:
                roles[operation.result] = self.roles[operation.result]
        *batch, rows, columns = sizes
        region = Region(tuple(batch), rows, columns, whole, roles, {})
        own = {operation.result for operation in whole}
        for operation in whole:
            _place_operands(region, operation, own)
        return region

    def _finish(self, region: Region, graph: Graph) -> bool:
        """See what leaves a region and whether it is triangular; tell whether it can be a kernel."""
        members = set(map(id, region.operations))
        needed = set(graph.outputs())
        for operation in graph.operations:
            if id(operation) not in members:
                needed.update(operation.variables)
        region.outputs = [operation.result for operation in region.operations if operation.result in needed]
        region.is_triangular = region.rows == region.columns and _Triangle(region, graph).holds()
        return all(region.roles[v] != TURNED for v in region.outputs)


def _place_operands(region: Region, operation: Operation, own: set[Variable]) -> None:
    """Note what the axes of an operation's operands from outside are, and those of a product that leaves the pairs."""
    result = operation.result
    outside = [place for place, v in enumerate(operation.operands) if isinstance(v, Variable) and v not in own]
    if operation.op not in PRODUCTS:
        # Numbers for rows are repeated by a broadcast; anything else has the axes of the result.
        role = ROWS if operation.op is ops.broadcast else region.roles[result]
        region.reads.update(((result, place), role) for place in outside)
        return
    if len(outside) == 2:
        region.reads[result, 0], region.reads[result, 1] = (ROW, FREE), (FREE, COLUMN)
        return
    (place,) = outside
    first, second = region.roles[operation.operands[1 - place]]
    region.reads[result, place] = (second, FREE) if place == 1 else (FREE, first)
    region.roles[result] = (first, FREE) if place == 1 else (FREE, second)


def _begins(operation: Operation) -> bool:
    """Whether an operation gives numbers of pairs: a product of batches that is larger than its operands together."""
    result = operation.result.spec
    if operation.op not in PRODUCTS or result.count < _FEWEST_PAIRS or not result.dtype.is_floating:
        return False
    a, b = operation.operands
    ranks = {len(v.spec.sizes) for v in (a, b)} | {len(result.sizes)}
    return len(ranks) == 1 and len(result.sizes) > 2 and result.count >= a.spec.count + b.spec.count


def in_order(
    operations: Iterable[Operation], regions: Iterable[Region], instead: Mapping[Operation, Region]
) -> list[Operation] | None:
    """Order operations so that those of each region stand side by side, otherwise as they were.

    Gives None where regions wait for each other.
    """
    units: list[list[Operation]] = []
    places: list[int] = []
    numbers = {id(region): -1 for region in regions}
    for place, operation in enumerate(operations):
        region = instead.get(operation)
        if region is None:
            units.append([operation])
            places.append(place)
        elif numbers[id(region)] < 0:
            numbers[id(region)] = len(units)
            units.append(region.operations)
            places.append(place)
        else:
            places[numbers[id(region)]] = place
    makers = {operation.result: number for number, unit in enumerate(units) for operation in unit}
    waiting = [0] * len(units)
    after: list[list[int]] = [[] for _ in units]
    for number, unit in enumerate(units):
        sources = {makers[v] for operation in unit for v in operation.variables if v in makers} - {number}
        waiting[number] = len(sources)
        for source in sources:
            after[source].append(number)
    ready = [(places[number], number) for number, count in enumerate(waiting) if not count]
    heapq.heapify(ready)
    order: list[Operation] = []
    done = 0
    while ready:
        _, number = heapq.heappop(ready)
        done += 1
        order.extend(units[number])
        for following in after[number]:
            waiting[following] -= 1
            if not waiting[following]:
                heapq.heappush(ready, (places[following], following))
    return order if done == len(units) else None


# ---- nothing right of the diagonal ----------------------------------------------------------------------------------
class _Triangle:
    """Finds out whether what a region gives depends on no pair right of the diagonal.

    A pair there is "false" (of a mask; "lower" if it is also true on the diagonal, so that each row sees something),
    "unseen" (so low that exp gives 0 for it) or "zero", or it may be anything.
    """

    def __init__(self, region: Region, graph: Graph) -> None:
        self.region = region
        self.own = {operation.result for operation in region.operations}
        self.graph = graph
        self.producers: dict[Variable, Operation] | None = None
        self.kinds: dict[Variable, str | None] = {}

    def holds(self) -> bool:
        for operation in self.region.operations:
            if operation.op in PRODUCTS:
                pairs = [v for v in operation.variables if v in self.own]
                if pairs and any(self.kinds.get(v) != "zero" for v in pairs):
                    return False
            elif is_reduction(operation):
                wanted = {ops.sum: "zero", ops.max: "unseen"}.get(operation.op)
                if wanted is None or self.kinds.get(operation.variables[0]) != wanted:
                    return False
            self.kinds[operation.result] = self._kind(operation)
        # Pairs that leave would have to be written everywhere.
        return not any(self.region.roles[v] == PAIRS for v in self.region.outputs)

    def _kind(self, operation: Operation) -> str | None:
        op = operation.op
        kinds = [self._of(operand) for operand in operation.operands]
        if op is ops.where:
            chosen, yes, no = kinds
            if chosen == "lower" or (chosen == "false" and no == "zero"):
                return no
            return yes if yes == no == "zero" else None
        if op is ops.exp:
            return "zero" if kinds[0] == "unseen" else None
        if op is ops.sub:
            return kinds[0] if kinds[0] == "unseen" or kinds[1] == "zero" == kinds[0] else None
        if op is ops.mul:
            return "zero" if "zero" in kinds else None
        if op is ops.add:
            return "zero" if kinds == ["zero", "zero"] else None
        if op is ops.div:
            return "zero" if kinds[0] == "zero" else None
        if op in (ops.neg, ops.cast, ops.permute, rounded_to_bf16):
            return kinds[0] if kinds[0] == "zero" else None
        return None

    def _of(self, operand: Any) -> str | None:
        if not isinstance(operand, Variable):
            return "zero" if operand == 0 else "unseen" if operand <= _UNSEEN else None
        if operand in self.own or operand in self.kinds:
            return self.kinds.get(operand)
        kind = self._of_mask(operand) if operand.spec.dtype.name == "bool" else None
        self.kinds[operand] = kind
        return kind

    def _of_mask(self, variable: Variable) -> str | None:
        """Look at a mask that the region reads."""
        array = self.graph.constants.get(variable)
        if array is not None:
            if array.ndim < 2 or np.triu(array, 1).any():
                return None
            return "lower" if array.diagonal(axis1=-2, axis2=-1).all() else "false"
        if self.producers is None:
            self.producers = {operation.result: operation for operation in self.graph.operations}
        operation = self.producers.get(variable)
        if operation is None:
            return None
        if operation.op is ops.tril:
            return "false" if operation.params.get("diagonal", 0) <= 0 else None
        if operation.op is ops.broadcast:
            (source,) = operation.variables
            rank = len(variable.spec.sizes)
            return self._of_mask(source) if tuple(operation.params["axes"]) == (rank - 2, rank - 1) else None
        if operation.op is ops.logical_and:
            return "false" if any(self._of_mask(v) for v in operation.variables) else None
        return None
