"""Loop nests: the code of elementwise kernels and of reductions, over any shapes and strides.

Axes that lie behind one another in every buffer are walked as one. The last axis is walked in vectors; its rest, which
fills no whole vector, with a mask. Threads share the work by fixed parts. What it is not: the code of one element
(`elementwise.py`), or the choice of kernels (`fusion.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from shapewright.graph import Operation, Variable

from . import ir
from .access import Access, row_major
from .elements import SUMS, combine, emit, identity, load, register_type, store
from .fusion import Kernel

# Work below this many elements is not worth waking the other threads for.
SMALL = 4096
# Numbers that are added one after the other: each is rounded beside the sum of those before it.
_RUN = 64
# Vectors of a row that a sum over rows reads at once: some cache lines that follow each other.
_AT_ONCE = 4


@dataclass
class Axis:
    """One axis of a loop nest: its size, whether it is reduced, and each access's stride along it."""

    size: int
    reduced: bool
    strides: dict[Variable, int]


class Nest:
    """What a kernel's loops have in common: axes, the places of buffers, the lanes of a vector.

    Args:
        function: the function being written; its arguments are the table of buffers, the thread and nothing else.
        kernel: the kernel.
        outputs: the accesses of what is written.
        pointer: gives the address of a variable's buffer.
        lanes: how many elements a vector has.
        thread: the number of this thread.
        threads: how many there are.
    """

    def __init__(
        self,
        function: ir.Function,
        kernel: Kernel,
        outputs: Mapping[Variable, Access],
        pointer: Callable[[Variable], ir.Register],
        lanes: int,
        thread: ir.Register,
        threads: int,
        fail: Callable[[ir.Register], None],
    ) -> None:
        self.f = function
        self.kernel = kernel
        self.outputs = outputs
        self.lanes = lanes
        self.thread = thread
        self.threads = threads
        self.fail = fail
        # Whether threads other than the first have work here.
        self.is_shared = False
        self.accesses = {**kernel.leaves, **outputs}
        self.base: dict[Variable, ir.Register] = {}
        for variable, access in self.accesses.items():
            start = pointer(access.buffer)
            kind = ir_memory(variable)
            self.base[variable] = function.address(start, access.offset, kind) if access.offset else start

    # ---- axes -------------------------------------------------------------------------------------------------------
    def axes(self, reduced: Sequence[int] = ()) -> list[Axis]:
        """Give the axes of the iteration space, those merged that every access walks as one."""
        result: list[Axis] = []
        kept = [axis for axis in range(len(self.kernel.sizes)) if axis not in reduced]
        for axis, size in enumerate(self.kernel.sizes):
            if size == 1:
                continue
            strides = {v: self.kernel.leaves[v].strides[axis] for v in self.kernel.leaves}
            for variable, access in self.outputs.items():
                if variable in self.kernel.leaves:
                    continue
                if axis in reduced:
                    strides[variable] = 0
                else:
                    place = kept.index(axis) if reduced else axis
                    strides[variable] = access.strides[place]
            new = Axis(size, axis in reduced, strides)
            last = result[-1] if result else None
            if (
                last is not None
                and last.reduced == new.reduced
                and all(last.strides[v] == new.strides[v] * size for v in strides)
            ):
                result[-1] = Axis(last.size * size, new.reduced, strides)
            else:
                result.append(new)
        return result

    def part(self, count: int, step: int = 1) -> tuple[ir.Register, ir.Register]:
        """Give the first and the end of this thread's part of `count` rounds, in multiples of `step`."""
        f = self.f
        if self.threads == 1:
            return f.constant(0), f.constant(count)
        self.is_shared = True
        blocks = -(-count // step)
        start = (self.thread * blocks) // self.threads * step
        stop = ((self.thread + 1) * blocks) // self.threads * step
        return start, f.intrinsic("smin", stop, f.constant(count))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Write what only the first thread does."""
        with self.f.when(self.thread.compare("eq", 0)):
            yield

    def moved(self, bases: Mapping[Variable, ir.Register], axes: Sequence[Axis], index: ir.Register) -> Any:
        """Give the bases moved to round `index` of some axes, counted through with the last one fastest."""
        f = self.f
        places: list[tuple[Axis, ir.Register]] = []
        rest = index
        for number, axis in enumerate(reversed(axes)):
            if number == len(axes) - 1:
                places.append((axis, rest))
            else:
                places.append((axis, rest % axis.size))
                rest = rest // axis.size
        result = {}
        for variable, base in bases.items():
            offset: Any = None
            for axis, place in places:
                stride = axis.strides[variable]
                if stride:
                    step = place if stride == 1 else place * stride
                    offset = step if offset is None else offset + step
            result[variable] = base if offset is None else f.address(base, offset, ir_memory(variable))
        return result

    # ---- elements ---------------------------------------------------------------------------------------------------
    def read(
        self, bases: Mapping[Variable, ir.Register], inner: Axis | None, index: Any, lanes: int, mask: Any, hoisted: Any
    ) -> dict[Variable, ir.Register]:
        """Load a vector of every variable that is read."""
        values = {}
        for variable in self.kernel.leaves:
            if variable in hoisted:
                values[variable] = hoisted[variable]
                continue
            stride = 0 if inner is None else inner.strides[variable]
            values[variable] = load(self.f, bases[variable], index, stride, lanes, mask, variable.spec.dtype)
        return values

    def hoist(self, bases: Mapping[Variable, ir.Register], inner: Axis | None) -> dict[Variable, ir.Register]:
        """Load what does not change along the inner axis, once."""
        return {
            variable: load(self.f, bases[variable], 0, 0, 1, None, variable.spec.dtype)
            for variable in self.kernel.leaves
            if inner is None or inner.strides[variable] == 0
        }

    def compute(self, values: dict[Variable, ir.Register], operations: Sequence[Operation], mask: Any) -> None:
        """Emit the code of the operations, in order. Lanes outside the mask hold nothing that could fail."""

        def fail(condition: ir.Register) -> None:
            self.fail(condition if mask is None else self.f.splat(condition, self.lanes) & mask)

        for operation in operations:
            values[operation.result] = emit(self.f, operation, values, fail)


def ir_memory(variable: Variable) -> str:
    """Give the type of a variable's elements in memory."""
    return register_type(variable.spec.dtype, memory=True)


# ---- elementwise ----------------------------------------------------------------------------------------------------
def write_loop(nest: Nest) -> None:
    """Write an elementwise kernel."""
    f = nest.f
    count = math.prod(nest.kernel.sizes)
    if count == 0:
        return
    axes = nest.axes()
    inner = axes.pop() if axes else None
    size = 1 if inner is None else inner.size
    # A part of a larger buffer may have no axis along which its elements lie side by side.
    lanes = nest.lanes if inner is None or all(inner.strides[v] == 1 for v in nest.outputs) else 1

    def row(bases: Mapping[Variable, ir.Register], start: Any, stop: Any, end: int | None) -> None:
        hoisted = nest.hoist(bases, inner)

        def block(index: Any, width: int, mask: Any) -> None:
            values = nest.read(bases, inner, index, width, mask, hoisted)
            nest.compute(values, nest.kernel.operations, mask)
            for variable in nest.outputs:
                stride = 1 if inner is None else inner.strides[variable]
                place = index if stride == 1 else index * stride
                store(f, values[variable], bases[variable], place, width, mask, variable.spec.dtype)

        with f.loop(start, stop, lanes) as loop:
            block(loop.counter, lanes, None)
        if end is not None and size % lanes:
            rest = size % lanes
            if rest == 1:
                block(f.constant(size - 1), 1, None)
            else:
                block(f.constant(size - rest), lanes, f.first_lanes(f.constant(rest), lanes))

    whole = size - size % lanes
    outer = math.prod(axis.size for axis in axes)
    if count < SMALL or nest.threads == 1:
        with nest.alone(), f.loop(0, outer) as loop:
            row(nest.moved(nest.base, axes, loop.counter) if axes else nest.base, 0, whole, size)
    elif outer >= 2 * nest.threads:
        start, stop = nest.part(outer)
        with f.loop(start, stop) as loop:
            row(nest.moved(nest.base, axes, loop.counter), 0, whole, size)
    else:
        start, stop = nest.part(whole, lanes)
        with f.loop(0, outer) as loop:
            bases = nest.moved(nest.base, axes, loop.counter) if axes else nest.base
            row(bases, start, stop, None)
            if size % lanes:
                with nest.alone():
                    row(bases, whole, whole, size)


# ---- reductions -----------------------------------------------------------------------------------------------------
def write_reduction(nest: Nest) -> None:
    """Write a reduction, with what is computed for each of its elements."""
    *chain, operation = nest.kernel.operations
    (result,) = nest.outputs
    reduced = tuple(operation.params["axes"])
    f = nest.f
    kind = register_type(result.spec.dtype)
    if result.spec.count == 0:
        return
    if 0 in nest.kernel.sizes:
        _fill(nest, result, identity(operation, result.spec.dtype, empty=True))
        return
    axes = nest.axes(reduced)
    inner = axes[-1] if axes else None
    (operand,) = operation.variables

    def element(bases: Mapping[Variable, ir.Register], index: Any, width: int, mask: Any, hoisted: Any) -> ir.Register:
        values = nest.read(bases, inner, index, width, mask, hoisted)
        nest.compute(values, chain, mask)
        value = f.splat(values[operand], width)
        return combine.prepared(f, operation, value, result.spec.dtype)

    kept = [axis for axis in axes if not axis.reduced]
    gone = [axis for axis in axes if axis.reduced]
    neutral = identity(operation, result.spec.dtype)
    if inner is None or inner.reduced:
        _along(nest, operation, result, kind, kept, gone, element, neutral)
    else:
        _across(nest, operation, result, kind, kept, gone, element, neutral)


def _in_runs(
    f: ir.Function,
    operation: Operation,
    count: int,
    step: int,
    totals: Sequence[ir.Register],
    neutral: float,
    joined: Callable[[ir.Register, Sequence[ir.Register]], list[ir.Register]],
) -> list[ir.Register]:
    """Join what `joined` gives in each round to totals; long sums of floats are sums of the sums of runs, and so on."""
    levels = 0
    if operation.op in SUMS and operation.result.spec.dtype.is_floating:
        while count > step * _RUN ** (levels + 1):
            levels += 1

    def run(level: int, start: Any, stop: Any, carry: Sequence[ir.Register]) -> list[ir.Register]:
        size = step * _RUN**level
        with f.loop(start, stop, size, carry=list(carry)) as loop:
            if not level:
                loop.next(*joined(loop.counter, loop.values))
            else:
                end = f.intrinsic("smin", loop.counter + size, f.lift(stop, ir.I64))
                begun = [f.constant(neutral, total.type) for total in carry]
                values = run(level - 1, loop.counter, end, begun)
                pairs = zip(loop.values, values, strict=True)
                loop.next(*[combine(f, operation, total, value) for total, value in pairs])
        return list(loop.values)

    return run(levels, 0, count, totals)


def _fill(nest: Nest, result: Variable, number: float) -> None:
    f = nest.f
    with nest.alone(), f.loop(0, result.spec.count) as loop:
        value = f.constant(number, register_type(result.spec.dtype))
        store(f, value, nest.base[result], loop.counter, 1, None, result.spec.dtype)


def _along(
    nest: Nest,
    operation: Operation,
    result: Variable,
    kind: str,
    kept: list[Axis],
    gone: list[Axis],
    element: Any,
    neutral: float,
) -> None:
    """Reduce the last axis in vectors, and the lanes of the sum at the end."""
    f, lanes = nest.f, nest.lanes
    inner = gone[-1] if gone else None
    outer_gone = gone[:-1]
    rounds = math.prod(axis.size for axis in kept)
    size = 1 if inner is None else inner.size
    work = rounds * math.prod(axis.size for axis in gone)
    at_once = 4 if size >= 8 * lanes else 1
    vector = ir.vector(lanes, kind)

    def one(bases: Mapping[Variable, ir.Register]) -> ir.Register:
        sums = [f.constant(neutral, vector) for _ in range(at_once)]
        with f.loop(0, math.prod(axis.size for axis in outer_gone), carry=sums) as outside:
            inside = nest.moved(bases, outer_gone, outside.counter) if outer_gone else bases
            hoisted = nest.hoist(inside, inner)
            step = lanes * at_once
            whole = size - size % step
            values = outside.values

            def joined(index: ir.Register, values: Sequence[ir.Register]) -> list[ir.Register]:
                following = []
                for number, value in enumerate(values):
                    place = index + number * lanes if number else index
                    following.append(combine(f, operation, value, element(inside, place, lanes, None, hoisted)))
                return following

            values = _in_runs(f, operation, whole, step, values, neutral, joined)
            for start in range(whole, size, lanes):
                rest = min(lanes, size - start)
                mask = None if rest == lanes else f.first_lanes(f.constant(rest), lanes)
                value = element(inside, f.constant(start), lanes, mask, hoisted)
                if mask is not None:
                    value = f.select(mask, value, f.constant(neutral, vector))
                values[0] = combine(f, operation, values[0], value)
            outside.next(*values)
        total = outside.values[0]
        for value in outside.values[1:]:
            total = combine(f, operation, total, value)
        return combine.across_lanes(f, operation, total)

    def rows(start: Any, stop: Any) -> None:
        with f.loop(start, stop) as loop:
            bases = nest.moved(nest.base, kept, loop.counter) if kept else nest.base
            total = combine.finished(f, operation, one(bases), result.spec.dtype)
            store(f, total, bases[result], 0, 1, None, result.spec.dtype)

    if work < SMALL or rounds < nest.threads or nest.threads == 1:
        with nest.alone():
            rows(0, rounds)
    else:
        rows(*nest.part(rounds))


def _across(
    nest: Nest,
    operation: Operation,
    result: Variable,
    kind: str,
    kept: list[Axis],
    gone: list[Axis],
    element: Any,
    neutral: float,
) -> None:
    """Reduce axes before the last: vectors of the last axis are kept."""
    f, lanes = nest.f, nest.lanes
    inner = kept[-1]
    outer_kept = kept[:-1]
    count = math.prod(axis.size for axis in gone)
    outer = math.prod(axis.size for axis in outer_kept)
    vector = ir.vector(lanes, kind)

    def columns(first: int, at_once: int, blocks: int) -> None:
        """Reduce `blocks` blocks of `at_once` vectors each, from column `first` on."""
        width = lanes * at_once

        def block(start: Any, stop: Any) -> None:
            with f.loop(start, stop) as loop:
                index = (loop.counter % blocks) * width + first
                bases = nest.moved(nest.base, outer_kept, loop.counter // blocks) if outer_kept else nest.base
                mask = None
                if first + blocks * width > inner.size:
                    mask = f.first_lanes(f.intrinsic("smin", inner.size - index, f.constant(lanes)), lanes)
                places = [index + number * lanes if number else index for number in range(at_once)]

                def joined(through: ir.Register, totals: Sequence[ir.Register]) -> list[ir.Register]:
                    inside = nest.moved(bases, gone, through) if gone else bases
                    values = [element(inside, place, lanes, mask, {}) for place in places]
                    pairs = zip(totals, values, strict=True)
                    return [combine(f, operation, total, value) for total, value in pairs]

                begun = [f.constant(neutral, vector)] * at_once
                totals = _in_runs(f, operation, count, 1, begun, neutral, joined)
                for place, value in zip(places, totals, strict=True):
                    total = combine.finished(f, operation, value, result.spec.dtype)
                    store(f, total, bases[result], place, lanes, mask, result.spec.dtype)

        rounds = outer * blocks
        if rounds * count * width < SMALL or rounds < nest.threads or nest.threads == 1:
            with nest.alone():
                block(0, rounds)
        else:
            block(*nest.part(rounds))

    # Several vectors of a row at once: rows may lie on different pages, and one sum waits for the one before it.
    first = 0
    at_once = _AT_ONCE if len(nest.kernel.leaves) == 1 else _AT_ONCE // 2
    while at_once > 1:
        blocks = inner.size // (lanes * at_once)
        # The threads' shares must be alike.
        if blocks and (outer * blocks % nest.threads == 0 or outer * blocks >= 8 * nest.threads):
            columns(0, at_once, blocks)
            first = blocks * lanes * at_once
            break
        at_once //= 2
    if first < inner.size:
        columns(first, 1, -(-(inner.size - first) // lanes))


__all__ = ["SMALL", "Axis", "Nest", "row_major", "write_loop", "write_reduction"]
