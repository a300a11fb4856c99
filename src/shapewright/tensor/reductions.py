"""Reductions as methods: `x.sum((b, d))` keeps the axes b and d, `x.mean()` none, `x.max(axis=0)` numbers the axis.

The shape asked for decides which axes are reduced (design rule 1); `axis=` is for sizes that are equal and have no
names. What it is not: what runs along axes and keeps them (`along.py`), the decision which axes a shape means
(`_target.py`, and the rule `reduce_shape`), or the operations (`ops/`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.shapes.errors import ArgumentError
from shapewright.tensor import _target as target
from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import Floating, Integer, bool_, i64
    from shapewright.shapes.rules import reduce_axes_shape, reduce_number_shape, reduce_shape
    from shapewright.shapes.typing import Flag, IntTuple
    from shapewright.tensor.tensor import Tensor


def _reduce(op: Callable[..., Any], x: Any, to: Any, axis: Any, keepdims: bool) -> Any:
    if axis is ...:
        if keepdims:
            raise ArgumentError(
                f"{_name(op)}: keepdims= belongs to axis=; `to` says itself which axes the result has",
                hint=f"x.{_name(op)}(axis=0, keepdims=True)",
            )
        return target.reduce(op, x, to)
    if to is not None:
        raise ArgumentError(
            f"{_name(op)}: `to` and axis= both say which axes are kept; give one of them",
            hint=f"x.{_name(op)}((b, d)) for the shape to end with, or x.{_name(op)}(axis=0) to number what goes",
        )
    return target.reduce_axis(op, x, axis, keepdims)


def _name(op: Any) -> str:
    return getattr(op, "name", None) or op.__name__


class Reductions(Generic[S, DT]):
    """The reductions of `Tensor`."""

    __slots__ = ()

    @overload
    def sum[F: Floating](self: Reductions[S, F]) -> Tensor[[], F]: ...
    @overload
    def sum[F: Floating, N: Flag[int]](self: Reductions[S, F], to: N) -> Tensor[reduce_number_shape(N), F]: ...
    @overload
    def sum[F: Floating, T: IntTuple](self: Reductions[S, F], to: T) -> Tensor[reduce_shape(S, T), F]: ...
    @overload
    def sum[F: Floating, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, F], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), F]: ...
    @overload
    def sum[I: Integer](self: Reductions[S, I]) -> Tensor[[], i64]: ...
    @overload
    def sum[I: Integer, N: Flag[int]](self: Reductions[S, I], to: N) -> Tensor[reduce_number_shape(N), i64]: ...
    @overload
    def sum[I: Integer, T: IntTuple](self: Reductions[S, I], to: T) -> Tensor[reduce_shape(S, T), i64]: ...
    @overload
    def sum[I: Integer, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, I], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), i64]: ...
    @overload
    def sum(self: Reductions[S, bool_]) -> Tensor[[], i64]: ...
    @overload
    def sum[N: Flag[int]](self: Reductions[S, bool_], to: N) -> Tensor[reduce_number_shape(N), i64]: ...
    @overload
    def sum[T: IntTuple](self: Reductions[S, bool_], to: T) -> Tensor[reduce_shape(S, T), i64]: ...
    @overload
    def sum[A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, bool_], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), i64]: ...
    def sum(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Add the elements, to the shape `to` or along `axis`; integers and bools are added as i64.

        Args:
            to: the shape to end with; its axes are kept, the others reduced. Nothing: all axes are.
            axis: the numbers of the axes to reduce, None for all, where sizes alone cannot say it.
            keepdims: with axis=, keep the reduced axes with size 1.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.

        PyTorch: ``x.sum(dim=0)``. dfdx: ``x.sum::<Rank1<3>, _>()``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> x.sum((3,))
        Tensor[[3], f32] on cpu: [5. 7. 9.]
        >>> x.sum(axis=0, keepdims=True).sum()
        Tensor[[], f32] on cpu: 21.0
        """
        return _reduce(ops.sum, self, to, axis, keepdims)

    @overload
    def mean[F: Floating](self: Reductions[S, F]) -> Tensor[[], F]: ...
    @overload
    def mean[F: Floating, N: Flag[int]](self: Reductions[S, F], to: N) -> Tensor[reduce_number_shape(N), F]: ...
    @overload
    def mean[F: Floating, T: IntTuple](self: Reductions[S, F], to: T) -> Tensor[reduce_shape(S, T), F]: ...
    @overload
    def mean[F: Floating, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, F], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), F]: ...
    def mean(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Average the elements.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``x.mean(dim=0)``. dfdx: ``x.mean::<Rank1<3>, _>()``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.mean(axis=0)
        Tensor[[2], f32] on cpu: [2. 3.]
        """
        return _reduce(ops.mean, self, to, axis, keepdims)

    @overload
    def max(self: Reductions[S, DT]) -> Tensor[[], DT]: ...
    @overload
    def max[N: Flag[int]](self: Reductions[S, DT], to: N) -> Tensor[reduce_number_shape(N), DT]: ...
    @overload
    def max[T: IntTuple](self: Reductions[S, DT], to: T) -> Tensor[reduce_shape(S, T), DT]: ...
    @overload
    def max[A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, DT], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), DT]: ...
    def max(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Take the largest element; NaN if there is one. Equal elements share the gradient.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or a reduced axis is empty.

        PyTorch: ``x.amax(dim=0)``. dfdx: ``x.max::<Rank1<3>, _>()``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.max(axis=0)
        Tensor[[2], f32] on cpu: [3. 4.]
        """
        return _reduce(ops.max, self, to, axis, keepdims)

    @overload
    def min(self: Reductions[S, DT]) -> Tensor[[], DT]: ...
    @overload
    def min[N: Flag[int]](self: Reductions[S, DT], to: N) -> Tensor[reduce_number_shape(N), DT]: ...
    @overload
    def min[T: IntTuple](self: Reductions[S, DT], to: T) -> Tensor[reduce_shape(S, T), DT]: ...
    @overload
    def min[A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, DT], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), DT]: ...
    def min(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Take the smallest element; NaN if there is one. Equal elements share the gradient.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or a reduced axis is empty.

        PyTorch: ``x.amin(dim=0)``. dfdx: ``x.min::<Rank1<3>, _>()``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.min(axis=0)
        Tensor[[2], f32] on cpu: [1. 2.]
        """
        return _reduce(ops.min, self, to, axis, keepdims)

    @overload
    def prod[F: Floating](self: Reductions[S, F]) -> Tensor[[], F]: ...
    @overload
    def prod[F: Floating, N: Flag[int]](self: Reductions[S, F], to: N) -> Tensor[reduce_number_shape(N), F]: ...
    @overload
    def prod[F: Floating, T: IntTuple](self: Reductions[S, F], to: T) -> Tensor[reduce_shape(S, T), F]: ...
    @overload
    def prod[F: Floating, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, F], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), F]: ...
    @overload
    def prod[I: Integer](self: Reductions[S, I]) -> Tensor[[], i64]: ...
    @overload
    def prod[I: Integer, N: Flag[int]](self: Reductions[S, I], to: N) -> Tensor[reduce_number_shape(N), i64]: ...
    @overload
    def prod[I: Integer, T: IntTuple](self: Reductions[S, I], to: T) -> Tensor[reduce_shape(S, T), i64]: ...
    @overload
    def prod[I: Integer, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, I], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), i64]: ...
    def prod(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Multiply the elements; integers as i64.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.

        PyTorch: ``x.prod(dim=0)``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.prod(axis=0)
        Tensor[[2], f32] on cpu: [3. 8.]
        """
        return _reduce(ops.prod, self, to, axis, keepdims)

    @overload
    def var[F: Floating](self: Reductions[S, F], *, correction: float = 1) -> Tensor[[], F]: ...
    @overload
    def var[F: Floating, N: Flag[int]](
        self: Reductions[S, F], to: N, *, correction: float = 1
    ) -> Tensor[reduce_number_shape(N), F]: ...
    @overload
    def var[F: Floating, T: IntTuple](
        self: Reductions[S, F], to: T, *, correction: float = 1
    ) -> Tensor[reduce_shape(S, T), F]: ...
    @overload
    def var[F: Floating, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, F], *, axis: A, keepdims: K = False, correction: float = 1
    ) -> Tensor[reduce_axes_shape(S, A, K), F]: ...
    def var(
        self,
        to: Any = None,
        *,
        axis: int | tuple[int, ...] | EllipsisType | None = ...,
        keepdims: bool = False,
        correction: float = 1,
    ) -> Any:
        """Compute the variance: squared distances from the mean, added and divided by ``n - correction``.

        Which axes are reduced is said as in `sum`. `correction` is 1 for a sample, 0 for a whole population.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``x.var(dim=0, correction=1)``. dfdx: ``x.var::<Rank1<3>, _>()``, with correction 0.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.var(axis=0)
        Tensor[[2], f32] on cpu: [2. 2.]
        """

        def var(x: Any, axes: tuple[int, ...]) -> Any:
            return ops.var(x, axes=axes, correction=correction)

        return _reduce(var, self, to, axis, keepdims)

    @overload
    def std[F: Floating](self: Reductions[S, F], *, correction: float = 1) -> Tensor[[], F]: ...
    @overload
    def std[F: Floating, N: Flag[int]](
        self: Reductions[S, F], to: N, *, correction: float = 1
    ) -> Tensor[reduce_number_shape(N), F]: ...
    @overload
    def std[F: Floating, T: IntTuple](
        self: Reductions[S, F], to: T, *, correction: float = 1
    ) -> Tensor[reduce_shape(S, T), F]: ...
    @overload
    def std[F: Floating, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, F], *, axis: A, keepdims: K = False, correction: float = 1
    ) -> Tensor[reduce_axes_shape(S, A, K), F]: ...
    def std(
        self,
        to: Any = None,
        *,
        axis: int | tuple[int, ...] | EllipsisType | None = ...,
        keepdims: bool = False,
        correction: float = 1,
    ) -> Any:
        """Compute the standard deviation, the square root of the variance.

        Which axes are reduced is said as in `sum`. `correction` is 1 for a sample, 0 for a whole population.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``x.std(dim=0, correction=1)``. dfdx: ``x.stddev::<Rank1<3>, _>(0.0)``, with correction 0.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.std(axis=0)
        Tensor[[2], f32] on cpu: [1.4142 1.4142]
        """

        def std(x: Any, axes: tuple[int, ...]) -> Any:
            return ops.std(x, axes=axes, correction=correction)

        return _reduce(std, self, to, axis, keepdims)

    @overload
    def logsumexp[F: Floating](self: Reductions[S, F]) -> Tensor[[], F]: ...
    @overload
    def logsumexp[F: Floating, N: Flag[int]](self: Reductions[S, F], to: N) -> Tensor[reduce_number_shape(N), F]: ...
    @overload
    def logsumexp[F: Floating, T: IntTuple](self: Reductions[S, F], to: T) -> Tensor[reduce_shape(S, T), F]: ...
    @overload
    def logsumexp[F: Floating, A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, F], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), F]: ...
    def logsumexp(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Compute ``log(sum(exp(x)))`` without overflow.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``x.logsumexp(dim=0)``. dfdx: ``x.logsumexp::<Rank1<3>, _>()``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> x.logsumexp(axis=0)
        Tensor[[2], f32] on cpu: [3.1269 4.1269]
        """
        return _reduce(ops.logsumexp, self, to, axis, keepdims)

    @overload
    def any(self: Reductions[S, bool_]) -> Tensor[[], bool_]: ...
    @overload
    def any[N: Flag[int]](self: Reductions[S, bool_], to: N) -> Tensor[reduce_number_shape(N), bool_]: ...
    @overload
    def any[T: IntTuple](self: Reductions[S, bool_], to: T) -> Tensor[reduce_shape(S, T), bool_]: ...
    @overload
    def any[A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, bool_], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), bool_]: ...
    def any(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Tell whether one element at least is true.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.
            DTypeError: the elements are not bool.

        PyTorch: ``x.any(dim=0)``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[True, False], [True, True]])
        >>> x.any(axis=0)
        Tensor[[2], bool] on cpu: [ True  True]
        """
        return _reduce(ops.any, self, to, axis, keepdims)

    @overload
    def all(self: Reductions[S, bool_]) -> Tensor[[], bool_]: ...
    @overload
    def all[N: Flag[int]](self: Reductions[S, bool_], to: N) -> Tensor[reduce_number_shape(N), bool_]: ...
    @overload
    def all[T: IntTuple](self: Reductions[S, bool_], to: T) -> Tensor[reduce_shape(S, T), bool_]: ...
    @overload
    def all[A: Flag[int | tuple[int, ...] | None], K: Flag[bool]](
        self: Reductions[S, bool_], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), bool_]: ...
    def all(
        self, to: Any = None, *, axis: int | tuple[int, ...] | EllipsisType | None = ..., keepdims: bool = False
    ) -> Any:
        """Tell whether every element is true.

        Which axes are reduced is said as in `sum`.

        Raises:
            ShapeError: `to` is not what is left of the shape, or not in one way only, or the axis does not exist.
            DTypeError: the elements are not bool.

        PyTorch: ``x.all(dim=0)``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[True, False], [True, True]])
        >>> x.all(axis=0)
        Tensor[[2], bool] on cpu: [ True False]
        """
        return _reduce(ops.all, self, to, axis, keepdims)

    def argmax[A: Flag[int], K: Flag[bool]](
        self: Reductions[S, DT], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), i64]:
        """Give the place of the largest element along an axis, as i64; of equal ones the first.

        Raises:
            ShapeError: the axis does not exist, or is empty.

        PyTorch: ``x.argmax(dim=0)``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 5.0, 3.0], [9.0, 2.0, 4.0]]).argmax(axis=1)
        Tensor[[2], i64] on cpu: [1 0]
        """

        def argmax(x: Any, axes: tuple[int, ...]) -> Any:
            return ops.argmax(x, axis=axes[0])

        return target.reduce_axis(argmax, self, target.axis(self, axis, "argmax"), keepdims)

    def argmin[A: Flag[int], K: Flag[bool]](
        self: Reductions[S, DT], *, axis: A, keepdims: K = False
    ) -> Tensor[reduce_axes_shape(S, A, K), i64]:
        """Give the place of the smallest element along an axis, as i64; of equal ones the first.

        Raises:
            ShapeError: the axis does not exist, or is empty.

        PyTorch: ``x.argmin(dim=0)``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 5.0, 3.0], [9.0, 2.0, 4.0]]).argmin(axis=1)
        Tensor[[2], i64] on cpu: [0 1]
        """

        def argmin(x: Any, axes: tuple[int, ...]) -> Any:
            return ops.argmin(x, axis=axes[0])

        return target.reduce_axis(argmin, self, target.axis(self, axis, "argmin"), keepdims)
