"""Pages over many patients: today, the list, tasks."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clinic.permissions import HouseSubject, Permission, allows
from sessions.operations.assessing import ASSESSED
from sessions.operations.finishing import finish_task, take_task
from sessions.queries import banner, courses, ratings
from sessions.queries import calls as call_queries
from sessions.queries import off_track as off_track_queries
from sessions.queries import tasks as task_queries
from sessions.queries import today as today_queries
from sessions.web import forms
from sessions.web.door import Door, posts_only, staff


@staff
def today(door: Door) -> HttpResponse:
    return door.page(
        "sessions/today.html",
        here="today",
        view=door.read(today_queries.today, now=door.now),
        to_rate=door.read(ratings.anything_to_rate),
    )


@staff
def patients(door: Door) -> HttpResponse:
    asked = door.request.GET
    search, mine = asked.get("search", "").strip(), asked.get("mine", "") == "1"
    rows, after = door.read(courses.patients, search=search, after=asked.get("after", ""), mine=mine)
    next_page = (
        "?" + urlencode({"search": search, "after": after, "mine": "1" if mine else ""}) if after else ""
    )
    may_enrol = allows(door.actor, Permission.ENROL_PATIENT, HouseSubject(clinic_id=door.actor.clinic_id))
    return door.page(
        "sessions/patients.html",
        here="patients",
        patients=rows,
        search=search,
        mine=mine,
        every_list="?" + urlencode({"search": search}),
        my_list="?" + urlencode({"search": search, "mine": "1"}),
        next_page=next_page,
        may_enrol=may_enrol,
    )


@staff
def off_track(door: Door) -> HttpResponse:
    return door.page(
        "sessions/off_track.html", here="deviations", board=door.read(off_track_queries.off_track)
    )


@staff
def tasks(door: Door) -> HttpResponse:
    done = door.request.GET.get("show") == "done"
    return door.page(
        "sessions/tasks.html",
        here="today",
        tasks=door.read(task_queries.tasks, now=door.now, done=done),
        show="done" if done else "open",
        may_see_messages=allows(
            door.actor, Permission.MANAGE_MESSAGES, HouseSubject(clinic_id=door.actor.clinic_id)
        ),
    )


@staff
def task(door: Door, task: UUID) -> HttpResponse:
    found = door.read(task_queries.task, task, now=door.now)
    form: forms.ResolutionForm = (
        door.form(forms.AssessmentNoteForm, clinicians=door.read(task_queries.clinicians, now=door.now))
        if found.row.kind in ASSESSED
        else door.form(forms.ResolutionForm)
    )
    if door.done(
        form,
        lambda: finish_task(
            actor=door.actor,
            task_id=task,
            resolution=form.cleaned_data["resolution"],
            assessment=form.assessment() if isinstance(form, forms.AssessmentNoteForm) else None,
            now=door.now,
        ),
    ):
        return door.go("tasks", said=_("The task is closed."))
    return door.page(
        "sessions/task.html",
        may_name=allows(
            door.actor, Permission.CHANGE_CARE_TEAM, HouseSubject(clinic_id=door.actor.clinic_id)
        ),
        may_run=allows(door.actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=door.actor.clinic_id)),
        here="today",
        patient=door.read(banner.banner, found.row.course_id, now=door.now),
        task=found,
        form=form,
        key=door.read(call_queries.key_of_task, task),
        new_id=uuid4(),
        reached=forms.REACHED,
        not_reached=forms.NOT_REACHED,
        contact_form=forms.ContactForm(
            waiting=door.read(banner.waiting_contacts, found.row.course_id, now=door.now)
        ),
    )


@staff
@posts_only
def task_take(door: Door, task: UUID) -> HttpResponse:
    seen = door.request.POST.get("owner")
    take_task(actor=door.actor, task_id=task, owner_seen=seen, now=door.now)
    return door.go("task", task, said=_("The task is yours."))
