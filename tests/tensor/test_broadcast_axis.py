"""Broadcasting with the new axes numbered: the way out where sizes are equal and have no names."""

from __future__ import annotations

import numpy as np
import pytest

import shapewright as sw


@pytest.mark.parametrize(
    ("to", "axis"), [((3, 3), 0), ((3, 3), 1), ((3, 2, 3), (0, 1)), ((3, 2, 3), (-1, 1)), ((3,), ())]
)
def test_the_axes_that_are_left_are_those_of_the_tensor(to: tuple[int, ...], axis: int) -> None:
    v = sw.tensor([1.0, 2.0, 3.0])
    expected = np.broadcast_to(np.expand_dims(v.numpy(), axis), to)
    np.testing.assert_array_equal(v.broadcast(to, axis=axis).numpy(), expected)


def test_it_undoes_a_sum() -> None:
    x = sw.rand((4, 4), key=sw.Key(0))
    np.testing.assert_array_equal(x.sum(axis=0).broadcast((4, 4), axis=0).numpy()[1], x.numpy().sum(0))
    v = sw.ones((4,)).trace()
    assert (v.broadcast((4, 4), axis=1) * x).sum().backward()[v].shape == (4,)


@pytest.mark.parametrize(
    ("to", "axis", "says"),
    [
        ((3, 4), 0, "the axes that it leaves have other sizes than those of the tensor"),
        ((3, 3), 2, "axis= has a number that the shape asked for has no axis for"),
        ((3, 3, 3), 0, "it leaves more or fewer than the tensor has"),
    ],
)
def test_what_does_not_fit_is_refused(to: tuple[int, ...], axis: int, says: str) -> None:
    with pytest.raises(sw.ShapeError, match=says):
        sw.ones((3,)).broadcast(to, axis=axis)  # pyrefly: ignore
