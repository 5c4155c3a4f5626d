"""What tests of clients share: a service with data, and the generators of other clients."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.api.populated import Populated, populated

ROOT = Path(__file__).parents[2]
OUTSIDE = ROOT / ".venv-clients"


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Populated]:
    """A running service with data."""
    with populated(tmp_path_factory.mktemp("asked")) as made:
        yield made


@pytest.fixture(scope="session")
def outside() -> Path:
    """The environment of the generators (`make .venv-clients/installed`)."""
    missing = [] if (OUTSIDE / "installed").is_file() else ["make .venv-clients/installed"]
    missing += [] if shutil.which("node") else ["Node 20"]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"needs {', '.join(missing)}")
    assert not missing
    return OUTSIDE
