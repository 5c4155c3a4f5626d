"""How requests name a customer: by a handle (UUID), an identifier TYPE[@ISSUER]=VALUE, or a bare
value, whose form says what it is: an e-mail address, a phone number, otherwise any other number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from uuid import UUID

from schemas.api.profiles import GivenIdentifier
from schemas.identifiers import BlockedIdentifier, InvalidIdentifier, NodeId, node_id, normalise
from schemas.touchpoint import EVENT_TYPES
from services.api.ports import Reads
from services.profiles.ports import Resolved
from services.runtime.errors import InvalidInput, NotFound

UNKNOWN = "unknown_profile"
"""Reason of a NotFound: nobody is known by this handle or identifier."""
ERASED = "erased_profile"
"""Reason of a NotFound: the profile was erased on request."""
PHONE = re.compile(r"^[+0(][\d ()/.-]{5,}$")
TYPED = re.compile(r"^[a-z][a-z0-9_]*(@[^=@]*)?=")


def require_realm(reads: Reads, realm: str) -> None:
    """Raises NotFound for a realm that is not configured."""
    if realm not in reads.realms:
        known = ", ".join(reads.realms)
        raise NotFound(f"realm {realm!r} is not configured; C360_REALMS lists: {known}")


def node_of(reads: Reads, realm: str, handle: str, identifier: str) -> NodeId:
    """The node of a handle, or of an identifier if there is no handle. Raises NotFound."""
    if not handle:
        return _node_of_identifier(reads, realm, identifier)
    try:
        return UUID(handle).int
    except ValueError as error:
        raise NotFound(f"{handle!r} is no profile or node id (a UUID)") from error


def held_by(reads: Reads, realm: str, who: str, handle: str, identifier: str) -> Resolved:
    """The profile that holds what one of the three names now. Raises NotFound."""
    require_realm(reads, realm)
    named = who or handle or identifier
    node = node_named(reads, realm, who) if who else node_of(reads, realm, handle, identifier)
    found = reads.profiles.resolve(realm, [node]).get(node)
    if found is None and reads.profiles.erased(realm, [node]):
        raise NotFound(f"{named!r} was erased on request in realm {realm!r}", reason=ERASED)
    if found is None:
        raise NotFound(f"nobody is known by {named!r} in realm {realm!r}", reason=UNKNOWN)
    return found


def require_event_type(name: str) -> None:
    """Raises InvalidInput for a type that no event can have: nothing found would look like none."""
    if name not in EVENT_TYPES:
        near = get_close_matches(name, EVENT_TYPES, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidInput(f"no event type {name!r}{hint}")


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


def nodes_given(
    reads: Reads, realm: str, given: Sequence[GivenIdentifier]
) -> Iterator[list[NodeId]]:
    """The nodes that each identifier may be: none for a placeholder, several where issuers share
    a number and none is named. Raises InvalidInput, without the value."""
    rules, region = reads.identity_rules, reads.realms[realm].region
    for index, one in enumerate(given):
        kind = rules.by_name.get(one.type)
        if kind is None:
            raise InvalidInput(f"identifiers.{index}.type: it is none of the identity rules")
        try:
            value = normalise(one.type, one.value, rules, region)
        except BlockedIdentifier:
            yield []
        except InvalidIdentifier as error:
            raise InvalidInput(f"identifiers.{index}.value: it is no valid {kind.name}") from error
        else:
            if one.issuer or not kind.issued:
                yield [node_id(reads.secret(), realm, kind.name, one.issuer, value)]
            else:
                yield [node for _issuer, node in reads.issued(realm, kind.name, value)]


def _issued_node(reads: Reads, realm: str, type_name: str, value: str) -> NodeId:
    found = reads.issued(realm, type_name, value)
    if len(found) > 1:
        issuers = " or ".join(f"{type_name}@{issuer}=…" for issuer, _node in found)
        raise NotFound(f"several issuers assigned this {type_name}; name one: {issuers}")
    if not found:
        unknown = f"no {type_name} with this value is known in realm {realm!r}"
        raise NotFound(unknown, reason=UNKNOWN)
    return found[0][1]


def node_named(reads: Reads, realm: str, text: str) -> NodeId:
    """The node that a bare value, a handle or TYPE[@ISSUER]=VALUE names. Raises NotFound."""
    if TYPED.match(text):
        return _node_of_identifier(reads, realm, text)
    try:
        return UUID(text).int
    except ValueError:
        require_realm(reads, realm)
    if "@" in text:
        return _node_of_identifier(reads, realm, f"email={text}")
    found = _known_as(reads, realm, text)
    if found is None:
        raise NotFound(f"{text!r} is a placeholder and names nobody")
    if len(found) > 1:
        meant = " or ".join(f"{head}={text}" for head, _node in found)
        raise NotFound(f"{text!r} names several; write {meant}")
    if not found:
        raise NotFound(f"nobody is known by {text!r} in realm {realm!r}", reason=UNKNOWN)
    return found[0][1]


def _known_as(reads: Reads, realm: str, text: str) -> list[tuple[str, NodeId]] | None:
    """Every stored identifier with this value: `TYPE@ISSUER` and its node; None for a text that is
    a placeholder for every type."""
    found, is_blocked = list[tuple[str, NodeId]](), True
    for name, kind in reads.identity_rules.by_name.items():
        if name == "email" or (name == "phone" and not PHONE.match(text)):
            continue
        try:
            value = normalise(name, text, reads.identity_rules, reads.realms[realm].region)
        except BlockedIdentifier:
            continue
        except InvalidIdentifier:
            is_blocked = False
            continue
        is_blocked = False
        for issuer, node in reads.issued(realm, name, value):
            found.append((f"{name}@{issuer}" if kind.issued else name, node))
    return None if is_blocked else found
