"""Recomputation: at the moment when a program holds most, what is cheap to compute again is not held.

In training that moment is the end of the forward pass. The operations behind it then compute again what they need,
elementwise work only, which costs little beside reading its result from memory. Which values are held is the least set
from which the rest can be computed: a minimum cut (L. R. Ford, D. R. Fulkerson, "Maximal flow through a network", 1956;
for this use of it see T. Chen, B. Xu, C. Zhang, C. Guestrin, "Training deep nets with sublinear memory cost", 2016).
What it is not: recomputation of matrix products, or of what regions compute again (`regions.py`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.graph.passes.rewrite import Again

from .access import is_view
from .elements import is_elementwise
from .plan import buffer_bytes

if TYPE_CHECKING:
    from .regions import Region

# Programs that hold less do not gain by it.
_LEAST_BYTES = 1 << 22
# What is saved has to be worth the work: this part of what was held.
_LEAST_PART = 0.1
# Whether they fail has been found out once.
_MAY_FAIL = (ops.floor_divide, ops.remainder)


def recompute(graph: Graph, regions: Sequence[Region] = ()) -> tuple[Graph, set[Variable]]:
    """Write a program that computes some values again instead of holding them while it holds most.

    Args:
        graph: the program.
        regions: its regions, whose operations stay side by side and are not done again.

    Returns:
        The program, and the values in it that are computed behind that moment.
    """
    whole = {id(operation): region for region in regions for operation in region.operations}
    held = _Held(graph, set(whole))
    place = held.fullest()
    early, late = graph.operations[:place], graph.operations[place:]
    made = {operation.result: operation for operation in early}
    needed = {v for operation in late for v in operation.variables if v in made}
    needed.update(v for v in graph.outputs() if v in made)
    before = sum(held.bytes(v) for v in {held.root(v) for v in needed})
    if before < _LEAST_BYTES:
        return graph, set()
    kept = _least(held, made, needed)
    after = sum(held.bytes(v) for v in {held.root(v) for v in kept})
    if before - after < _LEAST_PART * before:
        return graph, set()
    operations = list(early)
    changed: list[tuple[Region, list[Operation]]] = []
    here = Again(made, lambda v: v in made and v not in kept, lambda operation, _: operations.append(operation))

    def renewed(operation: Operation) -> Operation:
        operands = tuple([here(operand) for operand in operation.operands])
        same = all(a is b for a, b in zip(operands, operation.operands, strict=True))
        return operation if same else Operation(operation.op, operands, operation.params, operation.result)

    for operation in late:
        region = whole.get(id(operation))
        if region is None:
            operation = renewed(operation)
            operations.append(operation)
        elif operation is region.operations[0]:
            # What a region needs stands before all of its operations.
            members = [renewed(member) for member in region.operations]
            operations.extend(members)
            changed.append((region, members))
    for region, members in changed:
        region.operations = members
    return graph.with_operations(operations), {operation.result for operation in operations[len(early) :]}


class _Held:
    """What a program holds, operation by operation."""

    def __init__(self, graph: Graph, fixed: set[int]) -> None:
        self.graph = graph
        self.fixed = fixed
        self.outputs = set(graph.outputs())
        self._roots: dict[Variable, Variable] = {}
        self._inside: set[Variable] = set()
        self._free = {*graph.arguments, *graph.cells, *graph.constants}
        outside = {v for o in graph.operations if id(o) not in fixed for v in o.variables} | self.outputs
        for operation in graph.operations:
            if is_view(operation) and id(operation) not in fixed:
                self._roots[operation.result] = self.root(operation.operands[0])
            if id(operation) in fixed and operation.result not in outside:
                # Never whole in memory.
                self._inside.add(operation.result)

    def root(self, variable: Variable) -> Variable:
        """Give the variable in whose memory a value lies."""
        return self._roots.get(variable, variable)

    def bytes(self, variable: Variable) -> int:
        """Give the memory that holding a variable costs; what comes in or goes out is there anyway."""
        if variable in self._free or variable in self.outputs or variable in self._inside:
            return 0
        return buffer_bytes(variable)

    def is_again(self, operation: Operation) -> bool:
        """Whether an operation may be done again."""
        if id(operation) in self.fixed:
            return False
        return is_view(operation) or (is_elementwise(operation) and operation.op not in _MAY_FAIL)

    def fullest(self) -> int:
        """Give how many operations have been done when most is held."""
        last: dict[Variable, int] = {}
        for place, operation in enumerate(self.graph.operations):
            last[self.root(operation.result)] = place
            for variable in operation.variables:
                last[self.root(variable)] = place
        ending: dict[int, int] = {}
        for variable, place in last.items():
            ending[place] = ending.get(place, 0) + self.bytes(variable)
        most = held = best = 0
        for place, operation in enumerate(self.graph.operations):
            if operation.result not in self._roots:
                held += self.bytes(operation.result)
            held -= ending.get(place, 0)
            if held > most:
                most, best = held, place + 1
        # Never between the operations of a region.
        while 0 < best < len(self.graph.operations) and id(self.graph.operations[best]) in self.fixed:
            best += 1
        return best


def _least(held: _Held, made: dict[Variable, Operation], needed: Iterable[Variable]) -> set[Variable]:
    """Give the smallest set of values, in bytes, from which the needed ones can be computed again."""
    numbers: dict[Variable, int] = {}
    flow = _Flow()
    source, sink = flow.node(), flow.node()
    waiting = list(needed)
    for variable in waiting:
        numbers[variable] = flow.pair(_cost(held, made, variable))
        # What goes out is stored whatever is decided.
        flow.edge(numbers[variable] + 1, sink, math.inf)
    while waiting:
        variable = waiting.pop()
        operation = made[variable]
        # What goes out is held anyway; a view of it goes out as a copy, made at the end.
        goes_out = variable in held.outputs and held.root(variable) is variable
        if goes_out or not held.is_again(operation):
            flow.edge(source, numbers[variable], math.inf)
            continue
        for operand in operation.variables:
            if operand not in made:
                continue
            if operand not in numbers:
                numbers[operand] = flow.pair(_cost(held, made, operand))
                waiting.append(operand)
            flow.edge(numbers[operand] + 1, numbers[variable], math.inf)
    behind = flow.cut(source, sink)
    return {variable for variable, number in numbers.items() if number not in behind and number + 1 in behind}


def _cost(held: _Held, made: dict[Variable, Operation], variable: Variable) -> float:
    # A view is held by holding what it looks at; that one is asked about instead, unless it cannot be.
    if held.root(variable) is not variable and held.is_again(made[variable]):
        return math.inf
    return held.bytes(variable)


class _Flow:
    """A network whose greatest flow is found along shortest ways (E. A. Dinic 1970)."""

    def __init__(self) -> None:
        self._edges: list[list[int]] = []
        self._to: list[int] = []
        self._left: list[float] = []

    def node(self) -> int:
        self._edges.append([])
        return len(self._edges) - 1

    def pair(self, capacity: float) -> int:
        """Add two nodes with an edge between them; give the first."""
        first = self.node()
        self.edge(first, self.node(), capacity)
        return first

    def edge(self, start: int, end: int, capacity: float) -> None:
        for node, to, left in ((start, end, capacity), (end, start, 0.0)):
            self._edges[node].append(len(self._to))
            self._to.append(to)
            self._left.append(left)

    def _levels(self, start: int, back: int) -> dict[int, int]:
        """Give how far nodes are from where the flow begins, or, going back, from where it ends."""
        levels = {start: 0}
        queue = deque([start])
        while queue:
            node = queue.popleft()
            for edge in self._edges[node]:
                if self._left[edge ^ back] > 0 and self._to[edge] not in levels:
                    levels[self._to[edge]] = levels[node] + 1
                    queue.append(self._to[edge])
        return levels

    def cut(self, source: int, sink: int) -> set[int]:
        """Give the nodes behind the last of the smallest cuts: those from which more could still reach the sink."""
        while sink in (levels := self._levels(source, 0)):
            following = [0] * len(self._edges)
            while self._send(source, sink, levels, following):
                pass
        return set(self._levels(sink, 1))

    def _send(self, source: int, sink: int, levels: dict[int, int], following: list[int]) -> bool:
        """Send as much as fits along one way."""
        way: list[int] = []
        node = source
        while node != sink:
            edges = self._edges[node]
            while following[node] < len(edges):
                edge = edges[following[node]]
                if self._left[edge] > 0 and levels.get(self._to[edge]) == levels[node] + 1:
                    break
                following[node] += 1
            else:
                if not way:
                    return False
                # A dead end: back by one.
                node = self._to[way.pop() ^ 1]
                following[node] += 1
                continue
            way.append(edges[following[node]])
            node = self._to[way[-1]]
        amount = min(self._left[edge] for edge in way)
        assert amount < math.inf, "a value that is needed and can be neither held nor computed again"
        for edge in way:
            self._left[edge] -= amount
            self._left[edge ^ 1] += amount
        return True
