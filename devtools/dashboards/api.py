"""The API: who waits how long, which answers are errors, and what the intake holds."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Query, Steps, Unit, lines, pages_of, stat
from devtools.dashboards.queries import or_zero, per_second, quantile, share

SERVING = 'job=~"c360-(api|up)"'
REQUESTS = "c360_http_request_duration_seconds"
FAILED = or_zero(per_second(f"{REQUESTS}_count", matching='status=~"5.."'))
REFUSED = or_zero(per_second(f"{REQUESTS}_count", matching='status=~"4.."'))
ALL = per_second(f"{REQUESTS}_count")

NOW = Row(
    "Now",
    Height.LOW,
    (
        stat("Requests", Unit.REQUESTS_PER_SECOND, ALL, "Answers of all routes.", width=5),
        stat(
            "Failed answers",
            Unit.SHARE,
            share(FAILED, ALL),
            "Share of answers with a status of 500 or above.",
            Steps(0.001, 0.01),
            width=5,
            pages=(
                *pages_of("C360ApiErrors"),
                "runbook.md",
            ),
        ),
        stat(
            "Refused requests",
            Unit.SHARE,
            share(REFUSED, ALL),
            "Share of answers with a status of 400 to 499: wrong keys, unknown ids, bad bodies, "
            "too many requests.",
            Steps(0.1, 0.5),
            width=5,
        ),
        stat(
            "99 % answered within",
            Unit.SECONDS,
            quantile(0.99, REQUESTS),
            "Time to the answer, over all routes.",
            Steps(0.5, 2),
            width=5,
        ),
        stat(
            "Waiting for the store",
            Unit.NUMBER,
            "sum (c360_api_reads_waiting)",
            "Requests that wait for a connection to the store.",
            Steps(10, 50),
        ),
    ),
)
ROUTES = Row(
    "Requests",
    Height.HIGH,
    (
        lines(
            "Requests by route",
            Unit.REQUESTS_PER_SECOND,
            [
                Query(
                    per_second(f"{REQUESTS}_count", "method, route"),
                    "{{method}} {{route}}",
                )
            ],
            "Answers by route. Routes are patterns: no id is part of a label.",
            stacked=True,
        ),
        lines(
            "99 % answered within, by route",
            Unit.SECONDS,
            [Query(quantile(0.99, REQUESTS, "method, route"), "{{method}} {{route}}")],
            "Time to the answer. Streams count until they begin.",
            Steps(0.5, 2),
            pages=pages_of("C360ApiSlow"),
        ),
        lines(
            "Answers by status",
            Unit.REQUESTS_PER_SECOND,
            [Query(per_second(f"{REQUESTS}_count", "status"), "{{status}}")],
            "429 means that senders are faster than the writer; 503 that the store or the brokers "
            "are away.",
            stacked=True,
        ),
        lines(
            "Error answers by code",
            Unit.REQUESTS_PER_SECOND,
            [Query(per_second("c360_http_problems_total", "code"), "{{code}}")],
            "The code of the problem document; each code has a page on the service itself at "
            "/problems/<code>. Empty while no error was ever answered.",
            stacked=True,
        ),
    ),
)
INSIDE = Row(
    "Inside",
    Height.USUAL,
    (
        lines(
            "Answers from memory",
            Unit.SHARE,
            [
                Query(
                    share(
                        or_zero(per_second("c360_api_cache_reads_total", matching='result="hit"')),
                        per_second("c360_api_cache_reads_total"),
                    ),
                    "from memory",
                )
            ],
            "Share of reads whose kept answer had not changed.",
            width=8,
        ),
        lines(
            "Memory of kept answers",
            Unit.BYTES,
            [Query(f"sum by (instance) (c360_api_cache_bytes{{{SERVING}}})", "{{instance}}")],
            "Roughly; bounded.",
            width=8,
        ),
        lines(
            "Access log entries not written",
            Unit.NUMBER,
            [
                Query(
                    f"sum by (instance) (c360_access_entries_waiting{{{SERVING}}})", "{{instance}}"
                )
            ],
            "Each read of a profile leaves an entry. At 200,000 waiting, no profile is read any "
            "more.",
            Steps(10_000, 150_000),
            width=8,
            pages=(
                *pages_of("C360AccessLogWaits"),
                "runbook.md#no-profile-is-read-because-the-access-log-cannot-be-written",
            ),
        ),
        lines(
            "Open streams",
            Unit.NUMBER,
            [Query("sum by (feed) (c360_http_streams)", "{{feed}}")],
            "Clients that follow incidents or profile changes as they happen.",
            width=8,
        ),
        lines(
            "Connections",
            Unit.NUMBER,
            [Query(f"sum by (job) (c360_http_connections{{{SERVING}}})", "{{job}}")],
            "Open connections; from 500 on the one that waits longest for its sender is closed.",
            Steps(400, 500),
            width=8,
        ),
        lines(
            "Connections closed by the service",
            Unit.PER_SECOND,
            [Query(per_second("c360_http_connections_closed_total", "why"), "{{why}}")],
            "No room, a head or body that came too slowly or is no HTTP, or an answer that nobody "
            "read. Empty while none was closed.",
            Steps(1, 10),
            width=8,
            pages=(
                "runbook.md#connections-are-closed-by-the-service-c360_http_connections_closed_total",
            ),
        ),
        lines(
            "Bodies in memory",
            Unit.BYTES,
            [
                Query(
                    f"sum by (instance) (c360_intake_bytes_in_flight{{{SERVING}}})", "{{instance}}"
                )
            ],
            "Bytes of request bodies that are received and not answered; at most 64 MB.",
            Steps(32 * 2**20, 60 * 2**20),
            width=8,
        ),
    ),
)
API = Board(
    "api",
    "Customer 360 · API",
    "For operators and client teams: requests, errors and waiting times by route, and what the "
    "service holds in memory.",
    (NOW, ROUTES, INSIDE),
    pages=("dashboards.md", "query-api.md", "http-intake.md", "runbook.md"),
)
