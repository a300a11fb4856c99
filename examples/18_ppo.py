"""Proximal policy optimisation (Schulman and others, 2017): the clipped loss, on random data, no tape moved by hand."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import IntVar, Tensor, nn, optim

STATES, ACTIONS, EPSILON = 4, 3, 0.2
key = sw.Key(0)
actor_critic = nn.Sequential(
    nn.Linear(STATES, 32, key=key),
    nn.ReLU(),
    nn.SplitInto(nn.Linear(32, ACTIONS, key=key), nn.Linear(32, 1, key=key)),
)

# What the old policy did, here invented.
state = sw.randn((64, 4), key=key)
action = sw.randint(0, 3, (64,), key=key)
advantage = sw.randn((64,), key=key)
returns = sw.randn((64,), key=key)


@sw.checked
def log_probability[B: IntVar, A: IntVar](logits: Tensor[[B, A]], action: Tensor[[B], sw.i64]) -> Tensor[[B]]:
    """The logarithm of the probability of the action that was taken."""
    return logits.log_softmax().gather(action.unsqueeze(axis=1), axis=1).squeeze(axis=1)


@sw.checked
def surrogate[B: IntVar](new: Tensor[[B]], old: Tensor[[B]], advantage: Tensor[[B]]) -> Tensor[[]]:
    """The advantage, weighted by how much likelier the action became, but not beyond 1 ± EPSILON."""
    ratio = (new - old).exp()
    return -sw.minimum(ratio * advantage, ratio.clip(1.0 - EPSILON, 1.0 + EPSILON) * advantage).mean()


# Computed from an untraced state, so it is a number like any other: nothing to detach.
old_logits, _ = actor_critic(state)
old = log_probability(old_logits, action).stop_gradient()

adam = optim.Adam(actor_critic, lr=0.01)
for epoch in range(10):
    # dfdx's example takes tapes off and puts them on five times here. A traced value keeps its own.
    logits, value = actor_critic(state.trace())
    assert_type(logits, Tensor[[64, 3]])
    new = log_probability(logits, action)
    entropy = -(logits.softmax() * logits.log_softmax()).sum((64,)).mean()
    loss = surrogate(new, old, advantage) + nn.mse(value.squeeze(axis=1), returns) * 0.5 - entropy * 0.01
    adam.update(loss.backward())
    if epoch % 3 == 0:
        print(f"epoch {epoch}: loss {loss.item():+.4f}, entropy {entropy.item():.4f}")
