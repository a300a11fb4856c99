"""The innermost kernels of a matrix product: one tile of C in registers, its epilogue, and its way into memory.

`Epilogue` is what a product does with its results while they are in registers: bias, activation, residual, an
optimiser's update. It reads and writes other tensors by `Block.read` and `Block.write`, whatever their strides, so it
never sees how the product was cut or whether it was transposed.
What it is not: loops over tiles, and the choice of their size (`matmul.py`, `blocking.py`), or the kernel of few rows
(`dots.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .ir import BF16, I8, I64, PTR, SIZES, Function, Loop, Module, Register, lanes, vector
from .packing import Words, load_numbers, store_numbers, transpose

# A cache line; and how many tensors a tile asks for ahead: more requests than these wait for each other.
_LINE_BYTES = 64
_MOST_AWAITED = 4

__all__ = [
    "Block",
    "Ending",
    "Epilogue",
    "Operand",
    "Rounds",
    "TileShape",
    "awaited_tensors",
    "begin_kernel",
    "block_of",
    "finish_tile",
    "multiply_add",
    "write_sum_kernel",
    "write_tile_kernel",
]


@dataclass(frozen=True)
class Operand:
    """How a matrix, or a batch of them, lies in memory: the type of its elements, and strides in elements.

    Args:
        kind: IR type of the elements.
        row: from a row to the next; 0 repeats one row.
        column: from a column to the next.
        batch: along each batch axis, outermost first.
    """

    kind: str
    row: int
    column: int
    batch: tuple[int, ...] = ()

    def transposed(self) -> Operand:
        """Give the same memory with rows and columns exchanged."""
        return replace(self, row=self.column, column=self.row)


@dataclass(frozen=True)
class Epilogue:
    """What happens to results on their way to memory.

    Args:
        key: equal keys promise equal code.
        emit: called with a `Block` and the vectors of that row; gives the vectors to store in C, or None where it
            has stored everything itself.
        pointers: how many pointers the caller passes along; `Block.pointers` has them.
        wide: whether it needs many registers (exp, erf …): then the tile waits in the first cache while a loop over
            its rows runs the epilogue, whose code is there once.
        slow: whether it takes roots or quotients, which the processor does one after the other, beside products.
        reads: the tensors that it reads, each by the number of its pointer and how it lies: while a tile is being
            computed, the processor is asked for those whose rows lie side by side.
        writes: the same of the tensors that it writes and does not read: a line comes before it can be written.
    """

    key: Hashable
    emit: Callable[[Block, list[Register]], list[Register] | None]
    pointers: int = 0
    wide: bool = False
    slow: bool = False
    reads: tuple[tuple[int, Operand], ...] = ()
    writes: tuple[tuple[int, Operand], ...] = ()


@dataclass(frozen=True)
class TileShape:
    """A tile of C: `rows` × `vectors`, of which the last vector may have fewer columns than lanes."""

    rows: int
    vectors: int
    columns: int
    lanes: int

    @property
    def width(self) -> int:
        """Columns with those that only pad."""
        return self.vectors * self.lanes

    def present(self, j: int) -> int:
        """How many columns vector j has."""
        return max(0, min(self.lanes, self.columns - j * self.lanes))


class Block:
    """A row of a tile, as an epilogue sees it: its place, and other tensors' elements at that place.

    Args:
        function: the function that is being written.
        shape: of the tile.
        place: batch index, first row and first column of the tile.
        index: which row of the tile: a number or a register.
        batch: sizes of the batch axes.
        turned: whether the tile computes the transposed product: rows and columns of tensors are then exchanged.
        pointers: those of the epilogue.
        compute: the type of the numbers.
    """

    def __init__(
        self,
        function: Function,
        shape: TileShape,
        place: tuple[Register, Register, Register],
        batch: tuple[int, ...],
        turned: bool,
        pointers: Sequence[Register],
        compute: str,
        hardware: bool,
    ) -> None:
        self.function = function
        self.shape = shape
        self.index: int | Register = 0
        self.pointers = list(pointers)
        self.compute = compute
        self._place = place
        self._batch = batch
        self._turned = turned
        self._hardware = hardware
        self._bases: dict[tuple[str, Operand], Register] = {}

    def _address(self, pointer: Register, operand: Operand) -> Register:
        """Give the address of this row's first element."""
        f = self.function
        key = (pointer.text, operand)
        base = self._bases.get(key)
        if base is None:
            index, row, column = self._place
            offset = row * operand.row + column * operand.column
            for size, stride in zip(reversed(self._batch), reversed(operand.batch), strict=True):
                offset = offset + (index % size) * stride
                index = index // size
            base = f.address(pointer, offset, operand.kind)
            # Inside a loop over rows a base would be written into the loop, where code behind it cannot use it.
            if isinstance(self.index, int):
                self._bases[key] = base
        return f.address(base, self.index * operand.row, operand.kind)

    def place(self, pointer: Register, operand: Operand) -> None:
        """Work out where the tile is in a tensor, ahead of a loop over its rows."""
        self._address(pointer, operand.transposed() if self._turned else operand)

    def read(self, pointer: Register, operand: Operand) -> list[Register]:
        """Read the elements of a tensor that belong to this row; floats come in the computing type."""
        f = self.function
        operand = operand.transposed() if self._turned else operand
        base = self._address(pointer, operand)
        if operand.column == 0:
            value = load_numbers(f, base, operand.kind, 1, 1, self.compute)
            return [f.splat(value, self.shape.lanes)] * self.shape.vectors
        values = []
        for j in range(self.shape.vectors):
            start, count = j * self.shape.lanes, self.shape.present(j)
            if operand.column == 1:
                place = f.address(base, start, operand.kind)
                values.append(load_numbers(f, place, operand.kind, self.shape.lanes, count, self.compute))
                continue
            scalars = [
                load_numbers(
                    f, f.address(base, (start + q) * operand.column, operand.kind), operand.kind, 1, 1, self.compute
                )
                for q in range(count)
            ]
            values.append(_gathered(f, scalars, self.shape.lanes))
        return values

    def lies_along(self, operand: Operand) -> bool:
        """Whether the elements of a row lie side by side, and those of the next row elsewhere."""
        operand = operand.transposed() if self._turned else operand
        return operand.column == 1 and operand.row != 0

    def ask(self, pointer: Register, operand: Operand, *, to_write: bool) -> None:
        """Ask for the cache lines that hold this row's elements of a tensor."""
        operand = operand.transposed() if self._turned else operand
        base = self._address(pointer, operand)
        bytes_ = self.shape.columns * SIZES[operand.kind]
        # The row may begin anywhere in a line, so its end is in one more.
        for offset in (*range(0, bytes_, _LINE_BYTES), bytes_ - 1):
            self.function.prefetch(self.function.address(base, offset, I8), to_write=to_write)

    def write(self, pointer: Register, operand: Operand, values: list[Register]) -> None:
        """Write this row's elements of a tensor."""
        f = self.function
        operand = operand.transposed() if self._turned else operand
        base = self._address(pointer, operand)
        for j, value in enumerate(values):
            start, count = j * self.shape.lanes, self.shape.present(j)
            if operand.column == 1:
                place = f.address(base, start, operand.kind)
                store_numbers(f, value, place, operand.kind, count, hardware=self._hardware)
                continue
            for q in range(count):
                place = f.address(base, (start + q) * operand.column, operand.kind)
                scalar = f.extract(value, q) if lanes(value.type) > 1 else value
                store_numbers(f, scalar, place, operand.kind, 1)


def _gathered(f: Function, scalars: list[Register], count: int) -> Register:
    if count == 1:
        return scalars[0]
    value = f.constant(0, vector(count, scalars[0].type))
    for lane, scalar in enumerate(scalars):
        value = f.insert(value, scalar, lane)
    return value


# ---- the end of a tile ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Ending:
    """What becomes of a tile's sums.

    Args:
        c: the matrix C.
        batch: sizes of the batch axes.
        turned: whether the tile computes the transposed product.
        flips: whether its sums are turned back before anything else sees them.
        add_partial: whether earlier sums, in the scratch memory, are added.
        add_c: whether what is in C is added.
        to_partial: whether this is not the end: the sums go to scratch memory.
        epilogue: what happens at the end.
    """

    c: Operand
    batch: tuple[int, ...]
    turned: bool
    flips: bool
    add_partial: bool
    add_c: bool
    to_partial: bool
    epilogue: Epilogue | None

    def key(self) -> Hashable:
        epilogue = None if self.epilogue is None or self.to_partial else (self.epilogue.key, self.epilogue.wide)
        sums = (self.add_partial, self.add_c, self.to_partial)
        return (self.c, self.batch, self.turned, self.flips, sums, epilogue)


# The arguments of each kernel, in front of the epilogue's pointers.
_ARGUMENTS = [
    ("rounds", I64),
    ("a", PTR),
    ("b", PTR),
    ("c", PTR),
    ("partial", PTR),
    ("batch", I64),
    ("row", I64),
    ("column", I64),
]


def begin_kernel(module: Module, name: str, ending: Ending) -> Function:
    extra = 0 if ending.epilogue is None or ending.to_partial else ending.epilogue.pointers
    arguments = [*_ARGUMENTS, *((f"extra{i}", PTR) for i in range(extra))]
    return module.function(name, arguments, attributes="noinline")


def block_of(f: Function, shape: TileShape, ending: Ending, words: Words) -> Block:
    batch, row, column = f.arguments[5:8]
    turned = ending.turned
    if ending.flips:
        shape = TileShape(shape.columns, -(-shape.rows // shape.lanes), shape.rows, shape.lanes)
        row, column, turned = column, row, False
    place = (batch, row, column)
    return Block(f, shape, place, ending.batch, turned, f.arguments[8:], words.compute, words.hardware)


def awaited_tensors(block: Block, c: Register, ending: Ending) -> list[tuple[Register, Operand, bool]]:
    """Give the tensors that the end of a tile needs soon, each with whether it is written.

    What is read where something that lies alike is written may be written over, as optimisers do: then asking for the
    line to write it saves asking the other cores again, and if not, it costs nothing.
    """
    if ending.to_partial:
        return []
    if ending.epilogue is None:
        return [(c, ending.c, True)] if block.lies_along(ending.c) else []
    reads, writes = (
        [(block.pointers[i], operand) for i, operand in tensors if block.lies_along(operand)]
        for tensors in (ending.epilogue.reads, ending.epilogue.writes)
    )
    read, written = ({operand for _, operand in tensors} for tensors in (reads, writes))
    if len(reads) + len(writes) > _MOST_AWAITED:
        writes = [(pointer, operand) for pointer, operand in writes if operand not in read]
    tensors = [(pointer, operand, operand in written) for pointer, operand in reads]
    return [*tensors, *[(pointer, operand, True) for pointer, operand in writes]][:_MOST_AWAITED]


def finish_tile(block: Block, sums: list[list[Register]], ending: Ending, words: Words) -> None:
    """Write what happens to the sums, row by row."""
    f, shape = block.function, block.shape
    c, partial = f.arguments[3:5]
    kind = sums[0][0].type

    def place(j: int, base: Register, index: Any, vectors: int = shape.vectors) -> Register:
        return f.address(base, (index * vectors + j) * shape.lanes, words.compute)

    def one_row(values: list[Register]) -> None:
        if ending.add_c:
            values = [value + old for value, old in zip(values, block.read(c, ending.c), strict=True)]
        if ending.epilogue is not None:
            changed = ending.epilogue.emit(block, values)
            if changed is None:
                return
            values = changed
        block.write(c, ending.c, values)

    if ending.add_partial:
        count = len(sums[0])
        sums = [
            [value + f.load(place(j, partial, i, count), kind) for j, value in enumerate(values)]
            for i, values in enumerate(sums)
        ]
    if ending.to_partial:
        for i, values in enumerate(sums):
            for j, value in enumerate(values):
                f.store(value, place(j, partial, i, len(values)))
        return
    if ending.flips:
        sums = _flipped(f, sums, shape)
    if ending.epilogue is not None and (ending.epilogue.wide or ending.flips):
        tile = f.local(len(sums) * shape.vectors, kind)
        for i, values in enumerate(sums):
            for j, value in enumerate(values):
                f.store(value, place(j, tile, i))
        with f.loop(0, len(sums)) as loop:
            block.index = loop.counter
            one_row([f.load(place(j, tile, loop.counter), kind) for j in range(shape.vectors)])
    else:
        for i, values in enumerate(sums):
            block.index = i
            one_row(values)


def _flipped(f: Function, sums: list[list[Register]], shape: TileShape) -> list[list[Register]]:
    """Give the rows of the transposed tile, whose shape it is."""
    none = f.constant(0.0, sums[0][0].type)
    rows: list[list[Register]] = []
    for column in zip(*sums, strict=True):
        padded = [*column, *([none] * (shape.width - len(column)))]
        squares = [transpose(f, padded[i : i + shape.lanes]) for i in range(0, shape.width, shape.lanes)]
        rows += [list(row) for row in zip(*squares, strict=True)]
    return rows[: shape.rows]


# ---- the kernels ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Rounds:
    """How a tile is multiplied: in each round, a column of A times a row of B is added to the sums.

    Args:
        words: what is multiplied.
        shape: of the tile.
        a_strides: of A in words: from row to row, and along k. Constants of the code cost no registers.
        b_step: from a row of B to the next, in words.
        in_place: whether B was not packed: then it has no padding and nothing beyond its columns may be read.
    """

    words: Words
    shape: TileShape
    a_strides: tuple[int, int]
    b_step: int
    in_place: bool

    def begun(self, f: Function) -> list[Register]:
        """Give the sums before the first round."""
        return [f.constant(0.0, vector(self.shape.lanes, self.words.compute))] * (self.shape.rows * self.shape.vectors)

    def one(self, f: Function, loop: Loop) -> None:
        """Write a round of a loop that carries the sums."""
        words, shape = self.words, self.shape
        _, a, b = f.arguments[:3]
        a_here = f.address(a, loop.counter * self.a_strides[1], words.kind)
        b_here = f.address(b, loop.counter * self.b_step, words.kind)
        row_of_b = []
        for j in range(shape.vectors):
            place = f.address(b_here, j * shape.lanes, words.kind)
            count = shape.present(j) if self.in_place else shape.lanes
            row_of_b.append(load_numbers(f, place, words.kind, shape.lanes, count))
        following = []
        for i in range(shape.rows):
            single = f.load(f.address(a_here, i * self.a_strides[0], words.kind), words.kind)
            repeated = f.splat(single, shape.lanes)
            for j in range(shape.vectors):
                following.append(multiply_add(f, words, repeated, row_of_b[j], loop.values[i * shape.vectors + j]))
        loop.next(*following)


def write_tile_kernel(module: Module, multiplied: Rounds, ending: Ending) -> str:
    """Write the kernel of a tile, `rounds` of them.

    Args:
        module: where the function goes; the same one is written once.
        multiplied: how.
        ending: what becomes of the sums.
    """
    words, shape = multiplied.words, multiplied.shape

    def write(name: str) -> None:
        f = begin_kernel(module, name, ending)
        rounds = f.arguments[0]
        block = block_of(f, shape, ending, words)
        sums = multiplied.begun(f)
        start: Any = 0
        awaited = awaited_tensors(block, f.arguments[3], ending)
        if awaited:
            # A row with each of the first rounds: all at once would hold up what the rounds themselves load.
            for pointer, operand, _ in awaited:
                block.place(pointer, operand)
            start = f.intrinsic("smin", rounds, f.constant(block.shape.rows))
            with f.loop(0, start, carry=sums) as loop:
                block.index = loop.counter
                for pointer, operand, to_write in awaited:
                    block.ask(pointer, operand, to_write=to_write)
                multiplied.one(f, loop)
            sums = loop.values
        with f.loop(start, rounds, carry=sums) as loop:
            multiplied.one(f, loop)
        rows = [loop.values[i * shape.vectors : (i + 1) * shape.vectors] for i in range(shape.rows)]
        finish_tile(block, rows, ending, words)
        f.end()

    key = ("tile", multiplied, ending.key())
    return module.shared(key, f"tile_{shape.rows}x{shape.columns}", write)


def write_sum_kernel(module: Module, words: Words, shape: TileShape, ending: Ending, parts: int, pitch: int) -> str:
    """Write the kernel that ends a tile whose sums are in parts, `pitch` bytes from one to the next.

    The arguments are those of `write_tile_kernel`, with the first part in the place of B and of the sums.
    """

    def write(name: str) -> None:
        f = begin_kernel(module, name, ending)
        kind = vector(shape.lanes, words.compute)
        none = [f.constant(0.0, kind)] * (shape.rows * shape.vectors)
        with f.loop(1, parts, carry=none) as loop:
            part = f.address(f.arguments[2], loop.counter * pitch, I8)
            places = (f.address(part, i * shape.lanes, words.compute) for i in range(len(none)))
            loop.next(*(old + f.load(place, kind) for old, place in zip(loop.values, places, strict=True)))
        rows = [loop.values[i * shape.vectors : (i + 1) * shape.vectors] for i in range(shape.rows)]
        finish_tile(block_of(f, shape, ending, words), rows, ending, words)
        f.end()

    key = ("sum", words, shape, ending.key(), parts, pitch)
    return module.shared(key, f"sum_{shape.rows}x{shape.columns}", write)


def multiply_add(f: Function, words: Words, left: Register, right: Register, sums: Register) -> Register:
    if not words.pairs:
        return f.intrinsic("fmuladd", left, right, sums)
    pairs = vector(2 * words.lanes, BF16)
    both = [f.emit(f"bitcast {x.type} {x.text} to {pairs}", pairs) for x in (left, right)]
    return f.call("llvm.x86.avx512bf16.dpbf16ps.512", [sums, *both], sums.type)
