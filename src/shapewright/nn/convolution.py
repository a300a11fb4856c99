"""`Conv2d`: filters that slide over images.

Output sizes are computed in the types, with numbers and with symbols. What it is not: the computation itself
(`ops/windows.py`), or pooling (`pooling.py`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.ops.windows import pair
from shapewright.shapes import rules
from shapewright.shapes.dtypes import f32
from shapewright.shapes.errors import ArgumentError, ShapeError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._variables import DH, DI, DW, FT, KH, KW, PH, PW, SH, ST, SW, K, P
from shapewright.tensor.parameter import Parameter
from shapewright.tensor.tensor import Tensor
from shapewright.tensor.windows import SquareConvolution, Window

from . import init
from ._cells import NOTHING
from .module import Module

if TYPE_CHECKING:
    from shapewright.devices import Device
    from shapewright.shapes.dtypes import Floating
    from shapewright.shapes.rules import divisible_shape
    from shapewright.tensor.random import Key
    from shapewright.tensor.windows import Convolves, ConvolvesRectangle, RectangularConvolution

I = IntVar("I")  # noqa: E741  # channels of the input, as in `Linear`
O = IntVar("O")  # noqa: E741  # channels of the result
G = IntVar("G")


class Conv2d(
    Module, SquareConvolution[Window[I, K, K, P, P, DI, DI, FT], O, K, ST, P, DI], Generic[I, O, K, ST, P, DI, G, FT]
):
    """Slide `O` filters of `K` times `K` over an image of `I` channels, zeros around it, and add a number for each.

    Takes `[*Bs, I, H, W]` to `[*Bs, O, OH, OW]`, with `OH = (H + 2 * P - DI * (K - 1) - 1) // ST + 1` and OW likewise:
    images `[I, H, W]`, batches `[B, I, H, W]`, or with more axes in front. The weight is stored `[O, I // G, K, K]`; it
    and the bias begin uniform between plus and minus ``1 / sqrt(I // G * K * K)`` (as in `Linear`).

    The filters need not be square: `kernel_size=(3, 5)`. Then the editor wants `stride`, `padding` and `dilation` as
    pairs too; where numbers and pairs are mixed, it knows the height and leaves the width open.

    Args:
        in_channels: the channels of the input.
        out_channels: the channels of the result, one for each filter.
        kernel_size: the size of a filter; a number, or height and width.
        stride: how far a filter moves from one place to the next.
        padding: how many zeros are put at each side.
        dilation: how far apart the elements are that a filter sees; 1 for neighbours.
        groups: how many groups the channels are divided into; filters see the channels of their own group only.
        bias: whether a number is added to each channel.
        key: where the first values are drawn from; by default the process-wide key.
        dtype: the element type of weight, bias, input and result.
        device: where weight and bias are.

    Raises:
        ShapeError: `groups` does not divide the channels. When called: the input has other channels, or the filter is
            larger than the image with its padding.
        ArgumentError: a kernel size, stride, dilation or number of groups below 1, or a padding below 0.
        DTypeError (when called): the element type of the input is not that of the weight.

    PyTorch: ``nn.Conv2d(3, 16, 3, stride=2, padding=1)``. dfdx: ``Conv2D<3, 16, 3, 2, 1>``.

    >>> import shapewright as sw
    >>> half = sw.nn.Conv2d(3, 16, 3, stride=2, padding=1, key=sw.Key(0))
    >>> half(sw.ones((8, 3, 32, 32))).shape
    (8, 16, 16, 16)
    >>> half
    Conv2d(I=3, O=16, kernel_size=3, stride=2, padding=1)  # 448 parameters
      weight: Parameter[[16, 3, 3, 3], f32]
      bias: Parameter[[16], f32]
    """

    weight: Parameter[[O, I // G, K, K], FT]
    bias: Parameter[[O], FT]

    if TYPE_CHECKING:
        # What is constructed is decided here, because a rule may stand in a return annotation only.
        @overload
        def __new__[IN: IntVar, OUT: IntVar, KE: IntVar, S: IntVar, PA: IntVar, D: IntVar, N: IntVar, E: Floating](
            cls,
            in_channels: Int[IN],
            out_channels: Int[OUT],
            kernel_size: Int[KE],
            stride: Int[S] = 1,
            padding: Int[PA] = 0,
            dilation: Int[D] = 1,
            groups: Int[N] = 1,
            bias: bool = True,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> Conv2d[divisible_shape(Int[IN], Int[N]), divisible_shape(Int[OUT], Int[N]), KE, S, PA, D, N, E]: ...
        @overload
        def __new__[
            IN: IntVar,
            OUT: IntVar,
            A: IntVar,
            B: IntVar,
            SA: IntVar,
            SB: IntVar,
            PA: IntVar,
            PB: IntVar,
            DA: IntVar,
            DB: IntVar,
            N: IntVar,
            E: Floating,
        ](
            cls,
            in_channels: Int[IN],
            out_channels: Int[OUT],
            kernel_size: tuple[Int[A], Int[B]],
            stride: tuple[Int[SA], Int[SB]] = (1, 1),
            padding: tuple[Int[PA], Int[PB]] = (0, 0),
            dilation: tuple[Int[DA], Int[DB]] = (1, 1),
            groups: Int[N] = 1,
            bias: bool = True,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> RectangularConv2d[
            divisible_shape(Int[IN], Int[N]), divisible_shape(Int[OUT], Int[N]), A, B, SA, SB, PA, PB, DA, DB, N, E
        ]: ...
        @overload
        def __new__[IN: IntVar, OUT: IntVar, A: IntVar, SA: IntVar, PA: IntVar, DA: IntVar, N: IntVar, E: Floating](
            cls,
            in_channels: Int[IN],
            out_channels: Int[OUT],
            kernel_size: Int[A] | tuple[Int[A], int],
            stride: Int[SA] | tuple[Int[SA], int] = 1,
            padding: Int[PA] | tuple[Int[PA], int] = 0,
            dilation: Int[DA] | tuple[Int[DA], int] = 1,
            groups: Int[N] = 1,
            bias: bool = True,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> RectangularConv2d[
            divisible_shape(Int[IN], Int[N]), divisible_shape(Int[OUT], Int[N]), A, int, SA, int, PA, int, DA, int, N, E
        ]: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(
        self,
        in_channels: Int[I],
        out_channels: Int[O],
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: Int[G] = 1,
        bias: bool = True,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        check_window("Conv2d", kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
        _check_groups(int(in_channels), int(out_channels), groups)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        height, width = pair(kernel_size, "kernel_size")
        seen = in_channels // groups
        fan_in = int(seen) * height * width
        bound = 1.0 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        shape: Any = (out_channels, seen, height, width)
        weight: Any = Parameter(init.uniform(shape, -bound, bound, key=key, dtype=dtype, device=device))
        self.weight = weight
        self.bias = NOTHING
        if bias:
            self.bias = Parameter(init.uniform((out_channels,), -bound, bound, key=key, dtype=dtype, device=device))

    if TYPE_CHECKING:
        # The image is asked whether the filter fits; then the sizes are those of the `__call__` below.
        def __call__[Y](self, x: Convolves[Conv2d[I, O, K, ST, P, DI, G, FT], Y]) -> Y: ...

    else:

        def __call__[Bs: IntTuple, H: IntVar, W: IntVar](
            self, x: Tensor[[*Bs, I, H, W], FT]
        ) -> Tensor[[*Bs, O, (H + 2 * P - DI * (K - 1) - 1) // ST + 1, (W + 2 * P - DI * (K - 1) - 1) // ST + 1], FT]:
            return ops.conv2d(
                x,
                self.weight,
                self.bias,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                groups=self.groups,
            )

    def _described(self) -> str:
        window = describe_window(self, "stride", "padding", "dilation", "groups")
        return f"I={self.in_channels}, O={self.out_channels}, {window}"


if TYPE_CHECKING:

    class RectangularConv2d(
        Conv2d[I, O, int, int, int, int, G, FT],
        RectangularConvolution[Window[I, KH, KW, PH, PW, DH, DW, FT], O, KH, KW, SH, SW, PH, PW, DH, DW],
        Generic[I, O, KH, KW, SH, SW, PH, PW, DH, DW, G, FT],
    ):
        """What the editor calls a `Conv2d` whose height and width are told apart. At run time it is a `Conv2d`."""

        weight: Parameter[[O, I // G, KH, KW], FT]

        def __call__[Y](
            self, x: ConvolvesRectangle[RectangularConv2d[I, O, KH, KW, SH, SW, PH, PW, DH, DW, G, FT], Y]
        ) -> Y: ...


def check_window(called: str, **numbers: int | tuple[int, int]) -> None:
    """Refuse what is no window: a padding below 0, or another number below 1.

    Raises:
        ArgumentError: naming the argument and its least value.
    """
    for name, value in numbers.items():
        least = 0 if name == "padding" else 1
        if min(pair(value, name)) < least:
            raise ArgumentError(f"{called}: {name} is {least} or more, not {value}")


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if groups < 1:
        raise ArgumentError(f"Conv2d: groups is 1 or more, not {groups}")
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        try:
            rules.divisible_shape(channels, groups)
        except ShapeError:
            raise ShapeError(
                f"Conv2d: the channels cannot be divided into {groups} equal groups",
                facts=[
                    (name, f"{channels} = {groups} * {channels // groups} + {channels % groups}"),
                    ("groups", str(groups)),
                ],
                hint=f"{name} and groups of which the second divides the first",
            ) from None


def describe_window(layer: Any, *names: str) -> str:
    """Write the window of a layer as its arguments; what has its usual value is left out."""
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    shown = [f"kernel_size={layer.kernel_size}"]
    shown += [f"{name}={getattr(layer, name)}" for name in names if getattr(layer, name) != usual[name]]
    return ", ".join(shown)
