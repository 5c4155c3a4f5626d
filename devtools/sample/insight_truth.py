"""What measures must come to on the stream, recorded while it is composed, never read from it.

Shares are exact where they can be; figures are rounded to four decimals.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]
MEASURES, PERSONS = "measures.jsonl", "planted_persons.jsonl"


def share(part: int, of: int) -> float:
    """A share in per cent."""
    return round(100 * part / of, 4)


class InsightTruth:
    """Figures of populations, and persons with what must be found of each."""

    def __init__(self) -> None:
        self.measures: list[Row] = []
        self.persons: list[Row] = []

    def measure(self, name: str, value: float, n: int, population: Row, **counts: int) -> None:
        """A figure; `population` names the survey, campaign, channel or role it is about."""
        row = {"measure": name, "population": population, "n": n, "value": value}
        self.measures.append(row | {"counts": counts})

    def person(self, label: str, role: str, **facts: Any) -> None:
        """A person with a role, and what proves it: ids of events, a reason, a time."""
        self.persons.append({"person": label, "role": role} | facts)

    def write(self, folder: Path) -> None:
        """Write both files into a folder that is there."""
        for name, rows in ((MEASURES, self.measures), (PERSONS, self.persons)):
            lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / name).write_text("".join(lines), "utf-8")
