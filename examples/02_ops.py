"""Operations: on every element, on two tensors, along axes; and why no shape is ever stretched behind your back."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor

x = sw.tensor([[-1.0, 0.5, 2.0], [3.0, -0.25, 1.0]])

# On every element. The names are those of the array API and of PyTorch.
print(x.relu(), x.exp().round(), x.clip(-0.5, 1.0), sep="\n")
print(x.abs().sqrt().sigmoid(), x.gelu(), sep="\n")

# Two tensors of the same shape and element type, or a tensor and a number.
y = sw.ones((2, 3))
print((x + y) * 2.0 - x / 4.0, (x**2).sum(), sep="\n")

# Comparisons give bools; `where` chooses.
positive = x > 0.0
assert_type(positive, Tensor[[2, 3], sw.bool])
print(sw.where(positive, x, 0.0))
print(positive.any().item(), (positive & (x < 2.0)).tolist())

# Reductions. The argument is the shape to END with: the axis of size 3 is kept, so the other one is summed.
assert_type(x.sum((3,)), Tensor[[3]])
print(x.sum((3,)), x.max((2,)), x.mean(), sep="\n")

# Matrix products of any ranks, and sums of products in einsum's letters: checked, too.
w = sw.rand((3, 4), key=sw.Key(0))
assert_type(x @ w, Tensor[[2, 4]])
assert_type(sw.einsum("ij,jk->ki", x, w), Tensor[[4, 2]])
print((x @ w).shape, x.softmax().sum((2,)))

# Two shapes that differ are an error. NumPy and PyTorch would make [5, 5] of the next two, the oldest bug of loss
# functions. The comment keeps the editor quiet here, so that the report of the run time can be seen.
column, row = sw.zeros((5, 1)), sw.zeros((1, 5))
try:
    column + row  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)

# And nothing changes its element type behind your back.
try:
    x + x.to(sw.f64)  # pyrefly: ignore[unsupported-operation]
except sw.DTypeError as error:
    print(error)
