"""What the statements of several measures begin with, written once.

A line of this form in a statement of a measure gets the common table expressions of that name:

    -- CTEs of purchases --

Where a statement has decided whose profile a row is of, a line of this form says so. Asked about
the members of a segment, it keeps their rows alone:

    -- only: if(m.is_known, m.profile, c.node) --

Where a statement counts persons at last, lines of these forms stand for the names of their groups
and say whose row it is. Asked about groups, it counts the persons of each; all else is about
everybody:

    -- of each group --
    -- of groups: leavers.profile --
"""

from __future__ import annotations

import re

from services.measures.adapters.experiences import EXPERIENCES
from services.store.statements import statements_of

_STATEMENTS = statements_of(__file__)
BOUNDED_SQL = _STATEMENTS["bounded"]
MERGING_SQL = _STATEMENTS["merging"]
MEMBERS_SQL = _STATEMENTS["members"]
GROUPED_SQL = _STATEMENTS["grouped"]
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
_ONLY = re.compile(r"\n *-- only: (.+) --")
_OF_EACH_GROUP = re.compile(r"\n *-- of each group --")
_OF_GROUPS = re.compile(r"\n *-- of groups: (.+) --")
_OF_THE_REALM = re.compile(
    r"FROM (?:group_facts|interactions|map|observations|orders|surveys|touchpoints)(?: FINAL)?\s+"
    r"WHERE realm = \{realm:String\}(?! AND node IN)"
)
"""What reads a table that is sorted by identifiers, and names none."""


def whole(sql: str) -> str:
    """A statement of a measure with what it begins with, in bounded memory. Raises KeyError for an
    unknown fragment."""
    return _bounded(sql, _of_nobody(_ONLY.sub("", _filled(sql))))


def of_groups(sql: str) -> str:
    """The same by groups, which are two more columns: `group_by` and `group_key`. What it counts
    last must be all that it says. Raises KeyError for an unknown fragment."""
    filled = _ONLY.sub("", _filled(sql)).rstrip()
    joined = _OF_GROUPS.sub(
        lambda match: f"\nINNER JOIN ({GROUPED_SQL}) AS g ON {match[1]} = g.profile", filled
    )
    named = _OF_EACH_GROUP.sub("\n    g.by AS group_by, g.key AS group_key,", joined)
    return _bounded(sql, f"{named}, group_by, group_key")


def _of_nobody(sql: str) -> str:
    """The same of no groups."""
    return _OF_GROUPS.sub("", _OF_EACH_GROUP.sub("", sql))


def of_members(sql: str) -> str:
    """The same of the members of `segment` alone. Raises KeyError for an unknown fragment."""
    only = _ONLY.sub(lambda match: f"\nAND {match[1]} IN ({MEMBERS_SQL})", _filled(sql))
    return _bounded(sql, _of_nobody(only))


def _filled(sql: str) -> str:
    return _PLACE.sub(lambda match: FRAGMENTS[match[1]], sql)


def _bounded(sql: str, filled: str) -> str:
    return f"{filled}\n{MERGING_SQL if PURCHASES in sql else BOUNDED_SQL}"


def of_nodes(sql: str) -> str:
    """A statement about the identifiers `nodes`, which begins as those of measures do: of tables by
    identifier only their rows are read. What another identifier reports of the same order, or in
    the same case, is not seen. Raises KeyError for an unknown fragment."""
    found = _of_nobody(_ONLY.sub("", _filled(sql)))
    return _OF_THE_REALM.sub(lambda match: f"{match[0]} AND node IN {{nodes:Array(UUID)}}", found)
