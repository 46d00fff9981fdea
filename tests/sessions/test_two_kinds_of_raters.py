"""Watching how a therapist holds a session and rating a symptom are two jobs: what a protocol hides from who
does the one may be another thing than what it hides from who does the other."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from clinic.actors import acting
from clinic.errors import BadInput
from clinic.permissions import Role
from protocols.models import Protocol
from protocols.rules.definition import Hidden
from sessions.models import Course, FidelityReview
from sessions.models.courses import TeamRole
from sessions.operations.enrolment import change_care_team
from sessions.operations.fidelity import assign_rater
from sessions.queries import fidelity as queries
from sessions.queries.fidelity_raters import rated_blind
from sessions.queries.ratings import ratings_due
from tests.sessions.test_fidelity import AT, client_of, one_review, rate, read
from tests.support.cast import LIBRARY, Cast, allow, make_cast, make_person, publish

pytestmark = pytest.mark.django_db

BOTH = (LIBRARY / "psilocybin_trd.yaml").read_text(encoding="utf-8")
SILENT = re.sub(r"\nfidelity:\n(  .*\n)+", "\n", BOTH)
ASSESSORS = re.sub(r"(\nfidelity:\n)  hidden: .*", r"\1  hidden: []", BOTH)
SESSIONS = re.sub(r"\n    hidden: .*", "", BOTH)
HIDDEN = frozenset({Hidden.ARM, Hidden.VISIT_DATE})


def cast_on(text: str) -> tuple[Cast, FidelityReview]:
    """Olga is a supervisor of the clinic, outside the care team; Hana a therapist outside it."""
    cast = make_cast()
    cast.version = publish(cast, text)
    allow(cast)
    cast.people["olga"] = make_person(cast.clinic, "Olga Oak", Role.SUPERVISOR)
    cast.people["hana"] = make_person(cast.clinic, "Hana Hazel", Role.THERAPIST)
    return cast, one_review(cast)


def names_for_session(cast: Cast, review: FidelityReview, name: str) -> None:
    assign_rater(actor=cast.actor("carla", at=AT), review_id=review.public_id, rater=cast.id(name), now=AT)


def names_for_symptoms(cast: Cast, course: Course, name: str) -> None:
    change_care_team(
        actor=cast.actor("carla", at=AT),
        course_id=course.public_id,
        team_role=TeamRole.INDEPENDENT_RATER,
        person_id=cast.id(name),
        reason="agreed",
        now=AT,
    )


def test_under_a_protocol_that_blinds_its_assessors_alone_a_supervisor_rates_how_a_session_was_held() -> None:
    cast, review = cast_on(ASSESSORS)
    course = review.session_record.course
    names_for_session(cast, review, "olga")
    shown = read(cast.actor("olga", at=AT), queries.my_rating, review.public_id)
    assert (shown.hidden, shown.held_on) == (frozenset(), review.session_record.started_at) and shown.visit
    rate(cast, review, "olga", 1)
    with pytest.raises(BadInput):  # the chart is open to her
        names_for_symptoms(cast, course, "olga")
    for name in ("ada", "carla"):  # who treats the patient rates no session of theirs either way
        with pytest.raises(BadInput):
            names_for_session(cast, review, name)


def test_under_a_protocol_that_blinds_its_fidelity_raters_alone_a_supervisor_rates_symptoms() -> None:
    cast, review = cast_on(SESSIONS)
    with pytest.raises(BadInput) as refused:
        names_for_session(cast, review, "olga")
    assert "can open this chart" in refused.value.fields["rater"][0]
    names_for_session(cast, review, "hana")
    shown = read(cast.actor("hana", at=AT), queries.my_rating, review.public_id)
    assert shown.hidden == HIDDEN and (shown.held_on, shown.visit) == (None, "")
    names_for_symptoms(cast, review.session_record.course, "olga")
    with acting(olga := cast.actor("olga", at=AT)):
        assert all(one.what and one.by for one in ratings_due(olga))


def test_nobody_watches_a_session_of_a_patient_whose_symptoms_they_rate_blind() -> None:
    cast, review = cast_on(ASSESSORS)
    course = review.session_record.course
    names_for_session(cast, review, "hana")
    with pytest.raises(BadInput) as refused:
        names_for_symptoms(cast, course, "hana")
    said = refused.value.fields[TeamRole.INDEPENDENT_RATER.value][0]
    assert "Hana Hazel rates how a session of the patient was held" in said
    names_for_symptoms(cast, course, "gil")
    with pytest.raises(BadInput) as refused:
        names_for_session(cast, review, "gil")
    assert "treated or rated this patient" in refused.value.fields["rater"][0]


@pytest.mark.parametrize(
    ("text", "session", "symptoms"),
    [
        pytest.param(ASSESSORS, False, True, id="assessors alone"),
        pytest.param(SESSIONS, True, False, id="fidelity raters alone"),
        pytest.param(BOTH, True, True, id="both"),
        pytest.param(SILENT, True, True, id="nothing said of fidelity raters, as in versions of before"),
    ],
)
def test_a_report_leaves_out_what_is_hidden_from_whoever_takes_it(
    text: str, session: bool, symptoms: bool
) -> None:
    cast, review = cast_on(text)
    course = review.session_record.course
    names_for_session(cast, review, "hana")
    names_for_symptoms(cast, course, "gil")
    for name, hides in (("hana", session), ("gil", symptoms)):
        with acting(actor := cast.actor(name, at=AT)):
            assert rated_blind(actor) == ({course.pk} if hides else set()), name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            BOTH, "Not shown to whoever rates how sessions are held: the arm; which visit", id="said"
        ),
        pytest.param(SILENT, "As of those who rate symptoms: the protocol says nothing else.", id="not said"),
        pytest.param(ASSESSORS, "Nothing is hidden from whoever rates how sessions are held", id="nothing"),
    ],
)
def test_the_protocols_page_says_what_each_kind_of_raters_is_not_shown(text: str, said: str) -> None:
    cast, _review = cast_on(text)
    protocol = Protocol.objects.get(clinic=cast.clinic, code="psilocybin_trd")
    address = reverse("protocols:protocol", args=(cast.clinic.slug, protocol.public_id))
    page = client_of(cast, "eve").get(address).content.decode()
    assert said in page and "Not shown to the rater: the arm" in page
