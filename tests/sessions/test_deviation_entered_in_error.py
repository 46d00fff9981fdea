"""A deviation that somebody entered in the wrong chart: they say so, a second person confirms it, and it
leaves every list, count and file with all that hung on it. The audit and the certified copy keep it, signed
closure and all."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from clinic import proofs
from clinic.errors import Forbidden, Incomplete, NotFound, NotNow, Refusal
from clinic.ids import uuid7
from clinic.models import Event
from clinic.rules.reports import Table
from sessions.models import (
    ClosureSignature,
    Course,
    DeviationAction,
    DeviationRecord,
    DeviationReport,
    DeviationTrend,
    EnteredInError,
    ErrorMark,
    StaffTask,
)
from sessions.models.closing import ActionKind
from sessions.operations import actions, closing, review
from sessions.operations.deviations import enter_deviation
from sessions.operations.errors import confirm_error, decline_error, mark_deviation
from sessions.operations.fidelity import adopt_form
from sessions.operations.records import record_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.reporting import record_report
from sessions.operations.reporting import set_clock as set_reporting_clock
from sessions.operations.trends import review_trend
from sessions.operations.verifying import verify_requirements
from sessions.queries.canonical import digest_of, spelled
from sessions.queries.chart import chart
from sessions.queries.courses import patients
from sessions.queries.errors import audit, error_mark, marks_to_settle
from sessions.queries.fidelity_candidates import candidates_for
from sessions.queries.oversight import oversight
from sessions.queries.reports.month import clinic_report
from sessions.queries.tasks import task, tasks
from sessions.queries.today import today
from sessions.queries.trends import trend, trends
from sessions.rules.facts import ConsentChanged, ConsentState
from sessions.rules.fidelity import Risk, read_form
from sessions.rules.reporting import AppliesTo, Recipient, Unit
from sessions.rules.review import Foreseen
from tests.sessions.api.caller import calls, new_id, problem
from tests.sessions.rules.test_fidelity import FORM
from tests.support.cast import START, Cast, days, enrol, fill_chart
from tests.support.clinic_day import set_clock
from tests.support.departed import close, corrected, make_reviewers
from tests.support.dosed import hold_preparation
from tests.support.paper import files, sheets, text_of

pytestmark = pytest.mark.django_db

AT = START + days(7)
HOUR = timedelta(hours=1)
LATER = AT + 3 * HOUR
TITLE = "Held without the room’s lamp"
WRONG = "meant for another patient"
TODO = "Put the lamp on the list of the morning round."


@pytest.fixture
def cast() -> Cast:
    return make_reviewers()


@pytest.fixture
def course(cast: Cast) -> Course:
    """A course held to plan, recorded with consent: no other deviation is in it."""
    found = enrol(cast)
    fill_chart(cast, found, now=START)
    record_fact(
        actor=cast.actor("ada"),
        course_id=found.public_id,
        value=ConsentChanged(scope="recording", state=ConsentState.GIVEN, document_version="1"),
        occurred_at=START,
        now=START,
    )
    hold_preparation(cast, found, now=AT)
    assert not DeviationRecord.objects.exists()
    set_clock(LATER)
    return found


def entered(
    cast: Cast, course: Course, *, at: datetime = AT, by: str = "ada", **more: Any
) -> DeviationRecord:
    said: dict[str, Any] = {"title": TITLE, "occurred_at": at - HOUR, "rule": "preparation", "now": at}
    return enter_deviation(actor=cast.actor(by, at=at), course_id=course.public_id, **(said | more))


def asked(cast: Cast, row: DeviationRecord, by: str = "ada") -> ErrorMark:
    return mark_deviation(
        actor=cast.actor(by, at=AT + HOUR), deviation_id=row.public_id, reason=WRONG, now=AT + HOUR
    )


def confirm(cast: Cast, mark: ErrorMark, by: str = "ivo", at: datetime = AT + 2 * HOUR) -> ErrorMark:
    return confirm_error(actor=cast.actor(by, at=at), mark_id=mark.public_id, now=at)


def leaves(cast: Cast, row: DeviationRecord) -> None:
    confirm(cast, asked(cast, row))


def with_work(cast: Cast, row: DeviationRecord) -> DeviationAction:
    """An action agreed and not done, one done, a check planned."""
    carla = cast.actor("carla", at=AT)
    corrected(cast, row, now=AT)
    action = actions.agree_action(
        actor=carla,
        deviation_id=row.public_id,
        kind=ActionKind.CORRECTIVE,
        what=TODO,
        owner=cast.id("ben"),
        due_on=(AT + days(3)).date(),
        now=AT,
    )
    actions.plan_check(
        actor=carla, deviation_id=row.public_id, check_on=(AT + days(30)).date(), comment="Ask them.", now=AT
    )
    return action


def a_clock(cast: Cast, recipient: Recipient = Recipient.IRB) -> None:
    set_reporting_clock(
        actor=cast.actor("finn"),
        recipient=recipient,
        applies_to=AppliesTo.EVERY,
        count=48,
        unit=Unit.HOURS,
        from_next_day=False,
        source="The board’s letter of 3 May",
        reason="agreed",
        now=START,
    )


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def url(cast: Cast, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(cast.clinic.slug, *args))


def get(cast: Cast, name: str, *args: object, by: str = "carla", query: str = "") -> Any:
    return signed_in(cast, by).get(url(cast, name, *args) + query)


# --- two steps ---


def test_it_stands_until_a_second_person_confirms_it_then_it_leaves(cast: Cast, course: Course) -> None:
    row = entered(cast, course)
    mark = asked(cast, row)
    assert DeviationRecord.objects.filter(pk=row.pk).exists()
    confirmed = confirm(cast, mark)
    assert (confirmed.asked_by, confirmed.settled_by) == (cast.people["ada"], cast.people["ivo"])
    assert not DeviationRecord.objects.filter(pk=row.pk).exists()
    assert not course.deviations.exists()
    assert DeviationRecord.every.filter(pk=row.pk).exists()
    verbs = list(Event.objects.filter(subject_type="errormark").values_list("verb", flat=True))
    assert verbs == ["error_marked", "record_entered_in_error"]
    assert (confirm(cast, mark).pk, EnteredInError.objects.count()) == (mark.pk, 1)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        pytest.param("ben", Forbidden, id="her colleague"),
        pytest.param("carla", Forbidden, id="the supervisor"),
        pytest.param("eve", Forbidden, id="the coordinator"),
        pytest.param("gil", NotFound, id="a therapist of other patients"),
        pytest.param("finn", NotFound, id="the administrator"),
    ],
)
def test_only_who_entered_it_says_so(cast: Cast, course: Course, name: str, refused: type[Refusal]) -> None:
    with pytest.raises(refused):
        asked(cast, entered(cast, course), by=name)


def test_it_is_said_with_a_reason_and_once(cast: Cast, course: Course) -> None:
    row, ada, same = entered(cast, course), cast.actor("ada", at=AT), uuid7()
    with pytest.raises(Incomplete):
        mark_deviation(actor=ada, deviation_id=row.public_id, reason=" ", now=AT)
    one, two = (
        mark_deviation(actor=ada, deviation_id=row.public_id, reason=WRONG, now=AT, public_id=same)
        for _ in range(2)
    )
    assert one.pk == two.pk
    with pytest.raises(NotNow, match="marked already"):
        asked(cast, row)


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        pytest.param("ada", Forbidden, id="who entered it"),
        pytest.param("eve", Forbidden, id="who may not read the chart"),
        pytest.param("gil", NotFound, id="who does not know the patient"),
    ],
)
def test_who_entered_it_does_not_confirm_it_nor_who_may_not_read_the_chart(
    cast: Cast, course: Course, name: str, refused: type[Refusal]
) -> None:
    mark = asked(cast, entered(cast, course))
    with pytest.raises(refused):
        confirm(cast, mark, by=name)
    assert not EnteredInError.objects.exists()


def test_when_who_entered_it_works_here_no_more_a_supervisor_says_so_and_another_confirms(
    cast: Cast, course: Course
) -> None:
    row = entered(cast, course)
    link = url(cast, "deviation_error", row.public_id)
    assert link not in get(cast, "deviation", row.public_id).text
    cast.people["ada"].memberships.filter(clinic=cast.clinic).update(until_on=AT.date() - days(1))
    assert link in get(cast, "deviation", row.public_id).text
    mark = asked(cast, row, by="carla")
    with pytest.raises(Forbidden):
        confirm(cast, mark, by="carla")
    confirm(cast, mark)


def test_a_second_person_may_find_that_it_is_right_and_it_stays(cast: Cast, course: Course) -> None:
    row = entered(cast, course)
    mark, ivo = asked(cast, row), cast.actor("ivo", at=AT + HOUR)
    decline_error(actor=ivo, mark_id=mark.public_id, answer="It is the right patient.", now=AT + HOUR)
    assert DeviationRecord.objects.filter(pk=row.pk).exists()
    asked(cast, row)


def test_what_the_engine_raised_is_refused_by_every_door_and_by_the_database(
    cast: Cast, course: Course
) -> None:
    refresh_due_courses(now=START + days(60))
    raised = DeviationRecord.objects.filter(course=course, entered_by=None).earliest("pk")
    for name in ("ada", "carla"):
        with pytest.raises(NotNow, match="Nobody entered this deviation") as refusal:
            asked(cast, raised, by=name)
        assert "correct what is wrong" in refusal.value.advice
    for name, refused in (("eve", Forbidden), ("gil", NotFound)):
        with pytest.raises(refused):
            asked(cast, raised, by=name)
    link = url(cast, "deviation_error", raised.public_id)
    assert link not in get(cast, "deviation", raised.public_id, by="ada").text
    assert signed_in(cast, "ada").get(link).status_code == 404
    body = {"id": new_id(), "reason": WRONG}
    answer = calls(cast, "ada").post("mark_deviation", body, deviation=raised.public_id)
    problem(answer, 409, "not-markable")
    mark = ErrorMark.objects.create(
        clinic=cast.clinic,
        course=course,
        deviation=raised,
        reason=WRONG,
        asked_by=cast.people["ada"],
        asked_at=AT,
        settled_by=cast.people["ivo"],
        settled_at=AT,
        confirmed=True,
    )
    with pytest.raises(DatabaseError, match="only with a confirmed mark"), transaction.atomic():
        EnteredInError.objects.create(clinic=cast.clinic, mark=mark, deviation=raised)
    assert DeviationRecord.objects.filter(pk=raised.pk).exists()


def test_no_sql_takes_it_out_with_another_mark_nor_brings_it_back(cast: Cast, course: Course) -> None:
    one, other = entered(cast, course), entered(cast, course, title="Another")
    mark = confirm(cast, asked(cast, one))
    with pytest.raises(DatabaseError, match="only with a confirmed mark"), transaction.atomic():
        EnteredInError.objects.create(clinic=cast.clinic, mark=mark, deviation=other)
    with pytest.raises(DatabaseError), transaction.atomic():
        EnteredInError.objects.filter(deviation=one).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        DeviationRecord.every.filter(pk=one.pk).update(title="Something else")


# --- it leaves ---


@dataclass(frozen=True, kw_only=True)
class World:
    cast: Cast
    course: Course
    row: DeviationRecord

    def page(self, name: str, *args: object, query: str = "") -> bool:
        answer = get(self.cast, name, *args, query=query)
        return answer.status_code == 200 and TITLE in answer.text

    def api(self, name: str, query: dict[str, Any] | None = None, **ids: object) -> bool:
        answer = calls(self.cast, "carla").get(name, query, **ids)
        return answer.status_code == 200 and TITLE in answer.text

    def admin(self, table: str) -> int:
        name = f"admin:therapy_sessions_{table}_changelist"
        return int(signed_in(self.cast, "carla").get(reverse(name)).context["cl"].result_count)

    def month(self, table: str) -> list[Any]:
        found = clinic_report(self.cast.actor("carla", at=LATER), START.date().replace(day=1), now=LATER)
        (one,) = (part for part in found.parts if isinstance(part, Table) and part.name == table)
        return [[cell for cell in row if isinstance(cell, int) and cell] for row in one.rows]

    def risks(self) -> bool:
        found = candidates_for(
            clinic_id=self.cast.clinic.pk,
            form=read_form(FORM),
            from_at=START,
            until_at=LATER,
        )
        (candidate,) = found.candidates
        return Risk.IMPORTANT_DEVIATION in candidate.risks or Risk.DEVIATION in candidate.risks

    def log(self, form: str) -> str:
        answer = get(self.cast, "deviation_log", form)
        if form == "csv":
            return b"".join(answer.streaming_content).decode()
        return text_of(answer.content) if form == "pdf" else str(sheets(answer.content))


PLACES: dict[str, Callable[[World], Any]] = {
    "the list to review": lambda w: w.page("deviations"),
    "the log": lambda w: w.page("deviations", query="?show=all"),
    "its own page": lambda w: w.page("deviation", w.row.public_id),
    "the log as CSV": lambda w: TITLE in w.log("csv"),
    "the log as a spreadsheet": lambda w: TITLE in w.log("xlsx"),
    "the log as PDF": lambda w: TITLE in w.log("pdf"),
    "the course record": lambda w: (
        TITLE in str(files(get(w.cast, "course_record", w.course.public_id, "csv").content)["deviations"])
    ),
    "the course record as PDF": lambda w: (
        TITLE in text_of(get(w.cast, "course_record", w.course.public_id, "pdf").content)
    ),
    "Today": lambda w: today(w.cast.actor("carla", at=LATER), now=LATER).deviations_waiting,
    "oversight": lambda w: w.page("oversight"),
    "oversight’s count": lambda w: oversight(w.cast.actor("carla", at=LATER), now=LATER).deviation_count,
    "oversight’s count of important ones": lambda w: (
        oversight(w.cast.actor("carla", at=LATER), now=LATER).important_count
    ),
    "the patients’ list": lambda w: patients(w.cast.actor("carla", at=LATER))[0][0].deviations,
    "the chart": lambda w: chart(w.cast.actor("ada", at=LATER), w.course.public_id, now=LATER).deviations,
    "the course’s page": lambda w: get(w.cast, "chart", w.course.public_id, by="ada").context[
        "deviations_open"
    ],
    "the month: what happened": lambda w: w.month("deviations"),
    "the month: what waits": lambda w: w.month("deviations_waiting"),
    "the API’s list": lambda w: w.api("deviations", {"waiting": "false"}),
    "the API’s detail": lambda w: w.api("deviation", deviation=w.row.public_id),
    "the API’s log": lambda w: (
        TITLE in calls(w.cast, "carla").post("take_deviation_log", {"form": "csv"}).content.decode()
    ),
    "the admin": lambda w: w.admin("deviationrecord"),
    "the admin: its review": lambda w: w.admin("deviationreview"),
    "the admin: its actions": lambda w: w.admin("deviationaction"),
    "the admin: its reports": lambda w: w.admin("deviationreport"),
    "fidelity’s sampling by risk": World.risks,
    "open tasks": lambda w: tasks(w.cast.actor("carla", at=LATER), now=LATER),
}


def test_it_leaves_every_list_count_and_file_and_what_hung_on_it_with_it(cast: Cast, course: Course) -> None:
    a_clock(cast)
    adopt_form(actor=cast.actor("carla", at=AT), text=FORM, reason="agreed", now=AT)
    row = entered(cast, course, important=True)
    with_work(cast, row)
    world = World(cast=cast, course=course, row=row)
    missing = {place for place, seen in PLACES.items() if not seen(world)}
    assert missing == set(), "or its not being there afterwards would prove nothing"
    leaves(cast, row)
    still = {place for place, seen in PLACES.items() if any(_flat(seen(world)))}
    assert still == set()


def _flat(found: Any) -> list[Any]:
    """Numbers of a table's rows, each by itself; anything else as it is."""
    rows = found if isinstance(found, list) else [found]
    return [cell for row in rows for cell in (row if isinstance(row, list) else [row])]


def test_a_signed_closure_leaves_the_admin_and_the_months_reviews_with_it(cast: Cast, course: Course) -> None:
    row = closed(cast, course)
    world = World(cast=cast, course=course, row=row)
    assert world.admin("closuresignature") == 1 and world.month("reviews") == [[], [1], [1]]
    leaves(cast, row)
    assert world.admin("closuresignature") == 0 and world.month("reviews") == [[], [], []]


def test_it_never_counted_in_adherence_and_the_engine_goes_on_as_before(cast: Cast, course: Course) -> None:
    def counted() -> tuple[Any, ...]:
        found = Course.objects.get(pk=course.pk)
        return found.met_weight, found.due_weight, found.overdue_count

    row, before = entered(cast, course), counted()
    leaves(cast, row)
    assert counted() == before
    assert verify_requirements(now=LATER).differences == ()
    refresh_due_courses(now=START + days(60))
    assert verify_requirements(now=START + days(60)).differences == ()


def test_nothing_more_is_done_to_it_by_any_operation(cast: Cast, course: Course) -> None:
    a_clock(cast)
    row = entered(cast, course)
    action = with_work(cast, row)
    report = DeviationReport.objects.get()
    leaves(cast, row)
    carla = cast.actor("carla", at=LATER)
    about: dict[str, Any] = {"actor": carla, "deviation_id": row.public_id, "now": LATER}
    tries: dict[str, Callable[[], object]] = {
        "review": lambda: review.review_deviation(**about, comment="Fine."),
        "set cause": lambda: review.set_cause(**about, cause="clinic", comment="Fine."),
        "acknowledge several": lambda: review.acknowledge_deviations(
            actor=carla, deviation_ids=[row.public_id], reason="Fine.", now=LATER
        ),
        "close": lambda: closing.close_deviation(**about, comment="Fine."),
        "finish its action": lambda: actions.finish_action(
            actor=cast.actor("ben", at=LATER), action_id=action.public_id, outcome="Done.", now=LATER
        ),
        "report it": lambda: record_report(
            actor=carla, report_id=report.public_id, reported_at=LATER, reference="1", now=LATER
        ),
        "mark it again": lambda: asked(cast, row),
    }
    for name, act in tries.items():
        with pytest.raises(NotFound):
            act()
            pytest.fail(name)


def test_an_id_that_was_used_for_it_makes_no_second_one(cast: Cast, course: Course) -> None:
    same = uuid7()
    row = entered(cast, course, public_id=same)
    leaves(cast, row)
    assert entered(cast, course, public_id=same).pk == row.pk
    assert DeviationRecord.every.count() == 1
    with pytest.raises(Incomplete, match="already used"):
        entered(cast, course, public_id=same, title="Another")


# --- what hangs on it ---


def test_its_open_action_is_dropped_with_the_reason_its_check_is_off_and_what_was_done_stays_done(
    cast: Cast, course: Course
) -> None:
    row = entered(cast, course)
    action = with_work(cast, row)
    leaves(cast, row)
    action.refresh_from_db()
    assert (action.dropped, action.outcome, action.finished_by) == (True, WRONG, cast.people["ivo"])
    done = DeviationAction.objects.exclude(pk=action.pk).get()
    assert (done.dropped, done.outcome) == (False, "It stands there.")
    assert not StaffTask.objects.filter(course=course, done_at=None).exists()
    closed_ones = StaffTask.objects.filter(
        course=course, kind__in=("deviation_action", "effectiveness_check"), resolution="entered_in_error"
    )
    assert sorted(closed_ones.values_list("kind", flat=True)) == ["deviation_action", "effectiveness_check"]
    assert Event.objects.filter(verb="action_dropped").count() == 1
    ben = cast.actor("ben", at=LATER)
    for one in closed_ones:
        found = task(ben, one.public_id, now=LATER)
        assert (found.deviation_id, found.to_do) == (None, ""), "nothing of it is on the task any more"
    page = get(cast, "task", closed_ones[0].public_id, by="ben")
    assert page.status_code == 200 and TITLE not in page.text and TODO not in page.text
    assert len(tasks(ben, now=LATER, done=True)) == StaffTask.objects.filter(course=course).count()


def test_its_reports_are_asked_for_no_more_and_one_that_was_made_stays_on_record(
    cast: Cast, course: Course
) -> None:
    for recipient in (Recipient.IRB, Recipient.SPONSOR):
        a_clock(cast, recipient)
    row = entered(cast, course)
    made = DeviationReport.objects.get(clock__recipient="sponsor")
    record_report(
        actor=cast.actor("carla", at=AT), report_id=made.public_id, reported_at=AT, reference="S-1", now=AT
    )
    leaves(cast, row)
    due = DeviationReport.objects.get(clock__recipient="irb")
    made.refresh_from_db()
    assert (due.withdrawn_at, due.reported_at) == (AT + 2 * HOUR, None)
    assert (made.withdrawn_at, made.reference) == (None, "S-1")
    of = StaffTask.objects.get(subject__startswith=str(due.public_id))
    assert (of.resolution, of.done_by) == ("entered_in_error", cast.people["ivo"])
    assert Event.objects.filter(verb="deviation_report_withdrawn", subject_id=due.pk).count() == 1
    refresh_due_courses(now=AT + days(5))
    assert not StaffTask.objects.filter(kind="deviation_report", done_at=None).exists()


def test_work_that_is_left_of_one_is_found_by_the_database(cast: Cast, course: Course) -> None:
    a_clock(cast)
    row = entered(cast, course)
    action = with_work(cast, row)
    leaves(cast, row)
    assert "never_work_left_of_an_error" not in proofs.broken()
    with connection.cursor() as cursor:  # as somebody with the keys of the database could
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE therapy_sessions_deviationaction SET finished_at = NULL, dropped = false, outcome = '' "
            "WHERE id = %s",
            [action.pk],
        )
        cursor.execute("UPDATE therapy_sessions_deviationreport SET withdrawn_at = NULL")
        cursor.execute("SET session_replication_role = origin")
    assert proofs.broken()["never_work_left_of_an_error"] == 2


# --- trends ---


def thrice(cast: Cast) -> list[DeviationRecord]:
    """The same departure of three patients: a trend in the clinic, the protocol and with both therapists."""
    rows = [entered(cast, enrol(cast, f"P-0{number}")) for number in (11, 12, 13)]
    assert DeviationTrend.objects.filter(closed_at=None).count() == 4
    return rows


def test_a_trend_that_was_none_without_it_is_withdrawn_and_the_others_are_not_repeated(cast: Cast) -> None:
    first, second, third = thrice(cast)
    carla = cast.actor("carla", at=LATER)
    assert len(trends(carla)[0]) == 4
    leaves(cast, third)
    assert trends(carla)[0] == []
    assert not DeviationRecord.objects.filter(repeated=True).exists()
    assert Event.objects.filter(verb="trend_withdrawn").count() == 4
    for name, place in (("deviations", "Today"), ("oversight", "oversight")):
        assert get(cast, name).status_code == 200, place
    assert oversight(carla, now=LATER).trend_count == 0
    kept, _more = trends(carla, closed=True)
    assert {(row.count, row.withdrawn) for row in kept} == {(2, True)}
    found = trend(carla, kept[0].trend_id, now=LATER)
    assert {one.deviation_id for one in found.members} == {first.public_id, second.public_id}
    page = get(cast, "trend", kept[0].trend_id).text
    assert "Withdrawn" in page and "entered in error" in page and "P-013" not in page
    assert "withdrawn" in get(cast, "trends", query="?show=closed").text
    shown = calls(cast, "carla").get("trends", {"closed": "true"}).json()["items"]
    assert {(one["count"], one["withdrawn"]) for one in shown} == {(2, True)}
    assert "Part of a trend" not in get(cast, "deviation", first.public_id).text


def test_the_two_that_are_left_and_one_more_are_a_trend_again(cast: Cast) -> None:
    leaves(cast, thrice(cast)[2])
    entered(cast, enrol(cast, "P-014"), at=LATER)
    open_ones = DeviationTrend.objects.filter(closed_at=None)
    assert {(one.scope, one.deviations.count()) for one in open_ones} == {
        ("clinic", 3),
        ("protocol", 3),
        ("therapist", 3),
    }


def test_a_trend_that_is_one_without_it_goes_on_and_counts_one_less(cast: Cast) -> None:
    thrice(cast)
    leaves(cast, entered(cast, enrol(cast, "P-014")))
    shown, _more = trends(cast.actor("carla", at=LATER))
    assert {(row.count, row.withdrawn) for row in shown} == {(3, False)} and len(shown) == 4
    assert DeviationRecord.objects.filter(repeated=True).count() == 3


def test_as_many_over_more_days_than_the_policy_names_were_never_a_trend_without_it(cast: Cast) -> None:
    last = AT + days(131)
    for number, at in ((11, AT), (12, AT + days(60))):
        entered(cast, enrol(cast, f"P-0{number}"), at=at)
    wrong = entered(cast, enrol(cast, "P-013"), at=AT + days(61))
    entered(cast, enrol(cast, "P-014"), at=AT + days(130))
    entered_ones = DeviationTrend.objects.filter(kind="free_form")
    assert {one.members.count() for one in entered_ones} == {4}
    mark = mark_deviation(
        actor=cast.actor("ada", at=last), deviation_id=wrong.public_id, reason=WRONG, now=last
    )
    confirm(cast, mark, at=last)
    assert set(entered_ones.values_list("withdrawn", flat=True)) == {True}


def test_a_trend_that_a_review_closed_stays_closed_by_it(cast: Cast) -> None:
    rows = thrice(cast)
    for one in DeviationTrend.objects.all():
        review_trend(
            actor=cast.actor("ivo", at=AT), trend_id=one.public_id, comment="Told all.", closes=True, now=AT
        )
    leaves(cast, rows[2])
    shown, _more = trends(cast.actor("carla", at=LATER), closed=True)
    assert {(row.count, row.withdrawn) for row in shown} == {(2, False)}


# --- it remains ---


def closed(cast: Cast, course: Course) -> DeviationRecord:
    """Its review is closed with Carla's signature."""
    row = entered(cast, course, important=True, description="The bulb was gone.")
    carla = cast.actor("carla", at=AT)
    review.acknowledge_deviation(actor=carla, deviation_id=row.public_id, comment="I look into it.", now=AT)
    review.classify_deviation(
        actor=carla,
        deviation_id=row.public_id,
        important=True,
        foreseen=Foreseen.DISCOVERED,
        hazard=False,
        comment="It may have cost the patient safety.",
        now=AT,
    )
    corrected(cast, row, now=AT)
    close(cast, row, now=AT)
    return row


def test_the_audit_keeps_it_with_its_review_and_its_signed_closure(cast: Cast, course: Course) -> None:
    row = closed(cast, course)
    leaves(cast, row)
    signature = ClosureSignature.objects.get()
    _course, (kept,) = audit(cast.actor("carla", at=LATER), course.public_id, now=LATER)
    assert (kept.row.what, kept.row.asked_by, kept.settled_by, kept.row.reason) == (
        "deviation",
        "Ada Alder",
        "Ivo Ivy",
        WRONG,
    )
    assert kept.deviation is not None and kept.deviation.title == TITLE
    assert [one.act for one in kept.deviation.reviews.all()][-1] == "close"
    page = get(cast, "audit", course.public_id).text
    for words in (
        TITLE,
        "The bulb was gone.",
        "Nobody was told.",
        "It stands there.",
        signature.digest,
        WRONG,
    ):
        assert words in page, words
    assert "Signed by Carla Cedar" in page
    (told,) = calls(cast, "carla").get("audit", course=course.public_id).json()["items"]
    assert told["deviation"]["title"] == TITLE
    assert told["deviation"]["reviews"][-1]["signature"]["digest"] == signature.digest


def test_the_certified_copy_keeps_it_with_its_signature_as_data_and_on_paper(
    cast: Cast, course: Course
) -> None:
    row = closed(cast, course)
    stays = entered(cast, course, title="The music stopped")
    leaves(cast, row)
    signature = ClosureSignature.objects.get()
    copy = get(cast, "certified_copy", course.public_id).json()
    assert copy["digest"] == digest_of(spelled(copy["content"]))
    said = {one["id"]: one for one in copy["content"]["deviations"]}
    assert said[str(stays.public_id)]["entered_in_error"] is None
    gone = said[str(row.public_id)]
    assert gone["entered_in_error"]["confirmed_by"] == "Ivo Ivy"
    assert (gone["title"], gone["entered_by_name"]) == (TITLE, "Ada Alder")
    assert [one["outcome"] for one in gone["actions"]] == ["It stands there."]
    signed = gone["steps"][-1]["signature"]
    assert (signed["printed_name"], signed["digest"]) == ("Carla Cedar", signature.digest)
    assert closing.digest_of(signed["content"]) == signature.digest
    paper = get(cast, "certified_copy_file", course.public_id, "pdf").content
    text = text_of(paper)
    assert f"{WRONG}. Marked by Ada Alder, confirmed by Ivo Ivy." in text
    assert TITLE in text and signature.digest in text and "Carla Cedar, supervisor, closure" in text
    (inside,) = PdfReader(io.BytesIO(paper)).attachments["certified-copy.json"]
    assert json.loads(inside)["content"]["deviations"] == copy["content"]["deviations"]
    rows = files(get(cast, "certified_copy_file", course.public_id, "csv").content)
    assert {one["what"]: one["entered_in_error"] for one in rows["deviations"]} == {
        TITLE: "yes",
        "The music stopped": "no",
    }
    assert [one["sha256"] for one in rows["reviews_of_deviations"] if one["signed"] == "yes"] == [
        signature.digest
    ]
    assert [one["outcome"] for one in rows["actions_and_reports"]] == ["It stands there."]


def test_its_signed_closure_stays_signed_and_is_proved_like_any_other(
    cast: Cast, course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves(cast, closed(cast, course))
    assert list(closing.unproved_closures()) == []
    call_command("verify_signatures", "--all")
    assert ClosureSignature.objects.filter(clinic=cast.clinic).count() == 1
    assert "0 faults in the signatures that closed a deviation" in capsys.readouterr().out


# --- who is asked, and the pages and the API ---


def test_by_the_pages_it_is_marked_says_that_it_waits_and_is_gone_once_confirmed(
    cast: Cast, course: Course
) -> None:
    row = entered(cast, course)
    ada, ivo = signed_in(cast, "ada"), signed_in(cast, "ivo")
    own, link = url(cast, "deviation", row.public_id), url(cast, "deviation_error", row.public_id)
    assert link in ada.get(own).text
    assert link not in signed_in(cast, "ben").get(own).text, "Ben did not enter it"
    asking = ada.get(link)
    assert asking.status_code == 200 and TITLE in asking.text
    assert ada.post(link, {"reason": ""}).status_code == 400
    answer = ada.post(link, {"reason": WRONG})
    assert (answer.status_code, answer.headers["Location"]) == (302, own)
    mark = ErrorMark.objects.get()
    settling = url(cast, "error_mark", mark.public_id)
    waits = ada.get(own).text
    assert "A second person is asked" in waits and WRONG in waits and settling in waits and link not in waits
    assert ada.post(settling, {"verdict": "confirm"}).status_code == 403
    assert settling in ivo.get(url(cast, "today")).text and settling in ivo.get(url(cast, "error_marks")).text
    shown = ivo.get(settling).text
    assert "A deviation" in ivo.get(url(cast, "error_marks")).text
    assert TITLE in shown and WRONG in shown and "Ada Alder" in shown
    assert ivo.post(settling, {"verdict": "confirm"}).status_code == 302
    for gone in (own, link):
        assert ada.get(gone).status_code == 404
    assert TITLE in ivo.get(settling).text, "who was asked reads what they answered"


def test_by_the_api_it_is_marked_and_confirmed_and_is_then_not_found(cast: Cast, course: Course) -> None:
    row = entered(cast, course)
    ada, ivo = calls(cast, "ada"), calls(cast, "ivo")
    body = {"id": new_id(), "reason": WRONG}
    made = [ada.post("mark_deviation", body, deviation=row.public_id) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 200]
    assert made[0].json()["deviation"]["title"] == TITLE
    mark = ErrorMark.objects.get()
    problem(ada.post("confirm_error", {}, mark=mark.public_id), 403)
    (waiting,) = ivo.get("error_marks").json()["items"]
    assert (waiting["id"], waiting["what"]) == (str(mark.public_id), "deviation")
    answer = ivo.post("confirm_error", {}, mark=mark.public_id)
    assert (answer.status_code, answer.json()["confirmed"]) == (200, True)
    problem(ada.get("deviation", deviation=row.public_id), 404)
    problem(ada.post("mark_deviation", {**body, "id": new_id()}, deviation=row.public_id), 404)


def test_it_waits_for_whoever_may_confirm_it_and_not_for_who_entered_it(cast: Cast, course: Course) -> None:
    mark = asked(cast, entered(cast, course))

    def listed(name: str) -> list[object]:
        return [row.mark_id for row in marks_to_settle(cast.actor(name, at=AT), now=LATER)[0]]

    for name in ("ben", "carla", "dov", "ivo"):
        assert listed(name) == [mark.public_id], name
    for name in ("ada", "eve", "gil", "finn"):
        assert listed(name) == [], name
    assert error_mark(cast.actor("ben", at=AT), mark.public_id, now=LATER).may_settle
    assert not error_mark(cast.actor("ada", at=AT), mark.public_id, now=LATER).may_settle


def test_the_pages_take_the_same_number_of_queries_however_many_left(cast: Cast, course: Course) -> None:
    carla = signed_in(cast, "carla")

    def taken() -> list[int]:
        found = []
        for name in ("audit", "certified_copy"):
            with CaptureQueriesContext(connection) as queries:
                assert carla.get(url(cast, name, course.public_id)).status_code == 200
            found.append(len(queries))
        return found

    leaves(cast, closed(cast, course))
    before = taken()
    for _ in range(3):
        leaves(cast, closed(cast, course))
    assert taken() == before
