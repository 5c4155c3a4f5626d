"""Identity: how profiles grow, join and part, and whether the writer keeps up."""

from __future__ import annotations

from devtools.dashboards.board import Board, Height, Row
from devtools.dashboards.panel import Query, Steps, Unit, lines, pages_of, stat
from devtools.dashboards.queries import per_second, within
from devtools.dashboards.shared import batch_size, oldest_in_work

DAY = Row(
    "Last day, and now",
    Height.LOW,
    (
        stat(
            "Links learned",
            Unit.NUMBER,
            within("c360_identity_edges_total", "1d"),
            "New or better evidence that two identifiers belong to one person.",
            width=4,
        ),
        stat(
            "Profiles merged",
            Unit.NUMBER,
            within("c360_identity_merges_total", "1d"),
            "Profiles that became part of another one.",
            width=4,
            pages=pages_of("C360MergeSpike"),
        ),
        stat(
            "Profiles split",
            Unit.NUMBER,
            within("c360_identity_splits_total", "1d"),
            "Profiles that new evidence took apart. A few are normal: evidence can undo a merge.",
            Steps(100, 1000),
            width=4,
            pages=("identity.md",),
        ),
        stat(
            "Links refused",
            Unit.NUMBER,
            within("c360_identity_refusals_total", "1d"),
            "Links and decisions that would have joined different persons. A jump means that a "
            "source sends shared or placeholder values.",
            Steps(100, 1000),
            width=4,
            pages=(
                *pages_of("C360IdentityRefusals"),
                "identity.md",
            ),
        ),
        stat(
            "Values of too many persons",
            Unit.NUMBER,
            "max (c360_suspicious_values)",
            "Identifiers that stand for more persons than anybody's does; they join nobody. "
            "Counted every ten minutes.",
            Steps(1, 100),
            pages=(
                *pages_of("C360SuspiciousValues"),
                "runbook.md#values-stand-for-too-many-persons-c360_suspicious_values",
            ),
        ),
        stat(
            "Identifiers of the largest profile",
            Unit.NUMBER,
            "max (c360_largest_profile_identifiers)",
            "Personal identifiers of the person with most, in the realm where that is most. Links "
            "that would make one larger than identifiers_max of the rules are refused. Counted "
            "every ten minutes.",
            Steps(25, 50),
            pages=(
                *pages_of("C360MegaProfile"),
                "identity.md",
            ),
        ),
    ),
)
COURSE = Row(
    "How profiles change",
    Height.USUAL,
    (
        lines(
            "Profile changes",
            Unit.PER_SECOND,
            [Query(per_second("c360_profile_changes_total", "change"), "{{change}}")],
            "What c360.profile-changes tells other systems, by kind of change.",
            stacked=True,
        ),
        lines(
            "Merges, splits and refusals",
            Unit.PER_SECOND,
            [
                Query(per_second("c360_identity_merges_total"), "merged"),
                Query(per_second("c360_identity_splits_total"), "split"),
                Query(per_second("c360_identity_refusals_total"), "refused"),
            ],
            "A jump of merges without a campaign or an import is worth a look; so is one of "
            "refusals.",
        ),
    ),
)
SIZE = Row(
    "How large profiles are",
    Height.USUAL,
    (
        lines(
            "Largest profile, and the limit",
            Unit.NUMBER,
            [
                Query("max by (realm) (c360_largest_profile_identifiers)", "{{realm}}"),
                Query("max by (realm) (c360_profile_identifiers_max)", "{{realm}}: limit"),
            ],
            "Personal identifiers of the person with most of them, by realm; the limit is "
            "identifiers_max of the rules in force.",
            pages=pages_of("C360MegaProfile"),
        ),
        lines(
            "Profiles worth a look",
            Unit.NUMBER,
            [
                Query("max by (realm) (c360_profiles_at_limit)", "{{realm}}: at the limit"),
                Query("max by (realm) (c360_profiles_above_review)", "{{realm}}: unusual"),
            ],
            "Persons whose size kept them from being joined with more, or who have more of a type "
            "than its review_above; c360 identity suspicious lists them.",
            pages=pages_of("C360MegaProfile"),
        ),
    ),
)
MEASURES = Row(
    "What measures were last",
    Height.USUAL,
    (
        lines(
            "Measures, as kept last",
            Unit.NUMBER,
            [
                Query(
                    "max by (measure, realm) (c360_insight_value)",
                    "{{measure}} of {{realm}}",
                )
            ],
            "Each in its own unit: shares from 0 to 1, points, money. A step is a day on which it "
            "was kept. Empty while no measure is kept; unknown where one was suppressed.",
            width=16,
            pages=("measures/README.md",),
        ),
        stat(
            "A measure was kept last",
            Unit.SECONDS,
            "time() - max (c360_insight_kept_timestamp_seconds)",
            "How long ago. More than two days: c360 insights keep does not run.",
            Steps(2 * 86_400, 7 * 86_400),
            width=8,
            pages=("measures/README.md",),
        ),
    ),
)
WRITER = Row(
    "The writer",
    Height.USUAL,
    (
        lines(
            "Edges waiting",
            Unit.NUMBER,
            [Query('sum by (topic) (c360_lag_records{topic="c360.edges"})', "{{topic}}")],
            "Edges that are sent by ingest and not yet part of the map. One worker writes a realm, "
            "so more workers do not help a single realm.",
            Steps(10_000, 100_000),
            width=8,
            pages=pages_of("C360WorkerStalled", "C360LagGrows"),
        ),
        oldest_in_work("c360-identity", "edge", "acknowledged"),
        batch_size("c360-identity", "Edges"),
    ),
)
IDENTITY = Board(
    "identity",
    "Customer 360 · Identity",
    "For operators and data stewards: how profiles are linked, joined and split, and whether the "
    "writer of the map keeps up.",
    (DAY, COURSE, SIZE, MEASURES, WRITER),
    pages=("dashboards.md", "identity.md", "runbook.md"),
)
