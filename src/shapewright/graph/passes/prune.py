"""Pruning of bodies: what a loop or a choice gives and nothing takes is not computed, what it does not read not given.

What it is not: the removal of whole operations (`dead.py`).
"""

from __future__ import annotations

from typing import Any

from shapewright.graph.graph import Graph, Operation, Variable
from shapewright.graph.structure import Body, bodies, is_structure, part, scan

from .dead import dead_code


def prune(graph: Graph) -> Graph:
    """Take out of structures what they give or read in vain."""
    while any(is_structure(operation) for operation in graph.operations):
        before = _size(graph)
        graph = dead_code(_once(graph))
        if _size(graph) == before:
            break
    return graph


def _size(graph: Graph) -> int:
    """Give a number that gets smaller whenever something goes."""
    return sum(1 + len(operation.operands) for operation in graph.operations) + sum(
        len(operation.params[name].graph.results)
        for operation in graph.operations
        if is_structure(operation)
        for name in bodies(operation)
    )


def _once(graph: Graph) -> Graph:
    used: dict[Variable, set[int]] = {}
    for operation in graph.operations:
        if operation.op is part:
            used.setdefault(operation.operands[0], set()).add(operation.params["index"])
    places: dict[Variable, dict[int, int]] = {}
    operations: list[Operation] = []
    for operation in graph.operations:
        if is_structure(operation):
            operation, places[operation.result] = _pruned(operation, used.get(operation.result, set()))
        elif operation.op is part:
            place = places[operation.operands[0]][operation.params["index"]]
            operation = Operation(part, operation.operands, {"index": place}, operation.result)
        operations.append(operation)
    return graph.with_operations(operations)


def _pruned(operation: Operation, used: set[int]) -> tuple[Operation, dict[int, int]]:
    """Give a structure without what nobody takes, and the new place of each part."""
    params = dict(operation.params)
    # The next round takes the carry, whether or not anybody takes the last one.
    fixed = params["carries"] if operation.op is scan else 0
    names = bodies(operation)
    count = len(params[names[0]].graph.results)
    kept = [place for place in range(count) if place < fixed or place in used]
    graphs = []
    for name in names:
        body = params[name].graph
        smaller = body.with_operations(body.operations)
        smaller.results = [body.results[place] for place in kept]
        graphs.append(dead_code(smaller))
    # Operands that no body reads; the carry is always read, if only to be given on.
    first = 0 if operation.op is scan else 1
    needed: set[int] = set()
    for body in graphs:
        read = {variable for each in body.operations for variable in each.variables} | set(body.results)
        needed.update(place for place, argument in enumerate(body.arguments) if argument in read)
    same = params.get("same", 0)
    needed.update(range(same, same + fixed))
    arguments = [place for place in range(len(graphs[0].arguments)) if place in needed]
    for name, body in zip(names, graphs, strict=True):
        body.arguments = [body.arguments[place] for place in arguments]
        params[name] = Body(body)
    if operation.op is scan:
        params["same"] = sum(place < same for place in arguments)
    operands: tuple[Any, ...] = (*operation.operands[:first], *[operation.operands[first + p] for p in arguments])
    return Operation(operation.op, operands, params, operation.result), {old: new for new, old in enumerate(kept)}
