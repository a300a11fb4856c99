"""`Access`: how the elements of a value lie in a buffer. Views of a buffer are other accesses to it, and copy nothing.

What it is not: memory (`plan.py`) or the code that reads it (`loops.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapewright import ops
from shapewright.graph import Operation, Variable


@dataclass(frozen=True)
class Access:
    """Where element (i, j, …) of a value is in a buffer: at `offset + i * strides[0] + j * strides[1] + …`.

    Args:
        buffer: the variable whose buffer it is.
        sizes: the sizes of the value.
        strides: one step along each axis, in elements; 0 repeats, negative goes backwards.
        offset: the place of element (0, 0, …), in elements.
    """

    buffer: Variable
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    @staticmethod
    def whole(variable: Variable) -> Access:
        """Give the access to a variable's own buffer, in row-major order."""
        return Access(variable, variable.spec.sizes, row_major(variable.spec.sizes))

    @property
    def is_whole(self) -> bool:
        """Whether the elements are those of the buffer, in its order."""
        return (
            self.offset == 0
            and math.prod(self.sizes) == self.buffer.spec.count
            and all(
                size == 1 or stride == wanted
                for size, stride, wanted in zip(self.sizes, self.strides, row_major(self.sizes), strict=True)
            )
        )

    def reshaped(self, sizes: Sequence[int]) -> Access | None:
        """Give the same elements in the same order under other sizes, or None where no strides say that."""
        if 0 in sizes:
            return Access(self.buffer, tuple(sizes), row_major(sizes), self.offset)
        # Axes that are walked as one are one run; a new axis is cut from a run; it never joins two.
        old: list[tuple[int, int]] = []
        for size, stride in zip(self.sizes, self.strides, strict=True):
            if size == 1:
                continue
            if old and old[-1][1] == stride * size:
                old[-1] = (old[-1][0] * size, stride)
            else:
                old.append((size, stride))
        strides: list[int] = []
        position = 0
        for size in sizes:
            if size == 1:
                strides.append(0)
                continue
            if position == len(old):
                return None
            have, stride = old[position]
            if have % size == 0:
                # The axis is cut: the outer part comes first.
                strides.append(stride * (have // size))
                rest = have // size
                if rest == 1:
                    position += 1
                else:
                    old[position] = (rest, stride)
                continue
            return None
        return Access(self.buffer, tuple(sizes), tuple(strides), self.offset)


def row_major(sizes: Sequence[int]) -> tuple[int, ...]:
    """Give the strides of a buffer whose last axis is contiguous."""
    strides = []
    step = 1
    for size in reversed(sizes):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def view(operation: Operation, source: Access) -> Access | None:
    """Give the access of a view operation's result, or None if the operation is no view or has no strides here."""
    maker: Any = _VIEWS.get(operation.op)
    return None if maker is None else maker(source, operation.params, operation.result.spec.sizes)


def is_view(operation: Operation) -> bool:
    """Whether an operation only looks at its operand in another way."""
    return operation.op in _VIEWS


def _permute(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access:
    return Access(x.buffer, sizes, tuple(x.strides[a] for a in params["axes"]), x.offset)


def _broadcast(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access:
    strides = [0] * len(sizes)
    for axis, stride in zip(params["axes"], x.strides, strict=True):
        strides[axis] = stride
    return Access(x.buffer, sizes, tuple(strides), x.offset)


def _slice(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access:
    offset = x.offset + sum(start * stride for start, stride in zip(params["starts"], x.strides, strict=True))
    strides = tuple(stride * step for stride, step in zip(x.strides, params["steps"], strict=True))
    return Access(x.buffer, sizes, strides, offset)


def _flip(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access:
    strides = list(x.strides)
    offset = x.offset
    for axis in params["axes"]:
        offset += max(x.sizes[axis] - 1, 0) * strides[axis]
        strides[axis] = -strides[axis]
    return Access(x.buffer, sizes, tuple(strides), offset)


def _reshape(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access | None:
    return x.reshaped(sizes)


def _unfold(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access:
    *outer, down, right = x.strides
    (sh, sw), (dh, dw) = params.get("stride", (1, 1)), params.get("dilation", (1, 1))
    return Access(x.buffer, sizes, (*outer, down * dh, right * dw, down * sh, right * sw), x.offset)


def _same(x: Access, params: Mapping[str, Any], sizes: tuple[int, ...]) -> Access:
    return x


_VIEWS = {
    ops.permute: _permute,
    ops.broadcast: _broadcast,
    ops.slice: _slice,
    ops.flip: _flip,
    ops.reshape: _reshape,
    ops.unfold2d: _unfold,
    ops.stop_gradient: _same,
}
