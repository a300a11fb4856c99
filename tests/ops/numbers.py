"""Numbers for tests that are the same everywhere: a hash of their place, so no generator's version matters.

Runs with NumPy alone under Python 3.11 too, where the stored values of PyTorch are made.
"""

from __future__ import annotations

import math

import numpy as np


def uniform(shape, seed):
    """Numbers from [0, 1), by SplitMix64 (G. L. Steele, D. Lea, C. H. Flood 2014) of seed and place."""
    place = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(1 + 1_000_003 * seed)
    with np.errstate(over="ignore"):
        z = place * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def real(shape, seed):
    """From -2 to 2."""
    return 4 * uniform(shape, seed) - 2


def positive(shape, seed):
    """From 0.3 to 3."""
    return 0.3 + 2.7 * uniform(shape, seed)


def unit(shape, seed):
    """From -0.7 to 0.7."""
    return 1.4 * uniform(shape, seed) - 0.7


def nonzero(shape, seed):
    """From 0.2 to 2, of both signs."""
    u = uniform(shape, seed)
    return np.where(u < 0.5, -2 + 3.6 * u, 0.2 + 3.6 * (u - 0.5))


def offgrid(shape, seed):
    """From -3 to 4, at least 0.1 away from whole and half numbers."""
    return (
        np.floor(6 * uniform(shape, seed)) - 3 + 0.1 + 0.3 * uniform(shape, seed + 50) + 0.5 * boolean(shape, seed + 51)
    )


def distinct(shape, seed):
    """At least 0.1 apart from each other, in no order."""
    count = math.prod(shape)
    order = np.argsort(uniform((count,), seed))
    places = np.empty(count)
    places[order] = np.arange(count)
    return ((places - count / 2) * 0.13 + 0.05).reshape(shape)


def boolean(shape, seed):
    """True and False."""
    return uniform(shape, seed) < 0.5


def small(shape, seed):
    """Whole numbers from 0 to 4, as floats: with ties, and exact in every element type."""
    return np.floor(uniform(shape, seed) * 5)


def index(size):
    """Indices of an axis of this size."""

    def build(shape, seed):
        return np.floor(uniform(shape, seed) * size).astype(np.int64)

    return build


def these(*numbers, dtype=np.float64):
    """Exactly these numbers, whatever the seed."""

    def build(shape, seed):
        return np.array(numbers, dtype=dtype).reshape(shape)

    return build
