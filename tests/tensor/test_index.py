"""`x[…]` and its kin at run time: the numbers are NumPy's, the names stay, and what leaves its axis is told."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Int, IntVar, Tensor

ARRAY = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
ITEMS = (
    0,
    -1,
    1,
    slice(None),
    slice(1, None),
    slice(None, 2),
    slice(-2, None),
    slice(0, 2),
    slice(None, None, 2),
    None,
)


def _given() -> Any:
    return sw.from_numpy(ARRAY)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_every_combination_of_indices_is_numpys(count: int) -> None:
    x = _given()
    for at in itertools.product(ITEMS, repeat=count):
        for form in (at, (..., *at), (*at, ...)):
            assert np.array_equal(x[form].numpy(), ARRAY[form])
            # The second time the plan is known already.
            assert x[form].shape == ARRAY[form].shape


def test_lists_and_tensors_of_places_are_numpys() -> None:
    x, places = _given(), sw.tensor([[0, 1], [1, 1]])
    assert np.array_equal(x[[1, 0, 1]].numpy(), ARRAY[[1, 0, 1]])
    assert np.array_equal(x[[-1, 0]].numpy(), ARRAY[[-1, 0]])
    assert np.array_equal(x[:, [2, 0]].numpy(), ARRAY[:, [2, 0]])
    assert np.array_equal(x[..., [3, 0]].numpy(), ARRAY[..., [3, 0]])
    assert np.array_equal(x[places].numpy(), ARRAY[places.numpy()])
    assert np.array_equal(x[:, places].numpy(), ARRAY[:, places.numpy()])
    assert np.array_equal(x[[]].numpy(), ARRAY[np.array([], int)])


def test_true_is_no_one_even_where_one_was_an_index_before() -> None:
    x = _given()
    x[1]
    with pytest.raises(sw.ShapeError, match="not True"):
        x[True]


@pytest.mark.eager
def test_slices_and_indices_are_views() -> None:
    x = _given()
    for at in (0, slice(1, None), (slice(None), 1), (..., slice(0, 3, 2)), None):
        assert np.shares_memory(x[at].numpy(), x.numpy())


def test_select_slice_split_take_are_the_same_by_name() -> None:
    x = _given()
    assert np.array_equal(x.select(2, axis=1).numpy(), ARRAY[:, 2])
    assert np.array_equal(x.slice(1, 3, axis=-1).numpy(), ARRAY[..., 1:3])
    assert np.array_equal(x.slice(1, axis=1).numpy(), ARRAY[:, 1:])
    assert np.array_equal(x.slice(0, 4, 2, axis=2).numpy(), ARRAY[..., ::2])
    for piece, expected in zip(x.split(2, axis=2), np.split(ARRAY, 2, axis=2), strict=True):
        assert np.array_equal(piece.numpy(), expected)
    for piece, expected in zip(x.split((1, 2), axis=1), np.split(ARRAY, [1], axis=1), strict=True):
        assert np.array_equal(piece.numpy(), expected)
    assert np.array_equal(x.take((2, 0), axis=1).numpy(), ARRAY[:, [2, 0]])


def test_names_go_with_the_axes_that_stay() -> None:
    @sw.checked
    def call[B: IntVar, T: IntVar, D: IntVar](x: Tensor[[B, T, D]], d: Int[D]) -> None:
        b, t, d = x.shape
        assert str(x[0].shape[0]) == str(t)
        # All sizes are 4: only names can tell the axes apart.
        assert x[0].sum((t,)).shape == (4,)
        assert x[:, 1:].shape[1] == t - 1
        assert x[:, : t - 1].reshape((b * (t - 1), d)).shape == (12, 4)
        assert (x[:, 1:] + x[:, : t - 1]).sum((b, t - 1)).shape == (4, 3)
        left, right = x.split((d // 2, d // 2), axis=2)
        assert left.sum((b, t)).shape == right.sum((b, t)).shape == (4, 4)

    call(sw.zeros((4, 4, 4)), 4)


def test_gradients_go_back_to_their_places() -> None:
    x = _given().trace()
    loss = x[:, 1:, 0].sum() + 2.0 * x[1].sum() + x[[0, 0]].sum()
    expected = np.zeros_like(ARRAY)
    expected[:, 1:, 0] += 1
    expected[1] += 2
    expected[0] += 2
    assert np.array_equal(loss.backward()[x].numpy(), expected)


def test_iteration_goes_along_the_first_axis_and_ends() -> None:
    rows = list(_given())
    assert [row.shape for row in rows] == [(3, 4), (3, 4)]
    assert np.array_equal(rows[1].numpy(), ARRAY[1])
    first, second = _given()
    assert np.array_equal(second.numpy(), ARRAY[1])
    with pytest.raises(sw.ShapeError) as caught:
        list(sw.zeros(()))
    assert str(caught.value) == (
        "iteration: a tensor of shape [] has no axis to go along\n  write  x.item() for its one number"
    )


X = "\n  x      Tensor[[2, 3, 4]]\n  index  "
ERRORS: list[tuple[Any, type[Exception], str]] = [
    (
        2,
        sw.IndexRangeError,
        (
            "index: the index is outside its axis; the last index is the size minus 1\n"
            "  axis   0, of size 2\n  x      Tensor[[2, 3, 4]]\n  index  2"
        ),
    ),
    (
        (0, -4),
        sw.IndexRangeError,
        (
            "index: the index is outside its axis; the last index is the size minus 1\n"
            "  axis   1, of size 3\n  x      Tensor[[2, 3, 4]]\n  index  0, -4"
        ),
    ),
    (
        slice(0, 5),
        sw.ShapeError,
        f"index: the slice reaches outside its axis; a slice is never cut short in silence{X}0:5",
    ),
    ((..., slice(3, 1)), sw.ShapeError, f"index: the slice ends before it starts{X}..., 3:1"),
    (
        (slice(None), slice(None, None, -1)),
        sw.ShapeError,
        f"index: the step of a slice is 1 or more; to turn an axis round write x.flip(axis=){X}:, ::-1",
    ),
    ((0, 0, 0, 0), sw.ShapeError, f"index: more indices than the tensor has axes{X}0, 0, 0, 0"),
    (
        (..., 0, ...),
        sw.ShapeError,
        f"index: ... stands for all axes that are not named, so it is written once{X}..., 0, ...",
    ),
    (
        "a",
        sw.ShapeError,
        f"index: an index is an int, a slice, None, ..., a list or a tensor of ints, not 'a'{X}a",
    ),
    (slice(0.5, 1), sw.ShapeError, f"index: the ends of a slice are ints, not 0.5{X}0.5:1"),
    (
        [0, 2],
        sw.IndexRangeError,
        (
            "index: an index is outside its axis; the last index is the size minus 1\n"
            "  axis   0, of size 2\n  x      Tensor[[2, 3, 4]]\n  index  [0, 2]"
        ),
    ),
    (
        ([0], [1]),
        sw.ShapeError,
        (
            f"index: two axes are indexed by lists; one list picks places of one axis{X}[0], [1]\n"
            "  write  x.take(places, axis=0).take(others, axis=1), or x.gather(indices, axis=1) to pair them up"
        ),
    ),
    (
        [True, False],
        sw.ShapeError,
        (
            f"index: a list of places holds ints, not True{X}[True, False]\n"
            "  write  sw.where(mask, x, 0.0) to keep the shape, x.take(places, axis=0) to pick places"
        ),
    ),
]


@pytest.mark.parametrize(("at", "kind", "text"), ERRORS, ids=[str(at) for at, *_ in ERRORS])
def test_an_index_outside_is_told(at: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as caught:
        _given()[at]
    assert str(caught.value) == text


def test_a_mask_is_told_what_to_write() -> None:
    x = _given()
    with pytest.raises(sw.ShapeError) as caught:
        x[x > 3.0]
    assert str(caught.value) == (
        "index: places are integers, and this tensor holds bool\n"
        "  x      Tensor[[2, 3, 4]]\n"
        "  index  Tensor[[2, 3, 4], bool]\n"
        "  write  sw.where(mask, x, 0.0) to keep the shape, x.take(places, axis=0) to pick places"
    )
