"""`changes`: a count of what has changed about models besides the numbers in their cells.

A program that was recorded before such a change looks whether it concerns it (`tensor/compiled.py`); while the count
stays the same, a call need not look at anything. What it is not: which change it was.
"""

from __future__ import annotations


class Changes:
    """How many attributes of modules were set, and how many modules were converted or moved."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


changes = Changes()
