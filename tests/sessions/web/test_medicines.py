"""A medicine is put on the chart with what it belongs to, said one way or the other; what is written almost
like one with a washout is asked about."""

from __future__ import annotations

from typing import Any

import pytest

from sessions.models import FactRecord
from tests.sessions.web.door import client_of
from tests.support.clinic_day import ClinicDay, addresses

pytestmark = pytest.mark.django_db


def send(day: ClinicDay, **given: Any) -> Any:
    address = addresses(day)["medicine"]
    client = client_of(day, "ada")
    form = client.get(address).context["form"]
    return client.post(address, {"public_id": str(form["public_id"].value()), **given})


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"name": "Ibuprofen"}, False),
        ({"name": "Ibuprofen", "none_of_them": "on"}, True),
        ({"name": "Sertraline", "classes": ["ssri"]}, True),
        ({"name": "Sertraline", "classes": ["ssri"], "none_of_them": "on"}, False),
    ],
    ids=["nothing ticked", "none of these", "a class", "both"],
)
def test_what_a_medicine_belongs_to_is_said_one_way_or_the_other(
    day: ClinicDay, given: dict[str, Any], taken: bool
) -> None:
    answer = send(day, **given)
    assert (answer.status_code == 302) == taken
    assert FactRecord.objects.filter(course=day.late, kind="medicine_listed").exists() == taken
    if not taken:
        assert "Tick what it belongs to" in answer.content.decode()


def test_the_form_offers_the_protocols_classes_in_its_words(day: ClinicDay) -> None:
    form = client_of(day, "ada").get(addresses(day)["medicine"]).context["form"]
    offered = dict(form.fields["classes"].choices)
    assert offered["maoi"] == "MAO inhibitors" and offered["cyp2d6_inhibitor"] == "Inhibitors of CYP2D6"


def test_a_near_miss_stands_before_the_dosing_session_and_says_what_to_do(day: ClinicDay) -> None:
    send(day, name="Setraline", none_of_them="on")
    page = client_of(day, "ada").get(addresses(day)["start-dosing"]).content.decode()
    assert "medicine on the list is written almost like one with a washout" in page
