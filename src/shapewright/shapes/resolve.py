"""Which axes does a target shape mean? Names decide first, numbers only where names cannot; what is open is an error.

The decision itself is a rule (`rules/`), the one that the type checker evaluates. Here a rule is given shapes whose
axes match exactly as their names and numbers say, its verdict is kept, and the axes are read off. What it is not: an
operation on tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .dim import Dim, Extent, describe, same_axis
from .errors import ShapeError

_MOST_VERDICTS = 8192
# (rule, source, target) or (rule, number of axes, matches) -> the source axis (or target axis) of each axis asked for.
_verdicts: dict[object, tuple[int, ...]] = {}


def axes_of(
    rule: Callable[[tuple[int, ...], tuple[int, ...]], object],
    source: tuple[int, ...],
    target: Sequence[int],
    *,
    ordered: bool = True,
    grows: bool = False,
) -> tuple[int, ...]:
    """Give, for each axis of the smaller shape, the axis of the larger one that it is.

    Args:
        rule: the shape rule `(source, target)`, which raises ShapeError where the target is impossible or ambiguous.
        source: the sizes of the tensor, with names where it has some.
        target: the sizes asked for.
        ordered: axes keep their order (reduce, broadcast); a permutation does not.
        grows: the target is the larger shape (broadcast).

    Raises:
        ShapeError: the rule's, with nothing added.
    """
    target = tuple(target)
    large, small = (target, source) if grows else (source, target)
    key: object
    if any(isinstance(d, Dim) for d in source) and any(isinstance(d, Dim) for d in target):
        matches = _matches(large, small)
        key = (rule, len(large), matches)
    else:
        matches = None
        key = (rule, source, target)
    found = _verdicts.get(key)
    if found is None:
        if matches is None:
            matches = _matches(large, small)
        found = _decide(rule, large, small, matches, ordered, grows)
        if len(_verdicts) >= _MOST_VERDICTS:
            _verdicts.clear()
        _verdicts[key] = found
    return found


def _matches(large: Sequence[int], small: Sequence[int]) -> tuple[int, ...]:
    """Give, for each axis of the smaller shape, the bits of the axes of the larger one that it can be."""
    by_name, by_number, claimed = [], [], 0
    for size in small:
        named = numbered = 0
        for index, other in enumerate(large):
            same = same_axis(size, other)
            if same:
                named |= 1 << index
            elif same is None and size == other:
                numbered |= 1 << index
        by_name.append(named)
        by_number.append(numbered)
        claimed |= named
    # Where a name decides, numbers are not asked; an axis that a name claims is not open to numbers.
    return tuple(named or numbered & ~claimed for named, numbered in zip(by_name, by_number, strict=True))


def _decide(
    rule: Callable[[tuple[int, ...], tuple[int, ...]], object],
    large: Sequence[int],
    small: Sequence[int],
    matches: tuple[int, ...],
    ordered: bool,
    grows: bool,
) -> tuple[int, ...]:
    marked_small = tuple(Extent(size, 1 << j) for j, size in enumerate(small))
    marked_large = tuple(
        Extent(size, sum(1 << j for j, bits in enumerate(matches) if bits >> i & 1)) for i, size in enumerate(large)
    )
    if grows:
        rule(marked_small, marked_large)
    else:
        rule(marked_large, marked_small)
    # The rule found exactly one way, so the first fit is the fit.
    axes: list[int] = []
    start = 0
    for bits in matches:
        axis = next(i for i in range(start, len(large)) if bits >> i & 1)
        axes.append(axis)
        if ordered:
            start = axis + 1
    return tuple(axes)


def candidates(large: Sequence[int], small: Sequence[int]) -> str:
    """Say, for a report, which axes each size of the smaller shape could be: `4 could be axis 0 or axis 1`."""
    lines = []
    for size, bits in zip(small, _matches(large, small), strict=True):
        axes = [f"axis {i}" for i in range(len(large)) if bits >> i & 1]
        text = describe((size,))[1:-1]
        if not axes:
            lines.append(f"{text} is no axis of {describe(large)}")
        elif len(axes) > 1:
            lines.append(f"{text} could be {' or '.join(axes)}")
    return "; ".join(dict.fromkeys(lines))


__all__ = ["ShapeError", "axes_of", "candidates"]
