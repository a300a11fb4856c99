"""Layers, containers, initialisers and losses with one bug a line, marked BUG: each must be reported, and each raises."""

from __future__ import annotations

from collections.abc import Callable

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, nn
from shapewright.nn import init

x = sw.zeros((8, 784))
seq = sw.zeros((2, 5, 16))
image = sw.zeros((8, 3, 4, 6))
tokens = sw.zeros((2, 5), dtype=sw.i64)
vector = sw.zeros((16,))
scalar = sw.zeros(())
y = sw.zeros((8,), dtype=sw.i64)
wide = sw.zeros((8, 784), dtype=sw.f64)
logits = sw.zeros((8, 10))
up = nn.Linear(784, 256)
flatten = nn.Flatten()


def linear() -> None:
    nn.Linear(783, 256)(x)  # BUG
    nn.Linear(256, 784)(x)  # BUG: the sizes exchanged
    nn.Linear(5, 16)(seq)  # BUG: the middle axis
    up(scalar)  # BUG: no axis
    up(wide)  # BUG: element type
    nn.Linear(784, 4, dtype=sw.f64)(x)  # BUG
    nn.Linear(784, 4, dtype=sw.i64)  # BUG: integers have no gradient
    nn.Linear(16, 3)(tokens)  # BUG
    up(x) + x  # BUG: the layer changes the size
    nn.Linear(256, 10)(nn.Linear(784, 255)(x))  # BUG
    up.weight.assign(sw.zeros((784, 256)))  # BUG: stored the other way round
    up.bias.assign(sw.zeros((784,)))  # BUG
    up(x.trace()).sum().backward()[up.weight] + sw.zeros((784, 256))  # BUG
    x @ up.weight  # BUG
    nn.Linear("784", 256)  # BUG
    nn.Linear(784)  # BUG
    nn.Linear(784, 256, biass=True)  # BUG
    nn.Linear(784, 256)("x")  # BUG


def embedding() -> None:
    nn.Embedding(100, 16)(seq)  # BUG: numbers are i64
    nn.Embedding(100, 16)(tokens.to(sw.i32))  # BUG
    nn.Embedding(100, 16)(tokens) + sw.zeros((2, 5, 15))  # BUG
    nn.Linear(15, 3)(nn.Embedding(100, 16)(tokens))  # BUG
    nn.Embedding(100, 16).weight.assign(sw.zeros((16, 100)))  # BUG
    nn.Embedding(100, 16, padding_idx="x")  # BUG
    nn.Embedding(100, 16, dtype=sw.bool)  # BUG


def activations() -> None:
    nn.ReLU()(tokens)  # BUG: integers
    nn.GELU()(y)  # BUG
    nn.Softmax()(y)  # BUG
    nn.LogSoftmax()(tokens)  # BUG
    nn.Sigmoid()(y)  # BUG
    nn.Tanh()(x > 0.0)  # BUG
    nn.Exp()(y)  # BUG
    nn.Sin()(y)  # BUG
    nn.Sqrt()(y)  # BUG
    nn.LeakyReLU()(y)  # BUG
    nn.ELU()(y)  # BUG
    nn.SiLU()(y)  # BUG
    nn.Softplus()(y)  # BUG
    nn.GELU(approximate="fast")  # BUG
    nn.ReLU()(x) + nn.ReLU()(logits)  # BUG
    nn.ReLU(x)  # BUG
    nn.ReLU()(x, x)  # BUG


def dropout() -> None:
    nn.Dropout(0.5)(tokens)  # BUG
    nn.Dropout("0.5")  # BUG
    nn.DropoutOneIn(4)(y)  # BUG
    nn.Dropout(0.5)(x) + seq  # BUG
    nn.Dropout(0.5, key=0)(x.trace())  # BUG


def norms() -> None:
    nn.LayerNorm(15)(seq)  # BUG
    nn.LayerNorm(5)(seq)  # BUG
    nn.LayerNorm(784)(wide)  # BUG
    nn.LayerNorm(16)(scalar)  # BUG
    nn.LayerNorm(16)(seq) + vector  # BUG: nothing is broadcast silently
    nn.LayerNorm(16).weight.assign(sw.zeros((15,)))  # BUG
    nn.BatchNorm2d(4)(image)  # BUG
    nn.BatchNorm2d(8)(x)  # BUG: no image
    nn.BatchNorm2d(6)(image)  # BUG: channels last
    nn.BatchNorm2d(3)(image.to(sw.f64))  # BUG
    nn.BatchNorm2d(3).running_mean.assign(sw.zeros((4,)))  # BUG
    nn.BatchNorm2d(3, momentum="x")  # BUG
    nn.BatchNorm2d(3)(image) + nn.Flatten()(image)  # BUG


def flattening() -> None:
    nn.Linear(71, 10)(nn.Flatten()(image))  # BUG
    nn.Linear(576, 10)(nn.Flatten()(image))  # BUG
    nn.Linear(16, 10)(nn.Flatten()(seq))  # BUG
    nn.Flatten(2)(x)  # BUG
    nn.Flatten(2, 1)(seq)  # BUG
    nn.Flatten()(vector)  # BUG
    nn.Flatten(1, 4)(image)  # BUG
    nn.Flatten()(image) + x  # BUG
    nn.Flatten(0)(seq) + nn.Flatten()(seq)  # BUG


def sequential() -> None:
    nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(128, 10))(x)  # BUG
    nn.Sequential(nn.Linear(783, 10))(x)  # BUG
    nn.Sequential(nn.Flatten(), nn.Linear(71, 10))(image)  # BUG
    nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(73, 10))(image)  # BUG
    nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(72, 6), nn.Linear(7, 8)))(image)  # BUG
    nn.Sequential(nn.Flatten(), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(72, 7), nn.Linear(6, 8))))(
        image
    )  # BUG
    nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(784, 7), nn.Linear(6, 8)), nn.ReLU()), nn.ReLU())(x)  # BUG
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.LayerNorm(783))), nn.ReLU())(x)  # BUG
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), up)), nn.LayerNorm(255))(x)  # BUG
    nn.Sequential(nn.Embedding(9, 4), nn.Linear(5, 2))(tokens)  # BUG
    nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))(seq)  # BUG
    nn.Sequential(nn.Linear(784, 10), nn.ReLU())(x) + x  # BUG
    nn.Sequential(nn.Linear(784, 10), nn.Linear(10, 3, dtype=sw.f64))(x)  # BUG
    nn.Sequential(nn.Linear(784, 10), nn.ReLU())[0].weight.assign(sw.zeros((784, 10)))  # BUG
    nn.cross_entropy(nn.Sequential(nn.Linear(784, 10), nn.ReLU())(x), tokens)  # BUG
    nn.Sequential(nn.Linear(784, 10), nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()))(x)  # BUG
    x >> nn.Linear(784, 256) >> nn.ReLU() >> nn.Linear(255, 10)  # BUG
    image >> nn.Flatten() >> nn.Linear(784, 10)  # BUG
    image >> nn.Linear(72, 10)  # BUG: no Flatten
    x >> nn.Sequential(nn.Linear(784, 3), nn.Linear(4, 5))  # BUG


def containers() -> None:
    nn.Residual(nn.Linear(784, 10))(x)  # BUG
    nn.Residual(nn.Linear(16, 16))(x)  # BUG
    nn.Residual(nn.Sequential(nn.Linear(784, 9), nn.ReLU(), nn.Linear(9, 783)))(x)  # BUG
    nn.Residual(nn.Sequential(nn.Linear(784, 9), nn.Linear(8, 784)))(x)  # BUG
    nn.Sequential(nn.ReLU(), nn.Residual(nn.Sequential(nn.Linear(784, 9), nn.Linear(9, 10))))(x)  # BUG
    nn.Residual(nn.Flatten())(image)  # BUG
    nn.GeneralizedResidual(nn.Linear(784, 3), nn.Linear(784, 4))(x)  # BUG
    nn.GeneralizedResidual(nn.Linear(784, 3), nn.Linear(783, 3))(x)  # BUG
    nn.GeneralizedResidual(nn.Linear(783, 3), nn.Linear(784, 3))(x)  # BUG
    nn.GeneralizedResidual(nn.Linear(784, 3), nn.Sequential(nn.Linear(784, 4), nn.Linear(5, 3)))(x)  # BUG
    nn.Repeated(lambda: nn.Linear(784, 10), 3)(x)  # BUG
    nn.Repeated(lambda: nn.Linear(16, 16), 3)(x)  # BUG
    nn.Repeated(nn.Linear(16, 16), 3)(seq)  # BUG: a layer, not what makes one
    nn.Repeated(lambda: nn.Sequential(nn.Linear(16, 9), nn.Linear(8, 16)), 3)(seq)  # BUG
    nn.SplitInto(nn.Linear(784, 3), nn.Linear(783, 1))(x)  # BUG
    nn.SplitInto(nn.Linear(783, 3), nn.Linear(784, 1))(x)  # BUG
    nn.SplitInto(nn.Linear(784, 3), nn.Linear(784, 1))(x)[0] + sw.zeros((8, 1))  # BUG
    a, b, c = nn.SplitInto(nn.Linear(784, 3), nn.Linear(784, 1))(x)  # BUG: two results
    nn.AddInto(nn.Linear(784, 5), nn.Linear(72, 5))((x, image))  # BUG
    nn.AddInto(nn.Linear(784, 5), nn.Linear(784, 4))((x, x))  # BUG
    nn.AddInto(nn.Linear(784, 5), nn.Linear(784, 5))(x)  # BUG
    nn.AddInto(nn.Linear(784, 5), nn.Linear(784, 5))((x, x, x))  # BUG
    nn.Sequential(nn.SplitInto(nn.Linear(784, 3), nn.Linear(784, 4)), nn.AddInto(nn.Linear(3, 6), nn.Linear(5, 6)))(
        x
    )  # BUG


def initialisers() -> None:
    up.weight.assign(init.xavier_uniform((784, 256)))  # BUG
    up.bias.assign(init.uniform((255,), -1.0, 1.0))  # BUG
    up.weight.assign(init.kaiming_normal((256, 784), dtype=sw.f64))  # BUG
    init.kaiming_uniform((3, 4), mode="fan")  # BUG
    init.calculate_gain("gelu")  # BUG
    init.orthogonal((3, 4)) @ init.orthogonal((3, 4))  # BUG
    init.normal((3, 4)) + init.zeros((4, 3))  # BUG
    init.eye((3, 4)) + init.ones((3, 3))  # BUG


def losses() -> None:
    nn.cross_entropy(logits, sw.zeros((7,), dtype=sw.i64))  # BUG: another batch
    nn.cross_entropy(logits, sw.zeros((8,)))  # BUG: labels are i64
    nn.cross_entropy(logits, y.to(sw.i32))  # BUG
    nn.cross_entropy(logits, sw.zeros((8, 1), dtype=sw.i64))  # BUG
    nn.cross_entropy(logits, sw.zeros((8, 10), dtype=sw.i64))  # BUG: one-hot integers
    nn.cross_entropy(logits, sw.zeros((8, 9)))  # BUG: other classes
    nn.cross_entropy(logits, sw.zeros((8, 10), dtype=sw.f64))  # BUG
    nn.cross_entropy(y, y)  # BUG: no logits
    nn.cross_entropy(seq, y)  # BUG
    nn.cross_entropy(seq, sw.zeros((5, 2), dtype=sw.i64))  # BUG
    nn.cross_entropy(logits, y, sw.ones((9,)))  # BUG
    nn.cross_entropy(logits, y, reduction="average")  # BUG
    nn.cross_entropy(logits, y, reduction="none").backward()  # BUG: no scalar
    nn.cross_entropy(logits, y) + sw.zeros((8,))  # BUG
    nn.cross_entropy(y, logits)  # BUG: exchanged
    nn.nll(logits, sw.zeros((7,), dtype=sw.i64))  # BUG
    nn.nll(logits, sw.zeros((8,)))  # BUG
    nn.nll(logits, logits)  # BUG: labels only
    nn.nll(logits, y, sw.ones((8,)))  # BUG
    nn.mse(logits, x)  # BUG
    nn.mse(logits, sw.zeros((8,)))  # BUG: the mistake that broadcasting hides
    nn.mse(logits, sw.zeros((8, 1)))  # BUG
    nn.mse(logits, sw.zeros((8, 10), dtype=sw.f64))  # BUG
    nn.mse(y, y)  # BUG: integers
    nn.mse(logits, 1.0)  # BUG
    nn.mae(logits, sw.zeros((10, 8)))  # BUG
    nn.mae(logits, vector)  # BUG
    nn.mae(logits, logits, reduction="max")  # BUG
    nn.mae(logits, logits, reduction="none") + scalar  # BUG
    nn.rmse(logits, x)  # BUG
    nn.rmse(y, y)  # BUG
    nn.rmse(logits, logits, reduction="sum")  # BUG: it has none
    nn.rmse(logits, logits) + logits  # BUG
    nn.huber(logits, x)  # BUG
    nn.huber(logits, sw.zeros((8,)))  # BUG
    nn.huber(logits, logits, delta="x")  # BUG
    nn.huber(logits, logits, beta=1.0)  # BUG: delta
    nn.smooth_l1(logits, x)  # BUG
    nn.smooth_l1(logits, sw.zeros((8, 1)))  # BUG
    nn.smooth_l1(logits, logits, delta=1.0)  # BUG: beta
    nn.smooth_l1(logits, wide)  # BUG
    nn.binary_cross_entropy_with_logits(logits, y)  # BUG
    nn.binary_cross_entropy_with_logits(logits, sw.zeros((8,)))  # BUG
    nn.binary_cross_entropy_with_logits(logits, logits > 0.0)  # BUG: probabilities are floats
    nn.binary_cross_entropy_with_logits(logits, logits, sw.ones((10,)))  # BUG
    nn.binary_cross_entropy_with_logits(logits, logits, pos_weight=sw.ones((8,)))  # BUG
    nn.kl_div(logits, x)  # BUG
    nn.kl_div(logits, y)  # BUG
    nn.kl_div(logits, logits, reduction="batch")  # BUG
    nn.kl_div(logits, sw.zeros((8, 9)))  # BUG
    nn.mse(logits, logits, reduction="batchmean")  # BUG: kl_div's alone


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.down(self.norm(self.up(x)))

    def skips_the_middle[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.down(x)  # BUG

    def normalises_late[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.norm(self.down(self.up(x)))  # BUG

    def goes_back[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, I]]:
        return self.up(self.down(self.up(x)))  # BUG

    def adds_what_differs[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, I]]:
        return x + self.up(x)  # BUG


class Block[D: IntVar](nn.Module):
    def __init__(self, size: Int[D]) -> None:
        self.good = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, D]]:
        return x + self.good(x)


class Flat[C: IntVar, H: IntVar, W: IntVar](nn.Module):
    def __init__(self, channels: Int[C], height: Int[H], width: Int[W]) -> None:
        self.net = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(channels * height * width, 10))
        self.odd = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(channels * height, 10))

    def __call__[B: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, 10]]:
        return self.net(x)

    def forgets_the_width[B: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, 10]]:
        return self.odd(x)  # BUG


class Returns[I: IntVar](nn.Module):
    def __init__(self, inputs: Int[I]) -> None:
        self.net = nn.Sequential(nn.Linear(inputs, 10), nn.ReLU())

    def __call__[B: IntVar](self, x: Tensor[[B, I]]) -> Tensor[[B, 9]]:
        return self.net(x)  # BUG


def classify[B: IntVar, I: IntVar, C: IntVar](
    model: Callable[[Tensor[[B, I]]], Tensor[[B, C]]], x: Tensor[[B, I]], y: Tensor[[B], sw.i64]
) -> Tensor[[]]:
    return nn.cross_entropy(model(x.trace()), y)


def training() -> None:
    Mlp(784, 64, 10)(seq)  # BUG
    classify(Mlp(783, 64, 10), x, y)  # BUG
    classify(Mlp(784, 64, 10), x, sw.zeros((7,), dtype=sw.i64))  # BUG
    classify(Mlp(784, 64, 10), x, sw.zeros((8,)))  # BUG
    classify(nn.Sequential(nn.Linear(784, 3), nn.Linear(4, 10)), x, y)  # BUG
    nn.Sequential(Mlp(784, 64, 16), Mlp(15, 3, 2))(x)  # BUG
    nn.Sequential(Mlp(784, 64, 16), nn.Repeated(lambda: Mlp(16, 3, 15), 2))(x)  # BUG
    x >> Mlp(784, 64, 16) >> Mlp(15, 3, 2)  # BUG
