"""The patients of the demo clinics, each at a telling point of the course. Every act goes through the
operations that the pages use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from clinic.rules.wall_time import day_of, on_day
from sessions.management.clinics import ALDER, BIRCH
from sessions.management.story import House, Story
from sessions.models import DeviationRecord
from sessions.models.courses import TeamRole
from sessions.operations import review
from sessions.operations.booking import book_session
from sessions.operations.closing import close_deviation
from sessions.operations.enrolment import enrol_patient, register_patient
from sessions.operations.records import record_fact
from sessions.operations.workflow import complete_course, put_course_on_hold, stop_dosing, withdraw_patient
from sessions.rules.facts import AdverseEventRecorded, MedicineListed
from sessions.rules.review import Foreseen, Part

OPENED = time(6, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """Who is to be enrolled, how many days ago, and who looks after them."""

    code: str
    given_name: str
    days_ago: int
    lead: str = "ada"
    second: str = "ben"
    room: str = "Blue room"
    born_on: date = date(1986, 4, 12)
    pronouns: str = "they/them"
    totals: Mapping[str, int] | None = None
    dosing_at: time = time(9, 0)
    half_written: Mapping[str, Mapping[str, str]] | None = None


def _enrol(house: House, who: Enrolled, now: datetime) -> Story:
    zone = house.zone
    at = on_day(day_of(now, zone) - timedelta(days=who.days_ago), time(10, 0), zone)
    in_alder = house.clinic.slug == ALDER.slug
    coordinator, prescriber, supervisor = ("eve", "dov", "carla") if in_alder else ("vera", "tiago", "sofia")
    rater = (ALDER if in_alder else BIRCH).rater
    patient = register_patient(
        actor=house.actor(coordinator, at),
        code=who.code,
        given_name=who.given_name,
        family_name="Fictional",
        born_on=who.born_on,
        pronouns=who.pronouns,
        email=f"{who.given_name.lower()}.{who.code.lower()}@example.org",
        phone="+1 202 555 01" + who.code[-2:],
        email_allowed=True,
        # Some were asked about texts when they came, and agreed.
        text_allowed=who.code[-1] in "258",
        now=at,
    )
    course = enrol_patient(
        actor=house.actor(coordinator, at),
        patient_id=patient.public_id,
        protocol_version_id=house.version.public_id,
        team={
            TeamRole.LEAD_THERAPIST: house.id(who.lead),
            TeamRole.CO_THERAPIST: house.id(who.second),
            TeamRole.PRESCRIBER: house.id(prescriber),
            TeamRole.SUPERVISOR: house.id(supervisor),
            TeamRole.INDEPENDENT_RATER: house.id(rater),
        },
        enrolled_at=at,
        now=at,
    )
    return Story(
        house=house,
        course=course,
        lead=who.lead,
        second=who.second,
        prescriber=prescriber,
        rater=rater,
        room=who.room,
        at=at,
        totals=who.totals or {},
        dosing_at=who.dosing_at,
        half_written=who.half_written or {},
    )


def _told(house: House, who: Enrolled, now: datetime) -> Story:
    """Enrolled, with the chart filled the same morning."""
    story = _enrol(house, who, now)
    story.fill_chart(at=story.at + timedelta(minutes=15))
    return story


def _close(story: Story, now: datetime) -> None:
    story.book_ahead(now=now)
    story.tidy_tasks(before=now - timedelta(days=2))


# --- the patients: preparation to dosing 1 takes 28 days, dosing to dosing 28 ------------------------------


def newly_enrolled(house: House, now: datetime) -> None:
    story = _enrol(
        house, Enrolled(code="A-01", given_name="Wren", days_ago=1, lead="greta", second="hugo"), now
    )
    story.fill_chart(
        at=story.at + timedelta(minutes=15),
        leave_out=(
            "consent.recording",
            "heart.qtc",
            "chart.emergency_contact",
            "exclusion.sympathomimetic_risk",
        ),
    )
    _close(story, now)


def in_preparation(house: House, now: datetime) -> None:
    story = _told(house, Enrolled(code="A-02", given_name="Robin", days_ago=12), now)
    story.tell(until=now)
    _close(story, now)


def dosing_tomorrow(house: House, now: datetime) -> None:
    """Everything is in place but the escort home."""
    story = _told(house, Enrolled(code="A-03", given_name="Lark", days_ago=27), now)
    stopped_on = day_of(story.at, house.zone) - timedelta(days=10)
    story.put(
        MedicineListed(
            name="Sertraline", classes=frozenset({"ssri"}), dose="50 mg", last_taken_on=stopped_on
        ),
        at=story.at,
    )
    story.tell(until=now, with_dosing=False)
    tomorrow = day_of(now, house.zone) + timedelta(days=1)
    story.book_dosing(cycle=1, at=on_day(tomorrow, time(9, 0), house.zone), now=now)
    story.make_ready(cycle=1, at=now, leave_out=("chart.escort",))


def dosing_today(house: House, now: datetime) -> None:
    """Dosing 1 this morning: still to come, under way or just ended, by the hour of the clinic's day."""
    who = Enrolled(
        code="A-04",
        given_name="Jay",
        days_ago=28,
        lead="greta",
        second="hugo",
        room="Green room",
        dosing_at=time(8, 0),
    )
    story = _told(house, who, now)
    story.tell(until=now)
    begins = on_day(day_of(now, house.zone), time(8, 0), house.zone)
    if now < begins:
        story.book_dosing(cycle=1, at=begins, now=now)
        story.make_ready(cycle=1, at=now)
    _close(story, now)


def day_after_dosing(house: House, now: datetime) -> None:
    """The check-in is not answered yet, the first integration session is this morning, and of the dosing day
    there is only a draft."""
    who = Enrolled(
        code="A-05",
        given_name="Finch",
        days_ago=29,
        room="Quiet room",
        half_written={
            "dosing.1": {
                "course_of_day": "Quiet first hour with eyeshades. Towards noon spoke of the accident for "
                "the first time without hurrying past it; cried, then asked for the window to be opened."
            }
        },
    )
    story = _told(house, who, now)
    zone = house.zone
    today = day_of(now, zone)
    morning = on_day(today, OPENED, zone)
    story.tell(until=min(now, morning))
    if now >= on_day(today, time(13, 30), zone):
        story.tell(until=now, skip=("check_in@dosing.1",))
    else:
        begins = on_day(today, time(10, 0), zone)
        while begins <= now + timedelta(minutes=20):
            begins += timedelta(minutes=30)
        book_session(
            actor=story.lead_actor(now),
            course_id=story.course.public_id,
            key="integration.1@dosing.1",
            starts_at=begins,
            people=[house.id("ada"), house.id("ben")],
            room_id=house.rooms["Quiet room"].public_id,
            now=now,
        )
    _close(story, now)


def mid_integration(house: House, now: datetime) -> None:
    """After dosing 2: one integration session came late, one call was skipped, and the scores fall."""
    scores = {
        "pcl5.baseline": 58,
        "pcl5.after_dosing@dosing.1": 41,
        "pcl5.after_dosing@dosing.2": 33,
        "caps5.baseline": 46,
        "caps5.week_4": 35,
    }
    who = Enrolled(
        code="A-06",
        given_name="Heron",
        days_ago=28 + 28 + 9,
        lead="greta",
        second="hugo",
        room="Green room",
        totals=scores,
    )
    story = _told(house, who, now)
    story.tell(until=now, skip=("contact.daily@dosing.1#4",), late_days={"integration.2@dosing.1": 4})
    _close(story, now)


def on_hold(house: House, now: datetime) -> None:
    story = _told(house, Enrolled(code="A-07", given_name="Swift", days_ago=20), now)
    held_at = now - timedelta(days=3)
    story.tell(until=held_at)
    put_course_on_hold(
        actor=story.lead_actor(held_at),
        course_id=story.course.public_id,
        reason="Bad chest infection; we go on when it is over",
        now=held_at,
    )


def completed(house: House, now: datetime) -> None:
    scores = {
        "pcl5.baseline": 52,
        "pcl5.after_dosing@dosing.1": 39,
        "pcl5.after_dosing@dosing.2": 27,
        "pcl5.after_dosing@dosing.3": 19,
        "pcl5.follow_up": 16,
        "caps5.baseline": 44,
        "caps5.week_4": 31,
        "caps5.week_8": 18,
        "caps5.primary": 9,
    }
    story = _told(
        house, Enrolled(code="A-08", given_name="Martin", days_ago=28 + 56 + 61 + 6, totals=scores), now
    )
    story.tell(until=now - timedelta(days=2), skip=("contact.daily@dosing.2#6",))
    story.tidy_tasks(before=now - timedelta(days=2))
    complete_course(
        actor=story.lead_actor(now - timedelta(days=2)),
        course_id=story.course.public_id,
        now=now - timedelta(days=2),
    )
    _review(story, at=now - timedelta(days=2, hours=-1))


def withdrawn(house: House, now: datetime) -> None:
    """Left two days after the first dose; the daily contacts go on."""
    story = _told(
        house, Enrolled(code="A-09", given_name="Teal", days_ago=28 + 3, lead="greta", second="hugo"), now
    )
    left_at = now - timedelta(days=1, hours=2)
    story.tell(until=left_at)
    withdraw_patient(
        actor=story.lead_actor(left_at),
        course_id=story.course.public_id,
        reason="Does not want another session; glad to be called",
        now=left_at,
    )
    story.tell(until=on_day(day_of(now, house.zone), time(0, 0), house.zone))


def stopped_after_one(house: House, now: datetime) -> None:
    """Dosing ended after the first session by decision, which is not a row of misses."""
    who = Enrolled(
        code="A-10",
        given_name="Plover",
        days_ago=28 + 22,
        half_written={
            "integration.3@dosing.1": {
                "data": "Relieved that no second dose follows. Sleeps through, apart from Tuesday.",
                "plan": "Walks with the sister on Sundays.",
            }
        },
    )
    story = _told(house, who, now)
    story.tell(until=now - timedelta(days=4))
    at = max(story.at, now - timedelta(days=4))
    record_fact(
        actor=story.lead_actor(at),
        course_id=story.course.public_id,
        value=AdverseEventRecorded(
            term="Palpitations", severity="moderate", serious=False, outcome="recovered", onset_at=at
        ),
        occurred_at=at,
        now=at,
    )
    stop_dosing(
        actor=house.actor("dov", at),
        course_id=story.course.public_id,
        after_cycle=1,
        reason="Palpitations since the first dosing session; integration goes on",
        now=at,
    )
    story.tell(until=now)
    _close(story, now)


def birch_preparation(house: House, now: datetime) -> None:
    who = Enrolled(code="B-01", given_name="Ibis", days_ago=9, lead="ines", second="carla", room="River room")
    story = _told(house, who, now)
    story.tell(until=now)
    _close(story, now)


def birch_integration(house: House, now: datetime) -> None:
    who = Enrolled(
        code="B-02",
        given_name="Egret",
        days_ago=28 + 12,
        lead="ines",
        second="carla",
        room="River room",
        totals={"pcl5.baseline": 49},
    )
    story = _told(house, who, now)
    story.tell(until=now)
    _close(story, now)


def birch_new(house: House, now: datetime) -> None:
    who = Enrolled(
        code="B-03", given_name="Stilt", days_ago=2, lead="ines", second="carla", room="Garden room"
    )
    _close(_enrol(house, who, now), now)


def _review(story: Story, *, at: datetime) -> None:
    """Every deviation looked over: the plain ones acknowledged, the others gone through and signed."""
    carla = story.house.actor("carla", at)
    for deviation in DeviationRecord.objects.filter(course=story.course, reviewed_at=None):
        about: dict[str, Any] = {"actor": carla, "deviation_id": deviation.public_id, "now": at}
        found = "Called twice that day and reached the next morning. No harm; the rota is fixed."
        if not (deviation.important or deviation.repeated):
            review.review_deviation(**about, comment=found, closes=True)
            continue
        review.acknowledge_deviation(**about, comment=found)
        review.classify_deviation(
            **about,
            important=deviation.important,
            foreseen=Foreseen.DISCOVERED,
            hazard=False,
            comment="Found by the system on the day.",
        )
        review.find_root_cause(**about, comment="Two people were ill and nobody took over their calls.")
        review.waive_parts(
            **about,
            parts={Part.ACTIONS, Part.EFFECTIVENESS},
            comment="The rota had been changed already; calls now have a cover by name.",
        )
        close_deviation(**about, comment="Nothing further follows.")


Scene = Callable[[House, datetime], None]
SCENES_OF_ALDER: tuple[tuple[str, Scene], ...] = (
    ("Wren, enrolled yesterday", newly_enrolled),
    ("Robin, in preparation", in_preparation),
    ("Lark, dosing 1 tomorrow and one thing missing", dosing_tomorrow),
    ("Jay, dosing 1 today", dosing_today),
    ("Finch, the day after dosing 1", day_after_dosing),
    ("Heron, after dosing 2, with two departures", mid_integration),
    ("Swift, on hold", on_hold),
    ("Martin, completed", completed),
    ("Teal, withdrawn after a dose", withdrawn),
    ("Plover, no more dosing by decision", stopped_after_one),
)
SCENES_OF_BIRCH: tuple[tuple[str, Scene], ...] = (
    ("Ibis, in preparation", birch_preparation),
    ("Egret, in integration", birch_integration),
    ("Stilt, newly enrolled", birch_new),
)
