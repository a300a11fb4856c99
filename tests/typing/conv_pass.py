"""Programs that must check: convolution, pools, attention and transformers; a small ResNet and a transformer with its training step.

Read by the type checker; it also runs, with TYPE_CHECKING false, which skips the assertions on types of symbols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, nn

image = sw.zeros((2, 3, 32, 32))
wide = sw.zeros((2, 3, 20, 30))
single = sw.zeros((3, 32, 32))
video = sw.zeros((5, 2, 3, 8, 8))
tokens = sw.zeros((2, 10, 16))
memory = sw.zeros((2, 7, 16))
padding = sw.zeros((2, 10), dtype=sw.bool)
memory_padding = sw.zeros((2, 7), dtype=sw.bool)

# ---- convolution
assert_type(nn.Conv2d(3, 16, 3, stride=2, padding=1)(image), Tensor[[2, 16, 16, 16]])
assert_type(nn.Conv2d(3, 16, 3)(image), Tensor[[2, 16, 30, 30]])
assert_type(nn.Conv2d(3, 16, 3, padding=1)(image), Tensor[[2, 16, 32, 32]])
assert_type(nn.Conv2d(3, 16, 1)(image), Tensor[[2, 16, 32, 32]])
assert_type(nn.Conv2d(3, 64, 7, 2, 3)(image), Tensor[[2, 64, 16, 16]])
assert_type(nn.Conv2d(3, 16, 3, dilation=2)(image), Tensor[[2, 16, 28, 28]])
assert_type(nn.Conv2d(3, 16, 3, dilation=2, padding=2)(image), Tensor[[2, 16, 32, 32]])
assert_type(nn.Conv2d(3, 16, 5, stride=3, padding=1, dilation=2)(image), Tensor[[2, 16, 9, 9]])
assert_type(nn.Conv2d(3, 6, 3, groups=3)(image), Tensor[[2, 6, 30, 30]])
assert_type(nn.Conv2d(3, 6, 3, groups=3).weight.stop_gradient(), Tensor[[6, 1, 3, 3]])
assert_type(nn.Conv2d(4, 6, 5, groups=2).weight.stop_gradient(), Tensor[[6, 2, 5, 5]])
assert_type(nn.Conv2d(3, 6, 3).bias.stop_gradient(), Tensor[[6]])
assert_type(nn.Conv2d(3, 16, 32)(image), Tensor[[2, 16, 1, 1]])
assert_type(nn.Conv2d(3, 16, 3, padding=1)(wide), Tensor[[2, 16, 20, 30]])
assert_type(nn.Conv2d(3, 16, 3, stride=2)(wide), Tensor[[2, 16, 9, 14]])
assert_type(nn.Conv2d(3, 16, 3)(single), Tensor[[16, 30, 30]])
assert_type(nn.Conv2d(3, 16, 3)(video), Tensor[[5, 2, 16, 6, 6]])
assert_type(nn.Conv2d(3, 16, (3, 5))(image), Tensor[[2, 16, 30, 28]])
assert_type(nn.Conv2d(3, 16, (3, 5), stride=(1, 2), padding=(1, 2))(image), Tensor[[2, 16, 32, 16]])
assert_type(nn.Conv2d(3, 16, (3, 5)).weight.stop_gradient(), Tensor[[16, 3, 3, 5]])
assert_type(nn.Conv2d(3, 16, 3, dtype=sw.f64)(image.to(sw.f64)), Tensor[[2, 16, 30, 30], sw.f64])

# ---- pools
assert_type(nn.MaxPool2d(2)(image), Tensor[[2, 3, 16, 16]])
assert_type(nn.MaxPool2d(3, stride=2, padding=1)(image), Tensor[[2, 3, 16, 16]])
assert_type(nn.MaxPool2d(3, 1, 1)(image), Tensor[[2, 3, 32, 32]])
assert_type(nn.MaxPool2d(3)(image), Tensor[[2, 3, 10, 10]])
assert_type(nn.MaxPool2d(3, 1, dilation=2)(image), Tensor[[2, 3, 28, 28]])
assert_type(nn.MaxPool2d((2, 1))(image), Tensor[[2, 3, 16, 32]])
assert_type(nn.MaxPool2d((2, 4), (2, 2))(image), Tensor[[2, 3, 16, 15]])
assert_type(nn.MinPool2d(2)(wide), Tensor[[2, 3, 10, 15]])
assert_type(nn.MinPool2d(2, 1)(single), Tensor[[3, 31, 31]])
assert_type(nn.AvgPool2d(2)(image), Tensor[[2, 3, 16, 16]])
assert_type(nn.AvgPool2d(3, 2, 1, count_include_pad=False)(image), Tensor[[2, 3, 16, 16]])
assert_type(nn.AvgPool2d((3, 2))(wide), Tensor[[2, 3, 6, 15]])
assert_type(nn.AvgPoolGlobal()(image), Tensor[[2, 3]])
assert_type(nn.MaxPoolGlobal()(single), Tensor[[3]])
assert_type(nn.MinPoolGlobal()(video), Tensor[[5, 2, 3]])
assert_type(nn.MaxPool2d(2)(sw.zeros((4, 4), dtype=sw.i64)), Tensor[[2, 2], sw.i64])

# ---- chains
chain = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 16 * 16, 10)
)
assert_type(chain(image), Tensor[[2, 10]])
assert_type(
    image >> nn.Conv2d(3, 8, 5) >> nn.ReLU() >> nn.MaxPool2d(2) >> nn.Flatten() >> nn.Linear(1568, 10), Tensor[[2, 10]]
)
assert_type(image >> nn.Conv2d(3, 8, 3) >> nn.AvgPoolGlobal() >> nn.Linear(8, 10), Tensor[[2, 10]])
block = nn.Residual(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()))
assert_type(block(sw.zeros((2, 8, 6, 6))), Tensor[[2, 8, 6, 6]])

# ---- attention
attend = nn.MultiheadAttention(16, 4)
assert_type(attend(tokens), Tensor[[2, 10, 16]])
assert_type(attend(tokens, is_causal=True), Tensor[[2, 10, 16]])
assert_type(attend(tokens, memory), Tensor[[2, 10, 16]])
assert_type(attend(tokens, memory, memory), Tensor[[2, 10, 16]])
assert_type(attend(tokens[0], memory[0]), Tensor[[10, 16]])
assert_type(attend(tokens, key_padding_mask=padding), Tensor[[2, 10, 16]])
assert_type(attend(tokens, memory, key_padding_mask=memory_padding), Tensor[[2, 10, 16]])
assert_type(attend(tokens, memory, attn_mask=sw.zeros((10, 7))), Tensor[[2, 10, 16]])
assert_type(attend(tokens, attn_mask=sw.zeros((10, 10), dtype=sw.bool)), Tensor[[2, 10, 16]])
assert_type(attend.in_proj_weight.stop_gradient(), Tensor[[48, 16]])
assert_type(attend.out_proj.weight.stop_gradient(), Tensor[[16, 16]])
other = nn.MultiheadAttention(16, 4, kdim=3, vdim=5)
assert_type(other(tokens, sw.zeros((2, 7, 3)), sw.zeros((2, 7, 5))), Tensor[[2, 10, 16]])
assert_type(other.k_proj_weight.stop_gradient(), Tensor[[16, 3]])
q, k, v = sw.zeros((2, 4, 10, 8)), sw.zeros((2, 4, 7, 8)), sw.zeros((2, 4, 7, 5))
assert_type(nn.scaled_dot_product_attention(q, k, v), Tensor[[2, 4, 10, 5]])
assert_type(nn.scaled_dot_product_attention(q, k, v, sw.ones((10, 7), dtype=sw.bool)), Tensor[[2, 4, 10, 5]])
assert_type(nn.scaled_dot_product_attention(q, k, v, sw.zeros((2, 4, 10, 7)), scale=0.5), Tensor[[2, 4, 10, 5]])
assert_type(nn.scaled_dot_product_attention(q[0, 0], k[0, 0], v[0, 0], is_causal=True), Tensor[[10, 5]])

# ---- transformers
encoder_layer = nn.TransformerEncoderLayer(16, 4, 32)
decoder_layer = nn.TransformerDecoderLayer(16, 4, 32, norm_first=True, activation="gelu")
assert_type(encoder_layer(tokens), Tensor[[2, 10, 16]])
assert_type(encoder_layer(tokens, src_key_padding_mask=padding, is_causal=True), Tensor[[2, 10, 16]])
assert_type(encoder_layer.linear1.weight.stop_gradient(), Tensor[[32, 16]])
assert_type(decoder_layer(tokens, memory), Tensor[[2, 10, 16]])
assert_type(decoder_layer(tokens, memory, memory_mask=sw.zeros((10, 7)), tgt_is_causal=True), Tensor[[2, 10, 16]])
encoder = nn.TransformerEncoder(encoder_layer, 2, nn.LayerNorm(16))
decoder = nn.TransformerDecoder(decoder_layer, 2)
assert_type(encoder(memory), Tensor[[2, 7, 16]])
assert_type(decoder(tokens, encoder(memory)), Tensor[[2, 10, 16]])
transformer = nn.Transformer(16, 4, 1, 1, 32)
assert_type(transformer(memory, tokens, tgt_is_causal=True), Tensor[[2, 10, 16]])
assert_type(
    transformer(memory, tokens, src_key_padding_mask=memory_padding, tgt_key_padding_mask=padding), Tensor[[2, 10, 16]]
)
assert_type(transformer.encoder(memory[0]), Tensor[[7, 16]])


# ---- names instead of numbers
def convolutions[B: IntVar, C: IntVar, H: IntVar, W: IntVar](x: Tensor[[B, C, H, W]]) -> None:
    b, c, h, w = x.shape
    same = nn.Conv2d(c, 2 * c, 3, padding=1)(x)
    half = nn.Conv2d(c, c, 3, stride=2, padding=1)(x)
    pooled = nn.MaxPool2d(2)(x)
    depthwise = nn.Conv2d(c, c, 3, padding=1, groups=c)
    if TYPE_CHECKING:
        assert_type(same, Tensor[[B, 2 * C, H, W]])
        assert_type(half, Tensor[[B, C, (H - 1) // 2 + 1, (W - 1) // 2 + 1]])
        assert_type(nn.Conv2d(c, c, 1, stride=2)(x) + half, Tensor[[B, C, (H - 1) // 2 + 1, (W - 1) // 2 + 1]])
        assert_type(pooled, Tensor[[B, C, H // 2, W // 2]])
        assert_type(depthwise(x) + x, Tensor[[B, C, H, W]])
        assert_type(depthwise.weight.stop_gradient(), Tensor[[C, 1, 3, 3]])
        assert_type(nn.AvgPoolGlobal()(same), Tensor[[B, 2 * C]])
        assert_type(nn.AvgPool2d(3, 1, 1)(x), Tensor[[B, C, H, W]])


class BasicBlock[I: IntVar, O: IntVar](nn.Module):
    """Two convolutions beside the identity (K. He et al., "Deep residual learning for image recognition", 2015)."""

    def __init__(self, inputs: Int[I], outputs: Int[O]) -> None:
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)

    def __call__[B: IntVar, H: IntVar, W: IntVar](
        self, x: Tensor[[B, I, H, W]]
    ) -> Tensor[[B, O, (H - 1) // 2 + 1, (W - 1) // 2 + 1]]:
        y = self.norm1(self.conv1(x)).relu()
        return (self.norm2(self.conv2(y)) + self.shortcut(x)).relu()


class ResNet[C: IntVar](nn.Module):
    """A small one for images of 32 times 32."""

    def __init__(self, classes: Int[C]) -> None:
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Residual(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()))
        self.block1 = BasicBlock(8, 12)
        self.block2 = BasicBlock(12, 16)
        self.head = nn.Linear(16, classes)

    def __call__[B: IntVar](self, x: Tensor[[B, 3, 32, 32]]) -> Tensor[[B, C]]:
        y = self.body(self.stem(x))
        y = self.block2(self.block1(y))
        if TYPE_CHECKING:
            assert_type(y, Tensor[[B, 16, 8, 8]])
        return self.head(nn.AvgPoolGlobal()(y))


class CausalBlock[D: IntVar, N: IntVar](nn.Module):
    """Attention to what came before, then two linear layers, with the norms first."""

    def __init__(self, width: Int[D], heads: Int[N]) -> None:
        self.norm1 = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def __call__[Bs: IntTuple, T: IntVar](self, x: Tensor[[*Bs, T, D]]) -> Tensor[[*Bs, T, D]]:
        x = x + self.attend(self.norm1(x), is_causal=True)
        return x + self.down(self.up(self.norm2(x)).gelu())


class LanguageModel[V: IntVar, N: IntVar, K: IntVar](nn.Module):
    """N heads of size K: whatever these are, the heads divide the width."""

    def __init__(self, vocabulary: Int[V], heads: Int[N], size: Int[K]) -> None:
        width = heads * size
        self.embed = nn.Embedding(vocabulary, width)
        self.blocks = [CausalBlock(width, heads) for _ in range(2)]
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(width, heads, 2 * width), 2, nn.LayerNorm(width)
        )
        self.head = nn.Linear(width, vocabulary)

    def __call__[B: IntVar, T: IntVar](self, ids: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(self.encoder(x, is_causal=True))


class Translator[V: IntVar, N: IntVar, K: IntVar](nn.Module):
    def __init__(self, vocabulary: Int[V], heads: Int[N], size: Int[K]) -> None:
        self.embed = nn.Embedding(vocabulary, heads * size)
        self.transformer = nn.Transformer(heads * size, heads, 1, 1, 32)
        self.head = nn.Linear(heads * size, vocabulary)

    def __call__[B: IntVar, S: IntVar, T: IntVar](
        self, source: Tensor[[B, S], sw.i64], target: Tensor[[B, T], sw.i64], hidden: Tensor[[B, S], sw.bool]
    ) -> Tensor[[B, T, V]]:
        y = self.transformer(
            self.embed(source),
            self.embed(target),
            src_key_padding_mask=hidden,
            memory_key_padding_mask=hidden,
            tgt_is_causal=True,
        )
        return self.head(y)


def run() -> None:
    convolutions(sw.zeros((2, 4, 9, 8)))
    labels = sw.zeros((2,), dtype=sw.i64)
    net = ResNet(10)
    logits = net(image.trace())
    assert_type(logits, Tensor[[2, 10]])
    loss = nn.cross_entropy(logits, labels)
    grads = loss.backward()
    assert_type(grads[net.block1.conv1.weight], Tensor[[12, 8, 3, 3]])
    ids = sw.zeros((2, 6), dtype=sw.i64)
    model = LanguageModel(11, 4, 4)
    words = model(ids.trace())
    assert_type(words, Tensor[[2, 6, 11]])
    grads = nn.cross_entropy(words.reshape((12, 11)), ids.reshape((12,))).backward()
    assert_type(grads[model.head.weight], Tensor[[11, 16]])
    translate = Translator(11, 4, 4)
    assert_type(translate(ids, sw.zeros((2, 3), dtype=sw.i64), sw.zeros((2, 6), dtype=sw.bool)), Tensor[[2, 3, 11]])
