"""Arithmetic of gradients: sums over batches, scaling by numbers and by tensors, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Tensor, nn

X = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_sums_and_quotients_compiled_and_not() -> None:
    model = nn.Linear(3, 2, key=sw.Key(1))

    def mean(x: Tensor, factor: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = [model((x * float(scale)).trace()).sum().backward() for scale in (1, 2, 3)]
        total: Any = sum(parts)
        return (total / 3)[model.weight], (parts[0] * factor)[model.weight], (parts[0] / factor)[model.bias]

    weight = np.tile(X.numpy().sum(0), (2, 1))
    compiled: Any = sw.compile(mean)
    for run in (mean, compiled):
        first, second, third = run(X, sw.tensor(4.0))
        np.testing.assert_allclose(first.numpy(), 2.0 * weight, rtol=1e-6)
        np.testing.assert_allclose(second.numpy(), 4.0 * weight, rtol=1e-6)
        np.testing.assert_allclose(third.numpy(), [0.5, 0.5], rtol=1e-6)


def test_gradients_of_traced_values_are_scaled_too() -> None:
    x = X.trace()
    grads = (x * x).sum().backward() / sw.tensor(2.0)
    assert grads[x].tolist() == X.tolist()


def test_what_is_no_factor() -> None:
    model = nn.Linear(3, 2, key=sw.Key(1))
    grads: Any = model(X.trace()).sum().backward()
    with pytest.raises(sw.ShapeError) as caught:
        grads * sw.ones((2,))
    assert str(caught.value) == (
        "mul: gradients of many shapes are scaled by a number or a tensor of shape []\n"
        "  number  Tensor[[2]]\n"
        "  write   grads[p] = grads[p] * factor, parameter by parameter"
    )
    with pytest.raises(TypeError):
        1 + grads


def test_a_name_is_no_key() -> None:
    model = nn.Linear(3, 2, key=sw.Key(1))
    grads: Any = model(X.trace()).sum().backward()
    with pytest.raises(sw.GradientKeyError) as caught:
        grads["weight"]
    assert str(caught.value) == (
        "gradients are looked up by parameter or by traced value, not by str\n"
        "  there are  weight, bias, 1 traced value\n"
        "  write      grads[model.weight]"
    )
