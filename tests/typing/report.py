"""`python -m tests.typing.report`: what each type checker finds in the typing programs, as a table and as JSON.

    python -m tests.typing.report [--quick] [--json PATH]

`--quick` takes a sample of the mutants instead of all. What it is not: a test; the bars are in `test_typing.py`.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.typing import checkers, findings, mutants, programs, spelling

ROUNDS = 3


def collect(*, quick: bool) -> dict[str, Any]:
    """Everything that the report shows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        native = spelling.write(programs.NATIVE, folder / "native", quotes=False)
        quoted = spelling.write(programs.NATIVE, folder / "quoted", quotes=True)
        return {
            "assert_type": {path.name: programs.assertions(path) for path in programs.PASS},
            "bugs": _bugs(),
            "missed": findings.missed_with_reasons(),
            "families": findings.bugs_by_family(),
            "false errors": _false_errors(native, quoted),
            "mutants": _mutants(quick=quick),
            "ignore comments": [vars(comment) for comment in findings.ignore_comments()],
            "1,000 lines": _speed(folder),
        }


def _bugs() -> dict[str, Any]:
    files = [*programs.PASS, *programs.FAIL]
    answers = {checker: checkers.check(checker, files) for checker in checkers.CHECKERS}
    return {
        path.name: {
            "bugs": len(programs.bugs(path)),
            "raise": sum(not bug.annotation for bug in programs.bugs(path)),
            **{c: len(programs.bugs(path)) - len(findings.missed(path, a)) for c, a in answers.items()},
        }
        for path in programs.FAIL
    }


def _false_errors(native: list[Path], quoted: list[Path]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for checker in checkers.CHECKERS:
        counts: dict[str, Any] = {}
        for kind, files in (("native", native), ("quoted", quoted), ("portable", programs.PORTABLE)):
            errors = checkers.check(checker, files).errors
            counts[kind] = {"errors": len(errors), "lines": len({(e.file, e.line) for e in errors})}
            if kind == "native":
                counts["native lines"] = sorted({f"{Path(e.file).name}:{e.line}: {e.message}" for e in errors})
        found[checker] = counts
    return found


def _mutants(*, quick: bool) -> dict[str, Any]:
    every = [mutant for path in programs.NATIVE for mutant in mutants.mutants(path)]
    outcomes = mutants.outcomes(mutants.sample(programs.NATIVE, 100) if quick else every)
    bugs = [outcome for outcome in outcomes if outcome.is_a_bug]
    outside = [outcome for outcome in bugs if outcome.is_from_outside]
    wrong = [outcome for outcome in bugs if outcome.must_be_reported]
    return {
        "all": len(every),
        "run": len(outcomes),
        "raise ShapeError or DTypeError": len(bugs),
        "of these reported": sum(bool(outcome.reported) for outcome in bugs),
        "raise where expect() meets sizes from outside": len(outside),
        "of these reported, their sizes being known": sum(bool(outcome.reported) for outcome in outside),
        "raise ShapeError or DTypeError elsewhere": len(wrong),
        "of these reported (the bar is 98 %)": sum(bool(outcome.reported) for outcome in wrong),
        "raise something else": sum(bool(o.raised) and not o.is_a_bug for o in outcomes),
        "of these reported too": sum(bool(o.raised and o.reported) and not o.is_a_bug for o in outcomes),
        "run through": sum(not outcome.raised for outcome in outcomes),
        "of these reported (their annotations are wrong)": sum(bool(o.reported and not o.raised) for o in outcomes),
        "missed": [f"{o.mutant.program}: {o.mutant.text}: {o.message}" for o in wrong if not o.reported],
    }


def long_program(lines: int = 1000) -> str:
    """A correct program of that many lines or a few more: the models of the tests, again and again under other names."""
    text = spelling.without_assertions(programs.source(programs.FOLDER / "models_pass.py"))
    head = "from __future__ import annotations\n"
    text = text.split(head, 1)[1]
    defined = [n.name for n in ast.parse(text).body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
    names = re.compile(rf"\b({'|'.join(defined)})\b")
    parts: list[str] = []
    while sum(part.count("\n") for part in parts) < lines:
        number = len(parts)
        parts.append(names.sub(lambda name, number=number: f"{name[0]}{number}", text))
    return head + "".join(parts)


def _speed(folder: Path) -> dict[str, Any]:
    """The times of checking 1,000 lines from the command line, nothing kept from before.

    On a machine that does other things the seconds of the processor say more than those of the clock.
    """
    path = folder / "long_program.py"
    path.write_text(long_program(), "utf-8")
    found: dict[str, Any] = {"lines": long_program().count("\n"), "load": round(os.getloadavg()[0], 1)}
    for checker in checkers.CHECKERS:
        clock, processor = [], []
        for _ in range(ROUNDS):
            begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            answer = checkers.run(checker, [path])
            clock.append(time.perf_counter() - begin)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            processor.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        found[checker] = {
            "seconds": round(min(clock), 2),
            "seconds of the processor": round(min(processor), 2),
            "errors": len(answer.errors),
        }
    return found


# ---- showing -----------------------------------------------------------------------------------------------------------
def show(found: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    table = Table(title="Bugs reported, one a line; each raises when it runs but those in annotations")
    for column in ("program", "bugs", "raise", *checkers.CHECKERS):
        table.add_column(column, justify="left" if column == "program" else "right")
    rows = list(found["bugs"].items())
    for name, counts in rows:
        table.add_row(name, *(str(counts[column]) for column in ("bugs", "raise", *checkers.CHECKERS)))
    sums = {column: sum(counts[column] for _, counts in rows) for column in ("bugs", "raise", *checkers.CHECKERS)}
    table.add_section()
    table.add_row("all", *(str(sums[column]) for column in sums))
    console.print(table)
    for bug, reason in found["missed"].items():
        console.print(f"  missed by Pyrefly: {bug}\n    {reason}", markup=False)

    table = Table(title="False errors on correct programs: errors (lines)")
    for column in ("checker", "native spelling", "the same, quoted", "portable programs"):
        table.add_column(column, justify="left" if column == "checker" else "right")
    for checker, counts in found["false errors"].items():
        kinds = (counts[kind] for kind in ("native", "quoted", "portable"))
        table.add_row(checker, *(f"{c['errors']} ({c['lines']})" for c in kinds))
    console.print(table)

    table = Table("mutants of correct programs", "", title="One change each")
    for name, value in found["mutants"].items():
        if name != "missed":
            table.add_row(name, str(value))
    console.print(table)
    for text in found["mutants"]["missed"]:
        console.print(f"  mutant missed by Pyrefly: {text}", markup=False)

    speed = found["1,000 lines"]
    columns = ("seconds", "seconds of the processor", "errors")
    table = Table("checker", *columns, title=f"Checking {speed['lines']} lines, cold (load {speed['load']})")
    for checker in checkers.CHECKERS:
        table.add_row(checker, *(str(speed[checker][column]) for column in columns))
    console.print(table)

    table = Table("place", "code", "reason", title=f"{len(found['ignore comments'])} ignore comments in the library")
    for comment in found["ignore comments"]:
        table.add_row(comment["place"], comment["code"], comment["reason"])
    console.print(table)
    console.print(f"assert_type: {sum(found['assert_type'].values())} in {len(found['assert_type'])} programs")
    few = {family: count for family, count in found["families"].items() if count < 4}
    console.print(f"families with fewer than 4 bugs: {few or 'none'}", markup=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a sample of the mutants instead of all")
    parser.add_argument("--json", type=Path, default=programs.ROOT / "out" / "typing.json", help="where the numbers go")
    arguments = parser.parse_args()
    os.chdir(programs.ROOT)
    found = collect(quick=arguments.quick)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    show(found, Console())


if __name__ == "__main__":
    main()
