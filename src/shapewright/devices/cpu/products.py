"""Matrix products as kernels: which rows and columns an operand's axes are, and the product of integers.

What it is not: the kernels of floating point products (`matmul.py`).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from shapewright import ops
from shapewright.graph import Operation, Variable
from shapewright.ops.activations import gelu_slope
from shapewright.ops.checks import class_labels, probabilities
from shapewright.ops.precision import PRODUCTS, matmul_in_bf16
from shapewright.shapes.dtypes import bool_

from . import ir
from .access import Access, row_major
from .blocking import Problem, make_plan
from .elements import emit, in_memory, in_register, register_type
from .elementwise import round_to
from .fusion import Kernel
from .matmul import emit_matmul
from .special import Site
from .tiles import Block, Epilogue, Operand


def product(site: Site) -> None:
    """Write `a @ b` in any of its rank combinations."""
    a, b = site.operation.operands
    left, right = site.kernel.leaves[a], site.kernel.leaves[b]
    result = site.result
    sizes = result.spec.sizes
    # Vectors become matrices of one row or column, whose axis is not in the result.
    left_sizes, left_strides = left.sizes, left.strides
    right_sizes, right_strides = right.sizes, right.strides
    if len(left_sizes) == 1:
        left_sizes, left_strides = (1, *left_sizes), (0, *left_strides)
        sizes = (*sizes[:-1], 1, sizes[-1]) if len(right_sizes) > 1 else (1, *sizes)
    if len(right_sizes) == 1:
        right_sizes, right_strides = (*right_sizes, 1), (*right_strides, 0)
        sizes = (*sizes, 1)
    m, k, n = left_sizes[-2], left_sizes[-1], right_sizes[-1]
    batch = tuple(sizes[:-2])
    if not result.spec.dtype.is_floating:
        _of_integers(site, a, b, left_sizes, right_sizes, batch, m, k, n)
        return
    merged = _rows_merged(left, len(left.sizes) - 1) if len(right_sizes) == 2 and batch else None
    if merged is not None and len(left.sizes) > 1:
        # Matrices of one operand that share the other are one tall matrix.
        m, row = merged
        batch = ()
        first = Operand(_memory(a), row, left_strides[-1])
        second = Operand(_memory(b), right_strides[-2], right_strides[-1])
    else:
        first = Operand(_memory(a), left_strides[-2], left_strides[-1], _batch(left_strides, batch))
        second = Operand(_memory(b), right_strides[-2], right_strides[-1], _batch(right_strides, batch))
    third: Any = Operand(_memory(result), n, 1, row_major((*batch, m, n))[: len(batch)])
    if result in site.kernel.places:
        third = _like_result(site.kernel.places[result], _memory(result), batch, m, n)
    compute = ir.F64 if result.spec.dtype.name == "f64" else ir.F32
    rounded = site.operation.op is matmul_in_bf16 or result.spec.dtype.name == "bf16"
    problem = Problem(m, n, k, first, second, third, batch, compute, rounded=rounded)
    f = site.f
    epilogue, extra = _epilogue(site, batch, m, n) if site.kernel.kind == "product" else (None, [])
    is_slow = epilogue is not None and epilogue.slow
    plan = make_plan(
        problem,
        site.target,
        site.threads,
        has_epilogue=epilogue is not None,
        is_slow=is_slow,
        b_changes=site.kernel.b_changes,
    )
    site.is_shared = True
    pointers = (_start(site, left, a), _start(site, right, b), extra[0] if extra else site.pointer(result))
    emit_matmul(
        f,
        plan,
        pointers,
        site.scratch(plan.scratch_bytes),
        site.thread,
        site.control,
        epilogue=epilogue,
        epilogue_pointers=extra,
    )


# ---- elementwise work on the result ---------------------------------------------------------------------------------
_MAY_FAIL = (ops.floor_divide, ops.remainder, class_labels, probabilities)
# Functions whose code is long: it is written once, in a loop over the rows of a tile.
_LONG = (
    ops.exp, ops.log, ops.tanh, ops.sigmoid, ops.erf, ops.gelu, gelu_slope, ops.silu, ops.softplus, ops.sin, ops.cos,
    ops.elu,
)  # fmt: skip
# Operations that the processor does one after the other.
_SLOW = (ops.div, ops.sqrt, ops.rsqrt, ops.reciprocal)
# So many short operations are written for each row: an optimiser's update is less, and waiting costs it a tenth.
_MANY = 24
_MOST_BUFFERS = 16


def is_product(operation: Operation) -> bool:
    """Whether an operation is a product of floats whose result elementwise work can follow in registers."""
    return (
        operation.op in PRODUCTS
        and operation.result.spec.dtype.is_floating
        and operation.result.spec.count > 0
        and all(len(v.spec.sizes) > 1 for v in operation.variables)
    )


def fits_product(kernel: Kernel, loop: Kernel) -> bool:
    """Whether a product can take the work of a loop over its result."""
    result = kernel.operations[0].result
    (a, b) = kernel.operations[0].operands
    batch, m, n, _ = _extents(kernel, a, b, result)
    if len(loop.leaves) + len(loop.outputs) > _MOST_BUFFERS:
        return False
    for operation in loop.operations:
        for variable in (operation.result, *operation.variables):
            dtype = variable.spec.dtype
            # Types that are computed as the product is: bf16 and f16 are f32 in registers.
            if dtype is not bool_ and register_type(dtype) != register_type(result.spec.dtype):
                return False
        if operation.op in _MAY_FAIL or operation.op is ops.pow:
            return False
    accesses = [access for v, access in loop.leaves.items() if v is not result]
    return all(_like_result(access, ir.F32, batch, m, n) is not None for access in accesses)


def _extents(
    kernel: Kernel, a: Variable, b: Variable, result: Variable
) -> tuple[tuple[int, ...], int, int, tuple[int, int] | None]:
    """Give the batch sizes, rows and columns of a product of matrices, and its rows as one if they are merged."""
    sizes = result.spec.sizes
    left = kernel.leaves[a]
    batch = tuple(sizes[:-2])
    merged = _rows_merged(left, len(left.sizes) - 1) if len(b.spec.sizes) == 2 and batch else None
    if merged is not None:
        return (), merged[0], sizes[-1], merged
    return batch, sizes[-2], sizes[-1], None


def _like_result(access: Access, kind: str, batch: tuple[int, ...], m: int, n: int) -> Operand | None:
    """Give how a tensor of the result's shape lies, as batches of rows and columns, or None if no strides say it."""
    if access.sizes == (*batch, m, n):
        return Operand(kind, access.strides[-2], access.strides[-1], access.strides[:-2])
    rows = _rows_merged(access, len(access.sizes) - 1)
    return None if rows is None else Operand(kind, rows[1], access.strides[-1])


def _epilogue(site: Site, batch: tuple[int, ...], m: int, n: int) -> tuple[Epilogue, list[ir.Register]]:
    """Give the elementwise work of a product's kernel, with the addresses of what it reads and writes."""
    product_, *chain = site.kernel.operations
    inside = {operation.result for operation in chain} | {product_.result}
    used = [v for operation in chain for v in operation.variables if v not in inside]
    reads = [v for v in dict.fromkeys(used) if v in site.kernel.leaves]
    writes = list(site.kernel.outputs)
    operands = {}
    for variable in (*reads, *writes):
        access = site.kernel.leaves[variable] if variable in reads else site.kernel.place(variable)
        operand = _like_result(access, _memory(variable), batch, m, n)
        assert operand is not None
        operands[variable] = operand
    places = {v: i for i, v in enumerate((*writes, *reads))}
    pointers = [site.pointer(v) for v in writes] + [_start(site, site.kernel.leaves[v], v) for v in reads]

    def write(block: Block, rows: list[ir.Register]) -> None:
        f = block.function
        loaded = {v: block.read(block.pointers[places[v]], operands[v]) for v in reads}
        stored: dict[Variable, list[ir.Register]] = {v: [] for v in writes}
        for j, row in enumerate(rows):
            values = {v: in_register(f, vectors[j], v.spec.dtype) for v, vectors in loaded.items()}
            values[product_.result] = round_to(f, row, product_.result.spec.dtype)
            for operation in chain:
                values[operation.result] = emit(f, operation, values, lambda _: None)
            for v in writes:
                stored[v].append(in_memory(f, f.splat(values[v], ir.lanes(row.type)), v.spec.dtype))
        for v, vectors in stored.items():
            block.write(block.pointers[places[v]], operands[v], vectors)

    wide = len(chain) > _MANY or any(operation.op in _LONG for operation in chain)
    slow = not wide and any(operation.op in _SLOW for operation in chain)
    read = tuple([(places[v], operands[v]) for v in reads])
    written = tuple([(places[v], operands[v]) for v in writes])
    return Epilogue((site.name,), write, len(pointers), wide, slow, read, written), pointers


def _memory(variable: Any) -> str:
    return register_type(variable.spec.dtype, memory=True)


def _batch(strides: tuple[int, ...], batch: tuple[int, ...]) -> tuple[int, ...]:
    """Give the strides along the batch axes; an operand without them is the same for all."""
    own = strides[:-2]
    return (*([0] * (len(batch) - len(own))), *own)


def _rows_merged(access: Access, count: int) -> tuple[int, int] | None:
    """Give the size and stride of the first `count` axes walked as one, if one stride does that."""
    axes = [(s, t) for s, t in zip(access.sizes[:count], access.strides[:count], strict=True) if s != 1]
    for (_, outer), (size, inner) in pairwise(axes):
        if outer != inner * size:
            return None
    return math.prod(s for s, _ in axes), axes[-1][1] if axes else 0


def _start(site: Site, access: Access, variable: Any) -> ir.Register:
    pointer = site.pointer(access.buffer)
    return site.f.address(pointer, access.offset, _memory(variable)) if access.offset else pointer


def _of_integers(
    site: Site,
    a: Any,
    b: Any,
    left: tuple[int, ...],
    right: tuple[int, ...],
    batch: tuple[int, ...],
    m: int,
    k: int,
    n: int,
) -> None:
    f = site.f
    zero = f.constant(0, register_type(site.result.spec.dtype))
    with site.each((*batch, m, n)) as indices:
        *outer, row, column = indices
        with f.loop(0, k, carry=[zero]) as loop:
            of_a = (
                [*outer[len(outer) - len(a.spec.sizes) + 2 :], row, loop.counter]
                if len(a.spec.sizes) > 1
                else [loop.counter]
            )
            of_b = (
                [*outer[len(outer) - len(b.spec.sizes) + 2 :], loop.counter, column]
                if len(b.spec.sizes) > 1
                else [loop.counter]
            )
            loop.next(loop.values[0] + site.read(a, of_a) * site.read(b, of_b))
        site.write(loop.values[0], indices, (*batch, m, n))
