"""Kernels of windows over images: their sums where they overlap, the places of extremes, the division by their sizes.

What it is not: convolution, which is a matrix product over windows (`ops/windows.py`).
"""

from __future__ import annotations

from typing import Any

from . import ir
from .elements import register_type
from .elementwise import round_to
from .special import Site
from .vector_math import is_nan


def fold(site: Site) -> None:
    """Add up windows where they lie: each place gathers what the windows over it hold."""
    f = site.f
    (x,) = site.operation.operands
    params = site.operation.params
    kernel, counts = x.spec.sizes[-4:-2], x.spec.sizes[-2:]
    stride, dilation = params.get("stride", (1, 1)), params.get("dilation", (1, 1))
    with site.each(site.result.spec.sizes) as indices:
        total: Any = f.constant(0, register_type(site.result.spec.dtype))
        if x.spec.count:
            with f.loop(0, kernel[0], carry=[total]) as down:
                row, row_fits = _window(site, indices[-2], down.counter, stride[0], dilation[0], counts[0])
                with f.loop(0, kernel[1], carry=[down.values[0]]) as right:
                    column, fits = _window(site, indices[-1], right.counter, stride[1], dilation[1], counts[1])
                    value = site.read(x, [*indices[:-2], down.counter, right.counter, row, column])
                    inside = row_fits & fits
                    added = right.values[0] + value
                    right.next(f.select(inside, added, right.values[0]))
                down.next(right.values[0])
            total = down.values[0]
        # In registers 16-bit floats are f32; the sum is rounded once.
        site.write(round_to(f, total, site.result.spec.dtype), indices)


def _window(
    site: Site, place: ir.Register, offset: ir.Register, stride: int, dilation: int, count: int
) -> tuple[ir.Register, ir.Register]:
    """Give the number of the window whose element `offset` lies at `place`, or 0, and whether there is one."""
    f = site.f
    start = place - offset * dilation
    inside = f.emit(f"icmp ult i64 {start.text}, {(count - 1) * stride + 1}", ir.I1)
    if stride > 1:
        inside = inside & (start % stride).compare("eq", 0)
        start = start // stride
    return f.select(inside, start, f.constant(0)), inside


def extreme_places(site: Site) -> None:
    """Find the first extreme of each window; padding is none."""
    f = site.f
    (x,) = site.operation.operands
    params = site.operation.params
    kernel, stride, padding = params["kernel"], params["stride"], params["padding"]
    dilation, largest = params.get("dilation", (1, 1)), params.get("largest", True)
    height, width = x.spec.sizes[-2:]
    unsigned = x.spec.dtype.name == "u8"

    def first(index: ir.Register, axis: int) -> ir.Register:
        start = index * stride[axis] - padding[axis]
        below = f.intrinsic("smin", start, f.constant(0))
        steps = (f.constant(dilation[axis] - 1) - below) / dilation[axis]
        return start + steps * dilation[axis]

    with site.each(site.result.spec.sizes) as indices:
        around = indices[:-2]
        top = indices[-2] * stride[0] - padding[0]
        left = indices[-1] * stride[1] - padding[1]
        row, column = first(indices[-2], 0), first(indices[-1], 1)
        outside = row.compare("ge", height) | column.compare("ge", width)
        site.fail(outside)
        row, column = f.select(outside, f.constant(0), row), f.select(outside, f.constant(0), column)
        best, place = site.read(x, [*around, row, column]), row * width + column
        with f.loop(0, kernel[0], carry=[best, place]) as down:
            y = top + down.counter * dilation[0]
            y_fits = f.emit(f"icmp ult i64 {y.text}, {height}", ir.I1)
            with f.loop(0, kernel[1], carry=down.values) as right:
                x_place = left + right.counter * dilation[1]
                fits = y_fits & f.emit(f"icmp ult i64 {x_place.text}, {width}", ir.I1)
                here = [f.select(fits, y, f.constant(0)), f.select(fits, x_place, f.constant(0))]
                value = site.read(x, [*around, *here])
                better = _better(f, value, right.values[0], largest, unsigned) & fits
                at = here[0] * width + here[1]
                right.next(f.select(better, value, right.values[0]), f.select(better, at, right.values[1]))
            down.next(*right.values)
        site.write(down.values[1], indices)


def _better(f: ir.Function, a: ir.Register, b: ir.Register, largest: bool, unsigned: bool) -> ir.Register:
    if ir.is_float(a.type):
        return a.compare("gt" if largest else "lt", b) | is_nan(a)
    predicate = ("u" if unsigned or a.type == ir.I1 else "s") + ("gt" if largest else "lt")
    return f.emit(f"icmp {predicate} {a.type} {a.text}, {b.text}", ir.I1)
