"""Composites that look along axes: softmax, log_softmax, normalize, layer_norm.

16-bit floats are computed as f32 and rounded once at the end. What it is not: batch norm, which has running statistics
(`nn/`), or dropout, which draws (`nn/`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapewright.ops import reductions
from shapewright.ops.composite import axis_from_front, explained
from shapewright.ops.elementwise import add, cast, div, exp, log, mul, rsqrt, stop_gradient, sub
from shapewright.ops.movement import broadcast
from shapewright.shapes import rules
from shapewright.shapes.dim import describe
from shapewright.shapes.dtypes import f32
from shapewright.shapes.errors import DTypeError, ShapeError


def _axes(x: Any, axis: int | tuple[int, ...], name: str) -> tuple[int, ...]:
    given = (axis,) if isinstance(axis, int) else tuple(axis)
    try:
        rules.axes_shape(x._spec.sizes, given)
        if not x._spec.dtype.is_floating:
            raise DTypeError(f"this needs floating point elements, not {x._spec.dtype.name}", hint="x.to(sw.f32) first")
    except (ShapeError, DTypeError) as error:
        raise explained(name, error, (x,), axis=axis) from None
    return tuple(axis_from_front(x, number) for number in given)


def in_f32(function: Callable[[Any], Any], x: Any) -> Any:
    """Apply a function of several steps to x, in f32 if x has 16-bit floats, so that it is rounded once."""
    dtype = x._spec.dtype
    if dtype.itemsize != 2:
        return function(x)
    return cast(function(cast(x, dtype=f32)), dtype=dtype)


def _from_top(x: Any, axes: tuple[int, ...]) -> Any:
    """Take the largest element out, so that exp cannot overflow; the result does not depend on it."""
    top = stop_gradient(reductions.max(x, axes=axes))
    return sub(x, reductions.spread(top, x, axes))


def softmax(x: Any, *, axis: int | tuple[int, ...] = -1) -> Any:
    """Give ``exp(x) / sum(exp(x))`` along an axis (or several): positive numbers whose sum is 1.

    Raises:
        ShapeError: there is no such axis.
        DTypeError: the elements are integers.

    PyTorch: ``torch.softmax``. dfdx: ``x.softmax::<Axis<1>>()``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.softmax(sw.tensor([1.0, 1.0]), axis=0).tolist()
    [0.5, 0.5]
    """
    axes = _axes(x, axis, "softmax")

    def computed(x: Any) -> Any:
        if x._spec.count == 0:
            return exp(x)
        powers = exp(_from_top(x, axes))
        return div(powers, reductions.spread(reductions.sum(powers, axes=axes), x, axes))

    return in_f32(computed, x)


def log_softmax(x: Any, *, axis: int | tuple[int, ...] = -1) -> Any:
    """Give ``x - logsumexp(x)`` along an axis (or several): the logarithm of `softmax`, without its rounding to 0.

    Raises:
        ShapeError: there is no such axis.
        DTypeError: the elements are integers.

    PyTorch: ``torch.log_softmax``. dfdx: ``x.log_softmax::<Axis<1>>()``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.log_softmax(sw.tensor([0.0, -1000.0]), axis=0).tolist()
    [0.0, -1000.0]
    """
    axes = _axes(x, axis, "log_softmax")

    def computed(x: Any) -> Any:
        if x._spec.count == 0:
            return exp(x)
        below = _from_top(x, axes)
        return sub(below, reductions.spread(log(reductions.sum(exp(below), axes=axes)), x, axes))

    return in_f32(computed, x)


def normalize(x: Any, *, axis: int | tuple[int, ...] = -1, epsilon: float = 1e-5) -> Any:
    """Give ``(x - mean) / sqrt(var + epsilon)`` along an axis (or several), with the biased variance.

    Raises:
        ShapeError: there is no such axis.
        DTypeError: the elements are integers.

    PyTorch: ``F.layer_norm(x, x.shape[-1:])``. dfdx: ``x.normalize::<Axis<1>>(epsilon)``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.normalize(sw.tensor([1.0, 3.0]), axis=0, epsilon=0.0).tolist()
    [-1.0, 1.0]
    """
    axes = _axes(x, axis, "normalize")

    def computed(x: Any) -> Any:
        centred = sub(x, reductions.spread(reductions.mean(x, axes=axes), x, axes))
        variance = reductions.mean(mul(centred, centred), axes=axes)
        return mul(centred, reductions.spread(rsqrt(add(variance, epsilon)), x, axes))

    return in_f32(computed, x)


def layer_norm(
    x: Any, weight: Any = None, bias: Any = None, *, axes: tuple[int, ...] = (-1,), epsilon: float = 1e-5
) -> Any:
    """Normalise along `axes`, then multiply by `weight` and add `bias`, which have the sizes of those axes.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Raises:
        ShapeError: there are no such axes, or weight or bias have other sizes.
        DTypeError: the element types differ or are integers.

    PyTorch: ``F.layer_norm``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.layer_norm(sw.tensor([1.0, 3.0]), sw.full((2,), 2.0), epsilon=0.0).tolist()
    [-2.0, 2.0]
    """
    places = tuple(sorted(_axes(x, axes, "layer_norm")))
    normalized = tuple(x._spec.sizes[axis] for axis in places)
    for name, part in (("weight", weight), ("bias", bias)):
        if part is not None and part._spec.sizes != normalized:
            error = ShapeError(f"the {name} has the sizes of the axes that are normalised, {describe(normalized)}")
            raise explained("layer_norm", error, (x, part), ("x", name), axes=axes)
    result = normalize(x, axis=axes, epsilon=epsilon)
    sizes = x._spec.sizes
    if weight is not None:
        result = mul(result, broadcast(weight, sizes=sizes, axes=places))
    return result if bias is None else add(result, broadcast(bias, sizes=sizes, axes=places))
