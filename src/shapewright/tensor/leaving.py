"""The numbers of a tensor in Python and NumPy: `x.numpy()`, `x.item()`, `x.tolist()`, `float(x)`, `if x:`, `len(x)`.

What it is not: the way in (`creation.py`), or to files (`files/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, overload

import numpy as np

from shapewright.graph import Capture
from shapewright.ops.core import describe_operand
from shapewright.shapes.errors import DTypeError, ShapeError
from shapewright.tensor._variables import DT, S

if TYPE_CHECKING:
    from shapewright.devices import Device
    from shapewright.shapes.dtypes import Floating, Integer, Spec, bool_


class Leaving(Generic[S, DT]):
    """The methods of `Tensor` that give its numbers."""

    __slots__ = ()
    if TYPE_CHECKING:
        _storage: Any
        _spec: Spec
        _device: Device

    def _known(self, asked: str) -> None:
        """Refuse what asks for the numbers of a tensor that has none yet."""
        if isinstance(self._device, Capture):
            raise self._device.has_none(asked, self._spec)

    def numpy(self) -> np.ndarray:
        """Give the numbers as a NumPy array that is read-only and may share this tensor's memory.

        PyTorch: ``x.numpy()``. dfdx: ``x.as_vec()``.

        >>> import shapewright as sw
        >>> sw.ones((2,)).numpy()
        array([1., 1.], dtype=float32)
        """
        return self._device.get(self._storage)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    @overload
    def item(self: Leaving[[], bool_]) -> bool: ...
    @overload
    def item[I: Integer](self: Leaving[[], I]) -> int: ...
    @overload
    def item[F: Floating](self: Leaving[[], F]) -> float: ...
    @overload
    def item(self: Leaving[[], DT]) -> float: ...
    def item(self: Any) -> Any:
        """Give the one number of a tensor of shape [] as a Python number.

        Raises:
            ShapeError: there is more than one number, or an axis.

        PyTorch: ``x.item()``.

        >>> import shapewright as sw
        >>> sw.tensor([1.0, 2.0]).sum().item()
        3.0
        """
        if self._spec.sizes != ():
            raise ShapeError(
                "item: only a tensor of shape [] is one number",
                facts=[("x", describe_operand(self))],
                hint="x.numpy() for all numbers, or x.sum().item(), x[0].item()",
            )
        self._known("item")
        return self.numpy().item()

    def tolist(self) -> Any:
        """Give the numbers as nested Python lists.

        PyTorch: ``x.tolist()``. dfdx: ``x.array()``.

        >>> import shapewright as sw
        >>> sw.tensor([[1, 2], [3, 4]]).tolist()
        [[1, 2], [3, 4]]
        """
        return self.numpy().tolist()

    def __bool__(self) -> bool:
        self._known("bool")
        if self._spec.sizes != ():
            raise ShapeError(
                "a tensor of several elements is neither true nor false",
                facts=[("x", describe_operand(self))],
                hint="x.any().item() or x.all().item(); sw.where(x, a, b) to choose element by element",
            )
        return bool(self.numpy())

    def __float__(self) -> float:
        number: Any = self
        return float(number.item())

    def __int__(self) -> int:
        number: Any = self
        return int(number.item())

    def __index__(self) -> int:
        """Give the one number of a tensor of integers as an int: `range(n)`, `names[n]`."""
        self._known("index")
        if not self._spec.dtype.is_integer or self._spec.sizes != ():
            raise DTypeError(
                "only a tensor of shape [] of integers counts, as in range(x)",
                facts=[("x", describe_operand(self))],
                hint="int(x) to round towards 0, or x.to(sw.i64)",
            )
        number: Any = self
        return int(number.item())

    def __str__(self) -> str:
        self._known("print")
        return repr(self)

    def __len__(self) -> int:
        if not self._spec.sizes:
            raise ShapeError("len: a tensor of shape [] has no axis to count", facts=[("x", describe_operand(self))])
        return self._spec.sizes[0]
