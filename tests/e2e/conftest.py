"""One sample stream with its truth, built once for all end-to-end tests."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.runs import c360, digest

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
    return made


@pytest.fixture(scope="session")
def reference(stream: Stream, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The state that every disturbed run must end in."""
    data_dir = tmp_path_factory.mktemp("reference") / "data"
    c360(data_dir, "ingest", str(stream.file))
    return Reference(data_dir, digest(data_dir))
