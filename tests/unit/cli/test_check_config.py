"""What a configuration may cost is said before it is spent."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from kullback.cli import app
from kullback.detector.layout import Shape, stream_dtype
from kullback.detector.past import PAST

PLAIN = stream_dtype(Shape()).itemsize


@pytest.mark.parametrize(
    ("reference", "per_stream_bytes"), [({}, PLAIN), ({"kind": "ago", "by": "1w"}, PLAIN + PAST.itemsize)]
)
def test_the_past_that_streams_keep_is_in_the_memory_that_is_told(
    tmp_path: Path, reference: dict[str, str], per_stream_bytes: int
) -> None:
    path = tmp_path / "kullback.yml"
    path.write_bytes(orjson.dumps({"profiles": [{"match": "{}", "reference": reference}]}))
    said = CliRunner().invoke(app, ["check-config", "--config", str(path)])
    assert said.exit_code == 0, said.output
    assert f"At most {per_stream_bytes} bytes per stream" in said.stderr.replace("\n", " ")
