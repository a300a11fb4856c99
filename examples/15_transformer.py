"""A language model by hand, its shape comments become types; then the same from the library's layers.

The mistakes that attention invites (a forgotten permute, keys in the place of queries, a mask the wrong way round in
its shape) are type errors here. Vaswani and others: Attention Is All You Need, 2017.
"""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Int, IntVar, Tensor, nn, optim


class CausalAttention[H: IntVar, K: IntVar](nn.Module):
    """H heads of size K over a width of H * K; each place sees itself and what came before."""

    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        self.heads = heads
        self.size = size
        self.query = nn.Linear(heads * size, heads * size)
        self.key = nn.Linear(heads * size, heads * size)
        self.value = nn.Linear(heads * size, heads * size)
        self.out = nn.Linear(heads * size, heads * size)

    def split[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, H, T, K]]:
        b, t, _ = x.shape
        return x.reshape((b, t, self.heads, self.size)).permute((b, self.heads, t, self.size))

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, T, H * K]]:
        b, t, d = x.shape
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = q @ k.permute((b, self.heads, self.size, t)) / self.size**0.5
        assert_type(scores, Tensor[[B, H, T, T]])
        seen = sw.ones((t, t), dtype=sw.bool).tril().broadcast((b, self.heads, t, t))
        weights = sw.where(seen, scores, float("-inf")).softmax()
        return self.out((weights @ v).permute((b, t, self.heads, self.size)).reshape((b, t, d)))


class Block[H: IntVar, K: IntVar](nn.Module):
    """Attention, then two linear layers, each beside a residual path and after a norm."""

    def __init__(self, heads: Int[H], size: Int[K]) -> None:
        width = heads * size
        self.attend = nn.Sequential(nn.LayerNorm(width), CausalAttention(heads, size))
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, H * K]]) -> Tensor[[B, T, H * K]]:
        h = x + self.attend(x)
        return h + self.think(h)


class LanguageModel[V: IntVar, M: IntVar, H: IntVar, K: IntVar](nn.Module):
    """Token numbers to scores of the next token: V tokens, at most M of them in a row."""

    def __init__(self, vocabulary: Int[V], longest: Int[M], heads: Int[H], size: Int[K]) -> None:
        self.token = nn.Embedding(vocabulary, heads * size)
        self.place = nn.Embedding(longest, heads * size)
        self.blocks = nn.Repeated(lambda: Block(heads, size), 2)
        self.out = nn.Linear(heads * size, vocabulary)

    def __call__[B: IntVar, T: IntVar](self, tokens: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        _, t = tokens.shape
        h = self.token(tokens) + self.place(sw.arange(t).trace_like(tokens)).spread()
        return self.out(self.blocks(h))


text = "the shape asked for decides the axes; " * 8
letters = sorted(set(text))
tokens = sw.tensor([letters.index(letter) for letter in text])
x, y = tokens[0:256].expect((256,)).reshape((8, 32)), tokens[1:257].expect((256,)).reshape((8, 32))

model = LanguageModel(26, 32, 4, 8)
adam = optim.Adam(model, lr=1e-2)
for step in range(40):
    # Integers are traced, too: from here on the embedding records. Logits are [8, 32, 26], labels [8, 32].
    loss = nn.cross_entropy(model(x.trace()), y)
    adam.update(loss.backward())
    if step % 10 == 0:
        print(f"step {step:2}: {loss.item():.3f}")
print("".join(letters[i] for i in model(x).argmax(axis=-1)[0].tolist()))

# The library's own: 16 wide, 4 heads, 3 layers in the encoder and in the decoder, as in dfdx's example.
transformer = nn.Transformer(16, 4, 3, 3, 8)
source, target = sw.rand((2, 7, 16)), sw.rand((2, 5, 16))
assert_type(transformer(source, target), Tensor[[2, 5, 16]])
print(transformer(source, target).shape)
