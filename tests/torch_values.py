"""Compute every op of the table with PyTorch and store results and gradients in `values/ops.npz`.

Run by `make torch-values`, under Python 3.11 with PyTorch and NumPy alone. What it is not: a test; those compare with
what is stored here (`ops/test_torch.py`).
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from pathlib import Path

# The root of the repository in the place of this folder, whose `typing` would hide Python's.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from tests.ops.cases import CASES  # noqa: E402
from tests.ops.numbers import unit  # noqa: E402


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
    path = Path(__file__).parent / "values" / "ops.npz"
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in stored.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
            # A fixed date: the same values give the same file.
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy", (2020, 1, 1, 0, 0, 0)), buffer.getvalue(), zipfile.ZIP_DEFLATED
            )
    print(f"{len(stored)} arrays, {path.stat().st_size // 1000} kB, by PyTorch {torch.__version__}: {path.name}")


if __name__ == "__main__":
    main()
