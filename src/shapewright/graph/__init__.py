"""A program as data: graphs, and the capture of functions as graphs."""

from __future__ import annotations

from .capture import Capture, active
from .graph import DrawCounter, DrawSeed, Graph, Operation, Variable

__all__ = ["Capture", "DrawCounter", "DrawSeed", "Graph", "Operation", "Variable", "active"]
