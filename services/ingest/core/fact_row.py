"""A row of `touchpoints` as it is made and written: the envelope, and the groups that an event has.

Most of the columns belong to a group that most events do not have (order, consents, attributes,
offers, claims, survey, membership, interaction). So a row has its own groups only, and a batch
becomes columns without a step for each column of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Self

Group = Mapping[str, Any]
"""Values by column."""
RowPart = tuple[int, tuple[Any, ...]]
"""The number of a group in GROUPS, and its values in the order of that."""

ENVELOPE = (
    "realm", "node", "event_id", "version", "event_hash", "occurred_at", "corrected_at",
    "received_at", "channel", "type", "synthetic", "active", "intake", "source_system",
    "source_store", "campaign", "anchor_type", "anchor_verified", "rules_version",
    "secret_generation", "ids.type", "ids.node", "ids.verified", "payload",
)  # fmt: skip
"""The columns of which every event has a value."""
EMPTY_ORDER: Group = {
    "order_action": "",
    "order_issuer": "",
    "order_id": "",
    "return_id": "",
    "order_counts": False,
    "order_currency": "",
    "order_value": Decimal(0),
    "lines.sku": (),
    "lines.kind": (),
    "lines.category": (),
    "lines.quantity": (),
    "lines.total": (),
}
EMPTY_CONSENTS: Group = {
    "consents.action": (),
    "consents.purpose": (),
    "consents.channel": (),
    "consents.address": (),
    "consents.basis": (),
    "consents.double_opt_in": (),
    "consents.text_version": (),
}
EMPTY_ATTRIBUTES: Group = {"attrs.name": (), "attrs.value": (), "attrs.present": ()}
EMPTY_OFFERS: Group = {
    "offers.sku": (),
    "offers.market": (),
    "offers.location": (),
    "offers.basis": (),
    "offers.price": (),
    "offers.currency": (),
    "offers.quantity": (),
    "offers.terms": (),
}
EMPTY_CLAIMS: Group = {
    "claims.kind": (),
    "claims.subject_type": (),
    "claims.subject": (),
    "claims.body": (),
}
EMPTY_MEMBERSHIP: Group = {
    "group_kind": "",
    "group_action": "",
    "group_issuer": "",
    "group_id": "",
    "group.field": (),
    "group.value": (),
    "member.roles": (),
    "member_title": "",
    "member_since": 0,
    "member_until": None,
}
EMPTY_SURVEY: Group = {
    "survey_kind": "",
    "survey": "",
    "survey_wave": "",
    "survey_mode": "",
    "survey_touchpoint": "",
    "survey_case_id": "",
    "survey_order_id": "",
    "answers.question": (),
    "answers.score": (),
    "answers.expected": (),
    "answers.choice": (),
    "answers.form": (),
    "answers.importance": (),
    "answers.scale_min": (),
    "answers.scale_max": (),
}
EMPTY_INTERACTION: Group = {"interaction": "", "details": ""}
GROUPS = (
    EMPTY_ORDER, EMPTY_CONSENTS, EMPTY_ATTRIBUTES, EMPTY_OFFERS, EMPTY_CLAIMS, EMPTY_SURVEY,
    EMPTY_MEMBERSHIP, EMPTY_INTERACTION,
)  # fmt: skip
"""The other columns, each with the value of a row that has none; a row has a group as a whole, or
not at all."""
EMPTY_ROW: Group = {name: value for group in GROUPS for name, value in group.items()}
COLUMNS = (*ENVELOPE, *EMPTY_ROW)
"""The names of all columns."""
_PLACES = {name: place for place, name in enumerate(ENVELOPE)}
_GROUP_OF = {
    name: (number, place) for number, group in enumerate(GROUPS) for place, name in enumerate(group)
}
_VALUES_OF = [itemgetter(*group) for group in GROUPS]
ORDER, CONSENTS, ATTRIBUTES, OFFERS, CLAIMS, SURVEY, MEMBERSHIP, INTERACTION = range(len(GROUPS))
"""The numbers of the groups."""


class FactRow(Mapping[str, Any]):
    """The values of one event by column; those of a group that it does not have are the empty
    ones. It is written a million times and read by name seldom: hence no dictionary."""

    __slots__ = ("envelope", "groups")

    def __init__(self, envelope: tuple[Any, ...], groups: Sequence[RowPart]) -> None:
        """`envelope` has the values of ENVELOPE, in that order."""
        self.envelope = envelope
        self.groups = groups

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The row of these values, by name: the whole envelope, and groups as wholes."""
        having = [number for number, group in enumerate(GROUPS) if not group.keys() - values.keys()]
        return cls(
            tuple(values[name] for name in ENVELOPE),
            [numbered(number, values) for number in having],
        )

    def __getitem__(self, name: str) -> Any:
        place = _PLACES.get(name)
        if place is not None:
            return self.envelope[place]
        mine, place = _GROUP_OF[name]
        for number, values in self.groups:
            if number == mine:
                return values[place]
        return EMPTY_ROW[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COLUMNS)

    def __len__(self) -> int:
        return len(COLUMNS)


def numbered(number: int, group: Group) -> RowPart:
    """A group as a part of a row. Raises KeyError if it lacks a column."""
    return number, _VALUES_OF[number](group)


def columns_of(rows: Sequence[FactRow]) -> dict[str, Sequence[Any]]:
    """The values of rows by column, of at least one row; without the groups that no row has, whose
    columns are empty."""
    envelopes = zip(*[row.envelope for row in rows], strict=True)
    columns: dict[str, Sequence[Any]] = dict(zip(ENVELOPE, envelopes, strict=True))
    having: dict[int, tuple[list[int], list[tuple[Any, ...]]]] = {
        number: ([], []) for number in range(len(GROUPS))
    }
    for place, row in enumerate(rows):
        for number, values in row.groups:
            places, parts = having[number]
            places.append(place)
            parts.append(values)
    for number, (places, parts) in having.items():
        if places:
            columns |= _spread(GROUPS[number], places, zip(*parts, strict=True), len(rows))
    return columns


def _spread(
    group: Group, places: Sequence[int], columns: Iterable[Sequence[Any]], size: int
) -> dict[str, Sequence[Any]]:
    """The columns of a group in `size` rows, from its values at these places."""
    found: dict[str, Sequence[Any]] = {}
    for (name, empty), values in zip(group.items(), columns, strict=True):
        column = [empty] * size
        for place, value in zip(places, values, strict=True):
            column[place] = value
        found[name] = column
    return found
