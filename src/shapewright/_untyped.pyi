# What mypy and ty see of shapewright: sizes that they accept anywhere, and every other name as Any.
from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")
type Int[N] = N
IntVar = int

class IntTuple: ...

def shape_vars(declaration: str, *, required: bool = False) -> Callable[[_T], _T]: ...
def __getattr__(name: str) -> Any: ...
