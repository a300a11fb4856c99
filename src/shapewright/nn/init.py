"""The first values of parameters: PyTorch's initialisers, each a function from a shape to a tensor.

`nn.Parameter(nn.init.xavier_uniform((256, 784)))` in a module; `model.up.weight.assign(…)` afterwards. All that draw
take `key=`. What it is not: the drawing of plain random tensors (`sw.rand`, `sw.randn`).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from shapewright import ops
from shapewright.devices import Device
from shapewright.ops.activations import erf
from shapewright.shapes.dtypes import checked_dtype, f32, f64
from shapewright.shapes.errors import ArgumentError, ShapeError
from shapewright.tensor._plain import checked_plainly
from shapewright.tensor.creation import E, T, checked_shape, from_numpy, full
from shapewright.tensor.creation import ones as _ones
from shapewright.tensor.creation import zeros as _zeros
from shapewright.tensor.random import Key, rand, randn
from shapewright.tensor.tensor import Tensor

type Nonlinearity = Literal["linear", "conv1d", "conv2d", "conv3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]

_GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "sigmoid": 1.0,
    "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 3.0 / 4.0,
}  # fmt: skip


def calculate_gain(nonlinearity: Nonlinearity, param: float | None = None) -> float:
    """Give the factor by which weights are larger so that signals keep their size through this activation.

    Args:
        nonlinearity: the name of the activation that follows, or "linear", "conv2d" for none.
        param: the negative slope of "leaky_relu" (0.01).

    Raises:
        ArgumentError: there is no gain for this name.

    PyTorch: ``nn.init.calculate_gain("relu")``.

    >>> import shapewright as sw
    >>> sw.nn.init.calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if isinstance(nonlinearity, str) and nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1.0 + (0.01 if param is None else param) ** 2))
    if not isinstance(nonlinearity, str) or nonlinearity not in _GAINS:
        raise ArgumentError(
            f"calculate_gain: there is no gain for {nonlinearity!r}",
            facts=[("known", ", ".join([*_GAINS, "leaky_relu"]))],
        )
    return _GAINS[nonlinearity]


# ---- plain ----------------------------------------------------------------------------------------------------------
@checked_plainly
def uniform(
    shape: T,
    a: float = 0.0,
    b: float = 1.0,
    *,
    key: Key | None = None,
    dtype: type[E] = f32,
    device: Device | None = None,
) -> Tensor[T, E]:
    """Draw uniformly from a to b.

    Raises:
        ArgumentError: b is below a.

    PyTorch: ``nn.init.uniform_(tensor, a, b)``.

    >>> import shapewright as sw
    >>> sw.nn.init.uniform((2, 3), -1.0, 1.0).shape
    (2, 3)
    """
    if b < a:
        raise ArgumentError(f"uniform: numbers go from a to b, and b={b} is below a={a}", hint=f"a={b}, b={a}")
    drawn = rand(shape, key=key, dtype=dtype, device=device)
    return drawn if (a, b) == (0.0, 1.0) else ops.add(ops.mul(drawn, float(b - a)), float(a))


@checked_plainly
def normal(
    shape: T,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    key: Key | None = None,
    dtype: type[E] = f32,
    device: Device | None = None,
) -> Tensor[T, E]:
    """Draw from the normal distribution of this mean and standard deviation.

    Raises:
        ArgumentError: `std` is below 0.

    PyTorch: ``nn.init.normal_(tensor, mean, std)``.

    >>> import shapewright as sw
    >>> sw.nn.init.normal((2, 3), std=0.02).shape
    (2, 3)
    """
    if std < 0.0:
        raise ArgumentError(f"normal: a standard deviation is 0 or more, not std={std}")
    drawn = randn(shape, key=key, dtype=dtype, device=device)
    return drawn if (mean, std) == (0.0, 1.0) else ops.add(ops.mul(drawn, float(std)), float(mean))


@checked_plainly
def constant(shape: T, val: float, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a tensor of one number. PyTorch: ``nn.init.constant_(tensor, val)``.

    >>> import shapewright as sw
    >>> sw.nn.init.constant((2,), 0.5).tolist()
    [0.5, 0.5]
    """
    return full(shape, val, dtype=dtype, device=device)


def ones(shape: T, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a tensor of ones. PyTorch: ``nn.init.ones_(tensor)``.

    >>> import shapewright as sw
    >>> sw.nn.init.ones((2,)).tolist()
    [1.0, 1.0]
    """
    return _ones(shape, dtype=dtype, device=device)


def zeros(shape: T, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a tensor of zeros. PyTorch: ``nn.init.zeros_(tensor)``.

    >>> import shapewright as sw
    >>> sw.nn.init.zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return _zeros(shape, dtype=dtype, device=device)


def eye(shape: T, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give a matrix with 1 on its diagonal and 0 elsewhere: a linear layer that passes its input on.

    Raises:
        ShapeError: the shape has not two axes.

    PyTorch: ``nn.init.eye_(tensor)``.

    >>> import shapewright as sw
    >>> sw.nn.init.eye((2, 3)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    sizes = _sizes(shape, "eye", (2,), "a matrix has 2 axes")
    return _given(np.eye(sizes[0], sizes[1]), shape, dtype, device)


@checked_plainly
def dirac(shape: T, groups: int = 1, *, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Give the weight of a convolution that passes its channels on, as many of them as there are.

    Args:
        shape: `[O, I / groups, *kernel]` with one to three axes of the kernel.
        groups: the groups of the convolution; each passes its own channels on.

    Raises:
        ShapeError: the shape has not 3, 4 or 5 axes, or `groups` does not divide the first.

    PyTorch: ``nn.init.dirac_(tensor, groups)``.

    >>> import shapewright as sw
    >>> sw.nn.init.dirac((1, 1, 3)).tolist()
    [[[0.0, 1.0, 0.0]]]
    """
    sizes = _sizes(shape, "dirac", (3, 4, 5), "the weight of a convolution has 3, 4 or 5 axes")
    if groups < 1 or sizes[0] % groups:
        raise ShapeError(
            f"dirac: the {sizes[0]} output channels cannot be split into {groups} equal groups",
            facts=[("shape", str(list(sizes))), ("groups", str(groups))],
        )
    weight = np.zeros(sizes)
    centre = tuple(size // 2 for size in sizes[2:])
    each = sizes[0] // groups
    if all(sizes[2:]):
        for group in range(groups):
            for channel in range(min(each, sizes[1])):
                weight[(group * each + channel, channel, *centre)] = 1.0
    return _given(weight, shape, dtype, device)


# ---- by the number of inputs and outputs ----------------------------------------------------------------------------
@checked_plainly
def xavier_uniform(
    shape: T, gain: float = 1.0, *, key: Key | None = None, dtype: type[E] = f32, device: Device | None = None
) -> Tensor[T, E]:
    """Draw uniformly between plus and minus ``gain * sqrt(6 / (inputs + outputs))``.

    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Raises:
        ShapeError: the shape has less than two axes.

    PyTorch: ``nn.init.xavier_uniform_(tensor, gain)``.

    >>> import shapewright as sw
    >>> sw.nn.init.xavier_uniform((256, 784)).shape
    (256, 784)
    """
    inputs, outputs = _fans(shape, "xavier_uniform")
    bound = gain * math.sqrt(6.0 / max(inputs + outputs, 1))
    return uniform(shape, -bound, bound, key=key, dtype=dtype, device=device)


@checked_plainly
def xavier_normal(
    shape: T, gain: float = 1.0, *, key: Key | None = None, dtype: type[E] = f32, device: Device | None = None
) -> Tensor[T, E]:
    """Draw normally with standard deviation ``gain * sqrt(2 / (inputs + outputs))``.

    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Raises:
        ShapeError: the shape has less than two axes.

    PyTorch: ``nn.init.xavier_normal_(tensor, gain)``.

    >>> import shapewright as sw
    >>> sw.nn.init.xavier_normal((256, 784)).shape
    (256, 784)
    """
    inputs, outputs = _fans(shape, "xavier_normal")
    return normal(shape, std=gain * math.sqrt(2.0 / max(inputs + outputs, 1)), key=key, dtype=dtype, device=device)


@checked_plainly
def kaiming_uniform(
    shape: T,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: Nonlinearity = "leaky_relu",
    *,
    key: Key | None = None,
    dtype: type[E] = f32,
    device: Device | None = None,
) -> Tensor[T, E]:
    """Draw uniformly between plus and minus ``gain * sqrt(3 / fan)``.

    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", 2015.

    Args:
        shape: the shape of the weight, `[outputs, inputs, *kernel]`.
        a: the negative slope of the leaky_relu that follows.
        mode: "fan_in" keeps the size of signals on the way forward, "fan_out" that of gradients on the way back.
        nonlinearity: the activation that follows, as for `calculate_gain`.

    Raises:
        ShapeError: the shape has less than two axes.
        ArgumentError: `mode` or `nonlinearity` is unknown.

    PyTorch: ``nn.init.kaiming_uniform_(tensor, a, mode, nonlinearity)``.

    >>> import shapewright as sw
    >>> sw.nn.init.kaiming_uniform((256, 784), nonlinearity="relu").shape
    (256, 784)
    """
    bound = math.sqrt(3.0) * _kaiming(shape, a, mode, nonlinearity, "kaiming_uniform")
    return uniform(shape, -bound, bound, key=key, dtype=dtype, device=device)


@checked_plainly
def kaiming_normal(
    shape: T,
    a: float = 0.0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: Nonlinearity = "leaky_relu",
    *,
    key: Key | None = None,
    dtype: type[E] = f32,
    device: Device | None = None,
) -> Tensor[T, E]:
    """Draw normally with standard deviation ``gain / sqrt(fan)``; the arguments are those of `kaiming_uniform`.

    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", 2015.

    Raises:
        ShapeError: the shape has less than two axes.
        ArgumentError: `mode` or `nonlinearity` is unknown.

    PyTorch: ``nn.init.kaiming_normal_(tensor, a, mode, nonlinearity)``.

    >>> import shapewright as sw
    >>> sw.nn.init.kaiming_normal((64, 3, 3, 3), mode="fan_out", nonlinearity="relu").shape
    (64, 3, 3, 3)
    """
    std = _kaiming(shape, a, mode, nonlinearity, "kaiming_normal")
    return normal(shape, std=std, key=key, dtype=dtype, device=device)


# ---- others ---------------------------------------------------------------------------------------------------------
@checked_plainly
def trunc_normal(
    shape: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    key: Key | None = None,
    dtype: type[E] = f32,
    device: Device | None = None,
) -> Tensor[T, E]:
    """Draw from the normal distribution of this mean and standard deviation what lies between a and b.

    Raises:
        ArgumentError: `std` is not above 0, or b is not above a.

    PyTorch: ``nn.init.trunc_normal_(tensor, mean, std, a, b)``.

    >>> import shapewright as sw
    >>> bool((sw.nn.init.trunc_normal((100,), std=0.02, a=-0.04, b=0.04).abs() <= 0.04).all())
    True
    """
    if not (std > 0.0 and b > a):
        raise ArgumentError(
            "trunc_normal: std is above 0, and b is above a", facts=[("std", str(std)), ("a, b", f"{a}, {b}")]
        )
    drawn = rand(shape, key=key, dtype=f64, device=device).numpy()
    # The numbers below which the normal distribution has the drawn share of what lies between a and b.
    low, high = (math.erf((bound - mean) / (std * math.sqrt(2.0))) for bound in (a, b))
    values = mean + std * math.sqrt(2.0) * _erfinv(low + (high - low) * drawn)
    return _given(np.clip(values, a, b), shape, dtype, device)


@checked_plainly
def orthogonal(
    shape: T, gain: float = 1.0, *, key: Key | None = None, dtype: type[E] = f32, device: Device | None = None
) -> Tensor[T, E]:
    """Give a random matrix whose rows (or columns, if there are fewer) are at right angles and of length `gain`.

    Axes after the first count as one. A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear
    dynamics of learning in deep linear neural networks", 2013.

    Raises:
        ShapeError: the shape has less than two axes.

    PyTorch: ``nn.init.orthogonal_(tensor, gain)``.

    >>> import shapewright as sw
    >>> w = sw.nn.init.orthogonal((2, 5))
    >>> (w @ w.permute(axes=(1, 0))).round().abs().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    sizes = _sizes(shape, "orthogonal", None, "there are 2 axes or more")
    rows, columns = sizes[0], math.prod(sizes[1:])
    drawn = randn((max(rows, columns), min(rows, columns)), key=key, dtype=f64).numpy()
    if not drawn.size:
        return _given(np.zeros(sizes), shape, dtype, device)
    q, r = np.linalg.qr(drawn)
    # With the signs of the diagonal of r the matrix is drawn evenly from all such matrices (F. Mezzadri 2007).
    q = q * np.copysign(1.0, np.diagonal(r))
    return _given((gain * (q.T if rows < columns else q)).reshape(sizes), shape, dtype, device)


@checked_plainly
def sparse(
    shape: T,
    sparsity: float,
    std: float = 0.01,
    *,
    key: Key | None = None,
    dtype: type[E] = f32,
    device: Device | None = None,
) -> Tensor[T, E]:
    """Draw a matrix normally and set the share `sparsity` of each column to 0.

    J. Martens, "Deep learning via Hessian-free optimization", 2010.

    Raises:
        ShapeError: the shape has not two axes.
        ArgumentError: `sparsity` is not from 0 to 1.

    PyTorch: ``nn.init.sparse_(tensor, sparsity, std)``.

    >>> import shapewright as sw
    >>> (sw.nn.init.sparse((10, 3), 0.8) == 0.0).sum(axis=0).tolist()
    [8, 8, 8]
    """
    rows, columns = _sizes(shape, "sparse", (2,), "a matrix has 2 axes")
    if not 0.0 <= sparsity <= 1.0:
        raise ArgumentError(f"sparse: sparsity={sparsity} is the share of zeros in each column, from 0 to 1")
    values = randn((rows, columns), key=key, dtype=f64).numpy() * std
    order = np.argsort(rand((rows, columns), key=key, dtype=f64).numpy(), axis=0)
    values = np.where(order.argsort(axis=0) < math.ceil(sparsity * rows), 0.0, values)
    return _given(values, shape, dtype, device)


# ---- what they share ------------------------------------------------------------------------------------------------
def _sizes(shape: Any, called: str, ranks: tuple[int, ...] | None, why: str) -> tuple[int, ...]:
    """Give the sizes as plain numbers, if there are as many as `ranks` says (None: two or more)."""
    sizes = tuple(int(size) for size in checked_shape(shape, called))
    if len(sizes) < 2 if ranks is None else len(sizes) not in ranks:
        raise ShapeError(f"{called}: {why}, and this shape has {len(sizes)}", facts=[("shape", str(list(sizes)))])
    return sizes


def _fans(shape: Any, called: str) -> tuple[int, int]:
    """Give the numbers of inputs that each output sees, and of outputs that each input reaches."""
    sizes = _sizes(shape, called, None, "inputs and outputs are counted on 2 axes or more")
    kernel = math.prod(sizes[2:])
    return sizes[1] * kernel, sizes[0] * kernel


def _kaiming(shape: Any, a: float, mode: str, nonlinearity: Nonlinearity, called: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f"{called}: mode={mode!r} is unknown", hint='mode="fan_in" or "fan_out"')
    inputs, outputs = _fans(shape, called)
    return calculate_gain(nonlinearity, a) / math.sqrt(max(inputs if mode == "fan_in" else outputs, 1))


def _given(array: np.ndarray, shape: T, dtype: type[E], device: Device | None) -> Tensor[T, E]:
    result: Any = from_numpy(np.asarray(array).astype(checked_dtype(dtype).numpy), device=device)
    return result.expect(shape)


def _erfinv(y: np.ndarray) -> np.ndarray:
    """The inverse of erf: a first approximation, then steps of Newton's method.

    S. Winitzki, "A handy approximation for the error function and its inverse", 2008, is within 0.002 of it.
    """
    y = np.clip(y, -1.0 + 2.0**-53, 1.0 - 2.0**-53)
    bend = 0.147
    logarithm = np.log1p(-y * y)
    middle = 2.0 / (math.pi * bend) + logarithm / 2.0
    x = np.copysign(np.sqrt(np.sqrt(middle * middle - logarithm / bend) - middle), y)
    for _ in range(3):
        # Of large |x| the slope is so small that the rounding of erf would decide: the first approximation is kept.
        slope = 2.0 / math.sqrt(math.pi) * np.exp(-x * x)
        x = x - np.where(slope > 1e-9, (erf.value(x) - y) / np.maximum(slope, 1e-9), 0.0)
    return x
