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
from shapewright.graph.passes import canonical, common_subexpressions, constant_folding, dead_code, simplify
from shapewright.tensor.tensor import make
from tests.test_random_programs import SHAPES, programs, run

PASSES = [dead_code, canonical, common_subexpressions, constant_folding, simplify]


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
