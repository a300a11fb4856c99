"""Row regions: norms, softmax, cross entropy and their like, some rows at a time, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import nn, ops
from shapewright.devices.cpu import rows
from shapewright.devices.cpu.engine import Executable
from shapewright.devices.cpu.expand import expand
from shapewright.devices.cpu.rows import find_rows
from tests.cpu.test_engine import captured
from tests.cpu.test_regions import compared, training, weigh
from tests.graph.test_passes import evaluated
from tests.test_random_programs import SHAPES, programs, run

# So many elements are worth a region.
LARGE = [(1024, 65), (4, 300, 67), (2, 3, 128, 96)]


def arrays(*shapes: tuple[int, ...], dtype: Any = np.float32) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    return [random.normal(size=shape).astype(dtype) for shape in shapes]


def for_each_row(numbers: Any, x: Any) -> Any:
    return ops.broadcast(numbers, sizes=tuple(x.shape), axes=tuple(range(len(x.shape) - 1)))


def for_each_column(numbers: Any, x: Any) -> Any:
    return ops.broadcast(numbers, sizes=tuple(x.shape), axes=(len(x.shape) - 1,))


def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
    centred = x - for_each_row(x.mean(axis=-1), x)
    factor = ((centred * centred).mean(axis=-1) + 1e-5).rsqrt()
    return centred * for_each_row(factor, x) * for_each_column(weight, x) + for_each_column(bias, x)


def kinds(executable: Executable) -> list[str]:
    return [kernel.kind for kernel in executable._fused.kernels]


def readers(executable: Executable, place: int) -> int:
    """Count the kernels that read an argument."""
    argument = executable.graph.arguments[place]
    return sum(
        any(access.buffer is argument for access in kernel.leaves.values()) for kernel in executable._fused.kernels
    )


@pytest.mark.parametrize("shape", LARGE)
def test_a_norm_reads_its_rows_once(shape: tuple[int, ...]) -> None:
    executable = compared(
        lambda values: [layer_norm(*values)], arrays(shape, shape[-1:], shape[-1:]), regions=1, rtol=1e-5
    )
    assert kinds(executable) == ["region"]


@pytest.mark.parametrize("shape", LARGE)
def test_the_gradient_of_a_norm_reads_its_rows_once(shape: tuple[int, ...]) -> None:
    executable = compared(training(layer_norm), arrays(shape, shape[-1:], shape[-1:]), rtol=1e-4)
    # The parts of the sums over rows are added behind the region.
    assert sorted(kinds(executable)) == ["reduce", "reduce", "region"]
    assert readers(executable, 0) == 1


@pytest.mark.parametrize("shape", LARGE)
def test_softmax_and_its_gradient(shape: tuple[int, ...]) -> None:
    executable = compared(training(lambda x: x.softmax()), arrays(shape), rtol=1e-4, regions=1)
    assert readers(executable, 0) == 1


@pytest.mark.parametrize("shape", [(1024, 65), (1021, 71), (3, 40000)])
def test_cross_entropy_reads_the_scores_once(shape: tuple[int, ...]) -> None:
    labels = np.arange(shape[0]) * 7 % shape[1]

    def step(values: list[Any]) -> list[Any]:
        scores, classes = values
        traced = scores.trace()
        loss = nn.cross_entropy(traced, classes)
        return [loss.stop_gradient(), loss.backward()[traced]]

    executable = compared(step, [*arrays(shape), labels], rtol=1e-4, regions=1)
    assert readers(executable, 0) == 1


def test_rows_of_a_prime_number() -> None:
    # Blocks of rows are not alike then, so sums over all rows stay apart.
    shape = (1021, 83)
    executable = compared(training(layer_norm), arrays(shape, shape[-1:], shape[-1:]), rtol=1e-4, regions=1)
    assert kinds(executable).count("reduce") == 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 1), (13, 3), (5, 97), (3, 2, 5), (17, 4), (64, 16)])
def test_any_size(monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]) -> None:
    monkeypatch.setattr(rows, "_FEWEST", 1)
    monkeypatch.setattr(rows, "_FEWEST_ROWS_OF_SUMS", 1)
    monkeypatch.setattr(rows, "MOST_PAIRS", 32)
    monkeypatch.setattr(rows, "_BLOCKS", 2)
    inputs = arrays(shape, shape[-1:], shape[-1:])
    compared(training(layer_norm), inputs, rtol=1e-3)
    compared(training(lambda x: x.softmax()), inputs[:1], rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_other_element_types(dtype: Any) -> None:
    def centred(x: Any) -> Any:
        return x * 2 - for_each_row(x.max(axis=-1), x), x.sum(axis=-1)

    inputs = [(10 * array).astype(dtype) for array in arrays((1024, 67))]
    executable = compared(lambda values: list(centred(*values)), inputs, rtol=1e-12, regions=1)
    assert readers(executable, 0) == 1


def test_what_a_product_gives_is_finished_where_it_is_written() -> None:
    def block(x: Any, w: Any) -> Any:
        h = x + x @ w
        return layer_norm(h, w[0], w[1]) @ w + h

    executable = compared(lambda values: [block(*values)], arrays((1024, 64), (64, 64)), rtol=1e-4, regions=1)
    assert kinds(executable) == ["product", "region", "product"]


def test_views_that_lie_otherwise() -> None:
    def step(values: list[Any]) -> list[Any]:
        x, position = values
        # One operand is transposed, the other one repeated along the first axis.
        y = ops.permute(x, axes=(0, 2, 1)) + position.spread()
        return [y.softmax()]

    compared(step, arrays((4, 160, 128), (128, 160)), rtol=1e-5, regions=1)


def test_of_regions_that_would_wait_for_each_other_one_is_taken() -> None:
    def step(values: list[Any]) -> list[Any]:
        a, b, w = values
        first, second = a.softmax(), b.softmax()
        # Each softmax is multiplied by what a product makes of the other.
        return [first * (second @ w), second * (first @ w)]

    compared(step, arrays((1024, 64), (1024, 64), (64, 64)), rtol=1e-4, regions=1)


def test_gradients_of_gradients() -> None:
    def step(values: list[Any]) -> list[Any]:
        x = values[0].trace()
        first = weigh(x.softmax()).backward(trace=True)[x]
        return [weigh(first).backward()[x]]

    compared(step, arrays((1024, 65)), rtol=1e-3)


def test_in_a_loop() -> None:
    def step(values: list[Any]) -> list[Any]:
        x, weight, bias = values
        last, sums = sw.scan(lambda h, _: (layer_norm(h, weight, bias), h.sum()), x, length=3)
        return [last, sums]

    compared(step, arrays((1024, 65), (65,), (65,)), rtol=1e-4)


def test_in_bf16() -> None:
    inputs = [sw.from_numpy(array) for array in arrays((1024, 64), (64,), (64,), (64, 64))]
    results = []
    for precision in ("f32", "bf16"):

        @sw.compile(precision=precision)
        def step(x: Any, weight: Any, bias: Any, w: Any) -> Any:
            traced = [each.trace() for each in (x, weight, bias, w)]
            y = layer_norm(*traced[:3]) @ traced[3]
            grads = weigh(y).backward()
            return tuple(grads[each] for each in traced)

        results.append([each.numpy() for each in step(*inputs)])
    for left, right in zip(*results, strict=True):
        np.testing.assert_allclose(right, left, rtol=0, atol=0.03 * np.abs(left).max())


def test_what_fails_fails_as_always() -> None:
    def step(values: list[Any]) -> list[Any]:
        x, y = values
        return [(x // y) - for_each_row((x // y).max(axis=-1), x)]

    numbers = np.ones((1024, 64), np.int64)
    graph = captured(step, [numbers, numbers])
    executable = Executable(graph, sw.Reference())
    assert "region" in kinds(executable)
    wrong = numbers.copy()
    wrong[1000, 3] = 0
    with pytest.raises(sw.Error, match="divided by 0"):
        executable.run([numbers, wrong], [], [])


@settings(max_examples=30, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
def test_finding_rows_changes_no_number(program: list[Any], shapes: list[tuple[int, ...]]) -> None:
    inputs = [np.random.default_rng(i).normal(size=shape) for i, shape in enumerate(shapes)]

    def with_norms(values: list[Any]) -> list[Any]:
        traced = [x.trace() for x in values]
        x = ops.broadcast(run(program, traced), sizes=(6, 5), axes=())
        x = ops.add(x, sw.from_numpy(np.cos(np.arange(30.0)).reshape(6, 5)))
        grads = weigh(ops.mul(layer_norm(x, x[0], x[1]), x.softmax())).backward()
        return [grads[x] for x in traced]

    graph = expand(captured(with_norms, inputs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "_FEWEST", 1)
        patch.setattr(rows, "_FEWEST_ROWS_OF_SUMS", 1)
        patch.setattr(rows, "_BLOCKS", 2)
        after, found = find_rows(graph, [])
    assert found
    after.check()
    for left, right in zip(evaluated(graph, inputs), evaluated(after, inputs), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9)


def test_numbers_of_rows_that_are_asked_for() -> None:
    # A prime number of rows: one matrix, whose blocks are not alike.
    def step(values: list[Any]) -> list[Any]:
        (x,) = values
        largest = x.max(axis=-1)
        return [largest, x - for_each_row(largest, x)]

    compared(step, arrays((1021, 83)), regions=1)
