"""The page with eyes, keyboard and screen reader, in light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.accessibility import faint, lost_focus, misplaced, nameless
from tests.e2e.browser import visit
from tests.e2e.conftest import Fleet
from tests.e2e.test_page import PAGES, path_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]


@pytest.mark.parametrize("name", PAGES)
def test_everything_has_a_name_and_its_place(browser: Browser, fleet: Fleet, name: str) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open(*path_of(name, fleet))
        assert nameless(page) == []
        assert misplaced(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_texts_are_legible(browser: Browser, fleet: Fleet, name: str, dark: bool) -> None:
    with visit(browser, fleet.url, dark=dark) as made:
        assert faint(made.open(*path_of(name, fleet))) == []


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    browser: Browser, fleet: Fleet, name: str
) -> None:
    with visit(browser, fleet.url) as made:
        assert lost_focus(made.open(*path_of(name, fleet))) == []


def test_the_first_tab_stop_skips_to_the_content(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open("/", "#rows tr")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


def test_a_refresh_leaves_the_focus_where_it_is(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open("/", "#rows tr")
        link = page.locator("#rows a").first
        link.focus()
        address = link.get_attribute("href")
        page.evaluate("document.querySelector('#rows tr').dataset.old = 'yes'")
        page.wait_for_selector("#rows tr[data-old]", state="detached")
        assert page.evaluate("document.activeElement.getAttribute('href')") == address


def test_a_dialog_takes_the_focus_and_gives_it_back(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open(*path_of("stream", fleet))
        button = page.get_by_role("button", name="Accept as new normal")
        button.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="Accept as new normal?")).to_be_visible()
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
        page.keyboard.press("Escape")
        expect(button).to_be_focused()


def test_the_checks_find_what_is_wrong(browser: Browser, fleet: Fleet) -> None:
    with visit(browser, fleet.url) as made:
        page = made.open("/", "#rows tr")
        page.evaluate(
            """() => {
              document.querySelector('main').insertAdjacentHTML('beforeend',
                '<h4>deep</h4><button id="bare"></button><p style="color:#aaa;background:#fff">faint</p>');
              document.querySelector('#bare').style.outline = 'none';
            }"""
        )
        assert any("bare" in broken for broken in nameless(page))
        assert any("h4" in wrong for wrong in misplaced(page))
        assert any("faint" in text for text in faint(page))
        assert any("bare" in stop for stop in lost_focus(page))
