"""Optimisers: what they have learnt from one step to the next lives in cells, and each step is tensor operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Each checker is shown its own declarations: Pyrefly the real ones, which also run; mypy and ty names of type Any, and
# pyright names without shapes (`_portable/`), because they have no types for shapes.
TYPE_CHECKING_WITH_PYREFLY: Final = False  # Pyrefly reads this name as True
MYPY = False  # mypy reads this name as True
PYRIGHT: Final = False  # ty takes it as False; pyright reads both branches and believes the last

if TYPE_CHECKING_WITH_PYREFLY or not TYPE_CHECKING:
    if not MYPY:
        from .adam import Adam as Adam
        from .adam import AdamGroup as AdamGroup
        from .adam import AdamW as AdamW
        from .clipping import clip_by_global_norm as clip_by_global_norm
        from .clipping import global_norm as global_norm
        from .optimizer import Group as Group
        from .optimizer import Optimizer as Optimizer
        from .parameters import Parameters as Parameters
        from .rmsprop import RMSprop as RMSprop
        from .rmsprop import RMSpropGroup as RMSpropGroup
        from .settings import L2 as L2
        from .settings import Decoupled as Decoupled
        from .sgd import SGD as SGD
        from .sgd import SGDGroup as SGDGroup
elif MYPY or not PYRIGHT:

    def __getattr__(name: str) -> Any: ...

else:
    from shapewright._portable.optim import *

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        import sys

        from shapewright.tensor.habits import OPTIM, missing

        raise missing("shapewright.optim", name, OPTIM, sys.modules[__name__])


__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "L2",
    "Decoupled",
    "Optimizer",
    "Group",
    "Parameters",
    "SGDGroup",
    "AdamGroup",
    "RMSpropGroup",
    "clip_by_global_norm",
    "global_norm",
]
