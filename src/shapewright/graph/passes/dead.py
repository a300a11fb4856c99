"""Dead code: operations and constants whose values nothing needs are left out; cells that keep their value too.

What it is not: the simplification of what is needed.
"""

from __future__ import annotations

from shapewright.graph.graph import Graph


def dead_code(graph: Graph) -> Graph:
    """Leave out every operation and constant that no result and no update depends on."""
    new = graph.with_operations(())
    new.updates = {number: value for number, value in graph.updates.items() if value is not graph.cells[number]}
    needed = set(new.outputs())
    kept = []
    for operation in reversed(graph.operations):
        if operation.result in needed:
            needed.update(operation.variables)
            kept.append(operation)
    new.operations = kept[::-1]
    new.constants = {variable: array for variable, array in graph.constants.items() if variable in needed}
    return new
