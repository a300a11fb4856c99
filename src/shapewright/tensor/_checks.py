"""Running a shape rule on a tensor's sizes, with a report that says what was being done.

What it is not: the search for the axes that a target shape means (`_target.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shapewright.ops.core import describe_operand
from shapewright.shapes.errors import ShapeError


def sizes(x: Any, rule: Callable[..., Any], *arguments: Any, doing: str, **facts: Any) -> Any:
    """Give the shape that `rule` gives for this tensor, with names where the tensor's axes have names.

    Args:
        x: the tensor; its shape is the rule's first argument.
        rule: the shape rule.
        arguments: the rule's other arguments.
        doing: the name of the operation, for the report.
        facts: what the report shows beside the tensor, by name.

    Raises:
        ShapeError: the rule refuses.
    """
    found = plain_sizes(x, rule, *arguments, doing=doing, **facts)
    return found if x._dims is None else tuple(rule(x._dims, *arguments))


def plain_sizes(x: Any, rule: Callable[..., Any], *arguments: Any, doing: str, **facts: Any) -> Any:
    """Give the same without names.

    Raises:
        ShapeError: the rule refuses.
    """
    try:
        return rule(x._spec.sizes, *arguments)
    except ShapeError as error:
        error.message = f"{doing}: {error.message}"
        error.args = (error.message,)
        error.facts.append(("x", describe_operand(x)))
        error.facts.extend((name, str(value)) for name, value in facts.items())
        raise


def plain(x: Any) -> tuple[int, ...]:
    """Give the sizes of a tensor without their names."""
    return x._spec.sizes
