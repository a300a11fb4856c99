"""A loop that is recorded as one operation, and its gradient: a loop backwards over the carries that were kept.

The way back computes each round again from its carry (as for checkpoints), and goes back through it; the gradients of
what the body closes over are added up on the way. It is written with the loop itself, so it has a gradient too.

What it is not: the function that users call, or the loop of eager calls (`scan.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shapewright.graph import Variable, active, shown_variables
from shapewright.graph.passes import simplify
from shapewright.graph.shown import Repeated
from shapewright.graph.structure import Body, append_parts
from shapewright.graph.structure import scan as loop_operation
from shapewright.shapes.dtypes import spec as spec_of
from shapewright.tape import Node, pull_back, total

from ._inside import (
    Outside,
    argument,
    body_of,
    closed,
    given,
    is_differentiable,
    origin_of,
    read_outside,
    source_of,
    summed,
    training_of,
    variable_of,
    zeros_of,
)
from .tensor import make

# What a round is: from the carry and what is cut, the next carry and what is put together.
type Step = Callable[[list[Any], list[Any]], tuple[list[Any], list[Any]]]


def loop(
    step: Step,
    carry: Sequence[Any],
    xs: Sequence[Any],
    length: int,
    reverse: bool,
    *,
    bases: dict[int, Any] | None = None,
    backwards: bool = False,
) -> tuple[list[Any], list[Any]]:
    """Record a loop of at least one round in the recording that is active, and give its last carry and its columns.

    A carry that a round gives traced is traced from the first round on.

    Args:
        step: one round.
        carry: what the first round is given.
        xs: what is cut along its first axis.
        length: how many rounds there are.
        reverse: whether they go from the last place to the first.
        bases: for the way back, where each key began to draw the first time: cells keep their values then.
        backwards: whether the first round draws what was drawn in the last one.
    """
    outer: Any = active.capture
    again = bases is not None
    trained = [training_of(x) for x in carry]
    while True:
        with body_of(outer, again=again) as inner:
            inside = [argument(inner, x._spec, x._dims, flag) for x, flag in zip(carry, trained, strict=True)]
            rows = [argument(inner, *_row(x), training_of(x)) for x in xs]
            for value, x in zip((*inside, *rows), (*carry, *xs), strict=True):
                # What an untraced parameter gave must not lose its gradient silently inside either.
                value._origin = origin_of(x) if value._node is None else None
            following, columns = step(inside, rows)
            newly = [k for k, value in enumerate(following) if trained[k] is None and is_differentiable(value)]
            new = [variable_of(inner, value) for value in following]
            made = [variable_of(inner, value) for value in columns]
        if not newly:
            break
        for k in newly:
            trained[k] = following[k]._node.training
    is_traced = any(value._node is not None for value in (*following, *columns))
    numbers = [] if again else inner.assigned()
    shown = shown_variables(inner.shown)
    # The way back needs the carry of each round, and the values that cells had at its beginning.
    kept = (
        [*inside, *[make(inner.graph.cells[n], inner.graph.cells[n].spec, inner) for n in numbers]] if is_traced else []
    )
    read = [n for n in range(len(inner.cells)) if n not in numbers]
    same = [*inner.lifted.values(), *[inner.graph.cells[n] for n in read]]
    carried = [*[x._storage for x in inside], *[inner.graph.cells[n] for n in numbers]]
    nexts = [*new, *[inner.graph.updates[n] for n in numbers]]
    stacked = [*made, *[x._storage for x in kept], *shown]
    graph = simplify(closed(inner, [*same, *carried, *[x._storage for x in rows]], [*nexts, *stacked]))
    bases = {} if bases is None else bases
    for key, blocks in zip(inner.keys, inner.graph.draws, strict=True):
        if id(key) not in bases:
            bases[id(key)] = key.draw(blocks * length)
    operands: list[Variable] = [*inner.lifted, *[read_outside(outer, inner, n) for n in read]]
    operands += [x._storage for x in carry]
    operands += [read_outside(outer, inner, n) for n in numbers]
    operands += [x._storage for x in xs]
    params = {
        "body": Body(graph),
        "length": length,
        "same": len(same),
        "carries": len(carried),
        "reverse": reverse,
        "backwards": backwards,
        "draws": tuple([bases[id(key)] for key in inner.keys]),
    }
    specs = [v.spec for v in nexts] + [spec_of((length, *v.spec.sizes), v.spec.dtype) for v in stacked]
    results = append_parts(outer.graph.operations, loop_operation, operands, params, specs)
    for n, variable in zip(numbers, results[len(new) :], strict=False):
        outer.write(inner.cells[n], variable.spec, outer.home, variable.name, variable)
    columns_of = results[len(nexts) :]
    if shown and not again:
        last = columns_of[len(made) + len(kept) :]
        outer.shown.append(Repeated(inner.shown, dict(zip(shown, last, strict=True)), length, reverse))
    node = None
    if is_traced:
        node = _Loop(step, carry, xs, length, (reverse, backwards), trained, bases, inner.keys)
        node.cells = list(zip([inner.cells[n] for n in numbers], columns_of[len(made) + len(inside) :], strict=False))
        node.training = any(value._node is not None and value._node.training for value in (*following, *columns))
    values = [*following, *columns, *(inside if is_traced else [])]
    storages = [*results[: len(new)], *columns_of[: len(values) - len(new)]]
    dims = [x._dims for x in carry] + [_stacked_dims(length, xs, value) for value in values[len(new) :]]
    tensors = given(outer, storages, values, node, dims)
    if node is not None:
        node.kept = tensors[len(new) + len(made) :]
    return tensors[: len(new)], tensors[len(new) : len(new) + len(made)]


def _row(x: Any) -> tuple[Any, Any]:
    dims = None if x._dims is None else x._dims[1:]
    return spec_of(x._spec.sizes[1:], x._spec.dtype), dims


def _stacked_dims(length: int, xs: Sequence[Any], value: Any) -> Any:
    named = [x._dims[0] for x in xs if x._dims is not None]
    if value._dims is None and not named:
        return None
    return (named[0] if named else length, *(value._dims or value._spec.sizes))


class _Loop(Node):
    """A recorded loop. Its gradient is a list of (index of a result, gradient): carry, columns, what is kept."""

    __slots__ = (
        "backwards",
        "bases",
        "carry",
        "cells",
        "kept",
        "keys",
        "length",
        "reverse",
        "step",
        "trained",
        "xs",
    )

    def __init__(
        self,
        step: Step,
        carry: Sequence[Any],
        xs: Sequence[Any],
        length: int,
        order: tuple[bool, bool],
        trained: Sequence[bool | None],
        bases: dict[int, Any],
        keys: Sequence[Any],
    ) -> None:
        super().__init__(None, (), {}, False)
        self.step, self.carry, self.xs, self.length = step, list(carry), list(xs), length
        self.reverse, self.backwards = order
        self.trained, self.bases, self.keys = list(trained), bases, list(keys)
        self.cells: list[tuple[Any, Variable]] = []
        self.kept: list[Any] = []

    def join(self, before: Any, part: Any) -> Any:
        return before + part

    def release(self) -> None:
        """Nothing was recorded here: each round can be computed again."""

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Callable[[], Any]]]:
        outer: Any = active.capture
        grads = summed(gradient)
        # Rounds go back through what has a gradient at all.
        of_carry = [
            k for k, flag in enumerate(self.trained) if flag is not None and self.carry[k]._spec.dtype.is_floating
        ]
        of_xs = [j for j, x in enumerate(self.xs) if is_differentiable(x)]
        of_columns = [index for index in sorted(grads) if index >= len(self.carry)]
        back = _Back(self, of_carry, of_xs, of_columns, trace)
        plain = (lambda x: x) if trace else (lambda x: x._plain())
        kept = [plain(x) for x in self.kept]
        cells = [make(variable, variable.spec, outer) for _, variable in self.cells]
        rows = [*kept, *[plain(x) for x in self.xs], *cells, *[grads[index] for index in of_columns]]
        back.discover(outer, rows)
        begin = [grads[k] if k in grads else zeros_of(self.carry[k]._spec, outer) for k in of_carry]
        begin += [zeros_of(spec, outer) for _, spec in back.closures.values()]
        last, columns = loop(
            back.step, begin, rows, self.length, not self.reverse, bases=self.bases, backwards=not self.backwards
        )
        parts: list[tuple[Node, Callable[[], Any]]] = []
        for k, part in zip(of_carry, last, strict=False):
            if self.carry[k]._node is not None:
                parts.append((self.carry[k]._node, lambda part=part: part))
        for (node, _), part in zip(back.closures.values(), last[len(of_carry) :], strict=True):
            parts.append((node, lambda part=part: part))
        for j, part in zip(of_xs, columns, strict=True):
            parts.append((self.xs[j]._node, lambda part=part: part))
        return parts


class _Back:
    """The rounds of the way back through a loop.

    Their carry is the gradient of the carry, then the sums of the gradients of what the body closes over.
    """

    def __init__(self, loop: _Loop, of_carry: list[int], of_xs: list[int], of_columns: list[int], trace: bool) -> None:
        self.loop, self.of_carry, self.of_xs, self.of_columns, self.trace = loop, of_carry, of_xs, of_columns, trace
        # For each thing closed over, a node of it and the shape of its gradient.
        self.closures: dict[Any, tuple[Node, Any]] = {}

    def discover(self, outer: Any, rows: Sequence[Any]) -> None:
        """Go back through one round to see what it closes over; what that records is thrown away."""
        with body_of(outer, again=True) as inner:
            specs = [self.loop.carry[k]._spec for k in self.of_carry]
            gradients = [argument(inner, spec, None, None) for spec in specs]
            cut = [argument(inner, *_row(row), None) for row in rows]
            _, _, closures = self._round(gradients, cut, trace=False)
            self.closures = {key: (node, part._spec) for key, (node, part) in closures.items()}

    def step(self, carry: list[Any], rows: list[Any]) -> tuple[list[Any], list[Any]]:
        """One round back."""
        count = len(self.of_carry)
        gradients, columns, closures = self._round(carry[:count], rows, trace=self.trace)
        sums = [
            sum_ if key not in closures else sum_ + closures[key][1]
            for key, sum_ in zip(self.closures, carry[count:], strict=True)
        ]
        return [*gradients, *sums], columns

    def _round(
        self, gradients: list[Any], rows: list[Any], *, trace: bool
    ) -> tuple[list[Any], list[Any], dict[Any, tuple[Node, Any]]]:
        inner: Any = active.capture
        loop = self.loop
        at = iter(rows)
        stops: Any = Outside()
        carry = [source_of(next(at), flag, trace=trace) for flag in loop.trained]
        xs = [source_of(next(at), training_of(x), trace=trace) for x in loop.xs]
        for cell, variable in loop.cells:
            held = next(at)
            inner.write(cell, variable.spec, inner.home, None, held._storage)
        of_columns = list(at)
        following, columns = loop.step(carry, xs)
        results = [*following, *columns, *carry]
        seeds = [(results[k]._node, part) for k, part in zip(self.of_carry, gradients, strict=True)]
        seeds += [(results[index]._node, part) for index, part in zip(self.of_columns, of_columns, strict=True)]
        stops.ends_at([*carry, *xs])
        leaves = pull_back(
            [(node, part) for node, part in seeds if node is not None], keep=trace, trace=trace, stops=stops
        )

        def of(x: Any) -> Any:
            parts = leaves.get(x._node)
            return total(x._node, parts) if parts else zeros_of(x._spec, inner)

        return [of(carry[k]) for k in self.of_carry], [of(xs[j]) for j in self.of_xs], stops.closures(leaves)
