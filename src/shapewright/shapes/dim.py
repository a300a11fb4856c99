"""`Dim`: a size that remembers which axis it counts, and the algebra that keeps `4 * d` or `b * t` recognisable.

A Dim is an int. Beside its number it carries polynomials over *atoms*; an atom is one axis that something named. Axes
that an operation needed equal answer to several polynomials. What it is not: a rule (see `rules/`) or the decision
which axes a target means (see `resolve.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, SupportsIndex

_serial = count()
# An axis that took part in many operations would otherwise answer to ever more names.
_MOST_NAMES = 4


class Scope:
    """The call, module or tensor that named some atoms: within one scope different names are different axes.

    Args:
        home: the module's own scope, for the scope of one of its calls: the two know each other's names.
    """

    __slots__ = ("home",)

    def __init__(self, home: Scope | None = None) -> None:
        self.home = self if home is None else home


class Atom:
    """One axis that something named; equal only to itself."""

    __slots__ = ("name", "order", "scope")

    def __init__(self, name: str | None, scope: Scope) -> None:
        self.name = name
        self.scope = scope
        self.order = next(_serial)

    def scopes(self) -> Iterable[Scope]:
        return (self.scope,)

    def __str__(self) -> str:
        return self.name or "?"


class Quotient:
    """`numerator // denominator` that is no polynomial, used as an atom; equal to a quotient of equal parts."""

    __slots__ = ("denominator", "numerator", "order")

    def __init__(self, numerator: Polynomial, denominator: Polynomial) -> None:
        self.numerator = numerator
        self.denominator = denominator
        self.order = hash((numerator, denominator))

    def scopes(self) -> Iterable[Scope]:
        return (*self.numerator.scopes(), *self.denominator.scopes())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Quotient) and self.numerator == other.numerator and self.denominator == other.denominator
        )

    def __hash__(self) -> int:
        return self.order

    def __str__(self) -> str:
        return f"({self.numerator}) // ({self.denominator})"


type _Monomial = tuple[Atom | Quotient, ...]


class Polynomial:
    """A sum of products of atoms with integer coefficients, in one normal form, so equal ones compare equal."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: Mapping[_Monomial, int]) -> None:
        self.terms = {monomial: factor for monomial, factor in terms.items() if factor != 0}
        self._hash = hash(frozenset(self.terms.items()))

    @staticmethod
    def of(atom: Atom | Quotient) -> Polynomial:
        return Polynomial({(atom,): 1})

    @staticmethod
    def constant(number: int) -> Polynomial:
        return Polynomial({(): number})

    def as_constant(self) -> int | None:
        """Give the number this polynomial always has, or None if it depends on an atom."""
        if not self.terms:
            return 0
        return self.terms.get(()) if len(self.terms) == 1 else None

    def scopes(self) -> Iterator[Scope]:
        for monomial in self.terms:
            for atom in monomial:
                yield from atom.scopes()

    def plus(self, other: Polynomial, factor: int = 1) -> Polynomial:
        terms = dict(self.terms)
        for monomial, coefficient in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + factor * coefficient
        return Polynomial(terms)

    def times(self, other: Polynomial) -> Polynomial:
        terms: dict[_Monomial, int] = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                monomial = tuple(sorted((*left, *right), key=lambda atom: atom.order))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return Polynomial(terms)

    def over(self, other: Polynomial) -> Polynomial:
        """Divide, rounding down: exactly where every term divides, else as an atom of its own."""
        if len(other.terms) == 1:
            ((divisor, factor),) = other.terms.items()
            terms: dict[_Monomial, int] = {}
            for monomial, coefficient in self.terms.items():
                rest = list(monomial)
                for atom in divisor:
                    if atom not in rest:
                        break
                    rest.remove(atom)
                else:
                    if coefficient % factor == 0:
                        terms[tuple(rest)] = coefficient // factor
                        continue
                return Polynomial.of(Quotient(self, other))
            return Polynomial(terms)
        return Polynomial.of(Quotient(self, other))

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Polynomial) and self._hash == other._hash and self.terms == other.terms
        )

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        def term(monomial: _Monomial, factor: int) -> str:
            atoms = " * ".join(str(atom) for atom in monomial)
            return str(factor) if not atoms else atoms if factor == 1 else f"{factor} * {atoms}"

        text = " + ".join(term(monomial, factor) for monomial, factor in self.terms.items())
        return text.replace("+ -", "- ") or "0"


def _mutually_known(left: Polynomial, right: Polynomial) -> bool:
    """Whether one call (with its module) or one tensor named the atoms of both, so that they can be compared."""
    call: Scope | None = None
    home: Scope | None = None
    for scope in (*left.scopes(), *right.scopes()):
        if scope.home is not scope:
            if call is not None and call is not scope:
                return False
            call = scope
        if home is not None and home is not scope.home:
            return False
        home = scope.home
    return True


class Dim(int):
    """A size that remembers which axis it names: equal sizes of different axes stay apart.

    Arithmetic with plain ints and other Dims gives a Dim where the names allow it: `4 * d`, `b * t`, `d // h`.

    >>> import shapewright as sw
    >>> b, t = sw.zeros((4, 4)).shape
    >>> b == t, sw.zeros((4, 4)).shape == (4, 4), type(2 * b).__name__
    (True, True, 'Dim')
    """

    names: tuple[Polynomial, ...]

    def __new__(cls, value: int, names: tuple[Polynomial, ...]) -> Dim:
        self = int.__new__(cls, value)
        self.names = names
        return self

    @staticmethod
    def named(value: int, name: str | None, scope: Scope) -> Dim:
        """Give a size whose axis is a new atom."""
        return Dim(value, (Polynomial.of(Atom(name, scope)),))

    def __add__(self, other: Any) -> Any:
        return _arithmetic(self, other, int.__add__, Polynomial.plus)

    def __radd__(self, other: Any) -> Any:
        return _arithmetic(self, other, int.__add__, Polynomial.plus)

    def __sub__(self, other: Any) -> Any:
        return _arithmetic(self, other, int.__sub__, lambda p, q: p.plus(q, -1))

    def __rsub__(self, other: Any) -> Any:
        return _arithmetic(self, other, lambda a, b: b - a, lambda p, q: q.plus(p, -1))

    def __mul__(self, other: Any) -> Any:
        return _arithmetic(self, other, int.__mul__, Polynomial.times)

    def __rmul__(self, other: Any) -> Any:
        return _arithmetic(self, other, int.__mul__, Polynomial.times)

    def __floordiv__(self, other: Any) -> Any:
        return _arithmetic(self, other, int.__floordiv__, Polynomial.over)

    def __rfloordiv__(self, other: Any) -> Any:
        return _arithmetic(self, other, lambda a, b: b // a, lambda p, q: q.over(p))

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        # Names live for one call; what leaves the process is the number.
        return int, (int(self),)

    def __copy__(self) -> Dim:
        return self

    def __deepcopy__(self, memo: object) -> Dim:
        return self


def _arithmetic(left: Dim, right: Any, numbers: Any, polynomials: Any) -> Any:
    if not isinstance(right, int):
        # A tensor of one integer has an index too; what it does with a size is its own affair.
        if isinstance(right, SupportsIndex) and not hasattr(right, "_spec"):
            right = right.__index__()
        else:
            return NotImplemented
    value = numbers(int(left), int(right))
    if isinstance(right, Dim):
        names = tuple(polynomials(p, q) for p in left.names for q in right.names if p is q or _mutually_known(p, q))
    else:
        names = tuple(polynomials(p, Polynomial.constant(right)) for p in left.names)
    names = tuple(p for p in names if p.as_constant() is None)[:_MOST_NAMES]
    return Dim(value, names) if names else value


def merge(left: int, right: int) -> int:
    """Give the size of an axis that two operands share: it answers to the names of both, the left ones first."""
    if left is right or not isinstance(right, Dim):
        return left
    if not isinstance(left, Dim):
        return right
    extra = tuple(name for name in right.names if name not in left.names)
    return Dim(left, (left.names + extra)[:_MOST_NAMES]) if extra else left


def same_axis(left: int, right: int) -> bool | None:
    """Tell by their names whether two sizes are one axis: True, False, or None where names cannot tell.

    Provably equal names are the same axis. Different names that one call or one tensor gave are different axes,
    whatever their numbers. A size without a name, or two names given without knowledge of each other, tell nothing.
    """
    if left is right:
        return True if isinstance(left, Dim) else None
    if not isinstance(left, Dim) or not isinstance(right, Dim):
        return None
    known = False
    for p in left.names:
        for q in right.names:
            if p is q or p == q:
                return True
            known = known or _mutually_known(p, q)
    return False if known else None


def without(size: int, scope: Scope) -> int:
    """Give the size without the names of a call that has ended: its own and those of its module."""
    if not isinstance(size, Dim):
        return size
    home = scope.home
    kept = tuple(name for name in size.names if all(s is not scope and s is not home for s in name.scopes()))
    if len(kept) == len(size.names):
        return size
    return Dim(size, kept) if kept else int(size)


def describe(sizes: Iterable[int]) -> str:
    """Write a shape with the names of its axes: `[B=4, T=4, 8]`."""

    def one(size: int) -> str:
        if isinstance(size, Dim):
            for name in size.names:
                text = str(name)
                if "?" not in text:
                    return f"{text}={int(size)}"
        return str(int(size))

    return "[" + ", ".join(one(size) for size in sizes) + "]"


def counted_axes(number: int) -> str:
    """Write a number of axes: `1 axis`, `2 axes`."""
    return "1 axis" if number == 1 else f"{number} axes"


class Extent(int):
    """One axis as the shape rules see it while axes are matched: subtraction tells whether two axes are the same.

    The rules are written for the type checker, where the difference of two different symbols is not a number. Here
    that difference is `APART`, and the axes that match have a mark in common.
    """

    marks: int
    is_concrete = True

    def __new__(cls, value: int, marks: int) -> Extent:
        self = int.__new__(cls, value)
        self.marks = marks
        return self

    def __sub__(self, other: Any) -> Any:
        if self is other or not isinstance(other, Extent) or self.marks & other.marks:
            return 0
        return APART

    __rsub__ = __sub__


class _Apart:
    """The difference of two different axes: not a number."""

    is_concrete = False


APART = _Apart()
