"""Rows of the table: arithmetic of two operands, comparisons, logic, choice."""

from __future__ import annotations

import math

import numpy as np

from .numbers import boolean, distinct, nonzero, offgrid, positive, real, small, these
from .table import PAIRS, SHAPES, binary, case, unary

# ---- elementwise, two operands --------------------------------------------------------------------------------------
binary("add", (real, real), lambda o, a, b: o.add(a, b), lambda t, a, b: a + b, lambda a, b: b + a, integers=True)
binary("sub", (real, real), lambda o, a, b: o.sub(a, b), lambda t, a, b: a - b, lambda a, b: -(b - a), integers=True)
binary("mul", (real, real), lambda o, a, b: o.mul(a, b), lambda t, a, b: a * b, lambda a, b: b * a, integers=True)
binary("div", (real, nonzero), lambda o, a, b: o.div(a, b), lambda t, a, b: a / b, lambda a, b: a * (1 / b))
binary(
    "floor_divide",
    (these(7.1, -7.1, 7.1, -7.1, 0.3), these(2.0, 2.0, -2.0, -2.0, 5.0)),
    lambda o, a, b: o.floor_divide(a, b),
    lambda t, a, b: t.floor_divide(a, b),
    lambda a, b: np.floor(a / b),
    variants=(((5,), (5,)),),
    gradient=(),
)
binary(
    "remainder",
    (these(7.1, -7.1, 7.1, -7.1, 0.3), these(2.0, 2.0, -2.0, -2.0, 5.0)),
    lambda o, a, b: o.remainder(a, b),
    lambda t, a, b: t.remainder(a, b),
    lambda a, b: a - b * np.floor(a / b),
    variants=(((5,), (5,)),),
    sixteen=None,
)
binary("pow", (positive, real), lambda o, a, b: o.pow(a, b), lambda t, a, b: a**b, lambda a, b: np.exp(b * np.log(a)))
binary(
    "maximum",
    (distinct, lambda shape, seed: distinct(shape, seed) + 0.06),
    lambda o, a, b: o.maximum(a, b),
    lambda t, a, b: t.maximum(a, b),
    lambda a, b: np.where(a > b, a, b),
    integers=True,
)
binary(
    "minimum",
    (distinct, lambda shape, seed: distinct(shape, seed) + 0.06),
    lambda o, a, b: o.minimum(a, b),
    lambda t, a, b: t.minimum(a, b),
    lambda a, b: np.where(a < b, a, b),
    integers=True,
)
case(
    "maximum ties",
    (these(1.0, 2.0, 3.0), these(1.0, 3.0, 2.0)),
    (((3,), (3,)),),
    lambda o, a, b: o.maximum(a, b),
    lambda t, a, b: t.maximum(a, b),
    gradient=(0, 1),
    smooth=False,
)
case(
    "minimum ties",
    (these(1.0, 2.0, 3.0), these(1.0, 3.0, 2.0)),
    (((3,), (3,)),),
    lambda o, a, b: o.minimum(a, b),
    lambda t, a, b: t.minimum(a, b),
    gradient=(0, 1),
    smooth=False,
)
unary("add scalar", real, lambda o, x: o.add(x, 1.5), lambda t, x: x + 1.5, lambda x: 1.5 + x)
unary("sub scalar", real, lambda o, x: o.sub(x, 2), lambda t, x: x - 2, lambda x: x + -2, integers=True)
unary("sub from scalar", real, lambda o, x: o.sub(1.5, x), lambda t, x: 1.5 - x, lambda x: -(x - 1.5))
unary("mul scalar", real, lambda o, x: o.mul(3, x), lambda t, x: 3 * x, lambda x: x + x + x, integers=True)
unary("div scalar", real, lambda o, x: o.div(x, 3.0), lambda t, x: x / 3.0, lambda x: x / 3)
unary("div scalar by", nonzero, lambda o, x: o.div(3.0, x), lambda t, x: 3.0 / x, lambda x: 3 / x)
unary(
    "maximum scalar",
    offgrid,
    lambda o, x: o.maximum(x, 1.0),
    lambda t, x: x.clamp(min=1.0),
    lambda x: np.where(x > 1, x, 1),
)
unary(
    "minimum scalar",
    offgrid,
    lambda o, x: o.minimum(1.0, x),
    lambda t, x: x.clamp(max=1.0),
    lambda x: np.where(x < 1, x, 1),
)
unary(
    "remainder scalar",
    offgrid,
    lambda o, x: o.remainder(x, 2.0),
    lambda t, x: x % 2.0,
    lambda x: x - 2 * np.floor(x / 2),
    sixteen=None,
)
unary(
    "remainder of scalar",
    positive,
    lambda o, x: o.remainder(7.0, x),
    lambda t, x: t.remainder(t.full_like(x, 7.0), x),
    lambda x: 7 - x * np.floor(7 / x),
    sixteen=None,
)
unary(
    "floor_divide scalar",
    offgrid,
    lambda o, x: o.floor_divide(x, 2.0),
    lambda t, x: t.floor_divide(x, 2.0),
    lambda x: np.floor(x / 2),
    gradient=(),
)
for exponent in (0, 1, 2, 3, -1, -2, 0.5, 2.5):
    unary(
        f"pow scalar {exponent}",
        positive,
        lambda o, x, n=exponent: o.pow(x, n),
        lambda t, x, n=exponent: x**n,
        lambda x, n=exponent: np.exp(n * np.log(x)),
        variants=SHAPES[:2],
    )
unary("pow of scalar", real, lambda o, x: o.pow(2.5, x), lambda t, x: 2.5**x, lambda x: np.exp(x * math.log(2.5)))
unary(
    "pow whole",
    these(-2.0, -1.0, 0.0, 3.0),
    lambda o, x: o.pow(x, 3),
    lambda t, x: x**3,
    lambda x: x * x * x,
    variants=(((4,),),),
)
unary(
    "pow zero",
    these(-2.0, 0.0, 3.0),
    lambda o, x: o.pow(x, 0),
    lambda t, x: x**0,
    lambda x: x**0.0,
    variants=(((3,),),),
    smooth=False,
)
unary(
    "pow zero base",
    these(0.0, 1.0, 2.0),
    lambda o, x: o.pow(0.0, x),
    lambda t, x: t.pow(0.0, x),
    None,
    variants=(((3,),),),
    smooth=False,
)
case(
    "pow corners",
    (these(0.0, 0.0, 0.0, -2.0, -2.0, 2.0), these(0.0, 1.0, 2.0, 2.0, 0.0, 0.0)),
    (((6,), (6,)),),
    lambda o, a, b: o.pow(a, b),
    lambda t, a, b: a**b,
    smooth=False,
)
case(
    "pow corner exponents",
    (these(0.0, 0.0, 0.0, 2.0), these(0.0, 1.0, 2.0, 0.0)),
    (((4,), (4,)),),
    lambda o, a, b: o.pow(a, b),
    lambda t, a, b: a**b,
    gradient=(1,),
    smooth=False,
)

# ---- comparisons, logic, where --------------------------------------------------------------------------------------
for word, sign in (
    ("eq", "__eq__"),
    ("ne", "__ne__"),
    ("lt", "__lt__"),
    ("le", "__le__"),
    ("gt", "__gt__"),
    ("ge", "__ge__"),
):
    binary(
        word,
        (small, small),
        lambda o, a, b, w=word: getattr(o, w)(a, b),
        lambda t, a, b, w=word: getattr(t, w)(a, b),
        lambda a, b, s=sign: getattr(a, s)(b),
        gradient=(),
        integers=True,
    )
    unary(
        f"{word} scalar",
        small,
        lambda o, x, w=word: getattr(o, w)(x, 2),
        lambda t, x, w=word: getattr(t, w)(x, 2),
        lambda x, s=sign: getattr(x, s)(2),
        gradient=(),
        integers=True,
    )
for word in ("isnan", "isinf", "isfinite"):
    unary(
        word,
        these(1.0, math.nan, math.inf, -math.inf),
        lambda o, x, w=word: getattr(o, w)(x),
        lambda t, x, w=word: getattr(t, w)(x),
        lambda x, w=word: np.vectorize(getattr(math, w), otypes=[bool])(x),
        variants=(((4,),), ((2, 2),)),
        gradient=(),
    )
for word, python in (("and", lambda a, b: a & b), ("or", lambda a, b: a | b), ("xor", lambda a, b: a ^ b)):
    binary(
        f"logical_{word}",
        (boolean, boolean),
        lambda o, a, b, w=word: getattr(o, f"logical_{w}")(a, b),
        lambda t, a, b, w=word: getattr(t, f"logical_{w}")(a, b),
        python,
        gradient=(),
    )
unary("logical_not", boolean, lambda o, x: o.logical_not(x), lambda t, x: ~x, lambda x: x == 0, gradient=())
case(
    "where",
    (boolean, real, real),
    tuple((s, s, s) for (s,) in SHAPES),
    lambda o, c, a, b: o.where(c, a, b),
    lambda t, c, a, b: t.where(c, a, b),
    lambda c, a, b: np.choose(c, [b, a]),
    gradient=(1, 2),
    integers=True,
)
case(
    "where scalar",
    (boolean, real),
    PAIRS,
    lambda o, c, a: o.where(c, a, 2.0),
    lambda t, c, a: t.where(c, a, 2.0),
    lambda c, a: np.choose(c, [np.full_like(a, 2), a]),
    gradient=(1,),
)
case(
    "where scalar first",
    (boolean, real),
    PAIRS,
    lambda o, c, a: o.where(c, 2, a),
    lambda t, c, a: t.where(c, 2, a),
    lambda c, a: np.choose(c, [a, np.full_like(a, 2)]),
    gradient=(1,),
    integers=True,
)
