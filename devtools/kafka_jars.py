"""The broker's jars, as pinned by deploy/kafka/pom.xml and fetched once.

They are in `.cache/kafka-<version>/` of the checkout, together with the first records of a freshly
formatted storage, so that starting a broker takes one JVM instead of two.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from services.runtime.errors import ConfigurationError, Retry

PROJECT = Path(__file__).parents[1]
POM = PROJECT / "deploy" / "kafka" / "pom.xml"
LOG_SETTINGS = POM.with_name("log4j2.properties")
BOOTSTRAP_FILE = "bootstrap.checkpoint"
VERSION_TAG = ".//{http://maven.apache.org/POM/4.0.0}kafka.version"
FETCH_TIMEOUT_S = 600
FORMAT_SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:1
log.dirs={directory}
"""


class Distribution(NamedTuple):
    """The files needed to run brokers."""

    version: str
    java: str
    jars: Path
    bootstrap: Path
    """The first records of a formatted metadata log: its feature levels."""


def distribution() -> Distribution:
    """The pinned version of Kafka; fetches it if it is missing (once, about 45 MB).

    Raises:
        ConfigurationError: Java or Maven is missing, or this is not a checkout.
        Retry: Maven could not fetch the jars.
    """
    if not POM.is_file():
        raise ConfigurationError(
            f"{POM} is not there: Kafka for development comes with a checkout of customer360, not "
            "with the installed package. Work in a checkout, or start a Kafka of your own and set "
            "C360_KAFKA_BOOTSTRAP_SERVERS."
        )
    java = _program("java", "a Java runtime, version 17 or newer (openjdk-17-jre-headless)")
    version = str(ElementTree.parse(POM).findtext(VERSION_TAG))
    home = PROJECT / ".cache" / f"kafka-{version}"
    if not home.is_dir():
        _fetch(java, home)
    return Distribution(version, java, home / "jars", home / BOOTSTRAP_FILE)


def java_command(java: str, jars: Path, heap_mib: int) -> list[str]:
    """The start of a command line; the class and its arguments follow.

    The flags make a small JVM that starts within two seconds, at the cost of peak speed.
    """
    return [
        java,
        f"-Xmx{heap_mib}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-Xshare:auto",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={LOG_SETTINGS}",
        "-cp",
        f"{jars}/*",
    ]


def _program(name: str, what: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(f"{name!r} is not on the PATH: install {what}")
    return found


def _fetch(java: str, home: Path) -> None:
    """Fill the folder elsewhere and rename it, so that it is complete or missing."""
    maven = _program("mvn", "Apache Maven, which fetches Kafka from Maven Central")
    home.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{home.name}.") as text:
        directory = Path(text)
        filled = directory / "filled"
        jars = filled / "jars"
        goal = ("dependency:copy-dependencies", f"-DoutputDirectory={jars}")
        _run([maven, "-B", "-q", "-f", str(POM), *goal], "fetch Kafka with Maven")
        _format(java, jars, directory)
        shutil.copy(directory / "storage" / BOOTSTRAP_FILE, filled)
        try:
            filled.rename(home)
        except OSError:
            if not home.is_dir():  # else another process was faster, with the same result
                raise


def _format(java: str, jars: Path, directory: Path) -> None:
    settings = directory / "format.properties"
    settings.write_text(FORMAT_SETTINGS.format(directory=directory / "storage"), "utf-8")
    tool = ("kafka.tools.StorageTool", "format", "--cluster-id", "AAAAAAAAAAAAAAAAAAAAAQ")
    command = [*java_command(java, jars, 64), *tool, "--config", str(settings)]
    _run(command, "format the storage of Kafka")


def _run(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Retry(f"could not {what} within {FETCH_TIMEOUT_S} seconds; try again") from error
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise Retry(f"could not {what} (exit {done.returncode}):\n  " + "\n  ".join(lines[-12:]))
