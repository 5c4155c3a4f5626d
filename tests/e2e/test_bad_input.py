"""Broken input and a broken environment: a clear error, the right exit code, nothing lost."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from services.intake.formats import FORMATS
from tests.e2e.conftest import HOUSEHOLDS, Reference, Stream
from tests.e2e.runs import c360, c360_json, command, digest, environment, wait_for
from tests.events import event, line
from tests.tiers import LONG


def test_hundred_megabyte_line_costs_nothing_else(tmp_path: Path) -> None:
    """The huge line is refused as too large and listed; its neighbours are accepted."""
    file = tmp_path / "huge.jsonl"
    with file.open("wb") as out:
        out.write(line(event()) + b"\n")
        out.write(b'{"event_id":"huge","x":"' + b"y" * 100_000_000 + b'"}\n')
        out.write(line(event()) + b"\n")
    report = c360_json(tmp_path / "data", "ingest", "--json", str(file))
    assert (report["accepted"], report["rejected_by_reason"]) == (2, {"too_large": 1})
    [kept] = c360_json(tmp_path / "data", "rejected", "list", "--json")
    assert kept["raw_bytes"] > 100_000_000


def test_a_payload_of_another_format(tmp_path: Path) -> None:
    """Its events count once, also beside the native form; what is unreadable is kept without its
    bytes, since nobody can tell whom it names."""
    examples = Path(__file__).parents[1] / "contract" / "formats" / "batch"
    payloads, unreadable = examples / "payloads.jsonl", examples / "unreadable.jsonl"
    data = tmp_path / "data"
    report = c360_json(
        data, "ingest", "--format", "batch", "--json", *map(str, (payloads, unreadable))
    )
    assert (report["accepted"], report["rejected_by_reason"]) == (3, {"invalid_field": 4})
    again = c360_json(data, "ingest", "--json", str(examples / "touchpoints.jsonl"))
    assert again["duplicate"] == 3
    kept = c360_json(data, "rejected", "list", "--json")
    assert len(kept) == 4
    shown = c360_json(data, "rejected", "show", kept[0]["reject_id"], "--json")
    assert (shown["reason"], shown["raw"]) == ("invalid_field", "")
    wrong = c360(data, "ingest", "--format", "x", str(payloads), code=2).stderr
    assert "none of" in wrong
    assert all(name in wrong for name in FORMATS)


def test_binary_file(tmp_path: Path) -> None:
    """Nothing of a binary file is read; the error says what was expected."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(1000))
    done = c360(tmp_path / "data", "ingest", str(file), code=65)
    assert "is no text" in done.stderr


def test_truncated_gzip_keeps_what_it_held(stream: Stream, tmp_path: Path) -> None:
    """Events before the damage are processed and reported; the exit code reports the damage."""
    packed = gzip.compress(stream.file.read_bytes())
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(packed[: len(packed) // 2])
    done = c360(tmp_path / "data", "ingest", str(file), code=65)
    assert "truncated gzip" in done.stderr
    assert "accepted" in done.stdout
    rows = c360_json(tmp_path / "data", "profile", "list", "--format", "json")
    assert len(rows) > 3 * HOUSEHOLDS
    assert c360_json(tmp_path / "data", "incidents", "list", "--json"), "half a year was judged"


def test_missing_file(tmp_path: Path) -> None:
    """The name stands in the message."""
    done = c360(tmp_path / "data", "ingest", "nowhere.jsonl", code=66)
    assert "nowhere.jsonl" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--directory", "FILE/demo"),
        ("sample", "build", "--households", "1", "--out", "FILE/sample.jsonl"),
        ("sample", "build", "--households", "1", "--data", "FILE"),
    ],
)
def test_a_path_that_cannot_be(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """The path stands in the message, which is one line."""
    file = tmp_path / "file"
    file.touch()
    done = c360(None, *(one.replace("FILE", str(file)) for one in arguments), code=74)
    assert done.stderr.count("\n") == 1
    assert str(file) in done.stderr


def test_a_file_of_which_nothing_is_accepted_is_no_success(tmp_path: Path) -> None:
    """The exit code, the file and the line of the first ones; a file with one event is one."""
    file = tmp_path / "old.jsonl"
    file.write_bytes(b'\n{"event_id": "1"}\n\n{"event_id": "2"}\n')
    done = c360(tmp_path / "data", "ingest", "--json", str(file), code=65)
    assert json.loads(done.stdout)["rejected"] == 2
    assert f"({file}, line 2)" in done.stderr
    assert f"({file}, line 4)" in done.stderr
    assert "nothing was accepted" in done.stderr
    messages = [
        one["message"] for one in c360_json(tmp_path / "data", "rejected", "list", "--json")
    ]
    assert all(str(file) in one for one in messages)
    with file.open("ab") as out:
        out.write(line(event()) + b"\n")
    c360(tmp_path / "data", "ingest", str(file))


def test_one_unreadable_file_costs_no_other(tmp_path: Path) -> None:
    """It is named, the files beside it are ingested; a missing one is noticed before all."""
    good, bad, data = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", tmp_path / "data"
    good.write_bytes(line(event()) + b"\n")
    bad.write_text("é\n", encoding="utf-16")
    c360(data, "ingest", str(good), str(tmp_path / "gone.jsonl"), code=66)
    assert not data.exists()
    c360(data, "ingest", "-", stdin=b"")  # no event is no fault of a pipe
    done = c360(data, "ingest", "--json", str(bad), str(good), code=65)
    assert json.loads(done.stdout)["accepted"] == 1
    assert "bad.jsonl is UTF-16LE text" in done.stderr


def test_reading_makes_no_store(tmp_path: Path) -> None:
    """A mistyped directory is an error with the name that was meant, and stays absent."""
    file = tmp_path / "good.jsonl"
    file.write_bytes(line(event()) + b"\n")
    c360(tmp_path / "shop-data", "ingest", str(file))
    for arguments in (
        ("profile", "list"), ("identity", "export"), ("incidents", "list"), ("rejected", "list"),
        ("state", "digest"), ("store", "audit"), ("rejected", "replay", "--all"),
    ):  # fmt: skip
        done = c360(tmp_path / "shop-date", *arguments, code=74)
        assert f"Did you mean {tmp_path / 'shop-data'}?" in done.stderr.replace("\n", "")
    c360(tmp_path / "shop-date", "migrate", "--dry-run")
    assert not (tmp_path / "shop-date").exists()


def _in_namespace(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script that may mount file systems nobody else sees (needs root)."""
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", script],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=300,
    )


def _needs_mounts() -> None:
    """Without the right to mount there is nothing to test here; CI must have it."""
    if _in_namespace("mount -t tmpfs tmpfs /mnt").returncode != 0:
        assert not os.environ.get("CI"), "mounting a tmpfs needs root; CI runs as root"
        pytest.skip("mounting a tmpfs needs root")


def test_full_disk_loses_nothing(stream: Stream, reference: Reference, tmp_path: Path) -> None:
    """A full disk stops the run with advice; with room again the same command ends the work."""
    _needs_mounts()
    disk = tmp_path / "disk"
    disk.mkdir()
    run = " ".join(map(str, command(disk / "data")))
    run = run.replace(
        "from services.cli import main; main()", "'from services.cli import main; main()'"
    )
    done = _in_namespace(
        f"""
        mount -t tmpfs -o size=21m tmpfs {disk}
        set +e
        C360_BATCH_EVENTS_MAX=500 {run} ingest {stream.file} >&2
        echo first exit $?
        set -e
        mount -o remount,size=2g {disk}
        {run} ingest {stream.file} >&2
        {run} state digest
        """
    )
    assert done.returncode == 0, done.stderr
    assert "first exit 74" in done.stdout
    assert "Free some space" in done.stderr
    assert reference.digest["all"] in done.stdout


@LONG
def test_a_full_disk_ruins_no_directory(tmp_path: Path) -> None:
    """Tables are made only where there is room for all of them: what was refused works later, with
    what was stored before. The service says what is wrong, too."""
    _needs_mounts()
    disk, file = tmp_path / "disk", tmp_path / "one.jsonl"
    disk.mkdir()
    file.write_bytes(line(event()) + b"\n")
    new, old = (
        " ".join(map(shlex.quote, command(disk / name))) for name in ("new/data", "old/data")
    )
    done = _in_namespace(
        f"""
        mount -t tmpfs -o size=40m tmpfs {disk}
        {old} ingest {file} >&2
        set +e
        dd if=/dev/zero of={disk}/fill bs=1k 2>/dev/null
        {new} ingest {file} >&2; echo $?
        {old} up --port 0 >&2; echo $?
        set -e
        rm {disk}/fill
        {new} ingest {file}
        {old} stats --json
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["74"] * 2
    assert done.stderr.count("Free some space") >= 2
    assert "1 accepted" in done.stdout
    assert '"events":1' in done.stdout


def test_read_only_directory(stream: Stream, tmp_path: Path) -> None:
    """A read-only directory is refused with advice."""
    _needs_mounts()
    run = " ".join(map(str, command(tmp_path / "data")))
    run = run.replace(
        "from services.cli import main; main()", "'from services.cli import main; main()'"
    )
    done = _in_namespace(f"mount -t tmpfs -o ro tmpfs {tmp_path}; {run} ingest {stream.file}")
    assert done.returncode == 74
    assert "Read-only file system" in done.stderr
    assert "--data-dir" in done.stderr


def test_what_another_user_owns(tmp_path: Path) -> None:
    """A closed directory is one that cannot be used, a closed file one that cannot be read."""
    _needs_mounts()  # root, who gives up the right to read everything
    data, scenario, file = tmp_path / "data", tmp_path / "x.toml", tmp_path / "x.jsonl"
    data.mkdir(mode=0o700)
    for one in (scenario, file):
        one.touch(0o600)
    for one in (data, scenario, file):
        os.chown(one, 65534, 65534)
    caps = "-dac_override,-dac_read_search"
    lesser = ["setpriv", f"--bounding-set={caps}", f"--inh-caps={caps}"]
    for where, arguments, code in (
        (data, ("stats",), 74),
        (data, ("ingest", "-"), 74),
        (data, ("doctor",), 74),
        (tmp_path / "new", ("ingest", str(file)), 66),
        (tmp_path / "new", ("incidents", "check", str(scenario)), 66),
    ):
        done = subprocess.run(
            [*lesser, *command(where, *arguments)],
            capture_output=True,
            env=environment(),
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stderr
        assert b"Permission denied" in done.stderr
        assert b"Traceback" not in done.stderr


def test_second_process_on_the_same_directory(stream: Stream, tmp_path: Path) -> None:
    """The second one ends and names the holder; the first is not affected."""
    data_dir = tmp_path / "data"
    first = subprocess.Popen(
        command(data_dir, "ingest", "-"), stdin=subprocess.PIPE, env=environment()
    )
    assert first.stdin is not None
    wait_for(lambda: (data_dir / "engine" / "store").exists())
    done = c360(data_dir, "ingest", str(stream.file), code=74)
    assert f"in use by process {first.pid}" in done.stderr
    assert "'c360 up' shares its directory with other commands." in done.stderr
    first.stdin.write(line(event()) + b"\n")
    first.stdin.close()
    assert first.wait(60) == 0
    assert len(c360_json(data_dir, "identity", "export", "--format", "json")) == 1


def test_another_secret_is_refused(reference: Reference, tmp_path: Path) -> None:
    """A data directory keeps to the secret it was written with."""
    done = c360(
        reference.data_dir, "profile", "list", code=78,
        C360_IDENTITY_SECRET="quite another secret",
    )  # fmt: skip
    assert "is not the secret" in done.stderr


def test_a_hidden_secret_is_named(tmp_path: Path) -> None:
    """If the directory has a secret of its own, the message says which one comes first."""
    data = tmp_path / "data"
    c360(data, "ingest", "-", stdin=line(event()), C360_IDENTITY_SECRET="the-right-secret-of-this")
    (data / "settings.env").write_text("C360_IDENTITY_SECRET=the-right-secret-of-this\n")
    done = c360(data, "profile", "list", code=78, C360_IDENTITY_SECRET="quite another secret")
    assert "'unset C360_IDENTITY_SECRET'" in done.stderr.replace("\n", " ")
    assert "settings.env" in done.stderr


def test_a_data_directory_is_its_owner_s(tmp_path: Path) -> None:
    """A new one is closed to others; an older one that is open gives a warning with advice."""
    data = tmp_path / "data"
    c360(data, "migrate")
    assert data.stat().st_mode & 0o777 == 0o700
    (data / "settings.env").touch(0o644)
    data.chmod(0o755)
    done = c360(data, "profile", "list")
    assert f"chmod go-rwx {data}" in done.stderr
    assert f"chmod go-rwx {data / 'settings.env'}" in done.stderr


def test_no_secret_is_refused(tmp_path: Path) -> None:
    """There is no default; the message says how to make one."""
    done = subprocess.run(
        command(tmp_path / "data", "profile", "list"),
        capture_output=True,
        text=True,
        env={k: v for k, v in environment().items() if k != "C360_IDENTITY_SECRET"},
        check=False,
    )
    assert done.returncode == 78
    assert "openssl rand -hex 32" in done.stderr


def test_changed_migration_is_refused(stream: Stream, tmp_path: Path) -> None:
    """See tests/integration/test_migrations.py for the checksum; here: nothing is pending twice."""
    data_dir = tmp_path / "data"
    first = c360_json(data_dir, "migrate", "--dry-run", "--json")
    assert [row["version"] for row in first] == list(range(1, len(first) + 1))
    c360(data_dir, "migrate")
    assert c360_json(data_dir, "migrate", "--dry-run", "--json") == []


def test_reader_may_close_the_pipe(reference: Reference) -> None:
    """`c360 profile list | head -1` ends quietly."""
    with subprocess.Popen(
        command(reference.data_dir, "identity", "export"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) in (0, 1)


NO_SPACE = b"error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "output", "code", "said"),
    [
        (("stats",), "| true", 1, b""),
        pytest.param(("stats", "--json"), "> /dev/full", 74, NO_SPACE, marks=LONG),
        (("incidents", "export"), "> /dev/full", 74, NO_SPACE),
        pytest.param(("version",), "| true", 1, b"", marks=LONG),
        (("version",), "> /dev/full", 74, NO_SPACE),
        (("version",), ">&-", 0, b""),  # who closes it wants none
    ],
)
@pytest.mark.parametrize(
    "buffered", [{}, pytest.param({"PYTHONUNBUFFERED": "1"}, marks=LONG)], ids=["", "unbuffered"]
)
def test_output_that_goes_nowhere(
    reference: Reference,
    arguments: tuple[str, ...],
    output: str,
    code: int,
    said: bytes,
    buffered: dict[str, str],
) -> None:
    """A long one and a short one, which is written at the end, with a buffer and without: no
    traceback."""
    run = " ".join(map(shlex.quote, command(reference.data_dir, *arguments)))
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {run} {output}"],
        capture_output=True,
        env=environment(**buffered),
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("stats",), 0), pytest.param(("profile", "get", "nobody@example.com"), 4, marks=LONG)],
)
def test_messages_that_nobody_reads(
    reference: Reference, arguments: tuple[str, ...], code: int
) -> None:
    """Without a reader or room for messages, a command does its work and ends with its own code."""
    run = " ".join(map(shlex.quote, command(reference.data_dir, *arguments)))
    for messages in ("2> >(true)", "2> /dev/full", "2>&-"):
        done = subprocess.run(
            ["bash", "-c", f"{run} {messages}"],
            capture_output=True,
            env=environment(C360_LOG_LEVEL="debug"),
            check=False,
            timeout=300,
        )
        assert done.returncode == code, messages


def test_interrupted_run_says_how_to_go_on(
    stream: Stream, reference: Reference, tmp_path: Path
) -> None:
    """Ctrl-C ends with 130 and one line; the same command again ends in the same state."""
    data_dir = tmp_path / "data"
    process = subprocess.Popen(
        command(data_dir, "ingest", str(stream.file)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment(C360_BATCH_EVENTS_MAX="300"),
    )
    wait_for(lambda: (data_dir / "engine" / "store").exists())
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 130), err
    if process.returncode:
        assert b"run the same command again" in err
        assert err.count(b"\n") == 1, err
    c360(data_dir, "ingest", str(stream.file))
    assert digest(data_dir) == reference.digest
    shutil.rmtree(data_dir)
