"""Passes: functions from graph to graph. Each stands in a file of its own; only `bf16_products` changes numbers.

Every pass is tested by running random programs before and after it on the reference device.
"""

from __future__ import annotations

from shapewright.graph.graph import Graph, Operation, Variable

from .canonical import canonical, simplest
from .common import common_subexpressions, once
from .dead import dead_code
from .fold import constant_folding, folding
from .pads import sums_of_pads
from .precision import bf16_products
from .prune import prune
from .rewrite import rewrite

__all__ = [
    "bf16_products",
    "canonical",
    "common_subexpressions",
    "constant_folding",
    "dead_code",
    "prune",
    "simplify",
    "sums_of_pads",
]


def simplify(graph: Graph) -> Graph:
    """Apply the passes that make any program smaller.

    Most share one walk, in which each operation is seen after those it uses have got their last form: a second walk
    would find nothing.
    """
    graph = prune(dead_code(graph))
    constants = dict(graph.constants)
    visits = (simplest(), folding(constants), once())

    def visit(operation: Operation) -> Operation | Variable | None:
        for each in visits:
            kept = each(operation)
            if not isinstance(kept, Operation):
                return kept
            operation = kept
        return operation

    new = rewrite(graph, visit)
    new.constants = constants
    return sums_of_pads(dead_code(new))
