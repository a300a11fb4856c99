"""Arrays that end, or begin, at memory which nobody may touch. What it is not: a test."""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np
import numpy.typing as npt

# Reading or writing beside an array ends the process where there are guard pages; elsewhere arrays are plain.
HAS_GUARDS = sys.platform != "win32"


class Guarded:
    """A copy of an array, at the end (or the beginning) of pages with untouchable ones on both sides."""

    def __init__(self, values: npt.NDArray, *, at_end: bool = True) -> None:
        size, page = values.nbytes, mmap.PAGESIZE
        inner = max(1, -(-size // page)) * page
        self._map = mmap.mmap(-1, inner + 2 * page)
        begin = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        self.address = begin + page + (inner - size if at_end else 0)
        memory = (ctypes.c_char * size).from_address(self.address)
        self.array = np.frombuffer(memory, values.dtype).reshape(values.shape)
        self.array[...] = values
        if HAS_GUARDS:
            library = ctypes.CDLL(None, use_errno=True)
            for guard in (begin, begin + page + inner):
                assert library.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0) == 0
