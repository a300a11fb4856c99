"""Windows that slide over an axis: convolution and pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import shape_extensions.dsl as dsl
    from shape_extensions import Int, IntTuple
    from shape_extensions import type_shape_dsl_function as shape_rule
else:
    from shapewright.shapes import _dsl as dsl
    from shapewright.shapes._dsl import shape_rule


@shape_rule
def window_size_shape(size: Int, kernel: Int, stride: Int, padding: Int, dilation: Int) -> Int:
    """How many places a window takes on an axis.

    ``(size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1``, as in PyTorch.
    """
    if dsl.is_concrete_int(kernel) and kernel < 1:
        return dsl.Invalid("a window has a size of 1 or more")
    if dsl.is_concrete_int(stride) and stride < 1:
        return dsl.Invalid("a stride is 1 or more")
    if dsl.is_concrete_int(dilation) and dilation < 1:
        return dsl.Invalid("a dilation is 1 or more")
    if dsl.is_concrete_int(padding) and padding < 0:
        return dsl.Invalid("padding is 0 or more")
    span = dsl.IntTuple((size + 2 * padding - dilation * (kernel - 1) - 1,))
    if any(dsl.is_concrete_int(s) and s < 0 for s in span):
        return dsl.Invalid("the window is larger than the axis it slides over, padding included")
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@shape_rule
def oversized_window_shape(height: Int, width: Int) -> IntTuple:
    """What a convolution or pooling over too small an image is told, where the types know that it is too small."""
    sizes = dsl.IntTuple((height, width))
    if any(dsl.is_concrete_int(size) for size in sizes):
        return dsl.Invalid("the window is larger than the image it slides over, padding included")
    return dsl.IntTuple.gradual()
