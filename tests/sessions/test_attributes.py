"""Enrolment asks for exactly what the rules of a protocol are only for, and takes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from protocols.operations import retire_version
from protocols.rules.definition import AttributeIs, ResultRule
from protocols.rules.own_words import attributes_in
from protocols.rules.shapes.protocol import PROTOCOL
from sessions.models import Course, CourseRequirement, Patient
from tests.sessions.api.caller import calls, iso, new_id, problem
from tests.support.cast import LIBRARY, START, Cast, allow, make_cast, publish
from tests.support.clinic_day import set_clock
from tests.support.library import CODES, protocol

CODE = "psilocybin_trd"  # in a first episode, and for who can become pregnant


@pytest.mark.parametrize("code", CODES)
def test_what_is_asked_is_what_the_conditions_of_the_protocol_name(code: str) -> None:
    definition = protocol(code)
    named = set()
    for node in PROTOCOL.walk(definition, "", "", 0):
        if isinstance(node.value, AttributeIs):
            named.add(node.value.attribute)
        elif isinstance(node.value, ResultRule) and node.value.only_for:
            named.add(node.value.only_for)
    assert attributes_in(definition) == named == set(definition.attributes)


@pytest.fixture
def cast(db: None) -> Cast:
    cast = make_cast()
    assert cast.version is not None
    retire_version(actor=cast.actor("carla"), version=cast.version, comment="Superseded.", now=START)
    cast.version = publish(cast, (LIBRARY / f"{CODE}.yaml").read_text(encoding="utf-8"))
    allow(cast)
    set_clock(START)
    return cast


def person(code: str, **more: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "code": code,
        "given_name": "Una",
        "family_name": "Vale",
        "born_on": "1990-01-01",
        **more,
    }


def test_the_form_asks_for_exactly_what_the_protocol_names_in_its_own_words(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.people["eve"])
    page = client.get(reverse("sessions:enrol", args=(cast.clinic.slug,)))
    asked = dict(page.context["form"].fields["attributes"].choices)
    assert asked == {
        "can_become_pregnant": "Can become pregnant",
        "first_episode": "In a first episode of depression",
    }


def test_the_api_takes_exactly_what_the_protocol_names(cast: Cast) -> None:
    eve = calls(cast, "eve")
    for number, code in enumerate(sorted(protocol(CODE).attributes)):
        taken = eve.post("patients", person(f"P-{number}", attributes=[code]))
        assert taken.status_code == 201 and taken.json()["attributes"] == [code]
    body = problem(eve.post("patients", person("P-9", attributes=["first_episod", "male"])), 400)
    assert [error["message"] for error in body["errors"]] == [
        "No protocol here asks for “first_episod”. Did you mean “first_episode”?",
        "No protocol here asks for “male”. Write one of: can_become_pregnant, first_episode.",
    ]
    assert not Patient.objects.filter(code="P-9").exists()


@pytest.mark.parametrize("said", [[], ["first_episode"]], ids=["not said", "said"])
def test_what_was_said_at_enrolment_decides_which_rules_there_are(cast: Cast, said: list[str]) -> None:
    eve = calls(cast, "eve")
    patient = eve.post("patients", person("P-1", attributes=said)).json()["id"]
    assert cast.version is not None
    enrolled = eve.post(
        "enrol_patient",
        {
            "id": new_id(),
            "patient_id": patient,
            "protocol_version_id": str(cast.version.public_id),
            "team": {"lead_therapist": str(cast.id("ada")), "prescriber": str(cast.id("dov"))},
            "enrolled_at": iso(START),
            "arm": protocol(CODE).arms[0].code,
        },
    )
    assert enrolled.status_code == 201, enrolled.json()
    course = Course.objects.get(public_id=enrolled.json()["id"])
    keys = set(CourseRequirement.objects.filter(course=course).values_list("rule", flat=True))
    assert ("eligibility.first_episode_longest" in keys) == bool(said)
