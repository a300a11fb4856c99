# What pyright sees of shapewright.optim. See __init__.pyi beside this file.
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from . import Gradients, Parameter, Tensor

type Parameters = Any

@dataclass(frozen=True)
class L2:
    rate: float

@dataclass(frozen=True)
class Decoupled:
    rate: float

class Group:
    lr: float
    @property
    def parameters(self) -> list[Parameter]: ...

class Optimizer:
    groups: list[Group]
    lr: float
    def __init__(self, params: Any, lr: float = ..., *args: Any, **settings: Any) -> None: ...
    def update(self, grads: Gradients, *, unused: Literal["error", "ignore"] = "error") -> None: ...
    @property
    def parameters(self) -> list[Parameter]: ...
    def cells(self) -> dict[str, Any]: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None: ...

class SGD(Optimizer): ...
class Adam(Optimizer): ...
class AdamW(Adam): ...
class RMSprop(Optimizer): ...

type SGDGroup = dict[str, Any]
type AdamGroup = dict[str, Any]
type RMSpropGroup = dict[str, Any]

def global_norm(grads: Gradients) -> Tensor: ...
def clip_by_global_norm(grads: Gradients, max_norm: float) -> Gradients: ...
