"""Saving and loading: what comes back, and the whole text of what is refused (damage: `test_damage.py`)."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import shapewright as sw
from shapewright import files, nn, optim
from shapewright.shapes.dtypes import ALL
from tests.refusal import refusal

FORMATS = [".npz", ".safetensors"]
each_format = pytest.mark.parametrize("suffix", FORMATS)


class Model(nn.Module):
    """Parameters and a buffer, in two parts."""

    def __init__(self, key: int = 0) -> None:
        self.up = nn.Linear(3, 4, key=sw.Key(key))
        self.down = nn.Linear(4, 2, key=sw.Key(key + 1))
        self.seen = nn.Buffer(sw.full((), key, dtype=sw.i64))


def equal(a: Any, b: Any) -> bool:
    """Whether two states hold the same names, shapes, element types and bits."""
    return a.keys() == b.keys() and all(
        a[name]._spec is b[name]._spec and a[name].numpy().tobytes() == b[name].numpy().tobytes() for name in a
    )


def everything() -> dict[str, Any]:
    """Tensors of every element type and of odd shapes and strides."""
    state: dict[str, Any] = {}
    for dtype in ALL:
        numbers = np.arange(-3, 9).reshape(3, 4) if dtype is not sw.u8 else np.arange(12).reshape(3, 4)
        state[f"{dtype.name}.matrix"] = sw.from_numpy(numbers.astype(dtype.numpy))
        state[f"{dtype.name}.scalar"] = sw.from_numpy(numbers[2, 1].astype(dtype.numpy).reshape(()))
        state[f"{dtype.name}.empty"] = sw.from_numpy(np.zeros((2, 0, 3), dtype.numpy))
    state["turned"] = state["f32.matrix"].permute(axes=(1, 0))
    state["turned.bf16"] = state["bf16.matrix"].permute(axes=(1, 0))
    state["spread"] = sw.tensor([1.0, 2.0]).broadcast((3, 2))
    state["special"] = sw.tensor([np.nan, np.inf, -np.inf, -0.0, 1e-45])
    state["größe/Ω"] = sw.ones((1,))
    state["file"] = state["self"] = sw.zeros((1,))
    return state


# ---- what comes back ------------------------------------------------------------------------------------------------
@each_format
def test_every_element_type_and_shape_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"state{suffix}"
    state = everything()
    files.save(state, path)
    assert equal(files.read(path), state)
    assert os.listdir(tmp_path) == [path.name], "nothing else is left behind"
    first = path.read_bytes()
    files.save(state, str(path))
    assert path.read_bytes() == first, "the same tensors make the same file"
    assert {value.device for value in files.read(path, device=sw.Reference()).values()} == {sw.Reference()}


@each_format
def test_a_model_and_its_optimiser_come_back(tmp_path: Path, suffix: str) -> None:
    def step(model: Model, adam: optim.Adam) -> None:
        x = sw.tensor([[1.0, 2.0, 3.0]]).trace()
        adam.update((model.down(model.up(x).relu()) ** 2).sum().backward())

    model = Model(1)
    adam = optim.Adam(model, lr=0.25, amsgrad=True)
    step(model, adam)
    files.save(model, tmp_path / f"model{suffix}")
    files.save(adam, tmp_path / f"adam{suffix}")
    again = Model(2)
    other = optim.Adam(again, amsgrad=True)
    files.load(again, tmp_path / f"model{suffix}")
    files.load(other, tmp_path / f"adam{suffix}")
    assert equal(again.state_dict(), model.state_dict()) and equal(other.state_dict(), adam.state_dict())
    step(model, adam)
    step(again, other)
    assert equal(again.state_dict(), model.state_dict())


@each_format
def test_what_is_empty_comes_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"empty{suffix}"
    files.save({}, path)
    assert files.read(path) == {}
    files.load(nn.ReLU(), path)


@each_format
def test_a_model_on_another_device_keeps_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    model, other = Model(1), Model(2).to(sw.Reference())
    files.save(model, path)
    files.load(other, path)
    assert other.up.weight.device == sw.Reference()
    assert other.up.weight.tolist() == model.up.weight.tolist()


def test_numpy_reads_npz_and_safetensors_reads_safetensors(tmp_path: Path) -> None:
    import safetensors.numpy

    state = {"a.weight": sw.tensor([[1.0, 2.0]]), "b": sw.tensor([1.5]).to(sw.bf16)}
    files.save(state, tmp_path / "state.npz")
    with np.load(tmp_path / "state.npz", allow_pickle=False) as arrays:
        assert arrays.files == ["a.weight", "b"]
        assert arrays["a.weight"].tolist() == [[1.0, 2.0]]
        assert arrays["b"].view(ml_dtypes.bfloat16).tolist() == [1.5]
    del state["b"]
    files.save(state, tmp_path / "state.safetensors")
    assert safetensors.numpy.load_file(tmp_path / "state.safetensors")["a.weight"].tolist() == [[1.0, 2.0]]
    with safetensors.safe_open(tmp_path / "state.safetensors", framework="np") as file:
        assert file.metadata() == {"format": "pt"}


def test_files_of_others_are_read(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez_compressed(tmp_path / "a.npz", big=numbers.astype(">f4"), columns=np.asfortranarray(numbers))
    state = files.read(tmp_path / "a.npz")
    assert state["big"].tolist() == state["columns"].tolist() == numbers.tolist()
    np.savez(tmp_path / "b.npz", half=numbers.astype(ml_dtypes.bfloat16))
    assert files.read(tmp_path / "b.npz")["half"].dtype is sw.bf16
    # As `safetensors.torch.save_file(torch_model.state_dict(), path)` writes them: by name.
    model = Model()
    arrays = {name: np.asarray(value.numpy() + 1) for name, value in model.state_dict().items()}
    save_file(arrays, tmp_path / "torch.safetensors", metadata={"format": "pt"})
    files.load(model, tmp_path / "torch.safetensors")
    assert model.down.bias.tolist() == arrays["down.bias"].tolist()


# ---- what does not fit ----------------------------------------------------------------------------------------------
@each_format
def test_all_differences_are_listed_and_nothing_is_loaded(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"model{suffix}"
    model = Model(1)
    state = model.state_dict()
    del state["up.bias"]
    state["down.weight"] = sw.zeros((4, 2))
    state["down.bias"] = sw.zeros((2,), dtype=sw.f64)
    state["down.scale"] = sw.zeros((2,))
    files.save(state, path)
    other = Model(2)
    before = other.state_dict()
    assert refusal(sw.FileError, lambda: files.load(other, path)) == (
        f"{path} does not fit Model; nothing was loaded\n"
        "  missing  up.bias\n"
        "  surplus  down.scale\n"
        "  shape    down.weight: [4, 2] given, [2, 4] needed\n"
        "  dtype    down.bias: f64 given, f32 needed\n"
        "  write    files.read(path) to see what is in it"
    )
    assert equal(other.state_dict(), before)


@each_format
def test_only_element_types_differ(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"linear{suffix}"
    files.save(nn.Linear(1, 1, dtype=sw.f64), path)
    assert refusal(sw.FileError, lambda: files.load(nn.Linear(1, 1), path)) == (
        f"{path} does not fit Linear; nothing was loaded\n"
        "  dtype  weight: f64 given, f32 needed\n"
        "  dtype  bias: f64 given, f32 needed\n"
        "  write  model.to(...) to the file's element types first"
    )


def test_an_optimiser_of_another_model(tmp_path: Path) -> None:
    path = tmp_path / "sgd.npz"
    model = Model()
    files.save(optim.SGD(model.down.bias, momentum=0.9), path)
    sgd = optim.SGD(model.up.bias, momentum=0.9)
    assert refusal(sw.FileError, lambda: files.load(sgd, path)) == (
        f"{path} does not fit SGD; nothing was loaded\n"
        "  missing  up.bias.momentum_buffer\n"
        "  surplus  down.bias.momentum_buffer\n"
        "  write    files.read(path) to see what is in it"
    )


def test_elements_that_no_tensor_has(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "a.npz"
    np.savez(path, a=np.zeros(2, np.int16), b=np.zeros(2, np.complex64), c=np.zeros(2), d=np.array("text"))
    assert refusal(sw.FileError, lambda: files.read(path)) == (
        f"cannot load {path}\n"
        "  expected  arrays of known element types\n"
        "  found     a of int16\n"
        "            b of complex64\n"
        "            d of <U4\n"
        "  do        convert them before they are saved"
    )
    path = tmp_path / "a.safetensors"
    save_file({"a": np.zeros(2, np.int16), "c": np.zeros(2)}, path)
    assert refusal(sw.FileError, lambda: files.read(path)) == (
        f"cannot load {path}\n"
        "  expected  elements of F64, F32, BF16, F16, I64, I32, U8, BOOL\n"
        "  found     a of I16\n"
        "  do        convert them before they are saved"
    )


def test_objects_are_not_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "executed"),)

    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([Bomb()], dtype=object), allow_pickle=True)
    text = refusal(sw.FileError, lambda: files.read(path))
    assert "Object arrays cannot be loaded" in text
    assert not (tmp_path / "executed").exists()


# ---- arguments ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: files.save(Model(), "model"),
            (
                "save: the name of the file says its format, .npz or .safetensors, and model ends in neither\n"
                "  write  model.safetensors"
            ),
        ),
        (
            lambda: files.load(Model(), "model.pt"),
            (
                "load: the name of the file says its format, .npz or .safetensors, and model.pt ends in neither\n"
                "  write  safetensors.torch.save_file(model.state_dict(), path) in PyTorch; "
                "pickled files are never loaded"
            ),
        ),
        (
            lambda: files.save("model.npz", Model()),
            "save: a path is a str or a Path, not Model\n  write  files.save(model, path)",
        ),
        (
            lambda: files.load("model.npz", Model()),
            "load: a path is a str or a Path, not Model\n  write  files.load(model, path)",
        ),
        (
            lambda: files.read(Model()),
            "read: a path is a str or a Path, not Model\n  write  files.read(path)",
        ),
        (
            lambda: files.save(Model, "model.npz"),
            (
                "save: takes a model or an optimiser, not <class 'tests.files.test_files.Model'>\n"
                '  write  files.save(model, path), or files.save({"name": tensor}, path)'
            ),
        ),
        (
            lambda: files.load({"a": sw.zeros(())}, "model.npz"),
            "load: takes a model or an optimiser, not dict\n  write  files.load(model, path)",
        ),
        (
            lambda: files.load("model.npz", "model.npz"),
            "load: takes a model or an optimiser, not 'model.npz'\n  write  files.load(model, path)",
        ),
        (
            lambda: files.save({"a": 1.0}, "a.npz"),
            "save: 'a' is no tensor but float\n  write  sw.tensor(...) around numbers",
        ),
        (
            lambda: files.save({"model": Model()}, "a.npz"),
            (
                "save: 'model' is no tensor but Model\n"
                "  write  {**model.state_dict(), **more}: names and tensors side by side"
            ),
        ),
        (
            lambda: files.save({"a\0b": sw.zeros(())}, "a.npz"),
            "save: 'a\\x00b' cannot be the name of a tensor in a file",
        ),
        (
            lambda: files.save({"__metadata__": sw.zeros(())}, "a.npz"),
            "save: '__metadata__' cannot be the name of a tensor in a file",
        ),
    ],
)
def test_what_is_no_state(call: Any, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal(sw.ArgumentError, call) == text
    assert os.listdir(tmp_path) == []


@each_format
def test_tensors_are_read_in_an_order_of_their_own(tmp_path: Path, suffix: str) -> None:
    names = [f"layer{number}" for number in range(9)]
    files.save({name: sw.zeros(()) for name in names}, tmp_path / f"a{suffix}")
    assert list(files.read(tmp_path / f"a{suffix}")) == names


# ---- files that cannot be read --------------------------------------------------------------------------------------
@each_format
def test_no_file(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"nothing{suffix}"
    assert refusal(sw.FileError, lambda: files.load(Model(), path)) == (
        f"cannot load {path}\n"
        f"  expected  a file in {tmp_path}\n"
        "  found     nothing: there is no file of that name\n"
        f"  do        check the path; the current directory is {tmp_path}"
    )


@each_format
def test_a_folder_is_no_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"folder{suffix}"
    path.mkdir()
    assert refusal(sw.FileError, lambda: files.read(path)) == (
        f"cannot load {path}\n"
        "  expected  a file that can be read\n"
        "  found     an error of the system: Is a directory\n"
        "  do        check your rights"
    )
    assert refusal(sw.FileError, lambda: files.save(Model(), path)) == (
        f"cannot save {path}; nothing was written\n  why  it is a folder\n  do   give the name of a file in it"
    )


@pytest.mark.parametrize(
    ("name", "content", "expected", "found", "do"),
    [
        (
            "a.npz",
            b"",
            "an npz file, a zip archive, which begins with 50 4b",
            "an empty file",
            "give an .npz file",
        ),
        (
            "a.npz",
            b"\x93NUMPY\x01\x00v\x00",
            "an npz file, a zip archive, which begins with 50 4b",
            "bytes that begin with 93 4e 55 4d 50 59 01 00",
            "give an .npz file",
        ),
        (
            "a.npz",
            b"PK\x03\x04 and so on",
            "an npz file that is whole",
            "damage: File is not a zip file",
            "get or save the file again; this copy is damaged",
        ),
        (
            "a.safetensors",
            b"",
            "a safetensors file, whose ninth byte is {",
            "an empty file",
            "give a .safetensors file",
        ),
        (
            "a.safetensors",
            b"PK\x03\x04\x14\x00\x00\x00\x00\x00",
            "a safetensors file, whose ninth byte is {",
            "bytes that begin with 50 4b 03 04 14 00 00 00",
            "give a .safetensors file",
        ),
    ],
)
def test_garbage(tmp_path: Path, name: str, content: bytes, expected: str, found: str, do: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert refusal(sw.FileError, lambda: files.read(path)) == (
        f"cannot load {path}\n  expected  {expected}\n  found     {found}\n  do        {do}"
    )


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, content in entries.items():
            written.writestr(name, content)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (archive(**{"a.txt": b"hello"}), "a.txt"),
        (archive(**{"a.npy": b"hello, this is no array"}), "damage: the magic string is not correct"),
        (archive(**{"a.npy": npy(np.zeros(3))[:-1]}), "damage: EOF: reading array data"),
        (archive(**{"a.npy": npy(np.zeros(3)) + b"??"}), "2 bytes after the end of a"),
        (archive(**{"a.npy": npy(np.zeros(3)).replace(b"(3,)", b"(-3)")}), "damage: "),
        (archive(**{"a.npy": npy(np.zeros(3)).replace(b"'<f8'", b"'|O8'")}), "damage: Object arrays cannot be loaded"),
    ],
    ids=range(6),
)
def test_archives_that_hold_something_else(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert f"\n  found     {found}" in refusal(sw.FileError, lambda: files.read(path))


def safetensor(header: object, content: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


@pytest.mark.parametrize(
    "content",
    [
        safetensor({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 7),
        safetensor({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 9),
        safetensor({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, b"\0" * 8),
        safetensor({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, b"\0" * 8),
        safetensor({"a": {"dtype": "F33", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8),
        safetensor({"a": 1}),
        struct.pack("<Q", 1 << 60) + b"{}",
        struct.pack("<Q", 2) + b"{{",
    ],
    ids=range(8),
)
def test_headers_of_safetensors_that_lie(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    text = refusal(sw.FileError, lambda: files.read(path))
    assert text.startswith(f"cannot load {path}\n  expected  a safetensors file that is whole\n  found     damage: ")


def test_bools_of_other_bytes_are_true(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensor({"a": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}, b"\x00\x01\x07"))
    assert files.read(path)["a"].numpy().view(np.uint8).tolist() == [0, 1, 1]
