"""Models with one bug a line, among them what is hard to see: deep inside containers, in sizes that are computed."""

from __future__ import annotations

from collections.abc import Callable

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Parameter, Tensor, nn
from tests.typing.models_pass import (
    Attention,
    BasicBlock,
    Block,
    Deep,
    Down,
    Feed,
    Language,
    Mlp,
    ResNet,
    compose,
    ensemble,
    repeat,
)

x = sw.zeros((8, 784))
image = sw.zeros((2, 3, 16, 16))
ids = sw.zeros((4, 6), dtype=sw.i64)
hidden = sw.zeros((4, 6, 16))
other = sw.zeros((9, 20))


# ---- containers --------------------------------------------------------------------------------------------------------
def containers() -> None:
    nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(63, 10))(x)  # BUG
    nn.Sequential(nn.Linear(783, 64), nn.ReLU(), nn.Linear(64, 10))(x)  # BUG
    nn.Sequential(nn.Linear(784, 64), nn.Sequential(nn.ReLU(), nn.Linear(32, 10)))(x)  # BUG: one deep
    nn.Sequential(nn.Sequential(nn.Linear(784, 64), nn.Sequential(nn.ReLU(), nn.Linear(32, 10))), nn.ReLU())(x)  # BUG: two deep
    nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(784, 64), nn.Sequential(nn.ReLU(), nn.Linear(32, 10)))))(x)  # BUG: three deep
    nn.Sequential(nn.Linear(784, 64), nn.Residual(nn.Linear(64, 32)), nn.Linear(64, 10))(x)  # BUG: the branch changes the size
    nn.Sequential(nn.Linear(784, 64), nn.Residual(nn.Sequential(nn.Linear(64, 32), nn.Linear(31, 64))))(x)  # BUG: in the branch
    nn.Residual(nn.Sequential(nn.Linear(784, 64), nn.Linear(64, 783)))(x)  # BUG
    nn.Residual(nn.Linear(784, 10))(x)  # BUG
    nn.Residual(nn.Conv2d(3, 3, 3))(image)  # BUG: without padding the image shrinks
    nn.Residual(nn.Flatten())(image)  # BUG
    nn.Residual(nn.Sequential(nn.Conv2d(3, 3, 3, padding=2), nn.BatchNorm2d(3), nn.ReLU()))(image)  # BUG: the branch grows
    nn.Residual(nn.Sequential(nn.Conv2d(3, 3, 3, padding=2), nn.BatchNorm2d(3), nn.ReLU()))(sw.zeros((2, 3, 16, 16)))  # BUG: the same, made in the call
    nn.GeneralizedResidual(nn.Linear(784, 10), nn.Linear(784, 11))(x)  # BUG: the two branches differ
    nn.GeneralizedResidual(nn.Linear(784, 10), nn.Linear(783, 10))(x)  # BUG
    nn.GeneralizedResidual(nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 1))(image)  # BUG
    nn.GeneralizedResidual(nn.ReLU(), nn.Linear(784, 10))(x)  # BUG
    nn.SplitInto(nn.Linear(784, 10), nn.Linear(785, 10))(x)  # BUG
    nn.SplitInto(nn.Linear(784, 10), nn.Conv2d(3, 8, 3))(x)  # BUG
    nn.SplitInto(nn.Linear(783, 10), nn.ReLU())(x)  # BUG
    nn.SplitInto(nn.Embedding(10, 4), nn.ReLU())(x)  # BUG
    nn.AddInto(nn.Linear(784, 10), nn.Linear(784, 11))((x, x))  # BUG
    nn.AddInto(nn.Linear(784, 10), nn.Linear(783, 10))((x, x))  # BUG
    nn.AddInto(nn.Linear(784, 10), nn.Linear(784, 10))((x, x, x))  # BUG: two layers, three inputs
    nn.AddInto(nn.Linear(784, 10), nn.Linear(784, 10))(x)  # BUG: one input
    nn.AddInto(nn.Linear(784, 10), nn.Linear(20, 10))((x, other))  # BUG: another batch size
    nn.Repeated(lambda: nn.Linear(784, 10), 3)(x)  # BUG: each must give what the next takes
    nn.Repeated(lambda: nn.Linear(64, 64), 3)(x)  # BUG
    nn.Repeated(lambda: nn.Conv2d(3, 3, 3), 2)(image)  # BUG
    nn.Repeated(lambda: nn.Embedding(10, 4), 2)(ids)  # BUG
    x >> nn.Linear(784, 64) >> nn.ReLU() >> nn.Linear(65, 10)  # BUG
    x >> nn.Linear(783, 64)  # BUG
    x >> nn.Sequential(nn.Linear(784, 64), nn.Linear(32, 10))  # BUG
    image >> nn.Flatten() >> nn.Linear(767, 10)  # BUG
    x >> nn.Conv2d(3, 8, 3)  # BUG
    nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(215, 10))(image)  # BUG: 216
    nn.Sequential(nn.Conv2d(3, 6, 5), nn.BatchNorm2d(3))(image)  # BUG: channels before the convolution
    nn.Sequential(nn.Flatten(), nn.Conv2d(3, 6, 5))(image)  # BUG
    nn.Sequential(nn.Conv2d(3, 6, 5), nn.Conv2d(3, 6, 5))(image)  # BUG
    nn.Sequential(nn.Conv2d(3, 6, 9), nn.MaxPool2d(2), nn.Conv2d(6, 6, 5))(image)  # BUG: a kernel larger than what is left
    nn.Sequential(nn.Flatten(), nn.Linear(768, 32), nn.Linear(32, 768))(image) - image  # BUG: not shaped back


# ---- models put together -----------------------------------------------------------------------------------------------
def models() -> None:
    Mlp(784, 256, 10)(sw.zeros((8, 785)))  # BUG
    Mlp(784, 256, 10)(Mlp(784, 256, 10)(x))  # BUG
    Mlp(784, 256, 10)(x) + sw.zeros((8, 11))  # BUG
    Mlp(784, 256, 10)(x.to(sw.f64))  # BUG
    Mlp(784, 256)  # BUG
    Mlp("784", 256, 10)  # BUG
    Deep(16, 3, 4)(sw.zeros((5, 4)))  # BUG
    Deep(16, 3, 4)(Deep(16, 3, 4)(sw.zeros((5, 16))))  # BUG
    Attention(2, 8)(sw.zeros((4, 6, 15)))  # BUG
    Attention(2, 8)(sw.zeros((6, 16)))  # BUG: without a batch
    Block(2, 8)(sw.zeros((4, 6, 8)))  # BUG: one head for all
    Block(2, 8)(Block(2, 7)(sw.zeros((4, 6, 14))))  # BUG
    Feed(16)(hidden[:, :, 0])  # BUG
    Language(50, 6, 2, 8, depth=2)(sw.zeros((4, 7), dtype=sw.i64))  # BUG: longer than its places
    Language(50, 6, 2, 8, depth=2)(sw.zeros((4, 6)))  # BUG: tokens are integers
    Language(50, 6, 2, 8, depth=2)(hidden)  # BUG
    nn.cross_entropy(Language(50, 6, 2, 8, depth=2)(ids), ids[:, 1:])  # BUG: the logits were not shortened
    ResNet(10)(sw.zeros((2, 3, 32, 32)))  # BUG: made for 16 x 16
    ResNet(10)(sw.zeros((2, 16, 16, 3)))  # BUG: channels last
    ResNet(10)(sw.zeros((3, 16, 16)))  # BUG: without a batch
    ResNet(10)(image) - sw.zeros((2, 11))  # BUG
    BasicBlock(8)(image)  # BUG
    BasicBlock(3)(image) + image[:, :2]  # BUG
    Down(8, 16)(image)  # BUG
    BasicBlock(8)(Down(3, 16)(image))  # BUG
    model: Mlp[784, 256, 10] = Mlp(784, 255, 10)  # BUG annotation
    logits: Tensor[[8, 11]] = Mlp(784, 256, 10)(x)  # BUG annotation


def functions() -> None:
    repeat(nn.Linear(8, 9), sw.zeros((4, 8)), 3)  # BUG: not of its own shape
    repeat(nn.Linear(8, 8), sw.zeros((4, 9)), 3)  # BUG
    repeat(nn.Flatten(), image, 3)  # BUG
    compose(nn.Linear(8, 5), nn.Linear(6, 2), sw.zeros((4, 8)))  # BUG
    compose(nn.Linear(8, 5), nn.Linear(5, 2), sw.zeros((4, 7)))  # BUG
    compose(nn.Linear(8, 5), nn.Linear(5, 2), sw.zeros((4, 8))) + sw.zeros((4, 5))  # BUG
    ensemble([nn.Linear(8, 3), nn.Linear(7, 3)], sw.zeros((4, 8)))  # BUG
    ensemble([nn.Linear(8, 3), nn.Linear(8, 2)], sw.zeros((4, 8)))  # BUG
    ensemble([nn.Linear(8, 3)], sw.zeros((4, 9)))  # BUG


def weights() -> None:
    model = Mlp(784, 256, 10)
    model.up.weight @ model.down.weight  # BUG
    model.up.weight + model.down.weight  # BUG
    model.up.weight.assign(model.up.weight.permute((784, 256)))  # BUG
    model.up.bias.assign(model.down.bias)  # BUG
    x @ model.up.weight  # BUG: weights are [out, in]
    model.down.weight.reshape((256, 11))  # BUG
    model.up.wieght  # BUG


# ---- modules whose insides are wrong -----------------------------------------------------------------------------------
class Grows[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(3 * width, width)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, D]]:
        return self.down(self.up(x))  # BUG: up to 4 * D, down from 3 * D


class Forgets[D: IntVar, O: IntVar](nn.Module):
    def __init__(self, width: Int[D], outputs: Int[O]) -> None:
        self.head = nn.Linear(width, outputs)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, O]]:
        return self.head(x)  # BUG: the axis of time is still there


class Averages[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.head = nn.Linear(width, 2)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, 2]]:
        b, t, d = x.shape
        return self.head(x.mean((t, d)))  # BUG: the mean over the batch


class HeadsFirst[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        self.heads = heads
        self.size = size
        self.query = nn.Linear(heads * size, heads * size)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, H, T, K]]:
        b, t, d = x.shape
        return self.query(x).reshape((b, t, self.heads, self.size))  # BUG: not yet permuted


class Scores[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        self.heads = heads
        self.size = size

    def __call__[B: IntVar, T: IntVar](self, q: Tensor[[B, H, T, K]], k: Tensor[[B, H, T, K]]) -> Tensor[[B, H, T, T]]:
        return q @ k  # BUG: k is not transposed


class WrongSplit[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        self.heads = heads
        self.size = size

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, T, H, K]]:
        b, t, d = x.shape
        return x.reshape((b, t, self.heads, self.heads))  # BUG


class WrongNorm[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.up = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, 2 * D]]:
        return self.norm(self.up(x))  # BUG: normalises the size before


class WrongChannels[C: IntVar](nn.Module):
    def __init__(self, channels: Int[C]) -> None:
        self.conv = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def __call__[B: IntVar, H: IntVar, W: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, 2 * C, H, W]]:
        return self.norm(self.conv(x))  # BUG


class NoPadding[C: IntVar](nn.Module):
    def __init__(self, channels: Int[C]) -> None:
        self.conv = nn.Conv2d(channels, channels, 3)

    def __call__[B: IntVar](self, x: Tensor[[B, C, 9, 9]]) -> Tensor[[B, C, 9, 9]]:
        return x + self.conv(x)  # BUG: the image shrinks


class WrongConcat[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.mix = nn.Linear(width, width)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]], skip: Tensor[[B, T, D]]) -> Tensor[[B, T, D]]:
        return self.mix(sw.concat((x, skip), axis=2))  # BUG: twice the width


class ClassToken[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.token = nn.Parameter(sw.zeros((1, width)))

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, T, D]]:
        b, t, d = x.shape
        return sw.concat((self.token.broadcast((b, 1, d)), x), axis=1)  # BUG: one token longer


class Embeds[V: IntVar, D: IntVar](nn.Module):
    def __init__(self, vocabulary: Int[V], width: Int[D]) -> None:
        self.tokens = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(vocabulary, width)

    def __call__[B: IntVar, T: IntVar](self, ids: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        return self.head(self.tokens(ids))  # BUG: the head is the wrong way round


def tied[V: IntVar, D: IntVar, B: IntVar](tokens: nn.Embedding[V, D], x: Tensor[[B, D]]) -> Tensor[[B, V]]:
    return x @ tokens.weight  # BUG: the weight is [V, D]


def grows_twice[B: IntVar, D: IntVar](up: nn.Linear[D, 2 * D], x: Tensor[[B, D]]) -> Tensor[[B, 2 * D]]:
    return up(up(x))  # BUG


def transposed[B: IntVar, D: IntVar](x: Tensor[[B, D]]) -> Tensor[[B, D]]:
    b, d = x.shape
    return x.permute((d, b))  # BUG


def wrong_axis[B: IntVar, T: IntVar, D: IntVar](x: Tensor[[B, T, D]], m: Tensor[[B, D]]) -> Tensor[[B, T, D]]:
    b, t, d = x.shape
    return x - m.broadcast((b, d, t))  # BUG


def unequal_branches[B: IntVar, D: IntVar](x: Tensor[[B, D]], flag: bool) -> Tensor[[B]]:
    b, d = x.shape
    return x.sum((d,)) if flag else x.sum((b,))  # BUG: one branch keeps the other axis


def windows[B: IntVar, C: IntVar](x: Tensor[[B, C, 8, 8]]) -> Tensor[[B, C, 4, 4]]:
    return nn.MaxPool2d(3, stride=2)(x)  # BUG: 3 x 3
