"""Every op in a loop and in a choice: what a program gives there is what Python gives, with gradients from outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops
from tests.ops.cases import CASES, Case

# Of all others, `make slow` runs the cases too.
OFTEN = ("matmul", "softmax", "take", "conv2d", "sum", "where", "concat", "argsort", "pad", "layer_norm", "cumsum")
FIRST = {name: next((case.name for case in CASES if case.name.split()[0] == name), name) for name in OFTEN}
SOME = [
    pytest.param(case, id=case.name, marks=() if case.name in FIRST.values() else pytest.mark.slow) for case in CASES
]


def outcome(case: Case, inputs: list[Any]) -> tuple[Any, ...]:
    found = case.ours(ops, *inputs)
    return found if isinstance(found, tuple) else (found,)


def with_gradients(results: Any, inputs: list[Any]) -> list[Any]:
    """Give results, and the gradients of a sum of them that weighs each element differently."""
    losses = []
    for result in results:
        if result.dtype.is_floating and result.is_traced:
            weights = sw.from_numpy(np.cos(np.arange(result.size)).reshape(result.shape)).to(result.dtype)
            losses.append((result * weights).sum())
    outputs = [result.stop_gradient() for result in results]
    if not losses:
        return outputs
    grads = sum(losses[1:], start=losses[0]).backward()
    return [*outputs, *[grads[x] for x in inputs if x.is_traced and x in grads]]


def traced(case: Case, inputs: list[Any]) -> list[Any]:
    return [x.trace() if i in case.gradient and x.dtype.is_floating else x for i, x in enumerate(inputs)]


def check(function: Any, arrays: list[np.ndarray]) -> None:
    tensors = [sw.from_numpy(array) for array in arrays]
    expected, found = function(*tensors), sw.compile(function)(*tensors)
    for left, right in zip(expected, found, strict=True):
        assert left.shape == right.shape and left.dtype == right.dtype
        np.testing.assert_allclose(right.numpy(), left.numpy(), rtol=1e-8, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("case", SOME)
def test_in_a_loop(case: Case) -> None:
    arrays = [np.stack([array, np.flip(array)]) for array in case.arrays(0)]

    def function(*inputs: Any) -> Any:
        xs = traced(case, list(inputs))
        _, results = sw.scan(lambda nothing, rows: (nothing, outcome(case, rows)), None, xs, reverse=True)
        return with_gradients(results, xs)

    check(function, arrays)


@pytest.mark.parametrize("case", SOME)
def test_in_a_choice(case: Case) -> None:
    def function(condition: Any, *inputs: Any) -> Any:
        xs = traced(case, list(inputs))
        results = sw.cond(
            condition,
            lambda *xs: outcome(case, list(xs)),
            lambda *xs: tuple([sw.zeros_like(x) for x in outcome(case, list(xs))]),
            *xs,
        )
        return with_gradients(results, xs)

    check(function, [np.array(True), *case.arrays(0)])
