"""Bound calls: on entry the annotations say what the shapes must be, and name the axes for the time of the call.

`Module.__call__` and functions decorated with `@sw.checked` are bound calls. Every axis annotated `B` is the same axis
in that call; a different number for one name is a ShapeError. What it is not: the reading of annotations
(`shapes/annotations.py`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shapewright.graph import Located
from shapewright.ops.core import describe_operand
from shapewright.shapes.annotations import (
    DTypePattern,
    IntPattern,
    Pattern,
    Patterns,
    Size,
    Splat,
    TensorPattern,
    TuplePattern,
    read,
)
from shapewright.shapes.dim import Atom, Dim, Polynomial, Scope, counted_axes, merge, without
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError, DTypeError, ShapeError

from .tensor import Tensor

_MOST_VERDICTS = 1024


class Binding:
    """What one bound call found out: the numbers of its names, and for each argument how its axes are named."""

    __slots__ = ("arguments", "names", "results")

    def __init__(self, names: dict[str, Any], arguments: list[tuple[str | int, Pattern]]) -> None:
        self.names = names
        self.arguments = arguments
        # Specs of results already compared with the return annotation.
        self.results: set[Any] = set()


class Binder:
    """The bound calls of one function.

    Args:
        function: the function whose annotations bind.
        called: what reports call it.
        method: whether the first parameter is `self`, which is not bound.
    """

    def __init__(self, function: Callable[..., Any], called: str, *, method: bool = False) -> None:
        self.function = function
        self.called = called
        self._first = 1 if method else 0
        self._read: Patterns | None = None
        self._defaults: dict[str, Any] = {}
        self._optional: frozenset[str] = frozenset()
        self._verdicts: dict[Any, Binding] = {}

    @property
    def patterns(self) -> Patterns:
        # Read at the first call: the classes that annotations name may not exist while the function is defined.
        if self._read is None:
            patterns = read(self.function)
            signature = inspect.signature(self.function).parameters
            defaults = {name: signature[name].default for name, _, _ in patterns.parameters}
            empty = inspect.Parameter.empty
            self._defaults = {n: d for n, d in defaults.items() if isinstance(d, int | type) and d is not empty}
            self._optional = frozenset(
                [n for n, p in signature.items() if p.default is None or "None" in str(p.annotation)]
            )
            # Last: another thread that sees the patterns finds the defaults too.
            self._read = patterns
        return self._read

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any], known: Mapping[str, Any]) -> Binding:
        """Compare the arguments (without `self`) with the annotations, or recall that equal ones passed.

        Args:
            known: the names that are bound already: the sizes of the module.

        Raises:
            ShapeError: a size or a rank is another one than the annotation says.
            DTypeError: an element type is.
        """
        given: list[tuple[str | int, Any, str, Pattern]] = []
        key: list[Any] = []
        for name, position, pattern in self.patterns.parameters:
            if position is not None and position - self._first < len(args):
                index = position - self._first
                place: str | int = index
                value = args[index]
            elif name in kwargs:
                place, value = name, kwargs[name]
            elif name in self._defaults:
                # A size or element type left out is known all the same: `stride: Int[S] = 1`, `dtype: type[DT] = f32`.
                place, value = "", self._defaults[name]
            else:
                continue
            if value is None and (name in self._optional or isinstance(pattern, DTypePattern | TuplePattern)):
                continue
            given.append((place, value, name, pattern))
            # With its place: `f(x)`, `f(x=x)` and `f(y=x)` are different calls.
            key.append(place)
            key.append(value._spec if isinstance(value, Tensor) else _key(value))
        verdict_key = (*key, *known.items())
        found = self._verdicts.get(verdict_key)
        if found is None:
            found = self._bind(given, known)
            if len(self._verdicts) >= _MOST_VERDICTS:
                self._verdicts.clear()
            self._verdicts[verdict_key] = found
        return found

    def _bind(self, given: Sequence[tuple[str | int, Any, str, Pattern]], known: Mapping[str, Any]) -> Binding:
        names: dict[str, Any] = {name: int(v) if isinstance(v, int) else v for name, v in known.items()}
        origins: dict[str, str] = dict.fromkeys(names, "this module")
        # Names that stand alone are bound first, so that `H * K` can be compared wherever it stands.
        for alone in (True, False):
            for _, value, called, pattern in given:
                self._match(value, called, pattern, names, origins, alone)
        return Binding(names, [(place, pattern) for place, _, _, pattern in given if place != ""])

    def _match(
        self, value: Any, called: str, pattern: Pattern, names: dict[str, Any], origins: dict[str, str], alone: bool
    ) -> None:
        if isinstance(pattern, TuplePattern):
            if isinstance(value, tuple) and len(value) == len(pattern.items):
                for index, (item, inner) in enumerate(zip(value, pattern.items, strict=True)):
                    if inner is not None:
                        self._match(item, f"{called}[{index}]", inner, names, origins, alone)
            elif alone:
                given = f"a tuple of {len(value)}" if isinstance(value, tuple) else type(value).__name__
                raise ShapeError(f"{self.called}: {called} is {given}, and a tuple of {len(pattern.items)} is needed")
            return
        if isinstance(pattern, DTypePattern):
            if alone and isinstance(value, type) and issubclass(value, DType):
                names.setdefault(pattern.name, value)
            return
        if isinstance(pattern, IntPattern):
            if not isinstance(value, int | np.integer) or isinstance(value, bool):
                shown = repr(value) if isinstance(value, float | str | bool | tuple | list) else type(value).__name__
                raise ArgumentError(f"{self.called}: {called} is a size, an int, not {shown}")
            self._size(int(value), pattern.size, called, None, pattern, value, names, origins, alone)
            return
        if not isinstance(value, Tensor):
            if alone:
                is_forgotten = value is None and called == _RESULT
                raise ShapeError(
                    f"{self.called}: {called} is {type(value).__name__}, and a tensor is needed",
                    facts=[("needed", pattern.text)],
                    hint="return, and the tensor" if is_forgotten else "sw.tensor(...) or sw.from_numpy(...) around it",
                )
            return
        if alone:
            self._dtype(value, called, pattern, names, origins)
        if pattern.dims is None:
            return
        sizes = value._spec.sizes
        dims = pattern.dims
        splats = [i for i, dim in enumerate(dims) if isinstance(dim, Splat)]
        if (len(sizes) != len(dims)) if not splats else (len(sizes) < len(dims) - 1):
            least = f"{len(dims)}" if not splats else f"at least {len(dims) - 1}"
            verb = "is" if least == "1" else "are"
            raise ShapeError(
                f"{self.called}: {called} has {counted_axes(len(sizes))}, and {least} {verb} needed",
                facts=[("needed", pattern.text), (called, describe_operand(value))],
            )
        at = splats[0] if splats else len(dims)
        tail = len(dims) - at - 1 if splats else 0
        for index in range(at):
            self._size(sizes[index], dims[index], called, index, pattern, value, names, origins, alone)
        if splats:
            if alone:
                self._splat(sizes[at : len(sizes) - tail], dims[at], called, pattern, value, names, origins)
            for index in range(tail):
                place = len(sizes) - tail + index
                self._size(sizes[place], dims[at + 1 + index], called, place, pattern, value, names, origins, alone)

    def _splat(
        self,
        sizes: tuple[int, ...],
        splat: Any,
        called: str,
        pattern: TensorPattern,
        value: Any,
        names: dict[str, Any],
        origins: dict[str, str],
    ) -> None:
        before = names.setdefault(splat.name, sizes)
        if before != sizes:
            raise ShapeError(
                f"{self.called}: {splat.name} is {list(before)} in {origins[splat.name]} and {list(sizes)} in {called}",
                facts=[("needed", pattern.text), (called, describe_operand(value))],
            )
        origins.setdefault(splat.name, called)

    def _size(
        self,
        number: int,
        size: Any,
        called: str,
        axis: int | None,
        pattern: Pattern,
        value: Any,
        names: dict[str, Any],
        origins: dict[str, str],
        alone: bool,
    ) -> None:
        name = size.name
        if (name is not None) != alone:
            return
        if name is not None and name not in names:
            names[name] = number
            origins[name] = called
            return
        try:
            needed = size.evaluate(names)
        except KeyError:
            return
        if needed != number:
            where = called if axis is None else f"axis {axis} of {called}"
            raise ShapeError(
                f"{self.called}: {where} has size {number}, and {_reading(size, needed)} is needed",
                facts=[
                    ("needed", f"{pattern.text}, {_sources(size, names, origins)}" if size.names else pattern.text),
                    (called, describe_operand(value) if isinstance(value, Tensor) else str(int(value))),
                ]
                if isinstance(pattern, TensorPattern)
                else [("needed", _sources(size, names, origins)), (called, str(int(value)))],
            )

    def _dtype(
        self, value: Any, called: str, pattern: TensorPattern, names: dict[str, Any], origins: dict[str, str]
    ) -> None:
        needed: Any = pattern.dtype
        found = value._spec.dtype
        if isinstance(needed, str):
            origins.setdefault(needed, called)
            needed = names.setdefault(needed, found)
        if needed is not None and found is not needed:
            raise DTypeError(
                f"{self.called}: {called} has elements of type {found.name}, and {needed.name} is needed",
                facts=[("needed", pattern.text), (called, describe_operand(value))],
                hint=f"{called}.to(sw.{needed.name})",
            )

    def bound(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call the function: its arguments checked and their axes named, its result checked and its names forgotten."""
        with Located(self.where):
            scope = Scope()
            binding = self.check(args, kwargs, {})
            named_args, named_kwargs = self.name_axes(binding, args, kwargs, {}, scope)
            result = self.function(*named_args, **named_kwargs)
            self.check_result(binding, result)
            return forget(result, scope)

    def where(self) -> str:
        """Say which function it is."""
        return f"{self.called}()"

    # ---- names for the time of the call -----------------------------------------------------------------------------
    def name_axes(
        self, binding: Binding, args: Sequence[Any], kwargs: Mapping[str, Any], known: Mapping[str, Any], scope: Scope
    ) -> tuple[list[Any], dict[str, Any]]:
        """Give the arguments with their axes named as the annotations say."""
        sizes: dict[str, Any] = dict(known)

        def named(name: str, number: int) -> Any:
            found = sizes.get(name)
            if found is None:
                found = sizes[name] = Dim(number, (Polynomial.of(Atom(name, scope)),))
            return found

        for name, number in binding.names.items():
            if name in sizes or isinstance(number, type):
                continue
            if isinstance(number, tuple):
                sizes[name] = tuple(
                    [Dim(n, (Polynomial.of(Atom(f"{name}[{i}]", scope)),)) for i, n in enumerate(number)]
                )
            else:
                named(name, number)
        new_args = list(args)
        new_kwargs = dict(kwargs)
        for place, pattern in binding.arguments:
            if isinstance(place, int):
                new_args[place] = _with_names(new_args[place], pattern, sizes)
            else:
                new_kwargs[place] = _with_names(new_kwargs[place], pattern, sizes)
        return new_args, new_kwargs

    def check_result(self, binding: Binding, result: Any) -> None:
        """Compare what is returned with the return annotation."""
        pattern = self.patterns.result
        if pattern is None:
            return
        key = result._spec if isinstance(result, Tensor) else None
        if key is not None and key in binding.results:
            return
        if isinstance(pattern, TuplePattern | TensorPattern) or isinstance(result, Tensor):
            names = dict(binding.names)
            origins = dict.fromkeys(names, "the arguments")
            for alone in (True, False):
                self._match(result, _RESULT, pattern, names, origins, alone)
        if key is not None:
            binding.results.add(key)


_RESULT = "the result"


def _key(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple([item._spec if isinstance(item, Tensor) else _key(item) for item in value])
    return int(value) if isinstance(value, int | np.integer) else value if isinstance(value, type) else type(value)


def _reading(size: Size, needed: int) -> str:
    return f"{needed}" if not size.names else f"{size.text} = {needed}"


def _sources(size: Size, names: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {names[name]} from {origins.get(name, 'this call')}" for name in sorted(size.names))


def _with_names(value: Any, pattern: Pattern, sizes: Mapping[str, Any]) -> Any:
    if isinstance(pattern, TuplePattern):
        if not isinstance(value, tuple):
            return value
        return tuple([v if p is None else _with_names(v, p, sizes) for v, p in zip(value, pattern.items, strict=True)])
    if isinstance(pattern, IntPattern):
        return merge(_evaluated(pattern.size, sizes, int(value)), value) if isinstance(value, int) else value
    # A cell must stay the cell it is: it can be assigned, and its gradient is found by it.
    if not isinstance(pattern, TensorPattern) or pattern.dims is None or type(value) is not Tensor:
        return value
    plain = value._spec.sizes
    own = value._dims or plain
    dims: list[Any] = []
    for position, dim in enumerate(pattern.dims):
        if isinstance(dim, Splat):
            dims.extend(sizes.get(dim.name, plain[position : len(plain) - (len(pattern.dims) - position - 1)]))
        else:
            dims.append(_evaluated(dim, sizes, plain[len(dims)]))
    # The names of this call come first: they are what its body speaks of.
    named = tuple([merge(d, o) for o, d in zip(own, dims, strict=True)])
    result: Any = value._alias(value._node)
    result._origin = value._origin
    result._dims = named
    return result


def _evaluated(size: Size, sizes: Mapping[str, Any], number: int) -> int:
    try:
        return size.evaluate(sizes)
    except KeyError:
        return number


def forget(value: Any, scope: Scope) -> Any:
    """Give a result without the names of a call that has ended."""
    if isinstance(value, Tensor):
        dims = value._dims
        if dims is not None:
            kept = tuple([without(d, scope) for d in dims])
            value._dims = kept if any([type(d) is Dim for d in kept]) else None
        return value
    if type(value) is tuple:
        return tuple([forget(item, scope) for item in value])
    return without(value, scope) if isinstance(value, Dim) else value


def check_callable(called: str, function: object, hint: str) -> None:
    """Refuse what cannot be called in the place of a function.

    Raises:
        ArgumentError: it cannot be called.
    """
    if not callable(function):
        raise ArgumentError(f"{called}: takes a function, not {type(function).__name__}", hint=hint)


def checked[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Check a function's shape annotations at each call, and name its axes as they do for the time of the call.

    Raises (when called):
        ShapeError: an argument or the result has another shape than its annotation says, or one name has two sizes.
        DTypeError: an element type is another one.

    PyTorch: nothing; jaxtyping's ``@jaxtyped`` with a run-time checker is near.

    >>> import shapewright as sw
    >>> from shapewright import IntVar, Tensor
    >>> @sw.checked
    ... def columns[B: IntVar, D: IntVar](x: Tensor["[B, D]"]) -> Tensor["[D]"]:
    ...     b, d = x.shape
    ...     return x.sum((d,))
    >>> columns(sw.ones((2, 2)))
    Tensor[[2], f32] on cpu: [2. 2.]
    """
    check_callable("checked", function, "@sw.checked above a function, or sw.checked(function)")
    binder = Binder(function, getattr(function, "__name__", "function"))

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return binder.bound(args, kwargs)

    return call


__all__ = ["Binder", "Binding", "check_callable", "checked", "forget"]
