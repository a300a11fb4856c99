"""What the bodies of loops and choices share while they are recorded: their values, what they close over, their draws.

What it is not: the loop (`_loop.py`) or the choice (`_choice.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from shapewright.graph import Capture, Graph, Inner, Variable, active
from shapewright.shapes.errors import CaptureError, DeviceError
from shapewright.tape import Deferred, Leaf, Node, total

from .differentiate import Earlier, Output, _Link, is_replaying
from .random import Key, _replay
from .tensor import make


class _Draws:
    """In a body keys draw from its own recording; `at` says whether it is computed again, as for checkpoints."""

    def __init__(self, *, again: bool) -> None:
        self.at = 0 if again else None

    def draw(self, key: Key, blocks: int) -> Any:
        return key._draw(blocks)


@contextmanager
def body_of(outer: Capture, *, again: bool, is_loop: bool = True) -> Iterator[Inner]:
    """Record what runs inside as a body. `again`: as one that was recorded before, for the way back."""
    before = _replay.stream
    again = again or is_replaying()
    try:
        with Inner(outer, is_loop=is_loop) as inner:
            _replay.stream = _Draws(again=again)
            yield inner
    finally:
        _replay.stream = before


def entered(capture: Any, x: Any, called: str) -> Any:
    """Give a tensor as a value of a recording, which it may come from outside of.

    Raises:
        DeviceError: it is on another device.
        CaptureError: it was traced outside.
    """
    if x._device is capture:
        # A parameter is read now.
        return make(x._storage, x._spec, capture) if x._node is None and x._origin is None else _like(x, x._storage)
    is_around = capture.encloses(x._device)
    if not is_around and x._device != capture.home:
        raise DeviceError(
            f"{called}: the operands are on different devices, {capture.home!r} and {x._device!r}",
            hint=f"x.to({capture.home!r})",
        )
    if x._node is not None and not is_around and not capture.is_sketch:
        raise CaptureError(
            f"{called}: a value that was traced outside the compiled function meets a value inside",
            hint="x.trace() inside the function, on its arguments",
        )
    inside = _like(x, capture.adopt(x._storage, x._spec, x._device))
    if not is_around:
        inside._node = None
    return inside


def _like(x: Any, storage: Any) -> Any:
    inside = make(storage, x._spec, active.capture)
    inside._dims, inside._node, inside._origin = x._dims, x._node, x._origin
    return inside


def argument(inner: Capture, spec: Any, dims: Any, training: bool | None) -> Any:
    """Give a value that a body is given; traced if `training` is not None."""
    value = make(Variable(spec), spec, inner)
    value._dims = dims
    if training is not None:
        value._node = Leaf(None, training)
    return value


def variable_of(inner: Capture, x: Any) -> Variable:
    """Give the variable of a value that a body gives, which may come from around it."""
    return inner.adopt(x._storage, x._spec, x._device)


def training_of(x: Any) -> bool | None:
    """Say whether layers train on a value; None for one without a tape."""
    return None if x._node is None else x._node.training


def is_differentiable(x: Any) -> bool:
    """Whether a traced value has a gradient."""
    return x._node is not None and x._spec.dtype.is_floating


def origin_of(x: Any) -> Any:
    """Give the parameter that an untraced value was computed from."""
    origin = x._origin if x._node is None else None
    return origin.owner if isinstance(origin, Deferred) else origin


def zeros_of(spec: Any, device: Any) -> Any:
    """Give zeros on a device; where a program is recorded they take no memory of their own."""
    from shapewright import ops
    from shapewright.shapes.dtypes import spec as spec_of

    one = make(device.put(np.zeros((), spec.dtype.numpy)), spec_of((), spec.dtype), device)
    return ops.broadcast(one, sizes=spec.sizes, axes=()) if spec.sizes else one


# ---- what a body closes over ----------------------------------------------------------------------------------------
class Outside(Earlier):
    """The nodes at which a walk back through a body ends: its own arguments, and all that is older than its tape."""

    def __init__(self) -> None:
        super().__init__()
        self._own: set[Any] = set()

    def ends_at(self, sources: Sequence[Any]) -> None:
        """Take the arguments of the body for ends, too."""
        self._own = {x._node for x in sources if x._node is not None}

    def __contains__(self, node: object) -> bool:
        return node in self._own or super().__contains__(node)

    def closures(self, leaves: dict[Node, list[Callable[[], Any]]]) -> dict[Any, tuple[Node, Any]]:
        """Give the gradients of what the body closes over: of values traced around it, and of parameters.

        One for each parameter, however often it was read.
        """
        found: dict[Any, tuple[Node, Any]] = {}
        for node, parts in leaves.items():
            owner = getattr(node, "owner", None) if isinstance(node, Leaf) else None
            if node in self._own or (owner is None and node.serial >= self.serial):
                continue
            key = ("parameter", id(owner)) if owner is not None else ("value", id(node))
            gradient = total(node, parts)
            if key in found:
                gradient = found[key][1] + gradient
            found[key] = (found[key][0] if key in found else node, gradient)
        return found


def source_of(x: Any, training: bool | None, *, trace: bool) -> Any:
    """Give an argument of a body as one that the walk back through the body ends at.

    Where the walk itself is recorded, the argument's own tape goes on behind it.
    """
    if training is None:
        return x
    if trace and x._node is not None:
        return x._alias(_Link(x._node))
    return x._alias(Leaf(None, training))


def summed(gradient: Sequence[tuple[int, Any]]) -> dict[int, Any]:
    """Give the gradient of each result, by its index."""
    found: dict[int, Any] = {}
    for index, part in gradient:
        found[index] = found[index] + part if index in found else part
    return found


def given(
    outer: Any, storages: Sequence[Variable], values: Sequence[Any], node: Node | None, dims: Sequence[Any]
) -> list[Any]:
    """Give what a structure gives as tensors; those that are traced inside are traced by `node`."""
    results = []
    for index, (storage, value) in enumerate(zip(storages, values, strict=True)):
        result: Any = make(storage, storage.spec, outer)
        result._dims = dims[index]
        result._origin = origin_of(value)
        if node is not None and value._node is not None:
            result._node = Output(node, index)
            result._node.training = value._node.training
        results.append(result)
    return results


def closed(inner: Inner, arguments: Sequence[Variable], results: Sequence[Variable]) -> Graph:
    """Give the graph of a body whose results are known."""
    graph = inner.graph
    return Graph(
        arguments=list(arguments),
        constants=dict(graph.constants),
        operations=list(graph.operations),
        results=list(results),
        draws=list(graph.draws),
    )


def read_outside(outer: Capture, inner: Inner, number: int) -> Variable:
    """Give the value that a cell has around a body that reads it."""
    variable = inner.graph.cells[number]
    return outer.read(inner.cells[number], variable.spec, outer.home, variable.name)
