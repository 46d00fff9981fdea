"""Pages for what a protocol asks to be filed, decided, weighed or counted: each one form, held against the
protocol by its operation."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _

from sessions.operations.choices import record_choice
from sessions.queries import asked
from sessions.queries import conduct as held_queries
from sessions.rules.facts import DecisionMade, FormFiled, GroupCounted, RiskBenefitDocumented
from sessions.web import forms
from sessions.web.door import Door, staff


@staff
def file_form(door: Door, course: UUID, key: str) -> HttpResponse:
    """A form or report was signed, handed over or filed."""
    found = door.read(asked.asked, course, key)
    if not found.form:
        raise Http404
    form = door.form(forms.FiledForm)
    if door.done(
        form,
        lambda: record_choice(
            actor=door.actor,
            course_id=course,
            value=FormFiled(
                form=found.form,
                reference=form.cleaned_data["reference"],
                detail=form.cleaned_data["detail"],
            ),
            key=key,
            occurred_at=form.time("occurred_at", door.now),
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("Recorded."))
    return door.course_form(course, title=found.what, form=form, figures_of=found, figures_key=key)


@staff
def decide(door: Door, course: UUID, key: str) -> HttpResponse:
    """A decision of the protocol, made or made anew."""
    found = door.read(asked.asked, course, key)
    if not found.choices:
        raise Http404
    form = door.form(forms.DecisionForm, choices=found.choices, initial={"choice": found.default})
    if door.done(
        form,
        lambda: record_choice(
            actor=door.actor,
            course_id=course,
            value=DecisionMade(
                decision=found.rule,
                choice=form.cleaned_data["choice"],
                reason=form.cleaned_data["reason"],
                person_id=door.person.pk,
            ),
            key=key,
            occurred_at=door.now,
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("chart", course, said=_("The decision is recorded."))
    return door.course_form(course, title=found.what, form=form, figures_of=found, figures_key=key)


@staff
def weigh(door: Door, course: UUID, key: str) -> HttpResponse:
    """Going on beyond a soft threshold of the protocol, with the reason written down first."""
    found = door.read(asked.asked, course, key)
    target, held = door.request.GET.get("for", ""), door.id_asked("held")
    form = door.form(forms.WeighForm)
    if door.done(
        form,
        lambda: record_choice(
            actor=door.actor,
            course_id=course,
            value=RiskBenefitDocumented(
                record_id=None,
                session_key=target,
                reason=form.cleaned_data["reason"],
                person_id=door.person.pk,
                role="",
            ),
            key=key,
            occurred_at=door.now,
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        said = _("Written down. The act may go on.")
        return door.go("session", held, said=said) if held else door.go("chart", course, said=said)
    return door.course_form(
        course,
        title=_("Go on beyond the threshold: %(what)s") % {"what": found.what},
        form=form,
        figures_of=found,
        figures_key=key,
    )


@staff
def group(door: Door, held: UUID) -> HttpResponse:
    """How many are in a group session from now on, and the largest amount among them."""
    board = door.read(held_queries.board, held, now=door.now)
    if board.group is None:
        raise Http404
    unit = board.group.unit
    form = door.form(forms.GroupForm, unit=unit)
    if door.done(
        form,
        lambda: record_choice(
            actor=door.actor,
            course_id=board.course.public_id,
            value=GroupCounted(
                record_id=held,
                patients=form.cleaned_data["patients"],
                facilitators=form.cleaned_data["facilitators"],
                largest_amount=form.cleaned_data["largest_amount"],
                unit=unit,
            ),
            occurred_at=door.now,
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("session", held, said=_("Recorded."))
    return door.course_form(
        board.course.public_id,
        title=_("The group of this session"),
        form=form,
        figures_of={"definition": board.definition, "rule": board.group.code},
    )
