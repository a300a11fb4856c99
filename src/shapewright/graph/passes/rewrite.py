"""What passes that replace variables share: walking a graph once, with each operand already replaced.

What it is not: a pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapewright.graph.graph import Graph, Operation, Variable

# Gives the operation to keep (itself or another with the same result), or a variable to use in the place of its result,
# or None to leave it out.
type Visit = Callable[[Operation], Operation | Variable | None]


def rewrite(graph: Graph, visit: Visit, operations: list[Operation] | None = None) -> Graph:
    """Visit every operation in order, its operands already replaced.

    What `visit` appends to `operations`, an empty list, stands before what it gives.
    """
    instead: dict[Variable, Variable] = {}

    def replaced(operand: Any) -> Any:
        return instead.get(operand, operand) if isinstance(operand, Variable) else operand

    operations = [] if operations is None else operations
    for operation in graph.operations:
        for variable in operation.variables:
            if variable in instead:
                operands = tuple([replaced(operand) for operand in operation.operands])
                operation = Operation(operation.op, operands, operation.params, operation.result)
                break
        kept = visit(operation)
        if isinstance(kept, Variable):
            instead[operation.result] = kept
        elif kept is not None:
            operations.append(kept)
    new = graph.with_operations(operations)
    new.results = [replaced(variable) for variable in graph.results]
    new.updates = {number: replaced(variable) for number, variable in graph.updates.items()}
    return new
