"""The settings of optimisers: weight decay of either kind, and the checks of numbers.

What it is not: the learning rate, which changes from step to step and therefore lives in a cell (`optimizer.py`).
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from shapewright.shapes.errors import ArgumentError


@dataclasses.dataclass(frozen=True, slots=True)
class L2:
    """Weight decay by a penalty: `rate` times the parameter is added to its gradient, before anything else.

    PyTorch: ``weight_decay=rate`` of every optimiser but AdamW. dfdx: ``WeightDecay::L2(rate)``.

    >>> import shapewright as sw
    >>> sw.optim.SGD([sw.Parameter(sw.ones((2,)))], lr=0.1, weight_decay=sw.optim.L2(1e-4))
    SGD(lr=0.1, weight_decay=L2(rate=0.0001)) of 1 parameter, 2 elements
    """

    rate: float

    def __post_init__(self) -> None:
        check_number("L2", "rate", self.rate, 0.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Decoupled:
    """Weight decay apart from the gradient: each step first shrinks the parameter by `lr * rate` of itself.

    I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization, 2019.

    PyTorch: ``weight_decay=rate`` of AdamW. dfdx: ``WeightDecay::Decoupled(rate)``.

    >>> import shapewright as sw
    >>> sw.optim.Adam([sw.Parameter(sw.ones((2,)))], weight_decay=sw.optim.Decoupled(0.01))
    Adam(lr=0.001, weight_decay=Decoupled(rate=0.01)) of 1 parameter, 2 elements
    """

    rate: float

    def __post_init__(self) -> None:
        check_number("Decoupled", "rate", self.rate, 0.0)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a group that do not change from step to step; each optimiser adds its own.

    Args:
        weight_decay: how parameters are drawn towards 0, or None.
        maximize: go up the gradient and not down.
    """

    weight_decay: L2 | Decoupled | None = None
    maximize: bool = False


def decay(called: str, value: float | L2 | Decoupled | None, kind: type[L2 | Decoupled]) -> L2 | Decoupled | None:
    """Give weight decay as an object; a bare number is of the kind that the optimiser has in PyTorch."""
    if value is None or isinstance(value, L2 | Decoupled):
        return value
    check_number(called, "weight_decay", value, 0.0)
    return kind(value) if value else None


def check_number(
    called: str, name: str, value: Any, least: float, below: float = math.inf, *, open_: bool = False
) -> None:
    """Check that a setting is a number from `least` on, and less than `below`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and (value > least if open_ else value >= least):
        if value < below:
            return
    limits = f"{'above' if open_ else 'at least'} {least:g}" + (f" and less than {below:g}" if below < math.inf else "")
    raise ArgumentError(f"{called}: {name}= is a number {limits}, not {value!r}")


def checked_lr(called: str, lr: Any) -> float:
    """Give a learning rate that is a finite number of at least 0."""
    check_number(called, "lr", lr, 0.0)
    return float(lr)
