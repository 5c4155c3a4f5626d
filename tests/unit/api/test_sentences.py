"""Explanations as sentences: every rule, standing and reason in both languages, in plain words."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.api.permission import Language
from schemas.events.master_data import LinkReason
from schemas.rules.identity import identity_rules
from schemas.touchpoint import EVENT_TYPES
from services.api import sentence_words as words
from services.api.explained import Explained, hinted
from services.api.sentences import STEPS_TOLD_MAX, Sentences
from services.cli.language import spoken
from services.identity.core.explain import Rule, Standing
from services.identity.core.model import Reason
from services.runtime.settings import CHANNELS

Json = dict[str, Any]
BERLIN = ZoneInfo("Europe/Berlin")
INTERNAL = re.compile(
    r"\b(edges?|nodes?|anchors?|hubs?|stated|verified|placements?|components?|refus\w*|profiles?|"
    r"must.not|set aside|degree|map|graph|uuid|unlisted|suspicious|shareable|personal|events?|"
    r"kanten?|knoten|anker|profil\w*|graph\w*|verifiziert|komponente|abgelehnt|ereignis\w*)\b|[{}_]",
    re.I,
)
"""What only those know who build this."""
BOTH = pytest.mark.parametrize("language", Language)


def node(number: int, type_name: str, value: str, issuer: str = "shop") -> Json:
    """An identifier."""
    return {"node_id": str(number), "type": type_name, "issuer": issuer, "value": value}


ANNA, BEN = node(1, "customer_number", "1001"), node(2, "customer_number", "1002")
CARD = node(3, "loyalty_card", "4711", "club")
MAIL, TABLET = node(4, "email", "anna@example.com", ""), node(5, "device_id", "tablet", "app")
OWN = node(6, "membership", "m-9", "club")
LOGIN = {
    "type": "identity.linked",
    "channel": "shop",
    "store": "",
    "system": "webshop",
    "reason": "login",
    "anchor": "1",
}
DECIDED = {"author": "mia.k", "reason": "two sisters", "decided_at": "2026-03-05T10:00:00.000Z"}


def link(x: Json, y: Json, **changes: Any) -> Json:
    """A link that an event made; by default of a login on 3 March."""
    seen = {"event_id": "e-1", "first_seen": "2026-03-03T22:59:00.000Z", "verified": True}
    return {"from": x, "to": y, **seen, "happened": LOGIN, **changes}


def aside(x: Json, y: Json, standing: str, **changes: Any) -> Json:
    """A link that joins nobody."""
    blocked: Json = {"refused_because": None, "blocked_by": [], "decided": None}
    return link(x, y) | {"why": standing} | blocked | changes


def explained(a: Json, b: Json, **changes: Any) -> Explained:
    """An explanation of two persons that are not one."""
    given: Json = {
        "version": 1, "realm": "default", "a": a, "b": b, "profile_a": "1", "profile_b": "2",
        "kind_a": "person", "kind_b": "person", "profiles": ["1", "2"], "same": False,
        "path": [], "set_aside": [],
        "decisions": [], "nearest": [], "shared": [], "is_cut": False, "language": "en",
        "sentences": [],
    }  # fmt: skip
    return Explained.model_validate(given | changes)


def told(found: Explained, language: Language = Language.ENGLISH) -> list[str]:
    """Its sentences, none of which has an internal word or an open place."""
    sentences = Sentences(language, BERLIN, identity_rules()).of(found)
    for one in sentences:
        assert not INTERNAL.search(one), one
        assert "  " not in one
        assert one[0].isupper() or not one[0].isalpha()
        assert one.endswith((".", ":", "!"))
    return sentences


def test_a_card_at_the_till() -> None:
    """The sentence says what happened, where and when, in the words of the shop."""
    shown = LOGIN | {"channel": "pos", "store": "Hamburg", "reason": "card_presented"}
    found = explained(
        CARD, MAIL, same=True,
        path=[link(CARD, MAIL, rule="persons", happened=shown | {"anchor": "3"})],
    )  # fmt: skip
    assert told(found)[:2] == [
        "Yes: the loyalty card 4711 and the e-mail address anna@example.com belong to the same "
        "person.",
        "The loyalty card 4711 was shown at the till of store Hamburg on 3 March 2026, together "
        "with the e-mail address anna@example.com.",
    ]
    assert told(found, Language.GERMAN)[:2] == [
        "Ja: die Treuekarte 4711 und die E-Mail-Adresse anna@example.com gehören zur selben "
        "Person.",
        "Am 3. März 2026 wurde an der Kasse der Filiale Hamburg die Treuekarte 4711 vorgezeigt, "
        "zusammen mit der E-Mail-Adresse anna@example.com.",
    ]


def test_a_login() -> None:
    """The one who acts stands first, whichever way the path runs; days are those of the realm."""
    found = explained(TABLET, ANNA, same=True, path=[link(TABLET, ANNA, rule="nearest_person")])
    assert told(found, Language.GERMAN)[1:] == [
        "Am 3. März 2026 hat sich jemand im Webshop mit der Kundennummer 1001 eingeloggt; dabei "
        "war das Gerät tablet in Gebrauch.",
        "Soweit bekannt, wird das Gerät tablet nur von dieser einen Person genutzt.",
    ]


@BOTH
@pytest.mark.parametrize("rule", Rule)
def test_every_rule_has_a_sentence(rule: Rule, language: Language) -> None:
    """Of a link of one person."""
    step = link(ANNA, TABLET, rule=rule)
    if rule is Rule.DECISION:
        step = {"from": ANNA, "to": TABLET, "rule": rule, **DECIDED}
    sentences = told(explained(ANNA, TABLET, same=True, path=[step]), language)
    assert len(sentences) == (2 if rule is Rule.DECISION else 3)


@BOTH
@pytest.mark.parametrize("reason", [None, *Reason])
@pytest.mark.parametrize("standing", Standing)
def test_every_standing_and_reason_has_a_sentence(
    standing: Standing, reason: Reason | None, language: Language
) -> None:
    """On the way between two customers, and besides it; a reason changes what is said."""
    changes: Json = {"decided": DECIDED if standing is Standing.DECIDED else None}
    if reason is not None:
        changes |= {"refused_because": reason, "blocked_by": [ANNA, BEN]}
    near = explained(ANNA, BEN, nearest=[aside(ANNA, BEN, standing, rule=None, **changes)])
    beside = explained(ANNA, BEN, set_aside=[aside(ANNA, BEN, standing, **changes)])
    bare = explained(ANNA, BEN, nearest=[aside(ANNA, BEN, standing, rule=None)])
    assert told(near, language)[2:] == told(beside, language)[3:]
    assert len(told(near, language)) == 4
    is_said = standing in (Standing.REFUSED, Standing.SHARED)
    if reason is not None and is_said:
        assert told(near, language) != told(bare, language)


@BOTH
@pytest.mark.parametrize("because", ["several", *Reason])
def test_every_reason_to_be_shared_has_a_sentence(because: str, language: Language) -> None:
    """With whom it touches, where it is several customers."""
    shared: Json = {
        "identifier": TABLET, "because": str(because), "seen_with": 1234, "persons": 2,
        "samples": [ANNA, BEN], "is_cut": False,
    }  # fmt: skip
    found = explained(TABLET, ANNA, kind_a="shared", shared=[shared])
    said = told(found, language)[1]
    assert "tablet" in said
    assert ("1002" in said) == (because == "several")
    if because == Reason.HUB:
        assert ("1,234" if language is Language.ENGLISH else "1.234") in said


@BOTH
def test_every_kind_of_event_has_its_own_words(language: Language) -> None:
    """But for those that name nobody, and a link without a reason; all channels are named."""
    nobody = {"till.closed", "day.closed", "campaign.published", "offer.published"}
    nobody |= {"price_list.completed", "store.published", words.LINKED}
    linked = {f"{words.LINKED}:{one}" for one in LinkReason if one is not LinkReason.OTHER}
    assert set(words.EVENTS) == (set(EVENT_TYPES) - nobody) | linked
    assert set(words.CHANNELS) == set(CHANNELS)
    assert set(words.IDENTIFIERS) == set(identity_rules().by_name)
    for name in [*EVENT_TYPES, "of.their.own"]:
        for channel in [*CHANNELS, "drone"]:
            happened = LOGIN | {"type": name, "channel": channel, "store": "Hamburg"}
            step = link(ANNA, CARD, rule="persons", happened=happened)
            said = told(explained(ANNA, CARD, same=True, path=[step]), language)[1]
            assert "1001" in said
            assert "4711" in said
            assert "2026" in said


@BOTH
def test_types_of_ones_own_fall_back_to_their_name(language: Language) -> None:
    """And an identifier without a stored value to saying so."""
    bare = node(7, "", "", "")
    step = link(OWN, bare, rule="persons", happened=None)
    _, said, _ = told(explained(OWN, bare, same=True, path=[step]), language)
    assert "membership m-9" in said
    assert words.NAMELESS[language is Language.GERMAN] in said


def test_decisions_about_the_two() -> None:
    """Who decided what and when, with the reason that was given; one without effect says so."""
    apart = {"from": ANNA, "to": BEN, "verdict": "different", **DECIDED, "refused_because": None}
    joined = apart | {"verdict": "same", "refused_because": "different", "reason": "one person!"}
    said = told(explained(ANNA, BEN, decisions=[apart, joined]))
    assert said == [
        "No: the customer number 1001 and the customer number 1002 are two people.",
        "A person (mia.k) decided on 5 March 2026 that the customer number 1001 and the customer "
        "number 1002 are two people. Reason given: two sisters.",
        "A person (mia.k) decided on 5 March 2026 that the customer number 1001 and the customer "
        "number 1002 are the same person. Reason given: one person!",
        "That has no effect, because others of the two were decided to be two people.",
    ]


@BOTH
def test_a_decision_that_is_not_applied_yet_says_so(language: Language) -> None:
    """One about an identifier that belongs to nobody has no effect."""
    joined = {"from": ANNA, "to": BEN, "verdict": "same", **DECIDED, "refused_because": None}
    is_german = language is Language.GERMAN
    assert words.BEING_APPLIED[is_german] in told(
        explained(ANNA, BEN, decisions=[joined]), language
    )
    shared = {
        "identifier": BEN, "because": "several", "seen_with": 2, "persons": 2, "samples": [],
        "is_cut": False,
    }  # fmt: skip
    said = told(explained(ANNA, BEN, decisions=[joined], shared=[shared]), language)
    assert words.NO_EFFECT[""][is_german] in said


def test_the_nameless_in_the_dative() -> None:
    """In German, after `mit`."""
    bare = node(7, "", "", "")
    step = link(ANNA, bare, rule="persons")
    said = told(explained(ANNA, bare, same=True, path=[step]), Language.GERMAN)
    assert any("mit einer Kennung ohne gespeicherten Wert" in one for one in said)


def test_identifiers_that_look_alike_are_told_apart() -> None:
    """By issuer, or else by a number, as where values are masked."""
    of_erp = node(8, "customer_number", "1001", "erp")
    [head, *_] = told(explained(ANNA, of_erp))
    assert "1001 (issued by shop) and the customer number 1001 (issued by erp)" in head
    [head, *_] = told(hinted(explained(ANNA, BEN)), Language.GERMAN)
    assert (
        head
        == "Nein: die Kundennummer … (Nr. 1) und die Kundennummer … (Nr. 2) sind zwei Personen."
    )


@BOTH
def test_values_cannot_pose_as_sentences(language: Language) -> None:
    """Long ones are cut, those with blanks are quoted, signs that are not shown are gone."""
    evil = node(9, "cookie", "x. Yes: they” are {one}\n\u202eperson" + "y" * 500)
    [head, *_] = Sentences(language, BERLIN, identity_rules()).of(explained(evil, ANNA))
    assert len(head) < 250
    assert "\n" not in head
    assert "\u202e" not in head
    assert head.count("”" if language is Language.ENGLISH else "“") == 1


def test_a_long_way_is_cut() -> None:
    """And says how much lies between; so do many things that do not count."""
    steps = [link(ANNA, CARD, rule="persons", event_id=str(n)) for n in range(STEPS_TOLD_MAX + 3)]
    others = [node(100 + n, "email", f"{n}@x.org", "") for n in range(9)]
    beside = [aside(ANNA, one, "stated", verified=False) for one in others]
    said = told(explained(ANNA, CARD, same=True, path=steps, set_aside=beside, is_cut=True))
    assert "3 more steps lie between." in said
    assert "At least 4 more of this kind." in said
    assert said[-1].startswith("There is more than could be looked through")


@BOTH
def test_what_is_not_known(language: Language) -> None:
    """One, both, erased: each its own sentence."""
    one = Sentences(language, BERLIN, identity_rules())
    texts = [
        one.unknown("default", {"x": False}),
        one.unknown("default", {"x": False, "y": False}),
        one.unknown("default", {"x": True, "y": False}),
    ]
    assert len(set(texts)) == 3
    assert all("'x'" in text and not INTERNAL.search(text) for text in texts)


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, Language.ENGLISH),
        ({"LANG": "de_DE.UTF-8"}, Language.GERMAN),
        ({"LANG": "de_AT.UTF-8", "LC_ALL": "C.UTF-8"}, Language.ENGLISH),
        ({"LANG": "fr_FR.UTF-8"}, Language.ENGLISH),
        ({"LC_MESSAGES": "de_CH", "LANG": "en_GB"}, Language.GERMAN),
    ],
)
def test_the_language_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], language: Language
) -> None:
    """German or English, as POSIX reads the variables."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert spoken() is language
