"""Every figure's source stands where the figure is used."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from protocols.rules.definition import SourceStatus
from protocols.rules.figures import figures_in
from protocols.web.showing import used_figures
from sessions.models import CourseRequirement, DeviationRecord
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay, addresses
from tests.support.library import CODES, protocol

pytestmark = pytest.mark.django_db

MAPP = "Mitchell"  # in the citation of the trial's figures


@pytest.mark.parametrize(
    ("page", "who", "figures"),
    [
        # the plan's windows
        ("chart", "ada", ("window 1 opens", "length")),
        # the readings due now, and what may be given in which window
        ("board", "ada", ("limit systolic", "supplemental dose opens", "at most per session")),
        # what stands in the way
        ("start-dosing", "ada", ("window 2 opens",)),
        ("release", "ada", ("different people",)),
        ("dose-order", "dov", ("initial dose 1 choice 1", "at most per session")),
    ],
)
def test_a_page_shows_its_figures_with_their_sources(
    day: ClinicDay, page: str, who: str, figures: tuple[str, ...]
) -> None:
    found = addresses(day)
    slug = day.cast.clinic.slug
    found["dose-order"] = (
        reverse("sessions:record", args=(slug, day.late.public_id, "dose-order")) + "?key=dosing.2"
    )
    text = client_of(day, who).get(found[page]).content.decode()
    for figure in figures:
        assert figure in strip_tags(text), figure
    assert MAPP in text or "clinic's choice" in text or "unverified" in text


def test_a_deviation_shows_the_figures_it_departs_from_with_their_sources(day: ClinicDay) -> None:
    client = client_of(day, "carla")
    departed = DeviationRecord.objects.filter(course=day.late).first()
    assert departed is not None
    page = client.get(reverse("sessions:deviation", args=(day.cast.clinic.slug, departed.public_id)))
    assert 'class="sources"' in page.content.decode()


def test_one_line_of_adherence_shows_the_figures_behind_it_with_their_sources(day: ClinicDay) -> None:
    row = CourseRequirement.objects.filter(course=day.late, kind="session").first()
    assert row is not None
    page = client_of(day, "carla").get(
        reverse("sessions:adherence_row", args=(day.cast.clinic.slug, row.public_id))
    )
    assert 'class="sources"' in page.content.decode()


@pytest.mark.parametrize("code", CODES)
def test_no_figure_of_a_rule_is_left_out_and_none_is_shown_without_its_kind_of_source(code: str) -> None:
    definition = protocol(code)
    for rule in definition.rules:
        placed = list(figures_in(rule))
        shown = [row for row in used_figures(definition, rule.code) if row.text]
        windows = len(getattr(rule, "windows", ()))
        if windows <= 1:
            assert [row.text for row in shown] == [figure.text for figure in placed], rule.code
        for row in shown:
            assert row.source.text, (rule.code, row.label)
            assert bool(row.source.mark) == (row.source.status != SourceStatus.PUBLISHED.value)
