"""Loops and choices in a program: bodies of kernels that every thread walks again in each round, or only if chosen.

A loop copies nothing. What is cut and what is put together are addresses that move on with the rounds, and the carry
lies in two places by turns: a round reads the one and writes the other, the first reads what the loop was given, the
last writes where the result lies. What it is not: the division of a body into kernels (`fusion.py`), or the places of
its buffers (`plan.py`): those are a program's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from shapewright import ops
from shapewright.graph import DrawCounter, DrawSeed, Graph, Operation, Variable
from shapewright.graph.structure import Body, bodies, scan
from shapewright.shapes.dtypes import spec, u8

from . import ir
from .access import Access
from .fusion import Fused, Kernel
from .plan import Plan, buffer_bytes, plan
from .signature import signature
from .threads import emit_barrier

_ALIGNMENT = 64

type Address = Callable[[Variable], ir.Register]
type Call = Callable[[Kernel, Fused, int, Address], None]


@dataclass(eq=False)
class Inside:
    """A body, divided into kernels.

    Args:
        graph: its graph; its constants are among its arguments.
        fused: its kernels.
        plan: where the buffers lie that live only inside, within the memory of all.
        outputs: the buffer of each result: no two have one.
        draws: where the table has the seeds and positions that its keys have in this round.
    """

    graph: Graph
    fused: Fused
    plan: Plan
    outputs: list[Variable]
    draws: int = 0


@dataclass(eq=False)
class Nested:
    """A loop or a choice.

    Args:
        operation: what it is.
        operands: the access of each operand: whole buffers.
        bodies: its body, or its two branches.
        parts: what is taken of it, by number.
        memory: the buffer that holds what lives only inside.
        spare: where in that memory further buffers lie, by what they are.
    """

    operation: Operation
    operands: list[Access]
    bodies: list[Inside]
    parts: dict[int, Variable]
    memory: Variable
    spare: dict[Any, int] = field(default_factory=dict)


# ---- before the program is planned ----------------------------------------------------------------------------------
def expanded_structure(
    operation: Operation, expand: Callable[[Graph], Graph], constants: dict[Variable, Any]
) -> Operation:
    """Give a structure whose bodies are expanded, and have no constants of their own: those are the program's."""
    params = dict(operation.params)
    names = bodies(operation)
    graphs = [expand(params[name].graph) for name in names]
    added: list[Variable] = []
    for graph in graphs:
        for variable, array in graph.constants.items():
            added.append(Variable(variable.spec, "constant"))
            constants[added[-1]] = array
            for other in graphs:
                other.arguments = [variable if other is graph else Variable(variable.spec), *other.arguments]
        graph.constants = {}
    # Each went to the front of those before it.
    added.reverse()
    first = 0 if operation.op is scan else 1
    for name, graph in zip(names, graphs, strict=True):
        params[name] = Body(graph)
    if operation.op is scan:
        params["same"] += len(added)
    operands = (*operation.operands[:first], *added, *operation.operands[first:])
    return Operation(operation.op, operands, params, operation.result)


def apart(graph: Graph) -> Graph:
    """Give a body in which no result is another one or a view of it, by name; the fusion sees to their buffers."""
    operations = list(graph.operations)
    results = []
    for variable in graph.results:
        other = Variable(variable.spec)
        operations.append(Operation(ops.reshape, (variable,), {"sizes": variable.spec.sizes}, other))
        results.append(other)
    new = graph.with_operations(operations)
    new.results = results
    return new


def prepare(fused: Fused, fuse: Callable[[Graph], Fused]) -> None:
    """Divide the bodies of a program's structures into kernels, and give each structure the memory that it needs."""
    for kernel in fused.kernels:
        if kernel.kind != "structure":
            continue
        operation = kernel.operations[0]
        insides = []
        for name in bodies(operation):
            graph = apart(operation.params[name].graph)
            body = fuse(graph)
            prepare(body, fuse)
            outputs = [body.accesses[variable].buffer for variable in graph.results]
            insides.append(Inside(graph, body, plan(graph, body), outputs))
        parts = {each.params["index"]: each.result for each in kernel.operations[1:]}
        operands = [kernel.leaves[variable] for variable in operation.variables]
        nested = Nested(operation, operands, insides, parts, Variable(spec((0,), u8), "memory"))
        end = max(inside.plan.arena_bytes for inside in insides)

        def spare(key: Any, count: int, nested: Nested = nested) -> None:
            nonlocal end
            nested.spare[key] = end
            end += -(-max(count, 1) // _ALIGNMENT) * _ALIGNMENT

        carries = operation.params.get("carries", 0)
        for index, result in enumerate(insides[0].graph.results):
            count = buffer_bytes(result)
            if index < carries:
                spare(("turn", index, 0), count)
                spare(("turn", index, 1), count)
            if index not in parts:
                rounds = operation.params["length"] if operation.op is scan and index >= carries else 1
                spare(("result", index), rounds * count)
        nested.memory = Variable(spec((max(end, _ALIGNMENT),), u8), "memory")
        kernel.nested = nested
        kernel.outputs.append(nested.memory)
        fused.accesses[nested.memory] = Access.whole(nested.memory)


def place_draws(fused: Fused, end: int) -> int:
    """Give the keys of bodies places in the table, from `end` on, and give the new end."""
    for inside in _insides(fused):
        inside.draws = end
        end = place_draws(inside.fused, end + 2 * len(inside.graph.draws))
    return end


def _insides(fused: Fused) -> Iterator[Inside]:
    for kernel in fused.kernels:
        if kernel.nested is not None:
            yield from kernel.nested.bodies


def walk(fused: Fused, draws: int) -> Iterator[tuple[Kernel, Fused, int]]:
    """Give all kernels that have code, those of bodies too, each with where its keys are in the table."""
    for kernel in fused.kernels:
        if kernel.nested is None:
            yield kernel, fused, draws
        else:
            for inside in kernel.nested.bodies:
                yield from walk(inside.fused, inside.draws)


def nested_key(nested: Nested) -> str:
    """Give a text that is equal for structures of equal code."""
    params = {name: value for name, value in nested.operation.params.items() if not isinstance(value, Body)}
    lines = [f"{nested.operation.op.name} {params} {sorted(nested.parts)} {nested.spare}"]
    for inside in nested.bodies:
        places: dict[Variable, Any] = dict(inside.plan.arena)
        places.update({v: f"argument {i} {v.spec}" for i, v in enumerate(inside.graph.arguments)})
        places.update({v: f"result {i} {v.spec}" for i, v in enumerate(inside.outputs)})
        lines.append(f"body {inside.draws} {inside.graph.draws}")
        for kernel in inside.fused.kernels:
            key, variables = signature(kernel)
            lines.append(f"{key} {[places.get(v) for v in variables]}")
            if kernel.nested is not None:
                lines.append(nested_key(kernel.nested))
    return "\n".join(lines)


# ---- code -----------------------------------------------------------------------------------------------------------
@dataclass
class Walk:
    """The function that every thread walks, where a structure is written.

    Args:
        f: the function.
        table: the table of the program.
        control: what barriers need.
        thread: this thread's number.
        threads: how many there are.
        call: writes the call of a kernel, or of a structure in it, given the addresses of buffers.
        is_shared: whether a kernel's work is shared by the threads.
        alone: whether all since the last barrier was done by the first thread.
    """

    f: ir.Function
    table: ir.Register
    control: ir.Register
    thread: ir.Register
    threads: int
    call: Call
    is_shared: Callable[[Kernel], bool]
    alone: bool = True

    def barrier(self) -> None:
        """Let all threads wait for each other."""
        emit_barrier(self.f, self.control, self.f.constant(self.threads))


def is_any_shared(nested: Nested, is_shared: Callable[[Kernel], bool]) -> bool:
    """Whether the threads share the work of a kernel in a structure."""
    return any(is_shared(kernel) for inside in nested.bodies for kernel, _, _ in walk(inside.fused, inside.draws))


def write_structure(walk_: Walk, nested: Nested, address: Address, draws: int) -> None:
    """Write a loop or a choice; the threads have met before if the first one was not alone."""
    f = walk_.f
    shared = is_any_shared(nested, walk_.is_shared)
    if shared:
        # All threads walk it, and all see what it is given.
        walk_.barrier()
        _write(walk_, nested, address, draws)
        walk_.alone = False
        return
    with f.when(walk_.thread.compare("eq", 0)):
        walk_.alone = True
        _write(walk_, nested, address, draws)
    walk_.alone = True


def _write(walk_: Walk, nested: Nested, address: Address, draws: int) -> None:
    f = walk_.f
    operation = nested.operation
    memory = address(nested.memory)
    operands = [address(access.buffer) for access in nested.operands]
    results = [
        address(nested.parts[index])
        if index in nested.parts
        else f.address(memory, nested.spare["result", index], ir.I8)
        for index in range(len(nested.bodies[0].graph.results))
    ]
    if operation.op is not scan:
        predicate = f.load(operands[0], ir.I8).compare("ne", 0)
        flipped = predicate ^ f.constant(1, ir.I1)
        alone = walk_.alone
        for number, (inside, condition) in enumerate(zip(nested.bodies, (predicate, flipped), strict=True)):
            walk_.alone = alone
            with f.when(condition):
                _begin_draws(walk_, inside, operation.params["draws"][number], draws, f.constant(0))
                places = dict(zip(inside.graph.arguments, operands[1:], strict=True))
                _body(walk_, inside, memory, places, results)
        return
    length, same, carries = (operation.params[name] for name in ("length", "same", "carries"))
    (inside,) = nested.bodies
    with f.loop(0, length) as loop:
        walk_.alone = walk_.alone and not is_any_shared(nested, walk_.is_shared)
        number = loop.counter
        place = f.constant(length - 1) - number if operation.params["reverse"] else number
        odd = (number & f.constant(1)).compare("ne", 0)
        is_first, is_last = number.compare("eq", 0), number.compare("eq", length - 1)
        arguments = operands[:same]
        targets = []
        for index in range(carries):
            turns = [f.address(memory, nested.spare["turn", index, turn], ir.I8) for turn in (0, 1)]
            arguments.append(f.select(is_first, operands[same + index], f.select(odd, turns[0], turns[1])))
            targets.append(f.select(is_last, results[index], f.select(odd, turns[1], turns[0])))
        rows = inside.graph.arguments[same + carries :]
        for row, base in zip(rows, operands[same + carries :], strict=True):
            arguments.append(f.address(base, place * buffer_bytes(row), ir.I8))
        for variable, base in zip(inside.outputs[carries:], results[carries:], strict=True):
            targets.append(f.address(base, place * buffer_bytes(variable), ir.I8))
        drawing = f.constant(length - 1) - number if operation.params["backwards"] else number
        _begin_draws(walk_, inside, operation.params["draws"], draws, drawing)
        _body(walk_, inside, memory, dict(zip(inside.graph.arguments, arguments, strict=True)), targets)


def _body(
    walk_: Walk, inside: Inside, memory: ir.Register, places: dict[Variable, ir.Register], targets: list[ir.Register]
) -> None:
    f = walk_.f
    places.update(zip(inside.outputs, targets, strict=True))

    def address(variable: Variable) -> ir.Register:
        found = places.get(variable)
        if found is None:
            found = f.address(memory, inside.plan.arena[variable], ir.I8)
        return f.within(found, buffer_bytes(variable))

    for kernel in inside.fused.kernels:
        walk_.call(kernel, inside.fused, inside.draws, address)


def _begin_draws(walk_: Walk, inside: Inside, pairs: Any, draws: int, number: ir.Register) -> None:
    """Let the keys of a body begin where they are in the round of this number."""
    f = walk_.f
    if not inside.graph.draws:
        return
    if not walk_.alone:
        # Others may still draw in the round before.
        walk_.barrier()
    with f.when(walk_.thread.compare("eq", 0)):
        for key, ((seed, counter), blocks) in enumerate(zip(pairs, inside.graph.draws, strict=True)):
            values = [_number(walk_, seed, draws), _number(walk_, counter, draws) + number * blocks]
            for offset, value in enumerate(values):
                f.store(value, f.address(walk_.table, inside.draws + 2 * key + offset, ir.I64))


def _number(walk_: Walk, value: Any, draws: int) -> ir.Register:
    """Give a seed or a counter as the program around has it."""
    f = walk_.f
    if isinstance(value, DrawSeed):
        return f.load(f.address(walk_.table, draws + 2 * value.key, ir.I64), ir.I64)
    if isinstance(value, DrawCounter):
        return f.load(f.address(walk_.table, draws + 2 * value.key + 1, ir.I64), ir.I64) + value.offset
    return f.constant(value - (1 << 64) if value >> 63 else value)
