"""Bytes near valid files of every kind: understood or refused with a reason, and nothing else."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.cli.import_files import contract_fault
from services.ingest.lines import InputError
from services.intake.tables.import_file import ImportFile
from services.intake.tables.maps import READY, read_map
from services.runtime.settings.realms import RealmSettings
from tests.tiers import volumes

TABLES = Path(__file__).parents[3] / "contract" / "tables"
OWN = ("case.json", "expected.jsonl", "refused.json")
FILES = sorted(one for one in TABLES.glob("*/*") if one.name not in OWN)
REALMS = {"default": RealmSettings()}
SAID = {"occurred_at": "2026-03-02", "body.kind": "nps"}
PIECES = (
    b"\0", b'"', b";", b"\n", b"\r", b"\xff", b"\xef\xbb\xbf", b"<", b"&", b"]]>", b"1e9", b",",
    b"9" * 400, b"<!DOCTYPE x>", b"2026-02-30", b"\xc3", b"\\u0000", b"{}", b"=1+1",
)  # fmt: skip


def read(path: Path, map_: str) -> None:
    """Read a file to its end, and make every touchpoint of it. Raises InputError only."""
    settings = {name: value for name, value in SAID.items() if name != "body.kind"}
    said = SAID if map_ == "surveys" else settings
    with suppress(InputError):
        found = ImportFile(str(path), read_map(map_, said), REALMS)
        for one in found.lines():
            contract_fault(one.line)
            for row in one.rows:
                list(found.translator.seen(row))


def near(content: bytes, chance: random.Random) -> bytes:
    """The content with some of it changed, cut off, repeated or put in."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        until = min(len(changed), at + chance.choice((1, 1, 2, 8, 100)))
        kind = chance.randrange(5)
        if kind == 0:
            changed[at:until] = bytes(chance.randrange(256) for _ in range(until - at))
        elif kind == 1:
            del changed[at:until]
        elif kind == 2:
            changed[at:at] = changed[at:until]
        elif kind == 3:
            changed[at:at] = chance.choice(PIECES)
        else:
            del changed[chance.randrange(len(changed) // 2, len(changed) + 1) :]
    return bytes(changed)


@pytest.mark.parametrize("count", volumes(12, 300))
@pytest.mark.parametrize("file", FILES, ids=lambda one: f"{one.parent.name}-{one.name}")
def test_a_file_near_a_valid_one_is_read_or_refused(file: Path, count: int, tmp_path: Path) -> None:
    """No other exception, whatever was done to its bytes."""
    chance = random.Random(f"{file.parent.name}/{file.name}")
    path = tmp_path / file.name
    for _ in range(count):
        path.write_bytes(near(file.read_bytes(), chance))
        read(path, file.parent.name)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(READY))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, map_: str) -> None:
    """As a file of no kind at all."""
    path = tmp_path / "any"
    path.write_bytes(content)
    read(path, map_)


CELLS = st.one_of(
    st.sampled_from(["Kundennummer", "E-Mail", "Bestellnummer", "Datum", "Menge", "Summe", ""]),
    st.text(alphabet="01.,/-;\"'=+ aäß€\n\t", max_size=8),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=8),
    st.sampled_from([";", ",", "\t"]),
    st.sampled_from(["utf-8", "cp1252", "utf-16"]),
    st.sampled_from(["customers", "orders", "consents"]),
)
def test_any_table_is_read_or_refused(
    tmp_path: Path, rows: list[list[str]], delimiter: str, encoding: str, map_: str
) -> None:
    """Known names of columns above any cells."""
    path = tmp_path / "any"
    path.write_bytes("\n".join(map(delimiter.join, rows)).encode(encoding))
    read(path, map_)
