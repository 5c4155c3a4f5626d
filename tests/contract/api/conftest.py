"""The services that every test of the contract suite runs on, one of each for a whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.api.services import SERVICES, Service


@pytest.fixture(scope="session", params=list(SERVICES))
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A running service with an empty store; tests use events and identifiers of their own."""
    with SERVICES[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made
