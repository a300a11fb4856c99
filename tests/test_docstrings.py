"""Runs the examples in the docstrings of every module and the program in the README, exactly as they are written.

`sw` and `np` are there without an import, as everywhere in the documentation; the default random stream begins anew for
each docstring.
"""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import shapewright as sw

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(("shapewright", *path.relative_to(ROOT / "src" / "shapewright").with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in sorted((ROOT / "src" / "shapewright").rglob("*.py"))
]


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    report: list[str] = []
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.REPORT_NDIFF)
    for example in finder.find(importlib.import_module(module), extraglobs={"sw": sw, "np": np}):
        sw.seed(0)
        runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.slow
def test_the_program_in_the_readme(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    program = tmp_path / "readme.py"
    program.write_text("\n".join(blocks))
    subprocess.run([sys.executable, str(program)], cwd=ROOT, check=True, timeout=600)
