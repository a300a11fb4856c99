"""Writes a correct program in another spelling, line for line: without assertions on types, and with shapes quoted.

`Tensor[[*Bs, 4 * D]]` is no annotation that pyright, mypy and ty could read, `Tensor["[*Bs, 4 * D]"]` is one. What it is
not: a formatter; only what differs between the spellings is touched.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.typing import programs


def without_assertions(text: str) -> str:
    """Write `assert_type(value, …)` as `(value)`: what other checkers see of a type is no shape."""
    edits = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "assert_type":
            value = ast.get_source_segment(text, node.args[0]) or ""
            edits.append((_span(text, node), f"({value})"))
    return _edited(text, edits)


def quoted(text: str) -> str:
    """Quote every shape with arithmetic or a splat in an annotation, and every size with arithmetic."""
    edits = []
    for annotation in _annotations(ast.parse(text)):
        for node in ast.walk(annotation):
            if not isinstance(node, ast.Subscript):
                continue
            for part in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
                if _needs_quotes(part):
                    edits.append((_span(text, part), f'"{ast.get_source_segment(text, part)}"'))
    return _edited(text, edits)


def native_lines(text: str) -> set[int]:
    """The lines on which a shape stands with arithmetic or a splat outside quotes."""
    return {
        part.lineno
        for annotation in _annotations(ast.parse(text))
        for node in ast.walk(annotation)
        if isinstance(node, ast.Subscript)
        for part in (node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])
        if _needs_quotes(part)
    }


def _needs_quotes(node: ast.expr) -> bool:
    if isinstance(node, ast.List):
        return any(isinstance(item, ast.Starred) or _needs_quotes(item) for item in node.elts)
    return isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitOr)


def _annotations(module: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.returns
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        if isinstance(node, ast.ClassDef):
            yield from node.bases


def _span(text: str, node: ast.expr) -> tuple[int, int]:
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _edited(text: str, edits: list[tuple[tuple[int, int], str]]) -> str:
    # From the end, so that what is before keeps its place. Columns of the syntax tree count bytes.
    raw = text.encode()
    for (start, stop), new in sorted(edits, reverse=True):
        # A line break inside what is replaced is kept at its end, so that every later line keeps its number.
        lost = raw[start:stop].count(b"\n") - new.encode().count(b"\n")
        raw = raw[:start] + new.encode() + b"\n" * lost + raw[stop:]
    return raw.decode()


def write(paths: list[Path], folder: Path, *, quotes: bool) -> list[Path]:
    """Write programs into a folder as other checkers should read them."""
    written = []
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        text = without_assertions(programs.source(path))
        target = folder / path.name
        target.write_text(quoted(text) if quotes else text, "utf-8")
        written.append(target)
    return written
