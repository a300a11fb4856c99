"""Products of f32 matrices by way of bf16, and what goes with them: what `sw.compile(step, precision="bf16")` uses.

They stand in programs only, after gradients have been taken, so they have none. What it is not: the choice of what
becomes one (`graph/passes/precision.py`), or the element type bf16, which any op takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapewright.ops import reductions
from shapewright.ops.contraction import matmul
from shapewright.ops.core import Op
from shapewright.ops.elementwise import unary
from shapewright.shapes.dtypes import DType, bf16, f32
from shapewright.shapes.errors import DTypeError


def _f32_or_bf16(*dtypes: Any) -> type[DType]:
    for dtype in dtypes:
        if dtype is not f32 and dtype is not bf16:
            raise DTypeError(f"a product by way of bf16 is of f32 and bf16, not {getattr(dtype, 'name', dtype)}")
    return f32


def _rounded(x: np.ndarray) -> np.ndarray:
    # bf16 operands arrive as f32 that are rounded already.
    return x.astype(bf16.numpy).astype(np.float32)


def _only_f32(x: Any) -> type[DType]:
    if x is not f32:
        raise DTypeError(f"f32 is rounded to bf16 for a product, not {getattr(x, 'name', x)}", hint="x.to(sw.bf16)")
    return bf16


rounded_to_bf16 = unary("rounded_to_bf16", lambda x: x, dtype=_only_f32)
"""The nearest bf16, as an operand of a product. As processors do it: a denormal may become 0, unlike with `cast`."""

matmul_in_bf16 = Op(
    "matmul_in_bf16",
    shape=matmul.shape,
    value=lambda a, b: matmul.value(_rounded(a), _rounded(b)),
    dtype=_f32_or_bf16,
    operands=("a", "b"),
)
"""`matmul` of operands that are rounded to bf16 first, where they are f32; sums and result are f32."""


def _only_bf16(x: Any, axes: Any) -> type[DType]:
    if x is not bf16:
        raise DTypeError(f"this sum takes what was rounded to bf16, not {getattr(x, 'name', x)}", hint="x.sum()")
    return f32


sum_of_bf16 = Op("sum_of_bf16", shape=reductions.sum.shape, value=reductions.sum.value, dtype=_only_bf16)
"""`sum` of bf16, in f32: a bias's gradient, of the same numbers that the weight's gradient is made of."""

PRODUCTS = (matmul, matmul_in_bf16)
"""The products of matrices."""
