"""The shape language, run by Python.

Shape rules (`shapes/rules/`) are written in the small language that Pyrefly evaluates inside return annotations
(`shape_extensions.dsl`). This module gives every name of that language its run-time meaning, so the same function is
the static check and the run-time check. It holds no rule itself, and it never imports `shape_extensions`.

Sizes at run time are plain ints, or objects that stand for a size whose value must not decide (`Dim` arithmetic gives
such objects): those say so through an attribute `is_concrete`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Never

from shapewright.shapes import _patterns
from shapewright.shapes.errors import ShapeError

__all__ = [
    "Int",
    "IntTuple",
    "IntTuples",
    "Invalid",
    "axis_reduce",
    "concat",
    "einsum",
    "is_concrete_int",
    "is_int_value",
    "prod",
    "rearrange",
    "shape_rule",
    "sum",
]


def Invalid(message: str) -> Never:  # the name of the language
    """Refuse: the checker reports `message`, Python raises it."""
    raise ShapeError(message)


class Int:
    """Namespace of integer values in the language."""

    @staticmethod
    def gradual() -> Never:
        """An unknown size. It cannot occur at run time, where every size is known."""
        raise ShapeError("a size is unknown here")


class IntTuple(tuple[Any, ...]):
    """A shape: a tuple of sizes."""

    __slots__ = ()

    @staticmethod
    def gradual() -> Never:
        """An unknown shape. It cannot occur at run time."""
        raise ShapeError("a shape is unknown here")


class IntTuples(tuple[Any, ...]):
    """Several shapes."""

    __slots__ = ()


def is_concrete_int(value: object) -> bool:
    """Whether `value` is a number that may decide."""
    return type(value) is int or bool(getattr(value, "is_concrete", isinstance(value, int)))


def is_int_value(value: object) -> bool:
    """Whether a literal argument is one int (rather than a tuple of ints, or None)."""
    return isinstance(value, int)


def concat(left: Iterable[Any], right: Iterable[Any]) -> IntTuple:
    """The axes of `left`, then those of `right`."""
    return IntTuple((*left, *right))


def prod(sizes: Iterable[Any]) -> Any:
    """The product of the sizes; 1 for none."""
    return math.prod(sizes)


_python_sum = sum


def sum(sizes: Iterable[Any]) -> Any:  # the name of the language
    """The sum of the sizes; 0 for none."""
    return _python_sum(sizes)


def axis_reduce(
    shape: tuple[Any, ...],
    axis: int | tuple[int, ...] | None,
    keepdims: bool,
    empty_means_all: bool,
    scalar_axis_ok: bool,
    scalar_tuple_axis_ok: bool,
) -> IntTuple:
    """The shape left when the axes numbered by `axis` are reduced."""
    rank = len(shape)
    if axis is None or (axis == () and empty_means_all):
        named = tuple(range(rank))
    else:
        named = (axis,) if isinstance(axis, int) else tuple(axis)
    reduced = {number + rank if number < 0 else number for number in named}
    if any(number < 0 or number >= rank for number in reduced):
        raise ShapeError("axis out of range")
    if len(reduced) != len(named):
        raise ShapeError("an axis is named twice")
    return IntTuple(
        1 if place in reduced else size for place, size in enumerate(shape) if keepdims or place not in reduced
    )


def einsum(equation: str, shapes: Iterable[tuple[Any, ...]]) -> IntTuple:
    """The shape an einsum equation gives for these operands."""
    return IntTuple(_patterns.einsum_shape(equation, tuple(shapes)))


def rearrange(pattern: str, shape: tuple[Any, ...], sizes: Any = None) -> IntTuple:
    """The shape a rearrange pattern gives for this tensor."""
    return IntTuple(_patterns.rearrange_shape(pattern, tuple(shape), sizes or {}))


def shape_rule[F: Callable[..., Any]](rule: F) -> F:
    """Mark a function as a shape rule. At run time it stays an ordinary function."""
    return rule
