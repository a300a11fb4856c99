"""What is measured: models, their sizes, the numbers they begin with, and how much arithmetic a step is.

Every contestant runs this file, so it needs NumPy alone and Python 3.11. What it is not: a model of any library
(`ours.py`, `peer_torch.py`, `peer_jax.py`), or the measuring (`run.py`).

* `mlp`: 784 - width - width / 2 - 10 with relu between, by default 784 - 512 - 256 - 10.
* `gpt`: A. Radford and others, "Language models are unsupervised multitask learners", 2019: embeddings of tokens and
  places, blocks of causal attention and two linear layers with gelu between, norms in front, a norm and a linear layer
  without bias at the end. By default 6 blocks of width 384, 6 heads, 256 tokens, 65 of them different. No dropout.
* `nothing`: a function that gives its argument back.

Training is forward, backward and AdamW (the same learning rate and weight decay everywhere); inference is forward.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
EPSILON = 1e-8
WEIGHT_DECAY = 1e-2

INPUTS = 784
CLASSES = 10
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class Workload:
    """One point at which the contestants are compared.

    Args:
        model: "mlp", "gpt" or "nothing".
        mode: "training" or "inference".
        precision: "f32" or "bf16".
        batch: how many images, or texts.
        width: the size of the first hidden layer (mlp) or of a token's vector (gpt).
        tokens: the length of a text.
        layers: how many blocks.
        heads: how many heads; they divide the width.
        vocabulary: how many different tokens there are.
    """

    model: str
    mode: str = "training"
    precision: str = "f32"
    batch: int = 64
    width: int = 512
    tokens: int = 256
    layers: int = 6
    heads: int = 6
    vocabulary: int = 65

    @property
    def label(self) -> str:
        """Give a name a person reads."""
        if self.model == "nothing":
            return "nothing, called"
        sizes = f"batch {self.batch}"
        if self != replace(self, width=_MODELS[self.model].width):
            sizes += f", width {self.width}"
        if self.model == "gpt":
            sizes += f", {self.tokens} tokens"
        return f"{self.model} {self.mode} {self.precision}, {sizes}"

    def as_dict(self) -> dict[str, Any]:
        """Give the fields, for a message or a file."""
        return asdict(self)


MLP = Workload("mlp")
GPT = Workload("gpt", batch=8, width=384)
NOTHING = Workload("nothing", "inference", batch=8)
_MODELS = {"mlp": MLP, "gpt": GPT, "nothing": NOTHING}

# Those with a bar stand first.
TABLE = (
    MLP,
    GPT,
    replace(GPT, precision="bf16"),
    replace(GPT, mode="inference", batch=1),
    replace(MLP, mode="inference"),
    replace(MLP, precision="bf16"),
    replace(GPT, mode="inference", precision="bf16", batch=1),
    NOTHING,
)

SWEEPS = (
    *(replace(MLP, batch=batch) for batch in (1, 7, 16, 100, 256, 1024)),
    *(replace(MLP, width=width) for width in (64, 100, 333, 1024, 2048)),
    *(replace(MLP, mode="inference", batch=batch) for batch in (1, 37, 1024)),
    # About as many tokens in all where the texts are longer, so that a step stays short.
    replace(GPT, tokens=64),
    replace(GPT, tokens=131, batch=4),
    replace(GPT, tokens=512, batch=2),
    replace(GPT, tokens=1024, batch=1),
    replace(GPT, width=96),
    replace(GPT, width=510, batch=2),
    *(replace(GPT, mode="inference", batch=1, tokens=tokens) for tokens in (64, 250, 1024)),
)


# ---- the numbers a model begins with ---------------------------------------------------------------------------------
def hidden_sizes(workload: Workload) -> tuple[int, int]:
    """Give the sizes of the two hidden layers of `mlp`."""
    return workload.width, workload.width // 2


def parameter_sizes(workload: Workload) -> dict[str, tuple[int, ...]]:
    """Give every parameter's name and shape; linear weights are `[out, in]`, as PyTorch and shapewright store them."""
    if workload.model == "mlp":
        first, second = hidden_sizes(workload)
        layers = ((INPUTS, first), (first, second), (second, CLASSES))
        sizes: dict[str, tuple[int, ...]] = {}
        for index, (inputs, outputs) in enumerate(layers):
            sizes |= _linear(f"{2 * index}", inputs, outputs)
        return sizes
    if workload.model == "gpt":
        width = workload.width
        sizes = {
            "token.weight": (workload.vocabulary, width),
            "place.weight": (workload.tokens, width),
        }
        for index in range(workload.layers):
            block = f"blocks.{index}"
            sizes |= _norm(f"{block}.norm1", width)
            sizes |= {
                f"{block}.attention.in_proj_weight": (3 * width, width),
                f"{block}.attention.in_proj_bias": (3 * width,),
            }
            sizes |= _linear(f"{block}.attention.out_proj", width, width)
            sizes |= _norm(f"{block}.norm2", width)
            sizes |= _linear(f"{block}.up", width, 4 * width)
            sizes |= _linear(f"{block}.down", 4 * width, width)
        sizes |= _norm("norm", width)
        sizes["head.weight"] = (workload.vocabulary, width)
        return sizes
    return {}


def _linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def parameters(workload: Workload) -> dict[str, np.ndarray]:
    """Draw the first values of all parameters, the same ones each time.

    Linear layers of `mlp` are uniform between plus and minus 1/√inputs; those of `gpt` normal with deviation 0.02, and
    the ones that end a branch smaller by √(2 * layers).
    """
    generator = np.random.default_rng(0)
    values: dict[str, np.ndarray] = {}
    for name, sizes in parameter_sizes(workload).items():
        if workload.model == "mlp":
            inputs = parameter_sizes(workload)[name.replace("bias", "weight")][1]
            value = generator.uniform(-1.0, 1.0, sizes) / math.sqrt(inputs)
        elif "norm" in name and name.endswith("weight"):
            value = np.ones(sizes)
        elif len(sizes) == 1:
            value = np.zeros(sizes)
        else:
            ends_branch = name.endswith(("out_proj.weight", "down.weight"))
            value = generator.normal(0.0, 0.02, sizes) / (math.sqrt(2 * workload.layers) if ends_branch else 1.0)
        values[name] = value.astype(np.float32)
    return values


def data(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Draw one batch and its labels, the same ones each time."""
    generator = np.random.default_rng(1)
    if workload.model == "gpt":
        text = generator.integers(0, workload.vocabulary, (workload.batch, workload.tokens + 1))
        return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])
    inputs = INPUTS if workload.model == "mlp" else workload.batch
    x = generator.normal(size=(workload.batch, inputs)).astype(np.float32)
    return x, generator.integers(0, CLASSES, (workload.batch,))


# ---- how much arithmetic a step is -----------------------------------------------------------------------------------
def flops(workload: Workload) -> float:
    """Count the multiplications and additions of all matrix products in a step.

    As is usual: training is three products where inference is one (the gradient of the first input included, though
    nobody needs it), and attention counts as if every place saw every other. So a program that leaves out what a
    causal mask hides gets a higher share of the ceiling than it uses.
    """
    if workload.model == "nothing":
        return 0.0
    forward = 0.0
    for name, sizes in parameter_sizes(workload).items():
        if len(sizes) == 2 and name not in ("token.weight", "place.weight"):
            rows = workload.batch * (workload.tokens if workload.model == "gpt" else 1)
            forward += 2.0 * rows * math.prod(sizes)
    if workload.model == "gpt":
        forward += 4.0 * workload.layers * workload.batch * workload.tokens**2 * workload.width
    return forward * (3.0 if workload.mode == "training" else 1.0)
