"""What need not be solved is right: a profile is plain only if its rows are those from scratch."""

from __future__ import annotations

from random import Random

import pytest

from schemas.edge import Edge, Node
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import IdentityRules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.model import TypeTable, type_table
from services.identity.core.resolve import resolve
from services.identity.in_parts import SPAN_OF_PARTS
from services.identity.rebuild import rebuilt_parts
from services.identity.sieve import sieve_of
from services.identity.verification import Verified, WrongPlacement, differences
from services.identity.writer import IdentityWriter
from services.runtime.errors import Retry
from tests.unit.identity.replay import REALM, Replay
from tests.unit.identity.stories import changed_rules, link, parts, random_story, small_rules

SEEDS = range(200)
RULES = small_rules(6, 3)


def customers(rng: Random, count: int) -> list[Edge]:
    """Edges of customers as they mostly are, and of a till that they all have in common."""
    edges = list[Edge]()
    till = Node(1, "cookie", "")
    for customer in range(1, count + 1):
        number, card, mail, phone, cookie, session = (
            Node(rng.getrandbits(100), kind, "")
            for kind in ("customer_number", "card", "email", "phone", "cookie", "session")
        )
        pairs = [(number, card), (number, mail), (mail, phone), (number, cookie)]
        pairs += [(mail, cookie), (session, cookie), (number, till)]
        edges += (
            link(x, y, rng.randrange(50), f"e{customer}-{turn}", True)
            for turn, (x, y) in enumerate(pairs)
        )
    return edges


def written(edges: list[Edge], store: MemoryIdentityStore | None = None) -> MemoryIdentityStore:
    """A store in which the writer has put them."""
    store = store or MemoryIdentityStore()
    writer = IdentityWriter(store, REALM, RULES)
    writer.commit(writer.apply(edges), 1)
    return store


def test_a_plain_profile_is_that_from_scratch() -> None:
    """After any story and under other rules: its rows, and that no refusal is about it."""
    plain = 0
    for seed in SEEDS:
        rng = Random(seed)
        replay = Replay(random_story(rng), rng)
        replay.run()
        for rules in (replay.story.rules, changed_rules(rng, replay.story.rules)):
            doubtful = sieve_of(replay.store, REALM, type_table(rules)).doubtful
            assert doubtful is not None
            placements, refusals = resolve(*parts(replay.story.items), rules)
            refused = {end for one in refusals for end in (one.a, one.b)}
            refused |= {end for one in replay.store.all_refusals(REALM) for end in (one.a, one.b)}
            for node, placement in replay.store.all_placements(REALM).items():
                if placement.profile not in doubtful:
                    plain += 1
                    assert placements.get(node) == placement, f"seed {seed}"
                    assert node not in refused, f"seed {seed}"
    assert plain > len(SEEDS)


class SlowStore(MemoryIdentityStore):
    """One pass over its graph takes longer than a statement may."""

    def crowded(self, realm: str, table: TypeTable, at_most: int) -> list[Node]:
        """See the port."""
        raise Retry("the statement was stopped")


def test_a_pass_that_takes_too_long_is_done_without() -> None:
    """Everything is solved then, and what is wrong is found."""
    store = written(customers(Random(3), 9), store=SlowStore())
    assert sieve_of(store, REALM, type_table(RULES)).doubtful is None
    node = max(store.all_placements(REALM))
    del store._realms[REALM].placements[node]
    told = Verified()
    found = list(differences(store, REALM, RULES, told, 4, lambda _: None))
    assert [one.ends for one in found] == [(node,)]
    assert told.nodes == 9 * 6 + 1


def test_a_personal_identifier_may_be_new_for_each_visit() -> None:
    """Of personal ones each counts, for a stronger one too: a card with too many of them joins
    nobody under a lower limit, so the one person that they were is solved."""
    guests = RULES.model_dump(mode="json", by_alias=True)
    for one in guests["type"]:
        if one["name"] == "email":
            one["ephemeral"] = True
    loose = IdentityRules.model_validate({**guests, "hub_above_personal": 10})
    strict = IdentityRules.model_validate({**guests, "hub_above_personal": 3})
    card, store = Node(1, "card", ""), MemoryIdentityStore()
    edges = [link(card, Node(n, "email", ""), n, f"e{n}", True) for n in range(2, 7)]
    writer = IdentityWriter(store, REALM, loose)
    writer.commit(writer.apply(edges), 1)
    assert len({one.profile for one in store.all_placements(REALM).values()}) == 1
    assert sieve_of(store, REALM, type_table(strict)).doubtful
    assert list(differences(store, REALM, strict, Verified()))


def test_most_customers_are_plain() -> None:
    """Whatever they all have in common: what joins nobody is solved, and nothing else."""
    store = written(customers(Random(1), 40))
    doubtful = sieve_of(store, REALM, type_table(RULES)).doubtful
    assert doubtful == {1}
    told = Verified()
    assert list(differences(store, REALM, RULES, told, 7)) == []
    assert told.nodes == 40 * 6 + 1


@pytest.mark.parametrize("kind", [None, *ProfileKind])
@pytest.mark.parametrize("moves", [False, True])
def test_a_wrong_row_is_found_wherever_it_is(kind: ProfileKind | None, moves: bool) -> None:
    """Of a graph in which nearly everything is plain, each row in turn: missing (None), of another
    kind, or of another profile."""
    store = written(customers(Random(2), 9))
    assert sieve_of(store, REALM, type_table(RULES)).doubtful == {1}
    right, rows = store.all_placements(REALM), store._realms[REALM]
    found = 0
    for node, placement in right.items():
        other = next(one.profile for one in right.values() if one.profile != placement.profile)
        wrong = Placement(other if moves else placement.profile, kind or placement.kind)
        if wrong == placement and kind is not None:
            continue
        if kind is None:
            del rows.placements[node]
        else:
            rows.placements[node] = wrong
        about = [
            one.node.id
            for one in differences(store, REALM, RULES, Verified(), 5, lambda _: None)
            if isinstance(one, WrongPlacement)
        ]
        assert node in about
        rows.placements[node] = placement
        found += 1
    assert found > 0


def test_parts_in_doubt_are_told_whole() -> None:
    """Their rows may be right because an attempt before wrote them and died: all are told again,
    until the part that was in hand must have been among them."""
    store = written(customers(Random(4), 9))
    nodes = [one.id for one in next(store.nodes(REALM, 99))]
    parts_ = list(rebuilt_parts(store, REALM, RULES, 2, in_doubt=True))
    told = {one for part in parts_ for one in part.changes.placements}
    assert told >= set(nodes[: 2 * 2 * SPAN_OF_PARTS])
    assert parts_[-1].is_right
    assert sum(part.nodes for part in parts_) == len(nodes) == 9 * 6 + 1


@pytest.mark.parametrize("size", [1, 2, 4])
def test_what_was_written_and_not_told_is_told(size: int) -> None:
    """A rebuild that dies in any part, of which all rows are written, goes on with these: other
    parts than before, as what is right by then is plain, and with new identifiers between them."""
    written_rows = 0
    for seed in range(100):
        rng = Random(seed)
        replay = Replay(random_story(rng), rng)
        replay.run()
        store, rules = replay.store, changed_rules(rng, replay.story.rules)
        place, dies_in = None, rng.randint(1, 6)
        for number, part in enumerate(rebuilt_parts(store, REALM, rules, size), 1):
            IdentityWriter(store, REALM, rules).commit(part.changes, 1)
            if number == dies_in:
                break
            store.remove_placements(REALM, part.gone)
            place = part.place
        else:
            continue
        writer = IdentityWriter(store, REALM, rules, renewed=True)
        new = Node(part.place - 1, "cookie", ""), Node(part.place + 1, "cookie", "")
        writer.commit(writer.apply([link(*new, 9, "new", True)]), 2)
        told = set[int]()
        for again in rebuilt_parts(store, REALM, rules, size, after=place, in_doubt=True):
            told |= again.changes.placements.keys()
        assert told >= part.changes.placements.keys(), f"seed {seed}"
        written_rows += len(part.changes.placements)
    assert written_rows > 50


def test_two_persons_that_only_a_device_connects_are_not_one() -> None:
    """Though all of it hangs together and no edge leads out."""
    number, mail = Node(1, "card", ""), Node(2, "email", "")
    cookie = Node(3, "cookie", "")
    store = written([link(number, cookie, 1, "e1", True), link(mail, cookie, 2, "e2", True)])
    one = Placement(number.id, ProfileKind.PERSON)
    store.write_placements(REALM, {node.id: (node, one) for node in (number, mail, cookie)})
    assert sieve_of(store, REALM, type_table(RULES)).doubtful == {number.id}
    found = list(differences(store, REALM, RULES, Verified(), 5, lambda _: None))
    assert {end for one in found for end in one.ends} == {mail.id, cookie.id}
