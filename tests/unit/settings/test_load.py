from pathlib import Path

import pytest

from kullback.core.budget import Budget
from kullback.core.errors import RequestError
from kullback.core.profile import Direction, FixedThreshold, Reference, Season
from kullback.settings import load_settings, read_profile

FULL = """
server: {listen: "0.0.0.0:9797"}
storage: {path: /var/lib/kullback, retention: 30d}
limits: {max_streams: 5000}
alerting: {alertmanagers: ["http://alertmanager:9093/"], for: 30s, keep_firing_for: 10m}
profiles:
  - match: '{__name__=~".*_seconds", env="prod"}'
    current: [16, 64, 5m]
    reference: {size: 4096, gap: 512}
    alarm_budget: {alarms: 5, per: 1d, scope: fleet}
    direction: above
    minimum_effect: {absolute: 0.01, relative: 0.1}
    on_level_shift: {rebaseline_after: never}
    season: {period: 1d, timezone: Europe/Berlin}
    for: 0s
  - match: 'build_total'
    threshold: {kind: divergence_nats, window: 64, value: 0.5}
    season: none
"""


@pytest.fixture
def full(tmp_path: Path) -> Path:
    path = tmp_path / "kullback.yml"
    path.write_text(FULL)
    return path


def test_file_is_read_into_frozen_profiles(full: Path) -> None:
    settings = load_settings(full)
    first, second, last = settings.build_profiles()
    assert (first.current_samples, first.current_ms) == ((16, 64), (300_000,))
    assert first.budget == Budget(5, 86_400_000, fleet=True)
    assert first.direction is Direction.ABOVE
    assert first.season == Season(86_400_000, "Europe/Berlin")
    assert (first.for_ms, first.keep_firing_for_ms) == (0, 600_000)
    assert first.rebaseline_after_samples == 0
    assert second.threshold == FixedThreshold(64, 0.5)
    assert second.for_ms == 30_000
    assert last.match.text == "{}"
    assert settings.alerting.alertmanagers == ["http://alertmanager:9093"]


def test_flag_wins_over_environment_and_environment_over_file(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLBACK_LIMITS__MAX_STREAMS", "7")
    monkeypatch.setenv("KULLBACK_SERVER__LISTEN", "10.0.0.1:1")
    settings = load_settings(full, {"server": {"listen": "10.0.0.2:2"}})
    assert settings.limits.max_streams == 7
    assert settings.server.listen == "10.0.0.2:2"
    assert settings.storage.path == Path("/var/lib/kullback")


def test_json_is_a_configuration_too(tmp_path: Path) -> None:
    path = tmp_path / "kullback.json"
    path.write_text('{"limits": {"max_streams": 3}}')
    assert load_settings(path).limits.max_streams == 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("limits: {max_stream: 5}", "limits.max_stream"),
        ("limits: {max_streams: 0}", "limits.max_streams"),
        ("profiles: [{match: '{'}]", "profiles.0.match"),
        ("profiles: [{alarm_budget: sometimes}]", "profiles.0.alarm_budget"),
        ("profiles: [{current: [5000]}]", "profiles.0.current"),
        ("profiles: [{season: {period: 1d, timezone: Mars/Olympus}}]", "timezone"),
        ("profiles: [{reference: {kind: pinned}}]", "kind: pinned needs `name`"),
        ("profiles: [{reference: {kind: ago}}]", "kind: ago needs `by`, e.g. {kind: ago, by: 1w}"),
        ("profiles: [{reference: {kind: stream}}]", "kind: stream needs `labels`"),
        ("profiles: [{reference: {by: 1w}}]", "`by` is for kind: ago, and this is kind: rolling"),
        ("profiles: [{reference: {kind: pinned, name: a, labels: {b: c}}}]", "`labels` is for kind: stream"),
        ("profiles: [{reference: {kind: ago, by: 10s}}]", "`by` is 1m to 366d, not 10s"),
        ("profiles: [{reference: {kind: ago, by: a week}}]", "'a week' is not a duration"),
        ("profiles: [{reference: {kind: ago, by: 1d, span: 2d}}]", "at most `by`"),
        ("profiles: [{reference: {kind: ago, by: 1w, span: 5m}}]", "at least by / 200"),
        ("profiles: [{reference: {kind: rolling, span: 5m}}]", "`span` is for kind: ago"),
        (
            "profiles: [{reference: {kind: stream, labels: {__name__: b}}}]",
            "'__name__' is no name of a label",
        ),
        ("profiles: [{reference: {kind: weekly}}]", "profiles.0.reference.kind"),
        ("alerting: {alertmanagers: [alertmanager:9093]}", "alerting.alertmanagers"),
        ("alerting: {for: soon}", "alerting.for"),
        ("- a list", "mapping of sections"),
        ("server: [", "Cannot read"),
    ],
)
def test_bad_configuration_says_which_option_and_why(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "kullback.yml"
    path.write_text(text)
    with pytest.raises(RequestError, match="kb-bad-config") as caught:
        load_settings(path)
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "read"),
    [
        ("{}", Reference()),
        ("{kind: pinned, name: release-42}", Reference(pinned="release-42")),
        ("{kind: ago, by: 1w}", Reference(ago_ms=7 * 86_400_000, span_ms=6 * 3_600_000)),
        ("{kind: seasonal, period: 1w}", Reference(ago_ms=7 * 86_400_000, span_ms=6 * 3_600_000)),
        ("{kind: ago, by: 1d}", Reference(ago_ms=86_400_000, span_ms=3 * 3_600_000)),
        ("{kind: ago, by: 1h, span: 20m}", Reference(ago_ms=3_600_000, span_ms=1_200_000)),
        (
            "{kind: stream, labels: {version: stable, a: ''}}",
            Reference(stream=(("a", ""), ("version", "stable"))),
        ),
    ],
)
def test_kinds_of_references_are_read(tmp_path: Path, reference: str, read: Reference) -> None:
    path = tmp_path / "kullback.yml"
    path.write_text(f"profiles: [{{reference: {reference}}}]")
    assert load_settings(path).build_profiles()[0].reference == read


@pytest.mark.parametrize(
    "reference", [{"kind": "pinned", "name": "a"}, {"kind": "stream", "labels": {"a": "b"}}]
)
def test_a_back_test_cannot_compare_with_what_it_has_not(reference: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="rolling or ago"):
        read_profile({"reference": reference})
    assert read_profile({"reference": {"kind": "ago", "by": "1d"}}).reference.ago_ms == 86_400_000


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere\.yml"):
        load_settings(tmp_path / "nowhere.yml")
