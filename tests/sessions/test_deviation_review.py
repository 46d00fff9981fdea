"""The life of a deviation: acknowledged, classified, its cause found, actions done and judged, reported by a
clock, closed with a signature, reopened by facts."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.actors import acting
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Event
from clinic.permissions import Role
from sessions.models import (
    ClosureSignature,
    CourseRequirement,
    DeviationAction,
    DeviationRecord,
    DeviationReview,
    StaffTask,
)
from sessions.models.closing import ActionKind
from sessions.operations import actions, closing, review
from sessions.operations.deviations import enter_deviation
from sessions.operations.ending import correct_times
from sessions.operations.finishing import finish_task
from sessions.operations.verifying import verify_requirements
from sessions.queries import adherence
from sessions.queries.adherence import Asked
from sessions.rules.review import Foreseen, Part
from tests.sessions.api.caller import calls
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast
from tests.support.departed import (
    LATER,
    close,
    corrected,
    departed,
    hold,
    important,
    make_reviewers,
    of,
    refresh,
)

pytestmark = pytest.mark.django_db

NOW = START + days(29)
LATE = "preparation.2"


@pytest.fixture
def cast() -> Cast:
    return make_reviewers()


@pytest.fixture
def deviation(cast: Cast) -> DeviationRecord:
    return of(departed(cast), LATE)


def causes(cast: Cast) -> dict[str, int]:
    actor = cast.actor("carla", at=NOW)
    with acting(actor):
        return dict(adherence.summary(actor, Asked(), clinic=cast.clinic).causes)


# --- raised, disproved, reopened ---


def test_every_departure_becomes_a_deviation_in_the_same_transaction_with_its_evidence_once(
    cast: Cast,
) -> None:
    course = departed(cast)
    found = of(course, LATE)
    assert (found.status, found.important, found.aware_at) == ("met_late", False, found.raised_at)
    assert [one["fact"] for one in found.evidence] == [str(course.session_records.get(key=LATE).public_id)]
    refresh(NOW)
    assert DeviationRecord.objects.filter(course=course, key=LATE).count() == 1


def test_what_departs_and_its_deviation_are_committed_together_or_not_at_all(cast: Cast) -> None:
    course = enrol(cast)
    fill_chart(cast, course, now=START + timedelta(hours=1))
    hold(cast, course, "preparation.1", at=START + days(7))
    with CaptureQueriesContext(connection) as queries:
        hold(cast, course, LATE, at=START + days(28))
    said = [one["sql"] for one in queries]
    # The operation's own frame, a savepoint here because each test is a transaction: all that it opened and
    # closed lies within.
    first = next(place for place, sql in enumerate(said) if sql.startswith("SAVEPOINT"))
    name = said[first].removeprefix("SAVEPOINT ")
    frame = said[first : said.index(f"RELEASE SAVEPOINT {name}")]
    for table in ("sessionrecord", "factrecord", "deviationrecord"):
        written = f'INSERT INTO "therapy_sessions_{table}"'
        assert any(sql.startswith(written) for sql in frame), table
        assert sum(sql.startswith(written) for sql in said) == sum(sql.startswith(written) for sql in frame)
    assert of(course, LATE).raised_at == START + days(28), "no tick came between"


def test_the_tick_raises_it_when_only_time_passed(cast: Cast) -> None:
    course = departed(cast)
    assert not DeviationRecord.objects.filter(course=course, key="preparation.3").exists()
    refresh(LATER)
    found = of(course, "preparation.3")
    assert (found.status, found.raised_at, found.aware_at) == ("missed", LATER, LATER)


def test_one_disproved_by_a_later_fact_stays_listed_as_documented_late(cast: Cast) -> None:
    course = departed(cast)
    refresh(LATER)
    # It was held in time after all; nobody had entered it.
    hold(cast, course, "preparation.3", at=START + days(35), now=LATER + days(1))
    found = of(course, "preparation.3")
    assert found.documented_late_at == LATER + days(1) and found.reviewed_at is None
    client = Client()
    client.force_login(cast.people["carla"])
    listed = client.get(reverse("sessions:deviations", args=["alder"]), {"show": "all"})
    (row,) = [one for one in listed.context["deviations"] if one.deviation_id == found.public_id]
    (line,) = [one for one in listed.text.split("<tr") if str(found.public_id) in one]
    assert row.state == "documented_late" and "documented late" in line


def test_a_signed_closure_is_reopened_when_facts_change_and_never_altered(
    cast: Cast, deviation: DeviationRecord
) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)
    signature = close(cast, deviation, now=NOW)
    deviation.refresh_from_db()
    assert deviation.reviewed_at == NOW
    record = deviation.course.session_records.get(key=LATE)
    later = NOW + days(1)
    at = START + days(13)
    correct_times(
        actor=cast.actor("ada", at=later),
        record_id=record.public_id,
        started_at=at - timedelta(minutes=90),
        ended_at=at,
        reason="The day was mistyped.",
        now=later,
    )
    seen = DeviationRecord.objects.get(pk=deviation.pk)
    assert (seen.documented_late_at, seen.reopened_at) == (later, later)
    assert (seen.reviewed_at, seen.acknowledged_at) == (None, None)
    again = ClosureSignature.objects.get(pk=signature.pk)
    assert (again.content, again.digest) == (signature.content, signature.digest)
    assert list(closing.unproved_closures()) == []
    # It was no departure after all: somebody looks once more, and that is all.
    review.review_deviation(
        actor=cast.actor("carla", at=later),
        deviation_id=deviation.public_id,
        comment="Entered late, nothing departed.",
        closes=True,
        now=later,
    )
    deviation.refresh_from_db()
    assert deviation.reviewed_at == later


def test_a_closure_is_reopened_when_what_it_rests_on_changes_in_extent_alone(
    cast: Cast, deviation: DeviationRecord
) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)
    close(cast, deviation, now=NOW)
    record, later, at = deviation.course.session_records.get(key=LATE), NOW + days(1), START + days(29)
    correct_times(
        actor=cast.actor("ada", at=later),
        record_id=record.public_id,
        started_at=at - timedelta(minutes=90),
        ended_at=at,
        reason="It was a day later still.",
        now=later,
    )
    deviation.refresh_from_db()
    assert (deviation.status, deviation.reviewed_at, deviation.reopened_at) == ("met_late", None, later)


def test_the_page_says_why_a_closed_review_was_reopened_whoever_or_whatever_did(
    cast: Cast, deviation: DeviationRecord
) -> None:
    """By a record that disproved it, by one that made it a departure again, and by a supervisor."""

    def said() -> str:
        client = Client()
        client.force_login(cast.people["carla"])
        page = client.get(reverse("sessions:deviation", args=["alder", deviation.public_id])).content.decode()
        return " ".join(re.sub(r"<[^>]+>", " ", page[page.index('id="review-title"') :]).split())

    def held(at: datetime, now: datetime, why: str) -> None:
        correct_times(
            actor=cast.actor("ada", at=now),
            record_id=deviation.course.session_records.get(key=LATE).public_id,
            started_at=at - timedelta(minutes=90),
            ended_at=at,
            reason=why,
            now=now,
        )

    def seen(now: datetime) -> None:
        review.review_deviation(
            actor=cast.actor("carla", at=now),
            deviation_id=deviation.public_id,
            comment="Looked at.",
            closes=True,
            now=now,
        )

    seen(NOW)
    held(START + days(29), NOW + days(1), "It was a day later still.")
    assert "Reopened What is on record of it has changed since the review was closed." in said()
    seen(NOW + days(2))
    held(START + days(13), NOW + days(3), "The day was mistyped.")
    assert "Reopened A record entered since shows that nothing departed." in said()
    seen(NOW + days(4))
    held(START + days(28), NOW + days(5), "It was not.")
    assert "Reopened What had shown that nothing departed was corrected, or was entered in error." in said()
    seen(NOW + days(6))
    review.reopen_deviation(
        actor=cast.actor("carla", at=NOW + days(7)),
        deviation_id=deviation.public_id,
        comment="The board asks.",
        now=NOW + days(7),
    )
    thread = said()
    assert thread.count("Reopened ") == 4 and "Reopened The board asks." in thread
    told = calls(cast, "carla").get("deviation", deviation=deviation.public_id).json()["reopened"]
    assert [one["why"] for one in told] == ["evidence_changed", "documented_late", "departed_again"]


# --- the cause ---


def test_a_reviewer_names_the_cause_and_adherence_shows_it_apart(
    cast: Cast, deviation: DeviationRecord
) -> None:
    before = causes(cast)
    for cause in ("patient_declined", "patient_unreachable", "outside_event"):
        review.set_cause(
            actor=cast.actor("carla", at=NOW),
            deviation_id=deviation.public_id,
            cause=cause,
            comment="The snowstorm closed the roads.",
            now=NOW,
        )
        deviation.refresh_from_db()
        assert deviation.cause == cause
        assert CourseRequirement.objects.get(course=deviation.course, key=LATE).cause == cause
        assert causes(cast) == {**before, "clinic": before["clinic"] - 1, cause: before[cause] + 1}
    assert [one.data for one in deviation.reviews.order_by("pk")][-1] == {"cause": "outside_event"}
    refresh(NOW + days(1))
    assert causes(cast)["outside_event"] == 1
    assert verify_requirements(now=NOW + days(1)).differences == ()


def test_no_other_cause_than_the_four_can_be_named(cast: Cast, deviation: DeviationRecord) -> None:
    with pytest.raises(BadInput):
        review.set_cause(
            actor=cast.actor("carla", at=NOW),
            deviation_id=deviation.public_id,
            cause="bad_luck",
            comment="So it seems.",
            now=NOW,
        )


# --- many at once ---


def many(cast: Cast, count: int = 3) -> list[DeviationRecord]:
    cast_of = [of(departed(cast, f"P-{number:03}"), LATE) for number in range(1, count + 1)]
    DeviationRecord.objects.update(repeated=False)  # for this once, as if they were different ones
    return cast_of


def test_many_that_are_not_important_are_acknowledged_at_once_with_one_reason(cast: Cast) -> None:
    found, batch = many(cast), uuid4()
    ids = [one.public_id for one in found]
    carla = cast.actor("carla", at=NOW)
    steps = review.acknowledge_deviations(
        actor=carla, deviation_ids=ids, reason="The room was closed that week.", now=NOW, public_id=batch
    )
    assert len(steps) == 3
    assert {one.reviewed_at for one in DeviationRecord.objects.filter(public_id__in=ids)} == {NOW}
    assert {one.comment for one in DeviationReview.objects.all()} == {"The room was closed that week."}
    assert Event.objects.filter(verb="deviation_acknowledged").count() == 3
    review.acknowledge_deviations(
        actor=carla, deviation_ids=ids, reason="The room was closed that week.", now=NOW, public_id=batch
    )
    assert DeviationReview.objects.count() == 3, "sent twice is done once"


def test_of_many_none_is_acknowledged_when_one_is_important_or_repeated(cast: Cast) -> None:
    found = many(cast, 2)
    for change in ({"important": True, "repeated": False}, {"important": False, "repeated": True}):
        DeviationRecord.objects.filter(pk=found[1].pk).update(**change)
        with pytest.raises(Incomplete):
            review.acknowledge_deviations(
                actor=cast.actor("carla", at=NOW),
                deviation_ids=[one.public_id for one in found],
                reason="All alike.",
                now=NOW,
            )
    assert not DeviationRecord.objects.filter(reviewed_at__isnull=False).exists()


def test_of_many_none_is_acknowledged_when_one_rests_on_the_reviewers_own_record(cast: Cast) -> None:
    found = many(cast, 2)
    membership = cast.people["carla"].memberships.get(clinic=cast.clinic)
    membership.roles = [Role.SUPERVISOR.value, Role.THERAPIST.value]
    membership.save()
    own = found[1].course
    hold(cast, own, "preparation.3", at=START + days(60), by="carla")
    ids = [found[0].public_id, of(own, "preparation.3").public_id]
    DeviationRecord.objects.update(important=False, repeated=False)
    for who, allowed in (("carla", False), ("ivo", True)):
        try:
            review.acknowledge_deviations(
                actor=cast.actor(who, at=LATER), deviation_ids=ids, reason="All alike.", now=LATER
            )
            assert allowed
        except Forbidden:
            assert not allowed


def test_acknowledging_more_costs_one_event_each_and_nothing_else(cast: Cast) -> None:
    found, counts = many(cast, 6), []
    for some in (found[:2], found[2:]):
        with CaptureQueriesContext(connection) as captured:
            review.acknowledge_deviations(
                actor=cast.actor("carla", at=NOW),
                deviation_ids=[one.public_id for one in some],
                reason="All alike.",
                now=NOW,
            )
        counts.append(len(captured) - len(some))
    assert counts[0] == counts[1]


# --- classified ---


def test_it_is_important_by_the_protocols_criteria_until_a_reviewer_says_otherwise_with_a_reason(
    cast: Cast,
) -> None:
    course = enrol(cast)  # nothing on its chart: held without consent
    hold(cast, course, "preparation.1", at=START + days(7))
    refresh(LATER)
    found = DeviationRecord.objects.filter(course=course, important=True).first()
    assert found is not None
    carla = cast.actor("carla", at=LATER)
    with pytest.raises(Incomplete):
        review.classify_deviation(
            actor=carla,
            deviation_id=found.public_id,
            important=False,
            foreseen=Foreseen.DISCOVERED,
            hazard=False,
            comment=" ",
            now=LATER,
        )
    review.classify_deviation(
        actor=carla,
        deviation_id=found.public_id,
        important=False,
        foreseen=Foreseen.ANTICIPATED,
        hazard=False,
        comment="The result was known from another clinic.",
        now=LATER,
    )
    refresh(LATER + days(1))
    found.refresh_from_db()
    assert (found.important, found.foreseen) == (False, "anticipated"), (
        "the engine leaves it as it was judged"
    )


def test_it_is_planned_anticipated_or_discovered_later_and_perhaps_removed_a_hazard(
    cast: Cast, deviation: DeviationRecord
) -> None:
    for foreseen, hazard in product(Foreseen, (False, True)):
        review.classify_deviation(
            actor=cast.actor("carla", at=NOW),
            deviation_id=deviation.public_id,
            important=False,
            foreseen=foreseen,
            hazard=hazard,
            comment="As the notes say.",
            now=NOW,
        )
        deviation.refresh_from_db()
        assert (deviation.foreseen, deviation.hazard) == (foreseen.value, hazard)


# --- free-form ---


def entered(cast: Cast, deviation_of: DeviationRecord, *, by: str = "ada", **more: object) -> DeviationRecord:
    said: dict[str, object] = {
        "title": "The music stopped for an hour",
        "description": "The player failed; we hummed.",
        "occurred_at": NOW - days(1),
        "now": NOW,
    }
    return enter_deviation(
        actor=cast.actor(by, at=NOW),
        course_id=deviation_of.course.public_id,
        **(said | more),  # type: ignore[arg-type]
    )


def test_a_deviation_that_no_requirement_shows_is_entered_and_lives_as_the_others_do(
    cast: Cast, deviation: DeviationRecord
) -> None:
    found = entered(cast, deviation)
    assert found.important is False
    refresh(NOW + days(1))
    found.refresh_from_db()
    assert found.documented_late_at is None, "the engine does not judge what somebody saw"
    assert verify_requirements(now=NOW + days(1)).differences == ()
    important(cast, found, now=NOW)
    corrected(cast, found, now=NOW, owner="ben")
    close(cast, found, now=NOW)
    found.refresh_from_db()
    assert found.reviewed_at == NOW


def test_anybody_of_the_care_team_and_any_supervisor_enters_one(
    cast: Cast, deviation: DeviationRecord
) -> None:
    for by in ("ada", "dov", "carla", "ivo"):
        assert entered(cast, deviation, by=by).entered_by_id == cast.people[by].pk
    for by, refusal in (("gil", NotFound), ("eve", Forbidden)):
        with pytest.raises(refusal):
            entered(cast, deviation, by=by)


def test_whoever_entered_one_does_not_review_it(cast: Cast, deviation: DeviationRecord) -> None:
    found = entered(cast, deviation, by="carla")
    with pytest.raises(Forbidden):
        important(cast, found, now=NOW)
    important(cast, found, now=NOW, by="ivo")


def test_one_entered_under_a_rule_is_important_where_the_protocol_says_so(
    cast: Cast, deviation: DeviationRecord
) -> None:
    assert entered(cast, deviation, rule="vitals.end").important is True
    assert entered(cast, deviation, rule="preparation").important is False
    with pytest.raises(BadInput):
        entered(cast, deviation, rule="no.such.rule")


def test_one_that_is_planned_may_lie_ahead_and_one_found_out_may_not(
    cast: Cast, deviation: DeviationRecord
) -> None:
    ahead = NOW + days(5)
    assert entered(cast, deviation, occurred_at=ahead, foreseen=Foreseen.PLANNED).aware_at == NOW
    with pytest.raises(BadInput):
        entered(cast, deviation, occurred_at=ahead)


def test_what_was_entered_is_never_rewritten(cast: Cast, deviation: DeviationRecord) -> None:
    found = entered(cast, deviation)
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        DeviationRecord.objects.filter(pk=found.pk).update(title="Nothing happened")


# --- root cause, actions, effectiveness ---


def test_an_action_has_an_owner_who_gets_a_task_until_its_date(
    cast: Cast, deviation: DeviationRecord
) -> None:
    important(cast, deviation, now=NOW)
    action = actions.agree_action(
        actor=cast.actor("carla", at=NOW),
        deviation_id=deviation.public_id,
        kind=ActionKind.CORRECTIVE,
        what="Call the patient.",
        owner=cast.id("ben"),
        due_on=date(2027, 4, 5),
        now=NOW,
    )
    task = StaffTask.objects.get(kind="deviation_action")
    assert (task.owner, task.subject) == (cast.people["ben"], str(action.public_id))
    assert task.act_by.astimezone(cast.clinic.zone_info).date() == date(2027, 4, 5)
    finish_task(actor=cast.actor("ben", at=NOW), task_id=task.public_id, resolution="Called them.", now=NOW)
    action.refresh_from_db()
    assert (action.outcome, action.finished_by) == ("Called them.", cast.people["ben"])
    with pytest.raises(NotNow):
        actions.finish_action(
            actor=cast.actor("carla", at=NOW), action_id=action.public_id, outcome="Again.", now=NOW
        )


def test_an_action_is_owned_only_by_somebody_who_can_see_the_patient(
    cast: Cast, deviation: DeviationRecord
) -> None:
    other = make_cast("birch")
    for owner, refusal in ((cast.id("gil"), BadInput), (other.id("eve"), NotFound)):
        if owner == other.id("eve"):
            cast.people["eve"].memberships.filter(clinic=cast.clinic).delete()
        with pytest.raises(refusal):
            actions.agree_action(
                actor=cast.actor("carla", at=NOW),
                deviation_id=deviation.public_id,
                kind=ActionKind.CORRECTIVE,
                what="Call the patient.",
                owner=owner,
                due_on=date(2027, 4, 5),
                now=NOW,
            )


def test_whether_it_worked_is_asked_by_a_task_and_judged_by_nobody_who_did_it(
    cast: Cast, deviation: DeviationRecord
) -> None:
    important(cast, deviation, now=NOW)
    carla, ivo = cast.actor("carla", at=NOW), cast.actor("ivo", at=NOW)
    action = actions.agree_action(
        actor=carla,
        deviation_id=deviation.public_id,
        kind=ActionKind.PREVENTIVE,
        what="Teach the new booking page.",
        owner=cast.id("carla"),
        due_on=date(2027, 4, 5),
        now=NOW,
    )
    actions.plan_check(
        actor=carla,
        deviation_id=deviation.public_id,
        check_on=date(2027, 5, 1),
        comment="No visit booked outside its window in April.",
        now=NOW,
    )
    task = StaffTask.objects.get(kind="effectiveness_check")
    with pytest.raises(NotNow):
        finish_task(actor=carla, task_id=task.public_id, resolution="It did.", now=NOW)

    def judge(actor: object, *, effective: bool = True) -> None:
        actions.judge_effect(
            actor=actor,  # type: ignore[arg-type]
            deviation_id=deviation.public_id,
            effective=effective,
            comment="None was.",
            now=NOW,
        )

    with pytest.raises(NotNow):
        judge(ivo)
    actions.finish_action(actor=carla, action_id=action.public_id, outcome="Taught.", now=NOW)
    with pytest.raises(Forbidden):
        judge(carla)
    judge(ivo)
    task.refresh_from_db()
    assert task.done_at == NOW


@pytest.mark.parametrize("repeated", [False, True])
def test_an_important_or_repeated_one_is_not_closed_without_cause_actions_done_and_effect_judged(
    cast: Cast, deviation: DeviationRecord, repeated: bool
) -> None:
    def missing() -> list[str]:
        with pytest.raises(Incomplete) as refused:
            close(cast, deviation, now=NOW)
        found: list[str] = refused.value.data["missing"]
        return found

    DeviationRecord.objects.filter(pk=deviation.pk).update(repeated=repeated, important=not repeated)
    assert missing() == ["acknowledged", "classified", "root_cause", "actions", "effectiveness"]
    carla = cast.actor("carla", at=NOW)
    review.acknowledge_deviation(actor=carla, deviation_id=deviation.public_id, comment="Seen.", now=NOW)
    review.classify_deviation(
        actor=carla,
        deviation_id=deviation.public_id,
        important=not repeated,
        foreseen=Foreseen.DISCOVERED,
        hazard=False,
        comment="As it is.",
        now=NOW,
    )
    assert missing() == ["root_cause", "actions", "effectiveness"]
    with pytest.raises(Incomplete):
        review.review_deviation(
            actor=carla, deviation_id=deviation.public_id, comment="Enough.", closes=True, now=NOW
        )
    corrected(cast, deviation, now=NOW)
    close(cast, deviation, now=NOW)
    deviation.refresh_from_db()
    assert deviation.reviewed_at == NOW


def test_a_part_that_is_not_needed_is_left_out_with_a_reason(cast: Cast, deviation: DeviationRecord) -> None:
    important(cast, deviation, now=NOW)
    with pytest.raises(Incomplete):
        close(cast, deviation, now=NOW)
    carla = cast.actor("carla", at=NOW)
    for comment, parts in ((" ", set(Part)), ("No.", set[Part]())):
        with pytest.raises(Incomplete):
            review.waive_parts(
                actor=carla, deviation_id=deviation.public_id, parts=parts, comment=comment, now=NOW
            )
    review.waive_parts(
        actor=carla,
        deviation_id=deviation.public_id,
        parts=set(Part),
        comment="Covered by the actions of the same deviation of P-002.",
        now=NOW,
    )
    close(cast, deviation, now=NOW)


def test_actions_that_did_not_work_keep_it_open(cast: Cast, deviation: DeviationRecord) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)
    carla = cast.actor("carla", at=NOW)
    actions.judge_effect(
        actor=carla,
        deviation_id=deviation.public_id,
        effective=False,
        comment="It happened again.",
        now=NOW + timedelta(hours=1),
    )
    with pytest.raises(Incomplete):
        close(cast, deviation, now=NOW + timedelta(hours=2))


def test_an_action_done_after_the_judgement_is_judged_anew(cast: Cast, deviation: DeviationRecord) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)

    def judge(hours: int) -> None:
        at = NOW + timedelta(hours=hours)
        actions.judge_effect(
            actor=cast.actor("carla", at=at),
            deviation_id=deviation.public_id,
            effective=True,
            comment="None since.",
            now=at,
        )

    judge(1)
    later = NOW + timedelta(hours=2)
    action = actions.agree_action(
        actor=cast.actor("carla", at=later),
        deviation_id=deviation.public_id,
        kind=ActionKind.PREVENTIVE,
        what="One more thing.",
        owner=cast.id("ada"),
        due_on=date(2027, 4, 5),
        now=later,
    )
    actions.finish_action(
        actor=cast.actor("ada", at=later), action_id=action.public_id, outcome="Done.", now=later
    )
    with pytest.raises(Incomplete) as refused:
        close(cast, deviation, now=NOW + timedelta(hours=3))
    assert refused.value.data["missing"] == ["effectiveness"]
    judge(4)
    close(cast, deviation, now=NOW + timedelta(hours=5))


# --- closed with a signature ---


def test_a_closing_signature_stands_over_the_digest_of_all_that_is_on_record(
    cast: Cast, deviation: DeviationRecord
) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)
    made = close(cast, deviation, now=NOW)
    assert (made.printed_name, made.role, made.meaning) == ("Carla Cedar", "supervisor", "closure")
    for said in ("Nobody was told.", "It stands there.", "None was missed since.", "All is done."):
        assert said in made.content
    assert closing.digest_of(made.content) == made.digest
    with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
        ClosureSignature.objects.filter(pk=made.pk).update(printed_name="Somebody Else")
    with pytest.raises(DatabaseError, match="ended once"), transaction.atomic():
        DeviationAction.objects.update(what="Something else.")


def test_a_text_that_was_changed_behind_the_guards_is_found(cast: Cast, deviation: DeviationRecord) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)
    close(cast, deviation, now=NOW)
    assert list(closing.unproved_closures(clinic_id=cast.clinic.pk)) == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger fires
        cursor.execute(
            "UPDATE therapy_sessions_deviationreview SET comment = 'Another.' WHERE act = 'find_root_cause'"
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    (found,) = closing.unproved_closures()
    assert found.why == "steps"


def test_a_closed_review_takes_comments_and_is_reopened_with_a_reason_and_nothing_else(
    cast: Cast, deviation: DeviationRecord
) -> None:
    important(cast, deviation, now=NOW)
    corrected(cast, deviation, now=NOW)
    first = uuid4()
    made = close(cast, deviation, now=NOW, public_id=first)
    assert close(cast, deviation, now=NOW, public_id=first) == made, "sent twice is signed once"
    ivo = cast.actor("ivo", at=NOW)
    with pytest.raises(NotNow):
        close(cast, deviation, now=NOW, by="ivo", public_id=uuid4())
    with pytest.raises(NotNow):
        review.find_root_cause(actor=ivo, deviation_id=deviation.public_id, comment="Another one.", now=NOW)
    review.review_deviation(actor=ivo, deviation_id=deviation.public_id, comment="I agree.", now=NOW)
    review.reopen_deviation(
        actor=ivo, deviation_id=deviation.public_id, comment="A second patient was hit.", now=NOW
    )
    deviation.refresh_from_db()
    assert deviation.reviewed_at is None and deviation.reopened_at == NOW


def test_only_supervisors_review_and_never_their_own(cast: Cast, deviation: DeviationRecord) -> None:
    for who, refusal in (("ada", Forbidden), ("dov", Forbidden), ("eve", Forbidden), ("gil", NotFound)):
        with pytest.raises(refusal):
            important(cast, deviation, now=NOW, by=who)
    assert not DeviationReview.objects.exists()
