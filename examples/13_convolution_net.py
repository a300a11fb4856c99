"""A convolutional network whose every size is computed in the types: no sum is done by hand."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import IntVar, Tensor, nn, optim


class ConvolutionNet[C: IntVar](nn.Module):
    """Two convolutions and a classifier for 28×28 images."""

    def __init__(self, classes: sw.Int[C]) -> None:
        self.first = nn.Conv2d(1, 8, 5, padding=2)
        self.second = nn.Conv2d(8, 16, 3, stride=2)
        self.pool = nn.MaxPool2d(2)
        self.out = nn.Linear(16 * 6 * 6, classes)

    def __call__[B: IntVar](self, x: Tensor[[B, 1, 28, 28]]) -> Tensor[[B, C]]:
        h = self.first(x).relu()
        assert_type(h, Tensor[[B, 8, 28, 28]])  # (28 + 2·2 - 5) + 1
        h = self.second(h).relu()
        assert_type(h, Tensor[[B, 16, 13, 13]])  # (28 - 3) // 2 + 1
        h = self.pool(h)
        assert_type(h, Tensor[[B, 16, 6, 6]])  # 13 // 2
        return self.out(h.flatten(start_axis=1))


images = sw.randn((32, 1, 28, 28), key=sw.Key(0))
labels = sw.randint(0, 10, (32,), key=sw.Key(1))
net = ConvolutionNet(10)
adam = optim.Adam(net, lr=3e-3)
print(net)

for step in range(10):
    loss = nn.cross_entropy(net(images.trace()), labels)
    adam.update(loss.backward())
    if step % 3 == 0:
        print(f"step {step}: {loss.item():.3f}")

# A kernel that does not fit the image, and channels that do not fit the layer.
try:
    nn.Conv2d(1, 8, 5)(sw.zeros((2, 1, 4, 4)))  # pyrefly: ignore[unsupported-operation]
except sw.ShapeError as error:
    print(error)
try:
    net.second(images)  # pyrefly: ignore[bad-argument-type]
except sw.ShapeError as error:
    print(error)
