"""`kullback serve`: run the service."""

from __future__ import annotations

from typing import Annotated

import typer

from kullback.cli.options import ConfigOption, ListenOption, StoragePathOption, flag_overrides


def serve(
    config: ConfigOption = None,
    listen: ListenOption = None,
    storage_path: StoragePathOption = None,
    enable_lifecycle: Annotated[
        bool, typer.Option("--web.enable-lifecycle", help="Allow POST /-/reload (SIGHUP always reloads).")
    ] = False,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Run the service.

    Every option of the file is also an environment variable: `limits.max_streams` is
    KULLBACK_LIMITS__MAX_STREAMS. Flags win over the environment, the environment over the file.
    `kullback check-config` shows what is in force.
    """
    from kullback.app import run  # noqa: PLC0415 - importing it compiles; --help should not wait

    run(config, flag_overrides(listen, storage_path, enable_lifecycle, log_level))
