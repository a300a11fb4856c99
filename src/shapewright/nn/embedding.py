"""`Embedding`: a learned vector for each of a number of things, such as the words of a vocabulary.

What it is not: the selection of rows of any tensor (`x.take`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from shapewright import ops
from shapewright.shapes.dtypes import f32, i64
from shapewright.shapes.errors import ArgumentError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._variables import FT
from shapewright.tensor.creation import zeros
from shapewright.tensor.parameter import Parameter
from shapewright.tensor.tensor import Tensor

from . import init
from ._cells import LastAxis
from .module import Module

if TYPE_CHECKING:
    from shapewright.devices import Device
    from shapewright.tensor.random import Key

V = IntVar("V")
D = IntVar("D")


class Embedding(Module, Generic[V, D, FT]):
    """Replace each number from 0 to V - 1 by a learned vector of D elements.

    Takes `Tensor[Bs, i64]` to `[*Bs, D]`. The vectors begin normal with mean 0 and variance 1. Trace the numbers to
    train: ``model(tokens.trace())``.

    Args:
        num_embeddings: how many vectors there are, V.
        embedding_dim: how many elements each has, D.
        padding_idx: the number that stands for "nothing here": its vector begins as zeros and is not learned. Negative
            numbers count from the end.
        key: where the first values are drawn from; by default the process-wide key.
        dtype: the element type of the vectors.
        device: where the vectors are.

    Raises:
        ArgumentError: `padding_idx` is none of the numbers.
        DTypeError: (when called) the numbers are no i64.
        IndexRangeError: (when called) one of them is not 0 to V - 1.

    PyTorch: ``nn.Embedding(1000, 64)``. dfdx: ``Embedding<1000, 64>``.

    >>> import shapewright as sw
    >>> words = sw.nn.Embedding(10, 3, padding_idx=0)
    >>> words(sw.tensor([[1, 2, 0], [4, 0, 0]])).shape
    (2, 3, 3)
    """

    weight: Parameter[[V, D], FT]

    def __init__(
        self,
        num_embeddings: Int[V],
        embedding_dim: Int[D],
        padding_idx: int | None = None,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        weight: Any = init.normal((num_embeddings, embedding_dim), key=key, dtype=dtype, device=device)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ArgumentError(
                    f"Embedding: padding_idx={padding_idx} is none of the {num_embeddings} numbers",
                    facts=[("allowed", f"{-num_embeddings} to {num_embeddings - 1}")],
                )
            padding_idx = padding_idx % num_embeddings
            empty: Any = zeros((1, embedding_dim), dtype=dtype, device=device)
            parts = [_rows(weight, 0, padding_idx), empty, _rows(weight, padding_idx + 1, num_embeddings)]
            weight = ops.concat(*parts, axis=0)
        self.padding_idx = padding_idx
        self.weight = Parameter(weight)

    def __call__[Bs: IntTuple](self, x: Tensor[Bs, i64]) -> Tensor[[*Bs, D], FT]:
        vectors = ops.take(self.weight, x, axis=0)
        if self.padding_idx is None:
            return vectors
        sizes = vectors._spec.sizes
        empty = ops.broadcast(ops.eq(x, self.padding_idx), sizes=sizes, axes=tuple(range(len(sizes) - 1)))
        return ops.where(empty, ops.stop_gradient(vectors), vectors)

    @property
    def _last_axis(self) -> LastAxis:
        return None, self.weight._spec.sizes[1]

    def _described(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return super()._described() + padding


def _rows(x: Any, start: int, stop: int) -> Any:
    return ops.slice(x, starts=(start, 0), stops=(stop, x._spec.sizes[1]), steps=(1, 1))
