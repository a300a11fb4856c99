"""`Tensor`: an immutable value whose shape and element type are part of its type, and how an operation on it runs.

A tensor operation walks one way: method, op (its rule checked, its gradient known), tape (if traced), device. What it
is not: the methods (one file per family beside this one) or the operations (`ops/`).
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Generic, Self, overload

import numpy as np

from shapewright import ops
from shapewright.devices import Device
from shapewright.graph import Capture, Elsewhere, active, left_behind
from shapewright.ops.composite import check_tensors
from shapewright.ops.core import Op, Value, describe_operand
from shapewright.shapes.dim import Dim
from shapewright.shapes.dtypes import DType, Spec, checked_dtype
from shapewright.shapes.errors import ArgumentError, CaptureError, DeviceError, DTypeError, Error, ShapeError, TapeError
from shapewright.tape import Deferred, Gradients, Leaf, Node, pull_back

from ._names import name_axes
from ._numbers import answer_ufunc, as_number
from ._variables import DT, S
from .along import Along
from .contraction import Contraction
from .elementwise import Elementwise
from .expecting import Expecting
from .feeding import Feeding
from .habits import TENSOR, missing
from .indexing import Indexing
from .leaving import Leaving
from .movement import Movement
from .reductions import Reductions

if TYPE_CHECKING:
    from shapewright.shapes.typing import IntTuple

    from .parameter import Parameter


class Tensor(
    Elementwise[S, DT],
    Reductions[S, DT],
    Along[S, DT],
    Movement[S, DT],
    Indexing[S, DT],
    Contraction[S, DT],
    Expecting[S, DT],
    Leaving[S, DT],
    Feeding[S, DT],
    Value,
    Generic[S, DT],
):
    """A value of many numbers: `Tensor[[B, 784]]` holds f32, `Tensor[[B], i64]` holds i64. It never changes.

    Made by `sw.tensor`, `sw.zeros` and their like. Operators and methods give new tensors; tensors can be shared by
    threads. PyTorch: ``torch.Tensor``. dfdx: ``Tensor<(B, Const<784>), f32, Cpu>``.

    >>> import shapewright as sw
    >>> x = sw.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x
    Tensor[[2, 2], f32] on cpu:
    [[1. 2.]
     [3. 4.]]
    """

    # The value is in `_storage`; `_dims` holds the sizes with names once an axis has one; `_node` is what recorded the
    # value; `_origin` is the parameter an untraced value was computed from.
    __slots__ = ("__weakref__", "_device", "_dims", "_node", "_origin", "_spec", "_storage")
    _storage: Any
    _spec: Spec
    _device: Device
    _dims: tuple[int, ...] | None
    _node: Node | None
    # A Parameter, or a Deferred view of one; Any, because Pyrefly takes no cell of one shape for a cell of any.
    _origin: Any

    if TYPE_CHECKING:
        # To the type checkers NumPy's operators step back.
        __array_ufunc__ = None
    else:

        def __array_ufunc__(self, ufunc: Any, method: str, *operands: Any, **options: Any) -> Any:
            return answer_ufunc(self, ufunc, method, operands, options)

    def __init__(self) -> None:
        raise ArgumentError("a Tensor is not made by calling its class", hint="sw.tensor(numbers) or sw.zeros(shape)")

    if not TYPE_CHECKING:

        def __class_getitem__(cls, item: Any) -> Any:
            return types.GenericAlias(cls, item)

        def __getattr__(self, name: str) -> Any:
            raise missing("Tensor", name, TENSOR, self)

    # ---- what it is -------------------------------------------------------------------------------------------------
    @property
    def shape(self) -> S:
        """The sizes; each remembers which axis of which tensor it counts, so it can say which axis to keep.

        PyTorch: ``x.shape``. dfdx: ``x.shape()``.

        >>> import shapewright as sw
        >>> sw.zeros((2, 3)).shape
        (2, 3)
        """
        dims = self._dims
        if dims is None or not all([type(d) is Dim for d in dims]):
            dims = name_axes(self)
        return dims  # pyrefly: ignore[bad-return]  # the run-time sizes are what S says

    @property
    def dtype(self) -> type[DT]:
        """The element type.

        PyTorch: ``x.dtype``.

        >>> import shapewright as sw
        >>> sw.arange(2).dtype
        sw.i64
        """
        return self._spec.dtype  # pyrefly: ignore[bad-return]  # the run-time type is what DT says

    @property
    def device(self) -> Device:
        """The device that holds the numbers.

        PyTorch: ``x.device``. dfdx: ``x.device()``.

        >>> import shapewright as sw
        >>> sw.zeros((2,), device=sw.Reference()).device
        Reference()
        """
        return self._device

    @property
    def ndim(self) -> int:
        """The number of axes.

        PyTorch: ``x.ndim``.

        >>> import shapewright as sw
        >>> sw.zeros((2, 3)).ndim
        2
        """
        return len(self._spec.sizes)

    @property
    def size(self) -> int:
        """The number of elements. PyTorch: ``x.numel()``.

        >>> import shapewright as sw
        >>> sw.zeros((2, 3)).size
        6
        """
        return self._spec.count

    @property
    def is_traced(self) -> bool:
        """Whether operations on this value are recorded.

        PyTorch: ``x.requires_grad``.

        >>> import shapewright as sw
        >>> x = sw.ones((2,))
        >>> x.is_traced, (x.trace() * 2.0).is_traced
        (False, True)
        """
        return self._node is not None

    @property
    def is_training(self) -> bool:
        """Whether layers given this value train: dropout drops, batch norm learns.

        PyTorch: ``module.training``, of the module and not of the value.

        >>> import shapewright as sw
        >>> x = sw.ones((2,))
        >>> x.trace().is_training, x.trace(training=False).is_training
        (True, False)
        """
        node = self._node
        return node is not None and node.training

    # ---- the tape ---------------------------------------------------------------------------------------------------
    def trace(self, *, training: bool = True) -> Tensor[S, DT]:
        """Give the same value with a tape: from here on, operations are recorded.

        A traced value means training to the layers it meets; with `training=False` they behave as in inference.
        PyTorch: ``x.requires_grad_()``. dfdx: ``x.trace(grads)``.

        Raises:
            TapeError: the value was computed from a parameter without a tape, so its gradient would stop here.

        >>> import shapewright as sw
        >>> a = sw.tensor([1.0, 2.0]).trace()
        >>> (a * a + a).sum().backward()[a]
        Tensor[[2], f32] on cpu: [3. 5.]
        """
        if self._node is not None:
            return self
        if self._origin is not None:
            if isinstance(self._origin, Deferred):
                return self._alias(self._origin.traced(training))
            raise _lost(self._origin, "trace")
        return self._alias(Leaf(None, training))

    def trace_like[T: IntTuple, E: DType](self, other: Tensor[T, E]) -> Tensor[S, DT]:
        """Give the same value with a tape if `other` has one, training if that trains; without one, as it is.

        For what a model computes from its own parameters, or from numbers of its own, before its input joins: positions
        that an embedding looks up, a weight that is normalised. It is then recorded just when the input is.

        Raises:
            TapeError: the value was computed from a parameter without a tape, and `other` has one.

        PyTorch: nothing; there every parameter records by itself.

        >>> import shapewright as sw
        >>> x = sw.ones((2,))
        >>> sw.arange(2).trace_like(x).is_traced, sw.arange(2).trace_like(x.trace()).is_traced
        (False, True)
        """
        check_tensors("trace_like", other)
        node = other._node
        return self if node is None else self.trace(training=node.training)

    def stop_gradient(self) -> Tensor[S, DT]:
        """Give the same value without a tape, on purpose. PyTorch: ``x.detach()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0]).trace().stop_gradient().is_traced
        False
        """
        return self._plain()

    def backward(self: Tensor[[], DT], *, keep: bool = False, trace: bool = False) -> Gradients:
        """Compute the gradients of this scalar with respect to every parameter and traced value it depends on.

        Args:
            keep: leave the tape usable once more.
            trace: give gradients that are traced themselves, for gradients of gradients.

        Raises:
            TapeError: nothing was traced, or the tape was already used.
            ShapeError: this is not a scalar.

        PyTorch: ``loss.backward()``. dfdx: ``loss.backward()``.

        >>> import shapewright as sw
        >>> x = sw.tensor([1.0, 3.0]).trace()
        >>> (x * x).sum().backward()[x]
        Tensor[[2], f32] on cpu: [2. 6.]
        """
        if self._spec.sizes != ():
            raise ShapeError(
                "backward: gradients are those of one number, a tensor of shape []",
                facts=[("loss", describe_operand(self))],
                hint="loss.mean().backward() or loss.sum().backward()",
            )
        node = self._node
        if node is None:
            raise TapeError(
                "backward: nothing was traced, so there is no tape to go back through",
                facts=[
                    ("loss", describe_operand(self)),
                    ("compiled", "what a compiled function gives has no tape; .backward() belongs inside it"),
                ],
                hint="model(x.trace()) where the loss is computed; after .stop_gradient(), .trace_like(x) begins anew",
            )
        if not self._spec.dtype.is_floating:
            raise DTypeError(
                f"backward: {self._spec.dtype.name} values have no gradient",
                facts=[("loss", describe_operand(self))],
                hint="loss.to(sw.f32) before the values that it should be differentiated for",
            )
        one = make(self._device.put(np.ones((), self._spec.dtype.numpy)), self._spec, self._device)
        return Gradients(pull_back([(node, one)], keep=keep, trace=trace, at_once=True))

    # ---- moving -----------------------------------------------------------------------------------------------------
    @overload
    def to[E: DType](self, to: type[E], /) -> Tensor[S, E]: ...
    @overload
    def to(self, to: Device, /) -> Tensor[S, DT]: ...
    def to(self, to: Any, /) -> Any:
        """Give the same numbers with another element type or on another device.

        Raises:
            DTypeError: `to` is neither an element type nor a device.

        PyTorch: ``x.to(torch.float32)``, ``x.to("cuda")``. dfdx: ``x.to_dtype::<f32>()``, ``x.to_device(&dev)``.

        >>> import shapewright as sw
        >>> sw.tensor([1, 2]).to(sw.f32)
        Tensor[[2], f32] on cpu: [1. 2.]
        """
        from .transfer import transfer

        if hasattr(to, "run") and hasattr(to, "put"):
            return self if to == self._device or to == getattr(self._device, "home", None) else transfer(self, to)
        if not isinstance(to, type):
            raise DTypeError(
                f"to: takes an element type or a device, not {to!r}", hint="x.to(sw.f64), or x.to(sw.Cpu())"
            )
        dtype = checked_dtype(to)
        return self if dtype is self._spec.dtype else ops.cast(self, dtype=dtype)

    # ---- Python's own protocols -------------------------------------------------------------------------------------
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> Any:
        # What leaves the process is the numbers and their type; tapes and names stay behind.
        from .creation import from_numpy

        return from_numpy, (np.array(self.numpy()),)

    def __repr__(self) -> str:
        sizes = ", ".join(str(size) for size in self._spec.sizes)
        what = f"{type(self).__name__}[[{sizes}], {self._spec.dtype.name}] on {self._device.name}"
        traced = ", traced" if self._node is not None else ""
        if isinstance(self._device, Capture):
            return f"{what}{traced}"
        with np.printoptions(threshold=60, edgeitems=3, precision=4):
            values = str(self.numpy())
        return f"{what}{traced}:{chr(10) if chr(10) in values else ' '}{values}"

    # ---- how an operation runs --------------------------------------------------------------------------------------
    def _alias(self, node: Node | None) -> Any:
        result = make(self._storage, self._spec, self._device)
        result._dims = self._dims
        result._node = node
        return result

    def _plain(self) -> Any:
        return self._alias(None)

    _attach = _alias

    def _recorded(self, storage: Any) -> Any:
        """Give what a tape keeps of this operand, whose numbers the operation read from `storage`."""
        return self if self._node is not None or self._origin is None else self._alias(self._origin)

    def _apply(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        keys: list[Any] = []
        storages: list[Any] = []
        device = self._device
        traced = training = named = False
        origin = None
        for operand in operands:
            if isinstance(operand, Tensor):
                keys.append(operand._spec)
                storages.append(operand._storage)
                if operand._device is not device and operand._device != device:
                    if active.capture is not None:
                        return self._inside(op, operands, params)
                    raise op.explain(_apart(self, operand), operands, params)
                node = operand._node
                if node is not None:
                    traced = True
                    training = training or node.training
                elif operand._origin is not None:
                    origin = operand._origin
                if operand._dims is not None:
                    named = True
            else:
                number = operand if type(operand) in _NUMBERS else as_number(op, operand, operands, params)
                keys.append(type(number))
                storages.append(number)
        try:
            spec = op.verdict(tuple(keys), params)
            storage = device.run(op, storages, params, spec)
        except Error as error:
            raise op.explain(error, operands, params) from None
        except Elsewhere:
            return self._inside(op, operands, params)
        except (TypeError, ValueError, OverflowError) as error:
            if not params:
                raise
            # Parameters of a kind that the op does not know: `alpha="a"`. What it stumbled over is shown above.
            unfit = ArgumentError(f"the parameters do not fit: {error}")
            raise op.explain(unfit, operands, params) from error
        result = make(storage, spec, device)
        if named:
            shapes = [(o._dims or o._spec.sizes) if isinstance(o, Tensor) else None for o in operands]
            result._dims = op.names(tuple(keys), shapes, params, spec)
        if traced:
            recorded = tuple(
                [o._recorded(s) if isinstance(o, Tensor) else o for o, s in zip(operands, storages, strict=True)]
            )
            if origin is not None:
                _check_origins(op, operands)
            node = Node(op, recorded, params, training)
            node.result = result._plain()
            result._node = node
        elif origin is not None:
            result._origin = _origin_of(op, operands, storages, params, origin, result)
        return result

    def _inside(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Apply an op as part of the recording that is active."""
        inside = _adopted(op, operands, params)
        first: Any = next(o for o in inside if isinstance(o, Tensor))
        return first._apply(op, inside, params)


_NUMBERS = frozenset((float, int, bool))
_new = object.__new__


def make(storage: Any, spec: Spec, device: Any) -> Any:
    """Give the tensor of a device's storage; the way every tensor is made."""
    result = _new(Tensor)
    result._storage = storage
    result._spec = spec
    result._device = device
    result._dims = None
    result._node = None
    result._origin = None
    return result


def _adopted(op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> tuple[Any, ...]:
    """Give the operands as values of the program that is being recorded; those from outside become its constants."""
    capture: Any = active.capture
    adopted: list[Any] = []
    for operand in operands:
        if isinstance(operand, Tensor) and operand._device is not capture:
            is_around = capture.encloses(operand._device)
            if not is_around and operand._device != capture.home:
                raise op.explain(_apart(operand, make(None, operand._spec, capture.home)), operands, params)
            if operand._node is not None and not is_around and not capture.is_sketch:
                raise op.explain(
                    CaptureError(
                        "a value that was traced outside the compiled function meets a value inside",
                        hint="x.trace() inside the function, on its arguments",
                    ),
                    operands,
                    params,
                )
            storage = capture.adopt(operand._storage, operand._spec, operand._device)
            inside = make(storage, operand._spec, capture)
            inside._dims, inside._origin = operand._dims, operand._origin
            # What was traced around the body of a loop is traced in it.
            inside._node = operand._node if is_around else None
            operand = inside
        adopted.append(operand)
    return tuple(adopted)


def _apart(left: Any, right: Any) -> Error:
    for each in (left, right):
        if isinstance(each._device, Capture) and each._device.is_over:
            return left_behind()
    return DeviceError(
        f"the operands are on different devices, {left._device!r} and {right._device!r}",
        hint=f"x.to({left._device!r}) or x.to({right._device!r}) on one of them",
    )


def _check_origins(op: Op, operands: tuple[Any, ...]) -> None:
    for operand in operands:
        if isinstance(operand, Tensor) and operand._node is None and operand._origin is not None:
            if operand._origin is not operand and not isinstance(operand._origin, Deferred):
                raise op.explain(_lost(operand._origin, "join"), operands, {})


def _origin_of(
    op: Op, operands: tuple[Any, ...], storages: list[Any], params: dict[str, Any], origin: Any, result: Any
) -> Any:
    """Give what an untraced value remembers of the parameter it was computed from.

    A view of a parameter remembers all of it, at no cost, and can still join a tape; anything else only its name.
    """
    owner = origin.owner if isinstance(origin, Deferred) else origin
    whole = isinstance(origin, Deferred) or origin is operands[0]
    if len(operands) > 1 or not whole or not (op.exact or op.name == "cast"):
        return owner
    view = Deferred(op, (operands[0]._recorded(storages[0]),), params, owner)
    view.result = result._plain()
    return view


def _lost(parameter: Parameter, doing: str) -> TapeError:
    name = parameter.name or "p"
    called = f"parameter {parameter.name}" if parameter.name else "a parameter p, which no module holds,"
    what = "is traced only now" if doing == "trace" else "meets a traced value"
    return TapeError(
        f"a value computed from {called} without a tape {what}, so the parameter's gradient would be lost",
        hint=f"{name}.trace() (or model(x.trace())) before, to keep the gradient; "
        ".stop_gradient() to drop it on purpose",
    )
