"""The deviation log, adherence and the certified copy as files: the same numbers and rows as on their pages,
whole where they have to be, and only for whom they are."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pypdf import PdfReader

from clinic.models import Event
from clinic.permissions import Role
from sessions.models import Course, DeviationRecord, FactRecord, SessionRecord
from sessions.operations.deviations import enter_deviation
from sessions.operations.errors import confirm_error, mark_session
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.signing import sign_record
from sessions.queries.adherence import Asked
from sessions.queries.canonical import digest_of, spelled
from sessions.queries.reports.adherence_report import adherence_report
from sessions.queries.reports.deviation_log import deviation_log
from sessions.queries.supervision import Narrowed
from tests.sessions.api.caller import Caller
from tests.support.cast import START, Cast, days, enrol, make_cast, make_person
from tests.support.clinic_day import ClinicDay, make_day, set_clock
from tests.support.paper import files, sheets, standards, text_of

pytestmark = pytest.mark.django_db

AT = START + days(60)


@pytest.fixture
def day(db: None) -> ClinicDay:
    day = make_day()
    day.cast.people["ivo"] = make_person(day.cast.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return day


@pytest.fixture
def late(db: None) -> tuple[Cast, Course]:
    """A course in which nothing was done for two months."""
    cast = make_cast()
    course = enrol(cast)
    refresh_due_courses(now=AT)
    set_clock(AT)
    return cast, course


def client_of(cast: Cast, who: str) -> Client:
    client = Client()
    client.force_login(cast.people[who], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def url(cast: Cast, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(cast.clinic.slug, *args))


def take(cast: Cast, who: str, name: str, *args: object, query: str = "") -> Any:
    return client_of(cast, who).get(url(cast, name, *args) + query)


def test_the_log_is_the_same_rows_in_every_format_and_says_what_it_was_narrowed_to(day: ClinicDay) -> None:
    cast = day.cast
    enter_deviation(
        actor=cast.actor("ada", at=day.now),
        course_id=day.late.public_id,
        title="=1+1",
        description="",
        occurred_at=day.now,
        now=day.now,
    )
    for query, rows in (
        ("", DeviationRecord.objects.all()),
        ("?important=yes", DeviationRecord.objects.filter(important=True)),
        (f"?course={day.new.public_id}", DeviationRecord.objects.filter(course=day.new)),
    ):
        expected = {str(one.public_id) for one in rows}
        streamed: Any = take(cast, "carla", "deviation_log", "csv", query=query)
        read = csv.DictReader(io.StringIO(b"".join(streamed.streaming_content).decode()))
        assert {row["id"] for row in read} == expected
        head, *table = sheets(take(cast, "carla", "deviation_log", "xlsx", query=query).content)["Deviations"]
        assert head[0] == "Id" and {str(row[0]) for row in table} == expected
        text = text_of(take(cast, "carla", "deviation_log", "pdf", query=query).content)
        assert f"Deviations {len(expected)} Of them important" in text
    text = text_of(take(cast, "carla", "deviation_log", "pdf", query="?important=yes").content)
    assert "Importance important" in text and "=1+1" not in text
    everything = text_of(take(cast, "carla", "deviation_log", "pdf").content)
    assert "=1+1" in everything and "P-001" in everything and "Pat Example" not in everything
    taken = Event.objects.filter(verb="deviation_log_exported").values_list("data__format", flat=True)
    assert sorted(taken) == ["csv"] * 3 + ["pdf"] * 5 + ["xlsx"] * 3
    for form in ("csv", "pdf", "xlsx"):
        assert take(cast, "ada", "deviation_log", form).status_code == 403
        assert take(cast, "finn", "deviation_log", form).status_code == 403
    assert "log.pdf?important=yes" in take(cast, "carla", "deviations", query="?important=yes").text


def test_the_adherence_report_has_the_numbers_of_the_page_for_whoever_opens_it(day: ClinicDay) -> None:
    cast = day.cast
    for who, query in (
        ("carla", ""),
        ("ada", ""),
        ("carla", f"?therapist={cast.id('ada')}"),
        ("carla", f"?course={day.late.public_id}"),
        ("dov", "?from_on=2027-03-20&until_on=2027-04-02"),
    ):
        page = take(cast, who, "adherence", query=query).context
        found = files(take(cast, who, "adherence_report", "csv", query=query).content)
        (all_,) = found["adherence"]
        total = page["total"].total
        assert (all_["met"], all_["came_due"]) == (str(total.met), str(total.came_due)), (who, query)
        assert all_["percent"] == ("" if page["total"].percent is None else str(page["total"].percent))
        shown = {one.name: (str(one.total.met), str(one.total.came_due)) for one in page["kinds"]}
        assert sorted(shown.values()) == sorted((row["met"], row["came_due"]) for row in found["kinds"])
        assert [int(row["departures"]) for row in found["causes"]] == [
            count for _w, count, _a in page["causes"]
        ]
        assert ("therapists" in found) is (who != "ada"), "side by side only for who sees the whole clinic"
    text = text_of(take(cast, "carla", "adherence_report", "pdf").content)
    assert "no percentage is given: small numbers mislead" in text and "Met in their window" in text
    assert "report.pdf" in take(cast, "ada", "adherence").text
    for who in ("eve", "finn"):
        assert take(cast, who, "adherence_report", "pdf").status_code == 403
    other = make_cast("birch")
    address = f"?course={day.late.public_id}"
    assert take(other, "carla", "adherence_report", "pdf", query=address).status_code == 404
    assert take(cast, "gil", "adherence_report", "pdf", query=address).status_code == 404
    assert Event.objects.filter(verb="adherence_exported", clinic=cast.clinic).count() == 6


def test_a_percentage_of_too_few_is_in_no_format(late: tuple[Cast, Course]) -> None:
    cast, _course = late
    cast.clinic.small_number = 10_000
    cast.clinic.save()
    found = files(take(cast, "carla", "adherence_report", "csv").content)
    for table in ("adherence", "kinds", "versions", "months", "therapists", "pairs"):
        assert found[table] and {(row["percent"], row["low"], row["high"]) for row in found[table]} == {
            ("", "", "")
        }


def test_the_certified_copy_on_paper_keeps_what_was_entered_in_error_and_the_same_content_as_data(
    day: ClinicDay,
) -> None:
    cast = day.cast
    record = SessionRecord.objects.get(course=day.late, key="preparation.1")
    signed = sign_record(actor=cast.actor("ada", at=day.now), record_id=record.public_id, now=day.now)
    mark = mark_session(
        actor=cast.actor("ada", at=day.now),
        record_id=record.public_id,
        reason="Of somebody else",
        now=day.now,
    )
    confirm_error(actor=cast.actor("ivo", at=day.now), mark_id=mark.public_id, now=day.now)
    ordinary = text_of(take(cast, "carla", "course_record", day.late.public_id, "pdf").content)
    assert signed.digest not in ordinary and "Of somebody else" not in ordinary
    answer = take(cast, "carla", "certified_copy_file", day.late.public_id, "pdf")
    assert standards(answer.content)["pdfaid:part"] == "3"
    text = text_of(answer.content)
    assert "Of somebody else. Marked by Ada Alder, confirmed by Ivo Ivy." in text
    assert signed.digest in text and "Ada Alder therapist author" in text
    (inside,) = PdfReader(io.BytesIO(answer.content)).attachments["certified-copy.json"]
    copy = json.loads(inside)
    assert copy["digest"] == digest_of(spelled(copy["content"])) and copy["digest"] in text
    assert len(copy["content"]["facts"]) == FactRecord.every.filter(course=day.late).count()
    rows = files(take(cast, "carla", "certified_copy_file", day.late.public_id, "csv").content)
    assert len(rows["facts"]) == FactRecord.every.filter(course=day.late).count()
    assert {row["entered_in_error"] for row in rows["sessions"]} == {"yes", "no"}
    for who, status in (("ada", 403), ("gil", 404), ("eve", 403)):
        assert take(cast, who, "certified_copy_file", day.late.public_id, "pdf").status_code == status
    page = take(cast, "carla", "audit", day.late.public_id).text
    assert "certified-copy.pdf" in page and "certified-copy/" in page
    take(cast, "carla", "certified_copy", day.late.public_id)
    taken = Event.objects.filter(verb="certified_copy_exported").values_list("data__format", flat=True)
    assert sorted(taken) == ["csv", "json", "pdf"]


def test_by_the_api_the_log_adherence_and_the_copy_are_files_too(late: tuple[Cast, Course]) -> None:
    cast, course = late
    carla = Caller(slug=cast.clinic.slug, person=cast.people["carla"])
    answer = carla.post("take_deviation_log", {"form": "csv", "important": True})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["id"] for row in rows} == {
        str(one.public_id) for one in DeviationRecord.objects.filter(important=True)
    }
    answer = carla.post("take_adherence", {"form": "xlsx", "until_on": "2027-12-31"})
    assert ["Until on", "2027-12-31"] in sheets(answer.content)["Adherence report"]
    answer = carla.post("take_certified_copy", {"form": "pdf"}, course=course.public_id)
    assert "certified-copy.json" in PdfReader(io.BytesIO(answer.content)).attachments
    ada = Caller(slug=cast.clinic.slug, person=cast.people["ada"])
    assert ada.post("take_deviation_log", {"form": "csv"}).status_code == 403
    assert ada.post("take_adherence", {"form": "pdf"}).status_code == 200
    assert ada.post("take_certified_copy", {"form": "pdf"}, course=course.public_id).status_code == 403


def test_more_rows_cost_the_lists_no_more_queries(late: tuple[Cast, Course]) -> None:
    cast, course = late
    carla = cast.actor("carla", at=AT)

    def asked() -> list[int]:
        counts = []
        for number in range(2):
            with CaptureQueriesContext(connection) as captured:
                if number:
                    deviation_log(carla, Narrowed(), now=AT)
                else:
                    adherence_report(carla, Asked(), now=AT)
            counts.append(len(captured))
        return counts

    asked()
    few = asked()
    for number in range(6):
        enter_deviation(
            actor=cast.actor("ada", at=AT),
            course_id=course.public_id,
            title=f"No. {number}",
            description="",
            occurred_at=AT,
            now=AT,
        )
    enrol(cast, "P-002")
    refresh_due_courses(now=AT)
    assert asked() == few
