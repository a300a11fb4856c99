"""The native code of the threads: how workers wait, sleep and wake, how a job is handed out, and the barrier.

It is LLVM IR, because no library that Python has comes with a barrier or a wait that kernels could call.
What it is not: the Python side, which starts and ends the threads (`threads.py`).
"""

from __future__ import annotations

import platform
import sys

from .ir import I32, I64, PTR, Function, Register

# The control block, in i64. What different threads write lies 128 bytes apart, two lines: processors fetch pairs.
GENERATION = 0  # counts jobs; workers wait for it to change
DONE = 16  # workers that finished the job
JOB = 32  # function, argument and count of threads
BARRIER_COUNT = 48  # threads that arrived
BARRIER_EPOCH = 64  # counts barriers passed
SLEEPERS = 80  # workers that sleep or are about to
STOP = 96  # whether workers shall end
YIELD_AFTER = 97  # pauses after which a waiting thread offers its processor to others
BUSY = 112  # whether a job runs
CALLER_PROCESSOR = 113  # where the caller was when it last woke sleepers
MAY_MOVE = 114  # whether sleepers may be moved away from there
ALLOWED = 128  # the processors that this process may use, as 1024 bits
MASK = 144  # the same without the caller's
ALONE = 160  # the control block of a job run by a job: there is only one thread, and barriers do nothing
THREADS = ALONE + ALLOWED  # the system's names of the threads, by index
PROCESSORS = 1024
_BARRIER = "shapewright_barrier"

_FUTEX_NUMBERS = {
    "x86_64": 202,
    "aarch64": 98,
    "riscv64": 98,
    "loongarch64": 98,
    "ppc64le": 221,
    "s390x": 238,
}


def emit_barrier(function: Function, control: Register, count: Register) -> None:
    """Write a call of the barrier: no thread passes before all `count` arrived, and each sees what others wrote."""
    module = function.module
    for name, (result, arguments) in _declarations(_pause_and_yield()).items():
        module.declare(name, result, arguments)
    module.define(_BARRIER, _barrier_text())
    function.call(_BARRIER, [control, count])


def system() -> str:
    """Give how threads sleep here: "linux", "posix" or "windows"."""
    if sys.platform == "win32":
        return "windows"
    return "linux" if sys.platform == "linux" and platform.machine() in _FUTEX_NUMBERS else "posix"


def _pause_and_yield() -> str:
    """Give the instructions between two looks at memory, as `PAUSE`, and those that offer the processor, as `YIELD`."""
    machine = platform.machine().lower()
    pause = ""
    if machine in ("x86_64", "amd64"):
        pause = "call void @llvm.x86.sse2.pause()"
    elif machine in ("aarch64", "arm64"):
        pause = "call void @llvm.aarch64.hint(i32 1)"
    other = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    return f"{pause}|%others = call i32 @{other}()"


def _declarations(text: str) -> dict[str, tuple[str, list[str]]]:
    """Give what a text calls, with results and arguments."""
    known: dict[str, tuple[str, list[str]]] = {
        "llvm.x86.sse2.pause": ("void", []),
        "llvm.aarch64.hint": ("void", [I32]),
        "llvm.memcpy.p0.p0.i64": ("void", [PTR, PTR, I64, "i1"]),
        "sched_yield": (I32, []),
        "SwitchToThread": (I32, []),
        "syscall": (I64, [I64, "..."]),
        "sched_getcpu": (I32, []),
        "sched_setaffinity": (I32, [I32, I64, PTR]),
        "usleep": (I32, [I32]),
        "Sleep": ("void", [I32]),
    }
    return {name: declared for name, declared in known.items() if f"@{name}(" in text}


def _filled(text: str) -> str:
    pause, other = _pause_and_yield().split("|")
    slots = {name: value for name, value in globals().items() if type(value) is int}
    for name in sorted(slots, key=len, reverse=True):
        text = text.replace(f"SLOT_{name}", str(slots[name]))
    return text.replace("PAUSE", pause).replace("YIELD", other)


def _barrier_text() -> str:
    # The last to arrive opens: first the count is made ready for the next barrier, then the epoch lets the others go.
    return _filled(f"""
define internal void @{_BARRIER}(ptr %control, i64 %count) nounwind noinline {{
entry:
  %single = icmp eq i64 %count, 1
  br i1 %single, label %done, label %arrive
arrive:
  %arrived = getelementptr i64, ptr %control, i64 SLOT_BARRIER_COUNT
  %epochs = getelementptr i64, ptr %control, i64 SLOT_BARRIER_EPOCH
  %limits = getelementptr i64, ptr %control, i64 SLOT_YIELD_AFTER
  %limit = load i64, ptr %limits
  %epoch = load atomic i64, ptr %epochs monotonic, align 8
  %before = atomicrmw add ptr %arrived, i64 1 acq_rel
  %last = sub i64 %count, 1
  %islast = icmp eq i64 %before, %last
  br i1 %islast, label %open, label %look
open:
  store atomic i64 0, ptr %arrived monotonic, align 8
  %next = add i64 %epoch, 1
  store atomic i64 %next, ptr %epochs release, align 8
  ret void
look:
  %looks = phi i64 [0, %arrive], [%more, %pause], [%more, %yield]
  %more = add i64 %looks, 1
  %now = load atomic i64, ptr %epochs acquire, align 8
  %closed = icmp eq i64 %now, %epoch
  br i1 %closed, label %wait, label %done
wait:
  %long = icmp ugt i64 %looks, %limit
  br i1 %long, label %yield, label %pause
yield:
  YIELD
  br label %look
pause:
  PAUSE
  br label %look
done:
  ret void
}}
""")


# How a worker sleeps while the generation is still `%seen`, `%naps` being how often it has slept in vain.
_SLEEP = {
    "linux": """
  %expected = trunc i64 %seen to i32
  %slept = call i64 (i64, ...) @syscall(i64 NUMBER, ptr %control, i64 128, i32 %expected, ptr null, ptr null, i32 0)""",
    # Naps grow to 1 ms: an idle process should cost little.
    "posix": """
  %grown = mul i64 %naps, 20
  %short = icmp ult i64 %grown, 1000
  %chosen = select i1 %short, i64 %grown, i64 1000
  %time = trunc i64 %chosen to i32
  %slept = call i32 @usleep(i32 %time)""",
    "windows": """
  call void @Sleep(i32 1)""",
}
_WAKE = {
    "linux": """
  %all = call i64 (i64, ...) @syscall(i64 NUMBER, ptr %control, i64 129, i32 2147483647, ptr null, ptr null, i32 0)""",
    "posix": "",
    "windows": "",
}
# A worker woken on the caller's processor waits for it, for milliseconds: sleepers are first moved away from there.
_MOVE = """
  %may = getelementptr i64, ptr %control, i64 SLOT_MAY_MOVE
  %maymove = load i64, ptr %may
  %cannot = icmp eq i64 %maymove, 0
  br i1 %cannot, label %ring, label %where
where:
  %processor32 = call i32 @sched_getcpu()
  %processor = zext i32 %processor32 to i64
  %known = icmp ult i64 %processor, SLOT_PROCESSORS
  br i1 %known, label %compare, label %ring
compare:
  %lasts = getelementptr i64, ptr %control, i64 SLOT_CALLER_PROCESSOR
  %last = load i64, ptr %lasts
  %same = icmp eq i64 %last, %processor
  br i1 %same, label %ring, label %prepare
prepare:
  store i64 %processor, ptr %lasts
  %allowed = getelementptr i64, ptr %control, i64 SLOT_ALLOWED
  %mask = getelementptr i64, ptr %control, i64 SLOT_MASK
  call void @llvm.memcpy.p0.p0.i64(ptr %mask, ptr %allowed, i64 128, i1 false)
  %word = lshr i64 %processor, 6
  %place = getelementptr i64, ptr %mask, i64 %word
  %bits = load i64, ptr %place
  %shift = and i64 %processor, 63
  %bit = shl i64 1, %shift
  %others = xor i64 %bit, -1
  %without = and i64 %bits, %others
  store i64 %without, ptr %place
  br label %each
each:
  %index = phi i64 [1, %prepare], [%following, %skip]
  %ismore = icmp ult i64 %index, %count
  br i1 %ismore, label %name, label %ring
name:
  %slot = add i64 %index, SLOT_THREADS
  %names = getelementptr i64, ptr %control, i64 %slot
  %thread = load atomic i64, ptr %names monotonic, align 8
  %isnamed = icmp ne i64 %thread, 0
  br i1 %isnamed, label %move, label %skip
move:
  %thread32 = trunc i64 %thread to i32
  %moved = call i32 @sched_setaffinity(i32 %thread32, i64 128, ptr %mask)
  br label %skip
skip:
  %following = add i64 %index, 1
  br label %each
"""


def runtime_text(system: str, slots: int) -> str:
    """Give the module that a pool runs, with a control block of so many i64."""
    number = str(_FUTEX_NUMBERS.get(platform.machine(), 0))
    move = _MOVE if system == "linux" else "\n  br label %ring\n"
    text = _filled(f"""
@control = global [{slots} x i64] zeroinitializer, align 128

define void @rest(i64 %count) nounwind {{
entry:
  br label %next
next:
  %done = phi i64 [0, %entry], [%more, %next]
  %more = add i64 %done, 1
  PAUSE
  %now = load atomic i64, ptr @control acquire, align 8
  %again = icmp ult i64 %more, %count
  br i1 %again, label %next, label %end
end:
  ret void
}}

define void @work(ptr %control, i64 %index, i64 %spins) nounwind {{
entry:
  %dones = getelementptr i64, ptr %control, i64 SLOT_DONE
  %jobs = getelementptr i64, ptr %control, i64 SLOT_JOB
  %arguments = getelementptr i64, ptr %jobs, i64 1
  %counts = getelementptr i64, ptr %jobs, i64 2
  %sleepers = getelementptr i64, ptr %control, i64 SLOT_SLEEPERS
  %stops = getelementptr i64, ptr %control, i64 SLOT_STOP
  br label %ready
ready:
  %seen = phi i64 [0, %entry], [%generation, %job]
  br label %look
look:
  %looks = phi i64 [0, %ready], [%more, %pause], [%spins, %sleep]
  %naps = phi i64 [0, %ready], [%naps, %pause], [%nap, %sleep]
  %generation = load atomic i64, ptr %control acquire, align 8
  %isnew = icmp ne i64 %generation, %seen
  br i1 %isnew, label %start, label %wait
wait:
  %more = add i64 %looks, 1
  %long = icmp ugt i64 %more, %spins
  br i1 %long, label %sleep, label %pause
pause:
  PAUSE
  br label %look
sleep:
  %nap = add i64 %naps, 1
  %in = atomicrmw add ptr %sleepers, i64 1 seq_cst
  {_SLEEP[system].strip()}
  %out = atomicrmw sub ptr %sleepers, i64 1 seq_cst
  br label %look
start:
  %stop = load atomic i64, ptr %stops acquire, align 8
  %isend = icmp ne i64 %stop, 0
  br i1 %isend, label %end, label %job
job:
  %function = load ptr, ptr %jobs
  %argument = load ptr, ptr %arguments
  %count = load i64, ptr %counts
  call void %function(ptr %argument, ptr %control, i64 %index, i64 %count)
  %done = atomicrmw add ptr %dones, i64 1 release
  br label %ready
end:
  ret void
}}

define internal void @wake(ptr %control, i64 %count) nounwind {{
entry:
  %sleepers = getelementptr i64, ptr %control, i64 SLOT_SLEEPERS
  %sleeping = load atomic i64, ptr %sleepers seq_cst, align 8
  %isnone = icmp eq i64 %sleeping, 0
  br i1 %isnone, label %end, label %some
some:
{move}
ring:
{_WAKE[system]}
  br label %end
end:
  ret void
}}

define void @halt(ptr %control) nounwind {{
  %stops = getelementptr i64, ptr %control, i64 SLOT_STOP
  store atomic i64 1, ptr %stops release, align 8
  %before = atomicrmw add ptr %control, i64 1 seq_cst
  call void @wake(ptr %control, i64 1)
  ret void
}}

define void @run(ptr %control, ptr %function, ptr %argument, i64 %count) nounwind {{
entry:
  %busies = getelementptr i64, ptr %control, i64 SLOT_BUSY
  %busy = load i64, ptr %busies
  %isnested = icmp ne i64 %busy, 0
  br i1 %isnested, label %nested, label %free
nested:
  %alone = getelementptr i64, ptr %control, i64 SLOT_ALONE
  call void %function(ptr %argument, ptr %alone, i64 0, i64 1)
  ret void
free:
  store i64 1, ptr %busies
  %workers = sub i64 %count, 1
  %isone = icmp eq i64 %workers, 0
  br i1 %isone, label %own, label %publish
publish:
  %jobs = getelementptr i64, ptr %control, i64 SLOT_JOB
  %arguments = getelementptr i64, ptr %jobs, i64 1
  %counts = getelementptr i64, ptr %jobs, i64 2
  %dones = getelementptr i64, ptr %control, i64 SLOT_DONE
  store ptr %function, ptr %jobs
  store ptr %argument, ptr %arguments
  store i64 %count, ptr %counts
  store atomic i64 0, ptr %dones monotonic, align 8
  %before = atomicrmw add ptr %control, i64 1 seq_cst
  call void @wake(ptr %control, i64 %count)
  br label %own
own:
  call void %function(ptr %argument, ptr %control, i64 0, i64 %count)
  br i1 %isone, label %end, label %join
join:
  %finished = getelementptr i64, ptr %control, i64 SLOT_DONE
  %limits = getelementptr i64, ptr %control, i64 SLOT_YIELD_AFTER
  %limit = load i64, ptr %limits
  br label %look
look:
  %looks = phi i64 [0, %join], [%more, %pause], [%more, %yield]
  %more = add i64 %looks, 1
  %done = load atomic i64, ptr %finished acquire, align 8
  %isall = icmp uge i64 %done, %workers
  br i1 %isall, label %end, label %wait
wait:
  %long = icmp ugt i64 %looks, %limit
  br i1 %long, label %yield, label %pause
yield:
  YIELD
  br label %look
pause:
  PAUSE
  br label %look
end:
  store i64 0, ptr %busies
  ret void
}}
""").replace("NUMBER", number)
    declared = _declarations(text).items()
    return "\n".join([*(f"declare {result} @{name}({', '.join(kinds)})" for name, (result, kinds) in declared), text])
