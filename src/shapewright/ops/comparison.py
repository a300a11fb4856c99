"""Comparisons, boolean logic and the choice between two values: ops whose results or conditions are bool.

What it is not: `maximum` and `minimum`, which compute numbers (see `elementwise.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shapewright.ops.core import Op, Shape, boolean, compared, same
from shapewright.shapes.dim import counted_axes
from shapewright.shapes.dtypes import DType, bool_
from shapewright.shapes.errors import ArgumentError, DTypeError, ShapeError

EQUAL_HINT = "b.broadcast_like(a), or b.spread() in the place of b; nothing is broadcast silently"


def equal_shapes(*shapes: Shape | None, **_: Any) -> Shape:
    """The rule of every elementwise op: tensors of one shape, beside Python scalars; the result has that shape."""
    tensors = [shape for shape in shapes if shape is not None]
    first = tensors[0]
    for other in tensors[1:]:
        if other == first:
            continue
        if len(other) != len(first):
            raise ShapeError(
                f"the shapes differ: one has {counted_axes(len(first))} and the other {counted_axes(len(other))}",
                hint=_how_to_broadcast(shapes, first, other),
            )
        differing = [(i, a, b) for i, (a, b) in enumerate(zip(first, other, strict=True)) if a != b]
        where = ", ".join(f"{int(a)} and {int(b)} on axis {i}" for i, a, b in differing)
        raise ShapeError(f"the shapes differ: {where}", hint=_how_to_broadcast(shapes, first, other))
    return first


def _how_to_broadcast(shapes: tuple[Shape | None, ...], first: Shape, other: Shape) -> str:
    """What to write instead; only where it works is broadcasting what is proposed."""
    if len(shapes) != 2:
        return "tensors of one shape, v.broadcast_like(x) where v is the smaller; nothing is broadcast silently"
    (small, little), (large, big) = sorted((("a", first), ("b", other)), key=lambda operand: len(operand[1]))
    if len(first) == len(other):
        # A size of 1 was perhaps meant to be stretched, as NumPy does.
        stretched = [i for i, (x, y) in enumerate(zip(first, other, strict=True)) if x != y]
        for name, shape, target in (("b", other, "a"), ("a", first, "b")):
            if len(stretched) == 1 and shape[stretched[0]] == 1:
                return f"{name}.squeeze(axis={stretched[0]}).broadcast_like({target}); nothing is broadcast silently"
        return "tensors of one shape: nothing is broadcast silently"
    axes = iter(big)
    if all([size in axes for size in little]):
        instead = f"{small}.broadcast_like({large}), or {small}.spread() in the place of {small}"
        return f"{instead}; nothing is broadcast silently"
    return "tensors of one shape: nothing is broadcast silently"


def _truth(dtype: type[DType], *_: Any, **__: Any) -> type[DType]:
    """Any one operand; the result is bool."""
    return bool_


def fitting(value: Callable[..., Any]) -> Callable[..., Any]:
    """Say what is wrong with a Python number that is beyond what the tensor's elements can hold."""

    def checked(a: Any, b: Any) -> Any:
        try:
            return value(a, b)
        except OverflowError:
            number, array = (b, a) if isinstance(a, np.ndarray) else (a, b)
            raise does_not_fit(number, array.dtype) from None

    return checked


def comparing(name: str, value: Callable[..., Any]) -> Op:
    """Make an op that compares elements and gives bool."""
    return Op(
        name,
        shape=equal_shapes,
        value=fitting(value),
        dtype=compared,
        operands=("a", "b"),
        hint=EQUAL_HINT,
        merges=True,
    )


eq = comparing("eq", np.equal)
"""``a == b`` for each element, as bool. NaN equals nothing. PyTorch: ``torch.eq``."""

ne = comparing("ne", np.not_equal)
"""``a != b`` for each element, as bool. PyTorch: ``torch.ne``."""

lt = comparing("lt", np.less)
"""``a < b`` for each element, as bool. PyTorch: ``torch.lt``."""

le = comparing("le", np.less_equal)
"""``a <= b`` for each element, as bool. PyTorch: ``torch.le``."""

gt = comparing("gt", np.greater)
"""``a > b`` for each element, as bool. PyTorch: ``torch.gt``."""

ge = comparing("ge", np.greater_equal)
"""``a >= b`` for each element, as bool. PyTorch: ``torch.ge``."""


def _testing(name: str, value: Callable[..., Any]) -> Op:
    return Op(name, shape=equal_shapes, value=value, dtype=_truth, merges=True)


isnan = _testing("isnan", np.isnan)
"""Whether each element is NaN. PyTorch: ``torch.isnan``."""

isinf = _testing("isinf", np.isinf)
"""Whether each element is plus or minus infinity. PyTorch: ``torch.isinf``."""

isfinite = _testing("isfinite", np.isfinite)
"""Whether each element is neither infinite nor NaN. PyTorch: ``torch.isfinite``."""


def _logical(name: str, value: Callable[..., Any], operands: tuple[str, ...] = ("a", "b")) -> Op:
    return Op(
        name,
        shape=equal_shapes,
        value=value,
        dtype=boolean,
        operands=operands,
        hint=EQUAL_HINT,
        merges=True,
        exact=True,
    )


logical_and = _logical("logical_and", np.logical_and)
"""``a and b`` for each element of bool tensors. PyTorch: ``torch.logical_and``."""

logical_or = _logical("logical_or", np.logical_or)
"""``a or b`` for each element of bool tensors. PyTorch: ``torch.logical_or``."""

logical_xor = _logical("logical_xor", np.logical_xor)
"""Whether exactly one of two is True, for each element of bool tensors. PyTorch: ``torch.logical_xor``."""

logical_not = _logical("logical_not", np.logical_not, ("x",))
"""``not x`` for each element of a bool tensor. PyTorch: ``torch.logical_not``."""


def does_not_fit(number: Any, dtype: np.dtype) -> ArgumentError:
    """The error of a Python number that is beyond what a tensor's elements can hold."""
    if dtype.kind not in "iu":
        return ArgumentError(f"an int of {number.bit_length()} bits is beyond all floating point numbers")
    limits = np.iinfo(dtype)
    return ArgumentError(
        f"{number} does not fit among the tensor's elements, which go from {limits.min} to {limits.max}",
        hint="x.to(sw.i64) first" if dtype.itemsize < 8 else "x.to(sw.f64) first",
    )


# ---- where ----------------------------------------------------------------------------------------------------------
def _where_value(cond: np.ndarray, a: Any, b: Any) -> np.ndarray:
    # A Python number takes the tensor's type before NumPy could widen the result.
    if not isinstance(a, np.ndarray):
        a = _typed(a, b.dtype)
    elif not isinstance(b, np.ndarray):
        b = _typed(b, a.dtype)
    return np.where(cond, a, b)


def _typed(number: Any, dtype: np.dtype) -> np.ndarray:
    try:
        return np.asarray(number, dtype=dtype)
    except OverflowError:
        raise does_not_fit(number, dtype) from None


def _where_dtype(cond: Any, a: Any, b: Any) -> type[DType]:
    if cond is not bool_:
        name = cond.name if hasattr(cond, "name") else f"Python {cond.__name__}"
        raise DTypeError(f"the condition holds bool, not {name}", hint="a comparison such as x > 0, or x.to(sw.bool)")
    if not hasattr(a, "name") and not hasattr(b, "name"):
        raise DTypeError(
            "two Python numbers do not say which element type the result has",
            hint="cond.to(sw.f32) * (a - b) + b, or a tensor in the place of one number",
        )
    return same(a, b)


where = Op(
    "where",
    shape=equal_shapes,
    value=_where_value,
    dtype=_where_dtype,
    gradients=(
        None,
        # Chosen, not multiplied by the condition: an infinite gradient on the other side stays out.
        lambda g, y, cond, a, b: where(cond, g, 0.0),
        lambda g, y, cond, a, b: where(cond, 0.0, g),
    ),
    operands=("cond", "a", "b"),
    hint=EQUAL_HINT,
    merges=True,
    exact=True,
)
"""``a`` where the bool tensor ``cond`` is True and ``b`` elsewhere, of one shape or a Python number each.

PyTorch: ``torch.where``.
"""
