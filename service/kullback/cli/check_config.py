"""`kullback check-config`: is the configuration valid, and what does it mean?"""

from __future__ import annotations

import orjson
import typer
from rich.console import Console

from kullback.cli.options import ConfigOption
from kullback.settings import load_settings

GIB_BYTES = 2**30


def check_config(config: ConfigOption = None) -> None:
    """Check a configuration and print what is in force, with the memory it may use."""
    from kullback.app import bytes_per_stream  # noqa: PLC0415 - importing it compiles; --help should not wait

    settings = load_settings(config)
    per_stream_bytes = bytes_per_stream(settings)
    in_force = settings.model_dump(mode="json")
    typer.echo(orjson.dumps(in_force, option=orjson.OPT_INDENT_2, default=str).decode())
    total_bytes = per_stream_bytes * settings.limits.max_streams
    Console(stderr=True).print(
        f"OK. At most {per_stream_bytes} bytes per stream; at limits.max_streams = "
        f"{settings.limits.max_streams} the streams take {total_bytes / GIB_BYTES:.2f} GiB.",
        style="green",
        highlight=False,
    )
