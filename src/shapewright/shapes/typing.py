"""The names of shape typing, as they are at run time: `Int`, `IntVar`, `IntTuple` and their kin.

Pyrefly reads the real ones from `shape_extensions`, which is imported under `TYPE_CHECKING` only: at run time that
package hooks other libraries' imports. What is here has no behaviour; it lets annotations be written and evaluated.
`Tensor[[B, 4 * D]]` in an annotation that Python evaluates needs ``from __future__ import annotations`` or quotes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

if TYPE_CHECKING:
    from shape_extensions import CaptureNamedInts as CaptureNamedInts
    from shape_extensions import Flag as Flag
    from shape_extensions import Index as Index
    from shape_extensions import Int as Int
    from shape_extensions import IntListLiteral as IntListLiteral
    from shape_extensions import IntTuple as IntTuple
    from shape_extensions import IntTupleOrList as IntTupleOrList
    from shape_extensions import IntTuples as IntTuples
    from shape_extensions import IntVar as IntVar
    from shape_extensions import MapIntTuples as MapIntTuples
    from shape_extensions import NamedInts as NamedInts
    from shape_extensions import RegularNestedList as RegularNestedList
    from shape_extensions import Shaped as Shaped
    from shape_extensions import index_shape as index_shape
    from shape_extensions import shape_vars as shape_vars
else:

    class _Marker:
        """A name that means something to the type checker only."""

        def __class_getitem__(cls, item: Any) -> Any:
            return cls

    class Int(_Marker):
        """``Int[N]``: an int whose value is the size N."""

    class IntVar(_Marker):
        """The bound of a type parameter that stands for one size: ``def f[N: IntVar](…)``."""

        # A legacy `N = IntVar("N")` must be accepted by `typing.Generic`, which asks for a TypeVar.
        def __new__(cls, name: str) -> Any:
            from typing import TypeVar

            return TypeVar(name)

    class IntTuple(_Marker):
        """The bound of a type parameter that stands for a whole shape: ``def f[S: IntTuple](…)``."""

    class IntTuples(_Marker):
        """The bound of a type parameter that stands for several shapes."""

    class Flag(_Marker):
        """The bound of a type parameter that keeps a literal: an axis number, a bool, a string."""

    class Index(_Marker):
        """The bound of a type parameter that keeps an index expression."""

    class NamedInts(_Marker):
        """The bound of a type parameter that keeps sizes given by keyword."""

    class CaptureNamedInts(_Marker):
        """Sizes given by keyword."""

    class IntListLiteral(_Marker):
        """A list of literal ints."""

    class IntTupleOrList(_Marker):
        """A tuple of sizes, or a list of literal ones."""

    class MapIntTuples(_Marker):
        """One type for each of several shapes."""

    class RegularNestedList(_Marker):
        """A nested list whose shape is known."""

    Shaped = Annotated

    def index_shape(shape: Any, index: Any) -> Any:
        """Only the type checker evaluates this."""
        raise NotImplementedError("index_shape is evaluated by the type checker only")

    def shape_vars(declaration: str, *, required: bool = False) -> Callable[[Any], Any]:
        """Declare the sizes that ``Shaped[Tensor, "[B, D]"]`` may name, as in ``@shape_vars("B, D")``."""
        del required

        def decorate(target: Any) -> Any:
            target.__shape_vars__ = tuple(name.strip() for name in declaration.split(","))
            return target

        return decorate
