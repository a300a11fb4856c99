"""The portable spelling with quotes: shapes with arithmetic or `*Bs` are strings, so that pyright, mypy and ty read them.

The quotes stand inside the brackets: `Tensor["[B, 4 * D]"]`. `Int` of arithmetic has no such spelling (mypy and ty look
into the quotes); take the parts as `Int` and compute. Everything else is as in any other program.
"""

from __future__ import annotations

from collections.abc import Callable

import shapewright as sw
from shapewright import Gradients, Int, IntTuple, IntVar, Parameter, Tensor, data, nn, optim


@sw.checked
def centred[B: IntVar, T: IntVar, D: IntVar](x: Tensor[[B, T, D]], w: Tensor["[D, 4 * D]"]) -> Tensor["[B, 4 * D]"]:
    b, t, d = x.shape
    m = x.mean((b, d))
    return (m - m.mean((d,)).spread()) @ w


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor["[*Bs, I]"]) -> Tensor["[*Bs, O]"]:
        return self.down(self.up(x).relu())


class Attention[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        width = heads * size
        self.heads = heads
        self.size = size
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor["[B, T, H * K]"]) -> Tensor["[B, T, H * K]"]:
        b, t, d = x.shape
        qkv = self.qkv(x).reshape((b, t, 3, self.heads, self.size))
        q = qkv[:, :, 0].permute((b, self.heads, t, self.size))
        k = qkv[:, :, 1].permute((b, self.heads, self.size, t))
        v = qkv[:, :, 2].permute((b, self.heads, t, self.size))
        y = ((q @ k).softmax() @ v).permute((b, t, self.heads, self.size)).reshape((b, t, d))
        return self.out(y)


class Block[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        width = heads * size
        self.attend = Attention(heads, size)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.feed = Mlp(width, 4 * width, width)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor["[B, T, H * K]"]) -> Tensor["[B, T, H * K]"]:
        x = x + self.attend(self.norm1(x))
        return x + self.feed(self.norm2(x))


class Language[V: IntVar, H: IntVar, K: IntVar](nn.Module):
    def __init__(self, vocabulary: Int[V], heads: Int[H], size: Int[K], depth: int) -> None:
        self.tokens = nn.Embedding(vocabulary, heads * size)
        self.blocks = [Block(heads, size) for _ in range(depth)]
        self.head = nn.Linear(heads * size, vocabulary)

    def __call__[B: IntVar, T: IntVar](self, ids: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        x = self.tokens(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class BasicBlock[C: IntVar](nn.Module):
    def __init__(self, channels: Int[C]) -> None:
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def __call__[B: IntVar, H: IntVar, W: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, C, H, W]]:
        return (x + self.conv2(self.norm(self.conv1(x)).relu())).relu()


class Down[I: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], outputs: Int[O]) -> None:
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)

    def __call__[B: IntVar, H: IntVar, W: IntVar](
        self, x: Tensor[[B, I, H, W]]
    ) -> Tensor["[B, O, (H - 1) // 2 + 1, (W - 1) // 2 + 1]"]:
        return self.conv(x)


class ResNet[N: IntVar](nn.Module):
    def __init__(self, classes: Int[N]) -> None:
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.stage = nn.Sequential(BasicBlock(4), BasicBlock(4))
        self.down = Down(4, 8)
        self.head = nn.Linear(8, classes)

    def __call__[B: IntVar](self, x: Tensor[[B, 3, 16, 16]]) -> Tensor[[B, N]]:
        h = self.down(self.stage(self.stem(x)))
        return self.head(nn.AvgPoolGlobal()(h))


@sw.checked
def split_heads[B: IntVar, T: IntVar, H: IntVar, K: IntVar](
    heads: Int[H], size: Int[K], x: Tensor["[B, T, H * K]"]
) -> Tensor[[B, H, T, K]]:
    b, t, _ = x.shape
    return x.reshape((b, t, heads, size)).permute((b, heads, t, size))


def apply[S: IntTuple](f: Callable[[Tensor[S]], Tensor[S]], x: Tensor[S], times: int) -> Tensor[S]:
    for _ in range(times):
        x = f(x)
    return x


def higher_order[B: IntVar, D: IntVar](x: Tensor[[B, D]], layers: list[nn.Linear[D, D]]) -> Tensor[[B, D]]:
    y = apply(nn.ReLU(), x, 3)
    for layer in layers:
        y = apply(layer, y, 2)
    return y


@sw.checked
def train_step[B: IntVar, I: IntVar, C: IntVar](
    model: Callable[[Tensor[[B, I]]], Tensor[[B, C]]], optimizer: optim.Optimizer, x: Tensor[[B, I]], y: Tensor[[B], sw.i64]
) -> Tensor[[]]:
    loss = nn.cross_entropy(model(x.trace()), y)
    grads: Gradients = loss.backward()
    optimizer.update(optim.clip_by_global_norm(grads, 1.0))
    return loss


def step_of(rate: float, weight: Parameter[[3, 4]], gradient: Tensor[[3, 4]]) -> None:
    weight.assign(weight.stop_gradient() - rate * gradient)


def run() -> None:
    centred(sw.randn((2, 3, 4)), sw.zeros((4, 16)))
    model = Mlp(12, 8, 3)
    adam = optim.Adam(model, lr=1e-2)
    x, y = sw.randn((32, 12)), sw.randint(0, 3, (32,))
    losses: list[float] = []
    for batch, labels in data.Batches(x, y, size=8, shuffle=sw.Key(0)):
        losses.append(train_step(model, adam, batch, labels).item())
    assert len(losses) == 4
    language = Language(20, 2, 4, depth=2)
    ids = sw.randint(0, 20, (3, 5))
    logits = language(ids)
    loss = nn.cross_entropy(logits[:, :-1], ids[:, 1:])
    assert loss.item() > 0.0
    images = sw.rand((2, 3, 16, 16))
    scores = ResNet(10)(images).softmax()
    best = scores.argmax(axis=1)
    assert best.shape == (2,)
    split_heads(2, 4, sw.zeros((3, 5, 8)))
    higher_order(sw.ones((2, 3)), [nn.Linear(3, 3)])
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 10))
    total = net(images).sum() + (images >> nn.Flatten() >> nn.Linear(768, 10)).mean()
    assert float(total) == float(total)
    weight = Parameter(sw.ones((3, 4)))
    step_of(0.1, weight, sw.ones((3, 4)))
    mask = (images > 0.5) & ~(images > 0.9)
    kept = sw.where(mask, images, 0.0)
    first, *rest = [sw.zeros((2,)) for _ in range(3)]
    joined = sw.concat((first, *rest), axis=0) if rest else first
    assert len(joined) == 6 and kept.shape == images.shape
