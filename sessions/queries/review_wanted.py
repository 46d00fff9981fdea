"""Whether a held session's record is to be reviewed by a supervisor, until when, and whether it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from clinic.queries import licensed_on
from clinic.rules.wall_time import day_of, end_of_day
from protocols.queries import definition_of
from sessions.models import Course, SessionRecord, SignatureRecord
from sessions.models.notes import NoteContributor
from sessions.queries.canonical import canonical, digest_of, spelled
from sessions.rules.keys import session_rule_of
from sessions.rules.windows import Edge, offset_from


def review_due(*, course: Course, record: SessionRecord, now: datetime) -> datetime | None:
    """By when the record is co-signed if it waits from now: as the protocol says of that session, else as the
    clinic says of that kind. None where nobody wants it."""
    zone = course.clinic.zone_info
    definition = definition_of(record.protocol_version_id)
    rule = session_rule_of(definition=definition, key=record.key) if record.key else None
    if rule is not None and rule.co_signed_within is not None:
        return offset_from(now, rule.co_signed_within.value, Edge.LAST, zone)
    days, kinds = course.clinic.review_within_days, course.clinic.reviewed_kinds
    if days is None or (kinds and record.kind not in kinds):
        return None
    return end_of_day(day_of(now, zone) + timedelta(days=days), zone)


def part_of_unlicensed(*, course: Course, record: SessionRecord) -> bool:
    """Whether a contributor has attested who was not licensed on that day. Two queries at most."""
    attested = set(
        NoteContributor.objects.filter(
            session_record=record, taken_back_at__isnull=True, attested_at__isnull=False
        ).values_list("person_id", flat=True)
    )
    if not attested:
        return False
    day = day_of(record.started_at, course.clinic.zone_info)
    return bool(attested - licensed_on(clinic_id=record.clinic_id, day=day, people=attested))


def co_signed_as_it_stands(record: SessionRecord) -> bool:
    """A part that a contributor added since is not in what was co-signed."""
    same = Q(scheme=1) | Q(digest=digest_of(spelled(canonical(record))))
    return SignatureRecord.objects.standing().filter(same, session_record=record, meaning="reviewer").exists()
