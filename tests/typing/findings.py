"""Judges what the checkers report: which bugs were found, what was reported beside them, and what is known to be missed.

What it is not: the running of checkers (`checkers.py`).
"""

from __future__ import annotations

import ast
import importlib
import re
from dataclasses import dataclass
from pathlib import Path

from tests.typing import checkers, programs

SOURCE = checkers.SOURCE / "shapewright"
ROOMS = ("", "nn", "optim", "data", "files")

# Every family of operations, layer, loss, loader and optimiser, by what a line that uses it looks like.
FAMILIES = {
    "reductions": r"\.(sum|mean|max|min|prod|var|std|logsumexp|any|all|argmax|argmin)\(",
    "along an axis": r"\.(softmax|log_softmax|normalize|cumsum)\(",
    "broadcast": r"\.(broadcast|broadcast_like|spread)\(",
    "permute": r"\.permute\(",
    "reshape": r"\.(reshape|flatten|squeeze|unsqueeze)\(",
    "flip, roll, pad, tril": r"\.(flip|roll|pad|tril|triu)\(",
    "index": r"\w\[[^\]]*\]",
    "slice": r"\.(slice|select|split)\(",
    "gather": r"\.(gather|take|scatter_add|one_hot)\(",
    "sort": r"\.(sort|argsort|topk)\(",
    "join": r"\b(concat|stack)\(",
    "where": r"\b(where|maximum|minimum)\(",
    "matmul": r" @ |\.matmul\(",
    "einsum": r"\b(einsum|rearrange|outer)\(",
    "arithmetic": r" [-+*/] ",
    "comparison and logic": r" (<|==|>|&|\|) |~",
    "creation": r"\bsw\.(tensor|full|eye|arange|linspace|randint|rand|randn|ones)\(",
    "dtypes": r"(\bsw\.(f64|f16|bf16|i64|i32|u8|bool)\b|\.to\()",
    "gradients": r"\b(grads|gradients|backward|grad\()",
    "parameters": r"\b(Parameter|assign)\(",
    **{
        layer: rf"\b{layer}[\[(]"
        for layer in (
            "Linear Embedding Conv2d MaxPool2d AvgPool2d MinPool2d AvgPoolGlobal MaxPoolGlobal BatchNorm2d LayerNorm "
            "Dropout Flatten Sequential Residual GeneralizedResidual AddInto SplitInto Repeated MultiheadAttention "
            "TransformerEncoderLayer TransformerDecoderLayer TransformerEncoder TransformerDecoder Transformer"
        ).split()
    },
    ">>": r" >> ",
    "activations": r"\bnn\.(ReLU|GELU|Sigmoid|Tanh|Softmax|LeakyReLU|ELU|SiLU|Softplus|LogSoftmax|Identity)\(",
    **{
        loss: rf"\b{loss}\("
        for loss in "mse mae rmse huber smooth_l1 cross_entropy nll binary_cross_entropy_with_logits kl_div".split()
    },
    **{optimiser: rf"\b{optimiser}\(" for optimiser in ("SGD", "Adam", "AdamW", "RMSprop")},
    "Batches": r"\bBatches\(",
    "split of data": r"\bdata\.split\(",
    "mnist": r"\b(train|test)\.(images|labels)",
}


def missed(path: Path, answer: checkers.Answer) -> list[programs.Bug]:
    """The bugs of a program that a checker did not report."""
    lines = {error.line for error in answer.of(path)}
    return [bug for bug in programs.bugs(path) if not lines & set(range(bug.first, bug.last + 1))]


def beside(path: Path, answer: checkers.Answer) -> list[checkers.Found]:
    """What a checker reports on lines without a bug."""
    wrong = {line for bug in programs.bugs(path) for line in range(bug.first, bug.last + 1)}
    return [error for error in answer.of(path) if error.line not in wrong]


def bugs_by_family() -> dict[str, int]:
    """How many lines with a bug use each family."""
    lines = [bug.text for path in programs.FAIL for bug in programs.bugs(path)]
    return {family: sum(bool(re.search(use, line)) for line in lines) for family, use in FAMILIES.items()}


def missed_with_reasons() -> dict[str, str]:
    """The bugs that Pyrefly is known to miss, with the reasons: pairs of lines in `missed.txt`."""
    lines = (programs.FOLDER / "missed.txt").read_text("utf-8").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    return {bug: reason.strip() for bug, reason in zip(lines[::2], lines[1::2], strict=True)}


@dataclass(frozen=True)
class Ignored:
    """An ignore comment in the library."""

    place: str
    code: str
    reason: str


def ignore_comments() -> list[Ignored]:
    """Every comment in the library that silences a checker."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for line, comment in programs.comments(path.read_text("utf-8")):
            for mark in re.finditer(
                r"#\s*(pyrefly|type|pyright|mypy|ty):\s*ignore(\[(?P<code>[\w, -]+)\])?(?P<rest>.*)", comment
            ):
                reason = mark["rest"].partition("#")[2].strip()
                found.append(Ignored(f"{path.relative_to(SOURCE)}:{line}", mark["code"] or "", reason))
    return found


# ---- the names that each checker is shown ------------------------------------------------------------------------------
def public(room: str) -> set[str]:
    """The names that a room exports when it runs."""
    path = SOURCE / room / "__init__.py"
    imported = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name for node in imported for alias in node.names}
    module = importlib.import_module(f"shapewright.{room}".rstrip("."))
    # Rooms are modules for every checker.
    return {n for n in names if hasattr(module, n)} - {"Any", "Final", "TYPE_CHECKING", "annotations", "*", *ROOMS}


def declared(room: str) -> set[str]:
    """The names that pyright is shown of a room."""
    path = SOURCE / "_portable" / f"{room or '__init__'}.pyi"
    names: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign | ast.TypeAlias):
            target = node.target if isinstance(node, ast.AnnAssign) else node.name
            names |= {target.id} if isinstance(target, ast.Name) else set()
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names if alias.asname == alias.name}
    return {n for n in names if not n.startswith("_")}
