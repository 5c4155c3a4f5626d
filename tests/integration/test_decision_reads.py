"""A preview of a decision about a long chain of identifiers takes few reads, not some per link."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.edge import Decision, Node, Verdict
from schemas.identifiers import node_id
from schemas.rules.identity import identity_rules
from services.identity.adapters.decisions import DecisionReader
from services.identity.ports import DecisionEffect
from services.identity.writer import IdentityWriter
from services.store.database import Database
from services.store.profile_map import Members, ProfileMap
from tests.conftest import empty_tables
from tests.events import SECRET, event, identifier, line
from tests.pipelines import ingested

REALM = "default"
LINKS = 300
STATEMENTS_MAX = 40
RULES = identity_rules().model_copy(update={"identifiers_max": None})
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def named(at: int) -> tuple[str, str]:
    """The identifiers of the chain: mailboxes and cards by turns."""
    return ("email", f"m{at}@example.com") if at % 2 else ("loyalty_card", f"c{at}")


def end(at: int) -> Node:
    """One of them in the graph."""
    type_name, value = named(at)
    return Node(node_id(SECRET, REALM, type_name, "", value), type_name, "")


def events() -> Iterator[bytes]:
    """Each link was seen a day after the one before, with a telephone of its own beside it."""
    for at in range(LINKS):
        who = [identifier(*named(one), verified=True) for one in (at, at + 1)]
        occurred_at = (BEGIN + timedelta(days=at)).isoformat()
        sent = event("identity.linked", event_id=f"l-{at}", occurred_at=occurred_at,
                     identifiers=[*who, identifier("phone", f"+4930231{at:05d}")])  # fmt: skip
        yield line(sent)


@pytest.fixture(scope="module")
def chain(engine: Database) -> Iterator[Database]:
    """A store with the chain."""
    empty_tables(engine)
    ingested(engine, events(), rules=RULES)
    yield engine
    empty_tables(engine)


def previewed(database: Database, monkeypatch: pytest.MonkeyPatch) -> tuple[DecisionEffect, int]:
    """The effect of parting the two ends, and how many statements it took."""
    asked: list[str] = []
    rows = Database.rows

    def counting(self: Database, sql: str, *arguments: Any, **options: Any) -> Any:
        asked.append(sql)
        return rows(self, sql, *arguments, **options)

    decision = Decision(end(0), end(LINKS), Verdict.DIFFERENT, "kim", "two", 1)
    a, b = sorted((decision.a, decision.b))
    with monkeypatch.context() as patched:
        patched.setattr(Database, "rows", counting)
        reader = DecisionReader(database, RULES)
        effect = reader.effect(REALM, decision._replace(a=a, b=b))
    return effect, len(asked)


def test_a_chain_is_read_at_once(chain: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview of a chain of three hundred links is what the writer finds hop by hop, with a
    fraction of the statements."""
    effect, statements = previewed(chain, monkeypatch)

    def nothing(self: IdentityWriter, nodes: Collection[Node]) -> None:
        pass

    with monkeypatch.context() as patched:
        patched.setattr(IdentityWriter, "load_ahead", nothing)
        slowly, hop_by_hop = previewed(chain, monkeypatch)
    assert effect == slowly
    assert len({effect.after.holder[node.id] for node in (end(0), end(LINKS))}) == 2
    assert statements <= STATEMENTS_MAX, statements
    assert hop_by_hop > 10 * STATEMENTS_MAX, hop_by_hop


def test_a_preview_survives_a_map_that_moves_under_it(
    chain: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two of its reads all of the chain gets another profile id: who held what is said as
    it was read first, of both identifiers and of all that move."""
    read = ProfileMap.members_of
    reads = list[int]()

    def members_of(self: ProfileMap, realm: str, profiles: Collection[int]) -> Members:
        reads.append(len(profiles))
        if len(reads) == 2:
            stronger = identifier("customer_number", "4711", verified=True)
            known = identifier(*named(0), verified=True)
            sent = event("identity.linked", event_id="stronger", identifiers=[stronger, known])
            with monkeypatch.context() as undone:
                undone.setattr(ProfileMap, "members_of", read)
                ingested(chain, [line(sent)], rules=RULES)
        return read(self, realm, profiles)

    before, _ = previewed(chain, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr(ProfileMap, "members_of", members_of)
        effect, _ = previewed(chain, monkeypatch)
    assert len(reads) == 2
    for node in (end(0).id, end(LINKS).id, *effect.after.holder):
        assert effect.before.holder[node] == before.before.holder[node]
