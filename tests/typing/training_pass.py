"""Training: generic training functions, typed loaders that feed typed losses, optimisers, gradients, files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_type

import numpy as np

import shapewright as sw
from shapewright import Gradients, Int, IntTuple, IntVar, Parameter, Tensor, data, files, nn, optim


class Classifier[I: IntVar, C: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], classes: Int[C]) -> None:
        self.up = nn.Linear(inputs, 16)
        self.down = nn.Linear(16, classes)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, C]]:
        return self.down(self.up(x).relu())


# ---- one step, of any model and any batch size -------------------------------------------------------------------------
@sw.checked
def train_step[B: IntVar, I: IntVar, C: IntVar](
    model: Callable[[Tensor[[B, I]]], Tensor[[B, C]]],
    optimizer: optim.Optimizer,
    x: Tensor[[B, I]],
    y: Tensor[[B], sw.i64],
) -> Tensor[[]]:
    logits = model(x.trace())
    assert_type(logits, Tensor[[B, C]])
    loss = nn.cross_entropy(logits, y)
    optimizer.update(loss.backward())
    return loss


@sw.checked
def accuracy[B: IntVar, C: IntVar](logits: Tensor[[B, C]], labels: Tensor[[B], sw.i64]) -> Tensor[[]]:
    right = logits.argmax(axis=1) == labels
    assert_type(right, Tensor[[B], sw.bool])
    return right.to(sw.f32).mean()


@sw.checked
def regression_step[B: IntVar, D: IntVar, O: IntVar](
    model: Callable[[Tensor[[B, D]]], Tensor[[B, O]]], x: Tensor[[B, D]], target: Tensor[[B, O]]
) -> Gradients:
    return nn.mse(model(x.trace()), target).backward()


def fit[N: IntVar, I: IntVar, C: IntVar](
    model: Classifier[I, C], x: Tensor[[N, I]], y: Tensor[[N], sw.i64], epochs: int
) -> list[float]:
    adam = optim.Adam(model, lr=1e-2)
    losses: list[float] = []
    for _ in range(epochs):
        for batch, labels in data.Batches(x, y, size=8, shuffle=sw.Key(1)):
            assert_type(batch, Tensor[[8, I]])
            assert_type(labels, Tensor[[8], sw.i64])
            losses.append(train_step(model, adam, batch, labels).item())
    return losses


def steps() -> None:
    x = sw.randn((32, 12))
    y = sw.randint(0, 3, (32,))
    model = Classifier(12, 3)
    sgd = optim.SGD(model, lr=0.1, momentum=0.9, nesterov=True)
    assert_type(train_step(model, sgd, x, y), Tensor[[]])
    layer = nn.Linear(12, 3)
    assert_type(train_step(layer, optim.AdamW(layer), x, y), Tensor[[]])
    assert_type(accuracy(model(x), y), Tensor[[]])
    assert_type(fit(model, x, y, 2), list[float])
    grads = regression_step(nn.Linear(12, 4), x, sw.zeros((32, 4)))
    assert_type(grads, Gradients)


# ---- loaders feed losses -----------------------------------------------------------------------------------------------
def loaders() -> None:
    pixels = sw.zeros((20, 6, 6), dtype=sw.u8)
    labels = sw.randint(0, 10, (20,))
    weights = sw.ones((20,))
    model = Classifier(36, 10)
    batches = data.Batches(pixels, labels, size=5, shuffle=sw.Key(0))
    assert_type(batches, data.Batches[tuple[Tensor[[5, 6, 6], sw.u8], Tensor[[5], sw.i64]]])
    assert_type(iter(batches), Iterator[tuple[Tensor[[5, 6, 6], sw.u8], Tensor[[5], sw.i64]]])
    for x, y in batches:
        rows = x.to(sw.f32).reshape((5, 36)) / 255.0
        assert_type(rows, Tensor[[5, 36]])
        assert_type(nn.cross_entropy(model(rows.trace()), y), Tensor[[]])
    for x, y, w in data.Batches(pixels, labels, weights, size=4):
        losses = nn.cross_entropy(model(x.to(sw.f32).flatten(start_axis=1)), y, reduction="none")
        assert_type(losses, Tensor[[4]])
        assert_type((losses * w).mean(), Tensor[[]])
    for x in data.Batches(pixels, size=10):
        assert_type(x, Tensor[[10, 6, 6], sw.u8])
    for x, y in data.Batches(pixels, labels, size=8, short=True):
        assert_type(x, Tensor[[int, 6, 6], sw.u8])
        n = x.shape[0]
        assert_type(nn.cross_entropy(model(x.to(sw.f32).reshape((n, 36))), y), Tensor[[]])
    (train_x, train_y), (test_x, test_y) = data.split(pixels, labels, size=4, key=sw.Key(0))
    assert_type(train_x, Tensor[[16, 6, 6], sw.u8])
    assert_type(train_y, Tensor[[16], sw.i64])
    assert_type(test_x, Tensor[[4, 6, 6], sw.u8])
    assert_type(test_y, Tensor[[4], sw.i64])
    unknown = sw.from_numpy(np.zeros((7, 36), np.float32))
    assert_type(model(unknown.expect((7, 36))), Tensor[[7, 10]])


# ---- losses ------------------------------------------------------------------------------------------------------------
def losses() -> None:
    a = sw.rand((4, 5)).trace()
    b = sw.rand((4, 5))
    labels = sw.randint(0, 5, (4,))
    assert_type(nn.mse(a, b), Tensor[[]])
    assert_type(nn.mse(a, b, reduction="none"), Tensor[[4, 5]])
    assert_type(nn.mae(a, b), Tensor[[]])
    assert_type(nn.rmse(a, b), Tensor[[]])
    assert_type(nn.huber(a, b, delta=0.5), Tensor[[]])
    assert_type(nn.smooth_l1(a, b), Tensor[[]])
    assert_type(nn.cross_entropy(a, labels), Tensor[[]])
    assert_type(nn.cross_entropy(a, b.softmax()), Tensor[[]])
    assert_type(nn.cross_entropy(a, labels, label_smoothing=0.1), Tensor[[]])
    assert_type(nn.cross_entropy(a, labels, reduction="none"), Tensor[[4]])
    assert_type(nn.cross_entropy(sw.rand((2, 3, 7)), sw.randint(0, 7, (2, 3))), Tensor[[]])
    assert_type(nn.nll(a.log_softmax(), labels), Tensor[[]])
    assert_type(nn.binary_cross_entropy_with_logits(a, b), Tensor[[]])
    assert_type(nn.kl_div(a.log_softmax(), b.softmax(), reduction="batchmean"), Tensor[[]])
    assert_type(nn.mse(a.to(sw.f64), b.to(sw.f64)), Tensor[[], sw.f64])


# ---- optimisers and gradients ------------------------------------------------------------------------------------------
def optimisers() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2))
    layer = nn.Linear(6, 2)
    x, target = sw.rand((3, 6)), sw.rand((3, 2))
    for optimiser in (
        optim.SGD(layer, lr=0.1), optim.Adam(layer, 1e-3), optim.AdamW(layer, weight_decay=0.1), optim.RMSprop(layer),
        optim.SGD([{"params": [layer.weight], "lr": 0.1}, {"params": [layer.bias], "weight_decay": 0.0}]),
    ):
        grads = nn.mse(layer(x.trace()), target).backward()
        optimiser.update(grads)
        assert_type(optimiser.groups[0].lr, float)
    both = nn.mse(model(x.trace()), target).backward() + nn.mse(model(x.trace()), target).backward()
    assert_type(both * 0.5, Gradients)
    assert_type(optim.global_norm(both), Tensor[[]])
    optim.Adam(model).update(optim.clip_by_global_norm(both, 1.0))


def gradients() -> None:
    w = Parameter(sw.rand((3, 4)))
    x = sw.rand((2, 3)).trace()
    grads = (x @ w).sum().backward()
    assert_type(grads[w], Tensor[[3, 4]])
    assert_type(grads[x], Tensor[[2, 3]])
    double = Parameter(sw.ones((3,), dtype=sw.f64))
    assert_type((double.trace() * 2.0).sum().backward()[double], Tensor[[3], sw.f64])

    def energy[N: IntVar](v: Tensor[[N]]) -> Tensor[[]]:
        return (v * v).sum()

    assert_type(sw.grad(energy)(sw.ones((5,))), Tensor[[5]])
    assert_type(sw.value_and_grad(energy)(sw.ones((5,))), tuple[Tensor[[]], Tensor[[5]]])
    layer = nn.Linear(3, 2)

    def loss(model: nn.Linear[3, 2], v: Tensor[[2, 3]]) -> Tensor[[]]:
        return model(v.trace()).sum()

    value, of_model = sw.value_and_grad(loss)(layer, sw.ones((2, 3)))
    assert_type(value, Tensor[[]])
    assert_type(of_model[layer.weight], Tensor[[2, 3]])
    assert_type(sw.checkpoint(layer, sw.ones((4, 3)).trace()), Tensor[[4, 2]])


def saved() -> None:
    layer = nn.Linear(3, 2)
    with tempfile.TemporaryDirectory() as folder:
        files.save(layer, Path(folder) / "layer.npz")
        files.load(layer, Path(folder) / "layer.npz")
        assert_type(files.read(Path(folder) / "layer.npz")["weight"].to(sw.f32).expect((2, 3)), Tensor[[2, 3]])
    layer.load_state_dict(layer.state_dict())


def run() -> None:
    steps()
    loaders()
    losses()
    optimisers()
    gradients()
    saved()
