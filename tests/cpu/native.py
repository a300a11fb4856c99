"""Small native functions for the tests of what runs them. What it is not: a test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from shapewright.devices.cpu import machine, threads
from shapewright.devices.cpu.ir import I64, PTR, Module

ROOT = Path(__file__).parents[2]
SIGNATURE = [("argument", PTR), ("control", PTR), ("index", I64), ("count", I64)]

# Says that it runs in its second number, and waits until the first is set.
_HOLD = """
define void @hold(ptr %argument, ptr %control, i64 %index, i64 %count) {
entry:
  %runs = getelementptr i64, ptr %argument, i64 1
  store atomic i64 1, ptr %runs release, align 8
  br label %look
look:
  %flag = load atomic i64, ptr %argument acquire, align 8
  %go = icmp ne i64 %flag, 0
  br i1 %go, label %end, label %look
end:
  ret void
}
"""

# Calls the function whose address comes first.
_CALL = """
define void @call_back(ptr %argument, ptr %control, i64 %index, i64 %count) {
entry:
  %first = icmp eq i64 %index, 0
  br i1 %first, label %call, label %end
call:
  %function = load ptr, ptr %argument
  call void %function()
  br label %end
end:
  ret void
}
"""


def code() -> machine.Code:
    """Compile `add`, `rounds`, `hold` and `call_back`; they are functions for a pool."""
    module = Module()
    # add: 1 to the number of each thread; the number of threads comes first.
    function = module.function("add", SIGNATURE, internal=False)
    argument, control, index, count = function.arguments
    function.store(count, argument)
    place = function.address(argument, index + 1, I64)
    function.store(function.load(place, I64) + 1, place)
    function.end()
    # rounds: each thread writes the round, and counts when its neighbour's number is not the same after a barrier.
    # The argument is how many rounds; then one number a thread; then one count of mistakes a thread.
    function = module.function("rounds", SIGNATURE, internal=False)
    argument, control, index, count = function.arguments
    own = function.address(argument, index + 1, I64)
    other = function.address(argument, (index + 1) % count + 1, I64)
    mistakes = function.address(argument, index + count + 1, I64)
    with function.loop(0, function.load(argument, I64)) as loop:
        function.store(loop.counter, own)
        threads.emit_barrier(function, control, count)
        differs = function.load(other, I64).compare("ne", loop.counter)
        function.store(function.load(mistakes, I64) + function.cast("zext", differs, I64), mistakes)
        threads.emit_barrier(function, control, count)
    function.end()
    module.define("hold", _HOLD)
    module.define("call_back", _CALL)
    return machine.compile_module(module.text())


def run_program(program: str, **environment: str) -> str:
    """Run a program in a process of its own and give what it printed; it must end well and say nothing else."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout
