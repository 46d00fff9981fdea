"""The certified copy of a course on paper: every record as it was entered, what was entered in error among
them and marked so, each signature with whether it stands, and the digest of the same content as data, which
the file carries inside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.rules.reports import Attached, Cell, Column, Holds, Passage, Report, Table, Term, Texts
from sessions.queries.canonical import spelled
from sessions.queries.copies import certified_copy
from sessions.queries.courses import kept_course_for
from sessions.queries.reports.scope import language, made_by
from sessions.queries.vocabulary import (
    ACT_WORDS,
    MEANING_WORDS,
    RECIPIENT_WORDS,
    RECORD_WORDS,
    SESSION_KIND_WORDS,
    word,
)
from sessions.queries.words import status_words


def certified_report(actor: Actor, course_id: UUID, *, now: datetime) -> Report:
    """The same content as `certified_copy`, and that inside as a file. Forbidden for who may not have it."""
    course = kept_course_for(actor, course_id)
    copy = certified_copy(actor, course_id, now=now)
    content: Mapping[str, Any] = copy["content"]
    zone = course.clinic.zone_info
    held = {one["id"]: _session(one) for one in content["sessions"]}
    name = made_by(actor)
    return Report(
        kind="certified_copy",
        title=_("Certified copy"),
        clinic=course.clinic.name,
        code=course.patient.code,
        made_at=now,
        made_by=name,
        zone=zone,
        language=language(),
        about=[
            (_("Patient"), f"{course.patient.name}, {course.patient.code}"),
            (_("Protocol"), " ".join(map(str, content["protocol"]))),
            (_("Course"), str(course.public_id)),
            *_enrolment(content["enrolment"]),
            (_("SHA-256"), copy["digest"]),
        ],
        parts=[
            _sessions(content["sessions"]),
            _facts(content["facts"], held),
            _notes(content["notes"], held, zone),
            _signatures(content["signatures"], held),
            _deviations(content["deviations"]),
            _steps(content["deviations"]),
            _followed(content["deviations"]),
            *([_ratings(content["ratings_in_error"], held)] if content["ratings_in_error"] else []),
        ],
        note=_(
            "Every record of the course as it was entered, corrected ones and what was entered in error "
            "included, marked so, and every deviation with its review. The SHA-256 is that of the content as "
            "data, which the PDF carries as certified-copy.json."
        ),
        attached=Attached(
            name="certified-copy.json",
            media_type="application/json",
            content=spelled(copy).encode(),
            says=_("The same content as data, with its digest"),
        ),
    )


def _at(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _value(value: Mapping[str, Any]) -> str:
    """What was recorded, as it is stored; the file inside has it to the letter."""
    return "; ".join(
        f"{name} {said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)}"
        for name, said in sorted(value.items())
        if said not in (None, "", [])
    )


def _session(one: Mapping[str, Any]) -> str:
    return str(one["key"] or word(one["kind"], SESSION_KIND_WORDS))


def _error_columns() -> Sequence[Column]:
    return (
        Column(name="entered_in_error", title=_("In error"), holds=Holds.YES_NO),
        Column(name="error", title=_("Entered in error"), below=True),
        Column(name="id", title=_("Id"), below=True),
    )


def _enrolment(one: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    left = one["entered_in_error"]
    if not left:
        return ()
    words = _("entered in error: %(reason)s. Marked by %(asked)s, confirmed by %(confirmed)s.") % {
        "reason": left["reason"],
        "asked": left["asked_by"],
        "confirmed": left["confirmed_by"],
    }
    return ((_("Enrolment"), words),)


def _error(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    mark = one["entered_in_error"]
    said = (
        _("%(why)s. Marked by %(who)s, confirmed by %(second)s.")
        % {"why": mark["reason"], "who": mark["asked_by"], "second": mark["confirmed_by"]}
        if mark
        else None
    )
    return mark is not None, said, one["id"]


def _sessions(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        name="sessions",
        title=_("Sessions"),
        columns=[
            Column(name="session", title=_("Session"), wide=True),
            Column(name="began", title=_("Began"), holds=Holds.INSTANT),
            Column(name="ended", title=_("Ended"), holds=Holds.INSTANT),
            Column(name="mode", title=_("How"), holds=Holds.TERM),
            Column(name="status", title=_("State"), holds=Holds.TERM),
            *_error_columns(),
        ],
        rows=[
            (
                _session(one),
                _at(one["started_at"]),
                _at(one["ended_at"]),
                Term(code=one["mode"], words=word(one["mode"], {})),
                Term(code=one["status"], words=word(one["status"], RECORD_WORDS)),
                *_error(one),
            )
            for one in rows
        ],
        empty=_("None."),
    )


def _facts(rows: Sequence[Mapping[str, Any]], held: Mapping[str, str]) -> Table:
    return Table(
        name="facts",
        title=_("What was recorded"),
        columns=[
            Column(name="occurred_at", title=_("When"), holds=Holds.INSTANT),
            Column(name="kind", title=_("What"), holds=Holds.TERM, wide=True),
            Column(name="session", title=_("Session")),
            Column(name="entered_by", title=_("Entered by")),
            Column(name="recorded_at", title=_("Recorded"), holds=Holds.INSTANT),
            Column(name="value", title=_("Value"), below=True),
            Column(name="reason", title=_("Reason"), below=True),
            Column(name="amends", title=_("Corrects"), below=True),
            *_error_columns(),
        ],
        rows=[
            (
                _at(one["occurred_at"]),
                Term(code=one["kind"], words=word(one["kind"], {})),
                held.get(one["session"] or "", ""),
                one["entered_by_name"] or "",
                _at(one["recorded_at"]),
                _value(one["value"]),
                one["reason"],
                one["amends"],
                *_error(one),
            )
            for one in rows
        ],
        empty=_("None."),
    )


def _local(text: str, zone: ZoneInfo) -> str:
    return date_format(datetime.fromisoformat(text).astimezone(zone), "j F Y, H:i")


def _notes(rows: Sequence[Mapping[str, Any]], held: Mapping[str, str], zone: ZoneInfo) -> Texts:
    def title(one: Mapping[str, Any]) -> str:
        kind = _("Added after signing") if one["addendum"] else _("Note")
        error = _("entered in error") if one["entered_in_error"] else ""
        return ", ".join(part for part in (kind, held.get(one["session"] or "", ""), error) if part)

    return Texts(
        name="notes",
        title=_("Notes"),
        passages=[
            Passage(
                title=title(one),
                by=", ".join((one["author"], _local(one["recorded_at"], zone), one["id"])),
                text=one["text"],
            )
            for one in rows
        ],
        empty=_("None."),
    )


def _signatures(rows: Sequence[Mapping[str, Any]], held: Mapping[str, str]) -> Table:
    return Table(
        name="signatures",
        title=_("Signatures"),
        columns=[
            Column(name="session", title=_("Session"), wide=True),
            Column(name="name", title=_("Name")),
            Column(name="role", title=_("Role")),
            Column(name="meaning", title=_("As"), holds=Holds.TERM),
            Column(name="signed_at", title=_("Signed"), holds=Holds.INSTANT),
            Column(name="superseded", title=_("Superseded"), holds=Holds.YES_NO),
            Column(name="sha256", title=_("SHA-256"), below=True),
            Column(name="id", title=_("Id"), below=True),
        ],
        rows=[
            (
                held.get(one["session"], ""),
                one["printed_name"],
                one["role"],
                Term(code=one["meaning"], words=word(one["meaning"], MEANING_WORDS)),
                _at(one["signed_at"]),
                one["superseded"],
                one["digest"],
                one["id"],
            )
            for one in rows
        ],
        empty=_("Not signed."),
    )


def _departed(one: Mapping[str, Any]) -> str:
    return str(one["title"] or one["key"])


def _deviations(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        name="deviations",
        title=_("Deviations"),
        columns=[
            Column(name="occurred_at", title=_("Happened"), holds=Holds.INSTANT),
            Column(name="what", title=_("What"), wide=True),
            Column(name="how", title=_("How"), holds=Holds.TERM),
            Column(name="important", title=_("Important"), holds=Holds.YES_NO),
            Column(name="entered_by", title=_("Entered by")),
            Column(name="raised_at", title=_("Raised"), holds=Holds.INSTANT),
            Column(name="description", title=_("What happened"), below=True),
            Column(name="reason", title=_("Reason"), below=True),
            *_error_columns(),
        ],
        rows=[
            (
                _at(one["occurred_at"]),
                _departed(one),
                Term(code=one["status"], words=status_words().get(one["status"], one["status"])),
                one["important"],
                one["entered_by_name"] or "",
                _at(one["raised_at"]),
                one["description"],
                one["reason"],
                *_error(one),
            )
            for one in rows
        ],
        empty=_("None."),
    )


def _steps(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Each with the signature that closed a review."""
    return Table(
        name="reviews_of_deviations",
        title=_("How they were reviewed"),
        columns=[
            Column(name="at", title=_("When"), holds=Holds.INSTANT),
            Column(name="deviation", title=_("Deviation"), wide=True),
            Column(name="act", title=_("What was done"), holds=Holds.TERM),
            Column(name="by", title=_("By")),
            Column(name="signed", title=_("Signed"), holds=Holds.YES_NO),
            Column(name="comment", title=_("In their words"), below=True),
            Column(name="data", title=_("Value"), below=True),
            Column(name="signature", title=_("Signature"), below=True),
            Column(name="sha256", title=_("SHA-256"), below=True),
            Column(name="deviation_id", title=_("Id"), below=True),
        ],
        rows=[
            (
                _at(step["at"]),
                _departed(one),
                Term(code=step["act"], words=word(step["act"], ACT_WORDS)),
                step["by_name"],
                signed is not None,
                step["comment"],
                _value(step["data"]),
                ", ".join((signed["printed_name"], signed["role"], signed["meaning"])) if signed else None,
                signed["digest"] if signed else None,
                one["id"],
            )
            for one in rows
            for step in one["steps"]
            for signed in [step["signature"]]
        ],
        empty=_("Not reviewed yet."),
    )


def _ratings(rows: Sequence[Mapping[str, Any]], held: Mapping[str, str]) -> Table:
    return Table(
        name="ratings_in_error",
        title=_("Fidelity ratings handed in in error"),
        columns=[
            Column(name="session", title=_("Session"), wide=True),
            Column(name="rater", title=_("Rater")),
            Column(name="submitted_at", title=_("Handed in"), holds=Holds.INSTANT),
            Column(name="scores", title=_("Scores"), below=True),
            Column(name="comment", title=_("Comment"), below=True),
            *_error_columns(),
        ],
        rows=[
            (
                held[one["session"]],
                one["rater_name"],
                _at(one["submitted_at"]),
                _value(one["scores"]),
                one["comment"],
                *_error(one),
            )
            for one in rows
        ],
        empty="",
    )


def _came_of(report: Mapping[str, Any]) -> str:
    if report["entered_in_error"]:
        return _("%(reference)s (entered in error: %(reason)s)") % {
            "reference": report["reference"],
            "reason": report["entered_in_error"]["reason"],
        }
    return report["reference"] or (_("withdrawn") if report["withdrawn_at"] else "")


def _followed(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What was agreed to be done, and what was to be reported."""
    return Table(
        name="actions_and_reports",
        title=_("What followed from them"),
        columns=[
            Column(name="what", title=_("What"), holds=Holds.TERM),
            Column(name="deviation", title=_("Deviation"), wide=True),
            Column(name="who", title=_("Who")),
            Column(name="due_on", title=_("Due on"), holds=Holds.DAY, if_any=True),
            Column(name="due_at", title=_("Due"), holds=Holds.INSTANT, if_any=True),
            Column(name="done_at", title=_("Done"), holds=Holds.INSTANT),
            Column(name="asked", title=_("What was asked"), below=True),
            Column(name="outcome", title=_("What came of it"), below=True),
            Column(name="id", title=_("Id"), below=True),
        ],
        rows=[
            row
            for one in rows
            for row in (
                *(
                    (
                        Term(code=action["kind"], words=word(action["kind"], {})),
                        _departed(one),
                        action["owner_name"],
                        date.fromisoformat(action["due_on"]),
                        None,
                        _at(action["finished_at"]),
                        action["what"],
                        action["outcome"],
                        action["id"],
                    )
                    for action in one["actions"]
                ),
                *(
                    (
                        Term(code=report["recipient"], words=word(report["recipient"], RECIPIENT_WORDS)),
                        _departed(one),
                        report["reported_by_name"] or "",
                        None,
                        _at(report["due_at"]),
                        _at(report["reported_at"]),
                        report["based_on"],
                        _came_of(report),
                        report["id"],
                    )
                    for report in one["reports"]
                ),
            )
        ],
        empty=_("Nothing was agreed or to be reported."),
    )
