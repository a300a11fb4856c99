"""The tensor itself: how it is shown, left, entered, and what it refuses."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import shapewright as sw


def test_it_shows_shape_dtype_device_and_a_few_values() -> None:
    assert repr(sw.tensor([1.0, 2.0])) == "Tensor[[2], f32] on cpu: [1. 2.]"
    assert repr(sw.tensor(3, device=sw.Reference())) == "Tensor[[], i64] on reference: 3"
    assert repr(sw.ones((2, 2)).trace()) == "Tensor[[2, 2], f32] on cpu, traced:\n[[1. 1.]\n [1. 1.]]"
    assert len(repr(sw.zeros((1000, 1000)))) < 400
    assert repr(sw.Parameter(sw.ones((1,), dtype=sw.bf16))) == "Parameter[[1], bf16] on cpu: [1]"


def test_values_never_change() -> None:
    source = np.ones((2, 3), np.float32)
    x = sw.from_numpy(source)
    source[:] = 7
    assert x.sum().item() == 6
    with pytest.raises(ValueError, match="read-only"):
        x.numpy()[0, 0] = 5


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
def test_arrays_of_any_layout_enter(order: Any, byte_order: str) -> None:
    source = np.arange(24, dtype=f"{byte_order}f4").reshape(2, 3, 4)
    array = np.asarray(source, order=order)[:, ::-1, 1::2]
    x = sw.from_numpy(array).expect((2, 3, 2))
    np.testing.assert_array_equal(x.numpy(), array)
    np.testing.assert_array_equal((x * 2.0).numpy(), array * 2)
    assert x.dtype is sw.f32


def test_arrays_of_unknown_elements_do_not() -> None:
    with pytest.raises(sw.DTypeError) as caught:
        sw.from_numpy(np.zeros(2, np.complex64))
    assert str(caught.value) == (
        "no tensor has elements of NumPy's complex64\n"
        "  known  f64, f32, bf16, f16, i64, i32, u8, bool\n"
        "  write  array.astype(np.float32), or another of the known types, first"
    )


def test_literals() -> None:
    assert sw.tensor([[1, 2], [3, 4]]).dtype is sw.i64
    assert sw.tensor([True]).dtype is sw.bool
    assert sw.tensor(1.5).shape == ()
    assert sw.tensor([1, 2], dtype=sw.f64).dtype is sw.f64
    ragged: Any = [[1.0, 2.0], [3.0]]
    with pytest.raises(sw.ShapeError, match="the lists are ragged"):
        sw.tensor(ragged)
    words: Any = ["a"]
    with pytest.raises(sw.ArgumentError, match="every element is a Python number"):
        sw.tensor(words)
    array: Any = np.zeros(2)
    with pytest.raises(sw.ArgumentError, match="nested lists, not ndarray"):
        sw.tensor(array)


def test_a_shape_is_a_tuple_of_sizes() -> None:
    bad: Any = 3
    with pytest.raises(sw.ShapeError) as caught:
        sw.zeros(bad)
    assert str(caught.value) == "zeros: a shape is a tuple of sizes, not the number 3\n  write  sw.zeros((3,))"
    negative: Any = (2, -1)
    with pytest.raises(sw.ShapeError, match="a size is 0 or more, not -1"):
        sw.zeros(negative)
    fraction: Any = (2, 1.5)
    with pytest.raises(sw.ShapeError, match=r"a size is an int, not 1\.5"):
        sw.zeros(fraction)


def test_expect_is_a_checked_gateway() -> None:
    x = sw.from_numpy(np.zeros((4, 4), np.float32))
    b, d = sw.zeros((4, 4)).shape
    assert x.expect((b, d)).sum((b,)).shape == (4,)
    with pytest.raises(sw.ShapeError) as caught:
        x.expect((4, 5))
    assert str(caught.value) == (
        "expect: the tensor has another shape than the program says\n  expected  [4, 5]\n  x         Tensor[[4, 4]]"
    )


def test_one_number_or_an_error() -> None:
    assert sw.tensor(2.5).item() == 2.5 and float(sw.tensor(2.5)) == 2.5 and int(sw.tensor(7)) == 7
    assert f"{sw.tensor(2.5):.3f} {sw.tensor(7):03d}" == "2.500 007" and f"{sw.tensor(7)}" == str(sw.tensor(7))
    many: Any = sw.ones((2,))
    with pytest.raises(sw.ShapeError, match="item: only a tensor of shape"):
        many.item()
    with pytest.raises(sw.ShapeError, match="item: only a tensor of shape"):
        f"{many:.3f}"
    with pytest.raises(sw.ShapeError, match="neither true nor false"):
        bool(many == 1.0)
    assert bool(sw.tensor(True))
    assert len(sw.ones((3, 2))) == 3
    with pytest.raises(sw.ShapeError, match="no axis to count"):
        len(sw.tensor(1.0))


def test_devices_do_not_mix() -> None:
    with pytest.raises(sw.DeviceError) as caught:
        sw.ones((2,)) + sw.ones((2,), device=sw.Reference())
    assert str(caught.value) == (
        "add: the operands are on different devices, Cpu() and Reference()\n"
        "  a      Tensor[[2]]\n"
        "  b      Tensor[[2]]\n"
        "  write  x.to(Cpu()) or x.to(Reference()) on one of them"
    )
    assert (sw.ones((2,)) + sw.ones((2,), device=sw.Reference()).to(sw.Cpu())).tolist() == [2.0, 2.0]


def test_a_gradient_crosses_devices() -> None:
    x = sw.tensor([1.0, 2.0]).trace()
    y = x.to(sw.Reference())
    grads = (y * y).sum().backward()
    assert grads[x].tolist() == [2.0, 4.0] and grads[x].device == sw.Cpu()


def test_dtypes_do_not_mix() -> None:
    with pytest.raises(sw.DTypeError) as caught:
        sw.ones((2,)) + sw.ones((2,), dtype=sw.f64)  # pyrefly: ignore[unsupported-operation]  # the bug under test
    assert str(caught.value) == (
        "add: the element types f32 and f64 differ, and nothing is converted silently\n"
        "  a      Tensor[[2]]\n"
        "  b      Tensor[[2], f64]\n"
        "  write  x.to(sw.f32) or x.to(sw.f64) on one of them"
    )


def test_foreign_operands_are_named() -> None:
    array: Any = np.ones(2, np.float32)
    for act in (lambda: sw.ones((2,)) + array, lambda: array + sw.ones((2,))):
        with pytest.raises((sw.ArgumentError, TypeError)):
            act()
    assert (sw.ones((2,)) * np.float32(3)).tolist() == [3.0, 3.0]


def test_it_is_not_made_by_calling_its_class() -> None:
    maker: Any = sw.Tensor
    with pytest.raises((sw.ArgumentError, TypeError)):
        maker([1.0])


def test_copies_and_pickles_are_values() -> None:
    x = sw.tensor([1.0, 2.0])
    assert copy.deepcopy(x) is x
    assert pickle.loads(pickle.dumps(x)).tolist() == [1.0, 2.0]


@pytest.mark.eager
def test_views_copy_nothing() -> None:
    x = sw.from_numpy(np.arange(24, dtype=np.float32).reshape(2, 3, 4)).expect((2, 3, 4))
    for view in (
        x.permute((4, 2, 3)),
        x.reshape((6, 4)),
        x[1:, :2],
        x.broadcast((5, 2, 3, 4)),
        x.stop_gradient(),
        x.trace(),
    ):
        assert np.shares_memory(view.numpy(), x.numpy())


def test_views_of_parameters_join_a_tape_later() -> None:
    w = sw.Parameter(sw.tensor([[1.0, 2.0], [3.0, 4.0]]))
    turned = w.permute(axes=(1, 0))
    x = sw.ones((1, 2)).trace()
    grads = (x @ turned).sum().backward()
    assert grads[w].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert (sw.ones((1, 2)).trace() @ turned).sum().backward()[w].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(sw.TapeError):
        x @ (turned * 2.0)
