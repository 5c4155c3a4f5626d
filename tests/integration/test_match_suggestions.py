"""Suggestions through the whole pipeline: found, stored, explained, decided, never asked again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from services.api.operation import plain
from services.api.operations import OPERATIONS
from services.api.ports import Access
from services.api.queries.suggestions import UNKNOWN_SUGGESTION
from services.api.read_store import access_to
from services.api.suggest import persons_among
from services.matching.adapters import clickhouse
from services.matching.adapters.clickhouse import SuggestionStore
from services.runtime.errors import NotFound
from services.runtime.settings import Settings
from services.store.database import Database
from services.store.secret import register_secret
from tests.conftest import empty_tables
from tests.events import event, identifier, line
from tests.pipelines import ingested, pipeline_on

ANNA = {"first_name": "Annegret", "last_name": "Müller", "birth_date": "1971-12-04",
        "postal_code": "20144", "city": "Hamburg"}  # fmt: skip
HOME = {"last_name": "Zander", "street": "Lindenallee 3", "postal_code": "20146",
        "city": "Hamburg"}  # fmt: skip
SAID = {"by": "kim", "reason": "same handwriting"}
Json = dict[str, Any]


def profile(number: str, attributes: Json, kind: str = "loyalty_card", **given: Any) -> bytes:
    named = [identifier(kind, number, verified=True)]
    body = {"attributes": attributes}
    sent = event("profile.updated", event_id=f"p-{number}", identifiers=named, body=body, **given)
    return line(sent)


def everything() -> Iterator[bytes]:
    """A till card and a shop account of one person, both alone; a household; two customer numbers;
    an address that somebody typed."""
    yield profile("c-1", ANNA)
    yield profile("s-1", ANNA | {"last_name": "MUELLER", "street": "Weg 1"}, "customer_number")
    for number, name, born in (
        ("h-1", "Georg", "1955-02-01"), ("h-2", "Georg", "1985-02-01"),
        ("h-3", "Lea", "2001-07-09"), ("h-4", "Lena", "2001-07-09"),
    ):  # fmt: skip
        yield profile(number, HOME | {"first_name": name, "birth_date": born})
    two = ANNA | {"first_name": "Zacharias", "last_name": "Obermaier", "birth_date": "1950-05-06"}
    yield profile("n-1", two, "customer_number")
    yield profile("n-2", two, "customer_number")
    typed = [identifier("customer_number", "t-1", verified=True), identifier("email", "t@x.de")]
    yield line(event("identity.linked", event_id="typed", identifiers=typed))
    yield line(
        event("identity.linked", event_id="proved", identifiers=[
            identifier("email", "t@x.de", verified=True),
            identifier("loyalty_card", "t-2", verified=True),
        ])
    )  # fmt: skip


class Desk:
    """Somebody who looks at suggestions."""

    def __init__(self, access: Access) -> None:
        self.access = access

    def run(self, name: str, **asked: Any) -> list[Json]:
        operation: Any = OPERATIONS[name]
        request = operation.request(realm="default", **asked)
        return [plain(row) for row in operation.run(self.access, request)]

    def profile_of(self, text: str) -> str:
        [found] = self.run("profile_get", who=text)
        return str(found["profile_id"])


@pytest.fixture(scope="module")
def desk(engine: Database, server_settings: Settings) -> Iterator[Desk]:
    """A store with these persons, and what may be decided about them."""
    empty_tables(engine)
    ingested(engine, everything())
    register_secret(engine, server_settings.secret(), "the test's store")
    pipeline = pipeline_on(engine)
    pipeline.recover()
    yield Desk(access_to(server_settings, engine, pipeline.act))
    empty_tables(engine)


def test_what_is_found_is_listed_and_explained(desk: Desk) -> None:
    """The card and the account are proposed with the part of each field; the household is not."""
    [told] = desk.run("identity_suggest")
    assert (told["matches"], told["stated"], told["learnt_from"]) == (2, 1, 0)
    assert told["persons"] == 8
    assert told["households"] >= 2
    listed = desk.run("identity_suggestions")
    assert [one["kind"] for one in listed] == ["match", "match", "stated"]
    pairs = {frozenset((one["node_id"], one["other_node_id"])): one for one in listed}
    anna = frozenset(map(desk.profile_of, ("loyalty_card=c-1", "customer_number=s-1")))
    numbers = frozenset(map(desk.profile_of, ("customer_number=n-1", "customer_number=n-2")))
    typed = frozenset(map(desk.profile_of, ("customer_number=t-1", "loyalty_card=t-2")))
    assert pairs.keys() == {anna, numbers, typed}
    assert pairs[numbers]["notes"] == ["two_of_a_unique_type"]
    assert pairs[anna]["notes"] == []
    assert (pairs[typed]["event_ids"], pairs[typed]["probability"]) == (["typed"], None)
    one = pairs[anna]
    words = {part["field"]: part["words"] for part in one["parts"]}
    assert words["birth_date"] == "same birth date"
    assert one["probability"] > 0.9


def test_a_person_is_read_once(
    desk: Desk, engine: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of her identifiers have attributes, and whatever page they stand on."""
    named = [identifier("customer_number", "w-0", verified=True)]
    names = ["w-0", "w-1", "w-2"]
    ingested(
        engine,
        [
            *(profile(name, {"last_name": "Wolke"}, "customer_number") for name in names[:1]),
            *(profile(name, {"last_name": "Wolke"}) for name in names[1:]),
            *(
                line(event("identity.linked", event_id=f"link-{name}", identifiers=[
                    *named, identifier("loyalty_card", name, verified=True)
                ]))
                for name in names[1:]
            ),
        ],
    )  # fmt: skip
    store = SuggestionStore(engine)
    among = persons_among(desk.access.reads, "default")
    whole = [one for page in store.persons("default", among) for one in page.items()]
    monkeypatch.setattr(clickhouse, "NODES_AT_ONCE", 1)
    pages = list(store.persons("default", among))
    paged = [one for page in pages for one in page.items()]
    assert len(pages) > len(whole)
    assert len(dict(paged)) == len(paged)
    assert sorted(paged) == sorted(whole)
    her = UUID(desk.profile_of("customer_number=w-0")).int
    assert {one.value for one in dict(paged)[her]} == set(names)


def test_values_are_hidden_without_the_right(desk: Desk) -> None:
    """The list holds no value of a person; one suggestion shows hints where it has to."""
    desk.run("identity_suggest")
    listed = desk.run("identity_suggestions")
    assert "Annegret" not in str(listed)
    [one] = [one for one in listed if "same given name" in str(one) and not one["notes"]]
    [shown] = desk.run("identity_suggestion", suggestion_id=one["suggestion_id"])
    [hinted] = desk.run(
        "identity_suggestion", suggestion_id=one["suggestion_id"][:6], is_masked=True
    )
    assert "Annegret" in str(shown)
    assert "Müller" in str(shown)
    for secret in ("Annegret", "Müller", "MUELLER", "1971-12-04", "20144"):
        assert secret not in str(hinted)


def test_answers_are_decisions(desk: Desk) -> None:
    """Accepting joins at once, declining keeps apart, and neither pair is proposed again."""
    desk.run("identity_suggest")
    listed = desk.run("identity_suggestions", kind="match")
    anna, numbers = sorted(listed, key=lambda one: len(one["notes"]))
    ids = [one["suggestion_id"] for one in (anna, numbers)]
    [dry] = desk.run(
        "identity_answer_suggestion", suggestion_id=ids[0], accept=True, dry_run=True, **SAID
    )
    assert (dry["is_recorded"], dry["effect"]["together_after"]) == (False, True)
    desk.run("identity_answer_suggestion", suggestion_id=ids[0], accept=True, **SAID)
    assert desk.profile_of("loyalty_card=c-1") == desk.profile_of("customer_number=s-1")
    desk.run("identity_answer_suggestion", suggestion_id=ids[1], accept=False, **SAID)
    assert desk.profile_of("customer_number=n-1") != desk.profile_of("customer_number=n-2")
    states = {one["suggestion_id"]: one["state"] for one in desk.run(
        "identity_suggestions", state=None
    )}  # fmt: skip
    assert (states[ids[0]], states[ids[1]]) == ("accepted", "declined")
    [again] = desk.run("identity_suggest")
    assert (again["matches"], again["decided"]) == (0, 1)
    states = {one["suggestion_id"]: one["state"] for one in desk.run(
        "identity_suggestions", state=None
    )}  # fmt: skip
    assert (states[ids[0]], states[ids[1]]) == ("accepted", "declined")


def test_an_unknown_suggestion_is_not_found(desk: Desk) -> None:
    """The error has a reason of its own, by which the command line gives advice."""
    with pytest.raises(NotFound) as raised:
        desk.run("identity_suggestion", suggestion_id="ffff")
    assert raised.value.reason == UNKNOWN_SUGGESTION
