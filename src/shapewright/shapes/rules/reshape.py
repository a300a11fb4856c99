"""Shapes that keep every element: reshape (with -1), flatten, squeeze, unsqueeze, and division without remainder.

`divisible_shape` and `exact_division_shape` are about one size: the heads of an attention layer, the groups of a
convolution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shape_extensions.dsl as dsl
    from shape_extensions import Int, IntTuple
    from shape_extensions import type_shape_dsl_function as shape_rule
else:
    from shapewright.shapes import _dsl as dsl
    from shapewright.shapes._dsl import shape_rule


@shape_rule
def reshape_shape(source: IntTuple, to: IntTuple) -> IntTuple:
    """The same elements, in the same order, under the shape `to`; one size may be -1 and is worked out."""
    total = dsl.prod(source)
    both = dsl.concat(source, to)
    blur = dsl.IntTuple((size - size for size in both))
    given = dsl.IntTuple((size for size in to if not (dsl.is_concrete_int(size) and size == -1)))
    if any(dsl.is_concrete_int(size) and size < 0 for size in given):
        return dsl.Invalid("a size is negative; only one -1 has a meaning in a reshape: the size that is left over")
    known = dsl.prod(given)
    if len(given) == len(to):
        if any(not dsl.is_concrete_int(z) for z in blur):
            return to
        gap = dsl.IntTuple((total - known,))
        if any(dsl.is_concrete_int(g) and g == 0 for g in gap):
            return to
        return dsl.Invalid("the shape asked for does not have (provably) the same number of elements as the tensor")
    if len(given) + 1 != len(to):
        return dsl.Invalid("two sizes are -1; only one can be worked out from the number of elements")
    if any(not dsl.is_concrete_int(z) for z in blur):
        return dsl.IntTuple((dsl.Int.gradual() if dsl.is_concrete_int(size) and size == -1 else size for size in to))
    parts = dsl.IntTuple((known,))
    if any(dsl.is_concrete_int(part) and part == 0 for part in parts):
        return dsl.Invalid("the size for -1 could be anything, because another size is 0; write it out")
    fill = total // known
    rest = dsl.IntTuple((fill * known - total,))
    if any(dsl.is_concrete_int(g) and g == 0 for g in rest):
        return dsl.IntTuple((fill if dsl.is_concrete_int(size) and size == -1 else size for size in to))
    return dsl.Invalid(
        "no size fits in the place of -1: the other sizes do not (provably) divide the number of elements"
    )


@shape_rule
def expected_shape(source: IntTuple, to: IntTuple) -> IntTuple:
    """The shape that is expected, where the shape there is can be it."""
    blur = dsl.IntTuple((size - size for size in source))
    if len(source) != len(to):
        if any(not dsl.is_concrete_int(z) for z in blur):
            return to
        return dsl.Invalid("the tensor has another number of axes than the shape that is expected")
    gaps = dsl.IntTuple((size - expected for size, expected in zip(source, to)))
    if any(dsl.is_concrete_int(g) and g != 0 for g in gaps):
        return dsl.Invalid("an axis has another size than the one that is expected")
    return to


@shape_rule
def flatten_shape(source: IntTuple, start: int, stop: int) -> IntTuple:
    """The axes from `start` to `stop`, both included, become one; negative numbers count from the end."""
    n = len(source)
    if start < 0 - n or n - 1 < start or stop < 0 - n or n - 1 < stop:
        return dsl.Invalid(
            "flatten joins the axes from start_axis to end_axis, and the tensor does not have these axes"
        )
    if start < 0:
        first = start + n
    else:
        first = start + 0
    if stop < 0:
        last = stop + n
    else:
        last = stop + 0
    if last < first:
        return dsl.Invalid(
            "flatten joins the axes from start_axis to end_axis, and here the end comes before the start"
        )
    after = last + 1
    head = source[:first]
    joined = dsl.prod(source[first:after])
    tail = source[after:]
    return dsl.concat(dsl.concat(head, dsl.IntTuple((joined,))), tail)


@shape_rule
def unsqueeze_shape(source: IntTuple, axis: int) -> IntTuple:
    """A new axis of size 1, which is axis `axis` of the result."""
    n = len(source) + 1
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is where the new axis goes in the result, and the result has no such axis")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    head = source[:at]
    tail = source[at:]
    return dsl.concat(dsl.concat(head, dsl.IntTuple((1,))), tail)


@shape_rule
def squeeze_shape(source: IntTuple, axis: int) -> IntTuple:
    """The axis `axis`, whose size is 1, is left out."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    after = at + 1
    one = source[at:after]
    blur = dsl.IntTuple((size - size for size in one))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(s) or s != 1) else 0 for s, z in zip(one, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid("squeeze leaves out an axis of size 1, and the size of this axis is not (provably) 1")
    head = source[:at]
    tail = source[after:]
    return dsl.concat(head, tail)


@shape_rule
def exact_division_shape(size: Int, divisor: Int) -> Int:
    """`size // divisor`, which must leave no remainder."""
    if dsl.is_concrete_int(size) and dsl.is_concrete_int(divisor):
        if divisor == 0:
            return dsl.Invalid("a size cannot be divided by 0")
        rest = dsl.IntTuple((size - (size // divisor) * divisor,))
        if any(dsl.is_concrete_int(r) and r != 0 for r in rest):
            return dsl.Invalid("the size does not divide evenly: choose sizes where the second divides the first")
    return size // divisor


@shape_rule
def divisible_shape(size: Int, divisor: Int) -> Int:
    """`size` itself, if `divisor` divides it (heads of a width, groups of channels)."""
    if dsl.is_concrete_int(size) and dsl.is_concrete_int(divisor):
        if divisor == 0:
            return dsl.Invalid("a size cannot be divided by 0")
        rest = dsl.IntTuple((size - (size // divisor) * divisor,))
        if any(dsl.is_concrete_int(r) and r != 0 for r in rest):
            return dsl.Invalid("the size does not divide evenly: choose sizes where the second divides the first")
    return size + 0
