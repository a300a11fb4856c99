"""The elements of random draws on vectors: Philox4x32-10 and what `ops/random.py` makes of its bits.

Bits, integers and uniform numbers are those of the ops to the last bit; normal numbers, computed in f64 and rounded
once, to 1 unit in the last place (f64: 4). What it is not: loops over arrays, or the bookkeeping of what was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shapewright.shapes.dtypes import DType, bf16, f32, f64, i32, i64

from . import ir
from . import vector_math as vm
from .elementwise import convert
from .ir import F32, F64, I8, I32, Function, Register

_LOW = 0xFFFFFFFF
_ROUNDS = 10


def emit_draw(
    f: Function,
    op_name: str,
    index: Register,
    seed: Register,
    counter: Register,
    params: Mapping[str, Any],
    dtype: type[DType],
    *,
    is_run: bool = False,
) -> Register:
    """Emit elements of a draw and give them as they are in registers (16-bit floats as f32).

    Args:
        f: the function being written.
        op_name: "uniform", "normal", "randint" or "random_bits".
        index: the numbers of the elements in the draw, in row-major order (i64).
        seed: the key's seed (one i64).
        counter: the draw's first block (one i64).
        params: the operation's parameters; `randint` needs `low` and `high`.
        dtype: the element type.
        is_run: the promise that the indices follow one another from a multiple of 4 on. Then a block is computed once
            for all the elements that are made of it: a quarter of the work, half for elements of 64 bits.

    >>> from shapewright.shapes.dtypes import f32
    >>> module = ir.Module()
    >>> f = module.function("draw", [("seed", ir.I64), ("counter", ir.I64)])
    >>> emit_draw(f, "uniform", f.iota(8), *f.arguments, {}, f32, is_run=True).type
    '<8 x float>'
    """
    lanes = ir.lanes(index.type)
    each = 4 if _words(dtype) == 1 else 2
    if is_run and lanes > each and lanes % each == 0:
        first = f.extract(index, 0)
        blocks = f.splat((first >> (2 if each == 4 else 1)) + counter, lanes // each) + f.iota(lanes // each)
        words: _Words = _Run(f, philox(f, blocks, seed), each)
    else:
        blocks = (index >> (2 if each == 4 else 1)) + f.splat(counter, lanes)
        words = _Scattered(f, philox(f, blocks, seed), each, index)
    return _MAKERS[op_name](f, words, params, dtype)


def philox(f: Function, blocks: Register, seed: Register) -> list[Register]:
    """Give the four 32-bit words, as i64, of the blocks whose numbers are in the lanes (J. K. Salmon et al., 2011)."""
    lanes = ir.lanes(blocks.type)
    none = f.constant(0, blocks.type)
    c0, c1, c2, c3 = blocks & _LOW, blocks >> 32, none, none
    k0, k1 = seed & _LOW, seed >> 32
    for _ in range(_ROUNDS):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1 = (p1 >> 32) ^ c1 ^ f.splat(k0, lanes), p1 & _LOW
        c2, c3 = (p0 >> 32) ^ c3 ^ f.splat(k1, lanes), p0 & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & _LOW, (k1 + 0xBB67AE85) & _LOW
    return [c0, c1, c2, c3]


def _words(dtype: type[DType]) -> int:
    """32-bit words an element is made of: two for f64 and for every integer, else one."""
    return 1 if dtype.is_floating and dtype.itemsize < 8 else 2


# ---- from words to elements -----------------------------------------------------------------------------------------
class _Scattered:
    """The words of elements that may lie anywhere: each lane has computed its own block."""

    def __init__(self, f: Function, words: Sequence[Register], each: int, index: Register) -> None:
        self.f = f
        self.words = words
        self.each = each
        self.is_odd = (index & 1).compare("ne", 0)
        self.is_late = (index & 2).compare("ne", 0)

    def single(self) -> Register:
        """Give the one word of each element, as i32."""
        f = self.f
        early, late = (f.select(self.is_odd, self.words[i + 1], self.words[i]) for i in (0, 2))
        return f.cast("trunc", f.select(self.is_late, late, early), I32)

    def double(self) -> Register:
        """Give the two words of each element, as i64."""
        first, second = (self.f.select(self.is_odd, self.words[i + 2], self.words[i]) for i in (0, 1))
        return first << 32 | second

    def pairs(self, make: Callable[[Register, Register], tuple[Register, Register]]) -> Register:
        """Give elements that are made two by two of two numbers of random bits (i64)."""
        f = self.f
        if self.each == 4:
            bits = [f.select(self.is_late, self.words[i + 2], self.words[i]) for i in (0, 1)]
        else:
            bits = [self.words[0] << 32 | self.words[1], self.words[2] << 32 | self.words[3]]
        even, odd = make(*bits)
        return f.select(self.is_odd, odd, even)


class _Run:
    """The words of elements that follow one another: each lane has computed a block of several."""

    def __init__(self, f: Function, words: Sequence[Register], each: int) -> None:
        self.f = f
        self.words = words
        self.each = each
        self.count = ir.lanes(words[0].type)

    def _joined(self, left: Register, right: Register) -> Register:
        return self.f.shuffle(left, right, range(2 * ir.lanes(left.type)))

    def single(self) -> Register:
        """Give the one word of each element, as i32."""
        narrow = [self.f.cast("trunc", word, I32) for word in self.words]
        halves = self._joined(narrow[0], narrow[1]), self._joined(narrow[2], narrow[3])
        count = self.count
        return self.f.shuffle(*halves, [lane % 4 * count + lane // 4 for lane in range(4 * count)])

    def double(self) -> Register:
        """Give the two words of each element, as i64."""
        first, second = self.words[0] << 32 | self.words[1], self.words[2] << 32 | self.words[3]
        return self.f.shuffle(first, second, [lane % 2 * self.count + lane // 2 for lane in range(2 * self.count)])

    def pairs(self, make: Callable[[Register, Register], tuple[Register, Register]]) -> Register:
        """Give elements that are made two by two of two numbers of random bits (i64)."""
        count = self.count
        if self.each == 2:
            even, odd = make(self.words[0] << 32 | self.words[1], self.words[2] << 32 | self.words[3])
            return self.f.shuffle(even, odd, [lane % 2 * count + lane // 2 for lane in range(2 * count)])
        even, odd = make(self._joined(self.words[0], self.words[2]), self._joined(self.words[1], self.words[3]))
        # Of the pairs, the first of every block come before the second.
        places = [lane % 2 * 2 * count + lane % 4 // 2 * count + lane // 4 for lane in range(4 * count)]
        return self.f.shuffle(even, odd, places)


type _Words = _Scattered | _Run


def _uniform(f: Function, words: _Words, params: Mapping[str, Any], dtype: type[DType]) -> Register:
    if dtype is f64:
        return f.cast("uitofp", words.double() >> 11, F64) * 2.0**-53
    # Below 2 ** 24, so that the sign does not matter.
    number = f.cast("sitofp", words.single() >> 8, F32) * 2.0**-24
    if dtype is f32:
        return number
    # Rounded towards 0, by cutting digits off. What f16 holds with fewer digits are multiples of 2 ** -24, as all are.
    kept = -0x10000 if dtype is bf16 else -0x2000
    return f.cast("bitcast", f.cast("bitcast", number, I32) & kept, F32)


def _normal(f: Function, words: _Words, params: Mapping[str, Any], dtype: type[DType]) -> Register:
    step = 2.0**-53 if dtype is f64 else 2.0**-32

    def make(first: Register, second: Register) -> tuple[Register, Register]:
        if dtype is f64:
            first, second = first >> 11, second >> 11
        # From (0, 1], so that the logarithm is finite.
        fraction = f.cast("uitofp", first, F64) * step + step
        radius = f.intrinsic("sqrt", vm.log_of_normal(f, fraction) * -2.0)
        angle = f.cast("uitofp", second, F64) * step * (2.0 * math.pi)
        sine, cosine = vm.sine_and_cosine(f, angle)
        return radius * cosine, radius * sine

    return convert(f, words.pairs(make), f64, dtype)


def _randint(f: Function, words: _Words, params: Mapping[str, Any], dtype: type[DType]) -> Register:
    low, high = params["low"], params["high"]
    bits = words.double()
    return _narrowed(f, (_high_half(bits, high - low) if high - low < 2**64 else bits) + low, dtype)


def _high_half(bits: Register, factor: int) -> Register:
    """Give the upper 64 bits of the 128-bit product, by halves."""
    low, high = factor & _LOW, factor >> 32
    x0, x1 = bits & _LOW, bits >> 32
    middle = x1 * low + (x0 * low >> 32)
    if not high:
        return middle >> 32
    other = x0 * high + (middle & _LOW)
    return x1 * high + (middle >> 32) + (other >> 32)


def _random_bits(f: Function, words: _Words, params: Mapping[str, Any], dtype: type[DType]) -> Register:
    return _narrowed(f, words.double(), dtype)


def _narrowed(f: Function, x: Register, dtype: type[DType]) -> Register:
    return x if dtype is i64 else f.cast("trunc", x, I32 if dtype is i32 else I8)


_MAKERS: dict[str, Callable[[Function, _Words, Mapping[str, Any], type[DType]], Register]] = {
    "uniform": _uniform,
    "normal": _normal,
    "randint": _randint,
    "random_bits": _random_bits,
}

__all__ = ["emit_draw", "philox"]
