"""Pages of outcomes: one course's scores, and the clinic's own results. For staff only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from protocols.queries import instruments
from protocols.rules.instruments.telling import told_of_change
from protocols.web.outcomes import outcome
from protocols.web.showing import FigureRow, instrument_figure
from sessions.queries import banner
from sessions.queries import outcomes as queries
from sessions.queries.outcomes import Line, Scored
from sessions.queries.words import say
from sessions.web import charts
from sessions.web.cuts import cuts_of, figures_beside, shown
from sessions.web.door import Door, staff

DIFFERENCE_WORDS = {
    "instrument": _("another instrument"),
    "rater": _("another kind of rater"),
    "definition": _("another definition of what counts as reached"),
    "not_found": _("the source does not say what counted as reached, or when"),
    "time_point": _("another time point"),
}
BY_WORDS = {
    "patient": _("answered by the patient"),
    "therapist": _("rated by the therapist"),
    "independent_rater": _("rated by an independent rater"),
}


@staff
def outcomes(door: Door) -> HttpResponse:
    return door.page(
        "sessions/outcomes.html",
        here="adherence",
        versions=[
            (
                version,
                [
                    (
                        own,
                        outcome(version.definition, own.rule, instruments()),
                        None if own.few else round(100 * own.tally.reached / own.tally.assessed),
                        round(100 * own.interval.low),
                        round(100 * own.interval.high),
                        [
                            (
                                beside.published,
                                [DIFFERENCE_WORDS[one.value] for one in beside.differences],
                                (round(100 * beside.interval.low), round(100 * beside.interval.high))
                                if beside.interval
                                else None,
                            )
                            for beside in own.beside
                        ],
                    )
                    for own in version.results
                ],
            )
            for version in door.read(queries.clinic_outcomes, clinic=door.clinic, now=door.now)
        ],
        small=door.clinic.small_number,
    )


@staff
def course(door: Door, course: UUID) -> HttpResponse:
    found = door.read(queries.course_outcomes, course, now=door.now)
    return door.page(
        "sessions/course_outcomes.html",
        here="patients",
        patient=door.read(banner.banner, course, now=door.now),
        states=[(state, say(state.words)) for state in found.states],
        lines=[(line, _drawn(line, found.dose_days), _marks(line)) for line in found.lines],
        back=door.url("chart", course),
    )


def _drawn(line: Line, dose_days: Any) -> charts.Trend | None:
    return charts.trend(
        title=f"{say(line.instrument.title)}, {BY_WORDS.get(line.by, line.by)}",
        highest=line.instrument.most or 80,
        scores=[
            charts.Score(
                id=one.id,
                at=one.at,
                label=f"{one.since_first:+d}" if one is not line.scores[0] else "",
                total=one.total,
                shows=shown(line.instrument, total=one.total, answers=one.answers),
            )
            for one in line.scores
        ],
        doses=[(at, "") for at in dose_days],
        cuts=cuts_of(line.instrument),
        figures=figures_beside(line.instrument),
    )


def _marks(line: Line) -> list[tuple[Scored, list[tuple[bool, FigureRow]]]]:
    """Each later score with the changes since the first: whether better, and the threshold passed."""
    return [
        (
            one,
            [
                (seen.improved, instrument_figure(line.instrument, figure))
                for seen in one.changes
                for figure in told_of_change(seen.change)
            ],
        )
        for one in line.scores[1:]
    ]
