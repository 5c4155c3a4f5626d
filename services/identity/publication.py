"""The written form of the records of `c360.profile-changes`.

The worker publishes them; where no worker runs, the same ones are read from the stored map
(adapters/map_changes.py). Which records there are is decided in core/changes.py.
"""

from __future__ import annotations

from uuid import UUID

from schemas.records import ProfileChangeRecord
from services.stream.connection import key_of
from services.stream.ports import Outgoing

PROFILE_CHANGES_TOPIC = "c360.profile-changes"


def published(record: ProfileChangeRecord) -> Outgoing:
    """The record that publishes a change of a profile."""
    key = key_of(record.realm, str(record.profile_id))
    value = record.model_dump_json(exclude_none=True).encode()
    return Outgoing(PROFILE_CHANGES_TOPIC, value, key=key)


def withdrawn(realm: str, profile_id: UUID) -> Outgoing:
    """The record that removes a profile id: what was published of it goes when Kafka compacts."""
    return Outgoing(PROFILE_CHANGES_TOPIC, None, key=key_of(realm, str(profile_id)))
