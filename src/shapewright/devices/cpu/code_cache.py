"""Keeps machine code on disk, so that a program that was compiled once starts at once.

A folder of files, one for each compiled module, named by a hash of everything that the code follows from. Any number
of processes may share it: files appear whole or not at all, and each carries a checksum, so a damaged one counts as
missing and is written again. A folder that cannot be read or written means no cache, never an error.

* Where: `SHAPEWRIGHT_CACHE` (`off` for no cache), else `shapewright/code` in the user's cache folder.
* How large: at most `LIMIT` bytes; the files unused for longest go first.
* Trust: code is loaded only from files of this user or root, since whoever writes a file decides what runs.

What it is not: compilation, or the choice of what a key covers (`machine.py`).
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 512 << 20
_MAGIC = b"shapewright code 1\n"
_ABANDONED = 3600.0  # seconds after which an unfinished file belongs to a process that died


def folder() -> Path | None:
    """Give the folder of the cache, which may not exist yet; None if there is to be no cache."""
    chosen = os.environ.get("SHAPEWRIGHT_CACHE")
    if chosen:
        return None if chosen == "off" else Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None)
    try:
        return (Path(base) if base else Path.home() / ".cache") / "shapewright" / "code"
    except RuntimeError:  # no home folder
        return None


def read(key: str) -> bytes | None:
    """Give the code stored under a key, or None if there is none that is whole and trusted."""
    place = folder()
    if place is None:
        return None
    path = place / key
    try:
        with path.open("rb") as file:
            if not _is_trusted(os.fstat(file.fileno())):
                return None
            content = file.read()
        head = len(_MAGIC)
        if content[:head] != _MAGIC or content[head : head + 32] != _checksum(key, content[head + 32 :]):
            return None
        _mark_used(path)
        return content[head + 32 :]
    except OSError:
        return None


def write(key: str, code: bytes) -> bool:
    """Store code under a key, and say whether that was possible."""
    place = folder()
    if place is None:
        return False
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix="unfinished-", dir=place)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + _checksum(key, code) + code)
        os.replace(unfinished, place / key)
    except BaseException as error:  # also Ctrl-C: nothing unfinished may stay
        try:
            os.unlink(unfinished)
        except OSError:
            pass
        if isinstance(error, OSError):
            return False
        raise
    trim(place, LIMIT)
    return True


def trim(place: Path, limit: int) -> None:
    """Remove the files unused for longest until the others fit into `limit` bytes, and what dead processes left."""
    files = []
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # another process removed it
                    continue
                if entry.name.startswith("unfinished-"):
                    if time.time() - status.st_mtime > _ABANDONED:
                        _remove(entry.path)
                else:
                    files.append((status.st_mtime, status.st_size, entry.path))
    except OSError:
        return
    excess = sum(size for _, size, _ in files) - limit
    for _, size, path in sorted(files):
        if excess <= 0:
            break
        _remove(path)
        excess -= size


def _checksum(key: str, code: bytes) -> bytes:
    # With the key: a file under another's name is no valid one.
    return hashlib.sha256(key.encode() + b"\0" + code).digest()


def _is_trusted(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid in (os.geteuid(), 0)


def _mark_used(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:  # a folder that may be read but not written
        pass


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
