"""What is stored of a course is what the engine says of it; anything else is found."""

from __future__ import annotations

from datetime import datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sessions.operations.verifying import verify_requirements
from tests.support.clinic_day import ClinicDay, make_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def day() -> ClinicDay:
    return make_day()


def planted(sql: str, *values: int | datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        assert cursor.rowcount == 1


def told() -> str:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_requirements", stdout=out)
    return out.getvalue()


def test_a_clinics_day_shows_no_difference(day: ClinicDay) -> None:
    found = verify_requirements(now=day.now, all_courses=True)
    assert found.differences == ()
    assert (found.courses, found.waiting) == (3, 0)


def test_a_requirement_changed_behind_the_engines_back_is_found(day: ClinicDay) -> None:
    planted(
        "UPDATE therapy_sessions_courserequirement SET status = 'met' "
        "WHERE course_id = %s AND key = 'preparation.1'",
        day.new.pk,
    )
    said = told()
    assert f"course {day.new.public_id}: requirement preparation.1: stored status met" in said
    assert "1 differences" in said


def test_a_requirement_that_is_gone_is_found(day: ClinicDay) -> None:
    planted(
        "DELETE FROM therapy_sessions_courserequirement WHERE course_id = %s AND key = 'preparation.1'",
        day.new.pk,
    )
    assert "requirement preparation.1: stored nothing" in told()


def test_totals_that_do_not_add_up_are_found(day: ClinicDay) -> None:
    planted("UPDATE therapy_sessions_course SET met_weight = met_weight + 1 WHERE id = %s", day.late.pk)
    assert "totals: stored" in told()


def test_a_course_due_to_be_looked_at_is_not_held_against_its_rows(day: ClinicDay) -> None:
    planted("UPDATE therapy_sessions_course SET look_again_at = %s WHERE id = %s", day.now, day.new.pk)
    found = verify_requirements(now=day.now)
    assert (found.waiting, found.differences) == (1, ())
