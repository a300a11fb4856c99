"""Element types: classes, so that they are part of a tensor's type, and `Spec`, a shape with an element type.

What it is not: conversion (see `ops/elementwise.py`, `cast`) or the arithmetic of any type.
"""

from __future__ import annotations

from typing import ClassVar, Final

import ml_dtypes
import numpy as np

from .errors import DTypeError, ShapeError


class _DTypeMeta(type):
    def __repr__(cls) -> str:
        return f"sw.{cls.__name__.rstrip('_')}"


class DType(metaclass=_DTypeMeta):
    """The base of the element types; its subclasses are used as they are, never instantiated."""

    name: ClassVar[str]
    numpy: ClassVar[np.dtype]
    itemsize: ClassVar[int]
    is_floating: ClassVar[bool] = False
    is_integer: ClassVar[bool] = False


class Floating(DType):
    """The base of the element types with gradients: f64, f32, bf16, f16."""

    is_floating = True


class Integer(DType):
    """The base of i64, i32 and u8."""

    is_integer = True


class f64(Floating):
    """64-bit IEEE floating point. PyTorch: ``torch.float64``."""

    name, numpy, itemsize = "f64", np.dtype(np.float64), 8


class f32(Floating):
    """32-bit IEEE floating point, the default. PyTorch: ``torch.float32``.

    >>> import shapewright as sw
    >>> sw.f32, sw.f32.itemsize, sw.f32.is_floating
    (sw.f32, 4, True)
    """

    name, numpy, itemsize = "f32", np.dtype(np.float32), 4


class bf16(Floating):
    """16-bit floating point with the exponent of f32. PyTorch: ``torch.bfloat16``."""

    name, numpy, itemsize = "bf16", np.dtype(ml_dtypes.bfloat16), 2


class f16(Floating):
    """16-bit IEEE floating point. PyTorch: ``torch.float16``."""

    name, numpy, itemsize = "f16", np.dtype(np.float16), 2


class i64(Integer):
    """64-bit signed integer; labels and indices. PyTorch: ``torch.int64``."""

    name, numpy, itemsize = "i64", np.dtype(np.int64), 8


class i32(Integer):
    """32-bit signed integer. PyTorch: ``torch.int32``."""

    name, numpy, itemsize = "i32", np.dtype(np.int32), 4


class u8(Integer):
    """8-bit unsigned integer; images as files hold them. PyTorch: ``torch.uint8``."""

    name, numpy, itemsize = "u8", np.dtype(np.uint8), 1


class bool_(DType):
    """True or False; what comparisons give. Written `sw.bool`. PyTorch: ``torch.bool``."""

    name, numpy, itemsize = "bool", np.dtype(np.bool_), 1


ALL: Final = (f64, f32, bf16, f16, i64, i32, u8, bool_)
_BY_NUMPY: Final = {dtype.numpy: dtype for dtype in ALL}
BY_NAME: Final = {dtype.name: dtype for dtype in ALL}


def from_numpy_dtype(dtype: np.dtype) -> type[DType]:
    """Give the element type that holds the numbers of a NumPy type, whatever its byte order.

    Raises:
        DTypeError: no element type holds them (complex numbers, strings, objects, other integer widths).
    """
    found = _BY_NUMPY.get(dtype) or _BY_NUMPY.get(dtype.newbyteorder("="))
    if found is None:
        raise DTypeError(
            f"no tensor has elements of NumPy's {dtype}",
            facts=[("known", ", ".join(d.name for d in ALL))],
            hint="array.astype(np.float32), or another of the known types, first",
        )
    return found


def checked_dtype(dtype: object) -> type[DType]:
    """Return `dtype` if it is one of the element types, and say what they are if it is not."""
    if isinstance(dtype, type) and issubclass(dtype, DType) and hasattr(dtype, "name"):
        return dtype
    raise DTypeError(
        f"dtype= takes one of the element types of shapewright, not {dtype!r}",
        hint="dtype=sw.f32, or another of " + ", ".join(f"sw.{d.name}" for d in ALL),
    )


class Spec:
    """A shape in plain numbers with an element type; equal specs are one object, so comparing them is free."""

    __slots__ = ("count", "dtype", "sizes")
    sizes: tuple[int, ...]
    dtype: type[DType]
    count: int

    def __repr__(self) -> str:
        return f"Spec({list(self.sizes)}, {self.dtype.name})"


# NumPy's own limit, also where one of the sizes is 0.
_MOST_BYTES: Final = 2**63 - 1
_SPECS: dict[tuple[tuple[int, ...], type[DType]], Spec] = {}


def spec(sizes: tuple[int, ...], dtype: type[DType]) -> Spec:
    """Give the one Spec of this shape and element type."""
    key = (sizes, dtype)
    found = _SPECS.get(key)
    if found is None:
        found = Spec()
        found.sizes = tuple(int(size) for size in sizes)
        found.dtype = dtype
        found.count = 1
        bytes_but_for_zeros = dtype.itemsize
        for size in found.sizes:
            found.count *= size
            bytes_but_for_zeros *= size or 1
        if bytes_but_for_zeros > _MOST_BYTES:
            raise ShapeError(
                f"the shape {list(found.sizes)} has more elements than any memory holds", hint="smaller sizes"
            )
        # setdefault: two threads that meet here must leave with the same object.
        found = _SPECS.setdefault((found.sizes, dtype), found)
    return found
