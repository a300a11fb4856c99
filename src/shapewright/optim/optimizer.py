"""`Optimizer`: what all optimisers share. Parameters in groups, their state in cells, and the update as a whole.

What it is not: any method of descent. Each has a file of its own beside this one, which says what it keeps for a
parameter and how one step goes, once, in tensor operations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from shapewright.graph import can_meet, one_moment
from shapewright.nn.module import assign_all, read_all
from shapewright.ops.core import describe_operand
from shapewright.optim.parameters import groups_of, named
from shapewright.optim.settings import L2, Decoupled, Settings, checked_lr, decay
from shapewright.shapes.dtypes import DType, f32, f64, i64
from shapewright.shapes.errors import ArgumentError, DeviceError, DTypeError, UnusedParameterError
from shapewright.tape import Gradients
from shapewright.tensor.creation import full
from shapewright.tensor.habits import OPTIMIZER, missing
from shapewright.tensor.parameter import Buffer, Parameter
from shapewright.tensor.tensor import Tensor


class Slot:
    """One parameter with its name and what the optimiser keeps for it."""

    __slots__ = ("name", "parameter", "spec", "state")

    def __init__(self, name: str, parameter: Parameter, state: dict[str, Buffer[Any, Any]]) -> None:
        self.name = name
        self.parameter = parameter
        self.spec = parameter._spec
        self.state = state


class Group:
    """Parameters that share their settings; `adam.groups[0]`.

    Args:
        slots: the parameters with their state.
        settings: what does not change.
        lr: the learning rate to begin with.
    """

    __slots__ = ("_called", "_lr", "settings", "slots")

    def __init__(self, called: str, slots: list[Slot], settings: Settings, lr: float) -> None:
        self._called = called
        self.slots = slots
        self.settings = settings
        # A cell, so that a captured update reads it anew each time. f64: a rate is a Python float until it is used.
        self._lr = Buffer(full((), checked_lr(called, lr), dtype=f64, device=slots[0].parameter._device))

    def __repr__(self) -> str:
        count = len(self.slots)
        return f"group of {count} parameter{'' if count == 1 else 's'} with lr={self.lr}"

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters of this group.

        PyTorch: ``[p for group in optimizer.param_groups for p in group['params']]``.

        >>> import shapewright as sw
        >>> len(sw.optim.Adam(sw.nn.Linear(2, 3)).parameters)
        2
        """
        return [slot.parameter for slot in self.slots]

    @property
    def lr(self) -> float:
        """The learning rate, which may be set at any time."""
        return self._lr.item()

    @lr.setter
    def lr(self, rate: float) -> None:
        self._lr.assign(full((), checked_lr(self._called, rate), dtype=f64, device=self._lr._device))


class Optimizer:
    """The base of all optimisers: `update` goes one step down the gradient. PyTorch: ``torch.optim.Optimizer``.

    >>> import shapewright as sw
    >>> w = sw.Parameter(sw.tensor([1.0, 2.0]))
    >>> sgd = sw.optim.SGD([w], lr=0.1)
    >>> sgd.update((w.trace() ** 2).sum().backward())
    >>> w
    Parameter[[2], f32] on cpu: [0.8 1.6]
    """

    groups: list[Group]
    # What a bare `weight_decay=0.01` means.
    _decay: type[L2 | Decoupled] = L2

    def __init__(self, params: Any, lr: float, settings: Settings) -> None:
        self._called = type(self).__name__
        self._defaults = settings
        self.groups = []
        described = groups_of(self._called, params)
        assigned = named(self._called, [parameters for parameters, _ in described])
        for (_, own), parameters in zip(described, assigned, strict=True):
            rate, group_settings = self._configured(lr, settings, own)
            slots = [
                Slot(name, parameter, self._new_state(parameter, group_settings)) for name, parameter in parameters
            ]
            self.groups.append(Group(self._called, slots, group_settings, rate))

    # ---- what each optimiser defines --------------------------------------------------------------------------------
    def _kept(self, settings: Any) -> dict[str, float]:
        """Name what is kept for each parameter, with the number it begins with; `step` counts the updates."""
        raise NotImplementedError

    def _step(
        self, x: Tensor, gradient: Tensor, lr: Tensor, state: Mapping[str, Tensor], settings: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Give a parameter's next value and state. `x`, `gradient` and the state have one shape and element type.

        `lr` is a scalar in f64, and so is what is computed from it before it meets `x` through `spread`.
        """
        raise NotImplementedError

    def _setting(self, name: str, value: Any) -> Any:
        """Give a setting of a group as it is kept: `weight_decay=0.01` says L2 or decoupled, as the optimiser does."""
        return decay(self._called, value, self._decay) if name == "weight_decay" else value

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing(type(self).__name__, name, OPTIMIZER, self)

    # ---- what users call --------------------------------------------------------------------------------------------
    def update(self, grads: Gradients, *, unused: Literal["error", "ignore"] = "error") -> None:
        """Go one step: assign every parameter its next value.

        If a gradient is missing or does not fit its parameter, nothing is assigned.

        Args:
            grads: what `loss.backward()` gave; gradients of other parameters are not looked at.
            unused: "ignore" leaves parameters without a gradient, and their state, as they are.

        Raises:
            UnusedParameterError: parameters have no gradient; it names all of them.
            DTypeError: the model was converted to another element type after the optimiser was made.
            DeviceError: the model was moved to another device after the optimiser was made.

        PyTorch: ``optimizer.step()``. dfdx: ``opt.update(&mut model, gradients)``.

        >>> import shapewright as sw
        >>> up, down = sw.Parameter(sw.ones((2,))), sw.Parameter(sw.ones((2,)))
        >>> adam = sw.optim.Adam([up, down])
        >>> adam.update(up.trace().sum().backward(), unused="ignore")
        >>> up.tolist() != [1.0, 1.0], down.tolist()
        (True, [1.0, 1.0])
        """
        if not isinstance(grads, Gradients):
            raise ArgumentError(
                f"{self._called}.update: takes gradients, not {type(grads).__name__}",
                hint="update(loss.backward())",
            )
        if unused not in ("error", "ignore"):
            raise ArgumentError(f'{self._called}.update: unused= is "error" or "ignore", not {unused!r}')
        with one_moment:
            for group, slot, gradient in self._matched(grads, unused):
                self._update_one(group, slot, gradient)

    def _matched(self, grads: Gradients, unused: str) -> list[tuple[Group, Slot, Tensor]]:
        """Find the gradient of each parameter, and check all before the first is used."""
        found = []
        missing = []
        for group in self.groups:
            for slot in group.slots:
                parameter = slot.parameter
                if parameter not in grads:
                    missing.append(slot)
                    continue
                gradient = grads[parameter]
                if gradient._spec is not slot.spec or parameter._spec is not slot.spec:
                    raise DTypeError(
                        f"{self._called}.update: {slot.name} was converted after the optimiser was made",
                        facts=[
                            ("made for", f"{list(slot.spec.sizes)} of {slot.spec.dtype.name}"),
                            ("parameter", describe_operand(parameter)),
                            ("gradient", describe_operand(gradient)),
                        ],
                        hint=f"model.to(...) first, then optim.{self._called}(model)",
                    )
                devices = {gradient._device, parameter._device, *[cell._device for cell in slot.state.values()]}
                if not can_meet(*devices):
                    raise DeviceError(
                        f"{self._called}.update: {slot.name} was moved after the optimiser was made",
                        facts=[("devices", ", ".join(sorted(repr(device) for device in devices)))],
                        hint=f"model.to(...) first, then optim.{self._called}(model)",
                    )
                found.append((group, slot, gradient))
        if missing and unused == "error":
            total = sum(len(group.slots) for group in self.groups)
            raise UnusedParameterError(
                f"{self._called}.update: {len(missing)} of {total} parameters have no gradient; nothing was updated",
                facts=[("no gradient", "\n".join(f"{s.name}: {describe_operand(s.parameter)}" for s in missing))],
                hint='a loss that depends on them through a traced value, or update(grads, unused="ignore")',
            )
        return found

    def _update_one(self, group: Group, slot: Slot, gradient: Any) -> None:
        settings = group.settings
        parameter: Any = slot.parameter
        # 16 bits are too few to sum small changes in: 0.999 times a number rounds to the number.
        computed = _computed_in(slot.spec.dtype)
        x = parameter._plain().to(computed)
        gradient = gradient._plain().to(computed)
        lr: Any = group._lr._plain().to(parameter._device)
        if settings.maximize:
            gradient = -gradient
        weight_decay = settings.weight_decay
        if isinstance(weight_decay, L2):
            gradient = gradient + x * weight_decay.rate
        elif weight_decay is not None:
            x = x * spread(1.0 - lr * weight_decay.rate, x)
        state = {kind: cell._plain() for kind, cell in slot.state.items()}
        x, state = self._step(x, gradient, lr, state, settings)
        for kind, value in state.items():
            slot.state[kind].assign(value)
        parameter.assign(x.to(slot.spec.dtype))

    @property
    def lr(self) -> float:
        """The learning rate of all groups, which may be set at any time.

        Raises (when read):
            ArgumentError: the groups have different ones.

        PyTorch: ``optimizer.param_groups[0]["lr"]``.

        >>> import shapewright as sw
        >>> adam = sw.optim.Adam([sw.Parameter(sw.ones((2,)))])
        >>> adam.lr = adam.lr / 10
        >>> adam.lr
        0.0001
        """
        rates = {group.lr for group in self.groups}
        if len(rates) > 1:
            raise ArgumentError(
                f"{self._called}.lr: the groups have different learning rates",
                facts=[(f"group {index}", f"{group.lr:g}") for index, group in enumerate(self.groups)],
                hint=f"{self._called.lower()}.groups[0].lr",
            )
        return rates.pop()

    @lr.setter
    def lr(self, rate: float) -> None:
        checked_lr(self._called, rate)
        for group in self.groups:
            group.lr = rate

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters of all groups."""
        return [parameter for group in self.groups for parameter in group.parameters]

    # ---- saving -----------------------------------------------------------------------------------------------------
    def cells(self) -> dict[str, Buffer[Any, Any]]:
        """Give every cell of the state by its name: `up.weight.exp_avg`, `groups.0.lr`.

        >>> import shapewright as sw
        >>> list(sw.optim.SGD([sw.Parameter(sw.ones((2,)))], momentum=0.9).cells())
        ['groups.0.lr', 'parameters.0.momentum_buffer']
        """
        cells: dict[str, Buffer[Any, Any]] = {}
        for index, group in enumerate(self.groups):
            cells[f"groups.{index}.lr"] = group._lr
            for slot in group.slots:
                cells.update({f"{slot.name}.{kind}": cell for kind, cell in slot.state.items()})
        return cells

    def state_dict(self) -> dict[str, Tensor[Any, Any]]:
        """Give the values of the whole state by name: what was kept for each parameter, and the learning rates.

        The kinds are PyTorch's (`exp_avg`, `momentum_buffer`, …); the other settings are not part of it.

        PyTorch: ``optimizer.state_dict()``.

        >>> import shapewright as sw
        >>> sw.optim.RMSprop([sw.Parameter(sw.ones((2,)))]).state_dict()
        {'groups.0.lr': Tensor[[], f64] on cpu: 0.01, 'parameters.0.square_avg': Tensor[[2], f32] on cpu: [0. 0.]}
        """
        return read_all(self.cells())

    def load_state_dict(self, state: Mapping[str, Tensor[Any, Any]]) -> None:
        """Go on from a state that `state_dict` gave; if anything does not fit, nothing is assigned.

        Raises:
            ShapeError: a shape is another one, or names are missing or surplus; all differences are listed.
            DTypeError: only element types differ.

        PyTorch: ``optimizer.load_state_dict(state)``.

        >>> import shapewright as sw
        >>> w = sw.Parameter(sw.ones((2,)))
        >>> first, second = sw.optim.Adam([w], lr=0.5), sw.optim.Adam([w])
        >>> second.load_state_dict(first.state_dict())
        >>> second.lr
        0.5
        """
        assign_all(self._called, self.cells(), state)

    def __repr__(self) -> str:
        parameters = self.parameters
        what = "1 parameter" if len(parameters) == 1 else f"{len(parameters)} parameters"
        elements = sum(parameter.size for parameter in parameters)
        if len(self.groups) > 1:
            return f"{self._called} of {what} in {len(self.groups)} groups, {elements:,} elements"
        group = self.groups[0]
        defaults = type(group.settings)()
        changed = [("lr", group.lr)] + [
            (field.name, value)
            for field in dataclasses.fields(group.settings)
            if (value := getattr(group.settings, field.name)) != getattr(defaults, field.name)
        ]
        return f"{self._called}({', '.join(f'{n}={v!r}' for n, v in changed)}) of {what}, {elements:,} elements"

    # ---- making -----------------------------------------------------------------------------------------------------
    def _configured(self, lr: float, settings: Settings, own: Mapping[str, Any]) -> tuple[float, Settings]:
        """Give the learning rate and the settings of a group: those of the optimiser, unless it has its own."""
        known = [field.name for field in dataclasses.fields(settings)]
        unknown = [name for name in own if name not in ("lr", *known)]
        if unknown:
            raise ArgumentError(
                f"{self._called}: a group has no setting {', '.join(repr(name) for name in unknown)}",
                facts=[("settings", ", ".join(("params", "lr", *known)))],
            )
        changed = {name: self._setting(name, value) for name, value in own.items() if name != "lr"}
        return own.get("lr", lr), dataclasses.replace(settings, **changed)

    def _new_state(self, parameter: Parameter, settings: Settings) -> dict[str, Buffer[Any, Any]]:
        state: dict[str, Buffer[Any, Any]] = {}
        device = parameter._device
        for kind, start in self._kept(settings).items():
            if kind == "step":
                state[kind] = Buffer(full((), 0, dtype=i64, device=device))
            else:
                dtype = _computed_in(parameter._spec.dtype)
                state[kind] = Buffer(full(parameter._spec.sizes, start, dtype=dtype, device=device))
        return state


# ---- for the optimisers ---------------------------------------------------------------------------------------------
def spread(scalar: Any, x: Any) -> Any:
    """Give a scalar in the element type and the shape of x."""
    return scalar.to(x._spec.dtype).broadcast_like(x)


def _computed_in(dtype: type[DType]) -> type[DType]:
    return f32 if dtype.itemsize == 2 else dtype
