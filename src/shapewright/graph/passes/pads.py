"""Sums of pads: where tensors padded with zeros are added and none lies over another, they stand one after the other.

The gradient of slices that cut an axis is such a sum. A `concat` writes each element once, where the sum writes and
reads as many tensors of the whole size as there are slices. Each element of the sum has 0 added to it, which turns -0.0
into 0.0, so that is done here, too. What it is not: a search for other ways to write a `concat`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from shapewright import ops
from shapewright.graph.graph import Graph, Operation, Variable
from shapewright.ops.core import Op
from shapewright.shapes.dtypes import spec

from .dead import dead_code
from .rewrite import rewrite


def sums_of_pads(graph: Graph) -> Graph:
    """Make one `concat` of each sum of pads that lie beside each other along one axis, and pad that if need be."""
    pads = {o.result: o for o in graph.operations if o.op is ops.pad and _is_of_zeros(o)}
    if len(pads) < 2:
        return graph
    made = {operation.result: operation for operation in graph.operations}
    roots = _sums(graph, pads)
    operations: list[Operation] = []

    def visit(operation: Operation) -> Operation:
        if operation.result not in roots:
            return operation
        parts = _parts(operation, made)
        joined = None if parts is None else _joined(operation.result, parts, made, operations)
        return operation if joined is None else joined

    return dead_code(rewrite(graph, visit, operations))


def _is_of_zeros(pad: Operation) -> bool:
    """Whether a pad puts zeros, and not -0.0, around its operand and nothing between the elements."""
    value = pad.params.get("value", 0)
    return value == 0 and math.copysign(1.0, value) > 0 and not any(pad.params.get("interior") or ())


def _sums(graph: Graph, pads: dict[Variable, Operation]) -> set[Variable]:
    """Give the sums of pads that nothing else needs, each as large as it can be."""
    uses: dict[Variable, int] = {}
    for operation in graph.operations:
        for variable in operation.variables:
            uses[variable] = uses.get(variable, 0) + 1
    for variable in graph.outputs():
        uses[variable] = uses.get(variable, 0) + 1
    sums: set[Variable] = set()
    inner: set[Variable] = set()
    for operation in graph.operations:
        if operation.op is not ops.add or len(operation.variables) != 2:
            continue
        if all((v in pads or v in sums) and uses[v] == 1 for v in operation.variables):
            sums.add(operation.result)
            inner.update(operation.variables)
    return sums - inner


def _parts(root: Operation, made: dict[Variable, Operation]) -> tuple[int, list[Operation]] | None:
    """Give the axis along which the pads of a sum lie beside each other, and the pads in that order."""
    parts: list[Operation] = []
    waiting = [root]
    while waiting:
        operation = waiting.pop()
        if operation.op is ops.add:
            waiting.extend(made[variable] for variable in operation.variables)
        else:
            parts.append(operation)
    padded = {
        axis
        for part in parts
        for axis, around in enumerate(zip(part.params["before"], part.params["after"], strict=True))
        if around != (0, 0)
    }
    if len(padded) != 1:
        return None
    (axis,) = padded
    parts.sort(key=lambda part: part.params["before"][axis])
    place = parts[0].params["before"][axis]
    for part in parts:
        (x,) = part.variables
        if part.params["before"][axis] != place or min(*part.params["before"], *part.params["after"]) < 0:
            return None
        place += x.spec.sizes[axis]
    # A sum of two pads would become as many operations: a `concat`, what adds 0 to each, and a pad.
    is_whole = place - parts[0].params["before"][axis] == root.result.spec.sizes[axis]
    return (axis, parts) if is_whole or len(parts) > 2 else None


def _joined(
    result: Variable,
    found: tuple[int, list[Operation]],
    made: dict[Variable, Operation],
    operations: list[Operation],
) -> Operation:
    """Give the operation that makes the sum; those in front of it are appended to `operations`."""
    axis, parts = found
    operands = [part.variables[0] for part in parts]
    trail = _trail(operands, axis, made)
    if trail:
        # What a reshape joins from several axes is put one after the other before it is joined: an operand that lies
        # in another order then needs no copy.
        operands = [made[x].variables[0] for x in operands]
    if result.spec.dtype.is_floating:
        operands = [_with(operations, ops.add, (x, 0.0), {}, x.spec.sizes) for x in operands]
    sizes = list(operands[0].spec.sizes)
    sizes[axis] = sum(x.spec.sizes[axis] for x in operands)
    wanted = list(result.spec.sizes)
    wanted[axis] = sizes[axis] * math.prod(trail)
    steps: list[tuple[Op, dict[str, Any], Sequence[int]]] = [(ops.concat, {"axis": axis}, sizes)]
    if trail:
        steps.append((ops.reshape, {"sizes": tuple(wanted)}, wanted))
    if tuple(wanted) != result.spec.sizes:
        first, last = parts[0], parts[-1]
        steps.append((ops.pad, {**first.params, "after": last.params["after"]}, result.spec.sizes))
    for op, params, after in steps[:-1]:
        operands = [_with(operations, op, operands, params, after)]
    op, params, _ = steps[-1]
    return Operation(op, tuple(operands), params, result)


def _trail(operands: Sequence[Variable], axis: int, made: dict[Variable, Operation]) -> tuple[int, ...]:
    """Give the sizes behind the first of the axes that a reshape of every operand joins into this one.

    They are those of no axis where the operands are not all such reshapes, or have other sizes there.
    """
    trails = set()
    for x in operands:
        operation = made.get(x)
        if operation is None or operation.op is not ops.reshape:
            return ()
        (source,) = operation.variables
        old, new = source.spec.sizes, x.spec.sizes
        end = len(old) - (len(new) - axis - 1)
        if end <= axis + 1 or old[:axis] != new[:axis] or old[end:] != new[axis + 1 :]:
            return ()
        trails.add(old[axis + 1 : end])
    return trails.pop() if len(trails) == 1 else ()


def _with(
    operations: list[Operation], op: Op, operands: Sequence[Any], params: dict[str, Any], sizes: Sequence[int]
) -> Variable:
    """Append an operation and give its result."""
    dtype = next(x.spec.dtype for x in operands if isinstance(x, Variable))
    result = Variable(spec(tuple(sizes), dtype))
    operations.append(Operation(op, tuple(operands), params, result))
    return result
