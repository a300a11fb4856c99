"""What composites share: sizes with their names, and reports of errors as ops give them.

What it is not: any one composite. Those stand with the ops of their family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shapewright.ops.core import Op, Shape, Value
from shapewright.shapes.errors import ArgumentError, Error


def sizes_of(x: Any) -> Shape:
    """Give the sizes of a value, with the names that its axes have."""
    return getattr(x, "_dims", None) or x._spec.sizes


def check_tensors(name: str, *operands: Any) -> None:
    """Refuse operands that are no tensors, where an op of several steps would stumble over them.

    Raises:
        ArgumentError: an operand is no tensor.
    """
    for operand in operands:
        if not isinstance(operand, Value):
            raise ArgumentError(
                f"{name}: an operand is {type(operand).__name__}, and a tensor is needed",
                hint="sw.tensor(...) or sw.from_numpy(...) around it",
            )


def first_place(wrong: np.ndarray) -> str:
    """Write for a report where the first True stands: ` at [2, 0]`; nothing for an array of one element."""
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    return f" at [{', '.join(str(int(p)) for p in place)}]" if place else ""


def explained(
    name: str,
    error: Error,
    operands: Sequence[Any],
    labels: Sequence[str] = ("x",),
    hint: str | None = None,
    **params: Any,
) -> Error:
    """Report an error of a composite as that of an op is reported: what was being done, to what."""
    return Op(name, shape=_nothing, value=_nothing, dtype=_nothing, operands=labels, hint=hint).explain(
        error, operands, params
    )


def _nothing(*_: Any, **__: Any) -> Any:
    return None


def axis_from_front(x: Any, axis: int) -> int:
    """Give the number from the front of an axis that may be counted from the end."""
    rank = len(x._spec.sizes)
    return axis + rank if -rank <= axis < 0 else axis
