"""What people do and decide, on its way to the topic whose worker applies it.

An action on an incident goes to the partition of the incident's subject, a decision about two
identifiers to that of its realm: each is applied in one order with what it is about.
"""

from __future__ import annotations

from schemas.records import ActionRecord, ErasureRecord, PersonRecord, RetentionRecord
from services.stream.claim_records import action_outgoing
from services.stream.connection import key_of
from services.stream.ports import Outgoing

EDGES_TOPIC = "c360.edges"


def person_outgoing(record: PersonRecord) -> Outgoing:
    """The record as it is sent."""
    if isinstance(record, ActionRecord):
        return action_outgoing(record)
    return Outgoing(EDGES_TOPIC, record.model_dump_json().encode(), key_of(record.realm))


def identity_outgoing(record: ErasureRecord | RetentionRecord) -> Outgoing:
    """The record of what is to be removed, in one order with the edges of its realm."""
    return Outgoing(EDGES_TOPIC, record.model_dump_json().encode(), key_of(record.realm))
