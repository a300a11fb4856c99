"""The type variables of tensors: `S`, a whole shape, and `DT`, an element type that is f32 where none is written.

They are legacy TypeVars because on Python 3.12 only `typing_extensions` can give one a default.
"""

from __future__ import annotations

from typing_extensions import TypeVar

from shapewright.shapes.dtypes import DType, Floating, f32
from shapewright.shapes.typing import IntTuple

S = TypeVar("S", bound=IntTuple)
DT = TypeVar("DT", bound=DType, default=f32)
FT = TypeVar("FT", bound=Floating, default=f32)
