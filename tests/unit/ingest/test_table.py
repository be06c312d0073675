"""Series from CSV and Parquet files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from kullback.core.errors import ErrorId, RequestError
from kullback.ingest.table import Table, read_table

FIRST_MS = 1_795_328_801_679
MOMENTS = [datetime.fromtimestamp(FIRST_MS / 1000, UTC) + timedelta(seconds=15 * n) for n in range(3)]
TIMES_MS = [FIRST_MS + 15_000 * n for n in range(3)]
VALUES = [0.25, None, 1.5]


def written(folder: Path, columns: dict[str, Any], name: str = "latency.parquet") -> Path:
    parquet.write_table(pyarrow.table(columns), folder / name)
    return folder / name


def assert_is(table: Table, times_ms: list[int]) -> None:
    assert table.timestamp_ms.tolist() == times_ms
    np.testing.assert_array_equal(table.value, [0.25, np.nan, 1.5])


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("timestamp_ms", TIMES_MS),
        ("time", MOMENTS),
        ("time", [moment.replace(tzinfo=None) for moment in MOMENTS]),
        ("ds", [moment.isoformat() for moment in MOMENTS]),
        ("timestamp", pyarrow.array(MOMENTS, pyarrow.timestamp("us", "Europe/Berlin"))),
    ],
    ids=["milliseconds", "moments", "moments without zone", "text", "moments of a zone"],
)
def test_parquet_holds_times_in_any_form(tmp_path: Path, name: str, times: Any) -> None:
    assert_is(read_table(written(tmp_path, {name: times, "value": VALUES})), TIMES_MS)


def test_times_in_seconds_are_told_from_milliseconds(tmp_path: Path) -> None:
    path = written(tmp_path, {"time": [1_795_328_801, 1_795_328_816, 1_795_328_831.5], "value": VALUES})
    assert_is(read_table(path), [1_795_328_801_000, 1_795_328_816_000, 1_795_328_831_500])


def test_columns_are_chosen_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, {"seen": TIMES_MS, "value": [9, 9, 9], "p99": VALUES}, "wide.pq")
    assert_is(read_table(path, "seen", "p99"), TIMES_MS)


def test_the_only_other_column_holds_the_values(tmp_path: Path) -> None:
    assert_is(read_table(written(tmp_path, {"time": TIMES_MS, "whatever": VALUES})), TIMES_MS)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"when": TIMES_MS, "value": VALUES}, "it has no column"),
        ({"time": TIMES_MS, "one": VALUES, "two": VALUES}, "only time, one, two"),
        ({"time": ["now", "then", "never"], "value": VALUES}, "line 2: 'now' is no time"),
        ({"time": TIMES_MS, "value": ["1", "two", "3"]}, "line 3: 'two' is no number"),
        ({"time": TIMES_MS, "value": [[1.0], [2.0], [3.0]]}, "line 2: [1.0] is no number"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, columns: dict[str, Any], told: str
) -> None:
    with pytest.raises(RequestError) as refused:
        read_table(written(tmp_path, columns))
    assert refused.value.error is ErrorId.BAD_REQUEST
    assert told in str(refused.value)
    assert "latency.parquet" in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"PAR1", b"time,value\n1,2\n" * 10, b"PAR1" + bytes(64) + b"PAR1"])
def test_a_file_that_is_no_parquet_is_told_in_a_sentence(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(body)
    with pytest.raises(RequestError, match=r"Cannot read .*broken\.parquet"):
        read_table(path)


def test_csv_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "latency.csv"
    rows = (
        f"{moment.isoformat()},{'' if value is None else value}"
        for moment, value in zip(MOMENTS, VALUES, strict=True)
    )
    path.write_text("\n".join(["time,value", *rows]))
    assert_is(read_table(path), TIMES_MS)
