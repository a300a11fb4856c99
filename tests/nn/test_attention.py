"""Attention and transformers, beside PyTorch's values: what masks mean, rows that see nothing, dropout, error texts."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn
from tests.ops.numbers import real


def tensor(shape, seed, dtype=sw.f32):
    return sw.from_numpy(real(shape, seed)).to(dtype)


def by_hand(q, k, v, allowed=None, added=0.0, scale=None):
    scores = q @ np.swapaxes(k, -1, -2) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale) + added
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ v


Q, K, V = real((2, 3, 4, 5), 1), real((2, 3, 6, 5), 2), real((2, 3, 6, 7), 3)
CAUSAL = np.tri(4, 6, dtype=bool)


def attended(*masks, **options):
    tensors = [sw.from_numpy(x) for x in (Q, K, V, *masks)]
    return nn.scaled_dot_product_attention(*tensors, **options).numpy()


# ---- the function ------------------------------------------------------------------
def test_the_function_against_its_formula():
    mask = real((4, 6), 4) > -1
    whole = real((2, 3, 4, 6), 5) > -1
    numbers = real((4, 6), 6)
    close = np.testing.assert_allclose
    close(attended(), by_hand(Q, K, V), rtol=1e-12)
    close(attended(scale=0.3), by_hand(Q, K, V, scale=0.3), rtol=1e-12)
    close(attended(is_causal=True), by_hand(Q, K, V, CAUSAL), rtol=1e-12)
    close(attended(mask), by_hand(Q, K, V, mask), rtol=1e-12)
    close(attended(whole), by_hand(Q, K, V, whole), rtol=1e-12)
    close(attended(numbers), by_hand(Q, K, V, added=numbers), rtol=1e-12)
    close(attended(real((2, 3, 4, 6), 7)), by_hand(Q, K, V, added=real((2, 3, 4, 6), 7)), rtol=1e-12)
    close(attended(numbers, is_causal=True), by_hand(Q, K, V, CAUSAL, numbers), rtol=1e-12)
    close(attended(np.where(mask, numbers, -np.inf)), by_hand(Q, K, V, mask, numbers), rtol=1e-12)


@pytest.mark.parametrize("kind", ["bool", "additive"])
@pytest.mark.parametrize("dtype", [sw.f64, sw.f32, sw.bf16, sw.f16], ids=lambda d: d.name)
def test_a_query_that_may_see_nothing_gets_zeros_and_gives_no_gradient(kind, dtype):
    q, k, v = (sw.from_numpy(x).to(dtype).trace() for x in (Q, K, V))
    seen = np.ones((4, 6), bool)
    seen[1] = False
    mask = sw.from_numpy(seen) if kind == "bool" else sw.from_numpy(np.where(seen, 0.0, -np.inf)).to(dtype)
    y = nn.scaled_dot_product_attention(q, k, v, mask)
    values = y.to(sw.f64).numpy()
    assert (values[:, :, 1] == 0).all()
    assert (values[:, :, 0] != 0).any()
    grads = (y * y).sum().backward()
    for x in (q, k, v):
        assert np.isfinite(grads[x].to(sw.f64).numpy()).all()
    assert (grads[q].to(sw.f64).numpy()[:, :, 1] == 0).all()


def test_an_additive_mask_can_be_learned():
    bias = nn.Parameter(sw.zeros((4, 6), dtype=sw.f64))
    q, k, v = (sw.from_numpy(x) for x in (Q, K, V))
    y = nn.scaled_dot_product_attention(q.trace(), k, v, bias)
    gradient = (y * y).sum().backward()[bias].numpy()
    step = 1e-6
    for place in ((0, 0), (2, 3), (3, 5)):
        values = []
        for sign in (1, -1):
            moved = np.zeros((4, 6))
            moved[place] = sign * step
            values.append((by_hand(Q, K, V, added=moved) ** 2).sum())
        np.testing.assert_allclose(gradient[place], (values[0] - values[1]) / (2 * step), rtol=1e-5)


def test_no_keys_give_zeros():
    y = nn.scaled_dot_product_attention(sw.ones((2, 3)), sw.ones((0, 3)), sw.ones((0, 4)))
    np.testing.assert_array_equal(y.numpy(), np.zeros((2, 4)))


def test_dropout_of_the_function_follows_the_tape_and_the_key():
    q, k, v = (sw.from_numpy(x) for x in (Q, K, V))

    def run(x, seed=0):
        return nn.scaled_dot_product_attention(x, k, v, dropout_p=0.5, dropout_key=sw.Key(seed)).numpy()

    np.testing.assert_array_equal(run(q), attended())
    np.testing.assert_array_equal(run(q.trace(training=False)), attended())
    assert (run(q.trace()) != attended()).any()
    np.testing.assert_array_equal(run(q.trace()), run(q.trace()))
    assert (run(q.trace()) != run(q.trace(), seed=1)).any()


# ---- the layer ------------------------------------------------------------------
def test_masks_of_the_layer_say_what_is_left_out():
    layer = nn.MultiheadAttention(8, 2, key=sw.Key(0))
    x, memory = tensor((2, 4, 8), 1), tensor((2, 6, 8), 2)
    hidden = np.zeros((4, 6), bool)
    hidden[:, 4:] = True
    padding = np.zeros((2, 6), bool)
    padding[:, 4:] = True
    expected = layer(x, memory[:, 0:4]).numpy()
    close = np.testing.assert_allclose
    close(layer(x, memory, attn_mask=sw.from_numpy(hidden)).numpy(), expected, rtol=1e-4, atol=1e-6)
    close(layer(x, memory, key_padding_mask=sw.from_numpy(padding)).numpy(), expected, rtol=1e-4, atol=1e-6)
    numbers = sw.from_numpy(np.where(hidden, -np.inf, 0).astype(np.float32))
    close(layer(x, memory, attn_mask=numbers).numpy(), expected, rtol=1e-4, atol=1e-6)
    triangle = sw.from_numpy(np.triu(np.ones((4, 4), bool), 1))
    close(layer(x, is_causal=True).numpy(), layer(x, attn_mask=triangle).numpy(), rtol=1e-5, atol=1e-7)


def test_what_comes_later_changes_nothing_before_it():
    layer = nn.TransformerEncoderLayer(8, 2, 16, key=sw.Key(0))
    a = real((5, 8), 3).astype(np.float32)
    b = a.copy()
    b[3:] += 1
    first, second = (layer(sw.from_numpy(x), is_causal=True).numpy() for x in (a, b))
    np.testing.assert_array_equal(first[:3], second[:3])
    assert (first[3:] != second[3:]).all()


def test_a_sequence_that_is_all_padding_gives_the_bias():
    layer = nn.MultiheadAttention(8, 2, key=sw.Key(0))
    layer.out_proj.bias.assign(tensor((8,), 4))
    padding = sw.from_numpy(np.array([[True] * 4, [False] * 4]))
    x = tensor((2, 4, 8), 1).trace()
    y = layer(x, key_padding_mask=padding)
    np.testing.assert_array_equal(y.numpy()[0], np.broadcast_to(layer.out_proj.bias.numpy(), (4, 8)))
    grads = (y * y).sum().backward()
    assert all(np.isfinite(grads[p].numpy()).all() for p in layer.parameters())


def test_first_values_of_attention():
    layer = nn.MultiheadAttention(64, 4, key=sw.Key(0))
    bound = math.sqrt(6 / (64 + 192))
    assert 0.95 * bound < np.abs(layer.in_proj_weight.numpy()).max() <= bound
    assert (layer.in_proj_bias.numpy() == 0).all()
    assert (layer.out_proj.bias.numpy() == 0).all()
    assert 0.9 / 8 < np.abs(layer.out_proj.weight.numpy()).max() <= 1 / 8


def test_dropout_of_the_layer_trains_only():
    layer = nn.MultiheadAttention(8, 2, dropout=0.5, key=sw.Key(0))
    plain = nn.MultiheadAttention(8, 2, key=sw.Key(0))
    plain.load_state_dict(layer.state_dict())
    x = tensor((2, 5, 8), 1)
    np.testing.assert_array_equal(layer(x).numpy(), plain(x).numpy())
    np.testing.assert_array_equal(layer(x.trace(training=False)).numpy(), plain(x).numpy())
    first, second = layer(x.trace()).numpy(), layer(x.trace()).numpy()
    assert (first != second).any()


def test_a_checkpointed_layer_drops_the_same_weights_again():
    def gradient(apply):
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, dtype=sw.f64, key=sw.Key(0))
        x = tensor((2, 4, 8), 1, sw.f64).trace()
        y = apply(layer, x)
        grads = (y * y).sum().backward()
        return [grads[x].numpy(), *[grads[p].numpy() for p in layer.parameters()]]

    for a, b in zip(gradient(lambda f, x: f(x)), gradient(sw.checkpoint), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [sw.f64, sw.bf16, sw.f16], ids=lambda d: d.name)
def test_element_types(dtype):
    layer = nn.Transformer(8, 2, 1, 1, 16, dtype=dtype, key=sw.Key(0))
    y = layer(tensor((2, 4, 8), 1, dtype), tensor((2, 5, 8), 2, dtype).trace(), tgt_is_causal=True)
    assert y.dtype is dtype
    assert np.isfinite(y.to(sw.f64).numpy()).all()
    loss = (y * y).mean()
    assert all(loss.backward(keep=True)[p].dtype is dtype for p in layer.parameters())


def test_names_of_axes_go_through():
    @sw.checked
    def kept(x):
        b, t, _ = x.shape
        y = nn.TransformerEncoderLayer(4, 2, 8)(x)
        return y.sum((b, t)), nn.MultiheadAttention(4, 2)(x).sum((t,))

    first, second = kept(sw.zeros((4, 4, 4)))
    assert (first.shape, second.shape) == ((4, 4), (4,))


# ---- transformers ------------------------------------------------------------------
def test_the_copies_of_a_stack_are_independent():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, key=sw.Key(0))
    stack = nn.TransformerEncoder(layer, 3)
    weights = [copy.linear1.weight for copy in stack.layers]
    assert all((w.numpy() == layer.linear1.weight.numpy()).all() for w in weights)
    weights[0].assign(sw.zeros((16, 8)))
    assert (weights[1].numpy() == layer.linear1.weight.numpy()).all()
    assert (layer.linear1.weight.numpy() != 0).any()
    keys = [m.key.state for m in stack.modules() if isinstance(m, nn.Dropout)]
    assert len(set(keys)) == len(keys) == 12
    assert len(list(stack.parameters())) == 3 * len(list(layer.parameters()))


def test_the_layers_of_a_transformer_begin_differently():
    model = nn.Transformer(16, 2, 2, 2, 32, key=sw.Key(0))
    a, b = (layer.linear1.weight.numpy() for layer in model.encoder.layers)
    assert (a != b).all()
    bound = math.sqrt(6 / (16 + 32))
    assert 0.9 * bound < np.abs(a).max() <= bound


def test_one_traced_input_is_enough():
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, key=sw.Key(0))
    source, target = tensor((2, 4, 8), 1), tensor((2, 5, 8), 2)
    expected = None
    for src, tgt in ((source.trace(), target), (source, target.trace()), (source.trace(), target.trace())):
        grads = (model(src, tgt) * 2.0).sum().backward()
        found = [grads[p].numpy() for p in model.parameters()]
        if expected is not None:
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)
        expected = found


def test_a_traced_memory_is_enough_for_the_layer_itself():
    for bias in (True, False):
        attend = nn.MultiheadAttention(8, 2, bias=bias, key=sw.Key(0))
        query, memory = tensor((2, 4, 8), 1), tensor((2, 3, 8), 2)
        assert attend(query, memory.trace()).sum().backward().unused(attend) == []
        assert attend(query.trace(), memory).sum().backward().unused(attend) == []


def test_an_activation_may_be_a_function():
    a = nn.TransformerEncoderLayer(8, 2, 16, activation=lambda x: x.relu(), key=sw.Key(0))
    b = nn.TransformerEncoderLayer(8, 2, 16, activation="relu", key=sw.Key(0))
    x = tensor((2, 4, 8), 1)
    np.testing.assert_array_equal(a(x).numpy(), b(x).numpy())
    np.testing.assert_array_equal(a.copy()(x).numpy(), b.copy()(x).numpy())


def test_a_transformer_learns_to_copy():
    model = nn.Transformer(16, 2, 1, 1, 32, dropout=0.0, norm_first=True, key=sw.Key(0))
    source = sw.randn((8, 4, 16), key=sw.Key(1))
    losses = []
    for _ in range(25):
        loss = nn.mse(model(source.trace(), source), source)
        grads = loss.backward()
        for parameter in model.parameters():
            parameter.assign(parameter.stop_gradient() - grads[parameter] * 0.2)
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


# ---- error texts ------------------------------------------------------------------
class Model(nn.Module):
    def __init__(self):
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2)

    def __call__(self, x, mask):
        return self.encoder(x, mask)


def attend(*inputs, **masks):
    return nn.MultiheadAttention(8, 2)(*inputs, **masks)


X, MEMORY = sw.zeros((2, 4, 8)), sw.zeros((2, 6, 8))
ERRORS = {
    "heads": (
        lambda: nn.MultiheadAttention(100, 8),
        """
        MultiheadAttention: 8 heads do not divide a width of 100
          width  100 = 8 * 12 + 4
          write  1, 2, 4, 5, 10 heads; or a width of 104
        """,
    ),
    "no heads": (
        lambda: nn.MultiheadAttention(8, 0),
        "MultiheadAttention: the number of heads is 1 or more, not 0",
    ),
    "width": (
        lambda: attend(X, sw.zeros((2, 6, 12))),
        """
        MultiheadAttention: axis 2 of key has size 12, and KD = 8 is needed
          needed  Tensor[[*Bs, U, KD], FT], KD = 8 from this module
          key     Tensor[[2, 6, 12]]
          in      MultiheadAttention
        """,
    ),
    "batch": (
        lambda: attend(X, sw.zeros((3, 6, 8))),
        """
        MultiheadAttention: Bs is [2] in query and [3] in key
          needed  Tensor[[*Bs, U, KD], FT]
          key     Tensor[[3, 6, 8]]
          in      MultiheadAttention
        """,
    ),
    "mask shape": (
        lambda: attend(X, MEMORY, attn_mask=sw.zeros((6, 4))),
        """
        MultiheadAttention: attn_mask has one place for each query and key, [4, 6]
          scores     [4, 6]
          attn_mask  Tensor[[6, 4]]
          in         MultiheadAttention
        """,
    ),
    "mask element type": (
        lambda: attend(X, MEMORY, attn_mask=sw.zeros((4, 6), dtype=sw.i64)),
        """
        MultiheadAttention: attn_mask is bool, or f32 to be added to the scores, not i64
          scores     [4, 6]
          attn_mask  Tensor[[4, 6], i64]
          in         MultiheadAttention
          write      attn_mask.to(sw.bool), or attn_mask.to(sw.f32)
        """,
    ),
    "padding of the query": (
        lambda: attend(X, MEMORY, key_padding_mask=sw.zeros((2, 4), dtype=sw.bool)),
        """
        MultiheadAttention: axis 1 of key_padding_mask has size 4, and U = 6 is needed
          needed            Tensor[[*Bs, U], bool_], U = 6 from key
          key_padding_mask  Tensor[[2, 4], bool]
          in                MultiheadAttention
        """,
    ),
    "padding in self-attention": (
        lambda: attend(X, key_padding_mask=sw.zeros((2, 6), dtype=sw.bool)),
        """
        MultiheadAttention: key_padding_mask has 6 places for 4 keys
          query             Tensor[[2, 4, 8]]
          key_padding_mask  Tensor[[2, 6], bool]
          in                MultiheadAttention
        """,
    ),
    "padding of numbers": (
        lambda: attend(X, key_padding_mask=sw.zeros((2, 4))),
        """
        MultiheadAttention: key_padding_mask has elements of type f32, and bool is needed
          needed            Tensor[[*Bs, U], bool_]
          key_padding_mask  Tensor[[2, 4]]
          in                MultiheadAttention
          write             key_padding_mask.to(sw.bool)
        """,
    ),
    "a list for a mask": (
        lambda: attend(X, attn_mask=[[True]]),
        """
        MultiheadAttention: attn_mask is list, and a tensor is needed
          in     MultiheadAttention
          write  sw.ones((t, u), dtype=sw.bool).tril()
        """,
    ),
    "mask of the function": (
        lambda: nn.scaled_dot_product_attention(X, MEMORY, MEMORY, sw.zeros((4, 4))),
        """
        scaled_dot_product_attention: attn_mask has one place for each query and key, [4, 6] or [2, 4, 6]
          scores     [2, 4, 6]
          attn_mask  Tensor[[4, 4]]
          in         scaled_dot_product_attention()
        """,
    ),
    "dropout of the function": (
        lambda: nn.scaled_dot_product_attention(X, MEMORY, MEMORY, dropout_p=1.5),
        """
        scaled_dot_product_attention: dropout_p=1.5 is a probability, from 0 to 1
          in  scaled_dot_product_attention()
        """,
    ),
    "path of a layer": (
        lambda: Model()(X, sw.zeros((4, 6))),
        """
        MultiheadAttention: attn_mask has one place for each query and key, [4, 4]
          scores     [4, 4]
          attn_mask  Tensor[[4, 6]]
          in         Model.encoder.layers.0.self_attn (MultiheadAttention)
        """,
    ),
    "heads of a transformer": (
        lambda: nn.Transformer(512, 7),
        """
        Transformer: 7 heads do not divide a width of 512
          width  512 = 7 * 73 + 1
          write  1, 2, 4, 8 heads; or a width of 518
        """,
    ),
    "activation": (
        lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"),
        'TransformerEncoderLayer: activation is "relu", "gelu" or a function, not \'tanh\'',
    ),
    "layers": (
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 0),
        "TransformerDecoder: num_layers is 1 or more, not 0",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_texts(name):
    call, expected = ERRORS[name]
    with pytest.raises(sw.Error) as caught:
        call()
    assert str(caught.value) == textwrap.dedent(expected).strip()
