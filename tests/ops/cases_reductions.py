"""Rows of the table: reductions and what runs along an axis."""

from __future__ import annotations

import math

import numpy as np

from .numbers import boolean, distinct, nonzero, real, small, these
from .table import CASES, Case, unary

# ---- reductions -----------------------------------------------------------------------------------------------------
REDUCED = (
    ((3, 5), (0,)),
    ((3, 5), (1,)),
    ((3, 5), (0, 1)),
    ((3, 5), ()),
    ((2, 3, 5), (0, 2)),
    ((7,), (0,)),
    ((1, 1), (1,)),
)
EMPTY = (((0, 3), (0,)), ((0, 3), (1,)), ((), ()))


def reduction(name, domain, ours, torch, numpy, axes=REDUCED + EMPTY, **options):
    for shape, reduced in axes:
        CASES.append(
            Case(
                f"{name} {shape} over {reduced}",
                lambda o, x, a=reduced: ours(o, x, a),
                # PyTorch reads () as all axes.
                None
                if torch is None
                else lambda t, x, a=reduced: torch(t, x, a) if a or x.ndim == 0 else torch(t, x[None], (0,)),
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
        rows = np.transpose(x, (*kept, *axes)).reshape(
            [x.shape[axis] for axis in kept] + [-1 if x.size else math.prod(x.shape[a] for a in axes)]
        )
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
reduction(
    "max",
    distinct,
    lambda o, x, a: o.max(x, axes=a),
    lambda t, x, a: x.amax(a),
    loop(max),
    REDUCED + (((0, 3), (1,)), ((), ())),
    integers=True,
)
reduction(
    "min",
    distinct,
    lambda o, x, a: o.min(x, axes=a),
    lambda t, x, a: x.amin(a),
    loop(min),
    REDUCED + (((0, 3), (1,)), ((), ())),
    integers=True,
)
reduction(
    "max ties", small, lambda o, x, a: o.max(x, axes=a), lambda t, x, a: x.amax(a), loop(max), REDUCED, smooth=False
)
reduction(
    "min ties", small, lambda o, x, a: o.min(x, axes=a), lambda t, x, a: x.amin(a), loop(min), REDUCED, smooth=False
)


def _torch_prod(t, x, a):
    for axis in sorted(a, reverse=True):
        x = x.prod(axis)
    return x


reduction("prod", nonzero, lambda o, x, a: o.prod(x, axes=a), _torch_prod, loop(math.prod), integers=True)
reduction("prod zeros", small, lambda o, x, a: o.prod(x, axes=a), _torch_prod, loop(math.prod), sixteen=None)
SOME = tuple(row for row in REDUCED if row[1] and row[0] != (1, 1))
reduction("var", real, lambda o, x, a: o.var(x, axes=a), lambda t, x, a: x.var(a), loop(_var), SOME)
reduction(
    "var biased",
    real,
    lambda o, x, a: o.var(x, axes=a, correction=0),
    lambda t, x, a: x.var(a, correction=0),
    loop(lambda v: _var(v, 0)),
    REDUCED,
)
reduction(
    "std", real, lambda o, x, a: o.std(x, axes=a), lambda t, x, a: x.std(a), loop(lambda v: math.sqrt(_var(v))), SOME
)
reduction(
    "std biased",
    real,
    lambda o, x, a: o.std(x, axes=a, correction=0),
    lambda t, x, a: x.std(a, correction=0),
    loop(lambda v: math.sqrt(_var(v, 0))),
    SOME,
)
unary(
    "std flat",
    these(2.0, 2.0, 2.0),
    lambda o, x: o.std(x, axes=(0,)),
    lambda t, x: x.std(0),
    lambda x: np.zeros(()),
    variants=(((3,),),),
    smooth=False,
)
reduction(
    "logsumexp",
    real,
    lambda o, x, a: o.logsumexp(x, axes=a),
    lambda t, x, a: t.logsumexp(x, a),
    loop(lambda v: math.log(math.fsum(map(math.exp, v))) if v else -math.inf),
)
unary(
    "logsumexp far",
    these(1000.0, 999.0, -1000.0),
    lambda o, x: o.logsumexp(x, axes=(0,)),
    lambda t, x: t.logsumexp(x, 0),
    None,
    variants=(((3,),),),
)
reduction("any", boolean, lambda o, x, a: o.any(x, axes=a), lambda t, x, a: x.any(a), loop(any), gradient=())
reduction("all", boolean, lambda o, x, a: o.all(x, axes=a), lambda t, x, a: x.all(a), loop(all), gradient=())
for axis in (0, 1):
    for word in ("argmax", "argmin"):
        unary(
            f"{word} axis {axis}",
            distinct,
            lambda o, x, a=axis, w=word: getattr(o, w)(x, axis=a),
            lambda t, x, a=axis, w=word: getattr(t, w)(x, a),
            lambda x, a=axis, w=word: np.apply_along_axis(
                lambda v: sorted(range(len(v)), key=lambda i: v[i])[-1 if w == "argmax" else 0], a, x
            ),
            variants=(((3, 5),), ((1, 1),), ((2, 3, 5),)),
            gradient=(),
            integers=True,
        )
    unary(
        f"cumsum axis {axis}",
        real,
        lambda o, x, a=axis: o.cumsum(x, axis=a),
        lambda t, x, a=axis: x.cumsum(a),
        lambda x, a=axis: (
            np.apply_along_axis(lambda v: [sum(v[: i + 1]) for i in range(len(v))], a, x) if x.size else x
        ),
        variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)),
        integers=True,
    )
