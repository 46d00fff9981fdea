"""The life of a deviation by the API: from being entered to its signed closure, and each door's refusals."""

from __future__ import annotations

from typing import Any

import pytest

from sessions.models import DeviationReport, StaffTask
from tests.sessions.api.caller import Caller, calls, iso, new_id
from tests.support.cast import PASSWORD, days
from tests.support.clinic_day import ClinicDay

pytestmark = pytest.mark.django_db


def said(response: Any, status: int) -> Any:
    assert response.status_code == status, response.content
    return response.json()


def step(caller: Caller, name: str, deviation: str, status: int = 201, **more: Any) -> Any:
    body = {"id": new_id(), "comment": "As it is.", **more}
    return said(caller.post(name, body, deviation=deviation), status)


def test_a_deviation_is_entered_reviewed_corrected_reported_and_closed_by_the_api(day: ClinicDay) -> None:
    cast, at = day.cast, iso(day.now)
    ada, carla, finn = (calls(cast, name) for name in ("ada", "carla", "finn"))
    clock = {
        "id": new_id(),
        "recipient": "sponsor",
        "applies_to": "hazard",
        "count": 24,
        "unit": "hours",
        "from_next_day": True,
        "based_on": "The contract, §7",
        "reason": "The sponsor asks for it.",
    }
    said(ada.post("set_reporting_clock", clock), 403)
    assert said(finn.post("set_reporting_clock", clock), 201)["based_on"] == "The contract, §7"
    said(finn.post("set_reporting_clock", clock), 200)

    body = {
        "id": new_id(),
        "title": "We opened the window",
        "occurred_at": at,
        "foreseen": "planned",
        "hazard": True,
    }
    made = said(ada.post("enter_deviation", body, course=day.late.public_id), 201)["id"]
    said(ada.post("enter_deviation", body, course=day.late.public_id), 200)
    said(ada.post("enter_deviation", {**body, "title": "Another"}, course=day.late.public_id), 422)
    listed = said(carla.get("deviations", {"free_form": "true"}), 200)["items"]
    assert [(row["id"], row["what"], row["hazard"]) for row in listed] == [
        (made, "We opened the window", True)
    ]
    assert said(carla.get("deviations", {"free_form": "true", "important": "true"}), 200)["items"] == []
    said(carla.get("deviations", {"state": "made-up"}), 400)

    step(ada, "acknowledge_deviation", made, 403)
    step(carla, "acknowledge_deviation", made)
    classified: dict[str, Any] = {"important": True, "foreseen": "planned", "hazard": True}
    step(carla, "classify_deviation", made, 400, **{**classified, "foreseen": "guessed"})
    step(carla, "classify_deviation", made, **classified)
    step(carla, "set_cause", made, cause="outside_event")
    step(carla, "set_cause", made, 400, cause="bad_luck")
    close: dict[str, Any] = {"password": PASSWORD}
    assert step(carla, "close_deviation", made, 422, **close)["data"]["missing"] == [
        "root_cause", "actions", "effectiveness", "reports",
    ]  # fmt: skip
    step(carla, "find_root_cause", made)
    action = {
        "id": new_id(),
        "kind": "corrective",
        "what": "Mend the stove.",
        "owner_id": str(cast.id("ada")),
        "due_on": (day.now + days(5)).date().isoformat(),
    }
    agreed = said(carla.post("agree_action", action, deviation=made), 201)["id"]
    said(carla.post("agree_action", action, deviation=made), 200)
    step(carla, "plan_check", made, check_on=(day.now + days(30)).date().isoformat())
    step(carla, "judge_effect", made, 409, effective=True)
    task = StaffTask.objects.get(kind="effectiveness_check")
    said(carla.post("finish_task", {"resolution": "It did."}, task=task.public_id), 409)
    said(ada.post("finish_action", {"outcome": ""}, action=agreed), 422)
    assert said(ada.post("finish_action", {"outcome": "Mended."}, action=agreed), 200)["outcome"] == "Mended."
    step(carla, "judge_effect", made, effective=True)
    report = DeviationReport.objects.get(deviation__public_id=made)
    sent = {"reported_at": iso(day.now), "reference": "SP-9"}
    said(ada.post("record_report", sent, report=report.public_id), 403)
    said(carla.post("record_report", {**sent, "reference": ""}, report=report.public_id), 422)
    detail = said(carla.get("deviation", deviation=made), 200)
    assert detail["missing"] == ["reports"] and detail["reports"][0]["recipient"] == "sponsor"

    report.refresh_from_db()
    knew = iso(report.deviation.aware_at)
    said(carla.post("record_report", {**sent, "reported_at": knew}, report=report.public_id), 200)
    step(carla, "close_deviation", made, 403, password="not this one")
    signed = step(carla, "close_deviation", made, **close)
    assert signed["printed_name"] == "Carla Cedar" and len(signed["digest"]) == 64
    step(carla, "find_root_cause", made, 409)
    step(carla, "reopen_deviation", made)
    step(carla, "waive_parts", made, parts=["actions"])
    acts = [one["act"] for one in said(carla.get("deviation", deviation=made), 200)["reviews"]]
    assert acts == [
        "acknowledge", "classify", "set_cause", "find_root_cause", "plan_check", "judge_effect", "close",
        "reopen", "waive",
    ]  # fmt: skip


def test_many_are_acknowledged_and_a_trend_is_reviewed_by_the_api(day: ClinicDay) -> None:
    carla, at = calls(day.cast, "carla"), iso(day.now)
    made = []
    for number in (1, 2):
        body = {"id": new_id(), "title": f"No. {number}", "occurred_at": at, "foreseen": "discovered"}
        made.append(
            said(calls(day.cast, "ada").post("enter_deviation", body, course=day.late.public_id), 201)["id"]
        )
    many = {"id": new_id(), "deviations": made, "reason": "The player is old."}
    said(calls(day.cast, "ada").post("acknowledge_deviations", many), 403)
    said(carla.post("acknowledge_deviations", {**many, "reason": " "}), 422)
    assert len(said(carla.post("acknowledge_deviations", many), 201)["items"]) == 2
    assert len(said(carla.post("acknowledge_deviations", many), 200)["items"]) == 2

    trend = said(carla.get("trends"), 200)["items"][0]["id"]
    review = {"id": new_id(), "comment": "The rota is fixed.", "closes": True}
    said(calls(day.cast, "ada").post("review_trend", review, trend=trend), 404)
    said(carla.post("review_trend", review, trend=trend), 201)
    said(carla.post("review_trend", review, trend=trend), 200)
    assert said(carla.get("trend", trend=trend), 200)["trend"]["closed_at"]
    assert trend in [row["id"] for row in said(carla.get("trends", {"closed": "true"}), 200)["items"]]

    policy = {
        "id": new_id(), "days": 30, "in_clinic": 5, "in_protocol": 4, "of_therapist": 3,
        "days_off": ["2027-12-24"], "reason": "We are small.",
    }  # fmt: skip
    said(calls(day.cast, "ada").post("deviation_settings", policy), 403)
    finn = calls(day.cast, "finn")
    said(finn.post("deviation_settings", {**policy, "in_clinic": 1}), 400)
    said(finn.post("deviation_settings", policy), 201)
    assert said(carla.get("deviation_settings"), 200)["policy"]["days"] == 30
