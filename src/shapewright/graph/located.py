"""Where something was computed: the layer, loss or function that an error names, in a step of a program too.

What it is not: the texts of errors (`shapes/errors.py`), or the recording (`capture.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapewright.shapes.errors import Error

from .capture import active


class Located:
    """With this around a call, errors that leave it say where they come from, and recorded operations know it.

    Args:
        where: gives the place, when it is needed.
    """

    __slots__ = ("_around", "_capture", "_where")

    def __init__(self, where: Callable[[], str]) -> None:
        self._where = where

    def __enter__(self) -> None:
        self._capture = capture = active.capture
        if capture is not None:
            self._around, capture.within = capture.within, self._where

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if self._capture is not None:
            self._capture.within = self._around
        # The innermost place is the one.
        if error is not None and isinstance(error, Error) and error.path is None:
            error.path = self._where()
