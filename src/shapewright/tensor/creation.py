"""Tensors from nothing, from Python numbers and from NumPy arrays.

What it is not: random tensors (`random.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from typing_extensions import TypeVar

from shapewright.devices import Device, chosen_device
from shapewright.ops.composite import check_tensors
from shapewright.ops.core import same
from shapewright.shapes.dim import Dim
from shapewright.shapes.dtypes import (
    DType,
    bool_,
    checked_dtype,
    f16,
    f32,
    f64,
    from_numpy_dtype,
    i32,
    i64,
    spec,
    u8,
)
from shapewright.shapes.errors import ArgumentError, DTypeError, ShapeError
from shapewright.shapes.typing import Int, IntTuple, IntVar

from ._target import is_number
from .tensor import Tensor, make

if TYPE_CHECKING:
    from shapewright.shapes.typing import RegularNestedList

T = TypeVar("T", bound=IntTuple)
N = IntVar("N")
A = IntVar("A")
B = IntVar("B")
K = IntVar("K")
E = TypeVar("E", bound=DType, default=f32)


def checked_shape(shape: Any, called: str) -> tuple[int, ...]:
    """Return a shape as a tuple of sizes, or say what is wrong with it."""
    if is_number(shape):
        raise ShapeError(
            f"{called}: a shape is a tuple of sizes, not the number {shape.__index__()}",
            hint=f"sw.{called}(({shape.__index__()},))",
        )
    if not isinstance(shape, Sequence) or isinstance(shape, str | bytes):
        raise ShapeError(
            f"{called}: a shape is a tuple of sizes, not {type(shape).__name__}", hint=f"sw.{called}((2, 3))"
        )
    sizes = tuple(shape)
    for size in sizes:
        if not is_number(size):
            raise ShapeError(f"{called}: a size is an int, not {size!r}", hint=f"sw.{called}((2, 3))")
        if size.__index__() < 0:
            raise ShapeError(f"{called}: a size is 0 or more, not {size.__index__()}", facts=[("shape", str(sizes))])
    return tuple([size if type(size) is Dim else size.__index__() for size in sizes])


def _filled(called: str, shape: Any, value: Any, dtype: Any, device: Device | None) -> Any:
    sizes = checked_shape(shape, called)
    dtype = checked_dtype(dtype)
    plain = spec(tuple([int(s) for s in sizes]), dtype).sizes
    return _own(np.full(plain, value, dtype.numpy), dtype, device, sizes)


def _own(array: np.ndarray, dtype: Any, device: Any, sizes: tuple[int, ...] | None = None) -> Any:
    device = chosen_device(device)
    # The array was made here, so nobody else will change it.
    result = make(device.put(array, copy=False), spec(array.shape, dtype), device)
    if sizes is not None and any([type(size) is Dim for size in sizes]):
        result._dims = sizes
    return result


def zeros(shape: T, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a tensor of zeros. PyTorch: ``torch.zeros(shape)``. dfdx: ``dev.zeros()``.

    Raises:
        ShapeError: `shape` is no tuple of sizes.

    >>> import shapewright as sw
    >>> sw.zeros((2,), dtype=sw.i64)
    Tensor[[2], i64] on cpu: [0 0]
    """
    return _filled("zeros", shape, 0, dtype, device)


def ones(shape: T, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a tensor of ones. PyTorch: ``torch.ones(shape)``. dfdx: ``dev.ones()``.

    Raises:
        ShapeError: `shape` is no tuple of sizes.

    >>> import shapewright as sw
    >>> sw.ones((2,))
    Tensor[[2], f32] on cpu: [1. 1.]
    """
    return _filled("ones", shape, 1, dtype, device)


def full(shape: T, value: float, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a tensor of one number. PyTorch: ``torch.full(shape, value)``.

    Raises:
        ShapeError: `shape` is no tuple of sizes.
        ArgumentError: `value` is no number, or does not fit the element type.
        DTypeError: `value` is a float, and the elements are integers.

    >>> import shapewright as sw
    >>> sw.full((2,), 0.5)
    Tensor[[2], f32] on cpu: [0.5 0.5]
    """
    wanted = checked_dtype(dtype)
    number = _number(value, "full", "value")
    try:
        same(wanted, type(number))
    except DTypeError as error:
        error.message, error.hint = f"full: {error.message}", "an int, or dtype=sw.f32"
        raise
    if wanted.is_integer:
        _check_fits(number, number, wanted, "full")
    try:
        return _filled("full", shape, number, wanted, device)
    except OverflowError:
        raise ArgumentError("full: value is an int beyond all floating point numbers") from None


def _number(value: Any, called: str, name: str) -> Any:
    """Give a Python number for a Python or NumPy number."""
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if not isinstance(value, bool | int | float):
        raise ArgumentError(f"{called}: {name} is a number, not {type(value).__name__}")
    return value


def _converted(array: np.ndarray, dtype: type[DType], called: str) -> np.ndarray:
    """Convert numbers to an element type, and refuse those that an integer type does not hold: nothing wraps round."""
    if dtype.is_integer and array.size:
        _check_fits(array.min().item(), array.max().item(), dtype, called)
    with np.errstate(over="ignore"):
        return array.astype(dtype.numpy)


def _check_fits(low: float, high: float, dtype: type[DType], called: str) -> None:
    limits = np.iinfo(dtype.numpy)
    # Python's numbers compare exactly; of NaN neither is true.
    if not (limits.min <= low and high <= limits.max):
        wrong = high if low >= limits.min else low
        raise ArgumentError(f"{called}: {wrong} does not fit {dtype.name}, which holds {limits.min} to {limits.max}")


def zeros_like[S: IntTuple, D: DType](x: Tensor[S, D]) -> Tensor[S, D]:
    """Give zeros with the shape, element type and device of x. PyTorch: ``torch.zeros_like(x)``.

    >>> import shapewright as sw
    >>> sw.zeros_like(sw.arange(2))
    Tensor[[2], i64] on cpu: [0 0]
    """
    check_tensors("zeros_like", x)
    return _filled("zeros_like", x._dims or x._spec.sizes, 0, x._spec.dtype, x._device)


def ones_like[S: IntTuple, D: DType](x: Tensor[S, D]) -> Tensor[S, D]:
    """Give ones with the shape, element type and device of x. PyTorch: ``torch.ones_like(x)``.

    >>> import shapewright as sw
    >>> sw.ones_like(sw.arange(2))
    Tensor[[2], i64] on cpu: [1 1]
    """
    check_tensors("ones_like", x)
    return _filled("ones_like", x._dims or x._spec.sizes, 1, x._spec.dtype, x._device)


def eye(size: Int[N], *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[[N, N], E]:
    """Give the identity matrix. PyTorch: ``torch.eye(size)``.

    >>> import shapewright as sw
    >>> sw.eye(2)
    Tensor[[2, 2], f32] on cpu:
    [[1. 0.]
     [0. 1.]]
    """
    # Both axes count the same thing, but they are two axes: neither is named.
    (count,) = checked_shape((size,), "eye")
    wanted = checked_dtype(dtype)
    return _own(np.eye(spec((int(count),) * 2, wanted).sizes[0], dtype=wanted.numpy), wanted, device)


@overload
def arange(stop: Int[N], /, *, dtype: type[E] = i64, device: Device | None = None) -> Tensor[[N], E]: ...
@overload
def arange(
    start: Int[A], stop: Int[B], /, *, dtype: type[E] = i64, device: Device | None = None
) -> Tensor[[B - A], E]: ...
@overload
def arange(
    start: Int[A], stop: Int[B], step: Int[K], /, *, dtype: type[E] = i64, device: Device | None = None
) -> Tensor[[0 - (A - B) // K], E]: ...
def arange(start: Any, stop: Any = None, step: Any = 1, /, *, dtype: Any = i64, device: Device | None = None) -> Any:
    """Give 0, 1, …, stop - 1; or start, start + step, … before stop.

    Raises:
        ArgumentError: a number is no int (`linspace` is for others), `step` is 0, or there is no number between.

    PyTorch: ``torch.arange(start, stop, step)``. dfdx: ``arange``.

    >>> import shapewright as sw
    >>> sw.arange(3)
    Tensor[[3], i64] on cpu: [0 1 2]
    >>> sw.arange(1, 8, 3)
    Tensor[[3], i64] on cpu: [1 4 7]
    """
    first, last = (0, start) if stop is None else (start, stop)
    for number in (first, last, step):
        if not is_number(number):
            raise ArgumentError(
                f"arange: counts in ints, and {number!r} is none", hint="sw.linspace(start, stop, count)"
            )
    if step == 0:
        raise ArgumentError("arange: step=0 never arrives", hint="step=1, or -1 to count down")
    count = last if stop is None else 0 - (first - last) // step
    if count < 0:
        raise ArgumentError(f"arange: there is no number from {int(first)} to {int(last)} in steps of {int(step)}")
    sizes = checked_shape((count,), "arange")
    wanted = checked_dtype(dtype)
    # `last` itself is no number of the tensor, and of one number the step does not matter.
    number, begin, by = spec((int(count),), i64).count, int(first), int(step) if count > 1 else 1
    if number:
        end = begin + (number - 1) * by
        _check_fits(min(begin, end), max(begin, end), wanted if wanted.is_integer else i64, "arange")
        return _own((np.arange(number) * by + begin).astype(wanted.numpy), wanted, device, sizes)
    return _own(np.zeros(0, wanted.numpy), wanted, device, sizes)


def linspace(
    start: float, stop: float, count: Int[N], *, dtype: type[E] = f32, device: Device | None = None
) -> Tensor[[N], E]:
    """Give `count` numbers from `start` to `stop`, both included, evenly spaced. PyTorch: ``torch.linspace``.

    >>> import shapewright as sw
    >>> sw.linspace(0.0, 1.0, 3)
    Tensor[[3], f32] on cpu: [0.  0.5 1. ]
    """
    sizes = checked_shape((count,), "linspace")
    wanted = checked_dtype(dtype)
    ends = [_number(end, "linspace", name) for name, end in (("start", start), ("stop", stop))]
    try:
        with np.errstate(all="ignore"):
            numbers = np.linspace(float(ends[0]), float(ends[1]), spec((int(count),), f64).count)
    except OverflowError:
        raise ArgumentError("linspace: an end is an int beyond all floating point numbers") from None
    return _own(_converted(numbers, wanted, "linspace"), wanted, device, sizes)


@overload
def tensor(data: bool, *, device: Device | None = None) -> Tensor[[], bool_]: ...
@overload
def tensor(data: int, *, device: Device | None = None) -> Tensor[[], i64]: ...
@overload
def tensor(data: float, *, device: Device | None = None) -> Tensor[[]]: ...
@overload
def tensor[D: DType](data: float, *, dtype: type[D], device: Device | None = None) -> Tensor[[], D]: ...
@overload
def tensor[S: IntTuple](data: RegularNestedList[S, bool], *, device: Device | None = None) -> Tensor[S, bool_]: ...
@overload
def tensor[S: IntTuple](data: RegularNestedList[S, int], *, device: Device | None = None) -> Tensor[S, i64]: ...
@overload
def tensor[S: IntTuple](data: RegularNestedList[S, float], *, device: Device | None = None) -> Tensor[S]: ...
@overload
def tensor[S: IntTuple, D: DType](
    data: RegularNestedList[S, float], *, dtype: type[D], device: Device | None = None
) -> Tensor[S, D]: ...
# A list that is no literal: its length is known at run time only. (Not so for lists of lists, which may be ragged.)
@overload
def tensor(data: Sequence[bool], *, device: Device | None = None) -> Tensor[[int], bool_]: ...
@overload
def tensor(data: Sequence[int], *, device: Device | None = None) -> Tensor[[int], i64]: ...
@overload
def tensor(data: Sequence[float], *, device: Device | None = None) -> Tensor[[int]]: ...
@overload
def tensor[D: DType](data: Sequence[float], *, dtype: type[D], device: Device | None = None) -> Tensor[[int], D]: ...
def tensor(data: Any, *, dtype: Any = None, device: Any = None) -> Any:
    """Give the tensor of a Python number or of nested lists of numbers: bool, i64 or f32, as the numbers are.

    Raises:
        ShapeError: the lists are ragged.
        ArgumentError: something in them is no number, or does not fit the element type.

    PyTorch: ``torch.tensor(data)``. dfdx: ``dev.tensor(data)``.

    >>> import shapewright as sw
    >>> sw.tensor([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    if isinstance(data, Tensor | np.ndarray):
        raise ArgumentError(
            f"tensor: takes Python numbers in nested lists, not {type(data).__name__}",
            hint="x itself: tensors never change" if isinstance(data, Tensor) else "sw.from_numpy(array)",
        )
    try:
        array = np.asarray(data)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        if _is_ragged(data):
            raise ShapeError(
                "tensor: the lists are ragged: all rows have one length", facts=[("data", repr(data)[:200])]
            )
        if array.dtype == object and all(isinstance(number, int) for number in array.flat):
            raise _beyond_64_bits(data)
        raise ArgumentError("tensor: every element is a Python number", facts=[("data", repr(data)[:200])])
    # NumPy takes ints of which some need a sign and others all 64 bits for floats.
    if dtype is None and array.dtype.kind == "f" and array.size and array.max() >= 2.0**63 and _holds_ints_only(data):
        raise _beyond_64_bits(data)
    if dtype is None:
        dtype = {"b": bool_, "f": f32}.get(array.dtype.kind, i64)
    dtype = checked_dtype(dtype)
    return _own(_converted(array, dtype, "tensor"), dtype, device)


def _beyond_64_bits(data: Any) -> ArgumentError:
    return ArgumentError("tensor: an int is beyond what 64 bits hold", facts=[("data", repr(data)[:200])])


def _holds_ints_only(data: Any) -> bool:
    if isinstance(data, list | tuple):
        return all(map(_holds_ints_only, data))
    return isinstance(data, int | np.integer)


def _is_ragged(data: Any) -> bool:
    if not isinstance(data, list | tuple):
        return False
    lengths = {len(item) if isinstance(item, list | tuple) else None for item in data}
    return len(lengths) > 1 or any(_is_ragged(item) for item in data)


# An array of which the checker does not know the elements matches the first overload: it must promise nothing.
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.void]], *, device: Device | None = None) -> Tensor[Any, Any]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.float32]], *, device: Device | None = None) -> Tensor[Any, f32]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.float64]], *, device: Device | None = None) -> Tensor[Any, f64]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.float16]], *, device: Device | None = None) -> Tensor[Any, f16]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.int64]], *, device: Device | None = None) -> Tensor[Any, i64]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.int32]], *, device: Device | None = None) -> Tensor[Any, i32]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.uint8]], *, device: Device | None = None) -> Tensor[Any, u8]: ...
@overload
def from_numpy(array: np.ndarray[Any, np.dtype[np.bool_]], *, device: Device | None = None) -> Tensor[Any, bool_]: ...
@overload
def from_numpy(array: np.ndarray | np.generic, *, device: Device | None = None) -> Tensor[Any, Any]: ...
def from_numpy(array: Any, *, device: Device | None = None) -> Any:
    """Give the tensor of a NumPy array: a copy, so the array may change afterwards. Follow it with `.expect(shape)`.

    Arrays of any strides and byte order are taken. PyTorch: ``torch.from_numpy(array)``, which shares memory.

    Raises:
        DTypeError: the array's elements are of no known type.

    >>> import numpy as np, shapewright as sw
    >>> sw.from_numpy(np.ones((2, 3), np.float32)).expect((2, 3)).shape
    (2, 3)
    """
    if isinstance(array, np.generic):
        array = np.asarray(array)
    if not isinstance(array, np.ndarray):
        raise ArgumentError(
            f"from_numpy: takes a NumPy array, not {type(array).__name__}", hint="sw.tensor(numbers) for lists"
        )
    dtype = from_numpy_dtype(array.dtype)
    chosen = chosen_device(device)
    return make(chosen.put(array), spec(array.shape, dtype), chosen)
