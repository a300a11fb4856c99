"""Changes correct programs in one place each, runs what comes out, and asks the type checker about it without running.

One change: a number is one larger, two members of a tuple or list are swapped, two arguments are. A mutant that raises a
ShapeError or a DTypeError is a bug that the checker must find; one that runs may be reported too, if what was changed is
an annotation. What it is not: a test (`test_typing.py` draws a sample, `report.py` takes all).
"""

from __future__ import annotations

import ast
import hashlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import shapewright as sw
from tests.typing import checkers, programs


@dataclass(frozen=True)
class Mutant:
    """A correct program with one change."""

    program: str
    number: int
    kind: str
    text: str
    code: str


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the error it raises when it runs (its kind, its first line), and what Pyrefly says."""

    mutant: Mutant
    raised: str
    message: str
    reported: str

    @property
    def must_be_reported(self) -> bool:
        return self.raised in ("ShapeError", "DTypeError")


class _WithoutAssertions(ast.NodeTransformer):
    """Takes `assert_type` away, and the question whether a type checker reads."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[0] if isinstance(node.func, ast.Name) and node.func.id == "assert_type" else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.body if ast.unparse(node.test) == "TYPE_CHECKING" else node


def base(path: Path) -> ast.Module:
    """The program that is changed: without assertions on types, which would find every change."""
    return ast.parse(ast.unparse(_WithoutAssertions().visit(ast.parse(programs.source(path)))))


def _sites(statement: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(statement, ast.If) and ast.unparse(statement.test) == "not TYPE_CHECKING":
        # What only runs is no statement about types.
        return
    for node in ast.iter_child_nodes(statement):
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value >= 1:
            yield "one more", node
        if isinstance(node, ast.Tuple | ast.List) and len(node.elts) >= 2 and isinstance(node.ctx, ast.Load):
            yield "members swapped", node
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            yield "arguments swapped", node
        yield from _sites(node)


def _change(node: ast.AST) -> None:
    """Change a node, or change it back."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int)
        node.value += -1 if hasattr(node, "changed") else 1
        node.__dict__.pop("changed") if hasattr(node, "changed") else setattr(node, "changed", True)
    elif isinstance(node, ast.Call):
        node.args[0], node.args[1] = node.args[1], node.args[0]
    elif isinstance(node, ast.Tuple | ast.List):
        node.elts[0], node.elts[1] = node.elts[1], node.elts[0]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a program."""
    module = base(path)
    texts = [ast.unparse(statement) for statement in module.body]
    number = 0
    for place, statement in enumerate(module.body):
        for kind, node in list(_sites(statement)):
            _change(node)
            changed = ast.unparse(statement)
            _change(node)
            if changed == texts[place]:
                continue
            number += 1
            pairs = zip(texts[place].splitlines(), changed.splitlines(), strict=False)
            text = next(after.strip() for before, after in pairs if before != after)
            code = "\n".join([*texts[:place], changed, *texts[place + 1 :]]) + "\n"
            yield Mutant(path.name, number, kind, text, code)


def sample(paths: Sequence[Path], size: int) -> list[Mutant]:
    """The same mutants every time, of all programs and kinds alike."""
    every = [mutant for path in paths for mutant in mutants(path)]
    return sorted(every, key=lambda m: hashlib.sha256(f"{m.program} {m.kind} {m.text}".encode()).digest())[:size]


def _run(mutant: Mutant) -> tuple[str, str]:
    sw.seed(0)
    # Its own name: dataclasses and modules look themselves up.
    names = {"__name__": f"tests.typing.mutant_{mutant.number}", "__file__": mutant.program}
    try:
        with redirect_stdout(io.StringIO()):
            exec(compile(mutant.code, mutant.program, "exec"), names)
            if "run" in names:
                names["run"]()
    except Exception as error:
        return type(error).__name__, str(error).partition("\n")[0]
    return "", ""


def outcomes(chosen: Sequence[Mutant]) -> list[Outcome]:
    """Run mutants and check them all at once.

    Raises:
        ValueError: a program is not correct even before it is changed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        paths = [folder / f"m{i}_{mutant.program}" for i, mutant in enumerate(chosen)]
        for path, mutant in zip(paths, chosen, strict=True):
            path.write_text(mutant.code, "utf-8")
        unchanged = {folder / program: program for program in sorted({mutant.program for mutant in chosen})}
        for path, program in unchanged.items():
            path.write_text(ast.unparse(base(programs.FOLDER / program)), "utf-8")
        reported: dict[str, str] = {}
        for error in checkers.run("pyrefly", [*unchanged, *paths]).errors:
            reported.setdefault(error.file, f"line {error.line}: {error.code}: {error.message}")
        for path, program in unchanged.items():
            if str(path) in reported:
                raise ValueError(f"{program}, unchanged but for its assertions: {reported[str(path)]}")
        return [
            Outcome(mutant, *_run(mutant), reported.get(str(path), ""))
            for path, mutant in zip(paths, chosen, strict=True)
        ]
