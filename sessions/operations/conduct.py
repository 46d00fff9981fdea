"""Holding sessions: starting, what happens in them, ending, and entering one that took place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Membership
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from protocols.measures import measures
from protocols.queries import definition_of
from protocols.rules.definition import Move, ProtocolDefinition, SessionKind, SessionRule
from sessions.models import Course, CourseRequirement, FactRecord, NoteRecord, SessionBooking, SessionRecord
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus, RecordStatus
from sessions.models.courses import CourseStatus
from sessions.models.tasks import TaskKind
from sessions.operations.booking import free_resources
from sessions.operations.gating import closed_gates, gate_data, refuse_if_blocked, use_overrides
from sessions.operations.moving import move_row
from sessions.operations.on_course import on_course, on_session_record
from sessions.operations.records import (
    SKEW,
    Concern,
    check_possible,
    check_time,
    confirm_concerns,
    put_fact,
    unusual,
)
from sessions.operations.tasks import open_task
from sessions.permissions import subject_of
from sessions.queries.history import history_of
from sessions.queries.words import breach_words, gate_why
from sessions.rules.facts import (
    AdverseEventsAsked,
    ChecklistTicked,
    DoseGiven,
    DoseOrdered,
    DosePart,
    DoseWithheld,
    FactSource,
    FactValue,
    Intake,
    Mode,
    MomentNoted,
    SessionTimesCorrected,
    StaffPresent,
    VitalsTaken,
)
from sessions.rules.keys import dose_rule_of, session_rule_of
from sessions.rules.limits import Breach, check_order, judge_dose, judge_vitals
from sessions.rules.moves import BOOKING_MOVES, COURSE_MOVES, RECORD_MOVES

LONGEST_SESSION = timedelta(days=1)
"""An entered session is no longer: a typing slip in the date, not a clinical figure."""

DOUBLE_CLICK = timedelta(minutes=1)
"""Two ends this close are the same end, said twice."""


def start_session(
    *,
    actor: Actor,
    course_id: UUID,
    key: str,
    now: datetime,
    staff: Sequence[UUID] = (),
    mode: Mode = Mode.IN_PERSON,
    patient_location: str = "",
    call_back_number: str = "",
    public_id: UUID | None = None,
) -> SessionRecord:
    """Start the session that requirement `key` asks for, with whoever is in the room (the actor always is).

    Raises NotNow with every closed gate; nothing is written then.
    """
    with on_course(actor=actor, course_id=course_id, permission=Permission.START_SESSION, now=now) as course:
        public_id = public_id or uuid7()
        first = SessionRecord.objects.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            return _same(first, course=course, key=key)
        if course.status not in (CourseStatus.ENROLLED, CourseStatus.ACTIVE):
            raise NotNow("The course is not going on.", advice="Resume it, or add an unscheduled session.")
        rule = _session_rule(course, key)
        booking = SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
        if booking is None and rule.kind is SessionKind.DOSING:
            raise NotNow("This session is not booked.", advice="Book it with its people and its room first.")
        if booking is not None and booking.status != BookingStatus.CHECKED_IN:
            raise NotNow(
                "The patient is not checked in.", code="not-checked-in", advice="Check the patient in first."
            )
        people = _people(course=course, staff=staff, actor=actor)
        overrides = refuse_if_blocked(
            course=course, move=Move.START_SESSION, key=key, conducting=people, now=now
        )
        record = _open_record(
            actor=actor,
            course=course,
            booking=booking,
            key=key,
            kind=rule.kind,
            mode=mode,
            place=(patient_location, call_back_number),
            started_at=now,
            people=people,
            public_id=public_id,
            now=now,
            source=FactSource.STAFF,
        )
        use_overrides(actor=actor, course=course, overrides=overrides, record=record, now=now)
        return record


def _same(first: SessionRecord, *, course: Course, key: str | None) -> SessionRecord:
    if (first.course_id, first.key) != (course.pk, key):
        raise Incomplete("This id was already used for another session.", code="id-reused")
    return first


def _session_rule(course: Course, key: str) -> SessionRule:
    definition = definition_of(course.protocol_version_id)
    rule = session_rule_of(definition=definition, key=key)
    if rule is None or not CourseRequirement.objects.filter(course=course, key=key, kind="session").exists():
        raise NotFound(
            "The protocol plans no such session.", advice="Add what took place as an unscheduled session."
        )
    return rule


def _people(*, course: Course, staff: Sequence[UUID], actor: Actor) -> set[int]:
    if actor.person_id is None:
        raise BadInput()
    found = dict(
        Membership.objects.filter(clinic_id=course.clinic_id, person__public_id__in=list(staff)).values_list(
            "person__public_id", "person_id"
        )
    )
    if len(found) != len(set(staff)):
        raise BadInput("Somebody chosen does not work in this clinic.", fields={"staff": ["Choose again."]})
    return {actor.person_id, *found.values()}


def _open_record(
    *,
    actor: Actor,
    course: Course,
    booking: SessionBooking | None,
    key: str | None,
    kind: SessionKind,
    mode: Mode,
    place: tuple[str, str],
    started_at: datetime,
    people: set[int],
    public_id: UUID,
    now: datetime,
    source: FactSource,
) -> SessionRecord:
    if mode is not Mode.IN_PERSON and not (place[0].strip() and place[1].strip()):
        raise Incomplete(
            "For a remote session, say where the patient is and a number to ring back.",
            fields={
                "patient_location": ["Where is the patient?"],
                "call_back_number": ["A number to ring back."],
            },
        )
    if SessionRecord.objects.filter(course=course, status=RecordStatus.UNDER_WAY).exists():
        raise NotNow("A session of this patient is already under way.", advice="End it first.")
    if key is not None and (
        SessionRecord.objects.filter(course=course, key=key, counts=True)
        .exclude(status=RecordStatus.VOID)
        .exists()
    ):
        raise NotNow("This session was already held.", advice="To add another, log an unscheduled session.")
    if booking is not None:
        # Its people and its room stay taken until the session has ended.
        move_row(actor=actor, row=booking, table=BOOKING_MOVES, action="use", now=now)
    record = SessionRecord.objects.create(
        clinic_id=course.clinic_id,
        public_id=public_id,
        course=course,
        booking=booking,
        key=key,
        kind=kind.value,
        mode=mode.value,
        patient_location=place[0].strip(),
        call_back_number=place[1].strip(),
        started_at=started_at,
        started_by_id=actor.person,
    )
    record_event(
        actor=actor,
        verb="session_started",
        subject=record,
        course_id=course.pk,
        occurred_at=started_at,
        now=now,
        data={"key": key, "kind": kind.value},
    )
    for person_id in sorted(people):
        put_fact(
            actor=actor,
            course=course,
            value=StaffPresent(
                record_id=record.public_id, person_id=person_id, from_at=started_at, until_at=None
            ),
            occurred_at=started_at,
            key=key,
            session_record=record,
            source=source,
            now=now,
        )
    if course.status == CourseStatus.ENROLLED:
        move_row(actor=actor, row=course, table=COURSE_MOVES, action="begin", now=now)
    return record


def void_session(*, actor: Actor, record_id: UUID, reason: str, now: datetime) -> SessionRecord:
    """The way back from a session started in error: it never took place, and its booking stands again."""
    with on_session_record(
        actor=actor, record_id=record_id, permission=Permission.START_SESSION, now=now
    ) as (_course, record):
        if record.facts.filter(kind="dose_given", amended_by__isnull=True).exists():
            raise NotNow(
                "A dose was recorded in this session; it can't be taken back.", advice="End it instead."
            )
        move_row(actor=actor, row=record, table=RECORD_MOVES, action="void", now=now, reason=reason)
        if record.booking is not None:
            booking = record.booking
            SessionRecord.objects.filter(pk=record.pk).update(booking=None)
            move_row(
                actor=actor,
                row=booking,
                table=BOOKING_MOVES,
                action="release",
                now=now,
                reason=reason,
                columns={"reason": reason},
            )
            booking.uses.update(live=True)
        return record


# --- during a session ---------------------------------------------------------------------------------------


def _still_open(record: SessionRecord) -> None:
    """Facts of a session may be entered until it is signed: from paper, or after the tablet was away."""
    if record.status in (RecordStatus.SIGNED, RecordStatus.VOID):
        raise NotNow("This session's record is closed.", advice="Amend what is wrong, or add an addendum.")


def record_vitals(
    *,
    actor: Actor,
    record_id: UUID,
    vitals: Mapping[str, int | Decimal | None],
    occurred_at: datetime,
    now: datetime,
    confirmed: frozenset[str] = frozenset(),
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> FactRecord:
    """A reading: systolic, diastolic (mmHg), pulse (/min), temperature (°C), distress (SUDS 0-10); any may be
    absent.

    Impossible values are refused; unusual ones are kept once confirmed. One beyond a safety limit is kept at
    once, since peaks are expected and nothing may stand between a person and its record, and it reaches the
    prescriber.
    """
    with on_session_record(
        actor=actor, record_id=record_id, permission=Permission.RECORD_VITALS, now=now
    ) as (course, record):
        _still_open(record)
        value = VitalsTaken(record_id=record.public_id, **vitals)  # type: ignore[arg-type]
        check_possible(value)
        concerns = [
            concern
            for name, measure in measures().items()
            if (concern := unusual(name, getattr(value, name, None), measure.usual)) is not None
        ]
        confirm_concerns(concerns, confirmed)
        row, new = put_fact(
            actor=actor,
            course=course,
            value=value,
            occurred_at=occurred_at,
            key=record.key,
            session_record=record,
            source=source,
            public_id=public_id,
            now=now,
        )
        if new:
            breaches = judge_vitals(
                definition=definition_of(course.protocol_version_id),
                history=history_of(course),
                as_of=row.occurred_at,
                key=record.key,
                reading=value,
            )
            _tell_prescriber(actor=actor, course=course, row=row, breaches=breaches, now=now)
        return row


def _tell_prescriber(
    *, actor: Actor, course: Course, row: FactRecord, breaches: Sequence[Breach], now: datetime
) -> None:
    if any(breach.safety for breach in breaches):
        open_task(
            actor=actor,
            course=course,
            kind=TaskKind.SAFETY_LIMIT,
            subject=str(row.public_id),
            act_by=now,
            now=now,
            owner_role="prescriber",
            cover_role="supervisor",
        )


def order_dose(
    *,
    actor: Actor,
    course_id: UUID,
    cycle: int,
    amount: Decimal,
    now: datetime,
    supplement_allowed: bool = True,
    public_id: UUID | None = None,
) -> FactRecord:
    """The prescriber's recorded choice for one dosing session. An order beyond a limit is refused."""
    with on_course(actor=actor, course_id=course_id, permission=Permission.ORDER_DOSE, now=now) as course:
        if actor.person_id is None:
            raise BadInput()
        definition = definition_of(course.protocol_version_id)
        unit = _dose_unit(definition)
        breaches = check_order(
            definition=definition,
            history=history_of(course),
            as_of=now,
            cycle=cycle,
            amount=amount,
            unit=unit,
            supplement=supplement_allowed,
        )
        if breaches:
            raise Incomplete(
                " ".join(breach_words(breach) for breach in breaches),
                code="order-over-limit",
                advice="Choose one of the protocol's doses.",
                fields={"amount": [breach_words(breach) for breach in breaches]},
            )
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=DoseOrdered(
                cycle=cycle,
                amount=amount,
                unit=unit,
                supplement_allowed=supplement_allowed,
                person_id=actor.person_id,
            ),
            occurred_at=now,
            public_id=public_id,
            now=now,
        )
        return row


def give_dose(
    *,
    actor: Actor,
    record_id: UUID,
    part: DosePart,
    amount: Decimal,
    occurred_at: datetime,
    now: datetime,
    intake: Intake = Intake.FULL,
    checked_by: UUID | None = None,
    confirmed: frozenset[str] = frozenset(),
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record that a dose was given. What breaks a limit, or was given although a gate was closed, is recorded
    once
    confirmed, becomes a deviation, and reaches the prescriber at once where it is a safety limit."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.GIVE_DOSE, now=now) as (
        course,
        record,
    ):
        _still_open(record)
        if record.kind != SessionKind.DOSING.value or actor.person_id is None:
            raise NotNow("This is not a dosing session.")
        if amount <= 0:
            raise BadInput("The dose is not an amount.", fields={"amount": ["Enter an amount above zero."]})
        definition = definition_of(course.protocol_version_id)
        checker = _checker(course=course, checked_by=checked_by, actor=actor)
        occurred_at = check_time(occurred_at, now=now)
        if occurred_at < record.started_at:
            raise BadInput(
                "The session had not begun at that time.", fields={"occurred_at": ["Check the time."]}
            )
        value = DoseGiven(
            record_id=record.public_id,
            part=part,
            amount=amount,
            unit=_dose_unit(definition),
            intake=intake,
            given_by=actor.person_id,
            checked_by=checker,
        )
        public_id = public_id or uuid7()
        breaches: Sequence[Breach] = ()
        if not FactRecord.objects.filter(clinic_id=course.clinic_id, public_id=public_id).exists():
            breaches = judge_dose(
                definition=definition,
                history=history_of(course),
                as_of=occurred_at,
                key=record.key,
                dose=value,
            )
            concerns = [
                Concern(code=one.code, words=breach_words(one), safety=one.safety) for one in breaches
            ]
            if record.key:
                closed, _used = closed_gates(course=course, move=Move.GIVE_DOSE, key=record.key, now=now)
                concerns += [Concern(code=f"gate:{gate.key}", words=gate_why(gate)) for gate in closed]
            if checker is None:
                concerns.append(Concern(code="no-second-check", words="No second person checked the dose."))
            confirm_concerns(concerns, confirmed)
        row, new = put_fact(
            actor=actor,
            course=course,
            value=value,
            occurred_at=occurred_at,
            key=record.key,
            session_record=record,
            source=source,
            public_id=public_id,
            now=now,
        )
        if new:
            if intake is not Intake.NOT_TAKEN and not record.counts:
                # Entered from paper after a session that seemed to have no drug: it consumed its cycle after
                # all.
                SessionRecord.objects.filter(pk=record.pk).update(counts=True)
            _tell_prescriber(actor=actor, course=course, row=row, breaches=breaches, now=now)
        return row


def _dose_unit(definition: ProtocolDefinition) -> str:
    rule = dose_rule_of(definition)
    if rule is None:
        raise NotNow("This protocol gives no drug.")
    return rule.unit


def _checker(*, course: Course, checked_by: UUID | None, actor: Actor) -> int | None:
    if checked_by is None:
        return None
    person_id = (
        Membership.objects.filter(clinic_id=course.clinic_id, person__public_id=checked_by)
        .values_list("person_id", flat=True)
        .first()
    )
    if person_id is None or person_id == actor.person_id:
        raise BadInput(
            "The second check is another person's.",
            fields={"checked_by": ["Choose who checked it with you."]},
        )
    return person_id


def withhold_dose(
    *,
    actor: Actor,
    record_id: UUID,
    part: DosePart,
    reason: str,
    occurred_at: datetime,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record that a dose, most often the supplemental one, was withheld, and why."""
    if not reason.strip():
        raise Incomplete(
            "Say why the dose was withheld.", fields={"reason": ["Give the reason in a few words."]}
        )
    return _in_session(
        actor=actor,
        record_id=record_id,
        permission=Permission.GIVE_DOSE,
        value=lambda record: DoseWithheld(record_id=record.public_id, part=part, reason=reason.strip()),
        occurred_at=occurred_at,
        now=now,
        public_id=public_id,
    )


def tick_item(
    *, actor: Actor, record_id: UUID, item: str, done: bool, now: datetime, public_id: UUID | None = None
) -> FactRecord:
    """Tick an item of the session's checklist or of its release list, in the actor's own name."""
    return _in_session(
        actor=actor,
        record_id=record_id,
        permission=Permission.CONDUCT_SESSION,
        value=lambda record: ChecklistTicked(
            record_id=record.public_id, item=item, done=done, person_id=actor.person
        ),
        occurred_at=now,
        now=now,
        public_id=public_id,
    )


def note_moment(
    *,
    actor: Actor,
    record_id: UUID,
    words: str,
    occurred_at: datetime,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    return _in_session(
        actor=actor,
        record_id=record_id,
        permission=Permission.CONDUCT_SESSION,
        value=lambda record: MomentNoted(record_id=record.public_id, words=words.strip()),
        occurred_at=occurred_at,
        now=now,
        public_id=public_id,
    )


def _in_session(
    *,
    actor: Actor,
    record_id: UUID,
    permission: Permission,
    value: Callable[[SessionRecord], FactValue],
    occurred_at: datetime,
    now: datetime,
    public_id: UUID | None,
) -> FactRecord:
    with on_session_record(actor=actor, record_id=record_id, permission=permission, now=now) as (
        course,
        record,
    ):
        _still_open(record)
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=value(record),
            occurred_at=occurred_at,
            key=record.key,
            session_record=record,
            public_id=public_id,
            now=now,
        )
        return row


def change_presence(
    *, actor: Actor, record_id: UUID, person_id: UUID, here: bool, occurred_at: datetime, now: datetime
) -> FactRecord:
    """Somebody of the team came into the room, or left it."""
    with on_session_record(
        actor=actor, record_id=record_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as (course, record):
        _still_open(record)
        occurred_at = check_time(occurred_at, now=now)
        (person,) = _people(course=course, staff=[person_id], actor=actor) - (
            {actor.person_id} if not _is(actor, person_id) else set()
        )
        open_row = next(
            (
                fact
                for fact in record.facts.filter(kind="staff_present", amended_by__isnull=True).order_by(
                    "-recorded_at"
                )
                if fact.value["person_id"] == person and fact.value["until_at"] is None
            ),
            None,
        )
        if here and open_row is not None:
            return open_row
        if not here and open_row is None:
            raise NotNow("They are not in the room.")
        if here:
            value = StaffPresent(
                record_id=record.public_id, person_id=person, from_at=occurred_at, until_at=None
            )
            row, _new = put_fact(
                actor=actor,
                course=course,
                value=value,
                occurred_at=occurred_at,
                key=record.key,
                session_record=record,
                now=now,
            )
            return row
        if open_row is None:
            raise NotNow("They are not in the room.")
        from_at = datetime.fromisoformat(open_row.value["from_at"])
        if occurred_at < from_at:
            raise BadInput("They had not come in at that time.", fields={"occurred_at": ["Check the time."]})
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=StaffPresent(
                record_id=record.public_id, person_id=person, from_at=from_at, until_at=occurred_at
            ),
            occurred_at=open_row.occurred_at,
            key=record.key,
            session_record=record,
            amends=open_row.public_id,
            reason="left the room",
            now=now,
        )
        return row


def _is(actor: Actor, person_public_id: UUID) -> bool:
    return Membership.objects.filter(
        clinic_id=actor.clinic_id, person__public_id=person_public_id, person_id=actor.person
    ).exists()


# --- ending -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the end form of a dosing session says: the items ticked by the actor and, if they agreed on the
    spot with
    their own password, by a second person; and whether any adverse event was reported (None: not asked)."""

    items: tuple[str, ...] = ()
    second: Actor | None = None
    adverse_events: bool | None = None


def end_session(
    *,
    actor: Actor,
    record_id: UUID,
    ended_at: datetime,
    now: datetime,
    release: Release | None = None,
    confirmed: frozenset[str] = frozenset(),
    reason: str = "",
) -> SessionRecord:
    """End a session. A dosing session ends only with the protocol's release items, two names, and the
    adverse-event
    question answered; an early departure, confirmed and with its reason, is recorded as what happened."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.END_SESSION, now=now) as (
        course,
        record,
    ):
        ended_at = check_time(ended_at, now=now, field="ended_at")
        if record.ended_at is not None and record.status in (RecordStatus.ENDED, RecordStatus.SIGNED):
            if abs(record.ended_at - ended_at) < DOUBLE_CLICK:
                return record
            raise NotNow(
                "Somebody else has ended this session, at another time.",
                advice="Look at the page again; if its times are wrong, correct them there.",
            )
        if ended_at < record.started_at:
            raise BadInput("The session would end before it began.", fields={"ended_at": ["Check the time."]})
        if release is not None and release.second is not None:
            # The second name carries the same weight as the first: it takes the same permission.
            require(release.second, Permission.CONDUCT_SESSION, subject_of(course))
        if release is not None:
            _put_release(actor=actor, course=course, record=record, release=release, at=ended_at, now=now)
        if record.key is not None:
            closed, _used = closed_gates(course=course, move=Move.END_SESSION, key=record.key, now=now)
            if closed and "early-departure" not in confirmed:
                raise Incomplete(
                    "The session can't end yet. " + " ".join(gate_why(gate) for gate in closed),
                    code="confirm-needed",
                    advice="Complete what is missing. If the patient left all the same, confirm it and say "
                    "why.",
                    data={
                        "confirm": ["early-departure"],
                        "words": [gate_why(gate) for gate in closed],
                        "gates": [gate_data(gate) for gate in closed],
                    },
                )
            if closed and not reason.strip():
                raise Incomplete("Say why the session ended early.", fields={"reason": ["Give the reason."]})
            if closed:
                put_fact(
                    actor=actor,
                    course=course,
                    value=MomentNoted(record_id=record.public_id, words=reason.strip()),
                    occurred_at=ended_at,
                    key=record.key,
                    session_record=record,
                    now=now,
                )
        counts = record.kind != SessionKind.DOSING.value or drug_entered(record)
        move_row(
            actor=actor,
            row=record,
            table=RECORD_MOVES,
            action="end",
            now=now,
            occurred_at=ended_at,
            columns={"ended_at": ended_at, "counts": counts},
        )
        if record.booking is not None:
            free_resources(record.booking)
        return record


def drug_entered(record: SessionRecord) -> bool:
    """Whether any drug was given: a day without consumes no cycle."""
    return any(
        row.value["intake"] != Intake.NOT_TAKEN.value
        for row in record.facts.filter(kind="dose_given", amended_by__isnull=True)
    )


def _put_release(
    *, actor: Actor, course: Course, record: SessionRecord, release: Release, at: datetime, now: datetime
) -> None:
    for who in (actor, release.second):
        if who is None or who.person_id is None:
            continue
        for item in release.items:
            put_fact(
                actor=who,
                course=course,
                value=ChecklistTicked(
                    record_id=record.public_id, item=item, done=True, person_id=who.person_id
                ),
                occurred_at=at,
                key=record.key,
                session_record=record,
                now=now,
            )
    if release.adverse_events is not None:
        put_fact(
            actor=actor,
            course=course,
            value=AdverseEventsAsked(record_id=record.public_id, any_reported=release.adverse_events),
            occurred_at=at,
            key=record.key,
            session_record=record,
            now=now,
        )


# --- entering a session that took place ---------------------------------------------------------------------


def log_session(
    *,
    actor: Actor,
    course_id: UUID,
    started_at: datetime,
    ended_at: datetime,
    now: datetime,
    key: str | None = None,
    kind: SessionKind | None = None,
    mode: Mode = Mode.IN_PERSON,
    patient_location: str = "",
    call_back_number: str = "",
    staff: Sequence[UUID] = (),
    items: Sequence[str] = (),
    note: str = "",
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> SessionRecord:
    """Enter a session after it took place: scheduled (`key`), or unscheduled (`kind`), at any course status.

    It is a record of what happened, so no gate blocks it; what was not in place becomes a deviation.
    """
    with on_course(
        actor=actor, course_id=course_id, permission=Permission.CONDUCT_SESSION, now=now
    ) as course:
        started_at = check_time(started_at, now=now, field="started_at")
        ended_at = check_time(ended_at, now=now, field="ended_at")
        public_id = public_id or uuid7()
        first = SessionRecord.objects.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            # A device whose clock ran ahead had its time taken back to ours the first time, too.
            if abs(first.started_at - started_at) > SKEW or abs((first.ended_at or now) - ended_at) > SKEW:
                raise Incomplete("This id was already used for another session.", code="id-reused")
            return _same(first, course=course, key=key)
        if ended_at <= started_at:
            raise BadInput(
                "The session would end before it began.", fields={"ended_at": ["Check the times."]}
            )
        if ended_at - started_at > LONGEST_SESSION:
            raise BadInput("That is longer than a day.", fields={"ended_at": ["Check the dates."]})
        if key is not None:
            kind = _session_rule(course, key).kind
        if kind is None:
            raise BadInput("Say what kind of session it was.", fields={"kind": ["Choose one."]})
        booking = (
            SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
            if key
            else None
        )
        if key is not None and course.status not in (CourseStatus.ENROLLED, CourseStatus.ACTIVE):
            raise NotNow("The course is not going on.", advice="Log it as an unscheduled session.")
        record = _open_record(
            actor=actor,
            course=course,
            booking=booking,
            key=key,
            kind=kind,
            mode=mode,
            place=(patient_location, call_back_number),
            started_at=started_at,
            people=_people(course=course, staff=staff, actor=actor),
            public_id=public_id,
            now=now,
            source=source,
        )
        for item in items:
            put_fact(
                actor=actor,
                course=course,
                value=ChecklistTicked(
                    record_id=record.public_id, item=item, done=True, person_id=actor.person
                ),
                occurred_at=ended_at,
                key=key,
                session_record=record,
                source=source,
                now=now,
            )
        if note.strip():
            NoteRecord.objects.create(
                clinic_id=course.clinic_id,
                course=course,
                session_record=record,
                text=note.strip(),
                author_id=actor.person,
                occurred_at=ended_at,
                recorded_at=now,
            )
        move_row(
            actor=actor,
            row=record,
            table=RECORD_MOVES,
            action="end",
            now=now,
            occurred_at=ended_at,
            columns={"ended_at": ended_at},
        )
        if record.booking is not None:
            free_resources(record.booking)
        return record


def correct_times(
    *,
    actor: Actor,
    record_id: UUID,
    started_at: datetime,
    ended_at: datetime | None,
    reason: str,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """Correct when a session really began and ended. Everything that hangs on it moves."""
    with on_session_record(actor=actor, record_id=record_id, permission=Permission.AMEND_RECORD, now=now) as (
        course,
        record,
    ):
        started_at = check_time(started_at, now=now, field="started_at")
        ended_at = check_time(ended_at, now=now, field="ended_at") if ended_at else None
        if ended_at is not None and ended_at < started_at:
            raise BadInput(
                "The session would end before it began.", fields={"ended_at": ["Check the times."]}
            )
        if not reason.strip():
            raise Incomplete("Say why the times are corrected.", fields={"reason": ["Give the reason."]})
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=SessionTimesCorrected(record_id=record.public_id, started_at=started_at, ended_at=ended_at),
            occurred_at=started_at,
            key=record.key,
            session_record=record,
            reason=reason.strip(),
            public_id=public_id,
            now=now,
        )
        return row
