"""The calendar file that comes with a visit's mail: neutral, and the same entry again when the visit is
moved."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from icalendar import Alarm, Calendar, Event, vDuration

from clinic.adapters.mail import Attachment, message_id_domain

SUMMARIES = {"en": "Appointment", "es": "Cita", "de": "Termin", "fr": "Rendez-vous"}
REMINDED_BEFORE = timedelta(hours=2)  # of the patient's own calendar; theirs to change
PRODUCT = "-//Appointments//Appointments 1.0//EN"  # some calendars show it


def calendar_file(
    *,
    course_id: UUID,
    key: str,
    sequence: int,
    starts_at: datetime,
    zone: ZoneInfo,
    language: str,
    phone: str,
    link: str,
    now: datetime,
) -> Attachment:
    """`sequence` counts how often the visit was booked anew: a higher one replaces the entry of a lower one.

    No end is given: eight hours would tell what kind of visit it is.
    """
    summary = SUMMARIES.get(language, SUMMARIES["en"])
    event = Event()
    event.add("uid", f"{uuid5(course_id, key)}@{message_id_domain()}")
    event.add("sequence", sequence)
    event.add("dtstamp", now)
    event.add("dtstart", starts_at.astimezone(zone))
    event.add("summary", summary)
    event.add("description", f"{phone}\n{link}")
    event.add("class", "PRIVATE")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm["trigger"] = vDuration(-REMINDED_BEFORE)
    event.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return Attachment(
        filename="appointment.ics", content=calendar.to_ical().decode(), mimetype="text/calendar"
    )
