"""`x.expect((b, 784))`, the checked gateway from sizes that the type checker cannot know to those that it can.

What it is not: the check of annotations at bound calls (`binding.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright.ops.core import describe_operand
from shapewright.shapes import rules
from shapewright.shapes.dim import Dim, merge
from shapewright.shapes.errors import ShapeError
from shapewright.tensor import _target as target
from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.shapes.rules import expected_shape
    from shapewright.shapes.typing import IntTuple, IntVar
    from shapewright.tensor.tensor import Tensor


class Expecting(Generic[S, DT]):
    """The gateway of `Tensor`."""

    __slots__ = ()

    # By rank, so that sizes that are known are compared in the editor too, while a tensor of which nothing is known
    # still gets every size: a rule over an unknown shape gives an unknown shape.
    @overload
    def expect[A: IntVar, T: IntTuple](
        self: Expecting[[A], DT], to: T
    ) -> Tensor[expected_shape(IntTuple[A], T), DT]: ...
    @overload
    def expect[A: IntVar, B: IntVar, T: IntTuple](
        self: Expecting[[A, B], DT], to: T
    ) -> Tensor[expected_shape(IntTuple[A, B], T), DT]: ...
    @overload
    def expect[A: IntVar, B: IntVar, C: IntVar, T: IntTuple](
        self: Expecting[[A, B, C], DT], to: T
    ) -> Tensor[expected_shape(IntTuple[A, B, C], T), DT]: ...
    @overload
    def expect[A: IntVar, B: IntVar, C: IntVar, D: IntVar, T: IntTuple](
        self: Expecting[[A, B, C, D], DT], to: T
    ) -> Tensor[expected_shape(IntTuple[A, B, C, D], T), DT]: ...
    @overload
    def expect[T: IntTuple](self, to: T) -> Tensor[T, DT]: ...
    def expect(self, to: Any) -> Any:
        """Check that the shape is `to` and give the same tensor, its axes named as `to` names them.

        The checked gateway from sizes that the type checker cannot know to those that it can. Integers that are
        equal to the size pass; the sizes of other tensors pass with their names.

        Raises:
            ShapeError: the shape is another one.

        >>> import shapewright as sw
        >>> sw.zeros((2, 3)).expect((2, 3))
        Tensor[[2, 3], f32] on cpu:
        [[0. 0. 0.]
         [0. 0. 0.]]
        """
        tensor: Any = self
        if not isinstance(to, tuple | list):
            raise ShapeError(
                f"expect: takes the shape that the tensor has, a tuple of sizes, not {type(to).__name__}",
                facts=[("x", describe_operand(tensor))],
                hint="x.expect((b, 784))",
            )
        if not _is_expected(tensor._spec.sizes, to):
            raise ShapeError(
                "expect: the tensor has another shape than the program says",
                facts=[("expected", str(list(to))), ("x", describe_operand(tensor))],
            )
        result = tensor._alias(tensor._node)
        result._origin = tensor._origin
        if any(isinstance(d, Dim) for d in to):
            own = tensor._dims or tensor._spec.sizes
            result._dims = tuple(merge(b, a) for a, b in zip(own, to, strict=True))
        return result


def _is_expected(sizes: tuple[int, ...], to: Any) -> bool:
    if not all([target.is_number(size) for size in to]):
        return False
    try:
        rules.expected_shape(sizes, tuple([int(size) for size in to]))
    except ShapeError:
        return False
    return True
