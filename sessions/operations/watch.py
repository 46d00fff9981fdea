"""What time alone turns into work for a person: a contact that was missed, a check-in nobody answered, a
rater who may rate no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils.translation import gettext as _

from clinic.actors import system_actor
from clinic.models import Absence, Event, Membership
from clinic.rules.wall_time import day_of, end_of_day, start_of_day
from protocols.rules.definition import AnswerRule, ProtocolDefinition, Role
from protocols.rules.instruments import Act
from sessions.models import Course, ResourceUse, StaffTask
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.tasks import TaskKind
from sessions.operations.ladders import called_by_a_ladder, keep_ladder_tasks
from sessions.operations.tasks import SAME_CALL, close_tasks, keep_tasks_owned, open_task
from sessions.queries.blinding import raters_blind_no_more
from sessions.queries.fidelity_raters import barred_since, ratings_to_make
from sessions.rules.facts import History
from sessions.rules.kinds.ladders import hour_for
from sessions.rules.requirements import Kind, Outcome, Requirement, Status
from sessions.rules.windows import length

WAITING = {Status.OPEN, Status.OVERDUE}


def open_overdue_tasks(
    *, course: Course, definition: ProtocolDefinition, outcome: Outcome, history: History, now: datetime
) -> datetime | None:
    """Open a task for each safety contact that was missed, each check-in not answered by its hour and each
    visit booked with somebody who will have left or turns out to be away, and hand on those whose owner has
    left.

    Returns the next instant at which time alone would open or hand on another.
    """
    away: frozenset[str] = frozenset()
    if any(booking.starts_at > now for booking in history.bookings):
        _flag_visits_without_staff(course=course, now=now)
        away = _flag_visits_with_somebody_away(course=course, now=now)
    unblinded = _flag_raters_blind_no_more(course=course, definition=definition, outcome=outcome, now=now)
    answers = {answer.rule: answer for answer in definition.answers}
    barred, next_look = _flag_fidelity_raters(course=course, now=now)
    known = list(StaffTask.objects.filter(course=course).values_list("kind", "subject", "done_at"))
    opened = {(kind, subject) for kind, subject, _done_at in known}
    over = {
        TaskKind.STAFF_AWAY: (away, _("They are there after all, or the visit is over.")),
        TaskKind.RATER_NOT_BLIND: (unblinded, _("Somebody else rates it, or nothing is left to rate.")),
        TaskKind.FIDELITY_RATER: (barred, _("Somebody else rates it, or they may again.")),
    }
    for kind, subject, done_at in known:
        if kind in over and done_at is None and subject not in over[TaskKind(kind)][0]:
            close_tasks(
                actor=system_actor(clinic_id=course.clinic_id, at=now),
                course=course,
                kinds=[TaskKind(kind)],
                subject=subject,
                resolution=over[TaskKind(kind)][1],
                now=now,
            )
    _close_what_is_booked(course=course, outcome=outcome, history=history, known=known, now=now)
    asked_for = {subject for kind, subject in opened if kind in SAME_CALL}
    by_ladder = called_by_a_ladder(definition)
    if by_ladder:
        keep_ladder_tasks(course=course, definition=definition, outcome=outcome, known=known, now=now)
    if any(done_at is None for _kind, _subject, done_at in known):
        turn = keep_tasks_owned(course=course, now=now)
        next_look = min((at for at in (next_look, turn) if at is not None), default=None)
    for requirement in outcome.requirements:
        if not requirement.firm or requirement.kind not in (Kind.CONTACT, Kind.ASSESSMENT):
            continue
        answer = answers.get(requirement.rule)
        missed = requirement.status is Status.MISSED and requirement.was_asked
        if missed and requirement.safety and requirement.kind is Kind.CONTACT:
            if (TaskKind.MISSED_CONTACT.value, requirement.key) not in opened:
                open_task(
                    course=course,
                    kind=TaskKind.MISSED_CONTACT,
                    subject=requirement.key,
                    act_by=now + (act_within(answer) if answer else timedelta(0)),
                    now=now,
                    owner_role=answer.owner.value if answer else "therapist",
                    cover_role=answer.cover.value if answer else "coordinator",
                )
        elif (
            answer
            and requirement.rule not in by_ladder
            and (missed or requirement.status in WAITING | {Status.UPCOMING})
        ):
            hour = answer_hour(course=course, answer=answer, requirement=requirement)
            if hour is None or requirement.key in asked_for:
                continue
            if hour > now:
                next_look = hour if next_look is None else min(next_look, hour)
            elif missed or requirement.status in WAITING:
                open_task(
                    course=course,
                    kind=TaskKind.NO_ANSWER,
                    subject=requirement.key,
                    act_by=now + act_within(answer),
                    now=now,
                    owner_role=answer.owner.value,
                    cover_role=answer.cover.value,
                )
    return next_look


def _close_what_is_booked(
    *,
    course: Course,
    outcome: Outcome,
    history: History,
    known: Sequence[tuple[str, str, datetime | None]],
    now: datetime,
) -> None:
    """A visit that was to be booked again is, or the session was held, or is asked no more."""
    booked = {booking.key for booking in history.bookings}
    for kind, subject, done_at in known:
        if kind != TaskKind.VISIT_TO_BOOK or done_at is not None:
            continue
        key = subject.partition("~")[0]
        asked = outcome.get(key)
        if key in booked or asked is None or asked.status not in WAITING | {Status.UPCOMING}:
            close_tasks(
                actor=system_actor(clinic_id=course.clinic_id, at=now),
                course=course,
                kinds=[TaskKind.VISIT_TO_BOOK],
                subject=subject,
                resolution="booked_anew",
                now=now,
            )


def _flag_visits_without_staff(*, course: Course, now: datetime) -> None:
    """A visit booked with somebody whose work here ends before it: the coordinator finds somebody else."""
    member = "resource__membership__"
    taken = ResourceUse.objects.filter(
        Q(**{f"{member}until_on__isnull": False}) | Q(**{f"{member}person__is_active": False}),
        clinic_id=course.clinic_id,
        booking__course=course,
        booking__status__in=LIVE_BOOKINGS,
        booking__starts_at__gt=now,
        live=True,
    )
    visits = taken.order_by("booking_id").values_list(
        "booking__public_id", "booking__starts_at", f"{member}until_on", f"{member}person__is_active"
    )
    for booking_id, starts_at, until_on, is_active in visits:
        if is_active and until_on >= day_of(starts_at, course.clinic.zone_info):
            continue
        open_task(
            course=course,
            kind=TaskKind.STAFF_GONE,
            subject=str(booking_id),
            act_by=starts_at,
            now=now,
            owner_role="coordinator",
            cover_role="therapist",
            safety=False,
        )


def _flag_visits_with_somebody_away(*, course: Course, now: datetime) -> frozenset[str]:
    """A visit to come with somebody of whom it was recorded only after the booking that they are away then:
    the coordinator finds somebody else. Who books them all the same knows it. The subjects of the tasks."""
    use = "person__memberships__resource__uses__"
    found = Absence.objects.filter(
        **{
            "clinic_id": course.clinic_id,
            "until_at__gt": now,
            "person__memberships__clinic_id": course.clinic_id,
            f"{use}live": True,
            f"{use}booking__course": course,
            f"{use}booking__status__in": LIVE_BOOKINGS,
            f"{use}booking__starts_at__gt": now,
            f"{use}booking__starts_at__lt": F("until_at"),
            f"{use}booking__ends_at__gt": F("from_at"),
        }
    ).values_list(
        "public_id",
        "recorded_at",
        f"{use}booking_id",
        f"{use}booking__public_id",
        f"{use}booking__starts_at",
    )
    visits = list(found.order_by("recorded_at", "pk"))
    if not visits:
        return frozenset()
    booked = Event.objects.filter(
        clinic_id=course.clinic_id,
        subject_type="sessionbooking",
        subject_id__in=[visit[2] for visit in visits],
        verb="session_booked",
    )
    booked_at = dict(booked.values_list("subject_id", "recorded_at"))
    subjects = set()
    for absence_id, recorded_at, booking, booking_id, starts_at in visits:
        if booking not in booked_at or recorded_at <= booked_at[booking]:
            continue
        subjects.add(f"{booking_id}~{absence_id}")
        open_task(
            course=course,
            kind=TaskKind.STAFF_AWAY,
            subject=f"{booking_id}~{absence_id}",
            act_by=starts_at,
            now=now,
            owner_role="coordinator",
            cover_role="therapist",
            safety=False,
        )
    return frozenset(subjects)


def _flag_raters_blind_no_more(
    *, course: Course, definition: ProtocolDefinition, outcome: Outcome, now: datetime
) -> frozenset[str]:
    """While something is left to rate: a coordinator names another rater before its time comes, or, where it
    has, before it is over. The subjects of the tasks."""
    left = [
        one.window.opens_at if one.status is Status.UPCOMING else one.window.closes_at
        for one in outcome.requirements
        if one.kind is Kind.ASSESSMENT
        and one.who is Role.INDEPENDENT_RATER
        and one.status in WAITING | {Status.UPCOMING}
    ]
    if not left:
        return frozenset()
    act_by = min((at for at in left if at is not None), default=now)
    subjects = set()
    for place, known in raters_blind_no_more(course, definition, now=now):
        since = f"{known.since:%Y%m%d}" if known.since else ""
        subjects.add(subject := f"{place.public_id}~{known.why}{since}")
        open_task(
            course=course,
            kind=TaskKind.RATER_NOT_BLIND,
            subject=subject,
            act_by=max(act_by, now),
            now=now,
            owner_role="coordinator",
            cover_role="supervisor",
            safety=False,
        )
    return frozenset(subjects)


def _flag_fidelity_raters(*, course: Course, now: datetime) -> tuple[frozenset[str], datetime | None]:
    """Somebody named to rate a session of the course who may not rate it any more: a supervisor names
    another, today. The subjects of the tasks, and the next midnight at which a rater will have left."""
    waiting = list(ratings_to_make(course))
    if not waiting:
        return frozenset(), None
    zone = course.clinic.zone_info
    leaving = Membership.objects.filter(
        clinic_id=course.clinic_id,
        person_id__in={one.rater_id for one in waiting},
        until_on__gte=day_of(now, zone),
    ).values_list("until_on", flat=True)
    next_look = min((start_of_day(last + timedelta(days=1), zone) for last in leaving if last), default=None)
    out = barred_since(waiting, now=now)
    if not out:
        return frozenset(), next_look
    settled = Counter(
        subject.partition("~")[0]
        for subject in StaffTask.objects.filter(
            course=course, kind=TaskKind.FIDELITY_RATER, done_at__isnull=False
        ).values_list("subject", flat=True)
    )
    subjects = set()
    for rating in waiting:
        if rating.pk not in out:
            continue
        # Barred again after they might rate again: that is another task.
        subjects.add(subject := f"{rating.public_id}~{settled[str(rating.public_id)] + 1}")
        open_task(
            course=course,
            kind=TaskKind.FIDELITY_RATER,
            subject=subject,
            act_by=end_of_day(day_of(now, zone), zone),
            now=now,
            owner_role="supervisor",
            cover_role="supervisor",
            safety=False,
        )
    return frozenset(subjects), next_look


def answer_hour(*, course: Course, answer: AnswerRule, requirement: Requirement) -> datetime | None:
    """When an answer is expected at the latest, on the day the contact is for: at the protocol's hour, or at
    the clinic's own where it has set one."""
    zone = course.clinic.zone_info
    return hour_for(answer, requirement, zone=zone, clinics_own=course.clinic.answer_by)


def act_within(answer: AnswerRule) -> timedelta:
    return length(answer.act_within.value)


def act_on_worry_by(act: Act, *, answer: AnswerRule | None, course: Course, now: datetime) -> datetime:
    """By when a person acts on an answer of which the instrument asks for `act`: within the time that the
    protocol gives for this questionnaire. Where it gives none, what is immediate is due now, and all else
    before the clinic's day ends."""
    if answer is not None:
        return now + act_within(answer)
    zone = course.clinic.zone_info
    return now if act is Act.IMMEDIATE else end_of_day(day_of(now, zone), zone)
