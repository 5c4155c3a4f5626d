"""`c360 identity decide`, `withdraw`, `decisions` as processes: alone, and beside `c360 up`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tests.e2e.runs import c360, c360_json, digest
from tests.e2e.up import running
from tests.events import event, identifier, line

MAIL = identifier("email", "couple@example.com", verified=True)
LINES = b"\n".join(
    line(
        event(
            "identity.linked",
            event_id=f"e-{card}",
            identifiers=[identifier("loyalty_card", card, verified=True), MAIL],
        )
    )
    for card in ("77", "78")
)
PAIR, SAID = ("loyalty_card=77", "loyalty_card=78"), ("--by", "kim", "--reason", "a couple")


def profiles(data: Path) -> int:
    """How many profiles the cards are."""
    held = {one["value"]: one for one in c360_json(data, "identity", "export", "--json")}
    return len({held[card]["profile_id"] for card in ("77", "78")})


def test_decided_beside_everything_else_and_taken_along(tmp_path: Path) -> None:
    """In force when the command returns, also through `c360 up`; a rebuild takes it along."""
    data, rebuilt = tmp_path / "data", tmp_path / "rebuilt"
    c360(data, "ingest", "-", stdin=LINES)
    told = c360(data, "identity", "decide", "different", *PAIR, *SAID, "--dry-run").stdout
    assert "Nothing was recorded" in told
    assert profiles(data) == 1
    with running(data) as up, closing(up.client):
        done = c360(data, "identity", "decide", "different", *PAIR, *SAID).stdout
        assert "They were one profile and are now two." in done
        assert profiles(data) == 2
        assert "a couple" in c360(data, "profile", "get", PAIR[0], COLUMNS="200").stdout
    wrong = c360(data, "identity", "decide", "same", PAIR[0], "email=x@example.com", *SAID, code=4)
    assert "--unseen" in wrong.stderr
    c360(data, "identity", "decide", "same", PAIR[0], code=2)
    c360(data, "identity", "decide", "--from", "-", PAIR[0], code=2)
    listed = c360(data, "identity", "decisions", "--format", "jsonl").stdout
    c360(rebuilt, "ingest", "-", stdin=LINES)
    for recorded in (1, 0):
        again = c360(
            rebuilt, "identity", "decide", "--from", "-", "--json", stdin=listed.encode()
        ).stdout
        assert f'"recorded":{recorded}' in again
    assert digest(rebuilt) == digest(data)
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"")
    assert "0 decisions" in c360(rebuilt, "identity", "decide", "--from", str(nothing)).stdout
    broken = c360(rebuilt, "identity", "decide", "--from", "-", stdin=b"{}", code=2)
    assert "line 1" in broken.stderr
    c360(rebuilt, "identity", "withdraw", *PAIR, *SAID)
    assert profiles(rebuilt) == 1
    assert "taken back" in c360(rebuilt, "identity", "withdraw", *PAIR, "--by", "ann", "--reason",
                                "again", code=1).stderr  # fmt: skip
