"""`Node`: one recorded operation, held by the value it made. What is reachable from a value is that value's tape.

Values of different tapes that meet in one operation thereby share one tape, and the order of operands never matters.
What it is not: the walk back through the nodes (`backward.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from shapewright import ops
from shapewright.ops.core import Op
from shapewright.shapes.errors import TapeError

_serial = count()


class Node:
    """An operation that made a traced value: its op, its operands and its result, until the tape has been used.

    Args:
        op: the operation.
        operands: the values (traced or not) and Python scalars it was applied to, as read at that moment.
        params: its keyword parameters.
        training: whether layers further on train.
    """

    __slots__ = ("op", "operands", "params", "result", "serial", "training")

    def __init__(self, op: Op | None, operands: tuple[Any, ...] | None, params: dict[str, Any], training: bool) -> None:
        self.op = op
        self.operands = operands
        self.params = params
        self.training = training
        # Later operations have higher numbers: going down visits every node after all that used its result.
        self.serial = next(_serial)
        self.result: Any = None

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Callable[[], Any]]]:
        """Give the nodes this one was computed from, each with a function that computes its part of the gradient."""
        op, operands = self.op, self.operands
        if op is None or operands is None:
            raise TapeError(
                "backward: this tape was already used, and what it recorded has been released",
                hint="loss.backward(keep=True) the first time, or add the losses and go back once",
            )
        result = self.result
        if trace:
            values = operands
            result = result._attach(self)
        else:
            values = tuple([o._plain() if getattr(o, "_node", None) is not None else o for o in operands])
        parts: list[tuple[Node, Callable[[], Any]]] = []
        for index, operand in enumerate(operands):
            node = getattr(operand, "_node", None)
            if node is None or not operand._spec.dtype.is_floating:
                continue
            function = op.gradient(index)
            if function is not None:
                parts.append((node, partial(function, gradient, result, *values, **self.params)))
        return parts

    def join(self, before: Any, part: Any) -> Any:
        """Add a further part to the gradient of this node's result."""
        return ops.add(before, part)

    def release(self) -> None:
        """Let go of what was recorded; going back through this node again is an error."""
        self.operands = None
        self.result = None


class Deferred(Node):
    """A view of a parameter (permuted, reshaped, broadcast) that no traced value has met yet.

    It holds no memory of its own, so it can be kept; once the view meets a traced value, it is part of the tape.

    Args:
        owner: the parameter.
    """

    __slots__ = ("owner",)

    def __init__(self, op: Op | None, operands: tuple[Any, ...] | None, params: dict[str, Any], owner: Any) -> None:
        super().__init__(op, operands, params, False)
        self.owner = owner

    def traced(self, training: bool) -> Deferred:
        """Give the view as a value that was traced itself: layers further on train if it says so."""
        if training is self.training:
            return self
        view = Deferred(self.op, self.operands, self.params, self.owner)
        view.training, view.result = training, self.result
        return view

    def release(self) -> None:
        """The view can meet other traced values, so nothing is let go of."""


class Leaf(Node):
    """Where recording began: a value that was traced, or a parameter that a traced value touched.

    Args:
        owner: the parameter, or None for a traced value.
        training: whether layers further on train.
    """

    __slots__ = ("owner",)

    def __init__(self, owner: Any, training: bool) -> None:
        super().__init__(None, None, {}, training)
        self.owner = owner
