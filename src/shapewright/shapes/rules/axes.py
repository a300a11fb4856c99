"""Which axes does the shape asked for mean? Reduce, broadcast and permute, by target shape and by axis number.

The first two ask the same question: is the smaller shape the larger one with whole axes left out, and in exactly one
way? The ways are counted one axis at a time. The language has no loops and no recursion, so the counting is a chain of
equal steps, one for each axis of the larger shape, up to rank 8.

Two sizes are the same when their difference is provably 0; different names are different sizes. A size of which nothing
is known (a plain `int`) may be any size: it is let through, and what is known around it is still checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shape_extensions.dsl as dsl
    from shape_extensions import IntTuple
    from shape_extensions import type_shape_dsl_function as shape_rule
else:
    from shapewright.shapes import _dsl as dsl
    from shapewright.shapes._dsl import shape_rule


@shape_rule
def _ways_end(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) != 0:
        return dsl.Invalid("a target shape is resolved for at most 8 axes; with more, name the axes by number: axis=")
    if ways[-1] == 0:
        return dsl.Invalid(
            "the smaller shape is not the larger one with whole axes left out, in the same order; "
            "the shape asked for holds sizes, not axis numbers"
        )
    if len(vague) == 0 and ways[-1] != 1:
        return dsl.Invalid(
            "ambiguous: sizes are equal, so the shape asked for does not say which axis is meant; "
            "use the named sizes of x.shape, or number the axes: axis="
        )
    return result


@shape_rule
def _ways1(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways_end(tail, small, more, vague, result)


@shape_rule
def _ways2(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways1(tail, small, more, vague, result)


@shape_rule
def _ways3(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways2(tail, small, more, vague, result)


@shape_rule
def _ways4(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways3(tail, small, more, vague, result)


@shape_rule
def _ways5(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways4(tail, small, more, vague, result)


@shape_rule
def _ways6(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways5(tail, small, more, vague, result)


@shape_rule
def _ways7(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways6(tail, small, more, vague, result)


@shape_rule
def _ways8(rest: IntTuple, small: IntTuple, ways: IntTuple, vague: IntTuple, result: IntTuple) -> IntTuple:
    if len(rest) == 0:
        return _ways_end(rest, small, ways, vague, result)
    gaps = dsl.IntTuple((size - rest[0] for size in small))
    blur = dsl.IntTuple(((size - size) + (rest[0] - rest[0]) for size in small))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    more = dsl.IntTuple((ways[j] if j == 0 or same[j - 1] == 0 else ways[j] + ways[j - 1] for j in range(len(ways))))
    tail = rest[1:]
    return _ways7(tail, small, more, vague, result)


@shape_rule
def reduce_shape(source: IntTuple, to: IntTuple) -> IntTuple:
    """The axes of `source` that are not in `to` are reduced."""
    if len(to) > len(source):
        return dsl.Invalid("a reduction only removes axes, and the shape asked for has more of them than the tensor")
    both = dsl.concat(source, to)
    blur = dsl.IntTuple((size - size for size in both))
    vague = dsl.IntTuple((1 for z in blur if not dsl.is_concrete_int(z)))
    start = dsl.IntTuple((1 if j == 0 else 0 for j in range(len(to) + 1)))
    return _ways8(source, to, start, vague, to)


@shape_rule
def broadcast_shape(source: IntTuple, to: IntTuple) -> IntTuple:
    """The axes of `to` that are not in `source` are new; the tensor is repeated along them."""
    if len(to) < len(source):
        return dsl.Invalid("a broadcast only adds axes, and the shape asked for has fewer of them than the tensor")
    both = dsl.concat(source, to)
    blur = dsl.IntTuple((size - size for size in both))
    vague = dsl.IntTuple((1 for z in blur if not dsl.is_concrete_int(z)))
    start = dsl.IntTuple((1 if j == 0 else 0 for j in range(len(source) + 1)))
    return _ways8(to, source, start, vague, to)


@shape_rule
def permute_shape(source: IntTuple, to: IntTuple) -> IntTuple:
    """`to` holds the sizes of `source` in another order."""
    if len(to) != len(source):
        return dsl.Invalid("a permutation keeps every axis, and the shape asked for has another number of them")
    n = len(source)
    gaps = dsl.IntTuple((source[p // n] - to[p % n] for p in range(n * n)))
    blur = dsl.IntTuple(((source[p // n] - source[p // n]) + (to[p % n] - to[p % n]) for p in range(n * n)))
    same = dsl.IntTuple(
        (1 if not dsl.is_concrete_int(z) or (dsl.is_concrete_int(g) and g == 0) else 0 for g, z in zip(gaps, blur))
    )
    vague = dsl.IntTuple((1 for z in blur if not dsl.is_concrete_int(z)))
    rows = tuple((p // n for p in range(n * n) if same[p] == 1))
    columns = tuple((p % n for p in range(n * n) if same[p] == 1))
    if any(rows.count(i) == 0 for i in range(n)) or any(columns.count(i) == 0 for i in range(n)):
        return dsl.Invalid(
            "the shape asked for is not the sizes of the tensor in another order; it holds sizes, not axis numbers"
        )
    if len(vague) == 0 and any(rows.count(i) != 1 for i in range(n)):
        return dsl.Invalid(
            "ambiguous: sizes are equal, so the shape asked for does not say which axis goes where; "
            "use the named sizes of x.shape, or number the axes: x.permute(axes=(1, 0))"
        )
    return to


@shape_rule
def permute_axes_shape(source: IntTuple, axes: IntTuple) -> IntTuple:
    """Axis ``axes[i]`` of `source` becomes axis ``i``; negative numbers count from the end."""
    n = len(source)
    if len(axes) != n:
        return dsl.Invalid(
            "axes= numbers every axis of the tensor exactly once, and here there are too few or too many"
        )
    if any(a < 0 - n or n - 1 < a for a in axes):
        return dsl.Invalid("axes= has a number that the tensor has no axis for")
    at = tuple((a + n if a < 0 else a for a in axes))
    if any(at.count(i) != 1 for i in range(n)):
        return dsl.Invalid("axes= numbers an axis twice; every axis is numbered exactly once")
    return dsl.IntTuple((source[a] for a in at))


@shape_rule
def reduce_axes_shape(source: IntTuple, axis: int | tuple[int, ...] | None, keepdims: bool) -> IntTuple:
    """The axes numbered by `axis` are reduced, all of them for None; `keepdims` keeps them with size 1."""
    return dsl.axis_reduce(source, axis, keepdims, False, True, False)


@shape_rule
def _broadcast_kept(source: IntTuple, to: IntTuple, kept: IntTuple) -> IntTuple:
    if len(kept) != len(source):
        return dsl.Invalid(
            "axis= numbers the axes of the shape asked for that are new; it leaves more or fewer than the tensor has"
        )
    gaps = dsl.IntTuple((a - b for a, b in zip(kept, source)))
    blur = dsl.IntTuple(((a - a) + (b - b) for a, b in zip(kept, source)))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gaps, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid(
            "axis= numbers the axes of the shape asked for that are new; "
            "the axes that it leaves have other sizes than those of the tensor"
        )
    return to


@shape_rule
def broadcast_axes_shape(source: IntTuple, to: IntTuple, axes: IntTuple) -> IntTuple:
    """The axes of `to` that are numbered are new; the others are the axes of `source`."""
    n = len(to)
    if any(a < 0 - n or n - 1 < a for a in axes):
        return dsl.Invalid("axis= has a number that the shape asked for has no axis for")
    at = tuple((a + n if a < 0 else a for a in axes))
    if any(1 < at.count(a) for a in at):
        return dsl.Invalid("an axis is numbered twice")
    kept = dsl.IntTuple((to[i] for i in range(n) if at.count(i) == 0))
    return _broadcast_kept(source, to, kept)


@shape_rule
def broadcast_axis_shape(source: IntTuple, to: IntTuple, axis: int) -> IntTuple:
    """The axis of `to` that is numbered is new; the others are the axes of `source`."""
    n = len(to)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= has a number that the shape asked for has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    kept = dsl.IntTuple((to[i] for i in range(n) if i != at))
    return _broadcast_kept(source, to, kept)


@shape_rule
def axis_shape(source: IntTuple, axis: int) -> IntTuple:
    """`source` itself, if it has an axis `axis`."""
    last = source[-1:]
    if axis == -1 and len(last) == 1:
        return source
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    return source


@shape_rule
def axes_shape(source: IntTuple, axes: IntTuple) -> IntTuple:
    """`source` itself, if `axes` numbers axes that it has, each at most once."""
    n = len(source)
    if any(a < 0 - n or n - 1 < a for a in axes):
        return dsl.Invalid("an axis number is one that the tensor has no axis for")
    at = tuple((a + n if a < 0 else a for a in axes))
    if any(1 < at.count(a) for a in at):
        return dsl.Invalid("an axis is numbered twice")
    return source


@shape_rule
def matrix_shape(source: IntTuple) -> IntTuple:
    """`source` itself, if it has at least two axes (tril, triu)."""
    matrix = source[-2:]
    if len(matrix) != 2:
        return dsl.Invalid("a triangle is cut from the last two axes, and the tensor has fewer than two")
    return source


@shape_rule
def roll_shape(source: IntTuple, shifts: IntTuple, axes: IntTuple) -> IntTuple:
    """`source` itself, if there is one shift for each of the axes, and they exist."""
    if len(shifts) != len(axes):
        return dsl.Invalid("roll takes one shift for each axis: x.roll((1, 2), axis=(0, 1))")
    return axes_shape(source, axes)
