"""What one eager operation costs on tensors so small that arithmetic is free: untraced, traced, and its check alone.

    python bench/eager.py [--json results.json]

Each number is a median over rounds of many calls. The bars: 15 µs for an operation in all, 25 µs traced, 3 µs for its
shape check once that shape has been seen, 0.25 s for `import shapewright`. What it is not: a measurement of how fast
large tensors are, and a test (tests never time).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import shapewright as sw
from shapewright.ops.core import Op
from shapewright.shapes.resolve import axes_of

MICROSECOND = 1e-6
BARS = {"untraced": 15 * MICROSECOND, "traced": 25 * MICROSECOND, "check": 3 * MICROSECOND, "import": 0.25}
ROUNDS = 25
CALLS = 1000
IMPORTS = 11
# What decides about shapes in one call of an operation: its own rule, and which axes a target shape means.
CHECKS: tuple[Callable[..., Any], ...] = (Op.verdict, axes_of)


def operations(x: Any, y: Any, a: Any, b: Any) -> dict[str, Callable[[], Any]]:
    """Primitive ops of every family; x and y are (8, 9), a and b (8, 8)."""
    return {
        "x + y": lambda: x + y,
        "x * y": lambda: x * y,
        "x * 2.0": lambda: x * 2.0,
        "x.relu()": lambda: x.relu(),
        "x.exp()": lambda: x.exp(),
        "x.sum()": lambda: x.sum(),
        "x.sum((8,))": lambda: x.sum((8,)),
        "x.reshape((72,))": lambda: x.reshape((72,)),
        "x.permute((9, 8))": lambda: x.permute((9, 8)),
        "a @ b": lambda: a @ b,
    }


def per_call(call: Callable[[], Any]) -> float:
    """Seconds one call takes: the median over rounds, each of many calls."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        rounds.append((time.perf_counter() - start) / CALLS)
    return statistics.median(rounds)


def checks_of(call: Callable[[], Any]) -> Callable[[], None] | None:
    """The shape checks that a first call makes, to be made again alone; None if it makes none.

    They are seen by watching the call, so that what is timed is what the library really does.
    """
    by_code = {check.__code__: check for check in CHECKS}
    seen: list[tuple[Callable[..., Any], dict[str, Any]]] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in by_code:
            seen.append((by_code[frame.f_code], dict(frame.f_locals)))

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    if not seen:
        return None
    # Positional calls where possible, as the library makes them.
    bound = []
    for check, arguments in seen:
        names = check.__code__.co_varnames[: check.__code__.co_argcount]
        keywords = check.__code__.co_varnames[len(names) : len(names) + check.__code__.co_kwonlyargcount]
        bound.append((check, [arguments[n] for n in names], {n: arguments[n] for n in keywords}))

    def again() -> None:
        for check, positional, named in bound:
            check(*positional, **named)

    return again


def import_seconds() -> float:
    """Seconds `import shapewright` takes in a new process, from files already compiled to bytecode."""
    program = "import time; start = time.perf_counter(); import shapewright; print(time.perf_counter() - start)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(IMPORTS):
        run = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        times.append(float(run.stdout))
    return statistics.median(times)


def processor() -> str:
    """The processor's name, as the system gives it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "shapewright": importlib.metadata.version("shapewright"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS") or os.environ.get("OPENBLAS_NUM_THREADS") or "as many as cores",
    }


def measure() -> list[dict[str, Any]]:
    """One row for each operation, in seconds."""
    x, y, a, b = sw.randn((8, 9)), sw.randn((8, 9)), sw.randn((8, 8)), sw.randn((8, 8))
    untraced = operations(x, y, a, b)
    traced = operations(x.trace(), y, a.trace(), b)
    rows = []
    for name, call in untraced.items():
        check = checks_of(call)
        times = {"untraced": per_call(call), "traced": per_call(traced[name])}
        rows.append({"operation": name, **times, "check": None if check is None else per_call(check)})
    return rows


def cell(seconds: float | None, bar: float) -> str:
    if seconds is None:
        return f"{'none made':>16}"
    return f"{seconds / MICROSECOND:>8.2f} {'ok  ' if seconds <= bar else 'OVER'}   "


def report(rows: list[dict[str, Any]], imported: float, facts: dict[str, Any]) -> str:
    """The table a person reads."""
    columns = ("untraced", "traced", "check")
    lines = [", ".join(f"{key} {value}" for key, value in facts.items()), ""]
    lines.append(f"{'microseconds, median':<22}" + "".join(f"{column:>9}{'':<7}" for column in columns))
    lines.append(f"{'bar':<22}" + "".join(f"{BARS[c] / MICROSECOND:>8.2f}{'':<8}" for c in columns))
    lines += [f"{row['operation']:<22}" + "".join(cell(row[c], BARS[c]) for c in columns) for row in rows]
    verdict = "ok" if imported <= BARS["import"] else "OVER"
    lines += ["", f"import shapewright: {imported:.3f} s of {BARS['import']} s {verdict}"]
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="What one eager operation costs.")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the numbers there too, in seconds")
    arguments = parser.parse_args()
    facts, rows, imported = machine(), measure(), import_seconds()
    print(report(rows, imported, facts))
    if arguments.json:
        results = {"machine": facts, "bars": BARS, "operations": rows, "import": imported}
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
