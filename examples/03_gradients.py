"""Gradients: the tape is in the value. What is computed from a traced value is recorded; `backward` walks back."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor

weight = sw.Parameter(sw.rand((4, 3), key=sw.Key(0)))
x = sw.rand((2, 3), key=sw.Key(1))
target = sw.zeros((2, 4))

# Nothing is recorded here: x has no tape, and there is no mode to switch on or off.
prediction = x @ weight.permute((3, 4))
print(prediction.is_traced)

# `trace` gives the same value with a tape. Everything computed from it has one, whatever the order of the operands.
traced = x.trace()
loss = ((target - traced @ weight.permute((3, 4))) ** 2).mean()
print(loss.is_traced, loss)

# The gradients are looked up by what they belong to, and have its shape: by parameter, or by traced value.
gradients = loss.backward()
assert_type(gradients[weight], Tensor[[4, 3]])
assert_type(gradients[traced], Tensor[[2, 3]])
print(gradients[weight])

# Branches of one value meet again; nothing has to be moved by hand. d(a² + 3a)/da = 2a + 3.
a = sw.tensor([1.0, 2.0]).trace()
print((a * a + a * 3.0).sum().backward()[a])

# Backward rules are written in tensor operations, so gradients have gradients. d²(a³)/da² = 6a.
first = (a**3).sum().backward(trace=True)[a]
print(first.sum().backward()[a])

# For plain functions: `grad` gives the function that computes the gradient of its first argument.
slope = sw.grad(lambda x: x.sin().sum())
print(slope(sw.zeros((2,))))

# A gradient that would be lost in silence is an error instead. Here the penalty was computed without a tape.
penalty = (weight * weight).sum()
try:
    (((traced @ weight.permute((3, 4))) ** 2).mean() + penalty).backward()
except sw.TapeError as error:
    print(error)

# So is asking for gradients where nothing was recorded.
try:
    (prediction**2).mean().backward()
except sw.TapeError as error:
    print(error)
