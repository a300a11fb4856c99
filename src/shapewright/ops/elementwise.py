"""Arithmetic and elementary functions, element by element.

Operands have equal shapes, or one is a Python number. Where a function is not differentiable the gradient is PyTorch's:
0 for `sign` and the roundings, half to each side of a tie in `maximum` and `minimum`, 1 on the bounds of `clip`.
What it is not: activations (`activations.py`) or comparisons (`comparison.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from shapewright.ops.comparison import (
    EQUAL_HINT,
    eq,
    equal_shapes,
    fitting,
    ge,
    isfinite,
    le,
    logical_and,
    lt,
    where,
)
from shapewright.ops.core import Op, floating, numeric, same
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError


def unary(
    name: str,
    value: Callable[..., Any],
    gradient: Callable[..., Any] | None = None,
    *,
    dtype: Callable[..., type[DType]] = floating,
    exact: bool = False,
) -> Op:
    """Make an op of one tensor that keeps its shape."""
    gradients = () if gradient is None else (gradient,)
    return Op(name, shape=equal_shapes, value=value, dtype=dtype, gradients=gradients, merges=True, exact=exact)


def binary(
    name: str,
    value: Callable[..., Any],
    gradients: Sequence[Callable[..., Any] | None] = (),
    *,
    dtype: Callable[..., type[DType]] = numeric,
) -> Op:
    """Make an op of two tensors of one shape, or of a tensor and a Python number."""

    return Op(
        name,
        shape=equal_shapes,
        value=fitting(value),
        dtype=dtype,
        gradients=gradients,
        operands=("a", "b"),
        hint=EQUAL_HINT,
        merges=True,
    )


def zero_gradient(g: Any, *_: Any, **__: Any) -> Any:
    """The gradient of a function that is constant wherever it has a derivative."""
    return mul(g, 0.0)


# ---- one operand ----------------------------------------------------------------------------------------------------
neg = unary("neg", np.negative, lambda g, y, x: neg(g), dtype=numeric)
"""``-x``. PyTorch: ``torch.neg``."""

abs = unary("abs", np.absolute, lambda g, y, x: mul(g, sign(x)), dtype=numeric)
"""The absolute value; its gradient at 0 is 0. PyTorch: ``torch.abs``."""


def _sign_value(x: np.ndarray) -> Any:
    # NumPy gives NaN for NaN; PyTorch gives 0, and so a gradient of `abs` that is 0 there.
    return np.where(np.isnan(x), x.dtype.type(0), np.sign(x)) if x.dtype.kind == "f" else np.sign(x)


sign = unary("sign", _sign_value, zero_gradient, dtype=numeric)
"""-1, 0 or 1; 0 for NaN. PyTorch: ``torch.sign``."""


def _rounding(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: x if x.dtype.kind in "iu" else function(x)


floor = unary("floor", _rounding(np.floor), zero_gradient, dtype=numeric)
"""The largest whole number that is not above x. PyTorch: ``torch.floor``."""

ceil = unary("ceil", _rounding(np.ceil), zero_gradient, dtype=numeric)
"""The smallest whole number that is not below x. PyTorch: ``torch.ceil``."""

round = unary("round", _rounding(np.rint), zero_gradient, dtype=numeric)
"""The nearest whole number, the even one of two. PyTorch: ``torch.round``."""

exp = unary("exp", np.exp, lambda g, y, x: mul(g, y))
"""e to the power x. PyTorch: ``torch.exp``."""

expm1 = unary("expm1", np.expm1, lambda g, y, x: mul(g, add(y, 1.0)))
"""``exp(x) - 1``, exact for small x. PyTorch: ``torch.expm1``."""

log = unary("log", np.log, lambda g, y, x: div(g, x))
"""The natural logarithm. PyTorch: ``torch.log``."""

log1p = unary("log1p", np.log1p, lambda g, y, x: div(g, add(x, 1.0)))
"""``log(1 + x)``, exact for small x. PyTorch: ``torch.log1p``."""

log2 = unary("log2", np.log2, lambda g, y, x: div(g, mul(x, math.log(2.0))))
"""The logarithm to base 2. PyTorch: ``torch.log2``."""

sqrt = unary("sqrt", np.sqrt, lambda g, y, x: div(g, mul(y, 2.0)))
"""The square root. PyTorch: ``torch.sqrt``."""


def _rsqrt_value(x: np.ndarray) -> Any:
    return np.divide(1, np.sqrt(x))


rsqrt = unary("rsqrt", _rsqrt_value, lambda g, y, x: mul(mul(g, -0.5), mul(square(y), y)))
"""One over the square root. PyTorch: ``torch.rsqrt``."""


def _reciprocal_value(x: np.ndarray) -> Any:
    return np.divide(1, x)


reciprocal = unary("reciprocal", _reciprocal_value, lambda g, y, x: neg(mul(g, square(y))))
"""``1 / x``. PyTorch: ``torch.reciprocal``."""

square = unary("square", np.square, lambda g, y, x: mul(g, mul(x, 2.0)), dtype=numeric)
"""``x * x``. PyTorch: ``torch.square``."""

sin = unary("sin", np.sin, lambda g, y, x: mul(g, cos(x)))
"""The sine. PyTorch: ``torch.sin``."""

cos = unary("cos", np.cos, lambda g, y, x: neg(mul(g, sin(x))))
"""The cosine. PyTorch: ``torch.cos``."""

tan = unary("tan", np.tan, lambda g, y, x: mul(g, add(square(y), 1.0)))
"""The tangent. PyTorch: ``torch.tan``."""

tanh = unary("tanh", np.tanh, lambda g, y, x: mul(g, sub(1.0, square(y))))
"""The hyperbolic tangent. PyTorch: ``torch.tanh``."""


# ---- two operands ---------------------------------------------------------------------------------------------------
add = binary("add", np.add, (lambda g, y, a, b: g, lambda g, y, a, b: g))
"""``a + b``. PyTorch: ``torch.add``."""

sub = binary("sub", np.subtract, (lambda g, y, a, b: g, lambda g, y, a, b: neg(g)))
"""``a - b``. PyTorch: ``torch.sub``."""

mul = binary("mul", np.multiply, (lambda g, y, a, b: mul(g, b), lambda g, y, a, b: mul(g, a)))
"""``a * b``. PyTorch: ``torch.mul``."""

div = binary(
    "div", np.divide, (lambda g, y, a, b: div(g, b), lambda g, y, a, b: neg(mul(g, div(y, b)))), dtype=floating
)
"""``a / b`` of floating point elements. PyTorch: ``torch.div``."""


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    def value(a: Any, b: Any) -> Any:
        array = a if isinstance(a, np.ndarray) else b
        if array.dtype.kind in "iu" and not np.all(b):
            raise ArgumentError(
                "an integer is divided by 0",
                hint="sw.where(b == 0, 1, b) in the place of b, or x.to(sw.f32) first: then the result is inf or nan",
            )
        return function(a, b)

    return value


floor_divide = binary("floor_divide", _whole(np.floor_divide), (zero_gradient, zero_gradient))
"""``a // b``, rounded down as in Python. An integer divided by 0 is an ArgumentError.

PyTorch: ``torch.floor_divide``.
"""

remainder = binary(
    "remainder",
    _whole(np.remainder),
    (lambda g, y, a, b: g, lambda g, y, a, b: neg(mul(g, floor_divide(a, b)))),
)
"""``a % b``, with the sign of b as in Python. An integer divided by 0 is an ArgumentError.

PyTorch: ``torch.remainder``.
"""


def _pow_value(a: Any, b: Any) -> Any:
    if not isinstance(b, np.ndarray) and b == 2:
        return np.square(a)
    try:
        return np.power(a, b)
    except ValueError:
        raise ArgumentError("an integer to a negative power is no integer", hint="x.to(sw.f32) ** exponent") from None


def _pow_gradient_base(g: Any, y: Any, a: Any, b: Any) -> Any:
    if isinstance(b, (int, float)):
        if b == 0:
            return mul(g, 0.0)
        return g if b == 1 else mul(g, mul(a if b == 2 else pow(a, b - 1), b))
    # The derivative of x ** 0 is 0 at x = 0 too, where 0 * 0 ** -1 would be NaN. What is not chosen stays finite.
    zero = eq(b, 0.0)
    slope = mul(b, pow(where(zero, 1.0, a), sub(b, 1.0)))
    return mul(g, where(zero, 0.0, slope))


def _pow_gradient_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    # d/db a ** b = a ** b * log(a); at a = 0 it is 0 for b >= 0 (PyTorch: pow_backward_exponent).
    if isinstance(a, (int, float)):
        if a == 0:
            return mul(g, where(ge(b, 0.0), 0.0, mul(y, -math.inf)))
        return mul(g, mul(y, math.log(a) if a > 0 else math.nan))
    flat = logical_and(eq(a, 0.0), ge(b, 0.0))
    return mul(g, where(flat, 0.0, mul(y, log(where(flat, 1.0, a)))))


pow = binary("pow", _pow_value, (_pow_gradient_base, _pow_gradient_exponent))
"""``a ** b``. 0 ** 0 is 1; a negative number to a power that is not whole is NaN. PyTorch: ``torch.pow``."""


def _extreme_gradient(smaller: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient goes to the operand that was chosen; a tie gives one half to each."""
    return lambda g, mine, other: where(smaller(mine, other), 0.0, where(eq(mine, other), mul(g, 0.5), g))


_to_larger = _extreme_gradient(lt)
_to_smaller = _extreme_gradient(lambda mine, other: lt(other, mine))

maximum = binary(
    "maximum", np.maximum, (lambda g, y, a, b: _to_larger(g, a, b), lambda g, y, a, b: _to_larger(g, b, a))
)
"""The larger of two; NaN if one is NaN. A tie gives half the gradient to each. PyTorch: ``torch.maximum``."""

minimum = binary(
    "minimum", np.minimum, (lambda g, y, a, b: _to_smaller(g, a, b), lambda g, y, a, b: _to_smaller(g, b, a))
)
"""The smaller of two; NaN if one is NaN. A tie gives half the gradient to each. PyTorch: ``torch.minimum``."""


# ---- with parameters ------------------------------------------------------------------------------------------------
def _clip_dtype(x: type[DType], *, min: float | None = None, max: float | None = None) -> type[DType]:
    if min is None and max is None:
        raise ArgumentError("there is no bound", hint="x.clip(min=0.0), x.clip(max=1.0) or x.clip(min=0.0, max=1.0)")
    return numeric(x, *[type(bound) for bound in (min, max) if bound is not None])


def _clip_value(x: np.ndarray, min: float | None = None, max: float | None = None) -> Any:
    if x.dtype.kind in "iu":
        # Bounds beyond what the type can hold bind nothing.
        limits = np.iinfo(x.dtype)
        low = limits.min if min is None else sorted((limits.min, int(min), limits.max))[1]
        high = limits.max if max is None else sorted((limits.min, int(max), limits.max))[1]
        return np.minimum(np.maximum(x, low), high)
    if min is not None:
        x = np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


def _clip_gradient(g: Any, y: Any, x: Any, min: float | None = None, max: float | None = None) -> Any:
    if min is not None:
        g = where(ge(x, min), g, 0.0)
    return g if max is None else where(le(x, max), g, 0.0)


clip = unary("clip", _clip_value, _clip_gradient, dtype=_clip_dtype)
"""``x`` with what is below ``min`` or above ``max`` (Python numbers, one may be left out) put on the bound.

Both bounds pass the gradient on. PyTorch: ``torch.clamp``.
"""


def _nan_to_num_value(
    x: np.ndarray, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> np.ndarray:
    if x.dtype.kind in "iub":
        return x
    kind = x.dtype.type
    limits = _limits(x.dtype)
    result = np.where(np.isnan(x), kind(nan), x)
    result = np.where(x == kind(math.inf), limits[1] if posinf is None else kind(posinf), result)
    return np.where(x == kind(-math.inf), limits[0] if neginf is None else kind(neginf), result)


def _limits(dtype: np.dtype) -> tuple[Any, Any]:
    if dtype.kind == "f":
        info = np.finfo(dtype)
        return info.min, info.max
    info = ml_dtypes.finfo(dtype)
    return info.min, info.max


nan_to_num = unary(
    "nan_to_num",
    _nan_to_num_value,
    lambda g, y, x, **_: where(isfinite(x), g, 0.0),
    dtype=lambda x, **_: same(x),
    exact=True,
)
"""``x`` with ``nan`` in the place of NaN, and ``posinf`` and ``neginf`` (by default the largest and smallest finite
numbers) in the places of the infinities. PyTorch: ``torch.nan_to_num``.
"""


# ---- element types and tapes ----------------------------------------------------------------------------------------
def _cast_value(x: np.ndarray, dtype: type[DType]) -> np.ndarray:
    target = dtype.numpy
    if x.dtype == target:
        return x
    if target.kind == "b":
        return x != x.dtype.type(0)
    if target.kind in "iu" and x.dtype.kind not in "iub":
        # By way of i64, so that a negative number wraps on every machine as an integer does.
        x = x.astype(np.int64)
    return x.astype(target)


cast = unary(
    "cast",
    _cast_value,
    lambda g, y, x, dtype: cast(g, dtype=x._spec.dtype),
    dtype=lambda x, dtype: dtype,
    exact=True,
)
"""The same numbers as elements of type ``dtype``: rounded to the nearest float, cut towards 0 to integers, True where
not 0. PyTorch: ``x.to(dtype)``.
"""

stop_gradient = unary("stop_gradient", lambda x: x, None, dtype=same, exact=True)
"""``x`` itself, through which no gradient goes. PyTorch: ``x.detach()``."""
