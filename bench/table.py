"""Prints what `run.py` measured: the table, the bars and how far they are met, the sweeps.

What it is not: measuring.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.eager import processor
from bench.workloads import GPT, MLP, NOTHING, Workload

MEBI = 1 << 20
# The ratio of the best peer's time to ours: what must be reached, and what is aimed at.
RATIOS: dict[Workload, tuple[float, float]] = {
    MLP: (1.8, 2.3),
    GPT: (1.2, 1.35),
    replace(GPT, precision="bf16"): (1.5, 2.8),
    replace(GPT, mode="inference", batch=1): (1.2, 1.6),
}
FIRST_STEP = (4.0, 1.5)
FIRST_STEP_CACHED = (0.5, 0.2)
MEMORY = (0.7, 0.5)
CALL = (15e-6, 5e-6)
# A point of the sweeps where the best peer is faster by more than this share is marked, with what is known about it.
SLACK = 0.1
REASONS: dict[str, str] = {}


def machine() -> dict[str, Any]:
    """Give what the numbers depend on, besides versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    revision = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    return {
        "processor": processor(),
        "cores": cores,
        "shapewright": revision.stdout.strip() or "not a checkout",
        "system": platform.platform(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def full(console: Console, facts: dict[str, Any], rows: list[dict[str, Any]], ours: str) -> None:
    """Print everything about each workload, then the bars."""
    _head(console, facts)
    grid = Table("", title="Step times: median of blocks in turn (fastest to slowest block)")
    for column in ("step", "blocks", "/ ours", "of ceiling", "first step", "from cache", "peak memory"):
        grid.add_column(column, justify="right")
    for row in rows:
        base = row["results"][ours].get("seconds")
        grid.add_row(f"[bold]{row['workload']['label']}[/bold]  [dim](load {row['load'][1]:.1f})[/dim]")
        for name, result in row["results"].items():
            grid.add_row(f"  {name}", *_cells(result, base))
        grid.add_section()
    console.print(grid)
    bars = _bars(rows, ours)
    if bars:
        verdicts = Table("bar", title="Bars")
        for column in ("floor", "aim", "measured", ""):
            verdicts.add_column(column, justify="right")
        for bar in bars:
            verdicts.add_row(*bar)
        console.print(verdicts)
    _problems(console, rows)


def sweep(console: Console, facts: dict[str, Any], rows: list[dict[str, Any]], ours: str) -> None:
    """Print one line for each point."""
    _head(console, facts)
    names = list(dict.fromkeys(name for row in rows for name in row["results"]))
    grid = Table("workload", title="Sweeps: step times, medians of blocks in turn")
    for name in (*names, "best peer / ours", "of ceiling", "load"):
        grid.add_column(name, justify="right")
    grid.add_column("")
    for row in rows:
        label, ratio = row["workload"]["label"], row["ratio"]
        note = ""
        if ratio is not None and ratio < 1.0 - SLACK:
            note = f"[red]slower[/red]: {REASONS.get(label, 'not explained yet')}"
        grid.add_row(
            label,
            *[_time(row["results"].get(name, {})) for name in names],
            "n/a" if ratio is None else f"{ratio:.2f}",
            _share(row["results"].get(ours, {})),
            f"{row['load'][1]:.1f}",
            note,
        )
    console.print(grid)
    _problems(console, rows)


# ---- parts ----------------------------------------------------------------------------------------------------------
def _head(console: Console, facts: dict[str, Any]) -> None:
    ceilings = ", ".join(f"{flops / 1e9:.0f} GFLOP/s ({name})" for name, flops in facts["ceilings"].items())
    console.print(
        f"{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads each; matrix product in PyTorch "
        f"{ceilings}; {facts['time']}, took {facts['seconds']:.0f} s",
        soft_wrap=True,
    )
    console.print(f"shapewright at {facts['shapewright']}", soft_wrap=True)
    for name, numbers in facts["versions"].items():
        console.print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in numbers.items()), soft_wrap=True)


def _cells(result: dict[str, Any], base: float | None) -> list[str]:
    if "seconds" not in result:
        return [_time(result)]
    blocks = result["blocks"]
    return [
        _time(result),
        f"{seconds(min(blocks))} – {seconds(max(blocks))}",
        "" if base is None else f"{result['seconds'] / base:.2f}",
        _share(result),
        seconds(result["first"]),
        seconds(result["first_cached"]) if "first_cached" in result else "–",
        f"{result['memory'] / MEBI:.0f} MiB",
    ]


def _time(result: dict[str, Any]) -> str:
    if "seconds" not in result:
        return "[red]failed[/red]" if "error" in result else "n/a"
    wrong = " [red]WRONG[/red]" if result.get("agrees") is False else ""
    return seconds(result["seconds"]) + wrong


def _share(result: dict[str, Any]) -> str:
    return f"{result['fraction']:.0%}" if "fraction" in result else "–"


def seconds(value: float) -> str:
    """Give a duration in the unit that suits it."""
    if value < 1e-4:
        return f"{value * 1e6:.1f} µs"
    if value < 1.0:
        return f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value * 1e3:.0f} ms"
    return f"{value:.2f} s"


def _bars(rows: list[dict[str, Any]], ours: str) -> list[tuple[str, ...]]:
    found = {Workload(**{k: v for k, v in row["workload"].items() if k != "label"}): row for row in rows}
    bars: list[tuple[str, ...]] = []
    for workload, (floor, aim) in RATIOS.items():
        if workload in found:
            ratio = found[workload]["ratio"]
            measured = "n/a" if ratio is None else f"{ratio:.2f}"
            name = f"{workload.model} {workload.mode} {workload.precision}: best peer / ours"
            bars.append((name, f"{floor} ×", f"{aim} ×", measured, _verdict(ratio, floor, aim, more_is_better=True)))

    def at_most(name: str, bar: tuple[float, float], value: float | None, write: Any) -> None:
        floor, aim = bar
        measured = "n/a" if value is None else write(value)
        bars.append((name, write(floor), write(aim), measured, _verdict(value, floor, aim, more_is_better=False)))

    if GPT in found:
        mine, eager = found[GPT]["results"][ours], found[GPT]["results"]["PyTorch"]
        # The whole call, and what it takes beyond a later one: a step alone takes longer than the aims.
        for key, bar, name in (("first", FIRST_STEP, "cold"), ("first_cached", FIRST_STEP_CACHED, "from cache")):
            first = mine.get(key)
            at_most(f"gpt: first step, {name}", bar, first, seconds)
            beyond = None if first is None else max(0.0, first - mine["seconds"])
            at_most(f"gpt: first step, {name}, beyond a later step", bar, beyond, seconds)
        share = mine["memory"] / eager["memory"] if "memory" in mine and "memory" in eager else None
        at_most("gpt: peak memory / eager PyTorch's", MEMORY, share, lambda value: f"{value:.2f}")
    if NOTHING in found:
        at_most("call that does nothing", CALL, found[NOTHING]["results"][ours].get("seconds"), seconds)
    return bars


def _verdict(value: float | None, floor: float, aim: float, *, more_is_better: bool) -> str:
    if value is None:
        return "n/a"
    sign = 1.0 if more_is_better else -1.0
    if sign * value >= sign * aim:
        return "[green]aim[/green]"
    return "[green]floor[/green]" if sign * value >= sign * floor else "[red]below[/red]"


def _problems(console: Console, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for name, result in row["results"].items():
            label = f"{row['workload']['label']}, {name}"
            if "error" in result:
                console.print(f"{label}: {result['error'].splitlines()[0]}", style="red", markup=False, soft_wrap=True)
            elif result.get("agrees") is False:
                console.print(
                    f"{label}: numbers differ from PyTorch's by {result['difference']:.1e}", style="red", soft_wrap=True
                )
