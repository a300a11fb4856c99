"""Ops that move elements and compute nothing: broadcast, permute, reshape, slice, pad, flip, roll, concat, triangles.

Sizes and axis numbers arrive complete: no -1, no negative axis, no missing bound (`tensor/` works those out).
broadcast, permute, slice, flip and a compatible reshape give views. What it is not: moves by index tensors
(`indexing.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from shapewright.ops import reductions
from shapewright.ops.composite import check_tensors, explained
from shapewright.ops.core import Op, Shape, same
from shapewright.shapes import rules
from shapewright.shapes.dim import Dim, describe, merge
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError, ShapeError

_LARGEST = float(np.finfo(np.float64).max)
# This file's `slice` is the op.
_span = slice


def _moved(name: str, shape: Any, value: Any, gradient: Any, dtype: Any = None) -> Op:
    return Op(
        name,
        shape=shape,
        value=value,
        dtype=dtype or (lambda x, **_: same(x)),
        gradients=(gradient,),
        exact=True,
    )


# ---- broadcast ------------------------------------------------------------------------------------------------------
def _broadcast_shape(x: Shape, *, sizes: Shape, axes: tuple[int, ...]) -> Shape:
    if len(axes) != len(x) or any(b <= a for a, b in pairwise(axes)):
        raise ShapeError(f"axes={axes} does not number, in rising order, where the {len(x)} axes of the tensor go")
    result = list(sizes)
    for size, axis in zip(x, axes, strict=True):
        if not 0 <= axis < len(sizes):
            raise ShapeError(f"axes={axes} numbers an axis that {describe(sizes)} has not")
        if size != sizes[axis]:
            raise ShapeError(
                f"axis {axis} of {describe(sizes)} is not {int(size)}; sizes are kept, 1 is a size like others"
            )
        result[axis] = merge(size, sizes[axis])
    return tuple(result)


def _broadcast_value(x: np.ndarray, sizes: Shape, axes: tuple[int, ...]) -> np.ndarray:
    x = np.asarray(x)
    kept = iter(x.shape)
    aligned = x.reshape([next(kept) if axis in axes else 1 for axis in range(len(sizes))])
    return np.broadcast_to(aligned, tuple(sizes))


def _broadcast_gradient(g: Any, y: Any, x: Any, sizes: Shape, axes: tuple[int, ...]) -> Any:
    new = tuple(axis for axis in range(len(sizes)) if axis not in axes)
    return reductions.sum(g, axes=new) if new else g


broadcast = _moved("broadcast", _broadcast_shape, _broadcast_value, _broadcast_gradient)
"""The tensor repeated along new axes: the result has ``sizes``, and axis i of the tensor is its axis ``axes[i]``.

A size of 1 is a size like others. A view. PyTorch: ``x[:, None].expand(sizes)``.
"""


# ---- permute, reshape -----------------------------------------------------------------------------------------------
def _permute_gradient(g: Any, y: Any, x: Any, axes: tuple[int, ...]) -> Any:
    back = [0] * len(axes)
    for place, axis in enumerate(axes):
        back[axis] = place
    return permute(g, axes=tuple(back))


permute = _moved(
    "permute",
    lambda x, axes: rules.permute_axes_shape(x, axes),
    lambda x, axes: np.transpose(x, axes),
    _permute_gradient,
)
"""The axes in another order: axis i of the result is axis ``axes[i]`` of the tensor. A view. PyTorch: ``x.permute``."""


def _reshape_shape(x: Shape, *, sizes: Shape) -> Shape:
    before, after = math.prod(int(d) for d in x), math.prod(int(d) for d in sizes)
    if before != after or any(size < 0 for size in sizes):
        raise ShapeError(
            f"{describe(x)} holds {before} elements and {describe(sizes)} holds {after}; a reshape keeps every element"
        )
    return sizes


reshape = _moved(
    "reshape",
    _reshape_shape,
    lambda x, sizes: np.reshape(x, tuple(sizes)),
    lambda g, y, x, sizes: reshape(g, sizes=x._spec.sizes),
)
"""The same elements in the same order under other ``sizes`` (no -1). A view where strides allow.

PyTorch: ``x.reshape``.
"""


def reshaped(x: Any, sizes: Shape) -> Any:
    """Reshape to sizes with names, which the result's axes then have."""
    result = reshape(x, sizes=tuple([int(size) for size in sizes]))
    if any([type(size) is Dim for size in sizes]):
        result._dims = tuple(sizes)
    return result


# ---- slice, pad -----------------------------------------------------------------------------------------------------
def _slice_shape(x: Shape, *, starts: Shape, stops: Shape, steps: Shape) -> Shape:
    if not len(x) == len(starts) == len(stops) == len(steps):
        raise ShapeError("starts=, stops= and steps= hold one number for each axis of the tensor")
    sizes = []
    for axis, (size, start, stop, step) in enumerate(zip(x, starts, stops, steps, strict=True)):
        if step < 1 or not 0 <= start <= stop <= size:
            raise ShapeError(
                f"{int(start)}:{int(stop)}:{int(step)} reaches outside axis {axis}, whose size is {int(size)}"
            )
        # Where the slice ends with the axis, the length is told in the axis's own name.
        length = (size if stop == size else stop) - start if start else (size if stop == size else stop)
        sizes.append(length if step == 1 else (length + step - 1) // step)
    return tuple(sizes)


def _slice_value(x: np.ndarray, starts: Shape, stops: Shape, steps: Shape) -> np.ndarray:
    return np.asarray(x)[tuple([_span(*bounds) for bounds in zip(starts, stops, steps, strict=True)])]


def _slice_gradient(g: Any, y: Any, x: Any, starts: Shape, stops: Shape, steps: Shape) -> Any:
    sizes, lengths = x._spec.sizes, g._spec.sizes
    # The places a slice takes on each axis, gaps included.
    spans = [(length - 1) * step + 1 if length else 0 for length, step in zip(lengths, steps, strict=True)]
    return pad(
        g,
        before=tuple(int(start) for start in starts),
        after=tuple(size - int(start) - span for size, start, span in zip(sizes, starts, spans, strict=True)),
        interior=tuple(int(step) - 1 for step in steps),
    )


slice = _moved("slice", _slice_shape, _slice_value, _slice_gradient)
"""``x[starts[0]:stops[0]:steps[0], …]``: bounds for every axis, inside it, steps of 1 or more. A view."""


def _pad_shape(
    x: Shape, *, before: Shape, after: Shape, value: float = 0, interior: tuple[int, ...] | None = None
) -> Shape:
    if interior is not None:
        if len(interior) != len(x) or any(gap < 0 for gap in interior):
            raise ShapeError("interior= holds one number of 0 or more for each axis of the tensor")
        x = tuple(size + (size - 1) * gap if gap and size else size for size, gap in zip(x, interior, strict=True))
    return rules.pad_shape(x, before, after)


def _pad_value(
    x: np.ndarray, before: Shape, after: Shape, value: float = 0, interior: tuple[int, ...] | None = None
) -> np.ndarray:
    steps = [1 + gap for gap in interior] if interior is not None else [1] * x.ndim
    sizes = _pad_shape(x.shape, before=before, after=after, interior=interior)
    result = np.full(sizes, value, dtype=x.dtype) if value else np.zeros(sizes, dtype=x.dtype)
    inside = [
        _span(int(first), int(first) + (size - 1) * step + 1 if size else int(first), step)
        for first, size, step in zip(before, x.shape, steps, strict=True)
    ]
    result[tuple(inside)] = x
    return result


def _pad_gradient(g: Any, y: Any, x: Any, before: Shape, after: Shape, value: float = 0, interior: Any = None) -> Any:
    steps = tuple(1 + gap for gap in interior) if interior is not None else (1,) * len(before)
    stops = tuple(
        int(first) + (size - 1) * step + 1 if size else int(first)
        for first, size, step in zip(before, x._spec.sizes, steps, strict=True)
    )
    return slice(g, starts=tuple(int(first) for first in before), stops=stops, steps=steps)


def _pad_dtype(x: type[DType], *, value: float = 0, **_: Any) -> type[DType]:
    if x.is_integer and isinstance(value, int):
        limits = np.iinfo(x.numpy)
        if not limits.min <= value <= limits.max:
            raise ArgumentError(f"value={value} is no {x.name}: these go from {limits.min} to {limits.max}")
    if isinstance(value, int) and x.is_floating and abs(value) > _LARGEST:
        raise ArgumentError("value= is beyond all floating point numbers")
    return same(x, type(value)) if value else same(x)


pad = _moved("pad", _pad_shape, _pad_value, _pad_gradient, _pad_dtype)
"""The tensor with ``before[i]`` places in front of axis i, ``after[i]`` behind it and ``interior[i]`` between its
elements, filled with ``value``. PyTorch: ``F.pad``.
"""


# ---- flip, roll -----------------------------------------------------------------------------------------------------
flip = _moved(
    "flip",
    lambda x, axes: rules.axes_shape(x, axes),
    lambda x, axes: np.flip(x, axes),
    lambda g, y, x, axes: flip(g, axes=axes),
)
"""The axes ``axes`` turned round. A view. PyTorch: ``torch.flip``."""


def _roll_shape(x: Shape, *, shifts: tuple[int, ...], axes: tuple[int, ...]) -> Shape:
    if len(shifts) != len(axes):
        raise ShapeError("shifts= and axes= have the same length: how far each axis is moved")
    return rules.axes_shape(x, axes)


roll = _moved(
    "roll",
    _roll_shape,
    lambda x, shifts, axes: np.roll(x, shifts, axes),
    lambda g, y, x, shifts, axes: roll(g, shifts=tuple(-shift for shift in shifts), axes=axes),
)
"""The elements moved by ``shifts[i]`` places along axis ``axes[i]``; what leaves at the end comes in at the start.

PyTorch: ``torch.roll``.
"""


# ---- concat, stack --------------------------------------------------------------------------------------------------
def _concat_shape(*shapes: Shape | None, axis: int) -> Shape:
    tensors = tuple(shape for shape in shapes if shape is not None)
    if len(tensors) != len(shapes):
        raise ShapeError("a Python number has no axis to join along", hint="sw.tensor([number])")
    try:
        sizes = list(rules.concat_shape(tensors, axis))
    except ShapeError as error:
        first = tensors[0]
        for number, shape in enumerate(tensors):
            for place, (a, b) in enumerate(zip(first, shape, strict=False)):
                if len(shape) == len(first) and place != axis and a != b:
                    error.facts.append(
                        ("differ", f"{int(a)} (axis {place} of tensor 0) and {int(b)} (of tensor {number})")
                    )
        raise
    for shape in tensors[1:]:
        for other, size in enumerate(shape):
            if other != axis:
                sizes[other] = merge(sizes[other], size)
    return tuple(sizes)


def _concat_gradient(index: int, g: Any, y: Any, *tensors: Any, axis: int) -> Any:
    sizes = g._spec.sizes
    start = 0
    for tensor in tensors[:index]:
        start += tensor._spec.sizes[axis]
    starts, stops = [0] * len(sizes), list(sizes)
    starts[axis], stops[axis] = start, start + tensors[index]._spec.sizes[axis]
    return slice(g, starts=tuple(starts), stops=tuple(stops), steps=(1,) * len(sizes))


concat = Op(
    "concat",
    shape=_concat_shape,
    value=lambda *tensors, axis: np.concatenate(tensors, axis=axis),
    dtype=lambda *dtypes, axis: same(*dtypes),
    gradients=_concat_gradient,
    operands=("tensor",),
    exact=True,
)
"""Tensors one after the other along ``axis``; the other axes are equal. PyTorch: ``torch.cat``."""


def stack(tensors: Sequence[Any], axis: int = 0) -> Any:
    """Join tensors of one shape along a new axis, which is axis `axis` (0 or more) of the result.

    Raises:
        ShapeError: there is no tensor, the shapes differ, or the result has no such axis.

    PyTorch: ``torch.stack(tensors, dim)``.
    """
    check_tensors("stack", *tensors)
    try:
        rules.stack_shape(tuple(x._spec.sizes for x in tensors), axis)
    except ShapeError as error:
        raise explained("stack", error, tensors, ("tensor",), axis=axis) from None
    pieces = []
    for x in tensors:
        sizes = x._spec.sizes
        places = tuple(place for place in range(len(sizes) + 1) if place != axis)
        pieces.append(broadcast(x, sizes=(*sizes[:axis], 1, *sizes[axis:]), axes=places))
    return concat(*pieces, axis=axis)


# ---- triangles ------------------------------------------------------------------------------------------------------
def _triangle(x: np.ndarray, diagonal: int, lower: bool) -> np.ndarray:
    rows, columns = x.shape[-2:]
    mask = np.tri(rows, columns, k=diagonal if lower else diagonal - 1, dtype=bool)
    zero = np.zeros((), dtype=x.dtype)
    return np.where(mask, x, zero) if lower else np.where(mask, zero, x)


tril = _moved(
    "tril",
    lambda x, diagonal=0: rules.matrix_shape(x),
    lambda x, diagonal=0: _triangle(x, diagonal, lower=True),
    lambda g, y, x, diagonal=0: tril(g, diagonal=diagonal),
)
"""The last two axes with 0 above the diagonal ``diagonal`` (0 the main one). PyTorch: ``torch.tril``."""

triu = _moved(
    "triu",
    lambda x, diagonal=0: rules.matrix_shape(x),
    lambda x, diagonal=0: _triangle(x, diagonal, lower=False),
    lambda g, y, x, diagonal=0: triu(g, diagonal=diagonal),
)
"""The last two axes with 0 below the diagonal ``diagonal`` (0 the main one). PyTorch: ``torch.triu``."""
