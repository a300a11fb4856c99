"""What a program of the engine takes: the cost of each kernel, its memory, and the time of each kernel on this machine.

What it is not: the cost of an operation (`graph/cost.py`), or how a report shows it (`tensor/report.py`).
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shapewright import ops
from shapewright.graph import Cost, Graph, KernelCost, Measurement, Operation, Variable
from shapewright.graph.cost import bytes_of, flops_of
from shapewright.ops.precision import PRODUCTS, matmul_in_bf16
from shapewright.shapes.dtypes import DType, bf16, f32, f64, spec

from .access import Access
from .fusion import Kernel

if TYPE_CHECKING:
    from .engine import Executable

# How long a program is run to time its kernels, and at least how often.
_SECONDS = 0.2
_RUNS = 3
# Names that a kernel's line begins with.
_MOST_NAMES = 8


def kernel_cost(kernel: Kernel) -> KernelCost:
    """Give what a kernel takes: what stays in its registers is neither read nor written."""
    flops = sum(flops_of(operation) for operation in kernel.operations)
    # Several accesses may look at one buffer; no more of it can be read than there is.
    read: dict[Variable, int] = {}
    for access in kernel.leaves.values():
        read[access.buffer] = read.get(access.buffer, 0) + _touched(access)
    total = sum(min(count, bytes_of([buffer])) for buffer, count in read.items())
    return KernelCost(
        _name(kernel),
        kernel.operations[0].result.spec.sizes if kernel.kind == "product" else kernel.sizes,
        Cost(flops, total, bytes_of(kernel.outputs)),
        _computing(kernel).name,
        kernel.operations[0].op in PRODUCTS,
    )


def _computing(kernel: Kernel) -> type[DType]:
    for operation in kernel.operations:
        if operation.op is matmul_in_bf16:
            return bf16
        for variable in (operation.result, *operation.variables):
            if variable.spec.dtype.is_floating:
                return variable.spec.dtype
    return kernel.operations[-1].result.spec.dtype


def _touched(access: Access) -> int:
    """Give the bytes of the elements that an access reaches."""
    count = math.prod(size for size, stride in zip(access.sizes, access.strides, strict=True) if stride)
    return count * access.buffer.spec.dtype.itemsize if access.sizes.count(0) == 0 else 0


def _name(kernel: Kernel) -> str:
    names: list[str] = []
    operations = list(kernel.operations)
    if kernel.nested is not None:
        # A loop or a choice, then what is in it.
        inside = [each for body in kernel.nested.bodies for other in body.fused.kernels for each in other.operations]
        operations = [kernel.operations[0], *inside]
    for operation in operations:
        if operation.op.name not in names:
            names.append(operation.op.name)
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 2], f"… {len(names) - _MOST_NAMES + 1} more", names[-1]]
    return " ".join(names)


# ---- times ----------------------------------------------------------------------------------------------------------
def measure(
    executable: Executable, arguments: Sequence[Any], cells: Sequence[Any], draws: Sequence[tuple[int, int]]
) -> Measurement:
    """Run a timed twin of a program and give the time of each kernel, the shortest of some runs.

    Raises:
        Error: the program refuses these arguments.
    """
    twin = executable.timed_twin()
    kernels = twin.kernel_times()
    state = [np.array(cell, order="C", copy=True) for cell in cells]
    updated = list(executable.graph.updates)
    best: list[int] = []
    stamps: list[tuple[float, int]] = []
    started = time.perf_counter()
    while len(stamps) < _RUNS + 1 or time.perf_counter() - started < _SECONDS:
        _, updates = twin.run(arguments, state, draws)
        for number, value in zip(updated, updates, strict=True):
            state[number] = value
        del updates
        stamps.append((time.perf_counter(), twin.last_stamp()))
        cycles = [cycles for _, cycles in twin.kernel_times()]
        # The first run finds cold memory. Each kernel by itself: what else runs here delays now one, now another.
        if len(stamps) > 1:
            best = [min(pair) for pair in zip(best, cycles, strict=True)] if best else cycles
    (first, low), (last, high) = stamps[0], stamps[-1]
    # How fast the clock of the processor ticks follows from the runs themselves.
    tick = (last - first) / max(high - low, 1)
    seconds = [count * tick for count in best]
    peaks: dict[str, float] = {}
    for (kernel, _), taken in zip(kernels, seconds, strict=True):
        dtype = _computing(kernel)
        if kernel.operations[0].op in PRODUCTS and dtype in (f32, f64, bf16):
            # No machine is slower than what was just seen on it, however busy it is.
            reached = kernel_cost(kernel).cost.flops / taken if taken > 0.0 else 0.0
            peaks[dtype.name] = max(peaks.get(dtype.name, 0.0) or _peak(dtype), reached)
    return Measurement(seconds, peaks, _bandwidth())


@functools.cache
def _peak(dtype: type[DType]) -> float:
    """Give the floating point operations a second that products of matrices reach here, at a size that suits them."""
    size = 768
    square = spec((size, size), dtype)
    a, b, c = Variable(square), Variable(square), Variable(square)
    graph = Graph(arguments=[a, b], operations=[Operation(ops.matmul, (a, b), {}, c)], results=[c])
    ones = np.ones(square.sizes, dtype.numpy)
    run = _runner(graph)
    return 2 * size**3 / _fastest(lambda: run([ones, ones], []))


@functools.cache
def _bandwidth() -> float:
    """Give the bytes a second that pass between processor and memory, of an array that no cache holds."""
    count = 1 << 25
    x, y = Variable(spec((count,), f32)), Variable(spec((count,), f32))
    graph = Graph(cells=[x], operations=[Operation(ops.neg, (x,), {}, y)], updates={0: y})
    state = [np.ones(count, np.float32)]
    run = _runner(graph)
    return 2 * 4 * count / _fastest(lambda: run([], state))


def _runner(graph: Graph) -> Callable[[list[Any], list[Any]], Any]:
    from shapewright.devices.reference import Reference

    from .engine import Executable

    executable = Executable(graph, Reference())
    return lambda arguments, cells: executable.run(arguments, cells, [])


def _fastest(work: Callable[[], Any]) -> float:
    seconds = []
    begun = time.perf_counter()
    while len(seconds) < _RUNS or time.perf_counter() - begun < _SECONDS / 2:
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
