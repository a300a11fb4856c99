"""First and second gradients of every op against central finite differences in f64."""

from __future__ import annotations

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops

from .cases import CASES
from .numbers import unit

ROWS = [
    (case, variant)
    for case in CASES
    if case.gradient and case.smooth
    for variant in range(len(case.variants))
    # "far" inputs are flat: differences see nothing there.
    if "far" not in case.name
]
IDS = [f"{case.name}-{variant}" for case, variant in ROWS]
STEP = 1e-5


def weighted(value, seed):
    """A scalar that depends on every element differently."""
    weights = sw.from_numpy(np.asarray(unit(value._spec.sizes, seed)))
    return ops.sum(ops.mul(value, weights), axes=tuple(range(len(value._spec.sizes))))


def first(case, arrays, trace=False):
    """The gradients of a weighted sum of the result."""
    tensors = [sw.from_numpy(np.asarray(array)) for array in arrays]
    for place in case.gradient:
        tensors[place] = tensors[place].trace()
    gradients = weighted(case.ours(ops, *tensors), 99).backward(trace=trace)
    return [tensors[place] for place in case.gradient], [gradients[tensors[place]] for place in case.gradient]


def differences(function, arrays, place):
    """The central differences of a function of arrays, for each element of one of them."""
    result = np.zeros(arrays[place].shape)
    for at in np.ndindex(*result.shape):
        values = []
        for step in (STEP, -STEP):
            moved = [np.array(array) for array in arrays]
            moved[place][at] += step
            values.append(function(moved))
        result[at] = (values[0] - values[1]) / (2 * STEP)
    return result


@pytest.mark.parametrize(("case", "variant"), ROWS, ids=IDS)
def test_the_gradient_is_that_of_finite_differences(case, variant):
    arrays = case.arrays(variant)

    def value(moved):
        return weighted(case.ours(ops, *[sw.from_numpy(np.asarray(array)) for array in moved]), 99).item()

    _, gradients = first(case, arrays)
    for place, gradient in zip(case.gradient, gradients, strict=True):
        np.testing.assert_allclose(gradient.numpy(), differences(value, arrays, place), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("case", "variant"), ROWS, ids=IDS)
def test_the_second_gradient_is_that_of_finite_differences(case, variant):
    arrays = case.arrays(variant)

    def slope(moved):
        _, gradients = first(case, moved)
        return sum(weighted(g, 50 + i).item() for i, g in enumerate(gradients))

    inputs, gradients = first(case, arrays, trace=True)
    total = None
    for i, gradient in enumerate(gradients):
        part = weighted(gradient, 50 + i)
        total = part if total is None else ops.add(total, part)
    assert total is not None
    second = total.backward() if total.is_traced else None
    for place, tensor in zip(case.gradient, inputs, strict=True):
        expected = differences(slope, arrays, place)
        got = second[tensor].numpy() if second is not None and tensor in second else np.zeros(expected.shape)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["prod zeros", "std flat", "max ties"])
def test_second_gradients_stay_finite_at_corners(name):
    rows = [(case, v) for case in CASES if case.name.startswith(name) for v in range(len(case.variants))]
    assert rows
    for case, variant in rows:
        inputs, gradients = first(case, case.arrays(variant), trace=True)
        total = weighted(gradients[0], 50)
        if total.is_traced:
            second = total.backward()
            if inputs[0] in second:
                assert np.all(np.isfinite(second[inputs[0]].numpy()))


def test_third_gradient_of_a_power():
    x = sw.from_numpy(np.array([1.5, -2.0])).trace()
    y = ops.sum(ops.pow(x, 4), axes=(0,))
    for factor in (4, 12, 24):
        power = {4: 3, 12: 2, 24: 1}[factor]
        gradient = y.backward(trace=True)[x]
        np.testing.assert_allclose(gradient.numpy(), factor * np.array([1.5, -2.0]) ** power)
        y = ops.sum(gradient, axes=(0,))


def test_a_hidden_infinity_stays_out_of_the_gradient():
    x = sw.from_numpy(np.array([0.0, 4.0])).trace()
    y = ops.where(ops.gt(x, 0.0), ops.sqrt(ops.where(ops.gt(x, 0.0), x, 1.0)), 0.0)
    np.testing.assert_allclose(ops.sum(y, axes=(0,)).backward()[x].numpy(), [0.0, 0.25])


@pytest.mark.eager
def test_the_gradient_of_a_shared_matrix_is_one_product():
    seen = []

    def watch(op):
        def value(*arrays, **params):
            result = original[op](*arrays, **params)
            seen.append((op.name, np.asarray(result).size))
            return result

        return value

    original = {ops.matmul: ops.matmul.value, ops.mul: ops.mul.value}
    try:
        for op in original:
            op.value = watch(op)
        x = sw.from_numpy(np.ones((50, 3, 5)))
        w = sw.from_numpy(np.ones((5, 7))).trace()
        gradient = ops.sum(ops.matmul(x, w), axes=(0, 1, 2)).backward()[w]
    finally:
        for op, value in original.items():
            op.value = value
    assert gradient._spec.sizes == (5, 7)
    assert seen == [("matmul", 50 * 3 * 7), ("matmul", 5 * 7)]
