# The developer manual in ten lines: every target says what it does.
PYTHON ?= python3
BIN := .venv/bin
HOUSEHOLDS ?= 150
MUTANTS ?=
FUZZ_S ?= 1800
EXAMPLES ?= 15
SEED ?= 1
PROMETHEUS := 2.42.0
ALERTMANAGER := 0.25.0
DOWNLOADED = apt-get download -qq -o APT::Sandbox::User=
DOWNLOAD = $(DOWNLOADED) 'prometheus=$(PROMETHEUS)*'
CHROMIUM = DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends chromium > /dev/null
# The stores of tests write much and keep nothing. In memory, where there is room and programs may run, this takes a
# sixth less CPU and a third less time.
IN_MEMORY = $(shell test "$$(df --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 8000000 && ! findmnt -no OPTIONS /dev/shm | grep -q noexec && echo TMPDIR=/dev/shm)
SUITE = $(IN_MEMORY) $(BIN)/pytest --numprocesses 3 --dist loadscope --no-loadscope-reorder --durations=25 --ignore tests/chaos/test_short.py
.DEFAULT_GOAL := demo
# Processes start by the hundred in tests: each would compile our modules anew.
export PYTHONDONTWRITEBYTECODE :=

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "customer360 needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.venv-quix/installed: bench/requirements-quix.lock
	$(PYTHON) -m venv .venv-quix
	.venv-quix/bin/pip install --quiet --disable-pip-version-check --require-hashes -r bench/requirements-quix.lock
	touch $@

.venv-mutation/installed: .venv/installed
	$(PYTHON) -m venv .venv-mutation
	.venv-mutation/bin/pip install --quiet --disable-pip-version-check mutmut==3.8.1
	$(BIN)/python -c 'import site; print(site.getsitepackages()[0])' > $$(.venv-mutation/bin/python -c 'import site; print(site.getsitepackages()[0])')/product.pth
	touch $@

.venv-clients/installed: tests/clients/requirements.lock tests/clients/package-lock.json
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/clients/requirements.lock
	cp tests/clients/package.json tests/clients/package-lock.json .venv-clients/
	npm ci --prefix .venv-clients --ignore-scripts --no-audit --no-fund --silent
	touch $@

.venv-sbom/installed: deploy/locks/sbom.lock
	$(PYTHON) -m venv .venv-sbom
	.venv-sbom/bin/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/locks/sbom.lock
	touch $@

.venv-policy/installed: tests/deploy/kubernetes/policy.lock
	$(PYTHON) -m venv .venv-policy
	.venv-policy/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/deploy/kubernetes/policy.lock
	touch $@

# From the system's own package of Debian 12, unpacked here; nothing is installed system-wide.
.prometheus/installed:
	rm -rf .prometheus && mkdir .prometheus
	@cd .prometheus && { $(DOWNLOAD) || { apt-get update -q && $(DOWNLOAD); }; } || { \
		echo "Tests of the alerts need Prometheus $(PROMETHEUS), as Debian 12 packages it, and apt-get cannot download it." >&2; \
		echo "Either add a Debian 12 source to apt, or unpack prometheus and promtool into .prometheus/usr/bin/ and run: touch .prometheus/installed" >&2; exit 1; }
	dpkg-deb -x .prometheus/prometheus_*.deb .prometheus && rm .prometheus/prometheus_*.deb
	touch $@

# For tests of notifications, from the same place.
.prometheus/usr/bin/prometheus-alertmanager: .prometheus/installed
	@cd .prometheus && $(DOWNLOADED) 'prometheus-alertmanager=$(ALERTMANAGER)*' || { \
		echo "Tests of notifications need Alertmanager $(ALERTMANAGER), as Debian 12 packages it, and apt-get cannot download it." >&2; exit 1; }
	dpkg-deb -x .prometheus/prometheus-alertmanager_*.deb .prometheus && rm .prometheus/prometheus-alertmanager_*.deb
	touch $@

# Debian's own browser, with the libraries that it needs: libraries for web pages are tried in it.
/usr/bin/chromium:
	@$(CHROMIUM) || { apt-get update -q && $(CHROMIUM); } || { \
		echo "Tests of libraries for browsers need Chromium, and apt-get cannot install it (it needs root). Install the package chromium yourself." >&2; exit 1; }

.PHONY: setup demo test test-long k8s test-bench chaos fuzz fuzz-api mutants mutation lint generate dashboards pictures bench bench-api lock image-check sbom drills game-day clean
setup: .venv/installed  ## Install the pinned dependencies and this package into .venv

demo: setup  ## The whole pipeline on a sample stream: profiles and incidents
	$(BIN)/c360 demo --households $(HOUSEHOLDS)

test: setup .venv-clients/installed /usr/bin/chromium .prometheus/installed .prometheus/usr/bin/prometheus-alertmanager  ## What CI runs: all tests but those of the other targets
	$(SUITE) -m 'not long'

test-long: setup .venv-clients/installed /usr/bin/chromium .prometheus/installed .prometheus/usr/bin/prometheus-alertmanager  ## More seeds, larger volumes and second variants of these tests (half an hour)
	$(SUITE) -m long

k8s: setup .venv-policy/installed  ## The Kubernetes manifests: rendered, valid, safe, in step with the code
	$(BIN)/pytest tests/deploy/kubernetes

test-bench: setup  ## Tests of the benchmarks, on small stores (some minutes)
	$(BIN)/pytest tests/benchmarks

game-day: setup .prometheus/installed  ## Break the running service in named ways; exactly the right alerts must fire and clear
	$(BIN)/python -m tests.drills.game_day

drills: setup  ## Restore from a backup, roll every process under a steady stream, and chaos in short (some minutes)
	$(BIN)/pytest -s tests/drills tests/chaos/test_short.py

chaos: setup  ## Faults of real brokers, store and workers, for about half an hour (needs root)
	$(BIN)/python -m tests.chaos --seed $(SEED)

fuzz: setup  ## Raw bytes at every way in, for FUZZ_S seconds; a failure prints its seed
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_S)

fuzz-api: setup  ## Every operation of the API with EXAMPLES cases each and more, against a running service
	$(BIN)/python -m tests.fuzz.api --examples $(EXAMPLES) --seed $(SEED)

mutants: setup  ## Break the product on purpose, one patch at a time; a test must fail for each
	$(BIN)/python -m tests.mutants.run

mutation: .venv-mutation/installed  ## Change each line of the pure cores in turn (up to hours; MUTANTS=glob narrows it; tests/README.md)
	.venv-mutation/bin/mutmut run --max-children 2 $(MUTANTS) && .venv-mutation/bin/mutmut results | sed '/: not checked$$/d'

lint: setup  ## Style, types, and generated contracts up to date
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/python -m services.docs.generate --check

generate: setup  ## Regenerate the contracts, the Python client and the reference pages
	$(BIN)/python -m services.docs.generate

dashboards: setup  ## Write the Grafana dashboards from devtools/dashboards/
	$(BIN)/python -m devtools.dashboards

pictures: setup .prometheus/installed  ## Draw docs/pictures/ from the dashboards' answers after a live run (two minutes)
	$(BIN)/python -m tests.deploy.pictures

bench: setup .venv-quix/installed  ## Measure ingest, profile reads at 1 M nodes, the workers beside other stream processors, and the API (over an hour)
	$(BIN)/python -m bench

bench-api: setup  ## Measure the query API at 1 M profiles and 20 M facts beside live ingest (half an hour, 15 GB of disk)
	$(BIN)/python -m bench api

LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
PART = $(LOCK) --no-annotate --constraint requirements.lock
lock: setup  ## Resolve the dependencies again into the lock files (needs uv)
	$(LOCK) pyproject.toml --all-extras --group dev -o requirements.lock --upgrade
	$(PART) pyproject.toml --extra oidc --extra otel -o deploy/locks/runtime.lock
	$(PART) pyproject.toml --extra oidc --extra otel --extra embedded --extra files -o deploy/locks/embedded.lock
	echo 'hatchling>=1.27,<2' | $(PART) - -o deploy/locks/build.lock
	echo 'cyclonedx-bom>=7.5,<8' | $(LOCK) --no-annotate - -o deploy/locks/sbom.lock --upgrade
	$(LOCK) tests/deploy/kubernetes/policy.in --no-annotate -o tests/deploy/kubernetes/policy.lock --upgrade

sbom: setup .venv-sbom/installed  ## What each flavour of the image holds (CycloneDX) and under which licences, into dist/sbom (needs root)
	$(BIN)/python -m devtools.image.sbom .venv-sbom/bin/cyclonedx-py dist/sbom

image-check: setup  ## The image's steps carried out in a directory and run against brokers and a store (needs root; some minutes)
	$(BIN)/pytest -p no:cacheprovider tests/deploy/image_check.py

clean:  ## Remove the environment, caches and the demo's data
	rm -rf .venv .venv-quix .venv-clients .venv-mutation .venv-sbom dist .prometheus .venv-policy mutants demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
