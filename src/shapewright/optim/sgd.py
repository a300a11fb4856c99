"""`SGD`: stochastic gradient descent, with momentum.

What it is not: a schedule of the learning rate; set `sgd.lr` at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Required, TypedDict

from shapewright import ops
from shapewright.optim.optimizer import Optimizer, spread
from shapewright.optim.parameters import Parameters
from shapewright.optim.settings import L2, Decoupled, Settings, check_number, decay
from shapewright.shapes.dtypes import f64
from shapewright.shapes.errors import ArgumentError
from shapewright.tensor.tensor import Tensor


class SGDGroup(TypedDict, total=False):
    """Parameters with settings of their own: `{"params": model.up, "lr": 0.1}`."""

    params: Required[Parameters]
    lr: float
    momentum: float
    dampening: float
    weight_decay: float | L2 | Decoupled | None
    nesterov: bool
    maximize: bool


@dataclasses.dataclass(frozen=True)
class SGDSettings(Settings):
    """What `SGD` keeps from step to step."""

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        check_number("SGD", "momentum", self.momentum, 0.0)
        check_number("SGD", "dampening", self.dampening, 0.0)
        if self.nesterov and (not self.momentum or self.dampening):
            raise ArgumentError(
                "SGD: Nesterov's method needs momentum and no dampening",
                facts=[("momentum", f"{self.momentum:g}"), ("dampening", f"{self.dampening:g}")],
                hint="SGD(model, lr, momentum=0.9, nesterov=True)",
            )


class SGD(Optimizer):
    """Stochastic gradient descent: `x - lr * g`, or with momentum `x - lr * b`.

    `b = momentum * b + (1 - dampening) * g`. The first b is g itself, as in PyTorch; Nesterov's form goes along
    `g + momentum * b`. I. Sutskever, J. Martens, G. Dahl, G. Hinton: On the importance of initialization and momentum
    in deep learning, 2013.

    Args:
        params: a model, its parameters, or groups of them with settings of their own.
        lr: the learning rate.
        momentum: how much of the last direction stays.
        dampening: how much of each gradient but the first is left out of the direction.
        weight_decay: a rate (L2, as in PyTorch), `optim.L2(rate)` or `optim.Decoupled(rate)`.
        nesterov: look ahead along the momentum.
        maximize: go up the gradient.

    Raises:
        ArgumentError: a setting is out of its range, or there are no parameters.

    PyTorch: ``torch.optim.SGD(model.parameters(), lr)``. dfdx: ``Sgd::new(SgdConfig { lr, momentum, weight_decay })``.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.tensor([1.0, 2.0]))
    >>> sgd = sw.optim.SGD([w], lr=0.5, momentum=0.9)
    >>> for _ in range(2):
    ...     sgd.update(w.trace().sum().backward())
    >>> w
    Parameter[[2], f32] on cpu: [-0.45  0.55]
    """

    def __init__(
        self,
        params: Parameters | Iterable[SGDGroup],
        lr: float = 1e-3,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float | L2 | Decoupled | None = None,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        weight_decay = decay("SGD", weight_decay, L2)
        super().__init__(params, lr, SGDSettings(weight_decay, maximize, momentum, dampening, nesterov))

    def _kept(self, settings: SGDSettings) -> dict[str, float]:
        if not settings.momentum:
            return {}
        # Only dampening makes the first step another one than the rest.
        return {"momentum_buffer": 0.0, **({"step": 0} if settings.dampening else {})}

    def _step(
        self, x: Tensor, gradient: Tensor, lr: Tensor, state: Mapping[str, Tensor], settings: SGDSettings
    ) -> tuple[Tensor, dict[str, Tensor]]:
        new: dict[str, Any] = {}
        if settings.momentum:
            share: Any = gradient
            if settings.dampening:
                new["step"] = state["step"] + 1
                weight = ops.where(state["step"] == 0, 1.0, (state["step"] * 0).to(f64) + (1.0 - settings.dampening))
                share = gradient * spread(weight, x)
            buffer = new["momentum_buffer"] = state["momentum_buffer"] * settings.momentum + share
            gradient = gradient + buffer * settings.momentum if settings.nesterov else buffer
        return x - gradient * spread(lr, x), new
