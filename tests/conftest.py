"""What every test gets: the same default random stream, whatever ran before it in the same worker."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

import shapewright
from tests import compiled

# A failing example is printed as code; the same examples on every run, so that a failure is seen again by the next.
hypothesis.settings.register_profile("project", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def default_key() -> None:
    """Tests that draw without a key of their own see the stream from its beginning."""
    shapewright.seed(0)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--compiled", action="store_true", help="run everything that computes through sw.compile")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--compiled"):
        left_out = [item for item in items if item.get_closest_marker("eager")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("eager")]


@pytest.fixture(autouse=True)
def through_compile(request: pytest.FixtureRequest) -> Iterator[None]:
    """Under `--compiled`, the operations of a test are one program of the engine; see `tests/compiled.py`."""
    if not request.config.getoption("--compiled"):
        yield
        return
    with compiled.compiled():
        yield
