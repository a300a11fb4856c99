"""The activations as layers, for use in containers: `ReLU`, `GELU`, `Softmax` and their kin.

Each takes and gives any shape of floating point elements. Inside a model the methods of tensors say the same in fewer
words: ``x.relu()``. What it is not: the meaning and gradient of the functions (`ops/`).
"""

from __future__ import annotations

from typing import Literal

from shapewright import ops
from shapewright.shapes.dtypes import DType, Floating
from shapewright.shapes.errors import ArgumentError
from shapewright.shapes.typing import IntTuple
from shapewright.tensor.tensor import Tensor

from ._cells import SAME
from .module import Module


class _Pointwise(Module):
    """A layer that keeps the shape."""

    _last_axis = SAME


class Identity(_Pointwise):
    """Give the input back as it is. PyTorch: ``nn.Identity()``. dfdx: ``()``.

    >>> import shapewright as sw
    >>> sw.nn.Identity()(sw.tensor([1.0, -2.0])).tolist()
    [1.0, -2.0]
    """

    def __call__[S: IntTuple, E: DType](self, x: Tensor[S, E]) -> Tensor[S, E]:
        return x


class ReLU(_Pointwise):
    """``max(x, 0)``; its gradient at 0 is 0. PyTorch: ``nn.ReLU()``. dfdx: ``ReLU``.

    >>> import shapewright as sw
    >>> sw.nn.ReLU()(sw.tensor([1.0, -2.0])).tolist()
    [1.0, 0.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.relu(x)


class LeakyReLU(_Pointwise):
    """``x`` above 0 and ``negative_slope * x`` below (A. Maas, A. Hannun, A. Ng 2013).

    PyTorch: ``nn.LeakyReLU(0.01)``. dfdx: ``LeakyReLU(0.01)``.

    >>> import shapewright as sw
    >>> sw.nn.LeakyReLU(0.5)(sw.tensor([1.0, -2.0])).tolist()
    [1.0, -1.0]
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = float(negative_slope)

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.leaky_relu(x, negative_slope=self.negative_slope)

    def _described(self) -> str:
        return f"negative_slope={self.negative_slope:g}"


class ELU(_Pointwise):
    """``x`` above 0 and ``alpha * (exp(x) - 1)`` below (D.-A. Clevert, T. Unterthiner, S. Hochreiter 2015).

    PyTorch: ``nn.ELU(1.0)``.

    >>> import shapewright as sw
    >>> sw.nn.ELU()(sw.tensor([1.0, 0.0])).tolist()
    [1.0, 0.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = float(alpha)

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.elu(x, alpha=self.alpha)

    def _described(self) -> str:
        return f"alpha={self.alpha:g}"


class GELU(_Pointwise):
    """``x`` times the probability that a normal number is below it (D. Hendrycks, K. Gimpel 2016).

    Args:
        approximate: "none" for the form with erf, "tanh" for the paper's approximation.

    Raises:
        ArgumentError: `approximate` is neither.

    PyTorch: ``nn.GELU()``. dfdx: ``AccurateGeLU``, ``FastGeLU``.

    >>> import shapewright as sw
    >>> sw.nn.GELU()(sw.tensor([0.0, 10.0])).tolist()
    [0.0, 10.0]
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ArgumentError(
                f"GELU: approximate={approximate!r} is no form of it", hint='approximate="none" or "tanh"'
            )
        self.approximate = approximate

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.gelu(x, approximate=self.approximate)

    def _described(self) -> str:
        return f'approximate="{self.approximate}"'


class SiLU(_Pointwise):
    """``x * sigmoid(x)`` (S. Elfwing, E. Uchibe, K. Doya 2017). PyTorch: ``nn.SiLU()``.

    >>> import shapewright as sw
    >>> sw.nn.SiLU()(sw.tensor([0.0, 100.0])).tolist()
    [0.0, 100.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.silu(x)


class Sigmoid(_Pointwise):
    """``1 / (1 + exp(-x))``. PyTorch: ``nn.Sigmoid()``. dfdx: ``Sigmoid``.

    >>> import shapewright as sw
    >>> sw.nn.Sigmoid()(sw.tensor([0.0, 100.0])).tolist()
    [0.5, 1.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.sigmoid(x)


class Tanh(_Pointwise):
    """The hyperbolic tangent. PyTorch: ``nn.Tanh()``. dfdx: ``Tanh``.

    >>> import shapewright as sw
    >>> sw.nn.Tanh()(sw.tensor([0.0, 100.0])).tolist()
    [0.0, 1.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.tanh(x)


class Softplus(_Pointwise):
    """``log(1 + exp(beta * x)) / beta``, without overflow at any x (so PyTorch's `threshold` is not needed).

    Args:
        beta: how sharp the bend is, above 0.

    Raises:
        ArgumentError: `beta` is not above 0.

    PyTorch: ``nn.Softplus(beta=1.0)``.

    >>> import shapewright as sw
    >>> sw.nn.Softplus()(sw.tensor([-200.0, 200.0])).tolist()
    [0.0, 200.0]
    """

    def __init__(self, beta: float = 1.0) -> None:
        if not beta > 0.0:
            raise ArgumentError(
                f"Softplus: beta={beta} is how sharp the bend is, above 0", hint="nn.Softplus(beta=1.0)"
            )
        self.beta = float(beta)

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        if self.beta == 1.0:
            return ops.softplus(x)
        return ops.div(ops.softplus(ops.mul(x, self.beta)), self.beta)

    def _described(self) -> str:
        return f"beta={self.beta:g}"


class Softmax(_Pointwise):
    """``exp(x) / sum(exp(x))`` along one axis: positive numbers whose sum is 1.

    Args:
        dim: the number of the axis, the last one by default.

    Raises (when called):
        ShapeError: the input has no such axis.

    PyTorch: ``nn.Softmax(dim=-1)``. dfdx: ``Softmax``.

    >>> import shapewright as sw
    >>> sw.nn.Softmax()(sw.tensor([[1.0, 1.0]])).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.softmax(x, axis=self.dim)

    def _described(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(_Pointwise):
    """``x - log(sum(exp(x)))`` along one axis: the logarithm of `Softmax`, without its rounding to 0.

    Args:
        dim: the number of the axis, the last one by default.

    Raises (when called):
        ShapeError: the input has no such axis.

    PyTorch: ``nn.LogSoftmax(dim=-1)``. dfdx: ``LogSoftmax``.

    >>> import shapewright as sw
    >>> sw.nn.LogSoftmax()(sw.tensor([[0.0, -1000.0]])).tolist()
    [[0.0, -1000.0]]
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.log_softmax(x, axis=self.dim)

    def _described(self) -> str:
        return f"dim={self.dim}"


# ---- elementary functions as layers, which dfdx has and PyTorch has not ----------------------------------------------
class Sin(_Pointwise):
    """The sine. PyTorch: ``torch.sin``. dfdx: ``Sin``.

    >>> import shapewright as sw
    >>> sw.nn.Sin()(sw.tensor([0.0])).tolist()
    [0.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.sin(x)


class Cos(_Pointwise):
    """The cosine. PyTorch: ``torch.cos``. dfdx: ``Cos``.

    >>> import shapewright as sw
    >>> sw.nn.Cos()(sw.tensor([0.0])).tolist()
    [1.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.cos(x)


class Ln(_Pointwise):
    """The natural logarithm. PyTorch: ``torch.log``. dfdx: ``Ln``.

    >>> import shapewright as sw
    >>> sw.nn.Ln()(sw.tensor([1.0])).tolist()
    [0.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.log(x)


class Exp(_Pointwise):
    """e to the power x. PyTorch: ``torch.exp``. dfdx: ``Exp``.

    >>> import shapewright as sw
    >>> sw.nn.Exp()(sw.tensor([0.0])).tolist()
    [1.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.exp(x)


class Square(_Pointwise):
    """``x * x``. PyTorch: ``torch.square``. dfdx: ``Square``.

    >>> import shapewright as sw
    >>> sw.nn.Square()(sw.tensor([3.0])).tolist()
    [9.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.square(x)


class Sqrt(_Pointwise):
    """The square root. PyTorch: ``torch.sqrt``. dfdx: ``Sqrt``.

    >>> import shapewright as sw
    >>> sw.nn.Sqrt()(sw.tensor([9.0])).tolist()
    [3.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.sqrt(x)


class Abs(_Pointwise):
    """The absolute value; its gradient at 0 is 0. PyTorch: ``torch.abs``. dfdx: ``Abs``.

    >>> import shapewright as sw
    >>> sw.nn.Abs()(sw.tensor([-3.0])).tolist()
    [3.0]
    """

    def __call__[S: IntTuple, F: Floating](self, x: Tensor[S, F]) -> Tensor[S, F]:
        return ops.abs(x)
