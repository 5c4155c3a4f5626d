"""Asks the store for what core/plain.py says of a whole graph: one pass, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection
from secrets import randbits

from schemas.edge import Node
from schemas.identifiers import NodeId
from schemas.placement import ProfileKind
from services.identity.core.model import TypeTable
from services.identity.core.plain import passing_types, plain_terms
from services.identity.core.resolve import NEVER_SEEN_MS
from services.store.database import Database
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
CROWDED_SQL = _STATEMENTS["crowded"]
DOUBTFUL_SQL = _STATEMENTS["doubtful"]
KINDS = {kind: code for code, kind in enumerate(ProfileKind, 1)}
"""Numbers of the kinds of profiles; 0 is none."""


class PlainRows:
    """Implements this part of `services.identity.ports.VerificationSource`."""

    def __init__(self, database: Database, limit_s: int | None = None) -> None:
        """A statement that takes longer than `limit_s` raises Retry: whoever writes meanwhile
        reads in parts instead."""
        self._database = database
        self._limit = "" if limit_s is None else f", max_execution_time = {limit_s}"

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """See the port."""
        terms = plain_terms(table)
        asked = {
            "realm": realm,
            "few": table.few,
            "types": terms.types,
            "personal": terms.types[: terms.personal],
            "passing": sorted(passing_types(table)),
            "limits": terms.limits,
            "hub_above": terms.hub_above,
            "at_most": at_most,
        }
        rows = self._database.rows(CROWDED_SQL + self._limit, asked)
        return [Node(node.int, type_name, issuer) for node, type_name, issuer in rows]

    def doubtful(
        self,
        realm: str,
        table: TypeTable,
        isolated: Collection[NodeId],
        named: Collection[NodeId],
        at_most: int,
    ) -> set[NodeId]:
        """See the port."""
        terms = plain_terms(table)
        asked = {
            "realm": realm,
            "types": terms.types,
            "ranks": list(range(len(terms.types))),
            "leads": terms.leads,
            "persons": terms.personal,
            "unique": terms.unique,
            "counted": terms.counted,
            "identifiers_max": table.identifiers_max,
            "isolated": [f"{one:032x}" for one in isolated],
            "named": [f"{one:032x}" for one in named],
            "kinds": list(KINDS),
            "codes": list(KINDS.values()),
            "person": KINDS[ProfileKind.PERSON],
            "anonymous": KINDS[ProfileKind.ANONYMOUS],
            "never_ms": NEVER_SEEN_MS,
            "k0": randbits(64),
            "k1": randbits(64),
            "at_most": at_most,
        }
        rows = self._database.rows(DOUBTFUL_SQL + self._limit, asked)
        return {profile.int for (profile,) in rows}
