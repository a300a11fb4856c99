"""Writes LLVM IR as text: functions, loops, vectors. What the kernels are written with.

Text, because building llvmlite's object graph, printing it and parsing the text again costs several times as much.
`Register` overloads the operators, so `a * b + c` on vectors emits fmul and fadd. Instructions that only some
processors have are left to LLVM, which picks them from general ones. What it is not: compilation (`machine.py`) or any
kernel.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

F32, F64, F16, BF16 = "float", "double", "half", "bfloat"
I64, I32, I16, I8, I1, PTR = "i64", "i32", "i16", "i8", "i1", "ptr"
SIZES = {F32: 4, F64: 8, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, PTR: 8}
_FLOATS = (F32, F64, F16, BF16)
_SUFFIXES = {F32: "f32", F64: "f64", F16: "f16", BF16: "bf16", I64: "i64", I32: "i32", I16: "i16", I8: "i8", I1: "i1"}


def vector(lanes: int, element: str) -> str:
    """Give the type of a vector; one lane is the element itself."""
    return element if lanes == 1 else f"<{lanes} x {element}>"


def element(type_: str) -> str:
    """Give the type of a vector's elements."""
    return type_.split(" x ")[1][:-1] if type_[0] == "<" else type_


def lanes(type_: str) -> int:
    """Give the number of a vector's elements, 1 for a scalar."""
    return int(type_[1:].split(" ")[0]) if type_[0] == "<" else 1


def is_float(type_: str) -> bool:
    """Whether a type's elements are floating point."""
    return element(type_) in _FLOATS


def constant(type_: str, number: float) -> str:
    """Write a constant; a vector type gets it in every lane."""
    kind = element(type_)
    if kind in (F32, F64):
        if kind == F32:
            # An f32 constant is written as the f64 of the same value.
            number = struct.unpack("<f", struct.pack("<f", _in_range(number)))[0]
        text = f"0x{struct.unpack('<Q', struct.pack('<d', number))[0]:016X}"
    elif kind == F16:
        text = f"0xH{struct.unpack('<H', struct.pack('<e', number))[0]:04X}"
    elif kind == BF16:
        text = f"0xR{struct.unpack('<I', struct.pack('<f', number))[0] >> 16:04X}"
    elif kind == I1:
        text = "true" if number else "false"
    else:
        bits = SIZES[kind] * 8
        wrapped = int(number) & ((1 << bits) - 1)
        text = str(wrapped - (1 << bits) if wrapped >> (bits - 1) else wrapped)
    return f"splat ({kind} {text})" if type_[0] == "<" else text


def _in_range(number: float) -> float:
    try:
        struct.pack("<f", number)
        return number
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


class Register:
    """A value inside a function: a register or a constant. Comparisons of floats are ordered: false for NaN."""

    __slots__ = ("function", "text", "type")

    def __init__(self, function: Function, text: str, type_: str) -> None:
        self.function = function
        self.text = text
        self.type = type_

    def _binary(self, other: Any, of_floats: str | None, of_ints: str, swap: bool = False) -> Register:
        other = self.function.lift(other, self.type)
        left, right = self.function.same_lanes(self, other)
        if swap:
            left, right = right, left
        operation = of_floats if is_float(left.type) and of_floats else of_ints
        return self.function.emit(f"{operation} {left.type} {left.text}, {right.text}", left.type)

    def __add__(self, other: Any) -> Register:
        return self._binary(other, "fadd contract", "add")

    def __radd__(self, other: Any) -> Register:
        return self._binary(other, "fadd contract", "add", True)

    def __sub__(self, other: Any) -> Register:
        return self._binary(other, "fsub contract", "sub")

    def __rsub__(self, other: Any) -> Register:
        return self._binary(other, "fsub contract", "sub", True)

    def __mul__(self, other: Any) -> Register:
        return self._binary(other, "fmul contract", "mul")

    def __rmul__(self, other: Any) -> Register:
        return self._binary(other, "fmul contract", "mul", True)

    def __truediv__(self, other: Any) -> Register:
        return self._binary(other, "fdiv", "sdiv")

    def __rtruediv__(self, other: Any) -> Register:
        return self._binary(other, "fdiv", "sdiv", True)

    def __floordiv__(self, other: Any) -> Register:
        """Divide integers without sign."""
        return self._binary(other, None, "udiv")

    def __mod__(self, other: Any) -> Register:
        """Give the remainder of integers without sign."""
        return self._binary(other, None, "urem")

    def __and__(self, other: Any) -> Register:
        return self._binary(other, None, "and")

    def __or__(self, other: Any) -> Register:
        return self._binary(other, None, "or")

    def __xor__(self, other: Any) -> Register:
        return self._binary(other, None, "xor")

    def __lshift__(self, other: Any) -> Register:
        return self._binary(other, None, "shl")

    def __rshift__(self, other: Any) -> Register:
        """Shift right without sign."""
        return self._binary(other, None, "lshr")

    def __neg__(self) -> Register:
        if is_float(self.type):
            return self.function.emit(f"fneg {self.type} {self.text}", self.type)
        return self.function.lift(0, self.type) - self

    def compare(self, predicate: str, other: Any) -> Register:
        """Compare: `predicate` is eq, ne, lt, le, gt, ge. `ne` of floats is true for NaN, the others false."""
        left, right = self.function.same_lanes(self, self.function.lift(other, self.type))
        if is_float(left.type):
            operation = f"fcmp {'u' if predicate == 'ne' else 'o'}{predicate}"
        else:
            operation = f"icmp {predicate if predicate in ('eq', 'ne') else 's' + predicate}"
        return self.function.emit(f"{operation} {left.type} {left.text}, {right.text}", vector(lanes(left.type), I1))


class Loop:
    """A loop being written: its counter, the values it carries, and what they are next."""

    __slots__ = ("counter", "following", "values")

    def __init__(self, counter: Register, values: list[Register]) -> None:
        self.counter = counter
        self.values = values
        self.following: list[Register] = []

    def next(self, *values: Register) -> None:
        """Say what the carried values are in the next round; after the loop `values` holds the last ones."""
        self.following = list(values)


class Function:
    """A function being written. Its methods emit instructions and return what they give.

    Args:
        module: where the function goes.
        name: its name.
        arguments: names and types; the type `PTR` followed by " noalias" promises that no other pointer reaches it.
        internal: whether only this module calls it.
        attributes: further LLVM attributes, such as "noinline".
    """

    def __init__(
        self, module: Module, name: str, arguments: Sequence[tuple[str, str]], *, internal: bool, attributes: str = ""
    ) -> None:
        self.module = module
        self.name = name
        self.arguments = [Register(self, f"%{label}", type_.split(" ")[0]) for label, type_ in arguments]
        self._signature = [f"{type_} %{label}" for label, type_ in arguments]
        linkage = "internal " if internal else ""
        self._head = f"define {linkage}void @{name}(%s) nounwind {attributes} {{"
        self._lines = ["entry:"]
        self._block = "entry"
        self._count = 0
        self._made: dict[Hashable, Any] = {}

    def argument(self, label: str, type_: str) -> Register:
        """Add an argument behind those there are."""
        self._signature.append(f"{type_} %{label}")
        register = Register(self, f"%{label}", type_)
        self.arguments.append(register)
        return register

    # ---- instructions -----------------------------------------------------------------------------------------------
    def emit(self, text: str, type_: str) -> Register:
        """Write an instruction that gives a value."""
        self._count += 1
        register = Register(self, f"%v{self._count}", type_)
        self._lines.append(f"  {register.text} = {text}")
        return register

    def do(self, text: str) -> None:
        """Write an instruction that gives nothing."""
        self._lines.append("  " + text)

    def once[Made](self, key: Hashable, write: Callable[[], Made]) -> Made:
        """Give what `write` gives; for an equal key it is written only once in a basic block."""
        key = (self._block, key)
        if key not in self._made:
            self._made[key] = write()
        return self._made[key]

    def constant(self, number: float, type_: str = I64) -> Register:
        return Register(self, constant(type_, number), type_)

    def lift(self, value: Any, type_: str) -> Register:
        """Give a Register of a Python number, or the Register that it is already."""
        return value if isinstance(value, Register) else self.constant(value, type_)

    def same_lanes(self, left: Register, right: Register) -> tuple[Register, Register]:
        """Repeat a scalar so that it has the other's lanes."""
        wanted = max(lanes(left.type), lanes(right.type))
        return self.splat(left, wanted), self.splat(right, wanted)

    def call(self, name: str, arguments: Sequence[Register], type_: str | None = None) -> Any:
        """Call a function or an LLVM intrinsic."""
        self.module.declare(name, type_ or "void", [argument.type for argument in arguments])
        text = f"@{name}({', '.join(f'{a.type} {a.text}' for a in arguments)})"
        if type_ is None:
            return self.do(f"call void {text}")
        return self.emit(f"call {type_} {text}", type_)

    def intrinsic(self, name: str, *arguments: Register) -> Register:
        """Call an intrinsic of one type, such as fma, fabs, smax; its suffix follows from the first argument."""
        kind = arguments[0].type
        suffix = ("" if lanes(kind) == 1 else f"v{lanes(kind)}") + _SUFFIXES[element(kind)]
        return self.call(f"llvm.{name}.{suffix}", arguments, kind)

    def fma(self, a: Any, b: Any, c: Any) -> Register:
        """Give a * b + c, rounded once."""
        kind = next(x.type for x in (a, b, c) if isinstance(x, Register))
        widest = max(lanes(x.type) for x in (a, b, c) if isinstance(x, Register))
        kind = vector(widest, element(kind))
        return self.intrinsic("fma", *[self.splat(self.lift(x, kind), widest) for x in (a, b, c)])

    def select(self, condition: Register, yes: Any, no: Any) -> Register:
        """Choose lane by lane."""
        kind = next(x.type for x in (yes, no) if isinstance(x, Register))
        yes, no = self.lift(yes, kind), self.lift(no, kind)
        widest = max(lanes(condition.type), lanes(yes.type), lanes(no.type))
        condition, yes, no = (self.splat(x, widest) for x in (condition, yes, no))
        return self.emit(
            f"select {condition.type} {condition.text}, {yes.type} {yes.text}, {no.type} {no.text}", yes.type
        )

    def cast(self, operation: str, value: Register, to: str) -> Register:
        """Convert with an LLVM cast (fpext, fptrunc, sitofp, bitcast …); `to` is the element type."""
        kind = vector(lanes(value.type), to)
        return self.emit(f"{operation} {value.type} {value.text} to {kind}", kind)

    # ---- memory -----------------------------------------------------------------------------------------------------
    def address(self, pointer: Register, index: Any, kind: str) -> Register:
        """Give the address of element `index` past a pointer to elements of a scalar type."""
        index = self.lift(index, I64)
        if index.text == "0":
            return pointer
        return self.emit(f"getelementptr {kind}, ptr {pointer.text}, i64 {index.text}", PTR)

    def within(self, pointer: Register, count: int) -> Register:
        """Say that a pointer leads to `count` bytes of its own; only checked code makes use of it (`checked.py`)."""
        return pointer

    def local(self, count: int, kind: str) -> Register:
        """Give memory for `count` values of a type that lasts as long as the function runs."""
        pointer = self.emit(f"alloca [{count} x {kind}], align 64", PTR)
        return self.within(pointer, count * SIZES[element(kind)] * lanes(kind))

    def load(self, pointer: Register, kind: str, *, align: int | None = None) -> Register:
        return self.emit(f"load {kind}, ptr {pointer.text}, align {align or SIZES[element(kind)]}", kind)

    def store(self, value: Register, pointer: Register, *, align: int | None = None) -> None:
        align = align or SIZES[element(value.type)]
        self.do(f"store {value.type} {value.text}, ptr {pointer.text}, align {align}")

    def masked_load(self, pointer: Register, mask: Register, kind: str) -> Register:
        """Load the lanes that the mask names; the others are 0."""
        suffix = f"v{lanes(kind)}{_SUFFIXES[element(kind)]}.p0"
        name = f"llvm.masked.load.{suffix}"
        self.module.declare(name, kind, [PTR, mask.type, kind])
        align = SIZES[element(kind)]
        return self.emit(
            f"call {kind} @{name}(ptr align {align} {pointer.text}, {mask.type} {mask.text}, {kind} zeroinitializer)",
            kind,
        )

    def masked_store(self, value: Register, pointer: Register, mask: Register) -> None:
        suffix = f"v{lanes(value.type)}{_SUFFIXES[element(value.type)]}.p0"
        name = f"llvm.masked.store.{suffix}"
        self.module.declare(name, "void", [value.type, PTR, mask.type])
        align = SIZES[element(value.type)]
        self.do(
            f"call void @{name}({value.type} {value.text}, ptr align {align} {pointer.text}, {mask.type} {mask.text})"
        )

    def gather(self, base: Register, indices: Register, kind: str, mask: Register | None = None) -> Register:
        """Load elements that lie anywhere, by their indices past `base`; lanes outside the mask are 0."""
        count = lanes(indices.type)
        pointers = self.emit(
            f"getelementptr {kind}, ptr {base.text}, {indices.type} {indices.text}", vector(count, PTR)
        )
        wide = vector(count, kind)
        name = f"llvm.masked.gather.v{count}{_SUFFIXES[kind]}.v{count}p0"
        mask = mask or Register(self, "splat (i1 true)", vector(count, I1))
        self.module.declare(name, wide, [pointers.type, mask.type, wide])
        align = SIZES[kind]
        return self.emit(
            f"call {wide} @{name}({pointers.type} align {align} {pointers.text}, {mask.type} {mask.text}, "
            f"{wide} zeroinitializer)",
            wide,
        )

    def prefetch(self, pointer: Register, *, to_write: bool = False) -> None:
        """Ask for a cache line; any address will do."""
        self.module.declare("llvm.prefetch.p0", "void", [PTR, "i32 immarg", "i32 immarg", "i32 immarg"])
        self.do(f"call void @llvm.prefetch.p0(ptr {pointer.text}, i32 {int(to_write)}, i32 3, i32 1)")

    # ---- vectors ----------------------------------------------------------------------------------------------------
    def splat(self, value: Register, count: int) -> Register:
        """Repeat a scalar in every lane; a vector is given back."""
        if count == 1 or lanes(value.type) > 1:
            return value
        kind = vector(count, value.type)
        if value.text[0] != "%":
            return Register(self, f"splat ({value.type} {value.text})", kind)
        first = self.emit(f"insertelement {kind} poison, {value.type} {value.text}, i32 0", kind)
        zeros = f"{vector(count, I32)} zeroinitializer"
        return self.emit(f"shufflevector {kind} {first.text}, {kind} poison, {zeros}", kind)

    def iota(self, count: int, kind: str = I64) -> Register:
        """Give 0, 1, 2, … in the lanes."""
        if count == 1:
            return self.constant(0, kind)
        return Register(self, "<" + ", ".join(f"{kind} {i}" for i in range(count)) + ">", vector(count, kind))

    def shuffle(self, left: Register, right: Register, places: Sequence[int]) -> Register:
        """Give the lanes of two vectors, laid end to end, at these places."""
        kind = vector(len(places), element(left.type))
        mask = f"<{len(places)} x i32> <" + ", ".join(f"i32 {place}" for place in places) + ">"
        return self.emit(f"shufflevector {left.type} {left.text}, {right.type} {right.text}, {mask}", kind)

    def extract(self, value: Register, lane: Any) -> Register:
        lane = self.lift(lane, I32)
        return self.emit(f"extractelement {value.type} {value.text}, {lane.type} {lane.text}", element(value.type))

    def insert(self, value: Register, scalar: Register, lane: int) -> Register:
        return self.emit(
            f"insertelement {value.type} {value.text}, {scalar.type} {scalar.text}, i32 {lane}", value.type
        )

    def first_lanes(self, count: Register, total: int) -> Register:
        """Give a mask with the lanes below `count` set."""
        narrow = self.cast("trunc", count, I32)
        return self.iota(total, I32).compare("lt", self.splat(narrow, total))

    # ---- control ----------------------------------------------------------------------------------------------------
    def block(self, label: str) -> None:
        """Begin a basic block."""
        self._lines.append(label + ":")
        self._block = label

    def label(self, prefix: str) -> str:
        """Give a new label."""
        self._count += 1
        return f"{prefix}{self._count}"

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1, carry: Sequence[Register] = ()) -> Iterator[Loop]:
        """Count from `start` while below `stop`. Carried values are registers that each round gives to the next."""
        start, stop = self.lift(start, I64), self.lift(stop, I64)
        head, body, done = self.label("head"), self.label("body"), self.label("done")
        before = self._block
        self.do(f"br label %{head}")
        self.block(head)
        counter = self.emit("", I64)
        place = len(self._lines) - 1
        values, places = [], []
        for value in carry:
            values.append(self.emit("", value.type))
            places.append(len(self._lines) - 1)
        condition = counter.compare("lt", stop)
        self.do(f"br i1 {condition.text}, label %{body}, label %{done}")
        self.block(body)
        loop = Loop(counter, values)
        yield loop
        following = self.emit(f"add nsw i64 {counter.text}, {self.lift(step, I64).text}", I64)
        end = self._block
        self.do(f"br label %{head}")
        self.block(done)
        self._lines[place] = f"  {counter.text} = phi i64 [{start.text}, %{before}], [{following.text}, %{end}]"
        assert len(loop.following) == len(values), "each carried value needs its next one"
        for value, line, first, following in zip(values, places, carry, loop.following, strict=True):
            self._lines[line] = (
                f"  {value.text} = phi {value.type} [{first.text}, %{before}], [{following.text}, %{end}]"
            )

    @contextmanager
    def when(self, condition: Register) -> Iterator[None]:
        """Run what is written inside only if the condition holds."""
        then, done = self.label("then"), self.label("endif")
        self.do(f"br i1 {condition.text}, label %{then}, label %{done}")
        self.block(then)
        yield
        self.do(f"br label %{done}")
        self.block(done)

    def end(self) -> None:
        """Finish the function."""
        self.do("ret void")
        head = self._head.replace("(%s)", f"({', '.join(self._signature)})", 1)
        self.module.functions.append(head + "\n" + "\n".join(self._lines) + "\n}\n")


class Module:
    """A module being written: functions, and declarations of what they call."""

    def __init__(self, *, rounds_to_bf16: bool = False) -> None:
        self.rounds_to_bf16 = rounds_to_bf16
        self.functions: list[str] = []
        self._declared: dict[str, str] = {}
        self._defined: set[str] = set()
        self._shared: dict[Hashable, str] = {}
        self._bodies: dict[tuple[str, ...], str] = {}

    def shared(self, key: Hashable, prefix: str, write: Callable[[str], None]) -> str:
        """Give the name of the function that `write(name)` writes; for an equal key it is written only once.

        What different keys write may be equal all the same: it stays in the module once, since a line of a function
        takes LLVM a hundred times as long as it takes to write.
        """
        if key not in self._shared:
            name = f"{prefix}_{len(self._shared)}"
            first = len(self.functions)
            write(name)
            body = tuple([text.replace(f"@{name}(", "@(") for text in self.functions[first:]])
            known = self._bodies.setdefault(body, name)
            if known != name:
                del self.functions[first:]
                self._defined.discard(name)
            self._shared[key] = known
        return self._shared[key]

    def declare(self, name: str, result: str, arguments: Sequence[str]) -> None:
        """Declare a function that is defined elsewhere."""
        if name not in self._defined:
            self._declared.setdefault(name, f"declare {result} @{name}({', '.join(arguments)})")

    def define(self, name: str, text: str) -> None:
        """Add a function whose text is written already; once, however often it is asked for."""
        if name not in self._defined:
            self._defined.add(name)
            self._declared.pop(name, None)
            self.functions.append(text)

    def function(
        self, name: str, arguments: Sequence[tuple[str, str]], *, internal: bool = True, attributes: str = ""
    ) -> Function:
        """Begin a function."""
        self._defined.add(name)
        self._declared.pop(name, None)
        return Function(self, name, arguments, internal=internal, attributes=attributes)

    def text(self) -> str:
        """Give the whole module."""
        return "\n".join([*self._declared.values(), *self.functions])
