"""Compute every op of the table with PyTorch and store results and gradients in `values/ops.npz`.

Run by `make torch-values`, under Python 3.11 with PyTorch and NumPy alone. What it is not: a test; those compare with
what is stored here (`ops/test_torch.py`).
"""

from __future__ import annotations

import numpy as np
import torch

from tests.ops.cases import CASES
from tests.ops.numbers import unit
from tests.torch_file import write


def main() -> None:
    """Write the file."""
    torch.set_num_threads(1)
    stored: dict[str, np.ndarray] = {}
    for case in CASES:
        if case.torch is None:
            continue
        for variant in range(len(case.variants)):
            arrays = case.arrays(variant)
            tensors = [torch.from_numpy(np.array(a)) for a in arrays]
            for place in case.gradient:
                tensors[place].requires_grad_()
            key = f"{case.name}|{variant}"
            value = case.torch(torch, *tensors)
            stored[f"{key}|value"] = value.detach().numpy()
            if case.gradient:
                weights = torch.from_numpy(np.asarray(unit(tuple(value.shape), 99)))
                wanted = [tensors[place] for place in case.gradient]
                parts = torch.autograd.grad((value * weights).sum(), wanted, allow_unused=True)
                for place, part in zip(case.gradient, parts, strict=True):
                    shape = arrays[place].shape
                    stored[f"{key}|gradient {place}"] = np.zeros(shape) if part is None else part.numpy()
    write(stored, "ops.npz", f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
