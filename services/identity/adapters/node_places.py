"""The stored nodes as places of a node filter, computed by the engine: a bit for each, not an id.

Ranges of places are ranges of the primary keys, so each part of the tables is read once.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from services.identity.core.node_filter import KEY_BITS, MANY
from services.runtime.errors import Fatal
from services.store.database import Database, on_one_thread
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
COUNT_SQL = _STATEMENTS["count"]
PLACES_SQL = (
    _STATEMENTS["places_of_map"],
    _STATEMENTS["places_of_edges"],
    _STATEMENTS["places_of_edges_reversed"],
    _STATEMENTS["places_of_decisions"],
    _STATEMENTS["places_of_refusals"],
    _STATEMENTS["places_of_marks"],
)
"""Of every table that can hold a node."""
DEGREES_SQL = _STATEMENTS["degrees"]
RANGES_PER_PART = 4
"""In which edges are counted: of a part of two million counters, 500,000 groups at once."""
FIRST_HALF = ((1 << 64) - 1) << 64


class StoredPlaces:
    """Implements `services.identity.ports.NodePlaces`. Raises Retry or Fatal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self) -> int:
        """See the port."""
        [(count,)] = self._database.rows(COUNT_SQL)
        return int(count)

    def places(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """See the port. One statement a table, of up to 2 MiB."""
        places, keys = (1 << bits) // parts, (1 << KEY_BITS) // parts
        asked = {
            "shift": KEY_BITS - bits,
            "low": UUID(int=part * keys),
            "high": UUID(int=FIRST_HALF | (part + 1) * keys - 1),
            "first": part * places >> 6,
            "last": (part + 1) * places >> 6,
        }
        for sql in PLACES_SQL:
            block = self._database.raw(on_one_thread(sql), "RowBinary", asked)
            _require(block, places)
            yield part * places >> 3, block

    def degrees(self, bits: int, part: int, parts: int) -> Iterator[tuple[int, bytes]]:
        """See the port. Rows that were replaced and are not merged yet count as well."""
        parts *= RANGES_PER_PART
        places, keys = (1 << bits) // parts, (1 << KEY_BITS) // parts
        for number in range(part * RANGES_PER_PART, (part + 1) * RANGES_PER_PART):
            asked = {
                "shift": KEY_BITS - bits + 3,
                "low": UUID(int=number * keys),
                "high": UUID(int=FIRST_HALF | (number + 1) * keys - 1),
                "first": number * places >> 3,
                "last": (number + 1) * places >> 3,
                "many": MANY,
            }
            block = self._database.raw(on_one_thread(DEGREES_SQL), "RowBinary", asked)
            _require(block, places)
            yield number * places >> 3, block


def _require(block: bytes, places: int) -> None:
    if len(block) != places >> 3:
        raise Fatal(
            f"the store gave {len(block):,} bytes for a range of identifiers in the place "
            f"of {places >> 3:,}: look at the settings of the server's user"
        )
