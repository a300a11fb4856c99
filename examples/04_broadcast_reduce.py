"""Broadcast and reduce: the shape asked for decides the axes, and sizes that came from a shape know their axis."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import IntVar, Tensor

x = sw.rand((2, 5, 3), key=sw.Key(0))
b, t, d = x.shape

# To reduce, say what stays. To broadcast, say where to end.
assert_type(x.sum((b, d)), Tensor[[2, 3]])
assert_type(x.max((d,)), Tensor[[3]])
assert_type(x.mean(), Tensor[[]])
print(x.sum((b, d)).shape, x.max((d,)).shape, x.mean().shape)

scale = sw.tensor([1.0, 10.0, 100.0])
assert_type(scale.broadcast((b, t, d)), Tensor[[2, 5, 3]])
print(scale.broadcast((2, 3)))

# In arithmetic, `spread` lets the other operand decide; nothing is stretched that did not ask for it.
centred = x - x.mean((b, d)).spread()
assert_type(centred, Tensor[[2, 5, 3]])
print(centred.mean((b, d)).abs().max().item() < 1e-6)


# Sizes may be equal: here 4 is the batch, and 4 is the time. In a checked function (and in every module) the axes have
# the names of the annotations, in the editor and at run time, so `b` and `t` stay apart.
@sw.checked
def statistics[B: IntVar, T: IntVar](x: Tensor[[B, T]]) -> tuple[Tensor[[B]], Tensor[[T]]]:
    b, t = x.shape
    return x.mean((b,)), x.std((t,))


square = sw.rand((4, 4), key=sw.Key(1))
print([part.shape for part in statistics(square)])

# Without names, two axes of one size cannot be told apart: an error that says what to write, never a guess.
try:
    square.sum((4,))  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
print(square.sum(axis=0).shape)

# What sum(axis=0) takes away, broadcast(..., axis=0) brings back.
assert_type(square.sum(axis=0).broadcast((4, 4), axis=0), Tensor[[4, 4]])

# An axis number in the place of a shape is a habit from elsewhere; the answer teaches.
try:
    square.sum(0)  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
