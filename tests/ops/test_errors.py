"""Bad input to ops: each mistake is an error of its own, and its whole text is held here.

What it is not: the mistakes that only tensor methods can see (`tests/tensor/`).
"""

from __future__ import annotations

from textwrap import dedent

import pytest

import shapewright as sw
from shapewright import ops

X = sw.zeros((2, 3))

MISTAKES = [
    (
        lambda: ops.add(sw.zeros((2, 3)), sw.zeros((2, 4))),
        sw.ShapeError,
        """
            add: the shapes differ: 3 and 4 on axis 1
              a      Tensor[[2, 3]]
              b      Tensor[[2, 4]]
              write  tensors of one shape: nothing is broadcast silently
        """,
    ),
    (
        lambda: ops.add(sw.zeros((2, 3)), sw.zeros((3,))),
        sw.ShapeError,
        """
            add: the shapes differ: one has 2 axes and the other 1 axis
              a      Tensor[[2, 3]]
              b      Tensor[[3]]
              write  b.broadcast_like(a), or b.spread() in the place of b; nothing is broadcast silently
        """,
    ),
    (
        lambda: ops.add(sw.zeros((2, 3)), sw.tensor([1, 2])),
        sw.ShapeError,
        """
            add: the shapes differ: one has 2 axes and the other 1 axis
              a      Tensor[[2, 3]]
              b      Tensor[[2], i64]
              write  b.broadcast_like(a), or b.spread() in the place of b; nothing is broadcast silently
        """,
    ),
    (
        lambda: ops.mul(sw.zeros((2,)), sw.tensor([1, 2])),
        sw.DTypeError,
        """
            mul: the element types f32 and i64 differ, and nothing is converted silently
              a      Tensor[[2]]
              b      Tensor[[2], i64]
              write  x.to(sw.f32) or x.to(sw.i64) on one of them
        """,
    ),
    (
        lambda: ops.add(sw.tensor([1], dtype=sw.u8), 300),
        sw.ArgumentError,
        """
            add: 300 does not fit among the tensor's elements, which go from 0 to 255
              a      Tensor[[1], u8]
              b      300
              write  x.to(sw.i64) first
        """,
    ),
    (
        lambda: ops.add(sw.tensor([1]), 1.5),
        sw.DTypeError,
        """
            add: a Python float takes the tensor's element type, and i64 cannot hold one
              a      Tensor[[1], i64]
              b      1.5
              write  x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.div(sw.tensor([1]), sw.tensor([2])),
        sw.DTypeError,
        """
            div: this needs floating point elements, not i64
              a      Tensor[[1], i64]
              b      Tensor[[1], i64]
              write  x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.floor_divide(sw.tensor([1]), sw.tensor([0])),
        sw.ArgumentError,
        """
            floor_divide: an integer is divided by 0
              a      Tensor[[1], i64]
              b      Tensor[[1], i64]
              write  sw.where(b == 0, 1, b) in the place of b, or x.to(sw.f32) first: then the result is inf or nan
        """,
    ),
    (
        lambda: ops.remainder(sw.tensor([1]), 0),
        sw.ArgumentError,
        """
            remainder: an integer is divided by 0
              a      Tensor[[1], i64]
              b      0
              write  sw.where(b == 0, 1, b) in the place of b, or x.to(sw.f32) first: then the result is inf or nan
        """,
    ),
    (
        lambda: ops.pow(sw.tensor([2]), -1),
        sw.ArgumentError,
        """
            pow: an integer to a negative power is no integer
              a      Tensor[[1], i64]
              b      -1
              write  x.to(sw.f32) ** exponent
        """,
    ),
    (
        lambda: ops.exp(sw.tensor([2])),
        sw.DTypeError,
        """
            exp: this needs floating point elements, not i64
              x      Tensor[[1], i64]
              write  x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.neg(sw.tensor([True])),
        sw.DTypeError,
        """
            neg: there is no arithmetic on bool
              x      Tensor[[1], bool]
              write  x & y, x | y, x ^ y, ~x, or x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.clip(X),
        sw.ArgumentError,
        """
            clip: there is no bound
              x      Tensor[[2, 3]]
              write  x.clip(min=0.0), x.clip(max=1.0) or x.clip(min=0.0, max=1.0)
        """,
    ),
    (
        lambda: ops.gelu(X, approximate="fast"),
        sw.ArgumentError,
        """
            gelu: approximate='fast' is no form of it
              x            Tensor[[2, 3]]
              approximate  fast
              write        approximate="none" or "tanh"
        """,
    ),
    (
        lambda: ops.where(X, 1.0, X),
        sw.DTypeError,
        """
            where: the condition holds bool, not f32
              cond   Tensor[[2, 3]]
              a      1.0
              b      Tensor[[2, 3]]
              write  a comparison such as x > 0, or x.to(sw.bool)
        """,
    ),
    (
        lambda: ops.where(sw.tensor([True]), 1.0, 0.0),
        sw.DTypeError,
        """
            where: two Python numbers do not say which element type the result has
              cond   Tensor[[1], bool]
              a      1.0
              b      0.0
              write  cond.to(sw.f32) * (a - b) + b, or a tensor in the place of one number
        """,
    ),
    (
        lambda: ops.logical_and(X, X),
        sw.DTypeError,
        """
            logical_and: this needs bool elements, not f32
              a      Tensor[[2, 3]]
              b      Tensor[[2, 3]]
              write  a comparison such as x > 0, or x.to(sw.bool)
        """,
    ),
    (
        lambda: ops.sum(X, axes=(2,)),
        sw.ShapeError,
        """
            sum: axis out of range
              x     Tensor[[2, 3]]
              axes  (2,)
        """,
    ),
    (
        lambda: ops.sum(X, axes=(0, 0)),
        sw.ShapeError,
        """
            sum: an axis is named twice
              x     Tensor[[2, 3]]
              axes  (0, 0)
        """,
    ),
    (
        lambda: ops.mean(sw.tensor([1, 2]), axes=(0,)),
        sw.DTypeError,
        """
            mean: the result would be no i64: this needs floating point elements
              x      Tensor[[2], i64]
              axes   (0,)
              write  x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.max(sw.zeros((0, 3)), axes=(0,)),
        sw.ShapeError,
        """
            max: axis 0 is empty, and of no elements none is the largest or smallest
              x      Tensor[[0, 3]]
              axes   (0,)
              write  check for an empty tensor first: x.size == 0
        """,
    ),
    (
        lambda: ops.argmax(sw.zeros((0, 3)), axis=0),
        sw.ShapeError,
        """
            argmax: axis 0 is empty, so no place on it is that of the largest or smallest
              x      Tensor[[0, 3]]
              axis   0
              write  check for an empty tensor first: x.size == 0
        """,
    ),
    (
        lambda: ops.any(X, axes=(0,)),
        sw.DTypeError,
        """
            any: this needs bool elements, not f32
              x      Tensor[[2, 3]]
              axes   (0,)
              write  a comparison such as x > 0, or x.to(sw.bool)
        """,
    ),
    (
        lambda: ops.broadcast(sw.zeros((3,)), sizes=(2, 4), axes=(1,)),
        sw.ShapeError,
        """
            broadcast: axis 1 of [2, 4] is not 3; sizes are kept, 1 is a size like others
              x      Tensor[[3]]
              sizes  (2, 4)
              axes   (1,)
        """,
    ),
    (
        lambda: ops.broadcast(sw.zeros((3,)), sizes=(2, 3), axes=(0, 1)),
        sw.ShapeError,
        """
            broadcast: axes=(0, 1) does not number, in rising order, where the 1 axes of the tensor go
              x      Tensor[[3]]
              sizes  (2, 3)
              axes   (0, 1)
        """,
    ),
    (
        lambda: ops.permute(X, axes=(0, 0)),
        sw.ShapeError,
        """
            permute: axes= numbers an axis twice; every axis is numbered exactly once
              x     Tensor[[2, 3]]
              axes  (0, 0)
        """,
    ),
    (
        lambda: ops.reshape(X, sizes=(4, 2)),
        sw.ShapeError,
        """
            reshape: [2, 3] holds 6 elements and [4, 2] holds 8; a reshape keeps every element
              x      Tensor[[2, 3]]
              sizes  (4, 2)
        """,
    ),
    (
        lambda: ops.slice(X, starts=(0, 0), stops=(2, 4), steps=(1, 1)),
        sw.ShapeError,
        """
            slice: 0:4:1 reaches outside axis 1, whose size is 3
              x       Tensor[[2, 3]]
              starts  (0, 0)
              stops   (2, 4)
              steps   (1, 1)
        """,
    ),
    (
        lambda: ops.pad(X, before=(-1, 0), after=(0, 0)),
        sw.ShapeError,
        """
            pad: padding only adds places; to cut places off, slice: x[1:-1]
              x       Tensor[[2, 3]]
              before  (-1, 0)
              after   (0, 0)
        """,
    ),
    (
        lambda: ops.pad(sw.tensor([1], dtype=sw.u8), before=(1,), after=(0,), value=256),
        sw.ArgumentError,
        """
            pad: value=256 is no u8: these go from 0 to 255
              x       Tensor[[1], u8]
              before  (1,)
              after   (0,)
              value   256
        """,
    ),
    (
        lambda: ops.flip(X, axes=(2,)),
        sw.ShapeError,
        """
            flip: an axis number is one that the tensor has no axis for
              x     Tensor[[2, 3]]
              axes  (2,)
        """,
    ),
    (
        lambda: ops.roll(X, shifts=(1,), axes=(0, 1)),
        sw.ShapeError,
        """
            roll: shifts= and axes= have the same length: how far each axis is moved
              x       Tensor[[2, 3]]
              shifts  (1,)
              axes    (0, 1)
        """,
    ),
    (
        lambda: ops.concat(sw.zeros((2, 3)), sw.zeros((3, 4)), axis=0),
        sw.ShapeError,
        """
            concat: the tensors differ in an axis other than the one they are joined along
              differ    3 (axis 1 of tensor 0) and 4 (of tensor 1)
              tensor 0  Tensor[[2, 3]]
              tensor 1  Tensor[[3, 4]]
              axis      0
        """,
    ),
    (
        lambda: ops.concat(sw.zeros((2, 3)), sw.tensor([1, 2]), axis=0),
        sw.ShapeError,
        """
            concat joins tensors of the same number of axes; use stack to join along a new axis
              tensor 0  Tensor[[2, 3]]
              tensor 1  Tensor[[2], i64]
              axis      0
        """,
    ),
    (
        lambda: ops.stack([sw.zeros((2,)), sw.zeros((3,))]),
        sw.ShapeError,
        """
            stack joins tensors of one shape, and these differ in a size; concat joins along an axis they have
              tensor 0  Tensor[[2]]
              tensor 1  Tensor[[3]]
              axis      0
        """,
    ),
    (
        lambda: ops.tril(sw.zeros((3,))),
        sw.ShapeError,
        """
            tril: a triangle is cut from the last two axes, and the tensor has fewer than two
              x  Tensor[[3]]
        """,
    ),
    (
        lambda: ops.take(X, sw.tensor([0, 3, 5]), axis=1),
        sw.IndexRangeError,
        """
            take: the index 5 at [2] is out of range
              allowed  0 to 2
              x        Tensor[[2, 3]]
              indices  Tensor[[3], i64]
              axis     1
        """,
    ),
    (
        lambda: ops.take(X, sw.tensor([0, -1]), axis=1),
        sw.IndexRangeError,
        """
            take: the index -1 at [1] is out of range
              allowed  0 to 2
              x        Tensor[[2, 3]]
              indices  Tensor[[2], i64]
              axis     1
              write    indices that count from 0; negative ones do not count from the end here
        """,
    ),
    (
        lambda: ops.take(X, sw.zeros((2,)), axis=1),
        sw.DTypeError,
        """
            take: indices are a tensor of integers, not f32
              x        Tensor[[2, 3]]
              indices  Tensor[[2]]
              axis     1
              write    indices.to(sw.i64)
        """,
    ),
    (
        lambda: ops.gather(X, sw.tensor([[0, 1, 2], [0, 1, 7]]), axis=1),
        sw.IndexRangeError,
        """
            gather: the index 7 at [1, 2] is out of range
              allowed  0 to 2
              x        Tensor[[2, 3]]
              indices  Tensor[[2, 3], i64]
              axis     1
        """,
    ),
    (
        lambda: ops.gather(X, sw.tensor([0, 1]), axis=0),
        sw.ShapeError,
        """
            gather takes an index tensor with as many axes as the tensor itself; to pick whole slices \
by a list of places write x.take(indices, axis=)
              x        Tensor[[2, 3]]
              indices  Tensor[[2], i64]
              axis     0
        """,
    ),
    (
        lambda: ops.scatter_add(X, sw.tensor([[0, 1, 2]]), sw.zeros((1, 2)), axis=1),
        sw.ShapeError,
        """
            scatter_add adds one value for each index, so both tensors have one shape
              x        Tensor[[2, 3]]
              indices  Tensor[[1, 3], i64]
              source   Tensor[[1, 2]]
              axis     1
        """,
    ),
    (
        lambda: ops.take(sw.zeros((0, 3)), sw.tensor([0]), axis=0),
        sw.IndexRangeError,
        """
            take: the index 0 at [0] is out of range
              allowed  none, because the axis is empty
              x        Tensor[[0, 3]]
              indices  Tensor[[1], i64]
              axis     0
        """,
    ),
    (
        lambda: ops.one_hot(sw.tensor([0, 10]), classes=10, dtype=sw.f32),
        sw.IndexRangeError,
        """
            one_hot: the class 10 at [1] is out of range
              allowed  0 to 9
              indices  Tensor[[2], i64]
              classes  10
              dtype    sw.f32
        """,
    ),
    (
        lambda: ops.topk(X, k=4),
        sw.ShapeError,
        """
            topk: k is how many places of the axis are kept: at most its size, and not negative
              x     Tensor[[2, 3]]
              k     4
              axis  -1
        """,
    ),
    (
        lambda: ops.argsort(X, axis=2),
        sw.ShapeError,
        """
            argsort: axis= is a number that the tensor has no axis for
              x     Tensor[[2, 3]]
              axis  2
        """,
    ),
    (
        lambda: ops.where(sw.tensor([True]), 300, sw.tensor([1], dtype=sw.u8)),
        sw.ArgumentError,
        """
            where: 300 does not fit among the tensor's elements, which go from 0 to 255
              cond   Tensor[[1], bool]
              a      300
              b      Tensor[[1], u8]
              write  x.to(sw.i64) first
        """,
    ),
    (
        lambda: ops.pad(X, before=(1, 0), after=(0, 0), value=2**2000),
        sw.ArgumentError,
        f"""
            pad: value= is beyond all floating point numbers
              x       Tensor[[2, 3]]
              before  (1, 0)
              after   (0, 0)
              value   {2**2000}
        """,
    ),
    (
        lambda: ops.take_add(X, sw.tensor([0, 1]), axis=1, size=3),
        sw.ShapeError,
        """
            take_add: the axes of the indices stand in the source where the result has one axis
              source   Tensor[[2, 3]]
              indices  Tensor[[2], i64]
              axis     1
              size     3
        """,
    ),
]


@pytest.mark.parametrize(("mistake", "error", "text"), MISTAKES, ids=[text.split()[0] for _, _, text in MISTAKES])
def test_a_mistake_is_explained(mistake, error, text):
    with pytest.raises(error) as caught:
        mistake()
    assert str(caught.value) == dedent(text).strip("\n").rstrip()


def test_nothing_is_wrong_with_no_indices():
    nothing = sw.zeros((0,), dtype=sw.i64)
    assert ops.take(X, nothing, axis=0).shape == (0, 3)
    assert ops.take(sw.zeros((0, 3)), nothing, axis=0).shape == (0, 3)
