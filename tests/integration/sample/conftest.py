"""One small sample stream for all tests of this folder, read back from its files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from devtools.sample import SampleReport, build_sample
from schemas.identifiers import BlockedIdentifier, normalise
from schemas.rules.identity import identity_rules

HOUSEHOLDS, SEED = 20, 9
RULES = identity_rules()

Key = tuple[str, str, str]
Row = dict[str, Any]


@dataclass
class Built:
    """The files of one build, as an outsider reads them."""

    report: SampleReport
    stream: Path
    truth: Path
    progress: list[tuple[int, int]] = field(default_factory=list)

    @cached_property
    def lines(self) -> list[bytes]:
        """The stream's lines without their ends."""
        return self.stream.read_bytes().split(b"\n")[:-1]

    @cached_property
    def good(self) -> list[Row]:
        """Every line that is an event meant to be accepted, repetitions included."""
        return [event for event in map(parsed, self.lines) if is_good(event)]

    @cached_property
    def events(self) -> list[Row]:
        """The good events, each once, in the order of their first line."""
        first: dict[str, Row] = {}
        for event in self.good:
            first.setdefault(event["event_id"], event)
        return list(first.values())

    def of(self, kind: str) -> Iterator[Row]:
        """The events of one type, without test journeys."""
        for event in self.events:
            if event["type"] == kind and not event["source"].get("synthetic"):
                yield event

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of a CSV truth file."""
        with (self.truth / name).open(newline="", encoding="utf-8") as source:
            return list(csv.DictReader(source))

    def truths(self, name: str) -> list[Row]:
        """The rows of a JSONL truth file."""
        return [json.loads(line) for line in (self.truth / name).read_text("utf-8").splitlines()]

    @cached_property
    def owners(self) -> dict[Key, str]:
        """Identifier → whose it is, by the truth."""
        rows = self.table("identities.csv")
        return {(row["type"], row["issuer"], row["value"]): row["person"] for row in rows}


def parsed(line: bytes) -> Row:
    """A line as a mapping; empty where it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_good(event: Row) -> bool:
    """The line is meant to be accepted (garbage names itself, or is no JSON)."""
    return bool(event) and not event["event_id"].startswith("bad-")


def key_of(named: Row) -> Key | None:
    """An identifier's normalised key; None for a blocked value."""
    try:
        value = normalise(named["type"], named["value"], RULES, "DE")
    except BlockedIdentifier:
        return None
    return named["type"], named.get("issuer", ""), value


def keys_of(event: Row) -> list[tuple[Key, bool]]:
    """(key, verified) of an event's usable identifiers."""
    found = [
        (key_of(named), named.get("verified", False)) for named in event.get("identifiers", [])
    ]
    return [(key, verified) for key, verified in found if key]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The small stream with its truth."""
    folder = tmp_path_factory.mktemp("sample")
    progress: list[tuple[int, int]] = []
    stream, truth = folder / "stream.jsonl", folder / "truth"
    report = build_sample(
        HOUSEHOLDS, SEED, stream, truth, progress=lambda done, of: progress.append((done, of))
    )
    return Built(report, stream, truth, progress)
