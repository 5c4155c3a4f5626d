"""Measures of surveys on the sample stream come to its truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from devtools.sample import build_sample
from schemas.rules.insights import insight_rules
from services.ingest.lines import Line
from services.measures.adapters.clickhouse import MeasureReader
from services.measures.core.result import Cell, Flag, MeasureResult
from services.runtime.settings import RealmSettings
from services.store.database import Database, chunks
from tests.conftest import empty_tables
from tests.pipelines import pipeline_on
from tests.profile_store import REALM

YEAR = (date(2016, 6, 1), date(2018, 6, 1))
NOW = datetime(2026, 3, 31, tzinfo=UTC)
Truth = list[dict[str, Any]]


def of(result: MeasureResult, by: str, key: str) -> Cell:
    """The cell of a group."""
    [found] = [one for one in result.breakdown if (one.by, one.key) == (by, key)]
    return found


@pytest.fixture(scope="module")
def sample(engine: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Truth]:
    """A store with the events about surveys of the sample stream; what measures must come to."""
    folder = tmp_path_factory.mktemp("sample")
    build_sample(2, 4, folder / "stream.jsonl", folder / "truth", insights=True)
    lines = (folder / "stream.jsonl").read_bytes().splitlines()
    mine = [one for one in lines if b"survey.answered" in one]
    empty_tables(engine)
    pipeline = pipeline_on(engine)
    for part in chunks(mine, 500):
        pipeline.finish(pipeline.decode([Line(one, len(one)) for one in part]))
    yield [*map(json.loads, (folder / "truth" / "measures.jsonl").read_text().splitlines())]
    empty_tables(engine)


def measured(engine: Database, name: str) -> MeasureResult:
    """A measure of the sample."""
    reader = MeasureReader(engine, {REALM: RealmSettings()}, insight_rules(), lambda: NOW)
    return reader.measure(name, REALM, *YEAR)


def wave(row: dict[str, Any]) -> str:
    """The key of the wave that a figure of the truth is about."""
    return f"{row['population']['survey']} {row['population']['wave']}"


def test_nps_of_the_sample(engine: Database, sample: Truth) -> None:
    """Of every wave, also of the one whose answers name nobody."""
    found = measured(engine, "nps")
    rows = [row for row in sample if row["measure"] == "nps"]
    assert len(rows) == 3
    for row in rows:
        cell = of(found, "wave", wave(row))
        assert cell.value == pytest.approx(row["value"], abs=1e-4)
        assert cell.n == row["n"]
    assert found.counts["invalid"] == sum(row["counts"]["invalid"] for row in rows) == 1
    assert [one.key for one in found.breakdown if one.by == "change"] == [
        "insight-panel 2017-1 to store-2017",
        "insight-panel store-2017 to 2017-2",
    ]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("csat", ("survey", "insight-delivery")),
        ("ces", ("survey", "insight-effort")),
        ("disconfirmation", ("question", "delivery")),
        ("cli", ("survey", "insight-loyalty")),
    ],
)
def test_other_figures_of_the_sample(
    engine: Database, sample: Truth, name: str, group: tuple[str, str]
) -> None:
    """Shares of the truth are per cent."""
    [row] = [row for row in sample if row["measure"] == name]
    found = of(measured(engine, name), *group)
    scale = 100 if found.unit == "share" else 1
    assert found.value is not None
    assert found.value * scale == pytest.approx(row["value"], abs=1e-4)
    assert found.n == row["n"]


def test_reasons_of_the_sample(engine: Database, sample: Truth) -> None:
    """As many as are planted, each with the index of those who gave it; of those whom too few gave,
    and of one more, from which they would follow, nothing is said."""
    [row] = [row for row in sample if row["measure"] == "cli"]
    found = measured(engine, "cli_reasons")
    hidden = {one.key for one in found.breakdown if Flag.SUPPRESSED in one.flags}
    assert hidden == {"price", "service", "other"}
    assert found.counts == {key: n for key, n in row["counts"].items() if key not in hidden}
    assert (found.n, found.value) == (20, 8 / 20)
    # Those who answer 90, 75, 60 and those who answer 70, 50, 30 take turns.
    assert of(found, "index", "quality").value == pytest.approx(62.5)


def test_kano_of_the_sample(engine: Database, sample: Truth) -> None:
    """Coefficients, categories and halves of pairs of both features."""
    found = measured(engine, "kano")
    rows = [row for row in sample if row["measure"].startswith("kano_")]
    assert len(rows) == 4
    names = {"one_dimensional": "performance"}
    for row in rows:
        key = f"{row['population']['survey']} 2017 {row['population']['question']}"
        cell = of(found, row["measure"].removeprefix("kano_"), key)
        assert cell.value == pytest.approx(row["value"], abs=1e-4)
        assert cell.n == row["n"]
        for name, count in row["counts"].items():
            if name != "invalid":
                share = of(found, names.get(name, name), key).value
                assert share is not None
                assert share * row["n"] == pytest.approx(count)
    assert found.counts == {"features": 2, "pairs": 200, "invalid": 3}
    assert {cell.key for cell in found.breakdown if cell.by == "category"} == {
        "insight-kano 2017 parking: must_be",
        "insight-kano 2017 self_scan: attractive",
    }
