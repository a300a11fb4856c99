"""Kernels that put tensors into their places in a larger one: `concat` and `pad`.

What it is not: elementwise work on one place (`loops.py`), or copies to places that depend on numbers (`special.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from shapewright.graph import Operation, Variable
from shapewright.shapes.dtypes import f64

from . import ir
from .access import Access, row_major
from .elements import register_type, store
from .fusion import COPY, Kernel
from .loops import Nest, write_loop
from .special import SMALL, Site
from .threads import emit_barrier


def concat(site: Site) -> None:
    """Write each operand, with the elementwise work that gives it, where it belongs in the result."""
    result = site.result
    axis = site.operation.params["axis"]
    strides = row_major(result.spec.sizes)
    chain = site.kernel.operations[:-1]
    start = 0
    for number, x in enumerate(site.operation.operands):
        # The same operand may be there twice, so each is copied under a name of its own.
        part = Variable(x.spec, f"part{number}")
        needed = {x}
        operations = [Operation(COPY, (x,), {}, part)]
        for step in reversed(chain):
            if step.result in needed:
                needed.update(step.variables)
                operations.append(step)
        leaves = {v: access for v, access in site.kernel.leaves.items() if v in needed}
        kernel = Kernel(x.spec.sizes, "loop", operations[::-1], leaves, [part])
        _copy(site, kernel, Access(result, x.spec.sizes, strides, start * strides[axis]))
        start += x.spec.sizes[axis]


def _copy(site: Site, kernel: Kernel, place: Access) -> None:
    """Write a loop whose one result goes to some places of the site's result."""
    (part,) = kernel.outputs
    if len(kernel.operations) == 1:
        lanes = site.target.lanes(register_type(part.spec.dtype, memory=True))
    else:
        is_wide = any(v.spec.dtype is f64 for v in (*kernel.leaves, part))
        lanes = site.target.lanes(ir.F64 if is_wide else ir.F32)
    nest = Nest(site.f, kernel, {part: place}, site.pointer, lanes, site.thread, site.threads, site.fail)
    write_loop(nest)
    site.is_shared = site.is_shared or nest.is_shared


def pad(site: Site) -> None:
    params = site.operation.params
    (x,) = site.operation.operands
    steps = [1 + gap for gap in params["interior"]] if params.get("interior") else [1] * len(x.spec.sizes)
    number = params.get("value", 0)
    # Rows of one element have no stride of their own to store vectors by.
    if not x.spec.sizes or steps[-1] != 1 or x.spec.sizes[-1] == 1:
        _pad_one_by_one(site, x, steps, number)
        return
    if all(step == 1 for step in steps) and x.spec.count:
        _fill_around(site, x, number)
    else:
        _fill(site, number)
        emit_barrier(site.f, site.control, site.f.constant(site.threads))
    # The elements, row by row, where they go.
    result = site.result
    strides = row_major(result.spec.sizes)
    offset = sum(int(before) * stride for before, stride in zip(params["before"], strides, strict=True))
    spread = tuple([stride * step for stride, step in zip(strides, steps, strict=True)])
    copy = Variable(x.spec, "copy")
    kernel = Kernel(x.spec.sizes, "loop", [Operation(COPY, (x,), {}, copy)], dict(site.kernel.leaves), [copy])
    _copy(site, kernel, Access(result, x.spec.sizes, spread, offset))


def _fill_around(site: Site, x: Variable, number: float) -> None:
    """Set what is in front of an operand and behind it, along each axis, to one number."""
    params, inside, whole = site.operation.params, x.spec.sizes, site.result.spec.sizes
    strides = row_major(whole)
    before = [int(count) for count in params["before"]]
    offset = 0
    for axis, stride in enumerate(strides):
        # Along the axes in front it lies beside the operand; those behind belong to it whole.
        behind = before[axis] + inside[axis]
        for start, stop in ((0, before[axis]), (behind, whole[axis])):
            if stop > start:
                _fill_runs(site, inside[:axis], strides, offset + start * stride, (stop - start) * stride, number)
        offset += before[axis] * stride


def _fill_runs(
    site: Site, sizes: Sequence[int], strides: Sequence[int], offset: int, length: int, number: float
) -> None:
    """Set `length` elements that lie side by side to one number, at each place of some axes."""
    f, dtype = site.f, site.result.spec.dtype
    lanes = site.target.lanes(register_type(dtype, memory=True))
    one = f.constant(number, register_type(dtype))
    value = f.splat(one, lanes)
    pointer = site.pointer(site.result)
    # The last of the axes has a loop of its own, so that places are worked out by division once for each row only.
    *outer, inner = sizes or (1,)
    step = strides[len(outer)]
    count, whole = math.prod(outer), length - length % lanes
    is_first = site.thread.compare("eq", 0)

    def part(parts: int) -> tuple[ir.Register, ir.Register]:
        site.is_shared = site.threads > 1
        return (site.thread * parts) // site.threads, ((site.thread + 1) * parts) // site.threads

    rows, places, vectors = ((f.constant(0), f.constant(end)) for end in (count, inner, whole))
    end = f.constant(length)
    # Each thread does what lies beside its part of the operand: few threads should write into the same lines.
    is_shared = site.result.spec.count >= SMALL
    if is_shared and count >= 2 * site.threads:
        rows = part(count)
    elif is_shared and inner >= 2 * site.threads:
        places = part(inner)
    elif count * inner * length < SMALL:
        rows = rows[0], f.select(is_first, rows[1], f.constant(0))
    else:
        first, last = part(whole // lanes)
        vectors = first * lanes, last * lanes
        end = f.select(is_first, end, f.constant(whole))
    with f.loop(*rows) as loop:
        row = site.place(site.unravel(loop.counter, outer), strides[: len(outer)], offset)
        with f.loop(*places) as along:
            place = row + along.counter * step
            if whole:
                with f.loop(*vectors, lanes) as run:
                    store(f, value, pointer, place + run.counter, lanes, None, dtype)
            with f.loop(whole, end) as run:
                store(f, one, pointer, place + run.counter, 1, None, dtype)


def _fill(site: Site, number: float) -> None:
    """Set the whole result to one number, all threads together."""
    f, dtype = site.f, site.result.spec.dtype
    count = site.result.spec.count
    lanes = site.target.lanes(register_type(dtype, memory=True))
    value = f.splat(f.constant(number, register_type(dtype)), lanes)
    whole = count // lanes
    pointer = site.pointer(site.result)
    site.is_shared = True
    with f.loop((site.thread * whole) // site.threads, ((site.thread + 1) * whole) // site.threads) as loop:
        store(f, value, pointer, loop.counter * lanes, lanes, None, dtype)
    rest = f.select(site.thread.compare("eq", 0), f.constant(count), f.constant(0))
    with f.loop(whole * lanes, rest) as loop:
        store(f, f.constant(number, register_type(dtype)), pointer, loop.counter, 1, None, dtype)


def _pad_one_by_one(site: Site, x: Variable, steps: Sequence[int], number: float) -> None:
    f = site.f
    params = site.operation.params
    filling = f.constant(number, register_type(x.spec.dtype))
    with site.each(site.result.spec.sizes) as indices:
        inside: Any = None
        source = []
        for index, before, step, size in zip(indices, params["before"], steps, x.spec.sizes, strict=True):
            place = index - int(before)
            fits = f.emit(f"icmp ult i64 {place.text}, {(size - 1) * step + 1 if size else 0}", ir.I1)
            if step > 1:
                fits = fits & (place % step).compare("eq", 0)
                place = place // step
            inside = fits if inside is None else inside & fits
            source.append(f.select(fits, place, f.constant(0)))
        if inside is None:
            site.write(site.read(x, []), [])
        elif x.spec.count == 0:
            site.write(filling, indices)
        else:
            # An index outside was set to 0, which is always there to be read.
            site.write(f.select(inside, site.read(x, source), filling), indices)
