"""The calendar file of a visit: neutral, in the patient's zone, and one entry however often the visit is
moved."""

from __future__ import annotations

from datetime import UTC

import pytest
from django.test import Client
from icalendar import Calendar

from clinic import outbox
from clinic.models import Event, Message
from sessions.operations.booking import book_session, cancel_booking
from sessions.rules.discretion import telling_words
from tests.sessions.test_patient_pages import visit_link
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.clinic_day import set_clock
from tests.support.smtp import Received, SmtpServer


def calendar_in(mail: Received) -> Calendar:
    [part] = [part for part in mail.message.iter_attachments() if part.get_content_type() == "text/calendar"]
    return Calendar.from_ical(part.get_content())


@pytest.mark.django_db(transaction=True)
def test_a_moved_visit_replaces_its_entry_in_the_calendar(smtp_server: SmtpServer) -> None:
    cast: Cast = make_cast()
    course = enrol(cast)
    entries = []
    for visit in (START + days(10), START + days(12)):
        book_session(
            actor=cast.actor("eve"),
            course_id=course.public_id,
            key="preparation.1",
            starts_at=visit,
            people=[cast.id("ada"), cast.id("ben")],
            confirmed=frozenset({"outside-window"}),
            now=START,
        )
        reminders = Message.objects.filter(course_id=course.pk, purpose="visit_reminder")
        # The forms have a test of their own.
        Message.objects.exclude(purpose="visit_reminder").delete()
        smtp_server.clear()
        outbox.send_due_messages(now=reminders.earliest("send_at").send_at)
        calendar = calendar_in(smtp_server.wait_for(1)[0])
        assert calendar["METHOD"] == "PUBLISH"
        [event] = calendar.walk("VEVENT")
        assert event.decoded("dtstart").astimezone(UTC) == visit
        assert event["DTSTART"].params["TZID"] == "America/New_York"
        assert [zone["TZID"] for zone in calendar.walk("VTIMEZONE")] == ["America/New_York"]
        assert event["SUMMARY"] == "Appointment"
        assert len(event.walk("VALARM")) == 1 and "DTEND" not in event
        assert cast.clinic.phone in str(event["DESCRIPTION"]) and "/p/" in str(event["DESCRIPTION"])
        entries.append((str(event["UID"]), int(str(event["SEQUENCE"]))))
    (uid, first_sequence), (same, next_sequence) = entries
    assert uid == same and next_sequence > first_sequence


@pytest.mark.django_db
def test_the_page_of_a_visit_has_the_entry_that_its_mail_has_and_taking_it_changes_nothing(
    client: Client,
) -> None:
    """A patient who is texted has no mail to take it from."""
    set_clock(START)
    cast: Cast = make_cast()
    course = enrol(cast)
    booking, token = visit_link(cast, course, now=START)
    page = client.get(f"/p/{token}/").content.decode()
    assert f'href="/p/{token}/calendar/"' in page
    before = (Event.objects.count(), Message.objects.count())
    answer = client.get(f"/p/{token}/calendar/")
    assert answer["Content-Type"].startswith("text/calendar") and "no-store" in answer["Cache-Control"]
    assert "appointment.ics" in answer["Content-Disposition"]
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event.decoded("dtstart").astimezone(UTC) == booking.starts_at
    assert (event["SUMMARY"], str(event["SEQUENCE"])) == ("Appointment", "0") and "DTEND" not in event
    assert f"/p/{token}/" in str(event["DESCRIPTION"])
    assert telling_words(answer.content.decode()) == () and "P-001" not in answer.content.decode()
    assert (Event.objects.count(), Message.objects.count()) == before
    cancel_booking(actor=cast.actor("eve"), booking_id=booking.public_id, reason="moved away", now=START)
    assert client.get(f"/p/{token}/calendar/").status_code == 410
