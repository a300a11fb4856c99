"""Products of tensors: matmul in every combination of ranks, outer, einsum, rearrange.

matmul follows the array API and PyTorch: a vector on the left is a row and on the right a column, and that axis is not
in the result. Batches are never broadcast silently: both sides have the same batch axes, or the right side is one
matrix (or vector) that all batches share, or the left side is one matrix for all batches of the right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shape_extensions.dsl as dsl
    from shape_extensions import IntTuple, IntTuples, NamedInts
    from shape_extensions import type_shape_dsl_function as shape_rule
else:
    from shapewright.shapes import _dsl as dsl
    from shapewright.shapes._dsl import shape_rule


@shape_rule
def matmul_shape(left: IntTuple, right: IntTuple) -> IntTuple:
    """The shape of ``left @ right``."""
    rows = left[-2:]
    columns = right[-2:]
    if len(rows) == 0 or len(columns) == 0:
        return dsl.Invalid("a scalar has no axis to multiply along; write x * scale")
    inner_left = left[-1:]
    inner_right = columns[:1]
    gap = dsl.IntTuple((a - b for a, b in zip(inner_left, inner_right)))
    blur = dsl.IntTuple(((a - a) + (b - b) for a, b in zip(inner_left, inner_right)))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gap, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid(
            "the inner sizes differ: the last axis of the left tensor is multiplied along "
            "the last but one axis of the right tensor (its only axis, if it is a vector)"
        )
    if len(columns) == 1:
        return left[:-1]
    shared = right[-3:]
    if len(shared) == 2:
        return dsl.concat(left[:-1], right[-1:])
    if len(rows) == 1:
        return dsl.concat(right[:-2], right[-1:])
    single = left[-3:]
    if len(single) == 2:
        return dsl.concat(right[:-2], dsl.concat(left[-2:-1], right[-1:]))
    if len(left) != len(right):
        return dsl.Invalid(
            "the batch axes differ in number; one matrix may serve a whole batch, other batches are made equal first: "
            "w.broadcast((b, t, k, n))"
        )
    left_batch = left[:-2]
    right_batch = right[:-2]
    gaps = dsl.IntTuple((a - b for a, b in zip(left_batch, right_batch)))
    blurs = dsl.IntTuple(((a - a) + (b - b) for a, b in zip(left_batch, right_batch)))
    unequal = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gaps, blurs))
    )
    if any(w == 1 for w in unequal):
        return dsl.Invalid("the batch sizes differ: all axes before the last two must be equal in both tensors")
    return dsl.concat(left[:-1], right[-1:])


@shape_rule
def outer_shape(left: IntTuple, right: IntTuple) -> IntTuple:
    """The shape of the outer product of two vectors."""
    if len(left) != 1 or len(right) != 1:
        return dsl.Invalid("outer multiplies two vectors, each with each; of other ranks write einsum")
    return dsl.concat(left, right)


@shape_rule
def einsum_shape(equation: str, shapes: IntTuples) -> IntTuple:
    """The shape that an einsum equation gives."""
    return dsl.einsum(equation, shapes)


# Each number of tensors has its own rule, because a signature cannot count them.
@shape_rule
def einsum_one_shape(equation: str, a: IntTuple) -> IntTuple:
    shapes = dsl.IntTuples((a,))
    return einsum_shape(equation, shapes)


@shape_rule
def einsum_two_shape(equation: str, a: IntTuple, b: IntTuple) -> IntTuple:
    shapes = dsl.IntTuples((a, b))
    return einsum_shape(equation, shapes)


@shape_rule
def einsum_three_shape(equation: str, a: IntTuple, b: IntTuple, c: IntTuple) -> IntTuple:
    shapes = dsl.IntTuples((a, b, c))
    return einsum_shape(equation, shapes)


@shape_rule
def rearrange_shape(pattern: str, source: IntTuple, sizes: NamedInts) -> IntTuple:
    """The shape that a rearrange pattern gives."""
    return dsl.rearrange(pattern, source, sizes)
