"""What runs along one axis or several and keeps them, as methods: softmax, log_softmax, normalize, cumsum.

What it is not: reductions (`reductions.py`), or the operations (`ops/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.tensor import _target as target
from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import Floating, Integer, bool_, i64
    from shapewright.shapes.rules import axes_shape, axis_shape
    from shapewright.shapes.typing import Flag, IntTuple
    from shapewright.tensor.tensor import Tensor


def _along(x: Any, axis: Any, doing: str) -> Any:
    return target.numbered(x, axis, doing) if isinstance(axis, tuple) else target.axis(x, axis, doing)


class Along(Generic[S, DT]):
    """The methods of `Tensor` that run along axes."""

    __slots__ = ()

    @overload
    def softmax[F: Floating](self: Along[S, F]) -> Tensor[S, F]: ...
    @overload
    def softmax[F: Floating, A: Flag[int]](self: Along[S, F], *, axis: A) -> Tensor[axis_shape(S, A), F]: ...
    @overload
    def softmax[F: Floating, A: IntTuple](self: Along[S, F], *, axis: A) -> Tensor[axes_shape(S, A), F]: ...
    def softmax(self, *, axis: int | tuple[int, ...] = -1) -> Any:
        """Compute ``exp(x) / sum(exp(x))`` along an axis (the last by default) or several together.

        Raises:
            ShapeError: the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``x.softmax(dim=-1)``. dfdx: ``x.softmax::<Axis<1>>()``.

        >>> import shapewright as sw
        >>> sw.tensor([[0.0, 0.0], [0.0, 1.0]]).softmax()
        Tensor[[2, 2], f32] on cpu:
        [[0.5    0.5   ]
         [0.2689 0.7311]]
        """
        return ops.softmax(self, axis=_along(self, axis, "softmax"))

    @overload
    def log_softmax[F: Floating](self: Along[S, F]) -> Tensor[S, F]: ...
    @overload
    def log_softmax[F: Floating, A: Flag[int]](self: Along[S, F], *, axis: A) -> Tensor[axis_shape(S, A), F]: ...
    @overload
    def log_softmax[F: Floating, A: IntTuple](self: Along[S, F], *, axis: A) -> Tensor[axes_shape(S, A), F]: ...
    def log_softmax(self, *, axis: int | tuple[int, ...] = -1) -> Any:
        """Compute ``log(softmax(x))`` along an axis (the last by default) or several together.

        Raises:
            ShapeError: the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``x.log_softmax(dim=-1)``. dfdx: ``x.log_softmax::<Axis<1>>()``.

        >>> import shapewright as sw
        >>> sw.tensor([[0.0, 0.0], [0.0, 1.0]]).log_softmax()
        Tensor[[2, 2], f32] on cpu:
        [[-0.6931 -0.6931]
         [-1.3133 -0.3133]]
        """
        return ops.log_softmax(self, axis=_along(self, axis, "log_softmax"))

    @overload
    def normalize[F: Floating](self: Along[S, F], *, epsilon: float = 1e-5) -> Tensor[S, F]: ...
    @overload
    def normalize[F: Floating, A: Flag[int]](
        self: Along[S, F], *, axis: A, epsilon: float = 1e-5
    ) -> Tensor[axis_shape(S, A), F]: ...
    @overload
    def normalize[F: Floating, A: IntTuple](
        self: Along[S, F], *, axis: A, epsilon: float = 1e-5
    ) -> Tensor[axes_shape(S, A), F]: ...
    def normalize(self, *, axis: int | tuple[int, ...] = -1, epsilon: float = 1e-5) -> Any:
        """Shift and scale to mean 0 and variance 1 along an axis (the last by default) or several together.

        ``(x - mean) / sqrt(var + epsilon)``, with the variance of the whole population, as layer norm uses it
        (J. Ba et al., 2016).

        Raises:
            ShapeError: the axis does not exist.
            DTypeError: the elements are not floating point.

        PyTorch: ``torch.nn.functional.layer_norm(x, x.shape[-1:])``. dfdx: ``x.normalize::<Axis<1>>(1e-5)``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 3.0], [0.0, 8.0]]).normalize()
        Tensor[[2, 2], f32] on cpu:
        [[-1.  1.]
         [-1.  1.]]
        """
        return ops.normalize(self, axis=_along(self, axis, "normalize"), epsilon=epsilon)

    @overload
    def cumsum[F: Floating, A: Flag[int]](self: Along[S, F], *, axis: A) -> Tensor[axis_shape(S, A), F]: ...
    @overload
    def cumsum[I: Integer, A: Flag[int]](self: Along[S, I], *, axis: A) -> Tensor[axis_shape(S, A), i64]: ...
    @overload
    def cumsum[A: Flag[int]](self: Along[S, bool_], *, axis: A) -> Tensor[axis_shape(S, A), i64]: ...
    def cumsum(self, *, axis: int) -> Any:
        """Add up along an axis: each element becomes the sum of itself and those before it; integers as i64.

        Raises:
            ShapeError: the axis does not exist.

        PyTorch: ``x.cumsum(dim=0)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0, 3.0]).cumsum(axis=0)
        Tensor[[3], f32] on cpu: [1. 3. 6.]
        """
        return ops.cumsum(self, axis=target.axis(self, axis, "cumsum"))
