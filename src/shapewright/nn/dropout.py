"""`Dropout` and `DropoutOneIn`: elements are dropped by chance while training, and none in inference.

What it is not: the drawing of random numbers (`tensor/random.py`).
"""

from __future__ import annotations

from typing import Any

from shapewright import ops
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import Floating
from shapewright.shapes.errors import ArgumentError, DTypeError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor.random import Key, rand
from shapewright.tensor.tensor import Tensor

from ._cells import SAME, own_key
from .module import Module


def dropped(x: Any, p: float, key: Key) -> Any:
    """Set elements of a value that is traced for training to 0 with probability p; divide the others by 1 - p."""
    if not x.is_training or p == 0.0:
        return x
    if p == 1.0:
        return ops.mul(x, 0.0)
    # In f32 whatever x is: of 16 bits a number would be below p too often or too rarely.
    drawn = rand(x._spec.sizes, key=key, device=x.device)
    return ops.where(ops.lt(drawn, p), 0.0, ops.mul(x, 1.0 / (1.0 - p)))


class Dropout(Module):
    """Set each element to 0 with probability p while training, and divide the others by 1 - p.

    Takes and gives any shape. A traced input means training; an untraced one, or one traced with `training=False`, is
    given back as it is. The layer owns its key, and each training call draws new numbers from it; a call that
    `sw.checkpoint` computes a second time drops the same elements.

    Args:
        p: the probability, from 0 to 1.
        key: what the layer's own key is split from; by default the process-wide key.

    Raises:
        ArgumentError: p is no probability.
        DTypeError: (when called) the elements are not floating point.

    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout", 2014.

    PyTorch: ``nn.Dropout(0.5)``. dfdx: ``Dropout { p: 0.5 }``.

    >>> import shapewright as sw
    >>> drop = sw.nn.Dropout(0.5, key=sw.Key(0))
    >>> x = sw.ones((1000,))
    >>> bool((drop(x) == x).all())
    True
    >>> sorted(set(drop(x.trace()).tolist()))
    [0.0, 2.0]
    """

    _last_axis = SAME

    def __init__(self, p: float = 0.5, *, key: Key | None = None) -> None:
        if not 0.0 <= p <= 1.0:
            raise ArgumentError(
                f"{type(self).__name__}: p={p} is the probability that an element is dropped, from 0 to 1",
                hint="nn.Dropout(0.5)",
            )
        self.p = float(p)
        self.key = own_key(key)

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        if not x._spec.dtype.is_floating:
            raise DTypeError(
                f"{type(self).__name__}: this needs floating point elements, not {x._spec.dtype.name}",
                facts=[("x", describe_operand(x))],
                hint="x.to(sw.f32) first",
            )
        return dropped(x, self.p, self.key)

    def _described(self) -> str:
        return f"p={self.p:g}"


class DropoutOneIn[N: IntVar](Dropout):
    """Set one in N elements to 0 while training: `Dropout` with probability 1/N.

    Args:
        one_in: N, 1 or more.
        key: what the layer's own key is split from; by default the process-wide key.

    Raises:
        ArgumentError: N is less than 1.

    PyTorch: ``nn.Dropout(1 / 4)``. dfdx: ``DropoutOneIn<4>``.

    >>> import shapewright as sw
    >>> sw.nn.DropoutOneIn(4).p
    0.25
    """

    def __init__(self, one_in: Int[N], *, key: Key | None = None) -> None:
        if one_in < 1:
            raise ArgumentError(
                f"DropoutOneIn: one in {one_in} elements cannot be dropped; it is one in 1 or more",
                hint="nn.DropoutOneIn(2)",
            )
        super().__init__(1.0 / one_in, key=key)
