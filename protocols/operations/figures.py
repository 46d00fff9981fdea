"""A clinician answers for figures that are not read in a published source: confirms what is unverified,
adopts what is the clinic's own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, NotNow
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.models import UNPUBLISHED, FigureConfirmation, ProtocolVersion
from protocols.operations.on_version import on_version
from protocols.queries.definitions import definition_as_written
from protocols.queries.figures import KINDS
from protocols.queries.instruments import instruments
from protocols.rules.figures import to_answer_for


def confirm_figures(
    *, actor: Actor, version: ProtocolVersion, figures: Collection[tuple[str, str]], now: datetime
) -> list[FigureConfirmation]:
    """Answer for each (path, text) in the actor's own name. One that somebody answered for already stays
    theirs.

    `text` is the figure as the clinician saw it: raises BadInput when the document says something else by
    now, so that nobody answers for a value they did not read.
    """
    with on_version(actor=actor, version=version, permission=Permission.CONFIRM_FIGURES) as found:
        if found.status not in UNPUBLISHED:
            raise NotNow(_("This version is published already."), code="version-is-published")
        there = {
            (figure.path, figure.text): kind
            for figure in to_answer_for(definition_as_written(found), instruments())
            if (kind := KINDS.get(figure.source.status)) is not None
        }
        unknown = sorted({path for path, text in figures if (path, text) not in there})
        if unknown:
            raise BadInput(
                _("Some figures are not in this version as they were shown."),
                fields={"figures": unknown},
                advice=_("Look at the page again."),
            )
        answered = set(FigureConfirmation.objects.filter(version=found).values_list("path", "text", "kind"))
        rows = [
            FigureConfirmation(
                clinic_id=found.clinic_id,
                version=found,
                path=path,
                text=text,
                kind=there[path, text],
                person_id=actor.person,
                at=now,
            )
            for path, text in sorted(set(figures))
            if (path, text, there[path, text].value) not in answered
        ]
        FigureConfirmation.objects.bulk_create(rows)
        if rows:
            record_event(
                actor=actor,
                verb="figures_confirmed",
                subject=found,
                occurred_at=now,
                now=now,
                data={"version": found.version, "digest": found.digest, "count": len(rows)},
            )
        return rows
