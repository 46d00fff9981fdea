"""The clinic's note templates: all of them on one page, each with its form."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from clinic.errors import Forbidden
from clinic.permissions import HouseSubject, Permission, allows
from sessions.operations.note_templates import change_note_template
from sessions.queries.note_templates import Template, templates_of
from sessions.rules.notes import write_blocks
from sessions.web import forms
from sessions.web.door import Door, staff


@staff
def note_templates(door: Door, code: str = "") -> HttpResponseBase:
    if not allows(door.actor, Permission.CHANGE_NOTE_TEMPLATES, HouseSubject(clinic_id=door.actor.clinic_id)):
        raise Forbidden()
    found = door.read(templates_of)
    template = next((one for one in found if one.code == code), None)
    form = door.form(forms.NoteTemplateForm, initial=_initial(template))
    if door.done(
        form,
        lambda: change_note_template(
            actor=door.actor,
            code=code,
            title=form.cleaned_data["title"],
            lines=form.cleaned_data["lines"],
            kinds=form.cleaned_data["kinds"],
            in_use=form.cleaned_data["in_use"],
            version=form.cleaned_data["version"],
            reason=form.cleaned_data["reason"],
            now=door.now,
        ),
    ):
        return door.go("note_templates", said=_("The template is saved. Notes begun before keep theirs."))
    return _page(door, found, template, form)


def _page(
    door: Door, found: list[Template], template: Template | None, form: forms.NoteTemplateForm
) -> HttpResponse:
    return door.page("sessions/note_templates.html", here="", templates=found, chosen=template, form=form)


def _initial(template: Template | None) -> dict[str, object]:
    if template is None:
        return {"in_use": True, "version": 0}
    return {
        "title": template.title,
        "kinds": sorted(template.kinds),
        "lines": write_blocks(template.blocks),
        "in_use": template.in_use,
        "version": template.version,
    }
