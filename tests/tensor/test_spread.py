"""`x - m.spread()`: broadcasting on request, on either side, and what it says where there is nothing to spread to."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import shapewright as sw

X = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
M = np.array([2.0, 4.0], np.float32)
ARITHMETIC = (
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)


@pytest.mark.parametrize("function", ARITHMETIC, ids=lambda function: function.__name__)
def test_a_spread_stands_on_either_side(function: Any) -> None:
    x, m = sw.from_numpy(X), sw.from_numpy(M)
    assert np.allclose(function(x, m.spread()).numpy(), function(X, M[:, None]))
    assert np.allclose(function(m.spread(), x).numpy(), function(M[:, None], X))


def test_names_decide_where_sizes_are_equal() -> None:
    x = sw.from_numpy(np.arange(9, dtype=np.float32).reshape(3, 3))
    rows, columns = x.shape
    assert np.allclose((x - x.sum((rows,)).spread()).numpy(), x.numpy() - x.numpy().sum(1)[:, None])
    assert np.allclose((x - x.sum((columns,)).spread()).numpy(), x.numpy() - x.numpy().sum(0)[None])


def test_a_spread_that_fits_in_no_way_or_two_is_told() -> None:
    with pytest.raises(sw.ShapeError, match="broadcast: the smaller shape is not the larger one"):
        sw.zeros((2, 3)) - sw.zeros((4,)).spread()
    with pytest.raises(sw.ShapeError, match="broadcast: ambiguous"):
        sw.zeros((3, 3)) - sw.zeros((3,)).spread()


@pytest.mark.parametrize("other", [1.0, sw.zeros((2,)).spread()], ids=["number", "spread"])
def test_a_spread_meets_a_tensor(other: Any) -> None:
    with pytest.raises(sw.ArgumentError) as caught:
        sw.from_numpy(M).spread() + other
    assert str(caught.value) == (
        f"spread: the other operand is the tensor whose shape is taken, not {type(other).__name__}\n"
        "  write  x - m.spread() with a tensor x; numbers need no spread: m - 1.0"
    )


def test_a_spread_reads_as_it_is_written() -> None:
    assert repr(sw.tensor([1.0]).spread()) == "Tensor[[1], f32] on cpu: [1.].spread()"
