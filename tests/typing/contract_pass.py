"""The contract of the surface: what the program of the design's first section gives, and what belongs to it, by types."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

import shapewright as sw
from shapewright import Gradients, Int, IntTuple, IntVar, Parameter, Tensor, data, nn, optim
from tests.typing.contract_example_pass import Mlp, adam, model, step, test, train

assert_type(model, Mlp[784, 512, 10])
assert_type(model.up, nn.Linear[784, 512])
assert_type(model.up.weight, Parameter[[512, 784]])
assert_type(model.up.bias, Parameter[[512]])
assert_type(train.images, Tensor[[60000, 28, 28], sw.u8])
assert_type(train.labels, Tensor[[60000], sw.i64])
assert_type(test.images, Tensor[[10000, 28, 28], sw.u8])


def loader() -> None:
    for x, y in data.Batches(train.images, train.labels, size=64, shuffle=sw.Key(0)):
        assert_type(x, Tensor[[64, 28, 28], sw.u8])
        assert_type(y, Tensor[[64], sw.i64])
        assert_type(x.to(sw.f32), Tensor[[64, 28, 28]])
        assert_type(x.to(sw.f32) / 255.0, Tensor[[64, 28, 28]])
        assert_type(x.to(sw.f32).reshape((64, 784)), Tensor[[64, 784]])
        assert_type(x.reshape((64, -1)), Tensor[[64, 784], sw.u8])
        assert_type(x[0], Tensor[[28, 28], sw.u8])
        assert_type(step(x.to(sw.f32).reshape((64, 784)) / 255.0, y), Tensor[[]])
        break
    for images, labels in data.Batches(test.images, test.labels, size=7000, short=True):
        assert_type(images, Tensor[[int, 28, 28], sw.u8])
        known = images[0:64].expect((64, 28, 28))
        assert_type(known, Tensor[[64, 28, 28], sw.u8])


def gradients() -> None:
    x = sw.zeros((64, 784)).trace()
    loss = nn.cross_entropy(model(x), sw.zeros((64,), dtype=sw.i64))
    assert_type(loss, Tensor[[]])
    assert_type(loss.item(), float)
    grads = loss.backward()
    assert_type(grads, Gradients)
    assert_type(grads[model.up.weight], Tensor[[512, 784]])
    assert_type(grads[model.up.bias], Tensor[[512]])
    assert_type(grads[x], Tensor[[64, 784]])
    assert_type(grads + grads, Gradients)
    assert_type(grads.unused(model), list[str])
    grads[model.up.weight] = sw.zeros((512, 784))
    adam.update(grads)
    assert_type(optim.clip_by_global_norm(grads, 1.0), Gradients)
    model.up.weight.assign(model.up.weight * 0.9)


def shapes_decide() -> None:
    a = sw.zeros((3, 5))
    assert_type(a.sum(), Tensor[[]])
    assert_type(a.sum(()), Tensor[[]])
    assert_type(a.sum((5,)), Tensor[[5]])
    assert_type(a.sum(axis=0), Tensor[[5]])
    assert_type(a.sum(axis=(0, 1)), Tensor[[]])
    assert_type(a.sum(axis=None), Tensor[[]])
    assert_type(a.sum(axis=-1, keepdims=True), Tensor[[3, 1]])
    assert_type(a.permute((5, 3)), Tensor[[5, 3]])
    assert_type(a.permute(axes=(1, 0)), Tensor[[5, 3]])
    s = sw.zeros((4, 4))
    assert_type(s.permute(axes=(1, 0)), Tensor[[4, 4]])


def parameters_are_tensors() -> None:
    w = model.up.weight
    assert_type(w.sum(), Tensor[[]])
    assert_type(w.sum((784,)), Tensor[[784]])
    assert_type(w.permute((784, 512)), Tensor[[784, 512]])
    assert_type(w.relu(), Tensor[[512, 784]])
    assert_type(w * 2.0, Tensor[[512, 784]])
    assert_type(w + w, Tensor[[512, 784]])
    assert_type(sw.zeros((512, 784)) - w, Tensor[[512, 784]])
    assert_type(sw.zeros((9, 784)) @ w.permute((784, 512)), Tensor[[9, 512]])
    assert_type(rows(w), Int[512])


def rows[B: IntVar](t: Tensor[[B, 784]]) -> Int[B]:
    return t.shape[0]


@sw.checked
def square[B: IntVar, T: IntVar, C: IntVar](x: Tensor[[B, T, C]], w: Tensor[[C, C]]) -> Tensor[[T]]:
    b, t, c = x.shape
    y = x.permute((b, c, t)).permute((t, b, c))
    assert_type(y, Tensor[[T, B, C]])
    assert_type(w.permute(axes=(1, 0)), Tensor[[C, C]])
    assert_type(x @ w, Tensor[[B, T, C]])
    return y.sum((t,))


# A decorator keeps generic sizes: each call has its own.
def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    return function


@compiled
def rows_summed[N: IntVar](x: Tensor[[N, 784]]) -> Tensor[[N]]:
    n, d = x.shape
    return x.sum((n,))


def decorated() -> None:
    assert_type(rows_summed(sw.zeros((7, 784))), Tensor[[7]])
    assert_type(rows_summed(sw.zeros((9, 784))), Tensor[[9]])
    assert_type(compiled(model)(sw.zeros((3, 784))), Tensor[[3, 10]])
    assert_type(compiled(model)(sw.zeros((2, 3, 784))), Tensor[[2, 3, 10]])


def any_leading_axes[Bs: IntTuple](x: Tensor[[*Bs, 784]]) -> Tensor[[*Bs, 10]]:
    return model(x)


def run() -> None:
    loader()
    gradients()
    shapes_decide()
    parameters_are_tensors()
    square(sw.zeros((4, 4, 4)), sw.zeros((4, 4)))
    decorated()
    assert_type(any_leading_axes(sw.zeros((2, 3, 784))), Tensor[[2, 3, 10]])
