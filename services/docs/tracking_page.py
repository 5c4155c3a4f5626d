"""docs/reference/tracking.md: what each message of the Segment protocol becomes, and why none."""

from __future__ import annotations

from services.docs.markdown import code, page, table
from services.intake.segment.refusals import REFUSALS
from services.intake.segment.tracks import CUSTOM, HAPPENING_NAMES, NAMES

INTRODUCTION = """
How to send them, and what is meant, says [the page of the format](../formats/segment.md).
""".strip()
CALLS = (
    ("identify", "profile.updated", "its traits are attributes"),
    ("identify", "identity.linked", "without traits"),
    ("track", "", "see below"),
    ("page", "page.viewed", ""),
    ("screen", "page.viewed", "on channel `app`"),
    ("group", "account.contact_changed", "if it names a person"),
    ("group", "account.updated", "if it has traits that an account has"),
    ("alias", "identity.linked", ""),
)
REST = f"""
Every other name becomes `{CUSTOM}`, with its properties. Case, blanks and signs make no difference
to a name: `order_completed` is `Order Completed`.
""".strip()
HAPPEN = "Of those, what a browser or an app sends is the customer's own act, but for"
REFUSED = """
A message that becomes no touchpoint is rejected with its own bytes; the field is named as the
message names it. A text that is longer than its field takes, or a field that has not its form, is
refused in the same way, where it is not listed. What becomes a touchpoint may still be rejected as
every event ([rejected events](../rejected-events.md)).
""".strip()


def tracking_page() -> str:
    """The whole page."""
    events = ((code(name), code(row.type), code(row.channel)) for name, row in NAMES.items())
    refused = ((code(one.path), code(one.reason), one.when) for one in REFUSALS)
    return page(
        "Messages of the Segment protocol",
        INTRODUCTION,
        "## Calls",
        table(("Call", "Touchpoint", "When"), ((code(a), code(b), c) for a, b, c in CALLS)),
        "## Events of `track`",
        table(("Event", "Touchpoint", "Channel, if always the same"), events),
        REST,
        f"{HAPPEN} {', '.join(map(code, HAPPENING_NAMES))}.",
        "## What is refused",
        REFUSED,
        table(("Field", "Reason", "When"), refused),
    )
