"""The pages that show what a version would change, move those who are ticked, and hold the legal basis."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinic import clock
from clinic.ids import uuid7
from protocols.models import LegalBasis, ProtocolVersion
from sessions.models import Course, CourseVersionMove
from tests.support.cast import Cast, enrol, make_cast
from tests.support.second_version import publish_second

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return clock.now()


@pytest.fixture
def cast(now: datetime) -> Cast:
    return make_cast(now=now - timedelta(days=1))


@pytest.fixture
def courses(cast: Cast, now: datetime) -> list[Course]:
    return [enrol(cast, f"P-00{number}", now=now - timedelta(hours=8)) for number in (1, 2, 3)]


@pytest.fixture
def second(cast: Cast, courses: list[Course], now: datetime) -> ProtocolVersion:
    return publish_second(cast, now=now - timedelta(hours=1))


def _preview(version: ProtocolVersion) -> str:
    return f"/c/alder/protocols/{version.protocol.public_id}/preview/?version={version.version}"


def _as(client: Client, cast: Cast, name: str) -> Client:
    client.force_login(cast.people[name])
    return client


def test_the_preview_names_each_patient_with_the_dates_now_and_then_and_moves_nobody(
    client: Client, cast: Cast, courses: list[Course], second: ProtocolVersion
) -> None:
    page = _as(client, cast, "carla").get(_preview(second)).content.decode()
    for words in ("P-001", "P-002", "P-003", "Dates", "After the move", "Integration"):
        assert words in page, words
    assert not CourseVersionMove.objects.exists()


def test_where_nobody_follows_another_version_the_preview_says_so(
    client: Client, cast: Cast, now: datetime
) -> None:
    second = publish_second(cast, now=now - timedelta(hours=1))
    page = _as(client, cast, "carla").get(_preview(second)).content.decode()
    assert "there is nobody to move" in page and "0 patients" not in page and "Move the ticked" not in page


def test_many_are_shown_part_by_part_and_each_is_shown_once(
    client: Client, cast: Cast, courses: list[Course], now: datetime
) -> None:
    for number in range(4, 24):
        enrol(cast, f"P-0{number:02}", now=now - timedelta(hours=8))
    second = publish_second(cast, now=now - timedelta(hours=1))
    page = _as(client, cast, "carla").get(_preview(second)).content.decode()
    assert "23 patients in treatment follow another version." in page
    addresses = [unescape(found) for found in re.findall(r'hx-get="([^"]+)"', page)]
    assert addresses == [unescape(found) for found in re.findall(r'<p hx[^>]*><a href="([^"]+)"', page)]
    parts = [
        client.get(_preview(second).partition("?")[0] + one, headers={"HX-Request": "true"}).content.decode()
        for one in addresses
    ]
    shown = [re.findall(r'<h2 id="course-[^"]+">([^<]+)</h2>', one) for one in (page, *parts)]
    assert [len(one) for one in shown] == [10, 10, 3]
    assert [code for one in shown for code in one] == [f"P-0{number:02}" for number in range(1, 24)]
    assert "<html" not in "".join(parts)
    # Without a script a part is a page of its own.
    alone = client.get(_preview(second).partition("?")[0] + addresses[1]).content.decode()
    assert "<html" in alone and "P-023" in alone and "P-001" not in alone and "Show all of them" in alone


def test_who_was_ticked_in_a_part_stays_ticked_when_nobody_could_be_moved(
    client: Client, cast: Cast, courses: list[Course], now: datetime
) -> None:
    late = [enrol(cast, f"P-0{number:02}", now=now - timedelta(hours=8)) for number in range(4, 14)]
    second = publish_second(cast, now=now - timedelta(hours=1))
    _as(client, cast, "carla")
    ticked = {"course": [str(courses[0].public_id), str(late[-1].public_id)], "reason": " "}
    page = client.post(_preview(second), ticked).content.decode()
    assert f'value="{courses[0].public_id}" checked' in page
    (address,) = (unescape(found) for found in re.findall(r'hx-get="([^"]+)"', page))
    part = client.get(_preview(second).partition("?")[0] + address).content.decode()
    assert f'value="{late[-1].public_id}" checked' in part
    assert part.count(" checked") == 1


def test_the_ticked_are_moved_with_the_reason_and_a_move_is_taken_back(
    client: Client, cast: Cast, courses: list[Course], second: ProtocolVersion
) -> None:
    _as(client, cast, "carla")
    said = {"course": [str(courses[0].public_id)], "reason": "Shorter windows."}
    assert client.post(_preview(second), said).status_code == 302
    (moved,) = CourseVersionMove.objects.all()
    assert (moved.course_id, moved.reason) == (courses[0].pk, "Shorter windows.")
    assert "P-001" not in client.get(_preview(second)).content.decode()
    undo = f"/c/alder/courses/{courses[0].public_id}/undo-version-move/"
    assert client.get(undo).status_code == 405
    chart = f"/c/alder/courses/{courses[0].public_id}/"
    assert undo in client.get(chart).text and "1.0 → 2.0" in client.get(chart).text
    client.force_login(cast.people["ada"])
    assert undo not in client.get(chart).text and "1.0 → 2.0" in client.get(chart).text
    client.force_login(cast.people["carla"])
    client.post(undo, {"reason": "Too early."})
    courses[0].refresh_from_db()
    assert courses[0].protocol_version_id != second.pk


@pytest.mark.parametrize(
    ("said", "status"),
    [({"reason": "x", "course": ["nonsense"]}, 400), ({"reason": " "}, 422)],
    ids=["no course", "no reason"],
)
def test_what_cannot_be_moved_is_refused_with_words_and_moves_nobody(
    client: Client,
    cast: Cast,
    courses: list[Course],
    second: ProtocolVersion,
    said: dict[str, list[str] | str],
    status: int,
) -> None:
    answer = _as(client, cast, "carla").post(_preview(second), said)
    assert answer.status_code == status
    assert not CourseVersionMove.objects.exists()


def test_who_may_not_move_courses_sees_no_patient_and_moves_nobody(
    client: Client, cast: Cast, courses: list[Course], second: ProtocolVersion
) -> None:
    _as(client, cast, "ada")
    assert "P-001" not in client.get(_preview(second)).content.decode()
    client.post(_preview(second), {"course": [str(courses[0].public_id)], "reason": "I want to."})
    assert not CourseVersionMove.objects.exists()


def test_the_protocols_page_says_who_is_treated_by_it(
    client: Client, cast: Cast, courses: list[Course], second: ProtocolVersion
) -> None:
    address = f"/c/alder/protocols/{second.protocol.public_id}/"
    page = _as(client, cast, "carla").get(address).content.decode()
    assert "0 patients in treatment follow this version." in page
    assert "3 follow another version of it." in page
    assert "/preview/" in page


def test_a_preview_asks_the_same_number_of_queries_for_one_course_and_for_three(
    client: Client,
    cast: Cast,
    courses: list[Course],
    second: ProtocolVersion,
) -> None:
    _as(client, cast, "carla")
    client.get(_preview(second))
    with CaptureQueriesContext(connection) as three:
        client.get(_preview(second))
    moved = {"course": [str(one.public_id) for one in courses[1:]], "reason": "Two of them."}
    client.post(_preview(second), moved)
    with CaptureQueriesContext(connection) as one:
        client.get(_preview(second))
    assert len(three) <= len(one) + 1  # the message that two were moved is shown once


def test_an_administrator_records_a_legal_basis_and_nobody_else(
    client: Client, cast: Cast, second: ProtocolVersion
) -> None:
    address = f"/c/alder/protocols/{second.protocol.public_id}/legal-basis/"
    said = {
        "public_id": str(uuid7()),
        "kind": "permit",
        "number": "P-17/2026",
        "scope": "MDMA for PTSD, at this clinic",
        "valid_from": "2026-01-01",
        "valid_until": "",
        "reason": "The permit came.",
    }
    before = LegalBasis.objects.count()
    assert _as(client, cast, "ada").post(address, said).status_code == 403
    assert _as(client, cast, "finn").post(address, said).status_code == 302
    assert client.post(address, said).status_code == 302  # a double click
    assert LegalBasis.objects.count() == before + 1
    assert "P-17/2026" in client.get(address).content.decode()
    assert client.post(address, {**said, "public_id": str(uuid7()), "number": ""}).status_code == 400
    wrong_way = {**said, "public_id": str(uuid7()), "valid_until": "2025-01-01"}
    answer = client.post(address, wrong_way)
    assert answer.status_code == 400
    assert "end before it begins" in answer.content.decode()
    row = LegalBasis.objects.get(number="P-17/2026")
    client.post(address, {"revoke": str(row.public_id), "reason": "Handed back."})
    row.refresh_from_db()
    assert row.revoked_on is not None
