"""What a batch corrects: events of which several bodies exist, and what the others had said.

The body of the highest version counts. It replaces the others in every projection and under every
anchor, and every book that any of them touched is judged again. Books are noted in the store before
facts are replaced, so a batch that is processed again finds them. Nothing here writes facts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from schemas.claim import Book, Superseded
from schemas.identifiers import NodeId
from services.ingest.core.outcome import Accepted, Corrections
from services.ingest.ports import FactKey, FactStore, Known

REVISION_SHIFT = 32
Name = tuple[str, str]
"""Realm and event id."""


class _Body(NamedTuple):
    """Of several bodies the largest counts; of one body under two anchors the smaller node."""

    version: int
    inverse_node: int
    node: int

    @classmethod
    def of(cls, version: int, node: int) -> _Body:
        return cls(version, -node, node)


class CorrectionPlan:
    """The corrected events of one batch. Only `note` touches the store."""

    def __init__(self, known: Mapping[Name, list[Known]], fresh: Iterable[Accepted]) -> None:
        """`known` is what the store held before the batch, `fresh` what the batch is to store."""
        self._stored = {
            name: {_Body.of(entry.version, entry.node) for entry in entries}
            for name, entries in known.items()
        }
        self._arriving: dict[Name, dict[_Body, list[Accepted]]] = {}
        names: set[Name] = set()
        for event in fresh:
            name = event.realm, event.event_id
            if name in names or name in known or event.version >> REVISION_SHIFT:
                self._arriving.setdefault(name, {})
            names.add(name)
        for event in fresh if self._arriving else ():
            mine = self._arriving.get(_name(event))
            if mine is not None:
                mine.setdefault(_Body.of(event.version, event.node), []).append(event)
        self._books: dict[Name, set[Book]] = {}

    def note(self, store: FactStore) -> None:
        """Find the books that other bodies touched, and note them for ever."""
        if not self._arriving:
            return
        keys = {
            (*name, body.node)
            for name, mine in self._arriving.items()
            for body in (*mine, *self._stored.get(name, ()))
        }
        found = store.former_books({(realm, node, event) for realm, event, node in keys})
        self._books = {name: set(found.get(name, ())) for name in self._arriving}
        to_note: dict[FactKey, set[Book]] = {}
        for name, mine in self._arriving.items():
            top = self._top(name)
            assert top is not None
            for body, events in mine.items():
                if body.version < top.version:
                    self._books[name].update(c.book for event in events for c in event.claims)
            if self._books[name] and len({*mine, *self._stored.get(name, ())}) > 1:
                to_note[name[0], top.node, name[1]] = self._books[name]
        if to_note:
            store.write_former_books(to_note)

    def to_write(self, fresh: Mapping[int, Accepted]) -> dict[int, Accepted]:
        """The events to be stored, by position: those that a stored body outvotes are not.

        An event that may have another body is marked, so that it replaces all of that.
        """
        if not self._arriving:
            return dict(fresh)
        written: dict[int, Accepted] = {}
        for position, event in fresh.items():
            name = _name(event)
            if name not in self._arriving:
                written[position] = event
            elif not any(body.version > event.version for body in self._stored.get(name, ())):
                written[position] = event._replace(corrects=True)
        return written

    def forget(self, event: Accepted) -> None:
        """The store refused this body."""
        mine = self._arriving.get(_name(event), {})
        mine.pop(_Body.of(event.version, event.node), None)

    @property
    def names(self) -> Collection[Name]:
        """The events of which several bodies may exist."""
        return self._arriving.keys()

    @property
    def moved(self) -> dict[Name, NodeId]:
        """The anchors of the bodies that count, of events with facts under other ones, too."""
        names = {(realm, event_id) for realm, _, event_id in self.outvoted_elsewhere()}
        return {name: top.node for name in names if (top := self._top(name)) is not None}

    def outvoted_elsewhere(self) -> list[FactKey]:
        """Facts under other anchors than that of the body that counts."""
        return sorted(
            (name[0], node, name[1])
            for name in self._arriving
            if (top := self._top(name)) is not None
            for node in {
                body.node
                for body in self._bodies(name)
                if body.version < top.version and body.node != top.node
            }
        )

    def told(self, events: Collection[Accepted]) -> tuple[list[Accepted], list[Accepted]]:
        """Events as the decision stages hear of them, and those of them that are outvoted."""
        if not self._arriving:
            return list(events), []
        told = [self._told(event) for event in events]
        return told, [event for event in told if self._is_outvoted(event)]

    def _told(self, event: Accepted) -> Accepted:
        """The event as the decision stages hear of it.

        A body that does not count claims nothing; one that does may have lost attributes and
        consents. Edges only ever grow, so those of every body count.
        """
        name = _name(event)
        top = self._top(name) if name in self._arriving else None
        if top is None or not self._is_corrected(name):
            return event
        if self._is_outvoted(event):
            return event._replace(claims=[], has_attributes=False, has_consents=False)
        return event._replace(has_attributes=True, has_consents=True)

    def _is_outvoted(self, event: Accepted) -> bool:
        """Whether another body of the event counts."""
        name = _name(event)
        top = self._top(name) if name in self._arriving else None
        return top is not None and event.version < top.version

    def corrections(self) -> Corrections:
        """What the decision stages must hear beside the events."""
        superseded: list[Superseded] = []
        for name, books in self._books.items():
            top = self._top(name)
            if top is not None:
                told = self._arriving[name].get(top, ())  # its own claims take the others' place
                left = books - {claim.book for event in told for claim in event.claims}
                superseded += (Superseded(book, name[1], top.version) for book in sorted(left))
        former = [(realm, node) for realm, node, _ in self.outvoted_elsewhere()]
        return Corrections(superseded, list(dict.fromkeys(former)))

    def _is_corrected(self, name: Name) -> bool:
        """Whether another body than the one that counts is known, or may have been replaced."""
        versions = {body.version for body in self._bodies(name)}
        return len(versions) > 1 or any(version >> REVISION_SHIFT for version in versions)

    def _bodies(self, name: Name) -> set[_Body]:
        return {*self._arriving[name], *self._stored.get(name, ())}

    def _top(self, name: Name) -> _Body | None:
        return max(self._bodies(name), default=None)


def _name(event: Accepted) -> Name:
    return event.realm, event.event_id
