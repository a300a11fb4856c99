"""Names for the axes of a tensor whose shape is read.

What it is not: the algebra of names (`shapes/dim.py`), or the names that annotations give (`binding.py`).
"""

from __future__ import annotations

import threading
from typing import Any

from shapewright.shapes.dim import Dim, Scope

_naming = threading.Lock()


def name_axes(x: Any) -> tuple[int, ...]:
    """Give every axis of a tensor a name. Threads that read one shape at once must leave with the same names."""
    with _naming:
        dims = x._dims
        if dims is None or not all([type(d) is Dim for d in dims]):
            dims = x._dims = _with_names(dims if dims is not None else x._spec.sizes)
        return dims


def _with_names(sizes: tuple[int, ...]) -> tuple[Dim, ...]:
    # Axes of one tensor are different axes, so new names join the scope of those that are already there.
    scope = None
    for size in sizes:
        if isinstance(size, Dim):
            scope = next(iter(size.names[0].scopes()))
    scope = scope or Scope()
    return tuple(size if isinstance(size, Dim) else Dim.named(size, None, scope) for size in sizes)
