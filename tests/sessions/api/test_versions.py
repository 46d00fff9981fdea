"""The API's doors to versions: the way to a published one, a preview, moves, and what allows the clinic to
follow a protocol."""

from __future__ import annotations

from typing import Any

import pytest

from clinic.models import Event, Person
from protocols.models import ProtocolVersion
from sessions.models import Course, CourseVersionMove
from tests.sessions.api.caller import Caller, calls, fields, new_id, problem
from tests.support.cast import Cast, enrol
from tests.support.second_version import second_text

pytestmark = pytest.mark.django_db


def ids(cast: Cast, version: str = "2.0") -> dict[str, Any]:
    assert cast.version is not None
    return {"protocol": cast.version.protocol.public_id, "version": version}


def ok(response: Any) -> Any:
    assert response.status_code == 200, response.content
    return response.json()


def reviewed(cast: Cast) -> None:
    """Finn writes the second version, Carla approves it."""
    ok(calls(cast, "finn").post("save_draft", {"document": second_text()}))
    ok(calls(cast, "finn").post("send_for_review", **ids(cast)))
    ok(calls(cast, "carla").post("approve_version", {"comment": "Good."}, **ids(cast)))


def published(cast: Cast) -> None:
    reviewed(cast)
    dov = calls(cast, "dov")
    asked = ok(dov.get("version_figures", **ids(cast)))["items"]
    figures = [{"path": one["path"], "text": one["text"]} for one in asked]
    ok(dov.post("version_figures", {"figures": figures}, **ids(cast)))
    ok(calls(cast, "carla").post("publish_version", **ids(cast)))


def test_a_version_goes_from_draft_to_published(cast: Cast) -> None:
    reviewed(cast)
    carla = calls(cast, "carla")
    missing = problem(carla.post("publish_version", **ids(cast)), 422, "figures-not-confirmed")
    needs = {one["path"]: (one["text"], one["needs"]) for one in missing["data"]["figures"]}
    assert needs["dose.max_per_course"] == ("480 mg", "confirmed")
    dov = calls(cast, "dov")
    asked = ok(dov.get("version_figures", **ids(cast)))["items"]
    assert asked[0]["answered"] is None
    assert any(one["before"] == {**one["before"], "version": "1.0"} for one in asked if one["before"])
    figures = [{"path": one["path"], "text": one["text"]} for one in asked]
    answered = ok(dov.post("version_figures", {"figures": figures}, **ids(cast)))["items"]
    assert {one["answered"]["person"] for one in answered} == {"Dov Dale"}
    body = ok(carla.post("publish_version", **ids(cast)))
    assert (body["status"], body["approved_by"]) == ("published", "Carla Cedar")
    assert [one["step"] for one in ok(carla.get("version_reviews", **ids(cast)))["items"]] == [
        "sent",
        "approved",
    ]
    lines = ok(carla.get("compare_versions", {"with": "1.0"}, **ids(cast)))["items"]
    assert "Integration meeting 2 of each cycle: window 5-10 days → 4-9 days" in {
        one["sentence"] for one in lines
    }
    problem(carla.post("retire_version", **ids(cast)), 422)
    ok(carla.post("retire_version", {"comment": "The trial is over."}, **ids(cast)))
    assert Event.objects.get(
        verb="protocol_retired", actor_id=cast.people["carla"].pk, reason__text="The trial is over."
    )


def test_refusals_say_what_is_wrong(cast: Cast) -> None:
    finn, carla = calls(cast, "finn"), calls(cast, "carla")
    problem(finn.post("save_draft", {"document": "format: 1\n"}), 400, "protocol-document")
    problem(calls(cast, "ada").post("save_draft", {"document": second_text()}), 403)
    ok(finn.post("save_draft", {"document": second_text()}))
    problem(carla.post("approve_version", **ids(cast)), 409)
    ok(finn.post("send_for_review", **ids(cast)))
    problem(finn.post("approve_version", **ids(cast)), 403, "author-approves")
    problem(finn.post("discard_draft", **ids(cast)), 409)
    assert fields(problem(carla.post("return_version", {}, **ids(cast)), 422)) == ["comment"]
    ok(carla.post("return_version", {"comment": "A slip in the windows."}, **ids(cast)))
    problem(carla.get("compare_versions", **ids(cast)), 400)
    problem(carla.get("compare_versions", {"with": "9"}, **ids(cast)), 404)
    assert finn.post("discard_draft", **ids(cast)).status_code == 204
    problem(finn.post("send_for_review", **ids(cast)), 404)


def test_courses_are_previewed_moved_and_moved_back(cast: Cast) -> None:
    one, other = enrol(cast, "P-001"), enrol(cast, "P-002")
    published(cast)
    carla = calls(cast, "carla")
    seen = ok(carla.get("preview_version", **ids(cast)))
    assert {row["course_id"] for row in seen["items"]} == {str(one.public_id), str(other.public_id)}
    (row, _other) = seen["items"]
    assert row["movable"]
    assert any(change["what"].startswith("Integration meeting") for change in row["dates"])
    assert row["reconsent"] == ["treatment"]
    body = {"courses": [str(one.public_id)], "reason": "Shorter windows."}
    (moved,) = ok(carla.post("move_courses", body, **ids(cast)))["items"]
    assert (moved["from_version"], moved["to_version"], moved["reason"]) == ("1.0", "2.0", "Shorter windows.")
    assert ok(carla.post("move_courses", body, **ids(cast)))["items"] == [], "sent twice"
    assert Course.objects.get(pk=other.pk).protocol_version_id == other.protocol_version_id
    problem(calls(cast, "ada").post("move_courses", body, **ids(cast)), 403)
    back = ok(carla.post("undo_version_move", {"reason": "Too early."}, course=one.public_id))
    assert back["undoes"] == moved["id"]
    listed = ok(calls(cast, "ada").get("version_moves", course=one.public_id))["items"]
    assert [move["id"] for move in listed] == [back["id"], moved["id"]]
    problem(carla.post("undo_version_move", {"reason": "Again."}, course=one.public_id), 409)


def test_a_legal_basis_is_recorded_listed_and_revoked(cast: Cast) -> None:
    finn = calls(cast, "finn")
    assert cast.version is not None
    protocol = cast.version.protocol.public_id
    body = {
        "id": new_id(),
        "kind": "state_licence",
        "number": "OR-12",
        "scope": "Service centre",
        "valid_from": "2027-01-01",
        "valid_until": "2027-12-31",
    }
    for unexplained in (body, {**body, "reason": ""}):
        assert finn.post("legal_bases", unexplained, protocol=protocol).status_code == 400
    body["reason"] = "The licence came by post."
    first = ok(finn.post("legal_bases", body, protocol=protocol))
    assert ok(finn.post("legal_bases", body, protocol=protocol)) == first
    problem(finn.post("legal_bases", {**body, "number": "OR-13"}, protocol=protocol), 422, "id-reused")
    problem(calls(cast, "ada").post("legal_bases", {**body, "id": new_id()}, protocol=protocol), 403)
    assert [
        row["number"] for row in ok(calls(cast, "ada").get("legal_bases", protocol=protocol))["items"]
    ] == [
        "OR-12",
        "FICT-2020-7",
    ]
    revoked = ok(finn.post("revoke_legal_basis", {"reason": "Handed back."}, legal_basis=first["id"]))
    assert revoked["revoked_on"] == "2027-03-02"


# --- nobody approves what they had a hand in, whichever way they come ---------------------------------------


def by_api(caller: Caller, cast: Cast) -> None:
    problem(caller.post("approve_version", **ids(cast)), 403, "author-approves")


def by_admin(caller: Caller, cast: Cast) -> None:
    version = ProtocolVersion.objects.get(version="2.0")
    assert caller.person is not None
    Person.objects.filter(pk=caller.person.pk).update(is_staff=True, is_superuser=True)
    address = f"/admin/protocols/protocolversion/{version.pk}/change/"
    response = caller.client.post(address, {"status": "reviewed", "approved_by": str(version.author_id)})
    assert response.status_code in (302, 403, 404)


def by_orm(caller: Caller, cast: Cast) -> None:
    from django.db import IntegrityError, transaction

    version = ProtocolVersion.objects.get(version="2.0")
    assert caller.person is not None
    for author in version.author_ids:
        with pytest.raises(IntegrityError, match="nobody_approves_their_own_version"), transaction.atomic():
            ProtocolVersion.objects.filter(pk=version.pk).update(
                status="reviewed", approved_by_id=author, approved_at=version.drafted_at
            )
        version.refresh_from_db()
        version.status, version.approved_by_id, version.approved_at = "reviewed", author, version.drafted_at
        with pytest.raises(IntegrityError), transaction.atomic():
            version.save()
        with pytest.raises(IntegrityError), transaction.atomic():
            ProtocolVersion.objects.bulk_update([version], ["status", "approved_by", "approved_at"])


def by_sql(caller: Caller, cast: Cast) -> None:
    from django.db import DatabaseError, connection, transaction

    for sql in (
        "UPDATE protocols_protocolversion SET status = 'reviewed', approved_by_id = author_id,"
        " approved_at = now() WHERE status = 'in_review'",
        "UPDATE protocols_protocolversion SET status = 'published', approved_by_id = author_id,"
        " approved_at = now(), published_at = now() WHERE status = 'in_review'",
        "UPDATE protocols_protocolversion SET author_ids = '{}' WHERE status = 'in_review'",
        "UPDATE protocols_protocolversion SET author_id = (SELECT min(id) FROM clinic_person),"
        " author_ids = ARRAY[(SELECT min(id) FROM clinic_person)] WHERE status = 'in_review'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


@pytest.mark.parametrize("door", [by_api, by_admin, by_orm, by_sql])
@pytest.mark.parametrize("hands", [("carla",), ("finn", "carla"), ("carla", "finn", "carla")])
def test_nobody_who_had_a_hand_in_a_version_approves_it_by_any_door(
    cast: Cast, door: Any, hands: tuple[str, ...]
) -> None:
    for number, name in enumerate(hands):
        document = second_text().replace("Integration meeting", f"Integration meeting {number}")
        ok(calls(cast, name).post("save_draft", {"document": document}))
    ok(calls(cast, hands[-1]).post("send_for_review", **ids(cast)))
    for name in set(hands):
        door(calls(cast, name), cast)
        version = ProtocolVersion.objects.get(version="2.0")
        assert (version.status, version.approved_by_id) == ("in_review", None)
    assert not CourseVersionMove.objects.exists()
