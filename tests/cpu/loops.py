"""Compiles the code of one element into a loop over arrays, and measures how far off its results are.

What it is not: the engine's own loops, which have tests of their own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapewright.devices.cpu import ir, machine
from shapewright.devices.cpu.elements import load, register_type, store
from shapewright.shapes.dtypes import DType

# What a processor's own vectors have, and the smallest.
TARGETS = machine.available()


@dataclass(frozen=True)
class Loop:
    """A function that applies code to every element of arrays.

    Args:
        code: called with the function, a vector of each operand, and `fail`.
        dtypes: the operands' element types.
        result: the result's element type.
        lanes: how many elements a vector has.
    """

    code: Callable[[ir.Function, list[ir.Register], Callable[[ir.Register], None]], ir.Register]
    dtypes: Sequence[type[DType]]
    result: type[DType]
    lanes: int

    def write(self, module: ir.Module, name: str) -> None:
        """Write the function."""
        arguments = [(f"operand{number}", ir.PTR) for number in range(len(self.dtypes))]
        f = module.function(
            name, [*arguments, ("result", ir.PTR), ("failed", ir.PTR), ("count", ir.I64)], internal=False
        )
        *operands, out, failed, count = f.arguments
        lanes = self.lanes

        def fail(condition: ir.Register) -> None:
            if ir.lanes(condition.type) > 1:
                bits = f.emit(f"bitcast {condition.type} {condition.text} to i{lanes}", f"i{lanes}")
                condition = f.emit(f"icmp ne i{lanes} {bits.text}, 0", ir.I1)
            with f.when(condition):
                f.store(f.constant(1), failed)

        with f.loop(0, count, lanes) as loop:
            values = [
                load(f, pointer, loop.counter, 1, lanes, None, dtype)
                for pointer, dtype in zip(operands, self.dtypes, strict=True)
            ]
            store(f, self.code(f, values, fail), out, loop.counter, lanes, None, self.result)
        f.end()


def module_text(code: Any, dtypes: Sequence[type[DType]], result: type[DType], lanes: int) -> str:
    """Write a module of one loop."""
    module = ir.Module()
    Loop(code, dtypes, result, lanes).write(module, "loop")
    return module.text()


class Compiled:
    """Loops compiled together: compiling many small modules takes longer."""

    def __init__(self, loops: Sequence[Loop], target: str | None = None) -> None:
        self.loops = loops
        chosen = machine.select_target(target)
        module = ir.Module(rounds_to_bf16=chosen.has_bf16_convert)
        for number, loop in enumerate(loops):
            loop.write(module, f"loop{number}")
        self.code = machine.compile_module(module.text(), target=chosen, use_cache=False)

    def run(self, number: int, arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, bool]:
        """Apply one loop to arrays of one length; give the result, and whether the code called `fail`."""
        loop = self.loops[number]
        count = arrays[0].size
        whole = -(-count // loop.lanes) * loop.lanes
        # The last vector is filled up with the last element, so that nothing fails which is not among the elements.
        filled = [np.concatenate([a, np.repeat(a[-1:], whole - count)]) for a in arrays]
        out = np.zeros(whole, dtype=loop.result.numpy)
        failed = np.zeros(1, dtype=np.int64)
        signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (len(arrays) + 2), ctypes.c_int64)
        function = signature(self.code.address(f"loop{number}"))
        function(*[a.ctypes.data for a in (*filled, out, failed)], whole)
        return out[:count], bool(failed[0])


def run(
    code: Callable[..., ir.Register],
    arrays: Sequence[np.ndarray],
    dtypes: Sequence[type[DType]],
    result: type[DType],
    lanes: int,
    target: str | None = None,
) -> tuple[np.ndarray, bool]:
    """Compile one loop and apply it."""
    return Compiled([Loop(code, dtypes, result, lanes)], target).run(0, arrays)


def assembly_lines(text: str, target: machine.Target, name: str = "loop") -> list[str]:
    """Give the instructions of one function of a module, without labels and directives."""
    assembly = machine.assembly(text, target)
    body = assembly[assembly.index(f"\n{name}:") :].split(".Lfunc_end")[0]
    lines = [line.split("#")[0].strip() for line in body.splitlines()]
    return [line for line in lines if line and not line.startswith(".") and not line.endswith(":")]


def widths(dtype: type[DType]) -> tuple[int, ...]:
    """Give the lanes that an element type is tested with: one, and those of the widest vector register."""
    return (1, 64 // dtype.itemsize)


def units_off(got: np.ndarray, wanted: Any) -> np.ndarray:
    """Give by how many units in the last place of its type a result differs from a more exact one.

    Equal infinities and NaN where NaN is wanted are 0 units off; an infinity in the place of a number, or the other way
    round, is infinitely many, unless the exact number rounds to it.
    """
    kind = got.dtype
    with np.errstate(all="ignore"):
        rounded = np.asarray(wanted).astype(kind)
        size = np.minimum(np.abs(rounded), np.finfo(kind).max)
        units = np.abs(got.astype(np.longdouble) - wanted) / np.spacing(size).astype(np.longdouble)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    units = np.where(same & ~np.isfinite(rounded), 0, units)
    return np.where(np.isnan(units), np.inf, units).astype(np.float64)


__all__ = [
    "TARGETS",
    "Compiled",
    "Loop",
    "assembly_lines",
    "module_text",
    "register_type",
    "run",
    "units_off",
    "widths",
]
