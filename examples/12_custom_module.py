"""A module of your own: sizes as type parameters, parts as attributes, `__call__` with its shapes written out."""

from __future__ import annotations

from typing import assert_type

import shapewright as sw
from shapewright import Int, IntTuple, IntVar, Tensor, nn


class GatedLinear[I: IntVar, O: IntVar](nn.Module):
    """A linear layer gated by another one: ``(W x + b) * sigmoid(V x + c)`` (Dauphin and others, 2017)."""

    def __init__(self, inputs: Int[I], outputs: Int[O], *, key: sw.Key) -> None:
        # Modules, parameters, buffers, and lists, tuples and dicts of them are found in the attributes.
        self.value = nn.Linear(inputs, outputs, key=key)
        self.gate = nn.Linear(inputs, outputs, key=key)
        self.scale = nn.Parameter(sw.ones((outputs,)))

    def __call__[Bs: IntTuple](self, x: Tensor[[*Bs, I]]) -> Tensor[[*Bs, O]]:
        # A mistake in this line is underlined in it, whatever numbers the class is later used with.
        return self.value(x) * self.gate(x).sigmoid() * self.scale.spread()


class Classifier[I: IntVar, H: IntVar, C: IntVar](nn.Module):
    """Two gated layers with a norm between them."""

    def __init__(self, inputs: Int[I], hidden: Int[H], classes: Int[C], *, key: sw.Key) -> None:
        self.layers = nn.Sequential(
            GatedLinear(inputs, hidden, key=key),
            nn.LayerNorm(hidden),
            GatedLinear(hidden, classes, key=key),
        )

    def __call__[B: IntVar](self, x: Tensor[[B, I]]) -> Tensor[[B, C]]:
        return self.layers(x).log_softmax()


model = Classifier(12, 32, 4, key=sw.Key(0))
assert_type(model(sw.rand((8, 12))), Tensor[[8, 4]])
assert_type(model.layers[0].value.weight, sw.Parameter[[32, 12]])

# Names are those of PyTorch's state dict; the tree shows all sizes.
print(model)
print([name for name, _ in model.named_parameters()])
print(model.num_parameters)

gradients = nn.nll(model(sw.rand((8, 12), key=sw.Key(1)).trace()), sw.tensor([0, 1, 2, 3, 0, 1, 2, 3])).backward()
print(gradients.unused(model))

# The report says where in the model the mistake was noticed.
model.layers[2].gate = nn.Linear(33, 4)  # pyrefly: ignore[bad-assignment]
try:
    model(sw.rand((8, 12)))
except sw.ShapeError as error:
    print(error)
