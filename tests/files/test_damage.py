"""No damage to a file and no interruption of a save does harm: nothing is half read, nothing half written."""

from __future__ import annotations

import io
import os
import resource
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import shapewright as sw
from shapewright import files
from shapewright.files import npz, safetensors
from shapewright.files.atomic import write_atomically
from tests.files.test_files import FORMATS, Model, each_format, equal
from tests.refusal import refusal

# ---- damage ---------------------------------------------------------------------------------------------------------
SOUND = {"a": sw.arange(6).reshape((2, 3)), "b": sw.tensor([1.0, 2.0]).to(sw.bf16), "c.weight": sw.ones((3,)) > 0.0}


def sound(suffix: str) -> bytes:
    arrays = {name: value.numpy() for name, value in SOUND.items()}
    buffer = io.BytesIO()
    (npz.write_npz if suffix == ".npz" else safetensors.write_safetensors)(buffer, arrays)
    return buffer.getvalue()


BYTES = {suffix: sound(suffix) for suffix in FORMATS}


@st.composite
def damaged(draw: Callable[[Any], Any], suffix: str) -> bytes:
    """A sound file with some bytes changed, removed, inserted or cut off."""
    data = bytearray(BYTES[suffix])
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data) - 1)) if data else 0
        kind = draw(st.sampled_from(["flip", "set", "remove", "insert", "cut", "repeat"]))
        if kind == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set" and data:
            data[place] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x5B]))
        elif kind == "remove":
            del data[place : place + draw(st.integers(1, 40))]
        elif kind == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=20))
        elif kind == "cut":
            del data[place:]
        else:
            data += data[place:]
    return bytes(data)


def read_or_refuse(folder: Path, suffix: str, data: bytes) -> dict[str, Any] | None:
    path = folder / f"damaged{suffix}"
    path.write_bytes(data)
    try:
        return files.read(path)
    except sw.FileError as error:
        assert str(path) in str(error) and "\n  do        " in str(error)
        return None


SLOW = settings(max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(data=damaged(".npz"))
def test_a_damaged_npz_is_refused_or_gives_what_was_saved(tmp_path: Path, data: bytes) -> None:
    state = read_or_refuse(tmp_path, ".npz", data)
    if state is not None:
        # Damage outside the numbers (dates, comments) may pass unseen; an entry may be missing, and load says so.
        assert all(equal({name: value}, {name: SOUND[name]}) for name, value in state.items())


@SLOW
@given(data=damaged(".safetensors"))
def test_a_damaged_safetensors_is_refused_or_gives_tensors(tmp_path: Path, data: bytes) -> None:
    state = read_or_refuse(tmp_path, ".safetensors", data)
    if state is not None:
        assert all(isinstance(value, sw.Tensor) for value in state.values())


@each_format
def test_every_truncation_is_refused(tmp_path: Path, suffix: str) -> None:
    for length in range(len(BYTES[suffix])):
        assert read_or_refuse(tmp_path, suffix, BYTES[suffix][:length]) is None


@each_format
def test_damage_changes_no_model(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    files.save(Model(1), path)
    whole = path.read_bytes()
    model = Model(2)
    before = model.state_dict()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(sw.FileError):
            files.load(model, path)
    assert equal(model.state_dict(), before)


# ---- writing --------------------------------------------------------------------------------------------------------
@each_format
@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    files.save(Model(1), path)
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = {"a": sw.zeros((100_000,))}
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        old = refusal(sw.FileError, lambda: files.save(large, path))
        new = refusal(sw.FileError, lambda: files.save(large, tmp_path / f"new{suffix}"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert old == (
        f"cannot save {path}; the file that was there is as it was\n"
        "  why  an error of the system: File too large\n"
        "  do   make room or check your rights, then save"
    )
    assert new.startswith(f"cannot save {tmp_path}/new{suffix}; nothing was written\n")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_an_interruption_leaves_the_old_file_whole(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"old")

    def write(file: Any) -> None:
        file.write(b"half of")
        raise error

    with pytest.raises(error):
        write_atomically(path, write)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_a_failing_replacement_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    assert "why  an error of the system: Input/output error" in refusal(sw.FileError, lambda: files.save(Model(), path))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_the_folder_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "model.npz"
    assert refusal(sw.FileError, lambda: files.save(Model(), path)) == (
        f"cannot save {path}; nothing was written\n"
        f"  why  there is no folder {tmp_path}/missing\n"
        "  do   create it first, or check the path"
    )


@each_format
def test_permissions_and_links_are_kept(tmp_path: Path, suffix: str) -> None:
    mask = os.umask(0o027)
    try:
        path = tmp_path / f"model{suffix}"
        files.save(Model(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640, "a new file follows the mask"
        path.chmod(0o604)
        link = tmp_path / f"link{suffix}"
        link.symlink_to(path.name)
        files.save(Model(5), link)
        assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o604
        assert files.read(path)["seen"].item() == 5
    finally:
        os.umask(mask)


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    files.save({"a": sw.full((20_000,), 0.0), "b": sw.full((20_000,), 0.0)}, path)
    stop = threading.Event()
    problems = []

    def read() -> None:
        while not stop.is_set():
            state = files.read(path)
            if not (state["a"] == state["b"]).all().item():
                problems.append(state)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(30):
        files.save({"a": sw.full((20_000,), number), "b": sw.full((20_000,), number)}, path)
    stop.set()
    reader.join()
    assert not problems
