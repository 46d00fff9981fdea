"""A held session's record as plain text, to copy into another system or to print: what is on record, what was
written, who signed it."""

from __future__ import annotations

from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import Actor
from protocols.queries import definition_of
from sessions.models import NoteRecord, SignatureRecord
from sessions.queries import banner
from sessions.queries.facts import facts_of
from sessions.queries.note_facts import happened, head
from sessions.queries.notes import record_for
from sessions.queries.plan import requirement_rows
from sessions.queries.records import times_of
from sessions.queries.words import say


def record_text(actor: Actor, record_id: UUID) -> str:
    """The whole record of one session. A constant number of queries."""
    record = record_for(actor, record_id)
    course, zone = record.course, record.course.clinic.zone_info
    names, facts = banner.names(actor), facts_of(course, record=record)
    times_of(record, facts)
    definition = definition_of(record.protocol_version_id)
    rows = requirement_rows(course=course, definition=definition, records=[record])
    what = next(
        (row.what for row in rows if row.key == record.key), record.kind.replace("_", " ").capitalize()
    )

    def at(moment: object) -> str:
        return date_format(moment.astimezone(zone), "j F Y, H:i")  # type: ignore[attr-defined]

    lines = [
        what,
        f"{course.patient.name}, {course.patient.code}",
        _("Protocol %(title)s, version %(version)s")
        % {"title": say(definition.title), "version": definition.version},
        *head(record, facts, names=names, zone=zone),
        "",
        *happened(facts, names=names, zone=zone),
    ]
    notes = list(
        NoteRecord.objects.filter(session_record=record, amended_by__isnull=True)
        .select_related("author")
        .order_by("recorded_at", "id")
    )
    for note in notes:
        kind = _("Added after signing") if note.addendum else _("Note")
        lines += ["", f"{kind}, {note.author.printed_name}, {at(note.recorded_at)}", note.text]
    signatures = list(
        SignatureRecord.objects.with_standing().filter(session_record=record).order_by("signed_at", "id")
    )
    lines.append("")
    if not signatures:
        lines.append(_("Not signed."))
    for one in signatures:
        lines.append(
            _("Signed by %(name)s (%(role)s), as %(meaning)s, %(at)s. SHA-256 %(digest)s")
            % {
                "name": one.printed_name,
                "role": one.role,
                "meaning": one.meaning,
                "at": at(one.signed_at),
                "digest": one.digest,
            }
            + (". " + _("Signature superseded: the record was amended since.") if one.superseded else "")
        )
    return "\n".join(lines).strip() + "\n"
