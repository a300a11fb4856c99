"""The workloads in PyTorch, eager or with `torch.compile`: `python -m bench.peer_torch [--compile]`.

Written as its users write them: fused AdamW, gradients set to None, `scaled_dot_product_attention`. It runs in an
environment of its own, on Python 3.11. What it is not: run by hand; `run.py` starts it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

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


class Attention(nn.Module):
    """Causal self-attention; query, key and value are one product."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        batch, tokens, width = x.shape
        parts = F.linear(x, self.in_proj_weight, self.in_proj_bias).split(width, dim=2)
        q, k, v = [part.view(batch, tokens, self.heads, width // self.heads).transpose(1, 2) for part in parts]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out_proj(y.transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    """Attention, then two linear layers, each beside a residual path and after a norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, NORM_EPSILON)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, NORM_EPSILON)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Gpt(nn.Module):
    """Token numbers to scores of the next token."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        width = workload.width
        self.token = nn.Embedding(workload.vocabulary, width)
        self.place = nn.Embedding(workload.tokens, width)
        self.blocks = nn.ModuleList([Block(width, workload.heads) for _ in range(workload.layers)])
        self.norm = nn.LayerNorm(width, NORM_EPSILON)
        self.head = nn.Linear(width, workload.vocabulary, bias=False)

    def forward(self, tokens: Any) -> Any:
        h = self.token(tokens) + self.place(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            h = block(h)
        return self.head(self.norm(h))


def mlp(workload: Workload) -> nn.Module:
    """Three linear layers with relu between."""
    first, second = hidden_sizes(workload)
    return nn.Sequential(
        nn.Linear(INPUTS, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU(), nn.Linear(second, CLASSES)
    )


class Torch:
    """PyTorch as a contestant."""

    precisions = ("f32", "bf16")

    def __init__(self, is_compiled: bool) -> None:
        self.is_compiled = is_compiled
        torch.set_num_threads(threads())

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__, "numpy": np.__version__, "threads": str(torch.get_num_threads())}

    def prepare(
        self, workload: Workload, weights: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray
    ) -> Callable[[], Any]:
        if workload.model == "nothing":
            raise Unavailable("there is no compiled function to call")
        model: Any = Gpt(workload) if workload.model == "gpt" else mlp(workload)
        model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
        run = torch.compile(model) if self.is_compiled else model
        # Its users' way to bf16: products in bf16, the rest and the weights in f32.
        bf16 = partial(torch.autocast, "cpu", dtype=torch.bfloat16, enabled=workload.precision == "bf16")
        if workload.mode == "inference":
            model.eval()

            @torch.inference_mode()
            def infer() -> Any:
                with bf16():
                    return run(inputs)

            return infer
        adam = torch.optim.AdamW(
            model.parameters(), LEARNING_RATE, BETAS, EPSILON, weight_decay=WEIGHT_DECAY, fused=True
        )

        def train() -> Any:
            with bf16():
                loss = F.cross_entropy(run(inputs).flatten(0, -2), labels.flatten())
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            return loss

        return train

    def numbers(self, result: Any) -> np.ndarray:
        return result.detach().float().numpy()

    def ceiling(self, size: int, precision: str) -> Callable[[], Any]:
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        a, b, out = (torch.randn(size, size).to(kind) for _ in range(3))
        return lambda: torch.mm(a, b, out=out)


if __name__ == "__main__":
    serve(lambda: Torch("--compile" in sys.argv))
