"""`RMSprop`: steps scaled by a running average of the gradient's square.

What it is not: a schedule of the learning rate; set `rmsprop.lr` at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Required, TypedDict

from shapewright.optim.optimizer import Optimizer, spread
from shapewright.optim.parameters import Parameters
from shapewright.optim.settings import L2, Decoupled, Settings, check_number, decay
from shapewright.tensor.tensor import Tensor


class RMSpropGroup(TypedDict, total=False):
    """Parameters with settings of their own: `{"params": model.up, "lr": 1e-4}`."""

    params: Required[Parameters]
    lr: float
    alpha: float
    eps: float
    weight_decay: float | L2 | Decoupled | None
    momentum: float
    centered: bool
    maximize: bool
    eps_inside_sqrt: bool


@dataclasses.dataclass(frozen=True)
class RMSpropSettings(Settings):
    """What `RMSprop` keeps from step to step."""

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    eps_inside_sqrt: bool = False

    def __post_init__(self) -> None:
        check_number("RMSprop", "alpha", self.alpha, 0.0)
        check_number("RMSprop", "eps", self.eps, 0.0)
        check_number("RMSprop", "momentum", self.momentum, 0.0)


class RMSprop(Optimizer):
    """RMSprop: `x - lr * g / (sqrt(v) + eps)`, with `v = alpha * v + (1 - alpha) * g²`.

    T. Hinton: Neural Networks for Machine Learning, lecture 6, 2012. With `centered`, v is the variance of g: its
    average is subtracted (A. Graves: Generating Sequences With Recurrent Neural Networks, 2013).

    Args:
        params: a model, its parameters, or groups of them with settings of their own.
        lr: the learning rate.
        alpha: how much of the averages stays each step.
        eps: added to the divisor.
        weight_decay: a rate (L2, as in PyTorch), `optim.L2(rate)` or `optim.Decoupled(rate)`.
        momentum: how much of the last direction stays.
        centered: divide by an estimate of the standard deviation.
        maximize: go up the gradient.
        eps_inside_sqrt: the form of TensorFlow and dfdx: `sqrt(v + eps)`, and v begins at 1 and not at 0.

    Raises:
        ArgumentError: a setting is out of its range, or there are no parameters.

    PyTorch: ``torch.optim.RMSprop(model.parameters(), lr)``. dfdx: ``RMSprop::new(config)``, which is
    ``RMSprop(model, 1e-2, 0.9, eps_inside_sqrt=True)``.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.tensor([1.0, 2.0]))
    >>> rmsprop = sw.optim.RMSprop([w], lr=0.05, alpha=0.99)
    >>> rmsprop.update((w.trace() ** 2).sum().backward())
    >>> w
    Parameter[[2], f32] on cpu: [0.5 1.5]
    """

    def __init__(
        self,
        params: Parameters | Iterable[RMSpropGroup],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        *,
        weight_decay: float | L2 | Decoupled | None = None,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
        eps_inside_sqrt: bool = False,
    ) -> None:
        weight_decay = decay("RMSprop", weight_decay, L2)
        settings = RMSpropSettings(weight_decay, maximize, alpha, eps, momentum, centered, eps_inside_sqrt)
        super().__init__(params, lr, settings)

    def _kept(self, settings: RMSpropSettings) -> dict[str, float]:
        kept = {"square_avg": 1.0 if settings.eps_inside_sqrt else 0.0}
        if settings.centered:
            kept["grad_avg"] = 0.0
        if settings.momentum:
            kept["momentum_buffer"] = 0.0
        return kept

    def _step(
        self, x: Tensor, gradient: Tensor, lr: Tensor, state: Mapping[str, Tensor], settings: RMSpropSettings
    ) -> tuple[Tensor, dict[str, Tensor]]:
        new: dict[str, Any] = {}
        rest = 1.0 - settings.alpha
        square = new["square_avg"] = state["square_avg"] * settings.alpha + gradient * gradient * rest
        if settings.centered:
            average = state["grad_avg"]
            average = new["grad_avg"] = average + (gradient - average) * rest
            square = square - average * average
        divisor = (square + settings.eps).sqrt() if settings.eps_inside_sqrt else square.sqrt() + settings.eps
        direction = gradient / divisor
        if settings.momentum:
            direction = new["momentum_buffer"] = state["momentum_buffer"] * settings.momentum + direction
        return x - direction * spread(lr, x), new
