"""Ops that give their operand back and refuse what should not be in it.

They are ops, and not looks at a value from above, so that a program can be captured with its checks. What it is not:
the checks of shapes and element types, which every op has.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapewright.ops.comparison import equal_shapes
from shapewright.ops.composite import first_place
from shapewright.ops.core import Op, floating
from shapewright.shapes.errors import ArgumentError


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
