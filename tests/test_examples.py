"""Runs every example as a user would: alone, in a process of its own, from the root of the repository."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# `make demo` is the one that trains for minutes.
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.name != "mnist_demo.py"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example(path: Path) -> None:
    command = [sys.executable, "-W", "error", str(path.relative_to(ROOT))]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600)
    assert run.returncode == 0, f"{path.name} printed\n{run.stdout}\n{run.stderr}"
    assert run.stdout.strip(), "an example shows something"


@pytest.mark.slow
def test_demo() -> None:
    run = subprocess.run(
        [sys.executable, "examples/mnist_demo.py"], capture_output=True, text=True, cwd=ROOT, timeout=1200
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"


def test_the_tour_is_numbered_without_gaps() -> None:
    numbers = [int(match[1]) for path in EXAMPLES if (match := re.match(r"(\d\d)_", path.name))]
    assert numbers == list(range(1, len(numbers) + 1))
