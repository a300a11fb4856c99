"""What a number given in the place of a shape is told.

`to` is the shape to end with, never an axis number (design rule 1). The overloads that take an int end here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shape_extensions.dsl as dsl
    from shape_extensions import IntTuple
    from shape_extensions import type_shape_dsl_function as shape_rule
else:
    from shapewright.shapes import _dsl as dsl
    from shapewright.shapes._dsl import shape_rule


@shape_rule
def reduce_number_shape(number: int) -> IntTuple:
    """x.sum(0)"""
    return dsl.Invalid("`to` is the shape to end with, as in x.sum((b, d)); to name an axis write x.sum(axis=0)")


@shape_rule
def broadcast_number_shape(number: int) -> IntTuple:
    """x.broadcast(3)"""
    return dsl.Invalid("`to` is the shape to end with; a shape of one axis is written x.broadcast((3,))")


@shape_rule
def permute_number_shape(number: int) -> IntTuple:
    """x.permute(0)"""
    return dsl.Invalid(
        "`to` is the shape to end with, as in x.permute((d, b)); to name axes write x.permute(axes=(1, 0))"
    )


@shape_rule
def reshape_number_shape(number: int) -> IntTuple:
    """x.reshape(6)"""
    return dsl.Invalid("`to` is the shape to end with; a shape of one axis is written x.reshape((6,))")
