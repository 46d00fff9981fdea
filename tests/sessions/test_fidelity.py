"""Fidelity review end to end: a clinic's form, a draw that can be repeated, two raters who are independent
and, where the protocol blinds, see neither arm nor date, and feedback to the therapists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Event
from clinic.permissions import Role
from protocols.rules.definition import Hidden
from sessions.models import FidelityDraw, FidelityForm, FidelityRating, FidelityReview, SessionRecord
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.entering import log_session
from sessions.operations.fidelity import (
    adopt_form,
    assign_rater,
    draw_sessions,
    give_feedback,
    rate_session,
    say_where_video_is,
)
from sessions.operations.records import record_fact
from sessions.queries import fidelity as queries
from sessions.rules.facts import ConsentChanged, ConsentState
from sessions.rules.fidelity import Candidate, Risk, draw, form_of
from tests.sessions.rules.test_fidelity import FORM
from tests.support.cast import LIBRARY, START, Cast, allow, days, enrol, make_cast, make_person, publish
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

T = TypeVar("T")
AT = START + days(40)
FULL = FORM.replace("share: 0.2", "share: 1")


def client_of(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def held(cast: Cast, code: str, *, recording: bool = True) -> SessionRecord:
    """One preparation session, with Ada and Ben."""
    course = enrol(cast, code)
    at = START + days(7)
    ada = cast.actor("ada", at=at)
    if recording:
        record_fact(
            actor=ada,
            course_id=course.public_id,
            value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
            occurred_at=START + days(1),
            now=at,
        )
    return log_session(
        actor=ada,
        course_id=course.public_id,
        key="preparation.1",
        started_at=at - timedelta(minutes=90),
        ended_at=at,
        staff=[cast.id("ben")],
        note="We talked about intentions.",
        now=at,
    )


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    for name in ("Hana Hazel", "Ivo Iris"):
        cast.people[name.split()[0].lower()] = make_person(cast.clinic, name, Role.THERAPIST)
    return cast


def drawn(cast: Cast, text: str = FULL) -> FidelityDraw:
    carla = cast.actor("carla", at=AT)
    form = adopt_form(actor=carla, text=text, reason="agreed", now=AT)
    return draw_sessions(actor=carla, form_id=form.public_id, from_at=START, until_at=AT, now=AT)


def one_review(cast: Cast) -> FidelityReview:
    held(cast, "P-001")
    return FidelityReview.objects.get(draw=drawn(cast))


def rate(cast: Cast, review: FidelityReview, name: str, rapport: int, safety: int = 2) -> FidelityRating:
    return rate_session(
        actor=cast.actor(name, at=AT),
        review_id=review.public_id,
        scores={"rapport": rapport, "safety": safety},
        comment=f"From {name}.",
        now=AT,
    )


def name_both(cast: Cast, review: FidelityReview) -> None:
    for name in ("gil", "hana"):
        assign_rater(
            actor=cast.actor("carla", at=AT), review_id=review.public_id, rater=cast.id(name), now=AT
        )


def read(actor: Actor, query: Callable[..., T], *args: object) -> T:
    with acting(actor):
        return query(actor, *args)


def test_a_draw_can_be_repeated_from_what_is_recorded(cast: Cast) -> None:
    for number in range(1, 8):
        held(cast, f"P-{number:03}")
    row = drawn(
        cast, FORM.replace("share: 0.2", "share: 0.4").replace("each_therapist: 1", "each_therapist: 0")
    )
    frame = [
        Candidate(
            id=UUID(one["session"]),
            therapists=frozenset(one["therapists"]),
            risks=frozenset(map(Risk, one["risks"])),
        )
        for one in row.frame
    ]
    again = draw(frame, sampling=form_of(row.form.document).sampling, seed=row.seed)
    chosen = set(row.reviews.values_list("session_record__public_id", flat=True))
    assert len(frame) == 7 and len(chosen) == 3 and {one.id for one in again} == chosen
    assert Event.objects.filter(verb="fidelity_sessions_drawn", subject_id=row.pk).count() == 1
    assert any(Risk.NEW_THERAPIST in one.risks for one in frame)
    with pytest.raises(IntegrityError), transaction.atomic():
        FidelityDraw.objects.filter(pk=row.pk).update(seed="mine")


def test_only_sessions_with_consent_to_recording_are_drawn_and_none_twice(cast: Cast) -> None:
    kept, _left = held(cast, "P-001"), held(cast, "P-002", recording=False)
    row = drawn(cast)
    assert [one.session_record_id for one in row.reviews.all()] == [kept.pk] and row.without_consent == 1
    with pytest.raises(NotNow):
        draw_sessions(
            actor=cast.actor("carla", at=AT), form_id=row.form.public_id, from_at=START, until_at=AT, now=AT
        )


def test_a_form_is_adopted_once_per_version_by_a_supervisor(cast: Cast) -> None:
    carla = cast.actor("carla", at=AT)
    first = adopt_form(actor=carla, text=FORM, reason="agreed", now=AT)
    assert adopt_form(actor=carla, text=FORM, reason="agreed", now=AT) == first
    with pytest.raises(NotNow):
        adopt_form(actor=carla, text=FORM.replace("Built rapport", "Rapport"), reason="agreed", now=AT)
    with pytest.raises(BadInput) as refused:
        adopt_form(actor=carla, text="items: 7", reason="agreed", now=AT)
    assert refused.value.fields["text"]
    with pytest.raises(Forbidden):
        adopt_form(actor=cast.actor("ada", at=AT), text=FORM, reason="agreed", now=AT)
    assert FidelityForm.objects.count() == 1


def test_nobody_sees_the_others_scores_until_both_are_in(cast: Cast) -> None:
    review = one_review(cast)
    name_both(cast, review)
    gil, hana, carla = (cast.actor(name, at=AT) for name in ("gil", "hana", "carla"))
    rate(cast, review, "gil", 1)
    assert read(hana, queries.my_rating, review.public_id).other is None
    assert read(gil, queries.my_rating, review.public_id).other is None
    seen = read(carla, queries.review, review.public_id)
    assert (list(seen.ratings), seen.result) == ([], None)
    assert seen.raters == [("Gil Grove", True), ("Hana Hazel", False)]
    rate(cast, review, "hana", 2)
    other = read(gil, queries.my_rating, review.public_id).other
    assert other is not None and other.scores == {"rapport": 2, "safety": 2}
    seen = read(carla, queries.review, review.public_id)
    assert seen.result is not None and str(seen.result.mean) == "1.75" and seen.result.passed
    ((_title, _form, found),) = queries.agreements([seen])
    assert found.sessions == 1 and found.icc is None


def test_a_rating_is_whole_handed_in_once_and_never_changed(cast: Cast) -> None:
    review = one_review(cast)
    name_both(cast, review)
    with pytest.raises(Incomplete) as refused:
        rate_session(
            actor=cast.actor("gil", at=AT), review_id=review.public_id, scores={"rapport": 9}, now=AT
        )
    assert set(refused.value.fields) == {"rapport", "safety"}
    row = rate(cast, review, "gil", 1)
    assert rate(cast, review, "gil", 1) == row
    with pytest.raises(NotNow):
        rate(cast, review, "gil", 2)
    with pytest.raises(IntegrityError), transaction.atomic():
        FidelityRating.objects.filter(pk=row.pk).update(scores={})
    with pytest.raises(IntegrityError), transaction.atomic():
        FidelityRating.objects.filter(pk=row.pk).delete()


def test_raters_are_two_people_who_do_not_know_the_patient(cast: Cast) -> None:
    review = one_review(cast)
    carla = cast.actor("carla", at=AT)

    def named(name: str) -> FidelityRating:
        return assign_rater(actor=carla, review_id=review.public_id, rater=cast.id(name), now=AT)

    for name in ("ada", "ben", "dov", "carla", "eve", "finn"):
        with pytest.raises(BadInput):
            named(name)
    assert named("gil") == named("gil")
    named("hana")
    with pytest.raises(NotNow):
        named("ivo")
    with pytest.raises(NotFound):
        rate(cast, review, "ivo", 1)
    with pytest.raises(NotFound):  # a therapist does not even see the patient
        assign_rater(actor=cast.actor("gil"), review_id=review.public_id, rater=cast.id("ivo"), now=AT)


def test_feedback_comes_after_both_and_reaches_the_therapists_and_no_others(cast: Cast) -> None:
    review = one_review(cast)
    name_both(cast, review)
    outside = make_person(cast.clinic, "Olga Oak", Role.SUPERVISOR)
    cast.people["olga"] = outside

    def told(name: str) -> None:
        give_feedback(actor=cast.actor(name, at=AT), review_id=review.public_id, text="Well paced.", now=AT)

    rate(cast, review, "gil", 1)
    with pytest.raises(NotNow):
        told("olga")
    rate(cast, review, "hana", 2)
    with pytest.raises(Forbidden):  # Carla is of the care team
        told("carla")
    told("olga")
    for name, sees in (("ada", 1), ("ben", 1), ("gil", 0), ("ivo", 0)):
        assert len(read(cast.actor(name, at=AT), queries.told)) == sees, name


@pytest.fixture
def blinded() -> tuple[Cast, FidelityReview]:
    """On a protocol that hides arm and visit date from its raters."""
    cast = make_cast()
    cast.version = publish(cast, (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8"))
    allow(cast)
    cast.people["hana"] = make_person(cast.clinic, "Hana Hazel", Role.THERAPIST)
    cast.people["olga"] = make_person(cast.clinic, "Olga Oak", Role.SUPERVISOR)
    return cast, one_review(cast)


def test_a_restricted_rater_sees_neither_arm_nor_visit_date_nor_patient(
    blinded: tuple[Cast, FidelityReview],
) -> None:
    cast, review = blinded
    course = review.session_record.course
    course.arm = "high-dose-arm"
    course.save(update_fields=["arm"])
    carla = cast.actor("carla", at=AT)
    say_where_video_is(actor=carla, review_id=review.public_id, reference="Store B/17", now=AT)
    with pytest.raises(BadInput):  # a supervisor can open the chart, so is not blind
        assign_rater(actor=carla, review_id=review.public_id, rater=cast.id("olga"), now=AT)
    name_both(cast, review)
    shown = read(cast.actor("gil", at=AT), queries.my_rating, review.public_id)
    assert {Hidden.ARM, Hidden.VISIT_DATE} <= shown.hidden
    assert (shown.arm, shown.visit, shown.held_on) == ("", "", None)
    client = client_of(cast, "gil")
    for name, args in (("fidelity", ()), ("fidelity_rate", (review.public_id,))):
        page = client.get(reverse(f"sessions:{name}", args=(cast.clinic.slug, *args)))
        text = page.content.decode()
        assert page.status_code == 200 and "Store B/17" in text
        for secret in (
            "high-dose-arm",
            "P-001",
            "Example P-001",
            f"{review.session_record.started_at:%-d %b %Y}",
        ):
            assert secret not in text, (name, secret)
    assert client.get(reverse("sessions:chart", args=(cast.clinic.slug, course.public_id))).status_code == 404
    assert (
        client.get(reverse("sessions:fidelity_review", args=(cast.clinic.slug, review.public_id))).status_code
        == 403
    )


def become(cast: Cast, name: str, *roles: Role) -> None:
    membership = cast.people[name].memberships.get(clinic=cast.clinic)
    membership.roles = sorted(role.value for role in roles)
    membership.save()


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.PRESCRIBER])
def test_a_blinded_rater_whom_a_new_role_shows_the_chart_neither_opens_nor_hands_in_the_rating(
    blinded: tuple[Cast, FidelityReview], role: Role
) -> None:
    cast, review = blinded
    cast.people["ivo"] = make_person(cast.clinic, "Ivo Iris", Role.THERAPIST)
    name_both(cast, review)
    become(cast, "gil", Role.THERAPIST, role)
    set_clock(AT)
    gil = cast.actor("gil", at=AT)
    with pytest.raises(Forbidden, match="can open this chart"):
        read(gil, queries.my_rating, review.public_id)
    with pytest.raises(Forbidden, match="can open this chart"):
        rate(cast, review, "gil", 1)
    assert [one.barred for one in read(gil, queries.my_ratings)] == ["sees"]
    at = reverse("sessions:fidelity_rate", args=(cast.clinic.slug, review.public_id))
    client = client_of(cast, "gil")
    for answer in (client.get(at), client.post(at, {"item-rapport": "1", "item-safety": "1"})):
        assert answer.status_code == 403 and "can open this chart" in answer.content.decode()
    assert not FidelityRating.objects.filter(submitted_at__isnull=False).exists()

    carla = cast.actor("carla", at=AT)
    seen = read(carla, queries.review, review.public_id)
    assert (seen.raters, seen.barred) == ([("Hana Hazel", False)], [("Gil Grove", "sees")])
    for name, args in (("fidelity", ()), ("fidelity_review", (review.public_id,))):
        page = client_of(cast, "carla").get(reverse(f"sessions:{name}", args=(cast.clinic.slug, *args)))
        assert "another rater needed" in page.content.decode(), name
    with pytest.raises(BadInput):
        assign_rater(actor=carla, review_id=review.public_id, rater=cast.id("gil"), now=AT)
    assign_rater(actor=carla, review_id=review.public_id, rater=cast.id("ivo"), now=AT)
    assert read(carla, queries.review, review.public_id).barred == []
    with pytest.raises(NotFound):
        rate(cast, review, "gil", 1)
    for name in ("hana", "ivo"):
        rate(cast, review, name, 1)


def test_a_blinded_rater_who_joins_the_care_team_or_leaves_the_clinic_is_replaced(
    blinded: tuple[Cast, FidelityReview],
) -> None:
    cast, review = blinded
    name_both(cast, review)
    change_care_team(
        actor=cast.actor("eve", at=AT),
        course_id=review.session_record.course.public_id,
        team_role=TeamRole.CO_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=AT,
    )
    cast.people["hana"].memberships.update(until_on=AT.date() - timedelta(days=1))
    with pytest.raises(Forbidden, match="come to know"):
        rate(cast, review, "gil", 1)
    seen = read(cast.actor("carla", at=AT), queries.review, review.public_id)
    assert (seen.raters, seen.barred) == ([], [("Gil Grove", "knows"), ("Hana Hazel", "gone")])


def test_a_rating_that_is_in_stays_and_is_read_again_by_whoever_sees_the_chart_since(
    blinded: tuple[Cast, FidelityReview],
) -> None:
    cast, review = blinded
    name_both(cast, review)
    row = rate(cast, review, "gil", 1)
    become(cast, "gil", Role.SUPERVISOR)
    assert read(cast.actor("gil", at=AT), queries.my_rating, review.public_id).mine == row
    assert read(cast.actor("carla", at=AT), queries.review, review.public_id).barred == []
    with pytest.raises(IntegrityError), transaction.atomic():
        FidelityRating.objects.filter(pk=row.pk).delete()


def test_the_whole_review_through_its_pages(cast: Cast) -> None:
    held(cast, "P-001")
    slug = cast.clinic.slug
    carla = client_of(cast, "carla")

    def url(name: str, *args: object) -> str:
        return reverse(f"sessions:{name}", args=(slug, *args))

    assert carla.post(url("fidelity_adopt"), {"text": "nonsense"}).status_code == 400
    assert carla.post(url("fidelity_adopt"), {"text": FULL, "reason": "Agreed."}).status_code == 302
    form = FidelityForm.objects.get()
    days_given = {"form": str(form.public_id), "from_on": "2027-03-01", "until_on": "2027-03-31"}
    set_clock(AT)
    assert carla.post(url("fidelity_draw"), days_given).status_code == 302
    review = FidelityReview.objects.get()
    here = url("fidelity_review", review.public_id)
    for name in ("gil", "hana"):
        assert carla.post(here, {"act": "rater", "rater": str(cast.id(name))}).status_code == 302
    assert carla.post(here, {"act": "rater", "rater": str(cast.id("ada"))}).status_code == 400
    assert carla.post(here, {"act": "video", "reference": "B/17"}).status_code == 302
    for name, score in (("gil", "1"), ("hana", "2")):
        client = client_of(cast, name)
        assert "to rate" in client.get(url("fidelity")).content.decode()
        at = url("fidelity_rate", review.public_id)
        assert client.get(at).status_code == 200
        assert client.post(at, {"item-rapport": score}).status_code == 400
        assert client.post(at, {"item-rapport": score, "item-safety": "2"}).status_code == 302
        assert client.get(at).context["form"] is None
    assert carla.get(here).context["feedback_form"] is not None
    assert "1.75" in carla.get(url("fidelity")).content.decode()


def test_the_pages_ask_as_much_for_many_as_for_few(cast: Cast) -> None:
    def counted() -> tuple[int, ...]:
        found = []
        for name, query in (("carla", queries.reviews), ("gil", queries.my_ratings), ("ada", queries.told)):
            with CaptureQueriesContext(connection) as asked:
                read(cast.actor(name, at=AT), query)
            found.append(len(asked))
        return tuple(found)

    def more(first: int, last: int) -> None:
        for number in range(first, last):
            held(cast, f"P-{number:03}")
        for review in FidelityReview.objects.filter(draw=drawn(cast)):
            name_both(cast, review)

    more(1, 3)
    counted()
    few = counted()
    more(3, 9)
    assert counted() == few and FidelityReview.objects.count() == 8
