"""`Key`: a counted stream of random numbers, and the tensors drawn from one.

The same key gives the same numbers on every device. What it is not: the generator (`ops/random.py`).
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from shapewright import ops
from shapewright.devices import Device, chosen_device
from shapewright.graph import active
from shapewright.shapes.dtypes import Floating, Integer, checked_dtype, f32, i64, spec
from shapewright.shapes.errors import ArgumentError, CaptureError, DTypeError

from ._target import is_number
from .creation import E, T, checked_shape
from .tensor import Tensor, make


class Key:
    """A cell that counts what was drawn: a seed and a position, moved on by each draw.

    JAX's keys are values; this is a cell, as PyTorch's ``torch.Generator`` is.

    Args:
        seed: any int from 0 to 2**64 - 1; the same seed gives the same numbers, everywhere.

    Raises:
        ArgumentError: the seed is no such int.

    >>> import shapewright as sw
    >>> a, b = sw.Key(7), sw.Key(7)
    >>> bool((sw.rand((3,), key=a) == sw.rand((3,), key=b)).all())
    True
    """

    # A key made while a program is recorded is made anew each time, so its numbers are part of the program.
    __slots__ = ("_counter", "_lock", "_made_in", "_seed")

    def __init__(self, seed: int) -> None:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**64:
            raise ArgumentError(f"a seed is an int from 0 to 2**64 - 1, not {seed!r}", hint="sw.Key(0)")
        self._seed = int(seed)
        self._counter = 0
        self._lock = threading.Lock()
        self._made_in = active.capture

    def draw(self, blocks: int) -> tuple[int, int]:
        """Reserve numbers: give the seed and the position of the first block, and move past `blocks` blocks.

        >>> import shapewright as sw
        >>> sw.Key(7).draw(3)
        (7, 0)
        """
        replay = _replay.stream
        if replay is not None:
            return replay.draw(self, blocks)
        return self._draw(blocks)

    def _draw(self, blocks: int) -> tuple[int, int]:
        if active.capture is not None and active.capture is not self._made_in:
            return active.capture.draw(self, blocks)
        with self._lock:
            seed, start = self._seed, self._counter
            self._counter += blocks
        return seed, start

    def split(self, count: int) -> tuple[Key, ...]:
        """Give `count` keys whose streams are independent of this one's and of each other's.

        Raises:
            ArgumentError: `count` is less than 1.
            CaptureError: the key was made outside a compiled function and is split inside.

        JAX: ``jax.random.split(key, count)``. PyTorch: nothing.

        >>> import shapewright as sw
        >>> left, right = sw.Key(0).split(2)
        """
        if not is_number(count) or count < 1:
            raise ArgumentError(f"split: the number of keys is at least 1, not {count!r}")
        if active.capture is not None and active.capture is not self._made_in:
            raise CaptureError(
                "split: the position of a key is not known while sw.compile records the program",
                hint="keys split outside the compiled function; or draw from the key itself, which each call moves on",
            )
        seed, start = self.draw(count)
        return tuple(Key(ops.split_seed(seed, start + index)) for index in range(count))

    @property
    def state(self) -> tuple[int, int]:
        """The seed and the position, as checkpoints store them.

        PyTorch: ``generator.get_state()``.

        >>> import shapewright as sw
        >>> key = sw.Key(7)
        >>> position = key.state
        >>> first = sw.rand((2,), key=key)
        >>> key.restore(position)
        >>> bool((sw.rand((2,), key=key) == first).all())
        True
        """
        with self._lock:
            return self._seed, self._counter

    def restore(self, state: tuple[int, int]) -> None:
        """Go to a position that `state` gave.

        Raises:
            ArgumentError: it is no such position.

        PyTorch: ``generator.set_state(state)``. See `state`.

        >>> import shapewright as sw
        >>> key = sw.Key(7)
        >>> key.restore((7, 5))
        >>> key
        Key(7) at 5
        """
        if not isinstance(state, tuple | list) or len(state) != 2 or not is_number(state[1]) or state[1] < 0:
            raise ArgumentError(f"restore: takes what `state` gave, a seed and a position, not {state!r}")
        seed = Key(state[0])._seed
        with self._lock:
            self._seed, self._counter = seed, int(state[1])

    def __copy__(self) -> Key:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: object) -> Key:
        seed, counter = self.state
        key = Key(seed)
        key._counter = counter
        return key

    def __repr__(self) -> str:
        seed, counter = self.state
        return f"Key({seed}) at {counter}"


class _Replay(threading.local):
    """What checkpointing puts in the place of keys while it computes something a second time."""

    stream: Any = None


_replay = _Replay()
_default = Key(0)


def seed(number: int) -> None:
    """Restart the process-wide key, from which everything is drawn that is given no key.

    PyTorch: ``torch.manual_seed(number)``.

    >>> import shapewright as sw
    >>> sw.seed(3)
    >>> first = sw.rand((2,))
    >>> sw.seed(3)
    >>> bool((sw.rand((2,)) == first).all())
    True
    """
    _default.restore(Key(number).state)


def chosen_key(key: object) -> Key:
    """Give the key that was asked for by `key=`, or the process-wide one for None.

    Raises:
        ArgumentError: it is no key.
    """
    if key is None:
        return _default
    if not isinstance(key, Key):
        raise ArgumentError(f"key= is a stream of random numbers, not {key!r}", hint=f"key=sw.Key({key!r})")
    return key


def _random(op: Any, sizes: tuple[int, ...], dtype: Any, key: Key | None, device: Any, **params: Any) -> Any:
    wanted = spec(tuple([int(size) for size in sizes]), dtype)
    key = chosen_key(key)
    device = chosen_device(device)
    seed, counter = key.draw(ops.random_blocks(wanted.count, dtype))
    params = {"sizes": wanted.sizes, "dtype": dtype, "seed": seed, "counter": counter, **params}
    result = make(device.run(op, (), params, wanted), wanted, device)
    result._dims = sizes if any([type(size) is not int for size in sizes]) else None
    return result


def _floating(dtype: Any, called: str) -> Any:
    dtype = checked_dtype(dtype)
    if not issubclass(dtype, Floating):
        raise DTypeError(f"{called}: numbers from a continuous range are floating point, not {dtype.name}")
    return dtype


def rand(shape: T, *, key: Key | None = None, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Draw numbers uniformly from [0, 1).

    PyTorch: ``torch.rand(shape)``. dfdx: ``dev.sample_uniform()``.

    >>> import shapewright as sw
    >>> sw.rand((2, 3), key=sw.Key(0)).shape
    (2, 3)
    """
    return _random(ops.uniform, checked_shape(shape, "rand"), _floating(dtype, "rand"), key, device)


def randn(shape: T, *, key: Key | None = None, dtype: type[E] = f32, device: Device | None = None) -> Tensor[T, E]:
    """Draw numbers from the normal distribution of mean 0 and variance 1.

    PyTorch: ``torch.randn(shape)``. dfdx: ``dev.sample_normal()``.

    >>> import shapewright as sw
    >>> sw.randn((2, 3), key=sw.Key(0)).shape
    (2, 3)
    """
    return _random(ops.normal, checked_shape(shape, "randn"), _floating(dtype, "randn"), key, device)


def randint(
    low: int, high: int, shape: T, *, key: Key | None = None, dtype: type[E] = i64, device: Device | None = None
) -> Tensor[T, E]:
    """Draw integers uniformly from low, low + 1, …, high - 1.

    Raises:
        ArgumentError: there is no integer from `low` to `high - 1`, or one does not fit the element type.

    PyTorch: ``torch.randint(low, high, shape)``.

    >>> import shapewright as sw
    >>> sw.randint(0, 10, (4,), key=sw.Key(0)).max().item() < 10
    True
    """
    wanted = checked_dtype(dtype)
    if not issubclass(wanted, Integer):
        raise DTypeError(f"randint: integers have an integer type, not {wanted.name}")
    for name, bound in (("low", low), ("high", high)):
        if not is_number(bound):
            raise ArgumentError(f"randint: {name} is an int, not {bound!r}", hint="sw.randint(0, 10, (2, 3))")
    if low >= high:
        raise ArgumentError(f"randint: there is no integer from {low} to {high} - 1", hint="low < high")
    limits = np.iinfo(wanted.numpy)
    if low < limits.min or high - 1 > limits.max:
        raise ArgumentError(
            f"randint: {low} to {high - 1} do not fit {wanted.name}, which holds {limits.min} to {limits.max}"
        )
    return _random(ops.randint, checked_shape(shape, "randint"), wanted, key, device, low=int(low), high=int(high))
