"""Expansion: operations that the engine computes as several others. Means, variances and their like become sums.

What it is not: a simplification (`graph/passes/`): what comes out is what kernels are made for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.ops.core import Op, Value
from shapewright.ops.windows import window_counts
from shapewright.shapes.dtypes import Spec, f32, spec


class _Sketch(Value):
    """A value whose operations are appended to a list."""

    __slots__ = ("_operations", "_spec", "variable")

    def __init__(self, variable: Variable, operations: list[Operation]) -> None:
        self.variable = variable
        self._spec: Spec = variable.spec
        self._operations = operations

    # Composites read names; sketches have none.
    @property
    def _dims(self) -> None:
        return None

    def _apply(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        keys = tuple([o._spec if isinstance(o, _Sketch) else type(o) for o in operands])
        result = Variable(op.verdict(keys, params))
        plain = tuple([o.variable if isinstance(o, _Sketch) else o for o in operands])
        self._operations.append(Operation(op, plain, params, result))
        return _Sketch(result, self._operations)


def expand(graph: Graph) -> Graph:
    """Write a graph with only what the engine has code for."""
    operations: list[Operation] = []
    constants = dict(graph.constants)
    instead: dict[Variable, Variable] = {}

    def replaced(operand: Any) -> Any:
        return instead.get(operand, operand) if isinstance(operand, Variable) else operand

    for operation in graph.operations:
        operands = tuple([replaced(operand) for operand in operation.operands])
        rule: Any = _RULES.get(operation.op)
        if operation.op is ops.over_window_counts:
            # The sizes of the windows are known: a constant, repeated over the axes in front.
            spec_ = operation.result.spec
            image = spec(spec_.sizes[-2:], spec_.dtype)
            counts = Variable(image, "counts")
            constants[counts] = window_counts(image.sizes, **operation.params).astype(image.dtype.numpy)
            x, table = _Sketch(operands[0], operations), _Sketch(counts, operations)
            rank = len(spec_.sizes)
            spread = ops.broadcast(table, sizes=spec_.sizes, axes=(rank - 2, rank - 1))
            instead[operation.result] = ops.div(x, spread).variable
            continue
        if rule is None:
            operations.append(Operation(operation.op, operands, operation.params, operation.result))
            continue
        x = _Sketch(operands[0], operations)
        dtype = x._spec.dtype
        # 16-bit floats are computed as f32 and rounded once.
        short = dtype.is_floating and dtype.itemsize == 2
        value = rule(ops.cast(x, dtype=f32) if short else x, **operation.params)
        if short:
            value = ops.cast(value, dtype=dtype)
        instead[operation.result] = value.variable
    new = graph.with_operations(operations)
    new.constants = constants
    new.results = [replaced(variable) for variable in graph.results]
    new.updates = {number: replaced(variable) for number, variable in graph.updates.items()}
    return new


def _count(x: Any, axes: tuple[int, ...]) -> int:
    return math.prod(x._spec.sizes[axis] for axis in axes)


def _spread(value: Any, x: Any, axes: tuple[int, ...]) -> Any:
    kept = tuple([axis for axis in range(len(x._spec.sizes)) if axis not in axes])
    return ops.broadcast(value, sizes=x._spec.sizes, axes=kept)


def _mean(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.div(ops.sum(x, axes=axes), float(_count(x, axes)))


def _var(x: Any, axes: tuple[int, ...], correction: float = 1) -> Any:
    centred = ops.sub(x, _spread(_mean(x, axes), x, axes))
    left = _count(x, axes) - correction
    return ops.div(ops.sum(ops.mul(centred, centred), axes=axes), float(max(left, 0)))


def _std(x: Any, axes: tuple[int, ...], correction: float = 1) -> Any:
    return ops.sqrt(_var(x, axes, correction))


def _logsumexp(x: Any, axes: tuple[int, ...]) -> Any:
    if _count(x, axes) == 0:
        return ops.log(ops.sum(x, axes=axes))
    top = ops.max(x, axes=axes)
    level = ops.where(ops.isfinite(top), top, 0.0)
    return ops.add(ops.log(ops.sum(ops.exp(ops.sub(x, _spread(level, x, axes))), axes=axes)), level)


_RULES: Mapping[Op, Callable[..., Any]] = {
    ops.mean: _mean,
    ops.var: _var,
    ops.std: _std,
    ops.logsumexp: _logsumexp,
}
