"""Models as users write them: an MLP, a transformer, a residual network for images, and what is built from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Parameter, Tensor, nn


# ---- a multi-layer perceptron ------------------------------------------------------------------------------------------
class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        hidden = self.up(x).relu()
        assert_type(hidden, Tensor["[*Bs, H]"])
        return self.down(hidden)


class Deep[D: IntVar, O: IntVar](nn.Module):
    def __init__(self, width: Int[D], depth: int, outputs: Int[O]) -> None:
        self.layers = [nn.Linear(width, width) for _ in range(depth)]
        self.norms = [nn.LayerNorm(width) for _ in range(depth)]
        self.head = nn.Linear(width, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, O]]:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + layer(norm(x)).gelu()
        return self.head(x)


def perceptrons() -> None:
    x = sw.randn((8, 784))
    mlp = Mlp(784, 256, 10)
    assert_type(mlp, Mlp[784, 256, 10])
    assert_type(mlp.up, nn.Linear[784, 256])
    assert_type(mlp.up.weight, Parameter[[256, 784]])
    assert_type(mlp(x), Tensor[[8, 10]])
    assert_type(mlp(sw.randn((784,))), Tensor[[10]])
    assert_type(mlp(sw.randn((2, 3, 784))), Tensor[[2, 3, 10]])
    assert_type(Deep(16, 3, 4)(sw.randn((5, 16))), Tensor[[5, 4]])
    assert_type(mlp.copy(), Mlp[784, 256, 10])
    net = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
    assert_type(net(x), Tensor[[8, 10]])
    assert_type(x >> nn.Linear(784, 64) >> nn.ReLU() >> nn.Linear(64, 10), Tensor[[8, 10]])
    inner = nn.Sequential(nn.Linear(64, 64), nn.Tanh())
    outer = nn.Sequential(nn.Linear(784, 64), nn.Residual(inner), nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 10)))
    assert_type(outer(x), Tensor[[8, 10]])


# ---- a transformer, by hand: heads are H of size K, so that the width is H * K and divides ------------------------------
class Attention[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        width = heads * size
        self.heads = heads
        self.size = size
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, T, H * K]]:
        b, t, d = x.shape
        qkv = self.qkv(x).reshape((b, t, 3, self.heads, self.size))
        assert_type(qkv, Tensor[[B, T, 3, H, K]])
        q = qkv[:, :, 0].permute((b, self.heads, t, self.size))
        k = qkv[:, :, 1].permute((b, self.heads, self.size, t))
        v = qkv[:, :, 2].permute((b, self.heads, t, self.size))
        assert_type(q @ k, Tensor[[B, H, T, T]])
        scores = (q @ k / 8.0).softmax()
        y = (scores @ v).permute((b, t, self.heads, self.size)).reshape((b, t, d))
        return self.out(y)


class Feed[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, D]]:
        hidden = self.up(x).gelu()
        assert_type(hidden, Tensor["[*Bs, 4 * D]"])
        return self.down(hidden)


class Block[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        width = heads * size
        self.attend = Attention(heads, size)
        self.feed = Feed(width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, T, H * K]]:
        x = x + self.attend(self.norm1(x))
        return x + self.feed(self.norm2(x))


class Language[V: IntVar, T: IntVar, H: IntVar, K: IntVar](nn.Module):
    def __init__(self, vocabulary: Int[V], length: Int[T], heads: Int[H], size: Int[K], depth: int) -> None:
        width = heads * size
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(sw.randn((length, width)))
        self.blocks = [Block(heads, size) for _ in range(depth)]
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def __call__[B: IntVar](self, ids: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        x = self.tokens(ids)
        assert_type(self.places, Parameter["[T, H * K]"])
        x = x + self.places.broadcast_like(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def next_token_loss[B: IntVar, T: IntVar, V: IntVar](
    logits: Tensor[[B, T, V]], ids: Tensor[[B, T], sw.i64]
) -> Tensor[[]]:
    return nn.cross_entropy(logits[:, :-1], ids[:, 1:])


def transformers() -> None:
    ids = sw.randint(0, 50, (4, 6))
    assert_type(ids, Tensor[[4, 6], sw.i64])
    block = Block(2, 8)
    assert_type(block, Block[2, 8])
    assert_type(block(sw.randn((4, 6, 16))), Tensor[[4, 6, 16]])
    model = Language(50, 6, 2, 8, depth=2)
    assert_type(model(ids), Tensor[[4, 6, 50]])
    assert_type(next_token_loss(model(ids.trace()), ids), Tensor[[]])
    assert_type(model.head.weight, Parameter[[50, 16]])
    # Heads and sizes that happen to be equal stay apart.
    assert_type(Block(4, 4)(sw.randn((4, 4, 16))), Tensor[[4, 4, 16]])


# ---- images ------------------------------------------------------------------------------------------------------------
class BasicBlock[C: IntVar](nn.Module):
    def __init__(self, channels: Int[C]) -> None:
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def __call__[B: IntVar, H: IntVar, W: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, C, H, W]]:
        y = self.norm1(self.conv1(x)).relu()
        assert_type(y, Tensor[[B, C, H, W]])
        return (x + self.norm2(self.conv2(y))).relu()


class Down[I: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], outputs: Int[O]) -> None:
        self.conv = nn.Conv2d(inputs, outputs, 2, stride=2)
        self.norm = nn.BatchNorm2d(outputs)

    def __call__[B: IntVar, H: IntVar, W: IntVar](self, x: Tensor[[B, I, H, W]]) -> Tensor[[B, O, (H - 2) // 2 + 1, (W - 2) // 2 + 1]]:
        return self.norm(self.conv(x)).relu()


class ResNet[N: IntVar](nn.Module):
    def __init__(self, classes: Int[N]) -> None:
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.stage1 = nn.Sequential(BasicBlock(8), BasicBlock(8))
        self.down = Down(8, 16)
        self.stage2 = nn.Sequential(BasicBlock(16), BasicBlock(16))
        self.head = nn.Linear(16, classes)

    def __call__[B: IntVar](self, x: Tensor[[B, 3, 16, 16]]) -> Tensor[[B, N]]:
        h = self.stage1(self.stem(x))
        assert_type(h, Tensor[[B, 8, 16, 16]])
        h2 = self.stage2(self.down(h))
        assert_type(h2, Tensor[[B, 16, 8, 8]])
        return self.head(nn.AvgPoolGlobal()(h2))


def images() -> None:
    x = sw.randn((2, 3, 16, 16))
    net = ResNet(10)
    assert_type(net, ResNet[10])
    assert_type(net(x), Tensor[[2, 10]])
    assert_type(net(x.trace()), Tensor[[2, 10]])
    assert_type(Down(3, 5)(x), Tensor[[2, 5, 8, 8]])
    assert_type(nn.Conv2d(3, 16, 3, stride=2, padding=1)(sw.zeros((2, 3, 32, 32))), Tensor[[2, 16, 16, 16]])
    assert_type(nn.Conv2d(3, 4, 5)(x), Tensor[[2, 4, 12, 12]])
    assert_type(nn.MaxPool2d(2)(x), Tensor[[2, 3, 8, 8]])
    assert_type(nn.BatchNorm2d(3)(x), Tensor[[2, 3, 16, 16]])
    lenet = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(216, 32), nn.ReLU(), nn.Linear(32, 10),
    )
    assert_type(lenet(x), Tensor[[2, 10]])
    autoencoder = nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.ReLU(), nn.Linear(32, 768))
    assert_type(autoencoder(x).reshape((2, 3, 16, 16)) - x, Tensor[[2, 3, 16, 16]])


# ---- functions of models -----------------------------------------------------------------------------------------------
@sw.checked
def repeat[S: IntTuple](f: Callable[[Tensor[S]], Tensor[S]], x: Tensor[S], times: int) -> Tensor[S]:
    for _ in range(times):
        x = f(x)
    return x


def compose[A: IntTuple, B: IntTuple, C: IntTuple](
    f: Callable[[Tensor[A]], Tensor[B]], g: Callable[[Tensor[B]], Tensor[C]], x: Tensor[A]
) -> Tensor[C]:
    return g(f(x))


def ensemble[B: IntVar, D: IntVar, O: IntVar](models: list[nn.Linear[D, O]], x: Tensor[[B, D]]) -> Tensor[[B, O]]:
    first, *rest = models
    total = first(x)
    for model in rest:
        total = total + model(x)
    return total / 2.0


def functions() -> None:
    x = sw.randn((4, 8))
    assert_type(repeat(nn.Linear(8, 8), x, 3), Tensor[[4, 8]])
    assert_type(repeat(nn.ReLU(), x, 3), Tensor[[4, 8]])
    assert_type(compose(nn.Linear(8, 5), nn.Linear(5, 2), x), Tensor[[4, 2]])
    assert_type(ensemble([nn.Linear(8, 3), nn.Linear(8, 3)], x), Tensor[[4, 3]])


def run() -> None:
    perceptrons()
    transformers()
    images()
    functions()
