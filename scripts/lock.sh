#!/usr/bin/env bash
# Pins every dependency with its hashes: requirements.lock (the service) and requirements-dev.lock
# (the service, its tests, checks and documentation; same versions). Valid for every supported
# Python and platform; no index address is written, so each machine uses its own.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.cache/lock
[ -x "$tools/bin/uv" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet uv; }

compile() {
  "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --all-extras "${LOCK_OPTIONS:---upgrade}" --output-file requirements-dev.lock
compile pyproject.toml --constraint requirements-dev.lock --output-file requirements.lock
