"""The text of /metrics is what Prometheus' own parsers read."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_plain

from kullback.core.errors import ErrorId, Refusal
from kullback.core.labels import NAME, Labels, Series, sorted_labels
from kullback.core.selector import parse_selector
from kullback.outputs.exposition import OPENMETRICS, TEXT, Standing, render
from kullback.outputs.exposure import Exposure, StreamColumns, choose
from kullback.outputs.label_texts import LabelTexts
from kullback.outputs.meters import Meters

STANDING = Standing(
    gauges={("kullback_ingest_queue_samples", "Samples that wait."): 12},
    counters={("kullback_replay_samples", "Samples replayed."): 3},
    streams={"ok": 2, "firing": 1},
    notifications={("http://am:9093", "sent"): 4},
)


def columns_of(*label_sets: Labels, score: list[float] | None = None) -> StreamColumns:
    n = len(label_sets)
    return StreamColumns(
        series=[Series(labels) for labels in label_sets],
        score=np.array(score if score is not None else np.linspace(0, 1, n)),
        divergence_nats=np.arange(2.0 * n, dtype=np.float32).reshape(n, 2),
        windows=["16", "64"],
        alert_state=np.zeros(n, np.uint8),
        ready=np.ones(n, bool),
        budget_per_day=np.full(n, 1 / 30),
        realised_per_day=np.zeros(n),
        anomalies=np.arange(n),
    )


def labels_of(name: str, **labels: str) -> Labels:
    return sorted_labels([(NAME, name), *labels.items()])


def plain_samples(columns: StreamColumns, exposure: Exposure = Exposure()) -> dict[tuple[str, str], float]:  # noqa: B008
    body, kind = render(Meters().registry, STANDING, columns, exposure, LabelTexts())
    assert kind == TEXT
    return {
        (sample.name, sample.labels.get("metric", "") + sample.labels.get("window", "")): sample.value
        for family in read_plain(body.decode())
        for sample in family.samples
    }


def test_each_stream_family_of_the_contract_is_there() -> None:
    samples = plain_samples(columns_of(labels_of("up", job="node"), labels_of("load1")))
    assert samples["kullback_score", "up"] == 0
    assert samples["kullback_score", "load1"] == 1
    assert samples["kullback_divergence_nats", "load164"] == 3
    for name in (
        "kullback_alert_state",
        "kullback_stream_ready",
        "kullback_alarm_budget_per_day",
        "kullback_realised_alarms_per_day",
        "kullback_anomalies_total",
    ):
        assert (name, "load1") in samples


def test_standing_and_meters_are_told() -> None:
    samples = plain_samples(columns_of(labels_of("up")))
    assert samples["kullback_ingest_queue_samples", ""] == 12
    assert samples["kullback_replay_samples_total", ""] == 3
    assert samples["kullback_notifications_total", ""] == 4
    assert samples["kullback_build_info", ""] == 1
    body, _ = render(Meters().registry, STANDING, columns_of(), Exposure(), LabelTexts())
    assert b'kullback_streams{state="firing"} 1.0' in body


def test_openmetrics_is_valid_and_ends_with_eof() -> None:
    columns = columns_of(labels_of("up", job="node"), score=[0.25])
    meters = Meters()
    meters.took("json", 3, [Refusal(ErrorId.SAMPLE_TOO_OLD, 2)])
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    body, kind = render(meters.registry, STANDING, columns, Exposure(), LabelTexts(), accept)
    assert kind == OPENMETRICS
    families = {family.name: family for family in read_openmetrics(body.decode())}
    assert families["kullback_anomalies"].type == "counter"
    assert families["kullback_score"].samples[0].value == 0.25
    rejected = families["kullback_samples_rejected"].samples[0]
    assert (rejected.labels, rejected.value) == ({"protocol": "json", "reason": "too_old"}, 2)


def test_values_that_are_not_known_are_left_out() -> None:
    samples = plain_samples(columns_of(labels_of("a"), labels_of("b"), score=[np.nan, np.inf]))
    assert ("kullback_score", "a") not in samples
    assert samples["kullback_score", "b"] == np.inf
    assert ("kullback_alert_state", "a") in samples


@pytest.mark.parametrize(
    ("exposure", "chosen"),
    [
        (Exposure(), [0, 1, 2, 3]),
        (Exposure("selector", parse_selector('{job="x"}')), [1]),
        (Exposure("score_above", score_above=0.5), [1, 3]),
        (Exposure("top", top=2), [1, 3]),
        (Exposure(max_exposed_streams=1), [1]),
        (Exposure(max_exposed_streams=0), []),
    ],
)
def test_exposure_chooses_streams(exposure: Exposure, chosen: list[int]) -> None:
    columns = columns_of(
        labels_of("a"), labels_of("b", job="x"), labels_of("c"), labels_of("d"), score=[0.1, 2, np.nan, 0.9]
    )
    assert choose(columns, exposure).tolist() == chosen


def test_what_the_limit_leaves_out_is_counted() -> None:
    columns = columns_of(*(labels_of(f"m{i}") for i in range(5)))
    body, _ = render(Meters().registry, STANDING, columns, Exposure(max_exposed_streams=2), LabelTexts())
    assert b'kullback_exposition_streams{outcome="exposed"} 2.0' in body
    assert b'kullback_exposition_streams{outcome="left_out"} 3.0' in body


def test_meters_count_by_protocol_and_reason() -> None:
    meters = Meters()
    meters.took("json", 5, [])
    meters.unscored("json", 1, 2, 0)
    meters.refused_request("json", ErrorId.BAD_JSON)
    read = meters.registry.get_sample_value
    assert read("kullback_samples_ingested_total", {"protocol": "json"}) == 5
    assert read("kullback_samples_unscored_total", {"protocol": "json", "kind": "not_a_number"}) == 2
    assert read("kullback_samples_unscored_total", {"protocol": "json", "kind": "stale"}) is None
    assert read("kullback_samples_rejected_total", {"protocol": "json", "reason": "bad_json"}) == 1


def test_a_failed_reload_keeps_the_time_of_the_last_success() -> None:
    meters = Meters()
    meters.reloaded(True, 5_000)
    meters.reloaded(False, 9_000)
    read = meters.registry.get_sample_value
    assert read("kullback_config_last_reload_successful") == 0
    assert read("kullback_config_last_reload_success_timestamp_seconds") == 5
