"""The 46 mistakes that dfdx rejects when it compiles, each made here: what the editor says, and what the run time says.

The last line of each program is the mistake. `editor` tells whether Pyrefly reports it; `says` is the sentence of the
error when it runs. What is no mistake in this library, or cannot be one, has no sentence and runs. The table in
docs/parity.md is held to this one by `test_parity.py`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import shapewright as sw

ROOT = Path(__file__).parents[1]
BEGINNING = """from __future__ import annotations
import shapewright as sw
from shapewright import Int, IntVar, Tensor, nn, optim
zeros = sw.zeros
"""


@dataclass(frozen=True)
class Mistake:
    """One mistake: its number in dfdx's list, the program, the error and the heart of its text."""

    number: int
    what: str
    program: str
    error: type[Exception] | None = None
    says: str = ""
    editor: bool = True
    note: str = ""

    @property
    def row(self) -> str:
        """The row of the table in docs/parity.md."""
        code = SHOWN.get(self.number, self.program.splitlines()[-1].strip())
        report = f"`{self.error.__name__}`" if self.error else f"no mistake here: {self.note}"
        return f"| {self.number} | {self.what} | `{code}` | {'yes' if self.editor else 'no'} | {report} |"


# What the table shows where the last line alone would not say it.
SHOWN = {
    30: "loss.backward(); loss.backward()",
    31: "x.trace().trace()",
    32: "copy.copy(x.trace())",
    33: "x + y.trace()",
    34: "nn.mse(prediction, target.trace())",
    36: "dropout(x); dropout(x.trace())",
    37: "model(x.trace())",
    38: "x.relu() + x.exp()",
    39: "sgd.update(gradients); sgd.update(gradients)",
    45: "files.save(model, path)",
    46: "x.numpy()",
}

MISTAKES = [
    Mistake(
        1, "matmul inner sizes", "zeros((2, 3)) @ zeros((4, 5))",
        sw.ShapeError, r"matmul: the inner sizes differ[^\n]*\n  differ  3 \(axis 1 of a\) and 4 \(axis 0 of b\)",
    ),
    Mistake(
        2, "matmul batch sizes", "zeros((2, 3, 4)) @ zeros((5, 4, 6))",
        sw.ShapeError, r"matmul: the batch sizes differ",
    ),
    Mistake(
        3, "matmul of unsupported ranks", "zeros(()) @ zeros((2, 4, 5))",
        sw.ShapeError, r"matmul: a scalar has no axis to multiply along; write x \* scale",
    ),
    Mistake(
        4, "elementwise shapes", "zeros((3,)) + zeros((4,))",
        sw.ShapeError, r"add: the shapes differ: 3 and 4 on axis 0",
    ),
    Mistake(
        5, "silent broadcasting", "zeros((5, 1)) + zeros((1, 5))",
        sw.ShapeError, r"add: the shapes differ: 5 and 1 on axis 0, 1 and 5 on axis 1",
    ),
    Mistake(
        6, "broadcast to a shape that does not contain it", "zeros((4,)).broadcast((5, 3))",
        sw.ShapeError, r"broadcast: the smaller shape is not the larger one with whole axes left out"
        r"[^\n]*\n  because  4 is no axis of \[5, 3\]",
    ),
    Mistake(
        7, "wrong reduction target", "zeros((2, 3)).sum((7,))",
        sw.ShapeError, r"sum: the smaller shape is not the larger one with whole axes left out"
        r"[^\n]*\n  because  7 is no axis of \[2, 3\]",
    ),
    Mistake(
        8, "axis that does not exist", "zeros((2, 3)).sum(axis=2)",
        sw.ShapeError, r"sum: axis 2 does not exist: the axes of a tensor with 2 axes are from -2 to 1",
    ),
    Mistake(
        9, "softmax or normalize over a missing axis", "zeros((3,)).softmax(axis=1)",
        sw.ShapeError, r"softmax: axis 1 does not exist: the axes of a tensor with 1 axis are from -1 to 0",
    ),
    Mistake(
        10, "invalid permute target", "zeros((3, 5, 7)).permute((7, 5, 9))",
        sw.ShapeError, r"permute: the shape asked for is not the sizes of the tensor in another order",
    ),
    Mistake(
        11, "ambiguous permute, reduce or broadcast of equal sizes", "zeros((3, 3)).permute((3, 3))",
        sw.ShapeError, r"permute: ambiguous: sizes are equal, so the shape asked for does not say which axis",
    ),
    Mistake(
        12, "reshape to another element count", "zeros((2, 3)).reshape((7,))",
        sw.ShapeError, r"reshape: the shape asked for does not have \(provably\) the same number of elements[^\n]*\n"
        r"  elements  6 in x, 7 asked for",
    ),
    Mistake(
        13, "select with the wrong number of indices", "zeros((3, 5)).gather(sw.tensor([[0], [2]]), axis=1)",
        sw.ShapeError, r"gather: the index tensor has the sizes of the tensor in every axis but the one gathered along",
    ),
    Mistake(
        14, "ragged or mis-sized literal", "sw.tensor([[1.0, 2.0], [3.0]])",
        sw.ShapeError, r"tensor: the lists are ragged: all rows have one length",
    ),
    Mistake(
        15, "wrong number of labels", "nn.cross_entropy(zeros((5, 3)), sw.tensor([0, 1, 2, 1]))",
        sw.ShapeError, r"cross_entropy: Bs is \[5\] in input and \[4\] in target",
    ),
    Mistake(
        16, "layer fed the wrong width", "nn.Linear(10, 5)(zeros((4,)))",
        sw.ShapeError, r"Linear: axis 0 of x has size 4, and I = 10 is needed",
    ),
    Mistake(
        17, "neighbouring layers do not fit",
        "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(7, 2)); net(zeros((4,)))",
        sw.ShapeError, r"Sequential: layer 2 takes a last axis of size 7, and layer 0 gives 8",
    ),
    Mistake(
        18, "Residual that changes the shape", "nn.Residual(nn.Linear(5, 3))(zeros((5,)))",
        sw.ShapeError, r"Residual: [^\n]*shape",
    ),
    Mistake(
        19, "branches of GeneralizedResidual differ",
        "nn.GeneralizedResidual(nn.Linear(5, 2), nn.Linear(5, 3))(zeros((5,)))",
        sw.ShapeError, r"GeneralizedResidual: [^\n]*shape",
    ),
    Mistake(
        20, "Repeated with in ≠ out", "nn.Repeated(lambda: nn.Linear(5, 3), 4)(zeros((5,)))",
        sw.ShapeError, r"Repeated: layer 0 changes the shape, and a repeated layer keeps it",
    ),
    Mistake(
        21, "SplitInto heads with different inputs", "nn.SplitInto(nn.Linear(5, 2), nn.Linear(4, 2))(zeros((5,)))",
        sw.ShapeError, r"Linear: axis 0 of x has size 5, and I = 4 is needed",
    ),
    Mistake(
        22, "conv channels", "nn.Conv2d(3, 8, 3)(zeros((4, 28, 28)))",
        sw.ShapeError, r"Conv2d: axis 0 of x has size 4, and I = 3 is needed",
    ),
    Mistake(
        23, "kernel larger than the padded image", "nn.Conv2d(1, 1, 5)(zeros((2, 1, 3, 3)))",
        sw.ShapeError, r"the window is larger than",
    ),
    Mistake(
        24, "flatten → linear mismatch",
        "net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(100, 10)); net(zeros((2, 1, 28, 28)))",
        sw.ShapeError, r"Linear: axis 1 of x has size 2704, and I = 100 is needed",
    ),
    Mistake(
        25, "BatchNorm channels, LayerNorm size", "nn.BatchNorm2d(8)(zeros((4, 8, 8))); nn.LayerNorm(5)(zeros((2, 4)))",
        sw.ShapeError, r"BatchNorm2d: axis 0 of x has size 4, and C = 8 is needed",
    ),
    Mistake(
        26, "heads do not divide the model size", "nn.MultiheadAttention(10, 3)",
        sw.ShapeError, r"MultiheadAttention: [^\n]*divide",
    ),
    Mistake(
        27, "encoder and decoder width differ", "nn.Transformer(16, 4, 1, 1, 8)(zeros((2, 7, 16)), zeros((2, 5, 12)))",
        sw.ShapeError, r"Transformer: axis 2 of tgt has size 12, and D = 16 is needed",
    ),
    Mistake(
        28, "backward without tracing", "zeros(()).backward()",
        sw.TapeError, r"backward: nothing was traced, so there is no tape to go back through",
        editor=False,
    ),
    Mistake(
        29, "backward on a non-scalar", "zeros((3,)).trace().backward()",
        sw.ShapeError, r"backward: gradients are those of one number, a tensor of shape \[\]",
    ),
    Mistake(
        30, "backward twice",
        "loss = (zeros((3,)).trace() ** 2).sum()\nloss.backward()\nloss.backward()",
        sw.TapeError, r"backward: this tape was already used, and what it recorded has been released",
        editor=False,
    ),
    Mistake(
        31, "trace twice", "assert zeros((3,)).trace().trace().is_traced",
        editor=False, note="the value is traced already, and stays it",
    ),
    Mistake(
        32, "clone of a traced tensor",
        "import copy\nx = zeros((3,)).trace()\nassert (copy.copy(x) * x).sum().backward()[x].shape == (3,)",
        editor=False, note="a value never changes, so a copy of it is itself",
    ),
    Mistake(
        33, "untraced + traced (order)", "assert (zeros((3,)) + zeros((3,)).trace()).is_traced",
        editor=False, note="the order of operands never matters",
    ),
    Mistake(
        34, "gradient through the target",
        "model, y = nn.Linear(2, 2), zeros((3, 2))\n"
        "gradients = nn.mse(model(zeros((3, 2)).trace()), model(zeros((3, 2))).stop_gradient()).backward()\n"
        "assert len(gradients) == 3",
        editor=False, note="a target without a tape is a constant; one that is traced on purpose gets its gradient",
    ),
    Mistake(
        35, "loss shapes differ", "nn.mse(zeros((8, 1)), zeros((8,)))",
        sw.ShapeError, r"mse: S is \[8, 1\] in input and \[8\] in target",
    ),
    Mistake(
        36, "training forward in eval, or reverse",
        "drop, x = nn.Dropout(0.5), sw.ones((9,))\nassert (drop(x) == 1.0).all() and (drop(x.trace()) != 1.0).all()",
        editor=False, note="there is no mode that could be wrong; the input says which it is",
    ),
    Mistake(
        37, "training forward on a shared model",
        "model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))\nframe = model.copy()\nassert frame is not model",
        editor=False,
        note="not prevented; `model.copy()` is independent, and `x.trace(training=False)` records without training",
    ),
    Mistake(
        38, "reuse of a consumed tensor", "x = zeros((3,)).trace()\nassert (x.relu() + x.exp()).is_traced",
        editor=False, note="values are not consumed"
    ),
    Mistake(
        39, "gradients used for two updates",
        "w = sw.Parameter(sw.ones((2,)))\ngradients = w.trace().sum().backward()\nsgd = optim.SGD([w], lr=0.25)\n"
        "sgd.update(gradients)\nsgd.update(gradients)\nassert w.tolist() == [0.5, 0.5]",
        editor=False, note="gradients are values; a second update is a second step",
    ),
    Mistake(
        40, "optimiser of another model",
        "a, b = nn.Linear(2, 2), nn.Linear(2, 2)\nloss = nn.mse(b(zeros((3, 2)).trace()), zeros((3, 2)))\n"
        "optim.Adam(a).update(loss.backward())",
        sw.UnusedParameterError, r"Adam.update: 2 of 2 parameters have no gradient; nothing was updated\n"
        r"  no gradient  weight: Tensor\[\[2, 2\]\]",
        editor=False,
    ),
    Mistake(
        41, "ignored update result",
        "model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))\n"
        "loss = nn.mse(model[0](zeros((3, 2)).trace()), zeros((3, 2)))\n"
        "optim.SGD(model, lr=0.1).update(loss.backward())",
        sw.UnusedParameterError, r"no gradient  1.weight",
        editor=False,
    ),
    Mistake(
        42, "mixing devices", "zeros((3,)) + zeros((3,), device=sw.Reference())",
        sw.DeviceError, r"add: the operands are on different devices, Cpu\(\) and Reference\(\)",
        editor=False,
    ),
    Mistake(
        43, "mixing dtypes", "zeros((3,)) + zeros((3,), dtype=sw.f64)",
        sw.DTypeError, r"add: the element types f32 and f64 differ, and nothing is converted silently",
    ),
    Mistake(
        44, "arithmetic on bool; integer sqrt", "zeros((3,), dtype=sw.i32).sqrt()",
        sw.DTypeError, r"sqrt: this needs floating point elements, not i32",
    ),
    Mistake(
        45, "saving a module that has no SaveToNpz",
        "import io, tempfile, pathlib\n"
        "class Scale[D: IntVar](nn.Module):\n"
        "    def __init__(self, size: Int[D]) -> None:\n"
        "        self.factors = {'up': nn.Parameter(sw.ones((size,)))}\n"
        "    def __call__(self, x: Tensor[[D]]) -> Tensor[[D]]:\n"
        "        return x * self.factors['up']\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    sw.files.save(Scale(3), f'{folder}/m.npz')\n"
        "    assert list(sw.files.read(f'{folder}/m.npz')) == ['factors.up']",
        editor=False, note="every module can be saved; its parameters are found in its attributes",
    ),
    Mistake(
        46, "array() of a run-time shape", "n = int('2')\nassert zeros((n, 3)).numpy().shape == (2, 3)",
        editor=False, note="every size is known when it runs",
    ),
]  # fmt: skip

# More that one row of dfdx's list stands for.
FURTHER = [
    Mistake(11, "ambiguous reduce", "zeros((3, 3)).sum((3,))", sw.ShapeError, "sum: ambiguous: sizes are equal"),
    Mistake(11, "ambiguous broadcast", "zeros((3,)).broadcast((3, 3))", sw.ShapeError, "broadcast: ambiguous"),
    Mistake(
        24, "the same, unbatched", "nn.Linear(100, 10)(nn.Conv2d(1, 4, 3)(zeros((1, 28, 28))).reshape((2704,)))",
        sw.ShapeError, "axis 0 of x has size 2704, and I = 100 is needed",
    ),
    Mistake(
        25, "LayerNorm size", "nn.LayerNorm(5)(zeros((2, 4)))",
        sw.ShapeError, "LayerNorm: axis 1 of x has size 4, and D = 5 is needed",
    ),
    Mistake(
        44, "arithmetic on bool", "zeros((3,), dtype=sw.bool) + zeros((3,), dtype=sw.bool)",
        sw.DTypeError, "add: there is no arithmetic on bool\n(.|\n)*write  x & y, x | y, x ^ y, ~x, or x.to",
        editor=False,
    ),
]  # fmt: skip
ALL = [*MISTAKES, *FURTHER]


def program(mistake: Mistake) -> str:
    return BEGINNING + mistake.program + "\n"


def test_the_list_is_whole() -> None:
    assert [mistake.number for mistake in MISTAKES] == list(range(1, 47))


@pytest.mark.parametrize("mistake", ALL, ids=lambda mistake: f"{mistake.number} {mistake.what}")
def test_the_run_time(mistake: Mistake) -> None:
    code = compile(program(mistake), f"mistake {mistake.number}", "exec")
    if mistake.error is None:
        exec(code, {"__name__": "mistake"})
        return
    with pytest.raises(mistake.error) as caught:
        exec(code, {"__name__": "mistake"})
    assert re.search(mistake.says, str(caught.value)), str(caught.value)


def test_the_editor(tmp_path: Path) -> None:
    (tmp_path / "pyrefly.toml").write_text(
        f'preset = "default"\npython-version = "3.12"\nsearch-path = [{json.dumps(str(ROOT / "src"))}]\n'
    )
    for index, mistake in enumerate(ALL):
        (tmp_path / f"mistake{index:02}.py").write_text(program(mistake))
    run = subprocess.run(
        [sys.executable, "-m", "pyrefly", "check", "--python-interpreter-path", sys.executable, "--output-format=json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    found: dict[str, set[int]] = {}
    for error in json.loads(run.stdout)["errors"]:
        found.setdefault(Path(error["path"]).name, set()).add(error["line"])
    wrong = []
    for index, mistake in enumerate(ALL):
        last = {len(program(mistake).splitlines())} if mistake.editor else set()
        if found.get(f"mistake{index:02}.py", set()) != last:
            wrong.append((mistake.number, mistake.what))
    assert wrong == []
