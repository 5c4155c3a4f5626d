"""Hints: what was kept as it is and nobody will understand is said to its sender at once."""

from __future__ import annotations

from typing import Any

import pytest

from services.ingest.core.hints import UNLISTED
from services.ingest.core.outcome import Accepted, Hint, HintReason
from services.ingest.lines import Line
from services.ingest.measure import HINTS_MAX, Tally
from services.ingest.stage import Result, Status
from tests.events import RECEIVED_AT, core, event, line, order
from tests.simulation.embedded import Embedded

UNKNOWN, UNREADABLE = HintReason.UNKNOWN_ATTRIBUTE, HintReason.UNREADABLE_ATTRIBUTE


def update(**attributes: Any) -> dict[str, Any]:
    """A profile.updated event."""
    return event("profile.updated", body={"attributes": attributes})


def hints(**attributes: Any) -> list[tuple[str, str]]:
    """Reason and path of each hint."""
    outcome = core().process(line(update(**attributes)), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    return [(one.reason, one.path) for one in outcome.hints]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("zip", "postal_code"),
        ("plz", "postal_code"),
        ("birthday", "birth_date"),
        ("date.of.birth", "birth_date"),
        ("geburtsdatum", "birth_date"),
        ("vorname", "first_name"),
        ("frist_name", "first_name"),  # a slip
        ("e_mail", "email"),
        ("emial", "email"),
        ("mobile", "phone"),
        ("firstName", "first_name"),
        ("Last-Name", "last_name"),
        ("FIRST_NAME", "first_name"),
        ("dateOfBirth", "birth_date"),
        ("E-Mail", "email"),
        ("ZIP", "postal_code"),
    ],
)
def test_an_unknown_name_is_told_what_it_may_mean(name: str, meant: str) -> None:
    """A synonym or a slip of a listed attribute names the listed one."""
    outcome = core().process(line(update(**{name: "x"})), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    [hint] = outcome.hints
    assert (hint.reason, hint.path) == (UNKNOWN, f"body.attributes.{name}")
    assert hint.message.endswith(f"is it {meant}?")
    assert outcome.row["attrs.name"] == [name]  # and it is kept


def test_names_that_mean_nothing_listed() -> None:
    """The hint then says where an attribute is made known."""
    outcome = core().process(line(update(shoe_size="43")), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    assert outcome.hints == (Hint(UNKNOWN, "body.attributes.shoe_size", UNLISTED),)


def test_known_attributes_and_preferences_give_no_hint() -> None:
    """What has its form, is empty or is withdrawn needs none."""
    assert hints(first_name="Anna", birth_date="04.12.1971", email="", phone=None) == []
    assert hints(**{"preference.shoe_size": "43"}) == []
    assert hints(phone="030 23125014") == []  # of the realm's own country


def test_values_without_the_form_of_their_type() -> None:
    """Each is named, and what would be understood; its value is not quoted."""
    outcome = core().process(line(update(birth_date="04/12/1971", email="garbage")), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    assert [(one.reason, one.path) for one in outcome.hints] == [
        (UNREADABLE, "body.attributes.birth_date"),
        (UNREADABLE, "body.attributes.email"),
    ]
    assert "1971-12-04" in outcome.hints[0].message
    assert "04/12" not in outcome.hints[0].message
    assert outcome.row["attrs.value"] == ["04/12/1971", "garbage"]


@pytest.mark.parametrize(
    ("gross", "counts"), [("1.00", "the total counts"), ("9.00", "the lines count")]
)
def test_a_total_that_contradicts_its_lines(gross: str, counts: str) -> None:
    """The hint names the total, and says whether it or the lines are believed."""
    outcome = core().process(line(order("o-1", "2.00", body={"gross": gross})), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    message = f"not the sum of the lines: {counts}"
    assert outcome.hints == (Hint(HintReason.TOTAL_CONTRADICTS, "body.gross", message),)


def test_placeholders_and_births_to_come() -> None:
    """What only says that there is no value, and a birth after the event."""
    sent = update(first_name="NULL", city="-", birth_date="2026-11-25")
    outcome = core().process(line(sent), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    said = [hint.message.split(",")[0] for hint in outcome.hints]
    assert said == ["a placeholder", "a placeholder", "not read as a day as 1971-12-04"]


def test_numbers_and_booleans_are_text() -> None:
    """They are kept as a profile shows them."""
    outcome = core().process(line(update(postal_code=10115, newsletter=True)), RECEIVED_AT)
    assert isinstance(outcome, Accepted)
    assert outcome.row["attrs.value"] == ["10115", "true"]
    assert [hint.path for hint in outcome.hints] == ["body.attributes.newsletter"]


def test_sender_metrics_and_summary_learn_of_hints() -> None:
    """The result carries the first hint, once; the metric counts all by reason."""
    sent = line(update(zip="10115", email="garbage"))
    embedded = Embedded(lambda: RECEIVED_AT)
    stored = embedded.pipeline.finish(embedded.pipeline.decode([Line(sent, len(sent))] * 2))
    first, again = stored
    assert (first.status, first.reason, first.path) == ("accepted", "", "body.attributes.zip")
    assert (again.status, again.path) == ("duplicate", "")
    counts = {
        one.labels["reason"]: one.value
        for family in embedded.metrics.hints.collect()
        for one in family.samples
        if one.name.endswith("_total")
    }
    assert counts == {UNKNOWN: 1, UNREADABLE: 1}
    assert list(Tally([first, again]).hints.values()) == [1]


def test_summary_is_bounded() -> None:
    """A file with a thousand names of its own does not fill the summary."""
    names = [Result("e", Status.ACCEPTED, "", f"body.attributes.a{n}", "m") for n in range(1000)]
    tally = Tally([*names, *names])
    assert len(tally.hints) == HINTS_MAX
    assert set(tally.hints.values()) == {2}
