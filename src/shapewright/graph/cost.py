"""The cost model: how many floating point operations a program does, and how many bytes it moves.

One definition for every device. What is counted: a product of matrices takes two for each multiplication with its
addition; an elementwise function one for each element, whichever function it is; a reduction one for each element that
goes in (a variance or a logsumexp four). What moves or compares elements, converts them or draws them takes none. Bytes
are those of each operand, once, and of the result.

What it is not: a measurement (`tensor/report.py`), or a choice of kernels (`devices/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shapewright import ops
from shapewright.ops.checks import class_labels, probabilities
from shapewright.ops.core import Op
from shapewright.ops.precision import PRODUCTS, rounded_to_bf16, sum_of_bf16

from .graph import Graph, Operation, Variable


@dataclass(frozen=True, slots=True)
class Cost:
    """What some work takes.

    Args:
        flops: floating point operations.
        read: bytes that are read.
        written: bytes that are written.
    """

    flops: int = 0
    read: int = 0
    written: int = 0

    @property
    def bytes(self) -> int:
        """The bytes that are moved, in both directions."""
        return self.read + self.written

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.read + other.read, self.written + other.written)


@dataclass(frozen=True, slots=True)
class KernelCost:
    """One piece of work of a program on its device, and what it takes.

    Args:
        name: what it does: its operations, in order.
        sizes: the sizes it works on.
        cost: what it takes.
        dtype: the name of the element type that it computes in.
        is_product: whether it is a product of matrices, perhaps with work on its result.
    """

    name: str
    sizes: tuple[int, ...]
    cost: Cost
    dtype: str
    is_product: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """The bytes that a program needs while it runs. They follow from the shapes, so they are known before it does.

    Args:
        arguments: of the tensors that the call brings.
        cells: of the parameters, buffers and optimiser state that it reads or assigns.
        constants: of the tensors that are part of the program.
        arena: of all values in between, laid out so that those never needed together share their place.
        results: of the memory that each call makes anew for what it gives back.
    """

    arguments: int = 0
    cells: int = 0
    constants: int = 0
    arena: int = 0
    results: int = 0

    @property
    def peak(self) -> int:
        """All of it together."""
        return self.arguments + self.cells + self.constants + self.arena + self.results


@dataclass(frozen=True, slots=True)
class Measurement:
    """How long the kernels of a program took, and what this machine can do at best.

    Args:
        seconds: of each kernel, in the program's order.
        peaks: floating point operations a second of a product of matrices, for the element types that have one here.
        bandwidth: bytes a second between processor and memory.
    """

    seconds: list[float]
    peaks: dict[str, float]
    bandwidth: float


def bytes_of(variables: Iterable[Variable]) -> int:
    """Give the bytes that variables take, each once."""
    return sum(v.spec.count * v.spec.dtype.itemsize for v in dict.fromkeys(variables))


# No arithmetic: elements are moved, chosen, converted, compared or drawn.
_MOVES = {ops.cast, ops.stop_gradient, ops.where, ops.logical_and, ops.logical_or, ops.logical_xor, ops.logical_not}
_MOVES |= {ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge, ops.isfinite, ops.isinf, ops.isnan}
_MOVES |= {class_labels, probabilities, rounded_to_bf16}
# How many for each element that goes in.
_OVER_OPERAND: dict[Op, int] = {
    **dict.fromkeys((ops.sum, sum_of_bf16, ops.prod, ops.max, ops.min, ops.mean, ops.cumsum, ops.fold2d), 1),
    ops.over_window_counts: 1,
    **dict.fromkeys((ops.var, ops.std, ops.logsumexp), 4),
}
# Additions of one operand to places of the result.
_SCATTERS: dict[Op, int] = {ops.take_add: 0, ops.gather_add: 0}


def flops_of(operation: Operation) -> int:
    """Give the floating point operations of an operation."""
    op, variables = operation.op, operation.variables
    # What stands for whole programs (`structure.py`) knows its own cost.
    own: Any = getattr(op, "flops", None)
    if own is not None:
        return own(operation)
    if not any(v.spec.dtype.is_floating for v in variables):
        return 0
    if op in PRODUCTS:
        return 2 * operation.result.spec.count * variables[0].spec.sizes[-1]
    if op in _OVER_OPERAND:
        return _OVER_OPERAND[op] * variables[0].spec.count
    if op in _SCATTERS:
        return variables[_SCATTERS[op]].spec.count
    return operation.result.spec.count if getattr(op, "merges", False) and op not in _MOVES else 0


def cost_of(operation: Operation) -> Cost:
    """Give what an operation takes by itself, its operands read from memory and its result written there."""
    return Cost(flops_of(operation), bytes_of(operation.variables), bytes_of([operation.result]))


def largest_moment(graph: Graph) -> int:
    """Give the most bytes that the values in between take at one moment, if each goes after its last use."""
    alive = most = 0
    outside = set(graph.outputs())
    made: set[Variable] = set()
    for operation, ends in zip(graph.operations, graph.last_uses(), strict=True):
        if operation.result not in outside:
            made.add(operation.result)
            alive += bytes_of([operation.result])
        most = max(most, alive)
        alive -= bytes_of(v for v in ends if v in made)
    return most
