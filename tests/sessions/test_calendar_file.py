"""The calendar file of a visit: neutral, in the patient's zone, and one entry however often the visit is
moved."""

from __future__ import annotations

from datetime import UTC

import pytest
from icalendar import Calendar

from clinic import outbox
from clinic.models import Message
from sessions.operations.booking import book_session
from tests.support.cast import START, Cast, days, enrol, make_cast
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
