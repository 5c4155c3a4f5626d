"""How well match suggestions find the same persons: precision, recall and F1 by threshold.

    python -m bench matching ../shared/data

The folder holds `febrl/` and `splink_fake_1000/` (docs/matching.md says where they come from). The
composed stream is built anew, with its truth.
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
from bench.matching_tutorial import tutorial_pairs
from services.matching.adapters.splink import SplinkScorer
from services.matching.core.household import apart
from services.matching.core.model import THRESHOLD
from services.matching.core.person import PersonRecord, person_record

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
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


class Figures(NamedTuple):
    """The result at one threshold."""

    threshold: float
    proposed: int
    precision: float
    recall: float
    f1: float


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
    persons, groups = [], defaultdict[str, list[str]](list)
    for group, person in rows:
        persons.append(person)
        groups[group].append(person.person)
    pairs = {pair for some in groups.values() for pair in combinations(sorted(some), 2)}
    return LabelledSet(name, persons, pairs)


def figures_of(scored: Iterable[tuple[float, bool]], true_pairs: int, threshold: float) -> Figures:
    """The figures of scored pairs, of which it is known whether they are one person."""
    right = [is_true for probability, is_true in scored if probability >= threshold]
    precision = sum(right) / len(right) if right else 1.0
    recall = sum(right) / true_pairs
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Figures(threshold, len(right), precision, recall, f1)


def evaluate(one: LabelledSet) -> dict[str, list[Figures]]:
    """The figures of a set at every threshold: as proposed, without the care for households, and
    by the settings of the library's tutorial."""
    with TemporaryDirectory() as folder, SplinkScorer(Path(folder)) as scorer:
        scorer.load(one.persons)
        model = scorer.learn()
        pairs = list(scorer.pairs(model, min(THRESHOLDS)))
        has_email = any(person.emails for person in one.persons)
        theirs = tutorial_pairs(one.persons, Path(folder), min(THRESHOLDS), has_email=has_email)
    everything = [(pair.probability, (pair.a, pair.b) in one.pairs) for pair in pairs]
    careful = [
        told
        for told, pair in zip(everything, pairs, strict=True)
        if apart(pair.degrees, pair.generations) is None
    ]
    tutorial = [(found, (min(a, b), max(a, b)) in one.pairs) for found, a, b in theirs]
    kinds = {"proposed": careful, "all": everything, "tutorial": tutorial}
    return {
        name: [figures_of(scored, len(one.pairs), at) for at in THRESHOLDS]
        for name, scored in kinds.items()
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
        "| set | threshold | proposed | precision | recall | F1 | F1, all pairs | F1, tutorial |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, kinds in result.items():
        for at, free, theirs in zip(*kinds.values(), strict=True):
            mark = "**" if at["threshold"] == THRESHOLD else ""
            shown = [f"{mark}{at['threshold']}{mark}", f"{at['proposed']:,}"]
            shown += [f"{at[one]:.3f}" for one in ("precision", "recall", "f1")]
            shown += [f"{other['f1']:.3f}" for other in (free, theirs)]
            lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)
