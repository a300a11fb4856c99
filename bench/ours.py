"""The workloads in shapewright, compiled: `python -m bench.ours`.

Written as its users write them: models from `nn`, with their shapes in their types, and steps under `sw.compile`.
What it is not: run by hand; `run.py` starts it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

import shapewright as sw
from bench.worker import Unavailable, serve, threads
from bench.workloads import (
    BETAS,
    CLASSES,
    EPSILON,
    INPUTS,
    LEARNING_RATE,
    NORM_EPSILON,
    WEIGHT_DECAY,
    Workload,
    hidden_sizes,
)
from shapewright import Int, IntVar, Tensor, nn, optim


class Block[D: IntVar, N: IntVar](nn.Module):
    """Attention, then two linear layers, each beside a residual path and after a norm."""

    def __init__(self, width: Int[D], heads: Int[N]) -> None:
        self.norm1 = nn.LayerNorm(width, NORM_EPSILON)
        self.attention = nn.MultiheadAttention(width, heads)
        self.norm2 = nn.LayerNorm(width, NORM_EPSILON)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def __call__[B: IntVar, T: IntVar](self, x: Tensor[[B, T, D]]) -> Tensor[[B, T, D]]:
        h = x + self.attention(self.norm1(x), is_causal=True)
        return h + self.down(self.up(self.norm2(h)).gelu())


class Gpt[V: IntVar, M: IntVar, D: IntVar, N: IntVar](nn.Module):
    """Token numbers to scores of the next token: V tokens, at most M of them in a row."""

    def __init__(self, vocabulary: Int[V], longest: Int[M], layers: int, width: Int[D], heads: Int[N]) -> None:
        self.token = nn.Embedding(vocabulary, width)
        self.place = nn.Embedding(longest, width)
        self.blocks = nn.Repeated(lambda: Block(width, heads), layers)
        self.norm = nn.LayerNorm(width, NORM_EPSILON)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def __call__[B: IntVar, T: IntVar](self, tokens: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, V]]:
        _, t = tokens.shape
        h = self.token(tokens) + self.place(sw.arange(t).trace_like(tokens)).spread()
        return self.head(self.norm(self.blocks(h)))


class Mlp[H: IntVar, K: IntVar](nn.Module):
    """Three linear layers with relu between."""

    def __init__(self, first: Int[H], second: Int[K]) -> None:
        self.layers = nn.Sequential(
            nn.Linear(INPUTS, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, CLASSES)
        )

    def __call__[B: IntVar](self, x: Tensor[[B, 784]]) -> Tensor[[B, 10]]:
        return self.layers(x)


def _adamw(model: nn.Module) -> optim.AdamW:
    return optim.AdamW(model, LEARNING_RATE, BETAS, EPSILON, weight_decay=WEIGHT_DECAY)


def gpt(workload: Workload, weights: dict[str, Any], x: Any, y: Any) -> Callable[[], Any]:
    """A step of `gpt`."""
    precision: Any = workload.precision
    model = Gpt(workload.vocabulary, workload.tokens, workload.layers, workload.width, workload.heads)
    model.load_state_dict(weights)
    if workload.mode == "inference":

        @sw.compile(precision=precision)
        def infer[B: IntVar, T: IntVar](x: Tensor[[B, T], sw.i64]) -> Tensor[[B, T, int]]:
            return model(x)

        return lambda: infer(x)
    adam = _adamw(model)

    @sw.compile(precision=precision)
    def train[B: IntVar, T: IntVar](x: Tensor[[B, T], sw.i64], y: Tensor[[B, T], sw.i64]) -> Tensor[[]]:
        loss = nn.cross_entropy(model(x.trace()), y)
        adam.update(loss.backward())
        return loss

    return lambda: train(x, y)


def mlp(workload: Workload, weights: dict[str, Any], x: Any, y: Any) -> Callable[[], Any]:
    """A step of `mlp`."""
    precision: Any = workload.precision
    model = Mlp(*hidden_sizes(workload))
    model.layers.load_state_dict(weights)
    if workload.mode == "inference":

        @sw.compile(precision=precision)
        def infer[B: IntVar](x: Tensor[[B, 784]]) -> Tensor[[B, 10]]:
            return model(x)

        return lambda: infer(x)
    adam = _adamw(model)

    @sw.compile(precision=precision)
    def train[B: IntVar](x: Tensor[[B, 784]], y: Tensor[[B], sw.i64]) -> Tensor[[]]:
        loss = nn.cross_entropy(model(x.trace()), y)
        adam.update(loss.backward())
        return loss

    return lambda: train(x, y)


def nothing(x: Any) -> Callable[[], Any]:
    """A compiled function that gives its argument back."""

    @sw.compile
    def same[B: IntVar](x: Tensor[[B, B]]) -> Tensor[[B, B]]:
        return x

    return lambda: same(x)


class Ours:
    """shapewright as a contestant."""

    precisions = ("f32", "bf16")

    def versions(self) -> dict[str, str]:
        numbers = {name: version(name) for name in ("llvmlite", "numpy")}
        return {**numbers, "threads": str(threads())}

    def prepare(
        self, workload: Workload, weights: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray
    ) -> Callable[[], Any]:
        values = {name: sw.from_numpy(value) for name, value in weights.items()}
        inputs, labels = sw.from_numpy(x), sw.from_numpy(y)
        if workload.model == "nothing":
            return nothing(inputs)
        return (gpt if workload.model == "gpt" else mlp)(workload, values, inputs, labels)

    def numbers(self, result: Any) -> np.ndarray:
        return result.numpy()

    def ceiling(self, size: int, precision: str) -> Callable[[], Any]:
        raise Unavailable("PyTorch measures it")


if __name__ == "__main__":
    serve(Ours)
