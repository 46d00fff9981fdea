"""The place where a clinic loads the wording it is licensed to use, from the page to the form itself."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic.errors import Forbidden, Incomplete, NotNow
from protocols.models import InstrumentWording
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.queries import instrument_for, instrument_of
from sessions.queries.offers import asked_instrument
from tests.support.cast import START, Cast, enrol, make_cast
from tests.support.wordings import CODE, wording

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def client_of(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_what_an_administrator_loads_on_the_page_is_what_the_rater_reads(cast: Cast) -> None:
    course = enrol(cast)
    address = reverse("protocols:wording", args=(cast.clinic.slug, CODE))
    finn = client_of(cast, "finn")
    given = finn.get(address).context["text"]
    assert f"instrument: {CODE}" in given and given.count("words: …") == len(instrument_of(CODE).items)
    assert finn.post(address, {"document": wording()}).status_code == 302
    asked = asked_instrument(cast.actor("ada"), course.public_id, "caps5.baseline")
    assert asked is not None and asked.items[0].words["en"] == "Our own question 1"
    listed = finn.get(reverse("protocols:instruments", args=(cast.clinic.slug,))).content.decode()
    assert "Fictional licence 7" in listed and "Finn Fir" in listed


def test_one_clinics_wording_is_no_other_clinics(cast: Cast) -> None:
    other = make_cast("beech")
    load_wording(actor=cast.actor("finn"), instrument=CODE, text=wording(), now=START)
    assert instrument_for(cast.clinic.pk, CODE).has_text
    assert instrument_for(other.clinic.pk, CODE) == instrument_of(CODE)


def test_a_wording_that_does_not_fit_is_refused_with_its_lines_and_nothing_is_kept(cast: Cast) -> None:
    first = instrument_of(CODE).items[0].code
    answer = client_of(cast, "finn").post(
        reverse("protocols:wording", args=(cast.clinic.slug, CODE)), {"document": wording(missing=first)}
    )
    assert answer.status_code == 400 and f"the words of {first} are missing" in answer.content.decode()
    assert not InstrumentWording.objects.exists()


def test_a_place_that_was_left_empty_is_named(cast: Cast) -> None:
    text = wording().replace("Our own question 2\n", "…\n")
    answer = client_of(cast, "finn").post(
        reverse("protocols:wording", args=(cast.clinic.slug, CODE)), {"document": text}
    )
    assert answer.status_code == 400 and "still stands here" in answer.content.decode()


def test_a_wording_is_taken_back_with_a_reason_and_the_item_numbers_stand_again(cast: Cast) -> None:
    finn = cast.actor("finn")
    load_wording(actor=finn, instrument=CODE, text=wording(), now=START)
    with pytest.raises(Incomplete):
        take_wording_back(actor=finn, instrument=CODE, why=" ", now=START)
    take_wording_back(actor=finn, instrument=CODE, why="The licence ended.", now=START)
    assert instrument_for(cast.clinic.pk, CODE) == instrument_of(CODE)
    with pytest.raises(NotNow):
        take_wording_back(actor=finn, instrument=CODE, why="Again.", now=START)


def test_the_same_wording_loaded_twice_is_one_row(cast: Cast) -> None:
    finn = cast.actor("finn")
    first = load_wording(actor=finn, instrument=CODE, text=wording(), now=START)
    assert load_wording(actor=finn, instrument=CODE, text=wording(), now=START) == first
    assert InstrumentWording.objects.count() == 1


def test_only_an_administrator_loads_a_wording(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        load_wording(actor=cast.actor("ada"), instrument=CODE, text=wording(), now=START)
    assert (
        client_of(cast, "ada").get(reverse("protocols:wording", args=(cast.clinic.slug, CODE))).status_code
        == 404
    )


def test_an_instrument_whose_text_ships_takes_no_other(cast: Cast) -> None:
    with pytest.raises(NotNow):
        load_wording(actor=cast.actor("finn"), instrument="pcl5", text="format: 1", now=START)


def test_the_database_changes_and_deletes_no_wording(cast: Cast) -> None:
    row = load_wording(actor=cast.actor("finn"), instrument=CODE, text=wording(), now=START)
    for statement in (
        "UPDATE protocols_instrumentwording SET document = 'x' WHERE id = %s",
        "DELETE FROM protocols_instrumentwording WHERE id = %s",
    ):
        with (
            pytest.raises(DatabaseError, match="only ever added"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [row.pk])


def test_a_wording_is_loaded_by_command_too(cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "caps5.yaml"
    file.write_text(wording(), encoding="utf-8")
    who = {"clinic": cast.clinic.slug, "person": cast.people["finn"].email}
    call_command("load_wording", str(file), stdout=StringIO(), **who)
    assert instrument_for(cast.clinic.pk, CODE).text_licence == "Fictional licence 7, until 2030"
    file.write_text(wording(licence=""), encoding="utf-8")
    with pytest.raises(CommandError, match="licence"):
        call_command("load_wording", str(file), stdout=StringIO(), **who)
