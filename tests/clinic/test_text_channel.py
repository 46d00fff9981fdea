"""What becomes of a text is said honestly, against a real HTTP provider that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from clinic.adapters.text import NoAnswer, RenderedText, TextChannel, TooLate, is_the_providers, signature_of
from tests.support.processes import free_port
from tests.support.text_gateway import TOKEN, Gateway, Way

NOW = datetime.now(UTC)
LINK = "https://clinic.example/p/7Kq2ZpLm4TxWc9Rb7Kq2Zp/"
TEXT = RenderedText(
    to="+12025550123", text=f"Alder: visit Tue 8 Dec, 10:00. {LINK}", sender="+12025550100", mark=LINK
)


@pytest.fixture
def channel(text_gateway: Gateway) -> Iterator[TextChannel]:
    with TextChannel() as channel:
        yield channel


def test_a_text_that_was_taken_carries_the_providers_id(channel: TextChannel, text_gateway: Gateway) -> None:
    outcome = channel.send(TEXT, key="")
    assert (outcome.verdict, outcome.detail) == ("accepted", text_gateway.last().sid)
    assert channel.send(TEXT, key="").verdict == "accepted", "over the same line"
    assert (text_gateway.last().to, text_gateway.last().body) == (TEXT.to, TEXT.text)


@pytest.mark.parametrize(
    ("way", "verdict", "detail", "taken"),
    [
        ("opted_out", "permanent", "refused-21610", 0),
        ("no_number", "permanent", "refused-21211", 0),
        ("busy", "transient", "busy-429", 0),
        ("refuse", "unknown", "broke-503", 0),
        ("break", "unknown", "broke-500", 1),
        ("drop", "unknown", None, 1),
        ("deaf", "unknown", None, 0),
        ("late", "unknown", "TimeoutError", 1),
        ("slow", "accepted", None, 1),
    ],
)
def test_each_way_of_misbehaving_is_told_apart(
    channel: TextChannel,
    text_gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
    verdict: str,
    detail: str | None,
    taken: int,
) -> None:
    text_gateway.ways = [way]
    text_gateway.late_seconds = 0.6
    if way == "late":
        monkeypatch.setattr(settings, "TEXT_TIMEOUT_SECONDS", 0.2)
    outcome = channel.send(TEXT, key="")
    assert outcome.verdict == verdict
    assert detail is None or outcome.detail == detail
    assert len(text_gateway.bodies()) == taken
    assert channel.send(TEXT, key="").verdict == "accepted", "the next one goes"


def test_a_busy_provider_is_left_alone_for_as_long_as_it_asked(
    channel: TextChannel, text_gateway: Gateway
) -> None:
    text_gateway.ways = ["busy"]
    assert channel.send(TEXT, key="").retry_after == 120


def test_a_provider_that_is_not_there_took_nothing(channel: TextChannel, settings: Any) -> None:
    settings.TEXT_URL = f"http://127.0.0.1:{free_port()}"
    assert channel.send(TEXT, key="").verdict == "transient"


def test_a_wrong_password_is_ours_to_put_right_and_fails_nobody(channel: TextChannel, settings: Any) -> None:
    settings.TEXT_TOKEN = "another"
    outcome = channel.send(TEXT, key="")
    assert (outcome.verdict, outcome.detail) == ("transient", "account-20003")


def test_a_sender_that_stood_still_with_all_but_the_text_on_the_line_says_no_more(
    channel: TextChannel, text_gateway: Gateway
) -> None:
    asked = []

    def too_late() -> bool:
        asked.append(len(text_gateway.bodies()))
        return len(asked) == 1

    with pytest.raises(TooLate):
        channel.send(TEXT, key="", too_late=too_late)
    assert channel.send(TEXT, key="", too_late=too_late).verdict == "accepted"
    assert (asked, text_gateway.bodies()) == ([0, 0], [TEXT.text])


def test_what_was_taken_is_found_by_its_link_among_hundreds(
    channel: TextChannel, text_gateway: Gateway
) -> None:
    assert channel.find(TEXT, since=NOW) is None
    text_gateway.ways = ["drop"]
    channel.send(TEXT, key="")
    for number in range(120):
        text_gateway.take({"To": TEXT.to, "From": TEXT.sender, "Body": f"another {number}"})
    found = channel.find(TEXT, since=NOW)
    assert found is not None and found.verdict == "accepted"
    assert channel.find(replace(TEXT, mark="/p/other/"), since=NOW) is None


def test_words_that_were_sent_before_are_not_taken_for_these(
    channel: TextChannel, text_gateway: Gateway
) -> None:
    same = RenderedText(to=TEXT.to, text="Alder: please call us.", sender=TEXT.sender)
    channel.send(same, key="")
    assert channel.find(same, since=NOW) is not None
    assert channel.find(same, since=datetime.now(UTC) + timedelta(minutes=5)) is None


def test_the_same_words_of_another_clinic_to_the_same_number_are_not_taken_for_these(
    channel: TextChannel, text_gateway: Gateway
) -> None:
    same = RenderedText(to=TEXT.to, text="Visit Tue 8 Dec, 10:00.", sender=TEXT.sender)
    channel.send(replace(same, sender="+12025550199"), key="")
    assert channel.find(same, since=NOW) is None
    channel.send(same, key="")
    assert channel.find(same, since=NOW) is not None


def test_a_provider_that_cannot_be_asked_is_no_proof_of_anything(
    channel: TextChannel, text_gateway: Gateway
) -> None:
    text_gateway.list_works = False
    with pytest.raises(NoAnswer):
        channel.find(TEXT, since=NOW)


def test_a_call_back_is_believed_only_with_the_signature_of_all_it_says(settings: Any) -> None:
    settings.TEXT_TOKEN = TOKEN
    url, said = "https://clinic.example/hooks/alder/texts/", [("Body", "stop"), ("From", "+1202")]
    signature = signature_of(url, said, token=TOKEN)
    assert is_the_providers(url, said, signature=signature)
    assert not is_the_providers(url, [*said, ("More", "x")], signature=signature)
    assert not is_the_providers(url + "?a=1", said, signature=signature)
    assert not is_the_providers(url, said, signature="")
    settings.TEXT_TOKEN = ""
    assert not is_the_providers(url, said, signature=signature_of(url, said, token="")), "no token, no trust"


def test_the_signature_is_the_one_that_the_provider_documents() -> None:
    """The worked example of https://www.twilio.com/docs/usage/security."""
    said = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ]
    signature = signature_of("https://mycompany.com/myapp.php?foo=1&bar=2", said, token="12345")
    assert signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
