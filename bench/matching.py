"""How well match suggestions find the same persons: precision, recall and F1 by threshold.

    python -m bench matching ../shared/data

The folder holds `febrl/` and `splink_fake_1000/` (docs/matching.md says where they come from). The
composed stream and the invented towns are built anew, with their truth.
Every set is trained for itself, without its labels. Recall counts all true pairs, also those that
are never compared.
"""

from __future__ import annotations

import csv
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.children import Result
from bench.matching_stream import contact_copies, records
from bench.matching_town import towns
from bench.matching_tutorial import tutorial_pairs
from services.matching.adapters.splink import SplinkScorer
from services.matching.core.model import THRESHOLD
from services.matching.core.person import PersonRecord, person_record

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)
TOWN_HOMES = 1_000
"""Households of an invented town."""
FEBRL = {
    "given_name": "first_name",
    "surname": "last_name",
    "street_number": "house_number",
    "address_1": "street",
    "postcode": "postal_code",
    "suburb": "city",
}
FAKE = {
    "first_name": "first_name",
    "surname": "last_name",
    "dob": "birth_date",
    "city": "city",
    "email": "email",
}
Pair = tuple[str, str]


class LabelledSet(NamedTuple):
    """Persons of which it is known who is who."""

    name: str
    persons: list[PersonRecord]
    pairs: set[Pair]
    homes: dict[str, str]
    """Where each record lives, as far as that is known."""


class Figures(NamedTuple):
    """The result at one threshold."""

    threshold: float
    proposed: int
    precision: float
    recall: float
    f1: float
    household: int
    """Pairs of two members of one household."""


def labelled_sets(folder: Path, households: int, seed: int) -> Iterator[LabelledSet]:
    """The sets of the folder, and the composed stream."""
    for name, files in (
        ("febrl 1", ["dataset1"]), ("febrl 2", ["dataset2"]), ("febrl 3", ["dataset3"]),
        ("febrl 4a+4b", ["dataset4a", "dataset4b"]),
    ):  # fmt: skip
        rows = [row for one in files for row in _rows(folder / "febrl" / f"{one}.csv")]
        yield _labelled(name, (_febrl(row) for row in rows))
    rows = list(_rows(folder / "splink_fake_1000" / "fake_1000.csv"))
    yield _labelled("splink_fake_1000", (_fake(row) for row in rows))
    yield from composed_sets(households, seed)
    for name, town in towns(TOWN_HOMES, seed):
        yield _labelled(name, ((row.owner, row.record) for row in town))


def composed_sets(households: int, seed: int) -> Iterator[LabelledSet]:
    """The composed stream, as it is and without numbers and addresses."""
    with TemporaryDirectory() as made:
        copies = contact_copies(Path(made), households, seed)
    yield _labelled("composed stream", records(copies, with_contacts=True))
    yield _labelled("composed stream, no contacts", records(copies, with_contacts=False))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file, skipinitialspace=True):
            yield {name: (value or "").strip() for name, value in row.items()}


def _febrl(row: dict[str, str]) -> tuple[str, PersonRecord]:
    said = {to: [row[name]] for name, to in FEBRL.items() if row[name]}
    day = row["date_of_birth"]
    if day:
        said["birth_date"] = [f"{day[:4]}-{day[4:6]}-{day[6:]}"]
    return row["rec_id"].split("-")[1], person_record(row["rec_id"], said, "AU")


def _fake(row: dict[str, str]) -> tuple[str, PersonRecord]:
    said = {to: [row[name]] for name, to in FAKE.items() if row[name]}
    return row["cluster"], person_record(row["unique_id"], said, "GB")


def _labelled(name: str, rows: Iterable[tuple[str, PersonRecord]]) -> LabelledSet:
    """Owners are written as home and number, `12.1`, where homes are known."""
    persons, groups, homes = [], defaultdict[str, list[str]](list), {}
    for group, person in rows:
        persons.append(person)
        groups[group].append(person.person)
        if "." in group:
            homes[person.person] = group.rpartition(".")[0]
    pairs = {pair for some in groups.values() for pair in combinations(sorted(some), 2)}
    return LabelledSet(name, persons, pairs, homes)


def figures_of(found: Iterable[tuple[float, Pair]], one: LabelledSet, threshold: float) -> Figures:
    """The figures of scored pairs at a threshold."""
    proposed = [pair for probability, pair in found if probability >= threshold]
    wrong = [pair for pair in proposed if pair not in one.pairs]
    right = len(proposed) - len(wrong)
    precision = right / len(proposed) if proposed else 1.0
    recall = right / len(one.pairs)
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    household = sum(a in one.homes and one.homes[a] == one.homes.get(b) for a, b in wrong)
    return Figures(threshold, len(proposed), precision, recall, f1, household)


def evaluate(one: LabelledSet) -> dict[str, list[Figures]]:
    """The figures of a set at every threshold: ours, and by the settings of the tutorial."""
    with TemporaryDirectory() as folder, SplinkScorer(Path(folder)) as scorer:
        scorer.load(one.persons)
        ours = [
            (pair.probability, (pair.a, pair.b))
            for pair in scorer.pairs(scorer.learn(), min(THRESHOLDS))
        ]
        has_email = any(person.emails for person in one.persons)
        found = tutorial_pairs(one.persons, Path(folder), min(THRESHOLDS), has_email=has_email)
    theirs = [(probability, (min(a, b), max(a, b))) for probability, a, b in found]
    return {
        name: [figures_of(scored, one, at) for at in THRESHOLDS]
        for name, scored in (("proposed", ours), ("tutorial", theirs))
    }


def measure(folder: Path, households: int, seed: int) -> Result:
    """The figures of all sets in a folder and of the composed stream."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    found: Result = {}
    for one in labelled_sets(folder, households, seed):
        figures = evaluate(one)
        found[one.name] = {name: [at._asdict() for at in rows] for name, rows in figures.items()}
    return found


def tell(result: Result) -> str:
    """The table as Markdown; the default threshold is bold."""
    lines = [
        "| set | threshold | proposed | precision | recall | F1 | of a household | F1, tutorial "
        "| of a household, tutorial |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, kinds in result.items():
        for at, theirs in zip(kinds["proposed"], kinds["tutorial"], strict=True):
            mark = "**" if at["threshold"] == THRESHOLD else ""
            shown = [f"{mark}{at['threshold']}{mark}", f"{at['proposed']:,}"]
            shown += [f"{at[one]:.3f}" for one in ("precision", "recall", "f1")]
            shown += [f"{at['household']:,}", f"{theirs['f1']:.3f}", f"{theirs['household']:,}"]
            lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)
