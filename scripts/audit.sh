#!/usr/bin/env bash
# Looks the pinned dependencies up among the known vulnerabilities. Without a source of advisories it says so
# and fails: nothing was checked then.
#
#   scripts/audit.sh [OPTION OF PIP-AUDIT …]
set -euo pipefail
cd "$(dirname "$0")/.."

tools=.cache/audit
[ -x "$tools/bin/pip-audit" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet pip-audit; }

for lock in requirements.lock requirements-dev.lock; do
  echo "Auditing $lock"
  # Strict: a package of which the source knows nothing was not checked.
  if ! "$tools/bin/pip-audit" --strict --requirement "$lock" --require-hashes --disable-pip \
    --progress-spinner off "$@"; then
    echo "$lock has known vulnerabilities, or no source of advisories could be reached (see above)." >&2
    echo "Another source: make audit ARGS='--vulnerability-service osv', or pypi." >&2
    exit 1
  fi
done
