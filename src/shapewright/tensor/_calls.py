"""Calls whose arguments are not those of the function: `x.reshape(4, 5)`, `x.sum(dim=0)`, `sw.concat((a, b))`.

People bring them from PyTorch and NumPy. Python alone would say how many arguments there should be; here the error says
what to write. What it is not: names that do not exist (`habits.py`), or values that an argument does not allow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from shapewright.ops.core import Value, describe_operand
from shapewright.shapes.errors import CallError

# What an argument is called here, by what it is called elsewhere; the first that the function has.
_RENAMED = {
    "dim": ("axis", "axes", "start_axis"),
    "dims": ("axes", "axis"),
    "axes": ("axis",),
    "dim0": ("axes",),
    "keepdim": ("keepdims",),
    "start_dim": ("start_axis",),
    "end_dim": ("end_axis",),
    "index": ("indices",),
    "input": ("x",),
    "max_norm": ("max",),
    "num_classes": ("classes",),
    "repeats": ("to",),
    "sections": ("parts",),
    "shape": ("to",),
    "shifts": ("shift",),
    "size": ("shape", "to"),
    "source": ("values",),
    "src": ("values",),
}
_SHAPES = ("to", "shape")
_AXES = ("axis", "axes", "start_axis")


def explain_methods(owner: type) -> None:
    """Let the methods of a class that take arguments say what to write where a call does not fit them."""
    for name in dir(owner):
        function = getattr(owner, name)
        if not name.startswith("_") and isinstance(function, _FUNCTION) and _arguments(function, is_method=True):
            setattr(owner, name, _explained(function, "x."))


def explain_functions(namespace: dict[str, Any]) -> None:
    """Let the functions of a package say it."""
    for name, function in list(namespace.items()):
        if not name.startswith("_") and isinstance(function, _FUNCTION):
            namespace[name] = _explained(function, "sw.")


_FUNCTION = type(lambda: None)


def _arguments(function: Any, *, is_method: bool) -> list[str]:
    code = function.__code__
    return list(code.co_varnames[int(is_method) : code.co_argcount + code.co_kwonlyargcount])


def _explained(function: Callable[..., Any], written: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # The function itself has not begun where nothing of it is among what was called.
            trace = error.__traceback__
            if trace is None or trace.tb_next is not None:
                raise
            raise _refusal(function, written, args, kwargs) from None

    return call


# ---- what to write instead ------------------------------------------------------------------------------------------
def _refusal(function: Any, written: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> CallError:
    """Give the error of a call that does not fit, with the call that was probably meant."""
    is_method = written == "x."
    places = _arguments(function, is_method=is_method)
    by_place = places[: function.__code__.co_argcount - is_method]
    by_name = places[len(by_place) :]
    name, given = function.__name__, list(args[is_method:])
    facts = [("x", describe_operand(args[0]))] if is_method and args else []
    takes = ("takes", ", ".join([*by_place, *[f"{each}=" for each in by_name]]))
    # NumPy's functions hand it to a method of the same name.
    if is_method and "out" in kwargs:
        axis = kwargs.get("axis")
        hint = f"x.{name}({'' if axis is None else f'axis={axis!r}'})"
        return CallError(f"np.{name}: NumPy's functions take arrays, and this is a tensor", facts=facts, hint=hint)

    message = ""
    meant: dict[str, Any] = {}
    for keyword, value in kwargs.items():
        known = [each for each in (keyword, *_RENAMED.get(keyword, ())) if each in places]
        if not known:
            return CallError(f"{name}: there is no argument {keyword!r}", facts=[*facts, takes])
        if known[0] != keyword:
            message = message or f"{name}: {keyword}= is {known[0]}= here"
        meant[known[0]] = value

    free = [each for each in by_place if each not in meant]
    if len(given) > len(free):
        reason, given, more = _in_their_places(given, free, [each for each in by_name if each not in meant])
        meant.update(more)
        if not reason:
            count = len(args) - is_method
            return CallError(f"{name}: {count} arguments by place are too many", facts=[*facts, takes])
        message = message or f"{name}: {reason}"

    meant.update(zip(free, given, strict=False))
    for place in _required(function, by_place, by_name):
        if place not in meant:
            message = message or f"{name}: {place}{'=' if place in by_name else ''} is missing"
            meant[place] = 0 if place == "axis" else _Unsaid()
    parts = [
        _shown(meant[place], place) if place in by_place else f"{place}={_shown(meant[place], place)}"
        for place in places
        if place in meant
    ]
    hint = f"{written}{name}({', '.join(parts)})"
    return CallError(message or f"{name}: the arguments do not fit", facts=facts, hint=hint)


def _in_their_places(
    given: list[Any], by_place: list[str], by_name: list[str]
) -> tuple[str, list[Any], dict[str, Any]]:
    """Give why there are too many arguments, those that stay in their places, and those that are given by name."""
    are_numbers = all(type(value) is int for value in given)
    if are_numbers and by_place and by_place[0] in _SHAPES:
        numbers = tuple(given)
        if "axes" in by_name and sorted(numbers) == list(range(len(numbers))):
            return "numbers of axes are one tuple that is given by name", [], {"axes": numbers}
        if "keepdims" in by_name:
            return "numbers of axes are one tuple that is given by name", [], {"axis": numbers}
        return "a shape is one tuple", [numbers], {}
    if by_name and by_name[0] in _AXES and len(given) == len(by_place) + 1:
        first, *others = given
        # PyTorch names the axis in front of tensors, and behind anything else.
        if type(first) is int and any(isinstance(value, Value) for value in others):
            return f"{by_name[0]}= must be given by name", others, {by_name[0]: first}
    kept, more = given[: len(by_place)], given[len(by_place) :]
    if len(more) > len(by_name):
        return "", given, {}
    named = dict(zip(by_name, more, strict=False))
    return f"{' and '.join(f'{each}=' for each in named)} must be given by name", kept, named


def _required(function: Any, by_place: list[str], by_name: list[str]) -> list[str]:
    """Give the arguments that have to be there."""
    optional = len(function.__defaults__ or ())
    argcount = function.__code__.co_argcount
    free = set(function.__code__.co_varnames[argcount - optional : argcount]) | set(function.__kwdefaults__ or ())
    return [each for each in (*by_place, *by_name) if each not in free]


class _Unsaid:
    """An argument that nothing is known of."""


def _shown(value: Any, place: str) -> str:
    """Write a value as one would write it in a call, or the name of its place."""
    if isinstance(value, int | float | str | None):
        return repr(value)
    if isinstance(value, tuple | list):
        if value and all(isinstance(each, int | float) for each in value):
            return repr(tuple(value))
        if value and all(isinstance(each, Value) for each in value):
            return "(a, b)"
    return place
