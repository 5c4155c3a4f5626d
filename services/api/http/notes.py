"""The note that an answer with profiles leaves in the access log, before it is given."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from uuid import UUID

from fastapi import Request

from schemas.api.access import PROFILES_PER_ENTRY_MAX, AccessEntry
from services.api.http.caller import Caller
from services.api.http.parts import api_parts
from services.api.http.problems import REQUEST_ID
from services.runtime.clock import utc_now


def note(
    request: Request,
    caller: Caller,
    operation: str,
    profiles: Collection[UUID],
    status: int = 200,
) -> None:
    """Note which profiles an answer tells of; nothing if it tells of none.

    Raises Retry when the access log takes nothing now: the answer must not be given.
    """
    if not profiles:
        return
    ids = tuple(dict.fromkeys(profiles))
    entry = AccessEntry(
        at=utc_now(),
        entry_id=uuid.uuid4().hex,
        realm=caller.realm,
        key_id=caller.principal.key_id,
        key_name=caller.principal.name,
        operation=operation,
        purpose=caller.purpose,
        profile_ids=ids[:PROFILES_PER_ENTRY_MAX],
        count=len(ids),
        request_id=getattr(request.state, REQUEST_ID, ""),
        status=status,
    )
    api_parts(request).access_log.note(entry)
