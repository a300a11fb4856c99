"""Several tensors become one, or one becomes several: concat, stack, split.

Sizes outside the joined axis must be equal provably. Instead of comparing them one by one (a comparison of two names is
undecided in the language, and would pass in silence), the squares of their differences are summed: the sum is 0 exactly
if every pair is equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shape_extensions.dsl as dsl
    from shape_extensions import Int, IntTuple, IntTuples
    from shape_extensions import type_shape_dsl_function as shape_rule
else:
    from shapewright.shapes import _dsl as dsl
    from shapewright.shapes._dsl import shape_rule


@shape_rule
def concat_shape(shapes: IntTuples, axis: int) -> IntTuple:
    """The tensors one after the other along `axis`."""
    if len(shapes) == 0:
        return dsl.Invalid("concat joins at least one tensor")
    first = shapes[0]
    n = len(first)
    ranks = dsl.IntTuple((len(shape) for shape in shapes))
    if any(rank != n for rank in ranks):
        return dsl.Invalid("concat joins tensors of the same number of axes; use stack to join along a new axis")
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensors have no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    gaps = dsl.IntTuple(
        (
            dsl.sum(dsl.IntTuple(((shape[i] - first[i]) * (shape[i] - first[i]) for i in range(n) if i != at)))
            for shape in shapes
        )
    )
    blur = dsl.IntTuple(
        (
            dsl.sum(dsl.IntTuple(((shape[i] - shape[i]) + (first[i] - first[i]) for i in range(n) if i != at)))
            for shape in shapes
        )
    )
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gaps, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid("the tensors differ in an axis other than the one they are joined along")
    sizes = dsl.IntTuple((shape[at] for shape in shapes))
    return dsl.IntTuple((dsl.sum(sizes) if i == at else first[i] for i in range(n)))


@shape_rule
def stack_shape(shapes: IntTuples, axis: int) -> IntTuple:
    """The tensors one after the other along a new axis, which is axis `axis` of the result."""
    if len(shapes) == 0:
        return dsl.Invalid("stack joins at least one tensor")
    first = shapes[0]
    n = len(first)
    m = n + 1
    ranks = dsl.IntTuple((len(shape) for shape in shapes))
    if any(rank != n for rank in ranks):
        return dsl.Invalid("stack joins tensors of one shape, and these differ in the number of axes")
    if axis < 0 - m or m - 1 < axis:
        return dsl.Invalid("axis= is where the new axis goes in the result, and the result has no such axis")
    if axis < 0:
        at = axis + m
    else:
        at = axis + 0
    gaps = dsl.IntTuple(
        (dsl.sum(dsl.IntTuple(((shape[i] - first[i]) * (shape[i] - first[i]) for i in range(n)))) for shape in shapes)
    )
    blur = dsl.IntTuple(
        (dsl.sum(dsl.IntTuple(((shape[i] - shape[i]) + (first[i] - first[i]) for i in range(n)))) for shape in shapes)
    )
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(g) or g != 0) else 0 for g, z in zip(gaps, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid(
            "stack joins tensors of one shape, and these differ in a size; concat joins along an axis they have"
        )
    count = len(shapes)
    head = first[:at]
    tail = first[at:]
    return dsl.concat(dsl.concat(head, dsl.IntTuple((count + 0,))), tail)


@shape_rule
def split_shapes(source: IntTuple, parts: int, axis: int) -> IntTuples:
    """The shapes of `parts` equal pieces along `axis`."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    if parts < 1:
        return dsl.Invalid("split cuts a tensor into at least one part")
    size = source[at]
    rest = dsl.IntTuple((size - (size // parts) * parts,))
    blur = dsl.IntTuple((size - size,))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(r) or r != 0) else 0 for r, z in zip(rest, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid(
            "the axis does not (provably) divide into this many equal parts; give the sizes of the parts"
        )
    return dsl.IntTuples(
        (dsl.IntTuple((source[i] // parts if i == at else source[i] for i in range(n))) for part in range(parts))
    )


@shape_rule
def split_sizes_shapes(source: IntTuple, sizes: IntTuple, axis: int) -> IntTuples:
    """The shapes of pieces of the given sizes along `axis`."""
    n = len(source)
    if axis < 0 - n or n - 1 < axis:
        return dsl.Invalid("axis= is a number that the tensor has no axis for")
    if axis < 0:
        at = axis + n
    else:
        at = axis + 0
    total = dsl.sum(sizes)
    size = source[at]
    if any(dsl.is_concrete_int(part) and part < 0 for part in sizes):
        return dsl.Invalid("the sizes of the parts are not negative")
    rest = dsl.IntTuple((total - size,))
    blur = dsl.IntTuple(((total - total) + (size - size),))
    wrong = dsl.IntTuple(
        (1 if dsl.is_concrete_int(z) and (not dsl.is_concrete_int(r) or r != 0) else 0 for r, z in zip(rest, blur))
    )
    if any(w == 1 for w in wrong):
        return dsl.Invalid("the sizes of the parts do not (provably) add up to the size of the axis")
    return dsl.IntTuples((dsl.IntTuple((part if i == at else source[i] for i in range(n))) for part in sizes))


@shape_rule
def remaining_shape(size: Int, part: Int) -> Int:
    """What is left of `size` things when `part` of them are set aside; neither is nothing."""
    if dsl.is_concrete_int(part) and part < 1:
        return dsl.Invalid("a part of the examples is set aside, and it would be empty")
    rest = dsl.IntTuple((size - part,))
    if any(dsl.is_concrete_int(r) and r < 1 for r in rest):
        return dsl.Invalid("as many examples as there are, or more, are set aside: nothing is left")
    return size - part
