"""`Cpu`: the device by default. Single operations run as on `Reference`, in the same memory.

What it is not yet: an engine for whole programs.
"""

from __future__ import annotations

from shapewright.devices.reference import Reference


class Cpu(Reference):
    """This machine's processor and memory.

    >>> import shapewright as sw
    >>> sw.zeros((2,)).device
    Cpu()
    """

    name = "cpu"
    __slots__ = ()
