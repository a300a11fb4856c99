"""Convolution, pools, attention and transformers, with one bug a line, marked with the word BUG."""

from __future__ import annotations

import shapewright as sw
from shapewright import Int, IntVar, Tensor, nn

image = sw.zeros((2, 3, 32, 32))
small = sw.zeros((2, 3, 4, 4))
tokens = sw.zeros((2, 10, 16))
memory = sw.zeros((2, 7, 16))
narrow = sw.zeros((2, 7, 12))
padding = sw.zeros((2, 10), dtype=sw.bool)
memory_padding = sw.zeros((2, 7), dtype=sw.bool)
attend = nn.MultiheadAttention(16, 4)
other = nn.MultiheadAttention(16, 4, kdim=3, vdim=5)
encoder_layer = nn.TransformerEncoderLayer(16, 4, 32)
decoder_layer = nn.TransformerDecoderLayer(16, 4, 32)
encoder = nn.TransformerEncoder(encoder_layer, 2, nn.LayerNorm(16))
decoder = nn.TransformerDecoder(decoder_layer, 2)
transformer = nn.Transformer(16, 4, 1, 1, 32)
conv = nn.Conv2d(3, 16, 3, padding=1)
q, k, v = sw.zeros((2, 4, 10, 8)), sw.zeros((2, 4, 7, 8)), sw.zeros((2, 4, 7, 5))


def convolution() -> None:
    nn.Conv2d(3, 16, 5)(small)  # BUG: a kernel larger than its input
    nn.Conv2d(3, 16, 3, dilation=2)(small)  # BUG: larger with its dilation
    nn.Conv2d(3, 16, (1, 5))(small)  # BUG: larger along one axis
    nn.Conv2d(3, 16, 9, padding=2)(small)  # BUG: larger than input and padding
    nn.Conv2d(4, 16, 3)(image)  # BUG: other channels
    nn.Conv2d(16, 3, 3)(image)  # BUG: channels the wrong way round
    nn.Conv2d(3, 16, 3)(sw.zeros((32, 32)))  # BUG: no channels
    nn.Conv2d(3, 16, 3)(image.permute(axes=(0, 2, 3, 1)))  # BUG: channels last
    nn.Conv2d(3, 16, 3, groups=2)  # BUG: groups that do not divide the inputs
    nn.Conv2d(4, 15, 3, groups=2)  # BUG: groups that do not divide the outputs
    nn.Conv2d(3, 16, (3, 3, 3))  # BUG: three numbers
    nn.Conv2d(3, 16, 3)(image.to(sw.f64))  # BUG: another element type
    nn.Conv2d(3, 16, 3)(sw.zeros((2, 3, 32, 32), dtype=sw.u8))  # BUG: pixels
    conv.weight.assign(sw.zeros((16, 3, 3)))  # BUG
    conv.weight.assign(sw.zeros((3, 16, 3, 3)))  # BUG: inputs and outputs exchanged
    conv.bias.assign(sw.zeros((3,)))  # BUG
    image + conv(image)  # BUG: more channels
    conv(image) + nn.Conv2d(3, 16, 3)(image)  # BUG: one has padding
    nn.Conv2d(16, 8, 3)(nn.Conv2d(3, 15, 3)(image))  # BUG: a chain that does not fit
    conv(image).reshape((2, 16 * 31 * 32))  # BUG


def chains() -> None:
    image >> nn.Conv2d(3, 8, 3) >> nn.Flatten() >> nn.Linear(8 * 32 * 32, 10)  # BUG: there is no padding
    image >> nn.Conv2d(3, 8, 3, 2, 1) >> nn.BatchNorm2d(16)  # BUG
    image >> nn.Conv2d(3, 8, 5) >> nn.MaxPool2d(2) >> nn.Flatten() >> nn.Linear(8 * 13 * 13, 10)  # BUG: 14 * 14
    image >> nn.Conv2d(3, 8, 3) >> nn.AvgPoolGlobal() >> nn.Linear(8 * 30 * 30, 10)  # BUG: 8 are left
    nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 30 * 30, 10))(image)  # BUG
    nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3))(image)  # BUG
    nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))(small)  # BUG: the second is larger than what is left
    nn.Residual(nn.Conv2d(3, 3, 3))(image)  # BUG: a branch that changes the size
    nn.Residual(nn.Conv2d(3, 4, 3, padding=1))(image)  # BUG: a branch that changes the channels
    nn.Residual(nn.Sequential(nn.Conv2d(3, 3, 3, stride=2, padding=1), nn.ReLU()))(image)  # BUG


def pools() -> None:
    nn.MaxPool2d(5)(small)  # BUG: larger than its input
    nn.MaxPool2d((2, 5))(small)  # BUG
    nn.MaxPool2d(2)(sw.zeros((4,)))  # BUG: no image
    nn.MaxPool2d(2)(image) + nn.MaxPool2d(3)(image)  # BUG
    nn.MaxPool2d(2, dilation=4)(small)  # BUG
    nn.MinPool2d(5)(small)  # BUG
    nn.MinPool2d(2)(sw.zeros((4,)))  # BUG
    nn.MinPool2d(2)(image) - image  # BUG
    nn.MinPool2d(2, 1)(image).reshape((2, 3, 32, 31))  # BUG
    nn.AvgPool2d(5)(small)  # BUG
    nn.AvgPool2d(2)(sw.zeros((4, 4), dtype=sw.i64))  # BUG: no mean of integers
    nn.AvgPool2d(3, 2)(image) + nn.AvgPool2d(3, 2, 1)(image)  # BUG
    nn.AvgPool2d(2)(sw.zeros((4,)))  # BUG
    nn.AvgPoolGlobal()(sw.zeros((2, 3)))  # BUG: no image
    nn.AvgPoolGlobal()(sw.zeros((2, 3, 4), dtype=sw.i64))  # BUG
    nn.AvgPoolGlobal()(image) + image  # BUG
    nn.Linear(32, 10)(nn.AvgPoolGlobal()(image))  # BUG: the channels are left
    nn.MaxPoolGlobal()(sw.zeros((2, 3)))  # BUG
    nn.MaxPoolGlobal()(image).reshape((2, 3, 1, 2))  # BUG
    nn.Linear(32, 10)(nn.MaxPoolGlobal()(image))  # BUG
    nn.MaxPoolGlobal()(image).sum((4,))  # BUG
    nn.MinPoolGlobal()(sw.zeros((2, 3)))  # BUG
    nn.MinPoolGlobal()(image) * image  # BUG
    nn.Linear(32, 10)(nn.MinPoolGlobal()(image))  # BUG
    nn.MinPoolGlobal()(image).permute((3, 3))  # BUG


def attention() -> None:
    nn.MultiheadAttention(100, 8)  # BUG: heads that do not divide
    nn.MultiheadAttention(16, 4)(sw.zeros((2, 10, 15)))  # BUG: another width
    nn.MultiheadAttention(16, 4)(sw.zeros((16,)))  # BUG: no places
    nn.MultiheadAttention(16, 4, dtype=sw.f64)(tokens)  # BUG
    attend(tokens, narrow)  # BUG: a memory of another width
    attend(tokens, memory, tokens)  # BUG: more values than keys
    attend(tokens, sw.zeros((3, 7, 16)))  # BUG: another batch size
    attend(tokens, memory[0])  # BUG: no batch
    attend(tokens, key_padding_mask=memory_padding)  # BUG
    attend(tokens, memory, key_padding_mask=padding)  # BUG: a mask for the query
    attend(tokens, memory, key_padding_mask=sw.zeros((2, 7)))  # BUG: a mask of numbers
    attend(tokens, memory, attn_mask=sw.zeros((7, 10)))  # BUG: the wrong way round
    attend(tokens, memory, attn_mask=sw.zeros((10, 7), dtype=sw.i64))  # BUG: a mask of integers
    attend(tokens, attn_mask=sw.zeros((10, 7)))  # BUG
    attend(tokens, attn_mask=sw.zeros((2, 10)))  # BUG
    tokens + attend(memory, tokens)  # BUG: the result has the places of the query
    attend.in_proj_weight.assign(sw.zeros((16, 48)))  # BUG
    other(tokens, memory, memory)  # BUG: keys of another width
    other(tokens, sw.zeros((2, 7, 5)), sw.zeros((2, 7, 3)))  # BUG: keys and values exchanged
    other.v_proj_weight.assign(sw.zeros((16, 3)))  # BUG
    nn.scaled_dot_product_attention(q, v, k)  # BUG: keys and values exchanged
    nn.scaled_dot_product_attention(q, k, q)  # BUG: values of the query
    nn.scaled_dot_product_attention(q, k[0], v[0])  # BUG
    nn.scaled_dot_product_attention(q, k, v, sw.ones((7, 10), dtype=sw.bool))  # BUG: a mask the wrong way round
    nn.scaled_dot_product_attention(q, k, v, sw.ones((10, 7), dtype=sw.i64))  # BUG: a mask of integers
    nn.scaled_dot_product_attention(q, k, v.to(sw.f64))  # BUG
    nn.scaled_dot_product_attention(q, k, v) + q  # BUG: values of another size


def transformers() -> None:
    nn.TransformerEncoderLayer(16, 5)  # BUG: heads that do not divide
    nn.TransformerEncoderLayer(16, 4, 32)(narrow)  # BUG: another width
    encoder_layer(tokens, src_key_padding_mask=memory_padding)  # BUG
    encoder_layer(tokens, sw.zeros((10, 7)))  # BUG
    encoder_layer(tokens, sw.zeros((10, 10), dtype=sw.u8))  # BUG
    encoder_layer.linear1.weight.assign(sw.zeros((16, 32)))  # BUG
    nn.TransformerDecoderLayer(16, 5)  # BUG
    nn.TransformerDecoderLayer(16, 4, 32)(tokens, narrow)  # BUG: a memory of another width
    decoder_layer(narrow, memory)  # BUG
    decoder_layer(tokens, memory, memory_mask=sw.zeros((7, 10)))  # BUG
    decoder_layer(tokens, memory, memory_key_padding_mask=padding)  # BUG
    decoder_layer(tokens)  # BUG: no memory
    nn.TransformerDecoderLayer(16, 4, 32)(tokens, memory.to(sw.f64))  # BUG
    nn.TransformerEncoder(encoder_layer, 2, nn.LayerNorm(12))(tokens)  # BUG: a norm of another width
    nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 4), 2)(tokens)  # BUG
    nn.TransformerEncoder(decoder_layer, 2)(tokens)  # BUG: a decoder layer
    encoder(narrow)  # BUG
    encoder(tokens, src_key_padding_mask=memory_padding)  # BUG
    nn.TransformerDecoder(decoder_layer, 2, nn.LayerNorm(12))(tokens, memory)  # BUG
    nn.TransformerDecoder(nn.TransformerDecoderLayer(12, 4), 2)(tokens, memory)  # BUG
    decoder(tokens, nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 4), 1)(narrow))  # BUG: two widths
    decoder(tokens, sw.zeros((3, 7, 16)))  # BUG: another batch size
    nn.TransformerDecoder(decoder_layer, 2)(tokens, narrow)  # BUG
    nn.TransformerDecoder(encoder_layer, 2)(tokens, memory)  # BUG: an encoder layer
    nn.Transformer(16, 5)  # BUG
    nn.Transformer()(memory, tokens)  # BUG: the width is 512
    nn.Transformer(16, 4, 1, 1, 32)(memory, tokens, memory_mask=sw.zeros((7, 10)))  # BUG
    nn.Transformer(16, 4, 1, 1, 32)(narrow, tokens)  # BUG
    transformer(memory, narrow)  # BUG
    transformer(memory, tokens, tgt_mask=sw.zeros((7, 7)))  # BUG: a mask for the source
    transformer(memory, tokens, src_key_padding_mask=padding)  # BUG
    transformer(memory, tokens) + memory  # BUG: the result has the places of the target


class Block[I: IntVar, O: IntVar](nn.Module):
    """A ResNet block whose shortcut does not shrink with the branch."""

    def __init__(self, inputs: Int[I], outputs: Int[O]) -> None:
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def __call__[B: IntVar](self, x: Tensor[[B, I, 8, 8]]) -> Tensor[[B, O, 4, 4]]:
        y = self.conv2(self.conv1(x))
        return y + self.shortcut(x)  # BUG: 4 times 4 and 8 times 8

    def identity[B: IntVar](self, x: Tensor[[B, I, 8, 8]]) -> Tensor[[B, I, 8, 8]]:
        return x + self.conv1(x)  # BUG: other channels and another size

    def exchanged[B: IntVar](self, x: Tensor[[B, I, 8, 8]]) -> Tensor[[B, O, 4, 4]]:
        return self.conv1(self.conv2(x))  # BUG


class Stem[O: IntVar](nn.Module):
    def __init__(self, outputs: Int[O]) -> None:
        self.conv = nn.Conv2d(3, outputs, 3, stride=2, padding=1)

    def __call__[B: IntVar](self, x: Tensor[[B, 3, 8, 8]]) -> Tensor[[B, O, 8, 8]]:
        return self.conv(x)  # BUG: it has a stride


class Causal[D: IntVar, N: IntVar](nn.Module):
    def __init__(self, width: Int[D], heads: Int[N]) -> None:
        self.attend = nn.MultiheadAttention(width, heads)
        self.up = nn.Linear(width, 4 * width)

    def wide[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, T, D]]:
        return x + self.up(self.attend(x))  # BUG: the branch is four times as wide

    def turned[B: IntVar, T: IntVar](self, x: Tensor[[B, D, T]]) -> Tensor[[B, D, T]]:
        return self.attend(x)  # BUG: width and places exchanged

    def masked[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]], m: Tensor[[B, T]]) -> Tensor[[B, T, D]]:
        return self.attend(x, attn_mask=m)  # BUG: the mask is one for padding, and numbers


SIZES = {"D": 12, "N": 3}
