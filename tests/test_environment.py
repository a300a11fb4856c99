"""How `make` finds its Python: the order of the places, and one clear sentence where there is none.

The machine is imitated: a PATH that holds nothing but a shell's own tools and the interpreters of the test.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHELL = shutil.which("sh")
pytestmark = pytest.mark.skipif(SHELL is None, reason="needs a POSIX shell")


def interpreter(path: Path, version: str) -> Path:
    """A stand-in that says it is that version; as pyenv's do, it refuses to run where the version is ''."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not version:
        path.write_text(f"#!{SHELL}\necho 'pyenv: no version selected' >&2\nexit 127\n")
    else:
        pretend = f"import sys; sys.version_info = ({version.replace('.', ', ')}, 0); sys.executable = '{path}'; "
        path.write_text(f'#!{SHELL}\nexec {sys.executable} -c "{pretend}$2"\n')
    path.chmod(0o755)
    return path


def find(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home"), **variables}
    (tmp_path / "bin").mkdir(exist_ok=True)
    command = [str(SHELL), str(ROOT / "scripts" / "find-python"), *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, cwd=ROOT)


def found(tmp_path: Path, *arguments: str, **variables: str) -> str:
    run = find(tmp_path, *arguments, **variables)
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout.strip()


def test_python312_on_the_path_comes_first(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin" / "python3", "3.13")
    wanted = interpreter(tmp_path / "bin" / "python3.12", "3.12")
    assert found(tmp_path, "3.12", "--or-newer") == str(wanted)


def test_python3_serves_if_it_is_new_enough(tmp_path: Path) -> None:
    wanted = interpreter(tmp_path / "bin" / "python3", "3.13")
    assert found(tmp_path, "3.12", "--or-newer") == str(wanted)
    assert find(tmp_path, "3.12").returncode == 1


def test_an_old_python3_and_a_refusing_shim_are_passed_over_for_pyenv(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin" / "python3", "3.11")
    interpreter(tmp_path / "bin" / "python3.12", "")
    wanted = interpreter(tmp_path / "home" / ".pyenv" / "versions" / "3.12.1" / "bin" / "python", "3.12")
    assert found(tmp_path, "3.12", "--or-newer") == str(wanted)
    other = interpreter(tmp_path / "elsewhere" / "versions" / "3.12.7" / "bin" / "python", "3.12")
    assert found(tmp_path, "3.12", "--or-newer", PYENV_ROOT=str(tmp_path / "elsewhere")) == str(other)


def test_uv_is_asked_last(tmp_path: Path) -> None:
    wanted = interpreter(tmp_path / "uv-python", "3.12")
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f"#!{SHELL}\necho {wanted}\n")
    uv.chmod(0o755)
    assert found(tmp_path, "3.12", "--or-newer") == str(wanted)


def test_the_one_given_is_taken(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin" / "python3.12", "3.12")
    wanted = interpreter(tmp_path / "mine", "3.13")
    assert found(tmp_path, "3.12", "--or-newer", PYTHON=str(wanted)) == str(wanted)


def test_the_one_given_is_too_old(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin" / "python3.12", "3.12")
    old = interpreter(tmp_path / "old", "3.11")
    run = find(tmp_path, "3.12", "--or-newer", PYTHON=str(old))
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"shapewright needs Python 3.12 or newer, and PYTHON={old} is not one: "
        "give the path of one that is, or leave PYTHON out to have it looked for.\n"
    )


def test_none_at_all_is_one_sentence(tmp_path: Path) -> None:
    interpreter(tmp_path / "bin" / "python3", "3.11")
    run = find(tmp_path, "3.12", "--or-newer")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        "shapewright needs Python 3.12 or newer and found none (looked for python3.12, python3, pyenv's and uv's): "
        "install it, for example with 'pyenv install 3.12' or 'uv python install 3.12', "
        "or say where it is with 'make PYTHON=/path/to/python3.12'.\n"
    )
