"""Data sets, batches and splits, typed as strictly as the model they feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Each checker is shown its own declarations: Pyrefly the real ones, which also run; mypy and ty names of type Any, and
# pyright names without shapes (`_portable/`), because they have no types for shapes.
TYPE_CHECKING_WITH_PYREFLY: Final = False  # Pyrefly reads this name as True
MYPY = False  # mypy reads this name as True
PYRIGHT: Final = False  # ty takes it as False; pyright reads both branches and believes the last

if TYPE_CHECKING_WITH_PYREFLY or not TYPE_CHECKING:
    if not MYPY:
        from .batches import Batches as Batches
        from .idx import read_idx as read_idx
        from .mnist import Images as Images
        from .mnist import fashion_mnist as fashion_mnist
        from .mnist import mnist as mnist
        from .split import split as split
elif MYPY or not PYRIGHT:
    # Otherwise the files of these names.
    mnist: Any
    split: Any

    def __getattr__(name: str) -> Any: ...

else:
    from shapewright._portable.data import *

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        import sys

        from shapewright.tensor.habits import DATA, missing

        raise missing("shapewright.data", name, DATA, sys.modules[__name__])


__all__ = ["Batches", "Images", "fashion_mnist", "mnist", "read_idx", "split"]
