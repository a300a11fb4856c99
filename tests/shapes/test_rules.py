"""Every shape rule, run by Python on plain sizes: what it gives, and what it says when it refuses.

The type checker's evaluation of the same rules is tested by the programs in `tests/typing/`.
"""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from shapewright.shapes import rules
from shapewright.shapes.errors import ShapeError

NOT_LEFT = (
    "the smaller shape is not the larger one with whole axes left out, in the same order; "
    "the shape asked for holds sizes, not axis numbers"
)
WHICH = (
    "ambiguous: sizes are equal, so the shape asked for does not say which axis is meant; "
    "use the named sizes of x.shape, or number the axes: axis="
)
NO_AXIS = "axis= is a number that the tensor has no axis for"
OUTSIDE = "the index is outside its axis; the last index is the size minus 1"
CUT = "the slice reaches outside its axis; a slice is never cut short in silence"
INNER = (
    "the inner sizes differ: the last axis of the left tensor is multiplied along "
    "the last but one axis of the right tensor (its only axis, if it is a vector)"
)

# rule, arguments, result
ACCEPTED: list[tuple[Any, tuple[Any, ...], Any]] = [
    (rules.reduce_shape, ((3, 5), ()), ()),
    (rules.reduce_shape, ((3, 5), (5,)), (5,)),
    (rules.reduce_shape, ((3, 5), (3, 5)), (3, 5)),
    (rules.reduce_shape, ((2, 3, 4, 5), (2, 5)), (2, 5)),
    (rules.reduce_shape, ((4, 3, 4), (4, 4)), (4, 4)),
    (rules.reduce_shape, ((0, 2), (2,)), (2,)),
    (rules.reduce_shape, ((), ()), ()),
    (rules.reduce_shape, (tuple(range(1, 9)), (2, 5, 8)), (2, 5, 8)),
    (rules.broadcast_shape, ((5,), (3, 5)), (3, 5)),
    (rules.broadcast_shape, ((), (3, 5)), (3, 5)),
    (rules.broadcast_shape, ((3, 5), (2, 3, 7, 5)), (2, 3, 7, 5)),
    (rules.broadcast_axes_shape, ((4,), (4, 2, 4), (0, 1)), (4, 2, 4)),
    (rules.broadcast_axes_shape, ((4,), (4, 2, 4), (-1, 1)), (4, 2, 4)),
    (rules.broadcast_axis_shape, ((4,), (4, 4), 0), (4, 4)),
    (rules.broadcast_axis_shape, ((4,), (4, 4), -1), (4, 4)),
    (rules.permute_shape, ((3, 5), (5, 3)), (5, 3)),
    (rules.permute_shape, ((2, 3, 4), (4, 2, 3)), (4, 2, 3)),
    (rules.permute_shape, ((), ()), ()),
    (rules.permute_axes_shape, ((2, 3, 4), (2, 0, 1)), (4, 2, 3)),
    (rules.permute_axes_shape, ((2, 3, 4), (-1, 0, 1)), (4, 2, 3)),
    (rules.reduce_axes_shape, ((2, 3, 4), 1, False), (2, 4)),
    (rules.reduce_axes_shape, ((2, 3, 4), -1, True), (2, 3, 1)),
    (rules.reduce_axes_shape, ((2, 3, 4), (0, 2), False), (3,)),
    (rules.reduce_axes_shape, ((2, 3, 4), None, False), ()),
    (rules.reduce_axes_shape, ((2, 3, 4), None, True), (1, 1, 1)),
    (rules.reduce_axes_shape, ((2, 3, 4), (), False), (2, 3, 4)),
    (rules.axis_shape, ((2, 3), -2), (2, 3)),
    (rules.axis_shape, ((2, 3), -1), (2, 3)),
    (rules.axes_shape, ((2, 3), (0, -1)), (2, 3)),
    (rules.axes_shape, ((2, 3), ()), (2, 3)),
    (rules.roll_shape, ((2, 3), (1, 5), (0, 1)), (2, 3)),
    (rules.matrix_shape, ((2, 3, 4),), (2, 3, 4)),
    (rules.reshape_shape, ((2, 3), (6,)), (6,)),
    (rules.reshape_shape, ((2, 3), (3, -1)), (3, 2)),
    (rules.reshape_shape, ((2, 3), (-1,)), (6,)),
    (rules.reshape_shape, ((), (1, 1)), (1, 1)),
    (rules.reshape_shape, ((0, 3), (3, 0)), (3, 0)),
    (rules.reshape_shape, ((0, 3), (-1, 3)), (0, 3)),
    (rules.flatten_shape, ((2, 3, 4), 0, -1), (24,)),
    (rules.flatten_shape, ((2, 3, 4), 1, -1), (2, 12)),
    (rules.flatten_shape, ((2, 3, 4), 1, 1), (2, 3, 4)),
    (rules.unsqueeze_shape, ((2, 3), 0), (1, 2, 3)),
    (rules.unsqueeze_shape, ((2, 3), -1), (2, 3, 1)),
    (rules.unsqueeze_shape, ((2, 3), 2), (2, 3, 1)),
    (rules.unsqueeze_shape, ((), 0), (1,)),
    (rules.squeeze_shape, ((2, 1, 3), 1), (2, 3)),
    (rules.squeeze_shape, ((2, 3, 1), -1), (2, 3)),
    (rules.exact_division_shape, (512, 8), 64),
    (rules.divisible_shape, (512, 8), 512),
    (rules.matmul_shape, ((3, 5), (5, 7)), (3, 7)),
    (rules.matmul_shape, ((5,), (5,)), ()),
    (rules.matmul_shape, ((3, 5), (5,)), (3,)),
    (rules.matmul_shape, ((5,), (5, 7)), (7,)),
    (rules.matmul_shape, ((2, 3, 5), (5, 7)), (2, 3, 7)),
    (rules.matmul_shape, ((2, 3, 5), (2, 5, 7)), (2, 3, 7)),
    (rules.matmul_shape, ((3, 5), (2, 5, 7)), (2, 3, 7)),
    (rules.matmul_shape, ((5,), (2, 5, 7)), (2, 7)),
    (rules.matmul_shape, ((2, 3, 5), (5,)), (2, 3)),
    (rules.matmul_shape, ((0, 0), (0, 2)), (0, 2)),
    (rules.outer_shape, ((3,), (5,)), (3, 5)),
    (rules.einsum_shape, ("ij,jk->ik", ((2, 3), (3, 4))), (2, 4)),
    (rules.einsum_shape, ("ii->i", ((3, 3),)), (3,)),
    (rules.einsum_shape, ("i,j->", ((2,), (3,))), ()),
    (rules.einsum_two_shape, ("bi,bj->bij", (2, 3), (2, 4)), (2, 3, 4)),
    (rules.rearrange_shape, ("b t (h k) -> b h t k", (2, 3, 8), {"h": 2}), (2, 2, 3, 4)),
    (rules.rearrange_shape, ("b c h w -> b (c h w)", (2, 3, 4, 5), None), (2, 60)),
    (rules.rearrange_shape, ("a b -> b 1 a", (2, 3), None), (3, 1, 2)),
    (rules.rearrange_shape, ("a 1 b -> b a", (2, 1, 3), None), (3, 2)),
    (rules.concat_shape, (((2, 3), (4, 3)), 0), (6, 3)),
    (rules.concat_shape, (((2, 3), (2, 5), (2, 0)), -1), (2, 8)),
    (rules.concat_shape, (((2,),), 0), (2,)),
    (rules.stack_shape, (((2, 3), (2, 3)), 0), (2, 2, 3)),
    (rules.stack_shape, (((2, 3), (2, 3), (2, 3)), -1), (2, 3, 3)),
    (rules.stack_shape, (((), ()), 0), (2,)),
    (rules.split_shapes, ((2, 6), 3, 1), ((2, 2), (2, 2), (2, 2))),
    (rules.split_sizes_shapes, ((2, 6), (1, 5), -1), ((2, 1), (2, 5))),
    (rules.remaining_shape, (10, 4), 6),
    (rules.expected_shape, ((7, 2), (7, 2)), (7, 2)),
    (rules.index_shape_at, ((2, 3, 4), (1, -1)), (4,)),
    (rules.select_shape, ((2, 3), 2, 1), (2,)),
    (rules.select_shape, ((2, 3), -3, -1), (2,)),
    (rules.slice_shape, ((2, 6), 1, 5, 1, 1), (2, 4)),
    (rules.slice_shape, ((2, 6), -3, -1, 1, 1), (2, 2)),
    (rules.slice_shape, ((2, 6), 0, 6, 4, -1), (2, 2)),
    (rules.slice_shape, ((2, 6), 6, 6, 1, -1), (2, 0)),
    (rules.slice_from_shape, ((2, 6), 2, 1), (2, 4)),
    (rules.slice_from_shape, ((2, 6), -2, -1), (2, 2)),
    (rules.take_shape, ((2, 6), (3, 4), 1), (2, 3, 4)),
    (rules.take_places_shape, ((2, 6), (5, -6, 5), 1), (2, 3)),
    (rules.gather_shape, ((2, 6), (2, 3), 1), (2, 3)),
    (rules.scatter_shape, ((2, 6), (2, 3), (2, 3), 1), (2, 6)),
    (rules.topk_shape, ((2, 6), 6, 1), (2, 6)),
    (rules.topk_shape, ((2, 6), 0, 0), (0, 6)),
    (rules.pad_shape, ((2, 6), (1, 0), (0, 3)), (3, 9)),
    (rules.window_size_shape, (32, 3, 1, 0, 1), 30),
    (rules.window_size_shape, (32, 3, 2, 1, 1), 16),
    (rules.window_size_shape, (32, 3, 1, 2, 2), 32),
    (rules.window_size_shape, (3, 3, 1, 0, 1), 1),
]

# rule, arguments, what it says
REFUSED: list[tuple[Any, tuple[Any, ...], str]] = [
    (rules.reduce_shape, ((3, 5), (7,)), NOT_LEFT),
    (rules.reduce_shape, ((3, 5), (5, 3)), NOT_LEFT),
    (rules.reduce_shape, ((4, 4), (4,)), WHICH),
    (
        rules.reduce_shape,
        ((3, 5), (3, 5, 1)),
        "a reduction only removes axes, and the shape asked for has more of them than the tensor",
    ),
    (
        rules.reduce_shape,
        (tuple(range(1, 10)), (2,)),
        "a target shape is resolved for at most 8 axes; with more, name the axes by number: axis=",
    ),
    (rules.broadcast_shape, ((5,), (3, 4)), NOT_LEFT),
    (rules.broadcast_shape, ((1, 5), (3, 5)), NOT_LEFT),
    (rules.broadcast_shape, ((5,), (5, 5)), WHICH),
    (
        rules.broadcast_shape,
        ((3, 5), (3,)),
        "a broadcast only adds axes, and the shape asked for has fewer of them than the tensor",
    ),
    (
        rules.broadcast_axes_shape,
        ((4,), (4, 2, 4), (1,)),
        "axis= numbers the axes of the shape asked for that are new; it leaves more or fewer than the tensor has",
    ),
    (
        rules.broadcast_axis_shape,
        ((4,), (4, 3), 0),
        (
            "axis= numbers the axes of the shape asked for that are new; "
            "the axes that it leaves have other sizes than those of the tensor"
        ),
    ),
    (rules.broadcast_axis_shape, ((4,), (4, 4), 2), "axis= has a number that the shape asked for has no axis for"),
    (
        rules.permute_shape,
        ((3, 5), (3, 3)),
        "the shape asked for is not the sizes of the tensor in another order; it holds sizes, not axis numbers",
    ),
    (
        rules.permute_shape,
        ((4, 4), (4, 4)),
        (
            "ambiguous: sizes are equal, so the shape asked for does not say which axis goes where; "
            "use the named sizes of x.shape, or number the axes: x.permute(axes=(1, 0))"
        ),
    ),
    (
        rules.permute_shape,
        ((3, 5), (3,)),
        "a permutation keeps every axis, and the shape asked for has another number of them",
    ),
    (
        rules.permute_axes_shape,
        ((3, 5), (0,)),
        "axes= numbers every axis of the tensor exactly once, and here there are too few or too many",
    ),
    (
        rules.permute_axes_shape,
        ((3, 5), (0, 0)),
        "axes= numbers an axis twice; every axis is numbered exactly once",
    ),
    (
        rules.permute_axes_shape,
        ((3, 5), (1, -1)),
        "axes= numbers an axis twice; every axis is numbered exactly once",
    ),
    (rules.permute_axes_shape, ((3, 5), (0, 2)), "axes= has a number that the tensor has no axis for"),
    (rules.reduce_axes_shape, ((3, 5), 2, False), "axis out of range"),
    (rules.reduce_axes_shape, ((3, 5), (0, -2), False), "an axis is named twice"),
    (rules.axis_shape, ((3, 5), 2), NO_AXIS),
    (rules.axis_shape, ((), -1), NO_AXIS),
    (rules.axes_shape, ((3, 5), (2,)), "an axis number is one that the tensor has no axis for"),
    (rules.axes_shape, ((3, 5), (1, -1)), "an axis is numbered twice"),
    (rules.roll_shape, ((3, 5), (1,), (0, 1)), "roll takes one shift for each axis: x.roll((1, 2), axis=(0, 1))"),
    (
        rules.matrix_shape,
        ((3,),),
        "a triangle is cut from the last two axes, and the tensor has fewer than two",
    ),
    (
        rules.reshape_shape,
        ((2, 3), (5,)),
        "the shape asked for does not have (provably) the same number of elements as the tensor",
    ),
    (
        rules.reshape_shape,
        ((2, 3), (4, -1)),
        "no size fits in the place of -1: the other sizes do not (provably) divide the number of elements",
    ),
    (
        rules.reshape_shape,
        ((2, 3), (-1, -1)),
        "two sizes are -1; only one can be worked out from the number of elements",
    ),
    (
        rules.reshape_shape,
        ((2, 3), (-2, 3)),
        "a size is negative; only one -1 has a meaning in a reshape: the size that is left over",
    ),
    (
        rules.reshape_shape,
        ((0, 3), (0, -1)),
        "the size for -1 could be anything, because another size is 0; write it out",
    ),
    (
        rules.flatten_shape,
        ((2, 3), 2, -1),
        "flatten joins the axes from start_axis to end_axis, and the tensor does not have these axes",
    ),
    (
        rules.flatten_shape,
        ((2, 3), 1, 0),
        "flatten joins the axes from start_axis to end_axis, and here the end comes before the start",
    ),
    (
        rules.unsqueeze_shape,
        ((2, 3), 3),
        "axis= is where the new axis goes in the result, and the result has no such axis",
    ),
    (
        rules.squeeze_shape,
        ((2, 3), 0),
        "squeeze leaves out an axis of size 1, and the size of this axis is not (provably) 1",
    ),
    (rules.squeeze_shape, ((2, 3), 2), NO_AXIS),
    (
        rules.exact_division_shape,
        (100, 8),
        "the size does not divide evenly: choose sizes where the second divides the first",
    ),
    (
        rules.divisible_shape,
        (100, 8),
        "the size does not divide evenly: choose sizes where the second divides the first",
    ),
    (rules.divisible_shape, (100, 0), "a size cannot be divided by 0"),
    (rules.matmul_shape, ((3, 5), (3, 5)), INNER),
    (rules.matmul_shape, ((5,), (4,)), INNER),
    (rules.matmul_shape, ((), (4,)), "a scalar has no axis to multiply along; write x * scale"),
    (
        rules.matmul_shape,
        ((2, 3, 5), (4, 5, 7)),
        "the batch sizes differ: all axes before the last two must be equal in both tensors",
    ),
    (
        rules.matmul_shape,
        ((2, 2, 3, 5), (2, 5, 7)),
        (
            "the batch axes differ in number; one matrix may serve a whole batch, other batches are made equal first: "
            "w.broadcast((b, t, k, n))"
        ),
    ),
    (rules.outer_shape, ((3, 5), (5,)), "outer multiplies two vectors, each with each; of other ranks write einsum"),
    (
        rules.einsum_shape,
        ("ij,jk->ik", ((2, 3), (2, 4))),
        "einsum: axis 'j' of 'ij,jk->ik' is 3 in one place and 2 in another",
    ),
    (
        rules.einsum_shape,
        ("ij,jk->ik", ((2, 3),)),
        "einsum: 'ij,jk->ik' is about 2 tensors, and 1 were given",
    ),
    (
        rules.einsum_shape,
        ("ij->ij", ((2,),)),
        "einsum: operand 0 is written 'ij', 2 axes, and has 1 axes: (2,)",
    ),
    (rules.einsum_shape, ("ij->k", ((2, 3),)), "einsum: 'k' of the result of 'ij->k' is in no operand"),
    (rules.einsum_shape, ("ij->ii", ((2, 3),)), "einsum: 'i' is twice in the result of 'ij->ii'"),
    (
        rules.einsum_shape,
        ("ij", ((2, 3),)),
        'einsum: write the result too, as in "ij->…", so that its axes are in no doubt',
    ),
    (
        rules.einsum_shape,
        ("i1->i", ((2, 3),)),
        "einsum: '1' in 'i1->i' is not a letter; each axis is one letter",
    ),
    (
        rules.rearrange_shape,
        ("a (b c) -> a b c", (2, 6), {"b": 4}),
        "rearrange: 4 does not divide 6, the size of (b c) in 'a (b c) -> a b c'",
    ),
    (
        rules.rearrange_shape,
        ("a (b c) -> a b c", (2, 6), {}),
        "rearrange: 'b' and 'c' in 'a (b c) -> a b c' share an axis; give the size of one",
    ),
    (
        rules.rearrange_shape,
        ("a b -> b a", (2, 3, 4), {}),
        "rearrange: 'a b -> b a' describes 2 axes, and the tensor has 3: (2, 3, 4)",
    ),
    (rules.rearrange_shape, ("a b -> a", (2, 3), {}), "rearrange: 'b' is lost on the right of 'a b -> a'"),
    (rules.rearrange_shape, ("a -> a b", (2,), {}), "rearrange: 'b' on the right of 'a -> a b' is not on the left"),
    (rules.rearrange_shape, ("a a -> a", (2, 2), {}), "rearrange: 'a' is twice on the left of 'a a -> a'"),
    (rules.rearrange_shape, ("a -> a a", (2,), {}), "rearrange: 'a' is twice on the right of 'a -> a a'"),
    (
        rules.rearrange_shape,
        ("a b", (2, 2), {}),
        "rearrange: 'a b' has no \"->\"; write what the axes are, then how they should be",
    ),
    (rules.rearrange_shape, ("(a b -> a b", (4,), {}), "rearrange: a parenthesis is not closed in '(a b -> a b'"),
    (rules.rearrange_shape, ("a) -> a", (4,), {}), "rearrange: a parenthesis too many in 'a) -> a'"),
    (
        rules.rearrange_shape,
        ("((a)) -> a", (4,), {}),
        "rearrange: parentheses inside parentheses in '((a)) -> a'",
    ),
    (
        rules.rearrange_shape,
        ("a -> a", (4,), {"b": 2}),
        "rearrange: 'b' was given a size and is not in 'a -> a'",
    ),
    (
        rules.rearrange_shape,
        ("(a b) -> a b", (4,), {"a": 2, "b": 3}),
        "rearrange: (a b) in '(a b) -> a b' is 6, and the axis is 4",
    ),
    (
        rules.concat_shape,
        (((2, 3), (2, 4)), 0),
        "the tensors differ in an axis other than the one they are joined along",
    ),
    (
        rules.concat_shape,
        (((2, 3), (2,)), 0),
        "concat joins tensors of the same number of axes; use stack to join along a new axis",
    ),
    (rules.concat_shape, (((2, 3), (2, 3)), 2), "axis= is a number that the tensors have no axis for"),
    (rules.concat_shape, ((), 0), "concat joins at least one tensor"),
    (
        rules.stack_shape,
        (((2, 3), (2, 4)), 0),
        "stack joins tensors of one shape, and these differ in a size; concat joins along an axis they have",
    ),
    (
        rules.stack_shape,
        (((2, 3), (2,)), 0),
        "stack joins tensors of one shape, and these differ in the number of axes",
    ),
    (
        rules.stack_shape,
        (((2, 3), (2, 3)), 3),
        "axis= is where the new axis goes in the result, and the result has no such axis",
    ),
    (rules.stack_shape, ((), 0), "stack joins at least one tensor"),
    (
        rules.split_shapes,
        ((2, 6), 4, 1),
        "the axis does not (provably) divide into this many equal parts; give the sizes of the parts",
    ),
    (rules.split_shapes, ((2, 6), 0, 1), "split cuts a tensor into at least one part"),
    (rules.split_shapes, ((2, 6), 1, 2), NO_AXIS),
    (
        rules.split_sizes_shapes,
        ((2, 6), (1, 4), 1),
        "the sizes of the parts do not (provably) add up to the size of the axis",
    ),
    (rules.split_sizes_shapes, ((2, 6), (7, -1), 1), "the sizes of the parts are not negative"),
    (rules.expected_shape, ((7, 2), (8, 2)), "an axis has another size than the one that is expected"),
    (
        rules.expected_shape,
        ((7, 2), (7, 2, 1)),
        "the tensor has another number of axes than the shape that is expected",
    ),
    (rules.remaining_shape, (10, 10), "as many examples as there are, or more, are set aside: nothing is left"),
    (rules.remaining_shape, (10, 0), "a part of the examples is set aside, and it would be empty"),
    (rules.index_shape_at, ((2, 3), (2,)), OUTSIDE),
    (rules.index_shape_at, ((2, 3), (0, -4)), OUTSIDE),
    (rules.index_shape_at, ((2, 3), (0, 0, 0)), "more indices than the tensor has axes"),
    (rules.select_shape, ((2, 3), 3, 1), OUTSIDE),
    (rules.select_shape, ((2, 3), 3, -1), OUTSIDE),
    (rules.select_shape, ((2, 3), 0, 2), NO_AXIS),
    (rules.select_shape, ((), 0, -1), NO_AXIS),
    (rules.slice_shape, ((2, 6), 0, 7, 1, 1), CUT),
    (rules.slice_shape, ((2, 6), -7, 6, 1, 1), CUT),
    (rules.slice_shape, ((2, 6), 4, 2, 1, 1), "the slice ends before it starts"),
    (
        rules.slice_shape,
        ((2, 6), 0, 6, 0, 1),
        "the step of a slice is 1 or more; to turn an axis round write x.flip(axis=)",
    ),
    (rules.slice_from_shape, ((2, 6), 7, 1), CUT),
    (rules.take_shape, ((2, 6), (3,), 2), NO_AXIS),
    (
        rules.take_places_shape,
        ((2, 6), (6,), 1),
        "an index is outside its axis; the last index is the size minus 1",
    ),
    (
        rules.gather_shape,
        ((2, 6), (6,), 1),
        (
            "gather takes an index tensor with as many axes as the tensor itself; "
            "to pick whole slices by a list of places write x.take(indices, axis=)"
        ),
    ),
    (
        rules.gather_shape,
        ((2, 6), (3, 6), 1),
        "the index tensor has the sizes of the tensor in every axis but the one gathered along",
    ),
    (
        rules.scatter_shape,
        ((2, 6), (2, 3), (2, 4), 1),
        "scatter_add adds one value for each index, so both tensors have one shape",
    ),
    (
        rules.scatter_shape,
        ((2, 6), (3, 3), (3, 3), 1),
        "the index tensor has the sizes of the tensor in every axis but the one scattered along",
    ),
    (
        rules.scatter_shape,
        ((2, 6), (3,), (3,), 1),
        "scatter_add takes an index tensor with as many axes as the tensor itself",
    ),
    (
        rules.topk_shape,
        ((2, 6), 7, 1),
        "k is how many places of the axis are kept: at most its size, and not negative",
    ),
    (rules.pad_shape, ((2, 6), (1,), (1, 1)), "before= and after= hold one number for each axis of the tensor"),
    (
        rules.pad_shape,
        ((2, 6), (-1, 0), (0, 0)),
        "padding only adds places; to cut places off, slice: x[1:-1]",
    ),
    (
        rules.window_size_shape,
        (2, 3, 1, 0, 1),
        "the window is larger than the axis it slides over, padding included",
    ),
    (rules.window_size_shape, (5, 0, 1, 0, 1), "a window has a size of 1 or more"),
    (rules.window_size_shape, (5, 3, 0, 0, 1), "a stride is 1 or more"),
    (rules.window_size_shape, (5, 3, 1, -1, 1), "padding is 0 or more"),
    (rules.window_size_shape, (5, 3, 1, 0, 0), "a dilation is 1 or more"),
    (
        rules.reduce_number_shape,
        (0,),
        "`to` is the shape to end with, as in x.sum((b, d)); to name an axis write x.sum(axis=0)",
    ),
    (
        rules.broadcast_number_shape,
        (3,),
        "`to` is the shape to end with; a shape of one axis is written x.broadcast((3,))",
    ),
    (
        rules.permute_number_shape,
        (0,),
        "`to` is the shape to end with, as in x.permute((d, b)); to name axes write x.permute(axes=(1, 0))",
    ),
    (
        rules.reshape_number_shape,
        (6,),
        "`to` is the shape to end with; a shape of one axis is written x.reshape((6,))",
    ),
]


def _named(case: Any) -> str:
    return case.__name__ if callable(case) else str(case)


@pytest.mark.parametrize(("rule", "arguments", "result"), ACCEPTED, ids=_named)
def test_a_rule_gives_the_shape(rule: Any, arguments: tuple[Any, ...], result: Any) -> None:
    found = rule(*arguments)
    assert (tuple(found) if isinstance(result, tuple) else found) == result


@pytest.mark.parametrize(("rule", "arguments", "text"), REFUSED, ids=_named)
def test_a_rule_refuses_with_a_sentence(rule: Any, arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(ShapeError) as caught:
        rule(*arguments)
    assert caught.value.message == text


def test_every_public_rule_is_tested() -> None:
    tested = {rule for rule, *_ in ACCEPTED} | {rule for rule, *_ in REFUSED}
    # Told apart by nothing but the number of tensors, or reached in the editor alone.
    editor = {"einsum_one_shape", "einsum_three_shape", "other_index_shape"}
    editor |= {"oversized_window_shape", "take_some_shape"}
    public = {name for name in vars(rules) if name.endswith(("_shape", "_shapes", "_at"))}
    assert public - {rule.__name__ for rule in tested} == editor


def _ways(small: tuple[int, ...], large: tuple[int, ...]) -> int:
    return sum(
        tuple(large[place] for place in places) == small
        for places in itertools.combinations(range(len(large)), len(small))
    )


def test_reduce_and_broadcast_accept_exactly_what_has_one_way() -> None:
    for rank in range(5):
        for large in itertools.product((2, 3), repeat=rank):
            for kept in range(rank + 1):
                for small in itertools.product((2, 3), repeat=kept):
                    for rule, source, to in ((rules.reduce_shape, large, small), (rules.broadcast_shape, small, large)):
                        ways = _ways(small, large)
                        if ways == 1:
                            assert rule(source, to) == to
                        else:
                            with pytest.raises(ShapeError, match="left out" if ways == 0 else "ambiguous"):
                                rule(source, to)


def test_permute_accepts_exactly_what_has_one_way() -> None:
    for rank in range(5):
        for source in itertools.product((2, 3, 4), repeat=rank):
            for to in set(itertools.permutations(source)):
                if len(set(source)) == rank:
                    assert rules.permute_shape(source, to) == to
                else:
                    with pytest.raises(ShapeError, match="ambiguous"):
                        rules.permute_shape(source, to)


def test_reshape_accepts_exactly_equal_numbers_of_elements() -> None:
    for source in itertools.product((0, 1, 2, 3), repeat=2):
        for to in itertools.product((0, 1, 2, 3, 6), repeat=2):
            if math.prod(source) == math.prod(to):
                assert rules.reshape_shape(source, to) == to
            else:
                with pytest.raises(ShapeError):
                    rules.reshape_shape(source, to)


def test_matmul_agrees_with_numpy_wherever_batches_are_not_stretched() -> None:
    shapes = [shape for rank in range(1, 5) for shape in itertools.product((2, 3), repeat=rank)]
    for left, right in itertools.product(shapes, repeat=2):
        try:
            found = tuple(rules.matmul_shape(left, right))
        except ShapeError:
            continue
        assert found == (np.zeros(left) @ np.zeros(right)).shape


def test_slices_agree_with_python_where_they_stay_inside() -> None:
    for start, stop, step in itertools.product(range(-6, 7), range(-6, 7), (1, 2, 3)):
        first, last = (end + 5 if end < 0 else end for end in (start, stop))
        if 0 <= first <= last <= 5:
            assert rules.slice_shape((5,), start, stop, step, 0) == (
                len(range(5)[start:stop:step] if stop != 0 else ()),
            )
        else:
            with pytest.raises(ShapeError):
                rules.slice_shape((5,), start, stop, step, 0)


def test_rules_run_without_the_packages_of_the_type_checker() -> None:
    program = (
        "import sys; sys.modules['shape_extensions'] = None; sys.modules['pyrefly'] = None\n"
        "from shapewright.shapes import rules\n"
        "print(rules.reduce_shape((2, 3), (3,)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(3,)\n")
