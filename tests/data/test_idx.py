"""The IDX reader: what it reads, the whole text of each refusal, and that no damage to a gzip file gives wrong data."""

from __future__ import annotations

import errno
import gzip
import math
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shapewright.data.idx import read_idx
from shapewright.shapes.errors import Error, FileError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
IMAGES = np.arange(24, dtype="u1").reshape(2, 3, 4)
AGAIN = "get the file again from where it came from; this copy is damaged"
CUT = "get the file again from where it came from; this copy was cut off"
NOT_IDX = "give the path of an IDX file, such as train-images-idx3-ubyte.gz"


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def save(folder: Path, data: bytes, name: str = "images") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def refusal(path: Path, shape: tuple[int | None, ...] | None = None) -> str:
    with pytest.raises(FileError) as caught:
        read_idx(path, shape=shape)
    assert isinstance(caught.value, Error) and isinstance(caught.value, ValueError)
    return str(caught.value)


def report(path: Path, expected: str, found: str, do: str) -> str:
    return f"cannot read the IDX file {path}\n  expected  {expected}\n  found     {found}\n  do        {do}"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(7,), (2, 3), (5, 1, 2), (0, 28, 28), (1, 1, 1, 1, 3)])
def test_reads_what_was_written(tmp_path: Path, dtype: str, shape: tuple[int, ...], compressed: bool) -> None:
    written = (np.arange(math.prod(shape)) * 1.5 - 3).reshape(shape).astype(dtype)
    data = idx_bytes(written)
    read = read_idx(save(tmp_path, gzip.compress(data) if compressed else data))
    np.testing.assert_array_equal(read, written)
    assert read.dtype == written.dtype and read.dtype.isnative and read.flags.writeable


def test_a_file_of_several_gzip_members_is_one(tmp_path: Path) -> None:
    data = idx_bytes(IMAGES)
    path = save(tmp_path, gzip.compress(data[:10]) + gzip.compress(b"") + gzip.compress(data[10:]))
    np.testing.assert_array_equal(read_idx(path), IMAGES)


def test_a_path_may_be_text(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_idx(str(save(tmp_path, idx_bytes(IMAGES)))), IMAGES)


def test_the_mnist_files_of_the_examples() -> None:
    folder = Path(__file__).parents[2] / "examples" / "data" / "mnist"
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", shape=(60000,))
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    images = read_idx(folder / "t10k-images-idx3-ubyte.gz", shape=(None, 28, 28))
    assert images.shape == (10000, 28, 28) and images.dtype == np.uint8


def test_missing(tmp_path: Path) -> None:
    path = tmp_path / "absent.gz"
    do = f"check the path; the current directory is {Path.cwd()}"
    assert refusal(path) == report(path, "an IDX file", "nothing: there is no file of that name", do)


def test_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path) == report(tmp_path, "an IDX file", "a directory", NOT_IDX)


def test_a_file_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, idx_bytes(IMAGES))

    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", denied)
    found = "an error of the system: Permission denied"
    assert refusal(path) == report(path, "a file that can be read", found, "check the path and your rights to it")


def test_empty(tmp_path: Path) -> None:
    path = save(tmp_path, b"")
    assert refusal(path) == report(path, "at least the 4 bytes that every IDX file begins with", "an empty file", CUT)
    path = save(tmp_path, b"", "images.gz")
    assert refusal(path) == report(path, "gzip data, as the name says, which begins with 1f 8b", "an empty file", AGAIN)


def test_not_compressed_though_the_name_says_so(tmp_path: Path) -> None:
    path = save(tmp_path, idx_bytes(IMAGES), "images.gz")
    expected = "gzip data, as the name says, which begins with 1f 8b"
    assert refusal(path) == report(path, expected, "bytes that begin with 00 00", AGAIN)


def test_wrong_magic(tmp_path: Path) -> None:
    path = save(tmp_path, b"PNG\x03" + idx_bytes(IMAGES)[4:])
    expected = "bytes that begin with 00 00, as in every IDX file"
    assert refusal(path) == report(path, expected, "50 4e 47 03", NOT_IDX)


def test_unknown_element_type(tmp_path: Path) -> None:
    path = save(tmp_path, b"\0\0\x0a\x03" + idx_bytes(IMAGES)[4:])
    expected = "an element type among 08 09 0b 0c 0d 0e in the third byte"
    assert refusal(path) == report(path, expected, "0a", NOT_IDX)


def test_no_axis(tmp_path: Path) -> None:
    path = save(tmp_path, b"\0\0\x08\0" + b"x")
    assert refusal(path) == report(path, "at least 1 axis in the fourth byte", "0", NOT_IDX)


def test_cut_in_the_header(tmp_path: Path) -> None:
    path = save(tmp_path, idx_bytes(IMAGES)[:9])
    assert refusal(path) == report(path, "a header of 16 bytes (3 axes)", "9 bytes", CUT)


def test_cut_in_the_body(tmp_path: Path) -> None:
    path = save(tmp_path, idx_bytes(IMAGES)[:-5])
    expected = "24 bytes after the header (shape [2, 3, 4] of uint8)"
    assert refusal(path) == report(path, expected, "19 bytes", CUT)


def test_surplus_bytes(tmp_path: Path) -> None:
    path = save(tmp_path, idx_bytes(IMAGES) + b"more")
    expected = "24 bytes after the header (shape [2, 3, 4] of uint8)"
    assert refusal(path) == report(path, expected, "these and 4 more", AGAIN)
    path = save(tmp_path, gzip.compress(idx_bytes(IMAGES) + bytes(5_000_000)))
    assert refusal(path) == report(path, expected, "these and more than 1048576 more", AGAIN)


def test_gzip_checksum(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(idx_bytes(IMAGES)))
    data[-8] ^= 1
    path = save(tmp_path, bytes(data))
    expected = "gzip data whose checksum agrees"
    assert refusal(path) == report(path, expected, "damage: incorrect data check", AGAIN)


def test_gzip_cut_off(tmp_path: Path) -> None:
    path = save(tmp_path, gzip.compress(idx_bytes(IMAGES))[:-3])
    assert refusal(path) == report(path, "gzip data that comes to its end", "the file ends before", CUT)


def test_gzip_surplus(tmp_path: Path) -> None:
    for surplus in (b"\0", b"\x1f", b"\0\0\0\0", b"junk"):
        path = save(tmp_path, gzip.compress(idx_bytes(IMAGES)) + surplus)
        found = f"bytes that begin with {surplus[:2].hex(' ')}"
        assert refusal(path) == report(path, "nothing after the end of the gzip data", found, AGAIN)


def test_another_shape_than_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path, idx_bytes(IMAGES))
    for wanted, text in [((None, 28, 28), "[any, 28, 28]"), ((2, 3), "[2, 3]"), ((2, 3, 5), "[2, 3, 5]")]:
        found = "shape [2, 3, 4] of uint8"
        assert refusal(path, shape=wanted) == report(
            path, f"shape {text}", found, "check that this is the file you mean"
        )
    assert read_idx(path, shape=(2, None, 4)).shape == (2, 3, 4)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("sizes", [(0xFFFFFFFF,), (60000, 28, 28), (65536, 65536)])
def test_a_header_is_not_believed(tmp_path: Path, sizes: tuple[int, ...], compressed: bool) -> None:
    data = bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + b"some"
    path = save(tmp_path, gzip.compress(data) if compressed else data)
    tracemalloc.start()
    text = refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    expected = f"{math.prod(sizes)} bytes after the header (shape {list(sizes)} of uint8)"
    assert text == report(path, expected, "4 bytes", CUT)
    assert peak < 8_000_000


@pytest.mark.parametrize("sizes", [(0xFFFFFFFF, 0xFFFFFFFF, 4), (0, 0xFFFFFFFF, 0xFFFFFFFF), (1,) * 65])
def test_sizes_that_no_array_can_have(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    data = bytes([0, 0, 0x0E, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(8)
    path = save(tmp_path, data)
    found = f"shape {list(sizes)} of float64"
    assert refusal(path) == report(path, "sizes that fit in memory, of at most 64 axes", found, AGAIN)


@st.composite
def damages(draw: st.DrawFn) -> tuple[np.ndarray, bytes, bytes]:
    """An array, a compressed file that holds it, and that file damaged."""
    shape = tuple(draw(st.lists(st.integers(0, 6), min_size=1, max_size=4)))
    dtype = draw(st.sampled_from(sorted(CODES)))
    array = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 100, shape).astype(dtype)
    whole = gzip.compress(idx_bytes(array), compresslevel=draw(st.sampled_from([0, 1, 9])), mtime=0)
    data = bytearray(whole)
    place = draw(st.integers(0, len(data) - 1))
    match draw(st.sampled_from(["flip", "cut", "delete", "insert", "overwrite", "append", "swap"])):
        case "flip":
            data[place] ^= 1 << draw(st.integers(0, 7))
        case "cut":
            del data[place:]
        case "delete":
            del data[place : place + draw(st.integers(1, 9))]
        case "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=9))
        case "overwrite":
            surplus = draw(st.binary(min_size=1, max_size=9))
            data[place : place + len(surplus)] = surplus
        case "append":
            data += draw(st.binary(min_size=1, max_size=9))
        case "swap":
            data = data[place:] + data[:place]
    return array, whole, bytes(data)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages(), st.sampled_from(["images.gz", "images"]))
def test_no_damage_gives_wrong_data(tmp_path: Path, damage: tuple[np.ndarray, bytes, bytes], name: str) -> None:
    array, _, data = damage
    path = save(tmp_path, data, name)
    try:
        read = read_idx(path)
    except FileError as error:
        assert str(error).startswith(f"cannot read the IDX file {path}\n  expected  ")
        return
    # What does not touch the data (gzip's time stamp, name or operating system) may pass.
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40), st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x0d\x02\0\0\0", b"\0\0\x0e\x03\0\0\0\0"]))
def test_any_bytes_are_refused_or_read_whole(tmp_path: Path, tail: bytes, head: bytes) -> None:
    path = save(tmp_path, head + tail)
    try:
        array = read_idx(path)
    except FileError:
        return
    assert 4 + 4 * array.ndim + array.nbytes == len(head + tail)
