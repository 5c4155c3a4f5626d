"""What end-to-end tests share: one sample stream with its truth, and the data of `make demo`."""

from __future__ import annotations

import fcntl
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.clients.conftest import outside as outside
from tests.e2e.runs import c360, digest
from tests.e2e.shells import Machine, make_checkout
from tests.events import line
from tests.planted import plant_all

HOUSEHOLDS = 10
PLANTED_FROM = datetime(2017, 2, 1, 8, tzinfo=UTC)
PLANTED_APART = timedelta(hours=7)
"""The sample stream has incidents of some kinds only; those of all others are planted."""


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
        planted = plant_all(PLANTED_FROM, PLANTED_APART)
        file.writelines(line(one) + b"\n" for plant in planted for one in plant.events)
    return made


@pytest.fixture(scope="session")
def reference(stream: Stream, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The state that every disturbed run must end in."""
    data_dir = tmp_path_factory.mktemp("reference") / "data"
    c360(data_dir, "ingest", str(stream.file))
    return Reference(data_dir, digest(data_dir))


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
