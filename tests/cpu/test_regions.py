"""Regions: attention, its masks and its gradients, computed some rows at a time, against the reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import nn, ops
from shapewright.devices.cpu import blocks, regions
from shapewright.devices.cpu.engine import Executable
from shapewright.devices.cpu.expand import expand
from shapewright.devices.cpu.regions import find_regions
from tests.cpu.test_engine import captured
from tests.graph.test_passes import evaluated
from tests.test_random_programs import SHAPES, programs, run

attention = nn.scaled_dot_product_attention


def arrays(batch: tuple[int, ...], t: int, u: int, e: int, dtype: Any = np.float32) -> list[np.ndarray]:
    random = np.random.default_rng(t * 1000 + u)
    return [random.normal(size=(*batch, n, e)).astype(dtype) for n in (t, u, u)]


def weigh(y: Any) -> Any:
    weights = sw.from_numpy(np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype.numpy))
    return (y * y * weights).sum()


def training(function: Any) -> Any:
    """Give a function's result with the gradients of all its operands."""

    def step(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        y = function(*traced)
        grads = weigh(y).backward()
        return [y.stop_gradient(), *[grads[x] for x in traced]]

    return step


def compared(
    function: Any,
    inputs: list[np.ndarray],
    *,
    rtol: float = 2e-4,
    regions: int | None = None,
    is_checked: bool | None = None,
) -> Executable:
    """Run a program on the engine and on the reference, and give its executable."""
    graph = captured(function, inputs)
    executable = Executable(graph, sw.Reference(), is_checked=is_checked)
    expected = sw.Reference().compile(graph).run(inputs, [], [])[0]
    found = executable.run(inputs, [], [])[0]
    for left, right in zip(expected, found, strict=True):
        scale = max(float(np.abs(left).max(initial=0.0)), 1e-30)
        np.testing.assert_allclose(right, left, rtol=0, atol=rtol * scale)
    if regions is not None:
        assert sum(kernel.kind == "region" for kernel in executable._fused.kernels) == regions
    return executable


def largest(executable: Executable) -> int:
    """Give the elements of the largest buffer that lives only inside the program."""
    return max([variable.spec.count for variable in executable._plan.arena], default=0)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(
    ("batch", "t", "u"), [((2, 2), 131, 131), ((3,), 257, 257), ((1, 5), 128, 131), ((5,), 211, 67)]
)
def test_attention_and_its_gradients(batch: tuple[int, ...], t: int, u: int, is_causal: bool) -> None:
    inputs = arrays(batch, t, u, 7)
    executable = compared(training(lambda q, k, v: attention(q, k, v, is_causal=is_causal)), inputs, regions=2)
    # Nothing of the size of two sequences is stored.
    assert largest(executable) < math.prod(batch) * t * u


@pytest.mark.parametrize("size", [1, 2, 13, 48, 49, 97])
@pytest.mark.parametrize("is_causal", [False, True])
def test_any_size(monkeypatch: pytest.MonkeyPatch, size: int, is_causal: bool) -> None:
    monkeypatch.setattr(regions, "_FEWEST_PAIRS", 1)
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 5)
    monkeypatch.setattr(blocks, "MOST_PAIRS", 97)
    compared(training(lambda q, k, v: attention(q, k, v, is_causal=is_causal)), arrays((3,), size, size, 1))


def test_f64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "_FEWEST_PAIRS", 1)
    inputs = arrays((2,), 101, 101, 3, np.float64)
    compared(training(lambda q, k, v: attention(q, k, v, is_causal=True)), inputs, rtol=1e-12, regions=2)


def masks(t: int, u: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    some = random.uniform(size=(t, u)) < 0.7
    some[3] = False
    lower = np.tril(np.ones((t, u), bool))
    empty = lower.copy()
    empty[:5] = False
    return {
        "some": some,
        "lower": lower,
        "rows that see nothing": empty,
        "one more than the diagonal": np.tril(np.ones((t, u), bool), 1),
        "one less": np.tril(np.ones((t, u), bool), -1),
        "added": random.normal(size=(t, u)).astype(np.float32),
        "added, with places left out": np.where(some, random.normal(size=(t, u)), -np.inf).astype(np.float32),
    }


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("name", list(masks(9, 9)))
def test_masks(monkeypatch: pytest.MonkeyPatch, name: str, is_causal: bool) -> None:
    monkeypatch.setattr(regions, "_FEWEST_PAIRS", 1)
    monkeypatch.setattr(blocks, "MOST_PAIRS", 600)
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 7)
    mask = sw.from_numpy(masks(61, 61)[name])
    compared(
        training(lambda q, k, v: attention(q, k, v, attn_mask=mask, is_causal=is_causal)),
        arrays((2, 2), 61, 61, 5),
        regions=2,
    )


def test_a_mask_that_each_call_brings() -> None:
    def step(inputs: list[Any]) -> list[Any]:
        *three, mask = inputs
        traced = [x.trace() for x in three]
        grads = weigh(attention(*traced, attn_mask=mask > 0.0, is_causal=True)).backward()
        return [grads[x] for x in traced]

    mask = np.random.default_rng(1).normal(size=(2, 190, 190)).astype(np.float32)
    compared(step, [*arrays((2,), 190, 190, 4), mask], regions=2)


def by_hand(q: Any, k: Any, v: Any, seen: Any, low: float) -> Any:
    """Attention as a user may write it: rows that see nothing look at everything evenly."""
    scores = ops.matmul(q, ops.permute(k, axes=(0, 2, 1)))
    return ops.matmul(ops.softmax(ops.where(seen, scores, low)), v)


@pytest.mark.parametrize("low", [-1e38, -1e4, -1.0])
@pytest.mark.parametrize("empty", [0, 9])
def test_a_triangle_is_cut_only_where_nothing_is_lost(empty: int, low: float) -> None:
    lower = np.tril(np.ones((190, 190), bool))
    lower[:empty] = False
    seen = ops.broadcast(sw.from_numpy(lower), sizes=(2, 190, 190), axes=(1, 2))
    executable = compared(training(lambda q, k, v: by_hand(q, k, v, seen, low)), arrays((2,), 190, 190, 4), regions=2)
    cut = [kernel.region.is_triangular for kernel in executable._fused.kernels if kernel.region is not None]
    assert cut == [low == -1e38 and not empty] * 2


def test_weights_that_are_asked_for() -> None:
    def step(inputs: list[Any]) -> list[Any]:
        q, k, v = [x.trace() for x in inputs]
        weights = ops.softmax(ops.matmul(q, ops.permute(k, axes=(0, 2, 1))))
        y = ops.matmul(weights, v)
        grads = (weigh(y) + weights.max()).backward()
        return [weights.stop_gradient(), *[grads[x] for x in (q, k, v)]]

    compared(step, arrays((2,), 190, 190, 4))


def test_one_value_in_three_parts() -> None:
    # The rows, the columns and the values are one variable, whose axes are different things each time.
    compared(training(lambda x: attention(x, x, x, is_causal=True)), arrays((2,), 190, 190, 4)[:1], regions=2)


def test_other_functions_than_softmax() -> None:
    def signed(q: Any, k: Any, v: Any) -> Any:
        scores = ops.matmul(q, ops.permute(k, axes=(0, 2, 1)))
        scale = ops.add(ops.sum(ops.abs(scores), axes=(2,)), 1.0)
        return ops.matmul(ops.div(ops.tanh(scores), ops.broadcast(scale, sizes=(2, 190, 190), axes=(0, 1))), v)

    compared(training(signed), arrays((2,), 190, 190, 4), regions=2)


def test_gradients_of_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "_FEWEST_PAIRS", 1)

    def step(inputs: list[Any]) -> list[Any]:
        q, k, v = [x.trace() for x in inputs]
        first = weigh(attention(q, k, v, is_causal=True)).backward(trace=True)
        second = ops.sum(ops.square(first[q]), axes=(0, 1, 2)).backward()
        return [second[x] for x in (q, k, v)]

    compared(step, arrays((2,), 37, 37, 3), rtol=1e-3)


def test_dropped_weights() -> None:
    def step(q: sw.Tensor, k: sw.Tensor, v: sw.Tensor) -> sw.Tensor:
        traced = [x.trace() for x in (q, k, v)]
        y = attention(*traced, dropout_p=0.25, dropout_key=sw.Key(3))
        return weigh(y).backward()[traced[0]]

    inputs = [sw.from_numpy(x) for x in arrays((2,), 190, 190, 4)]
    np.testing.assert_allclose(sw.compile(step)(*inputs).numpy(), step(*inputs).numpy(), rtol=0, atol=1e-4)


def test_layers_train_alike() -> None:
    def trained(compiles: bool) -> tuple[list[float], dict[str, Any]]:
        layer = nn.MultiheadAttention(12, 3, key=sw.Key(0))
        sgd = sw.optim.SGD(layer, 1e-2)

        def step(x: sw.Tensor) -> sw.Tensor:
            loss = weigh(layer(x.trace(), is_causal=True))
            sgd.update(loss.backward())
            return loss

        function = sw.compile(step) if compiles else step
        x = sw.rand((2, 130, 12), key=sw.Key(1))
        return [function(x).item() for _ in range(3)], dict(layer.state_dict())

    losses, state = trained(compiles=False)
    found, compiled = trained(compiles=True)
    np.testing.assert_allclose(found, losses, rtol=1e-4)
    for name, value in state.items():
        np.testing.assert_allclose(compiled[name].numpy(), value.numpy(), rtol=0, atol=2e-4)


def test_in_bf16() -> None:
    inputs = [sw.from_numpy(x) for x in arrays((2,), 190, 190, 16)]
    results = []
    for precision in ("f32", "bf16"):

        @sw.compile(precision=precision)
        def step(q: sw.Tensor, k: sw.Tensor, v: sw.Tensor) -> tuple[sw.Tensor, sw.Tensor]:
            traced = [x.trace() for x in (q, k, v)]
            y = attention(*traced, is_causal=True)
            return y.stop_gradient(), weigh(y).backward()[traced[1]]

        results.append([x.numpy() for x in step(*inputs)])
    for left, right in zip(*results, strict=True):
        np.testing.assert_allclose(right, left, rtol=0, atol=0.02 * np.abs(left).max())


@settings(max_examples=30, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
def test_finding_regions_changes_no_number(program: list[Any], shapes: list[tuple[int, ...]]) -> None:
    inputs = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]

    def with_attention(values: list[Any]) -> list[Any]:
        traced = [x.trace() for x in values]
        x = ops.broadcast(run(program, traced), sizes=(2, 5, 3), axes=())
        x = ops.add(x, sw.from_numpy(np.cos(np.arange(30.0)).reshape(2, 5, 3)))
        grads = weigh(attention(x, ops.sin(x), x, is_causal=True)).backward()
        return [grads[x] for x in traced]

    graph = expand(captured(with_attention, inputs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "_FEWEST_PAIRS", 1)
        after, _ = find_regions(graph)
    after.check()
    for left, right in zip(evaluated(graph, inputs), evaluated(after, inputs), strict=True):
        np.testing.assert_array_equal(left, right)
