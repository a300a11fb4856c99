"""Changes correct programs in one place each, runs what comes out, and asks the type checker about it without running.

One change: a number is one larger, two members of a tuple or list are swapped, two arguments are. A mutant that raises a
ShapeError or a DTypeError is a bug that the checker must find; one that runs may be reported too, if what was changed is
an annotation. What it is not: a test (`test_typing.py` draws a sample, `report.py` takes all).

A mutant of a statement that only computes changes nothing after it: all of them stand in one file for the checker, and
those at the top of a program run on what the statements before have left. Others are programs of their own.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapewright as sw
from tests.typing import checkers, programs


@dataclass(frozen=True)
class Mutant:
    """A correct program with one change, in the statement that stands at `place` at its top."""

    program: str
    number: int
    kind: str
    place: int
    # The innermost statement that was changed: its number in the program, whether it only computes, what it became.
    statement: int
    computes: bool
    text: str
    # The changed statement at the top of the program.
    changed: str = field(repr=False)

    @property
    def code(self) -> str:
        texts = [ast.unparse(statement) for statement in base(programs.FOLDER / self.program).body]
        texts[self.place] = self.changed
        return "\n".join(texts) + "\n"


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the error it raises when it runs (its kind, its first line), and what Pyrefly says."""

    mutant: Mutant
    raised: str
    message: str
    reported: str

    @property
    def is_a_bug(self) -> bool:
        return self.raised in ("ShapeError", "DTypeError")

    @property
    def is_from_outside(self) -> bool:
        """Whether `expect` refuses: the sizes of arrays and files are no types, and this is where they are checked."""
        return self.is_a_bug and self.message.startswith("expect: the tensor has another shape")

    @property
    def must_be_reported(self) -> bool:
        return self.is_a_bug and not self.is_from_outside


class _WithoutAssertions(ast.NodeTransformer):
    """Takes `assert_type` away, and the question whether a type checker reads."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return node.args[0] if isinstance(node.func, ast.Name) and node.func.id == "assert_type" else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.body if ast.unparse(node.test) == "TYPE_CHECKING" else node


@functools.cache
def base(path: Path) -> ast.Module:
    """The program that is changed: without assertions on types, which would find every change."""
    return ast.parse(ast.unparse(_WithoutAssertions().visit(ast.parse(programs.source(path)))))


# ---- the changes -------------------------------------------------------------------------------------------------------
def _sites(node: ast.AST, within: ast.stmt) -> Iterator[tuple[str, ast.AST, ast.stmt]]:
    """What can be changed, with the innermost statement it is in."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "not TYPE_CHECKING":
        # What only runs says nothing about types.
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant) and type(child.value) is int and child.value >= 1:
            yield "one more", child, within
        if isinstance(child, ast.Tuple | ast.List) and len(child.elts) >= 2 and isinstance(child.ctx, ast.Load):
            yield "members swapped", child, within
        if isinstance(child, ast.Call) and len(child.args) >= 2:
            yield "arguments swapped", child, within
        yield from _sites(child, child if isinstance(child, ast.stmt) else within)


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Every statement of a program, outer ones first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        yield from _statements(child)


def _change(node: ast.AST, by: int) -> None:
    """Change a node, or with -1 change it back."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int)
        node.value += by
    elif isinstance(node, ast.Call):
        node.args[0], node.args[1] = node.args[1], node.args[0]
    elif isinstance(node, ast.Tuple | ast.List):
        node.elts[0], node.elts[1] = node.elts[1], node.elts[0]


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a program."""
    number = 0
    numbers = {id(s): i for i, s in enumerate(_statements(base(path)))}
    for place, statement in enumerate(base(path).body):
        for kind, node, within in list(_sites(statement, statement)):
            before = ast.unparse(within)
            _change(node, 1)
            after, changed = ast.unparse(within), ast.unparse(statement)
            _change(node, -1)
            if before == after:
                continue
            number += 1
            computes = isinstance(within, ast.Expr)
            # Of a statement with a body only the line that changed.
            lines = zip(before.splitlines(), after.splitlines(), strict=True)
            text = after if computes else next(new.strip() for old, new in lines if old != new)
            yield Mutant(path.name, number, kind, place, numbers[id(within)], computes, text, changed)


def sample(paths: Sequence[Path], size: int) -> list[Mutant]:
    """The same mutants every time: all that stand at the top and only compute, and so many of the others."""
    every = [mutant for path in paths for mutant in mutants(path)]
    others = sorted((m for m in every if not _cheap(m)), key=_chance)
    return [m for m in every if _cheap(m)] + others[:size]


def _cheap(mutant: Mutant) -> bool:
    return mutant.computes and mutant.changed == mutant.text


def _chance(mutant: Mutant) -> bytes:
    return hashlib.sha256(f"{mutant.program} {mutant.kind} {mutant.changed}".encode()).digest()


# ---- running -----------------------------------------------------------------------------------------------------------
class _Running:
    """A correct program, run once statement by statement."""

    def __init__(self, path: Path) -> None:
        module = base(path)
        self.path = path
        self.code = [compile(ast.Module([s], []), str(path), "exec") for s in module.body]
        self.before: list[dict[str, Any]] = []
        names: dict[str, Any] = {"__name__": f"tests.typing.mutant_{path.stem}", "__file__": str(path)}
        for code in self.code:
            self.before.append(dict(names))
            exec(code, names)
        # What does not run unchanged says nothing when it is changed.
        with redirect_stdout(io.StringIO()):
            names.get("run", bool)()

    def outcome(self, mutant: Mutant) -> tuple[str, str]:
        # Functions and classes look names up where they were defined: what is changed begins anew.
        alone = _cheap(mutant)
        names = dict(self.before[mutant.place]) if alone else dict(self.before[0])
        sw.seed(0)
        try:
            with redirect_stdout(io.StringIO()):
                if alone:
                    exec(mutant.changed, names)
                    return "", ""
                for place, code in enumerate(self.code):
                    exec(mutant.changed if place == mutant.place else code, names)
                if "run" in names:
                    names["run"]()
        except Exception as error:
            return type(error).__name__, str(error).partition("\n")[0]
        return "", ""


# ---- checking ----------------------------------------------------------------------------------------------------------
class _Together(ast.NodeTransformer):
    """Puts mutants of statements that only compute behind the statement, each between two marks."""

    def __init__(self, chosen: Sequence[Mutant]) -> None:
        self.after: dict[int, list[Mutant]] = {}
        for mutant in chosen:
            self.after.setdefault(mutant.statement, []).append(mutant)
        self.seen = 0

    def visit(self, node: ast.AST) -> Any:
        number = self.seen
        self.seen += isinstance(node, ast.stmt)
        node = self.generic_visit(node)
        mutants = self.after.get(number, []) if isinstance(node, ast.Expr) else []
        if not mutants:
            return node
        return [node, *(part for m in mutants for part in (_mark(m.number), *ast.parse(m.text).body, _mark(0)))]


def _mark(number: int) -> ast.stmt:
    return ast.Expr(ast.Constant(f"mutant {number}"))


def _marked(text: str) -> dict[int, int]:
    """For each line of a mutant, its number."""
    found, number = {}, 0
    for line, content in enumerate(text.splitlines(), 1):
        if content.strip().startswith("'mutant "):
            number = int(content.strip()[len("'mutant ") : -1])
        elif number:
            found[line] = number
    return found


def _reported(chosen: Sequence[Mutant]) -> dict[Mutant, str]:
    """What Pyrefly says of each mutant that it reports.

    Raises:
        ValueError: a program is not correct even before it is changed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        files: dict[str, Mutant | None] = {}
        marks: dict[str, dict[int, Mutant]] = {}
        for program in sorted({mutant.program for mutant in chosen}):
            own = [m for m in chosen if m.program == program]
            together = _Together([m for m in own if m.computes])
            text = ast.unparse(together.visit(ast.parse(ast.unparse(base(programs.FOLDER / program)))))
            path = folder / program
            path.write_text(text, "utf-8")
            files[str(path)] = None
            by_number = {m.number: m for m in own}
            marks[str(path)] = {line: by_number[number] for line, number in _marked(text).items()}
            for mutant in own:
                if not mutant.computes:
                    path = folder / f"m{mutant.number}_{program}"
                    path.write_text(mutant.code, "utf-8")
                    files[str(path)] = mutant
        found: dict[Mutant, str] = {}
        for error in checkers.run("pyrefly", [Path(file) for file in files]).errors:
            mutant = files[error.file] or marks[error.file].get(error.line)
            if mutant is None:
                raise ValueError(f"{Path(error.file).name}: {error.message}: before it was changed")
            found.setdefault(mutant, f"{error.code}: {error.message}")
        return found


def outcomes(chosen: Sequence[Mutant]) -> list[Outcome]:
    """Run mutants and check them all at once."""
    reported = _reported(chosen)
    read = sw.data.mnist
    # The same immutable images for each mutant that reads them.
    sw.data.mnist = functools.cache(read)
    try:
        running = {program: _Running(programs.FOLDER / program) for program in sorted({m.program for m in chosen})}
        return [Outcome(m, *running[m.program].outcome(m), reported.get(m, "")) for m in chosen]
    finally:
        sw.data.mnist = read
