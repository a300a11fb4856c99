"""Convolution and pools, beside PyTorch's values: error texts, first values, second derivatives, element types."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn, ops
from tests.ops.numbers import real, small


def text_of(call):
    with pytest.raises(sw.Error) as caught:
        call()
    return str(caught.value)


class Net(nn.Module):
    def __init__(self):
        self.features = nn.Sequential(nn.Conv2d(3, 8, 5), nn.ReLU())

    def __call__(self, x):
        return self.features(x)


ERRORS = {
    "a kernel larger than its input": (
        lambda: nn.Conv2d(3, 8, 5)(sw.zeros((2, 3, 4, 6))),
        """
        conv2d: the window is larger than the axis it slides over, padding included
          x         Tensor[[2, 3, 4, 6]]
          weight    Tensor[[8, 3, 5, 5]]
          bias      Tensor[[8]]
          stride    (1, 1)
          padding   0
          dilation  (1, 1)
          groups    1
          in        Conv2d
        """,
    ),
    "the path of the layer": (
        lambda: Net()(sw.zeros((2, 4, 8, 8))),
        """
        Conv2d: axis 1 of x has size 4, and I = 3 is needed
          needed  Tensor[[*Bs, I, H, W], FT], I = 3 from this module
          x       Tensor[[2, 4, 8, 8]]
          in      Net.features.0 (Conv2d)
        """,
    ),
    "another rank": (
        lambda: nn.Conv2d(3, 8, 3)(sw.zeros((8, 8))),
        """
        Conv2d: x has 2 axes, and at least 3 are needed
          needed  Tensor[[*Bs, I, H, W], FT]
          x       Tensor[[8, 8]]
          in      Conv2d
        """,
    ),
    "another element type": (
        lambda: nn.Conv2d(3, 8, 3)(sw.zeros((3, 8, 8), dtype=sw.f64)),
        """
        Conv2d: x has elements of type f64, and f32 is needed
          needed  Tensor[[*Bs, I, H, W], FT]
          x       Tensor[[3, 8, 8], f64]
          in      Conv2d
          write   x.to(sw.f32)
        """,
    ),
    "groups": (
        lambda: nn.Conv2d(4, 15, 3, groups=2),
        """
        Conv2d: the channels cannot be divided into 2 equal groups
          out_channels  15 = 2 * 7 + 1
          groups        2
          write         out_channels and groups of which the second divides the first
        """,
    ),
    "no groups": (lambda: nn.Conv2d(4, 16, 3, groups=0), "Conv2d: groups is 1 or more, not 0"),
    "stride": (lambda: nn.Conv2d(4, 16, 3, stride=(1, 0)), "Conv2d: stride is 1 or more, not (1, 0)"),
    "padding": (lambda: nn.MaxPool2d(2, padding=-1), "MaxPool2d: padding is 0 or more, not -1"),
    "kernel": (lambda: nn.AvgPool2d(0), "AvgPool2d: kernel_size is 1 or more, not 0"),
    "dilation": (lambda: nn.MinPool2d(2, dilation=0), "MinPool2d: dilation is 1 or more, not 0"),
    "three numbers": (
        lambda: nn.Conv2d(4, 16, (1, 2, 3)),
        "kernel_size=(1, 2, 3) is one number, or two for height and width",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_texts(name):
    call, expected = ERRORS[name]
    assert text_of(call) == textwrap.dedent(expected).strip()


@pytest.mark.parametrize(
    "layer", [nn.MaxPool2d(5), nn.MinPool2d((1, 5)), nn.AvgPool2d(5), nn.MaxPool2d(3, dilation=2)], ids=repr
)
def test_a_pool_larger_than_its_input_is_refused(layer):
    text = text_of(lambda: layer(sw.zeros((1, 1, 4, 4))))
    assert "the window is larger than the axis it slides over, padding included" in text
    assert "Tensor[[1, 1, 4, 4]]" in text


def test_more_padding_than_half_a_window_is_refused():
    assert "is more than half of the window" in text_of(lambda: nn.MaxPool2d(2, padding=2)(sw.zeros((1, 4, 4))))


# ---- what it begins with ------------------------------------------------------------------
def test_first_values_are_uniform_within_the_bound_of_the_inputs_a_filter_sees():
    layer = nn.Conv2d(8, 32, 3, groups=2, key=sw.Key(1))
    bound = 1 / np.sqrt(8 // 2 * 3 * 3)
    for values in (layer.weight.numpy(), layer.bias.numpy()):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.8 * bound
    assert abs(layer.weight.numpy().std() - bound / np.sqrt(3)) < 0.02 * bound * np.sqrt(3)
    assert layer.weight.shape == (32, 4, 3, 3)


def test_the_same_key_gives_the_same_layer():
    a, b = (nn.Conv2d(3, 4, 3, key=sw.Key(5)) for _ in range(2))
    assert (a.weight.numpy() == b.weight.numpy()).all()
    assert (a.bias.numpy() == b.bias.numpy()).all()


def test_repr():
    assert repr(nn.Conv2d(4, 6, (3, 5), 2, (1, 2), groups=2, bias=False)).splitlines() == [
        "Conv2d(I=4, O=6, kernel_size=(3, 5), stride=2, padding=(1, 2), groups=2)  # 180 parameters",
        "  weight: Parameter[[6, 2, 3, 5], f32]",
    ]
    assert repr(nn.MaxPool2d(3, 1, 1)) == "MaxPool2d(kernel_size=3, padding=1)"


# ---- shapes and element types ------------------------------------------------------------------
def test_leading_axes():
    layer = nn.Conv2d(3, 4, 3, padding=1, key=sw.Key(0))
    pool = nn.MaxPool2d(2)
    x = sw.from_numpy(real((2, 5, 3, 6, 6), 1).astype(np.float32))
    whole, pooled = layer(x), pool(x)
    assert whole.shape == (2, 5, 4, 6, 6)
    for i in range(2):
        np.testing.assert_allclose(whole.numpy()[i], layer(x[i]).numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(pooled.numpy()[i], pool(x[i]).numpy())
        np.testing.assert_allclose(whole.numpy()[i, 0], layer(x[i, 0]).numpy(), rtol=1e-5, atol=1e-6)


def test_an_empty_batch():
    x = sw.zeros((0, 3, 8, 8)).trace()
    layer = nn.Conv2d(3, 4, 3)
    y = nn.AvgPool2d(2)(nn.MaxPool2d(2)(layer(x)))
    assert y.shape == (0, 4, 1, 1)
    assert (y.sum().backward()[layer.weight].numpy() == 0).all()


@pytest.mark.parametrize("dtype", [sw.f64, sw.f32, sw.bf16, sw.f16], ids=lambda d: d.name)
def test_element_types(dtype):
    layer = nn.Conv2d(2, 3, 3, padding=1, groups=1, dtype=dtype, key=sw.Key(0))
    exact = nn.Conv2d(2, 3, 3, padding=1, dtype=sw.f64)
    exact.load_state_dict({name: value.to(sw.f64) for name, value in layer.state_dict().items()})
    x = sw.from_numpy(small((2, 2, 6, 6), 3)).to(dtype)
    y = nn.AvgPool2d(2)(nn.MaxPool2d(2, 1)(layer(x.trace())))
    assert y.dtype is dtype
    expected = nn.AvgPool2d(2)(nn.MaxPool2d(2, 1)(exact(x.to(sw.f64))))
    tolerance = {"f64": 1e-12, "f32": 1e-5, "f16": 5e-3, "bf16": 5e-2}[dtype.name]
    np.testing.assert_allclose(y.to(sw.f64).numpy(), expected.numpy(), rtol=tolerance, atol=tolerance)
    assert y.sum().backward()[layer.weight].dtype is dtype


def test_pools_of_integers():
    x = sw.tensor([[1, 5, 2, 0], [3, 4, 9, 8]])
    assert nn.MaxPool2d(2)(x).tolist() == [[5, 9]]
    assert nn.MinPool2d(2)(x).tolist() == [[1, 0]]
    assert nn.MaxPoolGlobal()(x.reshape((1, 2, 4))).tolist() == [9]


def test_names_of_axes_go_through():
    @sw.checked
    def kept(x):
        b, _, h, _ = x.shape
        y = nn.Conv2d(4, 4, 3, padding=1)(x)
        return y.sum((b, h))

    assert kept(sw.zeros((4, 4, 4, 4))).shape == (4, 4)


# ---- gradients ------------------------------------------------------------------
def test_the_gradient_of_a_pool_goes_to_the_first_of_equal_elements():
    x = sw.full((1, 4, 4), 2.0).trace()
    gradient = nn.MaxPool2d(2)(x).sum().backward()[x].numpy()
    expected = np.zeros((4, 4))
    expected[::2, ::2] = 1
    np.testing.assert_array_equal(gradient[0], expected)
    gradient = nn.MinPoolGlobal()(x).sum().backward()[x].numpy()
    assert gradient[0, 0, 0] == 1
    assert gradient.sum() == 1


SETTINGS = [
    {"stride": 2, "padding": 1},
    {"padding": (0, 2), "dilation": (1, 2)},
    {"groups": 2, "stride": (1, 2)},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_second_derivatives_of_a_convolution(settings):
    """Of the norm of the gradient, against finite differences."""
    layer = nn.Conv2d(2, 2, 3, dtype=sw.f64, key=sw.Key(2), **settings)
    x0 = real((1, 2, 5, 6), 4)
    w0 = layer.weight.numpy().copy()

    def norm_of_gradient(x, w):
        x = x.trace()
        w = w.trace()
        y = ops.conv2d(x, w, layer.bias.stop_gradient(), **settings)
        grads = (y * y * y).sum().backward(trace=True)
        return (grads[x] * grads[x]).sum() + (grads[w] * grads[w]).sum()

    def value(x, w):
        return norm_of_gradient(sw.from_numpy(x), sw.from_numpy(w)).item()

    x, w = sw.from_numpy(x0).trace(), sw.from_numpy(w0).trace()
    grads = norm_of_gradient(x, w).backward()
    step = 1e-5
    rng = np.random.default_rng(0)
    for which, (at, analytic) in enumerate(((x0, grads[x].numpy()), (w0, grads[w].numpy()))):
        for index in rng.choice(at.size, 6, replace=False):
            moved = [x0.copy(), w0.copy()]
            moved[which].flat[index] += step
            above = value(*moved)
            moved[which].flat[index] -= 2 * step
            below = value(*moved)
            np.testing.assert_allclose(analytic.flat[index], (above - below) / (2 * step), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2, 1), nn.MinPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1)], ids=repr)
def test_second_derivatives_of_pools(pool):
    x0 = real((1, 1, 5, 5), 5)

    def norm_of_gradient(x):
        y = pool(x)
        gradient = (y * y * y).sum().backward(trace=True)[x]
        return (gradient * gradient).sum()

    x = sw.from_numpy(x0).trace()
    analytic = norm_of_gradient(x).backward()[x].numpy()
    step = 1e-6
    for index in range(x0.size):
        values = []
        for sign in (1, -1):
            moved = x0.copy()
            moved.flat[index] += sign * step
            values.append(norm_of_gradient(sw.from_numpy(moved).trace()).item())
        np.testing.assert_allclose(analytic.flat[index], (values[0] - values[1]) / (2 * step), rtol=1e-5, atol=1e-4)


def test_a_convolution_learns():
    layer = nn.Conv2d(1, 1, 3, padding=1, key=sw.Key(0))
    x = sw.randn((8, 1, 6, 6), key=sw.Key(1))
    target = x.roll(1, axis=3) * 2.0
    losses = []
    for _ in range(60):
        loss = nn.mse(layer(x.trace()), target)
        grads = loss.backward()
        for parameter in layer.parameters():
            parameter.assign(parameter.stop_gradient() - grads[parameter] * 0.2)
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
