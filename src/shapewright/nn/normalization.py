"""`LayerNorm` and `BatchNorm2d`: inputs brought to mean 0 and variance 1, then scaled and shifted as learned.

What it is not: the normalising of one tensor without anything learned (`x.normalize()`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic

from shapewright import ops
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import f32, i64
from shapewright.shapes.errors import ArgumentError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._variables import FT
from shapewright.tensor.creation import ones, zeros
from shapewright.tensor.differentiate import is_replaying
from shapewright.tensor.parameter import Buffer, Parameter
from shapewright.tensor.tensor import Tensor

from ._cells import NOTHING, LastAxis
from .module import Module

if TYPE_CHECKING:
    from shapewright.devices import Device

D = IntVar("D")
C = IntVar("C")


class LayerNorm(Module, Generic[D, FT]):
    """Normalise the last axis of each element of the batch, then multiply by `weight` and add `bias`, both `[D]`.

    Takes and gives `[*Bs, D]`, any leading axes; the same in training and inference. ``(x - mean) / sqrt(var + eps)``
    with the biased variance.

    Args:
        normalized_shape: the size of the last axis.
        eps: what is added to the variance, so that equal elements divide by no zero.
        elementwise_affine: whether there are a weight and a bias.
        bias: whether there is a bias, if there is a weight.
        dtype: the element type of weight, bias, input and result.
        device: where weight and bias are.

    Raises:
        ArgumentError: `eps` is below 0.
        ShapeError: (when called) the last axis has another size.
        DTypeError: (when called) the element type is another one.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    PyTorch: ``nn.LayerNorm(512)``. dfdx: ``LayerNorm1D<512>``.

    >>> import shapewright as sw
    >>> sw.nn.LayerNorm(2, eps=0.0)(sw.tensor([[1.0, 3.0], [5.0, 1.0]])).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    """

    _instead = "nn.LayerNorm(size); x.normalize(axis=(-2, -1)) for several axes, without weight and bias"
    weight: Parameter[[D], FT]
    bias: Parameter[[D], FT]

    def __init__(
        self,
        normalized_shape: Int[D],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        self.eps = _checked_eps(eps, "LayerNorm")
        self._last_axis: LastAxis = (int(normalized_shape), int(normalized_shape))
        self.weight = NOTHING
        self.bias = NOTHING
        if elementwise_affine:
            self.weight = Parameter(ones((normalized_shape,), dtype=dtype, device=device))
            if bias:
                self.bias = Parameter(zeros((normalized_shape,), dtype=dtype, device=device))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, D], FT]) -> Tensor[[*Bs, D], FT]:
        return ops.layer_norm(x, self.weight, self.bias, epsilon=self.eps)

    def _described(self) -> str:
        return f"{super()._described()}, eps={self.eps:g}"


class BatchNorm2d(Module, Generic[C, FT]):
    """Normalise each channel over the batch and the image, then multiply by `weight` and add `bias`, both `[C]`.

    Takes and gives `[*Bs, C, H, W]`: images, or one image. In training (the input is traced) mean and biased variance
    are those of the batch, and `running_mean` and `running_var` (unbiased) move towards them; in inference the running
    ones are used. A call that `sw.checkpoint` computes a second time does not count twice.

    Args:
        num_features: the number of channels, C.
        eps: what is added to the variance, so that equal elements divide by no zero.
        momentum: how far the running statistics move towards those of a batch; None for their plain average.
        affine: whether there are a weight and a bias.
        track_running_stats: whether there are running statistics; without, those of the batch are always used.
        dtype: the element type of all cells, input and result.
        device: where the cells are.

    Raises:
        ArgumentError: `eps` is below 0 or `momentum` not from 0 to 1; (when called) the statistics of a batch are
            needed and it has less than two values per channel.
        ShapeError: (when called) the input has other channels.
        DTypeError: (when called) the element type is another one.

    S. Ioffe, C. Szegedy, "Batch normalization", 2015.

    PyTorch: ``nn.BatchNorm2d(64)``. dfdx: ``BatchNorm2D<64>``.

    >>> import shapewright as sw
    >>> norm = sw.nn.BatchNorm2d(3)
    >>> y = norm((sw.rand((8, 3, 4, 4)) + 5.0).trace())
    >>> y.mean(axis=(0, 2, 3)).abs().sum().item() < 1e-4, norm.num_batches_tracked.item()
    (True, 1)
    """

    weight: Parameter[[C], FT]
    bias: Parameter[[C], FT]
    running_mean: Buffer[[C], FT]
    running_var: Buffer[[C], FT]
    num_batches_tracked: Buffer[[], i64]

    def __init__(
        self,
        num_features: Int[C],
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        if momentum is not None and not 0.0 <= momentum <= 1.0:
            raise ArgumentError(
                f"BatchNorm2d: momentum={momentum} is how far the running statistics move towards those of a batch, "
                "from 0 to 1",
                hint="momentum=0.1, or momentum=None for the plain average of all batches",
            )
        self.eps = _checked_eps(eps, "BatchNorm2d")
        self.momentum = momentum
        self.weight = NOTHING
        self.bias = NOTHING
        if affine:
            self.weight = Parameter(ones((num_features,), dtype=dtype, device=device))
            self.bias = Parameter(zeros((num_features,), dtype=dtype, device=device))
        self.running_mean = NOTHING
        self.running_var = NOTHING
        self.num_batches_tracked = NOTHING
        if track_running_stats:
            self.running_mean = Buffer(zeros((num_features,), dtype=dtype, device=device))
            self.running_var = Buffer(ones((num_features,), dtype=dtype, device=device))
            self.num_batches_tracked = Buffer(zeros((), dtype=i64, device=device))

    def __call__[Bs: IntTuple, H: IntVar, W: IntVar](self, x: Tensor[[*Bs, C, H, W], FT]) -> Tensor[[*Bs, C, H, W], FT]:
        sizes = x._spec.sizes
        channels = len(sizes) - 3
        axes = tuple(axis for axis in range(len(sizes)) if axis != channels)

        def spread(of_channels: Any) -> Any:
            return ops.broadcast(of_channels, sizes=sizes, axes=(channels,))

        learns = x.is_training and self.running_mean is not None
        if learns or self.running_mean is None:
            _check_enough(x, channels)
            mean = ops.mean(x, axes=axes)
            centred = ops.sub(x, spread(mean))
            variance = ops.mean(ops.square(centred), axes=axes)
            if learns and not is_replaying():
                self._learn(mean.stop_gradient(), variance.stop_gradient(), x._spec.count // sizes[channels])
        else:
            centred = ops.sub(x, spread(self.running_mean))
            variance = self.running_var
        factor = ops.rsqrt(ops.add(variance, self.eps))
        if self.weight is None:
            return ops.mul(centred, spread(factor))
        result = ops.mul(centred, spread(ops.mul(factor, self.weight.trace_like(x))))
        return ops.add(result, spread(self.bias))

    def _learn(self, mean: Any, variance: Any, count: int) -> None:
        """Move the running statistics towards those of a batch with `count` values per channel."""
        unbiased = ops.mul(variance, count / (count - 1))
        number = ops.add(self.num_batches_tracked, 1)
        self.num_batches_tracked.assign(number)
        for running, batch in ((self.running_mean, mean), (self.running_var, unbiased)):
            step = ops.sub(batch, running)
            if self.momentum is None:
                inverse = ops.reciprocal(ops.cast(number, dtype=step._spec.dtype))
                step = ops.mul(step, ops.broadcast(inverse, sizes=step._spec.sizes, axes=()))
            else:
                step = ops.mul(step, self.momentum)
            running.assign(ops.add(running, step))

    def _described(self) -> str:
        return f"{super()._described()}, eps={self.eps:g}, momentum={self.momentum}"


def _checked_eps(eps: float, called: str) -> float:
    if not eps >= 0.0:
        raise ArgumentError(f"{called}: eps={eps} is added to a variance, so it is 0 or more", hint="eps=1e-5")
    return float(eps)


def _check_enough(x: Any, channels: int) -> None:
    sizes = x._spec.sizes
    if sizes[channels] and x._spec.count // sizes[channels] < 2:
        raise ArgumentError(
            "BatchNorm2d: the mean and variance of a batch need more than 1 value per channel, "
            f"and there {'is 1' if x._spec.count else 'are none'}",
            facts=[("x", describe_operand(x))],
            hint="a larger batch or image; or x untraced, or x.trace(training=False), to use the running statistics",
        )
