# What pyright sees of shapewright.files. See __init__.pyi beside this file.
import os
from typing import Any

from . import Tensor

type Stateful = Any

def save(what: Any, path: str | os.PathLike[str]) -> None: ...
def load(into: Any, path: str | os.PathLike[str]) -> None: ...
def read(path: str | os.PathLike[str], **settings: Any) -> dict[str, Tensor]: ...
