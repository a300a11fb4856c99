"""`Case`: one row of the table of ops, and the helpers its families are written with.

What it is not: the rows (`cases.py` gathers them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

SHAPES = (((7,),), ((3, 5),), ((1, 1),), ((0, 3),), ((2, 3, 5),), ((),))
PAIRS = tuple((shape, shape) for (shape,) in SHAPES)


@dataclass(frozen=True)
class Case:
    """One way to call one op.

    Args:
        name: unique in the table; what is before the first space is the op.
        ours: called with the module `ops` and the inputs.
        torch: called with the module `torch` and the inputs, or None where PyTorch has no such op.
        inputs: what makes each input from a shape and a seed.
        variants: the shapes of the inputs, several times.
        numpy: the same in NumPy, written without looking at ours.
        gradient: which inputs are differentiated.
        smooth: whether finite differences see the same derivative (not at a kink).
        integers: whether integers are taken too, with a result like the i64 one.
        sixteen: the tolerance of 16-bit results in units of their precision, or None where that makes no sense.
    """

    name: str
    ours: Callable[..., Any]
    torch: Callable[..., Any] | None
    inputs: tuple
    variants: tuple
    numpy: Callable[..., Any] | None = None
    gradient: tuple = (0,)
    smooth: bool = True
    integers: bool = False
    sixteen: float | None = 4.0

    def arrays(self, variant):
        """The inputs of one variant."""
        shapes = self.variants[variant]
        return [np.asarray(b(s, 17 * i + variant)) for i, (b, s) in enumerate(zip(self.inputs, shapes, strict=True))]


CASES: list[Case] = []


def unary(name, domain, ours, torch, numpy, **options):
    CASES.append(Case(name, ours, torch, (domain,), options.pop("variants", SHAPES), numpy, **options))


def binary(name, domains, ours, torch, numpy, **options):
    options.setdefault("gradient", (0, 1))
    CASES.append(Case(name, ours, torch, domains, options.pop("variants", PAIRS), numpy, **options))


def case(name, inputs, variants, ours, torch, numpy=None, **options):
    CASES.append(Case(name, ours, torch, inputs, variants, numpy, **options))
