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
from shapewright.shapes.dtypes import DType, bf16, bool_, f16, f32, f64, i64

from . import ir
from .access import row_major
from .elements import convert, load, register_type, store
from .fusion import Kernel

# Work below this many elements is not worth sharing.
SMALL = 4096
# Terms of a sum whose digits f32 does not keep.
_MANY_TERMS = 256


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

    def strides(self, sizes: Sequence[int] | None = None) -> tuple[int, ...]:
        """Give how the result lies, seen with the given sizes if it is a buffer of its own."""
        access = self.kernel.places.get(self.result)
        if access is not None:
            return access.strides
        return row_major(self.result.spec.sizes if sizes is None else sizes)

    def _of_result(self, indices: Sequence[Any], sizes: Sequence[int]) -> ir.Register:
        return self.place(indices, self.strides(sizes), 0)

    def place(self, indices: Sequence[Any], strides: Sequence[int], offset: int) -> ir.Register:
        """Give the place of an element in a buffer."""
        place: Any = self.f.constant(offset)
        for index, stride in zip(indices, strides, strict=True):
            if stride:
                place = place + (index if stride == 1 else index * stride)
        return place

    @contextmanager
    def each(self, sizes: Sequence[int], *, shared: bool = True, work: int = 1) -> Iterator[list[ir.Register]]:
        """Walk all places of some sizes; the threads share them, unless one thread walks all.

        Args:
            sizes: of the axes.
            shared: whether threads may share the places.
            work: how many elements each place stands for.
        """
        f = self.f
        # The last axis has a loop of its own, so that places are worked out by division once for each row only.
        rows, inner = (sizes[:-1], sizes[-1]) if len(sizes) > 1 and sizes[-1] > 1 else (sizes, 1)
        count = math.prod(rows)
        if shared and self.threads > 1 and count * inner * work >= SMALL and count >= self.threads:
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

    def runs(
        self, start: Any, stop: Any, dtype: type[DType], *, lies_along: bool = True
    ) -> Iterator[tuple[ir.Register, int]]:
        """Walk elements, whole vectors first if they lie side by side, then one by one: give each, and the lanes."""
        f = self.f
        lanes = self.target.lanes(register_type(dtype, memory=True)) if lies_along else 1
        start, stop = f.lift(start, ir.I64), f.lift(stop, ir.I64)
        whole = start + ((stop - start) // lanes) * lanes
        if lanes > 1:
            with f.loop(start, whole, lanes) as loop:
                yield loop.counter, lanes
        with f.loop(whole if lanes > 1 else start, stop) as loop:
            yield loop.counter, 1

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
    f, dtype = site.f, site.result.spec.dtype
    strides = site.strides()
    pointer = site.pointer(site.result)
    with site.each(x.spec.sizes, work=classes) as indices:
        place = _index(site, site.read(x, indices), classes)
        row = site.place(indices, strides[:-1], 0)
        for column, lanes in site.runs(0, classes, dtype, lies_along=strides[-1] == 1):
            store(f, _zero(site), pointer, row + column * strides[-1], lanes, None, dtype)
        if classes:
            store(f, _zero(site, 1), pointer, row + place * strides[-1], 1, None, dtype)


# ---- gathers and scatters -------------------------------------------------------------------------------------------
def _take(site: Site) -> None:
    x, indices_of = site.operation.operands
    axis, rank = site.operation.params["axis"], len(indices_of.spec.sizes)
    size = x.spec.sizes[axis]
    behind = site.result.spec.sizes[axis + rank :]
    access = site.kernel.leaves[x]
    is_along = row_major(behind) == access.strides[axis + 1 :] == site.strides()[axis + rank :]
    if x.spec.count and math.prod(behind) > 1 and is_along:
        _take_rows(site, x, indices_of, math.prod(behind))
        return
    with site.each(site.result.spec.sizes) as indices:
        place = _index(site, site.read(indices_of, indices[axis : axis + rank]), size)
        if x.spec.count:
            site.write(site.read(x, [*indices[:axis], place, *indices[axis + rank :]]), indices)


def _take_rows(site: Site, x: Variable, indices_of: Variable, length: int) -> None:
    """Copy what lies side by side behind each index."""
    f, dtype = site.f, x.spec.dtype
    axis, rank = site.operation.params["axis"], len(indices_of.spec.sizes)
    access, sizes = site.kernel.leaves[x], site.result.spec.sizes
    strides = site.strides()[: axis + rank]
    source, result = site.pointer(access.buffer), site.pointer(site.result)
    with site.each(sizes[: axis + rank], work=length) as indices:
        place = _index(site, site.read(indices_of, indices[axis:]), x.spec.sizes[axis])
        here = site.place([*indices[:axis], place], access.strides[: axis + 1], access.offset)
        there = site.place(indices, strides, 0)
        for offset, lanes in site.runs(0, length, dtype):
            value = load(f, source, here + offset, 1, lanes, None, dtype)
            store(f, value, result, there + offset, lanes, None, dtype)


def _gather(site: Site) -> None:
    x, indices_of = site.operation.operands
    axis = site.operation.params["axis"]
    with site.each(site.result.spec.sizes) as indices:
        place = _index(site, site.read(indices_of, indices), x.spec.sizes[axis])
        if x.spec.count:
            site.write(site.read(x, [*indices[:axis], place, *indices[axis + 1 :]]), indices)


class _Sums:
    """Sums that grow where indices say, with digits to spare, and that each thread has some columns of.

    Args:
        site: where the kernel is written; its result takes the sums.
        terms: how many numbers may be added to one.
        length: how many elements lie side by side behind each index.
        shared: whether each thread adds to columns of its own; otherwise the first one adds all.
    """

    def __init__(self, site: Site, terms: int, length: int, *, shared: bool) -> None:
        f, self.site = site.f, site
        result = self.result = site.result.spec.dtype
        count = site.result.spec.count
        # A sum of many f32 loses digits, and one of 16 bits soon does not grow any more. Where most sums have few
        # terms, f64 would cost more than it gives.
        if result in (bf16, f16):
            self.dtype: type[DType] = f32
        else:
            self.dtype = f64 if result is f32 and terms >= _MANY_TERMS and 4 * terms * length >= count else result
        self._lies_along = site.strides() == row_major(site.result.spec.sizes)
        is_apart = self._is_apart = self.dtype is not result or not self._lies_along
        self.pointer = site.scratch(count * self.dtype.itemsize) if is_apart else site.pointer(site.result)
        self.length = length
        # Threads write into lines of their own, or nearly so.
        part = 4 * site.target.lanes(register_type(self.dtype, memory=True))
        parts = -(-length // part)
        if shared and parts >= site.threads > 1 and terms * length >= SMALL:
            site.is_shared = True
            start, end = (((site.thread + i) * parts // site.threads) * part for i in (0, 1))
            self._columns = start, f.intrinsic("smin", end, f.constant(length))
        else:
            self._columns = f.constant(0), f.select(site.thread.compare("eq", 0), f.constant(length), f.constant(0))
        self._rows = count // length

    def columns(self) -> Iterator[tuple[ir.Register, int]]:
        """Walk this thread's columns of a row."""
        return self.site.runs(*self._columns, self.dtype)

    def clear(self) -> None:
        """Set all sums to 0."""
        f, zero = self.site.f, self.site.f.constant(0, register_type(self.dtype))
        with f.loop(0, self._rows) as loop:
            for column, lanes in self.columns():
                store(f, zero, self.pointer, loop.counter * self.length + column, lanes, None, self.dtype)

    def add(self, value: ir.Register, place: ir.Register, lanes: int) -> None:
        """Add elements of the result's type to the sums at a place."""
        f = self.site.f
        old = load(f, self.pointer, place, 1, lanes, None, self.dtype)
        # 16-bit floats are f32 in registers already.
        new = value if self.dtype is f32 else convert(f, value, self.result, self.dtype)
        store(f, old | new if self.dtype is bool_ else old + new, self.pointer, place, lanes, None, self.dtype)

    def finish(self) -> None:
        """Round the sums to the result."""
        f, site = self.site.f, self.site
        if not self._is_apart:
            return
        with f.loop(0, self._rows) as loop:
            for column, lanes in site.runs(*self._columns, self.dtype, lies_along=self._lies_along):
                place = loop.counter * self.length + column
                value = load(f, self.pointer, place, 1, lanes, None, self.dtype)
                value = convert(f, value, self.dtype, self.result)
                if lanes == 1:
                    site.write(value, site.unravel(place, site.result.spec.sizes))
                else:
                    store(f, value, site.pointer(site.result), place, lanes, None, self.result)


def _take_add(site: Site) -> None:
    # In the order of the indices: the sums are the same from run to run.
    f = site.f
    source, indices_of = site.operation.operands
    axis, size, rank = site.operation.params["axis"], site.operation.params["size"], len(indices_of.spec.sizes)
    behind = source.spec.sizes[axis + rank :]
    access, outer = site.kernel.leaves[source], source.spec.sizes[: axis + rank]
    if not site.result.spec.count:
        with site.each(indices_of.spec.sizes, shared=False) as indices:
            _index(site, site.read(indices_of, indices), size)
        return
    sums = _Sums(site, indices_of.spec.count, math.prod(behind), shared=True)
    lies_along = access.strides[axis + rank :] == row_major(behind)
    sums.clear()
    with f.loop(0, math.prod(outer)) as loop:
        indices = site.unravel(loop.counter, outer)
        place = _index(site, site.read(indices_of, indices[axis:]), size)
        here = site.place(indices, access.strides[: axis + rank], access.offset)
        there = site.place([*indices[:axis], place], row_major(site.result.spec.sizes)[: axis + 1], 0)
        for column, lanes in sums.columns():
            if lies_along:
                value = load(f, site.pointer(access.buffer), here + column, 1, lanes, None, source.spec.dtype)
            else:
                value = _gathered(site, source, [*indices], column, behind, lanes)
            sums.add(value, there + column, lanes)
    sums.finish()


def _gathered(
    site: Site, x: Variable, indices: list[ir.Register], column: ir.Register, behind: Sequence[int], lanes: int
) -> ir.Register:
    """Load elements that follow each other, but do not lie side by side."""
    f = site.f
    values = [site.read(x, [*indices, *site.unravel(column + lane, behind)]) for lane in range(lanes)]
    if lanes == 1:
        return values[0]
    both = f.splat(values[0], lanes)
    for lane, value in enumerate(values[1:], 1):
        both = f.insert(both, value, lane)
    return both


def _gather_add(site: Site) -> None:
    source, indices_of = site.operation.operands
    axis, size = site.operation.params["axis"], site.operation.params["size"]
    result = site.result.spec
    sums = _Sums(site, source.spec.sizes[axis], max(result.count, 1), shared=False)
    if result.count:
        sums.clear()
    with site.each(source.spec.sizes, shared=False) as indices:
        place = _index(site, site.read(indices_of, indices), size)
        if result.count:
            there = site.place([*indices[:axis], place, *indices[axis + 1 :]], row_major(result.sizes), 0)
            sums.add(site.read(source, indices), there, 1)
    if result.count:
        sums.finish()


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
