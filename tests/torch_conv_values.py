"""Compute convolution, pools, attention and transformers with PyTorch: values and gradients in `values/conv.npz`.

Run by `make torch-values`, under Python 3.11 with PyTorch and NumPy alone. What it is not: a test; those compare with
what is stored here (`nn/test_torch_layers.py`).
"""

from __future__ import annotations

import warnings

import numpy as np
import torch

from tests.nn.torch_cases import CASES
from tests.ops.numbers import unit
from tests.torch_file import write


def main() -> None:
    """Write the file."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    stored: dict[str, np.ndarray] = {}
    for case in CASES:
        layer = case.torch(torch)
        parameters = dict(layer.named_parameters())
        with torch.no_grad():
            for index, name in enumerate(sorted(parameters)):
                parameter = parameters[name]
                parameter.copy_(torch.from_numpy(np.asarray(unit(tuple(parameter.shape), 100 + index))))
        inputs = [torch.from_numpy(np.array(x)).requires_grad_() for x in case.inputs]
        options = {k: torch.from_numpy(v) for k, v in (case.torch_options or case.options).items()}
        value = case.call_torch(layer, *inputs, **options)
        # Computed in f64 and stored in f32: enough to compare with, and half the size.
        stored[f"{case.name}|value"] = value.detach().numpy().astype(np.float32)
        weights = torch.from_numpy(np.asarray(unit(tuple(value.shape), 99)))
        wanted = {f"input {i}": x for i, x in enumerate(inputs)} | parameters
        parts = torch.autograd.grad((value * weights).sum(), list(wanted.values()))
        for name, part in zip(wanted, parts, strict=True):
            stored[f"{case.name}|gradient {name}"] = part.numpy().astype(np.float32)
    write(stored, "conv.npz", f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
