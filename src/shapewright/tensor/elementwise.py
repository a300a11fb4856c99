"""Functions of every element of one or two tensors, as methods: `x.exp()`, `x.relu()`, `x.maximum(y)`, `x.clip(min=0)`.

Each keeps the shape. Those that only make sense for floating point refuse other element types in the editor. What it is
not: the operators (`operators.py`) or the meaning and gradient of the operations (`ops/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal

from shapewright import ops
from shapewright.tensor._variables import DT, S
from shapewright.tensor.operators import Operators

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import Floating, bool_
    from shapewright.tensor.tensor import Tensor


class Elementwise(Operators[S, DT], Generic[S, DT]):
    """The elementwise methods of `Tensor`."""

    __slots__ = ()

    def neg(self) -> Tensor[S, DT]:
        """Change the sign of every element.

        PyTorch: ``-x``. dfdx: ``-x``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, -2.0]).neg()
        Tensor[[2], f32] on cpu: [-1.  2.]
        """
        return ops.neg(self)

    def abs(self) -> Tensor[S, DT]:
        """Take the absolute value of every element; the gradient at 0 is 0.

        PyTorch: ``torch.abs(x)``. dfdx: ``x.abs()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, -2.0]).abs()
        Tensor[[2], f32] on cpu: [1. 2.]
        """
        return ops.abs(self)

    def sign(self) -> Tensor[S, DT]:
        """Give -1, 0 or 1 for every element; the gradient is 0.

        PyTorch: ``torch.sign(x)``. dfdx: ``x.sign()``.

        >>> import shapewright as sw
        >>> sw.tensor([3.0, 0.0, -2.0]).sign()
        Tensor[[3], f32] on cpu: [ 1.  0. -1.]
        """
        return ops.sign(self)

    def floor(self) -> Tensor[S, DT]:
        """Round every element down; the gradient is 0.

        PyTorch: ``torch.floor(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.5, -1.5]).floor()
        Tensor[[2], f32] on cpu: [ 1. -2.]
        """
        return ops.floor(self)

    def ceil(self) -> Tensor[S, DT]:
        """Round every element up; the gradient is 0.

        PyTorch: ``torch.ceil(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.5, -1.5]).ceil()
        Tensor[[2], f32] on cpu: [ 2. -1.]
        """
        return ops.ceil(self)

    def round(self) -> Tensor[S, DT]:
        """Round every element to the nearest whole number, halves to the even one; the gradient is 0.

        PyTorch: ``torch.round(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.5, 1.5, -1.2]).round()
        Tensor[[3], f32] on cpu: [ 0.  2. -1.]
        """
        return ops.round(self)

    def square(self) -> Tensor[S, DT]:
        """Multiply every element by itself.

        PyTorch: ``torch.square(x)``. dfdx: ``x.square()``.

        >>> import shapewright as sw
        >>> sw.tensor([3.0, -2.0]).square()
        Tensor[[2], f32] on cpu: [9. 4.]
        """
        return ops.square(self)

    def exp[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Raise e to every element.

        PyTorch: ``torch.exp(x)``. dfdx: ``x.exp()``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 1.0]).exp()
        Tensor[[2], f32] on cpu: [1.     2.7183]
        """
        return ops.exp(self)

    def expm1[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``exp(x) - 1``, exact near 0.

        PyTorch: ``torch.expm1(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 1e-5]).expm1()
        Tensor[[2], f32] on cpu: [0.e+00 1.e-05]
        """
        return ops.expm1(self)

    def log[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the natural logarithm of every element; negative elements give NaN.

        PyTorch: ``torch.log(x)``. dfdx: ``x.ln()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 10.0]).log()
        Tensor[[2], f32] on cpu: [0.     2.3026]
        """
        return ops.log(self)

    def log1p[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``log(1 + x)``, exact near 0.

        PyTorch: ``torch.log1p(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 1e-5]).log1p()
        Tensor[[2], f32] on cpu: [0.0000e+00 9.9999e-06]
        """
        return ops.log1p(self)

    def log2[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the logarithm to base 2 of every element.

        PyTorch: ``torch.log2(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 8.0]).log2()
        Tensor[[2], f32] on cpu: [0. 3.]
        """
        return ops.log2(self)

    def sqrt[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the square root of every element; negative elements give NaN.

        PyTorch: ``torch.sqrt(x)``. dfdx: ``x.sqrt()``.

        >>> import shapewright as sw
        >>> sw.tensor([4.0, 9.0]).sqrt()
        Tensor[[2], f32] on cpu: [2. 3.]
        """
        return ops.sqrt(self)

    def rsqrt[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``1 / sqrt(x)``.

        PyTorch: ``torch.rsqrt(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([4.0, 16.0]).rsqrt()
        Tensor[[2], f32] on cpu: [0.5  0.25]
        """
        return ops.rsqrt(self)

    def reciprocal[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``1 / x``.

        PyTorch: ``torch.reciprocal(x)``. dfdx: ``x.recip()``.

        >>> import shapewright as sw
        >>> sw.tensor([2.0, 4.0]).reciprocal()
        Tensor[[2], f32] on cpu: [0.5  0.25]
        """
        return ops.reciprocal(self)

    def sin[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the sine of every element, in radians.

        PyTorch: ``torch.sin(x)``. dfdx: ``x.sin()``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 0.5]).sin()
        Tensor[[2], f32] on cpu: [0.     0.4794]
        """
        return ops.sin(self)

    def cos[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the cosine of every element, in radians.

        PyTorch: ``torch.cos(x)``. dfdx: ``x.cos()``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 0.5]).cos()
        Tensor[[2], f32] on cpu: [1.     0.8776]
        """
        return ops.cos(self)

    def tan[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the tangent of every element, in radians.

        PyTorch: ``torch.tan(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 0.5]).tan()
        Tensor[[2], f32] on cpu: [0.     0.5463]
        """
        return ops.tan(self)

    def tanh[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Take the hyperbolic tangent of every element.

        PyTorch: ``torch.tanh(x)``. dfdx: ``x.tanh()``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 0.5]).tanh()
        Tensor[[2], f32] on cpu: [0.     0.4621]
        """
        return ops.tanh(self)

    def sigmoid[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``1 / (1 + exp(-x))`` without overflow.

        PyTorch: ``torch.sigmoid(x)``. dfdx: ``x.sigmoid()``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 2.0]).sigmoid()
        Tensor[[2], f32] on cpu: [0.5    0.8808]
        """
        return ops.sigmoid(self)

    def erf[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute the error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t * t)`` from 0 to x.

        PyTorch: ``torch.erf(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 0.5]).erf()
        Tensor[[2], f32] on cpu: [0.     0.5205]
        """
        return ops.erf(self)

    def relu(self) -> Tensor[S, DT]:
        """Replace negative elements by 0; the gradient at 0 is 0.

        PyTorch: ``torch.relu(x)``. dfdx: ``x.relu()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, -2.0]).relu()
        Tensor[[2], f32] on cpu: [1. 0.]
        """
        return ops.relu(self)

    def softplus[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``log(1 + exp(x))`` without overflow.

        PyTorch: ``torch.nn.functional.softplus(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 2.0]).softplus()
        Tensor[[2], f32] on cpu: [0.6931 2.1269]
        """
        return ops.softplus(self)

    def silu[F: Floating](self: Elementwise[S, F]) -> Tensor[S, F]:
        """Compute ``x * sigmoid(x)`` (S. Elfwing et al., 2017).

        PyTorch: ``torch.nn.functional.silu(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 2.0]).silu()
        Tensor[[2], f32] on cpu: [0.     1.7616]
        """
        return ops.silu(self)

    def isnan(self) -> Tensor[S, bool_]:
        """Tell for every element whether it is NaN.

        PyTorch: ``torch.isnan(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, float("nan")]).isnan()
        Tensor[[2], bool] on cpu: [False  True]
        """
        return ops.isnan(self)

    def isinf(self) -> Tensor[S, bool_]:
        """Tell for every element whether it is infinite, of either sign.

        PyTorch: ``torch.isinf(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, float("inf")]).isinf()
        Tensor[[2], bool] on cpu: [False  True]
        """
        return ops.isinf(self)

    def isfinite(self) -> Tensor[S, bool_]:
        """Tell for every element whether it is neither infinite nor NaN.

        PyTorch: ``torch.isfinite(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, float("inf")]).isfinite()
        Tensor[[2], bool] on cpu: [ True False]
        """
        return ops.isfinite(self)

    def gelu[F: Floating](self: Elementwise[S, F], *, approximate: Literal["none", "tanh"] = "none") -> Tensor[S, F]:
        """Compute ``x * Phi(x)``, Phi the distribution function of the normal distribution (D. Hendrycks, 2016).

        Args:
            approximate: "none" uses erf; "tanh" the formula with tanh of the same paper.

        PyTorch: ``torch.nn.functional.gelu(x)``. dfdx: ``x.accurate_gelu()``, ``x.fast_gelu()``.

        >>> import shapewright as sw
        >>> sw.tensor([0.0, 1.0]).gelu()
        Tensor[[2], f32] on cpu: [0.     0.8413]
        """
        return ops.gelu(self, approximate=approximate)

    def leaky_relu[F: Floating](self: Elementwise[S, F], *, negative_slope: float = 0.01) -> Tensor[S, F]:
        """Multiply negative elements by `negative_slope` (A. Maas et al., 2013).

        PyTorch: ``torch.nn.functional.leaky_relu(x)``. dfdx: ``x.leaky_relu(0.01)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, -2.0]).leaky_relu()
        Tensor[[2], f32] on cpu: [ 1.   -0.02]
        """
        return ops.leaky_relu(self, negative_slope=negative_slope)

    def elu[F: Floating](self: Elementwise[S, F], *, alpha: float = 1.0) -> Tensor[S, F]:
        """Replace negative elements by ``alpha * (exp(x) - 1)`` (D. Clevert et al., 2015).

        PyTorch: ``torch.nn.functional.elu(x)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, -2.0]).elu()
        Tensor[[2], f32] on cpu: [ 1.     -0.8647]
        """
        return ops.elu(self, alpha=alpha)

    def clip(self, min: float | None = None, max: float | None = None) -> Tensor[S, DT]:
        """Replace elements below `min` by `min` and above `max` by `max`; the gradient is 1 on the bounds.

        Raises:
            ArgumentError: neither bound is given.

        PyTorch: ``torch.clip(x, 0, 1)``. dfdx: ``x.clamp(0.0, 1.0)``.

        >>> import shapewright as sw
        >>> sw.tensor([-1.0, 0.5, 2.0]).clip(min=0.0, max=1.0)
        Tensor[[3], f32] on cpu: [0.  0.5 1. ]
        """
        return ops.clip(self, min=min, max=max)

    def nan_to_num[F: Floating](self: Elementwise[S, F], *, nan: float = 0.0) -> Tensor[S, F]:
        """Replace NaN by `nan`, and infinities by the largest and smallest finite numbers.

        PyTorch: ``torch.nan_to_num(x)``. dfdx: ``x.nans_to(0.0)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, float("nan")]).nan_to_num()
        Tensor[[2], f32] on cpu: [1. 0.]
        """
        return ops.nan_to_num(self, nan=nan)

    def maximum(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        """Take the larger of two elements; at a tie each operand gets half of the gradient.

        Raises:
            ShapeError: the shapes differ.
            DTypeError: the element types differ.

        PyTorch: ``torch.maximum(x, y)``. dfdx: ``x.maximum(y)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 5.0]).maximum(3.0)
        Tensor[[2], f32] on cpu: [3. 5.]
        """
        return ops.maximum(self, other)

    def minimum(self, other: Tensor[S, DT] | float) -> Tensor[S, DT]:
        """Take the smaller of two elements; at a tie each operand gets half of the gradient.

        Raises:
            ShapeError: the shapes differ.
            DTypeError: the element types differ.

        PyTorch: ``torch.minimum(x, y)``. dfdx: ``x.minimum(y)``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 5.0]).minimum(3.0)
        Tensor[[2], f32] on cpu: [1. 3.]
        """
        return ops.minimum(self, other)
