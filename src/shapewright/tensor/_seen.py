"""What a program was recorded with, besides the tensors it is given: what must be as it was for it to be run again.

What it is not: the recording (`compiled.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np

from shapewright.graph import changes

from ._around import Around
from .feeding import Layered

# Where a module keeps what is not its user's.
OWN_ATTRIBUTES = frozenset(("_home", "_scope", "_sizes"))


# Of a list or dict that is looked through at each call; a table of words is not, it would take longer than a step.
_MOST_ITEMS = 256


def attributes(value: Any) -> list[tuple[str, Any]]:
    """Give the attributes of an object that holds some and is neither a class, a function nor a layer."""
    if isinstance(value, type | Layered) or callable(value):
        return []
    return list(getattr(value, "__dict__", {}).items())


def constant(value: Any) -> Any:
    """Give what tells a constant of a program from others: numbers and texts by what they are, the rest by identity."""
    if isinstance(value, int | str | bytes | None):
        return type(value), value
    if type(value) is tuple:
        return tuple, tuple(map(constant, value))
    # As text: 0.0 and -0.0 are equal and not the same, and NaN is not equal to itself.
    return (type(value), repr(value)) if isinstance(value, float | np.generic) else id(value)


class Seen:
    """What a program was recorded with, besides its arguments.

    Args:
        cells: the cells it works on, whose element types and devices count.
        called: the modules that were called, whose attributes are constants of the program.
        function: what was recorded; what it reads by name is a constant, too.
    """

    def __init__(self, cells: list[Any], called: list[Any], function: Any) -> None:
        self._around = Around(function, constant)
        self._cells = [(cell, cell._spec, cell._device) for cell in cells]
        modules = {id(module): module for module in called}
        for part in (*cells, *called):
            # Those that hold a part, as when a method other than `__call__` was used.
            holder = part._home and part._home[0]()
            while holder is not None and id(holder) not in modules:
                modules[id(holder)] = holder
                holder = holder._home and holder._home[0]()
        self._modules = [(module, _held(module)) for module in modules.values()]
        named = [
            (f"{type(module).__name__}.{name}", item) for module, held in self._modules for name, item in held.items()
        ]
        # Nothing says when something else is put into these, so each call looks.
        self._containers = [
            (name, item, tuple(_items(item)))
            for name, item in (*named, *self._around.values())
            if type(item) in (list, dict) and len(item) <= _MOST_ITEMS
        ]
        self._count = changes.count

    def changed(self) -> str | None:
        """Give the name of something that is not as it was, or None."""
        name = self._around.changed()
        if name is not None:
            return name
        for name, container, items in self._containers:
            if len(container) != len(items) or not all(map(is_, _items(container), items)):
                return name
        if self._count == changes.count:
            return None
        count = changes.count
        for cell, spec, device in self._cells:
            if cell._spec is not spec or cell._device != device:
                return cell.name or "a parameter"
        for module, held in self._modules:
            now = _held(module)
            for name in now.keys() | held.keys():
                one, other = now.get(name, held), held.get(name, held)
                if one is not other and constant(one) != constant(other):
                    return f"{type(module).__name__}.{name}"
        self._count = count
        return None


def _items(container: list[Any] | dict[Any, Any]) -> Iterable[Any]:
    return container.values() if type(container) is dict else container


def _held(module: Any) -> dict[str, Any]:
    return {name: item for name, item in vars(module).items() if name not in OWN_ATTRIBUTES}
