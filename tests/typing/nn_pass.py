"""Programs that must check: layers, containers, initialisers and losses, on numbers and on names.

Read by the type checker; it also runs, with TYPE_CHECKING false, which skips the assertions on types. Convolution, pools,
attention and transformers have programs of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_type

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, nn
from shapewright.nn import init

x = sw.zeros((8, 784))
seq = sw.zeros((2, 5, 16))
image = sw.zeros((8, 3, 4, 6))
tokens = sw.zeros((2, 5), dtype=sw.i64)
vector = sw.zeros((16,))
y = sw.zeros((8,), dtype=sw.i64)
wide = sw.zeros((8, 784), dtype=sw.f64)

# ---- Linear: any leading axes
up = nn.Linear(784, 256)
assert_type(up, nn.Linear[784, 256])
assert_type(up.weight, nn.Parameter[[256, 784]])
assert_type(up.bias, nn.Parameter[[256]])
assert_type(up(x), Tensor[[8, 256]])
assert_type(nn.Linear(16, 3)(seq), Tensor[[2, 5, 3]])
assert_type(nn.Linear(16, 3, bias=False)(vector), Tensor[[3]])
assert_type(nn.Linear(784, 4, dtype=sw.f64)(wide), Tensor[[8, 4], sw.f64])
assert_type(nn.Linear(784, 4, dtype=sw.f64).weight, nn.Parameter[[4, 784], sw.f64])
assert_type(nn.Linear(784, 4, key=sw.Key(0), device=sw.Reference())(x.to(sw.Reference())), Tensor[[8, 4]])
assert_type(up(x.trace()).sum().backward()[up.weight], Tensor[[256, 784]])
assert_type(up(x.trace()).sum().backward()[up.bias], Tensor[[256]])

# ---- Embedding
words = nn.Embedding(100, 16, padding_idx=0)
assert_type(words, nn.Embedding[100, 16])
assert_type(words.weight, nn.Parameter[[100, 16]])
assert_type(words(tokens), Tensor[[2, 5, 16]])
assert_type(words(y), Tensor[[8, 16]])
assert_type(nn.Embedding(9, 4, dtype=sw.f64)(y), Tensor[[8, 4], sw.f64])

# ---- activations keep shape and element type
assert_type(nn.ReLU()(seq), Tensor[[2, 5, 16]])
assert_type(nn.LeakyReLU(0.1)(seq), Tensor[[2, 5, 16]])
assert_type(nn.ELU()(seq), Tensor[[2, 5, 16]])
assert_type(nn.GELU()(wide), Tensor[[8, 784], sw.f64])
assert_type(nn.GELU(approximate="tanh")(seq), Tensor[[2, 5, 16]])
assert_type(nn.SiLU()(seq), Tensor[[2, 5, 16]])
assert_type(nn.Sigmoid()(vector), Tensor[[16]])
assert_type(nn.Tanh()(image), Tensor[[8, 3, 4, 6]])
assert_type(nn.Softplus(beta=2.0)(seq), Tensor[[2, 5, 16]])
assert_type(nn.Softmax()(seq), Tensor[[2, 5, 16]])
assert_type(nn.LogSoftmax(dim=1)(seq), Tensor[[2, 5, 16]])
assert_type(nn.Identity()(tokens), Tensor[[2, 5], sw.i64])
assert_type(nn.Sin()(vector), Tensor[[16]])
assert_type(nn.Cos()(vector), Tensor[[16]])
assert_type(nn.Exp()(vector), Tensor[[16]])
assert_type(nn.Ln()(nn.Exp()(vector)), Tensor[[16]])
assert_type(nn.Square()(vector), Tensor[[16]])
assert_type(nn.Sqrt()(vector), Tensor[[16]])
assert_type(nn.Abs()(vector), Tensor[[16]])
assert_type(nn.Dropout(0.1)(seq), Tensor[[2, 5, 16]])
assert_type(nn.DropoutOneIn(4), nn.DropoutOneIn[4])
assert_type(nn.DropoutOneIn(4)(wide), Tensor[[8, 784], sw.f64])

# ---- norms
assert_type(nn.LayerNorm(16)(seq), Tensor[[2, 5, 16]])
assert_type(nn.LayerNorm(16, elementwise_affine=False)(vector), Tensor[[16]])
assert_type(nn.LayerNorm(784, dtype=sw.f64)(wide), Tensor[[8, 784], sw.f64])
assert_type(nn.LayerNorm(16).weight, nn.Parameter[[16]])
norm = nn.BatchNorm2d(3)
assert_type(norm(image.trace()), Tensor[[8, 3, 4, 6]])
assert_type(norm(sw.zeros((3, 4, 6))), Tensor[[3, 4, 6]])
assert_type(norm.weight, nn.Parameter[[3]])
assert_type(norm.running_var, nn.Buffer[[3]])
assert_type(norm.num_batches_tracked, nn.Buffer[[], sw.i64])

# ---- Flatten: sizes are multiplied
assert_type(nn.Flatten()(image), Tensor[[8, 72]])
assert_type(nn.Flatten()(seq), Tensor[[2, 80]])
assert_type(nn.Flatten()(x), Tensor[[8, 784]])
assert_type(nn.Flatten()(sw.zeros((2, 3, 4, 5, 6), dtype=sw.u8)), Tensor[[2, 360], sw.u8])
assert_type(nn.Flatten(0)(seq), Tensor[[160]])
assert_type(nn.Flatten(0)(vector), Tensor[[16]])
assert_type(nn.Flatten(1, 2)(image), Tensor[[8, 12, 6]])
assert_type(nn.Flatten(2)(image), Tensor[[8, 3, 24]])
assert_type(nn.Flatten(-2)(seq), Tensor[[2, 80]])

# ---- Sequential threads the shape through, however deep
mlp = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
assert_type(mlp(x), Tensor[[8, 10]])
assert_type(mlp(sw.zeros((784,))), Tensor[[10]])
assert_type(mlp[0], nn.Linear[784, 256])
assert_type(mlp[1], nn.ReLU)
assert_type(mlp[-1], nn.Linear[256, 10])
assert_type(mlp[2].weight, nn.Parameter[[10, 256]])
assert_type(mlp(x.trace()).sum().backward()[mlp[0].weight], Tensor[[256, 784]])
assert_type(mlp.num_parameters, int)
assert_type(len(mlp), int)
flat = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(72, 10), nn.LogSoftmax())
assert_type(flat(image), Tensor[[8, 10]])
deep = nn.Sequential(
    nn.Sequential(nn.Flatten(), nn.Linear(72, 6)),
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(6, 7), nn.Linear(7, 8))),
    nn.LayerNorm(8),
)
assert_type(deep(image), Tensor[[8, 8]])
assert_type(deep[1][1][0], nn.Linear[6, 7])
assert_type(
    nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), nn.Sequential(nn.ReLU(), up)), nn.ReLU())(x), Tensor[[8, 256]]
)
assert_type(nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))(tokens), Tensor[[2, 5, 2]])
assert_type(nn.Sequential(nn.Linear(784, 3, dtype=sw.f64), nn.Tanh())(wide), Tensor[[8, 3], sw.f64])
assert_type(
    nn.Sequential(
        nn.Linear(784, 10), nn.ReLU(), nn.Linear(10, 11), nn.ReLU(), nn.Linear(11, 12), nn.ReLU(),
        nn.Linear(12, 13), nn.ReLU(), nn.Linear(13, 14), nn.ReLU(), nn.Linear(14, 15), nn.ReLU(),
        nn.Linear(15, 16), nn.ReLU(), nn.Linear(16, 17), nn.ReLU(),
    )(x),
    Tensor[[8, 17]],
)  # fmt: skip
assert_type(x >> up >> nn.ReLU() >> nn.Linear(256, 10), Tensor[[8, 10]])
assert_type(image >> nn.Flatten() >> nn.Linear(72, 10), Tensor[[8, 10]])

# ---- the other containers
assert_type(nn.Residual(nn.Linear(16, 16))(seq), Tensor[[2, 5, 16]])
assert_type(nn.Residual(nn.Linear(16, 16)).inner.weight, nn.Parameter[[16, 16]])
assert_type(nn.Residual(nn.Sequential(nn.Linear(16, 9), nn.ReLU(), nn.Linear(9, 16)))(seq), Tensor[[2, 5, 16]])
assert_type(
    nn.Sequential(nn.Linear(784, 9), nn.Residual(nn.Sequential(nn.Linear(9, 4), nn.Linear(4, 9))), nn.Linear(9, 2))(x),
    Tensor[[8, 2]],
)
assert_type(
    nn.GeneralizedResidual(nn.Linear(784, 3), nn.Sequential(nn.Linear(784, 4), nn.Linear(4, 3)))(x), Tensor[[8, 3]]
)
assert_type(nn.GeneralizedResidual(nn.Linear(784, 3), nn.ReLU()).f, nn.Linear[784, 3])
assert_type(nn.Repeated(lambda: nn.Linear(16, 16), 3)(seq), Tensor[[2, 5, 16]])
assert_type(nn.Repeated(lambda: nn.Linear(16, 16), 3)[0].weight, nn.Parameter[[16, 16]])
assert_type(nn.Repeated(nn.ReLU, 3)(x), Tensor[[8, 784]])
assert_type(
    nn.Repeated(lambda: nn.Residual(nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 16))), 2)(seq), Tensor[[2, 5, 16]]
)
assert_type(nn.SplitInto(nn.Linear(784, 3), nn.Linear(784, 1))(x), tuple[Tensor[[8, 3]], Tensor[[8, 1]]])
policy, value = nn.SplitInto(nn.Sequential(nn.Linear(784, 4), nn.Linear(4, 3)), nn.Linear(784, 1))(x)
assert_type(policy, Tensor[[8, 3]])
assert_type(value, Tensor[[8, 1]])
a, b, c = nn.SplitInto(nn.Linear(16, 1), nn.Linear(16, 2), nn.Linear(16, 3))(seq)
assert_type(b, Tensor[[2, 5, 2]])
assert_type(c, Tensor[[2, 5, 3]])
assert_type(nn.AddInto(nn.Linear(784, 5), nn.Linear(72, 5))((x, nn.Flatten()(image))), Tensor[[8, 5]])
assert_type(nn.AddInto(nn.Linear(3, 5), nn.Linear(1, 5), nn.Linear(3, 5))((policy, value, policy)), Tensor[[8, 5]])
assert_type(
    nn.Sequential(nn.SplitInto(nn.Linear(784, 3), nn.Linear(784, 4)), nn.AddInto(nn.Linear(3, 6), nn.Linear(4, 6)))(x),
    Tensor[[8, 6]],
)

# ---- initialisers
assert_type(init.uniform((3, 4), -1.0, 1.0), Tensor[[3, 4]])
assert_type(init.normal((3, 4), dtype=sw.f64), Tensor[[3, 4], sw.f64])
assert_type(init.constant((3,), 1.0), Tensor[[3]])
assert_type(init.zeros((3,)), Tensor[[3]])
assert_type(init.ones((3,)), Tensor[[3]])
assert_type(init.eye((3, 4)), Tensor[[3, 4]])
assert_type(init.dirac((4, 3, 3, 3)), Tensor[[4, 3, 3, 3]])
assert_type(init.xavier_uniform((3, 4)), Tensor[[3, 4]])
assert_type(init.xavier_normal((3, 4)), Tensor[[3, 4]])
assert_type(init.kaiming_uniform((3, 4), nonlinearity="relu"), Tensor[[3, 4]])
assert_type(init.kaiming_normal((3, 4), mode="fan_out"), Tensor[[3, 4]])
assert_type(init.trunc_normal((3, 4), std=0.02), Tensor[[3, 4]])
assert_type(init.orthogonal((3, 4)), Tensor[[3, 4]])
assert_type(init.sparse((3, 4), 0.5), Tensor[[3, 4]])
assert_type(init.calculate_gain("relu"), float)
up.weight.assign(init.xavier_uniform((256, 784)))

# ---- losses
logits = mlp(x)
assert_type(nn.cross_entropy(logits, y), Tensor[[]])
assert_type(nn.cross_entropy(logits, y, label_smoothing=0.1, ignore_index=-1), Tensor[[]])
assert_type(nn.cross_entropy(logits, y, sw.ones((10,))), Tensor[[]])
assert_type(nn.cross_entropy(logits, y, reduction="sum"), Tensor[[]])
assert_type(nn.cross_entropy(logits, y, reduction="none"), Tensor[[8]])
assert_type(nn.cross_entropy(logits, nn.Softmax()(logits)), Tensor[[]])
assert_type(nn.cross_entropy(logits, nn.Softmax()(logits), reduction="none"), Tensor[[8]])
assert_type(nn.cross_entropy(seq, tokens), Tensor[[]])
assert_type(nn.cross_entropy(seq, tokens, reduction="none"), Tensor[[2, 5]])
assert_type(nn.cross_entropy(wide, y), Tensor[[], sw.f64])
assert_type(nn.cross_entropy(vector, sw.tensor(3)), Tensor[[]])
assert_type(nn.nll(nn.LogSoftmax()(logits), y), Tensor[[]])
assert_type(nn.nll(nn.LogSoftmax()(seq), tokens, sw.ones((16,)), reduction="none"), Tensor[[2, 5]])
assert_type(nn.mse(seq, seq), Tensor[[]])
assert_type(nn.mse(wide, wide, reduction="none"), Tensor[[8, 784], sw.f64])
assert_type(nn.mae(seq, seq, reduction="sum"), Tensor[[]])
assert_type(nn.rmse(vector, vector), Tensor[[]])
assert_type(nn.huber(seq, seq, delta=0.5), Tensor[[]])
assert_type(nn.huber(seq, seq, reduction="none"), Tensor[[2, 5, 16]])
assert_type(nn.smooth_l1(seq, seq, beta=0.5), Tensor[[]])
assert_type(nn.smooth_l1(seq, seq, reduction="none"), Tensor[[2, 5, 16]])
assert_type(nn.binary_cross_entropy_with_logits(seq, seq), Tensor[[]])
assert_type(nn.binary_cross_entropy_with_logits(seq, seq, seq, reduction="none"), Tensor[[2, 5, 16]])
assert_type(nn.binary_cross_entropy_with_logits(seq, seq, pos_weight=vector), Tensor[[]])
assert_type(nn.kl_div(nn.LogSoftmax()(seq), nn.Softmax()(seq), reduction="batchmean"), Tensor[[]])
assert_type(nn.kl_div(nn.LogSoftmax()(seq), nn.Softmax()(seq), reduction="none"), Tensor[[2, 5, 16]])
nn.cross_entropy(mlp(x.trace()), y).backward()


# ---- models of names
class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(0.1)
        self.down = nn.Linear(hidden, outputs)

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        h = self.drop(self.norm(self.up(x).relu()))
        if TYPE_CHECKING:
            assert_type(h, Tensor[[*Bs, H]])
        return self.down(h)


class Block[D: IntVar](nn.Module):
    def __init__(self, size: Int[D]) -> None:
        self.norm = nn.LayerNorm(size)
        self.feed = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))
        self.gate = nn.Residual(nn.Sequential(nn.LayerNorm(size), nn.Linear(size, size)))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, D]]:
        return self.gate(x + self.feed(self.norm(x)))


class Reader[V: IntVar, D: IntVar](nn.Module):
    def __init__(self, words: Int[V], size: Int[D]) -> None:
        self.words = nn.Embedding(words, size)
        self.blocks = nn.Repeated(lambda: Block(size), 2)
        self.out = nn.Linear(size, words)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        return self.out(self.blocks(self.words(x)))


class Flat[C: IntVar, H: IntVar, W: IntVar](nn.Module):
    def __init__(self, channels: Int[C], height: Int[H], width: Int[W]) -> None:
        self.net = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(), nn.Flatten(), nn.Linear(channels * height * width, 10)
        )

    def __call__[B: IntVar](self, x: Tensor[[B, C, H, W]]) -> Tensor[[B, 10]]:
        return self.net(x)


class Wide[D: IntVar](nn.Module):
    def __init__(self, size: Int[D]) -> None:
        self.linear = nn.Linear(size, size, dtype=sw.f64)

    def __call__[B: IntVar](self, x: Tensor[[B, D], sw.f64]) -> Tensor[[B, D], sw.f64]:
        return self.linear(x)


assert_type(Mlp(784, 64, 10)(x), Tensor[[8, 10]])
assert_type(Mlp(784, 64, 10).up.weight, nn.Parameter[[64, 784]])
assert_type(Block(16)(seq), Tensor[[2, 5, 16]])
assert_type(Reader(100, 16)(tokens), Tensor[[2, 5, 100]])
assert_type(Flat(3, 4, 6)(image), Tensor[[8, 10]])
assert_type(Wide(784)(wide), Tensor[[8, 784], sw.f64])
assert_type(
    nn.Sequential(Mlp(784, 64, 16), Block(16), nn.Repeated(lambda: Block(16), 2), nn.Linear(16, 2))(x), Tensor[[8, 2]]
)
assert_type(x >> Mlp(784, 64, 16) >> Block(16), Tensor[[8, 16]])


# ---- training functions
def classify[B: IntVar, I: IntVar, C: IntVar](
    model: Callable[[Tensor[[B, I]]], Tensor[[B, C]]], x: Tensor[[B, I]], y: Tensor[[B], sw.i64]
) -> Tensor[[]]:
    return nn.cross_entropy(model(x.trace()), y)


def regress[B: IntVar, O: IntVar](
    x: Tensor[[B, O]], y: Tensor[[B, O]], loss: Callable[[Tensor[[B, O]], Tensor[[B, O]]], Tensor[[]]]
) -> Tensor[[]]:
    return loss(x.trace(), y)


def masked[B: IntVar, T: IntVar, C: IntVar](
    logits: Tensor[[B, T, C]], labels: Tensor[[B, T], sw.i64], mask: Tensor[[B, T]]
) -> Tensor[[]]:
    losses = nn.cross_entropy(logits, labels, reduction="none")
    if TYPE_CHECKING:
        assert_type(losses, Tensor[[B, T]])
    return (losses * mask).sum()


assert_type(classify(Mlp(784, 64, 10), x, y), Tensor[[]])
assert_type(classify(mlp, x, y), Tensor[[]])
assert_type(regress(x, x, nn.mse), Tensor[[]])
assert_type(regress(x, x, nn.huber), Tensor[[]])
assert_type(masked(seq, tokens, sw.ones((2, 5))), Tensor[[]])
