"""The signature of a kernel: kernels of equal signatures have equal code, which is written once.

A model repeats its layers, and an optimiser its update; only the buffers differ. What it is not: a key of compiled code
on disk (`code_cache.py`).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from shapewright.graph import Variable

from .fusion import Kernel


def signature(kernel: Kernel) -> tuple[Hashable, list[Variable]]:
    """Give what a kernel's code depends on, and its variables in the order in which the signature numbers them."""
    numbers: dict[Variable, int] = {}

    def number(variable: Variable) -> int:
        return numbers.setdefault(variable, len(numbers))

    def shown(operand: Any) -> Hashable:
        return number(operand) if isinstance(operand, Variable) else (type(operand), repr(operand))

    operations = tuple(
        (
            operation.op.name,
            tuple([shown(operand) for operand in operation.operands]),
            tuple([(name, repr(value)) for name, value in operation.params.items()]),
            number(operation.result),
        )
        for operation in kernel.operations
    )
    leaves = tuple(
        (number(variable), number(access.buffer), access.sizes, access.strides, access.offset)
        for variable, access in kernel.leaves.items()
    )
    outputs = tuple([number(variable) for variable in kernel.outputs])
    places = tuple(
        (number(variable), number(access.buffer), access.sizes, access.strides, access.offset)
        for variable, access in kernel.places.items()
    )
    specs = tuple([variable.spec for variable in numbers])
    is_triangular = kernel.region is not None and kernel.region.is_triangular
    flags = (is_triangular, kernel.b_changes)
    return (kernel.kind, flags, kernel.sizes, operations, leaves, outputs, places, specs), list(numbers)
