"""Deep Q-learning (Mnih and others, 2013): its loss, on random data, with a target network that is a true copy."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import IntVar, Tensor, nn, optim

STATES, ACTIONS, DISCOUNT = 4, 2, 0.99
key = sw.Key(0)
q_net = nn.Sequential(nn.Linear(STATES, 32, key=key), nn.ReLU(), nn.Linear(32, ACTIONS, key=key))
# A copy has parameters of its own: training one leaves the other as it is.
target_net = q_net.copy()

# A batch of experience, here invented: state, action taken, reward, next state, whether the episode was over.
state = sw.randn((64, 4), key=key)
action = sw.randint(0, 2, (64,), key=key)
reward = sw.randn((64,), key=key)
next_state = sw.randn((64, 4), key=key)
done = sw.rand((64,), key=key) < 0.1


def bellman[B: IntVar](next_values: Tensor[[B, 2]], reward: Tensor[[B]], done: Tensor[[B], sw.bool]) -> Tensor[[B]]:
    """reward + discount * max over actions of the next values; nothing comes after the end."""
    return reward + sw.where(done, 0.0, next_values.max(axis=1)) * DISCOUNT


sgd = optim.SGD(q_net, lr=0.1, momentum=0.9, nesterov=True)
for epoch in range(15):
    # The target is computed from an untraced state, so nothing is recorded; the loss does not differentiate it anyway.
    target = bellman(target_net(next_state), reward, done).stop_gradient()
    # The value of the action that was taken: one per row.
    values = q_net(state.trace()).gather(action.unsqueeze(axis=1), axis=1).squeeze(axis=1)
    assert_type(values, Tensor[[64]])
    loss = nn.huber(values, target)
    sgd.update(loss.backward())
    if epoch % 5 == 4:
        target_net = q_net.copy()
        print(f"epoch {epoch}: loss {loss.item():.4f}")

# [64, 1] against [64] is the most expensive bug of this loss elsewhere: it broadcasts to [64, 64] and trains, badly.
try:
    nn.huber(q_net(state).max(axis=1, keepdims=True), target)  # pyrefly: ignore[bad-argument-type]
except sw.ShapeError as error:
    print(error)
