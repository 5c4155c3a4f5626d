"""What deploy/Dockerfile says, held against the code; `make image-check` carries it out."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy.healthcheck import SERVER_PORT, WORKER_PORTS, addresses
from devtools.image.dockerfile import instructions, lineage, pairs, stages, words
from devtools.image.tree import DOCKERFILE
from services.cli import notify, probe
from services.cli.worker import OFFSETS
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
STAGES = stages(DOCKERFILE)
FLAVOURS = ("workers", "embedded")
LOCKS = ROOT / "deploy" / "locks"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def default(name: str) -> Any:
    return Settings.model_fields[name].default


def last(target: str, name: str) -> str:
    """What the last instruction of a name says for a target."""
    return [value for stage in lineage(STAGES, target) for value in stage.values(name)][-1]


def locked(path: Path) -> dict[str, str]:
    """What a lock file has for each package: version, condition and hashes."""
    text = path.read_text("utf-8")
    found = re.findall(r"^([a-z0-9-]+)==([^\n]*(?:\n    --hash[^\n]*)+)", text, re.M)
    return {f"{name}=={rest.split(' ')[0]}": rest for name, rest in found}


def test_the_default_target_has_no_engine() -> None:
    """The last stage is what `docker build` makes without a target."""
    assert list(STAGES)[-1] == "workers"
    assert "chdb" not in (LOCKS / "runtime.lock").read_text("utf-8")
    assert "chdb==" in (LOCKS / "embedded.lock").read_text("utf-8")


@pytest.mark.parametrize("target", FLAVOURS)
def test_processes_have_no_rights(target: str) -> None:
    """A user by number, so that a cluster can tell that it is not root; signals reach the command
    itself, not a shell."""
    uid, gid = map(int, last(target, "USER").split(":"))
    assert min(uid, gid) >= 10_000
    assert words(last(target, "ENTRYPOINT"))[0] in PROJECT["project"]["scripts"]
    assert words(last(target, "HEALTHCHECK").partition(" CMD ")[2])
    assert last(target, "STOPSIGNAL") == "SIGTERM"


@pytest.mark.parametrize("target", FLAVOURS)
def test_its_settings_are_settings(target: str) -> None:
    """Every `C360_…` of the image exists, has a value that is read, and no secret."""
    env = {k: v for one in lineage(STAGES, target) for w in one.values("ENV")
           for k, v in pairs(w).items()}  # fmt: skip
    ours = {k.removeprefix("C360_").lower(): v for k, v in env.items() if k.startswith("C360_")}
    assert ours
    read = Settings(**ours)  # type: ignore[arg-type]
    for name, value in ours.items():
        assert str(getattr(read, name)) == value
        assert "secret" not in name
        assert "password" not in name
    assert str(read.data_dir) in words(last(target, "VOLUME"))
    assert read.http_host == read.worker_http_host == "0.0.0.0"


def test_ports_are_those_of_the_code() -> None:
    """EXPOSE and the health check name the ports that server and workers take by themselves."""
    offsets = (*OFFSETS.values(), probe.PORT_OFFSET, notify.PORT_OFFSET)
    workers = [str(default("worker_http_port") + one) for one in offsets]
    assert last("workers", "EXPOSE").split() == [str(default("http_port")), *workers]
    assert [SERVER_PORT, *WORKER_PORTS] == last("workers", "EXPOSE").split()
    assert addresses({})[0] == f"http://127.0.0.1:{default('http_port')}/livez"


def test_the_health_check_follows_the_settings() -> None:
    """A port or a certificate that an operator sets is where it looks."""
    env = {"C360_HTTP_PORT": "1", "C360_WORKER_HTTP_PORT": "2", "C360_HTTP_TLS_CERT_FILE": "c"}
    assert addresses(env) == ["https://127.0.0.1:1/livez", "http://127.0.0.1:2/livez"]


def test_what_it_copies_exists_and_reaches_the_build() -> None:
    """Each file of the context is in the repository and let through by .dockerignore, and nothing
    that is let through is not copied."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")} - {"deploy"}
    copied = {
        word
        for stage in STAGES.values()
        for value in stage.values("COPY")
        if "--from=" not in value
        for word in value.split()[:-1]
    }
    assert copied == let_through
    assert all((ROOT / one).exists() for one in copied)
    assert lines[1] == "*"


def test_packages_come_with_hashes_from_the_lock_files() -> None:
    """Every installation is by a lock file, or the wheel alone; nothing is compiled."""
    text = " && ".join(value for stage in STAGES.values() for value in stage.values("RUN"))
    installs = [part for part in text.split("&&") if " install " in part and "pip" in part]
    assert len(installs) == 4
    for one in installs:
        assert "--require-hashes --only-binary :all:" in one or "--no-deps --no-index" in one, one


@pytest.mark.parametrize("name", ["build", "runtime", "embedded"])
def test_locks_hold_what_the_whole_lock_holds(name: str) -> None:
    """Same versions, conditions and hashes as requirements.lock, with which all tests run."""
    whole, part = locked(ROOT / "requirements.lock"), locked(LOCKS / f"{name}.lock")
    assert part
    assert {k: v for k, v in part.items() if whole.get(k) != v} == {}


def test_locks_hold_what_the_flavours_need() -> None:
    """Every dependency of the product and of the extras of a flavour, and no other extra's; the
    embedded flavour adds to the other, and changes nothing of it."""
    plain, full = locked(LOCKS / "runtime.lock"), locked(LOCKS / "embedded.lock")
    assert plain.items() < full.items()
    extras = PROJECT["project"]["optional-dependencies"]
    named = {"runtime": ["oidc", "otel"], "embedded": ["oidc", "otel", "embedded", "files"]}
    for lock, chosen in named.items():
        wanted = PROJECT["project"]["dependencies"] + [one for x in chosen for one in extras[x]]
        names = {key.split("==")[0] for key in locked(LOCKS / f"{lock}.lock")}
        assert {re.split(r"[\[<>=]", one)[0] for one in wanted} <= names
    assert not {key for key in full if key.startswith(("pytest", "completejourney", "mypy=="))}


def test_lock_files_name_no_address() -> None:
    """Hashes say what is installed; where it comes from is the builder's business."""
    for path in LOCKS.glob("*.lock"):
        assert "://" not in path.read_text("utf-8")


def test_make_lock_makes_every_lock() -> None:
    """The target names each file, so that none is forgotten."""
    told = subprocess.run(
        ["make", "--dry-run", "lock"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for path in (ROOT / "requirements.lock", *LOCKS.glob("*.lock")):
        assert f"-o {path.relative_to(ROOT)}" in told, path


@pytest.mark.parametrize(
    "line", ["ADD https://a.example/x /x", "ENTRYPOINT c360 api", "ONBUILD RUN x"]
)
def test_what_cannot_be_carried_out_is_refused(line: str) -> None:
    """An instruction that we do not know, and a command that a shell would run."""
    with pytest.raises(ConfigurationError):
        [words(one.value) for one in instructions(line)]
