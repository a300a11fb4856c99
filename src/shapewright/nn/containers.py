"""Containers of layers beside `Sequential`: `Residual`, `GeneralizedResidual`, `Repeated`, `SplitInto`, `AddInto`.

To the type checker a `Residual(inner)` is a `ResidualOf[Inner]` of `tensor/feeding.py`, in one of three forms for
chains inside chains, as with `Sequential`; at run time there is one class each. What it is not: what they are to the
type checker (`_blocks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, overload

from shapewright import ops
from shapewright.ops.core import describe_operand
from shapewright.shapes.errors import ArgumentError, DTypeError, ShapeError
from shapewright.tensor.tensor import Tensor

from .module import Module

if TYPE_CHECKING:
    from shapewright.tensor.feeding import Flat, Shallow

    from . import _blocks as b


class Residual(Module):
    """Add the input to what a layer makes of it: ``x + inner(x)``.

    Takes and gives what the layer takes; the layer keeps the shape. Its name in the state dict is `inner`.

    Raises:
        ArgumentError: `inner` is no layer.
        ShapeError: (when called) the layer gives another shape than it was given.

    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015.

    PyTorch: ``x + inner(x)``. dfdx: ``Residual<F>``.

    >>> import shapewright as sw
    >>> sw.nn.Residual(sw.nn.ReLU())(sw.tensor([1.0, -1.0])).tolist()
    [2.0, -1.0]
    """

    if TYPE_CHECKING:

        @overload
        def __new__[A: Flat](cls, inner: A) -> b.Residual1[A]: ...
        @overload
        def __new__[A: Shallow](cls, inner: A) -> b.Residual1Deep[A]: ...
        @overload
        def __new__[A](cls, inner: A) -> b.Residual1Deeper[A]: ...
        def __new__(cls, inner: Any) -> Any: ...
    else:

        def __call__(self, x: Any) -> Any:
            return _added("Residual", ("x", "inner(x)"), x, self.inner(x))

    def __init__(self, inner: Any) -> None:
        self.inner = _layer(inner, "Residual", "inner")

    @property
    def _last_axis(self) -> Any:
        return getattr(self.inner, "_last_axis", None)


class GeneralizedResidual(Module):
    """Add what two layers make of the input: ``f(x) + r(x)``.

    Takes what both layers take and gives what both give. Their names in the state dict are `f` and `r`.

    Raises:
        ArgumentError: one is no layer.
        ShapeError: (when called) the layers give different shapes.

    PyTorch: ``f(x) + r(x)``. dfdx: ``GeneralizedResidual<F, R>``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> nn.GeneralizedResidual(nn.Linear(4, 3), nn.Linear(4, 3))(sw.zeros((2, 4))).shape
    (2, 3)
    """

    if TYPE_CHECKING:

        @overload
        def __new__[A: Flat, B: Flat](cls, f: A, r: B) -> b.Sum2[A, B]: ...
        @overload
        def __new__[A: Shallow, B: Shallow](cls, f: A, r: B) -> b.Sum2Deep[A, B]: ...
        @overload
        def __new__[A, B](cls, f: A, r: B) -> b.Sum2Deeper[A, B]: ...
        def __new__(cls, f: Any, r: Any) -> Any: ...
    else:

        def __call__(self, x: Any) -> Any:
            return _added("GeneralizedResidual", ("f(x)", "r(x)"), self.f(x), self.r(x))

    def __init__(self, f: Any, r: Any) -> None:
        self.f = _layer(f, "GeneralizedResidual", "f")
        self.r = _layer(r, "GeneralizedResidual", "r")


class _Numbered(Module):
    """Layers whose names in the state dict are their numbers, as in `Sequential`."""

    def _hold(self, layers: tuple[Any, ...]) -> None:
        for index, layer in enumerate(layers):
            setattr(self, str(index), _layer(layer, type(self).__name__, f"layer {index}"))
        self._length = len(layers)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        for index in range(self._length):
            yield getattr(self, str(index))

    def __getitem__(self, index: int) -> Any:
        return list(self)[index]

    def _described(self) -> str:
        return ""


class Repeated(_Numbered):
    """Make the same kind of layer several times and apply one after the other, each with parameters of its own.

    Takes and gives what the layer takes; the layer keeps the shape. Names in the state dict are "0.weight", "1.weight".

    Args:
        make: a function that makes one layer.
        count: how many are made.

    Raises:
        ArgumentError: `make` is no function, or gives no layer, or `count` is below 0.
        ShapeError: (when called) a layer gives another shape than it was given.

    PyTorch: ``nn.Sequential(*[make() for _ in range(count)])``. dfdx: ``Repeated<T, N>``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> blocks = nn.Repeated(lambda: nn.Linear(4, 4), 3)
    >>> blocks(sw.zeros((2, 4))).shape, len(blocks)
    ((2, 4), 3)
    """

    if TYPE_CHECKING:

        @overload
        def __new__[A: Flat](cls, make: Callable[[], A], count: int) -> b.Repeated1[A]: ...
        @overload
        def __new__[A: Shallow](cls, make: Callable[[], A], count: int) -> b.Repeated1Deep[A]: ...
        @overload
        def __new__[A](cls, make: Callable[[], A], count: int) -> b.Repeated1Deeper[A]: ...
        def __new__(cls, make: Any, count: int) -> Any: ...
    else:

        def __call__(self, x: Any) -> Any:
            for index, layer in enumerate(self):
                y = layer(x)
                if y._spec.sizes != x._spec.sizes:
                    raise ShapeError(
                        f"Repeated: layer {index} changes the shape, and a repeated layer keeps it",
                        facts=[("x", describe_operand(x)), (f"layer {index}(x)", describe_operand(y))],
                    )
                x = y
            return x

    def __init__(self, make: Callable[[], Any], count: int) -> None:
        if isinstance(make, Module) or not callable(make):
            raise ArgumentError(
                f"Repeated: make= is a function that makes a layer, not {_called(make)}",
                hint="nn.Repeated(lambda: nn.Linear(8, 8), 3)",
            )
        if count < 0:
            raise ArgumentError(f"Repeated: count={count} is how many layers there are, 0 or more")
        self._hold(tuple(make() for _ in range(count)))

    @property
    def _last_axis(self) -> Any:
        return getattr(self[0], "_last_axis", None) if self._length else None


class SplitInto(_Numbered):
    """Give the same input to several layers: ``(a(x), b(x), …)``.

    Takes what all layers take and gives a tuple of what they give. Two to six layers are checked in the editor. Names
    in the state dict are "0.weight", "1.weight".

    Raises:
        ArgumentError: one is no layer.

    PyTorch: ``(a(x), b(x))``. dfdx: ``SplitInto<(A, B)>``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> policy, value = nn.SplitInto(nn.Linear(4, 2), nn.Linear(4, 1))(sw.zeros((3, 4)))
    >>> policy.shape, value.shape
    ((3, 2), (3, 1))
    """

    if TYPE_CHECKING:

        @overload
        def __new__[A, B](cls, a: A, b: B, /) -> b.Split2[A, B]: ...
        @overload
        def __new__[A, B, C](cls, a: A, b: B, c: C, /) -> b.Split3[A, B, C]: ...
        @overload
        def __new__[A, B, C, D](cls, a: A, b: B, c: C, d: D, /) -> b.Split4[A, B, C, D]: ...
        @overload
        def __new__[A, B, C, D, E](cls, a: A, b: B, c: C, d: D, e: E, /) -> b.Split5[A, B, C, D, E]: ...
        @overload
        def __new__[A, B, C, D, E, F](cls, a: A, b: B, c: C, d: D, e: E, f: F, /) -> b.Split6[A, B, C, D, E, F]: ...
        @overload
        def __new__(cls, *layers: Any) -> b.SplitMany: ...
        def __new__(cls, *layers: Any) -> Any: ...
    else:

        def __call__(self, x: Any) -> Any:
            return tuple(layer(x) for layer in self)

    def __init__(self, *layers: Any) -> None:
        self._hold(layers)


class AddInto(_Numbered):
    """Give each of several inputs to a layer of its own and add what they make: ``a(x) + b(y) + …``.

    Takes a tuple of tensors, one for each layer, and gives what every layer gives. Two to six layers are checked in the
    editor. Names in the state dict are "0.weight", "1.weight".

    Raises:
        ArgumentError: one is no layer, or (when called) there are not as many inputs as layers.
        ShapeError: (when called) the layers give different shapes.

    PyTorch: ``a(x) + b(y)``. dfdx: ``AddInto<(A, B)>``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> nn.AddInto(nn.Linear(4, 2), nn.Linear(3, 2))((sw.zeros((5, 4)), sw.zeros((5, 3)))).shape
    (5, 2)
    """

    if TYPE_CHECKING:

        @overload
        def __new__[A, B](cls, a: A, b: B, /) -> b.Add2[A, B]: ...
        @overload
        def __new__[A, B, C](cls, a: A, b: B, c: C, /) -> b.Add3[A, B, C]: ...
        @overload
        def __new__[A, B, C, D](cls, a: A, b: B, c: C, d: D, /) -> b.Add4[A, B, C, D]: ...
        @overload
        def __new__[A, B, C, D, E](cls, a: A, b: B, c: C, d: D, e: E, /) -> b.Add5[A, B, C, D, E]: ...
        @overload
        def __new__[A, B, C, D, E, F](cls, a: A, b: B, c: C, d: D, e: E, f: F, /) -> b.Add6[A, B, C, D, E, F]: ...
        @overload
        def __new__(cls, *layers: Any) -> b.AddMany: ...
        def __new__(cls, *layers: Any) -> Any: ...
    else:

        def __call__(self, xs: Any) -> Any:
            if not isinstance(xs, tuple) or len(xs) != self._length:
                what = f"a tuple of {len(xs)}" if isinstance(xs, tuple) else _called(xs)
                raise ArgumentError(
                    f"AddInto: there are {self._length} layers, so the input is a tuple of {self._length} tensors",
                    facts=[("given", what)],
                )
            total = None
            for index, (layer, x) in enumerate(zip(self, xs, strict=True)):
                y = layer(x)
                total = y if total is None else _added("AddInto", ("before", f"layer {index}"), total, y)
            return total

    def __init__(self, *layers: Any) -> None:
        if not layers:
            raise ArgumentError("AddInto: there is no layer whose result could be given", hint="nn.AddInto(a, b)")
        self._hold(layers)


def _layer(layer: Any, container: str, called: str) -> Any:
    if isinstance(layer, type):
        raise ArgumentError(
            f"{container}: {called} is the class {layer.__name__}, and a layer is needed", hint=f"{layer.__name__}()"
        )
    if not callable(layer):
        raise ArgumentError(f"{container}: {called} is {_called(layer)}, and a layer is needed")
    return layer


def _called(value: Any) -> str:
    return describe_operand(value) if isinstance(value, Tensor) else type(value).__name__


def _added(container: str, labels: tuple[str, str], left: Any, right: Any) -> Any:
    facts = [(label, describe_operand(value)) for label, value in zip(labels, (left, right), strict=True)]
    if left._spec.sizes != right._spec.sizes:
        raise ShapeError(f"{container}: {labels[0]} and {labels[1]} are added, so they have one shape", facts=facts)
    if left._spec.dtype is not right._spec.dtype:
        raise DTypeError(
            f"{container}: {labels[0]} and {labels[1]} are added, so they have one element type", facts=facts
        )
    return ops.add(left, right)
