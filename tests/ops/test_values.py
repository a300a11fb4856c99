"""Every op's value: against NumPy, in every element type, for every memory layout; and that views copy nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops

from .cases import CASES
from .numbers import real

ROWS = [(case, variant) for case in CASES for variant in range(len(case.variants))]
IDS = [f"{case.name}-{variant}" for case, variant in ROWS]
KNOWN = [(case, variant) for case, variant in ROWS if case.numpy is not None]
INTEGERS = [(case, variant) for case, variant in ROWS if case.integers]
ROUNDED = [(case, variant) for case, variant in ROWS if case.sixteen is not None]
SLOPED = [(case, variant) for case, variant in ROUNDED if case.gradient]
PRECISION = {sw.f32: 2.0**-24, sw.f16: 2.0**-11, sw.bf16: 2.0**-8}


def tensors(arrays):
    return [sw.from_numpy(np.asarray(array)) for array in arrays]


@pytest.mark.parametrize(("case", "variant"), KNOWN, ids=[f"{c.name}-{v}" for c, v in KNOWN])
def test_the_value_is_that_of_numpy(case, variant):
    arrays = case.arrays(variant)
    got = case.ours(ops, *tensors(arrays)).numpy()
    with np.errstate(all="ignore"):
        expected = np.asarray(case.numpy(*arrays))
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [sw.f32, sw.f16, sw.bf16], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize(("case", "variant"), ROUNDED, ids=[f"{c.name}-{v}" for c, v in ROUNDED])
def test_smaller_floats_differ_by_their_rounding(case, variant, dtype):
    arrays = case.arrays(variant)
    floats = [array.dtype == np.float64 for array in arrays]
    small = [ops.cast(t, dtype=dtype) if f else t for t, f in zip(tensors(arrays), floats, strict=True)]
    wide = [ops.cast(t, dtype=sw.f64) if f else t for t, f in zip(small, floats, strict=True)]
    got, expected = case.ours(ops, *small), case.ours(ops, *wide)
    if expected.dtype is not sw.f64 or not any(floats):
        assert got.dtype is expected.dtype
        if expected.dtype is not sw.f64:
            np.testing.assert_array_equal(got.numpy(), expected.numpy())
        return
    assert got.dtype is dtype
    exact = expected.numpy()
    # What overflows the smaller type is infinite there.
    limit = float(np.finfo(np.float32).max) if dtype is not sw.f16 else 65504.0
    exact = np.where(np.abs(exact) > limit, np.copysign(math.inf, exact), exact)
    error = case.sixteen * PRECISION[dtype]
    np.testing.assert_allclose(ops.cast(got, dtype=sw.f32).numpy(), exact, rtol=error, atol=error)


@pytest.mark.parametrize(("case", "variant"), SLOPED, ids=[f"{c.name}-{v}" for c, v in SLOPED])
def test_gradients_have_their_operands_element_type(case, variant):
    arrays = case.arrays(variant)
    for dtype in (sw.f32, sw.bf16):
        inputs = [ops.cast(t, dtype=dtype) if t.dtype is sw.f64 else t for t in tensors(arrays)]
        for place in case.gradient:
            inputs[place] = inputs[place].trace()
        value = case.ours(ops, *inputs)
        gradients = ops.sum(value, axes=tuple(range(value.ndim))).backward()
        for place in case.gradient:
            gradient = gradients[inputs[place]]
            assert gradient.dtype is dtype
            assert gradient._spec is inputs[place]._spec


@pytest.mark.parametrize("dtype", [sw.i64, sw.i32, sw.u8], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize(("case", "variant"), INTEGERS, ids=[f"{c.name}-{v}" for c, v in INTEGERS])
def test_integers_are_exact(case, variant, dtype):
    arrays = [np.floor(np.abs(a) * 3) if a.dtype == np.float64 else a for a in case.arrays(variant)]
    whole = [ops.cast(t, dtype=dtype) if t.dtype is sw.f64 else t for t in tensors(arrays)]
    got, wide = case.ours(ops, *whole), case.ours(ops, *tensors(arrays))
    widened = case.name.split()[0] in ("sum", "prod", "cumsum")
    wanted = dtype if wide.dtype is sw.f64 and not widened else sw.i64 if widened else wide.dtype
    assert got.dtype is wanted
    expected = wide.numpy()
    if wanted is sw.u8:
        expected = expected.astype(np.int64).astype(np.uint8)
    np.testing.assert_array_equal(got.numpy(), expected)


def turned(array):
    """The same numbers under other strides: made back to front and turned round, or transposed."""
    yield ops.flip(sw.from_numpy(np.flip(array)), axes=tuple(range(array.ndim)))
    order = tuple(reversed(range(array.ndim)))
    yield ops.permute(sw.from_numpy(np.transpose(array)), axes=order)
    apart = np.zeros([2 * size + 1 for size in array.shape], dtype=array.dtype)
    apart[tuple(slice(1, None, 2) for _ in array.shape)] = array
    sizes = apart.shape
    yield ops.slice(sw.from_numpy(apart), starts=(1,) * array.ndim, stops=sizes, steps=(2,) * array.ndim)


@pytest.mark.parametrize(("case", "variant"), ROWS, ids=IDS)
def test_memory_layout_changes_nothing(case, variant):
    arrays = case.arrays(variant)
    expected = case.ours(ops, *tensors(arrays))
    for inputs in zip(*[turned(array) for array in arrays], strict=True):
        got = case.ours(ops, *inputs)
        assert got._spec is expected._spec
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("case", "variant"), ROWS, ids=IDS)
def test_operands_are_left_alone(case, variant):
    inputs = tensors(case.arrays(variant))
    before = [np.array(x.numpy()) for x in inputs]
    case.ours(ops, *inputs)
    for x, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(x.numpy(), old)


# ---- views ----------------------------------------------------------------------------------------------------------
VIEWS = {
    "broadcast": lambda x: ops.broadcast(x, sizes=(2, 3, 4, 5), axes=(1, 3)),
    "permute": lambda x: ops.permute(x, axes=(1, 0)),
    "reshape": lambda x: ops.reshape(x, sizes=(5, 3)),
    "slice": lambda x: ops.slice(x, starts=(1, 0), stops=(3, 5), steps=(1, 2)),
    "flip": lambda x: ops.flip(x, axes=(0, 1)),
    "unfold2d": lambda x: ops.unfold2d(x, kernel=(2, 2)),
    "stop_gradient": ops.stop_gradient,
    "rearrange": lambda x: ops.rearrange(x, "a b -> b a"),
    "einsum": lambda x: ops.einsum("ij->ji", x),
}


@pytest.mark.eager
@pytest.mark.parametrize("dtype", [sw.f64, sw.f32, sw.bf16, sw.f16, sw.i64, sw.u8], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("name", VIEWS)
def test_views_copy_nothing(name, dtype):
    x = ops.cast(sw.from_numpy(real((3, 5), 1)), dtype=dtype)
    view = VIEWS[name](x)
    assert view.dtype is dtype
    assert np.shares_memory(view.numpy(), x.numpy())
    assert view.numpy().strides is not None and not view.numpy().flags.writeable


@pytest.mark.eager
def test_a_diagonal_is_a_view():
    x = sw.from_numpy(real((4, 4), 1))
    diagonal = ops.einsum("ii->i", x)
    assert np.shares_memory(diagonal.numpy(), x.numpy())
    np.testing.assert_array_equal(diagonal.numpy(), np.diagonal(x.numpy()))


# ---- cast -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("source", [sw.f64, sw.f32, sw.bf16, sw.f16, sw.i64, sw.i32, sw.u8, sw.bool])
@pytest.mark.parametrize("target", [sw.f64, sw.f32, sw.bf16, sw.f16, sw.i64, sw.i32, sw.u8, sw.bool])
def test_cast_between_all_element_types(source, target):
    numbers = [0.0, 1.0, 1.0, 0.0] if source is sw.bool else [0.0, 1.0, 2.0, 100.0]
    x = ops.cast(sw.from_numpy(np.array(numbers)), dtype=source)
    y = ops.cast(x, dtype=target)
    assert x.dtype is source and y.dtype is target
    expected = [float(n != 0) for n in numbers] if target is sw.bool else numbers
    assert y.numpy().astype(np.float64).tolist() == expected


def test_cast_cuts_towards_zero_and_wraps():
    x = sw.from_numpy(np.array([1.9, -1.9, -1.0, 256.5]))
    assert ops.cast(x, dtype=sw.i64).tolist() == [1, -1, -1, 256]
    assert ops.cast(x, dtype=sw.u8).tolist() == [1, 255, 255, 0]


def test_the_gradient_of_cast_comes_back_in_the_old_type():
    x = sw.from_numpy(np.array([1.0, 2.0])).trace()
    gradient = ops.sum(ops.cast(x, dtype=sw.f32), axes=(0,)).backward()[x]
    assert gradient.dtype is sw.f64 and gradient.tolist() == [1.0, 1.0]


# ---- precision ------------------------------------------------------------------------------------------------------
def test_erf_is_within_a_few_units_in_the_last_place():
    x = np.concatenate([np.linspace(-7, 7, 4001), np.logspace(-300, 0, 500), [0.0, -0.0, math.inf, -math.inf]])
    exact = np.array([math.erf(v) for v in x])
    got = ops.erf(sw.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, exact, rtol=2.8e-16, atol=0)
    got = ops.erf(sw.from_numpy(x.astype(np.float32))).numpy()
    exact = np.array([math.erf(float(v)) for v in x.astype(np.float32)])
    np.testing.assert_allclose(got, exact, rtol=1.7e-7, atol=1e-45)
    assert np.isnan(ops.erf(sw.from_numpy(np.array([math.nan]))).numpy()).all()
    assert np.signbit(ops.erf(sw.from_numpy(np.array([-0.0]))).numpy()).all()


def test_long_sums_of_f32_keep_their_digits():
    x = np.full((100_000, 2), 0.1, np.float32)
    for op in (ops.sum, ops.mean):
        exact = float(np.float32(0.1)) * (100_000 if op is ops.sum else 1)
        np.testing.assert_allclose(op(sw.from_numpy(x), axes=(0,)).numpy(), exact, rtol=1e-6)


def test_sums_of_16_bit_floats_are_rounded_once():
    x = ops.cast(sw.from_numpy(np.ones((3000,))), dtype=sw.bf16)
    assert ops.sum(x, axes=(0,)).item() == 3008.0  # 3000 rounded to 8 bits, not the 256 where additions of 1 stop


def test_large_numbers_raise_no_warning():
    x = sw.from_numpy(np.array([-1e30, -1000.0, 1000.0, 1e30, math.inf, -math.inf], np.float32)).trace()
    for op in (ops.sigmoid, ops.softplus, ops.silu, ops.gelu, ops.erf, ops.tanh, ops.elu):
        y = op(x)
        ops.sum(y, axes=(0,)).backward(keep=True)[x].numpy()
        assert np.isfinite(y.numpy()[:2]).all()


@pytest.mark.parametrize("op", [ops.sum, ops.mean, ops.prod, ops.logsumexp])
def test_reductions_of_nothing(op):
    x = sw.from_numpy(np.zeros((0, 2), np.float32))
    expected = {ops.sum: 0.0, ops.mean: math.nan, ops.prod: 1.0, ops.logsumexp: -math.inf}[op]
    np.testing.assert_array_equal(op(x, axes=(0,)).numpy(), np.full(2, expected, np.float32))


def test_bool_sums_count():
    x = sw.tensor([[True, False], [True, True]])
    assert ops.sum(x, axes=(0,)).dtype is sw.i64
    assert ops.sum(x, axes=(0, 1)).item() == 3
    assert ops.cumsum(x, axis=0).tolist() == [[1, 0], [2, 1]]


def test_equal_indices_add_up():
    x = sw.from_numpy(real((5, 3), 3)).trace()
    picked = ops.take(x, sw.tensor([1, 1, 4, 1]), axis=0)
    gradient = ops.sum(picked, axes=(0, 1)).backward()[x].numpy()
    np.testing.assert_array_equal(gradient[:, 0], [0.0, 3.0, 0.0, 0.0, 1.0])


def test_names_pass_through():
    x = sw.zeros((2, 3))
    b, d = x.shape
    same = ops.relu(x)
    assert same.shape[0] is b or str(same.shape[0].names[0]) == str(b.names[0])
    wider = ops.pad(x, before=(0, 1), after=(0, 1))
    assert [int(s) for s in wider.shape] == [2, 5]
    kept = ops.slice(x, starts=(0, 1), stops=(2, 3), steps=(1, 1))
    assert kept.shape[0].names == b.names and kept.shape[1].names == (d - 1).names
    product = ops.matmul(x, sw.zeros((3, 4)))
    assert product.shape[0].names == b.names
    assert ops.einsum("ij,ik->jk", x, x).shape[0].names == d.names
    assert ops.stack([x, x], axis=1).shape[2].names == d.names
