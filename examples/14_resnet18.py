"""ResNet-18 (He, Zhang, Ren, Sun: Deep Residual Learning, 2015), with shapes proven for images of any size.

Names and shapes are torchvision's, so its weights load as they are: `model.load_state_dict(files.…)`.
"""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Int, IntVar, Tensor, nn, optim


class BasicBlock[C: IntVar](nn.Module):
    """Two convolutions and the input again: the shape stays, or `+` would be underlined."""

    def __init__(self, channels: Int[C]) -> None:
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def __call__[B: IntVar, H: IntVar, W: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, C, H, W]]:
        h = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(h)) + x).relu()


class DownBlock[I: IntVar, O: IntVar](nn.Module):
    """Half the height and width, other channels; the way around is a convolution of size 1 with the same stride."""

    def __init__(self, inputs: Int[I], outputs: Int[O]) -> None:
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))

    def __call__[B: IntVar, H: IntVar, W: IntVar](
        self, x: Tensor[[B, I, H, W]]
    ) -> Tensor[[B, O, (H - 1) // 2 + 1, (W - 1) // 2 + 1]]:
        h = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(h)) + self.downsample(x)).relu()


class ResNet18[C: IntVar](nn.Module):
    """[B, 3, H, W] to [B, C]."""

    def __init__(self, classes: Int[C]) -> None:
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(64), BasicBlock(64))
        self.layer2 = nn.Sequential(DownBlock(64, 128), BasicBlock(128))
        self.layer3 = nn.Sequential(DownBlock(128, 256), BasicBlock(256))
        self.layer4 = nn.Sequential(DownBlock(256, 512), BasicBlock(512))
        self.fc = nn.Linear(512, classes)

    def __call__[B: IntVar, H: IntVar, W: IntVar](self, x: Tensor[[B, 3, H, W]]) -> Tensor[[B, C]]:
        h = self.maxpool(self.bn1(self.conv1(x)).relu())
        h = h >> self.layer1 >> self.layer2 >> self.layer3 >> self.layer4
        return self.fc(h.mean(axis=(2, 3)))


model = ResNet18(1000)
assert model.num_parameters == 11_689_512  # as torchvision counts
images = sw.randn((4, 3, 64, 64), key=sw.Key(0))
labels = sw.randint(0, 1000, (4,), key=sw.Key(1))
assert_type(model(images), Tensor[[4, 1000]])

# One step of training. The input is traced, so batch norm learns its statistics from this batch.
sgd = optim.SGD(model, lr=0.01, momentum=0.9)
loss = nn.cross_entropy(model(images.trace()), labels)
sgd.update(loss.backward())
print(f"{model.num_parameters:,} parameters; loss {loss.item():.3f}, then ", end="")
print(f"{nn.cross_entropy(model(images.trace(training=True)), labels).item():.3f}")
print([name for name in model.state_dict() if name.startswith("layer2.0.")])
