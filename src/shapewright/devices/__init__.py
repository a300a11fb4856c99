"""Where tensors live and operations run."""

from __future__ import annotations

from typing import Any

from shapewright.graph import active

from .cpu import Cpu
from .device import Device
from .reference import Reference

__all__ = ["Cpu", "Device", "Reference", "default_device"]

_DEFAULT = Cpu()


def default_device() -> Any:
    """Give the device that creation functions and modules use when none is named.

    While a program is recorded it is the recording: what is made then is part of the program.
    """
    return active.capture or _DEFAULT
