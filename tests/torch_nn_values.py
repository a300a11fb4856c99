"""Run every layer and loss of `nn/cases.py` with PyTorch and store values and gradients in `values/nn.npz`.

Run by `make torch-values`, under Python 3.11 with PyTorch and NumPy alone. What it is not: a test; those compare with
what is stored here (`nn/test_torch.py`).
"""

from __future__ import annotations

import numpy as np
import torch

from tests.nn.cases import LAYERS, LOSSES, Layer, Loss, projection, state_value
from tests.torch_file import write


def _gradients(value: torch.Tensor, wanted: list[torch.Tensor], seed: int, graph: bool) -> list[torch.Tensor]:
    weights = torch.from_numpy(projection(tuple(value.shape), seed))
    parts = torch.autograd.grad((value * weights).sum(), wanted, create_graph=graph, allow_unused=True)
    return [torch.zeros_like(w) if part is None else part for w, part in zip(wanted, parts, strict=True)]


def of_layer(case: Layer, stored: dict[str, np.ndarray]) -> None:
    """Store what a layer gives, its gradients, and its buffers afterwards."""
    key = f"layer {case.name}"
    layer = (case.torch or case.build)(torch.nn).double()
    state = layer.state_dict()
    for place, (name, value) in enumerate(state.items()):
        if value.is_floating_point():
            state[name] = torch.from_numpy(state_value(name, tuple(value.shape), place))
    layer.load_state_dict(state)
    stored[f"{key}|names"] = np.array(list(state), dtype="U64")
    layer.train()
    for step in range(case.steps):
        layer(torch.from_numpy(np.asarray(case.numbers(case.shape, 70 + step))))
    layer.train(case.training)
    x = torch.from_numpy(np.asarray(case.numbers(case.shape, 5)))
    if x.is_floating_point():
        x.requires_grad_()
    value = layer(x)
    stored[f"{key}|value"] = value.detach().numpy()
    for name, buffer in layer.named_buffers():
        stored[f"{key}|buffer {name}"] = buffer.numpy().copy()
    wanted = ([x] if x.requires_grad else []) + list(layer.parameters())
    names = (["x"] if x.requires_grad else []) + [name for name, _ in layer.named_parameters()]
    first = _gradients(value, wanted, 99, case.second)
    for name, part in zip(names, first, strict=True):
        stored[f"{key}|gradient {name}"] = part.detach().numpy(force=True)
    if case.second:
        for name, part in zip(names, _gradients(first[0], wanted, 98, False), strict=True):
            stored[f"{key}|second {name}"] = part.detach().numpy(force=True)


def of_loss(case: Loss, stored: dict[str, np.ndarray]) -> None:
    """Store what a loss gives and its gradients."""
    key = f"loss {case.name}"
    tensors = [torch.from_numpy(np.array(array)) for array in case.arrays()]
    for place in case.gradient:
        tensors[place].requires_grad_()
    value = case.torch(torch.nn.functional, *tensors)
    stored[f"{key}|value"] = value.detach().numpy()
    wanted = [tensors[place] for place in case.gradient]
    first = _gradients(value, wanted, 99, case.second)
    for place, part in zip(case.gradient, first, strict=True):
        stored[f"{key}|gradient {place}"] = part.detach().numpy(force=True)
    if case.second:
        if not first[0].requires_grad:
            second = [torch.zeros_like(w) for w in wanted]
        else:
            second = _gradients(first[0], wanted, 98, False)
        for place, part in zip(case.gradient, second, strict=True):
            stored[f"{key}|second {place}"] = part.detach().numpy(force=True)


def main() -> None:
    """Write the file."""
    torch.set_num_threads(1)
    stored: dict[str, np.ndarray] = {}
    for layer in LAYERS:
        of_layer(layer, stored)
    for loss in LOSSES:
        of_loss(loss, stored)
    write(stored, "nn.npz", f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
