"""Optimisers, gradients and files with one bug a line."""

from __future__ import annotations

import shapewright as sw
from shapewright import Gradients, Int, IntVar, Tensor, files, nn, optim

layer = nn.Linear(3, 2)
other = nn.Linear(4, 2)
x = sw.zeros((5, 3))


def gradients() -> Gradients:
    return layer(x.trace()).sum().backward()


def groups() -> None:
    optim.SGD([{"params": layer.weight, "learning_rate": 0.1}])  # BUG: lr
    optim.SGD([{"params": layer.weight, "lr": "0.1"}])  # BUG
    optim.SGD([{"parameters": layer.weight}])  # BUG: params
    optim.SGD([{"params": layer.weight, "betas": (0.9, 0.99)}])  # BUG: Adam's
    optim.SGD([{"params": x}])  # BUG: a tensor is no parameter
    optim.SGD([("weight", layer.weight)])  # BUG: named parameters
    optim.Adam([{"params": layer, "momentum": 0.9}])  # BUG: SGD's
    optim.Adam([{"params": layer, "betas": 0.9}])  # BUG
    optim.Adam([{"params": layer, "weight_decay": "L2"}])  # BUG
    optim.Adam(layer.state_dict().values())  # BUG: values, not parameters
    optim.AdamW([{"params": layer, "alpha": 0.9}])  # BUG: RMSprop's
    optim.AdamW([{"params": "weight"}])  # BUG: a name
    optim.RMSprop([{"params": layer, "eps": "small"}])  # BUG
    optim.RMSprop([{"params": layer, "nesterov": True}])  # BUG: SGD's
    optim.RMSprop(layer, decoupled=True)  # BUG
    optim.RMSprop(layer.weight.shape)  # BUG: sizes


def settings() -> None:
    sgd = optim.SGD(layer)
    sgd.lr = "0.1"  # BUG
    sgd.lr = None  # BUG
    sgd.groups[0].lr = (0.1,)  # BUG
    sgd.group  # BUG
    sgd.groups["0"]  # BUG
    sgd.step()  # BUG: PyTorch's name
    sgd.zero_grad()  # BUG: gradients are values
    optim.L2("0.1")  # BUG
    optim.Decoupled()  # BUG
    optim.SGD(layer, nesterov=True, momentum="0.9")  # BUG
    optim.SGD(layer, weight_decay=(0.1, 0.2))  # BUG
    optim.Adam(layer, 1e-3, 0.9)  # BUG: a pair of betas
    optim.AdamW(layer, eps="1e-8")  # BUG
    optim.Lion(layer)  # BUG


def updates() -> None:
    grads = gradients()
    sgd = optim.SGD(layer)
    sgd.update()  # BUG
    sgd.update(grads, layer)  # BUG: it knows its parameters
    sgd.update(grads, unused="skip")  # BUG
    sgd.update(grads, unused=True)  # BUG
    sgd.update([grads, grads])  # BUG: grads + grads
    sgd.update(layer(x.trace()).sum())  # BUG: the loss
    sgd.update(grads[layer.weight])  # BUG: one gradient
    sgd(grads)  # BUG
    grads[layer.weight] = grads[layer.bias]  # BUG: a gradient on the wrong parameter
    grads[layer.weight] = sw.zeros((3, 2))  # BUG: turned
    grads[layer.weight] = grads[layer.weight].to(sw.f64)  # BUG
    grads[layer.weight] + layer.bias  # BUG
    layer.weight.assign(other.weight)  # BUG: of another layer
    layer.bias.assign(layer.weight)  # BUG
    layer.bias.assign(layer.bias.to(sw.bf16))  # BUG
    optim.clip_by_global_norm(grads)  # BUG: no length
    optim.clip_by_global_norm(layer, 1.0)  # BUG
    optim.global_norm(grads[layer.weight])  # BUG
    optim.global_norm(grads) + grads[layer.bias]  # BUG: nothing is broadcast silently


def saved() -> None:
    files.save(layer)  # BUG: no path
    files.save("layer.npz", layer)  # BUG: swapped
    files.save(layer, 7)  # BUG
    files.save(x, "x.npz")  # BUG: a tensor has no name
    files.save({"x": 1.0}, "x.npz")  # BUG
    files.save([x], "x.npz")  # BUG
    files.load("layer.npz", layer)  # BUG: swapped
    files.load(layer)  # BUG
    files.load("layer.npz")  # BUG: read gives what is in a file
    files.load({"x": x}, "x.npz")  # BUG: a dict of tensors learns nothing
    files.load(nn.Linear, "layer.npz")  # BUG: the class
    files.read(layer)  # BUG
    files.read()  # BUG
    layer.load_state_dict(layer)  # BUG
    optim.Adam(layer).load_state_dict([x])  # BUG


# ---- inside generic functions ------------------------------------------------------------------------------------------
def wrong_gradient[D: IntVar](net: nn.Linear[D, D], v: Tensor[[4, D]], width: Int[D]) -> None:
    grads = net(v.trace()).sum().backward()
    grads[net.weight] = sw.zeros((width, 4))  # BUG


def wrong_assignment[I: IntVar, O: IntVar](net: nn.Linear[I, O]) -> None:
    net.weight.assign(net.weight.permute(axes=(1, 0)))  # BUG


def wrong_buffer[I: IntVar, O: IntVar](net: nn.Linear[I, O]) -> None:
    optim.SGD(net.weight.stop_gradient())  # BUG: the value, not the parameter
