"""The layers and losses that are compared with PyTorch, each written once for both libraries.

Runs with NumPy alone under Python 3.11 too, where the stored values of PyTorch are made (`tests/torch_nn_values.py`).
The constructors are PyTorch's, so one line builds both; where PyTorch says it otherwise there is a second line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.ops.numbers import index, nonzero, offgrid, positive, real, these, uniform, unit


@dataclass(frozen=True)
class Layer:
    """A layer and the input it is given.

    `build` takes a module with the layers, `torch` one of PyTorch's if it is built otherwise there. With `second` the
    gradients of the gradient are compared too. `steps` are how many training calls come before, each with other
    numbers.
    """

    name: str
    build: Callable[[Any], Any]
    shape: tuple[int, ...]
    torch: Callable[[Any], Any] | None = None
    numbers: Callable[..., np.ndarray] = real
    second: bool = False
    training: bool = True
    steps: int = 0

    @property
    def traced(self) -> bool:
        return self.numbers.__name__ != "build"


@dataclass(frozen=True)
class Loss:
    """A loss and the tensors it is given; gradients go to those numbered in `gradient`."""

    name: str
    ours: Callable[..., Any]
    torch: Callable[..., Any]
    inputs: tuple[tuple[Callable[..., np.ndarray], tuple[int, ...]], ...]
    gradient: tuple[int, ...] = (0,)
    second: bool = False

    def arrays(self) -> list[np.ndarray]:
        return [np.asarray(build(shape, 11 + place)) for place, (build, shape) in enumerate(self.inputs)]


def state_value(name: str, shape: tuple[int, ...], place: int) -> np.ndarray:
    """The value that a parameter or buffer is given, by its name and its place in the state dict."""
    if name.endswith("running_var"):
        return positive(shape, 40 + place)
    return unit(shape, 40 + place)


def projection(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """What a result is multiplied by so that its gradients can be asked for."""
    return np.asarray(unit(shape, seed))


def probabilities(shape, seed):
    """Rows of positive numbers whose sum is 1."""
    numbers = uniform(shape, seed) + 0.05
    return numbers / numbers.sum(-1, keepdims=True)


def with_zeros(shape, seed):
    """Probabilities, some of them exactly 0."""
    numbers = uniform(shape, seed)
    numbers = np.where(numbers < 0.3, 0.0, numbers) + np.eye(*shape[-2:]) * 0.2
    return numbers / numbers.sum(-1, keepdims=True)


def logarithms(shape, seed):
    """Logarithms of probabilities."""
    return np.log(probabilities(shape, seed))


def sparse_labels(size, ignored):
    """Labels of `size` classes, every third of them `ignored`."""

    def build(shape, seed):
        labels = index(size)(shape, seed)
        return np.where(np.arange(math.prod(shape)).reshape(shape) % 3 == 1, ignored, labels)

    return build


LAYERS = [
    Layer("linear", lambda nn: nn.Linear(4, 3), (5, 4), second=True),
    Layer("linear vector", lambda nn: nn.Linear(4, 3), (4,)),
    Layer("linear batch of batches", lambda nn: nn.Linear(4, 3), (2, 5, 4)),
    Layer("linear empty batch", lambda nn: nn.Linear(4, 3), (0, 4)),
    Layer("linear one to one", lambda nn: nn.Linear(1, 1), (1, 1)),
    Layer("linear without bias", lambda nn: nn.Linear(4, 3, bias=False), (5, 4)),
    Layer("embedding", lambda nn: nn.Embedding(7, 3), (2, 5), numbers=index(7)),
    Layer("embedding with padding", lambda nn: nn.Embedding(4, 3, padding_idx=2), (2, 5), numbers=index(4)),
    Layer("embedding with padding from the end", lambda nn: nn.Embedding(4, 3, padding_idx=-1), (6,), numbers=index(4)),
    Layer("identity", lambda nn: nn.Identity(), (2, 3)),
    Layer("relu", lambda nn: nn.ReLU(), (3, 4), numbers=nonzero),
    Layer("leaky relu", lambda nn: nn.LeakyReLU(0.2), (3, 4), numbers=nonzero),
    Layer("elu", lambda nn: nn.ELU(0.7), (3, 4), numbers=nonzero, second=True),
    Layer("gelu", lambda nn: nn.GELU(), (3, 4), second=True),
    Layer("gelu tanh", lambda nn: nn.GELU(approximate="tanh"), (3, 4), second=True),
    Layer("silu", lambda nn: nn.SiLU(), (3, 4), second=True),
    Layer("sigmoid", lambda nn: nn.Sigmoid(), (3, 4), second=True),
    Layer("tanh", lambda nn: nn.Tanh(), (3, 4), second=True),
    Layer("softplus", lambda nn: nn.Softplus(), (3, 4), second=True),
    Layer("softplus beta", lambda nn: nn.Softplus(beta=2.5), (3, 4)),
    Layer("softmax", lambda nn: nn.Softmax(), (3, 4), torch=lambda nn: nn.Softmax(-1), second=True),
    Layer("softmax first axis", lambda nn: nn.Softmax(dim=0), (3, 4)),
    Layer("log softmax", lambda nn: nn.LogSoftmax(), (2, 3, 4), torch=lambda nn: nn.LogSoftmax(-1), second=True),
    Layer("log softmax middle axis", lambda nn: nn.LogSoftmax(dim=1), (2, 3, 4)),
    Layer("layer norm", lambda nn: nn.LayerNorm(5), (3, 5), second=True),
    Layer("layer norm sequence", lambda nn: nn.LayerNorm(5, eps=0.1), (2, 3, 5)),
    Layer("layer norm vector", lambda nn: nn.LayerNorm(5), (5,)),
    Layer("layer norm of one", lambda nn: nn.LayerNorm(1), (3, 1)),
    Layer("layer norm plain", lambda nn: nn.LayerNorm(5, elementwise_affine=False), (3, 5), second=True),
    Layer("layer norm without bias", lambda nn: nn.LayerNorm(5, bias=False), (3, 5)),
    Layer("batch norm", lambda nn: nn.BatchNorm2d(3), (4, 3, 2, 5), second=True),
    Layer("batch norm inference", lambda nn: nn.BatchNorm2d(3), (4, 3, 2, 5), training=False),
    Layer("batch norm steps", lambda nn: nn.BatchNorm2d(3, momentum=0.3), (2, 3, 3, 1), steps=4),
    Layer("batch norm average", lambda nn: nn.BatchNorm2d(3, momentum=None), (2, 3, 3, 2), steps=4),
    Layer("batch norm average inference", lambda nn: nn.BatchNorm2d(2, momentum=None), (2, 2, 3, 2), steps=3, training=False),  # noqa: E501
    Layer("batch norm plain", lambda nn: nn.BatchNorm2d(2, affine=False, eps=0.01), (3, 2, 2, 2)),
    Layer("batch norm untracked", lambda nn: nn.BatchNorm2d(2, track_running_stats=False), (3, 2, 2, 2)),
    Layer("batch norm untracked inference", lambda nn: nn.BatchNorm2d(2, track_running_stats=False), (3, 2, 2, 2), training=False),  # noqa: E501
    Layer("batch norm two values", lambda nn: nn.BatchNorm2d(2), (2, 2, 1, 1)),
    Layer("flatten", lambda nn: nn.Flatten(), (2, 3, 4, 2)),
    Layer("flatten all", lambda nn: nn.Flatten(0), (2, 3)),
    Layer("flatten some", lambda nn: nn.Flatten(1, 2), (2, 3, 4, 2)),
    Layer("flatten from the end", lambda nn: nn.Flatten(-2), (2, 3, 4)),
    Layer("dropout inference", lambda nn: nn.Dropout(0.5), (3, 4), training=False),
    Layer("dropout none", lambda nn: nn.Dropout(0.0), (3, 4)),
    Layer("dropout all", lambda nn: nn.Dropout(1.0), (3, 4)),
    Layer(
        "sequential",
        lambda nn: nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Sequential(nn.Linear(6, 5), nn.Tanh()), nn.LayerNorm(5)),  # noqa: E501
        (3, 4),
        second=True,
    ),
    Layer(
        "convolution block",
        lambda nn: nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)),
        (4, 2, 2, 2),
    ),
]  # fmt: skip

_PAIR = ((offgrid, (3, 4)), (real, (3, 4)))
_LABELS = ((real, (5, 4)), (index(4), (5,)))
_SEQUENCE = ((real, (2, 3, 4)), (index(4), (2, 3)))
_SHARES = ((real, (5, 4)), (probabilities, (5, 4)))
_BINARY = ((real, (3, 4)), (uniform, (3, 4)))
_WEIGHTED = (*_LABELS, (positive, (4,)))


def _pair_loss(name: str, torch_name: str, reduction: str, **arguments: float) -> Loss:
    said = "".join(f" {key}={value}" for key, value in arguments.items())
    return Loss(
        f"{name} {reduction}{said}",
        lambda nn, x, y: getattr(nn, name)(x, y, reduction=reduction, **arguments),
        lambda F, x, y: getattr(F, torch_name)(x, y, reduction=reduction, **arguments),
        _PAIR,
        gradient=(0, 1),
        second=reduction == "mean",
    )


def _label_loss(name: str, inputs: Any, **arguments: Any) -> Loss:
    function = "nll" if name.startswith("nll") else "cross_entropy"
    weighted = len(inputs) == 3

    def ours(nn, x, y, *weight):
        return getattr(nn, function)(x, y, *weight, **arguments)

    def torch(F, x, y, *weight):
        # PyTorch has the classes on axis 1.
        x = x.movedim(-1, 1)
        y = y.movedim(-1, 1) if y.is_floating_point() else y
        return getattr(F, {"nll": "nll_loss"}.get(function, function))(x, y, *weight, **arguments)

    said = "".join(f" {key}={value}" for key, value in arguments.items())
    return Loss(f"{name}{' weighted' if weighted else ''}{said}", ours, torch, inputs, second=True)


LOSSES = [
    *[
        _pair_loss(name, torch_name, reduction, **arguments)
        for name, torch_name, arguments in (
            ("mse", "mse_loss", {}),
            ("mae", "l1_loss", {}),
            ("huber", "huber_loss", {}),
            ("huber", "huber_loss", {"delta": 0.4}),
            ("smooth_l1", "smooth_l1_loss", {}),
            ("smooth_l1", "smooth_l1_loss", {"beta": 2.5}),
            ("smooth_l1", "smooth_l1_loss", {"beta": 0.0}),
        )
        for reduction in ("mean", "sum", "none")
    ],
    Loss("rmse", lambda nn, x, y: nn.rmse(x, y), lambda F, x, y: F.mse_loss(x, y).sqrt(), _PAIR, (0, 1), second=True),
    Loss("mse scalar", lambda nn, x, y: nn.mse(x, y), lambda F, x, y: F.mse_loss(x, y), ((real, ()), (real, ()))),
    *[_label_loss("cross_entropy", _LABELS, reduction=reduction) for reduction in ("mean", "sum", "none")],
    _label_loss("cross_entropy sequence", _SEQUENCE),
    _label_loss("cross_entropy sequence", _SEQUENCE, reduction="none", label_smoothing=0.2),
    _label_loss("cross_entropy", _LABELS, label_smoothing=0.1),
    _label_loss("cross_entropy", _LABELS, label_smoothing=1.0),
    _label_loss("cross_entropy one class", ((real, (3, 1)), (index(1), (3,)))),
    *[_label_loss("cross_entropy", _WEIGHTED, reduction=reduction) for reduction in ("mean", "sum", "none")],
    *[
        _label_loss("cross_entropy", _WEIGHTED, reduction=reduction, label_smoothing=0.3)
        for reduction in ("mean", "sum", "none")
    ],
    _label_loss("cross_entropy ignoring", ((real, (7, 4)), (sparse_labels(4, -100), (7,)))),
    _label_loss("cross_entropy ignoring", ((real, (7, 4)), (sparse_labels(4, 2), (7,))), ignore_index=2),
    *[
        _label_loss(
            "cross_entropy ignoring",
            ((real, (7, 4)), (sparse_labels(4, -1), (7,)), (positive, (4,))),
            ignore_index=-1,
            label_smoothing=0.2,
            reduction=reduction,
        )
        for reduction in ("mean", "sum", "none")
    ],
    _label_loss("cross_entropy ignoring", ((real, (7, 4)), (sparse_labels(4, -1), (7,))), ignore_index=-1, label_smoothing=0.2),  # noqa: E501
    _label_loss("cross_entropy ignoring all", ((real, (2, 4)), (these(-100, -100, dtype=np.int64), (2,)))),
    *[_label_loss("cross_entropy shares", _SHARES, reduction=reduction) for reduction in ("mean", "sum", "none")],
    _label_loss("cross_entropy shares", _SHARES, label_smoothing=0.1),
    _label_loss("cross_entropy shares", (*_SHARES, (positive, (4,))), label_smoothing=0.1),
    _label_loss("cross_entropy shares sequence", ((real, (2, 3, 4)), (probabilities, (2, 3, 4)))),
    _label_loss("cross_entropy large", ((these(900.0, -900.0, 0.0, 5000.0), (2, 2)), (these(1, 0, dtype=np.int64), (2,)))),  # noqa: E501
    *[_label_loss("nll", ((logarithms, (5, 4)), (index(4), (5,))), reduction=r) for r in ("mean", "sum", "none")],
    *[_label_loss("nll", ((logarithms, (5, 4)), (index(4), (5,)), (positive, (4,))), reduction=r) for r in ("mean", "sum")],  # noqa: E501
    _label_loss("nll ignoring", ((logarithms, (7, 4)), (sparse_labels(4, -100), (7,)))),
    *[
        Loss(
            f"bce {reduction}",
            lambda nn, x, y, r=reduction: nn.binary_cross_entropy_with_logits(x, y, reduction=r),
            lambda F, x, y, r=reduction: F.binary_cross_entropy_with_logits(x, y, reduction=r),
            _BINARY,
            gradient=(0, 1),
            second=True,
        )
        for reduction in ("mean", "sum", "none")
    ],
    Loss(
        "bce weighted",
        lambda nn, x, y, w, p: nn.binary_cross_entropy_with_logits(x, y, w, pos_weight=p),
        lambda F, x, y, w, p: F.binary_cross_entropy_with_logits(x, y, w, pos_weight=p),
        (*_BINARY, (positive, (3, 4)), (positive, (4,))),
        second=True,
    ),
    Loss(
        "bce large, and at zero",
        lambda nn, x, y: nn.binary_cross_entropy_with_logits(x, y, reduction="none"),
        lambda F, x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
        ((these(-1000.0, 1000.0, 0.0, 40.0), (4,)), (these(1.0, 0.0, 0.25, 1.0), (4,))),
    ),
    *[
        Loss(
            f"kl_div {reduction}",
            lambda nn, x, y, r=reduction: nn.kl_div(x, y, reduction=r),
            lambda F, x, y, r=reduction: F.kl_div(x, y, reduction=r),
            ((logarithms, (3, 4)), (probabilities, (3, 4))),
            gradient=(0, 1),
            second=True,
        )
        for reduction in ("mean", "sum", "none", "batchmean")
    ],
    Loss(
        "kl_div with zeros",
        lambda nn, x, y: nn.kl_div(x, y, reduction="none"),
        lambda F, x, y: F.kl_div(x, y, reduction="none"),
        ((logarithms, (4, 4)), (with_zeros, (4, 4))),
    ),
    Loss(
        "kl_div of logarithms",
        lambda nn, x, y: nn.kl_div(x, y, reduction="batchmean", log_target=True),
        lambda F, x, y: F.kl_div(x, y, reduction="batchmean", log_target=True),
        ((logarithms, (3, 4)), (logarithms, (3, 4))),
        gradient=(0, 1),
        second=True,
    ),
]  # fmt: skip
