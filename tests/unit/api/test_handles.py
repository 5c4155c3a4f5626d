"""How a command names a customer: what is typed becomes a node, or an answer to whoever typed."""

from __future__ import annotations

from typing import cast

import pytest

from schemas.identifiers import NodeId, node_id
from schemas.rules.identity import identity_rules
from services.api.handles import node_named
from services.api.ports import Reads
from services.runtime.errors import NotFound
from services.runtime.settings import RealmSettings
from tests.events import SECRET


class Known:
    """Reads of a store that knows one customer number."""

    def __init__(self) -> None:
        self.identity_rules = identity_rules()
        self.realms = {"default": RealmSettings()}

    def secret(self) -> bytes:
        """See the port."""
        return SECRET

    def issued(self, realm: str, type_name: str, value: str) -> list[tuple[str, NodeId]]:
        """See the port."""
        if (type_name, value) == ("customer_number", "1001"):
            return [("shop", node_id(SECRET, realm, type_name, "shop", value))]
        return []


READS = cast(Reads, Known())


def test_a_bare_number() -> None:
    """It is looked up under every type."""
    expected = node_id(SECRET, "default", "customer_number", "shop", "1001")
    assert node_named(READS, "default", "1001") == expected
    with pytest.raises(NotFound, match="nobody is known by '1002'"):
        node_named(READS, "default", "1002")


@pytest.mark.parametrize("text", ["guest", "(null)", "0", "#N/A", "-", "unbekannt", "0" * 5000])
def test_a_placeholder_names_nobody(text: str) -> None:
    """And the answer says so, whether or not the type is given."""
    for named in (text, f"customer_number={text}", f"loyalty_card@shop={text}"):
        with pytest.raises(NotFound, match="placeholder"):
            node_named(READS, "default", named)


@pytest.mark.parametrize("text", ["email=", "@", "no_such_type=1", "=", "phone=abc", "x" * 600])
def test_what_names_nobody(text: str) -> None:
    """Whatever is typed, the answer is 'not found'."""
    with pytest.raises(NotFound):
        node_named(READS, "default", text)
