#!/usr/bin/env bash
# Makes the virtual environment DIR from the hashed lock LOCK and installs this package into it.
#
#   scripts/venv.sh DIR LOCK
set -euo pipefail
cd "$(dirname "$0")/.."
directory=$1 lock=$2

# The first supported interpreter that really runs (a version manager's shim may exist without one).
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Kullback needs Python 3.11, 3.12 or 3.13, and none was found." >&2
  echo "Debian and Ubuntu: apt-get install python3 python3-venv. Elsewhere: set PYTHON=/path/to/python3.12" >&2
  return 1
}

# Debian ships Python without venv; root may simply add it.
make_environment() {
  if "$1" -c 'import ensurepip' 2>/dev/null; then
    "$1" -m venv "$directory"
  elif command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    echo "Installing python3-venv"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    "$1" -m venv "$directory"
  else
    echo "$1 has no venv module. Debian and Ubuntu: sudo apt-get install python3-venv" >&2
    return 1
  fi
}

if [ ! -x "$directory/bin/python" ]; then
  python=$(find_python)
  echo "Making $directory with $($python --version)"
  rm -rf "$directory"
  make_environment "$python"
fi
echo "Installing $lock into $directory (first time: about a minute)"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$directory/bin/python" -m pip install --quiet --require-hashes --requirement "$lock"
"$directory/bin/python" -m pip install --quiet --no-deps --editable .
