"""What every test gets: the same default random stream, whatever ran before it in the same worker."""

from __future__ import annotations

import hypothesis
import pytest

import shapewright

# A failing example is printed as code; the same examples on every run, so that a failure is seen again by the next.
hypothesis.settings.register_profile("project", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def default_key() -> None:
    """Tests that draw without a key of their own see the stream from its beginning."""
    shapewright.seed(0)
