"""Transformers: encoder and decoder layers, stacks of them, and the whole.

As in A. Vaswani et al., "Attention is all you need", 2017, or with the norms first (R. Xiong et al., "On layer
normalization in the transformer architecture", 2020). What it is not: attention itself, or embeddings and positions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Literal

from shapewright import ops
from shapewright.shapes.dtypes import bool_, f32
from shapewright.shapes.errors import ArgumentError
from shapewright.shapes.typing import Int, IntTuple, IntVar
from shapewright.tensor._variables import FT
from shapewright.tensor.tensor import Tensor

from . import init
from ._cells import NOTHING
from .attention import MultiheadAttention, check_heads
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

if TYPE_CHECKING:
    from shapewright.devices import Device
    from shapewright.shapes.dtypes import Floating
    from shapewright.shapes.rules import divisible_shape
    from shapewright.tensor.random import Key

D = IntVar("D")
N = IntVar("N")
F = IntVar("F")

type Activation = Literal["relu", "gelu"] | Callable[[Any], Any]

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"relu": ops.relu, "gelu": ops.gelu}


def _check_activation(given: Activation, called: str) -> None:
    if not callable(given) and (not isinstance(given, str) or given not in _ACTIVATIONS):
        raise ArgumentError(f'{called}: activation is "relu", "gelu" or a function, not {given!r}')


def _on_one_tape(a: Any, b: Any) -> tuple[Any, Any]:
    """Trace the one of two inputs that is not traced if the other is, so that every parameter between is recorded."""
    if a.is_traced and not b.is_traced:
        return a, b.trace(training=a.is_training)
    if b.is_traced and not a.is_traced:
        return a.trace(training=b.is_training), b
    return a, b


class _Layer(Module, Generic[D, N, F, FT]):
    """What encoder and decoder layers have in common: self-attention, the two linear layers, the order of the norms."""

    self_attn: MultiheadAttention[D, N, FT]
    linear1: Linear[D, F, FT]
    linear2: Linear[F, D, FT]
    norm1: LayerNorm[D, FT]
    norm2: LayerNorm[D, FT]
    d_model: int
    nhead: int
    activation: Activation
    norm_first: bool
    dropout: Dropout

    def _residual(self, x: Any, norm: Any, branch: Callable[[Any], Any]) -> Any:
        """Add a branch, with the norm in front of it or behind the sum."""
        return ops.add(x, branch(norm(x))) if self.norm_first else norm(ops.add(x, branch(x)))

    def _feed_forward(self, x: Any, drop: Any) -> Any:
        activate = self.activation if callable(self.activation) else _ACTIVATIONS[self.activation]
        return drop(self.linear2(self.dropout(activate(self.linear1(x)))))

    def _described(self) -> str:
        order = ", norm_first=True" if self.norm_first else ""
        return f"D={self.d_model}, N={self.nhead}, F={self.linear1.weight._spec.sizes[0]}{order}"


class TransformerEncoderLayer(_Layer[D, N, F, FT], Generic[D, N, F, FT]):
    """Self-attention, then two linear layers with an activation between them, each added to its input and normalised.

    Takes and gives `[*Bs, T, D]`, batch first. Names of parameters are PyTorch's.

    Called with these masks, as in `MultiheadAttention`:
        src_mask: `[T, T]`; bool, True where a place may not see another, or numbers that are added to the scores.
        src_key_padding_mask: bool `[*Bs, T]`, True where a place is left out.
        is_causal: place i sees places 0 to i only.

    Args:
        d_model: the width, D.
        nhead: the number of heads, N; it divides the width.
        dim_feedforward: the width between the two linear layers, F.
        dropout: the probability of dropping, in attention, between the linear layers and at the end of both branches.
        activation: "relu", "gelu" or a function from tensor to tensor.
        layer_norm_eps: what the norms add to the variance.
        norm_first: whether the norms stand in front of the branches rather than behind the sums.
        bias: whether linear layers and norms add a vector.
        key: where first values and dropping are drawn from; by default the process-wide key.
        dtype: the element type of parameters, input and result.
        device: where the parameters are.

    Raises:
        ShapeError: `nhead` does not divide `d_model`. When called: the input or a mask has another shape.
        ArgumentError: the activation has no meaning, or `dropout` is no probability.
        DTypeError (when called): an element type is another one.

    PyTorch: ``nn.TransformerEncoderLayer(512, 8, batch_first=True)``. dfdx: ``TransformerEncoderBlock<512, 8, 2048>``.

    >>> import shapewright as sw
    >>> layer = sw.nn.TransformerEncoderLayer(16, 4, 32, key=sw.Key(0))
    >>> layer(sw.ones((2, 5, 16)), is_causal=True).shape
    (2, 5, 16)
    """

    if TYPE_CHECKING:

        def __new__[A: IntVar, M: IntVar, H: IntVar, E: Floating](
            cls,
            d_model: Int[A],
            nhead: Int[M],
            dim_feedforward: Int[H] = 2048,
            dropout: float = 0.1,
            activation: Activation = "relu",
            layer_norm_eps: float = 1e-5,
            norm_first: bool = False,
            bias: bool = True,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> TransformerEncoderLayer[divisible_shape(Int[A], Int[M]), M, H, E]: ...

    def __init__(
        self,
        d_model: Int[D],
        nhead: Int[N],
        dim_feedforward: Int[F] = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        check_heads("TransformerEncoderLayer", d_model, nhead)
        _check_activation(activation, "TransformerEncoderLayer")
        self.d_model = d_model
        self.nhead = nhead
        self.activation = activation
        self.norm_first = norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, key=key, dtype=dtype, device=device)
        self.linear1 = Linear(d_model, dim_feedforward, bias, key=key, dtype=dtype, device=device)
        self.dropout = Dropout(dropout, key=key)
        self.linear2 = Linear(dim_feedforward, d_model, bias, key=key, dtype=dtype, device=device)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.dropout1 = Dropout(dropout, key=key)
        self.dropout2 = Dropout(dropout, key=key)

    def __call__[Bs: IntTuple, T: IntVar](
        self,
        src: Tensor[[*Bs, T, D], FT],
        src_mask: Tensor[[T, T], bool_] | Tensor[[T, T], FT] | None = None,
        src_key_padding_mask: Tensor[[*Bs, T], bool_] | None = None,
        is_causal: bool = False,
    ) -> Tensor[[*Bs, T, D], FT]:
        masks: Any = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        x = self._residual(src, self.norm1, lambda y: self.dropout1(self.self_attn(y, **masks)))
        return self._residual(x, self.norm2, lambda y: self._feed_forward(y, self.dropout2))


class TransformerDecoderLayer(_Layer[D, N, F, FT], Generic[D, N, F, FT]):
    """Self-attention, attention to a memory, then two linear layers, each added to its input and normalised.

    Takes `[*Bs, T, D]` and a memory `[*Bs, U, D]` to `[*Bs, T, D]`. Names of parameters are PyTorch's.

    Called with these masks, as in `MultiheadAttention`:
        tgt_mask, memory_mask: `[T, T]` and `[T, U]`; bool, True where a place may not see another, or numbers that are
            added to the scores.
        tgt_key_padding_mask, memory_key_padding_mask: bool `[*Bs, T]` and `[*Bs, U]`, True where a place is left out.
        tgt_is_causal, memory_is_causal: place i sees places 0 to i only.

    Args and errors: as of `TransformerEncoderLayer`.

    PyTorch: ``nn.TransformerDecoderLayer(512, 8, batch_first=True)``. dfdx: ``TransformerDecoderBlock<512, 8, 2048>``.

    >>> import shapewright as sw
    >>> layer = sw.nn.TransformerDecoderLayer(16, 4, 32, key=sw.Key(0))
    >>> layer(sw.ones((2, 5, 16)), sw.ones((2, 7, 16)), tgt_is_causal=True).shape
    (2, 5, 16)
    """

    multihead_attn: MultiheadAttention[D, N, FT]
    norm3: LayerNorm[D, FT]

    if TYPE_CHECKING:

        def __new__[A: IntVar, M: IntVar, H: IntVar, E: Floating](
            cls,
            d_model: Int[A],
            nhead: Int[M],
            dim_feedforward: Int[H] = 2048,
            dropout: float = 0.1,
            activation: Activation = "relu",
            layer_norm_eps: float = 1e-5,
            norm_first: bool = False,
            bias: bool = True,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> TransformerDecoderLayer[divisible_shape(Int[A], Int[M]), M, H, E]: ...

    def __init__(
        self,
        d_model: Int[D],
        nhead: Int[N],
        dim_feedforward: Int[F] = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        check_heads("TransformerDecoderLayer", d_model, nhead)
        _check_activation(activation, "TransformerDecoderLayer")
        self.d_model = d_model
        self.nhead = nhead
        self.activation = activation
        self.norm_first = norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, key=key, dtype=dtype, device=device)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, bias, key=key, dtype=dtype, device=device)
        self.linear1 = Linear(d_model, dim_feedforward, bias, key=key, dtype=dtype, device=device)
        self.dropout = Dropout(dropout, key=key)
        self.linear2 = Linear(dim_feedforward, d_model, bias, key=key, dtype=dtype, device=device)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.dropout1 = Dropout(dropout, key=key)
        self.dropout2 = Dropout(dropout, key=key)
        self.dropout3 = Dropout(dropout, key=key)

    def __call__[Bs: IntTuple, T: IntVar, U: IntVar](
        self,
        tgt: Tensor[[*Bs, T, D], FT],
        memory: Tensor[[*Bs, U, D], FT],
        tgt_mask: Tensor[[T, T], bool_] | Tensor[[T, T], FT] | None = None,
        memory_mask: Tensor[[T, U], bool_] | Tensor[[T, U], FT] | None = None,
        tgt_key_padding_mask: Tensor[[*Bs, T], bool_] | None = None,
        memory_key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor[[*Bs, T, D], FT]:
        tgt, memory = _on_one_tape(tgt, memory)
        own: Any = {"attn_mask": tgt_mask, "key_padding_mask": tgt_key_padding_mask, "is_causal": tgt_is_causal}
        cross: Any = {
            "attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask, "is_causal": memory_is_causal
        }  # fmt: skip
        x = self._residual(tgt, self.norm1, lambda y: self.dropout1(self.self_attn(y, **own)))
        x = self._residual(x, self.norm2, lambda y: self.dropout2(self.multihead_attn(y, memory, **cross)))
        return self._residual(x, self.norm3, lambda y: self._feed_forward(y, self.dropout3))


# ---- stacks ---------------------------------------------------------------------------------------------------------
def _copies[M: Module](layer: M, number: int, called: str) -> list[M]:
    """Give copies of a layer that begin with its values; each drops elements by a key of its own."""
    if number < 1:
        raise ArgumentError(f"{called}: num_layers is 1 or more, not {number}")
    copies = [layer.copy() for _ in range(number)]
    for first, *others in zip(_dropouts(layer), *[_dropouts(copy) for copy in copies], strict=True):
        for other, key in zip(others, first.key.split(number), strict=True):
            other.key = key
    return copies


def _dropouts(layer: Module) -> list[Dropout]:
    return [module for module in layer.modules() if isinstance(module, Dropout)]


class TransformerEncoder(Module, Generic[D, FT]):
    """A stack of copies of one encoder layer, and a norm at the end if one is given: `[*Bs, T, D]` to `[*Bs, T, D]`.

    The copies begin with the same values, as in PyTorch, and learn on their own. Called as a
    `TransformerEncoderLayer` is: `mask`, `src_key_padding_mask`, `is_causal` go to every layer.

    Args:
        encoder_layer: the layer that is copied.
        num_layers: how many copies there are, 1 or more.
        norm: what comes after the last one; needed with `norm_first`, whose sums are not normalised.

    Raises:
        ArgumentError: there is no layer.
        ShapeError (when called): the input or a mask has another shape.

    PyTorch: ``nn.TransformerEncoder(layer, 6)``. dfdx: ``TransformerEncoder<512, 8, 2048, 6>``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32), 2)
    >>> encoder(sw.ones((2, 5, 16))).shape
    (2, 5, 16)
    """

    def __init__[M: IntVar, H: IntVar](
        self,
        encoder_layer: TransformerEncoderLayer[D, M, H, FT],
        num_layers: int,
        norm: LayerNorm[D, FT] | None = None,
    ) -> None:
        copies: Any = _copies(encoder_layer, num_layers, "TransformerEncoder")
        self.layers: list[TransformerEncoderLayer[D, int, int, FT]] = copies
        self.norm: LayerNorm[D, FT] = NOTHING if norm is None else norm

    def __call__[Bs: IntTuple, T: IntVar](
        self,
        src: Tensor[[*Bs, T, D], FT],
        mask: Tensor[[T, T], bool_] | Tensor[[T, T], FT] | None = None,
        src_key_padding_mask: Tensor[[*Bs, T], bool_] | None = None,
        is_causal: bool = False,
    ) -> Tensor[[*Bs, T, D], FT]:
        x: Any = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, is_causal)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module, Generic[D, FT]):
    """A stack of copies of one decoder layer, and a norm at the end if one is given.

    Takes `[*Bs, T, D]` and a memory `[*Bs, U, D]` to `[*Bs, T, D]`. The copies begin with the same values, as in
    PyTorch, and learn on their own. Called as a `TransformerDecoderLayer` is; the masks go to every layer.

    Args:
        decoder_layer: the layer that is copied.
        num_layers: how many copies there are, 1 or more.
        norm: what comes after the last one; needed with `norm_first`, whose sums are not normalised.

    Raises:
        ArgumentError: there is no layer.
        ShapeError (when called): an input or a mask has another shape.

    PyTorch: ``nn.TransformerDecoder(layer, 6)``. dfdx: ``TransformerDecoder<512, 8, 2048, 6>``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32), 2)
    >>> decoder(sw.ones((2, 5, 16)), sw.ones((2, 7, 16)), tgt_is_causal=True).shape
    (2, 5, 16)
    """

    def __init__[M: IntVar, H: IntVar](
        self,
        decoder_layer: TransformerDecoderLayer[D, M, H, FT],
        num_layers: int,
        norm: LayerNorm[D, FT] | None = None,
    ) -> None:
        copies: Any = _copies(decoder_layer, num_layers, "TransformerDecoder")
        self.layers: list[TransformerDecoderLayer[D, int, int, FT]] = copies
        self.norm: LayerNorm[D, FT] = NOTHING if norm is None else norm

    def __call__[Bs: IntTuple, T: IntVar, U: IntVar](
        self,
        tgt: Tensor[[*Bs, T, D], FT],
        memory: Tensor[[*Bs, U, D], FT],
        tgt_mask: Tensor[[T, T], bool_] | Tensor[[T, T], FT] | None = None,
        memory_mask: Tensor[[T, U], bool_] | Tensor[[T, U], FT] | None = None,
        tgt_key_padding_mask: Tensor[[*Bs, T], bool_] | None = None,
        memory_key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor[[*Bs, T, D], FT]:
        x, memory = _on_one_tape(tgt, memory)
        for layer in self.layers:
            x = layer(
                x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal,
                memory_is_causal
            )  # fmt: skip
        return x if self.norm is None else self.norm(x)


class Transformer(Module, Generic[D, N, F, FT]):
    """An encoder that reads a source `[*Bs, U, D]`, and a decoder that reads it while it goes through `[*Bs, T, D]`.

    Gives `[*Bs, T, D]`. Both stacks end with a norm. Matrices begin as Xavier's uniform numbers, as in PyTorch.

    Called with the masks of the layers: `src_mask`, `tgt_mask`, `memory_mask`, `src_key_padding_mask`,
    `tgt_key_padding_mask`, `memory_key_padding_mask`, `src_is_causal`, `tgt_is_causal`, `memory_is_causal`.

    Args:
        d_model: the width, D.
        nhead: the number of heads, N; it divides the width.
        num_encoder_layers: how many encoder layers there are, 1 or more.
        num_decoder_layers: how many decoder layers there are, 1 or more.
        The other arguments are those of `TransformerEncoderLayer`.

    Raises:
        ShapeError: `nhead` does not divide `d_model`. When called: an input or a mask has another shape.
        ArgumentError: there is no layer, the activation has no meaning, or `dropout` is no probability.
        DTypeError (when called): an element type is another one.

    PyTorch: ``nn.Transformer(512, 8, batch_first=True)``. dfdx: ``Transformer<512, 8, 6, 6, 2048>``.

    >>> import shapewright as sw
    >>> model = sw.nn.Transformer(16, 4, 2, 2, 32, key=sw.Key(0))
    >>> model(sw.ones((2, 7, 16)), sw.ones((2, 5, 16)), tgt_is_causal=True).shape
    (2, 5, 16)
    """

    encoder: TransformerEncoder[D, FT]
    decoder: TransformerDecoder[D, FT]

    if TYPE_CHECKING:

        def __new__[A: IntVar, M: IntVar, H: IntVar, E: Floating](
            cls,
            d_model: Int[A] = 512,
            nhead: Int[M] = 8,
            num_encoder_layers: int = 6,
            num_decoder_layers: int = 6,
            dim_feedforward: Int[H] = 2048,
            dropout: float = 0.1,
            activation: Activation = "relu",
            layer_norm_eps: float = 1e-5,
            norm_first: bool = False,
            bias: bool = True,
            *,
            key: Key | None = None,
            dtype: type[E] = f32,
            device: Device | None = None,
        ) -> Transformer[divisible_shape(Int[A], Int[M]), M, H, E]: ...

    def __init__(
        self,
        d_model: Int[D] = 512,
        nhead: Int[N] = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: Int[F] = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        *,
        key: Key | None = None,
        dtype: type[FT] = f32,
        device: Device | None = None,
    ) -> None:
        check_heads("Transformer", d_model, nhead)

        common: Any = {"key": key, "dtype": dtype, "device": device}
        sizes: Any = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, bias)
        self.d_model = d_model
        self.nhead = nhead
        encoder_layer: Any = TransformerEncoderLayer(*sizes, **common)
        encoder_norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.encoder = TransformerEncoder(encoder_layer, num_encoder_layers, encoder_norm)
        decoder_layer: Any = TransformerDecoderLayer(*sizes, **common)
        decoder_norm = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype, device=device)
        self.decoder = TransformerDecoder(decoder_layer, num_decoder_layers, decoder_norm)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                first: Any = init.xavier_uniform(parameter._spec.sizes, key=key, dtype=dtype, device=device)
                parameter.assign(first)

    def __call__[Bs: IntTuple, T: IntVar, U: IntVar](
        self,
        src: Tensor[[*Bs, U, D], FT],
        tgt: Tensor[[*Bs, T, D], FT],
        src_mask: Tensor[[U, U], bool_] | Tensor[[U, U], FT] | None = None,
        tgt_mask: Tensor[[T, T], bool_] | Tensor[[T, T], FT] | None = None,
        memory_mask: Tensor[[T, U], bool_] | Tensor[[T, U], FT] | None = None,
        src_key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
        tgt_key_padding_mask: Tensor[[*Bs, T], bool_] | None = None,
        memory_key_padding_mask: Tensor[[*Bs, U], bool_] | None = None,
        src_is_causal: bool = False,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor[[*Bs, T, D], FT]:
        src, tgt = _on_one_tape(src, tgt)
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        return self.decoder(
            tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal,
            memory_is_causal
        )  # fmt: skip
