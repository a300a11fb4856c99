"""Modules: layers with sizes in their types; a traced input means training, an untraced one inference."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor, nn

# A layer is made from its sizes. Its weights are drawn from a key; here from one of our own, so that runs agree.
linear = nn.Linear(5, 3, key=sw.Key(0))
assert_type(linear.weight, sw.Parameter[[3, 5]])
print(linear)

# It takes any number of leading axes: one example, a batch, a batch of sequences.
assert_type(linear(sw.rand((5,))), Tensor[[3]])
assert_type(linear(sw.rand((8, 5))), Tensor[[8, 3]])
assert_type(linear(sw.rand((8, 7, 5))), Tensor[[8, 7, 3]])
print(linear(sw.rand((8, 7, 5))).shape)

# Dropout and batch norm behave differently in training. There is no mode to set, and so none to forget: the input says
# it. A traced input is being differentiated, so the layer trains.
dropout = nn.Dropout(0.5, key=sw.Key(1))
x = sw.ones((8,))
print("inference", dropout(x).tolist())
print("training ", dropout(x.trace()).tolist())

# To record without training (a saliency map, a frozen norm), say so.
print("recorded ", dropout(x.trace(training=False)).tolist())

# Batch norm moves its running statistics in training, and uses them in inference.
norm = nn.BatchNorm2d(3)
images = sw.randn((4, 3, 8, 8), key=sw.Key(2)) + 5.0
norm(images.trace())
print(norm.running_mean)

# Copies are independent: their parameters are their own.
twin = linear.copy()
twin.bias.assign(sw.ones((3,)))
print(twin.bias.tolist() == linear.bias.tolist())

# A layer that is fed the wrong width says who it is and what it needs.
try:
    linear(sw.rand((8, 4)))  # pyrefly: ignore[bad-argument-type]
except sw.ShapeError as error:
    print(error)
