"""Elementary functions of f32 and f64 on vectors of any lanes, written with general instructions, so that they fuse.

Exponentials and logarithms are reduced as in W. J. Cody and W. Waite, "Software Manual for the Elementary Functions",
1980, with the polynomials of S. Moshier's Cephes library (f32), of Taylor's series (exp, f64) and of Sun's fdlibm (log,
f64). Results of exp below the smallest normal number are 0: numbers below it cost a processor a hundred times as much.
Functions that have no cheap vector form call the C library lane by lane.

Each docstring says by how many units in the last place (ulp) results were at most off, f32 and f64, on the numbers of
`tests/cpu/test_vector_math.py`. What it is not: the operations (`elementwise.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import ir
from .ir import F32, F64, Function, Register

_LN2 = math.log(2.0)
LOG2_E = 1.0 / _LN2


def is_single(x: Register) -> bool:
    return ir.element(x.type) == F32


def multiply_add(f: Function, a: Any, b: Any, c: Any) -> Register:
    """Give a * b + c, rounded once where the processor has an instruction for that, else twice.

    Nothing here needs the single rounding: where a product must be exact, its factors are short.
    """
    known = next(x for x in (a, b, c) if isinstance(x, Register))
    widest = max(ir.lanes(x.type) for x in (a, b, c) if isinstance(x, Register))
    kind = ir.vector(widest, ir.element(known.type))
    return f.intrinsic("fmuladd", *[f.splat(f.lift(x, kind), widest) for x in (a, b, c)])


def polynomial(f: Function, x: Register, coefficients: Sequence[float]) -> Register:
    """Give the value of a polynomial, its coefficients from the lowest power up."""
    result: Any = f.constant(coefficients[-1], x.type)
    for coefficient in coefficients[-2::-1]:
        result = multiply_add(f, result, x, coefficient)
    return result


def is_nan(x: Register) -> Register:
    """Whether each lane is NaN."""
    return x.function.emit(f"fcmp uno {x.type} {x.text}, {x.text}", ir.vector(ir.lanes(x.type), ir.I1))


def above_or_nan(x: Register, bound: float) -> Register:
    """Whether each lane is above a number, or NaN."""
    return x.function.emit(
        f"fcmp ugt {x.type} {x.text}, {ir.constant(x.type, bound)}", ir.vector(ir.lanes(x.type), ir.I1)
    )


def at_least(f: Function, x: Register, bound: float) -> Register:
    """Give the larger of a lane and a number, NaN for NaN: one instruction."""
    return f.select(x.compare("lt", bound), bound, x)


def at_most(f: Function, x: Register, bound: float) -> Register:
    """Give the smaller of a lane and a number, NaN for NaN: one instruction."""
    return f.select(x.compare("gt", bound), bound, x)


def with_sign_of(f: Function, size: Register, x: Register) -> Register:
    """Give a number with the sign of another."""
    return f.call(f"llvm.copysign.{_suffix(x)}", [size, x], x.type)


def _suffix(x: Register) -> str:
    count = ir.lanes(x.type)
    return ("" if count == 1 else f"v{count}") + ("f32" if is_single(x) else "f64")


def integers_of(x: Register) -> tuple[str, int, int]:
    """Give the integer type of a float's width, the place of its exponent and the exponent's bias."""
    return (ir.I32, 23, 127) if is_single(x) else (ir.I64, 52, 1023)


# ---- exponentials ---------------------------------------------------------------------------------------------------
def _reduced(f: Function, x: Register, offset: int) -> tuple[Register, Register]:
    """Give r and bits with x = n * ln(2) + r, |r| <= ln(2) / 2; the last bits are those of n + offset.

    Adding 1.5 * 2 ** 23 (f64: 52) rounds to a whole number and leaves it in the last bits, without a conversion.
    """
    kind, shift, _ = integers_of(x)
    shifter = 1.5 * 2.0**shift + offset
    shifted = multiply_add(f, x, LOG2_E, shifter)
    n = shifted - shifter
    # The first part of ln(2) has so few digits that its products with n are exact.
    parts = (0.693359375, -2.12194440e-4) if is_single(x) else (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    r = multiply_add(f, n, -parts[1], multiply_add(f, n, -parts[0], x))
    return r, f.cast("bitcast", shifted, kind)


def _expm1_near_zero(f: Function, r: Register) -> Register:
    """Give exp(r) - 1 for |r| <= ln(2) / 2."""
    if is_single(r):
        series = (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
    else:
        series = tuple(1.0 / math.factorial(k) for k in range(2, 14))
    return multiply_add(f, polynomial(f, r, series), r * r, r)


def _limits(x: Register) -> tuple[float, float]:
    # exp overflows above the second; below the first its result is no normal number.
    return (-87.33654, 88.72283) if is_single(x) else (-708.3964185322641, 709.782712893384)


def exp(f: Function, x: Register) -> Register:
    """Give e ** x, to 1.1 and 1.0 ulp; 0 where that is below the smallest normal number."""
    low, high = _limits(x)
    kind, shift, _ = integers_of(x)
    r, bits = _reduced(f, at_most(f, at_least(f, x, low), high), 0)
    near = _expm1_near_zero(f, r) + 1.0
    # n is added to the exponent: the power by itself may be beyond the largest number where the result is not.
    raised = f.cast("bitcast", near, kind) + (bits << shift)
    result = f.cast("bitcast", raised, ir.element(x.type))
    result = f.select(x.compare("lt", low), 0.0, result)
    # Infinity above, and NaN.
    return f.select(above_or_nan(x, high), x * math.inf, result)


def exp_below(f: Function, x: Register) -> Register:
    """Give e ** x for x <= 88 (f64: 709), to 1.1 and 1.0 ulp, for fewer instructions than `exp`.

    What is above 88 gives any number, and results below half the smallest normal number are 0. It is what softmax and
    the functions that saturate need.
    """
    _, shift, bias = integers_of(x)
    # At the bound n is -bias, and the exponent's bits are 0: so is the power.
    r, bits = _reduced(f, at_least(f, x, -bias * _LN2), bias)
    return (_expm1_near_zero(f, r) + 1.0) * f.cast("bitcast", bits << shift, ir.element(x.type))


def _expm1_within(f: Function, x: Register) -> Register:
    """Give e ** x - 1 within the range where exp neither overflows nor is lost beside 1."""
    _, shift, bias = integers_of(x)
    # Half the power: 2 ** n may be beyond the largest number.
    r, bits = _reduced(f, x, bias - 1)
    scale = f.cast("bitcast", bits << shift, ir.element(x.type))
    return multiply_add(f, scale, _expm1_near_zero(f, r), scale - 0.5) * 2.0


def expm1(f: Function, x: Register) -> Register:
    """Give e ** x - 1, to 1.5 and 1.8 ulp."""
    _, high = _limits(x)
    low = -17.5 if is_single(x) else -38.0
    result = _expm1_within(f, at_most(f, at_least(f, x, low), high))
    # The sign of -0.0 was lost.
    result = with_sign_of(f, result, x)
    return f.select(above_or_nan(x, high), x * math.inf, result)


def tanh(f: Function, x: Register) -> Register:
    """Give the hyperbolic tangent, to 1.9 and 2.0 ulp, as y / (y + 2) for y = expm1(2x)."""
    size = at_most(f, f.intrinsic("fabs", x), 9.5 if is_single(x) else 20.0)
    y = _expm1_within(f, size + size)
    quotient = y / (y + 2.0)
    # The same for small numbers, as y / 2 * (1 - quotient): then the quotient's roundings weigh little.
    half = y * 0.5
    quotient = f.select(y.compare("lt", 1.0), multiply_add(f, -half, quotient, half), quotient)
    return with_sign_of(f, quotient, x)


def sigmoid(f: Function, x: Register) -> Register:
    """Give 1 / (1 + exp(-x)), to 1.6 and 1.7 ulp, without overflow on either side."""
    decay = exp_below(f, -f.intrinsic("fabs", x))
    # 1 / (1 + d) is 1 - d / (1 + d), and d / (1 + d) is d - d * d / (1 + d): the quotient's roundings weigh less.
    whole = f.select(x.compare("ge", 0.0), 1.0, decay)
    return multiply_add(f, -whole, decay / (decay + 1.0), whole)


def softplus(f: Function, x: Register) -> Register:
    """Give log(1 + exp(x)), to 1.7 and 1.7 ulp, as max(x, 0) + log1p(exp(-|x|))."""
    decay = exp_below(f, -f.intrinsic("fabs", x))
    return at_least(f, x, 0.0) + _log1p(f, decay)


# ---- logarithms -----------------------------------------------------------------------------------------------------
def _log_reduced(f: Function, x: Register, lost: Register | None = None) -> tuple[Register, Register, Register]:
    """Give e, r and t with log(x + lost) = e * ln(2) + r + t for normal x > 0; t is small beside r or e."""
    single = is_single(x)
    kind, shift, bias = integers_of(x)
    raw = f.cast("bitcast", x, kind)
    # The mantissa is taken from [sqrt(1/2), sqrt(2)). The exponent is kept above 0: not every processor shifts 64 bits
    # with sign, or makes floats of them, so that they are put into a float's last bits instead.
    base, up = (0x3F3504F3, 256) if single else (0x3FE6A09E667F3BCD, 1024)
    exponent = (raw + ((up << shift) - base)) >> shift
    mantissa = f.cast("bitcast", raw - (exponent << shift) + (up << shift), F32 if single else F64)
    shifter = 2.0**shift
    e = f.cast("bitcast", exponent | (shift + bias << shift), F32 if single else F64) - (shifter + up)
    r = mantissa - 1.0
    if lost is not None:
        # Beside the largest numbers what is lost is nothing, and they have no power to divide it by.
        least = f.intrinsic("smin", exponent, f.constant(bias + up - 1, exponent.type))
        power = f.cast("bitcast", (f.constant(bias + up, least.type) - least) << shift, F32 if single else F64)
        r = multiply_add(f, lost, power, r)
    z = r * r
    if single:
        coefficients = (
            3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1,
            -1.2420140846e-1, 1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2,
        )  # fmt: skip
        return e, r, multiply_add(f, z, -0.5, polynomial(f, r, coefficients) * r * z)
    coefficients = (
        6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
        1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
    )  # fmt: skip
    s = r / (r + 2.0)
    w = s * s
    half = z * 0.5
    return e, r, s * (half + polynomial(f, w, coefficients) * w) - half


def _log_joined(f: Function, e: Register, r: Register, t: Register) -> Register:
    # The first part of ln(2) has so few digits that its products with e are exact.
    if is_single(r):
        return multiply_add(f, e, 0.693359375, r + multiply_add(f, e, -2.12194440e-4, t))
    return multiply_add(f, e, 6.93147180369123816490e-01, r + multiply_add(f, e, 1.90821492927058770002e-10, t))


def _any_log(f: Function, x: Register, join: Any) -> Register:
    """Give a logarithm of any number; `join` makes it of the parts."""
    # Numbers below the smallest normal one are made larger first.
    tiny, grown, places = (2.0**-126, 2.0**24, 24.0) if is_single(x) else (2.0**-1022, 2.0**54, 54.0)
    is_tiny = x.compare("lt", tiny)
    e, r, t = _log_reduced(f, f.select(is_tiny, x * grown, x))
    result = join(f, f.select(is_tiny, e - places, e), r, t)
    result = f.select(x.compare("eq", 0.0), -math.inf, result)
    result = f.select(x.compare("lt", 0.0), math.nan, result)
    # Infinity and NaN are given back.
    return f.select(x.compare("lt", math.inf), result, x)


def log(f: Function, x: Register) -> Register:
    """Give the natural logarithm, to 0.9 and 0.9 ulp."""
    return _any_log(f, x, _log_joined)


def log_of_normal(f: Function, x: Register) -> Register:
    """Give the natural logarithm of what is above the smallest normal number and finite, for fewer instructions."""
    return _log_joined(f, *_log_reduced(f, x))


def log2(f: Function, x: Register) -> Register:
    """Give the logarithm to base 2, to 1.9 and 1.7 ulp; exact where x is a power of two."""
    return _any_log(f, x, lambda f, e, r, t: multiply_add(f, r + t, LOG2_E, e))


def _log1p(f: Function, x: Register) -> Register:
    """Give log(1 + x) for finite x > -1; what the rounding of 1 + x loses is added to the reduced number."""
    above = x + 1.0
    # Both differences are exact.
    lost = x - (above - 1.0)
    return _log_joined(f, *_log_reduced(f, above, lost))


def log1p(f: Function, x: Register) -> Register:
    """Give log(1 + x), to 1.4 and 1.4 ulp."""
    # The sign of -0.0 was lost.
    result = f.select(x.compare("eq", 0.0), x, _log1p(f, x))
    result = f.select(x.compare("eq", -1.0), -math.inf, result)
    result = f.select(x.compare("lt", -1.0), math.nan, result)
    return f.select(x.compare("lt", math.inf), result, x)


# ---- sine and cosine ------------------------------------------------------------------------------------------------
# pi / 2 in three parts, the first two short enough that their products with the quotient are exact.
_HALF_PI = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624879595063154e-21)
# From here on the quotient is too large for the parts; the C library reduces by more digits.
_FAR = 1.0e6
_SINE = (
    -1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04, 2.75573137070700676789e-06,
    -2.50507602534068634195e-08, 1.58969099521155010221e-10,
)  # fmt: skip
_COSINE = (
    4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05, -2.75573143513906633035e-07,
    2.08757232129817482790e-09, -1.13596475577881948265e-11,
)  # fmt: skip


def _quarter_turns(f: Function, x: Register) -> tuple[Register, Register, Register]:
    """Give sine and cosine of what is left of an f64 angle below `_FAR`, and bits: the last are its quarter turns."""
    shifter = 1.5 * 2.0**52
    shifted = multiply_add(f, x, 2.0 / math.pi, shifter)
    n = shifted - shifter
    r = x
    for part in _HALF_PI:
        r = multiply_add(f, n, -part, r)
    z = r * r
    sine = multiply_add(f, polynomial(f, z, _SINE) * z, r, r)
    cosine = multiply_add(f, polynomial(f, z, _COSINE), z * z, multiply_add(f, z, -0.5, 1.0))
    return sine, cosine, f.cast("bitcast", shifted, ir.I64)


def turned_sine(f: Function, x: Register, quarters: Any) -> Register:
    """Give the sine of an f64 angle below a million and so many quarter turns; one quarter gives the cosine."""
    sine, cosine, bits = _quarter_turns(f, x)
    turns = bits + quarters
    result = f.select((turns & 1).compare("eq", 0), sine, cosine)
    # The second bit becomes the sign.
    sign = (turns >> 1) << 63
    return f.cast("bitcast", f.cast("bitcast", result, ir.I64) ^ sign, F64)


def sine_and_cosine(f: Function, x: Register) -> tuple[Register, Register]:
    """Give both of an f64 angle below a million."""
    sine, cosine, bits = _quarter_turns(f, x)
    even = (bits & 1).compare("eq", 0)
    sine, cosine = f.select(even, sine, cosine), f.select(even, cosine, sine)
    signed = [
        f.cast("bitcast", value, ir.I64) ^ (turns >> 1 << 63) for value, turns in ((sine, bits), (cosine, bits + 1))
    ]
    return f.cast("bitcast", signed[0], F64), f.cast("bitcast", signed[1], F64)


def _tangent(f: Function, x: Register) -> Register:
    sine, cosine, bits = _quarter_turns(f, x)
    even = (bits & 1).compare("eq", 0)
    return f.select(even, sine, -cosine) / f.select(even, cosine, sine)


def _of_angle(f: Function, x: Register, name: str, near: Any) -> Register:
    """Give a function of an angle of any size; f32 is computed in f64, whose polynomials are those of fdlibm."""
    single = is_single(x)
    wide = f.cast("fpext", x, F64) if single else x
    is_near = f.intrinsic("fabs", wide).compare("lt", _FAR)
    result = near(f, f.select(is_near, wide, 0.0))
    if name != "cos":
        # The sign of -0.0 was lost.
        result = f.select(wide.compare("eq", 0.0), wide, result)
    # NaN is not near: the C library gives it back.
    result = lane_by_lane(f, name, [wide], result, is_near ^ f.constant(1, is_near.type))
    return f.cast("fptrunc", result, F32) if single else result


def sin(f: Function, x: Register) -> Register:
    """Give the sine, to 0.51 and 1.8 ulp."""
    return _of_angle(f, x, "sin", lambda f, x: turned_sine(f, x, 0))


def cos(f: Function, x: Register) -> Register:
    """Give the cosine, to 0.51 and 1.9 ulp."""
    return _of_angle(f, x, "cos", lambda f, x: turned_sine(f, x, 1))


def tan(f: Function, x: Register) -> Register:
    """Give the tangent, to 0.51 and 3.5 ulp."""
    return _of_angle(f, x, "tan", _tangent)


# ---- powers ---------------------------------------------------------------------------------------------------------
def pow(f: Function, x: Register, y: Register) -> Register:
    """Give x ** y, to 0.51 and 1.0 ulp: f32 by logarithm and exponential in f64, f64 by the C library."""
    x, y = f.same_lanes(x, y)
    if not is_single(x):
        return lane_by_lane(f, "pow", [x, y], x, None)
    base, exponent = f.cast("fpext", x, F64), f.cast("fpext", y, F64)
    size = f.intrinsic("fabs", base)
    result = exp(f, exponent * log(f, size))
    # A number below 0 to a power that is not whole has no result, to an odd one a negative one.
    whole = exponent - f.intrinsic("trunc", exponent)
    half = exponent * 0.5
    is_odd = (half - f.intrinsic("trunc", half)).compare("ne", 0.0) & whole.compare("eq", 0.0)
    result = f.select(is_odd, with_sign_of(f, result, base), result)
    nothing = whole.compare("ne", 0.0) & base.compare("lt", 0.0) & base.compare("gt", -math.inf)
    # An infinite exponent less itself is NaN; it counts as whole.
    finite = f.intrinsic("fabs", exponent).compare("lt", math.inf)
    result = f.select(nothing & finite, math.nan, result)
    # 1 to any power, and any number to the power 0; -1 to an infinite one.
    is_one = exponent.compare("eq", 0.0) | base.compare("eq", 1.0)
    is_one = is_one | (size.compare("eq", 1.0) & f.intrinsic("fabs", exponent).compare("eq", math.inf))
    return f.cast("fptrunc", f.select(is_one, 1.0, result), F32)


def lane_by_lane(
    f: Function, name: str, operands: Sequence[Register], result: Register, where: Register | None
) -> Register:
    """Give `result` with the lanes that `where` names (all, if it is None) computed by a function of the C library."""
    kind = ir.element(result.type)
    count = ir.lanes(result.type)
    if count == 1:
        if where is None:
            return f.call(name, list(operands), kind)
        number = f.select(where, f.constant(1), f.constant(0))
        with f.loop(0, number, carry=[result]) as loop:
            loop.next(f.call(name, list(operands), kind))
        return loop.values[0]
    number: Any = count
    if where is not None:
        bits = f.emit(f"bitcast {where.type} {where.text} to i{count}", f"i{count}")
        some = f.emit(f"icmp ne i{count} {bits.text}, 0", ir.I1)
        number = f.select(some, f.constant(count), f.constant(0))
    with f.loop(0, number, carry=[result]) as loop:
        lane = loop.counter
        value = f.call(name, [f.extract(operand, lane) for operand in operands], kind)
        if where is not None:
            value = f.select(f.extract(where, lane), value, f.extract(loop.values[0], lane))
        before = loop.values[0]
        loop.next(
            f.emit(f"insertelement {before.type} {before.text}, {kind} {value.text}, i64 {lane.text}", before.type)
        )
    return loop.values[0]
