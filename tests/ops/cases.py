"""The table of all ops: how each is called, on which inputs, and what PyTorch calls it.

The tests of this folder go through it, and so does `tests/torch_values.py`, which runs under Python 3.11 with NumPy and
PyTorch alone; so nothing of shapewright is imported here. What it is not: bad input (`test_errors.py`).
"""

from __future__ import annotations

# Each family adds its rows where it is imported.
from . import cases_elementwise, cases_movement, cases_pairs, cases_products, cases_reductions
from .table import CASES, Case

__all__ = ["CASES", "Case", "cases_elementwise", "cases_movement", "cases_pairs", "cases_products", "cases_reductions"]
