"""What lies around attention: heads split and put together, rounding, parts of one gradient. Nothing is copied."""

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
from shapewright.devices.cpu.endings import with_endings
from shapewright.devices.cpu.engine import Executable
from shapewright.devices.cpu.expand import expand
from shapewright.devices.cpu.regions import find_regions
from shapewright.graph.passes import bf16_products, simplify
from tests.cpu.test_engine import captured
from tests.cpu.test_regions import compared, training, weigh
from tests.graph.test_passes import evaluated

attention = nn.scaled_dot_product_attention


def heads(x: Any, count: int) -> Any:
    """Give (batch, tokens, width) as (batch, heads, tokens, features)."""
    b, t, width = x.shape
    return ops.permute(ops.reshape(x, sizes=(b, t, count, width // count)), axes=(0, 2, 1, 3))


def together(x: Any) -> Any:
    b, h, t, e = x.shape
    return ops.reshape(ops.permute(x, axes=(0, 2, 1, 3)), sizes=(b, t, h * e))


def part(x: Any, number: int, of: int) -> Any:
    b, t, width = x.shape
    size = width // of
    return ops.slice(x, starts=(0, 0, number * size), stops=(b, t, (number + 1) * size), steps=(1, 1, 1))


def attended(x: Any, w: Any, out: Any, count: int, **options: Any) -> Any:
    """Attention to itself with one product for queries, keys and values, as models write it."""
    both = ops.matmul(x, w)
    q, k, v = [heads(part(both, number, 3), count) for number in range(3)]
    return ops.matmul(together(attention(q, k, v, **options)), out)


def operands(b: int, t: int, width: int, dtype: Any = np.float32) -> list[np.ndarray]:
    random = np.random.default_rng(b * 1000 + t)
    x = random.normal(size=(b, t, width))
    w, out = (random.normal(size=(width, n * width)) / math.sqrt(width) for n in (3, 1))
    return [a.astype(dtype) for a in (x, w, out)]


def queries_keys_values(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=(2, 3, 29, 5)).astype(np.float32) for _ in range(3)]


def moving(executable: Executable) -> list[str]:
    """Give the kernels, but those of matrices, that only move numbers, or that begin with adding something to them."""
    found = []
    for kernel in executable._fused.kernels:
        done = " ".join(operation.op.name for operation in kernel.operations)
        if kernel.kind in ("loop", "other") and len(kernel.sizes) > 2 and done.startswith(("copy", "concat", "add")):
            found.append(done)
    return found


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small things be regions of several blocks."""
    monkeypatch.setattr(regions, "_FEWEST_PAIRS", 1)
    monkeypatch.setattr(blocks, "_FEWEST_ROWS", 5)
    monkeypatch.setattr(blocks, "MOST_PAIRS", 97)


SIZES = [(2, 131, 3, 7), (3, 150, 5, 16), (1, 300, 2, 1), (1, 257, 1, 5)]


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize(("b", "t", "count", "e"), SIZES)
def test_nothing_is_copied(b: int, t: int, count: int, e: int, is_causal: bool) -> None:
    function = training(lambda x, w, out: attended(x, w, out, count, is_causal=is_causal))
    executable = compared(function, operands(b, t, count * e), regions=2, is_checked=is_causal)
    assert moving(executable) == []


@pytest.mark.parametrize("t", [1, 2, 13, 49])
def test_any_size(monkeypatch: pytest.MonkeyPatch, t: int) -> None:
    small(monkeypatch)
    for is_causal in (False, True):
        function = training(lambda x, w, out, is_causal=is_causal: attended(x, w, out, 3, is_causal=is_causal))
        compared(function, operands(2, t, 9), is_checked=True)


def test_f64(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    function = training(lambda x, w, out: attended(x, w, out, 2, is_causal=True))
    assert moving(compared(function, operands(3, 31, 10, np.float64), rtol=1e-12, regions=2)) == []


def test_rounding_to_bf16_is_done_at_hand() -> None:
    def step(inputs: list[Any]) -> list[Any]:
        x, w, out = [x.trace() for x in inputs]
        y = attended(x, w, out, 3, is_causal=True)
        grads = weigh(y).backward()
        return [y.stop_gradient(), grads[x], grads[w]]

    inputs = operands(2, 150, 24)
    graph = simplify(bf16_products(captured(step, inputs)))
    executable = Executable(graph, sw.Reference())
    found = executable.run(inputs, [], [])[0]
    assert moving(executable) == []
    # No kernel of its own has heads apart.
    assert not any(kernel.kind == "loop" and len(kernel.sizes) > 3 for kernel in executable._fused.kernels)
    for left, right in zip(sw.Reference().compile(graph).run(inputs, [], [])[0], found, strict=True):
        np.testing.assert_allclose(right, left, rtol=0, atol=0.02 * np.abs(left).max())


def test_work_behind_attention_and_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)

    def step(inputs: list[Any]) -> list[Any]:
        q, k, v = [x.trace() for x in inputs]
        y = attention(q, k, v, is_causal=True)
        grads = weigh(y).backward()
        rows, sums = grads[q], grads[k]
        return [
            ops.mul(ops.tanh(together(rows)), 2.0),
            ops.exp(ops.neg(ops.permute(sums, axes=(0, 2, 1, 3)))),
            ops.abs(grads[v]),
            ops.cast(together(y.stop_gradient()), dtype=sw.f64),
        ]

    executable = compared(step, queries_keys_values(5), rtol=1e-3, is_checked=True)
    assert [kernel.kind for kernel in executable._fused.kernels].count("region") == 2


def test_results_that_leave_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)

    def step(inputs: list[Any]) -> list[Any]:
        q, k, v = [x.trace() for x in inputs]
        y = attention(q, k, v)
        grads = weigh(y).backward()
        y = y.stop_gradient()
        return [
            ops.permute(y, axes=(2, 0, 1, 3)),
            ops.permute(y, axes=(3, 2, 1, 0)),
            together(y),
            ops.permute(grads[q], axes=(0, 3, 2, 1)),
            ops.permute(grads[k], axes=(2, 1, 0, 3)),
            grads[v],
        ]

    compared(step, queries_keys_values(6), is_checked=True)


def test_concats_that_take_other_things_too(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)

    def step(inputs: list[Any]) -> list[Any]:
        q, k, v = [x.trace() for x in inputs]
        y = attention(q, k, v)
        grads = weigh(y).backward()
        y = y.stop_gradient()
        return [
            ops.concat(y, y, axis=3),
            ops.concat(grads[q], grads[k], grads[q], axis=1),
            ops.concat(grads[k], inputs[0], axis=2),
            ops.concat(grads[v], grads[k], axis=2),
            ops.concat(together(grads[q]), together(grads[v]), axis=2),
            ops.concat(grads[v], grads[k], axis=0),
        ]

    compared(step, queries_keys_values(7), is_checked=True)


def test_a_cell_takes_what_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)

    def trained(compiles: bool) -> tuple[np.ndarray, float]:
        cell = sw.Parameter(sw.rand((2, 20, 18), key=sw.Key(1)))

        def step(weights: sw.Tensor) -> sw.Tensor:
            x = cell.trace()
            q, k, v = [heads(part(x, number, 3), 2) for number in range(3)]
            loss = (together(attention(q, k, v, is_causal=True)) * weights).sum()
            # The gradient itself is the new value: its parts must not be written over what is still read.
            cell.assign(loss.backward()[cell])
            return loss

        function = sw.compile(step) if compiles else step
        weights = sw.rand((2, 20, 6), key=sw.Key(2))
        losses = [function(weights).item() for _ in range(3)]
        return cell.numpy(), losses[-1]

    for left, right in zip(trained(compiles=False), trained(compiles=True), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-5, atol=1e-5)


def test_inside_loops_and_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)

    def step(inputs: list[Any]) -> list[Any]:
        x, w, out = [x.trace() for x in inputs]

        def layer(x: Any, weights: Any) -> Any:
            w, out = weights
            y = attended(x, w, out, 3, is_causal=True)
            return y, y

        last, _ = sw.scan(layer, x, (w, out))
        grads = weigh(last).backward()
        return [last.stop_gradient(), grads[x], grads[w], grads[out]]

    x, w, out = operands(2, 23, 12)
    inputs = [x, np.stack([w, -w, w]), np.stack([out, out, -out])]
    compared(step, inputs, rtol=1e-3)


STEPS = st.lists(
    st.tuples(st.sampled_from(["permute", "merge", "split", "work", "concat", "add"]), *[st.integers(0, 100)] * 3),
    min_size=1,
    max_size=12,
)
WORK = [ops.neg, ops.tanh, ops.abs, lambda x: ops.add(x, 0.0), lambda x: ops.sub(1.0, x), lambda x: ops.mul(x, 2.0)]


def behind_attention(steps: list[Any]) -> Any:
    """Give a function that moves the results of attention about, works on them and puts them together."""

    def step(inputs: list[Any]) -> list[Any]:
        q, k, v = [x.trace() for x in inputs]
        y = attention(q, k, v, is_causal=True)
        grads = weigh(y).backward()
        values = [y.stop_gradient(), grads[q], grads[k], grads[v]]
        for kind, a, b, c in steps:
            place = a % len(values)
            x = values[place]
            sizes = tuple(x.shape)
            axis = b % len(sizes)
            match kind:
                case "permute":
                    order = list(range(len(sizes)))
                    order.insert(c % len(sizes), order.pop(axis))
                    x = ops.permute(x, axes=tuple(order))
                case "merge" if axis + 1 < len(sizes):
                    x = ops.reshape(x, sizes=(*sizes[:axis], sizes[axis] * sizes[axis + 1], *sizes[axis + 2 :]))
                case "split":
                    part = next((n for n in (2, 3, 5, 7) if sizes[axis] % n == 0), 1)
                    x = ops.reshape(x, sizes=(*sizes[:axis], part, sizes[axis] // part, *sizes[axis + 1 :]))
                case "work":
                    x = WORK[c % len(WORK)](x)
                case "concat":
                    alike = [other for other in values if tuple(other.shape) == sizes]
                    x = ops.concat(x, *alike[: c % 4], axis=axis)
                case "add":
                    alike = [other for other in values if tuple(other.shape) == sizes]
                    x = ops.add(x, alike[c % len(alike)])
            if c % 3:
                values[place] = x
            elif len(values) < 8:
                values.append(x)
        return values

    return step


def three(sizes: tuple[int, ...]) -> list[np.ndarray]:
    random = np.random.default_rng(len(sizes))
    return [random.normal(size=sizes).astype(np.float32) for _ in range(3)]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_endings_change_no_number(steps: list[Any]) -> None:
    inputs = three((2, 3, 6, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regions, "_FEWEST_PAIRS", 1)
        graph, found = find_regions(expand(captured(behind_attention(steps), inputs)))
        after = with_endings(graph, found)
    after.check()
    for left, right in zip(evaluated(graph, inputs), evaluated(after, inputs), strict=True):
        np.testing.assert_array_equal(left, right)


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_whatever_reads_attention(steps: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        compared(behind_attention(steps), three((2, 3, 14, 6)), rtol=1e-3, is_checked=True)
