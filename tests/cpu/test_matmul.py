"""Matrix products as native code, against NumPy in f64. What it is not: a measurement (`bench/matmul.py`).

Operands and scratch memory end at pages which nobody may touch, and results are poisoned with NaN before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from shapewright.devices.cpu import machine
from shapewright.devices.cpu.ir import BF16, F16, F32, F64, Module, Register
from shapewright.devices.cpu.matmul import Block, Epilogue, Operand, Problem, make_plan, write_matmul
from shapewright.devices.cpu.threads import Pool
from tests.cpu.guarded import Guarded

NUMPY = {F32: np.dtype("f4"), F64: np.dtype("f8"), F16: np.dtype("f2"), BF16: np.dtype(ml_dtypes.bfloat16)}
# Half the distance from 1 to the next number.
ROUNDING = {F32: 2.0**-24, F64: 2.0**-53, F16: 2.0**-11, BF16: 2.0**-8}
SIZES = [(1, 1, 1), (1, 17, 33), (17, 1, 37), (2, 40, 67), (4, 5, 3), (13, 31, 29), (29, 67, 41), (61, 65, 97)]
EMPTY = [(0, 3, 4), (3, 0, 4), (3, 4, 0)]
# So that products need not be large to be cut into blocks.
SMALL_CACHES = replace(machine.select_target(), level1_bytes=4096, level2_bytes=32768)
rng = np.random.default_rng(5)


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[int, Pool]]:
    made = {count: Pool(count) for count in (1, 2, 3, 5)}
    yield made
    for pool in made.values():
        pool.stop()


def numbers(shape: Sequence[int], kind: str) -> npt.NDArray:
    return rng.standard_normal(shape).astype(NUMPY[kind])


def operand(kind: str, view: npt.NDArray) -> Operand:
    *batch, row, column = (stride // view.itemsize for stride in view.strides)
    return Operand(kind, row, column, tuple(batch))


class Case:
    """A product of views of guarded arrays. The last axes of `a`, `b` and `c` are those of the matrices."""

    def __init__(
        self,
        a: npt.NDArray,
        b: npt.NDArray,
        c: npt.NDArray,
        kinds: tuple[str, str, str],
        *,
        bases: tuple[npt.NDArray, npt.NDArray, npt.NDArray],
        **options: Any,
    ) -> None:
        self.a, self.b, self.c = a, b, c
        self.bases = bases
        compute = F64 if F64 in kinds else F32
        self.problem = Problem(
            m=c.shape[-2],
            n=c.shape[-1],
            k=a.shape[-1],
            a=operand(kinds[0], a),
            b=operand(kinds[1], b),
            c=operand(kinds[2], c),
            batch=c.shape[:-2],
            compute=compute,
            **options,
        )
        self.kinds = kinds

    def run(
        self,
        pool: Pool,
        *,
        target: machine.Target | None = None,
        epilogue: Epilogue | None = None,
        extra: Sequence[npt.NDArray] = (),
        **options: bool,
    ) -> npt.NDArray:
        """Give C as f64."""
        chosen = target or machine.select_target()
        options["is_slow"] = epilogue is not None and epilogue.slow
        plan = make_plan(self.problem, chosen, pool.count, has_epilogue=epilogue is not None, **options)
        module = Module()
        write_matmul(module, "product", plan, epilogue=epilogue)
        code = machine.compile_module(module.text(), target=chosen, use_cache=False)
        scratch = Guarded(np.full((plan.scratch_bytes + 63) // 64 * 64, 0xFF, np.uint8))
        pointers = [address(x) for x in (self.a, self.b, self.c)] + [scratch.address] + [address(x) for x in extra]
        table = np.array(pointers, np.uint64)
        pool.run(code.address("product"), table.ctypes.data)
        return self.c.astype(np.float64)

    def check(self, got: npt.NDArray, want: npt.NDArray | None = None, operands: str | None = None) -> None:
        """Compare with NumPy, within the bound of sums of k products in any order (Higham 2002, section 3.1)."""
        left, right = self.a.astype(np.float64), self.b.astype(np.float64)
        if operands == BF16:
            left, right = (x.astype(np.float32).astype(NUMPY[BF16]).astype(np.float64) for x in (left, right))
        exact = left @ right if want is None else want
        magnitude = np.abs(left) @ np.abs(right) + np.abs(exact)
        compute = ROUNDING[F64 if F64 in self.kinds else F32]
        bound = (self.problem.k + 3) * compute * magnitude + ROUNDING[self.kinds[2]] * np.abs(exact) * 1.01
        assert got.shape == exact.shape
        wrong = ~(np.abs(got - exact) <= bound)
        assert not wrong.any(), (np.argwhere(wrong)[:3], got[wrong][:3], exact[wrong][:3])


def address(view: npt.NDArray) -> int:
    return view.__array_interface__["data"][0]


def case(
    m: int,
    n: int,
    k: int,
    kind: str = F32,
    *,
    turn: tuple[bool, bool, bool] = (False, False, False),
    batch: tuple[int, ...] = (),
    result: str | None = None,
    at_end: bool = True,
    **options: Any,
) -> Case:
    """Make a product of matrices that lie row by row, or, where `turn` says so, column by column."""
    result = result or kind
    views, bases = [], []
    for shape, turned, type_ in zip(((m, k), (k, n), (m, n)), turn, (kind, kind, result), strict=True):
        stored = (*batch, *(reversed(shape) if turned else shape))
        values = numbers(stored, type_)
        if len(views) == 2 and not options.get("accumulate"):
            values = np.full(stored, np.nan, NUMPY[type_])
        base = Guarded(values, at_end=at_end)
        bases.append(base)
        views.append(base.array.swapaxes(-1, -2) if turned else base.array)
    return Case(*views, (kind, kind, result), bases=tuple(bases), **options)


TURNS = [(a, b, False) for a in (False, True) for b in (False, True)] + [(False, True, True), (True, False, True)]


@pytest.mark.parametrize("kind", [F32, F64, F16, BF16])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_transpositions(size: tuple[int, int, int], kind: str, pools: dict[int, Pool]) -> None:
    for i, turn in enumerate(TURNS if kind == F32 else TURNS[:4]):
        product = case(*size, kind, turn=turn, at_end=i % 2 == 0)
        product.check(product.run(pools[1 + i % 2]))


@pytest.mark.parametrize("size", EMPTY, ids=str)
def test_sizes_of_zero(size: tuple[int, int, int], pools: dict[int, Pool]) -> None:
    for threads in (1, 2):
        product = case(*size)
        product.check(product.run(pools[threads]))
    added = case(*size, accumulate=True)
    before = added.c.astype(np.float64)
    assert np.array_equal(added.run(pools[2]), before)


@pytest.mark.parametrize("name", machine.available())
@pytest.mark.parametrize("kind", [F32, F64, F16, BF16])
def test_each_set_of_instructions(kind: str, name: str, pools: dict[int, Pool]) -> None:
    for size in ((1, 23, 45), (3, 37, 70), (31, 43, 51)):
        for turn in TURNS[:4]:
            product = case(*size, kind, turn=turn)
            product.check(product.run(pools[1], target=machine.select_target(name)))


@pytest.mark.parametrize("threads", [2, 3, 5])
@pytest.mark.parametrize("size", [(1, 129, 40), (64, 10, 50), (150, 7, 33), (7, 200, 33), (83, 130, 45)], ids=str)
def test_threads(size: tuple[int, int, int], threads: int, pools: dict[int, Pool]) -> None:
    for turn in ((False, False, False), (True, True, False)):
        product = case(*size, turn=turn)
        product.check(product.run(pools[threads]))


@pytest.mark.parametrize("kind", [F32, BF16])
@pytest.mark.parametrize("turn", TURNS[:4], ids=str)
def test_many_blocks(turn: tuple[bool, bool, bool], kind: str, pools: dict[int, Pool]) -> None:
    """Sums wait between blocks of k: in C, or in scratch memory where C is bf16 or turned. B has several blocks."""
    for threads, size in ((1, (31, 300, 331)), (2, (67, 389, 363)), (2, (200, 70, 331))):
        product = case(*size, kind, turn=turn)
        plan = make_plan(product.problem, SMALL_CACHES, threads)
        assert plan.k_blocks > 2 and plan.partial_in_c == (kind == F32 and not plan.flips)
        assert plan.block_panels < plan.panels or plan.panels <= 4
        product.check(product.run(pools[threads], target=SMALL_CACHES))


@pytest.mark.parametrize("kind", [F32, F64, BF16])
@pytest.mark.parametrize("name", machine.available())
def test_few_rows_of_activations_beside_a_large_weight(name: str, kind: str, pools: dict[int, Pool]) -> None:
    """Turning the activations costs less than turning the weight: tiles are turned back, whatever their sizes are."""
    small = replace(machine.select_target(name), level1_bytes=4096, level2_bytes=32768)
    for threads, size, batch in ((2, (16, 301, 147), ()), (1, (32, 150, 70), (2,)), (3, (31, 161, 140), ())):
        for accumulate in (False, True):
            product = case(*size, kind, turn=(False, True, False), batch=batch, accumulate=accumulate)
            # With narrow vectors, rounding the weight's rows for each of them may cost what turning it does.
            assert make_plan(product.problem, small, threads).flips or kind == BF16
            want = product.a.astype(np.float64) @ product.b.astype(np.float64)
            want += product.c.astype(np.float64) if accumulate else 0
            product.check(product.run(pools[threads], target=small), want)
        if kind == F32:
            m, n, _ = size
            product = case(*size, kind, turn=(False, True, False), batch=batch)
            epilogue, kinds = residual_and_bias(m, n, batch)
            epilogue = Epilogue((epilogue.key, "flips"), epilogue.emit, 3, reads=tuple(enumerate(kinds)))
            read, want = residual_numbers(product, m, n, batch)
            extra = [each.array for each in read]
            product.check(product.run(pools[threads], target=small, epilogue=epilogue, extra=extra), want)


def test_long_matrix_and_few_rows(pools: dict[int, Pool]) -> None:
    product = case(2, 553, 331)
    assert make_plan(product.problem, SMALL_CACHES, 2).k_blocks > 40
    product.check(product.run(pools[2], target=SMALL_CACHES))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_batch(threads: int, pools: dict[int, Pool]) -> None:
    for batch in ((5,), (2, 3), (0,), (3, 1)):
        for turn in TURNS[:4]:
            product = case(9, 21, 13, turn=turn, batch=batch)
            product.check(product.run(pools[threads]))


@pytest.mark.parametrize("threads", [1, 2])
def test_views(threads: int, pools: dict[int, Pool]) -> None:
    """Heads of attention that lie beside each other, a matrix for all of a batch, steps, reversed and repeated rows."""
    tokens, heads, width = 19, 3, 11
    queries, keys = (Guarded(numbers((2, tokens, heads * width), F32)) for _ in range(2))
    scores = Guarded(np.full((2, heads, tokens, tokens), np.nan, np.float32))
    split = [x.array.reshape(2, tokens, heads, width).transpose(0, 2, 1, 3) for x in (queries, keys)]
    product = Case(split[0], split[1].swapaxes(-1, -2), scores.array, (F32, F32, F32), bases=(queries, keys, scores))
    product.check(product.run(pools[threads]))

    values = Guarded(np.full((2, tokens, heads * width), np.nan, np.float32))
    there = values.array.reshape(2, tokens, heads, width).transpose(0, 2, 1, 3)
    product = Case(scores.array, split[1], there, (F32, F32, F32), bases=(scores, keys, values))
    product.check(product.run(pools[threads]))

    one = Guarded(numbers((23, 31), F32))
    many = Guarded(numbers((4, 17, 23), F32))
    result = Guarded(np.full((4, 17, 31), np.nan, np.float32))
    shared = np.broadcast_to(one.array, (4, 23, 31))
    product = Case(many.array, shared, result.array, (F32, F32, F32), bases=(many, one, result))
    product.check(product.run(pools[threads]))

    for kind in (F32, BF16):
        left, right = Guarded(numbers((34, 92), kind)), Guarded(numbers((69, 93), kind))
        result = Guarded(np.full((34, 62), np.nan, NUMPY[kind]))
        a, b, c = left.array[::2, ::-4], right.array[::3, 2::3], result.array[::-2, ::2]
        product = Case(a, b, c, (kind, kind, kind), bases=(left, right, result))
        product.check(product.run(pools[threads]))
        repeated = np.broadcast_to(left.array[:1, :23], (17, 23))
        product = Case(repeated, b, c, (kind, kind, kind), bases=(left, right, result))
        product.check(product.run(pools[threads]))


@pytest.mark.parametrize("kinds", [(BF16, BF16, F32), (F32, BF16, F32), (F16, F32, BF16), (F32, F64, F64)], ids=str)
def test_mixed_types(kinds: tuple[str, str, str], pools: dict[int, Pool]) -> None:
    for m, n, k in ((3, 20, 35), (30, 41, 53)):
        for right_turned in (False, True):
            a, b = Guarded(numbers((m, k), kinds[0])), Guarded(numbers((n, k) if right_turned else (k, n), kinds[1]))
            c = Guarded(np.full((m, n), np.nan, NUMPY[kinds[2]]))
            view = b.array.T if right_turned else b.array
            product = Case(a.array, view, c.array, kinds, bases=(a, b, c))
            product.check(product.run(pools[2]))


@pytest.mark.parametrize("name", machine.available())
def test_operands_rounded_to_bf16(name: str, pools: dict[int, Pool]) -> None:
    for size in ((2, 19, 40), (33, 47, 75)):
        for turn in TURNS[:4]:
            product = case(*size, turn=turn, rounded=True)
            product.check(product.run(pools[2], target=machine.select_target(name)), operands=BF16)


@pytest.mark.parametrize("kinds", [(BF16, F32, F32), (F32, BF16, F32), (BF16, F32, BF16)], ids=str)
def test_one_operand_rounded_where_the_other_is_bf16(kinds: tuple[str, str, str], pools: dict[int, Pool]) -> None:
    """Activations of bf16 and weights of f32, in every transposition."""
    for m, n, k in ((1, 20, 35), (3, 20, 35), (30, 41, 53)):
        for left_turned, right_turned, _ in TURNS[:4]:
            a = Guarded(numbers((k, m) if left_turned else (m, k), kinds[0]))
            b = Guarded(numbers((n, k) if right_turned else (k, n), kinds[1]))
            c = Guarded(np.full((m, n), np.nan, NUMPY[kinds[2]]))
            views = (a.array.T if left_turned else a.array, b.array.T if right_turned else b.array, c.array)
            product = Case(*views, kinds, bases=(a, b, c), rounded=True)
            product.check(product.run(pools[2]), operands=BF16)


@pytest.mark.parametrize("kind", [F32, BF16])
def test_added_to_what_is_there(kind: str, pools: dict[int, Pool]) -> None:
    for size in ((3, 33, 50), (40, 61, 300)):
        for turn in ((False, False, False), (False, True, True)):
            product = case(*size, kind, turn=turn, accumulate=True)
            want = product.c.astype(np.float64) + product.a.astype(np.float64) @ product.b.astype(np.float64)
            product.check(product.run(pools[2], target=SMALL_CACHES), want)


# ---- epilogues ------------------------------------------------------------------------------------------------------
def residual_and_bias(m: int, n: int, batch: tuple[int, ...]) -> tuple[Epilogue, list[Operand]]:
    """max(sum + bias of the column + scale of the row * residual, 0)"""
    count = len(batch)
    strides = [m * n * int(np.prod(batch[i + 1 :])) for i in range(count)]
    bias, scale = Operand(F32, 0, 1, (0,) * count), Operand(F64, 1, 0, (0,) * count)
    residual = Operand(BF16, n, 1, tuple(strides))

    def emit(block: Block, values: list[Register]) -> list[Register]:
        f = block.function
        columns, rows, others = (
            block.read(pointer, kind) for pointer, kind in zip(block.pointers, (bias, scale, residual), strict=True)
        )
        sums = [v + c + r * o for v, c, r, o in zip(values, columns, rows, others, strict=True)]
        return [f.select(v.compare("gt", 0.0), v, 0.0) for v in sums]

    return Epilogue(("residual", m, n, batch), emit, pointers=3), [bias, scale, residual]


def residual_numbers(product: Any, m: int, n: int, batch: tuple[int, ...]) -> tuple[list[Guarded], np.ndarray]:
    """What `residual_and_bias` reads, and what it then makes of a product."""
    bias, scale = Guarded(numbers((n,), F32)), Guarded(numbers((m,), F64))
    residual = Guarded(numbers((*batch, m, n), BF16))
    want = product.a.astype(np.float64) @ product.b.astype(np.float64) + bias.array
    want = np.maximum(want + scale.array[:, None] * residual.array.astype(np.float64), 0)
    return [bias, scale, residual], want


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_epilogue(threads: int, wide: bool, pools: dict[int, Pool]) -> None:
    for size, batch in (((1, 30, 40), ()), ((30, 1, 40), ()), ((29, 45, 40), (3,)), ((41, 37, 201), ())):
        for turn in ((False, False, False), (True, True, False), (False, False, True)):
            m, n, _ = size
            product = case(*size, turn=turn, batch=batch)
            epilogue, kinds = residual_and_bias(m, n, batch)
            epilogue = Epilogue((epilogue.key, wide), epilogue.emit, 3, wide, reads=tuple(enumerate(kinds)))
            read, want = residual_numbers(product, m, n, batch)
            extra = [each.array for each in read]
            product.check(product.run(pools[threads], target=SMALL_CACHES, epilogue=epilogue, extra=extra), want)


@pytest.mark.parametrize("name", machine.available())
@pytest.mark.parametrize("threads", [1, 3])
def test_epilogue_that_waits_for_the_next_tile(threads: int, name: str, pools: dict[int, Pool]) -> None:
    """Roots and quotients of one tile are computed between the rounds of the next; the last ones by themselves."""
    target = machine.select_target(name)
    for size, batch in (((26, 131, 20), ()), ((14, 64, 40), (3,)), ((67, 200, 33), ()), ((5, 96, 17), (2, 2))):
        for turn in ((False, False, False), (True, True, False), (False, False, True)):
            m, n, _ = size
            product = case(*size, turn=turn, batch=batch)
            epilogue, kinds = residual_and_bias(m, n, batch)
            epilogue = replace(epilogue, key=(epilogue.key, "slow"), slow=True, reads=tuple(enumerate(kinds)))
            plan = make_plan(product.problem, target, threads, has_epilogue=True, is_slow=True)
            assert plan.delays == (target.registers == 32 and plan.panels > 1)
            read, want = residual_numbers(product, m, n, batch)
            extra = [each.array for each in read]
            product.check(product.run(pools[threads], target=target, epilogue=epilogue, extra=extra), want)


@pytest.mark.parametrize("name", machine.available())
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_that_read_the_rows_they_write(threads: int, name: str, pools: dict[int, Pool]) -> None:
    """Where B changes from run to run, each thread has a part of the sums over k, and then ends a part of C."""
    target = machine.select_target(name)
    # Without masks, rows of B that end inside a vector are copied.
    columns = 131 if target.has_masks else 136
    for m, n, k in ((20, columns, 300), (1, 96, 193), (61, columns, 421), (17, 24, 66 * threads)):
        for kind, turn in ((F32, (False, False, False)), (F64, (True, False, False))):
            for accumulate in (False, True):
                product = case(m, n, k, kind, turn=turn, accumulate=accumulate)
                plan = make_plan(product.problem, target, threads, b_changes=True)
                assert plan.shares_k
                assert not make_plan(product.problem, target, threads).shares_k
                want = product.a.astype(np.float64) @ product.b.astype(np.float64)
                want += product.c.astype(np.float64) if accumulate else 0
                product.check(product.run(pools[threads], target=target, b_changes=True), want)
        for wide in (False, True):
            product = case(m, n, k)
            epilogue, kinds = residual_and_bias(m, n, ())
            epilogue = Epilogue((epilogue.key, wide), epilogue.emit, 3, wide, reads=tuple(enumerate(kinds)))
            read, want = residual_numbers(product, m, n, ())
            extra = [each.array for each in read]
            got = product.run(pools[threads], target=target, epilogue=epilogue, extra=extra, b_changes=True)
            product.check(got, want)


def test_epilogue_that_stores_elsewhere(pools: dict[int, Pool]) -> None:
    """A step of plain gradient descent: the gradient goes from registers into the parameter, and C stays as it is."""
    m, n, k = 50, 35, 230
    product = case(m, n, k, turn=(True, False, False))
    place = Operand(F32, n, 1)

    def descend(block: Block, values: list[Register]) -> None:
        old = block.read(block.pointers[0], place)
        block.write(block.pointers[0], place, [p - g * 0.5 for p, g in zip(old, values, strict=True)])

    parameter = Guarded(numbers((m, n), F32))
    want = parameter.array - 0.5 * (product.a.astype(np.float64) @ product.b.astype(np.float64))
    epilogue = Epilogue("descend", descend, pointers=1)
    product.run(pools[2], target=SMALL_CACHES, epilogue=epilogue, extra=[parameter.array])
    assert np.isnan(product.c).all()
    product.check(parameter.array.astype(np.float64), want)


# ---- plans ----------------------------------------------------------------------------------------------------------
def test_equal_kernels_are_written_once() -> None:
    plan = make_plan(case(64, 64, 64).problem, machine.select_target(), 1)
    module = Module()
    write_matmul(module, "first", plan)
    functions = len(module.functions)
    write_matmul(module, "second", plan)
    assert len(module.functions) == functions + 1


def test_threads_share_the_work_evenly() -> None:
    target = machine.select_target()
    for m, n in ((64, 512), (512, 64), (2048, 384), (2048, 65)):
        plan = make_plan(case(m, n, 8).problem, target, 2)
        along_batch, along_m, along_n = plan.grid
        assert along_batch * along_m * along_n == 2
