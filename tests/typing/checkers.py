"""Runs the four type checkers over files and reads what they report; answers are kept for as long as nothing changes.

What it is not: the judgement of what they report (`test_typing.py`, `report.py`).
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
CHECKERS = ("pyrefly", "pyright", "mypy", "ty")
OTHERS = ("pyright", "mypy", "ty")
# Beside what pytest itself keeps, which is nobody's source.
KEPT = ROOT / ".pytest_cache" / "typing"
DAY = 24 * 60 * 60.0


@dataclass(frozen=True)
class Found:
    """One error that a checker reports."""

    file: str
    line: int
    code: str
    message: str


@dataclass(frozen=True)
class Answer:
    """What a checker reports on the files it was asked about, and how long it took when it was run."""

    errors: tuple[Found, ...]
    seconds: float

    def of(self, path: Path) -> list[Found]:
        return [error for error in self.errors if error.file == str(path)]


def tool(name: str) -> str:
    """The program of a checker: in the environment that runs this."""
    return str(Path(sys.executable).parent / name)


def check(checker: str, files: Sequence[Path]) -> Answer:
    """Run a checker over files, or recall its answer if neither they nor the package nor the tools have changed.

    Errors in other files are left out.
    """
    key = hashlib.sha256(_versions().encode())
    package = [path for path in sorted(SOURCE.rglob("*.py*")) if path.suffix in (".py", ".pyi")]
    for path in (Path(__file__), *package, *files):
        # By name: the same programs may be written into another folder the next time.
        key.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"{checker}-{key.hexdigest()[:24]}.json"
    # Two test workers that ask the same question: one runs the checker, the other waits for its answer.
    with _locked(KEPT / f"{checker}.lock"):
        if not kept.exists():
            for old in KEPT.glob(f"{checker}-*.json"):
                if time.time() - old.stat().st_mtime > DAY:
                    old.unlink(missing_ok=True)
            places = {str(path): place for place, path in enumerate(files)}
            answer = run(checker, files)
            errors = [(places[e.file], e.line, e.code, e.message) for e in answer.errors]
            kept.write_text(json.dumps({"errors": errors, "seconds": answer.seconds}), "utf-8")
        found = json.loads(kept.read_text("utf-8"))
    return Answer(tuple(Found(str(files[place]), *rest) for place, *rest in found["errors"]), found["seconds"])


@functools.cache
def _versions() -> str:
    tools = (*CHECKERS, "pyrefly-shape-extensions", "numpy", "typing_extensions")
    return f"{sys.version} " + " ".join(f"{name} {importlib.metadata.version(name)}" for name in tools)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(checker: str, files: Sequence[Path]) -> Answer:
    """Run a checker over files; errors in other files are left out."""
    paths = [path.resolve() for path in files]
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        errors = _READERS[checker](paths, Path(folder))
        seconds = time.perf_counter() - begin
    wanted = {str(path): str(given) for path, given in zip(paths, files, strict=True)}
    kept = [Found(wanted[e.file], e.line, e.code, e.message) for e in errors if e.file in wanted]
    return Answer(tuple(sorted(kept, key=lambda e: (e.file, e.line, e.code, e.message))), seconds)


def _output(command: Sequence[str | Path], folder: Path) -> str:
    run = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True)
    # 0: nothing found, 1: errors found. All else is a checker that did not run.
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{Path(command[0]).name} failed: {run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run.stdout


def pyrefly_configuration(folder: Path) -> Path:
    """Write the configuration of a user who has the default one."""
    path = folder / "pyrefly.toml"
    path.write_text(
        f'preset = "default"\npython-version = "3.12"\npython-interpreter-path = {json.dumps(sys.executable)}\n'
        f"search-path = {json.dumps([str(SOURCE), str(ROOT)])}\n"
    )
    return path


def _pyrefly(files: Sequence[Path], folder: Path) -> list[Found]:
    command = [tool("pyrefly"), "check", *files, "--config", pyrefly_configuration(folder), "--output-format", "json"]
    errors = json.loads(_output(command, folder))["errors"]
    return [
        Found(str((folder / e["path"]).resolve()), e["line"], e["name"], e["description"])
        for e in errors
        if e["severity"] == "error"
    ]


def _pyright(files: Sequence[Path], folder: Path) -> list[Found]:
    settings = {
        "extraPaths": [str(SOURCE), str(ROOT)],
        "pythonVersion": "3.12",
        "typeCheckingMode": "standard",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    output = _output([tool("pyright"), "--pythonpath", sys.executable, "--outputjson", *files], folder)
    return [
        Found(e["file"], e["range"]["start"]["line"] + 1, e.get("rule", ""), e["message"])
        for e in json.loads(output)["generalDiagnostics"]
        if e["severity"] == "error"
    ]


def _mypy(files: Sequence[Path], folder: Path) -> list[Found]:
    settings = folder / "mypy.ini"
    settings.write_text(
        f"[mypy]\npython_version = 3.12\npython_executable = {sys.executable}\nmypy_path = {SOURCE}:{ROOT}\n"
        f"cache_dir = {folder / 'cache'}\nexplicit_package_bases = True\ncheck_untyped_defs = True\n"
        "show_absolute_path = True\nhide_error_context = True\n"
    )
    command = [tool("mypy"), "--config-file", settings, "--no-error-summary", "--no-pretty", *files]
    return list(
        _lines(_output(command, folder), r"(?P<file>.*?):(?P<line>\d+): error: (?P<text>.*?)(  \[(?P<code>[\w-]+)\])?$")
    )


def _ty(files: Sequence[Path], folder: Path) -> list[Found]:
    command = [tool("ty"), "check", "--python", sys.prefix, "--python-version", "3.12", "--output-format", "concise"]
    command += ["--extra-search-path", str(SOURCE), "--extra-search-path", str(ROOT), *map(str, files)]
    found = _lines(_output(command, folder), r"(?P<file>.*?):(?P<line>\d+):\d+: error\[(?P<code>.*?)\] (?P<text>.*)$")
    return [Found(str((folder / e.file).resolve()), e.line, e.code, e.message) for e in found]


def _lines(output: str, pattern: str) -> Iterator[Found]:
    for line in output.splitlines():
        match = re.match(pattern, line)
        if match:
            yield Found(match["file"], int(match["line"]), match["code"] or "", match["text"])


_READERS = {"pyrefly": _pyrefly, "pyright": _pyright, "mypy": _mypy, "ty": _ty}
