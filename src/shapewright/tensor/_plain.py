"""Arguments annotated `float`, `int`, `bool` or `str`: the library's own layers, losses and initialisers check them.

What it is not: the check of tensors and sizes (`binding.py`), or of the range that a number must be in, which stands
where the number is used. Functions of users are left alone: what they annotate so is theirs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsIndex

import numpy as np

from shapewright.shapes.errors import ArgumentError

_NUMBERS = (int, float, np.integer, np.floating)
_WORDS = {"float": "a number", "int": "an int", "bool": "True or False", "str": "a str"}


def _fits(kind: str, value: Any) -> bool:
    if kind == "bool" or isinstance(value, bool):
        return kind == "bool" and isinstance(value, bool | np.bool_)
    if kind == "int":
        return isinstance(value, SupportsIndex) and isinstance(value, int | np.integer)
    return isinstance(value, str if kind == "str" else _NUMBERS)


class PlainArguments:
    """What the annotations of a function say of its plain arguments.

    Args:
        function: the function.
        called: what reports call it.
        method: whether the first parameter is `self`.
    """

    __slots__ = ("_called", "_parameters")

    def __init__(self, function: Callable[..., Any], called: str, *, method: bool = False) -> None:
        self._called = called
        # Name, place among the positional arguments, kind, and whether None may be given.
        self._parameters: list[tuple[str, int, str, bool]] = []
        parameters = inspect.signature(function).parameters.values()
        for place, parameter in enumerate(parameters):
            kinds = str(parameter.annotation).split(" | ")
            kinds = ["str" if kind.startswith(("Literal['", 'Literal["')) else kind for kind in kinds]
            plain = [kind for kind in kinds if kind in _WORDS]
            if plain and len(plain) + ("None" in kinds) == len(kinds):
                position = len(parameters) if parameter.kind is parameter.KEYWORD_ONLY else place - method
                self._parameters.append((parameter.name, position, plain[0], "None" in kinds))

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Compare the arguments (without `self`) with the annotations.

        Raises:
            ArgumentError: one is of another kind.
        """
        for name, position, kind, optional in self._parameters:
            if position < len(args):
                value = args[position]
            elif name in kwargs:
                value = kwargs[name]
            else:
                continue
            if not (_fits(kind, value) or (optional and value is None)):
                shown = repr(value) if isinstance(value, int | float | str | None) else type(value).__name__
                raise ArgumentError(f"{self._called}: {name} is {_WORDS[kind]}, not {shown}")


def checked_plainly[F: Callable[..., Any]](function: F) -> F:
    """Check a function's plain arguments at each call."""
    plain = PlainArguments(function, getattr(function, "__name__", "function"))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        plain.check(args, kwargs)
        return function(*args, **kwargs)

    result: Any = call
    return result
