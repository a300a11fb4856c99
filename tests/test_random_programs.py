"""Random programs: every device gives the reference's numbers, and gradients agree with finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw

UNARY = ["sin", "tanh", "sigmoid", "softplus", "silu", "square", "exp", "erf", "cos"]
BINARY = ["add", "sub", "mul", "max"]
SHAPES = [(), (1,), (3,), (2, 3), (3, 2), (2, 1, 3), (0, 2)]


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[Any, ...]]:
    """Draw a list of steps, each on the values made so far."""
    steps: list[tuple[Any, ...]] = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["unary", "binary", "reduce", "move", "matmul", "soft"]))
        steps.append((kind, draw(st.integers(0, 100)), draw(st.integers(0, 100)), draw(st.integers(0, 100))))
    return steps


def run(steps: list[tuple[Any, ...]], inputs: list[Any]) -> Any:
    """Run a program; values stay small, so that finite differences stay exact."""
    values = list(inputs)
    for kind, a, b, c in steps:
        x = values[a % len(values)]
        match kind:
            case "unary":
                y = getattr(x.clip(-2.0, 2.0), UNARY[c % len(UNARY)])()
            case "binary":
                same = [v for v in values if tuple(v.shape) == tuple(x.shape)]
                other = same[b % len(same)]
                name = BINARY[c % len(BINARY)]
                y = {"add": x + other, "sub": x - other * 0.5, "mul": x * other, "max": x.maximum(other * 0.9)}[name]
            case "reduce":
                if not x.ndim:
                    continue
                axis = b % x.ndim
                y = x.sum(axis=axis) if c % 2 else x.mean(axis=axis) if x.shape[axis] else x.sum(axis=axis)
            case "move":
                moves = [
                    lambda x: x.permute(axes=tuple(reversed(range(x.ndim)))),
                    lambda x: x.reshape((x.size,)),
                    lambda x: x.unsqueeze(axis=0),
                    lambda x: sw.concat((x, x), axis=0) if x.ndim else x,
                    lambda x: x.flip(axis=0) if x.ndim else x,
                ]
                y = moves[c % len(moves)](x)
            case "matmul":
                if x.ndim != 2:
                    continue
                y = x @ x.permute(axes=(1, 0)) * 0.1
            case _:
                if not x.ndim or not x.shape[-1]:
                    continue
                y = x.softmax(axis=-1) if c % 2 else x.log_softmax(axis=-1)
        if y.size <= 64:
            values.append(y)
    total = sw.zeros((), dtype=inputs[0].dtype, device=inputs[0].device)
    for value in values:
        total = total + (value.sin()).sum()
    return total


@settings(max_examples=120, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.integers(0, 2**32))
def test_devices_and_gradients(steps: list[tuple[Any, ...]], shapes: list[tuple[int, ...]], seed: int) -> None:
    random = np.random.default_rng(seed)
    arrays = [random.normal(size=shape) for shape in shapes]
    results = []
    for device in (sw.Reference(), sw.Cpu()):
        inputs = [sw.from_numpy(array, device=device).trace() for array in arrays]
        loss = run(steps, inputs)
        grads = loss.backward()
        results.append([loss.numpy(), *[grads[x].numpy() for x in inputs]])
    for left, right in zip(*results, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)
    # The slope along one direction against a central difference.
    directions = [random.normal(size=array.shape) for array in arrays]
    step = 1e-6

    def at(distance: float) -> float:
        moved = [sw.from_numpy(np.asarray(a + distance * d)) for a, d in zip(arrays, directions, strict=True)]
        return run(steps, moved).item()

    numeric = (at(step) - at(-step)) / (2 * step)
    exact = sum(float((g * d).sum()) for g, d in zip(results[0][1:], directions, strict=True))
    # A kink (clip, maximum) between the two points makes the difference meaningless; then a smaller step agrees.
    if abs(numeric - exact) > 1e-5 * max(1.0, abs(exact)):
        step = 1e-8
        numeric = (at(step) - at(-step)) / (2 * step)
    assert numeric == pytest.approx(exact, rel=1e-4, abs=1e-4)
