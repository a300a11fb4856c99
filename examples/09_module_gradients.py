"""Gradients of a model: looked up by parameter, shaped like it, added up over batches, never missing in silence."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor, nn, optim

model = nn.Sequential(nn.Linear(10, 5), nn.Tanh(), nn.Linear(5, 2))
x, target = sw.rand((8, 10), key=sw.Key(0)), sw.rand((8, 2), key=sw.Key(1))

# The input carries the tape through the model; what it touches is recorded.
loss = nn.mse(model(x.trace()), target)
gradients = loss.backward()
assert_type(gradients[model[0].weight], Tensor[[5, 10]])
assert_type(gradients[model[2].bias], Tensor[[2]])
for name, parameter in model.named_parameters():
    print(f"{name:10} {gradients[parameter].abs().max().item():.4f}")

# Accumulation is addition. There is nothing to zero, and nothing to forget to zero.
half = nn.mse(model(x[0:4].trace()), target[0:4]).backward() + nn.mse(model(x[4:8].trace()), target[4:8]).backward()
mean = half * 0.5
print((mean[model[0].weight] - gradients[model[0].weight]).abs().max().item() < 1e-6)

# Gradients are values: look at them, clip them, put others in their place.
clipped = optim.clip_by_global_norm(gradients, max_norm=0.01)
print(optim.global_norm(gradients).item() > 0.01, round(optim.global_norm(clipped).item(), 4))

# Whatever the loss did not reach is named, and an optimiser refuses to skip it in silence.
part = (model[0](x.trace()) ** 2).mean().backward()
print(part.unused(model))
try:
    optim.SGD(model, lr=0.1).update(part)
except sw.UnusedParameterError as error:
    print(error)

# Another tensor's gradient does not fit: an error in the editor, too.
try:
    gradients[model[0].weight] = gradients[model[2].weight]  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
