"""Capture: a device whose `run` appends an operation to a graph. A function that runs on it leaves its program behind.

Parameters, buffers and keys become inputs and outputs of the program: while a capture is active in a thread, reading a
cell gives the variable that stands for its value. What it is not: the choice what to capture and when
(`tensor/compiled.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shapewright.ops.core import Op
from shapewright.shapes.dtypes import Spec, from_numpy_dtype, spec
from shapewright.shapes.errors import CaptureError, DeviceError

from .graph import DrawCounter, DrawSeed, Graph, Operation, Variable


class _Active(threading.local):
    """The capture that this thread is in, if any."""

    capture: Capture | None = None


active = _Active()


def can_meet(*devices: Any) -> bool:
    """Whether values on these devices may meet: all on one, or in the recording that is active and those around it."""
    capture: Any = active.capture
    if capture is None:
        return len(set(devices)) == 1
    return all(device is capture or capture.encloses(device) or device == capture.home for device in devices)


_TO_SEE = 'sw.debug_print("{}", x) to see it, or return it and read it outside'
# What was asked for, why it cannot be had, and what to write instead.
_ASKED = {
    "bool": (
        "`if`, `while`, `and`, `or`, `not`, `assert`: whether a tensor is true is",
        (
            "sw.where(condition, a, b) to choose numbers, sw.cond(condition, yes, no, x) to choose what is computed, "
            "sw.scan(body, carry, xs) for a loop"
        ),
    ),
    "item": (
        "item, float(), int(): the number in a tensor is",
        f"the tensor itself, which operations take where they take numbers; {_TO_SEE}",
    ),
    "index": (
        "range(), or a place in a list: the number in a tensor is",
        (
            "sizes, which are known: `for t in range(x.shape[0])`; sw.scan(body, carry, xs) for a loop, x.take(places, "
            "axis=0) for rows"
        ),
    ),
    "numpy": ("numpy, tolist: the numbers of a tensor are", f"operations on the tensor itself; {_TO_SEE}"),
    "print": ("print, str, f-string: the numbers of a tensor are", _TO_SEE),
}


def not_known(asked: str, storage_spec: Spec) -> CaptureError:
    """Give the error of asking for numbers while a program is recorded.

    Args:
        asked: what asked for them: "bool", "item", "index", "numpy" or "print".
        storage_spec: the tensor's.
    """
    what, hint = _ASKED[asked]
    return CaptureError(
        f"{what} not known while sw.compile records the program",
        facts=[("tensor", f"{list(storage_spec.sizes)} of {storage_spec.dtype.name}")],
        hint=hint,
    )


def left_behind(storage_spec: Spec | None = None) -> CaptureError:
    """Give the error of a tensor that was kept from a program and is used when that has been recorded.

    Args:
        storage_spec: the tensor's, unless an operation will say what its operands are.
    """
    return CaptureError(
        "this tensor was kept from a function while sw.compile recorded it; there it stands for the numbers of each "
        "call, and here it has none",
        facts=[("tensor", f"{list(storage_spec.sizes)} of {storage_spec.dtype.name}")] if storage_spec else [],
        hint="return it from the compiled function; what lasts from call to call is an nn.Buffer, which it may assign",
    )


class Elsewhere(Exception):
    """An operation on values from around belongs to the recording that is active."""


class Capture:
    """The device that a function runs on while its program is recorded.

    Args:
        home: the device that the program will run on; cells on another device are an error.
        is_sketch: whether only shapes are asked for: the program will never run.
    """

    name = "capture"

    def __init__(self, home: Any, *, is_sketch: bool = False) -> None:
        self.home = home
        self.is_sketch = is_sketch
        self.is_loop = False
        self.is_over = False
        self.outer: Any = None
        self.graph = Graph()
        self.cells: list[Any] = []
        self.keys: list[Any] = []
        # The modules that are called, by identity: their attributes are constants of the program.
        self.modules: dict[int, Any] = {}
        # What the program shows besides its results.
        self.shown: list[Any] = []
        # Says which layer or function is being recorded.
        self.within: Callable[[], str] | None = None
        self._cell_numbers: dict[int, int] = {}
        self._cell_values: dict[int, Variable] = {}
        self._key_numbers: dict[int, int] = {}
        self._constants: dict[int, tuple[Any, Variable]] = {}

    # ---- the device protocol ----------------------------------------------------------------------------------------
    def put(self, array: np.ndarray, *, copy: bool = True) -> Variable:
        """Make an array a constant of the program."""
        array = np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=copy or None)
        variable = Variable(spec(array.shape, from_numpy_dtype(array.dtype)), "constant")
        self.graph.constants[variable] = array
        return variable

    def get(self, storage: Variable) -> np.ndarray:
        """Refuse: there are no numbers yet, or never will be."""
        raise self.has_none("numpy", storage.spec)

    def has_none(self, asked: str, storage_spec: Spec) -> CaptureError:
        """Give the error of asking for the numbers of a tensor of this recording; see `not_known`."""
        return left_behind(storage_spec) if self.is_over else not_known(asked, storage_spec)

    def run(self, op: Op, operands: Sequence[Any], params: Mapping[str, Any], result: Spec) -> Variable:
        """Append an operation to the program.

        Raises:
            Elsewhere: a choice is being recorded, and what is computed in a branch is part of that branch.
            ArgumentError: a Python number is beyond what elements can hold.
            CaptureError: the program has been recorded already.
        """
        if self.is_over:
            raise left_behind()
        op.check_numbers(operands, params, result)
        inside: Any = active.capture
        while inside is not self and inside is not None:
            # What needs nothing of a loop's rounds is computed before them; branches keep what is theirs.
            if not inside.is_loop:
                raise Elsewhere
            inside = inside.outer
        variable = Variable(result)
        now: Any = active.capture
        variable.where = self.within if now is None else now.within or self.within
        self.graph.operations.append(Operation(op, tuple(operands), dict(params), variable))
        return variable

    def __repr__(self) -> str:
        return "the program being recorded by sw.compile"

    # ---- what is not of the program becomes so ----------------------------------------------------------------------
    def adopt(self, storage: Any, storage_spec: Spec, device: Any) -> Variable:
        """Give the variable of a tensor that exists already: a constant of the program."""
        if device is self:
            return storage
        known = self._constants.get(id(storage))
        if known is not None:
            return known[1]
        variable = Variable(storage_spec, "constant")
        self.graph.constants[variable] = device.get(storage)
        # The storage is kept, so that its identity is not given to another one.
        self._constants[id(storage)] = (storage, variable)
        return variable

    def argument(self, storage_spec: Spec, name: str) -> Variable:
        """Give the variable of a tensor that each call brings."""
        variable = Variable(storage_spec, name)
        self.graph.arguments.append(variable)
        return variable

    def read(self, cell: Any, cell_spec: Spec, device: Any, name: str | None) -> Variable:
        """Give the variable of a cell's value at this point of the program."""
        return self._cell_values[self._number(cell, cell_spec, device, name)]

    def write(self, cell: Any, cell_spec: Spec, device: Any, name: str | None, value: Any) -> None:
        """Make a variable the cell's value from this point on."""
        number = self._number(cell, cell_spec, device, name)
        self._cell_values[number] = value
        self.graph.updates[number] = value

    def _number(self, cell: Any, cell_spec: Spec, device: Any, name: str | None) -> int:
        number = self._cell_numbers.get(id(cell))
        if number is None:
            if device != self.home:
                raise DeviceError(
                    f"{name or 'a cell'} is on {device!r}, and the program runs on {self.home!r}",
                    hint=f"model.to({self.home!r}), or the arguments on {device!r}",
                )
            number = self._cell_numbers[id(cell)] = len(self.cells)
            self.cells.append(cell)
            variable = Variable(cell_spec, name or "cell")
            self.graph.cells.append(variable)
            self._cell_values[number] = variable
        return number

    def draw(self, key: Any, blocks: int) -> tuple[Any, Any]:
        """Reserve numbers of a key's stream: its position is known only when the program runs."""
        number = self._key_numbers.get(id(key))
        if number is None:
            number = self._key_numbers[id(key)] = len(self.keys)
            self.keys.append(key)
            self.graph.draws.append(0)
        offset = self.graph.draws[number]
        self.graph.draws[number] += blocks
        return DrawSeed(number), DrawCounter(number, offset)

    def encloses(self, device: Any) -> bool:
        """Whether a device is a recording around this one."""
        return False

    # ---- being active -----------------------------------------------------------------------------------------------
    def __enter__(self) -> Capture:
        if active.capture is not None:
            raise CaptureError(
                "a program is being recorded already; a compiled function called inside another is part of it"
            )
        active.capture = self
        return self

    def __exit__(self, *_: object) -> None:
        active.capture = None
        self.is_over = True


class Inner(Capture):
    """The device that the body of a loop or a choice runs on while its graph is recorded, inside another recording.

    What it reads from around becomes an argument of the body's graph; `lifted` says which.

    Args:
        outer: the recording around it.
        is_loop: whether it runs whenever what is around it does.
    """

    def __init__(self, outer: Capture, *, is_loop: bool = True) -> None:
        super().__init__(outer.home, is_sketch=outer.is_sketch)
        self.outer: Capture = outer
        self.is_loop = is_loop
        self.modules = outer.modules
        # For each variable from around that the body reads, the one that stands for it inside.
        self.lifted: dict[Variable, Variable] = {}

    def adopt(self, storage: Any, storage_spec: Spec, device: Any) -> Variable:
        """Give the variable of a tensor from around, or from outside the program."""
        if device is self:
            return storage
        if device is not self.outer:
            storage = self.outer.adopt(storage, storage_spec, device)
        found = self.lifted.get(storage)
        if found is None:
            found = self.lifted[storage] = Variable(storage_spec, storage.name)
        return found

    def encloses(self, device: Any) -> bool:
        """Whether a device is a recording around this one."""
        return device is self.outer or self.outer.encloses(device)

    def assigned(self) -> list[int]:
        """Give the numbers of the cells that have another value at the end of the body."""
        return [number for number, value in self.graph.updates.items() if value is not self.graph.cells[number]]

    def __enter__(self) -> Inner:
        active.capture = self
        return self

    def __exit__(self, *_: object) -> None:
        active.capture = self.outer
        self.is_over = True
