"""The dosing board in a real browser: fast vital signs, kept on the device while the network is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from sessions.models import FactRecord
from tests.browser.test_pages import context_for, sign_in
from tests.support.clinic_day import ClinicDay, addresses, make_day

pytestmark = pytest.mark.browser


@pytest.fixture
def day(live_site: str) -> ClinicDay:
    return make_day()


@pytest.fixture
def board(day: ClinicDay, live_site: str, browser: Browser) -> Iterator[Page]:
    # Without the worker that keeps pages (tests/browser/test_offline.py has it): a request that it lets
    # through may pass by the routes with which these tests cut the network.
    context = context_for(browser, width=1280, theme="light", site=live_site, service_workers="block")
    page = context.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["board"])
    yield page
    context.close()


def readings(day: ClinicDay) -> int:
    return FactRecord.objects.filter(session_record=day.record, kind="vitals_taken").count()


def type_reading(page: Page, *values: str) -> None:
    page.get_by_label("Systolic").focus()
    for index, value in enumerate(values):
        if index:
            page.keyboard.press("Tab")
        page.keyboard.type(value)
    page.keyboard.press("Enter")


def test_three_numbers_and_enter_save_a_reading_and_lead_back_to_the_first_field(
    board: Page, day: ClinicDay
) -> None:
    before = readings(day)
    type_reading(board, "128", "84", "76")
    expect(board.locator("[data-sync]")).to_have_text("All entries sent")
    expect(board.locator("#timeline")).to_contain_text("128/84")
    expect(board.get_by_label("Systolic")).to_be_focused()
    type_reading(board, "126/82 74")
    expect(board.locator("#timeline")).to_contain_text("126/82")
    assert readings(day) == before + 2


def test_a_reading_that_cannot_be_is_refused_with_a_way_to_the_field(board: Page, day: ClinicDay) -> None:
    before = readings(day)
    type_reading(board, "80", "120", "70")
    expect(board.locator("[data-problem]")).to_be_focused()
    board.locator("[data-problem] a").click()
    expect(board.get_by_label("Systolic")).to_be_focused()
    assert readings(day) == before


def test_an_unusual_reading_is_asked_about_once_and_kept(board: Page, day: ClinicDay) -> None:
    before = readings(day)
    type_reading(board, "215", "118", "120")
    board.get_by_role("button", name="Keep it").click()
    expect(board.locator("#timeline")).to_contain_text("215/118")
    assert readings(day) == before + 1


def test_readings_entered_without_a_network_survive_a_reload_and_arrive_once(
    board: Page, day: ClinicDay
) -> None:
    before = readings(day)
    refused = 0

    def away(route: Route) -> None:
        nonlocal refused
        refused += 1
        route.abort("internetdisconnected")

    board.route("**/vitals/", away)
    type_reading(board, "131", "85", "77")
    type_reading(board, "132", "86", "78")
    expect(board.locator("[data-sync]")).to_have_text("2 entries saved on this device, not yet sent")
    board.once("dialog", lambda dialog: dialog.accept())
    board.reload()
    expect(board.locator("[data-sync]")).to_have_text("2 entries saved on this device, not yet sent")
    assert refused and readings(day) == before
    board.unroute("**/vitals/")
    expect(board.locator("[data-sync]")).to_have_text("All entries sent", timeout=20_000)
    assert readings(day) == before + 2


def test_an_answer_lost_after_the_server_committed_gives_one_reading(board: Page, day: ClinicDay) -> None:
    before = readings(day)
    lost = 0

    def lose_the_first(route: Route) -> None:
        nonlocal lost
        lost += 1
        if lost == 1:
            route.fetch()  # the server has it
            route.abort("connectionreset")
        else:
            route.continue_()

    board.route("**/vitals/", lose_the_first)
    type_reading(board, "133", "87", "79")
    expect(board.locator("[data-sync]")).to_have_text("All entries sent", timeout=20_000)
    assert lost == 2 and readings(day) == before + 1


def test_the_clock_of_the_session_is_the_servers(board: Page, day: ClinicDay) -> None:
    shown = board.locator("[data-elapsed-from]").inner_text()
    hours, minutes, _seconds = (int(part) for part in shown.split(":"))
    # The dose was given ten minutes after the start; the day is looked at 110 minutes after it.
    assert (
        timedelta(0)
        <= timedelta(hours=hours, minutes=minutes) - timedelta(minutes=100)
        < timedelta(minutes=3)
    )
    assert board.title().startswith(f"{hours}:{minutes:02d}")


def test_without_javascript_the_same_form_saves_a_reading(
    day: ClinicDay, live_site: str, browser: Browser
) -> None:
    context = context_for(browser, width=390, theme="light", site=live_site, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["board"])
    before = readings(day)
    type_reading(page, "127", "83", "75")
    expect(page.locator("#timeline")).to_contain_text("127/83")
    assert readings(day) == before + 1
    context.close()


def test_the_boards_next_look_moves_nothing_under_a_finger(board: Page) -> None:
    """What it asks for every few seconds is shown once the press is over."""
    board.evaluate("document.querySelector('#timeline').firstElementChild.dataset.pressed = ''")
    shown = board.locator("#timeline [data-pressed]")
    box = board.locator("#timeline").bounding_box()
    assert box is not None
    board.mouse.move(box["x"] + 3, box["y"] + 3)
    board.mouse.down()
    with board.expect_response("**/live/"):
        board.evaluate("document.body.dispatchEvent(new CustomEvent('vitals-saved'))")
    board.evaluate("new Promise((done) => setTimeout(done, 300))")  # the page has had the answer
    expect(shown).to_have_count(1)
    board.mouse.up()
    expect(shown).to_have_count(0)
