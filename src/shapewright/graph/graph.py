"""`Graph`: a program as data. Operations in order, each on variables that came before; what goes in and out.

What it is not: how a function becomes one (`capture.py`), or how one is run (`devices/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shapewright.ops.core import Op
from shapewright.shapes.dtypes import Spec


class Variable:
    """One value of a program: what an operation gives, or what comes in. Equal only to itself.

    Args:
        spec: its shape and element type.
        name: what the text form calls it, for what comes in; results are numbered.
    """

    __slots__ = ("name", "spec", "where")

    def __init__(self, spec: Spec, name: str | None = None) -> None:
        self.spec = spec
        self.name = name
        # For what a recorded operation gives: says which layer or function it belongs to.
        self.where: Callable[[], str] | None = None

    def __repr__(self) -> str:
        return f"Variable({self.name or 'result'}, {self.spec})"


@dataclass(frozen=True)
class DrawSeed:
    """In the place of a seed: that of the key with this number, read when the program runs."""

    key: int


@dataclass(frozen=True)
class DrawCounter:
    """In the place of a counter: `offset` blocks past where the key with this number is when the program runs."""

    key: int
    offset: int


@dataclass(eq=False, slots=True)
class Operation:
    """One step: an op with its operands (variables and Python numbers), its parameters, and the variable it gives."""

    op: Op
    operands: tuple[Any, ...]
    params: Mapping[str, Any]
    result: Variable
    # The operands that are variables, which every pass asks for.
    variables: tuple[Variable, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.variables = tuple([operand for operand in self.operands if isinstance(operand, Variable)])


@dataclass(eq=False, slots=True)
class Graph:
    """A whole program.

    Args:
        arguments: the variables of the tensors that each call brings.
        cells: the variables of the parameters and buffers that the program reads, as they are when it begins.
        constants: variables with their numbers, as NumPy arrays.
        operations: the steps, in an order in which each only uses what came before.
        results: the variables that a call gives back.
        updates: for each cell (by its number in `cells`) that changes, the variable it holds afterwards.
        draws: for each key, how many blocks one run consumes.
    """

    arguments: list[Variable] = field(default_factory=list)
    cells: list[Variable] = field(default_factory=list)
    constants: dict[Variable, Any] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    results: list[Variable] = field(default_factory=list)
    updates: dict[int, Variable] = field(default_factory=dict)
    draws: list[int] = field(default_factory=list)

    def outputs(self) -> list[Variable]:
        """Give what must be there when the program ends: its results and the cells' new values."""
        return [*self.results, *self.updates.values()]

    def with_operations(self, operations: Sequence[Operation]) -> Graph:
        """Give the same program with other steps between what comes in and what goes out."""
        return Graph(
            self.arguments,
            self.cells,
            dict(self.constants),
            list(operations),
            list(self.results),
            dict(self.updates),
            list(self.draws),
        )

    def users(self) -> dict[Variable, list[Operation]]:
        """Give, for each variable that operations read, those operations in order, each once."""
        users: dict[Variable, list[Operation]] = {}
        for operation in self.operations:
            for variable in dict.fromkeys(operation.variables):
                users.setdefault(variable, []).append(operation)
        return users

    def last_uses(self) -> list[list[Variable]]:
        """Give, for each operation, the variables that nothing needs after it."""
        needed = set(self.outputs())
        ends: list[list[Variable]] = [[] for _ in self.operations]
        for index in range(len(self.operations) - 1, -1, -1):
            operation = self.operations[index]
            for variable in (operation.result, *operation.variables):
                if variable not in needed:
                    needed.add(variable)
                    ends[index].append(variable)
        return ends

    def check(self) -> None:
        """Assert that every variable is defined before it is used, once, with the shape its op gives."""
        known = {*self.arguments, *self.cells, *self.constants}
        for operation in self.operations:
            for variable in operation.variables:
                assert variable in known, f"{operation.op.name} uses a variable that nothing gave"
            assert operation.result not in known, f"{operation.op.name} gives a variable for the second time"
            known.add(operation.result)
        for variable in self.outputs():
            assert variable in known, "an output that nothing gives"

    def __str__(self) -> str:
        return _text(self)


def _text(graph: Graph) -> str:
    names: dict[Variable, str] = {}

    def called(variable: Variable) -> str:
        if variable not in names:
            taken = set(names.values())
            name = variable.name or f"v{len(names)}"
            while name in taken:
                name += "'"
            names[variable] = name
        return names[variable]

    def typed(variable: Variable) -> str:
        sizes = ", ".join(map(str, variable.spec.sizes))
        return f"{called(variable)}: {variable.spec.dtype.name}[{sizes}]"

    lines = []
    for title, variables in (
        ("arguments", graph.arguments),
        ("cells", graph.cells),
        ("constants", list(graph.constants)),
    ):
        if variables:
            lines.append(f"{title} " + ", ".join(map(typed, variables)))
    for operation in graph.operations:
        parts = [called(o) if isinstance(o, Variable) else repr(o) for o in operation.operands]
        # Of loops and choices (`structure.py`), the bodies stand below.
        bodies = {name: value.graph for name, value in operation.params.items() if hasattr(value, "graph")}
        parts += [f"{name}={_shown(value)}" for name, value in operation.params.items() if name not in bodies]
        result = called(operation.result) + ":" if bodies else typed(operation.result) + " ="
        lines.append(f"  {result} {operation.op.name}({', '.join(parts)})")
        for name, body in bodies.items():
            lines.append(f"    {name}:")
            lines.extend("      " + line for line in _text(body).splitlines())
    lines.extend(f"update {called(graph.cells[index])} <- {called(new)}" for index, new in graph.updates.items())
    lines.append("return " + ", ".join(map(called, graph.results)))
    return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, DrawSeed):
        return f"seed of key {value.key}"
    if isinstance(value, DrawCounter):
        return f"key {value.key} + {value.offset}"
    return getattr(value, "name", None) or str(value)
