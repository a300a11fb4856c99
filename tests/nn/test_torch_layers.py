"""Convolution, pools, attention and transformers against what PyTorch gave (`tests/torch_conv_values.py` stored it).

Each layer gets PyTorch's parameters by name; value, gradients of all inputs and of all parameters are compared.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn, ops
from tests.ops.numbers import unit

from .torch_cases import CASES

STORED = np.load(Path(__file__).parent.parent / "values" / "conv.npz", allow_pickle=False)


def names_of(case):
    start = f"{case.name}|gradient "
    return sorted(
        key.removeprefix(start) for key in STORED.files if key.startswith(start) and "|gradient input" not in key
    )


def filled(case):
    """The layer with the parameters that PyTorch's layer had, loaded by PyTorch's names."""
    layer = case.ours(sw, nn)
    state = {
        name: sw.from_numpy(np.asarray(unit(STORED[f"{case.name}|gradient {name}"].shape, 100 + index)))
        for index, name in enumerate(names_of(case))
    }
    layer.load_state_dict(state)
    return layer


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES) >= 75


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_value_and_gradients_are_those_of_pytorch(case):
    layer = filled(case)
    inputs = [sw.from_numpy(np.array(x)).trace() for x in case.inputs]
    options = {k: sw.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in case.options.items()}
    value = case.call_ours(layer, *inputs, **options)
    expected = STORED[f"{case.name}|value"]
    assert value._spec.sizes == expected.shape
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-5, atol=2e-6)
    weights = sw.from_numpy(np.asarray(unit(expected.shape, 99)))
    gradients = ops.sum(ops.mul(value, weights), axes=tuple(range(expected.ndim))).backward()
    for index, x in enumerate(inputs):
        wanted = STORED[f"{case.name}|gradient input {index}"]
        np.testing.assert_allclose(gradients[x].numpy(), wanted, rtol=1e-5, atol=2e-6, err_msg=f"input {index}")
    for name, parameter in layer.named_parameters():
        wanted = STORED[f"{case.name}|gradient {name}"]
        np.testing.assert_allclose(gradients[parameter].numpy(), wanted, rtol=1e-5, atol=2e-6, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_inference_gives_what_training_gives_without_dropout(case):
    layer = filled(case)
    inputs = [sw.from_numpy(np.array(x)) for x in case.inputs]
    options = {k: sw.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in case.options.items()}
    value = case.call_ours(layer, *inputs, **options)
    assert not value.is_traced
    np.testing.assert_allclose(value.numpy(), STORED[f"{case.name}|value"], rtol=1e-5, atol=2e-6)
