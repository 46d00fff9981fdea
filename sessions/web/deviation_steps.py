"""What can be said or done on the page of one deviation, each with its form: the steps of its review, the
actions agreed, the reports owed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.web.accounts import check_password_again
from sessions.models.closing import ActionKind
from sessions.operations import actions, closing, reporting, review
from sessions.queries.reviewing import owners
from sessions.queries.supervision import DeviationDetail
from sessions.rules.review import Foreseen, Missing, Part, foreseen_of
from sessions.web.door import Door
from sessions.web.forms import review as asking
from sessions.web.forms.fields import RecordForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that can be said or done on the page."""

    name: str
    title: str
    form: RecordForm
    button: str
    act: Callable[[Door, UUID, Any], object]
    said: str
    open: bool = False  # the next thing to do


def _acknowledge(door: Door, deviation: UUID, form: Any) -> object:
    return review.acknowledge_deviation(**_said(door, deviation, form))


def _comment(door: Door, deviation: UUID, form: Any) -> object:
    return review.review_deviation(
        **_said(door, deviation, form), closes=form.cleaned_data.get("closes", False)
    )


def _classify(door: Door, deviation: UUID, form: Any) -> object:
    given = form.cleaned_data
    return review.classify_deviation(
        **_said(door, deviation, form),
        important=given["important"],
        foreseen=Foreseen(given["foreseen"]),
        hazard=given["hazard"],
        aware_at=given["aware_at"],
    )


def _set_cause(door: Door, deviation: UUID, form: Any) -> object:
    return review.set_cause(**_said(door, deviation, form), cause=form.cleaned_data["cause"])


def _find_root_cause(door: Door, deviation: UUID, form: Any) -> object:
    return review.find_root_cause(**_said(door, deviation, form))


def _agree(door: Door, deviation: UUID, form: Any) -> object:
    given = form.cleaned_data
    return actions.agree_action(
        actor=door.actor,
        deviation_id=deviation,
        kind=ActionKind(given["kind"]),
        what=given["what"],
        owner=UUID(given["owner"]),
        due_on=given["due_on"],
        now=door.now,
        public_id=form.record_id,
    )


def _plan_check(door: Door, deviation: UUID, form: Any) -> object:
    return actions.plan_check(**_said(door, deviation, form), check_on=form.cleaned_data["check_on"])


def _judge(door: Door, deviation: UUID, form: Any) -> object:
    effective = form.cleaned_data["effective"] == "yes"
    return actions.judge_effect(**_said(door, deviation, form), effective=effective)


def _waive(door: Door, deviation: UUID, form: Any) -> object:
    parts = {Part(one) for one in form.cleaned_data["parts"]}
    return review.waive_parts(**_said(door, deviation, form), parts=parts)


def _close(door: Door, deviation: UUID, form: Any) -> object:
    check_password_again(door.request, door.person, form.cleaned_data["password"], field="password")
    return closing.close_deviation(**_said(door, deviation, form))


def _reopen(door: Door, deviation: UUID, form: Any) -> object:
    return review.reopen_deviation(**_said(door, deviation, form))


def _said(door: Door, deviation: UUID, form: Any) -> dict[str, Any]:
    return {
        "actor": door.actor,
        "deviation_id": deviation,
        "comment": form.cleaned_data["comment"],
        "now": door.now,
        "public_id": form.record_id,
    }


def finishing(door: Door, item: DeviationDetail) -> list[tuple[Any, Step | None]]:
    """The agreed actions, each with a way to finish it for who may."""

    def step(action: Any) -> Step | None:
        if action.finished_at is not None or not item.can_finish or item.row.closed_at is not None:
            return None
        name = f"finish-{action.public_id}"

        def act(door: Door, deviation: UUID, form: Any) -> object:
            return actions.finish_action(
                actor=door.actor,
                action_id=action.public_id,
                outcome=form.cleaned_data["outcome"],
                now=door.now,
            )

        form = _form(door, asking.FinishForm, name)
        return Step(
            name=name,
            title=_("Say that it is done"),
            form=form,
            button=_("It is done"),
            act=act,
            said=_("Saved."),
        )

    return [(action, step(action)) for action in item.actions]


def reports_owed(door: Door, item: DeviationDetail) -> list[tuple[Any, Step | None]]:
    """The reports that clocks ask for, each with a way to say that it was made."""

    def step(report: Any) -> Step | None:
        if report.reported_at is not None or not item.can_report:
            return None
        name = f"report-{report.public_id}"

        def act(door: Door, deviation: UUID, form: Any) -> object:
            return reporting.record_report(
                actor=door.actor,
                report_id=report.public_id,
                reported_at=form.time("reported_at", door.now),
                reference=form.cleaned_data["reference"],
                now=door.now,
            )

        form = _form(door, asking.ReportForm, name)
        return Step(
            name=name,
            title=_("Say that it was made"),
            form=form,
            button=_("It was reported"),
            act=act,
            said=_("The report is on record."),
        )

    return [(report, step(report)) for report in item.reports]


def _form(door: Door, kind: type[RecordForm], name: str, **more: Any) -> Any:
    posted = door.request.POST if door.posted and door.request.POST.get("act", "comment") == name else None
    return kind(posted, auto_id=f"id_{name}_%s", **more)


def steps_of(door: Door, item: DeviationDetail) -> list[Step]:
    """What a reviewer may do now, in the order in which it is done; what comes next stands open."""
    if not item.can_review:
        return []
    row, standing = item.row, item.standing
    plain = not standing.needs_plan or bool(row.state == "documented_late")
    closed = row.closed_at is not None
    following = item.missing[0] if item.missing and not plain else None

    def one(
        name: str,
        title: str,
        kind: type[RecordForm],
        button: str,
        act: Callable[[Door, UUID, Any], object],
        said: str,
        *,
        opens: bool = False,
        **more: Any,
    ) -> Step:
        form = _form(door, kind, name, **more)
        return Step(
            name=name, title=title, form=form, button=button, act=act, said=said, open=opens or form.is_bound
        )

    if closed:
        return [
            one(
                "comment",
                _("Comment"),
                asking.StepForm,
                _("Add the comment"),
                _comment,
                _("The comment is saved."),
            ),
            one(
                "reopen",
                _("Reopen the review"),
                asking.StepForm,
                _("Reopen it"),
                _reopen,
                _("The review is open again."),
            ),
        ]
    local_day = door.now.astimezone(door.clinic.zone_info).date()
    found = []
    if plain:
        found.append(
            one(
                "comment",
                _("Your review"),
                asking.ReviewForm,
                _("Save the review"),
                _comment,
                _("The review is saved."),
                opens=True,
                initial={"closes": True},
            )
        )
    elif Missing.ACKNOWLEDGED in item.missing:
        found.append(
            one(
                "acknowledge",
                _("Acknowledge it"),
                asking.StepForm,
                _("Acknowledge it"),
                _acknowledge,
                _("It is acknowledged."),
                opens=True,
            )
        )
    found += [
        one(
            "classify",
            _("Classify it"),
            asking.ClassifyForm,
            _("Save the classification"),
            _classify,
            _("The classification is saved."),
            opens=following is Missing.CLASSIFIED,
            initial={
                "important": row.important,
                "foreseen": row.foreseen or foreseen_of(row.status).value,
                "hazard": row.hazard,
                "aware_at": row.aware_at,
            },
        ),
        one(
            "cause",
            _("Name the cause"),
            asking.CauseForm,
            _("Save the cause"),
            _set_cause,
            _("The cause is saved. Adherence shows it."),
            initial={"cause": row.cause},
        ),
        one(
            "root-cause",
            _("Say what the root cause was"),
            asking.StepForm,
            _("Save the root cause"),
            _find_root_cause,
            _("The root cause is saved."),
            opens=following is Missing.ROOT_CAUSE,
        ),
        *(
            one(
                "action",
                _("Agree an action"),
                asking.ActionForm,
                _("Agree it"),
                _agree,
                _("The action is agreed. Its owner has a task."),
                opens=following is Missing.ACTIONS,
                people=people,
            )
            for people in [door.read(owners, row.course_id, now=door.now)]
            if people
        ),
        one(
            "check",
            _("Plan when to check whether it worked"),
            asking.CheckForm,
            _("Plan the check"),
            _plan_check,
            _("The check is planned. You have a task."),
            initial={"check_on": local_day + timedelta(days=30)},
        ),
    ]
    if standing.actions and not standing.open_actions:
        found.append(
            one(
                "effect",
                _("Judge whether the actions worked"),
                asking.EffectForm,
                _("Save the judgement"),
                _judge,
                _("The judgement is saved."),
                opens=following is Missing.EFFECTIVENESS,
            )
        )
    if not plain:
        found += [
            one(
                "waive",
                _("Say what this one does not need"),
                asking.WaiveForm,
                _("Save it with the reason"),
                _waive,
                _("Saved."),
            ),
            one(
                "comment",
                _("Comment"),
                asking.StepForm,
                _("Add the comment"),
                _comment,
                _("The comment is saved."),
            ),
        ]
    if not item.missing or row.state == "documented_late":
        found.append(
            one(
                "close",
                _("Close it with your signature"),
                asking.CloseForm,
                _("Sign and close"),
                _close,
                _("The review is closed and signed."),
                opens=not plain,
            )
        )
    return found
