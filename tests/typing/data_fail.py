"""Data sets, batches and splits with one bug a line."""

from __future__ import annotations

import shapewright as sw
from shapewright import Int, IntVar, Tensor, data, nn

images = sw.zeros((20, 6, 6), dtype=sw.u8)
labels = sw.zeros((20,), dtype=sw.i64)
train = data.Images(images, labels)
test = data.Images(sw.zeros((10, 6, 6), dtype=sw.u8), sw.zeros((10,), dtype=sw.i64))
model = nn.Linear(36, 10)


def sets() -> None:
    data.mnist()  # BUG: no folder
    data.mnist(7)  # BUG: a number is no folder
    data.mnist("examples/data/mnist", train=True)  # BUG: both parts are given
    data.fashion_mnist(None)  # BUG
    data.Images(images, sw.zeros((19,), dtype=sw.i64)) + 1  # BUG: one label too few
    data.Images(images) + 1  # BUG: no labels
    train.images = images  # BUG: a data set does not change
    train.label  # BUG
    train[0]  # BUG: batches go through it
    len(train) @ labels  # BUG


def batches() -> None:
    data.Batches(train.images, test.labels, size=4)  # BUG: images of one part, labels of the other
    data.Batches(test.images, train.labels, size=4, short=True)  # BUG
    data.Batches(train, size=4)  # BUG: a data set is two arrays
    data.Batches(train.images, train.labels, batch_size=4)  # BUG
    data.Batches(train.images, train.labels, 4)  # BUG: the size has a name
    data.Batches([1, 2, 3], size=1)  # BUG: lists are no tensors
    data.Batches(train.images, train.labels, size=4, shuffle=True)  # BUG: a Key shuffles
    data.Batches(images, labels, images, labels, images, size=4)  # BUG: five arrays
    for x, y in data.Batches(train.images, train.labels, size=4):
        model(x.flatten(start_axis=1))  # BUG: u8 to a model of f32
        model(x.to(sw.f32))  # BUG: images to a model of rows
        x.reshape((5, 36))  # BUG: another batch size
        nn.cross_entropy(model(sw.zeros((5, 36))), y)  # BUG: another batch size
        nn.mse(model(sw.zeros((4, 36))), y.one_hot(classes=9))  # BUG: other classes
        nn.mse(model(sw.zeros((4, 36))), y)  # BUG: labels as numbers
        y + labels  # BUG: a batch and the whole
        break
    for x in data.Batches(images, labels, size=4):
        x.to(sw.f32)  # BUG: pairs
        break
    for x in data.Batches(images, size=7, short=True):
        x.to(sw.f32) + sw.zeros((7, 6, 5))  # BUG
        break


def splits() -> None:
    data.split(train)  # BUG: no size
    data.split(train, size=0.5)  # BUG: a size is a number of examples
    data.split(train, fraction="half")  # BUG
    data.split(train, test, size=4)  # BUG: one data set
    data.split(train.images, test.labels, size=4)  # BUG
    data.split(train.images, train.labels, fraction=0.5, size=4)  # BUG: both
    rest, held = data.split(train, size=4)
    data.Batches(rest.images, held.labels, size=2)  # BUG
    held.images.to(sw.f32).expect((5, 6, 6)) + sw.zeros((4, 6, 6))  # BUG
    held.images + rest.images  # BUG
    (x, y), (a, b) = data.split(images, labels, size=5)
    nn.cross_entropy(model(x.to(sw.f32).flatten(start_axis=1)), b)  # BUG: labels of the held-out part
    a + images  # BUG


# ---- inside generic functions ------------------------------------------------------------------------------------------
def other_lengths[N: IntVar, M: IntVar, D: IntVar](x: Tensor[[N, D]], y: Tensor[[M], sw.i64]) -> None:
    data.Batches(x, y, size=1)  # BUG


def other_examples[N: IntVar, D: IntVar](x: Tensor[[N, D]], y: Tensor[[D], sw.i64]) -> None:
    data.split(x, y, size=1)  # BUG


def whole_for_batch[B: IntVar, N: IntVar, D: IntVar](x: Tensor[[N, D]], y: Tensor[[N], sw.i64], size: Int[B]) -> None:
    for rows, _ in data.Batches(x, y, size=size):
        nn.cross_entropy(rows, y)  # BUG: the labels of all
        break
