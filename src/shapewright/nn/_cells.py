"""What layers share that is no layer: a random key of their own, and words for what they hold and take.

What it is not: the cells themselves (`tensor/parameter.py`).
"""

from __future__ import annotations

from typing import Any

from shapewright.tensor.random import Key, chosen_key


def own_key(key: Key | None) -> Key:
    """Give a layer the key that it draws from: a stream of its own, split from `key` or from the process-wide key."""
    return chosen_key(key).split(1)[0]


NOTHING: Any = None
"""The value of an attribute that a layer was told to do without, such as the weight of a norm with affine=False.

The attribute's type stays `Parameter`, so that the many layers that have one need no test for None.
"""

type LastAxis = tuple[int | None, int | None]
"""What a layer says in `_last_axis`: the size of the last axis that it takes, and of the one that it gives.

None is any size, or the same as before. A layer without the attribute says nothing.
"""

SAME: LastAxis = (None, None)
"""The last axis of a layer that takes any and keeps it."""
