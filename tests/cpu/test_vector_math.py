"""How exact the elementary functions are: within the stated units in the last place, whatever number comes.

The reference for f32 is NumPy's f64, for f64 the C library's long double, where that holds more digits than f64.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shapewright.devices.cpu import ir, machine
from shapewright.devices.cpu import normal_distribution as normal
from shapewright.devices.cpu import vector_math as vm
from shapewright.shapes.dtypes import DType, f32, f64
from tests.cpu.loops import TARGETS, assembly_lines, module_text, register_type, run, units_off, widths

LONG = np.longdouble
HAS_LONG = np.finfo(LONG).nmant > 60


# ---- references -----------------------------------------------------------------------------------------------------
def _erf(x: Any) -> Any:
    """2 / sqrt(pi) * exp(-x * x) * sum of 2 ** n * x ** (2 n + 1) / (2 n + 1)!!, all terms of one sign."""
    pi = LONG(3.141592653589793) + LONG(1.2246467991473532e-16)
    factor = 2 / np.sqrt(pi)
    size = np.minimum(np.abs(x.astype(LONG)), LONG(7))
    result = size * factor
    summed = np.flatnonzero((size > 1e-10) & (size < 6.5))
    square = size[summed] ** 2
    total, term = np.zeros_like(square), size[summed]
    for n in range(1, 150):
        total += term
        term = term * (2 * square / (2 * n + 1))
    result[summed] = factor * np.exp(-square) * total
    return np.copysign(np.minimum(result, LONG(1)), x)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@dataclass(frozen=True)
class Measured:
    """One function: its code, its reference, where it is looked at most closely, and its bounds for f32 and f64."""

    code: Callable[..., ir.Register]
    reference: Callable[[Any], Any]
    near: tuple[float, float]
    f32: float
    f64: float
    flushes: bool = False


# The bounds are what was measured, here and on millions of random numbers, rounded up.
FUNCTIONS = {
    "exp": Measured(vm.exp, np.exp, (-110, 95), 1.1, 1.0, flushes=True),
    "exp_below": Measured(vm.exp_below, np.exp, (-110, 88), 1.1, 1.0, flushes=True),
    "expm1": Measured(vm.expm1, np.expm1, (-20, 20), 1.5, 1.8),
    "tanh": Measured(vm.tanh, np.tanh, (-10, 10), 1.9, 2.0),
    "sigmoid": Measured(vm.sigmoid, _sigmoid, (-30, 30), 1.7, 1.7, flushes=True),
    "softplus": Measured(vm.softplus, _softplus, (-30, 30), 1.7, 1.7, flushes=True),
    "log": Measured(vm.log, np.log, (0, 3), 0.9, 0.9),
    "log2": Measured(vm.log2, np.log2, (0, 3), 1.9, 1.7),
    "log1p": Measured(vm.log1p, np.log1p, (-1, 3), 1.5, 1.5),
    "erf": Measured(normal.erf, _erf, (-5, 5), 1.2, 1.7),
    "sin": Measured(vm.sin, np.sin, (-20, 20), 0.51, 1.9),
    "cos": Measured(vm.cos, np.cos, (-20, 20), 0.51, 1.9),
    "tan": Measured(vm.tan, np.tan, (-20, 20), 0.51, 3.5),
}
# Where results change their nature: the bounds of exp, the ends of the polynomials, pi, the ends of floats.
_EDGES = (
    0.0, 1.0, 0.5, 2.0, 0.34657359, 1.0397208, 0.70710678, 1.41421356, 3.14159265358979, 1.5707963267948966, 6.0, 9.0,
    17.3, 17.5, 22.0, 37.5, 87.3365, 87.33654, 87.33655, 88.03, 88.72283, 88.7229, 89.0, 103.98, 708.3964, 709.7827,
    709.79, 745.2, 1e6, 999999.5, 1e7, 1e10, 1e22, 1e30, 16777216.0, np.inf, np.nan,
)  # fmt: skip


@functools.cache
def samples(dtype: type[DType], low: float, high: float) -> np.ndarray:
    """Numbers of a range, close to its ends and to 0, of every size that the type has, and the edges of everything."""
    kind = dtype.numpy.type
    info = np.finfo(kind)
    random = np.random.default_rng(0)
    bits = random.integers(0, 2 ** (8 * dtype.itemsize), 60_000, dtype=f"u{dtype.itemsize}").view(kind)
    powers = np.exp2(np.arange(np.log2(info.tiny) - info.nmant, np.log2(info.max), dtype=np.float64)).astype(kind)
    edges = np.array([*_EDGES, info.max, info.tiny, info.smallest_subnormal, 3 * info.smallest_subnormal], dtype=kind)
    with np.errstate(all="ignore"):
        around = np.concatenate([np.nextafter(edges, kind(-np.inf)), edges, np.nextafter(edges, kind(np.inf)), powers])
    tens = (10.0 ** random.uniform(-9, 7, 40_000)).astype(kind)
    parts = [np.linspace(low, high, 120_001), around, -around, tens, -tens, bits]
    return np.concatenate([part.astype(kind) for part in parts])


@functools.cache
def reference(name: str, dtype: type[DType]) -> tuple[np.ndarray, Any]:
    """Give the numbers that a function is looked at with, and its exact results."""
    function = FUNCTIONS[name]
    x = samples(dtype, *function.near)
    if name == "exp_below":
        x = x[~(x > (88 if dtype is f32 else 709))]
    with np.errstate(all="ignore"):
        return x, function.reference(x.astype(np.float64 if dtype is f32 else LONG))


def measured(name: str, dtype: type[DType], lanes: int, target: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the numbers, a function's results, and by how many units in the last place they are off."""
    function = FUNCTIONS[name]
    x, wanted = reference(name, dtype)
    got, _ = run(lambda f, xs, _: function.code(f, *xs), [x], [dtype], dtype, lanes, target)
    off = units_off(got, wanted)
    if function.flushes:
        # Results below the smallest normal number may be 0.
        off = np.where((got >= 0) & (got <= np.abs(wanted)) & (wanted <= np.finfo(got.dtype).tiny), 0, off)
    return x, got, off


@pytest.mark.skipif(not HAS_LONG, reason="long double holds no more digits than f64 here")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_exact_to_some_units(name: str, dtype: type[DType], target: str) -> None:
    for lanes in widths(dtype):
        x, got, off = measured(name, dtype, lanes, target)
        worst = int(np.argmax(off))
        limit = getattr(FUNCTIONS[name], dtype.name)
        assert off[worst] <= limit, f"{off[worst]} units off at {x[worst]!r}: {got[worst]!r} ({lanes} lanes)"


@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", ["expm1", "tanh", "log1p", "erf", "sin", "tan"])
def test_odd_functions_keep_the_sign_of_zero(name: str, dtype: type[DType]) -> None:
    x = np.array([-0.0, 0.0], dtype=dtype.numpy)
    got, _ = run(lambda f, xs, _: FUNCTIONS[name].code(f, *xs), [x], [dtype], dtype, 2)
    assert list(np.signbit(got)) == [True, False]
    assert not got.any()


@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
def test_exp_is_0_below_the_smallest_normal_number(dtype: type[DType]) -> None:
    info = np.finfo(dtype.numpy)
    bound = dtype.numpy.type(np.log(info.tiny.astype(np.float64)))
    x = np.linspace(bound - 30, bound + 1, 4001).astype(dtype.numpy)
    got, _ = run(lambda f, xs, _: vm.exp(f, *xs), [x], [dtype], dtype, 4)
    assert np.all((got == 0) | (got >= info.tiny))
    assert np.all(got[x < np.nextafter(bound, dtype.numpy.type(-np.inf))] == 0)
    below, _ = run(lambda f, xs, _: vm.exp_below(f, *xs), [x], [dtype], dtype, 4)
    assert np.all((below == 0) | (below >= info.tiny / 2))


@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
def test_log2_of_powers_of_two_is_whole(dtype: type[DType]) -> None:
    info = np.finfo(dtype.numpy)
    powers = np.arange(info.minexp - info.nmant, info.maxexp)
    got, _ = run(lambda f, xs, _: vm.log2(f, *xs), [np.ldexp(dtype.numpy.type(1), powers)], [dtype], dtype, 4)
    np.testing.assert_array_equal(got, powers.astype(dtype.numpy))


# ---- gelu -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
def test_gelu_is_exact_to_units_of_its_operand(dtype: type[DType], target: str) -> None:
    x = samples(dtype, -10, 10)
    x = x[np.abs(x) < 1e30]
    with np.errstate(all="ignore"):
        wide = x.astype(LONG)
        plain = wide * (1 + _erf(wide / np.sqrt(LONG(2)))) / 2
        bent = wide / (1 + np.exp(-2 * np.sqrt(2 / LONG(np.pi)) * (wide + LONG("0.044715") * wide**3)))
    unit = np.spacing(np.maximum(np.abs(x), np.finfo(dtype.numpy).tiny)).astype(LONG)
    for lanes in widths(dtype):
        got, _ = run(lambda f, xs, _: normal.gelu(f, *xs), [x], [dtype], dtype, lanes, target)
        assert np.max(np.abs(got - plain) / unit) <= 2
        got, _ = run(lambda f, xs, _: normal.gelu_tanh(f, *xs), [x], [dtype], dtype, lanes, target)
        assert np.max(np.abs(got - bent) / unit) <= 1.5


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
def test_the_slope_of_gelu_is_exact_to_units_of_one(dtype: type[DType], target: str) -> None:
    x = samples(dtype, -10, 10)
    x = np.concatenate([x[np.abs(x) < 1e30], np.array([np.inf, -np.inf], dtype.numpy)])
    with np.errstate(all="ignore"):
        wide = np.clip(x.astype(LONG), -100, 100)
        plain = (1 + _erf(wide / np.sqrt(LONG(2)))) / 2 + wide * np.exp(-wide * wide / 2) / np.sqrt(2 * LONG(np.pi))
    for lanes in widths(dtype):
        got, _ = run(lambda f, xs, _: normal.gelu_slope(f, *xs), [x], [dtype], dtype, lanes, target)
        assert np.max(np.abs(got - plain)) <= 1.5 * np.finfo(dtype.numpy).eps
        # Beside gelu, of which it uses parts.

        def beside(f: Any, xs: Any, _: Any) -> Any:
            return normal.gelu(f, *xs) * 0.0 + normal.gelu_slope(f, *xs)

        both, _ = run(beside, [x[:-2]], [dtype], dtype, lanes, target)
        assert np.array_equal(both, got[:-2])


@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
def test_gelu_at_the_ends(dtype: type[DType]) -> None:
    x = np.array([np.inf, 200.0, -200.0, 0.0, np.nan, -1e30], dtype=dtype.numpy)
    for code in (normal.gelu, normal.gelu_tanh):
        got, _ = run(lambda f, xs, _, code=code: code(f, *xs), [x], [dtype], dtype, 2)
        np.testing.assert_allclose(got, [np.inf, 200.0, 0.0, 0.0, np.nan, 0.0], rtol=0, atol=1e-6)


# ---- powers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [f32, f64], ids=["f32", "f64"])
def test_pow(dtype: type[DType], target: str) -> None:
    random = np.random.default_rng(1)
    special = np.array([0, 1, 2, 3, 0.5, 2.5, 1e10, 1e-10, 16777217, 1e30, np.inf], dtype=dtype.numpy)
    special = np.concatenate([special, -special, [np.nan]]).astype(dtype.numpy)
    pairs = np.array([(x, y) for x in special for y in special])
    base = np.exp(random.uniform(-5, 5, 50_000)) * random.choice([1, 1, -1], 50_000)
    exponent = np.where(random.random(50_000) < 0.3, random.integers(-20, 20, 50_000), random.uniform(-18, 18, 50_000))
    x = np.concatenate([pairs[:, 0], base]).astype(dtype.numpy)
    y = np.concatenate([pairs[:, 1], exponent]).astype(dtype.numpy)
    with np.errstate(all="ignore"):
        wanted = np.power(
            x.astype(np.float64 if dtype is f32 else LONG), y.astype(np.float64 if dtype is f32 else LONG)
        )
    for lanes in widths(dtype):
        got, _ = run(lambda f, xs, _: vm.pow(f, *xs), [x, y], [dtype, dtype], dtype, lanes, target)
        off = units_off(got, wanted)
        worst = int(np.argmax(off))
        assert off[worst] <= 1.0, f"{x[worst]!r} ** {y[worst]!r}: {got[worst]!r}, not {wanted[worst]!r}"
        zeros = wanted == 0
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(wanted[zeros]))


# ---- what comes of them ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("target", [target for target in TARGETS if target != "generic"])
@pytest.mark.parametrize("name", ["exp", "exp_below", "expm1", "tanh", "sigmoid", "softplus", "log", "log1p", "erf"])
def test_vectors_stay_vectors(name: str, target: str) -> None:
    """No function is called, and no lane is computed by itself."""
    for dtype in (f32, f64):
        chosen = machine.select_target(target)
        lanes = chosen.lanes(register_type(dtype))
        code = FUNCTIONS[name].code
        text = module_text(lambda f, xs, _, code=code: code(f, *xs), [dtype], dtype, lanes)
        instructions = assembly_lines(text, chosen)
        assert not [line for line in instructions if line.startswith("call")]
        assert not [line for line in instructions if "%xmm" in line and line.split()[0].endswith(("ss", "sd"))]
