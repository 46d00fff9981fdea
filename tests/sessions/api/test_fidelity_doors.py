"""The API's doors to fidelity review: a form, a draw, two raters, what they hand in, what is told. A rater is
shown no more than on the pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinic.models import Event
from clinic.permissions import Role
from sessions.models import ErrorMark, FidelityDraw, FidelityForm, FidelityRating, FidelityReview
from tests.sessions.api.caller import calls, fields, iso, new_id, problem
from tests.sessions.test_fidelity import AT, FULL, blinded, held, name_both, one_review, rate
from tests.support.cast import START, Cast, days, make_cast, make_person
from tests.support.clinic_day import set_clock

pytestmark = pytest.mark.django_db

__all__ = ["blinded"]  # a fixture

NOW = AT + days(1)


@pytest.fixture
def cast() -> Cast:
    """Olga runs reviews and is on no care team."""
    cast = make_cast()
    for name, role in (("Hana Hazel", Role.THERAPIST), ("Ivo Iris", Role.THERAPIST)):
        cast.people[name.split()[0].lower()] = make_person(cast.clinic, name, role)
    cast.people["olga"] = make_person(cast.clinic, "Olga Oak", Role.SUPERVISOR)
    set_clock(NOW)
    return cast


def ok(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return response.json()


def drawn(cast: Cast) -> str:
    """By the API: a form taken into use and the one session drawn; the id of its review."""
    olga = calls(cast, "olga")
    form = ok(olga.post("fidelity_forms", {"id": new_id(), "text": FULL, "reason": "Agreed."}), 201)
    body = {"id": new_id(), "form_id": form["id"], "from_at": iso(START), "until_at": iso(AT)}
    made = ok(olga.post("draw_fidelity_sessions", body), 201)
    assert ok(olga.post("draw_fidelity_sessions", body)) == made, "sent twice it is one draw"
    assert FidelityDraw.objects.count() == 1 and len(made["frame"]) == 1
    problem(olga.post("draw_fidelity_sessions", {**body, "until_at": iso(NOW)}), 422, "id-reused")
    return str(FidelityReview.objects.get().public_id)


def test_from_a_form_to_what_the_therapists_are_told_by_the_api_alone(cast: Cast) -> None:
    held(cast, "P-001")
    review = drawn(cast)
    olga, gil, hana = (calls(cast, name) for name in ("olga", "gil", "hana"))
    [listed] = ok(olga.get("fidelity_forms"))["items"]
    assert (listed["code"], listed["session_kind"]) == (FidelityForm.objects.get().code, "preparation")
    assert Event.objects.get(verb="fidelity_form_adopted").reason.text == "Agreed."
    could = {
        one["person_id"]: one["words"] for one in ok(olga.get("fidelity_raters", review=review))["items"]
    }
    assert could[str(cast.id("gil"))] == "Gil Grove" and "treated or rated" in could[str(cast.id("ada"))]
    for name in ("gil", "hana"):
        shown = ok(olga.post("fidelity_raters", {"person_id": str(cast.id(name))}, review=review))
    assert shown["raters"] == [
        {"name": "Gil Grove", "handed_in": False},
        {"name": "Hana Hazel", "handed_in": False},
    ]
    assert ok(olga.post("fidelity_video", {"reference": "Store B/17"}, review=review))["ratings"] == []

    [mine] = ok(gil.get("fidelity_ratings"))["items"]
    assert (mine["review_id"], mine["video_reference"], mine["other"]) == (review, "Store B/17", None)
    assert [one["code"] for one in mine["items"]] == ["rapport", "safety"]
    assert mine["items"][0]["anchors"], "what each score means"
    body = {"scores": {"rapport": 1, "safety": 2}, "comment": "From Gil."}
    first = ok(gil.post("fidelity_rating", body, review=review))
    assert (first["mine"]["scores"], first["other"]) == (body["scores"], None)
    assert ok(gil.post("fidelity_rating", body, review=review)) == first, "sent twice it is one rating"
    problem(gil.post("fidelity_rating", {**body, "comment": "Else."}, review=review), 409)
    alone = ok(olga.get("fidelity_review", review=review))
    assert alone["ratings"] == [] and alone["result"] is None, "one alone is shown to nobody"
    problem(olga.post("fidelity_feedback", {"id": new_id(), "text": "Well."}, review=review), 409)
    second = ok(hana.post("fidelity_rating", {"scores": {"rapport": 2, "safety": 2}}, review=review))
    assert second["other"]["scores"] == body["scores"], "once both are in"

    found = ok(olga.get("fidelity_reviews"))
    [row] = found["items"]
    assert [one["rater"] for one in row["ratings"]] == ["Gil Grove", "Hana Hazel"]
    assert float(row["result"]["mean"]) == 1.75  # (1 + 2) / 2 and (2 + 2) / 2, and the mean of these
    [agreed] = found["agreements"]
    assert (agreed["sessions"], set(agreed["kappas"])) == (1, {"rapport", "safety"})
    assert agreed["icc_two_way"] is None, "of one session nothing is said"
    told = {"id": new_id(), "text": "Well paced."}
    assert ok(olga.post("fidelity_feedback", told, review=review), 201)["feedback"][0]["author"] == "Olga Oak"
    assert len(ok(olga.post("fidelity_feedback", told, review=review))["feedback"]) == 1
    for name, sees in (("ada", 1), ("ben", 1), ("gil", 0), ("hana", 0)):
        heard = ok(calls(cast, name).get("fidelity_told"))["items"]
        assert [one["feedback"][0]["text"] for one in heard] == ["Well paced."] * sees, name


def test_what_the_operations_refuse_is_refused_here(cast: Cast) -> None:
    held(cast, "P-001")
    review = drawn(cast)
    olga, gil = calls(cast, "olga"), calls(cast, "gil")
    for name in ("fidelity_forms", "fidelity_reviews"):
        problem(gil.get(name), 403)
    for name in ("fidelity_review", "fidelity_raters"):
        problem(gil.get(name, review=review), 403)
    problem(gil.get("fidelity_rating", review=review), 404)
    problem(gil.post("fidelity_rating", {"scores": {"rapport": 1, "safety": 2}}, review=review), 404)
    problem(gil.post("fidelity_raters", {"person_id": str(cast.id("hana"))}, review=review), 404)
    unfit = problem(olga.post("fidelity_raters", {"person_id": str(cast.id("ada"))}, review=review), 400)
    assert fields(unfit) == ["rater"]
    ok(olga.post("fidelity_raters", {"person_id": str(cast.id("gil"))}, review=review))
    for scores, wrong in (
        ({"rapport": 1}, ["safety"]),
        ({"rapport": 1, "safety": 99}, ["safety"]),
        ({"rapport": 1, "safety": 1, "warmth": 1}, ["warmth"]),
    ):
        assert fields(problem(gil.post("fidelity_rating", {"scores": scores}, review=review), 422)) == wrong
    unreadable: list[Any] = [{"rapport": True, "safety": 1}, {"rapport": "1", "safety": 1}, [1, 1]]
    for sent in unreadable:
        problem(gil.post("fidelity_rating", {"scores": sent}, review=review), 400)
    form = {"id": new_id(), "text": FULL}
    for unexplained in (form, {**form, "reason": ""}):
        problem(olga.post("fidelity_forms", unexplained), 400)
    problem(olga.post("fidelity_forms", {**form, "text": "no: form", "reason": "Why not."}), 400)
    assert not FidelityRating.objects.filter(submitted_at__isnull=False).exists()


def test_a_blinded_rater_gets_neither_arm_nor_date_nor_patient_from_any_of_these_addresses(
    blinded: tuple[Cast, FidelityReview],
) -> None:
    cast, review = blinded
    course = review.session_record.course
    course.arm = "high-dose-arm"
    course.save(update_fields=["arm"])
    name_both(cast, review)
    set_clock(NOW)
    gil = calls(cast, "gil")
    ids: dict[str, Any] = {"review": review.public_id}
    answers = [
        gil.get("fidelity_ratings"),
        gil.get("fidelity_rating", **ids),
        gil.post("fidelity_rating", {"scores": {"rapport": 1, "safety": 2}}, **ids),
    ]
    rating = FidelityRating.objects.get(rater=cast.people["gil"])
    said = {"id": new_id(), "reason": "another video"}
    answers.append(gil.post("mark_rating", said, rating=rating.public_id))
    answers.append(gil.get("error_mark", mark=ErrorMark.objects.get().public_id))
    assert [one.status_code for one in answers] == [200, 200, 200, 201, 200]
    secrets = ("high-dose-arm", "P-001", str(course.public_id), iso(review.session_record.started_at)[:10])
    for answer in answers:
        shown = json.dumps(answer.json())
        for secret in secrets:
            assert secret not in shown, (answer.request["PATH_INFO"], secret)
    for name in ("fidelity_review", "fidelity_raters"):
        problem(gil.get(name, **ids), 403)
    problem(gil.get("chart", course=course.public_id), 404)


def test_the_lists_take_as_many_queries_for_five_sessions_as_for_two(cast: Cast) -> None:
    def taken() -> list[int]:
        found = []
        for who, name in (
            ("olga", "fidelity_reviews"),
            ("gil", "fidelity_ratings"),
            ("ada", "fidelity_told"),
        ):
            caller = calls(cast, who)
            with CaptureQueriesContext(connection) as queries:
                ok(caller.get(name))
            found.append(len(queries))
        return found

    def rated(*codes: str) -> None:
        for code in codes:
            held(cast, code)
        olga = calls(cast, "olga")
        form = FidelityForm.objects.get()
        body = {"id": new_id(), "form_id": str(form.public_id), "from_at": iso(START), "until_at": iso(AT)}
        ok(olga.post("draw_fidelity_sessions", body), 201)
        for review in FidelityReview.objects.filter(ratings=None):
            name_both(cast, review)
            for name in ("gil", "hana"):
                rate(cast, review, name, 1)
            told = {"id": new_id(), "text": "Well paced."}
            ok(olga.post("fidelity_feedback", told, review=review.public_id), 201)

    one_review(cast)
    name_both(cast, FidelityReview.objects.get())
    rated("P-002")
    before = taken()
    rated("P-003", "P-004", "P-005")
    assert taken() == before
