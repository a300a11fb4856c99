"""The reference device: every operation exactly as `ops/` defines it, in NumPy."""

from __future__ import annotations

from .device import Reference

__all__ = ["Reference"]
