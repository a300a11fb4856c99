"""The bounds-checked mode of generated code: every load and store is compared with the buffer it belongs to.

`SHAPEWRIGHT_CPU_CHECKED=1` turns it on. A pointer carries the first and the last address of its buffer wherever it
goes: through additions, selections, loops and calls, into functions that pack or multiply, for which each pointer
becomes three arguments. An access beyond them goes to memory of its own instead, and the first one is noted; so nothing
is overwritten, and the program raises when it ends. Code becomes several times larger and slower.
What it is not: a check of what users write. Shapes and indices are checked always; this finds mistakes of the engine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shapewright.graph import Variable
from shapewright.shapes.errors import Error

from .fusion import Kernel
from .ir import I1, I64, PTR, SIZES, Function, Loop, Module, Register, element, lanes, vector

NOTE = "beyond"
# What is noted of the first access beyond a buffer: the kernel's number from 1, and addresses.
KERNEL, BUFFER, PLACE, BYTES = range(4)
_SWITCH = "SHAPEWRIGHT_CPU_CHECKED"
# More than any one access reaches.
_ASIDE = 4096


def is_asked_for() -> bool:
    """Whether the environment asks for checked code."""
    return os.environ.get(_SWITCH, "") not in ("", "0")


def refusal(kernel: Kernel, number: int, buffer: Variable | None, offset: int, count: int) -> Error:
    """Give the error for an access beyond a buffer: `count` bytes, `offset` bytes from its beginning."""
    done = ", ".join(operation.op.name for operation in kernel.operations)
    if buffer is None:
        described = "scratch memory"
    else:
        size = buffer.spec.count * buffer.spec.dtype.itemsize
        kind = "a result in between" if buffer.name is None else buffer.name
        described = f"{kind}: {buffer.spec.dtype.name}{list(buffer.spec.sizes)}, {size} bytes"
    return Error(
        "a compiled program was about to reach beyond a buffer, and its results are not to be trusted",
        facts=[
            ("kernel", f"number {number}: {done}"),
            ("buffer", described),
            ("reached", f"{count} bytes at byte {offset}"),
        ],
        hint="a report with the function that was compiled: this is a mistake of shapewright, not of yours",
    )


class CheckedModule(Module):
    """A module whose functions check what they load and store."""

    def __init__(self, *, rounds_to_bf16: bool = False) -> None:
        super().__init__(rounds_to_bf16=rounds_to_bf16)
        self.checked: set[str] = set()
        self.define(NOTE, _TEXT)
        self._defined.update(("beyond_check", "beyond_check_lanes"))
        for name, (result, arguments) in _DECLARED.items():
            self.declare(name, result, arguments)

    def function(
        self, name: str, arguments: Sequence[tuple[str, str]], *, internal: bool = True, attributes: str = ""
    ) -> Function:
        if internal:
            self.checked.add(name)
        self._defined.add(name)
        self._declared.pop(name, None)
        return CheckedFunction(self, name, arguments, internal=internal, attributes=attributes)


class CheckedFunction(Function):
    """A function whose pointers know their buffers. What is called from Python has to say them by `within`."""

    def __init__(
        self,
        module: CheckedModule,
        name: str,
        arguments: Sequence[tuple[str, str]],
        *,
        internal: bool,
        attributes: str = "",
    ) -> None:
        # The first and the last address of each pointer's buffer.
        self._buffers: dict[str, tuple[Register, Register]] = {}
        self._internal = internal
        self._known = module.checked
        super().__init__(module, name, [], internal=internal, attributes=attributes)
        self.kernel = self.constant(0)
        if internal:
            self.kernel = super().argument("kernel", I64)
            self.arguments.clear()
        for label, kind in arguments:
            self.argument(label, kind)

    def argument(self, label: str, type_: str) -> Register:
        # No promise that pointers are apart: what goes beyond one buffer would break it.
        register = super().argument(label, type_.split(" ")[0])
        if register.type == PTR and self._internal:
            first, last = (super(CheckedFunction, self).argument(f"{label}.{end}", PTR) for end in ("first", "last"))
            del self.arguments[-2:]
            self._buffers[register.text] = first, last
        return register

    # ---- pointers and their buffers ---------------------------------------------------------------------------------
    def _buffer(self, pointer: Register) -> tuple[Register, Register]:
        found = self._buffers.get(pointer.text)
        assert found is not None, f"{self.name} reaches memory by {pointer.text}, whose buffer nothing says"
        return found

    def _follow(self, pointer: Register, source: Register) -> Register:
        if source.text in self._buffers:
            self._buffers[pointer.text] = self._buffers[source.text]
        return pointer

    def within(self, pointer: Register, count: int) -> Register:
        if pointer.text in self._buffers:
            pointer = self._checked(pointer, self.constant(count), "nothing")
        last = self.emit(f"getelementptr i8, ptr {pointer.text}, i64 {count}", PTR)
        self._buffers[pointer.text] = pointer, last
        return pointer

    def address(self, pointer: Register, index: Any, kind: str) -> Register:
        return self._follow(super().address(pointer, index, kind), pointer)

    def select(self, condition: Register, yes: Any, no: Any) -> Register:
        chosen = super().select(condition, yes, no)
        if chosen.type == PTR:
            pairs = zip(self._buffer(yes), self._buffer(no), strict=True)
            first, last = (super(CheckedFunction, self).select(condition, a, b) for a, b in pairs)
            self._buffers[chosen.text] = first, last
        return chosen

    @contextmanager
    def loop(self, start: Any, stop: Any, step: Any = 1, carry: Sequence[Register] = ()) -> Iterator[Loop]:
        with super().loop(start, stop, step, carry) as loop:
            # A pointer that moves from round to round stays in its buffer.
            for value, before in zip(loop.values, carry, strict=True):
                self._follow(value, before)
            yield loop

    def call(self, name: str, arguments: Sequence[Register], type_: str | None = None) -> Any:
        if name not in self._known:
            return super().call(name, arguments, type_)
        nowhere = Register(self, "null", PTR)
        given = [self.kernel]
        for argument in arguments:
            given.append(argument)
            if argument.type == PTR:
                given.extend(self._buffers.get(argument.text, (nowhere, nowhere)))
        return super().call(name, given, type_)

    # ---- memory -----------------------------------------------------------------------------------------------------
    def _checked(self, pointer: Register, count: Register, instead: str) -> Register:
        """Give a pointer where `count` bytes may be reached: this one, or one aside."""
        aside = Register(self, f"@beyond_{instead}", PTR)
        checked = super().call("beyond_check", [pointer, count, *self._buffer(pointer), self.kernel, aside], PTR)
        return self._follow(checked, pointer)

    def _checked_lanes(self, pointer: Register, mask: Register, kind: str, instead: str) -> Register:
        """The same for the lanes that a mask names."""
        bits = self._bits(mask)
        aside = Register(self, f"@beyond_{instead}", PTR)
        size = self.constant(SIZES[element(kind)])
        arguments = [pointer, bits, size, *self._buffer(pointer), self.kernel, aside]
        return super().call("beyond_check_lanes", arguments, PTR)

    def _bits(self, mask: Register) -> Register:
        count = lanes(mask.type)
        narrow = self.emit(f"bitcast {mask.type} {mask.text} to i{count}", f"i{count}") if count > 1 else mask
        return self.emit(f"zext i{count} {narrow.text} to i64", I64) if count < 64 else narrow

    def load(self, pointer: Register, kind: str, *, align: int | None = None) -> Register:
        count = self.constant(SIZES[element(kind)] * lanes(kind))
        return super().load(self._checked(pointer, count, "nothing"), kind, align=align)

    def store(self, value: Register, pointer: Register, *, align: int | None = None) -> None:
        count = self.constant(SIZES[element(value.type)] * lanes(value.type))
        super().store(value, self._checked(pointer, count, "aside"), align=align)

    def masked_load(self, pointer: Register, mask: Register, kind: str) -> Register:
        return super().masked_load(self._checked_lanes(pointer, mask, kind, "nothing"), mask, kind)

    def masked_store(self, value: Register, pointer: Register, mask: Register) -> None:
        super().masked_store(value, self._checked_lanes(pointer, mask, value.type, "aside"), mask)

    def gather(self, base: Register, indices: Register, kind: str, mask: Register | None = None) -> Register:
        count = lanes(indices.type)
        mask = mask or Register(self, "splat (i1 true)", vector(count, I1))
        value = self.constant(0, vector(count, kind))
        for lane in range(count):
            place = self.address(base, self.extract(indices, lane), kind)
            # A lane outside the mask reads what is always there.
            here = self.extract(mask, lane)
            size = Function.select(self, here, self.constant(SIZES[kind]), self.constant(0))
            checked = self._checked(place, size, "nothing")
            safe = Function.select(self, here, checked, Register(self, "@beyond_nothing", PTR))
            number = Function.select(self, here, Function.load(self, safe, kind), self.constant(0, kind))
            value = self.insert(value, number, lane)
        return value


_DECLARED = {
    "llvm.cttz.i64": (I64, [I64, "i1 immarg"]),
    "llvm.ctlz.i64": (I64, [I64, "i1 immarg"]),
}
_TEXT = f"""
@{NOTE} = global [4 x i64] zeroinitializer
@beyond_nothing = internal global [{_ASIDE} x i8] zeroinitializer, align 64
@beyond_aside = internal global [{_ASIDE} x i8] zeroinitializer, align 64

define internal ptr @beyond_check(ptr %place, i64 %bytes, ptr %first, ptr %last, i64 %kernel, ptr %aside)
    nounwind noinline {{
entry:
  %after = getelementptr i8, ptr %place, i64 %bytes
  %isbefore = icmp ult ptr %place, %first
  %isbehind = icmp ugt ptr %after, %last
  %isround = icmp ult ptr %after, %place
  %isoutside = or i1 %isbefore, %isbehind
  %iswrong = or i1 %isoutside, %isround
  %isany = icmp ne i64 %bytes, 0
  %isbad = and i1 %iswrong, %isany
  br i1 %isbad, label %note, label %good
good:
  ret ptr %place
note:
  %found = cmpxchg ptr @{NOTE}, i64 0, i64 %kernel seq_cst seq_cst
  %isfirst = extractvalue {{i64, i1}} %found, 1
  br i1 %isfirst, label %describe, label %end
describe:
  %buffer = ptrtoint ptr %first to i64
  %buffers = getelementptr i64, ptr @{NOTE}, i64 {BUFFER}
  store i64 %buffer, ptr %buffers
  %address = ptrtoint ptr %place to i64
  %addresses = getelementptr i64, ptr @{NOTE}, i64 {PLACE}
  store i64 %address, ptr %addresses
  %sizes = getelementptr i64, ptr @{NOTE}, i64 {BYTES}
  store i64 %bytes, ptr %sizes
  br label %end
end:
  ret ptr %aside
}}

define internal ptr @beyond_check_lanes(
    ptr %place, i64 %mask, i64 %size, ptr %first, ptr %last, i64 %kernel, ptr %aside) nounwind noinline {{
entry:
  %isnone = icmp eq i64 %mask, 0
  br i1 %isnone, label %good, label %some
some:
  %below = call i64 @llvm.cttz.i64(i64 %mask, i1 false)
  %above = call i64 @llvm.ctlz.i64(i64 %mask, i1 false)
  %begin = mul i64 %below, %size
  %lanes = sub i64 64, %above
  %end = mul i64 %lanes, %size
  %bytes = sub i64 %end, %begin
  %from = getelementptr i8, ptr %place, i64 %begin
  %checked = call ptr @beyond_check(ptr %from, i64 %bytes, ptr %first, ptr %last, i64 %kernel, ptr %aside)
  %isgood = icmp eq ptr %checked, %from
  br i1 %isgood, label %good, label %bad
good:
  ret ptr %place
bad:
  ret ptr %aside
}}
"""
