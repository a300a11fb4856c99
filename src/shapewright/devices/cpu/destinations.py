"""Where the results of regions lie: as their readers want them, so that nothing has to be copied between.

A result that is permuted and then reshaped lies in the order that the reshape needs; results that a `concat` puts side
by side lie side by side from the beginning. What it is not: the code that writes them there (`blocks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shapewright import ops
from shapewright.graph import Graph, Operation, Variable
from shapewright.shapes.dtypes import spec

from .access import Access, is_view, view
from .regions import FREE, Region


@dataclass(frozen=True)
class _Wish:
    """What a reader wants: that a variable lies whole, or the place that a `concat` gives it as one of its operands.

    Args:
        path: the views that lead from the result of the region to the variable.
        variable: the variable.
        concat: the concat.
        part: which of its operands the variable is.
    """

    path: tuple[Operation, ...]
    variable: Variable
    concat: Operation | None = None
    part: int = 0


def place_results(graph: Graph, regions: Sequence[Region]) -> None:
    """Choose where the results of regions lie.

    Several may lie in one buffer, that of a `concat`, which then has nothing left to do.
    """
    if not regions:
        return
    users = graph.users()
    leaving = set(graph.outputs())
    for region in regions:
        found = region.places
        own = {variable: _usual(region, variable) for variable in region.outputs}
        wishes = {variable: list(_wishes(variable, access, users, leaving)) for variable, access in own.items()}
        found.update(own)
        # One part of the region has to give all that a concat takes.
        concats = dict.fromkeys(wish.concat for each in wishes.values() for wish in each if wish.concat is not None)
        placed: set[Variable] = set()
        for concat in concats:
            parts = _parts(region, concat, {v: each for v, each in wishes.items() if v not in placed})
            placed.update(parts)
            found.update(parts)
        for variable, each in wishes.items():
            for wish in each:
                if variable not in placed and wish.concat is None:
                    target = Access.whole(Variable(wish.variable.spec, "ordered"))
                    access = _back(wish.path, target)
                    if access is not None and _is_along(region, variable, access):
                        found[variable] = access
                        placed.add(variable)


def _usual(region: Region, variable: Variable) -> Access:
    """Give how a result lies if nobody wants anything else: as it is made."""
    if not region.lies_turned(variable):
        return Access.whole(variable)
    # It is looked at from the other side.
    *batch, first, last = variable.spec.sizes
    turned = Variable(spec((*batch, last, first), variable.spec.dtype), "turned")
    *outer, row, column = Access.whole(turned).strides
    return Access(turned, variable.spec.sizes, (*outer, column, row))


def _wishes(
    variable: Variable, access: Access, users: Mapping[Variable, Iterable[Operation]], leaving: set[Variable]
) -> Iterator[_Wish]:
    """Give what the readers of a result that lies as usual want, those first who come first."""
    waiting: list[tuple[Variable, Access, tuple[Operation, ...]]] = [(variable, access, ())]
    while waiting:
        seen, here, path = waiting.pop(0)
        if seen in leaving and not here.is_whole:
            yield _Wish(path, seen)
        for operation in users.get(seen, ()):
            if operation.op is ops.concat:
                yield from (_Wish(path, seen, operation, n) for n, v in enumerate(operation.operands) if v is seen)
            elif is_view(operation):
                there = view(operation, here)
                if there is None:
                    yield _Wish(path, seen)
                    there = Access.whole(operation.result)
                waiting.append((operation.result, there, (*path, operation)))


def _parts(region: Region, concat: Operation, wishes: Mapping[Variable, Iterable[_Wish]]) -> dict[Variable, Access]:
    """Give the places of results in a concat that takes nothing else, or none."""
    whole = Access.whole(concat.result)
    axis = concat.params["axis"]
    found: dict[Variable, Access] = {}
    start = 0
    for part, operand in enumerate(concat.operands):
        target = Access(concat.result, operand.spec.sizes, whole.strides, start * whole.strides[axis])
        start += operand.spec.sizes[axis]
        for variable, each in wishes.items():
            wish = next((wish for wish in each if wish.concat is concat and wish.part == part), None)
            access = None if wish is None or variable in found else _back(wish.path, target)
            if access is not None and _is_along(region, variable, access):
                found[variable] = access
                break
        else:
            return {}
    return found


def _back(path: Sequence[Operation], access: Access) -> Access | None:
    """Give how a variable lies if views of it lead to an access; None where no strides say it."""
    for operation in reversed(path):
        sizes = operation.operands[0].spec.sizes
        if operation.op is ops.permute:
            strides = [0] * len(sizes)
            for axis, stride in zip(operation.params["axes"], access.strides, strict=True):
                strides[axis] = stride
            access = Access(access.buffer, sizes, tuple(strides), access.offset)
        elif operation.op is ops.reshape:
            reshaped = access.reshaped(sizes)
            if reshaped is None:
                return None
            access = reshaped
        elif operation.op is not ops.stop_gradient:
            return None
    return access


def _is_along(region: Region, variable: Variable, access: Access) -> bool:
    """Whether a result, several numbers for each row or column, is written along its memory if it lies so."""
    if FREE not in region.roles[variable]:
        return False
    along = -2 if region.lies_turned(variable) else -1
    return access.sizes[along] == 1 or access.strides[along] == 1


__all__ = ["place_results"]
