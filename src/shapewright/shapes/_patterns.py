"""Parsing of einsum equations and rearrange patterns, and the shapes they give.

Pyrefly evaluates both itself (they are intrinsics of the shape language); this is what they mean at run time. The
parsed forms are also what `ops` and the tensor methods compute with. Equations are written as in NumPy, with the result
(``"bij,bjk->bik"``); patterns as in einops (A. Rogozhnikov, ICLR 2022), with groups: ``"b t (h k) -> b h t k"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from shapewright.shapes.errors import ShapeError

__all__ = [
    "EinsumPlan",
    "RearrangePlan",
    "einsum_shape",
    "parse_einsum",
    "parse_rearrange",
    "rearrange_shape",
    "rearrange_sizes",
]


@dataclass(frozen=True)
class EinsumPlan:
    """An einsum equation, parsed: the letters of each operand, and those of the result."""

    operands: tuple[str, ...]
    result: str


@dataclass(frozen=True)
class RearrangePlan:
    """A rearrange pattern, parsed: groups of axis names on each side. An ungrouped name is a group of one."""

    left: tuple[tuple[str, ...], ...]
    right: tuple[tuple[str, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The axis names, in the order of the input."""
        return tuple(name for group in self.left for name in group)

    @property
    def order(self) -> tuple[int, ...]:
        """For each axis of the result before grouping, its place among the input's names."""
        names = self.names
        return tuple(names.index(name) for group in self.right for name in group)


@lru_cache(maxsize=512)
def parse_einsum(equation: str) -> EinsumPlan:
    """Parse ``"ij,jk->ik"``.

    Raises ShapeError when the result is missing, repeats or invents a letter, or a character is not a letter.
    """
    left, arrow, result = equation.replace(" ", "").partition("->")
    if not arrow:
        raise ShapeError(f'einsum: write the result too, as in "{equation}->…", so that its axes are in no doubt')
    operands = tuple(left.split(","))
    for letters in (*operands, result):
        bad = [letter for letter in letters if not letter.isalpha()]
        if bad:
            raise ShapeError(f"einsum: {bad[0]!r} in {equation!r} is not a letter; each axis is one letter")
    for letter in result:
        if result.count(letter) > 1:
            raise ShapeError(f"einsum: {letter!r} is twice in the result of {equation!r}")
        if letter not in left:
            raise ShapeError(f"einsum: {letter!r} of the result of {equation!r} is in no operand")
    return EinsumPlan(operands, result)


def einsum_shape(equation: str, shapes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The shape of the result; raises ShapeError when operands do not fit the equation."""
    plan = parse_einsum(equation)
    if len(plan.operands) != len(shapes):
        raise ShapeError(f"einsum: {equation!r} is about {len(plan.operands)} tensors, and {len(shapes)} were given")
    sizes: dict[str, Any] = {}
    for place, (letters, shape) in enumerate(zip(plan.operands, shapes, strict=True)):
        if len(letters) != len(shape):
            raise ShapeError(
                f"einsum: operand {place} is written {letters!r}, {len(letters)} axes, "
                f"and has {len(shape)} axes: {tuple(shape)}"
            )
        for letter, size in zip(letters, shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known != size:
                raise ShapeError(
                    f"einsum: axis {letter!r} of {equation!r} is {known} in one place and {size} in another"
                )
    return tuple(sizes[letter] for letter in plan.result)


def _groups(side: str, pattern: str) -> tuple[tuple[str, ...], ...]:
    groups: list[tuple[str, ...]] = []
    inside: list[str] | None = None
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            if inside is not None:
                raise ShapeError(f"rearrange: parentheses inside parentheses in {pattern!r}")
            inside = []
        elif word == ")":
            if inside is None:
                raise ShapeError(f"rearrange: a parenthesis too many in {pattern!r}")
            groups.append(tuple(inside))
            inside = None
        elif word != "1" and not word.isidentifier():
            raise ShapeError(f"rearrange: {word!r} in {pattern!r} is not a name; axes are named by words")
        elif word == "1":
            groups.append(()) if inside is None else None
        elif inside is None:
            groups.append((word,))
        else:
            inside.append(word)
    if inside is not None:
        raise ShapeError(f"rearrange: a parenthesis is not closed in {pattern!r}")
    return tuple(groups)


@lru_cache(maxsize=512)
def parse_rearrange(pattern: str) -> RearrangePlan:
    """Parse ``"b t (h k) -> b h t k"``; raises ShapeError when the two sides do not hold the same names, once each."""
    left, arrow, right = pattern.partition("->")
    if not arrow:
        raise ShapeError(f'rearrange: {pattern!r} has no "->"; write what the axes are, then how they should be')
    plan = RearrangePlan(_groups(left, pattern), _groups(right, pattern))
    names = plan.names
    after = [name for group in plan.right for name in group]
    for name in names:
        if names.count(name) > 1:
            raise ShapeError(f"rearrange: {name!r} is twice on the left of {pattern!r}")
        if name not in after:
            raise ShapeError(f"rearrange: {name!r} is lost on the right of {pattern!r}")
    for name in after:
        if after.count(name) > 1:
            raise ShapeError(f"rearrange: {name!r} is twice on the right of {pattern!r}")
        if name not in names:
            raise ShapeError(f"rearrange: {name!r} on the right of {pattern!r} is not on the left")
    return plan


def rearrange_sizes(pattern: str, shape: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The size of every named axis; in each group at most one may be left to be worked out."""
    plan = parse_rearrange(pattern)
    if len(plan.left) != len(shape):
        raise ShapeError(
            f"rearrange: {pattern!r} describes {len(plan.left)} axes, and the tensor has {len(shape)}: {tuple(shape)}"
        )
    for name in given:
        if name not in plan.names:
            raise ShapeError(f"rearrange: {name!r} was given a size and is not in {pattern!r}")
    sizes: dict[str, Any] = dict(given)
    for group, size in zip(plan.left, shape, strict=True):
        known = 1
        missing = [name for name in group if name not in sizes]
        for name in group:
            if name in sizes:
                known = known * sizes[name]
        if len(missing) > 1:
            raise ShapeError(
                f"rearrange: {missing[0]!r} and {missing[1]!r} in {pattern!r} share an axis; give the size of one"
            )
        if missing:
            if known == 0 or size % known:
                raise ShapeError(
                    f"rearrange: {known} does not divide {size}, the size of ({' '.join(group)}) in {pattern!r}"
                )
            sizes[missing[0]] = size // known if known != 1 else size
        elif known != size:
            raise ShapeError(f"rearrange: ({' '.join(group)}) in {pattern!r} is {known}, and the axis is {size}")
    return sizes


def rearrange_shape(pattern: str, shape: Sequence[Any], given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The shape of the result."""
    sizes = rearrange_sizes(pattern, shape, given)
    result: list[Any] = []
    for group in parse_rearrange(pattern).right:
        size: Any = sizes[group[0]] if group else 1
        for name in group[1:]:
            size = size * sizes[name]
        result.append(size)
    return tuple(result)
