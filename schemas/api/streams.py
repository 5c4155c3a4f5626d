"""Server-sent events of the API, beside the records of topics that they carry.

`incident` carries an AlertRecord and `profile` a ProfileChangeRecord (schemas/records.py),
`segment` a SegmentChangeRecord (schemas/segment_change.py); the events here have no topic of their
own.
"""

from __future__ import annotations

from uuid import UUID

from schemas.base import Contract, RealmName

INCIDENTS_STREAM, PROFILES_STREAM, SEGMENTS_STREAM = "incidents", "profiles", "segments"


class StreamReset(Contract):
    """Data of `reset`: changes are missing here, so what is known of the realm must be read again.
    The stream goes on with what comes from now on."""

    reason: str
    """Why, for people."""


class RemovedIncident(Contract):
    """Data of `removed` in the stream of incidents: the incident was purged."""

    realm: RealmName
    incident_id: str


class RemovedProfile(Contract):
    """Data of `removed` in the stream of profiles: the profile id was erased."""

    realm: RealmName
    profile_id: UUID
