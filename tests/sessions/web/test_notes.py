"""The note's page: written and signed by plain forms, copied, taken over, kept apart, read as plain text."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest
from django.test import Client

from sessions.models import FactRecord, NoteRecord, SessionRecord
from sessions.models.notes import NoteDraft, PsychotherapyNote
from tests.sessions.web.door import client_of
from tests.support.cast import PASSWORD
from tests.support.clinic_day import ClinicDay, addresses

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(day: ClinicDay) -> Client:
    return client_of(day, "ada")


@pytest.fixture
def dosed(day: ClinicDay) -> SessionRecord:
    """A dosing session that has ended and has no note."""
    return SessionRecord.objects.get(course=day.late, key="dosing.1")


def address(day: ClinicDay, held: SessionRecord, more: str = "") -> str:
    return f"/c/{day.cast.clinic.slug}/sessions/{held.public_id}/{more}"


def begin(day: ClinicDay, client: Client, held: SessionRecord, template: str) -> NoteDraft:
    answer = client.post(address(day, held, "note/start/"), {"template": template})
    assert answer.status_code == 302, answer.content
    return NoteDraft.objects.filter(session_record=held, finished_as=None).latest("pk")


def save(day: ClinicDay, client: Client, draft: NoteDraft, **fields: str) -> str:
    """Press a button of the note; the page that follows."""
    sent = {"version": str(draft.version), **{name.replace("__", "."): text for name, text in fields.items()}}
    answer = client.post(address(day, draft.session_record, f"note/{draft.public_id}/"), sent, follow=True)
    assert answer.status_code == 200, answer.content
    draft.refresh_from_db()
    return answer.content.decode()


def page(day: ClinicDay, client: Client, held: SessionRecord, more: str = "") -> str:
    answer = client.get(address(day, held) + f"?as=note{more}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_dosing_note_begins_with_the_facts_marked_as_drawn_up_and_is_signed_without_javascript(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "dosing_day")
    facts = draft.blocks[0]["text"]
    for said in (
        "initial dose 80 mg",
        "supplemental dose 40 mg",
        "checked by Ben Birch",
        "122/78",
        "Ada Alder",
    ):
        assert said in facts, facts
    shown = page(day, ada, dosed)
    assert "drawn up from the record" in shown
    shown = save(day, ada, draft, block__course_of_day="Wept, then slept.", sign="1")
    assert "This is what you sign." in shown
    assert "Wept, then slept." in shown
    assert "<textarea" not in shown.split('id="who-title"')[0]
    wrong = ada.post(address(day, dosed, "sign/"), {"password": "not mine"})
    assert "not your password" in wrong.content.decode()
    assert "Sign the record" in wrong.content.decode(), "the page to sign on is still there"
    signed = ada.post(address(day, dosed, "sign/"), {"password": PASSWORD}, follow=True)
    dosed.refresh_from_db()
    assert dosed.status == "signed"
    shown = signed.content.decode()
    assert "note-form" not in shown
    assert "Add to the signed record" in shown


def test_facts_that_changed_since_are_said_and_drawn_up_again(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "dosing_day")
    ada.post(
        address(day, dosed, "note/theme/"), {"theme": "Grief", "words": "I let her go", "occurred_at": ""}
    )
    shown = save(day, ada, draft, block__plan="Call tomorrow.")
    assert "The record has changed since" in shown
    shown = save(day, ada, draft, redraw="1")
    assert "The record has changed since" not in shown
    assert "Grief" in draft.blocks[0]["text"]


def test_a_stale_window_is_answered_with_409_and_both_texts(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    url = address(day, dosed, f"note/{draft.public_id}/")
    first = ada.post(url, {"version": "0", "block.note": "Tablet."}, headers={"accept": "application/json"})
    assert first.status_code == 200
    assert re.fullmatch(r"\d\d:\d\d", json.loads(first.content)["saved"])
    second = ada.post(url, {"version": "0", "block.note": "Desk."}, headers={"accept": "application/json"})
    assert second.status_code == 409
    said = json.loads(second.content)
    assert {block["code"]: block["text"] for block in said["blocks"]}["note"] == "Tablet."
    assert {block["code"]: block["text"] for block in said["yours"]}["note"] == "Desk."
    shown = page(day, ada, dosed)
    assert "Another window wrote something else" in shown
    assert "Tablet." in shown
    assert "Desk." in shown
    draft.refresh_from_db()
    save(day, ada, draft, take=said["refused"])
    assert draft.blocks[-1]["text"] == "Desk."
    assert "Another window" not in page(day, ada, dosed)


def test_a_copied_block_is_tinted_labelled_and_kept_from_being_signed_until_it_is_kept(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    earlier = NoteRecord.objects.filter(course=day.late).order_by("session_record__started_at").last()
    assert earlier is not None
    shown = save(day, ada, draft, block__note="Calm.", copy=f"note|{earlier.public_id}|note")
    assert "copied from " in shown
    assert 'class="field block copied"' in shown
    assert re.search(r"data-note-sign disabled", shown)
    assert draft.blocks[-1]["text"] == "Calm.\n\nWe talked about intentions."
    shown = save(day, ada, draft, kept="note")
    assert not re.search(r"data-note-sign disabled", shown)
    assert "still true" in shown


def test_the_ticks_are_saved_with_the_note_so_that_nothing_typed_is_lost(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    item = re.search(r'name="item" value="([a-z_]+)" form="note-form"', page(day, ada, dosed))
    assert item is not None
    save(day, ada, draft, block__note="Half typed.", ticks="1", item=item[1])
    assert draft.blocks[-1]["text"] == "Half typed."
    tick = FactRecord.objects.get(session_record=dosed, kind="checklist_ticked", value__item=item[1])
    assert tick.value["done"] is True


def test_who_was_there_from_when_to_when_is_shown_corrected_and_added(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    shown = page(day, ada, dosed)
    assert "Ben Birch" in shown.split('id="who-title"')[1]
    row = dosed.facts.get(kind="staff_present", value__person_id=day.cast.people["ben"].pk)
    start = f"{dosed.started_at.astimezone(day.cast.clinic.zone_info):%Y-%m-%dT%H:%M}"
    later = f"{dosed.started_at.astimezone(day.cast.clinic.zone_info):%Y-%m-%dT}15:00"
    sent = {
        "person": str(day.cast.id("ben")),
        "from_at": start,
        "until_at": later,
        "amends": str(row.public_id),
    }
    refused = ada.post(address(day, dosed, "presence/"), sent)
    assert refused.status_code == 422, "a correction says why"
    ada.post(address(day, dosed, "presence/"), {**sent, "reason": "He left at three."})
    assert "–15:00" in page(day, ada, dosed)
    ada.post(
        address(day, dosed, "presence/"),
        {"person": str(day.cast.id("gil")), "from_at": later, "until_at": ""},
    )
    assert "Gil Grove" in page(day, ada, dosed).split('id="who-title"')[1]


def test_any_record_is_read_as_plain_text_in_one_press(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    save(day, ada, draft, block__note="Wept, then slept.")
    ada.post(address(day, dosed, "sign/"), {"password": PASSWORD})
    answer = ada.get(address(day, dosed, "text/"))
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    for said in ("Dosing session 1", "P-001", "80 mg", "Wept, then slept.", "Signed by Ada Alder", "SHA-256"):
        assert said in text, said
    assert client_of(day, "gil").get(address(day, dosed, "text/")).status_code == 404
    assert "data-copy" in page(day, ada, dosed)
    assert "data-print" in page(day, ada, dosed)


def test_a_psychotherapy_note_has_its_own_page_which_says_what_never_stands_there(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    held = SessionRecord.objects.get(course=day.late, key="preparation.1")
    url = address(day, held, "psychotherapy-note/")
    assert "medicines and doses, results of tests" in ada.get(url).content.decode()
    ada.post(url)
    note = PsychotherapyNote.objects.get(session_record=held)
    saved = ada.post(f"{url}{note.public_id}/", {"version": "0", "block.text": "My brother."})
    assert saved.status_code == 302
    assert "My brother." in ada.get(url).content.decode()
    carla = client_of(day, "carla").get(url)
    assert "My brother." not in carla.content.decode()
    assert "My brother." not in ada.get(address(day, held) + "?as=note").content.decode()
    assert "My psychotherapy note" not in page(day, ada, dosed), "never of a dosing session"
    assert ada.post(address(day, dosed, "psychotherapy-note/")).status_code == 409


def test_a_key_for_the_device_is_given_to_its_person_alone_and_never_kept(
    day: ClinicDay, ada: Client
) -> None:
    url = f"/c/{day.cast.clinic.slug}/device-keys/"
    answer = ada.get(url)
    (mine,) = json.loads(answer.content)["keys"]
    assert "no-store" in answer["Cache-Control"]
    assert json.loads(ada.get(url).content)["keys"] == [mine]
    assert json.loads(client_of(day, "ben").get(url).content)["keys"] != [mine]
    assert Client().get(url).status_code == 302


def test_a_changed_secret_still_opens_what_waits_on_a_device(
    day: ClinicDay, ada: Client, settings: pytest.FixtureRequest
) -> None:
    from django.conf import settings as house

    url = f"/c/{day.cast.clinic.slug}/device-keys/"
    (before,) = json.loads(ada.get(url).content)["keys"]
    old = house.SECRET_KEY
    settings.SECRET_KEY = "another-secret"  # type: ignore[attr-defined]
    settings.SECRET_KEY_FALLBACKS = [old]  # type: ignore[attr-defined]
    found = json.loads(client_of(day, "ada").get(url).content)["keys"]
    assert found[1:] == [before]
    assert found[0] != before


def test_an_administrator_changes_a_template_on_its_page(day: ClinicDay) -> None:
    finn = client_of(day, "finn")
    url = f"/c/{day.cast.clinic.slug}/note-templates/"
    assert f'href="{url}"' in finn.get(url).content.decode(), "the way to it is in the menu"
    assert f'href="{url}"' not in client_of(day, "ada").get(addresses(day)["today"]).content.decode()
    assert "SOAP" in finn.get(url).content.decode()
    shown = finn.get(f"{url}soap/").content.decode()
    assert "Subjective | What the patient reports." in shown
    sent = {"title": "SOAP", "lines": "Subjective\nPlan", "in_use": "on", "version": "0", "reason": "Ours."}
    assert finn.post(f"{url}soap/", sent).status_code == 302
    assert finn.post(f"{url}soap/", sent).status_code == 409
    assert "your wording" in finn.get(url).content.decode()
    assert finn.post(url, {**sent, "title": "Body work", "lines": ""}).status_code == 400
    assert client_of(day, "ada").get(url).status_code == 403


def test_the_page_of_a_note_costs_the_same_however_much_was_written(
    day: ClinicDay, ada: Client, dosed: SessionRecord, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    draft = begin(day, ada, dosed, "dosing_day")
    counts = []
    for text in ("One.", "Two.", "Three."):
        save(day, ada, draft, block__plan=text)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page(day, ada, dosed)
        counts.append(len(asked))
    assert counts[0] == counts[1] == counts[2] < 75, counts


def test_intention_dosing_days_themes_and_totals_stand_on_the_arc_in_the_patient_s_words(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    ada.post(address(day, dosed, "note/theme/"), {"theme": "Grief", "words": "I let her go"})
    chart = f"/c/{day.cast.clinic.slug}/courses/{day.late.public_id}/"
    ada.post(f"{chart}record/intention/", {"detail": "To sleep without fear", "occurred_at": ""})
    strip = ada.get(chart).content.decode().split('class="strip"')[1].split("</div>")[0]
    for said in ("To sleep without fear", "Grief", "I let her go", "Dosing day", "PCL-5"):
        assert said in strip, said


def test_a_contributor_finds_the_part_to_attest_on_today_and_signs_it(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    ada.post(address(day, dosed, "note/contributor/"), {"person": str(day.cast.id("ben"))})
    save(day, ada, draft, block__note="Calm.")
    ada.post(address(day, dosed, "sign/"), {"password": PASSWORD})
    ben, today = client_of(day, "ben"), f"/c/{day.cast.clinic.slug}/"
    assert "attest your part" in ben.get(today).content.decode()
    assert "attest your part" not in ada.get(today).content.decode()
    assert "Ben Birch, for their part" in page(day, ada, dosed)
    assert "Sign my part" in page(day, ben, dosed)
    ben.post(address(day, dosed, "sign/"), {"password": PASSWORD, "meaning": "contributor"})
    assert "attest your part" not in ben.get(today).content.decode()
    shown = page(day, ada, dosed)
    assert "Ben Birch, for their part" not in shown
    assert "somebody licensed, for the part of Ben Birch" in shown


def test_the_address_a_device_keeps_leads_its_author_to_the_note_and_says_of_what_it_is(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    url = address(day, dosed, f"note/{draft.public_id}/")
    opened = ada.get(url)
    assert (opened.status_code, opened["Location"]) == (302, address(day, dosed) + "?as=note")
    asked = {"accept": "application/json"}
    assert json.loads(ada.get(url, headers=asked).content) == {"name": "P-001 · Dosing session 1"}
    for name in ("ben", "carla", "gil"):
        assert client_of(day, name).get(url, headers=asked).status_code == 404
    held = SessionRecord.objects.get(course=day.late, key="preparation.3")
    own = PsychotherapyNote.objects.get(session_record=held)
    url = address(day, held, f"psychotherapy-note/{own.public_id}/")
    assert ada.get(url)["Location"] == address(day, held, "psychotherapy-note/")
    assert json.loads(ada.get(url, headers=asked).content) == {"name": "P-001 · Preparation session 3"}
    assert client_of(day, "carla").get(url, headers=asked).status_code == 404


def test_text_that_came_after_the_signature_becomes_an_addendum_by_plain_forms(
    day: ClinicDay, ada: Client, dosed: SessionRecord
) -> None:
    draft = begin(day, ada, dosed, "free")
    save(day, ada, draft, block__note="Calm.", sign="1")
    ada.post(address(day, dosed, "sign/"), {"password": PASSWORD})
    late = {"version": "1", "block.note": "Calm. Then <angry>.", "public_id": str(uuid4())}
    url = address(day, dosed, f"note/{draft.public_id}/")
    assert ada.post(url, late, headers={"accept": "application/json"}).status_code == 409
    shown = page(day, ada, dosed)
    assert "<ins>Then &lt;angry&gt;.</ins>" in shown
    assert "What is on record</h4>" not in shown, "what the note says already is not said again"
    assert "angry" not in page(day, client_of(day, "ben"), dosed)
    assert "angry" not in ada.get(address(day, dosed, "text/")).content.decode()
    shown = page(day, ada, dosed, more=f"&late={late['public_id']}")
    assert "Then &lt;angry&gt;.</textarea>" in shown
    add = address(day, dosed, f"note/?late={late['public_id']}")
    empty = ada.post(add, {"text": ""})
    assert empty.status_code == 400
    assert f"late={late['public_id']}" in empty.content.decode(), "an empty addendum sets nothing aside"
    assert ada.post(add, {"text": "Then angry."}).status_code == 302
    shown = page(day, ada, dosed)
    assert "&lt;angry&gt;" not in shown
    assert "added after signing" in shown
