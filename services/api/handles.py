"""How requests name a customer: by a handle (UUID), or by an identifier TYPE[@ISSUER]=VALUE."""

from __future__ import annotations

from uuid import UUID

from schemas.identifiers import BlockedIdentifier, InvalidIdentifier, NodeId, node_id, normalise
from services.api.ports import Reads
from services.runtime.errors import NotFound


def require_realm(reads: Reads, realm: str) -> None:
    """Raises NotFound for a realm that is not configured."""
    if realm not in reads.realms:
        raise NotFound(f"realm {realm!r} is not configured (C360_REALMS)")


def node_of(reads: Reads, realm: str, handle: str, identifier: str) -> NodeId:
    """The node of a handle, or of an identifier if there is no handle. Raises NotFound."""
    if not handle:
        return _node_of_identifier(reads, realm, identifier)
    try:
        return UUID(handle).int
    except ValueError as error:
        raise NotFound(f"{handle!r} is no profile or node id (a UUID)") from error


def _node_of_identifier(reads: Reads, realm: str, identifier: str) -> NodeId:
    require_realm(reads, realm)
    head, _, value = identifier.partition("=")
    type_name, _, issuer = head.partition("@")
    try:
        normal = normalise(type_name, value, reads.identity_rules, reads.realms[realm].region)
    except BlockedIdentifier as error:
        raise NotFound(f"this {type_name} is a placeholder and names nobody") from error
    except InvalidIdentifier as error:
        raise NotFound(f"{type_name}: {error}. Write TYPE=VALUE or TYPE@ISSUER=VALUE.") from error
    if issuer or not reads.identity_rules.by_name[type_name].issued:
        return node_id(reads.secret(), realm, type_name, issuer, normal)
    return _issued_node(reads, realm, type_name, normal)


def _issued_node(reads: Reads, realm: str, type_name: str, value: str) -> NodeId:
    found = reads.issued(realm, type_name, value)
    if len(found) > 1:
        issuers = " or ".join(f"{type_name}@{issuer}=…" for issuer, _node in found)
        raise NotFound(f"several issuers assigned this {type_name}; name one: {issuers}")
    if not found:
        raise NotFound(f"no {type_name} with this value is known in realm {realm!r}")
    return found[0][1]
