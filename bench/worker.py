"""The process of one contestant: it takes commands as lines of JSON, and answers each with one.

The same file runs for every contestant, on Python 3.11 too, so that all are timed by the same lines. Between commands
the process waits for the next line, and does nothing. What it is not: a contestant (`ours.py`, `peer_torch.py`,
`peer_jax.py`) or the one that gives the commands (`run.py`).
"""

from __future__ import annotations

import json
import os
import platform
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bench.workloads import Workload


class Unavailable(Exception):
    """The contestant cannot run this workload, which is no mistake."""


class Contestant(Protocol):
    """What a library does with a workload."""

    @property
    def precisions(self) -> Sequence[str]:
        """Give the precisions of the workloads that it runs."""
        ...

    def versions(self) -> dict[str, str]:
        """Give the versions that the numbers depend on."""
        ...

    def prepare(
        self, workload: Workload, weights: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray
    ) -> Callable[[], Any]:
        """Make model and optimiser, and give a step that returns when its result is computed.

        Raises:
            Unavailable: there is no such step here.
        """
        ...

    def numbers(self, result: Any) -> np.ndarray:
        """Give what a step returned: the loss, or the output of the model."""
        ...

    def ceiling(self, size: int, precision: str) -> Callable[[], Any]:
        """Give a product of two square matrices as a step.

        Raises:
            Unavailable: this contestant does not measure it.
        """
        ...


class Worker:
    """Answers commands about one workload at a time."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.step: Callable[[], Any] | None = None

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do what a command says."""
        return getattr(self, f"do_{command.pop('do')}")(**command)

    def do_hello(self) -> dict[str, Any]:
        versions = {"python": platform.python_version(), **self.contestant.versions()}
        return {"versions": versions, "precisions": self.contestant.precisions}

    def do_prepare(self, workload: dict[str, Any], folder: str) -> dict[str, Any]:
        with np.load(Path(folder) / "weights.npz") as file:
            weights = dict(file)
        with np.load(Path(folder) / "data.npz") as file:
            x, y = file["x"], file["y"]
        self.step = self.contestant.prepare(Workload(**workload), weights, x, y)
        return {}

    def do_first(self, count: int) -> dict[str, Any]:
        """Run the first steps, each timed, and give what they return: the first is the one that compiles."""
        assert self.step is not None
        seconds, numbers = [], []
        for _ in range(count):
            start = time.perf_counter()
            result = self.step()
            seconds.append(time.perf_counter() - start)
            values = np.asarray(self.contestant.numbers(result), np.float64).ravel()
            # A few of many, evenly chosen; all of them would be long to write down.
            chosen = values[:: max(1, values.size // 16)][:16]
            numbers.append([float(value) for value in (*chosen, np.abs(values).mean())])
        return {"seconds": seconds, "numbers": numbers}

    def do_block(self, warm: int, count: int) -> dict[str, Any]:
        """Run a whole block of steps, the first ones untimed."""
        assert self.step is not None
        return {"seconds": timed(self.step, warm, count)}

    def do_ceiling(self, size: int, precision: str, count: int) -> dict[str, Any]:
        """Give the operations per second of the fastest of several matrix products."""
        return {"flops": 2.0 * size**3 / min(timed(self.contestant.ceiling(size, precision), 2, count))}

    def do_memory(self) -> dict[str, Any]:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"bytes": peak if sys.platform == "darwin" else peak * 1024}


def timed(step: Callable[[], Any], warm: int, count: int) -> list[float]:
    """Give the seconds of each of many steps, after some that are not timed."""
    clock = time.perf_counter
    for _ in range(warm):
        step()
    seconds = []
    for _ in range(count):
        start = clock()
        step()
        seconds.append(clock() - start)
    return seconds


def threads() -> int:
    """Give how many threads a contestant may use; `run.py` says it."""
    return int(os.environ["BENCH_THREADS"])


def serve(contestant: Callable[[], Contestant]) -> None:
    """Answer commands from standard input until it ends."""
    # Answers have standard output to themselves: what a library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(contestant())
    for line in sys.stdin:
        try:
            answer = worker.answer(json.loads(line))
        except Unavailable as reason:
            answer = {"unavailable": str(reason)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
