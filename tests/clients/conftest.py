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
LOCKS = ("requirements.lock", "package-lock.json")


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Populated]:
    """A running service with data."""
    with populated(tmp_path_factory.mktemp("asked")) as made:
        yield made


@pytest.fixture(scope="session")
def outside() -> Path:
    """The environment of the generators (`make .venv-clients/installed`)."""
    missing = [] if _is_installed() else ["make .venv-clients/installed"]
    missing += [] if shutil.which("node") else ["Node 20"]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"needs {', '.join(missing)}")
    assert not missing
    return OUTSIDE


def _is_installed() -> bool:
    """Whether it is there, and as new as the packages that it is to have, as make sees it."""
    mark, locks = OUTSIDE / "installed", (Path(__file__).parent / name for name in LOCKS)
    return mark.is_file() and all(one.stat().st_mtime <= mark.stat().st_mtime for one in locks)
