"""A choice that is recorded as one operation, and its gradient: the same choice between the ways back.

The way back computes the branch that was taken again, and goes back through it. It is written with the choice itself,
so it has a gradient too. What it is not: the function that users call, or the choice of eager calls (`cond.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapewright import ops
from shapewright.graph import Graph, Inner, Operation, Variable, active, shown_variables
from shapewright.graph.passes import simplify
from shapewright.graph.shown import Chosen
from shapewright.graph.structure import Body, append_parts
from shapewright.graph.structure import cond as choice_operation
from shapewright.shapes.dtypes import spec as spec_of
from shapewright.tape import Node, pull_back, total

from ._inside import (
    Outside,
    argument,
    body_of,
    closed,
    given,
    is_differentiable,
    read_outside,
    source_of,
    summed,
    training_of,
    variable_of,
    zeros_of,
)

# What a branch is: from the operands, what it gives.
type Branch = Callable[[list[Any]], list[Any]]


def choice(
    predicate: Any, branches: Sequence[Branch], operands: Sequence[Any], *, bases: dict[int, Any] | None = None
) -> list[Any]:
    """Record a choice in the recording that is active, and give what it gives.

    Args:
        predicate: which branch is taken: the first if it is true.
        branches: the two; they give values of equal shapes and element types.
        operands: what both are given.
        bases: for the way back, where each key began to draw the first time: cells keep their values then.
    """
    outer: Any = active.capture
    again = bases is not None
    inners: list[Inner] = []
    insides: list[list[Any]] = []
    outcomes: list[list[Any]] = []
    results: list[list[Variable]] = []
    for branch in branches:
        with body_of(outer, again=again, is_loop=False) as inner:
            inside = [argument(inner, x._spec, x._dims, training_of(x)) for x in operands]
            outcome = branch(inside)
            results.append([variable_of(inner, value) for value in outcome])
        inners.append(inner)
        insides.append(inside)
        outcomes.append(outcome)
    # What any branch reads or assigns, each branch is given and gives.
    lifted = list(dict.fromkeys(variable for inner in inners for variable in inner.lifted))
    cells = {id(cell): (inner, number) for inner in inners for number, cell in enumerate(inner.cells)}
    assigned = [] if again else [key for key in cells if any(key in map(id, _assigned(inner)) for inner in inners)]
    shown = [shown_variables(inner.shown) for inner in inners]
    graphs = []
    for place, inner in enumerate(inners):
        numbers = {id(cell): number for number, cell in enumerate(inner.cells)}
        held = {
            key: inner.graph.cells[numbers[key]] if key in numbers else Variable(other.graph.cells[number].spec)
            for key, (other, number) in cells.items()
        }
        arguments = [x._storage for x in insides[place]]
        arguments += [inner.lifted.get(variable) or Variable(variable.spec) for variable in lifted]
        arguments += held.values()
        graph = closed(inner, arguments, results[place])
        for key in assigned:
            graph.results.append(inner.graph.updates.get(numbers[key], held[key]) if key in numbers else held[key])
        for other, variables in enumerate(shown):
            graph.results += variables if other == place else [_zeros(graph, variable) for variable in variables]
        graphs.append(simplify(graph))
    bases = {} if bases is None else bases
    blocks: dict[int, tuple[Any, int]] = {}
    for inner in inners:
        for key, count in zip(inner.keys, inner.graph.draws, strict=True):
            blocks[id(key)] = key, max(count, blocks.get(id(key), (key, 0))[1])
    for number, (key, count) in blocks.items():
        if number not in bases:
            bases[number] = key.draw(count)
    read = {key: read_outside(outer, inner, number) for key, (inner, number) in cells.items()}
    params = {
        "yes": Body(graphs[0]),
        "no": Body(graphs[1]),
        "draws": tuple([tuple([bases[id(key)] for key in inner.keys]) for inner in inners]),
    }
    variables = append_parts(
        outer.graph.operations,
        choice_operation,
        [predicate._storage, *[x._storage for x in operands], *lifted, *read.values()],
        params,
        [variable.spec for variable in graphs[0].results],
    )
    count = len(outcomes[0])
    for key, variable in zip(assigned, variables[count:], strict=False):
        inner, number = cells[key]
        outer.write(inner.cells[number], variable.spec, outer.home, variable.name, variable)
    flat = [variable for group in shown for variable in group]
    if flat and not again:
        outside = dict(zip(flat, variables[count + len(assigned) :], strict=True))
        outer.shown.append(Chosen(predicate._storage, inners[0].shown, inners[1].shown, outside))
    # A value is traced if it is in either branch.
    values = [no if yes._node is None else yes for yes, no in zip(*outcomes, strict=True)]
    node = None
    if any(value._node is not None for value in values):
        node = _Choice(predicate, branches, operands, bases, [inner.keys for inner in inners])
        node.cells = [(cells[key][0].cells[cells[key][1]], read[key]) for key in assigned]
        node.training = any(value._node is not None and value._node.training for value in values)
    return given(outer, variables[:count], values, node, [value._dims for value in values])


def _assigned(inner: Inner) -> list[Any]:
    return [inner.cells[number] for number in inner.assigned()]


def _zeros(graph: Graph, like: Variable) -> Variable:
    """Give zeros in the place of what only the other branch shows."""
    zero = Variable(spec_of((), like.spec.dtype), "constant")
    graph.constants[zero] = np.zeros((), like.spec.dtype.numpy)
    if not like.spec.sizes:
        return zero
    result = Variable(like.spec)
    graph.operations.append(Operation(ops.broadcast, (zero,), {"sizes": like.spec.sizes, "axes": ()}, result))
    return result


class _Choice(Node):
    """A recorded choice. Its gradient is a list of (index of a result, gradient)."""

    __slots__ = ("bases", "branches", "cells", "keys", "predicate", "taken")

    def __init__(
        self,
        predicate: Any,
        branches: Sequence[Branch],
        operands: Sequence[Any],
        bases: dict[int, Any],
        keys: Sequence[Any],
    ) -> None:
        super().__init__(None, (), {}, False)
        self.predicate, self.branches, self.taken = predicate, list(branches), list(operands)
        self.bases, self.keys = bases, list(keys)
        # The cells that it assigned, with the values that they had before.
        self.cells: list[tuple[Any, Variable]] = []

    def join(self, before: Any, part: Any) -> Any:
        return before + part

    def release(self) -> None:
        """Nothing was recorded here: the branch can be computed again."""

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Callable[[], Any]]]:
        outer: Any = active.capture
        grads = summed(gradient)
        indices = sorted(grads)
        of_operands = [place for place, x in enumerate(self.taken) if is_differentiable(x)]
        back = [_Back(self, branch, of_operands, indices, trace) for branch in self.branches]
        plain = (lambda x: x) if trace else (lambda x: x._plain())
        operands = [*[plain(x) for x in self.taken], *[grads[index] for index in indices]]
        closures: dict[Any, tuple[Node, Any]] = {}
        for each in back:
            closures.update(each.discover(outer, operands))
        for each in back:
            each.closures = closures
        parts = choice(self.predicate, [each.step for each in back], operands, bases=self.bases)
        nodes = [*[self.taken[place]._node for place in of_operands], *[node for node, _ in closures.values()]]
        return [(node, lambda part=part: part) for node, part in zip(nodes, parts, strict=True)]


class _Back:
    """The way back through one branch: it gives the gradients of the operands, then of what the branches close over."""

    def __init__(
        self, choice: _Choice, branch: Branch, of_operands: list[int], indices: list[int], trace: bool
    ) -> None:
        self.choice, self.branch, self.of_operands, self.indices = choice, branch, of_operands, indices
        self.trace = trace
        # What either branch closes over: a node of it, and the shape of its gradient.
        self.closures: dict[Any, tuple[Node, Any]] = {}

    def discover(self, outer: Any, operands: Sequence[Any]) -> dict[Any, tuple[Node, Any]]:
        """Go back once to see what the branch closes over; what that records is thrown away."""
        with body_of(outer, again=True, is_loop=False) as inner:
            _, closures = self._walk([argument(inner, x._spec, None, None) for x in operands], trace=False)
            return {key: (node, part._spec) for key, (node, part) in closures.items()}

    def step(self, operands: list[Any]) -> list[Any]:
        """Go back through the branch."""
        gradients, closures = self._walk(operands, trace=self.trace)
        others = [
            closures[key][1] if key in closures else zeros_of(spec, active.capture)
            for key, (_, spec) in self.closures.items()
        ]
        return [*gradients, *others]

    def _walk(self, operands: list[Any], *, trace: bool) -> tuple[list[Any], dict[Any, tuple[Node, Any]]]:
        inner: Any = active.capture
        choice = self.choice
        stops: Any = Outside()
        count = len(choice.taken)
        taken = zip(operands[:count], choice.taken, strict=True)
        sources = [source_of(x, training_of(outside), trace=trace) for x, outside in taken]
        for cell, variable in choice.cells:
            inner.write(cell, variable.spec, inner.home, None, inner.adopt(variable, variable.spec, inner.outer))
        results = self.branch(sources)
        seeds = [(results[index]._node, part) for index, part in zip(self.indices, operands[count:], strict=True)]
        stops.ends_at(sources)
        seeds = [(node, part) for node, part in seeds if node is not None]
        leaves = pull_back(seeds, keep=trace, trace=trace, stops=stops)

        def of(x: Any) -> Any:
            parts = leaves.get(x._node)
            return total(x._node, parts) if parts else zeros_of(x._spec, inner)

        return [of(sources[place]) for place in self.of_operands], stops.closures(leaves)
