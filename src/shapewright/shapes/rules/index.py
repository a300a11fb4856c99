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


# The axis is found in two ways: the last one also where the number of axes is unknown (`[*Bs, D]`), others by number.
@shape_rule
def _select(head: IntTuple, one: IntTuple, tail: IntTuple, index: Int) -> IntTuple:
    over = dsl.IntTuple((size - index - 1 for size in one))
    under = dsl.IntTuple((size + index for size in one))
    if any(dsl.is_concrete_int(g) and g < 0 for g in over) or any(dsl.is_concrete_int(g) and g < 0 for g in under):
        return dsl.Invalid("the index is outside its axis; the last index is the size minus 1")
    return dsl.concat(head, tail)


@shape_rule
def select_shape(source: IntTuple, index: Int, axis: int) -> IntTuple:
    """The axis `axis` is indexed and gone."""
    if axis == -1:
        before = source[:-1]
        size = source[-1:]
        after = source[:0]
        if len(size) == 0:
            return dsl.Invalid("axis= is a number that the tensor has no axis for")
        return _select(before, size, after, index)
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    next = at + 1
    head = source[:at]
    one = source[at:next]
    tail = source[next:]
    return _select(head, one, tail, index)


@shape_rule
def _slice(head: IntTuple, one: IntTuple, tail: IntTuple, start: Int, stop: Int, step: Int) -> IntTuple:
    if dsl.is_concrete_int(step) and step < 1:
        return dsl.Invalid("the step of a slice is 1 or more; to turn an axis round write x.flip(axis=)")
    first = dsl.IntTuple((size + start if dsl.is_concrete_int(start) and start < 0 else start + 0 for size in one))
    last = dsl.IntTuple((size + stop if dsl.is_concrete_int(stop) and stop < 0 else stop + 0 for size in one))
    room = dsl.IntTuple((size - end for size, end in zip(one, last)))
    if any(dsl.is_concrete_int(f) and f < 0 for f in first) or any(dsl.is_concrete_int(g) and g < 0 for g in room):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    kept = dsl.IntTuple((end - begin for begin, end in zip(first, last)))
    if any(dsl.is_concrete_int(k) and k < 0 for k in kept):
        return dsl.Invalid("the slice ends before it starts")
    if dsl.is_concrete_int(step) and step == 1:
        return dsl.concat(dsl.concat(head, kept), tail)
    steps = dsl.IntTuple(((k + step - 1) // step for k in kept))
    return dsl.concat(dsl.concat(head, steps), tail)


@shape_rule
def slice_shape(source: IntTuple, start: Int, stop: Int, step: Int, axis: int) -> IntTuple:
    """Of the axis `axis` only every `step`-th place of ``start:stop`` is kept."""
    if axis == -1:
        before = source[:-1]
        size = source[-1:]
        after = source[:0]
        if len(size) == 0:
            return dsl.Invalid("axis= is a number that the tensor has no axis for")
        return _slice(before, size, after, start, stop, step)
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    next = at + 1
    head = source[:at]
    one = source[at:next]
    tail = source[next:]
    return _slice(head, one, tail, start, stop, step)


@shape_rule
def _slice_from(head: IntTuple, one: IntTuple, tail: IntTuple, start: Int) -> IntTuple:
    first = dsl.IntTuple((size + start if dsl.is_concrete_int(start) and start < 0 else start + 0 for size in one))
    kept = dsl.IntTuple((size - begin for size, begin in zip(one, first)))
    if any(dsl.is_concrete_int(f) and f < 0 for f in first) or any(dsl.is_concrete_int(k) and k < 0 for k in kept):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    return dsl.concat(dsl.concat(head, kept), tail)


@shape_rule
def slice_from_shape(source: IntTuple, start: Int, axis: int) -> IntTuple:
    """Of the axis `axis` only ``start:`` is kept."""
    if axis == -1:
        before = source[:-1]
        size = source[-1:]
        after = source[:0]
        if len(size) == 0:
            return dsl.Invalid("axis= is a number that the tensor has no axis for")
        return _slice_from(before, size, after, start)
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    next = at + 1
    head = source[:at]
    one = source[at:next]
    tail = source[next:]
    return _slice_from(head, one, tail, start)


@shape_rule
def other_index_shape(source: IntTuple, result: IntTuple) -> IntTuple:
    """What an index gives whose numbers the checker does not show: no size may be negative or have grown.

    Where no axis is gone or new (a new one would show as a 1), each size is compared with that of its own axis; else
    with the largest.
    """
    if any(dsl.is_concrete_int(size) and size < 0 for size in result):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    ones = dsl.IntTuple((1 for size in result if dsl.is_concrete_int(size) and size == 1))
    if len(ones) == 0 and len(result) == len(source):
        room = dsl.IntTuple((old - size for old, size in zip(source, result)))
        if any(dsl.is_concrete_int(g) and g < 0 for g in room):
            return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    elif any(
        dsl.is_concrete_int(size)
        and 1 < size
        and not any(not dsl.is_concrete_int(old) or size - 1 < old for old in source)
        for size in result
    ):
        return dsl.Invalid("the slice reaches outside its axis; a slice is never cut short in silence")
    return result


@shape_rule
def take_some_shape(source: IntTuple, axis: int) -> IntTuple:
    """Of the axis `axis` some places are kept, nobody knows how many."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    return dsl.IntTuple((dsl.Int.gradual() if i == at else source[i] for i in range(n)))


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
