"""The move of a tensor to another device, and of its gradient back.

What it is not: what a device does with the numbers (`devices/`).
"""

from __future__ import annotations

from typing import Any

from shapewright.devices import Device
from shapewright.tape import Node

from .tensor import make


class _Transfer(Node):
    """The recorded move of a value to another device; its gradient moves back."""

    __slots__ = ("home", "source")

    def __init__(self, source: Node, home: Device, training: bool) -> None:
        super().__init__(None, (), {}, training)
        self.source = source
        self.home = home

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Any]]:
        return [(self.source, lambda: gradient.to(self.home))]


def transfer(x: Any, device: Any) -> Any:
    result = make(device.put(x._device.get(x._storage)), x._spec, device)
    result._dims = x._dims
    result._origin = x._origin
    if x._node is not None:
        result._node = _Transfer(x._node, x._device, x._node.training)
    return result
