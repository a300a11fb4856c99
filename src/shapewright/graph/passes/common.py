"""Common subexpressions: the same operation on the same operands is computed once.

Every op gives the same result for the same operands and parameters (random draws are counted), so this is always right.
What it is not: the recognition of equal values that were computed in different ways.
"""

from __future__ import annotations

from typing import Any

from shapewright.graph.graph import Graph, Operation, Variable

from .rewrite import Visit, rewrite


def common_subexpressions(graph: Graph) -> Graph:
    """Compute each operation once."""
    return rewrite(graph, once())


def once() -> Visit:
    """Give the walk's visit: it remembers the operations that it has seen."""
    seen: dict[Any, Variable] = {}

    def visit(operation: Operation) -> Operation | Variable:
        operands = tuple([o if isinstance(o, Variable) else (type(o), repr(o)) for o in operation.operands])
        # As texts too, because 0.0 and -0.0 are equal and not the same, nor are 1 and True.
        params = tuple([(name, value, repr(value)) for name, value in operation.params.items()])
        key = (operation.op, operands, params, operation.result.spec)
        known = seen.setdefault(key, operation.result)
        return operation if known is operation.result else known

    return visit
