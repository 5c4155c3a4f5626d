"""Brokers for development: they keep what they must, say what is wrong, and leave nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from devtools import kafka_jars
from devtools.kafka import Cluster
from devtools.ports import HOST
from services.runtime.errors import ConfigurationError, Fatal
from services.stream.ports import Outgoing
from services.stream.producer import Producer
from tests.e2e.runs import command, environment, wait_for
from tests.kafka import kafka_settings, make_topic, read_all
from tests.tiers import LONG

ORPHAN = """
import pathlib, signal, sys
from devtools.kafka import Cluster
with Cluster(directory=pathlib.Path(sys.argv[1])) as cluster:
    print(cluster.processes[0], flush=True)
    signal.pause()
"""


def lives(pid: int) -> bool:
    """Whether the process is there (a zombie is not)."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def write(cluster: Cluster, topic: str, value: bytes) -> None:
    """One acknowledged record."""
    producer = Producer(kafka_settings(cluster.bootstrap_servers))
    await producer.send_all([Outgoing(topic, value)])
    await producer.stop()


async def test_data_outlive_the_broker_and_not_the_cluster() -> None:
    """Records survive SIGKILL and a restart on the same port; closing leaves neither process nor
    directory."""
    with Cluster() as cluster:
        servers, first = cluster.bootstrap_servers, cluster.processes[0]
        topic = await make_topic(servers)
        await write(cluster, topic, b"before the kill")
        cluster.kill(0)
        assert cluster.processes == {}
        cluster.start(0)
        assert cluster.bootstrap_servers == servers
        await write(cluster, topic, b"before the stop")
        cluster.stop(0)
        cluster.start(0)
        values = [record.value for record in await read_all(servers, topic)]
        assert values == [b"before the kill", b"before the stop"]
        last, directory = cluster.processes[0], cluster.directory
        assert directory.is_dir()
    assert not lives(first)
    assert not lives(last)
    assert not directory.exists()


@LONG
async def test_given_directory_is_kept(tmp_path: Path) -> None:
    """A second cluster on the same directory has the data of the first."""
    with Cluster(directory=tmp_path) as cluster:
        topic = await make_topic(cluster.bootstrap_servers)
        await write(cluster, topic, b"kept")
    with Cluster(directory=tmp_path) as cluster:
        found = await read_all(cluster.bootstrap_servers, topic)
    assert [record.value for record in found] == [b"kept"]


def test_broker_dies_with_its_parent(tmp_path: Path) -> None:
    """No JVM is left when the process that started it is killed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        broker = int(parent.stdout.readline())
    assert lives(broker)
    parent.kill()
    parent.wait()
    wait_for(lambda: not lives(broker))


def test_command_runs_until_it_is_told_to_end() -> None:
    """`c360 dev kafka` prints what to export, serves, and ends in order on SIGTERM."""
    process = subprocess.Popen(
        command(None, "dev", "kafka"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert process.stdout.readline() == "export C360_KAFKA_REPLICATION=1\n"
    assert line.startswith("export C360_KAFKA_BOOTSTRAP_SERVERS=")
    port = int(line.strip().rpartition(":")[2])
    socket.create_connection((HOST, port)).close()
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Kafka is stopped" in told
    socket.create_server((HOST, port)).close()


def test_taken_port_is_named() -> None:
    """A port in use is refused before anything is started."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} is taken"):
            Cluster(port=port)


def test_two_brokers_make_no_quorum() -> None:
    """A number that could not survive a broker's end is refused."""
    with pytest.raises(ConfigurationError, match="choose 1, or 3"):
        Cluster(2)


def test_broker_that_does_not_start_says_why(tmp_path: Path) -> None:
    """The broker's own last lines are in the error, and nothing is left running."""
    storage = tmp_path / "broker-0" / "storage"
    storage.mkdir(parents=True)
    (storage / "meta.properties").write_text("version=1\nnode.id=77\ncluster.id=other\n")
    cluster = Cluster(directory=tmp_path)
    with pytest.raises(Fatal, match=r"did not start \(exit 1\)[\s\S]*77"):
        cluster.open()
    assert cluster.processes == {}


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        # neither of the programs
        ("java", "'java' is not on the PATH: install a Java runtime, version 17"),
        # Java, but nothing that fetches the jars
        ("mvn", "'mvn' is not on the PATH: install Apache Maven"),
        # an installed package
        ("pom", "comes with a checkout"),
    ],
)
def test_missing_parts_are_named(
    missing: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to install, or where to work, is said before anything starts."""
    programs = tmp_path / "bin"
    programs.mkdir()
    if missing == "mvn":
        (programs / "java").write_text("#!/bin/sh\n")
        (programs / "java").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(kafka_jars, "PROJECT", tmp_path)
    if missing == "pom":
        monkeypatch.setattr(kafka_jars, "POM", tmp_path / "deploy" / "kafka" / "pom.xml")
    with pytest.raises(ConfigurationError, match=message):
        Cluster().open()
