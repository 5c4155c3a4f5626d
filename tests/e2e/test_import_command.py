"""`c360 import` as a process: looked at, imported, repeated, mended, killed and gone on with."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
from pathlib import Path

import pytest

from services.docs.outputs import IMPORT_REPORT
from tests.e2e.runs import c360, c360_json, command, digest, environment, wait_for

HEADER = "Kundennummer;E-Mail;Vorname;Nachname;PLZ;Geburtsdatum;geändert am\n"
GOOD = "0004711;anna@example.com;Anna;Müller;01067;02.03.1980;28.02.2026 18:20\n"
BAD = "0004712;bert@example.com;Bert;Groß;28195;99.99.1980;13.02.2026\n"
FUTURE = "0004713;cem@example.com;Cem;Öz;80331;31.12.1975;01.02.2126\n"
TABLES = Path(__file__).parents[1] / "contract" / "tables"
MANY, BATCH = 4_000, 300


def rows_of(file: Path) -> list[dict[str, str]]:
    """A file of refused rows."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened, delimiter=";"))


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """Three customers in Windows-1252: as it should be, with no birthday, and of the future."""
    file = tmp_path / "kunden.csv"
    file.write_bytes((HEADER + GOOD + BAD + FUTURE).encode("cp1252"))
    return file


def test_a_dry_run_shows_and_writes_nothing(tmp_path: Path, customers: Path) -> None:
    """Cell and value side by side, what was found out, and what would be refused."""
    data_dir = tmp_path / "data"
    shown = c360(data_dir, "import", str(customers), "--map", "customers", "--dry-run").stdout
    assert "cp1252" in shown
    assert any(
        line.split() == ["geändert", "am", "28.02.2026", "18:20", "→", "occurred_at",
                         "2026-02-28T18:20:00+01:00"]
        for line in shown.splitlines()
    )  # fmt: skip
    found = c360_json(
        data_dir, "import", str(customers), "--map", "customers", "--dry-run", "--json"
    )
    assert (found["events"], found["refused"]) == (3, 1)
    assert found["first_refused"][0]["row"] == 3
    assert [one["row"] for one in found["rows"]] == [2, 3, 4]
    assert sorted(tmp_path.iterdir()) == [customers]


def test_what_is_refused_is_mended_and_imported_again(tmp_path: Path, customers: Path) -> None:
    """Rows that the map cannot read and rows that ingest rejects stand in one file, as they stood;
    reading a file again changes nothing."""
    data_dir = tmp_path / "data"
    report = c360_json(data_dir, "import", str(customers), "--map", "customers", "--json")
    assert (report["accepted"], report["rejected"]) == (1, 2)
    assert list(report) == [one.name for one in IMPORT_REPORT]
    errors = tmp_path / "kunden.errors.csv"
    assert report["refused_rows"] == {"rows": 2, "file": str(errors)}
    assert errors.stat().st_mode & 0o777 == 0o600
    before = digest(data_dir)
    refused = rows_of(errors)
    assert [(one["c360_row"], one["Vorname"]) for one in refused] == [("3", "Bert"), ("4", "Cem")]
    assert "Geburtsdatum" in refused[0]["c360_error"]
    assert refused[1]["c360_error"].startswith("occurred_at")
    again = c360_json(data_dir, "import", str(customers), "--map", "customers", "--json")
    assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, 1, 2)
    assert rows_of(tmp_path / "kunden.errors-2.csv") == refused
    kept = c360(data_dir, "rejected", "list").stdout
    assert "2" in kept
    assert digest(data_dir) == before
    mended = errors.read_text("utf-8-sig").replace("99.99.", "09.09.").replace("2126", "2026")
    errors.write_text(mended, "utf-8-sig")
    said = ("--set", "dates=day_first", "--json")
    report = c360_json(data_dir, "import", str(errors), "--map", "customers", *said)
    assert (report["accepted"], report["rejected"]) == (2, 0)
    who = ("--identifier", "customer_number=0004712")
    found = c360_json(data_dir, "profile", "get", *who, "--json")
    assert found["attributes"]["birth_date"]["value"] == "1980-09-09"
    assert not (data_dir / "imports").exists()


def test_of_an_erased_person_no_row_is_written(tmp_path: Path, customers: Path) -> None:
    """What is rejected because the person was erased is counted, and copied nowhere."""
    data_dir = tmp_path / "data"
    c360(data_dir, "import", str(customers), "--map", "customers")
    who = ("--identifier", "email=anna@example.com")
    c360(data_dir, "profile", "erase", *who, "--yes")
    again = tmp_path / "again.csv"
    again.write_text(HEADER + GOOD + BAD, "utf-8")
    report = json.loads(
        c360(data_dir, "import", str(again), "--map", "customers", "--json", code=65).stdout
    )
    assert report["rejected_by_reason"] == {"erased": 1, "invalid_field": 1}
    assert [one["Vorname"] for one in rows_of(tmp_path / "again.errors.csv")] == ["Bert"]


def test_events_are_written_for_kafka(tmp_path: Path, customers: Path) -> None:
    """As lines that are ingested as the file is; a file that cannot be written costs nothing."""
    output = tmp_path / "events.jsonl"
    c360(tmp_path / "none", "import", str(customers), "--map", "customers", "--output", str(output))
    assert not (tmp_path / "none").exists()
    before = customers.read_bytes()
    for taken in (output, customers):
        again = ("import", str(customers), "--map", "customers", "--output", str(taken))
        assert "is there already" in c360(None, *again, code=65).stderr
    assert customers.read_bytes() == before
    data_dir, other = tmp_path / "data", tmp_path / "other"
    c360(data_dir, "ingest", str(output))
    c360(other, "import", str(customers), "--map", "customers")
    assert digest(data_dir) == digest(other)
    c360(
        None, "import", str(customers), "--map", "customers", "--output", "/proc/none/x", code=74
    )  # fmt: skip


def test_what_cannot_be_decided_is_refused_with_what_to_say(tmp_path: Path) -> None:
    """And nothing is stored; the same command with the answer takes it."""
    file = tmp_path / "kunden.csv"
    row = GOOD.replace("28.02.2026 18:20", "01/02/2026").replace("02.03.1980", "02/03/1980")
    file.write_text(HEADER + row, "utf-8")
    data_dir = tmp_path / "data"
    refused = c360(data_dir, "import", str(file), "--map", "customers", code=65)
    assert "--set dates=day_first or --set dates=month_first" in refused.stderr
    assert not data_dir.exists()
    c360(data_dir, "import", str(file), "--map", "customers", "--set", "dates=month_first")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--map", "customers"), 66, "cannot read"),
        (("--map", "kunden"), 78, "customers"),
        (("--map", "customers", "--set", "body.nothing=1"), 78, "no field"),
        (("--map", "customers", "--set", "realm=elsewhere"), 78, "no realm"),
        ((), 2, "--map"),
    ],
)
def test_wrong_arguments_are_refused(
    tmp_path: Path, customers: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Each with what was perhaps meant."""
    file = customers if code != 66 else tmp_path / "none.csv"
    assert said in c360(tmp_path / "data", "import", str(file), *arguments, code=code).stderr


def test_where_a_server_is_set_events_go_another_way(tmp_path: Path, customers: Path) -> None:
    """The message says which; nothing but storing needs the data directory."""
    arguments = ("import", str(customers), "--map", "customers")
    server = "http://127.0.0.1:9"
    refused = c360(None, *arguments, code=78, C360_CLICKHOUSE_URL=server)
    assert "--output FILE" in refused.stderr
    output = ("--output", str(tmp_path / "events.jsonl"))
    c360(None, *arguments, *output, C360_CLICKHOUSE_URL=server)


def test_a_killed_import_goes_on_where_it_was(tmp_path: Path) -> None:
    """By the same command, to the state of an undisturbed one; refused rows stand there once."""
    file = tmp_path / "kunden.csv"
    row = "{0};k{0}@example.com;Anna;Müller;01067;{1}.03.1980;28.02.2026 18:20\n"
    rows = (row.format(n, "99" if n % 100 == 7 else "02") for n in range(MANY))
    file.write_text(HEADER + "".join(rows), "utf-8")
    whole, data_dir = tmp_path / "whole", tmp_path / "data"
    arguments = ("import", str(file), "--map", "customers", "--errors")
    c360(whole, *arguments, str(tmp_path / "whole.csv"))
    errors = tmp_path / "errors.csv"
    process = subprocess.Popen(
        command(data_dir, *arguments, str(errors)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(C360_BATCH_EVENTS_MAX=str(BATCH)),
    )
    wait_for(lambda: list(data_dir.glob("imports/*.json")), 240)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [position] = data_dir.glob("imports/*.json")
    done = json.loads(position.read_bytes())["row"]
    assert BATCH < done <= MANY
    gone_on = c360(data_dir, *arguments, str(errors))
    assert f"goes on behind row {done:,}" in gone_on.stderr
    assert f"{MANY + 1 - done:,} events" in gone_on.stdout
    assert rows_of(errors) == rows_of(tmp_path / "whole.csv")
    assert digest(data_dir) == digest(whole)
    assert not (data_dir / "imports").exists()


def test_orders_of_a_workbook_are_mended_as_a_whole(tmp_path: Path) -> None:
    """All rows of an order stand in the file of refused rows, its numbers as the file has them;
    what was decided by the whole workbook is said with the mended part."""
    file = tmp_path / "orders.xlsx"
    file.write_bytes((TABLES / "orders" / "excel.xlsx").read_bytes())
    data_dir = tmp_path / "data"
    done = c360(data_dir, "import", str(file), "--map", "orders")
    assert "2 accepted" in done.stdout
    errors = tmp_path / "orders.errors.csv"
    refused = rows_of(errors)
    assert [one["Bestellnummer"] for one in refused] == ["100003", "100004", "Gesamt"]
    kept = errors.read_text("utf-8-sig").splitlines()
    mended = "\n".join(kept[:-1]).replace("4,00638E+12", "").replace("T02:30", "T03:30")
    errors.write_text(f"{mended}\n", "utf-8-sig")
    said = [word for one in done.stdout.split("--set ")[1:] for word in ("--set", one.split()[0])]
    said = [word.rstrip(".") for word in said]
    report = c360_json(data_dir, "import", str(errors), "--map", "orders", *said, "--json")
    assert (report["accepted"], report["rejected"]) == (2, 0)
    found = c360_json(data_dir, "profile", "get", "customer_number=0004712", "--json")
    assert (found["orders"], found["revenue"]) == (2, "5.00")
