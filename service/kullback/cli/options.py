"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="YAML or JSON file with the settings.", envvar="KULLBACK_CONFIG"),
]
ListenOption = Annotated[str | None, typer.Option("--listen", help="Address to serve on, HOST:PORT.")]
StoragePathOption = Annotated[
    Path | None, typer.Option("--storage-path", help="Directory of log, snapshots and history.")
]
UrlOption = Annotated[str, typer.Option(help="Where Kullback listens.")]
TokenOption = Annotated[str | None, typer.Option(envvar="KULLBACK_TOKEN", help="Bearer token for Kullback.")]
TenantOption = Annotated[
    str | None, typer.Option(envvar="KULLBACK_TENANT", help="Whose the streams are (X-Scope-OrgID).")
]


def labels_of(given: list[str]) -> dict[str, str]:
    """Labels given as NAME=VALUE.

    Parameters
    ----------
    given : list of str

    Raises
    ------
    typer.BadParameter
    """
    pairs = {}
    for label in given:
        name, equals, value = label.partition("=")
        if not equals or not name:
            raise typer.BadParameter("labels have the form NAME=VALUE", param_hint="--label")
        pairs[name] = value
    return pairs


def flag_overrides(
    listen: str | None,
    storage_path: Path | None,
    enable_lifecycle: bool = False,
    log_level: str | None = None,
) -> dict[str, Any]:
    """Flags as nested settings; those not given are left to environment and file.

    Parameters
    ----------
    listen : str or None
    storage_path : Path or None
    enable_lifecycle : bool
    log_level : str or None
    """
    server: dict[str, Any] = {"listen": listen} if listen else {}
    if enable_lifecycle:
        server["enable_lifecycle"] = True
    overrides = {
        "server": server,
        "storage": {"path": storage_path} if storage_path else {},
        "logging": {"level": log_level} if log_level else {},
    }
    return {section: options for section, options in overrides.items() if options}
