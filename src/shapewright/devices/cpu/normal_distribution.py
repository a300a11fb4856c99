"""The error function and gelu of f32 and f64 on vectors of any lanes: what the normal distribution is needed for.

As in `vector_math.py`, docstrings say by how many units in the last place (ulp) results were at most off, f32 and f64.
What it is not: exponentials and the other elementary functions (`vector_math.py`), or operations (`elementwise.py`).
"""

from __future__ import annotations

import math

from shapewright.ops.activations import _FAR_64, _NEAR_64

from . import ir
from .ir import F32, Function, Register
from .vector_math import (
    LOG2_E,
    at_least,
    at_most,
    exp_below,
    integers_of,
    is_single,
    multiply_add,
    polynomial,
    with_sign_of,
)

# f32, fitted for this file (minimax, by C. L. Lawson's weights): |x| <= 0.92: erf(x) = x + x * NEAR(x * x);
# above: erf(|x|) = 1 - exp(|x| * FAR(|x|)), to 4, from where it is 1.
_ERF_NEAR = (
    0.12837915122509003, -0.3761249780654907, 0.11281846463680267, -0.026767725124955177, 0.004994836635887623,
    -0.0005999432178214192,
)  # fmt: skip
_ERF_FAR = (
    -1.1285144090652466, -0.6357182860374451, -0.10526183992624283, 0.022889964282512665, -0.003214955795556307,
    0.0002139849675586447,
)  # fmt: skip
# The probability that a normal number is above x is exp(-x * x / 2) * TAIL(x), fitted from 0 to 5.2 for the least error
# of that product; beyond, both are below 2e-7, and TAIL hardly changes.
_NORMAL_TAIL = (
    0.4999999830822863, -0.39894060450211893, 0.2499725892111455, -0.13280580700438158, 0.06192384943208845,
    -0.025471529085320264, 0.00900346131495225, -0.0025898101745294075, 0.0005635338611395448,
    -8.474161125873405e-05, 7.704869491614331e-06, -3.15327220927357e-07,
)  # fmt: skip
# 2 ** x from -1/2 to 1/2, for the least relative error, 8e-8.
_POWER_OF_2 = (
    1.0000000716553017, 0.6931469670628833, 0.24022119720751994, 0.055507132750665274, 0.009675541502618528,
    0.001327647195914741,
)  # fmt: skip


def erf(f: Function, x: Register) -> Register:
    """Give the error function, to 1.1 and 1.6 ulp; f64 by the polynomials of the operation's own definition."""
    size = f.intrinsic("fabs", x)
    if is_single(x):
        size = at_most(f, size, 4.0)
        small = size.compare("le", 0.92)
        inner = multiply_add(f, polynomial(f, x * x, _ERF_NEAR), x, x)
        tail = 1.0 - exp_below(f, size * polynomial(f, size, _ERF_FAR))
    else:
        size = at_most(f, size, 6.0)
        small = size.compare("le", 1.0)
        inner = x * polynomial(f, x * x, _NEAR_64)
        outer = f.select(small, 1.0, size)
        tail = 1.0 - exp_below(f, -(outer * outer)) * polynomial(f, (outer - 2.0) / (outer + 2.0), _FAR_64)
    return f.select(small, inner, with_sign_of(f, tail, x))


def _small_power_of_2(f: Function, x: Register) -> Register:
    """Give 2 ** x for f32 x <= 0, for less than `exp_below`: to some ulp of 1, and results below 2 ** -126 are 0."""
    _, shift, bias = integers_of(x)
    x = at_least(f, x, -bias)
    shifter = 1.5 * 2.0**shift + bias
    shifted = x + shifter
    near = polynomial(f, x - (shifted - shifter), _POWER_OF_2)
    return near * f.cast("bitcast", f.cast("bitcast", shifted, ir.I32) << shift, F32)


def _normal(f: Function, x: Register) -> tuple[Register, Register, Register]:
    """Give |x|, exp(-x * x / 2) and the probability that a normal number is above |x|, all f32."""

    def write() -> tuple[Register, Register, Register]:
        # From 15 on the probability is 0; the bound keeps infinity times 0 away.
        size = at_most(f, f.intrinsic("fabs", x), 15.0)
        bell = _small_power_of_2(f, size * size * (-0.5 * LOG2_E))
        return size, bell, bell * polynomial(f, at_most(f, size, 5.2), _NORMAL_TAIL)

    return f.once(("normal", x.text), write)


def gelu(f: Function, x: Register) -> Register:
    """Give x times the probability that a normal number is below x, to 1.5 and 1.6 ulp of x.

    f32 is |x| times the probability of being above |x|, taken from 0 or x: nothing cancels below 0, as it does in the
    formula with erf.
    """
    if not is_single(x):
        return x * 0.5 * (erf(f, x * math.sqrt(0.5)) + 1.0)
    size, _, above = _normal(f, x)
    return multiply_add(f, -size, above, at_least(f, x, 0.0))


def gelu_slope(f: Function, x: Register) -> Register:
    """Give the derivative of gelu, to 1.5 and 1.5 ulp of 1. Beside gelu of the same x it takes five instructions."""
    density = 1.0 / math.sqrt(2.0 * math.pi)
    if not is_single(x):
        near = at_most(f, at_least(f, x, -40.0), 40.0)
        below = (erf(f, near * math.sqrt(0.5)) + 1.0) * 0.5
        return multiply_add(f, near * density, exp_below(f, near * near * -0.5), below)
    size, bell, above = _normal(f, x)
    slope = multiply_add(f, size * -density, bell, above)
    return f.select(x.compare("gt", 0.0), 1.0 - slope, slope)


def gelu_tanh(f: Function, x: Register) -> Register:
    """Give 0.5 x (1 + tanh(u)) for u = sqrt(2 / pi) (x + 0.044715 x^3), to 1.5 ulp of x, as x / (1 + exp(-2u))."""
    twice = 2.0 * math.sqrt(2.0 / math.pi)
    exponent = multiply_add(f, x * x, -twice * 0.044715, -twice) * x
    return x / (exp_below(f, at_most(f, exponent, 88.0)) + 1.0)
