"""Fidelity review: adopting a form, drawing sessions, naming two raters, rating, telling the therapists."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting, as_actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_change, record_event
from clinic.permissions import HouseSubject, Permission, require
from clinic.queries import members_of
from sessions.models import (
    FidelityDraw,
    FidelityFeedback,
    FidelityForm,
    FidelityRating,
    FidelityReview,
)
from sessions.models.bookings import RecordStatus
from sessions.operations.locks import lock_course
from sessions.operations.refresh import refresh_course
from sessions.permissions import subject_of
from sessions.queries.fidelity_candidates import candidates_for
from sessions.queries.fidelity_raters import (
    barred,
    barred_since,
    hidden_in_review,
    rates_anew,
    refusal_of,
    those_who_know,
    why_not,
)
from sessions.rules.fidelity import NoForm, draw, form_of, problems_of, read_form, weight_of


def adopt_form(
    *, actor: Actor, text: str, now: datetime, reason: str, public_id: UUID | None = None
) -> FidelityForm:
    """Take a rating form's document (YAML) into use. The same version says the same for ever."""
    with acting(actor):
        require(actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=actor.clinic_id))
        try:
            form = read_form(text)
        except NoForm as refusal:
            raise BadInput(_("This is no rating form."), fields={"text": list(refusal.problems)}) from refusal
        document = form.model_dump(mode="json")
        first = FidelityForm.objects.filter(
            clinic_id=actor.clinic_id, code=form.form, version=form.version
        ).first()
        if first is not None:
            if first.document != document:
                raise NotNow(
                    _("This version of the form is in use and says something else."),
                    advice=_("Give the changed form the next version."),
                )
            return first
        row = FidelityForm.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id or uuid7(),
            code=form.form,
            version=form.version,
            session_kind=form.session_kind.value,
            title=form.title,
            document=document,
            adopted_by_id=actor.person,
            adopted_at=now,
        )
        record_change(actor=actor, verb="fidelity_form_adopted", subject=row, now=now, reason=reason)
        return row


def draw_sessions(
    *,
    actor: Actor,
    form_id: UUID,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
    public_id: UUID | None = None,
) -> FidelityDraw:
    """Draw from the sessions that ended in the period and were not reviewed with this form before. Nobody
    chooses the seed."""
    with acting(actor):
        require(actor, Permission.RUN_FIDELITY, HouseSubject(clinic_id=actor.clinic_id))
        public_id = public_id or uuid7()
        row = (
            FidelityForm.objects.select_for_update()
            .filter(clinic_id=actor.clinic_id, public_id=form_id)
            .first()
        )
        if row is None:
            raise NotFound()
        first = FidelityDraw.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.form_id, first.from_at, first.until_at) != (row.pk, from_at, until_at):
                raise Incomplete("This id was already used for another draw.", code="id-reused")
            return first
        if until_at <= from_at or until_at > now:
            raise BadInput(_("The period ends after it begins, and not in the future."))
        form = form_of(row.document)
        found = candidates_for(clinic_id=actor.clinic_id, form=form, from_at=from_at, until_at=until_at)
        if not found.candidates:
            raise NotNow(
                _("No session of this kind, with consent to recording, waits to be drawn in that period.")
            )
        seed = secrets.token_hex(16)
        chosen = draw(found.candidates, sampling=form.sampling, seed=seed)
        drawn = FidelityDraw.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            form=row,
            from_at=from_at,
            until_at=until_at,
            seed=seed,
            frame=[
                {
                    "session": str(one.id),
                    "therapists": sorted(one.therapists),
                    "risks": sorted(risk.value for risk in one.risks),
                }
                for one in sorted(found.candidates, key=lambda one: str(one.id))
            ],
            without_consent=found.without_consent,
            drawn_by_id=actor.person,
            drawn_at=now,
        )
        FidelityReview.objects.bulk_create(
            FidelityReview(
                clinic_id=actor.clinic_id,
                draw=drawn,
                form=row,
                session_record_id=found.records[one.id],
                risks=sorted(risk.value for risk in one.risks),
                weight=weight_of(one, form.sampling),
            )
            for one in chosen
        )
        record_event(
            actor=actor,
            verb="fidelity_sessions_drawn",
            subject=drawn,
            occurred_at=now,
            now=now,
            data={"of": len(found.candidates), "drawn": len(chosen), "seed": seed},
        )
        return drawn


def assign_rater(*, actor: Actor, review_id: UUID, rater: UUID, now: datetime) -> FidelityRating:
    """Name one of the two raters. Never somebody who treated the patient or was in the room; and where the
    protocol blinds who rates fidelity, nobody who can open the chart. Whoever was named before and may not
    rate it any more gives up their place, and the task to name another is done."""
    with acting(actor):
        course = lock_course(actor=actor, session_records__fidelity_reviews__public_id=review_id)
        review = _review(actor, review_id, Permission.RUN_FIDELITY)
        member = next((one for one in members_of(actor, now=now) if one.person.public_id == rater), None)
        if member is None:
            raise BadInput(fields={"rater": [_("Nobody of that name works here now.")]})
        there = FidelityRating.objects.filter(review=review).select_related("review__session_record__course")
        out = barred_since(list(there), now=now)
        first = there.filter(rater_id=member.person_id).exclude(pk__in=out).first()
        if first is not None:
            return first
        why = barred(
            as_actor(member, at=now),
            subject_of(course),
            knowing=those_who_know(course),
            hidden=hidden_in_review(review.session_record),
        )
        if why is not None:
            raise BadInput(fields={"rater": [_sentence(why_not(why))]})
        leaving = set(out)
        if there.exclude(pk__in=leaving).count() == 2:
            # Whoever handed one in in error is named to rate anew; so may somebody else be, in their place.
            leaving |= set(rates_anew(review).order_by("place").values_list("pk", flat=True)[:1])
        taken = set(there.exclude(pk__in=leaving).values_list("place", flat=True))
        if len(taken) == 2:
            raise NotNow(_("Two raters are named already."))
        for rating in there.filter(pk__in=leaving):
            _tell(actor, "fidelity_rater_released", rating, review, now)
            rating.delete()
        rating = FidelityRating.objects.create(
            clinic_id=actor.clinic_id,
            review=review,
            place=min({1, 2} - taken),
            rater_id=member.person_id,
            assigned_by_id=actor.person,
            assigned_at=now,
        )
        _tell(actor, "fidelity_rater_assigned", rating, review, now)
        refresh_course(course=course, now=now)
        return rating


def rate_anew(*, actor: Actor, rating: FidelityRating, now: datetime) -> None:
    """A rating that was handed in in error, and has left, gives up its place to another one of the same
    rater, to be made. The course row must be locked."""
    rating.in_error = True
    rating.save(update_fields=["in_error"])
    anew = FidelityRating.objects.create(
        clinic_id=rating.clinic_id,
        review=rating.review,
        place=rating.place,
        rater_id=rating.rater_id,
        assigned_by_id=actor.person,
        assigned_at=now,
    )
    _tell(actor, "fidelity_rater_assigned", anew, rating.review, now)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def say_where_video_is(*, actor: Actor, review_id: UUID, reference: str, now: datetime) -> FidelityReview:
    """The clinic keeps the video; this is where. Empty takes it out."""
    with acting(actor):
        review = _review(actor, review_id, Permission.RUN_FIDELITY)
        review.video_reference = reference.strip()
        review.save(update_fields=["video_reference"])
        _tell(actor, "fidelity_video_referenced", review, review, now)
        return review


def rate_session(
    *, actor: Actor, review_id: UUID, scores: Mapping[str, int], now: datetime, comment: str = ""
) -> FidelityRating:
    """Submit a rating, whole and once. NotFound for whoever was not named a rater of it."""
    with acting(actor):
        rating = (
            FidelityRating.objects.select_for_update()
            .filter(clinic_id=actor.clinic_id, review__public_id=review_id, rater_id=actor.person_id or 0)
            .exclude(review__session_record__status=RecordStatus.ENTERED_IN_ERROR)
            .first()
        )
        if rating is None:
            raise NotFound()
        review = FidelityReview.objects.select_related("form", "session_record__course").get(
            pk=rating.review_id
        )
        course = review.session_record.course
        require(actor, Permission.RATE_FIDELITY, subject_of(course))
        rating.review = review
        if (why := barred_since([rating], now=now).get(rating.pk)) is not None:
            raise refusal_of(why)
        if wrong := problems_of(form_of(review.form.document), scores):
            raise Incomplete(
                _("Every item is rated with one of its anchors."),
                fields={code: [why] for code, why in wrong.items()},
            )
        if rating.submitted_at is not None:
            if (rating.scores, rating.comment) != (dict(scores), comment.strip()):
                raise NotNow(_("You have rated this session. A rating is not changed."))
            return rating
        rating.scores, rating.comment, rating.submitted_at = dict(scores), comment.strip(), now
        rating.save(update_fields=["scores", "comment", "submitted_at"])
        _tell(actor, "session_rated", rating, review, now)
        return rating


def give_feedback(
    *, actor: Actor, review_id: UUID, text: str, now: datetime, public_id: UUID | None = None
) -> FidelityFeedback:
    """Tell the therapists what the two ratings came to. Only when both are in; never one's own session."""
    with acting(actor):
        review = _review(actor, review_id, Permission.RUN_FIDELITY)
        if actor.person_id in those_who_know(review.session_record.course):
            raise Forbidden(_("Nobody reviews their own session."))
        if not text.strip():
            raise Incomplete(fields={"text": [_("Write what they should know.")]})
        public_id = public_id or uuid7()
        first = FidelityFeedback.every.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.review_id, first.text) != (review.pk, text.strip()):
                raise Incomplete("This id was already used for other feedback.", code="id-reused")
            return first
        if FidelityRating.objects.filter(review=review, submitted_at__isnull=False).count() < 2:
            raise NotNow(_("Two ratings have to be in first."))
        feedback = FidelityFeedback.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            review=review,
            author_id=actor.person,
            text=text.strip(),
            given_at=now,
        )
        _tell(actor, "fidelity_feedback_given", feedback, review, now)
        return feedback


def _review(actor: Actor, review_id: UUID, permission: Permission) -> FidelityReview:
    """Locked, its course loaded."""
    review = (
        FidelityReview.objects.select_for_update(of=("self",))
        .select_related("form", "session_record__course")
        .filter(clinic_id=actor.clinic_id, public_id=review_id)
        .exclude(session_record__status=RecordStatus.ENTERED_IN_ERROR)
        .first()
    )
    if review is None:
        raise NotFound()
    require(actor, permission, subject_of(review.session_record.course))
    return review


def _tell(
    actor: Actor,
    verb: str,
    subject: FidelityReview | FidelityRating | FidelityFeedback,
    review: FidelityReview,
    now: datetime,
) -> None:
    record_event(
        actor=actor,
        verb=verb,
        subject=subject,
        course_id=review.session_record.course_id,
        occurred_at=now,
        now=now,
    )
