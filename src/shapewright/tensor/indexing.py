"""Parts of a tensor as methods: `x[0, 1:3]`, slice, select, split, take, gather, scatter_add, topk, sort, one_hot.

An index or slice that leaves its axis is an error, in the editor too: Pyrefly's own index rule would let it pass, so
the common forms of `x[…]` each have an overload that shows the rule its numbers. Other forms (steps, several slices
among other indices) fall back on Pyrefly's rule and a weaker check; at run time every form is checked fully. What it is
not: the rules (`shapes/rules/index.py`) or the operations (`ops/`).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.shapes import rules
from shapewright.shapes.dtypes import checked_dtype, f32
from shapewright.shapes.errors import ShapeError
from shapewright.tensor import _checks as checks
from shapewright.tensor import _target as target
from shapewright.tensor._index import index as _index
from shapewright.tensor._index import take as _take
from shapewright.tensor._variables import DT, S
from shapewright.tensor.habits import unchanging

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType, Integer, i64
    from shapewright.shapes.rules import (
        axis_shape,
        gather_shape,
        index_shape_at,
        other_index_shape,
        scatter_shape,
        select_shape,
        slice_from_shape,
        slice_shape,
        split_shapes,
        split_sizes_shapes,
        take_places_shape,
        take_shape,
        take_some_shape,
        topk_shape,
    )
    from shapewright.shapes.typing import (
        Flag,
        Index,
        Int,
        IntListLiteral,
        IntTuple,
        IntVar,
        MapIntTuples,
        index_shape,
    )
    from shapewright.tensor.tensor import Tensor

    _All = slice[None, None, None]
    _Slice = slice

# Inside the class `slice` is the method.
_slice = slice


class Indexing(Generic[S, DT]):
    """The methods of `Tensor` that pick elements."""

    __slots__ = ()

    # fmt: off
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: Int[A]) -> Tensor[select_shape(S, Int[A], 0), DT]: ...
    @overload
    def __getitem__[T: IntTuple](self: Indexing[S, DT], at: T) -> Tensor[index_shape_at(S, T), DT]: ...
    @overload
    def __getitem__[T: IntTuple](self: Indexing[S, DT], at: IntListLiteral[T]) -> Tensor[take_places_shape(S, T, 0), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: slice[Int[A], Int[B], None]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: slice[None, Int[B], None]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: slice[Int[A], None, None]) -> Tensor[slice_from_shape(S, Int[A], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[Int[A], *tuple[_All, ...]]) -> Tensor[select_shape(S, Int[A], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: tuple[slice[None, Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], None, None], *tuple[_All, ...]]) -> Tensor[slice_from_shape(S, Int[A], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[_All, Int[A], *tuple[_All, ...]]) -> Tensor[select_shape(S, Int[A], 1), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[_All, slice[Int[A], Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], 1), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: tuple[_All, slice[None, Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], 1), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[_All, slice[Int[A], None, None], *tuple[_All, ...]]) -> Tensor[slice_from_shape(S, Int[A], 1), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, Int[A], *tuple[_All, ...]]) -> Tensor[select_shape(S, Int[A], 2), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, slice[Int[A], Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], 2), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, slice[None, Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], 2), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, slice[Int[A], None, None], *tuple[_All, ...]]) -> Tensor[slice_from_shape(S, Int[A], 2), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, _All, Int[A], *tuple[_All, ...]]) -> Tensor[select_shape(S, Int[A], 3), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, _All, slice[Int[A], Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], 3), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, _All, slice[None, Int[B], None], *tuple[_All, ...]]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], 3), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, _All, slice[Int[A], None, None], *tuple[_All, ...]]) -> Tensor[slice_from_shape(S, Int[A], 3), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[EllipsisType, Int[A]]) -> Tensor[select_shape(S, Int[A], -1), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[EllipsisType, slice[Int[A], Int[B], None]]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], -1), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: tuple[EllipsisType, slice[None, Int[B], None]]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], -1), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[EllipsisType, slice[Int[A], None, None]]) -> Tensor[slice_from_shape(S, Int[A], -1), DT]: ...
    @overload
    def __getitem__[I: IntVar, A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[Int[I], slice[Int[A], Int[B], None]]) -> Tensor[slice_shape(select_shape(S, Int[I], 0), Int[A], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[I: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[Int[I], slice[None, Int[B], None]]) -> Tensor[slice_shape(select_shape(S, Int[I], 0), Int[0], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[I: IntVar, A: IntVar](self: Indexing[S, DT], at: tuple[Int[I], slice[Int[A], None, None]]) -> Tensor[slice_from_shape(select_shape(S, Int[I], 0), Int[A], 0), DT]: ...
    @overload
    def __getitem__[I: IntVar, A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], Int[B], None], Int[I]]) -> Tensor[slice_shape(select_shape(S, Int[I], 1), Int[A], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[I: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[slice[None, Int[B], None], Int[I]]) -> Tensor[slice_shape(select_shape(S, Int[I], 1), Int[0], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], Int[B], None], EllipsisType]) -> Tensor[slice_shape(S, Int[A], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[B: IntVar](self: Indexing[S, DT], at: tuple[slice[None, Int[B], None], EllipsisType]) -> Tensor[slice_shape(S, Int[0], Int[B], Int[1], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar, C: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], Int[B], None], slice[Int[C], Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[A], Int[B], Int[1], 0), Int[C], Int[D], Int[1], 1), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar, C: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[_All, slice[Int[A], Int[B], None], slice[Int[C], Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[A], Int[B], Int[1], 1), Int[C], Int[D], Int[1], 2), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar, C: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, slice[Int[A], Int[B], None], slice[Int[C], Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[A], Int[B], Int[1], 2), Int[C], Int[D], Int[1], 3), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar, C: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[EllipsisType, slice[Int[A], Int[B], None], slice[Int[C], Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[A], Int[B], Int[1], -2), Int[C], Int[D], Int[1], -1), DT]: ...
    @overload
    def __getitem__[B: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[slice[None, Int[B], None], slice[None, Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[0], Int[B], Int[1], 0), Int[0], Int[D], Int[1], 1), DT]: ...
    @overload
    def __getitem__[B: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[_All, slice[None, Int[B], None], slice[None, Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[0], Int[B], Int[1], 1), Int[0], Int[D], Int[1], 2), DT]: ...
    @overload
    def __getitem__[B: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[_All, _All, slice[None, Int[B], None], slice[None, Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[0], Int[B], Int[1], 2), Int[0], Int[D], Int[1], 3), DT]: ...
    @overload
    def __getitem__[B: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[EllipsisType, slice[None, Int[B], None], slice[None, Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[0], Int[B], Int[1], -2), Int[0], Int[D], Int[1], -1), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[Int[A], EllipsisType]) -> Tensor[select_shape(S, Int[A], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], None, None], EllipsisType]) -> Tensor[slice_from_shape(S, Int[A], 0), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar, C: IntVar, D: IntVar](self: Indexing[S, DT], at: tuple[slice[Int[A], Int[B], None], EllipsisType, slice[Int[C], Int[D], None]]) -> Tensor[slice_shape(slice_shape(S, Int[A], Int[B], Int[1], 0), Int[C], Int[D], Int[1], -1), DT]: ...
    @overload
    def __getitem__[I: IntVar, A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[Int[I], EllipsisType, slice[Int[A], Int[B], None]]) -> Tensor[slice_shape(select_shape(S, Int[I], 0), Int[A], Int[B], Int[1], -1), DT]: ...
    @overload
    def __getitem__[I: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[Int[I], EllipsisType, slice[None, Int[B], None]]) -> Tensor[slice_shape(select_shape(S, Int[I], 0), Int[0], Int[B], Int[1], -1), DT]: ...
    @overload
    def __getitem__[I: IntVar, A: IntVar](self: Indexing[S, DT], at: tuple[Int[I], EllipsisType, slice[Int[A], None, None]]) -> Tensor[slice_from_shape(select_shape(S, Int[I], 0), Int[A], -1), DT]: ...
    @overload
    def __getitem__[A: IntVar, B: IntVar](self: Indexing[S, DT], at: tuple[Int[A], EllipsisType, Int[B]]) -> Tensor[select_shape(select_shape(S, Int[A], 0), Int[B], -1), DT]: ...
    @overload
    def __getitem__[T: IntTuple, I: Integer](self: Indexing[S, DT], at: tuple[_All, Tensor[T, I]]) -> Tensor[take_shape(S, T, 1), DT]: ...
    @overload
    def __getitem__[T: IntTuple, I: Integer](self: Indexing[S, DT], at: tuple[EllipsisType, Tensor[T, I]]) -> Tensor[take_shape(S, T, -1), DT]: ...
    @overload
    def __getitem__[T: IntTuple, I: Integer](self: Indexing[S, DT], at: Tensor[T, I]) -> Tensor[take_shape(S, T, 0), DT]: ...
    @overload
    def __getitem__(self: Indexing[S, DT], at: tuple[_All, list[int]]) -> Tensor[take_some_shape(S, 1), DT]: ...
    @overload
    def __getitem__(self: Indexing[S, DT], at: tuple[EllipsisType, list[int]]) -> Tensor[take_some_shape(S, -1), DT]: ...
    @overload
    def __getitem__[I: Index](self: Indexing[S, DT], at: I) -> Tensor[other_index_shape(S, index_shape(S, I)), DT]: ...
    # fmt: on
    def __getitem__(self, at: Any) -> Any:
        """Pick elements by ints, slices, ``None`` for a new axis of size 1, ``...``, a list or a tensor of places.

        Raises:
            IndexRangeError: an int is outside its axis.
            ShapeError: a slice reaches outside its axis, or there are more indices than axes.

        PyTorch: ``x[0, 1:3]``. dfdx: ``x.slice((0..1, 1..3))``.

        >>> import shapewright as sw
        >>> x = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        >>> x[0, 1:3]
        Tensor[[2], f32] on cpu: [2. 3.]
        """
        return _index(self, at)

    if not TYPE_CHECKING:

        def __setitem__(self, at: Any, value: Any) -> None:
            raise unchanging(self)

        def __delitem__(self, at: Any) -> None:
            raise unchanging(self)

    @overload
    def __iter__[N: IntVar, R: IntTuple](self: Indexing[[N, *R], DT]) -> Iterator[Tensor[R, DT]]: ...
    @overload
    def __iter__(self: Indexing[[], DT]) -> None: ...  # no iterator, so that `for row in scalar` is an error
    def __iter__(self) -> Any:
        sizes = checks.plain(self)
        if not sizes:
            raise ShapeError(
                "iteration: a tensor of shape [] has no axis to go along", hint="x.item() for its one number"
            )
        return iter([_index(self, place) for place in range(sizes[0])])

    def select[I: IntVar, A: Flag[int]](
        self: Indexing[S, DT], index: Int[I], *, axis: A
    ) -> Tensor[select_shape(S, Int[I], A), DT]:
        """Pick one place of an axis; the axis is gone.

        Raises:
            IndexRangeError: the index is outside the axis.
            ShapeError: the axis does not exist.

        PyTorch: ``x.select(1, 0)``. dfdx: ``x.select(index)``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 2.0], [3.0, 4.0]]).select(0, axis=1)
        Tensor[[2], f32] on cpu: [1. 3.]
        """
        place = target.axis(self, axis, "select")
        return _index(self, (*([_slice(None)] * place), index))

    @overload
    def slice[X: IntVar, Y: IntVar, A: Flag[int], Z: IntVar](
        self: Indexing[S, DT], start: Int[X], stop: Int[Y], step: Int[Z] = 1, *, axis: A
    ) -> Tensor[slice_shape(S, Int[X], Int[Y], Int[Z], A), DT]: ...
    @overload
    def slice[X: IntVar, A: Flag[int]](
        self: Indexing[S, DT], start: Int[X], stop: None = None, *, axis: A
    ) -> Tensor[slice_from_shape(S, Int[X], A), DT]: ...
    def slice(self, start: int, stop: int | None = None, step: int = 1, *, axis: int) -> Any:
        """Keep the places ``start:stop:step`` of an axis.

        Raises:
            ShapeError: the slice reaches outside the axis, or the axis does not exist.

        PyTorch: ``x.narrow(0, start, stop - start)``. dfdx: ``x.slice((start..stop, ..))``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0, 3.0, 4.0]).slice(1, 3, axis=0)
        Tensor[[2], f32] on cpu: [2. 3.]
        """
        place = target.axis(self, axis, "slice")
        return _index(self, (*([_slice(None)] * place), _slice(start, stop, None if step == 1 else step)))

    @overload
    def split[P: Flag[int], A: Flag[int]](
        self: Indexing[S, DT], parts: P, *, axis: A
    ) -> MapIntTuples[lambda T: Tensor[T, DT], split_shapes(S, P, A)]: ...
    @overload
    def split[P: IntTuple, A: Flag[int]](
        self: Indexing[S, DT], parts: P, *, axis: A
    ) -> MapIntTuples[lambda T: Tensor[T, DT], split_sizes_shapes(S, P, A)]: ...
    def split(self, parts: Any, *, axis: int) -> Any:
        """Cut into parts along an axis.

        Args:
            parts: how many equal parts, or a tuple of their sizes.
            axis: the number of the axis.

        Raises:
            ShapeError: the axis does not divide into that many parts, or the sizes do not add up to it.

        PyTorch: ``x.chunk(2, dim=1)``, ``x.split([1, 3], dim=1)``.

        >>> import shapewright as sw
        >>> first, second = sw.tensor([1.0, 2.0, 3.0, 4.0]).split(2, axis=0)
        >>> second
        Tensor[[2], f32] on cpu: [3. 4.]
        """
        place = target.axis(self, axis, "split")
        sizes = target.numbers(self, parts, "split", "parts is how many equal parts there are")
        equal = not isinstance(parts, tuple | list)
        rule, parts = (rules.split_shapes, sizes[0]) if equal else (rules.split_sizes_shapes, sizes)
        before = (_slice(None),) * place
        pieces, start = [], 0
        for shape in checks.plain_sizes(self, rule, parts, place, doing="split", parts=parts):
            stop = start + shape[place]
            pieces.append(_index(self, (*before, _slice(start, stop))))
            start = stop
        return tuple(pieces)

    # ---- places given by tensors ------------------------------------------------------------------------------------
    @overload
    def take[T: IntTuple, A: Flag[int]](
        self: Indexing[S, DT], indices: T, *, axis: A
    ) -> Tensor[take_places_shape(S, T, A), DT]: ...
    @overload
    def take[T: IntTuple, I: Integer, A: Flag[int]](
        self: Indexing[S, DT], indices: Tensor[T, I], *, axis: A
    ) -> Tensor[take_shape(S, T, A), DT]: ...
    def take(self, indices: Any, *, axis: int) -> Any:
        """Pick places of an axis; the axis is replaced by the axes of `indices`.

        Args:
            indices: a tensor of integers of any shape, or a tuple of ints.
            axis: the number of the axis.

        Raises:
            IndexRangeError: an index is outside the axis.
            ShapeError: the axis does not exist.

        PyTorch: ``x.index_select(0, indices)``. dfdx: ``x.gather(indices)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0, 3.0]).take((2, 0), axis=0)
        Tensor[[2], f32] on cpu: [3. 1.]
        """
        return _take(self, indices, target.axis(self, axis, "take"))

    def gather[T: IntTuple, I: Integer, A: Flag[int]](
        self: Indexing[S, DT], indices: Tensor[T, I], *, axis: A
    ) -> Tensor[gather_shape(S, T, A), DT]:
        """Pick, for each element of `indices`, the element that is there along an axis: ``x[indices[i, j], j]``.

        Args:
            indices: integers, with the axes of `x`, of the same sizes except along `axis`.
            axis: the number of the axis.

        Raises:
            IndexRangeError: an index is outside the axis.
            ShapeError: `indices` has other axes, or the axis does not exist.

        PyTorch: ``x.gather(1, indices)``. dfdx: ``x.select(indices)``.

        >>> import shapewright as sw
        >>> sw.tensor([[1.0, 2.0], [3.0, 4.0]]).gather(sw.tensor([[1], [0]]), axis=1)
        Tensor[[2, 1], f32] on cpu:
        [[2.]
         [3.]]
        """
        return ops.gather(self, indices, axis=target.axis(self, axis, "gather"))

    def scatter_add[T: IntTuple, U: IntTuple, I: Integer, A: Flag[int]](
        self: Indexing[S, DT], indices: Tensor[T, I], values: Tensor[U, DT], *, axis: A
    ) -> Tensor[scatter_shape(S, T, U, A), DT]:
        """Add each element of `values` to the element that `indices` names along an axis.

        Args:
            indices: integers, with the axes of `x`, of the same sizes except along `axis`.
            values: one element for each index.
            axis: the number of the axis.

        Raises:
            IndexRangeError: an index is outside the axis.
            ShapeError: `indices` or `values` has other axes, or the axis does not exist.

        PyTorch: ``x.scatter_add(1, indices, values)``.

        >>> import shapewright as sw
        >>> sw.zeros((3,)).scatter_add(sw.tensor([2, 2]), sw.tensor([1.0, 5.0]), axis=0)
        Tensor[[3], f32] on cpu: [0. 0. 6.]
        """
        return ops.scatter_add(self, indices, values, axis=target.axis(self, axis, "scatter_add"))

    @overload
    def one_hot[I: Integer, C: IntVar](self: Indexing[S, I], classes: Int[C]) -> Tensor[[*S, C], f32]: ...
    @overload
    def one_hot[I: Integer, C: IntVar, E: DType](
        self: Indexing[S, I], classes: Int[C], *, dtype: type[E]
    ) -> Tensor[[*S, C], E]: ...
    def one_hot(self, classes: int, *, dtype: Any = f32) -> Any:
        """Give 1 in the place that each element names, and 0 in the others, along a new last axis.

        Raises:
            IndexRangeError: an element is negative or not less than `classes`.
            DTypeError: the elements are not integers.

        PyTorch: ``torch.nn.functional.one_hot(x, classes)``. dfdx: ``one_hot_encode(labels)`` of dfdx-nn.

        >>> import shapewright as sw
        >>> sw.tensor([2, 0]).one_hot(3)
        Tensor[[2, 3], f32] on cpu:
        [[0. 0. 1.]
         [1. 0. 0.]]
        """
        return ops.one_hot(self, classes=target.count(self, classes, "one_hot", "classes"), dtype=checked_dtype(dtype))

    # ---- order ------------------------------------------------------------------------------------------------------
    @overload
    def topk[K: IntVar](
        self: Indexing[S, DT], k: Int[K]
    ) -> tuple[Tensor[topk_shape(S, Int[K], -1), DT], Tensor[topk_shape(S, Int[K], -1), i64]]: ...
    @overload
    def topk[K: IntVar, A: Flag[int]](
        self: Indexing[S, DT], k: Int[K], *, axis: A
    ) -> tuple[Tensor[topk_shape(S, Int[K], A), DT], Tensor[topk_shape(S, Int[K], A), i64]]: ...
    def topk(self, k: int, *, axis: int = -1) -> Any:
        """Give the `k` largest elements along an axis, the last by default, largest first, and their places.

        Raises:
            ShapeError: `k` is larger than the axis, or the axis does not exist.

        PyTorch: ``x.topk(2)``.

        >>> import shapewright as sw
        >>> values, places = sw.tensor([1.0, 5.0, 3.0]).topk(2)
        >>> places
        Tensor[[2], i64] on cpu: [1 2]
        """
        return ops.topk(self, k=target.count(self, k, "topk", "k"), axis=target.axis(self, axis, "topk"))

    @overload
    def sort(self: Indexing[S, DT], *, descending: bool = False) -> Tensor[S, DT]: ...
    @overload
    def sort[A: Flag[int]](
        self: Indexing[S, DT], *, axis: A, descending: bool = False
    ) -> Tensor[axis_shape(S, A), DT]: ...
    def sort(self, *, axis: int = -1, descending: bool = False) -> Any:
        """Put the elements along an axis, the last by default, in rising order; equal ones keep their order.

        Raises:
            ShapeError: the axis does not exist.

        PyTorch: ``x.sort(stable=True).values``.

        >>> import shapewright as sw
        >>> sw.tensor([3.0, 1.0, 2.0]).sort()
        Tensor[[3], f32] on cpu: [1. 2. 3.]
        """
        return ops.sort(self, axis=target.axis(self, axis, "sort"), descending=descending)[0]

    @overload
    def argsort(self: Indexing[S, DT], *, descending: bool = False) -> Tensor[S, i64]: ...
    @overload
    def argsort[A: Flag[int]](
        self: Indexing[S, DT], *, axis: A, descending: bool = False
    ) -> Tensor[axis_shape(S, A), i64]: ...
    def argsort(self, *, axis: int = -1, descending: bool = False) -> Any:
        """Give the places of the elements along an axis, the last by default, in rising order of the elements.

        Raises:
            ShapeError: the axis does not exist.

        PyTorch: ``x.argsort(stable=True)``.

        >>> import shapewright as sw
        >>> sw.tensor([3.0, 1.0, 2.0]).argsort()
        Tensor[[3], i64] on cpu: [1 2 0]
        """
        return ops.argsort(self, axis=target.axis(self, axis, "argsort"), descending=descending)
