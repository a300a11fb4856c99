"""Functions of several tensors: concat, stack, split, where, maximum, minimum, einsum.

They are functions and not methods because no operand is the first. What it is not: the rules (`shapes/rules/`) or the
operations (`ops/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from shapewright import ops
from shapewright.ops.composite import check_tensors
from shapewright.ops.core import Value
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError
from shapewright.shapes.typing import Flag, IntTuple, IntTuples, MapIntTuples
from shapewright.tensor import _target as target

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import bool_, f32
    from shapewright.shapes.rules import (
        concat_shape,
        einsum_one_shape,
        einsum_three_shape,
        einsum_two_shape,
        stack_shape,
    )
    from shapewright.tensor.tensor import Tensor


def concat[Ss: IntTuples, A: Flag[int], D: DType](
    tensors: MapIntTuples[lambda T: Tensor[T, D], Ss], /, *, axis: A
) -> Tensor[concat_shape(Ss, A), D]:
    """Join tensors one after the other along an axis that they have.

    Args:
        tensors: a tuple or list of tensors of one element type, equal in every axis but `axis`.
        axis: the number of the axis; its sizes are added.

    Raises:
        ShapeError: another axis differs, or the axis does not exist.
        DTypeError: the element types differ.

    PyTorch: ``torch.concat((a, b), dim=0)``. dfdx: ``(a, b).concat_along(Axis::<0>)``.

    >>> import shapewright as sw
    >>> sw.concat((sw.ones((1, 2)), sw.zeros((2, 2))), axis=0)
    Tensor[[3, 2], f32] on cpu:
    [[1. 1.]
     [0. 0.]
     [0. 0.]]
    """
    parts = _parts(tensors, "concat")
    return ops.concat(*parts, axis=target.axis(parts[0], axis, "concat"))


def stack[Ss: IntTuples, A: Flag[int], D: DType](
    tensors: MapIntTuples[lambda T: Tensor[T, D], Ss], /, *, axis: A
) -> Tensor[stack_shape(Ss, A), D]:
    """Join tensors of one shape along a new axis.

    Args:
        tensors: a tuple or list of tensors of one shape and element type.
        axis: where the new axis is in the result; its size is the number of tensors.

    Raises:
        ShapeError: the shapes differ, or the result has no such axis.
        DTypeError: the element types differ.

    PyTorch: ``torch.stack((a, b), dim=0)``. dfdx: ``[a, b].stack()``.

    >>> import shapewright as sw
    >>> sw.stack((sw.ones((2,)), sw.zeros((2,))), axis=0)
    Tensor[[2, 2], f32] on cpu:
    [[1. 1.]
     [0. 0.]]
    """
    parts = _parts(tensors, "stack")
    number = target.single(parts[0], axis, "stack")
    rank = len(parts[0]._spec.sizes) + 1
    return ops.stack(parts, axis=number + rank if -rank <= number < 0 else number)


def _parts(tensors: Any, called: str) -> tuple[Any, ...]:
    """Check that what is joined is a tuple or list of tensors, and more than none."""
    if not isinstance(tensors, Sequence) or isinstance(tensors, str | bytes):
        what = "one tensor" if isinstance(tensors, Value) else type(tensors).__name__
        raise ArgumentError(
            f"{called}: joins a tuple or list of tensors, not {what}", hint=f"sw.{called}((a, b), axis=0)"
        )
    if not tensors:
        raise ArgumentError(f"{called}: there are no tensors to join", hint=f"sw.{called}((a, b), axis=0)")
    check_tensors(called, *tensors)
    return tuple(tensors)


@overload
def where[S: IntTuple, D: DType](
    condition: Tensor[S, bool_], a: Tensor[S, D], b: Tensor[S, D] | float, /
) -> Tensor[S, D]: ...
@overload
def where[S: IntTuple, D: DType](condition: Tensor[S, bool_], a: float, b: Tensor[S, D], /) -> Tensor[S, D]: ...
@overload
def where[S: IntTuple](condition: Tensor[S, bool_], a: float, b: float, /) -> Tensor[S, f32]: ...
def where(condition: Any, a: Any, b: Any, /) -> Any:
    """Take each element from `a` where the condition is true, and from `b` where it is not.

    Args:
        condition: a tensor of bool.
        a: a tensor of the same shape, or a number.
        b: the same; of two tensors both have one element type. Two numbers give f32.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the condition is not bool, or the element types differ.

    PyTorch: ``torch.where(condition, a, b)``. dfdx: ``condition.choose(a, b)``.

    >>> import shapewright as sw
    >>> x = sw.tensor([1.0, -2.0])
    >>> sw.where(x > 0, x, 0.0)
    Tensor[[2], f32] on cpu: [1. 0.]
    """
    return ops.where(condition, a, b)


def maximum[S: IntTuple, D: DType](a: Tensor[S, D], b: Tensor[S, D] | float, /) -> Tensor[S, D]:
    """Take the larger of two elements; at a tie each operand gets half of the gradient.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ.

    PyTorch: ``torch.maximum(a, b)``. dfdx: ``a.maximum(b)``.

    >>> import shapewright as sw
    >>> sw.maximum(sw.tensor([1.0, 5.0]), 3.0)
    Tensor[[2], f32] on cpu: [3. 5.]
    """
    return ops.maximum(a, b)


def minimum[S: IntTuple, D: DType](a: Tensor[S, D], b: Tensor[S, D] | float, /) -> Tensor[S, D]:
    """Take the smaller of two elements; at a tie each operand gets half of the gradient.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ.

    PyTorch: ``torch.minimum(a, b)``. dfdx: ``a.minimum(b)``.

    >>> import shapewright as sw
    >>> sw.minimum(sw.tensor([1.0, 5.0]), 3.0)
    Tensor[[2], f32] on cpu: [1. 3.]
    """
    return ops.minimum(a, b)


@overload
def einsum[P: Flag[str], A: IntTuple, D: DType](
    equation: P, a: Tensor[A, D], /
) -> Tensor[einsum_one_shape(P, A), D]: ...
@overload
def einsum[P: Flag[str], A: IntTuple, B: IntTuple, D: DType](
    equation: P, a: Tensor[A, D], b: Tensor[B, D], /
) -> Tensor[einsum_two_shape(P, A, B), D]: ...
@overload
def einsum[P: Flag[str], A: IntTuple, B: IntTuple, C: IntTuple, D: DType](
    equation: P, a: Tensor[A, D], b: Tensor[B, D], c: Tensor[C, D], /
) -> Tensor[einsum_three_shape(P, A, B, C), D]: ...
def einsum(equation: str, /, *tensors: Any) -> Any:
    """Multiply tensors and add along axes, as an equation of letters says: ``einsum("btd,bsd->bts", q, k)``.

    Each letter is an axis; letters that are not in the result are added along. The result is always written.

    Raises:
        ShapeError: the equation does not describe the tensors, or one letter has two sizes.
        DTypeError: the element types differ.

    PyTorch: ``torch.einsum(equation, a, b)``.

    >>> import shapewright as sw
    >>> sw.einsum("ij,j->i", sw.tensor([[1.0, 2.0], [3.0, 4.0]]), sw.tensor([1.0, 1.0]))
    Tensor[[2], f32] on cpu: [3. 7.]
    """
    return ops.einsum(equation, *tensors)
