"""shapewright: deep learning in Python whose shapes are part of the types.

What is not here is not public. One import, `import shapewright as sw`, gives tensors, their creation and gradients;
`sw.nn`, `sw.optim`, `sw.data` and `sw.files` hold the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Each checker is shown its own declarations: Pyrefly the real ones, which also run; mypy and ty names of type Any, and
# pyright names without shapes (`_portable/`), because they have no types for shapes.
TYPE_CHECKING_WITH_PYREFLY: Final = False  # Pyrefly reads this name as True
MYPY = False  # mypy reads this name as True
PYRIGHT: Final = False  # ty takes it as False; pyright reads both branches and believes the last

if TYPE_CHECKING_WITH_PYREFLY or not TYPE_CHECKING:
    if not MYPY:
        from shapewright import data as data
        from shapewright import files as files
        from shapewright import nn as nn
        from shapewright import optim as optim
        from shapewright.devices import Cpu as Cpu
        from shapewright.devices import Device as Device
        from shapewright.devices import Reference as Reference
        from shapewright.shapes.dim import Dim as Dim
        from shapewright.shapes.dtypes import DType as DType
        from shapewright.shapes.dtypes import Floating as Floating
        from shapewright.shapes.dtypes import Integer as Integer
        from shapewright.shapes.dtypes import bf16 as bf16
        from shapewright.shapes.dtypes import bool_ as bool
        from shapewright.shapes.dtypes import f16 as f16
        from shapewright.shapes.dtypes import f32 as f32
        from shapewright.shapes.dtypes import f64 as f64
        from shapewright.shapes.dtypes import i32 as i32
        from shapewright.shapes.dtypes import i64 as i64
        from shapewright.shapes.dtypes import u8 as u8
        from shapewright.shapes.errors import ArgumentError as ArgumentError
        from shapewright.shapes.errors import CaptureError as CaptureError
        from shapewright.shapes.errors import DeviceError as DeviceError
        from shapewright.shapes.errors import DTypeError as DTypeError
        from shapewright.shapes.errors import Error as Error
        from shapewright.shapes.errors import FileError as FileError
        from shapewright.shapes.errors import GradientKeyError as GradientKeyError
        from shapewright.shapes.errors import IndexRangeError as IndexRangeError
        from shapewright.shapes.errors import ShapeError as ShapeError
        from shapewright.shapes.errors import TapeError as TapeError
        from shapewright.shapes.errors import UnusedParameterError as UnusedParameterError
        from shapewright.shapes.typing import Int as Int
        from shapewright.shapes.typing import IntTuple as IntTuple
        from shapewright.shapes.typing import IntVar as IntVar
        from shapewright.shapes.typing import Shaped as Shaped
        from shapewright.shapes.typing import shape_vars as shape_vars
        from shapewright.tape import Gradients as Gradients
        from shapewright.tensor.binding import checked as checked
        from shapewright.tensor.combine import concat as concat
        from shapewright.tensor.combine import einsum as einsum
        from shapewright.tensor.combine import maximum as maximum
        from shapewright.tensor.combine import minimum as minimum
        from shapewright.tensor.combine import stack as stack
        from shapewright.tensor.combine import where as where
        from shapewright.tensor.compiled import compile as compile
        from shapewright.tensor.cond import cond as cond
        from shapewright.tensor.creation import arange as arange
        from shapewright.tensor.creation import eye as eye
        from shapewright.tensor.creation import from_numpy as from_numpy
        from shapewright.tensor.creation import full as full
        from shapewright.tensor.creation import linspace as linspace
        from shapewright.tensor.creation import ones as ones
        from shapewright.tensor.creation import ones_like as ones_like
        from shapewright.tensor.creation import tensor as tensor
        from shapewright.tensor.creation import zeros as zeros
        from shapewright.tensor.creation import zeros_like as zeros_like
        from shapewright.tensor.debugging import debug_print as debug_print
        from shapewright.tensor.differentiate import checkpoint as checkpoint
        from shapewright.tensor.differentiate import grad as grad
        from shapewright.tensor.differentiate import value_and_grad as value_and_grad
        from shapewright.tensor.parameter import Parameter as Parameter
        from shapewright.tensor.random import Key as Key
        from shapewright.tensor.random import rand as rand
        from shapewright.tensor.random import randint as randint
        from shapewright.tensor.random import randn as randn
        from shapewright.tensor.random import seed as seed
        from shapewright.tensor.report import Report as Report
        from shapewright.tensor.report import report as report
        from shapewright.tensor.scan import scan as scan
        from shapewright.tensor.tensor import Tensor as Tensor
elif MYPY or not PYRIGHT:
    from typing import Annotated as Shaped

    from ._untyped import Int as Int
    from ._untyped import IntTuple as IntTuple
    from ._untyped import IntVar as IntVar
    from ._untyped import shape_vars as shape_vars

    tensor: Any  # otherwise the room of that name

    def __getattr__(name: str) -> Any: ...

else:
    from ._portable import *

if not TYPE_CHECKING:
    from shapewright.tensor._calls import explain_functions, explain_methods

    explain_methods(Tensor)
    explain_functions(globals())
    del explain_functions, explain_methods

    def __getattr__(name: str) -> Any:
        import sys

        from shapewright.tensor.habits import PACKAGE, missing

        raise missing("shapewright", name, PACKAGE, sys.modules[__name__], Tensor)
