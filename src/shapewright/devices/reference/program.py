"""A whole program on the reference device: its operations one after the other, each value freed after its last use.

What it is not: planned or fused. It is what every other device's programs are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shapewright.graph import DrawCounter, DrawSeed, Graph, KernelCost, Memory, Variable
from shapewright.graph.cost import bytes_of, cost_of, largest_moment
from shapewright.shapes.errors import Error


class Program:
    """A graph, ready to run.

    Args:
        graph: the program.
        device: what runs single operations.
    """

    def __init__(self, graph: Graph, device: Any) -> None:
        self.graph = graph
        self._device = device
        self._constants = {variable: device.put(array) for variable, array in graph.constants.items()}
        self._ends = graph.last_uses()

    def run(
        self, arguments: Sequence[Any], cells: Sequence[Any], draws: Sequence[tuple[int, int]]
    ) -> tuple[list[Any], list[Any]]:
        """Give the storages of the results, and of the cells' new values in the order of `graph.updates`.

        Args:
            arguments: the storages of the arguments.
            cells: the storages of the cells.
            draws: for each key, its seed and the position where this run begins.
        """
        graph = self.graph
        values: dict[Variable, Any] = dict(self._constants)
        values.update(zip(graph.arguments, arguments, strict=True))
        values.update(zip(graph.cells, cells, strict=True))
        for operation, ends in zip(graph.operations, self._ends, strict=True):
            operands = [values[o] if isinstance(o, Variable) else o for o in operation.operands]
            params = {name: _drawn(value, draws) for name, value in operation.params.items()}
            try:
                values[operation.result] = self._device.run(operation.op, operands, params, operation.result.spec)
            except Error as error:
                shown = [_Shown(o) if isinstance(o, Variable) else o for o in operation.operands]
                raise operation.op.explain(error, shown, dict(operation.params)) from None
            for variable in ends:
                del values[variable]
        return [values[v] for v in graph.results], [values[v] for v in graph.updates.values()]

    # ---- what it takes ----------------------------------------------------------------------------------------------
    def kernels(self) -> list[KernelCost]:
        """Give each operation as a kernel: none is joined with another here."""
        return [
            KernelCost(o.op.name, o.result.spec.sizes, cost_of(o), o.result.spec.dtype.name, o.op.name == "matmul")
            for o in self.graph.operations
        ]

    def memory(self) -> Memory:
        """Give the bytes that a run needs; views are counted as if they were copies."""
        graph = self.graph
        return Memory(
            arguments=bytes_of(graph.arguments),
            cells=bytes_of(graph.cells),
            constants=bytes_of(graph.constants),
            arena=largest_moment(graph),
            results=bytes_of(graph.outputs()),
        )

    def code_state(self) -> str:
        return "run operation by operation in NumPy"

    def measure(self, arguments: Sequence[Any], cells: Sequence[Any], draws: Sequence[tuple[int, int]]) -> None:
        """There are no kernels to time: what NumPy takes says nothing about a program."""
        return None


class _Shown:
    """A variable as reports show it."""

    def __init__(self, variable: Variable) -> None:
        self._spec = variable.spec


def _drawn(value: Any, draws: Sequence[tuple[int, int]]) -> Any:
    if isinstance(value, DrawSeed):
        return draws[value.key][0]
    if isinstance(value, DrawCounter):
        return draws[value.key][1] + value.offset
    return value
