"""The rules of the profile map, each shown on a small story of a retailer's customers.

The last tests leave the examples: `resolve` is compared with a second implementation of the same
rules, and with itself under other orders, on random stories.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from random import Random

from schemas.edge import Decision, Edge, Node, Verdict
from schemas.identifiers import NodeId
from schemas.instants import DAY_MS
from schemas.placement import Placement, ProfileKind
from schemas.rules.identity import LARGE_PROFILE, IdentityRules, identity_rules
from services.identity.core.model import Reason, Refusal
from services.identity.core.resolve import Resolution, resolve
from tests.unit.identity.oracle import Oracle
from tests.unit.identity.stories import link, parts, random_story, reversed_edge

ANNA = Node(11, "customer_number", "shop")
ANNA_MAIL = Node(12, "email", "")
ANNA_CARD = Node(13, "loyalty_card", "coalition")
BEN = Node(21, "customer_number", "shop")
BEN_MAIL = Node(22, "email", "")
TABLET = Node(31, "device_id", "app")
PHONE = Node(32, "phone", "")
COOKIE = Node(33, "cookie", "shop")
SESSION = Node(41, "session", "shop")
OTHER_SESSION = Node(42, "session", "shop")
ORACLE_STORIES = 400


def edge(x: Node, y: Node, ms: int = 5, event: str = "e", verified: bool = True) -> Edge:
    """A report with defaults for what a test does not care about."""
    return link(x, y, ms, event, verified)


def same(x: Node, y: Node, ms: int = 5) -> Decision:
    """Somebody decided that the two are one."""
    return Decision(x, y, Verdict.SAME, "ann", "", ms)


def different(x: Node, y: Node, ms: int = 5) -> Decision:
    """Somebody decided that the two are not one."""
    return Decision(x, y, Verdict.DIFFERENT, "ann", "", ms)


def run(
    edges: list[Edge], decisions: Collection[Decision] = (), marks: Collection[NodeId] = ()
) -> Resolution:
    """Resolve under the packaged rules."""
    return resolve(edges, decisions, marks, identity_rules())


def groups(result: Resolution) -> set[frozenset[NodeId]]:
    """The profiles as sets of nodes."""
    profiles = {placement.profile for placement in result.placements.values()}
    return {
        frozenset(n for n, placement in result.placements.items() if placement.profile == profile)
        for profile in profiles
    }


def test_personal_identifiers_join_over_verified_edges() -> None:
    """Number, mail and card of one customer are one person, named by the strongest of them."""
    result = run([edge(ANNA, ANNA_MAIL), edge(ANNA_MAIL, ANNA_CARD)])
    person = Placement(ANNA.id, ProfileKind.PERSON)
    assert result.placements == dict.fromkeys((ANNA.id, ANNA_MAIL.id, ANNA_CARD.id), person)
    assert result.refusals == ()


def test_a_stated_edge_joins_nobody() -> None:
    """Typing a stranger's address next to one's own number joins nothing."""
    assert run([edge(ANNA, BEN_MAIL, verified=False)]).placements == {}


def test_a_stated_edge_that_gets_verified_joins() -> None:
    """The better grade wins, whichever report came first."""
    reports = [edge(ANNA, ANNA_MAIL, 3, verified=False), edge(ANNA, ANNA_MAIL, 8)]
    assert groups(run(reports)) == {frozenset({ANNA.id, ANNA_MAIL.id})}


def test_a_family_tablet_is_nobodys_and_its_sessions_follow_their_login() -> None:
    """Two persons share a tablet; each session on it belongs to the person who logged in."""
    result = run(
        [
            edge(ANNA, TABLET),
            edge(BEN, TABLET),
            edge(TABLET, SESSION),
            edge(TABLET, OTHER_SESSION),
            edge(ANNA, SESSION),
        ]
    )
    assert result.placements[TABLET.id] == Placement(TABLET.id, ProfileKind.SHARED)
    assert result.placements[SESSION.id] == Placement(ANNA.id, ProfileKind.PERSON)
    assert result.placements[OTHER_SESSION.id] == Placement(OTHER_SESSION.id, ProfileKind.ANONYMOUS)
    assert result.placements[BEN.id] == Placement(BEN.id, ProfileKind.PERSON)


def test_a_till_terminal_is_a_hub_and_joins_nobody() -> None:
    """With more receipts in a day than anybody's device has, those before are apart again."""
    terminal = Node(1, "device_id", "pos")
    orders = [Node(1000 + i, "order_number", "pos") for i in range(16)]
    below = run([edge(terminal, order) for order in orders[:15]])
    above = run([edge(terminal, order) for order in orders])
    assert len(groups(below)) == 1
    assert above.placements[terminal.id] == Placement(terminal.id, ProfileKind.SHARED)
    assert len(groups(above)) == 17


def test_a_regular_visitor_is_no_hub() -> None:
    """Three hundred visits of a device over a year are one visitor; three hundred in a day are a
    kiosk, and so are more than two thousand in all."""
    visits = [Node(1000 + i, "session", "shop") for i in range(2001)]
    year = [edge(TABLET, one, at * 26 * 3_600_000) for at, one in enumerate(visits)]
    assert len(groups(run(year[:300]))) == 1
    assert len(groups(run([edge(TABLET, one) for one in visits[:300]]))) == 301
    assert len(groups(run(year))) == 2002


def test_orders_of_strangers_at_a_phone_do_not_fall_to_the_customer_beside() -> None:
    """However slowly they come: a call centre's telephone, on which one known customer ordered."""
    orders = [Node(1000 + i, "order_number", "shop") for i in range(201)]
    calls = [edge(PHONE, order, at * 26 * 3_600_000) for at, order in enumerate(orders)]
    hers = edge(ANNA, PHONE, verified=True)
    assert len(groups(run([*calls[:199], hers]))) == 1
    apart = run([*calls, hers])
    assert len(groups(apart)) == 203
    assert apart.placements[PHONE.id] == Placement(PHONE.id, ProfileKind.SHARED)


def test_a_loyal_customer_does_not_become_a_hub() -> None:
    """Visits and purchases do not count towards the hub limit of a personal identifier."""
    sessions = [Node(1000 + i, "session", "shop") for i in range(500)]
    result = run([edge(ANNA, session) for session in sessions])
    assert set(result.placements.values()) == {Placement(ANNA.id, ProfileKind.PERSON)}


def test_an_address_of_many_customers_is_a_hub_and_its_edges_are_refused() -> None:
    """The mailbox of a company, registered with eleven numbers, merges nobody."""
    numbers = [Node(100 + i, "customer_number", "shop") for i in range(11)]
    result = run([edge(number, ANNA_MAIL) for number in numbers])
    assert len(groups(result)) == 12
    assert {r.reason for r in result.refusals} == {Reason.HUB}
    assert {r.blocked_by for r in result.refusals} == {(ANNA_MAIL.id,)}
    assert len(result.refusals) == 11


def test_a_household_phone_belongs_to_nobody() -> None:
    """A number given by two customers is shared, and joins them neither directly nor by it."""
    result = run([edge(ANNA, PHONE), edge(BEN, PHONE), edge(PHONE, COOKIE)])
    assert groups(result) == {frozenset({node.id}) for node in (ANNA, BEN, PHONE, COOKIE)}
    assert result.placements[PHONE.id].kind is ProfileKind.SHARED


def test_two_logins_on_one_cookie_stay_two_persons() -> None:
    """A browser in which two customers logged in is shared; both sessions keep their own."""
    result = run(
        [
            edge(ANNA, SESSION),
            edge(BEN, OTHER_SESSION),
            edge(SESSION, COOKIE),
            edge(OTHER_SESSION, COOKIE),
        ]
    )
    assert groups(result) == {
        frozenset({ANNA.id, SESSION.id}),
        frozenset({BEN.id, OTHER_SESSION.id}),
        frozenset({COOKIE.id}),
    }


def test_distance_decides_and_not_time() -> None:
    """A cookie one step from Anna and two from Ben is hers, though Ben was there first."""
    edges = [edge(BEN, SESSION, 1), edge(SESSION, COOKIE, 2), edge(ANNA, COOKIE, 9)]
    result = run(edges)
    assert result.placements[COOKIE.id].profile == ANNA.id
    assert result.placements[SESSION.id].profile == BEN.id


def test_what_no_person_reaches_is_an_anonymous_profile() -> None:
    """Session and cookie of a visitor are one profile, named by the stronger type."""
    result = run([edge(SESSION, COOKIE)])
    anonymous = Placement(SESSION.id, ProfileKind.ANONYMOUS)
    assert result.placements == {SESSION.id: anonymous, COOKIE.id: anonymous}


def test_a_second_customer_number_of_one_issuer_is_refused() -> None:
    """The later of two edges that lead one mail to two numbers is refused, and says why."""
    result = run([edge(ANNA, ANNA_MAIL, 1, "first"), edge(BEN, ANNA_MAIL, 2, "second")])
    assert groups(result) == {frozenset({ANNA.id, ANNA_MAIL.id}), frozenset({BEN.id})}
    refusal = Refusal(ANNA_MAIL.id, BEN.id, Reason.UNIQUE, (ANNA.id, BEN.id), "second")
    assert result.refusals == (refusal,)


def test_numbers_of_two_issuers_are_not_the_same_number() -> None:
    """The shop's and the ERP's customer number may be one person's."""
    erp = Node(14, "customer_number", "erp")
    assert len(groups(run([edge(ANNA, ANNA_MAIL), edge(erp, ANNA_MAIL)]))) == 1


def test_stronger_identifiers_join_before_earlier_ones() -> None:
    """The card, being stronger than the mail, decides which number they both belong to."""
    edges = [edge(ANNA, ANNA_CARD, 9), edge(ANNA_CARD, ANNA_MAIL, 5), edge(BEN, ANNA_CARD, 10)]
    result = run([*edges, edge(BEN, BEN_MAIL, 1)])
    assert frozenset({ANNA.id, ANNA_CARD.id, ANNA_MAIL.id}) in groups(result)
    assert [refusal.a for refusal in result.refusals] == [ANNA_CARD.id]


def test_the_weaker_end_of_an_edge_weighs_more_than_the_stronger() -> None:
    """App user and card join before any mail does, even one beside a customer number."""
    erp, app = Node(14, "customer_number", "erp"), Node(15, "app_user", "app")
    edges = [edge(BEN, app), edge(app, ANNA_CARD), edge(ANNA_CARD, erp)]
    result = run([*edges, edge(erp, ANNA_MAIL, 1), edge(ANNA_MAIL, ANNA, 9)])
    assert frozenset({ANNA.id}) in groups(result)
    assert [(r.a, r.b) for r in result.refusals] == [(ANNA.id, ANNA_MAIL.id)]


def test_a_different_decision_splits_a_person() -> None:
    """An edge between two decided to be different does not count, nor may a way round it."""
    edges = [edge(ANNA, ANNA_MAIL, 1), edge(ANNA, ANNA_CARD, 2), edge(ANNA_CARD, ANNA_MAIL, 3)]
    result = run(edges, [different(ANNA, ANNA_MAIL)])
    assert groups(result) == {frozenset({ANNA.id, ANNA_CARD.id}), frozenset({ANNA_MAIL.id})}
    assert [(r.reason, r.blocked_by) for r in result.refusals] == [
        (Reason.DIFFERENT, (ANNA.id, ANNA_MAIL.id))
    ]


def test_a_withdrawn_decision_counts_for_nothing() -> None:
    """After `none` the map is what it was before."""
    edges = [edge(ANNA, ANNA_MAIL)]
    withdrawn = different(ANNA, ANNA_MAIL, 6)._replace(verdict=Verdict.NONE)
    result = run(edges, [different(ANNA, ANNA_MAIL, 5), withdrawn])
    assert result == run(edges)


def test_a_same_decision_joins_whatever_the_uniqueness() -> None:
    """A customer who registered twice is made one, and the refused edge is none any more."""
    edges = [edge(ANNA, ANNA_MAIL, 1), edge(BEN, ANNA_MAIL, 2), edge(BEN, BEN_MAIL)]
    result = run(edges, [same(ANNA, BEN)])
    assert groups(result) == {frozenset({ANNA.id, ANNA_MAIL.id, BEN.id, BEN_MAIL.id})}
    assert result.refusals == ()


def test_a_same_decision_joins_identifiers_without_any_edge() -> None:
    """Two identifiers that nothing ever showed together become one by decision alone."""
    result = run([], [same(COOKIE, ANNA)])
    assert set(result.placements.values()) == {Placement(ANNA.id, ProfileKind.PERSON)}


def test_a_same_decision_against_a_different_one_is_refused_and_reported() -> None:
    """`same` would bring together, by way of others, two decided to be different."""
    edges = [edge(ANNA, ANNA_MAIL), edge(BEN, BEN_MAIL)]
    result = run(edges, [different(ANNA_MAIL, BEN_MAIL), same(ANNA, BEN)])
    assert len(groups(result)) == 2
    blocked_by = (ANNA_MAIL.id, BEN_MAIL.id)
    assert result.refusals == (Refusal(ANNA.id, BEN.id, Reason.DIFFERENT, blocked_by, ""),)


def test_a_refusal_names_all_who_block_it() -> None:
    """Two pairs decided to be different forbid one join: all four are named."""
    edges = [edge(ANNA, ANNA_MAIL), edge(ANNA, ANNA_CARD), edge(BEN, BEN_MAIL)]
    pairs = [different(ANNA_MAIL, BEN), different(ANNA_CARD, BEN_MAIL)]
    [refusal] = run(edges, [*pairs, same(ANNA, BEN)]).refusals
    assert refusal.blocked_by == (ANNA_MAIL.id, ANNA_CARD.id, BEN.id, BEN_MAIL.id)


def test_the_earlier_of_two_same_decisions_goes_first() -> None:
    """Where both cannot be, the one decided first holds."""
    decisions = [same(ANNA, COOKIE, 2), same(BEN, COOKIE, 1), different(ANNA, BEN)]
    result = run([], decisions)
    assert result.placements[COOKIE.id].profile == BEN.id
    assert [(r.a, r.b) for r in result.refusals] == [(ANNA.id, COOKIE.id)]


def chain(count: int, kind: str = "loyalty_card") -> list[Edge]:
    """So many identifiers, each linked with the one before a day later: no limit by count or rate
    stops it."""
    nodes = [Node(1_000 + number, kind, "") for number in range(count)]
    return [
        edge(x, y, ms=number * DAY_MS, event=f"c{number}")
        for number, (x, y) in enumerate(pairwise(nodes))
    ]


def test_a_profile_grows_to_its_limit_and_not_above() -> None:
    """Persons who would be joined in a chain: the link that came last is refused."""
    limit = identity_rules().identifiers_max
    assert limit == LARGE_PROFILE
    assert groups(run(chain(limit))) == {frozenset(range(1_000, 1_000 + limit))}
    placements, refusals = run(chain(limit + 1))
    last = 1_000 + limit
    assert refusals == (Refusal(last - 1, last, Reason.SIZE_LIMIT, (), f"c{limit - 1}"),)
    assert placements[last] == Placement(last, ProfileKind.PERSON)
    assert placements[last - 1] == placements[1_000]


def test_which_link_is_too_many_does_not_follow_from_arrival() -> None:
    """The one that joins last is: of a weaker type, or later."""
    found = chain(identity_rules().large_above)
    late = edge(Node(1_000, "loyalty_card", ""), ANNA_CARD, ms=-1, event="late")
    weak = edge(Node(1_000, "loyalty_card", ""), ANNA_MAIL, ms=-2, event="weak")
    for order in ([*found, late, weak], [weak, late, *found]):
        assert [one.event_id for one in run(order).refusals] == ["weak", found[-1].event_id]


def test_visits_purchases_and_devices_do_not_make_a_profile_large() -> None:
    """A loyal customer of 500 orders, 300 sessions and 60 cookies, who has all numbers she may."""
    own = chain(identity_rules().large_above)
    me = Node(1_000, "loyalty_card", "")
    around = [Node(5_000 + number, "order_number", "shop") for number in range(500)]
    around += [Node(6_000 + number, "session", "shop") for number in range(300)]
    around += [Node(7_000 + number, "cookie", "shop") for number in range(60)]
    own += [edge(me, one, ms=number * DAY_MS) for number, one in enumerate(around)]
    placements, refusals = run(own)
    assert refusals == ()
    assert len({one.profile for one in placements.values()}) == 1


def test_a_person_may_decide_beyond_the_limit() -> None:
    """Somebody looked: the refused link's ends are one, and nothing is refused any more."""
    found = chain(identity_rules().large_above + 1)
    placements, refusals = run(found, [same(found[-1].a, found[-1].b)])
    assert refusals == ()
    assert len({one.profile for one in placements.values()}) == 1


def test_rules_that_name_no_limit_have_none() -> None:
    """As those of a store that was made before there was one; a profile is told of all the same."""
    rules = identity_rules().model_copy(update={"identifiers_max": None})
    placements, refusals = resolve(chain(200), (), (), rules)
    assert refusals == ()
    assert len({one.profile for one in placements.values()}) == 1
    assert rules.large_above == LARGE_PROFILE


def test_a_personal_identifier_of_one_visit_does_not_count() -> None:
    """What is new for every purchase says nothing of how many persons there are."""
    rules = identity_rules().model_dump()
    for row in rules["type"]:
        if row["name"] == "loyalty_card":
            row["ephemeral"] = True
    ephemeral = IdentityRules.model_validate(rules)
    assert "loyalty_card" not in ephemeral.counted
    placements, refusals = resolve(chain(80), (), (), ephemeral)
    assert (refusals, len({one.profile for one in placements.values()})) == ((), 1)


def test_a_marked_identifier_stays_shared() -> None:
    """What touched an erased person falls to nobody, not even by decision."""
    result = run([edge(ANNA, TABLET)], [same(ANNA, TABLET)], {TABLET.id})
    assert result.placements[TABLET.id] == Placement(TABLET.id, ProfileKind.SHARED)
    assert result.placements[ANNA.id] == Placement(ANNA.id, ProfileKind.PERSON)
    assert result.refusals == (Refusal(ANNA.id, TABLET.id, Reason.MARKED, (TABLET.id,), ""),)


def test_an_anchor_that_names_nobody_joins_nobody() -> None:
    """A receipt without a customer is not given one by decision."""
    receipt = Node(51, "record", "till")
    result = run([edge(receipt, ANNA)], [same(receipt, ANNA)])
    assert result.placements == {ANNA.id: Placement(ANNA.id, ProfileKind.PERSON)}
    assert [r.reason for r in result.refusals] == [Reason.UNLISTED]


def test_a_shareable_opposed_to_a_person_is_set_aside() -> None:
    """A cookie decided to be different from Anna's mail does not follow Anna's number."""
    result = run([edge(ANNA, ANNA_MAIL), edge(ANNA, COOKIE)], [different(COOKIE, ANNA_MAIL)])
    assert result.placements[COOKIE.id] == Placement(COOKIE.id, ProfileKind.SHARED)
    blocked_by = (ANNA_MAIL.id, COOKIE.id)
    assert result.refusals == (Refusal(ANNA.id, COOKIE.id, Reason.DIFFERENT, blocked_by, "e"),)


def test_of_two_opposed_shareables_the_stronger_follows_the_person() -> None:
    """Both would join in the same layer; the weaker one is set aside."""
    edges = [edge(ANNA, SESSION, 9), edge(ANNA, COOKIE, 1)]
    result = run(edges, [different(SESSION, COOKIE)])
    assert result.placements[SESSION.id] == Placement(ANNA.id, ProfileKind.PERSON)
    assert result.placements[COOKIE.id] == Placement(COOKIE.id, ProfileKind.SHARED)


def test_the_id_is_the_strongest_then_the_earliest_then_the_smallest() -> None:
    """Of two mails the one seen first names the person, over all of its edges."""
    edges = [edge(ANNA_MAIL, BEN_MAIL, 5), edge(BEN_MAIL, COOKIE, 2)]
    assert run(edges).placements[ANNA_MAIL.id].profile == BEN_MAIL.id
    assert run(edges[:1]).placements[BEN_MAIL.id].profile == ANNA_MAIL.id


def test_a_profile_id_resolves_after_a_split() -> None:
    """The id of the person before the split is a member of one of the two after it."""
    edges = [edge(ANNA, ANNA_MAIL), edge(ANNA_MAIL, ANNA_CARD)]
    before = run(edges).placements[ANNA_CARD.id].profile
    after = run(edges, [different(ANNA, ANNA_MAIL)]).placements
    assert after[before] == Placement(ANNA.id, ProfileKind.PERSON)
    assert after[ANNA_MAIL.id] == after[ANNA_CARD.id] == Placement(ANNA_CARD.id, ProfileKind.PERSON)


def test_more_addresses_than_usual_join() -> None:
    """Six mails of one person are one person."""
    mails = [Node(100 + i, "email", "") for i in range(6)]
    assert len(groups(run([edge(ANNA, mail) for mail in mails]))) == 1


def test_order_and_repetition_do_not_matter() -> None:
    """Random stories resolve the same shuffled, doubled and with ends exchanged."""
    for seed in range(500):
        rng = Random(seed)
        story = random_story(rng)
        edges, decisions, marks = parts(story.items)
        expected = resolve(edges, decisions, marks, story.rules)
        more = edges + [reversed_edge(e) for e in edges if rng.random() < 0.5]
        rng.shuffle(more)
        rng.shuffle(decisions)
        assert resolve(more, decisions, marks, story.rules) == expected, f"seed {seed}"


def test_a_second_way_to_read_the_rules_gives_the_same_map() -> None:
    """`resolve` agrees with a naive implementation that shares no code with it."""
    for seed in range(ORACLE_STORIES):
        story = random_story(Random(seed))
        edges, decisions, marks = parts(story.items)
        result = resolve(edges, decisions, marks, story.rules)
        oracle = Oracle(edges, decisions, marks, story.rules)
        assert {n: tuple(p) for n, p in result.placements.items()} == oracle.placements, seed
        assert {tuple(refusal) for refusal in result.refusals} == oracle.refusals, seed
