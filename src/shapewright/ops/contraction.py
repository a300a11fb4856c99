"""Sums of products: matmul in every combination of ranks, outer, einsum; and rearrange, which einsum's readers know.

What it is not: convolution, a matmul over windows (`windows.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from shapewright.ops import movement, reductions
from shapewright.ops.composite import check_tensors, explained, sizes_of
from shapewright.ops.core import Op, Shape, describe_operand, numeric
from shapewright.ops.elementwise import cast, mul
from shapewright.shapes import _patterns, rules
from shapewright.shapes.dim import describe
from shapewright.shapes.errors import ArgumentError, ShapeError


# ---- matmul ---------------------------------------------------------------------------------------------------------
def _for_blas(x: np.ndarray) -> np.ndarray:
    """Copy what NumPy would multiply without BLAS: matrices neither whose rows nor whose columns lie together."""
    if x.ndim < 2:
        return x
    rows, columns = x.strides[-2:]
    item = x.itemsize
    fits = (columns == item and rows >= item * x.shape[-1]) or (rows == item and columns >= item * x.shape[-2])
    return x if fits else np.ascontiguousarray(x)


def _matmul_value(a: np.ndarray, b: np.ndarray) -> Any:
    a, b = _for_blas(a), _for_blas(b)
    if a.ndim > 2 and b.ndim == 2:
        # One large product instead of one for each batch.
        rows = a.reshape((math.prod(a.shape[:-1]), a.shape[-1]))
        return np.matmul(rows, b).reshape((*a.shape[:-1], b.shape[-1]))
    return np.matmul(a, b)


def _matmul_shape(a: Shape | None, b: Shape | None) -> Shape:
    if a is None or b is None:
        raise ShapeError("a Python number has no axis to multiply along", hint="x * number")
    try:
        return rules.matmul_shape(a, b)
    except ShapeError as error:
        if a and b:
            error.facts.append(_disagreement(a, b))
            if error.hint is None and a[-1:] == b[-1:] and a[-1] != b[-2:][0]:
                error.hint = "a @ b.permute(axes=(…)) with the last two axes of b exchanged"
        raise


def _disagreement(a: Shape, b: Shape) -> tuple[str, str]:
    """Say which sizes of two matrices (or vectors, or batches of them) do not fit."""
    row = max(len(b) - 2, 0)
    if a[-1] != b[row]:
        return (
            "differ",
            f"{describe(a[-1:])[1:-1]} (axis {len(a) - 1} of a) and {describe(b[row:][:1])[1:-1]} (axis {row} of b)",
        )
    return "differ", f"{describe(a[:-2])} (before the last two axes of a) and {describe(b[:-2])} (of b)"


def _turned(x: Any) -> Any:
    """Exchange the last two axes."""
    rank = len(x._spec.sizes)
    return movement.permute(x, axes=(*range(rank - 2), rank - 1, rank - 2))


def _as_matrix(x: Any) -> Any:
    """Join all axes but the last."""
    sizes = x._spec.sizes
    return x if len(sizes) == 2 else movement.reshape(x, sizes=(math.prod(sizes[:-1]), sizes[-1]))


def _columns(x: Any) -> Any:
    """Bring the rows' axis to the front and join all others: [*Bs, M, N] becomes [M, Bs * N]."""
    sizes = x._spec.sizes
    rank = len(sizes)
    if rank == 2:
        return x
    front = movement.permute(x, axes=(rank - 2, *range(rank - 2), rank - 1))
    return movement.reshape(front, sizes=(sizes[-2], math.prod(sizes[:-2]) * sizes[-1]))


def _times_vector(g: Any, vector: Any) -> Any:
    """Multiply each element of g with a vector: [*Bs] and [K] become [*Bs, K]."""
    sizes = (*g._spec.sizes, vector._spec.sizes[0])
    rank = len(sizes)
    return mul(
        movement.broadcast(g, sizes=sizes, axes=tuple(range(rank - 1))),
        movement.broadcast(vector, sizes=sizes, axes=(rank - 1,)),
    )


def _matmul_gradient_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    rank_a, rank_b = len(a._spec.sizes), len(b._spec.sizes)
    if rank_b == 1:
        return _times_vector(g, b)
    if rank_a == 1:
        # [K] @ [*Bs, K, N]: each batch adds to the one vector.
        return matmul(_columns(b), _flat(g)) if rank_b > 2 else matmul(b, g)
    if rank_a == 2 and rank_b > 2:
        # One matrix for all batches: a product of two matrices, never a gradient for each batch.
        return matmul(_columns(g), _turned(_columns(b)))
    return matmul(g, _turned(b))


def _matmul_gradient_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    rank_a, rank_b = len(a._spec.sizes), len(b._spec.sizes)
    if rank_a == 1 and rank_b == 1:
        return _times_vector(g, a)
    if rank_b == 1:
        return matmul(_flat(g), _as_matrix(a))
    if rank_a == 1:
        # [K] @ [*Bs, K, N]: an outer product for each batch.
        sizes, rank = b._spec.sizes, rank_b
        rows = movement.broadcast(a, sizes=sizes, axes=(rank - 2,))
        return mul(rows, movement.broadcast(g, sizes=sizes, axes=(*range(rank - 2), rank - 1)))
    if rank_b == 2:
        # One matrix for all batches: a product of two matrices, never a gradient for each batch.
        # The product is turned as a layer turns its weight, so the weight's gradient lies in memory as the weight does.
        return _turned(matmul(_turned(_as_matrix(g)), _as_matrix(a)))
    return matmul(_turned(a), g)


def _flat(x: Any) -> Any:
    return x if len(x._spec.sizes) == 1 else movement.reshape(x, sizes=(x._spec.count,))


matmul = Op(
    "matmul",
    shape=_matmul_shape,
    value=_matmul_value,
    dtype=numeric,
    gradients=(_matmul_gradient_left, _matmul_gradient_right),
    operands=("a", "b"),
)
"""The product of matrices ``[*Bs, M, K]`` and ``[*Bs, K, N]``; a vector is a row on the left and a column on the right.

Batch axes are equal, or one side is a single matrix for all. 16-bit floats are multiplied as f32 and rounded once.
PyTorch: ``torch.matmul``.
"""


def outer(a: Any, b: Any) -> Any:
    """Multiply each element of the vector `a` ``[M]`` with each of `b` ``[N]``, to ``[M, N]``.

    Raises:
        ShapeError: one is no vector.
        DTypeError: the element types differ.

    PyTorch: ``torch.outer``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.outer(sw.tensor([1.0, 2.0]), sw.tensor([3.0, 4.0])).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """
    check_tensors("outer", a, b)
    try:
        rules.outer_shape(a._spec.sizes, b._spec.sizes)
    except ShapeError as error:
        raise explained(
            "outer", error, (a, b), ("a", "b"), hint='einsum, for example ops.einsum("bi,j->bij", a, b)'
        ) from None
    sizes = (*a._spec.sizes, *b._spec.sizes)
    return mul(movement.broadcast(a, sizes=sizes, axes=(0,)), movement.broadcast(b, sizes=sizes, axes=(1,)))


def _check_text(name: str, given: Any, example: str) -> None:
    if not isinstance(given, str):
        raise ArgumentError(f"{name}: what it does is said in a str, not {type(given).__name__}", hint=example)


# ---- einsum ---------------------------------------------------------------------------------------------------------
def einsum(equation: str, *tensors: Any) -> Any:
    """Multiply tensors and sum over the letters that the result has not: ``"bik,bkj->bij"``.

    Each letter is an axis; a letter that one tensor has twice is its diagonal. The tensors are contracted from left to
    right, each step a matmul.

    Raises:
        ShapeError: the equation does not fit the tensors, or a letter has two sizes.
        DTypeError: the element types differ.

    PyTorch: ``torch.einsum``.

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.einsum("ij,j->i", sw.tensor([[1.0, 2.0], [3.0, 4.0]]), sw.tensor([1.0, 10.0])).tolist()
    [21.0, 43.0]
    """
    if not tensors:
        raise ArgumentError("einsum: there is no tensor", hint='ops.einsum("ij,jk->ik", a, b)')
    _check_text("einsum", equation, '"ij,jk->ik"')
    check_tensors("einsum", *tensors)
    try:
        rules.einsum_shape(equation, tuple(x._spec.sizes for x in tensors))
    except ShapeError as error:
        # The rule's sentence begins with the name of the op.
        error.facts.extend((f"tensor {i}", describe_operand(x)) for i, x in enumerate(tensors))
        raise
    plan = _patterns.parse_einsum(equation)
    left, letters = _diagonals(tensors[0], plan.operands[0])
    for index in range(1, len(tensors)):
        right, more = _diagonals(tensors[index], plan.operands[index])
        wanted = set(plan.result).union(*plan.operands[index + 1 :])
        left, letters = _pair(left, letters, right, more, wanted)
    left, letters = _summed(left, letters, set(plan.result))
    return _ordered(left, tuple(letters.index(letter) for letter in plan.result))


def _diagonals(x: Any, letters: str) -> tuple[Any, str]:
    """Take the diagonal of axes with one letter, by strides: of n rows of n, every (n + 1)-th element."""
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first = letters.index(letter)
            second = letters.index(letter, first + 1)
            rest = [place for place in range(len(letters)) if place not in (first, second)]
            named = sizes_of(x)
            sizes = x._spec.sizes
            number, others = sizes[first], tuple(sizes[place] for place in rest)
            x = movement.permute(x, axes=(first, second, *rest))
            x = movement.reshape(x, sizes=(number * number, *others))
            x = movement.slice(
                x,
                starts=(0,) * (1 + len(others)),
                stops=(number * number, *others),
                steps=(number + 1, *(1,) * len(others)),
            )
            x = movement.reshaped(x, (named[first], *[named[place] for place in rest]))
            letters = letter + "".join(letters[place] for place in rest)
    return x, letters


def _summed(x: Any, letters: str, wanted: set[str]) -> tuple[Any, str]:
    axes = tuple(place for place, letter in enumerate(letters) if letter not in wanted)
    if not axes:
        return x, letters
    total = reductions.sum(x, axes=axes)
    if total._spec.dtype is not x._spec.dtype:
        # Sums of integers are wider; products are not, and an equation is one product.
        total = cast(total, dtype=x._spec.dtype)
    return total, "".join(letter for letter in letters if letter in wanted)


def _pair(left: Any, a: str, right: Any, b: str, wanted: set[str]) -> tuple[Any, str]:
    """Contract two tensors: their common letters that are not wanted later are summed over."""
    left, a = _summed(left, a, wanted | set(b))
    right, b = _summed(right, b, wanted | set(a))
    batch = [letter for letter in a if letter in b and letter in wanted]
    inner = [letter for letter in a if letter in b and letter not in wanted]
    rows = [letter for letter in a if letter not in b]
    columns = [letter for letter in b if letter not in a]
    sizes: dict[str, int] = dict(zip(b, sizes_of(right), strict=True)) | dict(zip(a, sizes_of(left), strict=True))
    out = "".join((*batch, *rows, *columns))
    if not inner:
        full = tuple(int(sizes[letter]) for letter in out)
        return mul(_aligned(left, a, out, full), _aligned(right, b, out, full)), out

    def grouped(x: Any, letters: str, *groups: list[str]) -> Any:
        x = _ordered(x, tuple(letters.index(letter) for group in groups for letter in group))
        joined = tuple(int(sizes[letter]) for letter in batch)
        joined += tuple(math.prod(int(sizes[letter]) for letter in group) for group in groups[1:])
        return x if joined == x._spec.sizes else movement.reshape(x, sizes=joined)

    product = matmul(grouped(left, a, batch, rows, inner), grouped(right, b, batch, inner, columns))
    full = tuple(sizes[letter] for letter in out)
    return product if full == product._spec.sizes else movement.reshaped(product, full), out


def _ordered(x: Any, order: tuple[int, ...]) -> Any:
    return x if order == tuple(range(len(order))) else movement.permute(x, axes=order)


def _aligned(x: Any, letters: str, out: str, sizes: Shape) -> Any:
    """Permute to the order of `out` and repeat along the letters that are missing."""
    x = _ordered(x, tuple(letters.index(letter) for letter in out if letter in letters))
    places = tuple(place for place, letter in enumerate(out) if letter in letters)
    return x if len(places) == len(out) else movement.broadcast(x, sizes=sizes, axes=places)


# ---- rearrange ------------------------------------------------------------------------------------------------------
def rearrange(x: Any, pattern: str, sizes: Mapping[str, int] | None = None) -> Any:
    """Split, reorder and join axes by name: ``"b (h w) c -> b c h w"`` with the size of h or w.

    Raises:
        ShapeError: the pattern does not fit the tensor, or leaves a size open.

    einops: ``rearrange(x, pattern, h=4)`` (A. Rogozhnikov, ICLR 2022).

    >>> import shapewright as sw
    >>> from shapewright import ops
    >>> ops.rearrange(sw.zeros((2, 12, 3)), "b (h w) c -> b c h w", {"h": 4}).shape
    (2, 3, 4, 3)
    """
    _check_text("rearrange", pattern, '"b (h w) c -> b c h w"')
    try:
        named = _patterns.rearrange_sizes(pattern, sizes_of(x), dict(sizes or {}))
        result = _patterns.rearrange_shape(pattern, sizes_of(x), dict(sizes or {}))
    except ShapeError as error:
        error.facts.append(("x", describe_operand(x)))
        raise
    plan = _patterns.parse_rearrange(pattern)
    apart = tuple(named[name] for name in plan.names)
    if apart != x._spec.sizes:
        x = movement.reshaped(x, apart)
    x = _ordered(x, plan.order)
    return x if result == x._spec.sizes else movement.reshaped(x, result)
