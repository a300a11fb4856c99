"""The kernel of argsort: a merge sort, stable, NaN as the largest of all.

Elements become whole numbers that stand in the same order. Those of 32 bits or fewer carry their place in the lower
half of an i64, so that one comparison decides and no two are equal; those of 64 bits have their places beside them.
D. E. Knuth, "The art of computer programming", volume 3, 1998, section 5.2.4.
What it is not: a sort of one row by several threads; each has rows of its own.
"""

from __future__ import annotations

import math
from typing import Any

from shapewright.shapes.dtypes import DType, u8

from . import ir
from .special import Site
from .vector_math import is_nan

_LINE_BYTES = 64


def argsort(site: Site) -> None:
    """Sort the places of each row by merging runs that are twice as long each time."""
    f = site.f
    (x,) = site.operation.operands
    params = site.operation.params
    axis, descending = params["axis"], params.get("descending", False)
    sizes = x.spec.sizes
    count = sizes[axis]
    if x.spec.count == 0:
        return
    is_packed = x.spec.dtype.itemsize <= 4 and count < 1 << 31
    # Two halves, between which numbers go to and fro; where they do not hold their places, those lie behind.
    half = 8 * count * (1 if is_packed else 2)
    own_bytes = -(-2 * half // _LINE_BYTES) * _LINE_BYTES
    memory = site.scratch(site.threads * own_bytes)
    own = f.within(f.address(memory, site.thread * own_bytes, ir.I8), own_bytes)
    halves = [f.address(own, start, ir.I8) for start in (0, half)]
    outer = [*sizes[:axis], *sizes[axis + 1 :]]

    def get(half: ir.Register, at: Any) -> list[ir.Register]:
        return [f.load(f.address(half, at + start, ir.I64), ir.I64) for start in ((0,) if is_packed else (0, count))]

    def put(half: ir.Register, at: Any, words: list[ir.Register]) -> None:
        for start, word in zip((0, count), words, strict=False):
            f.store(word, f.address(half, at + start, ir.I64))

    # About as much work as for so many elements in other kernels.
    work = count * max(1, 4 * math.ceil(math.log2(count)))
    with site.each(outer, work=work) as indices:
        with f.loop(0, count) as loop:
            number = site.read(x, [*indices[:axis], loop.counter, *indices[axis:]])
            key = _ordered(f, number, x.spec.dtype)
            if descending:
                key = key ^ f.constant(-1)
            put(halves[0], loop.counter, [(key << 32) | loop.counter] if is_packed else [key, loop.counter])
        width, source, target = 1, halves[0], halves[1]
        while width < count:
            with f.loop(0, count, 2 * width) as run:
                _merge(site, get, put, source, target, run.counter, width, count)
            width, source, target = 2 * width, target, source
        with f.loop(0, count) as loop:
            *_, place = get(source, loop.counter)
            if is_packed:
                place = place & f.constant((1 << 32) - 1)
            site.write(place, [*indices[:axis], loop.counter, *indices[axis:]])


def _merge(
    site: Site, get: Any, put: Any, source: ir.Register, target: ir.Register, low: ir.Register, width: int, count: int
) -> None:
    """Merge two sorted runs that stand side by side: first while both have numbers left, then what is left of one."""
    f = site.f
    middle = f.intrinsic("smin", low + width, f.constant(count))
    high = f.intrinsic("smin", low + 2 * width, f.constant(count))
    one, none = f.constant(1), f.constant(0)
    with f.loop(low, high, carry=[low, middle]) as merge:
        left, right = merge.values
        left_there, right_there = left.compare("lt", middle), right.compare("lt", high)
        # What is not there is read at the start of the run, and not used.
        a = get(source, f.select(left_there, left, low))
        b = get(source, f.select(right_there, right, low))
        # Of equal ones the left one comes first.
        first = left_there & (a[0].compare("le", b[0]) | (right_there ^ f.constant(1, ir.I1)))
        put(target, merge.counter, [f.select(first, x, y) for x, y in zip(a, b, strict=True)])
        merge.next(left + f.select(first, one, none), right + f.select(first, none, one))


def _ordered(f: ir.Function, number: ir.Register, dtype: type[DType]) -> ir.Register:
    """Give an i64 that stands among those of other elements as the element does."""
    if not ir.is_float(number.type):
        if number.type == ir.I64:
            return number
        return f.cast("zext" if dtype is u8 or number.type == ir.I1 else "sext", number, ir.I64)
    kind, most = (ir.I64, (1 << 63) - 1) if number.type == ir.F64 else (ir.I32, (1 << 31) - 1)
    # 0 and -0 are equal; so are all NaN.
    bits = f.cast("bitcast", number + 0.0, kind)
    # Numbers below 0 grow as their bits, without the sign, shrink.
    shift = f.constant(8 * ir.SIZES[kind] - 1, kind)
    sign = f.emit(f"ashr {kind} {bits.text}, {shift.text}", kind)
    bits = bits ^ (sign & f.constant(most, kind))
    bits = f.select(is_nan(number), f.constant(most, kind), bits)
    return bits if kind == ir.I64 else f.cast("sext", bits, ir.I64)
