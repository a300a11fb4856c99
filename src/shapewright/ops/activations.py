"""The functions that networks put between their layers, and erf.

All of them stay finite and quiet for large |x|. What it is not: softmax and the norms, which look at more than one
element (see `normalization.py`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shapewright.ops.comparison import gt, le, lt, where
from shapewright.ops.core import floating
from shapewright.ops.elementwise import add, exp, mul, neg, square, sub, unary
from shapewright.ops.elementwise import tanh as _tanh
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError


# ---- sigmoid and what is made of it ---------------------------------------------------------------------------------
def _sigmoid_value(x: np.ndarray) -> np.ndarray:
    # exp of a number that is not positive: no overflow on either side.
    decay = np.exp(-np.absolute(x))
    return np.where(x >= 0, x.dtype.type(1), decay) / (1 + decay)


sigmoid = unary("sigmoid", _sigmoid_value, lambda g, y, x: mul(g, mul(y, sub(1.0, y))))
"""``1 / (1 + exp(-x))``. PyTorch: ``torch.sigmoid``."""

relu = unary("relu", lambda x: np.maximum(x, 0), lambda g, y, x: where(le(y, 0.0), 0.0, g))
"""``max(x, 0)``; its gradient at 0 is 0. PyTorch: ``torch.relu``."""


def _softplus_value(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.absolute(x)))


softplus = unary("softplus", _softplus_value, lambda g, y, x: mul(g, sigmoid(x)))
"""``log(1 + exp(x))``, computed as ``max(x, 0) + log1p(exp(-|x|))``. PyTorch: ``F.softplus``."""


def _silu_gradient(g: Any, y: Any, x: Any) -> Any:
    gate = sigmoid(x)
    return mul(g, mul(gate, add(mul(x, sub(1.0, gate)), 1.0)))


silu = unary("silu", lambda x: x * _sigmoid_value(x), _silu_gradient)
"""``x * sigmoid(x)`` (S. Elfwing, E. Uchibe, K. Doya 2017). PyTorch: ``F.silu``."""


# ---- erf and gelu ---------------------------------------------------------------------------------------------------
# Polynomials fitted for this file in 50 digits, by interpolation in Chebyshev points (lowest power first):
#   |x| <= 1: erf(x) = x * NEAR(x * x);    |x| > 1: erf(|x|) = 1 - exp(-x * x) * FAR((|x| - 2) / (|x| + 2)), fitted to 6
# (the variable is that of M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x",
# 1981). Measured against math.erf: the f64 pair is within 2.8e-16 of it (relative), the f32 pair within 1.7e-7.
_NEAR_64 = (
    1.1283791670955126, -0.37612638903183543, 0.11283791670945006, -0.02686617064323777, 0.0052239776071164225,
    -0.0008548325975389692, 0.00012055294904839707, -1.492473690741966e-05, 1.6447424703317362e-06,
    -1.6208483801871705e-07, 1.3720064546777686e-08, -7.795898827002142e-10,
)  # fmt: skip
_FAR_64 = (
    0.25539567631050575, -0.4271858474139579, 0.24165819424246987, -0.07897858101585253, 0.00373289240349224,
    0.006997461747753573, -0.0008471431980760424, -0.0009819773208131022, 4.3554202452705896e-05,
    0.00017436697232946864, 2.754312818566672e-05, -2.7647305443610053e-05, -1.4067532694582058e-05,
    1.820143195975009e-06, 3.917059299925389e-06,
)  # fmt: skip
_NEAR_32 = (
    1.1283791658483509, -0.37612626666720334, 0.11283594715160218, -0.026854212010626412, 0.005189087423433974,
    -0.000801686428716587, 7.875875062685488e-05,
)  # fmt: skip
_FAR_32 = (
    0.25539570549376617, -0.4271859338497961, 0.24165393283122974, -0.07897178769468824, 0.0038249967077246634,
    0.006843287054642167, -0.0013484752313763994,
)  # fmt: skip


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    result = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result *= x
        result += coefficient
    return result


def _erf_value(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x)
    near, far = (_NEAR_64, _FAR_64) if x.dtype == np.float64 else (_NEAR_32, _FAR_32)
    size = np.minimum(np.absolute(x), x.dtype.type(6))
    small = size <= 1
    inner = np.where(small, x, 0)
    outer = np.where(small, x.dtype.type(1), size)
    tail = 1 - np.exp(-outer * outer) * _polynomial(far, (outer - 2) / (outer + 2))
    # minimum passes NaN on, and NaN is not small.
    return np.where(small, inner * _polynomial(near, inner * inner), np.copysign(tail, x))


erf = unary("erf", _erf_value, lambda g, y, x: mul(g, mul(exp(neg(square(x))), 2.0 / math.sqrt(math.pi))))
"""The error function, to the precision of the element type. PyTorch: ``torch.erf``."""

_SQRT_HALF = math.sqrt(0.5)
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
_TANH_SCALE = math.sqrt(2.0 / math.pi)
_TANH_CUBIC = 0.044715


def _gelu_value(x: np.ndarray, approximate: str = "none") -> np.ndarray:
    if approximate == "none":
        return 0.5 * x * (1 + _erf_value(x * _SQRT_HALF))
    return 0.5 * x * (1 + np.tanh(_TANH_SCALE * (x + _TANH_CUBIC * x * x * x)))


def _gelu_slope_value(x: np.ndarray) -> np.ndarray:
    # Where the density is 0, infinity times it is not.
    near = np.clip(x, -40, 40)
    return 0.5 * (1 + _erf_value(near * _SQRT_HALF)) + near * np.exp(near * near * -0.5) * _DENSITY


def _gelu_slope_gradient(g: Any, y: Any, x: Any) -> Any:
    squared = square(x)
    return mul(g, mul(mul(sub(2.0, squared), exp(mul(squared, -0.5))), _DENSITY))


gelu_slope = unary("gelu_slope", _gelu_slope_value, _gelu_slope_gradient)
"""The derivative of `gelu`: the probability that a normal number is below x, and x times its density there."""


def _gelu_gradient(g: Any, y: Any, x: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return mul(g, gelu_slope(x))
    bent = _tanh(mul(add(x, mul(mul(square(x), x), _TANH_CUBIC)), _TANH_SCALE))
    slope = mul(add(mul(square(x), 3.0 * _TANH_CUBIC), 1.0), _TANH_SCALE)
    rising = mul(mul(x, sub(1.0, square(bent))), slope)
    return mul(mul(g, 0.5), add(add(bent, 1.0), rising))


def _gelu_dtype(x: type[DType], approximate: str = "none") -> type[DType]:
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f"approximate={approximate!r} is no form of it", hint='approximate="none" or "tanh"')
    return floating(x)


gelu = unary("gelu", _gelu_value, _gelu_gradient, dtype=_gelu_dtype)
"""``x`` times the probability that a normal number is below x (D. Hendrycks, K. Gimpel 2016).

``approximate="none"`` uses erf, ``"tanh"`` the paper's ``0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))``.
PyTorch: ``F.gelu``.
"""


# ---- with a slope ---------------------------------------------------------------------------------------------------
def _leaky_relu_value(x: np.ndarray, negative_slope: float = 0.01) -> np.ndarray:
    return np.where(x > 0, x, x * negative_slope)


def _leaky_relu_gradient(g: Any, y: Any, x: Any, negative_slope: float = 0.01) -> Any:
    return where(gt(x, 0.0), g, mul(g, negative_slope))


leaky_relu = unary("leaky_relu", _leaky_relu_value, _leaky_relu_gradient, dtype=lambda x, **_: floating(x))
"""``x`` above 0 and ``negative_slope * x`` (0.01) below. PyTorch: ``F.leaky_relu``."""


def _elu_value(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)) * alpha)


def _elu_gradient(g: Any, y: Any, x: Any, alpha: float = 1.0) -> Any:
    # Below 0 the derivative is alpha * exp(x) = y + alpha; of what is not chosen exp could overflow.
    below = mul(exp(where(lt(x, 0.0), x, 0.0)), alpha)
    return where(gt(x, 0.0), g, mul(g, below))


elu = unary("elu", _elu_value, _elu_gradient, dtype=lambda x, **_: floating(x))
"""``x`` above 0 and ``alpha * (exp(x) - 1)`` (1.0) below (D.-A. Clevert, T. Unterthiner, S. Hochreiter 2015).

PyTorch: ``F.elu``.
"""
