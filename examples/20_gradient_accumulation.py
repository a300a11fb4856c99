"""A batch larger than memory: gradients of parts are added, and a recomputed block keeps the tape short."""

from __future__ import annotations

import shapewright as sw
from shapewright import data, nn, optim

key = sw.Key(0)
x, y = sw.randn((256, 20), key=key), sw.randint(0, 5, (256,), key=key)
model = nn.Sequential(nn.Linear(20, 64, key=key), nn.GELU(), nn.Linear(64, 5, key=key))
adam = optim.Adam(model, lr=1e-2)

# One step over 256 examples, 32 at a time. `+` adds what both losses reached; `*` scales; nothing has to be zeroed.
for step in range(3):
    parts = [nn.cross_entropy(model(a.trace()), b).backward() for a, b in data.Batches(x, y, size=32)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    mean = total * (1 / len(parts))
    print(f"step {step}: gradient norm {optim.global_norm(mean).item():.4f}")
    adam.update(mean)

# The same numbers as in one go.
parts = [nn.cross_entropy(model(a.trace()), b).backward() for a, b in data.Batches(x, y, size=128)]
halves = (parts[0] + parts[1]) * 0.5
whole = nn.cross_entropy(model(x.trace()), y).backward()
print(max((halves[p] - whole[p]).abs().max().item() for p in model.parameters()) < 1e-6)

# Checkpointing: what the block records is thrown away and computed again on the way back. Less memory, more time.
traced = x.trace()
again = nn.cross_entropy(sw.checkpoint(model, traced), y).backward()
print(max((again[p] - whole[p]).abs().max().item() for p in model.parameters()) == 0.0)
