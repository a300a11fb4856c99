"""`Batches`: goes through arrays of examples, so many at a time, in order or shuffled, each batch typed.

What it is not: a data set (`mnist.py`) or work on the examples themselves, which is done with tensor operations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, overload

import numpy as np

from shapewright import ops
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import DType, f64
from shapewright.shapes.errors import ArgumentError, ShapeError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor.creation import from_numpy
from shapewright.tensor.random import Key, rand
from shapewright.tensor.tensor import Tensor

_MOST_ARRAYS = 4


class Batches[T]:
    """Goes through one to four arrays of examples together, `size` examples at a time.

    Each array has its examples along the first axis: images `[60000, 28, 28]` and labels `[60000]` give batches
    `[size, 28, 28]` and `[size]` of the same element types. What is left at the end and does not fill a batch is
    dropped; with `short=True` it comes as a last, shorter batch, and the first size of every batch is an `int` to the
    type checker.

    Each pass draws a new order from `shuffle`, which moves that key on; without it the order is that of the arrays, and
    the batches share their memory.

    Args:
        arrays: the tensors `[N, ...]`, all with the same N.
        size: examples in a batch.
        shuffle: the key that orders come from; None keeps the order of the arrays.
        short: whether a last batch may have fewer examples.

    Raises:
        ShapeError: an array has no axis, or the arrays have different numbers of examples.
        ArgumentError: `size` is less than 1, there are no examples, or fewer than one batch.

    PyTorch: ``DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True, drop_last=True)``.
    dfdx: ``SubsetIterator::shuffled(n, rng)``.

    >>> import shapewright as sw
    >>> x, y = sw.arange(5), sw.arange(5).to(sw.f32)
    >>> [a.tolist() for a, b in sw.data.Batches(x, y, size=2)]
    [[0, 1], [2, 3]]
    >>> [a.tolist() for a in sw.data.Batches(x, size=2, short=True)]
    [[0, 1], [2, 3], [4]]
    """

    # Set by __new__, whose overloads decide what a batch is.
    _arrays: tuple[Any, ...]
    _count: int
    _size: int
    _shuffle: Key | None
    _short: bool

    @overload
    def __new__[N: IntVar, B: IntVar, X: IntTuple, D: DType](
        cls, x: Tensor[[N, *X], D], /, *, size: Int[B], shuffle: Key | None = None, short: Literal[False] = False
    ) -> Batches[Tensor[[B, *X], D]]: ...
    @overload
    def __new__[N: IntVar, X: IntTuple, D: DType](
        cls, x: Tensor[[N, *X], D], /, *, size: int, shuffle: Key | None = None, short: bool
    ) -> Batches[Tensor[[int, *X], D]]: ...
    @overload
    def __new__[N: IntVar, B: IntVar, X: IntTuple, Y: IntTuple, D: DType, E: DType](
        cls,
        x: Tensor[[N, *X], D],
        y: Tensor[[N, *Y], E],
        /,
        *,
        size: Int[B],
        shuffle: Key | None = None,
        short: Literal[False] = False,
    ) -> Batches[tuple[Tensor[[B, *X], D], Tensor[[B, *Y], E]]]: ...
    @overload
    def __new__[N: IntVar, X: IntTuple, Y: IntTuple, D: DType, E: DType](
        cls,
        x: Tensor[[N, *X], D],
        y: Tensor[[N, *Y], E],
        /,
        *,
        size: int,
        shuffle: Key | None = None,
        short: bool,
    ) -> Batches[tuple[Tensor[[int, *X], D], Tensor[[int, *Y], E]]]: ...
    @overload
    def __new__[N: IntVar, B: IntVar, X: IntTuple, Y: IntTuple, Z: IntTuple, D: DType, E: DType, F: DType](
        cls,
        x: Tensor[[N, *X], D],
        y: Tensor[[N, *Y], E],
        z: Tensor[[N, *Z], F],
        /,
        *,
        size: Int[B],
        shuffle: Key | None = None,
        short: Literal[False] = False,
    ) -> Batches[tuple[Tensor[[B, *X], D], Tensor[[B, *Y], E], Tensor[[B, *Z], F]]]: ...
    @overload
    def __new__[N: IntVar, X: IntTuple, Y: IntTuple, Z: IntTuple, D: DType, E: DType, F: DType](
        cls,
        x: Tensor[[N, *X], D],
        y: Tensor[[N, *Y], E],
        z: Tensor[[N, *Z], F],
        /,
        *,
        size: int,
        shuffle: Key | None = None,
        short: bool,
    ) -> Batches[tuple[Tensor[[int, *X], D], Tensor[[int, *Y], E], Tensor[[int, *Z], F]]]: ...
    @overload
    def __new__[
        N: IntVar,
        B: IntVar,
        X: IntTuple,
        Y: IntTuple,
        Z: IntTuple,
        W: IntTuple,
        D: DType,
        E: DType,
        F: DType,
        G: DType,
    ](
        cls,
        x: Tensor[[N, *X], D],
        y: Tensor[[N, *Y], E],
        z: Tensor[[N, *Z], F],
        w: Tensor[[N, *W], G],
        /,
        *,
        size: Int[B],
        shuffle: Key | None = None,
        short: Literal[False] = False,
    ) -> Batches[tuple[Tensor[[B, *X], D], Tensor[[B, *Y], E], Tensor[[B, *Z], F], Tensor[[B, *W], G]]]: ...
    @overload
    def __new__[N: IntVar, X: IntTuple, Y: IntTuple, Z: IntTuple, W: IntTuple, D: DType, E: DType, F: DType, G: DType](
        cls,
        x: Tensor[[N, *X], D],
        y: Tensor[[N, *Y], E],
        z: Tensor[[N, *Z], F],
        w: Tensor[[N, *W], G],
        /,
        *,
        size: int,
        shuffle: Key | None = None,
        short: bool,
    ) -> Batches[tuple[Tensor[[int, *X], D], Tensor[[int, *Y], E], Tensor[[int, *Z], F], Tensor[[int, *W], G]]]: ...
    def __new__(cls, *arrays: Any, size: Any, shuffle: Any = None, short: bool = False) -> Any:
        self = object.__new__(cls)
        self._arrays = _checked_arrays(arrays)
        self._count = arrays[0]._spec.sizes[0]
        self._size = _checked_size(size, self._count, short)
        if shuffle is not None and not isinstance(shuffle, Key):
            raise ArgumentError(
                f"Batches: shuffle= takes the key that the orders come from, not {shuffle!r}",
                hint="shuffle=sw.Key(0), or shuffle=None for the order of the arrays",
            )
        self._shuffle = shuffle
        self._short = bool(short)
        return self

    def __len__(self) -> int:
        """Give the number of batches in one pass."""
        return -(-self._count // self._size) if self._short else self._count // self._size

    def __iter__(self) -> Iterator[T]:
        """Begin a pass; with `shuffle`, draw its order and move the key on."""
        # Drawn here and not at the first batch: two passes begun one after the other have their orders in that order.
        order = None if self._shuffle is None else permutation(self._count, self._shuffle)
        return self._pass(order)

    def _pass(self, order: np.ndarray | None) -> Iterator[Any]:
        for index in range(len(self)):
            start = index * self._size
            stop = min(start + self._size, self._count)
            if order is None:
                batch = tuple([rows(array, start, stop) for array in self._arrays])
            else:
                chosen = order[start:stop]
                batch = tuple([taken(array, chosen) for array in self._arrays])
            yield batch if len(batch) > 1 else batch[0]

    def __repr__(self) -> str:
        arrays = ", ".join(describe_operand(array) for array in self._arrays)
        shuffled = "" if self._shuffle is None else ", shuffled"
        return f"Batches({arrays}): {len(self)} of {self._size} examples{shuffled}"


def permutation(count: int, key: Key) -> np.ndarray:
    """Give the numbers 0 … count - 1 in an order drawn from the key: the same on every device."""
    # 53 random bits for each place: sorting them orders the places at random, and ties are as good as impossible.
    return np.argsort(rand((count,), key=key, dtype=f64).numpy(), kind="stable")


def rows(array: Any, start: int, stop: int) -> Any:
    """Give the examples from `start` to `stop`, in the array's own memory."""
    sizes = array._spec.sizes
    rest = len(sizes) - 1
    return ops.slice(array, starts=(start,) + (0,) * rest, stops=(stop, *sizes[1:]), steps=(1,) * len(sizes))


def taken(array: Any, chosen: np.ndarray) -> Any:
    """Give the examples with these numbers, in this order."""
    return ops.take(array, from_numpy(chosen, device=array.device), axis=0)


def _checked_arrays(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    if not 1 <= len(arrays) <= _MOST_ARRAYS:
        raise ArgumentError(
            f"Batches: takes one to {_MOST_ARRAYS} arrays of examples, not {len(arrays)}",
            hint="Batches(images, labels, size=64)",
        )
    check_examples(arrays, "Batches")
    return arrays


def check_examples(arrays: tuple[Any, ...], called: str) -> None:
    """Check that all are tensors with the same number of examples along their first axis."""
    for array in arrays:
        if not isinstance(array, Tensor):
            raise ArgumentError(
                f"{called}: an array of examples is a tensor, not {type(array).__name__}",
                hint="sw.from_numpy(array).expect(shape) around it",
            )
        if not array._spec.sizes:
            raise ShapeError(
                f"{called}: examples lie along the first axis, and a tensor of shape [] has none",
                facts=[("array", describe_operand(array))],
            )
    counts = [array._spec.sizes[0] for array in arrays]
    if len(set(counts)) > 1:
        raise ShapeError(
            f"{called}: the arrays have different numbers of examples, {' and '.join(map(str, counts))}",
            facts=[(f"array {index}", describe_operand(array)) for index, array in enumerate(arrays)],
            hint="arrays of the same data set: train.images with train.labels",
        )


def _checked_size(size: Any, count: int, short: bool) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ArgumentError(f"Batches: size= is the number of examples in a batch, at least 1, not {size!r}")
    if count == 0:
        raise ArgumentError("Batches: there are no examples, and a batch is never empty")
    if count < size and not short:
        raise ArgumentError(
            f"Batches: {count} examples do not fill one batch of {int(size)}, so there would be no batch at all",
            hint="a smaller size=, or short=True to have the rest as a shorter batch",
        )
    return int(size)
