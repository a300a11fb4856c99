"""How windows that slide over images are checked: convolution and pooling, and a window larger than its image.

The size of the result is plain arithmetic, because Pyrefly 1.4 leaves a rule unevaluated in a chain of layers. But
arithmetic alone would let a window pass that is larger than its image. So the layer asks the image twice: a `…Window`
finds the image's sizes and whether the window fits, and by that answer the tensor's own method gives the size, or the
rule that refuses. There are no comparisons between sizes in types; but a number divided by one larger than any size is
0, or -1 if the number is negative.

At run time nothing of this does anything; the layers are in `nn/`, their computation in `ops/windows.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Protocol, overload

from typing_extensions import TypeVar

from shapewright.shapes.typing import IntTuple, IntVar
from shapewright.tensor._variables import DH, DI, DT, DW, KH, KW, PH, PW, SH, ST, SW, K, P, S

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType, Floating
    from shapewright.shapes.rules import oversized_window_shape
    from shapewright.shapes.typing import Int
    from shapewright.tensor.tensor import Tensor

M_contra = TypeVar("M_contra", contravariant=True)
Y_co = TypeVar("Y_co", covariant=True)
W_co = TypeVar("W_co", covariant=True)
O = IntVar("O")  # noqa: E741  # channels of the result


# ---- what a layer is to the image: its window, and the numbers that give the size of the result ----------------------
if TYPE_CHECKING:

    class SquareConvolution(Generic[W_co, O, K, ST, P, DI]):
        """A convolution with O filters: window W, size K, stride ST, padding P, dilation DI along both axes."""

    class RectangularConvolution(Generic[W_co, O, KH, KW, SH, SW, PH, PW, DH, DW]):
        """The same with different numbers along height and width."""

    class SquarePooling(Generic[W_co, K, ST, P, DI]):
        """A pooling: window W, size K, stride ST, padding P, dilation DI along both axes."""

    class RectangularPooling(Generic[W_co, KH, KW, SH, SW, PH, PW, DH, DW]):
        """The same with different numbers along height and width."""

else:

    class _AnySubscript:
        """A base of layers that says nothing at run time; numbers are no types for `typing.Generic`."""

        __slots__ = ()

        def __class_getitem__(cls, item: Any) -> Any:
            return cls

    class SquareConvolution(_AnySubscript):
        __slots__ = ()

    class SquarePooling(_AnySubscript):
        __slots__ = ()

    class Window(_AnySubscript):
        __slots__ = ()

    class PoolWindow(_AnySubscript):
        __slots__ = ()

    class FloatingPoolWindow(_AnySubscript):
        __slots__ = ()


class Convolves(Protocol[M_contra, Y_co]):
    """An image that a square convolution can slide over, giving Y."""

    def _convolve(self, layer: M_contra, /) -> Y_co: ...


class ConvolvesRectangle(Protocol[M_contra, Y_co]):
    """An image that a rectangular convolution can slide over, giving Y."""

    def _convolve_rectangle(self, layer: M_contra, /) -> Y_co: ...


class Pools(Protocol[M_contra, Y_co]):
    """An image that a square pooling can slide over, giving Y."""

    def _pool(self, layer: M_contra, /) -> Y_co: ...


class PoolsRectangle(Protocol[M_contra, Y_co]):
    """An image that a rectangular pooling can slide over, giving Y."""

    def _pool_rectangle(self, layer: M_contra, /) -> Y_co: ...


# ---- the windows: the sizes of the image, and whether the window fits -----------------------------------------------
if TYPE_CHECKING:

    class Plane[Sizes: IntTuple, Fit: IntVar]:
        """The sizes of images, `[*Bs, H, W]` without channels; `Fit` is 0 if the window fits and -1 if it is larger."""

    class Window[C: IntVar, KH: IntVar, KW: IntVar, PH: IntVar, PW: IntVar, DH: IntVar, DW: IntVar, E: DType]:
        """A window over images of C channels of E."""

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar](
            self, x: Tensor[[*Bs, C, H, W], E]
        ) -> Plane[
            [*Bs, H, W],
            ((H + 2 * PH - DH * (KH - 1) - 1) // 1000000000 + (W + 2 * PW - DW * (KW - 1) - 1) // 1000000000) // 2,
        ]: ...

    class PoolWindow[KH: IntVar, KW: IntVar, PH: IntVar, PW: IntVar, DH: IntVar, DW: IntVar]:
        """A window over images of any channels and elements."""

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar, E: DType](
            self, x: Tensor[[*Bs, H, W], E]
        ) -> Plane[
            [*Bs, H, W],
            ((H + 2 * PH - DH * (KH - 1) - 1) // 1000000000 + (W + 2 * PW - DW * (KW - 1) - 1) // 1000000000) // 2,
        ]: ...

    class FloatingPoolWindow[KH: IntVar, KW: IntVar, PH: IntVar, PW: IntVar, DH: IntVar, DW: IntVar]:
        """A window over images of any channels of floating point."""

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar, E: Floating](
            self, x: Tensor[[*Bs, H, W], E]
        ) -> Plane[
            [*Bs, H, W],
            ((H + 2 * PH - DH * (KH - 1) - 1) // 1000000000 + (W + 2 * PW - DW * (KW - 1) - 1) // 1000000000) // 2,
        ]: ...


class Windows(Generic[S, DT]):
    """The methods of `Tensor` by which windows slide over it; the type checker alone reads them."""

    __slots__ = ()

    if TYPE_CHECKING:
        # Three answers each: the window fits, it is too large, or sizes are names and nobody knows yet.
        @overload
        def _convolve[Bs: IntTuple, H: IntVar, W: IntVar, O: IntVar, K: IntVar, ST: IntVar, P: IntVar, DI: IntVar](
            self: Windows[S, DT],
            layer: SquareConvolution[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], 0]], O, K, ST, P, DI],
        ) -> Tensor[
            [*Bs, O, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], DT
        ]: ...
        @overload
        def _convolve[Bs: IntTuple, H: IntVar, W: IntVar, O: IntVar, K: IntVar, ST: IntVar, P: IntVar, DI: IntVar](
            self: Windows[S, DT],
            layer: SquareConvolution[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], -1]], O, K, ST, P, DI],
        ) -> Tensor[oversized_window_shape(Int[H], Int[W]), DT]: ...
        @overload
        def _convolve[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            O: IntVar,
            K: IntVar,
            ST: IntVar,
            P: IntVar,
            DI: IntVar,
            Fit: IntVar,
        ](
            self: Windows[S, DT],
            layer: SquareConvolution[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], Fit]], O, K, ST, P, DI],
        ) -> Tensor[
            [*Bs, O, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], DT
        ]: ...
        def _convolve(self, layer: Any) -> Any: ...
        @overload
        def _convolve_rectangle[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            O: IntVar,
            KH: IntVar,
            KW: IntVar,
            SH: IntVar,
            SW: IntVar,
            PH: IntVar,
            PW: IntVar,
            DH: IntVar,
            DW: IntVar,
        ](
            self: Windows[S, DT],
            layer: RectangularConvolution[
                Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], 0]], O, KH, KW, SH, SW, PH, PW, DH, DW
            ],
        ) -> Tensor[
            [*Bs, O, (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1], DT
        ]: ...
        @overload
        def _convolve_rectangle[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            O: IntVar,
            KH: IntVar,
            KW: IntVar,
            SH: IntVar,
            SW: IntVar,
            PH: IntVar,
            PW: IntVar,
            DH: IntVar,
            DW: IntVar,
        ](
            self: Windows[S, DT],
            layer: RectangularConvolution[
                Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], -1]], O, KH, KW, SH, SW, PH, PW, DH, DW
            ],
        ) -> Tensor[oversized_window_shape(Int[H], Int[W]), DT]: ...
        @overload
        def _convolve_rectangle[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            O: IntVar,
            KH: IntVar,
            KW: IntVar,
            SH: IntVar,
            SW: IntVar,
            PH: IntVar,
            PW: IntVar,
            DH: IntVar,
            DW: IntVar,
            Fit: IntVar,
        ](
            self: Windows[S, DT],
            layer: RectangularConvolution[
                Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], Fit]], O, KH, KW, SH, SW, PH, PW, DH, DW
            ],
        ) -> Tensor[
            [*Bs, O, (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1], DT
        ]: ...
        def _convolve_rectangle(self, layer: Any) -> Any: ...
        @overload
        def _pool[Bs: IntTuple, H: IntVar, W: IntVar, K: IntVar, ST: IntVar, P: IntVar, DI: IntVar](
            self: Windows[S, DT], layer: SquarePooling[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], 0]], K, ST, P, DI]
        ) -> Tensor[[*Bs, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], DT]: ...
        @overload
        def _pool[Bs: IntTuple, H: IntVar, W: IntVar, K: IntVar, ST: IntVar, P: IntVar, DI: IntVar](
            self: Windows[S, DT], layer: SquarePooling[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], -1]], K, ST, P, DI]
        ) -> Tensor[oversized_window_shape(Int[H], Int[W]), DT]: ...
        @overload
        def _pool[Bs: IntTuple, H: IntVar, W: IntVar, K: IntVar, ST: IntVar, P: IntVar, DI: IntVar, Fit: IntVar](
            self: Windows[S, DT], layer: SquarePooling[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], Fit]], K, ST, P, DI]
        ) -> Tensor[[*Bs, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], DT]: ...
        def _pool(self, layer: Any) -> Any: ...
        @overload
        def _pool_rectangle[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            KH: IntVar,
            KW: IntVar,
            SH: IntVar,
            SW: IntVar,
            PH: IntVar,
            PW: IntVar,
            DH: IntVar,
            DW: IntVar,
        ](
            self: Windows[S, DT],
            layer: RectangularPooling[Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], 0]], KH, KW, SH, SW, PH, PW, DH, DW],
        ) -> Tensor[
            [*Bs, (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1], DT
        ]: ...
        @overload
        def _pool_rectangle[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            KH: IntVar,
            KW: IntVar,
            SH: IntVar,
            SW: IntVar,
            PH: IntVar,
            PW: IntVar,
            DH: IntVar,
            DW: IntVar,
        ](
            self: Windows[S, DT],
            layer: RectangularPooling[
                Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], -1]], KH, KW, SH, SW, PH, PW, DH, DW
            ],
        ) -> Tensor[oversized_window_shape(Int[H], Int[W]), DT]: ...
        @overload
        def _pool_rectangle[
            Bs: IntTuple,
            H: IntVar,
            W: IntVar,
            KH: IntVar,
            KW: IntVar,
            SH: IntVar,
            SW: IntVar,
            PH: IntVar,
            PW: IntVar,
            DH: IntVar,
            DW: IntVar,
            Fit: IntVar,
        ](
            self: Windows[S, DT],
            layer: RectangularPooling[
                Callable[[Tensor[S, DT]], Plane[[*Bs, H, W], Fit]], KH, KW, SH, SW, PH, PW, DH, DW
            ],
        ) -> Tensor[
            [*Bs, (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1], DT
        ]: ...
        def _pool_rectangle(self, layer: Any) -> Any: ...
