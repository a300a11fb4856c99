"""Precision: matrix products of f32 become products of bf16 operands with sums in f32. It changes numbers, as asked.

Operands that the program computes are rounded where they are computed, so what only products read is stored in half the
memory and converted once. Parameters, arguments and constants stay as they are, and are rounded by the product. Where
nothing else reads such an operand but a sum of its rows (the gradient of a bias, beside that of a weight), the sum is
of the rounded numbers, in f32, so that none need be stored in f32. Nothing else changes: norms, softmax, losses and the
optimiser's numbers are f32 from one end to the other, as P. Micikevicius and others have it ("Mixed precision
training", 2018), but with bf16, whose range needs no scaled loss (D. Kalamkar and others, "A study of bfloat16 for deep
learning training", 2019).
What it is not: part of `simplify`, whose passes change no number; or the choice of an element type for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping

from shapewright import ops
from shapewright.graph.graph import Graph, Operation, Variable
from shapewright.graph.structure import Body, bodies, is_structure
from shapewright.ops.core import Op
from shapewright.ops.precision import matmul_in_bf16, rounded_to_bf16, sum_of_bf16
from shapewright.shapes.dtypes import bf16, f32, spec

from .dead import dead_code

# What becomes of a product whose operands and result are f32.
IN_BF16: Mapping[Op, Op] = {ops.matmul: matmul_in_bf16}
# Ops that show elements in other places: rounding before them is rounding after them.
_MOVES = (ops.permute, ops.reshape, ops.slice, ops.broadcast, ops.flip, ops.unfold2d, ops.concat)


def bf16_products(graph: Graph) -> Graph:
    """Let every product of f32 take its operands in bf16, those in loops and choices too."""
    wanted = _wanted(graph)
    exact = _needed_in_f32(graph, wanted)
    narrow: dict[Variable, Variable] = {}
    operations: list[Operation] = []
    for operation in graph.operations:
        if is_structure(operation):
            params = dict(operation.params)
            params.update({name: Body(bf16_products(params[name].graph)) for name in bodies(operation)})
            operation = Operation(operation.op, operation.operands, params, operation.result)
        if _is_product(operation):
            operands = tuple([narrow.get(operand, operand) for operand in operation.operands])
            operation = Operation(IN_BF16[operation.op], operands, operation.params, operation.result)
        elif _is_sum_of_rows(operation) and operation.operands[0] in narrow and operation.operands[0] not in exact:
            operand = narrow[operation.operands[0]]
            operation = Operation(sum_of_bf16, (operand,), operation.params, operation.result)
        operations.append(operation)
        result = operation.result
        if result in wanted:
            narrow[result] = Variable(spec(result.spec.sizes, bf16), result.name)
            if operation.op in _MOVES and all(v in narrow for v in operation.variables):
                sources = tuple([narrow[v] for v in operation.variables])
                operations.append(Operation(operation.op, sources, operation.params, narrow[result]))
            else:
                operations.append(Operation(rounded_to_bf16, (result,), {}, narrow[result]))
    return dead_code(graph.with_operations(operations))


def _is_product(operation: Operation) -> bool:
    return operation.op in IN_BF16 and all(v.spec.dtype is f32 for v in (operation.result, *operation.variables))


def _wanted(graph: Graph) -> set[Variable]:
    """Give what is to be there in bf16: the operands of products that the program computes, and what they are views of.

    What parts are cut from is rounded as a whole if products take half of it or more, else each part by itself.
    """
    computed: set[Variable] = set()
    wanted: set[Variable] = set()
    for operation in graph.operations:
        # What is moved from outside alone, or partly, stays f32, and the product rounds it.
        if operation.op not in _MOVES or computed.issuperset(operation.variables):
            computed.add(operation.result)
        if _is_product(operation):
            wanted.update(computed.intersection(operation.variables))
    parts: dict[Variable, int] = {}
    # Backwards: whoever reads a variable comes before whoever gives it.
    for operation in reversed(graph.operations):
        result = operation.result
        if 2 * parts.get(result, 0) >= result.spec.count > 0:
            wanted.add(result)
        if result in wanted and operation.op in _MOVES:
            if operation.op is ops.slice:
                (source,) = operation.variables
                parts[source] = parts.get(source, 0) + result.spec.count
            else:
                wanted.update(operation.variables)
    return wanted


def _is_sum_of_rows(operation: Operation) -> bool:
    """Whether an operation sums what lies along the last axis at equal places."""
    if operation.op is not ops.sum:
        return False
    (operand,) = operation.variables
    return 0 < len(operation.params["axes"]) == len(operand.spec.sizes) - 1 not in operation.params["axes"]


def _needed_in_f32(graph: Graph, wanted: set[Variable]) -> set[Variable]:
    """Give what others than products and sums of rows read."""
    needed = set(graph.outputs())
    for operation in reversed(graph.operations):
        if _is_product(operation):
            needed.update(v for v in operation.variables if v not in wanted)
        elif not _is_sum_of_rows(operation) and (operation.op not in _MOVES or operation.result in needed):
            needed.update(operation.variables)
    return needed
