import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kullback.core.batch import Batch
from kullback.core.errors import ErrorId
from kullback.core.labels import NAME, Series, sorted_labels
from kullback.core.limits import Limits, admit

NOW_MS = 1_795_328_801_679


def batch_of(series: list[Series], ages_ms: list[int]) -> Batch:
    n = len(ages_ms)
    return Batch(
        tuple(series),
        np.arange(n, dtype=np.int32) % max(len(series), 1),
        NOW_MS - np.array(ages_ms, np.int64),
        np.arange(n, dtype=np.float64),
    )


def series(**labels: str) -> Series:
    return Series(sorted_labels([(NAME, "m"), *labels.items()]))


def test_samples_within_the_limits_pass_untouched() -> None:
    batch = batch_of([series(a="1")], [0, 1000])
    admitted, refusals = admit(batch, Limits(), NOW_MS)
    assert admitted is batch
    assert refusals == ()


def test_too_old_and_future_samples_are_counted_and_the_rest_is_kept() -> None:
    batch = batch_of([series(a="1")], [0, 10_800_001, -600_001, 5])
    admitted, refusals = admit(batch, Limits(), NOW_MS)
    assert admitted.value.tolist() == [0.0, 3.0]
    assert [(refusal.error, refusal.count) for refusal in refusals] == [
        (ErrorId.SAMPLE_TOO_OLD, 1),
        (ErrorId.SAMPLE_IN_FUTURE, 1),
    ]
    assert "10800001 ms old" in refusals[0].detail


def test_backfill_may_be_of_any_age() -> None:
    admitted, refusals = admit(batch_of([series(a="1")], [10**12]), Limits(), NOW_MS, any_age=True)
    assert len(admitted) == 1
    assert refusals == ()


def test_series_over_a_label_limit_is_refused_and_its_neighbours_kept() -> None:
    limits = Limits(max_labels_per_series=2, max_label_name_bytes=10, max_label_value_bytes=4)
    rows = [series(a="1", b="2"), series(a="12345"), series(a_very_long_name="1"), series(a="1")]
    admitted, refusals = admit(batch_of(rows, [0, 0, 0, 0]), limits, NOW_MS)
    assert admitted.value.tolist() == [3.0]
    assert {refusal.error for refusal in refusals} == {
        ErrorId.TOO_MANY_LABELS,
        ErrorId.LABEL_VALUE_TOO_LONG,
        ErrorId.LABEL_NAME_TOO_LONG,
    }


@given(st.lists(st.integers(-(10**7), 10**8), max_size=50))
def test_every_sample_is_either_admitted_or_counted(ages_ms: list[int]) -> None:
    batch = batch_of([series(a="1"), series(a="2")], ages_ms)
    admitted, refusals = admit(batch, Limits(), NOW_MS)
    assert len(admitted) + sum(refusal.count for refusal in refusals) == len(batch)
