"""The page in a real browser, on a real service."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.contract.servers import eventually
from tests.e2e.browser import Visit, push, response_times, visit
from tests.e2e.conftest import Fleet

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
PAGES = {
    "fleet": ("/", "#rows tr"),
    "alerts": ("/alerts", "#rows tr"),
    "compare": ("/compare", "#compare"),
    "backtest": ("/backtest", "#backtest"),
    "status": ("/status", "#facts div"),
    "stream": ("/streams/{id}", "#histogram-figure .main-svg"),
}


def path_of(name: str, fleet: Fleet) -> tuple[str, str]:
    path, ready = PAGES[name]
    return path.format(id=fleet.ids["web-5"]), ready


@pytest.fixture
def window(browser: Browser, fleet: Fleet) -> Iterator[Visit]:
    """A window that must be clean in the end."""
    with visit(browser, fleet.url) as made:
        yield made
        assert not made.problems


@pytest.mark.parametrize("name", PAGES)
def test_each_view_loads_without_console_errors_and_external_requests(
    window: Visit, fleet: Fleet, name: str
) -> None:
    page = window.open(*path_of(name, fleet))
    expect(page.locator("#banner")).to_be_hidden()
    assert "NaN" not in page.inner_text("body")
    assert "undefined" not in page.inner_text("body")
    assert "null" not in page.locator("main").inner_text().replace('": null', "")


@pytest.mark.parametrize("name", PAGES)
def test_each_view_fits_a_phone_without_scrolling_sideways(browser: Browser, fleet: Fleet, name: str) -> None:
    with visit(browser, fleet.url, phone=True) as made:
        page = made.open(*path_of(name, fleet))
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")


def test_the_fleet_shows_the_worst_stream_first_and_what_warms_up(window: Visit, fleet: Fleet) -> None:
    page = window.open("/", "#rows tr")
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(len(fleet.ids))
    expect(rows.first).to_contain_text("web-5")
    expect(rows.first.locator(".badge")).to_have_text("firing")
    expect(page.locator("tr", has_text="web-6").locator("progress")).to_have_count(1)
    spark = rows.first.locator(".spark path").get_attribute("d") or ""
    assert len(re.findall("[ML]", spark)) >= 16


def test_the_fleet_is_searched_by_selector_and_by_state(window: Visit, fleet: Fleet) -> None:
    page = window.open("/", "#rows tr")
    page.get_by_label("Streams").and_(page.locator("input")).fill('{server=~"web-[12]"}')
    page.keyboard.press("Enter")
    expect(page.locator("#rows tr")).to_have_count(2)
    assert "match=" in page.url
    page.goto(f"{fleet.url}/?state=firing")
    expect(page.locator("#rows tr")).to_have_count(1)


def test_a_selector_that_cannot_be_read_is_explained(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open("/", "#rows tr")
        page.locator("#match").fill("{server=")
        page.keyboard.press("Enter")
        expect(page.locator("#banner")).to_contain_text("selector")


def test_the_stream_shows_figures_quantiles_gates_and_its_alert(window: Visit, fleet: Fleet) -> None:
    page = window.open(*path_of("stream", fleet))
    expect(page.locator("#state")).to_have_text("firing")
    assert "divergence" in page.inner_text("#sentence") or "%" in page.inner_text("#sentence")
    names = page.evaluate("document.getElementById('histogram-figure').data.map((trace) => trace.name)")
    assert names[:2] == ["reference", "current"]
    expect(page.locator("#quantile-rows tr")).to_have_count(7)
    assert page.locator("#gates tr").count() >= 1
    expect(page.locator("#alerts tr .badge").first).to_have_text("firing")
    marks = page.evaluate("document.getElementById('score-figure').layout.shapes.length")
    assert marks == 3, "the alarm line, a mark where the alarm began, and the ground while it lasts"


def test_another_window_changes_the_histogram(window: Visit, fleet: Fleet) -> None:
    page = window.open(*path_of("stream", fleet))
    shares = "document.getElementById('histogram-figure').data[1].customdata"
    before = page.evaluate(f"JSON.stringify({shares})")
    page.locator("#windows button", has_text="1,024").click()
    eventually(lambda: page.evaluate(f"JSON.stringify({shares})") != before, 10)


def test_what_if_moves_the_budget_and_shows_what_to_configure(window: Visit, fleet: Fleet) -> None:
    page = window.open(*path_of("stream", fleet))
    expect(page.locator("#budget-text")).to_have_text("1 per 30d (in force)")
    colours = "JSON.stringify(document.getElementById('what-if-figure').data[0].marker.color)"
    before = page.evaluate(colours)
    page.locator("#budget").focus()
    page.keyboard.press("Home")
    expect(page.locator("#budget-text")).to_have_text("4 per 1d")
    assert page.evaluate(colours) != before
    expect(page.locator("#what-if-text")).to_contain_text("28 per week")
    assert "alarm_budget: 4 per 1d" in (page.locator("#snippet").text_content() or "")


def slow_stream(fleet: Fleet) -> str:
    """A stream of one sample per 15 s, so that its history holds the samples themselves."""
    rng = np.random.default_rng(6)
    values = response_times(rng, 600)
    values[500:512] += 0.3
    now_ms = time.time_ns() // 1_000_000
    times = [now_ms - 15_000 * (len(values) - at) for at in range(len(values))]
    row = {"metric": "slow_seconds", "values": values.tolist(), "timestamps_ms": times}
    answer = httpx.post(f"{fleet.url}/api/v1/ingest?scores=all", json=row, trust_env=False)
    return str(answer.json()["scores"][0]["stream"])


def test_what_if_reruns_the_stored_values_with_other_windows(window: Visit, fleet: Fleet) -> None:
    page = window.open(f"/streams/{slow_stream(fleet)}", "#histogram-figure .main-svg")
    page.get_by_label("Windows, samples").fill("16, 64")
    page.get_by_role("button", name="Try").click()
    expect(page.locator("#what-if-text")).to_contain_text("with the windows in force")
    assert "current: [16, 64]" in (page.locator("#snippet").text_content() or "")
    page.locator("#what-if-backtest").click()
    expect(page.locator("#windows")).to_have_value("16, 64")


def test_windows_that_cannot_be_tried_are_explained(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open(*path_of("stream", fleet))
        page.get_by_label("Windows, samples").fill("16, 64")
        page.get_by_role("button", name="Try").click()
        expect(page.locator("#toast")).to_contain_text("storage.history_step")


def test_values_are_shown_as_quantiles_with_the_alarm_line_in_their_unit(window: Visit, fleet: Fleet) -> None:
    page = window.open(f"/streams/{fleet.ids['web-1']}", "#histogram-figure .main-svg")
    names = page.evaluate("document.getElementById('value-figure').data.map((trace) => trace.name)")
    assert {"lowest to highest", "10 to 90 %", "median"} <= set(names)
    expect(page.locator("#limits")).to_contain_text("A single sample raises an alarm")
    expect(page.locator("#limits")).to_contain_text("above")


def test_names_of_categories_are_not_drawn_as_values(window: Visit, fleet: Fleet) -> None:
    now_ms = time.time_ns() // 1_000_000
    names = np.random.default_rng(1).choice(["card", "cash", "transfer"], 400, p=[0.6, 0.3, 0.1])
    rows = [
        {"metric": "payment_channel", "category": str(name), "timestamp_ms": now_ms - 1000 * (400 - at)}
        for at, name in enumerate(names)
    ]
    answer = httpx.post(f"{fleet.url}/api/v1/ingest?scores=all", json=rows, trust_env=False)
    stream = answer.json()["scores"][0]["stream"]
    page = window.open(f"/streams/{stream}", "#histogram-figure .main-svg")
    expect(page.locator("#values")).to_be_hidden()
    expect(page.locator("#score-figure .main-svg").first).to_be_visible()


def test_a_deployment_is_in_the_charts_and_in_the_explanation(window: Visit, fleet: Fleet) -> None:
    marker = {"text": "deploy shop v7", "time": time.time() - 120, "url": "https://ci.example.org/7"}
    marker["match"] = '{server=~"web-act-.*"}'
    assert httpx.post(f"{fleet.url}/api/v1/markers", json=marker, trust_env=False).status_code == 201
    rng = np.random.default_rng(5)
    values = np.concatenate([response_times(rng, 3000), response_times(rng, 60) + 0.3])
    stream = push(fleet.url, f"web-act-{time.time_ns()}", values)
    page = window.open(f"/streams/{stream}", "#histogram-figure .main-svg")
    expect(page.locator("#sentence")).to_contain_text("“deploy shop v7”")
    expect(page.locator("#behind")).to_contain_text("p50")
    expect(page.locator("#markers a")).to_have_attribute("href", "https://ci.example.org/7")
    notes = page.evaluate("document.getElementById('score-figure').layout.annotations.map((one) => one.text)")
    assert notes == ["deploy shop v7"]


def test_a_live_alert_appears_without_reload(window: Visit, fleet: Fleet) -> None:
    rng = np.random.default_rng(11)
    now_ms = time.time_ns() // 1_000_000
    push(fleet.url, "web-live", response_times(rng, 3000), now_ms - 60_000)
    page = window.open("/alerts", "#rows tr")
    expect(page.locator("#live")).to_have_text("live")
    expect(page.locator("#rows tr", has_text="web-live")).to_have_count(0)
    page.evaluate("document.title = 'not reloaded'")
    push(fleet.url, "web-live", response_times(rng, 60) + 0.4, now_ms)
    expect(page.locator("#rows tr", has_text="web-live").first).to_contain_text("firing", timeout=8000)
    assert page.title() == "not reloaded"


def act(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Do it").click()


def undo(page: Page) -> None:
    page.locator("#toast button", has_text="Undo").click()


@pytest.fixture
def shifted(fleet: Fleet) -> str:
    """A stream of its own that just went bad."""
    rng = np.random.default_rng(5)
    values = np.concatenate([response_times(rng, 3000), response_times(rng, 60) + 0.3])
    return push(fleet.url, f"web-act-{time.time_ns()}", values)


def test_rebaseline_ends_the_alert_and_can_be_undone(window: Visit, fleet: Fleet, shifted: str) -> None:
    page = window.open(f"/streams/{shifted}", "#histogram-figure .main-svg")
    act(page, "Accept as new normal")
    expect(page.locator("#toast")).to_contain_text("new normal")
    expect(page.locator("#alerts tr .badge").first).to_have_text("resolved")
    undo(page)
    expect(page.locator("#toast")).to_contain_text("old reference is back")


def test_maintenance_silences_and_can_be_undone(window: Visit, fleet: Fleet, shifted: str) -> None:
    page = window.open(f"/streams/{shifted}", "#histogram-figure .main-svg")
    act(page, "Maintenance for an hour")
    expect(page.locator("#state")).to_have_text("maintenance")
    undo(page)
    expect(page.locator("#state")).not_to_have_text("maintenance")
    windows = httpx.get(f"{fleet.url}/api/v1/maintenance", trust_env=False).json()["maintenance"]
    assert not windows


def test_cancelling_does_nothing(window: Visit, fleet: Fleet, shifted: str) -> None:
    page = window.open(f"/streams/{shifted}", "#histogram-figure .main-svg")
    page.get_by_role("button", name="Maintenance for an hour").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert not httpx.get(f"{fleet.url}/api/v1/maintenance", trust_env=False).json()["maintenance"]


def test_an_incident_is_kept_out_of_the_reference(window: Visit, fleet: Fleet, shifted: str) -> None:
    page = window.open(f"/streams/{shifted}", "#histogram-figure .main-svg")
    page.get_by_role("button", name="That was an incident").click()
    assert page.locator("#start").input_value() < page.locator("#end").input_value()
    page.get_by_label("Reason").fill("disk was full")
    page.get_by_role("button", name="Do it").click()
    expect(page.locator("#toast")).to_contain_text("out of the reference")
    (newest, *_) = httpx.get(f"{fleet.url}/api/v1/audit?limit=1", trust_env=False).json()["actions"]
    assert (newest["action"], newest["details"]["reason"]) == ("exclude", "disk was full")
    undo(page)
    expect(page.locator("#toast")).to_contain_text("count again")


def test_feedback_raises_the_threshold_and_can_be_undone(window: Visit, fleet: Fleet, shifted: str) -> None:
    page = window.open(f"/streams/{shifted}", "#histogram-figure .main-svg")
    page.get_by_role("button", name="No, it was a false alarm").first.click()
    expect(page.locator("#toast")).to_contain_text("threshold factor is now")
    factor = page.locator("#facts div", has_text="Threshold factor").locator("dd")
    expect(factor).not_to_have_text("1")
    undo(page)
    expect(factor).to_have_text("1")


def test_two_samples_are_compared(window: Visit) -> None:
    page = window.open("/compare", "#compare")
    page.get_by_role("button", name="Fill in an example").click()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.wait_for_selector("#figure .main-svg")
    expect(page.locator("#asymmetry")).to_contain_text("D(current ‖ reference)")
    expect(page.locator("#chance")).to_contain_text("the two differ")
    assert page.locator("#measures tr").count() >= 8


def test_counts_of_categories_are_compared(window: Visit) -> None:
    page = window.open("/compare", "#compare")
    page.locator("#current").fill('{"categories": {"card": 5, "wallet": 5}}')
    page.locator("#reference").fill('{"categories": {"card": 5, "cash": 5}}')
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#asymmetry")).to_contain_text("samples are 'wallet'")


def test_what_cannot_be_compared_is_said(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open("/compare", "#compare")
        page.locator("#current").fill("1 2 3")
        page.locator("#reference").fill("card cash")
        page.get_by_role("button", name="Compare", exact=True).click()
        expect(page.locator("#banner")).to_contain_text("same form")


def test_a_recording_is_back_tested(window: Visit, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([response_times(rng, 3000), response_times(rng, 100) + 0.3])
    rows = [f"{1_790_000_000 + index},{value:.6f}" for index, value in enumerate(values)]
    (tmp_path / "checkout_seconds.csv").write_text("\n".join(["time,value", *rows]))
    page = window.open("/backtest", "#backtest")
    page.locator("#file").set_input_files(tmp_path / "checkout_seconds.csv")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#summary")).to_contain_text("3,100 rows", timeout=60_000)
    assert page.locator("#alarms tr").count() >= 1
    page.wait_for_selector("#curve-figure .main-svg")


def test_a_file_without_times_is_refused_with_a_reason(
    browser: Browser, fleet: Fleet, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("colour\nred\n")
    with visit(browser, fleet.url) as made:
        page = made.open("/backtest", "#backtest")
        page.locator("#file").set_input_files(tmp_path / "bad.csv")
        page.get_by_role("button", name="Run").click()
        expect(page.locator("#banner")).to_be_visible()
        assert len(page.inner_text("#banner")) > 20


def test_an_unknown_stream_gets_a_page_that_leads_back(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        answer = made.page.goto(f"{fleet.url}/streams/nothing")
        assert answer is not None
        assert answer.status == 404
        expect(made.page.get_by_role("link", name="All streams")).to_be_visible()


def test_the_past_of_a_stream_is_shown_as_it_was(window: Visit, fleet: Fleet) -> None:
    stream = fleet.ids["web-5"]
    (alert,) = httpx.get(f"{fleet.url}/api/v1/alerts?stream={stream}", trust_env=False).json()["alerts"]
    at_ms = int(time.time() * 1000) - 20 * 60_000
    page = window.open(f"/streams/{stream}?time={at_ms}", "#gates tr")
    expect(page.get_by_role("link", name="Show the present")).to_be_visible()
    expect(page.locator("#sentence")).to_contain_text("Not anomalous at that time")
    assert alert["state"] == "firing"
