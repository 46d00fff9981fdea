"""Nobody approves their own work by any door, whatever roles they hold together, on the team or off it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from clinic.actors import Actor
from clinic.errors import Forbidden, Incomplete, NotFound
from clinic.ids import uuid7
from clinic.operations.absences import hand_over
from clinic.permissions import Role
from protocols.models import ProtocolVersion
from protocols.operations import approve_version, load_protocol, send_for_review
from sessions.models import (
    CareTeamMember,
    Course,
    DeviationAction,
    DeviationRecord,
    DeviationReport,
    DeviationReview,
    DeviationTrend,
    EnteredInError,
    ErrorMark,
    FidelityFeedback,
    FidelityRating,
    FidelityReview,
    PassageComment,
    RecordSubmission,
    SessionRecord,
    SignatureRecord,
    TrendMember,
    TrendReview,
)
from sessions.models.closing import ActionKind
from sessions.models.courses import TeamRole
from sessions.models.trends import TrendScope
from sessions.operations.actions import agree_action, finish_action, judge_effect
from sessions.operations.closing import close_deviation
from sessions.operations.contacts import record_contact
from sessions.operations.deviations import enter_deviation
from sessions.operations.enrolment import enrol_patient
from sessions.operations.entering import log_session
from sessions.operations.errors import (
    confirm_error,
    decline_error,
    mark_deviation,
    mark_enrolment,
    mark_fact,
    mark_note,
    mark_rating,
    mark_report,
    mark_session,
)
from sessions.operations.fidelity import adopt_form, draw_sessions, give_feedback, rate_session
from sessions.operations.records import record_fact
from sessions.operations.reporting import record_report
from sessions.operations.review import acknowledge_deviations, classify_deviation, review_deviation
from sessions.operations.reviews import comment_on_passage, return_record, send_record_for_review
from sessions.operations.signing import sign_record
from sessions.operations.trends import review_trend
from sessions.queries.errors import error_mark, marks_to_settle
from sessions.rules.facts import ConsentChanged, ConsentState, ContactResult, Mode
from sessions.rules.reporting import AppliesTo
from sessions.rules.review import Foreseen
from tests.sessions.rules.test_fidelity import FORM
from tests.sessions.test_reporting_clocks import a_clock
from tests.support.cast import (
    PASSWORD,
    START,
    Cast,
    days,
    enrol,
    fill_chart,
    make_cast,
    make_patient,
    make_person,
)
from tests.support.clinic_day import set_clock
from tests.support.second_version import second_text

pytestmark = pytest.mark.django_db

LATE = START + days(60)
NOW = LATE + days(1)
NOTE = "We talked."
SCORES = {"rapport": 1, "safety": 1}


@dataclass(frozen=True, kw_only=True)
class World:
    """All of it Ada's: she held the session, signed and sent its record, marked it as entered in error, and a
    contact, a note, a deviation that she entered, a report that she made, a rating that she gave of another
    patient's session and an enrolment; she wrote the draft; a departure and a trend rest on her session, it
    is drawn for a fidelity review, and what was to be done about another deviation she did."""

    cast: Cast
    course: Course
    record: SessionRecord
    deviation: DeviationRecord
    submission: RecordSubmission
    marks: Mapping[str, ErrorMark]
    draft: ProtocolVersion
    fidelity: FidelityReview
    acted_on: DeviationRecord
    trend: DeviationTrend


@pytest.fixture
def world() -> World:
    cast = make_cast()
    for name in ("Hana Hazel", "Ivo Ivy"):
        cast.people[name.split()[0].lower()] = make_person(
            cast.clinic, name, Role.SUPERVISOR, Role.THERAPIST, Role.ADMINISTRATOR
        )
    give_roles(cast, frozenset(Role))
    course = enrol(cast)
    fill_chart(cast, course, now=START)
    ada = cast.actor("ada", at=LATE)
    record_fact(
        actor=ada,
        course_id=course.public_id,
        value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
        occurred_at=START + days(1),
        now=LATE,
    )
    record = log_session(
        actor=ada,
        course_id=course.public_id,
        key="preparation.1",
        started_at=LATE - timedelta(hours=2),
        ended_at=LATE - timedelta(hours=1),
        staff=[cast.id("ben")],
        note=NOTE,
        now=LATE,
    )
    submission = send_record_for_review(actor=ada, record_id=record.public_id, now=LATE)
    sign_record(actor=ada, record_id=record.public_id, now=LATE)
    contact = record_contact(
        actor=ada,
        course_id=course.public_id,
        result=ContactResult.REACHED,
        mode=Mode.IN_PERSON,
        occurred_at=LATE,
        now=LATE,
    )
    a_clock(cast, applies_to=AppliesTo.EVERY)  # of what was raised before nothing is to be reported
    entered = enter_deviation(
        actor=ada, course_id=course.public_id, title="No lamp", occurred_at=LATE, now=LATE
    )
    report = DeviationReport.objects.get(deviation=entered)
    record_report(actor=ada, report_id=report.public_id, reported_at=LATE, reference="S-1", now=LATE)
    draft = load_protocol(actor=ada, clinic=cast.clinic, text=second_text(), now=LATE)
    send_for_review(actor=ada, version=draft, now=LATE)
    theirs = held_by_others(cast)
    ivo = cast.actor("ivo", at=NOW)
    form = adopt_form(actor=ivo, text=FORM.replace("share: 0.2", "share: 1"), reason="agreed", now=NOW)
    drawn = draw_sessions(actor=ivo, form_id=form.public_id, from_at=START, until_at=NOW, now=NOW)
    fidelity = FidelityReview.objects.get(draw=drawn, session_record=record)
    rating = rated_by_ada(cast, FidelityReview.objects.get(draw=drawn, session_record=theirs))
    for place, name in ((1, "hana"), (2, "ada")):
        # Ada could not be named a rater; a row from somewhere else must not help her either.
        FidelityRating.objects.create(
            clinic=cast.clinic,
            review=fidelity,
            place=place,
            rater=cast.people[name],
            assigned_by=cast.people["ivo"],
            assigned_at=NOW,
        )
    enrolled = enrol_patient(
        actor=ada,
        patient_id=make_patient(cast, "P-003").public_id,
        protocol_version_id=course.protocol_version.public_id,
        team=cast.team,
        enrolled_at=LATE,
        now=LATE,
    )
    deviation = DeviationRecord.objects.get(course=course, key="preparation.1")
    set_clock(NOW)
    return World(
        cast=cast,
        course=course,
        record=record,
        deviation=deviation,
        submission=submission,
        marks={
            "fact": mark_fact(actor=ada, fact_id=contact.public_id, reason="wrong chart", now=LATE),
            "session": mark_session(actor=ada, record_id=record.public_id, reason="wrong chart", now=LATE),
            "deviation": mark_deviation(
                actor=ada, deviation_id=entered.public_id, reason="wrong chart", now=LATE
            ),
            "note": mark_note(
                actor=ada, note_id=record.notes.get().public_id, reason="wrong chart", now=LATE
            ),
            "report": mark_report(actor=ada, report_id=report.public_id, reason="wrong letter", now=LATE),
            "rating": mark_rating(actor=ada, rating_id=rating.public_id, reason="wrong video", now=NOW),
            "enrolment": mark_enrolment(
                actor=ada, course_id=enrolled.public_id, reason="wrong patient", now=LATE
            ),
        },
        draft=draft,
        fidelity=fidelity,
        acted_on=acted_on_by_ada(cast, course),
        trend=trend_resting_on(deviation),
    )


def held_by_others(cast: Cast) -> SessionRecord:
    """A session of a patient whom Ada does not know."""
    assert cast.version is not None
    course = enrol_patient(
        actor=cast.actor("eve"),
        patient_id=make_patient(cast, "P-002").public_id,
        protocol_version_id=cast.version.public_id,
        team={**cast.team, TeamRole.LEAD_THERAPIST: cast.id("gil")},
        enrolled_at=START,
        now=START,
    )
    gil = cast.actor("gil", at=LATE)
    record_fact(
        actor=gil,
        course_id=course.public_id,
        value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
        occurred_at=START + days(1),
        now=LATE,
    )
    return log_session(
        actor=gil,
        course_id=course.public_id,
        key="preparation.1",
        started_at=LATE - timedelta(hours=2),
        ended_at=LATE - timedelta(hours=1),
        staff=[cast.id("ben")],
        now=LATE,
    )


def rated_by_ada(cast: Cast, review: FidelityReview) -> FidelityRating:
    """And by Hana: what both gave stands."""
    hers, _theirs = (
        FidelityRating.objects.create(
            clinic=cast.clinic,
            review=review,
            place=place,
            rater=cast.people[name],
            assigned_by=cast.people["ivo"],
            assigned_at=NOW,
            scores=SCORES,
            submitted_at=NOW,
        )
        for place, name in ((1, "ada"), (2, "hana"))
    )
    return hers


def acted_on_by_ada(cast: Cast, course: Course) -> DeviationRecord:
    """Ben entered it, Hana agreed with Ada what to do, and Ada has done it."""
    ben, hana = cast.actor("ben", at=LATE), cast.actor("hana", at=LATE)
    row = enter_deviation(actor=ben, course_id=course.public_id, title="No keys", occurred_at=LATE, now=LATE)
    action = agree_action(
        actor=hana,
        deviation_id=row.public_id,
        kind=ActionKind.PREVENTIVE,
        what="A second set of keys",
        owner=cast.id("ada"),
        due_on=LATE.date() + days(7),
        now=LATE,
    )
    finish_action(actor=cast.actor("ada", at=LATE), action_id=action.public_id, outcome="There.", now=LATE)
    assert DeviationAction.objects.get().finished_by == cast.people["ada"]
    return row


def trend_resting_on(deviation: DeviationRecord) -> DeviationTrend:
    trend = DeviationTrend.objects.create(
        clinic_id=deviation.clinic_id,
        scope=TrendScope.CLINIC,
        rule=deviation.rule,
        kind=deviation.kind,
        raised_at=LATE,
        threshold=2,
        days=90,
    )
    TrendMember.objects.create(
        clinic_id=deviation.clinic_id, trend=trend, deviation=deviation, joined_at=LATE
    )
    return trend


def give_roles(cast: Cast, roles: frozenset[Role]) -> None:
    membership = cast.people["ada"].memberships.get(clinic=cast.clinic)
    membership.roles = sorted(role.value for role in roles)
    membership.save()


Sent = tuple[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Door:
    """One approval: as an operation, as a page's form, and as a request to the API."""

    act: Callable[[World, Actor], object]
    page: Callable[[World], Sent]
    api: Callable[[World], Sent]


def _confirm(which: str) -> Door:
    return Door(
        act=lambda w, actor: confirm_error(actor=actor, mark_id=w.marks[which].public_id, now=NOW),
        page=lambda w: (f"errors/{w.marks[which].public_id}/", {"verdict": "confirm"}),
        api=lambda w: (f"error-marks/{w.marks[which].public_id}/confirm", {}),
    )


DOORS: dict[str, Door] = {
    "review a deviation": Door(
        act=lambda w, actor: review_deviation(
            actor=actor, deviation_id=w.deviation.public_id, comment="Fine.", now=NOW
        ),
        page=lambda w: (f"deviations/{w.deviation.public_id}/", {"comment": "Fine.", "closes": "on"}),
        api=lambda w: (
            f"deviations/{w.deviation.public_id}/reviews",
            {"id": str(uuid7()), "comment": "Fine."},
        ),
    ),
    "acknowledge several": Door(
        act=lambda w, actor: acknowledge_deviations(
            actor=actor, deviation_ids=[w.deviation.public_id], reason="Fine.", now=NOW
        ),
        page=lambda w: (
            "deviations/acknowledge/",
            {"deviation": str(w.deviation.public_id), "comment": "Fine."},
        ),
        api=lambda w: (
            "deviations/acknowledge",
            {"id": str(uuid7()), "deviations": [str(w.deviation.public_id)], "reason": "Fine."},
        ),
    ),
    "say what kind of deviation it is": Door(
        act=lambda w, actor: classify_deviation(
            actor=actor,
            deviation_id=w.deviation.public_id,
            important=False,
            foreseen=Foreseen.DISCOVERED,
            hazard=False,
            comment="Fine.",
            now=NOW,
        ),
        page=lambda w: (
            f"deviations/{w.deviation.public_id}/",
            {"act": "classify", "foreseen": "discovered", "comment": "Fine."},
        ),
        api=lambda w: (
            f"deviations/{w.deviation.public_id}/classify",
            {
                "id": str(uuid7()),
                "important": False,
                "foreseen": "discovered",
                "hazard": False,
                "comment": "Fine.",
            },
        ),
    ),
    "close a deviation with a signature": Door(
        act=lambda w, actor: close_deviation(
            actor=actor, deviation_id=w.deviation.public_id, comment="Fine.", now=NOW
        ),
        page=lambda w: (
            f"deviations/{w.deviation.public_id}/",
            {"act": "close", "comment": "Fine.", "password": PASSWORD},
        ),
        api=lambda w: (
            f"deviations/{w.deviation.public_id}/close",
            {"id": str(uuid7()), "comment": "Fine.", "password": PASSWORD},
        ),
    ),
    "judge whether an action worked": Door(
        act=lambda w, actor: judge_effect(
            actor=actor, deviation_id=w.acted_on.public_id, effective=True, comment="It did.", now=NOW
        ),
        page=lambda w: (
            f"deviations/{w.acted_on.public_id}/",
            {"act": "effect", "effective": "yes", "comment": "It did."},
        ),
        api=lambda w: (
            f"deviations/{w.acted_on.public_id}/effect",
            {"id": str(uuid7()), "effective": True, "comment": "It did."},
        ),
    ),
    "review a trend": Door(
        act=lambda w, actor: review_trend(
            actor=actor, trend_id=w.trend.public_id, comment="Fine.", closes=True, now=NOW
        ),
        page=lambda w: (f"deviations/trends/{w.trend.public_id}/", {"comment": "Fine.", "closes": "on"}),
        api=lambda w: (
            f"trends/{w.trend.public_id}/reviews",
            {"id": str(uuid7()), "comment": "Fine.", "closes": True},
        ),
    ),
    "co-sign": Door(
        act=lambda w, actor: sign_record(
            actor=actor, record_id=w.record.public_id, meaning="reviewer", now=NOW
        ),
        page=lambda w: (f"reviews/{w.submission.public_id}/co-sign/", {"password": PASSWORD}),
        api=lambda w: (
            f"sessions/{w.record.public_id}/signatures",
            {"password": PASSWORD, "meaning": "reviewer"},
        ),
    ),
    "return a record": Door(
        act=lambda w, actor: return_record(
            actor=actor, submission_id=w.submission.public_id, words="Fine.", now=NOW
        ),
        page=lambda w: (f"reviews/{w.submission.public_id}/return/", {"words": "Fine."}),
        api=lambda w: (f"reviews/{w.submission.public_id}/return", {"words": "Fine."}),
    ),
    "praise a passage": Door(
        act=lambda w, actor: comment_on_passage(
            actor=actor,
            submission_id=w.submission.public_id,
            note_id=w.record.notes.get().public_id,
            quote=NOTE,
            text="Well done.",
            praise=True,
            now=NOW,
        ),
        page=lambda w: (
            f"reviews/{w.submission.public_id}/comment/",
            {"note": str(w.record.notes.get().public_id), "passage": NOTE, "text": "Well done."},
        ),
        api=lambda w: (
            f"reviews/{w.submission.public_id}/comments",
            {
                "id": str(uuid7()),
                "note_id": str(w.record.notes.get().public_id),
                "quote": NOTE,
                "text": "Well done.",
            },
        ),
    ),
    "confirm a contact in error": _confirm("fact"),
    "confirm a session in error": _confirm("session"),
    "confirm a deviation in error": _confirm("deviation"),
    "confirm a note in error": _confirm("note"),
    "confirm a report in error": _confirm("report"),
    "confirm a rating in error": _confirm("rating"),
    "confirm an enrolment in error": _confirm("enrolment"),
    "decline an error": Door(
        act=lambda w, actor: decline_error(
            actor=actor, mark_id=w.marks["fact"].public_id, answer="It is right.", now=NOW
        ),
        page=lambda w: (
            f"errors/{w.marks['fact'].public_id}/",
            {"verdict": "decline", "answer": "It is right."},
        ),
        api=lambda w: (f"error-marks/{w.marks['fact'].public_id}/decline", {"answer": "It is right."}),
    ),
    "approve a protocol": Door(
        act=lambda w, actor: approve_version(actor=actor, version=w.draft, now=NOW),
        page=lambda w: (
            f"protocols/{w.draft.protocol.public_id}/review/approve/?version={w.draft.version}",
            {"version": w.draft.version, "comment": "Fine."},
        ),
        api=lambda w: (
            f"protocols/{w.draft.protocol.public_id}/versions/{w.draft.version}/approve",
            {"comment": "Fine."},
        ),
    ),
    "rate fidelity": Door(
        act=lambda w, actor: rate_session(
            actor=actor, review_id=w.fidelity.public_id, scores=SCORES, now=NOW
        ),
        page=lambda w: (f"fidelity/{w.fidelity.public_id}/rate/", {f"item-{code}": 1 for code in SCORES}),
        api=lambda w: (f"fidelity/ratings/{w.fidelity.public_id}", {"scores": SCORES}),
    ),
    "tell what fidelity came to": Door(
        act=lambda w, actor: give_feedback(
            actor=actor, review_id=w.fidelity.public_id, text="Well held.", now=NOW
        ),
        page=lambda w: (f"fidelity/{w.fidelity.public_id}/", {"text": "Well held.", "act": "feedback"}),
        api=lambda w: (
            f"fidelity/reviews/{w.fidelity.public_id}/feedback",
            {"id": str(uuid7()), "text": "Well held."},
        ),
    ),
}


def approved(world: World) -> tuple[object, ...]:
    """Everything that an approval would change."""
    return (
        DeviationReview.objects.count(),
        TrendReview.objects.count(),
        SignatureRecord.objects.count(),
        list(RecordSubmission.objects.values_list("outcome", flat=True)),
        PassageComment.objects.count(),
        EnteredInError.objects.count(),
        list(ErrorMark.objects.order_by("pk").values_list("confirmed", flat=True)),
        ProtocolVersion.objects.get(pk=world.draft.pk).status,
        FidelityRating.objects.filter(submitted_at__isnull=False).count(),
        FidelityFeedback.objects.count(),
    )


def tried(world: World, door: Door, way: str, at: datetime) -> None:
    if way == "operation":
        with pytest.raises((Forbidden, NotFound)):
            door.act(world, world.cast.actor("ada", at=at))
        return
    client: Any = Client()
    sent = door.page(world)
    address = f"/c/{world.cast.clinic.slug}/{sent[0]}"
    if way == "api":
        client, sent = APIClient(), door.api(world)
        address = f"/api/v1/clinics/{world.cast.clinic.slug}/{sent[0]}"
    client.force_login(
        world.cast.people["ada"], backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    kind = {"format": "json"} if isinstance(client, APIClient) else {}
    answer = client.post(address, sent[1], **kind)
    assert answer.status_code in (403, 404), (way, address, answer.status_code)


@settings(
    max_examples=90,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    roles=st.frozensets(st.sampled_from(Role), min_size=1),
    name=st.sampled_from(sorted(DOORS)),
    way=st.sampled_from(["operation", "operation", "page", "api"]),
    on_the_team=st.booleans(),
)
def test_nobody_approves_their_own_work_by_any_door_with_any_roles(
    world: World, roles: frozenset[Role], name: str, way: str, on_the_team: bool
) -> None:
    cache.clear()  # tries at a password are counted
    before = approved(world)
    with transaction.atomic():
        give_roles(world.cast, roles)
        if not on_the_team:
            CareTeamMember.objects.filter(person=world.cast.people["ada"]).update(until_at=LATE)
        tried(world, DOORS[name], way, NOW)
        assert approved(world) == before
        transaction.set_rollback(True)


@pytest.mark.parametrize("way", ["operation", "page", "api"])
def test_with_every_role_at_once_each_of_the_doors_stays_shut(world: World, way: str) -> None:
    before = approved(world)
    for door in DOORS.values():
        cache.clear()
        tried(world, door, way, NOW)
    assert approved(world) == before


def test_what_waits_for_a_second_person_is_listed_for_exactly_those_who_may_confirm_it(world: World) -> None:
    """By whatever they have a hand in it, the list and the operation know the same."""
    cast = world.cast

    def listed(name: str) -> set[UUID]:
        return {one.mark_id for one in marks_to_settle(cast.actor(name, at=NOW), now=NOW)[0]}

    def may_settle(name: str, mark: ErrorMark) -> bool:
        try:
            return error_mark(cast.actor(name, at=NOW), mark.public_id, now=NOW).may_settle
        except (Forbidden, NotFound):
            return False

    def compared() -> dict[str, set[str]]:
        names = {mark.public_id: name for name, mark in world.marks.items()}
        found = {name: {names[one] for one in listed(name)} for name in cast.people}
        for name, shown in found.items():
            assert shown == {what for what, mark in world.marks.items() if may_settle(name, mark)}, name
        return found

    before = compared()
    assert before["ada"] == set()
    assert before["ivo"] == set(world.marks)
    assert before["hana"] == set(world.marks) - {"rating"}, "she rated that session too"
    assert "session" not in before["ben"], "he held it with her"
    # Who stands in for somebody who treats the patient knows whose session was rated.
    hand_over(
        actor=cast.actor("gil", at=NOW),
        giver_id=cast.id("gil"),
        taker_id=cast.id("ivo"),
        from_on=NOW.date(),
        until_on=NOW.date() + days(2),
        reason="away",
        now=NOW,
    )
    after = compared()
    assert before["ivo"] - after["ivo"] == {"rating"}


def test_what_is_marked_offers_no_form_to_mark_it_whatever_it_is(world: World) -> None:
    client = Client()
    client.force_login(world.cast.people["ada"])
    of = {"fact": "fact", "session": "session_record"}
    for what, mark in world.marks.items():
        marked = getattr(mark, of.get(what, what))
        page = client.get(
            reverse(f"sessions:{what}_error", args=["alder", marked.public_id])
        ).content.decode()
        assert "It is marked, and waits for a second person" in page, what
        assert "Mark as entered in error" not in page, what


def test_every_one_of_these_doors_opens_for_somebody_without_a_hand_in_it(world: World) -> None:
    """Or its staying shut would prove nothing."""
    given = FidelityRating.objects.filter(review=world.fidelity)
    given.filter(place=2).update(scores=SCORES, submitted_at=NOW)
    for name, door in DOORS.items():
        before = approved(world)
        back = transaction.savepoint()
        if name == "tell what fidelity came to":
            given.filter(place=1).update(scores=SCORES, submitted_at=NOW)
        who = "hana" if name == "rate fidelity" else "ivo"
        if name == "close a deviation with a signature":
            with pytest.raises(Incomplete):  # it asks for what is missing, which it tells nobody else
                door.act(world, world.cast.actor(who, at=NOW))
            continue
        door.act(world, world.cast.actor(who, at=NOW))
        assert approved(world) != before, name
        transaction.savepoint_rollback(back)
