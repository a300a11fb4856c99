"""Files of models, optimisers and tensors: npz and safetensors, by PyTorch's names, written whole or not at all."""

from __future__ import annotations

from .state import Stateful as Stateful
from .state import load as load
from .state import read as read
from .state import save as save

__all__ = ["Stateful", "load", "read", "save"]
