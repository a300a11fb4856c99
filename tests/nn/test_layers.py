"""What layers do beside their values: training and inference, keys, running statistics, first values, reports."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn


def report_of(call, kind):
    with pytest.raises(sw.Error) as caught:
        call()
    assert type(caught.value) is kind
    return str(caught.value)


# ---- dropout --------------------------------------------------------------------------------------------------------
def test_dropout_drops_the_share_it_says_and_keeps_the_mean():
    x = sw.ones((200, 500))
    y = nn.Dropout(0.3, key=sw.Key(1))(x.trace()).numpy()
    assert set(np.unique(y).tolist()) == {0.0, np.float32(1.0 / 0.7).item()}
    # 100,000 draws: five standard deviations.
    assert abs((y == 0.0).mean() - 0.3) < 5 * math.sqrt(0.3 * 0.7 / y.size)
    assert abs(y.mean() - 1.0) < 0.02
    rows, columns = (y == 0.0).mean(1), (y == 0.0).mean(0)
    assert rows.std() < 0.04 and columns.std() < 0.05


def test_the_gradient_of_dropout_is_its_mask():
    drop = nn.Dropout(0.5, key=sw.Key(1))
    x = sw.full((50,), 3.0).trace()
    y = drop(x)
    np.testing.assert_array_equal(y.sum().backward()[x].numpy() * 3.0, y.numpy())


def test_dropout_draws_the_same_from_the_same_key_and_new_numbers_at_each_call():
    a, b, other = nn.Dropout(key=sw.Key(1)), nn.Dropout(key=sw.Key(1)), nn.Dropout(key=sw.Key(2))
    x = sw.ones((100,)).trace()
    first = a(x).tolist()
    assert first == b(x).tolist()
    assert first != a(x).tolist()
    assert first != other(x).tolist()


def test_layers_given_one_key_draw_different_numbers():
    key = sw.Key(1)
    a, b = nn.Dropout(key=key), nn.Dropout(key=key)
    x = sw.ones((100,)).trace()
    assert a(x).tolist() != b(x).tolist()


def test_a_copy_of_dropout_goes_on_from_the_same_place_on_its_own():
    drop = nn.Dropout(key=sw.Key(1))
    x = sw.ones((100,)).trace()
    drop(x)
    copy = drop.copy()
    assert drop(x).tolist() == copy(x).tolist()
    drop(x)
    assert drop(x).tolist() != copy(x).tolist()


@pytest.mark.parametrize("x", [sw.ones((3,)), sw.ones((3,)).trace(training=False)])
def test_dropout_is_the_identity_in_inference(x):
    assert nn.Dropout(0.9)(x) is x


def test_dropout_draws_nothing_in_inference():
    drop = nn.Dropout(key=sw.Key(1))
    before = drop.key.state
    drop(sw.ones((100,)))
    assert drop.key.state == before


def test_dropout_all_stops_the_gradient_and_none_passes_it():
    x = sw.ones((3,)).trace()
    assert nn.Dropout(1.0)(x).tolist() == [0.0, 0.0, 0.0]
    assert nn.Dropout(1.0)(x).sum().backward()[x].tolist() == [0.0, 0.0, 0.0]
    assert nn.Dropout(0.0)(x) is x


def test_a_checkpoint_drops_the_same_elements_again():
    net = nn.Sequential(nn.Linear(5, 6, key=sw.Key(3)), nn.Dropout(key=sw.Key(1)), nn.Tanh(), nn.Dropout(key=sw.Key(2)))
    twin = net.copy()
    x = sw.randn((7, 5), key=sw.Key(4)).trace()
    kept, again = net(x), sw.checkpoint(twin, x)
    np.testing.assert_array_equal(kept.numpy(), again.numpy())
    np.testing.assert_array_equal(kept.sum().backward()[x].numpy(), again.sum().backward()[x].numpy())
    assert net(x).tolist() == twin(x).tolist()


def test_dropout_one_in():
    drop = nn.DropoutOneIn(4, key=sw.Key(1))
    assert drop.p == 0.25
    assert set(drop(sw.ones((100,)).trace()).tolist()) == {0.0, np.float32(4.0 / 3.0).item()}
    assert nn.DropoutOneIn(1)(sw.ones((2,)).trace()).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [sw.f64, sw.bf16, sw.f16])
def test_dropout_of_other_element_types(dtype):
    y = nn.Dropout(0.25, key=sw.Key(1))(sw.ones((4000,), dtype=dtype).trace())
    assert y.dtype is dtype
    assert abs((y == 0.0).to(sw.f32).mean().item() - 0.25) < 0.04


# ---- batch norm -----------------------------------------------------------------------------------------------------
def test_batch_norm_follows_its_input_and_nothing_else():
    norm = nn.BatchNorm2d(2)
    x = sw.randn((4, 2, 3, 3), key=sw.Key(1)) * 2.0 + 5.0
    # Untraced, and traced without training: the running statistics, which stay as they are.
    for inference in (x, x.trace(training=False)):
        np.testing.assert_allclose(norm(inference).numpy(), x.numpy() / math.sqrt(1.0 + 1e-5), rtol=1e-6)
        assert norm.num_batches_tracked.item() == 0 and norm.running_mean.tolist() == [0.0, 0.0]
    y = norm(x.trace()).numpy()
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0.0, atol=1e-6)
    np.testing.assert_allclose(y.var((0, 2, 3)), 1.0, rtol=1e-4)
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.1 * x.numpy().mean((0, 2, 3)), rtol=1e-5)
    assert norm.num_batches_tracked.item() == 1


def test_running_statistics_have_no_tape():
    norm = nn.BatchNorm2d(2)
    norm(sw.randn((4, 2, 3, 3)).trace())
    assert not norm.running_mean.is_traced and not norm.running_var.is_traced


def test_batch_norm_of_one_image_is_that_of_a_batch_of_one():
    one, many = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    x = sw.randn((2, 3, 4), key=sw.Key(1))
    y, z = one(x.trace()), many(x.reshape((1, 2, 3, 4)).trace())
    np.testing.assert_array_equal(y.numpy(), z.numpy()[0])
    assert one.running_var.tolist() == many.running_var.tolist()


def test_a_checkpoint_does_not_count_a_batch_twice():
    norm, twin = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    x = sw.randn((4, 2, 3, 3), key=sw.Key(1)).trace()
    kept, again = norm(x), sw.checkpoint(twin, x)
    np.testing.assert_array_equal(
        (kept * kept * kept).sum().backward()[x].numpy(), (again * again * again).sum().backward()[x].numpy()
    )
    assert twin.num_batches_tracked.item() == 1
    assert norm.running_mean.tolist() == twin.running_mean.tolist()


def test_a_copy_of_batch_norm_learns_on_its_own():
    norm = nn.BatchNorm2d(2)
    copy = norm.copy()
    norm(sw.ones((2, 2, 2, 2)).trace())
    assert copy.num_batches_tracked.item() == 0 and copy.running_mean.tolist() == [0.0, 0.0]
    copy.weight.assign(sw.zeros((2,)))
    assert norm.weight.tolist() == [1.0, 1.0]


def test_norms_without_what_can_be_left_out():
    assert nn.BatchNorm2d(2, affine=False).weight is None
    assert list(nn.BatchNorm2d(2, track_running_stats=False).state_dict()) == ["weight", "bias"]
    assert list(nn.LayerNorm(2, bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm(2, elementwise_affine=False).state_dict()) == []
    assert nn.Linear(2, 3, bias=False).bias is None


def test_layer_norm_of_equal_elements_is_finite():
    norm = nn.LayerNorm(3)
    x = sw.full((2, 3), 7.0).trace()
    y = norm(x)
    assert y.tolist() == [[0.0] * 3] * 2
    assert np.isfinite(y.sum().backward()[x].numpy()).all()


def test_layer_norm_in_sixteen_bits_is_rounded_once():
    x = sw.randn((4, 64), key=sw.Key(1), dtype=sw.f64) * 30.0
    exact = nn.LayerNorm(64, dtype=sw.f64)(x).numpy()
    got = nn.LayerNorm(64, dtype=sw.f16)(x.to(sw.f16)).to(sw.f64).numpy()
    np.testing.assert_allclose(got, exact, atol=4e-3)


# ---- linear, embedding ----------------------------------------------------------------------------------------------
def test_linear_begins_as_pytorch_does():
    layer = nn.Linear(400, 300, key=sw.Key(1))
    bound = 1.0 / math.sqrt(400)
    for cell in (layer.weight, layer.bias):
        assert -bound <= cell.numpy().min() and cell.numpy().max() < bound
    assert layer.weight.numpy().std() == pytest.approx(bound / math.sqrt(3.0), rel=0.02)
    assert layer.weight.tolist() == nn.Linear(400, 300, key=sw.Key(1)).weight.tolist()
    assert layer.weight.tolist() != nn.Linear(400, 300, key=sw.Key(2)).weight.tolist()


def test_linear_of_nothing():
    assert nn.Linear(0, 2)(sw.zeros((3, 0)))._spec.sizes == (3, 2)
    assert nn.Linear(2, 0)(sw.zeros((3, 2)))._spec.sizes == (3, 0)


def test_linear_keeps_the_names_of_leading_axes():
    x = sw.zeros((4, 4, 3))
    b, t, _ = x.shape
    y = nn.Linear(3, 3)(x)
    assert y.permute((t, b, 3)).shape == (4, 4, 3)


def test_linear_in_other_element_types():
    for dtype in (sw.f64, sw.bf16, sw.f16):
        layer = nn.Linear(3, 2, dtype=dtype)
        assert layer.weight.dtype is dtype and layer(sw.ones((4, 3), dtype=dtype)).dtype is dtype


def test_layers_on_a_device():
    device = sw.Reference()
    net = nn.Sequential(
        nn.Linear(3, 4, device=device), nn.LayerNorm(4, device=device), nn.Dropout(), nn.Linear(4, 2, device=device)
    )
    x = sw.ones((5, 3), device=device).trace()
    y = net(x)
    assert y.device == device
    assert y.sum().backward()[net[0].weight].device == device
    assert nn.BatchNorm2d(2, device=device)(sw.ones((2, 2, 2, 2), device=device).trace()).device == device
    assert nn.Embedding(4, 2, padding_idx=0, device=device).weight.device == device


def test_embedding_learns_where_it_was_used_and_not_at_the_padding():
    words = nn.Embedding(5, 2, padding_idx=3)
    assert words.weight.tolist()[3] == [0.0, 0.0]
    gradient = words(sw.tensor([0, 3, 0, 4]).trace()).sum().backward()[words.weight]
    assert gradient.tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]


def test_an_untraced_embedding_gives_no_tape():
    assert not nn.Embedding(5, 2)(sw.tensor([0, 3])).is_traced


# ---- reports --------------------------------------------------------------------------------------------------------
class Net(nn.Module):
    def __init__(self):
        self.up = nn.Sequential(nn.Linear(4, 8), nn.Residual(nn.Linear(8, 8)))

    def __call__(self, x):
        return self.up(x)


REPORTS = [
    (
        lambda: Net()(sw.zeros((2, 5))),
        sw.ShapeError,
        """
        Linear: axis 1 of x has size 5, and I = 4 is needed
          needed  Tensor[[*Bs, I], FT], I = 4 from this module
          x       Tensor[[2, 5]]
          in      Net.up.0 (Linear)
        """,
    ),
    (
        lambda: nn.Linear(3, 4)(sw.zeros((2, 3), dtype=sw.f64)),
        sw.DTypeError,
        """
        Linear: x has elements of type f64, and f32 is needed
          needed  Tensor[[*Bs, I], FT]
          x       Tensor[[2, 3], f64]
          in      Linear
          write   x.to(sw.f32)
        """,
    ),
    (
        lambda: nn.Linear(3, 4, dtype=sw.i64),
        sw.DTypeError,
        "rand: numbers from a continuous range are floating point, not i64",
    ),
    (
        lambda: nn.LayerNorm(3)(sw.zeros((2, 4))),
        sw.ShapeError,
        """
        LayerNorm: axis 1 of x has size 4, and D = 3 is needed
          needed  Tensor[[*Bs, D], FT], D = 3 from this module
          x       Tensor[[2, 4]]
          in      LayerNorm
        """,
    ),
    (
        lambda: nn.LayerNorm(3, eps=-1.0),
        sw.ArgumentError,
        """
        LayerNorm: eps=-1.0 is added to a variance, so it is 0 or more
          write  eps=1e-5
        """,
    ),
    (
        lambda: nn.BatchNorm2d(3)(sw.ones((1, 3, 1, 1)).trace()),
        sw.ArgumentError,
        """
        BatchNorm2d: the mean and variance of a batch need more than 1 value per channel, and there is 1
          x      Tensor[[1, 3, 1, 1]]
          in     BatchNorm2d
          write  a larger batch or image; or x untraced, or x.trace(training=False), to use the running statistics
        """,
    ),
    (
        lambda: nn.BatchNorm2d(3)(sw.ones((0, 3, 2, 2)).trace()),
        sw.ArgumentError,
        """
        BatchNorm2d: the mean and variance of a batch need more than 1 value per channel, and there are none
          x      Tensor[[0, 3, 2, 2]]
          in     BatchNorm2d
          write  a larger batch or image; or x untraced, or x.trace(training=False), to use the running statistics
        """,
    ),
    (
        lambda: nn.BatchNorm2d(3)(sw.ones((2, 4, 2, 2))),
        sw.ShapeError,
        """
        BatchNorm2d: axis 1 of x has size 4, and C = 3 is needed
          needed  Tensor[[*Bs, C, H, W], FT], C = 3 from this module
          x       Tensor[[2, 4, 2, 2]]
          in      BatchNorm2d
        """,
    ),
    (
        lambda: nn.BatchNorm2d(3, momentum=2.0),
        sw.ArgumentError,
        """
        BatchNorm2d: momentum=2.0 is how far the running statistics move towards those of a batch, from 0 to 1
          write  momentum=0.1, or momentum=None for the plain average of all batches
        """,
    ),
    (
        lambda: nn.Embedding(4, 2)(sw.tensor([[0, 4]])),
        sw.IndexRangeError,
        """
        take: the index 4 at [0, 1] is out of range
          allowed  0 to 3
          x        Tensor[[4, 2]]
          indices  Tensor[[1, 2], i64]
          axis     0
          in       Embedding
        """,
    ),
    (
        lambda: nn.Embedding(4, 2)(sw.tensor([0.0])),
        sw.DTypeError,
        """
        Embedding: x has elements of type f32, and i64 is needed
          needed  Tensor[Bs, i64]
          x       Tensor[[1]]
          in      Embedding
          write   x.to(sw.i64)
        """,
    ),
    (
        lambda: nn.Embedding(4, 2, padding_idx=4),
        sw.ArgumentError,
        """
        Embedding: padding_idx=4 is none of the 4 numbers
          allowed  -4 to 3
        """,
    ),
    (
        lambda: nn.Dropout(-0.1),
        sw.ArgumentError,
        """
        Dropout: p=-0.1 is the probability that an element is dropped, from 0 to 1
          write  nn.Dropout(0.5)
        """,
    ),
    (
        lambda: nn.Dropout(math.nan),
        sw.ArgumentError,
        """
        Dropout: p=nan is the probability that an element is dropped, from 0 to 1
          write  nn.Dropout(0.5)
        """,
    ),
    (
        lambda: nn.Dropout()(sw.tensor([1, 2])),
        sw.DTypeError,
        """
        Dropout: this needs floating point elements, not i64
          x      Tensor[[2], i64]
          in     Dropout
          write  x.to(sw.f32) first
        """,
    ),
    (
        lambda: nn.DropoutOneIn(0),
        sw.ArgumentError,
        """
        DropoutOneIn: one in 0 elements cannot be dropped; it is one in 1 or more
          write  nn.DropoutOneIn(2)
        """,
    ),
    (
        lambda: nn.Flatten(2)(sw.zeros((2, 3))),
        sw.ShapeError,
        """
        flatten: flatten joins the axes from start_axis to end_axis, and the tensor does not have these axes
          x   Tensor[[2, 3]]
          in  Flatten
        """,
    ),
    (
        lambda: nn.GELU("fast"),
        sw.ArgumentError,
        """
        GELU: approximate='fast' is no form of it
          write  approximate="none" or "tanh"
        """,
    ),
    (
        lambda: nn.Softplus(0.0),
        sw.ArgumentError,
        """
        Softplus: beta=0.0 is how sharp the bend is, above 0
          write  nn.Softplus(beta=1.0)
        """,
    ),
    (
        lambda: nn.Softmax(2)(sw.zeros((2, 3))),
        sw.ShapeError,
        """
        softmax: an axis number is one that the tensor has no axis for
          x     Tensor[[2, 3]]
          axis  2
          in    Softmax
        """,
    ),
    (
        lambda: nn.ReLU()(sw.tensor([1, 2])),
        sw.DTypeError,
        """
        relu: this needs floating point elements, not i64
          x      Tensor[[2], i64]
          in     ReLU
          write  x.to(sw.f32) first
        """,
    ),
]


@pytest.mark.parametrize(("call", "kind", "report"), REPORTS)
def test_report(call, kind, report):
    assert report_of(call, kind) == textwrap.dedent(report).strip()


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.Sin(), np.sin),
        (nn.Cos(), np.cos),
        (nn.Exp(), np.exp),
        (nn.Square(), np.square),
        (nn.Abs(), np.abs),
        (nn.Ln(), np.log),
        (nn.Sqrt(), np.sqrt),
    ],
    ids=lambda value: type(value).__name__,
)
def test_elementary_functions(layer, function):
    x = sw.rand((3, 4), dtype=sw.f64) + 0.5
    np.testing.assert_allclose(layer(x).numpy(), function(x.numpy()), rtol=1e-14)
    assert layer(x.trace()).is_traced


def test_reprs_say_what_layers_were_told():
    layers = [
        nn.Linear(2, 3), nn.Embedding(4, 2, padding_idx=-1), nn.LayerNorm(2), nn.BatchNorm2d(3, momentum=None),
        nn.Dropout(0.1), nn.DropoutOneIn(4), nn.Flatten(), nn.Flatten(0, 1), nn.GELU(), nn.LeakyReLU(), nn.ELU(),
        nn.Softplus(), nn.Softmax(), nn.LogSoftmax(dim=0), nn.ReLU(),
    ]  # fmt: skip
    assert [repr(layer).partition("\n")[0].partition("  #")[0] for layer in layers] == [
        "Linear(I=2, O=3)",
        "Embedding(V=4, D=2, padding_idx=3)",
        "LayerNorm(D=2, eps=1e-05)",
        "BatchNorm2d(C=3, eps=1e-05, momentum=None)",
        "Dropout(p=0.1)",
        "DropoutOneIn(p=0.25)",
        "Flatten()",
        "Flatten(0, 1)",
        'GELU(approximate="none")',
        "LeakyReLU(negative_slope=0.01)",
        "ELU(alpha=1)",
        "Softplus(beta=1)",
        "Softmax(dim=-1)",
        "LogSoftmax(dim=0)",
        "ReLU()",
    ]


def test_sizes_below_zero_are_refused() -> None:
    makes = (
        lambda: nn.Linear(-1, 3),
        lambda: nn.Linear(3, -1),
        lambda: nn.Conv2d(-1, 2, 3),
        lambda: nn.Conv2d(1, -2, 3),
    )
    for make in makes:
        assert "a size is 0 or more, not -" in report_of(make, sw.ShapeError)


def test_a_norm_in_inference_gives_its_parameters_their_gradients() -> None:
    norm = nn.BatchNorm2d(3)
    x = sw.rand((2, 3, 4, 4), key=sw.Key(0))
    grads = norm(x.trace(training=False)).sum().backward()
    assert grads.unused(norm) == []
    np.testing.assert_allclose(grads[norm.bias].numpy(), 32.0)
    np.testing.assert_allclose(grads[norm.weight].numpy(), norm(x).sum(axis=(0, 2, 3)).numpy(), rtol=1e-5)
