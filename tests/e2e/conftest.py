"""What end-to-end tests share: one sample stream with its truth, and the data of `make demo`."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.conftest import outside as outside
from tests.e2e.runs import c360, digest
from tests.e2e.shells import Machine, make_checkout
from tests.events import event, identifier, line

HOUSEHOLDS = 24


class Stream(NamedTuple):
    """A sample stream and its truth files."""

    file: Path
    truth: Path


class Reference(NamedTuple):
    """The stream ingested once, undisturbed, and the digest of that state."""

    data_dir: Path
    digest: dict[str, str]


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """A small stream with every hard case."""
    directory = tmp_path_factory.mktemp("stream")
    made = Stream(directory / "sample.jsonl", directory / "truth")
    c360(
        None, "sample", "build", "--households", str(HOUSEHOLDS), "--seed", "7",
        "--out", str(made.file), "--truth", str(made.truth),
    )  # fmt: skip
    with made.file.open("ab") as file:
        file.writelines(line(one) + b"\n" for one in of_other_kinds())
    return made


@pytest.fixture(scope="session")
def reference(stream: Stream, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The state that every disturbed run must end in."""
    data_dir = tmp_path_factory.mktemp("reference") / "data"
    c360(data_dir, "ingest", str(stream.file))
    return Reference(data_dir, digest(data_dir))


def of_other_kinds() -> Iterator[dict[str, Any]]:
    """Events of which incidents follow that the sample stream has none of: a store that moved, a
    product that is gone and the app still sells, a complaint that was answered too late."""

    def said(kind: str, channel: str, day: int, body: dict[str, Any], **fields: Any) -> Any:
        at = f"2017-03-{day:02}T10:00:00Z"
        name = f"{kind}-{channel}-{day}"
        return event(kind, channel=channel, occurred_at=at, event_id=name, body=body, **fields)

    for channel in ("shop", "app", "email"):
        place = {"store": "12", "address": "Hauptstr. 5"}
        yield said("store.published", channel, 1, place, identifiers=[])
    for channel in ("shop", "pos"):
        moved = {"store": "12", "address": "Am Markt 1"}
        yield said("store.published", channel, 5, moved, identifiers=[])
        gone = {"sku": "gone", "availability": "out_of_stock"}
        yield said("offer.published", channel, 5, gone, identifiers=[])
    yield said(
        "offer.published", "app", 5, {"sku": "gone", "availability": "in_stock"}, identifiers=[]
    )
    waits = [identifier("email", "waits@example.com", verified=True)]
    for kind, day in (("complaint.opened", 1), ("support.answered", 3)):
        yield said(kind, "email", day, {"case_id": "C-1"}, identifiers=waits)


class Demo(NamedTuple):
    """A copy of the data directory that `make demo` left, and what it printed."""

    data_dir: Path
    printed: str


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, built once for all processes of a test run; each has a copy for itself."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "demo"
    shared.mkdir(exist_ok=True)
    printed = shared / "printed"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            shutil.rmtree(shared / "checkout", ignore_errors=True)
            machine = Machine((), make_checkout(shared / "checkout"), shared / "notes")
            try:
                made = machine.open_shell(activated=False).paste("make demo")
            finally:
                machine.close()
            assert made.code == 0, made.output
            printed.write_text(made.output, "utf-8")
        copy = tmp_path_factory.mktemp("demo") / "demo"
        shutil.copytree(shared / "checkout" / "demo", copy, symlinks=True)
    return Demo(copy, printed.read_text("utf-8"))
