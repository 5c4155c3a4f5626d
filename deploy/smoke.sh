#!/usr/bin/env bash
# Checks on a real cluster what only a cluster can show (docs/kubernetes.md, Smoke test). It reads,
# but for two pods of its own, which it removes, and one event of a customer who does not exist.
#   deploy/smoke.sh [NAMESPACE]      CLIENT_NAMESPACE=…  a namespace that may call the API
#                                    OVERLAY=…           the overlay that was applied
# shellcheck disable=SC2317  # functions are called through check and says
set -euo pipefail

NAMESPACE=${1:-customer360}
CLIENT_NAMESPACE=${CLIENT_NAMESPACE:-}
OVERLAY=${OVERLAY:-k8s/overlays/production}
WAIT=${WAIT:-600s}
WORKERS="ingest identity consistency"
PROBE=smoke-$$
failed=0

in_cluster() { kubectl --namespace "$NAMESPACE" "$@"; }
good() { printf 'ok      %s\n' "$1"; }
bad() { printf 'FAILED  %s\n' "$1"; failed=1; }

check() { # what, command …
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then good "$what"; else bad "$what"; fi
}

image() {
  in_cluster get deployment c360-api --output 'jsonpath={.spec.template.spec.containers[0].image}'
}

# What a connection from a pod comes to: "reached" or "refused". The pod is of the image, and
# restricted as all others, or the namespace would refuse it. Arguments: namespace, host, port.
from_pod() {
  kubectl --namespace "$1" run "$PROBE" --image "$(image)" --restart Never --rm --attach --quiet \
    --labels app=smoke --override-type strategic --overrides "$RESTRICTED" \
    --command -- python3 -c "$CONNECT" "$2" "$3"
}

RESTRICTED='{"spec": {"automountServiceAccountToken": false, "securityContext": {"runAsNonRoot": true,
  "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}, "containers": [{"name": "'$PROBE'",
  "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
  "capabilities": {"drop": ["ALL"]}}}]}}'
CONNECT='
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
    print("reached")
except OSError:
    print("refused")'

# In a pod that runs already, with the settings that it has.
in_api() { in_cluster exec deployment/c360-api --container api -- "$@"; }

says() { # what, expected output, command …
  local what=$1 expected=$2 found
  shift 2
  found=$("$@" 2>&1) || true
  if [ "$found" = "$expected" ]; then good "$what"; else bad "$what: ${found:-nothing}"; fi
}

page() { # pod, container, port, path
  in_cluster exec "$1" --container "$2" -- python3 -c "
import sys, urllib.request
urllib.request.urlopen('http://127.0.0.1:$3$4', timeout=10).read()"
}

echo "== the server accepts every object, strictly"
check "kubectl apply --dry-run=server of $OVERLAY" \
  kubectl apply --dry-run=server --validate=strict --kustomize "$OVERLAY"

echo "== rollout"
for job in topics migrate; do
  check "job c360-$job is complete" \
    in_cluster wait --for condition=complete "job/c360-$job" --timeout "$WAIT"
done
for worker in $WORKERS; do
  check "c360-$worker is rolled out" in_cluster rollout status "statefulset/c360-$worker" --timeout "$WAIT"
done
check "c360-api is rolled out" in_cluster rollout status deployment/c360-api --timeout "$WAIT"

echo "== probes: every page that one asks for answers"
port=8361
for worker in $WORKERS; do
  for path in /livez /readyz /metrics; do
    check "c360-$worker-0 $path" page "pod/c360-$worker-0" worker "$port" "$path"
  done
  port=$((port + 1))
done
for path in /livez /readyz /metrics; do
  check "c360-api $path" page deployment/c360-api api 8360 "$path"
done

echo "== pods are locked down"
LOCKED='
import errno, os
try:
    open("/opt/c360/written", "w")
except OSError as error:
    print(errno.errorcode[error.errno], os.getuid(), os.path.exists("/var/run/secrets/kubernetes.io"))'
says "the image is read-only, the user is 10001, no token is mounted" "EROFS 10001 False" \
  in_api python3 -c "$LOCKED"
# The API server judges it; nothing is made.
refusal=$(in_cluster run "$PROBE" --image "$(image)" --privileged --dry-run=server 2>&1) || true
case $refusal in
  *PodSecurity*restricted*) good "a privileged pod is refused" ;;
  *) bad "a privileged pod is refused: $refusal" ;;
esac

echo "== default deny"
says "a pod without our labels does not reach the API" refused \
  from_pod "$NAMESPACE" "c360-api.$NAMESPACE.svc" 80
says "the API does not reach the Kubernetes API" refused \
  in_api python3 -c "$CONNECT" kubernetes.default.svc 443
if [ -n "$CLIENT_NAMESPACE" ]; then
  says "a pod in $CLIENT_NAMESPACE reaches the API" reached \
    from_pod "$CLIENT_NAMESPACE" "c360-api.$NAMESPACE.svc" 80
fi

echo "== disruption budgets"
for one in $WORKERS api; do
  check "c360-$one can lose one pod, and no more than one at a time" sh -c "
    [ \"\$(kubectl --namespace '$NAMESPACE' get pdb c360-$one --output 'jsonpath={.spec.maxUnavailable}')\" = 1 ] &&
    [ \"\$(kubectl --namespace '$NAMESPACE' get pdb c360-$one --output 'jsonpath={.status.disruptionsAllowed}')\" = 1 ]"
done

echo "== one event from end to end"
# With the first key of C360_API_KEYS. A page view marked synthetic: no measure counts it.
event="
import datetime, json, os, time, urllib.request, uuid
from services.runtime.settings import load_settings
key = load_settings().api_keys[0].get_secret_value()
name = f'smoke-{uuid.uuid4()}'
now = datetime.datetime.now(datetime.UTC).isoformat()
event = {'event_id': name, 'type': 'page.viewed', 'channel': 'shop', 'occurred_at': now,
    'source': {'system': 'smoke', 'synthetic': True}, 'identifiers': [{'type': 'cookie', 'value': name}],
    'body': {'url': 'https://smoke.invalid/'}}
request = urllib.request.Request('http://127.0.0.1:8360/v1/touchpoints', json.dumps({'batch': [event]}).encode(),
    {'Authorization': f'Bearer {key}', 'Content-Type': 'application/json'})
result = json.load(urllib.request.urlopen(request, timeout=30))['results'][0]
assert result['status'] == 'accepted', result
print(name)"
if name=$(in_api python3 -c "$event"); then
  good "the event is in Kafka"
  found=no
  for _ in $(seq 60); do
    if in_api c360 profile search "$name" --json | grep -q "$name"; then found=yes && break; fi
    sleep 2
  done
  if [ "$found" = yes ]; then good "its profile can be read"; else bad "its profile can be read"; fi
else
  bad "the event is in Kafka"
fi

if [ "$failed" -ne 0 ]; then
  echo "something failed: docs/kubernetes.md, Smoke test, says where to look" >&2
fi
exit "$failed"
