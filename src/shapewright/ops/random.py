"""Random numbers from a counter: Philox4x32-10, and the uniform, normal and integer draws made of its bits.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Block i of a
seed is a function of the seed and i alone, 128 bits that every device computes alike; nothing is kept between draws.
These ops have no operands: `value(sizes=, dtype=, seed=, counter=)` makes the array, `counter` is its first block. What
it is not: the bookkeeping of what was drawn (`sw.Key`).
"""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

from shapewright.ops.core import Op, Shape
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = 0x9E3779B9
_WEYL_1 = 0xBB67AE85
_ROUNDS = 10
_LOW = 0xFFFFFFFF
_MASK = np.uint64(_LOW)
_HALF = np.uint64(32)
# Blocks computed at a time: small enough to stay in the processor's cache.
_CHUNK = 8192
# The upper half of the counter of blocks that make new seeds; draws leave it at 0.
_SPLITTING = 0x53504C4954


def philox4x32(counter: int, count: int, seed: int) -> np.ndarray:
    """Give the blocks `counter` to `counter + count - 1` of `seed` as an array ``[count, 4]`` of 32-bit words.

    Raises:
        ArgumentError: the lower half of the counter would run over (after 2**64 blocks).
    """
    low, high = counter & 0xFFFFFFFFFFFFFFFF, counter >> 64
    if low + count > 2**64:
        raise ArgumentError(
            "this key has given all of its 2**64 blocks of random bits", hint="sw.Key with another seed"
        )
    words = np.empty((count, 4), dtype=np.uint32)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        index = np.arange(stop - start, dtype=np.uint64) + np.uint64(low + start)
        _rounds(index & _MASK, index >> _HALF, high & _LOW, high >> 32, seed, words[start:stop])
    return words


def _rounds(c0: Any, c1: Any, high0: int, high1: int, seed: int, out: np.ndarray) -> None:
    c2: Any = np.full_like(c0, high0)
    c3: Any = np.full_like(c0, high1)
    k0, k1 = seed & _LOW, seed >> 32 & _LOW
    for _ in range(_ROUNDS):
        p0 = c0 * _MULTIPLIER_0
        p1 = c2 * _MULTIPLIER_1
        c0 = (p1 >> _HALF) ^ c1 ^ np.uint64(k0)
        c2 = (p0 >> _HALF) ^ c3 ^ np.uint64(k1)
        c1 = p1 & _MASK
        c3 = p0 & _MASK
        k0 = k0 + _WEYL_0 & _LOW
        k1 = k1 + _WEYL_1 & _LOW
    for place, word in enumerate((c0, c1, c2, c3)):
        out[:, place] = word


def random_blocks(count: int, dtype: type[DType]) -> int:
    """Give the number of blocks that a draw of `count` elements of this type uses up."""
    return -(-count * _words(dtype) // 4)


def split_seed(seed: int, position: int) -> int:
    """Give a new 64-bit seed that depends on a seed and a position, from blocks that no draw uses."""
    words = philox4x32(position & 0xFFFFFFFFFFFFFFFF | _SPLITTING << 64, 1, seed)[0]
    return int(words[0]) << 32 | int(words[1])


def _words(dtype: type[DType]) -> int:
    """32-bit words an element is made of: two for f64 and for every integer, else one."""
    return 1 if dtype.is_floating and dtype.itemsize < 8 else 2


def _bits(count: int, dtype: type[DType], seed: int, counter: int) -> np.ndarray:
    """Give one unsigned number for each element: 64 random bits where two words go into it, else 32."""
    words = philox4x32(counter, random_blocks(count, dtype), seed).reshape(-1)
    if _words(dtype) == 1:
        return words
    pairs = words.astype(np.uint64).reshape(-1, 2)
    return pairs[:, 0] << _HALF | pairs[:, 1]


def _drawn_shape(*, sizes: Shape, **_: Any) -> Shape:
    return sizes


def _drawn_dtype(*, dtype: type[DType], **_: Any) -> type[DType]:
    return dtype


def _drawing(name: str, value: Any) -> Op:
    return Op(name, shape=_drawn_shape, value=value, dtype=_drawn_dtype, operands=(), exact=True)


# ---- uniform --------------------------------------------------------------------------------------------------------
def _uniform_value(*, sizes: Shape, dtype: type[DType], seed: int, counter: int) -> np.ndarray:
    count = math.prod(sizes)
    bits = _bits(count, dtype, seed, counter)[:count]
    if dtype.itemsize == 8:
        return ((bits >> np.uint64(11)) * 2.0**-53).reshape(sizes)
    numbers = (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return _rounded_down(numbers, dtype).reshape(sizes)


def _rounded_down(numbers: np.ndarray, dtype: type[DType]) -> np.ndarray:
    """Round numbers from 0 to 1 towards 0, so that none becomes 1."""
    if dtype.numpy == ml_dtypes.bfloat16:
        # Its bits are the upper half of those of f32.
        return (numbers.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32).astype(dtype.numpy)
    if dtype.numpy == np.float16:
        near = numbers.astype(np.float16)
        return np.where(near.astype(np.float32) > numbers, np.nextafter(near, np.float16(0)), near)
    return numbers


uniform = _drawing("uniform", _uniform_value)
"""Numbers from [0, 1), all multiples of 2**-24 (f64: 2**-53) alike; 16-bit floats are these rounded down.

PyTorch: ``torch.rand``.
"""


# ---- normal ---------------------------------------------------------------------------------------------------------
def _normal_value(*, sizes: Shape, dtype: type[DType], seed: int, counter: int) -> np.ndarray:
    count = math.prod(sizes)
    bits = _bits(count, dtype, seed, counter)
    if dtype.itemsize == 8:
        fraction = (bits >> np.uint64(11)) * 2.0**-53
        step = 2.0**-53
    else:
        fraction = bits * 2.0**-32
        step = 2.0**-32
    # From (0, 1], so that the logarithm is finite.
    radius = np.sqrt(-2.0 * np.log(fraction[0::2] + step))
    angle = fraction[1::2] * (2.0 * math.pi)
    result = np.empty(fraction.size)
    result[0::2] = radius * np.cos(angle)
    result[1::2] = radius * np.sin(angle)
    return result[:count].astype(dtype.numpy).reshape(sizes)


normal = _drawing("normal", _normal_value)
"""Numbers from the normal distribution of mean 0 and variance 1 (G. E. P. Box, M. E. Muller 1958).

Computed in f64 and rounded once: devices agree within 1 unit in the last place of f32 (f64: 4). The largest possible is
6.7 (f64: 8.6). PyTorch: ``torch.randn``.
"""


# ---- integers -------------------------------------------------------------------------------------------------------
def _high_half(bits: np.ndarray, factor: int) -> np.ndarray:
    """Give the upper 64 bits of the 128-bit product, by halves."""
    low, high = np.uint64(factor & _LOW), np.uint64(factor >> 32)
    x0, x1 = bits & _MASK, bits >> _HALF
    middle = x1 * low + (x0 * low >> _HALF)
    other = x0 * high + (middle & _MASK)
    return x1 * high + (middle >> _HALF) + (other >> _HALF)


def _randint_value(*, sizes: Shape, dtype: type[DType], seed: int, counter: int, low: int, high: int) -> np.ndarray:
    if low >= high:
        raise ArgumentError(f"there is no integer from {low} to {high} - 1", hint="low < high")
    count = math.prod(sizes)
    bits = _bits(count, dtype, seed, counter)[:count]
    above = _high_half(bits, high - low) if high - low < 2**64 else bits
    return (above + np.uint64(low & 0xFFFFFFFFFFFFFFFF)).view(np.int64).astype(dtype.numpy).reshape(sizes)


randint = _drawing("randint", _randint_value)
"""Integers from ``low`` to ``high - 1``: 64 random bits times their number, the upper half kept (D. Lemire 2019).

No integer is more likely than another by more than one part in 2**64 / (high - low). PyTorch: ``torch.randint``.
"""


def _random_bits_value(*, sizes: Shape, dtype: type[DType], seed: int, counter: int) -> np.ndarray:
    count = math.prod(sizes)
    return _bits(count, dtype, seed, counter)[:count].astype(dtype.numpy).reshape(sizes)


random_bits = _drawing("random_bits", _random_bits_value)
"""Integers all of whose bits are random. JAX: ``jax.random.bits``."""
