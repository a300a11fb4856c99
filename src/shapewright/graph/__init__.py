"""A program as data: graphs, and the capture of functions as graphs."""

from __future__ import annotations

from .capture import Capture, Elsewhere, Inner, active, can_meet, left_behind
from .changes import changes
from .cost import Cost, KernelCost, Measurement, Memory
from .graph import DrawCounter, DrawSeed, Graph, Operation, Variable
from .located import Located
from .moment import one_moment
from .shown import Shown, show_all, shown_variables

__all__ = [
    "Capture",
    "Cost",
    "DrawCounter",
    "DrawSeed",
    "Elsewhere",
    "Graph",
    "Inner",
    "KernelCost",
    "Located",
    "Measurement",
    "Memory",
    "Operation",
    "Shown",
    "Variable",
    "active",
    "can_meet",
    "changes",
    "left_behind",
    "one_moment",
    "show_all",
    "shown_variables",
]
