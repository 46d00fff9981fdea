"""Pages of trends, and of what the clinic set: what makes a trend, and whom it tells by which clock."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clinic.errors import NotFound
from clinic.permissions import HouseSubject, Permission, require
from sessions.operations import reporting
from sessions.operations.trends import policy_of, review_trend, set_policy
from sessions.queries import trends as queries
from sessions.rules.reporting import AppliesTo, Recipient, Unit
from sessions.web.door import Door, staff
from sessions.web.forms import review as asking

SCOPE_WORDS = {
    "clinic": lambda row: _("in the whole clinic"),
    "protocol": lambda row: _("under %(protocol)s") % {"protocol": row.where},
    "therapist": lambda row: _("with %(person)s") % {"person": row.where},
}


def where_words(row: queries.TrendRow) -> str:
    return SCOPE_WORDS[row.scope](row)


@staff
def trends(door: Door) -> HttpResponse:
    if not queries.sees_trends(door.actor):
        raise NotFound()
    closed = door.request.GET.get("show") == "closed"
    try:
        after = UUID(door.request.GET.get("after", ""))
    except ValueError:
        after = None
    rows, following = door.read(queries.trends, closed=closed, after=after)
    return door.page(
        "sessions/trends.html",
        here="deviations",
        trends=[(row, where_words(row)) for row in rows],
        show="closed" if closed else "open",
        next_page="?" + urlencode({"show": "closed" if closed else "open", "after": str(following)})
        if following
        else "",
    )


@staff
def trend(door: Door, trend: UUID) -> HttpResponse:
    found = door.read(queries.trend, trend, now=door.now)
    form = door.form(asking.TrendForm)
    if door.done(
        form,
        lambda: review_trend(
            actor=door.actor,
            trend_id=trend,
            comment=form.cleaned_data["comment"],
            closes=form.cleaned_data["closes"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        if form.cleaned_data["closes"]:
            return door.go("trends", said=_("The trend is closed."))
        return door.go("trend", trend, said=_("The review is saved."))
    return door.page(
        "sessions/trend.html",
        here="deviations",
        item=found,
        where=where_words(found.row),
        form=form if found.can_review or door.posted else None,
    )


@staff
def settings(door: Door) -> HttpResponse:
    found = door.read(queries.settings)
    policy = door.read(lambda actor: policy_of(actor.clinic_id))
    form = door.form(
        asking.PolicyForm,
        initial={
            "days": policy.days,
            "in_clinic": policy.in_clinic,
            "in_protocol": policy.in_protocol,
            "of_therapist": policy.of_therapist,
            "days_off": "\n".join(policy.days_off),
        },
    )

    def act() -> None:
        given = form.cleaned_data
        set_policy(
            actor=door.actor,
            days=given["days"],
            in_clinic=given["in_clinic"],
            in_protocol=given["in_protocol"],
            of_therapist=given["of_therapist"],
            days_off=given["days_off"],
            reason=given["reason"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("deviation_settings", said=_("The settings are saved."))
    recipients, applies, units = (dict(one) for one in (asking.RECIPIENTS, asking.APPLIES_TO, asking.UNITS))
    return door.page(
        "sessions/deviation_settings.html",
        here="deviations",
        item=found,
        policy=policy,
        clocks=[
            (clock, recipients[clock.recipient], applies[clock.applies_to], units[clock.unit])
            for clock in found.clocks
        ],
        form=form if found.can_change else None,
    )


@staff
def set_clock(door: Door) -> HttpResponse:
    require(door.actor, Permission.CHANGE_REVIEW_SETTINGS, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(asking.ClockForm, protocols=door.read(queries.protocol_choices))

    def act() -> None:
        given = form.cleaned_data
        reporting.set_clock(
            actor=door.actor,
            recipient=Recipient(given["recipient"]),
            applies_to=AppliesTo(given["applies_to"]),
            protocol_id=UUID(given["protocol"]) if given["protocol"] else None,
            count=given["count"],
            unit=Unit(given["unit"]),
            from_next_day=given["from_next_day"],
            source=given["source"],
            reason=given["reason"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("deviation_settings", said=_("The clock runs for what is raised from now on."))
    return door.page(
        "sessions/record_form.html",
        here="deviations",
        title=_("A reporting clock"),
        lede=_("Whom the clinic tells of which deviations, and how soon after it knew."),
        form=form,
        submit=_("Set the clock"),
        back=door.url("deviation_settings"),
    )


@staff
def end_clock(door: Door, clock: UUID) -> HttpResponse:
    require(door.actor, Permission.CHANGE_REVIEW_SETTINGS, HouseSubject(clinic_id=door.actor.clinic_id))
    form = door.form(asking.EndClockForm)
    if door.done(
        form,
        lambda: reporting.end_clock(
            actor=door.actor, clock_id=clock, reason=form.cleaned_data["reason"], now=door.now
        ),
    ):
        return door.go(
            "deviation_settings", said=_("The clock has ended. What it asked for before stays due.")
        )
    return door.page(
        "sessions/record_form.html",
        here="deviations",
        title=_("End a reporting clock"),
        form=form,
        submit=_("End it"),
        back=door.url("deviation_settings"),
    )
