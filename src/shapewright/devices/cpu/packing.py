"""Brings the operands of a matrix product into the order in which the kernels read them, converting their elements.

A *word* is what a kernel multiplies at once: one number of the computing type, or, where the processor has dot products
of bf16, two bf16 that follow each other along k. A *panel* is `[words along k][width]`: the rows of A or the columns of
B that one tile needs, side by side.
What it is not: the decision what to pack (`blocking.py`), or the product (`tiles.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .ir import BF16, F32, I1, I16, I32, I64, PTR, SIZES, Function, Module, Register, element, is_float, lanes, vector

__all__ = [
    "_AHEAD",
    "Words",
    "convert",
    "_is_far",
    "leading",
    "load_numbers",
    "pack_panels",
    "pack_rows",
    "rounded_numbers",
    "store_numbers",
    "transpose",
]


# Processors fetch ahead within a page only, so where each row is on another one, copies ask for rows ahead.
_FAR_BYTES = 1024
_AHEAD = 8


def _is_far(stride: int, kind: str) -> bool:
    """Whether a stride in elements leads to another page soon."""
    return abs(stride) * SIZES[kind] >= _FAR_BYTES


@dataclass(frozen=True)
class Words:
    """What the kernels multiply: numbers of type `compute`, rounded to bf16 before or not, alone or in pairs.

    `hardware` says that the processor rounds to bf16 by itself.
    """

    compute: str
    rounded: bool
    pairs: bool
    hardware: bool
    lanes: int

    @property
    def elements(self) -> int:
        """How many elements along k are in a word."""
        return 2 if self.pairs else 1

    @property
    def kind(self) -> str:
        """The type that a word has in memory."""
        return I32 if self.pairs else self.compute


# ---- numbers --------------------------------------------------------------------------------------------------------
def leading(function: Function, count: int, total: int) -> Register:
    """Give the constant mask with the first `count` lanes set."""
    return Register(
        function, "<" + ", ".join(f"i1 {str(i < count).lower()}" for i in range(total)) + ">", vector(total, I1)
    )


def load_lanes(function: Function, pointer: Register, kind: str, total: int, count: int) -> Register:
    """Load `count` elements into the first lanes of a vector with zeros behind; nothing beyond them is read."""
    if count <= 0:
        return function.constant(0, vector(total, kind))
    if count >= total:
        return function.load(pointer, vector(total, kind))
    return function.masked_load(pointer, leading(function, count, total), vector(total, kind))


def store_lanes(function: Function, value: Register, pointer: Register, count: int) -> None:
    """Store the first `count` lanes."""
    if count >= lanes(value.type):
        function.store(value, pointer)
    elif count == 1:
        # LLVM makes one lane of a truncated vector a store of all the bits that the lane had before: beyond the end.
        function.store(function.extract(value, 0), pointer)
    elif count > 0:
        function.masked_store(value, pointer, leading(function, count, lanes(value.type)))


def bf16_bits(function: Function, value: Register, *, hardware: bool) -> Register:
    """Round f32 to the nearest bf16, ties to even, as its 16 bits. NaN stays NaN."""
    if hardware and lanes(value.type) > 1:
        return function.cast("bitcast", function.cast("fptrunc", value, BF16), I16)
    bits = function.cast("bitcast", value, I32)
    rounded = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16
    # Rounding the largest NaN would carry into the sign, so NaN only keeps its upper half and becomes quiet.
    rounded = function.select(value.compare("ne", value), (bits >> 16) | 0x40, rounded)
    return function.cast("trunc", rounded, I16)


def convert(function: Function, value: Register, to: str, *, hardware: bool = False) -> Register:
    """Convert between floating types.

    LLVM calls a function for each bf16 where the processor has no instruction, so their bits are moved here.
    """
    kind = element(value.type)
    if kind == to:
        return value
    if kind == BF16:
        bits = function.cast("zext", function.cast("bitcast", value, I16), I32) << 16
        return convert(function, function.cast("bitcast", bits, F32), to)
    if to == BF16:
        bits = bf16_bits(function, convert(function, value, F32), hardware=hardware)
        return function.cast("bitcast", bits, BF16)
    return function.cast("fpext" if SIZES[kind] < SIZES[to] else "fptrunc", value, to)


def load_numbers(
    function: Function, pointer: Register, kind: str, total: int, count: int, to: str | None = None
) -> Register:
    """Load `count` elements of a type; floats come as type `to`, with zeros in the lanes behind."""
    stored = I16 if kind == BF16 else kind
    value = load_lanes(function, pointer, stored, total, count)
    if kind == BF16:
        value = function.cast("bitcast", value, BF16)
    return convert(function, value, to) if to is not None and is_float(kind) else value


def store_numbers(
    function: Function, value: Register, pointer: Register, kind: str, count: int, *, hardware: bool = False
) -> None:
    """Store the first `count` lanes as elements of a type."""
    if is_float(kind):
        value = convert(function, value, kind, hardware=hardware)
        if kind == BF16:
            value = function.cast("bitcast", value, I16)
    store_lanes(function, value, pointer, count)


def transpose(function: Function, rows: list[Register]) -> list[Register]:
    """Give the columns of a square of vectors, by rounds of shuffles that exchange blocks of 1, 2, 4, … lanes."""
    count = len(rows)
    step = 1
    while step < count:
        following = list(rows)
        for i in range(count):
            if not i & step:
                upper, lower = rows[i], rows[i | step]
                first = [lane if not lane & step else count + (lane ^ step) for lane in range(count)]
                second = [(lane | step) if not lane & step else count + lane for lane in range(count)]
                following[i] = function.shuffle(upper, lower, first)
                following[i | step] = function.shuffle(upper, lower, second)
        rows = following
        step *= 2
    return rows


# ---- words ----------------------------------------------------------------------------------------------------------
def rounded_numbers(function: Function, value: Register, words: Words) -> Register:
    """Give the numbers as the product sees them, in the computing type."""
    if words.rounded and element(value.type) != BF16:
        value = convert(function, value, BF16, hardware=words.hardware)
    return convert(function, value, words.compute)


def _bits(function: Function, value: Register, words: Words) -> Register:
    value = convert(function, value, BF16, hardware=words.hardware)
    return function.cast("bitcast", value, I16)


def words_along(function: Function, pointer: Register, kind: str, words: Words, count: int) -> Register:
    """Give a vector of the words of `count` elements that lie side by side along k."""
    if count <= 0:
        return function.constant(0, vector(words.lanes, words.kind))
    if not words.pairs:
        return rounded_numbers(function, load_numbers(function, pointer, kind, words.lanes, count), words)
    if kind == BF16:
        bits = load_lanes(function, pointer, I16, 2 * words.lanes, count)
    else:
        halves = [
            _bits(
                function,
                load_numbers(function, function.address(pointer, i, kind), kind, words.lanes, count - i),
                words,
            )
            for i in (0, words.lanes)
        ]
        bits = function.shuffle(halves[0], halves[1], range(2 * words.lanes))
    kind = vector(words.lanes, I32)
    return function.emit(f"bitcast {bits.type} {bits.text} to {kind}", kind)


def words_across(
    function: Function, pointer: Register, second: Register | None, kind: str, words: Words, count: int, total: int
) -> Register:
    """Give a vector of words of `count` rows or columns that lie side by side; `second` points one further along k."""
    value = load_numbers(function, pointer, kind, total, count)
    if not words.pairs:
        return rounded_numbers(function, value, words)
    low = function.cast("zext", _bits(function, value, words), I32)
    if second is None:
        return low
    value = load_numbers(function, second, kind, total, count)
    return low | (function.cast("zext", _bits(function, value, words), I32) << 16)


def pack_panels(
    module: Module,
    words: Words,
    kind: str,
    strides: tuple[int, int],
    *,
    valid: int,
    width: int,
    count: int,
    pitch: int,
) -> tuple[str, int]:
    """Write the function `(source, destination, rounds, panels)` that makes panels; give its name and its rounds.

    Args:
        module: where the function goes; the same one is written once.
        words: what the kernels multiply.
        kind: the type of the elements of the source.
        strides: of the source, in elements: across the panels, and along k.
        valid: how many rows or columns a panel has; zeros are behind them.
        width: words in a row of a panel.
        count: elements along k. What is left after the last whole round is part of the code.
        pitch: words from a panel to the next.
    """
    across, along = strides
    per = words.elements
    transposed = along == 1 and across != 1 and valid > 1
    copied = across == 1 and not transposed
    step = per * words.lanes if transposed else per
    tail = count % step

    def write(name: str) -> None:
        arguments = [("source", PTR), ("destination", PTR), ("rounds", I64), ("panels", I64)]
        f = module.function(name, arguments, attributes="noinline")
        first_source, first_destination, rounds, panels = f.arguments
        source, destination = first_source, first_destination

        def put(value: Register, row: Register, column: int) -> None:
            place = f.address(destination, row * width + column, words.kind)
            store_lanes(f, value, place, min(lanes(value.type), width - column))

        def round_of_copies(i: Register, left: int) -> None:
            first = f.address(source, i * (along * per), kind)
            second = f.address(first, along, kind) if left > 1 else None
            for column in range(0, width, words.lanes):
                here = f.address(first, column, kind)
                below = None if second is None else f.address(second, column, kind)
                if _is_far(along, kind):
                    f.prefetch(f.address(here, _AHEAD * along * per, kind))
                present = min(words.lanes, valid - column)
                if present > 0:
                    put(words_across(f, here, below, kind, words, present, words.lanes), i, column)
                else:
                    put(f.constant(0, vector(words.lanes, words.kind)), i, column)

        def round_of_transposes(i: Register, left: int) -> None:
            first = f.address(source, i * step, kind)
            for column in range(0, width, words.lanes):
                present = min(words.lanes, valid - column)
                rows = [
                    words_along(
                        f, f.address(first, (column + q) * across, kind), kind, words, left if q < present else 0
                    )
                    for q in range(words.lanes)
                ]
                if present > 0:
                    rows = transpose(f, rows)
                for q in range(-(-left // per)):
                    put(rows[q], i * words.lanes + q, column)

        def round_of_single_words(i: Register, left: int) -> None:
            first = f.address(source, i * (along * per), kind)
            row = i * width
            with f.loop(0, valid) as loop:
                here = f.address(first, loop.counter * across, kind)
                second = f.address(here, along, kind) if left > 1 else None
                word = words_across(f, here, second, kind, words, 1, 1)
                f.store(word, f.address(destination, row + loop.counter, words.kind))
            if valid < width:
                with f.loop(valid, width) as loop:
                    f.store(f.constant(0, words.kind), f.address(destination, row + loop.counter, words.kind))

        def all_rounds(one_round: Callable[[Register, int], None]) -> None:
            with f.loop(0, rounds) as loop:
                one_round(loop.counter, step)
            if tail:
                one_round(rounds, tail)

        def one_panel(index: Register) -> None:
            nonlocal source, destination
            source = f.address(first_source, index * (valid * across), kind)
            destination = f.address(first_destination, index * pitch, words.kind)

        def round_of_all_panels(i: Register, left: int) -> None:
            # The panels' parts of a row lie side by side, so all are read before the next row, on another page, is.
            with f.loop(0, panels) as loop:
                one_panel(loop.counter)
                round_of_copies(i, left)

        if copied:
            all_rounds(round_of_all_panels)
        else:
            with f.loop(0, panels) as loop:
                one_panel(loop.counter)
                all_rounds(round_of_transposes if transposed else round_of_single_words)
        f.end()

    key = ("pack_panels", words, kind, strides, valid, width, count % step, pitch)
    return module.shared(key, "pack_panels", write), count // step


def pack_rows(
    module: Module, words: Words, kind: str, stride: int, *, rows: int, pitch: int, count: int
) -> tuple[str, int]:
    """Write the function `(source, destination, rounds)` that copies rows whose elements lie side by side along k.

    A row of the copy begins every `pitch` words; up to a whole vector is written at its end. The rest is as for
    `pack_panels`.
    """
    step = words.elements * words.lanes
    tail = count % step

    def write(name: str) -> None:
        f = module.function(name, [("source", PTR), ("destination", PTR), ("rounds", I64)], attributes="noinline")
        source, destination, rounds = f.arguments

        def one_round(i: Register, present: int) -> None:
            first = f.address(source, i * step, kind)
            place = f.address(destination, i * words.lanes, words.kind)
            for row in range(rows):
                value = words_along(f, f.address(first, row * stride, kind), kind, words, present)
                f.store(value, f.address(place, row * pitch, words.kind))

        with f.loop(0, rounds) as loop:
            one_round(loop.counter, step)
        if tail:
            one_round(rounds, tail)
        f.end()

    key = ("pack_rows", words, kind, stride, rows, pitch, tail)
    return module.shared(key, "pack_rows", write), count // step
