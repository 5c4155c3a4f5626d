"""A new store that knows the ledgers of an old one, and reads every topic from its beginning, comes
to the same state: of what only events of the erased named, no value is left in either."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.edge import Decision, Verdict
from schemas.identifiers import as_uuid
from schemas.instants import to_ms
from schemas.records import DecisionRecord, ErasureRecord
from services.erasure.adapters import eraser as eraser_module
from services.erasure.adapters.eraser import Eraser, erasure_id_of
from services.erasure.adapters.held import HeldReader
from services.erasure.adapters.runs import ErasureRuns
from services.runtime.errors import Fatal, Retry
from services.stream.person_records import identity_outgoing, person_outgoing
from tests.conftest import empty_tables
from tests.events import RECEIVED_AT, event, identifier, line, order
from tests.integration.test_erasure import REALM, assert_consistent, found_in, node
from tests.integration.test_erasure_on_server import Workers, run
from tests.integration.test_erasure_on_server import workers as workers
from tests.integration.test_personal_data import access
from tests.mixed_history import node_of
from tests.planted_person import EMAIL, OTHERS
from tests.tiers import always

LEDGERS = ("erasures", "erasure_orders", "erasure_runs", "marks", "kept_objections", "suppressions")
"""What a store knows that is in no topic."""
TYPED = "typed.planted@mail.example"
PHONE = "+493023125021"
THIRD = "third@mail.example"
MINE = identifier("email", EMAIL, verified=True)
OTHER = identifier("email", OTHERS[0], verified=True)
VALUE = "SELECT value FROM node_values FINAL WHERE value = {value:String}"


def tell(workers: Workers, event_id: str, *who: dict[str, Any]) -> None:
    """An event that names these, processed to its end."""
    workers.publish(line(event("page.viewed", event_id=event_id, identifiers=list(who))))
    run(workers.run_all())


def decide(workers: Workers, verdict: Verdict, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Somebody decides about two identifiers."""
    a, b = sorted((node_of(one), node_of(other)), key=lambda end: end.id)
    made = Decision(a, b, verdict, "ann", "x", to_ms(RECEIVED_AT) + 1)
    run(workers.send_all([person_outgoing(DecisionRecord.of(REALM, made))]))
    run(workers.run_all())


def record_of(workers: Workers, email: str) -> ErasureRecord:
    """The erasure of whoever has this address."""
    [held] = access(workers.database).reads.profiles.resolve(REALM, [node(email)]).values()
    nodes = list(map(as_uuid, HeldReader(workers.database).holding(REALM, held.profile).nodes))
    return ErasureRecord(realm=REALM, nodes=nodes, erased_ms=to_ms(RECEIVED_AT))


def erase(workers: Workers, record: ErasureRecord) -> None:
    """From its record to its end."""

    async def story() -> None:
        await workers.send_all([identity_outgoing(record)])
        await workers.finish(record)

    run(story())


def read_by_a_new_store(workers: Workers) -> Workers:
    """The same topics and ledgers, and otherwise nothing."""
    database = workers.database
    kept = {one: list(database.records(f"SELECT * FROM {one}")) for one in LEDGERS}
    empty_tables(database)
    for table, rows in kept.items():
        if rows:
            database.insert_rows(table, tuple(rows[0]), [tuple(row.values()) for row in rows])
    workers.topics.committed.clear()
    again = Workers(database, workers.topics)
    run(again.run_all())
    assert_consistent(database)
    return again


def decided(workers: Workers, verdict: Verdict) -> ErasureRecord:
    """The person types an address, and somebody decides whether it is the neighbour's."""
    typed = identifier("email", TYPED)
    tell(workers, "typed", MINE, typed)
    decide(workers, verdict, typed, OTHER)
    return record_of(workers, EMAIL)


@pytest.mark.parametrize("verdict", always((Verdict.SAME, Verdict.NONE), tuple(Verdict)))
def test_a_decision_stays_and_the_value_goes(workers: Workers, verdict: Verdict) -> None:
    """It is about somebody else, and names no value; a withdrawn one keeps none either. The dry run
    counts the value, and who verifies the receipt would see one that is left."""
    record = decided(workers, verdict)
    database, runs = workers.database, ErasureRuns(workers.database)
    nodes = [one.int for one in record.nodes]
    person = HeldReader(database).holding_of(REALM, nodes)
    assert person.unnamed == (node(TYPED),)
    told = runs.preview(person)["node_values"]
    [row] = database.records(
        "SELECT * FROM node_values FINAL WHERE value = {v:String}", {"v": TYPED}
    )
    erase(workers, record)
    assert not found_in(database, (TYPED,))
    assert database.rows("SELECT verdict FROM decisions FINAL") == [(verdict.value,)]
    state = runs.run(REALM, erasure_id_of(record))
    assert state is not None
    assert state.removed["node_values"] == told
    assert runs.remaining(REALM, state.nodes, state.stated) == {}
    before = workers.digest()
    assert read_by_a_new_store(workers).digest() == before
    database.insert_rows("node_values", tuple(row), [tuple(row.values())])
    assert runs.remaining(REALM, state.nodes, state.stated) == {"node_values": 1}


def test_a_value_that_somebody_else_says_stays(workers: Workers) -> None:
    """Then it is that one's, decided or not; and so is one that a corrected event has left a link
    of. In a new store, too."""
    typed, phone = identifier("email", TYPED), identifier("phone", PHONE)
    tell(workers, "theirs", OTHER, typed)
    first = order("n-1", "9.00", event_id="n", identifiers=[OTHER, phone])
    second = order("n-1", "9.00", event_id="n", identifiers=[OTHER], revision=1)
    workers.publish(line(first))
    run(workers.run_all())
    workers.publish(line(second))
    tell(workers, "mine", MINE, phone)
    record = decided(workers, Verdict.DIFFERENT)
    erase(workers, record)
    for value in (TYPED, PHONE):
        assert workers.database.rows(VALUE, {"value": value}) == [(value,)]
    before = workers.digest()
    assert read_by_a_new_store(workers).digest() == before


def test_a_link_of_a_gone_event_keeps_no_value(workers: Workers) -> None:
    """An erasure leaves a link between two identifiers of others, with the id of the event that
    went. The value goes with the last event that says it."""
    phone = identifier("phone", PHONE, verified=True)
    card = identifier("loyalty_card", "4711999", issuer="shop", verified=True)
    tell(workers, "card", card, OTHER)
    tell(workers, "all", phone, card, identifier("email", THIRD))
    tell(workers, "third", identifier("email", THIRD, verified=True))
    tell(workers, "typed", phone, identifier("email", EMAIL))
    erase(workers, record_of(workers, THIRD))
    assert workers.database.rows(VALUE, {"value": PHONE}) == [(PHONE,)]
    erase(workers, record_of(workers, EMAIL))
    assert not found_in(workers.database, (PHONE,))
    before = workers.digest()
    assert read_by_a_new_store(workers).digest() == before


def test_what_an_event_of_others_named_beside_goes(workers: Workers) -> None:
    """The event is kept under the neighbour's address, and the cookie has a link to that alone. It
    goes as it names the person, and nothing else says what the cookie is."""
    cookie = identifier("cookie", "cookie-beside")
    tell(workers, "beside", OTHER, cookie, identifier("email", EMAIL))
    assert workers.database.rows("SELECT node FROM touchpoints WHERE event_id = 'beside'") == [
        (as_uuid(node(OTHERS[0])),)
    ]
    erase(workers, record_of(workers, EMAIL))
    assert not found_in(workers.database, ("cookie-beside",))
    ends = [str(as_uuid(node_of(cookie).id))]
    left = "SELECT count() FROM edges FINAL WHERE a IN {n:Array(UUID)} OR b IN {n:Array(UUID)}"
    assert workers.database.rows(left, {"n": ends}) == [(0,)]
    before = workers.digest()
    assert read_by_a_new_store(workers).digest() == before


def test_both_who_used_a_tablet_are_erased(workers: Workers) -> None:
    """The tablet stays shared as long as one of them is known, in either store."""
    erase(workers, record_of(workers, EMAIL))
    erase(workers, record_of(workers, OTHERS[0]))
    before = workers.digest()
    assert read_by_a_new_store(workers).digest() == before


def test_an_interrupted_erasure_knows_which_values_go(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the events are gone, and before the values are: the next start finds them in what
    was noted."""
    record = decided(workers, Verdict.SAME)
    change = Eraser._change

    def dying(one: Eraser, table: str, sql: str, asked: dict[str, Any]) -> None:
        if table == "node_values":
            raise Retry("killed")
        change(one, table, sql, asked)

    eraser = Eraser(workers.database, lambda *_given: ())
    with monkeypatch.context() as patch:
        patch.setattr(eraser_module.Eraser, "_change", dying)
        with pytest.raises(Fatal, match="killed"):
            eraser.erase(record)
    assert found_in(workers.database, (TYPED,)) == {("node_values", TYPED)}
    assert Eraser(workers.database, lambda *_given: ()).complete() == 1
    assert not found_in(workers.database, (TYPED,))
