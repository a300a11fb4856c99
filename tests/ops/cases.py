"""The table of all ops: how each is called, on which inputs, and what PyTorch calls it.

The tests of this folder go through it, and so does `tests/torch_values.py`, which runs under Python 3.11 with NumPy and
PyTorch alone; so nothing of shapewright is imported here. What it is not: bad input (`test_errors.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .numbers import boolean, distinct, index, nonzero, offgrid, positive, real, small, these, unit

SHAPES = (((7,),), ((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),), ((),))
PAIRS = tuple((shape, shape) for (shape,) in SHAPES)


@dataclass(frozen=True)
class Case:
    """One way to call one op.

    Args:
        name: unique in the table; what is before the first space is the op.
        ours: called with the module `ops` and the inputs.
        torch: called with the module `torch` and the inputs, or None where PyTorch has no such op.
        inputs: what makes each input from a shape and a seed.
        variants: the shapes of the inputs, several times.
        numpy: the same in NumPy, written without looking at ours.
        gradient: which inputs are differentiated.
        smooth: whether finite differences see the same derivative (not at a kink).
        integers: whether integers are taken too, with a result like the i64 one.
        sixteen: the tolerance of 16-bit results in units of their precision, or None where that makes no sense.
    """

    name: str
    ours: Callable[..., Any]
    torch: Callable[..., Any] | None
    inputs: tuple
    variants: tuple
    numpy: Callable[..., Any] | None = None
    gradient: tuple = (0,)
    smooth: bool = True
    integers: bool = False
    sixteen: float | None = 4.0

    def arrays(self, variant):
        """The inputs of one variant."""
        shapes = self.variants[variant]
        return [np.asarray(b(s, 17 * i + variant)) for i, (b, s) in enumerate(zip(self.inputs, shapes, strict=True))]


CASES: list[Case] = []


def unary(name, domain, ours, torch, numpy, **options):
    CASES.append(Case(name, ours, torch, (domain,), options.pop("variants", SHAPES), numpy, **options))


def binary(name, domains, ours, torch, numpy, **options):
    options.setdefault("gradient", (0, 1))
    CASES.append(Case(name, ours, torch, domains, options.pop("variants", PAIRS), numpy, **options))


def case(name, inputs, variants, ours, torch, numpy=None, **options):
    CASES.append(Case(name, ours, torch, inputs, variants, numpy, **options))


# ---- elementwise, one operand ---------------------------------------------------------------------------------------
unary("neg", real, lambda o, x: o.neg(x), lambda t, x: -x, lambda x: 0 - x, integers=True)
unary("abs", nonzero, lambda o, x: o.abs(x), lambda t, x: x.abs(), lambda x: np.where(x < 0, -x, x), integers=True)
unary("sign", nonzero, lambda o, x: o.sign(x), lambda t, x: x.sign(), lambda x: 2.0 * (x > 0) - 1.0)
unary("floor", offgrid, lambda o, x: o.floor(x), lambda t, x: x.floor(), lambda x: np.vectorize(math.floor, otypes=[float])(x), integers=True)
unary("ceil", offgrid, lambda o, x: o.ceil(x), lambda t, x: x.ceil(), lambda x: -np.floor(-x), integers=True)
unary("round", offgrid, lambda o, x: o.round(x), lambda t, x: x.round(), lambda x: np.vectorize(round, otypes=[float])(x), integers=True)
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
unary("clip both", offgrid, lambda o, x: o.clip(x, min=-1.0, max=1.5), lambda t, x: x.clamp(-1.0, 1.5), lambda x: np.where(x < -1, -1, np.where(x > 1.5, 1.5, x)))
unary("clip min", offgrid, lambda o, x: o.clip(x, min=0.0), lambda t, x: x.clamp(min=0.0), lambda x: np.where(x < 0, 0, x))
unary("clip max", offgrid, lambda o, x: o.clip(x, max=0.0), lambda t, x: x.clamp(max=0.0), lambda x: np.where(x > 0, 0, x))
unary("clip bounds", these(-2.0, -1.0, 0.0, 1.0, 2.0), lambda o, x: o.clip(x, min=-1.0, max=1.0), lambda t, x: x.clamp(-1.0, 1.0), None, variants=(((5,),),), smooth=False)
unary("abs kink", these(-1.0, 0.0, -0.0, 2.0), lambda o, x: o.abs(x), lambda t, x: x.abs(), None, variants=(((4,),),), smooth=False)
unary("nan_to_num", these(1.0, math.nan, math.inf, -math.inf, -2.0), lambda o, x: o.nan_to_num(x, nan=3.0), lambda t, x: x.nan_to_num(3.0), None, variants=(((5,),),), smooth=False, sixteen=None)
unary("stop_gradient", real, lambda o, x: o.stop_gradient(x), lambda t, x: x.detach(), lambda x: x, gradient=(), integers=True)

# ---- activations ----------------------------------------------------------------------------------------------------
unary("sigmoid", real, lambda o, x: o.sigmoid(x), lambda t, x: x.sigmoid(), lambda x: 1 / (1 + np.exp(-x)))
unary("sigmoid far", these(-800.0, -40.0, 0.0, 40.0, 800.0), lambda o, x: o.sigmoid(x), lambda t, x: x.sigmoid(), None, variants=(((5,),),))
unary("relu", nonzero, lambda o, x: o.relu(x), lambda t, x: x.relu(), lambda x: x * (x > 0))
unary("relu kink", these(-1.0, 0.0, 1.0), lambda o, x: o.relu(x), lambda t, x: x.relu(), None, variants=(((3,),),), smooth=False)
unary("erf", real, lambda o, x: o.erf(x), lambda t, x: t.erf(x), lambda x: np.vectorize(math.erf, otypes=[float])(x))
unary("softplus", real, lambda o, x: o.softplus(x), lambda t, x: t.nn.functional.softplus(x), lambda x: np.log(1 + np.exp(x)))
unary("softplus far", these(-900.0, -50.0, 15.0, 900.0), lambda o, x: o.softplus(x), lambda t, x: t.nn.functional.softplus(x), None, variants=(((4,),),))
unary("silu", real, lambda o, x: o.silu(x), lambda t, x: t.nn.functional.silu(x), lambda x: x / (1 + np.exp(-x)))
unary("silu far", these(-900.0, -50.0, 50.0, 900.0), lambda o, x: o.silu(x), lambda t, x: t.nn.functional.silu(x), None, variants=(((4,),),))
unary("gelu", real, lambda o, x: o.gelu(x), lambda t, x: t.nn.functional.gelu(x), lambda x: x * 0.5 * np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2)), sixteen=8.0)
unary("gelu far", these(-300.0, -20.0, 20.0, 300.0), lambda o, x: o.gelu(x), lambda t, x: t.nn.functional.gelu(x), None, variants=(((4,),),))
unary("gelu tanh", real, lambda o, x: o.gelu(x, approximate="tanh"), lambda t, x: t.nn.functional.gelu(x, approximate="tanh"), lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), sixteen=8.0)
unary("gelu tanh far", these(-300.0, -20.0, 20.0, 300.0), lambda o, x: o.gelu(x, approximate="tanh"), lambda t, x: t.nn.functional.gelu(x, approximate="tanh"), None, variants=(((4,),),))
unary("leaky_relu", nonzero, lambda o, x: o.leaky_relu(x, negative_slope=0.1), lambda t, x: t.nn.functional.leaky_relu(x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x))
unary("leaky_relu kink", these(-1.0, 0.0, 1.0), lambda o, x: o.leaky_relu(x), lambda t, x: t.nn.functional.leaky_relu(x), None, variants=(((3,),),), smooth=False)
unary("elu", nonzero, lambda o, x: o.elu(x, alpha=0.7), lambda t, x: t.nn.functional.elu(x, 0.7), lambda x: np.where(x > 0, x, 0.7 * (np.exp(x) - 1)))
unary("elu kink", these(-800.0, 0.0, 800.0), lambda o, x: o.elu(x), lambda t, x: t.nn.functional.elu(x), None, variants=(((3,),),), smooth=False)

# ---- elementwise, two operands --------------------------------------------------------------------------------------
binary("add", (real, real), lambda o, a, b: o.add(a, b), lambda t, a, b: a + b, lambda a, b: b + a, integers=True)
binary("sub", (real, real), lambda o, a, b: o.sub(a, b), lambda t, a, b: a - b, lambda a, b: -(b - a), integers=True)
binary("mul", (real, real), lambda o, a, b: o.mul(a, b), lambda t, a, b: a * b, lambda a, b: b * a, integers=True)
binary("div", (real, nonzero), lambda o, a, b: o.div(a, b), lambda t, a, b: a / b, lambda a, b: a * (1 / b))
binary("floor_divide", (these(7.1, -7.1, 7.1, -7.1, 0.3), these(2.0, 2.0, -2.0, -2.0, 5.0)), lambda o, a, b: o.floor_divide(a, b), lambda t, a, b: t.floor_divide(a, b), lambda a, b: np.floor(a / b), variants=(((5,), (5,)),), gradient=())
binary("remainder", (these(7.1, -7.1, 7.1, -7.1, 0.3), these(2.0, 2.0, -2.0, -2.0, 5.0)), lambda o, a, b: o.remainder(a, b), lambda t, a, b: t.remainder(a, b), lambda a, b: a - b * np.floor(a / b), variants=(((5,), (5,)),), sixteen=None)
binary("pow", (positive, real), lambda o, a, b: o.pow(a, b), lambda t, a, b: a**b, lambda a, b: np.exp(b * np.log(a)))
binary("maximum", (distinct, lambda shape, seed: distinct(shape, seed) + 0.06), lambda o, a, b: o.maximum(a, b), lambda t, a, b: t.maximum(a, b), lambda a, b: np.where(a > b, a, b), integers=True)
binary("minimum", (distinct, lambda shape, seed: distinct(shape, seed) + 0.06), lambda o, a, b: o.minimum(a, b), lambda t, a, b: t.minimum(a, b), lambda a, b: np.where(a < b, a, b), integers=True)
case("maximum ties", (these(1.0, 2.0, 3.0), these(1.0, 3.0, 2.0)), (((3,), (3,)),), lambda o, a, b: o.maximum(a, b), lambda t, a, b: t.maximum(a, b), gradient=(0, 1), smooth=False)
case("minimum ties", (these(1.0, 2.0, 3.0), these(1.0, 3.0, 2.0)), (((3,), (3,)),), lambda o, a, b: o.minimum(a, b), lambda t, a, b: t.minimum(a, b), gradient=(0, 1), smooth=False)
unary("add scalar", real, lambda o, x: o.add(x, 1.5), lambda t, x: x + 1.5, lambda x: 1.5 + x)
unary("sub scalar", real, lambda o, x: o.sub(x, 2), lambda t, x: x - 2, lambda x: x + -2, integers=True)
unary("sub from scalar", real, lambda o, x: o.sub(1.5, x), lambda t, x: 1.5 - x, lambda x: -(x - 1.5))
unary("mul scalar", real, lambda o, x: o.mul(3, x), lambda t, x: 3 * x, lambda x: x + x + x, integers=True)
unary("div scalar", real, lambda o, x: o.div(x, 3.0), lambda t, x: x / 3.0, lambda x: x / 3)
unary("div scalar by", nonzero, lambda o, x: o.div(3.0, x), lambda t, x: 3.0 / x, lambda x: 3 / x)
unary("maximum scalar", offgrid, lambda o, x: o.maximum(x, 1.0), lambda t, x: x.clamp(min=1.0), lambda x: np.where(x > 1, x, 1))
unary("minimum scalar", offgrid, lambda o, x: o.minimum(1.0, x), lambda t, x: x.clamp(max=1.0), lambda x: np.where(x < 1, x, 1))
unary("remainder scalar", offgrid, lambda o, x: o.remainder(x, 2.0), lambda t, x: x % 2.0, lambda x: x - 2 * np.floor(x / 2), sixteen=None)
unary("remainder of scalar", positive, lambda o, x: o.remainder(7.0, x), lambda t, x: t.remainder(t.full_like(x, 7.0), x), lambda x: 7 - x * np.floor(7 / x), sixteen=None)
unary("floor_divide scalar", offgrid, lambda o, x: o.floor_divide(x, 2.0), lambda t, x: t.floor_divide(x, 2.0), lambda x: np.floor(x / 2), gradient=())
for exponent in (0, 1, 2, 3, -1, -2, 0.5, 2.5):
    unary(f"pow scalar {exponent}", positive, lambda o, x, n=exponent: o.pow(x, n), lambda t, x, n=exponent: x**n, lambda x, n=exponent: np.exp(n * np.log(x)), variants=SHAPES[:2])
unary("pow of scalar", real, lambda o, x: o.pow(2.5, x), lambda t, x: 2.5**x, lambda x: np.exp(x * math.log(2.5)))
unary("pow whole", these(-2.0, -1.0, 0.0, 3.0), lambda o, x: o.pow(x, 3), lambda t, x: x**3, lambda x: x * x * x, variants=(((4,),),))
unary("pow zero", these(-2.0, 0.0, 3.0), lambda o, x: o.pow(x, 0), lambda t, x: x**0, lambda x: x**0.0, variants=(((3,),),), smooth=False)
unary("pow zero base", these(0.0, 1.0, 2.0), lambda o, x: o.pow(0.0, x), lambda t, x: t.pow(0.0, x), None, variants=(((3,),),), smooth=False)
case("pow corners", (these(0.0, 0.0, 0.0, -2.0, -2.0, 2.0), these(0.0, 1.0, 2.0, 2.0, 0.0, 0.0)), (((6,), (6,)),), lambda o, a, b: o.pow(a, b), lambda t, a, b: a**b, smooth=False)
case("pow corner exponents", (these(0.0, 0.0, 0.0, 2.0), these(0.0, 1.0, 2.0, 0.0)), (((4,), (4,)),), lambda o, a, b: o.pow(a, b), lambda t, a, b: a**b, gradient=(1,), smooth=False)

# ---- comparisons, logic, where --------------------------------------------------------------------------------------
for word, sign in (("eq", "__eq__"), ("ne", "__ne__"), ("lt", "__lt__"), ("le", "__le__"), ("gt", "__gt__"), ("ge", "__ge__")):
    binary(word, (small, small), lambda o, a, b, w=word: getattr(o, w)(a, b), lambda t, a, b, w=word: getattr(t, w)(a, b), lambda a, b, s=sign: getattr(a, s)(b), gradient=(), integers=True)
    unary(f"{word} scalar", small, lambda o, x, w=word: getattr(o, w)(x, 2), lambda t, x, w=word: getattr(t, w)(x, 2), lambda x, s=sign: getattr(x, s)(2), gradient=(), integers=True)
for word in ("isnan", "isinf", "isfinite"):
    unary(word, these(1.0, math.nan, math.inf, -math.inf), lambda o, x, w=word: getattr(o, w)(x), lambda t, x, w=word: getattr(t, w)(x), lambda x, w=word: np.vectorize(getattr(math, w), otypes=[bool])(x), variants=(((4,),), ((2, 2),)), gradient=())
for word, python in (("and", lambda a, b: a & b), ("or", lambda a, b: a | b), ("xor", lambda a, b: a ^ b)):
    binary(f"logical_{word}", (boolean, boolean), lambda o, a, b, w=word: getattr(o, f"logical_{w}")(a, b), lambda t, a, b, w=word: getattr(t, f"logical_{w}")(a, b), python, gradient=())
unary("logical_not", boolean, lambda o, x: o.logical_not(x), lambda t, x: ~x, lambda x: x == 0, gradient=())
case("where", (boolean, real, real), tuple((s, s, s) for (s,) in SHAPES), lambda o, c, a, b: o.where(c, a, b), lambda t, c, a, b: t.where(c, a, b), lambda c, a, b: np.choose(c, [b, a]), gradient=(1, 2), integers=True)
case("where scalar", (boolean, real), PAIRS, lambda o, c, a: o.where(c, a, 2.0), lambda t, c, a: t.where(c, a, 2.0), lambda c, a: np.choose(c, [np.full_like(a, 2), a]), gradient=(1,))
case("where scalar first", (boolean, real), PAIRS, lambda o, c, a: o.where(c, 2, a), lambda t, c, a: t.where(c, 2, a), lambda c, a: np.choose(c, [a, np.full_like(a, 2)]), gradient=(1,), integers=True)

# ---- reductions -----------------------------------------------------------------------------------------------------
REDUCED = (((3, 5), (0,)), ((3, 5), (1,)), ((3, 5), (0, 1)), ((3, 5), ()), ((2, 3, 5), (0, 2)), ((7,), (0,)), ((1, 1), (1,)))
EMPTY = (((0, 3), (0,)), ((0, 3), (1,)), ((), ()))


def reduction(name, domain, ours, torch, numpy, axes=REDUCED + EMPTY, **options):
    for shape, reduced in axes:
        CASES.append(
            Case(
                f"{name} {shape} over {reduced}",
                lambda o, x, a=reduced: ours(o, x, a),
                # PyTorch reads () as all axes.
                None if torch is None else lambda t, x, a=reduced: torch(t, x, a) if a or x.ndim == 0 else torch(t, x[None], (0,)),
                (domain,),
                ((shape,),),
                None if numpy is None else lambda x, a=reduced: numpy(x, a),
                **options,
            )
        )


def loop(function):
    """Reduce with a Python function of a list, element by element."""

    def value(x, axes):
        kept = [axis for axis in range(x.ndim) if axis not in axes]
        rows = np.transpose(x, (*kept, *axes)).reshape([x.shape[axis] for axis in kept] + [-1 if x.size else math.prod(x.shape[a] for a in axes)])
        result = np.empty(rows.shape[:-1])
        for place in np.ndindex(*result.shape):
            result[place] = function([float(v) for v in rows[place]])
        return result

    return value


def _mean(v):
    return sum(v) / len(v) if v else math.nan


def _var(v, correction=1):
    m = _mean(v)
    return sum((x - m) ** 2 for x in v) / (len(v) - correction) if len(v) > correction else math.nan


reduction("sum", real, lambda o, x, a: o.sum(x, axes=a), lambda t, x, a: x.sum(a), loop(math.fsum), integers=True)
reduction("mean", real, lambda o, x, a: o.mean(x, axes=a), lambda t, x, a: x.mean(a), loop(_mean))
reduction("max", distinct, lambda o, x, a: o.max(x, axes=a), lambda t, x, a: x.amax(a), loop(max), REDUCED + (((0, 3), (1,)), ((), ())), integers=True)
reduction("min", distinct, lambda o, x, a: o.min(x, axes=a), lambda t, x, a: x.amin(a), loop(min), REDUCED + (((0, 3), (1,)), ((), ())), integers=True)
reduction("max ties", small, lambda o, x, a: o.max(x, axes=a), lambda t, x, a: x.amax(a), loop(max), REDUCED, smooth=False)
reduction("min ties", small, lambda o, x, a: o.min(x, axes=a), lambda t, x, a: x.amin(a), loop(min), REDUCED, smooth=False)


def _torch_prod(t, x, a):
    for axis in sorted(a, reverse=True):
        x = x.prod(axis)
    return x


reduction("prod", nonzero, lambda o, x, a: o.prod(x, axes=a), _torch_prod, loop(math.prod), integers=True)
reduction("prod zeros", small, lambda o, x, a: o.prod(x, axes=a), _torch_prod, loop(math.prod), sixteen=None)
SOME = tuple(row for row in REDUCED if row[1] and row[0] != (1, 1))
reduction("var", real, lambda o, x, a: o.var(x, axes=a), lambda t, x, a: x.var(a), loop(_var), SOME)
reduction("var biased", real, lambda o, x, a: o.var(x, axes=a, correction=0), lambda t, x, a: x.var(a, correction=0), loop(lambda v: _var(v, 0)), REDUCED)
reduction("std", real, lambda o, x, a: o.std(x, axes=a), lambda t, x, a: x.std(a), loop(lambda v: math.sqrt(_var(v))), SOME)
reduction("std biased", real, lambda o, x, a: o.std(x, axes=a, correction=0), lambda t, x, a: x.std(a, correction=0), loop(lambda v: math.sqrt(_var(v, 0))), SOME)
unary("std flat", these(2.0, 2.0, 2.0), lambda o, x: o.std(x, axes=(0,)), lambda t, x: x.std(0), lambda x: np.zeros(()), variants=(((3,),),), smooth=False)
reduction("logsumexp", real, lambda o, x, a: o.logsumexp(x, axes=a), lambda t, x, a: t.logsumexp(x, a), loop(lambda v: math.log(math.fsum(map(math.exp, v))) if v else -math.inf))
unary("logsumexp far", these(1000.0, 999.0, -1000.0), lambda o, x: o.logsumexp(x, axes=(0,)), lambda t, x: t.logsumexp(x, 0), None, variants=(((3,),),))
reduction("any", boolean, lambda o, x, a: o.any(x, axes=a), lambda t, x, a: x.any(a), loop(any), gradient=())
reduction("all", boolean, lambda o, x, a: o.all(x, axes=a), lambda t, x, a: x.all(a), loop(all), gradient=())
for axis in (0, 1):
    for word in ("argmax", "argmin"):
        unary(f"{word} axis {axis}", distinct, lambda o, x, a=axis, w=word: getattr(o, w)(x, axis=a), lambda t, x, a=axis, w=word: getattr(t, w)(x, a), lambda x, a=axis, w=word: np.apply_along_axis(lambda v: sorted(range(len(v)), key=lambda i: v[i])[-1 if w == "argmax" else 0], a, x), variants=(((3, 5),), ((1, 1),), ((2, 3, 5),)), gradient=(), integers=True)
    unary(f"cumsum axis {axis}", real, lambda o, x, a=axis: o.cumsum(x, axis=a), lambda t, x, a=axis: x.cumsum(a), lambda x, a=axis: np.apply_along_axis(lambda v: [sum(v[: i + 1]) for i in range(len(v))], a, x) if x.size else x, variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)), integers=True)

# ---- movement -------------------------------------------------------------------------------------------------------
for shape, sizes, axes in (((3,), (2, 3), (1,)), ((3,), (3, 2), (0,)), ((), (2, 3), ()), ((2, 5), (2, 3, 5), (0, 2)), ((1,), (1, 3), (0,)), ((0,), (2, 0), (1,)), ((3,), (0, 3), (1,))):
    unary(f"broadcast {shape} to {sizes}", real, lambda o, x, s=sizes, a=axes: o.broadcast(x, sizes=s, axes=a), lambda t, x, s=sizes, a=axes: x[tuple(slice(None) if i in a else None for i in range(len(s)))].expand(s), lambda x, s=sizes, a=axes: np.array([x[tuple(p[i] for i in a)] for p in np.ndindex(*s)]).reshape(s), variants=((shape,),), integers=True)
for axes in ((0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)):
    unary(f"permute {axes}", real, lambda o, x, a=axes: o.permute(x, axes=a), lambda t, x, a=axes: x.permute(a), lambda x, a=axes: np.einsum(x, list(range(3)), list(a)), variants=(((2, 3, 5),), ((1, 1, 1),), ((2, 0, 3),)), integers=True)
for shape, sizes in (((3, 5), (15,)), ((2, 3, 5), (5, 6)), ((), (1, 1)), ((0, 3), (5, 0)), ((7,), (7,))):
    unary(f"reshape {shape} to {sizes}", real, lambda o, x, s=sizes: o.reshape(x, sizes=s), lambda t, x, s=sizes: x.reshape(s), lambda x, s=sizes: np.array(x.ravel().tolist()).reshape(s), variants=((shape,),), integers=True)
for bounds in (((0, 3, 1), (0, 5, 1)), ((1, 3, 1), (0, 5, 2)), ((0, 2, 2), (1, 4, 3)), ((1, 1, 1), (0, 5, 1)), ((2, 3, 7), (3, 5, 1))):
    unary(f"slice {bounds}", real, lambda o, x, b=bounds: o.slice(x, starts=tuple(r[0] for r in b), stops=tuple(r[1] for r in b), steps=tuple(r[2] for r in b)), lambda t, x, b=bounds: x[b[0][0] : b[0][1] : b[0][2], b[1][0] : b[1][1] : b[1][2]], lambda x, b=bounds: np.array([[x[i, j] for j in range(*b[1])] for i in range(*b[0])]).reshape(len(range(*b[0])), len(range(*b[1]))), variants=(((3, 5),),), integers=True)
for before, after, value in (((1, 2), (0, 3), 0.0), ((0, 0), (0, 0), 0.0), ((2, 0), (1, 1), 7.0)):
    unary(f"pad {before} {after} {value}", real, lambda o, x, b=before, a=after, v=value: o.pad(x, before=b, after=a, value=v), lambda t, x, b=before, a=after, v=value: t.nn.functional.pad(x, (b[1], a[1], b[0], a[0]), value=v), lambda x, b=before, a=after, v=value: np.pad(x, list(zip(b, a)), constant_values=v), variants=(((3, 5),), ((1, 1),), ((0, 3),)))


def _dilated(x):
    y = np.zeros((6, 15))
    for i, j in np.ndindex(3, 5):
        y[1 + 2 * i, 3 * j] = x[i, j]
    return y


unary("pad interior", real, lambda o, x: o.pad(x, before=(1, 0), after=(0, 2), interior=(1, 2)), None, _dilated, variants=(((3, 5),),))
for axes in ((0,), (1,), (0, 1), ()):
    unary(f"flip {axes}", real, lambda o, x, a=axes: o.flip(x, axes=a), lambda t, x, a=axes: t.flip(x, a), lambda x, a=axes: x[:: -1 if 0 in a else 1, :: -1 if 1 in a else 1], variants=(((3, 5),), ((0, 3),)), integers=True)


def _rolled(x, shifts):
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape):
        y[tuple((p + shifts.get(axis, 0)) % x.shape[axis] for axis, p in enumerate(place))] = x[place]
    return y


for shifts, axes in (((2,), (0,)), ((-1, 7), (0, 1)), ((0,), (1,))):
    unary(f"roll {shifts} {axes}", real, lambda o, x, s=shifts, a=axes: o.roll(x, shifts=s, axes=a), lambda t, x, s=shifts, a=axes: t.roll(x, s, a), lambda x, s=shifts, a=axes: _rolled(x, dict(zip(a, s))), variants=(((3, 5),), ((1, 1),)), integers=True)
case("concat axis 0", (real, real, real), (((2, 3), (1, 3), (0, 3)), ((7,), (1,), (2,))), lambda o, *xs: o.concat(*xs, axis=0), lambda t, *xs: t.cat(xs, 0), lambda *xs: np.array([row for x in xs for row in x]), gradient=(0, 1, 2), integers=True)
case("concat axis 1", (real, real), (((2, 3), (2, 4)), ((0, 3), (0, 2))), lambda o, *xs: o.concat(*xs, axis=1), lambda t, *xs: t.cat(xs, 1), lambda a, b: np.block([a, b]), gradient=(0, 1), integers=True)
for axis in (0, 1, 2):
    case(f"stack axis {axis}", (real, real), (((2, 3), (2, 3)), ((0, 3), (0, 3))), lambda o, a, b, at=axis: o.stack([a, b], axis=at), lambda t, a, b, at=axis: t.stack([a, b], at), lambda a, b, at=axis: np.stack([a, b], at), gradient=(0, 1), integers=True)
for diagonal in (0, 1, -1):
    unary(f"tril {diagonal}", real, lambda o, x, d=diagonal: o.tril(x, diagonal=d), lambda t, x, d=diagonal: x.tril(d), lambda x, d=diagonal: x * (np.subtract.outer(np.arange(x.shape[-2]), np.arange(x.shape[-1])) >= -d), variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)), integers=True)
    unary(f"triu {diagonal}", real, lambda o, x, d=diagonal: o.triu(x, diagonal=d), lambda t, x, d=diagonal: x.triu(d), lambda x, d=diagonal: x * (np.subtract.outer(np.arange(x.shape[-2]), np.arange(x.shape[-1])) <= -d), variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)), integers=True)

# ---- indexing -------------------------------------------------------------------------------------------------------
for axis in (0, 1):
    case(f"take axis {axis}", (real, index(3)), (((3, 3), (4,)), ((3, 3), (2, 5)), ((3, 3), ()), ((3, 3), (0,))), lambda o, x, i, a=axis: o.take(x, i, axis=a), lambda t, x, i, a=axis: x[i] if a == 0 else x[:, i], lambda x, i, a=axis: np.array([x[j] if a == 0 else x[:, j] for j in i.ravel()]).reshape((*i.shape, 3)) if a == 0 else np.array([[row[j] for j in i.ravel()] for row in x]).reshape((3, *i.shape)), integers=True)
    case(f"gather axis {axis}", (real, index(3)), (((3, 3), (3, 3)), ((3, 3), (3, 3))), lambda o, x, i, a=axis: o.gather(x, i, axis=a), lambda t, x, i, a=axis: x.gather(a, i), lambda x, i, a=axis: np.array([[x[i[p, q], q] if a == 0 else x[p, i[p, q]] for q in range(3)] for p in range(3)]), integers=True)
    case(f"scatter_add axis {axis}", (real, index(3), real), (((3, 3), (3, 3), (3, 3)),), lambda o, x, i, s, a=axis: o.scatter_add(x, i, s, axis=a), lambda t, x, i, s, a=axis: x.scatter_add(a, i, s), None, gradient=(0, 2), integers=True, sixteen=8.0)
case("gather longer", (real, index(3)), (((2, 3), (2, 7)), ((2, 3), (2, 0)), ((2, 3), (2, 1))), lambda o, x, i: o.gather(x, i, axis=1), lambda t, x, i: x.gather(1, i), lambda x, i: np.array([[x[p, j] for j in i[p]] for p in range(2)]).reshape(i.shape), integers=True)
case("take middle", (real, index(3)), (((2, 3, 5), (4,)), ((2, 3, 5), (2, 2))), lambda o, x, i: o.take(x, i, axis=1), lambda t, x, i: x[:, i], lambda x, i: np.concatenate([x[:, j : j + 1] for j in i.ravel()], 1).reshape((2, *i.shape, 5)), integers=True)
case("take_add", (real, index(4)), (((2, 5, 3), (5,)), ((2, 0, 3), (0,))), lambda o, x, i: o.take_add(x, i, axis=1, size=4), lambda t, x, i: t.zeros(2, 4, 3, dtype=x.dtype).index_add(1, i, x), None, integers=True, sixteen=8.0)


def _one_hot(o, x):
    from shapewright.shapes.dtypes import f64

    return o.one_hot(x, classes=5, dtype=f64)


unary("one_hot", index(5), _one_hot, lambda t, x: t.nn.functional.one_hot(x, 5).double(), lambda x: np.array([[float(j == k) for k in range(5)] for j in x.ravel()]).reshape((*x.shape, 5)), variants=SHAPES, gradient=())
for axis in (0, 1):
    for descending in (False, True):
        unary(f"argsort axis {axis} {descending}", small, lambda o, x, a=axis, d=descending: o.argsort(x, axis=a, descending=d), lambda t, x, a=axis, d=descending: t.argsort(x, dim=a, descending=d, stable=True), lambda x, a=axis, d=descending: np.apply_along_axis(lambda v: sorted(range(len(v)), key=lambda i: -v[i] if d else v[i]), a, x) if x.size else x, variants=(((3, 5),), ((11, 7),), ((1, 1),), ((0, 3),)), gradient=(), integers=True)
        unary(f"sort axis {axis} {descending}", distinct, lambda o, x, a=axis, d=descending: o.sort(x, axis=a, descending=d)[0], lambda t, x, a=axis, d=descending: t.sort(x, dim=a, descending=d, stable=True)[0], lambda x, a=axis, d=descending: np.apply_along_axis(lambda v: sorted(v, reverse=d), a, x) if x.size else x, variants=(((3, 5),), ((1, 1),), ((0, 3),)), integers=True)
unary("argsort nan", these(2.0, math.nan, -math.inf, math.inf, math.nan, 0.0), lambda o, x: o.argsort(x, axis=0), lambda t, x: t.argsort(x, stable=True), None, variants=(((6,),),), gradient=())
unary("argsort nan descending", these(2.0, math.nan, -math.inf, math.inf, math.nan, 0.0), lambda o, x: o.argsort(x, axis=0, descending=True), lambda t, x: t.argsort(x, stable=True, descending=True), None, variants=(((6,),),), gradient=())
for k in (0, 1, 3):
    unary(f"topk {k}", distinct, lambda o, x, k=k: o.topk(x, k=k)[0], lambda t, x, k=k: t.topk(x, k)[0], lambda x, k=k: -np.sort(-x)[..., :k], variants=(((3, 5),), ((2, 3, 5),), ((0, 3),)), integers=True)
    unary(f"topk places {k}", distinct, lambda o, x, k=k: o.topk(x, k=k)[1], lambda t, x, k=k: t.topk(x, k)[1], lambda x, k=k: np.argsort(-x)[..., :k], variants=(((3, 5),), ((2, 3, 5),), ((0, 3),)), gradient=(), integers=True)

# ---- contraction ----------------------------------------------------------------------------------------------------
MATMUL = (
    ((3,), (3,)), ((3,), (3, 5)), ((2, 3), (3,)), ((2, 3), (3, 5)), ((1, 1), (1, 1)), ((0, 3), (3, 2)), ((2, 0), (0, 3)),
    ((0,), (0,)), ((2, 3, 5), (2, 5, 3)), ((2, 3, 5), (5, 7)), ((2, 3, 5), (5,)), ((5,), (2, 5, 3)), ((3, 5), (2, 5, 3)),
    ((2, 2, 3, 5), (2, 2, 5, 1)), ((2, 2, 3, 5), (5, 2)), ((0, 3, 5), (5, 2)), ((0, 3, 5), (0, 5, 2)),
)  # fmt: skip


def _product(a, b):
    left = "xyij"[-a.ndim :] if a.ndim > 1 else "j"
    right = "xyjk"[-b.ndim :] if b.ndim > 1 else "j"
    batch = (left if a.ndim > b.ndim else right)[:-2]
    return np.einsum(f"{left},{right}->{batch}{left[-2:-1]}{right[-1:] if b.ndim > 1 else ''}", a, b)


for left, right in MATMUL:
    case(f"matmul {left} {right}", (real, real), ((left, right),), lambda o, a, b: o.matmul(a, b), lambda t, a, b: a @ b, _product, gradient=(0, 1), integers=True, sixteen=8.0)
case("outer", (real, real), (((3,), (5,)), ((1,), (1,)), ((0,), (3,))), lambda o, a, b: o.outer(a, b), lambda t, a, b: t.outer(a, b), lambda a, b: a[:, None] * b, gradient=(0, 1), integers=True)
for equation, *shapes in (
    ("ij,jk->ik", (2, 3), (3, 5)), ("ij,kj->ik", (2, 3), (5, 3)), ("bij,bjk->bik", (2, 3, 5), (2, 5, 1)), ("i,i->", (7,), (7,)),
    ("i,j->ij", (3,), (5,)), ("ij->ji", (3, 5)), ("ij->", (3, 5)), ("ij->i", (3, 5)), ("ii->i", (3, 3)), ("ii->", (3, 3)),
    ("iij->ij", (3, 3, 2)), ("iii->i", (3, 3, 3)), ("bhqd,bhkd->bhqk", (2, 2, 3, 5), (2, 2, 4, 5)), ("ij,jk,kl->il", (2, 3), (3, 5), (5, 2)),
    ("ijk,k->ij", (2, 3, 5), (5,)), ("ij,ij->ij", (3, 5), (3, 5)), ("ij,ji->", (3, 5), (5, 3)), ("abc,cd->dab", (2, 3, 5), (5, 2)),
    ("ij,kl->jk", (2, 3), (5, 2)), ("ii,ij->j", (3, 3), (3, 5)), ("b,bi,bj->ij", (2,), (2, 3), (2, 5)), ("ij,jk->ik", (0, 3), (3, 2)),
    (",i->i", (), (3,)), ("bij,jk->bik", (2, 3, 5), (5, 7)),
):  # fmt: skip
    case(f"einsum {equation} {shapes[0]}", (real,) * len(shapes), (tuple(shapes),), lambda o, *xs, e=equation: o.einsum(e, *xs), lambda t, *xs, e=equation: t.einsum(e, *xs), lambda *xs, e=equation: np.einsum(e, *xs), gradient=tuple(range(len(shapes))), integers=True, sixteen=16.0)
unary("rearrange split", real, lambda o, x: o.rearrange(x, "b (h w) c -> b c h w", {"h": 2}), lambda t, x: x.reshape(2, 2, 3, 5).permute(0, 3, 1, 2), lambda x: np.moveaxis(x.reshape(2, 2, 3, 5), 3, 1), variants=(((2, 6, 5),),), integers=True)
unary("rearrange join", real, lambda o, x: o.rearrange(x, "b h t k -> b t (h k)"), lambda t, x: x.permute(0, 2, 1, 3).reshape(2, 5, 6), lambda x: np.swapaxes(x, 1, 2).reshape(2, 5, 6), variants=(((2, 2, 5, 3),),), integers=True)
unary("rearrange flat", real, lambda o, x: o.rearrange(x, "a b -> (b a)"), lambda t, x: x.T.reshape(-1), lambda x: x.ravel(order="F"), variants=(((3, 5),), ((0, 3),)), integers=True)


# ---- windows --------------------------------------------------------------------------------------------------------
def _loops(x, w, bias, stride, padding, dilation, groups):
    """Convolution written out as its definition."""
    single = x.ndim == 3
    x = x[None] if single else x
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    outputs, inputs, kh, kw = w.shape
    height = (x.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    width = (x.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((x.shape[0], outputs, height, width))
    for n, o, i, j in np.ndindex(*y.shape):
        first = o // (outputs // groups) * inputs
        seen = x[n, first : first + inputs, i * stride[0] :: dilation[0], j * stride[1] :: dilation[1]][:, :kh, :kw]
        y[n, o, i, j] = (seen * w[o]).sum() + (0 if bias is None else bias[o])
    return y[0] if single else y


for image, filters, biased, stride, padding, dilation, groups in (
    ((2, 3, 5, 7), (4, 3, 3, 3), True, (1, 1), (0, 0), (1, 1), 1),
    ((2, 3, 5, 7), (4, 3, 3, 2), False, (2, 1), (1, 1), (1, 1), 1),
    ((3, 5, 5), (2, 3, 3, 3), True, (2, 2), (1, 1), (1, 1), 1),
    ((2, 3, 7, 7), (2, 3, 2, 3), False, (1, 2), (2, 0), (2, 3), 1),
    ((2, 4, 5, 5), (6, 2, 3, 3), True, (1, 1), (1, 1), (1, 1), 2),
    ((1, 3, 5, 5), (3, 1, 3, 3), True, (2, 2), (1, 1), (1, 1), 3),
    ((2, 3, 5, 5), (4, 3, 1, 1), False, (1, 1), (0, 0), (1, 1), 1),
    ((1, 1, 1, 1), (1, 1, 1, 1), True, (1, 1), (0, 0), (1, 1), 1),
    ((0, 3, 5, 5), (2, 3, 3, 3), True, (1, 1), (1, 1), (1, 1), 1),
):
    options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    case(f"conv2d {image} {filters} {stride} {padding} {dilation} {groups}", (real,) * (2 + biased), ((image, filters, filters[:1])[: 2 + biased],), lambda o, *xs, k=options: o.conv2d(*xs, **k), lambda t, *xs, k=options: t.nn.functional.conv2d(*xs, **k), lambda x, w, b=None, k=options: _loops(x, w, b, **k), gradient=tuple(range(2 + biased)), sixteen=16.0)
case("conv2d same", (real, real), (((2, 3, 5, 4), (2, 3, 2, 3)),), lambda o, x, w: o.conv2d(x, w, padding="same"), lambda t, x, w: t.nn.functional.conv2d(x, w, padding="same"), None, gradient=(0, 1), sixteen=16.0)
unary("unfold2d", real, lambda o, x: o.unfold2d(x, kernel=(2, 3), stride=(1, 2), dilation=(2, 1)), lambda t, x: t.nn.functional.unfold(x, (2, 3), stride=(1, 2), dilation=(2, 1)).reshape(2, 3, 2, 3, 3, 3), None, variants=(((2, 3, 5, 7),),), integers=True)
unary("fold2d", real, lambda o, x: o.fold2d(x, sizes=(5, 7), stride=(1, 2), dilation=(2, 1)), lambda t, x: t.nn.functional.fold(x.reshape(2, 18, 9), (5, 7), (2, 3), stride=(1, 2), dilation=(2, 1)), None, variants=(((2, 3, 2, 3, 3, 3),),), integers=True, sixteen=8.0)
for kernel, stride, padding, dilation in (((2, 2), None, 0, 1), ((3, 2), (2, 1), 1, 1), ((3, 3), 1, 1, 1), ((2, 2), 1, 0, 2), ((1, 1), 1, 0, 1)):
    options = dict(kernel_size=kernel, stride=stride, padding=padding)
    images = (((2, 3, 5, 7),), ((3, 5, 5),), ((0, 3, 5, 5),))
    for word, domain in (("", distinct), (" ties", small)):
        unary(f"max_pool2d{word} {kernel} {stride} {padding} {dilation}", domain, lambda o, x, k=options, d=dilation: o.max_pool2d(x, dilation=d, **k), lambda t, x, k=options, d=dilation: t.nn.functional.max_pool2d(x, dilation=d, **k), None, variants=images[: 2 + (not word)], smooth=not word, integers=True)
        unary(f"min_pool2d{word} {kernel} {stride} {padding} {dilation}", domain, lambda o, x, k=options, d=dilation: o.min_pool2d(x, dilation=d, **k), lambda t, x, k=options, d=dilation: -t.nn.functional.max_pool2d(-x, dilation=d, **k), None, variants=images[: 2 + (not word)], smooth=not word, integers=True)
    if dilation == 1:
        for counted in (True, False):
            unary(f"avg_pool2d {kernel} {stride} {padding} {counted}", real, lambda o, x, k=options, c=counted: o.avg_pool2d(x, count_include_pad=c, **k), lambda t, x, k=options, c=counted: t.nn.functional.avg_pool2d(x, count_include_pad=c, **k), None, variants=images, sixteen=8.0)
unary("max_pool2d nan", these(1.0, math.nan, 3.0, 2.0, -math.inf, -math.inf), lambda o, x: o.max_pool2d(x, kernel_size=(1, 2)), lambda t, x: t.nn.functional.max_pool2d(x, (1, 2)), None, variants=(((1, 1, 6),),), smooth=False)

# ---- normalization --------------------------------------------------------------------------------------------------
for axis in (0, 1, -1):
    unary(f"softmax axis {axis}", real, lambda o, x, a=axis: o.softmax(x, axis=a), lambda t, x, a=axis: x.softmax(a), lambda x, a=axis: np.exp(x) / np.exp(x).sum(a, keepdims=True), variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)))
    unary(f"log_softmax axis {axis}", real, lambda o, x, a=axis: o.log_softmax(x, axis=a), lambda t, x, a=axis: x.log_softmax(a), lambda x, a=axis: np.log(np.exp(x) / np.exp(x).sum(a, keepdims=True)), variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)))
unary("softmax far", these(1000.0, 0.0, -1000.0), lambda o, x: o.softmax(x, axis=0), lambda t, x: x.softmax(0), None, variants=(((3,),),))
unary("log_softmax far", these(1000.0, 0.0, -1000.0), lambda o, x: o.log_softmax(x, axis=0), lambda t, x: x.log_softmax(0), None, variants=(((3,),),))
unary("normalize", distinct, lambda o, x: o.normalize(x, axis=-1, epsilon=1e-3), lambda t, x: t.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-3), lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3), variants=(((3, 5),), ((7,),), ((0, 3),), ((2, 3, 5),)), sixteen=8.0)
case("layer_norm", (real, real, real), (((3, 5), (5,), (5,)), ((2, 3, 5), (5,), (5,)), ((0, 5), (5,), (5,))), lambda o, x, w, b: o.layer_norm(x, w, b), lambda t, x, w, b: t.nn.functional.layer_norm(x, (5,), w, b), None, gradient=(0, 1, 2), sixteen=16.0)
case("layer_norm two axes", (real, real, real), (((2, 3, 5), (3, 5), (3, 5)),), lambda o, x, w, b: o.layer_norm(x, w, b, axes=(-2, -1)), lambda t, x, w, b: t.nn.functional.layer_norm(x, (3, 5), w, b), None, gradient=(0, 1, 2), sixteen=16.0)
