"""Ops that give their operand back and refuse what should not be in it.

They are ops, and not looks at a value from above, so that a program can be captured with its checks. What it is not:
the checks of shapes and element types, which every op has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shapewright.ops.comparison import equal_shapes
from shapewright.ops.composite import first_place
from shapewright.ops.core import Op, floating, same
from shapewright.shapes.dtypes import DType, i64
from shapewright.shapes.errors import ArgumentError, DTypeError, IndexRangeError


def _probabilities_value(x: np.ndarray) -> np.ndarray:
    # The sum is NaN if one number is (or by chance, with infinities): one pass and no array of bools.
    if np.isnan(np.add.reduce(x, axis=None)):
        wrong = np.isnan(x)
        if wrong.any():
            raise ArgumentError(f"the number{first_place(wrong)} is NaN, which is no probability")
    return x


def _probabilities_gradient(g: Any, y: Any, x: Any) -> Any:
    return g


probabilities = Op(
    "probabilities",
    shape=equal_shapes,
    value=_probabilities_value,
    dtype=floating,
    gradients=(_probabilities_gradient,),
    merges=True,
    exact=True,
)
"""``x`` itself, in which no number is NaN."""


@dataclass(frozen=True)
class Labels:
    """The labels that a loss takes: those of its classes, and one that does not count."""

    classes: int
    ignored: int

    def __str__(self) -> str:
        classes = f"0 to {self.classes - 1}" if self.classes else "none: there are no classes"
        return f"{classes}, and ignore_index={self.ignored}"


def _class_labels_value(target: np.ndarray, allowed: Labels, called: str) -> np.ndarray:
    if target.size:
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= allowed.classes:
            worst = low if low < 0 else high
            raise IndexRangeError(
                f"the class label {worst}{first_place(target == worst)} is out of range",
                hint="labels that count from 0" if worst == allowed.classes > 0 else None,
            )
    return target


def _class_labels_type(*dtypes: Any, **_: Any) -> type[DType]:
    found = same(*dtypes)
    if found is not i64:
        raise DTypeError(f"class labels are i64, not {found.name}", hint="target.to(sw.i64)")
    return found


class_labels = Op(
    "class_labels",
    shape=equal_shapes,
    value=_class_labels_value,
    dtype=_class_labels_type,
    exact=True,
    operands=("target",),
    merges=True,
)
"""``target`` itself, whose labels are those of classes; where a label does not count, 0 has taken its place."""
