"""What the containers are to the type checker: classes that know their members, in up to three depths.

At run time all of them are the classes of `containers.py`, which return themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .containers import AddInto, GeneralizedResidual, Repeated, Residual, SplitInto

if TYPE_CHECKING:
    from shapewright.tensor import feeding
    from shapewright.tensor.feeding import FeedsExactly, LayeredOnce

    class Residual1[A](feeding.ResidualOf[A], Residual):
        inner: A

    class Sum2[A, B](feeding.SumOf[A, B], GeneralizedResidual):
        f: A
        r: B

    class Repeated1[A](feeding.RepeatedOf[A], Repeated):
        def __getitem__(self, index: int) -> A: ...

    class Residual1Deep[A](feeding.ResidualOfDeep[A], Residual):
        inner: A

    class Sum2Deep[A, B](feeding.SumOfDeep[A, B], GeneralizedResidual):
        f: A
        r: B

    class Repeated1Deep[A](feeding.RepeatedOfDeep[A], Repeated):
        def __getitem__(self, index: int) -> A: ...

    class Residual1Deeper[A](feeding.ResidualOfDeeper[A], Residual):
        inner: A

    class Sum2Deeper[A, B](feeding.SumOfDeeper[A, B], GeneralizedResidual):
        f: A
        r: B

    class Repeated1Deeper[A](feeding.RepeatedOfDeeper[A], Repeated):
        def __getitem__(self, index: int) -> A: ...

    class Split2[A, B](feeding.SplitOf2[A, B], SplitInto): ...

    class Split3[A, B, C](feeding.SplitOf3[A, B, C], SplitInto): ...

    class Split4[A, B, C, D](feeding.SplitOf4[A, B, C, D], SplitInto): ...

    class Split5[A, B, C, D, E](feeding.SplitOf5[A, B, C, D, E], SplitInto): ...

    class Split6[A, B, C, D, E, F](feeding.SplitOf6[A, B, C, D, E, F], SplitInto): ...

    class Add2[A, B](LayeredOnce, AddInto):
        def __call__[Y](self, xs: tuple[FeedsExactly[A, Y], FeedsExactly[B, Y]]) -> Y: ...

    class Add3[A, B, C](LayeredOnce, AddInto):
        def __call__[Y](self, xs: tuple[FeedsExactly[A, Y], FeedsExactly[B, Y], FeedsExactly[C, Y]]) -> Y: ...

    class Add4[A, B, C, D](LayeredOnce, AddInto):
        def __call__[Y](
            self, xs: tuple[FeedsExactly[A, Y], FeedsExactly[B, Y], FeedsExactly[C, Y], FeedsExactly[D, Y]]
        ) -> Y: ...

    class Add5[A, B, C, D, E](LayeredOnce, AddInto):
        def __call__[Y](
            self,
            xs: tuple[
                FeedsExactly[A, Y], FeedsExactly[B, Y], FeedsExactly[C, Y], FeedsExactly[D, Y], FeedsExactly[E, Y]
            ],
        ) -> Y: ...

    class Add6[A, B, C, D, E, F](LayeredOnce, AddInto):
        def __call__[Y](
            self,
            xs: tuple[
                FeedsExactly[A, Y],
                FeedsExactly[B, Y],
                FeedsExactly[C, Y],
                FeedsExactly[D, Y],
                FeedsExactly[E, Y],
                FeedsExactly[F, Y],
            ],
        ) -> Y: ...

    class SplitMany(SplitInto):
        def __call__(self, x: Any) -> tuple[Any, ...]: ...

    class AddMany(AddInto):
        def __call__(self, xs: tuple[Any, ...]) -> Any: ...
