"""Rows of the table: what moves elements, by numbers or by index tensors."""

from __future__ import annotations

import math

import numpy as np

from .numbers import distinct, index, real, small, these
from .table import SHAPES, case, unary

# ---- movement -------------------------------------------------------------------------------------------------------
for shape, sizes, axes in (
    ((3,), (2, 3), (1,)),
    ((3,), (3, 2), (0,)),
    ((), (2, 3), ()),
    ((2, 5), (2, 3, 5), (0, 2)),
    ((1,), (1, 3), (0,)),
    ((0,), (2, 0), (1,)),
    ((3,), (0, 3), (1,)),
):
    unary(
        f"broadcast {shape} to {sizes}",
        real,
        lambda o, x, s=sizes, a=axes: o.broadcast(x, sizes=s, axes=a),
        lambda t, x, s=sizes, a=axes: x[tuple(slice(None) if i in a else None for i in range(len(s)))].expand(s),
        lambda x, s=sizes, a=axes: np.array([x[tuple(p[i] for i in a)] for p in np.ndindex(*s)]).reshape(s),
        variants=((shape,),),
        integers=True,
    )
for axes in ((0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)):
    unary(
        f"permute {axes}",
        real,
        lambda o, x, a=axes: o.permute(x, axes=a),
        lambda t, x, a=axes: x.permute(a),
        lambda x, a=axes: np.einsum(x, list(range(3)), list(a)),
        variants=(((2, 3, 5),), ((1, 1, 1),), ((2, 0, 3),)),
        integers=True,
    )
for shape, sizes in (((3, 5), (15,)), ((2, 3, 5), (5, 6)), ((), (1, 1)), ((0, 3), (5, 0)), ((7,), (7,))):
    unary(
        f"reshape {shape} to {sizes}",
        real,
        lambda o, x, s=sizes: o.reshape(x, sizes=s),
        lambda t, x, s=sizes: x.reshape(s),
        lambda x, s=sizes: np.array(x.ravel().tolist()).reshape(s),
        variants=((shape,),),
        integers=True,
    )
for bounds in (
    ((0, 3, 1), (0, 5, 1)),
    ((1, 3, 1), (0, 5, 2)),
    ((0, 2, 2), (1, 4, 3)),
    ((1, 1, 1), (0, 5, 1)),
    ((2, 3, 7), (3, 5, 1)),
):
    unary(
        f"slice {bounds}",
        real,
        lambda o, x, b=bounds: o.slice(
            x, starts=tuple(r[0] for r in b), stops=tuple(r[1] for r in b), steps=tuple(r[2] for r in b)
        ),
        lambda t, x, b=bounds: x[b[0][0] : b[0][1] : b[0][2], b[1][0] : b[1][1] : b[1][2]],
        lambda x, b=bounds: np.array([[x[i, j] for j in range(*b[1])] for i in range(*b[0])]).reshape(
            len(range(*b[0])), len(range(*b[1]))
        ),
        variants=(((3, 5),),),
        integers=True,
    )
for before, after, value in (((1, 2), (0, 3), 0.0), ((0, 0), (0, 0), 0.0), ((2, 0), (1, 1), 7.0)):
    unary(
        f"pad {before} {after} {value}",
        real,
        lambda o, x, b=before, a=after, v=value: o.pad(x, before=b, after=a, value=v),
        lambda t, x, b=before, a=after, v=value: t.nn.functional.pad(x, (b[1], a[1], b[0], a[0]), value=v),
        lambda x, b=before, a=after, v=value: np.pad(x, list(zip(b, a, strict=True)), constant_values=v),
        variants=(((3, 5),), ((1, 1),), ((0, 3),)),
    )


def _dilated(x):
    y = np.zeros((6, 15))
    for i, j in np.ndindex(3, 5):
        y[1 + 2 * i, 3 * j] = x[i, j]
    return y


unary(
    "pad interior",
    real,
    lambda o, x: o.pad(x, before=(1, 0), after=(0, 2), interior=(1, 2)),
    None,
    _dilated,
    variants=(((3, 5),),),
)
for axes in ((0,), (1,), (0, 1), ()):
    unary(
        f"flip {axes}",
        real,
        lambda o, x, a=axes: o.flip(x, axes=a),
        lambda t, x, a=axes: t.flip(x, a),
        lambda x, a=axes: x[:: -1 if 0 in a else 1, :: -1 if 1 in a else 1],
        variants=(((3, 5),), ((0, 3),)),
        integers=True,
    )


def _rolled(x, shifts):
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape):
        y[tuple((p + shifts.get(axis, 0)) % x.shape[axis] for axis, p in enumerate(place))] = x[place]
    return y


for shifts, axes in (((2,), (0,)), ((-1, 7), (0, 1)), ((0,), (1,))):
    unary(
        f"roll {shifts} {axes}",
        real,
        lambda o, x, s=shifts, a=axes: o.roll(x, shifts=s, axes=a),
        lambda t, x, s=shifts, a=axes: t.roll(x, s, a),
        lambda x, s=shifts, a=axes: _rolled(x, dict(zip(a, s, strict=True))),
        variants=(((3, 5),), ((1, 1),)),
        integers=True,
    )
case(
    "concat axis 0",
    (real, real, real),
    (((2, 3), (1, 3), (0, 3)), ((7,), (1,), (2,))),
    lambda o, *xs: o.concat(*xs, axis=0),
    lambda t, *xs: t.cat(xs, 0),
    lambda *xs: np.array([row for x in xs for row in x]),
    gradient=(0, 1, 2),
    integers=True,
)
case(
    "concat axis 1",
    (real, real),
    (((2, 3), (2, 4)), ((0, 3), (0, 2))),
    lambda o, *xs: o.concat(*xs, axis=1),
    lambda t, *xs: t.cat(xs, 1),
    lambda a, b: np.block([a, b]),
    gradient=(0, 1),
    integers=True,
)
for axis in (0, 1, 2):
    case(
        f"stack axis {axis}",
        (real, real),
        (((2, 3), (2, 3)), ((0, 3), (0, 3))),
        lambda o, a, b, at=axis: o.stack([a, b], axis=at),
        lambda t, a, b, at=axis: t.stack([a, b], at),
        lambda a, b, at=axis: np.stack([a, b], at),
        gradient=(0, 1),
        integers=True,
    )
for diagonal in (0, 1, -1):
    unary(
        f"tril {diagonal}",
        real,
        lambda o, x, d=diagonal: o.tril(x, diagonal=d),
        lambda t, x, d=diagonal: x.tril(d),
        lambda x, d=diagonal: x * (np.subtract.outer(np.arange(x.shape[-2]), np.arange(x.shape[-1])) >= -d),
        variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)),
        integers=True,
    )
    unary(
        f"triu {diagonal}",
        real,
        lambda o, x, d=diagonal: o.triu(x, diagonal=d),
        lambda t, x, d=diagonal: x.triu(d),
        lambda x, d=diagonal: x * (np.subtract.outer(np.arange(x.shape[-2]), np.arange(x.shape[-1])) <= -d),
        variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)),
        integers=True,
    )

# ---- indexing -------------------------------------------------------------------------------------------------------
for axis in (0, 1):
    case(
        f"take axis {axis}",
        (real, index(3)),
        (((3, 3), (4,)), ((3, 3), (2, 5)), ((3, 3), ()), ((3, 3), (0,))),
        lambda o, x, i, a=axis: o.take(x, i, axis=a),
        lambda t, x, i, a=axis: x[i] if a == 0 else x[:, i],
        lambda x, i, a=axis: (
            np.array([x[j] if a == 0 else x[:, j] for j in i.ravel()]).reshape((*i.shape, 3))
            if a == 0
            else np.array([[row[j] for j in i.ravel()] for row in x]).reshape((3, *i.shape))
        ),
        integers=True,
    )
    case(
        f"gather axis {axis}",
        (real, index(3)),
        (((3, 3), (3, 3)), ((3, 3), (3, 3))),
        lambda o, x, i, a=axis: o.gather(x, i, axis=a),
        lambda t, x, i, a=axis: x.gather(a, i),
        lambda x, i, a=axis: np.array(
            [[x[i[p, q], q] if a == 0 else x[p, i[p, q]] for q in range(3)] for p in range(3)]
        ),
        integers=True,
    )
    case(
        f"scatter_add axis {axis}",
        (real, index(3), real),
        (((3, 3), (3, 3), (3, 3)),),
        lambda o, x, i, s, a=axis: o.scatter_add(x, i, s, axis=a),
        lambda t, x, i, s, a=axis: x.scatter_add(a, i, s),
        None,
        gradient=(0, 2),
        integers=True,
        sixteen=8.0,
    )
case(
    "gather longer",
    (real, index(3)),
    (((2, 3), (2, 7)), ((2, 3), (2, 0)), ((2, 3), (2, 1))),
    lambda o, x, i: o.gather(x, i, axis=1),
    lambda t, x, i: x.gather(1, i),
    lambda x, i: np.array([[x[p, j] for j in i[p]] for p in range(2)]).reshape(i.shape),
    integers=True,
)
case(
    "take middle",
    (real, index(3)),
    (((2, 3, 5), (4,)), ((2, 3, 5), (2, 2))),
    lambda o, x, i: o.take(x, i, axis=1),
    lambda t, x, i: x[:, i],
    lambda x, i: np.concatenate([x[:, j : j + 1] for j in i.ravel()], 1).reshape((2, *i.shape, 5)),
    integers=True,
)
case(
    "take_add",
    (real, index(4)),
    (((2, 5, 3), (5,)), ((2, 0, 3), (0,))),
    lambda o, x, i: o.take_add(x, i, axis=1, size=4),
    lambda t, x, i: t.zeros(2, 4, 3, dtype=x.dtype).index_add(1, i, x),
    None,
    integers=True,
    sixteen=8.0,
)


def _one_hot(o, x):
    from shapewright.shapes.dtypes import f64

    return o.one_hot(x, classes=5, dtype=f64)


unary(
    "one_hot",
    index(5),
    _one_hot,
    lambda t, x: t.nn.functional.one_hot(x, 5).double(),
    lambda x: np.array([[float(j == k) for k in range(5)] for j in x.ravel()]).reshape((*x.shape, 5)),
    variants=SHAPES,
    gradient=(),
)
for axis in (0, 1):
    for descending in (False, True):
        unary(
            f"argsort axis {axis} {descending}",
            small,
            lambda o, x, a=axis, d=descending: o.argsort(x, axis=a, descending=d),
            lambda t, x, a=axis, d=descending: t.argsort(x, dim=a, descending=d, stable=True),
            lambda x, a=axis, d=descending: (
                np.apply_along_axis(lambda v: sorted(range(len(v)), key=lambda i: -v[i] if d else v[i]), a, x)
                if x.size
                else x
            ),
            variants=(((3, 5),), ((11, 7),), ((1, 1),), ((0, 3),)),
            gradient=(),
            integers=True,
        )
        unary(
            f"sort axis {axis} {descending}",
            distinct,
            lambda o, x, a=axis, d=descending: o.sort(x, axis=a, descending=d)[0],
            lambda t, x, a=axis, d=descending: t.sort(x, dim=a, descending=d, stable=True)[0],
            lambda x, a=axis, d=descending: np.apply_along_axis(lambda v: sorted(v, reverse=d), a, x) if x.size else x,
            variants=(((3, 5),), ((1, 1),), ((0, 3),)),
            integers=True,
        )
unary(
    "argsort nan",
    these(2.0, math.nan, -math.inf, math.inf, math.nan, 0.0),
    lambda o, x: o.argsort(x, axis=0),
    lambda t, x: t.argsort(x, stable=True),
    None,
    variants=(((6,),),),
    gradient=(),
)
unary(
    "argsort nan descending",
    these(2.0, math.nan, -math.inf, math.inf, math.nan, 0.0),
    lambda o, x: o.argsort(x, axis=0, descending=True),
    lambda t, x: t.argsort(x, stable=True, descending=True),
    None,
    variants=(((6,),),),
    gradient=(),
)
for k in (0, 1, 3):
    unary(
        f"topk {k}",
        distinct,
        lambda o, x, k=k: o.topk(x, k=k)[0],
        lambda t, x, k=k: t.topk(x, k)[0],
        lambda x, k=k: -np.sort(-x)[..., :k],
        variants=(((3, 5),), ((2, 3, 5),), ((0, 3),)),
        integers=True,
    )
    unary(
        f"topk places {k}",
        distinct,
        lambda o, x, k=k: o.topk(x, k=k)[1],
        lambda t, x, k=k: t.topk(x, k)[1],
        lambda x, k=k: np.argsort(-x)[..., :k],
        variants=(((3, 5),), ((2, 3, 5),), ((0, 3),)),
        gradient=(),
        integers=True,
    )
