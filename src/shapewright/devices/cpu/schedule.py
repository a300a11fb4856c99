"""The order in which kernels run: each after those it needs.

What it is not: the choice of kernels (`fusion.py`), or the order of elements (`order.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fusion import Kernel

# Elements that are no work worth speaking of.
_FEW = 16


def ordered(kernels: Iterable[Kernel]) -> list[Kernel]:
    """Put kernels into an order in which each comes after those it needs, otherwise as they were made.

    Work on a few numbers goes first as soon as it can: what waits for it need not.
    """
    kernels = list(kernels)
    missing = 0
    for kernel in kernels:
        missing |= 1 << kernel.number
    # Those that can run, small ones and others apart; the rest stand with one of the kernels they wait for.
    small: list[int] = []
    large: list[int] = []
    behind: dict[int, list[int]] = {}

    def sort_in(place: int) -> None:
        kernel = kernels[place]
        waits = kernel.before & missing
        if waits:
            # The last made is the likeliest to end last, so few are looked at twice.
            behind.setdefault(waits.bit_length() - 1, []).append(place)
        else:
            heappush(small if math.prod(kernel.sizes) <= _FEW else large, place)

    for place in range(len(kernels)):
        sort_in(place)
    order: list[Kernel] = []
    while small or large:
        chosen = kernels[heappop(small or large)]
        order.append(chosen)
        missing &= ~(1 << chosen.number)
        for place in behind.pop(chosen.number, ()):
            sort_in(place)
    assert len(order) == len(kernels), "kernels wait for each other"
    return order
