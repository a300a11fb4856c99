"""The runs of optimisers that are compared with PyTorch's: their settings, and the gradients of every step.

Read by `tests/torch_optim_values.py` under PyTorch and by the tests under shapewright, so it imports neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

STEPS = 12
SHAPES = {"weight": (3, 4), "bias": (5,)}


@dataclass(frozen=True)
class Case:
    """One run.

    Args:
        name: what the stored values are called.
        optimiser: its name in both libraries.
        settings: its arguments, equal in both.
        decoupled: weight decay apart from the gradient, for optimisers that have none in PyTorch.
        groups: settings of `weight` and of `bias` alone.
        rates: the learning rate from a step on.
        skips: whether every third gradient of `bias` is missing.
    """

    name: str
    optimiser: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    decoupled: float = 0.0
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rates: Mapping[int, float] = field(default_factory=dict)
    skips: bool = False


def start(name: str, dtype: Any) -> np.ndarray:
    """The values that a parameter begins with."""
    shape = SHAPES[name]
    return np.cos(1.0 + np.arange(np.prod(shape))).reshape(shape).astype(dtype)


def gradient(name: str, step: int, value: np.ndarray) -> np.ndarray:
    """The gradient of a step: it depends on the value, so that errors would grow, and changes its sign and its size."""
    wave = np.sin(np.arange(value.size) * 0.7 + step * (1.3 if name == "weight" else 0.4)).reshape(value.shape)
    return (value * 0.5 + wave * (0.1 if step % 4 else 2.0)).astype(value.dtype)


CASES = (
    Case("sgd", "SGD", {"lr": 0.1}),
    Case("sgd momentum", "SGD", {"lr": 0.1, "momentum": 0.9}),
    Case("sgd dampening", "SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    Case("sgd nesterov", "SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    Case("sgd l2", "SGD", {"lr": 0.1, "weight_decay": 0.05}),
    Case("sgd momentum l2", "SGD", {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.05}),
    Case(
        "sgd dampening l2 maximize",
        "SGD",
        {"lr": 0.01, "momentum": 0.8, "dampening": 0.5, "weight_decay": 0.05, "maximize": True},
    ),
    Case("sgd nesterov l2", "SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.05}),
    Case("sgd decoupled", "SGD", {"lr": 0.1, "momentum": 0.9}, decoupled=0.05),
    Case("sgd maximize", "SGD", {"lr": 0.01, "maximize": True}),
    Case(
        "sgd groups",
        "SGD",
        {"lr": 0.1, "momentum": 0.9},
        groups={"weight": {"weight_decay": 0.1}, "bias": {"lr": 0.02, "momentum": 0.0}},
    ),
    Case("sgd rates", "SGD", {"lr": 0.1, "momentum": 0.9}, rates={4: 0.05, 8: 0.0, 10: 0.2}),
    Case("sgd skips", "SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}, skips=True),
    Case("adam", "Adam"),
    Case("adam lr", "Adam", {"lr": 0.1}),
    Case("adam betas", "Adam", {"lr": 0.1, "betas": (0.5, 0.9)}),
    Case("adam betas 0", "Adam", {"lr": 0.1, "betas": (0.0, 0.0), "eps": 1e-3}),
    Case("adam eps", "Adam", {"lr": 0.1, "eps": 0.1}),
    Case("adam l2", "Adam", {"lr": 0.1, "weight_decay": 0.05}),
    Case("adam amsgrad", "Adam", {"lr": 0.1, "betas": (0.9, 0.8), "amsgrad": True}),
    Case(
        "adam amsgrad l2 maximize",
        "Adam",
        {"lr": 0.1, "betas": (0.9, 0.8), "amsgrad": True, "weight_decay": 0.05, "maximize": True},
    ),
    Case("adam maximize", "Adam", {"lr": 0.1, "maximize": True}),
    Case(
        "adam groups",
        "Adam",
        {"lr": 0.1},
        groups={"weight": {"betas": (0.8, 0.9)}, "bias": {"lr": 0.01, "weight_decay": 0.1}},
    ),
    Case("adam rates", "Adam", {"lr": 0.1}, rates={4: 0.05, 8: 0.0, 10: 0.2}),
    Case("adam skips", "Adam", {"lr": 0.1}, skips=True),
    Case("adamw", "AdamW"),
    Case("adamw lr", "AdamW", {"lr": 0.1}),
    Case("adamw decay", "AdamW", {"lr": 0.1, "weight_decay": 0.2}),
    Case("adamw no decay", "AdamW", {"lr": 0.1, "weight_decay": 0.0}),
    Case("adamw amsgrad", "AdamW", {"lr": 0.1, "betas": (0.9, 0.8), "amsgrad": True}),
    Case("adamw maximize", "AdamW", {"lr": 0.1, "maximize": True}),
    Case("adamw groups", "AdamW", {"lr": 0.1}, groups={"weight": {"weight_decay": 0.3}, "bias": {"weight_decay": 0.0}}),
    Case("rmsprop", "RMSprop"),
    Case("rmsprop lr", "RMSprop", {"lr": 0.1}),
    Case("rmsprop alpha", "RMSprop", {"lr": 0.1, "alpha": 0.5}),
    Case("rmsprop eps", "RMSprop", {"lr": 0.1, "eps": 0.1}),
    Case("rmsprop l2", "RMSprop", {"lr": 0.1, "weight_decay": 0.05}),
    Case("rmsprop decoupled", "RMSprop", {"lr": 0.1}, decoupled=0.05),
    Case("rmsprop momentum", "RMSprop", {"lr": 0.05, "momentum": 0.9}),
    Case("rmsprop centered", "RMSprop", {"lr": 0.1, "alpha": 0.8, "centered": True}),
    Case("rmsprop centered momentum", "RMSprop", {"lr": 0.05, "alpha": 0.8, "centered": True, "momentum": 0.5}),
    Case(
        "rmsprop all",
        "RMSprop",
        {
            "lr": 0.05,
            "alpha": 0.8,
            "eps": 1e-3,
            "centered": True,
            "momentum": 0.5,
            "weight_decay": 0.05,
            "maximize": True,
        },
    ),
    Case(
        "rmsprop groups",
        "RMSprop",
        {"lr": 0.1},
        groups={"weight": {"alpha": 0.9}, "bias": {"lr": 0.01, "momentum": 0.9}},
    ),
    Case("rmsprop rates", "RMSprop", {"lr": 0.1}, rates={4: 0.05, 8: 0.0, 10: 0.2}),
)
