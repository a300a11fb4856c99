"""What a function reads by name from around it: its closure, and the globals of its module.

A program that was recorded has what the names meant then. Where a name means something else later (an optimiser made
anew, another tensor, a function defined again in a notebook) the program is recorded anew.
What it is not: what the things themselves hold (`_seen.py`).
"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable, Iterator
from operator import is_
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

# Functions that call functions: so many are looked into at most.
_MOST_FUNCTIONS = 64


class Around:
    """The names that a function reads, with what they mean now.

    Args:
        function: any callable; what is no function of Python reads nothing.
        constant: gives what tells one value from others.
    """

    def __init__(self, function: Any, constant: Callable[[Any], Any]) -> None:
        self._constant = constant
        self._cells: list[tuple[str, CellType, Any]] = []
        # For each module, its namespace, and its names with what they mean.
        self._globals: list[tuple[dict[str, Any], tuple[str, ...], tuple[Any, ...]]] = []
        names: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        waiting = [_function_of(function)]
        seen: set[int] = set()
        while waiting and len(seen) < _MOST_FUNCTIONS:
            current = waiting.pop()
            if current is None or id(current) in seen:
                continue
            seen.add(id(current))
            found: list[Any] = []
            for name, cell in zip(current.__code__.co_freevars, current.__closure__ or (), strict=True):
                value = _content(cell)
                self._cells.append((name, cell, value))
                found.append(value)
            namespace = current.__globals__
            _, known = names.setdefault(id(namespace), (namespace, {}))
            for name in _global_names(current.__code__):
                known[name] = namespace.get(name)
                found.append(known[name])
            # What libraries do is theirs.
            waiting += [f for f in map(_function_of, found) if f is not None and f.__globals__ is namespace]
        for namespace, known in names.values():
            if known:
                self._globals.append((namespace, tuple(known), tuple(known.values())))

    def values(self) -> Iterator[tuple[str, Any]]:
        """Go through the names with what they mean."""
        for name, _, value in self._cells:
            yield name, value
        for _, names, values in self._globals:
            yield from zip(names, values, strict=True)

    def changed(self) -> str | None:
        """Give a name that means something else now, or None."""
        try:
            for _, cell, then in self._cells:
                if cell.cell_contents is not then:
                    return self._which()
        except ValueError:  # a variable without a value
            return self._which()
        for namespace, names, then in self._globals:
            if not all(map(is_, map(namespace.get, names), then)):
                return self._which()
        return None

    def _which(self) -> str | None:
        """Give a name that means something else, not only another object that is equal."""
        for place, (name, cell, then) in enumerate(self._cells):
            now = _content(cell)
            if now is not then:
                if self._constant(now) != self._constant(then):
                    return name
                self._cells[place] = name, cell, now
        for place, (namespace, names, then) in enumerate(self._globals):
            now = tuple(map(namespace.get, names))
            for name, one, other in zip(names, now, then, strict=True):
                if one is not other and self._constant(one) != self._constant(other):
                    return name
            self._globals[place] = namespace, names, now
        return None


def _function_of(value: Any) -> FunctionType | None:
    """Give the function that a callable is made of: below decorators and partial arguments, or an object's method."""
    while isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, MethodType):
        value = value.__func__
    if not isinstance(value, FunctionType):
        value = inspect.getattr_static(type(value), "__call__", None)
    if not isinstance(value, FunctionType):
        return None
    value = inspect.unwrap(value)
    return value if isinstance(value, FunctionType) else None


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield instruction.argval
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _global_names(inner)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing yet, or no longer
        return None
