"""The image as deploy/Dockerfile makes it, run against brokers and a store: `make image-check`.

Its steps are carried out in a plain directory (devtools/image); nothing here repeats them. Every
command runs as the image's user on a read-only tree. Not part of `make test`: it installs each
flavour from a package registry, which takes minutes. Needs root on Linux.
"""

from __future__ import annotations

import json
import re
import signal
import stat
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from devtools.image.tree import Image, build
from devtools.kafka import Cluster
from devtools.ports import free_port
from services.store.migrations import latest_migration
from tests.clickhouse_endpoint import ClickHouseEndpoint
from tests.deploy.containers import Container, tree_of
from tests.e2e.runs import API_KEY, SECRET
from tests.events import event, identifier

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WORKERS = ("ingest", "identity", "consistency")
DEADLINE_S = 120.0
POLL_S = 0.05
WORKERS_MIB_MAX, EMBEDDED_MIB_MAX = 250, 1100
"""What the image adds to its base: 177 and 1,060 MiB when this was written."""


@pytest.fixture(scope="module")
def flavours(tmp_path_factory: pytest.TempPathFactory) -> list[Image]:
    """Both flavours, each built once."""
    directory = tmp_path_factory.mktemp("image")
    directory.parent.chmod(0o755)
    return build(["workers", "embedded"], directory, REVISION=COMMIT)


@pytest.fixture(scope="module")
def image(flavours: list[Image]) -> Image:
    """The default flavour."""
    return flavours[0]


@pytest.fixture(scope="module")
def embedded(flavours: list[Image]) -> Image:
    """The flavour with the database engine."""
    return flavours[1]


@pytest.fixture
def container(image: Image, tmp_path: Path) -> Container:
    """A container of the default flavour without any setting."""
    return Container(image, tmp_path / "container", {})


def wait_for(condition: Callable[[], bool], what: str, told: Callable[[], str]) -> None:
    """Until it holds; fails after the deadline with what was told."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not {what}\n{told()}"
        time.sleep(POLL_S)


def answers(url: str, status: int = 200) -> bool:
    """Whether a page answers with the status now."""
    try:
        return httpx.get(url, timeout=10, trust_env=False).status_code == status
    except httpx.TransportError:
        return False


def test_the_version_says_what_is_in_it(container: Container, embedded: Image) -> None:
    """Release, commit, schema; the engine in the embedded flavour only."""
    said = json.loads(container.run("version", "--json"))
    assert (said["commit"], said["schema"]) == (COMMIT, latest_migration())
    assert said["embedded_engine"] is None
    other = Container(embedded, container.state.parent / "embedded", {})
    assert json.loads(other.run("version", "--json"))["embedded_engine"]


def test_only_the_volumes_can_be_written(container: Container) -> None:
    """By the image's user, who has no privilege and no group of anybody."""
    assert re.search(r"uid=(\d+) gid=\1 groups=\1", container.execute("id").replace("(", " "))
    for place in container.image.volumes:
        container.execute("touch", f"{place}/written")
    for place in ("/opt/c360", "/opt/c360/lib", "/", "/etc", "/usr/bin", "/var/lib"):
        assert "Read-only" in container.execute("touch", f"{place}/written", code=1)
    assert "NoNewPrivs:\t1" in (status := container.execute("cat", "/proc/self/status"))
    assert re.findall(r"Cap(?:Inh|Prm|Eff|Bnd):\t(\w+)", status) == ["0" * 16] * 4


def test_commands_of_the_engine_name_the_other_flavour(container: Container) -> None:
    """In the default flavour they end with a configuration error, and leave nothing behind."""
    assert "customer360[embedded]" in container.run("profile", "list", code=78)
    assert not list((container.state / "var" / "lib" / "c360").iterdir())


def test_an_order_to_end_while_it_loads_is_obeyed(image: Image, tmp_path: Path) -> None:
    """The first process of a container would get no signal that it does not handle."""
    nowhere = {"C360_IDENTITY_SECRET": SECRET, "C360_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    own = Container(
        image, tmp_path / "own", nowhere | {"C360_CLICKHOUSE_URL": "http://127.0.0.1:1"}
    )
    own.start("worker", "ingest")

    def handles() -> bool:
        first = own.first_process()
        if first is None:
            return False
        status = Path(f"/proc/{first}/status").read_text("utf-8")
        caught = re.search(r"^Name:\sc360\n(?:.*\n)*SigCgt:\s(\w+)", status)
        return caught is not None and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1 == 1

    wait_for(handles, "loading", own.said)
    assert own.terminate() == 128 + signal.SIGTERM


def test_the_workers_and_the_api(image: Image, tmp_path: Path) -> None:
    """Jobs, workers and API of the image take an event, join and show it, are healthy, end in
    order, and write nothing but their volumes."""
    tmp_path.chmod(0o755)
    before = list(tree_of(image.root))
    with Cluster() as cluster, ClickHouseEndpoint(tmp_path / "store") as store:
        settings = {
            "C360_IDENTITY_SECRET": SECRET,
            "C360_API_KEYS": json.dumps([API_KEY]),
            "C360_KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
            "C360_KAFKA_REPLICATION": "1",
            "C360_CLICKHOUSE_URL": store.url,
        }
        job = Container(image, tmp_path / "job", settings)
        job.run("topics", "apply")
        job.run("migrate")
        running = dict(containers(image, tmp_path, settings))
        try:
            _use(running, json.loads(job.run("keys", "create", "--name", "it", *SCOPES))["key"])
            assert {name: one.terminate() for name, (one, _) in running.items()} == dict.fromkeys(
                running, 0
            ), [one.said() for one, _ in running.values()]
        finally:
            for one, _ in running.values():
                one.kill()
    assert list(tree_of(image.root)) == before


SCOPES = ("--scope", "profiles:read", "--scope", "profiles:pii", "--json")


def containers(
    image: Image, directory: Path, settings: dict[str, str]
) -> Iterator[tuple[str, tuple[Container, str]]]:
    """The three workers and the API, started, each with the address of its pages."""
    for name, variable in {
        **dict.fromkeys(WORKERS, "WORKER_HTTP_PORT"),
        "api": "HTTP_PORT",
    }.items():
        port = free_port()
        own = Container(image, directory / name, {**settings, f"C360_{variable}": str(port)})
        own.start(*(("api",) if name == "api" else ("worker", name)))
        yield name, (own, f"http://127.0.0.1:{port}")


def _use(running: dict[str, tuple[Container, str]], key: str) -> None:
    """Wait until all are ready, send an event, and read the profile that it becomes."""
    for name, (one, url) in running.items():
        wait_for(partial(answers, f"{url}/readyz"), f"ready: {name}", one.said)
        assert one.is_healthy()
        assert answers(f"{url}/livez")
        assert answers(f"{url}/metrics")
    one, url = running["api"]
    email = {"type": "email", "value": "anna@example.com"}
    sent = httpx.post(
        f"{url}/v1/touchpoints",
        json={"batch": [event(identifiers=[identifier("email", email["value"], verified=True)])]},
        headers={"Authorization": f"Bearer {API_KEY}"},
        trust_env=False,
        timeout=30,
    )
    assert sent.json()["results"][0]["status"] == "accepted", sent.text

    def is_known() -> bool:
        found = httpx.post(
            f"{url}/v1/profiles/lookup",
            json={"identifiers": [email]},
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=30,
        )
        return found.is_success

    wait_for(is_known, "known", lambda: "\n".join(c.said()[-2000:] for c, _ in running.values()))


def test_the_embedded_flavour_serves_alone(embedded: Image, tmp_path: Path) -> None:
    """`c360 up` with a volume for its data is ready, healthy, and ends in order."""
    tmp_path.chmod(0o755)
    port = free_port()
    env = {"C360_IDENTITY_SECRET": SECRET, "C360_HTTP_PORT": str(port)}
    own = Container(embedded, tmp_path / "up", env)
    own.start("up")
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "ready", own.said)
        assert own.is_healthy()
        assert own.terminate() == 0, own.said()
    finally:
        own.kill()
    assert (own.state / "var" / "lib" / "c360" / "engine").is_dir()


def test_a_container_that_serves_nothing_is_not_healthy(container: Container) -> None:
    """Nobody at any port of the image's commands."""
    container._env |= {
        "C360_HTTP_PORT": str(free_port()),
        "C360_WORKER_HTTP_PORT": str(free_port()),
    }
    assert not container.is_healthy()


def test_each_flavour_has_its_size(flavours: list[Image]) -> None:
    """The database engine is in the embedded flavour alone; both stay as small as they are."""
    for image, most in zip(flavours, (WORKERS_MIB_MAX, EMBEDDED_MIB_MAX), strict=True):
        files = [path.lstat() for path in (image.root / "opt").rglob("*")]
        assert sum(one.st_blocks * 512 for one in files) / 2**20 < most
        assert not [one for one in files if stat.S_ISREG(one.st_mode) and one.st_mode & 0o6000]
    packages = [next((one.root / "opt/c360/lib").glob("python*/*")) for one in flavours]
    assert [(one / "chdb").exists() for one in packages] == [False, True]
    assert not list(packages[0].glob("pyarrow*"))
