"""The words a clinic writes for itself: note templates, by supervisors and administrators; its messages to
patients, by administrators."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from clinic.actors import Actor
from clinic.admin.acting import Given, HouseAdmin, OperationForm, ReadOnlyAdmin
from clinic.permissions import Permission
from sessions.models import MessageWording, WordingApproval
from sessions.models.bookings import SESSION_KINDS
from sessions.models.notes import NoteTemplate
from sessions.operations.note_templates import change_note_template
from sessions.operations.wording import write_wording
from sessions.queries.note_templates import shipped_templates
from sessions.rules.notes import from_json, write_blocks
from sessions.rules.reaching import CHANNELS
from sessions.rules.wording import LANGUAGES
from sessions.rules.wording_shipped import Kind


def _codes() -> list[tuple[str, str]]:
    shipped = [(one.code, str(_("In place of “%s”") % one.title)) for one in shipped_templates()]
    return [("", str(_("One of its own"))), *shipped]


class NoteTemplateForm(OperationForm):
    kinds = forms.MultipleChoiceField(
        choices=[(kind, kind.replace("_", " ").capitalize()) for kind, _word in SESSION_KINDS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label=_("Kinds of session"),
        help_text=_("None chosen: every kind."),
    )
    lines = forms.CharField(
        widget=forms.Textarea, label=_("Blocks"), help_text=_("One on each line: title | hint.")
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = NoteTemplate
        fields = ("title", "kinds", "lines", "in_use", "version")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["lines"] = write_blocks(from_json(self.instance.blocks))


class NewNoteTemplateForm(OperationForm):
    code = forms.ChoiceField(choices=_codes, required=False, label=_("Which"))
    kinds = NoteTemplateForm.base_fields["kinds"]
    lines = NoteTemplateForm.base_fields["lines"]

    class Meta:
        model = NoteTemplate
        fields = ("clinic", "code", "title", "kinds", "lines", "in_use")


@admin.register(NoteTemplate)
class NoteTemplateAdmin(HouseAdmin):
    """Notes begun before a change keep the blocks they were begun with."""

    sees = adds = changes = Permission.CHANGE_NOTE_TEMPLATES
    form = NoteTemplateForm
    add_form = NewNoteTemplateForm
    fixed = ()
    list_display = ("title", "code", "clinic", "in_use", "version", "changed_by", "changed_at")
    list_select_related = ("clinic", "changed_by")

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        asked = {"code": row.code if row is not None else "", "version": 0, **given}
        asked["version"] = asked["version"] or 0
        return change_note_template(actor=actor, now=actor.at, reason=reason, **asked)


class MessageWordingForm(OperationForm):
    kind = forms.ChoiceField(choices=[(kind.value, kind.value) for kind in Kind])
    channel = forms.ChoiceField(choices=[(channel, channel) for channel in CHANNELS])
    language = forms.ChoiceField(choices=[(language, language) for language in LANGUAGES])
    subject = forms.CharField(required=False, help_text=_("Of a mail."))
    text = forms.CharField(
        widget=forms.Textarea,
        help_text=_("Places such as {link} are filled in when it is sent. Nothing that tells of the care."),
    )

    class Meta:
        model = MessageWording
        fields = ("clinic", "language", "channel", "kind", "subject", "text")


@admin.register(MessageWording)
class MessageWordingAdmin(HouseAdmin):
    """The latest of each counts; what stood before stays on record."""

    sees = adds = Permission.MANAGE_CLINIC
    form = MessageWordingForm
    list_display = ("language", "channel", "kind", "clinic", "written_by", "written_at")
    list_filter = ("language", "channel", "kind")
    list_select_related = ("clinic", "written_by")
    ordering = ("-id",)

    def do(self, *, actor: Actor, row: Any, given: Given, reason: str) -> Model:
        return write_wording(actor=actor, now=actor.at, reason=reason, **given)


@admin.register(WordingApproval)
class WordingApprovalAdmin(ReadOnlyAdmin):
    """A clinician approves a language on its page, having read every message of it."""

    list_display = ("language", "clinic", "approved_by", "approved_at")
    list_select_related = ("clinic", "approved_by")
