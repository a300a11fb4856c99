"""Layers, containers, losses and initialisers: `from shapewright import nn`.

One file each beside this one. What it is not: optimisers (`optim/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

# Each checker is shown its own declarations: Pyrefly the real ones, which also run; mypy and ty names of type Any, and
# pyright names without shapes (`_portable/`), because they have no types for shapes.
TYPE_CHECKING_WITH_PYREFLY: Final = False  # Pyrefly reads this name as True
MYPY = False  # mypy reads this name as True
PYRIGHT: Final = False  # ty takes it as False; pyright reads both branches and believes the last

if TYPE_CHECKING_WITH_PYREFLY or not TYPE_CHECKING:
    if not MYPY:
        from . import init as init
        from .activations import ELU as ELU
        from .activations import GELU as GELU
        from .activations import Abs as Abs
        from .activations import Cos as Cos
        from .activations import Exp as Exp
        from .activations import Identity as Identity
        from .activations import LeakyReLU as LeakyReLU
        from .activations import Ln as Ln
        from .activations import LogSoftmax as LogSoftmax
        from .activations import ReLU as ReLU
        from .activations import Sigmoid as Sigmoid
        from .activations import SiLU as SiLU
        from .activations import Sin as Sin
        from .activations import Softmax as Softmax
        from .activations import Softplus as Softplus
        from .activations import Sqrt as Sqrt
        from .activations import Square as Square
        from .activations import Tanh as Tanh
        from .attention import MultiheadAttention as MultiheadAttention
        from .attention import scaled_dot_product_attention as scaled_dot_product_attention
        from .containers import AddInto as AddInto
        from .containers import GeneralizedResidual as GeneralizedResidual
        from .containers import Repeated as Repeated
        from .containers import Residual as Residual
        from .containers import SplitInto as SplitInto
        from .convolution import Conv2d as Conv2d
        from .dropout import Dropout as Dropout
        from .dropout import DropoutOneIn as DropoutOneIn
        from .embedding import Embedding as Embedding
        from .flatten import Flatten as Flatten
        from .linear import Linear as Linear
        from .losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
        from .losses import cross_entropy as cross_entropy
        from .losses import huber as huber
        from .losses import kl_div as kl_div
        from .losses import mae as mae
        from .losses import mse as mse
        from .losses import nll as nll
        from .losses import rmse as rmse
        from .losses import smooth_l1 as smooth_l1
        from .module import Buffer as Buffer
        from .module import Module as Module
        from .module import Parameter as Parameter
        from .normalization import BatchNorm2d as BatchNorm2d
        from .normalization import LayerNorm as LayerNorm
        from .pooling import AvgPool2d as AvgPool2d
        from .pooling import AvgPoolGlobal as AvgPoolGlobal
        from .pooling import MaxPool2d as MaxPool2d
        from .pooling import MaxPoolGlobal as MaxPoolGlobal
        from .pooling import MinPool2d as MinPool2d
        from .pooling import MinPoolGlobal as MinPoolGlobal
        from .sequential import Sequential as Sequential
        from .transformer import Transformer as Transformer
        from .transformer import TransformerDecoder as TransformerDecoder
        from .transformer import TransformerDecoderLayer as TransformerDecoderLayer
        from .transformer import TransformerEncoder as TransformerEncoder
        from .transformer import TransformerEncoderLayer as TransformerEncoderLayer
elif MYPY or not PYRIGHT:
    init: Any  # otherwise the file of that name, whose types are shapes

    def __getattr__(name: str) -> Any: ...

else:
    from shapewright._portable.nn import *

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        import sys

        from shapewright.tensor.habits import NN, missing
        from shapewright.tensor.tensor import Tensor

        raise missing("shapewright.nn", name, NN, sys.modules[__name__], Tensor)
