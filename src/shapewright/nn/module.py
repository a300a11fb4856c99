"""`Module`: a model or a part of one. Parameters, buffers and submodules are attributes; calling it is a bound call.

What it is not: any layer (one file each beside this one), or the saving of models (`files/`).
"""

from __future__ import annotations

import copy
import functools
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from shapewright.devices import Device
from shapewright.graph import Located, active, changes, one_moment
from shapewright.ops.core import describe_operand
from shapewright.shapes.dim import Atom, Dim, Polynomial, Scope
from shapewright.shapes.dtypes import DType
from shapewright.shapes.errors import ArgumentError, CaptureError, DTypeError, ShapeError
from shapewright.tensor._plain import PlainArguments
from shapewright.tensor._seen import OWN_ATTRIBUTES
from shapewright.tensor.binding import Binder, forget
from shapewright.tensor.feeding import Layered
from shapewright.tensor.habits import MODULE, missing
from shapewright.tensor.parameter import Buffer, Parameter
from shapewright.tensor.random import Key
from shapewright.tensor.tensor import Tensor


class Module(Layered):
    """The base of every layer and model.

    Write sizes as type parameters, take them as `Int[N]` in `__init__`, and annotate `__call__`: each call is then
    checked, and its axes are named as the annotations name them. PyTorch: ``nn.Module``. dfdx: ``Module``.

    >>> import shapewright as sw
    >>> from shapewright import Int, IntVar, Tensor, nn
    >>> class Double[D: IntVar](nn.Module):
    ...     def __init__(self, size: Int[D]) -> None:
    ...         self.scale = nn.Parameter(sw.full((size,), 2.0))
    ...     def __call__(self, x: Tensor["[D]"]) -> Tensor["[D]"]:
    ...         return x * self.scale
    >>> Double(2)(sw.ones((2,)))
    Tensor[[2], f32] on cpu: [2. 2.]
    """

    # Layers of the library number their axes and need no names for them; models of users do.
    _names_axes = True
    # What to write where a size of the wrong kind is given.
    _instead: ClassVar[str | None] = None
    _home: tuple[weakref.ref[Any], str] | None
    _scope: Scope
    _sizes: dict[type, dict[str, Any]]

    if not TYPE_CHECKING:

        def __class_getitem__(cls, item: Any) -> Any:
            return types.GenericAlias(cls, item)

        def __getattr__(self, name: str) -> Any:
            raise missing(type(self).__name__, name, MODULE, self)

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            self = object.__new__(cls)
            object.__setattr__(self, "_home", None)
            object.__setattr__(self, "_scope", Scope())
            object.__setattr__(self, "_sizes", {})
            return self

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            raise ArgumentError(
                f"{type(self).__name__} does not say what it computes",
                hint="def __call__(self, x: Tensor[[B, D]]) -> ...; it is what PyTorch calls forward",
            )

        def __init_subclass__(cls, **kwargs: Any) -> None:
            super().__init_subclass__(**kwargs)
            if "_names_axes" not in vars(cls):
                cls._names_axes = not cls.__module__.startswith("shapewright.")
            if "__init__" in vars(cls):
                cls.__init__ = _bound_init(cls, vars(cls)["__init__"])
            if "__call__" in vars(cls):
                cls.__call__ = _bound_call(cls, vars(cls)["__call__"])

    def __init__(self) -> None:
        """Hold nothing yet. A layer that takes no arguments is called after it is made: `nn.ReLU()(x)`."""

    def __setattr__(self, name: str, value: Any) -> None:
        held = vars(self).get(name)
        if isinstance(held, Parameter | Buffer) and type(value) is Tensor:
            kind = type(held).__name__.lower()
            raise ArgumentError(
                f"{name} is a {kind} of {type(self).__name__}, and a tensor in its place would not be one any more",
                facts=[(kind, describe_operand(held)), ("value", describe_operand(value))],
                hint=f"self.{name}.assign(value)",
            )
        if name not in OWN_ATTRIBUTES:
            if type(value) is Tensor and active.capture is not None:
                raise CaptureError(
                    f"{name} of {type(self).__name__} is set to a tensor while sw.compile records the program; "
                    "that happens once, not at each call",
                    facts=[("value", describe_operand(value))],
                    hint=f"self.{name} = nn.Buffer(...) in __init__, and self.{name}.assign(value) here",
                )
            changes.count += 1
        object.__setattr__(self, name, value)
        for path, part in _parts(name, value):
            part._home = (weakref.ref(self), path)

    # ---- what it holds ----------------------------------------------------------------------------------------------
    def _walk(self, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
        """Go through every module and cell once, each with its path, in the order of definition."""
        for attribute, value in vars(self).items():
            if attribute in OWN_ATTRIBUTES:
                continue
            for path, part in _parts(attribute, value):
                if id(part) in seen:
                    continue
                seen.add(id(part))
                part._home = (weakref.ref(self), path)
                yield prefix + path, part
                if isinstance(part, Module):
                    yield from part._walk(f"{prefix}{path}.", seen)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Go through the parameters with their names, each once. PyTorch: ``model.named_parameters()``.

        >>> import shapewright as sw
        >>> model = sw.nn.Sequential(sw.nn.Linear(2, 3), sw.nn.ReLU())
        >>> [name for name, parameter in model.named_parameters()]
        ['0.weight', '0.bias']
        """
        for name, part in self._walk("", {id(self)}):
            if isinstance(part, Parameter):
                yield name, part

    def parameters(self) -> Iterator[Parameter]:
        """Go through the parameters, each once. PyTorch: ``model.parameters()``.

        >>> import shapewright as sw
        >>> model = sw.nn.Sequential(sw.nn.Linear(2, 3), sw.nn.ReLU())
        >>> [parameter.shape for parameter in model.parameters()]
        [(3, 2), (3,)]
        """
        for _, parameter in self.named_parameters():
            yield parameter

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Go through the buffers with their names. PyTorch: ``model.named_buffers()``.

        >>> import shapewright as sw
        >>> [name for name, buffer in sw.nn.BatchNorm2d(3).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        for name, part in self._walk("", {id(self)}):
            if isinstance(part, Buffer):
                yield name, part

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Go through this module (named "") and all below it. PyTorch: ``model.named_modules()``.

        >>> import shapewright as sw
        >>> model = sw.nn.Sequential(sw.nn.Linear(2, 3), sw.nn.ReLU())
        >>> [name for name, module in model.named_modules()]
        ['', '0', '1']
        """
        yield "", self
        for name, part in self._walk("", {id(self)}):
            if isinstance(part, Module):
                yield name, part

    def modules(self) -> Iterator[Module]:
        """Go through this module and all below it. PyTorch: ``model.modules()``.

        >>> import shapewright as sw
        >>> model = sw.nn.Sequential(sw.nn.Linear(2, 3), sw.nn.ReLU())
        >>> [type(module).__name__ for module in model.modules()]
        ['Sequential', 'Linear', 'ReLU']
        """
        for _, module in self.named_modules():
            yield module

    @property
    def num_parameters(self) -> int:
        """The number of elements of all parameters. PyTorch: ``sum(p.numel() for p in model.parameters())``.

        >>> import shapewright as sw
        >>> sw.nn.Linear(2, 3).num_parameters
        9
        """
        return sum(parameter.size for parameter in self.parameters())

    def cells(self) -> dict[str, Parameter | Buffer]:
        """Give every parameter and buffer by its name, in PyTorch's order and spelling.

        >>> import shapewright as sw
        >>> list(sw.nn.Linear(2, 3).cells())
        ['weight', 'bias']
        """
        return {name: part for name, part in self._walk("", {id(self)}) if isinstance(part, Parameter | Buffer)}

    def state_dict(self) -> dict[str, Tensor[Any, Any]]:
        """Give the values of all parameters and buffers by name. PyTorch: ``model.state_dict()``.

        >>> import shapewright as sw
        >>> sw.nn.LayerNorm(2).state_dict()['weight']
        Tensor[[2], f32] on cpu: [1. 1.]
        """
        return read_all(self.cells())

    def load_state_dict(self, state: Mapping[str, Tensor[Any, Any]]) -> None:
        """Assign all parameters and buffers by name; if anything does not fit, nothing is assigned.

        Raises:
            ShapeError: a shape is another one, or names are missing or surplus; all differences are listed.
            DTypeError: only element types differ.

        PyTorch: ``model.load_state_dict(state)``.

        >>> import shapewright as sw
        >>> model, other = sw.nn.Linear(2, 3), sw.nn.Linear(2, 3)
        >>> other.load_state_dict(model.state_dict())
        >>> bool((other.weight == model.weight).all())
        True
        """
        assign_all(type(self).__name__, self.cells(), state)

    def copy(self) -> Self:
        """Give an independent copy: its own parameters, buffers and keys. dfdx: ``model.clone()``.

        PyTorch: ``copy.deepcopy(model)``.

        >>> import shapewright as sw
        >>> model = sw.nn.LayerNorm(2)
        >>> other = model.copy()
        >>> other.weight.assign(sw.zeros((2,)))
        >>> model.weight.tolist()
        [1.0, 1.0]
        """
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new: Any = type(self).__new__(type(self))
        memo[id(self)] = new
        for name, value in vars(self).items():
            if name in ("_home", "_scope"):
                continue
            if name == "_sizes":
                # Each class's sizes are copied, too: `to` writes element types into them.
                object.__setattr__(new, name, {cls: dict(sizes) for cls, sizes in value.items()})
            else:
                setattr(new, name, copy.deepcopy(value, memo))
        return new

    def to(self, to: type[DType] | Device, /) -> Self:
        """Move every parameter and buffer to a device, or convert the floating ones to an element type, in place.

        Raises:
            DTypeError: the element type is not floating.

        PyTorch: ``model.to("cuda")``, ``model.to(torch.float64)``. dfdx: ``model.to_device(&dev)``.

        >>> import shapewright as sw
        >>> sw.nn.LayerNorm(2).to(sw.f64).weight
        Parameter[[2], f64] on cpu: [1. 1.]
        """
        if isinstance(to, type) and issubclass(to, DType) and not to.is_floating:
            raise DTypeError(
                f"to: parameters of {type(self).__name__} are floating point numbers, and {to.name} elements are not",
                hint="model.to(sw.bf16), or another floating element type; x.to(sw.i64) for a tensor",
            )
        changes.count += 1
        for cell in self.cells().values():
            if isinstance(to, type) and not cell.dtype.is_floating:
                continue
            moved: Any = cell.stop_gradient().to(to)
            cell._storage, cell._spec, cell._device = moved._storage, moved._spec, moved._device
        if isinstance(to, type):
            for module in self.modules():
                for sizes in module._sizes.values():
                    for name, value in sizes.items():
                        if isinstance(value, type) and issubclass(value, DType):
                            sizes[name] = to
        return self

    # ---- how it is shown --------------------------------------------------------------------------------------------
    @property
    def _path(self) -> str:
        """The path from the outermost module that holds this one, as in the state dict."""
        if self._home is None:
            return ""
        holder = self._home[0]()
        prefix = holder._path if holder is not None else ""
        return f"{prefix}.{self._home[1]}" if prefix else self._home[1]

    def _root(self) -> Module:
        holder = self._home[0]() if self._home is not None else None
        return self if holder is None else holder._root()

    def _described(self) -> str:
        """What stands in the brackets of the repr: the sizes, and what a layer adds."""
        sizes = {}
        for known in self._sizes.values():
            sizes.update({n: int(v) for n, v in known.items() if isinstance(v, int)})
        return ", ".join(f"{name}={size}" for name, size in sizes.items())

    def __repr__(self) -> str:
        return "\n".join(self._tree("", ""))

    def _tree(self, label: str, indent: str) -> list[str]:
        own = sum(p.size for p in self.parameters())
        count = f"  # {own:,} parameters" if own else ""
        lines = [f"{indent}{label}{type(self).__name__}({self._described()}){count}"]
        for attribute, value in vars(self).items():
            if attribute in OWN_ATTRIBUTES:
                continue
            for path, part in _parts(attribute, value):
                if isinstance(part, Module):
                    lines.extend(part._tree(f"{path}: ", indent + "  "))
                else:
                    sizes = ", ".join(str(size) for size in part._spec.sizes)
                    lines.append(f"{indent}  {path}: {type(part).__name__}[[{sizes}], {part._spec.dtype.name}]")
        return lines


def _parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Go through the modules and cells in an attribute: itself, or the members of lists, tuples and dicts."""
    if isinstance(value, Module | Parameter | Buffer):
        yield path, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _parts(f"{path}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _parts(f"{path}.{key}", item)


def read_all(cells: Mapping[str, Parameter | Buffer]) -> dict[str, Tensor[Any, Any]]:
    """Give the values of cells by name, all of one moment."""
    with one_moment:
        return {name: cell.stop_gradient() for name, cell in cells.items()}


def assign_all(called: str, cells: Mapping[str, Parameter | Buffer], state: Mapping[str, Any]) -> None:
    """Assign each cell the value of its name; if anything does not fit, say all of it and assign nothing."""
    if not isinstance(state, Mapping) or not all([isinstance(value, Tensor) for value in state.values()]):
        what = "one value is no tensor" if isinstance(state, Mapping) else f"this is {type(state).__name__}"
        raise ArgumentError(
            f"the state of {called} is a dict of tensors by name, and {what}",
            hint="what state_dict() gave, or files.read(path)",
        )
    problems, wrong_dtypes = differences(cells, state)
    if problems or wrong_dtypes:
        kind = ShapeError if problems else DTypeError
        raise kind(f"the state does not fit {called}; nothing was assigned", facts=problems + wrong_dtypes)
    with one_moment:
        for name, cell in cells.items():
            value: Any = state[name]
            cell.assign(value if value.device == cell.device else value.to(cell.device))


def differences(
    cells: Mapping[str, Parameter | Buffer], state: Mapping[str, Any]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """List how named values differ from the cells they are for: names and shapes first, element types second."""
    problems = [("missing", name) for name in cells if name not in state]
    problems += [("surplus", name) for name in state if name not in cells]
    dtypes = []
    for name, cell in cells.items():
        value = state.get(name)
        if value is None:
            continue
        if value._spec.sizes != cell._spec.sizes:
            problems.append(("shape", f"{name}: {list(value._spec.sizes)} given, {list(cell._spec.sizes)} needed"))
        elif value._spec.dtype is not cell._spec.dtype:
            dtypes.append(("dtype", f"{name}: {value._spec.dtype.name} given, {cell._spec.dtype.name} needed"))
    return problems, dtypes


# ---- bound calls ----------------------------------------------------------------------------------------------------
def _sizes_for(self: Any, cls: type) -> dict[str, Any]:
    sizes = self._sizes
    found = sizes.get(cls)
    if found is None:
        found = next((sizes[base] for base in cls.__mro__ if base in sizes), None)
        if found is None:
            return {}
    return found


def _where(self: Any) -> str:
    root = self._root()
    path = f"{type(root).__name__}.{self._path}" if root is not self else ""
    return f"{path} ({type(self).__name__})" if path else type(self).__name__


def _plain_arguments(cls: Any, function: Callable[..., Any]) -> PlainArguments | None:
    # What users annotate with float or bool is theirs.
    return None if cls._names_axes else PlainArguments(function, cls.__name__, method=True)


def _bound_init(cls: Any, function: Callable[..., None]) -> Callable[..., None]:
    binder = Binder(function, cls.__name__, method=True)
    plain = _plain_arguments(cls, function)

    @functools.wraps(function)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if plain is not None:
            plain.check(args, kwargs)
        if not binder.patterns.parameters:
            function(self, *args, **kwargs)
            return
        try:
            binding = binder.check(args, kwargs, {})
        except ArgumentError as error:
            error.hint = cls._instead
            raise
        names = {name: value for name, value in binding.names.items() if not isinstance(value, tuple)}
        if cls._names_axes:
            scope = self._scope
            names = {
                name: value if isinstance(value, type) else Dim(value, (Polynomial.of(Atom(name, scope)),))
                for name, value in names.items()
            }
            named_args, kwargs = binder.name_axes(binding, args, kwargs, names, scope)
            args = tuple(named_args)
        self._sizes[cls] = names
        function(self, *args, **kwargs)

    return __init__


def _bound_call(cls: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    binder = Binder(function, cls.__name__, method=True)
    plain = _plain_arguments(cls, function)

    @functools.wraps(function)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        if active.capture is not None:
            active.capture.modules[id(self)] = self
        with Located(functools.partial(_where, self)):
            known = _sizes_for(self, cls)
            binding = binder.check(args, kwargs, known)
            if plain is not None:
                plain.check(args, kwargs)
                result = function(self, *args, **kwargs)
                binder.check_result(binding, result)
                return result
            scope = Scope(self._scope)
            named_args, named_kwargs = binder.name_axes(binding, args, kwargs, known, scope)
            result = function(self, *named_args, **named_kwargs)
            binder.check_result(binding, result)
            return forget(result, scope)

    return __call__


__all__ = ["Buffer", "Key", "Module", "Parameter", "assign_all", "differences", "read_all"]
