"""`sw.cond`: one of two functions, by what a tensor says; one operation of a program.

What it is not: the choice of numbers, element by element (`sw.where`), or how a choice is recorded (`_choice.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, overload

from shapewright.graph import Capture, active
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import DType, bool_
from shapewright.shapes.errors import ArgumentError, CaptureError, DTypeError, Error, ShapeError

from ._choice import choice
from ._inside import argument, body_of, entered
from ._nested import describe_form, flatten, unflatten
from .binding import check_callable
from .tensor import Tensor

if TYPE_CHECKING:
    from shapewright.shapes.typing import IntTuple


@overload
def cond[*Ts, S: IntTuple, D: DType](
    predicate: Tensor[[], bool_],
    yes: Callable[[*Ts], Tensor[S, D]],
    no: Callable[[*Ts], Tensor[S, D]],
    *operands: *Ts,
) -> Tensor[S, D]: ...
@overload
def cond[*Ts, R: tuple[Any, ...] | list[Any] | dict[str, Any]](
    predicate: Tensor[[], bool_], yes: Callable[[*Ts], R], no: Callable[[*Ts], R], *operands: *Ts
) -> R: ...
def cond(predicate: Any, yes: Callable[..., Any], no: Callable[..., Any], *operands: Any) -> Any:
    """Call `yes(*operands)` if a tensor is true, else `no(*operands)`; only that one is computed.

    Under `sw.compile` it is a choice of the program: both functions run in Python while it is recorded, and each run of
    the program takes one. Both give tensors of the same shapes and element types, in the same tuples, lists and dicts.
    What they close over has its gradients, of the branch that was taken. A key moves on as far as the branch takes it
    that draws more, whichever is taken, so that later draws do not depend on the choice.

    Args:
        predicate: a tensor of shape [] of bool.
        yes: what is computed if it is true.
        no: what is computed otherwise.
        operands: what both are given: tensors, or tuples, lists and dicts of them.

    Raises:
        ShapeError, DTypeError: the branches give different shapes or element types, or the predicate is not one bool.
        ArgumentError: the branches give different nests, or something is no tensor.

    JAX: ``jax.lax.cond(predicate, yes, no, *operands)``. PyTorch: ``torch.cond(predicate, yes, no, operands)``.

    >>> import shapewright as sw
    >>> @sw.compile
    ... def clipped(x: sw.Tensor[[2]]) -> sw.Tensor[[2]]:
    ...     norm = (x * x).sum().sqrt()
    ...     return sw.cond(norm > 1.0, lambda x: x / norm.broadcast_like(x), lambda x: x, x)
    >>> clipped(sw.tensor([3.0, 4.0])).tolist(), clipped(sw.tensor([0.5, 0.0])).tolist()
    ([0.6000000238418579, 0.800000011920929], [0.5, 0.0])
    """
    check_callable("cond", yes, "sw.cond(condition, yes, no, x), where yes(x) and no(x) give tensors")
    check_callable("cond", no, "sw.cond(condition, yes, no, x), where yes(x) and no(x) give tensors")
    _check_predicate(predicate)
    leaves: list[Any] = []
    form = flatten(operands, leaves, "cond: the operands")
    capture = active.capture
    if capture is not None:
        # Parameters, and what comes from them untraced, are read inside like what the branches close over.
        operands_here = [x for x in leaves if x._node is not None or x._origin is None]
        joined = _Joined(form, [None if any(x is y for y in operands_here) else x for x in leaves])
        results = choice(
            entered(capture, predicate, "cond"),
            [joined.branch(yes, "yes"), joined.branch(no, "no")],
            [entered(capture, x, "cond") for x in operands_here],
        )
        return unflatten(joined.form, results)
    taken, other = (yes, no) if bool(predicate) else (no, yes)
    names = ("yes", "no") if taken is yes else ("no", "yes")
    return _eager(taken, other, names, form, leaves, predicate._device)


def _check_predicate(predicate: Any) -> None:
    if not isinstance(predicate, Tensor):
        raise ArgumentError(
            f"cond: the condition is a tensor, not {type(predicate).__name__}",
            hint="Python's own `if` for what is known without a tensor",
        )
    if predicate._spec.sizes != ():
        raise ShapeError(
            "cond: the condition is one bool, a tensor of shape []",
            facts=[("condition", describe_operand(predicate))],
            hint="x.any() or x.all(); sw.where(condition, a, b) to choose element by element",
        )
    if predicate._spec.dtype is not bool_:
        raise DTypeError(
            f"cond: the condition is a bool, not {predicate._spec.dtype.name}",
            facts=[("condition", describe_operand(predicate))],
            hint="a comparison such as x > 0",
        )


class _Joined:
    """Branches over lists of tensors, from functions over whatever nests the user has; what they give must be alike."""

    def __init__(self, operands_form: Any, held: Sequence[Any] = ()) -> None:
        self._operands_form = operands_form
        # Operands that a branch is not given but has already; None where it is given one.
        self._held = list(held)
        self.form: Any = None
        self._first: tuple[str, list[Any]] | None = None

    def branch(self, function: Callable[..., Any], name: str) -> Callable[[list[Any]], list[Any]]:
        """Give a branch; the one that runs second is compared with the first."""

        def run(leaves: list[Any]) -> list[Any]:
            results: list[Any] = []
            given = iter(leaves)
            operands = [next(given) if x is None else x for x in self._held] or leaves
            value = function(*unflatten(self._operands_form, operands))
            form = flatten(value, results, f"cond: what {name} gives")
            if self._first is None:
                self.form, self._first = form, (name, results)
            elif name != self._first[0]:
                self._compare(name, form, results)
            return results

        return run

    def _compare(self, name: str, form: Any, results: list[Any]) -> None:
        assert self._first is not None
        before, others = self._first
        if form != self.form:
            facts = [(before, describe_form(self.form)), (name, describe_form(form))]
            facts.sort(key=lambda fact: fact[0] == "no")
            raise ArgumentError(
                "cond: the branches give different nests",
                facts=facts,
                hint="the same tuples, lists and dicts from both",
            )
        for left, right in zip(others, results, strict=True):
            if left._spec is not right._spec:
                raise _unlike({before: left, name: right})


def _unlike(values: dict[str, Any]) -> Error:
    facts = [(name, describe_operand(values[name])) for name in ("yes", "no")]
    if values["yes"]._spec.sizes != values["no"]._spec.sizes:
        return ShapeError(
            "cond: the branches give different shapes",
            facts=facts,
            hint="one shape from both; .reshape, .pad, sw.zeros",
        )
    name = values["yes"]._spec.dtype.name
    return DTypeError("cond: the branches give different element types", facts=facts, hint=f".to(sw.{name}) on one")


def _eager(
    taken: Callable[..., Any],
    other: Callable[..., Any],
    names: Sequence[str],
    form: Any,
    leaves: list[Any],
    device: Any,
) -> Any:
    """Call one function, and see that the other would give the like: the same is refused as under `sw.compile`."""
    joined = _Joined(form)
    run, look = joined.branch(taken, names[0]), joined.branch(other, names[1])
    sketch = Capture(device, is_sketch=True)
    keys: list[Any] = []
    blocks: list[int] = []
    try:
        with sketch, body_of(sketch, again=True, is_loop=False) as inner:
            look([argument(inner, x._spec, x._dims, None) for x in leaves])
            keys, blocks = inner.keys, inner.graph.draws
    except CaptureError:
        # It asks for numbers, as eager code may; what it would give is not known.
        joined = _Joined(form)
        run = joined.branch(taken, names[0])
    positions = {id(key): key.state[1] for key in keys}
    results = run(leaves)
    for key, count in zip(keys, blocks, strict=True):
        used = key.state[1] - positions[id(key)]
        key.draw(max(count - used, 0))
    return unflatten(joined.form, results)
