"""Names and arguments of other libraries: what the error says to write instead, and that it is there."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

import shapewright as sw
from shapewright import data, nn, optim
from shapewright.tensor import habits


def said(owner: object, name: str) -> str:
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    return str(caught.value)


def test_a_name_of_another_library_is_answered() -> None:
    x, model = sw.ones((2, 3)), nn.Linear(3, 2)
    assert said(x, "view") == "Tensor has no attribute 'view'\n  write  x.reshape(to)"
    assert said(x, "relu_") == "Tensor has no attribute 'relu_'\n  write  y = x.relu(...): a tensor never changes"
    assert said(x, "nothing_like_it") == "Tensor has no attribute 'nothing_like_it'"
    assert said(model, "eval") == (
        "Linear has no attribute 'eval'\n  write  nothing: an untraced input means inference, model(x)"
    )
    assert said(optim.Adam(model), "step").endswith("write  optimizer.update(loss.backward())")
    assert said(nn, "CrossEntropyLoss").endswith("write  nn.cross_entropy(logits, labels)")
    assert said(sw, "no_grad").endswith("write  nothing: what is not traced is not recorded")
    assert said(sw, "flatten").endswith("write  x.flatten(...)")
    assert said(sw, "bmm").endswith("write  x @ y")
    assert said(nn, "relu").endswith("write  x.relu(...)")
    assert said(optim, "lr_scheduler").endswith("write  optimizer.lr = rate, at any time")
    assert said(data, "DataLoader").endswith("write  data.Batches(x, y, size=64, shuffle=sw.Key(0))")
    assert said(sw, "__nothing__") == "shapewright has no attribute '__nothing__'"


def test_no_name_that_is_here_is_explained_as_missing() -> None:
    for owner, table in ((sw.Tensor, habits.TENSOR), (nn.Module, habits.MODULE), (optim.Optimizer, habits.OPTIMIZER)):
        assert [name for name in table if hasattr(owner, name)] == []
    assert [name for name in habits.NN if name in vars(nn)] == []
    for room, table in ((sw, habits.PACKAGE), (optim, habits.OPTIM), (data, habits.DATA)):
        assert [name for name in table if name in vars(room)] == []


def test_what_is_proposed_exists() -> None:
    tables = (
        *(habits.TENSOR, habits.MODULE, habits.OPTIMIZER),
        *(habits.NN, habits.OPTIM, habits.DATA, habits.PACKAGE),
    )
    owners = {
        "data": data,
        "x": sw.Tensor,
        "model": nn.Module,
        "optimizer": optim.Optimizer,
        "nn": nn,
        "sw": sw,
        "optim": optim,
    }
    named = [
        (owner, name)
        for table in tables
        for text in table.values()
        for owner, name in re.findall(r"\b(\w+)\.(\w+)", text)
    ]
    instance = {"groups"}
    assert [
        f"{owner}.{name}"
        for owner, name in named
        if owner in owners and name not in instance and not hasattr(owners[owner], name) and name != "head"
    ] == []


def test_protocols_still_find_nothing() -> None:
    x = sw.ones((2,))
    assert not hasattr(x, "__array_interface__")
    assert copy.deepcopy(nn.Sequential(nn.Linear(2, 2)))(x).shape == (2,)
    np.testing.assert_array_equal(np.asarray(x), [1, 1])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: x.to("cpu"), sw.DTypeError, "to: takes an element type or a device, not 'cpu'"),
        (lambda x: x[np.array([0, 1])], sw.ShapeError, "an index is a NumPy array, and a tensor is needed"),
        (
            lambda x: sw.rand((2,), key=0),
            sw.ArgumentError,
            r"key= is a stream of random numbers, not 0\n  write  key=sw",
        ),
        (
            lambda x: nn.LayerNorm((3,)),
            sw.ArgumentError,
            r"normalized_shape.*not \(3,\)\n  write  nn.LayerNorm\(size\); x.norm",
        ),
        (lambda x: nn.Sequential([nn.ReLU()]), sw.ArgumentError, r"layer 0 is a list(.|\n)*nn.Sequential\(\*layers\)"),
        (
            lambda x: x == x[0].spread(),
            sw.ArgumentError,
            r"eq: an operand is m.spread\(\), which only arithmetic(.|\n)*write  m.broadcast_like\(x\)",
        ),
        (lambda x: sw.arange(0, 1, 0.1), sw.ArgumentError, r"counts in ints(.|\n)*sw.linspace"),
        (lambda x: sw.arange(5, 1), sw.ArgumentError, "there is no number from 5 to 1 in steps of 1"),
        (lambda x: sw.arange(1, 5, 0), sw.ArgumentError, "step=0 never arrives"),
    ],
)
def test_a_wrong_argument_is_answered(call, error, says) -> None:
    with pytest.raises(error, match=says):
        call(sw.ones((2, 3)))


@pytest.mark.parametrize(
    ("call", "written"),
    [
        (lambda x: np.sin(x), "x.sin()"),
        (lambda x: np.add(x, 1.0), "x + y"),
        (lambda x: np.add.reduce(x), "x + y"),
        (lambda x: np.add(1.0, x, out=np.ones((2, 3), np.float32)), "x + y"),
        (lambda x: np.logaddexp(x, x), "x.numpy() for what has no operation here"),
    ],
)
def test_functions_of_numpy_are_answered(call, written) -> None:
    with pytest.raises(sw.ArgumentError) as caught:
        call(sw.ones((2, 3)))
    name = str(caught.value).split(":")[0]
    assert str(caught.value) == (
        f"{name}: NumPy's functions take arrays, and this is a tensor\n  x      Tensor[[2, 3]]\n  write  {written}"
    )
    assert name in ("np.sin", "np.add", "np.logaddexp")


def test_numbers_of_numpy_are_operands_on_either_side() -> None:
    x, three = sw.tensor([1.0, 2.0]), np.float32(3.0)
    pairs = [
        (three + x, x + three), (three - x, -(x - three)), (three * x, x * three), (three / x, 3.0 / x),
        (three // x, 3.0 // x), (three % x, 3.0 % x), (three**x, 3.0**x), (three < x, x > three),
        (three <= x, x >= three), (three > x, x < three), (three >= x, x <= three),
        (three == x, x == three), (three != x, x != three),
    ]  # fmt: skip
    for left, right in pairs:
        assert isinstance(left, sw.Tensor)
        np.testing.assert_array_equal(left.numpy(), right.numpy())
    with pytest.raises(sw.ArgumentError, match="mul: an operand is a NumPy array"):
        np.ones(2, np.float32) * x


@pytest.mark.parametrize("numbers", [(3,), (0,), (1, 5), (2, 2), (1, 8, 3), (5, 0, -2), (10, 1, -3), (0, 1, 2)])
def test_arange_is_range(numbers: tuple[int, ...]) -> None:
    assert sw.arange(*numbers).tolist() == list(range(*numbers))  # pyrefly: ignore
