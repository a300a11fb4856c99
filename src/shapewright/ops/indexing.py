"""Ops that pick or place elements by tensors of integers: take, gather, scatter_add, one_hot, argsort, sort, topk.

Indices count from 0; a negative one is out of range, as in PyTorch. What it is not: indices and slices written as
numbers, which are views (`movement.slice`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shapewright.ops.composite import axis_from_front, check_tensors, explained, first_place
from shapewright.ops.core import Op, Shape
from shapewright.ops.elementwise import add
from shapewright.ops.movement import slice
from shapewright.shapes import rules
from shapewright.shapes.dtypes import DType, i64
from shapewright.shapes.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError


def _indexed_dtype(x: type[DType], indices: type[DType], **_: Any) -> type[DType]:
    if not getattr(indices, "is_integer", False):
        name = indices.name if hasattr(indices, "name") else f"a Python {indices.__name__}"
        raise DTypeError(f"indices are a tensor of integers, not {name}", hint="indices.to(sw.i64)")
    return x


def check_range(indices: np.ndarray, size: int, what: str = "index") -> None:
    """Refuse indices outside 0 … size - 1, and name the worst one and where it stands.

    Raises:
        IndexRangeError: one is outside.
    """
    if indices.size == 0:
        return
    low, high = int(indices.min()), int(indices.max())
    if low >= 0 and high < size:
        return
    worst = low if low < 0 else high
    allowed = f"0 to {size - 1}" if size else "none, because the axis is empty"
    raise IndexRangeError(
        f"the {what} {worst}{first_place(indices == worst)} is out of range",
        facts=[("allowed", allowed)],
        hint="indices that count from 0; negative ones do not count from the end here" if worst < 0 else None,
    )


def _platform(indices: np.ndarray) -> np.ndarray:
    return indices if indices.dtype == np.intp else indices.astype(np.intp)


# ---- take -----------------------------------------------------------------------------------------------------------
def _take_value(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    check_range(indices, x.shape[axis])
    return np.take(x, _platform(indices), axis=axis)


take = Op(
    "take",
    shape=lambda x, indices, axis: rules.take_shape(x, indices, axis),
    value=_take_value,
    dtype=_indexed_dtype,
    gradients=(
        lambda g, y, x, indices, axis: take_add(g, indices, axis=axis, size=x._spec.sizes[axis]),
        None,
    ),
    operands=("x", "indices"),
    exact=True,
)
"""The elements at ``indices`` (a tensor of integers of any rank) along ``axis``, whose place its axes take.

PyTorch: ``torch.index_select``, ``F.embedding``, ``x[indices]``.
"""


def _take_add_shape(source: Shape, indices: Shape, *, axis: int, size: int) -> Shape:
    if tuple(source[axis : axis + len(indices)]) != tuple(indices):
        raise ShapeError("the axes of the indices stand in the source where the result has one axis")
    return (*source[:axis], size, *source[axis + len(indices) :])


def _take_add_value(source: np.ndarray, indices: np.ndarray, axis: int, size: int) -> np.ndarray:
    check_range(indices, size)
    outer, inner = source.shape[:axis], source.shape[axis + indices.ndim :]
    rows = np.moveaxis(source.reshape((math.prod(outer), indices.size, math.prod(inner))), 1, 0)
    result = np.zeros((size, rows.shape[1], rows.shape[2]), dtype=source.dtype)
    if rows.size:
        # Equal indices are brought together and each run is added up at once; the order of additions is fixed.
        flat = indices.reshape(-1)
        order = np.argsort(flat, kind="stable")
        ordered = flat[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        result[ordered[starts]] = np.add.reduceat(rows[order], starts, axis=0)
    return np.moveaxis(result, 0, 1).reshape((*outer, size, *inner))


take_add = Op(
    "take_add",
    shape=_take_add_shape,
    value=_take_add_value,
    dtype=_indexed_dtype,
    gradients=(lambda g, y, source, indices, axis, size: take(g, indices, axis=axis), None),
    operands=("source", "indices"),
)
"""Zeros with ``size`` places along ``axis``, to which the parts of ``source`` are added at ``indices``: what `take`
does, backwards. PyTorch: ``torch.zeros(…).index_add``.
"""


# ---- gather, scatter ------------------------------------------------------------------------------------------------
def _gather_value(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    check_range(indices, x.shape[axis])
    return np.take_along_axis(x, _platform(indices), axis=axis)


gather = Op(
    "gather",
    shape=lambda x, indices, axis: rules.gather_shape(x, indices, axis),
    value=_gather_value,
    dtype=_indexed_dtype,
    gradients=(
        lambda g, y, x, indices, axis: gather_add(g, indices, axis=axis, size=x._spec.sizes[axis]),
        None,
    ),
    operands=("x", "indices"),
    exact=True,
)
"""Along ``axis``, each place's element at the index that stands in that place; the other axes are equal.

PyTorch: ``torch.gather``. NumPy: ``take_along_axis``.
"""


def _gather_add_shape(source: Shape, indices: Shape, *, axis: int, size: int) -> Shape:
    if tuple(source) != tuple(indices):
        raise ShapeError("scatter_add adds one value for each index, so both tensors have one shape")
    rules.axis_shape(source, axis)
    return (*source[:axis], size, *source[axis + 1 :])


def _gather_add_value(source: np.ndarray, indices: np.ndarray, axis: int, size: int) -> np.ndarray:
    check_range(indices, size)
    sizes = (*source.shape[:axis], size, *source.shape[axis + 1 :])
    # The place of each element in the result, flat.
    places = np.zeros(source.shape, dtype=np.intp)
    stride = 1
    for other in range(source.ndim - 1, -1, -1):
        if other == axis:
            # Not in the indices' own type, which may be too small for a place: 200 * 2 is no u8.
            places += _platform(indices) * stride
        else:
            along = [1] * source.ndim
            along[other] = source.shape[other]
            places += (np.arange(source.shape[other]) * stride).reshape(along)
        stride *= sizes[other]
    total = math.prod(sizes)
    if source.dtype.kind == "f":
        # bincount adds in f64 and in a fixed order.
        flat = np.bincount(places.reshape(-1), weights=source.reshape(-1), minlength=total)
        return flat.astype(source.dtype).reshape(sizes)
    flat = np.zeros(total, dtype=source.dtype)
    np.add.at(flat, places.reshape(-1), source.reshape(-1))
    return flat.reshape(sizes)


gather_add = Op(
    "gather_add",
    shape=_gather_add_shape,
    value=_gather_add_value,
    dtype=_indexed_dtype,
    gradients=(lambda g, y, source, indices, axis, size: gather(g, indices, axis=axis), None),
    operands=("source", "indices"),
    called="scatter_add",
)
"""Zeros with ``size`` places along ``axis``, to which ``source`` is added at ``indices``: what `gather` does,
backwards. PyTorch: ``torch.zeros(…).scatter_add``.
"""


def scatter_add(x: Any, indices: Any, source: Any, *, axis: int) -> Any:
    """Add each element of `source` to `x`, along `axis`, at the index that stands in its place in `indices`.

    `indices` and `source` have one shape, which is that of `x` except along `axis`. What several indices name is
    added up.

    Raises:
        ShapeError: the shapes are others.
        IndexRangeError: an index is not 0 to the size of the axis less 1.

    PyTorch: ``torch.scatter_add``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.scatter_add(sw.zeros((3,)), sw.tensor([2, 0, 2]), sw.tensor([1.0, 2.0, 3.0]), axis=0).tolist()
    [2.0, 0.0, 4.0]
    """
    check_tensors("scatter_add", indices, source)
    sizes = x._spec.sizes
    try:
        rules.scatter_shape(sizes, indices._spec.sizes, source._spec.sizes, axis)
    except ShapeError as error:
        raise explained("scatter_add", error, (x, indices, source), ("x", "indices", "source"), axis=axis) from None
    return add(x, gather_add(source, indices, axis=axis, size=sizes[axis]))


# ---- one_hot --------------------------------------------------------------------------------------------------------
def _one_hot_shape(indices: Shape, *, classes: int, dtype: type[DType]) -> Shape:
    if classes < 0:
        raise ArgumentError(f"classes={classes} is how many classes there are, 0 or more")
    return (*indices, classes)


def _one_hot_dtype(indices: type[DType], *, classes: int, dtype: type[DType]) -> type[DType]:
    _indexed_dtype(dtype, indices)
    return dtype


def _one_hot_value(indices: np.ndarray, classes: int, dtype: type[DType]) -> np.ndarray:
    check_range(indices, classes, "class")
    result = np.zeros((*indices.shape, classes), dtype=dtype.numpy)
    np.put_along_axis(result, _platform(indices)[..., None], 1, axis=-1)
    return result


one_hot = Op(
    "one_hot",
    shape=_one_hot_shape,
    value=_one_hot_value,
    dtype=_one_hot_dtype,
    operands=("indices",),
    exact=True,
)
"""A new last axis of ``classes`` places with 1 at the index and 0 elsewhere, of type ``dtype``.

PyTorch: ``F.one_hot``.
"""


# ---- order ----------------------------------------------------------------------------------------------------------
def _argsort_value(x: np.ndarray, axis: int, descending: bool = False) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    # Sorted from the other end and turned round, so that equal elements keep their order here too.
    turned = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - turned


argsort = Op(
    "argsort",
    shape=lambda x, axis, descending=False: rules.axis_shape(x, axis),
    value=_argsort_value,
    dtype=lambda x, axis, descending=False: i64,
)
"""The places of the elements along ``axis`` from the smallest to the largest, or the other way. Equal elements keep
their order; NaN counts as the largest of all. PyTorch: ``torch.argsort(stable=True)``.
"""


def sort(x: Any, *, axis: int = -1, descending: bool = False) -> tuple[Any, Any]:
    """Give the elements in order along `axis`, and their places (i64) in `x`.

    Equal elements keep their order; NaN counts as the largest of all. The gradient goes back to the places.

    Raises:
        ShapeError: there is no such axis.

    PyTorch: ``torch.sort(stable=True)``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> values, places = ops.sort(sw.tensor([3.0, 1.0, 2.0]), axis=0)
    >>> values.tolist(), places.tolist()
    ([1.0, 2.0, 3.0], [1, 2, 0])
    """
    axis = axis_from_front(x, axis)
    places = argsort(x, axis=axis, descending=descending)
    return gather(x, places, axis=axis), places


def topk(x: Any, *, k: int, axis: int = -1) -> tuple[Any, Any]:
    """Give the `k` largest elements along `axis`, largest first, and their places (i64) in `x`.

    Of equal elements the earlier ones are taken; NaN counts as the largest of all.

    Raises:
        ShapeError: there is no such axis, or k is not 0 to its size.

    PyTorch: ``torch.topk``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> values, places = ops.topk(sw.tensor([3.0, 1.0, 2.0]), k=2, axis=0)
    >>> values.tolist(), places.tolist()
    ([3.0, 2.0], [0, 2])
    """
    sizes = x._spec.sizes
    try:
        rules.topk_shape(sizes, k, axis)
    except ShapeError as error:
        raise explained("topk", error, (x,), k=k, axis=axis) from None
    axis = axis_from_front(x, axis)
    places = argsort(x, axis=axis, descending=True)
    stops = tuple(k if other == axis else size for other, size in enumerate(sizes))
    places = slice(places, starts=(0,) * len(sizes), stops=stops, steps=(1,) * len(sizes))
    return gather(x, places, axis=axis), places
