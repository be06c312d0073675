"""docs/notifications.md shows what is really sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import orjson
from tests.unit.outputs.decisions import NOW_MS, decision

from kullback.outputs.desk import WORTH_ANOTHER_TRY, Outcome
from kullback.outputs.webhook import WebhookDesk

PAGE = (Path(__file__).parents[3] / "docs/notifications.md").read_text()


def keys(value: object) -> object:
    return {name: keys(inner) for name, inner in value.items()} if isinstance(value, dict) else None


def test_webhook_body_has_the_documented_shape() -> None:
    desk = WebhookDesk("http://hook", b"key")
    desk.note([decision()], NOW_MS)
    letter = desk.due(NOW_MS)
    documented = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    sent = orjson.loads(letter.body)
    for shape in (documented, sent):
        shape["alert"]["annotations"] = {}
    assert keys(sent) == keys(documented)
    assert set(letter.headers) <= set(re.findall(r"^(X-Kullback-\w+):", PAGE, re.MULTILINE))


def test_documented_signature_check_accepts_what_is_sent() -> None:
    example = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1], example)
    desk = WebhookDesk("http://hook", b"key")
    desk.note([decision()], NOW_MS)
    letter = desk.due(NOW_MS)
    assert example["genuine"](letter.body, letter.headers["X-Kullback-Signature"], b"key")
    assert not example["genuine"](letter.body + b" ", letter.headers["X-Kullback-Signature"], b"key")


def test_every_outcome_and_every_retried_status_is_on_the_page() -> None:
    assert all(f"`{outcome}`" in PAGE for outcome in Outcome)
    assert all(str(status) in PAGE for status in WORTH_ANOTHER_TRY)
