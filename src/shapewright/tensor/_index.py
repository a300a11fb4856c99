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
from shapewright.tensor._target import is_number

MASK_HINT = "sw.where(mask, x, 0.0) to keep the shape, x.take(places, axis=0) to pick places"


class _Plan:
    """What an index does to a shape in plain numbers: one slice, then a reshape that drops and adds axes."""

    __slots__ = ("kept", "shape", "sliced", "starts", "steps", "stops")

    def __init__(self) -> None:
        self.starts: tuple[int, ...] = ()
        self.stops: tuple[int, ...] = ()
        self.steps: tuple[int, ...] = ()
        self.sliced = False
        self.shape: tuple[int, ...] = ()
        # For each axis of the result the axis it was, or None for a new one; and the slice that cut it.
        self.kept: tuple[tuple[int | None, slice], ...] = ()


_WHOLE = slice(None)
_MOST_PLANS = 4096
_plans: dict[Any, _Plan] = {}
_SIMPLE = frozenset((int, slice, type(None), type(...)))
_ENDS = frozenset((int, type(None)))


def index(x: Any, at: Any) -> Any:
    """Give ``x[at]``.

    Raises:
        IndexRangeError: an int is outside its axis.
        ShapeError: a slice reaches outside its axis, an index is of no known kind, or there are too many.
    """
    key = _key(x, at)
    plan = _plans.get(key) if key is not None else None
    listed = None
    if plan is None:
        plan, listed = _planned(x, at)
        if key is not None:
            if len(_plans) >= _MOST_PLANS:
                _plans.clear()
            _plans[key] = plan
    result = x
    if plan.sliced:
        result = ops.slice(x, starts=plan.starts, stops=plan.stops, steps=plan.steps)
    if plan.shape != result._spec.sizes:
        result = ops.reshape(result, sizes=plan.shape)
    if result is not x:
        result._dims = _names(x, plan)
    return result if listed is None else take(result, listed[1], listed[0])


def _key(x: Any, at: Any) -> Any:
    """Give what the plan depends on, or None where it cannot be kept; True is no 1 here, and lists change."""
    for item in at if type(at) is tuple else (at,):
        kind = type(item)
        if kind not in _SIMPLE:
            return None
        if kind is slice and not (type(item.start) in _ENDS and type(item.stop) in _ENDS and type(item.step) in _ENDS):
            return None
    return x._spec.sizes, at


def _names(x: Any, plan: _Plan) -> tuple[int, ...] | None:
    """Give the sizes of the result with their names: whole axes keep theirs, and `d - 1` is named where d is."""
    dims = x._dims or x._spec.sizes
    named = tuple([_named_size(dims, axis, cut, size) for (axis, cut), size in zip(plan.kept, plan.shape, strict=True)])
    return named if any([isinstance(size, Dim) for size in named]) else None


def _named_size(dims: tuple[Any, ...], axis: int | None, cut: slice, size: int) -> int:
    if axis is None:
        return size
    old = dims[axis]
    if cut is _WHOLE:
        return old
    if isinstance(old, Dim) or isinstance(cut.start, Dim) or isinstance(cut.stop, Dim):
        first: Any = 0 if cut.start is None else cut.start
        last: Any = old if cut.stop is None else cut.stop
        source: Any = (old,)
        return rules.slice_shape(source, first, last, 1 if cut.step is None else cut.step, 0)[0]
    return size


def _planned(x: Any, at: Any) -> tuple[_Plan, tuple[int, Any] | None]:
    items = list(at) if isinstance(at, tuple) else [at]
    rank = len(x._spec.sizes)
    used = sum(1 for item in items if item is not None and item is not ...)
    if used > rank:
        raise _explained(ShapeError("more indices than the tensor has axes"), x, at)
    dots = [place for place, item in enumerate(items) if item is ...]
    if len(dots) > 1:
        raise _explained(ShapeError("... stands for all axes that are not named, so it is written once"), x, at)
    whole = [_WHOLE] * (rank - used)
    if dots:
        items[dots[0] : dots[0] + 1] = whole
    else:
        items += whole
    starts: list[int] = []
    stops: list[int] = []
    steps: list[int] = []
    shape: list[int] = []
    kept: list[tuple[int | None, slice]] = []
    listed: tuple[int, Any] | None = None
    axis = 0
    for item in items:
        if item is None:
            shape.append(1)
            kept.append((None, _WHOLE))
            continue
        if isinstance(item, np.ndarray) and item.ndim:
            raise _explained(
                ShapeError("an index is a NumPy array, and a tensor is needed"), x, (), "x[sw.from_numpy(places)]"
            )
        size = x._spec.sizes[axis]
        start, stop, step = 0, size, 1
        if isinstance(item, slice):
            if item != _WHOLE:
                start, stop, step, size = _slice(x, at, item, size)
            shape.append(size)
            kept.append((axis, _WHOLE if item == _WHOLE else item))
        elif isinstance(item, SupportsIndex) and not isinstance(item, (bool, Value)):
            place = item.__index__()
            _check(rules.select_shape, x, at, axis, IndexRangeError, (size,), int(place), 0)
            start = int(place) + size if place < 0 else int(place)
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
            shape.append(size)
            kept.append((axis, _WHOLE))
        else:
            raise _explained(
                ShapeError(f"an index is an int, a slice, None, ..., a list or a tensor of ints, not {item!r}"), x, at
            )
        starts.append(start)
        stops.append(stop)
        steps.append(step)
        axis += 1
    plan = _Plan()
    plan.starts, plan.stops, plan.steps = tuple(starts), tuple(stops), tuple(steps)
    plan.sliced = (plan.starts, plan.stops, plan.steps) != ((0,) * rank, x._spec.sizes, (1,) * rank)
    plan.shape, plan.kept = tuple(shape), tuple(kept)
    return plan, listed


def _slice(x: Any, at: Any, item: slice, size: int) -> tuple[int, int, int, int]:
    """Give start, stop and step in plain numbers, none negative, and the size that is kept."""
    first = 0 if item.start is None else item.start
    last = size if item.stop is None else item.stop
    step = 1 if item.step is None else item.step
    for end in (first, last, step):
        if not is_number(end):
            raise _explained(ShapeError(f"the ends of a slice are ints, not {end!r}"), x, at)
    start, stop, by = (int(end.__index__()) for end in (first, last, step))
    _check(rules.slice_shape, x, at, None, ShapeError, (size,), start, stop, by, 0)
    start, stop = (end + size if end < 0 else end for end in (start, stop))
    return start, stop, by, (stop - start + by - 1) // by


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
    if not isinstance(places, list | tuple | range):
        wrong = ShapeError(f"places are a tensor of integers, or a list or tuple of ints, not {type(places).__name__}")
        raise _explained(wrong, x, places)
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
