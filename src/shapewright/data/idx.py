"""Reads IDX files, the format of MNIST, plain or compressed with gzip, and refuses damaged ones.

What it is not: a data set (`data/mnist.py` knows which files belong together and types them), and a writer.

The format (Y. LeCun, "The MNIST database of handwritten digits", 1998): two zero bytes, a byte for the element type, a
byte for the number of axes, each size as a big-endian 32-bit number, then the elements, big-endian, last axis fastest.

A header is never believed: memory grows with the data that is really there, and a compressed file counts as read only
when gzip's own checksum and length agree. A plain file has no checksum, so damage that leaves its length right cannot
be seen there.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NoReturn

import numpy as np

from shapewright.shapes.errors import ArgumentError, FileError

_ELEMENTS = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
# NumPy's own limits: arrays of more axes or more bytes cannot exist, even where one of the sizes is 0.
_MOST_AXES = 64
_MOST_BYTES = (1 << 63) - 1

_AGAIN = "get the file again from where it came from; this copy is damaged"
_CUT = "get the file again from where it came from; this copy was cut off"
_NOT_IDX = "give the path of an IDX file, such as train-images-idx3-ubyte.gz"


def read_idx(path: str | os.PathLike[str], *, shape: Sequence[int | None] | None = None) -> np.ndarray:
    """The array in an IDX file, plain or compressed with gzip, in this machine's byte order.

    Args:
        path: the file. Whether it is compressed is read from its first bytes, not from its name.
        shape: what the caller expects, if anything; None stands for any size. Another shape is refused before the
            elements are read.

    Returns:
        A new array of dtype u8, i8, i16, i32, f32 or f64.

    Raises:
        FileError: the file is missing, is not IDX, is cut off, has surplus bytes, fails gzip's checksum, or has
            another shape.

    >>> images = read_idx("examples/data/mnist/t10k-images-idx3-ubyte.gz")
    >>> images.shape, images.dtype
    ((10000, 28, 28), dtype('uint8'))

    PyTorch: ``torchvision.datasets.mnist.read_sn3_pascalvincent_tensor(path)``. dfdx: none.
    """
    path = checked_path(path, "read_idx")
    try:
        with path.open("rb") as file:
            return _Reader(path, file).array(shape)
    except FileNotFoundError:
        _refuse(
            path,
            "an IDX file",
            "nothing: there is no file of that name",
            "check the path; the current directory is " + str(Path.cwd()),
        )
    except IsADirectoryError:
        _refuse(path, "an IDX file", "a directory", _NOT_IDX)
    except OSError as error:
        _refuse(
            path,
            "a file that can be read",
            f"an error of the system: {error.strerror or error}",
            "check the path and your rights to it",
        )


def checked_path(path: object, called: str) -> Path:
    """Give a path as a Path.

    Raises:
        ArgumentError: it is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError(f"{called}: a path is a str or a Path, not {type(path).__name__}")
    return Path(path)


def _refuse(path: Path, expected: str, found: str, do: str) -> NoReturn:
    raise FileError(
        f"cannot read the IDX file {path}", facts=[("expected", expected), ("found", found), ("do", do)]
    ) from None


class _Reader:
    """One pass over one file."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        start = file.read(len(_GZIP))
        self.compressed = start == _GZIP
        if path.suffix == ".gz" and not self.compressed:
            found = f"bytes that begin with {start.hex(' ')}" if start else "an empty file"
            self.refuse("gzip data, as the name says, which begins with 1f 8b", found, _AGAIN)
        self.chunks = self._decompress(file, start) if self.compressed else self._plain(file, start)
        self.buffer = bytearray()

    def refuse(self, expected: str, found: str, do: str) -> NoReturn:
        _refuse(self.path, expected, found, do)

    def array(self, wanted: Sequence[int | None] | None) -> np.ndarray:
        """The whole file as an array."""
        element, shape = self._header()
        text = _text(element, shape)
        if wanted is not None and not _fits(shape, wanted):
            self.refuse(f"shape {_shape_text(wanted)}", f"{text}", "check that this is the file you mean")
        length = math.prod(shape) * element.itemsize
        # Also for an array with a size 0: NumPy refuses it when the other sizes alone are too many.
        if math.prod(size for size in shape if size) * element.itemsize > _MOST_BYTES or len(shape) > _MOST_AXES:
            self.refuse(f"sizes that fit in memory, of at most {_MOST_AXES} axes", text, _AGAIN)
        if not self._fill(length):
            self.refuse(f"{length} bytes after the header ({text})", f"{len(self.buffer)} bytes", _CUT)
        surplus = len(self.buffer) - length
        # Going to the end is what makes gzip compare its checksum.
        for chunk in self.chunks:
            surplus += len(chunk)
            if surplus > _CHUNK:
                break
        if surplus:
            count = f"more than {_CHUNK}" if surplus > _CHUNK else f"{surplus}"
            self.refuse(f"{length} bytes after the header ({text})", f"these and {count} more", _AGAIN)
        array = np.frombuffer(self.buffer, dtype=element).reshape(shape)
        return array if array.dtype.isnative else array.astype(element.newbyteorder("="))

    def _header(self) -> tuple[np.dtype, tuple[int, ...]]:
        if not self._fill(4):
            self.refuse("at least the 4 bytes that every IDX file begins with", _bytes_text(self.buffer), _CUT)
        magic = self._take(4)
        if magic[:2] != b"\0\0":
            self.refuse("bytes that begin with 00 00, as in every IDX file", f"{magic.hex(' ')}", _NOT_IDX)
        if magic[2] not in _ELEMENTS:
            known = " ".join(f"{code:02x}" for code in _ELEMENTS)
            self.refuse(f"an element type among {known} in the third byte", f"{magic[2]:02x}", _NOT_IDX)
        axes = magic[3]
        if not axes:
            self.refuse("at least 1 axis in the fourth byte", "0", _NOT_IDX)
        if not self._fill(4 * axes):
            self.refuse(f"a header of {4 + 4 * axes} bytes ({axes} axes)", f"{4 + len(self.buffer)} bytes", _CUT)
        sizes = np.frombuffer(self._take(4 * axes), dtype=">u4")
        return np.dtype(_ELEMENTS[magic[2]]).newbyteorder(">"), tuple(int(size) for size in sizes)

    def _fill(self, length: int) -> bool:
        """Reads on until the buffer holds at least `length` bytes; False if the data ends before."""
        while len(self.buffer) < length:
            chunk = next(self.chunks, None)
            if chunk is None:
                return False
            self.buffer += chunk
        return True

    def _take(self, length: int) -> bytes:
        taken = bytes(self.buffer[:length])
        del self.buffer[:length]
        return taken

    def _plain(self, file: IO[bytes], start: bytes) -> Iterator[bytes]:
        yield start
        while chunk := file.read(_CHUNK):
            yield chunk

    def _decompress(self, file: IO[bytes], start: bytes) -> Iterator[bytes]:
        # zlib itself and not the module gzip: it bounds what one call may produce, and it tells surplus bytes from the
        # end of the data.
        stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        pending = start
        while True:
            try:
                data = stream.decompress(pending, _CHUNK)
            except zlib.error as error:
                self.refuse("gzip data whose checksum agrees", f"damage: {_zlib_text(error)}", _AGAIN)
            if data:
                yield data
            if stream.eof:
                pending = stream.unused_data or file.read(_CHUNK)
                if not pending:
                    return
                pending += file.read(1)
                # The gzip format allows several members in a row; they count as one.
                if not pending.startswith(_GZIP):
                    self.refuse(
                        "nothing after the end of the gzip data",
                        f"bytes that begin with {pending[:2].hex(' ')}",
                        _AGAIN,
                    )
                stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
                continue
            pending = stream.unconsumed_tail or file.read(_CHUNK)
            if not pending and not data:
                self.refuse("gzip data that comes to its end", "the file ends before", _CUT)


def _zlib_text(error: zlib.error) -> str:
    """zlib's reason without its error number and phase: "incorrect data check"."""
    return str(error).rpartition(": ")[2]


def _fits(shape: Sequence[int], wanted: Sequence[int | None]) -> bool:
    return len(shape) == len(wanted) and all(
        want is None or want == size for size, want in zip(shape, wanted, strict=True)
    )


def _shape_text(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"


def _text(element: np.dtype, shape: Sequence[int]) -> str:
    return f"shape {_shape_text(shape)} of {element.newbyteorder('=').name}"


def _bytes_text(data: bytes | bytearray) -> str:
    return f"{len(data)} bytes" if data else "an empty file"
