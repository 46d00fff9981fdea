"""A report of a deviation that was recorded as made in error: its clock is open again, whoever looks, and the
audit and the certified copy keep what was said."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import Forbidden, Incomplete, NotFound, NotNow
from clinic.models import Event
from sessions.models import DeviationRecord, DeviationReport, EnteredInError, ErrorMark, StaffTask
from sessions.operations import closing, review
from sessions.operations.deviations import enter_deviation
from sessions.operations.errors import confirm_error, mark_deviation, mark_report
from sessions.operations.reporting import end_clock, record_report
from sessions.queries.errors import audit, marks_to_settle
from sessions.queries.supervision import deviation as read_deviation
from sessions.queries.tasks import task, tasks
from sessions.rules.reporting import AppliesTo
from tests.sessions.api.caller import calls, new_id, problem
from tests.sessions.test_reporting_clocks import a_clock
from tests.support.cast import START, Cast, days, enrol
from tests.support.clinic_day import set_clock
from tests.support.departed import make_reviewers
from tests.support.paper import files, text_of

pytestmark = pytest.mark.django_db

NOW = START + days(1)
HOUR = timedelta(hours=1)
LATER = NOW + 3 * HOUR
WRONG = "the letter was about another patient"


@pytest.fixture
def cast() -> Cast:
    return make_reviewers()


@pytest.fixture
def row(cast: Cast) -> DeviationRecord:
    """A free-form deviation of which the board is told, by Carla, with the reference S-1."""
    a_clock(cast, applies_to=AppliesTo.EVERY)
    course = enrol(cast)
    found = enter_deviation(
        actor=cast.actor("ada", at=NOW),
        course_id=course.public_id,
        title="Held without the lamp",
        description="",
        occurred_at=NOW - HOUR,
        now=NOW,
    )
    made(cast, DeviationReport.objects.get())
    set_clock(LATER)
    return found


def made(
    cast: Cast, report: DeviationReport, *, by: str = "carla", reference: str = "S-1"
) -> DeviationReport:
    return record_report(
        actor=cast.actor(by, at=NOW),
        report_id=report.public_id,
        reported_at=NOW,
        reference=reference,
        now=NOW,
    )


def asked(cast: Cast, report: DeviationReport, by: str = "carla") -> ErrorMark:
    return mark_report(actor=cast.actor(by, at=NOW), report_id=report.public_id, reason=WRONG, now=NOW)


def leaves(cast: Cast, report: DeviationReport, by: str = "ivo") -> ErrorMark:
    mark = asked(cast, report)
    return confirm_error(actor=cast.actor(by, at=NOW + HOUR), mark_id=mark.public_id, now=NOW + HOUR)


def url(name: str, *of: object) -> str:
    return reverse(f"sessions:{name}", args=["alder", *of])


# --- the clock is open again ---


def test_its_clock_is_open_again_with_the_day_it_had_and_a_task(cast: Cast, row: DeviationRecord) -> None:
    first = DeviationReport.objects.get()
    leaves(cast, first)
    anew = DeviationReport.objects.get()
    assert (anew.instead_of, anew.due_at, anew.reported_at) == (first, first.due_at, None)
    open_one = StaffTask.objects.get(kind="deviation_report", done_at=None)
    assert (open_one.subject[:36], open_one.act_by) == (str(anew.public_id), first.due_at)
    first.refresh_from_db()
    assert (first.reference, first.reported_by) == ("S-1", cast.people["carla"]), "as it was said"
    verbs = Event.objects.filter(subject_type__in=["deviationreport", "errormark"]).order_by("pk")
    assert list(verbs.values_list("verb", flat=True))[-4:] == [
        "deviation_reported",
        "error_marked",
        "record_entered_in_error",
        "deviation_report_due",
    ]
    made(cast, anew, reference="S-2")
    assert not StaffTask.objects.filter(kind="deviation_report", done_at=None).exists()
    leaves(cast, anew)
    assert DeviationReport.objects.get().instead_of == anew, "and once more"


def test_it_is_open_again_though_its_clock_was_ended_for_what_comes(cast: Cast, row: DeviationRecord) -> None:
    first = DeviationReport.objects.get()
    end_clock(
        actor=cast.actor("finn", at=NOW), clock_id=first.clock.public_id, reason="another board", now=NOW
    )
    leaves(cast, first)
    assert DeviationReport.objects.get().reported_at is None


def test_a_review_that_was_closed_with_it_is_reopened_and_its_signature_stays(
    cast: Cast, row: DeviationRecord
) -> None:
    carla = cast.actor("carla", at=NOW)
    review.acknowledge_deviation(actor=carla, deviation_id=row.public_id, comment="Seen.", now=NOW)
    closing.close_deviation(actor=carla, deviation_id=row.public_id, comment="All is said.", now=NOW)
    leaves(cast, DeviationReport.objects.get())
    row.refresh_from_db()
    assert (row.reviewed_at, row.reopened_at) == (None, NOW + HOUR)
    assert list(closing.unproved_closures()) == []
    assert Event.objects.get(verb="deviation_reopened", subject_id=row.pk).reason_code == "report_in_error"
    client = Client()
    client.force_login(cast.people["carla"])
    page = client.get(reverse("sessions:deviation", args=["alder", row.public_id])).content.decode()
    assert "A report that was recorded as made in error is to be made." in page
    with pytest.raises(Incomplete):
        closing.close_deviation(
            actor=cast.actor("ivo", at=LATER), deviation_id=row.public_id, comment="Again.", now=LATER
        )


def test_what_left_can_neither_be_made_nor_marked_again(cast: Cast, row: DeviationRecord) -> None:
    first = DeviationReport.objects.get()
    leaves(cast, first)
    with pytest.raises(NotFound):
        made(cast, first, reference="S-9")
    with pytest.raises(NotFound):
        asked(cast, first)
    with pytest.raises(NotNow, match="Nobody has said"):
        asked(cast, DeviationReport.objects.get(), by="carla")


# --- two people ---


def test_who_recorded_it_says_so_and_does_not_confirm_it(cast: Cast, row: DeviationRecord) -> None:
    report = DeviationReport.objects.get()
    for name, refused in (("ivo", Forbidden), ("ada", Forbidden), ("gil", NotFound)):
        with pytest.raises(refused):
            asked(cast, report, by=name)
    mark = asked(cast, report)
    listed = {
        name: [one.mark_id for one in marks_to_settle(cast.actor(name, at=NOW), now=NOW)[0]]
        for name in ("carla", "ivo")
    }
    assert listed == {"carla": [], "ivo": [mark.public_id]}
    with pytest.raises(Forbidden):
        confirm_error(actor=cast.actor("carla", at=NOW), mark_id=mark.public_id, now=NOW)


def test_one_whose_deviation_left_before_waits_no_more(cast: Cast, row: DeviationRecord) -> None:
    mark = asked(cast, DeviationReport.objects.get())
    other = mark_deviation(actor=cast.actor("ada", at=NOW), deviation_id=row.public_id, reason=WRONG, now=NOW)
    ivo = cast.actor("ivo", at=NOW)
    confirm_error(actor=ivo, mark_id=other.public_id, now=NOW)
    assert marks_to_settle(ivo, now=NOW)[0] == []
    with pytest.raises(NotNow, match="has left with it"):
        confirm_error(actor=ivo, mark_id=mark.public_id, now=NOW)


def test_no_sql_asks_for_a_report_anew_nor_takes_one_out_without_two_people(
    cast: Cast, row: DeviationRecord
) -> None:
    first = DeviationReport.objects.get()
    with pytest.raises(DatabaseError, match="only when the first was entered in error"), transaction.atomic():
        DeviationReport.objects.create(
            clinic=cast.clinic,
            deviation=row,
            clock=first.clock,
            opened_at=NOW,
            due_at=NOW,
            instead_of=first,
        )
    mark = asked(cast, first)
    with pytest.raises(DatabaseError, match="only with a confirmed mark"), transaction.atomic():
        EnteredInError.objects.create(clinic=cast.clinic, mark=mark, report=first)


# --- every view, and what keeps it ---


def test_no_page_list_task_or_file_shows_it_and_the_audit_and_the_copy_do(
    cast: Cast, row: DeviationRecord, client: Client
) -> None:
    leaves(cast, DeviationReport.objects.get())
    carla = cast.actor("carla", at=LATER)
    found = read_deviation(carla, row.public_id, now=LATER)
    assert [one.reported_at for one in found.reports] == [None]
    assert found.standing.open_reports == 1
    client.force_login(cast.people["carla"])
    page = client.get(url("deviation", row.public_id)).content.decode()
    assert "S-1" not in page and "It was reported" in page
    assert "S-1" not in json.dumps(calls(cast, "carla").get("deviation", deviation=row.public_id).json())
    [done] = [one for one in tasks(carla, now=LATER, done=True) if one.kind == "deviation_report"]
    assert task(carla, done.task_id, now=LATER).deviation_id is None, "it follows from nothing any more"
    assert "S-1" not in client.get(url("tasks")).content.decode()
    _course, [kept] = audit(carla, row.course.public_id, now=LATER)
    assert kept.report is not None and kept.report.reference == "S-1" and kept.row.what == "report"
    assert "S-1" in client.get(url("audit", row.course.public_id)).content.decode()
    copy = client.get(url("certified_copy", row.course.public_id)).json()
    first, anew = copy["content"]["deviations"][0]["reports"]
    assert (first["reference"], first["entered_in_error"]["confirmed_by"]) == ("S-1", "Ivo Ivy")
    assert (anew["reference"], anew["entered_in_error"]) == ("", None)
    paper = client.get(url("certified_copy_file", row.course.public_id, "pdf")).getvalue()
    assert "S-1 (entered in error" in text_of(paper)
    tables = files(client.get(url("certified_copy_file", row.course.public_id, "csv")).getvalue())
    assert [one["outcome"] for one in tables["actions_and_reports"]] == [
        f"S-1 (entered in error: {WRONG})",
        "",
    ]


def test_by_the_pages_it_is_marked_where_it_stands_and_answered_by_another(
    cast: Cast, row: DeviationRecord, client: Client
) -> None:
    report = DeviationReport.objects.get()
    own, link = url("deviation", row.public_id), url("report_error", report.public_id)
    for name, shown in (("carla", True), ("ivo", True), ("ben", False)):
        client.force_login(cast.people[name])
        assert (link in client.get(own).content.decode()) is shown, name
    client.force_login(cast.people["carla"])
    page = client.get(link).content.decode()
    assert "S-1" in page and own in page
    answer = client.post(link, {"reason": WRONG})
    assert (answer.status_code, answer.headers["Location"]) == (302, own)
    settling = url("error_mark", ErrorMark.objects.get().public_id)
    page = client.get(own).content.decode()
    assert settling in page and link not in page
    client.force_login(cast.people["ivo"])
    assert settling in client.get(url("today")).content.decode()
    assert "Report: " in client.get(url("error_marks")).content.decode()
    assert "S-1" in client.get(settling).content.decode()
    assert client.post(settling, {"verdict": "confirm"}).status_code == 302
    assert "S-1" not in client.get(own).content.decode()
    assert client.get(link).status_code == 404


def test_by_the_api_it_is_marked_and_confirmed(cast: Cast, row: DeviationRecord) -> None:
    report = DeviationReport.objects.get()
    carla, ivo = calls(cast, "carla"), calls(cast, "ivo")
    body = {"id": new_id(), "reason": WRONG}
    answers = [carla.post("mark_report", body, report=report.public_id) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 200]
    told = answers[0].json()
    assert (told["mark"]["what"], told["mark"]["kind"], told["report"]["reference"]) == (
        "report",
        "irb",
        "S-1",
    )
    problem(carla.post("confirm_error", {}, mark=told["mark"]["id"]), 403)
    assert ivo.post("confirm_error", {}, mark=told["mark"]["id"]).status_code == 200
    problem(carla.post("mark_report", {**body, "id": new_id()}, report=report.public_id), 404)


def test_the_page_of_a_deviation_takes_as_many_queries_however_often_it_was_reported_in_error(
    cast: Cast, row: DeviationRecord, client: Client
) -> None:
    client.force_login(cast.people["carla"])

    def taken() -> list[int]:
        found = []
        for address in (url("deviation", row.public_id), url("audit", row.course.public_id)):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(address).status_code == 200
            found.append(len(queries))
        return found

    leaves(cast, DeviationReport.objects.get())
    made(cast, DeviationReport.objects.get(), reference="S-2")
    before = taken()
    for reference in ("S-3", "S-4"):
        leaves(cast, DeviationReport.objects.get())
        made(cast, DeviationReport.objects.get(), reference=reference)
    assert taken() == before
