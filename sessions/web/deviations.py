"""Pages of many deviations: the log with its filters and as a file, acknowledging many at once, and entering
one that no requirement shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from clinic.adapters.reports.csv_files import table_lines
from clinic.adapters.reports.download import ReportFile
from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.reports import Cell, Format
from clinic.rules.wall_time import day_of
from sessions.operations.deviations import enter_deviation
from sessions.operations.exporting import note_log_taken, take_deviation_log
from sessions.operations.review import acknowledge_deviations
from sessions.queries import adherence, supervision, trends
from sessions.queries.adherence import Choices
from sessions.queries.courses import course_for
from sessions.queries.reports.deviation_log import deviation_columns, log_rows
from sessions.queries.supervision import STATES, DeviationRow, Narrowed
from sessions.queries.vocabulary import CAUSE_WORDS, FORESEEN_WORDS, STATE_WORDS
from sessions.queries.words import rule_choices, status_words
from sessions.rules.requirements import DEPARTED
from sessions.rules.review import Foreseen
from sessions.web import reports
from sessions.web.door import Door, posts_only, staff
from sessions.web.forms.fields import day, set_choices
from sessions.web.forms.review import EnterDeviationForm, ManyForm

YES_OR_NO = {"": None, "yes": True, "no": False}


class LogForm(forms.Form):
    """What the log is narrowed to, from the page's address. Whatever is unknown narrows nothing."""

    state = forms.ChoiceField(label=gettext_lazy("Review"), required=False)
    important = forms.ChoiceField(label=gettext_lazy("Importance"), required=False)
    status = forms.ChoiceField(label=gettext_lazy("How it departed"), required=False)
    cause = forms.ChoiceField(label=gettext_lazy("Cause"), required=False)
    foreseen = forms.ChoiceField(label=gettext_lazy("Known"), required=False)
    version = forms.ChoiceField(label=gettext_lazy("Protocol"), required=False)
    therapist = forms.ChoiceField(label=gettext_lazy("Therapist"), required=False)
    from_on = day(gettext_lazy("Happened from"), required=False)
    until_on = day(gettext_lazy("until"), required=False)
    hazard = forms.ChoiceField(required=False, widget=forms.HiddenInput)
    course = forms.UUIDField(required=False, widget=forms.HiddenInput)
    rule = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, *, choices: Choices) -> None:
        super().__init__(data)
        words = status_words()
        options: dict[str, list[tuple[str, Any]]] = {
            "state": [("", _("any")), *((one, STATE_WORDS[one]) for one in STATES)],
            "important": [("", _("any")), ("yes", _("important")), ("no", _("not important"))],
            "hazard": [(one, one) for one in YES_OR_NO],
            "status": [
                ("", _("any")),
                *sorted((one, words[one]) for one in (*map(str, DEPARTED), "free_form")),
            ],
            "cause": [("", _("any")), *CAUSE_WORDS.items()],
            "foreseen": [("", _("any")), *FORESEEN_WORDS.items()],
            "version": [("", _("every version")), *choices.versions],
            "therapist": [("", _("everybody")), *choices.therapists],
        }
        for name, offered in options.items():
            set_choices(self, name, offered)
        if not choices.therapists:
            del self.fields["therapist"]

    @property
    def kept(self) -> dict[str, str]:
        """What narrows the page, as its links carry it on."""
        self.is_valid()
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    @property
    def in_words(self) -> list[tuple[str, str]]:
        """What narrows it, as a report says it."""
        return reports.in_words(self)

    @property
    def narrowed(self) -> Narrowed:
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("version", "therapist"):
            if name in given:
                given[name] = UUID(given[name])
        for name in ("important", "hazard"):
            if name in given:
                given[name] = YES_OR_NO[given[name]]
        return Narrowed(**given)


@staff
def deviations(door: Door) -> HttpResponse:
    return _list(door, ManyForm())


def _list(door: Door, many: ManyForm) -> HttpResponse:
    show = "all" if door.request.GET.get("show") == "all" else "open"
    form = LogForm(door.request.GET, choices=door.read(adherence.choices))
    rows, after = door.read(
        supervision.deviations,
        now=door.now,
        waiting=show == "open",
        after=_uuid(door.request.GET.get("after", "")),
        narrowed=form.narrowed,
    )
    kept, house = form.kept, HouseSubject(clinic_id=door.actor.clinic_id)
    reviews = allows(door.actor, Permission.REVIEW_DEVIATION, house)
    return door.page(
        "sessions/deviations.html",
        here="deviations",
        deviations=rows,
        show=show,
        narrow=form,
        narrowed=bool(set(kept) - {"course"}),
        only=rows[0].patient if rows and "course" in kept else "",
        course=kept.get("course", ""),
        lists={one: "?" + urlencode({**kept, "show": one}) for one in ("open", "all")},
        next_page="?" + urlencode({**kept, "show": show, "after": str(after)}) if after else "",
        trends=door.read(trends.open_trends),
        sees_trends=trends.sees_trends(door.actor),
        sees_settings=trends.sees_trends(door.actor)
        or allows(door.actor, Permission.CHANGE_REVIEW_SETTINGS, house),
        files=reports.links(door, "deviation_log", query=f"?{urlencode(kept)}" if kept else "")
        if allows(door.actor, Permission.EXPORT_RECORD, house)
        else [],
        many=many if reviews and any(_may_be_ticked(row) for row in rows) else None,
        ticked=door.request.POST.getlist("deviation"),
    )


def _may_be_ticked(row: DeviationRow) -> bool:
    return row.waits and not row.important and not row.repeated


@staff
@posts_only
def acknowledge(door: Door) -> HttpResponse:
    form = door.form(ManyForm)
    chosen = [one for given in door.request.POST.getlist("deviation") if (one := _uuid(given))]
    if door.done(
        form,
        lambda: acknowledge_deviations(
            actor=door.actor,
            deviation_ids=chosen,
            reason=form.cleaned_data["comment"],
            now=door.now,
            public_id=form.record_id,
        ),
    ):
        said = ngettext("%(count)d is acknowledged.", "%(count)d are acknowledged.", len(chosen))
        return door.go("deviations", said=said % {"count": len(chosen)})
    return _list(door, form)


@staff
def enter(door: Door, course: UUID) -> HttpResponse:
    found = door.read(course_for, course, Permission.VIEW_DEVIATIONS)
    form = door.form(EnterDeviationForm, rules=rule_choices(found.protocol_version_id))

    def act() -> None:
        given = form.cleaned_data
        enter_deviation(
            actor=door.actor,
            course_id=course,
            title=given["title"],
            description=given["description"],
            occurred_at=form.time("occurred_at", door.now),
            aware_at=form.time("aware_at", door.now),
            foreseen=Foreseen(given["foreseen"]),
            hazard=given["hazard"],
            important=given["important"],
            cause=given["cause"],
            rule=given["rule"],
            now=door.now,
            public_id=form.record_id,
        )

    if door.done(form, act):
        return door.go("chart", course, said=_("The deviation is entered. A supervisor reviews it."))
    return door.course_form(
        course,
        title=_("Enter a deviation"),
        lede=_("A departure from the protocol that this system cannot see by itself."),
        form=form,
        submit=_("Enter it"),
    )


# --- the file -----------------------------------------------------------------------------------------------


@staff
def log_file(door: Door, form: str) -> HttpResponseBase:
    """The whole log as narrowed, by the patients' codes and without names. As CSV row by row, however
    long."""
    asked, narrow = reports.format_of(form), LogForm(door.request.GET, choices=door.read(adherence.choices))
    if asked is not Format.CSV:
        made = take_deviation_log(
            actor=door.actor, narrowed=narrow.narrowed, asked=narrow.in_words, form=asked, now=door.now
        )
        return ReportFile(made, asked, clinic=door.clinic.slug)
    note_log_taken(actor=door.actor, now=door.now)
    response = StreamingHttpResponse(
        table_lines(deviation_columns(), _cells(door, narrow.narrowed), zone=door.clinic.zone_info),
        content_type="text/csv; charset=utf-8",
    )
    today = day_of(door.now, door.clinic.zone_info).isoformat()
    name = f"deviation-log-{door.clinic.slug}-{today}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cells(door: Door, narrowed: Narrowed) -> Iterator[Sequence[Cell]]:
    after: UUID | None = None
    while True:
        rows, after = door.read(log_rows, narrowed, now=door.now, after=after)
        yield from rows
        if after is None:
            return


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
