"""Sizes with names: their algebra, and which axis a target means."""

from __future__ import annotations

import copy
import itertools
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shapewright as sw
from shapewright.shapes import rules
from shapewright.shapes.dim import Dim, Scope, describe, merge, same_axis
from shapewright.shapes.resolve import axes_of


def named(*names: str, sizes: tuple[int, ...] = (2, 3, 5)) -> list[Dim]:
    scope = Scope()
    return [Dim.named(size, name, scope) for name, size in zip(names, sizes, strict=False)]


def test_a_dim_is_its_number() -> None:
    (b,) = named("B")
    assert b == 2 and hash(b) == hash(2) and isinstance(b, int)
    assert list(range(3))[b] == 2
    assert str(b) == "2" and f"{b}" == "2"


@given(st.lists(st.sampled_from("abc+-*/"), max_size=12), st.tuples(*[st.integers(1, 9)] * 3))
def test_arithmetic_has_the_numbers_of_ints(program: list[str], sizes: tuple[int, int, int]) -> None:
    dims = dict(zip("abc", named("A", "B", "C", sizes=sizes), strict=True))
    plain = dict(zip("abc", sizes, strict=True))
    left, right = dims["a"], plain["a"]
    for step, other in itertools.zip_longest(program[::2], program[1::2], fillvalue="b"):
        if step not in "+-*/" or other not in "abc":
            continue
        d, n = dims[other], plain[other]
        match step:
            case "+":
                left, right = left + d, right + n
            case "-":
                left, right = left - d, right - n
            case "*":
                left, right = left * d, right * n
            case "/":
                left, right = left // d, right // n
    assert left == right


def test_equal_polynomials_are_one_axis() -> None:
    b, t, d = named("B", "T", "D")
    assert same_axis(b * t, t * b)
    assert same_axis((b + 1) * t, t + b * t)
    assert same_axis(4 * d, d * 2 + 2 * d)
    assert same_axis((b * t) // t, b)
    assert same_axis((d // b), d // b)
    assert same_axis(d // b, d // t) is False
    assert same_axis(b, t) is False
    assert same_axis(b, 2) is None
    assert b * t - t * b == 0 and type(b * t - t * b) is int


def test_names_of_different_scopes_tell_nothing_of_each_other() -> None:
    (b,) = named("B")
    (other,) = named("B")
    assert same_axis(b, other) is None
    assert same_axis(merge(b, other), other) is True
    assert same_axis(merge(b, other), b) is True


def test_names_are_shown() -> None:
    b, t, d = named("B", "T", "D")
    assert describe((b, t * d, 4 * d - 1, 7)) == "[B=2, T * D=15, 4 * D - 1=19, 7]"


def test_what_leaves_the_process_is_the_number() -> None:
    (b,) = named("B")
    assert type(pickle.loads(pickle.dumps(b))) is int
    assert copy.deepcopy(b) is b


@given(st.lists(st.integers(1, 4), max_size=5), st.data())
def test_targets_of_plain_numbers_mean_what_brute_force_finds(source: list[int], draw: st.DataObject) -> None:
    kept = draw.draw(st.sets(st.integers(0, max(len(source) - 1, 0)))) if source else set()
    target = tuple(source[i] for i in sorted(kept))
    ways = [c for c in itertools.combinations(range(len(source)), len(target)) if tuple(source[i] for i in c) == target]
    if len(ways) == 1:
        assert axes_of(rules.reduce_shape, tuple(source), target) == ways[0]
        assert axes_of(rules.broadcast_shape, target, tuple(source), grows=True) == ways[0]
    else:
        with pytest.raises(sw.ShapeError, match="ambiguous"):
            axes_of(rules.reduce_shape, tuple(source), target)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.data())
def test_targets_of_names_mean_their_axes(sizes: list[int], draw: st.DataObject) -> None:
    scope = Scope()
    source = tuple(Dim.named(size, f"N{i}", scope) for i, size in enumerate(sizes))
    kept = tuple(sorted(draw.draw(st.sets(st.integers(0, len(sizes) - 1)))))
    assert axes_of(rules.reduce_shape, source, tuple(source[i] for i in kept)) == kept
    order = tuple(draw.draw(st.permutations(range(len(sizes)))))
    assert axes_of(rules.permute_shape, source, tuple(source[i] for i in order), ordered=False) == order


def test_a_name_that_an_axis_does_not_have_is_no_axis_even_if_the_number_fits() -> None:
    b, t, _ = named("B", "T", "D", sizes=(4, 4, 8))
    with pytest.raises(sw.ShapeError):
        axes_of(rules.reduce_shape, (b, 8), (t,))


def test_numbers_decide_beside_names() -> None:
    b, t, _ = named("B", "T", "D", sizes=(4, 4, 8))
    assert axes_of(rules.reduce_shape, (b, t, 8), (b, 8)) == (0, 2)
    assert axes_of(rules.reduce_shape, (b, t, 8), (b, 4)) == (0, 1)
    assert axes_of(rules.permute_shape, (b, t, 8), (4, b, 8), ordered=False) == (1, 0, 2)
    with pytest.raises(sw.ShapeError, match="ambiguous"):
        axes_of(rules.reduce_shape, (b, t, 8), (4, 8))
