"""Clipping: gradients that together are no longer than a given length.

What it is not: the clipping of single numbers; that is `grads[p] = grads[p].clip(min=-1.0, max=1.0)`.
"""

from __future__ import annotations

from typing import Any

from shapewright import ops
from shapewright.optim.optimizer import spread
from shapewright.optim.settings import check_number
from shapewright.shapes.dtypes import f32, f64
from shapewright.shapes.errors import ArgumentError
from shapewright.tape import Gradients
from shapewright.tensor.tensor import Tensor


def global_norm(grads: Gradients) -> Tensor[[]]:
    """Give the length of all parameters' gradients together, as of one vector; a scalar in f32.

    Raises:
        ArgumentError: there are no gradients of parameters.

    PyTorch: ``torch.nn.utils.get_total_norm(gradients)``. dfdx: none.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.tensor([3.0, 4.0]))
    >>> sw.optim.global_norm((w.trace() ** 2).sum().backward())
    Tensor[[], f32] on cpu: 10.0
    """
    return _norm(grads, "global_norm").to(f32)


def clip_by_global_norm(grads: Gradients, max_norm: float) -> Gradients:
    """Give the gradients, all made shorter by one factor where their length together is above `max_norm`.

    Gradients of traced values stay as they are. R. Pascanu, T. Mikolov, Y. Bengio: On the difficulty of training
    recurrent neural networks, 2013.

    Raises:
        ArgumentError: `max_norm` is not above 0, or there are no gradients of parameters.

    PyTorch: ``torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)``. dfdx: none.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.tensor([3.0, 4.0]))
    >>> grads = sw.optim.clip_by_global_norm((w.trace() ** 2).sum().backward(), 5.0)
    >>> grads[w]
    Tensor[[2], f32] on cpu: [3. 4.]
    """
    check_number("clip_by_global_norm", "max_norm", max_norm, 0.0, open_=True)
    norm = _norm(grads, "clip_by_global_norm")
    # PyTorch's guard against a length of 0.
    factor = (max_norm / (norm + 1e-6)).minimum(1.0)
    clipped = grads + Gradients({})
    for parameter, gradient in grads.items():
        clipped[parameter] = gradient * spread(factor, gradient)
    return clipped


def _norm(grads: Gradients, called: str) -> Any:
    if not isinstance(grads, Gradients):
        raise ArgumentError(f"{called}: takes gradients, not {type(grads).__name__}", hint=f"{called}(loss.backward())")
    total: Any = None
    for _, gradient in grads.items():
        # Squares of f32 leave its range at 1e19; f64 also keeps the sum exact where there are millions.
        square = ops.sum(ops.square(gradient.to(f64)), axes=tuple(range(gradient.ndim)))
        total = square if total is None else total + square
    if total is None:
        raise ArgumentError(f"{called}: there are no gradients of parameters", hint="loss.backward() of a traced loss")
    return total.sqrt()
