"""Customers of the contract suite: each test makes its own, so that none sees another's."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from schemas.identifiers import node_id
from tests.contract.api.services import REALM
from tests.e2e.runs import SECRET
from tests.events import event, identifier


class Person(NamedTuple):
    """A customer with an address and a card that nobody else has."""

    email: str
    card: str

    @property
    def identifiers(self) -> list[dict[str, Any]]:
        """Both, verified, so that they are one profile."""
        return [
            identifier("email", self.email, verified=True),
            identifier("loyalty_card", self.card, issuer="club", verified=True),
        ]

    def id(self, realm: str = REALM) -> str:
        """An id that always resolves: the node of the address."""
        return str(uuid.UUID(int=node_id(SECRET.encode(), realm, "email", "", self.email)))

    def did(self, type_: str, at: str = "2026-11-20T10:00:00Z", **more: Any) -> dict[str, Any]:
        """An event of the customer; `body` and other fields may be given."""
        named = f"{type_}-{uuid.uuid4().hex}"
        usual = {"event_id": named, "occurred_at": at, "identifiers": self.identifiers}
        return event(type_, **{**usual, **more})


def somebody() -> Person:
    """A customer nobody has heard of."""
    name = uuid.uuid4().hex
    return Person(f"{name}@example.org", name)
