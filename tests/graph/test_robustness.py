"""Compiled steps where something goes wrong or on beside them: Ctrl-C, forks, threads, processes, callbacks.

What it is not: the pool of native threads on its own (`tests/cpu/test_threads.py`), or the cache (`test_machine.py`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cpu.native import ROOT, run_program

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_signals = pytest.mark.skipif(os.name == "nt", reason="signals of this system are others")

# A model whose step is long enough to be met in the middle, and its numbers.
PREPARE = """
import os, signal, sys, threading, time
import numpy as np
import shapewright as sw
from shapewright import nn, optim

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it

class Net(nn.Module):
    def __init__(self):
        self.up = nn.Linear(300, 300, key=sw.Key(0))
        self.norm = nn.BatchNorm2d(300)
        self.down = nn.Linear(300, 10, key=sw.Key(1))

    def __call__(self, x):
        h = self.up(x)
        return self.down(self.norm(h.reshape((256, 300, 1, 1))).reshape((256, 300)).relu())

model = Net()
adam = optim.Adam(model)

@sw.compile
def step(x: sw.Tensor, y: sw.Tensor) -> sw.Tensor:
    for _ in range(ROUNDS):
        x = (x + 1.0 - x.sin() * 0.1).tanh()
    loss = nn.cross_entropy(model(x.trace()), y)
    adam.update(loss.backward())
    return loss

x, y = sw.rand((256, 300), key=sw.Key(2)), sw.randint(0, 10, (256,), key=sw.Key(3))

def cells():
    return [*model.cells().values(), *adam.cells().values()]

def state():
    return {name: cell.numpy().copy() for name, cell in {**model.cells(), **adam.cells()}.items()}
"""


def program(text: str, rounds: int = 1) -> str:
    return run_program(PREPARE.replace("ROUNDS", str(rounds)) + text)


@needs_fork
def test_a_fork_goes_on_with_what_is_compiled_and_compiles_more() -> None:
    text = """
first = step(x, y).item()
child = os.fork()
if not child:
    second = step(x, y).item()
    double = sw.compile(lambda x: x * 2.0)
    os._exit(0 if second < first and double(sw.ones((3,))).tolist() == [2.0] * 3 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(step(x, y).item() < first)
"""
    assert program(text) == "True\n"


@needs_fork
def test_a_fork_while_another_thread_is_in_a_step() -> None:
    text = """
step(x, y)
ended = False
def work():
    while not ended:
        step(x, y)
other = threading.Thread(target=work, daemon=True)
other.start()
for _ in range(10):
    child = os.fork()
    if not child:
        signal.alarm(60)
        loss = step(x, y).item()
        triple = sw.compile(lambda x: x * 3.0)
        names = model.state_dict()
        os._exit(0 if np.isfinite(loss) and triple(sw.ones((3,))).tolist() == [3.0] * 3 and len(names) == 9 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
ended = True
other.join()
print("ended")
"""
    assert program(text) == "ended\n"


@needs_signals
def test_ctrl_c_leaves_the_state_between_two_steps() -> None:
    # Each interruption comes at another moment of a step; the parameters, the optimiser's state and the running
    # statistics are then those of a whole number of steps.
    text = """
begin = [cell.numpy().copy() for cell in cells()]
whole = []
for _ in range(60):
    whole.append(state())
    step(x, y)
for cell, numbers in zip(cells(), begin, strict=True):
    cell.assign(sw.from_numpy(numbers))

armed = ended = False
def handler(*_):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt
signal.signal(signal.SIGINT, handler)

def interrupt():
    number = 0
    while not ended:
        number += 1
        time.sleep(0.0003 * (number % 13))
        os.kill(os.getpid(), signal.SIGINT)

other = threading.Thread(target=interrupt, daemon=True)
other.start()
interruptions = 0
kept = None
while state()["norm.num_batches_tracked"] < 59 - 1:
    try:
        # Who looks at a value keeps it: the step writes to another place, which the parameter must be given.
        kept = model.up.weight.stop_gradient()
        armed = True
        step(x, y)
        armed = False
    except KeyboardInterrupt:
        interruptions += 1
    now = state()
    count = int(now["norm.num_batches_tracked"])
    for name, value in now.items():
        assert np.array_equal(value, whole[count][name]), (name, count, interruptions)
ended = True
other.join()
print(interruptions > 0)
"""
    assert program(text, rounds=10) == "True\n"


@needs_signals
def test_what_a_handler_raises_goes_through_and_the_next_step_runs() -> None:
    text = """
class Enough(Exception):
    pass

def handler(*_):
    raise Enough("of this")
signal.signal(signal.SIGALRM, handler)
step(x, y)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    while True:
        step(x, y)
except Enough as error:
    print(error)
before = state()["norm.num_batches_tracked"]
step(x, y)
print(state()["norm.num_batches_tracked"] - before)
"""
    assert program(text, rounds=10) == "of this\n1\n"


def test_threads_share_one_compiled_step_and_its_cells() -> None:
    text = """
def work():
    for _ in range(10):
        losses.append(step(x, y).item())
losses = []
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(state()["norm.num_batches_tracked"], len(set(losses)))
"""
    assert program(text) == "40 40\n"


def test_two_processes_fill_one_cache(tmp_path: Path) -> None:
    text = PREPARE.replace("ROUNDS", "1") + "print([step(x, y).item() for _ in range(3)])"
    environment = {**os.environ, "SHAPEWRIGHT_CACHE": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", text]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) for _ in range(2)]
    texts = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert texts[0] == texts[1] == run_program(text, SHAPEWRIGHT_CACHE=str(tmp_path)).encode()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("unfinished")]
