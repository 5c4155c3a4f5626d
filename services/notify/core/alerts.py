"""What Alertmanager is sent of an incident: an alert in the form of its API version 2.

Pure; the time is an argument. Labels identify an alert, so they hold nothing that changes without
being another alert; what people read is in the annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

ALERT_NAME = "C360Incident"
TEXT_MAX = 1_000
NAMED = ("kind", "severity", "cause", "channel", "location", "realm")


def labels_of(record: Mapping[str, Any], route: str, added: Mapping[str, str]) -> dict[str, str]:
    """The labels of an incident, and those that the routing rule adds; none is empty."""
    own = {name: str(record.get(name) or "") for name in NAMED}
    own["fault"] = str(record.get("fault_id") or "")
    own |= {"alertname": ALERT_NAME, "incident": record["incident_id"], "route": route}
    return {name: value for name, value in sorted({**added, **own}.items()) if value}


def alert_of(
    record: Mapping[str, Any],
    labels: Mapping[str, str],
    now: datetime,
    ends_at: datetime,
) -> dict[str, Any]:
    """The alert as JSON; it ends at `ends_at`, and never before it starts.

    Incidents bear event time. A source whose clock is ahead starts no alert in the future: such
    an alert could not be ended now.
    """
    opened = record.get("opened_at")
    starts_at = min(datetime.fromisoformat(opened), now) if opened else now
    where = " ".join(str(record[name]) for name in ("channel", "location") if record.get(name))
    subject = orjson.dumps(record.get("subject"), option=orjson.OPT_SORT_KEYS).decode()
    summary = f"{record['kind']}: {record.get('cause', '')} on {where or 'all channels'}"
    return {
        "labels": dict(labels),
        "annotations": {"summary": summary[:TEXT_MAX], "subject": subject[:TEXT_MAX]},
        "startsAt": _said(starts_at),
        "endsAt": _said(max(ends_at, starts_at)),
    }


def _said(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
