"""What an erasure keeps: objections, withdrawals and complaints, without the events that said so.

They hold for every identifier of the person, so that a new profile which has any of them may not
be addressed; those of others whose events go, for the identifier that they were made under.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from schemas.identifiers import WHOLE_PERSON, NodeId
from schemas.kept_objection import KeptObjection
from services.erasure.adapters.held import HeldPerson, HeldReader
from services.profiles.core.consent import KEPT_ACTIONS, OBJECTION
from services.store.database import Database
from services.store.kept_objections import kept_objections
from services.store.statements import statements_of

REFUSALS_SQL = statements_of(__file__)["refusals"]


class Keeping(NamedTuple):
    """What is to be written before the events of a person go."""

    objections: list[KeptObjection]
    """By node."""
    total: int
    """How many they are, whichever identifiers they hold for."""


def keeping_of(database: Database, person: HeldPerson, asked: dict[str, Any]) -> Keeping:
    """What the erasure of a person has to keep, with what former erasures have kept; `asked` are
    the parameters that find the events which go. Blocks; raises Retry or Fatal."""
    nodes = set(person.nodes)
    rows = database.rows(REFUSALS_SQL, {**asked, "actions": list(KEPT_ACTIONS)})
    said = [
        KeptObjection(node.int, action, purpose, channel, address.int, at)
        for node, action, purpose, channel, address, at in rows
    ]
    known = kept_objections(database, person.realm, nodes)
    former = [one for one in known if one.action in KEPT_ACTIONS]
    own = _latest(
        one._replace(node=WHOLE_PERSON)
        for one in (*former, *map(_reaching, said))
        if one.node in nodes
    )
    others = _latest(_reaching(one) for one in said if one.node not in nodes)
    spread = [one._replace(node=node) for one in own for node in sorted(nodes)]
    addresses = {one.address for one in (*own, *others)} - nodes - {WHOLE_PERSON}
    theirs = HeldReader(database).named_by_others(person.realm, person.nodes, addresses)
    by_address = [
        one._replace(node=one.address)
        for one in (*own, *others)
        if one.address in addresses - theirs
    ]
    return Keeping(_latest([*spread, *others, *by_address]), len(own) + len(others))


def _reaching(one: KeptObjection) -> KeptObjection:
    """An objection is against every address of whoever made it."""
    return one._replace(address=WHOLE_PERSON) if one.action == OBJECTION else one


def _latest(said: Iterable[KeptObjection]) -> list[KeptObjection]:
    """Of each that is repeated the latest; in a fixed order."""
    found: dict[tuple[NodeId, str, str, str, NodeId], KeptObjection] = {}
    for one in sorted(said, key=lambda one: one.occurred_at):
        found[one.node, one.action, one.purpose, one.channel, one.address] = one
    return sorted(found.values())
