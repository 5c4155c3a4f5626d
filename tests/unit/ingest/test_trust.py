"""What a source may claim: each row of the trust file, and what is told of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.examples import EXAMPLES
from schemas.reject import RejectReason
from schemas.rules.identity import identity_rules
from schemas.rules.trust import NOBODY, REFUSALS, TrustRules, trusting
from schemas.touchpoint import EVENT_TYPES
from services.ingest.config import configured_trust
from services.ingest.core.event_processor import EventProcessor
from services.ingest.core.outcome import Accepted, Reject
from services.runtime.errors import ConfigurationError
from services.runtime.settings import load_settings
from tests.events import RECEIVED_AT, core, event, identifier, line

FILE = """
version = "7"

[[source]]
system = "call-centre-test"
verifies = []

[[source]]
system = "call-centre*"
verifies = ["customer_*", "phone"]
consents = false
attributes = false

[[source]]
system = "marketplace"
verifies = []
consents = false
attributes = false
memberships = false
sends = ["order.*"]

[[source]]
system = "webshop"
verifies = ["*"]
"""
NUMBER = identifier("customer_number", "1001", verified=True)
MAIL = identifier("email", "anna@example.com", verified=True)


def configured(tmp_path: Path, text: str, **others: Any) -> TrustRules:
    """The rules of a file with such a text."""
    file = tmp_path / "trust.toml"
    file.write_text(text, "utf-8")
    return configured_trust(load_settings(trust_rules=file, **others), identity_rules())


@pytest.fixture
def by(tmp_path: Path) -> EventProcessor:
    """A core under the file."""
    return core(trust=configured(tmp_path, FILE))


def sent(by: EventProcessor, system: str, fields: dict[str, Any]) -> Accepted | Reject:
    """What becomes of an event of a source."""
    return by.process(line(fields | {"source": {"system": system}}), RECEIVED_AT)


@pytest.mark.parametrize(
    ("system", "verified"),
    [
        ("webshop", [True, True]),
        ("call-centre-nord", [True, False]),
        ("call-centre-test", [False, False]),  # the first row that matches counts
        ("someone", [False, False]),
    ],
)
def test_a_source_verifies_the_types_that_its_row_names(
    by: EventProcessor, system: str, verified: list[bool]
) -> None:
    """An edge joins if both ends are verified; the version of the file stands with the fact."""
    outcome = sent(by, system, event(identifiers=[NUMBER, MAIL]))
    assert isinstance(outcome, Accepted)
    assert outcome.row["ids.verified"] == verified
    assert [edge.verified for edge in outcome.edges] == [all(verified)]
    assert outcome.row["rules_version"] == f"{identity_rules().version}/7"


@pytest.mark.parametrize(
    ("system", "type_", "said"),
    [
        ("call-centre-nord", "consent.given", "this source may state no consent"),
        ("call-centre-nord", "consent.confirmed", "this source may state no consent"),
        ("call-centre-nord", "profile.updated", "this source may report no attributes"),
        ("marketplace", "account.contact_changed", "this source may state no memberships"),
        ("marketplace", "page.viewed", "this source may not send this type"),
        ("marketplace", "order.placed", ""),
        ("call-centre-nord", "support.contacted", ""),
        ("someone", "consent.given", ""),
        ("someone", "profile.updated", ""),
    ],
)
def test_what_a_source_may_not_state_is_refused(
    by: EventProcessor, system: str, type_: str, said: str
) -> None:
    """With the field at fault; a source without a row may state what it always might."""
    outcome = sent(by, system, EXAMPLES[type_])
    if said:
        assert isinstance(outcome, Reject)
        assert outcome[:3] == (RejectReason.NOT_ALLOWED, "source.system", said)
    else:
        assert isinstance(outcome, Accepted), outcome


@pytest.mark.parametrize("type_", sorted(REFUSALS))
def test_anybody_may_pass_on_that_a_person_refuses(by: EventProcessor, type_: str) -> None:
    """An objection that came in through the wrong door is one all the same."""
    assert type_ in EVENT_TYPES
    assert isinstance(sent(by, "marketplace", EXAMPLES[type_]), Accepted)


def test_without_a_file_all_is_as_it_was() -> None:
    """Sources of the plain setting verify everything, others nothing; all may state all."""
    rules = trusting(["crm*", "crm*"])
    assert rules.of("crm-eu").verifies_type("email")
    assert rules.of("shop") == NOBODY
    for system in ("crm-eu", "shop"):
        assert {rules.of(system).refused_as(name) for name in EVENT_TYPES} == {""}
    plain = core(trust=rules).process(line(event()), RECEIVED_AT)
    assert isinstance(plain, Accepted)
    assert plain.row["rules_version"] == identity_rules().version
    assert configured_trust(load_settings(), identity_rules()) == trusting(["*"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[source]]\nsystem = 'a'\nverifies = []", "version: Field required"),
        ("version = '1'\n[[source]]\nsystem = 'a'", "source.0.verifies: Field required"),
        (FILE + "trusted = true\n", "source.3.trusted: Extra inputs are not permitted"),
        (FILE + "[[source]]\nsystem = 'webshop'\nverifies = []", "'webshop' stands twice"),
        (
            "version = '1'\n[[source]]\nsystem = '*'\nverifies = []\n"
            "[[source]]\nsystem = 'a'\nverifies = []",
            "'a' stands after '\\*'",
        ),
        (
            'version = "1"\n[[source]]\nsystem = "till-*"\nverifies = []\n'
            '[[source]]\nsystem = "till-7"\nverifies = ["*"]\n',
            r"'till-7' stands after 'till-\*', which matches all of it: put it before",
        ),
        (FILE + "sends = ['ordre.*']", "'webshop' sends 'ordre.\\*', but no event type matches"),
        (
            "version = '1'\n[[source]]\nsystem = 'a'\nverifies = ['e-mail']",
            "'a' verifies 'e-mail', but no identifier type matches; .* email",
        ),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    """With variable, file and row."""
    with pytest.raises(ConfigurationError, match=rf"C360_TRUST_RULES: .*trust.toml: .*{said}"):
        configured(tmp_path, text)


def test_two_places_for_one_thing_are_refused(tmp_path: Path) -> None:
    """Nobody should have to guess which of them counts."""
    with pytest.raises(ConfigurationError, match="both set"):
        configured(tmp_path, FILE, trusted_sources=["crm"])


def test_a_wider_row_may_stand_after_a_narrower_one() -> None:
    """Also where a sign of the later pattern would match the earlier one as a text."""
    rows: list[dict[str, Any]] = [
        {"system": one, "verifies": []} for one in ("till-7", "till-?", "till-*", "[t]x", "*")
    ]

    rules = TrustRules.model_validate({"version": "1", "source": rows})

    assert rules.of("till-77").system == "till-*"
