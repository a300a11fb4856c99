"""What the losses share: their annotations checked at each call, class labels, targets as constants, reductions.

What it is not: the losses themselves (`losses.py`).
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from shapewright import ops
from shapewright.graph import Located
from shapewright.ops.checks import Labels, class_labels
from shapewright.ops.composite import sizes_of
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import f32
from shapewright.shapes.errors import ArgumentError, DTypeError, Error, IndexRangeError
from shapewright.tensor._plain import PlainArguments
from shapewright.tensor.binding import Binder
from shapewright.tensor.tensor import Tensor


def loss[F: Callable[..., Any]](function: F, called: str | None = None) -> F:
    """Check a loss's annotations at each call, as those of layers are. Its axes get no names: it needs none."""
    name: str = called or function.__name__
    binder = Binder(function, name)
    plain = PlainArguments(function, name)
    order = tuple(inspect.signature(function).parameters)

    def check(args: Any, kwargs: Any) -> None:
        given = [(n, v) for n, v in (*zip(order, args, strict=False), *kwargs.items()) if isinstance(v, Tensor)]
        try:
            binding = binder.check(args, kwargs, {})
        except Error as error:
            # Both sides are shown, and not only the one that does not fit.
            shown = {label for label, _ in error.facts}
            error.facts.extend((label, describe_operand(value)) for label, value in given if label not in shown)
            raise
        dtype = binding.names.get("F")
        if dtype is not None and not dtype.is_floating:
            raise DTypeError(
                f"{name}: this needs floating point elements, not {dtype.name}",
                facts=[(label, describe_operand(value)) for label, value in given],
                hint="input.to(sw.f32) first",
            )

    def where() -> str:
        return f"{name}()"

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with Located(where):
            check(args, kwargs)
            plain.check(args, kwargs)
            return function(*args, **kwargs)

    result: Any = call
    return result


def constant(target: Any) -> Any:
    """Give a target as a constant unless it is traced: what it was computed from gets no gradient."""
    return target if target._node is not None else target._plain()


# ---- reductions -----------------------------------------------------------------------------------------------------
def reduced(losses: Any, reduction: str, called: str) -> Any:
    """Give the mean or the sum of the losses, or the losses themselves."""
    sizes = losses._spec.sizes
    axes = tuple(range(len(sizes)))
    _check_reduction(reduction, called)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return ops.sum(losses, axes=axes)
    _check_some(losses, called)
    if reduction == "batchmean":
        first = sizes[0] if sizes else 1
        return ops.mul(ops.sum(losses, axes=axes), 1.0 / first)
    return ops.mean(losses, axes=axes)


def _check_reduction(reduction: str, called: str) -> None:
    known = ("mean", "sum", "none", "batchmean") if called == "kl_div" else ("mean", "sum", "none")
    if not isinstance(reduction, str) or reduction not in known:
        ways = ", ".join(f'"{way}"' for way in known[:-1])
        raise ArgumentError(f"{called}: reduction={reduction!r} is unknown", hint=f'reduction={ways} or "{known[-1]}"')


def _check_some(losses: Any, called: str) -> None:
    if losses._spec.count == 0:
        raise ArgumentError(
            f"{called}: there is nothing to take the mean of: the batch is empty",
            facts=[("losses", describe_operand(losses))],
            hint='leave empty batches out, or reduction="sum", which is 0',
        )


# ---- class labels ---------------------------------------------------------------------------------------------------
class Classes:
    """The class labels of one call of a loss, with the label that does not count and the weights of the classes.

    Args:
        input: logits or logarithms, `[*Bs, C]`.
        target: the labels, `[*Bs]`.
        weight: how much each class counts, `[C]`, or None.
        ignore_index: the label that does not count.
        called: the name of the loss.
    """

    def __init__(self, input: Any, target: Any, weight: Any, ignore_index: int, called: str) -> None:
        self._input = input
        self._target = target
        self._called = called
        self._ignore_index = int(ignore_index)
        self._ignored = ops.eq(target, self._ignore_index)
        # Where the label does not count any class will do.
        self._labels = ops.where(self._ignored, 0, target)
        self._weight = None if weight is None else constant(weight)
        self._weights: Any = None

    def surprise(self, logarithms: Any) -> Any:
        """Give minus the element of the last axis that each label names."""
        sizes = logarithms._spec.sizes
        try:
            labels = class_labels(self._labels, allowed=Labels(sizes[-1], self._ignore_index), called=self._called)
        except IndexRangeError as error:
            error.facts.insert(0, ("input", describe_operand(self._input)))
            raise
        found = ops.gather(logarithms, ops.reshape(labels, sizes=(*sizes[:-1], 1)), axis=len(sizes) - 1)
        if self._weight is not None:
            self._weights = self.counted(ops.take(self._weight, self._labels, axis=0))
        # From 0, not negated: a loss of 0 is not shown as -0.
        # The places of the labels are those of the input: its names go on.
        return ops.sub(0.0, ops.reshape(found, sizes=sizes[:-1])).expect(sizes_of(logarithms)[:-1])

    def counted(self, values: Any) -> Any:
        """Put 0 where the label does not count."""
        return ops.where(self._ignored, 0.0, values)

    def weighted(self, losses: Any) -> Any:
        """Multiply by the weights of the labels; 0 where the label does not count."""
        return self.counted(losses if self._weights is None else ops.mul(losses, self._weights))

    def weigh_all(self, logarithms: Any) -> Any:
        """Multiply the last axis by the weights of the classes."""
        if self._weight is None:
            return logarithms
        sizes = logarithms._spec.sizes
        return ops.mul(logarithms, ops.broadcast(self._weight, sizes=sizes, axes=(len(sizes) - 1,)))

    def reduced(self, losses: Any, reduction: str) -> Any:
        """Give the mean over the labels that count, by their weights, or the sum, or the losses themselves."""
        if reduction != "mean":
            return reduced(losses, reduction, self._called)
        _check_some(losses, self._called)
        axes = tuple(range(len(losses._spec.sizes)))
        dtype = losses._spec.dtype
        # In 16 bits neither the sum nor the number of a large batch could be held.
        wide = f32 if dtype.itemsize == 2 else dtype
        if self._weights is None:
            number = ops.cast(ops.sum(ops.logical_not(self._ignored), axes=axes), dtype=wide)
        else:
            number = ops.sum(_cast(self._weights, wide), axes=axes)
        return _cast(ops.div(ops.sum(_cast(losses, wide), axes=axes), number), dtype)


def _cast(x: Any, dtype: Any) -> Any:
    return x if x._spec.dtype is dtype else ops.cast(x, dtype=dtype)
