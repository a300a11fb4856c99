"""`Cpu`: the device by default. Single operations run as on `Reference`, in the same memory; programs on the engine.

What it is not: the engine (`engine.py`).
"""

from __future__ import annotations

from typing import Any

from shapewright.devices.reference import Reference
from shapewright.graph import Graph


class Cpu(Reference):
    """This machine's processor and memory.

    >>> import shapewright as sw
    >>> sw.zeros((2,)).device
    Cpu()
    """

    name = "cpu"
    __slots__ = ()

    def compile(self, graph: Graph) -> Any:
        # The engine brings LLVM along, which takes longer to import than all the rest.
        from .engine import Executable

        return Executable(graph, Reference())
