"""The page of limits states the numbers that the code keeps to."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.api.permission import ADDRESSES_MAX
from schemas.rules.identity import identity_rules
from schemas.topics import MIB
from schemas.touchpoint import EVENT_BYTES_MAX, IDENTIFIERS_MAX
from services.api.cursors import CURSOR_CHARS_MAX
from services.api.feeds import QUEUE_BYTES_MAX
from services.api.http.body_guard import BODY_BYTES_MAX, BYTES_IN_FLIGHT_MAX
from services.api.http.caller import PURPOSE_CHARS_MAX
from services.api.http.problems import ERRORS_MAX
from services.api.log_feeds import KEPT_S
from services.api.queries.consents import EVIDENCE_SHOWN_MAX, STATES_PER_PAGE_MAX
from services.api.queries.groups import CONTACTS_PER_PAGE_MAX, MEMBERS_MAX
from services.api.queries.identity import MEMBERS_PER_PAGE_MAX
from services.api.queries.incidents import INCIDENTS_PER_PAGE_MAX
from services.api.queries.orders import ORDERS_PER_PAGE_MAX
from services.api.queries.rejected import REJECTED_PER_PAGE_MAX
from services.api.queries.timeline import FILTER_VALUES_MAX, TIMELINE_ENTRIES_MAX
from services.consistency.core.episodes import EVIDENCE_MAX
from services.consistency.core.offers import YEARS_BOUNDED
from services.consistency.core.timeline_fold import FORESEEN_INSTANTS_MAX
from services.consistency.kinds.price_mismatch import PriceRules
from services.embedded.engine import CACHED_CLAIMS
from services.embedded.pipeline import ATTEMPTS_MAX
from services.identity.adapters.explanation import ASIDES_SHOWN_MAX, EDGES_READ_MAX
from services.identity.adapters.membership import DECISIONS_SHOWN_MAX, EDGES_SHOWN_MAX
from services.identity.adapters.notices import EVIDENCE_MAX as NOTICE_EVENTS_MAX
from services.ingest.adapters.rejected import SCANNED_MAX
from services.ingest.adapters.rejected_letters import COUNTED_MAX
from services.ingest.lines import KEPT_BYTES_MAX
from services.intake.http import EVENTS_PER_REQUEST_MAX
from services.intake.server import BODY_GRACE_S, HEAD_BYTES_MAX, KEEP_ALIVE_S, REST_S
from services.profiles.adapters.groups import MERGED_MAX, STATEMENTS_MAX
from services.profiles.adapters.order_history import REPORTS_SHOWN_MAX
from services.runtime import connections, health
from services.runtime.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "limits.md"
SETTINGS = Settings.model_construct()
PRICES, PERSONS = PriceRules(), identity_rules()
KIB = 1024
STATED: list[tuple[str, int | float]] = [
    ("one event", EVENT_BYTES_MAX),
    ("identifiers per event", IDENTIFIERS_MAX),
    ("`occurred_at` ahead of receipt", SETTINGS.future_tolerance_h),
    ("end of a price's validity", YEARS_BOUNDED.stop),
    ("events per request", EVENTS_PER_REQUEST_MAX),
    ("request body", SETTINGS.request_bytes_max // MIB),
    ("bodies of all requests", SETTINGS.request_bytes_in_flight_max // MIB),
    ("connections", SETTINGS.http_connections_max),
    ("streams of events", SETTINGS.api_streams_max),
    ("streams of events", SETTINGS.api_streams_per_key_max),
    ("what waits for a reader of a stream", QUEUE_BYTES_MAX // MIB),
    ("age of the id of an event", int(KEPT_S // 3600)),
    ("request line and headers", HEAD_BYTES_MAX // KIB),
    ("request line and headers", SETTINGS.http_head_s),
    ("time of a request body", SETTINGS.http_body_s),
    ("time of a request body", BODY_GRACE_S),
    ("time of a request body", SETTINGS.http_body_bytes_per_s_min),
    ("pause between two requests", KEEP_ALIVE_S),
    ("rest of a body", REST_S),
    ("answer that nobody reads", connections.UNREAD_S),
    ("health pages of a worker", health.CONNECTIONS_MAX),
    ("health pages of a worker", health.REQUEST_BYTES_MAX // KIB),
    ("health pages of a worker", health.CONNECTION_S),
    ("events waiting for the writer", SETTINGS.intake_queue_events_max),
    ("events per batch", SETTINGS.batch_events_max),
    ("retries of a batch", ATTEMPTS_MAX - 1),
    ("bytes kept of a rejected line", KEPT_BYTES_MAX // KIB),
    ("requests of a key", SETTINGS.api_rate_per_s),
    ("reads at once", SETTINGS.api_connections),
    ("requests waiting to read", SETTINGS.api_waiting_max),
    ("requests waiting to read", SETTINGS.api_wait_s),
    ("time of a read", SETTINGS.api_limit_s),
    ("time of a measure", SETTINGS.insight_limit_s),
    ("body of a request for data", BODY_BYTES_MAX // MIB),
    ("body of a request for data", BYTES_IN_FLIGHT_MAX // MIB),
    ("`X-Purpose`", PURPOSE_CHARS_MAX),
    ("a cursor", CURSOR_CHARS_MAX),
    ("faults that one problem lists", ERRORS_MAX),
    ("neighbours of a shareable identifier", PERSONS.hub_above),
    ("sessions of a device", PERSONS.hub_above_ephemeral),
    ("new shareable neighbours of one type", PERSONS.suspicious_above_shareable),
    ("purchases within 24 hours", PERSONS.busy_above),
    ("evidence of a notice", NOTICE_EVENTS_MAX),
    ("neighbours of a personal identifier", PERSONS.hub_above),
    ("personal neighbours of one type", PERSONS.hub_above_personal),
    ("new personal neighbours of one type", PERSONS.suspicious_above),
    ("age at which an observed price", PRICES.max_age_hours),
    ("age of a published price", PRICES.published_max_age_days),
    ("deviating claims named", EVIDENCE_MAX),
    ("future changes of a price book", FORESEEN_INSTANTS_MAX),
    ("claims of books in memory", CACHED_CLAIMS),
    ("entries of a timeline page", TIMELINE_ENTRIES_MAX),
    ("event types, channels to limit", FILTER_VALUES_MAX),
    ("incidents, rejected events of a page", INCIDENTS_PER_PAGE_MAX),
    ("incidents, rejected events of a page", REJECTED_PER_PAGE_MAX),
    ("dead letters that a page", SCANNED_MAX),
    ("dead letters that a page", COUNTED_MAX),
    ("identifiers of a page", MEMBERS_PER_PAGE_MAX),
    ("identifiers of a page", EDGES_SHOWN_MAX),
    ("identifiers of a page", DECISIONS_SHOWN_MAX),
    ("contacts on a page of an account", CONTACTS_PER_PAGE_MAX),
    ("statements about one account", STATEMENTS_MAX),
    ("accounts that were merged", MERGED_MAX),
    ("members of a household", MEMBERS_MAX),
    ("edges that an explanation", EDGES_READ_MAX),
    ("edges that an explanation", ASIDES_SHOWN_MAX),
    ("orders of a page", ORDERS_PER_PAGE_MAX),
    ("orders of a page", REPORTS_SHOWN_MAX),
    ("addresses of one question", ADDRESSES_MAX),
    ("contact permissions of a page", STATES_PER_PAGE_MAX),
    ("contact permissions of a page", EVIDENCE_SHOWN_MAX),
]


@pytest.mark.parametrize(("what", "limit"), STATED)
def test_a_stated_limit_is_the_one_in_force(what: str, limit: float) -> None:
    """The row that begins with these words has this number."""
    [row] = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| {what}")]
    numbers = row.replace("|", " ").replace(";", " ").split()
    assert {f"{limit:,.9g}", f"{limit:.9g}"} & {one.strip("(.,") for one in numbers}, row
