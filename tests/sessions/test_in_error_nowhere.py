"""What was entered in error is at no address of the staff or the API, in no page and no file, but under its
mark, in the audit and in the certified copy: tried at every address that can be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse

from clinic.permissions import Role
from sessions.models import DeviationReport, FidelityReview, SessionRecord
from sessions.operations.contacts import record_contact
from sessions.operations.deviations import enter_deviation
from sessions.operations.entering import log_session
from sessions.operations.errors import (
    confirm_error,
    mark_deviation,
    mark_enrolment,
    mark_fact,
    mark_rating,
    mark_report,
    mark_session,
)
from sessions.operations.fidelity import adopt_form, assign_rater, draw_sessions, rate_session
from sessions.operations.records import record_fact
from sessions.operations.reporting import record_report
from sessions.operations.signing import sign_record
from sessions.rules.facts import (
    AdverseEventRecorded,
    ConsentChanged,
    ConsentState,
    ContactResult,
    FactValue,
    MedicineListed,
    Mode,
)
from sessions.rules.reporting import AppliesTo
from tests.sessions.rules.test_fidelity import FORM
from tests.sessions.test_reporting_clocks import a_clock
from tests.support.cast import START, Cast, days, enrol, make_cast, make_person
from tests.support.clinic_day import set_clock
from tests.support.paper import files

pytestmark = pytest.mark.django_db

CANARY = "Qanari"
AT = START + days(7)
NOW = AT + days(1)
WRONG = "wrong chart"
# Where it stays: what is marked with who says so, and what the clinic keeps for those who ask.
KEEP = {
    *("audit", "certified_copy", "certified_copy_file"),
    *("error_mark", "error_marks"),
}
ASKING = {
    "api:gates": {"move": "start", "key": "dosing.1"},
    "sessions:deviations": {"show": "all"},
    "sessions:tasks": {"show": "done"},
}
PEOPLE = ("ada", "carla", "eve", "gil")  # who treats, supervises, arranges, and rates elsewhere


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    for name, role in (("Hana Hazel", Role.THERAPIST), ("Olga Oak", Role.SUPERVISOR)):
        found.people[name.split()[0].lower()] = make_person(found.clinic, name, role)
    return found


def addresses(
    resolver: URLResolver, taken: frozenset[str] = frozenset()
) -> Iterator[tuple[str, frozenset[str]]]:
    """The name of each address, and what stands in it to be filled in."""
    for one in resolver.url_patterns:
        takes = taken | one.pattern.converters.keys()
        if isinstance(one, URLResolver):
            yield from addresses(one, takes)
        elif one.name:
            yield one.name, takes


HOUSES = (("sessions", "sessions.web.urls", "clinic"), ("api", "sessions.api.urls", "slug"))


def readable(cast: Cast, known: Mapping[str, object]) -> list[tuple[str, str]]:
    """Every address below the clinic's that can be filled in, by its name."""
    found = set()
    for namespace, conf, clinic in HOUSES:
        filled = {**known, clinic: cast.clinic.slug}
        for name, takes in addresses(get_resolver(conf)):
            if name not in KEEP and clinic in takes <= set(filled):
                given = {one: filled[one] for one in takes}
                found.add((f"{namespace}:{name}", reverse(f"{namespace}:{name}", kwargs=given)))
    return sorted(found)


def seen_at(cast: Cast, *known: Mapping[str, object], by: Collection[str] = PEOPLE) -> set[str]:
    """The addresses at which somebody reads of it."""
    told = set()
    everywhere = sorted({one for filled in known for one in readable(cast, filled)})
    assert len(everywhere) > 100
    for person in by:
        client = Client()
        client.force_login(cast.people[person])
        for name, address in everywhere:
            answer = client.get(address, ASKING.get(name, {}))
            assert answer.status_code in (200, 302, 403, 404, 405, 409), (name, answer.status_code)
            content = answer.getvalue()
            if content.startswith(b"PK"):
                content = str(files(content)).encode()
            if CANARY.encode() in content:
                told.add(name)
    return told


def test_what_was_entered_in_error_is_read_at_no_address_but_under_its_mark_and_where_it_is_kept(
    cast: Cast,
) -> None:
    course = enrol(cast)
    a_clock(cast, applies_to=AppliesTo.EVERY)
    ada = cast.actor("ada", at=AT)

    def fact(value: FactValue) -> Any:
        return record_fact(actor=ada, course_id=course.public_id, value=value, occurred_at=AT, now=AT)

    fact(ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"))
    held = hold(cast, course.public_id, note=f"{CANARY} spoke of the sea.")
    sign_record(actor=ada, record_id=held.public_id, now=AT)
    facts = [
        fact(MedicineListed(name=f"{CANARY}-ine", classes=frozenset(), dose="5 mg", last_taken_on=None)),
        fact(
            AdverseEventRecorded(
                term=f"{CANARY} itch", severity="mild", serious=False, onset_at=AT, outcome="recovered"
            )
        ),
        record_contact(
            actor=ada,
            course_id=course.public_id,
            result=ContactResult.REACHED,
            mode=Mode.PHONE,
            safe=False,
            patient_location=f"{CANARY} street",
            call_back_number="555-0111",
            occurred_at=AT,
            now=AT,
        ),
    ]
    entered = enter_deviation(
        actor=ada, course_id=course.public_id, title=f"{CANARY} lamp", occurred_at=AT, now=AT
    )
    kept = enter_deviation(actor=ada, course_id=course.public_id, title="No keys", occurred_at=AT, now=AT)
    report = DeviationReport.objects.get(deviation=kept)
    record_report(
        actor=cast.actor("carla", at=AT), report_id=report.public_id, reported_at=AT, reference=CANARY, now=AT
    )
    other = enrol(cast, f"{CANARY}-7", email="q@example.org")
    hold(cast, enrol(cast, "P-003").public_id, note="Another")
    theirs = SessionRecord.objects.get(course__patient__code="P-003")
    rated = rating(cast, theirs)
    set_clock(NOW)
    known = {
        "course": course.public_id,
        "held": held.public_id,
        "record": held.public_id,
        "note": held.notes.get().public_id,
        "fact": facts[0].public_id,
        "deviation": entered.public_id,
        "report": report.public_id,
        "rating": rated.public_id,
        "review": rated.review.public_id,
        "patient": course.patient.public_id,
        "form": "csv",
        "month": "2027-03",
        "language": "en",
    }
    elsewhere = {**known, "course": other.public_id, "deviation": kept.public_id}
    before = seen_at(cast, known, elsewhere, by=["carla"])
    assert len(before) > 25, "or its silence afterwards would prove nothing"

    carla, eve = cast.actor("carla", at=NOW), cast.actor("eve", at=NOW)
    ada = cast.actor("ada", at=NOW)
    said: dict[str, Any] = {"reason": WRONG, "now": NOW}
    marks = [
        mark_rating(actor=cast.actor("gil", at=NOW), rating_id=rated.public_id, **said),
        *(mark_fact(actor=ada, fact_id=one.public_id, **said) for one in facts),
        mark_session(actor=ada, record_id=held.public_id, **said),
        mark_deviation(actor=ada, deviation_id=entered.public_id, **said),
        mark_report(actor=carla, report_id=report.public_id, **said),
        mark_enrolment(actor=eve, course_id=other.public_id, **said),
    ]
    for mark in marks:
        confirm_error(actor=cast.actor("olga", at=NOW), mark_id=mark.public_id, now=NOW)
    assert seen_at(cast, known, elsewhere) == set()

    client = Client()
    client.force_login(cast.people["olga"])
    for name in ("audit", "certified_copy"):
        for of in (course, other):
            page = client.get(reverse(f"sessions:{name}", args=(cast.clinic.slug, of.public_id)))
            assert CANARY.encode() in page.getvalue(), (name, of)


def hold(cast: Cast, course_id: Any, *, note: str) -> SessionRecord:
    return log_session(
        actor=cast.actor("ada", at=AT),
        course_id=course_id,
        key="preparation.1",
        started_at=AT - timedelta(hours=2),
        ended_at=AT - timedelta(hours=1),
        staff=[cast.id("ben")],
        note=note,
        now=AT,
    )


def rating(cast: Cast, held: SessionRecord) -> Any:
    """By Gil, who says something of it, and by Hana."""
    ada, olga = cast.actor("ada", at=AT), cast.actor("olga", at=AT)
    record_fact(
        actor=ada,
        course_id=held.course.public_id,
        value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
        occurred_at=AT - days(1),
        now=AT,
    )
    text = FORM.replace("share: 0.2", "share: 1")
    form = adopt_form(actor=olga, text=text, reason="agreed", now=AT)
    draw_sessions(actor=olga, form_id=form.public_id, from_at=START, until_at=AT, now=AT)
    review = FidelityReview.objects.get(session_record=held)
    for name in ("gil", "hana"):
        assign_rater(actor=olga, review_id=review.public_id, rater=cast.id(name), now=AT)
    given = [
        rate_session(
            actor=cast.actor(name, at=AT),
            review_id=review.public_id,
            scores={"rapport": 1, "safety": 1},
            comment=words,
            now=AT,
        )
        for name, words in (("gil", f"{CANARY} was loud"), ("hana", ""))
    ]
    return given[0]
