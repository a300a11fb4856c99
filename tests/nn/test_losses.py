"""What losses do beside their values: reports of what does not fit, targets as constants, element types, extremes."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pytest

import shapewright as sw
from shapewright import nn

LOGITS = sw.zeros((4, 3))
LABELS = sw.zeros((4,), dtype=sw.i64)
NAN = sw.tensor([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, math.nan, 1.0]])

REPORTS = [
    (
        lambda: nn.cross_entropy(LOGITS, sw.tensor([0, 1, 7, 2])),
        sw.IndexRangeError,
        """
        cross_entropy: the class label 7 at [2] is out of range
          input    Tensor[[4, 3]]
          target   Tensor[[4], i64]
          allowed  0 to 2, and ignore_index=-100
          in       cross_entropy()
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, sw.tensor([0, 1, 3, 2])),
        sw.IndexRangeError,
        """
        cross_entropy: the class label 3 at [2] is out of range
          input    Tensor[[4, 3]]
          target   Tensor[[4], i64]
          allowed  0 to 2, and ignore_index=-100
          in       cross_entropy()
          write    labels that count from 0
        """,
    ),
    (
        lambda: nn.nll(sw.zeros((2, 2, 3)), sw.tensor([[0, 1], [-1, 2]]), ignore_index=255),
        sw.IndexRangeError,
        """
        nll: the class label -1 at [1, 0] is out of range
          input    Tensor[[2, 2, 3]]
          target   Tensor[[2, 2], i64]
          allowed  0 to 2, and ignore_index=255
          in       nll()
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, sw.zeros((5,), dtype=sw.i64)),
        sw.ShapeError,
        """
        cross_entropy: Bs is [4] in input and [5] in target
          needed  Tensor[Bs, i64]
          target  Tensor[[5], i64]
          input   Tensor[[4, 3]]
          in      cross_entropy()
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, sw.zeros((4,))),
        sw.DTypeError,
        """
        cross_entropy: target has elements of type f32, and i64 is needed
          needed  Tensor[Bs, i64]
          target  Tensor[[4]]
          input   Tensor[[4, 3]]
          in      cross_entropy()
          write   target.to(sw.i64)
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, sw.zeros((4, 5))),
        sw.ShapeError,
        """
        cross_entropy: axis 1 of target has size 5, and C = 3 is needed
          needed  Tensor[[*Bs, C], F], C = 3 from input
          target  Tensor[[4, 5]]
          input   Tensor[[4, 3]]
          in      cross_entropy()
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, LABELS, sw.ones((4,))),
        sw.ShapeError,
        """
        cross_entropy: axis 0 of weight has size 4, and C = 3 is needed
          needed  Tensor[[C], F], C = 3 from input
          weight  Tensor[[4]]
          input   Tensor[[4, 3]]
          target  Tensor[[4], i64]
          in      cross_entropy()
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, NAN),
        sw.ArgumentError,
        """
        probabilities: the number at [3, 1] is NaN, which is no probability
          x   Tensor[[4, 3]]
          in  cross_entropy()
        """,
    ),
    (
        lambda: nn.kl_div(LOGITS, NAN),
        sw.ArgumentError,
        """
        probabilities: the number at [3, 1] is NaN, which is no probability
          x   Tensor[[4, 3]]
          in  kl_div()
        """,
    ),
    (
        lambda: nn.binary_cross_entropy_with_logits(sw.zeros(()), sw.tensor(math.nan)),
        sw.ArgumentError,
        """
        probabilities: the number is NaN, which is no probability
          x   Tensor[[]]
          in  binary_cross_entropy_with_logits()
        """,
    ),
    (
        lambda: nn.cross_entropy(sw.zeros((0, 3)), sw.zeros((0,), dtype=sw.i64)),
        sw.ArgumentError,
        """
        cross_entropy: there is nothing to take the mean of: the batch is empty
          losses  Tensor[[0]]
          in      cross_entropy()
          write   leave empty batches out, or reduction="sum", which is 0
        """,
    ),
    (
        lambda: nn.mse(sw.zeros((0, 2)), sw.zeros((0, 2))),
        sw.ArgumentError,
        """
        mse: there is nothing to take the mean of: the batch is empty
          losses  Tensor[[0, 2]]
          in      mse()
          write   leave empty batches out, or reduction="sum", which is 0
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, LABELS, reduction="avg"),
        sw.ArgumentError,
        """
        cross_entropy: reduction='avg' is unknown
          in     cross_entropy()
          write  reduction="mean", "sum" or "none"
        """,
    ),
    (
        lambda: nn.kl_div(LOGITS, LOGITS, reduction="avg"),
        sw.ArgumentError,
        """
        kl_div: reduction='avg' is unknown
          in     kl_div()
          write  reduction="mean", "sum", "none" or "batchmean"
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, LABELS, label_smoothing=1.5),
        sw.ArgumentError,
        """
        cross_entropy: label_smoothing=1.5 is a share of the probability, from 0 to 1
          write  label_smoothing=0.1
        """,
    ),
    (
        lambda: nn.mse(LOGITS, sw.zeros((4, 1))),
        sw.ShapeError,
        """
        mse: S is [4, 3] in input and [4, 1] in target
          needed  Tensor[S, F]
          target  Tensor[[4, 1]]
          input   Tensor[[4, 3]]
          in      mse()
        """,
    ),
    (
        lambda: nn.mse(LOGITS, sw.zeros((4, 3), dtype=sw.f64)),
        sw.DTypeError,
        """
        mse: target has elements of type f64, and f32 is needed
          needed  Tensor[S, F]
          target  Tensor[[4, 3], f64]
          input   Tensor[[4, 3]]
          in      mse()
          write   target.to(sw.f32)
        """,
    ),
    (
        lambda: nn.mae(LABELS, LABELS, reduction="none"),
        sw.DTypeError,
        """
        mae: this needs floating point elements, not i64
          input   Tensor[[4], i64]
          target  Tensor[[4], i64]
          in      mae()
          write   input.to(sw.f32) first
        """,
    ),
    (
        lambda: nn.huber(LOGITS, LOGITS, delta=0.0),
        sw.ArgumentError,
        """
        huber: delta=0.0 is the error at which the square ends, above 0
          in     huber()
          write  delta=1.0
        """,
    ),
    (
        lambda: nn.smooth_l1(LOGITS, LOGITS, beta=-1.0),
        sw.ArgumentError,
        """
        smooth_l1: beta=-1.0 is the error at which the square ends, 0 or more
          in     smooth_l1()
          write  beta=1.0
        """,
    ),
    (
        lambda: nn.binary_cross_entropy_with_logits(LOGITS, LOGITS, pos_weight=sw.ones((4,))),
        sw.ShapeError,
        """
        binary_cross_entropy_with_logits: pos_weight has one number for each place of the last axis of input
          input       Tensor[[4, 3]]
          pos_weight  Tensor[[4]]
          in          binary_cross_entropy_with_logits()
        """,
    ),
    (
        lambda: nn.cross_entropy(LOGITS, [0, 1, 2, 0]),
        sw.ShapeError,
        """
        cross_entropy: target is list, and a tensor is needed
          needed  Tensor[Bs, i64]
          input   Tensor[[4, 3]]
          in      cross_entropy()
          write   sw.tensor(...) or sw.from_numpy(...) around it
        """,
    ),
]


@pytest.mark.parametrize(("call", "kind", "report"), REPORTS)
def test_report(call, kind, report):
    with pytest.raises(sw.Error) as caught:
        call()
    assert type(caught.value) is kind
    assert str(caught.value) == textwrap.dedent(report).strip()


@pytest.mark.parametrize(
    "loss",
    [nn.mse, nn.mae, nn.huber, nn.smooth_l1, nn.kl_div, nn.binary_cross_entropy_with_logits, nn.cross_entropy],
)
def test_the_sum_over_an_empty_batch_is_zero(loss):
    x = sw.zeros((0, 3))
    assert loss(x, x, reduction="sum").item() == 0.0
    assert loss(x, x, reduction="none")._spec.sizes == ((0,) if loss is nn.cross_entropy else (0, 3))


def test_a_target_that_a_model_gave_is_a_constant():
    student, teacher = nn.Linear(3, 2), nn.Linear(3, 2)
    x = sw.randn((4, 3))
    gradients = nn.mse(student(x.trace()), teacher(x)).backward()
    assert gradients.unused(student) == []
    assert gradients.unused(teacher) == ["weight", "bias"]


def test_a_traced_target_has_a_gradient():
    y = sw.ones((2,)).trace()
    assert nn.mse(sw.zeros((2,)), y).backward()[y].tolist() == [1.0, 1.0]


def test_an_untraced_prediction_beside_a_traced_target_is_an_error():
    with pytest.raises(sw.TapeError, match="parameter bias"):
        nn.mse(nn.Linear(3, 2)(sw.zeros((4, 3))), sw.ones((4, 2)).trace())


def test_rmse_of_no_error_has_a_gradient_of_zero():
    x = sw.ones((3,)).trace()
    loss = nn.rmse(x, sw.ones((3,)))
    assert loss.item() == 0.0
    assert loss.backward()[x].tolist() == [0.0, 0.0, 0.0]


def test_large_logits_give_no_overflow():
    logits = sw.tensor([[1e4, -1e4, 0.0]]).trace()
    loss = nn.cross_entropy(logits, sw.tensor([1]))
    assert loss.item() == 2e4
    np.testing.assert_array_equal(loss.backward()[logits].numpy(), [[1.0, -1.0, 0.0]])


def test_nothing_that_counts_gives_nan_as_in_pytorch():
    assert math.isnan(nn.cross_entropy(LOGITS, sw.full((4,), -100, dtype=sw.i64)).item())
    assert nn.cross_entropy(LOGITS, sw.full((4,), -100, dtype=sw.i64), reduction="sum").item() == 0.0


def test_ignored_places_hide_what_stands_there():
    logits = sw.tensor([[math.nan, 0.0], [0.0, 0.0]]).trace()
    loss = nn.cross_entropy(logits, sw.tensor([-100, 1]))
    assert loss.item() == pytest.approx(math.log(2.0))


@pytest.mark.parametrize("dtype", [sw.f64, sw.f32, sw.bf16, sw.f16])
def test_element_types(dtype):
    x, y = sw.randn((4, 3), dtype=sw.f64, key=sw.Key(1)), sw.rand((4, 3), dtype=sw.f64, key=sw.Key(2))
    labels = sw.tensor([0, 2, 1, 1])
    tolerance = {sw.f64: 1e-12, sw.f32: 1e-6, sw.bf16: 3e-2, sw.f16: 4e-3}[dtype]
    for loss in (nn.mse, nn.mae, nn.rmse, nn.huber, nn.smooth_l1, nn.binary_cross_entropy_with_logits, nn.kl_div):
        value = loss(x.to(dtype), y.to(dtype))
        assert value.dtype is dtype
        assert value.to(sw.f64).item() == pytest.approx(loss(x, y).item(), rel=tolerance, abs=tolerance)
    value = nn.cross_entropy(x.to(dtype), labels)
    assert value.dtype is dtype
    assert value.to(sw.f64).item() == pytest.approx(nn.cross_entropy(x, labels).item(), rel=tolerance)


def test_the_mean_over_many_labels_fits_in_sixteen_bits():
    logits = sw.zeros((70_000, 2), dtype=sw.f16)
    assert nn.cross_entropy(logits, sw.zeros((70_000,), dtype=sw.i64)).item() == pytest.approx(math.log(2.0), rel=1e-3)


def test_axis_names_pass_through():
    x = sw.zeros((4, 4, 3))
    b, t, _ = x.shape
    losses = nn.cross_entropy(x, sw.zeros((4, 4), dtype=sw.i64), reduction="none")
    assert losses.sum((b,)).shape == (4,)
    assert nn.mse(x, x, reduction="none").sum((t,)).shape == (4,)


def test_as_the_argument_of_a_training_function():
    def fit(loss, x, y):
        return loss(x.trace(), y).backward()

    assert len(fit(nn.mse, LOGITS, LOGITS)) == 1
    assert len(fit(nn.cross_entropy, LOGITS, LABELS)) == 1
