"""`Reference`: runs the NumPy meaning of every operation. Every other device is tested against it.

A view is a NumPy view: broadcast, permute, slice and compatible reshape copy nothing. What it is not: fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shapewright.graph import Graph
from shapewright.ops.core import Op
from shapewright.shapes.dtypes import Spec

from .program import Program


class Reference:
    """The device that runs on NumPy alone, wherever NumPy runs.

    >>> import shapewright as sw
    >>> sw.zeros((2,), device=sw.Reference()).device
    Reference()
    """

    name = "reference"
    __slots__ = ()

    def put(self, array: np.ndarray, *, copy: bool = True) -> np.ndarray:
        if not copy and type(array) is np.ndarray and array.dtype.isnative and array.flags.c_contiguous:
            # The array itself, not a view of it: a program may write over what nobody else has.
            return array
        # Native byte order and one block of memory, whatever came in.
        return np.array(array, dtype=array.dtype.newbyteorder("="), order="C", copy=copy or None)

    def get(self, storage: np.ndarray) -> np.ndarray:
        view = storage.view()
        view.flags.writeable = False
        return view

    def run(self, op: Op, operands: Sequence[Any], params: Mapping[str, Any], result: Spec) -> np.ndarray:
        return op.evaluate(operands, params, result)

    def compile(self, graph: Graph) -> Program:
        return Program(graph, self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(self.name)
