"""Writes prometheus-rule.yaml from the one file of rules: `python -m deploy.k8s.generate`."""

from __future__ import annotations

from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
RULES = FOLDER.parent / "prometheus" / "rules.yml"
PRODUCED = FOLDER / "prometheus-rule.yaml"
HEAD = "# Generated from deploy/prometheus/rules.yml by `make rules`.\n"


def prometheus_rule() -> str:
    """The PrometheusRule resource."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "kullback"},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.safe_dump(resource, sort_keys=False, width=110, allow_unicode=True)


if __name__ == "__main__":
    PRODUCED.write_text(prometheus_rule(), encoding="utf-8")
