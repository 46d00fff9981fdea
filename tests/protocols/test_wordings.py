"""The place where a clinic loads the wording it is licensed to use, from the page to the form itself."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic.errors import BadInput, Forbidden, Incomplete, NotNow
from clinic.models import Event
from protocols.models import InstrumentWording
from protocols.operations.wordings import load_wording, take_wording_back
from protocols.queries import instrument_for, instrument_of
from protocols.rules.instruments import score
from sessions.queries.offers import asked_form
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
    unexplained = finn.post(address, {"document": wording()})
    assert unexplained.status_code == 422 and "Say why." in unexplained.content.decode()
    assert finn.post(address, {"document": wording(), "reason": "The new licence."}).status_code == 302
    assert Event.objects.get(verb="instrument_wording_loaded").reason.text == "The new licence."
    asked = asked_form(cast.actor("ada"), course.public_id, "caps5.baseline")
    assert asked is not None and asked.theirs.items[0].words["en"] == "Our own question 1"
    listed = finn.get(reverse("protocols:instruments", args=(cast.clinic.slug,))).content.decode()
    assert "Fictional licence 7" in listed and "Finn Fir" in listed


def as_the_form_has_it(page: Client, address: str) -> dict[str, str]:
    """Every field of the page's form as it stands there."""
    form = page.get(address).context["form"]
    return {name: str(form[name].value() or "") for name in form.fields}


@pytest.mark.parametrize(("code", "language"), [(CODE, "en"), ("audit", "en"), ("who5", "de"), ("sds", "fr")])
def test_a_wording_is_written_field_by_field_and_changed_in_the_same_fields(
    cast: Cast, code: str, language: str
) -> None:
    finn = client_of(cast, "finn")
    address = reverse("protocols:wording", args=(cast.clinic.slug, code)) + f"?language={language}"
    empty = as_the_form_has_it(finn, address)
    said = {name: words or f"“{name}”: ja & nein" for name, words in empty.items()}
    assert finn.post(address, said).status_code == 302
    found = instrument_for(cast.clinic.pk, code, language)
    assert found.has_text and found.text_licence == said["licence"]
    for item in found.items:
        assert found.say(item.words) == said[f"item-{item.code}"]
        for option in item.options:
            own = said.get(f"item-{item.code}-{option.value}") or said.get(f"option-{option.value}")
            assert found.say(option.words) == (own or str(option.value))
    again = as_the_form_has_it(finn, address)
    assert again == {**said, "reason": ""}, "why is asked anew"
    changed = {**again, "licence": "Fictional licence 8"}
    assert finn.post(address, changed).status_code == 400
    assert finn.post(address, {**changed, "reason": "Renewed"}).status_code == 302
    assert instrument_for(cast.clinic.pk, code, language).text_licence == "Fictional licence 8"
    given = {item.code: item.highest for item in found.items}
    assert score(found, given) == score(instrument_of(code), given)


def test_a_field_left_empty_is_named_and_what_was_written_stays(cast: Cast) -> None:
    finn = client_of(cast, "finn")
    address = reverse("protocols:wording", args=(cast.clinic.slug, CODE))
    empty = as_the_form_has_it(finn, address)
    said = {name: words or f"words of {name}" for name, words in empty.items()} | {"item-b2": ""}
    answer = finn.post(address, said)
    page = answer.content.decode()
    assert answer.status_code == 400 and "There is a problem" in page
    assert 'href="#id_item-b2"' in page and "words of item-b1" in page
    assert not InstrumentWording.objects.exists()


def test_what_the_form_has_no_place_for_is_shown_and_changed_as_a_document(cast: Cast) -> None:
    finn = client_of(cast, "finn")
    address = reverse("protocols:wording", args=(cast.clinic.slug, CODE))
    load_wording(
        actor=cast.actor("finn"),
        instrument=CODE,
        text=wording().replace("instructions:", "title: Our own title\ninstructions:"),
        reason="agreed",
        now=START,
    )
    page = finn.get(address)
    assert not page.context["form_shows_all"] and 'name="licence"' not in page.content.decode()
    assert "Our own title" in page.content.decode()


def test_the_instruments_page_shows_their_cut_points_and_thresholds_with_source_date_and_mark(
    cast: Cast,
) -> None:
    page = client_of(cast, "finn").get(reverse("protocols:instruments", args=(cast.clinic.slug,)))
    rows = {
        english.instrument.code: (figures, marks)
        for _title, english, _states, figures, marks in page.context["rows"]
    }
    figures, marks = rows["pcl5"]
    cut = next(one for one in figures if one.text == "≥ 31")
    assert cut.label == "At or above 31, the lower bound of the cut-off 31 to 33"
    assert cut.source.text.endswith("appendix S, 2026-11")
    assert ("unverified", "unverified") in rows["meq30"][1] and ("unverified", "unverified") not in marks
    text = page.content.decode()
    assert '<b class="num">≥ 31</b>' in text and "appendix S, 2026-11" in text


def test_one_clinics_wording_is_no_other_clinics(cast: Cast) -> None:
    other = make_cast("beech")
    load_wording(actor=cast.actor("finn"), instrument=CODE, text=wording(), reason="agreed", now=START)
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
    load_wording(actor=finn, instrument=CODE, text=wording(), reason="agreed", now=START)
    with pytest.raises(Incomplete):
        take_wording_back(actor=finn, instrument=CODE, why=" ", now=START)
    take_wording_back(actor=finn, instrument=CODE, why="The licence ended.", now=START)
    assert instrument_for(cast.clinic.pk, CODE) == instrument_of(CODE)
    with pytest.raises(NotNow):
        take_wording_back(actor=finn, instrument=CODE, why="Again.", now=START)


def test_the_same_wording_loaded_twice_is_one_row(cast: Cast) -> None:
    finn = cast.actor("finn")
    first = load_wording(actor=finn, instrument=CODE, text=wording(), reason="agreed", now=START)
    assert load_wording(actor=finn, instrument=CODE, text=wording(), reason="agreed", now=START) == first
    assert InstrumentWording.objects.count() == 1


def test_only_an_administrator_loads_a_wording(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        load_wording(actor=cast.actor("ada"), instrument=CODE, text=wording(), reason="agreed", now=START)
    assert (
        client_of(cast, "ada").get(reverse("protocols:wording", args=(cast.clinic.slug, CODE))).status_code
        == 404
    )


def test_an_instrument_whose_text_ships_takes_no_other_english(cast: Cast) -> None:
    with pytest.raises(NotNow):
        load_wording(
            actor=cast.actor("finn"), instrument="pcl5", text=wording(code="pcl5"), reason="agreed", now=START
        )


@pytest.mark.parametrize(
    ("label", "code", "loaded", "asked", "reads", "has_text"),
    [
        ("English ships, German loaded", "pcl5", ["de"], "de", "de", True),
        ("English ships, nobody loaded Spanish", "pcl5", ["de"], "es", "en", True),
        ("English ships, and stays for who reads it", "pcl5", ["de"], "en", "en", True),
        ("only German loaded, German asked", CODE, ["de"], "de", "de", True),
        ("only German loaded, English asked", CODE, ["de"], "en", "en", False),
        ("only English loaded, German asked", CODE, ["en"], "de", "en", True),
        ("both loaded, German asked", CODE, ["en", "de"], "de", "de", True),
        ("nothing loaded", CODE, [], "de", "en", False),
    ],
)
def test_who_reads_a_language_gets_its_wording_and_english_where_there_is_none(
    cast: Cast, label: str, code: str, loaded: list[str], asked: str, reads: str, has_text: bool
) -> None:
    for language in loaded:
        text = wording(code=code, language=language)
        load_wording(actor=cast.actor("finn"), instrument=code, text=text, reason="agreed", now=START)
    found = instrument_for(cast.clinic.pk, code, asked)
    assert (found.language, found.has_text) == (reads, has_text), label
    assert found.say(found.items[0].words).startswith("Unsere Frage") is (reads == "de"), label
    assert bool(found.text_id) is (reads in loaded), label
    given = {item.code: item.highest for item in found.items}
    assert score(found, given) == score(instrument_of(code), given)


def test_a_wording_is_taken_back_in_its_language_alone(cast: Cast) -> None:
    finn = cast.actor("finn")
    for language in ("en", "de"):
        load_wording(actor=finn, instrument=CODE, text=wording(language=language), reason="agreed", now=START)
    take_wording_back(actor=finn, instrument=CODE, language="de", why="The licence ended.", now=START)
    found = instrument_for(cast.clinic.pk, CODE, "de")
    assert (found.language, found.has_text) == ("en", True)
    with pytest.raises(NotNow):
        take_wording_back(actor=finn, instrument=CODE, language="de", why="Again.", now=START)


@pytest.mark.parametrize(
    ("label", "text", "says"),
    [
        ("no patient reads it", wording(language="de").replace(": de", ": xx"), "write one of"),
        ("an answer has no words", wording().replace("licence:", "language: de\nlicence:"), "its answer 0"),
    ],
)
def test_a_wording_in_another_language_is_whole_or_refused(
    cast: Cast, label: str, text: str, says: str
) -> None:
    with pytest.raises(BadInput) as caught:
        load_wording(actor=cast.actor("finn"), instrument=CODE, text=text, reason="agreed", now=START)
    assert any(says in line for line in caught.value.fields["document"]), label


def test_a_german_wording_of_what_ships_in_english_is_loaded_on_the_page_and_listed_there(cast: Cast) -> None:
    finn = client_of(cast, "finn")
    address = reverse("protocols:wording", args=(cast.clinic.slug, "pcl5"))
    assert "<textarea" not in finn.get(address).content.decode(), "English comes with the product"
    given = finn.get(f"{address}?language=de").context["text"]
    assert "language: de" in given and "4: …" in given
    sent = {"document": wording(code="pcl5", language="de", licence="Official translation, 2019")}
    sent["reason"] = "For those who read German"
    assert finn.post(f"{address}?language=de", sent).status_code == 302
    listed = finn.get(reverse("protocols:instruments", args=(cast.clinic.slug,))).content.decode()
    assert "German: Official translation, 2019" in listed
    assert finn.post(f"{address}?language=de", {"take_back": "1", "why": "Over."}).status_code == 302
    assert instrument_for(cast.clinic.pk, "pcl5", "de").language == "en"


def test_the_database_changes_and_deletes_no_wording(cast: Cast) -> None:
    row = load_wording(actor=cast.actor("finn"), instrument=CODE, text=wording(), reason="agreed", now=START)
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
    with pytest.raises(CommandError, match="--reason"):
        call_command("load_wording", str(file), "--clinic", who["clinic"], "--person", who["person"])
    who["reason"] = "The new licence."
    call_command("load_wording", str(file), stdout=StringIO(), **who)
    assert Event.objects.get(verb="instrument_wording_loaded").reason.text == "The new licence."
    assert instrument_for(cast.clinic.pk, CODE).text_licence == "Fictional licence 7, until 2030"
    file.write_text(wording(licence=""), encoding="utf-8")
    with pytest.raises(CommandError, match="licence"):
        call_command("load_wording", str(file), stdout=StringIO(), **who)
