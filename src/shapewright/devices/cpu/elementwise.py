"""The code of every elementwise operation, on vectors of any lanes, with the meaning that `ops/` gives it.

In registers, bf16 and f16 are f32 rounded to what their type holds after each operation, u8 is i8 read without sign,
and bool is one bit. What it is not: the elementary functions (`vector_math.py`), loads and stores (`elements.py`).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shapewright import ops
from shapewright.ops.activations import gelu_slope
from shapewright.ops.checks import class_labels, probabilities
from shapewright.ops.core import Op
from shapewright.ops.precision import rounded_to_bf16
from shapewright.shapes.dtypes import DType, bf16, bool_, f16, f32, f64, i32, i64, u8

from . import ir
from . import normal_distribution as normal
from . import vector_math as vm
from .ir import F32, F64, I1, I8, I32, I64, Function, Register
from .packing import bf16_bits

type Fail = Callable[[Register], None]
type Emitter = Callable[
    [Function, Sequence[Register], Mapping[str, Any], Sequence[type[DType] | None], type[DType], Fail], Register
]

_KINDS: dict[Any, str] = {f64: F64, f32: F32, bf16: F32, f16: F32, i64: I64, i32: I32, u8: I8, bool_: I1}


# ---- element types --------------------------------------------------------------------------------------------------
def round_to(f: Function, x: Register, dtype: type[DType]) -> Register:
    """Give an f32 rounded to the nearest number that bf16 or f16 holds, the even one of two; other types stay."""
    if dtype is f16:
        return f.cast("fpext", f.cast("fptrunc", x, ir.F16), F32)
    if dtype is not bf16:
        return x
    bits = f.cast("bitcast", x, I32)
    rounded = (bits + (((bits >> 16) & 1) + 0x7FFF)) & -0x10000
    # Not the NaN itself: the half that is cut off may hold all that makes it one.
    return f.select(vm.is_nan(x), math.nan, f.cast("bitcast", rounded, F32))


def _narrowed(f: Function, x: Register) -> Register:
    """Give an f64 as an f32 rounded to odd, which a second rounding takes to where one alone would have.

    The last bit records whether anything was cut off (S. Boldo and G. Melquiond, "When double rounding is odd", 2005).
    """
    near = f.cast("fptrunc", x, F32)
    back = f.cast("fpext", near, F64)
    bits = f.cast("bitcast", near, I32)
    cut = f.select(f.intrinsic("fabs", back).compare("gt", f.intrinsic("fabs", x)), bits - 1, bits)
    # False for NaN: it stays as it is.
    differs = back.compare("lt", x) | back.compare("gt", x)
    return f.cast("bitcast", f.select(differs, cut | 1, bits), F32)


def convert(f: Function, x: Register, source: type[DType], target: type[DType]) -> Register:
    """Give a register of one element type as one of another, as `cast` does."""
    if source is target:
        return x
    kind = _KINDS[target]
    if target is bool_:
        return x.compare("ne", 0.0 if source.is_floating else 0)
    if source.is_floating:
        if target.is_floating:
            if source is f64:
                x = _narrowed(f, x) if target is f16 else f.cast("fptrunc", x, F32)
            elif target is f64:
                x = f.cast("fpext", x, F64)
            return round_to(f, x, target)
        # By way of i64, so that a negative number wraps.
        whole = f.cast("fptosi", x, I64)
        return whole if kind == I64 else f.cast("trunc", whole, kind)
    unsigned = source in (u8, bool_)
    if target.is_floating:
        return round_to(f, f.cast("uitofp" if unsigned else "sitofp", x, kind), target)
    here, there = ir.SIZES.get(_KINDS[source], 0), ir.SIZES[kind]
    if here > there:
        return f.cast("trunc", x, kind)
    return x if here == there else f.cast("zext" if unsigned else "sext", x, kind)


def known_number(x: Register) -> float | None:
    """Give the number that a constant is, in every lane; None for what is known only when the code runs."""
    text = x.text
    if text[0] == "%" or text[0] == "<":
        return None
    if text.startswith("splat ("):
        text = text[7:-1].split(" ")[1]
    if text in ("true", "false"):
        return int(text == "true")
    return struct.unpack("<d", struct.pack("<Q", int(text, 16)))[0] if text.startswith("0x") else int(text)


def _known(dtypes: Sequence[type[DType] | None]) -> type[DType]:
    return next(dtype for dtype in reversed(dtypes) if dtype is not None)


# ---- how most are written -------------------------------------------------------------------------------------------
def _plain(code: Callable[..., Register]) -> Emitter:
    """An operation whose code is the same for all element types."""

    def emit(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
        return round_to(f, code(f, *xs), result)

    return emit


def _by_kind(floats: Callable[..., Register], integers: Callable[..., Register]) -> Emitter:
    """An operation with other code for integers; u8 is widened, so that it has no sign."""

    def emit(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
        dtype = _known(dtypes)
        if dtype.is_floating:
            return round_to(f, floats(f, *xs), result)
        if dtype is u8:
            wide = [f.cast("zext", x, I32) for x in xs]
            return f.cast("trunc", integers(f, *wide), I8)
        return integers(f, *xs)

    return emit


def _compared(predicate: str) -> Emitter:
    def emit(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
        a, b = xs
        if _known(dtypes) in (u8, bool_):
            a, b = f.cast("zext", a, I32), f.cast("zext", b, I32)
        return a.compare(predicate, b)

    return emit


def _of_floats(code: Callable[[Function, Register], Register]) -> Emitter:
    """A test of floats that is the same answer for every integer."""

    def emit(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
        (x,) = xs
        if not _known(dtypes).is_floating:
            answer = code(f, f.constant(0.0, F32))
            return f.splat(answer, ir.lanes(x.type))
        return code(f, x)

    return emit


def _ones(f: Function, like: Register) -> Register:
    return f.constant(1, like.type)


# ---- arithmetic -----------------------------------------------------------------------------------------------------
def _absolute(f: Function, x: Register) -> Register:
    return f.select(x.compare("lt", 0), -x, x)


def _sign_of_float(f: Function, x: Register) -> Register:
    above = f.select(x.compare("gt", 0.0), f.constant(1.0, x.type), f.constant(0.0, x.type))
    return f.select(x.compare("lt", 0.0), -1.0, above)


def _sign_of_integer(f: Function, x: Register) -> Register:
    above = f.select(x.compare("gt", 0), f.constant(1, x.type), f.constant(0, x.type))
    return f.select(x.compare("lt", 0), -1, above)


def _rounding(name: str) -> Emitter:
    return _by_kind(lambda f, x: f.intrinsic(name, x), lambda f, x: x)


def _remainder_of_floats(f: Function, a: Register, b: Register) -> Register:
    a, b = f.same_lanes(a, b)
    rest = f.emit(f"frem {a.type} {a.text}, {b.text}", a.type)
    other_side = b.compare("lt", 0.0) ^ rest.compare("lt", 0.0)
    moved = f.select(other_side, rest + b, rest)
    zero = vm.with_sign_of(f, f.constant(0.0, b.type), b)
    return f.select(rest.compare("eq", 0.0), zero, moved)


def _floor_divide_floats(f: Function, a: Register, b: Register) -> Register:
    # As Python: the exact remainder first, so that the quotient is not rounded over a whole number.
    a, b = f.same_lanes(a, b)
    rest = f.emit(f"frem {a.type} {a.text}, {b.text}", a.type)
    quotient = (a - rest) / b
    other_side = (b.compare("lt", 0.0) ^ rest.compare("lt", 0.0)) & rest.compare("ne", 0.0)
    quotient = f.select(other_side, quotient - 1.0, quotient)
    whole = f.intrinsic("floor", quotient)
    whole = f.select((quotient - whole).compare("gt", 0.5), whole + 1.0, whole)
    plain = a / b
    zero = vm.with_sign_of(f, f.constant(0.0, b.type), plain)
    whole = f.select(quotient.compare("eq", 0.0), zero, whole)
    return f.select(b.compare("eq", 0.0), plain, whole)


def _divided(f: Function, a: Register, b: Register) -> tuple[Register, Register]:
    """Give quotient and remainder, rounded down; b is not 0. Dividing the least number by -1 would trap."""
    minus = b.compare("eq", -1)
    safe = f.select(minus, f.constant(1, b.type), b)
    quotient = f.emit(f"sdiv {a.type} {a.text}, {safe.text}", a.type)
    rest = a - quotient * safe
    zero = f.constant(0, a.type)
    down = rest.compare("ne", 0) & (rest ^ safe).compare("lt", 0)
    quotient = f.select(down, quotient - 1, quotient)
    rest = f.select(down, rest + safe, rest)
    return f.select(minus, -a, quotient), f.select(minus, zero, rest)


def _integer_division(which: int, floats: Callable[..., Register]) -> Emitter:
    def emit(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
        dtype = _known(dtypes)
        if dtype.is_floating:
            return round_to(f, floats(f, *xs), result)
        a, b = f.same_lanes(*xs)
        none = b.compare("eq", 0)
        fail(none)
        b = f.select(none, _ones(f, b), b)
        if dtype is u8:
            a, b = f.cast("zext", a, I32), f.cast("zext", b, I32)
            return f.cast("trunc", _divided(f, a, b)[which], I8)
        return _divided(f, a, b)[which]

    return emit


def _power(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    a, b = xs
    dtype = _known(dtypes)
    number = known_number(b)
    if dtype.is_floating:
        return round_to(f, _power_of_floats(f, a, b, number), result)
    if number is not None and number >= 0:
        return _repeated(f, a, int(number))
    a, b = f.same_lanes(a, b)
    if dtype is u8:
        a, b = f.cast("zext", a, I64), f.cast("zext", b, I64)
    fail(b.compare("lt", 0))
    bits = 8 * ir.SIZES[ir.element(a.type)]
    with f.loop(0, bits, carry=[_ones(f, a), a, b]) as loop:
        total, base, left = loop.values
        odd = (left & 1).compare("ne", 0)
        loop.next(f.select(odd, total * base, total), base * base, left >> 1)
    power = loop.values[0]
    return f.cast("trunc", power, I8) if dtype is u8 else power


def _power_of_floats(f: Function, a: Register, b: Register, number: float | None) -> Register:
    """Exponents that people write have shorter code."""
    if number is not None and number in (1, 2, 3, 4):
        return _repeated(f, a, int(number))
    if number == -1.0:
        return 1.0 / a
    if number == 0.5:
        # As NumPy and PyTorch: the root of -infinity is NaN, where the C library's power is infinity.
        return f.intrinsic("sqrt", a)
    return vm.pow(f, a, b)


def _repeated(f: Function, x: Register, count: int) -> Register:
    """Give x multiplied by itself: a power, by squaring."""
    power: Register | None = None
    while count:
        if count & 1:
            power = x if power is None else power * x
        count >>= 1
        if count:
            x = x * x
    return _ones(f, x) if power is None else power


def _larger_float(f: Function, a: Register, b: Register) -> Register:
    a, b = f.same_lanes(a, b)
    number = known_number(b)
    if number is not None and number == number:
        return vm.at_least(f, a, number)
    # Of two NaNs the first is given back; the inner choice is one instruction, which gives b if one is NaN.
    return f.select(vm.is_nan(a), a, f.select(a.compare("gt", b), a, b))


def _smaller_float(f: Function, a: Register, b: Register) -> Register:
    a, b = f.same_lanes(a, b)
    number = known_number(b)
    if number is not None and number == number:
        return vm.at_most(f, a, number)
    return f.select(vm.is_nan(a), a, f.select(a.compare("lt", b), a, b))


def _extreme(floats: Callable[..., Register], predicate: str) -> Emitter:
    def integers(f: Function, a: Register, b: Register) -> Register:
        a, b = f.same_lanes(a, b)
        return f.select(a.compare(predicate, b), a, b)

    whole = _by_kind(floats, integers)

    def emit(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
        if _known(dtypes) is bool_:
            return xs[0] | xs[1] if predicate == "gt" else xs[0] & xs[1]
        return whole(f, xs, params, dtypes, result, fail)

    return emit


def _clip(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    (x,) = xs
    low, high = params.get("min"), params.get("max")
    if result.is_floating:
        if low is not None:
            x = _larger_float(f, x, f.constant(low, x.type))
        if high is not None:
            x = _smaller_float(f, x, f.constant(high, x.type))
        return round_to(f, x, result)
    bits = 8 * result.itemsize
    least, most = (0, 2**bits - 1) if result is u8 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    wide = f.cast("zext", x, I32) if result is u8 else x
    if low is not None:
        bound = f.constant(sorted((least, int(low), most))[1], wide.type)
        wide = f.select(wide.compare("gt", bound), wide, bound)
    if high is not None:
        bound = f.constant(sorted((least, int(high), most))[1], wide.type)
        wide = f.select(wide.compare("lt", bound), wide, bound)
    return f.cast("trunc", wide, I8) if result is u8 else wide


def _nan_to_num(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    (x,) = xs
    if not result.is_floating:
        return x
    import ml_dtypes

    largest: Any = float(ml_dtypes.finfo(result.numpy).max)
    above, below = params.get("posinf"), params.get("neginf")
    y = f.select(x.compare("eq", math.inf), largest if above is None else above, x)
    y = f.select(x.compare("eq", -math.inf), -largest if below is None else below, y)
    return round_to(f, f.select(vm.is_nan(x), params.get("nan", 0.0), y), result)


# ---- activations ----------------------------------------------------------------------------------------------------
def _gelu(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    code = normal.gelu if params.get("approximate", "none") == "none" else normal.gelu_tanh
    return round_to(f, code(f, *xs), result)


def _leaky_relu(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    (x,) = xs
    return round_to(f, f.select(x.compare("gt", 0.0), x, x * params.get("negative_slope", 0.01)), result)


def _elu(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    (x,) = xs
    below = vm.expm1(f, vm.at_most(f, x, 0.0)) * params.get("alpha", 1.0)
    return round_to(f, f.select(x.compare("gt", 0.0), x, below), result)


def _cast(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    return convert(f, xs[0], _known(dtypes), result)


def _rounded_to_bf16(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    bits = bf16_bits(f, xs[0], hardware=f.module.rounds_to_bf16)
    return f.cast("bitcast", f.cast("zext", bits, I32) << 16, F32)


def _where(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    # A Python number takes the type of the tensor beside it.
    condition, *pair = [round_to(f, x, result) if dtype is None else x for x, dtype in zip(xs, dtypes, strict=True)]
    return f.select(condition, *pair)


def _same(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    return xs[0]


def _probabilities(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    (x,) = xs
    fail(vm.is_nan(x))
    return x


def _class_labels(f: Function, xs: Any, params: Any, dtypes: Any, result: type[DType], fail: Fail) -> Register:
    (x,) = xs
    fail(x.compare("lt", 0) | x.compare("ge", params["allowed"].classes))
    return x


def _is_infinite(f: Function, x: Register) -> Register:
    return f.intrinsic("fabs", x).compare("eq", math.inf)


def _is_finite(f: Function, x: Register) -> Register:
    return f.intrinsic("fabs", x).compare("lt", math.inf)


EMITTERS: dict[Op, Emitter] = {
    ops.add: _plain(lambda f, a, b: a + b),
    ops.sub: _plain(lambda f, a, b: a - b),
    ops.mul: _plain(lambda f, a, b: a * b),
    ops.div: _plain(lambda f, a, b: a / b),
    ops.neg: _plain(lambda f, x: -x),
    ops.abs: _by_kind(lambda f, x: f.intrinsic("fabs", x), _absolute),
    ops.sign: _by_kind(_sign_of_float, _sign_of_integer),
    ops.floor: _rounding("floor"),
    ops.ceil: _rounding("ceil"),
    ops.round: _rounding("rint"),
    ops.exp: _plain(vm.exp),
    ops.expm1: _plain(vm.expm1),
    ops.log: _plain(vm.log),
    ops.log1p: _plain(vm.log1p),
    ops.log2: _plain(vm.log2),
    ops.sqrt: _plain(lambda f, x: f.intrinsic("sqrt", x)),
    ops.rsqrt: _plain(lambda f, x: 1.0 / f.intrinsic("sqrt", x)),
    ops.reciprocal: _plain(lambda f, x: 1.0 / x),
    ops.square: _plain(lambda f, x: x * x),
    ops.sin: _plain(vm.sin),
    ops.cos: _plain(vm.cos),
    ops.tan: _plain(vm.tan),
    ops.tanh: _plain(vm.tanh),
    ops.sigmoid: _plain(vm.sigmoid),
    ops.relu: _plain(lambda f, x: vm.at_least(f, x, 0.0)),
    ops.erf: _plain(normal.erf),
    ops.softplus: _plain(vm.softplus),
    ops.silu: _plain(lambda f, x: x * vm.sigmoid(f, x)),
    ops.gelu: _gelu,
    gelu_slope: _plain(normal.gelu_slope),
    ops.leaky_relu: _leaky_relu,
    ops.elu: _elu,
    ops.clip: _clip,
    ops.nan_to_num: _nan_to_num,
    ops.isnan: _of_floats(lambda f, x: vm.is_nan(x)),
    ops.isinf: _of_floats(_is_infinite),
    ops.isfinite: _of_floats(_is_finite),
    ops.logical_not: _plain(lambda f, x: x ^ _ones(f, x)),
    ops.logical_and: _plain(lambda f, a, b: a & b),
    ops.logical_or: _plain(lambda f, a, b: a | b),
    ops.logical_xor: _plain(lambda f, a, b: a ^ b),
    ops.eq: _compared("eq"),
    ops.ne: _compared("ne"),
    ops.lt: _compared("lt"),
    ops.le: _compared("le"),
    ops.gt: _compared("gt"),
    ops.ge: _compared("ge"),
    ops.where: _where,
    ops.cast: _cast,
    ops.floor_divide: _integer_division(0, _floor_divide_floats),
    ops.remainder: _integer_division(1, _remainder_of_floats),
    ops.pow: _power,
    ops.maximum: _extreme(_larger_float, "gt"),
    ops.minimum: _extreme(_smaller_float, "lt"),
    ops.stop_gradient: _same,
    class_labels: _class_labels,
    probabilities: _probabilities,
    rounded_to_bf16: _rounded_to_bf16,
}
