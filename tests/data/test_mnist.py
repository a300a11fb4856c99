"""MNIST and Fashion-MNIST: what is read, and the whole text of each refusal."""

from __future__ import annotations

import dataclasses
import gzip
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import data

FOLDER = Path(__file__).parents[2] / "examples" / "data" / "mnist"
LABELS = np.arange(10000, dtype=np.uint8) % 10


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """MNIST's images with labels of the test's own, unpacked."""
    for path in FOLDER.glob("*images*.gz"):
        (tmp_path / path.name).symlink_to(path)
    write_labels(tmp_path / "train-labels-idx1-ubyte", np.resize(LABELS, 60000))
    write_labels(tmp_path / "t10k-labels-idx1-ubyte", LABELS)
    return tmp_path


def write_labels(path: Path, labels: np.ndarray, element: int = 0x08) -> None:
    path.write_bytes(bytes([0, 0, element, 1]) + struct.pack(">I", len(labels)) + labels.tobytes())


def refusal(path: Path, read: Any = data.mnist) -> str:
    with pytest.raises(sw.FileError) as caught:
        read(path)
    return str(caught.value)


def test_the_real_mnist() -> None:
    train, test = data.mnist(FOLDER)
    assert (train.images.shape, train.images.dtype) == ((60000, 28, 28), sw.u8)
    assert (train.labels.shape, train.labels.dtype) == ((60000,), sw.i64)
    assert (len(train), len(test)) == (60000, 10000)
    # Facts that the authors publish or that everybody sees who opens the files.
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(train.labels.numpy()).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.images.numpy().mean() == pytest.approx(0.1307 * 255, abs=0.02)
    assert repr(test) == "Images(images: Tensor[[10000, 28, 28], u8], labels: Tensor[[10000], i64])"


def test_a_data_set_does_not_change(folder: Path) -> None:
    train, _ = data.mnist(folder)
    with pytest.raises(dataclasses.FrozenInstanceError):
        train.labels = train.labels  # pyrefly: ignore[read-only]  # meant


def test_files_may_be_unpacked_and_spelt_with_a_point(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").rename(folder / "t10k-labels.idx1-ubyte")
    for read in (data.mnist, data.fashion_mnist):
        assert read(str(folder))[1].labels[:3].tolist() == [0, 1, 2]


def test_the_device_is_chosen(folder: Path) -> None:
    _, test = data.mnist(folder, device=sw.Reference())
    assert test.images.device == test.labels.device == sw.Reference()


def test_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(Path("nowhere")) == (
        "cannot read MNIST from nowhere\n"
        "  expected  a file train-images-idx3-ubyte.gz, or train-images-idx3-ubyte unpacked\n"
        f"  found     no such folder; the current directory is {tmp_path}\n"
        "  do        give the folder that holds the four files, train and t10k, images and labels"
    )


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "train"
    path.write_bytes(b"")
    assert "found     a file, not a folder" in refusal(path)


@pytest.mark.parametrize(
    ("names", "found"),
    [([], "an empty folder"), (["b", "a"], "a, b"), (list("abcdefgh"), "a, b, c, d, e, f and 2 more")],
)
def test_what_is_there_is_shown(tmp_path: Path, names: list[str], found: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert refusal(tmp_path, data.fashion_mnist) == (
        f"cannot read Fashion-MNIST from {tmp_path}\n"
        "  expected  a file train-images-idx3-ubyte.gz, or train-images-idx3-ubyte unpacked\n"
        f"  found     {found}\n"
        "  do        give the folder that holds the four files, train and t10k, images and labels"
    )


def test_other_counts(folder: Path) -> None:
    path = folder / "t10k-labels-idx1-ubyte"
    write_labels(path, LABELS[:-1])
    assert refusal(folder) == (
        f"cannot read the IDX file {path}\n"
        "  expected  shape [10000]\n"
        "  found     shape [9999] of uint8\n"
        "  do        check that this is the file you mean"
    )


def test_files_that_are_exchanged(folder: Path) -> None:
    labels = folder / "train-labels-idx1-ubyte"
    labels.unlink()
    shutil.copy(FOLDER / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz")
    assert "expected  shape [60000]\n  found     shape [60000, 28, 28] of uint8" in refusal(folder)


def test_labels_outside_the_classes(folder: Path) -> None:
    labels = LABELS.copy()
    labels[[17, 400, 9999]] = 10, 255, 11
    write_labels(folder / "t10k-labels-idx1-ubyte", labels)
    assert refusal(folder) == (
        f"cannot read MNIST from {folder}: t10k-labels-idx1-ubyte has labels outside its classes\n"
        "  expected  labels from 0 to 9\n"
        "  found     label 10 at image 17, and 2 more like it\n"
        "  do        get the file again from where it came from; this copy is damaged"
    )


def test_elements_that_are_no_bytes(folder: Path) -> None:
    path = folder / "t10k-labels-idx1-ubyte"
    write_labels(path, LABELS.astype(np.int8), 0x09)
    assert refusal(folder) == (
        f"cannot read MNIST from {path}\n"
        "  expected  elements of u8\n"
        "  found     int8\n"
        "  do        check that this is the file you mean"
    )


def test_damage_is_refused(folder: Path) -> None:
    path = folder / "t10k-labels-idx1-ubyte"
    packed = bytearray(gzip.compress(path.read_bytes()))
    path.unlink()
    packed[len(packed) // 2] ^= 1
    (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(packed)
    assert refusal(folder).startswith(f"cannot read the IDX file {path}.gz\n  expected  gzip data")
