"""Contact permission through the whole engine while identities merge and split: by events in any
order, by decisions, and back. One store; every case has customers of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from services.api.read_store import access_to
from services.ingest.lines import Line
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.secret import register_secret
from tests.conftest import empty_tables
from tests.events import event, identifier, line
from tests.integration.test_identity_decisions import Desk
from tests.pipelines import pipeline_on

CARD, MAIL, OTHER = "c{}", "m{}@example.com", "o{}@example.com"


@pytest.fixture(scope="module")
def desk(engine: Database, server_settings: Settings) -> Iterator[Desk]:
    """An empty store, with whoever decides about what is in it."""
    empty_tables(engine)
    register_secret(engine, server_settings.secret(), "the test's store")
    pipeline = pipeline_on(engine)
    yield Desk(access_to(server_settings, engine, pipeline.act), pipeline)
    empty_tables(engine)


def take(desk: Desk, *events: bytes) -> None:
    """Take them in one batch."""
    pipeline = desk.pipeline
    pipeline.finish(pipeline.decode([Line(one, len(one)) for one in events]))


def happened(type_: str, minute: int, name: str, *who: dict[str, Any]) -> bytes:
    """An event of so many minutes after ten."""
    at = f"2026-11-02T10:{minute:02d}:00+00:00"
    body: dict[str, Any] = {}
    if type_ != "identity.linked":
        body = {"purpose": "marketing", "channel": "email"}
    if type_ == "objection.made":
        body["channel"] = ""
    found = event(type_, event_id=name, occurred_at=at, identifiers=[*who], body=body)
    return line(found)


def mail(text: str) -> dict[str, Any]:
    """A verified address."""
    return identifier("email", text, verified=True)


def card(text: str) -> dict[str, Any]:
    """A verified card."""
    return identifier("loyalty_card", text, verified=True)


def may(desk: Desk, *addresses: str) -> list[tuple[bool, str]]:
    """Whether each address may get marketing mail, and why; what the profile says is the same."""
    asked = [{"type": "email", "value": one} for one in addresses]
    found = desk.run("contact_permission", channel="email", purpose="marketing", addresses=asked)
    return [(one["allowed"], one["reason"]) for one in found]


def history(desk: Desk, who: str) -> dict[str, str]:
    """What was ever said, by event: the step that it was."""
    [page] = desk.run("profile_consents", identifier=who, limit=50)
    steps = [step for entry in page["entries"] for step in entry["evidence"]]
    return {one["event_id"]: one["action"] for one in steps}


def story(name: str) -> tuple[str, str, str, list[bytes]]:
    """Card, address and second address of a customer who agreed with both addresses and later
    objected with the card in hand; the card and the addresses are linked by events."""
    c, m, o = (one.format(name) for one in (CARD, MAIL, OTHER))
    return (
        c,
        m,
        o,
        [
            happened("consent.given", 1, f"given-{name}", mail(m)),
            happened("consent.given", 2, f"other-{name}", mail(o)),
            happened("objection.made", 5, f"objected-{name}", card(c)),
            happened("identity.linked", 0, f"linked-{name}", card(c), mail(m)),
            happened("identity.linked", 0, f"too-{name}", card(c), mail(o)),
        ],
    )


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
def test_the_order_of_arrival_makes_no_difference(desk: Desk, order: tuple[int, ...]) -> None:
    """An objection holds for every address that is the person's, from the batch that links them."""
    name = "a" + "".join(map(str, order))
    _, m, o, events = story(name)
    parts = [events[:2], [events[2]], [events[3]], [events[4]]]
    seen: set[int] = set()
    for at in order:
        take(desk, *parts[at])
        seen.add(at)
        if 0 in seen:
            objected = [{1, 2} <= seen, {1, 3} <= seen]
            expected = [(False, "objected") if one else (True, "opted_in") for one in objected]
            assert may(desk, m, o) == expected, seen
    assert history(desk, f"email={m}") == {
        f"given-{name}": "given", f"other-{name}": "given", f"objected-{name}": "objection",
    }  # fmt: skip


def test_a_later_opt_in_counts_for_its_own_address(desk: Desk) -> None:
    """Not for the other one, whose consent is older than the objection; at the same time, no."""
    _, m, o, events = story("b")
    take(desk, *events, happened("consent.given", 5, "tie", mail(o)))
    assert may(desk, m, o) == [(False, "objected")] * 2
    take(desk, happened("consent.given", 6, "again", mail(m)))
    assert may(desk, m, o) == [(True, "opted_in"), (False, "objected")]


def test_decisions_change_the_answer_at_once(desk: Desk) -> None:
    """Parted, each half has what was said under its own identifiers; withdrawn, all is as before;
    and nothing of what was said is ever lost."""
    c, m, o, events = story("d")
    take(desk, *events)
    before = history(desk, f"loyalty_card={c}")
    desk.decide("different", f"loyalty_card={c}", f"email={m}")
    assert may(desk, m, o) == [(True, "opted_in"), (False, "objected")]
    assert history(desk, f"email={m}") == {"given-d": "given"}
    assert history(desk, f"loyalty_card={c}") == {"other-d": "given", "objected-d": "objection"}
    desk.decide("none", f"loyalty_card={c}", f"email={m}")
    assert may(desk, m, o) == [(False, "objected")] * 2
    assert history(desk, f"email={m}") == before
    assert before.keys() == {"given-d", "other-d", "objected-d"}


def test_a_decision_brings_an_objection_and_takes_it_along(desk: Desk) -> None:
    """Two customers found to be one are asked for nothing that either refused."""
    take(desk, happened("consent.given", 1, "given-e", mail("e1@example.com"), card("ce1")))
    take(desk, happened("objection.made", 2, "objected-e", card("ce2"), mail("e2@example.com")))
    assert may(desk, "e1@example.com", "e2@example.com") == [
        (True, "opted_in"), (False, "objected"),
    ]  # fmt: skip
    desk.decide("same", "loyalty_card=ce1", "loyalty_card=ce2")
    assert may(desk, "e1@example.com", "e2@example.com") == [(False, "objected")] * 2
    desk.decide("none", "loyalty_card=ce1", "loyalty_card=ce2")
    assert may(desk, "e1@example.com") == [(True, "opted_in")]
    desk.require_right_map()
