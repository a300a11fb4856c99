"""What the containers are to the type checker: classes that know their members, in up to three depths.

At run time all of them are the classes of `containers.py`, which return themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .containers import AddInto, GeneralizedResidual, Repeated, Residual, SplitInto

if TYPE_CHECKING:
    from shapewright.shapes.dtypes import DType
    from shapewright.shapes.typing import IntTuple
    from shapewright.tensor import feeding
    from shapewright.tensor.feeding import FeedsOne, LayeredOnce
    from shapewright.tensor.tensor import Tensor

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
        def __call__[U: IntTuple, DT: DType](
            self, xs: tuple[FeedsOne[A, Tensor[U, DT]], FeedsOne[B, Tensor[U, DT]]]
        ) -> Tensor[U, DT]: ...

    class Add3[A, B, C](LayeredOnce, AddInto):
        def __call__[U: IntTuple, DT: DType](
            self, xs: tuple[FeedsOne[A, Tensor[U, DT]], FeedsOne[B, Tensor[U, DT]], FeedsOne[C, Tensor[U, DT]]]
        ) -> Tensor[U, DT]: ...

    class Add4[A, B, C, D](LayeredOnce, AddInto):
        def __call__[U: IntTuple, DT: DType](
            self,
            xs: tuple[
                FeedsOne[A, Tensor[U, DT]],
                FeedsOne[B, Tensor[U, DT]],
                FeedsOne[C, Tensor[U, DT]],
                FeedsOne[D, Tensor[U, DT]],
            ],
        ) -> Tensor[U, DT]: ...

    class Add5[A, B, C, D, E](LayeredOnce, AddInto):
        def __call__[U: IntTuple, DT: DType](
            self,
            xs: tuple[
                FeedsOne[A, Tensor[U, DT]],
                FeedsOne[B, Tensor[U, DT]],
                FeedsOne[C, Tensor[U, DT]],
                FeedsOne[D, Tensor[U, DT]],
                FeedsOne[E, Tensor[U, DT]],
            ],
        ) -> Tensor[U, DT]: ...

    class Add6[A, B, C, D, E, F](LayeredOnce, AddInto):
        def __call__[U: IntTuple, DT: DType](
            self,
            xs: tuple[
                FeedsOne[A, Tensor[U, DT]],
                FeedsOne[B, Tensor[U, DT]],
                FeedsOne[C, Tensor[U, DT]],
                FeedsOne[D, Tensor[U, DT]],
                FeedsOne[E, Tensor[U, DT]],
                FeedsOne[F, Tensor[U, DT]],
            ],
        ) -> Tensor[U, DT]: ...

    class SplitMany(SplitInto):
        def __call__(self, x: Any) -> tuple[Any, ...]: ...

    class AddMany(AddInto):
        def __call__(self, xs: tuple[Any, ...]) -> Any: ...
