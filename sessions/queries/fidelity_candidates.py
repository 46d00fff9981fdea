"""Which sessions a fidelity review can draw from, and what is known of each: its therapists and its risks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef

from sessions.models import CareTeamMember, DeviationRecord, FactRecord, FidelityReview, SessionRecord
from sessions.models.courses import THERAPISTS
from sessions.rules.fidelity import Candidate, Form, Risk

RECORDING = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`records`: the row of each candidate. `without_consent`: how many were left out for that."""

    candidates: Sequence[Candidate]
    records: Mapping[UUID, int]
    without_consent: int


def candidates_for(*, clinic_id: int, form: Form, from_at: datetime, until_at: datetime) -> Found:
    """Sessions of the form's kind that ended in [from_at, until_at), not reviewed with it, whose patient's
    consent to recording stands. A constant number of queries."""
    held = SessionRecord.objects.filter(
        clinic_id=clinic_id, kind=form.session_kind.value, status__in=("ended", "signed")
    )
    records = list(
        held.filter(ended_at__gte=from_at, ended_at__lt=until_at)
        .exclude(Exists(FidelityReview.objects.filter(form__code=form.form, session_record=OuterRef("pk"))))
        .order_by("pk")
    )
    consented = _consented(clinic_id, {record.course_id for record in records})
    kept = [record for record in records if record.course_id in consented]
    earlier = list(held.filter(ended_at__lt=until_at).order_by("started_at"))
    teams = _teams({record.course_id for record in earlier})
    deviations = list(
        DeviationRecord.objects.filter(
            course__in={record.course_id for record in kept}, documented_late_at__isnull=True
        )
    )
    adverse = set(
        FactRecord.objects.filter(
            session_record__in=kept, kind="adverse_event_recorded", amended_by__isnull=True
        ).values_list("session_record_id", flat=True)
    )
    seen: dict[int, int] = {}
    new: set[int] = set()
    for record in earlier:
        for who in _therapists(record, teams):
            if seen.get(who, 0) < form.sampling.new_therapist_sessions:
                new.add(record.pk)
            seen[who] = seen.get(who, 0) + 1
    candidates = []
    for record in kept:
        about = [one for one in deviations if one.course_id == record.course_id and _of(one, record)]
        risks = {
            Risk.DEVIATION: bool(about),
            Risk.IMPORTANT_DEVIATION: any(one.important for one in about),
            Risk.ADVERSE_EVENT: record.pk in adverse,
            Risk.NEW_THERAPIST: record.pk in new,
        }
        candidates.append(
            Candidate(
                id=record.public_id,
                therapists=_therapists(record, teams),
                risks=frozenset(risk for risk, there in risks.items() if there),
            )
        )
    return Found(
        candidates=candidates,
        records={record.public_id: record.pk for record in kept},
        without_consent=len(records) - len(kept),
    )


def _of(deviation: DeviationRecord, record: SessionRecord) -> bool:
    during = record.started_at <= deviation.occurred_at <= (record.ended_at or deviation.occurred_at)
    return during or bool(record.key and deviation.key == record.key)


def _consented(clinic_id: int, courses: set[int]) -> set[int]:
    """The courses whose latest word on recording is a full yes."""
    latest: dict[int, str] = {}
    for course_id, state in (
        FactRecord.objects.filter(
            clinic_id=clinic_id,
            course__in=courses,
            kind="consent_changed",
            value__scope=RECORDING,
            amended_by__isnull=True,
        )
        .order_by("occurred_at", "pk")
        .values_list("course_id", "value__state")
    ):
        latest[course_id] = state
    return {course_id for course_id, state in latest.items() if state == "given"}


def _teams(courses: set[int]) -> dict[int, list[CareTeamMember]]:
    found: dict[int, list[CareTeamMember]] = {}
    for member in CareTeamMember.objects.filter(course__in=courses, team_role__in=THERAPISTS):
        found.setdefault(member.course_id, []).append(member)
    return found


def _therapists(record: SessionRecord, teams: Mapping[int, Sequence[CareTeamMember]]) -> frozenset[int]:
    """The lead and the second therapist on the day."""
    ended = record.ended_at or record.started_at
    return frozenset(
        member.person_id
        for member in teams.get(record.course_id, ())
        if member.from_at <= ended and (member.until_at is None or member.until_at > record.started_at)
    )
