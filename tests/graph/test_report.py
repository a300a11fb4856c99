"""`sw.report` and the cost model: what is counted, what is known before the first step, what stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Tensor, nn, ops, optim
from shapewright.graph import Graph, Operation, Variable
from shapewright.graph.cost import Cost, cost_of, flops_of, largest_moment
from shapewright.shapes.dtypes import spec


def operation(op: Any, *sizes: tuple[int, ...], dtype: Any = sw.f32, **params: Any) -> Operation:
    operands = tuple([Variable(spec(each, dtype)) for each in sizes])
    return Operation(op, operands, params, Variable(op.verdict(tuple([v.spec for v in operands]), params)))


@pytest.mark.parametrize(
    ("done", "flops"),
    [
        (operation(ops.matmul, (3, 4), (4, 5)), 2 * 3 * 4 * 5),
        (operation(ops.matmul, (7, 3, 4), (7, 4, 5)), 7 * 2 * 3 * 4 * 5),
        (operation(ops.matmul, (4,), (4,)), 8),
        (operation(ops.exp, (3, 4)), 12),
        (operation(ops.add, (3, 4), (3, 4)), 12),
        (operation(ops.add, (3, 4), (3, 4), dtype=sw.i64), 0),
        (operation(ops.sum, (3, 4), axes=(0,)), 12),
        (operation(ops.var, (3, 4), axes=(0,), correction=1), 48),
        (operation(ops.lt, (3, 4), (3, 4)), 0),
        (operation(ops.permute, (3, 4), axes=(1, 0)), 0),
        (operation(ops.flip, (3, 4), axes=(0,)), 0),
    ],
    ids=lambda value: value.op.name if isinstance(value, Operation) else str(value),
)
def test_flops(done: Operation, flops: int) -> None:
    assert flops_of(done) == flops


def test_bytes_are_those_of_each_operand_once() -> None:
    assert cost_of(operation(ops.matmul, (3, 4), (4, 5))) == Cost(120, 4 * (12 + 20), 4 * 15)
    x = Variable(spec((3,), sw.f64))
    assert cost_of(Operation(ops.mul, (x, x), {}, Variable(x.spec))) == Cost(3, 24, 24)


def test_the_largest_moment_of_a_program() -> None:
    x, a, b, c = (Variable(spec((10,), sw.f32)) for _ in range(4))
    steps = [Operation(ops.exp, (x,), {}, a), Operation(ops.exp, (a,), {}, b), Operation(ops.exp, (b,), {}, c)]
    # `a` and `b` are there together; `x` comes in and `c` goes out.
    assert largest_moment(Graph(arguments=[x], operations=steps, results=[c])) == 80


# ---- the report -----------------------------------------------------------------------------------------------------
def training() -> tuple[nn.Sequential, Any, Any]:
    model = nn.Sequential(
        nn.Linear(6, 8, key=sw.Key(1)), nn.ReLU(), nn.Dropout(0.5, key=sw.Key(2)), nn.Linear(8, 3, key=sw.Key(3))
    )
    adam = optim.Adam(model, lr=0.1)

    @sw.compile
    def step(x: Tensor[[4, 6]], y: Tensor[[4], sw.i64]) -> Tensor[[]]:
        loss = nn.cross_entropy(model(x.trace()), y)
        adam.update(loss.backward())
        return loss

    return model, adam, step


X, Y = sw.ones((4, 6)), sw.zeros((4,), dtype=sw.i64)


def test_all_but_the_times_is_known_before_the_first_step() -> None:
    model, _, step = training()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    first = sw.report(step, X, Y, timed=False)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    assert first.seconds is None and all(kernel.seconds is None for kernel in first.kernels)
    # Forward, and the gradients of both weights and of the hidden layer.
    products = 2 * 4 * 6 * 8 * 2 + 2 * 4 * 8 * 3 * 3
    assert products <= first.flops <= 4 * products
    assert first.memory.arguments == 4 * 4 * 6 + 8 * 4 and first.memory.results == 4
    assert first.memory.peak > first.memory.cells > 3 * 4 * (6 * 8 + 8 + 8 * 3 + 3)
    step(X, Y)
    after = sw.report(step, timed=False)
    assert after.kernels == first.kernels and after.memory == first.memory


def test_timing_leaves_parameters_optimiser_and_keys_as_they_are() -> None:
    model, _, step = training()
    other_model, _, other_step = training()
    for _ in range(3):
        found = sw.report(step, X, Y)
        assert step(X, Y).item() == other_step(X, Y).item()
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other_model.state_dict()[name].numpy())
    assert found.seconds is not None and found.seconds > 0.0 and found.bandwidth is not None
    assert found.seconds == pytest.approx(sum(kernel.seconds or 0.0 for kernel in found.kernels))
    assert {kernel.bound for kernel in found.kernels} <= {"arithmetic", "memory"}
    assert all((kernel.fraction or 0.0) >= 0.0 for kernel in found.kernels) and set(found.peaks) == {"f32"}


def test_without_examples_it_runs_on_made_up_arguments() -> None:
    _, _, step = training()
    step(X, Y)
    assert sw.report(step).seconds is not None


def test_made_up_arguments_that_do_not_do() -> None:
    @sw.compile
    def halved(x: Tensor[[3], sw.i64], y: Tensor[[3], sw.i64]) -> Tensor[[3], sw.i64]:
        return x // y

    halved(sw.ones((3,), dtype=sw.i64), sw.ones((3,), dtype=sw.i64))
    found = sw.report(halved)
    assert found.seconds is None and found.note is not None
    assert found.note.startswith("not timed: made-up arguments do not do (")
    assert found.note.endswith("); sw.report(step, x) runs on examples")
    assert sw.report(halved, sw.ones((3,), dtype=sw.i64), sw.ones((3,), dtype=sw.i64)).seconds is not None


def test_the_table_groups_equal_kernels_and_sums_up() -> None:
    @sw.compile
    def apart(x: Tensor[[64, 8]], y: Tensor[[64, 8]]) -> Any:
        return x.exp().sum(axis=0), y.exp().sum(axis=0), (x @ y.permute(axes=(1, 0))).relu()

    x = sw.ones((64, 8))
    lines = str(sw.report(apart, x, x, timed=False)).splitlines()
    assert lines[0].startswith("apart on cpu: 3 kernels, code ")
    assert [line.split() for line in lines[2:8]] == [
        ["kernel", "sizes", "runs", "GFLOP", "MB"],
        ["─" * len(lines[3].strip())],
        ["matmul", "relu", "64×64", "1", "0.0001", "0.020"],
        ["exp", "sum", "64×8", "2", "0.0000", "0.004"],
        [],
        ["all", "3", "0.0001", "0.025"],
    ]
    assert lines[-2].startswith("memory: 0.0") and lines[-1] == "not timed: sw.report(step, timed=True) runs it"
    timed = str(sw.report(apart, x, x))
    assert "of peak" in timed and "GFLOP/s in f32" in timed and "GB/s of memory" in timed


def test_the_reference_device_reports_operations_without_times() -> None:
    device = sw.Reference()

    @sw.compile
    def scores(x: Tensor[[4, 6]], w: Tensor[[6, 3]]) -> Tensor[[4, 3]]:
        return (x @ w).relu()

    found = sw.report(scores, sw.ones((4, 6), device=device), sw.ones((6, 3), device=device))
    assert [(kernel.name, kernel.flops) for kernel in found.kernels] == [("matmul", 144), ("relu", 12)]
    assert found.device == "reference" and found.seconds is None
    assert found.note == "not timed: run operation by operation in NumPy"
    assert (found.memory.arguments, found.memory.arena, found.memory.results) == (4 * (24 + 18), 48, 48)


def test_several_programs_of_one_function() -> None:
    @sw.compile
    def doubled(x: Tensor) -> Tensor:
        return x * 2.0

    doubled(sw.ones((2,)))
    doubled(sw.ones((3,)))
    found = sw.report(doubled, timed=False)
    assert found.programs == 2 and found.kernels[0].sizes == (3,)
    assert "the last of 2 programs" in str(found)


# ---- errors ---------------------------------------------------------------------------------------------------------
def test_what_has_no_report() -> None:
    def eager(x: Tensor) -> Tensor:
        return x

    with pytest.raises(sw.ArgumentError) as caught:
        sw.report(eager)
    assert str(caught.value) == (
        "report: takes a compiled function, and eager is none: what runs operation by operation has no program\n"
        "  write  @sw.compile above the function, then sw.report(function)"
    )
    fresh: Any = sw.compile(eager)
    with pytest.raises(sw.ArgumentError) as caught:
        sw.report(fresh)
    assert str(caught.value) == (
        "report: eager was not called yet, so the shapes of its arguments are not known\n"
        "  write  sw.report(eager, x) with example arguments, or call eager first"
    )
    inside: Any = sw.compile(lambda x: sw.report(fresh) and x)
    with pytest.raises(sw.CaptureError, match="report: asked for while sw.compile records a program"):
        inside(sw.ones((2,)))
