"""Canonical form: operations that change nothing go, and views of views become one view.

What it is not: a change of any number. `x + 0.0` stays, because it turns -0.0 into 0.0.
"""

from __future__ import annotations

from shapewright import ops
from shapewright.graph.graph import Graph, Operation, Variable

from .rewrite import Visit, rewrite


def canonical(graph: Graph) -> Graph:
    """Take out identities and merge views."""
    return rewrite(graph, simplest())


def simplest() -> Visit:
    """Give the walk's visit: it remembers the operations that it has seen."""
    made: dict[Variable, Operation] = {}

    def visit(operation: Operation) -> Operation | Variable:
        simpler = _simpler(operation, made)
        if isinstance(simpler, Operation):
            made[simpler.result] = simpler
        return simpler

    return visit


def _simpler(operation: Operation, made: dict[Variable, Operation]) -> Operation | Variable:
    op, params = operation.op, operation.params
    if not operation.operands or not isinstance(operation.operands[0], Variable):
        return operation
    x: Variable = operation.operands[0]
    same = operation.result.spec is x.spec
    before = made.get(x)
    if op is ops.stop_gradient or (op is ops.cast and same):
        return x
    if op in (ops.mul, ops.div) and same and operation.operands[1] in (1, 1.0) and _is_number(operation.operands[1]):
        return x
    if op is ops.neg and before is not None and before.op is ops.neg:
        return before.operands[0]
    if op is ops.reshape:
        if before is not None and before.op is ops.reshape:
            merged = Operation(op, before.operands, params, operation.result)
            return _simpler(merged, made)
        return x if same else operation
    if op is ops.permute:
        axes = params["axes"]
        if before is not None and before.op is ops.permute:
            inner = before.params["axes"]
            merged = Operation(op, before.operands, {"axes": tuple([inner[a] for a in axes])}, operation.result)
            return _simpler(merged, made)
        return x if tuple(axes) == tuple(range(len(axes))) else operation
    if op is ops.broadcast:
        if before is not None and before.op is ops.broadcast:
            axes = tuple([params["axes"][a] for a in before.params["axes"]])
            return Operation(op, before.operands, {"sizes": params["sizes"], "axes": axes}, operation.result)
        return x if same and tuple(params["axes"]) == tuple(range(len(params["axes"]))) else operation
    return operation


def _is_number(operand: object) -> bool:
    return isinstance(operand, int | float) and not isinstance(operand, bool)
