"""The Kafka Streams contestant of the workers' benchmark: made once with Maven and a JDK, then run.

Its classes are in bench/kafka-streams/. Libraries and classes are kept in `.cache/` of the
checkout, by what they were made of; nothing but this benchmark needs them.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from bench.children import ChildFailed, progress
from bench.worker_job import TOPIC

PROJECT = Path(__file__).parents[1]
SOURCES = Path(__file__).with_name("kafka-streams")
POM = SOURCES / "pom.xml"
SCHEMA = PROJECT / "schemas" / "generated" / "touchpoint.schema.json"
FLAGS = ("-Xmx512m", "-XX:+UseParallelGC")
WARM_UP_EVENTS = 200_000
MAKE_TIMEOUT_S = 600


def command(events: int, batch: int, state: Path) -> list[str]:
    """What runs the contestant, which is made first if it is not there.

    The JVM reads, validates and encodes some events before its clock starts, because a worker runs
    for weeks and compiled code is what counts. Its flags are those it has by itself, but the heap.

    Raises:
        ChildFailed: Java, its compiler or Maven is missing or failed.
    """
    home = _made()
    numbers = (str(events), str(batch), str(WARM_UP_EVENTS))
    return [
        _program("java"), *FLAGS, "-cp", f"{home / 'classes'}:{home / 'jars'}/*",
        "Main", str(SCHEMA), TOPIC, *numbers, str(state),
    ]  # fmt: skip


def _made() -> Path:
    """Where libraries and classes are; elsewhere first, so that they are complete or missing."""
    files = [POM, *sorted(SOURCES.glob("*.java"))]
    digest = sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:12]
    home = PROJECT / ".cache" / f"bench-kafka-streams-{digest}"
    if home.is_dir():
        return home
    progress("the contestant on Kafka Streams is made …")
    home.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{home.name}.") as text:
        filled = Path(text) / "filled"
        jars, classes = filled / "jars", filled / "classes"
        goal = ("dependency:copy-dependencies", f"-DoutputDirectory={jars}")
        _run([_program("mvn"), "-B", "-q", "-f", str(POM), *goal])
        classes.mkdir()
        target = ("--release", "17", "-Xlint:all,-path", "-Werror", "-d", str(classes))
        _run([_program("javac"), *target, "-cp", f"{jars}/*", *map(str, files[1:])])
        filled.rename(home)
    return home


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ChildFailed(f"{name!r} is not on the PATH: kafka-streams needs a JDK 17 and Maven")
    return found


def _run(arguments: list[str]) -> None:
    done = subprocess.run(
        arguments, capture_output=True, text=True, timeout=MAKE_TIMEOUT_S, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise ChildFailed("kafka-streams could not be made:\n  " + "\n  ".join(said[-12:]))
