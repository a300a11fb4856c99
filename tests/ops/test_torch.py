"""Every op's value and gradient against what PyTorch gave (`tests/torch_values.py` stored it)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops

from .cases import CASES
from .numbers import unit

STORED = np.load(Path(__file__).parent.parent / "values" / "ops.npz", allow_pickle=False)
ROWS = [(case, variant) for case in CASES if case.torch is not None for variant in range(len(case.variants))]


@pytest.mark.parametrize(("case", "variant"), ROWS, ids=[f"{c.name}-{v}" for c, v in ROWS])
def test_value_and_gradient_are_those_of_pytorch(case, variant):
    key = f"{case.name}|{variant}"
    tensors = [sw.from_numpy(array) for array in case.arrays(variant)]
    for place in case.gradient:
        tensors[place] = tensors[place].trace()
    value = case.ours(ops, *tensors)
    expected = STORED[f"{key}|value"]
    assert value._spec.sizes == expected.shape
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-9, atol=1e-12)
    if not case.gradient:
        return
    weights = sw.from_numpy(np.asarray(unit(expected.shape, 99)))
    gradients = ops.sum(ops.mul(value, weights), axes=tuple(range(expected.ndim))).backward()
    for place in case.gradient:
        got = gradients[tensors[place]].numpy()
        assert got.dtype == np.float64
        np.testing.assert_allclose(
            got, STORED[f"{key}|gradient {place}"], rtol=1e-8, atol=1e-11, err_msg=f"input {place}"
        )
