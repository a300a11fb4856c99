"""Every elementwise operation against the op's own meaning: all element types, lanes, Python numbers on either side.

Exact for integers, bools, comparisons and basic arithmetic; elsewhere within some units in the last place of what the
op gives in f64. What it is not: the fusion of operations, or the loops of the engine.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import ops
from shapewright.devices.cpu import ir
from shapewright.devices.cpu.elementwise import EMITTERS, known_number
from shapewright.ops import activations, checks, comparison, precision
from shapewright.ops.core import Op
from shapewright.shapes.dtypes import DType, bf16, bool_, f16, f32, f64, i32, i64, spec, u8
from shapewright.shapes.errors import ArgumentError, DTypeError
from tests.cpu.loops import TARGETS, Compiled, Loop, register_type, units_off

DTYPES = (f64, f32, bf16, f16, i64, i32, u8, bool_)
BEST = TARGETS[-1]
LANES = {BEST: (1, 4, 16)} | {target: (4 if target == "generic" else 8,) for target in TARGETS[:-1]}

# Units in the last place by which these may be off in f32 and f64; 16-bit results by one. All others are exact.
UNITS: dict[Op, float] = {
    ops.exp: 2, ops.expm1: 2, ops.log: 2, ops.log1p: 2, ops.log2: 2, ops.sin: 2, ops.cos: 2, ops.tan: 4, ops.tanh: 2,
    ops.sigmoid: 2, ops.softplus: 2, ops.erf: 3, ops.silu: 3, ops.elu: 3, ops.pow: 2,
}  # fmt: skip
# Off by units of the operand, or of the smallest normal number.
OF_OPERAND = {ops.gelu: 2}
# Off by units of 1.
OF_ONE = {activations.gelu_slope: 2}
# Whether the zero that they give has a sign is not said.
SIGNLESS = (ops.maximum, ops.minimum, ops.relu, ops.clip)

PARAMS: dict[Op, list[dict[str, Any]]] = {
    ops.gelu: [{}, {"approximate": "tanh"}],
    ops.leaky_relu: [{}, {"negative_slope": 0.3}],
    ops.elu: [{}, {"alpha": 0.7}],
    ops.clip: [{"min": -1, "max": 2}, {"min": 1}, {"max": 1000}, {"min": -(2**40), "max": 2**40}],
    ops.nan_to_num: [{}, {"nan": 0.1, "posinf": 3.0, "neginf": -1e30}],
    ops.cast: [{"dtype": dtype} for dtype in DTYPES],
    checks.class_labels: [{"allowed": checks.Labels(100, -1), "called": "nll"}],
}
SCALARS = {True: (0.1, -3, 2), False: (3, 7, 100)}
EXPONENTS = {True: (0, 1, 2, 3, 4, -1, 0.5, -0.5, 2.5, -3), False: (0, 1, 2, 3, 5, 12)}


def elements(dtype: type[DType], seed: int) -> np.ndarray:
    """Numbers of every size that a type has, and its edges."""
    random = np.random.default_rng(seed)
    count = 3000
    if dtype is bool_:
        return random.random(count) < 0.5
    if dtype.is_floating:
        import ml_dtypes

        info = ml_dtypes.finfo(dtype.numpy)
        edges = [
            0,
            1,
            2,
            0.5,
            1.5,
            2.5,
            np.inf,
            np.nan,
            info.max,
            info.tiny,
            info.smallest_subnormal,
            3,
            100,
            88.5,
            7.5,
        ]
        edges = np.array(edges, dtype=np.float64)
        many = [random.normal(size=count), random.uniform(-9, 9, count), np.exp(random.uniform(-20, 20, count // 4))]
        with np.errstate(all="ignore"):
            numbers = np.concatenate([*many, -many[-1], random.integers(-9, 9, count // 4)]).astype(dtype.numpy)
            numbers = np.concatenate([numbers, edges.astype(dtype.numpy), (-edges).astype(dtype.numpy)])
    else:
        info = np.iinfo(dtype.numpy)
        edges = np.array([0, 1, 2, 3, info.max, info.min, info.max - 1, info.min + 1, 100], dtype=dtype.numpy)
        wide = random.integers(info.min, info.max, count, dtype=dtype.numpy, endpoint=True)
        small = random.integers(max(info.min, -20), 20, count).astype(dtype.numpy)
        numbers = np.concatenate([wide, small, edges])
    return random.permutation(numbers)


def operands_of(op: Op, dtype: type[DType]) -> list[np.ndarray]:
    """Arrays of one length for the operands of an op, edges meeting edges."""
    first = elements(dtype, 1)
    if op is ops.where:
        return [elements(bool_, 3)[: first.size].repeat(9)[: first.size], first, elements(dtype, 2)]
    if len(op.operands) == 1:
        return [first]
    second = elements(dtype, 2)
    if dtype is not bool_:
        edges = np.concatenate([first[:40], elements(dtype, 1)[-40:]])
        pairs = np.array(list(itertools.product(range(edges.size), repeat=2)))
        first, second = (
            np.concatenate([first, edges[pairs[:, 0]]]),
            np.concatenate([second, edges[pairs[:, 1]]]),
        )
    return [first, second]


def permitted(op: Op, operands: list[Any], dtype: type[DType], params: dict[str, Any]) -> list[Any]:
    """Leave out what an op refuses, or what no type can hold."""
    arrays = [o for o in operands if isinstance(o, np.ndarray)]
    keep = np.ones(arrays[0].size, dtype=bool)
    divisor = operands[-1]
    if op in (ops.floor_divide, ops.remainder) and not dtype.is_floating and isinstance(divisor, np.ndarray):
        keep = divisor != 0
    if op is ops.pow and not dtype.is_floating and isinstance(divisor, np.ndarray):
        keep = divisor >= 0
    if op is checks.probabilities:
        keep = ~np.isnan(operands[0])
    if op is checks.class_labels:
        keep = (operands[0] >= 0) & (operands[0] < params["allowed"].classes)
    target = params.get("dtype")
    if target is not None and dtype.is_floating and not target.is_floating and target is not bool_:
        with np.errstate(all="ignore"):
            keep = np.abs(operands[0].astype(np.float64)) < 9e18
    return [o[keep] if isinstance(o, np.ndarray) else o for o in operands]


def cases(op: Op, dtype: type[DType]) -> list[tuple[list[Any], dict[str, Any]]]:
    """Give operands and parameters: tensors, and a Python number in the place of each of two."""
    result = []
    for params in PARAMS.get(op, [{}]):
        arrays = operands_of(op, dtype)
        choices: list[list[Any]] = [list(arrays)]
        if len(op.operands) > 1:
            numbers = EXPONENTS if op is ops.pow else SCALARS
            for number in (True, False) if dtype is bool_ else numbers[dtype.is_floating]:
                choices.append([*arrays[:-1], number])
            for number in (True, False) if dtype is bool_ else SCALARS[dtype.is_floating]:
                choices.append([*arrays[:-2], number, arrays[-1]])
        result += [(permitted(op, choice, dtype, params), params) for choice in choices]
    return result


def dtype_of(operand: Any, dtype: type[DType]) -> Any:
    if not isinstance(operand, np.ndarray):
        return type(operand)
    return bool_ if operand.dtype == np.bool_ else dtype


def emitted(op: Op, operands: Sequence[Any], params: dict[str, Any], dtype: type[DType], lanes: int) -> Loop:
    """Give the loop of an op; Python numbers are constants in it."""
    kinds = [dtype_of(o, dtype) for o in operands]
    result = op.dtype(*kinds, **params)

    def code(f: ir.Function, values: list[ir.Register], fail: Any) -> ir.Register:
        rest = iter(values)
        registers, dtypes = [], []
        for operand, kind in zip(operands, kinds, strict=True):
            is_tensor = isinstance(operand, np.ndarray)
            registers.append(next(rest) if is_tensor else f.constant(operand, register_type(dtype)))
            dtypes.append(kind if is_tensor else None)
        return EMITTERS[op](f, registers, params, dtypes, result, fail)

    return Loop(code, [k for o, k in zip(operands, kinds, strict=True) if isinstance(o, np.ndarray)], result, lanes)


def check(op: Op, got: np.ndarray, operands: Sequence[Any], params: dict[str, Any], dtype: type[DType]) -> None:
    """Compare a result with what the op means."""
    result = op.dtype(*[dtype_of(o, dtype) for o in operands], **params)
    shape = got.shape
    arrays = [o for o in operands if isinstance(o, np.ndarray)]

    def at(place: int) -> str:
        return f"{op.name} {dtype.name} {params} of {[o[place] if isinstance(o, np.ndarray) else o for o in operands]}"

    exact_power = op is ops.pow and not dtype.is_floating
    if (op not in UNITS and op not in OF_OPERAND and op not in OF_ONE) or exact_power:
        wanted = op.evaluate(operands, params, spec(shape, result))
        same = (got == wanted) | ((got != got) & (wanted != wanted))
        assert same.all(), f"{at(int(np.argmin(same)))}: {got[np.argmin(same)]}, not {wanted[np.argmin(same)]}"
        if result.is_floating and op not in SIGNLESS:
            signs = (np.signbit(got) == np.signbit(wanted)) | (got != 0)
            assert signs.all(), f"{at(int(np.argmin(signs)))}: the sign of {got[np.argmin(signs)]}"
        return
    # A Python number is rounded to f32 beside f32 and 16-bit floats.
    narrow = float if dtype is f64 else np.float32
    wide = [o.astype(np.float64) if isinstance(o, np.ndarray) else float(narrow(o)) for o in operands]
    wanted = op.evaluate(wide, params, spec(shape, f64))
    tiny = float(np.finfo(np.float64 if result is f64 else np.float32).tiny)
    if op in OF_OPERAND or op in OF_ONE:
        size = np.abs(arrays[0].astype(np.float64))
        finite = np.isfinite(size)
        size = np.where(op in OF_OPERAND, size, 1.0)
        unit = (2.0**-7 if result is bf16 else 2.0**-10 if result is f16 else np.finfo(result.numpy).eps) / 2
        with np.errstate(all="ignore"):
            limit = (OF_OPERAND | OF_ONE)[op] * 2 * unit * np.maximum(size, 4 * tiny) + (
                2.0**-24 if result is f16 else 0
            )
            off = np.where(finite, np.abs(got.astype(np.float64) - wanted) / limit, 0)
        assert np.all(off <= 1), f"{at(int(np.argmax(off)))}: {got[np.argmax(off)]}, not {wanted[np.argmax(off)]}"
        return
    if result in (bf16, f16):
        off, limit = sixteen_units_off(got, wanted, result), 1.0
    else:
        off, limit = units_off(got, wanted), UNITS[op]
    # 0 may stand for what is below the smallest normal number (and be multiplied by x, in silu).
    with np.errstate(all="ignore"):
        off = np.where(np.abs(got.astype(np.float64) - wanted) <= 128 * tiny, 0, off)
    assert np.all(off <= limit), f"{at(int(np.argmax(off)))}: {got[np.argmax(off)]}, not {wanted[np.argmax(off)]}"


def sixteen_units_off(got: np.ndarray, wanted: np.ndarray, dtype: type[DType]) -> np.ndarray:
    """Give by how many units in the last place a 16-bit result differs from the f64 one, rounded."""
    with np.errstate(all="ignore"):
        rounded = wanted.astype(dtype.numpy)
    places = [x.view(np.int16).astype(np.int64) for x in (got, rounded)]
    # In order, as integers: the bits of numbers below 0 count downwards.
    ordered = [np.where(p < 0, -(p & 0x7FFF), p) for p in places]
    both_nan = (got != got) & (rounded != rounded)
    return np.where(both_nan, 0, np.abs(ordered[0] - ordered[1])).astype(np.float64)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("op", EMITTERS, ids=lambda op: op.name)
def test_code_does_what_the_op_means(op: Op, target: str) -> None:
    taken = 0
    for dtype in DTYPES:
        work = [(lanes, *case) for lanes in LANES[target] for case in cases(op, dtype) if takes(op, case, dtype)]
        if not work:
            continue
        taken += 1
        compiled = Compiled([emitted(op, operands, params, dtype, lanes) for lanes, operands, params in work], target)
        for number, (_, operands, params) in enumerate(work):
            got, failed = compiled.run(number, [o for o in operands if isinstance(o, np.ndarray)])
            assert not failed, f"{op.name} {dtype.name} {params}"
            check(op, got, operands, params, dtype)
    assert taken


def takes(op: Op, case: tuple[list[Any], dict[str, Any]], dtype: type[DType]) -> bool:
    operands, params = case
    try:
        op.dtype(*[dtype_of(o, dtype) for o in operands], **params)
    except DTypeError:
        return False
    return True


@pytest.mark.parametrize("lanes", [1, 8])
def test_code_fails_where_the_op_raises(lanes: int) -> None:
    for dtype in (i64, i32, u8):
        fine = np.array([5, 6, 7, 8, 9, 10, 11, 12], dtype=dtype.numpy)
        for op in (ops.floor_divide, ops.remainder):
            divisor = fine.copy()
            divisor[5] = 0
            loop = Compiled([emitted(op, [fine, fine], {}, dtype, lanes)])
            assert loop.run(0, [fine, fine])[1] is False
            assert loop.run(0, [fine, divisor])[1] is True
            assert Compiled([emitted(op, [fine, 0], {}, dtype, lanes)]).run(0, [fine])[1] is True
    for dtype in (i64, i32):
        fine = np.array([5, 6, 7, 8, 9, 10, 11, 12], dtype=dtype.numpy)
        negative = fine.copy()
        negative[3] = -1
        assert Compiled([emitted(ops.pow, [fine, fine], {}, dtype, lanes)]).run(0, [fine, negative])[1] is True
        assert Compiled([emitted(ops.pow, [fine, -1], {}, dtype, lanes)]).run(0, [fine])[1] is True
    allowed = {"allowed": checks.Labels(13, -1), "called": "nll"}
    for wrong in (-1, 13, 2**40):
        fine = np.array([5, 6, 0, 8, 9, 10, 11, 12])
        bad = np.where(fine == 9, wrong, fine)
        loop = Compiled([emitted(checks.class_labels, [fine], allowed, i64, lanes)])
        assert [loop.run(0, [labels])[1] for labels in (fine, bad)] == [False, True]
    for dtype in (f64, f32, bf16, f16):
        numbers = np.array([0.5, 0.25, np.inf, 0, -1, 2, 3, 4], dtype=dtype.numpy)
        loop = Compiled([emitted(checks.probabilities, [numbers], {}, dtype, lanes)])
        got, failed = loop.run(0, [numbers])
        assert not failed
        np.testing.assert_array_equal(got, numbers)
        numbers[6] = np.nan
        assert loop.run(0, [numbers])[1] is True


def test_every_elementwise_op_has_code() -> None:
    """What keeps its operands' shape, and merges their names, computes each element from those at its place."""
    modules = [ops, activations, checks, comparison, precision]
    found = {value for module in modules for _, value in inspect.getmembers(module) if isinstance(value, Op)}
    elementwise = {op for op in found if op.merges and op.shape is comparison.equal_shapes}
    assert checks.probabilities in elementwise
    assert elementwise == set(EMITTERS)


def test_known_numbers() -> None:
    module = ir.Module()
    f = module.function("numbers", [("x", ir.F32)])
    for kind, number in ((ir.F32, 0.5), (ir.F64, -0.1), (ir.I64, -7), (ir.I8, 3), (ir.I1, 1), (ir.F32, -np.inf)):
        assert known_number(f.constant(number, kind)) == number
        assert known_number(f.constant(number, ir.vector(8, kind))) == number
    assert known_number(f.arguments[0]) is None
    assert known_number(f.iota(4)) is None


def test_numbers_that_no_element_can_be() -> None:
    x = sw.tensor([-5, 0, 7, 8, 9], dtype=sw.i32)
    for compare in (lambda x: x < 2**40, lambda x: x >= -(2**40), lambda x: 2**40 == x, lambda x: x != 2**70):
        np.testing.assert_array_equal(sw.compile(compare)(x).numpy(), compare(x).numpy())
    with pytest.raises(ArgumentError, match="1099511627776 does not fit among the tensor's elements"):
        sw.compile(lambda x: x + 2**40)(x)
