"""Rows of the table: functions of one tensor, element by element, and activations."""

from __future__ import annotations

import math

import numpy as np

from .numbers import nonzero, offgrid, positive, real, these, unit
from .table import unary

# ---- elementwise, one operand ---------------------------------------------------------------------------------------
unary("neg", real, lambda o, x: o.neg(x), lambda t, x: -x, lambda x: 0 - x, integers=True)
unary("abs", nonzero, lambda o, x: o.abs(x), lambda t, x: x.abs(), lambda x: np.where(x < 0, -x, x), integers=True)
unary("sign", nonzero, lambda o, x: o.sign(x), lambda t, x: x.sign(), lambda x: 2.0 * (x > 0) - 1.0)
unary(
    "floor",
    offgrid,
    lambda o, x: o.floor(x),
    lambda t, x: x.floor(),
    lambda x: np.vectorize(math.floor, otypes=[float])(x),
    integers=True,
)
unary("ceil", offgrid, lambda o, x: o.ceil(x), lambda t, x: x.ceil(), lambda x: -np.floor(-x), integers=True)
unary(
    "round",
    offgrid,
    lambda o, x: o.round(x),
    lambda t, x: x.round(),
    lambda x: np.vectorize(round, otypes=[float])(x),
    integers=True,
)
unary("exp", real, lambda o, x: o.exp(x), lambda t, x: x.exp(), lambda x: np.e**x)
unary("expm1", real, lambda o, x: o.expm1(x), lambda t, x: t.expm1(x), lambda x: np.exp(x) - 1)
unary("log", positive, lambda o, x: o.log(x), lambda t, x: x.log(), lambda x: np.log2(x) * math.log(2))
unary("log1p", unit, lambda o, x: o.log1p(x), lambda t, x: t.log1p(x), lambda x: np.log(1 + x))
unary("log2", positive, lambda o, x: o.log2(x), lambda t, x: t.log2(x), lambda x: np.log(x) / math.log(2))
unary("sqrt", positive, lambda o, x: o.sqrt(x), lambda t, x: x.sqrt(), lambda x: x**0.5)
unary("rsqrt", positive, lambda o, x: o.rsqrt(x), lambda t, x: t.rsqrt(x), lambda x: x**-0.5)
unary("reciprocal", nonzero, lambda o, x: o.reciprocal(x), lambda t, x: t.reciprocal(x), lambda x: 1 / x)
unary("square", real, lambda o, x: o.square(x), lambda t, x: x.square(), lambda x: x * x, integers=True)
unary("sin", real, lambda o, x: o.sin(x), lambda t, x: x.sin(), lambda x: np.cos(x - math.pi / 2))
unary("cos", real, lambda o, x: o.cos(x), lambda t, x: x.cos(), lambda x: np.sin(x + math.pi / 2))
unary("tan", unit, lambda o, x: o.tan(x), lambda t, x: x.tan(), lambda x: np.sin(x) / np.cos(x))
unary("tanh", real, lambda o, x: o.tanh(x), lambda t, x: x.tanh(), lambda x: 1 - 2 / (np.exp(2 * x) + 1))
unary(
    "clip both",
    offgrid,
    lambda o, x: o.clip(x, min=-1.0, max=1.5),
    lambda t, x: x.clamp(-1.0, 1.5),
    lambda x: np.where(x < -1, -1, np.where(x > 1.5, 1.5, x)),
)
unary(
    "clip min", offgrid, lambda o, x: o.clip(x, min=0.0), lambda t, x: x.clamp(min=0.0), lambda x: np.where(x < 0, 0, x)
)
unary(
    "clip max", offgrid, lambda o, x: o.clip(x, max=0.0), lambda t, x: x.clamp(max=0.0), lambda x: np.where(x > 0, 0, x)
)
unary(
    "clip bounds",
    these(-2.0, -1.0, 0.0, 1.0, 2.0),
    lambda o, x: o.clip(x, min=-1.0, max=1.0),
    lambda t, x: x.clamp(-1.0, 1.0),
    None,
    variants=(((5,),),),
    smooth=False,
)
unary(
    "abs kink",
    these(-1.0, 0.0, -0.0, 2.0),
    lambda o, x: o.abs(x),
    lambda t, x: x.abs(),
    None,
    variants=(((4,),),),
    smooth=False,
)
unary(
    "nan_to_num",
    these(1.0, math.nan, math.inf, -math.inf, -2.0),
    lambda o, x: o.nan_to_num(x, nan=3.0),
    lambda t, x: x.nan_to_num(3.0),
    None,
    variants=(((5,),),),
    smooth=False,
    sixteen=None,
)
unary(
    "stop_gradient",
    real,
    lambda o, x: o.stop_gradient(x),
    lambda t, x: x.detach(),
    lambda x: x,
    gradient=(),
    integers=True,
)

# ---- activations ----------------------------------------------------------------------------------------------------
unary("sigmoid", real, lambda o, x: o.sigmoid(x), lambda t, x: x.sigmoid(), lambda x: 1 / (1 + np.exp(-x)))
unary(
    "sigmoid far",
    these(-800.0, -40.0, 0.0, 40.0, 800.0),
    lambda o, x: o.sigmoid(x),
    lambda t, x: x.sigmoid(),
    None,
    variants=(((5,),),),
)
unary("relu", nonzero, lambda o, x: o.relu(x), lambda t, x: x.relu(), lambda x: x * (x > 0))
unary(
    "relu kink",
    these(-1.0, 0.0, 1.0),
    lambda o, x: o.relu(x),
    lambda t, x: x.relu(),
    None,
    variants=(((3,),),),
    smooth=False,
)
unary("erf", real, lambda o, x: o.erf(x), lambda t, x: t.erf(x), lambda x: np.vectorize(math.erf, otypes=[float])(x))
unary(
    "softplus",
    real,
    lambda o, x: o.softplus(x),
    lambda t, x: t.nn.functional.softplus(x),
    lambda x: np.log(1 + np.exp(x)),
)
unary(
    "softplus far",
    these(-900.0, -50.0, 15.0, 900.0),
    lambda o, x: o.softplus(x),
    lambda t, x: t.nn.functional.softplus(x),
    None,
    variants=(((4,),),),
)
unary("silu", real, lambda o, x: o.silu(x), lambda t, x: t.nn.functional.silu(x), lambda x: x / (1 + np.exp(-x)))
unary(
    "silu far",
    these(-900.0, -50.0, 50.0, 900.0),
    lambda o, x: o.silu(x),
    lambda t, x: t.nn.functional.silu(x),
    None,
    variants=(((4,),),),
)
unary(
    "gelu",
    real,
    lambda o, x: o.gelu(x),
    lambda t, x: t.nn.functional.gelu(x),
    lambda x: x * 0.5 * np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2)),
    sixteen=8.0,
)
unary(
    "gelu far",
    these(-300.0, -20.0, 20.0, 300.0),
    lambda o, x: o.gelu(x),
    lambda t, x: t.nn.functional.gelu(x),
    None,
    variants=(((4,),),),
)
unary(
    "gelu tanh",
    real,
    lambda o, x: o.gelu(x, approximate="tanh"),
    lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
    lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    sixteen=8.0,
)
unary(
    "gelu tanh far",
    these(-300.0, -20.0, 20.0, 300.0),
    lambda o, x: o.gelu(x, approximate="tanh"),
    lambda t, x: t.nn.functional.gelu(x, approximate="tanh"),
    None,
    variants=(((4,),),),
)
unary(
    "leaky_relu",
    nonzero,
    lambda o, x: o.leaky_relu(x, negative_slope=0.1),
    lambda t, x: t.nn.functional.leaky_relu(x, 0.1),
    lambda x: np.where(x > 0, x, 0.1 * x),
)
unary(
    "leaky_relu kink",
    these(-1.0, 0.0, 1.0),
    lambda o, x: o.leaky_relu(x),
    lambda t, x: t.nn.functional.leaky_relu(x),
    None,
    variants=(((3,),),),
    smooth=False,
)
unary(
    "elu",
    nonzero,
    lambda o, x: o.elu(x, alpha=0.7),
    lambda t, x: t.nn.functional.elu(x, 0.7),
    lambda x: np.where(x > 0, x, 0.7 * (np.exp(x) - 1)),
)
unary(
    "elu kink",
    these(-800.0, 0.0, 800.0),
    lambda o, x: o.elu(x),
    lambda t, x: t.nn.functional.elu(x),
    None,
    variants=(((3,),),),
    smooth=False,
)
