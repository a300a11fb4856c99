"""Data sets, batches and splits on their way to a model: sizes known to the editor from the file to the loss."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import shapewright as sw
from shapewright import Int, IntVar, Tensor, data, nn

MNIST = "examples/data/mnist"


def sets() -> None:
    train, test = data.mnist(MNIST)
    assert_type(train, data.Images[60000, 28, 28])
    assert_type(test.images, Tensor[[10000, 28, 28], sw.u8])
    assert_type(train.labels, Tensor[[60000], sw.i64])
    assert_type(len(train), int)
    rest, held = data.split(train, size=10000, key=sw.Key(0))
    assert_type(rest.images, Tensor[[50000, 28, 28], sw.u8])
    assert_type(held.labels, Tensor[[10000], sw.i64])
    some, others = data.split(test, fraction=0.25)
    assert_type(some.images, Tensor[[int, 28, 28], sw.u8])
    assert_type(others.labels, Tensor[[int], sw.i64])
    batches = data.Batches(held.images, held.labels, size=100, shuffle=sw.Key(0))
    assert_type(len(batches), int)
    for x, y in batches:
        assert_type(x, Tensor[[100, 28, 28], sw.u8])
        assert_type(y, Tensor[[100], sw.i64])
        hot = y.one_hot(classes=10)
        assert_type(x.to(sw.f32).flatten(start_axis=1), Tensor[[100, 784]])
        assert_type(hot, Tensor[[100, 10]])
        break
    own = data.Images(sw.zeros((6, 4, 5), dtype=sw.u8), sw.zeros((6,), dtype=sw.i64))
    assert_type(own, data.Images[6, 4, 5])


def arrays_of_numpy() -> None:
    pixels = sw.from_numpy(np.zeros((5, 4), np.uint8)).expect((5, 4))
    assert_type(pixels, Tensor[[5, 4], sw.u8])
    assert_type(sw.from_numpy(np.zeros((5, 4), np.float32)).expect((5, 4)), Tensor[[5, 4]])
    assert_type(sw.from_numpy(np.zeros(5)).expect((5,)), Tensor[[5], sw.f64])
    unknown: np.ndarray = np.zeros(5, np.int64)
    labels: Tensor[[5], sw.i64] = sw.from_numpy(unknown).expect((5,))
    assert labels.shape == (5,)
    assert_type(labels[0].item(), int)
    assert_type((labels == 0).all().item(), bool)
    assert_type(pixels.to(sw.f32).mean().item(), float)


def four_arrays() -> None:
    x, y = sw.zeros((12, 3)), sw.zeros((12,), dtype=sw.i64)
    w, m = sw.zeros((12,)), sw.zeros((12, 3, 3), dtype=sw.bool)
    for a, b, c, d in data.Batches(x, y, w, m, size=4):
        assert_type(a, Tensor[[4, 3]])
        assert_type(b, Tensor[[4], sw.i64])
        assert_type(c, Tensor[[4]])
        assert_type(d, Tensor[[4, 3, 3], sw.bool])
    for a, b, c in data.Batches(x, y, m, size=5, short=True):
        assert_type(a, Tensor[[int, 3]])
        assert_type(c, Tensor[[int, 3, 3], sw.bool])
    for a in data.Batches(w, size=5, short=True):
        assert_type(a, Tensor[[int]])
    rest, held = data.split(m, size=2)
    assert_type(rest, Tensor[[10, 3, 3], sw.bool])
    assert_type(held, Tensor[[2, 3, 3], sw.bool])
    rest, held = data.split(x, fraction=0.5)
    assert_type(rest, Tensor[[int, 3]])


# ---- of any size -------------------------------------------------------------------------------------------------------
def mean_loss[N: IntVar, D: IntVar, C: IntVar, B: IntVar](
    model: nn.Linear[D, C], x: Tensor[[N, D]], y: Tensor[[N], sw.i64], size: Int[B]
) -> Tensor[[]]:
    total = sw.zeros(())
    batches = data.Batches(x, y, size=size)
    for rows, labels in batches:
        assert_type(rows, Tensor[[B, D]])
        assert_type(labels, Tensor[[B], sw.i64])
        total = total + nn.cross_entropy(model(rows), labels)
    return total / float(len(batches))


def cross_validation[N: IntVar, D: IntVar, K: IntVar](
    x: Tensor[[N, D]], y: Tensor[[N], sw.i64], held: Int[K]
) -> tuple[Tensor[[K, D]], Tensor[[K], sw.i64]]:
    (train_x, train_y), (test_x, test_y) = data.split(x, y, size=held, key=sw.Key(0))
    assert_type(train_x, Tensor["[N - K, D]"])
    assert_type(train_y, Tensor["[N - K]", sw.i64])
    return test_x, test_y


def run() -> None:
    sets()
    arrays_of_numpy()
    four_arrays()
    x, y = sw.rand((12, 3)), sw.randint(0, 2, (12,))
    assert_type(mean_loss(nn.Linear(3, 2), x, y, 5), Tensor[[]])
    assert_type(cross_validation(x, y, 4), tuple[Tensor[[4, 3]], Tensor[[4], sw.i64]])
