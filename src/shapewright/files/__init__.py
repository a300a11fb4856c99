"""Files of models, optimisers and tensors: npz and safetensors, by PyTorch's names, written whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Each checker is shown its own declarations: Pyrefly the real ones, which also run; mypy and ty names of type Any, and
# pyright names without shapes (`_portable/`), because they have no types for shapes.
TYPE_CHECKING_WITH_PYREFLY: Final = False  # Pyrefly reads this name as True
MYPY = False  # mypy reads this name as True
PYRIGHT: Final = False  # ty takes it as False; pyright reads both branches and believes the last

if TYPE_CHECKING_WITH_PYREFLY or not TYPE_CHECKING:
    if not MYPY:
        from .state import Stateful as Stateful
        from .state import load as load
        from .state import read as read
        from .state import save as save
elif MYPY or not PYRIGHT:

    def __getattr__(name: str) -> Any: ...

else:
    from shapewright._portable.files import *

__all__ = ["Stateful", "load", "read", "save"]
