"""Rows of the table: products, windows and norms."""

from __future__ import annotations

import math

import numpy as np

from .numbers import distinct, real, small, these
from .table import case, unary

# ---- contraction ----------------------------------------------------------------------------------------------------
MATMUL = (
    ((3,), (3,)),
    ((3,), (3, 5)),
    ((2, 3), (3,)),
    ((2, 3), (3, 5)),
    ((1, 1), (1, 1)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((2, 3, 5), (2, 5, 3)),
    ((2, 3, 5), (5, 7)),
    ((2, 3, 5), (5,)),
    ((5,), (2, 5, 3)),
    ((3, 5), (2, 5, 3)),
    ((2, 2, 3, 5), (2, 2, 5, 1)),
    ((2, 2, 3, 5), (5, 2)),
    ((0, 3, 5), (5, 2)),
    ((0, 3, 5), (0, 5, 2)),
)


def _product(a, b):
    left = "xyij"[-a.ndim :] if a.ndim > 1 else "j"
    right = "xyjk"[-b.ndim :] if b.ndim > 1 else "j"
    batch = (left if a.ndim > b.ndim else right)[:-2]
    return np.einsum(f"{left},{right}->{batch}{left[-2:-1]}{right[-1:] if b.ndim > 1 else ''}", a, b)


for left, right in MATMUL:
    case(
        f"matmul {left} {right}",
        (real, real),
        ((left, right),),
        lambda o, a, b: o.matmul(a, b),
        lambda t, a, b: a @ b,
        _product,
        gradient=(0, 1),
        integers=True,
        sixteen=8.0,
    )
case(
    "outer",
    (real, real),
    (((3,), (5,)), ((1,), (1,)), ((0,), (3,))),
    lambda o, a, b: o.outer(a, b),
    lambda t, a, b: t.outer(a, b),
    lambda a, b: a[:, None] * b,
    gradient=(0, 1),
    integers=True,
)
for equation, *shapes in (
    ("ij,jk->ik", (2, 3), (3, 5)),
    ("ij,kj->ik", (2, 3), (5, 3)),
    ("bij,bjk->bik", (2, 3, 5), (2, 5, 1)),
    ("i,i->", (7,), (7,)),
    ("i,j->ij", (3,), (5,)),
    ("ij->ji", (3, 5)),
    ("ij->", (3, 5)),
    ("ij->i", (3, 5)),
    ("ii->i", (3, 3)),
    ("ii->", (3, 3)),
    ("iij->ij", (3, 3, 2)),
    ("iii->i", (3, 3, 3)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 5), (2, 2, 4, 5)),
    ("ij,jk,kl->il", (2, 3), (3, 5), (5, 2)),
    ("ijk,k->ij", (2, 3, 5), (5,)),
    ("ij,ij->ij", (3, 5), (3, 5)),
    ("ij,ji->", (3, 5), (5, 3)),
    ("abc,cd->dab", (2, 3, 5), (5, 2)),
    ("ij,kl->jk", (2, 3), (5, 2)),
    ("ii,ij->j", (3, 3), (3, 5)),
    ("b,bi,bj->ij", (2,), (2, 3), (2, 5)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    (",i->i", (), (3,)),
    ("bij,jk->bik", (2, 3, 5), (5, 7)),
):
    case(
        f"einsum {equation} {shapes[0]}",
        (real,) * len(shapes),
        (tuple(shapes),),
        lambda o, *xs, e=equation: o.einsum(e, *xs),
        lambda t, *xs, e=equation: t.einsum(e, *xs),
        lambda *xs, e=equation: np.einsum(e, *xs),
        gradient=tuple(range(len(shapes))),
        integers=True,
        sixteen=16.0,
    )
unary(
    "rearrange split",
    real,
    lambda o, x: o.rearrange(x, "b (h w) c -> b c h w", {"h": 2}),
    lambda t, x: x.reshape(2, 2, 3, 5).permute(0, 3, 1, 2),
    lambda x: np.moveaxis(x.reshape(2, 2, 3, 5), 3, 1),
    variants=(((2, 6, 5),),),
    integers=True,
)
unary(
    "rearrange join",
    real,
    lambda o, x: o.rearrange(x, "b h t k -> b t (h k)"),
    lambda t, x: x.permute(0, 2, 1, 3).reshape(2, 5, 6),
    lambda x: np.swapaxes(x, 1, 2).reshape(2, 5, 6),
    variants=(((2, 2, 5, 3),),),
    integers=True,
)
unary(
    "rearrange flat",
    real,
    lambda o, x: o.rearrange(x, "a b -> (b a)"),
    lambda t, x: x.T.reshape(-1),
    lambda x: x.ravel(order="F"),
    variants=(((3, 5),), ((0, 3),)),
    integers=True,
)


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
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    case(
        f"conv2d {image} {filters} {stride} {padding} {dilation} {groups}",
        (real,) * (2 + biased),
        ((image, filters, filters[:1])[: 2 + biased],),
        lambda o, *xs, k=options: o.conv2d(*xs, **k),
        lambda t, *xs, k=options: t.nn.functional.conv2d(*xs, **k),
        lambda x, w, b=None, k=options: _loops(x, w, b, **k),
        gradient=tuple(range(2 + biased)),
        sixteen=16.0,
    )
case(
    "conv2d same",
    (real, real),
    (((2, 3, 5, 4), (2, 3, 2, 3)),),
    lambda o, x, w: o.conv2d(x, w, padding="same"),
    lambda t, x, w: t.nn.functional.conv2d(x, w, padding="same"),
    None,
    gradient=(0, 1),
    sixteen=16.0,
)
unary(
    "unfold2d",
    real,
    lambda o, x: o.unfold2d(x, kernel=(2, 3), stride=(1, 2), dilation=(2, 1)),
    lambda t, x: t.nn.functional.unfold(x, (2, 3), stride=(1, 2), dilation=(2, 1)).reshape(2, 3, 2, 3, 3, 3),
    None,
    variants=(((2, 3, 5, 7),),),
    integers=True,
)
unary(
    "fold2d",
    real,
    lambda o, x: o.fold2d(x, sizes=(5, 7), stride=(1, 2), dilation=(2, 1)),
    lambda t, x: t.nn.functional.fold(x.reshape(2, 18, 9), (5, 7), (2, 3), stride=(1, 2), dilation=(2, 1)),
    None,
    variants=(((2, 3, 2, 3, 3, 3),),),
    integers=True,
    sixteen=8.0,
)
for kernel, stride, padding, dilation in (
    ((2, 2), None, 0, 1),
    ((3, 2), (2, 1), 1, 1),
    ((3, 3), 1, 1, 1),
    ((2, 2), 1, 0, 2),
    ((1, 1), 1, 0, 1),
):
    options = {"kernel_size": kernel, "stride": stride, "padding": padding}
    images = (((2, 3, 5, 7),), ((3, 5, 5),), ((0, 3, 5, 5),))
    for word, domain in (("", distinct), (" ties", small)):
        unary(
            f"max_pool2d{word} {kernel} {stride} {padding} {dilation}",
            domain,
            lambda o, x, k=options, d=dilation: o.max_pool2d(x, dilation=d, **k),
            lambda t, x, k=options, d=dilation: t.nn.functional.max_pool2d(x, dilation=d, **k),
            None,
            variants=images[: 2 + (not word)],
            smooth=not word,
            integers=True,
        )
        unary(
            f"min_pool2d{word} {kernel} {stride} {padding} {dilation}",
            domain,
            lambda o, x, k=options, d=dilation: o.min_pool2d(x, dilation=d, **k),
            lambda t, x, k=options, d=dilation: -t.nn.functional.max_pool2d(-x, dilation=d, **k),
            None,
            variants=images[: 2 + (not word)],
            smooth=not word,
            integers=True,
        )
    if dilation == 1:
        for counted in (True, False):
            unary(
                f"avg_pool2d {kernel} {stride} {padding} {counted}",
                real,
                lambda o, x, k=options, c=counted: o.avg_pool2d(x, count_include_pad=c, **k),
                lambda t, x, k=options, c=counted: t.nn.functional.avg_pool2d(x, count_include_pad=c, **k),
                None,
                variants=images,
                sixteen=8.0,
            )
unary(
    "max_pool2d nan",
    these(1.0, math.nan, 3.0, 2.0, -math.inf, -math.inf),
    lambda o, x: o.max_pool2d(x, kernel_size=(1, 2)),
    lambda t, x: t.nn.functional.max_pool2d(x, (1, 2)),
    None,
    variants=(((1, 1, 6),),),
    smooth=False,
)

# ---- normalization --------------------------------------------------------------------------------------------------
for axis in (0, 1, -1):
    unary(
        f"softmax axis {axis}",
        real,
        lambda o, x, a=axis: o.softmax(x, axis=a),
        lambda t, x, a=axis: x.softmax(a),
        lambda x, a=axis: np.exp(x) / np.exp(x).sum(a, keepdims=True),
        variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)),
    )
    unary(
        f"log_softmax axis {axis}",
        real,
        lambda o, x, a=axis: o.log_softmax(x, axis=a),
        lambda t, x, a=axis: x.log_softmax(a),
        lambda x, a=axis: np.log(np.exp(x) / np.exp(x).sum(a, keepdims=True)),
        variants=(((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),)),
    )
unary(
    "softmax far",
    these(1000.0, 0.0, -1000.0),
    lambda o, x: o.softmax(x, axis=0),
    lambda t, x: x.softmax(0),
    None,
    variants=(((3,),),),
)
unary(
    "log_softmax far",
    these(1000.0, 0.0, -1000.0),
    lambda o, x: o.log_softmax(x, axis=0),
    lambda t, x: x.log_softmax(0),
    None,
    variants=(((3,),),),
)
unary(
    "normalize",
    distinct,
    lambda o, x: o.normalize(x, axis=-1, epsilon=1e-3),
    lambda t, x: t.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-3),
    lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3),
    variants=(((3, 5),), ((7,),), ((0, 3),), ((2, 3, 5),)),
    sixteen=8.0,
)
case(
    "layer_norm",
    (real, real, real),
    (((3, 5), (5,), (5,)), ((2, 3, 5), (5,), (5,)), ((0, 5), (5,), (5,))),
    lambda o, x, w, b: o.layer_norm(x, w, b),
    lambda t, x, w, b: t.nn.functional.layer_norm(x, (5,), w, b),
    None,
    gradient=(0, 1, 2),
    sixteen=16.0,
)
case(
    "layer_norm two axes",
    (real, real, real),
    (((2, 3, 5), (3, 5), (3, 5)),),
    lambda o, x, w, b: o.layer_norm(x, w, b, axes=(-2, -1)),
    lambda t, x, w, b: t.nn.functional.layer_norm(x, (3, 5), w, b),
    None,
    gradient=(0, 1, 2),
    sixteen=16.0,
)
