"""Programs: loops, choices, prints and reports keep the shapes of what goes in and out."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Int, IntVar, Tensor, nn


class Cell[I: IntVar, H: IntVar](nn.Module):
    """One step of a recurrent network."""

    def __init__(self, inputs: Int[I], hidden: Int[H]) -> None:
        self.input = nn.Linear(inputs, hidden)
        self.hidden = nn.Linear(hidden, hidden, bias=False)

    def __call__[B: IntVar](self, h: Tensor[[B, H]], x: Tensor[[B, I]]) -> Tensor[[B, H]]:
        return (self.input(x) + self.hidden(h)).tanh()


@sw.compile
def states[T: IntVar, B: IntVar, I: IntVar, H: IntVar](
    cell: Cell[I, H], h: Tensor[[B, H]], x: Tensor[[T, B, I]]
) -> Tensor[[T, B, H]]:
    def step(h: Tensor[[B, H]], row: Tensor[[B, I]]) -> tuple[Tensor[[B, H]], Tensor[[B, H]]]:
        h = cell(h, row)
        return h, h

    last, every = sw.scan(step, h, x)
    assert_type(last, Tensor[[B, H]])
    assert_type(every, Tensor[[T, B, H]])
    sw.debug_print("the last state is {}", last, sink=len)
    return every


cell = Cell(3, 5)
h, x = sw.zeros((2, 5)), sw.ones((7, 2, 3))
assert_type(states(cell, h, x), Tensor[[7, 2, 5]])
found = sw.report(states, cell, h, x, timed=False)
assert_type(found, sw.Report)
assert_type(found.memory.peak, int)
assert_type(found.seconds, float | None)


def total(carry: tuple[Tensor[[3]], Tensor[[]]], row: Tensor[[3]]) -> tuple[tuple[Tensor[[3]], Tensor[[]]], None]:
    sums, count = carry
    return (sums + row, count + 1.0), None


(sums, count), nothing = sw.scan(total, (sw.zeros((3,)), sw.tensor(0.0)), sw.ones((4, 3)))
assert_type(sums, Tensor[[3]])
assert_type(count, Tensor[[]])
assert_type(nothing, None)


def counted(carry: Tensor[[]], row: Tensor[[3], sw.i64]) -> tuple[Tensor[[]], Tensor[[], sw.i64]]:
    return carry * 0.5, row.sum()


assert_type(sw.scan(counted, sw.tensor(1.0), sw.zeros((4, 3), dtype=sw.i64), reverse=True)[1], Tensor[[4], sw.i64])


def paired(carry: Tensor[[]], rows: tuple[Tensor[[3]], Tensor[[], sw.i64]]) -> tuple[Tensor[[]], Tensor[[2]]]:
    x, y = rows
    return carry + x.sum(), sw.ones((2,)) * y.item()


assert_type(sw.scan(paired, sw.tensor(1.0), (sw.ones((4, 3)), sw.arange(4)))[1], Tensor[[4, 2]])


def drawn(carry: Tensor[[]], nothing: None) -> tuple[Tensor[[]], Tensor[[2]]]:
    return carry, sw.rand((2,), key=sw.Key(0))


assert_type(sw.scan(drawn, sw.tensor(1.0), length=6)[1], Tensor[[6, 2]])


def doubled(carry: Tensor[[2]], nothing: None) -> tuple[Tensor[[2]], None]:
    return carry * 2.0, None


assert_type(sw.scan(doubled, sw.ones((2,)), length=3)[0], Tensor[[2]])


def clipped[N: IntVar](v: Tensor[[N]]) -> Tensor[[N]]:
    norm = (v * v).sum().sqrt()

    def smaller(v: Tensor[[N]]) -> Tensor[[N]]:
        return v / norm.broadcast_like(v)

    def same(v: Tensor[[N]]) -> Tensor[[N]]:
        return v

    result = sw.cond(norm > 1.0, smaller, same, v)
    assert_type(result, Tensor[[N]])
    return result


def swapped(v: Tensor[[2]], u: Tensor[[3]]) -> tuple[Tensor[[3]], Tensor[[2]]]:
    return u, v


assert_type(sw.cond(sw.tensor(True), swapped, swapped, sw.ones((2,)), sw.ones((3,)))[0], Tensor[[3]])
assert_type(clipped(sw.ones((3,))), Tensor[[3]])


@sw.compile(precision="bf16")
def squared[B: IntVar](x: Tensor[[B, B]]) -> Tensor[[B, B]]:
    return x @ x


assert_type(squared(sw.ones((3, 3))), Tensor[[3, 3]])
assert_type(sw.compile(swapped, precision="bf16")(sw.ones((2,)), sw.ones((3,)))[0], Tensor[[3]])
