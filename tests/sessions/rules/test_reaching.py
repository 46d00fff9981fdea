"""By which way a patient is reached: what they agreed to, in their order, past what failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sessions.rules.reaching import HowToReach, order_of, rung_instead, way_for, why_not

AT = datetime(2026, 3, 10, tzinfo=UTC)
BOTH = HowToReach(email="p@example.org", text_number="+12025550123", email_allowed=True, text_allowed=True)


@pytest.mark.parametrize(
    ("how", "channel", "purpose", "reason"),
    [
        (None, "email", "check_in", "no_address"),
        (replace(BOTH, email=""), "email", "check_in", "no_address"),
        (replace(BOTH, email_allowed=False), "email", "check_in", "no_consent_to_mail"),
        (replace(BOTH, email_stopped_at=AT), "email", "check_in", "stopped_by_patient"),
        (replace(BOTH, text_number=""), "text", "check_in", "no_number"),
        (replace(BOTH, text_allowed=False), "text", "check_in", "no_consent_to_texts"),
        (replace(BOTH, text_stopped_at=AT), "text", "visit_reminder", "stopped_by_patient"),
        (replace(BOTH, texts_possible=False), "text", "visit_reminder", "no_texts_here"),
        (replace(BOTH, shared_phone=True), "text", "check_in", "shared_phone"),
        (replace(BOTH, shared_phone=True), "text", "visit_reminder", None),
        (replace(BOTH, declined=["text:check_in"]), "text", "check_in", "declined_for_this"),
        (replace(BOTH, declined=["text:check_in"]), "text", "visit_reminder", None),
        (replace(BOTH, declined=["text:check_in"]), "email", "check_in", None),
    ],
)
def test_consent_is_per_purpose_and_channel(
    how: HowToReach | None, channel: str, purpose: str, reason: str | None
) -> None:
    assert why_not(how, channel, purpose) == reason


@pytest.mark.parametrize(
    ("order", "preferred", "tried"),
    [
        ((), "", ("text", "email")),
        ((), "email", ("email", "text")),
        (("email",), "", ("email", "text")),
        (("email", "text"), "text", ("email", "text")),
        (("text", "phone", "email"), "", ("text",)),
        (("phone",), "email", ()),
    ],
)
def test_the_patients_order_comes_before_the_protocols(
    order: tuple[str, ...], preferred: str, tried: tuple[str, ...]
) -> None:
    assert order_of(replace(BOTH, order=order), preferred=preferred) == tried


@pytest.mark.parametrize(
    ("how", "failed", "way"),
    [
        (BOTH, (), ("text", "")),
        (BOTH, ("text",), ("email", "")),
        (BOTH, ("text", "email"), (None, "not_delivered")),
        (replace(BOTH, text_stopped_at=AT), (), ("email", "")),
        (replace(BOTH, text_allowed=False, email_stopped_at=AT), (), (None, "stopped_by_patient")),
        (replace(BOTH, order=("phone",)), (), (None, "a_person_rings")),
        (replace(BOTH, order=("text", "phone"), text_stopped_at=AT), (), (None, "stopped_by_patient")),
    ],
)
def test_what_failed_goes_by_the_next_way_and_then_to_a_person(
    how: HowToReach, failed: tuple[str, ...], way: tuple[str | None, str]
) -> None:
    assert way_for(how, "visit_reminder", failed=failed) == way


TEXT_THEN_CALL = replace(BOTH, order=("text", "phone"))


@pytest.mark.parametrize(
    ("how", "rung"),
    [
        pytest.param(replace(BOTH, order=("phone",)), True, id="a call and nothing else"),
        pytest.param(replace(TEXT_THEN_CALL, text_stopped_at=AT), True, id="a stop is a stop of texts"),
        pytest.param(replace(TEXT_THEN_CALL, text_allowed=False), True, id="no texts agreed to"),
        pytest.param(replace(TEXT_THEN_CALL, texts_possible=False), True, id="the clinic texts no more"),
        pytest.param(replace(TEXT_THEN_CALL, declined=["text:visit_reminder"]), False, id="not about this"),
        pytest.param(replace(BOTH, text_stopped_at=AT, email_stopped_at=AT), False, id="no call is named"),
        pytest.param(None, False, id="nothing is on record"),
    ],
)
def test_where_the_patients_order_goes_on_to_a_call_a_stop_of_texts_is_no_stop_of_calls(
    how: HowToReach | None, rung: bool
) -> None:
    channel, why = way_for(how, "visit_reminder")
    assert channel is None and rung_instead(how, why) == rung
