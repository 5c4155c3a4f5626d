"""A kind of incident other than prices, from the event to the command line and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.runs import c360, c360_json, digest
from tests.events import event, identifier, line

ANNA = [identifier("email", "anna@example.com", verified=True)]


def states(at: str, availability: str, *channels: str, **fields: Any) -> list[dict[str, Any]]:
    """The channels publish an availability of one product, at a time of 2 March."""
    body = {"sku": "4711", "availability": availability}
    return [
        event(
            "offer.published", channel=channel, occurred_at=f"2026-03-02T{at}:00Z",
            event_id=f"{channel}-{at}", identifiers=[], body=body, **fields,
        )
        for channel in channels
    ]  # fmt: skip


def ingest(data_dir: Path, events: list[dict[str, Any]]) -> None:
    """Read the events as a file."""
    c360(data_dir, "ingest", "-", stdin=b"\n".join(map(line, events)))


def test_an_availability_mismatch_end_to_end(tmp_path: Path) -> None:
    """It opens, says who was shown the wrong state, ends with the correction of an event, and is
    the same in whatever order the events came."""
    data_dir = tmp_path / "data"
    said = [*states("08:00", "in_stock", "shop", "app", "marketplace")]
    said += states("10:00", "out_of_stock", "shop", "marketplace")
    shown = event(
        "product.viewed", channel="app", occurred_at="2026-03-02T13:00:00Z", identifiers=ANNA,
        body={"sku": "4711", "offer": {"sku": "4711", "availability": "in_stock"}},
    )  # fmt: skip
    late = event("page.viewed", occurred_at="2026-03-02T20:00:00Z")
    events = [*said, shown, late]
    ingest(data_dir, events)
    [found] = c360_json(data_dir, "incidents", "list", "--json")
    assert (found["kind"], found["state"], found["channel"]) == (
        "availability_mismatch", "open", "app",
    )  # fmt: skip
    assert (found["expected"], found["observed"]) == ("out_of_stock", "in_stock")
    assert found["subject"] == {"type": "product", "market": "DE", "sku": "4711"}
    assert found["exposure"]["touchpoints"] == found["exposure"]["customers"] == 1
    assert c360_json(data_dir, "incidents", "show", found["incident_id"], "--json") == found
    shuffled = tmp_path / "shuffled"
    ingest(shuffled, [*reversed(events), *said])
    assert digest(shuffled) == digest(data_dir)
    corrected = states("08:00", "limited", "app", revision=1)
    ingest(data_dir, [*corrected, {**shown, "revision": 1, "body": {"sku": "4711"}}])
    assert c360_json(data_dir, "incidents", "list", "--json") == []
