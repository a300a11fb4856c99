"""`Parameter` and `Buffer`: the cells of a model. A cell holds one tensor and can be given another.

What it is not: where parameters are found (`nn/module.py`) or updated (`optim/`).
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic

from shapewright.graph import active, can_meet
from shapewright.ops.core import describe_operand
from shapewright.shapes.errors import ArgumentError, CaptureError, DeviceError, DTypeError, Error, ShapeError
from shapewright.tape import Leaf

from ._variables import DT, S
from .tensor import Tensor, make

_held_storage: Any = Tensor._storage.__get__  # pyrefly: ignore[missing-attribute]  # the slot's descriptor
_hold_storage: Any = Tensor._storage.__set__  # pyrefly: ignore[missing-attribute]  # the slot's descriptor
_held_device: Any = Tensor._device.__get__  # pyrefly: ignore[missing-attribute]  # the slot's descriptor
_hold_device: Any = Tensor._device.__set__  # pyrefly: ignore[missing-attribute]  # the slot's descriptor


def held_storages(cells: Sequence[Any]) -> list[Any]:
    """Give what cells hold, whether or not a program is being recorded."""
    return [_held_storage(cell) for cell in cells]


def hold_storages(cells: Sequence[Any], storages: Sequence[Any]) -> None:
    """Let cells hold other storages of the same shape, element type and device."""
    for number, cell in enumerate(cells):
        _hold_storage(cell, storages[number])


class _Cell(Tensor[S, DT], Generic[S, DT]):
    """A tensor that can be assigned. An operation reads the value at that moment."""

    __slots__ = ("_home",)

    if not TYPE_CHECKING:
        # While a program is recorded, a cell's value is a variable of that program.
        @property
        def _storage(self) -> Any:
            capture = active.capture
            if capture is None:
                return _held_storage(self)
            return capture.read(self, self._spec, _held_device(self), self.name)

        @_storage.setter
        def _storage(self, storage: Any) -> None:
            capture = active.capture
            if capture is None:
                _hold_storage(self, storage)
            else:
                capture.write(self, self._spec, _held_device(self), self.name, storage)

        @property
        def _device(self) -> Any:
            return active.capture or _held_device(self)

        @_device.setter
        def _device(self, device: Any) -> None:
            _hold_device(self, device)

    # The module that holds the cell and the cell's name there, for reports.
    _home: tuple[weakref.ref[Any], str] | None

    def __init__(self, value: Tensor[S, DT]) -> None:
        if not isinstance(value, Tensor):
            raise ArgumentError(
                f"{type(self).__name__} holds a tensor, not {type(value).__name__}",
                hint=f"nn.{type(self).__name__}(sw.zeros((2, 3)))",
            )
        if active.capture is not None:
            raise CaptureError(
                f"a {type(self).__name__} is made while sw.compile records the program",
                hint="models and optimisers made before the compiled function is called",
            )
        self._spec = value._spec
        self._device = value._device
        self._storage = value._storage
        # Axes keep the names that their module gave its sizes in `__init__`: `x * self.scale.spread()` finds its axis
        # even where another one has the same size by chance.
        self._dims = value._dims
        self._node = None
        self._origin = None
        self._home = None

    @property
    def name(self) -> str | None:
        """The path in the model, as in its state dict: `up.weight`; None for a cell that no module holds.

        >>> import shapewright as sw
        >>> model = sw.nn.Sequential(sw.nn.Linear(2, 3))
        >>> [parameter.name for parameter in model.parameters()]
        ['0.weight', '0.bias']
        """
        if self._home is None:
            return None
        holder = self._home[0]()
        prefix = getattr(holder, "_path", "") if holder is not None else ""
        return f"{prefix}.{self._home[1]}" if prefix else self._home[1]

    def assign(self, value: Tensor[S, DT]) -> None:
        """Hold another value from now on.

        Raises:
            ShapeError: it has another shape.
            DTypeError: it has another element type.
            DeviceError: it is on another device.
            ArgumentError: it is no tensor.

        PyTorch: ``p.copy_(value)`` under ``torch.no_grad()``.

        >>> import shapewright as sw
        >>> w = sw.Parameter(sw.zeros((2,)))
        >>> w.assign(w * 2.0 + 1.0)
        >>> w.tolist()
        [1.0, 1.0]
        """
        if getattr(value, "_spec", None) is not self._spec or not can_meet(value._device, self._device):
            raise self._refusal(value)
        storage, capture = value._storage, active.capture
        # In the body of a loop or a choice a value may come from around it.
        self._storage = storage if capture is None else capture.adopt(storage, value._spec, value._device)

    def _refusal(self, value: Any) -> Error:
        kind = type(self).__name__.lower()
        if not isinstance(value, Tensor):
            return ArgumentError(
                f"assign: a {kind} holds a tensor, not {type(value).__name__}",
                hint="sw.from_numpy(array) for NumPy arrays",
            )
        facts = [(kind, describe_operand(self)), ("value", describe_operand(value))]
        called = f"{kind} {self.name}" if self.name else f"this {kind}"
        if value._spec.sizes != self._spec.sizes:
            return ShapeError(f"assign: {called} keeps its shape", facts=facts)
        if value._spec.dtype is not self._spec.dtype:
            hint = f"value.to(sw.{self._spec.dtype.name})"
            return DTypeError(f"assign: {called} keeps its element type", facts=facts, hint=hint)
        device = getattr(self._device, "home", self._device)
        return DeviceError(
            f"assign: {called} keeps its device, {device!r}, and the value is on {value._device!r}",
            hint=f"value.to({device!r})",
        )

    def _recorded(self, storage: Any) -> Any:
        return make(storage, self._spec, self._device)

    def __copy__(self) -> Any:
        return type(self)(self._plain())

    def __deepcopy__(self, memo: object) -> Any:
        return type(self)(self._plain())


class Parameter(_Cell[S, DT], Generic[S, DT]):
    """A cell that holds what a model learns; the gradients of a loss are those of the parameters it touched.

    PyTorch: ``nn.Parameter``. dfdx: a tensor in a module.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.zeros((2,)))
    >>> w.assign(sw.ones((2,)))
    >>> w
    Parameter[[2], f32] on cpu: [1. 1.]
    """

    __slots__ = ()

    def __init__(self, value: Tensor[S, DT]) -> None:
        super().__init__(value)
        if not self._spec.dtype.is_floating:
            raise DTypeError(
                f"a parameter has a gradient, and {self._spec.dtype.name} values have none",
                facts=[("value", describe_operand(value))],
                hint="nn.Buffer(value), or value.to(sw.f32)",
            )
        # What is computed from it without a tape remembers where it came from.
        self._origin = self

    def trace(self, *, training: bool = True) -> Tensor[S, DT]:
        """Give the value with a tape that leads back to this parameter.

        PyTorch: ``p`` itself, whose ``requires_grad`` is set.

        >>> import shapewright as sw
        >>> w = sw.Parameter(sw.tensor([3.0]))
        >>> (w.trace() ** 2).sum().backward()[w]
        Tensor[[1], f32] on cpu: [6.]
        """
        return self._alias(Leaf(self, training))

    def _recorded(self, storage: Any) -> Any:
        value = make(storage, self._spec, self._device)
        value._node = Leaf(self, False)
        return value


class Buffer(_Cell[S, DT], Generic[S, DT]):
    """A cell that a model keeps but does not learn by gradients, such as batch norm's running mean.

    PyTorch: ``register_buffer``.

    >>> import shapewright as sw
    >>> mean = sw.nn.Buffer(sw.zeros((2,)))
    >>> mean.assign(sw.ones((2,)))
    >>> mean
    Buffer[[2], f32] on cpu: [1. 1.]
    """

    __slots__ = ()
