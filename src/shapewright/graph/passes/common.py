"""Common subexpressions: the same operation on the same operands is computed once.

Every op gives the same result for the same operands and parameters (random draws are counted), so this is always right.
What it is not: the recognition of equal values that were computed in different ways.
"""

from __future__ import annotations

from typing import Any

from shapewright.graph.graph import Graph, Operation, Variable

from .rewrite import rewrite


def common_subexpressions(graph: Graph) -> Graph:
    """Compute each operation once."""
    seen: dict[Any, Variable] = {}

    def visit(operation: Operation) -> Operation | Variable:
        operands = tuple([o if isinstance(o, Variable) else (type(o), repr(o)) for o in operation.operands])
        key = (operation.op, operands, tuple(operation.params.items()), operation.result.spec)
        known = seen.setdefault(key, operation.result)
        return operation if known is operation.result else known

    return rewrite(graph, visit)
