"""Where personal data stands: every table, how the rows of a person are found in it, and what
becomes of them.

An export reads and an erasure deletes by this one list. A test compares it with the tables that the
store has, so that a new one has to be entered here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class FoundBy(StrEnum):
    """How the rows of a person are found in a table."""

    NODE = "node"
    """By one of the person's node ids."""
    EVENT = "event"
    """By its anchor's node id, or by the id of an event that names the person."""
    EVENT_ID = "event_id"
    """By the id of an event that names the person: it has no anchor."""
    CHANGE = "change"
    """By one of the person's node ids; that the person left by an erasure stays."""
    PAIR = "pair"
    """By the node id at either end."""
    SUGGESTION = "suggestion"
    """By one of the two profile ids of a suggestion."""
    CUSTOMER = "customer"
    """By a node id that is its subject."""
    TEXT = "text"
    """By an identifier, an address or an event id that its text contains."""
    READER = "reader"
    """By a profile id among those that were read."""


class PersonalTable(NamedTuple):
    """A table that holds personal data."""

    found_by: FoundBy
    section: str = ""
    """Its name in an export; empty if another section says all of it."""
    is_erased: bool = True
    """Whether an erasure deletes these rows."""


PLACES: dict[str, PersonalTable] = {
    "node_values": PersonalTable(FoundBy.NODE, "identifiers"),
    "touchpoints": PersonalTable(FoundBy.EVENT, "events"),
    "observations": PersonalTable(FoundBy.EVENT, "attributes"),
    "consents": PersonalTable(FoundBy.EVENT, "consents"),
    "orders": PersonalTable(FoundBy.EVENT, "orders"),
    "surveys": PersonalTable(FoundBy.EVENT, "surveys"),
    "offers": PersonalTable(FoundBy.EVENT, "prices"),
    "claims": PersonalTable(FoundBy.EVENT, "claims"),
    "group_facts": PersonalTable(FoundBy.EVENT, "accounts_and_households"),
    "group_keys": PersonalTable(FoundBy.EVENT),
    "identifiers": PersonalTable(FoundBy.EVENT),
    "interactions": PersonalTable(FoundBy.EVENT),
    "event_ids": PersonalTable(FoundBy.EVENT),
    "order_keys": PersonalTable(FoundBy.EVENT),
    "price_claims": PersonalTable(FoundBy.EVENT),
    "statements": PersonalTable(FoundBy.EVENT),
    "former_books": PersonalTable(FoundBy.EVENT),
    "cancelled_orders": PersonalTable(FoundBy.EVENT),
    "cancelled_claims": PersonalTable(FoundBy.EVENT),
    "edition_offers": PersonalTable(FoundBy.EVENT_ID),
    "completed_editions": PersonalTable(FoundBy.EVENT_ID),
    "id_conflicts": PersonalTable(FoundBy.EVENT, "other_bodies"),
    "map": PersonalTable(FoundBy.NODE, "profile_map"),
    "members": PersonalTable(FoundBy.NODE),
    "edges": PersonalTable(FoundBy.PAIR, "identity_edges"),
    "edges_reversed": PersonalTable(FoundBy.PAIR),
    "refusals": PersonalTable(FoundBy.PAIR, "identity_refusals"),
    "decisions": PersonalTable(FoundBy.PAIR, "identity_decisions"),
    "suggestions": PersonalTable(FoundBy.SUGGESTION, "match_suggestions"),
    "marks": PersonalTable(FoundBy.NODE),
    "memberships": PersonalTable(FoundBy.NODE, "segments"),
    "segment_changes": PersonalTable(FoundBy.CHANGE, "segment_changes"),
    "segment_timers": PersonalTable(FoundBy.NODE),
    "segment_marks": PersonalTable(FoundBy.NODE),
    "incident_states": PersonalTable(FoundBy.CUSTOMER, "incidents"),
    "incident_actions": PersonalTable(FoundBy.CUSTOMER, "incident_actions"),
    "timers": PersonalTable(FoundBy.CUSTOMER),
    "rejected": PersonalTable(FoundBy.TEXT, "rejected_events"),
    "idempotency": PersonalTable(FoundBy.TEXT),
    "kept_objections": PersonalTable(FoundBy.NODE, "kept_objections", is_erased=False),
    "suppressions": PersonalTable(FoundBy.NODE, "suppressions", is_erased=False),
    "access_log": PersonalTable(FoundBy.READER, "access_log", is_erased=False),
}
"""Every table with rows about a person."""
NOBODYS: dict[str, str] = {
    "access_by_profile": "an index of access_log",
    "api_keys": "of clients, not of customers",
    "book_timers": "unused since incidents have kinds; names products",
    "checkpoints": "names no event",
    "db_migrations": "of the schema",
    "erasure_orders": "node ids and steps of erasures on a server",
    "erasure_pauses": "numbers of partitions",
    "event_cutoffs": "types of events and times: what keeps expired events from coming back",
    "erasure_runs": "node ids and counts of erasures",
    "erasures": "node ids and times of erasures: what keeps an erased person from coming back",
    "expired_events": "ids of events while they are removed; empty otherwise",
    "identity_rules": "rules files and who applied them",
    "incidents": "unused since incidents have kinds; names products",
    "insight_values": "figures about groups, of which too small ones are not shown",
    "log_positions": "of workers",
    "profile_totals": "figures by profile id, computed anew after an erasure",
    "properties": "of the store",
    "realms": "of the configuration",
    "schema_versions": "of the schema",
    "segment_ticks": "times of realms",
    "segment_definitions": "what people belong to, and nobody who does",
    "unlinked_nodes": "node ids while events are removed; empty otherwise",
    "unnamed_nodes": "node ids while events are removed; empty otherwise",
    "watermarks": "times of channels",
}
"""Every other table, and why nothing in it is about a person."""
SECTIONS = tuple(place.section for place in PLACES.values() if place.section)
"""Names of the sections of an export that are tables, in their order."""
