"""Recording in the value, and the way back to the gradients."""

from __future__ import annotations

from .backward import pull_back, total
from .gradients import Gradients
from .node import Deferred, Leaf, Node

__all__ = ["Deferred", "Gradients", "Leaf", "Node", "pull_back", "total"]
