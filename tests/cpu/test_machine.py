"""Machine code and its cache on disk. What it is not: a test of any kernel."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from shapewright.devices.cpu import code_cache, machine
from shapewright.shapes.errors import ArgumentError, DeviceError
from tests.cpu.native import run_program

FORTY_TWO = "define i64 @answer() { ret i64 42 }"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHAPEWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SHAPEWRIGHT_CPU", raising=False)
    return tmp_path / "cache"


def call(code: machine.Code) -> int:
    return ctypes.CFUNCTYPE(ctypes.c_int64)(code.address("answer"))()


def test_second_time_is_cached() -> None:
    first, second = machine.compile_module(FORTY_TWO), machine.compile_module(FORTY_TWO)
    assert (first.is_cached, second.is_cached) == (False, True)
    assert call(first) == call(second) == 42
    assert not machine.compile_module(FORTY_TWO, use_cache=False).is_cached


def test_engines_come_and_go() -> None:
    kept = [machine.compile_module(FORTY_TWO.replace("42", str(number))) for number in range(10)]
    for number in range(0, 10, 2):
        kept[number] = machine.compile_module(FORTY_TWO)
    assert [call(code) for code in kept] == [42, 1, 42, 3, 42, 5, 42, 7, 42, 9]


def test_text_is_written_only_if_needed() -> None:
    calls = []

    def write() -> str:
        calls.append(1)
        return FORTY_TWO

    assert call(machine.compile_module(write, key="answer")) == 42
    assert call(machine.compile_module(write, key="answer")) == 42
    assert len(calls) == 1
    # A key is no text, and other code for other instructions or passes.
    assert not machine.compile_module(FORTY_TWO).is_cached
    assert not machine.compile_module(write, key="answer", speed_level=2).is_cached
    assert not machine.compile_module(write, key="answer", target=machine.select_target("generic")).is_cached or (
        machine.available() == ["generic"]
    )


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "swapped", "no code"])
def test_damaged_files_are_written_again(cache: Path, damage: str) -> None:
    machine.compile_module(FORTY_TWO)
    (path,) = cache.iterdir()
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "changed":
        path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    elif damage == "swapped":
        machine.compile_module(FORTY_TWO.replace("42", "43"))
        (other,) = set(cache.iterdir()) - {path}
        path.write_bytes(other.read_bytes())
    else:
        path.write_bytes(b"shapewright code 1\n" + bytes(500))
    again = machine.compile_module(FORTY_TWO)
    assert not again.is_cached
    assert call(again) == 42
    assert path.read_bytes() == content
    assert machine.compile_module(FORTY_TWO).is_cached


def test_no_folder_means_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place in (str(file), str(file / "below"), "off"):
        monkeypatch.setenv("SHAPEWRIGHT_CACHE", place)
        for _ in range(2):
            code = machine.compile_module(FORTY_TWO)
            assert not code.is_cached
            assert call(code) == 42


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(cache: Path) -> None:
    machine.compile_module(FORTY_TWO)
    cache.chmod(0o500)
    try:
        assert machine.compile_module(FORTY_TWO).is_cached
        assert not machine.compile_module(FORTY_TWO.replace("42", "1")).is_cached
    finally:
        cache.chmod(0o700)


def test_files_that_cannot_be_written(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    assert call(machine.compile_module(FORTY_TWO)) == 42
    assert list(cache.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_files_of_others_are_not_trusted(cache: Path) -> None:
    machine.compile_module(FORTY_TWO)
    (path,) = cache.iterdir()
    os.chown(path, 12345, 12345)
    assert code_cache.read(path.name) is not None or os.geteuid() == 0
    assert not machine.compile_module(FORTY_TWO).is_cached


def test_size_is_bounded(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}").write_bytes(bytes(100))
        os.utime(tmp_path / f"{number}", (1000 + number, 1000 + number))
    (tmp_path / "unfinished-dead").write_bytes(bytes(100))
    os.utime(tmp_path / "unfinished-dead", (1000, 1000))
    (tmp_path / "unfinished-alive").write_bytes(bytes(100))
    code_cache.trim(tmp_path, 350)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["7", "8", "9", "unfinished-alive"]
    code_cache.trim(tmp_path / "missing", 0)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SHAPEWRIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert code_cache.folder() == tmp_path / "shapewright" / "code"


def test_processes_share_a_cache(cache: Path) -> None:
    program = """
import ctypes
from shapewright.devices.cpu import machine
for number in range(60):
    code = machine.compile_module("define i64 @answer() { ret i64 %d }" % number)
    assert ctypes.CFUNCTYPE(ctypes.c_int64)(code.address("answer"))() == number
"""
    processes = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, b"")
    assert len(list(cache.iterdir())) == 60
    assert all(code_cache.read(path.name) for path in cache.iterdir())


@pytest.mark.parametrize("name", ["generic", "avx2", "avx512", "amx"])
def test_every_target_converts_small_floats(name: str) -> None:
    if name not in machine.available():
        pytest.skip(f"this processor cannot run {name}")
    target = machine.select_target(name)
    assert target.lanes("float") * 32 == target.vector_bits
    random = np.random.default_rng(0)
    normal = random.standard_normal(20000) * np.exp2(random.integers(-45, 20, 20000).astype(np.float64))
    special = [65504, 65519.99, 65520, 65536, 0, -0.0, 2.0**-14, 6e-8, 2.0**-25, 3e-8, np.inf, -np.inf, np.nan, 3e38]
    wide = np.concatenate([normal, np.array(special), np.arange(2048, 2100) + 0.5])
    wide = wide * (1 + random.integers(-1, 2, len(wide)) * 2.0**-40)
    for kind, dtype in (("half", np.dtype(np.float16)), ("bfloat", np.dtype(ml_dtypes.bfloat16))):
        for source, values in (("float", wide.astype(np.float32)), ("double", wide)):
            there, back = np.zeros(len(values), dtype), np.zeros(len(values), np.float32)
            convert(kind, source, target)(len(values), values.ctypes.data, there.ctypes.data, back.ctypes.data)
            with np.errstate(all="ignore"):
                if kind == "bfloat" and source == "double":
                    # ml_dtypes rounds by way of f32; rounding to odd there gives the right last bit.
                    near = values.astype(np.float32)
                    inexact = np.isfinite(values) & (near.astype(np.float64) != values)
                    over = np.abs(near.astype(np.float64)) > np.abs(values)
                    bits = near.view(np.uint32) - np.uint32(1) * over
                    expected = np.where(inexact, bits | np.uint32(1), bits).astype(np.uint32).view(np.float32)
                    expected = expected.astype(dtype)
                else:
                    expected = values.astype(dtype)
            exact = np.ones(len(values), bool)
            if kind == "bfloat" and target.has_bf16_convert:
                exact = ~(np.abs(values) < 2.0**-126)  # the instruction takes denormals for 0
            np.testing.assert_array_equal(there[exact].astype(np.float32), expected[exact].astype(np.float32))
            np.testing.assert_array_equal(back, there.astype(np.float32))


def convert(kind: str, source: str, target: machine.Target):
    text = f"""
define void @convert(i64 %count, ptr %from, ptr %there, ptr %back) {{
entry:
  br label %next
next:
  %i = phi i64 [0, %entry], [%j, %next]
  %a = getelementptr {source}, ptr %from, i64 %i
  %b = getelementptr {kind}, ptr %there, i64 %i
  %c = getelementptr float, ptr %back, i64 %i
  %x = load {source}, ptr %a
  %y = fptrunc {source} %x to {kind}
  store {kind} %y, ptr %b
  %z = fpext {kind} %y to float
  store float %z, ptr %c
  %j = add i64 %i, 1
  %again = icmp ult i64 %j, %count
  br i1 %again, label %next, label %end
end:
  ret void
}}"""
    code = machine.compile_module(text, target=target)
    function = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 3)(code.address("convert"))
    function.code = code  # ctypes keeps an address only
    return function


def test_unknown_target() -> None:
    with pytest.raises(ArgumentError) as caught:
        machine.select_target("sse9")
    assert str(caught.value) == (
        "there is no set of instructions called 'sse9'.\n"
        "  asked for by  SHAPEWRIGHT_CPU, or the name of a target\n"
        "  write         SHAPEWRIGHT_CPU=generic or SHAPEWRIGHT_CPU=avx2 or SHAPEWRIGHT_CPU=avx512 "
        "or SHAPEWRIGHT_CPU=amx"
    )


def test_target_that_the_processor_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available", lambda: ["generic"])
    monkeypatch.setattr(machine, "_binding", lambda: type("Binding", (), {"get_host_cpu_name": lambda: "oldchip"}))
    monkeypatch.setattr(machine, "_host_features", dict)
    monkeypatch.setattr(machine.platform, "machine", lambda: "x86_64")
    with pytest.raises(DeviceError) as caught:
        machine._target.__wrapped__("avx512")
    assert str(caught.value) == (
        "this processor cannot run code for 'avx512'.\n"
        "  processor   oldchip (x86_64)\n"
        "  it can run  generic\n"
        "  write       SHAPEWRIGHT_CPU=generic, or leave SHAPEWRIGHT_CPU unset: the best is chosen"
    )


def test_environment_selects_the_target() -> None:
    program = "from shapewright.devices.cpu import machine; print(machine.select_target().name)"
    assert run_program(program).strip() == machine.available()[-1]
    assert run_program(program, SHAPEWRIGHT_CPU="generic").strip() == "generic"


def test_missing_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_prepared", [])
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    with pytest.raises(DeviceError) as caught:
        machine._prepare()
    assert str(caught.value) == (
        "compiling for the cpu needs llvmlite, which cannot be imported here.\n"
        "  because  import of llvmlite.binding halted; None in sys.modules\n"
        '  write    pip install "llvmlite>=0.45,<1"; what is not compiled runs without it'
    )


def test_functions_that_do_not_exist() -> None:
    text = "declare void @no_such_function()\ndefine void @f() { call void @no_such_function() ret void }"
    with pytest.raises(DeviceError) as caught:
        machine.compile_module(text)
    assert str(caught.value) == ("the generated code calls 'no_such_function', which this process does not have.")
    code = machine.compile_module(FORTY_TWO)
    with pytest.raises(KeyError):
        code.address("question")


def test_texts_that_are_wrong() -> None:
    with pytest.raises(RuntimeError, match="expected"):
        machine.compile_module("define nonsense")
