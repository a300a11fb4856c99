"""Runs the workloads side by side with PyTorch and JAX, each contestant in a process of its own, and compares.

    python -m bench.run [--sweep] [--torch-compile] [--only TEXT] [--json PATH]

For each workload: every contestant gets the same first weights and the same batch, and makes its model. Each runs a few
steps alone; the first one is timed apart, and what they return must agree. Then whole blocks of steps are timed in
turn while the other processes sleep (interleaved calls would share the cores with threads that still spin). A
contestant's time is the median of its blocks' medians. At last, processes that find the cache of the first ones full
time their first step.

The first step is timed from the call: imports, model and data are made before. Peak memory is of the whole process,
the first step and its compilation included. What it is not: the printing (`table.py`), or a test (tests never time).
"""

from __future__ import annotations

import argparse
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from bench import table
from bench.workloads import SWEEPS, TABLE, Workload, data, flops, parameters

ROOT = Path(__file__).parents[1]
OURS = "shapewright"
EAGER = "PyTorch"
COMPILED = "torch.compile"
JAX = "JAX jit"
CACHED = (OURS, JAX, COMPILED)  # those that keep what they compiled on disk

THREADS = 2
PATIENCE = 300.0  # seconds that a worker may take for an answer
CHECKED_STEPS = 4
# How far what is returned may differ, relative to the mean size of the numbers. Sums in f32 in another order differ by
# about 1e-6; AdamW divides a gradient by its own size, which makes much of little in the first steps. A number rounded
# to bf16 is off by up to 1/256 of itself, and libraries do not round at the same places: PyTorch and JAX give logits of
# bf16, ours are f32.
TOLERANCES = {"f32": 1e-4, "bf16": 5e-2}
BLOCK_SECONDS = 0.5
LEAST_STEPS, MOST_STEPS = 3, 1000
ROUNDS = 7
LONG_ROUNDS = 5  # where a step takes longer than LONG_SECONDS
LONG_SECONDS = 0.3
CEILING_SIZE = 2048
PAUSE = 0.05  # lets the threads of the last block fall asleep


class Failure(Exception):
    """A worker died, gave no answer in time, or answered with an error."""


class Unavailable(Exception):
    """A contestant does not have this workload."""


class Worker:
    """One contestant in a process of its own.

    Args:
        name: the contestant.
        command: how its process is started.
        cache: the folder where it may keep what it compiles.
    """

    def __init__(self, name: str, command: list[str], cache: Path) -> None:
        self.name = name
        threads = str(THREADS)
        environment = {
            **os.environ,
            "BENCH_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "SHAPEWRIGHT_THREADS": threads,
            "NPROC": threads,  # XLA's pool of threads
            "SHAPEWRIGHT_CACHE": str(cache),
            "TORCHINDUCTOR_CACHE_DIR": str(cache),
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "JAX_PLATFORMS": "cpu",
        }
        # Warnings of libraries would break the table; they are read only when a worker dies.
        self._said = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Give a command and wait for the answer.

        Raises:
            Unavailable: the contestant does not have the workload.
            Failure: there is an error in the place of an answer.
        """
        self.tell(do, **arguments)
        return self.answer()

    def tell(self, do: str, **arguments: Any) -> None:
        """Give a command."""
        try:
            self._pipe("stdin").write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._pipe("stdin").flush()
        except OSError:
            pass  # it is dead, which its answer says

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the last command."""
        ready, _, _ = select.select([self._pipe("stdout")], [], [], PATIENCE)
        line = self._pipe("stdout").readline() if ready else b""
        if not line:
            self._process.kill()
            if not ready:
                raise Failure(f"no answer in {PATIENCE:.0f} s")
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            raise Failure(f"the process ended with {self._process.wait()}: {said[-1] if said else 'it said nothing'}")
        answer = json.loads(line)
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        if "error" in answer:
            raise Failure(answer["error"] + "\n" + answer["traceback"])
        return answer

    def stop(self) -> None:
        """End the process."""
        self._pipe("stdin").close()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pipe("stdout").close()
        self._said.close()

    def _pipe(self, name: str) -> Any:
        return getattr(self._process, name)


class Comparison:
    """One workload, all contestants.

    Args:
        workload: what is run.
        commands: how each contestant is started.
        precisions: what each contestant can run. Where ours cannot, nobody does.
        rounds: how many blocks of each are timed; None for as many as are needed.
        with_cached: whether first steps with a full cache are timed too.
    """

    def __init__(
        self,
        workload: Workload,
        commands: dict[str, list[str]],
        precisions: dict[str, list[str]],
        rounds: int | None = None,
        *,
        with_cached: bool,
    ) -> None:
        self.workload = workload
        self.commands = commands
        self.rounds = rounds
        self.with_cached = with_cached
        self.results: dict[str, dict[str, Any]] = {name: {} for name in commands}
        for name in commands:
            for needed in (name, OURS):
                if workload.precision not in precisions[needed]:
                    self.results[name] = {"unavailable": f"{needed} has no {workload.precision} yet"}
        self.names = [name for name, result in self.results.items() if not result]

    def run(self) -> dict[str, Any]:
        """Compare, and give all numbers."""
        load = os.getloadavg()[0]
        if self.names:
            self._measure()
        return {
            "workload": {"label": self.workload.label, **self.workload.as_dict()},
            "flops": flops(self.workload),
            "results": self.results,
            **self._ratio(),
            "load": [load, os.getloadavg()[0]],
        }

    # ---- the stages -------------------------------------------------------------------------------------------------
    def _measure(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            np.savez(place / "weights.npz", **parameters(self.workload))  # pyrefly: ignore[bad-argument-type]
            x, y = data(self.workload)
            np.savez(place / "data.npz", x=x, y=y)
            self._side_by_side(place)
            if self.with_cached:
                self._first_steps_from_cache(place)

    def _side_by_side(self, place: Path) -> None:
        workers = self._start(place, self.names)
        try:
            for name in list(workers):
                self._attempt(workers, name, self._first_steps)
            self._compare_numbers()
            is_long = any(result.get("estimate", 0.0) > LONG_SECONDS for result in self.results.values())
            for turn in range(self.rounds or (LONG_ROUNDS if is_long else ROUNDS)):
                first = turn % max(1, len(workers))  # each begins a round in turn
                for name in (*list(workers)[first:], *list(workers)[:first]):
                    self._attempt(workers, name, self._block)
            for name in list(workers):
                self._attempt(workers, name, self._finish)
        finally:
            for worker in workers.values():
                worker.stop()

    def _start(self, place: Path, names: list[str]) -> dict[str, Worker]:
        """Start processes with models in them."""
        workers = {name: Worker(name, self.commands[name], place / f"cache-{name.replace(' ', '-')}") for name in names}
        # Imports take longest, and nothing is timed yet: all at once.
        for worker in workers.values():
            worker.tell("hello")
        for name in names:
            self._attempt(workers, name, lambda worker: worker.answer())
        for name in list(workers):
            self._attempt(
                workers,
                name,
                lambda worker: worker.ask("prepare", workload=self.workload.as_dict(), folder=str(place)),
            )
        return workers

    def _attempt(self, workers: dict[str, Worker], name: str, stage: Any) -> None:
        """Run a stage; a contestant that fails is out, and its result says why."""
        try:
            stage(workers[name])
        except (Failure, Unavailable) as problem:
            kind = "error" if isinstance(problem, Failure) else "unavailable"
            self.results[name][kind] = str(problem)
            workers.pop(name).stop()

    def _first_steps(self, worker: Worker) -> None:
        time.sleep(PAUSE)
        answer = worker.ask("first", count=CHECKED_STEPS)
        result = self.results[worker.name]
        first, *later = answer["seconds"]
        result |= {"first": first, "numbers": answer["numbers"], "estimate": min(later), "blocks": []}

    def _block(self, worker: Worker) -> None:
        time.sleep(PAUSE)
        result = self.results[worker.name]
        count = round(BLOCK_SECONDS / max(result["estimate"], 1e-9))
        count = max(LEAST_STEPS, min(MOST_STEPS, count))
        seconds = worker.ask("block", warm=max(1, min(30, count // 4)), count=count)["seconds"]
        result["blocks"].append(statistics.median(seconds))

    def _finish(self, worker: Worker) -> None:
        result = self.results[worker.name]
        result["memory"] = worker.ask("memory")["bytes"]
        result["seconds"] = statistics.median(result["blocks"])

    def _first_steps_from_cache(self, place: Path) -> None:
        names = [name for name in CACHED if "seconds" in self.results.get(name, {})]
        workers = self._start(place, names)
        try:
            for name in list(workers):
                self._attempt(workers, name, self._first_step_from_cache)
        finally:
            for worker in workers.values():
                worker.stop()

    def _first_step_from_cache(self, worker: Worker) -> None:
        time.sleep(PAUSE)
        self.results[worker.name]["first_cached"] = worker.ask("first", count=1)["seconds"][0]

    # ---- what follows from the numbers ------------------------------------------------------------------------------
    def _compare_numbers(self) -> None:
        """Say of each contestant how far what it returned is from what eager PyTorch did."""
        wanted = self.results[EAGER].get("numbers")
        if wanted is None:
            return
        right = np.array(wanted)
        tolerance = TOLERANCES[self.workload.precision]
        for result in self.results.values():
            if "numbers" in result:
                given = np.array(result["numbers"])
                # The last number of each step is the mean size.
                difference = float(np.max(np.abs(given - right) / right[:, -1:]))
                result["difference"] = difference
                result["agrees"] = bool(difference <= tolerance)

    def _ratio(self) -> dict[str, Any]:
        done = {name: result["seconds"] for name, result in self.results.items() if "seconds" in result}
        peers = {name: seconds for name, seconds in done.items() if name != OURS}
        if not peers or OURS not in done:
            return {"best_peer": min(peers, key=peers.__getitem__) if peers else None, "ratio": None}
        best = min(peers, key=peers.__getitem__)
        return {"best_peer": best, "ratio": peers[best] / done[OURS]}


def matmul_ceilings(command: list[str], folder: Path) -> dict[str, float]:
    """Give the operations per second of a large matrix product in PyTorch, whose library is the vendor's."""
    worker = Worker(EAGER, command, folder)
    try:
        return {
            precision: worker.ask("ceiling", size=CEILING_SIZE, precision=precision, count=12)["flops"]
            for precision in TOLERANCES
        }
    finally:
        worker.stop()


def hello(commands: dict[str, list[str]], folder: Path) -> dict[str, dict[str, Any]]:
    """Give versions and precisions of each contestant."""
    found = {}
    for name, command in commands.items():
        worker = Worker(name, command, folder)
        try:
            found[name] = worker.ask("hello")
        except Failure as failure:
            raise SystemExit(f"bench: {name} does not start ({' '.join(command)}):\n{failure}") from None
        finally:
            worker.stop()
    return found


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument("--sweep", action="store_true", help="many sizes, rather than the table")
    parser.add_argument("--torch-compile", action="store_true", help="torch.compile too: half a minute for each model")
    parser.add_argument("--only", default="", metavar="TEXT", help="workloads whose name contains this")
    parser.add_argument("--rounds", type=int, help="blocks of each contestant, rather than as many as are needed")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all numbers there, in seconds and bytes")
    parser.add_argument("--torch-python", type=Path, default=ROOT / ".venv-torch/bin/python", metavar="PATH")
    parser.add_argument("--jax-python", type=Path, default=ROOT / ".venv-jax/bin/python", metavar="PATH")
    given = parser.parse_args()
    commands = {
        EAGER: [str(given.torch_python), "-m", "bench.peer_torch"],
        COMPILED: [str(given.torch_python), "-m", "bench.peer_torch", "--compile"],
        JAX: [str(given.jax_python), "-m", "bench.peer_jax"],
        OURS: [sys.executable, "-m", "bench.ours"],
    }
    if not given.torch_compile:
        del commands[COMPILED]
    workloads = [w for w in (SWEEPS if given.sweep else TABLE) if given.only in w.label]
    # Not narrower where there is no terminal.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, console.status("versions") as status:
        said = hello(commands, Path(folder))
        facts = {**table.machine(), "threads": THREADS, "versions": {name: said[name]["versions"] for name in said}}
        precisions = {name: said[name]["precisions"] for name in said}
        status.update("the ceiling of matrix products")
        ceilings = matmul_ceilings(commands[EAGER], Path(folder))
        rows = []
        for number, workload in enumerate(workloads, 1):
            status.update(f"{workload.label} ({number} of {len(workloads)})")
            taking_part = _contestants(workload, commands)
            rows.append(Comparison(workload, taking_part, precisions, given.rounds, with_cached=not given.sweep).run())
        # Once more, as the machine may have been busy.
        again = matmul_ceilings(commands[EAGER], Path(folder))
        ceilings = {precision: max(flops, again[precision]) for precision, flops in ceilings.items()}
    for row in rows:
        for result in row["results"].values():
            if "seconds" in result and row["flops"]:
                result["fraction"] = row["flops"] / result["seconds"] / ceilings[row["workload"]["precision"]]
    facts |= {"ceilings": ceilings, "seconds": time.perf_counter() - began}
    (table.sweep if given.sweep else table.full)(console, facts, rows, OURS)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"machine": facts, "rows": rows}, indent=2) + "\n")
        console.print(f"all numbers: {given.json}", soft_wrap=True)
    if any("error" in result or result.get("agrees") is False for row in rows for result in row["results"].values()):
        raise SystemExit(1)


def _contestants(workload: Workload, commands: dict[str, list[str]]) -> dict[str, list[str]]:
    """torch.compile takes part where the table has a model in its default size."""
    if COMPILED in commands and not any(workload == replace(w) for w in TABLE):
        return {name: command for name, command in commands.items() if name != COMPILED}
    return commands


if __name__ == "__main__":
    main()
