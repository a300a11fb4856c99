"""Calls that do not fit a method or function: the whole text of the error, and that what it proposes works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import shapewright as sw

x: Any = sw.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0]])
one: Any = sw.ones((3, 1, 4))
indices: Any = sw.tensor([[0, 1, 2, 0]])
values: Any = sw.ones((1, 4))
condition, a, b = x > 2.0, x, -x
package: Any = sw

CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: x.reshape(4, 3), "reshape: a shape is one tuple|x.reshape((4, 3))"),
    (lambda: x.reshape(-1, 6), "reshape: a shape is one tuple|x.reshape((-1, 6))"),
    (lambda: x.permute(1, 0), "permute: numbers of axes are one tuple that is given by name|x.permute(axes=(1, 0))"),
    (lambda: x.permute(4, 3), "permute: a shape is one tuple|x.permute((4, 3))"),
    (lambda: x.permute(dims=(1, 0)), "permute: dims= is axes= here|x.permute(axes=(1, 0))"),
    (lambda: x.broadcast(2, 3, 4), "broadcast: a shape is one tuple|x.broadcast((2, 3, 4))"),
    (lambda: x.sum(dim=0), "sum: dim= is axis= here|x.sum(axis=0)"),
    (lambda: x.sum(0, 1), "sum: numbers of axes are one tuple that is given by name|x.sum(axis=(0, 1))"),
    (lambda: x.mean(dim=1, keepdim=True), "mean: dim= is axis= here|x.mean(axis=1, keepdims=True)"),
    (lambda: x.std(axis=0, keepdim=True), "std: keepdim= is keepdims= here|x.std(axis=0, keepdims=True)"),
    (lambda: x.softmax(1), "softmax: axis= must be given by name|x.softmax(axis=1)"),
    (lambda: x.argmax(dim=-1), "argmax: dim= is axis= here|x.argmax(axis=-1)"),
    (lambda: x.unsqueeze(0), "unsqueeze: axis= must be given by name|x.unsqueeze(axis=0)"),
    (lambda: x.cumsum(), "cumsum: axis= is missing|x.cumsum(axis=0)"),
    (lambda: x.topk(2, 1), "topk: axis= must be given by name|x.topk(2, axis=1)"),
    (lambda: x.sort(1, True), "sort: axis= and descending= must be given by name|x.sort(axis=1, descending=True)"),
    (lambda: x.flatten(start_dim=0), "flatten: start_dim= is start_axis= here|x.flatten(start_axis=0)"),
    (lambda: x.roll(1), "roll: axis= is missing|x.roll(1, axis=0)"),
    (lambda: x.gather(0, indices), "gather: axis= must be given by name|x.gather(indices, axis=0)"),
    (
        lambda: x.scatter_add(0, indices, src=values),
        "scatter_add: src= is values= here|x.scatter_add(indices, values, axis=0)",
    ),
]
FUNCTIONS: list[tuple[Callable[[], Any], str]] = [
    (lambda: package.concat([x, x]), "concat: axis= is missing|sw.concat((a, b), axis=0)"),
    (lambda: package.concat((x, x), dim=0), "concat: dim= is axis= here|sw.concat((a, b), axis=0)"),
    (lambda: package.stack([x, x], 1), "stack: axis= must be given by name|sw.stack((a, b), axis=1)"),
    (lambda: package.ones(3, 4), "ones: a shape is one tuple|sw.ones((3, 4))"),
    (lambda: package.zeros(size=(3, 4)), "zeros: size= is shape= here|sw.zeros((3, 4))"),
    (lambda: package.where(condition, x), "where: b is missing|sw.where(condition, a, b)"),
]


def said(call: Callable[[], Any]) -> str:
    with pytest.raises(sw.ArgumentError) as caught:
        call()
    assert isinstance(caught.value, TypeError)
    return str(caught.value)


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=[expected for _, expected in CALLS])
def test_a_method_called_as_elsewhere(call: Callable[[], Any], expected: str) -> None:
    message, hint = expected.split("|")
    assert said(call) == f"{message}\n  x      Tensor[[3, 4]]\n  write  {hint}"
    eval(hint)


@pytest.mark.parametrize(("call", "expected"), FUNCTIONS, ids=[expected for _, expected in FUNCTIONS])
def test_a_function_called_as_elsewhere(call: Callable[[], Any], expected: str) -> None:
    message, hint = expected.split("|")
    assert said(call) == f"{message}\n  write  {hint}"
    eval(hint)


def test_arguments_that_nothing_is_known_of() -> None:
    assert said(lambda: x.sum(out=None)) == (
        "np.sum: NumPy's functions take arrays, and this is a tensor\n  x      Tensor[[3, 4]]\n  write  x.sum()"
    )
    assert said(lambda: x.sum(foo=1)) == (
        "sum: there is no argument 'foo'\n  x      Tensor[[3, 4]]\n  takes  to, axis=, keepdims="
    )
    assert said(lambda: x.reshape("a", "b")) == (
        "reshape: 2 arguments by place are too many\n  x      Tensor[[3, 4]]\n  takes  to"
    )
    assert said(lambda: x.pad(1)) == "pad: after is missing\n  x      Tensor[[3, 4]]\n  write  x.pad(1, after)"


def test_functions_of_numpy() -> None:
    numpy: Any = np
    assert said(lambda: numpy.mean(x, axis=0)) == (
        "np.mean: NumPy's functions take arrays, and this is a tensor\n  x      Tensor[[3, 4]]\n  write  x.mean(axis=0)"
    )
    assert said(lambda: numpy.max(x)).endswith("write  x.max()")


def test_an_error_inside_a_function_stays_its_own() -> None:
    def wrong(_: Any) -> Any:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="^mine$"):
        package.grad(wrong)(sw.ones((2,)).trace())
    with pytest.raises(TypeError, match="positional argument"):
        package.compile(lambda: sw.ones((2,)))(x)


def test_an_axis_of_size_1_is_left_out_before_it_is_broadcast() -> None:
    with pytest.raises(sw.ShapeError) as caught:
        one.broadcast_like(sw.ones((3, 5, 4)))
    assert str(caught.value).endswith(
        "\n  write    x.squeeze(axis=1).broadcast(to): an axis of size 1 is not stretched, but left out first"
    )
    assert one.squeeze(axis=1).broadcast((3, 5, 4)).shape == (3, 5, 4)
    with pytest.raises(sw.ShapeError) as caught:
        sw.ones((1, 1)).broadcast((3, 5))  # pyrefly: ignore
    assert "\n  write    x.reshape(()).broadcast(to): " in str(caught.value)


def test_numbers_of_axes_where_a_shape_belongs() -> None:
    with pytest.raises(sw.ShapeError) as caught:
        x.permute((1, 0))
    assert str(caught.value).endswith("\n  write    x.permute(axes=(1, 0)) to number the axes")


def test_no_element_can_be_set() -> None:
    text = (
        "a tensor never changes: none of its elements can be set\n"
        "  x      Tensor[[3, 4]]\n"
        "  write  y = sw.where(mask, value, x) or x.scatter_add(indices, values, axis=0); "
        "an array is changed before sw.from_numpy(array)"
    )

    def assign() -> None:
        x[0] = 1.0

    def delete() -> None:
        del x[0]

    for change in (assign, delete):
        with pytest.raises(sw.ArgumentError) as caught:
            change()
        assert str(caught.value) == text
