"""Type variables: of tensors `S`, a whole shape, and `DT`, an element type; of windows their numbers, such as `K`.

`S` and `DT` are legacy TypeVars because on Python 3.12 only `typing_extensions` can give one a default, f32. What it is
not: the variables that one layer alone has.
"""

from __future__ import annotations

from typing_extensions import TypeVar

from shapewright.shapes.dtypes import DType, Floating, f32
from shapewright.shapes.typing import IntTuple, IntVar

S = TypeVar("S", bound=IntTuple)
DT = TypeVar("DT", bound=DType, default=f32)
FT = TypeVar("FT", bound=Floating, default=f32)

# Size, stride, padding and dilation of a window, along both axes or along height and width.
K = IntVar("K")
ST = IntVar("ST")
P = IntVar("P")
DI = IntVar("DI")
KH = IntVar("KH")
KW = IntVar("KW")
SH = IntVar("SH")
SW = IntVar("SW")
PH = IntVar("PH")
PW = IntVar("PW")
DH = IntVar("DH")
DW = IntVar("DW")
