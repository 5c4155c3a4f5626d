"""The maps that ship: files as shops and ERP systems write them, and what they become.

Each directory of `tables/` has one table in several files, which must all become the same. After a
change that is meant, `python -m tests.contract.write_tables` writes what is expected anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from pydantic import ValidationError

from schemas.faults import Fault, fault_of
from schemas.touchpoint import TouchpointAdapter
from services.intake.tables.import_file import ImportFile
from services.intake.tables.maps import READY, read_map
from services.runtime.settings.realms import RealmSettings

TABLES = Path(__file__).parent / "tables"
CASES = sorted(one for one in TABLES.iterdir() if one.is_dir())
OWN = {"case.json", "expected.jsonl", "refused.json"}
REALMS = {"default": RealmSettings()}


class Became(NamedTuple):
    """What a file became: lines of touchpoints, and what is refused by its rows."""

    lines: list[str]
    refused: list[dict[str, Any]]


def files_of(case: Path) -> list[Path]:
    """The files of a case, each with the same table."""
    return sorted(one for one in case.iterdir() if one.name not in OWN)


def contract_fault(line: bytes) -> Fault | None:
    """Why ingest would reject a touchpoint."""
    try:
        TouchpointAdapter.validate_json(line)
    except ValidationError as error:
        return fault_of(error, "type", "")
    return None


def became(case: Path, file: Path) -> Became:
    """What a file of a case becomes."""
    said = json.loads((case / "case.json").read_text())
    found = ImportFile(str(file), read_map(said["map"], said["set"]), REALMS)
    lines, refused = [], []
    for one in found.lines():
        fault = one.line.fault or contract_fault(one.line.content)
        if fault is None:
            lines.append(one.line.content.decode())
        else:
            rows = [row.number for row in one.rows]
            refused.append({"rows": rows, "path": fault.path, "message": fault.message})
    return Became(lines, refused)


FILES = [
    pytest.param(case, file, id=f"{case.name}-{file.name}")
    for case in CASES
    for file in files_of(case)
]


@pytest.mark.parametrize(("case", "file"), FILES)
def test_a_table_becomes_what_is_expected(case: Path, file: Path) -> None:
    """Whatever its encoding, its delimiter, the language of its header or the kind of file."""
    found = became(case, file)
    expected = (case / "expected.jsonl").read_text("utf-8").splitlines()
    assert [orjson.loads(one) for one in found.lines] == [orjson.loads(one) for one in expected]
    refused = json.loads((case / "refused.json").read_text("utf-8"))
    assert [one["message"].split("'")[-1] for one in found.refused] == [
        one["message"].split("'")[-1] for one in refused
    ]
    assert [(len(one["rows"]), one["path"]) for one in found.refused] == [
        (len(one["rows"]), one["path"]) for one in refused
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_expected_keeps_the_contract(case: Path) -> None:
    """Each touchpoint is valid, and has an id of its own."""
    lines = (case / "expected.jsonl").read_bytes().splitlines()
    assert lines
    events = [TouchpointAdapter.validate_json(line) for line in lines]
    assert len({one.event_id for one in events}) == len(events)


def test_every_map_that_ships_has_a_table() -> None:
    """None is promised that nothing shows."""
    assert {json.loads((case / "case.json").read_text())["map"] for case in CASES} == set(READY)
