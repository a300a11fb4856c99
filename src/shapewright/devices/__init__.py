"""Where tensors live and operations run."""

from __future__ import annotations

from typing import Any

from shapewright.graph import active
from shapewright.shapes.errors import DeviceError

from .cpu import Cpu
from .device import Device, Interrupted
from .reference import Reference

__all__ = ["Cpu", "Device", "Interrupted", "Reference", "chosen_device", "default_device"]

_DEFAULT = Cpu()


def default_device() -> Any:
    """Give the device that creation functions and modules use when none is named.

    While a program is recorded it is the recording: what is made then is part of the program.
    """
    return active.capture or _DEFAULT


def chosen_device(device: Any) -> Any:
    """Give the device that was asked for by `device=`, or the default one for None.

    While a program is recorded, the device that it will run on is the recording.

    Raises:
        DeviceError: it is no device.
    """
    if device is None:
        return default_device()
    if isinstance(device, type) or not (hasattr(device, "run") and hasattr(device, "put")):
        raise DeviceError(f"device= takes a device, not {device!r}", hint="device=sw.Cpu()")
    capture = active.capture
    return capture if capture is not None and device == capture.home else device
