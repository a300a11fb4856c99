"""Constant folding: what depends on constants alone is computed while the program is made.

What it is not: a way to large constants. A result that is much larger than its operands is left to the program.
"""

from __future__ import annotations

from typing import Any

from shapewright.graph.graph import Graph, Operation, Variable
from shapewright.graph.structure import is_structure, part
from shapewright.shapes.errors import Error

from .rewrite import Visit, rewrite

# Elements that a folded result may have, unless its operands have as many.
_SMALL = 1024


def constant_folding(graph: Graph) -> Graph:
    """Compute operations on constants now."""
    constants = dict(graph.constants)
    new = rewrite(graph, folding(constants))
    new.constants = constants
    return new


def folding(constants: dict[Variable, Any]) -> Visit:
    """Give the walk's visit: it takes constants from a dict, and puts those that it computes there."""

    def visit(operation: Operation) -> Operation | None:
        if not operation.operands or not all(v in constants for v in operation.variables):
            return operation
        if is_structure(operation) or operation.op is part:
            # What a whole loop gives may be large and long in the making.
            return operation
        largest = max([v.spec.count for v in operation.variables], default=0)
        if operation.result.spec.count > max(_SMALL, largest):
            return operation
        arrays = [constants[o] if isinstance(o, Variable) else o for o in operation.operands]
        try:
            constants[operation.result] = operation.op.evaluate(arrays, operation.params, operation.result.spec)
        except Error:
            # A check that fails is reported by the program, as it is where nothing is folded.
            return operation
        return None

    return visit
