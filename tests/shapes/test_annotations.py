"""Annotations are read as Pyrefly reads them, in each of their spellings."""

from __future__ import annotations

from typing import Any

import pytest

import shapewright as sw
from shapewright import Int, IntVar, Shaped, Tensor
from shapewright.shapes.annotations import IntPattern, Splat, TensorPattern, TuplePattern, pattern_of


@pytest.mark.parametrize(
    "spelling",
    [
        "Tensor[[B, 4 * D], i64]",
        "sw.Tensor[[B, 4 * D], sw.i64]",
        'Tensor["[B, 4 * D]", i64]',
        'Tensor["[B, 4 * D], i64"]',
        "'Tensor[[B, 4 * D], i64]'",
        "Tensor[[B, 4 * D], i64] | None",
        "Parameter[[B, 4 * D], i64]",
        'Shaped[Tensor, "[B, 4 * D], i64"]',
    ],
)
def test_one_meaning_in_many_spellings(spelling: str) -> None:
    pattern = pattern_of(spelling)
    assert isinstance(pattern, TensorPattern) and pattern.dims is not None
    first, second = pattern.dims
    assert not isinstance(first, Splat) and not isinstance(second, Splat)
    assert first.name == "B" and second.name is None
    assert second.evaluate({"D": 5}) == 20
    assert pattern.dtype is sw.i64


def test_what_python_evaluated_is_read_as_well() -> None:
    class B: ...

    evaluated: Any = Tensor[[B, 3], sw.i64]
    pattern = pattern_of(evaluated)
    assert isinstance(pattern, TensorPattern) and pattern.dims is not None and len(pattern.dims) == 2
    assert pattern.dtype is sw.i64
    shaped: Any = Shaped[Tensor, "[B, 2 * D]"]
    pattern = pattern_of(shaped)
    assert isinstance(pattern, TensorPattern) and pattern.dims is not None and pattern.dtype is sw.f32


def test_the_default_element_type_is_f32_and_a_name_is_bound() -> None:
    plain, generic = pattern_of("Tensor[[B]]"), pattern_of("Tensor[[B], DT]")
    boolean = pattern_of("Tensor[[B], sw.bool]")
    assert isinstance(plain, TensorPattern) and plain.dtype is sw.f32
    assert isinstance(generic, TensorPattern) and generic.dtype == "DT"
    assert isinstance(boolean, TensorPattern) and boolean.dtype is sw.bool


def test_bare_tensors_tuples_and_sizes() -> None:
    bare = pattern_of("Tensor")
    assert isinstance(bare, TensorPattern) and bare.dims is None and bare.dtype is None
    assert isinstance(pattern_of("tuple[Tensor[[B]], Tensor[[B, D]]]"), TuplePattern)
    assert isinstance(pattern_of("Int[4 * N]"), IntPattern)
    assert pattern_of("int") is None and pattern_of("list[str]") is None and pattern_of("not python(") is None


def test_unquoted_and_quoted_functions_bind_the_same() -> None:
    @sw.checked
    def quoted[B: IntVar, D: IntVar](x: Tensor["[B, D]"], d: Int["2 * D"]) -> Tensor["[B]"]:
        return x.sum(axis=1)

    assert quoted(sw.ones((2, 3)), 6).shape == (2,)
    with pytest.raises(sw.ShapeError) as caught:
        quoted(sw.ones((2, 3)), 7)
    assert str(caught.value) == (
        "quoted: d has size 7, and 2 * D = 6 is needed\n  needed  D = 3 from x\n  d       7\n  in      quoted()"
    )


def test_the_result_is_checked() -> None:
    @sw.checked
    def wrong[B: IntVar, D: IntVar](x: Tensor[[B, D]]) -> Tensor[[B]]:
        return x.sum(axis=0)  # pyrefly: ignore[bad-return]  # the bug under test

    with pytest.raises(sw.ShapeError) as caught:
        wrong(sw.ones((2, 3)))
    assert str(caught.value) == (
        "wrong: axis 0 of the result has size 3, and B = 2 is needed\n"
        "  needed      Tensor[[B]], B = 2 from the arguments\n"
        "  the result  Tensor[[D=3]]\n"
        "  in          wrong()"
    )


def test_none_and_defaults_are_left_alone() -> None:
    @sw.checked
    def masked[B: IntVar](x: Tensor[[B]], mask: Tensor[[B], sw.bool] | None = None) -> Tensor[[B]]:
        return x if mask is None else sw.where(mask, x, 0.0)

    assert masked(sw.ones((2,))).tolist() == [1.0, 1.0]
    assert masked(sw.ones((2,)), None).tolist() == [1.0, 1.0]
    assert masked(sw.ones((2,)), mask=sw.tensor([True, False])).tolist() == [1.0, 0.0]
    with pytest.raises(sw.ShapeError):
        masked(sw.ones((2,)), mask=sw.tensor([True]))  # pyrefly: ignore[bad-argument-type]  # the bug under test
    with pytest.raises(sw.DTypeError):
        masked(sw.ones((2,)), mask=sw.ones((2,)))  # pyrefly: ignore[bad-argument-type]  # the bug under test
