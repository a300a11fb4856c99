"""Parts of a tensor: integer indices, slices, take, gather, scatter, topk, pad.

Unlike Python's own sequences, an index or slice that leaves its axis is an error, in the editor too where the numbers
are known: a slice that is cut short in silence is a wrong size later. Negative numbers count from the end.
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
def index_shape_at(source: IntTuple, at: IntTuple) -> IntTuple:
    """``x[i, j]``: the first axes are indexed and gone."""
    if len(source) < len(at):
        return dsl.Invalid("more indices than the tensor has axes")
    over = dsl.IntTuple((size - index - 1 for size, index in zip(source, at)))
    under = dsl.IntTuple((size + index for size, index in zip(source, at)))
    if any(dsl.is_concrete_int(g) and g < 0 for g in over) or any(dsl.is_concrete_int(g) and g < 0 for g in under):
        return dsl.Invalid("the index is outside its axis; the last index is the size minus 1")
    n = len(at)
    return source[n:]


@shape_rule
def select_shape(source: IntTuple, index: Int, axis: int) -> IntTuple:
    """The axis `axis` is indexed and gone."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    size = source[at]
    room = dsl.IntTuple((size - index - 1, size + index))
    if any(dsl.is_concrete_int(g) and g < 0 for g in room):
        return dsl.Invalid("the index is outside its axis; the last index is the size minus 1")
    return dsl.IntTuple((source[i] for i in range(n) if i != at))


@shape_rule
def slice_shape(source: IntTuple, start: Int, stop: Int, axis: int) -> IntTuple:
    """Of the axis `axis` only ``start:stop`` is kept."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    size = source[at]
    ends = dsl.IntTuple((start, stop))
    bounds = dsl.IntTuple((size + e if dsl.is_concrete_int(e) and e < 0 else e for e in ends))
    first = bounds[0]
    last = bounds[1]
    room = dsl.IntTuple((first, size - last))
    if any(dsl.is_concrete_int(g) and g < 0 for g in room):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    kept = dsl.IntTuple((last - first,))
    if any(dsl.is_concrete_int(g) and g < 0 for g in kept):
        return dsl.Invalid("the slice ends before it starts")
    return dsl.IntTuple((last - first if i == at else source[i] for i in range(n)))


@shape_rule
def slice_from_shape(source: IntTuple, start: Int, axis: int) -> IntTuple:
    """Of the axis `axis` only ``start:`` is kept."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    size = source[at]
    ends = dsl.IntTuple((start,))
    bounds = dsl.IntTuple((size + e if dsl.is_concrete_int(e) and e < 0 else e for e in ends))
    first = bounds[0]
    room = dsl.IntTuple((first, size - first))
    if any(dsl.is_concrete_int(g) and g < 0 for g in room):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    return dsl.IntTuple((size - first if i == at else source[i] for i in range(n)))


@shape_rule
def slice_step_shape(source: IntTuple, start: Int, stop: Int, step: Int, axis: int) -> IntTuple:
    """Of the axis `axis` only every `step`-th place of ``start:stop`` is kept."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    size = source[at]
    if dsl.is_concrete_int(step) and step < 1:
        return dsl.Invalid("the step of a slice is 1 or more; to turn an axis round write x.flip(axis=)")
    ends = dsl.IntTuple((start, stop))
    bounds = dsl.IntTuple((size + e if dsl.is_concrete_int(e) and e < 0 else e for e in ends))
    first = bounds[0]
    last = bounds[1]
    room = dsl.IntTuple((first, size - last))
    if any(dsl.is_concrete_int(g) and g < 0 for g in room):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    kept = dsl.IntTuple((last - first,))
    if any(dsl.is_concrete_int(g) and g < 0 for g in kept):
        return dsl.Invalid("the slice ends before it starts")
    return dsl.IntTuple(((last - first + step - 1) // step if i == at else source[i] for i in range(n)))


@shape_rule
def other_index_shape(source: IntTuple, result: IntTuple) -> IntTuple:
    """What is left of an index whose numbers the checker does not show: no size may be negative or have grown."""
    if any(
        dsl.is_concrete_int(size) and (size < 0 or any(dsl.is_concrete_int(old) and old < size for old in source))
        for size in result
    ):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    return result


@shape_rule
def take_shape(source: IntTuple, indices: IntTuple, axis: int) -> IntTuple:
    """The axis `axis` is replaced by the axes of `indices`."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    after = at + 1
    return dsl.concat(dsl.concat(source[:at], indices), source[after:])


@shape_rule
def take_places_shape(source: IntTuple, places: IntTuple, axis: int) -> IntTuple:
    """Of the axis `axis` the numbered places are kept, in that order."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    size = source[at]
    over = dsl.IntTuple((size - place - 1 for place in places))
    under = dsl.IntTuple((size + place for place in places))
    if any(dsl.is_concrete_int(g) and g < 0 for g in over) or any(dsl.is_concrete_int(g) and g < 0 for g in under):
        return dsl.Invalid("an index is outside its axis; the last index is the size minus 1")
    count = len(places)
    return dsl.IntTuple((count + 0 if i == at else source[i] for i in range(n)))


@shape_rule
def gather_shape(source: IntTuple, indices: IntTuple, axis: int) -> IntTuple:
    """`indices` has the axes of `source`, of the same sizes except along `axis`."""
    if len(source) != len(indices):
        return dsl.Invalid(
            "gather takes an index tensor with as many axes as the tensor itself; "
            "to pick whole slices by a list of places write x.take(indices, axis=)"
        )
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    gaps = dsl.IntTuple((source[i] - indices[i] for i in range(n) if i != at))
    blur = dsl.IntTuple(((source[i] - source[i]) + (indices[i] - indices[i]) for i in range(n) if i != at))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gaps, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid("the index tensor has the sizes of the tensor in every axis but the one gathered along")
    return indices


@shape_rule
def scatter_shape(source: IntTuple, indices: IntTuple, values: IntTuple, axis: int) -> IntTuple:
    """`values` are added to `source` at `indices`, both of one shape, along `axis`."""
    if len(indices) != len(values):
        return dsl.Invalid("scatter_add adds one value for each index, so both tensors have one shape")
    gaps = dsl.IntTuple((a - b for a, b in zip(indices, values)))
    blur = dsl.IntTuple(((a - a) + (b - b) for a, b in zip(indices, values)))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gaps, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid("scatter_add adds one value for each index, so both tensors have one shape")
    if len(source) != len(indices):
        return dsl.Invalid("scatter_add takes an index tensor with as many axes as the tensor itself")
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    gaps_outside = dsl.IntTuple((source[i] - indices[i] for i in range(n) if i != at))
    blur_outside = dsl.IntTuple(((source[i] - source[i]) + (indices[i] - indices[i]) for i in range(n) if i != at))
    wrong_outside = dsl.IntTuple(
        (
            1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0
            for g, z in zip(gaps_outside, blur_outside)
        )
    )
    if any(w == 1 for w in wrong_outside):
        return dsl.Invalid("the index tensor has the sizes of the tensor in every axis but the one scattered along")
    return source


@shape_rule
def topk_shape(source: IntTuple, k: Int, axis: int) -> IntTuple:
    """Of the axis `axis` the `k` largest are kept."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    size = source[at]
    room = dsl.IntTuple((k, size - k))
    if any(dsl.is_concrete_int(g) and g < 0 for g in room):
        return dsl.Invalid("k is how many places of the axis are kept: at most its size, and not negative")
    return dsl.IntTuple((k + 0 if i == at else source[i] for i in range(n)))


@shape_rule
def pad_shape(source: IntTuple, before: IntTuple, after: IntTuple) -> IntTuple:
    """``before[i]`` and ``after[i]`` places are added at the two ends of axis ``i``."""
    if len(before) != len(source) or len(after) != len(source):
        return dsl.Invalid("before= and after= hold one number for each axis of the tensor")
    both = dsl.concat(before, after)
    if any(dsl.is_concrete_int(p) and p < 0 for p in both):
        return dsl.Invalid("padding only adds places; to cut places off, slice: x[1:-1]")
    return dsl.IntTuple((size + b + a for size, b, a in zip(source, before, after)))
