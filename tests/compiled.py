"""Runs the suite a second time through `sw.compile`: `pytest --compiled`. No test is written twice.

Operations on the cpu device are not run when they are called but kept; when a test asks for numbers, what it asked for
and everything else that waits becomes one function for `sw.compile`, cells that were assigned meanwhile among its
updates, draws among its keys. So a loss, its gradients and an optimiser's update are one program, as in a user's step,
and the numbers that the test compares are the engine's. `TOLERANCES` says how far they may be from the eager ones.
What it is not: a test, or a way to compute for users: a program is made anew for every question.
"""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops
from shapewright.devices.cpu import Cpu
from shapewright.graph import active, one_moment
from shapewright.ops.checks import Labels, class_labels, probabilities
from shapewright.ops.core import Op
from shapewright.shapes.dtypes import Spec, from_numpy_dtype
from shapewright.tensor import parameter
from shapewright.tensor.tensor import make

# How far a compiled program may be from the eager one, whatever a test asks for: relative, and absolute beside numbers
# of about 1. Sums are added in another order, and a product and a sum are rounded once; both grow along a chain.
TOLERANCES = {"float64": 2e-11, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}

# These look at the numbers they are given, and refuse some: such an error comes from where the operation was called.
_MAY_REFUSE = {
    *(ops.take, ops.gather, ops.take_add, ops.gather_add, ops.one_hot),
    *(ops.floor_divide, ops.remainder, ops.pow, class_labels, probabilities),
}
_WITHOUT_INTEGERS_NEVER = {ops.floor_divide, ops.remainder, ops.pow}
_DRAWS = {ops.uniform, ops.normal, ops.randint, ops.random_bits}
# Longer programs than this are cut: a test may go on for ever without looking at a number.
_MOST_STEPS = 4000
_MOST_PROGRAMS = 300

_original = {name: getattr(Cpu, name) for name in ("run", "get", "compile")}
_original_update = sw.optim.Optimizer.update
_assign = parameter._Cell.assign


_numbers_of_steps = itertools.count()


class Waiting:
    """The storage of a value that is not computed yet; `array` once it is. `is_used` once another one needs it."""

    __slots__ = ("__weakref__", "array", "is_used", "number", "op", "operands", "params", "spec")

    def __init__(self, op: Op, operands: tuple[Any, ...], params: Mapping[str, Any], spec: Spec) -> None:
        self.op, self.operands, self.params, self.spec = op, operands, params, spec
        self.array: Any = None
        self.is_used = False
        self.number = next(_numbers_of_steps)


_waiting: weakref.WeakSet[Waiting] = weakref.WeakSet()
_kept = 0
# Cells assigned since their numbers were last known, with what they held then.
_assigned: dict[int, tuple[weakref.ref[Any], Any]] = {}
_programs: OrderedDict[Any, tuple[Any, list[Any], list[Any]]] = OrderedDict()


# ---- in the place of the device's methods ---------------------------------------------------------------------------
def _run(self: Cpu, op: Op, operands: Sequence[Any], params: Mapping[str, Any], result: Spec) -> Any:
    global _kept
    with one_moment:
        found = tuple([o.array if isinstance(o, Waiting) and o.array is not None else o for o in operands])
        waiting = Waiting(op, found, dict(params), result)
        op.check_numbers(found, params, result)
        if op in _MAY_REFUSE and not (op in _WITHOUT_INTEGERS_NEVER and result.dtype.is_floating):
            # What cannot refuse is not needed for it: `take` looks at its indices only.
            looked_at = [_filled(o) if _is_float(o) and op is not probabilities else _aside(self, o) for o in found]
            _original["run"](self, op, looked_at, params, result)
        for operand in found:
            if isinstance(operand, Waiting):
                operand.is_used = True
        _waiting.add(waiting)
        _kept += 1
        if _kept > _MOST_STEPS:
            _compute(waiting)
        return waiting


def _is_float(operand: Any) -> bool:
    return isinstance(operand, Waiting) and operand.spec.dtype.is_floating


def _filled(operand: Waiting) -> np.ndarray:
    return np.broadcast_to(np.ones((), operand.spec.dtype.numpy), operand.spec.sizes)


def _aside(self: Cpu, operand: Any) -> Any:
    """Compute a value eagerly, only to see whether it would be refused."""
    if not isinstance(operand, Waiting):
        return operand
    if operand.array is not None:
        return operand.array
    done: dict[int, Any] = {}
    for step in _in_order([operand]):
        given = [done[id(o)] if isinstance(o, Waiting) else o for o in step.operands]
        done[id(step)] = _original["run"](self, step.op, given, step.params, step.spec)
    return done[id(operand)]


def _get(self: Cpu, storage: Any) -> np.ndarray:
    return _original["get"](self, _numbers(storage))


def _compile(self: Cpu, graph: Any) -> Any:
    return _Ready(_original["compile"](self, graph))


class _Ready:
    """An executable that gets arrays."""

    def __init__(self, executable: Any) -> None:
        self._executable = executable

    def run(self, arguments: Sequence[Any], cells: Sequence[Any], draws: Any) -> Any:
        return self._executable.run([_numbers(a) for a in arguments], [_numbers(c) for c in cells], draws)

    def measure(self, arguments: Sequence[Any], cells: Sequence[Any], draws: Any) -> Any:
        return self._executable.measure([_numbers(a) for a in arguments], [_numbers(c) for c in cells], draws)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executable, name)


def _update(self: Any, *arguments: Any, **options: Any) -> None:
    """An optimiser's update ends a step, and the program with it."""
    _original_update(self, *arguments, **options)
    if active.capture is None:
        with one_moment:
            end = next((w for w in list(_waiting) if not w.is_used), None)
            if end is not None:
                _compute(end)


def _note_assignment(self: Any, value: Any) -> None:
    if active.capture is None and id(self) not in _assigned:
        old = self._storage
        if isinstance(old, np.ndarray):
            _assigned[id(self)] = (weakref.ref(self), old)
    _assign(self, value)


# ---- one program of all that waits ----------------------------------------------------------------------------------
def _numbers(storage: Any) -> Any:
    if not isinstance(storage, Waiting):
        return storage
    with one_moment:
        if storage.array is None:
            _compute(storage)
        return storage.array


def _compute(wanted: Waiting) -> None:
    """Compute one value, and with it what cells hold and what nothing else has needed: what a step gives."""
    global _kept
    ends = [w for w in list(_waiting) if not w.is_used and w is not wanted]
    outputs = sorted([wanted, *ends], key=lambda w: w.number)
    cells = _updates()
    outputs = [w for w in outputs if all(w is not new for _, _, new in cells)]
    steps = _in_order([*outputs, *[new for _, _, new in cells]])

    # The program's text: equal texts share one compiled function, whatever numbers it works on.
    numbers: dict[int, int] = {}
    leaves: list[np.ndarray] = []
    keys: list[tuple[int, int]] = []
    text: list[Any] = []
    for _, old, new in cells:
        numbers[id(old)] = len(numbers)
        text.append(("cell", new.spec))
    first_leaf = len(numbers)
    for step in steps:
        shown: list[Any] = []
        for operand in step.operands:
            if isinstance(operand, np.ndarray) and id(operand) not in numbers:
                numbers[id(operand)] = len(numbers)
                leaves.append(operand)
                text.append(("leaf", numbers[id(operand)], operand.shape, operand.dtype))
            is_value = isinstance(operand, np.ndarray | Waiting)
            shown.append(("value", numbers[id(operand)]) if is_value else (type(operand), repr(operand)))
        params = dict(step.params)
        if step.op in _DRAWS:
            keys.append((params.pop("seed"), params.pop("counter")))
        numbers[id(step)] = len(numbers)
        text.append((step.op.name, tuple(shown), tuple(params), tuple(map(_plain, params.values())), step.spec))
    places = [numbers[id(w)] for w in outputs]
    new_places = [numbers[id(new)] for _, _, new in cells]
    key = (tuple(text), tuple(places), tuple(new_places))

    if key not in _programs:
        names = [numbers[id(leaf)] for leaf in leaves]
        _programs[key] = _function(steps, numbers, names, len(keys), [new for _, _, new in cells], places, new_places)
        if len(_programs) > _MOST_PROGRAMS:
            _programs.popitem(last=False)
    _programs.move_to_end(key)
    function, proxies, streams = _programs[key]
    assert first_leaf == len(proxies) == len(cells) and len(streams) == len(keys)
    for stream, state in zip(streams, keys, strict=True):
        stream.restore(state)
    cpu = Cpu()
    arguments = [make(leaf, sw.from_numpy(leaf, device=sw.Reference())._spec, cpu) for leaf in leaves]
    for number, proxy in enumerate(proxies):
        # The cell is the only one to know its numbers, so that the engine may write over them.
        _, old, _ = cells[number]
        parameter._hold_storage(proxy, old)
        cells[number] = (cells[number][0], None, cells[number][2])
    del leaves
    old = None
    capture, active.capture = active.capture, None
    try:
        results = function(*arguments)
    finally:
        active.capture = capture
    for waiting, result in zip(outputs, results, strict=True):
        _finish(waiting, result._storage)
    for proxy, (cell, _, new) in zip(proxies, cells, strict=True):
        array = parameter._held_storage(proxy)
        parameter._hold_storage(proxy, None)
        _finish(new, array)
        parameter._hold_storage(cell, array)
    _kept = 0


def _plain(value: Any) -> Any:
    """Tell parameters of operations apart: by what they say, or by which they are; a program keeps them."""
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    return (
        (type(value), repr(value)) if isinstance(value, int | float | str | type | Labels | None) else ("is", id(value))
    )


def _finish(waiting: Waiting, array: np.ndarray) -> None:
    assert array.dtype == waiting.spec.dtype.numpy and array.shape == waiting.spec.sizes, waiting.op.name
    assert from_numpy_dtype(array.dtype) is waiting.spec.dtype
    waiting.array = array
    waiting.operands = ()
    _waiting.discard(waiting)


def _updates() -> list[Any]:
    """Give the cells that the program updates: the cell, the array it held, and what it holds now."""
    found = []
    for number, (reference, old) in list(_assigned.items()):
        cell = reference()
        new = None if cell is None else parameter._held_storage(cell)
        if cell is None or not isinstance(new, Waiting) or new.array is not None:
            del _assigned[number]
        elif all(new is not other for _, _, other in found):
            del _assigned[number]
            found.append((cell, old, new))
    return found


def _in_order(wanted: Sequence[Waiting]) -> list[Waiting]:
    """Give what must be computed, each after what it needs."""
    order: list[Waiting] = []
    done: set[int] = set()
    stack: list[tuple[Waiting, bool]] = [(w, False) for w in reversed(wanted)]
    while stack:
        step, ready = stack.pop()
        if id(step) in done:
            continue
        if ready:
            done.add(id(step))
            order.append(step)
            continue
        step.operands = tuple([o.array if isinstance(o, Waiting) and o.array is not None else o for o in step.operands])
        stack.append((step, True))
        stack.extend((o, False) for o in reversed(step.operands) if isinstance(o, Waiting) and id(o) not in done)
    return order


def _function(
    steps: Sequence[Waiting],
    numbers: Mapping[int, int],
    leaves: Sequence[int],
    draws: int,
    cells: Sequence[Waiting],
    places: Sequence[int],
    new_places: Sequence[int],
) -> tuple[Any, list[Any], list[Any]]:
    """Give a compiled function, the cells it updates, and the keys it draws from."""
    recipe = []
    for step in steps:
        shown = [("value", numbers[id(o)]) if isinstance(o, np.ndarray | Waiting) else o for o in step.operands]
        recipe.append((step.op, shown, step.params, step.spec, numbers[id(step)]))
    specs = {numbers[id(step)]: step.spec for step in steps}
    cpu = Cpu()
    proxies = []
    for new in cells:
        proxy = object.__new__(sw.nn.Buffer)
        proxy._spec, proxy._device, proxy._dims = new.spec, cpu, None
        proxy._node = proxy._origin = proxy._home = None
        proxies.append(proxy)
    streams = [sw.Key(0) for _ in range(draws)]

    def program(*arguments: Any) -> Any:
        capture: Any = active.capture
        values = {place: argument._storage for place, argument in zip(leaves, arguments, strict=True)}
        values.update({number: proxy._storage for number, proxy in enumerate(proxies)})
        streams_left = iter(streams)
        for op, shown, params, spec, place in recipe:
            operands = [values[o[1]] if isinstance(o, tuple) else o for o in shown]
            if op in _DRAWS:
                count = ops.random_blocks(spec.count, spec.dtype)
                seed, counter = next(streams_left).draw(count)
                params = {**params, "seed": seed, "counter": counter}
            values[place] = capture.run(op, operands, params, spec)
        for proxy, place in zip(proxies, new_places, strict=True):
            proxy._storage = values[place]
        return [make(values[place], specs[place], capture) for place in places]

    return sw.compile(program), proxies, streams


# ---- switching it on ------------------------------------------------------------------------------------------------
def _widened(check: Any) -> Any:
    """Give a comparison of arrays that allows at least what `TOLERANCES` says."""
    exact = check is np.testing.assert_array_equal

    def compared(actual: Any, desired: Any, rtol: float = 0.0 if exact else 1e-7, atol: float = 0.0, **options: Any):
        if not options.pop("strict", False):
            names = {getattr(getattr(side, "dtype", None), "name", "") for side in (actual, desired)}
            least = max((TOLERANCES.get(name, 0.0) for name in names), default=0.0)
            if least:
                rtol, atol = max(rtol, least), max(atol, least)
                actual, desired = (np.asarray(side, np.float64) for side in (actual, desired))
                return _allclose(actual, desired, rtol=rtol, atol=atol, **options)
        return check(actual, desired, **({} if exact else {"rtol": rtol, "atol": atol}), **options)

    return compared


_allclose = np.testing.assert_allclose


@contextmanager
def compiled() -> Iterator[None]:
    """Within, operations on the cpu device are compiled."""
    with pytest.MonkeyPatch.context() as patch:
        for name, method in (("run", _run), ("get", _get), ("compile", _compile)):
            patch.setattr(Cpu, name, method)
        patch.setattr(parameter._Cell, "assign", _note_assignment)
        patch.setattr(sw.optim.Optimizer, "update", _update)
        for name in ("assert_allclose", "assert_array_equal"):
            patch.setattr(np.testing, name, _widened(getattr(np.testing, name)))
        try:
            yield
        finally:
            for waiting in list(_waiting):
                waiting.operands = ()
            _waiting.clear()
            _assigned.clear()
