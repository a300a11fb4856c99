"""How every file of tensors is refused: what was expected, what was found, what to do.

What it is not: the reading itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from shapewright.shapes.errors import FileError

AGAIN = "get or save the file again; this copy is damaged"
_MOST = 200


def refuse(path: Path, expected: str, found: str, do: str = AGAIN) -> NoReturn:
    """Raise the FileError of a file that cannot be read."""
    raise FileError(f"cannot load {path}", facts=[("expected", expected), ("found", found), ("do", do)]) from None


def reason(error: BaseException) -> str:
    """What a library said about a file, on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "damage: " + (text if len(text) <= _MOST else text[: _MOST - 1] + "…")


def beginning(data: bytes) -> str:
    """The first bytes of a file that is not of the expected kind."""
    return f"bytes that begin with {data[:8].hex(' ')}" if data else "an empty file"
