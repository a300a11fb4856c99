"""The bounds-checked mode: accesses beyond a buffer are found in every kind of kernel, named, and not made.

Mistakes are made on purpose: a buffer is declared one element shorter than it is, so that what reaches its end reaches
beyond. That the kernels themselves make none is what the random programs of `test_engine.py` are run in this mode for.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops
from shapewright.devices.cpu import checked, program
from shapewright.devices.cpu.engine import Executable
from shapewright.devices.cpu.ir import F32, I1, I64, PTR, Function, Register, vector
from shapewright.devices.cpu.machine import compile_module
from tests.cpu.test_engine import captured
from tests.refusal import refusal


def real(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


IDS = np.array([0, 4, 2])
PROGRAMS: dict[str, tuple[Any, list[np.ndarray]]] = {
    "elementwise": (lambda x: [x.exp()], [real(64)]),
    "elementwise, some lanes": (lambda x: [x.exp()], [real(67)]),
    "columns": (lambda x: [x.permute(axes=(1, 0)).exp()], [real(33, 35)]),
    "backwards": (lambda x: [x.flip(axis=0) + 1.0], [real(40)]),
    "sum": (lambda x: [x.sum()], [real(7, 11)]),
    "sum of rows": (lambda x: [x.sum(axis=0)], [real(7, 11)]),
    "product": (lambda x, y: [x @ y], [real(17, 19), real(19, 23)]),
    "transposed product": (lambda x, y: [x.permute(axes=(1, 0)) @ y], [real(19, 17), real(19, 23)]),
    "right side": (lambda y, x: [y @ x], [real(40, 50), real(50, 70)]),
    "residual": (lambda y, x: [y @ y + x], [real(9, 9), real(9, 9)]),
    "few rows": (lambda x, y: [x @ y.permute(axes=(1, 0))], [real(1, 600), real(30, 600)]),
    "take": (lambda x, ids: [ops.take(x, ids, axis=0)], [real(5, 3), IDS]),
    "take_add": (lambda x, ids: [ops.take_add(x, ids, axis=0, size=6)], [real(3, 4), IDS]),
    "concat": (lambda x, y: [sw.concat((y, x), axis=0)], [real(5), real(6)]),
    "pad": (lambda x: [ops.pad(x, before=(1, 2), after=(2, 1))], [real(5, 6)]),
    "argsort": (lambda x: [x.argsort(axis=0)], [real(9)]),
    "cumsum": (lambda x: [x.cumsum(axis=0)], [real(9)]),
    "windows": (lambda x: [ops.fold2d(x, sizes=(5, 5))], [real(1, 2, 2, 4, 4)]),
}


def executable(name: str, monkeypatch: pytest.MonkeyPatch, shorter: Any) -> tuple[Executable, list[np.ndarray]]:
    """Compile a program that takes some buffers for one element shorter than they are."""
    function, arrays = PROGRAMS[name]
    monkeypatch.setenv("SHAPEWRIGHT_CACHE", "off")
    true = program.buffer_bytes
    monkeypatch.setattr(program, "buffer_bytes", lambda v: true(v) - (v.spec.dtype.itemsize if shorter(v) else 0))
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    graph = captured(lambda inputs: function(*inputs), arrays)
    for variable, given in zip(graph.arguments, names, strict=True):
        variable.name = given
    return Executable(graph, sw.Reference(), is_checked=True), arrays


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_without_mistake_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, arrays = executable(name, monkeypatch, lambda v: False)
    expected = sw.Reference().compile(run.graph).run(arrays, [], [])[0]
    for got, wanted in zip(run.run(arrays, [], [])[0], expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", PROGRAMS)
def test_reading_beyond_an_operand_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, arrays = executable(name, monkeypatch, lambda v: v.name == "x")
    with pytest.raises(sw.Error, match=r"about to reach beyond a buffer(.|\n)*  buffer   x: f32"):
        run.run(arrays, [], [])
    # Nothing is left of it: the next run says the same.
    with pytest.raises(sw.Error, match="about to reach beyond a buffer"):
        run.run(arrays, [], [])


@pytest.mark.parametrize("name", PROGRAMS)
def test_writing_beyond_a_result_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, arrays = executable(name, monkeypatch, lambda v: v.name is None)
    with pytest.raises(sw.Error, match=r"about to reach beyond a buffer(.|\n)*  buffer   a result in between: "):
        run.run(arrays, [], [])


def test_the_report_names_kernel_buffer_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    run, arrays = executable("product", monkeypatch, lambda v: v.name == "x")
    assert refusal(sw.Error, lambda: run.run(arrays, [], [])) == (
        "a compiled program was about to reach beyond a buffer, and its results are not to be trusted\n"
        "  kernel   number 1: matmul\n"
        "  buffer   x: f32[17, 19], 1292 bytes\n"
        "  reached  4 bytes at byte 1288\n"
        "  write    a report with the function that was compiled: this is a mistake of shapewright, not of yours"
    )


def test_the_environment_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHAPEWRIGHT_CPU_CHECKED", "1")
    monkeypatch.setenv("SHAPEWRIGHT_CACHE", "off")
    true = program.buffer_bytes
    monkeypatch.setattr(program, "buffer_bytes", lambda v: true(v) - 4 * (v.name == "weight"))
    weight = sw.Parameter(sw.ones((5,)))
    held = weight.numpy()

    class Model(sw.nn.Module):
        def __init__(self) -> None:
            self.weight = weight

    model = Model()

    @sw.compile
    def grow() -> sw.Tensor:
        model.weight.assign((model.weight * 2.0).stop_gradient())
        return model.weight.sum().stop_gradient()

    with pytest.raises(sw.Error, match=r"  buffer   weight: f32\[5\], 20 bytes"):
        grow()
    # What a program does in place it has not done either.
    assert held.tolist() == weight.tolist() == [1.0] * 5


# ---- single accesses ------------------------------------------------------------------------------------------------
def plain(f: Function, memory: Register, place: Register) -> None:
    f.store(f.load(f.address(memory, place, F32), F32) + 1.0, f.address(memory, place, F32))


def wide(f: Function, memory: Register, place: Register) -> None:
    here = f.address(memory, place, F32)
    f.store(f.load(here, vector(4, F32)) + 1.0, here)


def masked(f: Function, memory: Register, place: Register) -> None:
    # Only the lanes 1 and 2 are named.
    here = f.address(memory, place, F32)
    mask = Register(f, "<i1 false, i1 true, i1 true, i1 false>", vector(4, I1))
    f.masked_store(f.masked_load(here, mask, vector(4, F32)) + 1.0, here, mask)


def gathered(f: Function, memory: Register, place: Register) -> None:
    mask = Register(f, "<i1 true, i1 true, i1 true, i1 false>", vector(4, I1))
    values = f.gather(f.address(memory, place, F32), f.iota(4), F32, mask)
    f.store(f.extract(values, 2) + 1.0, f.address(memory, place + 2, F32))


@pytest.mark.parametrize(
    ("access", "good", "bad"),
    [
        (plain, [(0, [0]), (5, [5])], [6, -1, 1 << 40, -(1 << 40)]),
        (wide, [(0, [0, 1, 2, 3]), (2, [2, 3, 4, 5])], [3, -1, -4]),
        (masked, [(-1, [0, 1]), (3, [4, 5])], [-2, 4]),
        (gathered, [(0, [2]), (3, [5])], [4, -3]),
    ],
)
def test_an_access_beyond_is_not_made(access: Any, good: list[tuple[int, list[int]]], bad: list[int]) -> None:
    module = checked.CheckedModule()
    # Through a call, so that the buffer's bounds are handed on.
    inner: Any = module.function("inner", [("memory", PTR), ("place", I64)])
    access(inner, *inner.arguments)
    inner.end()
    f: Any = module.function("outer", [("memory", PTR), ("place", I64)], internal=False)
    f.kernel = f.constant(7)
    f.call("inner", [f.within(f.arguments[0], 6 * 4), f.arguments[1]])
    f.end()
    code = compile_module(module.text(), use_cache=False)
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(code.address("outer"))
    note = (ctypes.c_int64 * 4).from_address(code.data_address(checked.NOTE))
    around = np.zeros(14, np.float32)
    first = around.ctypes.data + 4 * 4
    for place, changed in good:
        around[:] = 0
        call(first, place)
        assert np.flatnonzero(around[4:]).tolist() == changed and not around[:4].any()
        assert not note[checked.KERNEL]
    around[:] = 0
    for place in bad:
        note[:] = [0] * 4
        call(first, place)
        assert note[checked.KERNEL] == 7 and note[checked.BUFFER] == first
        assert not around.any()
