"""The course itself: enrolling a patient, and the decisions that move a course, with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.permissions import HouseSubject, Permission, require
from sessions.models.courses import TeamRole
from sessions.operations import workflow
from sessions.operations.enrolment import change_care_team, enrol_patient, register_patient
from sessions.queries import arranging, banner, blinding, offers, reviewers
from sessions.web import forms
from sessions.web.door import Door, staff


@staff
def enrol(door: Door) -> HttpResponse:
    require(door.actor, Permission.ENROL_PATIENT, HouseSubject(clinic_id=door.actor.clinic_id))
    people = [(str(one.id), one.words) for one in door.read(arranging.staff_choices)]
    form = door.form(
        forms.EnrolForm,
        initial={"language": door.clinic.language},
        protocols=door.read(offers.protocols_offered),
        attributes=door.read(offers.attributes_offered),
        staff=people,
        roles=door.read(offers.roles_offered),
        arms=door.read(offers.arms_offered),
        raters=[(str(one.id), one.words) for one in door.read(blinding.raters_offered, now=door.now)],
    )
    made: list[UUID] = []

    def act() -> None:
        given = form.cleaned_data
        names = (
            "code",
            "given_name",
            "family_name",
            "pronouns",
            "born_on",
            "email",
            "phone",
            "email_allowed",
            "text_allowed",
        )
        patient = register_patient(
            actor=door.actor,
            now=door.now,
            zone=door.clinic.zone,
            attributes=frozenset(given.get("attributes", ())),
            public_id=form.record_id,
            language=given["language"],
            **{name: given[name] for name in names},
        )
        course = enrol_patient(
            actor=door.actor,
            now=door.now,
            patient_id=patient.public_id,
            protocol_version_id=UUID(given["protocol"]),
            team=form.team,
            enrolled_at=door.now,
            live_from=given["live_from"],
            arm=given.get("arm", ""),
        )
        made.append(course.public_id)

    if door.done(form, act):
        if unreviewed := door.read(reviewers.unreviewed_of, made[0], now=door.now):
            messages.warning(
                door.request,
                _("Nobody here may review the work of: %(names)s. Nobody reviews their own.")
                % {"names": ", ".join(unreviewed)},
            )
        return door.go("chart", made[0], said=_("The patient is enrolled."))
    may_review = door.read(reviewers.reviewers_here, now=door.now)
    return door.page(
        "sessions/record_form.html",
        here="patients",
        title=_("Enrol a patient"),
        warning=_too_few(may_review),
        form=form,
        submit=_("Enrol"),
        back=door.url("patients"),
    )


@staff
def name_rater(door: Door, course: UUID) -> HttpResponse:
    """Each who could be named, with why their rating would not count."""
    found = door.read(blinding.raters_of, course, now=door.now)
    form = door.form(forms.IndependentRaterForm, raters=[(str(one.id), one.words) for one in found.choices])
    if door.done(
        form,
        lambda: change_care_team(
            actor=door.actor,
            course_id=course,
            team_role=TeamRole.INDEPENDENT_RATER,
            person_id=UUID(form.cleaned_data["independent_rater"]),
            reason=form.cleaned_data["reason"],
            now=door.now,
        ),
    ):
        return door.go("tasks", said=_("The rater is named."))
    named = [f"{name} ({why})" if why else name for name, why in found.now]
    return door.page(
        "sessions/record_form.html",
        here="patients",
        title=_("Name the independent rater"),
        lede=_("Now: %(names)s.") % {"names": ", ".join(named) or _("nobody")},
        told=_what_raters_see(found.hides),
        form=form,
        submit=_("Name them"),
        patient=door.read(banner.banner, course, now=door.now),
        back=door.url("tasks"),
        back_label=_("Tasks"),
    )


def _what_raters_see(hides: Sequence[str]) -> str:
    """Why people are marked on the page, or why nobody is."""
    if not hides:
        return _(
            "This protocol hides nothing from its raters: a rating counts also if whoever gives it treats "
            "the patient or can open the chart. So nobody is marked here."
        )
    return _(
        "This protocol hides from its raters: %(what)s. Whoever knows the patient or can open the chart is "
        "marked, with why, and cannot be named."
    ) % {"what": ", ".join(hides)}


def _too_few(reviewers: Sequence[str]) -> str:
    """A warning, where the clinic has too few who may review; it keeps nobody from enrolling."""
    if not reviewers:
        return _(
            "Nobody in this clinic may review the team’s work today. Appoint a supervisor or a deputy, or "
            "have a reviewer invited from outside."
        )
    if len(reviewers) == 1:
        return _(
            "Only %(name)s may review the team’s work today, and nobody reviews their own: with them on the "
            "care team, what they do is reviewed by nobody."
        ) % {"name": reviewers[0]}
    return ""


COURSE_MOVES: dict[str, tuple[Any, type[forms.RecordForm], Callable[..., Any], Any]] = {
    "put_on_hold": (
        gettext_lazy("Put the course on hold"),
        forms.ReasonForm,
        workflow.put_course_on_hold,
        gettext_lazy("Sessions wait. Safety contacts after a dose go on."),
    ),
    "resume": (gettext_lazy("Resume the course"), forms.EmptyForm, workflow.resume_course, ""),
    "complete": (
        gettext_lazy("Complete the course"),
        forms.EmptyForm,
        workflow.complete_course,
        gettext_lazy("Treatment ends here. What the protocol asks after the end goes on being asked."),
    ),
    "withdraw": (
        gettext_lazy("The patient withdraws"),
        forms.ReasonForm,
        workflow.withdraw_patient,
        gettext_lazy("Treatment ends. Safety contacts after a dose stay required until done or declined."),
    ),
    "discontinue": (
        gettext_lazy("Discontinue the course"),
        forms.EndCourseForm,
        workflow.discontinue_course,
        gettext_lazy("Treatment ends. Safety contacts after a dose stay required until done or declined."),
    ),
    "stop_dosing": (
        gettext_lazy("No further dosing session"),
        forms.StopDosingForm,
        workflow.stop_dosing,
        gettext_lazy("A recorded clinical decision: the dosing sessions not held are no misses."),
    ),
}


@staff
def move(door: Door, course: UUID, move: str) -> HttpResponse:
    if move not in COURSE_MOVES:
        raise Http404
    title, kind, operation, warning = COURSE_MOVES[move]
    form = door.form(kind)

    def act() -> None:
        given = {name: value for name, value in form.cleaned_data.items() if name != "public_id"}
        operation(actor=door.actor, course_id=course, now=door.now, **given)

    if door.done(form, act):
        return door.go("chart", course, said=_("Done."))
    return door.course_form(course, title=title, form=form, warning=warning, submit=title, danger=True)
