"""Reports of deviations: due by the clinic's own clocks, counted from when it knew, each a task."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from sessions.models import DeviationRecord, DeviationReport, ReportingClock, StaffTask
from sessions.operations import review
from sessions.operations.deviations import enter_deviation
from sessions.operations.finishing import finish_task
from sessions.operations.records import record_fact
from sessions.operations.reporting import end_clock, record_report, set_clock
from sessions.rules.facts import NotDone
from sessions.rules.reporting import AppliesTo, Recipient, Unit
from sessions.rules.review import Foreseen
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.departed import close, departed, hold, important, make_reviewers, of

pytestmark = pytest.mark.django_db

NOW = START + days(29)


@pytest.fixture
def cast() -> Cast:
    return make_reviewers()


def a_clock(
    cast: Cast,
    recipient: Recipient = Recipient.IRB,
    applies_to: AppliesTo = AppliesTo.IMPORTANT,
    *,
    count: int = 24,
    unit: Unit = Unit.HOURS,
    by: str = "finn",
    source: str = "The board’s letter of 3 May",
    reason: str = "agreed",
) -> ReportingClock:
    return set_clock(
        actor=cast.actor(by),
        recipient=recipient,
        applies_to=applies_to,
        count=count,
        unit=unit,
        from_next_day=True,
        source=source,
        reason=reason,
        now=START,
    )


def test_an_important_deviation_starts_the_clocks_from_awareness_each_a_task(cast: Cast) -> None:
    for recipient in Recipient:
        a_clock(cast, recipient)
    deviation = of(departed(cast), "preparation.2")
    assert not DeviationReport.objects.exists(), "it is not important by the protocol"
    aware = deviation.raised_at - timedelta(hours=5)
    important(cast, deviation, now=NOW, aware_at=aware)
    reports = list(DeviationReport.objects.order_by("pk"))
    assert [one.clock.recipient for one in reports] == ["irb", "sponsor", "regulator"]
    assert {one.due_at for one in reports} == {aware + timedelta(hours=24)}
    tasks = StaffTask.objects.filter(kind="deviation_report", done_at=None)
    assert {one.act_by for one in tasks} == {aware + timedelta(hours=24)} and tasks.count() == 3
    with pytest.raises(NotNow):
        finish_task(
            actor=cast.actor("carla", at=NOW), task_id=tasks[0].public_id, resolution="Sent.", now=NOW
        )


def test_one_that_the_engine_finds_important_starts_them_in_the_same_transaction(cast: Cast) -> None:
    a_clock(cast)
    course = enrol(cast)  # nothing on its chart: held without consent
    hold(cast, course, "preparation.1", at=START + days(7))
    found = DeviationRecord.objects.filter(course=course, important=True)
    assert found.count() > 0
    assert DeviationReport.objects.count() == found.count()


def test_what_was_known_before_it_was_recorded_starts_them_from_then(cast: Cast) -> None:
    a_clock(cast, applies_to=AppliesTo.EVERY)
    course = enrol(cast)
    now, knew = START + days(7), START + days(6)
    record_fact(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        key="preparation.1",
        value=NotDone(reason="He travels.", cause="patient_declined"),
        occurred_at=knew - timedelta(hours=1),
        aware_at=knew,
        now=now,
    )
    deviation = DeviationRecord.objects.get(course=course, key="preparation.1")
    assert (deviation.aware_at, deviation.raised_at) == (knew, now)
    (report,) = DeviationReport.objects.filter(deviation=deviation)
    assert report.due_at == knew + timedelta(hours=24)


def test_a_removed_hazard_is_to_be_told_promptly_though_it_is_not_important(cast: Cast) -> None:
    a_clock(cast, Recipient.SPONSOR, AppliesTo.HAZARD)
    course = departed(cast)
    for hazard in (False, True):
        enter_deviation(
            actor=cast.actor("ada", at=NOW),
            course_id=course.public_id,
            title="We opened the window against the smoke",
            description="",
            occurred_at=NOW,
            hazard=hazard,
            now=NOW,
        )
    (report,) = DeviationReport.objects.all()
    assert report.deviation.hazard and report.due_at == NOW + timedelta(hours=24)


def test_a_report_made_has_its_time_and_reference_and_closes_its_task(cast: Cast) -> None:
    a_clock(cast)
    deviation = of(departed(cast), "preparation.2")
    important(cast, deviation, now=NOW)
    report = DeviationReport.objects.get()
    carla = cast.actor("carla", at=NOW + days(2))

    def say(*, reference: str = "IRB-2027-14", at: timedelta = timedelta(days=1)) -> DeviationReport:
        return record_report(
            actor=carla,
            report_id=report.public_id,
            reported_at=NOW + at,
            reference=reference,
            now=NOW + days(2),
        )

    with pytest.raises(Incomplete):
        say(reference=" ")
    with pytest.raises(BadInput):
        say(at=days(3))
    with pytest.raises(BadInput):
        say(at=-days(100))
    assert say() == say(), "sent twice is told once"
    with pytest.raises(NotNow):
        say(reference="IRB-2027-15")
    with pytest.raises(Forbidden):
        record_report(
            actor=cast.actor("ada", at=NOW),
            report_id=report.public_id,
            reported_at=NOW,
            reference="X",
            now=NOW,
        )
    report.refresh_from_db()
    assert (report.reference, report.reported_by) == ("IRB-2027-14", cast.people["carla"])
    assert not StaffTask.objects.filter(kind="deviation_report", done_at=None).exists()
    with pytest.raises(DatabaseError, match="ended once"), transaction.atomic():
        DeviationReport.objects.update(reference="Another")


def test_what_turns_out_not_to_be_asked_for_is_withdrawn_and_comes_back(cast: Cast) -> None:
    a_clock(cast)
    deviation = of(departed(cast), "preparation.2")
    important(cast, deviation, now=NOW)

    def classify(*, as_important: bool) -> None:
        review.classify_deviation(
            actor=cast.actor("carla", at=NOW),
            deviation_id=deviation.public_id,
            important=as_important,
            foreseen=Foreseen.DISCOVERED,
            hazard=False,
            comment="Looked at again.",
            now=NOW,
        )

    def open_tasks() -> int:
        return StaffTask.objects.filter(kind="deviation_report", done_at=None).count()

    assert open_tasks() == 1
    classify(as_important=False)
    assert DeviationReport.objects.get().withdrawn_at == NOW and open_tasks() == 0
    classify(as_important=True)
    assert DeviationReport.objects.get().withdrawn_at is None and open_tasks() == 1


def test_a_report_that_is_due_keeps_the_review_open(cast: Cast) -> None:
    a_clock(cast)
    deviation = of(departed(cast), "preparation.2")
    important(cast, deviation, now=NOW)
    with pytest.raises(Incomplete) as refused:
        close(cast, deviation, now=NOW)
    assert "reports" in refused.value.data["missing"]


def test_a_clock_has_a_source_is_set_by_who_sets_reviews_and_never_changed(cast: Cast) -> None:
    for source, refusal, by in ((" ", Incomplete, "carla"), ("A letter", Forbidden, "dov")):
        with pytest.raises(refusal):
            a_clock(cast, source=source, by=by)
    with pytest.raises(BadInput):
        a_clock(cast, count=0)
    clock = a_clock(cast)
    with pytest.raises(DatabaseError, match="ended once"), transaction.atomic():
        ReportingClock.objects.update(count=999)
    other = make_cast("birch")
    with pytest.raises(NotFound):
        end_clock(actor=other.actor("finn"), clock_id=clock.public_id, reason="Over.", now=NOW)
    end_clock(actor=cast.actor("finn"), clock_id=clock.public_id, reason="The study is over.", now=NOW)
    important(cast, of(departed(cast), "preparation.2"), now=NOW)
    assert not DeviationReport.objects.exists(), "an ended clock asks for nothing new"
