"""The bars of the typing tests: what Pyrefly finds, what it must not report, and what the other checkers may show.

What it is not: a measurement; `python -m tests.typing.report` prints the numbers and times.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import shapewright as sw
from tests.typing import checkers, findings, mutants, programs, spelling
from tests.typing.programs import FAIL, NATIVE, PASS, PORTABLE

SAMPLE = 200


def name(path: Path) -> str:
    return path.stem


# ---- the programs themselves -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PASS, ids=name)
def test_correct_programs_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(programs.ROOT)
    programs.run(path)


@pytest.mark.parametrize("path", FAIL, ids=name)
def test_every_bug_raises_when_it_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(programs.ROOT)
    program = programs.Failing(path)
    silent = [f"{bug.line}: {bug.text}" for bug in program.bugs if not bug.annotation and program.error_of(bug) is None]
    assert silent == [], "lines that raise nothing; broken annotations that run are marked `# BUG annotation`"


def test_there_are_enough_programs() -> None:
    assert sum(map(programs.assertions, PASS)) >= 300
    assert sum(not bug.annotation for path in FAIL for bug in programs.bugs(path)) >= 200


def test_every_family_has_four_bugs() -> None:
    assert {family: count for family, count in findings.bugs_by_family().items() if count < 4} == {}


# ---- Pyrefly -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", PASS, ids=name)
def test_pyrefly_reports_nothing_in_correct_programs(path: Path) -> None:
    assert checkers.check("pyrefly", [*PASS, *FAIL]).of(path) == []


@pytest.mark.parametrize("path", FAIL, ids=name)
def test_pyrefly_reports_nothing_beside_the_bugs(path: Path) -> None:
    assert findings.beside(path, checkers.check("pyrefly", [*PASS, *FAIL])) == []


def test_pyrefly_reports_the_bugs() -> None:
    answer = checkers.check("pyrefly", [*PASS, *FAIL])
    missed = [bug for path in FAIL for bug in findings.missed(path, answer)]
    # The list is exact: what is found some day leaves it, and nothing is added without a reason.
    assert sorted(f"{bug.program}: {bug.text}" for bug in missed) == sorted(findings.missed_with_reasons())
    assert len(missed) <= 0.04 * sum(len(programs.bugs(path)) for path in FAIL)


def test_pyrefly_reports_the_mutants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(programs.ROOT)
    outcomes = mutants.outcomes(mutants.sample(NATIVE, SAMPLE))
    wrong = [outcome for outcome in outcomes if outcome.must_be_reported]
    missed = [f"{o.mutant.program}: {o.mutant.text}: {o.message}" for o in wrong if not o.reported]
    assert len(wrong) >= SAMPLE / 5
    assert len(missed) <= 0.02 * len(wrong), missed


# ---- the other checkers ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return spelling.write(NATIVE, tmp_path_factory.mktemp("native"), quotes=False)


@pytest.fixture(scope="session")
def quoted(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return spelling.write(NATIVE, tmp_path_factory.mktemp("quoted"), quotes=True)


@pytest.mark.parametrize("checker", checkers.CHECKERS)
def test_the_portable_spelling_is_clean(checker: str, quoted: list[Path]) -> None:
    """Every correct program with its shapes quoted, and the programs written with `Shaped`."""
    assert checkers.check(checker, [*quoted, *PORTABLE]).errors == ()


@pytest.mark.parametrize("checker", checkers.OTHERS)
def test_the_native_spelling_shows_the_documented_lines(checker: str, native: list[Path]) -> None:
    """Exactly those where a shape stands with arithmetic or a splat outside quotes; to mypy, none."""
    answer = checkers.check(checker, native)
    for path in native:
        expected = set() if checker == "mypy" else spelling.native_lines(path.read_text("utf-8"))
        assert {error.line for error in answer.of(path)} == expected, path.name


@pytest.mark.parametrize("room", findings.ROOMS)
def test_the_other_checkers_see_every_name(room: str) -> None:
    assert findings.declared(room) == findings.public(room)


# ---- the library -------------------------------------------------------------------------------------------------------
def test_ignore_comments_have_a_code_and_a_reason() -> None:
    bare = [comment for comment in findings.ignore_comments() if not comment.code or not comment.reason]
    assert bare == []


def test_errors_are_of_one_family() -> None:
    assert all(issubclass(error, sw.Error) for error in (sw.ShapeError, sw.DTypeError, sw.IndexRangeError))
