"""A clinic's own note templates: a new one, or its own wording of one that comes with the product. Notes that
were begun keep the blocks they were begun with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, NotNow
from clinic.models import Clinic
from clinic.operations.events import record_change
from clinic.permissions import HouseSubject, Permission, require
from protocols.rules.definition import SessionKind
from sessions.models.notes import NoteTemplate
from sessions.queries.note_templates import shipped_templates
from sessions.rules.notes import NoTemplate, read_blocks, to_json


def change_note_template(
    *,
    actor: Actor,
    code: str,
    title: str,
    lines: str,
    now: datetime,
    kinds: Sequence[str] = (),
    in_use: bool = True,
    version: int = 0,
    reason: str,
) -> NoteTemplate:
    """Add a template, or change the one of that code; `lines`: a block on each, “Title | hint”. `version` is
    the one the change began from; raises NotNow when somebody changed it since."""
    with acting(actor):
        require(actor, Permission.CHANGE_NOTE_TEMPLATES, HouseSubject(clinic_id=actor.clinic_id))
        # Two who add the same code at once are one after the other.
        Clinic.objects.select_for_update().get(pk=actor.clinic_id)
        code = code or re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40]
        if not title.strip() or not re.fullmatch(r"[a-z0-9_]{1,40}", code):
            raise BadInput(fields={"title": [_("Give it a name.")]})
        if set(kinds) - {kind.value for kind in SessionKind}:
            raise BadInput(fields={"kinds": [_("There is no such kind of session.")]})
        try:
            blocks = to_json(read_blocks(lines))
        except NoTemplate as error:
            raise BadInput(fields={"lines": [str(error)]}) from error
        row = NoteTemplate.objects.filter(clinic_id=actor.clinic_id, code=code).first()
        if (row.version if row is not None else 0) != version:
            raise NotNow(
                _("Somebody changed this template meanwhile."), advice=_("Open it again and look at it.")
            )
        said = {
            "title": title.strip(),
            "kinds": sorted(kinds),
            "blocks": blocks,
            "in_use": in_use,
            "changed_by_id": actor.person,
            "changed_at": now,
        }
        if row is None:
            row = NoteTemplate.objects.create(clinic_id=actor.clinic_id, code=code, **said)
        else:
            for name, value in said.items():
                setattr(row, name, value)
            row.version += 1
            row.save()
        record_change(
            actor=actor,
            verb="note_template_changed",
            subject=row,
            now=now,
            data={"version": row.version, "shipped": code in {one.code for one in shipped_templates()}},
            reason=reason,
        )
        return row
