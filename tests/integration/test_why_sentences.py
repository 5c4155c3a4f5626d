"""Explanations in sentences, of events that were stored: a tablet, a refused merge, a decision, a
customer of thousands of visits, an identifier that everybody uses."""

from __future__ import annotations

from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

from schemas.api.permission import Language
from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import node_id
from schemas.rules.identity import identity_rules
from services.api.explained import EdgeStep, Explained, NearStep
from services.api.sentences import Sentences
from services.identity.adapters.clickhouse import ClickHouseIdentityStore
from services.identity.adapters.explanation import Explanation
from services.identity.writer import IdentityWriter
from services.ingest.core.outcome import Intake
from services.ingest.lines import Line
from services.store.database import Database
from tests.events import RECEIVED_AT, SECRET, event, identifier, line
from tests.integration.test_recovery import pipeline
from tests.unit.identity.stories import link

REALM = "default"
RULES = identity_rules()
SESSIONS = 5_000
CPU_S_MAX = 8.0
"""Of both explanations, on a busy machine; they take two seconds with the engine."""
Json = dict[str, Any]
ANNA = identifier("customer_number", "1001", verified=True)
BEN = identifier("customer_number", "1002", verified=True)
TABLET = identifier("device_id", "tablet")
MAIL = identifier("email", "anna@example.com", verified=True)


def linked(*identifiers: Json, day: int, reason: str = "login", **fields: Any) -> Json:
    """An event that names these identifiers, on a day of April 2026."""
    at = f"2026-04-{day:02}T19:00:00+02:00"
    body = {"reason": reason}
    return (
        event("identity.linked", identifiers=list(identifiers), occurred_at=at, body=body) | fields
    )


def send(database: Database, *sent: Json) -> None:
    """Store events with all that follows from them."""
    run = pipeline(database)
    lines = [Line(one, len(one)) for one in map(line, sent)]
    run.finish(run._stage.decode(lines, RECEIVED_AT, Intake.FILE))


def node(one: Json) -> int:
    """The id of an identifier."""
    return node_id(SECRET, REALM, one["type"], one["issuer"], one["value"])


def explained(database: Database, a: int, b: int) -> Explained:
    """The explanation of two identifiers, without sentences."""
    found = Explanation(database, RULES, REALM).explain(a, b)
    return Explained.model_validate({**found, "language": "en", "sentences": []})


def told(database: Database, a: Json, b: Json, language: Language = Language.ENGLISH) -> list[str]:
    """The sentences about two identifiers."""
    found = explained(database, node(a), node(b))
    return Sentences(language, ZoneInfo("Europe/Berlin"), RULES).of(found)


def test_a_shared_tablet(database: Database) -> None:
    """It connects two customers and belongs to neither; who they are is said."""
    send(database, linked(ANNA, TABLET, day=1), linked(BEN, TABLET, day=2))
    assert told(database, ANNA, BEN) == [
        "No: the customer number 1001 and the customer number 1002 are two people.",
        "What comes closest:",
        "Somebody logged in with the customer number 1001 in the web shop on 1 April 2026; the "
        "device tablet was in use.",
        "This does not say whose it is.",
        "The device tablet is used by several people (the customer number 1001 and the customer "
        "number 1002), so it belongs to nobody.",
        "Somebody logged in with the customer number 1002 in the web shop on 2 April 2026; the "
        "device tablet was in use.",
    ]
    assert told(database, TABLET, TABLET, Language.GERMAN)[1] == (
        "Das Gerät tablet wird von mehreren Personen genutzt (die Kundennummer 1001 und die "
        "Kundennummer 1002) und wird deshalb niemandem zugeordnet."
    )


def test_a_refused_merge(database: Database) -> None:
    """A second customer number at one address: what happened, and what stands against it."""
    till = {"channel": "pos", "source": {"system": "till", "store": "Hamburg"}}
    card = identifier("loyalty_card", "4711", verified=True)
    send(
        database,
        linked(ANNA, MAIL, day=1, reason="registration"),
        linked(BEN, MAIL, day=2),
        linked(card, MAIL, day=3, reason="card_presented", **till),
    )
    assert told(database, BEN, card)[2:] == [
        "Somebody logged in with the customer number 1002 in the web shop on 2 April 2026, "
        "together with the e-mail address anna@example.com.",
        "Even so, the customer number 1002 and the e-mail address anna@example.com were not "
        "brought together. Otherwise one person would have the customer number 1001 and the "
        "customer number 1002, and nobody has two of a kind from one issuer.",
        "The loyalty card 4711 was shown at the till of store Hamburg on 3 April 2026, together "
        "with the e-mail address anna@example.com.",
        "Each of the two belongs to one person only, so it is the same person.",
    ]
    assert told(database, ANNA, card, Language.GERMAN)[0].startswith("Ja: die Kundennummer 1001")


def test_a_pair_that_somebody_decided(database: Database) -> None:
    """Who decided what, when and why; the events that would have joined them are told, too."""
    send(database, linked(ANNA, MAIL, day=1))
    store = ClickHouseIdentityStore(database)
    anna, mail = Node(node(ANNA), "customer_number", ""), Node(node(MAIL), "email", "")
    writer = IdentityWriter(store, REALM, RULES)
    apart = Decision(anna, mail, Verdict.DIFFERENT, "mia.k", "her daughter's", 1_775_300_000_000)
    writer.commit(writer.apply([], [apart]), 1 << 60)
    found = told(database, ANNA, MAIL)
    [head, decided, _, happened, apart_by] = found
    assert head.startswith("No: ")
    assert decided.startswith("A person (mia.k) decided on 4 April 2026 that ")
    assert decided.endswith(" are two people. Reason given: her daughter's.")
    assert all(one in decided for one in ("number 1001", "address anna@example.com"))
    assert happened.startswith("Somebody logged in with the customer number 1001 in the web shop")
    assert "were kept apart" in apart_by


def test_what_was_typed_by_a_stranger(database: Database) -> None:
    """Without proof it joins nobody, and the sentence says so."""
    cookie = identifier("cookie", "c-7")
    send(
        database,
        event("page.viewed", identifiers=[cookie, MAIL | {"verified": False}]),
    )
    found = told(database, cookie, MAIL)
    assert any("was only named, without proof" in one for one in found)
    assert any(one.startswith("Nothing proved that") for one in found)
    assert "Nothing was ever seen that connects the two." in told(database, ANNA, MAIL)


def test_a_customer_of_thousands_of_visits(database: Database) -> None:
    """And a value that everybody uses: an answer in a second or two, and what is shown is right."""
    anna, phone = Node(node(ANNA), "customer_number", ""), Node(7, "phone", "")
    edges = [
        link(anna, Node(10**9 + n, "session", "shop"), n, f"s-{n}", True) for n in range(SESSIONS)
    ]
    edges += [
        link(phone, Node(10**6 + n, "customer_number", "shop"), n, f"p-{n}", True)
        for n in range(SESSIONS)
    ]
    writer = IdentityWriter(ClickHouseIdentityStore(database), REALM, RULES)
    writer.commit(writer.apply([*edges, link(anna, phone, 1, "x", True)]), 1)
    began = process_time()
    [step] = explained(database, anna.id, 10**9 + 17).path
    apart = explained(database, 10**9 + 17, phone.id)
    took = process_time() - began
    assert isinstance(step, EdgeStep)
    assert (step.event_id, apart.same) == ("s-17", False)
    [shared] = apart.shared
    assert (shared.because, len(shared.samples), shared.is_cut) == ("hub", 5, True)
    assert shared.persons >= SESSIONS - 1
    assert [one.event_id for one in apart.nearest if isinstance(one, NearStep)] == ["s-17", "x"]
    assert took < CPU_S_MAX
