"""Exports of tills on the command line: read, read again, and what is refused of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.intake.formats import FILE_FORMATS
from tests.contract.test_file_formats import samples
from tests.e2e.runs import c360, c360_json


@pytest.mark.parametrize("name", FILE_FORMATS)
def test_an_export_read_again_changes_nothing(name: str, tmp_path: Path) -> None:
    """All of its touchpoints are known then; what was refused is kept, and refused again."""
    files = [str(one) for one in samples(FILE_FORMATS[name])]
    data = tmp_path / "data"
    first = c360_json(data, "ingest", "--format", name, "--json", *files)
    assert first["accepted"] > 0
    assert first["duplicate"] == first["id_conflicts"] == 0
    again = c360_json(data, "ingest", "--format", name, "--json", *files)
    assert (again["accepted"], again["id_conflicts"]) == (0, 0)
    assert again["duplicate"] == first["accepted"]
    assert again["rejected_by_reason"] == first["rejected_by_reason"]
    kept = c360_json(data, "rejected", "list", "--json")
    assert len(kept) == first["rejected"]


def test_no_export_is_an_error_of_its_own(tmp_path: Path) -> None:
    """It names the file, and what is wrong with it."""
    file = tmp_path / "photo.csv"
    file.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(1000))
    for name in FILE_FORMATS:
        done = c360(tmp_path / "data", "ingest", "--format", name, str(file), code=65)
        assert "photo.csv" in done.stderr
        assert "Traceback" not in done.stderr
