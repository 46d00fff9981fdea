"""From a deviation to a closed corrective and preventive action: by the pages, as people do it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from sessions.models import ClosureSignature, DeviationRecord, DeviationReport, StaffTask
from sessions.operations.closing import digest_of
from sessions.operations.reporting import set_clock
from sessions.rules.reporting import AppliesTo, Recipient, Unit
from tests.browser.test_pages import context_for, sign_in
from tests.support.cast import PASSWORD
from tests.support.clinic_day import make_day

pytestmark = pytest.mark.browser


def step(page: Page, name: str) -> None:
    """Open the step of that title, where it is not open already."""
    summary = page.locator("summary", has_text=name).first
    if summary.evaluate("one => !one.parentElement.open"):
        summary.click()


def fill(page: Page, step_name: str, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"details#{step_name} [name={name}]").fill(value)


def test_from_a_deviation_to_a_closed_corrective_and_preventive_action(
    live_site: str, browser: Browser
) -> None:
    day = make_day()
    cast, slug = day.cast, day.cast.clinic.slug
    set_clock(
        actor=cast.actor("finn", at=day.now),
        recipient=Recipient.IRB,
        applies_to=AppliesTo.IMPORTANT,
        count=5,
        unit=Unit.WORKING_DAYS,
        from_next_day=True,
        source="The board’s letter of 3 May",
        reason="agreed",
        now=day.now,
    )
    found = DeviationRecord.objects.filter(course=day.late, key__startswith="contact.daily").earliest("pk")
    context = context_for(browser, width=1280, theme="light", site=live_site)
    carla = context.new_page()
    sign_in(carla, live_site, "carla@example.org")
    carla.goto(f"{live_site}/c/{slug}/deviations/")
    carla.locator(f"a[href$='deviations/{found.public_id}/']").click()
    expect(carla.get_by_text("Before it can be closed")).to_be_visible()

    step(carla, "Acknowledge it")
    fill(carla, "acknowledge", comment="I look into it today.")
    carla.get_by_role("button", name="Acknowledge it").click()
    expect(carla.get_by_text("It is acknowledged.")).to_be_visible()

    step(carla, "Classify it")
    fill(carla, "classify", comment="Nobody knew whether the patient was safe.")
    carla.get_by_role("button", name="Save the classification").click()
    expect(carla.get_by_text("The classification is saved.")).to_be_visible()
    expect(carla.get_by_role("heading", name="To be reported")).to_be_visible()

    step(carla, "Name the cause")
    carla.locator("details#cause").get_by_label("The clinic").check()
    fill(carla, "cause", comment="It was ours to call.")
    carla.get_by_role("button", name="Save the cause").click()

    step(carla, "Say what the root cause was")
    fill(carla, "root-cause", comment="Calls had no cover by name on weekends.")
    carla.get_by_role("button", name="Save the root cause").click()

    step(carla, "Agree an action")
    carla.locator("details#action").get_by_label(re.compile("Preventive")).check()
    fill(carla, "action", what="Name a cover for each weekend call.", due_on="2027-05-01")
    carla.locator("details#action select").select_option(label="Ada Alder")
    carla.get_by_role("button", name="Agree it").click()
    expect(carla.get_by_text("Its owner has a task.")).to_be_visible()

    step(carla, "Plan when to check")
    fill(carla, "check", check_on="2027-06-01", comment="No weekend call missed in May.")
    carla.get_by_role("button", name="Plan the check").click()
    assert set(StaffTask.objects.filter(kind__startswith="e").values_list("kind", flat=True)) == {
        "effectiveness_check"
    }

    # Ada finds her task and does it.
    other = context_for(browser, width=390, theme="dim", site=live_site)
    ada = other.new_page()
    sign_in(ada, live_site, "ada@example.org")
    task = StaffTask.objects.get(kind="deviation_action")
    ada.goto(f"{live_site}/c/{slug}/tasks/{task.public_id}/")
    expect(ada.get_by_text("Name a cover for each weekend call.")).to_be_visible()
    ada.locator("textarea[name=resolution]").fill("The rota names a cover for each.")
    ada.get_by_role("button", name="Close the task").click()
    other.close()

    carla.goto(f"{live_site}/c/{slug}/deviations/{found.public_id}/")
    expect(carla.get_by_text("The rota names a cover for each.")).to_be_visible()
    step(carla, "Judge whether the actions worked")
    carla.locator("details#effect").get_by_label("Yes").check()
    fill(carla, "effect", comment="None was missed in May.")
    carla.get_by_role("button", name="Save the judgement").click()
    expect(carla.get_by_text("A report is due and was not made.")).to_be_visible()

    step(carla, "Say that it was made")
    report = DeviationReport.objects.get(deviation=found)
    fill(carla, f"report-{report.public_id}", reference="IRB-2027-14")
    carla.get_by_role("button", name="It was reported").click()
    expect(carla.get_by_text("IRB-2027-14")).to_be_visible()

    step(carla, "Close it with your signature")
    fill(carla, "close", comment="All is done.", password="not this one")
    carla.get_by_role("button", name="Sign and close").click()
    expect(carla.get_by_role("alert")).to_contain_text("not your password")
    fill(carla, "close", comment="All is done.", password=PASSWORD)
    carla.get_by_role("button", name="Sign and close").click()
    expect(carla.get_by_text("The review is closed and signed.")).to_be_visible()
    context.close()

    signature = ClosureSignature.objects.get(review__deviation=found)
    assert signature.printed_name == "Carla Cedar" and digest_of(signature.content) == signature.digest
    found.refresh_from_db()
    assert found.reviewed_at == signature.signed_at
    assert not StaffTask.objects.filter(
        kind__in=["deviation_report", "effectiveness_check"], done_at=None
    ).exists()
