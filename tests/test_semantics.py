"""The programs of the semantics: each has one outcome. Sizes, tapes, keys, parameters and modules."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, data, nn


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden, key=sw.Key(1))
        self.down = nn.Linear(hidden, outputs, key=sw.Key(2))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.down(self.up(x).relu())


def numbers(*sizes: int) -> Tensor:
    return sw.from_numpy(np.arange(np.prod(sizes), dtype=np.float32).reshape(sizes))


# ---- sizes ----------------------------------------------------------------------------------------------------------
@sw.checked
def inside_a_bound_call[B: IntVar, T: IntVar, D: IntVar](x: Tensor[[B, T, D]], y: Tensor[[B, T, D]]) -> None:
    b, t, d = x.shape
    np.testing.assert_array_equal(x.sum((b, d)).numpy(), x.numpy().sum(1))
    np.testing.assert_array_equal(y.sum((b, d)).numpy(), y.numpy().sum(1))
    np.testing.assert_array_equal(x.permute((t, b, d)).numpy(), x.numpy().transpose(1, 0, 2))
    h = x.reshape((b * t, d))
    np.testing.assert_array_equal(h.sum((b * t,)).numpy(), h.numpy().sum(1))
    with pytest.raises(sw.ShapeError) as caught:
        x.sum((4, 8))
    assert "4 could be axis 0 or axis 1" in str(caught.value)
    with pytest.raises(sw.ShapeError, match=r"to name an axis write x.sum\(axis=0\)"):
        x.sum(0)


def test_equal_sizes_stay_apart_in_a_bound_call() -> None:
    inside_a_bound_call(numbers(4, 4, 8), numbers(4, 4, 8))


def test_equal_sizes_of_a_product_stay_apart() -> None:
    inside_a_bound_call(numbers(4, 4, 8), numbers(4, 4, 8))

    @sw.checked
    def products[B: IntVar, T: IntVar, D: IntVar](x: Tensor[[B, T, D]]) -> Tensor["[B * T]"]:
        b, t, d = x.shape
        return x.reshape((b * t, d)).sum((b * t,))

    x = numbers(2, 4, 8)
    np.testing.assert_array_equal(products(x).numpy(), x.numpy().reshape(8, 8).sum(1))


def test_outside_a_bound_call_only_the_tensor_itself_has_names() -> None:
    x, y = numbers(4, 4, 8), numbers(4, 4, 8)
    b, _, d = x.shape
    np.testing.assert_array_equal(x.sum((b, d)).numpy(), x.numpy().sum(1))
    with pytest.raises(sw.ShapeError, match="4 could be axis 0 or axis 1"):
        y.sum((b, d))
    np.testing.assert_array_equal((x + y).sum((b, d)).numpy(), (x + y).numpy().sum(1))


def test_reading_a_shape_changes_nothing_for_clear_numbers() -> None:
    x, y = numbers(4, 5, 8), numbers(4, 5, 8)
    b, _, d = x.shape
    assert y.shape == (4, 5, 8)
    np.testing.assert_array_equal(y.sum((b, d)).numpy(), y.numpy().sum(1))


def test_using_a_layer_twice_joins_nothing() -> None:
    linear = nn.Linear(8, 8)
    x = numbers(4, 4, 8)
    b, t, d = x.shape
    first = linear(x)
    second = linear(x.permute(axes=(2, 1, 0)).reshape((4, 4, 8)))
    assert first.sum((b, t)).shape == second.sum(axis=2).shape == (4, 4)
    with pytest.raises(sw.ShapeError, match="ambiguous"):
        second.sum((4,))
    assert d == 8


def test_one_name_is_one_number() -> None:
    with pytest.raises(sw.ShapeError) as caught:
        inside_a_bound_call(numbers(4, 4, 8), numbers(4, 5, 8))
    assert str(caught.value) == (
        "inside_a_bound_call: axis 1 of y has size 5, and T = 4 is needed\n"
        "  needed  Tensor[[B, T, D]], T = 4 from x\n"
        "  y       Tensor[[4, 5, 8]]\n"
        "  in      inside_a_bound_call()"
    )


def test_heads_of_a_module_stay_apart_from_equal_sizes() -> None:
    class Heads[H: IntVar, K: IntVar](nn.Module):
        def __init__(self, heads: Int[H], size: Int[K]) -> None:
            self.heads = heads
            self.size = size

        def __call__[B: IntVar, T: IntVar](self, x: Tensor["[B, T, H * K]"]) -> Tensor["[B, H, T, K]"]:
            b, t, _ = x.shape
            return x.reshape((b, t, self.heads, self.size)).permute((b, self.heads, t, self.size))

    x = numbers(8, 8, 64)
    expected = x.numpy().reshape(8, 8, 8, 8).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(Heads(8, 8)(x).numpy(), expected)


def test_parameters_keep_the_names_of_their_module() -> None:
    class Scale[D: IntVar](nn.Module):
        def __init__(self, size: Int[D]) -> None:
            self.scale = nn.Parameter(sw.full((size,), 2.0))

        def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D]]) -> Tensor[[*Bs, D]]:
            return x * self.scale.spread()

    class Positions[T: IntVar, D: IntVar](nn.Module):
        def __init__(self, length: Int[T], size: Int[D]) -> None:
            self.table = nn.Parameter(sw.ones((length, size)))

        def __call__[B: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, T, D]]:
            return x + self.table.spread()

    # The batch has the size of another axis by chance.
    scale, positions = Scale(4), Positions(4, 4)
    for layer in (scale, scale.copy()):
        assert layer(sw.ones((4, 4))).tolist() == [[2.0] * 4] * 4
    for other in (positions, positions.copy()):
        assert other(sw.ones((4, 4, 4))).sum().item() == 128.0


def test_names_live_for_the_call_only() -> None:
    @sw.checked
    def same[B: IntVar, D: IntVar](x: Tensor[[B, D]]) -> Tensor[[B, D]]:
        b, d = x.shape
        assert x.sum((b,)).shape == (b,)
        return x * 2.0

    result = same(sw.ones((4, 4)))
    with pytest.raises(sw.ShapeError, match="ambiguous"):
        result.sum((4,))


def test_a_bound_call_changes_no_tensor_that_it_did_not_make() -> None:
    x = numbers(4, 4, 8)
    inside_a_bound_call(x, x)
    with pytest.raises(sw.ShapeError, match="ambiguous"):
        x.sum((4, 8))


# ---- tape -----------------------------------------------------------------------------------------------------------
def test_nothing_traced_is_an_error_that_says_so() -> None:
    model = Mlp(3, 4, 2)
    loss = nn.mse(model(sw.ones((5, 3))), sw.ones((5, 2)))
    with pytest.raises(sw.TapeError) as caught:
        loss.backward()
    assert str(caught.value) == (
        "backward: nothing was traced, so there is no tape to go back through\n"
        "  loss      Tensor[[]]\n"
        "  compiled  what a compiled function gives has no tape; .backward() belongs inside it\n"
        "  write     model(x.trace()) where the loss is computed; after .stop_gradient(), .trace_like(x) begins anew"
    )


def test_a_value_that_forgot_its_tape_cannot_join() -> None:
    model = Mlp(3, 4, 2)
    x, y = sw.ones((5, 3)), sw.ones((5, 2))
    forgotten = (model.up.weight * model.up.weight).sum()
    with pytest.raises(sw.TapeError) as caught:
        nn.mse(model(x.trace()), y) + forgotten
    assert str(caught.value) == (
        "add: a value computed from parameter up.weight without a tape meets a traced value, "
        "so the parameter's gradient would be lost\n"
        "  a      Tensor[[]]\n"
        "  b      Tensor[[]]\n"
        "  write  up.weight.trace() (or model(x.trace())) before, to keep the gradient; "
        ".stop_gradient() to drop it on purpose"
    )
    with pytest.raises(sw.TapeError):
        forgotten + nn.mse(model(x.trace()), y)
    with pytest.raises(sw.TapeError):
        forgotten.trace()


def test_a_penalty_that_is_traced_gives_both_gradients() -> None:
    model = Mlp(3, 4, 2)
    x, y = numbers(5, 3), sw.ones((5, 2))
    plain = nn.mse(model(x.trace()), y).backward()
    both = (nn.mse(model(x.trace()), y) + (model.up.weight.trace() ** 2).sum()).backward()
    expected = plain[model.up.weight].numpy() + 2 * model.up.weight.numpy()
    np.testing.assert_allclose(both[model.up.weight].numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(both[model.down.weight].numpy(), plain[model.down.weight].numpy(), rtol=1e-6)


def test_a_stopped_target_joins() -> None:
    model, teacher = Mlp(3, 4, 2), Mlp(3, 4, 2)
    x = numbers(5, 3)
    target = teacher(x).stop_gradient()
    grads = nn.mse(model(x.trace()), target).backward()
    assert model.up.weight in grads
    assert teacher.up.weight not in grads


def test_branches_of_one_value_meet_again_in_any_order() -> None:
    a = sw.tensor([1.0, 2.0, 3.0]).trace()
    np.testing.assert_allclose((a * a + a).sum().backward()[a].numpy(), [3.0, 5.0, 7.0])
    a = sw.tensor([1.0, 2.0, 3.0]).trace()
    np.testing.assert_allclose((a + a * a).sum().backward()[a].numpy(), [3.0, 5.0, 7.0])


def test_the_tape_is_used_once_or_kept() -> None:
    a = sw.tensor([1.0, 2.0]).trace()
    loss = (a * a).sum()
    first = loss.backward(keep=True)
    second = loss.backward()
    np.testing.assert_array_equal(first[a].numpy(), second[a].numpy())
    with pytest.raises(sw.TapeError) as caught:
        loss.backward()
    assert str(caught.value) == (
        "backward: this tape was already used, and what it recorded has been released\n"
        "  write  loss.backward(keep=True) the first time, or add the losses and go back once"
    )


def test_backward_needs_a_scalar() -> None:
    with pytest.raises(sw.ShapeError) as caught:
        sw.ones((2, 3)).trace().backward()  # pyrefly: ignore[bad-argument-type]  # the bug under test
    assert str(caught.value) == (
        "backward: gradients are those of one number, a tensor of shape []\n"
        "  loss   Tensor[[2, 3]]\n"
        "  write  loss.mean().backward() or loss.sum().backward()"
    )


def test_unknown_gradients_are_named() -> None:
    model, other = Mlp(3, 4, 2), Mlp(3, 4, 2)
    grads = nn.mse(model(sw.ones((5, 3)).trace()), sw.ones((5, 2))).backward()
    with pytest.raises(KeyError) as caught:
        grads[other.up.weight]
    assert str(caught.value).startswith("there is no gradient of parameter up.weight: the loss did not depend on it")
    assert "up.weight, up.bias, down.weight, down.bias" in str(caught.value)
    assert grads.unused(other) == ["up.weight", "up.bias", "down.weight", "down.bias"]
    assert grads.unused(model) == []


def test_gradients_accumulate() -> None:
    model = Mlp(3, 4, 2)
    x, y = numbers(6, 3), sw.ones((6, 2))
    whole = nn.mse(model(x.trace()), y).backward()
    left = nn.mse(model(x[:3].trace()), y[:3]).backward()
    right = nn.mse(model(x[3:].trace()), y[3:]).backward()
    mean = (left + right) * 0.5
    np.testing.assert_allclose(mean[model.up.weight].numpy(), whole[model.up.weight].numpy(), rtol=1e-4)


def test_gradients_of_gradients() -> None:
    x = sw.tensor([1.0, 2.0, 3.0]).trace()
    first = (x**4).sum().backward(trace=True)[x]
    np.testing.assert_allclose(first.numpy(), 4 * np.array([1.0, 8.0, 27.0]))
    second = first.sum().backward()[x]
    np.testing.assert_allclose(second.numpy(), 12 * np.array([1.0, 4.0, 9.0]))
    third = sw.grad(lambda x: sw.grad(lambda x: sw.grad(lambda x: (x**4).sum())(x).sum())(x).sum())
    np.testing.assert_allclose(third(sw.tensor([1.0, 2.0])).numpy(), [24.0, 48.0])


def test_a_value_with_a_tape_means_training_unless_it_says_otherwise() -> None:
    x = sw.ones((4, 100))
    dropout = nn.Dropout(0.5, key=sw.Key(3))
    assert (dropout(x).numpy() == 1).all()
    assert (dropout(x.trace(training=False)).numpy() == 1).all()
    assert set(np.unique(dropout(x.trace()).numpy())) == {0.0, 2.0}


def test_integers_may_be_traced() -> None:
    embedding = nn.Embedding(5, 3)
    ids = sw.tensor([1, 1, 4])
    grads = embedding(ids.trace()).sum().backward()
    assert grads[embedding.weight].numpy()[:, 0].tolist() == [0.0, 2.0, 0.0, 0.0, 1.0]


def test_the_tape_keeps_the_value_read() -> None:
    p = sw.Parameter(sw.tensor([3.0]))
    loss = (p.trace() * p).sum()
    p.assign(sw.tensor([100.0]))
    assert loss.backward()[p].tolist() == [6.0]


# ---- keys -----------------------------------------------------------------------------------------------------------
def test_a_key_is_advanced_by_each_draw() -> None:
    key = sw.Key(5)
    first, second = sw.rand((4,), key=key), sw.rand((4,), key=key)
    again = sw.Key(5)
    np.testing.assert_array_equal(first.numpy(), sw.rand((4,), key=again).numpy())
    np.testing.assert_array_equal(second.numpy(), sw.rand((4,), key=again).numpy())
    assert (first.numpy() != second.numpy()).all()


def test_split_keys_are_independent_and_repeatable() -> None:
    a, b = sw.Key(5).split(2)
    c, d = sw.Key(5).split(2)
    x, y = sw.rand((8,), key=a).numpy(), sw.rand((8,), key=b).numpy()
    np.testing.assert_array_equal(x, sw.rand((8,), key=c).numpy())
    np.testing.assert_array_equal(y, sw.rand((8,), key=d).numpy())
    assert (x != y).all()


def test_the_default_key_is_set_by_seed_and_safe_between_threads() -> None:
    sw.seed(11)
    first = sw.rand((3,)).numpy()
    sw.seed(11)
    np.testing.assert_array_equal(first, sw.rand((3,)).numpy())
    seen: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(sw.rand((4,)).numpy().tobytes() for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 200


def test_every_device_draws_the_same() -> None:
    np.testing.assert_array_equal(
        sw.rand((5,), key=sw.Key(1)).numpy(), sw.rand((5,), key=sw.Key(1), device=sw.Reference()).numpy()
    )


# ---- parameters and modules -----------------------------------------------------------------------------------------
def test_a_copy_is_independent() -> None:
    model = Mlp(3, 4, 2)
    other = model.copy()
    other.up.weight.assign(sw.zeros((4, 3)))
    assert (model.up.weight.numpy() != 0).any()
    x = numbers(5, 3)
    grads = nn.mse(model(x.trace()), sw.ones((5, 2))).backward()
    assert other.up.weight not in grads
    other.up.to(sw.f64)
    assert model(x).dtype is sw.f32


def test_assign_takes_the_same_shape_dtype_and_device_only() -> None:
    model = Mlp(3, 4, 2)
    with pytest.raises(sw.ShapeError) as caught:
        model.up.weight.assign(sw.zeros((3, 4)))  # pyrefly: ignore[bad-argument-type]  # the bug under test
    assert str(caught.value) == (
        "assign: parameter up.weight keeps its shape\n  parameter  Tensor[[H=4, I=3]]\n  value      Tensor[[3, 4]]"
    )
    with pytest.raises(sw.DTypeError, match="parameter up.weight keeps its element type"):
        model.up.weight.assign(sw.zeros((4, 3), dtype=sw.f64))  # pyrefly: ignore[bad-argument-type]  # the bug under test
    with pytest.raises(sw.DeviceError, match="parameter up.weight keeps its device"):
        model.up.weight.assign(sw.zeros((4, 3), device=sw.Reference()))


def test_a_tensor_does_not_take_the_place_of_a_parameter() -> None:
    model: Any = Mlp(3, 4, 2)
    with pytest.raises(sw.ArgumentError) as caught:
        model.up.weight = model.up.weight * 2.0
    assert str(caught.value) == (
        "weight is a parameter of Linear, and a tensor in its place would not be one any more\n"
        "  parameter  Tensor[[H=4, I=3]]\n  value      Tensor[[H=4, I=3]]\n  write      self.weight.assign(value)"
    )
    with pytest.raises(sw.ArgumentError, match=r"self\.bias\.assign\(value\)"):
        model.up.bias += 1.0
    model.up.weight = nn.Parameter(sw.zeros((4, 3)))
    assert [name for name, _ in model.named_parameters()] == ["up.weight", "up.bias", "down.weight", "down.bias"]


def test_a_module_without_a_call_says_so() -> None:
    class Forward(nn.Module):
        def forward(self, x: Any) -> Any:
            return x

    model: Any = Forward()
    with pytest.raises(sw.ArgumentError) as caught:
        model(sw.ones((2,)))
    assert str(caught.value) == (
        "Forward does not say what it computes\n"
        "  write  def __call__(self, x: Tensor[[B, D]]) -> ...; it is what PyTorch calls forward"
    )


def test_batches_drop_the_last_short_one_unless_asked() -> None:
    x, y = numbers(10, 3), sw.arange(10)
    assert [a.shape[0] for a, _ in data.Batches(x, y, size=4)] == [4, 4]
    assert [a.shape[0] for a, _ in data.Batches(x, y, size=4, short=True)] == [4, 4, 2]


def test_a_chain_has_a_tensor_on_its_left() -> None:
    x = sw.ones((2, 3))
    up, down = nn.Linear(3, 5), nn.Linear(5, 4)
    np.testing.assert_array_equal((x >> up >> down).numpy(), down(up(x)).numpy())


def test_a_checkpoint_sees_all_cells_of_one_moment() -> None:
    model = nn.Sequential(*[nn.Linear(4, 4) for _ in range(12)])
    states = [{name: sw.full(v.shape, float(k)) for name, v in model.state_dict().items()} for k in range(2)]
    model.load_state_dict(states[0])
    done = threading.Event()

    def change() -> None:
        for number in range(400):
            model.load_state_dict(states[number % 2])
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    moments = [{float(v.numpy().flat[0]) for v in model.state_dict().values()} for _ in iter(done.is_set, True)]
    thread.join()
    assert all(len(moment) == 1 for moment in moments)
