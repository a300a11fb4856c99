"""Loops and choices inside a compiled step: a recurrent network over time, as one program with one loop in it."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Int, IntVar, Tensor, nn, optim


class Cell[I: IntVar, H: IntVar](nn.Module):
    """One step of a recurrent network."""

    def __init__(self, inputs: Int[I], hidden: Int[H]) -> None:
        self.input = nn.Linear(inputs, hidden)
        self.hidden = nn.Linear(hidden, hidden, bias=False)

    def __call__[B: IntVar](self, h: Tensor[[B, H]], x: Tensor[[B, I]]) -> Tensor[[B, H]]:
        return (self.input(x) + self.hidden(h)).tanh()


class Summing[H: IntVar](nn.Module):
    """Reads a sequence of numbers, and says their sum."""

    def __init__(self, hidden: Int[H]) -> None:
        self.cell = Cell(1, hidden)
        self.head = nn.Linear(hidden, 1)

    def __call__[T: IntVar, B: IntVar](self, x: Tensor[[T, B, 1]], start: Tensor[[B, H]]) -> Tensor[[B, 1]]:
        def round_(h: Tensor[[B, H]], row: Tensor[[B, 1]]) -> tuple[Tensor[[B, H]], None]:
            return self.cell(h, row), None

        # One loop of the program, whatever T is. Gradients flow through the carry and to the parameters inside.
        h, _ = sw.scan(round_, start, x)
        assert_type(h, Tensor[[B, H]])
        return self.head(h)


model = Summing(16)
adam = optim.Adam(model, lr=5e-3)
start = sw.zeros((32, 16))


@sw.compile
def step[T: IntVar](x: Tensor[[T, 32, 1]]) -> Tensor[[]]:
    loss = nn.mse(model(x.trace(), start), x.sum(axis=0))
    adam.update(loss.backward())

    # Values come out when the step has ended; only the branch that is taken shows any.
    def alarm(loss: Tensor[[]]) -> Tensor[[]]:
        sw.debug_print("  still far off: {:.2f}", loss)
        return loss

    return sw.cond(loss > 1.0, alarm, lambda loss: loss, loss.stop_gradient())


loss = sw.tensor(0.0)
for count in range(300):
    loss = step(sw.rand((8, 32, 1), key=sw.Key(count)) - 0.5)
    if count % 100 == 0:
        print(f"step {count}: loss {loss.item():.3f}")
print(f"after 300 steps: loss {loss.item():.4f}")
assert loss.item() < 0.05

found = sw.report(step, timed=False)
print(found)
assert any(kernel.name.startswith("scan") for kernel in found.kernels)
