"""docs/reference.md: every public name with its arguments, what it is, and PyTorch's spelling, all from the docstrings.

`python -m tests.test_reference` writes the page anew. What it is not: a check of what docstrings say
(`test_docstrings.py` runs their examples).
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shapewright as sw
from shapewright import data, files, nn, optim

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """# Every name, on one page

`help(sw.Tensor.sum)` shows the whole text of a name, with shapes, errors and an example. In the tables `x` is a
tensor. Where PyTorch has the same thing, its spelling stands at the right. What stands for nothing given is `...`.
Written from the docstrings by `python -m tests.test_reference`.
"""
# What people call on a model, an optimiser or a key; the other methods are Python's protocols or inherited.
CLASSES = {"nn.Module": nn.Module, "optim.Optimizer": optim.Optimizer, "sw.Gradients": sw.Gradients, "sw.Key": sw.Key}


def public(room: types.ModuleType) -> list[str]:
    own = [n for n, v in vars(room).items() if getattr(v, "__module__", "").startswith("shapewright.")]
    return sorted((n for n in own if not n.startswith("_")), key=str.lower)


def text_of(thing: Any) -> str:
    """Give the docstring that is the thing's own: a class without one is described where it is made."""
    text = inspect.getdoc(thing) or ""
    return text if not inspect.isclass(thing) or "__doc__" in vars(thing) else ""


def sentence(text: str) -> str:
    """Give the first sentence, without the paper that a method comes from."""
    paragraph = " ".join(text.split("\n\n")[0].split()).replace("``", "`")
    paragraph = re.sub(r" \([A-Z]\. [^)]*\b\d{4}[^)]*\)", "", paragraph)
    return re.split(r"(?<=[.!?])(?<![A-Z]\.)\s(?=[A-Z]|dfdx:)", paragraph)[0]


def elsewhere(text: str) -> str:
    """Give PyTorch's spelling, if the text has one."""
    found = re.search(r"PyTorch: (``.+?``)", " ".join(text.split()))
    return found[1].replace("``", "`").replace("|", "\\|") if found else ""


def arguments(thing: Callable[..., Any], *, is_method: bool) -> str:
    """Give the arguments of a function as one writes them, without types."""
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return "()"
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    written = str(signature.replace(parameters=parameters[int(is_method) :], return_annotation=signature.empty))
    # What stands for "nothing given".
    return re.sub(r"=(Ellipsis|<object object at \w+>|<no default>)", "=...", written)


def row(called: str, thing: Any) -> str:
    text = text_of(thing)
    spelling = " ".join(called.split()).replace("|", "\\|")
    return f"| `{spelling}` | {sentence(text).replace('|', chr(92) + '|')} | {elsewhere(text)} |"


def members(owner: type, begins: str) -> Iterator[str]:
    for name in sorted((n for n in dir(owner) if not n.startswith("_")), key=str.lower):
        thing = inspect.getattr_static(owner, name)
        if isinstance(thing, property):
            yield row(f"{begins}.{name}", thing)
        elif isinstance(thing, types.FunctionType):
            yield row(f"{begins}.{name}{arguments(thing, is_method=True)}", thing)


def functions(room: types.ModuleType, begins: str, kinds: Callable[[Any], bool]) -> Iterator[str]:
    for name in public(room):
        thing = getattr(room, name)
        if kinds(thing):
            yield row(f"{begins}.{name}{arguments(thing, is_method=False)}", thing)


def classes(room: types.ModuleType, begins: str) -> Iterator[str]:
    for name in public(room):
        thing = getattr(room, name)
        if inspect.isclass(thing):
            is_called = not issubclass(thing, BaseException | sw.DType | sw.Tensor) and "_is_protocol" not in vars(
                thing
            )
            shown = arguments(thing, is_method=False).replace("(*args, **kwargs)", "()") if is_called else ""
            yield row(f"{begins}.{name}{shown}", thing)


def table(title: str, rows: Iterator[str]) -> str:
    return "\n".join([f"\n## {title}\n", "| here | what it is | PyTorch |", "| --- | --- | --- |", *rows]) + "\n"


def page() -> str:
    parts = [HEAD, table("Tensors", members(sw.Tensor, "x"))]
    parts += [
        table("Functions", functions(sw, "sw", inspect.isfunction)),
        table("Classes, types, errors", classes(sw, "sw")),
    ]
    for begins, room in (("nn", nn), ("optim", optim), ("data", data), ("files", files)):
        title = {"nn": "Layers and losses", "optim": "Optimisers", "data": "Data", "files": "Files"}[begins]
        parts.append(table(title, iter([*classes(room, begins), *functions(room, begins, inspect.isfunction)])))
    parts += [
        table(f"Of `{called}`", members(owner, called.split(".")[-1].lower())) for called, owner in CLASSES.items()
    ]
    return "".join(parts)


def test_the_page_is_what_the_docstrings_say() -> None:
    assert PAGE.read_text("utf-8") == page(), "python -m tests.test_reference writes it anew"


@pytest.mark.parametrize("line", [line for line in page().splitlines() if line.startswith("| `")])
def test_every_public_name_says_what_it_is(line: str) -> None:
    name, what, _ = re.split(r"(?<!\\)\|", line)[1:4]
    assert what.strip().endswith((".", ":")), f"{name.strip()} has no docstring that begins with a sentence"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
