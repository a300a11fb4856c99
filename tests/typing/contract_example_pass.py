"""The program of the design's first section, without `compile`: what everything else is measured by."""

from __future__ import annotations

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, data, nn, optim


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:  # any leading axes
        return self.down(self.up(x).relu())


train, test = data.mnist("examples/data/mnist")
model = Mlp(784, 512, 10)
adam = optim.Adam(model, lr=1e-3)


@sw.checked
def step(x: Tensor[[64, 784]], y: Tensor[[64], sw.i64]) -> Tensor[[]]:
    loss = nn.cross_entropy(model(x.trace()), y)
    adam.update(loss.backward())
    return loss


def run() -> None:
    losses = []
    for x, y in data.Batches(train.images, train.labels, size=64, shuffle=sw.Key(0)):
        losses.append(step(x.to(sw.f32).reshape((64, 784)) / 255.0, y).item())
        if len(losses) == 3:
            break
    assert losses[0] > 0.0
