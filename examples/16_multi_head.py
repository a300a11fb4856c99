"""Several heads on one body: `SplitInto` gives its input to each, and their gradients meet again by themselves."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Tensor, nn, optim

body = nn.Sequential(nn.Linear(4, 32), nn.ReLU())
heads = nn.SplitInto(nn.Linear(32, 3), nn.Linear(32, 1))
model = nn.Sequential(body, heads)

x = sw.randn((16, 4), key=sw.Key(0))
actions = sw.randint(0, 3, (16,), key=sw.Key(1))
returns = sw.randn((16, 1), key=sw.Key(2))

policy, value = model(x)
assert_type(policy, Tensor[[16, 3]])
assert_type(value, Tensor[[16, 1]])

# In dfdx 0.10 the tape ends on the last head and is moved by hand. Here each result of a traced value is traced: two
# losses of two heads are added, and the body gets the gradient of both.
adam = optim.Adam(model, lr=0.01)
for step in range(20):
    policy, value = model(x.trace())
    loss = nn.cross_entropy(policy, actions) + nn.mse(value, returns)
    adam.update(loss.backward())
    if step % 5 == 0:
        print(f"step {step:2}: {loss.item():.4f}")

# A loss of one head alone: the other head is not reached, and says so.
policy, value = model(x.trace())
print(nn.mse(value, returns).backward().unused(model))
