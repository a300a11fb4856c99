"""Windows that slide over the last two axes of ``[*Bs, C, H, W]``: convolution and pooling.

`unfold2d` shows the windows as a view; convolution is a matmul over it. What it is not: a fast convolution. A device
may have one and know it by these parts.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from shapewright.ops import movement, reductions
from shapewright.ops.composite import explained, sizes_of
from shapewright.ops.contraction import matmul
from shapewright.ops.core import Op, Shape, floating, numeric, same
from shapewright.ops.elementwise import add
from shapewright.ops.indexing import gather
from shapewright.shapes import rules
from shapewright.shapes.dtypes import i64
from shapewright.shapes.errors import ArgumentError, Error, ShapeError

type Pair = tuple[int, int]


def pair(value: int | Pair, name: str) -> Pair:
    """Give two numbers, for height and width, of one number or two."""
    numbers = value if isinstance(value, tuple | list) else (value, value)
    if len(numbers) != 2 or not all([isinstance(n, int | np.integer) and not isinstance(n, bool) for n in numbers]):
        raise ArgumentError(f"{name}={value!r} is one number, or two for height and width")
    return numbers[0], numbers[1]


def _places(x: Shape, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Shape:
    """Give how many places a window takes on each of the last two axes."""
    return tuple(
        rules.window_size_shape(size, k, s, p, d)
        for size, k, s, p, d in zip(x[-2:], kernel, stride, padding, dilation, strict=True)
    )


# ---- unfold, fold ---------------------------------------------------------------------------------------------------
def _unfold_shape(x: Shape, *, kernel: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> Shape:
    if len(x) < 2:
        raise ShapeError("windows slide over the last two axes, and the tensor has fewer than two")
    return (*x[:-2], *kernel, *_places(x, kernel, stride, (0, 0), dilation))


def _unfold_value(x: np.ndarray, kernel: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> np.ndarray:
    sizes = _unfold_shape(x.shape, kernel=kernel, stride=stride, dilation=dilation)
    down, across = x.strides[-2:]
    strides = (down * dilation[0], across * dilation[1], down * stride[0], across * stride[1])
    return as_strided(x, sizes, (*x.strides[:-2], *strides), writeable=False)


unfold2d = Op(
    "unfold2d",
    shape=_unfold_shape,
    value=_unfold_value,
    dtype=lambda x, **_: same(x),
    gradients=(
        lambda g, y, x, kernel, stride=(1, 1), dilation=(1, 1): fold2d(
            g, sizes=x._spec.sizes[-2:], stride=stride, dilation=dilation
        ),
    ),
    exact=True,
)
"""``[..., H, W]`` as its windows ``[..., KH, KW, OH, OW]``: a view. PyTorch: ``F.unfold``, which copies."""


def _fold_shape(x: Shape, *, sizes: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> Shape:
    if len(x) < 4 or _places(sizes, (x[-4], x[-3]), stride, (0, 0), dilation) != tuple(x[-2:]):
        raise ShapeError("these are not the windows [..., KH, KW, OH, OW] that unfold2d shows of such a tensor")
    return (*x[:-4], *sizes)


def _fold_value(x: np.ndarray, sizes: Pair, stride: Pair = (1, 1), dilation: Pair = (1, 1)) -> np.ndarray:
    kernel_height, kernel_width, height, width = x.shape[-4:]
    result = np.zeros((*x.shape[:-4], *sizes), dtype=x.dtype)
    for i in range(kernel_height):
        top = i * dilation[0]
        rows = slice(top, top + (height - 1) * stride[0] + 1, stride[0])
        for j in range(kernel_width):
            left = j * dilation[1]
            columns = slice(left, left + (width - 1) * stride[1] + 1, stride[1])
            result[..., rows, columns] += x[..., i, j, :, :]
    return result


fold2d = Op(
    "fold2d",
    shape=_fold_shape,
    value=_fold_value,
    dtype=lambda x, **_: numeric(x),
    gradients=(
        lambda g, y, x, sizes, stride=(1, 1), dilation=(1, 1): unfold2d(
            g, kernel=tuple(x._spec.sizes[-4:-2]), stride=stride, dilation=dilation
        ),
    ),
)
"""The sum of windows ``[..., KH, KW, OH, OW]`` where they lie in ``[..., *sizes]``: what `unfold2d` does, backwards.

PyTorch: ``F.fold``.
"""


# ---- convolution ----------------------------------------------------------------------------------------------------
def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: int | Pair = 1,
    padding: int | Pair | str = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Any:
    """Slide the filters `weight` ``[O, C // groups, KH, KW]`` over `x` ``[*Bs, C, H, W]``, any leading axes.

    The result is ``[*Bs, O, OH, OW]``, with ``OH = (H + 2 * padding - dilation * (KH - 1) - 1) //
    stride + 1``. `bias` is ``[O]``. `padding` counts zeros on each side; ``"same"`` keeps H and W (stride 1),
    ``"valid"`` is 0. Computed as a matrix product over windows (K. Chellapilla, S. Puri, P. Simard 2006).

    Raises:
        ShapeError: the ranks or channels do not fit, or a window is larger than the padded image.
        ArgumentError: a stride, padding, dilation or group number has no meaning.

    PyTorch: ``F.conv2d``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.conv2d(sw.ones((1, 3, 3)), sw.ones((1, 1, 2, 2))).tolist()
    [[[4.0, 4.0], [4.0, 4.0]]]
    """
    try:
        stride, dilation = pair(stride, "stride"), pair(dilation, "dilation")
        _check_filters(x._spec.sizes, weight._spec.sizes, None if bias is None else bias._spec.sizes, groups)
        kernel: Pair = weight._spec.sizes[-2:]
        before, after = _padding(padding, kernel, stride, dilation)
        sizes = x._spec.sizes
        padded = (sizes[-2] + before[0] + after[0], sizes[-1] + before[1] + after[1])
        _places(padded, kernel, stride, (0, 0), dilation)
    except Error as error:
        operands = (x, weight) if bias is None else (x, weight, bias)
        params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        raise explained("conv2d", error, operands, ("x", "weight", "bias"), **params) from None
    outputs, inputs = weight._spec.sizes[:2]
    if any(before) or any(after):
        none = (0,) * (len(sizes) - 2)
        x = movement.pad(x, before=(*none, *before), after=(*none, *after))
    windows = unfold2d(x, kernel=kernel, stride=stride, dilation=dilation)
    # [*Bs, C, KH, KW, OH, OW] -> [C, KH, KW, *Bs, OH, OW]: copied into a matrix along its rows.
    named = sizes_of(windows)
    batch, places = named[:-5], named[-2:]
    rank = len(batch) + 5
    windows = movement.permute(windows, axes=(len(batch), rank - 4, rank - 3, *range(len(batch)), rank - 2, rank - 1))
    depth = inputs * kernel[0] * kernel[1]
    count = math.prod(int(size) for size in (*batch, *places))
    if groups == 1:
        product = matmul(
            movement.reshape(weight, sizes=(outputs, depth)), movement.reshape(windows, sizes=(depth, count))
        )
    else:
        product = matmul(
            movement.reshape(weight, sizes=(groups, outputs // groups, depth)),
            movement.reshape(windows, sizes=(groups, depth, count)),
        )
    product = movement.reshaped(product, (sizes_of(weight)[0], *batch, *places))
    if bias is not None:
        product = add(product, movement.broadcast(bias, sizes=product._spec.sizes, axes=(0,)))
    order = (*range(1, len(batch) + 1), 0, len(batch) + 1, len(batch) + 2)
    return movement.permute(product, axes=order) if batch else product


def _check_filters(x: Shape, weight: Shape, bias: Shape | None, groups: int) -> None:
    if len(x) < 3:
        raise ShapeError("an image is [C, H, W], with any axes in front of these")
    if len(weight) != 4:
        raise ShapeError("filters are [outputs, inputs // groups, kernel height, kernel width]")
    if groups < 1:
        raise ArgumentError(f"groups={groups} is the number of groups of channels, 1 or more")
    if weight[0] % groups:
        raise ShapeError(f"the {weight[0]} filters do not divide into {groups} groups")
    if x[-3] != weight[1] * groups:
        of_groups = f" in each of {groups} groups, {weight[1] * groups} in all" if groups > 1 else ""
        raise ShapeError(f"the image has {x[-3]} channels, and the filters look at {weight[1]}{of_groups}")
    if bias is not None and tuple(bias) != (weight[0],):
        raise ShapeError(f"the bias holds one number for each of the {weight[0]} filters")


def _padding(padding: int | Pair | str, kernel: Pair, stride: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    if padding == "valid":
        padding = 0
    if padding == "same":
        if stride != (1, 1):
            raise ArgumentError('padding="same" keeps height and width, which a stride above 1 does not')
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        before = (total[0] // 2, total[1] // 2)
        return before, (total[0] - before[0], total[1] - before[1])
    if isinstance(padding, str):
        raise ArgumentError(f'padding={padding!r} is a number, two numbers, "same" or "valid"')
    both = pair(padding, "padding")
    if min(both) < 0:
        raise ArgumentError(f"padding={padding!r} is 0 or more")
    return both, both


# ---- pooling --------------------------------------------------------------------------------------------------------
def _pooled_shape(x: Shape, *, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1), **_: Any) -> Shape:
    if len(x) < 2:
        raise ShapeError("windows slide over the last two axes, and the tensor has fewer than two")
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if p > ((k - 1) * d + 1) // 2:
            raise ArgumentError(
                f"padding={padding} is more than half of the window {kernel}", hint="padding=kernel // 2, or less"
            )
    return (*x[:-2], *_places(x, kernel, stride, padding, dilation))


def _first_inside(count: int, size: int, stride: int, padding: int, dilation: int) -> np.ndarray:
    """Give, for each window on one axis, the first of its places that is not padding."""
    start = np.arange(count) * stride - padding
    start += -(np.minimum(start, 0) // dilation) * dilation
    if count and start.max() >= size:
        raise ArgumentError("a window lies wholly in the padding", hint="less padding, or less dilation")
    return start


def _extreme_places_value(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1), largest: bool = True
) -> np.ndarray:
    height, width = x.shape[-2:]
    sizes = _pooled_shape(x.shape, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    rows = _first_inside(sizes[-2], height, stride[0], padding[0], dilation[0])
    columns = _first_inside(sizes[-1], width, stride[1], padding[1], dilation[1])
    places = np.empty(sizes, dtype=np.int64)
    places[...] = rows[:, None] * width + columns
    if not places.size:
        return places
    best = x[..., rows[:, None], columns]
    top = np.arange(sizes[-2]) * stride[0] - padding[0]
    left = np.arange(sizes[-1]) * stride[1] - padding[1]
    for i in range(kernel[0]):
        row = top + i * dilation[0]
        # The windows that have this row inside the image are neighbours, and likewise the columns.
        inside_rows = np.flatnonzero((row >= 0) & (row < height))
        if not inside_rows.size:
            continue
        a, b = inside_rows[0], inside_rows[-1] + 1
        for j in range(kernel[1]):
            column = left + j * dilation[1]
            inside_columns = np.flatnonzero((column >= 0) & (column < width))
            if not inside_columns.size:
                continue
            c, d = inside_columns[0], inside_columns[-1] + 1
            seen = x[..., row[a] : row[b - 1] + 1 : stride[0], column[c] : column[d - 1] + 1 : stride[1]]
            so_far = best[..., a:b, c:d]
            better = seen > so_far if largest else seen < so_far
            if x.dtype.kind == "f":
                better |= np.isnan(seen)
            np.copyto(so_far, seen, where=better)
            here = row[a:b, None] * width + column[c:d]
            np.copyto(places[..., a:b, c:d], here, where=better)
    return places


extreme_places2d = Op(
    "extreme_places2d",
    shape=_pooled_shape,
    value=_extreme_places_value,
    dtype=lambda x, **_: i64,
)
"""The place in the flattened image of each window's largest (or smallest) element, the first of several.

PyTorch: ``F.max_pool2d(return_indices=True)``.
"""


def _pool_arguments(kernel: int | Pair, stride: int | Pair | None, padding: int | Pair, dilation: int | Pair) -> Any:
    kernel = pair(kernel, "kernel_size")
    return {
        "kernel": kernel,
        "stride": kernel if stride is None else pair(stride, "stride"),
        "padding": pair(padding, "padding"),
        "dilation": pair(dilation, "dilation"),
    }


def _extreme_pool(x: Any, largest: bool, **params: Any) -> Any:
    try:
        _pooled_shape(x._spec.sizes, **params)
    except Error as error:
        raise explained("max_pool2d" if largest else "min_pool2d", error, (x,), **params) from None
    places = extreme_places2d(x, largest=largest, **params)
    *around, height, width = x._spec.sizes
    pooled = places._spec.sizes
    flat = movement.reshape(x, sizes=(*around, height * width))
    joined = movement.reshape(places, sizes=(*around, pooled[-2] * pooled[-1]))
    return movement.reshaped(gather(flat, joined, axis=len(around)), sizes_of(places))


def max_pool2d(
    x: Any,
    *,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Any:
    """Give the largest element of each window over the last two axes; `stride` is the window's size if left out.

    Padding never is the largest. The gradient goes to the first of equal elements.

    Raises:
        ShapeError: a window is larger than the padded image.
        ArgumentError: the padding is more than half of a window.

    PyTorch: ``F.max_pool2d``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.max_pool2d(sw.tensor([[1.0, 2.0], [3.0, 4.0]]), kernel_size=2).tolist()
    [[4.0]]
    """
    return _extreme_pool(x, True, **_pool_arguments(kernel_size, stride, padding, dilation))


def min_pool2d(
    x: Any,
    *,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Any:
    """Give the smallest element of each window over the last two axes; else as `max_pool2d`.

    PyTorch: ``-F.max_pool2d(-x)``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.min_pool2d(sw.tensor([[1.0, 2.0], [3.0, 4.0]]), kernel_size=2).tolist()
    [[1.0]]
    """
    return _extreme_pool(x, False, **_pool_arguments(kernel_size, stride, padding, dilation))


def window_counts(places: Shape, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """Give, for each window, how many of its places are not padding."""
    counts = []
    for n, count, k, s, p in zip(size, places, kernel, stride, padding, strict=True):
        start = np.arange(count) * s - p
        counts.append(np.minimum(start + k, n) - np.maximum(start, 0))
    return counts[0][:, None] * counts[1]


over_window_counts = Op(
    "over_window_counts",
    shape=lambda x, **_: x,
    value=lambda x, size, kernel, stride, padding: (
        x / window_counts(x.shape[-2:], size, kernel, stride, padding).astype(x.dtype)
    ),
    dtype=lambda x, **_: same(x),
    gradients=(lambda g, y, x, **params: over_window_counts(g, **params),),
)
"""Sums over windows of an image of ``size``, divided by how many places of each window are not padding."""


def avg_pool2d(
    x: Any,
    *,
    kernel_size: int | Pair,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
    count_include_pad: bool = True,
) -> Any:
    """Give the mean of each window over the last two axes; `stride` is the window's size if left out.

    Padding counts as zeros; with ``count_include_pad=False`` it does not count.

    Raises:
        ShapeError: a window is larger than the padded image.
        ArgumentError: the padding is more than half of a window.
        DTypeError: the elements are integers.

    PyTorch: ``F.avg_pool2d``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.avg_pool2d(sw.tensor([[1.0, 2.0], [3.0, 4.0]]), kernel_size=2).tolist()
    [[2.5]]
    """
    params = _pool_arguments(kernel_size, stride, padding, 1)
    kernel, steps, around = params["kernel"], params["stride"], params["padding"]
    try:
        _pooled_shape(x._spec.sizes, **params)
        floating(x._spec.dtype)
    except Error as error:
        raise explained("avg_pool2d", error, (x,), **params) from None
    size, rank = x._spec.sizes[-2:], len(x._spec.sizes)
    padded = x
    if any(around):
        sides = (*(0,) * (rank - 2), *around)
        padded = movement.pad(x, before=sides, after=sides)
    windows = unfold2d(padded, kernel=kernel, stride=steps)
    if count_include_pad or not any(around):
        return reductions.mean(windows, axes=(rank - 2, rank - 1))
    total = reductions.sum(windows, axes=(rank - 2, rank - 1))
    return over_window_counts(total, size=size, kernel=kernel, stride=steps, padding=around)
