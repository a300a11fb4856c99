"""Names that people know from PyTorch and NumPy, and what is written here instead; said where such a name is missed.

What it is not: aliases. A name has one spelling here, and the error teaches it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shapewright.ops.core import describe_operand
from shapewright.shapes.errors import ArgumentError

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
    "data": "x.numpy(), or x.stop_gradient() inside a computation",
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
    "index_add": "x.scatter_add(indices.broadcast(values.shape, axis=1), values, axis=0)",
    "index_select": "x.take(indices, axis=0)",
    "int": "x.to(sw.i32)",
    "long": "x.to(sw.i64)",
    "mT": "x.permute(to), or x.permute(axes=(0, 2, 1))",
    "masked_fill": "sw.where(mask, value, x)",
    "mm": "x @ y",
    "mul": "x * y",
    "narrow": "x.slice(start, stop, axis=0)",
    "nonzero": "nothing of a fixed shape; sw.where(mask, x, 0.0), or x.numpy().nonzero() outside a step",
    "norm": "(x * x).sum().sqrt()",
    "numel": "x.size, which is a number here; the sizes are x.shape",
    "pow": "x ** y",
    "repeat": "x.broadcast(to), or sw.concat((x, x), axis=0)",
    "requires_grad": "x.is_traced",
    "requires_grad_": "x.trace()",
    "retain_grad": "gradients[x] of a traced x, after gradients = loss.backward()",
    "scatter": "x.scatter_add(indices, values, axis=0), or sw.where(mask, value, x)",
    "std_mean": "x.std(axis=0), x.mean(axis=0)",
    "sub": "x - y",
    "swapaxes": "x.permute(to), or x.permute(axes=(1, 0))",
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
OPTIM = {
    "Adagrad": "optim.RMSprop(model), the nearest that is here",
    "clip_by_norm": "grads = optim.clip_by_global_norm(grads, max_norm)",
    "clip_grad_norm_": "grads = optim.clip_by_global_norm(grads, max_norm)",
    "lr_scheduler": "optimizer.lr = rate, at any time",
}
DATA = {
    "DataLoader": "data.Batches(x, y, size=64, shuffle=sw.Key(0))",
    "Dataset": "tensors whose first axis counts the examples: data.Batches(x, y, size=64)",
    "FashionMNIST": "data.fashion_mnist(path)",
    "MNIST": "data.mnist(path)",
    "TensorDataset": "the tensors themselves: data.Batches(x, y, size=64)",
    "random_split": "data.split(x, y, size=1000, key=sw.Key(0))",
}
NN = {
    "AdaptiveAvgPool2d": "nn.AvgPoolGlobal()",
    "AdaptiveMaxPool2d": "nn.MaxPoolGlobal()",
    "BatchNorm1d": "nn.LayerNorm(size), or nn.BatchNorm2d for images",
    "BCELoss": "nn.binary_cross_entropy_with_logits(logits, target)",
    "BCEWithLogitsLoss": "nn.binary_cross_entropy_with_logits(logits, target)",
    "CrossEntropyLoss": "nn.cross_entropy(logits, labels)",
    "GRU": "sw.scan(step, state, xs), with the layers of a step in a module",
    "HuberLoss": "nn.huber(input, target)",
    "KLDivLoss": "nn.kl_div(input, target)",
    "L1Loss": "nn.mae(input, target)",
    "LSTM": "sw.scan(step, state, xs), with the layers of a step in a module",
    "MSELoss": "nn.mse(input, target)",
    "ModuleDict": "a dict in an attribute: self.heads = {'policy': a, 'value': b}",
    "ModuleList": "a list in an attribute: self.layers = [a, b]",
    "NLLLoss": "nn.nll(log_probabilities, labels)",
    "ParameterList": "a list in an attribute: self.weights = [a, b]",
    "RNN": "sw.scan(step, state, xs), with the layers of a step in a module",
    "SmoothL1Loss": "nn.smooth_l1(input, target)",
    "functional": "methods and functions: x.relu(), nn.cross_entropy(logits, labels)",
    "l1_loss": "nn.mae(input, target)",
    "mse_loss": "nn.mse(input, target)",
    "nll_loss": "nn.nll(log_probabilities, labels)",
    "smooth_l1_loss": "nn.smooth_l1(input, target)",
}
PACKAGE = {
    "Generator": "sw.Key(0)",
    "Size": "a tuple of sizes: x.shape",
    "allclose": "(x - y).abs().max().item() < 1e-6",
    "as_tensor": "sw.tensor(numbers), or sw.from_numpy(array)",
    "asarray": "sw.tensor(numbers), or sw.from_numpy(array)",
    "autograd": "loss.backward(), or sw.grad(function)(x)",
    "bfloat16": "sw.bf16",
    "cat": "sw.concat((x, y), axis=0)",
    "device": "sw.Cpu(), or sw.Reference()",
    "double": "sw.f64",
    "dtype": "sw.DType, and sw.f32 and its like",
    "empty": "sw.zeros(shape)",
    "enable_grad": "x.trace(), where recording begins",
    "equal": "(x == y).all().item()",
    "float": "sw.f32",
    "float16": "sw.f16",
    "float32": "sw.f32",
    "float64": "sw.f64",
    "full_like": "sw.full(x.shape, value)",
    "func": "sw.grad(function), sw.value_and_grad(function)",
    "half": "sw.f16",
    "hstack": "sw.concat((x, y), axis=1)",
    "fori_loop": "sw.scan(body, carry, length=10)",
    "inf": "float('inf')",
    "inference_mode": "nothing: what is not traced is not recorded",
    "int": "sw.i32",
    "int32": "sw.i32",
    "int64": "sw.i64",
    "jit": "sw.compile(function)",
    "lax": "sw.scan(body, carry, xs), sw.cond(condition, yes, no, x)",
    "load": "sw.files.load(model, path)",
    "is_tensor": "isinstance(x, sw.Tensor)",
    "long": "sw.i64",
    "manual_seed": "sw.seed(0), or key=sw.Key(0)",
    "nan": "float('nan')",
    "no_grad": "nothing: what is not traced is not recorded",
    "profiler": "sw.report(step)",
    "bernoulli": "sw.rand(shape) < p",
    "randperm": "sw.rand((n,)).argsort(axis=0)",
    "rand_like": "sw.rand(x.shape)",
    "randn_like": "sw.randn(x.shape)",
    "save": "sw.files.save(model, path)",
    "set_default_dtype": "dtype= where tensors and layers are made",
    "set_grad_enabled": "x.trace(), where recording begins",
    "uint8": "sw.u8",
    "utils": "sw.data.Batches(x, y, size=64), sw.checkpoint(function, x)",
    "while_loop": "sw.scan(body, carry, length=10) with sw.where, or sw.cond, where rounds are over",
    "vstack": "sw.concat((x, y), axis=0)",
}


def unchanging(tensor: Any) -> ArgumentError:
    """Give the error of writing into a tensor."""
    return ArgumentError(
        "a tensor never changes: none of its elements can be set",
        facts=[("x", describe_operand(tensor))],
        hint="y = sw.where(mask, value, x) or x.scatter_add(indices, values, axis=0); "
        "an array is changed before sw.from_numpy(array)",
    )


def missing(what: str, name: str, habits: Mapping[str, str], owner: Any, methods: type | None = None) -> AttributeError:
    """Give the error of an attribute that is not there, with what to write instead where that is known.

    Args:
        what: what has no such attribute, as the error names it.
        name: the attribute.
        habits: what to write instead, by name.
        owner: the object.
        methods: the class of tensors, where functions of other libraries are its methods.
    """
    instead = habits.get(name)
    if instead is None and methods is not None and not name.startswith("_"):
        instead = TENSOR.get(name) or (f"x.{name}(...)" if callable(getattr(methods, name, None)) else None)
    if instead is None and what == "Tensor" and name.endswith("_") and not name.startswith("_"):
        instead = f"y = x.{name[:-1]}(...): a tensor never changes"
    text = f"{what} has no attribute {name!r}"
    # `name` and `obj` let Python itself propose what is spelt alike.
    return AttributeError(f"{text}\n  write  {instead}" if instead else text, name=name, obj=owner)
