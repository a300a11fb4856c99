"""Arguments of the wrong kind: none of them gives a wrong answer, and each is answered by an error of ours.

What it is not: shapes and element types that do not fit (`test_mistakes.py`, `ops/test_errors.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import shapewright as sw

X: Any = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
ANY: Any = sw

# Each takes an odd argument in the place of a right one.
PLACES: dict[str, Callable[[Any], object]] = {
    "sum to": lambda odd: X.sum((odd,)),
    "sum axis": lambda odd: X.sum(axis=(0, odd)),
    "broadcast": lambda odd: X.broadcast((odd, 2, 3)),
    "broadcast axis": lambda odd: X.broadcast((4, 2, 3), axis=(odd,)),
    "permute": lambda odd: X.permute((odd, 2)),
    "permute axes": lambda odd: X.permute(axes=(0, odd)),
    "reshape": lambda odd: X.reshape((odd, 2)),
    "flatten": lambda odd: X.flatten(start_axis=odd),
    "squeeze": lambda odd: X.squeeze(axis=odd),
    "unsqueeze": lambda odd: X.unsqueeze(axis=odd),
    "softmax": lambda odd: X.softmax(axis=odd),
    "cumsum": lambda odd: X.cumsum(axis=odd),
    "roll": lambda odd: X.roll(odd, axis=0),
    "roll axis": lambda odd: X.roll(1, axis=odd),
    "pad": lambda odd: X.pad((odd, 0), (0, 0)),
    "pad after": lambda odd: X.pad((0, 0), odd),
    "tril": lambda odd: X.tril(diagonal=odd),
    "split": lambda odd: X.split(odd, axis=0),
    "take": lambda odd: X.take(odd, axis=0),
    "index": lambda odd: X[0, odd],
    "topk": lambda odd: X.topk(odd),
    "one_hot": lambda odd: sw.tensor([0, 1]).one_hot(odd),
    "expect": lambda odd: X.expect(odd),
    "expect size": lambda odd: X.expect((2, odd)),
    "concat": lambda odd: sw.concat(odd, axis=0),
    "concat part": lambda odd: sw.concat((X, odd), axis=0),
    "concat axis": lambda odd: sw.concat((X, X), axis=odd),
    "stack": lambda odd: sw.stack(odd, axis=0),
    "stack part": lambda odd: sw.stack((odd, X), axis=0),
    "stack axis": lambda odd: sw.stack((X, X), axis=odd),
    "einsum": lambda odd: sw.einsum(odd, X),
    "einsum part": lambda odd: sw.einsum("ij,j->i", X, odd),
    "rearrange": lambda odd: X.rearrange(odd),
    "outer": lambda odd: X[0].outer(odd),
    "scatter_add": lambda odd: X.scatter_add(odd, X, axis=0),
    "broadcast_like": lambda odd: X.broadcast_like(odd),
    "trace_like": lambda odd: X.trace_like(odd),
    "elu": lambda odd: X.elu(alpha=odd),
    "std": lambda odd: X.std(correction=odd),
}
ODD: tuple[Any, ...] = (None, "a", b"b", (None,), ["a"], {}, object(), sw.f32, lambda x: x, 2j, np.ones((2, 2)))
# What an argument may also be.
ALLOWED = {("softmax", "NoneType"), ("sum axis", "NoneType"), ("broadcast axis", "NoneType"), ("index", "NoneType")}


@pytest.mark.parametrize("place", PLACES)
def test_an_odd_argument_is_an_error_of_ours(place: str) -> None:
    for odd in ODD:
        if (place, type(odd).__name__) in ALLOWED:
            continue
        with pytest.raises(sw.Error) as caught:
            PLACES[place](odd)
        assert str(caught.value)


REPORTS: dict[str, tuple[Callable[[], object], str]] = {
    "a size": (
        lambda: X.reshape(("3", 2)),
        "reshape: a size is an int, not str\n  x  Tensor[[2, 3]]",
    ),
    "a shape": (
        lambda: X.expect(2.5),
        "expect: takes the shape that the tensor has, a tuple of sizes, not float\n  x      Tensor[[2, 3]]\n\
  write  x.expect((b, 784))",
    ),
    "an axis": (
        lambda: X.sum(axis="rows"),
        "sum: axis= is the number of an axis, or a tuple of numbers, not 'rows'\n  x  Tensor[[2, 3]]",
    ),
    "one axis": (
        lambda: X.unsqueeze(axis=(0, 1)),
        "unsqueeze: axis= is the number of one axis, not (0, 1)\n  x  Tensor[[2, 3]]",
    ),
    "a count": (
        lambda: X.topk(1.5),
        "topk: k= is how many there are, an int, not 1.5\n  x  Tensor[[2, 3]]",
    ),
    "tensors to join": (
        lambda: ANY.concat(X, axis=0),
        "concat: joins a tuple or list of tensors, not one tensor\n  write  sw.concat((a, b), axis=0)",
    ),
    "one of them": (
        lambda: ANY.stack((X, 1.0), axis=0),
        "stack: an operand is float, and a tensor is needed\n  write  sw.tensor(...) or sw.from_numpy(...) around it",
    ),
    "a number that is a tensor": (
        lambda: X.clip(min=X),
        "clip: min= takes a Python number, not a tensor\n  x    Tensor[[2, 3]]\n  min  Tensor[[2, 3]]",
    ),
    "an equation": (
        lambda: ANY.einsum(X, X),
        'einsum: what it does is said in a str, not Tensor\n  write  "ij,jk->ik"',
    ),
    "a parameter": (
        lambda: X.tril(diagonal="a"),
        "tril: the parameters do not fit: bad operand type for unary -: 'str'\n\
  x         Tensor[[2, 3]]\n  diagonal  a",
    ),
}


@pytest.mark.parametrize("report", REPORTS)
def test_the_report_of_an_odd_argument(report: str) -> None:
    wrong, text = REPORTS[report]
    with pytest.raises(sw.Error) as caught:
        wrong()
    assert str(caught.value) == text


def test_places_beyond_what_the_indices_can_hold() -> None:
    # 200 * 2 is no u8, and the third place of the second column no number of two bits.
    places = sw.tensor([[200, 1]]).to(sw.u8)
    added = sw.zeros((300, 2)).scatter_add(places, sw.ones((1, 2)), axis=0)
    assert np.argwhere(added.numpy()).tolist() == [[1, 1], [200, 0]]
    x = sw.zeros((300, 2)).trace()
    assert np.argwhere(x.gather(places, axis=0).sum().backward()[x].numpy()).tolist() == [[1, 1], [200, 0]]


def test_a_traced_view_of_a_parameter_trains_if_it_says_so() -> None:
    w = sw.Parameter(sw.ones((2, 3)))
    turned = w.permute(axes=(1, 0))
    assert [turned.trace().is_training, turned.trace(training=False).is_training] == [True, False]
    assert (turned.trace() * 2.0).sum().backward()[w].tolist() == [[2.0] * 3] * 2
