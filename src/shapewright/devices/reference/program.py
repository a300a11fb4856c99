"""A whole program on the reference device: its operations one after the other, each value freed after its last use.

What it is not: planned or fused. It is what every other device's programs are compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shapewright.graph import Graph, KernelCost, Memory, Operation, Variable
from shapewright.graph.cost import bytes_of, cost_of, largest_moment
from shapewright.graph.structure import draws_of_round, is_structure, part, resolve_draws, scan
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
        self._bodies: dict[Any, Program] = {}

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
            params = {name: resolve_draws(value, draws) for name, value in operation.params.items()}
            try:
                if is_structure(operation):
                    values[operation.result] = self._structure(operation, operands, params)
                elif operation.op is part:
                    values[operation.result] = operands[0][params["index"]]
                else:
                    values[operation.result] = self._device.run(operation.op, operands, params, operation.result.spec)
            except Error as error:
                if error.path is None and operation.result.where is not None:
                    error.path = operation.result.where()
                shown = [_Shown(o) if isinstance(o, Variable) else o for o in operation.operands]
                raise operation.op.explain(error, shown, dict(operation.params)) from None
            for variable in ends:
                del values[variable]
        return [values[v] for v in graph.results], [values[v] for v in graph.updates.values()]

    # ---- programs inside ---------------------------------------------------------------------------------------------
    def _inside(self, body: Any) -> Program:
        found = self._bodies.get(body)
        if found is None:
            found = self._bodies[body] = Program(body.graph, self._device)
        return found

    def _structure(self, operation: Operation, operands: list[Any], params: dict[str, Any]) -> list[Any]:
        """Run a loop or a choice, and give everything that it gives."""
        if operation.op is not scan:
            name, draws = ("yes", params["draws"][0]) if bool(operands[0]) else ("no", params["draws"][1])
            return self._inside(params[name]).run(operands[1:], [], draws)[0]
        body, length, same, carries = self._inside(params["body"]), params["length"], params["same"], params["carries"]
        carry, rest = operands[same : same + carries], operands[same + carries :]
        columns: list[Any] = [
            np.empty((length, *v.spec.sizes), v.spec.dtype.numpy) for v in body.graph.results[carries:]
        ]
        for number in range(length):
            place = length - 1 - number if params["reverse"] else number
            given = [*operands[:same], *carry, *[x[place, ...] for x in rest]]
            drawing = length - 1 - number if params["backwards"] else number
            results, _ = body.run(given, [], draws_of_round(params["draws"], body.graph.draws, drawing))
            carry = results[:carries]
            for column, value in zip(columns, results[carries:], strict=True):
                column[place] = value
        return [*carry, *columns]

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
