"""Passes change no number: random programs are run before and after each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import ops
from shapewright.graph import Capture, Graph
from shapewright.graph.passes import (
    canonical,
    common_subexpressions,
    constant_folding,
    dead_code,
    prune,
    simplify,
    sums_of_pads,
)
from shapewright.tensor.tensor import make
from tests.test_random_programs import SHAPES, programs, run

PASSES = [dead_code, prune, canonical, common_subexpressions, constant_folding, sums_of_pads, simplify]


def captured(function: Any, arrays: list[np.ndarray]) -> Graph:
    capture = Capture(sw.Reference())
    with capture:
        outside = [sw.from_numpy(array, device=sw.Reference()) for array in arrays]
        inside = [make(capture.argument(x._spec, f"x{i}"), x._spec, capture) for i, x in enumerate(outside)]
        for result in function(inside):
            capture.graph.results.append(result._storage)
    capture.graph.check()
    return capture.graph


def evaluated(graph: Graph, arrays: list[np.ndarray]) -> list[np.ndarray]:
    return sw.Reference().compile(graph).run(arrays, [], [])[0]


@pytest.mark.parametrize("step", PASSES, ids=lambda step: step.__name__)
@settings(max_examples=40, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.integers(0, 2**32))
def test_no_number_changes(step: Any, program: list[Any], shapes: list[tuple[int, ...]], seed: int) -> None:
    random = np.random.default_rng(seed)
    arrays = [np.asarray(random.normal(size=shape)) for shape in shapes]

    def with_gradients(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        loss = run(program, traced)
        grads = loss.backward()
        return [loss, *[grads[x] for x in traced]]

    graph = captured(with_gradients, arrays)
    after = step(graph)
    after.check()
    for left, right in zip(evaluated(graph, arrays), evaluated(after, arrays), strict=True):
        np.testing.assert_array_equal(left, right)
    assert len(after.operations) <= len(graph.operations)


@settings(max_examples=40, deadline=None)
@given(programs(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
def test_simplifying_once_finds_everything(program: list[Any], shapes: list[tuple[int, ...]]) -> None:
    def with_gradients(inputs: list[Any]) -> list[Any]:
        traced = [x.trace() for x in inputs]
        grads = run(program, traced).backward()
        return [grads[x] for x in traced]

    graph = simplify(captured(with_gradients, [np.ones(shape) for shape in shapes]))
    assert str(simplify(graph)) == str(graph)


def names(graph: Graph) -> list[str]:
    return [operation.op.name for operation in graph.operations]


def test_dead_code_goes() -> None:
    graph = captured(lambda inputs: [inputs[0].exp(), *([inputs[0].sin()][:0])], [np.ones(3)])
    assert names(graph) == ["exp", "sin"]
    assert names(dead_code(graph)) == ["exp"]


def test_equal_operations_are_one() -> None:
    graph = captured(lambda inputs: [inputs[0].exp() + inputs[0].exp() * 2.0], [np.ones(3)])
    assert names(common_subexpressions(graph)) == ["exp", "mul", "add"]


def test_operations_that_differ_in_the_sign_of_zero_stay_two() -> None:
    def padded(inputs: list[Any]) -> list[Any]:
        return [inputs[0].pad((1,), (0,), value=0.0), inputs[0].pad((1,), (0,), value=-0.0)]

    graph = common_subexpressions(captured(padded, [np.ones(1)]))
    assert names(graph) == ["pad", "pad"]
    assert not np.signbit(evaluated(graph, [np.ones(1)])[0][0])


def test_a_check_of_constants_that_fails_is_left_to_the_program() -> None:
    graph = captured(lambda inputs: [sw.tensor([3]).one_hot(2)], [np.ones(1)])
    assert names(constant_folding(graph)) == ["one_hot"]
    with pytest.raises(sw.IndexRangeError):
        evaluated(constant_folding(graph), [np.ones(1)])


def test_views_of_views_are_one_and_identities_go() -> None:
    def moved(inputs: list[Any]) -> list[Any]:
        x = inputs[0]
        return [
            x.permute(axes=(1, 2, 0)).permute(axes=(2, 0, 1)) * 1.0,
            x.reshape((6, 4)).reshape((3, 8)),
            ops.neg(ops.neg(x.stop_gradient())),
        ]

    graph = simplify(captured(moved, [np.ones((2, 3, 4))]))
    assert names(graph) == ["reshape"]


def test_constants_are_computed_while_the_program_is_made() -> None:
    graph = captured(lambda inputs: [inputs[0] + (sw.ones((3,), dtype=sw.f64) * 2.0).exp()], [np.ones(3)])
    assert names(simplify(graph)) == ["add"]


# ---- sums of pads ---------------------------------------------------------------------------------------------------
def cut(x: Any, axis: int, places: list[tuple[int, int]]) -> list[Any]:
    """Give slices of x along an axis."""
    whole = [(0, size) for size in x._spec.sizes]
    spans = [[*whole[:axis], place, *whole[axis + 1 :]] for place in places]
    return [
        ops.slice(x, starts=tuple(a for a, _ in span), stops=tuple(b for _, b in span), steps=(1,) * len(span))
        for span in spans
    ]


def gradient_of_cuts(axis: int, places: list[tuple[int, int]], turn: bool = False) -> Any:
    """Give a function that gives the gradient of slices; `turn` makes them heads in another order."""

    def function(inputs: list[Any]) -> list[Any]:
        x = inputs[0].trace()
        total: Any = None
        for number, part in enumerate(cut(x, axis, places)):
            if turn:
                rows, columns = part._spec.sizes
                part = ops.permute(ops.reshape(part, sizes=(rows, columns // 2, 2)), axes=(1, 0, 2))
            part = ops.sum(part.sin() * float(number + 1), axes=tuple(range(len(part._spec.sizes))))
            total = part if total is None else total + part
        return [total.backward()[x]]

    return function


@pytest.mark.parametrize(
    ("axis", "places", "expected"),
    [
        (1, [(0, 4), (4, 6), (6, 10)], ["concat"]),
        (1, [(6, 10), (0, 4), (4, 6)], ["concat"]),
        (0, [(0, 1), (1, 3)], ["concat"]),
        (1, [(0, 4), (4, 4), (4, 10)], ["concat"]),
        (1, [(1, 4), (4, 6), (6, 9)], ["concat", "pad"]),
        # These leave a place out, or lie over one another.
        (1, [(0, 4), (5, 10)], ["pad", "pad"]),
        (1, [(0, 4), (3, 10)], ["pad", "pad"]),
        # A sum of two pads would become no fewer operations.
        (1, [(1, 4), (4, 9)], ["pad", "pad"]),
    ],
)
def test_pads_beside_each_other_are_put_one_after_the_other(
    axis: int, places: list[tuple[int, int]], expected: list[str]
) -> None:
    arrays = [np.random.default_rng(0).normal(size=(3, 10))]
    graph = captured(gradient_of_cuts(axis, places), arrays)
    after = sums_of_pads(graph)
    after.check()
    assert [name for name in names(after) if name in ("concat", "pad")] == expected
    np.testing.assert_array_equal(evaluated(graph, arrays)[0], evaluated(after, arrays)[0])


def test_slices_that_were_reshaped_are_put_together_before_their_axes_are_joined() -> None:
    arrays = [np.random.default_rng(0).normal(size=(3, 10))]
    graph = captured(gradient_of_cuts(1, [(0, 4), (4, 6), (6, 10)], turn=True), arrays)
    after = simplify(graph)
    after.check()
    assert names(after)[-1] == "reshape"
    concat = next(operation for operation in after.operations if operation.op is ops.concat)
    assert [variable.spec.sizes for variable in concat.variables] == [(3, 2, 2), (3, 1, 2), (3, 2, 2)]
    np.testing.assert_array_equal(evaluated(graph, arrays)[0], evaluated(after, arrays)[0])


def test_sums_of_pads_have_no_zeros_below_zero() -> None:
    def summed(inputs: list[Any]) -> list[Any]:
        (x,) = inputs
        return [x.pad((0,), (2,)) + x.pad((2,), (0,))]

    zeros = [np.array([-0.0, 1.0])]
    graph = captured(summed, zeros)
    after = sums_of_pads(graph)
    assert names(after) == ["add", "add", "concat"]
    for program in (graph, after):
        assert not np.signbit(evaluated(program, zeros)[0]).any()


def test_pads_that_others_need_or_that_are_not_of_zeros_stay() -> None:
    def needed(inputs: list[Any]) -> list[Any]:
        (x,) = inputs
        first = x.pad((0,), (2,))
        return [first + x.pad((2,), (0,)), first]

    def of_ones(inputs: list[Any]) -> list[Any]:
        (x,) = inputs
        return [x.pad((0,), (2,), value=1.0) + x.pad((2,), (0,), value=1.0)]

    for function in (needed, of_ones):
        graph = captured(function, [np.ones(2)])
        assert names(sums_of_pads(graph)) == names(graph)


def test_what_a_loop_gives_and_reads_in_vain_goes() -> None:
    def looped(inputs: list[Any]) -> list[Any]:
        unused = inputs[1].exp()
        body = lambda h, x: (h + x.sin(), (h.cos(), x * unused))  # noqa: E731  # as users write it
        return [sw.scan(body, inputs[0], sw.stack((inputs[0], inputs[0]), axis=0))[0]]

    arrays = [np.ones(3), np.ones(3)]
    graph = captured(looped, arrays)
    after = prune(graph)
    after.check()
    assert "exp" in names(graph) and "exp" not in names(after)
    (loop,) = [operation for operation in after.operations if operation.op.name == "scan"]
    assert names(loop.params["body"].graph) == ["sin", "add"] and len(loop.operands) == 2
    np.testing.assert_array_equal(evaluated(graph, arrays)[0], evaluated(after, arrays)[0])


def test_the_text_of_a_loop_and_of_a_choice() -> None:
    def looped(inputs: list[Any]) -> list[Any]:
        x = inputs[0]
        last = sw.scan(lambda h, nothing: (h * x, None), x, length=4)[0]
        return [sw.cond(last.sum() > 0.0, lambda v: v.exp(), lambda v: v, last)]

    assert str(simplify(captured(looped, [np.ones(3)]))) == (
        "arguments x0: f64[3]\n"
        "  v1: scan(x0, x0, length=4, same=1, carries=1, reverse=False, backwards=False, draws=())\n"
        "    body:\n"
        "      arguments x0: f64[3], v1: f64[3]\n"
        "        v2: f64[3] = mul(v1, x0)\n"
        "      return v2\n"
        "  v2: f64[3] = part(v1, index=0)\n"
        "  v3: f64[] = sum(v2, axes=(0,))\n"
        "  v4: bool[] = gt(v3, 0.0)\n"
        "  v5: cond(v4, v2, draws=((), ()))\n"
        "    yes:\n"
        "      arguments v0: f64[3]\n"
        "        v1: f64[3] = exp(v0)\n"
        "      return v1\n"
        "    no:\n"
        "      arguments v0: f64[3]\n"
        "      return v0\n"
        "  v6: f64[3] = part(v5, index=0)\n"
        "return v6"
    )
