"""Elementwise work on the results of regions, done by the region itself: the results are at hand there.

Rounding to bf16 is an example. Work behind a permutation or a reshape is done in front of it, which is the same. What
it is not: the choice of what is a region (`regions.py`), or its code (`blocks.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.shapes.dtypes import spec

from .elements import is_elementwise
from .regions import FREE, Region

# Other places for the same elements.
_MOVES = (ops.permute, ops.reshape)


def with_endings(graph: Graph, regions: Sequence[Region]) -> Graph:
    """Let regions do the work on each of their results that nothing else needs; their operations change."""
    if not regions:
        return graph
    users = graph.users()
    leaving = set(graph.outputs())
    within = {id(operation) for region in regions for operation in region.operations}
    # What stands in the place of an operation, and what comes behind the last of a region.
    instead: dict[int, list[Operation]] = {}
    behind: dict[int, list[Operation]] = {}

    def only_user(variable: Variable) -> Operation | None:
        found = users.get(variable, [])
        return found[0] if len(found) == 1 and variable not in leaving and id(found[0]) not in within else None

    for region in regions:
        last = id(region.operations[-1])
        for place, result in enumerate(region.outputs):
            if FREE not in region.roles[result]:
                continue
            while True:
                moves: list[Operation] = []
                moved = result
                while (user := only_user(moved)) is not None and user.op in _MOVES:
                    moves.append(user)
                    moved = user.result
                if user is None or not is_elementwise(user) or user.variables != (moved,):
                    break
                dtype = user.result.spec.dtype
                ended = Variable(spec(result.spec.sizes, dtype)) if moves else user.result
                operands = tuple([result if v is moved else v for v in user.operands])
                step = Operation(user.op, operands, user.params, ended)
                behind.setdefault(last, []).append(step)
                region.operations.append(step)
                region.roles[ended] = region.roles[result]
                following: list[Operation] = []
                variable = ended
                for number, move in enumerate(moves):
                    sizes = move.result.spec.sizes
                    after = user.result if number == len(moves) - 1 else Variable(spec(sizes, dtype))
                    following.append(Operation(move.op, (variable,), move.params, after))
                    instead[id(move)] = []
                    users[variable] = [following[-1]]
                    variable = after
                instead[id(user)] = following
                region.outputs[place] = result = ended

    def replaced(operation: Operation) -> Iterator[Operation]:
        # What stands in the place of an operation may have been replaced in its turn.
        if id(operation) not in instead:
            yield operation
        for other in instead.get(id(operation), ()):
            yield from replaced(other)

    operations: list[Operation] = []
    for operation in graph.operations:
        operations.extend(replaced(operation))
        operations.extend(behind.get(id(operation), ()))
    return graph.with_operations(operations)
