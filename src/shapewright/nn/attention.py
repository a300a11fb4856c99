"""`scaled_dot_product_attention`, and the layer built on it, `MultiheadAttention`: self and cross, with masks.

Batch first, any leading axes. A mask says different things to the two, as in PyTorch: to the function True is a place
that takes part, to the layer True is a place that is left out. What it is not: a transformer (`transformer.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, overload

from shapewright import ops
from shapewright.ops.composite import sizes_of
from shapewright.ops.core import describe_operand
from shapewright.shapes import rules
from shapewright.shapes.dtypes import DType, Floating, bool_, f32
from shapewright.shapes.errors import ArgumentError, DTypeError, ShapeError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._plain import checked_plainly
from shapewright.tensor._variables import FT
from shapewright.tensor.binding import checked
from shapewright.tensor.creation import ones, zeros
from shapewright.tensor.parameter import Parameter
from shapewright.tensor.random import chosen_key
from shapewright.tensor.tensor import Tensor

from . import init
from ._cells import NOTHING
from .dropout import Dropout, dropped
from .linear import Linear
from .module import Module

if TYPE_CHECKING:
    from shapewright.devices import Device
    from shapewright.shapes.rules import divisible_shape
    from shapewright.tensor.random import Key

D = IntVar("D")
N = IntVar("N")
KD = IntVar("KD")
VD = IntVar("VD")

# What a score is where nothing may be seen: of -inf alone, softmax would be NaN. exp makes it 0 all the same.
_NOTHING_SEEN = {2: -3.0e4, 4: -1.0e38, 8: -1.0e300}


# ---- the function ---------------------------------------------------------------------------------------------------
@checked_plainly
@checked
def scaled_dot_product_attention[Bs: IntTuple, T: IntVar, U: IntVar, E: IntVar, V: IntVar, F: Floating](
    query: Tensor[[*Bs, T, E], F],
    key: Tensor[[*Bs, U, E], F],
    value: Tensor[[*Bs, U, V], F],
    attn_mask: Tensor[[T, U], bool_]
    | Tensor[[T, U], F]
    | Tensor[[*Bs, T, U], bool_]
    | Tensor[[*Bs, T, U], F]
    | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    dropout_key: Key | None = None,
) -> Tensor[[*Bs, T, V], F]:
    """Give ``softmax(query @ key.T * scale) @ value``: for each query, the mean of the values its keys answer to.

    Takes `[*Bs, T, E]`, `[*Bs, U, E]` and `[*Bs, U, V]` to `[*Bs, T, V]`. A query that may see nothing gives zeros.

    Args:
        query: what is asked, T of them.
        key: what the questions are compared with, U of them.
        value: what is answered.
        attn_mask: `[T, U]` or `[*Bs, T, U]`; bool, True where a query may see a key, or numbers that are added to
            the scores (-inf where it may not).
        dropout_p: the probability that a weight is dropped, if an input is traced for training.
        is_causal: query i sees keys 0 to i only; with a mask, both hold.
        scale: what the scores are multiplied with; by default 1/√E.
        dropout_key: what the dropping is drawn from; by default the process-wide key.

    Raises:
        ShapeError: the shapes do not fit together, or the mask is neither `[T, U]` nor `[*Bs, T, U]`.
        DTypeError: the element types differ, or that of the mask is neither bool nor theirs.
        ArgumentError: `dropout_p` is no probability.

    A. Vaswani et al., "Attention is all you need", 2017.

    PyTorch: ``F.scaled_dot_product_attention(query, key, value, attn_mask)``.

    >>> import shapewright as sw
    >>> q, k, v = sw.zeros((1, 2)), sw.zeros((2, 2)), sw.tensor([[1.0], [3.0]])
    >>> sw.nn.scaled_dot_product_attention(q, k, v).tolist()
    [[2.0]]
    """
    if not 0.0 <= dropout_p <= 1.0:
        raise ArgumentError(f"scaled_dot_product_attention: dropout_p={dropout_p} is a probability, from 0 to 1")
    sizes = (*query._spec.sizes[:-1], key._spec.sizes[-2])
    allowed, added = [], []
    if attn_mask is not None:
        _check_mask("scaled_dot_product_attention", attn_mask, sizes, query._spec.dtype)
        axes = tuple(range(len(sizes) - attn_mask.ndim, len(sizes)))
        (allowed if attn_mask._spec.dtype is bool_ else added).append((attn_mask, axes))
    drop = partial(dropped, p=dropout_p, key=chosen_key(dropout_key)) if dropout_p else None
    return _attend(query, key, value, allowed, added, is_causal, drop, scale)


def _check_mask(called: str, mask: Any, sizes: tuple[int, ...], dtype: type[DType]) -> None:
    """Check that a mask is bool or of the inputs' element type, and is for the scores, or for those of one batch."""
    if not isinstance(mask, Tensor):
        raise ShapeError(
            f"{called}: attn_mask is {type(mask).__name__}, and a tensor is needed",
            hint="sw.ones((t, u), dtype=sw.bool).tril()",
        )
    facts = [("scores", str(list(sizes))), ("attn_mask", describe_operand(mask))]
    if mask._spec.sizes not in (sizes, sizes[-2:]):
        one = list(sizes[-2:])
        shapes = f"{one}" if len(sizes) == 2 else f"{one} or {list(sizes)}"
        raise ShapeError(f"{called}: attn_mask has one place for each query and key, {shapes}", facts=facts)
    if mask._spec.dtype is not bool_ and mask._spec.dtype is not dtype:
        raise DTypeError(
            f"{called}: attn_mask is bool, or {dtype.name} to be added to the scores, not {mask._spec.dtype.name}",
            facts=facts,
            hint=f"attn_mask.to(sw.bool), or attn_mask.to(sw.{dtype.name})",
        )


type _Placed = tuple[Any, tuple[int, ...]]


def _attend(
    query: Any,
    key: Any,
    value: Any,
    allowed: list[_Placed],
    added: list[_Placed],
    is_causal: bool,
    drop: Callable[[Any], Any] | None,
    scale: float | None = None,
) -> Any:
    """Attend, with masks that are given with the axes of the scores they are for."""
    rank = len(query._spec.sizes)
    turned = ops.permute(key, axes=(*range(rank - 2), rank - 1, rank - 2))
    depth = query._spec.sizes[-1]
    factor = scale if scale is not None else 1.0 / math.sqrt(depth) if depth else 1.0
    # The scores are scaled, not the query: a compiled program does that in passing, and stores no second query.
    scores = ops.mul(ops.matmul(query, turned), float(factor))
    sizes = sizes_of(scores)
    allowed = list(allowed)
    for numbers, axes in added:
        if isinstance(numbers, Parameter):
            numbers = numbers.trace_like(scores)
        # -inf is no number to add, it is a place that is left out.
        seen = ops.gt(numbers, -math.inf)
        allowed.append((seen, axes))
        scores = ops.add(scores, _placed(ops.where(seen, numbers, 0.0), sizes, axes))
    may_see_nothing = bool(allowed)
    if is_causal:
        triangle = ones(scores._spec.sizes[-2:], dtype=bool_, device=scores._device)
        allowed.append((ops.tril(triangle), (rank - 2, rank - 1)))
    if not allowed:
        weights = ops.softmax(scores)
    else:
        seen = _together(allowed, sizes)
        weights = ops.softmax(ops.where(seen, scores, _NOTHING_SEEN[scores._spec.dtype.itemsize]))
        if may_see_nothing:
            weights = ops.where(seen, weights, 0.0)
    if drop is not None:
        weights = drop(weights)
    return ops.matmul(weights, value)


def _placed(mask: Any, sizes: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    return mask if len(axes) == len(sizes) else ops.broadcast(mask, sizes=sizes, axes=axes)


def _together(masks: list[_Placed], sizes: tuple[int, ...]) -> Any:
    """Give what all masks allow; those for the same axes meet before they are repeated along the others."""
    by_axes: dict[tuple[int, ...], Any] = {}
    for mask, axes in masks:
        by_axes[axes] = ops.logical_and(by_axes[axes], mask) if axes in by_axes else mask
    placed = [_placed(mask, sizes, axes) for axes, mask in by_axes.items()]
    result = placed[0]
    for mask in placed[1:]:
        result = ops.logical_and(result, mask)
    return result


# ---- the layer ------------------------------------------------------------------------------------------------------
class MultiheadAttention(Module, Generic[D, N, FT]):
    """Let each place of the query see the places of the key, in `N` heads of size `D / N`.

    `attend(x)` is self-attention, `[*Bs, T, D]` to `[*Bs, T, D]`; `attend(x, memory)` is cross-attention to a memory of
    `[*Bs, U, D]`, `attend(x, keys, values)` to keys and values of their own. The names and first values of the
    parameters are PyTorch's: `in_proj_weight` `[3 * D, D]` (or three of them, where `kdim` or `vdim` is given),
    `in_proj_bias` `[3 * D]`, `out_proj`.

    Called with these masks:
        key_padding_mask: bool `[*Bs, U]`, True where a key is left out.
        attn_mask: `[T, U]`; bool, True where a query may not see a key, or numbers that are added to the scores.
        is_causal: query i sees keys 0 to i only; with a mask, both hold. (In PyTorch it is a hint beside a mask.)

    A query that may see nothing gets zeros from every head, so `out_proj.bias` in the result. PyTorch gives that too
    where it needs no weights, and NaN where it does. The weights themselves are not given back.

    Args:
        embed_dim: the size of the last axis of query and result.
        num_heads: how many heads there are; it divides `embed_dim`.
        dropout: the probability that a weight is dropped while training.
        bias: whether the projections add a vector.
        kdim: the size of the last axis of the key; by default `embed_dim`.
        vdim: the size of the last axis of the value; by default `embed_dim`.
        key: where first values and dropping are drawn from; by default the process-wide key.
        dtype: the element type of parameters, inputs and result.
        device: where the parameters are.

    Raises:
        ShapeError: `num_heads` does not divide `embed_dim`. When called: an input or a mask has another shape.
        ArgumentError: `num_heads` is below 1, or `dropout` is no probability.
        DTypeError (when called): an element type is another one.

    A. Vaswani et al., "Attention is all you need", 2017.

    PyTorch: ``nn.MultiheadAttention(512, 8, batch_first=True)``. dfdx: ``MultiHeadAttention<512, 8>``.

    >>> import shapewright as sw
    >>> attend = sw.nn.MultiheadAttention(8, 2, key=sw.Key(0))
    >>> attend(sw.ones((5, 4, 8)), is_causal=True).shape
    (5, 4, 8)
    >>> attend(sw.ones((5, 4, 8)), sw.ones((5, 7, 8))).shape
    (5, 4, 8)
    """

    in_proj_weight: Parameter[[3 * D, D], FT]
    q_proj_weight: Parameter[[D, D], FT]
    in_proj_bias: Parameter[[3 * D], FT]
    out_proj: Linear[D, D, FT]

    if TYPE_CHECKING:
        # D // N as the size of a head would not multiply back to D, so the type holds D and says what divides it.
        @overload
        def __new__[A: IntVar, M: IntVar, E: Floating](
            cls,
            embed_dim: Int[A],
            num_heads: Int[M],
            dropout: float = 0.0,
            bias: bool = True,
            kdim: None = None,
            vdim: None = None,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> MultiheadAttention[divisible_shape(Int[A], Int[M]), M, E]: ...
        @overload
        def __new__[A: IntVar, M: IntVar, B: IntVar, C: IntVar, E: Floating](
            cls,
            embed_dim: Int[A],
            num_heads: Int[M],
            dropout: float = 0.0,
            bias: bool = True,
            *,
            kdim: Int[B],
            vdim: Int[C],
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> CrossMultiheadAttention[divisible_shape(Int[A], Int[M]), M, B, C, E]: ...
        @overload
        def __new__[A: IntVar, M: IntVar, B: IntVar, E: Floating](
            cls,
            embed_dim: Int[A],
            num_heads: Int[M],
            dropout: float = 0.0,
            bias: bool = True,
            *,
            kdim: Int[B],
            vdim: None = None,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> CrossMultiheadAttention[divisible_shape(Int[A], Int[M]), M, B, A, E]: ...
        @overload
        def __new__[A: IntVar, M: IntVar, C: IntVar, E: Floating](
            cls,
            embed_dim: Int[A],
            num_heads: Int[M],
            dropout: float = 0.0,
            bias: bool = True,
            *,
            kdim: None = None,
            vdim: Int[C],
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> CrossMultiheadAttention[divisible_shape(Int[A], Int[M]), M, A, C, E]: ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

    def __init__(
        self,
        embed_dim: Int[D],
        num_heads: Int[N],
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        check_heads("MultiheadAttention", embed_dim, num_heads)
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._sizes[MultiheadAttention].update(KD=self.kdim, VD=self.vdim)

        def drawn(*sizes: int) -> Any:
            return Parameter(init.xavier_uniform(sizes, key=key, dtype=dtype, device=device))

        self.in_proj_weight = NOTHING
        self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = NOTHING
        if self.kdim == embed_dim and self.vdim == embed_dim:
            self.in_proj_weight = drawn(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = drawn(embed_dim, embed_dim)
            self.k_proj_weight = drawn(embed_dim, self.kdim)
            self.v_proj_weight = drawn(embed_dim, self.vdim)
        self.in_proj_bias = NOTHING
        if bias:
            self.in_proj_bias = Parameter(zeros((3 * embed_dim,), dtype=dtype, device=device))
        self.out_proj = Linear(embed_dim, embed_dim, bias, key=key, dtype=dtype, device=device)
        if bias:
            self.out_proj.bias = Parameter(zeros((embed_dim,), dtype=dtype, device=device))
        self.dropout = Dropout(dropout, key=key)

    if TYPE_CHECKING:

        @overload
        def __call__[Bs: IntTuple, T: IntVar](
            self,
            query: Tensor[[*Bs, T, D], FT],
            *,
            key_padding_mask: Tensor[[*Bs, T], bool_] | None = None,
            attn_mask: Tensor[[T, T], bool_] | Tensor[[T, T], FT] | None = None,
            is_causal: bool = False,
        ) -> Tensor[[*Bs, T, D], FT]: ...
        @overload
        def __call__[Bs: IntTuple, T: IntVar, U: IntVar](
            self,
            query: Tensor[[*Bs, T, D], FT],
            key: Tensor[[*Bs, U, D], FT],
            value: Tensor[[*Bs, U, D], FT] | None = None,
            *,
            key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
            attn_mask: Tensor[[T, U], bool_] | Tensor[[T, U], FT] | None = None,
            is_causal: bool = False,
        ) -> Tensor[[*Bs, T, D], FT]: ...
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    else:

        def __call__(
            self,
            query: Tensor[[*Bs, T, D], FT],
            key: Tensor[[*Bs, U, KD], FT] | None = None,
            value: Tensor[[*Bs, U, VD], FT] | None = None,
            *,
            key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
            attn_mask: Any = None,
            is_causal: bool = False,
        ) -> Tensor[[*Bs, T, D], FT]:
            return self._attended(query, key, value, key_padding_mask, attn_mask, is_causal)

    def _attended(self, query: Any, key: Any, value: Any, padding: Any, mask: Any, is_causal: bool) -> Any:
        key = query if key is None else key
        value = key if value is None else value
        # Memory may be traced and the query not: the scores join them, so all three are projected with that tape.
        leader = next((x for x in (query, key, value) if x._node is not None), query)
        q, k, v = [self._in_heads(x) for x in self._projected(query, key, value, leader)]
        sizes = (*q._spec.sizes[:-1], k._spec.sizes[-2])
        rank = len(sizes)
        allowed: list[_Placed] = []
        added: list[_Placed] = []
        if padding is not None:
            if padding._spec.sizes[-1] != sizes[-1]:
                # Beside a key this is known on entry; in self-attention the keys are the query.
                raise ShapeError(
                    f"MultiheadAttention: key_padding_mask has {padding._spec.sizes[-1]} places for {sizes[-1]} keys",
                    facts=[("query", describe_operand(query)), ("key_padding_mask", describe_operand(padding))],
                )
            allowed.append((ops.logical_not(padding), (*range(rank - 3), rank - 1)))
        if mask is not None:
            _check_mask("MultiheadAttention", mask, sizes[-2:], query._spec.dtype)
            if mask._spec.dtype is bool_:
                allowed.append((ops.logical_not(mask), (rank - 2, rank - 1)))
            else:
                added.append((mask, (rank - 2, rank - 1)))
        drop = self.dropout if self.dropout.p else None
        heads = _attend(q, k, v, allowed, added, is_causal, drop)
        # [*Bs, N, T, K] -> [*Bs, T, N * K]
        heads = ops.permute(heads, axes=(*range(rank - 3), rank - 2, rank - 3, rank - 1))
        joined = ops.reshape(heads, sizes=(*sizes_of(query)[:-1], int(self.embed_dim)))
        return self.out_proj(joined)

    def _projected(self, query: Any, key: Any, value: Any, leader: Any) -> list[Any]:
        """Give the projected query, key and value; those made of one input in one product."""
        size = int(self.embed_dim)
        bias = None if self.in_proj_bias is None else self.in_proj_bias.trace_like(leader)
        if self.in_proj_weight is None:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            return [
                _affine(x, weight.trace_like(leader), _rows(bias, index * size, (index + 1) * size))
                for index, (x, weight) in enumerate(zip((query, key, value), weights, strict=True))
            ]
        weight = self.in_proj_weight.trace_like(leader)
        parts: list[Any] = []
        inputs = [query, key, value]
        while inputs:
            same = 1
            while same < len(inputs) and inputs[same] is inputs[0]:
                same += 1
            start = len(parts) * size
            stop = start + same * size
            together = _affine(inputs[0], _rows(weight, start, stop), _rows(bias, start, stop))
            parts += [_columns(together, index * size, size) for index in range(same)] if same > 1 else [together]
            inputs = inputs[same:]
        return parts

    def _in_heads(self, x: Any) -> Any:
        """[*Bs, T, N * K] -> [*Bs, N, T, K]"""
        sizes = sizes_of(x)
        rank, heads = len(sizes), int(self.num_heads)
        x = ops.reshape(x, sizes=(*sizes[:-1], heads, int(self.embed_dim) // heads))
        return ops.permute(x, axes=(*range(rank - 2), rank - 1, rank - 2, rank))

    def _described(self) -> str:
        return f"D={self.embed_dim}, N={self.num_heads}"


if TYPE_CHECKING:

    class CrossMultiheadAttention(MultiheadAttention[D, N, FT], Generic[D, N, KD, VD, FT]):
        """What the editor calls a `MultiheadAttention` that was given `kdim` or `vdim`. At run time it is one."""

        k_proj_weight: Parameter[[D, KD], FT]
        v_proj_weight: Parameter[[D, VD], FT]

        def __call__[Bs: IntTuple, T: IntVar, U: IntVar](
            self,
            query: Tensor[[*Bs, T, D], FT],
            key: Tensor[[*Bs, U, KD], FT],
            value: Tensor[[*Bs, U, VD], FT],
            *,
            key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
            attn_mask: Tensor[[T, U], bool_] | Tensor[[T, U], FT] | None = None,
            is_causal: bool = False,
        ) -> Tensor[[*Bs, T, D], FT]: ...


def check_heads(called: str, embed_dim: int, num_heads: int) -> None:
    """Refuse heads that do not divide the width.

    Raises:
        ArgumentError: there is no head.
        ShapeError: the width is not divided.
    """
    if num_heads < 1:
        raise ArgumentError(f"{called}: the number of heads is 1 or more, not {num_heads}")
    try:
        rules.divisible_shape(int(embed_dim), int(num_heads))
    except ShapeError:
        near = [n for n in range(1, int(embed_dim) + 1) if embed_dim % n == 0 and n <= 2 * num_heads]
        raise ShapeError(
            f"{called}: {num_heads} heads do not divide a width of {embed_dim}",
            facts=[("width", f"{embed_dim} = {num_heads} * {embed_dim // num_heads} + {embed_dim % num_heads}")],
            hint=f"{', '.join(str(n) for n in near)} heads; or a width of {num_heads * (embed_dim // num_heads + 1)}",
        ) from None


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    result = ops.matmul(x, ops.permute(weight, axes=(1, 0)))
    if bias is None:
        return result
    sizes = sizes_of(result)
    return ops.add(result, ops.broadcast(bias, sizes=sizes, axes=(len(sizes) - 1,)))


def _rows(x: Any, start: int, stop: int) -> Any:
    """Give rows `start` to `stop - 1`; None stays None."""
    if x is None or (start == 0 and stop == x._spec.sizes[0]):
        return x
    rest = x._spec.sizes[1:]
    return ops.slice(x, starts=(start, *[0] * len(rest)), stops=(stop, *rest), steps=(1,) * (len(rest) + 1))


def _columns(x: Any, start: int, number: int) -> Any:
    sizes = sizes_of(x)
    starts, stops = (*[0] * (len(sizes) - 1), start), (*sizes[:-1], start + number)
    return ops.slice(x, starts=starts, stops=stops, steps=(1,) * len(sizes))
