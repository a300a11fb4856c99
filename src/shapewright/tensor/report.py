"""`sw.report`: what a compiled function does: its kernels with work, traffic and time, its memory, its code.

What it is not: the counting (`graph/cost.py`) or the measuring (the device's `measure`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapewright.graph import KernelCost, Measurement, Memory, active
from shapewright.shapes.errors import ArgumentError, CaptureError, Error

from .compiled import Compiled, Program

# Lines of kernels that a printed report shows; the rest is summed up in one line. `report.kernels` has all.
_MOST_LINES = 40
_WIDTH = 118


@dataclass(frozen=True)
class KernelReport:
    """One kernel of a compiled function.

    Args:
        name: its operations, in order.
        sizes: the sizes that it works on.
        flops: floating point operations.
        bytes_read: bytes that it reads.
        bytes_written: bytes that it writes.
        seconds: the shortest time of some runs; None where nothing was timed.
        fraction: of what this machine can do, the larger of both: arithmetic, as a product of matrices reaches it, or
            traffic with memory. Above 1 where the bytes come from a cache. None where nothing was timed.
        bound: which of both it is: "arithmetic" or "memory".
    """

    name: str
    sizes: tuple[int, ...]
    flops: int
    bytes_read: int
    bytes_written: int
    seconds: float | None = None
    fraction: float | None = None
    bound: str | None = None


@dataclass(frozen=True)
class Report:
    """What `sw.report` gives: numbers to read by attribute, and a table when printed.

    Args:
        called: the function's name.
        device: where it runs.
        kernels: every kernel, in the order in which they run.
        memory: the bytes of `arguments`, `cells`, `constants`, `arena`, `results`, and `peak`, their sum.
        state: how the program was made ready: compiled or found in the cache, and how long that took.
        programs: for how many combinations of argument shapes there is a program.
        bandwidth: bytes a second between processor and memory, measured; None where nothing was timed.
        peaks: floating point operations a second that products of matrices reach here, by element type, measured.
        note: why there are no times, where there are none.
    """

    called: str
    device: str
    kernels: tuple[KernelReport, ...]
    memory: Memory
    state: str
    programs: int
    bandwidth: float | None = None
    peaks: dict[str, float] = field(default_factory=dict)
    note: str | None = None

    @property
    def flops(self) -> int:
        """The floating point operations of one run."""
        return sum(kernel.flops for kernel in self.kernels)

    @property
    def bytes(self) -> int:
        """The bytes that one run's kernels read and write."""
        return sum(kernel.bytes_read + kernel.bytes_written for kernel in self.kernels)

    @property
    def seconds(self) -> float | None:
        """The times of all kernels together, or None where nothing was timed."""
        times = [kernel.seconds for kernel in self.kernels if kernel.seconds is not None]
        return sum(times) if len(times) == len(self.kernels) and self.note is None else None

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        console = Console(file=text, width=_WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
        console.print(self.__rich__(), crop=False)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def __rich__(self) -> Any:
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        timed = self.seconds is not None
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("kernel", overflow="fold", ratio=1)
        table.add_column("sizes", overflow="fold")
        for title in ("runs", "GFLOP", "MB", *(("ms", "share", "of peak") if timed else ())):
            table.add_column(title, justify="right", no_wrap=True)
        lines = self._lines()
        for cells in lines[:_MOST_LINES]:
            table.add_row(*cells)
        if len(lines) > _MOST_LINES:
            table.add_row(f"{len(lines) - _MOST_LINES} more lines: see .kernels")
        table.add_section()
        table.add_row(*self._total())
        return Group(*[Text(line) for line in self._head()], table, *[Text(line) for line in self._tail()])

    def _head(self) -> list[str]:
        count = len(self.kernels)
        others = f", the last of {self.programs} programs" if self.programs > 1 else ""
        return [f"{self.called} on {self.device}: {count} kernel{'s' * (count != 1)}, {self.state}{others}"]

    def _lines(self) -> list[list[str]]:
        """Give a line for all kernels of one kind and size, the slowest (else the largest) first."""
        groups: dict[Any, list[KernelReport]] = {}
        for kernel in self.kernels:
            groups.setdefault((kernel.name, kernel.sizes, kernel.flops, kernel.bytes_written), []).append(kernel)

        def weight(group: list[KernelReport]) -> tuple[float, float]:
            return (
                sum(kernel.seconds or 0.0 for kernel in group),
                sum(kernel.flops + kernel.bytes_read + kernel.bytes_written for kernel in group),
            )

        return [self._line(group) for group in sorted(groups.values(), key=weight, reverse=True)]

    def _line(self, group: Sequence[KernelReport]) -> list[str]:
        first = group[0]
        cells = [first.name, "×".join(map(str, first.sizes)) or "1", str(len(group)), *_amounts(group)]
        total = self.seconds
        if total is not None:
            seconds = sum(kernel.seconds or 0.0 for kernel in group)
            weighed = sum((kernel.fraction or 0.0) * (kernel.seconds or 0.0) for kernel in group)
            mark = {"arithmetic": "", "memory": " m"}[first.bound or "memory"]
            cells += [f"{1e3 * seconds:.3f}", f"{seconds / total if total else 0.0:.0%}"]
            cells.append(f"{weighed / seconds if seconds else 0.0:.0%}{mark}")
        return cells

    def _total(self) -> list[str]:
        cells = ["all", "", str(len(self.kernels)), *_amounts(self.kernels)]
        return cells if self.seconds is None else [*cells, f"{1e3 * self.seconds:.3f}"]

    def _tail(self) -> list[str]:
        memory = self.memory
        parts = [("arena", memory.arena), ("cells", memory.cells), ("arguments", memory.arguments)]
        parts += [("results", memory.results), ("constants", memory.constants)]
        shown = ", ".join(f"{name} {_mebibytes(count)}" for name, count in parts if count)
        lines = [f"memory: {_mebibytes(memory.peak)} MiB at most" + (f" ({shown})" if shown else "")]
        if self.bandwidth is not None:
            peaks = [f"{value / 1e9:.0f} GFLOP/s in {name}" for name, value in self.peaks.items()]
            lines.append(
                f"peak: {', '.join([*peaks, f'{self.bandwidth / 1e9:.1f} GB/s of memory'])}; "
                "m: the share of memory's, above 100% where a cache gives the bytes"
            )
        if self.note is not None:
            lines.append(self.note)
        return lines


def _amounts(kernels: Sequence[KernelReport]) -> list[str]:
    flops = sum(kernel.flops for kernel in kernels)
    moved = sum(kernel.bytes_read + kernel.bytes_written for kernel in kernels)
    return [f"{flops / 1e9:.4f}", f"{moved / 1e6:.3f}"]


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.2f}"


def report(step: Callable[..., Any], *args: Any, timed: bool = True, **kwargs: Any) -> Report:
    """Say what a compiled function does: every kernel with its work, traffic and time, memory, and state of its code.

    With example arguments it is the program for those, captured now if need be: all of it but the times is known before
    the first step. Without, it is the program that was captured last. Times are those of a second program that notes
    the clock; it runs on copies, so that parameters, optimisers and keys stay as they are. Without example arguments it
    runs on ones and zeros.

    Args:
        step: a function under `sw.compile`.
        args: example arguments.
        timed: whether to run it for the times.
        kwargs: example keyword arguments.

    Raises:
        ArgumentError: it is no compiled function, or was not called yet and there are no example arguments.
        ShapeError, DTypeError: an example is not what its annotation says.

    PyTorch: ``torch.profiler``. JAX: ``jax.jit(f).lower(x).compile().cost_analysis()``.

    >>> import shapewright as sw
    >>> @sw.compile
    ... def scores(x: sw.Tensor[[64, 784]], w: sw.Tensor[[784, 10]]) -> sw.Tensor[[64, 10]]:
    ...     return (x @ w).relu()
    >>> found = sw.report(scores, sw.zeros((64, 784)), sw.zeros((784, 10)))
    >>> [(kernel.name, kernel.flops) for kernel in found.kernels]
    [('matmul relu', 1004160)]
    >>> found.memory.arguments, found.memory.results
    (232064, 2560)
    """
    compiled: Any = getattr(step, "__compiled__", None)
    if not isinstance(compiled, Compiled):
        shown = getattr(step, "__name__", type(step).__name__)
        raise ArgumentError(
            f"report: takes a compiled function, and {shown} is none: what runs operation by operation has no program",
            hint="@sw.compile above the function, then sw.report(function)",
        )
    if active.capture is not None:
        raise CaptureError(
            "report: asked for while sw.compile records a program", hint="sw.report outside the compiled function"
        )
    if args or kwargs or (not compiled.programs and not compiled.takes_arguments):
        program, leaves = compiled.prepare(args, kwargs)
        storages = [leaf._storage for leaf in leaves]
        examples = True
    elif compiled.programs:
        program = list(compiled.programs.values())[-1]
        storages = [_made_up(variable) for variable in program.graph.arguments]
        examples = False
    else:
        called = compiled.binder.called
        raise ArgumentError(
            f"report: {called} was not called yet, so the shapes of its arguments are not known",
            hint=f"sw.report({called}, x) with example arguments, or call {called} first",
        )
    executable = program.executable
    found: Measurement | None = None
    note = None
    if not timed:
        note = "not timed: sw.report(step, timed=True) runs it"
    else:
        try:
            found = _measured(program, storages)
        except Error as error:
            if examples:
                raise
            note = f"not timed: made-up arguments do not do ({error.message}); sw.report(step, x) runs on examples"
        else:
            if found is None:
                note = f"not timed: {executable.code_state()}"
    kernels = executable.kernels()
    return Report(
        called=compiled.binder.called,
        device=program.device.name,
        kernels=tuple([_kernel(kernel, index, found) for index, kernel in enumerate(kernels)]),
        memory=executable.memory(),
        state=executable.code_state(),
        programs=len(compiled.programs),
        bandwidth=None if found is None else found.bandwidth,
        peaks={} if found is None else found.peaks,
        note=note,
    )


def _made_up(variable: Any) -> np.ndarray:
    """Give an argument to time a program with: 0 is within what any index may be, 1.0 what any logarithm takes."""
    dtype = variable.spec.dtype
    return (np.ones if dtype.is_floating else np.zeros)(variable.spec.sizes, dtype.numpy)


def _measured(program: Program, storages: list[Any]) -> Measurement | None:
    cells = [cell._storage for cell in program.cells]
    return program.executable.measure(storages, cells, [key.state for key in program.keys])


def _kernel(kernel: KernelCost, index: int, found: Measurement | None) -> KernelReport:
    cost = kernel.cost
    plain = KernelReport(kernel.name, kernel.sizes, cost.flops, cost.read, cost.written)
    if found is None:
        return plain
    seconds = found.seconds[index]
    peak = found.peaks.get(kernel.dtype)
    if seconds <= 0.0:
        return KernelReport(*_fields(plain), seconds=0.0, fraction=0.0, bound="memory")
    arithmetic = cost.flops / seconds / peak if peak else 0.0
    traffic = cost.bytes / seconds / found.bandwidth
    if (kernel.is_product and arithmetic) or arithmetic >= traffic:
        return KernelReport(*_fields(plain), seconds=seconds, fraction=arithmetic, bound="arithmetic")
    return KernelReport(*_fields(plain), seconds=seconds, fraction=traffic, bound="memory")


def _fields(kernel: KernelReport) -> tuple[str, tuple[int, ...], int, int, int]:
    return kernel.name, kernel.sizes, kernel.flops, kernel.bytes_read, kernel.bytes_written
