"""What the truth says of measures is what the stream says, counted from its events alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from devtools.sample import build_sample
from devtools.sample.insight_truth import MEASURES, PERSONS
from tests.integration.sample.conftest import Built, Row, key_of

DAY = timedelta(days=1)
KANO = {
    ("like", "like"): "questionable",
    ("dislike", "dislike"): "questionable",
    ("like", "dislike"): "one_dimensional",
    **{("like", one): "attractive" for one in ("expect", "neutral", "tolerate")},
    **{(one, "dislike"): "must_be" for one in ("expect", "neutral", "tolerate")},
}
"""The evaluation table of Kano, but for the indifferent and the reverse ones."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A stream with what is said for measures."""
    folder = tmp_path_factory.mktemp("insights")
    stream, truth = folder / "stream.jsonl", folder / "truth"
    return Built(build_sample(2, 4, stream, truth, insights=True), stream, truth)


def at(event: Row) -> datetime:
    """When an event happened."""
    return datetime.fromisoformat(event["occurred_at"])


def person(made: Built, event: Row) -> str:
    """Who an event is about; its own id where it names nobody."""
    names = [key_of(named) for named in event.get("identifiers", [])]
    return made.owners[names[0]] if names and names[0] else str(event["event_id"])


def by_time(events: Iterable[Row]) -> list[Row]:
    """In the order in which they happened."""
    return sorted(events, key=at)


def truths(made: Built, name: str) -> list[Row]:
    """The figures of a measure, at least one."""
    found = [row for row in made.truths(MEASURES) if row["measure"] == name]
    assert found
    return found


def truth(made: Built, name: str) -> Row:
    """The one figure of a measure."""
    [found] = truths(made, name)
    return found


def answers(made: Built, **of: str) -> list[tuple[Row, Row]]:
    """The answers of surveys with such fields, each with its event; of one person and wave the
    latest counts."""
    latest: dict[tuple[str, str], Row] = {}
    for event in by_time(made.of("survey.answered")):
        if all(event["body"].get(name) == value for name, value in of.items()):
            latest[person(made, event), event["body"].get("wave", "")] = event
    return [(event, one) for event in latest.values() for one in event["body"]["answers"]]


def role(made: Built, name: str) -> list[Row]:
    """The planted persons with a role."""
    found = [row for row in made.truths(PERSONS) if row["role"] == name]
    assert found
    return found


def test_nothing_else_changes(tmp_path: Path, made: Built) -> None:
    """Without the option the stream is what it was; with it, it has the same lines and more."""
    plain = build_sample(2, 4, tmp_path / "a.jsonl", tmp_path / "a")
    lines = (tmp_path / "a.jsonl").read_bytes().split(b"\n")[:-1]
    assert Counter(lines) - Counter(made.lines) == Counter()
    assert len(made.lines) > len(lines)
    assert made.report.persons == plain.persons
    assert {path.name for path in made.truth.iterdir()} - {MEASURES, PERSONS} == {
        path.name for path in (tmp_path / "a").iterdir()
    }


def test_equal_arguments_give_equal_insights(tmp_path: Path, made: Built) -> None:
    """Stream and truth are the same bytes again."""
    build_sample(2, 4, tmp_path / "a.jsonl", tmp_path / "a", insights=True)
    assert (tmp_path / "a.jsonl").read_bytes() == made.stream.read_bytes()
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (made.truth / file.name).read_bytes(), file.name


def test_promoters_and_who_was_asked(made: Built) -> None:
    """In each wave the latest answer of each person, and those invited whom the mail reached."""
    for row in truths(made, "nps"):
        scores = [one["score"] for _, one in answers(made, kind="nps", **row["population"])]
        valid = [score for score in scores if 0 <= score <= 10]
        counts = row["counts"]
        assert counts["invalid"] == len(scores) - len(valid)
        assert counts["promoters"] == sum(score >= 9 for score in valid)
        assert counts["detractors"] == sum(score <= 6 for score in valid)
        assert row["n"] == len(valid) == sum(counts.values()) - counts["invalid"]
        share = 100 * (counts["promoters"] - counts["detractors"]) / row["n"]
        assert row["value"] == pytest.approx(share, abs=1e-4)
    assert next(row["value"] for row in truths(made, "nps")) == -14.2857
    bounced = {event["body"]["message_id"] for event in made.of("email.bounced")}
    for row in truths(made, "response_rate"):
        wave = row["population"]["wave"]
        sent = [one for one in made.of("email.sent") if one["body"].get("wave") == wave]
        assert len(sent) == row["counts"]["invited"]
        reached = [one for one in sent if one["body"]["message_id"] not in bounced]
        invited = {person(made, one) for one in reached}
        answered = {person(made, event) for event, _ in answers(made, wave=wave)}
        assert answered <= invited
        assert row["n"] == len(invited)
        assert row["value"] == pytest.approx(100 * len(answered) / len(invited), abs=1e-4)


def test_expectations_loyalty_and_effort(made: Built) -> None:
    """From the answers: what was given against what was expected, and scales of 0 to 100."""
    given = [one for _, one in answers(made, survey="insight-delivery")]
    differences = [one["score"] - one["expected"] for one in given]
    row = truth(made, "disconfirmation")
    assert row["value"] == round(sum(differences) / len(differences), 4) == -0.1667
    signs = Counter((one > 0) - (one < 0) for one in differences)
    assert [signs[one] for one in (1, 0, -1)] == list(row["counts"].values())
    top = sum(one["score"] >= 4 for one in given)
    assert truth(made, "csat")["counts"] == {"top_two": top}
    loyal = defaultdict(list)
    for event, one in answers(made, kind="cli"):
        if "score" in one:
            span = one["scale_max"] - one["scale_min"]
            loyal[event["event_id"]].append(100 * (one["score"] - one["scale_min"]) / span)
    means = [sum(three) / 3 for three in loyal.values()]
    assert truth(made, "cli")["value"] == pytest.approx(sum(means) / len(means))
    reasons = Counter(one["choice"] for _, one in answers(made, kind="cli") if "choice" in one)
    assert truth(made, "cli")["counts"] == reasons
    easy = sum(one["score"] >= 5 for _, one in answers(made, kind="ces"))
    assert truth(made, "ces")["counts"] == {"easy": easy}


def test_kano_pairs(made: Built) -> None:
    """Each pair has its cell in the table, and half a pair is invalid."""
    for row in truths(made, "kano_better"):
        feature = row["population"]["question"]
        halves: dict[str, dict[str, str]] = defaultdict(dict)
        for event, one in answers(made, kind="kano"):
            if one["question"] == feature:
                halves[event["event_id"]][one["form"]] = one["choice"]
        found: Counter[str] = Counter()
        for pair in halves.values():
            choices = pair.get("functional", ""), pair.get("dysfunctional", "")
            otherwise = "reverse" if "like" in choices[1:] or choices[0] == "dislike" else "invalid"
            is_middle = set(choices) <= {"expect", "neutral", "tolerate"}
            kind = KANO.get(choices, "indifferent" if is_middle else otherwise)
            found[kind if all(choices) else "invalid"] += 1
        assert {name: many for name, many in row["counts"].items() if many} == found
        better = found["attractive"] + found["one_dimensional"]
        base = better + found["must_be"] + found["indifferent"]
        assert row["value"] == pytest.approx(better / base, abs=1e-4)


def test_actions_name_answers(made: Built) -> None:
    """Each names an answer of a detractor, within thirty days of it."""
    events = {one["event_id"]: one for one in made.of("survey.answered")}
    planned = {one["body"]["action_id"]: one for one in made.of("action.planned")}
    for one in planned.values():
        [feedback] = one["body"]["feedback"]
        assert events[feedback]["body"]["answers"][0]["score"] <= 6
        assert timedelta() < at(one) - at(events[feedback]) <= 30 * DAY
    done = list(made.of("action.done"))
    late = [
        one
        for one in done
        if at(one) > datetime.fromisoformat(planned[one["body"]["action_id"]]["body"]["due"])
    ]
    counts = {"acted": len(planned), "done": len(done), "done_in_time": len(done) - len(late)}
    assert truth(made, "acted")["counts"] == counts


def cases_of(made: Built, channel: str) -> dict[str, list[Row]]:
    """Contacts and answers by case, of those that begin on a channel."""
    found = defaultdict(list)
    for event in by_time([*made.of("support.contacted"), *made.of("support.answered")]):
        found[event["body"]["case_id"]].append(event)
    return {case: said for case, said in found.items() if said[0]["channel"] == channel}


def test_cases_with_several_contacts(made: Built) -> None:
    """Solved at the first contact, answered within a day, told to another agent."""
    once = in_time = unanswered = 0
    twice = set()
    found = cases_of(made, "contact_form")
    for case, said in found.items():
        asked = [one for one in said if one["type"] == "support.contacted"]
        answered = [one for one in said if one["type"] == "support.answered"]
        once += len(asked) == 1 and answered[0]["body"]["solved"]
        unanswered += not answered
        in_time += bool(answered) and at(answered[0]) - at(asked[0]) <= DAY
        if any(one["body"].get("repeated") for one in asked):
            twice.add(case)
    solved, timely = truth(made, "first_contact_solved"), truth(made, "answered_in_time")
    assert (solved["n"], solved["counts"]["solved"]) == (len(found), once)
    assert (timely["counts"]["in_time"], timely["counts"]["unanswered"]) == (in_time, unanswered)
    assert {row["case_id"] for row in role(made, "told_twice")} == twice


def test_conversations_with_a_bot(made: Built) -> None:
    """Contained is what the bot ended alone, unless the customer came back within a day."""
    said = defaultdict(list)
    for event in by_time(made.of("message.exchanged")):
        said[event["body"]["conversation_id"]].append(event)
    bots = [some for some in said.values() if any(one["body"]["author"] == "bot" for one in some)]
    by_agents = [some for some in said.values() if some not in bots]
    returned = {person(made, some[0]): at(some[0]) for some in by_agents}
    handed = [some for some in bots if any(one["body"].get("handed_over") for one in some)]
    contained = 0
    for some in bots:
        again = returned.get(person(made, some[0]))
        contained += some not in handed and (again is None or again - at(some[-1]) > DAY)
    assert truth(made, "containment")["value"] == 100 * contained / len(bots) == 60
    assert truth(made, "handover_rate")["value"] == 100 * len(handed) / len(bots)
    waits, lost = [], 0
    for some in handed:
        authors = [one["body"]["author"] for one in some]
        over, agent = authors.index("bot"), authors.index("agent")
        waits.append((at(some[agent]) - at(some[over])).total_seconds())
        lost += "customer" not in authors[over:]
    waits.sort()
    assert median(waits) == truth(made, "handover_wait_p50_s")["value"]
    assert waits[len(waits) * 9 // 10] == truth(made, "handover_wait_p90_s")["value"]
    assert truth(made, "lost_at_handover")["value"] == 100 * lost / len(handed)


def test_the_funnel_of_sales_talks(made: Built) -> None:
    """How many reach each stage, and why others were lost."""
    stages: Counter[str] = Counter()
    for event in made.of("opportunity.changed"):
        body = event["body"]
        reason = body.get("lost_reason")
        stages[f"lost_by_{reason}" if reason else body["stage"]] += 1
    row = truth(made, "funnel")
    assert row["counts"] == stages
    assert row["value"] == 100 * stages["contract"] / stages["interest"] == 7.5


def test_contracts_that_end_soon(made: Built) -> None:
    """Of those that run at the end of the stream, by the latest word of each."""
    terms: dict[str, Row] = {}
    events = [
        *made.of("contract.started"),
        *made.of("contract.renewed"),
        *made.of("contract.ended"),
    ]
    for event in by_time(events):
        if "until" in event["body"] or event["type"] == "contract.ended":
            terms[event["body"]["contract_id"]] = event
    running = [one for one in terms.values() if one["type"] != "contract.ended"]
    end = max(map(at, made.of("order.placed")))
    left = [datetime.fromisoformat(one["body"]["until"]) - end for one in running]
    for days in (30, 90):
        row = truth(made, f"contracts_due_{days}_days")
        assert (row["value"], row["n"]) == (sum(one <= days * DAY for one in left), len(running))
    due = {person(made, one) for one, days in zip(running, left, strict=True) if days <= 90 * DAY}
    assert {row["person"] for row in role(made, "contract_due")} == due


def test_a_campaign_against_who_was_held_out(made: Built) -> None:
    """Who ordered within thirty days, of those addressed and of those who were not."""
    row = truth(made, "campaign_effect")
    campaign = row["population"]["campaign"]
    [published] = [e for e in made.of("campaign.published") if e["body"]["campaign"] == campaign]
    begin = datetime.fromisoformat(published["body"]["starts_at"])
    bought = {
        person(made, one)
        for one in made.of("order.placed")
        if begin <= at(one) < begin + 30 * DAY and one.get("identifiers")
    }
    groups = {
        name: {person(made, e) for e in made.of(kind) if e["body"].get("campaign") == campaign}
        for name, kind in (("treated", "email.sent"), ("held_out", "campaign.held_out"))
    }
    assert not groups["treated"] & groups["held_out"]
    for name, group in groups.items():
        assert row["counts"][name] == len(group)
        assert row["counts"][f"{name}_converted"] == len(group & bought)
    assert row["value"] == 100 * (48 / 160 - 4 / 40)


def test_promises_referrals_and_visits(made: Built) -> None:
    """Delivered when it was promised; came by a code that was given out; kept an appointment."""
    orders = {e["body"]["order_id"]: e["body"] for e in made.of("order.placed")}
    promised = {name: body["promised_at"] for name, body in orders.items() if "promised_at" in body}
    kept = delivered = 0
    for event in made.of("order.status_changed"):
        until = promised.get(event["body"]["order_id"])
        if until and event["body"]["status"] == "delivered":
            delivered += 1
            kept += at(event) <= datetime.fromisoformat(until)
    row = truth(made, "promise_kept")
    assert (row["n"], row["counts"]["kept"]) == (delivered, kept)
    codes = {one["body"]["code"]: person(made, one) for one in made.of("referral.made")}
    redeemed = list(made.of("referral.redeemed"))
    assert truth(made, "referrals")["value"] == len(redeemed)
    assert truth(made, "referrals")["counts"] == {"referrers": len(codes)}
    assert all(codes[one["body"]["code"]] != person(made, one) for one in redeemed)
    booked = {e["body"]["appointment_id"] for e in made.of("appointment.booked")}
    visits = list(made.of("store.visited"))
    came = {e["body"]["appointment_id"] for e in visits if "appointment_id" in e["body"]}
    row = truth(made, "appointments_kept")
    assert (row["n"], row["counts"]["visits"]) == (len(booked), len(visits))
    assert row["value"] == 100 * len(came & booked) / len(booked)


def test_who_leaves_is_overdue_and_says_why(made: Built) -> None:
    """By the gaps between the orders; whoever stays has ordered lately."""
    orders = defaultdict(list)
    for event in by_time(made.of("order.placed")):
        orders[person(made, event)].append(event)
    end = max(at(one) for some in orders.values() for one in some) + 2 * DAY
    leaving = role(made, "churner")
    assert Counter(row["reason"] for row in leaving).keys() == {
        "dissatisfaction", "service", "price", "changed_need", "unknown",
    }  # fmt: skip
    for row in [*leaving, *role(made, "stays")]:
        times = [at(one) for one in orders[row["person"]]]
        gap = median((later - sooner) / DAY for sooner, later in pairwise(times))
        assert gap == 29.5
        assert ((end - times[-1]) / DAY / gap >= 2.5) is (row["role"] == "churner")
        assert bool(row.get("evidence")) is (row.get("reason") not in ("unknown", None))


def test_carts_that_are_rescued(made: Built) -> None:
    """An order with its product within a week of the reminder; none within the hour."""
    ordered = defaultdict(list)
    for event in made.of("order.placed"):
        for one in event["body"].get("lines", []):
            ordered[one.get("sku")].append(at(event))
    reminded = {
        person(made, one): at(one)
        for one in made.of("email.sent")
        if one["body"]["purpose"] == "cart_reminder"
    }
    rescued = carts = 0
    row = truth(made, "cart_rescue")
    for event in made.of("cart.updated"):
        if fnmatch(event["body"].get("cart_id", ""), row["population"]["cart_id"]):
            carts += 1
            [sku] = [one["sku"] for one in event["body"]["items"]]
            reminder = reminded.get(person(made, event))
            assert not any(at(event) <= one < at(event) + DAY for one in ordered[sku])
            rescued += bool(
                reminder and any(reminder < one <= reminder + 7 * DAY for one in ordered[sku])
            )
    assert (row["n"], row["counts"]["rescued"], row["counts"]["reminded"]) == (
        carts, rescued, len(reminded),
    )  # fmt: skip
    assert rescued == len(role(made, "cart_rescued"))


def test_too_many_contacts(made: Built) -> None:
    """Six in seven days; the next one is allowed when only two of them are left in the window."""
    contacts = defaultdict(list)
    for event in by_time([*made.of("email.sent"), *made.of("message.sent")]):
        if event["body"]["purpose"] in ("marketing", "survey", "cart_reminder"):
            contacts[person(made, event)].append(at(event))
    for row in role(made, "over_pressed"):
        times = contacts[row["person"]]
        assert len(times) == row["contacts"] == row["cap"] + row["over_by"]
        assert times[-1] - times[0] < row["window_days"] * DAY
        free = datetime.fromisoformat(row["next_allowed_at"])
        assert free == times[-row["cap"]] + row["window_days"] * DAY


def test_planted_evidence_is_the_persons(made: Built) -> None:
    """Every event that proves a role is in the stream, and about that person."""
    events = {one["event_id"]: one for one in made.events}
    rows = [row for row in made.truths(PERSONS) if "evidence" in row]
    assert rows
    for row in rows:
        assert {person(made, events[one]) for one in row["evidence"]} <= {row["person"]}
