"""Profile changes of a batch: one record per profile id, the latest of which is right."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId, as_uuid
from schemas.placement import ProfileKind
from schemas.records import PROFILE_CAUSES_MAX, ProfileChangeRecord
from schemas.rules.identity import identity_rules
from services.identity.adapters.memory import MemoryIdentityStore
from services.identity.core.changes import Touched, profile_changes, regrouped, rows_wanted
from services.identity.core.resolve import resolve
from services.identity.writer import Changes, IdentityWriter
from services.stream.connection import key_of
from tests.unit.identity.rehearsal import check_followers
from tests.unit.identity.stories import chunk, link, parts, random_story

ANNA = Node(11, "customer_number", "shop")
ANNA_MAIL = Node(12, "email", "")
BEN = Node(21, "customer_number", "shop")
BEN_MAIL = Node(22, "email", "")
CARD = Node(23, "loyalty_card", "coalition")
TABLET = Node(31, "device_id", "app")
SESSION = Node(41, "session", "shop")
OTHER_SESSION = Node(42, "session", "shop")
Said = tuple[str, str, NodeId | None, NodeId | None]
"""Change, status, merged into, other side."""


class Follower:
    """Applies batches and keeps what they say, as a reader of the compacted topic does."""

    def __init__(self, rules: Any = None) -> None:
        self.store = MemoryIdentityStore()
        self.writer = IdentityWriter(self.store, "r", rules or identity_rules())
        self.latest: dict[bytes, ProfileChangeRecord] = {}
        self._version = 0

    def hear(
        self,
        edges: Sequence[Edge] = (),
        decisions: Sequence[Decision] = (),
        marks: Sequence[NodeId] = (),
        spoken: Touched = Touched(),  # noqa: B008
        in_doubt: bool = False,
    ) -> dict[NodeId, ProfileChangeRecord]:
        """What one batch says, by profile id."""
        self._version += 1
        changes = self.writer.apply(edges, decisions, marks, in_doubt=in_doubt)
        self.writer.commit(changes, 1)
        standing = self.store.placements_of("r", rows_wanted(changes, spoken))
        causes = edges if in_doubt else changes.edges
        records = profile_changes("r", changes, causes, spoken, standing, self._version)
        said = {record.profile_id.int: record for record in records}
        assert len(said) == len(records)
        self.latest |= {key_of("r", str(r.profile_id)): r for r in records}
        return said


def short(said: dict[NodeId, ProfileChangeRecord]) -> dict[NodeId, Said]:
    """Records without what the tests of the steps do not look at."""
    return {
        node: (
            r.change,
            r.status,
            r.merged_into.int if r.merged_into else None,
            r.previous_profile_id.int if r.previous_profile_id else None,
        )
        for node, r in said.items()
    }


def login(a: Node, b: Node, ms: int = 5, event: str = "e") -> Edge:
    """A verified edge."""
    return link(a, b, ms, event, True)


def same(a: Node, b: Node) -> Decision:
    """A decision that two identifiers are one person."""
    return Decision(a, b, Verdict.SAME, "secret-author", "", 1)


def test_a_profile_is_created_and_grows() -> None:
    """The first edge creates it; each further identifier publishes itself and the profile."""
    follower = Follower()
    assert short(follower.hear([login(ANNA, ANNA_MAIL)])) == {
        ANNA.id: ("created", "current", None, None),
        ANNA_MAIL.id: ("identifiers", "merged", ANNA.id, None),
    }
    assert short(follower.hear([login(ANNA, SESSION)])) == {
        ANNA.id: ("identifiers", "current", None, None),
        SESSION.id: ("identifiers", "merged", ANNA.id, None),
    }
    assert follower.hear([login(ANNA, SESSION, ms=9)]) == {}


def test_two_profiles_become_one_and_come_apart() -> None:
    """Both sides name each other, and so does every identifier that changes hands."""
    follower = Follower()
    follower.hear([login(ANNA, ANNA_MAIL), login(BEN, BEN_MAIL, ms=6)])
    decision = same(ANNA, BEN)
    assert short(follower.hear([], [decision])) == {
        ANNA.id: ("merged", "current", None, BEN.id),
        BEN.id: ("merged", "merged", ANNA.id, ANNA.id),
        BEN_MAIL.id: ("merged", "merged", ANNA.id, BEN.id),
    }
    taken_back = decision._replace(verdict=Verdict.NONE, decided_ms=2)
    assert short(follower.hear([], [taken_back])) == {
        ANNA.id: ("split", "current", None, BEN.id),
        BEN.id: ("split", "current", None, ANNA.id),
        BEN_MAIL.id: ("split", "merged", BEN.id, ANNA.id),
    }


def test_an_id_that_a_stronger_identifier_replaces_goes_up_in_it() -> None:
    """A known e-mail address gets a customer number: the profile has another id now."""
    follower = Follower()
    follower.hear([login(ANNA_MAIL, SESSION)])
    assert short(follower.hear([login(ANNA, ANNA_MAIL)])) == {
        ANNA.id: ("merged", "current", None, ANNA_MAIL.id),
        ANNA_MAIL.id: ("merged", "merged", ANNA.id, ANNA.id),
        SESSION.id: ("merged", "merged", ANNA.id, ANNA_MAIL.id),
    }


def test_a_tablet_that_turns_out_to_be_shared_splits_off() -> None:
    """It is a profile of its own kind from then on."""
    follower = Follower()
    follower.hear([login(ANNA, TABLET)])
    said = follower.hear([login(BEN, TABLET)])
    assert short(said) == {
        ANNA.id: ("split", "current", None, TABLET.id),
        TABLET.id: ("split", "current", None, ANNA.id),
        BEN.id: ("created", "current", None, None),
    }
    assert (said[ANNA.id].kind, said[TABLET.id].kind) == ("person", "shared")


def test_a_profile_that_only_changes_its_kind_says_so() -> None:
    """An anonymous device that is marked as shared keeps its id."""
    follower = Follower()
    follower.hear([], [same(TABLET, TABLET._replace(id=32))._replace(verdict=Verdict.NONE)])
    said = follower.hear(marks=[TABLET.id])
    assert short(said) == {TABLET.id: ("identifiers", "current", None, None)}
    assert said[TABLET.id].kind == "shared"


def test_attributes_and_consents_are_told_of_the_profile_that_holds_them() -> None:
    """A stronger change of the same profile wins; consents win over attributes."""
    follower = Follower()
    follower.hear([login(ANNA, ANNA_MAIL)])
    both = Touched(attributes=[ANNA_MAIL.id, CARD.id], consents=[ANNA_MAIL.id])
    assert short(follower.hear(spoken=both)) == {
        ANNA.id: ("consents", "current", None, None),
        CARD.id: ("attributes", "current", None, None),
    }
    grown = follower.hear([login(ANNA, SESSION)], spoken=both)
    assert grown[ANNA.id].change == "identifiers"


def test_an_old_handle_does_not_follow_who_held_it_last() -> None:
    """A merges into B, B into C, and B splits off: A's record names its profile each time."""
    follower = Follower()
    decisions = [same(ANNA, BEN), same(BEN, CARD)]
    for decision in decisions:
        follower.hear([], [decision])
    undone = [d._replace(verdict=Verdict.NONE, decided_ms=2) for d in decisions]
    for decision in (undone[1], decisions[1]._replace(decided_ms=3), undone[0]):
        follower.hear([], [decision])
        check_followers("r", follower.latest, follower.store.all_placements("r"), ())


def test_the_cause_is_the_events_behind_it_and_nobody_else() -> None:
    """Events at some other profile of the batch are no cause, nor is who decided."""
    follower = Follower()
    said = follower.hear(
        [
            login(ANNA, ANNA_MAIL, 7, "late"),
            login(ANNA, SESSION, 6, "early"),
            login(BEN, BEN_MAIL, 6, "other"),
        ]
    )
    assert said[ANNA.id].cause == said[SESSION.id].cause == ["early", "late"]
    assert said[BEN.id].cause == ["other"]
    decided = follower.hear([], [same(ANNA, BEN)])
    assert decided[BEN.id].cause == []
    assert "secret-author" not in "".join(r.model_dump_json() for r in decided.values())


def test_the_cause_reaches_the_profile_that_lost_an_identifier() -> None:
    """The login of Ben at the tablet of Anna is why her profile lost it, far from its ends."""
    follower = Follower()
    follower.hear([login(ANNA, TABLET, 5, "anna")])
    said = follower.hear([login(BEN, TABLET, 6, "ben")])
    assert said[ANNA.id].cause == said[TABLET.id].cause == said[BEN.id].cause == ["ben"]


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_profiles_merged_at_once_the_first_is_named(reverse: bool) -> None:
    """One record names one other side: of equal changes the lowest id, in any order of arrival."""
    follower = Follower()
    follower.hear([login(ANNA, ANNA_MAIL), login(BEN, BEN_MAIL), login(CARD, SESSION)])
    decisions = [same(ANNA, BEN), same(ANNA, CARD)]
    said = follower.hear([], decisions[::-1] if reverse else decisions)
    assert short(said)[ANNA.id] == ("merged", "current", None, BEN.id)


def test_causes_are_bounded() -> None:
    """Of a hundred events the earliest ten are named."""
    edges = [login(ANNA, Node(100 + n, "session", "shop"), n, f"e{n}") for n in range(100)]
    said = Follower().hear(edges)
    assert said[ANNA.id].cause == [f"e{n}" for n in range(PROFILE_CAUSES_MAX)]


def test_in_doubt_everything_around_is_said_again() -> None:
    """A batch that may not have been heard confirms every id of its region."""
    follower = Follower()
    edges = [login(ANNA, ANNA_MAIL), login(ANNA, SESSION)]
    follower.hear(edges)
    assert short(follower.hear(edges[:1], in_doubt=True)) == {
        ANNA.id: ("confirmed", "current", None, None),
        ANNA_MAIL.id: ("confirmed", "merged", ANNA.id, None),
        SESSION.id: ("confirmed", "merged", ANNA.id, None),
    }


def test_in_doubt_a_profile_is_told_as_its_own_row_says() -> None:
    """A partly written store names a profile whose own row has moved: that row is published."""
    follower = Follower()
    follower.hear([login(ANNA, ANNA_MAIL), login(BEN, BEN_MAIL)])
    changes = follower.writer.apply([login(ANNA, SESSION)], in_doubt=True)
    row = follower.store.placements_of("r", {BEN.id})[BEN.id]
    stale = {**changes.before, SESSION.id: row}
    follower.writer.forget()
    changes = type(changes)(
        **{n: getattr(changes, n) for n in changes.__slots__ if n != "before"}, before=stale
    )
    assert BEN.id in rows_wanted(changes, Touched())
    standing = {BEN.id: row._replace(profile=CARD.id)}
    said = profile_changes("r", changes, (), Touched(), standing, 1)
    (ben,) = [record for record in said if record.profile_id == as_uuid(BEN.id)]
    assert (ben.status, ben.merged_into) == ("merged", as_uuid(CARD.id))


def test_a_profile_whose_own_row_is_unknown_has_the_kind_of_its_member() -> None:
    """A member that becomes a person's says that its profile is a person."""
    writer = Follower().writer
    changes = writer.apply([login(ANNA, SESSION)])
    node, after = changes.placements[SESSION.id]
    grown = Changes(
        **{name: getattr(changes, name) for name in Changes.__slots__}
        | {
            "placements": {SESSION.id: (node, after)},
            "before": {SESSION.id: after._replace(kind=ProfileKind.ANONYMOUS)},
        }
    )
    said = profile_changes("r", grown, (), Touched(), {}, 1)
    assert {record.profile_id.int: record.kind for record in said} == {
        ANNA.id: "person", SESSION.id: "person",
    }  # fmt: skip


def test_in_doubt_the_rows_of_both_sides_are_wanted() -> None:
    """Besides the nodes whose attributes or consents came: the profiles before and after."""
    writer = Follower().writer
    changes = writer.apply([login(ANNA, SESSION)], in_doubt=True)
    was = changes.placements[SESSION.id][1]._replace(profile=BEN.id)
    partly = Changes(
        **{name: getattr(changes, name) for name in Changes.__slots__}
        | {
            "placements": {SESSION.id: changes.placements[SESSION.id]},
            "before": {SESSION.id: was},
        }
    )
    touched = Touched(attributes=[CARD.id], consents=[TABLET.id])
    assert rows_wanted(partly, touched) == {CARD.id, TABLET.id, ANNA.id, BEN.id}


def test_profiles_that_gained_or_lost_a_node_are_regrouped() -> None:
    """Those before and after each move, and a new node's own id; in doubt all that hold one."""
    follower = Follower()
    follower.hear([login(ANNA, ANNA_MAIL), login(BEN, BEN_MAIL)])
    moved = follower.writer.apply([login(CARD, SESSION)], [same(ANNA, BEN)])
    assert regrouped(moved) == {ANNA.id, BEN.id, CARD.id, SESSION.id}
    follower.writer.forget()
    again = follower.writer.apply([login(ANNA, ANNA_MAIL)], in_doubt=True)
    assert {row.profile for row in again.before.values() if row} == {ANNA.id}
    assert regrouped(again) == {ANNA.id}
    follower.writer.forget()
    assert regrouped(follower.writer.apply([login(ANNA, ANNA_MAIL)])) == set()


@pytest.mark.parametrize(("status", "into"), [("merged", None), ("current", as_uuid(1))])
def test_only_a_merged_id_names_its_holder(status: str, into: Any) -> None:
    """A record that contradicts itself is refused when it is written."""
    with pytest.raises(ValidationError, match="merged_into"):
        ProfileChangeRecord.model_validate(
            {
                "realm": "r",
                "profile_id": as_uuid(2),
                "status": status,
                "merged_into": into,
                "change": "merged",
                "map_version": 1,
            }
        )


def test_the_latest_records_are_the_map() -> None:
    """Random stories, marks included, in random batches: then every id's record is right."""
    for seed in range(400):
        rng = Random(seed)
        story = random_story(rng)
        follower, spoken_of, at = Follower(story.rules), set[NodeId](), 0
        while at < len(story.items):
            batch = chunk(story.items, at, rng.choice((1, 2, 3, 7)))
            at += len(batch)
            edges, decisions, marks = parts(batch)
            ends = [end.id for edge in edges for end in (edge.a, edge.b)]
            spoken = Touched(*(rng.sample(ends, 1) if ends else [] for _ in range(2)))
            spoken_of |= {*spoken.attributes, *spoken.consents}
            follower.hear(edges, decisions, sorted(marks), spoken)
            placements = follower.store.all_placements("r")
            check_followers("r", follower.latest, placements, spoken_of)
        edges, decisions, marks = parts(story.items)
        assert placements == resolve(edges, decisions, marks, story.rules).placements, seed
