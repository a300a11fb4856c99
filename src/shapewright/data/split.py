"""`split`: a data set in two, for training and for testing or validation.

What it is not: a pass over the examples (`batches.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

from shapewright.data.batches import check_examples, permutation, rows, taken
from shapewright.data.mnist import Images
from shapewright.shapes import rules
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError, ShapeError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor.random import Key
from shapewright.tensor.tensor import Tensor

if TYPE_CHECKING:
    from shapewright.shapes.rules import remaining_shape


@overload
def split[N: IntVar, H: IntVar, W: IntVar, K: IntVar](
    data: Images[N, H, W], /, *, size: Int[K], key: Key | None = None
) -> tuple[Images[remaining_shape(Int[N], Int[K]), H, W], Images[K, H, W]]: ...
@overload
def split[N: IntVar, H: IntVar, W: IntVar](
    data: Images[N, H, W], /, *, fraction: float, key: Key | None = None
) -> tuple[Images[int, H, W], Images[int, H, W]]: ...
@overload
def split[N: IntVar, X: IntTuple, D: DType, K: IntVar](
    data: Tensor[[N, *X], D], /, *, size: Int[K], key: Key | None = None
) -> tuple[Tensor[[remaining_shape(Int[N], Int[K]), *X], D], Tensor[[K, *X], D]]: ...
@overload
def split[N: IntVar, X: IntTuple, D: DType](
    data: Tensor[[N, *X], D], /, *, fraction: float, key: Key | None = None
) -> tuple[Tensor[[int, *X], D], Tensor[[int, *X], D]]: ...
@overload
def split[N: IntVar, X: IntTuple, Y: IntTuple, D: DType, E: DType, K: IntVar](
    data: Tensor[[N, *X], D], labels: Tensor[[N, *Y], E], /, *, size: Int[K], key: Key | None = None
) -> tuple[
    tuple[Tensor[[remaining_shape(Int[N], Int[K]), *X], D], Tensor[[remaining_shape(Int[N], Int[K]), *Y], E]],
    tuple[Tensor[[K, *X], D], Tensor[[K, *Y], E]],
]: ...
@overload
def split[N: IntVar, X: IntTuple, Y: IntTuple, D: DType, E: DType](
    data: Tensor[[N, *X], D], labels: Tensor[[N, *Y], E], /, *, fraction: float, key: Key | None = None
) -> tuple[
    tuple[Tensor[[int, *X], D], Tensor[[int, *Y], E]],
    tuple[Tensor[[int, *X], D], Tensor[[int, *Y], E]],
]: ...
def split(*data: Any, size: Any = None, fraction: Any = None, key: Key | None = None) -> Any:
    """Divide examples in two: all but `size` of them, and `size`, the part that is held out.

    Args:
        data: a data set such as `train`, one tensor `[N, ...]`, or two of the same N.
        size: examples in the second part; the sizes of both parts are then known to the type checker.
        fraction: instead of `size`, the share of the second part, rounded to whole examples.
        key: what the order is drawn from before dividing; None takes the second part from the end.

    Raises:
        ShapeError: the tensors have different numbers of examples.
        ArgumentError: not exactly one of `size` and `fraction`, or a part would be empty.

    PyTorch: ``torch.utils.data.random_split(data, [n - size, size])``. dfdx: none.

    >>> import shapewright as sw
    >>> rest, held = sw.data.split(sw.arange(5), size=2)
    >>> rest.tolist(), held.tolist()
    ([0, 1, 2], [3, 4])
    >>> (a, la), (b, lb) = sw.data.split(sw.rand((10, 3)), sw.arange(10), fraction=0.2, key=sw.Key(0))
    >>> la.shape, lb.shape
    ((8,), (2,))
    """
    if len(data) == 1 and isinstance(data[0], Images):
        arrays: tuple[Any, ...] = (data[0].images, data[0].labels)
    else:
        arrays = data
        if not 1 <= len(arrays) <= 2:
            raise ArgumentError(f"split: takes a data set, or one or two tensors, not {len(arrays)} things")
    check_examples(arrays, "split")
    count = arrays[0]._spec.sizes[0]
    held = _held(count, size, fraction)
    if key is None:
        parts = [(rows(array, 0, count - held), rows(array, count - held, count)) for array in arrays]
    else:
        order = permutation(count, key)
        parts = [(taken(array, order[: count - held]), taken(array, order[count - held :])) for array in arrays]
    if arrays is not data:
        return tuple(Images(*part) for part in zip(*parts, strict=True))
    return tuple(zip(*parts, strict=True)) if len(arrays) > 1 else parts[0]


def _held(count: int, size: Any, fraction: Any) -> int:
    if (size is None) == (fraction is None):
        raise ArgumentError(
            "split: takes either size= or fraction=",
            hint="size=10000 for that many held-out examples, or fraction=0.1 for that share of them",
        )
    if fraction is not None:
        if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not math.isfinite(fraction):
            raise ArgumentError(f"split: fraction= is a number between 0 and 1, not {fraction!r}")
        size = round(count * fraction)
    elif not isinstance(size, int) or isinstance(size, bool):
        raise ArgumentError(
            f"split: size= is a number of examples, not {size!r}", hint="fraction=0.1 for a share of them"
        )
    try:
        rules.remaining_shape(count, int(size))
    except ShapeError:
        raise ArgumentError(
            f"split: of {count} examples, {int(size)} cannot be held out: one of the parts would be empty",
            hint=f"size= from 1 to {count - 1}" if count > 1 else None,
        ) from None
    return int(size)
