"""Kernels that draw random numbers: Philox4x32-10, several blocks at a time, as `ops/random.py` defines it.

Bits, integers and uniform numbers are the same to the last bit; normal numbers agree as far as the logarithm, sine and
cosine do. What it is not: the bookkeeping of what was drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from shapewright.graph import DrawCounter, DrawSeed
from shapewright.shapes.dtypes import bf16, f16, f32, f64

from . import ir
from . import vector_math as vm
from .elements import register_type, store
from .ir import F32, F64, I32, I64, Function, Register
from .special import Site

# Blocks computed at once.
_LANES = 8
_SMALL = 1024
_MASK = 0xFFFFFFFF


def philox(f: Function, block: Register, seed: Register) -> list[Register]:
    """Give the four 32-bit words (as i64) of blocks whose numbers are in the lanes."""
    words: list[Any] = [block & _MASK, block >> 32, f.constant(0, block.type), f.constant(0, block.type)]
    low, high = seed & _MASK, seed >> 32
    for _ in range(10):
        first, second = words[0] * 0xD2511F53, words[2] * 0xCD9E8D57
        words = [(second >> 32) ^ words[1] ^ low, second & _MASK, (first >> 32) ^ words[3] ^ high, first & _MASK]
        low, high = (low + 0x9E3779B9) & _MASK, (high + 0xBB67AE85) & _MASK
    return words


def _drawing(make: Callable[[Site, Function, list[Register]], list[Register]]) -> Callable[[Site], None]:
    """Give the kernel of a draw from what makes a block's elements of its words."""

    def write(site: Site) -> None:
        f = site.f
        result = site.result
        params = site.operation.params
        count = result.spec.count
        dtype = result.spec.dtype
        each = 4 if dtype.is_floating and dtype.itemsize < 8 else 2
        seed, start = _where(site, params["seed"], params["counter"])
        pointer = site.pointer(result)
        whole = count // (each * _LANES)
        kind = register_type(dtype)

        def group(first: Register, lanes: int, guarded: bool) -> None:
            blocks = f.splat(first, lanes) + f.iota(lanes) if lanes > 1 else first
            elements = make(site, f, philox(f, blocks + start, seed))
            for lane in range(lanes):
                for place, vector in enumerate(elements):
                    value = f.extract(vector, lane) if lanes > 1 else vector
                    index = first * each + (lane * each + place)
                    if guarded:
                        with f.when(index.compare("lt", count)):
                            store(f, value, pointer, index, 1, None, dtype)
                    else:
                        store(f, value, pointer, index, 1, None, dtype)

        del kind
        if site.threads > 1 and count >= _SMALL:
            site.is_shared = True
            first: Any = (site.thread * whole) // site.threads
            last: Any = ((site.thread + 1) * whole) // site.threads
        else:
            first = 0
            last = f.select(site.thread.compare("eq", 0), f.constant(whole), f.constant(0))
        with f.loop(first, last) as loop:
            group(loop.counter * _LANES, _LANES, False)
        rest = -(-(count - whole * each * _LANES) // each)
        alone = f.select(site.thread.compare("eq", 0), f.constant(rest), f.constant(0))
        with f.loop(0, alone) as loop:
            group(loop.counter + whole * _LANES, 1, True)

    return write


def _where(site: Site, seed: Any, counter: Any) -> tuple[Register, Register]:
    f = site.f
    if isinstance(seed, DrawSeed) and isinstance(counter, DrawCounter):
        number, position = site.draw(seed.key)
        return number, position + counter.offset
    return f.constant(seed), f.constant(counter)


def _pairs(words: list[Register]) -> list[Register]:
    return [words[0] << 32 | words[1], words[2] << 32 | words[3]]


def _uniform(site: Site, f: Function, words: list[Register]) -> list[Register]:
    dtype = site.result.spec.dtype
    if dtype is f64:
        return [f.cast("uitofp", bits >> 11, F64) * 2.0**-53 for bits in _pairs(words)]
    numbers = [f.cast("uitofp", f.cast("trunc", word >> 8, I32), F32) * 2.0**-24 for word in words]
    if dtype is bf16:
        # The upper half of the bits: rounded towards 0.
        return [f.cast("bitcast", f.cast("bitcast", x, I32) & -0x10000, F32) for x in numbers]
    if dtype is f16:
        return [_cut_to_half(f, x) for x in numbers]
    return numbers


def _cut_to_half(f: Function, x: Register) -> Register:
    near = f.cast("fptrunc", x, ir.F16)
    above = f.cast("fpext", near, F32).compare("gt", x)
    bits = f.cast("bitcast", near, ir.I16)
    return f.cast("fpext", f.cast("bitcast", f.select(above, bits - 1, bits), ir.F16), F32)


def _normal(site: Site, f: Function, words: list[Register]) -> list[Register]:
    dtype = site.result.spec.dtype
    if dtype is f64:
        fractions = [f.cast("uitofp", bits >> 11, F64) * 2.0**-53 for bits in _pairs(words)]
        step = 2.0**-53
    else:
        fractions = [f.cast("uitofp", word, F64) * 2.0**-32 for word in words]
        step = 2.0**-32
    results = []
    for even, odd in zip(fractions[0::2], fractions[1::2], strict=True):
        radius = f.intrinsic("sqrt", vm.log(f, even + step) * -2.0)
        angle = odd * (2.0 * math.pi)
        results += [radius * vm.cos(f, angle), radius * vm.sin(f, angle)]
    return results if dtype is f64 else [_rounded(f, x, dtype) for x in results]


def _rounded(f: Function, x: Register, dtype: Any) -> Register:
    from .elementwise import round_to

    x = f.cast("fptrunc", x, F32)
    return x if dtype is f32 else round_to(f, x, dtype)


def _whole(site: Site, f: Function, x: Register) -> Register:
    kind = register_type(site.result.spec.dtype)
    return x if kind == I64 else f.cast("trunc", x, kind)


def _randint(site: Site, f: Function, words: list[Register]) -> list[Register]:
    low, high = site.operation.params["low"], site.operation.params["high"]
    factor = high - low
    return [_whole(site, f, (_high_half(bits, factor) if factor < 2**64 else bits) + low) for bits in _pairs(words)]


def _high_half(bits: Register, factor: int) -> Register:
    """Give the upper 64 bits of the product."""
    low, high = factor & _MASK, factor >> 32
    x0, x1 = bits & _MASK, bits >> 32
    middle = x1 * low + (x0 * low >> 32)
    other = x0 * high + (middle & _MASK)
    return x1 * high + (middle >> 32) + (other >> 32)


def _random_bits(site: Site, f: Function, words: list[Register]) -> list[Register]:
    return [_whole(site, f, bits) for bits in _pairs(words)]


uniform, normal = _drawing(_uniform), _drawing(_normal)
randint, random_bits = _drawing(_randint), _drawing(_random_bits)
