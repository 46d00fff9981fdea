"""What a new version would change, seen before anybody is moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.actors import acting
from clinic.errors import NotFound
from protocols.models import ProtocolVersion
from protocols.operations import load_protocol
from sessions.models import Course, CourseRequirement, CourseVersionMove
from sessions.operations.booking import book_session
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.versions import move_courses
from sessions.queries.preview import CoursePreview, preview
from sessions.rules.requirements import Status
from tests.support.cast import LIBRARY, START, Cast, days, enrol, make_cast
from tests.support.dosed import hold_dosing
from tests.support.second_version import publish_second, second_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def draft(cast: Cast, text: str) -> ProtocolVersion:
    return load_protocol(actor=cast.actor("finn"), clinic=cast.clinic, text=text, now=START)


def same_text() -> str:
    """The first version under another number."""
    text = (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8")
    return text.replace('version: "1.0"', 'version: "2.0"')


def only(cast: Cast, version: ProtocolVersion, course: Course, *, hours: float) -> CoursePreview:
    now = START + timedelta(hours=hours)
    found = preview(cast.actor("carla", at=now), version=version, now=now)
    return next(one for one in found.courses if one.course_id == course.public_id)


def test_a_preview_shows_dates_gates_staffing_and_messages_that_would_change(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    book_session(
        actor=cast.actor("ada", at=ended_at),
        course_id=course.public_id,
        key="integration.2@dosing.1",
        starts_at=ended_at + days(6),
        people=[cast.id("ada"), cast.id("ben")],
        room_id=cast.rooms["blue"].public_id,
        now=ended_at,
    )
    hours = (ended_at - START).total_seconds() / 3600 + 1
    seen = only(cast, draft(cast, second_text()), course, hours=hours)
    dates = {one.key: one for one in seen.effects.dates}
    second = dates["integration.2@dosing.1"]
    assert second.before is not None
    assert second.after is not None
    assert second.before.opens_at is not None
    assert second.after.opens_at == second.before.opens_at - days(1)
    assert dates["cssrs.day_3@dosing.1"].before is None
    assert seen.what["integration.2@dosing.1"].startswith("Integration meeting 2")
    assert seen.what["cssrs.day_3@dosing.1"].startswith("C-SSRS screener, three days")
    staffing = {(one.key, one.figure): (one.before, one.after) for one in seen.effects.staffing}
    assert staffing["integration.1@dosing.1", "staff"] == (2, 1)
    gates = {(one.key, one.session_key): one for one in seen.effects.gates}
    assert gates["consent.treatment#2", "dosing.2"].closes
    assert seen.effects.reconsent == ("treatment",)
    assert seen.effects.deviations == ()
    assert seen.movable


def test_a_message_that_would_go_out_at_another_time_is_shown_with_both_times(cast: Cast) -> None:
    course = enrol(cast)
    book_session(
        actor=cast.actor("ada"),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=START + days(10),
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        now=START,
    )
    text = same_text()
    before = '{code: preparation.days_3, rule: preparation, purpose: visit_reminder, at: "10:00"'
    assert before in text
    version = draft(cast, text.replace(before, before.replace("10:00", "11:00")))
    seen = only(cast, version, course, hours=1)
    (message,) = seen.effects.messages
    assert message.before is not None
    assert message.after == message.before + timedelta(hours=1)
    assert not seen.effects.dates


def test_what_the_new_version_would_say_of_the_past_is_shown_and_changes_nothing(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + days(12)
    refresh_due_courses(now=at)
    stored = list(CourseRequirement.objects.order_by("id").values())
    seen = only(cast, draft(cast, second_text()), course, hours=(at - START).total_seconds() / 3600)
    said = {one.key: (one.before, one.after) for one in seen.effects.deviations}
    assert said == {"cssrs.day_3@dosing.1": (None, Status.MISSED)}
    assert list(CourseRequirement.objects.order_by("id").values()) == stored
    assert not CourseVersionMove.objects.exists()


def test_a_version_that_says_the_same_changes_nothing_for_anybody(cast: Cast) -> None:
    for number in range(3):
        enrol(cast, f"P-{number:03}")
    text = same_text()
    found = preview(cast.actor("carla"), version=draft(cast, text), now=START)
    assert (list(found.courses), found.unchanged) == ([], ["P-000", "P-001", "P-002"])


def test_a_preview_costs_the_same_queries_for_one_course_and_for_ten(cast: Cast) -> None:
    version = draft(cast, second_text())

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries, acting(cast.actor("carla")):
            preview(cast.actor("carla"), version=version, now=START + timedelta(hours=1))
        assert not any(query["sql"].startswith(("INSERT", "UPDATE", "DELETE")) for query in queries)
        return len(queries)

    enrol(cast, "P-000")
    asked()  # parses the definitions
    one = asked()
    for number in range(1, 10):
        enrol(cast, f"P-{number:03}")
    assert asked() == one


def test_a_visit_that_the_new_version_does_not_plan_stands_in_the_way(cast: Cast) -> None:
    course = enrol(cast)
    book_session(
        actor=cast.actor("ada"),
        course_id=course.public_id,
        key="preparation.3",
        starts_at=START + days(20),
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        now=START,
    )
    text = same_text()
    head, rest = text.split("code: preparation\n", 1)
    windows = rest.index("windows:")
    third = rest.index("- anchor", rest.index("- anchor", rest.index("- anchor", windows) + 1) + 1)
    end = min(rest.index(word, third) for word in ("    checklist:", "    blocks:", "\n\n"))
    rest = (rest[:third].rstrip() + "\n" + rest[end:].lstrip("\n")).replace("{value: 3", "{value: 2", 1)
    version = draft(cast, head + "code: preparation\n" + rest)
    seen = only(cast, version, course, hours=1)
    assert seen.effects.lost_visits == ("preparation.3",)
    assert (seen.movable, seen.why_not) == (False, "booked-visit-not-planned")


def test_who_may_not_move_a_course_sees_no_preview_of_it(cast: Cast) -> None:
    enrol(cast)
    version = publish_second(cast)
    for name in ("ada", "eve", "finn"):
        assert preview(cast.actor(name), version=version, now=START).count == 0
    elsewhere = make_cast("birch")
    with pytest.raises(NotFound):
        preview(elsewhere.actor("carla"), version=version, now=START)


def test_what_the_preview_says_is_what_the_move_does(cast: Cast) -> None:
    course = enrol(cast)
    ended_at = hold_dosing(cast, course)
    at = ended_at + timedelta(hours=3)
    version = publish_second(cast, now=at)
    before = {row.key: row for row in CourseRequirement.objects.filter(course=course)}
    seen = only(cast, version, course, hours=(at - START).total_seconds() / 3600)
    move_courses(
        actor=cast.actor("carla", at=at),
        version_id=version.public_id,
        course_ids=[course.public_id],
        reason="As previewed.",
        now=at,
    )
    after = {row.key: row for row in CourseRequirement.objects.filter(course=course)}
    changed = {key for key in before.keys() | after.keys() if _when(before.get(key)) != _when(after.get(key))}
    assert changed == {one.key for one in seen.effects.dates}


def _when(row: CourseRequirement | None) -> tuple[object, ...] | None:
    """The window of something still to be done."""
    if row is None or row.shape != "do_in_window" or row.status not in ("upcoming", "open", "overdue"):
        return None
    return row.opens_at, row.target_at, row.due_at, row.closes_at
