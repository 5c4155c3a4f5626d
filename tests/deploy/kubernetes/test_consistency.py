"""Ports, settings, topics, metrics, pages and commands in the manifests exist in the code."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from schemas.topics import CATALOGUE, Party
from services.docs.manifests import accesses
from services.notify.targets import read_targets
from services.stream.dead_letters import REJECTED_TOPIC
from tests.deploy.kubernetes.consistency import differences
from tests.deploy.kubernetes.rendering import (
    MANIFESTS,
    ROOT,
    SETS,
    Manifest,
    containers,
    fault_of,
    objects_of,
    of_kind,
    pods,
    rendered,
    secrets,
)

PRODUCTION = "production"


@pytest.mark.parametrize("name", SETS)
def test_what_the_manifests_say_exists(name: str) -> None:
    """No overlay, and no component on the base, names anything that the code does not have."""
    assert differences(objects_of(name), secrets()) == []


def test_the_workloads_are_all_there() -> None:
    """Production runs the workers, the API and the jobs, each with labels that name it."""
    found = {
        workload["metadata"]["name"]: template["metadata"]["labels"]
        for workload, template in pods(objects_of(PRODUCTION))
    }
    assert found.keys() == {
        *("c360-ingest", "c360-identity", "c360-consistency", "c360-api"),
        *("c360-topics", "c360-migrate", "c360-probe", "c360-notify"),
        *("c360-verify", "c360-verify-identity", "c360-retention", "c360-refresh"),
        "c360-insights",
    }
    for name, labels in found.items():
        assert labels["app.kubernetes.io/name"] == name
        assert labels["app.kubernetes.io/component"] == name.removeprefix("c360-")
        assert labels["app.kubernetes.io/part-of"] == "customer360"


def _worker(objects: list[Manifest], kind: str = "StatefulSet") -> Any:
    return of_kind(objects, kind)[0]["spec"]["template"]["spec"]["containers"][0]


def _wrong_port(objects: list[Manifest]) -> None:
    _worker(objects)["ports"][0]["containerPort"] += 1


def _unknown_setting(objects: list[Manifest]) -> None:
    _settings(objects)["C360_KAFKA_BOOTSTRAP_SERVER"] = "kafka:9092"


def _settings(objects: list[Manifest]) -> dict[str, str]:
    found: dict[str, str] = of_kind(objects, "ConfigMap")[0]["data"]
    return found


def _wrong_value(objects: list[Manifest]) -> None:
    _settings(objects)["C360_KAFKA_SESSION_TIMEOUT_S"] = "1"


def _closed_port(objects: list[Manifest]) -> None:
    _settings(objects)["C360_CLICKHOUSE_URL"] = "https://clickhouse:9440"


def _loopback(objects: list[Manifest]) -> None:
    _settings(objects)["C360_WORKER_HTTP_HOST"] = "127.0.0.1"


def _slow_to_stop(objects: list[Manifest]) -> None:
    _settings(objects)["C360_WORKER_SHUTDOWN_GRACE_S"] = "300"


def _no_drain(objects: list[Manifest]) -> None:
    _settings(objects)["C360_HTTP_DRAIN_S"] = "0"


def _wrong_page(objects: list[Manifest]) -> None:
    _worker(objects)["livenessProbe"]["httpGet"]["path"] = "/healthz"


def _wrong_probe_port(objects: list[Manifest]) -> None:
    _worker(objects, "Deployment")["readinessProbe"]["httpGet"]["port"] = "health"


def _no_probe(objects: list[Manifest]) -> None:
    del _worker(objects)["startupProbe"]


def _unknown_worker(objects: list[Manifest]) -> None:
    _worker(objects)["args"] = ["worker", "identities"]


def _unknown_option(objects: list[Manifest]) -> None:
    (job,) = (one for one in of_kind(objects, "Job") if one["metadata"]["name"] == "c360-topics")
    job["spec"]["template"]["spec"]["containers"][0]["args"] = ["topics", "apply", "--fast"]


def _wrong_script(objects: list[Manifest]) -> None:
    job = of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]["initContainers"][0]
    job["args"] = ["until c360 migrate --dry --json; do sleep 1; done"]


def _unknown_secret(objects: list[Manifest]) -> None:
    _worker(objects)["envFrom"][1]["secretRef"]["name"] = "c360-secrets"


def _no_identity(objects: list[Manifest]) -> None:
    _worker(objects)["env"] = []


def _unknown_topic(objects: list[Manifest]) -> None:
    of_kind(objects, "KafkaTopic")[0]["metadata"]["name"] = "touchpoints.shops"


def _other_partitions(objects: list[Manifest]) -> None:
    of_kind(objects, "KafkaTopic")[0]["spec"]["partitions"] += 1


def _unknown_topic_of_a_user(objects: list[Manifest]) -> None:
    acls = of_kind(objects, "KafkaUser")[0]["spec"]["authorization"]["acls"]
    acls[0]["resource"]["name"] = "c360.offer"


def _scaled_writer(objects: list[Manifest]) -> None:
    one = of_kind(objects, "ScaledObject")[0]["spec"]
    one["scaleTargetRef"]["name"] = "c360-identity"
    one["triggers"][0]["metadata"]["consumerGroup"] = "c360-identity"


def _unknown_group(objects: list[Manifest]) -> None:
    trigger = of_kind(objects, "ScaledObject")[0]["spec"]["triggers"][0]
    trigger["metadata"]["consumerGroup"] = "c360-ingests"


def _unknown_lag_topic(objects: list[Manifest]) -> None:
    for one in of_kind(objects, "ScaledObject"):
        one["spec"]["triggers"][0]["metadata"]["topic"] = "c360.offer"


def _too_many(objects: list[Manifest]) -> None:
    of_kind(objects, "ScaledObject")[0]["spec"]["maxReplicaCount"] = 13


def _unknown_page(objects: list[Manifest]) -> None:
    of_kind(objects, "PodMonitor")[0]["spec"]["podMetricsEndpoints"][0]["path"] = "/healthz"


def _unknown_metric(objects: list[Manifest]) -> None:
    rule = {"alert": "C360Lag", "expr": "sum(c360_lag_record) > 1"}
    group = {"name": "lag", "rules": [rule]}
    head = {"kind": "PrometheusRule", "metadata": {"name": "lag"}}
    objects.append({**head, "spec": {"groups": [group]}})


def _selects_nothing(objects: list[Manifest]) -> None:
    budget = of_kind(objects, "PodDisruptionBudget")[0]["spec"]["selector"]
    budget["matchLabels"] = {"app.kubernetes.io/name": "api"}


def _scales_nothing(objects: list[Manifest]) -> None:
    of_kind(objects, "HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"]["name"] = "api"


def _no_account(objects: list[Manifest]) -> None:
    of_kind(objects, "StatefulSet")[0]["spec"]["template"]["spec"]["serviceAccountName"] = "worker"


MISTAKES: list[tuple[Callable[[list[Manifest]], None], str]] = [
    (_wrong_port, "listens on 836"),
    (_unknown_setting, "C360_KAFKA_BOOTSTRAP_SERVER is not a setting"),
    (_wrong_value, "C360_KAFKA_SESSION_TIMEOUT_S"),
    (_closed_port, "NetworkPolicy to-clickhouse"),
    (_loopback, "no probe reaches it"),
    (_slow_to_stop, "may take 300 s to stop"),
    (_no_drain, "C360_HTTP_DRAIN_S"),
    (_wrong_page, "serves no /healthz"),
    (_wrong_probe_port, "no port health"),
    (_no_probe, "has no startupProbe"),
    (_unknown_worker, "c360 worker identities"),
    (_unknown_option, "--fast"),
    (_wrong_script, "--dry"),
    (_unknown_secret, "c360-secrets"),
    (_no_identity, "has no C360_WORKER_ID"),
    (_unknown_topic, "touchpoints.shops: not in the catalogue"),
    (_other_partitions, "not as the catalogue has it"),
    (_unknown_topic_of_a_user, "no topic c360.offer"),
    (_scaled_writer, "has one writer"),
    (_unknown_group, "does not read as group c360-ingests"),
    (_unknown_lag_topic, "reads no topic c360.offer"),
    (_too_many, "more replicas than partitions"),
    (_unknown_page, "serves no /healthz"),
    (_unknown_metric, "no metric c360_lag_record"),
    (_selects_nothing, "selects no pod"),
    (_scales_nothing, "no Deployment api"),
    (_no_account, "no ServiceAccount worker"),
]


@pytest.mark.parametrize(
    ("spoil", "message"), MISTAKES, ids=lambda one: getattr(one, "__name__", "")
)
def test_a_mistake_is_found(spoil: Callable[[list[Manifest]], None], message: str) -> None:
    """One wrong word in the manifests of production is found, and the message names it."""
    objects = objects_of(PRODUCTION)
    spoil(objects)
    found = differences(objects, secrets())
    assert any(message in one for one in found), found


def test_a_user_may_do_what_its_service_does_and_no_more() -> None:
    """Users write dead letters, read their one topic, and have no group but their own."""
    users = accesses()
    for party in (Party.INGEST, Party.IDENTITY, Party.CONSISTENCY):
        name = f"c360-{party.value}"
        granted = {(one.kind, one.name): one.operations for one in users[name]}
        assert "Write" in granted["topic", REJECTED_TOPIC]
        assert [one for kind, one in granted if kind == "group"] == [name]
        reads = {
            topic for (kind, topic), ops in granted.items() if kind == "topic" and "Read" in ops
        }
        assert reads == {one.name for one in CATALOGUE.topics if party in one.consumed_by}
    assert {op for one in users["c360-keda"] for op in one.operations} == {"Describe"}
    assert not any(one.kind == "group" for one in users["c360-api"])


def test_an_old_kubectl_is_refused() -> None:
    """The message says what is needed and what was found; vendors' minors with a plus are read."""
    assert fault_of({"major": "1", "minor": "21+", "gitVersion": "v1.21.0"}) is None
    fault = fault_of({"major": "1", "minor": "20", "gitVersion": "v1.20.4"})
    assert fault is not None
    assert "1.21" in fault
    assert "v1.20.4" in fault


def test_images_are_ours_and_pinned_in_production() -> None:
    """Production names one image, by digest; nothing else runs in the namespace."""
    images = {
        container["image"]
        for _, template in pods(objects_of(PRODUCTION))
        for container in containers(template)
    }
    assert len(images) == 1
    assert "@sha256:" in images.pop()


def test_all_rules_of_prometheus_are_in_production() -> None:
    """Each file of rules is one PrometheusRule, and none is of a file that is gone."""
    files = (ROOT / "deploy" / "prometheus" / "rules").glob("*.yaml")
    wanted = {f"c360-{file.stem}": yaml.safe_load(file.read_text("utf-8")) for file in files}
    found = of_kind(objects_of(PRODUCTION), "PrometheusRule")
    assert {one["metadata"]["name"]: one["spec"] for one in found} == wanted


def test_the_notifier_reaches_what_its_targets_file_names(tmp_path: Path) -> None:
    """The example is a targets file; its source is the Service of the API, and the policy opens the
    port of every target, to its namespace where it is one of the cluster."""
    objects = objects_of(PRODUCTION)
    file = tmp_path / "targets.toml"
    file.write_text(secrets()["c360-notify"][file.name], "utf-8")
    targets = read_targets(file)
    services = {one["metadata"]["name"] for one in of_kind(objects, "Service")}
    assert urlsplit(targets.source.url).hostname in services
    [policy] = [
        one for one in of_kind(objects, "NetworkPolicy") if one["metadata"]["name"] == "notify"
    ]
    everywhere, spaces = set(), set()
    for rule in policy["spec"]["egress"]:
        ports = {row["port"] for row in rule["ports"]}
        for peer in rule["to"]:
            if "ipBlock" in peer:
                everywhere |= ports
            labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
            spaces |= {(one, port) for one in labels.values() for port in ports}
    assert targets.webhook
    for hook in targets.webhook:
        assert urlsplit(hook.url).scheme == "https"
        assert everywhere == {urlsplit(hook.url).port or 443}
    [manager] = [urlsplit(one.url) for one in targets.alertmanager]
    assert (str(manager.hostname).split(".")[1], manager.port) in spaces


def test_one_notifier_keeps_its_state() -> None:
    """A single pod that is never doubled, with a volume where the state is, and the targets where
    the command looks for them."""
    [one] = [
        one
        for one in of_kind(objects_of(PRODUCTION), "StatefulSet")
        if one["metadata"]["name"] == "c360-notify"
    ]
    spec, container = one["spec"], _worker([one])
    assert spec["replicas"] == 1
    mounted = {row["mountPath"]: row["name"] for row in container["volumeMounts"]}
    _, targets, _, state = container["args"]
    [claim] = spec["volumeClaimTemplates"]
    assert mounted[str(Path(state).parent)] == claim["metadata"]["name"]
    volumes = {row["name"]: row for row in spec["template"]["spec"]["volumes"]}
    secret = volumes[mounted[str(Path(targets).parent)]]["secret"]["secretName"]
    assert Path(targets).name in secrets()[secret]


def test_rules_reach_all_that_read_them(tmp_path: Path) -> None:
    """With a ConfigMap of an overlay, worker and notifier find the file that the setting names."""
    rules = "/etc/c360/rules/shop.toml"
    (tmp_path / "shop.toml").write_text("", "utf-8")
    place = os.path.relpath(MANIFESTS, tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(
        f"""resources: [{place}/base]
components: [{place}/components/notify]
configMapGenerator:
  - name: c360-settings
    namespace: customer360
    behavior: merge
    literals: [C360_CONSISTENCY_RULES={rules}]
  - name: c360-rules
    namespace: customer360
    files: [shop.toml]
""",
        "utf-8",
    )
    objects = rendered(tmp_path)
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(objects, "ConfigMap")}
    for name in ("c360-consistency", "c360-notify"):
        [one] = [one for one in of_kind(objects, "StatefulSet") if one["metadata"]["name"] == name]
        spec, container = one["spec"]["template"]["spec"], _worker([one])
        sources = [
            row["configMapRef"] for row in container.get("envFrom", []) if "configMapRef" in row
        ]
        sources += [
            row["valueFrom"]["configMapKeyRef"]
            for row in container["env"]
            if row["name"] == "C360_CONSISTENCY_RULES"
        ]
        [source] = sources
        assert maps[source["name"]]["C360_CONSISTENCY_RULES"] == rules
        mounted = {row["mountPath"]: row["name"] for row in container["volumeMounts"]}
        volumes = {row["name"]: row for row in spec["volumes"]}
        volume = volumes[mounted[str(Path(rules).parent)]]
        assert Path(rules).name in maps[volume["configMap"]["name"]], name


@pytest.mark.parametrize("name", SETS)
def test_whoever_has_the_settings_has_the_rules_that_they_name(name: str) -> None:
    """A file of C360_TRUST_RULES or C360_PROFILE_RULES is for ingest, API and identity alike: one
    without it would judge stored events otherwise, or not start."""
    without = [
        (workload["metadata"]["name"], one["name"])
        for workload, template in pods(objects_of(name))
        for one in containers(template)
        if any("configMapRef" in source for source in one.get("envFrom", []))
        and "/etc/c360/rules" not in {row["mountPath"] for row in one.get("volumeMounts", [])}
    ]
    assert not without


def test_workers_may_do_what_an_erasure_does() -> None:
    """The tables that it merges, and what it asks the server about itself; and who may suppress
    somebody is in the table of grants."""
    path = MANIFESTS / "components/clickhouse-operator/clickhouse.yaml"
    users = yaml.safe_load(path.read_text("utf-8"))["spec"]["configuration"]["users"]
    granted = set(users["c360-worker/grants/query"])
    statements = [
        text
        for part in ("erasure", "retention")
        for file in sorted((ROOT / "services" / part).rglob("*.sql"))
        for text in [file.read_text("utf-8")]
    ]
    asked = set[str]().union(*(re.findall(r"FROM (system\.\w+)", one) for one in statements))
    asked -= {"system.columns"}  # of what one may read, anybody may
    assert asked
    code = (ROOT / "services/erasure/adapters/eraser.py").read_text("utf-8")
    merged = set(re.findall(r'_merge\("(\w+)"', code))
    assert merged
    needed = {f"GRANT SELECT ON {one}" for one in asked}
    needed |= {f"GRANT OPTIMIZE ON c360.{one}" for one in merged}
    assert needed <= granted
    page = (ROOT / "docs/clickhouse.md").read_text("utf-8")
    [workers] = [row for row in page.splitlines() if row.startswith("| workers |")]
    assert [one for one in (*asked, *merged) if f"`{one}`" not in workers] == []
    assert re.search(r"\| `c360 profile suppress`.*`INSERT` on `suppressions`", page)
