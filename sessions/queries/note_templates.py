"""The templates a clinic writes its notes on: those that come with the product, reworded or added to by the
clinic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from clinic.actors import Actor
from sessions.models.notes import NoteTemplate
from sessions.rules.notes import Block, from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    code: str
    title: str
    kinds: frozenset[str]  # of session; none: every kind
    blocks: Sequence[Block]
    in_use: bool = True
    version: int = 0  # 0: as it comes with the product
    shipped: bool = True


def shipped_templates() -> list[Template]:
    """DAP and SOAP as therapists know them, one for a dosing day, and an empty page."""
    return [
        Template(
            code="dap",
            title=_("DAP"),
            kinds=frozenset(),
            blocks=(
                Block(
                    code="data",
                    title=_("Data"),
                    hint=_("What was said and seen, interventions, the response."),
                ),
                Block(
                    code="assessment",
                    title=_("Assessment"),
                    hint=_("How you understand it, progress, risk, diagnosis where it changed."),
                ),
                Block(code="plan", title=_("Plan"), hint=_("What follows, by whom, until when.")),
            ),
        ),
        Template(
            code="soap",
            title=_("SOAP"),
            kinds=frozenset(),
            blocks=(
                Block(code="subjective", title=_("Subjective"), hint=_("What the patient reports.")),
                Block(code="objective", title=_("Objective"), hint=_("What you observed or measured.")),
                Block(
                    code="assessment",
                    title=_("Assessment"),
                    hint=_("How you understand it, progress, risk, diagnosis where it changed."),
                ),
                Block(code="plan", title=_("Plan"), hint=_("What follows, by whom, until when.")),
            ),
        ),
        Template(
            code="dosing_day",
            title=_("Dosing day"),
            kinds=frozenset({"dosing"}),
            blocks=(
                Block(
                    code="course_of_day",
                    title=_("How the day went"),
                    hint=_("Phases, what moved, what was said."),
                ),
                Block(
                    code="support",
                    title=_("Support given"),
                    hint=_("Words, music, touch and the consent to it, and the response."),
                ),
                Block(
                    code="assessment",
                    title=_("Assessment at the end"),
                    hint=_("State on leaving, risk, progress."),
                ),
                Block(code="plan", title=_("Plan"), hint=_("Tonight, the call tomorrow, integration.")),
            ),
        ),
        Template(
            code="free",
            title=_("Free text"),
            kinds=frozenset(),
            blocks=(Block(code="note", title=_("Note"), hint=""),),
        ),
    ]


def templates_of(actor: Actor) -> list[Template]:
    """Every template of the clinic, its own in place of a shipped one of the same code. One query."""
    own = {
        row.code: Template(
            code=row.code,
            title=row.title,
            kinds=frozenset(row.kinds),
            blocks=from_json(row.blocks),
            in_use=row.in_use,
            version=row.version,
            shipped=False,
        )
        for row in NoteTemplate.objects.filter(clinic_id=actor.clinic_id).order_by("title", "id")
    }
    found = [own.pop(one.code, one) for one in shipped_templates()]
    return [*found, *own.values()]


def templates_for(actor: Actor, kind: str) -> list[Template]:
    """Those offered for a kind of session: the ones made for it first."""
    offered = [one for one in templates_of(actor) if one.in_use and (not one.kinds or kind in one.kinds)]
    return sorted(offered, key=lambda one: kind not in one.kinds)
