"""The walk back through a tape: from results and their gradients to the gradients of everything traced.

What it is not: the gradient of any operation (those stand with the operations) or what the user holds (`gradients.py`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable
from typing import Any

from .node import Leaf, Node


def pull_back(
    seeds: Iterable[tuple[Node, Any]],
    *,
    keep: bool = False,
    trace: bool = False,
    stops: Collection[Node] = (),
    at_once: bool = False,
) -> dict[Node, list[Callable[[], Any]]]:
    """Give the parts of the gradient of each leaf, from the gradients of some results.

    The parts are functions: the gradient of a traced input costs a step of work that most training loops never ask for.

    Args:
        seeds: nodes of results, each with the gradient to start from.
        keep: leave the tape usable once more.
        trace: record the walk itself, so that the gradients can be differentiated.
        stops: further nodes to treat as leaves.
        at_once: compute the parts of parameters when the walk comes to them, so that what they are computed from need
            not wait for the end of the walk.

    Raises:
        TapeError: the tape was already used.
    """
    pending: dict[Node, Any] = {}
    queue: list[tuple[int, Node]] = []
    leaves: dict[Node, list[Callable[[], Any]]] = {}
    sums: dict[Node, Any] = {}
    used: list[Node] = []

    def add(node: Node, part: Callable[[], Any]) -> None:
        if at_once and isinstance(node, Leaf) and node.owner is not None and node not in stops:
            sums[node] = node.join(sums[node], part()) if node in sums else part()
        elif isinstance(node, Leaf) or node in stops:
            leaves.setdefault(node, []).append(part)
        elif node in pending:
            pending[node] = node.join(pending[node], part())
        else:
            pending[node] = part()
            heapq.heappush(queue, (-node.serial, node))

    for node, gradient in seeds:
        add(node, lambda gradient=gradient: gradient)
    while queue:
        node = heapq.heappop(queue)[1]
        for source, part in node.pull_back(pending.pop(node), trace):
            add(source, part)
        used.append(node)
    if not keep and not trace:
        for node in used:
            node.release()
    for node, gradient in sums.items():
        leaves[node] = [lambda gradient=gradient: gradient]
    return leaves


def total(node: Node, parts: Iterable[Callable[[], Any]]) -> Any:
    """Add up the parts of one leaf's gradient."""
    result: Any = None
    for part in parts:
        result = part() if result is None else node.join(result, part())
    return result
