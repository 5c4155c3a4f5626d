"""Published sets of foreign payloads, which lie beside a checkout and are not part of it.

Where they are missing, their tests are skipped; with `CI=true` they fail.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def payload_set(name: str) -> Path:
    """The folder of a set, whether it is there or not."""
    folders = [one / "shared/data" / name for one in Path(__file__).parents]
    return next((one for one in folders if one.is_dir()), folders[0])


def needs(name: str) -> pytest.MarkDecorator:
    """The mark of a test that reads a set."""
    is_missing = not payload_set(name).is_dir()
    return pytest.mark.skipif(
        is_missing and not os.environ.get("CI"), reason=f"needs shared/data/{name}"
    )
