"""The portable spelling with `Shaped`: the types are plain, the shapes stand beside them, for Pyrefly alone.

`@shape_vars` declares the sizes; there are no type parameters.
"""

from __future__ import annotations

from collections.abc import Callable

import shapewright as sw
from shapewright import Shaped, Tensor, data, nn, optim, shape_vars


@sw.checked
@shape_vars("B, T, D")
def centred(x: Shaped[Tensor, "[B, T, D]"], w: Shaped[Tensor, "[D, 4 * D]"]) -> Shaped[Tensor, "[B, 4 * D]"]:
    b, t, d = x.shape
    m = x.mean((b, d))
    return (m - m.mean((d,)).spread()) @ w


@shape_vars("I, H, O")
class Mlp(nn.Module):
    @shape_vars("")
    def __init__(self, inputs: Shaped[int, "I"], hidden: Shaped[int, "H"], outputs: Shaped[int, "O"]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    @shape_vars("*Bs")
    def __call__(self, x: Shaped[Tensor, "[*Bs, I]"]) -> Shaped[Tensor, "[*Bs, O]"]:
        return self.down(self.up(x).relu())


@shape_vars("H, K")
class Attention(nn.Module):
    @shape_vars("")
    def __init__(self, heads: Shaped[int, "H"], size: Shaped[int, "K"]) -> None:
        width = heads * size
        self.heads = heads
        self.size = size
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    @shape_vars("B, T")
    def __call__(self, x: Shaped[Tensor, "[B, T, H * K]"]) -> Shaped[Tensor, "[B, T, H * K]"]:
        b, t, d = x.shape
        qkv = self.qkv(x).reshape((b, t, 3, self.heads, self.size))
        q = qkv[:, :, 0].permute((b, self.heads, t, self.size))
        k = qkv[:, :, 1].permute((b, self.heads, self.size, t))
        v = qkv[:, :, 2].permute((b, self.heads, t, self.size))
        y = ((q @ k).softmax() @ v).permute((b, t, self.heads, self.size)).reshape((b, t, d))
        return self.out(y)


@shape_vars("H, K")
class Block(nn.Module):
    @shape_vars("")
    def __init__(self, heads: Shaped[int, "H"], size: Shaped[int, "K"]) -> None:
        width = heads * size
        self.attend = Attention(heads, size)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.feed = Mlp(width, 4 * width, width)

    @shape_vars("B, T")
    def __call__(self, x: Shaped[Tensor, "[B, T, H * K]"]) -> Shaped[Tensor, "[B, T, H * K]"]:
        x = x + self.attend(self.norm1(x))
        return x + self.feed(self.norm2(x))


@shape_vars("C")
class BasicBlock(nn.Module):
    @shape_vars("")
    def __init__(self, channels: Shaped[int, "C"]) -> None:
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    @shape_vars("B, H, W")
    def __call__(self, x: Shaped[Tensor, "[B, C, H, W]"]) -> Shaped[Tensor, "[B, C, H, W]"]:
        return (x + self.conv2(self.norm(self.conv1(x)).relu())).relu()


@shape_vars("N")
class ResNet(nn.Module):
    @shape_vars("")
    def __init__(self, classes: Shaped[int, "N"]) -> None:
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.stage = nn.Sequential(BasicBlock(4), BasicBlock(4))
        self.down = nn.Conv2d(4, 8, 2, stride=2)
        self.head = nn.Linear(8, classes)

    @shape_vars("B")
    def __call__(self, x: Shaped[Tensor, "[B, 3, 16, 16]"]) -> Shaped[Tensor, "[B, N]"]:
        h = self.down(self.stage(self.stem(x)))
        return self.head(nn.AvgPoolGlobal()(h))


@shape_vars("*S")
def apply(f: Callable[[Shaped[Tensor, "S"]], Shaped[Tensor, "S"]], x: Shaped[Tensor, "S"], times: int) -> Shaped[Tensor, "S"]:
    for _ in range(times):
        x = f(x)
    return x


@shape_vars("B, D")
def higher_order(x: Shaped[Tensor, "[B, D]"], layers: list[Shaped[nn.Linear, "D, D"]]) -> Shaped[Tensor, "[B, D]"]:
    y = apply(nn.ReLU(), x, 3)
    for layer in layers:
        y = apply(layer, y, 2)
    return y


@sw.checked
@shape_vars("B, I, C")
def train_step(
    model: Callable[[Shaped[Tensor, "[B, I]"]], Shaped[Tensor, "[B, C]"]],
    optimizer: optim.Optimizer,
    x: Shaped[Tensor, "[B, I]"],
    y: Shaped[Tensor, "[B], sw.i64"],
) -> Shaped[Tensor, "[]"]:
    loss = nn.cross_entropy(model(x.trace()), y)
    optimizer.update(loss.backward())
    return loss


def run() -> None:
    centred(sw.randn((2, 3, 4)), sw.zeros((4, 16)))
    model = Mlp(12, 8, 3)
    adam = optim.Adam(model, lr=1e-2)
    x, y = sw.randn((32, 12)), sw.randint(0, 3, (32,))
    for batch, labels in data.Batches(x, y, size=8, shuffle=sw.Key(0)):
        loss = train_step(model, adam, batch, labels)
        assert loss.item() > 0.0
    assert Block(2, 4)(sw.randn((3, 5, 8))).shape == (3, 5, 8)
    assert ResNet(10)(sw.rand((2, 3, 16, 16))).shape == (2, 10)
    higher_order(sw.ones((2, 3)), [nn.Linear(3, 3)])
