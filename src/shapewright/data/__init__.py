"""Data sets, batches and splits, typed as strictly as the model they feed."""

from __future__ import annotations

from .batches import Batches as Batches
from .idx import read_idx as read_idx
from .mnist import Images as Images
from .mnist import fashion_mnist as fashion_mnist
from .mnist import mnist as mnist
from .split import split as split

__all__ = ["Batches", "Images", "fashion_mnist", "mnist", "read_idx", "split"]
