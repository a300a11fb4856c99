"""`sw.compile`: one program does what the function did, numbers, cells, keys and errors."""

from __future__ import annotations

import math
import re
import threading
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, nn, optim
from shapewright.shapes.errors import CaptureError


class Mlp[I: IntVar, H: IntVar, O: IntVar](nn.Module):
    def __init__(self, inputs: Int[I], hidden: Int[H], outputs: Int[O]) -> None:
        self.up = nn.Linear(inputs, hidden, key=sw.Key(1))
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(0.3, key=sw.Key(3))
        self.down = nn.Linear(hidden, outputs, key=sw.Key(2))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        return self.down(self.drop(self.norm(self.up(x)).relu()))


def training() -> tuple[Mlp, optim.Adam, Any]:
    model = Mlp(6, 8, 3)
    adam = optim.Adam(model, lr=0.05)

    def step[B: IntVar](x: Tensor[[B, 6]], y: Tensor[[B], sw.i64]) -> Tensor[[]]:
        loss = nn.cross_entropy(model(x.trace()), y)
        adam.update(loss.backward())
        return loss

    return model, adam, step


def batch(size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(seed)
    x = sw.from_numpy(random.normal(size=(size, 6)).astype(np.float32))
    return x, sw.from_numpy(random.integers(0, 3, size))


def test_a_training_step_is_one_program_with_the_same_numbers() -> None:
    eager_model, _, eager = training()
    model, _, step = training()
    compiled = sw.compile(step)
    for turn in range(6):
        x, y = batch(5 if turn % 3 else 4, turn)
        assert compiled(x, y).item() == pytest.approx(eager(x, y).item(), rel=1e-6)
    for name, value in eager_model.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name].numpy(), value.numpy(), rtol=1e-5, atol=1e-6)
    assert len(compiled.__compiled__.programs) == 2
    assert not compiled(*batch(4)).is_traced


def test_settings_that_live_in_cells_are_read_at_each_call() -> None:
    model, adam, step = training()
    compiled = sw.compile(step)
    compiled(*batch(4))
    adam.lr = 1e-9
    before = model.down.weight.numpy().copy()
    compiled(*batch(4))
    np.testing.assert_allclose(model.down.weight.numpy(), before, atol=1e-7)
    model.down.weight.assign(sw.zeros((3, 8)))
    model.down.bias.assign(sw.zeros((3,)))
    assert compiled(*batch(4)).item() == pytest.approx(np.log(3), rel=1e-5)


def test_keys_advance_as_in_eager() -> None:
    eager_key, key = sw.Key(4), sw.Key(4)

    @sw.compile
    def draw() -> tuple[Tensor[[3]], Tensor[[2]]]:
        return sw.rand((3,), key=key), sw.randn((2,), key=key)

    for _ in range(3):
        uniform, normal = draw()
        np.testing.assert_array_equal(uniform.numpy(), sw.rand((3,), key=eager_key).numpy())
        np.testing.assert_array_equal(normal.numpy(), sw.randn((2,), key=eager_key).numpy())
    assert key.state == eager_key.state


class Pair(NamedTuple):
    left: Tensor
    right: Any


def test_arguments_and_results_in_containers() -> None:
    @sw.compile
    def swap(pair: Any, rest: Any, *, scale: float) -> Any:
        return {"pair": Pair(pair.right["x"] * scale, [pair.left]), "rest": (rest[0] + 1.0, scale, None)}

    one, two, three = sw.tensor([1.0]), sw.tensor([2.0, 2.0]), sw.tensor([3.0])
    result = swap(Pair(one, {"x": two}), [three], scale=10.0)
    assert result["pair"].left.tolist() == [20.0, 20.0] and result["pair"].right[0].tolist() == [1.0]
    assert result["rest"][0].tolist() == [4.0] and result["rest"][1:] == (10.0, None)
    assert swap(Pair(one, {"x": two}), [three], scale=2.0)["pair"].left.tolist() == [4.0, 4.0]


def test_arguments_that_are_equal_and_not_the_same_have_programs_of_their_own() -> None:
    scaled: Any = sw.compile(lambda x, by: x / by)
    ones = sw.ones((2,))
    assert scaled(ones, 0.0).tolist() == [np.inf, np.inf]
    assert scaled(ones, -0.0).tolist() == [-np.inf, -np.inf]
    assert np.isnan(scaled(ones, float("nan")).numpy()).all() and np.isnan(scaled(ones, float("nan")).numpy()).all()
    assert scaled(ones, by=0.0).tolist() == [np.inf, np.inf]
    assert len(scaled.__compiled__.programs) == 4


def test_one_value_in_two_cells_and_in_the_result_stays_what_it_was() -> None:
    first, second = sw.Parameter(sw.ones((3,))), nn.Buffer(sw.zeros((3,)))

    @sw.compile
    def step(x: Tensor) -> tuple[Tensor, Tensor]:
        sum_ = (first + second + x).stop_gradient()
        first.assign(sum_)
        second.assign(sum_)
        return sum_, sum_.reshape((1, 3))

    x = sw.ones((3,))
    results = [step(x) for _ in range(3)]
    assert [(left.tolist(), right.tolist()) for left, right in results] == [
        ([number] * 3, [[number] * 3]) for number in (2.0, 5.0, 11.0)
    ]
    assert first.tolist() == second.tolist() == [11.0] * 3 and x.tolist() == [1.0] * 3


def test_what_the_function_closes_over_is_constant_and_its_own_arithmetic_on_it_is_done_once() -> None:
    table = sw.tensor([1.0, 2.0])
    compiled: Any = sw.compile(lambda x: x + (table * table).sum())
    assert compiled(sw.tensor(1.0)).item() == 6.0
    (program,) = compiled.__compiled__.programs.values()
    assert [operation.op.name for operation in program.graph.operations] == ["add"]


def test_a_compiled_function_inside_another_is_part_of_it() -> None:
    inner: Any = sw.compile(lambda x: x * 2.0)
    outer: Any = sw.compile(lambda x: inner(x).sum())
    assert outer(sw.ones((3,))).item() == 6.0


def test_the_axes_of_an_inner_compiled_function_have_the_names_of_its_own_annotations() -> None:
    @sw.compile
    def columns[B: IntVar, D: IntVar](x: Tensor[[B, D]]) -> Tensor[[D]]:
        b, d = x.shape
        return x.sum((d,))

    @sw.compile
    def outer(x: Tensor) -> Tensor:
        return columns(x) * 2.0

    assert outer(sw.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist() == [8.0, 12.0]
    with pytest.raises(sw.ShapeError, match="columns: x has 1 axis"):
        outer(sw.ones((2,)))


def test_the_text_of_a_program() -> None:
    weight = sw.Parameter(sw.ones((3, 2)))

    @sw.compile
    def apply(x: Tensor[[4, 3]]) -> Tensor[[4, 2]]:
        return (x @ weight).relu()

    apply(sw.ones((4, 3)))
    (program,) = apply.__compiled__.programs.values()
    assert str(program.graph) == (
        "arguments x: f32[4, 3]\n"
        "cells cell: f32[3, 2]\n"
        "  v2: f32[4, 2] = matmul(x, cell)\n"
        "  v3: f32[4, 2] = relu(v2)\n"
        "return v3"
    )


# ---- errors ---------------------------------------------------------------------------------------------------------
TO_SEE = 'sw.debug_print("{}", x) to see it, or return it and read it outside'
TRUTH = (
    "`if`, `while`, `and`, `or`, `not`, `assert`: whether a tensor is true is",
    (
        "sw.where(condition, a, b) to choose numbers, sw.cond(condition, yes, no, x) to choose what is computed, "
        "sw.scan(body, carry, xs) for a loop"
    ),
)
NUMBER = (
    "item, float(), int(): the number in a tensor is",
    f"the tensor itself, which operations take where they take numbers; {TO_SEE}",
)
COUNT = (
    "range(), or a place in a list: the number in a tensor is",
    (
        "sizes, which are known: `for t in range(x.shape[0])`; sw.scan(body, carry, xs) for a loop, "
        "x.take(places, axis=0) for rows"
    ),
)
NUMBERS = ("numpy, tolist: the numbers of a tensor are", f"operations on the tensor itself; {TO_SEE}")
PRINT = ("print, str, f-string: the numbers of a tensor are", TO_SEE)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda x: 1 if x else 2, TRUTH),
        (lambda x: x and x + 1.0, TRUTH),
        (lambda x: not x, TRUTH),
        (bool, TRUTH),
        (lambda x: x.item(), NUMBER),
        (float, NUMBER),
        (int, NUMBER),
        (lambda x: math.sqrt(x), NUMBER),
        (range, COUNT),
        (lambda x: [1, 2, 3][x], COUNT),
        (lambda x: x.numpy(), NUMBERS),
        (lambda x: x.tolist(), NUMBERS),
        (np.asarray, NUMBERS),
        (print, PRINT),
        (str, PRINT),
        (lambda x: f"{x}", PRINT),
    ],
)
def test_numbers_cannot_be_asked_for(ask: Any, text: tuple[str, str]) -> None:
    compiled: Any = sw.compile(lambda x: [ask(x.sum()), x][1])
    with pytest.raises(sw.CaptureError) as caught:
        compiled(sw.ones((2,)))
    assert str(caught.value) == (
        f"{text[0]} not known while sw.compile records the program\n"
        "  tensor  [] of f32\n"
        "  in      <lambda>()\n"
        f"  write   {text[1]}"
    )


def test_a_comparison_has_no_truth_yet() -> None:
    compiled: Any = sw.compile(lambda x: x if x.sum() > 0 else -x)
    with pytest.raises(sw.CaptureError, match=r"whether a tensor is true is not known(.|\n)*\[\] of bool"):
        compiled(sw.ones((2,)))


def test_what_is_known_while_a_program_is_recorded_can_be_asked_for() -> None:
    count = sw.tensor(3)

    def function(x: Any) -> Any:
        # Sizes, tensors from outside, and rows one after the other.
        for _ in range(count):
            x = x + float(x.shape[0])
        return sum(list(x), start=x[0])

    compiled: Any = sw.compile(function)
    assert compiled(sw.zeros((2, 1))).tolist() == [18.0] == function(sw.zeros((2, 1))).tolist()


def test_a_captured_tensor_has_a_repr_for_debuggers() -> None:
    seen = []
    compiled: Any = sw.compile(lambda x: seen.append(repr(x)) or x * 1.0)
    compiled(sw.ones((2,)))
    assert seen == ["Tensor[[2], f32] on capture"]


def test_annotations_are_checked_at_each_call() -> None:
    _, _, step = training()
    compiled = sw.compile(step)
    x, y = batch(4)
    compiled(x, y)
    with pytest.raises(sw.ShapeError, match=r"step: axis 0 of y has size 3, and B = 4 is needed"):
        compiled(x, y[:3])
    with pytest.raises(sw.DTypeError, match="y has elements of type f32, and i64 is needed"):
        compiled(x, y.to(sw.f32))


def test_a_failing_capture_leaves_everything_as_it_was() -> None:
    model, _, step = training()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}

    def broken(x: Any, y: Any) -> Any:
        step(x, y)
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        sw.compile(broken)(*batch(4))
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    step(*batch(4))


def test_a_failing_run_leaves_everything_as_it_was() -> None:
    model, _, step = training()
    compiled = sw.compile(step)
    x, y = batch(4)
    compiled(x, y)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    with pytest.raises(sw.IndexRangeError):
        compiled(x, y + 7)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_what_a_program_cannot_take_or_give() -> None:
    identity: Any = sw.compile(lambda x: x)
    with pytest.raises(sw.CaptureError, match="argument x is traced"):
        identity(sw.ones((2,)).trace())
    maker: Any = sw.compile(lambda x: nn.Linear(2, 2)(x))
    with pytest.raises(sw.CaptureError, match="a Parameter is made while sw.compile records the program"):
        maker(sw.ones((1, 2)))
    giver: Any = sw.compile(lambda x: object())
    with pytest.raises(sw.CaptureError, match="gives tensors, numbers, and tuples, .* of them, not object"):
        giver(sw.ones((2,)))
    pair: Any = sw.compile(lambda x, y: x + y)
    with pytest.raises(sw.DeviceError, match="the arguments are on different devices"):
        pair(sw.ones((2,)), sw.ones((2,), device=sw.Reference()))
    weight = sw.Parameter(sw.ones((2,)))
    elsewhere: Any = sw.compile(lambda x: x * weight)
    with pytest.raises(sw.DeviceError, match=r"is on Cpu\(\), and the program runs on Reference\(\)"):
        elsewhere(sw.ones((2,), device=sw.Reference()))


KEPT = """
this tensor was kept from a function while sw.compile recorded it; there it stands for the numbers of each call, and \
here it has none
  tensor  [3] of f32
  write   return it from the compiled function; what lasts from call to call is an nn.Buffer, which it may assign
"""
KEPT_AND_ADDED = """
add: this tensor was kept from a function while sw.compile recorded it; there it stands for the numbers of each call, \
and here it has none
  a      Tensor[[3]]
  b      Tensor[[3]]
  write  return it from the compiled function; what lasts from call to call is an nn.Buffer, which it may assign
"""


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda kept: kept.numpy(), KEPT),
        (lambda kept: kept.sum().item(), KEPT_AND_ADDED.replace("add:", "sum:").replace("a      ", "x      ")),
        (lambda kept: f"{kept}", KEPT),
        (lambda kept: kept + kept, KEPT_AND_ADDED),
        (lambda kept: kept + sw.ones((3,)), KEPT_AND_ADDED),
        (lambda kept: sw.ones((3,)) + kept, KEPT_AND_ADDED),
        (lambda kept: sw.compile(lambda x: x + kept)(sw.ones((3,))), KEPT_AND_ADDED),
    ],
)
def test_a_tensor_kept_from_a_recording_has_no_numbers(use: Any, text: str) -> None:
    kept: list[Any] = []

    @sw.compile
    def step(x: Tensor) -> Tensor:
        kept.append(x * 2.0)
        return x

    step(sw.ones((3,)))
    with pytest.raises(sw.CaptureError) as caught:
        use(kept[0])
    want = text.strip()
    if want.startswith("sum"):
        want = want.replace("  b      Tensor[[3]]\n", "  axes   (0,)\n")
    assert [line for line in str(caught.value).splitlines() if not line.startswith("  in ")] == want.splitlines()


def test_errors_of_a_run_name_the_loss() -> None:
    @sw.compile
    def loss(logits: Any, labels: Any) -> Tensor:
        return nn.cross_entropy(logits, labels, ignore_index=9)

    assert loss(sw.zeros((2, 3)), sw.tensor([2, 9])).item() == pytest.approx(np.log(3))
    for labels, label, hint in (([0, 3], 3, "\n  write    labels that count from 0"), ([0, -1], -1, "")):
        with pytest.raises(sw.IndexRangeError) as caught:
            loss(sw.zeros((2, 3)), sw.tensor(labels))
        assert str(caught.value) == (
            f"cross_entropy: the class label {label} at [1] is out of range\n"
            "  target   Tensor[[2], i64]\n"
            "  allowed  0 to 2, and ignore_index=9\n"
            f"  in       cross_entropy(){hint}"
        )


class Words(nn.Module):
    """A layer in a layer, whose indices may be wrong."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(5, 2)
        self.head = nn.Linear(2, 3)

    def __call__(self, x: Any) -> Tensor:
        return self.head(self.embedding(x))


def test_errors_of_a_run_name_the_layer_as_eager_ones_do() -> None:
    model = Words()
    bad = sw.tensor([[1, 5]])
    text = (
        "take: the index 5 at [0, 1] is out of range\n"
        "  allowed  0 to 4\n"
        "  x        Tensor[[5, 2]]\n"
        "  indices  Tensor[[1, 2], i64]\n"
        "  axis     0\n"
        "  in       Words.embedding (Embedding)"
    )
    twice = sw.compile(lambda x: sw.scan(lambda carry, row: (carry + model(row).sum(), None), sw.zeros(()), x)[0])
    for call in (model, sw.compile(lambda x: model(x)), sw.compile(lambda x: model(x.clip(min=0)) * 2.0), twice):
        with pytest.raises(sw.IndexRangeError) as caught:
            call(bad)
        same = text if call is not twice else text.replace("[1, 2]", "[2]").replace("[0, 1]", "[1]")
        assert str(caught.value) == same


def test_scattering_out_of_range_is_named_as_it_was_written() -> None:
    def scattered(x: Tensor, indices: Tensor) -> Tensor:
        return x.scatter_add(indices, sw.ones((1, 4)), axis=0)

    for call, where in ((scattered, ""), (sw.compile(scattered), "\n  in       scattered()")):
        with pytest.raises(sw.IndexRangeError) as caught:
            call(sw.ones((3, 4)), sw.tensor([[5, 0, 0, 0]]))
        assert str(caught.value) == (
            "scatter_add: the index 5 at [0, 0] is out of range\n"
            "  allowed  0 to 2\n"
            "  source   Tensor[[1, 4]]\n"
            "  indices  Tensor[[1, 4], i64]\n"
            f"  axis     0\n  size     3{where}"
        )


def test_too_many_arguments_are_pythons_error() -> None:
    nothing: Any = sw.compile(lambda: sw.ones((2,)))
    for _ in range(2):
        with pytest.raises(TypeError, match="takes 0 positional arguments but 1 was given"):
            nothing(sw.ones((2,)))


def test_arrays_are_no_arguments_and_numbers_of_numpy_are_numbers() -> None:
    step: Any = sw.compile(lambda x, scale: (x["of"][0] * scale).sum())
    with pytest.raises(sw.ArgumentError) as caught:
        step({"of": (np.ones((3, 2)),)}, 2.0)
    assert str(caught.value) == (
        "<lambda>: argument x.of.0 is a NumPy array, and a tensor is needed\n"
        "  array  [3, 2] of float64\n"
        "  write  sw.from_numpy(array)"
    )
    for _ in range(3):
        assert step({"of": (sw.ones((1,)),)}, np.float32(2.0)).item() == 2.0
    assert len(step.__compiled__.programs) == 1
    assert step({"of": (sw.ones((1,)),)}, np.float32(3.0)).item() == 3.0


def test_threads_share_one_compiled_step() -> None:
    total = sw.Parameter(sw.tensor(0.0))

    @sw.compile
    def count(x: Tensor[[]]) -> Tensor[[]]:
        total.assign((total + x).stop_gradient())
        return x

    threads = [threading.Thread(target=lambda: [count(sw.tensor(1.0)) for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total.item() == 400.0


def test_a_tensor_from_outside_may_come_first() -> None:
    mask, number = sw.tensor([True, False]), sw.tensor([2.0, 3.0])

    @sw.compile
    def chosen(x: sw.Tensor) -> sw.Tensor:
        return sw.where(mask, x, 0.0) + number * x

    assert chosen(sw.tensor([1.0, 1.0])).tolist() == [3.0, 3.0]


def test_a_key_made_inside_gives_the_same_numbers_at_each_call() -> None:
    def drawn(x: sw.Tensor) -> sw.Tensor:
        first, second = sw.Key(5).split(2)
        return x + sw.rand((3,), key=first) + sw.rand((3,), key=second)

    x = sw.zeros((3,))
    compiled = sw.compile(drawn)
    assert compiled(x).tolist() == compiled(x).tolist() == drawn(x).tolist()


def test_a_key_from_outside_is_not_split_inside() -> None:
    key = sw.Key(5)
    compiled = sw.compile(lambda x: x + sw.rand((3,), key=key.split(1)[0]))
    with pytest.raises(CaptureError) as caught:
        compiled(sw.zeros((3,)))
    assert str(caught.value) == (
        "split: the position of a key is not known while sw.compile records the program\n"
        "  in     <lambda>()\n"
        "  write  keys split outside the compiled function; or draw from the key itself, which each call moves on"
    )


@pytest.mark.parametrize(
    "function",
    [lambda x: x + 300, lambda x: -1 - x, lambda x: sw.where(x == 1, 300, x), lambda x: x.maximum(2**40)],
    ids=["add", "sub", "where", "maximum"],
)
def test_numbers_that_no_element_can_hold_are_refused_as_in_eager(function: Any) -> None:
    x = sw.from_numpy(np.array([1], np.uint8))
    with pytest.raises(sw.ArgumentError) as eager:
        function(x)
    with pytest.raises(sw.ArgumentError) as compiled:
        sw.compile(function)(x)
    assert str(compiled.value).splitlines()[0] == str(eager.value).splitlines()[0]
    assert "does not fit among the tensor's elements, which go from 0 to 255" in str(compiled.value)


def test_a_comparison_with_a_number_that_no_element_can_be() -> None:
    x = sw.from_numpy(np.array([1], np.uint8))
    assert sw.compile(lambda x: x < 300)(x).tolist() == [True]


def test_what_is_given_back_is_tensors() -> None:
    weight = sw.Parameter(sw.ones((2,)))
    for give, hint in (
        (lambda x: weight, "p + 0.0, its value at this point of the program"),
        (lambda x: x.trace().sum().backward(), "gradients[p], a tensor, for each p that is asked for"),
        (lambda x: SimpleNamespace(x=x), "a tuple or a dict of its tensors"),
    ):
        with pytest.raises(sw.CaptureError, match=f"gives tensors, numbers(.|\n)*write  {re.escape(hint)}"):
            sw.compile(give)(sw.ones((2,)))


def test_a_kept_tensor_is_no_argument() -> None:
    kept: list[Any] = []
    sw.compile(lambda x: (kept.append(x * 2.0), x)[1])(sw.ones((2,)))
    with pytest.raises(sw.CaptureError, match="this tensor was kept from a function while sw.compile recorded it"):
        sw.compile(lambda x: x * 2.0)(kept[0])


# ---- cells in loops and choices, given what is around ----------------------------------------------------------------
def test_a_cell_is_assigned_a_value_from_around_a_choice_or_a_loop() -> None:
    buffer = nn.Buffer(sw.zeros(()))

    @sw.compile
    def chosen(x: Tensor) -> Tensor:
        total = x.sum()

        def yes(x: Tensor) -> Tensor:
            buffer.assign(total)
            return x

        return sw.cond(total > 0.0, yes, lambda x: x, x)

    @sw.compile
    def looped(x: Tensor) -> Any:
        total = x.sum()

        def body(carry: Tensor, row: Tensor) -> Any:
            buffer.assign(total)
            return carry + row, None

        return sw.scan(body, sw.zeros(()), x)[0]

    for x, held in ((sw.ones((3,)), 3.0), (sw.full((3,), -1.0), 3.0), (sw.full((3,), 2.0), 6.0)):
        chosen(x)
        assert buffer.item() == held
    assert looped(sw.full((3,), -1.0)).item() == -3.0
    assert buffer.item() == -3.0


def test_an_update_is_skipped_where_gradients_are_not_finite() -> None:
    model, other = (nn.Linear(3, 2, key=sw.Key(1)) for _ in range(2))
    adam, alone = optim.Adam(model, lr=0.1), optim.Adam(other, lr=0.1)

    @sw.compile
    def step(x: Tensor) -> Tensor:
        loss = model(x.trace()).square().sum()
        grads = loss.backward()

        def update(loss: Tensor) -> Tensor:
            adam.update(grads)
            return loss

        return sw.cond(optim.global_norm(grads).isfinite(), update, lambda loss: loss, loss.stop_gradient())

    for x in (sw.ones((2, 3)), sw.full((2, 3), float("inf")), sw.full((2, 3), 0.5)):
        step(x)
        if x.isfinite().all().item():
            alone.update(other(x.trace()).square().sum().backward())
        np.testing.assert_allclose(model.weight.numpy(), other.weight.numpy(), rtol=1e-5, atol=1e-6)


def test_a_value_of_another_device_is_not_assigned() -> None:
    buffer = nn.Buffer(sw.zeros(()))
    elsewhere = sw.ones((), device=sw.Reference())
    for call, where in (
        (buffer.assign, ""),
        (sw.compile(lambda x: (buffer.assign(elsewhere), x)[1]), "\n  in     <lambda>()"),
    ):
        with pytest.raises(sw.DeviceError) as caught:
            call(elsewhere) if not where else call(sw.ones(()))
        assert str(caught.value) == (
            "assign: this buffer keeps its device, Cpu(), and the value is on Reference()"
            f"{where}\n  write  value.to(Cpu())"
        )


# ---- what a function gives back -------------------------------------------------------------------------------------
def test_what_is_given_back_is_what_the_annotation_says() -> None:
    def forgotten(x: Tensor[[3]]) -> Tensor[[3]]:  # pyrefly: ignore[bad-return]
        x * 2.0

    def alone(x: Tensor[[3]]) -> tuple[Tensor[[3]], Tensor[[3]]]:
        return x  # pyrefly: ignore[bad-return]

    def three(x: Tensor[[3]]) -> tuple[Tensor[[3]], Tensor[[3]]]:
        return x, x, x  # pyrefly: ignore[bad-return]

    nothing = "the result is NoneType, and a tensor is needed"
    for function, text in (
        (forgotten, f"{nothing}\n  needed  Tensor[[3]]\n  in      {{}}()\n  write   return, and the tensor"),
        (alone, "the result is Tensor, and a tuple of 2 is needed\n  in  {}()"),
        (three, "the result is a tuple of 3, and a tuple of 2 is needed\n  in  {}()"),
    ):
        for made in (sw.checked, sw.compile):
            with pytest.raises(sw.ShapeError) as caught:
                made(function)(sw.ones((3,)))
            assert str(caught.value) == f"{function.__name__}: {text.format(function.__name__)}"


def test_a_tensor_is_given_back_where_a_size_belongs() -> None:
    def counted[N: IntVar](x: Tensor[[N]]) -> Int[N]:
        return x.sum()  # pyrefly: ignore[bad-return]

    with pytest.raises(sw.ArgumentError) as caught:
        sw.checked(counted)(sw.ones((3,)))
    assert str(caught.value) == "counted: the result is a size, an int, not Tensor\n  in  counted()"
