"""Tensors in `.safetensors` files, the format that PyTorch's models are shared in; bf16 is one of its types.

The format has no checksum: damage that changes numbers and leaves sizes right cannot be seen, as it is in npz.
What it is not: npz (`npz.py`), or what belongs to a model (`state.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from shapewright.files._refusal import beginning, reason, refuse
from shapewright.shapes.dtypes import bf16, f16, f32, f64, i32, i64, u8

_NUMPY = {"F64": f64, "F32": f32, "BF16": bf16, "F16": f16, "I64": i64, "I32": i32, "U8": u8}
# The length of the header in 8 bytes, then the header, a dict in JSON.
_HEADER = 9


def write_safetensors(file: IO[bytes], arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name."""
    import safetensors.numpy

    # Names and layout are PyTorch's, and its tools ask for this.
    file.write(safetensors.numpy.save(dict(arrays), metadata={"format": "pt"}))


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Read every array by name.

    Raises:
        FileError: the file is not of this format, is damaged or cut off, or holds elements that no tensor has.
        OSError: the file is missing or cannot be read.
    """
    import safetensors

    data = path.read_bytes()
    if len(data) < _HEADER or data[8:9] != b"{":
        refuse(path, "a safetensors file, whose ninth byte is {", beginning(data), "give a .safetensors file")
    try:
        entries = safetensors.deserialize(data)
    # Its own error, and whatever a damaged header makes Python raise.
    except Exception as error:
        refuse(path, "a safetensors file that is whole", reason(error))
    unknown = [f"{name} of {entry['dtype']}" for name, entry in entries if entry["dtype"] not in (*_NUMPY, "BOOL")]
    if unknown:
        known = ", ".join((*_NUMPY, "BOOL"))
        refuse(path, f"elements of {known}", "\n".join(unknown), "convert them before they are saved")
    # The library gives them in another order each time.
    return {name: _array(entry) for name, entry in sorted(entries, key=lambda item: item[0])}


def _array(entry: Mapping[str, object]) -> np.ndarray:
    name, data, shape = str(entry["dtype"]), entry["data"], entry["shape"]
    assert isinstance(data, bytes | bytearray) and isinstance(shape, list)
    if name == "BOOL":
        # A byte that is neither 0 nor 1 is no bool to NumPy.
        return (np.frombuffer(data, np.uint8) != 0).reshape(shape)
    # The format is little endian on every machine.
    return np.frombuffer(data, _NUMPY[name].numpy.newbyteorder("<")).reshape(shape)
