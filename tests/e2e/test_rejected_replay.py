"""`c360 rejected replay` on the embedded engine: what was refused is read again, as it was."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.runs import c360, c360_json, digest
from tests.e2e.test_up import up as up
from tests.e2e.up import PUBLIC_KEY, Running
from tests.events import event, identifier, line, order

EMAIL = identifier("email", "anna@example.com", verified=True)
FLOOR = "2027-01-01"


def test_mended_setting_and_replay_give_the_same_state(tmp_path: Path) -> None:
    """Events refused by a wrong setting come in by a replay as if it had always been right; the
    second replay finds them there, and what is still wrong is refused and kept again."""
    file, data_dir = tmp_path / "events.jsonl", tmp_path / "data"
    good = [line(order(f"o-{n}", "1.00", identifiers=[EMAIL])) for n in range(1_200)]
    file.write_bytes(b"\n".join([*good, b"\xff\xfe no UTF-8", b"no JSON"]))
    c360(tmp_path / "right", "ingest", str(file))
    c360(data_dir, "ingest", str(file), code=65, C360_TIME_FLOOR=FLOOR)
    before = digest(data_dir)
    planned = c360_json(data_dir, "rejected", "replay", "--all", "--dry-run", "--json")
    assert planned["reasons"] == {"before_time_floor": 1_200, "not_json": 2}
    assert digest(data_dir) == before
    for status in ("accepted", "duplicate"):
        report = c360_json(data_dir, "rejected", "replay", "--all", "--json")
        assert report["replayed"] == 1_202
        assert report["results"] == {status: 1_200, "rejected": 2}
        assert digest(data_dir) == digest(tmp_path / "right")
    counts = c360(data_dir, "rejected", "list", "--limit", "1").stdout
    assert "before_time_floor  1200" in counts
    assert "not_json           2" in counts


def test_choice_and_bytes(tmp_path: Path) -> None:
    """Ids may be shortened, a reason or a time chooses; a line cut short is named and not sent;
    `show` gives the bytes of any line."""
    data_dir, binary = tmp_path / "data", b"\xff\x01 no UTF-8"
    huge = b'{"event_id":"huge","x":"' + b"y" * 100_000 + b'"}'
    lines = [line(event()), line(event()), binary, huge]
    c360(data_dir, "ingest", "-", stdin=b"\n".join(lines), code=65, C360_TIME_FLOOR=FLOOR)
    rows = {row["reason"]: row for row in c360_json(data_dir, "rejected", "list", "--json")}
    first = rows["before_time_floor"]

    def replayed(*arguments: str) -> int:
        report = c360_json(data_dir, "rejected", "replay", *arguments, "--json")
        return int(report["results"].get("accepted", 0))

    assert replayed("--since", "2100-01-01T00:00Z") == 0
    assert replayed(first["reject_id"][:12]) == 1
    assert replayed("--reason", "before_time_floor", "--since", "2020-01-01T00:00Z") == 1
    done = c360(data_dir, "rejected", "replay", "--all", code=1)
    assert rows["too_large"]["reject_id"] in done.stderr
    assert "only 65,536 of its 100,026 bytes were kept" in done.stderr
    assert "3 of 4 rejected events sent again" in done.stdout
    c360(data_dir, "rejected", "replay", "no-such-id", code=4)
    c360(data_dir, "rejected", "replay", code=2)


def test_replay_trusts_no_public_key(up: Running) -> None:
    """Beside a running engine, too; what a public key sent is replayed with its rights."""
    assert up.post(order("o-1", "1.00"), key=PUBLIC_KEY).json()["results"][0]["reason"] == (
        "not_allowed"
    )
    up.post(event("no.such.type"))
    done = c360(up.data_dir, "rejected", "replay", "--all")
    assert "2 of 2 rejected events sent again" in done.stdout
    assert "0 accepted, 0 duplicate, 2 rejected" in done.stdout
    shown = c360_json(up.data_dir, "rejected", "list", "--json")
    assert {one["reason"] for one in shown} == {"not_allowed", "unknown_type"}
