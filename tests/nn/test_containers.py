"""Containers: what they compute, how their parts are named and reached, and what they report."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn


def x_of(*shape):
    return sw.randn(shape, key=sw.Key(9))


def test_sequential_is_its_layers_in_order():
    up, act, down = nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)
    x = x_of(5, 4)
    np.testing.assert_array_equal(nn.Sequential(up, act, down)(x).numpy(), down(act(up(x))).numpy())
    np.testing.assert_array_equal((x >> up >> act >> down).numpy(), down(act(up(x))).numpy())


def test_sequential_of_nothing_and_of_one():
    x = x_of(3)
    assert nn.Sequential()(x) is x
    assert len(nn.Sequential()) == 0
    assert nn.Sequential(nn.Identity())(x) is x


def test_sequential_is_indexed_iterated_and_sliced():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    assert len(net) == 3
    assert [type(layer).__name__ for layer in net] == ["Linear", "ReLU", "Linear"]
    assert net[0] is net[-3] and net[2] is net[-1]
    assert isinstance(net[1:], nn.Sequential) and net[1:][0] is net[1]


def test_more_layers_than_the_type_checker_follows():
    net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(20)])
    assert net(x_of(2, 3))._spec.sizes == (2, 3)
    assert len(net.state_dict()) == 40


def test_names_are_those_of_pytorch():
    net = nn.Sequential(
        nn.Linear(4, 4), nn.Sequential(nn.LayerNorm(4), nn.ReLU()), nn.Residual(nn.Linear(4, 4, bias=False))
    )
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.0.weight", "1.0.bias", "2.inner.weight"]
    assert net[1][0].weight.name == "1.0.weight"
    assert list(nn.Repeated(lambda: nn.Linear(2, 2, bias=False), 2).state_dict()) == ["0.weight", "1.weight"]
    assert list(nn.GeneralizedResidual(nn.Linear(2, 2), nn.LayerNorm(2, bias=False)).state_dict()) == [
        "f.weight",
        "f.bias",
        "r.weight",
    ]
    split = nn.SplitInto(nn.Linear(2, 2, bias=False), nn.Linear(2, 3, bias=False))
    assert list(split.state_dict()) == ["0.weight", "1.weight"]


def test_a_layer_used_twice_is_named_and_counted_once():
    layer = nn.Linear(3, 3)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    assert net.num_parameters == 12


def test_functions_are_layers_without_parameters():
    net = nn.Sequential(nn.Linear(3, 3), lambda x: x * 2.0)
    assert list(net.state_dict()) == ["0.weight", "0.bias"]
    assert net(x_of(2, 3))._spec.sizes == (2, 3)


def test_copies_are_independent():
    net = nn.Sequential(nn.Linear(3, 3), nn.Residual(nn.Linear(3, 3)), nn.Repeated(lambda: nn.Linear(3, 3), 2))
    copy = net.copy()
    before = copy(x_of(2, 3)).tolist()
    for parameter in net.parameters():
        parameter.assign(sw.zeros_like(parameter))
    assert copy(x_of(2, 3)).tolist() == before
    assert len(copy) == 3 and copy[1].inner.weight.name == "1.inner.weight"


def test_state_goes_from_one_to_another():
    make = lambda: nn.Sequential(nn.Linear(3, 4), nn.Repeated(lambda: nn.Linear(4, 4), 2))  # noqa: E731
    a, b = make(), make()
    b.load_state_dict(a.state_dict())
    assert a(x_of(2, 3)).tolist() == b(x_of(2, 3)).tolist()


def test_residual():
    inner = nn.Linear(4, 4)
    x = x_of(3, 4)
    np.testing.assert_array_equal(nn.Residual(inner)(x).numpy(), (x + inner(x)).numpy())
    traced = x.trace()
    gradients = nn.Residual(inner)(traced).sum().backward()
    np.testing.assert_allclose(
        gradients[traced].numpy(), 1.0 + inner.weight.numpy().sum(0) + np.zeros((3, 4)), rtol=1e-5
    )


def test_generalized_residual():
    f, r = nn.Linear(4, 2), nn.Linear(4, 2)
    x = x_of(3, 4)
    np.testing.assert_array_equal(nn.GeneralizedResidual(f, r)(x).numpy(), (f(x) + r(x)).numpy())


def test_repeated_makes_layers_of_their_own():
    net = nn.Repeated(lambda: nn.Linear(4, 4), 3)
    x = x_of(2, 4)
    np.testing.assert_array_equal(net(x).numpy(), net[2](net[1](net[0](x))).numpy())
    assert net[0].weight.tolist() != net[1].weight.tolist()
    assert len(net) == 3 and net.num_parameters == 60
    assert nn.Repeated(nn.ReLU, 2)(x)._spec.sizes == (2, 4)
    assert nn.Repeated(lambda: nn.Linear(4, 4), 0)(x) is x


def test_split_and_add_share_one_tape():
    split = nn.SplitInto(nn.Linear(4, 2), nn.Linear(4, 3))
    x = x_of(5, 4).trace()
    a, b = split(x)
    assert (a._spec.sizes, b._spec.sizes) == ((5, 2), (5, 3))
    gradients = (a.sum() + b.sum()).backward()
    assert gradients.unused(split) == []
    only = split(x)[1].sum().backward()
    assert only.unused(split) == ["0.weight", "0.bias"]
    join = nn.AddInto(nn.Linear(2, 6), nn.Linear(3, 6))
    net = nn.Sequential(split, join)
    np.testing.assert_array_equal(net(x).numpy(), (join[0](a) + join[1](b)).numpy())
    assert net(x).sum().backward().unused(net) == []


REPORTS = [
    (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 2)),
        sw.ShapeError,
        """
        Sequential: layer 2 takes a last axis of size 4, and layer 0 gives 3
          layer 0  Linear(I=2, O=3)
          layer 2  Linear(I=4, O=2)
        """,
    ),
    (
        lambda: nn.Sequential(nn.Sequential(nn.Embedding(9, 3), nn.Dropout()), nn.Residual(nn.LayerNorm(4))),
        sw.ShapeError,
        """
        Sequential: layer 1 takes a last axis of size 4, and layer 0 gives 3
          layer 0  Sequential()
          layer 1  Residual()
        """,
    ),
    (
        lambda: nn.Sequential(nn.ReLU),
        sw.ArgumentError,
        """
        Sequential: layer 0 is the class ReLU, and a layer is needed
          write  ReLU()
        """,
    ),
    (lambda: nn.Sequential(nn.ReLU(), 3), sw.ArgumentError, "Sequential: layer 1 is 3, and a layer is needed"),
    (
        lambda: nn.Sequential(nn.ReLU())[1],
        sw.IndexRangeError,
        """
        Sequential: there is no layer 1
          layers   1
          allowed  -1 to 0
        """,
    ),
    (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 2))(sw.zeros((4, 3, 3))),
        sw.ShapeError,
        """
        Linear: axis 1 of x has size 9, and I = 6 is needed
          needed  Tensor[[*Bs, I], FT], I = 6 from this module
          x       Tensor[[4, 9]]
          in      Sequential.1 (Linear)
        """,
    ),
    (
        lambda: nn.Residual(nn.Linear(3, 4))(sw.zeros((2, 3))),
        sw.ShapeError,
        """
        Residual: x and inner(x) are added, so they have one shape
          x         Tensor[[2, 3]]
          inner(x)  Tensor[[2, 4]]
          in        Residual
        """,
    ),
    (
        lambda: nn.GeneralizedResidual(nn.Linear(3, 4), nn.Linear(3, 5))(sw.zeros((2, 3))),
        sw.ShapeError,
        """
        GeneralizedResidual: f(x) and r(x) are added, so they have one shape
          f(x)  Tensor[[2, 4]]
          r(x)  Tensor[[2, 5]]
          in    GeneralizedResidual
        """,
    ),
    (
        lambda: nn.Repeated(lambda: nn.Linear(3, 4), 2)(sw.zeros((2, 3))),
        sw.ShapeError,
        """
        Repeated: layer 0 changes the shape, and a repeated layer keeps it
          x           Tensor[[2, 3]]
          layer 0(x)  Tensor[[2, 4]]
          in          Repeated
        """,
    ),
    (
        lambda: nn.Repeated(nn.Linear(3, 3), 2),
        sw.ArgumentError,
        """
        Repeated: make= is a function that makes a layer, not Linear
          write  nn.Repeated(lambda: nn.Linear(8, 8), 3)
        """,
    ),
    (
        lambda: nn.Repeated(nn.ReLU, -1),
        sw.ArgumentError,
        "Repeated: count=-1 is how many layers there are, 0 or more",
    ),
    (
        lambda: nn.AddInto(nn.Linear(3, 4), nn.Linear(2, 4))(sw.zeros((2, 3))),
        sw.ArgumentError,
        """
        AddInto: there are 2 layers, so the input is a tuple of 2 tensors
          given  Tensor[[2, 3]]
          in     AddInto
        """,
    ),
    (
        lambda: nn.AddInto(nn.Linear(3, 4), nn.Linear(2, 5))((sw.zeros((2, 3)), sw.zeros((2, 2)))),
        sw.ShapeError,
        """
        AddInto: before and layer 1 are added, so they have one shape
          before   Tensor[[2, 4]]
          layer 1  Tensor[[2, 5]]
          in       AddInto
        """,
    ),
    (
        lambda: nn.AddInto(),
        sw.ArgumentError,
        """
        AddInto: there is no layer whose result could be given
          write  nn.AddInto(a, b)
        """,
    ),
    (
        lambda: nn.SplitInto(nn.ReLU(), "x"),
        sw.ArgumentError,
        "SplitInto: layer 1 is str, and a layer is needed",
    ),
]


@pytest.mark.parametrize(("call", "kind", "report"), REPORTS)
def test_report(call, kind, report):
    with pytest.raises(sw.Error) as caught:
        call()
    assert type(caught.value) is kind
    assert str(caught.value) == textwrap.dedent(report).strip()


def test_a_container_shows_its_tree():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Residual(nn.ReLU()))
    assert repr(net) == (
        "Sequential()  # 6 parameters\n"
        "  0: Linear(I=2, O=3)  # 6 parameters\n"
        "    weight: Parameter[[3, 2], f32]\n"
        "  1: Residual()\n"
        "    inner: ReLU()"
    )
