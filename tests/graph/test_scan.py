"""`sw.scan`: a loop of the program means what one in Python means: values, gradients of two orders, keys, cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import Tensor, nn, optim
from tests.test_random_programs import SHAPES, programs, run

DEVICES = [sw.Reference(), sw.Cpu()]
on_both = pytest.mark.parametrize("device", DEVICES, ids=["reference", "cpu"])


def draw(*sizes: int, seed: int, device: Any, dtype: Any = sw.f64) -> Any:
    return sw.randn(sizes, key=sw.Key(seed), dtype=dtype, device=device)


def flat(value: Any) -> list[np.ndarray]:
    if isinstance(value, Tensor):
        return [value.numpy()]
    if isinstance(value, dict):
        value = list(value.values())
    return [] if value is None else [array for item in value for array in flat(item)]


def same(function: Any, *arguments: Any, rtol: float = 1e-9, calls: int = 1) -> Any:
    """Compare a function with what it is compiled; give what it gives compiled."""
    compiled = sw.compile(function)
    for _ in range(calls):
        expected, found = function(*arguments), compiled(*arguments)
        for left, right in zip(flat(expected), flat(found), strict=True):
            assert left.shape == right.shape and left.dtype == right.dtype
            np.testing.assert_allclose(right, left, rtol=rtol, atol=1e-12)
    return found


def loops(compiled: Any) -> int:
    (program,) = compiled.__compiled__.programs.values()
    return sum(operation.op.name == "scan" for operation in program.graph.operations)


# ---- values ---------------------------------------------------------------------------------------------------------
@on_both
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_a_running_sum(device: Any, length: int, reverse: bool) -> None:
    def function(start: Any, x: Any) -> Any:
        return sw.scan(lambda total, row: (total + row, total * row), start, x, reverse=reverse)

    start, x = draw(3, seed=0, device=device), draw(length, 3, seed=1, device=device)
    last, products = same(function, start, x)
    rows = x.numpy()[::-1] if reverse else x.numpy()
    np.testing.assert_allclose(last.numpy(), start.numpy() + rows.sum(axis=0), atol=1e-12)
    assert products.numpy().shape == (length, 3)


@on_both
def test_nests_of_every_kind(device: Any) -> None:
    def body(carry: Any, x: Any) -> Any:
        a, rest = carry
        left, (middle, right) = x
        h = a * rest["b"][0] + left
        return (h, {"b": [rest["b"][0] * 0.5], "n": rest["n"] + 1}), {
            "h": h,
            "pair": (middle + right, None),
            "again": h,
        }

    def function(a: Any, b: Any, n: Any, x: Any, y: Any) -> Any:
        return sw.scan(body, (a, {"b": [b], "n": n}), (x, [y, y]))

    a, b = draw(2, seed=0, device=device), draw(2, seed=1, device=device)
    x, y = draw(4, 2, seed=2, device=device), draw(4, 3, 1, seed=3, device=device)
    _, made = same(function, a, b, sw.tensor(0, device=device), x, y)
    assert list(made) == ["h", "pair", "again"] and made["pair"][1] is None


@on_both
def test_what_a_round_gives_on_as_it_is(device: Any) -> None:
    def body(carry: Any, x: Any) -> Any:
        a, b = carry
        # The carry changes places; what is put together is the carry, what was given, a view, and a constant.
        return (b, a), (a, x, x.reshape((3, 1)), sw.ones((2,), dtype=sw.f64, device=device), a)

    def function(a: Any, b: Any, x: Any) -> Any:
        return sw.scan(body, (a, b), x)

    same(function, *[draw(3, seed=seed, device=device) for seed in (0, 1)], draw(5, 3, seed=2, device=device))


@on_both
def test_a_number_of_rounds_and_nothing_to_go_through(device: Any) -> None:
    def function(x: Any) -> Any:
        return sw.scan(lambda value, nothing: (value * value, None), x, length=3)

    last, nothing = same(function, sw.tensor(2.0, device=device))
    assert last.item() == 256.0 and nothing is None


@on_both
def test_large_rounds_that_threads_share(device: Any) -> None:
    def function(h: Any, w: Any, x: Any) -> Any:
        def body(h: Any, row: Any) -> Any:
            h = (h @ w + row).tanh()
            return h, (h.sum(axis=0), h)

        return sw.scan(body, h, x)

    h, w = draw(64, 96, seed=0, device=device), draw(96, 96, seed=1, device=device) * 0.1
    same(function, h, w, draw(9, 64, 96, seed=2, device=device), calls=3)


@on_both
def test_loops_in_loops(device: Any) -> None:
    scale = sw.Parameter(draw(3, seed=5, device=device))

    def inner(total: Any, x: Any) -> Any:
        total = (total * scale + x).tanh()
        return total, total.sum()

    def outer(total: Any, block: Any) -> Any:
        last, sums = sw.scan(inner, total, block, reverse=True)
        return last * 0.5 + total, sums

    def function(x: Any) -> Any:
        x = x.trace()
        last, sums = sw.scan(outer, sw.zeros((3,), dtype=sw.f64, device=device), x)
        grads = ((last * last).sum() + (sums**3).sum()).backward()
        return last, sums, grads[x], grads[scale]

    same(function, draw(4, 5, 3, seed=0, device=device))


def test_one_loop_however_many_rounds() -> None:
    def function(x: Any) -> Any:
        return sw.scan(lambda h, row: ((h * 0.9 + row).tanh(), None), sw.zeros((2,)), x)[0]

    compiled = sw.compile(function)
    x = sw.ones((1000, 2))
    np.testing.assert_allclose(compiled(x).numpy(), function(x).numpy(), rtol=1e-5)
    assert loops(compiled) == 1
    found = sw.report(compiled, timed=False)
    assert [kernel.name for kernel in found.kernels] == ["scan mul add tanh"] and found.kernels[0].sizes == (1000,)
    assert found.flops == 1000 * 3 * 2 and found.memory.arena < 2000


# ---- gradients ------------------------------------------------------------------------------------------------------
class Cell(nn.Module):
    """One step of a recurrent network."""

    def __init__(self, device: Any) -> None:
        self.recurrent = nn.Parameter(draw(3, 3, seed=10, device=device) * 0.5)
        self.bias = nn.Parameter(draw(3, seed=11, device=device))

    def __call__(self, h: Any, x: Any) -> Any:
        return (h @ self.recurrent + x + self.bias).tanh()


@on_both
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 4])
def test_gradients_by_all_that_goes_in(device: Any, length: int, reverse: bool) -> None:
    cell = Cell(device)

    def function(x: Any, h: Any, scale: Any) -> Any:
        x, h, scale = x.trace(), h.trace(), scale.trace()

        def body(h: Any, row: Any) -> Any:
            # `scale.exp()` needs nothing of the round.
            h = cell(h, row * scale.exp().broadcast_like(row))
            return h, (h * 2.0, h.sum())

        last, (doubled, sums) = sw.scan(body, h, x, reverse=reverse)
        grads = ((last * last).sum() + (doubled**3).sum() + sums.exp().sum()).backward()
        return grads[x], grads[h], grads[scale], grads[cell.recurrent], grads[cell.bias]

    x, h = draw(length, 3, seed=0, device=device), draw(3, seed=1, device=device)
    same(function, x, h, draw(seed=2, device=device))


@on_both
@pytest.mark.parametrize("length", [1, 3])
def test_gradients_of_gradients(device: Any, length: int) -> None:
    cell = Cell(device)

    def function(x: Any, h: Any) -> Any:
        x, h = x.trace(), h.trace()
        last, states = sw.scan(lambda h, row: (cell(h, row), h * row), h, x)
        first = ((last * last).sum() + (states**3).sum()).backward(trace=True)
        again = sum([(first[key] ** 2).sum() for key in (h, cell.recurrent, cell.bias)], start=(first[x] ** 3).sum())
        grads = again.backward()
        return again, grads[x], grads[h], grads[cell.recurrent], grads[cell.bias]

    same(function, draw(length, 3, seed=0, device=device), draw(3, seed=1, device=device))


@on_both
def test_against_finite_differences(device: Any) -> None:
    def loss(h: Any, x: Any) -> Any:
        last, states = sw.scan(lambda h, row: ((h * row).sin(), h * h), h, x)
        return last.sum() + (states * states).sum()

    slope = sw.compile(sw.grad(loss))
    h, x = draw(3, seed=0, device=device), draw(5, 3, seed=1, device=device)
    found = slope(h, x).numpy()
    for place in range(3):
        step = np.zeros(3)
        step[place] = 1e-6
        above, below = (loss(h + sw.from_numpy(sign * step, device=device), x).item() for sign in (1.0, -1.0))
        assert found[place] == pytest.approx((above - below) / 2e-6, rel=1e-7)


@on_both
def test_layers_whose_parameters_are_stacked(device: Any) -> None:
    weights = sw.Parameter(draw(6, 3, 3, seed=0, device=device) * 0.4)
    biases = sw.Parameter(draw(6, 3, seed=1, device=device))

    def function(x: Any) -> Any:
        def layer(h: Any, parameters: Any) -> Any:
            weight, bias = parameters
            return (h @ weight).relu() + bias.broadcast_like(h), None

        h, _ = sw.scan(layer, x.trace(), (weights, biases))
        grads = (h * h).sum().backward()
        return h, grads[weights], grads[biases]

    same(function, draw(4, 3, seed=2, device=device))


@on_both
def test_a_carry_that_the_body_traces(device: Any) -> None:
    weight = sw.Parameter(draw(3, seed=0, device=device))

    def function(x: Any) -> Any:
        # The carry begins without a tape; the rows bring it.
        last, _ = sw.scan(
            lambda h, row: (h * weight + row, None), sw.zeros((3,), dtype=sw.f64, device=device), x.trace()
        )
        assert last.is_traced
        return last.sum().backward()[weight]

    same(function, draw(4, 3, seed=1, device=device))


@on_both
def test_checkpoints_of_loops(device: Any) -> None:
    cell = Cell(device)
    key = sw.Key(3)

    def block(x: Any) -> Any:
        noise = sw.rand((3,), key=key, dtype=sw.f64, device=device)
        return sw.scan(lambda h, row: (cell(h, row) * sw.rand((3,), key=key, dtype=sw.f64, device=device), h), noise, x)

    def function(x: Any) -> Any:
        x = x.trace()
        last, states = sw.checkpoint(block, x)
        grads = (last.sum() + (states * states).sum()).backward()
        return last, grads[x], grads[cell.recurrent]

    x = draw(4, 3, seed=1, device=device)
    start = key.state
    expected = function(x)
    key.restore(start)
    for left, right in zip(flat(expected), flat(sw.compile(function)(x)), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-9)


@pytest.mark.parametrize("compiled", [False, True])
def test_untraced_parameters_do_not_lose_their_gradients_silently(compiled: bool) -> None:
    weights = sw.Parameter(sw.ones((4, 3)))

    def function(x: Any) -> Any:
        traced = x.trace()
        return sw.scan(lambda h, w: (h + w * 2.0 + traced, None), sw.zeros((3,)), weights)[0].stop_gradient()

    with pytest.raises(sw.TapeError, match="the parameter's gradient would be lost"):
        (sw.compile(function) if compiled else function)(sw.ones((3,)))
    still: Any = sw.compile(lambda x: sw.scan(lambda h, w: (h + w * 2.0, None), x, weights)[0])
    assert not still(sw.zeros((3,))).is_traced and still(sw.zeros((3,))).tolist() == [8.0] * 3


@settings(max_examples=15, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=2), st.integers(0, 2**32), st.booleans())
def test_random_programs_in_rounds_and_branches(
    program: list[Any], shapes: list[tuple[int, ...]], seed: int, reverse: bool
) -> None:
    random = np.random.default_rng(seed)
    arrays = [np.asarray(random.normal(size=(3, *shape))) for shape in shapes]

    def function(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        around = traced[0][0]

        def body(total: Any, rows: Any) -> Any:
            value = run(program, [*rows, around])
            chosen = sw.cond(value > total, lambda v: v.sin() * around.sum(), lambda v: v * 0.3 - total, value)
            return total * 0.5 + chosen, value

        last, values = sw.scan(body, sw.zeros_like(traced[0].sum()), traced, reverse=reverse)
        loss = last + (values * values).sum()
        grads = loss.backward()
        return [loss, *[grads[x] for x in traced]]

    expected = function([sw.from_numpy(array, device=sw.Reference()) for array in arrays])
    found = sw.compile(function)([sw.from_numpy(array) for array in arrays])
    for left, right in zip(expected, found, strict=True):
        np.testing.assert_allclose(right.numpy(), left.numpy(), rtol=1e-7, atol=1e-9)


# ---- keys, cells, prints --------------------------------------------------------------------------------------------
@on_both
@pytest.mark.parametrize("reverse", [False, True])
def test_each_round_draws_new_numbers_and_the_way_back_the_same(device: Any, reverse: bool) -> None:
    drop, eager_drop = nn.Dropout(0.5, key=sw.Key(7)), nn.Dropout(0.5, key=sw.Key(7))
    weight = sw.Parameter(draw(5, seed=0, device=device))

    def function(x: Any, drop: Any) -> Any:
        x = x.trace()
        last, states = sw.scan(lambda h, row: (drop(h * weight + row), drop(h)), x[0], x, reverse=reverse)
        grads = (last.sum() + (states * states).sum()).backward()
        return states, grads[x], grads[weight]

    compiled = sw.compile(function)
    x = draw(4, 5, seed=1, device=device)
    for _ in range(2):
        for left, right in zip(flat(function(x, eager_drop)), flat(compiled(x, drop)), strict=True):
            np.testing.assert_allclose(right, left, rtol=1e-9, atol=1e-12)
    assert drop.key.state == eager_drop.key.state


@on_both
def test_training_steps_in_a_loop(device: Any) -> None:
    def trained() -> tuple[nn.Linear, Any]:
        model = nn.Linear(3, 2, key=sw.Key(1), device=device)
        adam = optim.Adam(model, lr=0.1)

        def epoch(x: Any, y: Any) -> Any:
            def body(nothing: Any, batch: Any) -> Any:
                images, labels = batch
                loss = nn.cross_entropy(model(images.trace()), labels)
                adam.update(loss.backward())
                return None, loss.stop_gradient()

            return sw.scan(body, None, (x, y))[1]

        return model, epoch

    x = draw(6, 4, 3, seed=0, device=device, dtype=sw.f32)
    y = sw.randint(0, 2, (6, 4), key=sw.Key(1), device=device)
    eager_model, eager = trained()
    model, epoch = trained()
    compiled = sw.compile(epoch)
    for _ in range(2):
        np.testing.assert_allclose(compiled(x, y).numpy(), eager(x, y).numpy(), rtol=1e-5)
    np.testing.assert_allclose(model.weight.numpy(), eager_model.weight.numpy(), rtol=1e-4)
    assert loops(compiled) == 1


@on_both
def test_batch_norm_in_a_loop_learns_in_each_round(device: Any) -> None:
    def made() -> tuple[Any, Any]:
        norm = nn.BatchNorm2d(3, device=device)

        def function(x: Any) -> Any:
            x = x.trace()
            last, _ = sw.scan(lambda h, row: (norm(h + row), None), x[0], x)
            grads = (last**3).sum().backward()
            return last, grads[x], grads[norm.weight]

        return norm, function

    x = draw(3, 5, 3, 2, 2, seed=0, device=device, dtype=sw.f32)
    eager_norm, eager = made()
    norm, function = made()
    for left, right in zip(flat(eager(x)), flat(sw.compile(function)(x)), strict=True):
        np.testing.assert_allclose(right, left, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(norm.running_mean.numpy(), eager_norm.running_mean.numpy(), rtol=1e-5)


def test_values_shown_in_a_loop() -> None:
    def made() -> tuple[list[str], Any]:
        seen: list[str] = []

        def body(h: Any, x: Any) -> Any:
            sw.debug_print("h {}", h, sink=seen.append)
            last, _ = sw.scan(lambda a, b: (sw.debug_print("  {} {}", a, b, sink=seen.append), (a + b, None))[1], h, x)
            return last, last

        def function(x: Any) -> Any:
            x = x.trace()
            sw.debug_print("begin", sink=seen.append)
            last, made = sw.scan(body, sw.tensor(0.0), x, reverse=True)
            sw.debug_print("end {}", last, sink=seen.append)
            return (last * made.sum()).backward()[x]

        return seen, function

    x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
    eager_seen, eager = made()
    seen, function = made()
    assert sw.compile(function)(x).tolist() == eager(x).tolist()
    assert seen == eager_seen
    assert seen == ["begin", "h 0.0", "  0.0 3.0", "  3.0 4.0", "h 7.0", "  7.0 1.0", "  8.0 2.0", "end 10.0"]


# ---- errors ---------------------------------------------------------------------------------------------------------
@on_both
def test_what_fails_in_a_round_is_the_error_of_the_program(device: Any) -> None:
    total = sw.Parameter(sw.zeros((2,), device=device))

    def function(x: Any, places: Any) -> Any:
        def body(h: Any, place: Any) -> Any:
            total.assign((total + h).stop_gradient())
            return h, h.take(place.reshape((1,)), axis=0)

        return sw.scan(body, x, places)

    compiled = sw.compile(function)
    x = sw.ones((2,), device=device)
    compiled(x, sw.tensor([0, 1, 1], device=device))
    before = total.numpy().copy()
    with pytest.raises(sw.IndexRangeError, match="take: "):
        compiled(x, sw.tensor([0, 5, 1], device=device))
    np.testing.assert_array_equal(total.numpy(), before)
    compiled(x, sw.tensor([0, 1, 1], device=device))


X = sw.ones((3, 2))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda x: sw.scan(lambda h, row: h, x[0], x),
            sw.ArgumentError,
            (
                "scan: the body gives a pair, the next carry and what is put together, not Tensor\n"
                "  write  return carry, y; or return carry, None"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: ((h, h), None), x[0], x),
            sw.ArgumentError,
            (
                "scan: the carry changes its form\n"
                "  before  tensor\n"
                "  after   (tensor, tensor)\n"
                "  write   the same tuples, lists and dicts in what the body gives first as in what it is given"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h.sum(), None), x[0], x),
            sw.ShapeError,
            (
                "scan: the carry changes its shape\n"
                "  before  Tensor[[2]]\n"
                "  after   Tensor[[]]\n"
                "  write   a carry of one shape; what grows is put together: return carry, y"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h.to(sw.f64), None), x[0], x),
            sw.DTypeError,
            (
                "scan: the carry changes its element type\n"
                "  before  Tensor[[2]]\n"
                "  after   Tensor[[2], f64]\n"
                "  write   carry.to(sw.f32)"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h, None), 0.0, x),
            sw.ArgumentError,
            (
                "scan: the carry holds tensors, in tuples, lists and dicts if you like, not float\n"
                "  write  sw.tensor(0.0) in its place"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h, None), x),
            sw.ArgumentError,
            (
                "scan: there is nothing to go through, so the number of rounds is not known\n"
                "  write  sw.scan(body, carry, xs), or sw.scan(body, carry, length=10)"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h, None), x, (x, x[1:])),
            sw.ShapeError,
            (
                "scan: the first axes differ\n"
                "  xs     Tensor[[3, 2]]\n"
                "  xs     Tensor[[2, 2]]\n"
                "  write  xs of one length; x.permute(to) where another axis is time"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h, None), x, x.sum()),
            sw.ShapeError,
            (
                "scan: xs has no axis to go along\n"
                "  xs     Tensor[[]]\n"
                "  write  length=10 where there is nothing to go through"
            ),
        ),
        (
            lambda x: sw.scan(lambda h, row: (h, None), x, length=-1),
            sw.ArgumentError,
            "scan: length is the number of rounds, not -1\n  write  length=10",
        ),
    ],
)
def test_reports(call: Any, kind: Any, text: str, compiled: bool) -> None:
    def function(x: Any) -> Any:
        return call(x)

    with pytest.raises(kind) as caught:
        (sw.compile(function) if compiled else function)(X)
    caught.value.path = None
    assert str(caught.value) == text


def test_numbers_are_not_known_in_a_body() -> None:
    outside = sw.compile(lambda x: sw.scan(lambda h, row: (h if x.sum() > 0 else -h, None), x[0], x)[0])
    with pytest.raises(sw.CaptureError, match="`if`, `while`, `and`, `or`, `not`, `assert`: whether a tensor is true"):
        outside(X)


def test_products_in_rounds_are_those_of_the_precision_asked_for() -> None:
    weight = sw.Parameter(draw(16, 16, seed=0, device=sw.Cpu(), dtype=sw.f32) * 0.2)

    def function(x: Any) -> Any:
        last, _ = sw.scan(lambda h, row: ((h @ weight + row).tanh(), None), x[0], x.trace())
        return last.stop_gradient(), last.sum().backward()[weight]

    x = draw(4, 8, 16, seed=1, device=sw.Cpu(), dtype=sw.f32)
    compiled = sw.compile(function, precision="bf16")
    for exact, found in zip(function(x), compiled(x), strict=True):
        scale = np.abs(exact.numpy()).max()
        assert 1e-5 * scale < np.abs(found.numpy() - exact.numpy()).max() < 0.03 * scale
    assert all("matmul" not in kernel.name.split() for kernel in sw.report(compiled, timed=False).kernels)
