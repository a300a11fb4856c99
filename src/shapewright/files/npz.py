"""Tensors in `.npz` files: a zip archive with one NumPy array for each name, as `numpy.savez` writes it.

NumPy has no bf16. Such arrays are stored as what NumPy itself makes of them, elements of two bytes without a meaning
("V2"), and two bytes without a meaning are read as bf16. Every array has a checksum, so damage is always seen.
What it is not: safetensors (`safetensors.py`), or what belongs to a model (`state.py`).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import ml_dtypes
import numpy as np

from shapewright.files._refusal import AGAIN, beginning, reason, refuse
from shapewright.shapes.errors import FileError

_BF16 = np.dtype(ml_dtypes.bfloat16)
_WITHOUT_MEANING = np.dtype("V2")
_SUFFIX = ".npy"
_ZIP = b"PK"
# The first date that a zip archive can hold: the same tensors give the same file.
_DATE = (1980, 1, 1, 0, 0, 0)
_WHOLE = "an npz file that is whole"


def write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name, uncompressed."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(name + _SUFFIX, _DATE), "w", force_zip64=True) as entry:
                stored = array.view(_WITHOUT_MEANING) if array.dtype == _BF16 else array
                np.lib.format.write_array(entry, stored, allow_pickle=False)


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read every array by name, also compressed ones.

    Raises:
        FileError: the file is no zip archive, is damaged or cut off, or holds something that is not a NumPy array.
        OSError: the file is missing or cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(8)
        if not start.startswith(_ZIP):
            refuse(path, "an npz file, a zip archive, which begins with 50 4b", beginning(start), "give an .npz file")
        file.seek(0)
        try:
            return _read(path, file)
        except FileError:
            raise
        # What zipfile and NumPy raise for damaged bytes is written down nowhere, and ranges from BadZipFile to
        # SyntaxError. Nothing but reading happens in there.
        except Exception as error:
            refuse(path, _WHOLE, reason(error))


def _read(path: Path, file: IO[bytes]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(_SUFFIX)
            if name == entry.filename:
                refuse(path, "NumPy arrays, each named with .npy at its end", entry.filename, "give an .npz file")
            if name in arrays:
                refuse(path, "one array for each name", f"{name} twice")
            # Whole, so that its checksum is compared before any of it is believed.
            data = io.BytesIO(archive.read(entry))
            array = np.lib.format.read_array(data, allow_pickle=False)
            surplus = len(data.getbuffer()) - data.tell()
            if surplus:
                refuse(path, _WHOLE, f"{surplus} bytes after the end of {name}", AGAIN)
            arrays[name] = array.view(_BF16) if array.dtype == _WITHOUT_MEANING else array
    return arrays
