"""Pooling: the largest, smallest or mean element of windows over images, or of whole images.

Output sizes are computed in the types, as those of `Conv2d` are. There is no `ceil_mode`: a window that does not fit is
left out, and padding makes it fit. What it is not: the computation (`ops/windows.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.ops.composite import sizes_of
from shapewright.shapes.dtypes import DType, Floating
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._variables import DH, DI, DW, KH, KW, PH, PW, SH, ST, SW, K, P
from shapewright.tensor.tensor import Tensor
from shapewright.tensor.windows import FloatingPoolWindow, PoolWindow, SquarePooling

from .convolution import check_window, describe_window
from .module import Module

if TYPE_CHECKING:
    from shapewright.tensor.windows import Pools, PoolsRectangle, RectangularPooling


type _Size = int | tuple[int, int]


# ---- windows --------------------------------------------------------------------------------------------------------
class MaxPool2d(Module, SquarePooling[PoolWindow[K, K, P, P, DI, DI], K, ST, P, DI], Generic[K, ST, P, DI]):
    """Give the largest element of each window of `K` times `K`, channel by channel.

    Takes `[*Bs, H, W]` to `[*Bs, OH, OW]`, with `OH = (H + 2 * P - DI * (K - 1) - 1) // ST + 1` and OW likewise; any
    element type but bool. Padding never is the largest; the gradient goes to the first of equal elements.

    Args:
        kernel_size: the size of a window; a number, or height and width. With a pair the other arguments are pairs too,
            else the editor leaves the sizes of the result open.
        stride: how far the window moves; by default its own size.
        padding: how many places are added at each side, at most half of a window.
        dilation: how far apart the elements are that a window sees; 1 for neighbours.

    Raises:
        ArgumentError: a kernel size, stride or dilation below 1, or a padding below 0. When called: the padding is more
            than half of a window.
        ShapeError (when called): the window is larger than the image with its padding.

    PyTorch: ``nn.MaxPool2d(2)``. dfdx: ``MaxPool2D<2>``, whose stride is 1 by default.

    >>> import shapewright as sw
    >>> sw.nn.MaxPool2d(2)(sw.tensor([[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]])).tolist()
    [[4.0, 8.0]]
    """

    if TYPE_CHECKING:
        # What is left out decides the class: without a stride the window moves by its own size.
        @overload
        def __new__[A: IntVar, PA: IntVar, D: IntVar](
            cls, kernel_size: Int[A], stride: None = None, padding: Int[PA] = 0, dilation: Int[D] = 1
        ) -> MaxPool2d[A, A, PA, D]: ...
        @overload
        def __new__[A: IntVar, S: IntVar, PA: IntVar, D: IntVar](
            cls, kernel_size: Int[A], stride: Int[S], padding: Int[PA] = 0, dilation: Int[D] = 1
        ) -> MaxPool2d[A, S, PA, D]: ...
        @overload
        def __new__[A: IntVar, B: IntVar, PA: IntVar, PB: IntVar, DA: IntVar, DB: IntVar](
            cls,
            kernel_size: tuple[Int[A], Int[B]],
            stride: None = None,
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            dilation: tuple[Int[DA], Int[DB]] = (1, 1),
        ) -> RectangularMaxPool2d[A, B, A, B, PA, PB, DA, DB]: ...
        @overload
        def __new__[A: IntVar, B: IntVar, SA: IntVar, SB: IntVar, PA: IntVar, PB: IntVar, DA: IntVar, DB: IntVar](
            cls,
            kernel_size: tuple[Int[A], Int[B]],
            stride: tuple[Int[SA], Int[SB]],
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            dilation: tuple[Int[DA], Int[DB]] = (1, 1),
        ) -> RectangularMaxPool2d[A, B, SA, SB, PA, PB, DA, DB]: ...
        @overload
        def __new__(
            cls, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0, dilation: _Size = 1
        ) -> MaxPool2d[int, int, int, int]: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(
        self, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0, dilation: _Size = 1
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        check_window("MaxPool2d", kernel_size=kernel_size, stride=self.stride, padding=padding, dilation=dilation)
        self.padding = padding
        self.dilation = dilation

    if TYPE_CHECKING:

        def __call__[Y](self, x: Pools[MaxPool2d[K, ST, P, DI], Y]) -> Y: ...

    else:

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar, E: DType](
            self, x: Tensor[[*Bs, H, W], E]
        ) -> Tensor[[*Bs, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], E]:
            return ops.max_pool2d(
                x, kernel_size=self.kernel_size, stride=self.stride, padding=self.padding, dilation=self.dilation
            )

    def _described(self) -> str:
        return describe_window(self, "stride", "padding", "dilation")


class MinPool2d(Module, SquarePooling[PoolWindow[K, K, P, P, DI, DI], K, ST, P, DI], Generic[K, ST, P, DI]):
    """Give the smallest element of each window of `K` times `K`, channel by channel.

    Takes `[*Bs, H, W]` to `[*Bs, OH, OW]`, with `OH = (H + 2 * P - DI * (K - 1) - 1) // ST + 1` and OW likewise; any
    element type but bool. Padding never is the smallest; the gradient goes to the first of equal elements.

    Args:
        kernel_size: the size of a window; a number, or height and width. With a pair the other arguments are pairs too,
            else the editor leaves the sizes of the result open.
        stride: how far the window moves; by default its own size.
        padding: how many places are added at each side, at most half of a window.
        dilation: how far apart the elements are that a window sees; 1 for neighbours.

    Raises:
        ArgumentError: a kernel size, stride or dilation below 1, or a padding below 0. When called: the padding is more
            than half of a window.
        ShapeError (when called): the window is larger than the image with its padding.

    PyTorch: ``-nn.MaxPool2d(2)(-x)``. dfdx: ``MinPool2D<2>``, whose stride is 1 by default.

    >>> import shapewright as sw
    >>> sw.nn.MinPool2d(2)(sw.tensor([[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]])).tolist()
    [[1.0, 5.0]]
    """

    if TYPE_CHECKING:
        # What is left out decides the class: without a stride the window moves by its own size.
        @overload
        def __new__[A: IntVar, PA: IntVar, D: IntVar](
            cls, kernel_size: Int[A], stride: None = None, padding: Int[PA] = 0, dilation: Int[D] = 1
        ) -> MinPool2d[A, A, PA, D]: ...
        @overload
        def __new__[A: IntVar, S: IntVar, PA: IntVar, D: IntVar](
            cls, kernel_size: Int[A], stride: Int[S], padding: Int[PA] = 0, dilation: Int[D] = 1
        ) -> MinPool2d[A, S, PA, D]: ...
        @overload
        def __new__[A: IntVar, B: IntVar, PA: IntVar, PB: IntVar, DA: IntVar, DB: IntVar](
            cls,
            kernel_size: tuple[Int[A], Int[B]],
            stride: None = None,
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            dilation: tuple[Int[DA], Int[DB]] = (1, 1),
        ) -> RectangularMinPool2d[A, B, A, B, PA, PB, DA, DB]: ...
        @overload
        def __new__[A: IntVar, B: IntVar, SA: IntVar, SB: IntVar, PA: IntVar, PB: IntVar, DA: IntVar, DB: IntVar](
            cls,
            kernel_size: tuple[Int[A], Int[B]],
            stride: tuple[Int[SA], Int[SB]],
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            dilation: tuple[Int[DA], Int[DB]] = (1, 1),
        ) -> RectangularMinPool2d[A, B, SA, SB, PA, PB, DA, DB]: ...
        @overload
        def __new__(
            cls, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0, dilation: _Size = 1
        ) -> MinPool2d[int, int, int, int]: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(
        self, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0, dilation: _Size = 1
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        check_window("MinPool2d", kernel_size=kernel_size, stride=self.stride, padding=padding, dilation=dilation)
        self.padding = padding
        self.dilation = dilation

    if TYPE_CHECKING:

        def __call__[Y](self, x: Pools[MinPool2d[K, ST, P, DI], Y]) -> Y: ...

    else:

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar, E: DType](
            self, x: Tensor[[*Bs, H, W], E]
        ) -> Tensor[[*Bs, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], E]:
            return ops.min_pool2d(
                x, kernel_size=self.kernel_size, stride=self.stride, padding=self.padding, dilation=self.dilation
            )

    def _described(self) -> str:
        return describe_window(self, "stride", "padding", "dilation")


class AvgPool2d(Module, SquarePooling[FloatingPoolWindow[K, K, P, P, 1, 1], K, ST, P, 1], Generic[K, ST, P]):
    """Give the mean of each window of `K` times `K`, channel by channel.

    Takes `[*Bs, H, W]` to `[*Bs, OH, OW]`, with `OH = (H + 2 * P - K) // ST + 1` and OW likewise; floating point.

    Args:
        kernel_size: the size of a window; a number, or height and width. With a pair the other arguments are pairs too,
            else the editor leaves the sizes of the result open.
        stride: how far the window moves; by default its own size.
        padding: how many zeros are added at each side, at most half of a window.
        count_include_pad: whether these zeros count in the mean.

    Raises:
        ArgumentError: a kernel size or stride below 1, or a padding below 0. When called: the padding is more than half
            of a window.
        ShapeError (when called): the window is larger than the image with its padding.
        DTypeError (when called): the elements are integers.

    PyTorch: ``nn.AvgPool2d(2)``. dfdx: ``AvgPool2D<2>``, whose stride is 1 by default.

    >>> import shapewright as sw
    >>> sw.nn.AvgPool2d(2)(sw.tensor([[1.0, 2.0, 5.0, 6.0], [3.0, 4.0, 7.0, 8.0]])).tolist()
    [[2.5, 6.5]]
    """

    if TYPE_CHECKING:

        @overload
        def __new__[A: IntVar, PA: IntVar](
            cls, kernel_size: Int[A], stride: None = None, padding: Int[PA] = 0, count_include_pad: bool = True
        ) -> AvgPool2d[A, A, PA]: ...
        @overload
        def __new__[A: IntVar, S: IntVar, PA: IntVar](
            cls, kernel_size: Int[A], stride: Int[S], padding: Int[PA] = 0, count_include_pad: bool = True
        ) -> AvgPool2d[A, S, PA]: ...
        @overload
        def __new__[A: IntVar, B: IntVar, PA: IntVar, PB: IntVar](
            cls,
            kernel_size: tuple[Int[A], Int[B]],
            stride: None = None,
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            count_include_pad: bool = True,
        ) -> RectangularAvgPool2d[A, B, A, B, PA, PB]: ...
        @overload
        def __new__[A: IntVar, B: IntVar, SA: IntVar, SB: IntVar, PA: IntVar, PB: IntVar](
            cls,
            kernel_size: tuple[Int[A], Int[B]],
            stride: tuple[Int[SA], Int[SB]],
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            count_include_pad: bool = True,
        ) -> RectangularAvgPool2d[A, B, SA, SB, PA, PB]: ...
        @overload
        def __new__(
            cls, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0, count_include_pad: bool = True
        ) -> AvgPool2d[int, int, int]: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(
        self, kernel_size: _Size, stride: _Size | None = None, padding: _Size = 0, count_include_pad: bool = True
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        check_window("AvgPool2d", kernel_size=kernel_size, stride=self.stride, padding=padding)
        self.padding = padding
        self.count_include_pad = count_include_pad

    if TYPE_CHECKING:

        def __call__[Y](self, x: Pools[AvgPool2d[K, ST, P], Y]) -> Y: ...

    else:

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar, E: Floating](
            self, x: Tensor[[*Bs, H, W], E]
        ) -> Tensor[[*Bs, (H + 2 * P - K) // ST + 1, (W + 2 * P - K) // ST + 1], E]:
            return ops.avg_pool2d(
                x,
                kernel_size=self.kernel_size,
                stride=self.stride,
                padding=self.padding,
                count_include_pad=self.count_include_pad,
            )

    def _described(self) -> str:
        return describe_window(self, "stride", "padding")


if TYPE_CHECKING:
    # What the editor calls pools whose height and width are told apart. At run time they are the pools above.
    class RectangularMaxPool2d(
        MaxPool2d[int, int, int, int],
        RectangularPooling[PoolWindow[KH, KW, PH, PW, DH, DW], KH, KW, SH, SW, PH, PW, DH, DW],
        Generic[KH, KW, SH, SW, PH, PW, DH, DW],
    ):
        def __call__[Y](self, x: PoolsRectangle[RectangularMaxPool2d[KH, KW, SH, SW, PH, PW, DH, DW], Y]) -> Y: ...

    class RectangularMinPool2d(
        MinPool2d[int, int, int, int],
        RectangularPooling[PoolWindow[KH, KW, PH, PW, DH, DW], KH, KW, SH, SW, PH, PW, DH, DW],
        Generic[KH, KW, SH, SW, PH, PW, DH, DW],
    ):
        def __call__[Y](self, x: PoolsRectangle[RectangularMinPool2d[KH, KW, SH, SW, PH, PW, DH, DW], Y]) -> Y: ...

    class RectangularAvgPool2d(
        AvgPool2d[int, int, int],
        RectangularPooling[FloatingPoolWindow[KH, KW, PH, PW, 1, 1], KH, KW, SH, SW, PH, PW, 1, 1],
        Generic[KH, KW, SH, SW, PH, PW],
    ):
        def __call__[Y](self, x: PoolsRectangle[RectangularAvgPool2d[KH, KW, SH, SW, PH, PW], Y]) -> Y: ...


# ---- whole images ---------------------------------------------------------------------------------------------------
class AvgPoolGlobal(Module):
    """Give the mean of each channel: `[*Bs, C, H, W]` to `[*Bs, C]`, floating point.

    PyTorch: ``nn.AdaptiveAvgPool2d(1)`` and then ``nn.Flatten()``, or ``x.mean((-2, -1))``. dfdx: ``AvgPoolGlobal``.

    >>> import shapewright as sw
    >>> sw.nn.AvgPoolGlobal()(sw.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [2.5]
    """

    def __call__[Bs: IntTuple, C: IntVar, H: IntVar, W: IntVar, E: Floating](
        self, x: Tensor[[*Bs, C, H, W], E]
    ) -> Tensor[[*Bs, C], E]:
        rank = len(x._spec.sizes)
        return ops.mean(x, axes=(rank - 2, rank - 1))


class MaxPoolGlobal(Module):
    """Give the largest element of each channel: `[*Bs, C, H, W]` to `[*Bs, C]`.

    The gradient goes to the first of equal elements.

    Raises (when called):
        ShapeError: the images are empty.

    PyTorch: ``nn.AdaptiveMaxPool2d(1)`` and then ``nn.Flatten()``. dfdx: ``MaxPoolGlobal``.

    >>> import shapewright as sw
    >>> sw.nn.MaxPoolGlobal()(sw.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [4.0]
    """

    def __call__[Bs: IntTuple, C: IntVar, H: IntVar, W: IntVar, E: DType](
        self, x: Tensor[[*Bs, C, H, W], E]
    ) -> Tensor[[*Bs, C], E]:
        return _whole(x, ops.argmax)


class MinPoolGlobal(Module):
    """Give the smallest element of each channel: `[*Bs, C, H, W]` to `[*Bs, C]`.

    The gradient goes to the first of equal elements.

    Raises (when called):
        ShapeError: the images are empty.

    PyTorch: ``-nn.AdaptiveMaxPool2d(1)(-x)`` and then ``nn.Flatten()``. dfdx: ``MinPoolGlobal``.

    >>> import shapewright as sw
    >>> sw.nn.MinPoolGlobal()(sw.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [1.0]
    """

    def __call__[Bs: IntTuple, C: IntVar, H: IntVar, W: IntVar, E: DType](
        self, x: Tensor[[*Bs, C, H, W], E]
    ) -> Tensor[[*Bs, C], E]:
        return _whole(x, ops.argmin)


def _whole(x: Any, place_of: Any) -> Any:
    """Give the element of each image that stands in the place found, so that one element gets the gradient."""
    sizes = sizes_of(x)
    around, rank = sizes[:-2], len(sizes) - 2
    flat = ops.reshape(x, sizes=(*around, math.prod(x._spec.sizes[-2:])))
    places = ops.reshape(place_of(flat, axis=rank), sizes=(*around, 1))
    return ops.reshape(ops.gather(flat, places, axis=rank), sizes=around)
