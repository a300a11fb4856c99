"""Tensors: how to make them, what they know about themselves, and how numbers get in and out."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import shapewright as sw
from shapewright import Tensor

# The shape comes from the literal, and it is part of the type: hover over `x` in an editor.
x = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
assert_type(x, Tensor[[2, 3]])
print(x)

# So is the element type. It is f32 unless something else is said; a literal of ints gives i64.
labels = sw.tensor([3, 1, 4])
half = sw.zeros((2, 3), dtype=sw.bf16)
assert_type(labels, Tensor[[3], sw.i64])
assert_type(half, Tensor[[2, 3], sw.bf16])
print(x.shape, x.dtype.name, x.device, "|", labels.dtype.name, "|", half.dtype.name)

# Made from nothing. `arange` and `linspace` count, `eye` is the identity, `full` repeats one number.
print(sw.ones((3,)), sw.full((2,), 0.5), sw.arange(4), sw.linspace(0.0, 1.0, 5), sep="\n")
print(sw.eye(2))

# Random numbers are counted: the same key gives the same numbers on every machine and device. A key moves on with
# each draw, so two draws differ. Without `key=` the draw is from one process-wide key, which sw.seed(n) starts again.
key = sw.Key(seed=42)
first, second = sw.randn((2,), key=key), sw.randn((2,), key=key)
again = sw.randn((2,), key=sw.Key(seed=42))
print(first.tolist() == again.tolist(), first.tolist() == second.tolist())
print(sw.rand((2,), key=key), sw.randint(0, 10, (5,), key=key))

# NumPy in and out. The array's shape is unknown to the type checker; `expect` checks it once and makes it known.
array = np.arange(6, dtype=np.float32).reshape(2, 3)
y = sw.from_numpy(array).expect((2, 3))
assert_type(y.sum((3,)), Tensor[[3]])
print(y.sum((3,)).numpy(), y.sum().item())

# A tensor is a value: nothing changes it, so it can be shared freely. Every operation gives a new one.
print((y + 1.0).tolist(), y.tolist())

# What is not rectangular is refused, in the editor and here.
try:
    sw.tensor([[1.0, 2.0], [3.0]])  # pyrefly: ignore[no-matching-overload]  # so that the report below can be seen
except sw.ShapeError as error:
    print(error)
