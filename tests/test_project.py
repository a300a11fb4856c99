"""What holds for the project as a whole: light imports, the order of the rooms, sizes and beginnings of files.

What it is not: a test of any function. Times are not measured here; `bench/` does that.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "shapewright"
MODULES = sorted(SOURCE.rglob("*.py"))
# From the lowest to the highest; rooms in one group may import each other.
ROOMS = [
    "shapes",
    "ops",
    "graph",
    "devices",
    "tape",
    "tensor",
    "nn",
    "optim",
    ("data", "files"),
    ("training", "checking"),
]
RANK = {room: rank for rank, group in enumerate(ROOMS) for room in ((group,) if isinstance(group, str) else group)}
# Heavy, optional, or (shape_extensions) hooking into other libraries when it is imported.
NOT_AT_IMPORT = "jax torch pyrefly matplotlib shape_extensions rich safetensors llvmlite onnx tensorboard".split()
PROGRAMS = [
    path for folder in ("src", "bench", "examples", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_import_is_light() -> None:
    program = "import sys, json, shapewright; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(NOT_AT_IMPORT) & set(json.loads(run.stdout))


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import that can run, also inside functions; those for type checkers alone are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for rest in node.orelse:
                yield from imports(ast.Module([rest], []))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            yield from imports(node)


def imported(module: tuple[str, ...], tree: ast.AST, is_package: bool = False) -> Iterator[tuple[str, int]]:
    """The full names that a module of ours imports, with their lines; `module` is its own name in parts."""
    for node in imports(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
            continue
        base: tuple[str, ...] = ()
        if node.level:
            base = module[: len(module) - node.level + is_package]
        if node.module:
            base = (*base, *node.module.split("."))
        for alias in node.names:
            yield ".".join((*base, alias.name)), node.lineno


def out_of_order(module: tuple[str, ...], tree: ast.AST, is_package: bool = False) -> list[str]:
    """What a module imports from rooms above its own, one text each."""
    found = []
    own = module[1] if len(module) > 1 else None
    if own not in RANK:
        return []
    for target, line in imported(module, tree, is_package):
        parts = target.split(".")
        # `_portable` is imported by a branch that only pyright takes.
        if parts[0] != "shapewright" or parts[1:2] == ["_portable"]:
            continue
        room = parts[1] if len(parts) > 1 else ""
        # A name of the package itself (`from shapewright import Tensor`) has every room under it.
        if RANK.get(room, len(ROOMS)) > RANK[own]:
            found.append(f"line {line}: {own} imports {target}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_nothing_lower_imports_anything_higher(path: Path) -> None:
    parts = ("shapewright", *path.relative_to(SOURCE).with_suffix("").parts)
    is_package = parts[-1] == "__init__"
    parts = parts[:-1] if is_package else parts
    assert out_of_order(parts, ast.parse(path.read_text("utf-8")), is_package) == []


def test_every_folder_is_a_room_of_the_design() -> None:
    # `_portable` holds declarations for pyright, and nothing that runs.
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__", "_portable"}
    assert folders <= set(RANK)


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("from ..shapes.errors import Error\nimport numpy", []),
        ("from . import core\nfrom .core import Op", []),
        ("from ..tensor import Tensor", ["line 1: ops imports shapewright.tensor.Tensor"]),
        ("def f():\n    import shapewright.nn.linear", ["line 2: ops imports shapewright.nn.linear"]),
        ("from shapewright import Tensor", ["line 1: ops imports shapewright.Tensor"]),
        ("import shapewright", ["line 1: ops imports shapewright"]),
        ("from .. import shapes, tape", ["line 1: ops imports shapewright.tape"]),
        ("if TYPE_CHECKING:\n    from ..tensor import Tensor", []),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    from .. import nn", ["line 4: ops imports shapewright.nn"]),
    ],
)
def test_the_test_of_the_order_sees(program: str, found: list[str]) -> None:
    assert out_of_order(("shapewright", "ops", "reductions"), ast.parse(program)) == found


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "the first lines of a file say what it is and is not"


@pytest.mark.parametrize("path", PROGRAMS, ids=name)
def test_no_file_is_too_long(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    if not any("generated by" in line.lower() for line in lines[:3]):
        assert len(lines) <= 500


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_annotations_are_not_evaluated(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    first = next((node for node in tree.body if isinstance(node, ast.ImportFrom)), None)
    only_docstring = len(tree.body) == 1
    assert only_docstring or (first is not None and first.module == "__future__")


def texts() -> Iterator[Path]:
    """The files of the repository that people read, without environments and caches."""
    for path in sorted(ROOT.iterdir()):
        if path.is_file() and path.name != ".git":
            yield path
    for folder in (".ci", "bench", "docs", "examples", "scripts", "src", "tests"):
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and path.suffix != ".pyc")


def test_no_text_names_a_machine() -> None:
    # In pieces, so that this file does not name them either.
    folders = "|".join(("tmp", "work", "root", "home", "farm", "Users", "opt"))
    hosts = "|".join(
        ("pyp" + r"i\.", "pythonh" + "osted", "registry" + r"\.npmjs", "deb" + r"\.debian", "download" + r"\.pytorch")
    )
    machine = re.compile(rf"(?<![\w./)}}-])/({folders})/|{hosts}")
    found = []
    for path in texts():
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{name(path)}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if machine.search(line)
        ]
    assert found == []


def test_the_type_checkers_see_a_typed_package() -> None:
    assert (SOURCE / "py.typed").is_file()


def test_every_dependency_has_both_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (text for group in groups for text in group):
        bounds = r"[\w-]+(>=[\w.]+,<[\w.]+|==[\w.]+)(; sys_platform != 'emscripten')?"
        assert re.fullmatch(bounds, requirement), requirement
