"""What scoring match suggestions costs at growing numbers of persons: time and memory.

Invented persons with names and addresses as frequent as real ones are, of whom one in ten has a
second record; each number of persons in a process of its own. Reading them from the store is not
part of it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Result, answer, cpu_s, machine, peak_mib, progress, run_child
from services.matching.core.person import PersonRecord, person_record

REPORT_VERSION = 1
PERSONS = (10_000, 100_000)
THRESHOLD = 0.9
GIVEN_NAMES, FAMILY_NAMES, STREETS, POSTAL_CODES = 800, 8_000, 3_000, 8_000
FREQUENCY = 0.9
"""Exponent of the Pareto distribution of names: some are everywhere, most are rare."""
SYLLABLES = [
    *("bach", "ber", "bren", "bur", "der", "fel", "fus", "ger", "gra", "hau", "hof", "ke", "kel"),
    *("kra", "lin", "lo", "mann", "mar", "mei", "ner", "rei", "sch", "som", "stein", "tau", "ter"),
    *("ti", "wal", "win", "zim"),
]


def measure(persons: Sequence[int] = PERSONS) -> Result:
    """Run the benchmark; the JSON report. Raises ChildFailed."""
    begun_on = machine()
    runs = []
    for count in persons:
        progress(f"{count:,} persons")
        runs.append(run_child("bench.suggestions", str(count)))
    first = runs[0]["cpu_us_per_person"]
    return {
        "version": REPORT_VERSION,
        "benchmark": "suggestions",
        "machine": begun_on,
        "runs": runs,
        "ratios": [round(run["cpu_us_per_person"] / first, 2) for run in runs],
    }


def invented(count: int) -> Iterator[PersonRecord]:
    """So many records; of each person one, or two that differ as forms do."""
    chance = random.Random(1)
    given, family = (_words(chance, number) for number in (GIVEN_NAMES, FAMILY_NAMES))
    made = 0
    while made < count:
        said = _person(chance, given, family)
        for copy in range(2 if chance.random() < 0.1 else 1):
            if copy and chance.random() < 0.5:
                said["last_name"] = [said["last_name"][0][:-1]]
            told = {name: some for name, some in said.items() if chance.random() < _told(name)}
            yield person_record(f"p{made}", told, "DE")
            made += 1
            if made == count:
                return


def _words(chance: random.Random, count: int) -> list[str]:
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(chance.choices(SYLLABLES, k=chance.choice((2, 2, 3)))).capitalize()] = None
    return list(words)


def _person(
    chance: random.Random, given: Sequence[str], family: Sequence[str]
) -> dict[str, list[str]]:
    born = f"{chance.randint(1930, 2008)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    first, last = _one(chance, given), _one(chance, family)
    place = chance.randrange(POSTAL_CODES)
    said = {
        "first_name": first,
        "last_name": last,
        "birth_date": born,
        "street": f"{family[chance.randrange(STREETS)]}straße",
        "house_number": str(chance.randint(1, 90)),
        "postal_code": f"{place:04}0",
        "city": family[place // 50],
        "email": f"{first}.{last}{born[:4]}{chance.randrange(100)}@post.example".lower(),
    }
    return {name: [value] for name, value in said.items()}


def _one(chance: random.Random, words: Sequence[str]) -> str:
    return words[min(int(chance.paretovariate(FREQUENCY)) + chance.randrange(3), len(words)) - 1]


def _told(name: str) -> float:
    """How many records say it."""
    return {"birth_date": 0.7, "email": 0.5}.get(name, 1.0)


def _score(count: int) -> Result:
    """The measured part, in a child."""
    from services.matching.adapters.splink import SplinkScorer

    took = {}
    with TemporaryDirectory(prefix="c360-bench-") as folder, SplinkScorer(Path(folder)) as scorer:
        before_s = cpu_s()
        begun_s = time.monotonic()
        scorer.load(invented(count))
        took["load"] = time.monotonic() - begun_s
        model = scorer.learn()
        took["learn"] = time.monotonic() - begun_s - took["load"]
        proposed = sum(1 for _ in scorer.pairs(model, THRESHOLD))
        took["score"] = time.monotonic() - begun_s - took["load"] - took["learn"]
        spent_s = cpu_s() - before_s
    return {
        "persons": count,
        "compared_pairs": scorer.compared,
        "proposed_pairs": proposed,
        "seconds": {name: round(one, 1) for name, one in took.items()},
        "cpu_seconds": round(spent_s, 1),
        "cpu_us_per_person": round(1e6 * spent_s / count, 1),
        "peak_mib": peak_mib(),
    }


def tell(report: Result) -> str:
    """The report as text."""
    lines = [
        "scoring match suggestions; load average at the start "
        f"{report['machine']['load_average'][0]}",
        f"{'persons':>10}{'compared':>12}{'proposed':>10}{'load s':>8}{'learn s':>9}{'score s':>9}"
        f"{'CPU s':>8}{'CPU/person':>12}{'peak MiB':>10}",
    ]
    for run, ratio in zip(report["runs"], report["ratios"], strict=True):
        load, learn, score = (run["seconds"][name] for name in ("load", "learn", "score"))
        lines.append(
            f"{run['persons']:>10,}{run['compared_pairs']:>12,}{run['proposed_pairs']:>10,}"
            f"{load:>8}{learn:>9}{score:>9}{run['cpu_seconds']:>8}{ratio:>11.2f}×"
            f"{run['peak_mib']:>10}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    answer(_score(int(sys.argv[1])))
