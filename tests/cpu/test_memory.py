"""Memory that programs work in: where it begins, and whose it is after a fork."""

from __future__ import annotations

import os

import numpy as np
import pytest

from shapewright.devices.cpu.memory import address, zeros_at_line


@pytest.mark.parametrize("count", [0, 1, 63, 4097, (1 << 20) - 1, 1 << 20, (5 << 20) + 3])
def test_zeros_begin_at_a_line(count: int) -> None:
    array = zeros_at_line(count)
    assert array.shape == (count,)
    assert array.dtype == np.uint8
    assert not array.any()
    assert count == 0 or address(array) % 64 == 0
    array[:] = 7
    assert array.sum() == 7 * count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_memory_of_its_own() -> None:
    array = zeros_at_line(3 << 20)
    child = os.fork()
    if child == 0:
        array[:] = 1
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not array.any()


def test_the_address_of_any_array() -> None:
    array = np.arange(6.0)
    array.flags.writeable = False
    assert address(array) == array.__array_interface__["data"][0]
    assert address(array[2:]) == address(array) + 16
