"""How tests look at a refusal: the whole text of the error. What it is not: a test."""

from __future__ import annotations

from typing import Any

import pytest

import shapewright as sw


def refusal(kind: type[Exception], call: Any) -> str:
    """Call what must be refused with an error of ours and of this kind, and give its text."""
    with pytest.raises(kind) as caught:
        call()
    assert isinstance(caught.value, sw.Error)
    return str(caught.value)
