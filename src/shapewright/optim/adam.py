"""`Adam` and `AdamW`: steps scaled by running averages of the gradient and of its square.

What it is not: a schedule of the learning rate; set `adam.lr` at any time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Required, TypedDict

from shapewright.optim.optimizer import Optimizer, spread
from shapewright.optim.parameters import Parameters
from shapewright.optim.settings import L2, Decoupled, Settings, check_number, decay
from shapewright.shapes.dtypes import f64
from shapewright.shapes.errors import ArgumentError
from shapewright.tensor.tensor import Tensor


class AdamGroup(TypedDict, total=False):
    """Parameters with settings of their own: `{"params": model.up, "lr": 1e-4}`."""

    params: Required[Parameters]
    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float | L2 | Decoupled | None
    amsgrad: bool
    maximize: bool


@dataclasses.dataclass(frozen=True)
class AdamSettings(Settings):
    """What `Adam` and `AdamW` keep from step to step."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.betas, tuple | list) or len(self.betas) != 2:
            raise ArgumentError(
                f"Adam: betas= is a pair of numbers, not {self.betas!r}", hint="betas=(0.9, 0.999), the default"
            )
        for index, beta in enumerate(self.betas):
            check_number("Adam", f"betas[{index}]", beta, 0.0, 1.0)
        check_number("Adam", "eps", self.eps, 0.0)


class Adam(Optimizer):
    """Adam: `x - lr * m / (sqrt(v) + eps)`, with m and v the averages of g and g² over recent steps.

    `m = b1 * m + (1 - b1) * g` and `v = b2 * v + (1 - b2) * g²`, each divided by `1 - b ** step`, as they begin at 0.
    D. Kingma, J. Ba: Adam: A Method for Stochastic Optimization, 2015. With `amsgrad`, v is the largest so far:
    S. Reddi, S. Kale, S. Kumar: On the Convergence of Adam and Beyond, 2018.

    Args:
        params: a model, its parameters, or groups of them with settings of their own.
        lr: the learning rate.
        betas: how much of the averages of g and of g² stays each step.
        eps: added to the divisor.
        weight_decay: a rate (L2, as in PyTorch), `optim.L2(rate)` or `optim.Decoupled(rate)`.
        amsgrad: divide by the largest average so far.
        maximize: go up the gradient.

    Raises:
        ArgumentError: a setting is out of its range, or there are no parameters.

    PyTorch: ``torch.optim.Adam(model.parameters(), lr)``. dfdx: ``Adam::new(AdamConfig { lr, betas, eps, .. })``.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.tensor([1.0, 2.0]))
    >>> adam = sw.optim.Adam([w], lr=0.5)
    >>> adam.update((w.trace() ** 2).sum().backward())
    >>> w
    Parameter[[2], f32] on cpu: [0.5 1.5]
    """

    def __init__(
        self,
        params: Parameters | Iterable[AdamGroup],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float | L2 | Decoupled | None = None,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        weight_decay = decay(type(self).__name__, weight_decay, self._decay)
        super().__init__(params, lr, AdamSettings(weight_decay, maximize, betas, eps, amsgrad))

    def _kept(self, settings: AdamSettings) -> dict[str, float]:
        return {"step": 0, "exp_avg": 0.0, "exp_avg_sq": 0.0, **({"max_exp_avg_sq": 0.0} if settings.amsgrad else {})}

    def _step(
        self, x: Tensor, gradient: Tensor, lr: Tensor, state: Mapping[str, Tensor], settings: AdamSettings
    ) -> tuple[Tensor, dict[str, Tensor]]:
        b1, b2 = settings.betas
        new: dict[str, Any] = {"step": state["step"] + 1}
        steps = new["step"].to(f64)
        first = state["exp_avg"]
        first = new["exp_avg"] = first + (gradient - first) * (1.0 - b1)
        second = new["exp_avg_sq"] = state["exp_avg_sq"] * b2 + gradient * gradient * (1.0 - b2)
        if settings.amsgrad:
            second = new["max_exp_avg_sq"] = state["max_exp_avg_sq"].maximum(second)
        # As at the end of the paper's section 2: both corrections are one number for all elements, and so is the scaled
        # eps, so that no element is divided but once.
        correction = (1.0 - b2**steps).sqrt()
        divisor = second.sqrt() + spread(correction * settings.eps, x)
        return x - first / divisor * spread(lr * correction / (1.0 - b1**steps), x), new


class AdamW(Adam):
    """Adam whose weight decay is decoupled: `x * (1 - lr * weight_decay)` before each step.

    I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization, 2019.

    Args:
        params: a model, its parameters, or groups of them with settings of their own.
        lr: the learning rate.
        betas: how much of the averages of g and of g² stays each step.
        eps: added to the divisor.
        weight_decay: a rate (decoupled, as in PyTorch), `optim.L2(rate)` or `optim.Decoupled(rate)`.
        amsgrad: divide by the largest average so far.
        maximize: go up the gradient.

    Raises:
        ArgumentError: a setting is out of its range, or there are no parameters.

    PyTorch: ``torch.optim.AdamW(model.parameters(), lr)``. dfdx: ``Adam`` with ``WeightDecay::Decoupled``.

    >>> import shapewright as sw
    >>> sw.optim.AdamW([sw.Parameter(sw.ones((2,)))])
    AdamW(lr=0.001, weight_decay=Decoupled(rate=0.01)) of 1 parameter, 2 elements
    """

    _decay = Decoupled

    def __init__(
        self,
        params: Parameters | Iterable[AdamGroup],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        weight_decay: float | L2 | Decoupled | None = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize)
