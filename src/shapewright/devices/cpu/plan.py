"""The plan of a program: where each buffer lies. One arena with fixed offsets; new values of cells in the cells' place.

What it is not: the kernels (`fusion.py`) or their code.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field

from shapewright.graph import Graph, Variable

from .fusion import Fused, Kernel

# A cache line, and what the widest vector wants.
_ALIGNMENT = 64


# Threads take the same parts of buffers of the same size. Where large ones take the place of each other only if they
# have the same size, a core writes what it had written before: lines that another core holds must be fetched from it,
# which costs much where cores share no cache (measured: 5 % of a training step). Then: the most memory this is worth.
_LARGE = 1 << 19
_MOST_FOR_APART = 1.15


def buffer_bytes(variable: Variable) -> int:
    """Give the size of a variable's buffer."""
    return variable.spec.count * variable.spec.dtype.itemsize


@dataclass
class Plan:
    """Where each variable's buffer lies.

    Args:
        arena: the offset of each variable's buffer in the arena, in bytes.
        arena_bytes: how large the arena is.
        in_place: for a variable that is a cell's new value, the number of that cell, if it is written over the old one.
        fresh: the variables that each run writes into new memory, because they leave the program.
    """

    arena: dict[Variable, int] = field(default_factory=dict)
    arena_bytes: int = 0
    in_place: dict[Variable, int] = field(default_factory=dict)
    fresh: list[Variable] = field(default_factory=list)


def plan(graph: Graph, fused: Fused) -> Plan:
    """Decide where everything lies."""
    result = Plan()
    outputs = {v: fused.accesses[v].buffer for v in graph.outputs()}
    leaving = set(outputs.values())
    owners: dict[Variable, list[int]] = {}
    for number, variable in graph.updates.items():
        owners.setdefault(outputs[variable], []).append(number)
    results = {outputs[variable] for variable in graph.results}
    readers: dict[Variable, list[int]] = {}
    writers: dict[Variable, int] = {}
    for index, kernel in enumerate(fused.kernels):
        for access in kernel.leaves.values():
            readers.setdefault(access.buffer, []).append(index)
        for variable in kernel.outputs:
            writers[variable] = index
    for buffer, numbers in owners.items():
        cell = graph.cells[numbers[0]]
        # A loop that fails has written already; the cell must stay as it was.
        is_loop = fused.kernels[writers[buffer]].kind == "structure"
        if len(numbers) == 1 and buffer not in results and not is_loop:
            last = max(readers.get(cell, []), default=-1)
            if last < writers[buffer] or (last == writers[buffer] and _may_overwrite(fused.kernels[last], cell)):
                result.in_place[buffer] = numbers[0]
    result.fresh = [buffer for buffer in dict.fromkeys(outputs.values()) if buffer not in result.in_place]
    _place(fused, leaving, result)
    return result


def _may_overwrite(kernel: Kernel, buffer: Variable) -> bool:
    """Whether a kernel can write a result over a buffer that it reads: each element at its own place."""
    if kernel.kind not in ("loop", "product") or math.prod(kernel.sizes) != buffer.spec.count:
        return False
    if not all(access.is_whole for access in kernel.leaves.values() if access.buffer is buffer):
        return False
    # The operands of a product are read all over.
    operands = kernel.operations[0].variables if kernel.kind == "product" else ()
    return all(kernel.leaves[variable].buffer is not buffer for variable in operands)


def _place(fused: Fused, leaving: set[Variable], result: Plan) -> None:
    """Give the buffers that live only inside the program their places, over the kernels' order."""
    first: dict[Variable, int] = {}
    last: dict[Variable, int] = {}
    for index, kernel in enumerate(fused.kernels):
        for variable in kernel.outputs:
            first[variable] = index
            last[variable] = index
        for access in kernel.leaves.values():
            last[access.buffer] = index
    inside = [variable for variable in first if variable not in leaving]
    shared = _overwritten(fused, inside, last)
    for variable, owner in shared.items():
        last[owner] = max(last[owner], last[variable])
    inside = [variable for variable in inside if variable not in shared]
    closest = _first_fit(inside, first, last)
    by_size: dict[int, list[Variable]] = {}
    for variable in inside:
        bytes_ = _placed_bytes(variable)
        by_size.setdefault(bytes_ if bytes_ >= _LARGE else 0, []).append(variable)
    apart = [_first_fit(variables, first, last) for variables in by_size.values()]
    if sum(bytes_ for _, bytes_ in apart) > _MOST_FOR_APART * closest[1]:
        apart = [closest]
    for places, bytes_ in apart:
        result.arena.update({variable: result.arena_bytes + place for variable, place in places.items()})
        result.arena_bytes += bytes_
    for variable, owner in shared.items():
        result.arena[variable] = result.arena[owner]


def _first_fit(
    variables: list[Variable], first: Mapping[Variable, int], last: Mapping[Variable, int]
) -> tuple[dict[Variable, int], int]:
    """Give each buffer the first place that is free while it is needed; and how much memory that takes."""
    places: dict[Variable, int] = {}
    most = 0
    # By offset: what was placed, and the first and last kernel that needs it.
    taken: list[tuple[int, int, int, int]] = []
    # Large buffers first: they are the hardest to find a place for.
    for variable in sorted(variables, key=lambda v: (-buffer_bytes(v), first[v])):
        bytes_ = _placed_bytes(variable)
        begin, end = first[variable], last[variable]
        place = 0
        for offset, stop_offset, start, stop in taken:
            if start <= end and begin <= stop:
                if place + bytes_ <= offset:
                    break
                if stop_offset > place:
                    place = stop_offset
        insort(taken, (place, place + bytes_, begin, end))
        places[variable] = place
        most = max(most, place + bytes_)
    return places, most


def _placed_bytes(variable: Variable) -> int:
    """Give what a buffer takes of the arena: whole lines, and at least one."""
    return max(-(-buffer_bytes(variable) // _ALIGNMENT), 1) * _ALIGNMENT


def _overwritten(fused: Fused, inside: list[Variable], last: Mapping[Variable, int]) -> dict[Variable, Variable]:
    """Give the buffers that take the place of one their kernel reads for the last time, with whose place it was first.

    Each element is read before it is written, by the thread that writes it.
    """
    owners: dict[Variable, Variable] = {}
    candidates = set(inside)
    for index, kernel in enumerate(fused.kernels):
        read = dict.fromkeys(access.buffer for access in kernel.leaves.values())
        ending = [v for v in read if v in candidates and last[v] == index and _may_overwrite(kernel, v)]
        for variable in kernel.outputs:
            if variable not in candidates:
                continue
            bytes_ = buffer_bytes(variable)
            found = next((v for v in ending if buffer_bytes(v) == bytes_), None)
            if found is not None and variable.spec.dtype.itemsize == found.spec.dtype.itemsize:
                ending.remove(found)
                owners[variable] = owners.get(found, found)
    return owners
