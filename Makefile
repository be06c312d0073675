# Everything a user or contributor runs. `make` alone explains the targets.
# Variables: PYTHON (interpreter for .venv), ARGS (passed on), workers (test processes), CI=true (a missing real server is a failure).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

venv ?= .venv
bin := $(venv)/bin
workers ?= $(shell nproc)
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba

.PHONY: help run test check lint types layers rules dashboards manifests containers docs \
        bench bench-detection fuzz soak crash reference openapi pictures lock audit sbom servers clean

help: ## Show this text
	@printf 'Kullback: streaming anomaly detection with an alarm budget that is kept.\n\n'
	@printf 'New here?  \033[1mmake run\033[0m, then open http://127.0.0.1:9797\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nPass options on with ARGS, e.g.  make test ARGS="-k alert -x"\n'

# ---- using it

run: $(venv)/.run ## Start the service on ./var with a live demo stream that goes bad after a minute
	$(bin)/kullback demo --serve --storage-path var $(ARGS)

$(venv)/.run: requirements.lock pyproject.toml scripts/venv.sh
	scripts/venv.sh $(venv) requirements.lock
	@touch $@

$(venv)/.dev: requirements-dev.lock pyproject.toml scripts/venv.sh
	scripts/venv.sh $(venv) requirements-dev.lock
	@touch $@ $(venv)/.run

# ---- proving it

test: $(venv)/.dev servers ## Install everything, real servers included, and run all tests
	$(bin)/kullback warmup
	$(bin)/python -m pytest -n $(workers) --dist loadfile $(ARGS)

check: lint types layers rules manifests containers docs ## Style, types, layers, rules, manifests, container files and documentation

lint: $(venv)/.dev
	$(bin)/ruff check .
	$(bin)/ruff format --check .

types: $(venv)/.dev
	$(bin)/mypy

layers: $(venv)/.dev
	$(bin)/lint-imports

rules: $(venv)/.dev servers ## Check and test the Prometheus rules and the Alertmanager configuration
	promtool check config --syntax-only deploy/prometheus/prometheus.yml
	promtool check rules --lint=all --lint-fatal deploy/prometheus/rules.yml
	promtool test rules deploy/prometheus/rules_test.yml
	amtool check-config deploy/alertmanager/alertmanager.yml
	$(bin)/python -m deploy.k8s.generate

manifests: $(venv)/.dev
	$(bin)/python -m pytest -q tests/unit/deploy

containers: $(venv)/.dev
	$(bin)/hadolint Dockerfile

docs: $(venv)/.dev ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --strict

# ---- measuring it

bench: $(venv)/.dev ## Throughput, memory and decoders, beside their alternatives
	$(bin)/python -m benchmarks.engine_speed
	$(bin)/python -m benchmarks.decoders
	$(bin)/python -m benchmarks.end_to_end
	$(bin)/python -m benchmarks.page
	$(bin)/python -m benchmarks.start_up
	$(bin)/python -m benchmarks.pauses

bench-detection: $(venv)/.dev ## False alarms, delays and incidents, beside other detectors
	$(bin)/python -m benchmarks.detection $(ARGS)
	$(bin)/python -m benchmarks.detection.following --out docs/benchmarks/following.json

fuzz: $(venv)/.dev ## A million damaged bodies over HTTP, another into the decoders alone: no 5xx (half an hour)
	$(bin)/python -m tests.fuzz $(ARGS)

soak: $(venv)/.dev ## Half an hour of steady load; memory must stay flat
	$(bin)/python -m tests.e2e.soak $(ARGS)

crash: $(venv)/.dev ## Kill the service 500 times under load; nothing acknowledged may be lost
	$(bin)/python -m tests.e2e.crash $(ARGS)

# ---- making what is generated

dashboards: $(venv)/.dev ## Generate the Grafana dashboards
	$(bin)/python -m deploy.grafana.generate

pictures: $(venv)/.dev ## Make the pictures of README and documentation (needs Chromium)
	$(bin)/python scripts/pictures.py

reference: $(venv)/.dev ## Generate docs/errors.md and docs/options.md from the code
	$(bin)/python scripts/reference_pages.py docs

openapi: $(venv)/.dev ## Generate docs/openapi.json from the code
	$(bin)/python scripts/openapi.py

lock: ## Pin all dependencies anew, with hashes
	scripts/lock.sh

audit: ## Look the pinned dependencies up among known vulnerabilities (needs the internet)
	scripts/audit.sh $(ARGS)

sbom: $(venv)/.dev ## Write the bill of materials of what is shipped to dist/sbom.json (CycloneDX)
	@mkdir -p dist
	$(bin)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.json

servers: ## Install the real servers and agents that tests talk to (root on Debian)
	scripts/servers.sh

clean: ## Remove everything that was made, but not ./var
	rm -rf $(venv) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache site
