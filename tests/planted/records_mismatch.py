"""A till closes, and a receipt of the day never arrives; telephone sales lose an order, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.planted import Planted, Sayer


def plant(at: datetime, tag: str) -> Planted:
    """Of till 1 one is missing; till 2 has a void, a return and a receipt from two systems. The
    telephone lost an order, and another one was cancelled."""
    make = Sayer(at, tag)
    # From noon on, so that the period is one day in every zone of Europe.
    noon = at.astimezone(UTC).replace(hour=11, minute=0, second=0, microsecond=0)
    begin = (noon + timedelta(days=1) - at) / timedelta(hours=1)
    source = {"1": {"store": tag, "till": "1"}, "2": {"store": tag, "till": "2"}}
    sold = (
        ("1", "1", 0.5, "sale"),
        ("1", "2", 1.5, "sale"),
        ("1", "4", 2.5, "sale"),
        ("2", "1", 0.5, "sale"),
        ("2", "1", 0.5, "sale"),
        ("2", "2", 1.5, "void"),
    )
    events = [
        make.said(
            "order.placed",
            "pos",
            begin + hours,
            {"order_id": f"{tag}-{number}", "gross": "10.00", "receipt_kind": kind},
            source=source[till],
        )
        for till, number, hours, kind in sold
    ]
    back = {"return_id": f"{tag}-3", "refund": "4.00"}
    events.append(make.said("order.returned", "pos", begin + 2, back, source=source["2"]))
    for till, receipts, gross in (("1", 4, "40.00"), ("2", 2, "6.00")):
        body = {
            "till": till,
            "number": f"{tag}-z",
            "receipts": receipts,
            "gross": gross,
            "opened_at": make.after(begin).isoformat(),
            "closed_at": make.after(begin + 6).isoformat(),
        }
        events.append(make.said("till.closed", "pos", begin + 6, body, source=source[till]))
    day = (noon + timedelta(days=2)).date().isoformat()
    for number, hours in (("11", 25.0), ("12", 26.0), ("13", 27.0)):
        body = {"order_id": f"{tag}-{number}", "gross": "10.00"}
        events.append(make.said("order.placed", "phone", begin + hours, body))
    gone = {"order_id": f"{tag}-13"}
    events.append(make.said("order.cancelled", "phone", begin + 30, gone))
    total = {"date": day, "orders": 4, "gross": "40.00"}
    events.append(make.said("day.closed", "phone", begin + 48, total))
    lost = {
        "kind": "records_mismatch",
        "channel": "phone",
        "state": "resolved",
        "cause": "records_missing",
        "expected_receipts": 4,
        "observed_receipts": 3,
    }
    expected = {
        "kind": "records_mismatch",
        "channel": "pos",
        "location": tag,
        "state": "resolved",
        "cause": "records_missing",
        "expected_receipts": 4,
        "observed_receipts": 3,
        "missing_numbers": f"{tag}-3",
    }
    return Planted(events, [expected, lost])
