"""`Op`: what an operation is. Its shape rule, its element type rule, its meaning in NumPy and its gradient, together.

How to write one: an op has any number of tensor (or Python scalar) operands, keyword parameters that are hashable, and
one result.

* `shape(*shapes, **params)`: the shape rule. Each shape is a tuple of sizes, or None for a Python scalar. It raises
  ShapeError. It runs on plain ints to check (the verdict is kept), and again on sizes that carry axis names so that the
  result's axes keep them; so it moves, adds and multiplies sizes, and never converts them to int.
* `dtype(*dtypes, **params)`: the element type of the result. Each is a DType class, or float, int or bool for a scalar.
* `value(*arrays, **params)`: the meaning, in NumPy. May return a view. Elements of 16-bit floats arrive as f32 and the
  result is rounded once, unless the op is `exact` (it moves elements and computes nothing).
* `gradients`: one function `(g, y, *operands, **params) -> Value` for each operand, written with op functions, or None
  where the operand has no gradient (indices, conditions). `g` is the gradient of the result, `y` the result. For an op
  with any number of operands it is one function `(index, g, y, *operands, **params)`. A gradient has its operand's
  shape and element type. Only the ones that are needed are called.

A composite is a Python function over ops: it needs no gradient of its own.

What it is not: how an op is run (`devices/`), recorded (`tape/`) or called as a method (`tensor/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from shapewright.shapes.dim import Dim, Scope, describe, merge
from shapewright.shapes.dtypes import DType, Spec, bool_, spec
from shapewright.shapes.errors import ArgumentError, DTypeError, Error

type Shape = tuple[int, ...]

# Enough for any network; a program that makes ever new shapes must not fill the memory with verdicts.
_MOST_VERDICTS = 4096


# In the place of a route: an axis of the result is the sum, product … of others, so the rule itself gives its name.
_COMPUTED = "computed"


class Value:
    """Anything ops can be applied to: a tensor, or what stands for one while a program is captured."""

    __slots__ = ()
    _spec: Spec

    def _apply(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        raise NotImplementedError


class Op:
    """One primitive operation; see the file's first lines for how to write one.

    Args:
        name: what error reports and graphs call it; PyTorch's name where it has one.
        shape: the shape rule.
        value: the meaning, in NumPy.
        dtype: the element type rule.
        gradients: one function for each operand, one for all, or nothing for an op without gradient.
        exact: the op moves elements and computes nothing, so 16-bit floats need no detour through f32.
        operands: how error reports name the operands.
        hint: what to write instead when the shapes do not fit.
        merges: elementwise: the result's axes answer to the names of all operands.
        called: what error reports call it, if people know it by another name.
    """

    __slots__ = (
        "_routes",
        "_verdicts",
        "called",
        "dtype",
        "exact",
        "gradients",
        "hint",
        "merges",
        "name",
        "operands",
        "shape",
        "value",
    )

    def __init__(
        self,
        name: str,
        *,
        shape: Callable[..., Any],
        value: Callable[..., Any],
        dtype: Callable[..., type[DType]],
        gradients: Sequence[Callable[..., Any] | None] | Callable[..., Any] = (),
        exact: bool = False,
        operands: Sequence[str] = ("x",),
        hint: str | None = None,
        merges: bool = False,
        called: str | None = None,
    ) -> None:
        self.name = name
        self.shape = shape
        self.value = value
        self.dtype = dtype
        self.gradients = tuple(gradients) if isinstance(gradients, Sequence) else gradients
        self.exact = exact
        self.operands = tuple(operands)
        self.hint = hint
        self.merges = merges
        self.called = called or name
        self._verdicts: dict[Any, Spec] = {}
        self._routes: dict[Any, Any] = {}

    def __call__(self, *operands: Any, **params: Any) -> Any:
        for operand in operands:
            if isinstance(operand, Value):
                return operand._apply(self, operands, params)
        raise ArgumentError(
            f"{self.name}: none of the operands is a tensor", hint="sw.tensor(...) around a number or list"
        )

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def verdict(self, operands: tuple[Any, ...], params: dict[str, Any]) -> Spec:
        """Give the result's shape and element type for operands of these Specs (or scalar types), checked once."""
        key = _key(operands, params)
        found = self._verdicts.get(key)
        if found is None:
            for name, value in params.items():
                if isinstance(value, complex | Value):
                    what = "a tensor" if isinstance(value, Value) else repr(value)
                    raise ArgumentError(f"{name}= takes a Python number, not {what}")
            sizes = self.shape(*[o.sizes if type(o) is Spec else None for o in operands], **params)
            dtype = self.dtype(*[o.dtype if type(o) is Spec else o for o in operands], **params)
            found = spec(tuple(sizes), dtype)
            if len(self._verdicts) >= _MOST_VERDICTS:
                self._verdicts.clear()
            self._verdicts[key] = found
        return found

    def evaluate(self, arrays: Sequence[Any], params: Mapping[str, Any], result: Spec) -> np.ndarray:
        """Run the meaning of the op on NumPy arrays and Python numbers; `result` is what the verdict said.

        16-bit floats are computed as f32 and rounded once. NumPy's warnings (overflow, log of 0) are silent: what they
        warn of are infinities and NaNs.
        """
        if not self.exact:
            arrays = [_widened(a) if isinstance(a, np.ndarray) and a.itemsize == 2 else a for a in arrays]
        with np.errstate(all="ignore"):
            value = self.value(*arrays, **params)
            if type(value) is np.ndarray and value.dtype == result.dtype.numpy:
                return value
            # NumPy widens some results (sums of i32) and gives numbers for rank 0.
            return np.asarray(value).astype(result.dtype.numpy, copy=False)

    def check_numbers(self, operands: Sequence[Any], params: Mapping[str, Any], result: Spec) -> None:
        """Refuse Python numbers beyond what elements can hold, as `evaluate` does, where no elements are known yet.

        Args:
            operands: Python numbers, arrays, and whatever has a `spec`.
            params: the keyword parameters.
            result: what the verdict said.
        """
        # Every element type holds the others.
        if self.merges and any(type(operand) is int and not 0 <= operand <= 127 for operand in operands):
            single: list[Any] = []
            for operand in operands:
                known = getattr(operand, "spec", None)
                dtype = getattr(operand, "dtype", None) if known is None else known.dtype.numpy
                single.append(operand if dtype is None else np.ones((), dtype))
            self.evaluate(single, params, spec((), result.dtype))

    def names(
        self, operands: tuple[Any, ...], shapes: Sequence[tuple[int, ...] | None], params: dict[str, Any], result: Spec
    ) -> tuple[int, ...] | None:
        """Give the result's sizes with the axis names that come from the operands, or None if there are none.

        Args:
            operands: the key of the verdict: Specs and scalar types.
            shapes: the operands' sizes, with names where they have some.
            params: the keyword parameters.
            result: what the verdict said.
        """
        if self.merges:
            return _merged([s for s in shapes if s is not None])
        key = _key(operands, params)
        route = self._routes.get(key)
        if route is None:
            route = self._route(shapes, params)
            if len(self._routes) >= _MOST_VERDICTS:
                self._routes.clear()
            self._routes[key] = route
        if route == _COMPUTED:
            dims = tuple(self.shape(*shapes, **params))
        else:
            dims = tuple(
                [
                    size if place is None else shapes[place[0]][place[1]]  # pyrefly: ignore[unsupported-operation]  # an axis came from it
                    for place, size in zip(route, result.sizes, strict=True)
                ]
            )
        return dims if any([type(d) is Dim for d in dims]) else None

    def _route(self, shapes: Sequence[tuple[int, ...] | None], params: dict[str, Any]) -> Any:
        """Find out where each axis of the result comes from, by running the shape rule on marked sizes."""
        marked = [None if s is None else tuple([Dim.named(int(d), None, Scope()) for d in s]) for s in shapes]
        places = {id(d): (i, j) for i, s in enumerate(marked) if s is not None for j, d in enumerate(s)}
        sizes = tuple(self.shape(*marked, **params))
        found = tuple([places.get(id(d)) for d in sizes])
        if any(isinstance(d, Dim) and place is None for d, place in zip(sizes, found, strict=True)):
            return _COMPUTED
        return found

    def gradient(self, index: int) -> Callable[..., Any] | None:
        """Give the gradient function of one operand, `(g, y, *operands, **params)`, or None if it has none."""
        if callable(self.gradients):
            shared = self.gradients
            return lambda *args, **params: shared(index, *args, **params)
        return self.gradients[index] if index < len(self.gradients) else None

    def explain(self, error: Error, operands: Sequence[Any], params: dict[str, Any]) -> Error:
        """Add to an error what was being done: the op, and its operands' shapes and element types with axis names."""
        # What is a part of a function says which one that is.
        name = params.get("called", self.called)
        # A rule's sentence may begin with the operation itself: "stack joins tensors …".
        if not error.message.startswith((f"{name} ", f"{name}:")):
            error.message = f"{name}: {error.message}"
            error.args = (error.message,)
        for index, operand in enumerate(operands):
            label = self.operands[index] if index < len(self.operands) else f"{self.operands[-1]} {index}"
            if len(operands) > len(self.operands) and index < len(self.operands):
                label = f"{label} {index}"
            error.facts.append((label, describe_operand(operand)))
        for name, value in params.items():
            if value is not None and name != "called":
                error.facts.append((name, describe_operand(value) if isinstance(value, Value) else str(value)))
        if error.hint is None:
            error.hint = self.hint
        return error


def _key(operands: tuple[Any, ...], params: Mapping[str, Any]) -> Any:
    """Give what verdicts are kept by; with types, because 1, 1.0 and True are equal and have not one verdict."""
    return (operands, *params.items(), *map(type, params.values())) if params else operands


def _merged(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    first = shapes[0]
    for other in shapes[1:]:
        if other is not first:
            first = tuple([a if a is b else merge(a, b) for a, b in zip(first, other, strict=True)])
    return first


def _widened(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind in "iub" else array.astype(np.float32)


def describe_operand(operand: Any) -> str:
    """Write an operand as an annotation shows it, with axis names and numbers: `Tensor[[B=4, 8], i64]`."""
    operand_spec = getattr(operand, "_spec", None)
    if operand_spec is None:
        return repr(operand)
    sizes = getattr(operand, "_dims", None) or operand_spec.sizes
    return f"Tensor[{describe(sizes)}{'' if operand_spec.dtype.name == 'f32' else ', ' + operand_spec.dtype.name}]"


# ---- element type rules ---------------------------------------------------------------------------------------------
def _agree(dtypes: Sequence[Any]) -> type[DType]:
    """Check that tensors have one element type and that scalars are numbers of its kind; give that type."""
    found: type[DType] | None = None
    for dtype in dtypes:
        if dtype is float or dtype is int or dtype is bool:
            continue
        if not issubclass(dtype, DType):
            raise ArgumentError(f"a number is needed, and {dtype.__name__} is none")
        if found is not None and dtype is not found:
            raise DTypeError(
                f"the element types {found.name} and {dtype.name} differ, and nothing is converted silently",
                hint=f"x.to(sw.{found.name}) or x.to(sw.{dtype.name}) on one of them",
            )
        found = dtype
    assert found is not None
    for dtype in dtypes:
        if (dtype is float and not found.is_floating) or (dtype is int and found.name == "bool"):
            raise DTypeError(
                f"a Python {dtype.__name__} takes the tensor's element type, and {found.name} cannot hold one",
                hint="x.to(sw.f32) first" if dtype is float else "True or False, or x.to(sw.i64) first",
            )
    return found


def same(*dtypes: Any, **_: Any) -> type[DType]:
    """The operands agree, and the result has their element type."""
    return _agree(dtypes)


def numeric(*dtypes: Any, **_: Any) -> type[DType]:
    """The operands agree on a type that is not bool; the result has it."""
    found = _agree(dtypes)
    if found.name == "bool":
        raise DTypeError("there is no arithmetic on bool", hint="x & y, x | y, x ^ y, ~x, or x.to(sw.f32) first")
    return found


def floating(*dtypes: Any, **_: Any) -> type[DType]:
    """The operands agree on a floating type; the result has it."""
    found = _agree(dtypes)
    if not found.is_floating:
        raise DTypeError(f"this needs floating point elements, not {found.name}", hint="x.to(sw.f32) first")
    return found


def compared(*dtypes: Any, **_: Any) -> type[DType]:
    """The operands agree; the result is bool."""
    _agree(dtypes)
    return bool_


def boolean(*dtypes: Any, **_: Any) -> type[DType]:
    """The operands are bool, and so is the result."""
    found = _agree(dtypes)
    if found.name != "bool":
        raise DTypeError(
            f"this needs bool elements, not {found.name}", hint="a comparison such as x > 0, or x.to(sw.bool)"
        )
    return found
