"""Python's operators between tensors, and between a tensor and a Python number: `+ - * / // % **`, comparisons, logic.

Both tensors have the same shape and the same element type; nothing is broadcast or promoted silently. To broadcast on
request, write `x - m.spread()`. What it is not: the meaning of the operations (`ops/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from shapewright import ops
from shapewright.ops.core import Value
from shapewright.shapes.errors import ArgumentError
from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import Floating, bool_
    from shapewright.shapes.rules import broadcast_shape
    from shapewright.shapes.typing import IntTuple
    from shapewright.tensor.tensor import Tensor


class Spread(Generic[S, DT]):
    """A tensor that takes the shape of the other operand: `x - m.spread()` is `x - m.broadcast(x.shape)`.

    Made by `Tensor.spread`. The tensor it meets decides the shape, so it stands on either side of ``+ - * / // % **``
    and comparisons.
    """

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor[S, DT]) -> None:
        self._tensor = tensor

    def __repr__(self) -> str:
        return f"{self._tensor!r}.spread()"

    def _to(self, other: Any) -> Any:
        if not isinstance(other, Value):
            raise ArgumentError(
                f"spread: the other operand is the tensor whose shape is taken, not {type(other).__name__}",
                hint="x - m.spread() with a tensor x; numbers need no spread: m - 1.0",
            )
        tensor: Any = other
        return self._tensor.broadcast_like(tensor)

    def __radd__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.add(other, self._to(other))

    def __add__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.add(self._to(other), other)

    def __rsub__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.sub(other, self._to(other))

    def __sub__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.sub(self._to(other), other)

    def __rmul__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.mul(other, self._to(other))

    def __mul__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.mul(self._to(other), other)

    def __rtruediv__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.div(other, self._to(other))

    def __truediv__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.div(self._to(other), other)

    def __rfloordiv__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.floor_divide(other, self._to(other))

    def __floordiv__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.floor_divide(self._to(other), other)

    def __rmod__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.remainder(other, self._to(other))

    def __mod__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.remainder(self._to(other), other)

    def __rpow__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.pow(other, self._to(other))

    def __pow__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), DT]:
        return ops.pow(self._to(other), other)

    def __lt__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), bool_]:
        return ops.lt(self._to(other), other)

    def __le__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), bool_]:
        return ops.le(self._to(other), other)

    def __gt__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), bool_]:
        return ops.gt(self._to(other), other)

    def __ge__[T: IntTuple](self: Spread[S, DT], other: Tensor[T, DT]) -> Tensor[broadcast_shape(S, T), bool_]:
        return ops.ge(self._to(other), other)


class Operators(Generic[S, DT]):
    """The operators of `Tensor`. PyTorch: the same operators. dfdx: the same, with tensors of one shape."""

    __slots__ = ()

    # ---- arithmetic -------------------------------------------------------------------------------------------------
    def __add__(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        return NotImplemented if type(other) is Spread else ops.add(self, other)

    def __radd__(self, other: float) -> Tensor[S, DT]:
        return ops.add(other, self)

    def __sub__(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        return NotImplemented if type(other) is Spread else ops.sub(self, other)

    def __rsub__(self, other: float) -> Tensor[S, DT]:
        return ops.sub(other, self)

    def __mul__(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        return NotImplemented if type(other) is Spread else ops.mul(self, other)

    def __rmul__(self, other: float) -> Tensor[S, DT]:
        return ops.mul(other, self)

    def __truediv__[F: Floating](self: Operators[S, F], other: Tensor[S, F] | float) -> Tensor[S, F]:
        return NotImplemented if type(other) is Spread else ops.div(self, other)

    def __rtruediv__[F: Floating](self: Operators[S, F], other: float) -> Tensor[S, F]:
        return ops.div(other, self)

    def __floordiv__(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        return NotImplemented if type(other) is Spread else ops.floor_divide(self, other)

    def __rfloordiv__(self, other: float) -> Tensor[S, DT]:
        return ops.floor_divide(other, self)

    def __mod__(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        return NotImplemented if type(other) is Spread else ops.remainder(self, other)

    def __rmod__(self, other: float) -> Tensor[S, DT]:
        return ops.remainder(other, self)

    def __pow__(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        return NotImplemented if type(other) is Spread else ops.pow(self, other)

    def __rpow__(self, other: float) -> Tensor[S, DT]:
        return ops.pow(other, self)

    def __neg__(self) -> Tensor[S, DT]:
        return ops.neg(self)

    def __format__(self: Any, spec: str) -> str:
        # One number is written as Python's numbers are: f"{loss:.4f}".
        return format(self.item(), spec) if spec else str(self)

    def __pos__(self) -> Tensor[S, DT]:
        same: Any = self
        return same

    def __abs__(self) -> Tensor[S, DT]:
        return ops.abs(self)

    # ---- comparisons: element by element, so that a tensor of bool answers ------------------------------------------
    def __lt__(self, other: Tensor[S, DT] | float) -> Tensor[S, bool_]:
        return NotImplemented if type(other) is Spread else ops.lt(self, other)

    def __le__(self, other: Tensor[S, DT] | float) -> Tensor[S, bool_]:
        return NotImplemented if type(other) is Spread else ops.le(self, other)

    def __gt__(self, other: Tensor[S, DT] | float) -> Tensor[S, bool_]:
        return NotImplemented if type(other) is Spread else ops.gt(self, other)

    def __ge__(self, other: Tensor[S, DT] | float) -> Tensor[S, bool_]:
        return NotImplemented if type(other) is Spread else ops.ge(self, other)

    def __eq__(self, other: Tensor[S, DT] | float) -> Tensor[S, bool_]:  # pyrefly: ignore[bad-override]  # elementwise
        return ops.eq(self, other)

    def __ne__(self, other: Tensor[S, DT] | float) -> Tensor[S, bool_]:  # pyrefly: ignore[bad-override]  # elementwise
        return ops.ne(self, other)

    # Elementwise comparison takes the default hash away; a tensor is still found in a dict by being itself.
    __hash__ = object.__hash__

    # ---- logic, of tensors of bool ----------------------------------------------------------------------------------
    def __and__(self: Operators[S, bool_], other: Tensor[S, bool_] | bool) -> Tensor[S, bool_]:
        return ops.logical_and(self, other)

    def __rand__(self: Operators[S, bool_], other: bool) -> Tensor[S, bool_]:
        return ops.logical_and(other, self)

    def __or__(self: Operators[S, bool_], other: Tensor[S, bool_] | bool) -> Tensor[S, bool_]:
        return ops.logical_or(self, other)

    def __ror__(self: Operators[S, bool_], other: bool) -> Tensor[S, bool_]:
        return ops.logical_or(other, self)

    def __xor__(self: Operators[S, bool_], other: Tensor[S, bool_] | bool) -> Tensor[S, bool_]:
        return ops.logical_xor(self, other)

    def __rxor__(self: Operators[S, bool_], other: bool) -> Tensor[S, bool_]:
        return ops.logical_xor(other, self)

    def __invert__(self: Operators[S, bool_]) -> Tensor[S, bool_]:
        return ops.logical_not(self)
