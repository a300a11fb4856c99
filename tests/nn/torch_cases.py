"""The layers that are compared with PyTorch: how each is made there and here, and what it is given.

Read by the script that stores PyTorch's values (`torch_conv_values.py`) and by the test that compares with them; NumPy
alone. What it is not: the comparison (`test_torch_layers.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.ops.numbers import boolean, real, small


@dataclass
class Case:
    """One layer, its inputs and masks, and how it is called in each library."""

    name: str
    torch: Callable[[Any], Any]
    ours: Callable[[Any, Any], Any]
    inputs: list[np.ndarray]
    # Masks and the like, without gradient, given by keyword; "torch" and "ours" hold what only one of the two is given.
    options: dict[str, Any] = field(default_factory=dict)
    torch_options: dict[str, Any] = field(default_factory=dict)
    call_torch: Callable[..., Any] = lambda layer, *xs, **options: layer(*xs, **options)
    call_ours: Callable[..., Any] = lambda layer, *xs, **options: layer(*xs, **options)


CASES: list[Case] = []


# ---- convolution ----------------------------------------------------------------------------------------------------
def conv(image: tuple[int, ...], out: int, kernel: Any, **options: Any) -> None:
    channels = image[-3]
    described = " ".join(f"{name}={value}" for name, value in options.items())
    CASES.append(
        Case(
            f"Conv2d {list(image)} {out} {kernel} {described}".strip(),
            lambda t: t.nn.Conv2d(channels, out, kernel, dtype=t.float64, **options),
            lambda sw, nn: nn.Conv2d(channels, out, kernel, dtype=sw.f64, **options),
            [real(image, 1)],
        )
    )


conv((2, 3, 8, 8), 4, 3)
conv((2, 3, 8, 8), 4, 3, padding=1)
conv((2, 3, 9, 7), 4, 3, stride=2, padding=1)
conv((2, 3, 8, 8), 4, 3, stride=2, padding=1)
conv((1, 1, 1, 1), 1, 1)
conv((2, 3, 7, 11), 5, 1, stride=3)
conv((2, 2, 11, 9), 3, 3, dilation=2)
conv((2, 2, 11, 9), 3, 3, dilation=3, padding=3, stride=2)
conv((2, 4, 7, 7), 6, 3, groups=2)
conv((2, 4, 7, 7), 4, 3, groups=4, padding=1)
conv((2, 4, 7, 7), 8, 5, groups=4, padding=2, stride=2)
conv((2, 6, 9, 9), 3, 3, groups=3, dilation=2, padding=2, bias=False)
conv((2, 3, 5, 5), 4, 5)
conv((2, 3, 4, 4), 4, 5, padding=1, stride=4)
conv((2, 3, 8, 6), 4, (3, 5), padding=(1, 2))
conv((2, 3, 9, 7), 4, (2, 3), stride=(3, 1), padding=(0, 1), dilation=(2, 1))
conv((2, 4, 6, 9), 4, (1, 4), groups=2, stride=(1, 2))
conv((3, 7, 5), 2, 3, padding=1)
conv((1, 2, 13, 17), 3, 7, stride=5, padding=3)
conv((2, 3, 6, 6), 4, 2, stride=2, bias=False)


# ---- pools ----------------------------------------------------------------------------------------------------------
def pool(kind: str, image: tuple[int, ...], *given: Any, ties: bool = True, **options: Any) -> None:
    described = " ".join([*map(str, given), *[f"{name}={value}" for name, value in options.items()]])
    turned = kind == "MinPool2d"
    theirs = "MaxPool2d" if turned else kind
    CASES.append(
        Case(
            f"{kind} {list(image)} {described}{' ties' if ties else ''}",
            lambda t: getattr(t.nn, theirs)(*given, **options),
            lambda sw, nn: getattr(nn, kind)(*given, **options),
            # Whole numbers from 0 to 4 stand side by side often: the gradient goes to the first.
            [small(image, 2) if ties else real(image, 2)],
            call_torch=(lambda layer, x: -layer(-x)) if turned else (lambda layer, x: layer(x)),
        )
    )


for kind in ("MaxPool2d", "MinPool2d", "AvgPool2d"):
    for ties in (True, False):
        pool(kind, (2, 3, 8, 8), 2, ties=ties)
        pool(kind, (2, 3, 9, 7), 3, 2, 1, ties=ties)
    pool(kind, (2, 3, 9, 7), (2, 3), (1, 2), (1, 0))
    pool(kind, (3, 7, 7), 3, 1, padding=1)
    pool(kind, (1, 1, 5, 5), 5)
    pool(kind, (2, 2, 7, 7), 4, padding=2)
for kind in ("MaxPool2d", "MinPool2d"):
    pool(kind, (2, 2, 9, 11), 3, 1, 1, 2)
    pool(kind, (2, 2, 9, 11), (2, 3), 2, (1, 1), (3, 2))
pool("AvgPool2d", (2, 3, 9, 7), 3, 2, 1, count_include_pad=False)
pool("AvgPool2d", (2, 3, 9, 7), (3, 2), (2, 1), (1, 1), count_include_pad=False)

for kind, theirs, sign in (
    ("AvgPoolGlobal", "AdaptiveAvgPool2d", 1),
    ("MaxPoolGlobal", "AdaptiveMaxPool2d", 1),
    ("MinPoolGlobal", "AdaptiveMaxPool2d", -1),
):
    CASES.append(
        Case(
            kind,
            lambda t, theirs=theirs: getattr(t.nn, theirs)(1),
            lambda sw, nn, kind=kind: getattr(nn, kind)(),
            [small((2, 3, 5, 4), 3)],
            call_torch=lambda layer, x, sign=sign: sign * layer(sign * x).flatten(1),
        )
    )


# ---- attention ------------------------------------------------------------------------------------------------------
def some_hidden(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """A mask with about half of its places True, and the first of each row False: nothing is hidden whole."""
    mask = boolean(shape, seed)
    mask[..., 0] = False
    return mask


def minus_infinity(mask: np.ndarray) -> np.ndarray:
    return np.where(mask, -np.inf, real(mask.shape, 9))


def attention(name: str, inputs: list[np.ndarray], layer: dict[str, Any] | None = None, **options: Any) -> None:
    layer = layer or {}
    causal = options.pop("causal", False)
    torch_options = dict(options)
    if causal:
        # To PyTorch is_causal is a hint beside the mask itself.
        mask = np.triu(np.ones((inputs[0].shape[-2], inputs[-1].shape[-2]), bool), 1)
        torch_options["attn_mask"] = mask | options.get("attn_mask", False)
        options["is_causal"] = True

    def call_torch(module: Any, *xs: Any, **given: Any) -> Any:
        query, key, value = (xs[0], xs[0], xs[0]) if len(xs) == 1 else (*xs, xs[1]) if len(xs) == 2 else xs
        return module(query, key, value, need_weights=True, **given)[0]

    CASES.append(
        Case(
            f"MultiheadAttention {name}",
            lambda t: t.nn.MultiheadAttention(8, 2, batch_first=True, dtype=t.float64, **layer),
            lambda sw, nn: nn.MultiheadAttention(8, 2, dtype=sw.f64, **layer),
            inputs,
            options,
            torch_options,
            call_torch,
        )
    )


X, MEMORY, VALUES = real((3, 5, 8), 4), real((3, 4, 8), 5), real((3, 4, 8), 6)
attention("self", [X])
attention("cross", [X, MEMORY])
attention("keys and values", [X, MEMORY, VALUES])
attention("unbatched", [X[0], MEMORY[0]])
attention("causal", [X], causal=True)
attention("causal cross", [X, MEMORY], causal=True)
attention("bool mask", [X, MEMORY], attn_mask=some_hidden((5, 4), 7))
attention("additive mask", [X, MEMORY], attn_mask=minus_infinity(some_hidden((5, 4), 7)))
attention("padding", [X, MEMORY], key_padding_mask=some_hidden((3, 4), 8))
attention("padding and causal", [X], key_padding_mask=some_hidden((3, 5), 8), causal=True)
attention("all masks", [X], key_padding_mask=some_hidden((3, 5), 8), attn_mask=some_hidden((5, 5), 9), causal=True)
attention("no bias", [X, MEMORY], {"bias": False})
attention("kdim", [X, real((3, 4, 3), 5), VALUES], {"kdim": 3})
attention("vdim", [X, MEMORY, real((3, 4, 5), 6)], {"vdim": 5})
attention("kdim and vdim", [X, real((3, 4, 3), 5), real((3, 4, 5), 6)], {"kdim": 3, "vdim": 5, "bias": False})


# ---- transformers ---------------------------------------------------------------------------------------------------
def layer(name: str, kind: str, inputs: list[np.ndarray], settings: dict[str, Any], **options: Any) -> None:
    causal = {name: options.pop(name) for name in list(options) if name.endswith("is_causal")}
    torch_options = dict(options)
    for each in causal:
        part = each.removesuffix("is_causal")
        rows, columns = {"": (0, 0), "src_": (0, 0), "tgt_": (-1, -1), "memory_": (-1, 0)}[part]
        if kind == "TransformerDecoderLayer":
            rows, columns = {"tgt_": (0, 0), "memory_": (0, 1)}[part]
        shape = (inputs[rows].shape[-2], inputs[columns].shape[-2])
        torch_options["src_mask" if not part else f"{part}mask"] = np.triu(np.ones(shape, bool), 1)
    sizes = (8, 2, 1, 2) if kind == "Transformer" else (8, 2)
    CASES.append(
        Case(
            f"{kind} {name}",
            lambda t: getattr(t.nn, kind)(
                *sizes, dim_feedforward=12, dropout=0.0, batch_first=True, dtype=t.float64, **settings
            ),
            lambda sw, nn: getattr(nn, kind)(*sizes, dim_feedforward=12, dropout=0.0, dtype=sw.f64, **settings),
            inputs,
            {**options, **causal},
            torch_options,
        )
    )


PADDING, MEMORY_PADDING = some_hidden((3, 5), 10), some_hidden((3, 4), 11)
layer("post-norm", "TransformerEncoderLayer", [X], {})
layer("pre-norm gelu", "TransformerEncoderLayer", [X], {"norm_first": True, "activation": "gelu"})
layer("eps, no bias", "TransformerEncoderLayer", [X], {"layer_norm_eps": 0.1, "bias": False})
layer("masks", "TransformerEncoderLayer", [X], {}, src_key_padding_mask=PADDING, is_causal=True)
layer("unbatched", "TransformerEncoderLayer", [X[0]], {})
layer("post-norm", "TransformerDecoderLayer", [X, MEMORY], {})
layer("pre-norm gelu", "TransformerDecoderLayer", [X, MEMORY], {"norm_first": True, "activation": "gelu"})
layer(
    "masks",
    "TransformerDecoderLayer",
    [X, MEMORY],
    {"norm_first": True},
    tgt_is_causal=True,
    memory_key_padding_mask=MEMORY_PADDING,
    tgt_key_padding_mask=PADDING,
    memory_mask=some_hidden((5, 4), 12),
)
layer("post-norm", "Transformer", [MEMORY, X], {}, tgt_is_causal=True)
layer(
    "pre-norm with masks",
    "Transformer",
    [MEMORY, X],
    {"norm_first": True, "activation": "gelu"},
    tgt_is_causal=True,
    src_is_causal=True,
    src_key_padding_mask=MEMORY_PADDING,
    memory_key_padding_mask=MEMORY_PADDING,
    tgt_key_padding_mask=PADDING,
)


def stack(kind: str, inputs: list[np.ndarray], norm: bool) -> None:
    part = f"{kind}Layer"
    CASES.append(
        Case(
            f"{kind}{' with norm' if norm else ''}",
            lambda t: getattr(t.nn, kind)(
                getattr(t.nn, part)(8, 2, 12, 0.0, batch_first=True, dtype=t.float64),
                2,
                t.nn.LayerNorm(8, dtype=t.float64) if norm else None,
            ),
            lambda sw, nn: getattr(nn, kind)(
                getattr(nn, part)(8, 2, 12, 0.0, dtype=sw.f64), 2, nn.LayerNorm(8, dtype=sw.f64) if norm else None
            ),
            inputs,
        )
    )


for norm in (False, True):
    stack("TransformerEncoder", [X], norm)
    stack("TransformerDecoder", [X, MEMORY], norm)
