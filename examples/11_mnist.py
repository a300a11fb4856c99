"""MNIST in a screenful: a typed data set feeding a typed model feeding a typed loss. `make demo` is the whole of it."""

from __future__ import annotations

from itertools import islice
from typing import assert_type

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, data, nn, optim


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    """784 pixels, one hidden layer, 10 digits."""

    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.down(self.up(x).relu())


train, test = data.mnist("examples/data/mnist")
assert_type(train.images, Tensor[[60000, 28, 28], sw.u8])
assert_type(test.labels, Tensor[[10000], sw.i64])

model = Mlp(784, 128, 10)
adam = optim.Adam(model, lr=2e-3)


@sw.compile
def step(x: Tensor[[64, 784]], y: Tensor[[64], sw.i64]) -> Tensor[[]]:
    loss = nn.cross_entropy(model(x.trace()), y)
    adam.update(loss.backward())
    return loss


batches = data.Batches(train.images, train.labels, size=64, shuffle=sw.Key(0))
for count, (images, labels) in enumerate(islice(batches, 200)):
    loss = step(images.to(sw.f32).reshape((64, 784)) / 255.0, labels)
    if count % 50 == 0:
        print(f"batch {count:3}: loss {loss.item():.3f}")

# What the compiled step consists of, and where its time goes.
print(sw.report(step))

# No tape, so this is inference. There is nothing to switch off.
answers = model(test.images.to(sw.f32).reshape((10000, 784)) / 255.0).argmax(axis=-1)
accuracy = (answers == test.labels).to(sw.f32).mean()
print(f"accuracy after 200 batches: {accuracy.item():.1%}")
assert accuracy.item() > 0.85

# Two thirds of the shape bugs that people ask about sit where data meets model, or labels meet loss. Here: the images
# without their labels' batch.
try:
    nn.cross_entropy(model(sw.rand((64, 784))), test.labels[0:32])  # pyrefly: ignore[no-matching-overload]
except sw.ShapeError as error:
    print(error)
