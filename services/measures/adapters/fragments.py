"""What the statements of several measures begin with, written once.

A line of this form in a statement of a measure gets the common table expressions of that name:

    -- CTEs of purchases --
"""

from __future__ import annotations

import re

from services.measures.adapters.experiences import EXPERIENCES
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
BOUNDED_SQL = _STATEMENTS["bounded"]
MERGING_SQL = _STATEMENTS["merging"]
PURCHASES = "-- CTEs of purchases --"
FRAGMENTS = {
    "purchases": _STATEMENTS["purchases"],
    "occasions": _STATEMENTS["occasions"],
    "returns": _STATEMENTS["returns"],
    "customers": _STATEMENTS["customers"],
    "holders": _STATEMENTS["holders"],
    "answers": _STATEMENTS["answers"],
    "loyalty": _STATEMENTS["loyalty"],
    "interactions": _STATEMENTS["interactions"],
    "service_steps": _STATEMENTS["service_steps"],
    "topics": _STATEMENTS["topics"],
    "service_clocks": _STATEMENTS["service_clocks"],
    "conversations": _STATEMENTS["conversations"],
    "contacts": _STATEMENTS["contacts"],
    "baskets": _STATEMENTS["baskets"],
    "order_lines": _STATEMENTS["order_lines"],
    "tiers": _STATEMENTS["tiers"],
    "potentials": _STATEMENTS["potentials"],
    "campaign_costs": _STATEMENTS["campaign_costs"],
    "habits": _STATEMENTS["habits"],
    "contracts": _STATEMENTS["contracts"],
    "verdicts": _STATEMENTS["verdicts"],
    "signs": _STATEMENTS["signs"],
    "buying_days": _STATEMENTS["buying_days"],
    "leavers": _STATEMENTS["leavers"],
    "leads": _STATEMENTS["leads"],
    "touches": _STATEMENTS["touches"],
    "searches": _STATEMENTS["searches"],
    "questions": _STATEMENTS["questions"],
    **EXPERIENCES,
}
_PLACE = re.compile(r"-- CTEs of (\w+) --")
_OF_THE_REALM = re.compile(
    r"FROM (?:group_facts|interactions|map|observations|orders|surveys|touchpoints)(?: FINAL)?\s+"
    r"WHERE realm = \{realm:String\}(?! AND node IN)"
)
"""What reads a table that is sorted by identifiers, and names none."""


def whole(sql: str) -> str:
    """A statement of a measure with what it begins with, in bounded memory. Raises KeyError for an
    unknown fragment."""
    settings = MERGING_SQL if PURCHASES in sql else BOUNDED_SQL
    return f"{_PLACE.sub(lambda match: FRAGMENTS[match[1]], sql)}\n{settings}"


def of_nodes(sql: str) -> str:
    """A statement about the identifiers `nodes`, which begins as those of measures do: of tables by
    identifier only their rows are read. What another identifier reports of the same order, or in
    the same case, is not seen. Raises KeyError for an unknown fragment."""
    found = _PLACE.sub(lambda match: FRAGMENTS[match[1]], sql)
    return _OF_THE_REALM.sub(lambda match: f"{match[0]} AND node IN {{nodes:Array(UUID)}}", found)
