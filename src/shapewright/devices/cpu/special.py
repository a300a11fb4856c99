"""Kernels of their own: what is neither elementwise nor a reduction. Copies to other places, gathers, scatters, order.

They walk the elements one by one. What it is not: matrix products (`matmul.py`), the loops of vectors (`loops.py`), or
`concat` and `pad` (`placing.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shapewright import ops
from shapewright.graph import Variable
from shapewright.ops.core import Op
from shapewright.shapes.dtypes import bool_, f64, i64

from . import ir
from .access import row_major
from .elements import convert, load, register_type, store
from .fusion import Kernel

# Work below this many elements is not worth sharing.
SMALL = 4096


class Site:
    """Where a kernel is written: its function, the buffers it reaches, the thread it runs on.

    Args:
        module: the module.
        name: the kernel's name.
        kernel: the kernel.
        target: the processor.
        threads: how many threads share the work.
        failed: the place where a failure is noted.
        draws: the place of the first key's seed and counter.
    """

    def __init__(
        self,
        module: ir.Module,
        name: str,
        kernel: Kernel,
        target: Any,
        threads: int,
        failed: int,
        draws: int,
    ) -> None:
        self.module = module
        self.name = name
        self.kernel = kernel
        self.target = target
        self.threads = threads
        self.scratch_bytes = 0
        # Whether threads other than the first have work here.
        self.is_shared = False
        self.may_fail = False
        self.failed = failed
        self.draws = draws
        arguments = [("table", ir.PTR), ("control", ir.PTR), ("thread", ir.I64), ("scratch", ir.PTR)]
        self.f = module.function(name, arguments, attributes="noinline")
        self.table, self.control, self.thread, self._scratch = self.f.arguments
        # The buffers whose addresses the function takes, behind its first arguments.
        self.buffers: dict[Variable, ir.Register] = {}

    def end(self) -> None:
        """Finish the function."""
        self.f.end()

    def pointer(self, variable: Variable) -> ir.Register:
        """Give the address of a variable's buffer, which the function is given."""
        found = self.buffers.get(variable)
        if found is None:
            found = self.buffers[variable] = self.f.argument(f"buffer{len(self.buffers)}", ir.PTR)
        return found

    def scratch(self, count: int) -> ir.Register:
        """Give the address of scratch memory, all threads' together."""
        self.scratch_bytes = max(self.scratch_bytes, count)
        return self.f.within(self._scratch, count)

    def fail(self, condition: ir.Register) -> None:
        """Note that the program must raise if the condition holds in a lane."""
        f = self.f
        self.may_fail = True
        lanes = ir.lanes(condition.type)
        if lanes > 1:
            bits = f.emit(f"bitcast {condition.type} {condition.text} to i{lanes}", f"i{lanes}")
            condition = f.emit(f"icmp ne i{lanes} {bits.text}, 0", ir.I1)
        with f.when(condition):
            f.store(f.constant(1), f.address(self.table, self.failed, ir.I64))

    def draw(self, key: int) -> tuple[ir.Register, ir.Register]:
        """Give a key's seed and its position at the start of this run."""
        place = self.draws + 2 * key
        f = self.f
        return f.load(f.address(self.table, place, ir.I64), ir.I64), f.load(
            f.address(self.table, place + 1, ir.I64), ir.I64
        )

    # ---- elements one by one ----------------------------------------------------------------------------------------
    @property
    def operation(self) -> Any:
        return self.kernel.operations[-1 if self.kernel.kind == "other" else 0]

    @property
    def result(self) -> Variable:
        return self.operation.result

    def read(self, variable: Variable, indices: Sequence[Any]) -> ir.Register:
        """Load one element of an operand."""
        access = self.kernel.leaves[variable]
        return load(
            self.f,
            self.pointer(access.buffer),
            self.place(indices, access.strides, access.offset),
            1,
            1,
            None,
            variable.spec.dtype,
        )

    def write(self, value: ir.Register, indices: Sequence[Any], sizes: Sequence[int] | None = None) -> None:
        """Store one element of the result."""
        place = self._of_result(indices, self.result.spec.sizes if sizes is None else sizes)
        store(self.f, value, self.pointer(self.result), place, 1, None, self.result.spec.dtype)

    def result_at(self, indices: Sequence[Any]) -> ir.Register:
        """Load one element of the result, written before."""
        place = self._of_result(indices, self.result.spec.sizes)
        return load(self.f, self.pointer(self.result), place, 1, 1, None, self.result.spec.dtype)

    def _of_result(self, indices: Sequence[Any], sizes: Sequence[int]) -> ir.Register:
        access = self.kernel.places.get(self.result)
        return self.place(indices, row_major(sizes), 0) if access is None else self.place(indices, access.strides, 0)

    def place(self, indices: Sequence[Any], strides: Sequence[int], offset: int) -> ir.Register:
        """Give the place of an element in a buffer."""
        place: Any = self.f.constant(offset)
        for index, stride in zip(indices, strides, strict=True):
            if stride:
                place = place + (index if stride == 1 else index * stride)
        return place

    @contextmanager
    def each(self, sizes: Sequence[int], *, shared: bool = True) -> Iterator[list[ir.Register]]:
        """Walk all places of some sizes; the threads share them, unless one thread walks all."""
        f = self.f
        # The last axis has a loop of its own, so that places are worked out by division once for each row only.
        rows, inner = (sizes[:-1], sizes[-1]) if len(sizes) > 1 and sizes[-1] > 1 else (sizes, 1)
        count = math.prod(rows)
        if shared and self.threads > 1 and count * inner >= SMALL and count >= self.threads:
            self.is_shared = True
            start: Any = (self.thread * count) // self.threads
            stop: Any = ((self.thread + 1) * count) // self.threads
        else:
            start = 0
            stop = f.select(self.thread.compare("eq", 0), f.constant(count), f.constant(0))
        with f.loop(start, stop) as loop:
            indices = self.unravel(loop.counter, rows)
            if inner == 1:
                yield indices
            else:
                with f.loop(0, inner) as along:
                    yield [*indices, along.counter]

    def unravel(self, index: ir.Register, sizes: Sequence[int]) -> list[ir.Register]:
        """Give the indices along each axis of place number `index`."""
        indices: list[ir.Register] = []
        rest = index
        for number, size in enumerate(reversed(sizes)):
            if number == len(sizes) - 1:
                indices.append(rest)
            else:
                indices.append(rest % max(size, 1))
                rest = rest // max(size, 1)
        return indices[::-1]


def _zero(site: Site, number: float = 0) -> ir.Register:
    return site.f.constant(number, register_type(site.result.spec.dtype))


def _fill(site: Site, number: float = 0) -> None:
    """Set the whole result to one number, by the thread that will write into it."""
    with site.each(site.result.spec.sizes, shared=False) as indices:
        site.write(_zero(site, number), indices)


def _index(site: Site, value: ir.Register, size: int) -> ir.Register:
    """Give an index as i64, 0 if it is out of range, which is noted as a failure."""
    f = site.f
    if value.type != ir.I64:
        value = f.cast("zext" if value.type == ir.I8 else "sext", value, ir.I64)
    # Without sign, negative numbers are large ones.
    wrong = f.emit(f"icmp uge i64 {value.text}, {size}", ir.I1)
    site.fail(wrong)
    return f.select(wrong, f.constant(0), value)


# ---- copies to other places -----------------------------------------------------------------------------------------
def _roll(site: Site) -> None:
    (x,) = site.operation.operands
    shifts = dict.fromkeys(range(len(x.spec.sizes)), 0)
    for shift, axis in zip(site.operation.params["shifts"], site.operation.params["axes"], strict=True):
        shifts[axis] += shift
    with site.each(x.spec.sizes) as indices:
        source = []
        for axis, (index, size) in enumerate(zip(indices, x.spec.sizes, strict=True)):
            shift = -shifts[axis] % max(size, 1)
            source.append((index + shift) % size if shift else index)
        site.write(site.read(x, source), indices)


def _triangle(lower: bool) -> Callable[[Site], None]:
    def write(site: Site) -> None:
        (x,) = site.operation.operands
        diagonal = site.operation.params.get("diagonal", 0)
        with site.each(x.spec.sizes) as indices:
            distance = indices[-1] - indices[-2]
            kept = distance.compare("le" if lower else "ge", diagonal)
            site.write(site.f.select(kept, site.read(x, indices), _zero(site)), indices)

    return write


def _one_hot(site: Site) -> None:
    (x,) = site.operation.operands
    classes = site.operation.params["classes"]
    with site.each(x.spec.sizes) as indices:
        place = _index(site, site.read(x, indices), classes)
        with site.f.loop(0, classes) as loop:
            site.write(
                site.f.select(loop.counter.compare("eq", place), _zero(site, 1), _zero(site)), [*indices, loop.counter]
            )


# ---- gathers and scatters -------------------------------------------------------------------------------------------
def _take(site: Site) -> None:
    x, indices_of = site.operation.operands
    axis, rank = site.operation.params["axis"], len(indices_of.spec.sizes)
    size = x.spec.sizes[axis]
    with site.each(site.result.spec.sizes) as indices:
        place = _index(site, site.read(indices_of, indices[axis : axis + rank]), size)
        if x.spec.count:
            site.write(site.read(x, [*indices[:axis], place, *indices[axis + rank :]]), indices)


def _gather(site: Site) -> None:
    x, indices_of = site.operation.operands
    axis = site.operation.params["axis"]
    with site.each(site.result.spec.sizes) as indices:
        place = _index(site, site.read(indices_of, indices), x.spec.sizes[axis])
        if x.spec.count:
            site.write(site.read(x, [*indices[:axis], place, *indices[axis + 1 :]]), indices)


def _added(site: Site, value: ir.Register, indices: Sequence[ir.Register]) -> None:
    dtype = site.result.spec.dtype
    if dtype is bool_:
        site.write(site.result_at(indices) | value, indices)
    else:
        site.write(site.result_at(indices) + value, indices)


def _take_add(site: Site) -> None:
    # One thread adds, in the order of the indices: the sums are the same from run to run.
    source, indices_of = site.operation.operands
    axis, size, rank = site.operation.params["axis"], site.operation.params["size"], len(indices_of.spec.sizes)
    _fill(site)
    with site.each(source.spec.sizes, shared=False) as indices:
        place = _index(site, site.read(indices_of, indices[axis : axis + rank]), size)
        if site.result.spec.count:
            _added(site, site.read(source, indices), [*indices[:axis], place, *indices[axis + rank :]])


def _gather_add(site: Site) -> None:
    source, indices_of = site.operation.operands
    axis, size = site.operation.params["axis"], site.operation.params["size"]
    _fill(site)
    with site.each(source.spec.sizes, shared=False) as indices:
        place = _index(site, site.read(indices_of, indices), size)
        if site.result.spec.count:
            _added(site, site.read(source, indices), [*indices[:axis], place, *indices[axis + 1 :]])


# ---- along one axis -------------------------------------------------------------------------------------------------
def _cumsum(site: Site) -> None:
    (x,) = site.operation.operands
    axis = site.operation.params["axis"]
    sizes = x.spec.sizes
    outer = [*sizes[:axis], *sizes[axis + 1 :]]
    result = site.result.spec.dtype
    # Each sum has the rounding of all before it, so floats are added with the digits of f64, as the reference does.
    added = f64 if result.is_floating else result
    with site.each(outer) as indices:
        with site.f.loop(0, sizes[axis], carry=[site.f.constant(0, register_type(added))]) as loop:
            place = [*indices[:axis], loop.counter, *indices[axis:]]
            total = loop.values[0] + convert(site.f, site.read(x, place), x.spec.dtype, added)
            site.write(convert(site.f, total, added, result), place)
            loop.next(total)


SPECIAL: dict[Op, Callable[[Site], None]] = {
    ops.roll: _roll,
    ops.tril: _triangle(True),
    ops.triu: _triangle(False),
    ops.one_hot: _one_hot,
    ops.take: _take,
    ops.gather: _gather,
    ops.take_add: _take_add,
    ops.gather_add: _gather_add,
    ops.cumsum: _cumsum,
}

__all__ = ["SPECIAL", "Site", "i64"]
