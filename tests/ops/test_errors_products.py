"""Bad input to products, windows and norms: each mistake is an error of its own, and its whole text is held here.

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
        lambda: ops.matmul(sw.zeros((2, 3)), sw.zeros((4, 5))),
        sw.ShapeError,
        """
            matmul: the inner sizes differ: the last axis of the left tensor is multiplied along \
the last but one axis of the right tensor (its only axis, if it is a vector)
              differ  3 (axis 1 of a) and 4 (axis 0 of b)
              a       Tensor[[2, 3]]
              b       Tensor[[4, 5]]
        """,
    ),
    (
        lambda: ops.matmul(sw.zeros((2, 3, 4)), sw.zeros((3, 4, 5))),
        sw.ShapeError,
        """
            matmul: the batch sizes differ: all axes before the last two must be equal in both tensors
              differ  [2] (before the last two axes of a) and [3] (of b)
              a       Tensor[[2, 3, 4]]
              b       Tensor[[3, 4, 5]]
        """,
    ),
    (
        lambda: ops.matmul(X, 2.0),
        sw.ShapeError,
        """
            matmul: a Python number has no axis to multiply along
              a      Tensor[[2, 3]]
              b      2.0
              write  x * number
        """,
    ),
    (
        lambda: ops.matmul(X, ops.cast(sw.zeros((3, 2)), dtype=sw.f64)),
        sw.DTypeError,
        """
            matmul: the element types f32 and f64 differ, and nothing is converted silently
              a      Tensor[[2, 3]]
              b      Tensor[[3, 2], f64]
              write  x.to(sw.f32) or x.to(sw.f64) on one of them
        """,
    ),
    (
        lambda: ops.outer(X, sw.zeros((2,))),
        sw.ShapeError,
        """
            outer multiplies two vectors, each with each; of other ranks write einsum
              a      Tensor[[2, 3]]
              b      Tensor[[2]]
              write  einsum, for example ops.einsum("bi,j->bij", a, b)
        """,
    ),
    (
        lambda: ops.einsum("ij,jk->ik", X, sw.zeros((4, 5))),
        sw.ShapeError,
        """
            einsum: axis 'j' of 'ij,jk->ik' is 3 in one place and 4 in another
              tensor 0  Tensor[[2, 3]]
              tensor 1  Tensor[[4, 5]]
        """,
    ),
    (
        lambda: ops.einsum("ij,jk", X, sw.zeros((3, 5))),
        sw.ShapeError,
        """
            einsum: write the result too, as in "ij,jk->…", so that its axes are in no doubt
              tensor 0  Tensor[[2, 3]]
              tensor 1  Tensor[[3, 5]]
        """,
    ),
    (
        lambda: ops.einsum("ij->i"),
        sw.ArgumentError,
        """
            einsum: there is no tensor
              write  ops.einsum("ij,jk->ik", a, b)
        """,
    ),
    (
        lambda: ops.rearrange(X, "(a b) c -> a b c"),
        sw.ShapeError,
        """
            rearrange: 'a' and 'b' in '(a b) c -> a b c' share an axis; give the size of one
              x  Tensor[[2, 3]]
        """,
    ),
    (
        lambda: ops.rearrange(sw.zeros((2, 5)), "a (b c) -> a b c", {"b": 2}),
        sw.ShapeError,
        """
            rearrange: 2 does not divide 5, the size of (b c) in 'a (b c) -> a b c'
              x  Tensor[[2, 5]]
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((1, 3, 5, 5)), sw.zeros((4, 2, 3, 3))),
        sw.ShapeError,
        """
            conv2d: the image has 3 channels, and the filters look at 2
              x         Tensor[[1, 3, 5, 5]]
              weight    Tensor[[4, 2, 3, 3]]
              stride    (1, 1)
              padding   0
              dilation  (1, 1)
              groups    1
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((1, 4, 5, 5)), sw.zeros((3, 2, 3, 3)), groups=2),
        sw.ShapeError,
        """
            conv2d: the 3 filters do not divide into 2 groups
              x         Tensor[[1, 4, 5, 5]]
              weight    Tensor[[3, 2, 3, 3]]
              stride    (1, 1)
              padding   0
              dilation  (1, 1)
              groups    2
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((3, 5, 5)), sw.zeros((4, 3, 7, 7))),
        sw.ShapeError,
        """
            conv2d: the window is larger than the axis it slides over, padding included
              x         Tensor[[3, 5, 5]]
              weight    Tensor[[4, 3, 7, 7]]
              stride    (1, 1)
              padding   0
              dilation  (1, 1)
              groups    1
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((5, 5)), sw.zeros((4, 3, 3, 3))),
        sw.ShapeError,
        """
            conv2d: an image is [C, H, W], with any axes in front of these
              x         Tensor[[5, 5]]
              weight    Tensor[[4, 3, 3, 3]]
              stride    (1, 1)
              padding   0
              dilation  (1, 1)
              groups    1
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((3, 5, 5)), sw.zeros((4, 3, 3, 3)), stride=0),
        sw.ShapeError,
        """
            conv2d: a stride is 1 or more
              x         Tensor[[3, 5, 5]]
              weight    Tensor[[4, 3, 3, 3]]
              stride    (0, 0)
              padding   0
              dilation  (1, 1)
              groups    1
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((3, 5, 5)), sw.zeros((4, 3, 3, 3)), sw.zeros((3,))),
        sw.ShapeError,
        """
            conv2d: the bias holds one number for each of the 4 filters
              x         Tensor[[3, 5, 5]]
              weight    Tensor[[4, 3, 3, 3]]
              bias      Tensor[[3]]
              stride    (1, 1)
              padding   0
              dilation  (1, 1)
              groups    1
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((3, 5, 5)), sw.zeros((4, 3, 3, 3)), padding="full"),
        sw.ArgumentError,
        """
            conv2d: padding='full' is a number, two numbers, "same" or "valid"
              x         Tensor[[3, 5, 5]]
              weight    Tensor[[4, 3, 3, 3]]
              stride    (1, 1)
              padding   full
              dilation  (1, 1)
              groups    1
        """,
    ),
    (
        lambda: ops.max_pool2d(sw.zeros((1, 3, 3)), kernel_size=4),
        sw.ShapeError,
        """
            max_pool2d: the window is larger than the axis it slides over, padding included
              x         Tensor[[1, 3, 3]]
              kernel    (4, 4)
              stride    (4, 4)
              padding   (0, 0)
              dilation  (1, 1)
        """,
    ),
    (
        lambda: ops.max_pool2d(sw.zeros((1, 3, 3)), kernel_size=2, padding=2),
        sw.ArgumentError,
        """
            max_pool2d: padding=(2, 2) is more than half of the window (2, 2)
              x         Tensor[[1, 3, 3]]
              kernel    (2, 2)
              stride    (2, 2)
              padding   (2, 2)
              dilation  (1, 1)
              write     padding=kernel // 2, or less
        """,
    ),
    (
        lambda: ops.avg_pool2d(sw.zeros((1, 3, 3)), kernel_size=4),
        sw.ShapeError,
        """
            avg_pool2d: the window is larger than the axis it slides over, padding included
              x         Tensor[[1, 3, 3]]
              kernel    (4, 4)
              stride    (4, 4)
              padding   (0, 0)
              dilation  (1, 1)
        """,
    ),
    (
        lambda: ops.avg_pool2d(sw.zeros((1, 3, 3), dtype=sw.i64), kernel_size=2),
        sw.DTypeError,
        """
            avg_pool2d: this needs floating point elements, not i64
              x         Tensor[[1, 3, 3], i64]
              kernel    (2, 2)
              stride    (2, 2)
              padding   (0, 0)
              dilation  (1, 1)
              write     x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.softmax(X, axis=2),
        sw.ShapeError,
        """
            softmax: an axis number is one that the tensor has no axis for
              x     Tensor[[2, 3]]
              axis  2
        """,
    ),
    (
        lambda: ops.softmax(sw.tensor([1, 2]), axis=0),
        sw.DTypeError,
        """
            softmax: this needs floating point elements, not i64
              x      Tensor[[2], i64]
              axis   0
              write  x.to(sw.f32) first
        """,
    ),
    (
        lambda: ops.normalize(X, axis=3),
        sw.ShapeError,
        """
            normalize: an axis number is one that the tensor has no axis for
              x     Tensor[[2, 3]]
              axis  3
        """,
    ),
    (
        lambda: ops.layer_norm(X, sw.zeros((2,))),
        sw.ShapeError,
        """
            layer_norm: the weight has the sizes of the axes that are normalised, [3]
              x       Tensor[[2, 3]]
              weight  Tensor[[2]]
              axes    (-1,)
        """,
    ),
    (
        lambda: ops.relu(3.0),
        sw.ArgumentError,
        """
            relu: none of the operands is a tensor
              write  sw.tensor(...) around a number or list
        """,
    ),
    (
        lambda: ops.stack([]),
        sw.ShapeError,
        """
            stack joins at least one tensor
              axis  0
        """,
    ),
    (
        lambda: ops.conv2d(sw.zeros((3, 5, 5)), sw.zeros((4, 3, 3, 3)), stride=(1, 2, 3)),
        sw.ArgumentError,
        """
            conv2d: stride=(1, 2, 3) is one number, or two for height and width
              x         Tensor[[3, 5, 5]]
              weight    Tensor[[4, 3, 3, 3]]
              stride    (1, 2, 3)
              padding   0
              dilation  1
              groups    1
        """,
    ),
]


@pytest.mark.parametrize(("mistake", "error", "text"), MISTAKES, ids=[text.split()[0] for _, _, text in MISTAKES])
def test_a_mistake_is_explained(mistake, error, text):
    with pytest.raises(error) as caught:
        mistake()
    assert str(caught.value) == dedent(text).strip("\n").rstrip()
