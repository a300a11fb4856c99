"""Programs inside programs: `scan`, a loop, and `cond`, a choice, as operations whose bodies are graphs.

Both give several values. Their result stands for all of them together, and `part` takes one out. The operands of a body
are its graph's arguments: it reads no cells and draws by counters that its operation gives it.

* `scan`: operands are what stays the same in each round, the carry, and what is cut along its first axis; the body
  gives the next carry, and what is put together along a new first axis. Parameters: `body`, `length`, `same` and
  `carries` (how many of each), `reverse`, `draws`, `backwards` (whether the first round draws what the last one drew of
  the loop that this one goes back through).
* `cond`: operands are the predicate and what the branches read. Parameters: `yes`, `no`, `draws` (of each branch).

What it is not: the functions that users call (`tensor/scan.py`, `tensor/cond.py`), or a way to run bodies (`devices/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shapewright.ops.core import Op
from shapewright.shapes.dtypes import Spec, spec, u8
from shapewright.shapes.errors import Error

from .cost import flops_of
from .graph import DrawCounter, DrawSeed, Graph, Operation, Variable

# What stands for several values together holds none itself.
BUNDLE: Spec = spec((0,), u8)


class Body:
    """A graph as the parameter of an operation. Equal only to itself.

    Args:
        graph: it has arguments, constants and results, no cells; its keys are numbered on their own.
    """

    __slots__ = ("graph",)

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @property
    def flops(self) -> int:
        """The floating point operations of one run."""
        return sum(flops_of(operation) for operation in self.graph.operations)

    def __repr__(self) -> str:
        return f"{{{len(self.graph.operations)} operations}}"


class Structure:
    """In the place of an op: it runs bodies. `devices/` know how."""

    exact = True
    merges = False
    operands = ("x",)

    def __init__(self, name: str) -> None:
        self.name = name

    def flops(self, operation: Operation) -> int:
        """Give the floating point operations: of all rounds of a loop, of the longer branch of a choice."""
        params = operation.params
        if self is scan:
            return params["length"] * params["body"].flops
        return max(params["yes"].flops, params["no"].flops)

    def explain(self, error: Error, operands: Sequence[Any], params: Any) -> Error:
        """Give an error of a body as it is: the operation in it has explained itself."""
        return error

    def __repr__(self) -> str:
        return f"<{self.name}>"


scan: Any = Structure("scan")
cond: Any = Structure("cond")
part = Op(
    "part", shape=lambda *_, **__: (), value=lambda bundle, index: bundle[index], dtype=lambda *_, **__: u8, exact=True
)
"""One of the values that a structure gives."""


def bodies(operation: Operation) -> list[str]:
    """Give the names of the parameters that are bodies."""
    return [name for name, value in operation.params.items() if isinstance(value, Body)]


def is_structure(operation: Operation) -> bool:
    """Whether an operation runs bodies."""
    return isinstance(operation.op, Structure)


def append_parts(
    operations: list[Operation], op: Any, operands: Sequence[Variable], params: Any, specs: Any
) -> list[Variable]:
    """Append a structure with all that it gives, and give the variables of those."""
    bundle = Variable(BUNDLE)
    operations.append(Operation(op, tuple(operands), params, bundle))
    results = []
    for index, each in enumerate(specs):
        results.append(Variable(each))
        operations.append(Operation(part, (bundle,), {"index": index}, results[-1]))
    return results


def draws_of_round(draws: Sequence[tuple[int, int]], counts: Sequence[int], number: int) -> list[tuple[int, int]]:
    """Give where a round of a loop begins to draw: each draws as many blocks as every other, after those before it."""
    return [(seed, counter + number * count) for (seed, counter), count in zip(draws, counts, strict=True)]


def resolve_draws(value: Any, draws: Sequence[tuple[int, int]]) -> Any:
    """Give a parameter with the seeds and positions of this run in the place of those of a key."""
    if isinstance(value, DrawSeed):
        return draws[value.key][0]
    if isinstance(value, DrawCounter):
        return draws[value.key][1] + value.offset
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return tuple([resolve_draws(each, draws) for each in value])
    if isinstance(value, tuple) and value and isinstance(value[0], DrawSeed):
        return (resolve_draws(value[0], draws), resolve_draws(value[1], draws))
    return value
