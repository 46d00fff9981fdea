"""The note beside the checklist of a held session: begun, saved while it is written, handed over to be
signed; who was there, and what the patient said.

Every button of the note stands in one form, so that whatever is pressed, what was typed is saved first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.errors import BadInput, NotFound, NotNow, Refusal
from clinic.permissions import Permission, allows
from sessions.models import PassageComment
from sessions.models.notes import NoteDraft, NoteDraftVersion
from sessions.operations import note_authors, notes
from sessions.operations.drafting import Sent
from sessions.operations.moments import note_theme, tick_item
from sessions.operations.presence import set_presence
from sessions.operations.reviews import send_record_for_review
from sessions.permissions import subject_of
from sessions.queries import banner
from sessions.queries.conduct import Board, board
from sessions.queries.note_templates import templates_for
from sessions.queries.notes import blocks_of, draft_named, writing_of
from sessions.queries.record_text import record_text
from sessions.queries.reports.scope import may_report
from sessions.queries.reviews import beside_blocks
from sessions.rules.notes import from_json, standing_before, unsaid
from sessions.web import forms, reports
from sessions.web.door import Door, posts_only, staff

BLOCK = "block."
"""What the name of a block's field begins with."""


def context(
    door: Door, board: Board, *, comments: Sequence[PassageComment] = (), **shown: Any
) -> dict[str, Any]:
    """What the note's part of the session's page shows; `comments`: what supervisors said of its passages."""
    writing = door.read(writing_of, board.record.public_id)
    names, ids = door.read(banner.names), door.read(banner.public_ids)
    attestations = writing.attestations
    mine = writing.mine
    contributing = door.actor.person_id in {pk for pk, _id, _name in attestations.contributors}
    asked = bool(door.request.GET.get("sign")) or ("sign" in shown and shown["sign"].is_bound)
    signing = bool(mine and not mine.standing and asked and board.status == "ended")
    # The wording that the draft goes on with is in its fields, with what was said of it beside them.
    goes_on = mine.row.amends_id if mine is not None else None
    beside, elsewhere = beside_blocks(
        mine.blocks if mine is not None else (), [one for one in comments if one.note_id == goes_on]
    )
    taken = door.read(may_report, board.course)
    return {
        "files": reports.links(door, "session_record", board.record.public_id) if taken else [],
        "writing": writing,
        "draft": mine,
        "late": [_late(row, said=" ".join(note.text for note in _standing(board))) for row in writing.late],
        "standing": [notes.standing_words(what, title) for what, title in mine.standing] if mine else [],
        "signing": signing,
        "templates": door.read(templates_for, board.record.kind) if mine is None else [],
        "leads": attestations.lead_id in (None, door.actor.person_id),
        "contributing": contributing,
        "may_attest": contributing
        and board.status == "signed"
        and any(
            one.what == "contributor" and one.person_id == door.actor.person_id
            for one in attestations.outstanding
        ),
        "finished": [(note, blocks_of(note)) for note in _standing(board) if note.pk != goes_on],
        "beside": beside,
        "beside_none": elsewhere,
        "reworded": [note for note in board.notes if note not in _standing(board)],
        "themes": board.themes,
        "presence": [
            (
                row,
                names.get(row.value.person_id, ""),
                shown.get("presence")
                if _is(shown.get("presence"), row.id)
                else _presence_form(board, row, ids),
            )
            for row in sorted(board.presence, key=lambda row: row.value.from_at)
        ],
        "presence_form": shown["presence"] if _is(shown.get("presence"), None) else _presence_form(board),
        "theme_form": shown.get("theme", forms.ThemeForm(auto_id="theme_%s")),
        "nameable": [
            (public, name)
            for row in board.presence
            if (public := ids.get(row.value.person_id)) is not None
            and row.value.person_id
            not in {attestations.lead_id, *(pk for pk, _i, _n in attestations.contributors)}
            and (name := names.get(row.value.person_id, ""))
        ],
        "may_keep_apart": board.record.kind != "dosing"
        and allows(
            door.actor,
            Permission.WRITE_PSYCHOTHERAPY_NOTE,
            subject_of(board.course, author_id=door.actor.person_id),
        ),
    }


def _standing(board: Board) -> list[Any]:
    amended = {note.amends_id for note in board.notes if note.amends_id is not None}
    return [note for note in board.notes if note.pk not in amended]


def _late(row: NoteDraftVersion, *, said: str) -> dict[str, Any]:
    """A text that came after the note was finished: its blocks that say more, with what of them is in no
    note; and that alone, for an addendum."""
    blocks = [
        (one.title, unsaid(one.text.strip(), said=said)) for one in from_json(row.blocks) if one.text.strip()
    ]
    missing = [
        (title, "".join(text for new, text in parts if new).strip())
        for title, parts in blocks
        if any(new for new, _text in parts)
    ]
    return {
        "row": row,
        "blocks": [one for one in blocks if any(new for new, _text in one[1])] or blocks,
        "missing": "\n\n".join(f"{title}\n{text}" if title else text for title, text in missing),
    }


def _is(form: Any, amends: UUID | None) -> bool:
    """Whether that is the form that was sent for that row."""
    return form is not None and (form.data.get("amends") or "") == (str(amends) if amends else "")


def _presence_form(
    board: Board, row: Any = None, ids: Mapping[int, UUID] | None = None
) -> forms.PresenceForm:
    staff_choices = [(str(one.id), one.words) for one in board.staff]
    if row is None:
        return forms.PresenceForm(
            staff=staff_choices, initial={"from_at": board.record.started_at}, auto_id="came_%s"
        )
    person = str((ids or {}).get(row.value.person_id, ""))
    return forms.PresenceForm(
        staff=staff_choices,
        initial={
            "person": person,
            "from_at": row.value.from_at,
            "until_at": row.value.until_at,
            "amends": row.id,
        },
        auto_id=f"was_{row.id}_%s",
    )


# --- the draft ----------------------------------------------------------------------------------------------


@staff
@posts_only
def start(door: Door, held: UUID) -> HttpResponseBase:
    amends = door.request.POST.get("amends", "")
    notes.start_draft(
        actor=door.actor,
        record_id=held,
        template=door.request.POST.get("template", ""),
        amends=_uuid(amends) if amends else None,
        now=door.now,
    )
    return door.go("session", held, at="?as=note#note-title")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise BadInput() from error


def sent_of(door: Door) -> Sent:
    """What a window sends: its texts, and the version it began from."""
    post = door.request.POST
    try:
        base = int(post.get("version", ""))
    except ValueError as error:
        raise BadInput() from error
    settles = post.get("settles", "")
    return Sent(
        base=base,
        texts={name.removeprefix(BLOCK): str(post[name]) for name in post if name.startswith(BLOCK)},
        kept=post.getlist("kept"),
        settles=_uuid(settles) if settles else None,
        public_id=_uuid(post["public_id"]) if post.get("public_id") else None,
    )


@staff
def save(door: Door, held: UUID, draft: UUID) -> HttpResponseBase:
    """Save, and do what the pressed button says. Opened as a page it is the note's own; a device that keeps
    no more than this address asks what it is of."""
    if not door.posted:
        if door.wants_json:
            return JsonResponse({"name": door.read(draft_named, draft)})
        return door.go("session", held, at="?as=note")
    try:
        row = notes.save_draft(actor=door.actor, draft_id=draft, sent=sent_of(door), now=door.now)
    except NotNow as refusal:
        if door.wants_json:
            return conflict_as_json(refusal)
        # The page shows both: what stands in the fields, what was refused beside them.
        return door.go("session", held, at="?as=note#conflict")
    if door.wants_json:
        return saved_as_json(row)
    return _pressed(door, held, row)


def _pressed(door: Door, held: UUID, row: NoteDraft) -> HttpResponseBase:
    post = door.request.POST
    said, at = _("Saved at %(at)s.") % {"at": _clock(row.saved_at)}, "?as=note#note-title"
    try:
        if post.get("copy"):
            block, note, source = (*post["copy"].split("|"), "", "")[:3]
            notes.copy_block(
                actor=door.actor,
                draft_id=row.public_id,
                base=row.version,
                block=block,
                note_id=_uuid(note),
                source=source,
                now=door.now,
            )
            said = _("Copied. Say that it is still true, or edit it.")
            at = f"?as=note#of-{block}"
        elif post.get("redraw"):
            notes.redraw_facts(actor=door.actor, draft_id=row.public_id, base=row.version, now=door.now)
            said = _("Drawn up again from the record.")
        elif post.get("take"):
            notes.take_refused(
                actor=door.actor, draft_id=row.public_id, version_id=_uuid(post["take"]), now=door.now
            )
            said = _("The other text is in place; this one is among the earlier states.")
        elif post.get("set_aside"):
            notes.settle_conflict(
                actor=door.actor, draft_id=row.public_id, version_id=_uuid(post["set_aside"]), now=door.now
            )
            said = _("Set aside.")
        elif post.get("ticks"):
            tick(door, held)
            said = _("The ticks are saved, and the note.")
        elif post.get("hand_in"):
            notes.hand_in_draft(actor=door.actor, draft_id=row.public_id, now=door.now)
            said = _("Your part is handed in.")
        elif post.get("send"):
            send_record_for_review(actor=door.actor, record_id=held, now=door.now)
            said = _("Sent. A supervisor looks at it.")
        elif post.get("sign"):
            return door.go("session", held, at="?as=note&sign=yes#sign-title")
    except Refusal as refusal:
        if isinstance(refusal, NotFound):
            raise
        door.status = refusal.status
        said = f"{refusal.message} {refusal.advice}".strip()
    return door.go("session", held, said=said, at=at)


def _clock(at: Any) -> str:
    return date_format(timezone.localtime(at), "H:i")


def saved_as_json(row: Any, standing: bool = True) -> JsonResponse:
    return JsonResponse(
        {
            "version": row.version,
            "saved": _clock(row.saved_at),
            # Whether the facts are stale is asked again by the page and by the signature.
            "standing": [
                notes.standing_words(what, title) for what, title in standing_before(from_json(row.blocks))
            ]
            if standing
            else [],
        }
    )


def conflict_as_json(refusal: NotNow) -> JsonResponse:
    return JsonResponse(
        {"code": refusal.code, "message": refusal.message, "advice": refusal.advice, **refusal.data},
        status=refusal.status,
    )


def tick(door: Door, held: UUID) -> None:
    """Tick what is ticked and was not; untick what the actor had ticked and no longer does."""
    ticked = set(door.request.POST.getlist("item"))
    for item in door.read(board, held, now=door.now).checklist:
        if bool(item.ticked_by) != (item.code in ticked):
            tick_item(
                actor=door.actor, record_id=held, item=item.code, done=item.code in ticked, now=door.now
            )


# --- who writes, who was there, what the patient said -------------------------------------------------------


@staff
@posts_only
def lead(door: Door, held: UUID) -> HttpResponseBase:
    note_authors.take_lead(actor=door.actor, record_id=held, now=door.now)
    return door.go("session", held, said=_("You lead this note now."), at="?as=note")


@staff
@posts_only
def contributor(door: Door, held: UUID) -> HttpResponseBase:
    post = door.request.POST
    person = _uuid(post.get("person", ""))
    if post.get("take_back"):
        note_authors.take_back_contributor(actor=door.actor, record_id=held, person_id=person, now=door.now)
        said = _("No longer named as contributor.")
    else:
        note_authors.name_contributor(actor=door.actor, record_id=held, person_id=person, now=door.now)
        said = _("Named as contributor. They attest the note, too.")
    return door.go("session", held, said=said, at="?as=note")


def theme(door: Door, held: UUID) -> forms.ThemeForm | None:
    """None when it is saved; else the form with what is wrong in it."""
    form = door.form(forms.ThemeForm, auto_id="theme_%s")
    done = door.done(
        form,
        lambda: note_theme(
            actor=door.actor,
            record_id=held,
            theme=form.cleaned_data["theme"],
            words=form.cleaned_data["words"],
            now=door.now,
            public_id=form.record_id,
        ),
    )
    return None if done else form


def presence(door: Door, board: Board) -> forms.PresenceForm | None:
    """None when it is saved; else the form with what is wrong in it."""
    form = door.form(
        forms.PresenceForm, staff=[(str(one.id), one.words) for one in board.staff], auto_id="came_%s"
    )

    def act() -> None:
        given = form.cleaned_data
        set_presence(
            actor=door.actor,
            record_id=board.record.public_id,
            person_id=form.who,
            from_at=given["from_at"],
            until_at=given["until_at"],
            amends=given["amends"],
            reason=given.get("reason", ""),
            now=door.now,
            public_id=form.record_id,
        )

    return None if door.done(form, act) else form


@staff
def text(door: Door, held: UUID) -> HttpResponse:
    """The record as plain text: to copy in one press, or to read where there is no JavaScript."""
    return HttpResponse(door.read(record_text, held), content_type="text/plain; charset=utf-8")
