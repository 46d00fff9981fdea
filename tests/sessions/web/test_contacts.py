"""The form of a contact, at the moment a new day begins."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sessions.models import CourseRequirement
from sessions.queries.banner import waiting_contacts
from tests.support.cast import START, days
from tests.support.clinic_day import ClinicDay

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("after_midnight", "newest"),
    [(timedelta(seconds=-1), 2), (timedelta(0), 3), (timedelta(seconds=1), 3)],
    ids=["a second before", "at midnight", "a second after"],
)
def test_a_days_contact_is_offered_from_midnight_on_though_no_loop_has_looked_yet(
    day: ClinicDay, after_midnight: timedelta, newest: int
) -> None:
    """The stored rows are of another moment: the form asks the engine."""
    zone = ZoneInfo(day.cast.clinic.zone)
    dosed = (START + days(28)).astimezone(zone).date()
    third = datetime.combine(dosed + timedelta(days=3), datetime.min.time(), zone)
    stored = CourseRequirement.objects.get(course=day.late, key="contact.daily@dosing.1#3")
    assert stored.status == "missed"
    offered = waiting_contacts(
        day.cast.actor("ada"), day.late.public_id, now=third.astimezone(ZoneInfo("UTC")) + after_midnight
    )
    assert [key for key, _words in offered][-1] == f"contact.daily@dosing.1#{newest}"
