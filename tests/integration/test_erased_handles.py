"""An erased customer is told apart from an unknown one, in every list of a customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from services.api.actions import kafka_sink
from services.api.handles import ERASED, UNKNOWN
from services.api.http.problems import problem_of
from services.api.operations import OPERATIONS
from services.api.read_store import access_to
from services.runtime.errors import NotFound
from services.runtime.settings import load_settings
from services.store.database import Database
from tests.profile_store import REALM, SECRET, at, node

pytestmark = pytest.mark.any_store
LISTS = (
    "profile_timeline",
    "profile_orders",
    "profile_consents",
    "profile_identity",
    "insights_profile",
)


@pytest.mark.parametrize("name", LISTS)
def test_erased_and_unknown(database: Database, name: str) -> None:
    """410 and 404, by the reason of the error."""
    gone, nobody = node("email", "gone@example.org"), node("email", "nobody@example.org")
    database.insert_rows("erasures", ("realm", "node", "erased_at"), [(REALM, gone, at(0))])
    settings = load_settings(identity_secret=SECRET.decode())
    access = access_to(settings, database, kafka_sink(settings))
    make: Callable[..., Any] = OPERATIONS[name].request
    for handle, reason, status in ((gone, ERASED, 410), (nobody, UNKNOWN, 404)):
        asked = make(realm=REALM, handle=str(UUID(int=handle)))
        with pytest.raises(NotFound) as raised:
            next(OPERATIONS[name].run(access, asked))
        assert raised.value.reason == reason
        assert problem_of(raised.value).status == status
