"""Recording what happened, as facts: what they must be, who may record which on its own, and writing one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.measures import measures
from protocols.queries import instrument_of
from protocols.rules.instruments import Instrument, Score
from protocols.rules.instruments.definition import TOTAL
from sessions.models import Course, CourseRequirement, FactRecord, SessionRecord
from sessions.operations.consequences import follow
from sessions.operations.on_course import on_course
from sessions.rules.codec import from_json, kind_of, to_json
from sessions.rules.facts import (
    AdverseEventRecorded,
    AssessmentAnswered,
    ChartItemRecorded,
    ConsentChanged,
    ConsentState,
    ContactMade,
    ContactResult,
    DoseGiven,
    FactSource,
    FactValue,
    MedicineListed,
    Mode,
    NotDone,
    ResultRecorded,
    VitalsTaken,
)

OLDEST = timedelta(days=365 * 30)
"""Nothing entered lies further back: a typing slip in the year, not a clinical figure."""
SKEW = timedelta(minutes=2)
"""How far a device's clock may run ahead before its time is refused; within it, the server's now is taken."""


def check_time(occurred_at: datetime, *, now: datetime, field: str = "occurred_at") -> datetime:
    """The time, if it can be one at which something happened. Raises BadInput otherwise."""
    if occurred_at.tzinfo is None:
        raise BadInput(
            "The time has no zone.",
            fields={field: ["Give the time with its zone, e.g. 2027-03-01T10:00:00Z."]},
        )
    if now < occurred_at <= now + SKEW:
        return now
    if occurred_at > now:
        raise BadInput(
            "That time lies in the future.", fields={field: ["Enter when it happened, not when it will."]}
        )
    if occurred_at < now - OLDEST:
        raise BadInput("That time is too long ago.", fields={field: ["Check the year."]})
    return occurred_at


def put_fact(
    *,
    actor: Actor,
    course: Course,
    value: FactValue,
    now: datetime,
    occurred_at: datetime,
    aware_at: datetime | None = None,
    key: str | None = None,
    session_record: SessionRecord | None = None,
    source: FactSource = FactSource.STAFF,
    amends: UUID | None = None,
    reason: str = "",
    public_id: UUID | None = None,
    observed_by: int | None = None,
) -> tuple[FactRecord, bool]:
    """Write one fact inside an open operation, with its event. Returns the row and whether it is new.

    The same id with the same body is the same fact: the first row is returned. With another body: Incomplete.
    """
    occurred_at = check_time(occurred_at, now=now)
    body = {
        "kind": kind_of(value),
        "key": key,
        "occurred_at": occurred_at,
        "session_record_id": session_record.pk if session_record else None,
        "value": to_json(value),
    }
    public_id = public_id or uuid7()
    first = FactRecord.every.filter(clinic_id=course.clinic_id, public_id=public_id).first()
    if first is not None:
        same = first.course_id == course.pk and all(
            getattr(first, name) == content for name, content in body.items() if name != "occurred_at"
        )
        if same and abs(first.occurred_at - occurred_at) <= SKEW:
            return first, False
        raise Incomplete(
            "This id was already used for another record.",
            code="id-reused",
            advice="Make a new id for a new record. To correct the first one, amend it.",
        )
    amended = _amended(course=course, kind=body["kind"], amends=amends, reason=reason)
    row = FactRecord.objects.create(
        clinic_id=course.clinic_id,
        public_id=public_id,
        course=course,
        protocol_version_id=course.protocol_version_id,
        aware_at=check_time(aware_at, now=now, field="aware_at") if aware_at else now,
        recorded_at=now,
        observed_by_id=observed_by if observed_by is not None else actor.person_id,
        entered_by_id=actor.person_id,
        source=source.value,
        amends=amended,
        reason=reason,
        **body,
    )
    record_event(
        actor=actor,
        verb="record_amended" if amended else f"{body['kind']}_recorded",
        subject=row,
        course_id=course.pk,
        occurred_at=occurred_at,
        now=now,
        data={"kind": str(body["kind"])},
    )
    return row, True


def was_recorded(*, course: Course, public_id: UUID) -> bool:
    """Whether that id has been used: then this is the same record sent again, and nothing is judged anew."""
    return FactRecord.every.filter(clinic_id=course.clinic_id, public_id=public_id).exists()


def _amended(*, course: Course, kind: Any, amends: UUID | None, reason: str) -> FactRecord | None:
    if amends is None:
        return None
    amended = FactRecord.objects.filter(clinic_id=course.clinic_id, course=course, public_id=amends).first()
    if amended is None:
        raise NotFound()
    if amended.kind != kind:
        raise BadInput("A correction must be of the same kind as the record it corrects.")
    if FactRecord.objects.filter(amends=amended).exists():
        raise NotNow(
            "Somebody corrected this record before you.",
            advice="Look at their correction, and amend that one if needed.",
        )
    if not reason.strip():
        raise Incomplete(
            "Say why the record is corrected.", fields={"reason": ["Give the reason in a few words."]}
        )
    return amended


# Who may record which kind on its own; kinds that belong to a held session are written on its `sheet.py`.
PERMISSIONS: dict[type[Any], Permission] = {
    ConsentChanged: Permission.RECORD_CONSENT,
    ResultRecorded: Permission.RECORD_CHART,
    MedicineListed: Permission.RECORD_CHART,
    ChartItemRecorded: Permission.RECORD_CHART,
    AdverseEventRecorded: Permission.RECORD_ADVERSE_EVENT,
    AssessmentAnswered: Permission.RECORD_ASSESSMENT,
    ContactMade: Permission.RECORD_CONTACT,
    NotDone: Permission.RECORD_NOT_DONE,
}


def record_fact(
    *,
    actor: Actor,
    course_id: UUID,
    value: FactValue,
    occurred_at: datetime,
    now: datetime,
    aware_at: datetime | None = None,
    key: str | None = None,
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record one fact of the chart: a consent, a result, a medicine, an adverse event, an assessment, a
    contact …"""
    permission = PERMISSIONS.get(type(value))
    if permission is None:
        raise BadInput("This kind of record belongs to a held session.")
    with on_course(actor=actor, course_id=course_id, permission=permission, now=now) as course:
        value = checked(course=course, value=value, key=key, now=now)
        check_answered(value)
        if (
            key is not None
            and not CourseRequirement.objects.filter(
                clinic_id=course.clinic_id, course=course, key=key
            ).exists()
        ):
            raise BadInput(
                "The protocol asks for nothing of that name.",
                fields={"key": ["Use the key of one of the course's requirements, or none."]},
            )
        row, new = put_fact(
            actor=actor,
            course=course,
            value=value,
            occurred_at=occurred_at,
            aware_at=aware_at,
            key=key,
            source=source,
            public_id=public_id,
            now=now,
        )
        if new:
            follow(actor=actor, course=course, row=row, value=value, now=now)
        return row


def checked(*, course: Course, value: FactValue, key: str | None, now: datetime) -> FactValue:
    """The value, completed and checked against what else is known (an assessment is scored here, never by
    hand)."""
    if isinstance(value, AssessmentAnswered):
        from protocols.rules.instruments import score

        instrument = instrument_of(value.instrument)
        if value.language or value.wording:
            _check_wording(course, value, shipped=instrument.languages)
        scored = score(instrument, dict(value.answers))
        _check_total(value.total, instrument, scored, answers=dict(value.answers))
        return replace(value, total=scored.total)
    if isinstance(value, VitalsTaken):
        check_possible(value)
    if isinstance(value, NotDone):
        if key is None:
            raise BadInput("Say what was not done.", fields={"key": ["Name the requirement."]})
        if not value.reason.strip():
            raise Incomplete(
                "Say why it was not done.", fields={"reason": ["Give the reason in a few words."]}
            )
    if (
        isinstance(value, ContactMade)
        and value.result is not ContactResult.REACHED
        and value.safe is not None
    ):
        raise BadInput(
            "Nobody was reached, so nobody said whether they feel safe.", fields={"safe": ["Leave it empty."]}
        )
    if isinstance(value, ContactMade) and key is None:
        _check_place(value)
    if isinstance(value, ConsentChanged):
        _check_not_widened(course, value)
    return value


def _check_total(
    total: int | None, instrument: Instrument, scored: Score, *, answers: Mapping[str, int | None]
) -> None:
    """A total that comes with the answers is what they come to. One that stands on paper without them says
    nothing of the answer on which somebody must act: it is never taken in their place, nor left out in
    silence."""
    if total is None or total == scored.total:
        return
    if scored.total is not None:
        raise BadInput(
            _("The answers do not add up to that total."),
            fields={
                "total": [
                    _("They come to %(total)d. Check the answers, or leave the total out.")
                    % {"total": scored.total}
                ]
            },
        )
    if all(one.code != TOTAL for one in instrument.scales):
        raise BadInput(fields={"total": [_("This has no total. Leave it out, and enter the answers.")]})
    raise Incomplete(
        _("A total alone can’t be taken: it is added up from the answers."),
        code="answers-missing",
        fields={
            "total": [_("Leave it out, or enter every answer it is made of.")],
            "answers": asked_for(instrument, answers),
        },
    )


def check_answered(value: FactValue) -> None:
    """Staff who enter a form have its answers before them: one without any is none."""
    if not isinstance(value, AssessmentAnswered) or any(given is not None for _, given in value.answers):
        return
    raise Incomplete(
        _("Enter the answers."),
        code="answers-missing",
        advice=_(
            "A total alone can’t be taken: it is added up from them. If the patient did not answer at all, "
            "say that it was not done, and why."
        ),
        fields={"answers": asked_for(instrument_of(value.instrument), {})},
    )


def asked_for(instrument: Instrument, answers: Mapping[str, int | None]) -> list[str]:
    """What has to be entered of a form that is there in part only: at the least, the answers on which
    somebody may have to act."""
    may_worry = {worry.item for worry in instrument.worries}
    wanted = [item for item in instrument.items if item.code in may_worry and answers.get(item.code) is None]
    if not wanted:
        return [_("Enter the answers as they stand on the sheet.")]
    return [
        _("At the least, enter the answer to this: somebody may have to act on it. %(item)s (%(code)s)")
        % {"item": item.words["en"], "code": item.code}
        for item in wanted
    ]


def _check_wording(course: Course, value: AssessmentAnswered, *, shipped: Collection[str]) -> None:
    """What the record says was read is a wording of this clinic, or one that comes with the product."""
    from protocols.queries import wording_named

    if value.wording:
        row = wording_named(clinic_id=course.clinic_id, instrument=value.instrument, text_id=value.wording)
        known = row is not None and row.language == value.language
    else:
        known = value.language in shipped
    if not known:
        raise BadInput(
            "There is no such wording of it here.", fields={"language": ["Name a wording of the clinic."]}
        )


def _check_place(contact: ContactMade) -> None:
    """An unscheduled contact at a distance: if something is wrong, somebody must know where to send help."""
    at_a_distance = contact.mode in (Mode.PHONE, Mode.VIDEO) and contact.result is ContactResult.REACHED
    missing = {
        name: [words]
        for name, words in (
            ("patient_location", "Where is the patient?"),
            ("call_back_number", "Which number can they be rung back on?"),
        )
        if not getattr(contact, name).strip()
    }
    if at_a_distance and missing:
        raise Incomplete("Say where the patient is and how to ring them back.", fields=missing)


def _check_not_widened(course: Course, consent: ConsentChanged) -> None:
    """From the first dose to the release a consent can be narrowed or withdrawn, never given or widened."""
    if consent.state is not ConsentState.GIVEN:
        return
    under_way = SessionRecord.objects.filter(course=course, status="under_way", kind="dosing").first()
    if under_way is not None and under_way.facts.filter(kind="dose_given").exists():
        raise NotNow(
            "A consent can't be given or widened while the drug acts.",
            advice="Ask again after the session has ended. Narrowing or withdrawing one is always possible.",
        )


def check_possible(value: VitalsTaken) -> None:
    problems: dict[str, list[str]] = {}
    given = False
    for name, measure in measures().items():
        amount = getattr(value, name, None)
        if amount is None:
            continue
        given = True
        if not measure.possible[0] <= amount <= measure.possible[1]:
            problems[name] = [f"{amount} {measure.unit} is not possible. Check the reading."]
    if value.systolic is not None and value.diastolic is not None and value.systolic <= value.diastolic:
        problems["diastolic"] = [
            "The lower value is not below the upper one. Check whether they were swapped."
        ]
    if (value.systolic is None) != (value.diastolic is None):
        problems["systolic" if value.systolic is None else "diastolic"] = [
            "Blood pressure needs both values."
        ]
    if not given:
        problems["systolic"] = ["Enter at least one reading."]
    if problems:
        raise BadInput("The reading needs another look.", fields=problems)


def check_dose(dose: DoseGiven, *, record: SessionRecord, at: datetime) -> None:
    """Raise BadInput for a dose that cannot have been given."""
    if dose.amount <= 0:
        raise BadInput("The dose is not an amount.", fields={"amount": ["Enter an amount above zero."]})
    if at < began_at(record):
        raise BadInput("The session had not begun at that time.", fields={"occurred_at": ["Check the time."]})


def began_at(record: SessionRecord) -> datetime:
    """When the session began, as corrected since."""
    last = record.facts.filter(kind="session_times_corrected").order_by("recorded_at", "id").last()
    return record.started_at if last is None else datetime.fromisoformat(last.value["started_at"])


def value_from(kind: str, data: dict[str, Any]) -> FactValue:
    """A fact value from what a door received. Raises BadInput with a message per field."""
    return from_json(kind, data)
