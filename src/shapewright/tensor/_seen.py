"""What a program was recorded with, besides the tensors it is given: what must be as it was for it to be run again.

What it is not: the recording (`compiled.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapewright.graph import changes

from .feeding import Layered

# Where a module keeps what is not its user's.
OWN_ATTRIBUTES = frozenset(("_home", "_scope", "_sizes"))


def attributes(value: Any) -> list[tuple[str, Any]]:
    """Give the attributes of an object that holds some and is neither a class, a function nor a layer."""
    if isinstance(value, type | Layered) or callable(value):
        return []
    return list(getattr(value, "__dict__", {}).items())


def constant(value: Any) -> Any:
    """Give what tells a constant of a program from others: numbers and texts by what they are, the rest by identity."""
    if isinstance(value, int | str | bytes | None):
        return type(value), value
    # As text: 0.0 and -0.0 are equal and not the same, and NaN is not equal to itself.
    return (type(value), repr(value)) if isinstance(value, float | np.generic) else id(value)


class Seen:
    """What a program was recorded with, besides its arguments.

    Args:
        cells: the cells it works on, whose element types and devices count.
        called: the modules that were called, whose attributes are constants of the program.
    """

    def __init__(self, cells: list[Any], called: list[Any]) -> None:
        self._cells = [(cell, cell._spec, cell._device) for cell in cells]
        modules = {id(module): module for module in called}
        for part in (*cells, *called):
            # Those that hold a part, as when a method other than `__call__` was used.
            holder = part._home and part._home[0]()
            while holder is not None and id(holder) not in modules:
                modules[id(holder)] = holder
                holder = holder._home and holder._home[0]()
        self._modules = [(module, _held(module)) for module in modules.values()]
        self._count = changes.count

    def holds(self) -> bool:
        """Whether all of it is as it was."""
        if self._count == changes.count:
            return True
        count = changes.count
        for cell, spec, device in self._cells:
            if cell._spec is not spec or cell._device != device:
                return False
        for module, held in self._modules:
            now = _held(module)
            if now.keys() != held.keys() or any(
                item is not held[name] and constant(item) != constant(held[name]) for name, item in now.items()
            ):
                return False
        self._count = count
        return True


def _held(module: Any) -> dict[str, Any]:
    return {name: item for name, item in vars(module).items() if name not in OWN_ATTRIBUTES}
