"""What becomes of a mail is said honestly, against a real SMTP server that misbehaves."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from clinic.adapters.mail import MailChannel, RenderedMail
from tests.support.processes import free_port
from tests.support.smtp import SmtpServer

MAIL = RenderedMail(to="pat@example.org", subject="A note", text="Hello", sender_name="Alder")
KEY = "<018f0000-0000-7000-8000-00000000000a@clinic.example>"


def test_an_accepted_mail_carries_its_key_and_a_neutral_sender(smtp_server: SmtpServer) -> None:
    with MailChannel() as channel:
        assert channel.send(MAIL, key=KEY).verdict == "accepted"
        assert channel.send(MAIL, key=KEY).verdict == "accepted"
    first, second = smtp_server.wait_for(2)
    assert first.message_id == second.message_id == KEY
    assert str(first.message["From"]).startswith("Alder <")


@pytest.mark.parametrize(
    ("answer", "verdict", "detail"),
    [
        ("550 5.7.1 not wanted", "permanent", "data-refused-550"),
        ("451 4.3.0 try later", "transient", "data-refused-451"),
    ],
)
def test_a_refusal_after_the_text_is_not_an_acceptance(
    smtp_server: SmtpServer, answer: str, verdict: str, detail: str
) -> None:
    smtp_server.refuse = answer
    with MailChannel() as channel:
        outcome = channel.send(MAIL, key=KEY)
    assert (outcome.verdict, outcome.detail) == (verdict, detail)


def test_a_line_dropped_after_the_text_leaves_it_unknown_and_the_next_one_goes(
    smtp_server: SmtpServer,
) -> None:
    smtp_server.drop_after_accept = True
    with MailChannel() as channel:
        assert channel.send(MAIL, key=KEY).verdict == "unknown"
        smtp_server.drop_after_accept = False
        assert channel.send(MAIL, key=KEY).verdict == "accepted"


def test_a_server_that_answers_too_late_leaves_it_unknown(smtp_server: SmtpServer, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    smtp_server.delay_seconds = 1
    with MailChannel() as channel:
        assert channel.send(MAIL, key=KEY).verdict == "unknown"


def test_a_server_that_is_not_there_accepted_nothing(smtp_server: SmtpServer, settings: Any) -> None:
    settings.EMAIL_PORT = free_port()
    with MailChannel() as channel:
        assert channel.send(MAIL, key=KEY).verdict == "transient"


def test_a_connection_lost_between_two_mails_is_opened_again(smtp_server: SmtpServer) -> None:
    with MailChannel() as channel:
        assert channel.send(MAIL, key=KEY).verdict == "accepted"
        channel._backend.connection.sock.shutdown(socket.SHUT_RDWR)
        assert channel.send(MAIL, key=KEY).verdict == "transient"
        assert channel.send(MAIL, key=KEY).verdict == "accepted"


def test_a_line_break_in_an_address_is_refused_for_good(smtp_server: SmtpServer) -> None:
    mail = RenderedMail(to="pat@example.org\nBcc: eve@example.org", subject="A note", text="Hello")
    with MailChannel() as channel:
        assert channel.send(mail, key=KEY).verdict == "permanent"
    assert smtp_server.received == []
