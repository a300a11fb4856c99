"""Where tensors live and operations run."""

from __future__ import annotations

from .cpu import Cpu
from .device import Device
from .reference import Reference

__all__ = ["Cpu", "Device", "Reference", "default_device"]

_DEFAULT = Cpu()


def default_device() -> Cpu:
    """Give the device that creation functions and modules use when none is named."""
    return _DEFAULT
