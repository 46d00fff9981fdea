"""A page on which something is decided names what it is about."""

from __future__ import annotations

from itertools import combinations

import pytest
from django.urls import reverse

from clinic.models import Credential
from sessions.rules.statistics.proportions import Count
from sessions.web.plots import LETTER, LINE, funnel, placed
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay

pytestmark = pytest.mark.django_db


def text_of(day: ClinicDay, who: str, name: str, *args: object) -> str:
    answer = client_of(day, who).get(reverse(f"sessions:{name}", args=(day.cast.clinic.slug, *args)))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("name", "key", "named"),
    [
        ("not_done", "contact.daily@dosing.1#4", "Daily contact after dosing, no. 4 (dosing session 1)"),
        ("override", "caps5.baseline", "CAPS-5 at baseline"),
    ],
)
def test_what_is_left_undone_or_overridden_is_named(day: ClinicDay, name: str, key: str, named: str) -> None:
    assert f'<p class="strong">{named}</p>' in text_of(day, "carla", name, day.late.public_id, key)


def test_a_credential_to_withdraw_is_named_with_whose_it_is(day: ClinicDay) -> None:
    credential = Credential.objects.filter(clinic=day.cast.clinic).select_related("person")[0]
    named = f"{credential.person.printed_name} · {credential.title}"
    assert named in text_of(day, "carla", "team_credential_withdraw", credential.public_id)


def test_an_enrolment_to_mark_and_a_marked_one_name_the_protocol_by_its_title(day: ClinicDay) -> None:
    text = text_of(day, "eve", "enrolment_error", day.late.public_id)
    assert "MDMA-assisted therapy for PTSD 1.0" in text
    assert "mdma_ptsd" not in text


def test_without_a_rating_form_nothing_is_drawn_and_the_page_leads_to_one(day: ClinicDay) -> None:
    text = text_of(day, "carla", "fidelity_draw")
    assert "No rating form is in use" in text
    assert reverse("sessions:fidelity_adopt", args=(day.cast.clinic.slug,)) in text
    assert "mean_at_least" in text_of(day, "carla", "fidelity_adopt"), "how such a document is written"


def test_no_two_names_in_a_funnel_lie_on_each_other() -> None:
    names = ("Ada Example", "Ben Example", "Greta Example", "Hugo Example", "Somebody Else Entirely")
    units = placed(
        [(name, Count(met=98, of=of)) for name, of in zip(names, (100, 100, 104, 104, 98), strict=True)],
        target=0.98,
    )
    plot = funnel(units, target=0.98)
    assert plot is not None
    boxes = []
    for spot in plot.spots:
        width = LETTER * len(spot.label)
        start = spot.x - 9 - width if spot.right else spot.x + 9
        boxes.append((start, start + width, spot.y + spot.dy))
    for one, other in combinations(boxes, 2):
        beside = one[1] <= other[0] or other[1] <= one[0]
        assert beside or abs(one[2] - other[2]) >= LINE
