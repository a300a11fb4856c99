"""Arguments of the wrong kind: none of them gives a wrong answer, and each is answered by an error of ours.

What it is not: shapes and element types that do not fit (`test_mistakes.py`, `ops/test_errors.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import shapewright as sw
from shapewright import data, files, nn, optim

X: Any = sw.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
ANY: Any = sw

# Each takes an odd argument in the place of a right one.
PLACES: dict[str, Callable[[Any], object]] = {
    "sum to": lambda odd: X.sum((odd,)),
    "sum axis": lambda odd: X.sum(axis=(0, odd)),
    "broadcast": lambda odd: X.broadcast((odd, 2, 3)),
    "broadcast axis": lambda odd: X.broadcast((4, 2, 3), axis=(odd,)),
    "permute": lambda odd: X.permute((odd, 2)),
    "permute axes": lambda odd: X.permute(axes=(0, odd)),
    "reshape": lambda odd: X.reshape((odd, 2)),
    "flatten": lambda odd: X.flatten(start_axis=odd),
    "squeeze": lambda odd: X.squeeze(axis=odd),
    "unsqueeze": lambda odd: X.unsqueeze(axis=odd),
    "softmax": lambda odd: X.softmax(axis=odd),
    "cumsum": lambda odd: X.cumsum(axis=odd),
    "roll": lambda odd: X.roll(odd, axis=0),
    "roll axis": lambda odd: X.roll(1, axis=odd),
    "pad": lambda odd: X.pad((odd, 0), (0, 0)),
    "pad after": lambda odd: X.pad((0, 0), odd),
    "tril": lambda odd: X.tril(diagonal=odd),
    "split": lambda odd: X.split(odd, axis=0),
    "take": lambda odd: X.take(odd, axis=0),
    "index": lambda odd: X[0, odd],
    "topk": lambda odd: X.topk(odd),
    "one_hot": lambda odd: sw.tensor([0, 1]).one_hot(odd),
    "expect": lambda odd: X.expect(odd),
    "expect size": lambda odd: X.expect((2, odd)),
    "concat": lambda odd: sw.concat(odd, axis=0),
    "concat part": lambda odd: sw.concat((X, odd), axis=0),
    "concat axis": lambda odd: sw.concat((X, X), axis=odd),
    "stack": lambda odd: sw.stack(odd, axis=0),
    "stack part": lambda odd: sw.stack((odd, X), axis=0),
    "stack axis": lambda odd: sw.stack((X, X), axis=odd),
    "einsum": lambda odd: sw.einsum(odd, X),
    "einsum part": lambda odd: sw.einsum("ij,j->i", X, odd),
    "rearrange": lambda odd: X.rearrange(odd),
    "outer": lambda odd: X[0].outer(odd),
    "scatter_add": lambda odd: X.scatter_add(odd, X, axis=0),
    "broadcast_like": lambda odd: X.broadcast_like(odd),
    "trace_like": lambda odd: X.trace_like(odd),
    "zeros": lambda odd: sw.zeros(odd),
    "Linear": lambda odd: nn.Linear(odd, 2),
    "Linear bias": lambda odd: nn.Linear(2, 2, bias=odd),
    "Linear call": lambda odd: nn.Linear(2, 2)(odd),
    "Conv2d": lambda odd: nn.Conv2d(odd, 4, 3),
    "Conv2d kernel": lambda odd: nn.Conv2d(3, 4, odd),
    "Conv2d stride": lambda odd: nn.Conv2d(3, 4, 3, stride=odd),
    "Conv2d padding": lambda odd: nn.Conv2d(3, 4, 3, padding=odd),
    "MaxPool2d": lambda odd: nn.MaxPool2d(odd),
    "AvgPool2d padding": lambda odd: nn.AvgPool2d(2, padding=odd),
    "BatchNorm2d": lambda odd: nn.BatchNorm2d(odd),
    "BatchNorm2d eps": lambda odd: nn.BatchNorm2d(3, eps=odd),
    "LayerNorm": lambda odd: nn.LayerNorm(odd),
    "Dropout": lambda odd: nn.Dropout(odd),
    "DropoutOneIn": lambda odd: nn.DropoutOneIn(odd),
    "Embedding": lambda odd: nn.Embedding(odd, 3),
    "Embedding call": lambda odd: nn.Embedding(2, 3)(odd),
    "ELU": lambda odd: nn.ELU(odd),
    "MultiheadAttention": lambda odd: nn.MultiheadAttention(4, odd),
    "MultiheadAttention dropout": lambda odd: nn.MultiheadAttention(4, 2, dropout=odd),
    "TransformerEncoderLayer": lambda odd: nn.TransformerEncoderLayer(odd, 2),
    "Transformer layers": lambda odd: nn.Transformer(4, 2, num_encoder_layers=odd),
    "Transformer eps": lambda odd: nn.Transformer(4, 2, 1, 1, layer_norm_eps=odd),
    "mse": lambda odd: nn.mse(X, odd),
    "huber": lambda odd: nn.huber(X, X, delta=odd),
    "cross_entropy": lambda odd: nn.cross_entropy(X, odd),
    "cross_entropy reduction": lambda odd: nn.cross_entropy(X, sw.tensor([0, 1]), reduction=odd),
    "cross_entropy smoothing": lambda odd: nn.cross_entropy(X, sw.tensor([0, 1]), label_smoothing=odd),
    "cross_entropy ignore_index": lambda odd: nn.cross_entropy(X, sw.tensor([0, 1]), ignore_index=odd),
    "init.normal": lambda odd: nn.init.normal((2, 2), std=odd),
    "init.kaiming_uniform": lambda odd: nn.init.kaiming_uniform((2, 2), mode=odd),
    "SGD lr": lambda odd: optim.SGD([sw.Parameter(X)], lr=odd),
    "SGD momentum": lambda odd: optim.SGD([sw.Parameter(X)], lr=0.1, momentum=odd),
    "Adam betas": lambda odd: optim.Adam([sw.Parameter(X)], betas=odd),
    "Adam params": lambda odd: optim.Adam(odd),
    "update": lambda odd: optim.SGD([sw.Parameter(X)], lr=0.1).update(odd),
    "load_state_dict": lambda odd: nn.Linear(2, 2).load_state_dict(odd),
    "load_state_dict value": lambda odd: nn.Linear(2, 2, bias=False).load_state_dict({"weight": odd}),
    "optimiser state": lambda odd: optim.SGD([sw.Parameter(X)], lr=0.1).load_state_dict(odd),
    "assign": lambda odd: sw.Parameter(X).assign(odd),
    "Parameter": lambda odd: sw.Parameter(odd),
    "gradient of": lambda odd: X.trace().sum().backward()[odd],
    "gradient put": lambda odd: X.trace().sum().backward().__setitem__(sw.Parameter(X), odd),
    "gradients unused": lambda odd: X.trace().sum().backward().unused(odd),
    "Batches": lambda odd: data.Batches(odd, size=1),
    "Batches size": lambda odd: data.Batches(X, size=odd),
    "Batches shuffle": lambda odd: data.Batches(X, size=1, shuffle=odd),
    "split size": lambda odd: data.split(X, size=odd),
    "split fraction": lambda odd: data.split(X, fraction=odd),
    "mnist": lambda odd: data.mnist(odd),
    "read_idx": lambda odd: data.read_idx(odd),
    "read": lambda odd: files.read(odd),
    "save value": lambda odd: files.save({"a": odd}, "a.npz"),
    "load": lambda odd: files.load(odd, "a.npz"),
    "zeros size": lambda odd: sw.zeros((2, odd)),
    "zeros dtype": lambda odd: sw.zeros((2,), dtype=odd),
    "zeros device": lambda odd: sw.zeros((2,), device=odd),
    "full": lambda odd: sw.full((2,), odd),
    "eye": lambda odd: sw.eye(odd),
    "arange": lambda odd: sw.arange(0, odd, 1),
    "linspace": lambda odd: sw.linspace(odd, 1.0, 3),
    "linspace count": lambda odd: sw.linspace(0.0, 1.0, odd),
    "zeros_like": lambda odd: sw.zeros_like(odd),
    "from_numpy": lambda odd: sw.from_numpy(odd),
    "rand": lambda odd: sw.rand(odd),
    "rand key": lambda odd: sw.rand((2,), key=odd),
    "rand device": lambda odd: sw.rand((2,), device=odd),
    "randint": lambda odd: sw.randint(0, odd, (2,)),
    "Key": lambda odd: sw.Key(odd),
    "Key split": lambda odd: sw.Key(0).split(odd),
    "Key restore": lambda odd: sw.Key(0).restore(odd),
    "grad": lambda odd: sw.grad(odd),
    "checked": lambda odd: sw.checked(odd),
    "compile": lambda odd: sw.compile(odd),
    "checkpoint": lambda odd: sw.checkpoint(odd, X),
    "elu": lambda odd: X.elu(alpha=odd),
    "std": lambda odd: X.std(correction=odd),
}
ODD: tuple[Any, ...] = (None, "a", b"b", (None,), ["a"], {}, object(), sw.f32, lambda x: x, 2j, np.ones((2, 2)))
# What an argument may also be.
ALLOWED: dict[str, tuple[type, ...]] = {
    "softmax": (type(None),),
    "sum axis": (type(None),),
    "broadcast axis": (type(None),),
    "index": (type(None),),
    "zeros dtype": (type(sw.f32),),
    "Batches shuffle": (type(None),),
    "zeros device": (type(None),),
    "rand key": (type(None),),
    "rand device": (type(None),),
    "arange": (type(None),),
    "from_numpy": (np.ndarray,),
    **dict.fromkeys(("grad", "checked", "compile", "checkpoint"), (type(sw.f32), type(lambda: 0))),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_odd_argument_is_an_error_of_ours(place: str) -> None:
    for odd in ODD:
        if type(odd) in ALLOWED.get(place, ()):
            continue
        with pytest.raises(sw.Error) as caught:
            PLACES[place](odd)
        assert str(caught.value)


REPORTS: dict[str, tuple[Callable[[], object], str]] = {
    "a size": (
        lambda: X.reshape(("3", 2)),
        "reshape: a size is an int, not str\n  x  Tensor[[2, 3]]",
    ),
    "a shape": (
        lambda: X.expect(2.5),
        "expect: takes the shape that the tensor has, a tuple of sizes, not float\n  x      Tensor[[2, 3]]\n\
  write  x.expect((b, 784))",
    ),
    "an axis": (
        lambda: X.sum(axis="rows"),
        "sum: axis= is the number of an axis, or a tuple of numbers, not 'rows'\n  x  Tensor[[2, 3]]",
    ),
    "one axis": (
        lambda: X.unsqueeze(axis=(0, 1)),
        "unsqueeze: axis= is the number of one axis, not (0, 1)\n  x  Tensor[[2, 3]]",
    ),
    "a count": (
        lambda: X.topk(1.5),
        "topk: k= is how many there are, an int, not 1.5\n  x  Tensor[[2, 3]]",
    ),
    "tensors to join": (
        lambda: ANY.concat(X, axis=0),
        "concat: joins a tuple or list of tensors, not one tensor\n  write  sw.concat((a, b), axis=0)",
    ),
    "one of them": (
        lambda: ANY.stack((X, 1.0), axis=0),
        "stack: an operand is float, and a tensor is needed\n  write  sw.tensor(...) or sw.from_numpy(...) around it",
    ),
    "a number that is a tensor": (
        lambda: X.clip(min=X),
        "clip: min= takes a Python number, not a tensor\n  x    Tensor[[2, 3]]\n  min  Tensor[[2, 3]]",
    ),
    "a device": (
        lambda: ANY.zeros((2,), device="cpu"),
        "device= takes a device, not 'cpu'\n  write  device=sw.Cpu()",
    ),
    "a shape to make": (
        lambda: ANY.zeros(2.5),
        "zeros: a shape is a tuple of sizes, not float\n  write  sw.zeros((2, 3))",
    ),
    "too many elements": (
        lambda: sw.zeros((2**62, 4)),
        "the shape [4611686018427387904, 4] has more elements than any memory holds\n  write  smaller sizes",
    ),
    "a number to fill with": (lambda: ANY.full((2,), "a"), "full: value is a number, not str"),
    "a float among integers": (
        lambda: ANY.full((2,), 1.5, dtype=sw.u8),
        "full: a Python float takes the tensor's element type, and u8 cannot hold one\n\
  write  an int, or dtype=sw.f32",
    ),
    "a number that is too large": (
        lambda: sw.tensor([1, 300], dtype=sw.u8),
        "tensor: 300 does not fit u8, which holds 0 to 255",
    ),
    "a number that is too small": (
        lambda: sw.full((2,), -1, dtype=sw.u8),
        "full: -1 does not fit u8, which holds 0 to 255",
    ),
    "NaN among integers": (
        lambda: sw.tensor([float("nan")], dtype=sw.i32),
        "tensor: nan does not fit i32, which holds -2147483648 to 2147483647",
    ),
    "an int of many digits": (
        lambda: sw.tensor([2**64]),
        "tensor: an int is beyond what 64 bits hold\n  data  [18446744073709551616]",
    ),
    "an int that needs all 64 bits beside one that needs a sign": (
        lambda: sw.tensor([2**63 + 5, -1]),
        "tensor: an int is beyond what 64 bits hold\n  data  [9223372036854775813, -1]",
    ),
    "a range that is too long": (
        lambda: sw.arange(300, dtype=sw.u8),
        "arange: 299 does not fit u8, which holds 0 to 255",
    ),
    "a key's position": (
        lambda: ANY.Key(0).restore(3),
        "restore: takes what `state` gave, a seed and a position, not 3",
    ),
    "a function": (
        lambda: ANY.grad(X),
        "grad: takes a function, not Tensor\n  write  sw.grad(function)(x)",
    ),
    "a size of a layer": (
        lambda: ANY.nn.Linear(1.5, 2),
        "Linear: in_features is a size, an int, not 1.5",
    ),
    "several sizes": (
        lambda: ANY.nn.Flatten((1, 2)),
        "Flatten: start_dim is a size, an int, not (1, 2)\n  write  nn.Flatten(), or nn.Flatten(0) for all axes",
    ),
    "a setting of a layer": (
        lambda: ANY.nn.Dropout("0.5"),
        "Dropout: p is a number, not '0.5'",
    ),
    "a flag of a layer": (
        lambda: ANY.nn.Linear(2, 2, bias=X),
        "Linear: bias is True or False, not Tensor",
    ),
    "nothing to a layer": (
        lambda: ANY.nn.Linear(2, 2)(None),
        "Linear: x is NoneType, and a tensor is needed\n  needed  Tensor[[*Bs, I], FT]\n  in      Linear\n\
  write   sw.tensor(...) or sw.from_numpy(...) around it",
    ),
    "a window": (
        lambda: ANY.nn.MaxPool2d("2"),
        "kernel_size='2' is one number, or two for height and width",
    ),
    "a state": (
        lambda: ANY.nn.Linear(2, 2).load_state_dict([]),
        "the state of Linear is a dict of tensors by name, and this is list\n\
  write  what state_dict() gave, or files.read(path)",
    ),
    "a diagonal": (
        lambda: X.tril(diagonal=1.5),
        "tril: diagonal= is the number of a diagonal, an int, not 1.5",
    ),
    "a bound that is no number": (
        lambda: X.clip("0"),
        "clip: a number is needed, and str is none\n  x    Tensor[[2, 3]]\n  min  0",
    ),
    "an int of many digits to fill with": (
        lambda: sw.full((2,), 2**70, dtype=sw.i64),
        "full: 1180591620717411303424 does not fit i64, which holds -9223372036854775808 to 9223372036854775807",
    ),
    "an equation": (
        lambda: ANY.einsum(X, X),
        'einsum: what it does is said in a str, not Tensor\n  write  "ij,jk->ik"',
    ),
    "a parameter": (
        lambda: X.elu(alpha=None),
        "elu: the parameters do not fit: unsupported operand type(s) for *: 'float' and 'NoneType'\n\
  x  Tensor[[2, 3]]",
    ),
}


@pytest.mark.parametrize("report", REPORTS)
def test_the_report_of_an_odd_argument(report: str) -> None:
    wrong, text = REPORTS[report]
    with pytest.raises(sw.Error) as caught:
        wrong()
    assert str(caught.value) == text


def test_places_beyond_what_the_indices_can_hold() -> None:
    # 200 * 2 is no u8, and the third place of the second column no number of two bits.
    places = sw.tensor([[200, 1]]).to(sw.u8)
    added = sw.zeros((300, 2)).scatter_add(places, sw.ones((1, 2)), axis=0)
    assert np.argwhere(added.numpy()).tolist() == [[1, 1], [200, 0]]
    x = sw.zeros((300, 2)).trace()
    assert np.argwhere(x.gather(places, axis=0).sum().backward()[x].numpy()).tolist() == [[1, 1], [200, 0]]


def test_a_traced_view_of_a_parameter_trains_if_it_says_so() -> None:
    w = sw.Parameter(sw.ones((2, 3)))
    turned = w.permute(axes=(1, 0))
    assert [turned.trace().is_training, turned.trace(training=False).is_training] == [True, False]
    assert (turned.trace() * 2.0).sum().backward()[w].tolist() == [[2.0] * 3] * 2


def test_ranges_that_end_where_the_element_type_does() -> None:
    assert sw.arange(256, dtype=sw.u8).tolist() == list(range(256))
    assert sw.arange(2**63 - 2, 2**63).tolist() == [2**63 - 2, 2**63 - 1]
    assert sw.arange(-(2**63) + 1, -(2**63) - 1, -1).tolist() == [-(2**63) + 1, -(2**63)]
    assert sw.arange(0, 1, 2**70).tolist() == [0]
    assert sw.arange(3, 3).tolist() == []


def test_a_verdict_does_not_depend_on_what_was_asked_before() -> None:
    whole = sw.tensor([1, 2])
    assert whole.clip(0, 1).tolist() == [1, 1]
    with pytest.raises(sw.DTypeError):
        ANY.Tensor.clip(whole, 0.0, 1.0)
