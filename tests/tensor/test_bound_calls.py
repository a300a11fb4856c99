"""Bound calls remember what they checked: one call must not be taken for another one that looks like it.

What it is not: the outcomes of semantics.md (`tests/test_semantics.py`) or the reading of annotations
(`tests/shapes/test_annotations.py`).
"""

from __future__ import annotations

import pytest

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, nn


@sw.checked
def first_given[B: IntVar, D: IntVar](x: Tensor[[B]] | None = None, y: Tensor[[D]] | None = None) -> str:
    return "x" if x is not None else "y"


def test_one_tensor_in_different_places_is_a_different_call() -> None:
    v = sw.ones((3,))
    calls = (((v,), {}), ((), {"x": v}), ((), {"y": v}), ((None, v), {}), ((None,), {"y": v}), ((), {"y": v, "x": v}))
    for order in (calls, calls[::-1]):
        assert [first_given(*args, **kwargs) for args, kwargs in order] == [
            "y" if "x" not in kwargs and (not args or args[0] is None) else "x" for args, kwargs in order
        ]


class Half[H: IntVar, K: IntVar](nn.Module):
    def __init__(self, width: Int[H] | None = None, depth: Int[K] | None = None) -> None:
        self.given = width, depth

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, H]]) -> Tensor[[*Bs, H]]:
        return x


def test_modules_that_know_other_sizes_share_no_verdict() -> None:
    assert Half(depth=3)(sw.ones((2, 5))).shape == (2, 5)
    with pytest.raises(sw.ShapeError):
        Half(width=3)(sw.ones((2, 5)))
