"""Patients' pages in other languages than English: complete, discreet, and off until a clinician of the
clinic has approved the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.translation.template import templatize

from clinic.catalogs import FOLDER, compile_stale, pages_in, uncompiled
from clinic.checks import catalogues_are_compiled
from clinic.errors import BadInput
from clinic.models import Clinic, Event
from protocols.queries import own_questions
from sessions.models import Course, Patient
from sessions.operations.enrolment import register_patient
from sessions.operations.wording import approve_language
from sessions.queries.wording import digest_in, words_in
from sessions.rules.discretion import telling_words
from sessions.rules.wording import APPROVED_AS_SHIPPED, LANGUAGES
from sessions.rules.wording_shipped import MAILS
from tests.sessions.test_patient_pages import CRISIS, PHONE, visit_link
from tests.support.cast import START, Cast, enrol, make_cast
from tests.support.clinic_day import set_clock
from tests.support.patient_pages import templates_shown

PROJECT = Path(__file__).parents[2]
TEMPLATES = [path for _name, path in sorted(templates_shown().items())]
DOORS = ("sessions/web/links.py", "sessions/web/step_up.py", "sessions/web/patient_door.py")
# (file, classes and functions in it that are for staff)
SOURCES: tuple[tuple[str, frozenset[str]], ...] = (
    *((door, frozenset[str]()) for door in DOORS),
    ("sessions/web/forms/step_up.py", frozenset({"SetWordForm"})),
    ("sessions/web/forms/answers.py", frozenset({"ConcernStepForm"})),
    ("sessions/operations/answering.py", frozenset()),
    ("sessions/operations/visits.py", frozenset()),
    ("sessions/operations/new_links.py", frozenset()),
    ("sessions/operations/step_up.py", frozenset({"_refuse_poor"})),
    ("sessions/operations/step_up_codes.py", frozenset()),
    ("sessions/operations/care_concerns.py", frozenset({"act_on_concern", "render_concern"})),
)
OTHERS = [language for language in LANGUAGES if language not in APPROVED_AS_SHIPPED]
CALLS = {"_", "gettext", "gettext_lazy", "ngettext"}
_CALL = re.compile(r"""\b(?:n?gettext|_)\(\s*u?('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""")


def in_templates() -> Iterator[str]:
    for path in TEMPLATES:
        for found in _CALL.finditer(templatize(path.read_text(encoding="utf-8"))):
            yield ast.literal_eval(found[1])


def in_code() -> Iterator[str]:
    for name, of_staff in SOURCES:
        tree = ast.parse((PROJECT / name).read_text(encoding="utf-8"))
        tree.body = [node for node in tree.body if getattr(node, "name", "") not in of_staff]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                words = node.args[0]
                assert isinstance(words, ast.Constant), f"{name}:{node.lineno} is not a plain sentence"
                yield str(words.value)


def says_something(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS
        for node in ast.walk(tree)
    )


def test_whatever_a_door_of_patients_asks_for_is_searched_for_sentences() -> None:
    """An operation that a page of patients calls says what it refuses in words that are translated."""
    called = {
        f"{node.module.replace('.', '/')}.py"
        for door in DOORS
        for node in ast.walk(ast.parse((PROJECT / door).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sessions.operations.")
        if node.module
    }
    searched = {name for name, _of_staff in SOURCES}
    assert sorted(one for one in called - searched if says_something(PROJECT / one)) == []


def english() -> set[str]:
    return {*in_templates(), *in_code()}


def said_in(language: str) -> dict[str, str]:
    """English, in its first form → what is said."""
    return {words.split(" / ")[0]: said for words, said in pages_in(language)}


def places(words: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[sd]|\{\w+\}", words))


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_of_a_patients_page_is_missing_from_a_catalogue_and_none_is_left_over(
    language: str,
) -> None:
    said = said_in(language)
    assert sorted(english() - said.keys()) == []
    assert sorted(said.keys() - english()) == []
    assert [words for words, translated in said.items() if not translated.strip()] == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_translation_fills_the_same_places(language: str) -> None:
    different = [
        words
        for words, said in pages_in(language)
        if set(places(words)) != set(places(said)) or words.endswith("\n") != said.endswith("\n")
    ]
    assert different == []


def test_no_sentence_of_a_patients_page_tells_of_the_care_in_any_language() -> None:
    found = {
        (language, words): [one.found for one in telling_words(words)]
        for language, sentences in (
            ("en", english()),
            *((one, [said for _english, said in (*pages_in(one), *own_questions(one))]) for one in OTHERS),
        )
        for words in sentences
        if telling_words(words)
    }
    assert found == {}


@pytest.mark.parametrize("language", OTHERS)
def test_a_mail_names_the_way_out_as_the_page_does(language: str) -> None:
    label = said_in(language)["No more messages"]
    mails = [text for said, _kind, _subject, text in MAILS if said == language]
    assert mails and [text for text in mails if label not in text] == []


def test_the_catalogues_are_compiled_and_production_does_not_start_without(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_stale()
    assert uncompiled() == []
    source = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_bytes((FOLDER / "de" / "LC_MESSAGES" / "django.po").read_bytes())
    assert uncompiled(tmp_path) == ["de"]
    assert compile_stale(tmp_path) == [source.with_suffix(".mo")]
    assert (compile_stale(tmp_path), uncompiled(tmp_path)) == ([], [])
    settings.CLINIC_MODE = "production"
    assert catalogues_are_compiled() == []
    monkeypatch.setattr("clinic.checks.uncompiled", lambda: ["de"])
    assert [one.id for one in catalogues_are_compiled()] == ["clinic.E010"]
    with translation.override("de"):
        assert translation.gettext("Is it you?") == "Sind Sie es?"
        assert translation.ngettext(
            "You can try %(left)d more time.", "You can try %(left)d more times.", 3
        ) == ("Sie haben noch %(left)d Versuche.")


# --- in a clinic --------------------------------------------------------------------------------------------


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    set_clock(START)
    course = enrol(cast)
    Patient.objects.filter(pk=course.patient_id).update(language="de")
    return course


@pytest.mark.django_db
def test_a_page_is_in_the_patients_language_once_a_clinician_has_approved_it_and_english_before(
    client: Client, cast: Cast, course: Course
) -> None:
    _booking, token = visit_link(cast, course, now=START)
    before = client.get(f"/p/{token}/")
    assert '<html lang="en">' in before.content.decode() and "Yes, I will be there" in before.content.decode()
    digest = digest_in("de", words_in(cast.clinic.pk, "de"))
    approve_language(actor=cast.actor("dov"), language="de", digest=digest, now=START)
    page = client.get(f"/p/{token}/")
    text = page.content.decode()
    assert '<html lang="de">' in text and page["Content-Language"] == "de"
    assert "Ja, ich komme" in text and "Yes, I will be there" not in text
    assert re.search(r"(Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag), \d+\. \w+", text)
    assert PHONE in text and CRISIS in text and "Diese Seite verlassen" in text
    for path in ("change/", "stop/", "concern/", "nowhere/"):
        assert '<html lang="de">' in client.get(f"/p/{token}/{path}").content.decode(), path
    assert '<html lang="en">' in client.get("/p/NotALinkOfOurs00/").content.decode()


@pytest.mark.django_db
def test_whoever_approves_a_language_has_every_sentence_of_its_pages_before_them(
    client: Client, cast: Cast
) -> None:
    client.force_login(cast.people["dov"], backend="allauth.account.auth_backends.AuthenticationBackend")
    page = client.get(f"/c/{cast.clinic.slug}/wording/?language=fr").content.decode()
    shown = unescape(page)
    missing = [
        said
        for _english, said in (*pages_in("fr"), *own_questions("fr"))
        if re.sub(r"%\((\w+)\)[sd]", r"{\1}", said) not in shown
    ]
    assert missing == [] and "pages and approve them" in page


@pytest.mark.django_db
def test_the_reading_hours_stand_in_the_language_of_the_page(
    client: Client, cast: Cast, course: Course
) -> None:
    _booking, token = visit_link(cast, course, now=START)
    Clinic.objects.filter(pk=cast.clinic.pk).update(reading_hours_in={"de": "Montag bis Freitag"})
    assert "weekdays 9 to 5" in client.get(f"/p/{token}/").content.decode(), "nobody has approved German yet"
    digest = digest_in("de", words_in(cast.clinic.pk, "de"))
    approve_language(actor=cast.actor("dov"), language="de", digest=digest, now=START)
    page = client.get(f"/p/{token}/").content.decode()
    assert "Montag bis Freitag" in page and "weekdays" not in page
    assert "Im Notfall rufen Sie 911 an" in page


@pytest.mark.django_db
def test_a_coordinator_sets_the_patients_language_and_what_waits_is_written_in_it(cast: Cast) -> None:
    course = enrol(cast)
    staff = Client()
    staff.force_login(cast.people["eve"])
    address = reverse("sessions:reach", args=(cast.clinic.slug, course.public_id))
    page = staff.get(address)
    assert page.context["form"].initial["language"] == "en"
    sent = {"email": "pat@example.org", "phone": "", "agreed": ["email:visit_reminder"], "language": "es"}
    assert staff.post(address, sent).status_code == 302
    assert Patient.objects.get(pk=course.patient_id).language == "es"
    changed = Event.objects.filter(verb="contact_details_changed").order_by("-pk")[0]
    assert changed.data == {"language": "es"}
    assert 'value="es" selected' in staff.get(address).content.decode()
    assert staff.post(address, {**sent, "language": "xx"}).status_code == 400, "from the list only"
    assert staff.post(address, {**sent, "language": ""}).status_code == 302, "left as it is"
    assert Patient.objects.get(pk=course.patient_id).language == "es"


@pytest.mark.django_db
def test_a_language_that_is_not_shipped_stays_until_somebody_chooses_another(cast: Cast) -> None:
    course = enrol(cast)
    Patient.objects.filter(pk=course.patient_id).update(language="pt")
    staff = Client()
    staff.force_login(cast.people["eve"])
    address = reverse("sessions:reach", args=(cast.clinic.slug, course.public_id))
    assert 'value="pt" selected' in staff.get(address).content.decode()
    sent = {"email": "", "phone": "", "language": "pt"}
    assert staff.post(address, sent).status_code == 302
    assert Patient.objects.get(pk=course.patient_id).language == "pt"


@pytest.mark.django_db
def test_who_is_enrolled_is_asked_for_their_language(cast: Cast) -> None:
    staff = Client()
    staff.force_login(cast.people["eve"])
    page = staff.get(reverse("sessions:enrol", args=(cast.clinic.slug,)))
    assert [code for code, _name in page.context["form"].fields["language"].choices] == list(LANGUAGES)


@pytest.mark.django_db
def test_who_is_enrolled_reads_the_clinics_language_unless_they_have_another(cast: Cast) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(language="es")
    staff = Client()
    staff.force_login(cast.people["eve"])
    page = staff.get(reverse("sessions:enrol", args=(cast.clinic.slug,))).content.decode()
    assert 'value="es" selected' in page and 'value="en" selected' not in page
    given: dict[str, Any] = {
        "given_name": "Pia",
        "family_name": "Pine",
        "born_on": date(1990, 5, 4),
        "now": START,
    }
    eve = cast.actor("eve")
    assert register_patient(actor=eve, code="P-010", **given).language == "es"
    assert register_patient(actor=eve, code="P-011", language="fr", **given).language == "fr"
    with pytest.raises(BadInput) as refused:
        register_patient(actor=eve, code="P-012", language="xx", **given)
    assert set(refused.value.fields) == {"language"}
