"""Programs with one bug a line: carries that change, rows of another shape, branches that differ."""

from __future__ import annotations

import shapewright as sw
from shapewright import Tensor

x = sw.ones((7, 2, 3))
h = sw.zeros((2, 3))


def step(h: Tensor[[2, 3]], row: Tensor[[2, 3]]) -> tuple[Tensor[[2, 3]], Tensor[[2]]]:
    h = h + row
    return h, h.sum(axis=1)


def column(h: Tensor[[2, 3]], row: Tensor[[7, 3]]) -> tuple[Tensor[[2, 3]], None]:
    return h + row[:2], None


def growing(h: Tensor[[2, 3]], row: Tensor[[2, 3]]) -> tuple[Tensor[[2]], None]:
    return h.sum(axis=1), None


def yes(v: Tensor[[2, 3]]) -> Tensor[[2]]:
    return v.sum(axis=1)


def no(v: Tensor[[2, 3]]) -> Tensor[[3]]:
    return v.sum(axis=0)


last, sums = sw.scan(sw.checked(step), h, x)
sw.scan(sw.checked(column), h, x)  # BUG: the first axis of x is time
sw.scan(growing, h, x)  # BUG: the carry changes its shape
sw.scan(sw.checked(step), sums, x)  # BUG: another carry
sw.scan(sw.checked(step), h, x.sum(axis=2))  # BUG: rows of one axis less
sw.scan(sw.checked(step), h, x.to(sw.f64))  # BUG: rows of another element type
last + sw.scan(step, h, x)[1]  # BUG: what is put together has one axis more
sw.scan(step)  # BUG: no carry
sw.cond(h.sum() > 0.0, yes, no, h)  # BUG: the branches give different shapes
sw.cond(h > 0.0, yes, yes, h)  # BUG: one bool is needed
sw.cond(h.sum(), yes, yes, h)  # BUG: a number is no condition
sw.cond(h.sum() > 0.0, sw.checked(yes), sw.checked(yes), sums)  # BUG: branches of another operand
h + sw.cond(h.sum() > 0.0, yes, yes, h)  # BUG: what the branches give
sw.cond(h.sum() > 0.0, yes)  # BUG: no second branch
sw.debug_print(h)  # BUG: the text comes first
sw.compile(yes, precision="fp16")  # BUG: no such precision
sw.compile(precision=sw.bf16)  # BUG: a name in quotes
sw.compile(precision="bf16")(yes)(x)  # BUG: three axes
