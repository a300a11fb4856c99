"""Recomputation: programs that hold less give the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import nn, ops, optim
from shapewright.devices.cpu import engine
from shapewright.devices.cpu import recompute as module
from shapewright.devices.cpu.engine import Executable
from shapewright.devices.cpu.expand import expand
from shapewright.devices.cpu.recompute import recompute
from tests.cpu.test_engine import captured
from tests.graph.test_passes import evaluated
from tests.test_random_programs import SHAPES, programs, run


def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "recompute", lambda graph, regions: (graph, set()))


def deep(inputs: list[Any]) -> list[Any]:
    """Layers whose activations the gradient needs."""
    x, *weights = inputs
    traced = [w.trace() for w in weights]
    h = x
    for w in traced:
        h = ops.matmul(h, w)
        h = ops.add(ops.gelu(ops.mul(ops.sub(h, 0.5), 2.0)), ops.tanh(h))
    grads = h.mean().backward()
    return [grads[w] for w in traced]


def deep_arrays(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(4096, 64)).astype(np.float32)
    return [x, *[(random.normal(size=(64, 64)) / 8).astype(np.float32) for _ in range(count)]]


def test_less_is_held_and_no_bit_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = deep_arrays(6)
    graph = captured(deep, arrays)
    less = Executable(graph, sw.Reference())
    with monkeypatch.context() as patch:
        without(patch)
        more = Executable(graph, sw.Reference())
    # Each of six layers holds one array of a MiB instead of several.
    assert more._plan.arena_bytes > 12 << 20
    assert less._plan.arena_bytes < 12 << 20
    for left, right in zip(less.run(arrays, [], [])[0], more.run(arrays, [], [])[0], strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_cut_is_the_smallest() -> None:
    # Wide results of a narrow value: the narrow one is held.
    def step(inputs: list[Any]) -> list[Any]:
        (x,) = inputs
        narrow = ops.sum(ops.matmul(x, x), axes=(1,))
        wide = [ops.sin(ops.broadcast(ops.mul(narrow, float(i)), sizes=(1100, 1100), axes=(0,))) for i in range(1, 4)]
        total = ops.matmul(wide[0], ops.matmul(wide[1], wide[2]))
        return [ops.matmul(total, ops.add(ops.add(wide[0], wide[1]), wide[2]))]

    arrays = [np.random.default_rng(0).normal(size=(1100, 1100)).astype(np.float32)]
    graph = expand(captured(step, arrays))
    after, late = recompute(graph)
    after.check()
    assert late
    sines = [operation for operation in after.operations if operation.op is ops.sin]
    assert len(sines) > 3
    np.testing.assert_array_equal(evaluated(graph, arrays)[0], evaluated(after, arrays)[0])


def test_small_programs_stay_as_they_are() -> None:
    graph = expand(captured(deep, [np.ones((4, 64), np.float32), *[np.ones((64, 64), np.float32)] * 3]))
    after, late = recompute(graph)
    assert after is graph and not late


def test_the_program_that_was_given_is_left_alone() -> None:
    graph = captured(deep, deep_arrays(6))
    text = str(graph)
    Executable(graph, sw.Reference())
    assert str(graph) == text


@settings(max_examples=40, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
def test_no_number_changes(program: list[Any], shapes: list[tuple[int, ...]]) -> None:
    arrays = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]

    def with_gradients(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        loss = run(program, traced)
        grads = loss.backward()
        return [loss, *[grads[x] for x in traced]]

    graph = expand(captured(with_gradients, arrays))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LEAST_BYTES", 0)
        patch.setattr(module, "_LEAST_PART", -1.0)
        after, _ = recompute(graph)
    after.check()
    for left, right in zip(evaluated(graph, arrays), evaluated(after, arrays), strict=True):
        np.testing.assert_array_equal(left, right)


def test_long_chains() -> None:
    def chain(inputs: list[Any]) -> list[Any]:
        x = inputs[0].trace()
        y = x
        for _ in range(1500):
            y = ops.sin(y)
        return [y.sum().backward()[x]]

    arrays = [np.linspace(-1, 1, 3)]
    graph = captured(chain, arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LEAST_BYTES", 0)
        patch.setattr(module, "_LEAST_PART", -1.0)
        after, late = recompute(graph)
    assert late
    np.testing.assert_array_equal(evaluated(graph, arrays)[0], evaluated(after, arrays)[0])


def test_a_view_that_goes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BYTES", 0)
    monkeypatch.setattr(module, "_LEAST_PART", -1.0)

    def step(inputs: list[Any]) -> list[Any]:
        x = inputs[0].trace()
        sums = x.gelu().cumsum(axis=1)
        turned = sums.flip(axis=1)
        grads = ((turned * turned.sin()).mean() + sums.square().mean()).backward()
        return [grads[x], turned.stop_gradient()]

    arrays = [np.random.default_rng(0).normal(size=(5, 7))]
    graph = expand(captured(step, arrays))
    after, late = recompute(graph)
    assert late
    for left, right in zip(evaluated(graph, arrays), evaluated(after, arrays), strict=True):
        np.testing.assert_array_equal(left, right)


def test_gradients_of_parts_are_added_as_they_come() -> None:
    model = nn.Sequential(nn.Linear(512, 512, key=sw.Key(1)), nn.ReLU(), nn.Linear(512, 512, key=sw.Key(2)))
    sgd = optim.SGD(model, lr=0.1)
    x = sw.randn((64, 512), key=sw.Key(3))

    def step(x: sw.Tensor) -> None:
        total = model(x[0:8].trace()).square().sum().backward()
        for start in range(8, 64, 8):
            total = total + model(x[start : start + 8].trace()).square().sum().backward()
        sgd.update(total * (1 / 64))

    compiled: Any = sw.compile(step)
    gradients = 4 * model.num_parameters
    # Two sets of gradients, and not eight.
    assert sw.report(compiled, x, timed=False).memory.arena < 2.5 * gradients
    before = model.copy()
    compiled(x)
    after, model = model, before
    sgd = optim.SGD(model, lr=0.1)
    step(x)
    for one, other in zip(after.parameters(), model.parameters(), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
