"""Products of tensors as methods: `x @ w`, `x.matmul(w)`, `x.outer(y)`, `x.einsum(…)`, `x.rearrange(…)`, and `x >> layer`.

What it is not: the rules (`shapes/rules/contraction.py`), the parsing of equations (`shapes/_patterns.py`), or the
operations (`ops/`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic

from shapewright import ops
from shapewright.shapes import _patterns, rules
from shapewright.tensor import _checks as checks
from shapewright.tensor import _target as target
from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.shapes.rules import matmul_shape, outer_shape, rearrange_shape
    from shapewright.shapes.typing import CaptureNamedInts, Flag, IntTuple, NamedInts
    from shapewright.tensor.tensor import Tensor


class Contraction(Generic[S, DT]):
    """The products of `Tensor`."""

    __slots__ = ()

    def __matmul__[T: IntTuple](self: Contraction[S, DT], other: Tensor[T, DT]) -> Tensor[matmul_shape(S, T), DT]:
        return ops.matmul(self, other)

    def matmul[T: IntTuple](self: Contraction[S, DT], other: Tensor[T, DT]) -> Tensor[matmul_shape(S, T), DT]:
        """Multiply matrices, as ``x @ other`` does.

        The last axis of `x` is multiplied along the last but one of `other`, or along its only one if it is a vector;
        a vector on the left is a row. Further axes in front are a batch: the same on both sides, or on one side only.
        Batches are not stretched; a matrix shared by a batch is one without batch axes.

        Raises:
            ShapeError: the inner sizes or the batch axes differ, or one side is a scalar.
            DTypeError: the element types differ.

        PyTorch: ``x @ other``. dfdx: ``x.matmul(other)``.

        >>> import shapewright as sw
        >>> a = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> a @ sw.tensor([1.0, 1.0])
        """
        return ops.matmul(self, other)

    def outer[T: IntTuple](self: Contraction[S, DT], other: Tensor[T, DT]) -> Tensor[outer_shape(S, T), DT]:
        """Multiply two vectors, each element with each: ``x[i] * other[j]``.

        Raises:
            ShapeError: one of the two is no vector.
            DTypeError: the element types differ.

        PyTorch: ``torch.outer(x, other)``. dfdx: ``x.matmul(other)`` of two vectors.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0]).outer(sw.tensor([3.0, 4.0]))
        """
        checks.sizes(self, rules.outer_shape, checks.plain(other), doing="outer", other=list(checks.plain(other)))
        rows = target.reshape(self, (*checks.named(self), 1))
        columns = target.reshape(other, (1, *checks.named(other)))
        return ops.matmul(rows, columns)

    def rearrange[P: Flag[str], A: NamedInts](
        self: Contraction[S, DT], pattern: P, **sizes: CaptureNamedInts[A]
    ) -> Tensor[rearrange_shape(P, S, A), DT]:
        """Split, join and reorder axes by names: ``x.rearrange("b t (h k) -> b h t k", h=8)``.

        Args:
            pattern: the axes as they are, an arrow, and the axes as they should be; parentheses hold axes that are one.
            sizes: the size of a name, where a group leaves it open.

        Raises:
            ShapeError: the pattern does not describe the tensor, or a size does not divide its axis.

        PyTorch: ``einops.rearrange(x, pattern, **sizes)`` (A. Rogozhnikov, ICLR 2022).

        >>> import shapewright as sw
        >>> sw.zeros((2, 3, 8)).rearrange("b t (h k) -> b h t k", h=2).shape
        (2, 2, 3, 4)
        """
        plan = _patterns.parse_rearrange(pattern)
        joined = checks.sizes(self, _joined, pattern, sizes, doing="rearrange")
        found = _patterns.rearrange_sizes(pattern, checks.named(self), sizes)
        split = target.reshape(self, tuple(found[name] for name in plan.names))
        return target.reshape(ops.permute(split, axes=plan.order), joined)

    def __rshift__[Y](self: Contraction[S, DT], layer: Callable[[Tensor[S, DT]], Y]) -> Y:
        """``x >> layer >> layer``: give `x` to a layer, so that each shape is known when the next layer is checked."""
        return layer(self)  # pyrefly: ignore[bad-argument-type]  # every Contraction is a Tensor


def _joined(shape: Any, pattern: str, sizes: Any) -> Any:
    return _patterns.rearrange_shape(pattern, shape, sizes)
