"""The plan of a program: where each buffer lies. One arena with fixed offsets; new values of cells in the cells' place.

What it is not: the kernels (`fusion.py`) or their code.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from shapewright.graph import Graph, Variable

from .fusion import Fused

# A cache line, and what the widest vector wants.
_ALIGNMENT = 64


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
    for buffer, numbers in owners.items():
        if len(numbers) == 1 and buffer not in results and _may_overwrite(fused, buffer, graph.cells[numbers[0]]):
            result.in_place[buffer] = numbers[0]
    result.fresh = [buffer for buffer in dict.fromkeys(outputs.values()) if buffer not in result.in_place]
    _place(fused, leaving, result)
    return result


def _may_overwrite(fused: Fused, buffer: Variable, cell: Variable) -> bool:
    """Whether a cell's new value can be written over the old one: nobody reads the old one later or elsewhere."""
    writer = next(index for index, kernel in enumerate(fused.kernels) if buffer in kernel.outputs)
    for index, kernel in enumerate(fused.kernels):
        reads = [access for access in kernel.leaves.values() if access.buffer is cell]
        if not reads or index < writer:
            continue
        if index > writer or kernel.kind not in ("loop", "product") or not all(access.is_whole for access in reads):
            return False
        if kernel.sizes != cell.spec.sizes:
            return False
        # The operands of a product are read all over.
        if kernel.kind == "product" and any(kernel.leaves[v].buffer is cell for v in kernel.operations[0].variables):
            return False
    return True


def _place(fused: Fused, leaving: set[Variable], result: Plan) -> None:
    """Give the buffers that live only inside the program their places: first fit, over the kernels' order."""
    first: dict[Variable, int] = {}
    last: dict[Variable, int] = {}
    for index, kernel in enumerate(fused.kernels):
        for variable in kernel.outputs:
            first[variable] = index
            last[variable] = index
        for access in kernel.leaves.values():
            last[access.buffer] = index
    taken: list[tuple[int, int, int, int]] = []
    # Large buffers first: they are the hardest to find a place for.
    inside = [variable for variable in first if variable not in leaving]
    for variable in sorted(inside, key=lambda v: (-v.spec.count * v.spec.dtype.itemsize, first[v])):
        bytes_ = max(-(-variable.spec.count * variable.spec.dtype.itemsize // _ALIGNMENT), 1) * _ALIGNMENT
        begin, end = first[variable], last[variable]
        place = 0
        for start, stop, offset, length in sorted(taken, key=lambda entry: entry[2]):
            if start <= end and begin <= stop:
                if place + bytes_ <= offset:
                    break
                place = max(place, offset + length)
        taken.append((begin, end, place, bytes_))
        result.arena[variable] = place
        result.arena_bytes = max(result.arena_bytes, place + bytes_)
