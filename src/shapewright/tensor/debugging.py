"""`sw.debug_print`: look at values where they are computed, also inside a compiled function.

Under `sw.compile` the values become further results of the program, and are shown when the step ends. What it is not:
logging, or a report of time and memory (`report.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapewright.graph import Capture, Shown, active
from shapewright.shapes.errors import ArgumentError

from .differentiate import is_replaying
from .tensor import Tensor


def debug_print(text: str, *values: object, sink: Callable[[str], object] = print) -> None:
    """Show values in a text, also from inside a compiled function.

    `text` is a format string as `str.format` takes it; tensors of shape [] fill it as Python numbers, others as NumPy
    arrays. Under `sw.compile` nothing is shown while the program is recorded: each call of the compiled function shows
    its values when it has ended, in the order of the program, in `scan` once for each round. What `sink` raises is
    raised by the call; parameters and keys have their new values by then. Nothing is shown a second time where
    `sw.checkpoint` or the way back computes something again.

    Args:
        text: what to show, with a `{}` for each value.
        values: tensors, and anything else that can be formatted.
        sink: what gets the finished text.

    Raises:
        ArgumentError: the text does not fit the values.

    JAX: ``jax.debug.print("{}", x)``. PyTorch: ``print(x)``.

    >>> import shapewright as sw
    >>> @sw.compile
    ... def step(x: sw.Tensor[[2]]) -> sw.Tensor[[]]:
    ...     h = x.exp()
    ...     sw.debug_print("h is {}, its sum {:.3f}", h, h.sum())
    ...     return (h * h).sum()
    >>> y = step(sw.zeros((2,)))
    h is [1. 1.], its sum 2.000
    """
    if not isinstance(text, str):
        raise ArgumentError(
            f"debug_print: the first argument is the text, not {type(text).__name__}",
            hint='sw.debug_print("x is {}", x)',
        )
    if not callable(sink):
        raise ArgumentError(
            f"debug_print: sink is a function that takes the finished text, not {sink!r}", hint="sink=print"
        )
    if is_replaying():
        return
    capture = active.capture
    tensors = [value for value in values if isinstance(value, Tensor)]
    template = Template(text, sink, values)
    if capture is None or not any(isinstance(value._device, Capture) for value in tensors):
        finished = template.finished([value.numpy() for value in tensors])
        if capture is None:
            sink(finished)
            return
    else:
        # A text that does not fit is an error where it stands, not when the step ends.
        template.finished([np.zeros(value._spec.sizes, value._spec.dtype.numpy) for value in tensors])
    storages = [capture.adopt(value._storage, value._spec, value._device) for value in tensors]
    capture.shown.append(Shown(template.show, storages))


class Template:
    """A text with places for values, some of which are tensors whose numbers come later.

    Args:
        text: the format string.
        sink: what gets the finished text.
        values: what fills it.
    """

    __slots__ = ("_sink", "_text", "_values")

    def __init__(self, text: str, sink: Callable[[str], object], values: Sequence[object]) -> None:
        self._text = text
        self._sink = sink
        self._values = [_PLACE if isinstance(value, Tensor) else value for value in values]

    def finished(self, arrays: Sequence[np.ndarray]) -> str:
        """Give the text with the numbers of the tensors in it."""
        numbers = iter(arrays)
        filled: list[Any] = []
        for value in self._values:
            if value is _PLACE:
                array = next(numbers)
                value = array.item() if array.ndim == 0 else array
            filled.append(value)
        try:
            return self._text.format(*filled)
        except (IndexError, KeyError, ValueError, TypeError, AttributeError) as error:
            count = len(filled)
            raise ArgumentError(
                f"debug_print: the text {self._text!r} does not fit its {count} value{'s' * (count != 1)}: {error}",
                hint='sw.debug_print("x is {}, y is {:.3f}", x, y) with a {} for each value; {:.3f} for one number',
            ) from None

    def show(self, arrays: Sequence[np.ndarray]) -> None:
        """Give the text with these numbers to the sink."""
        self._sink(self.finished(arrays))


_PLACE = object()
