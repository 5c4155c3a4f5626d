"""deploy/compose.yaml: valid by the Compose schema, and true to the code and the repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from devtools.image.dockerfile import lineage, stages, words
from devtools.image.tree import DOCKERFILE
from devtools.kafka_jars import POM
from services.cli import notify, probe
from services.cli.app import app
from services.cli.worker import OFFSETS
from services.runtime.otel_spans import exported_spans
from services.runtime.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}")
LONG_RUNNING = {"c360-ingest", "c360-identity", "c360-consistency", "c360-api"}
JOBS = {"c360-topics", "c360-migrate"}
PROBE, NOTIFY = "c360-probe", "c360-notify"
ON_DEMAND = {PROBE: "probe", NOTIFY: "notify"}
"""Services that run with their profile only."""
SPEC = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text("utf-8"))


def env_file(path: Path) -> dict[str, str]:
    """The variables of an env file."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def composed(variables: dict[str, str], name: str = "compose.yaml") -> dict[str, Any]:
    """The file with its variables replaced, as Compose does it."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if kind and (name not in variables or (kind[0] == ":" and not variables[name])):
            assert kind[-1] == "-", f"{name}: {rest}"
            return str(rest)
        return variables[name]

    def replaced(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: replaced(one) for name, one in node.items()}
        if isinstance(node, list):
            return [replaced(one) for one in node]
        return VARIABLE.sub(value, node) if isinstance(node, str) else node

    loaded: dict[str, Any] = replaced(yaml.safe_load((DEPLOY / name).read_text("utf-8")))
    return loaded


EXAMPLE = env_file(DEPLOY / "compose.env.example")
COMPOSE = composed(EXAMPLE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name in SERVICES if name.startswith("c360-"))


def problems(document: Any) -> Iterator[str]:
    """What the Compose schema says against a file."""
    for error in Draft7Validator(SPEC).iter_errors(document):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message}"


def test_it_is_valid_by_the_compose_schema() -> None:
    """Before and after variables are replaced."""
    Draft7Validator.check_schema(SPEC)
    raw = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert list(problems(COMPOSE)) == list(problems(raw)) == []


def test_a_misspelt_key_would_be_found() -> None:
    """The schema refuses what Compose does not know."""
    wrong = json.loads(json.dumps(COMPOSE))
    wrong["services"]["c360-api"]["read-only"] = True
    assert list(problems(wrong))


def test_every_part_is_there() -> None:
    """Broker, store, jobs, workers, API, Prometheus and Grafana; all workers there are."""
    assert {f"c360-{name}" for name in OFFSETS} | {"c360-api"} == LONG_RUNNING
    expected = LONG_RUNNING | JOBS | {*ON_DEMAND, "kafka", "clickhouse", "prometheus", "grafana"}
    assert set(SERVICES) == expected


@pytest.mark.parametrize("name", OURS)
def test_commands_exist(name: str) -> None:
    """The words of each service are a command of the image's entry point."""
    at: Any = typer.main.get_command(app)
    given = iter(SERVICES[name]["command"])
    while hasattr(at, "commands"):
        at = at.commands[last := next(given)]
    assert at.make_context(last, [*given], resilient_parsing=False), "arguments are taken"
    assert not hasattr(at, "commands"), "a group is no command"
    assert words(lineage(stages(DOCKERFILE), "workers")[1].values("ENTRYPOINT")[0]) == ["c360"]
    if name not in JOBS:
        assert name == f"c360-{last}"


@pytest.mark.parametrize("name", sorted({*OURS} - {*ON_DEMAND}))
def test_settings_are_read(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of each service loads as settings, and says what the file means."""
    monkeypatch.chdir(tmp_path)
    secret = "generated-by-compose-sh-0123456789"
    written = composed({k: v.replace("GENERATE", secret) for k, v in EXAMPLE.items()})
    for variable, value in written["services"][name]["environment"].items():
        assert variable.removeprefix("C360_").lower() in Settings.model_fields
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.secret()
    assert settings.kafka_bootstrap_servers == f"kafka:{_listener_port('PLAINTEXT')}"
    assert settings.clickhouse_url == "http://clickhouse:8123"
    assert settings.clickhouse_user == SERVICES["clickhouse"]["environment"]["CLICKHOUSE_USER"]
    assert (name == "c360-api") == bool(settings.api_keys)


def test_the_probe_knows_the_api_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs only when it is asked for, has the key of a client, and no secret of the service."""
    probe = composed({**EXAMPLE, "C360_PROBE_KEY": "a-key-of-sixteen-signs"})["services"][PROBE]
    assert probe["profiles"] == ["probe"]
    assert not any("profiles" in SERVICES[name] for name in {*SERVICES} - {*ON_DEMAND})
    assert probe["environment"].keys() == {"C360_PROBE_URL", "C360_PROBE_KEY"}
    for variable, value in probe["environment"].items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.probe_url == f"http://c360-api:{settings.http_port}"
    assert settings.probe_key is not None
    assert probe["depends_on"].keys() == {"c360-api"}


def test_the_notifier_has_its_targets_and_a_disk_and_no_secret_of_the_service() -> None:
    """It runs only when it is asked for, with the rules of the workers; it reaches targets outside,
    and what is still to be sent outlives the container."""
    one = SERVICES[NOTIFY]
    assert one["profiles"] == ["notify"]
    [file, _, state] = one["command"][1:]
    volumes = {target: source for source, target, _ in mounts(NOTIFY)}
    assert volumes[file] == "./targets.toml"
    assert volumes[str(Path(state).parent)] in COMPOSE["volumes"]
    rules = set(mounts("c360-consistency"))
    assert rules < set(mounts(NOTIFY))
    environment = {"C360_CONSISTENCY_RULES": ""}
    assert one["environment"] == environment
    assert environment.items() <= SERVICES["c360-consistency"]["environment"].items()
    assert set(one["networks"]) == {"service", "front"}
    assert COMPOSE["networks"]["service"] == {"internal": True}
    assert not COMPOSE["networks"]["front"]
    named = composed({**EXAMPLE, "C360_NOTIFY_TARGETS": "/srv/targets.toml"})["services"][NOTIFY]
    assert {"/srv/targets.toml"} == {
        row["source"] for row in named["volumes"] if isinstance(row, dict)
    }


def test_tracing_is_added_to_what_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A valid file whose own part is bounded as the others; ours send spans to it, by settings that
    load."""
    added = composed(EXAMPLE, "compose.tracing.yaml")
    assert list(problems(added)) == []
    jaeger = added["services"].pop("jaeger")
    assert set(added["services"]) == LONG_RUNNING
    assert jaeger["cap_drop"] == ["ALL"]
    assert jaeger["mem_limit"]
    assert "service" in jaeger["networks"]
    assert all(port.startswith("127.0.0.1:") for port in jaeger["ports"])
    monkeypatch.chdir(tmp_path)
    for one in added["services"].values():
        for variable, value in one["environment"].items():
            monkeypatch.setenv(variable, value)
        assert load_settings().tracing
        assert one["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("http://jaeger:")
        exported_spans("c360-api").stop(0.1)


def _listener_port(listener: str) -> str:
    listeners = SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"]
    found = re.search(rf"{listener}://:(\d+)", listeners)
    assert found
    return found[1]


def test_nothing_starts_without_secrets() -> None:
    """Every variable that has no default is in the example, and none of them has a value there."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    needed = {name for name, kind, _ in VARIABLE.findall(text) if "-" not in kind}
    assert needed == {name for name, value in EXAMPLE.items() if value == "GENERATE"}
    with pytest.raises(AssertionError, match="missing"):
        composed({})


def test_jobs_run_before_the_workers() -> None:
    """Nothing works on a topic or a table before both jobs have succeeded."""
    for name in LONG_RUNNING:
        waits = {other: one["condition"] for other, one in SERVICES[name]["depends_on"].items()}
        assert {waits[job] for job in JOBS} == {"service_completed_successfully"}
        assert {waits[one] for one in ("kafka", "clickhouse")} == {"service_healthy"}
    for job in JOBS:
        assert SERVICES[job]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_containers_can_do_little(name: str) -> None:
    """No capability, no new privilege, bounded memory and logs, health looked at; our own
    and those that can have a read-only file system."""
    one = SERVICES[name]
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["mem_limit"]
    assert one["logging"]["options"]["max-size"]
    assert one.get("read_only") or name in ("kafka", "clickhouse")
    assert "privileged" not in one
    if name not in OURS:  # ours have that of the image
        assert one["healthcheck"]["test"][0] == "CMD"
    for port in one.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "nobody outside reaches a service without TLS"


@pytest.mark.parametrize("name", OURS)
def test_ours_may_write_what_the_image_declares(name: str) -> None:
    """Its volumes are memory here, but for the notifier: workers and API keep nothing."""
    mounted = {one.split(":")[0] for one in SERVICES[name]["tmpfs"]}
    mounted |= {target for _, target, is_read_only in mounts(name) if not is_read_only}
    assert mounted == set(words(lineage(stages(DOCKERFILE), "workers")[1].values("VOLUME")[0]))


def test_the_api_is_reached_where_it_listens() -> None:
    """The published port is that of the settings."""
    [port] = SERVICES["c360-api"]["ports"]
    assert port.split(":")[-1] == str(Settings.model_fields["http_port"].default)


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """Its provisioned source is a service here, and its dashboards are where they are mounted."""
    provisioning = DEPLOY / "grafana" / "provisioning"
    [sources] = (provisioning / "datasources").glob("*.y*ml")
    [source] = yaml.safe_load(sources.read_text("utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert set(SERVICES["grafana"]["networks"]) & set(SERVICES["prometheus"]["networks"])
    [providers] = (provisioning / "dashboards").glob("*.y*ml")
    [provider] = yaml.safe_load(providers.read_text("utf-8"))["providers"]
    mounted = {one.split(":")[1] for one in SERVICES["grafana"]["volumes"]}
    assert provider["options"]["path"] in mounted


def mounts(service: str) -> list[tuple[str, str, bool]]:
    """Source, target and whether it is read-only, of each volume of a service."""
    found = []
    for one in SERVICES[service].get("volumes", ()):
        if isinstance(one, dict):
            found.append((one["source"], one["target"], bool(one.get("read_only"))))
        else:
            source, target, *mode = one.split(":")
            found.append((source, target, mode == ["ro"]))
    return found


def test_mounted_paths_are_in_the_repository() -> None:
    """A path that is missing would become an empty directory, and nobody would notice."""
    mounted = {source for name in SERVICES for source, _, _ in mounts(name)}
    paths = {one for one in mounted if one.startswith(".")}
    assert paths
    [targets] = {one for one in paths if not (DEPLOY / one).exists()}
    assert mounted - paths == set(COMPOSE["volumes"])
    [row] = [one for one in SERVICES[NOTIFY]["volumes"] if isinstance(one, dict)]
    assert row["source"] == targets, "an operator's file"
    assert row["bind"] == {"create_host_path": False}, "it is missed before anything starts"


def test_prometheus_scrapes_every_service() -> None:
    """Each job is named as a service of this file, looks it up at the port where it listens, and
    shares a network with Prometheus."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    jobs = {one["job_name"]: one for one in yaml.safe_load(text)["scrape_configs"]}
    scraped = LONG_RUNNING | {*ON_DEMAND}
    assert scraped <= set(jobs) <= scraped | {"prometheus"}
    offsets = {**OFFSETS, "probe": probe.PORT_OFFSET, "notify": notify.PORT_OFFSET}
    for name in scraped:
        [looked_up] = jobs[name]["dns_sd_configs"]
        service = name.removeprefix("c360-")
        field = "http_port" if service == "api" else "worker_http_port"
        port = Settings.model_fields[field].default + offsets.get(service, 0)
        assert (looked_up["names"], looked_up["port"]) == ([name], port)
        assert set(SERVICES[name]["networks"]) & set(SERVICES["prometheus"]["networks"])


def test_the_broker_is_the_one_that_is_tested() -> None:
    """Of the version that tests and development run."""
    [version] = re.findall(r"<kafka\.version>([^<]+)<", POM.read_text("utf-8"))
    assert SERVICES["kafka"]["image"] == f"docker.io/apache/kafka:{version}"


def test_one_command_makes_secrets_once(tmp_path: Path) -> None:
    """The first run writes a file that only its owner reads, with a secret for each; the second
    leaves it as it is. Both hand over to Compose."""
    for name in ("compose.sh", "compose.yaml", "compose.env.example"):
        shutil.copy(DEPLOY / name, tmp_path)
    seen = tmp_path / "docker"
    seen.write_text('#!/bin/sh\necho "$@"\n', "utf-8")
    seen.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    runs = []
    for arguments in ((), ("ps",)):
        done = subprocess.run(
            [tmp_path / "compose.sh", *arguments], env=env, capture_output=True, check=True
        )
        runs.append((done.stdout.decode(), (tmp_path / ".env").read_text("utf-8")))
    assert [one.split(".env ")[1].split() for one, _ in runs] == [
        ["up", "--build", "--wait"],
        ["ps"],
    ]
    assert runs[0][1] == runs[1][1]
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    made = env_file(tmp_path / ".env")
    secrets = [value for name, value in made.items() if EXAMPLE[name] == "GENERATE"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in secrets)
    assert len(set(secrets)) == len(secrets) == 4
