"""Reads the programs of the typing tests and runs them: correct ones whole, others with one bug at a time.

What it is not: the type checkers (`checkers.py`) or the changes made to correct programs (`mutants.py`).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import io
import re
import tokenize
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapewright as sw
from shapewright.shapes.annotations import IntPattern, Splat, TensorPattern, pattern_of

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PASS = sorted(FOLDER.glob("*_pass.py"))
FAIL = sorted(FOLDER.glob("*_fail.py"))
PORTABLE = [path for path in PASS if path.name.startswith("portable_")]
NATIVE = [path for path in PASS if path not in PORTABLE]

# What the run-time form of a static error may be. A NameError or a failed assertion would be a mistake in the program.
ERRORS = (sw.Error, TypeError, ValueError, AttributeError)
# Different for different names, so that a wrong size is never right by chance.
SIZES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29)
LEADING = (4, 6)


@dataclass(frozen=True)
class Bug:
    """One line marked as wrong, with the lines of the statement it is in."""

    program: str
    line: int
    first: int
    column: int
    last: int
    text: str
    annotation: bool


def module_name(path: Path) -> str:
    return f"tests.typing.{path.stem}"


@functools.cache
def source(path: Path) -> str:
    return path.read_text("utf-8")


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(source(path), str(path))


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Every comment with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _statement_at(module: ast.Module, line: int) -> ast.stmt:
    covering = [n for n in ast.walk(module) if isinstance(n, ast.stmt) and n.lineno <= line <= (n.end_lineno or 0)]
    return min(covering, key=lambda n: ((n.end_lineno or 0) - n.lineno, -n.col_offset))


@functools.cache
def bugs(path: Path) -> tuple[Bug, ...]:
    """The bugs of a program, in their order."""
    found = []
    lines = source(path).splitlines()
    for line, comment in comments(source(path)):
        mark = re.search(r"# BUG\b\s*(\w*)", comment)
        if mark:
            statement = _statement_at(tree(path), line)
            text = lines[line - 1].split("# BUG")[0].strip()
            last = statement.end_lineno or line
            if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.For | ast.With | ast.If):
                last = max(line, statement.body[0].lineno - 1)
            found.append(
                Bug(path.name, line, statement.lineno, statement.col_offset, last, text, mark.group(1) == "annotation")
            )
    assert len({(bug.first, bug.column) for bug in found}) == len(found), f"{path.name}: two bugs in one statement"
    return tuple(found)


def assertions(path: Path) -> int:
    """The number of `assert_type` calls in a program."""
    calls = (n for n in ast.walk(tree(path)) if isinstance(n, ast.Call))
    return sum(isinstance(call.func, ast.Name) and call.func.id == "assert_type" for call in calls)


# ---- running -----------------------------------------------------------------------------------------------------------
def run(path: Path) -> None:
    """Run a correct program whole."""
    sw.seed(0)
    module = importlib.import_module(module_name(path))
    if hasattr(module, "run"):
        module.run()


class _Left(Exception):
    """In the place of a last `return` that is left out: what gives nothing where a tensor belongs is an error, too."""


class _Guarded(ast.NodeTransformer):
    """Lets a statement with a bug run only while `_kept` is its line."""

    def __init__(self, bugs: Sequence[Bug]) -> None:
        self.lines = {(bug.first, bug.column): bug.line for bug in bugs}

    def visit(self, node: ast.AST) -> Any:
        node = self.generic_visit(node)
        if isinstance(node, ast.FunctionDef):
            match node.body[-1]:
                case ast.If(test=ast.Compare(left=ast.Name(id="_kept")), body=[ast.Return()]) as guard:
                    guard.orelse = [ast.Raise(ast.Name("_Left", ast.Load()), None)]
                    ast.fix_missing_locations(guard)
        if not isinstance(node, ast.stmt) or (node.lineno, node.col_offset) not in self.lines:
            return node
        line = self.lines[node.lineno, node.col_offset]
        test = ast.Compare(ast.Name("_kept", ast.Load()), [ast.Eq()], [ast.Constant(line)])
        return ast.fix_missing_locations(ast.copy_location(ast.If(test, [node], []), node))


class Failing:
    """A program with bugs, compiled so that each can be kept alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bugs = bugs(path)
        guarded = _Guarded(self.bugs).visit(ast.parse(source(path), str(path)))
        self._code = compile(guarded, str(path), "exec")
        self._enclosing = {bug.line: _enclosing(tree(path), bug) for bug in self.bugs}
        self.names = self._run_module(None)

    def _run_module(self, kept: int | None) -> dict[str, Any]:
        sw.seed(0)
        names: dict[str, Any] = {"__name__": module_name(self.path), "__file__": str(self.path), "_kept": kept}
        names["_Left"] = _Left
        exec(self._code, names)
        return names

    def error_of(self, bug: Bug) -> BaseException | None:
        """Run the one bug and give what it raises, None if nothing; anything that is not its doing is raised."""
        outer = self._enclosing[bug.line]
        if outer is None:
            try:
                self._run_module(bug.line)
            except ERRORS as error:
                return error
            return None
        call = self._call_of(outer, bug)
        self.names["_kept"] = bug.line
        try:
            call()
        except ERRORS as error:
            caught = error
        except _Left:
            return None
        else:
            return None
        finally:
            self.names["_kept"] = None
        if any(f.filename == str(self.path) and bug.first <= (f.lineno or 0) <= bug.last for f in _frames(caught)):
            return caught
        # It was raised elsewhere (on the return of a checked function): then all must be well without the bug.
        with contextlib.suppress(_Left):
            self._call_of(outer, bug)()
        return caught

    def _call_of(self, outer: ast.stmt, bug: Bug) -> Callable[[], object]:
        if isinstance(outer, ast.ClassDef):
            return lambda: self._use_class(self.names[outer.name], outer, bug)
        assert isinstance(outer, ast.FunctionDef)
        function = self.names[outer.name]
        # The arguments are made first: what fails in making them is no bug of the program.
        arguments = self._arguments(outer.args, _sizes(outer, self.names))
        checked = function if hasattr(function, "__wrapped__") else sw.checked(function)
        return lambda: checked(**arguments)

    def _use_class(self, cls: type, node: ast.ClassDef, bug: Bug) -> None:
        sizes = _sizes(node, self.names)
        methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
        init = methods.get("__init__")
        instance = cls(**self._arguments(init.args, sizes, method=True)) if init else cls()
        wanted = [m for m in methods.values() if m is not init and m.lineno <= bug.line <= (m.end_lineno or 0)]
        for method in wanted or [m for m in (methods.get("__call__"),) if m]:
            arguments = self._arguments(method.args, sizes | _sizes(method, self.names, len(sizes)), method=True)
            getattr(instance, method.name)(**arguments)

    def _arguments(self, args: ast.arguments, sizes: Mapping[str, Any], *, method: bool = False) -> dict[str, Any]:
        given = self.names.get("ARGUMENTS", {})
        positional = [*args.posonlyargs, *args.args][1 if method else 0 :]
        needed = positional[: len(positional) - len(args.defaults)]
        needed += [a for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True) if default is None]
        return {a.arg: given[a.arg] if a.arg in given else self._make(a.annotation, sizes) for a in needed}

    def _make(self, annotation: ast.expr | None, sizes: Mapping[str, Any]) -> Any:
        """Make a value of an annotated type: a tensor of its shape, a layer of its sizes, a function that gives one."""
        if annotation is None:
            raise AssertionError("a parameter without annotation: name it in ARGUMENTS")
        text = ast.unparse(annotation)
        plain: Any = {"int": 2, "float": 0.5, "bool": True, "str": "x"}.get(text)
        if plain is not None:
            return plain
        pattern = pattern_of(text)
        if isinstance(pattern, TensorPattern):
            dtype: Any = pattern.dtype if isinstance(pattern.dtype, type) else sw.f32
            shape: list[int] = []
            for dim in pattern.dims or (Splat("?"),):
                shape.extend(sizes.get(dim.name, LEADING) if isinstance(dim, Splat) else [dim.evaluate(sizes)])
            return sw.zeros(tuple(shape), dtype=dtype)
        if isinstance(pattern, IntPattern):
            return pattern.size.evaluate(sizes)
        if isinstance(annotation, ast.Subscript):
            items = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
            base = ast.unparse(annotation.value)
            if base == "list":
                return [self._make(items[0], sizes) for _ in range(2)]
            if base == "tuple":
                return tuple(self._make(item, sizes) for item in items)
            if base == "Callable":
                return lambda *_: self._make(items[1], sizes)
            layer = eval(base, self.names)
            return layer(*(eval(ast.unparse(item), self.names, dict(sizes)) for item in items))
        return eval(text, self.names)()


def _frames(error: BaseException) -> Sequence[traceback.FrameSummary]:
    return traceback.extract_tb(error.__traceback__)


def _enclosing(module: ast.Module, bug: Bug) -> ast.stmt | None:
    """The function or class at the top of the file that the bug is in; None if it is in none."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= bug.line <= (node.end_lineno or 0):
            # A bug in the header itself is the statement as a whole.
            return None if node.lineno == bug.first else node
    return None


def _sizes(node: ast.FunctionDef | ast.ClassDef, names: Mapping[str, Any], start: int = 0) -> dict[str, Any]:
    """A value for each type parameter."""
    given: Mapping[str, Any] = names.get("SIZES", {})
    found: dict[str, Any] = {}
    for parameter in node.type_params:
        assert isinstance(parameter, ast.TypeVar | ast.ParamSpec | ast.TypeVarTuple)
        bound = ast.unparse(parameter.bound) if isinstance(parameter, ast.TypeVar) and parameter.bound else ""
        if bound.endswith("IntTuple"):
            found[parameter.name] = given.get(parameter.name, LEADING)
        elif bound.endswith("IntVar"):
            found[parameter.name] = given.get(parameter.name, SIZES[start + len(found)])
    return found
