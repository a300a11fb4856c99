"""Gradients of functions: `sw.grad`, `sw.value_and_grad`, and `sw.checkpoint`, which computes again instead of keeping.

What it is not: the walk back (`tape/backward.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, overload

from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError, ShapeError
from shapewright.tape import Gradients, Leaf, Node, pull_back, total

from .binding import check_callable
from .random import Key, _replay
from .tensor import Tensor

if TYPE_CHECKING:
    from shapewright.shapes.typing import IntTuple


@overload
def value_and_grad[S: IntTuple, D: DType, **P, L: DType](
    function: Callable[Concatenate[Tensor[S, D], P], Tensor[[], L]],
) -> Callable[Concatenate[Tensor[S, D], P], tuple[Tensor[[], L], Tensor[S, D]]]: ...
@overload
def value_and_grad[M, **P, L: DType](
    function: Callable[Concatenate[M, P], Tensor[[], L]],
) -> Callable[Concatenate[M, P], tuple[Tensor[[], L], Gradients]]: ...
def value_and_grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that computes what `function` does, a scalar, and its gradient by the first argument.

    The first argument is a tensor (the gradient is one like it) or a model (the gradient is a `Gradients`; tensor
    arguments after it are traced, so the model trains). The value is given without its tape.

    Raises (when called):
        ShapeError: the function does not give a scalar.

    JAX: ``jax.value_and_grad(function)``. PyTorch: ``torch.func.grad_and_value(function)``.

    >>> import shapewright as sw
    >>> value, slope = sw.value_and_grad(lambda x: (x * x).sum())(sw.tensor([1.0, 3.0]))
    >>> value.item(), slope.tolist()
    (10.0, [2.0, 6.0])
    """
    check_callable("value_and_grad", function, "sw.value_and_grad(function)(x)")

    def both(first: Any, *rest: Any, **named: Any) -> tuple[Any, Any]:
        if isinstance(first, Tensor):
            # Inside another gradient the argument is traced already; its own tape goes on behind this one's.
            source: Any = first.trace() if first._node is None else first._alias(_Link(first._node))
            loss = function(source, *rest, **named)
            _check_scalar(loss)
            nested = first._node is not None
            if loss._node is None:
                return loss, first.stop_gradient() * 0.0
            stops = (source._node,)
            leaves = pull_back([(loss._node, _one(loss))], keep=nested, trace=nested, stops=stops)
            parts = leaves.get(source._node)
            slope = total(source._node, parts) if parts else first * 0.0
            return (loss if nested else loss.stop_gradient()), slope
        rest = tuple([_traced(argument) for argument in rest])
        loss = function(first, *rest, **{name: _traced(argument) for name, argument in named.items()})
        _check_scalar(loss)
        return loss.stop_gradient(), loss.backward()

    return both


@overload
def grad[S: IntTuple, D: DType, **P, L: DType](
    function: Callable[Concatenate[Tensor[S, D], P], Tensor[[], L]],
) -> Callable[Concatenate[Tensor[S, D], P], Tensor[S, D]]: ...
@overload
def grad[M, **P, L: DType](
    function: Callable[Concatenate[M, P], Tensor[[], L]],
) -> Callable[Concatenate[M, P], Gradients]: ...
def grad(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that computes the gradient of `function`, a scalar, by its first argument.

    See `value_and_grad`. Gradients of gradients: `sw.grad(lambda x: sw.grad(f)(x).sum())`.

    JAX: ``jax.grad(function)``. PyTorch: ``torch.func.grad(function)``.

    >>> import shapewright as sw
    >>> sw.grad(lambda x: (x * x * x).sum())(sw.tensor([2.0]))
    Tensor[[1], f32] on cpu: [12.]
    """
    check_callable("grad", function, "sw.grad(function)(x)")
    both = value_and_grad(function)

    def gradient(first: Any, *rest: Any, **named: Any) -> Any:
        return both(first, *rest, **named)[1]

    return gradient


class _Link(Node):
    """Where a gradient within a gradient begins: the inner walk stops here, the outer one goes on."""

    __slots__ = ("source",)

    def __init__(self, source: Node) -> None:
        super().__init__(None, (), {}, source.training)
        self.source = source

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Callable[[], Any]]]:
        return [(self.source, lambda: gradient)]

    def release(self) -> None:
        """Nothing was recorded here."""


def _check_scalar(loss: Any) -> None:
    if not isinstance(loss, Tensor) or loss._spec.sizes != ():
        what = describe_operand(loss) if isinstance(loss, Tensor) else type(loss).__name__
        raise ShapeError(
            "grad: the function gives a scalar, a tensor of shape []",
            facts=[("given", what)],
            hint=".sum() or .mean() on what it returns",
        )


def _one(loss: Tensor) -> Any:
    from .creation import ones_like

    return ones_like(loss.stop_gradient())


def _traced(argument: Any) -> Any:
    return argument.trace() if isinstance(argument, Tensor) else argument


# ---- checkpointing --------------------------------------------------------------------------------------------------
def checkpoint[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function without keeping what it records: the way back computes it a second time.

    Trades time for memory (Chen, Xu, Zhang, Guestrin: Training Deep Nets with Sublinear Memory Cost, 2016). Random
    draws are the same both times. The function returns a tensor or a tuple of tensors.

    PyTorch: ``torch.utils.checkpoint.checkpoint(function, *args)``.

    >>> import shapewright as sw
    >>> x = sw.tensor([1.0, 2.0]).trace()
    >>> sw.checkpoint(lambda x: (x * x).sum(), x).backward()[x]
    Tensor[[2], f32] on cpu: [2. 4.]
    """
    check_callable("checkpoint", function, "sw.checkpoint(function, x)")
    traced = [a for a in (*args, *kwargs.values()) if isinstance(a, Tensor) and a._node is not None]
    if not traced:
        return function(*args, **kwargs)
    draws = _Draws()
    result: Any = _with_stream(draws, function, args, kwargs)
    draws.at = 0
    results = result if isinstance(result, tuple) else (result,)
    if not all(isinstance(value, Tensor) for value in results):
        raise ArgumentError("checkpoint: the function returns a tensor or a tuple of tensors")
    node = _Checkpoint(function, args, kwargs, draws, traced)
    outputs: list[Any] = []
    for index, value in enumerate(results):
        output: Any = value._plain()
        if value._node is not None:
            output._node = Output(node, index)
        outputs.append(output)
    return tuple(outputs) if isinstance(result, tuple) else outputs[0]  # pyrefly: ignore[bad-return]  # as R is


class _Draws:
    """The random draws of a function, in order: recorded the first time, given again the second."""

    def __init__(self) -> None:
        self.record: list[tuple[int, int]] = []
        self.at: int | None = None

    def draw(self, key: Key, blocks: int) -> tuple[int, int]:
        if self.at is None:
            self.record.append(key._draw(blocks))
            return self.record[-1]
        self.at += 1
        return self.record[self.at - 1]


def _with_stream(draws: _Draws, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    before = _replay.stream
    _replay.stream = draws
    try:
        return function(*args, **kwargs)
    finally:
        _replay.stream = before


def is_replaying() -> bool:
    """Tell whether a checkpointed function is being computed for the second time: buffers must not change again."""
    stream = _replay.stream
    return stream is not None and getattr(stream, "at", None) is not None


class Earlier:
    """The nodes that were there before this: a walk back through what came later ends at them."""

    def __init__(self) -> None:
        self.serial = Leaf(None, False).serial

    def __contains__(self, node: object) -> bool:
        return isinstance(node, Node) and node.serial < self.serial


class _Checkpoint(Node):
    """A function that was called without keeping its tape. Its gradient is a dict from result to gradient."""

    __slots__ = ("args", "draws", "function", "kwargs")

    def __init__(self, function: Any, args: Any, kwargs: Any, draws: _Draws, traced: list[Any]) -> None:
        super().__init__(None, (), {}, any(value._node.training for value in traced))
        self.function, self.args, self.kwargs, self.draws = function, args, kwargs, draws

    def join(self, before: Any, part: Any) -> Any:
        return before + part

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Callable[[], Any]]]:
        self.draws.at = 0
        # What the function closes over was traced before, and its own tape is walked later, once.
        stops: Any = Earlier()
        result = _with_stream(self.draws, self.function, self.args, self.kwargs)
        results = result if isinstance(result, tuple) else (result,)
        seeds = [(results[index]._node, part) for index, part in gradient]
        leaves = pull_back(seeds, trace=trace, stops=stops)
        return [(node, lambda node=node, parts=parts: total(node, parts)) for node, parts in leaves.items()]

    def release(self) -> None:
        """Nothing was recorded here: the function can be computed again."""


class Output(Node):
    """One of the values that a checkpointed function, a loop or a choice gives.

    The gradient of those is a list of (index, gradient).
    """

    __slots__ = ("index", "source")

    def __init__(self, source: Node, index: int) -> None:
        super().__init__(None, (), {}, source.training)
        self.source = source
        self.index = index

    def pull_back(self, gradient: Any, trace: bool) -> list[tuple[Node, Callable[[], Any]]]:
        return [(self.source, lambda: [(self.index, gradient)])]

    def release(self) -> None:
        """Nothing was recorded here."""
