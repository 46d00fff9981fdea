"""The page of one deviation: what departed with its evidence, and its review step by step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.errors import Forbidden, NotNow
from sessions.models import DeviationReview
from sessions.queries import banner, supervision
from sessions.queries.reviewing import missing_words
from sessions.queries.vocabulary import ACT_WORDS, CAUSE_WORDS, FORESEEN_WORDS, REOPENED_WORDS
from sessions.rules.review import Act
from sessions.web.deviation_steps import Step, finishing, reports_owed, steps_of
from sessions.web.door import Door, staff
from sessions.web.forms import review as asking


def _thread(item: supervision.DeviationDetail) -> list[tuple[Any, Any, Any]]:
    """The review in the order in which it went: what it was called, the step with its words, its signature;
    and where the records reopened it, why, in words, in the place of a step."""
    said = [
        (one.reviewed_at, ACT_WORDS[one.act], _shown(one), getattr(one, "signature", None))
        for one in item.reviews
    ]
    reopened = [
        (
            one.at,
            ACT_WORDS[Act.REOPEN],
            {"why": REOPENED_WORDS.get(one.why, REOPENED_WORDS[""]), "at": one.at},
            None,
        )
        for one in item.reopened
    ]
    return [entry[1:] for entry in sorted([*said, *reopened], key=lambda entry: entry[0])]


def _shown(step: DeviationReview) -> DeviationReview:
    """The step with what it says besides its words, in words."""
    said, shown = step.data, []
    if step.act == Act.CLASSIFY:
        shown = [
            _("important") if said["important"] else _("not important"),
            str(FORESEEN_WORDS[said["foreseen"]]),
            *([_("removed a hazard")] if said["hazard"] else []),
        ]
    elif step.act == Act.SET_CAUSE:
        shown = [str(CAUSE_WORDS[said["cause"]])]
    elif step.act == Act.WAIVE:
        parts = dict(asking.PARTS)
        shown = [str(parts[one]) for one in said["parts"]]
    elif step.act == Act.PLAN_CHECK:
        shown = [date_format(date.fromisoformat(said["check_on"]), "D j M Y")]
    elif step.act == Act.JUDGE_EFFECT:
        shown = [_("they worked") if said["effective"] else _("they did not work")]
    elif said.get("together_with"):
        shown = [
            ngettext("together with %(count)d other", "together with %(count)d others", said["together_with"])
            % {"count": said["together_with"]}
        ]
    step.shown = shown  # type: ignore[attr-defined]  # read by the template only
    return step


@staff
def deviation(door: Door, deviation: UUID) -> HttpResponse:
    item = door.read(supervision.deviation, deviation, now=door.now)
    steps, agreed, owed = steps_of(door, item), finishing(door, item), reports_owed(door, item)
    every: Sequence[Step | None] = [*steps, *(step for _a, step in agreed), *(step for _r, step in owed)]
    posted: forms.Form | None = None
    recipients = dict(asking.RECIPIENTS)
    for step in every:
        if step is None or not step.form.is_bound:
            continue
        posted = step.form
        if door.done(posted, lambda step=step: step.act(door, deviation, step.form)):  # type: ignore[misc]  # a default in a lambda
            if step.name in ("comment", "close") and step.form.cleaned_data.get(
                "closes", step.name == "close"
            ):
                return door.go("deviations", said=step.said)
            return door.go("deviation", deviation, said=step.said)
    if door.posted and posted is None:
        # Sent from a page that no longer shows the deviation as it is, or by somebody who may not.
        raise NotNow() if item.can_review else Forbidden()
    return door.page(
        "sessions/deviation.html",
        here="deviations",
        patient=door.read(banner.banner, item.row.course_id, now=door.now),
        item=item,
        thread=_thread(item),
        steps=steps,
        agreed=agreed,
        owed=[(report, recipients[report.clock.recipient], step) for report, step in owed],
        foreseen=FORESEEN_WORDS.get(item.row.foreseen, ""),
        cause=CAUSE_WORDS.get(item.row.cause, item.row.cause),
        missing=[missing_words(one) for one in item.missing] if item.standing.needs_plan else [],
        form=posted,
    )
