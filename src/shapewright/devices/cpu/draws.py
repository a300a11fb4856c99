"""Kernels that draw random numbers: loops of vectors over what `random_bits.py` makes of a key's blocks.

What it is not: the generator, or the bookkeeping of what was drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapewright import ops
from shapewright.graph import DrawCounter, DrawSeed
from shapewright.ops.core import Op

from . import ir
from .elements import store
from .ir import Register
from .random_bits import emit_draw
from .special import Site

# Elements computed at once, of four or eight blocks.
_LANES = 16
_SMALL = 1024


def _drawing(op: Op) -> Callable[[Site], None]:
    """Give the kernel of a draw."""

    def write(site: Site) -> None:
        f = site.f
        result = site.result
        params = site.operation.params
        count, dtype = result.spec.count, result.spec.dtype
        seed, start = _where(site, params["seed"], params["counter"])
        pointer = site.pointer(result)

        def vector(first: Register, mask: Any) -> None:
            index = f.splat(first, _LANES) + f.iota(_LANES)
            value = emit_draw(f, op.name, index, seed, start, params, dtype, is_run=True)
            if rest == 1 and mask is not None:
                # A mask of one lane would let LLVM store all the bits that a 16-bit element had before it was cut.
                store(f, f.extract(value, 0), pointer, first, 1, None, dtype)
            else:
                store(f, value, pointer, first, _LANES, mask, dtype)

        whole, rest = divmod(count, _LANES)
        if site.threads > 1 and count >= _SMALL:
            site.is_shared = True
            begin: Any = (site.thread * whole) // site.threads
            end: Any = ((site.thread + 1) * whole) // site.threads
        else:
            begin = 0
            end = f.select(site.thread.compare("eq", 0), f.constant(whole), f.constant(0))
        with f.loop(begin, end) as loop:
            vector(loop.counter * _LANES, None)
        if rest:
            with f.when(site.thread.compare("eq", 0)):
                vector(f.constant(whole * _LANES), f.first_lanes(f.constant(rest), _LANES))

    return write


def _where(site: Site, seed: Any, counter: Any) -> tuple[Register, Register]:
    """Give a draw's seed and its first block."""
    f = site.f
    if isinstance(seed, DrawSeed) and isinstance(counter, DrawCounter):
        number, position = site.draw(seed.key)
        return number, position + counter.offset
    return f.constant(seed, ir.I64), f.constant(counter, ir.I64)


uniform, normal = _drawing(ops.uniform), _drawing(ops.normal)
randint, random_bits = _drawing(ops.randint), _drawing(ops.random_bits)
