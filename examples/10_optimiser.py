"""Optimisers: take a model, then gradients. The loss goes down; settings can differ by group and change at any time."""

from __future__ import annotations

import shapewright as sw
from shapewright import nn, optim

model = nn.Sequential(nn.Linear(5, 32, key=sw.Key(0)), nn.ReLU(), nn.Linear(32, 2, key=sw.Key(1)))
x, y = sw.randn((64, 5), key=sw.Key(2)), sw.randn((64, 2), key=sw.Key(3))

# Defaults, argument names and formulas are PyTorch's; its results are, too.
sgd = optim.SGD(model, lr=0.1, momentum=0.9, nesterov=True)
for step in range(50):
    loss = nn.mse(model(x.trace()), y)
    sgd.update(loss.backward())
    if step % 10 == 0:
        print(f"step {step:2}: {loss.item():.4f}")

# Groups with settings of their own; weight decay of either kind; a learning rate that changes is an assignment.
adam = optim.AdamW([{"params": model[0], "lr": 1e-4}, {"params": model[2], "weight_decay": 0.0}], lr=1e-2)
print(adam)
for step in range(50):
    loss = nn.mse(model(x.trace()), y)
    adam.update(loss.backward())
    adam.groups[1].lr = 1e-2 * 0.95**step
print(f"after AdamW: {loss.item():.4f}")

# A setting out of its range is refused where it is given, not three hours later.
try:
    optim.Adam(model, betas=(0.9, 1.999))
except sw.ArgumentError as error:
    print(error)
