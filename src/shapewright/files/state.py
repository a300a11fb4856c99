"""`save`, `load` and `read`: the state of models and optimisers in files, by name.

What it is not: the formats (`npz.py`, `safetensors.py`) or how a file is replaced (`atomic.py`). Nothing in a file is
ever executed: no pickle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from shapewright.devices import Device
from shapewright.files._refusal import refuse
from shapewright.files.atomic import write_atomically
from shapewright.files.npz import read_npz, write_npz
from shapewright.files.safetensors import read_safetensors, write_safetensors
from shapewright.shapes.errors import ArgumentError, DTypeError, FileError, ShapeError
from shapewright.tensor.creation import from_numpy
from shapewright.tensor.tensor import Tensor

_FORMATS = {".npz": (write_npz, read_npz), ".safetensors": (write_safetensors, read_safetensors)}


class Stateful(Protocol):
    """What can be saved and loaded: a model, a part of one, an optimiser."""

    def state_dict(self) -> Mapping[str, Tensor[Any, Any]]:
        """Give every value by its name."""
        ...

    def load_state_dict(self, state: Mapping[str, Tensor[Any, Any]]) -> None:
        """Take every value by its name, or refuse and change nothing."""
        ...


def save(what: Stateful | Mapping[str, Tensor[Any, Any]], path: str | os.PathLike[str]) -> None:
    """Save a model, an optimiser or a dict of tensors to an `.npz` or `.safetensors` file.

    The names are those of the state dict, which are PyTorch's: `up.weight`. If saving fails or is interrupted, the file
    that was there before is as it was.

    Raises:
        ArgumentError: the path ends in neither of the two, or a value or a name cannot be saved.
        FileError: the folder is missing, the disk is full, or another error of the system.

    PyTorch: ``safetensors.torch.save_file(model.state_dict(), path)``. dfdx: ``model.save(path)``.

    >>> import os, tempfile
    >>> import shapewright as sw
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "state.npz")
    ...     sw.files.save({"a": sw.ones((2,)), "b": sw.arange(3)}, path)
    ...     sw.files.read(path)
    {'a': Tensor[[2], f32] on cpu: [1. 1.], 'b': Tensor[[3], i64] on cpu: [0 1 2]}
    """
    path, (write, _) = _format(path, "save")
    state = what if isinstance(what, Mapping) else _stateful(what, "save").state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            parts = isinstance(value, Mapping) or hasattr(value, "state_dict")
            raise ArgumentError(
                f"save: {name!r} is no tensor but {type(value).__name__}",
                hint="{**model.state_dict(), **more}: names and tensors side by side"
                if parts
                else "sw.tensor(...) around numbers",
            )
        if not isinstance(name, str) or "\0" in name or name in ("", "__metadata__"):
            raise ArgumentError(f"save: {name!r} cannot be the name of a tensor in a file")
    arrays = {name: np.require(value.numpy(), requirements="C") for name, value in state.items()}
    write_atomically(path, lambda file: write(file, arrays))


def load(into: Stateful, path: str | os.PathLike[str]) -> None:
    """Load a model or an optimiser from an `.npz` or `.safetensors` file.

    Files of PyTorch's models load by name: ``safetensors.torch.save_file(model.state_dict(), path)`` writes them. If
    anything in the file does not fit, all of it is listed and nothing is loaded.

    Raises:
        FileError: the file is missing or damaged; names are missing or surplus; shapes or element types are others.
        ArgumentError: the path ends in neither of the two.

    PyTorch: ``model.load_state_dict(safetensors.torch.load_file(path))``. dfdx: ``model.load(path)``.

    >>> import os, tempfile
    >>> import shapewright as sw
    >>> model, other = sw.nn.Linear(3, 2), sw.nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     sw.files.save(model, path)
    ...     sw.files.load(other, path)
    >>> bool((model.weight == other.weight).all())
    True
    """
    _format(path, "load")
    target = _stateful(into, "load")
    state = _read(path, None, "load")
    try:
        target.load_state_dict(state)
    except (ShapeError, DTypeError) as error:
        only_dtypes = isinstance(error, DTypeError)
        hint = (
            "model.to(...) to the file's element types first"
            if only_dtypes
            else "files.read(path) to see what is in it"
        )
        raise FileError(
            f"{Path(path)} does not fit {type(into).__name__}; nothing was loaded", facts=error.facts, hint=hint
        ) from None


def read(path: str | os.PathLike[str], *, device: Device | None = None) -> dict[str, Tensor[Any, Any]]:
    """Read every tensor of an `.npz` or `.safetensors` file by its name.

    Raises:
        FileError: the file is missing, damaged, or holds elements that no tensor has.
        ArgumentError: the path ends in neither of the two.

    PyTorch: ``safetensors.torch.load_file(path)``. dfdx: none.

    >>> import os, tempfile
    >>> import shapewright as sw
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "numbers.npz")
    ...     np.savez(path, ids=np.arange(3))
    ...     sw.files.read(path)["ids"].expect((3,))
    Tensor[[3], i64] on cpu: [0 1 2]
    """
    return _read(path, device, "read")


def _read(path: str | os.PathLike[str], device: Device | None, doing: str) -> dict[str, Tensor[Any, Any]]:
    path, (_, reader) = _format(path, doing)
    try:
        arrays = reader(path)
    except FileNotFoundError:
        refuse(
            path,
            f"a file in {path.parent}",
            "nothing: there is no file of that name",
            f"check the path; the current directory is {Path.cwd()}",
        )
    except OSError as error:
        refuse(
            path, "a file that can be read", f"an error of the system: {error.strerror or error}", "check your rights"
        )
    state: dict[str, Tensor[Any, Any]] = {}
    unknown = []
    for name, array in arrays.items():
        try:
            state[name] = from_numpy(array, device=device)
        except DTypeError:
            unknown.append(f"{name} of {array.dtype}")
    if unknown:
        refuse(path, "arrays of known element types", "\n".join(unknown), "convert them before they are saved")
    return state


def _format(path: str | os.PathLike[str], doing: str) -> tuple[Path, Any]:
    if not isinstance(path, str | os.PathLike):
        what = "path" if doing == "read" else "model, path"
        raise ArgumentError(
            f"{doing}: a path is a str or a Path, not {type(path).__name__}", hint=f"files.{doing}({what})"
        )
    path = Path(path)
    if path.suffix not in _FORMATS:
        pickled = path.suffix in (".pt", ".pth", ".ckpt", ".bin", ".pkl")
        raise ArgumentError(
            f"{doing}: the name of the file says its format, .npz or .safetensors, and {path.name} ends in neither",
            hint="safetensors.torch.save_file(model.state_dict(), path) in PyTorch; pickled files are never loaded"
            if pickled
            else f"{path.stem or 'model'}.safetensors",
        )
    return path, _FORMATS[path.suffix]


def _stateful(what: Any, doing: str) -> Stateful:
    if not (hasattr(what, "state_dict") and hasattr(what, "load_state_dict")) or isinstance(what, type):
        raise ArgumentError(
            f"{doing}: takes a model or an optimiser, not {what!r}"
            if isinstance(what, type | str | Path)
            else f"{doing}: takes a model or an optimiser, not {type(what).__name__}",
            hint=f"files.{doing}(model, path)" + (', or files.save({"name": tensor}, path)' if doing == "save" else ""),
        )
    return what
