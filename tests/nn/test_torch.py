"""Every layer and loss against what PyTorch gave: values, gradients, names, buffers.

`tests/torch_nn_values.py` stored it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn, ops

from .cases import LAYERS, LOSSES, projection, state_value

STORED = np.load(Path(__file__).parent.parent / "values" / "nn.npz", allow_pickle=False)


def close(got, key, rtol=1e-9, atol=1e-11):
    expected = STORED[key]
    assert got.shape == expected.shape, key
    assert got.dtype == expected.dtype, key
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol, err_msg=key)


def projected(value, seed):
    weights = sw.from_numpy(projection(value._spec.sizes, seed))
    return ops.sum(ops.mul(value, weights), axes=tuple(range(len(value._spec.sizes))))


def found(gradients, of):
    """The gradient, or zeros as PyTorch says where nothing depends on it."""
    return gradients[of].numpy() if of in gradients else np.zeros(of._spec.sizes)


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
def test_layer(case):
    key = f"layer {case.name}"
    layer = case.build(nn).to(sw.f64)
    assert list(layer.state_dict()) == STORED[f"{key}|names"].tolist()
    for place, (name, cell) in enumerate(layer.cells().items()):
        if cell.dtype.is_floating:
            cell.assign(sw.from_numpy(np.asarray(state_value(name, cell._spec.sizes, place))))
    for step in range(case.steps):
        layer(sw.from_numpy(np.asarray(case.numbers(case.shape, 70 + step))).trace())
    x = sw.from_numpy(np.asarray(case.numbers(case.shape, 5))).trace(training=case.training)
    value = layer(x)
    close(value.numpy(), f"{key}|value")
    for name, buffer in layer.named_buffers():
        close(buffer.numpy(), f"{key}|buffer {name}")
    wanted = {"x": x} if case.traced else {}
    wanted |= dict(layer.named_parameters())
    if not wanted:
        return
    gradients = projected(value, 99).backward(trace=case.second)
    for name, of in wanted.items():
        close(found(gradients, of), f"{key}|gradient {name}")
    if case.second:
        again = projected(gradients[x], 98).backward()
        for name, of in wanted.items():
            close(found(again, of), f"{key}|second {name}", rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("case", [case for case in LAYERS if not case.training], ids=lambda case: case.name)
def test_layer_without_a_tape(case):
    layer = case.build(nn).to(sw.f64)
    for place, (name, cell) in enumerate(layer.cells().items()):
        if cell.dtype.is_floating:
            cell.assign(sw.from_numpy(np.asarray(state_value(name, cell._spec.sizes, place))))
    for step in range(case.steps):
        layer(sw.from_numpy(np.asarray(case.numbers(case.shape, 70 + step))).trace())
    value = layer(sw.from_numpy(np.asarray(case.numbers(case.shape, 5))))
    assert not value.is_traced
    close(value.numpy(), f"layer {case.name}|value")


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_loss(case):
    key = f"loss {case.name}"
    tensors = [sw.from_numpy(array) for array in case.arrays()]
    for place in case.gradient:
        tensors[place] = tensors[place].trace()
    value = case.ours(nn, *tensors)
    close(value.numpy(), f"{key}|value")
    gradients = projected(value, 99).backward(trace=case.second)
    for place in case.gradient:
        close(found(gradients, tensors[place]), f"{key}|gradient {place}")
    if case.second and gradients[tensors[0]].is_traced:
        again = projected(gradients[tensors[0]], 98).backward()
        for place in case.gradient:
            close(found(again, tensors[place]), f"{key}|second {place}", rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_loss_does_not_differentiate_an_untraced_target(case):
    tensors = [sw.from_numpy(array) for array in case.arrays()]
    x = tensors[0].trace()
    value = case.ours(nn, x, *tensors[1:])
    gradients = projected(value, 99).backward()
    assert len(gradients) == 1
    close(found(gradients, x), f"loss {case.name}|gradient 0")
