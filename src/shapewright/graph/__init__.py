"""A program as data: graphs, and the capture of functions as graphs."""

from __future__ import annotations

from .capture import Capture, active
from .cost import Cost, KernelCost, Measurement, Memory
from .graph import DrawCounter, DrawSeed, Graph, Operation, Variable

__all__ = [
    "Capture",
    "Cost",
    "DrawCounter",
    "DrawSeed",
    "Graph",
    "KernelCost",
    "Measurement",
    "Memory",
    "Operation",
    "Variable",
    "active",
]
