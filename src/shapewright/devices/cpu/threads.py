"""Runs one native function on all threads at once: the workers, their sleep, and the barrier that kernels call.

The workers are Python threads that stay inside one native call: neither a step nor a barrier touches the interpreter.
Between steps they first spin, because a spinning worker starts within a microsecond, then sleep until they are woken.
The code that does this is generated too, and needs nothing of the processor but atomic operations: on Linux it sleeps
in a futex, elsewhere by short naps.

What it is not: that code (`thread_code.py`), or the splitting of work, which the kernels do from their thread's index
and the count of threads.

`SHAPEWRIGHT_THREADS` lowers the number of threads, by default one for each processor that this process may use.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import threading
import time
import weakref
from typing import Any

from shapewright.shapes.errors import ArgumentError

from . import thread_code
from .machine import Code, compile_module
from .thread_code import emit_barrier as emit_barrier

_SPIN_SECONDS = 2e-3  # before a worker sleeps: longer than the Python between the steps of a training loop
_YIELD_SECONDS = 5e-5


def thread_count() -> int:
    """Give how many threads a step runs on: the processors that this process may use, or fewer by SHAPEWRIGHT_THREADS.

    Raises:
        ArgumentError: SHAPEWRIGHT_THREADS is not a positive whole number.
    """
    available = len(_processors()) or os.cpu_count() or 1
    text = os.environ.get("SHAPEWRIGHT_THREADS")
    if not text:
        return available
    if not text.strip().isdecimal() or int(text) < 1:
        raise ArgumentError(
            f"SHAPEWRIGHT_THREADS is {text!r}, which is no number of threads.",
            hint=f"SHAPEWRIGHT_THREADS={available}, or leave it unset: all processors are used",
        )
    return min(available, int(text))


class Pool:
    """Threads that run native functions together; thread 0 is the caller's. They start when the first function runs.

    Many Python threads may call `run`: their functions run one after another. A function that is run by a Python
    callback of a running one has one thread. After a fork the child starts threads of its own.

    Args:
        count: number of threads, by default `thread_count()`.
        spin_seconds: how long a worker spins before it sleeps.
        system: "linux", "posix" or "windows": how threads sleep.
    """

    def __init__(
        self, count: int | None = None, *, spin_seconds: float = _SPIN_SECONDS, system: str | None = None
    ) -> None:
        self.count = count or thread_count()
        self._spin_seconds = spin_seconds
        self._system = system or thread_code.system()
        self._workers: _Workers | None = None
        self._lock = threading.RLock()
        _POOLS.add(self)

    def run(self, function: int, argument: int) -> None:
        """Call `function(argument, control, index, count)` on every thread, and return when all have returned.

        Args:
            function: address of native code that takes a pointer, a pointer and two i64. What it belongs to must stay.
            argument: any number; mostly the address of what the function works on.
        """
        with self._lock:
            workers = self._workers or self._start()
            workers.run(workers.control, function, argument, self.count)

    def stop(self) -> None:
        """End the workers. The next `run` starts others."""
        with self._lock:
            workers, self._workers = self._workers, None
            if workers is not None:
                workers.stop()

    def _start(self) -> _Workers:
        workers = _Workers(self.count, self._spin_seconds, self._system)
        workers.start()
        self._workers = workers
        return workers

    def _forget(self) -> None:
        """Begin anew in the child of a fork: it has none of the threads, and perhaps a lock that none will release."""
        if self._workers is not None:
            _KEPT.append(self._workers)  # the fork may have come from below a running job
        self._workers = None
        self._lock = threading.RLock()


class _Workers:
    """The threads of a pool, started once, and the memory they share, which lies in their code."""

    def __init__(self, count: int, spin_seconds: float, system: str) -> None:
        slots = thread_code.THREADS + count
        self._code: Code = compile_module(thread_code.runtime_text(system, slots))
        self.control = self._code.data_address("control")
        self._block = (ctypes.c_int64 * slots).from_address(self.control)
        self._count = count
        self._running: list[_thread.LockType] = []  # one lock a thread, free when it has left the code
        self.run = self._native("run", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        self._work = self._native("work", ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        self._halt = self._native("halt", ctypes.c_void_p)
        pause = self._seconds_of_a_pause()
        self._spins = max(1, int(spin_seconds / pause))
        block = self._block
        block[thread_code.YIELD_AFTER] = block[thread_code.ALONE + thread_code.YIELD_AFTER] = max(
            1, int(_YIELD_SECONDS / pause)
        )
        block[thread_code.CALLER_PROCESSOR] = -1
        allowed = _processors()
        # With more workers than other processors it is better to leave their places to the system.
        block[thread_code.MAY_MOVE] = int(
            system == "linux" and count <= len(allowed) and max(allowed) < thread_code.PROCESSORS
        )
        for processor in allowed:
            if processor < thread_code.PROCESSORS:
                word, bit = divmod(processor, 64)
                block[thread_code.ALLOWED + word] = ctypes.c_int64(block[thread_code.ALLOWED + word] | 1 << bit).value

    def start(self) -> None:
        """Start the threads, all or none."""
        try:
            for index in range(1, self._count):
                # Not by `threading`: these threads are not waited for when the interpreter ends, and Ctrl-C in the
                # Python code of `Thread.start` can leave a lock behind that the new thread then waits for, for ever.
                running = _thread.allocate_lock()
                running.acquire()
                _thread.start_new_thread(self._enter, (index, running))
                self._running.append(running)
        except BaseException:
            self._halt(self.control)
            raise

    def stop(self) -> None:
        """End the threads, and wait until they have ended: their code may go then."""
        self._halt(self.control)
        for running in self._running:
            running.acquire()

    def _enter(self, index: int, running: _thread.LockType) -> None:
        if hasattr(signal, "pthread_sigmask"):
            # Ctrl-C is for the main thread, which may be in a call that only a signal of its own interrupts.
            faults = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT}
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - faults)
        self._block[thread_code.THREADS + index] = threading.get_native_id()
        self._work(self.control, index, self._spins)
        running.release()

    def _seconds_of_a_pause(self) -> float:
        """Measure the pause instruction, whose length differs tenfold between processors."""
        rest, pauses = self._native("rest", ctypes.c_int64), 1000
        rest(1)
        seconds = []
        for _ in range(3):
            started = time.perf_counter()
            rest(pauses)
            seconds.append(time.perf_counter() - started)
        return max(min(seconds) / pauses, 1e-10)

    def _native(self, name: str, *arguments: Any) -> Any:
        return ctypes.CFUNCTYPE(None, *arguments)(self._code.address(name))


_POOLS: weakref.WeakSet[Pool] = weakref.WeakSet()
_KEPT: list[_Workers] = []
_LOCK = threading.Lock()
_shared: Pool | None = None


def pool() -> Pool:
    """Give the pool that every step of this process shares."""
    global _shared
    if _shared is None:
        with _LOCK:
            if _shared is None:
                _shared = Pool()
    return _shared


def run(function: int, argument: int) -> None:
    """Run a native function on the threads of the shared pool; see `Pool.run`."""
    pool().run(function, argument)


def _after_fork() -> None:
    global _LOCK
    _LOCK = threading.Lock()
    for each in list(_POOLS):
        each._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _processors() -> set[int]:
    """Give the processors that this thread may use; none where the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
