"""From the shape asked for to the axes: what stands between a method such as `x.sum((b, d))` and its op.

The shape rules decide; names that the target brings are given to the result. What it is not: a rule or an op.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy as np

from shapewright import ops
from shapewright.ops.core import Op, Value, describe_operand
from shapewright.shapes import rules
from shapewright.shapes.dim import Dim, counted_axes, describe, merge
from shapewright.shapes.errors import ArgumentError, Error, ShapeError
from shapewright.shapes.resolve import axes_of, candidates

_plain_reshapes: dict[tuple[tuple[int, ...], tuple[int, ...]], tuple[int, ...]] = {}
_MOST_VERDICTS = 8192


def _shape_asked_for(x: Any, to: Any, doing: str, number_rule: Callable[[int], object]) -> tuple[int, ...]:
    if type(to) is tuple:
        return to
    if is_number(to):
        try:
            number_rule(to.__index__())
        except ShapeError as error:
            raise _explained(error, x, doing, (to.__index__(),)) from None
    if not isinstance(to, Sequence) or isinstance(to, str | bytes):
        wrong = ShapeError(f"`to` is the shape to end with, a tuple of sizes, not {type(to).__name__}")
        raise _explained(wrong, x, doing, ())
    return tuple(to)


def _explained(error: Error, x: Any, doing: str, to: Sequence[int], hint: str | None = None) -> Error:
    error.message = f"{doing}: {error.message}"
    error.args = (error.message,)
    error.facts.append(("x", describe_operand(x)))
    if to:
        error.facts.append(("to", describe(to)))
    error.hint = error.hint or hint
    return error


def _checked_sizes(x: Any, to: tuple[Any, ...], doing: str) -> tuple[int, ...]:
    for size in to:
        if not is_number(size):
            wrong = ShapeError(f"a size is an int, not {type(size).__name__}")
            raise _explained(wrong, x, doing, ())
    return to


def _named(result: Any, to: Sequence[int]) -> Any:
    """Give the result the names that the target brought."""
    if any([type(d) is Dim for d in to]):
        own = result._dims
        result._dims = tuple(to) if own is None else tuple([merge(a, b) for a, b in zip(own, to, strict=True)])
    return result


def reduce(op: Op | Callable[..., Any], x: Any, to: Any) -> Any:
    """Reduce to the shape `to`; None means to a scalar."""
    rank = len(x._spec.sizes)
    if to is None or (type(to) is tuple and not to):
        return op(x, axes=tuple(range(rank)))
    name = getattr(op, "name", None) or getattr(op, "__name__", "reduce")
    to = _shape_asked_for(x, to, name, rules.reduce_number_shape)
    kept = _axes(x, to, name, rules.reduce_shape, False, lambda: f"x.{name}(axis=...) to number the axes that go")
    return _named(op(x, axes=tuple([i for i in range(rank) if i not in kept])), to)


def _axes(
    x: Any, to: tuple[int, ...], doing: str, rule: Any, grows: bool, hint: Callable[[], str], ordered: bool = True
) -> Any:
    source = x._dims or x._spec.sizes
    try:
        return axes_of(rule, source, to, ordered=ordered, grows=grows)
    except (ShapeError, TypeError, ValueError, AttributeError, OverflowError) as error:
        _checked_sizes(x, to, doing)
        if not isinstance(error, ShapeError):
            raise
        large, small = (to, source) if grows else (source, to)
        why = candidates(large, small)
        if why:
            error.facts.append(("because", why))
        raise _explained(error, x, doing, to, hint()) from None


def reduce_axis(op: Op | Callable[..., Any], x: Any, axis: Any, keepdims: bool = False) -> Any:
    """Reduce the axes that are named by number; None means all."""
    name = getattr(op, "name", None) or getattr(op, "__name__", "reduce")
    axes = numbered(x, axis, name)
    result = op(x, axes=axes)
    if keepdims:
        sizes = x._dims or x._spec.sizes
        return reshape(result, tuple([1 if i in axes else size for i, size in enumerate(sizes)]))
    return result


def numbered(x: Any, axis: Any, doing: str) -> tuple[int, ...]:
    """Give axis numbers as non-negative ints, in rising order; None means all axes."""
    rank = len(x._spec.sizes)
    if axis is None:
        return tuple(range(rank))
    found = []
    for place in numbers(x, axis, doing):
        if not -rank <= place < rank:
            which = f"from {-rank} to {rank - 1}" if rank else "not there at all"
            error = ShapeError(
                f"axis {place} does not exist: the axes of a tensor with {counted_axes(rank)} are {which}"
            )
            raise _explained(error, x, doing, ())
        found.append(place % rank)
    if len(set(found)) != len(found):
        error = ShapeError(f"an axis is named twice in axis={axis}")
        raise _explained(error, x, doing, ())
    return tuple(sorted(found))


def numbers(x: Any, given: Any, doing: str, what: str = "axis= is the number of an axis") -> tuple[int, ...]:
    """Give an int, or several, as ints that keep their names; `what` says for the report what they are."""
    several = (given,) if is_number(given) else given
    if isinstance(several, tuple | list) and all([is_number(number) for number in several]):
        return tuple([number if type(number) is Dim else number.__index__() for number in several])
    raise _explained(ShapeError(f"{what}, or a tuple of numbers, not {given!r}"), x, doing, ())


def count(x: Any, given: Any, doing: str, called: str) -> int:
    """Give a number of things as an int."""
    if not is_number(given):
        error = ArgumentError(f"{doing}: {called}= is how many there are, an int, not {given!r}")
        error.facts.append(("x", describe_operand(x)))
        raise error
    return given.__index__()


def is_number(given: Any) -> bool:
    """Tell whether this is an int, in Python's, NumPy's or our form; True is none, nor is an array or tensor."""
    return isinstance(given, SupportsIndex) and not isinstance(given, bool | Value | np.ndarray)


def axis(x: Any, axis: Any, doing: str = "axis") -> int:
    """Give one axis number as a non-negative int."""
    return numbered(x, single(x, axis, doing), doing)[0]


def single(x: Any, axis: Any, doing: str) -> int:
    """Give the number of one axis as an int; whether there is such an axis is not looked at."""
    if not is_number(axis):
        raise _explained(ShapeError(f"axis= is the number of one axis, not {axis!r}"), x, doing, ())
    return axis.__index__()


def broadcast(x: Any, to: Any) -> Any:
    """Repeat x along new axes so that it has the shape `to`."""
    to = _shape_asked_for(x, to, "broadcast", rules.broadcast_number_shape)
    axes = _axes(x, to, "broadcast", rules.broadcast_shape, True, lambda: _how_to_broadcast(x, to))
    return _named(ops.broadcast(x, sizes=tuple([int(d) for d in to]), axes=axes), to)


def _how_to_broadcast(x: Any, to: tuple[int, ...]) -> str:
    """What to write instead of a broadcast that cannot be; leaving out axes of size 1 only where that helps."""
    ones = [i for i, size in enumerate(x._spec.sizes) if size == 1]
    if ones:
        rest = tuple([size for size in x._spec.sizes if size != 1])
        try:
            rules.broadcast_shape(rest, tuple([int(size) for size in to]))
        except ShapeError:
            pass
        else:
            squeezed = f"x.squeeze(axis={ones[0]})" if len(ones) == 1 else f"x.reshape({rest})"
            return f"{squeezed}.broadcast(to): an axis of size 1 is not stretched, but left out first"
    return "sizes from x.shape for the axes that x has, or x.broadcast(to, axis=...) to number the axes that are new"


def broadcast_axes(x: Any, to: Any, axis: Any) -> Any:
    """Repeat x along the axes of `to` that are numbered."""
    to = _checked_sizes(x, _shape_asked_for(x, to, "broadcast", rules.broadcast_number_shape), "broadcast")
    plain = tuple([int(d) for d in to])
    new = numbers(x, axis, "broadcast")
    try:
        rules.broadcast_axes_shape(x._spec.sizes, plain, new)
    except ShapeError as error:
        error.facts.append(("axis", str(axis)))
        raise _explained(error, x, "broadcast", to) from None
    kept = tuple([i for i in range(len(plain)) if i not in new and i - len(plain) not in new])
    return _named(ops.broadcast(x, sizes=plain, axes=kept), to)


def permute(x: Any, to: Any) -> Any:
    """Reorder the axes to the shape `to`."""
    to = _shape_asked_for(x, to, "permute", rules.permute_number_shape)
    axes = _axes(x, to, "permute", rules.permute_shape, False, lambda: _how_to_permute(x, to), False)
    return _named(ops.permute(x, axes=axes), to)


def _how_to_permute(x: Any, to: tuple[int, ...]) -> str:
    are_numbers = sorted(to) == list(range(len(x._spec.sizes)))
    return f"x.permute(axes={tuple([int(size) for size in to]) if are_numbers else '(...)'}) to number the axes"


def permute_axes(x: Any, axes: Any) -> Any:
    """Reorder the axes as numbered; negative numbers count from the end."""
    rank = len(x._spec.sizes)
    axes = numbers(x, axes, "permute", "axes= numbers the axes")
    try:
        rules.permute_axes_shape(x._spec.sizes, axes)
    except ShapeError as error:
        error.facts.append(("axes", str(axes)))
        raise _explained(error, x, "permute", ()) from None
    return ops.permute(x, axes=tuple([a % rank for a in axes]))


def reshape(x: Any, to: Any) -> Any:
    """The same elements in the same order under the shape `to`; one size may be -1."""
    to = _shape_asked_for(x, to, "reshape", rules.reshape_number_shape)
    key = (x._spec.sizes, to)
    try:
        sizes = _plain_reshapes.get(key)
    except TypeError:
        # What cannot be looked up is no shape; what it is, is said below.
        sizes = None
    if sizes is None:
        _checked_sizes(x, to, "reshape")
        plain = tuple([int(d) for d in to])
        try:
            sizes = tuple(rules.reshape_shape(x._spec.sizes, plain))
        except ShapeError as error:
            count = 1
            for size in plain:
                count *= size
            if -1 not in plain:
                error.facts.append(("elements", f"{x._spec.count} in x, {count} asked for"))
            raise _explained(error, x, "reshape", to) from None
        if len(_plain_reshapes) >= _MOST_VERDICTS:
            _plain_reshapes.clear()
        _plain_reshapes[key] = sizes
    result = ops.reshape(x, sizes=sizes)
    result._dims = None
    named = any([type(d) is Dim for d in to])
    if named or x._dims is not None:
        result._dims = _reshaped_names(x, to, sizes)
    return result


def _reshaped_names(x: Any, to: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    if -1 in to:
        # The size that is worked out is named by the rule itself: the product of the names over the others.
        dims = tuple(rules.reshape_shape(x._dims or x._spec.sizes, to))
        to = tuple([d if isinstance(d, Dim) else s for d, s in zip(dims, sizes, strict=True)])
    return to if any([type(d) is Dim for d in to]) else None
