"""Notes while they are written: drafts saved over the version they began from, copies, authors; templates;
the record as plain text."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text, Whole, YesNo
from clinic.api.problems import StrictSerializer, problem_of
from clinic.errors import NotFound, NotNow
from sessions.api.door import Door, NewRowInput, NothingInput, described
from sessions.api.facts import FactOut, fact_out
from sessions.api.held import NoteOut
from sessions.models import FactRecord
from sessions.models.notes import NoteDraft
from sessions.operations import note_authors, notes
from sessions.operations.drafting import Sent
from sessions.operations.moments import note_theme
from sessions.operations.note_templates import change_note_template
from sessions.operations.presence import set_presence
from sessions.queries.note_templates import templates_of
from sessions.queries.notes import Draft, writing_of
from sessions.queries.record_text import record_text
from sessions.rules.notes import write_blocks


class BlockIn(StrictSerializer):
    code = Text(max_length=60)
    text = Text(allow_blank=True, trim_whitespace=False, max_length=50_000)


class StartDraftInput(NewRowInput):
    template = Text(max_length=40, required=False, allow_blank=True)
    amends = Id(required=False, allow_null=True, help_text="A finished note of yours that nobody signed yet.")


class SaveTextInput(StrictSerializer):
    id = Id(
        required=False,
        help_text="A UUID that you make for this save. Sent again with it, it is the same save, whatever the "
        "text has become since.",
    )
    version = Whole(
        min_value=0, help_text="The version you began from. Another by now: 409, with both texts."
    )
    blocks = BlockIn(many=True)
    kept = serializers.ListField(
        child=Text(max_length=60),
        required=False,
        max_length=20,
        help_text="The copied blocks that are still true. Left out: as they were.",
    )
    settles = Id(required=False, allow_null=True, help_text="The refused text that this one has dealt with.")


class CopyBlockInput(StrictSerializer):
    version = Whole(min_value=0)
    block = Text(max_length=60)
    note_id = Id()
    source_block = Text(max_length=60, help_text="The block of the earlier note.")


class VersionInput(StrictSerializer):
    version = Whole(min_value=0)


class SettleInput(StrictSerializer):
    refused = Id()


class ContributorInput(StrictSerializer):
    person_id = Id()
    take_back = YesNo(required=False)


class NoteThemeInput(NewRowInput):
    theme = Text(max_length=500)
    words = Text(max_length=500, allow_blank=True, help_text="The patient's own.")


class SetPresenceInput(NewRowInput):
    person_id = Id()
    from_at = Instant()
    until_at = Instant(required=False, allow_null=True)
    amends = Id(required=False, allow_null=True)
    reason = Text(required=False, allow_blank=True)


class ChangeTemplateInput(StrictSerializer):
    code = Text(max_length=40, required=False, allow_blank=True)
    title = Text(max_length=80)
    lines = Text(help_text="A block on each line: “Title | hint”.")
    kinds = serializers.ListField(child=Text(max_length=20), required=False, max_length=10)
    in_use = YesNo(required=False)
    version = Whole(min_value=0, required=False)
    reason = Text()


class CopiedOut(Serializer[Any]):
    note = Text()
    on = Text()


class BlockOut(Serializer[Any]):
    code = Text()
    title = Text()
    text = Text()
    copied = CopiedOut(allow_null=True)
    kept = serializers.BooleanField()
    generated = serializers.SerializerMethodField()

    def get_generated(self, block: Any) -> bool:
        return bool(block.generated)


class RefusedOut(Serializer[Any]):
    id = Id(source="public_id")
    saved_at = Instant()
    blocks = serializers.JSONField()


class StandingOut(Serializer[Any]):
    what = Text()
    block = Text()


class DraftOut(Serializer[Any]):
    id = Id(source="row.public_id")
    part = Text(source="row.part")
    version = serializers.IntegerField(source="row.version")
    saved_at = Instant(source="row.saved_at")
    blocks = BlockOut(many=True)
    standing = serializers.SerializerMethodField()
    conflicts = RefusedOut(many=True)

    def get_standing(self, draft: Draft) -> list[dict[str, str]]:
        return [{"what": what.value, "block": title} for what, title in draft.standing]


class SavedOut(Serializer[Any]):
    id = Id(source="public_id")
    version = serializers.IntegerField()
    saved_at = Instant()


class TemplateBlockOut(Serializer[Any]):
    code = Text()
    title = Text()
    hint = Text()


class TemplateOut(Serializer[Any]):
    code = Text()
    title = Text()
    kinds = serializers.ListField(child=Text())
    blocks = TemplateBlockOut(many=True)
    lines = serializers.SerializerMethodField()
    in_use = serializers.BooleanField()
    version = serializers.IntegerField()

    def get_lines(self, template: Any) -> str:
        return write_blocks(template.blocks)


class TemplatesOut(Serializer[Any]):
    items = TemplateOut(many=True)


class RecordTextOut(Serializer[Any]):
    text = Text()


class AttestationsOut(Serializer[Any]):
    lead = Text()
    complete = serializers.BooleanField(help_text="Whether the record counts as fully signed.")
    outstanding = serializers.SerializerMethodField()

    def get_outstanding(self, attestations: Any) -> list[dict[str, str]]:
        return [{"what": one.what, "name": one.name} for one in attestations.outstanding]


class NoteDoor(Door):
    def draft_of(self, record: UUID) -> Draft:
        found = writing_of(self.actor, record).mine
        if found is None:
            raise NotFound()
        return found

    def taken(self, save: Any) -> Response:
        """The saved row; or 409 with both texts, as an answer and not as an exception: what was refused is
        kept, and an exception would roll that back."""
        try:
            return self.gives(SavedOut, save())
        except NotNow as refusal:
            if refusal.code != "conflict":
                raise
            return Response(
                problem_of(refusal), status=refusal.status, content_type="application/problem+json"
            )


def sent_of(given: dict[str, Any]) -> Sent:
    return Sent(
        base=given["version"],
        texts={one["code"]: one["text"] for one in given["blocks"]},
        kept=given.get("kept"),
        settles=given.get("settles"),
        public_id=given.get("public_id"),
    )


class NoteDrafts(NoteDoor):
    @described("read_note_draft", gives=DraftOut)
    def get(self, request: Request, slug: str, record: UUID) -> Response:
        return self.gives(DraftOut, self.draft_of(record))

    @described("start_note_draft", takes=StartDraftInput, gives=DraftOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        given = self.sent(StartDraftInput)
        again = self.again(NoteDraft, given)
        notes.start_draft(
            actor=self.actor,
            record_id=record,
            template=given.get("template", ""),
            amends=given.get("amends"),
            public_id=given["public_id"],
            now=self.actor.at,
        )
        return self.gives(DraftOut, self.draft_of(record), again=again)


class DraftTexts(NoteDoor):
    @described("save_note_draft", takes=SaveTextInput, gives=SavedOut)
    def post(self, request: Request, slug: str, draft: UUID) -> Response:
        sent = sent_of(self.sent(SaveTextInput))
        return self.taken(
            lambda: notes.save_draft(actor=self.actor, draft_id=draft, sent=sent, now=self.actor.at)
        )


class DraftCopies(NoteDoor):
    @described("copy_note_block", takes=CopyBlockInput, gives=SavedOut)
    def post(self, request: Request, slug: str, draft: UUID) -> Response:
        given = self.sent(CopyBlockInput)
        row = notes.copy_block(
            actor=self.actor,
            draft_id=draft,
            base=given["version"],
            block=given["block"],
            note_id=given["note_id"],
            source=given["source_block"],
            now=self.actor.at,
        )
        return self.gives(SavedOut, row)


class RedrawFacts(NoteDoor):
    @described("redraw_note_facts", takes=VersionInput, gives=SavedOut)
    def post(self, request: Request, slug: str, draft: UUID) -> Response:
        base = self.sent(VersionInput)["version"]
        row = notes.redraw_facts(actor=self.actor, draft_id=draft, base=base, now=self.actor.at)
        return self.gives(SavedOut, row)


class SettleConflict(NoteDoor):
    @described("settle_note_conflict", takes=SettleInput, gives=SavedOut)
    def post(self, request: Request, slug: str, draft: UUID) -> Response:
        refused = self.sent(SettleInput)["refused"]
        row = notes.settle_conflict(actor=self.actor, draft_id=draft, version_id=refused, now=self.actor.at)
        return self.gives(SavedOut, row)


class HandInDraft(NoteDoor):
    @described("hand_in_note_draft", takes=NothingInput, gives=NoteOut)
    def post(self, request: Request, slug: str, draft: UUID) -> Response:
        self.sent(NothingInput)
        note = notes.hand_in_draft(actor=self.actor, draft_id=draft, now=self.actor.at)
        return self.gives(NoteOut, note)


class NoteContributors(NoteDoor):
    @described("read_note_authors", gives=AttestationsOut)
    def get(self, request: Request, slug: str, record: UUID) -> Response:
        return self.gives(AttestationsOut, writing_of(self.actor, record).attestations)

    @described("name_note_contributor", takes=ContributorInput, gives=AttestationsOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        given = self.sent(ContributorInput)
        act = note_authors.take_back_contributor if given.get("take_back") else note_authors.name_contributor
        act(actor=self.actor, record_id=record, person_id=given["person_id"], now=self.actor.at)
        return self.gives(AttestationsOut, writing_of(self.actor, record).attestations)


class NoteLead(NoteDoor):
    @described("take_note_lead", takes=NothingInput, gives=AttestationsOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        self.sent(NothingInput)
        note_authors.take_lead(actor=self.actor, record_id=record, now=self.actor.at)
        return self.gives(AttestationsOut, writing_of(self.actor, record).attestations)


class NoteThemes(Door):
    @described("note_theme", takes=NoteThemeInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(NoteThemeInput)
        again = self.again(FactRecord, sent)
        row = note_theme(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class SetPresence(Door):
    @described("set_presence", takes=SetPresenceInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = {"until_at": None, **self.sent(SetPresenceInput)}
        again = self.again(FactRecord, sent)
        row = set_presence(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class RecordText(Door):
    @described("read_record_text", gives=RecordTextOut)
    def get(self, request: Request, slug: str, record: UUID) -> Response:
        return self.gives(RecordTextOut, {"text": record_text(self.actor, record)})


class NoteTemplates(Door):
    @described("list_note_templates", gives=TemplatesOut)
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(TemplatesOut, {"items": templates_of(self.actor)})

    @described("change_note_template", takes=ChangeTemplateInput, gives=TemplateOut)
    def post(self, request: Request, slug: str) -> Response:
        given = {"code": "", **self.sent(ChangeTemplateInput)}
        row = change_note_template(actor=self.actor, now=self.actor.at, **given)
        changed = next(one for one in templates_of(self.actor) if one.code == row.code)
        return self.gives(TemplateOut, changed)
