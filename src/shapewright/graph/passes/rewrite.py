"""What passes that replace variables share: walking a graph once, with each operand already replaced.

Also: writing operations a second time, with all that they need. What it is not: a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


class Again:
    """Writes the operations that give certain values once more, each before it is first needed.

    Args:
        producers: the operation that gives each of them.
        is_gone: whether a value has to be computed again.
        write: takes each operation as it is written, with the value that it gave the first time.
    """

    def __init__(
        self,
        producers: Mapping[Variable, Operation],
        is_gone: Callable[[Variable], bool],
        write: Callable[[Operation, Variable], None],
    ) -> None:
        self._producers = producers
        self._is_gone = is_gone
        self._write = write
        self._copies: dict[Variable, Variable] = {}

    def __call__(self, operand: Any) -> Any:
        """Give an operand, or what stands in its place; long chains are walked without recursion."""
        if not isinstance(operand, Variable):
            return operand
        copies = self._copies
        waiting = [operand] if self._is_gone(operand) else []
        while waiting:
            operation = self._producers[waiting[-1]]
            missing = [v for v in operation.variables if self._is_gone(v) and v not in copies]
            if missing:
                waiting.extend(missing)
                continue
            gone = waiting.pop()
            if gone not in copies:
                operands = tuple([copies.get(o, o) if isinstance(o, Variable) else o for o in operation.operands])
                copies[gone] = Variable(gone.spec)
                self._write(Operation(operation.op, operands, operation.params, copies[gone]), gone)
        return copies.get(operand, operand)
