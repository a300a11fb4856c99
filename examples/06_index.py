"""Indexing: ints, slices and tensors of places, with the shape of the result known and indices checked."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor

x = sw.arange(24).reshape((2, 3, 4)).to(sw.f32)

# Python's own notation. An int drops its axis, a slice keeps it, None adds one, ... stands for the axes between.
assert_type(x[1], Tensor[[3, 4]])
assert_type(x[:, 0:2], Tensor[[2, 2, 4]])
assert_type(x[..., -1], Tensor[[2, 3]])
print(x[1, 0], x[..., -1], sep="\n")

# One place of an axis; several places, which may repeat, by a tensor of integers or a tuple.
assert_type(x.select(2, axis=1), Tensor[[2, 4]])
assert_type(x.take((0, 3, 3), axis=2), Tensor[[2, 3, 3]])
places = sw.tensor([1, 0, 1, 1])
assert_type(x.take(places, axis=0), Tensor[[4, 3, 4]])
print(x.take((0, 3, 3), axis=2)[0])

# One place per row: how the value of the action taken is picked in reinforcement learning.
scores = x[0]
actions = sw.tensor([[2], [0], [3]])
assert_type(scores.gather(actions, axis=1), Tensor[[3, 1]])
print(scores.gather(actions, axis=1).squeeze(axis=1))

# The way back: add values at places. It is the gradient of gather, so embeddings learn only the rows they used.
print(sw.zeros((3, 4)).scatter_add(actions, sw.ones((3, 1)), axis=1))

# Cut, join, pile up, turn, order.
left, right = x.split(2, axis=2)
assert_type(left, Tensor[[2, 3, 2]])
assert_type(sw.concat((left, right, left), axis=2), Tensor[[2, 3, 6]])
assert_type(sw.stack((left, right), axis=0), Tensor[[2, 2, 3, 2]])
values, best = x[0].topk(2)
print(values, best, x[0, 0].flip(axis=0), sep="\n")

# What is outside an axis is an error in the editor and here; NumPy would cut the slice short and say nothing.
try:
    x[2]  # pyrefly: ignore[unsupported-operation]
except sw.IndexRangeError as error:
    print(error)
try:
    x[:, 0:5]  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
