"""What each operation means: one file per family, holding shape, value and gradient together.

Ops are called like functions on values: ``ops.relu(x)``, ``ops.sum(x, axes=(0,))``. Some carry the names of
Python's own functions, so write ``from shapewright import ops``. What it is not: the methods of tensors (`tensor/`).
"""

from __future__ import annotations

from .activations import elu, erf, gelu, leaky_relu, relu, sigmoid, silu, softplus
from .comparison import (
    eq,
    ge,
    gt,
    isfinite,
    isinf,
    isnan,
    le,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
    where,
)
from .contraction import einsum, matmul, outer, rearrange
from .core import Op, Value
from .elementwise import (
    abs,
    add,
    cast,
    ceil,
    clip,
    cos,
    div,
    exp,
    expm1,
    floor,
    floor_divide,
    log,
    log1p,
    log2,
    maximum,
    minimum,
    mul,
    nan_to_num,
    neg,
    pow,
    reciprocal,
    remainder,
    round,
    rsqrt,
    sign,
    sin,
    sqrt,
    square,
    stop_gradient,
    sub,
    tan,
    tanh,
)
from .indexing import argsort, gather, gather_add, one_hot, scatter_add, sort, take, take_add, topk
from .movement import broadcast, concat, flip, pad, permute, reshape, roll, slice, stack, tril, triu
from .normalization import layer_norm, log_softmax, normalize, softmax
from .random import normal, philox4x32, randint, random_bits, random_blocks, split_seed, uniform
from .reductions import all, any, argmax, argmin, cumsum, logsumexp, max, mean, min, prod, std, sum, var
from .windows import (
    avg_pool2d,
    conv2d,
    extreme_places2d,
    fold2d,
    max_pool2d,
    min_pool2d,
    over_window_counts,
    unfold2d,
)

__all__ = [
    # how ops are made
    "Op", "Value",
    # elementwise
    "abs", "add", "cast", "ceil", "clip", "cos", "div", "exp", "expm1", "floor", "floor_divide", "log", "log1p", "log2",
    "maximum", "minimum", "mul", "nan_to_num", "neg", "pow", "reciprocal", "remainder", "round", "rsqrt", "sign", "sin",
    "sqrt", "square", "stop_gradient", "sub", "tan", "tanh",
    # activations
    "elu", "erf", "gelu", "leaky_relu", "relu", "sigmoid", "silu", "softplus",
    # comparison
    "eq", "ge", "gt", "isfinite", "isinf", "isnan", "le", "logical_and", "logical_not", "logical_or", "logical_xor",
    "lt", "ne", "where",
    # reductions
    "all", "any", "argmax", "argmin", "cumsum", "logsumexp", "max", "mean", "min", "prod", "std", "sum", "var",
    # movement
    "broadcast", "concat", "flip", "pad", "permute", "reshape", "roll", "slice", "stack", "tril", "triu",
    # indexing
    "argsort", "gather", "gather_add", "one_hot", "scatter_add", "sort", "take", "take_add", "topk",
    # contraction
    "einsum", "matmul", "outer", "rearrange",
    # windows
    "avg_pool2d", "conv2d", "extreme_places2d", "fold2d", "max_pool2d", "min_pool2d", "over_window_counts", "unfold2d",
    # normalization
    "layer_norm", "log_softmax", "normalize", "softmax",
    # random
    "normal", "philox4x32", "randint", "random_bits", "random_blocks", "split_seed", "uniform",
]  # fmt: skip
