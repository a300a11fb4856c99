"""The contract of the surface, broken once a line."""

from __future__ import annotations

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Parameter, Tensor, data, nn, optim
from tests.typing.contract_example_pass import Mlp, adam, model, step, test, train

h = sw.zeros((3, 5))
s = sw.zeros((4, 4))
x = sw.zeros((64, 784))
not_labels = sw.zeros((64,))
labels = sw.zeros((64,), dtype=sw.i64)
images = train.images[0:64]


def surface() -> None:
    nn.Linear(512, 10)(nn.Linear(784, 256)(x))  # BUG: a chain that does not fit
    nn.cross_entropy(model(x), test.labels)  # BUG: other labels
    nn.cross_entropy(model(x), not_labels)  # BUG: labels are integers
    x.reshape((64, 783))  # BUG
    h.sum((7,))  # BUG
    h.sum(0)  # BUG: a number as the shape to end with
    h.permute(0)  # BUG
    h.permute((1, 0))  # BUG: axis numbers as the shape to end with
    h.permute(axes=(0, 0))  # BUG
    h.sum(axis=2)  # BUG
    s.sum((4,))  # BUG: ambiguous
    s.permute((4, 4))  # BUG: ambiguous
    h + h.sum((5,))  # BUG: nothing is broadcast silently
    h.expect((3, 5)) + sw.zeros((5, 3))  # BUG
    any_leading_axes(sw.zeros((3, 783)))  # BUG


def steps() -> None:
    step(images.reshape((64, 784)), labels)  # BUG: pixels of u8
    step(images.to(sw.f32), labels)  # BUG: images are no rows
    step(images.to(sw.f32).reshape((64, 784)), labels.to(sw.f32))  # BUG: labels are integers
    step(x, train.labels[0:63])  # BUG: one label too few
    step(x[0:63], labels[0:63])  # BUG: another batch size
    model(images.reshape((64, 784)))  # BUG: pixels of u8
    data.Batches(train.images, test.labels, size=64)  # BUG: images of one set, labels of the other
    train.images + test.images  # BUG
    train.images[60000]  # BUG: the last one is 59999
    for batch, _ in data.Batches(train.images, train.labels, size=32):
        step(batch.to(sw.f32).reshape((32, 784)), labels)  # BUG: the loader's size is not the step's
        break


def gradients() -> None:
    grads = nn.cross_entropy(model(x.trace()), labels).backward()
    model(x.trace()).backward()  # BUG: no scalar
    grads[model.up.weight] = sw.zeros((784, 512))  # BUG: the gradient of another tensor
    grads[model.up.weight] = grads[model.down.weight]  # BUG
    grads[model.up.weight] + grads[model.up.bias]  # BUG
    model.up.weight.assign(sw.zeros((784, 512)))  # BUG
    model.up.weight.assign(sw.zeros((512, 784), dtype=sw.f64))  # BUG
    adam.update(grads[model.up.weight])  # BUG: one gradient is not all
    z: Tensor[[10, 784]] = grads[model.up.weight]  # BUG annotation


def any_leading_axes[Bs: IntTuple](x: Tensor[[*Bs, 784]]) -> Tensor[[*Bs, 10]]:
    return model(x)


class Block[D: IntVar](nn.Module):
    def __init__(self, d: Int[D]) -> None:
        self.up = nn.Linear(d, 4 * d)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, D]]:
        return x + self.up(x)  # BUG: a residual branch that changes the size


class Swapped[I: IntVar, H: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H]) -> None:
        self.up = nn.Linear(hidden, inputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, H]]:
        return self.up(x)  # BUG: the sizes are swapped in __init__


class Wrong[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.up(x).relu()  # BUG: what is returned is not what is promised
