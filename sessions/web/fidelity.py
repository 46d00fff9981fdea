"""Pages of fidelity review: what one is to rate, what one was told, and for supervisors what was drawn."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.wall_time import start_of_day
from sessions.operations import fidelity as operations
from sessions.queries import fidelity as queries
from sessions.web.door import Door, staff
from sessions.web.forms.fidelity import (
    AdoptFormForm,
    DrawForm,
    FeedbackForm,
    RaterForm,
    RatingForm,
    VideoForm,
)


@staff
def fidelity(door: Door) -> HttpResponse:
    runs = allows(door.actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=door.actor.clinic_id))
    rows = door.read(queries.reviews) if runs else []
    return door.page(
        "sessions/fidelity.html",
        here="adherence",
        runs=runs,
        mine=door.read(queries.my_ratings),
        told=door.read(queries.told),
        reviews=rows,
        agreements=queries.agreements(rows),
        forms_in_use=door.read(queries.forms_in_use) if runs else [],
    )


@staff
def adopt(door: Door) -> HttpResponse:
    form = door.form(AdoptFormForm)
    if door.done(
        form,
        lambda: operations.adopt_form(
            actor=door.actor,
            text=form.cleaned_data["text"],
            reason=form.cleaned_data["reason"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        return door.go("fidelity", said=_("The form is in use."))
    return door.page(
        "sessions/fidelity_form.html",
        here="adherence",
        title=_("Take a rating form into use"),
        lede=_("Published item lists and pass marks are not available: these are your clinic’s own."),
        form=form,
        example=True,
        button=_("Take it into use"),
    )


@staff
def draw(door: Door) -> HttpResponse:
    choices = [(str(row.public_id), f"{row.title} {row.version}") for row in door.read(queries.forms_in_use)]
    form = door.form(DrawForm, choices=choices)
    zone = door.clinic.zone_info

    def act() -> None:
        given = form.cleaned_data
        operations.draw_sessions(
            actor=door.actor,
            form_id=UUID(given["form"]),
            from_at=start_of_day(given["from_on"], zone),
            until_at=min(start_of_day(given["until_on"] + timedelta(days=1), zone), door.now),
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("fidelity", said=_("The sessions are drawn."))
    return door.page(
        "sessions/fidelity_form.html",
        here="adherence",
        title=_("Draw sessions to be rated"),
        lede=_(
            "By chance, more often where the form’s risks speak for it. Only sessions whose patient consents "
            "to recording. Nobody chooses the seed; it is kept with the draw."
        ),
        form=form,
        none_in_use=not choices,
        button=_("Draw"),
    )


@staff
def review(door: Door, review: UUID) -> HttpResponse:
    found = door.read(queries.review, review)
    act = door.request.POST.get("act", "") if door.posted else ""
    people = list(door.read(queries.raters_for, review))
    given = door.request.POST
    rater = RaterForm(given if act == "rater" else None, choices=people)
    video = VideoForm(given if act == "video" else None, initial={"reference": found.video_reference})
    feedback = FeedbackForm(given if act == "feedback" else None)
    if act == "rater" and door.done(
        rater,
        lambda: operations.assign_rater(
            actor=door.actor, review_id=review, rater=UUID(rater.cleaned_data["rater"]), now=door.now
        ),
    ):
        return door.go("fidelity_review", review, said=_("The rater is named."))
    if act == "video" and door.done(
        video,
        lambda: operations.say_where_video_is(
            actor=door.actor, review_id=review, reference=video.cleaned_data["reference"], now=door.now
        ),
    ):
        return door.go("fidelity_review", review, said=_("Saved."))
    if act == "feedback" and door.done(
        feedback,
        lambda: operations.give_feedback(
            actor=door.actor,
            review_id=review,
            text=feedback.cleaned_data["text"],
            now=door.now,
            public_id=feedback.record_id,
        ),
    ):
        return door.go("fidelity_review", review, said=_("The therapists can read it."))
    return door.page(
        "sessions/fidelity_review.html",
        here="adherence",
        item=found,
        scores=[
            (item, [one.scores[item.code] for one in found.ratings if one.scores])
            for item in found.form.items
        ],
        rater_form=rater if len(found.raters) < 2 or found.again else None,
        video_form=video,
        feedback_form=feedback if found.ratings else None,
        form=next((one for one in (rater, video, feedback) if one.errors), None),
    )


@staff
def rate(door: Door, review: UUID) -> HttpResponse:
    found = door.read(queries.my_rating, review)
    form = door.form(RatingForm, asks=found.form)
    if door.done(
        form,
        lambda: operations.rate_session(
            actor=door.actor,
            review_id=review,
            scores=form.scores,
            comment=form.cleaned_data["comment"],
            now=door.now,
        ),
    ):
        return door.go("fidelity", said=_("Your rating is in."))
    return door.page(
        "sessions/fidelity_rate.html",
        here="adherence",
        item=found,
        form=form if found.mine.submitted_at is None else None,
        scores=[
            (
                one,
                (found.mine.scores or {}).get(one.code),
                (found.other.scores or {}).get(one.code) if found.other else None,
            )
            for one in found.form.items
        ],
    )
