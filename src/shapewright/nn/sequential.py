"""`Sequential`: layers one after the other, checked from the first to the last.

To the type checker `Sequential(a, b, c)` is a `Sequential3[A, B, C]`: one class for each length, because each length
has its own way of being fed (see `tensor/feeding.py`), and one more for chains inside chains. At run time there is
`Sequential` alone. What it is not: the other containers (`containers.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, overload

from shapewright.shapes.errors import ArgumentError, IndexRangeError, ShapeError

from .module import Module

if TYPE_CHECKING:
    from shapewright.tensor.feeding import Flat, Shallow

    from . import _chains as c


class Sequential(Module):
    """Give the input to the first layer, its result to the second, and so on.

    Takes what the first layer takes and gives what the last one gives. Up to 16 layers are checked in the editor; more
    are written as chains inside chains, or `x >> a >> b`. Names are those of PyTorch: "0.weight". `net[0]` is the first
    layer, `net[1:3]` a chain of some.

    Raises:
        ArgumentError: something is no layer.
        ShapeError: a layer gives another last axis than the next one takes (said before the first call where the layers
            know it); (when called) whatever a layer refuses.

    PyTorch: ``nn.Sequential(a, b)``. dfdx: ``(A, B)``.

    >>> import shapewright as sw
    >>> from shapewright import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> net(sw.ones((5, 4))).shape
    (5, 2)
    >>> [name for name, _ in net.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    if TYPE_CHECKING:
        # fmt: off
        @overload
        def __new__[A: Flat](cls, _0: A, /) -> c.Sequential1[A]: ...
        @overload
        def __new__[A: Shallow](cls, _0: A, /) -> c.Sequential1Deep[A]: ...
        @overload
        def __new__[A](cls, _0: A, /) -> c.Sequential1Deeper[A]: ...
        @overload
        def __new__[A: Flat, B: Flat](cls, _0: A, _1: B, /) -> c.Sequential2[A, B]: ...
        @overload
        def __new__[A: Shallow, B: Shallow](cls, _0: A, _1: B, /) -> c.Sequential2Deep[A, B]: ...
        @overload
        def __new__[A, B](cls, _0: A, _1: B, /) -> c.Sequential2Deeper[A, B]: ...
        @overload
        def __new__[A: Flat, B: Flat, C: Flat](cls, _0: A, _1: B, _2: C, /) -> c.Sequential3[A, B, C]: ...
        @overload
        def __new__[A: Shallow, B: Shallow, C: Shallow](cls, _0: A, _1: B, _2: C, /) -> c.Sequential3Deep[A, B, C]: ...
        @overload
        def __new__[A, B, C](cls, _0: A, _1: B, _2: C, /) -> c.Sequential3Deeper[A, B, C]: ...
        @overload
        def __new__[A: Flat, B: Flat, C: Flat, D: Flat](cls, _0: A, _1: B, _2: C, _3: D, /) -> c.Sequential4[A, B, C, D]: ...  # noqa: E501
        @overload
        def __new__[A: Shallow, B: Shallow, C: Shallow, D: Shallow](cls, _0: A, _1: B, _2: C, _3: D, /) -> c.Sequential4Deep[A, B, C, D]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D](cls, _0: A, _1: B, _2: C, _3: D, /) -> c.Sequential4Deeper[A, B, C, D]: ...
        @overload
        def __new__[A: Flat, B: Flat, C: Flat, D: Flat, E: Flat](cls, _0: A, _1: B, _2: C, _3: D, _4: E, /) -> c.Sequential5[A, B, C, D, E]: ...  # noqa: E501
        @overload
        def __new__[A: Shallow, B: Shallow, C: Shallow, D: Shallow, E: Shallow](cls, _0: A, _1: B, _2: C, _3: D, _4: E, /) -> c.Sequential5Deep[A, B, C, D, E]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E](cls, _0: A, _1: B, _2: C, _3: D, _4: E, /) -> c.Sequential5Deeper[A, B, C, D, E]: ...
        @overload
        def __new__[A: Flat, B: Flat, C: Flat, D: Flat, E: Flat, F: Flat](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, /) -> c.Sequential6[A, B, C, D, E, F]: ...  # noqa: E501
        @overload
        def __new__[A: Shallow, B: Shallow, C: Shallow, D: Shallow, E: Shallow, F: Shallow](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, /) -> c.Sequential6Deep[A, B, C, D, E, F]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, /) -> c.Sequential6Deeper[A, B, C, D, E, F]: ...  # noqa: E501
        @overload
        def __new__[A: Flat, B: Flat, C: Flat, D: Flat, E: Flat, F: Flat, G: Flat](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, /) -> c.Sequential7[A, B, C, D, E, F, G]: ...  # noqa: E501
        @overload
        def __new__[A: Shallow, B: Shallow, C: Shallow, D: Shallow, E: Shallow, F: Shallow, G: Shallow](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, /) -> c.Sequential7Deep[A, B, C, D, E, F, G]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, /) -> c.Sequential7Deeper[A, B, C, D, E, F, G]: ...  # noqa: E501
        @overload
        def __new__[A: Flat, B: Flat, C: Flat, D: Flat, E: Flat, F: Flat, G: Flat, H: Flat](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, /) -> c.Sequential8[A, B, C, D, E, F, G, H]: ...  # noqa: E501
        @overload
        def __new__[A: Shallow, B: Shallow, C: Shallow, D: Shallow, E: Shallow, F: Shallow, G: Shallow, H: Shallow](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, /) -> c.Sequential8Deep[A, B, C, D, E, F, G, H]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, /) -> c.Sequential8Deeper[A, B, C, D, E, F, G, H]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, /) -> c.Sequential9[A, B, C, D, E, F, G, H, I]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, /) -> c.Sequential10[A, B, C, D, E, F, G, H, I, J]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J, K](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, _10: K, /) -> c.Sequential11[A, B, C, D, E, F, G, H, I, J, K]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J, K, L](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, _10: K, _11: L, /) -> c.Sequential12[A, B, C, D, E, F, G, H, I, J, K, L]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J, K, L, M](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, _10: K, _11: L, _12: M, /) -> c.Sequential13[A, B, C, D, E, F, G, H, I, J, K, L, M]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J, K, L, M, N](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, _10: K, _11: L, _12: M, _13: N, /) -> c.Sequential14[A, B, C, D, E, F, G, H, I, J, K, L, M, N]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J, K, L, M, N, O](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, _10: K, _11: L, _12: M, _13: N, _14: O, /) -> c.Sequential15[A, B, C, D, E, F, G, H, I, J, K, L, M, N, O]: ...  # noqa: E501
        @overload
        def __new__[A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P](cls, _0: A, _1: B, _2: C, _3: D, _4: E, _5: F, _6: G, _7: H, _8: I, _9: J, _10: K, _11: L, _12: M, _13: N, _14: O, _15: P, /) -> c.Sequential16[A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P]: ...  # noqa: E501
        @overload
        def __new__(cls, *layers: Any) -> c.LongSequential: ...
        def __new__(cls, *layers: Any) -> Any: ...
        # fmt: on
    else:

        def __call__(self, x: Any) -> Any:
            for layer in self:
                x = layer(x)
            return x

    def __init__(self, *layers: Any) -> None:
        for index, layer in enumerate(layers):
            if not callable(layer) or isinstance(layer, type):
                hint = f"{layer.__name__}()" if isinstance(layer, type) else None
                what = f"the class {layer.__name__}" if isinstance(layer, type) else repr(layer)
                if isinstance(layer, list | tuple):
                    hint, what = "nn.Sequential(*layers)", f"a {type(layer).__name__}"
                raise ArgumentError(f"Sequential: layer {index} is {what}, and a layer is needed", hint=hint)
            # An attribute whose name is a number: it is then named in the state dict as in PyTorch's.
            setattr(self, str(index), layer)
        self._length = len(layers)
        _check_last_axes(layers)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        for index in range(self._length):
            yield getattr(self, str(index))

    if not TYPE_CHECKING:

        def __getitem__(self, index: Any) -> Any:
            if isinstance(index, slice):
                return Sequential(*list(self)[index])
            place = index + self._length if index < 0 else index
            if not 0 <= place < self._length:
                raise IndexRangeError(
                    f"Sequential: there is no layer {index}",
                    facts=[("layers", str(self._length)), ("allowed", f"{-self._length} to {self._length - 1}")],
                )
            return getattr(self, str(place))

    def _described(self) -> str:
        return ""

    @property
    def _last_axis(self) -> tuple[int | None, int | None] | None:
        """The last axis that the first layer takes and the last one gives, where they say so; see `_cells.py`."""
        needed: int | None = None
        given: int | None = None
        for layer in self:
            said = getattr(layer, "_last_axis", None)
            if said is None:
                return None
            needed = said[0] if needed is None and given is None else needed
            given = given if said[1] is None else said[1]
        return needed, given


def _check_last_axes(layers: tuple[Any, ...]) -> None:
    """Compare what each layer takes as its last axis with what the layer before it gives."""
    known: tuple[int, int] | None = None
    for index, layer in enumerate(layers):
        said = getattr(layer, "_last_axis", None)
        if said is None:
            known = None
            continue
        needed, given = said
        if known is not None and needed is not None and known[1] != needed:
            raise ShapeError(
                f"Sequential: layer {index} takes a last axis of size {needed}, and layer {known[0]} gives {known[1]}",
                facts=[(f"layer {number}", _one_line(layers[number])) for number in (known[0], index)],
            )
        if given is not None:
            known = (index, given)


def _one_line(layer: Any) -> str:
    return repr(layer).partition("\n")[0].partition("  #")[0]
