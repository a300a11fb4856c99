"""MNIST and Fashion-MNIST: their four files as typed tensors.

What it is not: the file format (`idx.py`), a download, or a pass over the examples (`batches.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from shapewright.data.idx import checked_path, read_idx
from shapewright.devices import Device
from shapewright.shapes.dtypes import i64, u8
from shapewright.shapes.errors import FileError
from shapewright.shapes.typing import IntVar
from shapewright.tensor.creation import from_numpy
from shapewright.tensor.tensor import Tensor

_CLASSES = 10


@dataclass(frozen=True)
class Images[N: IntVar, H: IntVar, W: IntVar]:
    """A data set of N grey images of H × W pixels (u8, 0 to 255), each with a class label (i64).

    PyTorch: ``torchvision.datasets.MNIST``. dfdx: none.

    >>> import shapewright as sw
    >>> sw.data.Images(sw.zeros((5, 2, 2), dtype=sw.u8), sw.zeros((5,), dtype=sw.i64))
    Images(images: Tensor[[5, 2, 2], u8], labels: Tensor[[5], i64])
    """

    images: Tensor[[N, H, W], u8]
    labels: Tensor[[N], i64]

    def __len__(self) -> int:
        """Give the number of images."""
        return len(self.images)

    def __repr__(self) -> str:
        parts = [(name, value._spec) for name, value in vars(self).items()]
        return f"Images({', '.join(f'{n}: Tensor[{list(s.sizes)}, {s.dtype.name}]' for n, s in parts)})"


def mnist(
    path: str | os.PathLike[str], *, device: Device | None = None
) -> tuple[Images[60000, 28, 28], Images[10000, 28, 28]]:
    """Read the training and the test part of MNIST from a folder with its four files, compressed or not.

    Handwritten digits, labels 0 to 9 (Y. LeCun, C. Cortes, C. Burges, 1998).

    Raises:
        FileError: a file is missing, damaged, of another size than MNIST's, or has a label above 9.

    PyTorch: ``torchvision.datasets.MNIST(path)``. dfdx: none.

    >>> import shapewright as sw
    >>> train, test = sw.data.mnist("examples/data/mnist")
    >>> train
    Images(images: Tensor[[60000, 28, 28], u8], labels: Tensor[[60000], i64])
    >>> train.labels[0]
    Tensor[[], i64] on cpu: 5
    """
    return _read("MNIST", path, device)


def fashion_mnist(
    path: str | os.PathLike[str], *, device: Device | None = None
) -> tuple[Images[60000, 28, 28], Images[10000, 28, 28]]:
    """Read the training and the test part of Fashion-MNIST from a folder with its four files, compressed or not.

    Articles of clothing in MNIST's format: 0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt,
    7 sneaker, 8 bag, 9 ankle boot (H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, 2017).

    Raises:
        FileError: a file is missing, damaged, of another size than Fashion-MNIST's, or has a label above 9.

    PyTorch: ``torchvision.datasets.FashionMNIST(path)``. dfdx: none.
    """
    return _read("Fashion-MNIST", path, device)


def _read(called: str, path: str | os.PathLike[str], device: Device | None) -> Any:
    folder = checked_path(path, called)
    parts = []
    for part, count in (("train", 60000), ("t10k", 10000)):
        images: Any = from_numpy(_array(called, folder, f"{part}-images-idx3-ubyte", (count, 28, 28)), device=device)
        labels: Any = from_numpy(_labels(called, folder, f"{part}-labels-idx1-ubyte", count), device=device)
        parts.append(Images(images, labels))
    return tuple(parts)


def _array(called: str, folder: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    # As the files are published, unpacked, and as some mirrors spell the unpacked ones.
    candidates = [folder / f"{name}.gz", folder / name, folder / name.replace("-idx", ".idx")]
    found = next((candidate for candidate in candidates if candidate.exists()), None)
    if found is None:
        _refuse(
            f"cannot read {called} from {folder}",
            f"a file {name}.gz, or {name} unpacked",
            _contents(folder),
            "give the folder that holds the four files, train and t10k, images and labels",
        )
    array = read_idx(found, shape=shape)
    if array.dtype != np.uint8:
        _refuse(
            f"cannot read {called} from {found}",
            "elements of u8",
            f"{array.dtype.name}",
            "check that this is the file you mean",
        )
    return array


def _labels(called: str, folder: Path, name: str, count: int) -> np.ndarray:
    labels = _array(called, folder, name, (count,))
    wrong = np.flatnonzero(labels >= _CLASSES)
    if wrong.size:
        more = f", and {wrong.size - 1} more like it" if wrong.size > 1 else ""
        _refuse(
            f"cannot read {called} from {folder}: {name} has labels outside its classes",
            f"labels from 0 to {_CLASSES - 1}",
            f"label {labels[wrong[0]]} at image {wrong[0]}{more}",
            "get the file again from where it came from; this copy is damaged",
        )
    return labels.astype(np.int64)


def _contents(folder: Path) -> str:
    if not folder.exists():
        return f"no such folder; the current directory is {Path.cwd()}"
    if not folder.is_dir():
        return "a file, not a folder"
    names = sorted(entry.name for entry in folder.iterdir())
    shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return shown or "an empty folder"


def _refuse(message: str, expected: str, found: str, do: str) -> NoReturn:
    raise FileError(message, facts=[("expected", expected), ("found", found), ("do", do)])
