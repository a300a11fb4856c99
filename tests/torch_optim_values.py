"""Run every case of `optim/cases.py` with PyTorch and store the trajectories in `values/optim.npz`.

Run by `make torch-values`, under Python 3.11 with PyTorch and NumPy alone. What it is not: a test; those compare with
what is stored here (`optim/test_torch.py`).
"""

from __future__ import annotations

import numpy as np
import torch

from tests.optim.cases import CASES, SHAPES, STEPS, Case, gradient, start
from tests.torch_file import write


def trajectory(case: Case, dtype: type) -> dict[str, np.ndarray]:
    """The values of each parameter after each step."""
    parameters = {name: torch.nn.Parameter(torch.from_numpy(start(name, dtype))) for name in SHAPES}
    if case.groups:
        groups = [{"params": [parameters[name]], **settings} for name, settings in case.groups.items()]
    else:
        groups = list(parameters.values())
    optimiser = getattr(torch.optim, case.optimiser)(groups, **case.settings, foreach=False)
    values: dict[str, list[np.ndarray]] = {name: [] for name in SHAPES}
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = case.rates.get(step, group["lr"])
        for name, parameter in parameters.items():
            value = parameter.detach().numpy()
            skipped = case.skips and name == "bias" and step % 3 == 0
            parameter.grad = None if skipped else torch.from_numpy(gradient(name, step, value))
            if case.decoupled and not skipped:
                with torch.no_grad():
                    parameter.mul_(1.0 - case.settings["lr"] * case.decoupled)
        optimiser.step()
        for name, parameter in parameters.items():
            values[name].append(parameter.detach().numpy().copy())
    return {name: np.stack(steps) for name, steps in values.items()}


def main() -> None:
    """Write the file."""
    torch.set_num_threads(1)
    stored = {
        f"{case.name}|{np.dtype(dtype).name}|{name}": values
        for case in CASES
        for dtype in (np.float32, np.float64)
        for name, values in trajectory(case, dtype).items()
    }
    write(stored, "optim.npz", f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
