"""Where manifests and code differ: commands, settings, ports, pages, topics, groups, metrics.

Pure but for what `code` asks of the code. A finding is one sentence that names the object; an empty
list means that what the manifests say exists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from schemas.topics import CATALOGUE
from services.cli.worker import OFFSETS
from services.intake.server import STOP_S
from services.runtime.errors import ConfigurationError
from services.runtime.settings import Settings
from services.stream.topics import expected_config
from tests.deploy.kubernetes import code
from tests.deploy.kubernetes.rendering import Manifest, containers, named, of_kind, pods

IN_SCRIPT = re.compile(r"\bc360((?: +[a-z-][a-z-]*)+)")
"""A command within a shell script."""
SERIES = re.compile(r"\b(c360_[a-z0-9_]+|http_[a-z0-9_]+)\b")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
READS = {"ingest": None, "identity": "c360.edges", "consistency": "c360.offers"}
"""The one topic of a group; None for all touchpoints."""
ONE_WRITER = ("c360-identity",)
"""Never scaled on lag: one writer per realm, others stand by."""
ALWAYS_SET = ("C360_KAFKA_BOOTSTRAP_SERVERS", "C360_CLICKHOUSE_URL")
POD_NAME = "{pod}-0"
STOP_MARGIN_S = 5
PARTITIONS = {None: max(one.partitions for one in CATALOGUE.touchpoints)} | {
    one.name: one.partitions for one in CATALOGUE.topics
}


def differences(objects: Sequence[Manifest], secrets: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Everything in the manifests that the code does not have."""
    found: list[str] = []
    for workload, template in pods(objects):
        for container in containers(template):
            where = f"{named(workload)}, container {container['name']}"
            faults = _container(workload, template, container, objects, secrets)
            found += [f"{where}: {fault}" for fault in faults]
        found += [f"{named(workload)}: {fault}" for fault in _pod(template, objects)]
    for one in _references(objects), _scaling(objects), _kafka(objects), _monitoring(objects):
        found += one
    return found


def _container(
    workload: Manifest,
    template: Manifest,
    container: Manifest,
    objects: Sequence[Manifest],
    secrets: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    script = " ".join(container.get("command", []))
    arguments = container.get("args", [])
    commands = [arguments] if not script else [m.split() for m in IN_SCRIPT.findall(arguments[0])]
    if not commands:
        yield "runs no command of ours"
    for one in commands:
        if fault := code.wrong_command(tuple(one)):
            yield fault
    try:
        settings = code.settings_of(_variables(workload, container, objects, secrets))
    except (ConfigurationError, KeyError) as error:
        yield f"settings: {error}"
        return
    service = None if script else code.service_of(arguments)
    if service is not None:
        yield from _served(service, settings, template, container)


def _variables(
    workload: Manifest,
    container: Manifest,
    objects: Sequence[Manifest],
    secrets: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """The environment of a container, of the example's secrets. Raises KeyError for a source that
    nobody makes."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(objects, "ConfigMap")}
    variables: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            variables |= maps[source["configMapRef"]["name"]]
        else:
            variables |= secrets[source["secretRef"]["name"]]
    for one in container.get("env", []):
        source = one.get("valueFrom", {})
        if "configMapKeyRef" in source:
            row = source["configMapKeyRef"]
            if row["key"] in maps[row["name"]] or not row.get("optional"):
                variables[one["name"]] = maps[row["name"]][row["key"]]
            continue
        is_pod = source.get("fieldRef", {}).get("fieldPath") == "metadata.name"
        name = POD_NAME.format(pod=workload["metadata"]["name"])
        variables[one["name"]] = name if is_pod else one["value"]
    return variables


def _served(
    service: str, settings: Settings, template: Manifest, container: Manifest
) -> Iterator[str]:
    """Ports, pages and the time to stop of a process that runs on."""
    ports = {one["name"]: one["containerPort"] for one in container.get("ports", [])}
    port = code.port_of(service, settings)
    if ports.get("http") != port:
        yield f"port http is {ports.get('http')}, {service} listens on {port}"
    if code.host_of(service, settings) != "0.0.0.0":
        yield f"{service} listens on {code.host_of(service, settings)}: no probe reaches it"
    for name in PROBES:
        probe = container.get(name, {}).get("httpGet")
        if probe is None:
            yield f"has no {name}"
        elif probe["path"] not in code.pages_of(service):
            yield f"{name}: {service} serves no {probe['path']}"
        elif probe["port"] not in ports:
            yield f"{name}: no port {probe['port']}"
    is_api, is_worker = service == code.API, service in OFFSETS
    own = STOP_S + settings.http_drain_s if is_api else 0.0
    own = settings.worker_shutdown_grace_s if is_worker else own
    grace = template["spec"].get("terminationGracePeriodSeconds", 30)
    if grace < own + STOP_MARGIN_S:
        yield f"is killed after {grace} s, and may take {own:g} s to stop"
    if is_api and settings.http_drain_s == 0:
        yield "closes at once: C360_HTTP_DRAIN_S is 0, and requests on their way would fail"
    if is_worker and settings.worker_id == "":
        yield "has no C360_WORKER_ID: each restart would reassign partitions"


def _pod(template: Manifest, objects: Sequence[Manifest]) -> Iterator[str]:
    accounts = {one["metadata"]["name"] for one in of_kind(objects, "ServiceAccount")}
    if template["spec"].get("serviceAccountName") not in accounts:
        yield f"no ServiceAccount {template['spec'].get('serviceAccountName')}"
    labels = template["metadata"]["labels"]
    for one in of_kind(objects, "NetworkPolicy"):
        if one["metadata"]["name"] == "to-dns" and not _selects(one["spec"]["podSelector"], labels):
            yield "may not ask the DNS"


def _selects(selector: Manifest, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (equality, In) takes these labels."""
    wanted = selector.get("matchLabels", {})
    rows = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        row["operator"] == "In" and labels.get(row["key"]) in row["values"] for row in rows
    )


def _references(objects: Sequence[Manifest]) -> list[str]:
    """Services, budgets, policies and scalers lead to something."""
    found: list[str] = []
    templates = [template for _, template in pods(objects)]
    labels = [one["metadata"]["labels"] for one in templates]
    workloads = {named(workload) for workload, _ in pods(objects)}
    for one in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"):
        spec = one["spec"]
        selector = spec.get("podSelector", spec.get("selector", {}))
        if one["kind"] == "Service":
            selector = {"matchLabels": selector}
        taken = [row for row, own in zip(templates, labels, strict=True) if _selects(selector, own)]
        if not taken:
            found.append(f"{named(one)}: selects no pod")
        ports = {p["name"] for row in taken for c in containers(row) for p in c.get("ports", [])}
        wanted = [row["targetPort"] for row in spec.get("ports", [])]
        wanted += [row["port"] for row in spec.get("podMetricsEndpoints", [])]
        wanted += [p["port"] for row in spec.get("ingress", []) for p in row.get("ports", [])]
        found += [f"{named(one)}: no port {port}" for port in wanted if port not in ports]
    for one in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        target = one["spec"]["scaleTargetRef"]
        if f"{target['kind']} {target['name']}" not in workloads:
            found.append(f"{named(one)}: no {target['kind']} {target['name']}")
    return found + _reached(objects)


def _reached(objects: Sequence[Manifest]) -> list[str]:
    """The policies let workloads reach what the settings name."""
    maps = [one["data"] for one in of_kind(objects, "ConfigMap")]
    found: list[str] = []
    for policy, variable in (
        ("to-kafka", "C360_KAFKA_BOOTSTRAP_SERVERS"),
        ("to-clickhouse", "C360_CLICKHOUSE_URL"),
        ("to-collector", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ):
        named = [data for data in maps if variable in data or variable in ALWAYS_SET]
        addresses = [one for data in named for one in data[variable].split(",")]
        rows = [
            row["spec"]["egress"]
            for row in of_kind(objects, "NetworkPolicy")
            if row["metadata"]["name"] == policy
        ]
        ports = {p["port"] for rules in rows for rule in rules for p in rule["ports"]}
        for address in addresses:
            url = urlsplit(address if "//" in address else f"//{address}")
            if url.port not in ports:
                found.append(f"NetworkPolicy {policy}: {variable} is {address}, open are {ports}")
    return found


def _scaling(objects: Sequence[Manifest]) -> list[str]:
    """Scalers know the groups and topics, and ask for no more workers than there are partitions."""
    groups = {f"c360-{service}": READS[service] for service in OFFSETS}
    found: list[str] = []
    for one in of_kind(objects, "ScaledObject"):
        spec, name = one["spec"], named(one)
        target = spec["scaleTargetRef"]["name"]
        if target in ONE_WRITER:
            found.append(f"{name}: {target} has one writer, and is not scaled on lag")
        for row in spec["triggers"]:
            topic, group = row["metadata"].get("topic"), row["metadata"]["consumerGroup"]
            if group not in groups or group != target:
                found.append(f"{name}: {target} does not read as group {group}")
            elif topic != groups[group]:
                found.append(f"{name}: group {group} reads no topic {topic}")
            if spec["maxReplicaCount"] > PARTITIONS.get(topic, 0):
                found.append(f"{name}: more replicas than partitions")
    return found


def _kafka(objects: Sequence[Manifest]) -> list[str]:
    """Strimzi's topics are the catalogue's, and permissions are for topics and groups of ours."""
    found: list[str] = []
    topics = {one["metadata"]["name"]: one["spec"] for one in of_kind(objects, "KafkaTopic")}
    for name, spec in topics.items():
        topic = CATALOGUE.by_name.get(name)
        if topic is None:
            found.append(f"KafkaTopic {name}: not in the catalogue")
        elif (spec["partitions"], spec["config"]) != (
            topic.partitions,
            expected_config(topic, spec["replicas"]),
        ):
            found.append(f"KafkaTopic {name}: not as the catalogue has it")
    if topics:
        found += [f"KafkaTopic {name}: missing" for name in CATALOGUE.by_name.keys() - topics]
    known = {"topic": CATALOGUE.by_name.keys(), "group": {f"c360-{one}" for one in OFFSETS}}
    for one in of_kind(objects, "KafkaUser"):
        for acl in one["spec"]["authorization"]["acls"]:
            resource = acl["resource"]
            if resource["name"] not in known[resource["type"]]:
                found.append(f"{named(one)}: no {resource['type']} {resource['name']}")
    return found


def _monitoring(objects: Sequence[Manifest]) -> list[str]:
    """Pages that are scraped, and series that rules ask for, exist."""
    found: list[str] = []
    for one in of_kind(objects, "PodMonitor"):
        for row in one["spec"]["podMetricsEndpoints"]:
            lacking = [
                who for who in (*code.OF_WORKERS, code.API) if row["path"] not in code.pages_of(who)
            ]
            found += [f"{named(one)}: {who} serves no {row['path']}" for who in lacking]
    for one in of_kind(objects, "PrometheusRule"):
        rows = [rule for group in one["spec"]["groups"] for rule in group["rules"]]
        for rule in rows:
            unknown = set(SERIES.findall(str(rule["expr"]))) - code.series()
            found += [f"{named(one)}: no metric {name}" for name in sorted(unknown)]
    return found
