"""The JSON Schema says what the contract says, as far as JSON Schema can say it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import ValidationError

from schemas.examples import EXAMPLES
from schemas.touchpoint import EVENT_TYPES, TouchpointAdapter
from services.docs.json_schema import incident_schema, profile_schema, touchpoint_schema

Json = dict[str, Any]
SCHEMA = touchpoint_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
ABSENT = object()
BAD = [
    # event type, field, value
    ("order.placed", "event_id", ABSENT),
    ("order.placed", "event_id", ""),
    ("order.placed", "event_id", "  "),
    ("order.placed", "event_id", "e" * 101),
    ("order.placed", "event_id", None),
    ("order.placed", "occurred_at", ABSENT),
    ("order.placed", "occurred_at", "2026-04-03T18:00:00"),
    ("order.placed", "occurred_at", "2026-04-03"),
    ("order.placed", "occurred_at", "soon"),
    ("order.placed", "sent_at", "2026-04-03T18:00:00"),
    ("order.placed", "revision", -1),
    ("order.placed", "revision", 2**31),
    ("order.placed", "revision", 1.5),
    ("order.placed", "realm", "Ünder"),
    ("order.placed", "channel", ABSENT),
    ("order.placed", "channel", "POS"),
    ("order.placed", "type", ABSENT),
    ("order.placed", "type", "order.dreamt"),
    ("order.placed", "identifiers", {"type": "email", "value": "a@example.com"}),
    ("order.placed", "identifiers", [{"type": "email", "value": "a@example.com"}] * 21),
    ("order.placed", "identifiers.0.type", "E-Mail"),
    ("order.placed", "identifiers.0.value", ABSENT),
    ("order.placed", "identifiers.0.value", "v" * 501),
    ("order.placed", "identifiers.0.verified", "perhaps"),
    ("order.placed", "source", "webshop"),
    ("order.placed", "source.system", "s" * 101),
    ("order.placed", "body", ABSENT),
    ("order.placed", "body", []),
    ("order.placed", "body.order_id", ABSENT),
    ("order.placed", "body.currency", "euro"),
    ("order.placed", "body.lines", [{"total": "1"}] * 501),
    ("order.placed", "body.lines.0.total", ABSENT),
    ("order.placed", "body.lines.0.total", "12,50"),
    ("order.placed", "body.lines.0.total", "0.12345"),
    ("order.placed", "body.lines.0.total", "100000000000000"),
    ("order.placed", "body.lines.0.total", 10**14),
    ("order.placed", "body.lines.0.total", None),
    ("order.placed", "body.lines.0.total", "NaN"),
    ("order.placed", "body.lines.0.tax_rate", 19),
    ("order.placed", "body.lines.0.tax_rate", "-0.19"),
    ("order.placed", "body.lines.0.kind", "present"),
    ("order.placed", "body.lines.0.discounts.0.amount", "-5.00"),
    ("order.placed", "body.lines.0.discounts.0.amount", -5),
    ("order.placed", "body.fulfilment", "pigeon"),
    ("till.closed", "body.receipts", -1),
    ("till.closed", "body.gross", ABSENT),
    ("email.sent", "body.purpose", ABSENT),
    ("email.sent", "body.purpose", "fun"),
    ("email.sent", "body.address", "a" * 321),
    ("survey.answered", "body.answers", []),
    ("survey.answered", "body.kind", "mood"),
    ("survey.answered", "body.mode", "tablet"),
    ("survey.answered", "body.answers.0.form", "positive"),
    ("survey.answered", "body.answers.0.form", "functional"),  # and no choice
    ("survey.answered", "body.answers", [{"question": "q", "form": "functional", "choice": "1"}]),
    ("survey.answered", "body.answers", [{"question": "q", "form": "functional", "choice": 1}]),
    ("survey.answered", "body.answers", [{"question": "q", "form": "functional", "choice": ""}]),
    (
        "survey.answered",
        "body.answers",
        [{"question": "q", "form": "functional", "choice": "LIKE"}],
    ),
    ("survey.answered", "body.answers.0.scale_max", "ten"),
    ("survey.answered", "body.wave", "w" * 101),
    ("support.contacted", "body.kind_of_agent", "robot"),
    ("support.contacted", "body.direction", "inbound"),
    ("support.contacted", "body.wait_s", -1),
    ("support.contacted", "body.wait_s", 604_801),
    ("support.contacted", "body.wait_s", "95"),
    ("support.contacted", "body.solved", "yes"),
    ("message.exchanged", "body.attachment", "picture"),
    ("order.placed", "body.promised_at", "tomorrow"),
    ("order.placed", "body.lines.0.cost", "0.12345"),
    ("order.placed", "body.lines.0.margin", "n/a"),
    ("campaign.published", "body.cost", "-1"),
    ("campaign.published", "body.purpose", "marketing"),
    ("campaign.held_out", "body.campaign", ABSENT),
    ("contract.started", "body.value_per_year", "-1"),
    ("contract.started", "body.notice_until", "2028-03-03"),
    ("referral.redeemed", "body.code", ""),
    ("contest.entered", "body.contest", ABSENT),
    ("action.planned", "body.action_id", ABSENT),
    ("action.planned", "body.feedback", ["e"] * 101),
    ("action.planned", "body.feedback", [""]),
    ("action.planned", "body.due", "soon"),
    ("profile.updated", "body.attributes", {"First Name": "Anna"}),
    ("profile.updated", "body.attributes", {"first_name": "A" * 501}),
    ("store.published", "body.opening_hours", {"": "9-18"}),
    ("store.published", "body.opening_hours", {"mon": 9, "d" * 101: "9-18"}),
    ("store.published", "body.holiday_hours", {f"d{n}": "9-18" for n in range(61)}),
    ("profile.updated", "body.attributes", {f"a{n}": "" for n in range(61)}),
    ("message.exchanged", "body.author", "ghost"),
    ("offer.published", "body", {"price": "1.00"}),
    ("offer.published", "body", {"sku": "", "gtin": ""}),
    ("offer.published", "body.price", "-1"),
    ("offer.published", "body.valid_to", "2026-04-15"),
    ("product.viewed", "body.offer", {"title": "nothing"}),
]


def spoilt(name: str, path: str, value: Any) -> Json:
    """The example of a type with one field set, or left out."""
    event = copy.deepcopy(EXAMPLES[name])
    *way, last = path.split(".")
    target: Any = event
    for step in way:
        target = target[int(step)] if step.isdigit() else target[step]
    if value is ABSENT:
        del target[last]
    else:
        target[last] = value
    return event


@pytest.mark.parametrize("schema", [SCHEMA, profile_schema(), incident_schema()])
def test_schemas_are_valid_2020_12(schema: Json) -> None:
    """Each document keeps to its dialect, and says what it is."""
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("urn:customer360:schema:")
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example_keeps_to_the_schema(name: str) -> None:
    """What the contract accepts as an example, the schema accepts too."""
    assert [error.message for error in VALIDATOR.iter_errors(EXAMPLES[name])] == []


@pytest.mark.parametrize(("name", "path", "value"), BAD)
def test_both_reject_what_is_wrong(name: str, path: str, value: Any) -> None:
    """An event that the contract rejects is rejected by the schema as well."""
    event = spoilt(name, path, value)
    with pytest.raises(ValidationError):
        TouchpointAdapter.validate_json(json.dumps(event))
    assert not VALIDATOR.is_valid(event)


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_schema_asks_for_an_identifier_where_the_intake_does(name: str) -> None:
    """Only types that may name nobody pass without identifiers."""
    event = EXAMPLES[name] | {"identifiers": []}
    assert VALIDATOR.is_valid(event) is EVENT_TYPES[name].anonymous


@pytest.mark.parametrize(
    "amount", [12, 12.5, 0.1, "12", "12.50", "12.3400000", "-1.5", "99999999999.9999"]
)
def test_both_accept_the_usual_ways_to_write_an_amount(amount: Any) -> None:
    """Numbers and plain decimal strings; zeros at the end do no harm."""
    event = spoilt("order.placed", "body.lines.0.total", amount)
    TouchpointAdapter.validate_json(json.dumps(event))
    assert VALIDATOR.is_valid(event)


@pytest.mark.parametrize("choice", ["like", " dislike", "tolerate\u2003", "expect\n"])
@pytest.mark.parametrize("form", ["functional", "dysfunctional"])
def test_both_accept_the_five_answers_to_a_kano_question(form: str, choice: str) -> None:
    """Blanks around a word are none of it."""
    answer = {"question": "q", "form": form, "choice": choice}
    event = spoilt("survey.answered", "body.answers", [answer])
    read = TouchpointAdapter.validate_json(json.dumps(event))
    assert read.body.answers[0].choice == choice.strip()
    assert VALIDATOR.is_valid(event)


@pytest.mark.parametrize("form", [{}, {"form": None}])
def test_without_a_form_any_option_is_a_choice(form: Json) -> None:
    """As before there were forms, of a Kano survey, too."""
    answer = {"question": "q", "choice": "Das würde mich sehr freuen", **form}
    event = spoilt("survey.answered", "body", {"kind": "kano", "answers": [answer]})
    TouchpointAdapter.validate_json(json.dumps(event))
    assert VALIDATOR.is_valid(event)


def test_fields_nobody_knows_are_allowed() -> None:
    """The schema closes no object: senders may say more."""
    event = spoilt("order.placed", "body.colour_of_bag", "blue") | {"extra": 1}
    assert VALIDATOR.is_valid(event)


def test_every_type_is_one_branch() -> None:
    """The union has one branch per event type, told apart by the constant `type`."""
    branches = [branch["$ref"].rsplit("/", 1)[1] for branch in SCHEMA["oneOf"]]
    constants = [SCHEMA["$defs"][name]["properties"]["type"]["const"] for name in branches]
    assert constants == list(EVENT_TYPES)


def test_no_description_breaks_its_line() -> None:
    """Descriptions are paragraphs, whatever the columns of the source."""
    lines = [text for text in _descriptions(SCHEMA) if "\n" in text.replace("\n\n", "")]
    assert lines == []


def _descriptions(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _descriptions(item)]
    if not isinstance(value, dict):
        return []
    own = [value["description"]] if isinstance(value.get("description"), str) else []
    return own + [text for item in value.values() for text in _descriptions(item)]
