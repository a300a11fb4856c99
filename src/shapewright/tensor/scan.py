"""`sw.scan`: a loop over time or layers, one round after the other, with gradients; one operation of a program.

What it is not: how a loop is recorded (`_loop.py`) or compiled (`devices/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from shapewright.graph import Capture, active
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import DType
from shapewright.shapes.dtypes import spec as spec_of
from shapewright.shapes.errors import ArgumentError, DTypeError, Error, ShapeError

from ._inside import argument, body_of, entered, zeros_of
from ._loop import loop
from ._nested import describe_form, flatten, unflatten
from ._target import is_number
from .binding import check_callable
from .parameter import Parameter
from .tensor import Tensor, make

if TYPE_CHECKING:
    from shapewright.shapes.typing import Int, IntTuple, IntVar


@overload
def scan[C, N: IntVar, Xs: IntTuple, DX: DType, Ys: IntTuple, DY: DType](
    body: Callable[[C, Tensor[Xs, DX]], tuple[C, Tensor[Ys, DY]]],
    carry: C,
    xs: Tensor[[N, *Xs], DX],
    *,
    reverse: bool = False,
) -> tuple[C, Tensor[[N, *Ys], DY]]: ...
@overload
def scan[C, N: IntVar, Xs: IntTuple, DX: DType](
    body: Callable[[C, Tensor[Xs, DX]], tuple[C, None]],
    carry: C,
    xs: Tensor[[N, *Xs], DX],
    *,
    reverse: bool = False,
) -> tuple[C, None]: ...
@overload
def scan[C, N: IntVar, As: IntTuple, DA: DType, Bs: IntTuple, DB: DType, Ys: IntTuple, DY: DType](
    body: Callable[[C, tuple[Tensor[As, DA], Tensor[Bs, DB]]], tuple[C, Tensor[Ys, DY]]],
    carry: C,
    xs: tuple[Tensor[[N, *As], DA], Tensor[[N, *Bs], DB]],
    *,
    reverse: bool = False,
) -> tuple[C, Tensor[[N, *Ys], DY]]: ...
@overload
def scan[C, N: IntVar, As: IntTuple, DA: DType, Bs: IntTuple, DB: DType](
    body: Callable[[C, tuple[Tensor[As, DA], Tensor[Bs, DB]]], tuple[C, None]],
    carry: C,
    xs: tuple[Tensor[[N, *As], DA], Tensor[[N, *Bs], DB]],
    *,
    reverse: bool = False,
) -> tuple[C, None]: ...
@overload
def scan[C, N: IntVar, Ys: IntTuple, DY: DType](
    body: Callable[[C, None], tuple[C, Tensor[Ys, DY]]], carry: C, xs: None = None, *, length: Int[N]
) -> tuple[C, Tensor[[N, *Ys], DY]]: ...
@overload
def scan[C, X](
    body: Callable[[C, X], tuple[C, Any]],
    carry: C,
    xs: Sequence[Any] | Mapping[str, Any] | None = None,
    *,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[C, Any]: ...
def scan(
    body: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    xs: Any = None,
    *,
    length: int | None = None,
    reverse: bool = False,
) -> tuple[Any, Any]:
    """Go through `xs` along its first axis: `carry, y = body(carry, x)` for each part, and all `y` put together.

    Means exactly ``for x in xs: carry, y = body(carry, x); ys.append(y)``, and outside compiled functions that is what
    runs. Under `sw.compile` it is one loop of the program, however many rounds it has: `body` runs in Python only while
    it is recorded, and the way back keeps the carry of each round and computes the rest again.

    `carry`, `xs` and `y` are tensors, or tuples, lists and dicts of them; `y` may be None. The carry keeps its form,
    shapes and element types; if any of it or of `xs` is traced, all of it is, from the first round on. What `body`
    closes over has its gradients: parameters, and values traced outside. Each round draws new random numbers from the
    keys it uses, in the order of the rounds; the way back draws the same ones again. Cells that `body` assigns (an
    optimiser in a loop of training steps) have their new value in the next round.

    Args:
        body: one round.
        carry: what the first round is given, any shapes.
        xs: what is gone through, ``[N, …]`` each; None with `length`.
        length: the number of rounds, where there are no `xs`.
        reverse: go from the last part to the first; what is put together stays in the order of `xs`.

    Raises:
        ShapeError, DTypeError: the carry changes, or first axes differ.
        TapeError: an untraced value that was computed from a parameter meets traced ones.
        ArgumentError: `body` does not give a pair, there is nothing to go through, or something is no tensor.

    JAX: ``jax.lax.scan(body, carry, xs)``. PyTorch: a loop.

    >>> import shapewright as sw
    >>> def body(total: sw.Tensor[[]], x: sw.Tensor[[]]) -> tuple[sw.Tensor[[]], sw.Tensor[[]]]:
    ...     return total + x, total * x
    >>> total, products = sw.scan(body, sw.tensor(0.0), sw.tensor([1.0, 2.0, 3.0]))
    >>> total.item(), products.tolist()
    (6.0, [0.0, 2.0, 9.0])
    """
    check_callable("scan", body, "sw.scan(body, carry, xs), where body(carry, x) gives (carry, y)")
    begin: list[Any] = []
    form = flatten(carry, begin, "scan: the carry")
    parts: list[Any] = []
    parts_form = flatten(xs, parts, "scan: xs")
    count = _rounds(parts, length)
    step = _Step(body, form, parts_form)
    capture = active.capture
    begin, parts = ([read_parameter(x) for x in group] for group in (begin, parts))
    if capture is not None:
        begin, parts = ([entered(capture, x, "scan") for x in group] for group in (begin, parts))
    nodes = [x._node for x in (*begin, *parts) if x._node is not None]
    if nodes:
        training = any(node.training for node in nodes)
        begin = [_joined(x, training) if x._spec.dtype.is_floating else x for x in begin]
        parts = [x if x._node is not None else _joined(x, False) if x._origin is not None else x for x in parts]
    if not count:
        last, columns = begin, _empty(step, begin, parts)
    elif capture is None:
        last, columns = _eager(step, begin, parts, count, reverse)
    else:
        last, columns = loop(step, begin, parts, count, reverse)
    return unflatten(form, last), unflatten(step.made_form, columns)


def read_parameter(x: Any) -> Any:
    """Give what a parameter holds, which remembers where it comes from."""
    if not isinstance(x, Parameter):
        return x
    value = make(x._storage, x._spec, x._device)
    value._dims, value._origin = x._dims, x
    return value


def _joined(x: Any, training: bool) -> Any:
    """Give a value that meets traced ones as operations do: a parameter, or a view of one, with its gradient."""
    origin = x._origin
    if x._node is None and isinstance(origin, Parameter) and x._storage is origin._storage:
        return x._alias(origin._recorded(x._storage)._node)
    return x.trace(training=training)


class _Step:
    """A round over lists of tensors, from the body over whatever nests the user has, with its checks."""

    def __init__(self, body: Callable[[Any, Any], Any], form: Any, parts_form: Any) -> None:
        self._body = body
        self._form = form
        self._parts_form = parts_form
        self.made_form: Any = None

    def __call__(self, carry: list[Any], parts: list[Any]) -> tuple[list[Any], list[Any]]:
        result = self._body(unflatten(self._form, carry), unflatten(self._parts_form, parts))
        if not isinstance(result, tuple) or len(result) != 2:
            what = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
            raise ArgumentError(
                f"scan: the body gives a pair, the next carry and what is put together, not {what}",
                hint="return carry, y; or return carry, None",
            )
        following: list[Any] = []
        form = flatten(result[0], following, "scan: the carry that the body gives")
        if form != self._form:
            raise ArgumentError(
                "scan: the carry changes its form",
                facts=[("before", describe_form(self._form)), ("after", describe_form(form))],
                hint="the same tuples, lists and dicts in what the body gives first as in what it is given",
            )
        for before, after in zip(carry, following, strict=True):
            if before._spec is not after._spec:
                raise _changed(before, after)
        columns: list[Any] = []
        self.made_form = flatten(result[1], columns, "scan: what the body puts together")
        return following, columns


def _changed(before: Any, after: Any) -> Error:
    facts = [("before", describe_operand(before)), ("after", describe_operand(after))]
    if before._spec.sizes != after._spec.sizes:
        return ShapeError(
            "scan: the carry changes its shape",
            facts=facts,
            hint="a carry of one shape; what grows is put together: return carry, y",
        )
    name = before._spec.dtype.name
    return DTypeError("scan: the carry changes its element type", facts=facts, hint=f"carry.to(sw.{name})")


def _rounds(parts: Sequence[Any], length: int | None) -> int:
    if length is not None and (not is_number(length) or length < 0):
        raise ArgumentError(f"scan: length is the number of rounds, not {length!r}", hint="length=10")
    if not parts and length is None:
        raise ArgumentError(
            "scan: there is nothing to go through, so the number of rounds is not known",
            hint="sw.scan(body, carry, xs), or sw.scan(body, carry, length=10)",
        )
    count = None if length is None else int(length)
    for x in parts:
        if not x._spec.sizes:
            raise ShapeError(
                "scan: xs has no axis to go along",
                facts=[("xs", describe_operand(x))],
                hint="length=10 where there is nothing to go through",
            )
        if count is not None and x._spec.sizes[0] != count:
            facts = [("xs", describe_operand(each)) for each in parts]
            raise ShapeError(
                "scan: the first axes differ" if length is None else f"scan: the first axis is not length={length}",
                facts=facts,
                hint="xs of one length; x.permute(to) where another axis is time",
            )
        count = int(x._spec.sizes[0])
    assert count is not None
    return count


def _eager(step: _Step, carry: list[Any], parts: list[Any], count: int, reverse: bool) -> tuple[list[Any], list[Any]]:
    from .combine import stack

    rounds: list[list[Any]] = []
    for place in reversed(range(count)) if reverse else range(count):
        carry, made = step(carry, [x[place] for x in parts])
        rounds.append(made)
    if reverse:
        rounds.reverse()
    return carry, [stack(column, axis=0) for column in zip(*rounds, strict=True)]


def _empty(step: _Step, carry: list[Any], parts: list[Any]) -> list[Any]:
    """Give what no rounds put together: the shapes of a round, which is recorded and not run."""
    device = active.capture or (carry or parts)[0]._device if carry or parts else None
    outer = Capture(getattr(device, "home", device), is_sketch=True)
    specs: list[Any] = []
    before, active.capture = active.capture, None
    try:
        with outer, body_of(outer, again=True) as inner:
            inside = [argument(inner, x._spec, x._dims, None) for x in carry]
            rows = [argument(inner, spec_of(x._spec.sizes[1:], x._spec.dtype), None, None) for x in parts]
            specs = [made._spec for made in step(inside, rows)[1]]
    finally:
        active.capture = before
    return [zeros_of(spec_of((0, *spec.sizes), spec.dtype), device) for spec in specs]
