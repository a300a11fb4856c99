"""The workloads in JAX: plain `jax.numpy` under `jax.jit`, with AdamW written out: `python -m bench.peer_jax`.

Weights are stored `[in, out]`, as its users store them; parameters and state are donated to each step. In bf16, weights
and activations are cast in front of each product, and norms, softmax and the residual path stay f32. It runs in an
environment of its own. What it is not: run by hand; `run.py` starts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.worker import Unavailable, serve, threads
from bench.workloads import BETAS, EPSILON, LEARNING_RATE, NORM_EPSILON, WEIGHT_DECAY, Workload

type Weights = dict[str, Any]


def product(workload: Workload, x: Any, weight: Any) -> Any:
    if workload.precision == "bf16":
        x, weight = x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16)
    return x @ weight


def linear(workload: Workload, p: Weights, name: str, x: Any) -> Any:
    y = product(workload, x, p[f"{name}.weight"])
    return y + p[f"{name}.bias"].astype(y.dtype)


def layer_norm(p: Weights, name: str, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = x.var(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + NORM_EPSILON) * p[f"{name}.weight"] + p[f"{name}.bias"]


def attention(workload: Workload, p: Weights, name: str, x: Any) -> Any:
    batch, tokens, width = x.shape
    heads = workload.heads
    size = width // heads
    parts = product(workload, x, p[f"{name}.in_proj_weight"])
    parts = parts + p[f"{name}.in_proj_bias"].astype(parts.dtype)
    q, k, v = (part.reshape(batch, tokens, heads, size) for part in jnp.split(parts, 3, axis=-1))
    scores = jnp.einsum("bqhk,bshk->bhqs", q, k) / math.sqrt(size)
    seen = jnp.tril(jnp.ones((tokens, tokens), bool))
    shares = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf).astype(jnp.float32), axis=-1)
    y = jnp.einsum("bhqs,bshk->bqhk", shares.astype(v.dtype), v).reshape(batch, tokens, width)
    return linear(workload, p, f"{name}.out_proj", y)


def gpt(workload: Workload, p: Weights, tokens: Any) -> Any:
    h = p["token.weight"][tokens] + p["place.weight"][: tokens.shape[1]]
    for index in range(workload.layers):
        block = f"blocks.{index}"
        h = h + attention(workload, p, f"{block}.attention", layer_norm(p, f"{block}.norm1", h))
        inner = linear(workload, p, f"{block}.up", layer_norm(p, f"{block}.norm2", h))
        h = h + linear(workload, p, f"{block}.down", jax.nn.gelu(inner, approximate=False))
    return product(workload, layer_norm(p, "norm", h), p["head.weight"])


def mlp(workload: Workload, p: Weights, x: Any) -> Any:
    h = jax.nn.relu(linear(workload, p, "0", x))
    return linear(workload, p, "4", jax.nn.relu(linear(workload, p, "2", h)))


def cross_entropy(logits: Any, labels: Any) -> Any:
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits.astype(jnp.float32)), labels[..., None], axis=-1)
    return -chosen.mean()


def adamw(p: Weights, state: Any, gradients: Weights) -> tuple[Weights, Any]:
    """I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization, 2019."""
    count, first, second = state
    count = count + 1
    b1, b2 = BETAS
    first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, second, gradients)
    rate = LEARNING_RATE / (1 - b1**count)
    root = jnp.sqrt(1 - b2**count)
    p = jax.tree.map(
        lambda w, m, v: w * (1 - LEARNING_RATE * WEIGHT_DECAY) - rate * m / (jnp.sqrt(v) / root + EPSILON),
        p,
        first,
        second,
    )
    return p, (count, first, second)


class Jax:
    """JAX as a contestant."""

    precisions = ("f32", "bf16")

    def versions(self) -> dict[str, str]:
        numbers = {name: version(name) for name in ("jax", "jaxlib", "numpy")}
        return {**numbers, "threads": str(threads())}

    def prepare(
        self, workload: Workload, weights: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray
    ) -> Callable[[], Any]:
        inputs, labels = jnp.asarray(x), jnp.asarray(y.astype(np.int32))
        if workload.model == "nothing":
            same = jax.jit(lambda x: x)
            return lambda: same(inputs).block_until_ready()
        if workload.model == "gpt":
            inputs = jnp.asarray(x.astype(np.int32))
        model: Any = partial(gpt if workload.model == "gpt" else mlp, workload)
        is_table = ("token.weight", "place.weight")
        p = {n: jnp.array(w.T if w.ndim == 2 and n not in is_table else w) for n, w in weights.items()}
        if workload.mode == "inference":
            infer = jax.jit(model)
            return lambda: infer(p, inputs).block_until_ready()
        held: list[Any] = [p, (jnp.zeros((), jnp.int32), *(jax.tree.map(jnp.zeros_like, p) for _ in range(2)))]
        del p

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(p: Weights, state: Any, x: Any, y: Any) -> Any:
            loss, gradients = jax.value_and_grad(lambda p: cross_entropy(model(p, x), y))(p)
            return *adamw(p, state, gradients), loss

        def train() -> Any:
            held[0], held[1], loss = step(held[0], held[1], inputs, labels)
            jax.block_until_ready((held, loss))
            return loss

        return train

    def numbers(self, result: Any) -> np.ndarray:
        return np.asarray(result.astype(jnp.float32))

    def ceiling(self, size: int, precision: str) -> Callable[[], Any]:
        raise Unavailable("PyTorch measures it")


if __name__ == "__main__":
    serve(Jax)
