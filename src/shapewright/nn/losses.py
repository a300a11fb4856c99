"""Losses: functions from what a model gives and what it should give to one number, typed as strictly as layers.

Argument names, defaults and results are PyTorch's, except that the classes are always the last axis. A target that is
not traced is a constant: no gradient goes into it, whatever it was computed from. What it is not: the checks of class
labels and of reductions (`_targets.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, overload

from shapewright import ops
from shapewright.ops.checks import probabilities
from shapewright.ops.core import describe_operand
from shapewright.shapes.dtypes import Floating, i64
from shapewright.shapes.errors import ArgumentError, ShapeError
from shapewright.shapes.typing import IntTuple, IntVar
from shapewright.tensor._plain import checked_plainly
from shapewright.tensor.tensor import Tensor

from ._targets import Classes, constant, loss, reduced

type Reduction = Literal["mean", "sum"]


# ---- of numbers -----------------------------------------------------------------------------------------------------
@overload
def mse[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Reduction = "mean"
) -> Tensor[[], F]: ...
@overload
def mse[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Literal["none"]
) -> Tensor[S, F]: ...
@loss
def mse[S: IntTuple, F: Floating](input: Tensor[S, F], target: Tensor[S, F], *, reduction: str = "mean") -> Any:
    """Give the mean squared error: the mean of ``(input - target) ** 2``.

    Args:
        input: what the model gives, of any shape.
        target: what it should give, of the same shape.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ or are integers.
        ArgumentError: there is no element to take the mean of, or `reduction` is unknown.

    PyTorch: ``F.mse_loss(input, target)``. dfdx: ``mse_loss(pred, targ)``.

    >>> import shapewright as sw
    >>> sw.nn.mse(sw.tensor([1.0, 4.0]), sw.tensor([1.0, 2.0])).item()
    2.0
    """
    return reduced(ops.square(ops.sub(input, constant(target))), reduction, "mse")


@overload
def mae[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Reduction = "mean"
) -> Tensor[[], F]: ...
@overload
def mae[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Literal["none"]
) -> Tensor[S, F]: ...
@loss
def mae[S: IntTuple, F: Floating](input: Tensor[S, F], target: Tensor[S, F], *, reduction: str = "mean") -> Any:
    """Give the mean absolute error: the mean of ``|input - target|``; its gradient where they are equal is 0.

    Args and errors are those of `mse`.

    PyTorch: ``F.l1_loss(input, target)``. dfdx: ``mae_loss(pred, targ)``.

    >>> import shapewright as sw
    >>> sw.nn.mae(sw.tensor([1.0, 4.0]), sw.tensor([1.0, 2.0])).item()
    1.0
    """
    return reduced(ops.abs(ops.sub(input, constant(target))), reduction, "mae")


@loss
def rmse[S: IntTuple, F: Floating](input: Tensor[S, F], target: Tensor[S, F]) -> Tensor[[], F]:
    """Give the root of the mean squared error; its gradient where the error is 0 is 0.

    Args and errors are those of `mse`, which has a reduction and this has none.

    PyTorch: ``F.mse_loss(input, target).sqrt()``. dfdx: ``rmse_loss(pred, targ)``.

    >>> import shapewright as sw
    >>> sw.nn.rmse(sw.tensor([4.0, 1.0]), sw.tensor([1.0, 4.0])).item()
    3.0
    """
    square: Any = reduced(ops.square(ops.sub(input, constant(target))), "mean", "rmse")
    exact = ops.eq(square, 0.0)
    return ops.where(exact, 0.0, ops.sqrt(ops.where(exact, 1.0, square)))


@overload
def huber[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Reduction = "mean", delta: float = 1.0
) -> Tensor[[], F]: ...
@overload
def huber[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Literal["none"], delta: float = 1.0
) -> Tensor[S, F]: ...
@loss
def huber[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: str = "mean", delta: float = 1.0
) -> Any:
    """Give ``0.5 * d ** 2`` where the error d is at most `delta`, and ``delta * (|d| - 0.5 * delta)`` beyond.

    P. J. Huber, "Robust estimation of a location parameter", 1964.

    Args:
        input: what the model gives, of any shape.
        target: what it should give, of the same shape.
        reduction: "mean", "sum", or "none" for the loss of each element.
        delta: where the square ends, above 0.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ or are integers.
        ArgumentError: `delta` is not above 0, there is no element to take the mean of, or `reduction` is unknown.

    PyTorch: ``F.huber_loss(input, target, delta=1.0)``. dfdx: ``huber_loss(pred, targ, 1.0)``.

    >>> import shapewright as sw
    >>> sw.nn.huber(sw.tensor([1.0, 4.0]), sw.tensor([1.0, 1.0]), reduction="none").tolist()
    [0.0, 2.5]
    """
    if not delta > 0.0:
        raise ArgumentError(f"huber: delta={delta} is the error at which the square ends, above 0", hint="delta=1.0")
    error = ops.sub(input, constant(target))
    size = ops.abs(error)
    line = ops.mul(ops.sub(size, 0.5 * delta), float(delta))
    return reduced(ops.where(ops.le(size, float(delta)), ops.mul(ops.square(error), 0.5), line), reduction, "huber")


@overload
def smooth_l1[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Reduction = "mean", beta: float = 1.0
) -> Tensor[[], F]: ...
@overload
def smooth_l1[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Literal["none"], beta: float = 1.0
) -> Tensor[S, F]: ...
@loss
def smooth_l1[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: str = "mean", beta: float = 1.0
) -> Any:
    """Give ``0.5 * d ** 2 / beta`` where the error d is below `beta`, and ``|d| - 0.5 * beta`` beyond: huber over beta.

    R. Girshick, "Fast R-CNN", 2015.

    Args:
        input: what the model gives, of any shape.
        target: what it should give, of the same shape.
        reduction: "mean", "sum", or "none" for the loss of each element.
        beta: where the square ends, 0 (no square: `mae`) or more.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ or are integers.
        ArgumentError: `beta` is below 0, there is no element to take the mean of, or `reduction` is unknown.

    PyTorch: ``F.smooth_l1_loss(input, target, beta=1.0)``. dfdx: ``smooth_l1_loss(pred, targ, 1.0)``.

    >>> import shapewright as sw
    >>> sw.nn.smooth_l1(sw.tensor([1.0, 4.0]), sw.tensor([1.0, 1.0]), reduction="none").tolist()
    [0.0, 2.5]
    """
    if not beta >= 0.0:
        raise ArgumentError(f"smooth_l1: beta={beta} is the error at which the square ends, 0 or more", hint="beta=1.0")
    error = ops.sub(input, constant(target))
    size = ops.abs(error)
    if beta == 0.0:
        return reduced(size, reduction, "smooth_l1")
    parabola = ops.mul(ops.square(error), 0.5 / beta)
    return reduced(ops.where(ops.lt(size, float(beta)), parabola, ops.sub(size, 0.5 * beta)), reduction, "smooth_l1")


# ---- of classes -----------------------------------------------------------------------------------------------------
@overload
def cross_entropy[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[Bs, i64],
    weight: Tensor[[C], F] | None = None,
    *,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor[[], F]: ...
@overload
def cross_entropy[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[Bs, i64],
    weight: Tensor[[C], F] | None = None,
    *,
    ignore_index: int = -100,
    reduction: Literal["none"],
    label_smoothing: float = 0.0,
) -> Tensor[Bs, F]: ...
@overload
def cross_entropy[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[[*Bs, C], F],
    weight: Tensor[[C], F] | None = None,
    *,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor[[], F]: ...
@overload
def cross_entropy[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[[*Bs, C], F],
    weight: Tensor[[C], F] | None = None,
    *,
    reduction: Literal["none"],
    label_smoothing: float = 0.0,
) -> Tensor[Bs, F]: ...
@checked_plainly
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Give minus the logarithm of the probability that logits give to the right class.

    Takes `[*Bs, C]`, one logit for each class on the last axis, any leading axes: `[B, C]`, `[B, T, C]` (PyTorch has
    the classes on axis 1 there). The target is the number of the class, `Tensor[Bs, i64]`, or a probability for each,
    `[*Bs, C]`. Computed from log_softmax, so no logit is too large.

    Args:
        input: the logits.
        target: the class labels, or the probabilities.
        weight: how much each class counts. The mean over labels is then weighted; over probabilities it is not.
        ignore_index: the label that does not count. The mean over no label that counts is NaN.
        reduction: "mean", "sum", or "none" for the loss of each leading place, 0 where ignored.
        label_smoothing: how much of the probability is divided evenly among all classes, from 0 to 1 (C. Szegedy and
            others, "Rethinking the Inception architecture", 2015).

    Raises:
        ShapeError: the leading axes or the classes differ.
        DTypeError: the labels are no i64, or an element type differs.
        IndexRangeError: a label is not 0 to C - 1 (nor `ignore_index`).
        ArgumentError: a probability is NaN, there is nothing to take the mean of, or an argument is out of range.

    PyTorch: ``F.cross_entropy(input, target)``. dfdx: ``cross_entropy_with_logits_loss(logits, probs)``.

    >>> import shapewright as sw
    >>> logits = sw.tensor([[0.0, 0.0], [100.0, 0.0]])
    >>> sw.nn.cross_entropy(logits, sw.tensor([1, 0]), reduction="none")
    Tensor[[2], f32] on cpu: [0.6931 0.    ]
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ArgumentError(
            f"cross_entropy: label_smoothing={label_smoothing} is a share of the probability, from 0 to 1",
            hint="label_smoothing=0.1",
        )
    if _are_probabilities(input, target, "cross_entropy"):
        return _cross_entropy_of_probabilities(input, target, weight, reduction, float(label_smoothing))
    return _cross_entropy_of_labels(input, target, weight, ignore_index, reduction, float(label_smoothing))


def _are_probabilities(input: Any, target: Any, called: str) -> bool:
    """Tell whether the target is meant as probabilities: by its element type, which must then fit its rank."""
    found = getattr(target, "_spec", None)
    logits = getattr(input, "_spec", None)
    if found is None or logits is None:
        return False
    # A label for each place, written as floats, would otherwise be told that it has one axis too few.
    return found.dtype.is_floating and len(found.sizes) >= len(logits.sizes)


@partial(loss, called="cross_entropy")
def _cross_entropy_of_labels[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[Bs, i64],
    weight: Tensor[[C], F] | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    classes = Classes(input, target, weight, ignore_index, "cross_entropy")
    logarithms = ops.log_softmax(input, axis=-1)
    losses = classes.weighted(classes.surprise(logarithms))
    if label_smoothing:
        count = max(input._spec.sizes[-1], 1)
        even = ops.neg(ops.sum(classes.weigh_all(logarithms), axes=(len(input._spec.sizes) - 1,)))
        losses = ops.add(
            ops.mul(losses, 1.0 - label_smoothing), ops.mul(classes.counted(even), label_smoothing / count)
        )
    return classes.reduced(losses, reduction)


@partial(loss, called="cross_entropy")
def _cross_entropy_of_probabilities[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[[*Bs, C], F],
    weight: Tensor[[C], F] | None,
    reduction: str,
    label_smoothing: float,
) -> Any:
    sizes = input._spec.sizes
    last = len(sizes) - 1
    shares: Any = probabilities(constant(target))
    if label_smoothing:
        shares = ops.add(ops.mul(shares, 1.0 - label_smoothing), label_smoothing / max(sizes[last], 1))
    products = ops.mul(ops.log_softmax(input, axis=-1), shares)
    if weight is not None:
        products = ops.mul(products, ops.broadcast(constant(weight), sizes=sizes, axes=(last,)))
    return reduced(ops.sub(0.0, ops.sum(products, axes=(last,))), reduction, "cross_entropy")


@overload
def nll[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[Bs, i64],
    weight: Tensor[[C], F] | None = None,
    *,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Tensor[[], F]: ...
@overload
def nll[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[Bs, i64],
    weight: Tensor[[C], F] | None = None,
    *,
    ignore_index: int = -100,
    reduction: Literal["none"],
) -> Tensor[Bs, F]: ...
@loss
def nll[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[Bs, i64],
    weight: Tensor[[C], F] | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Give minus the logarithm of the probability of the right class, from logarithms: `log_softmax`, then this.

    Args and errors are those of `cross_entropy` for class labels, which takes logits.

    PyTorch: ``F.nll_loss(input, target)``.

    >>> import shapewright as sw
    >>> sw.nn.nll(sw.tensor([[-1.0, -2.0], [-3.0, -4.0]]), sw.tensor([1, 0])).item()
    2.5
    """
    classes = Classes(input, target, weight, ignore_index, "nll")
    return classes.reduced(classes.weighted(classes.surprise(input)), reduction)


# ---- of probabilities -----------------------------------------------------------------------------------------------
@overload
def binary_cross_entropy_with_logits[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], weight: Tensor[S, F] | None = None, *, reduction: Reduction = "mean"
) -> Tensor[[], F]: ...
@overload
def binary_cross_entropy_with_logits[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], weight: Tensor[S, F] | None = None, *, reduction: Literal["none"]
) -> Tensor[S, F]: ...
@overload
def binary_cross_entropy_with_logits[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[[*Bs, C], F],
    weight: Tensor[[*Bs, C], F] | None = None,
    *,
    reduction: Reduction = "mean",
    pos_weight: Tensor[[C], F],
) -> Tensor[[], F]: ...
@overload
def binary_cross_entropy_with_logits[Bs: IntTuple, C: IntVar, F: Floating](
    input: Tensor[[*Bs, C], F],
    target: Tensor[[*Bs, C], F],
    weight: Tensor[[*Bs, C], F] | None = None,
    *,
    reduction: Literal["none"],
    pos_weight: Tensor[[C], F],
) -> Tensor[[*Bs, C], F]: ...
@loss
def binary_cross_entropy_with_logits[S: IntTuple, C: IntVar, F: Floating](
    input: Tensor[S, F],
    target: Tensor[S, F],
    weight: Tensor[S, F] | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor[[C], F] | None = None,
) -> Any:
    """Give ``-(p * log(sigmoid(x)) + (1 - p) * log(1 - sigmoid(x)))`` for each logit x and probability p.

    Computed as ``max(x, 0) - x * p + log1p(exp(-|x|))``, so no logit is too large.

    Args:
        input: the logits, of any shape.
        target: the probabilities, of the same shape.
        weight: how much each element counts, of the same shape.
        reduction: "mean" (over all elements), "sum", or "none" for the loss of each element.
        pos_weight: how much more the positive cases count, one number for each place of the last axis.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ or are integers.
        ArgumentError: a probability is NaN, there is no element to take the mean of, or `reduction` is unknown.

    PyTorch: ``F.binary_cross_entropy_with_logits(input, target)``. dfdx:
    ``binary_cross_entropy_with_logits_loss(logits, probs)``.

    >>> import shapewright as sw
    >>> sw.nn.binary_cross_entropy_with_logits(sw.tensor([0.0, 1000.0]), sw.tensor([1.0, 1.0]), reduction="sum")
    Tensor[[], f32] on cpu: 0.6931472
    """
    shares = probabilities(constant(target))
    if pos_weight is None:
        # softplus is max(x, 0) + log1p(exp(-|x|)), and its gradient is sigmoid(x) at 0 too.
        losses = ops.sub(ops.softplus(input), ops.mul(input, shares))
    else:
        sizes = input._spec.sizes
        if sizes[-1:] != pos_weight._spec.sizes:
            raise ShapeError(
                "binary_cross_entropy_with_logits: pos_weight has one number for each place of the last axis of input",
                facts=[("input", describe_operand(input)), ("pos_weight", describe_operand(pos_weight))],
            )
        factor: Any = ops.broadcast(constant(pos_weight), sizes=sizes, axes=(len(sizes) - 1,))
        slope = ops.add(ops.mul(ops.sub(factor, 1.0), shares), 1.0)
        losses = ops.add(ops.mul(ops.sub(1.0, shares), input), ops.mul(slope, ops.softplus(ops.neg(input))))
    if weight is not None:
        losses = ops.mul(losses, constant(weight))
    return reduced(losses, reduction, "binary_cross_entropy_with_logits")


@overload
def kl_div[S: IntTuple, F: Floating](
    input: Tensor[S, F],
    target: Tensor[S, F],
    *,
    reduction: Literal["mean", "sum", "batchmean"] = "mean",
    log_target: bool = False,
) -> Tensor[[], F]: ...
@overload
def kl_div[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: Literal["none"], log_target: bool = False
) -> Tensor[S, F]: ...
@loss
def kl_div[S: IntTuple, F: Floating](
    input: Tensor[S, F], target: Tensor[S, F], *, reduction: str = "mean", log_target: bool = False
) -> Any:
    """Give the Kullback-Leibler divergence ``target * (log(target) - input)`` of logarithms from probabilities.

    A target of 0 adds 0. S. Kullback, R. A. Leibler, "On information and sufficiency", 1951.

    Args:
        input: logarithms of probabilities (`log_softmax`), of any shape.
        target: the probabilities, of the same shape.
        reduction: "mean" (over all elements), "batchmean" (over the first axis: the divergence by its definition),
            "sum", or "none" for each element.
        log_target: whether the target too is given as logarithms.

    Raises:
        ShapeError: the shapes differ.
        DTypeError: the element types differ or are integers.
        ArgumentError: a probability is NaN, there is no element to take the mean of, or `reduction` is unknown.

    PyTorch: ``F.kl_div(input, target)``. dfdx: ``kl_div_with_logits_loss(logits, probs)``, which takes logits.

    >>> import shapewright as sw
    >>> sw.nn.kl_div(sw.tensor([[0.5, 0.5]]).log(), sw.tensor([[0.0, 1.0]]), reduction="batchmean")
    Tensor[[], f32] on cpu: 0.6931472
    """
    shares: Any = probabilities(constant(target))
    if log_target:
        return reduced(ops.mul(ops.exp(shares), ops.sub(shares, input)), reduction, "kl_div")
    zero = ops.eq(shares, 0.0)
    entropy = ops.where(zero, 0.0, ops.mul(shares, ops.log(ops.where(zero, 1.0, shares))))
    return reduced(ops.sub(entropy, ops.mul(shares, input)), reduction, "kl_div")
