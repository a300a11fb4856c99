"""Products of tensors as methods: `x @ w`, `x.matmul(w)`, `x.outer(y)`, `x.rearrange(…)`, and `x >> layer`.

What it is not: the rules (`shapes/rules/contraction.py`), the parsing of patterns (`shapes/_patterns.py`), or the
operations (`ops/`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic

from shapewright import ops
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
        Tensor[[2], f32] on cpu: [3. 7.]
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
        Tensor[[2, 2], f32] on cpu:
        [[3. 4.]
         [6. 8.]]
        """
        return ops.outer(self, other)

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
        return ops.rearrange(self, pattern, sizes)

    def __rshift__[Y](self: Contraction[S, DT], layer: Callable[[Tensor[S, DT]], Y]) -> Y:
        """``x >> layer >> layer``: give `x` to a layer, so that each shape is known when the next layer is checked."""
        return layer(self)  # pyrefly: ignore[bad-argument-type]  # every Contraction is a Tensor
