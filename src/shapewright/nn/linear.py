"""`Linear`: the affine map of the last axis.

What it is not: a matrix product of two tensors (`a @ b`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic

from shapewright import ops
from shapewright.shapes.dtypes import f32
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._variables import FT
from shapewright.tensor.parameter import Parameter
from shapewright.tensor.tensor import Tensor

from . import init
from ._cells import NOTHING, LastAxis
from .module import Module

if TYPE_CHECKING:
    from shapewright.devices import Device
    from shapewright.tensor.random import Key

I = IntVar("I")  # noqa: E741  # inputs, as the annotations of a linear layer are written everywhere
O = IntVar("O")  # noqa: E741  # outputs


class Linear(Module, Generic[I, O, FT]):
    """Multiply the last axis by a matrix and add a vector: ``x @ weight.T + bias``.

    Takes `[*Bs, I]` to `[*Bs, O]`, any leading axes. The weight is stored `[O, I]`; it and the bias begin uniform
    between plus and minus 1/√I (Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient BackProp", 1998).

    Args:
        in_features: the size of the last axis of the input.
        out_features: the size of the last axis of the result.
        bias: whether a vector is added.
        key: where the first values are drawn from; by default the process-wide key.
        dtype: the element type of weight, bias, input and result.
        device: where weight and bias are.

    Raises (when called):
        ShapeError: the last axis of the input is another one than `in_features`.
        DTypeError: the element type of the input is not that of the weight.

    PyTorch: ``nn.Linear(784, 256)``. dfdx: ``Linear<784, 256>``.

    >>> import shapewright as sw
    >>> up = sw.nn.Linear(3, 2, key=sw.Key(0))
    >>> up(sw.ones((5, 4, 3))).shape
    (5, 4, 2)
    >>> up
    Linear(I=3, O=2)  # 8 parameters
      weight: Parameter[[2, 3], f32]
      bias: Parameter[[2], f32]
    """

    weight: Parameter[[O, I], FT]
    bias: Parameter[[O], FT]

    def __init__(
        self,
        in_features: Int[I],
        out_features: Int[O],
        bias: bool = True,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        bound = 1.0 / math.sqrt(in_features) if in_features > 0 else 0.0
        weight = init.uniform((out_features, in_features), -bound, bound, key=key, dtype=dtype, device=device)
        self.weight = Parameter(weight)
        self.bias = NOTHING
        if bias:
            self.bias = Parameter(init.uniform((out_features,), -bound, bound, key=key, dtype=dtype, device=device))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I], FT]) -> Tensor[[*Bs, O], FT]:
        result = ops.matmul(x, ops.permute(self.weight, axes=(1, 0)))
        if self.bias is None:
            return result
        sizes = result._spec.sizes
        return ops.add(result, ops.broadcast(self.bias, sizes=sizes, axes=(len(sizes) - 1,)))

    @property
    def _last_axis(self) -> LastAxis:
        outputs, inputs = self.weight._spec.sizes
        return inputs, outputs
