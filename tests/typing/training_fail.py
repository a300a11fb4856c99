"""Training with one bug a line: where data meet the model, where labels meet the loss, gradients and optimisers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import shapewright as sw
from shapewright import Gradients, Int, IntTuple, IntVar, Parameter, Tensor, data, files, nn, optim


class Classifier[I: IntVar, C: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], classes: Int[C]) -> None:
        self.up = nn.Linear(inputs, 16)
        self.down = nn.Linear(16, classes)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, C]]:
        return self.down(self.up(x).relu())


@sw.checked
def train_step[B: IntVar, I: IntVar, C: IntVar](
    model: Callable[[Tensor[[B, I]]], Tensor[[B, C]]],
    optimizer: optim.Optimizer,
    x: Tensor[[B, I]],
    y: Tensor[[B], sw.i64],
) -> Tensor[[]]:
    loss = nn.cross_entropy(model(x.trace()), y)
    optimizer.update(loss.backward())
    return loss


x = sw.zeros((32, 12))
y = sw.zeros((32,), dtype=sw.i64)
model = Classifier(12, 3)
adam = optim.Adam(model)
pixels = sw.zeros((20, 6, 6), dtype=sw.u8)
labels = sw.zeros((20,), dtype=sw.i64)
batches = data.Batches(pixels, labels, size=5)
a = sw.zeros((4, 5))
b = sw.zeros((4, 5))
classes = sw.zeros((4,), dtype=sw.i64)


def steps() -> None:
    train_step(model, adam, sw.zeros((32, 11)), y)  # BUG: other inputs than the model's
    train_step(model, adam, x, sw.zeros((31,), dtype=sw.i64))  # BUG: one label too few
    train_step(model, adam, x, sw.zeros((32,)))  # BUG: labels are integers
    train_step(model, adam, x, sw.zeros((32, 3), dtype=sw.i64))  # BUG: one hot labels of integers
    train_step(model, adam, x.to(sw.f64), y)  # BUG: f64 to a model of f32
    train_step(nn.Linear(11, 3), adam, x, y)  # BUG
    train_step(nn.Conv2d(12, 3, 1), adam, x, y)  # BUG: rows to a convolution
    train_step(model, model, x, y)  # BUG: no optimiser
    train_step(model, adam, y, x)  # BUG: swapped
    train_step(model, adam, x)  # BUG: no labels


def loaders() -> None:
    data.Batches(pixels, labels[0:19], size=5)  # BUG
    data.Batches(pixels, sw.zeros((21,), dtype=sw.i64), size=5)  # BUG
    data.Batches(pixels, labels, sw.zeros((19, 3)), size=5)  # BUG: the third has one fewer
    data.Batches(pixels, labels, size=5.0)  # BUG
    data.Batches(pixels, labels)  # BUG: no size
    data.Batches(pixels, labels, size=5, shuffle=0)  # BUG: a Key shuffles
    data.Batches(sw.zeros(()), size=1)  # BUG: a scalar has no examples
    for images, targets in batches:
        model(images)  # BUG: u8 images to a model of f32 rows
        model(images.to(sw.f32))  # BUG: images to a model of rows
        model(images.to(sw.f32).reshape((5, 36)))  # BUG: other inputs than the model's
        images.to(sw.f32).reshape((5, 35))  # BUG
        images.reshape((6, 36))  # BUG: another batch size
        nn.cross_entropy(nn.Linear(36, 10)(images.to(sw.f32).flatten(start_axis=1)), images)  # BUG: images as labels
        nn.cross_entropy(sw.zeros((4, 10)), targets)  # BUG: another batch size
        nn.cross_entropy(sw.zeros((5, 10)), targets.to(sw.i32))  # BUG: labels are i64
        images + targets  # BUG
        break
    for images in data.Batches(pixels, size=5):
        images.expect((5, 6, 6)) + sw.zeros((5, 6, 7), dtype=sw.u8)  # BUG
        break
    for one, two, three in data.Batches(pixels, labels, size=5):  # BUG: pairs, not triples
        pass
    for images, targets in data.Batches(pixels, labels, size=6, short=True):
        nn.Linear(37, 10)(images.to(sw.f32).flatten(start_axis=1))  # BUG
        break


def splits() -> None:
    data.split(pixels, labels[0:19], size=4)  # BUG
    data.split(pixels, labels, size=21)  # BUG: more than there are
    data.split(pixels, labels, fraction=0.1, size=4)  # BUG: both
    data.split(pixels, labels, size="4")  # BUG
    (train_x, train_y), (test_x, test_y) = data.split(pixels, labels, size=4)
    data.Batches(train_x, test_y, size=2)  # BUG: images of one part, labels of the other
    nn.cross_entropy(sw.zeros((16, 3)), test_y)  # BUG


def losses() -> None:
    nn.mse(a, sw.zeros((4,)))  # BUG
    nn.mse(a, sw.zeros((4, 1)))  # BUG: nothing is broadcast
    nn.mse(a.to(sw.f64), b)  # BUG
    nn.mse(a, b, reduction="average")  # BUG
    nn.mse(a)  # BUG
    nn.mae(a, sw.zeros((5, 4)))  # BUG
    nn.mae(a, classes)  # BUG
    nn.mae(a, 0.0)  # BUG: a target is a tensor
    nn.mae(a, b).backward().item()  # BUG: gradients are no number
    nn.rmse(a, sw.zeros((4, 6)))  # BUG
    nn.rmse(a, b.to(sw.f16))  # BUG
    nn.rmse(a, sw.zeros((4, 5), dtype=sw.i64))  # BUG
    nn.rmse(a, b, "none")  # BUG
    nn.huber(a, sw.zeros((3, 5)))  # BUG
    nn.huber(a, b.sum((4,)))  # BUG
    nn.huber(a, b, delta="1")  # BUG
    nn.huber(a, b.to(sw.f64))  # BUG
    nn.smooth_l1(a, sw.zeros((4, 5, 1)))  # BUG
    nn.smooth_l1(a, b.permute((5, 4)))  # BUG
    nn.smooth_l1(a, sw.zeros((), dtype=sw.f32))  # BUG
    nn.smooth_l1(a, b.to(sw.i64))  # BUG
    nn.cross_entropy(a, sw.zeros((5,), dtype=sw.i64))  # BUG: as many labels as classes
    nn.cross_entropy(a, sw.zeros((4,)))  # BUG: labels are integers
    nn.cross_entropy(a, sw.zeros((4, 1), dtype=sw.i64))  # BUG: labels with an axis too many
    nn.cross_entropy(a, sw.zeros((4, 6)))  # BUG: probabilities of other classes
    nn.cross_entropy(sw.zeros((4, 6, 9)), sw.zeros((4, 5), dtype=sw.i64))  # BUG
    nn.cross_entropy(classes, a)  # BUG: swapped
    nn.cross_entropy(a, classes, sw.zeros((4,)))  # BUG: one weight a class
    nn.nll(a, sw.zeros((5,), dtype=sw.i64))  # BUG
    nn.nll(a, a)  # BUG
    nn.nll(a, classes.to(sw.i32))  # BUG
    nn.nll(a.log_softmax(axis=2), classes)  # BUG
    nn.binary_cross_entropy_with_logits(a, classes)  # BUG
    nn.binary_cross_entropy_with_logits(a, sw.zeros((4,)))  # BUG
    nn.binary_cross_entropy_with_logits(a, b > 0.0)  # BUG: targets are numbers
    nn.binary_cross_entropy_with_logits(a, b, pos_weight=sw.zeros((4,)))  # BUG: one weight a class
    nn.kl_div(a, sw.zeros((4, 4)))  # BUG
    nn.kl_div(a, classes)  # BUG
    nn.kl_div(a.to(sw.f64), b)  # BUG
    nn.kl_div(a, b, reduction="sums")  # BUG
    nn.mse(a, b, reduction="none").backward()  # BUG: no scalar
    nn.cross_entropy(a, classes) + sw.zeros((4,))  # BUG


def optimisers() -> None:
    layer = nn.Linear(12, 3)
    loss = nn.mse(layer(x.trace()), sw.zeros((32, 3)))
    grads = nn.mse(layer(x.trace()), sw.zeros((32, 3))).backward()
    optim.SGD(layer, lr=0.1).update(loss)  # BUG: gradients, not the loss
    optim.SGD(layer, lr="0.1")  # BUG
    optim.SGD(x, lr=0.1)  # BUG: a tensor is no parameter
    optim.SGD(layer, learning_rate=0.1)  # BUG
    optim.SGD(layer, momentum=None)  # BUG
    optim.SGD([{"lr": 0.1}])  # BUG: a group without parameters
    optim.Adam(layer).update(layer)  # BUG
    optim.Adam(layer, betas=0.9)  # BUG
    optim.Adam(layer, lr=sw.zeros((2,)))  # BUG
    optim.Adam()  # BUG
    optim.Adam(layer).update(grads[layer.weight])  # BUG: one gradient is not all
    optim.AdamW(layer, weight_decay="0.1")  # BUG
    optim.AdamW(layer).update()  # BUG
    optim.AdamW(layer, 1e-3, (0.9, 0.99, 0.999))  # BUG
    optim.AdamW(layer, amsgrads=True)  # BUG
    optim.RMSprop(layer, alpha="0.9")  # BUG
    optim.RMSprop(layer).update(loss)  # BUG
    optim.RMSprop(12)  # BUG
    optim.RMSprop(layer, eps=None)  # BUG
    optim.clip_by_global_norm(loss, 1.0)  # BUG
    optim.clip_by_global_norm(grads, "1")  # BUG
    optim.global_norm(layer)  # BUG


def gradients() -> None:
    w = Parameter(sw.zeros((3, 4)))
    v = sw.zeros((2, 3)).trace()
    grads = (v @ w).sum().backward(keep=True)
    (v @ w).backward()  # BUG: no scalar
    grads[w] + grads[v]  # BUG
    grads[w] @ w  # BUG
    grads[w] = grads[v]  # BUG
    grads[w] = sw.zeros((3, 4), dtype=sw.f64)  # BUG
    grads["w"]  # BUG: by the parameter, not by its name
    grads + 1.0  # BUG
    w.assign(grads[v])  # BUG
    w.assign(0.0)  # BUG
    w.assign(w.permute((4, 3)))  # BUG
    Parameter(sw.zeros((3,), dtype=sw.i64)).assign(sw.zeros((3,)))  # BUG
    Parameter(3.0)  # BUG
    sw.grad(energy)(sw.zeros((5, 2)))  # BUG: a matrix for a vector
    sw.grad(energy)(sw.zeros((5,)), 1)  # BUG
    sw.grad(energy)(sw.zeros((5,))) + sw.zeros((4,))  # BUG
    sw.value_and_grad(row_sums)(sw.zeros((5, 2)))  # BUG: no scalar
    sw.checkpoint(nn.Linear(3, 2), sw.zeros((4, 5)))  # BUG
    (v @ w).sum().item() @ w  # BUG: a number is no tensor
    (v @ w).item()  # BUG


@sw.checked
def energy[N: IntVar](v: Tensor[[N]]) -> Tensor[[]]:
    return (v * v).sum()


def row_sums[N: IntVar, M: IntVar](v: Tensor[[N, M]]) -> Tensor[[N]]:
    return v.sum(axis=1)


# ---- inside generic functions ------------------------------------------------------------------------------------------
def wrong_loss[B: IntVar, I: IntVar, C: IntVar](net: Callable[[Tensor[[B, I]]], Tensor[[B, C]]], v: Tensor[[B, I]], t: Tensor[[I], sw.i64]) -> None:
    nn.cross_entropy(net(v), t)  # BUG: as many labels as inputs


def wrong_target[B: IntVar, I: IntVar, C: IntVar](net: Callable[[Tensor[[B, I]]], Tensor[[B, C]]], v: Tensor[[B, I]]) -> None:
    nn.mse(net(v), v)  # BUG: reconstruction by a net that does not give back its input


def wrong_accuracy[B: IntVar, C: IntVar](logits: Tensor[[B, C]], targets: Tensor[[B], sw.i64]) -> None:
    logits.argmax(axis=0) == targets  # BUG: the best example of each class, not the best class of each example


def wrong_dtype[B: IntVar, C: IntVar](logits: Tensor[[B, C]], targets: Tensor[[B], sw.i64]) -> None:
    logits.argmax(axis=1).to(sw.f32) - targets  # BUG


def wrong_mean[B: IntVar, C: IntVar](logits: Tensor[[B, C]]) -> None:
    logits - logits.mean(axis=1)  # BUG: nothing is broadcast silently


def wrong_result[B: IntVar, C: IntVar](logits: Tensor[[B, C]], targets: Tensor[[B], sw.i64]) -> Tensor[[]]:
    return nn.cross_entropy(logits, targets, reduction="none")  # BUG: one loss an example


def wrong_batches[N: IntVar, I: IntVar](v: Tensor[[N, I]], t: Tensor[[I], sw.i64]) -> None:
    data.Batches(v, t, size=1)  # BUG


def wrong_step[I: IntVar, C: IntVar](net: Classifier[I, C], v: Tensor[[4, C]], t: Tensor[[4], sw.i64]) -> None:
    nn.cross_entropy(net(v), t)  # BUG: what comes out of the net is given to it
