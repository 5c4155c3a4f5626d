"""Closings of tills against the receipts that arrived: what differs, and what may be counted."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.claim import Book, Statement
from schemas.incident import AnyIncident, IncidentState, Severity
from schemas.subject import Subject, SubjectType
from schemas.touchpoint import TouchpointAdapter
from services.consistency.core.kind import Heard
from services.consistency.kinds.records_mismatch import (
    KIND,
    NAME,
    Cause,
    RecordsDetails,
    RecordsRules,
    claims,
)
from tests.events import event

RULES = RecordsRules()
DAY = "2026-03-02"
BOOK = Book("default", NAME, Subject(SubjectType.SOURCE, f"12/3/{DAY}"))
TILL = {"system": "till", "store": "12", "till": "3"}


def at(clock: str) -> datetime:
    """A time of Monday, 2 March, in Germany, as `9:30` or, of a later day, `+1 9:30`."""
    days, _, rest = clock.rpartition(" ")
    hours, minutes = rest.split(":")
    begin = datetime.fromisoformat(f"{DAY}T00:00:00+01:00")
    return begin + timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes))


def heard(kind: str, when: datetime, body: dict[str, Any], **fields: Any) -> list[Statement]:
    """The claims of an event, in whatever books."""
    raw = event(kind, **{"channel": "pos", "source": TILL, "identifiers": [], **fields})
    raw |= {"body": body, "occurred_at": when.isoformat()}
    one = TouchpointAdapter.validate_python(raw)
    version = one.revision << 32
    found = claims(Heard(one, when, version, 7, "DE", "EUR"))
    assert all(quantity == 0 for _, quantity in found)
    return [claim for claim, _ in found]


def receipt(number: str, clock: str, gross: str | None = "10.00", **body: Any) -> Statement:
    """The claim of a receipt."""
    total = {"gross": gross} if gross is not None else {}
    name = body.pop("event_id", f"r-{number}-{clock}"[:100])
    body = {"order_id": number, **total, **body}
    return heard("order.placed", at(clock), body, event_id=name)[0]


def closing(receipts: int, gross: str, **fields: Any) -> Statement:
    """The claim of the closing 77 of the day, from 8 to 20 o'clock."""
    event_id, revision = fields.pop("event_id", "z"), fields.pop("revision", 0)
    body = {
        "till": "3", "number": "77", "receipts": receipts, "gross": gross,
        "opened_at": at("8:00").isoformat(), "closed_at": at("20:00").isoformat(), **fields,
    }  # fmt: skip
    [found] = heard("till.closed", at("20:00"), body, event_id=event_id, revision=revision)
    return found


def incidents(
    said: Iterable[Statement], now: str = "+2 0:00", rules: RecordsRules = RULES
) -> list[AnyIncident]:
    """What follows when the latest tick is at a time."""
    book = KIND.judge(BOOK, rules)
    book.add(said)
    book.advance(at(now))
    return list(book.incidents().values())


def day(*numbers: int) -> list[Statement]:
    """Receipts of 10.00, one an hour from 8:10 on."""
    return [receipt(str(number), f"{8 + index}:10") for index, number in enumerate(numbers)]


def test_a_receipt_did_not_arrive() -> None:
    """Nothing is said while receipts may be late; then the number of the missing one is certain,
    and when it comes, nothing is left."""
    said = [*day(1, 2, 4), closing(4, "40.00")]
    assert incidents(said, "+1 19:59") == []
    [found] = incidents(said, "+1 20:00")
    assert (found.cause, found.severity) == (Cause.RECORDS_MISSING, Severity.HIGH)
    assert (found.state, found.channel, found.location) == (IncidentState.OPEN, "pos", "12")
    assert (found.since, found.due_at, found.opened_at) == (
        at("20:00"), at("+1 20:00"), at("+1 20:00"),
    )  # fmt: skip
    assert found.details == RecordsDetails(
        number="77", expected_receipts=4, observed_receipts=3, expected_gross=Decimal(40),
        observed_gross=Decimal(30), currency="EUR", missing_numbers="3",
    )  # fmt: skip
    assert found.details.in_words() == "closing 77: 3 of 4 receipts, 30.00 of 40.00 EUR"
    assert found.evidence == [["r-1-8:10", "r-2-9:10", "r-4-10:10"], ["z"]]
    assert incidents([*said, receipt("3", "9:30")]) == []
    [over] = incidents(said, "+60 20:00")
    assert (over.state, over.until) == (IncidentState.RESOLVED, at("+60 20:00"))


def test_a_receipt_arrived_under_two_numbers() -> None:
    """The equal one is shown first."""
    double = receipt("9", "9:10")
    [found] = incidents([*day(1, 2), double, closing(2, "20.00")])
    assert (found.cause, found.severity) == (Cause.RECORDS_DOUBLED, Severity.HIGH)
    assert found.evidence[0][0] == "r-9-9:10"


def test_the_total_differs() -> None:
    """By more than the tolerance; numbers are not missing."""
    [found] = incidents([*day(1, 2, 3), closing(3, "30.02")])
    assert (found.cause, found.severity) == (Cause.TOTAL_DIFFERS, Severity.MEDIUM)
    assert found.model_dump()["details"]["missing_numbers"] == ""


def test_nothing_arrived_at_all() -> None:
    """The feed of a till is dead; a day without sales is none."""
    [found] = incidents([closing(188, "6120.45")])
    assert found.cause == Cause.RECORDS_MISSING
    assert found.evidence == [[], ["z"]]
    assert incidents([closing(0, "0.00")]) == []


BACK = {"return_id": "b-1", "refund": "4.00"}


@pytest.mark.parametrize(
    "said",
    [
        [*day(1, 2, 3), closing(3, "30.00")],
        [*day(1, 2, 3), closing(3, "30.01")],  # the tolerance
        # voids, training and aborted receipts: counted or not
        [*day(1, 2), receipt("3", "12:00", receipt_kind="void"), closing(2, "20.00")],
        [*day(1, 2), receipt("3", "12:00", receipt_kind="training"), closing(3, "20.00")],
        # what was given back is in the total or not, and counted or not
        [*day(1, 2), *heard("order.returned", at("12:00"), BACK), closing(2, "20.00")],
        [*day(1, 2), *heard("order.returned", at("12:00"), BACK), closing(3, "16.00")],
        # several systems report one receipt
        [*day(1, 2), receipt("2", "9:10", event_id="e-receipt"), closing(2, "20.00")],
        # they differ, so the total is not known
        [*day(1, 2), receipt("2", "9:10", "9.99", event_id="e-receipt"), closing(2, "20.50")],
        [*day(1, 2), receipt("3", "9:30", None), closing(3, "31.00")],
        # other currencies are not added
        [*day(1, 2), receipt("3", "9:30", currency="CHF"), closing(3, "29.00")],
        # cancelled: nobody knows how the till counts it
        [*day(1, 2), *heard("order.cancelled", at("12:00"), {"order_id": "2"}),
         closing(1, "10.00")],
        # clocks of till and back office: receipts at the edges belong to it, or not
        [*day(1, 2), receipt("3", "20:05"), closing(3, "30.00")],
        [*day(1, 2), receipt("3", "19:57"), closing(2, "20.00")],
        [*day(1, 2), receipt("0", "8:04"), closing(2, "20.00")],
        [*day(1, 2), receipt("0", "7:55"), closing(3, "30.00")],
        # receipts of another period
        [*day(1, 2), receipt("3", "21:00"), closing(2, "20.00")],
        # one closing twice, and one that is corrected under the same number
        [*day(1, 2), closing(2, "20.00"), closing(2, "20.00", event_id="z-again")],
        [*day(1, 2), closing(2, "20.00"), closing(5, "20.00", event_id="z-again")],
        # receipts without a closing
        day(1, 2, 4),
    ],
)  # fmt: skip
def test_never_reported(said: list[Statement]) -> None:
    """What agrees in one way of counting, and what nobody can know."""
    assert incidents(said) == []


@pytest.mark.parametrize(
    ("numbers", "receipts", "missing"),
    [
        ([7, 9], 3, "8"),
        ([7, 10], 3, ""),  # two gaps for one that is missing
        ([7, 8], 3, ""),  # the first or the last is missing
        ([8, 7, 11], 5, "9, 10"),
    ],
)
def test_numbers_are_missing_only_if_certain(
    numbers: list[int], receipts: int, missing: str
) -> None:
    """The gaps must be exactly what is missing."""
    [found] = incidents([*day(*numbers), closing(receipts, "99.00")])
    assert found.model_dump()["details"]["missing_numbers"] == missing


def test_numbers_with_letters() -> None:
    """The same letters before the digits, and zeros, are kept; other letters make it uncertain."""
    said = [receipt("A-008", "9:00"), receipt("A-010", "9:05")]
    [found] = incidents([*said, closing(3, "30.00")])
    assert found.model_dump()["details"]["missing_numbers"] == "A-009"
    said = [receipt("A-008", "9:00"), receipt("B-010", "9:05")]
    [found] = incidents([*said, closing(3, "30.00")])
    assert found.model_dump()["details"]["missing_numbers"] == ""


def test_two_closings_of_a_day() -> None:
    """Numbers of receipts may begin anew; each closing has its own receipts."""
    early = closing(1, "10.00", closed_at=at("13:00").isoformat())
    late = closing(2, "20.00", number="78", opened_at=at("13:00").isoformat(), event_id="z-late")
    said = [receipt("1", "9:00"), receipt("1", "14:00"), receipt("2", "15:00"), early, late]
    assert incidents(said) == []
    [found] = incidents([said[0], said[2], early, late])
    assert found.model_dump()["details"]["number"] == "78"


def test_a_till_that_closes_after_midnight() -> None:
    """A receipt of the night is in the books of both days; its closing in that of the evening."""
    made = heard("order.placed", at("+1 1:30"), {"order_id": "2", "gross": "10.00"})
    assert [one.book.subject.key for one in made] == ["12/3/2026-03-03", f"12/3/{DAY}"]
    assert [one.ordinal for one in made] == [0, 1]
    night = [one for one in made if one.book == BOOK]
    last = closing(2, "20.00", closed_at=at("+1 2:00").isoformat())
    assert incidents([*day(1), *night, last], "+3 0:00") == []
    [found] = incidents([*day(1), last], "+3 0:00")
    assert found.cause == Cause.RECORDS_MISSING
    summer = datetime.fromisoformat("2026-07-02T22:30:00+00:00")
    [first, second] = heard("order.placed", summer, {"order_id": "1"})
    assert first.book.subject.key.endswith("2026-07-03")
    assert second.book.subject.key.endswith("2026-07-02")


@pytest.mark.parametrize(
    ("kind", "body", "fields"),
    [
        ("day.closed", {"date": "2026-02-31"}, {"channel": "shop"}),
        ("day.closed", {"date": "9999-12-31"}, {"channel": "shop"}),
        ("day.closed", {"date": DAY}, {"channel": "shop"}),  # it is not over
        ("day.closed", {"date": "2026-03-01"}, {}),  # a till closes
        ("order.placed", {"order_id": "1"}, {"source": {"till": "3"}}),
        ("order.placed", {"order_id": "1"}, {"source": {"store": "12"}}),
        ("order.placed", {"order_id": "1"}, {"source": {"store": "s" * 99, "till": "3"}}),
        ("order.status_changed", {"order_id": "1", "status": "paid"}, {}),
        ("page.viewed", {}, {}),
        ("till.closed", {}, {}),
        ("till.closed", {"opened_at": "2026-03-02T21:00:00+01:00"}, {}),
        ("till.closed", {"opened_at": "2026-03-01T08:00:00+01:00"}, {}),
    ],
)
def test_says_nothing(kind: str, body: dict[str, Any], fields: dict[str, Any]) -> None:
    """Orders of other channels, receipts of no till, closings without a period or of two days."""
    if kind == "till.closed":
        body = {"till": "3", "number": "1", "receipts": 1, "gross": "1", **body}
    if kind == "day.closed":
        body = {"orders": 1, "gross": "1", **body}
    assert heard(kind, at("20:00"), body, **fields) == []


def test_a_realm_whose_tills_send_no_closings() -> None:
    """Its receipts make no claims: they are most of what is sent."""
    one = TouchpointAdapter.validate_python(
        event("order.placed", channel="pos", source=TILL, body={"order_id": "1"})
    )
    all_of_them = Heard(one, at("9:00"), 0, 7, "DE", "EUR")
    assert len(claims(all_of_them)) == 1
    assert claims(all_of_them._replace(tills_close=False)) == []


def test_amounts_of_lines() -> None:
    """Without a total of the receipt its lines are added; signs of returns do not matter."""
    lines = [{"sku": "a", "total": "6.00"}, {"sku": "b", "total": "4.00"}]
    said = [receipt("1", "9:00", None, lines=lines), closing(1, "11.00")]
    [found] = incidents(said)
    assert found.model_dump()["details"]["observed_gross"] == Decimal("10.00")
    back = [{"sku": "a", "total": "-6.00"}]
    returned = heard("order.returned", at("12:00"), {"lines": back})
    assert incidents([receipt("1", "9:00"), *returned, closing(2, "4.00")]) == []


def test_corrections_replace() -> None:
    """A corrected closing, a corrected receipt; claims of other books are refused."""
    book = KIND.judge(BOOK, RULES)
    assert (book.next_due, book.incidents()) == (None, {})
    wrong = closing(3, "30.00")
    book.add([*day(1, 2), wrong])
    assert book.next_due == at("8:10")
    book.advance(at("+2 0:00"))
    assert len(book.incidents()) == 1
    right = closing(2, "20.00", revision=1)
    assert book.add([right, wrong]) == [right]
    assert book.incidents() == {}
    with pytest.raises(ValueError, match="in the book of"):
        book.add([right._replace(book=Book("other", NAME, BOOK.subject))])


def oracle(said: list[Statement]) -> Cause | None:
    """By definition, for a day without receipts at the edges of its period."""
    parts = [(one, one.value.split("\x1f")) for one in said]
    [(_, (_, receipts, gross, *_))] = [pair for pair in parts if pair[1][0] == "closing"]
    kinds: dict[str, dict[str, Decimal]] = {"sale": {}, "other": {}, "return": {}}
    for one, (kind, amount, *_) in parts:
        if kind != "closing" and at("8:00") <= one.occurred_at <= at("20:00"):
            kinds[kind][one.terms] = Decimal(amount)
    sales, others = kinds["sale"], len(kinds["other"]) + len(kinds["return"])
    if int(receipts) < len(sales):
        return Cause.RECORDS_DOUBLED
    if int(receipts) > len(sales) + others:
        return Cause.RECORDS_MISSING
    total, back = sum(sales.values()), sum(kinds["return"].values())
    fits = {abs(Decimal(gross) - total), abs(Decimal(gross) - total + back)}
    return None if min(fits) <= Decimal("0.01") else Cause.TOTAL_DIFFERS


def random_day(rng: random.Random) -> list[Statement]:
    """Some receipts, some of them lost or sent twice, and the closing."""
    said: list[Statement] = []
    counted, total = 0, Decimal(0)
    for number in range(rng.randint(0, 8)):
        clock = f"{rng.randint(9, 18)}:{rng.randint(0, 59):02}"
        amount = Decimal(rng.randint(1, 9))
        kind = rng.choice(["sale", "sale", "sale", "void", "return"])
        if kind == "return":
            body = {"return_id": f"b-{number}", "refund": str(amount)}
            said += heard("order.returned", at(clock), body)
            total -= amount
        else:
            one = receipt(str(number), clock, str(amount), receipt_kind=kind)
            said += [one, one][: rng.choice([1, 1, 1, 1, 0])]
            said += [one._replace(event_id=f"again-{number}")] * rng.choice([0, 0, 1])
            total += amount * (kind == "sale")
        counted += kind != "void"
    said.append(receipt("yesterday", "3:00"))
    off = rng.choice([0, 0, 0, 1, -1])
    counted = max(0, counted + rng.choice([0, 0, 0, 1, -1]))
    return [*said, closing(counted, str(total + off))]


def test_as_the_oracle_says_in_any_order() -> None:
    """600 random days, shuffled, doubled and judged step by step, give what follows from the
    definition; time changes something only when it is due."""
    rng = random.Random(17)
    found_causes = set[Cause | None]()
    for _ in range(600):
        said = random_day(rng)
        book = KIND.judge(BOOK, RULES)
        for one in rng.sample(said * 2, k=2 * len(said)):
            book.add([one])
            if rng.random() < 0.2:
                book.advance(at(f"{rng.randint(0, 23)}:00"))
                book.incidents()
        book.advance(at("+3 0:00"))
        wanted = oracle(said)
        found_causes.add(wanted)
        assert [one.cause for one in book.incidents().values()] == [wanted] * bool(wanted)
        assert list(book.incidents().values()) == incidents(said, "+3 0:00")
    assert found_causes == {None, *Cause}


def test_nothing_changes_before_it_is_due() -> None:
    """The times at which something is due are all that a judge needs to look at."""
    rng = random.Random(18)
    for _ in range(40):
        lazy = KIND.judge(BOOK, RULES)
        lazy.add(random_day(rng))
        lazy.advance(at("0:00"))
        before = lazy.incidents()
        while (due := lazy.next_due) is not None:
            lazy.advance(due - timedelta(milliseconds=1))
            assert lazy.incidents() == before
            lazy.advance(due)
            before = lazy.incidents()


def test_the_largest_statement_keeps_its_bound() -> None:
    """A thousand characters at the most, whatever the names are."""
    made = receipt("n" * 100, "9:00", "99999999999.9999")
    last = closing(2**53 - 1, "99999999999.9999", number="z" * 100)
    assert max(len(made.value), len(last.value), len(last.terms)) <= 200
    [found] = incidents([made, last])
    assert found.cause == Cause.RECORDS_MISSING


def test_rules_and_who_met_it() -> None:
    """Hours of grace, tolerance, minutes of the edges; nobody meets it."""
    said = [*day(1, 2), closing(3, "30.00")]
    assert incidents(said, "21:00", RecordsRules(grace_start_hours={"default": 1})) != []
    near = [*day(1, 2), receipt("3", "20:05"), closing(3, "30.00")]
    [found] = incidents(near, rules=RecordsRules(edge_minutes=0))
    assert KIND.met(found, [], RULES) == []
    total = [*day(1, 2), closing(2, "21.00")]
    assert incidents(total, rules=RecordsRules(tolerance_absolute=Decimal(1))) == []
    with pytest.raises(ValidationError):
        RecordsRules(edge_minutes=-1)


SHOP = Book("default", NAME, Subject(SubjectType.SOURCE, f"shop:{DAY}"))


def shop(kind: str, clock: str, body: dict[str, Any], **fields: Any) -> list[Statement]:
    """What an event of the shop says of Monday."""
    name = f"{kind}-{clock}-{body.get('order_id', '')}-{body.get('gross', '')}"
    fields = {"channel": "shop", "source": {"system": "web"}, "event_id": name, **fields}
    return [one for one in heard(kind, at(clock), body, **fields) if one.book == SHOP]


def order(number: str, clock: str, gross: str | None = "10.00", **body: Any) -> list[Statement]:
    """An order of the shop."""
    total = {"gross": gross} if gross is not None else {}
    return shop("order.placed", clock, {"order_id": number, **total, **body})


def total(orders: int, gross: str, clock: str = "+1 3:00", **body: Any) -> list[Statement]:
    """The day total of Monday."""
    fields = {"date": DAY, "orders": orders, "gross": gross, **body}
    return shop("day.closed", clock, fields, event_id=f"t-{orders}-{gross}-{clock}")


def of_shop(said: Iterable[Statement], now: str = "+3 0:00", **rules: Any) -> list[AnyIncident]:
    """What follows of the shop's Monday."""
    book = KIND.judge(SHOP, RecordsRules(**rules))
    book.add(said)
    book.advance(at(now))
    return list(book.incidents().values())


TWO = [*order("1", "9:00"), *order("2", "21:00")]


def test_an_order_of_the_shop_did_not_arrive() -> None:
    """A day after the end of the day it is reported, and no longer when it arrives."""
    said = [*TWO, *total(3, "30.00")]
    assert of_shop(said, "+1 23:59") == []
    [found] = of_shop(said, "+2 0:00")
    assert (found.cause, found.channel, found.location) == (Cause.RECORDS_MISSING, "shop", "")
    assert (found.since, found.due_at) == (at("+1 0:00"), at("+2 0:00"))
    assert found.details == RecordsDetails(
        number=f"{DAY} EUR", expected_receipts=3, observed_receipts=2,
        expected_gross=Decimal(30), observed_gross=Decimal(20), currency="EUR",
    )  # fmt: skip
    assert of_shop([*said, *order("3", "23:30")]) == []
    assert of_shop(said, "+1 6:00", grace_start_hours={"shop": 6, "default": 24}) != []
    [over] = of_shop([*TWO, *total(1, "10.00")])
    assert over.cause == Cause.RECORDS_DOUBLED
    [other] = of_shop([*TWO, *total(2, "19.00")])
    assert other.cause == Cause.TOTAL_DIFFERS


GONE = shop("order.cancelled", "+1 1:00", {"order_id": "2"})
PART = shop("order.cancelled", "22:00", {"order_id": "2", "lines": [{"sku": "a", "total": "4"}]})
GIVEN_BACK = shop("order.returned", "12:00", {"return_id": "b", "refund": "7.00"})


@pytest.mark.parametrize(
    "said",
    [
        [*TWO, *total(2, "20.00")],
        # another currency has a total of its own
        [*TWO, *order("3", "10:00", "9.00", currency="CHF"), *total(2, "20.00"),
         *total(1, "9.00", currency="CHF")],
        # cancelled orders are counted or not, wholly or in part, also those of the day after
        *([*TWO, *GONE, *total(*one)] for one in ((1, "10"), (2, "10"), (2, "20"), (1, "20"))),
        *([*TWO, *PART, *total(2, one)] for one in ("20", "16")),
        # what was given back is taken off or not, in the currency of an order that nobody knows
        *([*TWO, *GIVEN_BACK, *total(2, one)] for one in ("20", "13")),
        # near midnight, and in the night of another day
        [*TWO, *order("3", "+1 0:04"), *total(3, "30")],
        [*TWO, *order("3", "+1 0:04"), *total(2, "20")],
        [*TWO, *order("0", "0:03"), *total(2, "20")],
        [*TWO, *order("3", "+1 0:30"), *total(2, "20")],
        # an amount that is not known; two reports that differ
        [*TWO, *order("3", "10:00", None), *total(3, "99")],
        [*TWO, *order("2", "21:00", "9.00"), *total(2, "77")],
        # reported twice, one of them right; corrected
        [*TWO, *total(2, "20"), *total(5, "50", "+1 6:00")],
        # no total
        TWO,
    ],
)  # fmt: skip
def test_of_shops_never_reported(said: list[Statement]) -> None:
    """What agrees in one way of counting, and what nobody can know."""
    assert of_shop(said) == []


def test_more_is_missing_than_was_cancelled() -> None:
    """A cancelled order excuses itself, no other one."""
    [found] = of_shop([*TWO, *GONE, *total(3, "30")])
    assert found.cause == Cause.RECORDS_MISSING
    [found] = of_shop([*TWO, *PART, *total(2, "15")])
    assert found.cause == Cause.TOTAL_DIFFERS
    [found] = of_shop([*TWO, *GIVEN_BACK, *total(2, "16")])
    assert found.cause == Cause.TOTAL_DIFFERS


def test_days_when_the_clocks_change() -> None:
    """The 29th of March has 23 hours, the 25th of October 25."""
    for day_, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-02", 24)):
        body = {"date": day_, "orders": 0, "gross": "0"}
        [made] = heard("day.closed", at("+300 0:00"), body, channel="shop")
        begin, end = map(datetime.fromisoformat, made.value.split("\x1f")[-2:])
        assert end - begin == timedelta(hours=hours)


def test_many_orders_at_midnight() -> None:
    """Hundreds of them are cut at every place between them."""
    rush = [one for n in range(300) for one in order(f"a{n}", "0:02", "1.00")]
    assert of_shop([*rush, *TWO, *total(162, "180.00")]) == []
    assert len(of_shop([*rush, *TWO, *total(162, "181.00")])) == 1


def shop_oracle(said: list[Statement]) -> bool:
    """Whether any subset that may be counted has the count and total; no order near midnight."""
    parts = [(one, one.value.split("\x1f")) for one in said]
    [(count, gross)] = [(int(p[1]), Decimal(p[2])) for _, p in parts if p[0] == "closing"]
    sales = {one.terms: Decimal(p[1]) for one, p in parts if p[0] == "sale"}
    gone = {one.terms for one, p in parts if p[0] == "cancelled"} & set(sales)
    back = sum(Decimal(p[1]) for _, p in parts if p[0] == "return")
    whole = sum(sales.values())
    off = whole - gross
    return len(sales) - len(gone) <= count <= len(sales) and any(
        0 <= off - refund <= sum(sales[one] for one in gone) for refund in (0, back)
    )


def test_shops_as_the_oracle_says_in_any_order() -> None:
    """400 random days of a shop."""
    rng = random.Random(19)
    verdicts = set[bool]()
    for _ in range(400):
        said: list[Statement] = []
        for number in range(rng.randint(0, 6)):
            clock = f"{rng.randint(6, 20)}:{rng.randint(10, 50)}"
            said += order(str(number), clock, str(rng.randint(1, 9)))
            if rng.random() < 0.2:
                said += shop("order.cancelled", clock, {"order_id": str(number)})
            if rng.random() < 0.2:
                body = {"return_id": str(number), "refund": str(rng.randint(1, 5))}
                said += shop("order.returned", clock, body, event_id=f"back-{number}")
        gross = sum(Decimal(one.value.split("\x1f")[1]) for one in said if "sale" in one.value)
        count = max(
            0, len({one.terms for one in said if "sale" in one.value}) - rng.choice([0, 0, 1])
        )
        said += total(count, str(gross - rng.choice([0, 0, 0, 1, 3, 5])))
        found = of_shop(rng.sample(said * 2, k=2 * len(said)))
        assert (found == []) == shop_oracle(said)
        assert found == of_shop(said)
        verdicts.add(found == [])
    assert verdicts == {True, False}
