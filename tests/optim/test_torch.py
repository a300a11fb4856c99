"""Every optimiser's trajectory against PyTorch's (`tests/torch_optim_values.py` stored it)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import optim
from tests.optim.cases import CASES, SHAPES, STEPS, Case, gradient, start

STORED = np.load(Path(__file__).parent.parent / "values" / "optim.npz", allow_pickle=False)


def trajectory(optimiser: optim.Optimizer, parameters: dict[str, Any], case: Case) -> dict[str, np.ndarray]:
    """The values of each parameter after each step."""
    values: dict[str, list[np.ndarray]] = {name: [] for name in parameters}
    for step in range(STEPS):
        if step in case.rates:
            optimiser.lr = case.rates[step]
        grads = sw.Gradients({})
        for name, parameter in parameters.items():
            if not (case.skips and name == "bias" and step % 3 == 0):
                grads[parameter] = sw.from_numpy(gradient(name, step, parameter.numpy()))
        optimiser.update(grads, unused="ignore" if case.skips else "error")
        for name, parameter in parameters.items():
            values[name].append(parameter.numpy().copy())
    return {name: np.stack(steps) for name, steps in values.items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_trajectory_is_that_of_pytorch(case: Case, dtype: type) -> None:
    parameters = {name: sw.Parameter(sw.from_numpy(start(name, dtype))) for name in SHAPES}
    settings = dict(case.settings)
    if case.decoupled:
        settings["weight_decay"] = optim.Decoupled(case.decoupled)
    params: Any = list(parameters.values())
    if case.groups:
        params = [{"params": parameters[name], **own} for name, own in case.groups.items()]
    optimiser = getattr(optim, case.optimiser)(params, **settings)
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    for name, values in trajectory(optimiser, parameters, case).items():
        expected = STORED[f"{case.name}|{np.dtype(dtype).name}|{name}"]
        assert values.dtype == expected.dtype
        assert abs(expected[-1] - start(name, dtype)).max() > 1e-3, "the run goes somewhere"
        np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance, err_msg=name)
