"""softmax, log_softmax and normalize along several axes together."""

from __future__ import annotations

import numpy as np
import pytest

import shapewright as sw


@pytest.mark.parametrize("axis", [(0, 1), (-1, 0), (0, 1, 2), (1,)])
def test_several_axes_are_one_long_axis(axis: tuple[int, ...]) -> None:
    x = sw.randn((2, 3, 4), key=sw.Key(0))
    numbers = x.numpy().astype(np.float64)
    powers = np.exp(numbers)
    softmax = powers / powers.sum(axis, keepdims=True)
    np.testing.assert_allclose(x.softmax(axis=axis).numpy(), softmax, rtol=1e-5)
    np.testing.assert_allclose(x.log_softmax(axis=axis).numpy(), np.log(softmax), rtol=1e-5)
    normal = (numbers - numbers.mean(axis, keepdims=True)) / np.sqrt(numbers.var(axis, keepdims=True) + 1e-5)
    np.testing.assert_allclose(x.normalize(axis=axis).numpy(), normal, rtol=1e-4, atol=1e-5)


def test_an_axis_that_is_not_there_or_there_twice() -> None:
    x = sw.zeros((2, 3))
    with pytest.raises(sw.ShapeError, match="softmax: axis 2 does not exist"):
        x.softmax(axis=(0, 2))  # pyrefly: ignore
    with pytest.raises(sw.ShapeError, match="log_softmax: an axis is named twice"):
        x.log_softmax(axis=(0, -2))  # pyrefly: ignore
