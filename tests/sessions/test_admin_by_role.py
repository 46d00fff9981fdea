"""The admin by role: which page each role sees and what it may do there; every change by an operation, with a
reason that stands beside its event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.admin.crisis_lines import Rows, as_chosen
from clinic.errors import BadInput, Forbidden, NotNow
from clinic.models import Absence, Clinic, Credential, Deputy, Event, Handover, Membership, Person, Room
from clinic.operations import people
from clinic.operations.clinics import change_clinic, change_review_settings
from clinic.permissions import Role
from protocols.models import InstrumentWording, LegalBasis, Protocol, ProtocolVersion
from sessions.models import DeviationPolicy, FidelityForm, MessageWording, NoteTemplate, ReportingClock
from tests.sessions.rules.test_fidelity import FORM
from tests.support.cast import LIBRARY, START, Cast, enrol, make_cast, make_clinic, make_person
from tests.support.clinic_day import set_clock
from tests.support.wordings import CODE, wording

pytestmark = pytest.mark.django_db

# v view, a add, c change; what is not here may not be done, and nothing is ever deleted.
SETTING_UP: dict[str, dict[str, str]] = {
    "clinic.clinic": {"finn": "vc"},
    "clinic.person": {"finn": "vac"},
    "clinic.membership": {"finn": "vac"},
    "clinic.room": {"finn": "vac"},
    "clinic.event": {"finn": "v"},
    "clinic.message": {"finn": "v"},
    "clinic.messagelog": {"finn": "v"},
    "clinic.messageattempt": {"finn": "v"},
    "clinic.reviewsettings": {"carla": "vc", "finn": "vc"},
    "clinic.credential": {"carla": "va"},
    "clinic.deputy": {"carla": "va"},
    "clinic.absence": {"carla": "va", "eve": "va"},
    "clinic.handover": {"carla": "va", "eve": "va"},
    "protocols.protocol": {"carla": "v", "finn": "v"},
    "protocols.protocolversion": {"carla": "vac", "finn": "vac"},
    "protocols.legalbasis": {"finn": "va"},
    "protocols.instrumentwording": {"finn": "va"},
    "therapy_sessions.notetemplate": {"carla": "vac", "finn": "vac"},
    "therapy_sessions.messagewording": {"finn": "va"},
    "therapy_sessions.wordingapproval": {"finn": "v"},
    "therapy_sessions.deviationpolicy": {"carla": "va", "finn": "va"},
    "therapy_sessions.reportingclock": {"carla": "va", "finn": "va"},
    "therapy_sessions.fidelityform": {"carla": "va"},
}
ARRANGING = {"ada": "v", "carla": "v", "dov": "v", "eve": "v"}
CLINICAL = {"ada": "v", "carla": "v", "dov": "v"}
PATIENTS: dict[str, dict[str, str]] = {
    **{
        f"therapy_sessions.{table}": ARRANGING
        for table in ("patient", "contactdetails", "course", "sessionbooking", "stafftask")
    },
    **{
        f"therapy_sessions.{table}": CLINICAL
        for table in (
            *("sessionrecord", "factrecord", "noterecord", "signaturerecord", "coursestage"),
            *("courserequirement", "deviationrecord", "deviationreview", "deviationaction"),
            *("deviationreport", "closuresignature"),
        )
    },
    "therapy_sessions.careteammember": {**ARRANGING, "carla": "va", "eve": "va"},
}
EXPECTED = {**SETTING_UP, **PATIENTS}
WHO = ("ada", "carla", "dov", "eve", "finn", "gil", "ora", "root")


@pytest.fixture
def cast(db: None) -> Cast:
    made = make_cast()
    made.people["ora"] = make_person(made.clinic, "Ora Oak", Role.OUTSIDE_REVIEWER)
    made.people["root"] = Person.objects.create_superuser("root@example.org", None, printed_name="Root")
    return made


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name])
    return client


def address(label: str, page: str, *args: object) -> str:
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def test_each_role_may_on_each_page_exactly_this(cast: Cast, rf: RequestFactory) -> None:
    """Ora is invited to nothing, Gil looks after nobody, and Root only runs the installation."""
    enrol(cast)
    found: dict[str, dict[str, str]] = {}
    for model, page in admin.site._registry.items():
        verbs = found.setdefault(model._meta.label_lower, {})
        for name in WHO:
            request = rf.get("/")
            request.user = cast.people[name]
            may = page.get_model_perms(request)
            said = "".join(verb[0] for verb in ("view", "add", "change", "delete") if may[verb])
            if said:
                verbs[name] = said
    assert found == EXPECTED


@pytest.mark.parametrize("name", WHO)
def test_the_pages_themselves_answer_so(cast: Cast, name: str) -> None:
    client = signed_in(cast, name)
    for label, verbs in SETTING_UP.items():
        may = verbs.get(name, "")
        for page, verb in (("changelist", "v"), ("add", "a")):
            status = client.get(address(label, page)).status_code
            assert status == (200 if verb in may else 403), (label, page)


def test_the_first_page_offers_nobody_what_they_may_not_open(cast: Cast) -> None:
    enrol(cast)
    for name in WHO:
        page = signed_in(cast, name).get("/admin/").content.decode()
        for label, verbs in EXPECTED.items():
            link = f'href="{address(label, "changelist")}"'
            assert (link in page) == (name in verbs), (name, label)


# --- one way through each page ------------------------------------------------------------------------------


def filled(form: Any) -> dict[str, Any]:
    """What a browser would send of a form as it stands."""
    body: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if field.name == "crisis_lines":
            rows = Rows(initial=as_chosen(value), prefix=field.name)
            body |= {one.html_name: one.value() or "" for row in rows for one in row}
            body |= {one.html_name: one.value() for one in rows.management_form}
        elif isinstance(value, list) and not hasattr(field.field, "choices"):
            body[field.name] = ",".join(map(str, value))
        elif value not in (None, False):
            body[field.name] = value
    return body


def sent(cast: Cast, **more: object) -> dict[str, Any]:
    return {"clinic": cast.clinic.pk, "reason": "It was asked for.", **more}


def one_person(cast: Cast, name: str) -> int:
    return cast.people[name].pk


def additions(cast: Cast) -> Mapping[str, tuple[str, type[Any], str, dict[str, Any]]]:
    """label → (who, the row made, the verb of its event, what the form sends)."""
    ada, carla, dov, gil = (one_person(cast, name) for name in ("ada", "carla", "dov", "gil"))
    days = {"from_on": "2027-03-10", "until_on": "2027-03-12"}
    return {
        "clinic.room": ("finn", Room, "room_added", {"name": "North"}),
        "clinic.membership": (
            *("finn", Membership, "membership_added"),
            {"person": one_person(cast, "root"), "roles": ["coordinator"], "from_on": "2027-03-01"},
        ),
        "clinic.person": (
            *("finn", Person, "membership_added"),
            {
                "email": "ida@example.org",
                "printed_name": "Ida Ivy",
                "from_on": "2027-03-01",
                "roles": ["therapist"],
            },
        ),
        "clinic.credential": (
            *("carla", Credential, "credential_recorded"),
            {
                "person": ada,
                "kind": "licence",
                "code": "psychotherapist",
                "title": "Licence",
                "valid_from": "2026-01-01",
                "valid_until": "2028-01-01",
            },
        ),
        "clinic.absence": (
            *("carla", Absence, "absence_recorded"),
            {"person": ada, "stand_in": gil, **days},
        ),
        "clinic.handover": (
            *("carla", Handover, "work_handed_over"),
            {"giver": ada, "taker": gil, "caseload": "on", **days},
        ),
        "clinic.deputy": (
            *("carla", Deputy, "deputy_named"),
            {"supervisor": carla, "deputy": dov, "from_on": "2027-03-10"},
        ),
        "protocols.protocolversion": (
            *("finn", ProtocolVersion, "protocol_drafted"),
            {"document": (LIBRARY / "lsd_gad.yaml").read_text(encoding="utf-8")},
        ),
        "protocols.legalbasis": (
            *("finn", LegalBasis, "legal_basis_recorded"),
            {
                "protocol": Protocol.objects.get().pk,
                "kind": "permit",
                "number": "FICT-7",
                "scope": "Patients of this house",
                "valid_from": "2027-01-01",
            },
        ),
        "protocols.instrumentwording": (
            *("finn", InstrumentWording, "instrument_wording_loaded"),
            {"instrument": CODE, "document": wording()},
        ),
        "therapy_sessions.notetemplate": (
            *("carla", NoteTemplate, "note_template_changed"),
            {"title": "Group", "lines": "Who came | names\nWhat moved", "kinds": ["preparation"]},
        ),
        "therapy_sessions.messagewording": (
            *("finn", MessageWording, "wording_written"),
            {
                "language": "en",
                "channel": "text",
                "kind": "visit",
                "text": "{sender}: your visit is on {day} at {time}. {link} STOP to stop.",
            },
        ),
        "therapy_sessions.deviationpolicy": (
            *("carla", DeviationPolicy, "deviation_policy_set"),
            {"days": 60, "in_clinic": 4, "in_protocol": 4, "of_therapist": 3, "days_off": "2027-12-24"},
        ),
        "therapy_sessions.reportingclock": (
            *("carla", ReportingClock, "reporting_clock_set"),
            {
                "recipient": "irb",
                "applies_to": "important",
                "count": 7,
                "unit": "calendar_days",
                "from_next_day": "on",
                "source": "The board's letter",
            },
        ),
        "therapy_sessions.fidelityform": (
            *("carla", FidelityForm, "fidelity_form_adopted"),
            {"text": FORM},
        ),
    }


ADDED = sorted(label for label, verbs in SETTING_UP.items() if any("a" in may for may in verbs.values()))


@pytest.mark.parametrize("label", ADDED)
def test_what_is_added_goes_through_its_operation_with_a_reason_and_an_event(cast: Cast, label: str) -> None:
    set_clock(START)
    who, model, verb, form = additions(cast)[label]
    client = signed_in(cast, who)
    before = model.objects.count()
    unexplained = client.post(address(label, "add"), sent(cast, **form, reason=" "))
    assert unexplained.status_code == 200 and b"errorlist" in unexplained.content
    assert model.objects.count() == before, "without a reason nothing changes"
    answer = client.post(address(label, "add"), sent(cast, **form))
    assert answer.status_code == 302, answer.content.decode()
    assert model.objects.count() == before + 1
    event = Event.objects.filter(verb=verb).latest("pk")
    assert event.actor_id == cast.people[who].pk
    assert event.reason.text == "It was asked for."
    row = model.objects.latest("pk")
    assert client.get(address(label, "change", row.pk)).status_code == 200


ENDINGS = {
    "clinic.credential": ("withdraw_from_today", "credential_withdrawn"),
    "clinic.absence": ("end", "absence_ended"),
    "clinic.handover": ("take_back", "work_taken_back"),
    "clinic.deputy": ("release", "deputy_released"),
    "protocols.protocolversion": ("discard", "protocol_draft_discarded"),
    "protocols.legalbasis": ("revoke", "legal_basis_revoked"),
    "protocols.instrumentwording": ("take_back", "instrument_wording_taken_back"),
    "therapy_sessions.reportingclock": ("end", "reporting_clock_ended"),
}


@pytest.mark.parametrize("label", sorted(ENDINGS))
def test_what_is_ended_is_ended_by_its_operation_with_a_reason(cast: Cast, label: str) -> None:
    set_clock(START)
    who, model, _verb, form = additions(cast)[label]
    action, verb = ENDINGS[label]
    client = signed_in(cast, who)
    client.post(address(label, "add"), sent(cast, **form))
    asked = {"action": action, "_selected_action": [model.objects.latest("pk").pk]}
    said = client.post(address(label, "changelist"), asked, follow=True).content.decode()
    assert "Say why" in said and not Event.objects.filter(verb=verb).exists()
    client.post(address(label, "changelist"), {**asked, "reason": "No longer so."}, follow=True)
    event = Event.objects.get(verb=verb)
    assert (event.actor_id, event.reason.text) == (cast.people[who].pk, "No longer so.")
    again = client.post(address(label, "changelist"), {**asked, "reason": "Once more."}, follow=True)
    assert again.status_code == 200 and Event.objects.filter(verb=verb).count() == 1


def test_a_refusal_of_the_operation_stands_in_the_form_and_nothing_changed(cast: Cast) -> None:
    set_clock(START)
    carla = signed_in(cast, "carla")
    page = carla.post(
        address("clinic.absence", "add"),
        sent(cast, person=one_person(cast, "ada"), from_on="2027-03-12", until_on="2027-03-10"),
    ).content.decode()
    assert "The last day lies before the first." in page
    finn = signed_in(cast, "finn")
    page = finn.post(
        address("therapy_sessions.messagewording", "add"),
        sent(
            cast, language="en", channel="text", kind="visit", text="MDMA session on {day} {time} {link} STOP"
        ),
    ).content.decode()
    assert "names a substance" in page
    assert not Absence.objects.exists() and not MessageWording.objects.exists()


def test_a_note_template_changed_by_somebody_else_meanwhile_is_not_overwritten(cast: Cast) -> None:
    carla, label = signed_in(cast, "carla"), "therapy_sessions.notetemplate"
    carla.post(address(label, "add"), sent(cast, title="Group", lines="Who came", in_use="on"))
    row = NoteTemplate.objects.get()
    change = {
        "title": "Group",
        "lines": "Who came\nWhat moved",
        "in_use": "on",
        "version": 1,
        "reason": "More.",
    }
    assert "Who came" in carla.get(address(label, "change", row.pk)).content.decode()
    assert carla.post(address(label, "change", row.pk), change).status_code == 302
    row.refresh_from_db()
    assert [block["title"] for block in row.blocks] == ["Who came", "What moved"]
    again = carla.post(address(label, "change", row.pk), change)
    assert "Somebody changed this template meanwhile." in again.content.decode()


def test_a_draft_is_changed_while_it_is_one_and_a_published_version_only_read(cast: Cast) -> None:
    set_clock(START)
    finn, label = signed_in(cast, "finn"), "protocols.protocolversion"
    document = (LIBRARY / "lsd_gad.yaml").read_text(encoding="utf-8")
    finn.post(address(label, "add"), sent(cast, document=document))
    draft = ProtocolVersion.objects.get(status="draft")
    change = {"document": document + "\n# A remark.\n", "reason": "A remark."}
    assert finn.post(address(label, "change", draft.pk), change).status_code == 302
    draft.refresh_from_db()
    assert draft.document.endswith("# A remark.\n")
    wrong = finn.post(address(label, "change", draft.pk), {"document": "format: 1", "reason": "A slip."})
    assert wrong.status_code == 200 and b"errorlist" in wrong.content
    assert cast.version is not None
    published = address(label, "change", cast.version.pk)
    assert finn.get(published).status_code == 200
    assert finn.post(published, change).status_code == 403
    drop = {"action": "discard", "_selected_action": [cast.version.pk], "reason": "A slip."}
    refused = finn.post(address(label, "changelist"), drop, follow=True).content.decode()
    assert "Only a draft can be thrown away." in refused
    assert ProtocolVersion.objects.filter(pk=cast.version.pk).exists()


def test_an_administrator_changes_one_thing_of_the_clinic_and_the_event_names_that_alone(
    cast: Cast,
) -> None:
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    form = finn.get(page).context["adminform"].form
    body = filled(form)
    assert finn.post(page, {**body, "phone": "555-0142"}).status_code == 200, "it asks why"
    answer = finn.post(page, {**body, "phone": "555-0142", "reason": "We have moved."})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    clinic = Clinic.objects.get(pk=cast.clinic.pk)
    assert (clinic.phone, clinic.slug, clinic.zone) == ("555-0142", "alder", cast.clinic.zone)
    event = Event.objects.get(verb="clinic_changed")
    assert (event.data, event.reason.text) == ({"phone": True}, "We have moved.")


def test_crisis_lines_are_a_row_each_with_what_is_wrong_beside_it(cast: Cast) -> None:
    """As a browser without scripts sends it: all rows, the empty ones too."""
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    shown = finn.get(page)
    said = shown.content.decode()
    assert 'name="crisis_lines-0-number"' in said and 'value="988"' in said and "[{" not in said
    assert said.count('name="crisis_lines-2-name"') == 1, "and two empty rows"
    body = {**filled(shown.context["adminform"].form), "reason": "A second line."}

    def row(at: int, **line: str) -> dict[str, str]:
        return {f"crisis_lines-{at}-{name}": value for name, value in line.items()}

    new = row(1, name="Linea", number="024", hours="day and night", country="ES", language="es")
    for wrong, beside, words in (
        ({"number": "call us"}, "number", "a telephone can dial"),
        ({"number": "12"}, "number", "a telephone can dial"),
        ({"name": " "}, "name", "Say what this line is called."),
        ({"country": "XX"}, "country", "not one of the available choices"),
        ({"language": "zz"}, "language", "not one of the available choices"),
    ):
        refused = finn.post(page, {**body, **new, **row(1, **wrong)})
        found = refused.content.decode()
        assert refused.status_code == 200 and "Some of the lines need another look" in found
        place = found.split(f'id="id_crisis_lines-1-{beside}_error"')[1].split("</p>")[0]
        assert words in place, wrong
        assert f'aria-describedby="id_crisis_lines-1-{beside}_error"' in found
    assert Clinic.objects.get(pk=cast.clinic.pk).crisis_lines == cast.clinic.crisis_lines

    answer = finn.post(page, {**body, **new})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    kept = Clinic.objects.get(pk=cast.clinic.pk).crisis_lines
    assert kept == [
        {"name": "Crisis line", "number": "988", "hours": "day and night"},
        {"name": "Linea", "number": "024", "hours": "day and night", "country": "ES", "language": "es"},
    ]
    event = Event.objects.get(verb="clinic_changed")
    assert (event.data, event.reason.text) == ({"crisis_lines": True}, "A second line.")

    form = finn.get(page).context["adminform"].form
    assert finn.post(page, {**filled(form), "reason": "Nothing."}).status_code == 302
    assert Event.objects.filter(verb="clinic_changed").count() == 1, "the same is no change"
    gone = {**filled(form), **row(0, name="", number="", hours=""), "reason": "It is closed."}
    assert finn.post(page, gone).status_code == 302
    assert Clinic.objects.get(pk=cast.clinic.pk).crisis_lines == kept[1:], "an emptied row is gone"


def test_what_was_written_of_a_line_before_there_were_lists_is_not_lost(cast: Cast) -> None:
    old = {"name": "Line", "number": "+1 (202) 555-0123", "hours": "", "country": "us", "language": "en-US"}
    Clinic.objects.filter(pk=cast.clinic.pk).update(crisis_lines=[old])
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    body = filled(finn.get(page).context["adminform"].form)
    assert finn.post(page, {**body, "reason": "Looked through."}).status_code == 302
    kept = Clinic.objects.get(pk=cast.clinic.pk).crisis_lines
    assert kept == [{**old, "country": "US", "language": "en"}]


def test_what_no_list_has_is_shown_as_it_is_and_never_taken_for_every_country_or_language(cast: Cast) -> None:
    old = {"name": "Line", "number": "112", "hours": "", "country": "UK", "language": "haw"}
    Clinic.objects.filter(pk=cast.clinic.pk).update(crisis_lines=[old], country="UK")
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    shown = finn.get(page)
    said = shown.content.decode()
    assert (
        said.count('<option value="UK" selected>UK</option>') == 2 and '<option value="haw" selected>' in said
    )
    body = {**filled(shown.context["adminform"].form), "reason": "Looked through."}
    refused = finn.post(page, body)
    assert refused.status_code == 200 and "not one of the available choices" in refused.content.decode()
    assert finn.post(page, {**body, "crisis_lines-0-country": "GB"}).status_code == 302
    clinic = Clinic.objects.get(pk=cast.clinic.pk)
    assert (clinic.country, clinic.crisis_lines) == ("UK", [{**old, "country": "GB"}])


def test_days_ways_country_and_language_of_the_clinic_are_chosen_and_not_typed(cast: Cast) -> None:
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    shown = finn.get(page)
    body = {**filled(shown.context["adminform"].form), "reason": "We open on Saturdays."}
    chosen = {"open_days": ["1", "6"], "step_up_ways": ["word"], "country": "PT", "language": "es"}
    answer = finn.post(page, {**body, **chosen})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    clinic = Clinic.objects.get(pk=cast.clinic.pk)
    assert (clinic.open_days, clinic.step_up_ways, clinic.country) == ([1, 6], ["word"], "PT")
    assert clinic.language == "es"
    wrong = finn.post(page, {**body, "open_days": ["8"], "country": "Portugal", "language": "Spanish"})
    assert wrong.content.decode().count("not one of the available choices") == 3
    assert 'name="zone"' not in shown.content.decode() and cast.clinic.zone in shown.content.decode()
    with pytest.raises(BadInput) as refused:
        change_clinic(actor=cast.actor("finn"), settings={"language": "xx"}, now=START, reason="A slip.")
    assert set(refused.value.fields) == {"language"}


def test_a_language_of_the_clinic_that_is_not_shipped_stays_until_somebody_chooses_another(
    cast: Cast,
) -> None:
    Clinic.objects.filter(pk=cast.clinic.pk).update(language="pt")
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    body = filled(finn.get(page).context["adminform"].form)
    assert finn.post(page, {**body, "phone": "555-0142", "reason": "We have moved."}).status_code == 302
    kept = Clinic.objects.get(pk=cast.clinic.pk)
    assert (kept.language, kept.phone) == ("pt", "555-0142")


def test_reading_hours_are_written_a_line_for_each_language(cast: Cast) -> None:
    finn, page = signed_in(cast, "finn"), address("clinic.clinic", "change", cast.clinic.pk)
    form = finn.get(page).context["adminform"].form
    body = filled(form)
    lines = "es: de lunes a viernes, de 9 a 17\n\nde: werktags: 9 bis 17 Uhr\n"
    for wrong in ("werktags", "de:", "xx: dagen", "de: a\nde: b"):
        refused = finn.post(page, {**body, "reading_hours_in": wrong, "reason": "Open longer."})
        assert "one line for each language" in refused.content.decode(), wrong
    answer = finn.post(page, {**body, "reading_hours_in": lines, "reason": "Open longer."})
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    kept = {"es": "de lunes a viernes, de 9 a 17", "de": "werktags: 9 bis 17 Uhr"}
    assert Clinic.objects.get(pk=cast.clinic.pk).reading_hours_in == kept
    shown = finn.get(page).context["adminform"].form["reading_hours_in"].value()
    assert shown == "de: werktags: 9 bis 17 Uhr\nes: de lunes a viernes, de 9 a 17"
    again = {**body, "reading_hours_in": shown, "reason": "Nothing."}
    assert finn.post(page, again).status_code == 302
    assert Event.objects.filter(verb="clinic_changed").count() == 1, "the same is no change"


# --- how records are co-signed ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["carla", "finn"])
def test_a_supervisor_or_an_administrator_sets_what_is_co_signed_and_how_soon(cast: Cast, name: str) -> None:
    page = address("clinic.reviewsettings", "change", cast.clinic.pk)
    client = signed_in(cast, name)
    form = {"review_within_days": 3, "reviewed_kinds": ["dosing"]}
    assert client.post(page, form).status_code == 200
    assert client.post(page, {**form, "reason": "The board asks for it."}).status_code == 302
    clinic = Clinic.objects.get(pk=cast.clinic.pk)
    assert (clinic.review_within_days, clinic.reviewed_kinds) == (3, ["dosing"])
    event = Event.objects.get(verb="review_settings_changed")
    assert event.reason.text == "The board asks for it."
    strange = client.post(page, {**form, "reviewed_kinds": ["dozing"], "reason": "Typed."})
    assert "dozing is not one of the available choices" in strange.content.decode()


def test_an_unknown_kind_among_those_co_signed_is_refused_by_naming_the_known_ones(cast: Cast) -> None:
    for change, who in ((change_clinic, "finn"), (change_review_settings, "carla")):
        with pytest.raises(BadInput) as refused:
            change(
                actor=cast.actor(who),
                settings={"reviewed_kinds": ["dosing", "dozing"]},
                now=START,
                reason="A slip.",
            )
        [words] = refused.value.fields["reviewed_kinds"]
        assert "dozing" in words and "follow_up" in words
    assert Clinic.objects.get(pk=cast.clinic.pk).reviewed_kinds == []


def test_a_supervisor_sets_nothing_else_of_the_clinic(cast: Cast) -> None:
    carla = cast.actor("carla")
    with pytest.raises(BadInput):
        change_review_settings(actor=carla, settings={"phone": "555-0199"}, now=START, reason="So.")
    with pytest.raises(Forbidden):
        change_review_settings(
            actor=cast.actor("dov"), settings={"review_within_days": 3}, now=START, reason="So."
        )
    page = address("clinic.reviewsettings", "change", cast.clinic.pk)
    signed_in(cast, "carla").post(page, {"phone": "555-0199", "reason": "So."})
    assert Clinic.objects.get(pk=cast.clinic.pk).phone == "555-0100"


def test_another_clinics_settings_and_rows_are_not_there(cast: Cast) -> None:
    set_clock(START)
    birch = make_clinic("birch")
    hana = make_person(birch, "Hana Hazel", Role.SUPERVISOR)
    carla = signed_in(cast, "carla")
    label = "clinic.reviewsettings"
    assert carla.get(address(label, "change", birch.pk)).status_code in (302, 403, 404)
    stranger = carla.post(
        address("clinic.credential", "add"),
        sent(cast, **{**additions(cast)["clinic.credential"][3], "person": hana.pk}),
    )
    assert b"errorlist" in stranger.content
    assert not Credential.objects.filter(person=hana).exists()
    elsewhere = {**sent(cast, name="North"), "clinic": birch.pk}
    assert b"errorlist" in signed_in(cast, "finn").post(address("clinic.room", "add"), elsewhere).content


# --- people -------------------------------------------------------------------------------------------------


def test_a_persons_name_and_address_change_with_a_reason_that_stands_beside_the_event(cast: Cast) -> None:
    gil, finn = cast.people["gil"], signed_in(cast, "finn")
    EmailAddress.objects.create(user=gil, email=gil.email, primary=True, verified=True)
    page = address("clinic.person", "change", gil.pk)
    form = {"email": "gil.grove@example.org", "printed_name": "Dr Gil Grove", "is_active": "on"}
    assert finn.post(page, form).status_code == 200
    assert finn.post(page, {**form, "reason": "He married."}).status_code == 302
    gil.refresh_from_db()
    assert (gil.email, gil.printed_name) == ("gil.grove@example.org", "Dr Gil Grove")
    assert not EmailAddress.objects.filter(user=gil).exists(), "the old address opens nothing any more"
    assert Membership.objects.get(person=gil).resource.label == "Dr Gil Grove"
    event = Event.objects.get(verb="person_changed")
    assert (event.data, event.reason.text) == ({"email": True, "printed_name": True}, "He married.")
    taken = finn.post(page, {**form, "email": "ADA@example.org", "reason": "A slip."})
    assert "Somebody else has this address." in taken.content.decode()


def test_whoever_works_elsewhere_too_is_changed_by_nobody_who_administers_only_here(cast: Cast) -> None:
    birch = make_clinic("birch")
    gil = make_person(birch, "Gil Grove", Role.THERAPIST)
    assert gil == cast.people["gil"]
    change: dict[str, Any] = {
        "email": gil.email,
        "printed_name": "Gil",
        "is_active": True,
        "reason": "So.",
    }
    page = address("clinic.person", "change", gil.pk)
    assert signed_in(cast, "finn").post(page, {**change, "is_active": "on"}).status_code == 403
    with pytest.raises(Forbidden):
        people.change_person(actor=cast.actor("finn"), person_id=gil.pk, now=START, **change)
    make_person(birch, "Finn Fir", Role.ADMINISTRATOR)
    people.change_person(actor=cast.actor("finn"), person_id=gil.pk, now=START, **change)
    logged = Event.objects.filter(verb="person_changed").values_list("clinic_id", flat=True)
    assert sorted(logged) == sorted([cast.clinic.pk, birch.pk]), "it stands in the log of both"


def test_nobody_takes_their_own_sign_in_away(cast: Cast) -> None:
    finn = cast.people["finn"]
    with pytest.raises(NotNow, match="your own sign-in"):
        people.change_person(
            actor=cast.actor("finn"),
            person_id=finn.pk,
            email=finn.email,
            printed_name=finn.printed_name,
            is_active=False,
            now=START,
            reason="A slip.",
        )


def test_only_an_administrator_changes_a_person(cast: Cast) -> None:
    gil = cast.people["gil"]
    for name in ("ada", "carla", "dov", "eve"):
        with pytest.raises(Forbidden):
            people.change_person(
                actor=cast.actor(name),
                person_id=gil.pk,
                email=gil.email,
                printed_name="Gil",
                is_active=True,
                now=START,
                reason="So.",
            )


def test_no_page_of_the_admin_writes_but_by_an_operation() -> None:
    """Nothing of ours is registered that Django would save by itself."""
    from clinic.admin.acting import HouseAdmin

    ours = {"clinic", "protocols", "therapy_sessions"}
    for model, page in admin.site._registry.items():
        assert model._meta.app_label in ours, f"{model._meta.label} is not ours to show"
        assert isinstance(page, HouseAdmin)
        assert type(page).save_model is HouseAdmin.save_model
    assert {apps.get_model(label) for label in EXPECTED} == set(admin.site._registry)


@pytest.mark.parametrize("label", ["clinic.credential", "clinic.event", "therapy_sessions.notetemplate"])
def test_a_list_of_the_house_costs_the_same_for_more_rows(cast: Cast, label: str) -> None:
    set_clock(START)
    name = "finn" if label == "clinic.event" else "carla"
    client, carla = signed_in(cast, name), signed_in(cast, "carla")
    counts = []
    for count in range(1, 4):
        credential = additions(cast)["clinic.credential"][3] | {"code": f"licence_{count}"}
        carla.post(address("clinic.credential", "add"), sent(cast, **credential))
        template = {"title": f"Group {count}", "lines": "Who came"}
        carla.post(address("therapy_sessions.notetemplate", "add"), sent(cast, **template))
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(label, "changelist")).status_code == 200
        counts.append(len(captured))
    assert apps.get_model(label).objects.count() >= 3
    assert counts[1] == counts[2]
