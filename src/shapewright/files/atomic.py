"""Writes files so that an interruption leaves the old file whole: beside it first, then in its place at once.

What it is not: any format (`npz.py`, `safetensors.py`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

from shapewright.shapes.errors import FileError


def write_atomically(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file under a name of its own in the same folder, and give it the name `path` once it is whole on disk.

    An existing file keeps its permissions, and a link keeps pointing where it does.

    Args:
        path: the file to write or to replace.
        write: called once, with the open file.

    Raises:
        FileError: the folder is missing, the disk is full, or another error of the system; the old file is as it was.
    """
    # What a link points to is replaced, not the link.
    target = Path(os.path.realpath(path))
    if target.is_dir():
        _refuse(path, "it is a folder", "give the name of a file in it")
    if not target.parent.is_dir():
        _refuse(path, f"there is no folder {target.parent}", "create it first, or check the path")
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        _write(temporary, target, write)
    except BaseException as error:
        # Also for a keyboard interrupt: nothing half written stays behind.
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            _refuse(
                path, f"an error of the system: {error.strerror or error}", "make room or check your rights, then save"
            )
        raise
    _sync_folder(target.parent)


def _write(temporary: Path, target: Path, write: Callable[[IO[bytes]], None]) -> None:
    # 0o666 is what every new file has before the user's mask.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with open(os.open(temporary, flags, 0o666), "wb") as file:
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o7777)
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, target)


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power failure; not every system can open a folder for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse(path: Path, why: str, do: str) -> NoReturn:
    kept = "the file that was there is as it was" if path.is_file() else "nothing was written"
    raise FileError(f"cannot save {path}; {kept}", facts=[("why", why), ("do", do)]) from None
