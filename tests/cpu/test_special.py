"""Kernels of their own, beyond what the tests of every op ask: long rows, many terms, views, all element types.

What it is not: the values of the ops themselves (`tests/ops`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops
from shapewright.devices.cpu.engine import Executable
from tests.cpu.test_engine import captured, compared

TYPES = [sw.f64, sw.f32, sw.f16, sw.bf16, sw.i64, sw.i32, sw.u8, sw.bool]
named = pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.name)
# Rows of whole vectors, with elements behind them, of a few, of one, and none.
LENGTHS = (1024, 131, 70, 3, 1, 0)


def numbers(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 2 if dtype is sw.bool else 50, shape).astype(dtype.numpy)


def results_of(function: Any, arrays: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give each result of the reference with that of the engine, in f64."""
    graph = captured(function, arrays)
    both = (device.run(arrays, [], [])[0] for device in (sw.Reference().compile(graph), Executable(graph, None)))
    return [(np.asarray(a, np.float64), np.asarray(b, np.float64)) for a, b in zip(*both, strict=True)]


# ---- rows that indices name -----------------------------------------------------------------------------------------
@named
@pytest.mark.parametrize("is_checked", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_rows_are_taken_whatever_their_length(length: int, dtype: Any, is_checked: bool) -> None:
    table, places = numbers((2, 40, length), dtype), np.random.default_rng(1).integers(0, 40, (3, 17))

    def program(inputs: list[Any]) -> list[Any]:
        x, places = inputs
        wide = ops.concat(x, x, axis=2)
        return [
            ops.take(x, places, axis=1),
            ops.take(ops.permute(x, axes=(1, 0, 2)), places, axis=0),
            # Rows that do not lie side by side, and some that do, but begin elsewhere.
            ops.take(ops.permute(x, axes=(2, 1, 0)), places, axis=1),
            ops.take(ops.flip(x, axes=(2,)), places, axis=1),
            ops.take(
                ops.slice(wide, starts=(0, 2, 1), stops=(2, 42 - 2, length + 1), steps=(1,) * 3),
                places % 38,
                axis=1,
            )
            if length
            else places,
        ]

    compared(program, [table, places], rtol=0, atol=0, is_checked=is_checked)


@pytest.mark.parametrize("dtype", [sw.f64, sw.f32, sw.f16, sw.bf16, sw.i64, sw.i32, sw.u8], ids=lambda t: t.name)
@pytest.mark.parametrize("is_checked", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_sums_over_indices(length: int, dtype: Any, is_checked: bool) -> None:
    source, places = numbers((2, 60, length), dtype), np.random.default_rng(1).integers(0, 5, (60,))

    def program(inputs: list[Any]) -> list[Any]:
        x, places = inputs
        return [
            ops.take_add(x, places, axis=1, size=5),
            ops.take_add(ops.permute(x, axes=(1, 0, 2)), places, axis=0, size=7),
            ops.take_add(ops.permute(x, axes=(2, 1, 0)), places, axis=1, size=5),
            ops.take_add(ops.reshape(x, sizes=(120, length)), ops.concat(places, places, axis=0), axis=0, size=5),
        ]

    if dtype is sw.u8:
        source %= 4
    compared(program, [source, places], rtol=1e-6, atol=0, is_checked=is_checked)


@pytest.mark.parametrize("dtype", [sw.f32, sw.f16, sw.bf16], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("length", [1, 100])
def test_sums_of_many_terms_keep_their_digits(dtype: Any, length: int) -> None:
    """Sums in 16 bits stop growing, and those in f32 lose the fourth digit, if terms are added one after the other."""
    x = np.full((50_000, length), 0.1, np.float32).astype(dtype.numpy)
    places = np.arange(50_000) // 25_000
    digits = {sw.f32: 1e-6, sw.f16: 1e-3, sw.bf16: 8e-3}[dtype]
    (taken,) = results_of(lambda inputs: [ops.take_add(inputs[0], inputs[1], axis=0, size=2)], [x, places])
    want = 25_000 * x.astype(np.float64)[:2]
    np.testing.assert_allclose(taken[1], want, rtol=digits)
    spread = np.broadcast_to(places[:, None], x.shape).copy()
    (gathered,) = results_of(lambda inputs: [ops.gather_add(inputs[0], inputs[1], axis=0, size=2)], [x, spread])
    np.testing.assert_allclose(gathered[1], want, rtol=digits)


@pytest.mark.parametrize("dtype", [sw.f32, sw.bf16, sw.i64, sw.bool], ids=lambda dtype: dtype.name)
def test_rows_with_a_single_one(dtype: Any) -> None:
    for classes in (1, 3, 16, 70, 131):
        labels = np.random.default_rng(1).integers(0, classes, (3, 50))
        compared(lambda inputs, n=classes: [ops.one_hot(inputs[0], classes=n, dtype=dtype)], [labels], 0, 0, True)


# ---- order ----------------------------------------------------------------------------------------------------------
@named
@pytest.mark.parametrize("is_checked", [False, True])
@pytest.mark.parametrize("shape", [(1,), (2,), (7,), (130,), (40, 33), (3, 5, 2)])
def test_order(shape: tuple[int, ...], dtype: Any, is_checked: bool) -> None:
    x = numbers(shape, dtype)
    if x.dtype.kind not in "uib" or dtype.is_floating:
        x = x - x.dtype.type(20)
        special = [math.nan, -math.nan, math.inf, -math.inf, 0.0, -0.0]
        flat = x.reshape(-1)
        flat[: min(flat.size, 6)] = special[: flat.size]
    elif dtype in (sw.i64, sw.i32):
        x.reshape(-1)[0] = np.iinfo(x.dtype).min
        x.reshape(-1)[-1] = np.iinfo(x.dtype).max

    def program(inputs: list[Any]) -> list[Any]:
        (x,) = inputs
        axes = range(len(shape))
        return [ops.argsort(x, axis=axis, descending=down) for axis in axes for down in (False, True)]

    compared(program, [x], 0, 0, is_checked=is_checked)


# ---- windows --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", [sw.f16, sw.bf16], ids=lambda dtype: dtype.name)
def test_sums_of_windows_are_rounded_once(dtype: Any) -> None:
    x = np.full((1, 20, 20, 7, 9), 0.1, np.float32).astype(dtype.numpy)
    (both,) = results_of(lambda inputs: [ops.fold2d(inputs[0], sizes=(26, 28))], [x])
    np.testing.assert_array_equal(*both)
