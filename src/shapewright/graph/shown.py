"""What a program shows besides its results: values that `sw.debug_print` asked for, in the order of the program.

They are further results of the program, so that nothing leaves it while it runs. What it is not: the text around them
(`tensor/debugging.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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

    def emit(self, arrays: Mapping[Variable, Any], at: tuple[int, ...] = ()) -> None:
        """Show it; within loops, the values of the rounds `at`."""
        self.show([np.asarray(arrays[v][at]) for v in self.variables])


@dataclass(frozen=True)
class Repeated:
    """What a loop shows: what its body shows, once for each round.

    Args:
        shown: what the body shows.
        stacked: for each variable of the body, the one that holds its values of all rounds.
        length: how many rounds there are.
        reverse: whether they go from the last place to the first.
    """

    shown: Sequence[Any]
    stacked: Mapping[Variable, Variable]
    length: int
    reverse: bool

    def all_variables(self) -> Iterator[Variable]:
        """Give the values that must be there."""
        yield from [self.stacked[v] for v in shown_variables(self.shown)]

    def emit(self, arrays: Mapping[Variable, Any], at: tuple[int, ...] = ()) -> None:
        """Show the rounds, one after the other."""
        inside = {v: arrays[stacked] for v, stacked in self.stacked.items() if stacked in arrays}
        for place in reversed(range(self.length)) if self.reverse else range(self.length):
            show_all(self.shown, inside, (*at, place))


@dataclass(frozen=True)
class Chosen:
    """What a choice shows: what the branch shows that was taken.

    Args:
        predicate: which one that is.
        yes: what the one branch shows.
        no: what the other shows.
        outside: for each variable of a branch, the one that holds its value outside.
    """

    predicate: Variable
    yes: Sequence[Any]
    no: Sequence[Any]
    outside: Mapping[Variable, Variable]

    def all_variables(self) -> Iterator[Variable]:
        """Give the values that must be there."""
        yield self.predicate
        yield from [self.outside[v] for v in shown_variables([*self.yes, *self.no])]

    def emit(self, arrays: Mapping[Variable, Any], at: tuple[int, ...] = ()) -> None:
        """Show the branch that was taken."""
        inside = {v: arrays[outer] for v, outer in self.outside.items() if outer in arrays}
        show_all(self.yes if bool(arrays[self.predicate][at]) else self.no, inside, at)


def show_all(shown: Sequence[Any], arrays: Mapping[Variable, Any], at: tuple[int, ...] = ()) -> None:
    """Show everything, in order. What a sink raises ends it."""
    for each in shown:
        each.emit(arrays, at)


def shown_variables(shown: Sequence[Any]) -> list[Variable]:
    """Give the values that must be there to show everything."""
    return [variable for each in shown for variable in each.all_variables()]
