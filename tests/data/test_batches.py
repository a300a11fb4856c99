"""`Batches` and `split`: which examples come in which order, and the whole text of each refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import data
from shapewright.data.batches import permutation
from tests.refusal import refusal

X = sw.arange(10)
Y = sw.arange(10).to(sw.f32) * 2.0


# ---- batches --------------------------------------------------------------------------------------------------------
def test_in_order_without_the_short_rest() -> None:
    batches = data.Batches(X, Y, size=4)
    assert len(batches) == 2
    assert [(x.tolist(), y.tolist()) for x, y in batches] == [
        ([0, 1, 2, 3], [0.0, 2.0, 4.0, 6.0]),
        ([4, 5, 6, 7], [8.0, 10.0, 12.0, 14.0]),
    ]
    assert [x.tolist() for x, _ in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]], "a second pass is the same"
    assert repr(batches) == "Batches(Tensor[[10], i64], Tensor[[10]]): 2 of 4 examples"


def test_with_the_short_rest() -> None:
    batches = data.Batches(X, size=4, short=True)
    assert len(batches) == 3
    assert [x.tolist() for x in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [x.tolist() for x in data.Batches(X, size=5, short=True)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert [x.tolist() for x in data.Batches(X, size=20, short=True)] == [list(range(10))]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_one_to_four_arrays(count: int) -> None:
    arrays: Any = (X, Y, X.reshape((10, 1)), Y > 3.0)[:count]
    for batches in (data.Batches(*arrays, size=3), data.Batches(*arrays, size=3, shuffle=sw.Key(0))):
        for batch in batches:
            parts = batch if count > 1 else (batch,)
            assert [part.dtype for part in parts] == [array.dtype for array in arrays]
            assert [part.shape[1:] for part in parts] == [array.shape[1:] for array in arrays]
            assert all(len(part) == 3 for part in parts)


def test_shuffled_batches_hold_every_example_once_and_keep_arrays_together() -> None:
    batches = data.Batches(X, Y, size=3, shuffle=sw.Key(0), short=True)
    for _ in range(3):
        seen = []
        for x, y in batches:
            assert (x.to(sw.f32) * 2.0).tolist() == y.tolist()
            seen += x.tolist()
        assert sorted(seen) == list(range(10)) and seen != list(range(10))
    assert repr(batches) == "Batches(Tensor[[10], i64], Tensor[[10]]): 4 of 3 examples, shuffled"


def test_each_pass_moves_the_key_on() -> None:
    def passes(batches: data.Batches[Any], count: int) -> list[list[int]]:
        return [[number for x in batches for number in x.tolist()] for _ in range(count)]

    key = sw.Key(3)
    first = passes(data.Batches(X, size=5, shuffle=key), 2)
    assert first[0] != first[1]
    assert passes(data.Batches(X, size=5, shuffle=sw.Key(3)), 2) == first, "the same key, the same orders"
    assert passes(data.Batches(X, size=2, shuffle=sw.Key(3)), 2) == first, "the order does not depend on the size"
    on = key.state
    batches = data.Batches(X, size=5, shuffle=key)
    assert key.state == on, "only a pass moves the key"
    iter(batches)
    assert key.state != on, "the order is drawn when the pass begins"


def test_a_pass_goes_on_beside_another() -> None:
    batches = data.Batches(X, size=5, shuffle=sw.Key(0))
    one, two = iter(batches), iter(batches)
    next(two)
    assert sorted([*next(one).tolist(), *next(one).tolist()]) == list(range(10))


def test_orders_are_drawn_evenly() -> None:
    key = sw.Key(0)
    places = np.zeros((5, 5))
    for _ in range(2000):
        places[np.arange(5), permutation(5, key)] += 1
    # Each number is in each place 400 times on average, give or take 18.
    assert abs(places - 400).max() < 90


def test_batches_in_order_copy_nothing() -> None:
    images = sw.zeros((100, 28, 28))
    for batch in data.Batches(images, size=10):
        assert np.shares_memory(batch.numpy(), images.numpy())


def test_other_devices() -> None:
    x = sw.arange(10, device=sw.Reference())
    for shuffle in (None, sw.Key(0)):
        (batch,) = data.Batches(x, size=10, shuffle=shuffle)
        assert batch.device == sw.Reference()
        assert sorted(batch.tolist()) == list(range(10))


def test_different_numbers_of_examples() -> None:
    call: Any = data.Batches
    assert refusal(sw.ShapeError, lambda: call(sw.zeros((10, 3)), sw.zeros((9,), dtype=sw.i64), size=2)) == (
        "Batches: the arrays have different numbers of examples, 10 and 9\n"
        "  array 0  Tensor[[10, 3]]\n"
        "  array 1  Tensor[[9], i64]\n"
        "  write    arrays of the same data set: train.images with train.labels"
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda batches: batches(X, size=0),
            "Batches: size= is the number of examples in a batch, at least 1, not 0",
        ),
        (
            lambda batches: batches(X, size=2.0),
            "Batches: size= is the number of examples in a batch, at least 1, not 2.0",
        ),
        (
            lambda batches: batches(X, size=True),
            "Batches: size= is the number of examples in a batch, at least 1, not True",
        ),
        (
            lambda batches: batches(X, size=11),
            (
                "Batches: 10 examples do not fill one batch of 11, so there would be no batch at all\n"
                "  write  a smaller size=, or short=True to have the rest as a shorter batch"
            ),
        ),
        (
            lambda batches: batches(sw.zeros((0, 3)), size=2),
            "Batches: there are no examples, and a batch is never empty",
        ),
        (
            lambda batches: batches(sw.zeros((0, 3)), size=2, short=True),
            "Batches: there are no examples, and a batch is never empty",
        ),
        (
            lambda batches: batches(X, size=2, shuffle=True),
            (
                "Batches: shuffle= takes the key that the orders come from, not True\n"
                "  write  shuffle=sw.Key(0), or shuffle=None for the order of the arrays"
            ),
        ),
        (
            lambda batches: batches(size=2),
            "Batches: takes one to 4 arrays of examples, not 0\n  write  Batches(images, labels, size=64)",
        ),
        (
            lambda batches: batches(X, X, X, X, X, size=2),
            "Batches: takes one to 4 arrays of examples, not 5\n  write  Batches(images, labels, size=64)",
        ),
        (
            lambda batches: batches(np.zeros(3), size=2),
            (
                "Batches: an array of examples is a tensor, not ndarray\n"
                "  write  sw.from_numpy(array).expect(shape) around it"
            ),
        ),
    ],
)
def test_what_is_no_batches(call: Any, text: str) -> None:
    assert refusal(sw.ArgumentError, lambda: call(data.Batches)) == text


def test_a_scalar_has_no_examples() -> None:
    call: Any = data.Batches
    assert refusal(sw.ShapeError, lambda: call(sw.zeros(()), size=1)) == (
        "Batches: examples lie along the first axis, and a tensor of shape [] has none\n  array  Tensor[[]]"
    )


# ---- split ----------------------------------------------------------------------------------------------------------
def test_split_from_the_end_and_by_chance() -> None:
    rest, held = data.split(X, size=3)
    assert (rest.tolist(), held.tolist()) == ([0, 1, 2, 3, 4, 5, 6], [7, 8, 9])
    rest, held = data.split(X, size=3, key=sw.Key(0))
    assert sorted(rest.tolist() + held.tolist()) == list(range(10))
    assert held.tolist() != [7, 8, 9]
    again = data.split(X, size=3, key=sw.Key(0))[1]
    assert held.tolist() == again.tolist()


def test_split_keeps_labels_with_their_data() -> None:
    (x, a), (y, b) = data.split(X, Y, fraction=0.25, key=sw.Key(1))
    assert (x.shape, y.shape) == ((8,), (2,)), "2.5 examples are 2"
    for numbers, labels in ((x, a), (y, b)):
        assert (numbers.to(sw.f32) * 2.0).tolist() == labels.tolist()


def test_split_of_a_data_set() -> None:
    images = data.Images(X.to(sw.u8).reshape((10, 1, 1)), X)
    rest, held = data.split(images, size=4, key=sw.Key(1))
    assert (rest.images.shape, held.labels.shape) == ((6, 1, 1), (4,))
    assert held.images.reshape((4,)).to(sw.i64).tolist() == held.labels.tolist()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {},
            (
                "split: takes either size= or fraction=\n"
                "  write  size=10000 for that many held-out examples, or fraction=0.1 for that share of them"
            ),
        ),
        (
            {"size": 1, "fraction": 0.5},
            (
                "split: takes either size= or fraction=\n"
                "  write  size=10000 for that many held-out examples, or fraction=0.1 for that share of them"
            ),
        ),
        (
            {"size": 10},
            "split: of 10 examples, 10 cannot be held out: one of the parts would be empty\n  write  size= from 1 to 9",
        ),
        (
            {"size": 0},
            "split: of 10 examples, 0 cannot be held out: one of the parts would be empty\n  write  size= from 1 to 9",
        ),
        (
            {"fraction": 0.01},
            "split: of 10 examples, 0 cannot be held out: one of the parts would be empty\n  write  size= from 1 to 9",
        ),
        (
            {"fraction": 1.5},
            "split: of 10 examples, 15 cannot be held out: one of the parts would be empty\n  write  size= from 1 to 9",
        ),
        (
            {"size": 0.1},
            "split: size= is a number of examples, not 0.1\n  write  fraction=0.1 for a share of them",
        ),
        ({"fraction": "half"}, "split: fraction= is a number between 0 and 1, not 'half'"),
        ({"fraction": float("nan")}, "split: fraction= is a number between 0 and 1, not nan"),
    ],
)
def test_what_is_no_split(settings: dict[str, Any], text: str) -> None:
    call: Any = data.split
    assert refusal(sw.ArgumentError, lambda: call(X, **settings)) == text


def test_split_of_different_numbers_of_examples() -> None:
    call: Any = data.split
    assert refusal(sw.ShapeError, lambda: call(X, sw.zeros((9,)), size=2)) == (
        "split: the arrays have different numbers of examples, 10 and 9\n"
        "  array 0  Tensor[[10], i64]\n"
        "  array 1  Tensor[[9]]\n"
        "  write    arrays of the same data set: train.images with train.labels"
    )
    assert refusal(sw.ArgumentError, lambda: call(X, X, X, size=2)) == (
        "split: takes a data set, or one or two tensors, not 3 things"
    )
