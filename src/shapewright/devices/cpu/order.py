"""The kernel of argsort: a merge sort of places, stable, NaN as the largest of all.

What it is not: a fast sort; rows are sorted one after the other by one thread.
"""

from __future__ import annotations

from typing import Any

from . import ir
from .special import Site
from .vector_math import is_nan


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
    unsigned = x.spec.dtype.name == "u8"
    memory = site.scratch(2 * 8 * count)
    halves = [f.within(f.address(memory, start, ir.I64), 8 * count) for start in (0, count)]
    outer = [*sizes[:axis], *sizes[axis + 1 :]]
    with site.each(outer, shared=False) as indices:

        def value(place: ir.Register) -> ir.Register:
            return site.read(x, [*indices[:axis], place, *indices[axis:]])

        def put(pointer: ir.Register, at: Any, number: ir.Register) -> None:
            f.store(number, f.address(pointer, at, ir.I64))

        def get(pointer: ir.Register, at: Any) -> ir.Register:
            return f.load(f.address(pointer, at, ir.I64), ir.I64)

        with f.loop(0, count) as loop:
            put(halves[0], loop.counter, loop.counter)
        width, source, target = 1, halves[0], halves[1]
        while width < count:
            with f.loop(0, count, 2 * width) as run:
                low = run.counter
                middle = f.intrinsic("smin", low + width, f.constant(count))
                high = f.intrinsic("smin", low + 2 * width, f.constant(count))
                with f.loop(low, high, carry=[low, middle]) as merge:
                    left, right = merge.values
                    left_there, right_there = left.compare("lt", middle), right.compare("lt", high)
                    # What is not there is read at the start of the run, and not used.
                    a = get(source, f.select(left_there, left, low))
                    b = get(source, f.select(right_there, right, low))
                    later = _before(f, value(b), value(a), descending, unsigned) & right_there
                    take_left = left_there & (later ^ f.constant(1, ir.I1))
                    put(target, merge.counter, f.select(take_left, a, b))
                    one, none = f.constant(1), f.constant(0)
                    merge.next(left + f.select(take_left, one, none), right + f.select(take_left, none, one))
            width, source, target = 2 * width, target, source
        with f.loop(0, count) as loop:
            site.write(get(source, loop.counter), [*indices[:axis], loop.counter, *indices[axis:]])


def _before(f: ir.Function, a: ir.Register, b: ir.Register, descending: bool, unsigned: bool) -> ir.Register:
    """Whether a stands strictly before b."""
    if ir.is_float(a.type):
        if descending:
            return a.compare("gt", b) | (is_nan(a) & b.compare("eq", b))
        return a.compare("lt", b) | (is_nan(b) & a.compare("eq", a))
    predicate = ("u" if unsigned or a.type == ir.I1 else "s") + ("gt" if descending else "lt")
    return f.emit(f"icmp {predicate} {a.type} {a.text}, {b.text}", ir.I1)
