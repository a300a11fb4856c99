"""What stands beside a tensor in an operation and is none: Python's and NumPy's numbers, arrays; and NumPy's functions.

What it is not: the tensor's own operators (`operators.py`), or its numbers as an array (`leaving.py`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapewright.ops.core import Op, describe_operand
from shapewright.shapes.errors import ArgumentError

from .operators import Spread

# How an operator is written, and by which method a tensor answers an array or a NumPy number on its left.
_OPERATORS = {
    "add": ("+", "__radd__"),
    "subtract": ("-", "__rsub__"),
    "multiply": ("*", "__rmul__"),
    "divide": ("/", "__rtruediv__"),
    "floor_divide": ("//", "__rfloordiv__"),
    "remainder": ("%", "__rmod__"),
    "power": ("**", "__rpow__"),
    "matmul": ("@", "__rmatmul__"),
    "equal": ("==", "__eq__"),
    "not_equal": ("!=", "__ne__"),
    "less": ("<", "__gt__"),
    "less_equal": ("<=", "__ge__"),
    "greater": (">", "__lt__"),
    "greater_equal": (">=", "__le__"),
    "bitwise_and": ("&", "__rand__"),
    "bitwise_or": ("|", "__ror__"),
    "bitwise_xor": ("^", "__rxor__"),
}
_WRITTEN = {"absolute": "x.abs()", "fabs": "x.abs()", "invert": "~x", "negative": "-x", "rint": "x.round()"}


def answer_ufunc(tensor: Any, ufunc: Any, method: str, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Let operators of arrays and NumPy numbers become the tensor's, and refuse NumPy's functions of tensors.

    Raises:
        ArgumentError: it was no operator.
    """
    name = ufunc.__name__
    symbol, reflected = _OPERATORS.get(name, ("", ""))
    if reflected and method == "__call__" and not options and len(operands) == 2 and operands[1] is tensor:
        operator = getattr(type(tensor), reflected, None)
        if operator is not None and operands[0] is not tensor:
            return operator(tensor, operands[0])
    own = f"x.{name}()" if hasattr(type(tensor), name) else "x.numpy() for what has no operation here"
    raise ArgumentError(
        f"np.{name}: NumPy's functions take arrays, and this is a tensor",
        facts=[("x", describe_operand(tensor))],
        hint=f"x {symbol} y" if symbol else _WRITTEN.get(name, own),
    )


def as_number(op: Op, operand: Any, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Give an operand that is no tensor as a Python number.

    Raises:
        ArgumentError: it is none.
    """
    # NumPy makes its numbers arrays without axes where it compares them.
    if isinstance(operand, np.generic) or (isinstance(operand, np.ndarray) and operand.ndim == 0):
        return operand.item()
    if isinstance(operand, int) and type(operand) is not int:
        return int(operand)
    what, hint = type(operand).__name__, "sw.tensor(...) around it"
    if isinstance(operand, np.ndarray):
        what, hint = "a NumPy array", "sw.from_numpy(array)"
    elif isinstance(operand, Spread):
        what, hint = "m.spread(), which only arithmetic and < <= > >= take", "m.broadcast_like(x)"
    error = ArgumentError(f"an operand is {what}; operands are tensors and Python numbers", hint=hint)
    raise op.explain(error, [o if o is not operand else type(o) for o in operands], params)
