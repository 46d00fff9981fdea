"""The board of a session under way without a network: it opens, records, says what is not yet sent, and
leaves nothing behind for whoever signs in next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as BrowserError

from sessions.models import FactRecord
from tests.browser.test_board import readings, type_reading
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import promised
from tests.support.clinic_day import ClinicDay, addresses, make_day
from tests.support.smtp import wait_until

pytestmark = pytest.mark.browser

KEPT = """async (path) => {
  for (const name of await caches.keys()) {
    if (await (await caches.open(name)).match(path, { ignoreVary: true })) return true;
  }
  return false;
}"""


@pytest.fixture
def day(live_site: str) -> ClinicDay:
    return make_day()


@pytest.fixture
def tablet(browser: Browser, live_site: str) -> Iterator[BrowserContext]:
    context = context_for(browser, width=1280, theme="light", site=live_site)
    yield context
    context.close()


@pytest.fixture
def board(tablet: BrowserContext, day: ClinicDay, live_site: str) -> Page:
    """The board, kept on the device."""
    page = tablet.new_page()
    sign_in(page, live_site, "ada@example.org")
    path = addresses(day)["board"]
    page.goto(live_site + path)
    wait_until(lambda: bool(promised(page, KEPT, path)))
    return page


def test_a_board_reloaded_without_a_network_records_a_reading_that_is_saved_once(
    board: Page, tablet: BrowserContext, day: ClinicDay
) -> None:
    before = readings(day)
    tablet.set_offline(True)
    board.reload()
    expect(board.locator("[data-offline]")).to_contain_text("This page is as it was at")
    expect(board.locator("h1")).to_have_text("Dosing session 1")
    type_reading(board, "131", "85", "77")
    expect(board.locator("[data-sync]")).to_have_text("1 entry saved on this device, not yet sent")
    assert readings(day) == before
    tablet.set_offline(False)
    expect(board.locator("#timeline")).to_contain_text("131/85", timeout=20_000)
    assert readings(day) == before + 1


def test_the_clock_of_a_kept_board_goes_on_from_when_it_was_kept(board: Page, tablet: BrowserContext) -> None:
    def seconds() -> int:
        hours, minutes, rest = (
            int(part) for part in board.locator("[data-elapsed-from]").inner_text().split(":")
        )
        return hours * 3600 + minutes * 60 + rest

    before = seconds()
    board.wait_for_timeout(3_000)
    tablet.set_offline(True)
    board.reload()
    expect(board.locator("[data-offline]")).to_be_visible()
    assert 3 <= seconds() - before <= 20


def test_a_moment_noted_without_a_network_is_saved_with_its_own_time(
    board: Page, tablet: BrowserContext, day: ClinicDay
) -> None:
    tablet.set_offline(True)
    board.get_by_role("button", name="Note this moment").click()
    expect(board.locator("[data-sync]")).to_have_text("1 entry saved on this device, not yet sent")
    board.wait_for_timeout(2_000)
    tablet.set_offline(False)
    expect(board.locator("[data-sync]")).to_have_text("All entries sent", timeout=20_000)
    moment = FactRecord.objects.get(session_record=day.record, kind="moment_noted")
    assert moment.occurred_at < moment.recorded_at


def test_a_dose_recorded_without_a_network_is_asked_about_and_saved_when_it_is_back(
    board: Page, tablet: BrowserContext, day: ClinicDay
) -> None:
    tablet.set_offline(True)
    dose = board.locator("section.dose", has_text="Supplemental dose")
    dose.get_by_label("Amount").fill("40")
    dose.get_by_label("Checked by").select_option(label="Ben Birch")
    dose.get_by_role("button", name="Record the dose").click()
    expect(board.locator("[data-sync]")).to_have_text("1 entry saved on this device, not yet sent")
    tablet.set_offline(False)
    # The last reading was beyond the limit: the same question is asked as with a network.
    board.get_by_role("button", name="Keep it").click(timeout=20_000)
    expect(dose.locator(".amount + p")).to_contain_text("checked by Ben Birch", timeout=20_000)
    assert FactRecord.objects.filter(session_record=day.record, kind="dose_given").count() == 2


def test_whoever_signs_out_leaves_no_page_on_the_device(
    board: Page, tablet: BrowserContext, day: ClinicDay, live_site: str
) -> None:
    path = addresses(day)["board"]
    board.locator("details.menu summary").click()
    board.get_by_role("button", name="Sign out").click()
    board.wait_for_url("**/accounts/login/**")
    wait_until(lambda: not promised(board, "() => caches.keys()"))
    tablet.set_offline(True)
    with pytest.raises(BrowserError, match="net::ERR_"):
        board.goto(live_site + path)


def test_another_person_on_the_same_device_never_gets_the_first_ones_page(
    board: Page, tablet: BrowserContext, day: ClinicDay, live_site: str
) -> None:
    path = addresses(day)["board"]
    tablet.clear_cookies()
    sign_in(board, live_site, "gil@example.org")  # who looks after nobody
    tablet.set_offline(True)
    with pytest.raises(BrowserError, match="net::ERR_"):
        board.goto(live_site + path)
