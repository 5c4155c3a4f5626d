"""Customers by what is known of them, page by page.

Every page looks through all values of the realm: there is no index of words. It reads a bounded
number of matches, and the profiles of those that it gives out. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from schemas.identifiers import NodeId, as_uuid
from services.profiles.adapters.clickhouse import ProfileReader
from services.profiles.core.search import (
    START,
    SearchHit,
    SearchPlace,
    SearchTerms,
    first_place,
    has_attributes,
)
from services.store.database import KEYS_PER_QUERY, Database, chunks
from services.store.profile_map import ProfileMap
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
PLACES_OF_TEXT_SQL = _STATEMENTS["places_of_text"]
PLACES_OF_ATTRIBUTE_SQL = _STATEMENTS["places_of_attribute"]
FREQUENCIES_SQL = _STATEMENTS["frequencies"]
MATCHES_OF_TEXT_SQL = _STATEMENTS["matches_of_text"]
MATCHES_OF_ATTRIBUTE_SQL = _STATEMENTS["matches_of_attribute"]
PLACES_PER_SCAN = 500
PLACES_AT_ONCE = 2
"""Places that are looked at together, for each customer that is wanted."""
SCANS_MAX = 4
"""Of one page; one that finds less goes on with the next page."""


class _Matches:
    """What matches at the nodes of some profiles."""

    def __init__(self) -> None:
        self.places: list[tuple[NodeId, int]] = []
        self.texts: dict[str, None] = {}


class SearchReader:
    """Implements `services.profiles.ports.SearchSource`."""

    def __init__(self, database: Database, reader: ProfileReader) -> None:
        self._database = database
        self._reader = reader
        self._map = ProfileMap(database)

    def page(
        self, realm: str, terms: SearchTerms, limit: int, after: SearchPlace | None = None
    ) -> tuple[list[SearchHit], SearchPlace | None]:
        """See the port."""
        found: list[tuple[SearchPlace, SearchHit]] = []
        place = after or START
        for _ in range(SCANS_MAX):
            places = self._places(realm, terms, place)
            for hit in self._hits(realm, terms, places, limit + 1):
                found.append(hit)
                if len(found) > limit:
                    return [one for _, one in found[:limit]], found[limit - 1][0]
            if len(places) < PLACES_PER_SCAN:
                return [one for _, one in found], None
            place = places[-1]
        return [one for _, one in found], place

    def rarest(self, realm: str, attributes: Mapping[str, frozenset[str]]) -> str:
        """See the port."""
        names = sorted(attributes)
        if len(names) == 1:
            return names[0]
        forms = [sorted(attributes[name]) for name in names]
        where = {"realm": realm, "names": names, "forms": forms}
        found = dict(self._database.rows(FREQUENCIES_SQL, where))
        return min(names, key=lambda name: found.get(name, 0))

    def _places(self, realm: str, terms: SearchTerms, after: SearchPlace) -> list[SearchPlace]:
        """The next matches, in order; one may occur several times."""
        sql, asked = _question(terms, PLACES_OF_TEXT_SQL, PLACES_OF_ATTRIBUTE_SQL)
        where = {"rank": after.rank, "after": str(as_uuid(after.node)), "limit": PLACES_PER_SCAN}
        rows = self._database.rows(sql, {"realm": realm, **asked, **where})
        return [SearchPlace(rank, node.int) for node, rank in rows]

    def _hits(
        self, realm: str, terms: SearchTerms, places: Sequence[SearchPlace], at_once: int
    ) -> Iterator[tuple[SearchPlace, SearchHit]]:
        """The profiles whose first match is among the places, in their order; no more is read than
        is asked for."""
        is_selective = len(terms.attributes) > (not terms.text)
        size = PLACES_PER_SCAN if is_selective else PLACES_AT_ONCE * at_once
        for some in chunks(list(dict.fromkeys(places)), size):
            held = self._reader.resolve(realm, list(dict.fromkeys(one.node for one in some)))
            matches = self._matches(realm, terms, {one.profile for one in held.values()})
            firsts = {first_place(one.places): profile for profile, one in matches.items()}
            leading = [one for one in some if one in firsts]
            profiles = self._having(realm, terms, [firsts[place] for place in leading])
            leading = [place for place in leading if firsts[place] in profiles]
            for part in chunks(leading, at_once):
                read = self._reader.profiles(realm, [firsts[place] for place in part])
                invented = self._reader.invented(realm, read)
                by_id = {one.profile_id.int: one for one in read if one.profile_id not in invented}
                for place in part:
                    if firsts[place] in by_id:
                        texts = list(matches[firsts[place]].texts)
                        yield place, SearchHit(by_id[firsts[place]], texts)

    def _having(self, realm: str, terms: SearchTerms, profiles: Sequence[NodeId]) -> set[NodeId]:
        """Those of the profiles that have the attributes of the terms."""
        if not terms.attributes:
            return set(profiles)
        found = self._reader.attributes(realm, profiles, terms.attributes.keys())
        return {one for one in profiles if has_attributes(found.get(one, {}), terms)}

    def _matches(
        self, realm: str, terms: SearchTerms, profiles: Collection[NodeId]
    ) -> dict[NodeId, _Matches]:
        """All matches of these profiles."""
        holder = self._map.members_of(realm, profiles).holder
        sql, asked = _question(terms, MATCHES_OF_TEXT_SQL, MATCHES_OF_ATTRIBUTE_SQL)
        rows = (
            row
            for part in chunks(list(holder), KEYS_PER_QUERY)
            for row in self._database.rows(sql, {"realm": realm, "nodes": _words(part), **asked})
        )
        found: defaultdict[NodeId, _Matches] = defaultdict(_Matches)
        for node, rank, text in sorted(rows, key=lambda row: (row[1], row[2])):
            matches = found[holder[node.int]]
            matches.places.append((node.int, rank))
            matches.texts[text] = None
        return found


def _words(nodes: Sequence[NodeId]) -> list[str]:
    return [str(as_uuid(node)) for node in nodes]


def _question(
    terms: SearchTerms, of_text: str, of_attribute: str
) -> tuple[str, dict[str, str | list[str]]]:
    """The statement that finds matches of the text, or of the leading attribute, and its
    parameters."""
    if terms.text:
        return of_text, {"text": terms.text}
    forms = sorted(terms.attributes[terms.leading])
    return of_attribute, {"attribute": terms.leading, "forms": forms}
