"""The services that every test of the contract suite runs on, one of each for all files."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.api.services import Service, distributed, embedded


@pytest.fixture(scope="package")
def embedded_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`c360 up` with an empty store."""
    with embedded(tmp_path_factory.mktemp("embedded")) as made:
        yield made


@pytest.fixture(scope="package")
def distributed_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`c360 api` beside workers, with an empty store."""
    with distributed(tmp_path_factory.mktemp("distributed")) as made:
        yield made


@pytest.fixture(scope="module", params=["embedded", "distributed"])
def service(request: pytest.FixtureRequest) -> Service:
    """A running service; tests use events and identifiers of their own.

    Of a module, so that the next one gets the same service: with a parameter of its own, one
    service would have to end before the other begins, in every file.
    """
    found: Service = request.getfixturevalue(f"{request.param}_service")
    return found
