"""Trends raise themselves, once, where the same rule was departed from as often as the policy names."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clinic.actors import acting
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Event
from clinic.permissions import Role
from sessions.models import Course, DeviationRecord, DeviationTrend
from sessions.models.courses import TeamRole
from sessions.operations.deviations import enter_deviation
from sessions.operations.enrolment import change_care_team
from sessions.operations.trends import review_trend, set_policy
from sessions.queries import trends as queries
from tests.support.cast import LIBRARY, START, Cast, allow, days, enrol, make_person, publish
from tests.support.departed import hold, make_reviewers

NOW = START + days(10)
OTHER = (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8").replace("code: mdma_ptsd", "code: other", 1)


@pytest.fixture
def cast() -> Cast:
    return make_reviewers()


def depart(
    cast: Cast, course: Course, *, at: datetime = NOW, rule: str = "preparation", by: str = "ada"
) -> DeviationRecord:
    """One that somebody entered under a rule counts as one that the engine found."""
    return enter_deviation(
        actor=cast.actor(by, at=at),
        course_id=course.public_id,
        title="Held without the room’s lamp",
        description="",
        occurred_at=at,
        rule=rule,
        now=at,
    )


def found(*, closed: bool = False) -> set[tuple[str, int]]:
    return {
        (one.scope, one.members.count())
        for one in DeviationTrend.objects.filter(closed_at__isnull=not closed)
    }


def policy(cast: Cast, **changes: int) -> None:
    set_policy(
        actor=cast.actor("finn", at=NOW),
        days=90,
        in_clinic=changes.get("in_clinic", 3),
        in_protocol=changes.get("in_protocol", 3),
        of_therapist=changes.get("of_therapist", 3),
        days_off=(),
        reason="We are a small clinic.",
        now=NOW,
    )


@pytest.mark.django_db
def test_the_same_deviation_thrice_raises_a_trend_once_in_clinic_protocol_and_therapist(cast: Cast) -> None:
    courses = [enrol(cast, f"P-{number:03}") for number in (1, 2, 3, 4)]
    for course in courses[:2]:
        depart(cast, course)
    assert found() == set()
    depart(cast, courses[2])
    # Ada leads and Ben sits beside her in every course.
    expected = [("clinic", 3), ("protocol", 3), ("therapist", 3), ("therapist", 3)]
    raised = sorted((one.scope, one.members.count()) for one in DeviationTrend.objects.all())
    assert raised == expected
    assert not DeviationRecord.objects.filter(repeated=False).exists()
    depart(cast, courses[3])
    assert DeviationTrend.objects.count() == 4 and found() == {
        ("clinic", 4),
        ("protocol", 4),
        ("therapist", 4),
    }
    assert Event.objects.filter(verb="trend_raised").count() == 4
    DeviationRecord.objects.filter(course=courses[0]).update(documented_late_at=NOW)
    shown, _following = queries.trends(cast.actor("carla", at=NOW))
    assert {row.count for row in shown} == {3}, "what was disproved counts no more"


@pytest.mark.django_db
def test_a_trend_of_the_clinic_is_nobodys_until_one_protocol_or_therapist_has_it_thrice(cast: Cast) -> None:
    for name in ("Hana Hazel", "Kit Kale", "Lou Lark"):
        cast.people[name.split()[0].lower()] = make_person(cast.clinic, name, Role.THERAPIST)
    courses = []
    for code, pair in (("P-001", ("ada", "ben")), ("P-002", ("gil", "hana")), ("P-003", ("kit", "lou"))):
        if code == "P-003":
            cast.version = publish(cast, OTHER)
            allow(cast)
        courses.append(enrol(cast, code))
        for place, name in zip((TeamRole.LEAD_THERAPIST, TeamRole.CO_THERAPIST), pair, strict=True):
            change_care_team(
                actor=cast.actor("carla"),
                course_id=courses[-1].public_id,
                team_role=place,
                person_id=cast.id(name),
                reason="agreed",
                now=START,
            )
    for course in courses:
        depart(cast, course, by="dov")
    assert found() == {("clinic", 3)}
    for _twice in range(2):
        depart(cast, courses[2], by="dov")
    assert found() == {("clinic", 5), ("protocol", 3), ("therapist", 3)}
    assert cast.version is not None
    (of_protocol,) = DeviationTrend.objects.filter(scope="protocol")
    of_therapists = DeviationTrend.objects.filter(scope="therapist")
    assert of_protocol.protocol == cast.version.protocol
    assert {one.therapist for one in of_therapists} == {cast.people["kit"], cast.people["lou"]}
    for trend in (of_protocol, *of_therapists):
        assert {one.deviation.course for one in trend.members.all()} == {courses[2]}


@pytest.mark.django_db
def test_different_rules_and_days_long_past_make_no_trend(cast: Cast) -> None:
    course = enrol(cast)
    for at, rule in (
        (START - days(200), "preparation"),
        (START, "preparation"),
        (START, "preparation"),
        (START, "dose"),
        (START, ""),
        (START, ""),
        (START, ""),
    ):
        enter_deviation(
            actor=cast.actor("ada", at=NOW),
            course_id=course.public_id,
            title="It happened",
            description="",
            occurred_at=at,
            rule=rule,
            now=NOW,
        )
    assert found() == set()


@pytest.mark.django_db
def test_a_session_and_its_checklist_are_two_things_of_one_rule(cast: Cast) -> None:
    course = enrol(cast)  # nothing ticked, nothing on the chart
    hold(cast, course, "preparation.1", at=START + days(7))
    hold(cast, course, "preparation.2", at=START + days(28))
    kinds = DeviationRecord.objects.filter(rule="preparation").values_list("kind", flat=True)
    assert sorted(kinds) == ["checklist", "checklist", "session"]
    assert not DeviationTrend.objects.filter(rule="preparation").exists()


@pytest.mark.django_db
def test_period_and_counts_are_the_clinics_settings_with_a_reason_and_its_history_stays(cast: Cast) -> None:
    course = enrol(cast)
    depart(cast, course)
    depart(cast, course)
    policy(cast, in_clinic=2, of_therapist=5)
    assert found() == {("clinic", 2)}, "counted anew at once"
    policy(cast, in_protocol=2, in_clinic=9)
    assert found() == {("clinic", 2), ("protocol", 2)}
    finn = cast.actor("finn", at=NOW)
    with acting(finn):
        shown = queries.settings(finn)
    assert [one.in_clinic for one in shown.policies] == [9, 2]
    with pytest.raises(BadInput):
        policy(cast, in_clinic=1)
    with pytest.raises(Forbidden):
        set_policy(
            actor=cast.actor("dov", at=NOW),
            days=9,
            in_clinic=3,
            in_protocol=3,
            of_therapist=3,
            days_off=(),
            reason="So be it.",
            now=NOW,
        )
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        shown.policies[0].__class__.objects.update(days=1)


@pytest.mark.django_db
def test_a_trend_closes_with_a_review_and_the_counting_begins_anew(cast: Cast) -> None:
    course = enrol(cast)
    for _one in range(3):
        depart(cast, course)
    trend = DeviationTrend.objects.get(scope="clinic")
    later = NOW + days(1)

    def review(by: str, *, comment: str = "The lamp is replaced.", closes: bool = True) -> None:
        review_trend(
            actor=cast.actor(by, at=later),
            trend_id=trend.public_id,
            comment=comment,
            closes=closes,
            now=later,
        )

    with pytest.raises(NotFound):
        review("ada")
    with pytest.raises(Forbidden):
        review("dov")
    with pytest.raises(Incomplete):
        review("carla", comment=" ")
    review("carla", closes=False)
    review("carla")
    with pytest.raises(NotNow):
        review("ivo")
    for count in (1, 2):
        depart(cast, course, at=later + timedelta(hours=count))
        assert ("clinic", 3) in found(closed=True)
        assert not DeviationTrend.objects.filter(scope="clinic", closed_at=None).exists()
    depart(cast, course, at=later + timedelta(hours=3))
    assert DeviationTrend.objects.get(scope="clinic", closed_at=None).members.count() == 3
    with pytest.raises(DatabaseError, match="ended once"), transaction.atomic():
        DeviationTrend.objects.filter(pk=trend.pk).update(closed_at=None)


@pytest.mark.django_db
def test_nobody_reviews_a_trend_that_is_theirs_or_rests_on_their_own_record(cast: Cast) -> None:
    membership = cast.people["ivo"].memberships.get(clinic=cast.clinic)
    membership.roles = [Role.SUPERVISOR.value, Role.THERAPIST.value]
    membership.save()
    course = enrol(cast)
    for by in ("ada", "ada", "carla"):
        depart(cast, course, by=by)
    course.care_team.create(
        clinic=cast.clinic, person=cast.people["ivo"], team_role=TeamRole.CO_THERAPIST, from_at=START
    )
    depart(cast, course)
    depart(cast, course)
    depart(cast, course)

    def refused(trend: DeviationTrend, by: str) -> bool:
        try:
            review_trend(
                actor=cast.actor(by, at=NOW),
                trend_id=trend.public_id,
                comment="Seen.",
                closes=False,
                now=NOW,
            )
        except Forbidden:
            return True
        return False

    clinic = DeviationTrend.objects.get(scope="clinic")
    assert (refused(clinic, "carla"), refused(clinic, "ivo")) == (True, False)
    own = DeviationTrend.objects.get(scope="therapist", therapist=cast.people["ivo"])
    assert refused(own, "ivo")


@pytest.mark.django_db
def test_one_clinics_deviations_make_no_trend_in_another(cast: Cast) -> None:
    from tests.support.cast import make_cast

    other = make_cast("birch")
    for one in (cast, cast, other, other):
        enrolled = Course.objects.filter(clinic=one.clinic).first() or enrol(one)
        depart(one, enrolled)
    assert found() == set()


@pytest.mark.django_db
def test_raising_costs_no_more_when_there_is_more_to_count(cast: Cast) -> None:
    courses, counts = [enrol(cast, f"P-{number:03}") for number in range(1, 9)], []
    for course in courses:
        with CaptureQueriesContext(connection) as captured:
            depart(cast, course)
        counts.append(len(captured))
    assert counts[0] == counts[1] and counts[4:] == [counts[4]] * 4


@pytest.mark.django_db
def test_the_list_of_trends_costs_no_more_the_more_there_are(cast: Cast) -> None:
    course, carla, counts = enrol(cast), cast.actor("carla", at=NOW), []
    for rule in ("preparation", "dose"):
        for _one in range(3):
            depart(cast, course, rule=rule)
        with acting(carla), CaptureQueriesContext(connection) as captured:
            shown, _following = queries.trends(carla)
        counts.append((len(shown), len(captured)))
    assert counts[0][0] == 4 and counts[1] == (8, counts[0][1])


@pytest.mark.django_db(transaction=True)
def test_of_three_raised_at_the_same_moment_the_third_is_counted() -> None:
    cast = make_reviewers()
    courses = [enrol(cast, f"P-{number:03}") for number in (1, 2, 3)]
    together = Barrier(3)

    def run(course: Course) -> None:
        try:
            together.wait()
            depart(cast, course)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(course,)) for course in courses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert DeviationTrend.objects.get(scope="clinic").members.count() == 3
