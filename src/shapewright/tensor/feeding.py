"""How containers of layers are checked: the tensor threads itself through the members, one after the other.

A container's call takes anything that it can be fed to, ``x: Feeds3[Chain3[A, B, C], Y]``, and the tensor's own method
says what comes out: there the tensor's sizes are known, so that sizes computed by one layer meet the numbers of the next
(Flatten, then Linear). Each length and each kind of container has its own class, protocol and method: with one for all,
Pyrefly 1.4 loses errors in containers inside containers, and its messages show all lengths.

At run time nothing of this does anything; the containers themselves are in `nn/`. The type parameters are covariant, so
that a chain of layers is a chain of callables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol

from typing_extensions import TypeVar

from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType
    from shapewright.shapes.typing import IntVar
    from shapewright.tensor.tensor import Tensor

LONGEST = 16
"""The longest chain whose shapes are checked; longer ones are written as chains inside chains."""

M_contra = TypeVar("M_contra", contravariant=True)
Y_co = TypeVar("Y_co", covariant=True)
M1_co = TypeVar("M1_co", covariant=True)
M2_co = TypeVar("M2_co", covariant=True)
M3_co = TypeVar("M3_co", covariant=True)
M4_co = TypeVar("M4_co", covariant=True)
M5_co = TypeVar("M5_co", covariant=True)
M6_co = TypeVar("M6_co", covariant=True)
M7_co = TypeVar("M7_co", covariant=True)
M8_co = TypeVar("M8_co", covariant=True)
M9_co = TypeVar("M9_co", covariant=True)
M10_co = TypeVar("M10_co", covariant=True)
M11_co = TypeVar("M11_co", covariant=True)
M12_co = TypeVar("M12_co", covariant=True)
M13_co = TypeVar("M13_co", covariant=True)
M14_co = TypeVar("M14_co", covariant=True)
M15_co = TypeVar("M15_co", covariant=True)
M16_co = TypeVar("M16_co", covariant=True)


# ---- what can be fed to a chain of so many members, giving Y --------------------------------------------------------
class Feeds1(Protocol[M_contra, Y_co]):
    def _feed1(self, chain: M_contra, /) -> Y_co: ...


class Feeds2(Protocol[M_contra, Y_co]):
    def _feed2(self, chain: M_contra, /) -> Y_co: ...


class Feeds3(Protocol[M_contra, Y_co]):
    def _feed3(self, chain: M_contra, /) -> Y_co: ...


class Feeds4(Protocol[M_contra, Y_co]):
    def _feed4(self, chain: M_contra, /) -> Y_co: ...


class Feeds5(Protocol[M_contra, Y_co]):
    def _feed5(self, chain: M_contra, /) -> Y_co: ...


class Feeds6(Protocol[M_contra, Y_co]):
    def _feed6(self, chain: M_contra, /) -> Y_co: ...


class Feeds7(Protocol[M_contra, Y_co]):
    def _feed7(self, chain: M_contra, /) -> Y_co: ...


class Feeds8(Protocol[M_contra, Y_co]):
    def _feed8(self, chain: M_contra, /) -> Y_co: ...


class Feeds9(Protocol[M_contra, Y_co]):
    def _feed9(self, chain: M_contra, /) -> Y_co: ...


class Feeds10(Protocol[M_contra, Y_co]):
    def _feed10(self, chain: M_contra, /) -> Y_co: ...


class Feeds11(Protocol[M_contra, Y_co]):
    def _feed11(self, chain: M_contra, /) -> Y_co: ...


class Feeds12(Protocol[M_contra, Y_co]):
    def _feed12(self, chain: M_contra, /) -> Y_co: ...


class Feeds13(Protocol[M_contra, Y_co]):
    def _feed13(self, chain: M_contra, /) -> Y_co: ...


class Feeds14(Protocol[M_contra, Y_co]):
    def _feed14(self, chain: M_contra, /) -> Y_co: ...


class Feeds15(Protocol[M_contra, Y_co]):
    def _feed15(self, chain: M_contra, /) -> Y_co: ...


class Feeds16(Protocol[M_contra, Y_co]):
    def _feed16(self, chain: M_contra, /) -> Y_co: ...


# ---- chains: what `nn.Sequential` of so many members is --------------------------------------------------------------
class Chain1(Generic[M1_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds1[Chain1[M1_co], Y]) -> Y: ...


class Chain2(Generic[M1_co, M2_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds2[Chain2[M1_co, M2_co], Y]) -> Y: ...


class Chain3(Generic[M1_co, M2_co, M3_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds3[Chain3[M1_co, M2_co, M3_co], Y]) -> Y: ...


class Chain4(Generic[M1_co, M2_co, M3_co, M4_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds4[Chain4[M1_co, M2_co, M3_co, M4_co], Y]) -> Y: ...


class Chain5(Generic[M1_co, M2_co, M3_co, M4_co, M5_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds5[Chain5[M1_co, M2_co, M3_co, M4_co, M5_co], Y]) -> Y: ...


class Chain6(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds6[Chain6[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co], Y]) -> Y: ...


class Chain7(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds7[Chain7[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co], Y]) -> Y: ...


class Chain8(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co]):
    if TYPE_CHECKING:

        def __call__[Y](self, x: Feeds8[Chain8[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co], Y]) -> Y: ...


class Chain9(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co]):
    if TYPE_CHECKING:

        def __call__[Y](
            self, x: Feeds9[Chain9[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co], Y]
        ) -> Y: ...


class Chain10(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co]):
    if TYPE_CHECKING:

        def __call__[Y](
            self, x: Feeds10[Chain10[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co], Y]
        ) -> Y: ...


class Chain11(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co]):
    if TYPE_CHECKING:

        def __call__[Y](
            self, x: Feeds11[Chain11[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co], Y]
        ) -> Y: ...


class Chain12(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co, M12_co]):
    if TYPE_CHECKING:

        def __call__[Y](
            self,
            x: Feeds12[
                Chain12[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co, M12_co], Y
            ],
        ) -> Y: ...


class Chain13(Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co, M12_co, M13_co]):
    if TYPE_CHECKING:

        def __call__[Y](
            self,
            x: Feeds13[
                Chain13[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co, M12_co, M13_co],
                Y,
            ],
        ) -> Y: ...


class Chain14(
    Generic[M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co, M12_co, M13_co, M14_co]
):
    if TYPE_CHECKING:

        def __call__[Y](
            self,
            x: Feeds14[
                Chain14[
                    M1_co,
                    M2_co,
                    M3_co,
                    M4_co,
                    M5_co,
                    M6_co,
                    M7_co,
                    M8_co,
                    M9_co,
                    M10_co,
                    M11_co,
                    M12_co,
                    M13_co,
                    M14_co,
                ],
                Y,
            ],
        ) -> Y: ...


class Chain15(
    Generic[
        M1_co, M2_co, M3_co, M4_co, M5_co, M6_co, M7_co, M8_co, M9_co, M10_co, M11_co, M12_co, M13_co, M14_co, M15_co
    ]
):
    if TYPE_CHECKING:

        def __call__[Y](
            self,
            x: Feeds15[
                Chain15[
                    M1_co,
                    M2_co,
                    M3_co,
                    M4_co,
                    M5_co,
                    M6_co,
                    M7_co,
                    M8_co,
                    M9_co,
                    M10_co,
                    M11_co,
                    M12_co,
                    M13_co,
                    M14_co,
                    M15_co,
                ],
                Y,
            ],
        ) -> Y: ...


class Chain16(
    Generic[
        M1_co,
        M2_co,
        M3_co,
        M4_co,
        M5_co,
        M6_co,
        M7_co,
        M8_co,
        M9_co,
        M10_co,
        M11_co,
        M12_co,
        M13_co,
        M14_co,
        M15_co,
        M16_co,
    ]
):
    if TYPE_CHECKING:

        def __call__[Y](
            self,
            x: Feeds16[
                Chain16[
                    M1_co,
                    M2_co,
                    M3_co,
                    M4_co,
                    M5_co,
                    M6_co,
                    M7_co,
                    M8_co,
                    M9_co,
                    M10_co,
                    M11_co,
                    M12_co,
                    M13_co,
                    M14_co,
                    M15_co,
                    M16_co,
                ],
                Y,
            ],
        ) -> Y: ...


# ---- other containers ------------------------------------------------------------------------------------------------
class FeedsOne(Protocol[M_contra, Y_co]):
    """What can be given to one layer, giving Y."""

    def _feed_one(self, layer: M_contra, /) -> Y_co: ...


class FeedsResidual(Protocol[M_contra, Y_co]):
    """What can be given to a residual block: the inner layer keeps its shape."""

    def _feed_residual(self, block: M_contra, /) -> Y_co: ...


class FeedsRepeated(Protocol[M_contra, Y_co]):
    """What can be given to a repeated layer: the layer keeps its shape."""

    def _feed_repeated(self, block: M_contra, /) -> Y_co: ...


class FeedsSum(Protocol[M_contra, Y_co]):
    """What can be given to two layers whose results are added: both give the same shape."""

    def _feed_sum(self, block: M_contra, /) -> Y_co: ...


class ResidualOf(Generic[M1_co]):
    """``x + inner(x)``: what `nn.Residual` is."""

    if TYPE_CHECKING:

        def __call__[Y](self, x: FeedsResidual[ResidualOf[M1_co], Y]) -> Y: ...


class RepeatedOf(Generic[M1_co]):
    """The same layer several times: what `nn.Repeated` is."""

    if TYPE_CHECKING:

        def __call__[Y](self, x: FeedsRepeated[RepeatedOf[M1_co], Y]) -> Y: ...


class SumOf(Generic[M1_co, M2_co]):
    """``a(x) + b(x)``: what `nn.GeneralizedResidual` is."""

    if TYPE_CHECKING:

        def __call__[Y](self, x: FeedsSum[SumOf[M1_co, M2_co], Y]) -> Y: ...


# ---- windows: a convolution or pooling whose window is larger than its input ------------------------------------------
class Plane[B: IntVar, C: IntVar, H: IntVar, W: IntVar, Fit: IntVar]:
    """The sizes of images that a window slides over; `Fit` is 0 if the window fits and -1 if it is larger."""


class Slides(Protocol[M_contra, Y_co]):
    """What a window can slide over, giving a `Plane`."""

    def _slide(self, window: M_contra, /) -> Y_co: ...


class Window[C: IntVar, K: IntVar, P: IntVar, D: IntVar]:
    """A window of size K, padding P and dilation D, over images of C channels.

    There are no comparisons between sizes in types. But a size divided by a number larger than any size is 0, or -1 if
    it is negative: so `Fit` is 0 if the window fits along both axes and -1 if it does not.
    """

    if TYPE_CHECKING:

        def __call__[B: IntVar, H: IntVar, W: IntVar, E: DType](
            self, x: Tensor[[B, C, H, W], E]
        ) -> Plane[
            B,
            C,
            H,
            W,
            ((H + 2 * P - D * (K - 1) - 1) // 1000000000 + (W + 2 * P - D * (K - 1) - 1) // 1000000000) // 2,
        ]: ...


class AnyWindow[K: IntVar, P: IntVar, D: IntVar]:
    """The same over images of any number of channels (pooling)."""

    if TYPE_CHECKING:

        def __call__[B: IntVar, C: IntVar, H: IntVar, W: IntVar, E: DType](
            self, x: Tensor[[B, C, H, W], E]
        ) -> Plane[
            B,
            C,
            H,
            W,
            ((H + 2 * P - D * (K - 1) - 1) // 1000000000 + (W + 2 * P - D * (K - 1) - 1) // 1000000000) // 2,
        ]: ...


class Feeding(Generic[S, DT]):
    """The methods of `Tensor` by which it threads itself through containers; the type checker alone reads them."""

    __slots__ = ()

    if TYPE_CHECKING:
        # One line each, so that the lengths are seen to be alike.
        # fmt: off
        def _feed1[Y](self: Feeding[S, DT], chain: Chain1[Callable[[Tensor[S, DT]], Y]]) -> Y: ...
        def _feed2[A1, Y](self: Feeding[S, DT], chain: Chain2[Callable[[Tensor[S, DT]], A1], Callable[[A1], Y]]) -> Y: ...  # noqa: E501
        def _feed3[A1, A2, Y](self: Feeding[S, DT], chain: Chain3[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], Y]]) -> Y: ...  # noqa: E501
        def _feed4[A1, A2, A3, Y](self: Feeding[S, DT], chain: Chain4[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], Y]]) -> Y: ...  # noqa: E501
        def _feed5[A1, A2, A3, A4, Y](self: Feeding[S, DT], chain: Chain5[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], Y]]) -> Y: ...  # noqa: E501
        def _feed6[A1, A2, A3, A4, A5, Y](self: Feeding[S, DT], chain: Chain6[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], Y]]) -> Y: ...  # noqa: E501
        def _feed7[A1, A2, A3, A4, A5, A6, Y](self: Feeding[S, DT], chain: Chain7[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], Y]]) -> Y: ...  # noqa: E501
        def _feed8[A1, A2, A3, A4, A5, A6, A7, Y](self: Feeding[S, DT], chain: Chain8[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], Y]]) -> Y: ...  # noqa: E501
        def _feed9[A1, A2, A3, A4, A5, A6, A7, A8, Y](self: Feeding[S, DT], chain: Chain9[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], Y]]) -> Y: ...  # noqa: E501
        def _feed10[A1, A2, A3, A4, A5, A6, A7, A8, A9, Y](self: Feeding[S, DT], chain: Chain10[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], Y]]) -> Y: ...  # noqa: E501
        def _feed11[A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, Y](self: Feeding[S, DT], chain: Chain11[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], A10], Callable[[A10], Y]]) -> Y: ...  # noqa: E501
        def _feed12[A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, Y](self: Feeding[S, DT], chain: Chain12[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], A10], Callable[[A10], A11], Callable[[A11], Y]]) -> Y: ...  # noqa: E501
        def _feed13[A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, Y](self: Feeding[S, DT], chain: Chain13[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], A10], Callable[[A10], A11], Callable[[A11], A12], Callable[[A12], Y]]) -> Y: ...  # noqa: E501
        def _feed14[A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, Y](self: Feeding[S, DT], chain: Chain14[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], A10], Callable[[A10], A11], Callable[[A11], A12], Callable[[A12], A13], Callable[[A13], Y]]) -> Y: ...  # noqa: E501
        def _feed15[A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, Y](self: Feeding[S, DT], chain: Chain15[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], A10], Callable[[A10], A11], Callable[[A11], A12], Callable[[A12], A13], Callable[[A13], A14], Callable[[A14], Y]]) -> Y: ...  # noqa: E501
        def _feed16[A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15, Y](self: Feeding[S, DT], chain: Chain16[Callable[[Tensor[S, DT]], A1], Callable[[A1], A2], Callable[[A2], A3], Callable[[A3], A4], Callable[[A4], A5], Callable[[A5], A6], Callable[[A6], A7], Callable[[A7], A8], Callable[[A8], A9], Callable[[A9], A10], Callable[[A10], A11], Callable[[A11], A12], Callable[[A12], A13], Callable[[A13], A14], Callable[[A14], A15], Callable[[A15], Y]]) -> Y: ...  # noqa: E501
        # fmt: on

        def _feed_one[Y](self: Feeding[S, DT], layer: Callable[[Tensor[S, DT]], Y]) -> Y: ...

        def _feed_residual(
            self: Feeding[S, DT], block: ResidualOf[Callable[[Tensor[S, DT]], Tensor[S, DT]]]
        ) -> Tensor[S, DT]: ...

        def _feed_repeated(
            self: Feeding[S, DT], block: RepeatedOf[Callable[[Tensor[S, DT]], Tensor[S, DT]]]
        ) -> Tensor[S, DT]: ...

        def _feed_sum[Y](
            self: Feeding[S, DT], block: SumOf[Callable[[Tensor[S, DT]], Y], Callable[[Tensor[S, DT]], Y]]
        ) -> Y: ...

        def _slide[Y](self: Feeding[S, DT], window: Callable[[Tensor[S, DT]], Y]) -> Y: ...
