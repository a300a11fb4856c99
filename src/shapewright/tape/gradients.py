"""`Gradients`: what `loss.backward()` returns. Each gradient is typed like what it belongs to.

What it is not: the computation of gradients (`backward.py`) or what is done with them (`optim/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shapewright import ops
from shapewright.ops.composite import check_tensors
from shapewright.ops.core import Value, describe_operand
from shapewright.shapes.errors import ArgumentError, DTypeError, GradientKeyError, ShapeError

from .backward import total
from .node import Node

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType
    from shapewright.shapes.typing import IntTuple
    from shapewright.tensor.parameter import Parameter
    from shapewright.tensor.tensor import Tensor


class Gradients:
    """The gradients of one loss: of the parameters it touched and of the values that were traced.

    `grads[p]` has the shape and element type of `p`. `grads + more` adds the gradients of several losses
    (accumulation). PyTorch keeps them in ``p.grad`` instead.

    >>> import shapewright as sw
    >>> a = sw.tensor([1.0, 2.0]).trace()
    >>> (a * a).sum().backward()[a]
    Tensor[[2], f32] on cpu: [2. 4.]
    """

    __slots__ = ("_of_parameters", "_of_values")

    def __init__(self, leaves: Mapping[Node, list[Callable[[], Any]]]) -> None:
        self._of_parameters: dict[int, tuple[Any, Any]] = {}
        # Of traced values, the parts are added up when they are first asked for.
        self._of_values: dict[Node, Sequence[Callable[[], Any]]] = {}
        for leaf, parts in leaves.items():
            owner = getattr(leaf, "owner", None)
            if owner is None:
                self._of_values[leaf] = parts
            else:
                self._add(owner, total(leaf, parts))

    def _add(self, parameter: Any, gradient: Any) -> None:
        known = self._of_parameters.get(id(parameter))
        joined = gradient if known is None else ops.add(known[1], gradient)
        self._of_parameters[id(parameter)] = (parameter, joined)

    def __getitem__[T: IntTuple, E: DType](self, key: Tensor[T, E]) -> Tensor[T, E]:
        """Give the gradient of a parameter or of a traced value.

        Raises:
            GradientKeyError: the loss did not depend on it, or it was not traced.
        """
        found = self._find(key)
        if found is None:
            if not isinstance(key, Value):
                raise GradientKeyError(
                    f"gradients are looked up by parameter or by traced value, not by {type(key).__name__}",
                    facts=[("there are", self._contents())],
                    hint="grads[model.weight]",
                )
            raise GradientKeyError(
                f"there is no gradient of {_called(key)}: the loss did not depend on it through a traced value",
                facts=[("of", describe_operand(key)), ("there are", self._contents())],
                hint="compute the loss from x.trace(), and ask for parameters or for the traced x itself",
            )
        return found

    def _find(self, key: Any) -> Any:
        known = self._of_parameters.get(id(key))
        if known is not None:
            return known[1]
        node = getattr(key, "_node", None)
        parts = self._of_values.get(node) if node is not None else None
        if parts is None or node is None:
            return None
        if len(parts) > 1 or not isinstance(parts[0], _Known):
            parts = [_Known(total(node, parts))]
            self._of_values[node] = parts
        return parts[0]()

    def __setitem__[T: IntTuple, E: DType](self, key: Parameter[T, E], gradient: Tensor[T, E]) -> None:
        """Put another gradient in the place of a parameter's, for example a clipped one.

        Raises:
            ShapeError: it has not the parameter's shape.
            DTypeError: it has not the parameter's element type.
        """
        check_tensors("gradients", key, gradient)
        if gradient._spec.sizes != key._spec.sizes:
            raise ShapeError(
                f"the gradient of {_called(key)} has its shape",
                facts=[("parameter", describe_operand(key)), ("gradient", describe_operand(gradient))],
            )
        if gradient._spec.dtype is not key._spec.dtype:
            raise DTypeError(
                f"the gradient of {_called(key)} has its element type",
                facts=[("parameter", describe_operand(key)), ("gradient", describe_operand(gradient))],
                hint=f"gradient.to(sw.{key._spec.dtype.name})",
            )
        self._of_parameters[id(key)] = (key, gradient)

    def __contains__(self, key: Tensor) -> bool:
        """Tell whether there is a gradient of this parameter or traced value."""
        return self._find(key) is not None

    def __len__(self) -> int:
        """Give the number of parameters and traced values with a gradient."""
        return len(self._of_parameters) + len(self._of_values)

    def items(self) -> Iterator[tuple[Parameter, Tensor]]:
        """Go through the parameters with their gradients.

        PyTorch: ``((p, p.grad) for p in model.parameters())``.

        >>> import shapewright as sw
        >>> layer = sw.nn.Linear(2, 1)
        >>> grads = layer(sw.ones((1, 2)).trace()).sum().backward()
        >>> sorted(parameter.name for parameter, gradient in grads.items())
        ['bias', 'weight']
        """
        yield from self._of_parameters.values()

    def __add__(self, other: Gradients) -> Gradients:
        """Add the gradients of another loss: those of what both touched are summed, the rest are kept."""
        if not isinstance(other, Gradients):
            return NotImplemented
        joined = Gradients({})
        joined._of_parameters = dict(self._of_parameters)
        joined._of_values = dict(self._of_values)
        for parameter, gradient in other._of_parameters.values():
            joined._add(parameter, gradient)
        for leaf, parts in other._of_values.items():
            joined._of_values[leaf] = [*joined._of_values.get(leaf, []), *parts]
        return joined

    def __radd__(self, other: int) -> Gradients:
        """Begin a sum: ``sum([loss.backward() for loss in losses])`` adds to 0."""
        return self if type(other) is int and other == 0 else NotImplemented

    def __mul__(self, factor: float | Tensor[[]]) -> Gradients:
        """Multiply every gradient by a number, for example by one over the number of accumulated losses.

        Raises:
            ShapeError: the number is a tensor that is none of shape [].
        """
        return self._scaled(ops.mul, factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float | Tensor[[]]) -> Gradients:
        """Divide every gradient by a number.

        Raises:
            ShapeError: the number is a tensor that is none of shape [].
        """
        return self._scaled(ops.div, divisor)

    def _scaled(self, op: Any, number: Any) -> Gradients:
        sizes = number._spec.sizes if isinstance(number, Value) else ()
        if sizes:
            raise ShapeError(
                f"{op.name}: gradients of many shapes are scaled by a number or a tensor of shape []",
                facts=[("number", describe_operand(number))],
                hint="grads[p] = grads[p] * factor, parameter by parameter",
            )

        def scaled(gradient: Any) -> Any:
            if not isinstance(number, Value):
                return op(gradient, number)
            own = gradient._spec.sizes
            return op(gradient, ops.broadcast(number, sizes=own, axes=()))

        result = Gradients({})
        result._of_parameters = {k: (p, scaled(g)) for k, (p, g) in self._of_parameters.items()}
        result._of_values = {
            leaf: [lambda leaf=leaf, parts=parts: scaled(total(leaf, parts))] for leaf, parts in self._of_values.items()
        }
        return result

    def unused(self, model: Any) -> list[str]:
        """Name the parameters of a model that have no gradient here, as its state dict names them.

        PyTorch: ``[n for n, p in model.named_parameters() if p.grad is None]``.

        >>> import shapewright as sw
        >>> layer = sw.nn.Linear(2, 1)
        >>> layer.bias.trace().sum().backward().unused(layer)
        ['weight']
        """
        if not hasattr(model, "named_parameters"):
            raise ArgumentError(f"unused: takes the model, not {type(model).__name__}", hint="grads.unused(model)")
        return [name for name, parameter in model.named_parameters() if id(parameter) not in self._of_parameters]

    def _contents(self) -> str:
        # The way back meets the last parameters first.
        names = [parameter.name or "a parameter" for parameter, _ in reversed(self._of_parameters.values())]
        if self._of_values:
            names.append(f"{len(self._of_values)} traced value{'s' if len(self._of_values) > 1 else ''}")
        return ", ".join(names) or "none"

    def __repr__(self) -> str:
        return f"Gradients({self._contents()})"


class _Known:
    """A part that has been computed."""

    __slots__ = ("_gradient",)

    def __init__(self, gradient: Any) -> None:
        self._gradient = gradient

    def __call__(self) -> Any:
        return self._gradient


def _called(value: Any) -> str:
    name = getattr(value, "name", None)
    return f"parameter {name}" if name else "this value"
