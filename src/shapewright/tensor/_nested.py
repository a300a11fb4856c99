"""Tensors in nested tuples, lists, dicts and named tuples: taken out in order, and put back.

What it is not: the arguments of compiled functions, which may hold anything (`compiled.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shapewright.shapes.errors import ArgumentError

from .tensor import Tensor

_LEAF = "tensor"


def flatten(value: Any, leaves: list[Any], where: str) -> Any:
    """Take the tensors out of a nest, and give its form: equal forms are nests of one kind.

    Args:
        value: the nest.
        leaves: where the tensors go.
        where: what reports call it.

    Raises:
        ArgumentError: it holds something else.
    """
    if isinstance(value, Tensor):
        leaves.append(value)
        return _LEAF
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return (type(value), tuple([flatten(item, leaves, f"{where}[{i}]") for i, item in enumerate(value)]))
    if isinstance(value, dict):
        return (dict, tuple([(key, flatten(item, leaves, f"{where}[{key!r}]")) for key, item in value.items()]))
    number = isinstance(value, int | float)
    raise ArgumentError(
        f"{where} holds tensors, in tuples, lists and dicts if you like, not {type(value).__name__}",
        hint=f"sw.tensor({value!r}) in its place" if number else "sw.tensor(...) for numbers; other things by closure",
    )


def unflatten(form: Any, leaves: Sequence[Any]) -> Any:
    """Put tensors into a nest of this form."""
    return _filled(form, iter(leaves))


def _filled(form: Any, leaves: Iterator[Any]) -> Any:
    if form == _LEAF:
        return next(leaves)
    if form is None:
        return None
    kind, items = form
    if kind is dict:
        return {key: _filled(item, leaves) for key, item in items}
    filled = [_filled(item, leaves) for item in items]
    return kind(*filled) if hasattr(kind, "_fields") else kind(filled)


def describe_form(form: Any) -> str:
    """Write the form of a nest for a report: `(tensor, [tensor, None])`."""
    if form == _LEAF or form is None:
        return str(form)
    kind, items = form
    if kind is dict:
        return "{" + ", ".join(f"{key!r}: {describe_form(item)}" for key, item in items) + "}"
    inside = ", ".join(map(describe_form, items))
    if kind is tuple:
        return f"({inside},)" if len(items) == 1 else f"({inside})"
    return f"[{inside}]" if kind is list else f"{kind.__name__}({inside})"
