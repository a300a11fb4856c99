"""Holds the programs in docs/ to what the pages say: they run, Pyrefly accepts them, and what is refused is refused.

Blocks of one page are one program, in their order. A block that begins with ```python refused has one line marked
`# error`: Pyrefly reports that line and no other, and running it raises there; or marked `# run time only`. A block of
text that follows it is the whole report; `python -m tests.test_docs` writes the reports anew. What it is not: a run of
the README's program, which trains (`test_docstrings.py`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import shapewright as sw

ROOT = Path(__file__).parents[1]
PAGES = [path for path in sorted((ROOT / "docs").glob("*.md")) if "```python" in path.read_text("utf-8")]
BLOCK = re.compile(r"^```python( refused)?\n(.*?)^```\n(?:\n?^```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
CONFIGURATION = f"""
preset = "default"
python-version = "3.12"
search-path = [{json.dumps(str(ROOT / "src"))}]
"""
PYREFLY = [sys.executable, "-m", "pyrefly", "check", "--python-interpreter-path", sys.executable]


def programs(page: Path) -> tuple[str, list[tuple[str, str]]]:
    """Give the page's whole correct program, and for each refused block a program that ends with it, and its report."""
    correct, refused = "", []
    for wrong, code, report in BLOCK.findall(page.read_text("utf-8")):
        if wrong:
            refused.append((correct + code, report.rstrip()))
        else:
            correct += code
    return correct, refused


def marked(program: str, *marks: str) -> list[int]:
    return [number for number, line in enumerate(program.splitlines(), 1) if line.endswith(marks)]


def editor(folder: Path) -> dict[str, list[int]]:
    """Give the lines that Pyrefly reports in each file of a folder."""
    (folder / "pyrefly.toml").write_text(CONFIGURATION)
    run = subprocess.run([*PYREFLY, "--output-format=json"], capture_output=True, text=True, cwd=folder)
    found: dict[str, list[int]] = {path.name: [] for path in folder.glob("*.py")}
    for error in json.loads(run.stdout)["errors"]:
        found[Path(error["path"]).name].append(error["line"])
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_editor(page: Path, tmp_path: Path) -> None:
    correct, refused = programs(page)
    (tmp_path / "correct.py").write_text(correct)
    for index, (program, _) in enumerate(refused):
        (tmp_path / f"refused{index}.py").write_text(program)
    reported = editor(tmp_path)
    assert reported["correct.py"] == []
    for index, (program, _) in enumerate(refused):
        assert reported[f"refused{index}.py"] == marked(program, "# error"), program.splitlines()[-4:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_run_time(page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    correct, refused = programs(page)
    exec(compile(correct, page.name, "exec"), {"__name__": page.stem})
    for program, report in refused:
        sw.seed(0)
        with pytest.raises(sw.Error) as caught:
            exec(compile(program, page.name, "exec"), {"__name__": page.stem})
        lines = {frame.lineno for frame in traceback.extract_tb(caught.tb) if frame.filename == page.name}
        assert set(marked(program, "# error", "# run time only")) <= lines, str(caught.value)
        assert report in ("", str(caught.value))


def test_the_readme(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (tmp_path / "pyrefly.toml").write_text(CONFIGURATION)
    (tmp_path / "correct.py").write_text("".join(code for wrong, code, _ in BLOCK.findall(text) if not wrong))
    assert editor(tmp_path) == {"correct.py": []}
    (wrong,) = [code for wrong, code, _ in BLOCK.findall(text) if wrong]
    shown, report = re.findall(r"^```text\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)
    assert report_of(wrong) == report
    (tmp_path / "correct.py").write_text(wrong)
    run = subprocess.run(PYREFLY, capture_output=True, text=True, cwd=tmp_path)
    assert set(shown.splitlines()) <= set(run.stdout.splitlines()), run.stdout


def report_of(program: str) -> str:
    sw.seed(0)
    with pytest.raises(sw.Error) as caught:
        exec(compile(program, "page", "exec"), {"__name__": "page"})
    return str(caught.value)


def write_reports(page: Path) -> None:
    """Put the reports of today in the place of those on the page."""
    text = page.read_text("utf-8")
    for program, report in programs(page)[1]:
        if report:
            text = text.replace(f"```text\n{report}\n```", f"```text\n{report_of(program)}\n```")
    page.write_text(text, "utf-8")


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
        text = re.sub(r"`[^`\n]*`", "", text)
        for target in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


if __name__ == "__main__":
    for each in PAGES:
        write_reports(each)
