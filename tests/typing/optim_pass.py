"""Optimisers with groups of their own settings, schedules, clipping, and what is saved and loaded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import assert_type

import shapewright as sw
from shapewright import Gradients, Int, IntVar, Parameter, Tensor, files, nn, optim


class Net[D: IntVar](nn.Module):
    def __init__(self, width: Int[D]) -> None:
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def __call__[B: IntVar](self, x: Tensor[[B, D]]) -> Tensor[[B, D]]:
        return self.down(self.up(x).relu())


def gradients_of[D: IntVar](net: Net[D], width: Int[D]) -> Gradients:
    x = sw.rand((5, width))
    return nn.mse(net(x.trace()), x).backward()


def settings() -> None:
    net = Net(3)
    groups: list[optim.AdamGroup] = [{"params": net.up, "lr": 1e-4}, {"params": [net.down.weight, net.down.bias]}]
    adam = optim.Adam(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-6, weight_decay=optim.Decoupled(0.1), amsgrad=True)
    assert_type(adam.groups, list[optim.Group])
    assert_type(adam.groups[1].lr, float)
    adam.groups[0].lr = 0.5
    adam.lr = 1e-3
    adam.lr *= 0.5
    assert_type(adam.lr, float)
    sgd = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=optim.L2(1e-4), nesterov=True, maximize=False)
    rms = optim.RMSprop([net.up, net.down], lr=1e-2, alpha=0.9, centered=True, eps_inside_sqrt=True)
    adamw = optim.AdamW([{"params": net.up.weight, "weight_decay": None}, {"params": net.down}])
    for optimiser in (adam, sgd, rms, adamw):
        grads = gradients_of(net, 3)
        assert_type(grads[net.up.weight], Tensor[[12, 3]])
        norm = optim.global_norm(grads)
        assert_type(norm, Tensor[[]])
        optimiser.update(optim.clip_by_global_norm(grads, 1.0))
    adamw.update(gradients_of(net, 3), unused="ignore")
    double = Parameter(sw.ones((2,), dtype=sw.f64))
    optim.SGD(double, 0.1).update((double.trace() * 2.0).sum().backward())
    grads = gradients_of(net, 3)
    grads[net.up.bias] = grads[net.up.bias].clip(min=-1.0, max=1.0)
    assert_type(optim.clip_by_global_norm(grads * 2.0 + grads, 0.5), Gradients)


def saved() -> None:
    net = Net(3)
    adam = optim.Adam(net)
    adam.update(gradients_of(net, 3))
    assert_type(net.up.weight.stop_gradient(), Tensor[[12, 3]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "adam.safetensors"
        files.save(adam, path)
        files.save(net, str(Path(folder) / "net.npz"))
        files.save({"weight": net.up.weight, "labels": sw.arange(3)}, Path(folder) / "some.npz")
        files.load(adam, path)
        files.load(net, str(Path(folder) / "net.npz"))
        weight = files.read(Path(folder) / "some.npz")["weight"].to(sw.f32).expect((12, 3))
        assert_type(weight, Tensor[[12, 3]])
    net.up.weight.assign(weight)
    adam.load_state_dict(adam.state_dict())


def run() -> None:
    settings()
    saved()
