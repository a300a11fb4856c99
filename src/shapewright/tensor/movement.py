"""Movement of elements as methods: broadcast, permute, reshape and their kin. No element is computed, only moved.

As everywhere, `to` is the shape to end with (design rule 1). On the CPU broadcast, permute and slices copy nothing,
reshape only where strides leave no other way. What it is not: the rules (`shapes/rules/`) or the operations (`ops/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.ops.composite import check_tensors, sizes_of
from shapewright.shapes import rules
from shapewright.shapes.errors import ArgumentError
from shapewright.tensor import _checks as checks
from shapewright.tensor import _target as target
from shapewright.tensor._variables import DT, S
from shapewright.tensor.operators import Spread

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType
    from shapewright.shapes.rules import (
        axes_shape,
        axis_shape,
        broadcast_axes_shape,
        broadcast_axis_shape,
        broadcast_number_shape,
        broadcast_shape,
        flatten_shape,
        matrix_shape,
        pad_shape,
        permute_axes_shape,
        permute_number_shape,
        permute_shape,
        reshape_number_shape,
        reshape_shape,
        roll_shape,
        squeeze_shape,
        unsqueeze_shape,
    )
    from shapewright.shapes.typing import Flag, IntTuple
    from shapewright.tensor.tensor import Tensor


def _diagonal(x: Any, diagonal: Any, doing: str) -> int:
    if not target.is_number(diagonal):
        raise ArgumentError(f"{doing}: diagonal= is the number of a diagonal, an int, not {diagonal!r}")
    return int(diagonal)


class Movement(Generic[S, DT]):
    """The methods of `Tensor` that move elements."""

    __slots__ = ()

    # ---- the shape asked for decides --------------------------------------------------------------------------------
    @overload
    def broadcast[N: Flag[int]](self: Movement[S, DT], to: N) -> Tensor[broadcast_number_shape(N), DT]: ...
    @overload
    def broadcast[T: IntTuple](self: Movement[S, DT], to: T) -> Tensor[broadcast_shape(S, T), DT]: ...
    @overload
    def broadcast[T: IntTuple, A: Flag[int]](
        self: Movement[S, DT], to: T, *, axis: A
    ) -> Tensor[broadcast_axis_shape(S, T, A), DT]: ...
    @overload
    def broadcast[T: IntTuple, A: IntTuple](
        self: Movement[S, DT], to: T, *, axis: A
    ) -> Tensor[broadcast_axes_shape(S, T, A), DT]: ...
    def broadcast(self, to: Any, *, axis: Any = None) -> Any:
        """Repeat the tensor along new axes, so that it ends with the shape `to`.

        Unlike NumPy's, this broadcast never stretches an axis of size 1; the axes of the tensor are found in `to` by
        their sizes, wherever they are.

        Args:
            to: the shape to end with.
            axis: the numbers of the axes of `to` that are new, where sizes alone cannot say it. What ``x.sum(axis=0)``
                takes away, ``broadcast(to, axis=0)`` brings back.

        Raises:
            ShapeError: the axes of the tensor are not in `to` in their order, or in more than one way.

        PyTorch: ``x[:, None].expand(3, 4)``. dfdx: ``x.broadcast::<Rank2<3, 4>, _>()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0]).broadcast((2, 3))
        Tensor[[2, 3], f32] on cpu:
        [[1. 1. 1.]
         [2. 2. 2.]]
        """
        return target.broadcast(self, to) if axis is None else target.broadcast_axes(self, to, axis)

    def broadcast_like[T: IntTuple, E: DType](
        self: Movement[S, DT], other: Tensor[T, E]
    ) -> Tensor[broadcast_shape(S, T), DT]:
        """Repeat the tensor along new axes, so that it ends with the shape of `other`.

        Raises:
            ShapeError: the axes of the tensor are not in the shape in their order, or in more than one way.

        PyTorch: ``x[:, None].expand_as(other)``. dfdx: ``x.broadcast_like(&other)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0]).broadcast_like(sw.zeros((2, 3)))
        Tensor[[2, 3], f32] on cpu:
        [[1. 1. 1.]
         [2. 2. 2.]]
        """
        check_tensors("broadcast_like", other)
        return target.broadcast(self, sizes_of(other))

    def spread(self) -> Spread[S, DT]:
        """Let the other operand decide the shape: `x - m.spread()` broadcasts `m` to the shape of `x`.

        PyTorch: ``x - m[:, None]``. dfdx: ``x - m.broadcast_like(&x)``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> x - x.mean((2,)).spread()
        Tensor[[2, 3], f32] on cpu:
        [[-1.  0.  1.]
         [-1.  0.  1.]]
        """
        tensor: Any = self
        return Spread(tensor)

    @overload
    def permute[N: Flag[int]](self: Movement[S, DT], to: N) -> Tensor[permute_number_shape(N), DT]: ...
    @overload
    def permute[T: IntTuple](self: Movement[S, DT], to: T) -> Tensor[permute_shape(S, T), DT]: ...
    @overload
    def permute[T: IntTuple](self: Movement[S, DT], *, axes: T) -> Tensor[permute_axes_shape(S, T), DT]: ...
    def permute(self, to: Any = None, *, axes: Any = None) -> Any:
        """Put the axes in another order, that of the shape `to`.

        Args:
            to: the shape to end with.
            axes: instead of `to`, for each axis of the result the number of the axis it was; for equal sizes.

        Raises:
            ShapeError: `to` is not the sizes in another order, or not in one way only; an axis does not exist.

        PyTorch: ``x.permute(1, 0)``. dfdx: ``x.permute::<Rank2<3, 2>, _>()``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).permute((3, 2))
        Tensor[[3, 2], f32] on cpu:
        [[1. 4.]
         [2. 5.]
         [3. 6.]]
        """
        return target.permute(self, to) if axes is None else target.permute_axes(self, axes)

    @overload
    def reshape[N: Flag[int]](self: Movement[S, DT], to: N) -> Tensor[reshape_number_shape(N), DT]: ...
    @overload
    def reshape[T: IntTuple](self: Movement[S, DT], to: T) -> Tensor[reshape_shape(S, T), DT]: ...
    def reshape(self, to: Any) -> Any:
        """Give the same elements, in the same order, the shape `to`; one size may be -1 and is worked out.

        Raises:
            ShapeError: the number of elements differs, or nothing fits in the place of -1.

        PyTorch: ``x.reshape(6)``. dfdx: ``x.reshape::<Rank1<6>>()``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape((3, -1))
        Tensor[[3, 2], f32] on cpu:
        [[1. 2.]
         [3. 4.]
         [5. 6.]]
        """
        return target.reshape(self, to)

    # ---- axes of size 1, and axes joined ----------------------------------------------------------------------------
    def flatten[A: Flag[int], B: Flag[int]](
        self: Movement[S, DT], *, start_axis: A = 0, end_axis: B = -1
    ) -> Tensor[flatten_shape(S, A, B), DT]:
        """Join the axes from `start_axis` to `end_axis`, both included, into one; all of them by default.

        Raises:
            ShapeError: the axes do not exist, or the end is before the start.

        PyTorch: ``x.flatten(start_dim=1)``. dfdx: ``x.reshape::<Rank1<6>>()``.

        >>> import shapewright as sw
        >>> sw.zeros((2, 3, 4)).flatten(start_axis=1).shape
        (2, 12)
        """
        ends = target.single(self, start_axis, "flatten"), target.single(self, end_axis, "flatten")
        return target.reshape(self, checks.sizes(self, rules.flatten_shape, *ends, doing="flatten"))

    def unsqueeze[A: Flag[int]](self: Movement[S, DT], *, axis: A) -> Tensor[unsqueeze_shape(S, A), DT]:
        """Add an axis of size 1, which is axis `axis` of the result.

        Raises:
            ShapeError: the result has no such axis.

        PyTorch: ``x.unsqueeze(0)``. dfdx: ``x.reshape::<Rank2<1, 3>>()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0, 3.0]).unsqueeze(axis=0)
        Tensor[[1, 3], f32] on cpu: [[1. 2. 3.]]
        """
        return target.reshape(
            self, checks.sizes(self, rules.unsqueeze_shape, target.single(self, axis, "unsqueeze"), doing="unsqueeze")
        )

    def squeeze[A: Flag[int]](self: Movement[S, DT], *, axis: A) -> Tensor[squeeze_shape(S, A), DT]:
        """Leave out an axis of size 1.

        Raises:
            ShapeError: the axis does not exist, or its size is not 1.

        PyTorch: ``x.squeeze(0)``. dfdx: ``x.reshape::<Rank1<3>>()``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 2.0, 3.0]]).squeeze(axis=0)
        Tensor[[3], f32] on cpu: [1. 2. 3.]
        """
        return target.reshape(
            self, checks.sizes(self, rules.squeeze_shape, target.single(self, axis, "squeeze"), doing="squeeze")
        )

    # ---- order, borders, triangles ----------------------------------------------------------------------------------
    @overload
    def flip[A: Flag[int]](self: Movement[S, DT], *, axis: A) -> Tensor[axis_shape(S, A), DT]: ...
    @overload
    def flip[T: IntTuple](self: Movement[S, DT], *, axis: T) -> Tensor[axes_shape(S, T), DT]: ...
    def flip(self, *, axis: Any) -> Any:
        """Turn the order of the elements round along an axis, or several.

        Raises:
            ShapeError: an axis does not exist, or is numbered twice.

        PyTorch: ``x.flip(0)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0, 3.0]).flip(axis=0)
        Tensor[[3], f32] on cpu: [3. 2. 1.]
        """
        return ops.flip(self, axes=target.numbered(self, axis, "flip"))

    @overload
    def roll[A: Flag[int]](self: Movement[S, DT], shift: int, *, axis: A) -> Tensor[axis_shape(S, A), DT]: ...
    @overload
    def roll[N: IntTuple, T: IntTuple](
        self: Movement[S, DT], shift: N, *, axis: T
    ) -> Tensor[roll_shape(S, N, T), DT]: ...
    def roll(self, shift: Any, *, axis: Any) -> Any:
        """Move every element `shift` places on along an axis; what leaves at the end comes in at the front.

        Args:
            shift: how many places, negative for backwards; one number for each axis.
            axis: the number of the axis, or a tuple of numbers.

        Raises:
            ShapeError: an axis does not exist, or there is not one shift for each axis.

        PyTorch: ``x.roll(1, dims=0)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0, 3.0]).roll(1, axis=0)
        Tensor[[3], f32] on cpu: [3. 1. 2.]
        """
        shifts = target.numbers(self, shift, "roll", "shift= is how many places elements move")
        axes = target.numbers(self, axis, "roll")
        checks.sizes(self, rules.roll_shape, shifts, axes, doing="roll")
        return ops.roll(self, shifts=shifts, axes=tuple(target.axis(self, a, "roll") for a in axes))

    def pad[B: IntTuple, A: IntTuple](
        self: Movement[S, DT], before: B, after: A, *, value: float = 0.0
    ) -> Tensor[pad_shape(S, B, A), DT]:
        """Add ``before[i]`` and ``after[i]`` places, filled with `value`, at the two ends of axis ``i``.

        Raises:
            ShapeError: there is not one number for each axis, or one is negative.

        PyTorch: ``torch.nn.functional.pad(x, (1, 0))``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0]).pad((1,), (2,))
        Tensor[[5], f32] on cpu: [0. 1. 2. 0. 0.]
        """
        return ops.pad(
            self,
            before=target.numbers(self, before, "pad", "before= says how many places come in front"),
            after=target.numbers(self, after, "pad", "after= says how many places come behind"),
            value=value,
        )

    def tril(self: Movement[S, DT], *, diagonal: int = 0) -> Tensor[matrix_shape(S), DT]:
        """Keep the lower triangle of the last two axes; the elements above the diagonal become 0.

        Args:
            diagonal: how many diagonals above the main one are kept, negative for fewer.

        Raises:
            ShapeError: there are fewer than two axes.

        PyTorch: ``x.tril()``.

        >>> import shapewright as sw
        >>> sw.ones((2, 2)).tril()
        Tensor[[2, 2], f32] on cpu:
        [[1. 0.]
         [1. 1.]]
        """
        return ops.tril(self, diagonal=_diagonal(self, diagonal, "tril"))

    def triu(self: Movement[S, DT], *, diagonal: int = 0) -> Tensor[matrix_shape(S), DT]:
        """Keep the upper triangle of the last two axes; the elements below the diagonal become 0.

        Args:
            diagonal: how many diagonals above the main one are left out, negative for more kept.

        Raises:
            ShapeError: there are fewer than two axes.

        PyTorch: ``x.triu()``.

        >>> import shapewright as sw
        >>> sw.ones((2, 2)).triu()
        Tensor[[2, 2], f32] on cpu:
        [[1. 1.]
         [0. 1.]]
        """
        return ops.triu(self, diagonal=_diagonal(self, diagonal, "triu"))
