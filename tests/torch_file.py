"""Writes what PyTorch computed to `values/`, so that the same values give the same file.

What it is not: the computing, which the scripts `torch_*_values.py` do.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write(stored: Mapping[str, np.ndarray], name: str, made_by: str) -> None:
    """Write arrays by name to the file of this name."""
    path = Path(__file__).parent / "values" / name
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in stored.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
            # A fixed date: the same values give the same file.
            info = zipfile.ZipInfo(f"{key}.npy", (2020, 1, 1, 0, 0, 0))
            archive.writestr(info, buffer.getvalue(), zipfile.ZIP_DEFLATED)
    print(f"{len(stored)} arrays, {path.stat().st_size // 1000} kB, by {made_by}: {name}")
