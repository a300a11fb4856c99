"""What changes about models and objects after a program was recorded: it is recorded anew, or the change is refused."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Tensor, nn, optim

X = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


class Scaled(nn.Module):
    def __init__(self) -> None:
        self.head = nn.Linear(3, 2, key=sw.Key(1))
        self.scale = 2.0
        self.state = sw.tensor(0.0)

    def __call__(self, x: Tensor) -> Tensor:
        return self.head(x) * self.scale

    def twice(self, x: Tensor) -> Tensor:
        return self.head(x) * (2.0 * self.scale)


def recorded(function: Any) -> int:
    return len(function.__compiled__.programs)


@pytest.mark.parametrize("method", ["__call__", "twice"])
@pytest.mark.parametrize("as_argument", [False, True])
def test_attributes_that_are_set_later(as_argument: bool, method: str) -> None:
    model = Scaled()
    outer = nn.Sequential(model)
    run = (lambda m, x: getattr(m[0], method)(x)) if as_argument else (lambda _, x: getattr(outer[0], method)(x))
    function: Any = sw.compile(run)

    def check() -> None:
        np.testing.assert_allclose(function(outer, X).numpy(), getattr(model, method)(X).numpy(), rtol=1e-6)

    check()
    for change in (
        lambda: setattr(model, "scale", 3.0),
        lambda: setattr(model, "head", nn.Linear(3, 2, key=sw.Key(2))),
        lambda: setattr(model, "scale", sw.tensor(0.5).broadcast((2, 2))) if method == "__call__" else None,
        lambda: setattr(model, "scale", 4.0),
        lambda: delattr(model, "state"),
    ):
        change()
        check()
    assert recorded(function) == 1


def test_nothing_is_recorded_again_for_what_stays_the_same() -> None:
    model = Scaled()
    calls: list[int] = []

    @sw.compile
    def function(x: Tensor) -> Tensor:
        calls.append(1)
        return model(x)

    for _ in range(3):
        function(X)
        # Another model, and the same number once more.
        nn.Linear(2, 2)
        model.scale = float("2.0")
    assert len(calls) == 1


@pytest.mark.parametrize("dtype", [sw.f64, sw.f16, sw.bf16], ids=lambda dtype: dtype.name)
def test_a_model_that_is_converted_later(dtype: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 2, key=sw.Key(1)))
    function: Any = sw.compile(lambda x: model(x))
    function(X)
    model.to(dtype)
    # Not the bits of one element type read as those of another.
    with pytest.raises(sw.DTypeError, match=f"x has elements of type f32, and {dtype.name} is needed"):
        function(X)
    wide = np.asarray(function(X.to(dtype)).to(sw.f64).numpy())
    np.testing.assert_allclose(wide, model(X.to(dtype)).to(sw.f64).numpy(), rtol=1e-2)
    model.to(sw.f32)
    np.testing.assert_allclose(function(X).numpy(), model(X).numpy(), rtol=1e-5)


def test_a_model_that_is_moved_later() -> None:
    model = nn.Linear(3, 2)
    function: Any = sw.compile(lambda x: model(x))
    function(X)
    model.to(sw.Reference())
    with pytest.raises(sw.DeviceError):
        function(X)


def test_parameters_are_not_cut_to_whole_numbers() -> None:
    model = nn.Linear(3, 2)
    before = model.weight.tolist()
    with pytest.raises(sw.DTypeError) as caught:
        model.to(sw.i64)
    assert str(caught.value) == (
        "to: parameters of Linear are floating point numbers, and i64 elements are not\n"
        "  write  model.to(sw.bf16), or another floating element type; x.to(sw.i64) for a tensor"
    )
    assert model.weight.tolist() == before


def test_a_tensor_set_on_a_module_while_a_program_is_recorded() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            self.count = sw.tensor(0.0)

        def __call__(self, x: Tensor) -> Tensor:
            self.count = self.count + 1.0
            return x

    model = Counts()
    with pytest.raises(sw.CaptureError) as caught:
        sw.compile(model)(X)
    assert str(caught.value) == (
        "count of Counts is set to a tensor while sw.compile records the program; that happens once, not at each call\n"
        "  value  Tensor[[]]\n"
        "  in     Counts\n"
        "  write  self.count = nn.Buffer(...) in __init__, and self.count.assign(value) here"
    )
    assert model.count.item() == 0.0
    model(X)
    assert model.count.item() == 1.0


def test_objects_among_the_arguments_are_what_they_hold() -> None:
    @dataclass
    class Options:
        scale: float
        shift: Any

    for options in (Options(2.0, sw.tensor(1.0)), types.SimpleNamespace(scale=2.0, shift=sw.tensor(1.0))):
        function: Any = sw.compile(lambda x, options: x.sum() * options.scale + options.shift)
        assert function(X, options).item() == 43.0
        options.scale = 3.0
        assert function(X, options).item() == 64.0
        options.shift = sw.tensor(2.0)
        assert function(X, [options][0]).item() == 65.0
        assert recorded(function) == 3
        function(X, options)
        assert recorded(function) == 3
    # An attribute is not an argument of the same name.
    bare = types.SimpleNamespace()
    named: Any = sw.compile(lambda x, held, shift=0.0: x * getattr(held, "shift", 3.0) + shift)
    assert named(sw.tensor(1.0), bare, shift=1.0).item() == 4.0
    bare.shift = 1.0
    assert named(sw.tensor(1.0), bare).item() == 1.0
    numbers = {1.0}
    total: Any = sw.compile(lambda x, numbers: x * sum(numbers))
    assert total(sw.tensor(1.0), numbers).item() == 1.0
    numbers.add(6.0)
    assert total(sw.tensor(1.0), numbers).item() == 7.0


def test_a_training_step_is_recorded_once() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2))
    adam = optim.AdamW(model)
    calls: list[int] = []

    @sw.compile
    def step(x: Tensor) -> Tensor:
        calls.append(1)
        loss = (model(x.trace()) ** 2).mean()
        adam.update(loss.backward())
        return loss

    for number in range(4):
        adam.lr = 1e-3 / (1 + number)
        step(X)
        model.state_dict()
        list(model.named_parameters())
    assert len(calls) == 1


# ---- names around the function --------------------------------------------------------------------------------------
FACTOR: Any = 2.0
SHIFT: Any = sw.zeros((3,))
result: Any = None


def helper(x: Tensor) -> Tensor:
    return x * FACTOR


def other_helper(x: Tensor) -> Tensor:
    return x * -1.0


def shifted(x: Tensor) -> Tensor:
    return helper(x) + SHIFT


def test_globals_that_mean_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    function: Any = sw.compile(shifted)
    x = sw.ones((3,))
    assert function(x).tolist() == [2.0] * 3
    for name, value in (("FACTOR", 3), ("SHIFT", sw.ones((3,))), ("helper", other_helper), ("FACTOR", 5.0)):
        monkeypatch.setitem(globals(), name, value)
        assert function(x).tolist() == shifted(x).tolist()
    assert recorded(function) == 1


def test_what_is_closed_over() -> None:
    model = nn.Linear(3, 2, key=sw.Key(1))
    sgd, layers, named = optim.SGD(model, lr=0.5), [nn.ReLU(), nn.Tanh()], {"scale": 1.0}

    def plain(x: Tensor) -> Tensor:
        h = model(x.trace())
        for layer in layers:
            h = layer(h)
        loss = (h * named["scale"]).sum()
        sgd.update(loss.backward())
        return loss

    step: Any = sw.compile(plain)
    before = model.weight.numpy().copy()
    step(X)
    assert not np.array_equal(model.weight.numpy(), before)
    sgd = optim.SGD(model, lr=0.0)
    before = model.weight.numpy().copy()
    for change in (lambda: None, lambda: layers.append(nn.Sigmoid()), lambda: layers.__setitem__(0, nn.Sin())):
        change()
        assert step(X).item() == pytest.approx(plain(X).item(), rel=1e-6)
    named["scale"] = -2.0
    assert step(X).item() == pytest.approx(plain(X).item(), rel=1e-6)
    np.testing.assert_array_equal(model.weight.numpy(), before)
    assert recorded(step) == 1


class Listed(nn.Module):
    def __init__(self) -> None:
        self.layers = [nn.Linear(3, 3, key=sw.Key(1)), nn.Linear(3, 3, key=sw.Key(2))]

    def __call__(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


def test_a_layer_in_a_list_that_is_replaced() -> None:
    model = Listed()
    function: Any = sw.compile(lambda x: model(x))
    function(X)
    model.layers[1] = nn.Linear(3, 3, key=sw.Key(3))
    np.testing.assert_allclose(function(X).numpy(), model(X).numpy(), rtol=1e-6)
    model.layers.pop()
    np.testing.assert_allclose(function(X).numpy(), model(X).numpy(), rtol=1e-6)


class Result:
    """Something with an attribute whose name a global has, too."""

    result = 1.0


def test_names_that_mean_the_same_are_not_recorded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    held = Result()
    factor, sizes = 2.0, (2, 3)

    @sw.compile
    def function(x: Tensor) -> Tensor:
        calls.append(1)
        return x.reshape(sizes) * factor * FACTOR * held.result

    for _ in range(4):
        monkeypatch.setitem(globals(), "result", function(X))
        monkeypatch.setitem(globals(), "FACTOR", float("2.0"))
        factor, sizes = float("2.0"), (*sizes[:1], 3)
    assert calls == [1]


def test_a_name_that_changes_at_each_call_is_reported() -> None:
    rate = 0.0

    @sw.compile
    def scaled(x: Tensor) -> Tensor:
        return x * rate

    with pytest.warns(UserWarning) as caught:
        for number in range(12):
            rate = float(number)
            assert scaled(sw.ones((2,))).tolist() == [number, number]
    (warning,) = caught
    assert str(warning.message) == (
        "scaled is recorded for the 9th time, because rate is another thing from call to call; "
        "what changes can be a tensor among the arguments instead"
    )
    assert warning.filename == __file__


def test_names_that_are_gone_or_not_there_yet() -> None:
    def build() -> tuple[Any, Any]:
        @sw.compile
        def function(x: Tensor) -> Tensor:
            return x if later is None else x * later

        later: Any = None

        def set_later(value: Any) -> None:
            nonlocal later
            later = value

        return function, set_later

    function, set_later = build()
    assert function(sw.ones((2,))).tolist() == [1.0, 1.0]
    set_later(3.0)
    assert function(sw.ones((2,))).tolist() == [3.0, 3.0]


def test_many_programs_for_the_same_shapes_are_reported() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.model, self.done = nn.Linear(3, 2, key=sw.Key(1)), 0

        @sw.compile
        def step(self, x: Tensor) -> Tensor:
            return self.model(x).mean()

    trainer = Trainer()
    with pytest.warns(UserWarning) as caught:
        for _ in range(12):
            trainer.step(X)
            trainer.done += 1
    (warning,) = caught
    assert str(warning.message) == (
        "step is recorded for the 9th time for tensors of the same shapes: numbers, texts and attributes of objects "
        "among the arguments have programs of their own; what changes can be a tensor instead"
    )
    assert warning.filename == __file__
