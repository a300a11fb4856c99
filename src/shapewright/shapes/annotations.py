"""Reads shape annotations: `Tensor[[*Bs, 4 * D], i64]`, `Int[N]`, `Shaped[Tensor, "[B, D]"]`, and tuples of them.

Annotations are parsed, never evaluated: what they name need not exist at run time. What it is not: the comparison of an
annotation with values (`tensor/binding.py`).
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .dtypes import BY_NAME, DType, bool_, f32

_OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", lambda a, b: a + b),
    ast.Sub: ("-", lambda a, b: a - b),
    ast.Mult: ("*", lambda a, b: a * b),
    ast.FloorDiv: ("//", lambda a, b: a // b),
    ast.Pow: ("**", lambda a, b: a**b),
}
_TENSORS = ("Tensor", "Parameter", "Buffer")


@dataclass(frozen=True)
class Size:
    """One size of an annotation: a number, a name, or arithmetic. Its text is as the user wrote it."""

    text: str
    names: frozenset[str]
    evaluate: Callable[[Mapping[str, Any]], Any]

    @property
    def name(self) -> str | None:
        return self.text if self.text in self.names else None


@dataclass(frozen=True)
class Splat:
    """`*Bs`: any number of axes under one name."""

    name: str


@dataclass(frozen=True)
class TensorPattern:
    """A tensor annotation. No dims means any shape, no dtype any element type; a dtype may be a name to bind."""

    dims: tuple[Size | Splat, ...] | None
    dtype: type[DType] | str | None
    text: str


@dataclass(frozen=True)
class IntPattern:
    """`Int[N]`."""

    size: Size


@dataclass(frozen=True)
class DTypePattern:
    """`type[DT]`: an element type given as an argument."""

    name: str


@dataclass(frozen=True)
class TuplePattern:
    """`tuple[Tensor[[B]], Tensor[[B, D]]]`."""

    items: tuple[Pattern | None, ...]


type Pattern = TensorPattern | IntPattern | DTypePattern | TuplePattern


@dataclass(frozen=True)
class Patterns:
    """The patterns of one function: by parameter name, with each parameter's position, and of what it returns."""

    parameters: tuple[tuple[str, int | None, Pattern], ...]
    result: Pattern | None


def read(function: Callable[..., Any]) -> Patterns:
    """Read the annotations of a function; what is no shape annotation is left out."""
    annotations: Mapping[str, Any] = getattr(function, "__annotations__", {})
    found = []
    positional = 0
    for parameter in inspect.signature(function).parameters.values():
        position = None
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            position = positional
            positional += 1
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        pattern = pattern_of(annotations.get(parameter.name))
        if pattern is not None:
            found.append((parameter.name, position, pattern))
    return Patterns(tuple(found), pattern_of(annotations.get("return")))


def pattern_of(annotation: Any) -> Pattern | None:
    """Read one annotation, a string or what Python made of it."""
    if annotation is None:
        return None
    text = annotation if isinstance(annotation, str) else _source(annotation)
    if text is None:
        return None
    try:
        return _pattern(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError:
        return None


def _source(annotation: Any) -> str | None:
    """Write an annotation that Python evaluated as the text it came from, if it is one of ours."""
    origin = getattr(annotation, "__origin__", None)
    if origin is None:
        return getattr(annotation, "__name__", None)
    metadata = getattr(annotation, "__metadata__", None)
    if metadata:
        return f"Tensor[{metadata[0]}]" if isinstance(metadata[0], str) else _source(origin)
    parts = [_argument(argument) for argument in getattr(annotation, "__args__", ())]
    return f"{getattr(origin, '__name__', '')}[{', '.join(parts)}]"


def _argument(argument: Any) -> str:
    if isinstance(argument, list | tuple):
        return "[" + ", ".join(_argument(item) for item in argument) + "]"
    if isinstance(argument, str):
        return argument
    name = getattr(argument, "__name__", None)
    return name if isinstance(name, str) else _source(argument) or str(argument)


def _pattern(node: ast.expr) -> Pattern | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return pattern_of(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if not _is_none(side)]
        return _pattern(sides[0]) if len(sides) == 1 else None
    name = _name(node)
    if name in _TENSORS:
        return TensorPattern(None, None, name)
    if not isinstance(node, ast.Subscript):
        return None
    base = _name(node.value)
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if base in _TENSORS:
        return _tensor(arguments, ast.unparse(node))
    if base == "Shaped" and len(arguments) == 2:
        if _name(arguments[0]) in _TENSORS:
            return pattern_of(f"Tensor[{ast.literal_eval(arguments[1])}]")
        return IntPattern(_size(_unquoted(arguments[1]))) if _name(arguments[0]) == "int" else None
    if base == "Int":
        return IntPattern(_size(_unquoted(arguments[0])))
    if base == "type" and isinstance(arguments[0], ast.Name):
        return DTypePattern(arguments[0].id)
    if base == "tuple":
        return TuplePattern(tuple(_pattern(argument) for argument in arguments))
    if base == "Optional":
        return _pattern(arguments[0])
    return None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _unquoted(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return ast.parse(node.value, mode="eval").body
    return node


def _tensor(arguments: list[ast.expr], text: str) -> TensorPattern:
    first = _unquoted(arguments[0])
    if isinstance(first, ast.Tuple):
        # `Tensor["[B, D], i64"]` holds all arguments in one string.
        arguments = [*first.elts, *arguments[1:]]
        first = _unquoted(arguments[0])
    dims: tuple[Size | Splat, ...] | None
    if isinstance(first, ast.List):
        dims = tuple(_dim(item) for item in first.elts)
    elif isinstance(first, ast.Name):
        dims = (Splat(first.id),)
    else:
        dims = None
    dtype: type[DType] | str | None = f32
    if len(arguments) > 1:
        name = _name(_unquoted(arguments[1]))
        dtype = bool_ if name == "bool_" else BY_NAME.get(name or "", name)
    return TensorPattern(dims, dtype, text)


def _dim(node: ast.expr) -> Size | Splat:
    node = _unquoted(node)
    if isinstance(node, ast.Starred):
        return Splat(_name(node.value) or "?")
    return _size(node)


def _size(node: ast.expr) -> Size:
    names = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
    return Size(ast.unparse(node), names, _evaluator(node))


def _evaluator(node: ast.expr) -> Callable[[Mapping[str, Any]], Any]:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        number = node.value
        return lambda names: number
    if isinstance(node, ast.Name):
        name = node.id
        return lambda names: names[name]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        operator = _OPERATORS[type(node.op)][1]
        left, right = _evaluator(node.left), _evaluator(node.right)
        return lambda names: operator(left(names), right(names))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        operand = _evaluator(node.operand)
        return lambda names: -operand(names)
    text = ast.unparse(node)

    def unknown(names: Mapping[str, Any]) -> Any:
        raise KeyError(text)

    return unknown
