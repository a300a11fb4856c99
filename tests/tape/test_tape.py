"""The tape: accumulation, several losses, checkpointing, functions of gradients, what is kept and what is released."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Tensor
from shapewright.tensor.differentiate import is_replaying


def test_a_parameter_used_twice_gets_both_gradients() -> None:
    p = sw.Parameter(sw.tensor([2.0, 3.0]))
    x = sw.tensor([1.0, 1.0]).trace()
    grads = (x * p * p + p).sum().backward()
    assert grads[p].tolist() == [5.0, 7.0]
    assert grads[x].tolist() == [4.0, 9.0]
    assert len(grads) == 2 and p in grads and x in grads


def test_losses_that_share_a_trunk_add_up() -> None:
    p = sw.Parameter(sw.tensor([2.0, 3.0]))
    trunk = sw.tensor([1.0, 4.0]).trace() * p
    both = (trunk.sum() + (trunk * trunk).sum()).backward()
    trunk = sw.tensor([1.0, 4.0]).trace() * p
    apart = trunk.sum().backward(keep=True) + (trunk * trunk).sum().backward()
    assert both[p].tolist() == apart[p].tolist()


def test_tapes_that_meet_become_one() -> None:
    a, b = sw.tensor([1.0]).trace(), sw.tensor([5.0]).trace(training=False)
    product = b * a
    assert product.is_training and not b.is_training
    grads = product.sum().backward()
    assert grads[a].tolist() == [5.0] and grads[b].tolist() == [1.0]


def test_comparisons_of_traced_values_are_traced_and_carry_no_gradient() -> None:
    x = sw.tensor([1.0, -1.0]).trace()
    mask = x > 0.0
    assert mask.is_traced
    assert (mask.to(sw.f32) * x).sum().backward()[x].tolist() == [1.0, 0.0]
    counted: Any = mask.sum()
    with pytest.raises(sw.DTypeError) as caught:
        counted.backward()
    assert str(caught.value) == (
        "backward: i64 values have no gradient\n"
        "  loss   Tensor[[], i64]\n"
        "  write  loss.to(sw.f32) before the values that it should be differentiated for"
    )


def test_the_traced_scalar_itself() -> None:
    x = sw.tensor(3.0).trace()
    assert x.backward()[x].item() == 1.0


def test_gradients_can_be_replaced_by_their_like_only() -> None:
    p = sw.Parameter(sw.tensor([2.0, 3.0]))
    grads = (sw.ones((2,)).trace() * p).sum().backward()
    grads[p] = grads[p] * 0.5
    assert grads[p].tolist() == [0.5, 0.5]
    wrong: Any = sw.ones((3,))
    with pytest.raises(sw.ShapeError) as caught:
        grads[p] = wrong
    assert str(caught.value) == (
        "the gradient of this value has its shape\n  parameter  Tensor[[2]]\n  gradient   Tensor[[3]]"
    )
    other: Any = sw.ones((2,), dtype=sw.f64)
    with pytest.raises(sw.DTypeError, match="has its element type"):
        grads[p] = other


def test_what_was_recorded_is_released_when_the_tape_is_used() -> None:
    p = sw.Parameter(sw.ones((3,)))
    middle = sw.ones((3,)).trace() * p
    watched = weakref.ref(middle._node.operands[0] if middle._node and middle._node.operands else middle)
    loss = middle.sum()
    del middle
    loss.backward()
    gc.collect()
    assert watched() is None


def test_functions_of_gradients() -> None:
    def loss(x: Tensor[[2]], scale: float) -> Tensor[[]]:
        return (x * x * scale).sum()

    x = sw.tensor([1.0, 2.0])
    value, slope = sw.value_and_grad(loss)(x, 3.0)
    assert value.item() == 15.0 and slope.tolist() == [6.0, 12.0]
    assert not value.is_traced and not slope.is_traced
    assert sw.grad(loss)(x, 3.0).tolist() == [6.0, 12.0]
    constant: Any = lambda x: sw.tensor(1.0)  # noqa: E731
    assert sw.grad(constant)(x).tolist() == [0.0, 0.0]
    vector: Any = lambda x: x  # noqa: E731
    with pytest.raises(sw.ShapeError) as caught:
        sw.grad(vector)(x)
    assert str(caught.value) == (
        "grad: the function gives a scalar, a tensor of shape []\n"
        "  given  Tensor[[2]]\n"
        "  write  .sum() or .mean() on what it returns"
    )


def test_a_gradient_inside_a_traced_computation_goes_on_behind_it() -> None:
    x = sw.tensor([1.0, 2.0]).trace()
    slope = sw.grad(lambda x: (x**3).sum())(x)
    assert slope.is_traced
    np.testing.assert_allclose(slope.sum().backward()[x].numpy(), [6.0, 12.0])


# ---- checkpointing --------------------------------------------------------------------------------------------------
def test_checkpointing_changes_no_number() -> None:
    p = sw.Parameter(sw.tensor([2.0, 3.0]))

    def block(x: Any, y: Any) -> Any:
        return (x * p).exp(), y * x

    def loss(run: Any) -> Any:
        x, y = sw.tensor([0.1, 0.2]).trace(), sw.tensor([5.0, 6.0]).trace()
        a, b = run(x, y)
        return (a * b + a).sum().backward(), x, y

    plain, x, y = loss(block)
    again, u, v = loss(lambda x, y: sw.checkpoint(block, x, y))
    np.testing.assert_allclose(plain[p].numpy(), again[p].numpy(), rtol=1e-6)
    np.testing.assert_allclose(plain[x].numpy(), again[u].numpy(), rtol=1e-6)
    np.testing.assert_allclose(plain[y].numpy(), again[v].numpy(), rtol=1e-6)


def test_checkpointing_keeps_nothing_in_between_and_computes_twice() -> None:
    seen: list[bool] = []

    def block(x: Any) -> Any:
        seen.append(is_replaying())
        return x.exp().sin()

    x = sw.tensor([0.1, 0.2]).trace()
    y = sw.checkpoint(block, x)
    assert seen == [False]
    y.sum().backward()
    assert seen == [False, True] and not is_replaying()


def test_checkpointing_draws_the_same_numbers() -> None:
    key = sw.Key(3)

    def noisy(x: Any) -> Any:
        return x * sw.rand((4,), key=key)

    x = sw.ones((4,)).trace()
    y = sw.checkpoint(noisy, x)
    np.testing.assert_allclose(y.sum().backward()[x].numpy(), y.numpy())
    np.testing.assert_array_equal(sw.rand((4,), key=key).numpy(), sw.rand((8,), key=sw.Key(3)).numpy()[4:])


def test_gradients_of_gradients_go_through_checkpoints() -> None:
    x = sw.tensor([1.0, 2.0]).trace()
    first = sw.checkpoint(lambda x: (x**3).sum(), x).backward(trace=True)[x]
    np.testing.assert_allclose(first.sum().backward()[x].numpy(), [6.0, 12.0])


def test_a_checkpoint_of_untraced_values_is_a_call() -> None:
    assert sw.checkpoint(lambda x: x * 2.0, sw.tensor([1.0])).tolist() == [2.0]
    words: Any = lambda x: "no tensor"  # noqa: E731
    with pytest.raises(sw.ArgumentError, match="returns a tensor or a tuple of tensors"):
        sw.checkpoint(words, sw.tensor([1.0]).trace())


# ---- threads --------------------------------------------------------------------------------------------------------
def test_threads_share_parameters_and_have_their_own_tapes() -> None:
    p = sw.Parameter(sw.tensor([2.0, 3.0]))
    found: list[list[float]] = []

    def work(factor: float) -> None:
        for _ in range(50):
            grads = (sw.full((2,), factor).trace() * p * p).sum().backward()
            found.append([g / factor for g in grads[p].tolist()])

    threads = [threading.Thread(target=work, args=(float(n),)) for n in (1, 2, 4, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[4.0, 6.0]] * 200


def test_a_checkpointed_function_may_close_over_traced_values() -> None:
    x = sw.tensor([[0.5, 2.0], [3.0, -1.0]]).trace()
    results = []
    for again in (False, True):
        h = x[0]
        for place in range(2):
            row = x[place] * x[1]
            step = lambda h, row=row: (h * row).sin() + row  # noqa: E731  # closes over the row, as loops do
            h = sw.checkpoint(step, h) if again else step(h)
        results.append((h * h).sum().backward()[x].numpy())
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)
