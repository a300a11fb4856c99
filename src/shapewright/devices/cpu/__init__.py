"""The cpu device: the default."""

from __future__ import annotations

from .device import Cpu

__all__ = ["Cpu"]
