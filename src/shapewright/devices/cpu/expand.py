"""Expansion: operations that the engine computes as several others. Means, variances and their like become sums.

What it is not: a simplification (`graph/passes/`): what comes out is what kernels are made for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.graph.passes.rewrite import rewrite
from shapewright.graph.structure import is_structure
from shapewright.ops import reductions
from shapewright.ops.core import Op, Value
from shapewright.ops.normalization import in_f32
from shapewright.ops.windows import window_counts
from shapewright.shapes.dtypes import DType, Spec, bool_, i32, i64, spec, u8

from .nested import expanded_structure


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

    def table(array: np.ndarray, dtype: type[DType]) -> _Sketch:
        """Give known numbers as a constant."""
        variable = Variable(spec(array.shape, dtype), "table")
        constants[variable] = array.astype(dtype.numpy)
        return _Sketch(variable, operations)

    def visit(operation: Operation) -> Operation | Variable:
        if is_structure(operation):
            return expanded_structure(operation, expand, constants)
        rule: Any = _RULES.get(operation.op)
        if operation.op is ops.over_window_counts:
            # The sizes of the windows are known: a constant, repeated over the axes in front.
            spec_ = operation.result.spec
            counts = table(window_counts(spec_.sizes[-2:], **operation.params), spec_.dtype)
            x = _Sketch(operation.operands[0], operations)
            in_front = tuple(range(len(spec_.sizes) - 2))
            return ops.div(x, reductions.spread(counts, x, in_front)).variable
        if operation.op in (ops.argmax, ops.argmin):
            (x,) = operation.variables
            axis = operation.params["axis"]
            size = x.spec.sizes[axis]
            places = table(np.arange(size), i32 if size < 2**31 else i64)
            return _place_of_extreme(_Sketch(x, operations), places, axis, operation.op is ops.argmax).variable
        if rule is None:
            return operation
        x = _Sketch(operation.operands[0], operations)
        return in_f32(lambda x: rule(x, **operation.params), x).variable

    new = rewrite(graph, visit, operations)
    new.constants = constants
    return new


def _mean(x: Any, axes: tuple[int, ...]) -> Any:
    return ops.div(ops.sum(x, axes=axes), float(reductions.count_over(x._spec.sizes, axes)))


def _var(x: Any, axes: tuple[int, ...], correction: float = 1) -> Any:
    centred = ops.sub(x, reductions.spread(_mean(x, axes), x, axes))
    left = reductions.count_over(x._spec.sizes, axes) - correction
    return ops.div(ops.sum(ops.mul(centred, centred), axes=axes), float(max(left, 0)))


def _std(x: Any, axes: tuple[int, ...], correction: float = 1) -> Any:
    return ops.sqrt(_var(x, axes, correction))


def _logsumexp(x: Any, axes: tuple[int, ...]) -> Any:
    if reductions.count_over(x._spec.sizes, axes) == 0:
        return ops.log(ops.sum(x, axes=axes))
    top = ops.max(x, axes=axes)
    level = ops.where(ops.isfinite(top), top, 0.0)
    powers = ops.exp(ops.sub(x, reductions.spread(level, x, axes)))
    return ops.add(ops.log(ops.sum(powers, axes=axes)), level)


def _place_of_extreme(x: Any, places: Any, axis: int, largest: bool) -> Any:
    """Give the first place of the largest or smallest element along an axis; a NaN is both."""
    if x._spec.dtype is bool_:
        x = ops.cast(x, dtype=u8)
    extreme = (ops.max if largest else ops.min)(x, axes=(axis,))
    is_there = ops.eq(x, reductions.spread(extreme, x, (axis,)))
    if x._spec.dtype.is_floating:
        is_there = ops.logical_or(is_there, ops.ne(x, x))
    sizes = x._spec.sizes
    found = ops.where(is_there, ops.broadcast(places, sizes=sizes, axes=(axis,)), sizes[axis])
    return ops.cast(ops.min(found, axes=(axis,)), dtype=i64)


_RULES: Mapping[Op, Callable[..., Any]] = {
    ops.mean: _mean,
    ops.var: _var,
    ops.std: _std,
    ops.logsumexp: _logsumexp,
}
