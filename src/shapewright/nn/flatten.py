"""`Flatten`: several axes become one.

What it is not: any other change of shape (`x.reshape`, `x.flatten`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor.tensor import Tensor

from .module import Module

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType
    from shapewright.shapes.rules import flatten_shape


class Flatten[A: IntVar, Z: IntVar](Module):
    """Join the axes from `start_dim` to `end_dim`, both included, into one.

    By default the first axis, the batch, is kept: `[B, C, H, W]` becomes `[B, C * H * W]`.

    Args:
        start_dim: the first axis that is joined.
        end_dim: the last one; negative numbers count from the end.

    Raises:
        ArgumentError: they are no axis numbers.
        ShapeError: (when called) the input has no such axes, or the end is before the start.

    PyTorch: ``nn.Flatten()``. dfdx: ``Flatten2D``.

    >>> import shapewright as sw
    >>> sw.nn.Flatten()(sw.zeros((8, 3, 4, 4))).shape
    (8, 48)
    """

    _instead = "nn.Flatten(), or nn.Flatten(0) for all axes"

    def __init__(self, start_dim: Int[A] = 1, end_dim: Int[Z] = -1) -> None:
        self.start_dim = int(start_dim)
        self.end_dim = int(end_dim)

    # The common cases are written out, because the type checker evaluates no rule inside a chain of layers.
    @overload
    def __call__[B: IntVar, C: IntVar, E: DType](self: Flatten[1, -1], x: Tensor[[B, C], E]) -> Tensor[[B, C], E]: ...
    @overload
    def __call__[B: IntVar, C: IntVar, D: IntVar, E: DType](
        self: Flatten[1, -1], x: Tensor[[B, C, D], E]
    ) -> Tensor[[B, C * D], E]: ...
    @overload
    def __call__[B: IntVar, C: IntVar, H: IntVar, W: IntVar, E: DType](
        self: Flatten[1, -1], x: Tensor[[B, C, H, W], E]
    ) -> Tensor[[B, C * H * W], E]: ...
    @overload
    def __call__[B: IntVar, C: IntVar, D: IntVar, H: IntVar, W: IntVar, E: DType](
        self: Flatten[1, -1], x: Tensor[[B, C, D, H, W], E]
    ) -> Tensor[[B, C * D * H * W], E]: ...
    @overload
    def __call__[B: IntVar, E: DType](self: Flatten[0, -1], x: Tensor[[B], E]) -> Tensor[[B], E]: ...
    @overload
    def __call__[B: IntVar, C: IntVar, E: DType](self: Flatten[0, -1], x: Tensor[[B, C], E]) -> Tensor[[B * C], E]: ...
    @overload
    def __call__[B: IntVar, C: IntVar, D: IntVar, E: DType](
        self: Flatten[0, -1], x: Tensor[[B, C, D], E]
    ) -> Tensor[[B * C * D], E]: ...
    @overload
    def __call__[B: IntVar, C: IntVar, H: IntVar, W: IntVar, E: DType](
        self: Flatten[0, -1], x: Tensor[[B, C, H, W], E]
    ) -> Tensor[[B * C * H * W], E]: ...
    @overload
    def __call__[S: IntTuple, E: DType](
        self: Flatten[A, Z], x: Tensor[S, E]
    ) -> Tensor[flatten_shape(S, Int[A], Int[Z]), E]: ...
    def __call__(self, x: Any) -> Any:
        return x.flatten(start_axis=self.start_dim, end_axis=self.end_dim)

    def _described(self) -> str:
        return "" if (self.start_dim, self.end_dim) == (1, -1) else f"{self.start_dim}, {self.end_dim}"
