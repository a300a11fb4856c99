"""The threads that run native code together: barriers, sleep, forks, Ctrl-C, exit. Times are not measured.

What it is not: a test of kernels or of how work is split.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time

import numpy as np
import pytest

from shapewright.devices.cpu import machine, thread_code, threads
from shapewright.shapes.errors import ArgumentError
from tests.cpu.native import code, run_program

SYSTEMS = ["linux", "posix"] if thread_code.system() == "linux" else [thread_code.system()]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals of this system are others")


@pytest.fixture(scope="module")
def native() -> machine.Code:
    return code()


def wait_until_asleep(pool: threads.Pool) -> None:
    workers = pool._workers
    assert workers is not None
    while workers._block[thread_code.SLEEPERS] < pool.count - 1:
        time.sleep(0.001)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_barriers(native: machine.Code, count: int, system: str) -> None:
    pool = threads.Pool(count, system=system)
    numbers = np.zeros(1 + 2 * count, np.int64)
    numbers[0] = 300 if count <= threads.thread_count() else 30
    for _ in range(3):
        pool.run(native.address("rounds"), numbers.ctypes.data)
        assert (numbers[1 : 1 + count] == numbers[0] - 1).all()
        assert not numbers[1 + count :].any()
    pool.stop()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_thread_runs_once_a_call(native: machine.Code, count: int, system: str) -> None:
    pool = threads.Pool(count, spin_seconds=0, system=system)
    numbers = np.zeros(1 + count, np.int64)
    for round_ in range(1, 30):
        if round_ % 3 == 0:
            wait_until_asleep(pool)
        pool.run(native.address("add"), numbers.ctypes.data)
        assert numbers.tolist() == [count] + [round_] * count
    pool.stop()
    pool.run(native.address("add"), numbers.ctypes.data)  # starts again
    assert numbers.tolist() == [count] + [30] * count
    pool.stop()


def test_many_python_threads(native: machine.Code) -> None:
    pool = threads.Pool(2)
    numbers = np.zeros(3, np.int64)
    address, argument = native.address("add"), numbers.ctypes.data

    def work() -> None:
        for _ in range(50):
            pool.run(address, argument)

    callers = [threading.Thread(target=work) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert numbers.tolist() == [2, 300, 300]
    pool.stop()


def test_shared_pool_is_made_once(native: machine.Code) -> None:
    pools = []
    callers = [threading.Thread(target=lambda: pools.append(threads.pool())) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(set(map(id, pools))) == 1
    numbers = np.zeros(1 + threads.thread_count(), np.int64)
    threads.run(native.address("add"), numbers.ctypes.data)
    assert numbers.tolist() == [threads.thread_count()] + [1] * threads.thread_count()


def test_a_callback_may_run_code(native: machine.Code) -> None:
    pool = threads.Pool(2)
    numbers = np.zeros(3, np.int64)
    inner = np.array([40, 0, 0, 0, 0])

    def callback() -> None:
        pool.run(native.address("add"), numbers.ctypes.data)
        pool.run(native.address("rounds"), inner.ctypes.data)  # barriers of one thread do not wait

    function = ctypes.CFUNCTYPE(None)(callback)
    pointer = ctypes.c_void_p(ctypes.cast(function, ctypes.c_void_p).value)
    for round_ in range(1, 4):
        pool.run(native.address("call_back"), ctypes.addressof(pointer))
        assert numbers.tolist() == [1, round_, 0]
        assert inner.tolist() == [40, 39, 0, 0, 0]
    pool.run(native.address("add"), numbers.ctypes.data)
    assert numbers.tolist() == [2, 4, 1]
    pool.stop()


def test_thread_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHAPEWRIGHT_THREADS", raising=False)
    everything = threads.thread_count()
    assert everything >= 1
    monkeypatch.setenv("SHAPEWRIGHT_THREADS", "1")
    assert threads.thread_count() == 1
    monkeypatch.setenv("SHAPEWRIGHT_THREADS", "100000")
    assert threads.thread_count() == everything
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("SHAPEWRIGHT_THREADS", wrong)
        with pytest.raises(ArgumentError) as caught:
            threads.thread_count()
        assert str(caught.value) == (
            f"SHAPEWRIGHT_THREADS is '{wrong}', which is no number of threads.\n"
            f"  write  SHAPEWRIGHT_THREADS={everything}, or leave it unset: all processors are used"
        )


def test_workers_leave_signals_to_the_main_thread(native: machine.Code) -> None:
    if not hasattr(signal, "pthread_sigmask") or not os.path.exists("/proc/self/task"):
        pytest.skip("this system does not show the signals of threads")
    pool = threads.Pool(2)
    numbers = np.zeros(3, np.int64)
    pool.run(native.address("add"), numbers.ctypes.data)
    assert pool._workers is not None
    worker = pool._workers._block[thread_code.THREADS + 1]
    with open(f"/proc/self/task/{worker}/status") as file:
        blocked = next(int(line.split()[1], 16) for line in file if line.startswith("SigBlk"))
    assert blocked >> (signal.SIGINT - 1) & 1
    assert not blocked >> (signal.SIGSEGV - 1) & 1
    pool.stop()


PREPARE = """
import ctypes, os, signal, sys, threading, time
import numpy as np
from tests.cpu.native import code
from shapewright.devices.cpu import thread_code, threads
# What a shell's job in the background starts ignores Ctrl-C, and so would the programs of these tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
native = code()
numbers = np.zeros(8, np.int64)
pool = threads.Pool(2)
add, hold, argument = native.address("add"), native.address("hold"), numbers.ctypes.data
"""


@needs_fork
def test_fork() -> None:
    program = f"""{PREPARE}
pool.run(add, argument)
child = os.fork()
if not child:
    pool.run(add, argument)
    assert numbers[:3].tolist() == [2, 2, 2]
    grandchild = os.fork()
    if not grandchild:
        pool.run(add, argument)
        os._exit(0 if numbers[:3].tolist() == [2, 3, 3] else 1)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
pool.run(add, argument)
print(numbers[:3].tolist())
"""
    assert run_program(program) == "[2, 2, 2]\n"


@needs_fork
def test_fork_while_another_thread_runs_code() -> None:
    program = f"""{PREPARE}
other = threading.Thread(target=pool.run, args=(hold, argument))
other.start()
while not numbers[1]:
    time.sleep(0.001)
child = os.fork()
if not child:
    mine = np.zeros(8, np.int64)
    pool.run(add, mine.ctypes.data)
    os._exit(0 if mine[:3].tolist() == [2, 1, 1] else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
numbers[0] = 1
other.join()
print("ended")
"""
    assert run_program(program) == "ended\n"


@needs_signals
def test_ctrl_c() -> None:
    program = f"""{PREPARE}
def interrupt():
    while not numbers[1]:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    numbers[0] = 1

threading.Thread(target=interrupt).start()
try:
    pool.run(hold, argument)
    while True:
        pass
except KeyboardInterrupt:
    print("interrupted")
numbers[:] = 0
pool.run(add, argument)
print(numbers[:3].tolist())
"""
    assert run_program(program) == "interrupted\n[2, 1, 1]\n"


@needs_signals
def test_ctrl_c_again_and_again() -> None:
    # Wherever it comes, also while code is compiled or threads are started or ended: nothing hangs or breaks.
    program = f"""{PREPARE}
armed = False
def handler(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, handler)
ended = False
def interrupt():
    global ended
    for number in range(150):
        time.sleep(0.0002 * (number % 10))
        os.kill(os.getpid(), signal.SIGINT)
    ended = True

threading.Thread(target=interrupt).start()
interruptions = 0
while not ended:
    try:
        armed = True
        while not ended:
            code()
            for _ in range(10):
                pool.run(add, argument)
            pool.stop()
        armed = False
    except KeyboardInterrupt:
        interruptions += 1
numbers[:] = 0
pool.run(add, argument)
print(numbers[:3].tolist(), interruptions > 0)
"""
    assert run_program(program) == "[2, 1, 1] True\n"


@pytest.mark.parametrize("state", ["spinning", "asleep", "running", "never started"])
def test_exit(state: str) -> None:
    program = PREPARE.replace("Pool(2)", f"Pool(2, spin_seconds={100 if state == 'spinning' else 0})")
    if state != "never started":
        program += "pool.run(add, argument)\n"
    if state == "asleep":
        program += "while not pool._workers._block[thread_code.SLEEPERS]:\n    time.sleep(0.001)\n"
    if state == "running":
        program += "threading.Thread(target=pool.run, args=(hold, argument), daemon=True).start()\n"
        program += "while not numbers[1]:\n    time.sleep(0.001)\n"
    assert run_program(program + "print('ended')") == "ended\n"


def test_a_pool_without_owner_goes_on() -> None:
    program = f"""{PREPARE}
import gc
for _ in range(5):
    other = threads.Pool(3)
    other.run(add, argument)
    del other
    gc.collect()
print(numbers[:4].tolist())
"""
    assert run_program(program) == "[3, 5, 5, 5]\n"
