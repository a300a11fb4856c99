"""Every exception that shapewright raises on purpose, and how its report is laid out.

What it is not: the texts themselves. Those stand where the mistake is noticed; a rule's sentence stands in `rules/`.
"""

from __future__ import annotations

from collections.abc import Iterable


class Error(Exception):
    """The base of all shapewright errors: a sentence, the facts behind it, and what to write instead.

    Args:
        message: what was being done and what is wrong with it, in one sentence.
        facts: pairs of a label and a text, one line each in the report (shapes, sizes, names).
        hint: what to write instead.
    """

    def __init__(self, message: str, *, facts: Iterable[tuple[str, str]] = (), hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.facts: list[tuple[str, str]] = list(facts)
        self.hint = hint
        # The layers the error passed through, outermost first; filled in by the calls it leaves.
        self.path: str | None = None

    def __str__(self) -> str:
        lines = list(self.facts)
        if self.path is not None:
            lines.append(("in", self.path))
        if self.hint is not None:
            lines.append(("write", self.hint))
        if not lines:
            return self.message
        width = max(len(label) for label, _ in lines)
        indent = "\n" + " " * (width + 4)
        return "\n".join(
            [self.message, *(f"  {label:<{width}}  {text.replace(chr(10), indent)}" for label, text in lines)]
        )


class ShapeError(Error, TypeError):
    """Shapes that do not fit, or a target that says nothing clear about the axes.

    PyTorch: ``RuntimeError``.

    >>> import shapewright as sw
    >>> sw.zeros((2, 3)) + sw.zeros((3,))
    Traceback (most recent call last):
      ...
    shapewright.shapes.errors.ShapeError: add: the shapes differ: one has 2 axes and the other 1 axis
      a      Tensor[[2, 3]]
      b      Tensor[[3]]
      write  b.broadcast_like(a), or b.spread() in the place of b; nothing is broadcast silently
    """


class DTypeError(Error, TypeError):
    """An element type that an operation does not take; nothing is promoted silently."""


class DeviceError(Error, ValueError):
    """Tensors of different devices in one operation, or a device that is not there."""


class TapeError(Error, RuntimeError):
    """A gradient that was asked for but not recorded, or that would be lost silently."""


class IndexRangeError(Error, IndexError):
    """An index or a class label outside its axis."""


class CaptureError(Error, RuntimeError):
    """Something that only a value has, its numbers or its truth, was asked for while a program was recorded."""


class ArgumentError(Error, ValueError):
    """A value outside what an argument allows, such as a dropout rate of 1.5."""


class CallError(ArgumentError, TypeError):
    """A call whose arguments are not those of the function."""


class FileError(Error, ValueError):
    """A file that is missing, damaged, or does not hold what the program expects."""


class UnusedParameterError(Error, RuntimeError):
    """Parameters that an optimiser should update but that have no gradient."""


class GradientKeyError(Error, KeyError):
    """A gradient that was asked for something the loss did not depend on."""

    # KeyError would show its argument's repr, on one line.
    __str__ = Error.__str__
