"""Pages of adherence: the numbers with the grid, the rows behind a number, one requirement's evidence,
therapists side by side, and the months."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clinic.adapters.reports.download import ReportFile
from sessions.operations.exporting import take_adherence
from sessions.queries import adherence as queries
from sessions.queries import banner, evidence
from sessions.queries import grid as grid_queries
from sessions.queries.adherence import Asked, Choices, Named, Total
from sessions.queries.vocabulary import CAUSE_WORDS, KIND_WORDS
from sessions.rules.statistics.proportions import exact_interval, p_chart
from sessions.web import grid, plots, reports
from sessions.web.door import Door, staff
from sessions.web.forms.fields import day, set_choices


class NarrowForm(forms.Form):
    """What is asked about, from the page's address. Whatever is unknown narrows nothing."""

    from_on = day(gettext_lazy("Came due from"), required=False)
    until_on = day(gettext_lazy("until"), required=False)
    version = forms.ChoiceField(label=gettext_lazy("Protocol"), required=False)
    therapist = forms.ChoiceField(label=gettext_lazy("Therapist"), required=False)
    course = forms.UUIDField(required=False, widget=forms.HiddenInput)
    lead = forms.UUIDField(required=False, widget=forms.HiddenInput)
    co = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, *, choices: Choices) -> None:
        super().__init__(data)
        set_choices(self, "version", [("", _("every version")), *choices.versions])
        if choices.therapists:
            set_choices(self, "therapist", [("", _("everybody")), *choices.therapists])
        else:  # of one's own patients only: nobody to choose among
            for name in ("therapist", "lead", "co"):
                del self.fields[name]

    @property
    def asked(self) -> Asked:
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("version", "therapist"):
            if name in given:
                given[name] = UUID(given[name])
        return Asked(**given)

    @property
    def in_words(self) -> list[tuple[str, str]]:
        """What narrows it, as a report says it."""
        return reports.in_words(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One total in a table. `percent` None: too few. `low`, `high`: 95 % interval of the counts, percent."""

    name: str
    total: Total
    percent: int | None
    low: int
    high: int
    weighted: int | None  # the percentage by weight, where that differs from counting
    rows: str  # the address of the rows behind it
    departed: str  # of those not met
    only: str = ""  # the address of this page for these alone
    where: str = ""  # of a therapist: against the funnel


def shown(door: Door, named: Named, *, query: dict[str, str], page: str = "", where: str = "") -> Shown:
    total, narrowed = named.total, {**query, **named.narrow}
    interval = exact_interval(total.count)
    enough = not total.few and total.came_due > 0
    rows = door.url("adherence_rows")
    return Shown(
        name=named.name,
        total=total,
        percent=round(100 * total.met / total.came_due) if enough else None,
        low=round(100 * interval.low),
        high=round(100 * interval.high),
        weighted=round(100 * total.ratio) if enough and total.weighted and total.ratio is not None else None,
        rows=f"{rows}?{urlencode(narrowed)}",
        departed=f"{rows}?{urlencode({**narrowed, 'status': 'departed'})}",
        only=f"{door.url(page)}?{urlencode(narrowed)}" if page else "",
        where=where,
    )


def _kept(form: NarrowForm) -> dict[str, str]:
    """What narrows the page, as its links carry it on."""
    form.is_valid()
    return {name: str(value) for name, value in form.cleaned_data.items() if value}


def _narrow(door: Door) -> tuple[NarrowForm, dict[str, Any]]:
    form = NarrowForm(door.request.GET, choices=door.read(queries.choices))
    query = _kept(form)
    tabs = [
        (name, words, f"{door.url(name)}?{urlencode(query)}" if query else door.url(name))
        for name, words in (
            ("adherence", _("Numbers and grid")),
            ("adherence_time", _("Over time")),
            *((("adherence_therapists", _("Therapists")),) if "therapist" in form.fields else ()),
            ("fidelity", _("Fidelity")),
            *((("outcomes", _("Outcomes")),) if "therapist" in form.fields else ()),
        )
        if door.opens(name)
    ]
    return form, {
        "here": "adherence",
        "narrow": form,
        "query": query,
        "tabs": tabs,
        "small": door.clinic.small_number,
    }


@staff
def adherence(door: Door) -> HttpResponse:
    form, frame = _narrow(door)
    query, asked = frame["query"], form.asked
    found = door.read(queries.summary, asked, clinic=door.clinic)
    calls = door.request.GET.get("show") == "calls"
    cells = door.read(
        grid_queries.grid,
        after=door.request.GET.get("after", ""),
        version=asked.version,
        kinds=grid_queries.VISITS_AND_CALLS if calls else grid_queries.VISITS,
    )
    kept = {**query, "show": "calls"} if calls else query
    sees = bool(found.total.came_due) or queries.may_compare(door.actor)
    return door.page(
        "sessions/adherence.html",
        **frame,
        total=shown(door, Named(name="", total=found.total), query=query),
        kinds=[
            shown(door, replace(kind, name=str(KIND_WORDS.get(kind.name, kind.name))), query=query)
            for kind in found.kinds
        ],
        versions=[shown(door, version, query=query, page="adherence") for version in found.versions],
        causes=[
            (
                CAUSE_WORDS.get(cause, cause),
                count,
                f"{door.url('adherence_rows')}?{urlencode({**query, 'cause': cause})}",
            )
            for cause, count in found.causes.items()
        ],
        calls=calls,
        files=reports.links(door, "adherence_report", query=f"?{urlencode(query)}" if query else "")
        if sees
        else [],
        lists={
            "visits": f"?{urlencode(query)}#grid-title",
            "calls": f"?{urlencode({**query, 'show': 'calls'})}#grid-title",
        },
        next_page=f"?{urlencode({**kept, 'after': cells.next_after})}" if cells.next_after else "",
        **grid.of(cells),
    )


@staff
def file(door: Door, form: str) -> HttpResponseBase:
    """The numbers as narrowed, over the courses that who asks sees."""
    narrow, asked = NarrowForm(door.request.GET, choices=door.read(queries.choices)), reports.format_of(form)
    made = take_adherence(
        actor=door.actor, asked=narrow.asked, said=narrow.in_words, form=asked, now=door.now
    )
    return ReportFile(made, asked, clinic=door.clinic.slug)


@staff
def rows(door: Door) -> HttpResponse:
    """The rows behind a number: the first of the two clicks to its evidence."""
    form, frame = _narrow(door)
    given = {name: door.request.GET.get(name, "") for name in ("kind", "status", "cause")}
    found, after = door.read(
        queries.rows,
        replace(form.asked, kind=given["kind"], status=given["status"], cause=given["cause"]),
        clinic=door.clinic,
        after=door.request.GET.get("after", ""),
    )
    kept = {**frame["query"], **{name: value for name, value in given.items() if value}}
    return door.page(
        "sessions/adherence_rows.html",
        **frame,
        rows=[(row, CAUSE_WORDS.get(row.cause, row.cause)) for row in found],
        kind=KIND_WORDS.get(given["kind"], given["kind"]),
        status=given["status"],
        cause=CAUSE_WORDS.get(given["cause"], given["cause"]),
        back=f"{door.url('adherence')}?{urlencode(frame['query'])}",
        next_page=f"?{urlencode({**kept, 'after': after})}" if after else "",
    )


@staff
def requirement(door: Door, requirement: UUID) -> HttpResponse:
    """The second click: one requirement and every record that bears on it."""
    found = door.read(evidence.requirement, requirement)
    return door.page(
        "sessions/adherence_row.html",
        here="adherence",
        patient=door.read(banner.banner, found.course_id, now=door.now),
        item=found,
        cause=CAUSE_WORDS.get(found.cause, found.cause),
    )


@staff
def therapists(door: Door) -> HttpResponse:
    form, frame = _narrow(door)
    query = frame["query"]
    found = door.read(queries.comparison, form.asked, clinic=door.clinic)
    target = found.all_together.count.share
    enough = [one for one in found.therapists if not one.total.few]
    units = [(one.name, one.total.count) for one in enough]
    placed = plots.placed(units, target=target) if target is not None else ()
    where = {id(one): spot.where for one, spot in zip(enough, placed, strict=True)}
    return door.page(
        "sessions/adherence_therapists.html",
        **frame,
        together=shown(door, Named(name="", total=found.all_together), query=query),
        nobody=found.nobody,
        therapists=[
            shown(door, one, query=query, page="adherence", where=where.get(id(one), ""))
            for one in found.therapists
        ],
        pairs=[shown(door, pair, query=query, page="adherence") for pair in found.pairs],
        plot=plots.funnel(placed, target=target) if target is not None else None,
    )


@staff
def over_time(door: Door) -> HttpResponse:
    form, frame = _narrow(door)
    found = door.read(queries.months, form.asked, clinic=door.clinic)
    chart = p_chart([total.count for _month, total in found], least=door.clinic.small_number)
    labels = [date_format(month, "M Y") for month, _total in found]
    return door.page(
        "sessions/adherence_time.html",
        **frame,
        plot=plots.over_time(chart, labels),
        centre=round(100 * chart.centre) if chart.centre is not None else None,
        months=[
            (
                shown(
                    door,
                    Named(name=label, total=total, narrow=_month(month)),
                    query=frame["query"],
                ),
                round(100 * point.limits.low) if point.limits else None,
                round(100 * point.limits.high) if point.limits else None,
                point.beyond,
            )
            for (month, total), label, point in zip(found, labels, chart.points, strict=True)
        ],
    )


def _month(first: Any) -> dict[str, str]:
    return {"from_on": first.isoformat(), "until_on": queries.last_of_month(first).isoformat()}
