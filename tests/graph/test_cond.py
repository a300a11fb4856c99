"""`sw.cond`: only the branch that is taken is computed; values, gradients of two orders, keys, cells as in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Tensor, nn, optim
from tests.graph.test_scan import draw, flat, on_both


def same(function: Any, *arguments: Any) -> None:
    """Compare a function of a condition with what it is compiled, one program for both ways."""
    compiled = sw.compile(function)
    device = arguments[0].device
    for way in (True, False, True):
        condition = sw.tensor(way, device=device)
        expected, found = function(condition, *arguments), compiled(condition, *arguments)
        for left, right in zip(flat(expected), flat(found), strict=True):
            assert left.shape == right.shape and left.dtype == right.dtype
            np.testing.assert_allclose(right, left, rtol=1e-9, atol=1e-12)
    assert len(compiled.__compiled__.programs) == 1


# ---- values ---------------------------------------------------------------------------------------------------------
@on_both
def test_nests_and_what_is_given_on_as_it_is(device: Any) -> None:
    def yes(x: Any, pair: Any) -> Any:
        return {"a": x.exp(), "b": (pair[0], pair[0], sw.ones((2,), dtype=sw.f64, device=device))}

    def no(x: Any, pair: Any) -> Any:
        return {"a": x, "b": (pair[1], x * 2.0, pair[0].reshape((2,)))}

    def function(condition: Any, x: Any, y: Any) -> Any:
        return sw.cond(condition, yes, no, x, [y, x + y])

    same(function, draw(2, seed=0, device=device), draw(2, seed=1, device=device))


@on_both
def test_large_branches_that_threads_share(device: Any) -> None:
    def function(condition: Any, x: Any, y: Any) -> Any:
        wide = x @ y
        return sw.cond(condition, lambda: ((wide @ y).tanh(), wide.sum()), lambda: (wide * 2.0, (wide @ x).max()))

    same(function, *[draw(90, 90, seed=seed, device=device) * 0.1 for seed in (0, 1)])


@on_both
def test_what_fails_in_the_branch_not_taken_does_not_fail(device: Any) -> None:
    @sw.compile
    def pick(x: Tensor, place: Tensor) -> Tensor:
        inside = (place < 3).all()
        return sw.cond(inside, lambda: x.take(place, axis=0), lambda: sw.zeros((1,), device=device))

    x = sw.ones((3,), device=device)
    assert pick(x, sw.tensor([2], device=device)).tolist() == [1.0]
    assert pick(x, sw.tensor([7], device=device)).tolist() == [0.0]
    with pytest.raises(sw.IndexRangeError, match="take: "):
        pick(x, sw.tensor([-7], device=device))
    assert pick(x, sw.tensor([0], device=device)).tolist() == [1.0]


@on_both
def test_choices_and_loops_in_each_other(device: Any) -> None:
    def round_(h: Any, row: Any) -> Any:
        h = sw.cond((h.sum() + row.sum()) > 0.0, lambda h: (h * row).sin(), lambda h: h - row, h)
        return h, h.sum()

    def function(condition: Any, x: Any) -> Any:
        x = x.trace()

        def looped(x: Any) -> Any:
            return sw.scan(round_, x[0], x)

        def other(x: Any) -> Any:
            return sw.cond(x.sum() > 0.0, lambda x: (x[1], x.sum(axis=1)), lambda x: (x[0] * 2.0, x[:, 0]), x)

        last, sums = sw.cond(condition, looped, other, x)
        return last, sums, ((last**2).sum() + (sums**3).sum()).backward()[x]

    for seed in range(3):
        same(function, draw(6, 3, seed=seed, device=device))


# ---- gradients ------------------------------------------------------------------------------------------------------
@on_both
def test_gradients_of_both_orders(device: Any) -> None:
    weight = sw.Parameter(draw(3, 3, seed=5, device=device))

    def function(condition: Any, x: Any, scale: Any) -> Any:
        x, scale = x.trace(), scale.trace()

        def yes(x: Any) -> Any:
            return (x @ weight).tanh() * scale.broadcast_like(x), x.sum()

        def no(x: Any) -> Any:
            return x * x + (x @ weight), scale * 2.0

        y, total = sw.cond(condition, yes, no, x)
        first = ((y**3).sum() * total).backward(trace=True)
        again = (first[x] ** 2).sum() + (first[weight] ** 2).sum() + first[scale] ** 2
        grads = again.backward()
        return y, first[x], first[weight], first[scale], grads[x], grads[weight], grads[scale]

    same(function, draw(3, seed=0, device=device), draw(seed=1, device=device))


@on_both
def test_what_only_the_other_branch_closes_over_has_a_gradient_of_zero(device: Any) -> None:
    left, right = (sw.Parameter(draw(3, seed=seed, device=device)) for seed in (1, 2))

    @sw.compile
    def slopes(condition: Tensor, x: Tensor) -> Any:
        y = sw.cond(condition, lambda x: x * left, lambda x: x * right, x.trace())
        grads = y.sum().backward()
        return grads[left], grads[right]

    x = draw(3, seed=0, device=device)
    for way in (True, False):
        found = slopes(sw.tensor(way, device=device), x)
        expected = (x.numpy(), np.zeros(3)) if way else (np.zeros(3), x.numpy())
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.numpy(), other)


@on_both
def test_parameters_and_their_views_as_operands(device: Any) -> None:
    weight = sw.Parameter(draw(3, 3, seed=1, device=device))

    def function(condition: Any, x: Any) -> Any:
        turned = weight.permute(axes=(1, 0))

        def yes(x: Any, w: Any, v: Any) -> Any:
            return x @ w + x @ v

        still = sw.cond(condition, yes, lambda x, w, v: x @ v, x, weight, turned)
        assert not still.is_traced
        y = sw.cond(condition, yes, lambda x, w, v: x @ v, x.trace(), weight, turned)
        return still, y, (y * y).sum().backward()[weight]

    same(function, draw(3, seed=0, device=device))


# ---- keys, cells, prints --------------------------------------------------------------------------------------------
@on_both
def test_a_key_moves_on_alike_whichever_branch_is_taken(device: Any) -> None:
    def made() -> tuple[sw.Key, Any]:
        key, other = sw.Key(3), sw.Key(4)

        def function(condition: Any, x: Any) -> Any:
            def yes(x: Any) -> Any:
                return x * sw.rand((5,), key=key, dtype=sw.f64, device=device)

            def no(x: Any) -> Any:
                many = sw.rand((100,), key=key, dtype=sw.f64, device=device)
                return x + many[:5] + sw.rand((5,), key=other, dtype=sw.f64, device=device)

            x = x.trace()
            y = sw.cond(condition, yes, no, x)
            return y, (y * y).sum().backward()[x], sw.rand((2,), key=other, dtype=sw.f64, device=device)

        return key, function

    x = draw(5, seed=0, device=device)
    eager_key, eager = made()
    key, function = made()
    compiled = sw.compile(function)
    states = []
    for way in (True, False, False, True):
        condition = sw.tensor(way, device=device)
        for left, right in zip(flat(eager(condition, x)), flat(compiled(condition, x)), strict=True):
            np.testing.assert_allclose(right, left, rtol=1e-9)
        assert key.state == eager_key.state
        states.append(key.state[1])
    assert np.diff([0, *states]).tolist() == [states[0]] * 4


@on_both
def test_a_branch_may_train(device: Any) -> None:
    def made() -> tuple[nn.Linear, Any]:
        model = nn.Linear(3, 2, key=sw.Key(1), device=device)
        sgd = optim.SGD(model, lr=0.1)

        def function(condition: Any, x: Any) -> Any:
            def train(x: Any) -> Any:
                loss = (model(x.trace()) ** 2).sum()
                sgd.update(loss.backward())
                return loss.stop_gradient()

            return sw.cond(condition, train, lambda x: x.sum(), x)

        return model, function

    x = draw(4, 3, seed=0, device=device, dtype=sw.f32)
    eager_model, eager = made()
    model, function = made()
    compiled = sw.compile(function)
    for way in (True, False, True):
        condition = sw.tensor(way, device=device)
        assert compiled(condition, x).item() == pytest.approx(eager(condition, x).item(), rel=1e-5)
        np.testing.assert_allclose(model.weight.numpy(), eager_model.weight.numpy(), rtol=1e-5)


def test_only_the_branch_that_is_taken_shows_its_values() -> None:
    def made() -> tuple[list[str], Any]:
        seen: list[str] = []

        def yes(x: Any) -> Any:
            sw.debug_print("yes {}", x, sink=seen.append)
            return x * 2.0

        def no(x: Any) -> Any:
            sw.debug_print("no {} {}", x.sum(), x, sink=seen.append)
            return x

        def function(x: Any) -> Any:
            def body(h: Any, row: Any) -> Any:
                return sw.cond(row.sum() > 0.0, yes, no, row), None

            last, _ = sw.scan(body, x[0], x)
            return sw.cond(last.sum() > 0.0, yes, no, last)

        return seen, function

    x = sw.tensor([[1.0, 2.0], [-3.0, 0.0], [4.0, 5.0]])
    eager_seen, eager = made()
    seen, function = made()
    assert sw.compile(function)(x).tolist() == eager(x).tolist()
    assert seen == eager_seen == ["yes [1. 2.]", "no -3.0 [-3.  0.]", "yes [4. 5.]", "yes [ 8. 10.]"]


# ---- errors ---------------------------------------------------------------------------------------------------------
YES = sw.tensor(True)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (
            lambda x: sw.cond(x > 0.0, lambda x: x, lambda x: x, x),
            sw.ShapeError,
            (
                "cond: the condition is one bool, a tensor of shape []\n"
                "  condition  Tensor[[2], bool]\n"
                "  write      x.any() or x.all(); sw.where(condition, a, b) to choose element by element"
            ),
        ),
        (
            lambda x: sw.cond(x.sum(), lambda x: x, lambda x: x, x),
            sw.DTypeError,
            (
                "cond: the condition is a bool, not f32\n"
                "  condition  Tensor[[]]\n"
                "  write      a comparison such as x > 0"
            ),
        ),
        (
            lambda x: sw.cond(True, lambda x: x, lambda x: x, x),
            sw.ArgumentError,
            "cond: the condition is a tensor, not bool\n  write  Python's own `if` for what is known without a tensor",
        ),
        (
            lambda x: sw.cond(x.sum() > 0.0, lambda x: x.sum(), lambda x: x, x),
            sw.ShapeError,
            (
                "cond: the branches give different shapes\n"
                "  yes    Tensor[[]]\n"
                "  no     Tensor[[2]]\n"
                "  write  one shape from both; .reshape, .pad, sw.zeros"
            ),
        ),
        (
            lambda x: sw.cond(x.sum() > 0.0, lambda x: x, lambda x: x.to(sw.f64), x),
            sw.DTypeError,
            (
                "cond: the branches give different element types\n"
                "  yes    Tensor[[2]]\n"
                "  no     Tensor[[2], f64]\n"
                "  write  .to(sw.f32) on one"
            ),
        ),
        (
            lambda x: sw.cond(x.sum() > 0.0, lambda x: (x, x), lambda x: [x], x),
            sw.ArgumentError,
            (
                "cond: the branches give different nests\n"
                "  yes    (tensor, tensor)\n"
                "  no     [tensor]\n"
                "  write  the same tuples, lists and dicts from both"
            ),
        ),
        (
            lambda x: sw.cond(x.sum() > 0.0, lambda x: 1.0, lambda x: 2.0, x),
            sw.ArgumentError,
            (
                "cond: what yes gives holds tensors, in tuples, lists and dicts if you like, not float\n"
                "  write  sw.tensor(1.0) in its place"
            ),
        ),
    ],
)
def test_reports(call: Any, kind: Any, text: str, compiled: bool) -> None:
    for sign in (1.0, -1.0):
        with pytest.raises(kind) as caught:
            (sw.compile(call) if compiled else call)(sw.ones((2,)) * sign)
        caught.value.path = None
        shown = str(caught.value).replace("what no gives", "what yes gives").replace("sw.tensor(2.0)", "sw.tensor(1.0)")
        assert shown == text


def test_an_eager_choice_may_ask_for_numbers() -> None:
    x = sw.ones((2,))
    assert sw.cond(YES, lambda x: x * 2.0, lambda x: x * x.sum().item(), x).tolist() == [2.0, 2.0]
