"""Which parameters an optimiser updates, in which groups, and what they are called.

What it is not: their state and settings (`optimizer.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from shapewright.nn.module import Module
from shapewright.ops.core import describe_operand
from shapewright.shapes.errors import ArgumentError
from shapewright.tensor.parameter import Buffer, Parameter
from shapewright.tensor.tensor import Tensor

type Parameters = Module | Parameter[Any, Any] | Iterable[Module | Parameter[Any, Any]]
"""What an optimiser updates: a model or a part of one, a parameter, or several of them."""


def groups_of(called: str, params: Any) -> list[tuple[Any, dict[str, Any]]]:
    """Give each group as its parameters and its own settings."""
    if not isinstance(params, Module | Tensor | Mapping) and isinstance(params, Iterable):
        params = list(params)
        if not params:
            raise ArgumentError(
                f"{called}: there are no parameters to update",
                hint="the model, or model.parameters() not yet gone through",
            )
    if isinstance(params, Mapping):
        params = [params]
    if not isinstance(params, list) or not any(isinstance(item, Mapping) for item in params):
        return [(params, {})]
    groups = []
    for item in params:
        if not isinstance(item, Mapping) or "params" not in item:
            raise ArgumentError(
                f'{called}: each group is a dict with its parameters as "params", not {_shown(item)}',
                hint='[{"params": model.up, "lr": 1e-4}, {"params": model.down}]',
            )
        groups.append((item["params"], {name: value for name, value in item.items() if name != "params"}))
    return groups


def _shown(item: Any) -> str:
    return f"a dict of {', '.join(map(repr, item))}" if isinstance(item, Mapping) else type(item).__name__


def named(called: str, groups: list[Any]) -> list[list[tuple[str, Parameter]]]:
    """Give the parameters of each group with the names they have in their model."""
    whole = len(groups) == 1 and isinstance(groups[0], Module)
    found = [list(groups[0].named_parameters())] if whole else [list(_parameters(called, group)) for group in groups]
    for index, group in enumerate(found):
        if not group:
            raise ArgumentError(f"{called}: there are no parameters to update in {_shown_group(groups, index)}")
    seen: dict[int, str] = {}
    for name, parameter in (pair for group in found for pair in group):
        if id(parameter) in seen:
            raise ArgumentError(f"{called}: {name or 'a parameter'} is there twice, and would be updated twice")
        seen[id(parameter)] = name
    names = Counter(seen.values())
    position = count()
    return [[(_unique(name, next(position), names), parameter) for name, parameter in group] for group in found]


def _shown_group(groups: list[Any], index: int) -> str:
    return type(groups[0]).__name__ if len(groups) == 1 else f"group {index}"


def _unique(name: str, position: int, names: Counter[str]) -> str:
    # Two models may both have an `up.weight`, and a parameter may belong to none.
    if not name:
        return f"parameters.{position}"
    return name if names[name] == 1 else f"{position}.{name}"


def _parameters(called: str, params: Any) -> Iterator[tuple[str, Parameter]]:
    if isinstance(params, Module):
        # Going through the names also tells each parameter where it is now.
        for _, parameter in list(params.named_parameters()):
            yield parameter.name or "", parameter
    elif isinstance(params, Parameter):
        yield params.name or "", params
    elif isinstance(params, Iterable) and not isinstance(params, str | Tensor | Mapping):
        for item in params:
            if not isinstance(item, Module | Parameter):
                raise _not_parameters(called, item)
            yield from _parameters(called, item)
    else:
        raise _not_parameters(called, params)


def _not_parameters(called: str, item: Any) -> ArgumentError:
    what = describe_operand(item) if isinstance(item, Tensor) else type(item).__name__
    kind = "a buffer, which is not learned: " if isinstance(item, Buffer) else ""
    return ArgumentError(
        f"{called}: updates parameters, and this is {kind}{what}",
        hint=f"optim.{called}(model), optim.{called}(model.parameters()), or nn.Parameter(tensor)",
    )
