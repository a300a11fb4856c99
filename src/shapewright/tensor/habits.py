"""Names that people know from PyTorch and NumPy, and what is written here instead; said where such a name is missed.

What it is not: aliases. A name has one spelling here, and the error teaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ITSELF = "the value itself: it never changes, and how it lies in memory is the device's business"
_NO_GRADIENTS_TO_CLEAR = "nothing: loss.backward() gives new gradients each time"

TENSOR = {
    "T": "x.permute(axes=(1, 0)), or x.permute((d, b))",
    "add": "x + y",
    "amax": "x.max(axis=0)",
    "amin": "x.min(axis=0)",
    "astype": "x.to(sw.f64)",
    "bfloat16": "x.to(sw.bf16)",
    "bmm": "x @ y",
    "bool": "x.to(sw.bool)",
    "chunk": "x.split(parts, axis=0)",
    "clamp": "x.clip(min=0.0, max=1.0)",
    "clone": _ITSELF,
    "contiguous": _ITSELF,
    "copy": _ITSELF,
    "cpu": "x.to(sw.Cpu())",
    "cuda": "x.to(device)",
    "detach": "x.stop_gradient()",
    "dim": "x.ndim",
    "div": "x / y",
    "dot": "x @ y",
    "double": "x.to(sw.f64)",
    "expand": "x.broadcast(to)",
    "expand_as": "x.broadcast_like(y)",
    "float": "x.to(sw.f32)",
    "grad": "gradients = loss.backward(); gradients[x]",
    "half": "x.to(sw.f16)",
    "index_select": "x.take(indices, axis=0)",
    "int": "x.to(sw.i32)",
    "long": "x.to(sw.i64)",
    "mT": "x.permute(to), or x.permute(axes=(0, 2, 1))",
    "masked_fill": "sw.where(mask, value, x)",
    "mm": "x @ y",
    "mul": "x * y",
    "narrow": "x.slice(start, stop, axis=0)",
    "norm": "(x * x).sum().sqrt()",
    "numel": "x.size, which is a number here; the sizes are x.shape",
    "pow": "x ** y",
    "repeat": "x.broadcast(to), or sw.concat((x, x), axis=0)",
    "requires_grad": "x.is_traced",
    "requires_grad_": "x.trace()",
    "retain_grad": "gradients[x] of a traced x, after gradients = loss.backward()",
    "sub": "x - y",
    "t": "x.permute(axes=(1, 0))",
    "transpose": "x.permute(to), or x.permute(axes=(1, 0))",
    "type": "x.to(sw.f64)",
    "unbind": "list(x)",
    "view": "x.reshape(to)",
    "view_as": "x.reshape(y.shape)",
}
MODULE = {
    "add_module": "self.name = module",
    "apply": "for module in model.modules(): ...",
    "cpu": "model.to(sw.Cpu())",
    "cuda": "model.to(device)",
    "double": "model.to(sw.f64)",
    "eval": "nothing: an untraced input means inference, model(x)",
    "float": "model.to(sw.f32)",
    "forward": "model(x), and def __call__ to define it",
    "half": "model.to(sw.f16)",
    "register_buffer": "self.name = nn.Buffer(value)",
    "register_module": "self.name = module",
    "register_parameter": "self.name = nn.Parameter(value)",
    "requires_grad_": "an optimiser of the parameters that should learn: optim.Adam(model.head)",
    "train": "nothing: a traced input means training, model(x.trace())",
    "training": "x.is_training, of the input",
    "zero_grad": _NO_GRADIENTS_TO_CLEAR,
}
OPTIMIZER = {
    "param_groups": "optimizer.groups",
    "step": "optimizer.update(loss.backward())",
    "zero_grad": _NO_GRADIENTS_TO_CLEAR,
}
NN = {
    "AdaptiveAvgPool2d": "nn.AvgPoolGlobal()",
    "AdaptiveMaxPool2d": "nn.MaxPoolGlobal()",
    "BCELoss": "nn.binary_cross_entropy_with_logits(logits, target)",
    "BCEWithLogitsLoss": "nn.binary_cross_entropy_with_logits(logits, target)",
    "CrossEntropyLoss": "nn.cross_entropy(logits, labels)",
    "HuberLoss": "nn.huber(input, target)",
    "KLDivLoss": "nn.kl_div(input, target)",
    "L1Loss": "nn.mae(input, target)",
    "MSELoss": "nn.mse(input, target)",
    "ModuleDict": "a dict in an attribute: self.heads = {'policy': a, 'value': b}",
    "ModuleList": "a list in an attribute: self.layers = [a, b]",
    "NLLLoss": "nn.nll(log_probabilities, labels)",
    "ParameterList": "a list in an attribute: self.weights = [a, b]",
    "SmoothL1Loss": "nn.smooth_l1(input, target)",
    "functional": "methods and functions: x.relu(), nn.cross_entropy(logits, labels)",
}
PACKAGE = {
    "abs": "x.abs()",
    "as_tensor": "sw.tensor(numbers), or sw.from_numpy(array)",
    "cat": "sw.concat((x, y), axis=0)",
    "exp": "x.exp()",
    "float16": "sw.f16",
    "float32": "sw.f32",
    "float64": "sw.f64",
    "int32": "sw.i32",
    "int64": "sw.i64",
    "load": "sw.files.load(model, path)",
    "log": "x.log()",
    "manual_seed": "sw.seed(0), or key=sw.Key(0)",
    "matmul": "x @ y",
    "max": "x.max(to)",
    "mean": "x.mean(to)",
    "no_grad": "nothing: what is not traced is not recorded",
    "relu": "x.relu()",
    "reshape": "x.reshape(to)",
    "save": "sw.files.save(model, path)",
    "sigmoid": "x.sigmoid()",
    "softmax": "x.softmax()",
    "split": "x.split(parts, axis=0)",
    "sqrt": "x.sqrt()",
    "sum": "x.sum(to)",
    "tanh": "x.tanh()",
    "uint8": "sw.u8",
    "var": "x.var(to)",
}


def missing(what: str, name: str, habits: Mapping[str, str], owner: Any) -> AttributeError:
    """Give the error of an attribute that is not there, with what to write instead where that is known."""
    instead = habits.get(name)
    if instead is None and what == "Tensor" and name.endswith("_") and not name.startswith("_"):
        instead = f"y = x.{name[:-1]}(...): a tensor never changes"
    text = f"{what} has no attribute {name!r}"
    # `name` and `obj` let Python itself propose what is spelt alike.
    return AttributeError(f"{text}\n  write  {instead}" if instead else text, name=name, obj=owner)
