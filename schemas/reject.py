"""Why an event was rejected: a closed set of reasons, each with advice."""

from __future__ import annotations

from enum import StrEnum


class RejectReason(StrEnum):
    """The closed set. `ADVICE` says what to do."""

    NOT_JSON = "not_json"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_FIELD = "invalid_field"
    NO_USABLE_IDENTIFIER = "no_usable_identifier"
    ALL_IDENTIFIERS_BLOCKED = "all_identifiers_blocked"
    FROM_THE_FUTURE = "from_the_future"
    BEFORE_TIME_FLOOR = "before_time_floor"
    NOT_ALLOWED = "not_allowed"
    OTHER_REALM = "other_realm"
    ERASED = "erased"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    UNSTORABLE = "unstorable"
    UNPROCESSABLE = "unprocessable"


ADVICE: dict[RejectReason, str] = {
    RejectReason.NOT_JSON: "send one JSON object per line, in UTF-8",
    RejectReason.TOO_LARGE: "keep an event at or below 32 KB; split the order or shorten its texts",
    RejectReason.UNKNOWN_TYPE: "use an event type of the touchpoint reference",
    RejectReason.INVALID_FIELD: "correct the field that the path names",
    RejectReason.NO_USABLE_IDENTIFIER: "name the acting person by at least one valid identifier",
    RejectReason.ALL_IDENTIFIERS_BLOCKED: "send a real identifier instead of a placeholder",
    RejectReason.FROM_THE_FUTURE: "fix the source's clock; occurred_at is over 24 h ahead",
    RejectReason.BEFORE_TIME_FLOOR: "fix the source's clock; occurred_at is before the time floor",
    RejectReason.NOT_ALLOWED: "send it from a source and with a key that may send this type",
    RejectReason.OTHER_REALM: "send events of this realm with a key of this realm",
    RejectReason.UNSTORABLE: "report it: the event is valid, but the store refuses it",
    RejectReason.UNPROCESSABLE: "report it: the event is valid, but processing it failed",
    RejectReason.ERASED: "nothing: the person was erased after this event happened",
    RejectReason.SUPPRESSED: "nothing: this person must not be processed; stop sending it",
    RejectReason.EXPIRED: "nothing: events of this type are not kept for so long",
}
NOT_KEPT = frozenset({RejectReason.ERASED, RejectReason.SUPPRESSED, RejectReason.EXPIRED})
"""Of what is rejected for these reasons, neither the text nor the id of the event is kept."""
