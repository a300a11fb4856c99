"""Programs with one bug a line, marked with the word BUG: the type checker must report every one, and each raises when it runs.

A test runs the lines one by one, with the names of the module and, in `names`, tensors of four different sizes.
"""

from __future__ import annotations

import shapewright as sw
from shapewright import Int, IntVar, Tensor

a = sw.zeros((3, 5))
s = sw.zeros((4, 4))
c = sw.zeros((2, 3, 4))
v = sw.zeros((5,))
scalar = sw.zeros(())
ids = sw.zeros((3,), dtype=sw.i64)
mask = a > 0.0


def reductions() -> None:
    a.sum((7,))  # BUG
    a.sum((5, 3))  # BUG: order
    a.sum((3, 5, 1))  # BUG: more axes
    a.sum(0)  # BUG: a number is no shape
    a.mean(1)  # BUG
    a.mean((4,))  # BUG
    a.max((1,))  # BUG
    a.max(0)  # BUG
    a.min((15,))  # BUG
    a.var((6,))  # BUG
    a.std((6,))  # BUG
    a.prod((2,))  # BUG
    a.logsumexp((1,))  # BUG
    s.sum((4,))  # BUG: which of two equal axes?
    s.mean((4,))  # BUG
    a.sum(axis=2)  # BUG
    a.sum(axis=(0, 0))  # BUG
    a.sum(axis=(0, 2))  # BUG
    a.mean(axis=-3)  # BUG
    a.max(axis=5)  # BUG
    a.argmax(axis=2)  # BUG
    a.argmin(axis=-3)  # BUG
    a.softmax(axis=2)  # BUG
    a.log_softmax(axis=-3)  # BUG
    a.normalize(axis=2)  # BUG
    a.cumsum(axis=2)  # BUG
    mask.any((3, 3))  # BUG
    mask.all(axis=4)  # BUG
    ids.mean()  # BUG: the mean of integers is no integer
    ids.softmax()  # BUG
    ids.var()  # BUG
    a.any()  # BUG: numbers are not bool


def movement() -> None:
    v.broadcast((3, 4))  # BUG
    v.broadcast(5)  # BUG
    v.broadcast((5, 5))  # BUG: which of the two?
    a.broadcast((5, 3))  # BUG: order
    a.broadcast((3,))  # BUG: fewer axes
    v.broadcast_like(s)  # BUG
    a - sw.zeros((4,)).spread()  # BUG
    a.permute((3, 3))  # BUG
    a.permute((1, 0))  # BUG: axis numbers as `to`
    a.permute(0)  # BUG
    s.permute((4, 4))  # BUG: ambiguous
    a.permute((5, 3, 1))  # BUG
    a.permute(axes=(0, 0))  # BUG
    a.permute(axes=(0, 2))  # BUG
    a.permute(axes=(0,))  # BUG
    a.reshape((16,))  # BUG
    a.reshape(15)  # BUG
    a.reshape((4, -1))  # BUG
    a.reshape((-1, -1))  # BUG
    a.reshape((-15, -1))  # BUG
    a.reshape((0, -1))  # BUG
    a.flatten(start_axis=2)  # BUG
    a.flatten(start_axis=1, end_axis=0)  # BUG
    a.unsqueeze(axis=3)  # BUG
    a.unsqueeze(axis=-4)  # BUG
    a.squeeze(axis=0)  # BUG: its size is not 1
    a.squeeze(axis=2)  # BUG
    a.flip(axis=2)  # BUG
    a.flip(axis=(0, 0))  # BUG
    a.roll(1, axis=2)  # BUG
    a.roll((1,), axis=(0, 1))  # BUG
    a.pad((1,), (1,))  # BUG
    a.pad((-1, 0), (0, 0))  # BUG
    v.tril()  # BUG: a vector has no triangle
    scalar.triu()  # BUG


def products() -> None:
    a @ a  # BUG
    a @ s  # BUG
    a @ sw.zeros((3,))  # BUG
    v @ a  # BUG
    v @ sw.zeros((4,))  # BUG
    scalar @ v  # BUG
    sw.zeros((2, 3, 5)) @ sw.zeros((4, 5, 7))  # BUG: batches differ
    sw.zeros((2, 3, 5)) @ sw.zeros((2, 3, 5))  # BUG
    sw.zeros((2, 2, 3, 5)) @ sw.zeros((2, 5, 7))  # BUG: the number of batch axes differs
    a.matmul(s)  # BUG
    a.outer(v)  # BUG
    v.outer(scalar)  # BUG
    sw.einsum("ij,jk->ik", a, a)  # BUG
    sw.einsum("ij,jk->ik", a, v)  # BUG
    sw.einsum("ij->k", a)  # BUG
    sw.einsum("ij,j,k->i", a, v)  # BUG
    c.rearrange("a b c -> a b")  # BUG
    c.rearrange("a b -> b a")  # BUG
    c.rearrange("a b (h k) -> a b h k", h=3)  # BUG
    a @ a.to(sw.f64).permute((5, 3))  # BUG: element types
    a @ sw.zeros((5, 2), dtype=sw.i64)  # BUG


def parts() -> None:
    a[3]  # BUG: the last index is 2
    a[-4]  # BUG
    a[0, 5]  # BUG
    a[0, 0, 0]  # BUG
    a[0:4]  # BUG: a slice longer than its axis
    a[2:100]  # BUG
    a[:4]  # BUG
    a[4:]  # BUG
    a[-4:]  # BUG
    a[2:1]  # BUG: ends before it starts
    a[:, 5]  # BUG
    a[:, -6]  # BUG
    a[:, 0:6]  # BUG
    a[:, :6]  # BUG
    a[:, 6:]  # BUG
    c[:, :, 4]  # BUG
    c[:, :, 0:5]  # BUG
    c[:, 3, :]  # BUG
    c[2, :, :]  # BUG
    c[..., 4]  # BUG
    c[..., 2:5]  # BUG
    c[0, 1:4]  # BUG
    c[1:3, 0]  # BUG
    c[:3, 0]  # BUG
    c[0:2, 3]  # BUG
    c[1:3, ...]  # BUG
    c[:3, ...]  # BUG
    a[0:2, 1:6]  # BUG
    a[[0, 3]]  # BUG
    c[1:3, ...]  # BUG
    c[2, ...]  # BUG
    c[:1, ..., :5]  # BUG
    c[0:2, ..., 2:5]  # BUG
    c[2, ..., 0]  # BUG
    a[::2, 0:6]  # BUG
    a[::2, ::2, ::2]  # BUG
    a.select(5, axis=1)  # BUG
    a.select(0, axis=2)  # BUG
    a.slice(1, 6, axis=1)  # BUG
    a.slice(6, axis=1)  # BUG
    a.slice(0, 5, 0, axis=1)  # BUG
    a.slice(0, 1, axis=2)  # BUG
    a.take((0, 3), axis=0)  # BUG
    a.take((0,), axis=2)  # BUG
    a.take(ids, axis=2)  # BUG
    a.take(a, axis=0)  # BUG: places are integers
    a.gather(ids, axis=0)  # BUG
    a.gather(sw.zeros((4, 2), dtype=sw.i64), axis=1)  # BUG
    a.gather(sw.zeros((3, 2), dtype=sw.i64), axis=2)  # BUG
    a.gather(sw.zeros((3, 2)), axis=1)  # BUG: indices are integers
    a.scatter_add(sw.zeros((3, 2), dtype=sw.i64), sw.zeros((3, 3)), axis=1)  # BUG
    a.scatter_add(sw.zeros((2, 2), dtype=sw.i64), sw.zeros((2, 2)), axis=1)  # BUG
    a.one_hot(10)  # BUG: classes are integers
    a.topk(6)  # BUG
    a.topk(4, axis=0)  # BUG
    a.topk(1, axis=2)  # BUG
    a.sort(axis=2)  # BUG
    a.argsort(axis=-3)  # BUG
    a.split(2, axis=0)  # BUG
    a.split(2, axis=2)  # BUG
    a.split((1, 1), axis=0)  # BUG
    a.split((1, 1, 2), axis=0)  # BUG
    x, y = a.split(3, axis=0)  # BUG: three parts
    [row for row in scalar]  # BUG: a scalar has no rows


def gateway() -> None:
    a.expect((3, 4))  # BUG: its sizes are known, and others
    a.expect((3,))  # BUG: an axis fewer
    v.expect((5, 1))  # BUG
    ids.expect((4,))  # BUG
    a.expect(3)  # BUG: a number is no shape


def several() -> None:
    sw.concat((a, s), axis=0)  # BUG
    sw.concat((a, a), axis=2)  # BUG
    sw.concat((a, v), axis=0)  # BUG
    sw.concat((a, a.to(sw.f64)), axis=0)  # BUG
    sw.stack((a, s), axis=0)  # BUG
    sw.stack((a, v), axis=0)  # BUG
    sw.stack((a, a), axis=3)  # BUG
    sw.where(a, a, a)  # BUG: the condition is bool
    sw.where(mask, a, s)  # BUG
    sw.where(mask, a, a.to(sw.f64))  # BUG
    sw.maximum(a, s)  # BUG
    sw.minimum(a, v)  # BUG


def elementwise() -> None:
    a + s  # BUG
    a - v  # BUG: nothing is broadcast silently
    a * a.permute((5, 3))  # BUG
    a / v.broadcast((5, 3))  # BUG
    a ** sw.zeros((5, 3))  # BUG
    a < s  # BUG
    a == s  # BUG
    a + ids  # BUG
    a + a.to(sw.f64)  # BUG
    a.maximum(s)  # BUG
    a.minimum(v)  # BUG
    mask & sw.zeros((3,), dtype=sw.bool)  # BUG
    a & a  # BUG: logic is of bool
    ~a  # BUG
    ids / 2  # BUG: a quotient of integers is no integer
    ids.exp()  # BUG
    ids.sqrt()  # BUG
    a + (a,)  # BUG
    a + "1"  # BUG


def names[B: IntVar, T: IntVar, D: IntVar, H: IntVar](
    x: Tensor[[B, T, D]], y: Tensor[[B, D]], w: Tensor[[D, H]], b0: Int[B]
) -> None:
    b, t, d = x.shape
    x + y.broadcast((t, b, d))  # BUG
    x.sum((d, b))  # BUG
    x.sum((b * t,))  # BUG
    x.permute((b, t))  # BUG
    x.permute((b, t, t))  # BUG
    x.reshape((b, t))  # BUG
    x.reshape((b * d, d))  # BUG
    y @ y  # BUG
    x @ y  # BUG
    w @ x  # BUG
    sw.concat((x, x.permute((b, d, t))), axis=0)  # BUG
    sw.stack((y, w), axis=0)  # BUG
    x[b]  # BUG
    x[:, t]  # BUG
    x[:, 0 : t + 1]  # BUG
    x[..., d]  # BUG
    x.split((t, t), axis=1)  # BUG
    x - x.mean((t,)).broadcast((b, d, t))  # BUG
    x.squeeze(axis=1)  # BUG
