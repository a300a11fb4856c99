"""Elements between memory and registers: loads, stores, and how a reduction joins them.

In registers, bf16 and f16 are f32 (already rounded to what their type holds) and bool is one bit. What it is not: the
code of operations (`elementwise.py`) or of loops (`loops.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from shapewright import ops
from shapewright.graph import Operation, Variable
from shapewright.ops.comparison import does_not_fit
from shapewright.ops.precision import sum_of_bf16
from shapewright.shapes.dtypes import DType, bf16, bool_, f16, f32, f64, i32, i64, spec, u8

from . import ir
from .elementwise import EMITTERS, convert
from .fusion import COPY

_MEMORY: dict[Any, str] = {
    f64: ir.F64,
    f32: ir.F32,
    bf16: ir.BF16,
    f16: ir.F16,
    i64: ir.I64,
    i32: ir.I32,
    u8: ir.I8,
    bool_: ir.I8,
}
_REGISTER: dict[Any, str] = {
    f64: ir.F64,
    f32: ir.F32,
    bf16: ir.F32,
    f16: ir.F32,
    i64: ir.I64,
    i32: ir.I32,
    u8: ir.I8,
    bool_: ir.I1,
}


def register_type(dtype: type[DType], *, memory: bool = False) -> str:
    """Give the LLVM type of an element in a register, or in memory."""
    return (_MEMORY if memory else _REGISTER)[dtype]


def is_elementwise(operation: Operation) -> bool:
    """Whether there is code for each element of an operation's result from the elements at the same place."""
    return operation.op in EMITTERS and bool(operation.variables)


def emit(
    f: ir.Function, operation: Operation, values: Mapping[Variable, ir.Register], fail: Callable[[ir.Register], None]
) -> ir.Register:
    """Emit the code of an elementwise operation."""
    result = operation.result.spec.dtype
    if operation.op is COPY:
        return values[operation.operands[0]]
    # A Python number is a constant of the type that the tensors beside it have.
    beside = next(v.spec.dtype for v in reversed(operation.variables))
    registers = []
    dtypes: list[type[DType] | None] = []
    for operand in operation.operands:
        if isinstance(operand, Variable):
            registers.append(values[operand])
            dtypes.append(operand.spec.dtype)
        elif not _fits(operand, beside):
            if operation.op not in _COMPARISONS:
                raise does_not_fit(operand, beside.numpy)
            # A number that no element can be is on the same side of all of them.
            zeros = [np.zeros((), beside.numpy) if isinstance(o, Variable) else o for o in operation.operands]
            return f.constant(operation.op.evaluate(zeros, {}, spec((), bool_)).item(), ir.I1)
        else:
            registers.append(f.constant(operand, register_type(beside)))
            dtypes.append(None)
    return EMITTERS[operation.op](f, registers, operation.params, dtypes, result, fail)


_COMPARISONS = (ops.eq, ops.ne, ops.lt, ops.le, ops.gt, ops.ge)


def _fits(number: float, dtype: type[DType]) -> bool:
    """Whether a Python number is within what elements of an integer type can hold."""
    if dtype.numpy.kind not in "iu":
        return True
    limits = np.iinfo(dtype.numpy)
    return int(limits.min) <= number <= int(limits.max)


# ---- memory ---------------------------------------------------------------------------------------------------------
def load(
    f: ir.Function, base: ir.Register, index: Any, stride: int, lanes: int, mask: Any, dtype: type[DType]
) -> ir.Register:
    """Load a vector: element `index` of the walked axis and those after it, `stride` apart; one element if it is 0."""
    kind = _moved_as(dtype)
    if stride == 0:
        value = f.load(base, kind)
    elif lanes == 1:
        value = f.load(f.address(base, index * stride if stride != 1 else index, kind), kind)
    elif stride == 1:
        pointer = f.address(base, index, kind)
        wide = ir.vector(lanes, kind)
        value = f.load(pointer, wide) if mask is None else f.masked_load(pointer, mask, wide)
    else:
        value = f.gather(base, (f.splat(f.lift(index, ir.I64), lanes) + f.iota(lanes)) * stride, kind, mask)
    return _widened(f, value, dtype)


def store(
    f: ir.Function, value: ir.Register, base: ir.Register, index: Any, lanes: int, mask: Any, dtype: type[DType]
) -> None:
    """Store a vector at element `index` and those after it."""
    value = _narrowed(f, f.splat(value, lanes) if lanes > 1 else value, dtype)
    kind = _moved_as(dtype)
    pointer = f.address(base, index, kind)
    if mask is None:
        f.store(value, pointer)
    else:
        f.masked_store(value, pointer, mask)


def _moved_as(dtype: type[DType]) -> str:
    """Give the type an element has on its way: LLVM ends the process over some vectors of bf16, so those are bits."""
    return ir.I16 if dtype is bf16 else register_type(dtype, memory=True)


def _widened(f: ir.Function, value: ir.Register, dtype: type[DType]) -> ir.Register:
    if dtype is bool_:
        return value.compare("ne", 0)
    if dtype is bf16:
        # A bf16 is the upper half of an f32.
        return f.cast("bitcast", f.cast("zext", value, ir.I32) << 16, ir.F32)
    if dtype is f16:
        return f.cast("fpext", value, ir.F32)
    return value


def _narrowed(f: ir.Function, value: ir.Register, dtype: type[DType]) -> ir.Register:
    if dtype is bool_:
        return f.cast("zext", value, ir.I8)
    if dtype is bf16:
        # The value was rounded by the operation that gave it, so the lower half holds nothing (or a NaN's payload).
        return f.cast("trunc", f.cast("bitcast", value, ir.I32) >> 16, ir.I16)
    if dtype is f16:
        return f.cast("fptrunc", value, ir.F16)
    return value


def in_register(f: ir.Function, value: ir.Register, dtype: type[DType]) -> ir.Register:
    """Give an element that was loaded by others, who know floats only, as registers hold it: 16-bit floats are f32."""
    return value.compare("ne", 0) if dtype is bool_ else value


def in_memory(f: ir.Function, value: ir.Register, dtype: type[DType]) -> ir.Register:
    """Give an element as others store it, who know floats only."""
    value = _narrowed(f, value, dtype)
    return f.cast("bitcast", value, ir.BF16) if dtype is bf16 else value


# ---- reductions -----------------------------------------------------------------------------------------------------
SUMS = (ops.sum, sum_of_bf16)
REDUCTIONS = (*SUMS, ops.prod, ops.max, ops.min, ops.any, ops.all)


def is_reduction(operation: Operation) -> bool:
    """Whether an operation is a reduction whose operand may be computed in its loop."""
    return operation.op in REDUCTIONS


def identity(operation: Operation, dtype: type[DType], *, empty: bool = False) -> float:
    """Give the number that changes nothing when it is joined, and is the result over no elements."""
    op = operation.op
    if op in (*SUMS, ops.any):
        # -0.0 + x is x for every x; the sum of nothing is 0.
        return -0.0 if dtype.is_floating and not empty else 0
    if op in (ops.prod, ops.all):
        return 1
    if dtype.is_floating:
        return float("-inf") if op is ops.max else float("inf")
    if dtype is bool_:
        return 0 if op is ops.max else 1
    bits = 8 * dtype.itemsize
    least, most = (0, 2**bits - 1) if dtype is u8 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return least if op is ops.max else most


class _Combine:
    """How a reduction joins elements; `combine(f, operation, a, b)` joins two, lane by lane."""

    def __call__(self, f: ir.Function, operation: Operation, a: ir.Register, b: ir.Register) -> ir.Register:
        op = operation.op
        if op in SUMS:
            return a + b
        if op is ops.prod:
            return a * b
        if op is ops.any:
            return a | b
        if op is ops.all:
            return a & b
        dtype = operation.result.spec.dtype
        emitter = EMITTERS[ops.maximum if op is ops.max else ops.minimum]
        if dtype is bool_:
            return a | b if op is ops.max else a & b
        return emitter(f, [a, b], {}, [dtype, dtype], f32 if dtype in (bf16, f16) else dtype, lambda _: None)

    def prepared(self, f: ir.Function, operation: Operation, value: ir.Register, result: type[DType]) -> ir.Register:
        """Give an element in the type that is joined."""
        (operand,) = operation.variables
        dtype = operand.spec.dtype
        if operation.op in (ops.any, ops.all):
            return value if dtype is bool_ else value.compare("ne", 0)
        return convert(f, value, dtype, result) if dtype is not result else value

    def finished(self, f: ir.Function, operation: Operation, value: ir.Register, result: type[DType]) -> ir.Register:
        """Give the joined elements as they are stored: 16-bit results are rounded once."""
        return convert(f, value, f32, result) if result in (bf16, f16) else value

    def across_lanes(self, f: ir.Function, operation: Operation, value: ir.Register) -> ir.Register:
        """Join the lanes of a vector."""
        count = ir.lanes(value.type)
        while count > 1:
            count //= 2
            low = f.shuffle(value, value, range(count)) if count > 1 else f.extract(value, 0)
            high = f.shuffle(value, value, range(count, 2 * count)) if count > 1 else f.extract(value, 1)
            value = self(f, operation, low, high)
        return value


combine = _Combine()
