"""The engine against the reference: every op with its gradient, random programs, whole training steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import Tensor, nn, ops, optim
from shapewright.devices.cpu import products
from shapewright.devices.cpu.blocking import Plan, make_plan
from shapewright.devices.cpu.engine import Executable
from shapewright.devices.cpu.threads import pool
from shapewright.graph import Capture, Graph
from shapewright.graph.passes import simplify
from shapewright.tensor.tensor import make
from tests.ops.cases import CASES, Case
from tests.test_random_programs import SHAPES, programs, run

HOME = sw.Cpu()


def captured(function: Any, arrays: list[np.ndarray]) -> Graph:
    capture = Capture(HOME)
    with capture:
        specs = [sw.from_numpy(array, device=sw.Reference())._spec for array in arrays]
        inside = [make(capture.argument(spec, f"x{i}"), spec, capture) for i, spec in enumerate(specs)]
        for result in function(inside):
            storage = result._storage
            if result._device is not capture:
                storage = capture.adopt(storage, result._spec, result._device)
            capture.graph.results.append(storage)
    return simplify(capture.graph)


def compared(function: Any, arrays: list[np.ndarray], rtol: float, atol: float, is_checked: bool | None = None) -> None:
    graph = captured(function, arrays)
    expected = sw.Reference().compile(graph).run(arrays, [], [])[0]
    executable = Executable(graph, sw.Reference(), is_checked=is_checked)
    for _ in range(2):
        found = executable.run(arrays, [], [])[0]
        for left, right in zip(expected, found, strict=True):
            assert left.shape == right.shape and left.dtype == right.dtype
            wide = [
                np.asarray(side, np.float64 if side.dtype.kind not in "iub" else side.dtype) for side in (left, right)
            ]
            np.testing.assert_allclose(wide[1], wide[0], rtol=rtol, atol=atol, equal_nan=True)


def with_gradient(case: Case, inputs: list[Any]) -> list[Any]:
    """Give an op's results, and the gradients of their weighted sum."""
    chosen = [i for i in case.gradient if inputs[i].dtype.is_floating]
    traced = [x.trace() if i in chosen else x for i, x in enumerate(inputs)]
    results = case.ours(ops, *traced)
    results = list(results) if isinstance(results, tuple) else [results]
    outputs = [result.stop_gradient() for result in results]
    if not chosen or not results[0].dtype.is_floating or not results[0].is_traced:
        return outputs
    weights = sw.from_numpy(np.cos(np.arange(results[0].size)).reshape(results[0].shape)).to(results[0].dtype)
    grads = (results[0] * weights).sum().backward()
    return [*outputs, *[grads[traced[i]] for i in chosen if traced[i] in grads]]


MODES = [None, pytest.param(True, id="bounds checked", marks=pytest.mark.slow)]


@pytest.mark.parametrize("is_checked", MODES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_op_and_its_gradient(case: Case, is_checked: bool | None) -> None:
    groups = [case.arrays(variant) for variant in range(len(case.variants))]
    sizes = [len(group) for group in groups]

    def all_variants(inputs: list[Any]) -> list[Any]:
        results, start = [], 0
        for size in sizes:
            results.extend(with_gradient(case, inputs[start : start + size]))
            start += size
        return results

    compared(all_variants, [array for group in groups for array in group], 1e-9, 1e-11, is_checked)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_op_of_shorter_floats(case: Case, dtype: str) -> None:
    import ml_dtypes

    if case.sixteen is None and dtype != "float32":
        pytest.skip("16 bits make no sense here")
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    arrays = [a.astype(kind) if a.dtype.kind == "f" else a for a in case.arrays(0)]
    precision = {"float32": 1e-5, "float16": 4e-3, "bfloat16": 3e-2}[dtype]
    compared(lambda inputs: with_gradient(case, inputs), arrays, rtol=precision, atol=precision)


@pytest.mark.parametrize("is_checked", [None, pytest.param(True, id="bounds checked")])
@settings(max_examples=25, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.integers(0, 2**32))
def test_random_programs(is_checked: bool | None, program: list[Any], shapes: list[tuple[int, ...]], seed: int) -> None:
    random = np.random.default_rng(seed)
    arrays = [np.asarray(random.normal(size=shape)) for shape in shapes]

    def function(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        loss = run(program, traced)
        grads = loss.backward()
        return [loss, *[grads[x] for x in traced]]

    compared(function, arrays, 1e-9, 1e-10, is_checked)


class Net(nn.Module):
    def __init__(self) -> None:
        # No bias: batch norm takes it out again, so its gradient is nothing but rounding.
        self.conv = nn.Conv2d(3, 5, 3, padding=1, bias=False, key=sw.Key(1))
        self.norm = nn.BatchNorm2d(5)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(5 * 16, 7, key=sw.Key(2))

    def __call__(self, x: Any) -> Any:
        y = self.pool(self.norm(self.conv(x)).relu())
        return self.head(y.reshape((x.shape[0], 5 * 16)))


def trained(compiled: bool, optimizer: Any) -> dict[str, np.ndarray]:
    model = Net()
    update = optimizer(model)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = nn.cross_entropy(model(x.trace()), y, label_smoothing=0.1)
        update.update(loss.backward())
        return loss

    run_step = sw.compile(step) if compiled else step
    random = np.random.default_rng(0)
    losses = []
    for _ in range(4):
        x = sw.from_numpy(random.normal(size=(6, 3, 8, 8)).astype(np.float32))
        losses.append(run_step(x, sw.from_numpy(random.integers(0, 7, 6))).numpy())
    return {"losses": np.array(losses), **{name: value.numpy() for name, value in model.state_dict().items()}}


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda m: optim.SGD(m, lr=0.1, momentum=0.9, nesterov=True),
        lambda m: optim.Adam(m),
        lambda m: optim.AdamW(m, amsgrad=True),
        lambda m: optim.RMSprop(m, momentum=0.5, centered=True),
    ],
)
def test_training_steps(optimizer: Any) -> None:
    eager, compiled = trained(False, optimizer), trained(True, optimizer)
    for name, value in eager.items():
        np.testing.assert_allclose(compiled[name], value, rtol=2e-3, atol=2e-4, err_msg=name)


def test_a_snapshot_of_the_parameters_is_not_overwritten() -> None:
    weight = sw.Parameter(sw.tensor([1.0, 2.0, 3.0]))

    @sw.compile
    def grow() -> Tensor:
        weight.assign((weight * 2.0).stop_gradient())
        return weight.sum().stop_gradient()

    assert grow().item() == 12.0
    snapshot = weight.stop_gradient()
    view = snapshot[1:]
    assert grow().item() == 24.0
    assert snapshot.tolist() == [2.0, 4.0, 6.0] and view.tolist() == [4.0, 6.0]
    assert weight.tolist() == [4.0, 8.0, 12.0]


def test_one_snapshot_of_a_parameter_is_enough_to_keep_its_numbers() -> None:
    weight = sw.Parameter(sw.tensor([1.0, 2.0]))

    @sw.compile
    def grow() -> None:
        weight.assign((weight * 2.0).stop_gradient())

    grow()
    for take in (weight.stop_gradient, weight.numpy, lambda: sw.Parameter(weight.stop_gradient())):
        snapshot: Any = take()
        before = snapshot.tolist()
        grow()
        assert snapshot.tolist() == before
        assert weight.tolist() == [2.0 * number for number in before]


def test_programs_of_the_same_parameters_write_in_their_place() -> None:
    model = nn.Linear(3, 2)
    adam = optim.Adam(model)

    @sw.compile
    def step(x: Tensor) -> None:
        adam.update((model(x.trace()) ** 2).mean().backward())

    predict: Any = sw.compile(model)
    step(sw.ones((4, 3)))
    place = model.weight.numpy().ctypes.data
    for size in (4, 2, 4):
        predict(sw.ones((size, 3)))
        step(sw.ones((size, 3)))
        assert model.weight.numpy().ctypes.data == place


def test_gradients_are_summed_in_parts_where_a_weight_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So each thread reads the rows that it writes. What only reads the weight does not do so."""
    # Code that is found on disk is not planned.
    monkeypatch.setenv("SHAPEWRIGHT_CACHE", str(tmp_path))
    shared: list[bool] = []
    threads = pool().count
    width = 80 * threads - 3

    def noted(*args: Any, **options: Any) -> Plan:
        plan = make_plan(*args, **options)
        shared.append(plan.shares_k)
        return plan

    monkeypatch.setattr(products, "make_plan", noted)
    x = sw.rand((19, 21), key=sw.Key(1))

    def trained(compiles: bool) -> list[Any]:
        model = nn.Sequential(nn.Linear(21, 83, key=sw.Key(2)), nn.ReLU(), nn.Linear(83, width, key=sw.Key(3)))
        adam = optim.Adam(model)
        weight = model[2].weight
        decide: Any = sw.compile if compiles else lambda function: function

        @decide
        def step(x: Tensor) -> Tensor:
            loss = (model(x.trace()) ** 2).mean()
            adam.update(loss.backward())
            return loss.stop_gradient()

        @decide
        def back(y: Tensor) -> Tensor:
            return (y @ weight).stop_gradient()

        losses = [step(x).item() for _ in range(3)]
        count = len(shared)
        return [*losses, back(sw.ones((19, width))).sum().item(), any(shared[:count]), any(shared[count:])]

    *eager, none, _ = trained(False)
    *found, is_shared, is_shared_by_readers = trained(True)
    np.testing.assert_allclose(found, eager, rtol=1e-4)
    assert not none and is_shared == (threads > 1) and not is_shared_by_readers


def test_a_failure_is_the_reference_s_and_changes_nothing() -> None:
    table = sw.Parameter(sw.ones((4, 2)))

    @sw.compile
    def step(ids: Tensor) -> Tensor:
        rows = ops.take(table, ids, axis=0)
        table.assign((table * 3.0).stop_gradient())
        return rows.sum().stop_gradient()

    assert step(sw.tensor([0, 3])).item() == 4.0
    with pytest.raises(sw.IndexRangeError, match=r"take: the index 4 at \[1\] is out of range"):
        step(sw.tensor([0, 4]))
    assert table.numpy().tolist() == [[3.0, 3.0]] * 4
    divide: Any = sw.compile(lambda a, b: a // b)
    assert divide(sw.tensor([7, -7]), sw.tensor([2, 2])).tolist() == [3, -4]
    with pytest.raises(sw.ArgumentError, match="an integer is divided by 0"):
        divide(sw.tensor([7, -7]), sw.tensor([2, 0]))


def test_strided_arguments_are_taken() -> None:
    x = sw.from_numpy(np.arange(24, dtype=np.float32).reshape(4, 6))
    double: Any = sw.compile(lambda x: x * 2.0)
    for view in (x.permute(axes=(1, 0)), x[:, ::2], x.flip(axis=0), x.broadcast((3, 4, 6))):
        np.testing.assert_array_equal(double(view).numpy(), view.numpy() * 2)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "uint8", "bool"])
@pytest.mark.parametrize(("sizes", "axis"), [((3, 1), 1), ((3, 2), 0), ((5, 7, 9), 1), ((5, 7, 9), 2), ((70, 130), 1)])
def test_parts_are_put_into_their_places(sizes: tuple[int, ...], axis: int, dtype: str) -> None:
    """Parts of every shape and order, with work on them, repeated or not, also where no elements lie side by side."""
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 5, sizes).astype(dtype) for _ in range(2)]
    turned = tuple(reversed(range(len(sizes))))

    def program(inputs: list[Any]) -> list[Any]:
        x, y = inputs
        parts = [x, y, x]
        if x.dtype.is_floating:
            shared = x * y
            parts = [x, shared.sin(), y - x, shared + x, x]
        return [
            ops.concat(*parts, axis=axis),
            ops.concat(ops.permute(x, axes=turned), ops.permute(y, axes=turned), axis=axis),
            ops.pad(x, before=(1,) * len(sizes), after=(0,) * len(sizes)),
            ops.pad(x, before=(0,) * len(sizes), after=(*(0,) * (len(sizes) - 1), 1)),
        ]

    tolerance = {"float64": 1e-15, "float32": 1e-6, "float16": 2e-3}.get(dtype, 0.0)
    compared(program, arrays, tolerance, tolerance, is_checked=True)


def test_the_gradient_of_heads_is_put_together_in_one_kernel() -> None:
    """Slices of one product, split into heads: their gradients go to their places from where they lie."""

    def program(inputs: list[Any]) -> list[Any]:
        x = inputs[0].trace()
        whole = (slice(None), slice(None))
        q, k, v = (
            x[*whole, slice(start, start + 8)].reshape((2, 5, 2, 4)).permute(axes=(0, 2, 1, 3)) for start in (0, 8, 16)
        )
        scores = q @ k.permute(axes=(0, 1, 3, 2))
        return [(scores @ v).sin().sum().backward()[x]]

    arrays = [np.random.default_rng(0).normal(size=(2, 5, 24))]
    compared(program, arrays, 1e-12, 1e-12)
    kernels = [[o.op.name for o in k.operations] for k in Executable(captured(program, arrays), None)._fused.kernels]
    assert ["add", "add", "add", "concat"] in kernels
    assert not any("pad" in names or "copy" in names for names in kernels)


def test_padding_rows_of_one_element() -> None:
    compared(lambda x: [x[0][:, :1].pad((0, 1), (2, 1), value=3.0)], [np.arange(12.0).reshape(4, 3)], 0.0, 0.0)


@pytest.mark.parametrize(
    ("sizes", "before", "after"),
    [
        ((3, 5), (0, 1), (2, 0)),
        ((64, 30), (1, 1), (1, 1)),
        ((2, 40, 50), (0, 1, 3), (0, 1, 20)),
        ((2, 6, 700), (1, 0, 1), (0, 2, 0)),
        ((5000,), (4500,), (7,)),
        ((3, 0, 4), (1, 1, 1), (1, 0, 1)),
        ((1, 4100), (0, 0), (1, 0)),
    ],
)
def test_pads(sizes: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...]) -> None:
    """Some places or many around an operand that one thread writes or all: along each axis and along several."""
    array = np.random.default_rng(0).normal(size=sizes)

    def program(inputs: list[Any]) -> list[Any]:
        (x,) = inputs
        apart = tuple(2 if axis == 0 else 0 for axis in range(len(sizes)))
        return [
            ops.pad(x, before=before, after=after),
            ops.pad(x, before=after, after=before, value=2.5),
            ops.pad(x, before=before, after=after, interior=apart),
            ops.pad(ops.permute(x, axes=tuple(reversed(range(len(sizes))))), before=before, after=after),
        ]

    compared(program, [array], 0.0, 0.0, is_checked=True)


@pytest.mark.parametrize("columns", [16, 128, 200, 1037])
def test_sums_over_rows(columns: int) -> None:
    """Columns that fill several vectors, one, and a part of one, of one tensor and of two."""

    def program(inputs: list[Any]) -> list[Any]:
        x, y = inputs
        return [ops.sum(x, axes=(1,)), ops.sum(x * y, axes=(1,)), ops.max(x, axes=(0, 1)), ops.sum(y, axes=(0,))]

    random = np.random.default_rng(0)
    arrays = [random.normal(size=(3, 29, columns)) for _ in range(2)]
    compared(program, arrays, 1e-12, 1e-12, is_checked=True)


def test_a_product_does_work_beside_it_that_reads_the_same() -> None:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in ((17, 9), (9, 21), (17, 21), (17, 21))]

    def names(function: Any) -> list[list[str]]:
        graph = captured(function, arrays)
        return [[o.op.name for o in kernel.operations] for kernel in Executable(graph, None)._fused.kernels]

    def beside(inputs: list[Any]) -> list[Any]:
        x, w, z, _ = inputs
        return [(x @ w) * z.exp(), z.sin() * 2.0]

    def of_another(inputs: list[Any]) -> list[Any]:
        x, w, z, u = inputs
        return [(x @ w) * z.exp(), u.sin()]

    def of_the_product(inputs: list[Any]) -> list[Any]:
        x, w, z, _ = inputs
        y = (x @ w) * z
        return [y, y.sum(axis=1), (y.sum(axis=1).broadcast((17, 21), axis=1) * z).sin()]

    assert names(beside) == [["matmul", "exp", "mul", "sin", "mul"]]
    assert sorted(map(len, names(of_another))) == [1, 3]
    assert ["matmul", "mul"] in names(of_the_product) and len(names(of_the_product)) == 3
    for function in (beside, of_another, of_the_product):
        compared(function, arrays, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [sw.bf16, sw.f16, sw.f32], ids=lambda dtype: dtype.name)
def test_comparisons_of_short_floats_are_counted(dtype: Any) -> None:
    # LLVM ended the process over such vectors of bf16.
    count: Any = sw.compile(lambda x: ops.sum(ops.gt(x, 0.0), axes=(0,)))
    for size in (1, 17, 64, 65):
        assert count(sw.ones((size,), dtype=dtype)).item() == size


@pytest.mark.parametrize("dtype", [sw.bf16, sw.f16], ids=lambda dtype: dtype.name)
def test_work_on_a_product_of_short_floats(dtype: Any) -> None:
    # Epilogues hand their rows to the stores of products, which take elements, and not their bits.
    work: Any = sw.compile(lambda x, y, z: (x @ y).relu() + z)
    # One column is left behind vectors: its store reached the next row, or beyond the array.
    for shapes in (((9, 16), (16, 33), (9, 33)), ((2, 2, 5), (2, 5, 33), (2, 2, 33)), ((3, 4), (4, 1), (3, 1))):
        x, y, z = (sw.rand(shape, key=sw.Key(1)).to(dtype) for shape in shapes)
        expected = ((x @ y).relu() + z).to(sw.f32)
        np.testing.assert_allclose(work(x, y, z).to(sw.f32).numpy(), expected.numpy(), rtol=2e-2)


@pytest.mark.parametrize(
    ("shape", "axes"), [((100_003, 3), (0,)), ((2, 1_000_003), (1,)), ((997, 50, 3), (0, 1)), ((1 << 18,), (0,))]
)
def test_long_sums_keep_their_digits(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    x = np.full(shape, 0.1, np.float32)
    graph = captured(lambda values: [ops.sum(values[0], axes=axes)], [x])
    found = Executable(graph, sw.Reference()).run([x], [], [])[0][0]
    # Added one after the other, the rounding of each addition to the same side is seen in the fourth digit.
    np.testing.assert_allclose(found, x.astype(np.float64).sum(axis=axes), rtol=2e-6)


def test_running_sums_keep_their_digits() -> None:
    x = np.full((1, 66_000), 0.1, np.float32)
    graph = captured(lambda values: [ops.cumsum(values[0], axis=1)], [x])
    found = Executable(graph, sw.Reference()).run([x], [], [])[0][0]
    np.testing.assert_array_equal(found, np.cumsum(x, axis=1, dtype=np.float64).astype(np.float32))
