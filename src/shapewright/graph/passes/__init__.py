"""Passes: functions from graph to graph. Each stands in a file of its own; only `bf16_products` changes numbers.

Every pass is tested by running random programs before and after it on the reference device.
"""

from __future__ import annotations

from shapewright.graph.graph import Graph

from .canonical import canonical
from .common import common_subexpressions
from .dead import dead_code
from .fold import constant_folding
from .precision import bf16_products

__all__ = ["bf16_products", "canonical", "common_subexpressions", "constant_folding", "dead_code", "simplify"]


def simplify(graph: Graph) -> Graph:
    """Apply the passes that make any program smaller, until none finds anything."""
    while True:
        before = len(graph.operations)
        for step in (dead_code, canonical, constant_folding, common_subexpressions, dead_code):
            graph = step(graph)
        if len(graph.operations) == before:
            return graph
