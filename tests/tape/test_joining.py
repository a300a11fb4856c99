"""What was computed from a parameter before a traced value is met: views join, other values say what to do."""

from __future__ import annotations

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn


def test_a_view_of_a_parameter_joins() -> None:
    weight = sw.Parameter(sw.ones((2, 3)))
    x = sw.ones((3, 2)).trace()
    loss = (x * weight.permute((3, 2)).reshape((6,)).reshape((3, 2))).sum()
    np.testing.assert_array_equal(loss.backward()[weight].numpy(), np.ones((2, 3)))


def test_a_view_of_something_computed_does_not() -> None:
    table = nn.Embedding(5, 2)
    rows = table(sw.arange(3)).broadcast((4, 3, 2))
    with pytest.raises(sw.TapeError, match="a value computed from parameter weight without a tape"):
        sw.ones((4, 3, 2)).trace() + rows


def test_trace_like_records_when_the_other_is_recorded() -> None:
    table = nn.Embedding(5, 2)
    x = sw.ones((4, 3, 2))
    assert not table(sw.arange(3).trace_like(x)).is_traced
    for other in (x.trace(), x.trace(training=False)):
        rows = table(sw.arange(3).trace_like(other))
        assert rows.is_training == other.is_training
        loss = (other + rows.spread()).sum()
        np.testing.assert_array_equal(loss.backward()[table.weight].sum(axis=1).numpy(), [8, 8, 8, 0, 0])


def test_trace_like_of_a_parameter() -> None:
    direction, length = sw.Parameter(sw.tensor([3.0, 4.0])), sw.Parameter(sw.tensor(2.0))
    x = sw.ones((2,)).trace()
    direction_, length_ = direction.trace_like(x), length.trace_like(x)
    unit = direction_ / (direction_ * direction_).sum().sqrt().spread()
    gradients = (x * unit * length_.spread()).sum().backward()
    assert gradients[length].item() == pytest.approx(1.4)
    assert direction.trace_like(sw.ones((2,))) is direction
