"""Initialisers: their bounds and spreads, determinism per key, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn
from shapewright.nn import init

SHAPE = (120, 90, 3, 2)
INPUTS, OUTPUTS = 90 * 6, 120 * 6


def spread(x):
    x = x.numpy()
    assert abs(x.mean()) < 5 * x.std() / math.sqrt(x.size)
    return x.std(), np.abs(x).max()


@pytest.mark.parametrize(
    ("make", "std", "bound"),
    [
        (lambda k: init.uniform(SHAPE, -2.0, 2.0, key=k), 2.0 / math.sqrt(3), 2.0),
        (lambda k: init.normal(SHAPE, std=0.5, key=k), 0.5, None),
        (lambda k: init.xavier_uniform(SHAPE, key=k), math.sqrt(2 / (INPUTS + OUTPUTS)), math.sqrt(6 / (INPUTS + OUTPUTS))),  # noqa: E501
        (lambda k: init.xavier_normal(SHAPE, 2.0, key=k), 2 * math.sqrt(2 / (INPUTS + OUTPUTS)), None),
        (lambda k: init.kaiming_uniform(SHAPE, nonlinearity="relu", key=k), math.sqrt(2 / INPUTS), math.sqrt(6 / INPUTS)),  # noqa: E501
        (lambda k: init.kaiming_uniform(SHAPE, math.sqrt(5), key=k), math.sqrt(1 / 3 / INPUTS), math.sqrt(1 / INPUTS)),
        (lambda k: init.kaiming_normal(SHAPE, mode="fan_out", nonlinearity="tanh", key=k), 5 / 3 / math.sqrt(OUTPUTS), None),  # noqa: E501
        # The variance of a normal number that is between -2 and 2.
        (lambda k: init.trunc_normal(SHAPE, std=0.02, a=-0.04, b=0.04, key=k), 0.02 * math.sqrt(0.7737413), 0.04),
    ],
)  # fmt: skip
def test_spread_and_bounds(make, std, bound):
    x = make(sw.Key(1))
    found, largest = spread(x)
    assert found == pytest.approx(std, rel=0.01)
    if bound is not None:
        assert bound * 0.99 < largest <= bound * (1 + 1e-6)
    np.testing.assert_array_equal(x.numpy(), make(sw.Key(1)).numpy())
    assert (x.numpy() != make(sw.Key(2)).numpy()).any()
    assert x._spec.sizes == SHAPE and x.dtype is sw.f32


def test_trunc_normal_has_the_distribution_it_says():
    x = np.sort(init.trunc_normal((20_000,), mean=1.0, std=2.0, a=-1.0, b=6.0, key=sw.Key(1), dtype=sw.f64).numpy())
    low, high = (0.5 * (1 + math.erf((b - 1) / 2 / math.sqrt(2))) for b in (-1.0, 6.0))
    expected = (0.5 * (1 + np.array([math.erf((v - 1) / 2 / math.sqrt(2)) for v in x])) - low) / (high - low)
    # Kolmogorov and Smirnov: the distance at which one of ten thousand samples would be refused.
    assert np.abs(expected - (np.arange(20_000) + 0.5) / 20_000).max() < 2.23 / math.sqrt(20_000)


def test_the_inverse_of_erf():
    y = np.concatenate([np.linspace(-0.9999999, 0.9999999, 2001), [0.0, 1e-12, -1e-300]])
    x = init._erfinv(y)
    np.testing.assert_allclose([math.erf(v) for v in x], y, rtol=1e-13, atol=1e-15)
    assert np.isfinite(init._erfinv(np.array([-1.0, 1.0]))).all()


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5), (6, 2, 3), (2, 3, 2), (1, 3)])
def test_orthogonal(shape):
    w = init.orthogonal(shape, 3.0, key=sw.Key(1), dtype=sw.f64).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 9.0 * np.eye(min(w.shape)), atol=1e-12)


def test_sparse():
    x = init.sparse((50, 20), 0.33, key=sw.Key(1)).numpy()
    assert ((x == 0).sum(0) == math.ceil(0.33 * 50)).all()
    assert len({tuple(column) for column in (x == 0).T.tolist()}) > 1
    assert x[x != 0].std() == pytest.approx(0.01, rel=0.1)


def test_plain_ones():
    assert init.constant((2,), 0.5).tolist() == [0.5, 0.5]
    assert init.ones((2,), dtype=sw.f64).dtype is sw.f64
    assert init.zeros((2,)).tolist() == [0.0, 0.0]
    assert init.eye((2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_dirac():
    w = init.dirac((4, 2, 3, 3), groups=2).numpy()
    assert w.sum() == 4.0
    for channel in range(4):
        assert w[channel, channel % 2, 1, 1] == 1.0
    assert init.dirac((3, 2, 1)).tolist() == [[[1.0], [0.0]], [[0.0], [1.0]], [[0.0], [0.0]]]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty_shapes(shape):
    for make in (init.xavier_uniform, init.xavier_normal, init.kaiming_uniform, init.kaiming_normal, init.orthogonal):
        assert make(shape)._spec.sizes == shape


@pytest.mark.parametrize("dtype", [sw.f64, sw.bf16, sw.f16])
def test_element_types(dtype):
    for make in (init.uniform, init.xavier_uniform, init.kaiming_normal, init.trunc_normal, init.orthogonal, init.eye):
        assert make((3, 4), dtype=dtype).dtype is dtype


def test_gains_are_those_of_pytorch():
    gains = {"linear": 1.0, "conv2d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    for name, gain in gains.items():
        assert init.calculate_gain(name) == gain
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)


def test_they_fit_a_parameter():
    layer = nn.Linear(4, 3)
    layer.weight.assign(init.xavier_uniform((3, 4), key=sw.Key(1)))
    assert layer.weight.tolist() == init.xavier_uniform((3, 4), key=sw.Key(1)).tolist()


REPORTS = [
    (
        lambda: init.xavier_uniform((3,)),
        sw.ShapeError,
        "xavier_uniform: inputs and outputs are counted on 2 axes or more, and this shape has 1\n  shape  [3]",
    ),
    (
        lambda: init.kaiming_normal((3, 4), mode="fan"),
        sw.ArgumentError,
        'kaiming_normal: mode=\'fan\' is unknown\n  write  mode="fan_in" or "fan_out"',
    ),
    (
        lambda: init.calculate_gain("gelu"),
        sw.ArgumentError,
        """calculate_gain: there is no gain for 'gelu'
  known  linear, conv1d, conv2d, conv3d, sigmoid, tanh, relu, selu, leaky_relu""",
    ),
    (lambda: init.eye((3,)), sw.ShapeError, "eye: a matrix has 2 axes, and this shape has 1\n  shape  [3]"),
    (
        lambda: init.dirac((3, 3)),
        sw.ShapeError,
        "dirac: the weight of a convolution has 3, 4 or 5 axes, and this shape has 2\n  shape  [3, 3]",
    ),
    (
        lambda: init.dirac((3, 3, 3), groups=2),
        sw.ShapeError,
        "dirac: the 3 output channels cannot be split into 2 equal groups\n  shape   [3, 3, 3]\n  groups  2",
    ),
    (
        lambda: init.trunc_normal((3,), a=2.0, b=-2.0),
        sw.ArgumentError,
        "trunc_normal: std is above 0, and b is above a\n  std   1.0\n  a, b  2.0, -2.0",
    ),
    (
        lambda: init.sparse((3, 3), 1.5),
        sw.ArgumentError,
        "sparse: sparsity=1.5 is the share of zeros in each column, from 0 to 1",
    ),
    (
        lambda: init.normal((3,), std=-1.0),
        sw.ArgumentError,
        "normal: a standard deviation is 0 or more, not std=-1.0",
    ),
    (
        lambda: init.uniform((3,), 1.0, 0.0),
        sw.ArgumentError,
        "uniform: numbers go from a to b, and b=0.0 is below a=1.0\n  write  a=0.0, b=1.0",
    ),
    (
        lambda: init.orthogonal((3,)),
        sw.ShapeError,
        "orthogonal: there are 2 axes or more, and this shape has 1\n  shape  [3]",
    ),
]


@pytest.mark.parametrize(("call", "kind", "report"), REPORTS)
def test_report(call, kind, report):
    with pytest.raises(sw.Error) as caught:
        call()
    assert type(caught.value) is kind
    assert str(caught.value) == report
