"""Reductions over axes, and what runs along one axis: sums, extremes, moments, argmax, cumsum.

`axes` is a tuple of axis numbers, each 0 or more, possibly none or all; the result has the other axes. Sums of integers
and of bool are i64. Functions here carry the names of Python's own (`sum`, `max`, `any`); inside this file the names
mean the ops. What it is not: which axes a target shape means (see `shapes/resolve.py`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shapewright.ops import movement
from shapewright.ops.comparison import eq, where
from shapewright.ops.core import Op, Shape, boolean, floating, numeric
from shapewright.ops.elementwise import cast, div, exp, mul, sub
from shapewright.shapes import rules
from shapewright.shapes.dtypes import DType, i64
from shapewright.shapes.errors import DTypeError, ShapeError

type Axes = tuple[int, ...]

# From here on, sums of f32 are kept in f64: NumPy's own f32 sums lose digits where the axis is not the last one.
_MANY = 4096


def _reduced(x: Shape, *, axes: Axes, **_: Any) -> Shape:
    return rules.reduce_axes_shape(x, axes, False)


def _reduced_some(x: Shape, *, axes: Axes) -> Shape:
    for axis in axes:
        if x[axis] == 0:
            raise ShapeError(
                f"axis {axis} is empty, and of no elements none is the largest or smallest",
                hint="check for an empty tensor first: x.size == 0",
            )
    return rules.reduce_axes_shape(x, axes, False)


def kept(x: Any, axes: Axes) -> Axes:
    """Give the numbers of the axes that a reduction leaves."""
    return tuple(axis for axis in range(len(x._spec.sizes)) if axis not in axes)


def spread(g: Any, x: Any, axes: Axes) -> Any:
    """Repeat a reduction's result along the axes that were reduced."""
    return movement.broadcast(g, sizes=x._spec.sizes, axes=kept(x, axes)) if axes else g


def count_over(sizes: Shape, axes: Axes) -> int:
    """Give how many elements a reduction makes one of."""
    return math.prod(sizes[axis] for axis in axes)


def _summed_dtype(x: type[DType], **_: Any) -> type[DType]:
    return x if x.is_floating else i64


def _averaged_dtype(x: type[DType], **_: Any) -> type[DType]:
    if not x.is_floating:
        raise DTypeError(
            f"the result would be no {x.name}: this needs floating point elements", hint="x.to(sw.f32) first"
        )
    return x


def _accumulator(x: np.ndarray, axes: Axes) -> Any:
    if x.dtype.kind in "iub":
        return np.int64
    return np.float64 if x.dtype == np.float32 and count_over(x.shape, axes) >= _MANY else None


# ---- sum, mean, prod ------------------------------------------------------------------------------------------------
def _sum_value(x: np.ndarray, axes: Axes) -> Any:
    return np.add.reduce(x, axis=axes, dtype=_accumulator(x, axes))


sum = Op(
    "sum",
    shape=_reduced,
    value=_sum_value,
    dtype=_summed_dtype,
    gradients=(lambda g, y, x, axes: spread(g, x, axes),),
)
"""The sum over ``axes``; 0 of no elements. PyTorch: ``torch.sum``."""


def _mean_value(x: np.ndarray, axes: Axes) -> Any:
    total = np.asarray(_sum_value(x, axes))
    return np.divide(total, total.dtype.type(count_over(x.shape, axes)))


def _mean_gradient(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    return spread(mul(g, 1.0 / (count_over(x._spec.sizes, axes) or 1)), x, axes)


mean = Op("mean", shape=_reduced, value=_mean_value, dtype=_averaged_dtype, gradients=(_mean_gradient,))
"""The mean over ``axes``; NaN of no elements. PyTorch: ``torch.mean``."""


def _prod_value(x: np.ndarray, axes: Axes) -> Any:
    return np.multiply.reduce(x, axis=axes, dtype=np.int64 if x.dtype.kind in "iub" else None)


def _prod_gradient(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    """Multiply by the product of the other elements, found without a division: zeros are numbers like others."""
    sizes = x._spec.sizes
    count = count_over(sizes, axes)
    g = spread(g, x, axes)
    if count < 2:
        return g
    order = (*axes, *kept(x, axes))
    front = movement.reshape(
        movement.permute(x, axes=order), sizes=(count, *[sizes[axis] for axis in order[len(axes) :]])
    )
    others = movement.reshape(_product_of_others(front), sizes=tuple(sizes[axis] for axis in order))
    return mul(g, movement.permute(others, axes=tuple(order.index(axis) for axis in range(len(order)))))


def _product_of_others(x: Any) -> Any:
    """Give, for each place along the first of two or more, the product of all other places.

    The places are multiplied in pairs; of each pair's others the pair's other half is one. log2(n) rounds of
    multiplications, so this has gradients of every order itself.
    """
    number = x._spec.sizes[0]
    half = number // 2
    left, right = _part(x, 0, half), _part(x, half, 2 * half)
    if number == 2:
        return movement.concat(right, left, axis=0)
    pairs = mul(left, right)
    if number % 2:
        pairs = movement.concat(pairs, _part(x, 2 * half, number), axis=0)
    others = _product_of_others(pairs)
    of_pairs = _part(others, 0, half)
    parts = [mul(of_pairs, right), mul(of_pairs, left)]
    if number % 2:
        parts.append(_part(others, half, half + 1))
    return movement.concat(*parts, axis=0)


def _part(x: Any, start: int, stop: int) -> Any:
    sizes = x._spec.sizes
    rest = len(sizes) - 1
    return movement.slice(x, starts=(start,) + (0,) * rest, stops=(stop, *sizes[1:]), steps=(1,) * len(sizes))


prod = Op("prod", shape=_reduced, value=_prod_value, dtype=_summed_dtype, gradients=(_prod_gradient,))
"""The product over ``axes``; 1 of no elements. PyTorch: ``torch.prod``."""


# ---- max, min -------------------------------------------------------------------------------------------------------
def _extreme_gradient(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    """Divide the gradient evenly among the elements that tie (PyTorch: amax)."""
    chosen = eq(x, spread(y, x, axes))
    number = cast(sum(chosen, axes=axes), dtype=g._spec.dtype)
    return where(chosen, spread(div(g, number), x, axes), 0.0)


max = Op(
    "max",
    shape=_reduced_some,
    value=lambda x, axes: np.maximum.reduce(x, axis=axes),
    dtype=numeric,
    gradients=(_extreme_gradient,),
)
"""The largest element over ``axes``; NaN if one is NaN. Ties share the gradient evenly. PyTorch: ``torch.amax``."""

min = Op(
    "min",
    shape=_reduced_some,
    value=lambda x, axes: np.minimum.reduce(x, axis=axes),
    dtype=numeric,
    gradients=(_extreme_gradient,),
)
"""The smallest element over ``axes``; NaN if one is NaN. Ties share the gradient evenly. PyTorch: ``torch.amin``."""


# ---- var, std, logsumexp --------------------------------------------------------------------------------------------
def _var_value(x: np.ndarray, axes: Axes, correction: float = 1) -> Any:
    number = count_over(x.shape, axes)
    centre = np.expand_dims(np.asarray(_mean_value(x, axes)), axes)
    total = np.asarray(_sum_value(np.square(x - centre), axes))
    left = number - correction
    return np.divide(total, total.dtype.type(left if left > 0 else 0))


def _var_gradient(g: Any, y: Any, x: Any, axes: Axes, correction: float = 1) -> Any:
    left = count_over(x._spec.sizes, axes) - correction
    scale = 2.0 / left if left > 0 else math.inf
    return mul(spread(mul(g, scale), x, axes), sub(x, spread(mean(x, axes=axes), x, axes)))


var = Op("var", shape=_reduced, value=_var_value, dtype=_averaged_dtype, gradients=(_var_gradient,))
"""The variance over ``axes``: the sum of squares around the mean over their number less ``correction`` (1).

NaN where that is 0 divided by 0. PyTorch: ``torch.var``.
"""


def _std_gradient(g: Any, y: Any, x: Any, axes: Axes, correction: float = 1) -> Any:
    # 0 where all elements are equal, as in PyTorch; what is not chosen stays finite.
    flat = eq(y, 0.0)
    scaled = where(flat, 0.0, div(g, mul(where(flat, 1.0, y), 2.0)))
    return _var_gradient(scaled, None, x, axes, correction)


std = Op(
    "std",
    shape=_reduced,
    value=lambda x, axes, correction=1: np.sqrt(_var_value(x, axes, correction)),
    dtype=_averaged_dtype,
    gradients=(_std_gradient,),
)
"""The square root of the variance over ``axes``; its gradient at 0 is 0. PyTorch: ``torch.std``."""


def _logsumexp_value(x: np.ndarray, axes: Axes) -> Any:
    if count_over(x.shape, axes) == 0:
        return np.full(_reduced(x.shape, axes=axes), -math.inf, dtype=x.dtype)
    top = np.maximum.reduce(x, axis=axes, keepdims=True)
    # Of infinities the difference would be NaN.
    top = np.where(np.isfinite(top), top, x.dtype.type(0))
    return np.log(_sum_value(np.exp(x - top), axes)) + top.reshape(_reduced(x.shape, axes=axes))


def _logsumexp_gradient(g: Any, y: Any, x: Any, axes: Axes) -> Any:
    level = where(eq(y, -math.inf), 0.0, y)
    return mul(spread(g, x, axes), exp(sub(x, spread(level, x, axes))))


logsumexp = Op("logsumexp", shape=_reduced, value=_logsumexp_value, dtype=floating, gradients=(_logsumexp_gradient,))
"""``log(sum(exp(x)))`` over ``axes``, with the largest element taken out first; -inf of no elements.

PyTorch: ``torch.logsumexp``.
"""


# ---- any, all, argmax, cumsum ---------------------------------------------------------------------------------------
any = Op(
    "any", shape=_reduced, value=lambda x, axes: np.logical_or.reduce(x, axis=axes), dtype=lambda x, axes: boolean(x)
)
"""Whether one element over ``axes`` is True; False of no elements. PyTorch: ``torch.any``."""

all = Op(
    "all", shape=_reduced, value=lambda x, axes: np.logical_and.reduce(x, axis=axes), dtype=lambda x, axes: boolean(x)
)
"""Whether every element over ``axes`` is True; True of no elements. PyTorch: ``torch.all``."""


def _place_shape(x: Shape, *, axis: int) -> Shape:
    result = rules.reduce_axes_shape(x, axis, False)
    if x[axis] == 0:
        raise ShapeError(
            f"axis {axis} is empty, so no place on it is that of the largest or smallest",
            hint="check for an empty tensor first: x.size == 0",
        )
    return result


argmax = Op("argmax", shape=_place_shape, value=lambda x, axis: np.argmax(x, axis=axis), dtype=lambda x, axis: i64)
"""The place of the largest element along ``axis``, the first of several; of NaN if there is one.

PyTorch: ``torch.argmax``.
"""

argmin = Op("argmin", shape=_place_shape, value=lambda x, axis: np.argmin(x, axis=axis), dtype=lambda x, axis: i64)
"""The place of the smallest element along ``axis``, the first of several; of NaN if there is one.

PyTorch: ``torch.argmin``.
"""


def _cumsum_value(x: np.ndarray, axis: int) -> Any:
    return np.add.accumulate(x, axis=axis, dtype=_accumulator(x, (axis,)))


cumsum = Op(
    "cumsum",
    shape=lambda x, axis: rules.axis_shape(x, axis),
    value=_cumsum_value,
    dtype=_summed_dtype,
    gradients=(lambda g, y, x, axis: movement.flip(cumsum(movement.flip(g, axes=(axis,)), axis=axis), axes=(axis,)),),
)
"""The sums of the first element, the first two, … along ``axis``. PyTorch: ``torch.cumsum``."""

__all__ = [
    "all", "any", "argmax", "argmin", "cumsum", "logsumexp", "max", "mean", "min", "prod", "std", "sum", "var",
]  # fmt: skip
