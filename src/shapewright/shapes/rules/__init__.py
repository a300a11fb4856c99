"""Every shape rule, each written once: Pyrefly evaluates it in return annotations, Python runs it on sizes."""

from __future__ import annotations

from shapewright.shapes.rules.axes import axes_shape as axes_shape
from shapewright.shapes.rules.axes import axis_shape as axis_shape
from shapewright.shapes.rules.axes import broadcast_axes_shape as broadcast_axes_shape
from shapewright.shapes.rules.axes import broadcast_shape as broadcast_shape
from shapewright.shapes.rules.axes import matrix_shape as matrix_shape
from shapewright.shapes.rules.axes import permute_axes_shape as permute_axes_shape
from shapewright.shapes.rules.axes import permute_shape as permute_shape
from shapewright.shapes.rules.axes import reduce_axes_shape as reduce_axes_shape
from shapewright.shapes.rules.axes import reduce_shape as reduce_shape
from shapewright.shapes.rules.axes import roll_shape as roll_shape
from shapewright.shapes.rules.contraction import einsum_one_shape as einsum_one_shape
from shapewright.shapes.rules.contraction import einsum_shape as einsum_shape
from shapewright.shapes.rules.contraction import einsum_three_shape as einsum_three_shape
from shapewright.shapes.rules.contraction import einsum_two_shape as einsum_two_shape
from shapewright.shapes.rules.contraction import matmul_shape as matmul_shape
from shapewright.shapes.rules.contraction import outer_shape as outer_shape
from shapewright.shapes.rules.contraction import rearrange_shape as rearrange_shape
from shapewright.shapes.rules.index import gather_shape as gather_shape
from shapewright.shapes.rules.index import index_shape_at as index_shape_at
from shapewright.shapes.rules.index import other_index_shape as other_index_shape
from shapewright.shapes.rules.index import pad_shape as pad_shape
from shapewright.shapes.rules.index import scatter_shape as scatter_shape
from shapewright.shapes.rules.index import select_shape as select_shape
from shapewright.shapes.rules.index import slice_from_shape as slice_from_shape
from shapewright.shapes.rules.index import slice_shape as slice_shape
from shapewright.shapes.rules.index import take_places_shape as take_places_shape
from shapewright.shapes.rules.index import take_shape as take_shape
from shapewright.shapes.rules.index import topk_shape as topk_shape
from shapewright.shapes.rules.joining import concat_shape as concat_shape
from shapewright.shapes.rules.joining import split_shapes as split_shapes
from shapewright.shapes.rules.joining import split_sizes_shapes as split_sizes_shapes
from shapewright.shapes.rules.joining import stack_shape as stack_shape
from shapewright.shapes.rules.reshape import divisible_shape as divisible_shape
from shapewright.shapes.rules.reshape import exact_division_shape as exact_division_shape
from shapewright.shapes.rules.reshape import flatten_shape as flatten_shape
from shapewright.shapes.rules.reshape import reshape_shape as reshape_shape
from shapewright.shapes.rules.reshape import squeeze_shape as squeeze_shape
from shapewright.shapes.rules.reshape import unsqueeze_shape as unsqueeze_shape
from shapewright.shapes.rules.teaching import broadcast_number_shape as broadcast_number_shape
from shapewright.shapes.rules.teaching import permute_number_shape as permute_number_shape
from shapewright.shapes.rules.teaching import reduce_number_shape as reduce_number_shape
from shapewright.shapes.rules.teaching import reshape_number_shape as reshape_number_shape
from shapewright.shapes.rules.window import oversized_window_shape as oversized_window_shape
from shapewright.shapes.rules.window import window_size_shape as window_size_shape
