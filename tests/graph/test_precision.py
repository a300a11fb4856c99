"""`sw.compile(step, precision="bf16")`: products by way of bf16, and everything else as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, data, nn, ops, optim
from shapewright.devices.cpu import machine
from shapewright.devices.cpu.engine import Executable
from shapewright.graph import Graph
from shapewright.graph.passes import bf16_products, simplify
from shapewright.graph.passes.precision import IN_BF16
from shapewright.ops.precision import matmul_in_bf16, rounded_to_bf16, sum_of_bf16
from shapewright.shapes.dtypes import spec
from tests.graph.test_passes import captured, evaluated, names
from tests.refusal import refusal
from tests.test_random_programs import SHAPES, programs, run

MNIST = Path(__file__).parents[2] / "examples/data/mnist"
# A number rounded to bf16 is off by up to 1/256 of itself.
UNIT = 2.0**-8


def with_gradients(program: list[Any]) -> Any:
    def function(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        loss = run(program, traced)
        grads = loss.backward()
        return [loss, *[grads[x] for x in traced]]

    return function


def evaluated_in_bf16(graph: Graph, arrays: list[np.ndarray], sums: set[Any]) -> list[np.ndarray]:
    """Run a graph as it is written, but round the operands of products, and of some sums: what the pass promises."""
    values: dict[Any, Any] = {**dict(zip(graph.arguments, arrays, strict=True)), **graph.constants}
    for operation in graph.operations:
        operands = [values.get(o, o) if not isinstance(o, int | float) else o for o in operation.operands]
        if operation.op is ops.matmul or operation.result in sums:
            operands = [x.astype(sw.bf16.numpy).astype(np.float32) for x in operands]
        values[operation.result] = operation.op.evaluate(operands, operation.params, operation.result.spec)
    return [values[variable] for variable in graph.results]


@settings(max_examples=30, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.integers(0, 2**32))
def test_products_round_their_operands_and_nothing_else_changes(
    program: list[Any], shapes: list[tuple[int, ...]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    arrays = [np.asarray(random.normal(size=shape), np.float32) for shape in shapes]
    graph = simplify(captured(with_gradients(program), arrays))
    after = bf16_products(graph)
    after.check()
    assert "matmul" not in names(after)
    sums = {operation.result for operation in after.operations if operation.op is sum_of_bf16}
    wanted, found = evaluated_in_bf16(graph, arrays, sums), evaluated(after, arrays)
    on_engine = Executable(after, sw.Reference()).run(arrays, [], [])[0]
    for left, right, native in zip(wanted, found, on_engine, strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-5, atol=1e-5)
        # A sum in another order may be rounded to the neighbour of the number that it was rounded to here.
        np.testing.assert_allclose(native, left, rtol=4 * UNIT, atol=4 * UNIT)


def test_operands_are_rounded_once_where_they_are_computed() -> None:
    def function(inputs: list[Any]) -> list[Any]:
        x, weight = inputs
        h = x.tanh()
        turned = h.permute(axes=(1, 0))
        return [h @ weight, turned @ h, h.sum(axis=1)]

    arrays = [np.ones((3, 4), np.float32), np.ones((4, 4), np.float32)]
    graph = bf16_products(simplify(captured(function, arrays)))
    assert names(graph) == ["tanh", "rounded_to_bf16", "permute", "matmul_in_bf16", "matmul_in_bf16", "sum"]
    tanh, rounded, permute, first, second, total = graph.operations
    assert first.operands == (rounded.result, graph.arguments[1])
    assert second.operands == (permute.result, rounded.result)
    assert total.operands == (tanh.result,)
    assert [v.spec.dtype for v in graph.results] == [sw.f32] * 3


def test_parts_that_are_put_together_are_rounded_before() -> None:
    def joined(inputs: list[Any]) -> list[Any]:
        x, outside = inputs
        both = sw.concat((x.sin(), x.cos()), axis=1)
        return [both @ both, sw.concat((x.exp(), outside), axis=1) @ both]

    graph = bf16_products(simplify(captured(joined, [np.ones((4, 2), np.float32)] * 2)))
    assert names(graph).count("rounded_to_bf16") == 2
    kinds = [operation.result.spec.dtype for operation in graph.operations if operation.op is ops.concat]
    assert kinds == [sw.bf16, sw.f32]


def test_a_bias_has_its_gradient_from_the_numbers_that_its_weight_has() -> None:
    def layer(inputs: list[Any]) -> list[Any]:
        x, weight, bias, g = inputs
        weight, bias = weight.trace(), bias.trace()
        y = x @ weight + bias.broadcast((3, 4))
        grads = (y.exp() * g).sum().backward()
        return [grads[weight], grads[bias]]

    arrays = [np.ones(shape, np.float32) for shape in ((3, 2), (2, 4), (4,), (3, 4))]
    graph = bf16_products(simplify(captured(layer, arrays)))
    (rounded,) = [o for o in graph.operations if o.op is rounded_to_bf16]
    (total,) = [o for o in graph.operations if o.op is sum_of_bf16]
    assert total.operands == (rounded.result,) and total.result is graph.results[1]

    def read_twice(inputs: list[Any]) -> list[Any]:
        h = inputs[0].exp()
        return [h @ h, h.sum(axis=0), h.sum(axis=1), h.sin()]

    def read_along(inputs: list[Any]) -> list[Any]:
        h = inputs[0].exp()
        return [h @ h, h.sum(axis=1), h.sum()]

    for function in (read_twice, read_along):
        graph = bf16_products(simplify(captured(function, [np.ones((3, 3), np.float32)])))
        assert "sum_of_bf16" not in names(graph)


def test_parts_are_rounded_together_if_products_take_most_of_them() -> None:
    def function(parts: int) -> Any:
        def cut(inputs: list[Any]) -> list[Any]:
            x = inputs[0].exp()
            q, k, *_ = x.split((4,) * parts, axis=1)
            return [q @ k.permute(axes=(1, 0)), x]

        return cut

    few = bf16_products(simplify(captured(function(3), [np.ones((2, 12), np.float32)])))
    assert names(few).count("rounded_to_bf16") == 1
    many = bf16_products(simplify(captured(function(8), [np.ones((2, 32), np.float32)])))
    assert names(many).count("rounded_to_bf16") == 2


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_products_of_other_types_stay(dtype: Any) -> None:
    graph = captured(lambda inputs: [inputs[0] @ inputs[0]], [np.ones((2, 2), dtype)])
    assert names(bf16_products(graph)) == ["matmul"]


def test_an_op_that_is_no_product_of_f32_is_refused() -> None:
    half, single = spec((2, 2), sw.f16), spec((2, 2), sw.f32)
    with pytest.raises(sw.DTypeError, match="a product by way of bf16 is of f32 and bf16, not f16"):
        matmul_in_bf16.verdict((half, single), {})
    with pytest.raises(sw.DTypeError, match="f32 is rounded to bf16 for a product, not f16"):
        rounded_to_bf16.verdict((half,), {})
    with pytest.raises(sw.DTypeError, match="this sum takes what was rounded to bf16, not f32"):
        sum_of_bf16.verdict((single,), {"axes": (0,)})
    assert matmul_in_bf16.verdict((spec((3, 2), sw.bf16), single), {}) is spec((3, 2), sw.f32)
    assert set(IN_BF16) == {ops.matmul}


def test_a_report_counts_them_as_products_of_bf16() -> None:
    step: Any = sw.compile(lambda x: (x @ x).relu(), precision="bf16")
    (kernel,) = (found := sw.report(step, sw.ones((64, 64)))).kernels
    assert (kernel.name, kernel.flops, kernel.bound) == ("matmul_in_bf16 relu", 2 * 64**3 + 64**2, "arithmetic")
    assert list(found.peaks) == ["bf16"]


# ---- models ---------------------------------------------------------------------------------------------------------
class Block[D: IntVar, N: IntVar](nn.Module):
    def __init__(self, width: Int[D], heads: Int[N]) -> None:
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, key=sw.Key(1))
        self.up = nn.Linear(width, 4 * width, key=sw.Key(2))
        self.down = nn.Linear(4 * width, width, key=sw.Key(3))

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, T, D]]:
        h = x + self.attention(self.norm(x), is_causal=True)
        return h + self.down(self.up(h).gelu())


def trained(precision: Any) -> tuple[list[float], dict[str, np.ndarray], dict[str, Any]]:
    """Give the losses of some steps, and the parameters and optimiser state after them."""
    model = Block(24, 3)
    sgd = optim.SGD(model, lr=0.05, momentum=0.9)

    def step[B: IntVar, T: IntVar](x: Tensor[[B, T, 24]], y: Tensor[[B, T, 24]]) -> Tensor[[]]:
        loss = nn.mse(model(x.trace()), y)
        sgd.update(loss.backward())
        return loss

    compiled = sw.compile(step, precision=precision) if precision else step
    random = np.random.default_rng(0)
    x, y = (sw.from_numpy(random.normal(size=(4, 17, 24)).astype(np.float32)) for _ in range(2))
    losses = [compiled(x, y).item() for _ in range(8)]
    return losses, {n: v.numpy() for n, v in model.state_dict().items()}, sgd.state_dict()


def test_a_transformer_trains_as_in_f32_within_what_bf16_rounds() -> None:
    losses, parameters, _ = trained(None)
    rounded_losses, rounded, state = trained("bf16")
    assert rounded_losses[-1] < 0.9 * rounded_losses[0]
    np.testing.assert_allclose(rounded_losses, losses, rtol=2 * UNIT)
    assert rounded_losses != losses
    for name, value in parameters.items():
        assert rounded[name].dtype == np.float32
        # Beside how far the numbers have moved, not beside their size.
        np.testing.assert_allclose(rounded[name], value, atol=4 * UNIT * max(0.1, np.abs(value).max()), err_msg=name)
    kinds = {value.dtype for value in state.values() if isinstance(value, Tensor) and value.dtype.is_floating}
    assert sw.bf16 not in kinds


@pytest.mark.parametrize("name", machine.available())
def test_every_set_of_instructions_gives_the_same_numbers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    losses, parameters, _ = trained("bf16")
    monkeypatch.setenv("SHAPEWRIGHT_CPU", name)
    others, found, _ = trained("bf16")
    np.testing.assert_allclose(others, losses, rtol=1e-3)
    for key, value in parameters.items():
        np.testing.assert_allclose(found[key], value, atol=UNIT * max(0.1, np.abs(value).max()), err_msg=key)


def test_mnist_is_learned_in_bf16() -> None:
    train, test = data.mnist(MNIST)
    model = nn.Sequential(nn.Linear(784, 512, key=sw.Key(1)), nn.ReLU(), nn.Linear(512, 10, key=sw.Key(2)))
    adam = optim.Adam(model)

    @sw.compile(precision="bf16")
    def step[B: IntVar](x: Tensor[[B, 784]], y: Tensor[[B], sw.i64]) -> Tensor[[]]:
        loss = nn.cross_entropy(model(x.trace()), y)
        adam.update(loss.backward())
        return loss

    @sw.compile(precision="bf16")
    def right[Bs: IntTuple](x: Tensor[[*Bs, 784]], y: Tensor[[*Bs], sw.i64]) -> Tensor[[]]:
        return (model(x).argmax(axis=-1) == y).to(sw.f32).mean()

    images = train.images.reshape((60000, 784)).to(sw.f32) / 255.0
    for epoch, rate in enumerate((3e-3, 3e-3, 2e-3, 1e-3, 4e-4, 1e-4)):
        adam.lr = rate
        for x, y in data.Batches(images, train.labels, size=200, shuffle=sw.Key(epoch)):
            step(x, y)
    share = right(test.images.reshape((10000, 784)).to(sw.f32) / 255.0, test.labels).item()
    assert share >= 0.98


# ---- how it is asked for --------------------------------------------------------------------------------------------
def test_it_is_an_argument_and_a_decorator() -> None:
    x = sw.tensor([[1.0, 2.0**-10], [1.0, 1.0]])
    exact: Any = (x @ x).tolist()

    def square(x: Tensor) -> Tensor:
        """Multiply with itself."""
        return x @ x

    decorated = sw.compile(precision="bf16")(square)
    assert decorated.__name__ == "square" and decorated.__doc__ == "Multiply with itself."
    # 1 + 2**-10 is no bf16, and its sums are f32.
    assert sw.compile(square, precision="bf16")(x).tolist() == decorated(x).tolist() == exact
    y = sw.tensor([[1.0 + 2.0**-9]])
    assert decorated(y).tolist() == [[1.0]]
    assert sw.compile(square, precision="f32")(y).tolist() == sw.compile()(square)(y).tolist() == (y @ y).tolist()


def test_a_function_called_inside_another_takes_its_precision() -> None:
    @sw.compile(precision="bf16")
    def inner(x: Tensor) -> Tensor:
        return x @ x

    y = sw.tensor([[1.0 + 2.0**-9]])
    assert sw.compile(lambda x: inner(x))(y).tolist() == (y @ y).tolist() != inner(y).tolist()


def test_products_in_loops_and_choices_too() -> None:
    y = sw.tensor([[1.0 + 2.0**-9]])

    def three_times(x: Tensor) -> Tensor:
        return sw.scan(lambda h, _: (h @ y, h), x, length=3)[0]

    def if_positive(x: Tensor) -> Tensor:
        return sw.cond(x.sum() > 0.0, lambda: x @ y, lambda: x)

    for function in (three_times, if_positive):
        assert sw.compile(function)(y)[0, 0].item() > 1.0
        assert sw.compile(function, precision="bf16")(y).tolist() == [[1.0]]


CHOICES = """
  "f32"   every op computes in the element type of its operands (the default)
  "bf16"  products of f32 matrices round their operands to bf16 and add in f32; all else stays f32
"""


def test_other_precisions_are_refused() -> None:
    make: Any = sw.compile
    other = 'sw.compile(step, precision="bf16"); for other element types, x.to(sw.f16) or model.to(sw.f64)'
    for wrong, shown, hint in (
        ("fp16", "'fp16'", other),
        (True, "True", other),
        ([], "[]", other),
        (sw.f16, "sw.f16", other),
        (sw.bf16, "sw.bf16", 'precision="bf16"'),
    ):
        text = refusal(sw.ArgumentError, lambda wrong=wrong: make(lambda x: x, precision=wrong))
        assert text == f"compile: there is no precision {shown}{CHOICES}  write   {hint}", text
