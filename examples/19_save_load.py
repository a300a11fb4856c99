"""Saving and loading: by name, whole or not at all, never by running what is in the file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import shapewright as sw
from shapewright import files, nn, optim


def network(seed: int) -> nn.Module:
    key = sw.Key(seed)
    return nn.Sequential(nn.Linear(4, 8, key=key), nn.ReLU(), nn.Linear(8, 2, key=key))


model, other = network(0), network(1)
adam = optim.Adam(model)
x = sw.rand((3, 4))

with tempfile.TemporaryDirectory() as folder:
    # The ending says the format. Both hold PyTorch's names, so the files go back and forth.
    weights, state = Path(folder) / "model.safetensors", Path(folder) / "adam.npz"
    files.save(model, weights)
    files.save(adam, state)
    print([f"{name} {list(value.shape)}" for name, value in files.read(weights).items()])

    # Loading assigns to the model's parameters; models of the same names and shapes take the file.
    files.load(other, weights)
    print(all(np.array_equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True)))
    files.load(adam, state)

    # If anything does not fit, all of it is listed and nothing is loaded. Nothing else is ever half done, either: a
    # save that is interrupted leaves the old file as it was.
    wider = nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 2), nn.LayerNorm(2))
    try:
        files.load(wider, weights)
    except sw.FileError as error:
        print(str(error).replace(folder, "…"))

    # A damaged file is a clear error.
    weights.write_bytes(weights.read_bytes()[:-7])
    try:
        files.load(other, weights)
    except sw.FileError as error:
        print(str(error).replace(folder, "…"))
