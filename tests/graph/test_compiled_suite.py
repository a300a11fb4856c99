"""That `pytest --compiled` computes through `sw.compile`: a step is one program, and its numbers are the eager ones.

What it is not: a test of programs, which are what the whole suite tests in that mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn, optim
from shapewright.devices.cpu.engine import Executable
from tests.compiled import TOLERANCES, compiled

# They switch the mode on themselves.
pytestmark = pytest.mark.eager


def trained() -> list[np.ndarray]:
    key = sw.Key(3)
    model = nn.Sequential(nn.Linear(5, 7, key=sw.Key(1)), nn.Dropout(0.5, key=key), nn.Linear(7, 2, key=sw.Key(2)))
    adam = optim.Adam(model, lr=0.1)
    x, y = sw.tensor([[0.1, 0.7, 0.3, 0.9, 0.2]] * 4), sw.tensor([0, 1, 1, 0])
    losses = []
    for _ in range(3):
        loss = nn.cross_entropy(model(x.trace()), y)
        adam.update(loss.backward())
        losses.append(loss)
    return [*(loss.numpy() for loss in losses), *(cell.numpy().copy() for cell in model.cells().values())]


def test_a_step_is_one_program_with_the_numbers_of_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    programs: list[Any] = []
    run = Executable.run

    def watched(self: Executable, arguments: Any, cells: Any, draws: Any) -> Any:
        programs.append((self.graph, len(draws)))
        return run(self, arguments, cells, draws)

    monkeypatch.setattr(Executable, "run", watched)
    expected = trained()
    assert not programs
    with compiled():
        got = trained()
    # The first program draws the initial values too; the next two are a step each, with a draw and the state of Adam.
    assert len(programs) == 3 and programs[1][0] is programs[2][0]
    step, draws = programs[2]
    assert draws == 1 and len(step.updates) == 12 and "matmul" in {operation.op.name for operation in step.operations}
    for left, right in zip(got, expected, strict=True):
        # Not the same ones bit by bit, which would be the eager ones.
        np.testing.assert_allclose(left, right, rtol=TOLERANCES["float32"], atol=TOLERANCES["float32"])


def test_an_error_about_numbers_comes_where_the_operation_is_called() -> None:
    with compiled():
        x = sw.ones((3,)) * 2.0
        with pytest.raises(sw.IndexRangeError, match=r"take: the index 7 at \[1\] is out of range"):
            x.take(sw.tensor([0, 7]), axis=0)
        with pytest.raises(sw.ArgumentError, match="an integer is divided by 0"):
            sw.tensor([1, 2]) // sw.tensor([1, 0])
        assert x.tolist() == [2.0] * 3


def test_comparisons_are_as_wide_as_the_tolerances_say() -> None:
    x = np.ones(3, np.float32)
    with compiled():
        np.testing.assert_array_equal(x * np.float32(1 + 1e-5), x)
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(x * np.float32(1 + 1e-3), x)
        with pytest.raises(AssertionError):
            np.testing.assert_array_equal(np.array([1, 2]), np.array([1, 3]))
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(x * np.float32(1 + 1e-5), x)
