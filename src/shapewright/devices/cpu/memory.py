"""Memory that programs work in: where arrays lie, and arrays that begin at a cache line.

What it is not: what lies where in it (`plan.py`).
"""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

_LINE_BYTES = 64
# Of pages that the system gives where it is asked to: their translations are few, and what lies together in them falls
# into all sets of the caches alike. Less memory than this is not worth one.
_PAGE_BYTES = 2 << 20
_LEAST_BYTES = 1 << 20

_as_buffer = ctypes.c_char.from_buffer
_place_of = ctypes.addressof


def address(array: np.ndarray) -> int:
    """Give where an array's first element lies."""
    try:
        # A fourth of the time of asking NumPy, which every call of a program would feel.
        return _place_of(_as_buffer(array))
    except (TypeError, ValueError):  # nothing to write to, no elements, or elements that buffers have no name for
        return array.__array_interface__["data"][0]


def zeros_at_line(count: int) -> np.ndarray:
    """Give bytes that are 0 and begin at a cache line; many of them on large pages, where the system has them."""
    if count < _LEAST_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return _beginning_at(np.zeros(count + _LINE_BYTES, np.uint8), _LINE_BYTES, count)
    # Private: after a fork, parent and child go on with memory of their own.
    area = mmap.mmap(-1, count + _PAGE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        area.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a system without them
        pass
    return _beginning_at(np.frombuffer(area, np.uint8), _PAGE_BYTES, count)


def _beginning_at(array: np.ndarray, multiple: int, count: int) -> np.ndarray:
    offset = -address(array) % multiple
    return array[offset : offset + count]


__all__ = ["address", "zeros_at_line"]
