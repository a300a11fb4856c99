"""`Device`: where tensors are kept and operations run. The protocol, and the choice of a device by default.

What it is not: any one device. Those have rooms of their own: `reference/`, `cpu/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from shapewright.graph import Graph, KernelCost, Measurement, Memory
    from shapewright.ops.core import Op
    from shapewright.shapes.dtypes import Spec


class Device[Storage](Protocol):
    """What a device does for the tensors that live on it. Devices of equal `name` share their storage."""

    name: str

    def put(self, array: np.ndarray, *, copy: bool = True) -> Storage:
        """Take an array's numbers; without `copy` the array will not be changed afterwards and may be kept."""
        ...

    def get(self, storage: Storage) -> np.ndarray:
        """Give the numbers as a NumPy array that must not be written to."""
        ...

    def run(self, op: Op, operands: Sequence[Storage | float], params: Mapping[str, Any], result: Spec) -> Storage:
        """Run one operation, already checked, whose result has the shape and element type `result`."""
        ...

    def compile(self, graph: Graph) -> Executable[Storage]:
        """Make a whole program ready to run."""
        ...


class Interrupted(BaseException):
    """What a signal's handler raised while a program ran, which ran to its end first; with the cells' new values."""

    def __init__(self, error: BaseException, updates: Sequence[Any]) -> None:
        super().__init__(error)
        self.error = error
        self.updates = updates


class Executable[Storage](Protocol):
    """A whole program on a device."""

    def run(
        self, arguments: Sequence[Storage], cells: Sequence[Storage], draws: Sequence[tuple[int, int]]
    ) -> tuple[Sequence[Storage], Sequence[Storage]]:
        """Give the results, and the new values of the cells that change, from the arguments, cells and draws."""
        ...

    def kernels(self) -> list[KernelCost]:
        """Give the pieces of work of a run, in order, with what each takes."""
        ...

    def memory(self) -> Memory:
        """Give the bytes that a run needs."""
        ...

    def code_state(self) -> str:
        """Say in a few words how the program was made ready."""
        ...

    def measure(
        self, arguments: Sequence[Storage], cells: Sequence[Storage], draws: Sequence[tuple[int, int]]
    ) -> Measurement | None:
        """Run on copies of the cells and give the time of each kernel; None where a device cannot tell."""
        ...
