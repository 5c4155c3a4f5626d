"""The operations of a store: every command but `ingest`, as rows of plain JSON values.

The command line calls these in its own process, on the embedded engine or on a ClickHouse server,
or through a running `c360 up` that holds the data directory; all ways give the same rows. Results
stream where they may be long.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from schemas.identifiers import (
    BlockedIdentifier,
    InvalidIdentifier,
    NodeId,
    as_uuid,
    node_id,
    normalise,
)
from schemas.incident import IncidentState
from schemas.profile import PROFILE_VERSION
from services.api.actions import ActionSink, action_record, only_one
from services.api.digest import state_digest
from services.api.read_store import ReadStore
from services.consistency.adapters.reader import LISTED_STATES, IncidentReader
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.explanation import Explanation
from services.identity.core.model import Kind
from services.ingest.adapters.audit import StoreAudit
from services.runtime.errors import NotFound
from services.store.migrations import migrate

Row = dict[str, Any]
BY_VALUE_SQL = """
SELECT issuer, node FROM node_values FINAL
WHERE realm = {realm:String} AND type = {type:String} AND value = {value:String} LIMIT 2
"""


class Operations:
    """The operations of one store. Readers only, but for `store_audit` with `fix` and
    `incidents_act`."""

    def __init__(self, store: ReadStore, act: ActionSink) -> None:
        """`act` makes durable what people do with incidents."""
        self._store = store
        self._act = act
        self._audit = StoreAudit(store.reading)
        self._graph = ClickHouseIdentityStore(store.reading)
        self._incidents = IncidentReader(
            store.reading, store.consistency_rules, self._known_persons
        )

    def _known_persons(self, realm: str, nodes: Collection[NodeId]) -> dict[NodeId, NodeId]:
        """Profiles of the nodes that belong to a person."""
        resolved = self._store.profiles.resolve(realm, list(nodes))
        return {node: held.profile for node, held in resolved.items() if held.kind == Kind.PERSON}

    def call(self, name: str, arguments: dict[str, Any]) -> Iterator[Row]:
        """Run an operation by name. Raises NotFound for an unknown one."""
        operation: Callable[..., Iterator[Row]] | None = OPERATIONS.get(name)
        if operation is None:
            raise NotFound(f"no such operation: {name}")
        return operation(self, **arguments)

    def profile_get(self, realm: str, handle: str = "", identifier: str = "") -> Iterator[Row]:
        """One profile, by any of its handles or by an identifier TYPE[@ISSUER]=VALUE."""
        yield self._profile(realm, self._node(realm, handle, identifier))

    def _profile(self, realm: str, node: NodeId) -> Row:
        try:
            plain: Row = self._store.profiles.profile(realm, node).model_dump(mode="json")
        except NotFound as error:
            raise NotFound(
                f"{error}. Check realm and spelling; 'c360 identity export' lists what is known."
            ) from error
        return plain

    def _check_realm(self, realm: str) -> None:
        if realm not in self._store.settings.realms:
            raise NotFound(f"realm {realm!r} is not configured (C360_REALMS)")

    def _node(self, realm: str, handle: str, identifier: str) -> NodeId:
        if not handle:
            return self._node_of(realm, identifier)
        try:
            return UUID(handle).int
        except ValueError as error:
            raise NotFound(f"{handle!r} is no profile or node id (a UUID)") from error

    def _node_of(self, realm: str, identifier: str) -> NodeId:
        self._check_realm(realm)
        head, _, value = identifier.partition("=")
        type_name, _, issuer = head.partition("@")
        region = self._store.settings.realms[realm].region
        try:
            normal = normalise(type_name, value, self._store.identity_rules, region)
        except BlockedIdentifier as error:
            raise NotFound(f"this {type_name} is a placeholder and names nobody") from error
        except InvalidIdentifier as error:
            raise NotFound(
                f"{type_name}: {error}. Write TYPE=VALUE or TYPE@ISSUER=VALUE."
            ) from error
        issued = self._store.identity_rules.by_name[type_name].issued
        if issuer or not issued:
            return node_id(self._store.settings.secret(), realm, type_name, issuer, normal)
        return self._by_value(realm, type_name, normal)

    def _by_value(self, realm: str, type_name: str, value: str) -> NodeId:
        parameters = {"realm": realm, "type": type_name, "value": value}
        rows = self._store.reading.rows(BY_VALUE_SQL, parameters)
        if len(rows) > 1:
            issuers = " or ".join(f"{type_name}@{issuer}=…" for issuer, _node in rows)
            raise NotFound(f"several issuers assigned this {type_name}; name one: {issuers}")
        if not rows:
            raise NotFound(f"no {type_name} with this value is known in realm {realm!r}")
        node: NodeId = rows[0][1].int
        return node

    def profile_list(self, realm: str) -> Iterator[Row]:
        """The scalars of every profile, from freshly refreshed totals."""
        for scalars in self._store.profiles.totals(realm, refresh=True).profiles:
            yield {"version": PROFILE_VERSION, **scalars.model_dump(mode="json")}

    def profile_timeline(
        self, realm: str, handle: str = "", identifier: str = "", limit: int = 50, cursor: str = ""
    ) -> Iterator[Row]:
        """Touchpoints of a profile, newest first; the last row holds the next cursor."""
        node = self._node(realm, handle, identifier)
        profile = UUID(self._profile(realm, node)["profile_id"]).int
        try:
            entries, following = self._store.profiles.timeline(realm, profile, limit, cursor)
        except ValueError as error:
            raise NotFound(f"no such page: {error}") from error
        for entry in entries:
            yield entry.model_dump(mode="json")
        if following:
            yield {"next_cursor": following}

    def identity_export(self, realm: str) -> Iterator[Row]:
        """Every identifier with its node id and the profile that holds it."""
        for one in self._store.profiles.identifiers(realm):
            yield {
                "realm": realm,
                "type": one.type,
                "issuer": one.issuer,
                "value": one.value,
                "node_id": str(as_uuid(one.node)),
                "profile_id": str(as_uuid(one.profile)),
                "shared": one.shared,
            }

    def identity_why(self, realm: str, a: str, b: str) -> Iterator[Row]:
        """Why two identifiers are, or are not, one profile."""
        first, second = (self._node(realm, "" if "=" in one else one, one) for one in (a, b))
        yield Explanation(self._graph, self._store.identity_rules, realm).explain(first, second)

    def incidents_list(self, realm: str, states: list[str] | None = None) -> Iterator[Row]:
        """Incidents with their exposure, the oldest first."""
        self._check_realm(realm)
        wanted = frozenset(map(IncidentState, states)) if states else LISTED_STATES
        for incident in self._incidents.listed(realm, wanted):
            yield incident.model_dump(mode="json")

    def incidents_show(self, realm: str, incident_id: str) -> Iterator[Row]:
        """One incident, by its id or an unambiguous beginning of it."""
        found = self._incidents.find(realm, incident_id)
        yield only_one(found, incident_id, realm).model_dump(mode="json")

    def incidents_act(
        self, realm: str, incident_id: str, action: str, by: str, reason: str, until: str = ""
    ) -> Iterator[Row]:
        """Acknowledge or mute an incident, or take it back; the record that does it."""
        self._check_realm(realm)
        incident = only_one(self._incidents.find(realm, incident_id), incident_id, realm)
        fields = {"action": action, "by": by, "reason": reason, "until": until or None}
        record = action_record(incident, datetime.now(UTC), **fields)
        self._act(record)
        yield record.model_dump(mode="json")

    def rejected_list(self, reason: str = "", limit: int = 100) -> Iterator[Row]:
        """Rejected lines without their content, the latest first."""
        for event in self._audit.rejected(reason, limit=limit):
            yield _plain(event.as_json(), without="raw")

    def rejected_counts(self) -> Iterator[Row]:
        """Rejected lines by reason."""
        for reason, count in self._audit.rejected_counts().items():
            yield {"reason": reason, "count": count}

    def rejected_show(self, reject_id: str) -> Iterator[Row]:
        """One rejected line, whole."""
        found = self._audit.rejected(id_prefix=reject_id, limit=2, with_raw=True)
        if len(found) != 1:
            problem = (
                "several rejected events begin with" if found else "there is no rejected event"
            )
            raise NotFound(f"{problem} {reject_id!r}")
        yield _plain(found[0].as_json())

    def rejected_lines(
        self,
        reason: str = "",
        since_ms: int = 0,
        ids: Sequence[str] = (),
        after: str = "",
        limit: int = 100,
    ) -> Iterator[Row]:
        """A page of rejected lines with their bytes, in the order of their ids."""
        for one in self._audit.raw_lines(reason, since_ms, ids, after, limit):
            yield one._asdict()

    def store_audit(self, fix: bool = False) -> Iterator[Row]:
        """Events stored under two anchors; `fix` keeps only the smallest node's row."""
        doubles = list(self._audit.double_anchors())
        if fix:
            self._audit.keep_one_anchor(doubles)
        for double in doubles:
            yield {**double._asdict(), "fixed": fix}

    def migrations_pending(self) -> Iterator[Row]:
        """Pending migrations; an open store has none."""
        for one in migrate(self._store.reading, dry_run=True):
            yield one._asdict()

    def state_digest(self) -> Iterator[Row]:
        """SHA-256 by section of the state."""
        for section, digest in state_digest(self._store.reading, self._store.profiles).items():
            yield {"section": section, "sha256": digest}


def _plain(row: Row, without: str = "") -> Row:
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name != without
    }


OPERATIONS: dict[str, Callable[..., Iterator[Row]]] = {
    name: value
    for name, value in vars(Operations).items()
    if callable(value) and not name.startswith("_") and name != "call"
}
