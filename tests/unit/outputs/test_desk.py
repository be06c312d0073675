from __future__ import annotations

import pytest

from kullback.outputs.desk import LONGEST_PAUSE_MS, Answer, Backoff, Outcome, origin


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.DELIVERED),
        (204, Outcome.DELIVERED),
        (302, Outcome.REJECTED),
        (400, Outcome.REJECTED),
        (404, Outcome.REJECTED),
        (408, Outcome.FAILED),
        (429, Outcome.FAILED),
        (503, Outcome.FAILED),
        (0, Outcome.FAILED),
    ],
)
def test_status_tells_whether_another_try_is_worth_it(status: int, outcome: Outcome) -> None:
    assert Answer(status).outcome is outcome


def test_pauses_double_up_to_a_minute() -> None:
    backoff, pauses = Backoff(), []
    for _ in range(9):
        backoff.note(Answer(0), 5_000)
        pauses.append(backoff.not_before_ms - 5_000)
    assert pauses == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]


def test_success_ends_the_pause_and_starts_again_at_the_shortest() -> None:
    backoff = Backoff()
    for answer in (Answer(0), Answer(0), Answer(200)):
        backoff.note(answer, 5_000)
    assert backoff.not_before_ms == 0
    backoff.note(Answer(503), 5_000)
    assert backoff.not_before_ms == 6_000


def test_receiver_may_ask_for_a_longer_pause_within_reason() -> None:
    backoff = Backoff()
    backoff.note(Answer(429, retry_after_ms=30_000), 0)
    assert backoff.not_before_ms == 30_000
    backoff.note(Answer(429, retry_after_ms=10**9), 0)
    assert backoff.not_before_ms == LONGEST_PAUSE_MS


def test_receivers_name_shows_no_secret() -> None:
    assert origin("https://me:pass@hooks.example:8443/T0/secret?token=x") == "https://hooks.example:8443"
