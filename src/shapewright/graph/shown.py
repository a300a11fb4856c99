"""What a program shows besides its results: values that `sw.debug_print` asked for, in the order of the program.

They are further results of the program, so that nothing leaves it while it runs. What it is not: the text around them
(`tensor/debugging.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .graph import Variable


@dataclass(frozen=True)
class Shown:
    """One text.

    Args:
        show: what shows it, given the numbers.
        variables: the values it is filled with.
    """

    show: Callable[[Sequence[np.ndarray]], None]
    variables: Sequence[Variable]

    def all_variables(self) -> Iterator[Variable]:
        """Give the values that must be there."""
        yield from self.variables

    def renamed(self, instead: Mapping[Variable, Variable]) -> Shown:
        """Give the same with other variables."""
        return replace(self, variables=[instead[v] for v in self.variables])

    def emit(self, arrays: Mapping[Variable, Any], at: tuple[int, ...] = ()) -> None:
        """Show it; within loops, the values of the rounds `at`."""
        self.show([np.asarray(arrays[v][at]) for v in self.variables])


def show_all(shown: Sequence[Any], arrays: Mapping[Variable, Any], at: tuple[int, ...] = ()) -> None:
    """Show everything, in order. What a sink raises ends it."""
    for each in shown:
        each.emit(arrays, at)


def shown_variables(shown: Sequence[Any]) -> list[Variable]:
    """Give the values that must be there to show everything."""
    return [variable for each in shown for variable in each.all_variables()]
