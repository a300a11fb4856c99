"""Holds docs/parity.md to what exists: its files, its public names, its tests, and its table of mistakes."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

import shapewright as sw
from tests.nn import cases as nn_cases
from tests.nn import torch_cases
from tests.ops.cases import CASES as OPS
from tests.test_mistakes import MISTAKES

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "parity.md").read_text("utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
QUOTED = re.findall(r"`([^`]+)`", PAGE)
# How many rows each section of dfdx 0.10's list has here, its heading left out.
SECTIONS = {"1.1": 14, "1.2": 10, "1.3": 32, "1.4": 5, "1.5": 23, "1.6": 9, "1.7": 6, "1.8": 13, "1.9": 3, "1.11": 16}
PLACES = {"sw": sw, "nn": sw.nn, "optim": sw.optim, "data": sw.data, "files": sw.files, "x": sw.Tensor}


@functools.cache
def functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_section_is_whole() -> None:
    for section, count in SECTIONS.items():
        part = re.split(rf"^## {re.escape(section)} .*$", PAGE, maxsplit=1, flags=re.MULTILINE)[1].split("\n## ")[0]
        assert len([line for line in part.splitlines() if line in ROWS]) - 1 == count, section


def test_files_exist() -> None:
    paths = [text for text in QUOTED if re.fullmatch(r"[\w/]+\.py", text)]
    assert len(paths) > 100
    missing = [path for path in paths if not ((ROOT / path).exists() or (ROOT / "src" / "shapewright" / path).exists())]
    assert missing == []


def test_tests_exist() -> None:
    named = [text.split("::") for text in QUOTED if "::" in text and text.startswith("tests/")]
    assert len(named) > 50
    assert [f"{path}::{test}" for path, test in named if test not in functions_in(path)] == []


def test_public_names_exist() -> None:
    names = [text for text in QUOTED if re.fullmatch(rf"({'|'.join(PLACES)})(\.\w+)+", text)]
    assert len(names) > 150
    missing = []
    for text in names:
        place, *path = text.split(".")
        found: object = PLACES[place]
        for part in path:
            found = getattr(found, part, None)
        if found is None:
            missing.append(text)
    assert missing == []


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("op", [case.name for case in OPS]),
        ("layer", [case.name for case in (*nn_cases.LAYERS, *torch_cases.CASES)]),
        ("loss", [case.name for case in nn_cases.LOSSES]),
    ],
)
def test_cases_exist(kind: str, known: list[str]) -> None:
    named = re.findall(rf"(?:\| |, ){kind} `([^`]+)`", PAGE)
    assert len(named) > 7
    assert [name for name in named if not any(row == name or row.startswith(name + " ") for row in known)] == []


def test_every_row_has_a_test() -> None:
    sections = re.sub(r"## 1.10(.|\n)*?## From later", "", PAGE).split("Not here yet:")[0].splitlines()
    rows = [line for line in sections if line in ROWS and not line.startswith("| dfdx")]
    untested = [row for row in rows if not re.search(r"\| (`tests/|(op|layer|loss) `)[^|]*\|$", row)]
    assert untested == []


def test_the_mistakes_are_those_that_are_made() -> None:
    table = PAGE.split("## The 46 mistakes")[1]
    assert [line for line in table.splitlines() if re.match(r"\| \d", line)] == [mistake.row for mistake in MISTAKES]
