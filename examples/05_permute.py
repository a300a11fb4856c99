"""Permute and reshape: the order asked for, named axes, and the classic mistake of attention that types catch."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import IntVar, Tensor

image = sw.rand((28, 32, 3), key=sw.Key(0))
height, width, channels = image.shape

# The target is the shape to end with. It is a view: no element is copied.
assert_type(image.permute((channels, height, width)), Tensor[[3, 28, 32]])
print(image.permute((3, 28, 32)).shape)

# Reshape keeps the elements in order; one size may be left to be worked out.
assert_type(image.reshape((28, 96)), Tensor[[28, 96]])
assert_type(image.reshape((-1, 3)), Tensor[[896, 3]])
print(image.reshape((-1, 3)).shape)


# Splitting a width into heads. H and K are different names, whatever their sizes, so leaving out the permute (the
# elements would be scrambled, and the numbers of elements still agree) is an error: [B, T, H, K] is not [B, H, T, K].
@sw.checked
def split_heads[B: IntVar, T: IntVar, H: IntVar, K: IntVar](
    heads: sw.Int[H], size: sw.Int[K], x: Tensor[[B, T, H * K]]
) -> Tensor[[B, H, T, K]]:
    b, t, _ = x.shape
    return x.reshape((b, t, heads, size)).permute((b, heads, t, size))


# All of T, H and K are 4, and still the right axes move.
print(split_heads(4, 4, sw.rand((2, 4, 16), key=sw.Key(1))).shape)

# The same in einops' notation, which names the axes in place; the editor computes its shape, too.
x = sw.rand((2, 4, 16), key=sw.Key(1))
assert_type(x.rearrange("b t (h k) -> b h t k", h=4), Tensor[[2, 4, 4, 4]])
print(x.rearrange("b t (h k) -> b h t k", h=4).shape)

# Two equal sizes without names: which goes where?
square = sw.zeros((3, 3))
try:
    square.permute((3, 3))  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
print(square.permute(axes=(1, 0)).shape)

# A count that does not fit.
try:
    image.reshape((28, 95))  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
