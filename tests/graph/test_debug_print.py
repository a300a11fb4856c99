"""`sw.debug_print`: values come out of eager and compiled functions, in order, and what a sink raises does no harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import Tensor, nn, optim


def lines() -> tuple[list[str], Any]:
    seen: list[str] = []

    def function(x: Any) -> Any:
        h = x * 2.0
        sw.debug_print("h {} of {}", h, x.shape, sink=seen.append)
        total = h.sum()
        sw.debug_print("sum {:.2f}", total, sink=seen.append)
        sw.debug_print("nothing", sink=seen.append)
        return total + 1.0

    return seen, function


def test_eager_and_compiled_show_the_same_in_order() -> None:
    eager_seen, eager = lines()
    seen, function = lines()
    compiled = sw.compile(function)
    for start in (1.0, 5.0):
        x = sw.tensor([start, 2.0])
        assert compiled(x).item() == eager(x).item()
    assert seen == eager_seen
    assert seen[:3] == ["h [2. 4.] of (2,)", "sum 6.00", "nothing"] and seen[3] == "h [10.  4.] of (2,)"


def test_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    compiled: Any = sw.compile(lambda x: (sw.debug_print("x is {}", x), x)[1])
    compiled(sw.tensor(1.5))
    assert capsys.readouterr().out == "x is 1.5\n"


def test_nothing_else_changes() -> None:
    def step(x: Any, show: bool) -> Any:
        h = x.exp() * 2.0
        if show:
            sw.debug_print("{}", h, sink=lambda text: None)
        return (h + 1.0).sum()

    compiled = sw.compile(step)
    x = sw.ones((100,))
    assert compiled(x, True).item() == compiled(x, False).item()
    plain = sw.report(compiled, x, False, timed=False)
    shown = sw.report(compiled, x, True, timed=False)
    (whole,) = [(kernel.name, kernel.bytes_read, kernel.bytes_written) for kernel in plain.kernels]
    assert whole in [(kernel.name, kernel.bytes_read, kernel.bytes_written) for kernel in shown.kernels]
    assert shown.memory.results - plain.memory.results == 400


def test_gradients_pass_and_what_is_computed_again_is_not_shown_again() -> None:
    seen: list[str] = []

    def body(x: Any) -> Any:
        sw.debug_print("x {}", x, sink=seen.append)
        return (x * x).sum()

    def step(x: Any) -> Any:
        x = x.trace()
        return sw.checkpoint(body, x).backward()[x]

    assert step(sw.ones((2,))).tolist() == [2.0, 2.0] and seen == ["x [1. 1.]"]
    assert sw.compile(step)(sw.ones((2,))).tolist() == [2.0, 2.0] and seen == ["x [1. 1.]"] * 2


def test_a_sink_that_raises_reaches_the_caller_and_the_step_has_happened() -> None:
    model = nn.Linear(2, 1, key=sw.Key(0))
    sgd = optim.SGD(model, lr=0.1)
    seen: list[str] = []

    def sink(text: str) -> None:
        seen.append(text)
        if len(seen) == 1:
            raise RuntimeError("the disk is full")

    @sw.compile
    def step(x: Tensor[[3, 2]]) -> Tensor[[]]:
        loss = model(x.trace()).sum()
        sw.debug_print("loss {:.1f}", loss, sink=sink)
        sw.debug_print("again {:.1f}", loss, sink=sink)
        sgd.update(loss.backward())
        return loss

    x = sw.ones((3, 2))
    before = model.weight.numpy().copy()
    with pytest.raises(RuntimeError, match="the disk is full"):
        step(x)
    np.testing.assert_allclose(model.weight.numpy(), before - 0.3, atol=1e-6)
    step(x)
    assert len(seen) == 3
    np.testing.assert_allclose(model.weight.numpy(), before - 0.6, atol=1e-6)


def test_a_sink_may_call_the_function_again() -> None:
    found: list[float] = []
    compiled: Any = sw.compile(lambda x: (sw.debug_print("{}", x, sink=sink), x + 1.0)[1])

    def sink(text: str) -> None:
        if float(text) < 3.0:
            found.append(compiled(sw.tensor(float(text) + 1.0)).item())

    assert compiled(sw.tensor(1.0)).item() == 2.0 and found == [4.0, 3.0]


def test_values_from_outside_and_numbers_of_python() -> None:
    seen: list[str] = []
    table = sw.tensor([1, 2])
    compiled: Any = sw.compile(lambda x: (sw.debug_print("{} {} {}", table, x, "text", sink=seen.append), x)[1])
    compiled(sw.tensor(True))
    assert seen == ["[1 2] True text"]


# ---- errors ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("compiled", [False, True])
def test_a_text_that_does_not_fit(compiled: bool) -> None:
    function: Any = lambda x: (sw.debug_print("{} {}", x), x)[1]  # noqa: E731  # compiled functions may be lambdas
    function = sw.compile(function) if compiled else function
    with pytest.raises(sw.ArgumentError) as caught:
        function(sw.ones((2,)))
    caught.value.path = None
    assert str(caught.value) == (
        "debug_print: the text '{} {}' does not fit its 1 value: "
        "Replacement index 1 out of range for positional args tuple\n"
        '  write  sw.debug_print("x is {}, y is {:.3f}", x, y) with a {} for each value; {:.3f} for one number'
    )


def test_arguments_of_another_kind() -> None:
    with pytest.raises(sw.ArgumentError) as caught:
        sw.debug_print(sw.ones((2,)))  # type: ignore[arg-type]
    assert str(caught.value) == (
        'debug_print: the first argument is the text, not Tensor\n  write  sw.debug_print("x is {}", x)'
    )
    with pytest.raises(sw.ArgumentError, match="sink is a function that takes the finished text, not 'file'"):
        sw.debug_print("{}", 1, sink="file")  # type: ignore[arg-type]
