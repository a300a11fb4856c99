"""What users see of the optimisers beyond trajectories: groups, whole error texts, state, 16-bit parameters, clips."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn, optim
from tests.optim.cases import STEPS, gradient, start
from tests.refusal import refusal

KINDS = [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop]


class Pair(nn.Module):
    """Two parameters and a buffer."""

    def __init__(self) -> None:
        self.weight = nn.Parameter(sw.ones((2, 3)))
        self.bias = nn.Parameter(sw.zeros((3,)))
        self.seen = nn.Buffer(sw.zeros((), dtype=sw.i64))


class Model(nn.Module):
    """Two parts."""

    def __init__(self) -> None:
        self.up = Pair()
        self.down = Pair()


def gradients(*parameters: Any) -> sw.Gradients:
    """Gradients of ones."""
    grads = sw.Gradients({})
    for parameter in parameters:
        grads[parameter] = sw.ones_like(parameter).stop_gradient()
    return grads


# ---- which parameters ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_its_parts_and_its_parameters_are_taken(kind: Any) -> None:
    model = Model()
    names = ["up.weight", "up.bias", "down.weight", "down.bias"]

    def kept(optimiser: optim.Optimizer) -> list[str]:
        return [slot.name for group in optimiser.groups for slot in group.slots]

    assert kept(kind(model)) == names
    assert kept(kind(model.parameters())) == names
    assert kept(kind([model.up, model.down.weight])) == names[:3]
    assert kept(kind(model.down.weight)) == ["down.weight"]
    assert kept(kind([{"params": model.down}, {"params": model.up.bias, "lr": 0.5}])) == [*names[2:], "up.bias"]
    assert kept(kind({"params": model})) == names


def test_names_stay_apart() -> None:
    a, b = Pair(), Pair()
    adam = optim.Adam([a, b, sw.Parameter(sw.ones((1,)))])
    assert [slot.name for slot in adam.groups[0].slots] == [
        "0.weight", "1.bias", "2.weight", "3.bias", "parameters.4",
    ]  # fmt: skip


def test_groups_have_their_own_settings_and_the_rest_of_the_optimisers() -> None:
    model = Model()
    adam = optim.Adam([{"params": model.up, "lr": 0.5, "weight_decay": 0.1}, {"params": model.down}], lr=0.25, eps=1e-3)
    assert [group.lr for group in adam.groups] == [0.5, 0.25]
    first, second = (group.settings for group in adam.groups)
    assert first.weight_decay == optim.L2(0.1) and second.weight_decay is None
    assert first.eps == second.eps == 1e-3  # pyrefly: ignore[missing-attribute]  # Adam's
    assert repr(adam) == "Adam of 4 parameters in 2 groups, 18 elements"
    adam.groups[1].lr = 0.125
    assert [group.lr for group in adam.groups] == [0.5, 0.125]
    assert refusal(sw.ArgumentError, lambda: adam.lr) == (
        "Adam.lr: the groups have different learning rates\n"
        "  group 0  0.5\n"
        "  group 1  0.125\n"
        "  write    adam.groups[0].lr"
    )
    adam.lr = 1.0
    assert adam.lr == 1.0


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ([], "Adam: there are no parameters to update\n  write  the model, or model.parameters() not yet gone through"),
        (nn.Module(), "Adam: there are no parameters to update in Module"),
        ([{"params": []}, {"params": []}], "Adam: there are no parameters to update in group 0"),
        (
            sw.zeros((2, 3)),
            (
                "Adam: updates parameters, and this is Tensor[[2, 3]]\n"
                "  write  optim.Adam(model), optim.Adam(model.parameters()), or nn.Parameter(tensor)"
            ),
        ),
        (
            [nn.Buffer(sw.zeros((2,)))],
            (
                "Adam: updates parameters, and this is a buffer, which is not learned: Tensor[[2]]\n"
                "  write  optim.Adam(model), optim.Adam(model.parameters()), or nn.Parameter(tensor)"
            ),
        ),
        (
            [("weight", sw.Parameter(sw.zeros((2,))))],
            (
                "Adam: updates parameters, and this is tuple\n"
                "  write  optim.Adam(model), optim.Adam(model.parameters()), or nn.Parameter(tensor)"
            ),
        ),
        (
            1e-3,
            (
                "Adam: updates parameters, and this is float\n"
                "  write  optim.Adam(model), optim.Adam(model.parameters()), or nn.Parameter(tensor)"
            ),
        ),
        (
            [{"params": sw.Parameter(sw.zeros((2,))), "momentum": 0.9}],
            (
                "Adam: a group has no setting 'momentum'\n"
                "  settings  params, lr, weight_decay, maximize, betas, eps, amsgrad"
            ),
        ),
        (
            [{"parameters": sw.Parameter(sw.zeros((2,)))}],
            (
                "Adam: each group is a dict with its parameters as \"params\", not a dict of 'parameters'\n"
                '  write  [{"params": model.up, "lr": 1e-4}, {"params": model.down}]'
            ),
        ),
        (
            [{"params": sw.Parameter(sw.zeros((2,)))}, sw.Parameter(sw.zeros((2,)))],
            (
                'Adam: each group is a dict with its parameters as "params", not Parameter\n'
                '  write  [{"params": model.up, "lr": 1e-4}, {"params": model.down}]'
            ),
        ),
    ],
    ids=lambda value: value.splitlines()[0] if isinstance(value, str) else "",
)
def test_what_is_no_parameters(params: Any, text: str) -> None:
    assert refusal(sw.ArgumentError, lambda: optim.Adam(params)) == text


def test_a_parameter_is_updated_once() -> None:
    model = Model()
    text = refusal(sw.ArgumentError, lambda: optim.SGD([model.up, model.up.weight]))
    assert text == "SGD: up.weight is there twice, and would be updated twice"


# ---- settings --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "settings", "text"),
    [
        (optim.SGD, {"lr": -1.0}, "SGD: lr= is a number at least 0, not -1.0"),
        (optim.SGD, {"lr": math.nan}, "SGD: lr= is a number at least 0, not nan"),
        (optim.SGD, {"lr": math.inf}, "SGD: lr= is a number at least 0, not inf"),
        (optim.SGD, {"lr": "fast"}, "SGD: lr= is a number at least 0, not 'fast'"),
        (optim.SGD, {"lr": True}, "SGD: lr= is a number at least 0, not True"),
        (optim.SGD, {"momentum": -0.1}, "SGD: momentum= is a number at least 0, not -0.1"),
        (optim.SGD, {"dampening": math.nan}, "SGD: dampening= is a number at least 0, not nan"),
        (optim.SGD, {"weight_decay": -0.1}, "SGD: weight_decay= is a number at least 0, not -0.1"),
        (
            optim.SGD,
            {"nesterov": True},
            (
                "SGD: Nesterov's method needs momentum and no dampening\n"
                "  momentum   0\n  dampening  0\n  write      SGD(model, lr, momentum=0.9, nesterov=True)"
            ),
        ),
        (
            optim.SGD,
            {"nesterov": True, "momentum": 0.5, "dampening": 0.25},
            (
                "SGD: Nesterov's method needs momentum and no dampening\n"
                "  momentum   0.5\n  dampening  0.25\n  write      SGD(model, lr, momentum=0.9, nesterov=True)"
            ),
        ),
        (optim.Adam, {"betas": (0.9, 1.0)}, "Adam: betas[1]= is a number at least 0 and less than 1, not 1.0"),
        (optim.Adam, {"betas": (-0.1, 0.9)}, "Adam: betas[0]= is a number at least 0 and less than 1, not -0.1"),
        (
            optim.Adam,
            {"betas": 0.9},
            "Adam: betas= is a pair of numbers, not 0.9\n  write  betas=(0.9, 0.999), the default",
        ),
        (optim.Adam, {"eps": -1e-8}, "Adam: eps= is a number at least 0, not -1e-08"),
        (optim.AdamW, {"lr": -1.0}, "AdamW: lr= is a number at least 0, not -1.0"),
        (optim.AdamW, {"weight_decay": "L2"}, "AdamW: weight_decay= is a number at least 0, not 'L2'"),
        (optim.RMSprop, {"alpha": -0.5}, "RMSprop: alpha= is a number at least 0, not -0.5"),
        (optim.RMSprop, {"eps": None}, "RMSprop: eps= is a number at least 0, not None"),
        (optim.RMSprop, {"momentum": -0.5}, "RMSprop: momentum= is a number at least 0, not -0.5"),
    ],
    ids=lambda value: value.splitlines()[0] if isinstance(value, str) else "",
)
def test_settings_out_of_range(kind: Any, settings: dict[str, Any], text: str) -> None:
    parameter = sw.Parameter(sw.zeros((2,)))
    assert refusal(sw.ArgumentError, lambda: kind([parameter], **settings)) == text
    if "lr" not in settings:
        # The same in a group; a bare weight decay is checked there too.
        assert refusal(sw.ArgumentError, lambda: kind([{"params": parameter, **settings}])) == text


@pytest.mark.parametrize("decay", [optim.L2, optim.Decoupled])
def test_decay_rates_out_of_range(decay: Any) -> None:
    assert refusal(sw.ArgumentError, lambda: decay(-1.0)) == f"{decay.__name__}: rate= is a number at least 0, not -1.0"


def test_a_group_says_what_it_is() -> None:
    adam = optim.Adam([{"params": nn.Linear(2, 3)}, {"params": [sw.Parameter(sw.ones((2,)))], "lr": 0.5}])
    assert repr(adam.groups) == "[group of 2 parameters with lr=0.001, group of 1 parameter with lr=0.5]"


def test_a_rate_that_is_set_is_checked() -> None:
    sgd = optim.SGD(Model(), 0.5)
    for target in (sgd, sgd.groups[0]):

        def set_it(target: Any = target) -> None:
            target.lr = -2

        assert refusal(sw.ArgumentError, set_it) == "SGD: lr= is a number at least 0, not -2"
    assert sgd.lr == 0.5


def test_weight_decay_of_either_kind() -> None:
    def after(**settings: Any) -> float:
        w = sw.Parameter(sw.full((1,), 2.0, dtype=sw.f64))
        optim.SGD([w], 0.5, momentum=0.9, **settings).update(gradients(w))
        return w.tolist()[0]

    assert after(weight_decay=0.1) == after(weight_decay=optim.L2(0.1)) == 2.0 - 0.5 * (1.0 + 0.2)
    assert after(weight_decay=optim.Decoupled(0.1)) == pytest.approx(2.0 * (1.0 - 0.05) - 0.5, abs=1e-15)
    assert after(weight_decay=None) == after(weight_decay=0.0) == 1.5
    w = sw.Parameter(sw.ones((1,)))
    assert optim.AdamW([w]).groups[0].settings.weight_decay == optim.Decoupled(0.01)
    assert optim.AdamW([w], weight_decay=optim.L2(0.5)).groups[0].settings.weight_decay == optim.L2(0.5)
    assert optim.AdamW([{"params": w, "weight_decay": 0.5}]).groups[0].settings.weight_decay == optim.Decoupled(0.5)


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("decay", [None, optim.L2(0.05), optim.Decoupled(0.05)])
def test_rmsprop_with_eps_inside_the_square_root(centered: bool, momentum: float, decay: Any) -> None:
    # TensorFlow's and dfdx's form, which PyTorch has not; computed here number by number.
    alpha, eps, lr = 0.8, 1e-3, 0.05
    w = sw.Parameter(sw.from_numpy(start("bias", np.float64)))
    optimiser = optim.RMSprop(
        [w], lr, alpha, eps, momentum=momentum, centered=centered, weight_decay=decay, eps_inside_sqrt=True
    )
    xs = start("bias", np.float64).tolist()
    squares, means, directions = [1.0] * 5, [0.0] * 5, [0.0] * 5
    for step in range(STEPS):
        grads = sw.Gradients({})
        g = gradient("bias", step, w.numpy())
        grads[w] = sw.from_numpy(g)
        optimiser.update(grads)
        for i in range(5):
            slope = g[i] + (decay.rate * xs[i] if isinstance(decay, optim.L2) else 0.0)
            shrunk = xs[i] * (1.0 - lr * decay.rate) if isinstance(decay, optim.Decoupled) else xs[i]
            squares[i] = alpha * squares[i] + (1.0 - alpha) * slope**2
            means[i] = alpha * means[i] + (1.0 - alpha) * slope
            spread = math.sqrt(squares[i] - (means[i] ** 2 if centered else 0.0) + eps)
            directions[i] = momentum * directions[i] + slope / spread
            xs[i] = shrunk - lr * directions[i]
        np.testing.assert_allclose(w.numpy(), xs, rtol=1e-13, atol=1e-13)


# ---- updating --------------------------------------------------------------------------------------------------------
def test_all_unused_parameters_are_named_and_nothing_is_updated() -> None:
    model = Model()
    adam = optim.Adam(model)
    before = {**model.state_dict(), **adam.state_dict()}
    text = refusal(sw.UnusedParameterError, lambda: adam.update(gradients(model.up.weight, model.down.bias)))
    assert text == (
        "Adam.update: 2 of 4 parameters have no gradient; nothing was updated\n"
        "  no gradient  up.bias: Tensor[[3]]\n"
        "               down.weight: Tensor[[2, 3]]\n"
        '  write        a loss that depends on them through a traced value, or update(grads, unused="ignore")'
    )
    after = {**model.state_dict(), **adam.state_dict()}
    assert all((after[name] == before[name]).all().item() for name in before)


@pytest.mark.parametrize("kind", KINDS)
def test_unused_parameters_may_be_ignored(kind: Any) -> None:
    model = Model()
    optimiser = kind(model, lr=0.1)
    before = {**model.state_dict(), **optimiser.state_dict()}
    optimiser.update(gradients(model.up.weight), unused="ignore")
    after = {**model.state_dict(), **optimiser.state_dict()}
    changed = {name for name in before if (after[name] != before[name]).any().item()}
    assert changed == {name for name in before if name.startswith("up.weight")}


def test_gradients_of_other_parameters_are_not_looked_at() -> None:
    model = Model()
    optim.SGD(model.up, 1.0).update(gradients(*model.parameters()))
    assert model.up.weight.tolist() == [[0.0] * 3] * 2
    assert model.down.weight.tolist() == [[1.0] * 3] * 2


def test_what_update_takes() -> None:
    model = Model()
    sgd: Any = optim.SGD(model)
    assert refusal(sw.ArgumentError, lambda: sgd.update(sw.zeros(()))) == (
        "SGD.update: takes gradients, not Tensor\n  write  update(loss.backward())"
    )
    grads = gradients(*model.parameters())
    assert refusal(sw.ArgumentError, lambda: sgd.update(grads, unused="skip")) == (
        'SGD.update: unused= is "error" or "ignore", not \'skip\''
    )


def test_a_model_that_changed_after_the_optimiser_was_made() -> None:
    model = Model()
    sgd = optim.SGD(model, momentum=0.9)
    model.to(sw.f64)
    assert refusal(sw.DTypeError, lambda: sgd.update(gradients(*model.parameters()))) == (
        "SGD.update: up.weight was converted after the optimiser was made\n"
        "  made for   [2, 3] of f32\n"
        "  parameter  Tensor[[2, 3], f64]\n"
        "  gradient   Tensor[[2, 3], f64]\n"
        "  write      model.to(...) first, then optim.SGD(model)"
    )
    model = Model()
    sgd = optim.SGD(model, momentum=0.9)
    model.to(sw.Reference())
    assert refusal(sw.DeviceError, lambda: sgd.update(gradients(*model.parameters()))) == (
        "SGD.update: up.weight was moved after the optimiser was made\n"
        "  devices  Cpu(), Reference()\n"
        "  write    model.to(...) first, then optim.SGD(model)"
    )


def test_a_gradient_of_another_shape_is_refused_before_it_is_used() -> None:
    model = Model()
    with pytest.raises(sw.ShapeError) as caught:
        sw.Gradients({})[model.up.weight] = sw.zeros((3, 2))  # pyrefly: ignore[unsupported-operation]  # meant
    assert str(caught.value) == (
        "the gradient of parameter up.weight has its shape\n  parameter  Tensor[[2, 3]]\n  gradient   Tensor[[3, 2]]"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_update_changes_no_tensor(kind: Any) -> None:
    w = sw.Parameter(sw.ones((3,)))
    optimiser = kind([w], lr=0.1)
    grads = gradients(w)
    values = w.stop_gradient(), grads[w], *optimiser.state_dict().values()
    before = [value.tolist() for value in values]
    optimiser.update(grads)
    optimiser.update(grads)
    assert [value.tolist() for value in values] == before
    assert not w.is_traced


@pytest.mark.parametrize("kind", KINDS)
def test_traced_gradients_are_not_recorded_further(kind: Any) -> None:
    w = sw.Parameter(sw.ones((3,)))
    optimiser = kind([w], lr=0.1)
    grads = (w.trace() ** 2).sum().backward(trace=True)
    optimiser.update(grads)
    assert not w.is_traced and all(not value.is_traced for value in optimiser.state_dict().values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3)])
def test_parameters_of_any_size(kind: Any, shape: tuple[int, ...]) -> None:
    w = sw.Parameter(sw.ones(shape))
    optimiser = kind([w], lr=0.1)
    optimiser.update(gradients(w))
    assert w._spec.sizes == shape and bool((w < 1.0).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [sw.bf16, sw.f16])
def test_16_bit_parameters_keep_their_state_in_f32(kind: Any, dtype: Any) -> None:
    w, exact = sw.Parameter(sw.ones((3,), dtype=dtype)), sw.Parameter(sw.ones((3,)))
    optimiser, reference = kind([w], lr=0.25), kind([exact], lr=0.25)
    for _ in range(20):
        exact.assign(w.stop_gradient().to(sw.f32))
        optimiser.update(gradients(w))
        reference.update(gradients(exact))
        assert w.dtype is dtype
        assert w.tolist() == exact.stop_gradient().to(dtype).tolist()
    kept, expected = optimiser.state_dict(), reference.state_dict()
    assert all(
        kept[name].dtype is expected[name].dtype and kept[name].tolist() == expected[name].tolist() for name in kept
    )


def test_on_another_device() -> None:
    w = sw.Parameter(sw.ones((3,), device=sw.Reference()))
    adam = optim.AdamW([w], lr=0.1, amsgrad=True)
    grads = sw.Gradients({})
    grads[w] = sw.ones((3,), device=sw.Reference())
    adam.update(grads)
    assert w.device == sw.Reference()
    assert {value.device for value in adam.state_dict().values()} == {sw.Reference()}


@pytest.mark.parametrize("kind", KINDS)
def test_training_finds_the_line(kind: Any) -> None:
    x = sw.rand((64, 1), key=sw.Key(1))
    y = x * 3.0 - 1.0
    w, b = sw.Parameter(sw.zeros((1, 1))), sw.Parameter(sw.zeros((1,)))
    optimiser = kind([w, b], lr=0.05, **({"momentum": 0.9} if kind is optim.SGD else {}))
    for _ in range(400):
        error = x.trace() @ w + b.trace().broadcast((64, 1)) - y
        optimiser.update((error * error).mean().backward())
    assert w.tolist()[0][0] == pytest.approx(3.0, abs=0.1)
    assert b.tolist()[0] == pytest.approx(-1.0, abs=0.1)


# ---- state -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (optim.SGD, {}),
        (optim.SGD, {"momentum": 0.9, "dampening": 0.1}),
        (optim.Adam, {"amsgrad": True}),
        (optim.AdamW, {}),
        (optim.RMSprop, {"momentum": 0.9, "centered": True}),
    ],
)
def test_training_goes_on_from_its_state(kind: Any, settings: dict[str, Any]) -> None:
    def train(optimiser: Any, w: Any, steps: range) -> list[list[float]]:
        values = []
        for step in steps:
            grads = sw.Gradients({})
            grads[w] = sw.from_numpy(gradient("bias", step, w.numpy()))
            optimiser.update(grads)
            values.append(w.tolist())
        return values

    w = sw.Parameter(sw.from_numpy(start("bias", np.float32)))
    optimiser = kind([w], lr=0.05, **settings)
    train(optimiser, w, range(5))
    other = sw.Parameter(w.stop_gradient())
    again = kind([other], lr=0.5, **settings)
    again.load_state_dict(optimiser.state_dict())
    assert again.lr == 0.05
    assert train(again, other, range(5, 10)) == train(optimiser, w, range(5, 10))


def test_names_of_the_state() -> None:
    model = Model()
    adam = optim.Adam([{"params": model.up.bias, "amsgrad": True}, {"params": model.down.bias}], lr=0.5)
    assert {name: (value._spec.sizes, value.dtype.name) for name, value in adam.state_dict().items()} == {
        "groups.0.lr": ((), "f64"),
        "up.bias.step": ((), "i64"),
        "up.bias.exp_avg": ((3,), "f32"),
        "up.bias.exp_avg_sq": ((3,), "f32"),
        "up.bias.max_exp_avg_sq": ((3,), "f32"),
        "groups.1.lr": ((), "f64"),
        "down.bias.step": ((), "i64"),
        "down.bias.exp_avg": ((3,), "f32"),
        "down.bias.exp_avg_sq": ((3,), "f32"),
    }


def test_a_state_that_does_not_fit() -> None:
    model = Model()
    sgd, adam = optim.SGD(model.up.bias, momentum=0.9), optim.Adam(model.up.bias)
    before = adam.state_dict()
    state = {**sgd.state_dict(), "up.bias.exp_avg": sw.ones((4,)), "up.bias.step": sw.ones(())}
    assert refusal(sw.ShapeError, lambda: adam.load_state_dict(state)) == (
        "the state does not fit Adam; nothing was assigned\n"
        "  missing  up.bias.exp_avg_sq\n"
        "  surplus  up.bias.momentum_buffer\n"
        "  shape    up.bias.exp_avg: [4] given, [3] needed\n"
        "  dtype    up.bias.step: f32 given, i64 needed"
    )
    after = adam.state_dict()
    assert all((after[name] == before[name]).all().item() for name in before)


# ---- clipping --------------------------------------------------------------------------------------------------------
def test_clipping_keeps_the_direction() -> None:
    a, b = sw.Parameter(sw.zeros((2,))), sw.Parameter(sw.zeros((1, 1), dtype=sw.f64))
    grads = sw.Gradients({})
    grads[a], grads[b] = sw.tensor([3.0, 0.0]), sw.full((1, 1), 4.0, dtype=sw.f64)
    assert optim.global_norm(grads).item() == 5.0
    clipped = optim.clip_by_global_norm(grads, 2.5)
    assert clipped[a].dtype is sw.f32 and clipped[b].dtype is sw.f64
    np.testing.assert_allclose(clipped[a].numpy(), [1.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(clipped[b].numpy(), [[2.0]], rtol=1e-6)
    assert grads[a].tolist() == [3.0, 0.0], "the gradients given are as they were"
    assert optim.clip_by_global_norm(grads, 5.1)[a].tolist() == [3.0, 0.0]


def test_clipping_nothing_infinite_or_zero() -> None:
    a = sw.Parameter(sw.zeros((2,)))
    grads = sw.Gradients({})
    grads[a] = sw.tensor([0.0, 0.0])
    assert optim.clip_by_global_norm(grads, 1.0)[a].tolist() == [0.0, 0.0]
    grads[a] = sw.tensor([3e30, 4e30])
    np.testing.assert_allclose(optim.clip_by_global_norm(grads, 1.0)[a].numpy(), [0.6, 0.8], rtol=1e-5)
    text = "clip_by_global_norm: max_norm= is a number above 0, not 0.0"
    assert refusal(sw.ArgumentError, lambda: optim.clip_by_global_norm(grads, 0.0)) == text
    nothing = sw.Gradients({})
    assert refusal(sw.ArgumentError, lambda: optim.clip_by_global_norm(nothing, 1.0)) == (
        "clip_by_global_norm: there are no gradients of parameters\n  write  loss.backward() of a traced loss"
    )
    wrong: Any = sw.zeros(())
    assert refusal(sw.ArgumentError, lambda: optim.global_norm(wrong)) == (
        "global_norm: takes gradients, not Tensor\n  write  global_norm(loss.backward())"
    )


def test_clipped_traced_values_keep_their_gradients() -> None:
    x, w = sw.tensor([1.0, 2.0]).trace(), sw.Parameter(sw.tensor([3.0, 4.0]))
    grads = optim.clip_by_global_norm((x * w).sum().backward(), 1.0)
    assert grads[x].tolist() == [3.0, 4.0]
    np.testing.assert_allclose(np.linalg.norm(grads[w].numpy()), 1.0, rtol=1e-5)
