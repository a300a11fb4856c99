"""`sw.compile`: a function over tensors becomes one program, captured at its first call with arguments of new shapes.

What it is not: the capture (`graph/capture.py`), the passes (`graph/passes/`) or the running (`devices/`).
"""

from __future__ import annotations

import functools
import gc
import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from shapewright.devices import Interrupted, default_device
from shapewright.graph import (
    Capture,
    Graph,
    Located,
    Variable,
    active,
    left_behind,
    one_moment,
    show_all,
    shown_variables,
)
from shapewright.graph.passes import bf16_products, simplify
from shapewright.shapes.dtypes import DType, Spec
from shapewright.shapes.errors import ArgumentError, CaptureError, DeviceError, Error
from shapewright.tape import Gradients

from ._seen import Seen, attributes, constant
from .binding import Binder, check_callable
from .parameter import Buffer, Parameter, held_storages, hold_storages
from .random import Key
from .tensor import Tensor, make

_MOST_PROGRAMS = 256
# So often a program may be recorded anew before somebody should know.
_MANY_RENEWALS = 8
# The passes that a precision adds; as written, each op computes in the element type of its operands.
_PRECISIONS: dict[str, Callable[[Graph], Graph]] = {"f32": lambda graph: graph, "bf16": bf16_products}


class _Placeholder:
    """Where a tensor stood in the arguments or results."""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index


def _flatten(value: Any, leaves: list[Tensor], where: str, names: list[str]) -> Any:
    """Take the tensors out of nested tuples, lists and dicts, and give what is left with places in their stead."""
    if isinstance(value, Tensor) and not isinstance(value, Parameter | Buffer):
        leaves.append(value)
        names.append(where)
        return _Placeholder(len(leaves) - 1)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_flatten(item, leaves, f"{where}.{i}", names) for i, item in enumerate(value)])
    if isinstance(value, list | tuple):
        return type(value)([_flatten(item, leaves, f"{where}.{i}", names) for i, item in enumerate(value)])
    if isinstance(value, dict):
        return {key: _flatten(item, leaves, f"{where}.{key}", names) for key, item in value.items()}
    return value


def _items(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Go through what nested tuples, lists and dicts hold, each with its place."""
    if isinstance(value, dict | list | tuple):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _items(item, f"{place}.{name}")
    else:
        yield place, value


def _unflatten(value: Any, leaves: Sequence[Any]) -> Any:
    if isinstance(value, _Placeholder):
        return leaves[value.index]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_unflatten(item, leaves) for item in value])
    if isinstance(value, list | tuple):
        return type(value)([_unflatten(item, leaves) for item in value])
    if isinstance(value, dict):
        return {key: _unflatten(item, leaves) for key, item in value.items()}
    return value


def _recognise(value: Any, leaves: list[Tensor], key: list[Any]) -> None:
    """Append the tensors in an argument to `leaves`, in `_flatten`'s order, and what tells it from others to `key`.

    Equal numbers and texts are equal, objects only themselves.
    """
    kind = type(value)
    if kind is Tensor or (isinstance(value, Tensor) and not isinstance(value, Parameter | Buffer)):
        leaves.append(value)
        key.append(value._spec)
    elif isinstance(value, list | tuple):
        key += (kind, len(value))
        for item in value:
            _recognise(item, leaves, key)
    elif isinstance(value, dict):
        key += (kind, len(value))
        for name, item in value.items():
            key.append(name)
            _recognise(item, leaves, key)
    elif isinstance(value, set | frozenset):
        key += (kind, frozenset(value))
    else:
        known = constant(value)
        key.append(known)
        if type(known) is int:
            key.append(tuple([(name, constant(item)) for name, item in attributes(value)]))


@dataclass(eq=False, slots=True)
class Program:
    """One captured program of a compiled function, with the cells and keys it works on."""

    graph: Graph
    device: Any
    executable: Any
    cells: list[Any]
    keys: list[Key]
    updated: list[Any]
    specs: list[Spec]
    structure: Any
    # What each run shows, and the variables of the results that hold it, behind those that are given back.
    shown: list[Any]
    # Objects among the arguments, and what they hold, kept so that their identity stands for them.
    kept: Any
    seen: Seen


class Compiled:
    """What stands behind a compiled function: its programs, one for each combination of argument shapes."""

    def __init__(self, function: Callable[..., Any], precision: str) -> None:
        self.function = function
        self.lowered = _PRECISIONS[precision]
        self.binder = Binder(function, getattr(function, "__name__", type(function).__name__))
        self.programs: dict[Any, Program] = {}
        self._renewals = 0
        self._alike: Counter[tuple[Spec, ...]] = Counter()
        self._parameters = tuple(inspect.signature(function).parameters)

    @property
    def takes_arguments(self) -> bool:
        """Whether the function has parameters."""
        return bool(self._parameters)

    def _argument(self, place: str) -> str:
        """Name a tensor by its place among the arguments: `.0.1` is the second positional one, `.1.x` the keyword x."""
        _, kind, first, *rest = place.split(".")
        if kind == "0" and self._parameters:
            first = self._parameters[min(int(first), len(self._parameters) - 1)]
        return ".".join((first, *rest))

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if active.capture is not None:
            return self.binder.bound(args, kwargs)
        # One program at a time: each uses all cores, and each sees all cells of one moment.
        with one_moment:
            program, leaves = self.prepare(args, kwargs)
            try:
                results, updates = program.executable.run(
                    [leaf._storage for leaf in leaves],
                    held_storages(program.cells),
                    [key._draw(program.graph.draws[number]) for number, key in enumerate(program.keys)],
                )
            except Interrupted as interrupted:
                # Ctrl-C: the cells are those of a whole number of steps all the same.
                hold_storages(program.updated, interrupted.updates)
                raise interrupted.error from None
            hold_storages(program.updated, updates)
        device = program.device
        values = [make(results[number], spec, device) for number, spec in enumerate(program.specs)]
        if program.shown:
            arrays = [device.get(storage) for storage in results[len(program.specs) :]]
            show_all(program.shown, dict(zip(shown_variables(program.shown), arrays, strict=True)))
        return _unflatten(program.structure, values)

    def prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Program, list[Tensor]]:
        """Give the program for these arguments, captured now if it is not there yet, and the tensors among them.

        Arguments like those of a program that is there passed all checks of the annotations when it was captured.
        """
        leaves: list[Tensor] = []
        parts: list[Any] = []
        for value in args:
            _recognise(value, leaves, parts)
        for name, value in kwargs.items():
            parts.append(name)
            _recognise(value, leaves, parts)
        home: Any = leaves[0]._device if leaves else default_device()
        parts.append(home.name)
        key = tuple(parts)
        program = self.programs.get(key)
        changed = program.seen.changed() if program is not None else None
        if changed is not None:
            self._renewed(changed)
            self.programs.pop(key, None)
            program = None
        if program is None:
            if isinstance(home, Capture):
                raise left_behind(leaves[0]._spec)
            with Located(self.binder.where):
                self.binder.check(args, kwargs, {})
        for leaf in leaves:
            if leaf._node is not None or (leaf._device is not home and leaf._device != home):
                raise self._refusal(args, kwargs, leaf, home)
        if program is None:
            with one_moment, _uncollected():
                program = self.programs.get(key)
                if program is None:
                    self._count_alike(leaves)
                    program = self._capture(args, kwargs, home)
                    if len(self.programs) >= _MOST_PROGRAMS:
                        self.programs.clear()
                    self.programs[key] = program
        return program, leaves

    def _renewed(self, changed: str) -> None:
        """Count that a program is recorded anew, and say so where that has become a habit."""
        self._renewals += 1
        if self._renewals == _MANY_RENEWALS:
            warnings.warn(
                f"{self.binder.called} is recorded for the {_MANY_RENEWALS + 1}th time, because {changed} is another "
                f"thing from call to call; what changes can be a tensor among the arguments instead",
                stacklevel=5,
            )

    def _count_alike(self, leaves: list[Tensor]) -> None:
        """Count the programs for tensors like these, and say so where they have become many."""
        specs = tuple([leaf._spec for leaf in leaves])
        self._alike[specs] += 1
        if self._alike[specs] == _MANY_RENEWALS + 1 and self._renewals < _MANY_RENEWALS:
            warnings.warn(
                f"{self.binder.called} is recorded for the {_MANY_RENEWALS + 1}th time for tensors of the same shapes: "
                "numbers, texts and attributes of objects among the arguments have programs of their own; "
                "what changes can be a tensor instead",
                stacklevel=5,
            )

    def _check_arguments(self, structure: Any) -> None:
        """Refuse arrays, whose numbers would become a part of the program."""
        for place, item in _items(structure):
            if isinstance(item, np.ndarray):
                raise ArgumentError(
                    f"{self.binder.called}: argument {self._argument(place)} is a NumPy array, and a tensor is needed",
                    facts=[("array", f"{list(item.shape)} of {item.dtype}")],
                    hint="sw.from_numpy(array)",
                )

    def _refusal(self, args: tuple[Any, ...], kwargs: dict[str, Any], leaf: Tensor, home: Any) -> Error:
        """Say why a program cannot take a tensor."""
        if isinstance(leaf._device, Capture):
            return left_behind(leaf._spec)
        leaves: list[Tensor] = []
        names: list[str] = []
        _flatten((args, kwargs), leaves, "", names)
        (name, *_) = [name for name, found in zip(names, leaves, strict=True) if found is leaf]
        if leaf._node is not None:
            return CaptureError(
                f"{self.binder.called}: argument {self._argument(name)} is traced, "
                "and what a compiled function records ends with it",
                hint="x.trace() inside the compiled function",
            )
        return DeviceError(
            f"{self.binder.called}: the arguments are on different devices, {home!r} and {leaf._device!r}",
            hint=f"x.to({home!r})",
        )

    def _capture(self, args: tuple[Any, ...], kwargs: dict[str, Any], home: Any) -> Program:
        leaves: list[Any] = []
        names: list[str] = []
        structure = _flatten((args, kwargs), leaves, "", names)
        self._check_arguments(structure)
        capture = Capture(home)
        with capture:
            inside = [
                make(capture.argument(leaf._spec, self._argument(name)), leaf._spec, capture)
                for leaf, name in zip(leaves, names, strict=True)
            ]
            inside_args, inside_kwargs = _unflatten(structure, inside)
            result = self.binder.bound(inside_args, inside_kwargs)
            outputs: list[Any] = []
            result_structure = _flatten(result, outputs, "result", [])
        _check_structure(result_structure, self.binder.called)
        for output in outputs:
            storage = output._storage
            if not isinstance(storage, Variable):
                storage = capture.adopt(storage, output._spec, output._device)
            capture.graph.results.append(storage)
        capture.graph.results.extend(shown_variables(capture.shown))
        graph = self.lowered(simplify(capture.graph))
        return Program(
            graph=graph,
            device=home,
            executable=home.compile(graph),
            cells=capture.cells,
            keys=capture.keys,
            updated=[capture.cells[number] for number in graph.updates],
            specs=[output._spec for output in outputs],
            structure=result_structure,
            shown=capture.shown,
            kept=(structure, [attributes(item) for _, item in _items(structure)]),
            seen=Seen(capture.cells, list(capture.modules.values()), self.function),
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let Python not look for garbage meanwhile: a program in the making is none, and a large one to look through."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _check_structure(value: Any, called: str) -> None:
    for _, item in _items(value):
        if not isinstance(item, _Placeholder | int | float | str | bool | None):
            raise CaptureError(
                f"{called}: a compiled function gives tensors, numbers, and tuples, lists and dicts of them, "
                f"not {type(item).__name__}",
                hint=_instead_of(item),
            )


def _instead_of(value: Any) -> str | None:
    if isinstance(value, Gradients):
        return "gradients[p], a tensor, for each p that is asked for"
    if isinstance(value, Parameter | Buffer):
        return "p + 0.0, its value at this point of the program"
    return "a tuple or a dict of its tensors" if attributes(value) else None


# In the place of the function where `compile` is called to give a decorator.
_NO_FUNCTION: Any = object()


def _check_precision(precision: object) -> None:
    if isinstance(precision, str) and precision in _PRECISIONS:
        return
    if isinstance(precision, type) and issubclass(precision, DType):
        shown, hint = f"sw.{precision.name}", f'precision="{precision.name}"' if precision.name in _PRECISIONS else None
    else:
        shown, hint = repr(precision), None
    raise ArgumentError(
        f"compile: there is no precision {shown}",
        facts=[
            ('"f32"', "every op computes in the element type of its operands (the default)"),
            ('"bf16"', "products of f32 matrices round their operands to bf16 and add in f32; all else stays f32"),
        ],
        hint=hint or 'sw.compile(step, precision="bf16"); for other element types, x.to(sw.f16) or model.to(sw.f64)',
    )


@overload
def compile[**P, R](function: Callable[P, R], *, precision: Literal["f32", "bf16"] = "f32") -> Callable[P, R]: ...
@overload
def compile[**P, R](*, precision: Literal["f32", "bf16"] = "f32") -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def compile(function: Any = _NO_FUNCTION, *, precision: str = "f32") -> Any:
    """Make a function over tensors one program, captured at the first call for each combination of argument shapes.

    Parameters, buffers, optimiser state and keys that the function touches are inputs and outputs of the program; they
    are read and assigned at each call. Python runs only while the program is captured: what depends on the numbers of
    a tensor is written with `sw.where`.

    With `precision="bf16"` the operands of matrix products of f32, those of gradients too, are rounded to bf16, and
    their sums and results are f32: about twice as fast where the processor has such products. Parameters, optimiser
    state, norms, softmax and losses stay f32, and so do the shapes and element types of what goes in and comes out.
    A compiled function called inside another takes part in the outer one's precision.

    Args:
        function: what is compiled; without it, `@sw.compile(precision="bf16")` is a decorator.
        precision: "f32", where every op computes in the element type of its operands, or "bf16".

    Raises:
        ArgumentError: there is no such precision, or `function` is no function.

    Raises (when called):
        ShapeError, DTypeError: an argument is not what its annotation says.
        CaptureError: the function asks for the numbers of a tensor, or makes parameters.

    D. Kalamkar et al., "A study of bfloat16 for deep learning training", 2019.

    PyTorch: ``torch.compile(function)``, with ``torch.autocast("cpu", torch.bfloat16)`` inside for bf16.
    JAX: ``jax.jit(function)``.

    >>> import shapewright as sw
    >>> @sw.compile
    ... def double(x: sw.Tensor) -> sw.Tensor:
    ...     return x * 2.0
    >>> double(sw.ones((2,)))
    Tensor[[2], f32] on cpu: [2. 2.]
    """
    _check_precision(precision)
    if function is _NO_FUNCTION:
        return functools.partial(compile, precision=precision)
    check_callable("compile", function, "@sw.compile above a function, or sw.compile(function)")
    compiled = Compiled(function, precision)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return compiled(args, kwargs)

    call.__compiled__ = compiled  # pyrefly: ignore[missing-attribute]  # where `sw.report` finds it
    return call
