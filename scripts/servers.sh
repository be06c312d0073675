#!/usr/bin/env bash
# Installs the real servers and agents that the contract and browser tests talk to.
#
# Only missing packages are installed, none of their services is started, and those that this
# script brought do not start at the next boot either: the tests start what they need themselves.
set -euo pipefail

# package:program it brings ("-" for a library)
wanted=(
  prometheus:prometheus
  prometheus-alertmanager:prometheus-alertmanager
  prometheus-node-exporter:prometheus-node-exporter
  victoria-metrics:vmagent
  collectd-core:collectd
  libyajl2:-
  netdata-core:netdata
  chromium:chromium
)

is_installed() {
  local package=${1%%:*} program=${1##*:}
  if [ "$program" != - ] && PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null; then return 0; fi
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ]
}

missing=()
for entry in "${wanted[@]}"; do
  is_installed "$entry" || missing+=("${entry%%:*}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  cat >&2 <<MESSAGE
Not installed: ${missing[*]}
These are Debian packages of the real servers that some tests talk to. They are installed
automatically only by root on Debian or Ubuntu:
    sudo make servers
Without them those tests are skipped; with CI=true they fail.
MESSAGE
  [ "${CI:-}" = true ] && exit 1
  exit 0
fi

echo "Installing ${missing[*]}"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

if [ -d /run/systemd/system ]; then
  for package in "${missing[@]}"; do
    dpkg-query -L "$package" | sed -n 's|.*/systemd/system/\([^/@]*\.\(service\|timer\)\)$|\1|p' |
      xargs -r systemctl disable --now --quiet || true
  done
fi
echo "Installed; none of their services was started."
