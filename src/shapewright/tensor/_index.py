"""What `x[…]` does at run time: each index is checked by its rule, then one slice, one reshape and at most one take.

What it is not: the types of `x[…]` (`indexing.py`) or the rules (`shapes/rules/index.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, SupportsIndex

import numpy as np

from shapewright import ops
from shapewright.ops.core import Value, describe_operand
from shapewright.shapes import rules
from shapewright.shapes.dim import Dim
from shapewright.shapes.errors import Error, IndexRangeError, ShapeError
from shapewright.tensor import _target as target

MASK_HINT = "sw.where(mask, x, 0.0) to keep the shape, x.take(places, axis=0) to pick places"


def index(x: Any, at: Any) -> Any:
    """Give ``x[at]``.

    Raises:
        IndexRangeError: an int is outside its axis.
        ShapeError: a slice reaches outside its axis, an index is of no known kind, or there are too many.
    """
    items = list(at) if isinstance(at, tuple) else [at]
    rank = len(x._spec.sizes)
    used = sum(1 for item in items if item is not None and item is not ...)
    if used > rank:
        raise _explained(ShapeError("more indices than the tensor has axes"), x, at)
    dots = [place for place, item in enumerate(items) if item is ...]
    if len(dots) > 1:
        raise _explained(ShapeError("... stands for all axes that are not named, so it is written once"), x, at)
    whole = [slice(None)] * (rank - used)
    if dots:
        items[dots[0] : dots[0] + 1] = whole
    else:
        items += whole
    return _apply(x, at, items)


def _apply(x: Any, at: Any, items: list[Any]) -> Any:
    sizes = x._dims or x._spec.sizes
    starts: list[int] = []
    stops: list[int] = []
    steps: list[int] = []
    shape: list[int] = []  # of the result, before a take
    listed: tuple[int, Any] | None = None
    sliced = False
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            continue
        size = x._spec.sizes[axis]
        start, stop, step = 0, size, 1
        if isinstance(item, slice):
            kept = sizes[axis]
            if item != slice(None):
                start, stop, step, kept = _slice(x, at, item, sizes[axis])
            shape.append(kept)
        elif isinstance(item, SupportsIndex) and not isinstance(item, bool):
            place = item.__index__()
            _check(rules.select_shape, x, at, axis, IndexRangeError, (size,), place, 0)
            start = place + size if place < 0 else place
            stop = start + 1
        elif isinstance(item, (list, tuple, Value)):
            if listed is not None:
                raise _explained(
                    ShapeError("two axes are indexed by lists; one list picks places of one axis"),
                    x,
                    at,
                    "x.take(places, axis=0).take(others, axis=1), or x.gather(indices, axis=1) to pair them up",
                )
            listed = (len(shape), item)
            shape.append(sizes[axis])
        else:
            raise _explained(
                ShapeError(f"an index is an int, a slice, None, ..., a list or a tensor of ints, not {item!r}"), x, at
            )
        sliced = sliced or (start, stop, step) != (0, size, 1)
        starts.append(start)
        stops.append(stop)
        steps.append(step)
        axis += 1
    result = x
    if sliced:
        result = ops.slice(x, starts=tuple(starts), stops=tuple(stops), steps=tuple(steps))
    result = _shaped(result, tuple(shape), x)
    return result if listed is None else take(result, listed[1], listed[0])


def _shaped(result: Any, shape: tuple[int, ...], x: Any) -> Any:
    """Give the result its shape: axes of size 1 go or come; sizes keep their names."""
    if tuple(map(int, shape)) != result._spec.sizes:
        result = target.reshape(result, shape)
    if result is not x and any(isinstance(size, Dim) for size in shape):
        result._dims = shape
    return result


def _slice(x: Any, at: Any, item: slice, size: int) -> tuple[int, int, int, int]:
    """Give start, stop and step in plain numbers, none negative, and the size that is kept, with its name if any."""
    length = int(size)
    first = 0 if item.start is None else item.start
    last = size if item.stop is None else item.stop
    step = 1 if item.step is None else item.step
    for end in (first, last, step):
        if not isinstance(end, SupportsIndex):
            raise _explained(ShapeError(f"the ends of a slice are ints, not {end!r}"), x, at)
    start, stop, by = (end.__index__() for end in (first, last, step))
    _check(rules.slice_shape, x, at, None, ShapeError, (length,), int(start), int(stop), int(by), 0)
    (kept,) = rules.slice_shape((size,), first, last, by, 0)
    start, stop = (int(end) + length if end < 0 else int(end) for end in (start, stop))
    return start, stop, int(by), kept


def take(x: Any, places: Any, axis: int) -> Any:
    """Pick places of an axis, given as a tensor of integers or as a list or tuple of ints.

    Raises:
        IndexRangeError: a place is outside the axis.
        ShapeError: `places` is neither.
    """
    if isinstance(places, Value):
        if not places._spec.dtype.is_integer:
            wrong = ShapeError(f"places are integers, and this tensor holds {places._spec.dtype.name}")
            raise _explained(wrong, x, places, MASK_HINT if places._spec.dtype.name == "bool" else None)
        return ops.take(x, places, axis=axis)
    size = x._spec.sizes[axis]
    numbers = []
    for place in places:
        if not isinstance(place, SupportsIndex) or isinstance(place, bool):
            raise _explained(ShapeError(f"a list of places holds ints, not {place!r}"), x, places, MASK_HINT)
        numbers.append(place.__index__())
    _check(rules.take_places_shape, x, places, axis, IndexRangeError, (size,), tuple(map(int, numbers)), 0)
    found = np.array([int(number) + size if number < 0 else int(number) for number in numbers], np.int64)
    # Not at the top: creation makes tensors, whose class is made of the mixins that import this.
    from shapewright.tensor.creation import from_numpy

    indices = from_numpy(found, device=x._device)
    return ops.take(x, indices, axis=axis)


def _check(rule: Callable[..., Any], x: Any, at: Any, axis: int | None, kind: type[Error], *arguments: Any) -> None:
    try:
        rule(*arguments)
    except ShapeError as error:
        wrong = kind(error.message)
        if axis is not None:
            wrong.facts.append(("axis", f"{axis}, of size {x._spec.sizes[axis]}"))
        raise _explained(wrong, x, at) from None


def _explained(error: Error, x: Any, at: Any, hint: str | None = None) -> Error:
    error.message = f"index: {error.message}"
    error.args = (error.message,)
    error.facts.append(("x", describe_operand(x)))
    error.facts.append(("index", describe_operand(at) if isinstance(at, Value) else _written(at)))
    error.hint = error.hint or hint
    return error


def _written(at: Any) -> str:
    """Write an index as it stands in the program: ``0, 1:3, ...``."""
    if isinstance(at, tuple):
        return ", ".join(map(_written, at))
    if at is ...:
        return "..."
    if isinstance(at, slice):
        ends = ["" if end is None else str(end) for end in (at.start, at.stop)]
        return ":".join(ends if at.step is None else [*ends, str(at.step)])
    return describe_operand(at) if isinstance(at, Value) else str(at)
