"""Random draws on vectors against the ops that define them: equal bits, integers and uniform numbers, near normals."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops
from shapewright.devices.cpu import engine, ir, machine
from shapewright.devices.cpu.elements import load, register_type, store
from shapewright.devices.cpu.random_bits import emit_draw
from shapewright.ops.core import Op
from shapewright.shapes.dtypes import DType, bf16, f16, f32, f64, i32, i64, spec, u8
from tests.cpu.guarded import Guarded
from tests.cpu.loops import TARGETS, assembly_lines, units_off

SEEDS = [(0, 0), (12345678901234567890, 7), (2**64 - 1, 2**32 - 3), (1 << 32, 2**63 + 5)]
FLOATS = (f64, f32, bf16, f16)
INTEGERS = (i64, i32, u8)
RANGES = {
    i64: [(0, 10), (-5, 2**40), (-(2**63), 2**63), (2**62, 2**63), (-(2**63), 3)],
    i32: [(0, 10), (-(2**31), 2**31)],
    u8: [(0, 256), (3, 4)],
}


def draw_text(op: Op, dtype: type[DType], params: dict[str, Any], lanes: int, is_run: bool) -> str:
    """Write a module that draws: the elements whose numbers an array holds, or those from the first number on."""
    module = ir.Module()
    arguments = [("index", ir.PTR), ("out", ir.PTR), ("seed", ir.I64), ("counter", ir.I64), ("count", ir.I64)]
    f = module.function("draw", arguments, internal=False)
    indices, out, seed, counter, count = f.arguments
    with f.loop(0, count, lanes) as loop:
        if is_run:
            index = f.splat(loop.counter, lanes) + f.iota(lanes) if lanes > 1 else loop.counter
        else:
            index = load(f, indices, loop.counter, 1, lanes, None, i64)
        value = emit_draw(f, op.name, index, seed, counter, params, dtype, is_run=is_run)
        assert value.type == ir.vector(lanes, register_type(dtype))
        store(f, value, out, loop.counter, lanes, None, dtype)
    f.end()
    return module.text()


def drawn(
    op: Op, dtype: type[DType], params: dict[str, Any], lanes: int, target: str, *, is_run: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give what the code draws and what the op draws, for several seeds."""
    text = draw_text(op, dtype, params, lanes, is_run)
    code = machine.compile_module(text, target=machine.select_target(target), use_cache=False)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 2, *[ctypes.c_uint64] * 3)(code.address("draw"))
    count = 4096
    index = np.arange(count) if is_run else np.random.default_rng(0).permutation(count)
    result = []
    for seed, counter in SEEDS:
        out = np.zeros(count, dtype=dtype.numpy)
        function(index.ctypes.data, out.ctypes.data, seed, counter, count)
        asked = {"sizes": (count,), "dtype": dtype, "seed": seed, "counter": counter, **params}
        result.append((out, op.evaluate([], asked, spec((count,), dtype))[index]))
    return result


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("is_run", [True, False], ids=["run", "anywhere"])
@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
def test_bits_are_those_of_the_ops(lanes: int, is_run: bool, target: str) -> None:
    for dtype in FLOATS:
        for got, wanted in drawn(ops.uniform, dtype, {}, lanes, target, is_run=is_run):
            np.testing.assert_array_equal(got, wanted)
    for dtype in INTEGERS:
        for got, wanted in drawn(ops.random_bits, dtype, {}, lanes, target, is_run=is_run):
            np.testing.assert_array_equal(got, wanted)
        for low, high in RANGES[dtype]:
            params = {"low": low, "high": high}
            for got, wanted in drawn(ops.randint, dtype, params, lanes, target, is_run=is_run):
                np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("is_run", [True, False], ids=["run", "anywhere"])
@pytest.mark.parametrize("lanes", [1, 4, 8, 16])
def test_normals_are_near_those_of_the_op(lanes: int, is_run: bool, target: str) -> None:
    for dtype in (f64, f32):
        for got, wanted in drawn(ops.normal, dtype, {}, lanes, target, is_run=is_run):
            assert units_off(got, wanted.astype(np.longdouble)).max() <= (4 if dtype is f64 else 1)
    for dtype in (bf16, f16):
        for got, wanted in drawn(ops.normal, dtype, {}, lanes, target, is_run=is_run):
            apart = got.view(np.int16).astype(int) - wanted.view(np.int16)
            assert np.abs(apart).max() <= 1
            # Rounding differs only where the f64 numbers, a few units apart, lie on either side of a tie.
            assert np.count_nonzero(apart) <= 1


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "generic"])
@pytest.mark.parametrize("op", [ops.uniform, ops.normal], ids=lambda op: op.name)
def test_draws_stay_vectors(op: Op, target: str) -> None:
    """No function is called."""
    chosen = machine.select_target(target)
    for dtype in FLOATS:
        text = draw_text(op, dtype, {}, chosen.lanes(register_type(dtype)), True)
        assert not [line for line in assembly_lines(text, chosen, "draw") if line.startswith("call")]


@pytest.mark.parametrize("dtype", [sw.bf16, sw.f16, sw.f32, sw.f64])
@pytest.mark.parametrize("count", [1, 16, 17, 33, 1041])
def test_nothing_is_written_behind_the_last_number(monkeypatch: pytest.MonkeyPatch, dtype: Any, count: int) -> None:
    key = sw.Key(4)
    drawn = sw.compile(lambda x: sw.rand((count,), dtype=dtype, key=key))
    drawn(sw.zeros((1,)))
    held = []

    def guarded(sizes: Any, kind: Any) -> np.ndarray:
        held.append(Guarded(np.zeros(sizes, kind)))
        return held[-1].array

    # Beside the array is memory that nobody may touch.
    with monkeypatch.context() as patch:
        patch.setattr(engine.np, "empty", guarded)
        found = drawn(sw.zeros((1,)))
    assert held
    key.restore((4, 0))
    first, second = (sw.rand((count,), dtype=dtype, key=key) for _ in range(2))
    assert found.tolist() == second.tolist() != first.tolist()
