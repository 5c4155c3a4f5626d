"""An explanation in the words of customers: what happened, when and where, in English or German.

Pure. For people who look after customers: no word of how identities are computed. Values are those
of the explanation, so where they are masked there, they are masked here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo

from schemas.api.permission import Language
from schemas.rules.identity import IdentifierKind, IdentityRules
from services.api import sentence_words as words
from services.api.explained import (
    DecisionStep,
    EdgeStep,
    Explained,
    NearStep,
    SetAside,
    WhyDecided,
    WhyDecision,
    WhyHappened,
    WhyNode,
    WhyShared,
)

STEPS_TOLD_MAX = 12
ASIDES_TOLD_MAX = 5
VALUE_CHARS_MAX = 60
TEXT_CHARS_MAX = 300
PLAIN = re.compile(r"^[\w.+@:/#*…-]+$")
"""A value that needs no quotation marks."""
Words = tuple[str, str]
"""A text in English and in German."""
Step = EdgeStep | DecisionStep | NearStep


class Sentences:
    """Explanations in one language, with the days of one time zone."""

    def __init__(self, language: Language, zone: tzinfo, rules: IdentityRules) -> None:
        self._language = language
        self._zone = zone
        self._rules = rules
        self._beside: Mapping[str, str] = {}
        """What distinguishes identifiers that look alike, by node id."""
        self._shared: Mapping[str, WhyShared] = {}
        self._told: set[str] = set()
        """Shared identifiers of which it was said that they are."""

    def of(self, found: Explained) -> list[str]:
        """The sentences of an explanation, the answer first. Each stands once."""
        self._beside = self._distinctions(found)
        self._shared = {one.identifier.node_id: one for one in found.shared}
        self._told = set()
        told = self._same(found) if found.same else self._apart(found)
        return list(dict.fromkeys(_sentence(one) for one in told if one))

    def unknown(self, realm: str, strange: Mapping[str, bool]) -> str:
        """What there is to say where identifiers are not known, each with whether it was erased."""
        both = self._say(words.AND)
        names = both.join(repr(one) for one in strange)
        if any(strange.values()):
            erased = [repr(one) for one, is_erased in strange.items() if is_erased]
            return self._say(words.ERASED, names=both.join(erased))
        text = words.UNKNOWN_BOTH if len(strange) > 1 else words.UNKNOWN_ONE
        return self._say(text, names=names, realm=repr(realm))

    def _same(self, found: Explained) -> Iterator[str]:
        x, y = self._named(found.a), self._named(found.b)
        if found.a.node_id == found.b.node_id:
            yield self._say(words.SELF, x=x)
            yield from self._nobodys(found.a)
        else:
            head = {"anonymous": words.YES_NOBODY, "shared": words.YES_SHARED}
            yield self._say(head.get(found.kind_a, words.YES), x=x, y=y)
        for step in found.path[:STEPS_TOLD_MAX]:
            yield from self._step(step)
        if len(found.path) > STEPS_TOLD_MAX:
            yield self._say(words.MORE_STEPS, count=len(found.path) - STEPS_TOLD_MAX)
        yield from self._rest(found, ())
        if found.is_cut:
            yield self._say(words.NOT_ALL)

    def _nobodys(self, *nodes: WhyNode) -> Iterator[str]:
        """Why those of the identifiers that are shared belong to nobody."""
        for node in nodes:
            if node.node_id in self._shared and node.node_id not in self._told:
                self._told.add(node.node_id)
                yield self._whom(self._shared[node.node_id])

    def _apart(self, found: Explained) -> Iterator[str]:
        both_persons = found.kind_a == found.kind_b == "person"
        head = words.NO_PERSONS if both_persons else words.NO_OTHER
        yield self._say(head, x=self._named(found.a), y=self._named(found.b))
        for decision in found.decisions:
            yield from self._decision(decision)
        yield from self._nobodys(found.a, found.b)
        if found.nearest:
            yield self._say(words.CONNECTION)
        elif not found.decisions:
            yield self._say(words.NO_CONNECTION)
        for step in found.nearest[:STEPS_TOLD_MAX]:
            yield from self._step(step)
        if len(found.nearest) > STEPS_TOLD_MAX:
            yield self._say(words.MORE_STEPS, count=len(found.nearest) - STEPS_TOLD_MAX)
        yield from self._rest(found, [one for one in found.nearest if isinstance(one, NearStep)])
        if found.is_cut:
            yield self._say(words.NOT_ALL)

    def _rest(self, found: Explained, said: Sequence[NearStep]) -> Iterator[str]:
        """What was set aside and is not said yet; of many, the first and how many there are."""
        done = {(one.event_id, *_pair(one)) for one in said}
        left = {(one.event_id, *_pair(one)): one for one in found.set_aside}
        rest = [one for key, one in left.items() if key not in done]
        told = more = 0
        for one in rest:
            if self._told.intersection(_pair(one)):
                continue  # it was said of a shared identifier that it belongs to nobody
            if told == ASIDES_TOLD_MAX:
                more += 1
                continue
            if not told:
                yield self._say(words.ALSO)
            told += 1
            yield self._happened(one)
            yield from self._obstacle(one.why, one)
        if more:
            yield _sentence(self._say(words.MORE, count=self._count(more, found.is_cut)))

    def _step(self, step: Step) -> Iterator[str]:
        if isinstance(step, DecisionStep):
            yield self._say(
                words.RULES["decision"], x=self._named(step.from_), y=self._named(step.to),
                **self._by(step),
            )  # fmt: skip
            return
        yield self._happened(step)
        if isinstance(step, NearStep) and step.why:
            yield from self._obstacle(step.why, step)
        elif step.rule:
            shareable = step.from_ if self._is_personal(step.to) else step.to
            yield self._say(words.RULES[step.rule], x=self._named(shareable))

    def _happened(self, one: EdgeStep | NearStep | SetAside) -> str:
        """The sentence of an event: who was named, where, when, and what with."""
        event, when = one.happened, self._when(one.first_seen)
        x, y = one.from_, one.to
        if event is None or event.anchor not in (x.node_id, y.node_id):
            told = self._say(words.UNSEEN, x=self._named(x), y=self._named(y), when=when)
            return _sentence(f"{told}.")
        if event.anchor == y.node_id:
            x, y = y, x
        head = self._say(
            words.EVENTS.get(_kind_of(event), words.OTHERWISE),
            x=self._named(x),
            dative=self._dative(x),
            where=self._where(event),
            when=when,
            by=self._say(words.BY_SYSTEM, self._quoted(event.system)) if event.system else "",
        )
        if not one.verified:
            tail = words.WITHOUT_PROOF
        else:
            tail = words.WITH_DEVICE if self._is_device(y) else words.WITH_OTHER
        return _sentence(head + self._say(tail, y=self._named(y), y_dative=self._dative(y)))

    def _obstacle(self, standing: str, one: NearStep | SetAside) -> Iterator[str]:
        """Why something that happened does not make the two one person."""
        yield _sentence(
            self._say(
                words.STANDINGS[standing],
                x=self._named(one.from_),
                y=self._named(one.to),
                decided=self._apart_by(one.decided),
                because=self._refused(one) if one.refused_because else "",
            )
        )
        if standing == "shared" and not one.refused_because:
            yield from self._nobodys(one.from_, one.to)

    def _refused(self, one: NearStep | SetAside) -> str:
        """The reason of a refusal, with the identifiers that block."""
        named = sorted(self._named(node) for node in one.blocked_by)
        first = one.blocked_by[0] if one.blocked_by else one.to
        told = self._say(
            words.REASONS[one.refused_because or ""],
            blockers=self._say(words.AND).join(named),
            x=self._named(first),
            x_dative=self._dative(first),
            decided=self._apart_by(one.decided),
            count="",
        )
        return _sentence(told)

    def _whom(self, one: WhyShared) -> str:
        """Why an identifier belongs to nobody, and whom it touches."""
        x = self._named(one.identifier)
        count = self._count(one.seen_with, one.is_cut)
        if one.because != "several":
            told = self._say(
                words.REASONS[one.because], x=x, x_dative=self._dative(one.identifier),
                count=f" ({count})", blockers=x, decided="",
            )  # fmt: skip
            return _sentence(told)
        names = self._say(words.AND).join(self._named(node) for node in one.samples)
        if one.persons > len(one.samples) or one.is_cut:
            people = self._count(one.persons, one.is_cut)
            names = self._say(words.AMONG, count=people, names=names)
        return _sentence(self._say(words.SEVERAL, x=x, whom=f" ({names})" if names else ""))

    def _decision(self, one: WhyDecision) -> Iterator[str]:
        is_same = one.verdict == "same"
        text = words.RULES["decision"] if is_same else words.DECIDED_APART
        yield self._say(text, x=self._named(one.from_), y=self._named(one.to), **self._by(one))
        if is_same:
            is_shared = not self._shared.keys().isdisjoint((one.from_.node_id, one.to.node_id))
            if one.refused_because or is_shared:
                reason = one.refused_because or ""
                yield self._say(words.NO_EFFECT.get(reason, words.NO_EFFECT[""]))
            else:
                yield self._say(words.BEING_APPLIED)

    def _apart_by(self, one: WhyDecided | None) -> str:
        return self._say(words.DECIDED, **self._by(one)) if one else ""

    def _by(self, one: WhyDecided | WhyDecision | DecisionStep) -> dict[str, str]:
        reason = _clean(one.reason, TEXT_CHARS_MAX) or self._say(words.NO_REASON)
        ending = "" if reason.endswith((".", "!", "?", "…")) else "."
        return {
            "author": _clean(one.author, VALUE_CHARS_MAX),
            "when": self._when(one.decided_at),
            "reason": reason + ending,
        }

    def _when(self, instant: str) -> str:
        day = datetime.fromisoformat(instant).astimezone(self._zone)
        month = words.MONTHS[self._language].split()[day.month - 1]
        return self._say(words.WHEN, day=day.day, month=month, year=day.year)

    def _where(self, event: WhyHappened) -> str:
        known = words.CHANNELS.get(event.channel)
        place = self._say(known) if known else self._say(words.OWN_CHANNEL, event.channel)
        if not event.store:
            return place
        store = words.OF_STORE if event.channel in words.PLACES else words.AT_STORE
        return place + self._say(store, self._quoted(event.store))

    def _named(self, node: WhyNode) -> str:
        """An identifier with its article, in the nominative: `die Kundennummer 1001`."""
        return self._with_article(node, words.NOMINATIVE)

    def _dative(self, node: WhyNode) -> str:
        return self._with_article(node, words.DATIVE)

    def _with_article(self, node: WhyNode, articles: Mapping[str, str]) -> str:
        if not node.type or not node.value:
            is_dative = articles is words.DATIVE
            return self._say(words.NAMELESS_DATIVE if is_dative else words.NAMELESS)
        noun = words.IDENTIFIERS.get(node.type, words.OWN_TYPE)
        is_english = self._language is Language.ENGLISH
        article = "the" if is_english else articles[noun.gender]
        name = (noun.english if is_english else noun.german).format(node.type)
        beside = self._beside.get(node.node_id, "")
        return f"{article} {name} {self._quoted(node.value)}{beside}"

    def _distinctions(self, found: Explained) -> dict[str, str]:
        """What to put beside identifiers that would read alike: the issuer, else a number."""
        alike: defaultdict[tuple[str, str], dict[str, WhyNode]] = defaultdict(dict)
        for node in _nodes(found):
            alike[node.type, node.value][node.node_id] = node
        beside = dict[str, str]()
        for nodes in alike.values():
            if len(nodes) < 2:
                continue
            issuers = Counter(node.issuer for node in nodes.values())
            for number, node in enumerate(nodes.values(), 1):
                is_told = node.issuer and issuers[node.issuer] == 1
                text = words.OF_ISSUER if is_told else words.BY_NUMBER
                beside[node.node_id] = self._say(text, node.issuer if is_told else number)
        return beside

    def _is_personal(self, node: WhyNode) -> bool:
        row = self._rules.by_name.get(node.type)
        return row is not None and row.kind is IdentifierKind.PERSONAL

    def _is_device(self, node: WhyNode) -> bool:
        row = self._rules.by_name.get(node.type)
        return row is not None and row.kind is IdentifierKind.DEVICE

    def _count(self, number: int, is_cut: bool) -> str:
        text = (
            f"{number:,}" if self._language is Language.ENGLISH else f"{number:,}".replace(",", ".")
        )
        return self._say(words.AT_LEAST, text) if is_cut else text

    def _quoted(self, value: str) -> str:
        """A value as it is, or in quotation marks where it could be taken for the sentence."""
        text = _clean(value, VALUE_CHARS_MAX)
        if PLAIN.match(text):
            return text
        is_english = self._language is Language.ENGLISH
        inner = re.sub('[“”„"]', "'", text)
        return f"“{inner}”" if is_english else f"„{inner}“"

    def _say(self, text: Words, *values: object, **named: object) -> str:
        chosen = text[0] if self._language is Language.ENGLISH else text[1]
        filled = chosen.format(*values, **named) if values or named else chosen
        return filled if not named else _one_blank(filled)


def _kind_of(event: WhyHappened) -> str:
    return f"{event.type}:{event.reason}" if event.type == words.LINKED else event.type


def _pair(one: NearStep | SetAside) -> tuple[str, ...]:
    return tuple(sorted((one.from_.node_id, one.to.node_id)))


def _nodes(found: Explained) -> Iterable[WhyNode]:
    """Every identifier of an explanation that a sentence may name."""
    yield from (found.a, found.b)
    for one in (*found.path, *found.nearest, *found.decisions, *found.set_aside):
        yield from (one.from_, one.to)
        if isinstance(one, NearStep | SetAside):
            yield from one.blocked_by
    for shared in found.shared:
        yield from (shared.identifier, *shared.samples)


def _sentence(text: str) -> str:
    """With a capital at its beginning, and one blank between words."""
    clean = _one_blank(text)
    return clean[:1].upper() + clean[1:]


def _one_blank(text: str) -> str:
    return re.sub(" +", " ", text).strip().replace(" ;", ";").replace(" ,", ",")


def _clean(text: str, chars_max: int) -> str:
    """Somebody's text on one line, of bounded length, without signs that are not shown."""
    shown = "".join(one if one.isprintable() else " " for one in text).strip()
    return shown if len(shown) <= chars_max else shown[: chars_max - 1] + "…"
