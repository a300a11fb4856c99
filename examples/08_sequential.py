"""Chains of layers, residual blocks, repeated blocks: checked from the first size to the last."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor, nn

mlp = nn.Sequential(
    nn.Linear(784, 128),
    nn.ReLU(),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
x = sw.rand((16, 784), key=sw.Key(0))
assert_type(mlp(x), Tensor[[16, 10]])
print(mlp)

# The same without a container: `>>` has a tensor on its left. Members keep their types: mlp[0] is a Linear[784, 128].
assert_type(x >> mlp[0] >> nn.ReLU(), Tensor[[16, 128]])

# Sizes that one layer computes meet the numbers of the next: (28 - 3 + 1)² * 4 is 2704, and 2704 is what Linear takes.
image_net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2704, 10))
assert_type(image_net(sw.rand((2, 1, 28, 28))), Tensor[[2, 10]])
print(image_net(sw.rand((2, 1, 28, 28))).shape)

# x + f(x): f must give what it takes. f(x) + g(x): both must give the same. f(f(f(x))), each with its own weights.
residual = nn.Residual(nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 32)))
two_ways = nn.GeneralizedResidual(nn.Linear(32, 8), nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 8)))
repeated = nn.Repeated(lambda: nn.Linear(32, 32), 3)
h = sw.rand((4, 32))
assert_type(h >> residual >> repeated >> two_ways, Tensor[[4, 8]])
print((h >> residual >> repeated >> two_ways).shape, repeated.num_parameters)

# Neighbours that do not fit are found when the chain is made, before it is ever called.
try:
    nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(512, 10))
except sw.ShapeError as error:
    print(error)

# And a computed size that does not fit, when the input is there. The editor underlines this line.
wrong = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(100, 10))
try:
    wrong(sw.rand((2, 1, 28, 28)))  # pyrefly: ignore[incompatible-overload-argument]
except sw.ShapeError as error:
    print(error)
